"""Why the index moved between two waves: who was asked, who answered, how items count, and what customers answered.

The difference is split exactly into
    mix         the shares of the segments changed
    response    other segments answer an item than before (only where gaps are not filled)
    weights     the items count otherwise in the index: the ruler of the earlier wave against that of the later
    scores      customers of the same segment answer otherwise; the sum of one part for each item
each the mean over all orders in which the factors can change one after the other (Shapley 1953; Das Gupta 1993). Intervals and p
values are of the same replicates, in which the weights are estimated again. Levels are points, 0-100.
"""

import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from csi.display import Result
from csi.errors import CsiWarning, EstimationError
from csi.index.wave_pairs import (
    ADDED,
    DROPPED,
    Labels,
    Pair,
    bootstraps,
    customers_of,
    drawn_together,
    pair_of,
    segments_of,
    waves_invariance,
)
from csi.index.wave_parts import (
    DIFFERENCE,
    ITEM,
    MIX,
    ONE_RULER,
    RESPONSE,
    SCORES,
    WEIGHTS,
    Parts,
    composition_of,
    parts_of,
)
from csi.kernel.decomposition import Composition
from csi.kernel.group_tests import holm
from csi.kernel.resample import p_value, percentile_interval
from csi.structural.cases import Array
from csi.structural.estimation import Fit
from csi.structural.inference import summary
from csi.structural.invariance import NONE, Invariance
from csi.survey.codebook import Wording, wordings
from csi.words import say

RELEVANT = 0.5  # points that a manager would act on
_FIXED = 1e-6  # points: what varies less is held fixed by design, as the mix is by raking, but for rounding


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Change(Result):
    """What moved the index between two waves, in points.

    Attributes
    ----------
    construct, by, waves
        Whose index, by which segments, between which waves.
    levels
        The index of both waves, each by its own weights.
    rows
        The tidy columns and: kind ("difference", "one ruler": the difference by the later wave's weights alone, "mix",
        "response", "weights", "scores": all items together, "item"), adjusted_p (that the part is not beyond `relevant`, by Holm
        over all parts), cause (whether it is named). The parts mix, response, weights and items sum to the difference.
    segments, items
        What changed behind the parts: of each segment its share and index, of each item its weight, level and share of answers,
        before and after.
    excluded
        Item -> "added" or "dropped": asked in one wave only, and left out of both.
    rescaled
        Items asked on another scale; levels are points of each wave's own scale.
    invariance
        MICOM between the waves; None if it was not asked for.
    paired
        Customers in both waves, drawn together in every replicate.
    relevant, level
        The smallest change worth naming, in points; coverage of the intervals.
    draws
        (B, rows), NaN where a replicate of either wave could not be estimated.
    """

    construct: str
    by: str | None
    waves: tuple[str, str]
    levels: tuple[float, float]
    rows: pd.DataFrame
    segments: pd.DataFrame
    items: pd.DataFrame
    excluded: Mapping[str, str]
    rescaled: tuple[str, ...]
    invariance: Invariance | None
    paired: int
    relevant: float
    level: float
    draws: Array

    @property
    def value(self) -> float:
        """The difference, each wave by its own weights."""
        return float(self.rows["estimate"].iloc[0])

    @property
    def interval(self) -> tuple[float, float]:
        """The interval of the difference."""
        return float(self.rows["ci_low"].iloc[0]), float(self.rows["ci_high"].iloc[0])

    @property
    def parts(self) -> pd.DataFrame:
        """The rows that sum to the difference: mix, response, weights and one for each item."""
        return self.rows[self.rows["kind"].isin([MIX, RESPONSE, WEIGHTS, ITEM])].reset_index(drop=True)

    @property
    def causes(self) -> tuple[str, ...]:
        """Terms of the parts that stand out, the largest first; empty if none does."""
        named = self.rows[self.rows["cause"]]
        return tuple(named.loc[named["estimate"].abs().sort_values(ascending=False, kind="stable").index, "term"])

    @property
    def comparable(self) -> bool:
        """Whether the construct means the same in both waves (MICOM step 2), as far as it was tested."""
        return self.invariance is None or str(self.invariance.verdicts.loc[self.construct].iloc[0]) != NONE

    def sentences(self, language: str = "en") -> list[str]:
        """The causes in plain words, the largest first."""
        found = [self._sentence(term, language) for term in self.causes]
        if found:
            return found
        parts, used = int(self.rows["adjusted_p"].notna().sum()), int(np.isfinite(self.draws[:, 0]).sum())
        least = int(np.ceil(2 * parts / (1 - self.level)))  # a p value from B draws is 2/(B + 1) or more
        if used + 1 < least:
            return [say("wave.too_few_draws", language, draws=used, parts=parts, least=least)]
        return [say("wave.no_cause", language, relevant=f"{self.relevant:g}")]

    def headline(self) -> list[str]:
        """The difference, its causes, and what to be careful with."""
        (low, high), (before, after), ruler = self.interval, self.levels, self.rows.iloc[1]
        lines = [
            f"{self.construct} index {self.waves[0]} -> {self.waves[1]}: {before:.1f} -> {after:.1f}, {self.value:+.1f} points "
            f"({self.level:.0%} interval {low:+.1f} to {high:+.1f}, p = {self.rows['p_value'].iloc[0]:.3f}); "
            f"{ruler['estimate']:+.1f} by the weights of {self.waves[1]} alone",
            *self.sentences()[:3],
        ]
        if not self.comparable:
            lines.append(_care(self.construct))
        for kind, word in ((DROPPED, "no longer asked"), (ADDED, "not asked before")):
            if names := [item for item, how in self.excluded.items() if how == kind]:
                lines.append(f"left out, because {word}: {', '.join(names)}")
        if self.rescaled:
            lines.append(f"asked on another scale: {', '.join(self.rescaled)}")
        if self.paired:
            lines.append(f"{self.paired:,} customers are in both waves and drawn together")
        return lines

    def table(self) -> pd.DataFrame:
        """A copy of `rows`."""
        return self.rows.copy()

    def shown(self) -> pd.DataFrame:
        """The table without what was not estimated here."""
        return self.table().dropna(subset="std_error").drop(columns=["n", "draws"])

    def _sentence(self, term: str, language: str) -> str:
        row = self.rows.set_index("term").loc[term]
        points = {"points": f"{row['estimate']:+.1f}"}
        if row["kind"] == MIX:
            moved = _most(self.segments, "share")
            name = self._worded("levels", str(moved["segment"]), language)
            return say("wave.cause.mix", language, **points, segment=name, **_percent(moved, "share"))
        if row["kind"] == SCORES:
            return say("wave.cause.scores", language, **points)
        items = self.items if row["kind"] != ITEM else self.items[self.items["item"] == term]
        moved = _most(items, {WEIGHTS: "weight", RESPONSE: "answered"}.get(str(row["kind"]), "mean"))
        named = {"item": self._worded("items", str(moved["item"]), language)}
        if row["kind"] == ITEM:
            alike = row["estimate"] / moved[["weight_before", "weight_after"]].mean()
            return say("wave.cause.item", language, **points, **named, change=f"{alike:+.1f}")
        column = "weight" if row["kind"] == WEIGHTS else "answered"
        return say(f"wave.cause.{row['kind']}", language, **points, **named, **_percent(moved, column))

    def _worded(self, kind: str, name: str, language: str) -> str:
        words: Mapping[str, Mapping[str, str]] = self.rows.attrs[kind]
        return Wording(**words.get(name, {})).text(language, name)


def compare_waves(  # noqa: PLR0913 - each says another part of what is compared and how
    before: Fit,
    after: Fit,
    *,
    by: str | Labels | None = None,
    construct: str = "Satisfaction",
    draws: int = 2000,
    seed: int = 1,
    level: float = 0.95,
    relevant: float = RELEVANT,
    customers: Labels | None = None,
    paired: bool = True,
    permutations: int = 999,
) -> Change:
    """What moved a construct's index between two waves, split exactly, every part with interval and p value.

    Items that only one wave asked are left out of both models and named. Customers that both waves asked (the survey's `key`) are
    drawn together, others independently. A part is named a cause if it lies beyond `relevant` points at the error rate 1 -
    `level` for all parts together (Holm 1979).

    Parameters
    ----------
    before, after
        Fits of one model to the two waves.
    by
        The segments whose shares are the mix: a column of the surveys, or for fits of plain frames the labels of the rows of
        both waves. None: nothing is told of the mix, and what it moved is in the scores.
    construct
        Whose index.
    draws, seed, level
        Number of replicates of each wave, their seed, coverage of the intervals.
    relevant
        Smallest change that is worth naming, in points.
    customers
        For fits of plain frames: the customers of the rows of both waves.
    paired
        False draws the waves independently although customers are in both: intervals are then too wide.
    permutations
        Of the test whether the construct means the same in both waves (MICOM steps 1 and 2); 0 leaves it out.

    Raises
    ------
    EstimationError, ModelError
        Fits that cannot be compared; an unknown segment or construct; unknown scale ends.

    Warns
    -----
    CsiWarning
        The construct does not mean the same in both waves.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> from csi import Model, fit
    >>> model = Model.parse("Quality <~ q1 + q2; Satisfaction <~ s1 + s2; Satisfaction ~ Quality")
    >>> def wave(fall):
    ...     answers = 6 + rng.normal(size=(900, 1)) + rng.normal(size=(900, 4)) - np.array([0, 0, fall, 0])
    ...     return fit(model, pd.DataFrame(answers, columns=list(model.items)), scale=(0, 12))
    >>> change = compare_waves(wave(0), wave(0.6), draws=500, permutations=99)
    >>> change.causes
    ('s1',)
    """
    if not 0 <= relevant < np.inf:
        raise EstimationError(f"relevant is the smallest change worth naming, 0 points or more, not {relevant}.")
    after.model.construct(construct)
    pair = pair_of(before, after)
    keys, shared = customers_of(pair, customers)
    tested = waves_invariance(pair, keys, permutations, seed) if permutations else None
    together = paired and shared > 0
    if together:
        pair = drawn_together(pair, keys)
    boots = bootstraps(pair, draws, seed, level, together)
    names, domains = segments_of(pair, by)
    items = list(pair.after.model.construct(construct).items)
    one, two = (composition_of(f, inside, items) for f, inside in zip(pair.fits, domains, strict=True))
    drawn_one, drawn_two = (composition_of(b, inside, items) for b, inside in zip(boots, domains, strict=True))
    point, drawn = parts_of(one, two, items), parts_of(drawn_one, drawn_two, items)
    values = np.where((boots[0].usable & boots[1].usable)[:, None], drawn.values, np.nan)
    change = Change(
        construct=construct,
        by=by if by is None or isinstance(by, str) else "segment",
        waves=pair.names,
        levels=(float(point.levels[0][0]), float(point.levels[1][0])),
        rows=_rows(pair, point, values, level, relevant),
        segments=_behind("segment", names, {"share": (one.share[0], two.share[0]), "index": _by_segment(one, two)}),
        items=_behind("item", items, _of_items(one, two)),
        excluded=pair.excluded,
        rescaled=pair.rescaled,
        invariance=tested,
        paired=shared if together else 0,
        relevant=relevant,
        level=level,
        draws=values,
    )
    change.rows.attrs = _carried(pair, by, level)
    if not change.comparable:
        warnings.warn(_care(construct), CsiWarning, stacklevel=2)
    return change


def _rows(pair: Pair, point: Parts, draws: Array, level: float, relevant: float) -> pd.DataFrame:
    """Every part with its interval, and whether it is named."""
    low, high = percentile_interval(draws, level)
    table = summary(point.terms, point.values[0], draws, low, high, pair.before.n + pair.after.n)
    table["kind"] = point.kinds
    tested = (table["std_error"] > _FIXED) & ~table["kind"].isin([DIFFERENCE, ONE_RULER])
    if point.kinds.count(ITEM) == 1:  # which is then all items together
        tested &= table["kind"] != SCORES
    table["adjusted_p"] = holm(np.where(tested, _p_beyond(point.values[0], draws, relevant), np.nan))
    table["cause"] = table["adjusted_p"] <= 1 - level + 1e-12  # what is 0.05 but for rounding is 0.05
    if table.loc[table["kind"] == ITEM, "cause"].any():  # all items together are named where no single one is
        table.loc[table["kind"] == SCORES, "cause"] = False
    return table


def _carried(pair: Pair, by: str | Labels | None, level: float) -> dict[Any, Any]:
    """What the rows say beside their columns: how they were made, and what people call constructs, items and segment levels."""
    model, survey = pair.after.model, pair.after.cases.survey
    codebook = survey.codebook if survey else None
    segments = [segment.levels for segment in (codebook.segments if codebook else ()) if segment.name == by]
    levels = {name: asdict(wording) for segment in segments for name, wording in segment.items()}
    words = wordings(codebook, model.names, model.items)
    return {"digits": 1, "level": level, "interval": "percentile", "levels": levels, **words}


def _p_beyond(point: Array, draws: Array, relevant: float) -> Array:
    """Of each part, the p value of the hypothesis that it is at most `relevant` in size: two-sided, at the nearer end."""
    p = p_value(draws - np.sign(point) * relevant)
    return np.where(np.abs(point) > relevant, p, 1.0)


def _by_segment(one: Composition, two: Composition) -> tuple[Array, Array]:
    """Each segment's index by the wave's own weights; NaN where the wave has nobody of it."""
    before, after = ((each.score[0] * each.weights[0]).sum(axis=-1) for each in (one, two))
    return before, after


def _of_items(one: Composition, two: Composition) -> dict[str, tuple[Array, Array]]:
    weights = one.weights[0], two.weights[0]
    before, after = ((each.share[0][:, None] * np.nan_to_num(each.response[0])) for each in (one, two))
    means = tuple(
        (part * np.nan_to_num(each.score[0])).sum(axis=0) / part.sum(axis=0)
        for part, each in ((before, one), (after, two))
    )
    return {"weight": weights, "mean": (means[0], means[1]), "answered": (before.sum(axis=0), after.sum(axis=0))}


def _behind(kind: str, names: list[str], columns: Mapping[str, tuple[Array, Array]]) -> pd.DataFrame:
    pairs = {
        f"{name}_{when}": v for name, both in columns.items() for when, v in zip(("before", "after"), both, strict=True)
    }
    return pd.DataFrame({kind: names, **pairs})


def _most(table: pd.DataFrame, column: str) -> "pd.Series[Any]":
    """The row in which a column changed most."""
    moved = table[f"{column}_after"].to_numpy() - table[f"{column}_before"].to_numpy()
    return table.iloc[int(np.abs(moved).argmax())]


def _percent(row: "pd.Series[Any]", column: str) -> dict[str, str]:
    return {when: f"{100 * row[f'{column}_{when}']:.0f}%" for when in ("before", "after")}


def _care(construct: str) -> str:
    return (
        f"{construct!r} is not formed alike in both waves (MICOM step 2): its items count otherwise, so read the weights as "
        "part of the change and the scores with care."
    )
