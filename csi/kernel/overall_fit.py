"""How well the whole model reproduces the item correlations, for a batch of replicates.

Notation
    R          (B, p, p)  item correlations
    implied    (B, p, p)  the same as the model implies them
Composites keep the correlations inside their block, factors imply them from their loadings; between blocks the correlations
run through the constructs, whose own correlations follow from the paths (Dijkstra & Henseler 2015). Distances are 0 for a
perfect fit; SRMR is in units of a correlation.
"""

import numpy as np

from csi.kernel.estimates import Estimates
from csi.kernel.pls import Layout
from csi.kernel.small_matrices import Array


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
    roots = np.linalg.eigvals(np.linalg.solve(R, implied)).real
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.where(roots > 0, np.log(roots), np.nan)
    return np.asarray(0.5 * (logs**2).sum(axis=-1))


def likelihood_distance(R: Array, implied: Array) -> Array:
    """d_ML: tr(R implied^-1) - log|R implied^-1| - p (B,) (Joereskog 1969); NaN for an indefinite implied matrix."""
    product = np.linalg.solve(np.swapaxes(implied, -2, -1), np.swapaxes(R, -2, -1))
    sign, logarithm = np.linalg.slogdet(product)
    distance = np.trace(product, axis1=-2, axis2=-1) - logarithm - R.shape[-1]
    return np.where(sign > 0, distance, np.nan)


def normed_fit_index(R: Array, implied: Array) -> Array:
    """NFI: share of the independence model's d_ML that the model takes away (B,) (Bentler & Bonett 1980)."""
    independence = -np.linalg.slogdet(R)[1]
    return np.asarray(1 - likelihood_distance(R, implied) / independence)
