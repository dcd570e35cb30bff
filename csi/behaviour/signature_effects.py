"""How a behaviour goes with a weak indicator, controls held equal: effects from moments, their errors from the design.

Notation
    v (n,)    weakness: minus the indicator, or 1 for dissatisfied; u (n,) 1 weak, 0 not; x (n,) behaviour
    F         (n, k-1) marks of the bins of x but the first; Z (n, q) controls
    P         what is left of the covariances of v, u, x, F once Z is held equal (regression adjustment)
    r         P_vx / sqrt(P_vv P_xx), partial correlation
Every replicate of the survey's Rao-Wu bootstrap (Rao & Wu 1988; Rao, Wu & Yue 1992) gives all of them again, its weights
raked again, so that strata, clusters and weights are in the errors. Intervals and p values take the standard deviation of
the replicates and Student's t with the degrees of freedom of the design (units less strata less controls; Korn & Graubard
1990), not more than the replicates have; those of r on Fisher's scale atanh r.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import f, t

from csi.behaviour.linkage import Linked
from csi.behaviour.signature_columns import FEWEST, Array, Column, Indicator, sample_behind
from csi.errors import EstimationError
from csi.kernel.false_discovery import p_beyond
from csi.kernel.moments import Moments, moments
from csi.kernel.resample import standard_error

_NOTHING = 1e-8  # share of a behaviour's variance that the controls must leave
_NEAR_ONE = 1 - 1e-12
_V, _U, _X, _F = 0, 1, 2, 3  # places in the matrix of one behaviour


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """Respondents linked: case weights (n,), controls (n, q), replicates of the weights, degrees of freedom, coverage."""

    linked: Linked
    weights: Array
    controls: Array
    used: NDArray[np.bool_]
    draws: int
    seed: int
    level: float
    freedom: float

    def replicates(self) -> Iterator[Array]:
        """Case weights (B, n) of the linked respondents, piece by piece; replicates that miss their margins are left out."""
        rows = self.linked.frame["row"].to_numpy()
        whole = np.zeros(len(self.linked.survey), dtype=bool)
        whole[rows[self.used]] = True
        for W in sample_behind(self.linked).resamples(whole, self.draws, self.seed):
            yield W[np.isfinite(W).all(axis=1)][:, rows]

    def interval(self, estimate: Array, error: Array) -> tuple[Array, Array]:
        """Limits of estimates with standard errors."""
        reach = t.ppf((1 + self.level) / 2, self.freedom) * error
        return estimate - reach, estimate + reach


def design_of(linked: Linked, controls: Array, used: NDArray[np.bool_], how: tuple[int, int, float]) -> Design:
    """The respondents who are `used` (linked rows,), with draws, seed and level.

    Raises
    ------
    EstimationError
        Fewer than 20 draws, a level outside 0-1, or hardly more respondents than controls.
    """
    draws, seed, level = how
    if draws < 20 or not 0 < level < 1:
        raise EstimationError(f"intervals need draws >= 20 and 0 < level < 1, not draws={draws}, level={level:g}.")
    rows, sample = linked.frame["row"].to_numpy()[used], sample_behind(linked)
    strata, units = sample.strata[rows], sample.units[rows]
    freedom = len(np.unique(units)) - len(np.unique(strata)) - np.linalg.matrix_rank(controls[used])
    if freedom < 2:
        raise EstimationError(
            f"{len(np.unique(units))} primary units are too few beside {controls.shape[1]} columns of controls. Leave "
            "controls out."
        )
    weights = linked.survey.weights[linked.frame["row"].to_numpy()]
    return Design(linked, weights, controls, used, draws, seed, level, float(min(freedom, draws - 1)))


@dataclass(frozen=True, slots=True, eq=False)
class Effects:
    """What was found of one column; intervals are (low, high), p is of r = 0, `bins` has a row a bin.

    `status` is empty, or says why nothing could be found.
    """

    column: Column
    n: int
    missing: int
    status: str = ""
    r: float = np.nan
    error: float = np.nan
    interval: tuple[float, float] = (np.nan, np.nan)
    p: float = np.nan
    slope: tuple[float, float, float] = (np.nan, np.nan, np.nan)
    difference: tuple[float, float, float] = (np.nan, np.nan, np.nan)
    shape_p: float = np.nan
    bins: tuple[tuple[float, ...], ...] = ()


def effects_of(
    columns: Sequence[Column], indicator: Indicator, design: Design, *, shapes: bool = True
) -> list[Effects]:
    """Partial correlation, slope, standardised difference and shape of every column."""
    parts = [_Part(column, indicator, design, shapes) for column in columns]
    tested = [part for part in parts if not part.status]
    found: list[list[Array]] = [[] for _ in tested]
    for W in design.replicates():
        for part, pieces in zip(tested, found, strict=True):
            pieces.append(part.quantities(moments(part.matrix, W[:, part.rows])))
    drawn = iter([np.concatenate(pieces) for pieces in found])
    return [part.summary(next(drawn)) if not part.status else part.untested() for part in parts]


class _Part:
    """One column beside the indicator and the controls, on the respondents who have both."""

    def __init__(self, column: Column, indicator: Indicator, design: Design, shapes: bool) -> None:
        self.column, self.indicator, self.design = column, indicator, design
        usable = indicator.known & design.used
        self.rows = usable & ~np.isnan(column.x)
        self.missing = int((usable & ~self.rows).sum())
        x = column.x[self.rows]
        self.scale = float(x.std()) if len(x) else 0.0
        self.status = "" if len(x) >= FEWEST else f"{len(x)} values only"
        if not self.status and np.ptp(x) == 0:
            self.status = f"constant: always {x[0]:g}"
        if self.status:
            return
        bins = column.bins()[self.rows]
        self.k = len(column.edges) + 1 if shapes else 1
        marks = (bins[:, None] == np.arange(1, self.k)).astype(float)
        self.counts = np.bincount(bins, minlength=self.k)
        known = [indicator.sign * indicator.values[self.rows], indicator.weak[self.rows], (x - x.mean()) / self.scale]
        self.matrix = np.column_stack([*known, marks, design.controls[self.rows]])
        self.point = moments(self.matrix, design.weights[None, self.rows])
        if _adjusted(self.point.cov, _F + self.k - 1)[0, _X, _X] <= _NOTHING * self.point.cov[0, _X, _X]:
            self.status = "follows from the controls"

    def quantities(self, m: Moments) -> Array:
        """(B, 3 + k + k - 2) atanh r, slope, difference, means of the bins, bends; the last two if there are bins."""
        own, S = _F + self.k - 1, m.cov
        P = _adjusted(S, own)
        with np.errstate(divide="ignore", invalid="ignore"):
            r = P[:, _V, _X] / np.sqrt(P[:, _V, _V] * P[:, _X, _X])
            slope = self.indicator.sign * P[:, _V, _X] / P[:, _X, _X] * self.column.change / self.scale
            within = S[:, _X, _X] - S[:, _X, _U] ** 2 / S[:, _U, _U]
            difference = P[:, _U, _X] / P[:, _U, _U] / np.sqrt(within)
        first = [np.arctanh(np.clip(r, -_NEAR_ONE, _NEAR_ONE)), slope, difference]
        if self.k == 1:
            return np.column_stack(first)
        steps = _coefficients(P, np.arange(_F, own))
        lowest = m.mean[:, _V] - (steps * m.mean[:, _F:own]).sum(axis=1)
        means = self.indicator.sign * np.column_stack([lowest, lowest[:, None] + steps])
        bends = _coefficients(P, np.array([_X, *range(_F, own - 1)]))[:, 1:]
        return np.column_stack([*first, means, bends])

    def untested(self) -> Effects:
        return Effects(self.column, int(self.rows.sum()), self.missing, self.status)

    def summary(self, drawn: Array) -> Effects:
        drawn = drawn[np.isfinite(drawn).all(axis=1)]
        if len(drawn) < 20:
            raise EstimationError(
                f"{self.column.term}: {len(drawn)} of {self.design.draws} replicates could be used. Join rare levels of the "
                "controls, or widen the bounds of the weights."
            )
        point, error = self.quantities(self.point)[0], standard_error(drawn)
        low, high = self.design.interval(point, error)
        p = p_beyond(point[:1], error[:1], freedom=self.design.freedom)
        r = float(np.tanh(point[0]))
        span = range(3, 3 + self.k) if self.k > 1 else range(0)
        bins = tuple(tuple(map(float, (self.counts[b - 3], point[b], error[b], low[b], high[b]))) for b in span)
        return replace(
            self.untested(), r=r, error=float(error[0] * (1 - r**2)),
            interval=(float(np.tanh(low[0])), float(np.tanh(high[0]))), p=float(p[0]),
            slope=(float(point[1]), float(low[1]), float(high[1])),
            difference=(float(point[2]), float(low[2]), float(high[2])), bins=bins,
            shape_p=_shape_p(point[3 + self.k :], drawn[:, 3 + self.k :], self.design.freedom) if bins else np.nan,
        )  # fmt: skip


def _adjusted(S: Array, own: int) -> Array:
    """(B, own, own) covariances of the first columns once the others are held equal."""
    if S.shape[1] == own:
        return S
    # The levels of a control add up to a constant, and a replicate may lack a level: hence the pseudo-inverse.
    inverse = np.linalg.pinv(S[:, own:, own:], rcond=1e-10, hermitian=True)
    return np.asarray(S[:, :own, :own] - S[:, :own, own:] @ inverse @ S[:, own:, :own])


def _coefficients(P: Array, on: NDArray[np.intp]) -> Array:
    """(B, len(on)) coefficients of weakness on some columns."""
    inverse = np.linalg.pinv(P[:, on[:, None], on], rcond=1e-10, hermitian=True)
    return np.asarray((inverse @ P[:, on, _V, None])[..., 0])


def _shape_p(bends: Array, drawn: Array, freedom: float) -> float:
    """The p value of the Wald test that the bins lie on a line, as Hotelling's T2: the covariance is that of replicates."""
    q = len(bends)
    if not 0 < q < freedom:
        return np.nan
    T2 = bends @ np.linalg.pinv(np.atleast_2d(np.cov(drawn.T)), hermitian=True) @ bends
    return float(f.sf(T2 * (freedom - q + 1) / (q * freedom), q, freedom - q + 1))
