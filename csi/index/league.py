"""Companies or branches of one data set against each other: levels, ranks, and leads, with what is certain about each.

Levels    0-100 points on one ruler (`csi.index.score`), or without a model the mean of the items in points
Joint     all levels come from the same replicates of the sample, so that differences have the error that they have
Ranks     limits from the differences of all pairs at once (Mogstad, Romano, Shaikh & Wilhelm 2024): with probability `level`
          every company's true rank lies within its limits. Companies that cannot be told apart share wide limits.
Best      share of the replicates in which a company is first
Lead      over the next in the table: limits hold for all pairs at once, because the data chose the pair; over one named
          competitor: limits hold for all its rivals at once
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from csi.display import Result, tidy
from csi.errors import EstimationError, known_names
from csi.index.score import MINIMUM_CELL, kish, satisfaction_index
from csi.kernel import importance
from csi.kernel.moments import domain_means
from csi.kernel.rank_intervals import Differences, differences
from csi.kernel.resample import p_value, percentile_interval, standard_error
from csi.kernel.shrinkage import ranks
from csi.structural.cases import Array
from csi.structural.fitted_model import Fit
from csi.structural.inference import Bootstrap, bootstrap
from csi.structural.sampling import sample_of
from csi.survey.survey import Survey

_OWN = (
    *("rank", "rank_low", "rank_high", "best_probability", "lead_over", "lead", "lead_low", "lead_high", "lead_p"),
    *("n_effective", "published", "note"),
)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class League(Result):
    """The league table, best first.

    Attributes
    ----------
    rows
        One row a company: the tidy columns (points) and rank with rank_low and rank_high, best_probability (to be first), lead
        over `lead_over` with limits and adjusted p value, n_effective (Kish), published and note (why not). Who is not
        published stands last, without any figure.
    construct, by
        What is compared, and the segment that holds the companies.
    against
        The competitor named; None for leads over the next.
    draws
        (B, companies published) levels in the replicates, in the order of the rows.
    """

    rows: pd.DataFrame
    construct: str
    by: str
    against: str | None
    level: float
    draws: Array

    def headline(self) -> list[str]:
        """Who leads, how surely, and what may not be told."""
        shown = self.rows[self.rows["published"]]
        first, second = shown.iloc[0], shown.iloc[1]
        lead = self.lead(first["term"], second["term"])
        alone = int((shown["rank_low"] == shown["rank_high"]).sum())
        lines = [
            f"{self.construct} by {self.by}, 0-100 points: {len(shown)} compared",
            f"{first['term']} is first with {first['estimate']:.1f}, {lead['estimate']:+.1f} on {second['term']}; best in "
            f"{first['best_probability']:.0%} of the draws",
            f"{alone} of {len(shown)} ranks are certain; rank limits hold for all at once at {self.level:.0%}",
        ]
        hidden = self.rows[~self.rows["published"]]
        return [*lines, f"{len(hidden)} not published; see 'note'"] if len(hidden) else lines

    def table(self) -> pd.DataFrame:
        """A copy of `rows`."""
        return self.rows.copy()

    def shown(self) -> pd.DataFrame:
        """The columns that decide."""
        columns = ["rank", "term", "estimate", "ci_low", "ci_high", "rank_low", "rank_high", "best_probability"]
        return self.rows[[*columns, "lead_over", "lead", "lead_low", "lead_high", "n"]]

    def lead(self, of: str, over: str) -> "pd.Series[float]":
        """Lead of one company over another in points, for a pair chosen beforehand: estimate, limits and p value.

        Raises
        ------
        EstimationError
            One of them is not published or not in the table.
        """
        names = self.rows.loc[self.rows["published"], "term"].tolist()
        for name in (of, over):
            _require(name, names, self.rows)
        a, b = names.index(of), names.index(over)
        drawn = self.draws[:, a] - self.draws[:, b]
        low, high = percentile_interval(drawn, self.level)
        found = {
            "estimate": self.rows["estimate"].iloc[a] - self.rows["estimate"].iloc[b],
            "std_error": float(standard_error(drawn)),
            "ci_low": float(low),
            "ci_high": float(high),
            "p_value": float(p_value(drawn)),
        }
        return pd.Series(found, name=f"{of} - {over}")


def league(  # noqa: PLR0913 - choices of the analysis, each by name
    source: Fit | Bootstrap | Survey,
    by: str,
    *,
    against: str | None = None,
    construct: str = "Satisfaction",
    items: Sequence[str] | None = None,
    minimum: int = MINIMUM_CELL,
    draws: int = 2000,
    seed: int = 1,
    level: float = 0.95,
) -> League:
    """Rank the companies or branches of one data set, with limits for ranks and leads.

    Parameters
    ----------
    source
        A bootstrap (its draws and level are used), a fit (which is bootstrapped), or a survey without a model: then the level is
        the mean of the items in points, from the answers given.
    by
        The segment that holds the companies.
    against
        The competitor over whom leads are given; the next in the table unless named.
    construct
        Whose index; of a survey, which items are meant, by their construct in the codebook.
    items
        Of a survey: the items themselves.
    minimum
        Companies with fewer answers are not published.
    draws, seed, level
        Of the bootstrap of a fit or a survey.

    Raises
    ------
    EstimationError, SurveyError, ModelError
        Fewer than two companies to publish; unknown segment, competitor, construct or item.

    Examples
    --------
    >>> from csi.survey.codebook import Codebook
    >>> from csi.survey.reading import survey_from_frame
    >>> book = Codebook.from_dict({
    ...     "items": [{"name": "q", "construct": "Satisfaction", "scale": {"low": 1, "high": 5}}],
    ...     "segments": [{"name": "company", "column": "company"}]})
    >>> rng = np.random.default_rng(1)
    >>> frame = pd.DataFrame({"company": ["A", "B", "C"] * 100})
    >>> frame["q"] = rng.integers(1, 5, 300) + (frame["company"] == "B")
    >>> table = league(survey_from_frame(frame, book), "company", draws=400)
    >>> table.rows[["term", "rank", "rank_low", "rank_high"]]
      term  rank  rank_low  rank_high
    0    B     1         1          1
    1    C     2         2          3
    2    A     3         2          3
    """
    if isinstance(source, Survey):
        rows, drawn = _of_survey(source, by, items or _items_of(source, construct), minimum, (draws, seed))
    elif isinstance(source, Fit | Bootstrap):
        if items is not None:
            raise EstimationError("items= is for a survey without a model; a fit measures its construct.")
        boot = source if isinstance(source, Bootstrap) else bootstrap(source, draws, seed=seed, level=level)
        index = satisfaction_index(boot.fit, boot, by=by, construct=construct, minimum=minimum)
        if index.draws is None:
            raise EstimationError("the index has no draws.")
        rows, drawn, level = index.rows, index.draws[boot.usable], boot.level
    else:
        raise EstimationError(
            f"league takes a bootstrap, a fit or a survey, not {type(source).__name__}; make a survey of a frame with "
            "csi.survey_from_frame."
        )
    shown = rows["published"].to_numpy(bool)
    order = np.argsort(-rows["estimate"].to_numpy(float)[shown], kind="stable")
    ordered = rows[shown].iloc[order]
    names = ordered["term"].tolist()
    if len(names) < 2:
        raise EstimationError(
            f"{len(names)} of {len(rows)} levels of {by!r} have {minimum} answers or more; a league needs two. Join small ones, "
            "or lower minimum=."
        )
    if against is not None:
        _require(against, names, rows)
    joint = drawn[:, shown][:, order]
    joint = joint[np.isfinite(joint).all(axis=1)]
    table = pd.concat([_ranked(ordered, joint, level, against), rows[~shown]], ignore_index=True)
    table = tidy(table.to_dict("records"), _OWN)  # type: ignore[arg-type]
    table = table.astype(dict.fromkeys(("rank", "rank_low", "rank_high"), "Int64"))
    table.attrs = {"digits": 2, "level": level, "interval": "percentile"}
    return League(table, construct, by, against, level, joint)


def _ranked(ordered: pd.DataFrame, draws: Array, level: float, against: str | None) -> pd.DataFrame:
    """Levels with intervals, ranks and leads; `draws` in the order of the rows."""
    point = ordered["estimate"].to_numpy(float)
    low, high = percentile_interval(draws, level)
    pairs = differences(point, draws, level)
    first, last = pairs.ranks()
    names = ordered["term"].tolist()
    count = len(names)
    family, rivals = pairs, [*range(1, count), None]
    if against is not None:
        rival = names.index(against)
        family, rivals = differences(point, draws, level, "each"), [None if k == rival else rival for k in range(count)]
    return ordered.assign(
        std_error=standard_error(draws),
        ci_low=low,
        ci_high=high,
        rank=np.arange(1, count + 1),
        rank_low=first,
        rank_high=last,
        best_probability=(ranks(draws) == 1).mean(axis=0),
        **_leads(family, names, rivals),
    )


def _leads(pairs: Differences, names: Sequence[str], rivals: Sequence[int | None]) -> dict[str, list[Any]]:
    """Lead of each company over its rival; the family of limits is the rival's."""
    leads: dict[str, list[Any]] = {"lead_over": ["" if r is None else names[r] for r in rivals]}
    for column, values in (
        ("lead", -pairs.estimate),
        ("lead_low", -pairs.high),
        ("lead_high", -pairs.low),
        ("lead_p", pairs.p_value),
    ):
        leads[column] = [np.nan if r is None else float(values[r, k]) for k, r in enumerate(rivals)]
    return leads


def _of_survey(
    survey: Survey, by: str, items: Sequence[str], minimum: int, how: tuple[int, int]
) -> tuple[pd.DataFrame, Array]:
    """Mean of the items in points of every level of a segment, and its draws (B, levels)."""
    for item in items:
        survey.codebook.item(item)
    scales = [survey.codebook.item(item).scale for item in items]
    low, high = (np.array([getattr(scale, end) for scale in scales]) for end in ("low", "high"))
    X = survey.answers[list(items)].to_numpy(float)
    answered = ~np.isnan(X).all(axis=1)
    segment = survey.segment(by)
    names = sorted(set(segment[answered]) - {""})
    domains = np.array([(segment == name).to_numpy() & answered for name in names]).reshape(len(names), len(segment))

    def levels(W: Array) -> Array:
        return np.asarray(importance.points(domain_means(X, W, domains), low, high).mean(axis=2))

    columns = {str(name): column for name, column in survey.respondents.items()}
    sample = sample_of(survey.design, columns, survey.base_weights, f"{survey.source.path}: ")
    draws = np.concatenate([levels(W) for W in sample.resamples(answered, *how)])
    point, sizes = levels(survey.weights[None])[0], domains.sum(axis=1)
    rows = pd.DataFrame(
        {
            "term": names,
            "n": sizes,
            "n_effective": [kish(survey.weights[domain]) for domain in domains],
            "published": sizes >= minimum,
            "note": [f"{n} answers, at least {minimum} are needed" if n < minimum else "" for n in sizes],
            "estimate": np.where(sizes >= minimum, point, np.nan),
        }
    )
    return rows, draws


def _items_of(survey: Survey, construct: str) -> list[str]:
    found = [item.name for item in survey.codebook.items_of(construct)]
    if not found:
        known = sorted({item.construct for item in survey.codebook.items if item.construct})
        raise EstimationError(
            f"no item of the codebook belongs to {construct!r}. {known_names(construct, known, 'Its constructs are')} Or name "
            "the items: items=[...]."
        )
    return found


def _require(name: str, published: Sequence[str], rows: pd.DataFrame) -> None:
    if name in published:
        return
    hidden = rows.loc[rows["term"] == name, "note"]
    why = f"is not published: {hidden.iloc[0]}." if len(hidden) else "is not in the table."
    raise EstimationError(f"{name!r} {why} {known_names(name, published, 'Published are')}")
