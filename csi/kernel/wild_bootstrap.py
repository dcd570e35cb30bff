"""The wild cluster bootstrap: a coefficient's p value and interval where there are few clusters (Cameron, Gelbach & Miller 2008).

The t statistic with the cluster-robust error is compared with its values in samples made under the hypothesis: the restricted
residuals of each cluster are multiplied by one random number, of Webb's (2023) six points, which suit as few as five clusters.
The interval holds the values that the test does not reject. Residuals are linear in the value tested, so that each test costs a
few operations a draw (Roodman, MacKinnon, Nielsen & Webb 2019).

Notation
    y (n,), X (n, m)  outcome and regressors, multiplied by the square root of the case weights, fixed effects taken out
    k                 column of the regressor tested
    codes (n,)        cluster of each row, 0 ... G - 1
    V (B, G)          the multipliers
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from csi.kernel.small_matrices import Array

_POINTS = np.sqrt([1.5, 1.0, 0.5])
_BLOCK = 1000  # draws at a time: each holds a number for every cluster
_HALVINGS = 60


@dataclass(frozen=True, slots=True, eq=False)
class WildTest:
    """What every test of one coefficient needs: in each draw t* = (top @ b) / sqrt(b' bottom b) with b = (1, -value tested)."""

    estimate: float
    error: float
    top: Array  # (B, 2)
    bottom: Array  # (B, 3): of 1, 2b and b^2

    def p_value(self, value: float = 0.0) -> float:
        """Two-sided p of the hypothesis that the coefficient has this value: the share of draws with |t*| not below |t|."""
        scale = abs(value) + 1.0  # keeps huge values finite
        one, b = 1 / scale, -value / scale
        top = self.top @ [one, b]
        bottom = self.bottom @ [one**2, 2 * one * b, b**2]
        t = abs(self.estimate - value) / self.error
        beyond = np.count_nonzero(top**2 >= t**2 * bottom * (1 - 1e-12))
        return float((1 + beyond) / (1 + len(top)))

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The values that are not rejected at 1 - level; an end that no draw rejects is infinite."""
        return self._end(-1.0, 1 - level), self._end(1.0, 1 - level)

    def _end(self, side: float, alpha: float) -> float:
        inside, step = self.estimate, 2 * self.error
        while self.p_value(self.estimate + side * step) > alpha:
            inside, step = self.estimate + side * step, 2 * step
            if step > 1e6 * self.error:
                return side * np.inf
        outside = self.estimate + side * step
        for _ in range(_HALVINGS):
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if self.p_value(middle) > alpha else (inside, middle)
        return inside


def webb_weights(draws: int, clusters: int, seed: int) -> Array:
    """(B, G) multipliers of mean 0 and variance 1 from six points (Webb 2023).

    >>> bool(np.allclose((webb_weights(4000, 5, 1) ** 2).mean(), 1, atol=0.02))
    True
    """
    rng = np.random.default_rng(seed)
    return np.asarray(rng.choice(np.concatenate([_POINTS, -_POINTS]), (draws, clusters)))


def wild_test(y: Array, X: Array, k: int, codes: NDArray[np.intp], V: Array) -> WildTest:
    """The test of coefficient `k`, whose error is clustered with the factor G/(G - 1) (n - 1)/(n - m).

    >>> rng = np.random.default_rng(0)
    >>> codes, x = np.repeat(np.arange(10), 20), rng.normal(size=200)
    >>> found = wild_test(0.5 * x + rng.normal(size=200), x[:, None], 0, codes, webb_weights(999, 10, 1))
    >>> low, high = found.interval()
    >>> bool(low < 0.5 < high) and found.p_value(low - 0.1) < 0.05
    True
    """
    (n, m), G = X.shape, V.shape[1]
    others = np.delete(X, k, axis=1)
    both = np.column_stack([y, X[:, k]])
    residual = both - others @ np.linalg.lstsq(others, both, rcond=None)[0] if m > 1 else both
    x = residual[:, 1]
    left, singular, _ = np.linalg.svd(X, full_matrices=False)
    basis = left[:, singular > singular[0] * 1e-10]
    products = _sums(residual * x[:, None], codes, G)  # (G, 2): of x with outcome and with itself
    along = _sums((basis[:, :, None] * residual[:, None, :]).reshape(n, -1), codes, G).reshape(G, -1, 2)
    factor = G / (G - 1) * (n - 1) / (n - m)
    estimate = float(products[:, 0].sum() / products[:, 1].sum())
    scores = products[:, 0] - estimate * products[:, 1]
    error = float(np.sqrt(factor * (scores**2).sum()) / products[:, 1].sum())
    top, bottom = np.empty((len(V), 2)), np.empty((len(V), 3))
    for start in range(0, len(V), _BLOCK):
        part = V[start : start + _BLOCK]
        S = [part * products[:, c] - (part @ along[:, :, c]) @ along[:, :, 1].T for c in (0, 1)]
        top[start : start + _BLOCK] = part @ products
        bottom[start : start + _BLOCK] = factor * np.column_stack(
            [(S[a] * S[b]).sum(axis=1) for a, b in ((0, 0), (0, 1), (1, 1))]
        )
    return WildTest(estimate, error, top, bottom)


def _sums(values: Array, codes: NDArray[np.intp], G: int) -> Array:
    total = np.zeros((G, values.shape[1]))
    np.add.at(total, codes, values)
    return total
