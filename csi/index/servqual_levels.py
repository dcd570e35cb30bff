"""Levels of items, dimensions and the whole under many sets of case weights at once: every row is a sum of column means.

A pair of answers counts only where both are given, so that a gap is the difference of the two levels beside it. A dimension is
the mean of its items, the whole the mean of all items: what an item contributes to a change is its own change over their number.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from csi.errors import CsiWarning, EstimationError, known_names
from csi.index.servqual_items import Judgements
from csi.kernel.moments import Moments, domain_means, moments
from csi.kernel.relative_importance import shapley, sound
from csi.structural.cases import Array

# How each measure is made of blocks of columns: paired with one another where both were answered, or "alone".
MEASURES: dict[str, dict[str, float]] = {
    "expectation": {"expectation": 1},
    "perception": {"perception": 1},
    "gap": {"perception": 1, "expectation": -1},
    "servperf": {"perception alone": 1},
    "adequate": {"adequate": 1},
    "msa": {"perception with adequate": 1, "adequate": -1},
}
IMPORTANCE = "importance"
OVERALL, DIMENSIONS, WEIGHTED = "overall", "dimensions", "weighted"
Importance = Mapping[str, str] | str | None
_ROUNDING = 2.5  # what five rounded numbers may lack to 100


@dataclass(frozen=True, slots=True)
class Row:
    """What one number is about; `members` are the places of the statements behind it."""

    term: str
    kind: str
    dimension: str
    measure: str
    members: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Rows (r) as sums of the means of columns: values (n, q), NaN where there is no pair; linear (q, r).

    `predictors` (n, d + 1) are the dimensions' perceptions and the item of overall service from which importance is estimated;
    None where it is not. `allocated` (n, d) are the shares of 100 points that respondents gave the dimensions.
    """

    answers: Judgements
    values: Array
    linear: Array
    rows: tuple[Row, ...]
    masks: dict[str, NDArray[np.bool_]]
    predictors: Array | None
    allocated: Array | None

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The dimensions, in order."""
        return self.answers.dimensions

    def levels(self, W: Array, domains: NDArray[np.bool_], start: Moments | None = None) -> Array:
        """(B, D, r) every row in every domain, under case weights W (B, n)."""
        means = np.stack(
            [domain_means(self.values[d], W[:, d], np.ones((1, d.sum()), dtype=bool))[:, 0] for d in domains], axis=1
        )
        absent: NDArray[np.bool_] = np.isnan(means)
        lost = absent.astype(float) @ (self.linear != 0).astype(float) > 0
        found: Array = np.where(lost, np.nan, np.where(absent, 0.0, means) @ self.linear)
        if self.predictors is not None:
            self._weigh(found, estimated_shares(moments(self.predictors, W, "em", start)))
        return found

    def _weigh(self, found: Array, shares: Array) -> None:
        """Fill in the rows that importance enters, with the same shares (B, d) in every domain: one ruler for all."""
        for k, row in enumerate(self.rows):
            if row.measure == IMPORTANCE:
                found[:, :, k] = 100 * shares[:, [self.dimensions.index(row.dimension)]]
            elif row.kind == WEIGHTED:
                parts = [
                    r for r, other in enumerate(self.rows) if other.kind == "dimension" and other.measure == row.measure
                ]
                found[:, :, k] = np.einsum("bdj,bj->bd", found[:, :, parts], shares)

    def start(self, W: Array) -> Moments | None:
        """The full sample's moments of the predictors, from which replicates find theirs sooner."""
        return None if self.predictors is None else moments(self.predictors, W)

    def replicates(self, resamples: Iterator[Array], domains: NDArray[np.bool_], start: Moments | None) -> Array:
        """(draws, D, r) the rows in every replicate, all from the same draws; NaN where one cannot meet its margins."""
        parts = []
        for W in resamples:
            lost = np.asarray(np.isnan(W).any(axis=1))
            found = self.levels(np.where(lost[:, None], 1.0, W), domains, start)
            found[lost] = np.nan
            parts.append(found)
        return np.concatenate(parts)

    def part(self, row: Row) -> float:
        """What the row's own change counts in the next higher row: an item in its dimension, a dimension in the whole."""
        above = {"item": ("dimension", row.dimension), "dimension": (OVERALL, "")}.get(row.kind)
        whole = [
            other for other in self.rows if (other.kind, other.dimension) == above and other.measure == row.measure
        ]
        return len(row.members) / len(whole[0].members) if whole else np.nan

    def counts(self, row: Row, inside: NDArray[np.bool_]) -> tuple[int, int]:
        """Respondents of a domain behind a row, and pairs left out for want of an answer (respondents, where points weigh)."""
        if row.measure == IMPORTANCE:
            behind = self.predictors if self.allocated is None else self.allocated
            n = int((inside & ~np.isnan(behind).any(axis=1)).sum()) if behind is not None else 0
            return n, int(inside.sum()) - n
        if row.kind == WEIGHTED and self.allocated is not None:
            column = int(np.flatnonzero(self.linear[:, self.rows.index(row)])[0])
            n = int((~np.isnan(self.values[inside, column])).sum())
            return n, int(inside.sum()) - n
        mask = self.masks[next(iter(MEASURES[row.measure]))][inside][:, list(row.members)]
        return int(mask.any(axis=1).sum()), int(mask.size - mask.sum())


def plan_of(answers: Judgements, weigh: Importance, domains: NDArray[np.bool_]) -> Plan:
    """What to compute for these answers; statements that a wave did not answer at all stay out of every sum."""
    blocks, masks = _blocks(answers, domains)
    allocated = _allocation(answers, weigh)
    predictors = _predictors(answers, weigh)
    names = list(blocks)
    k = len(answers.statements)
    columns = [blocks[name] for name in names]
    if allocated is not None:
        columns += [_by_respondent(blocks[name], answers, allocated)[:, None] for name in names] + [100 * allocated]
    rows = _rows(answers, masks, weigh)
    linear = np.zeros((sum(c.shape[1] for c in columns), len(rows)))
    shares_at = (k + 1) * len(names)
    for r, row in enumerate(rows):
        if row.measure == IMPORTANCE:
            if allocated is not None:
                linear[shares_at + answers.dimensions.index(row.dimension), r] = 1
            continue
        for name, sign in MEASURES[row.measure].items():
            at = names.index(name)
            if row.kind != WEIGHTED:
                linear[[at * k + j for j in row.members], r] = sign * _shares(row, rows)
            elif allocated is not None:
                linear[k * len(names) + at, r] = sign
    values = np.concatenate(columns, axis=1)
    return Plan(answers, values, linear, rows, masks, predictors, allocated)


def _shares(row: Row, rows: Sequence[Row]) -> Array:
    """How much each member counts: alike, or (where dimensions count alike) one over the number within its dimension."""
    if row.kind != DIMENSIONS:
        return np.full(len(row.members), 1 / len(row.members))
    parts = [set(other.members) for other in rows if other.kind == "dimension" and other.measure == row.measure]
    return np.array([1 / len(next(p for p in parts if j in p)) / len(parts) for j in row.members])


def _blocks(answers: Judgements, domains: NDArray[np.bool_]) -> tuple[dict[str, Array], dict[str, NDArray[np.bool_]]]:
    """Columns (n, k) of answers that have their partner, and where they have it."""
    P, E, A = answers.perception, answers.expectation, answers.adequate
    blocks: dict[str, Array] = {}
    masks: dict[str, NDArray[np.bool_]] = {}
    for names, values in (
        (("perception alone",), (P,)),
        (("perception", "expectation"), (P, E)),
        (("perception with adequate", "adequate"), (P, A)),
    ):
        mask = _in_every_wave(answers, np.asarray(~np.isnan(values).any(axis=0)), names[0], domains)
        if mask.any():
            blocks |= {name: np.where(mask, block, np.nan) for name, block in zip(names, values, strict=True)}
            masks |= dict.fromkeys(names, mask)
    return blocks, masks


def _in_every_wave(
    answers: Judgements, mask: NDArray[np.bool_], what: str, domains: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """The mask without statements that have no answer in one of the waves; they are named."""
    found = np.all([mask[domain].any(axis=0) for domain in domains], axis=0)
    lost = [answers.statements[j].perception for j in np.flatnonzero(~found & mask.any(axis=0))]
    if lost and not found.any():
        raise EstimationError(f"no statement has {what} in every wave, so that the waves cannot be compared.")
    if lost:
        warnings.warn(
            f"without {what} in every wave, and left out of all of them: {', '.join(lost)}.", CsiWarning, stacklevel=5
        )
    return np.asarray(mask & found)


def _rows(answers: Judgements, masks: Mapping[str, NDArray[np.bool_]], weigh: Importance) -> tuple[Row, ...]:
    rows: list[Row] = []
    for measure, made in MEASURES.items():
        if next(iter(made)) not in masks:
            continue
        asked = tuple(int(j) for j in np.flatnonzero(masks[next(iter(made))].any(axis=0)))
        groups = {d: tuple(j for j in answers.members(d) if j in asked) for d in answers.dimensions}
        if weigh is not None and not all(groups.values()):
            lost = next(d for d, members in groups.items() if not members)
            raise EstimationError(
                f"dimension {lost!r} has no {measure}, so the dimensions cannot be weighted; see importance=."
            )
        rows += [
            Row(answers.statements[j].perception, "item", d, measure, (j,)) for d, part in groups.items() for j in part
        ]
        rows += [Row(d, "dimension", d, measure, part) for d, part in groups.items() if part]
        wholes = [OVERALL, DIMENSIONS] if len(groups) > 1 else [OVERALL]
        rows += [Row(name, name, "", measure, asked) for name in [*wholes, *([WEIGHTED] if weigh is not None else [])]]
    if weigh is not None:
        rows += [Row(d, "dimension", d, IMPORTANCE, tuple(answers.members(d))) for d in answers.dimensions]
    return tuple(rows)


def _by_respondent(block: Array, answers: Judgements, allocated: Array) -> Array:
    """(n,) each respondent's dimensions by the points that he gave them; NaN where a dimension with points has no answer."""
    scores = _dimension_scores(block, answers)
    return np.asarray(np.where(allocated == 0, 0.0, allocated * scores).sum(axis=1))


def _dimension_scores(block: Array, answers: Judgements) -> Array:
    """(n, d) mean of the answers that there are."""
    observed = ~np.isnan(block)
    parts = [answers.members(d) for d in answers.dimensions]
    with np.errstate(invalid="ignore"):
        means = [np.where(observed[:, m], block[:, m], 0.0).sum(axis=1) / observed[:, m].sum(axis=1) for m in parts]
    return np.column_stack(means)


def _allocation(answers: Judgements, weigh: Importance) -> Array | None:
    """(n, d) shares of the points that each respondent gave the dimensions, NaN where unusable."""
    if weigh is None or isinstance(weigh, str):
        return None
    for name in (*weigh, *answers.dimensions):
        if name not in answers.dimensions or name not in weigh:
            known = known_names(name, answers.dimensions, "The dimensions are")
            raise EstimationError(
                f"importance= names one column of points for each dimension, not for {name!r}. {known}"
            )
    given = answers.numbers([weigh[d] for d in answers.dimensions])
    total = given.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        usable = (total > 0) & (given >= 0).all(axis=1) & np.isfinite(total)
        shares = np.where(usable[:, None], given / total[:, None], np.nan)
    used = answers.used
    if not (usable & used).any():
        raise EstimationError(
            "nobody gave points to all dimensions; importance= needs columns of points from 0 to 100."
        )
    off = int((usable & used & (np.abs(total - 100) > _ROUNDING)).sum())
    if off:
        warnings.warn(
            f"the points of {off} respondents do not sum to 100; they were brought to that sum.",
            CsiWarning,
            stacklevel=4,
        )
    return np.asarray(shares)


def _predictors(answers: Judgements, weigh: Importance) -> Array | None:
    if not isinstance(weigh, str):
        return None
    overall = answers.numbers([weigh])[:, 0]
    Z = np.column_stack([_dimension_scores(answers.perception, answers), overall])
    if np.nanstd(overall) == 0:
        raise EstimationError(f"importance= is estimated from {weigh!r}, whose answers do not vary.")
    return np.where(answers.used[:, None], Z, np.nan)


def estimated_shares(m: Moments) -> Array:
    """(B, d) share of each dimension in what all of them explain of the overall judgement (Lindeman, Merenda & Gold 1980).

    The shares sum to 1; NaN where the dimensions cannot be told apart.
    """
    R = m.correlation
    usable = sound(R)
    shares = np.full((len(R), R.shape[1] - 1), np.nan)
    shares[usable] = shapley(R[usable])
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))
