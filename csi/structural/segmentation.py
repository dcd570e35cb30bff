"""What every segmentation has in common: who belongs where, how the model works there, and which cases take part."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csi.display import Result, tidy
from csi.errors import EstimationError
from csi.structural.cases import Array
from csi.structural.fitted_model import Fit


@dataclass(frozen=True, slots=True, eq=False)
class Partition:
    """Who is in which segment and how the model works there; the segment with the largest share is the first."""

    assigned: NDArray[np.intp]  # (n,) 0 ... K-1, -1 for rows that the fit does not use
    share: Array  # (K,) of the case weights
    paths: Array  # (K, J, J) rows = from, columns = to
    r_squared: Array  # (K, J)


class Segmented(Result):
    """What every segmentation shows; segments are numbered 1, 2 ... from the largest share down."""

    __slots__ = ()
    fit: Fit

    def parts(self) -> Partition:
        """The arrays behind the properties."""
        raise NotImplementedError

    @property
    def memberships(self) -> "pd.Series[int]":
        """(cases) number of each case's segment, missing for rows that the fit does not use; serves as a grouping column."""
        assigned = pd.Series(self.parts().assigned + 1, name="segment", dtype="Int64")
        return assigned.mask(assigned == 0)

    @property
    def sizes(self) -> "pd.Series[int]":
        """Cases in each segment."""
        counts = np.bincount(self.parts().assigned + 1, minlength=len(self.numbers) + 1)[1:]
        return pd.Series(counts, self.numbers, name="size")

    @property
    def shares(self) -> "pd.Series[float]":
        """Share of each segment in the case weights."""
        return pd.Series(self.parts().share, self.numbers, name="share")

    @property
    def paths(self) -> pd.DataFrame:
        """(paths x segments) path coefficients, one row "cause -> effect" each."""
        causes, effects = np.nonzero(self.fit.layout.adjacency)
        names = self.fit.model.names
        terms = [f"{names[c]} -> {names[e]}" for c, e in zip(causes, effects, strict=True)]
        return pd.DataFrame(self.parts().paths[:, causes, effects].T, terms, self.numbers)

    @property
    def r_squared(self) -> pd.DataFrame:
        """(endogenous constructs x segments) explained variances within each segment."""
        return pd.DataFrame(self.parts().r_squared.T, self.fit.model.names, self.numbers).dropna(how="all")

    def table(self) -> pd.DataFrame:
        """Paths, one row for each segment: term, estimate, n (cases in the segment), segment."""
        sizes = self.sizes
        rows = (
            {"term": term, "estimate": estimates[segment], "n": sizes[segment], "segment": segment}
            for term, estimates in self.paths.iterrows()
            for segment in self.numbers
        )
        return tidy(rows, ["segment"])

    @property
    def numbers(self) -> pd.Index:
        """1, 2 ... as the tables name the segments."""
        return pd.RangeIndex(1, len(self.parts().share) + 1, name="segment")

    def sizes_line(self) -> str:
        """One line of a headline."""
        sizes = ", ".join(f"{size:,} ({share:.0%})" for size, share in zip(self.sizes, self.shares, strict=True))
        scores_only = "; factors enter by their scores" if self.fit.layout.factor.any() else ""
        return f"cases in segments 1 to {len(self.numbers)}: {sizes}{scores_only}"


def require_settings(numbers: Sequence[int], starts: int, max_iterations: int) -> None:
    """Raise where a number of segments, of starts or of iterations is below 1."""
    if not numbers or any(K < 1 for K in numbers) or starts < 1 or max_iterations < 1:
        raise EstimationError(
            f"segments, starts and max_iterations must be 1 or more, not segments={list(numbers)}, "
            f"starts={starts}, max_iterations={max_iterations}."
        )


def require_cases(n: int, segments: int, fewest: int) -> None:
    """Raise where the cases cannot fill the segments."""
    if n < segments * fewest:
        raise EstimationError(
            f"{n} cases cannot hold {segments} segments of at least {fewest}; ask for at most {max(n // fewest, 1)}."
        )


def used_scores(fit: Fit) -> tuple[NDArray[np.bool_], Array, Array]:
    """Which rows the fit uses, their scores, and their weights scaled to sum to their number."""
    fit.require_pearson("a segmentation")
    scores = fit.scores.to_numpy(float)
    used = np.isfinite(scores).all(axis=1)
    w = fit.cases.weights[used]
    return used, scores[used], w * (len(w) / w.sum())
