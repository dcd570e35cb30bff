"""How many dimensions correlations have: eigenvalues against those of items that do not go together at all (Horn 1965)."""

import numpy as np

from csi.kernel.small_matrices import Array


def chance_eigenvalues(n: int, p: int, draws: int = 1000, seed: int = 1) -> Array:
    """(draws, p) eigenvalues, largest first, of the correlations of p independent normal items over n answers.

    The cross-products of such answers have a Wishart distribution and are drawn from it directly (Bartlett 1933), so that
    many answers cost no more than few. n must be above p.

    >>> chance = chance_eigenvalues(200, 4, draws=50)
    >>> bool(np.allclose(chance.sum(axis=1), 4)), bool((chance[:, 0] > 1).all())
    (True, True)
    """
    rng = np.random.default_rng(seed)
    A = np.tril(rng.standard_normal((draws, p, p)), -1)
    A[:, np.arange(p), np.arange(p)] = np.sqrt(rng.chisquare(n - 1 - np.arange(p), size=(draws, p)))
    S = A @ np.swapaxes(A, 1, 2)
    sd = np.sqrt(np.diagonal(S, axis1=1, axis2=2))
    return np.asarray(np.linalg.eigvalsh(S / sd[:, :, None] / sd[:, None, :])[:, ::-1])


def dimensions_beyond_chance(eigenvalues: Array, chance: Array, quantile: float = 0.95) -> tuple[int, Array]:
    """How many eigenvalues in a row exceed that quantile of chance (Glorfeld 1995), and the quantiles (p,).

    >>> dimensions_beyond_chance(np.array([2.0, 1.2, 0.5, 0.3]), np.array([[1.3, 1.1, 0.9, 0.7]] * 3))[0]
    2
    """
    limits = np.quantile(chance, quantile, axis=0)
    above = eigenvalues > limits
    return int(above.argmin()) if not above.all() else len(above), limits
