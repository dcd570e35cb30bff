"""What is known of respondents, as columns that a regression can use, and how alike it makes two groups of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api import types

from csi.display import tidy
from csi.errors import SurveyError, known_names

Array = NDArray[np.float64]
NOT_STATED = "not stated"
# Austin (2009): a standardised difference below a tenth is usually taken as negligible.
NEGLIGIBLE = 0.1
_MOST = 60  # columns of which every replicate solves a system


@dataclass(frozen=True, slots=True, eq=False)
class Covariates:
    """Columns X (n, k) with their terms: numbers as they are, one 0/1 column for each level of the rest.

    A number that is missing stands at the mean of the others, with a column "name: not stated" beside it; a level that is
    missing is the level "not stated" (Rosenbaum & Rubin 1984). Nobody is left out for a gap.
    """

    X: Array
    terms: tuple[str, ...]

    @property
    def Z(self) -> Array:  # noqa: N802 - the literature's symbol
        """(n, k) the columns that vary, with mean 0 and unit spread; those of all levels of a class add up to a constant."""
        spread = self.X.std(axis=0)
        kept = spread > 1e-12 * np.abs(self.X).max(axis=0, initial=0)
        return np.asarray((self.X[:, kept] - self.X[:, kept].mean(axis=0)) / spread[kept])

    def balance(self, group: NDArray[np.bool_], before: Array, after: Array) -> pd.DataFrame:
        """Standardised differences of the covariates: those in the group minus those outside it, in standard deviations.

        `before` and `after` are weights (n,). Both differences are divided by the root of the mean of the two groups' variances
        before (Austin 2009), so that only means can have changed. Columns: term, estimate (after), n, before, mean_in, mean_out
        (both after).
        """
        first, last = self._means(group, before), self._means(group, after)
        variance = sum(
            np.average((self.X[g] - m) ** 2, axis=0, weights=before[g])
            for g, m in zip((group, ~group), first, strict=True)
        )
        spread = np.sqrt(np.asarray(variance) / 2)
        spread[spread == 0] = np.nan
        rows = zip(self.terms, (last[0] - last[1]) / spread, (first[0] - first[1]) / spread, *last, strict=True)
        return tidy(
            (
                {"term": term, "estimate": now, "n": len(group), "before": then, "mean_in": inside, "mean_out": outside}
                for term, now, then, inside, outside in rows
            ),
            ["before", "mean_in", "mean_out"],
        )

    def _means(self, group: NDArray[np.bool_], weights: Array) -> tuple[Array, Array]:
        means = [np.average(self.X[g], axis=0, weights=weights[g]) for g in (group, ~group)]
        return means[0], means[1]


def covariates_of(frame: pd.DataFrame, names: Sequence[str], what: str) -> Covariates:
    """The named columns of a frame, which messages call `what`.

    Raises
    ------
    SurveyError
        No name; a column is missing; more than 60 columns with all levels.

    >>> frame = pd.DataFrame({"age": [20.0, None, 40.0], "region": ["north", "south", None]})
    >>> covariates = covariates_of(frame, ["age", "region"], "the respondents")
    >>> covariates.terms
    ('age', 'age: not stated', 'region: north', 'region: south', 'region: not stated')
    >>> covariates.X[1].tolist()
    [30.0, 1.0, 0.0, 1.0, 0.0]
    """
    if not names:
        raise SurveyError(
            "no covariates are named. Name what is known of everybody, e.g. covariates=['region', 'age']."
        )
    columns: dict[str, Array] = {}
    for name in names:
        if name not in frame.columns:
            known = known_names(name, [str(c) for c in frame.columns], "The columns are")
            raise SurveyError(f"{what} have no column {name!r}, which is named as a covariate. {known}")
        columns |= _columns_of(frame[name], name)
        if len(columns) > _MOST:
            raise SurveyError(
                f"the covariates have more than {_MOST} columns with {name!r}, one for each level. Join small levels, or leave "
                "out what names single customers."
            )
    return Covariates(np.column_stack(list(columns.values())), tuple(columns))


def _columns_of(column: "pd.Series[float] | pd.Series[str]", name: str) -> dict[str, Array]:
    if types.is_numeric_dtype(column.dtype) and not types.is_bool_dtype(column.dtype):
        x: Array = np.asarray(column.to_numpy(float, na_value=np.nan))
        gap = ~np.isfinite(x)
        if not gap.any():
            return {name: x}
        return {name: np.where(gap, x[~gap].mean() if not gap.all() else 0.0, x), f"{name}: {NOT_STATED}": gap * 1.0}
    texts = column.astype(object).where(column.notna(), "").astype(str).str.strip().to_numpy(object)
    levels = [*sorted(set(texts) - {"", NOT_STATED}), *([""] if "" in texts else [])]
    return {f"{name}: {level or NOT_STATED}": (texts == level) * 1.0 for level in levels}
