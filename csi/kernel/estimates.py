"""All that a structural model says, from correlations: one code path for a point estimate and for any batch.

Notation as in `csi.kernel.pls`. Composites are taken as they are; constructs of kind `factor` are corrected for
attenuation (consistent PLS, Dijkstra & Henseler 2015): with rho_A their reliability, correlations are divided by
sqrt(rho_A) and loadings are w sqrt(rho_A)/(w'w). A single item enters with reliability 1, or with the one it is known to have.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from csi.kernel import effects, pls, reliability, validity
from csi.kernel.pls import Layout, Scheme
from csi.kernel.small_matrices import Array


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """Every array has the batch axis B first; p items, J constructs."""

    weights: Array  # (B, p)
    loadings: Array  # (B, p) of each item on its own construct
    correlations: Array  # (B, J, J) of the constructs, disattenuated where they are factors
    attenuation: Array  # (B, J) sqrt of the reliability that a score is taken to have: 1 for composites
    paths: Array  # (B, J, J) rows = from, columns = to
    r_squared: Array  # (B, J)
    total_effects: Array  # (B, J, J)
    htmt: Array  # (B, J, J)
    iterations: NDArray[np.intp]  # (B,)
    converged: NDArray[np.bool_]  # (B,)
    oscillating: NDArray[np.bool_]  # (B,) not converged, because two solutions take turns
    admissible: NDArray[np.bool_]  # (B,)

    def part(self, replicates: slice | NDArray[np.intp] | NDArray[np.bool_]) -> "Estimates":
        """The estimates of some of the replicates."""
        return Estimates(*(getattr(self, f.name)[replicates] for f in fields(self)))


def joined(parts: list[Estimates]) -> Estimates:
    """One batch made of several."""
    return Estimates(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Estimates)))


def estimate(
    R: Array,
    layout: Layout,
    scheme: Scheme = "path",
    tolerance: float = 1e-7,
    max_iterations: int = 300,
    reference: Array | None = None,
    fixed: Array | None = None,
) -> Estimates:
    """Weights, loadings, paths, effects, R2 and HTMT of every correlation matrix in the batch R (B, p, p).

    `reference` and `fixed` as in `csi.kernel.pls.outer_weights`.
    """
    S = np.ascontiguousarray(np.moveaxis(R, 0, -1))  # batch last once, for every step that follows
    R = np.moveaxis(S, -1, 0)
    outer = pls.outer_weights(R, layout, scheme, tolerance, max_iterations, reference, fixed)
    blocks = layout.slices
    w = np.ascontiguousarray(outer.weights.T)
    X = pls.item_construct_correlations(w, S, blocks)
    C = np.moveaxis(pls.score_correlations(w, X, blocks), -1, 0)
    loadings = X[np.arange(len(layout.block)), layout.block].T
    attenuation = np.ones(C.shape[:2])
    admissible = outer.converged.copy()
    if layout.factor.any():
        C, loadings, attenuation = _disattenuate(R, outer.weights, C, loadings, layout)
        admissible &= _admissible(C, loadings, attenuation)
    paths, r_squared = effects.path_coefficients(C, layout)
    return Estimates(
        weights=outer.weights,
        loadings=loadings,
        correlations=C,
        attenuation=attenuation,
        paths=paths,
        r_squared=r_squared,
        total_effects=effects.total_effects(paths, layout),
        htmt=validity.htmt(R, layout),
        iterations=outer.iterations,
        converged=outer.converged,
        oscillating=outer.oscillating,
        admissible=admissible,
    )


def cross_loadings(R: Array, weights: Array, layout: Layout) -> Array:
    """(B, p, J) correlations of the items with the construct scores, never corrected."""
    X = pls.item_construct_correlations(np.ascontiguousarray(weights.T), np.moveaxis(R, 0, -1), layout.slices)
    return np.moveaxis(X, -1, 0)


def _disattenuate(R: Array, weights: Array, C: Array, loadings: Array, layout: Layout) -> tuple[Array, Array, Array]:
    attenuation = np.ones(C.shape[:2])
    loadings = loadings.copy()
    with np.errstate(invalid="ignore"):
        for j in np.flatnonzero(layout.factor & (layout.sizes > 1)):
            b = layout.slices[j]
            w = weights[:, b]
            rho = reliability.dijkstra_henseler(R[:, b, b], w)
            attenuation[:, j] = np.sqrt(np.where(rho > 0, rho, np.nan))
            loadings[:, b] = w * (attenuation[:, j] / (w**2).sum(-1))[:, None]
    if layout.reliability is not None:
        for j in np.flatnonzero(np.isfinite(layout.reliability)):
            attenuation[:, j] = np.sqrt(layout.reliability[j])
            loadings[:, layout.slices[j]] = attenuation[:, j, None]
    corrected = C / (attenuation[:, :, None] * attenuation[:, None, :])
    diagonal = np.arange(C.shape[1])
    corrected[:, diagonal, diagonal] = 1.0
    return corrected, loadings, attenuation


def _admissible(C: Array, loadings: Array, attenuation: Array) -> NDArray[np.bool_]:
    """Correlations positive semi-definite, no loading above 1, rho_A within 0-1."""
    sound = np.asarray(np.isfinite(C).all(axis=(1, 2)))
    smallest = np.linalg.eigvalsh(np.where(sound[:, None, None], C, np.eye(C.shape[1])))[:, 0]
    return sound & (smallest > -1e-10) & (np.abs(loadings) <= 1).all(axis=1) & (attenuation <= 1).all(axis=1)
