"""Which behaviours go with a weak indicator: what customers who answer it badly did, beside others of their tier and tenure.

Positive effects mean that the behaviour goes with weakness: a lower answer, or being dissatisfied. Each behaviour is looked at
by itself, controls held equal; all tests together are one family whose false-discovery rate is controlled. Nothing here says
what causes what.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from csi.behaviour.linkage import Linked
from csi.behaviour.signature_columns import Array, Indicator, behaviours_named, columns_of, controls_of, indicator_of
from csi.behaviour.signature_effects import Effects, design_of, effects_of
from csi.behaviour.signature_words import column_label, label_of, listed, name_of
from csi.behaviour.table import BehaviourTable
from csi.display import Result, brief, signed, tidy
from csi.errors import EstimationError, LinkError
from csi.kernel.false_discovery import benjamini_hochberg
from csi.survey.codebook import Wording
from csi.words import say

Rule = Literal["bh", "by"]
Earlier = Linked | tuple[Linked, ArrayLike]
_OWN = (
    "behaviour", "level", "kind", "found", "slope", "slope_low", "slope_high", "change", "difference", "difference_low",
    "difference_high", "bent", "bent_p", "stability", "missing_n", "status",
)  # fmt: skip
_SHAPE = ("bin", "above", "upto")
_TOLD = 5  # behaviours in the sentences


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Signature(Result):
    """What customers behind a weak indicator do, strongest first.

    Attributes
    ----------
    indicator, kind, controls
        Its name; "item", "index" (points) or "share" (dissatisfied yes or no); what was held equal.
    rows
        The tidy columns for the partial correlation with weakness (above 0: goes with weak answers) and: behaviour, level
        (against all other levels), kind ("number", "level" or "gap", of those whose value is missing), found (at the
        false-discovery rate), slope (difference of the indicator, in its own units, for a typical change) with its interval,
        change (that change: the interquartile range, 1 for a level), difference (mean of the behaviour among the weak less that
        of others, in standard deviations) with its interval, bent (not a straight line, at the same false-discovery rate) with
        bent_p, stability ("stable", "unsure", "unstable" or "" without waves), missing_n (respondents without a value), status
        (why it was not tested).
    shapes
        Mean of the indicator by fifths of each number, controls held equal: the tidy columns, bin (from 1), above and upto.
    by_wave
        The partial correlation wave by wave: the tidy columns and wave.
    n, q, rule
        Linked respondents with the indicator; false-discovery rate; "bh" (Benjamini & Hochberg 1995) or "by" (Benjamini &
        Yekutieli 2001).
    wording
        Names of the indicator and the controls in the codebook.
    """

    indicator: str
    kind: str
    controls: tuple[str, ...]
    rows: pd.DataFrame
    shapes: pd.DataFrame
    by_wave: pd.DataFrame
    n: int
    q: float
    rule: Rule
    wording: dict[str, Wording]

    @property
    def found(self) -> tuple[str, ...]:
        """The terms that go with a weak indicator or with a strong one, strongest first."""
        return tuple(self.rows.loc[self.rows["found"], "term"])

    def headline(self) -> list[str]:
        """How many behaviours stand out, what could not be tested, and what the numbers do not say."""
        tested, bent = int(self.rows["p_value"].notna().sum()), list(self.rows.loc[self.rows["bent"], "term"])
        equal = f", {' and '.join(self.controls)} held equal" if self.controls else ""
        name = {"bh": "Benjamini-Hochberg", "by": "Benjamini-Yekutieli"}[self.rule]
        lines = [
            f"Signature of {self.indicator}: {len(self.found)} of {tested} behaviours go with it in {self.n:,} linked answers"
            f"{equal} ({name}, false-discovery rate {self.q:.0%})"
        ]
        if bent:
            lines.append(f"not a straight line: {', '.join(bent[:5])}; see .shapes")
        shaky = list(self.rows.loc[self.rows["found"] & (self.rows["stability"] == "unstable"), "term"])
        if shaky:
            lines.append(f"not the same in all waves: {', '.join(shaky[:5])}; see .by_wave")
        left = self.rows[self.rows["status"] != ""]
        if len(left):
            shown = ", ".join(f"{row.term} ({row.status})" for row in left.head(3).itertuples())
            lines.append(f"not tested: {shown}{f' and {len(left) - 3} more' if len(left) > 3 else ''}")
        return [*lines, "association, not proof of cause; above 0 goes with weak answers"]

    def table(self) -> pd.DataFrame:
        """A copy of `rows`."""
        return self.rows.copy()

    def shown(self) -> pd.DataFrame:
        """The effects of what was tested; the rest stands in the table."""
        columns = [
            "term",
            "estimate",
            "ci_low",
            "ci_high",
            "p_value",
            "found",
            "slope",
            "change",
            "difference",
            "stability",
            "n",
        ]
        return self.rows.loc[self.rows["status"] == "", columns]

    def sentences(self, language: str = "en", table: BehaviourTable | None = None) -> list[str]:
        """What was found in plain words, strongest first, and that it is no proof of a cause; `table` has the wordings."""
        level = self.rows.attrs["level"]
        controls = listed([name_of(name, self.wording, language, table) for name in self.controls], language)
        own = {
            "indicator": name_of(self.indicator, self.wording, language),
            "controls": controls,
            "level": f"{100 * level:g}",
        }
        told = [self._sentence(row, own, language, table) for row in self.rows[self.rows["found"]].to_dict("records")]
        bent = [column_label(str(term), language, table) for term in self.rows.loc[self.rows["bent"], "term"]]
        if not told:
            told = [say("signature.none", language, q=f"{100 * self.q:g}", **own)]
        if bent:
            told.insert(_TOLD, say("signature.bent", language, behaviours=listed(bent[:_TOLD], language)))
        return [*told[: _TOLD + bool(bent)], say("signature.caveat", language, n=f"{self.n:,}")]

    def _sentence(self, row: dict[Any, Any], own: dict[str, str], language: str, table: BehaviourTable | None) -> str:
        side = "weaker" if row["estimate"] > 0 else "better"
        subject = {"share": "share", "item": "item"}.get(self.kind, "value")
        whom = say(
            f"signature.whom_{row['kind']}",
            language,
            behaviour=label_of(row["behaviour"], language, table),
            level=row["level"],
            change=brief(row["change"]),
        )
        size, digits = {"item": (1.0, 2), "index": (1.0, 1), "share": (100.0, 1)}[self.kind]
        spans = (("slope", "slope"), ("low", "slope_low"), ("high", "slope_high"))
        numbers = {name: signed(size * row[of], digits) for name, of in spans}
        text = say(f"signature.{side}_{subject}", language, whom=whom, **numbers, **own)
        equal = say("signature.equal", language, controls=own["controls"]) if self.controls else ""
        known = row["stability"] in ("stable", "unstable")
        return (
            text
            + equal
            + (say(f"signature.{row['stability']}", language) if known else "")
            + say("signature.stop", language)
        )


def behaviour_signature(  # noqa: PLR0913 - whose answers, what is held equal, other waves, what counts as a find
    linked: Linked,
    indicator: "str | ArrayLike",
    *,
    controls: Sequence[str] = ("tier", "tenure"),
    behaviours: Sequence[str] | None = None,
    waves: Sequence[Earlier] = (),
    name: str | None = None,
    weak: float | None = None,
    q: float = 0.10,
    rule: Rule = "bh",
    level: float = 0.95,
    draws: int = 1000,
    seed: int = 1,
) -> Signature:
    """Which behaviours go with a weak indicator, controls held equal by regression.

    Errors come from the survey's Rao-Wu bootstrap and so honour its weights, strata, clusters and margins (Rao & Wu 1988).
    Respondents without a value of a behaviour are left out of that behaviour alone and counted; where 30 or more have none,
    having none is looked at as a behaviour too. Levels of a text with fewer than 30 respondents are only part of "all others".

    Parameters
    ----------
    linked
        Answers joined to behaviour.
    indicator
        An item's name, or (survey rows,) numbers: 1 and 0 for dissatisfied or not, else an index of which more is better, such as
        `fit.index_scores["Satisfaction"]`. NaN is unknown.
    controls
        Columns of the respondents or behaviours; "tenure" also finds the only column that begins with "tenure_".
    behaviours
        Which of the linked behaviours; all that are no controls if not given.
    waves
        Other waves, in the order of time: links, or pairs of a link and its indicator where that is not an item.
    name, weak
        What to call the indicator; the highest answer that is weak, else as many from the low end as come to a third at most
        (needed for `difference` only).
    q, rule
        False-discovery rate of all tests together; "bh" (tests independent or positively dependent), or "by" (any dependence).
    level, draws, seed
        Coverage of the intervals, number of replicates and their seed.

    Raises
    ------
    EstimationError
        An unknown item, an indicator that does not vary, a named behaviour that is constant or follows from the controls.
    LinkError
        An unknown behaviour or control. `TooFewError`: fewer than 30 linked respondents with the indicator.

    Examples
    --------
    >>> import csi
    >>> rng = np.random.default_rng(1)
    >>> base = pd.DataFrame({"id": [f"C{i}" for i in range(400)], "calls": rng.poisson(2, 400), "bill": rng.gamma(4, 20, 400)})
    >>> answers = pd.DataFrame({"id": base["id"], "q": np.clip(9 - base["calls"] + rng.integers(-1, 2, 400), 1, 10)})
    >>> book = {"scale": {"low": 1, "high": 10}, "items": [{"name": "q"}], "key": "id"}
    >>> from csi.survey.reading import survey_from_frame
    >>> import ibis, pyarrow as pa
    >>> survey = survey_from_frame(answers, csi.Codebook.from_dict(book))
    >>> linked = csi.link(survey, ibis.memtable(pa.Table.from_pandas(base)), key="id", features=["calls", "bill"])
    >>> behaviour_signature(linked, "q", controls=(), draws=200).found
    ('calls',)
    """
    _require_rates(q, rule)
    own = indicator_of(linked, indicator, name, weak)
    Z, controls = controls_of(linked, controls)
    names = behaviours_named(linked, behaviours, controls)
    columns, refused = columns_of(linked, names, own.known)
    design = design_of(linked, Z, own.known, (draws, seed, level))
    found = effects_of(columns, own, design)
    if behaviours is not None:
        _require_tested(found, refused)
    else:
        _require_any(found)
    others = [(_wave_name(one, k), _in_wave(one, indicator, controls, own, names, (draws, seed, level)))
              for k, one in enumerate(waves, start=1)]  # fmt: skip
    by_wave = [*others, (_wave_name(linked, len(waves) + 1), found)]
    rows = _rows(found, _left_out(linked, refused, own), by_wave, (q, rule))
    rows.attrs = {"level": level, "interval": "wald", "digits": 3}
    shapes = tidy([row for effects in found for row in _shape_rows(effects)], _SHAPE)
    shapes.attrs = {"level": level, "interval": "wald"}
    return Signature(
        indicator=own.name,
        kind=own.kind,
        controls=controls,
        rows=rows,
        shapes=shapes,
        by_wave=_wave_rows(by_wave),
        n=int(own.known.sum()),
        q=q,
        rule=rule,
        wording=wordings_of(linked),
    )


def wordings_of(linked: Linked) -> dict[str, Wording]:
    """Names of constructs, segments and items in the survey's codebook."""
    book = linked.survey.codebook
    named = {segment.name: segment.wording for segment in book.segments}
    return {**book.constructs, **named, **{item.name: item.wording for item in book.items}}


def _require_rates(q: float, rule: str) -> None:
    if not 0 < q < 1 or rule not in ("bh", "by"):
        raise EstimationError(f"q must be above 0 and below 1 and rule 'bh' or 'by', not q={q:g}, rule={rule!r}.")


def _require_tested(found: list[Effects], refused: dict[str, str]) -> None:
    bad = refused | {effects.column.term: effects.status for effects in found if effects.status}
    if bad:
        name, why = next(iter(bad.items()))
        raise EstimationError(f"behaviour {name!r}: {why}, so nothing can be said of it. Leave it out of behaviours=.")


def _require_any(found: list[Effects]) -> None:
    if all(effects.status for effects in found):
        raise EstimationError(
            "none of the behaviours can be tested: all are constant, empty, or follow from the controls."
        )


def discoveries(p: Array, q: float, rule: Rule) -> Any:  # noqa: ANN401 - booleans
    """(m,) rejected hypotheses; "by" divides q by 1 + 1/2 + ... + 1/m (Benjamini & Yekutieli 2001)."""
    tested = int(np.count_nonzero(~np.isnan(p)))
    return benjamini_hochberg(p, q / (1 / np.arange(1, tested + 1)).sum() if rule == "by" and tested else q)


def _wave_name(one: Earlier, number: int) -> str:
    linked = one if isinstance(one, Linked) else one[0]
    return linked.survey.wave or f"wave {number}"


def _in_wave(
    one: Earlier,
    indicator: "str | ArrayLike",
    controls: Sequence[str],
    own: Indicator,
    names: list[str],
    how: tuple[int, int, float],
) -> list[Effects]:
    """The same behaviours in another wave; those it does not have are left out."""
    if isinstance(one, Linked) and not isinstance(indicator, str):
        raise LinkError(
            "the indicator is no item, so every other wave needs its own: give pairs (link, values) in waves=."
        )
    linked, values = (one, indicator) if isinstance(one, Linked) else one
    there = indicator_of(linked, values, own.name if own.kind != "item" else None, None)
    if there.kind != own.kind:
        raise EstimationError(
            f"the indicator is of kind {own.kind!r} here and {there.kind!r} in another wave. Give the same."
        )
    Z, _ = controls_of(linked, controls)
    columns, _ = columns_of(linked, [name for name in names if name in linked.features], there.known)
    return effects_of(columns, there, design_of(linked, Z, there.known, how), shapes=False)


def _rows(
    found: list[Effects],
    left_out: list[dict[str, Any]],
    by_wave: list[tuple[str, list[Effects]]],
    rate: tuple[float, Rule],
) -> pd.DataFrame:
    m = len(found)
    # What is said of a behaviour's shape is a claim too: all tests are one family.
    rejected = discoveries(np.array([e.p for e in found] + [e.shape_p for e in found]), *rate)
    rows = []
    for k, e in enumerate(found):
        row = {
            "term": e.column.term,
            "estimate": e.r,
            "std_error": e.error,
            "ci_low": e.interval[0],
            "ci_high": e.interval[1],
        }
        row |= {
            "p_value": e.p,
            "n": e.n,
            "behaviour": e.column.behaviour,
            "level": e.column.level,
            "kind": e.column.kind,
        }
        row |= dict(zip(("slope", "slope_low", "slope_high"), e.slope, strict=True))
        row |= dict(zip(("difference", "difference_low", "difference_high"), e.difference, strict=True))
        row |= {
            "found": bool(rejected[k]),
            "bent": bool(rejected[m + k]),
            "bent_p": e.shape_p,
            "change": e.column.change,
        }
        stability = _stability(
            [x for _, each in by_wave for x in each if x.column.term == e.column.term and not x.status]
        )
        rows.append(row | {"stability": "" if e.status else stability, "missing_n": e.missing, "status": e.status})
    table = tidy([*rows, *left_out], _OWN)
    order = np.argsort(-table["estimate"].abs().fillna(-1).to_numpy(float), kind="stable")
    return table.iloc[order].reset_index(drop=True)


def _left_out(linked: Linked, refused: dict[str, str], own: Indicator) -> list[dict[str, Any]]:
    """Rows of behaviours that make no column, with the reason."""
    gaps = {name: int(linked.frame.loc[own.known, name].isna().sum()) for name in refused}
    blank = {"level": "", "kind": "", "found": False, "bent": False, "stability": ""}
    return [
        blank
        | {
            "term": name,
            "behaviour": name,
            "status": why,
            "missing_n": gaps[name],
            "n": int(own.known.sum()) - gaps[name],
        }
        for name, why in refused.items()
    ]


def _stability(effects: list[Effects]) -> str:
    """Stable: one sign in all waves and intervals that meet; unstable: intervals that do not meet; else unsure."""
    if len(effects) < 2:
        return ""
    low, high = max(e.interval[0] for e in effects), min(e.interval[1] for e in effects)
    if low > high:
        return "unstable"
    return "stable" if len({e.r > 0 for e in effects}) == 1 else "unsure"


def _wave_rows(by_wave: list[tuple[str, list[Effects]]]) -> pd.DataFrame:
    return tidy(
        [
            {"term": e.column.term, "wave": wave, "estimate": e.r, "std_error": e.error, "ci_low": e.interval[0],
             "ci_high": e.interval[1], "p_value": e.p, "n": e.n}
            for wave, found in by_wave for e in found if not e.status
        ],
        ["wave"],
    )  # fmt: skip


def _shape_rows(e: Effects) -> list[dict[str, Any]]:
    ends = [-np.inf, *e.column.edges, np.inf]
    return [
        {"term": e.column.term, "estimate": mean, "std_error": error, "ci_low": low, "ci_high": high, "n": int(n), "bin": b + 1,
         "above": ends[b], "upto": ends[b + 1]}
        for b, (n, mean, error, low, high) in enumerate(e.bins)
    ]  # fmt: skip
