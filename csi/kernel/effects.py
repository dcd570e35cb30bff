"""Structural quantities from the correlations of the constructs: paths, R2, total effects, effect sizes.

Notation
    C          (B, J, J)  construct correlations, unit diagonal
    adjacency  (J, J)     True where row has a path to column
    paths      (B, J, J)  standardised path coefficients, rows = from, columns = to, 0 where there is no path
Units: standard deviations per standard deviation. Exogenous constructs have R2 = NaN.
"""

import numpy as np
from numpy.typing import NDArray

from csi.kernel.pls import Layout
from csi.kernel.small_matrices import Array, diagonal_of_inverse, ldl, solve


def path_coefficients(C: Array, layout: Layout) -> tuple[Array, Array]:
    """Regress every endogenous construct on its predecessors: paths (B, J, J) and R2 (B, J)."""
    S = np.ascontiguousarray(np.moveaxis(C, 0, -1))
    paths = np.zeros_like(S)
    r_squared = np.full(S.shape[1:], np.nan)
    for k in range(len(S)):
        causes = layout.predecessors(k)
        if len(causes):
            beta = solve(ldl(S[np.ix_(causes, causes)]), S[causes, k])
            paths[causes, k] = beta
            r_squared[k] = np.einsum("cb,cb->b", beta, S[causes, k])
    return np.moveaxis(paths, -1, 0), r_squared.T


def total_effects(paths: Array, layout: Layout) -> Array:
    """Direct plus indirect effects (B, J, J): each cause's effect on k is summed over the predecessors of k.

    >>> layout = Layout(np.arange(3), np.zeros(3, bool), np.zeros(3, bool), np.triu(np.ones((3, 3), bool), 1))
    >>> paths = np.array([[[0, 0.5, 0.2], [0, 0, 0.4], [0, 0, 0]]])
    >>> total_effects(paths, layout)[0, 0].round(10).tolist()
    [0.0, 0.5, 0.4]
    """
    P = np.moveaxis(paths, 0, -1)
    T = np.zeros(P.shape)
    for k in layout.order:
        for j in layout.predecessors(k):
            T[:, k] += T[:, j] * P[j, k]
            T[j, k] += P[j, k]
    return np.moveaxis(T, -1, 0)


def routes(layout: Layout) -> list[tuple[int, ...]]:
    """Every way from one construct to another through at least one mediator, as construct numbers; causes first.

    >>> routes(Layout(np.arange(3), np.zeros(3, bool), np.zeros(3, bool), np.triu(np.ones((3, 3), bool), 1)))
    [(0, 1, 2)]
    """
    found: list[tuple[int, ...]] = []
    waiting: list[tuple[int, ...]] = [(j,) for j in range(len(layout.adjacency))]
    while waiting:
        route = waiting.pop(0)
        longer = [(*route, int(k)) for k in np.flatnonzero(layout.adjacency[route[-1]])]
        found += [each for each in longer if len(each) > 2]
        waiting += longer
    return found


def specific_indirect_effects(paths: Array, layout: Layout) -> Array:
    """(B, routes) product of the path coefficients along each of `routes`."""
    ways = routes(layout)
    return np.stack([paths[:, way[:-1], way[1:]].prod(axis=1) for way in ways], axis=1) if ways else paths[:, :0, 0]


def information_criteria(C: Array, r_squared: Array, layout: Layout, n: NDArray[np.intp]) -> dict[str, Array]:
    """AIC, BIC, GM and HQ of every equation (B, J), as Sharma, Shmueli, Sarstedt, Danks & Ray (2021) give them.

    SSE = (1 - R2)(n - 1). GM (Geweke & Meese 1981) measures it by the error variance of the saturated equation: all constructs
    that do not follow from the one explained. Smaller is better; only models of the same construct may be compared.
    """
    N = n[:, None].astype(float)
    terms = layout.adjacency.sum(axis=0) + 1
    sse = (1 - r_squared) * (N - 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        size = N * np.log(sse / N)
        return {
            "aic": size + 2 * terms,
            "bic": size + terms * np.log(N),
            "gm": sse / _saturated_error(C, layout, N) + terms * np.log(N),
            "hq": size + 2 * terms * np.log(np.log(N)),
        }


def _saturated_error(C: Array, layout: Layout, N: Array) -> Array:
    """(B, J) error variance of each construct given all that do not follow from it."""
    reached = total_effects(layout.adjacency[None].astype(float), layout)[0] > 0
    error = np.full(C.shape[:2], np.nan)
    S = np.ascontiguousarray(np.moveaxis(C, 0, -1))
    for k in np.flatnonzero(layout.adjacency.any(axis=0)):
        given = np.flatnonzero(~reached[k] & (np.arange(len(reached)) != k))
        beta = solve(ldl(S[np.ix_(given, given)]), S[given, k])
        explained = np.einsum("cb,cb->b", beta, S[given, k])
        error[:, k] = (1 - explained) * (N[:, 0] - 1) / (N[:, 0] - len(given) - 1)
    return error


def adjusted_r_squared(r_squared: Array, layout: Layout, n: NDArray[np.intp]) -> Array:
    """1 - (1 - R2)(n - 1)/(n - k - 1) with k predecessors; NaN where n leaves no degree of freedom."""
    k = layout.adjacency.sum(axis=0)
    spare = n[:, None] - k - 1
    return 1 - (1 - r_squared) * (n[:, None] - 1) / np.where(spare > 0, spare, np.nan)


def inner_vif(C: Array, layout: Layout) -> Array:
    """Variance inflation of each predecessor (row) in each equation (column): (B, J, J), NaN where no path.

    A single predecessor has VIF 1, one that follows from the others an infinite one.
    """
    vif = np.full(C.shape, np.nan)
    for k in range(C.shape[1]):
        causes = layout.predecessors(k)
        if len(causes):
            vif[:, causes, k] = diagonal_of_inverse(C[:, causes[:, None], causes])
    return vif


def f_squared(C: Array, paths: Array, r_squared: Array, layout: Layout) -> Array:
    """Cohen's f2 = (R2 - R2 without the predecessor)/(1 - R2), construct scores held fixed (Cohen 1988): (B, J, J).

    R2 falls by beta2/VIF when a predecessor leaves, so no second regression is needed.
    """
    return np.where(layout.adjacency, paths**2 / inner_vif(C, layout) / (1 - r_squared[:, None, :]), np.nan)
