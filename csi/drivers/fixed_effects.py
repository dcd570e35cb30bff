"""A panel with outlet and period effects: what is left to link, its coefficients and their errors."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from csi.drivers.kpi_panel import Array, Panel
from csi.errors import EstimationError
from csi.kernel.wild_bootstrap import webb_weights, wild_test

_FEWEST = 5  # outlets from which anything can be told (Webb 2023)


@dataclass(frozen=True, slots=True)
class ClusterTest:
    """How a coefficient gets its interval and p value."""

    errors: str
    level: float
    draws: int
    seed: int

    def __call__(self, y: Array, X: Array, codes: NDArray[np.intp], count: int) -> Iterator[tuple[float, ...]]:
        """Estimate, error, limits and p value of each of the first `count` columns."""
        if self.errors == "wild":
            V = webb_weights(self.draws, int(codes.max()) + 1, self.seed)
            for k in range(count):
                found = wild_test(y, X, k, codes, V)
                yield found.estimate, found.error, *found.interval(self.level), found.p_value()
            return
        from statsmodels.regression.linear_model import OLS  # noqa: PLC0415 - heavy

        fitted = OLS(y, X).fit(cov_type="cluster", cov_kwds={"groups": codes}, use_t=True)
        limits = fitted.conf_int(1 - self.level)
        for k in range(count):
            yield fitted.params[k], fitted.bse[k], *limits[k], fitted.pvalues[k]


def design(panel: Panel, K: Array, rows: NDArray[np.bool_], j: int, item: str) -> tuple[Array, Array, NDArray[np.intp]]:
    """Outcome, KPIs and period dummies without outlets' means, times the root of the weights; and the outlet of each cell."""
    use = with_twins(rows & (panel.effective[:, j] > 0), panel.outlet)
    w = panel.effective[use, j]
    codes = np.unique(panel.outlet[use], return_inverse=True)[1]
    if codes.max(initial=-1) + 1 < _FEWEST:
        raise EstimationError(
            f"item {item!r} has answers in two months or more of {codes.max(initial=-1) + 1} outlets; {_FEWEST} are needed. "
            "Leave it out of items=."
        )
    whole = _within(np.column_stack([panel.mean[use, j], K[use], _dummies(panel.period[use])]), w, codes)
    y, X = whole[:, 0], whole[:, 1:]
    if np.ptp(y) <= 1e-12 * np.abs(panel.mean[use, j]).max():
        raise EstimationError(f"item {item!r} has the same mean in every month of an outlet; there is nothing to link.")
    if len(y) <= X.shape[1] + codes.max() + 1:
        raise EstimationError(
            f"item {item!r}: {len(y)} cells are too few for {codes.max() + 1} outlets and {X.shape[1]} coefficients. Take more "
            "months, or fewer KPIs."
        )
    return y, X, codes


def _within(values: Array, w: Array, codes: NDArray[np.intp]) -> Array:
    """Columns less the outlets' weighted means, times sqrt(w)."""
    total = np.bincount(codes, w)
    means = np.column_stack([np.bincount(codes, w * column) / total for column in values.T])
    return np.asarray((values - means[codes]) * np.sqrt(w)[:, None])


def _dummies(periods: NDArray[np.intp]) -> Array:
    return np.asarray(periods[:, None] == np.unique(periods)[1:], dtype=float)


def with_twins(rows: NDArray[np.bool_], outlet: NDArray[np.intp]) -> NDArray[np.bool_]:
    """The rows without outlets that have one cell only, which say nothing of a change."""
    return rows & (np.bincount(outlet, rows)[outlet] > 1)


def typical_changes(panel: Panel, K: Array, rows: NDArray[np.bool_], names: Sequence[str]) -> Array:
    """(K,) standard deviation of each KPI without outlet and period effects; raise where nothing of it is left."""
    codes = np.unique(panel.outlet[rows], return_inverse=True)[1]
    ones = np.ones(len(codes))
    own = _within(K[rows], ones, codes)
    dummies = _within(_dummies(panel.period[rows]), ones, codes)
    scale = np.maximum(np.abs(K[rows]).max(axis=0), 1e-300)
    for k, name in enumerate(names):
        moves = np.array([np.ptp(own[codes == g, k]) for g in range(codes.max() + 1)]) > 1e-10 * scale[k]
        if moves.sum() < _FEWEST:
            what = (
                "does not change in any outlet, so that it cannot be told from what the outlet is (absorbed by the fixed effects)"
                if not moves.any()
                else f"changes in {moves.sum()} outlets only; {_FEWEST} are needed to tell its effect from theirs"
            )
            raise EstimationError(f"KPI {name!r} {what}. Leave it out, or compare outlets by other means.")
        others = np.delete(own, k, axis=1)
        for rest, what in (
            (dummies, "moves alike in all outlets, so that it cannot be told from the month"),
            (np.column_stack([dummies, others]), f"repeats {' and '.join(n for n in names if n != name)}"),
        ):
            left = _residual(own[:, k], rest)
            if left @ left < 1e-12 * (own[:, k] @ own[:, k]):
                raise EstimationError(f"KPI {name!r} {what}. Leave it out.")
    left = _residual(own, dummies)
    return np.asarray(np.sqrt((left**2).sum(axis=0) / (len(codes) - codes.max() - 1 - dummies.shape[1])))


def _residual(values: Array, on: Array) -> Array:
    return np.asarray(values - on @ np.linalg.lstsq(on, values, rcond=None)[0])


def require_panel(panel: Panel, rows: NDArray[np.bool_]) -> None:
    """Raise unless enough outlets have cells in two periods or more."""
    outlets, periods = len(np.unique(panel.outlet[rows])), len(np.unique(panel.period[rows]))
    if outlets < _FEWEST or periods < 2:
        raise EstimationError(
            f"{outlets} outlets have answers and KPIs in two months or more; {_FEWEST} are needed, because months of one outlet "
            "go together and outlets alone can be counted. Take more outlets, more months, or shorter lags."
        )
