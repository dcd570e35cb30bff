"""SERVQUAL: service as perceived against service as expected, by item, dimension and as a whole, with paired intervals.

    gap        perception minus expectation (Parasuraman, Zeithaml & Berry 1988); with desired service as the expectation it is
               the measure of service superiority, MSS
    msa        measure of service adequacy: perception minus adequate service (Parasuraman, Zeithaml & Berry 1994)
    servperf   perception alone (Cronin & Taylor 1992), of everybody who gave it
A pair counts where both of its answers were given. A dimension is the mean of its items, `overall` the mean of all items,
`dimensions` the mean of the dimensions, `weighted` their mean by importance: by the 100 points that each respondent gave them
(Zeithaml, Parasuraman & Berry 1990), or by their shares in what they explain of an overall judgement. All rows come from the same
replicates, which keep to the design of the survey, so that differences between rows have their own right intervals.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csi.display import Result, tidy
from csi.errors import EstimationError, known_names
from csi.index.score import MINIMUM_CELL, change
from csi.index.servqual_items import WAVE, Judgements, Named, judgements_of
from csi.index.servqual_levels import OVERALL, WEIGHTED, Importance, Plan, plan_of
from csi.kernel.difference_scores import alpha_of_sum, reliability_of_difference
from csi.kernel.moments import moments
from csi.kernel.resample import p_value, percentile_interval, standard_error
from csi.structural.cases import Array, Ends
from csi.survey.codebook import wordings
from csi.survey.design import Design
from csi.survey.survey import Survey

_DIFFERENCES = ("gap", "msa")
_OWN = (
    "kind", "dimension", "measure", "level", "left_out", "published",
    "change", "change_low", "change_high", "change_p", "part",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Servqual(Result):
    """Levels and gaps of items, dimensions and the whole.

    Attributes
    ----------
    rows
        The tidy columns, in steps of the answer scale or points, and: kind ("item", "dimension", "overall", "dimensions",
        "weighted"), dimension, measure ("expectation", "perception", "gap", "servperf", "adequate", "msa", or "importance": the
        points of 100 that a dimension has), level (of the segment, or the wave; "" for everybody), left_out (pairs without one of
        their answers), published (False where too few answered). For waves change against the wave before with its interval and
        p value, and part: what the row adds to the change of the whole it belongs to, an item to its dimension's.
    reliability
        One row a dimension: items, n, alpha of expectation, perception and gap, correlation of the sums of expectations and
        perceptions, and reliability of their difference (Johns 1981). Of the last wave, or everybody.
    draws
        (B, rows) the rows in every replicate.
    by, unit
        What the levels are of; "scale" or "points".
    """

    rows: pd.DataFrame
    reliability: pd.DataFrame
    draws: Array
    by: str | None
    unit: str

    @property
    def measure(self) -> str:
        """What is watched: the gap where expectations were asked, else perception alone."""
        return "gap" if (self.rows["measure"] == "gap").any() else "servperf"

    @property
    def current(self) -> str:
        """The level that speaks for the study: everybody, or the last wave."""
        return str(self.rows["level"].iloc[-1]) if self.by == WAVE else ""

    @property
    def value(self) -> float:
        """The whole's gap (or perception, where that alone was asked), all items alike."""
        return float(self.of(kind=OVERALL)["estimate"].iloc[0])

    @property
    def interval(self) -> tuple[float, float]:
        """The interval of `value`."""
        row = self.of(kind=OVERALL).iloc[0]
        return float(row["ci_low"]), float(row["ci_high"])

    def of(self, measure: str | None = None, *, kind: str | None = None, level: str | None = None) -> pd.DataFrame:
        """The rows of one measure (the gap), one kind (all) and one level (everybody, or the last wave)."""
        measure, level = self.measure if measure is None else measure, self.current if level is None else level
        for name, value in (("measure", measure), ("level", level), ("kind", kind)):
            known = self.rows[name].unique().tolist()
            if value is not None and value not in known:
                raise EstimationError(f"there is no {name} {value!r}. {known_names(value, known, 'There are')}")
        chosen = (self.rows["measure"] == measure) & (self.rows["level"] == level)
        if kind is not None:
            chosen &= self.rows["kind"] == kind
        return self.rows[chosen].reset_index(drop=True)

    def zone(self) -> pd.DataFrame:
        """Where perception lies: one row a term with adequate, perception, desired, msa, mss, their intervals, and position.

        "below" the zone of tolerance if the interval of msa lies below 0, "above" if that of mss lies above 0, "within" if
        msa is above and mss below 0 for certain, else "unclear" (Zeithaml, Berry & Parasuraman 1993).
        """
        if not {"gap", "msa"} <= set(self.rows["measure"]):
            raise EstimationError(
                "the zone of tolerance needs adequate, desired and perceived service of the same statements: name them "
                "('adequate', 'desired', 'perception'), or write adequate_of and expectation_of in the codebook."
            )
        parts = {
            "adequate": "adequate",
            "perception": "perception",
            "expectation": "desired",
            "msa": "msa",
            "gap": "mss",
        }
        zone = self.of("gap")[["term", "kind", "dimension"]]
        for measure, name in parts.items():
            own = self.of(measure)[["term", "kind", "estimate", "ci_low", "ci_high"]]
            if name in ("msa", "mss"):
                own = own.rename(columns={"estimate": name, "ci_low": f"{name}_low", "ci_high": f"{name}_high"})
            else:
                own = own[["term", "kind", "estimate"]].rename(columns={"estimate": name})
            zone = zone.merge(own, on=["term", "kind"], how="left")
        within = (zone["msa_low"] > 0) & (zone["mss_high"] < 0)
        zone["position"] = np.select(
            [zone["msa_high"] < 0, zone["mss_low"] > 0, within], ["below", "above", "within"], "unclear"
        )
        return zone

    def changes(self, measure: str | None = None) -> pd.DataFrame:
        """What moved since the wave before: every dimension and after it the indicators that made it, largest part first.

        An indicator's `part` is what its own change adds to the change of the dimension; the parts add up to it.
        """
        if self.by != WAVE:
            raise EstimationError("changes are between waves: join them with csi.join_waves and use by='wave'.")
        rows = self.of(measure)
        rows = rows[rows["kind"].isin(["dimension", "item"])]
        place = {name: place for place, name in enumerate(dict.fromkeys(rows["dimension"]))}
        order = rows.assign(
            place=rows["dimension"].map(place), later=rows["kind"] == "item", size=-rows["part"].abs()
        ).sort_values(["place", "later", "size"], kind="stable")
        own = ["term", "kind", "dimension", "change", "change_low", "change_high", "change_p", "part", "n"]
        return order[own].reset_index(drop=True)

    def headline(self) -> list[str]:
        """Sizes, the whole, the widest and the narrowest dimension."""
        rows = self.of()
        items, dimensions = rows[rows["kind"] == "item"], rows[rows["kind"] == "dimension"]
        whole = rows[rows["kind"] == OVERALL].iloc[0]
        unit = "0-100 points" if self.unit == "points" else "steps of the scale"
        when = f"; wave {self.current}" if self.by == WAVE else ""
        lines = [
            f"SERVQUAL: {len(items)} statements in {len(dimensions)} dimensions, n = {whole['n']:,}, {unit}{when}",
            self._whole(whole),
        ]
        if len(dimensions) > 1:
            low, high = (dimensions.sort_values("estimate").iloc[end] for end in (0, -1))
            lines.append(f"Lowest {low['term']} {low['estimate']:.2f}, highest {high['term']} {high['estimate']:.2f}")
        weighted = rows[rows["kind"] == WEIGHTED]
        if len(weighted):
            row = weighted.iloc[0]
            lines.append(f"Weighted by importance {row['estimate']:.2f} ({row['ci_low']:.2f} to {row['ci_high']:.2f})")
        if not np.isnan(whole["change"]):
            within = f"({whole['change_low']:+.2f} to {whole['change_high']:+.2f})"
            lines.append(f"Change since the wave before {whole['change']:+.2f} {within}")
        if whole["left_out"]:
            what = "pairs" if self.measure == "gap" else "answers"
            lines.append(f"{whole['left_out']:,} {what} left out, for want of an answer")
        return lines

    def _whole(self, row: "pd.Series[Any]") -> str:
        within = f"({row['ci_low']:.2f} to {row['ci_high']:.2f})"
        if self.measure == "servperf":
            return f"Perception {row['estimate']:.2f} {within}; expectations were not asked"
        expected, perceived = (self.of(m, kind=OVERALL)["estimate"].iloc[0] for m in ("expectation", "perception"))
        return f"Gap {row['estimate']:.2f} {within}: perception {perceived:.2f} less expectation {expected:.2f}"

    def table(self) -> pd.DataFrame:
        """A copy of `rows`."""
        return self.rows.copy()

    def shown(self) -> pd.DataFrame:
        """The gaps of the dimensions and the whole, of waves the last; without columns that say nothing here."""
        table = self.rows[(self.rows["measure"] == self.measure) & (self.rows["kind"] != "item")]
        table = table[table["level"] == self.current] if self.by == WAVE else table
        table = table.drop(columns=["kind", "dimension", "measure", "part"])
        idle = {
            "level": self.by in (None, WAVE),
            "published": table["published"].all(),
            "left_out": not table["left_out"].any(),
        }
        return table.drop(columns=[name for name, is_idle in idle.items() if is_idle])


def servqual(  # noqa: PLR0913 - a frame says nothing of itself
    data: Survey | Any,  # noqa: ANN401 - any frame that narwhals reads
    statements: Mapping[str, Sequence[Named]] | None = None,
    *,
    importance: Importance = None,
    by: str | None = None,
    points: bool = False,
    weight: str | None = None,
    design: Design | None = None,
    scale: Ends | None = None,
    draws: int = 1000,
    seed: int = 1,
    level: float = 0.95,
    minimum: int = MINIMUM_CELL,
) -> Servqual:
    """Gaps between perceived and expected service, perceived service alone, and the zone of tolerance, with intervals.

    Parameters
    ----------
    data
        A survey (for waves: of `csi.join_waves`), or a frame with a column for each item.
    statements
        Dimension -> its statements, each ("expectation", "perception"), ("adequate", "desired", "perception") or "perception"
        alone. A survey's codebook may say the same: `dimension` at a perception, `expectation_of` and `adequate_of` at the items
        beside it.
    importance
        How much the dimensions count in the row "weighted": dimension -> column of the points (of 100) that each respondent gave
        it; or the name of an item of overall judgement, by which the dimensions' perceptions share what they explain of it
        (Shapley values of R2, Lindeman, Merenda & Gold 1980). Points are brought to a sum of 100.
    by
        None, a segment, or "wave" for levels and changes of waves in the order in which they stand. Waves are resampled apart
        unless customers (or clusters of the design) stand in several, who are then drawn for all of them at once.
    points
        Put all answers on 0-100 by the ends of their scales.
    weight, design, scale
        Of a plain frame: its weight column, sampling design and scale ends, such as (1, 7).
    draws, seed, level
        Number of replicates, their seed, coverage of the intervals.
    minimum
        Rows of a segment with fewer answers are not published.

    Raises
    ------
    EstimationError, SurveyError
        An unknown item, segment or wave, answers beyond their scale, statements on unlike scales, an unusable weight or design.

    Warns
    -----
    CsiWarning
        A statement was not asked in every wave and is left out.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> frame = pd.DataFrame({name: rng.integers(4, 8, 200) for name in ("E1", "E2", "E3")})
    >>> frame = frame.assign(P1=frame.E1 - 1, P2=frame.E2 - 2, P3=frame.E3)
    >>> result = servqual(frame, {"reliability": [("E1", "P1"), ("E2", "P2")], "empathy": [("E3", "P3")]}, draws=50)
    >>> print(result.of(kind="dimension")[["term", "estimate"]].to_string(index=False, header=False))
    reliability      -1.5
        empathy       0.0
    """
    asked = judgements_of(data, statements, scale, points, weight=weight, design=design)
    names, domains, waves = _domains(asked, by)
    asked = asked if waves is None else asked.drawn_by(waves)
    plan = plan_of(asked, importance, asked.used[None] if waves is None else domains)
    W = np.where(asked.used, asked.source.weights, 0.0)[None]
    start = plan.start(W)
    replicates = plan.replicates(asked.source.resamples(draws, seed, level), domains, start)
    counts = np.array([[plan.counts(row, domain) for row in plan.rows] for domain in domains])
    published = counts[:, :, 0] >= minimum
    published[slice(None) if waves is not None else 0] = True  # everybody and whole waves always are
    shape = (-1, len(domains) * len(plan.rows))
    columns = np.where(published, replicates, np.nan).reshape(shape)
    point = np.where(published, plan.levels(W, domains), np.nan).reshape(shape)[0]
    rows = _table(plan, names, (counts, published), (point, columns, level), waves is not None)
    survey = asked.source.survey
    items = [statement.perception for statement in asked.statements]
    rows.attrs = {"level": level, "interval": "percentile", "draws": draws, "digits": 1 if points else 2}
    rows.attrs |= {"items": wordings(survey.codebook if survey is not None else None, [], items)["items"]}
    reliability = _reliability(asked, domains[-1] if waves is not None else asked.used)
    return Servqual(rows, reliability, columns, by, asked.unit)


def _domains(asked: Judgements, by: str | None) -> tuple[list[str], NDArray[np.bool_], "pd.Series[str] | None"]:
    """Names and (D, n) members of the levels, everybody before those of a segment; the waves, if they are compared."""
    if by is None:
        return [""], asked.used[None], None
    names, column = asked.levels(by)
    domains = np.array([(column == name).to_numpy() for name in names]) & asked.used
    if by == WAVE:
        return names, domains, column
    return ["", *names], np.vstack([asked.used, domains]), None


def _table(
    plan: Plan,
    names: Sequence[str],
    behind: tuple[NDArray[np.intp], NDArray[np.bool_]],
    found: tuple[Array, Array, float],
    waves: bool,
) -> pd.DataFrame:
    counts, published = behind
    point, columns, level = found
    low, high = percentile_interval(columns, level)
    error, p = standard_error(columns), p_value(columns)
    rows: list[dict[str, Any]] = []
    for d, name in enumerate(names):
        for r, row in enumerate(plan.rows):
            k = d * len(plan.rows) + r
            n, left_out = counts[d, r]
            entry = {
                "term": row.term, "estimate": point[k], "std_error": error[k], "ci_low": low[k], "ci_high": high[k],
                "p_value": p[k] if row.measure in _DIFFERENCES else np.nan, "n": n, "kind": row.kind,
                "dimension": row.dimension, "measure": row.measure, "level": name, "left_out": left_out,
                "published": bool(published[d, r]),
            }  # fmt: skip
            if waves and d > 0:
                before = k - len(plan.rows)
                entry |= change(point[k] - point[before], columns[:, k] - columns[:, before], level)
                entry["part"] = entry["change"] * plan.part(row)
            rows.append(entry)
    return tidy(rows, _OWN)


def _reliability(asked: Judgements, domain: NDArray[np.bool_]) -> pd.DataFrame:
    """Alpha of each dimension's expectations, perceptions and gaps, and the reliability of the difference of their sums."""
    rows: list[dict[str, Any]] = []
    weights = asked.source.weights[domain][None]
    for name in asked.dimensions:
        members = asked.members(name)
        E, P = asked.expectation[domain][:, members], asked.perception[domain][:, members]
        row: dict[str, Any] = {"dimension": name, "items": len(members), "n": int((~np.isnan(P)).any(axis=1).sum())}
        if np.isnan(E).all(axis=0).any():
            row["alpha_perception"] = alpha_of_sum(moments(P, weights).cov)[0]
        else:
            both = moments(np.column_stack([P, E]), weights)
            m = len(members)
            to_gap = np.vstack([np.eye(m), -np.eye(m)])
            row |= {
                "alpha_expectation": alpha_of_sum(both.cov[:, m:, m:])[0],
                "alpha_perception": alpha_of_sum(both.cov[:, :m, :m])[0],
                "alpha_gap": alpha_of_sum(to_gap.T @ both.cov @ to_gap)[0],
            }
            difference, correlation = reliability_of_difference(both.cov)
            row |= {"correlation": correlation[0], "reliability_of_gap": difference[0]}
        rows.append(row)
    own = ["dimension", "items", "n", "alpha_expectation", "alpha_perception", "alpha_gap", "correlation"]
    return pd.DataFrame(rows, columns=[*own, "reliability_of_gap"])
