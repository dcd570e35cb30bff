"""Common factors with directed paths: the item covariances they imply, and the parameters of maximum likelihood.

Notation
    S, Sigma    (p, p)  observed and implied item covariances
    loadings    (p,)    lambda, of each item on its own construct
    paths       (J, J)  beta, rows = from, columns = to
    disturbance (J, J)  Psi: covariances of the exogenous constructs, residual variances of the others
    residual    (p,)    theta: residual variances of the items
    Phi         (J, J)  construct covariances, T' Psi T with the total effects T = (I - beta)^-1
    theta       (q,)    the free parameters
    Sigma = Lambda Phi Lambda' + diag(residual)                                                    (Joereskog 1973)
The first item of a construct has loading 1. A construct of one item is that item: loading 1, no residual. Exogenous
constructs covary freely, residuals do not. Every derivative of Sigma is l r' + r l' for two vectors l and r (p,): gradient,
information and scores of the cases come from two (q, p) matrices, without an array of q derivatives. Everything that maps
theta is analytic, so that a complex step gives exact second derivatives (Squire & Trapp 1998).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from csi.kernel.overall_fit import likelihood_distance
from csi.kernel.pls import Layout
from csi.kernel.small_matrices import Array

_STEP = 1e-20  # of the complex step: no subtraction takes place, so it can be as small as one likes


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """The parameter matrices at one theta; see the head of the file."""

    block: NDArray[np.intp]
    loadings: Array
    paths: Array
    disturbance: Array
    residual: Array

    @property
    def Lambda(self) -> Array:  # noqa: N802 - the literature's symbol
        """(p, J) loadings with zeros off the own construct."""
        pattern = np.eye(len(self.paths))[self.block]
        return pattern * self.loadings[:, None]

    @property
    def total(self) -> Array:
        """(J, J) what one unit of a construct's disturbance (row) does to every construct (column)."""
        return np.asarray(np.linalg.inv(np.eye(len(self.paths)) - self.paths))

    @property
    def Phi(self) -> Array:  # noqa: N802
        """(J, J) construct covariances."""
        return np.asarray(self.total.T @ self.disturbance @ self.total)

    @property
    def Sigma(self) -> Array:  # noqa: N802
        """(p, p) item covariances."""
        L = self.Lambda
        return np.asarray(L @ self.Phi @ L.T + np.diag(self.residual))

    def rescaled(self, items: Array, constructs: Array) -> "Solution":
        """The same model when items (p,) and constructs (J,) are measured in units as many times smaller."""
        return Solution(
            self.block,
            self.loadings * items / constructs[self.block],
            self.paths * constructs / constructs[:, None],
            self.disturbance * constructs * constructs[:, None],
            self.residual * items**2,
        )

    def standardised(self) -> "Solution":
        """Implied variances of items and constructs all 1; NaN where one is not above 0."""
        items, constructs = (np.where(v.real > 0, v, np.nan) for v in map(np.diagonal, (self.Sigma, self.Phi)))
        return self.rescaled(items**-0.5, constructs**-0.5)


@dataclass(frozen=True, slots=True, eq=False)
class Structure:
    """Which entries of the matrices are free. Order of theta: loadings, paths, item residuals, construct (co)variances."""

    layout: Layout
    free_loadings: NDArray[np.intp]
    path_from: NDArray[np.intp]
    path_to: NDArray[np.intp]
    residuals: NDArray[np.intp]
    left: NDArray[np.intp]  # constructs that covary freely with those of `right`
    right: NDArray[np.intp]

    @classmethod
    def of(cls, layout: Layout) -> "Structure":
        """The free entries of a model."""
        exogenous = np.flatnonzero(~layout.adjacency.any(axis=0))
        first, second = np.triu_indices(len(exogenous), 1)
        path_from, path_to = np.nonzero(layout.adjacency)
        return cls(
            layout,
            np.setdiff1d(np.arange(len(layout.block)), layout.starts),
            path_from,
            path_to,
            np.flatnonzero(layout.sizes[layout.block] > 1),
            exogenous[first],
            exogenous[second],
        )

    @property
    def _sizes(self) -> list[int]:
        return [
            len(self.free_loadings),
            len(self.path_from),
            len(self.residuals),
            len(self.layout.sizes),
            len(self.left),
        ]

    @property
    def parameters(self) -> int:
        """Number of free parameters q."""
        return sum(self._sizes)

    @property
    def degrees_of_freedom(self) -> int:
        """Item variances and covariances less free parameters."""
        p = len(self.layout.block)
        return p * (p + 1) // 2 - self.parameters

    def solution(self, theta: Array) -> Solution:
        """The matrices at theta (q,), real or complex."""
        free, paths, residual, variance, covariance = np.split(theta, np.cumsum(self._sizes)[:-1])
        loadings = np.ones(len(self.layout.block), theta.dtype)
        loadings[self.free_loadings] = free
        beta = np.zeros((len(variance), len(variance)), theta.dtype)
        beta[self.path_from, self.path_to] = paths
        residuals = np.zeros(len(loadings), theta.dtype)
        residuals[self.residuals] = residual
        disturbance = np.diag(variance)
        disturbance[self.left, self.right] = disturbance[self.right, self.left] = covariance
        return Solution(self.layout.block, loadings, beta, disturbance, residuals)

    def entries(self, s: Solution) -> Array:
        """All loadings of constructs with several items, fixed ones too, then the rest of theta in its order."""
        return np.concatenate(
            [
                s.loadings[self.residuals],
                s.paths[self.path_from, self.path_to],
                s.residual[self.residuals],
                np.diagonal(s.disturbance),
                s.disturbance[self.left, self.right],
            ]
        )

    @property
    def is_free(self) -> NDArray[np.bool_]:
        """Which of `entries` are parameters, in the order of theta; the others are the loadings fixed at 1."""
        rest = self.parameters - len(self.free_loadings)
        return np.concatenate([np.isin(self.residuals, self.free_loadings), np.ones(rest, dtype=bool)])

    def start(self, R: Array) -> Array:
        """(q,) values from which the iteration can begin for item correlations R: loadings of 1, no paths."""
        marker = self.layout.starts[self.layout.block]
        sign = np.where(R[np.arange(len(R)), marker] < 0, -1.0, 1.0)
        variance = np.where(self.layout.sizes > 1, 0.5, 1.0)
        none = np.zeros(len(self.path_from)), np.zeros(len(self.left))
        return np.concatenate([sign[self.free_loadings], none[0], np.full(len(self.residuals), 0.5), variance, none[1]])


@dataclass(frozen=True, slots=True, eq=False)
class Maximum:
    """Where the likelihood is largest: theta (q,), the discrepancy F, its largest slope, and whether this is a maximum."""

    theta: Array
    discrepancy: float
    slope: float
    converged: bool


def maximum_likelihood(S: Array, structure: Structure, start: Array, max_iterations: int = 300) -> Maximum:
    """Minimise F = log|Sigma| + tr(S Sigma^-1) - log|S| - p by Newton's method within a trust region.

    The variances are not kept from being negative: such a solution is a symptom, and a bound would hide it. S should have a
    unit diagonal, for the sake of the numbers' size alone.

    >>> layout = Layout(np.array([0, 1]), np.zeros(2, bool), np.ones(2, bool), np.array([[False, True], [False, False]]))
    >>> S = np.array([[1, 0.5], [0.5, 1]]); structure = Structure.of(layout)
    >>> maximum_likelihood(S, structure, structure.start(S)).theta.round(6).tolist()  # path, variance, residual variance
    [0.5, 1.0, 0.75]
    """

    def value(theta: Array) -> float:
        Sigma = structure.solution(theta).Sigma
        distance = float(likelihood_distance(S[None], Sigma[None])[0]) if np.linalg.eigvalsh(Sigma)[0] > 0 else np.inf
        return float(distance)

    def slope(theta: Array) -> Array:
        return gradient(S, structure, theta)

    def curvature(theta: Array) -> Array:
        return jacobian(slope, theta)

    # Nearer than this the differences of F are rounding noise, and the trust region would only shrink.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        theta = minimize(
            value,
            start,
            jac=slope,
            hess=curvature,
            method="trust-exact",
            options={"gtol": 1e-6, "maxiter": max_iterations},
        ).x
    theta = _polished(slope, curvature, theta)
    steepest = float(np.abs(slope(theta)).max())
    minimum = bool(np.linalg.eigvalsh(curvature(theta))[0] > 0)
    return Maximum(theta, value(theta), steepest, steepest < 1e-6 and minimum)


def _polished(slope: Callable[[Array], Array], curvature: Callable[[Array], Array], theta: Array) -> Array:
    """Plain Newton steps as long as they flatten the slope: the last digits, where F itself is only rounding noise."""
    g = slope(theta)
    for _ in range(10):
        H = curvature(theta)
        if np.linalg.matrix_rank(H) < len(H):
            break
        closer = theta - np.linalg.solve(H, g)
        new = slope(closer)
        if not np.abs(new).max() < np.abs(g).max():
            break
        theta, g = closer, new
    return theta


def jacobian(function: Callable[[Array], Array], theta: Array) -> Array:
    """Derivatives (m, q) of an analytic function of theta, exact to rounding (complex step)."""
    steps = np.eye(len(theta)) * (_STEP * 1j)
    return np.stack([function(theta + step).imag / _STEP for step in steps], axis=-1)


def gradient(S: Array, structure: Structure, theta: Array) -> Array:
    """(q,) derivatives of the discrepancy F."""
    s = structure.solution(theta)
    V = np.linalg.inv(s.Sigma)
    left, right = _directions(structure, s)
    return np.asarray(2 * ((left @ (V - V @ S @ V)) * right).sum(axis=1))


def information(structure: Structure, theta: Array) -> Array:
    """(q, q) expected information of one case, tr(V dSigma V dSigma')/2 with V = Sigma^-1."""
    s = structure.solution(theta)
    left, right = _directions(structure, s)
    V = np.linalg.inv(s.Sigma)
    crossed = left @ V @ right.T
    return np.asarray((left @ V @ left.T) * (right @ V @ right.T) + crossed * crossed.T)


def case_scores(Z: Array, structure: Structure, theta: Array, S: Array) -> Array:
    """(n, q) each case's derivative of the log-likelihood less their mean, for deviations Z (n, p) with moments S."""
    s = structure.solution(theta)
    V = np.linalg.inv(s.Sigma)
    left, right = (direction @ V for direction in _directions(structure, s))
    return np.asarray((Z @ left.T) * (Z @ right.T) - ((left @ S) * right).sum(axis=1))


def _directions(structure: Structure, s: Solution) -> tuple[Array, Array]:
    """(q, p) vectors l and r of every free parameter: dSigma = l r' + r l'."""
    unit = np.eye(len(s.block))
    reach = s.total @ s.Lambda.T  # what a construct's disturbance does to the items
    shared = s.Phi @ s.Lambda.T  # covariances of constructs and items
    own = s.block[structure.free_loadings]
    left = [unit[structure.free_loadings], shared[structure.path_from], unit[structure.residuals] / 2, reach / 2]
    right = [shared[own], reach[structure.path_to], unit[structure.residuals], reach]
    return np.concatenate([*left, reach[structure.left]]), np.concatenate([*right, reach[structure.right]])
