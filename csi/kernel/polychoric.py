"""Polychoric correlations: of the normal variables that ordinal answers are taken to cut into categories, in any batch.

Notation
    X          (n, p)         ordinal answers, NaN where missing; only their order is used
    W          (B, n)         case weights, one row a replicate
    tables     (..., K1, K2)  weighted counts of the answers to a pair of items
    thresholds (..., K - 1)   normal quantiles of an item's cumulative shares
    rho        (...)          correlation of the two underlying normal variables
Two steps (Olsson 1979): thresholds from the margin of each item alone, then per pair the rho under which its table is most
likely. No continuity correction: a table with an empty corner may have its best rho at -1 or 1, and gets it. Bivariate
probabilities come from Owen's T function (Owen 1956), which is exact to rounding for every rho.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, owens_t

from csi.kernel.small_matrices import Array, Floats

_FAR = 38.0  # standard normal deviates: nothing lies beyond that floating point could tell
_TINY = 1e-13  # probabilities below are mostly the rounding error of the larger ones whose difference they are
_CELLS = 400_000  # cells of tables in work at once


def polychoric(tables: Array) -> Array:
    """(B,) polychoric correlations of weighted contingency tables (B, K1, K2), thresholds from the tables' own margins.

    NaN where all weight is in one row or one column.

    >>> polychoric(np.array([[[40.0, 10.0], [10.0, 40.0]]])).round(4).tolist()  # of a 2 x 2 table: tetrachoric
    [0.809]
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = [tables.sum(axis=axis) / tables.sum(axis=(1, 2))[:, None] for axis in (2, 1)]
    return _most_likely(tables, _thresholds(shares[0]), _thresholds(shares[1]))


def polychoric_correlations(X: Floats, W: Array) -> Array:
    """(B, p, p) polychoric correlations of the columns of X under every row of W.

    A pair's table counts those who answered both items; an item's thresholds come from all who answered it. Pairs are
    estimated one by one, so the matrix need not be positive definite. NaN for an item, or a pair, with a single category.

    >>> X = np.array([[1, 1], [1, 2], [2, 1], [2, 2]]).repeat([40, 10, 10, 40], axis=0)
    >>> polychoric_correlations(X.astype(float), np.ones((1, 100)))[0].round(4).tolist()
    [[1.0, 0.809], [0.809, 1.0]]
    """
    answers = _indicators(X)
    _, p, K = answers.shape
    B = len(W)
    with np.errstate(invalid="ignore", divide="ignore"):
        counts = (W @ answers.reshape(len(X), -1)).reshape(B, p, -1)
        shares = counts / counts.sum(axis=2, keepdims=True)
    cuts = _thresholds(shares)
    R = np.empty((B, p, p))
    R[:, np.arange(p), np.arange(p)] = np.where((shares > 0).sum(axis=2) > 1, 1.0, np.nan)
    left, right = np.triu_indices(p, 1)
    together = max(1, _CELLS // (max(B, len(X)) * K**2))
    for pairs in (slice(i, i + together) for i in range(0, len(left), together)):
        i, j = left[pairs], right[pairs]
        tables = _pair_tables(answers[:, i], answers[:, j], W)
        rho = _most_likely(tables, cuts[:, i].reshape(-1, K - 1), cuts[:, j].reshape(-1, K - 1))
        R[:, i, j] = R[:, j, i] = rho.reshape(B, -1)
    return R


def _indicators(X: Floats) -> Array:
    """(n, p, K) 1 where a case gave an item's k-th smallest answer; K is that of the item with most."""
    scales = [np.unique(x[~np.isnan(x)]) for x in X.T]
    out = np.zeros((*X.shape, max([2, *(len(scale) for scale in scales)])))
    for item, scale in enumerate(scales):
        out[:, item, : len(scale)] = X[:, item, None] == scale
    return out


def _pair_tables(left: Array, right: Array, W: Array) -> Array:
    """(B x pairs, K, K) counts of pairs of items (n, pairs, K), in one matrix product."""
    n, _, K = left.shape
    joint = left[:, :, :, None] * right[:, :, None, :]
    return (W @ joint.reshape(n, -1)).reshape(-1, K, K)


def _thresholds(shares: Array) -> Array:
    """(..., K - 1) from the shares of the K categories; an empty category has no width."""
    return np.clip(ndtri(np.minimum(np.cumsum(shares, axis=-1)[..., :-1], 1.0)), -_FAR, _FAR)


def _most_likely(
    tables: Array, rows: Array, columns: Array, tolerance: float = 1e-8, max_iterations: int = 100
) -> Array:
    """(M,) rho that maximises the likelihood of each table (M, K1, K2), given thresholds; NaN where there is none.

    Newton's method within a bracket that the sign of the slope narrows, halved where Newton leaves it or dawdles; a step of
    `tolerance` leaves an error of its square. A rho nearer than `tolerance` to -1 or 1 is given as -1 or 1.
    """
    varied = ((tables.sum(axis=2) > 0).sum(axis=1) > 1) & ((tables.sum(axis=1) > 0).sum(axis=1) > 1)
    final = np.full(len(tables), np.nan)
    active = np.flatnonzero(varied)
    tables, rows, columns = tables[varied], rows[varied], columns[varied]
    rho = _product_moment(tables)
    low, high, step = np.full(len(rho), -1.0), np.full(len(rho), 1.0), np.full(len(rho), np.inf)
    for _ in range(max_iterations):
        slope, curvature = _score(tables, rows, columns, rho)
        # A table that only rho = 1 or -1 would fit has a slope that fades away to 0 on the way there.
        slope = np.where((slope == 0) & (curvature == 0), rho, slope)
        low, high = np.where(slope > 0, rho, low), np.where(slope > 0, high, rho)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            newton = rho - slope / curvature
        sound = (curvature < 0) & (newton >= low) & (newton <= high) & (np.abs(newton - rho) <= step / 2)
        better = np.where(sound, newton, (low + high) / 2)
        step, end = np.abs(better - rho), 1 - np.abs(better) < tolerance
        running = (step > tolerance * (1 - rho**2)) & ~end
        final[active[~running]] = np.where(end, np.sign(better), better)[~running]
        active = active[running]
        rho, low, high, step = (values[running] for values in (better, low, high, step))
        tables, rows, columns = tables[running], rows[running], columns[running]
        if not len(active):
            break
    return final


def _product_moment(tables: Array) -> Array:
    """(M,) correlation of the category numbers, kept off the ends: where the search starts."""
    share = tables / tables.sum(axis=(1, 2), keepdims=True)
    spread, numbers = [], []
    for margin in (share.sum(axis=2), share.sum(axis=1)):
        number = np.arange(margin.shape[1]) - (margin @ np.arange(margin.shape[1]))[:, None]
        numbers.append(number)
        spread.append((margin * number**2).sum(axis=1))
    product = np.einsum("mi,mij,mj->m", numbers[0], share, numbers[1])
    return np.asarray(np.clip(product / np.sqrt(spread[0] * spread[1]), -0.95, 0.95))


def _score(tables: Array, rows: Array, columns: Array, rho: Array) -> tuple[Array, Array]:
    """(M,) first and second derivative of the log likelihood by rho.

    The derivative of a bivariate normal probability by rho is the density at its corner (Drezner & Wesolowsky 1990).
    """
    a, b, r = rows[:, :, None], columns[:, None, :], rho[:, None, None]
    log_density, steepness = _log_density(a, b, r)
    density = np.exp(log_density)
    widths = [np.diff(ndtr(cuts), axis=1, prepend=0.0, append=1.0) for cuts in (rows, columns)]
    independent = widths[0][:, :, None] * widths[1][:, None, :]
    P = independent + _rectangles(bivariate_normal(a, b, r) - ndtr(a) * ndtr(b))
    counted = tables > 0
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        first, second = (np.where(counted, _rectangles(d) / P, 0.0) for d in (density, density * steepness))
    tail = counted & ~(P > _TINY)
    if tail.any():
        first[tail] = _tail_slope(rows, columns, rho, tail)
        second[tail] = first[tail] ** 2
    return (tables * first).sum(axis=(1, 2)), (tables * (second - first**2)).sum(axis=(1, 2))


def bivariate_normal(a: Array, b: Array, rho: Array) -> Array:
    """Probability that two standard normal variables of correlation rho, -1 < rho < 1, lie below finite a and b.

    >>> float(bivariate_normal(np.array(0.0), np.array(0.0), np.array(0.5)).round(12))  # 1/4 + arcsin(rho)/(2 pi)
    0.333333333333
    """
    a, b = (np.where(np.abs(x) < 1e-100, 1e-100, x) for x in (a, b))  # the formula divides by both
    root = np.sqrt(1 - rho**2)
    outside = owens_t(a, (b / a - rho) / root) + owens_t(b, (a / b - rho) / root)
    return np.asarray((ndtr(a) + ndtr(b) - (a * b < 0)) / 2 - outside)


def _rectangles(corners: Array) -> Array:
    """(M, K1, K2) what lies between neighbouring corners (M, K1 - 1, K2 - 1) of a function that is 0 at the outer edges."""
    return np.diff(np.diff(np.pad(corners, ((0, 0), (1, 1), (1, 1))), axis=1), axis=2)


def _tail_slope(rows: Array, columns: Array, rho: Array, tail: NDArray[np.bool_]) -> Array:
    """Slope by rho of log P, in the cells whose own P is lost to rounding.

    So far out a cell has its P at its likeliest corner: P is the density there over its two rates of decay
    (a - rho b)/(1 - rho^2) and (b - rho a)/(1 - rho^2).
    """
    m, i, j = np.nonzero(tail)
    below, right = np.divmod(np.arange(4)[:, None], 2)
    ends = ((0, 0), (-_FAR, _FAR))
    a = np.pad(rows, ((0, 0), (1, 1)), constant_values=ends)[m, i + below]
    b = np.pad(columns, ((0, 0), (1, 1)), constant_values=ends)[m, j + right]
    r = rho[m]
    log_density, steepness = _log_density(a, b, r)
    likeliest = log_density.argmax(axis=0), np.arange(len(m))
    a, b = a[likeliest], b[likeliest]
    slope: Array = steepness[likeliest] + b / (a - r * b) + a / (b - r * a) - 4 * r / (1 - r**2)
    return slope


def _log_density(a: Array, b: Array, rho: Array) -> tuple[Array, Array]:
    """Logarithm of the bivariate normal density, and its derivative by rho."""
    free = 1 - rho**2
    log_density = -((a - b) ** 2) / (2 * free) - a * b / (1 + rho) - np.log(2 * np.pi * np.sqrt(free))
    return log_density, rho / free - rho * ((a - b) / free) ** 2 + a * b / (1 + rho) ** 2
