"""Finite mixtures of the structural regressions (FIMIX-PLS): segments that nobody named, many random starts as one batch.

Notation
    Y         (n, J)     standardised construct scores, no gaps
    w         (n,)       case weights that sum to n; they multiply each case's log-likelihood
    P         (S, K, n)  probability of each case to belong to each of K segments, in each of S starts
    paths     (S, K, J, J)  regression coefficients of each segment, rows = from, columns = to, 0 where there is no path
    residual  (S, K, J)  residual variance of each equation, NaN for constructs that nothing explains
In segment k every endogenous construct is a normal regression on its predecessors, with its own intercept, slopes and
variance; the mixture is over whole cases (Hahn, Johnson, Herrmann & Huber 2002; Sarstedt, Becker, Ringle & Schwaiger 2011).
The likelihood is unbounded where a segment shrinks to a few cases that an equation fits exactly; such starts are given up.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from csi.kernel.effects import path_coefficients
from csi.kernel.moments import moments
from csi.kernel.pls import Layout
from csi.kernel.small_matrices import Array

# An equation that leaves less than this share of its variance in the undivided sample has found a few cases on a line.
_VARIANCE_FLOOR = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Regressions:
    """The regressions of every segment in every start; shapes as in the notation, `share` and `intercept` beside them."""

    share: Array  # (S, K), sums to 1 over K
    intercept: Array  # (S, K, J)
    paths: Array  # (S, K, J, J)
    residual: Array  # (S, K, J)
    r_squared: Array  # (S, K, J)

    def part(self, starts: NDArray[np.bool_]) -> "Regressions":
        """The regressions of some of the starts."""
        return Regressions(
            self.share[starts],
            self.intercept[starts],
            self.paths[starts],
            self.residual[starts],
            self.r_squared[starts],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Mixture:
    """How every start ended: log-likelihood (S,), -inf where it became singular, and the probabilities P (S, K, n)."""

    log_likelihood: Array
    posterior: Array
    iterations: NDArray[np.intp]
    converged: NDArray[np.bool_]
    singular: NDArray[np.bool_]


def parameters(layout: Layout, segments: int) -> int:
    """Free parameters: slopes, intercepts and variances of every segment, and the segments' shares but one."""
    slopes, equations = int(layout.adjacency.sum()), int(layout.adjacency.any(axis=0).sum())
    return segments * (slopes + 2 * equations) + segments - 1


def fewest_cases(layout: Layout) -> int:
    """Cases (sum of probabilities) below which a segment is nearly no one: two for each parameter of the largest equation."""
    return 2 * (int(layout.adjacency.sum(axis=0).max()) + 2)


def random_posteriors(starts: int, segments: int, n: int, seed: int) -> Array:
    """(S, K, n) probabilities drawn evenly from all that sum to 1 over the segments.

    >>> random_posteriors(2, 3, 4, seed=1).sum(axis=1).round(10).tolist()
    [[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0]]
    """
    drawn = np.random.default_rng([seed, segments]).standard_exponential((starts, segments, n))
    return np.asarray(drawn / drawn.sum(axis=1, keepdims=True))


def regressions(Y: Array, w: Array, P: Array, layout: Layout) -> Regressions:
    """The regressions of every segment, each case counted by its weight times its probability."""
    S, K, n = P.shape
    J = Y.shape[1]
    m = moments(Y, (P * w).reshape(S * K, n))
    cov = m.cov * ((n - 1) / n)  # maximum likelihood divides by n
    paths, explained = path_coefficients(cov, layout)  # of covariances: explained variances instead of shares
    variance = np.diagonal(cov, axis1=1, axis2=2)
    intercept = m.mean - np.einsum("bj,bjk->bk", m.mean, paths)
    with np.errstate(invalid="ignore", divide="ignore"):
        r_squared = explained / variance
    return Regressions(
        P @ w / w.sum(),
        intercept.reshape(S, K, J),
        paths.reshape(S, K, J, J),
        (variance - explained).reshape(S, K, J),
        r_squared.reshape(S, K, J),
    )


def expectation_maximisation(
    Y: Array, w: Array, layout: Layout, P: Array, tolerance: float = 1e-8, max_iterations: int = 5000
) -> Mixture:
    """Maximise the likelihood from every start in P; starts stop one by one, each on its own.

    A start has converged when a step raises its log-likelihood by less than `tolerance`. It is singular, and given up, when
    a segment holds fewer cases than `fewest_cases` or a residual variance falls below a hundredth of what the undivided
    sample leaves.
    """
    S, _, n = P.shape
    floor = _VARIANCE_FLOOR * regressions(Y, w, np.ones((1, 1, n)), layout).residual[0, 0]
    final, likelihood = P.copy(), np.full(S, -np.inf)
    iterations = np.zeros(S, dtype=np.intp)
    converged, singular = np.zeros(S, dtype=bool), np.zeros(S, dtype=bool)
    running = np.arange(S)  # which start stands in each row that is still carried along
    for step in range(1, max_iterations + 1):
        fitted, sound = _maximisation(Y, w, P, layout, floor)
        singular[running[~sound]] = True
        running = running[sound]
        if not len(running):
            break
        P, reached = _expectation(Y, w, fitted, layout)
        settled = reached - likelihood[running] < tolerance
        final[running], likelihood[running], iterations[running] = P, reached, step
        converged[running[settled]] = True
        P, running = P[~settled], running[~settled]
    likelihood[singular] = -np.inf
    return Mixture(likelihood, final, iterations, converged, singular)


def _maximisation(Y: Array, w: Array, P: Array, layout: Layout, floor: Array) -> tuple[Regressions, NDArray[np.bool_]]:
    """The regressions of the starts that are not singular, and which starts these are."""
    sound = np.asarray((P @ w).min(axis=1) >= fewest_cases(layout))
    fitted = regressions(Y, w, P[sound], layout)
    endogenous = layout.adjacency.any(axis=0)
    # False for NaN too: an equation that has no solution, in a segment or in the undivided sample
    enough = np.asarray((fitted.residual[..., endogenous] >= floor[endogenous]).all(axis=(1, 2)))
    sound[sound] = enough
    return fitted.part(enough), sound


def _expectation(Y: Array, w: Array, fitted: Regressions, layout: Layout) -> tuple[Array, Array]:
    """Probabilities (S, K, n) and log-likelihoods (S,) under the regressions."""
    S, K, J = fitted.intercept.shape
    design = np.column_stack([np.ones(len(Y)), Y]).T
    log_density = np.repeat(np.log(fitted.share).reshape(S * K, 1), len(Y), axis=1)
    for k in np.flatnonzero(layout.adjacency.any(axis=0)):
        variance = fitted.residual[..., k].reshape(S * K, 1)
        contrast = -np.concatenate([fitted.intercept[..., [k]], fitted.paths[..., k]], axis=-1).reshape(S * K, J + 1)
        contrast[:, 1 + k] = 1.0
        residual = (contrast / np.sqrt(variance)) @ design
        log_density -= 0.5 * (residual * residual + np.log(2 * np.pi * variance))
    log_density = log_density.reshape(S, K, -1)
    top = log_density.max(axis=1, keepdims=True)
    P = np.exp(log_density - top)
    total = P.sum(axis=1, keepdims=True)
    return P / total, (top + np.log(total))[:, 0] @ w


def criteria(log_likelihood: float, undivided: float, P: Array, w: Array, layout: Layout) -> dict[str, float]:
    """What speaks for a number of segments: smaller is better but for lnL, EN and NFI.

    lnL is the log-likelihood and `undivided` that of one segment; P (K, n) are the probabilities, N the free parameters:

    AIC, AIC3, AIC4 = -2 lnL + 2 N, 3 N, 4 N; BIC = -2 lnL + N ln n; CAIC = -2 lnL + N (ln n + 1); HQ = -2 lnL + 2 N ln ln n;
    MDL5 = -2 lnL + 5 N ln n (Liang, Jaszczak & Coleman 1992). How surely cases belong to one segment: EN = 1 - entropy/(n ln K)
    (Ramaswamy et al. 1993), NFI = (K sum p2/n - 1)/(K - 1) (Roubens 1978), both 1 when sure and NaN for one segment;
    NEC = entropy/(lnL - lnL of one segment), 1 for one segment (Celeux & Soromenho 1996).
    """
    K, n = P.shape
    N = parameters(layout, K)
    deviance, log_n = -2 * log_likelihood, float(np.log(n))
    entropy = -float((xlogy(P, P) @ w).sum())
    purity = float((P**2 @ w).sum()) / n
    return {
        "lnL": log_likelihood,
        "AIC": deviance + 2 * N,
        "AIC3": deviance + 3 * N,
        "AIC4": deviance + 4 * N,
        "BIC": deviance + N * log_n,
        "CAIC": deviance + N * (log_n + 1),
        "HQ": deviance + 2 * N * float(np.log(log_n)),
        "MDL5": deviance + 5 * N * log_n,
        "EN": 1 - entropy / (n * float(np.log(K))) if K > 1 else np.nan,
        "NFI": (K * purity - 1) / (K - 1) if K > 1 else np.nan,
        "NEC": entropy / (log_likelihood - undivided) if K > 1 else 1.0,
    }
