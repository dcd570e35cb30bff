"""How well the whole model reproduces the item correlations, for a batch of replicates.

Notation
    R          (B, p, p)  item correlations
    implied    (B, p, p)  the same as the model implies them
Composites keep the correlations inside their block, factors imply them from their loadings; between blocks the correlations
run through the constructs, whose own correlations follow from the paths (Dijkstra & Henseler 2015). Distances are 0 for a
perfect fit; SRMR is in units of a correlation.
"""

import numpy as np
from numpy.typing import NDArray

from csi.kernel.estimates import Estimates
from csi.kernel.pls import Layout
from csi.kernel.small_matrices import Array, ldl


def implied_construct_covariances(C: Array, paths: Array, r_squared: Array, layout: Layout) -> Array:
    """(B, J, J): what the paths imply when residuals, of variance 1 - R2, are uncorrelated.

    Exogenous constructs keep their correlations. Predecessors that the model ties less closely than the data do imply a variance
    other than 1 for their effect; as in cSEM it runs on into the covariances that follow from it, while the construct itself
    counts as standardised.
    """
    V = np.array(C)
    done: list[int] = []
    for k in layout.order:
        causes = layout.predecessors(k)
        if len(causes):
            beta = paths[:, causes, k]
            V[:, done, k] = V[:, k, done] = np.einsum("bjc,bc->bj", V[:, np.array(done)[:, None], causes], beta)
            V[:, k, k] = np.einsum("bc,bc->b", V[:, causes, k], beta) + 1 - r_squared[:, k]
        done.append(k)
    diagonal = np.arange(V.shape[1])
    V[:, diagonal, diagonal] = 1.0
    return V


def implied_item_correlations(R: Array, e: Estimates, layout: Layout) -> Array:
    """(B, p, p) item correlations that the model implies."""
    V = implied_construct_covariances(e.correlations, e.paths, e.r_squared, layout)
    block = layout.block
    implied = e.loadings[:, :, None] * e.loadings[:, None, :] * V[:, block[:, None], block]
    composite = (block[:, None] == block) & ~layout.factor[block]
    implied = np.where(composite, R, implied)
    diagonal = np.arange(len(block))
    implied[:, diagonal, diagonal] = 1.0
    return implied


def srmr(R: Array, implied: Array) -> Array:
    """Standardised root mean square residual (B,), over the lower triangle with the diagonal (Hu & Bentler 1999).

    >>> R = np.array([[[1, 0.5], [0.5, 1]]])
    >>> float(srmr(R, np.eye(2)[None])[0].round(4))
    0.2887
    """
    rows, columns = np.tril_indices(R.shape[-1])
    return np.asarray(np.sqrt(((R - implied)[:, rows, columns] ** 2).mean(axis=-1)))


def unweighted_distance(R: Array, implied: Array) -> Array:
    """d_ULS: half the sum of squared residuals (B,) (Dijkstra & Henseler 2015)."""
    return np.asarray(0.5 * ((R - implied) ** 2).sum(axis=(-2, -1)))


def geodesic_distance(R: Array, implied: Array) -> Array:
    """d_G: half the sum of squared logarithms of the eigenvalues of R^-1 implied (B,) (Dijkstra & Henseler 2015).

    Natural logarithms, as in the paper; cSEM takes them to base 10, which divides the distance by 5.302. NaN where either matrix
    is not positive definite.
    """
    distance, sound = _undefined(R, implied)
    roots = np.linalg.eigvals(np.linalg.solve(R[sound], implied[sound])).real
    with np.errstate(invalid="ignore", divide="ignore"):
        distance[sound] = 0.5 * (np.where(roots > 0, np.log(roots), np.nan) ** 2).sum(axis=-1)
    return distance


def likelihood_distance(R: Array, implied: Array) -> Array:
    """d_ML: tr(R implied^-1) - log|R implied^-1| - p (B,) (Joereskog 1969); NaN where either matrix is not positive definite.

    >>> likelihood_distance(np.array([np.eye(2), np.ones((2, 2))]), np.array([np.eye(2), np.eye(2)])).tolist()
    [0.0, nan]
    """
    distance, sound = _undefined(R, implied)
    product = np.linalg.solve(np.swapaxes(implied[sound], -2, -1), np.swapaxes(R[sound], -2, -1))
    distance[sound] = np.trace(product, axis1=-2, axis2=-1) - np.linalg.slogdet(product)[1] - R.shape[-1]
    return distance


def normed_fit_index(R: Array, implied: Array) -> Array:
    """NFI: share of the independence model's d_ML that the model takes away (B,) (Bentler & Bonett 1980)."""
    with np.errstate(divide="ignore"):
        independence = -np.linalg.slogdet(R)[1]
    return np.asarray(1 - likelihood_distance(R, implied) / independence)


def _undefined(R: Array, implied: Array) -> tuple[Array, NDArray[np.bool_]]:
    """A distance (B,) that is not defined yet, and where it can be: where both matrices are positive definite.

    Items that are copies of others (repeated indicators) make a singular matrix, of which no distance is defined; what rounding
    leaves of the pivot would otherwise be taken for a huge one.
    """
    sound = np.ones(len(R), dtype=bool)
    for matrices in (R, implied):
        pivots = np.einsum("iib->ib", ldl(np.ascontiguousarray(np.moveaxis(matrices, 0, -1))))
        sound &= (pivots > 0).all(axis=0)
    return np.full(len(R), np.nan), sound
