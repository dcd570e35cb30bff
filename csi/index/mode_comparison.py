"""Two groups of respondents made alike, and the levels that they then have: what `csi.index.modes` repeats in every replicate."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csi.errors import CsiWarning, EstimationError, known_names
from csi.index.score import MINIMUM_CELL, kish
from csi.kernel.balancing import calibrated_weights, overlap_weights
from csi.structural.cases import Array
from csi.survey.covariates import NEGLIGIBLE, Covariates, covariates_of

Population = Literal["overlap", "official"]
Levels = Callable[[Array, slice], Array]
_FEW = 0.25  # of a mode's answers that count effectively: fewer speak for too small a part of it


@dataclass(frozen=True, slots=True, eq=False)
class Modes:
    """Who answered in which of two modes: `inside` (n,) answers that are compared, `first` (inside,) those of the mode `of`.

    `without_counterpart` counts by mode the answers left out, because the other mode has nobody of their kind.
    """

    of: str
    against: str
    inside: NDArray[np.bool_]
    first: NDArray[np.bool_]
    covariates: Covariates
    without_counterpart: tuple[int, int]

    def domains(self) -> NDArray[np.bool_]:
        """(2, n) the answers of each mode."""
        both = np.zeros((2, len(self.inside)), dtype=bool)
        both[:, self.inside] = self.first, ~self.first
        return both

    def alike(self, W: Array, population: Population) -> Array:
        """Weights (B, n) from weights W (B, n), 0 outside; NaN rows in replicates that cannot be balanced."""
        Z, balanced = self.covariates.Z, np.zeros(W.shape)
        if population == "overlap":
            balanced[:, self.inside] = overlap_weights(Z, self.first, W[:, self.inside])
        else:
            balanced[:, self.inside] = calibrated_weights(Z, ~self.first, W[:, self.inside])
        return balanced

    def balance(self, W: Array, balanced: Array) -> pd.DataFrame:
        """Standardised differences of the modes before and after, from one row of weights (n,) each."""
        return self.covariates.balance(self.first, W[self.inside], balanced[self.inside])

    def effective(self, weights: Array) -> tuple[float, float]:
        """Kish's effective number of answers in each mode."""
        inside = weights[self.inside]
        return kish(inside[self.first]), kish(inside[~self.first])


def modes_of(
    column: "pd.Series[str]",
    by: str,
    pair: tuple[str, str],
    used: NDArray[np.bool_],
    known: tuple[pd.DataFrame, list[str]],
    population: Population,
) -> Modes:
    """The two modes of a column, among the `used` rows, with what is `known` of everybody: a frame and its covariates.

    Raises
    ------
    EstimationError
        A mode that nobody answered in, twice the same mode, or an official mode with a kind of customer that the other lacks.
    """
    texts: NDArray[np.object_] = (
        column.astype(object).where(column.notna(), "").astype(str).str.strip().to_numpy(object)
    )
    levels = sorted(set(texts[used]) - {""})
    for mode in pair:
        if mode not in levels:
            raise EstimationError(f"nobody answered by {by} = {mode!r}. {known_names(mode, levels, 'Its levels are')}")
    if pair[0] == pair[1]:
        raise EstimationError(f"{pair[0]!r} is compared with itself; name two levels of {by!r}: {', '.join(levels)}.")
    inside: NDArray[np.bool_] = np.asarray(used & np.isin(texts, pair))
    frame, names = known
    first: NDArray[np.bool_] = np.asarray(texts == pair[0])
    covariates = covariates_of(frame[inside].reset_index(drop=True), names, "the respondents")
    alone = [_only_in(covariates, group) for group in (first[inside], ~first[inside])]
    if population == "official" and alone[1].any():
        rows = covariates.X[:, alone[1]] > 0
        raise EstimationError(
            f"{int(rows.any(axis=1).sum())} answers by {pair[1]!r} have {covariates.terms[np.flatnonzero(alone[1])[0]]!r}, which "
            f"nobody has who answered by {pair[0]!r}, so that {pair[0]!r} cannot stand for them. Join this level with another, "
            "or compare with population='overlap'."
        )
    stranded: NDArray[np.bool_] = np.asarray((covariates.X[:, alone[0] | alone[1]] > 0).any(axis=1))
    counts = (int((stranded & first[inside]).sum()), int((stranded & ~first[inside]).sum()))
    inside[np.flatnonzero(inside)[stranded]] = False
    if not (first & inside).any() or not (~first & inside).any():
        raise EstimationError(
            f"{pair[0]!r} and {pair[1]!r} asked different kinds of customers throughout: no answer has a counterpart. Their "
            "difference cannot be told from that of the customers; leave out the covariate that divides them, or join levels."
        )
    return Modes(*pair, inside, first[inside], Covariates(covariates.X[~stranded], covariates.terms), counts)


def _only_in(covariates: Covariates, group: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(k,) classes that only the group has: 0/1 columns without a 1 outside it."""
    classes = np.isin(covariates.X, (0.0, 1.0)).all(axis=0)
    return np.asarray(classes & covariates.X[group].any(axis=0) & ~covariates.X[~group].any(axis=0))


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """Levels (R, 2, m) of m terms in both modes, unadjusted and alike; the weights (n,) of the first row that made them alike."""

    plain: Array
    alike: Array
    weights: Array


def compared(
    modes: Modes, population: Population, pieces: Iterator[tuple[slice, Array]], levels: Callable[[Array, slice], Array]
) -> Compared:
    """Both modes' levels under every row of weights, piece by piece; NaN where a replicate cannot be balanced.

    `levels` gives (B, 2, m) levels of the two modes under weights (B, n) of the replicates `part`.
    """
    plain, alike = list[Array](), list[Array]()
    weights: Array | None = None
    for part, W in pieces:
        balanced = modes.alike(W, population)
        weights = balanced[0] if weights is None else weights
        lost: NDArray[np.bool_] = np.asarray(np.isnan(balanced).any(axis=1))
        found = levels(np.where(lost[:, None], W, balanced), part)
        found[lost] = np.nan
        plain.append(levels(W, part))
        alike.append(found)
    if weights is None:
        raise EstimationError("there are no replicates to compare the modes in.")
    return Compared(np.concatenate(plain), np.concatenate(alike), weights)


def require_balance(found: Compared, modes: Modes) -> None:
    """Raise unless the answers themselves can be balanced."""
    if np.isnan(found.weights).any():
        raise EstimationError(
            f"the covariates tell without error who answered by {modes.of!r} and who by {modes.against!r}, or no weights of the "
            "one reach the means of the other: there are no like customers to compare. Leave out the covariate that divides "
            "them, or join its levels."
        )


def warn_of_poor_overlap(modes: Modes, W: Array, balanced: Array, balance: pd.DataFrame) -> None:
    """A warning where few answers have a counterpart, or the modes stay unlike."""
    counts = (int(modes.first.sum()), int((~modes.first).sum()))
    for mode, effective, n in zip((modes.of, modes.against), modes.effective(balanced), counts, strict=True):
        if effective < max(_FEW * n, min(MINIMUM_CELL, n)):
            warnings.warn(
                f"poor overlap: the {n} answers by {mode!r} count like {effective:.0f} once the modes are alike. The shift is "
                "that of few customers; ask both modes of like customers, or use fewer covariates.",
                CsiWarning,
                stacklevel=4,
            )
    worst = balance.sort_values("estimate", key=abs, ascending=False).iloc[0]
    if abs(worst["estimate"]) > NEGLIGIBLE:
        warnings.warn(
            f"the modes stay unlike in {worst['term']!r} (standardised difference {worst['estimate']:.2f}).",
            CsiWarning,
            stacklevel=4,
        )
