"""Many groups with unequal numbers of answers: shares and means pulled towards what all groups have in common, and ranks.

The groups' true values are taken as a sample from one distribution whose mean and spread are estimated with them. Each group is
pulled towards the mean, the more so the fewer answers it has, and by how much is uncertain too: mean and spread are
integrated out on a grid (Gelman et al., Bayesian Data Analysis, 3rd ed. 2013, sections 5.3 and 5.4), because plugging in one
estimate makes intervals too short and, where the spread is estimated as zero, empty (Morris 1983).

Notation
    J groups, D draws from the joint posterior; draws are rows. Shares are 0-1, means have the unit of the answers.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, ndtri

from csi.kernel.small_matrices import Array

_CELLS = 60  # of the grid, in each direction
_NEGLIGIBLE = 12.0  # log density below the highest
_CHUNK = 200  # groups at a time: the grid of each is held in memory


@dataclass(frozen=True, slots=True, eq=False)
class Shrunken:
    """What is known of every group, and of what they have in common."""

    mean: Array  # (J,) posterior means, without simulation error
    draws: Array  # (D, J)
    centre: Array  # (D,) mean of all groups' distribution
    spread: Array  # (D,) its standard deviation


def shrunken_shares(successes: Array, trials: Array, draws: int, rng: np.random.Generator) -> Shrunken:
    """Beta-binomial: share_j ~ Beta(mM, (1 - m)M), uniform on m and on M^-1/2 (Gelman et al. 2013, eq. 5.9).

    >>> found = shrunken_shares(np.array([3.0, 80, 60]), np.array([3.0, 100, 100]), 1000, np.random.default_rng(1))
    >>> bool(found.mean[0] < 0.95 and abs(found.mean[1] - 0.8) < 0.02)  # three of three is not yet the best
    True
    """
    x, n = np.asarray(successes, dtype=float), np.asarray(trials, dtype=float)
    pairs, times = np.unique(np.column_stack([x, n]), axis=0, return_counts=True)
    ends = np.array([[0.0, 1.0], [0.0, 1.0]])
    for _ in range(2):  # the second grid covers only what the first found likely
        m, r = (_middles(*end) for end in ends)
        a, b = np.outer(m, 1 / r**2).ravel(), np.outer(1 - m, 1 / r**2).ravel()
        density = _beta_binomial_density(a, b, pairs, times).reshape(_CELLS, _CELLS)
        cells = ends
        ends = np.array([_likely(density.max(axis=1), m, ends[0]), _likely(density.max(axis=0), r, ends[1])])
    weight = np.exp(density - density.max()).ravel()
    weight /= weight.sum()
    size = a + b
    mean = np.concatenate([weight @ ((a[:, None] + x[j]) / (size[:, None] + n[j])) for j in _chunks(len(x))])
    at = rng.choice(len(weight), draws, p=weight)
    jitter = (rng.random((2, draws)) - 0.5) * np.ptp(cells, axis=1)[:, None] / _CELLS
    centre, root = m[at // _CELLS] + jitter[0], r[at % _CELLS] + jitter[1]
    M = 1 / root**2
    shares = rng.beta((centre * M)[:, None] + x, ((1 - centre) * M)[:, None] + (n - x))
    return Shrunken(mean, shares, centre, np.sqrt(centre * (1 - centre) / (M + 1)))


def shrunken_means(means: Array, errors: Array, draws: int, rng: np.random.Generator) -> Shrunken:
    """Normal: mean_j ~ N(mu, tau^2), its estimate with a known standard error, uniform on mu and tau (Gelman et al. 2013, 5.4).

    A group without answers has an infinite error; its mean may be anything, also NaN.
    """
    variance = np.asarray(errors, dtype=float) ** 2
    y = np.where(np.isfinite(variance), means, 0.0)
    known = np.isfinite(variance)
    end = np.array([0.0, 10 * max(np.ptp(y[known]), np.sqrt(variance[known]).max())])
    for _ in range(3):
        tau, cells = _middles(*end), end
        mu, error, density = _normal_density(tau, y[known], variance[known])
        end = _likely(density, tau, end)
    weight = np.exp(density - density.max())
    weight /= weight.sum()
    mean = weight @ _pulled(y, variance, mu, tau)
    at = rng.choice(_CELLS, draws, p=weight)
    spread = tau[at] + (rng.random(draws) - 0.5) * np.ptp(cells) / _CELLS
    centre = mu[at] + error[at] * rng.standard_normal(draws)
    left = _remaining(variance, spread)
    values = _pulled(y, variance, centre, spread) + np.sqrt(left) * rng.standard_normal(left.shape)
    return Shrunken(mean, values, centre, spread)


def ranks(draws: Array) -> NDArray[np.intp]:
    """(D, J) rank of every group in every draw; 1 is the highest."""
    order = np.argsort(-draws, axis=1, kind="stable")
    places = np.empty_like(order)
    np.put_along_axis(places, order, np.broadcast_to(np.arange(1, draws.shape[1] + 1), order.shape), axis=1)
    return places


def wilson_interval(successes: Array, trials: Array, level: float = 0.95) -> tuple[Array, Array]:
    """Limits of a share by inverting the score test (Wilson 1927); nothing is known of a share of nothing: 0 to 1.

    >>> low, high = wilson_interval(np.array([3.0]), np.array([3.0]))
    >>> print(f"{low[0]:.3f} {high[0]:.3f}")
    0.439 1.000
    """
    x, n = np.asarray(successes, dtype=float), np.asarray(trials, dtype=float)
    z2 = float(ndtri((1 + level) / 2)) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        middle = (x + z2 / 2) / (n + z2)
        half = np.sqrt(z2) / (n + z2) * np.sqrt(x * (n - x) / n + z2 / 4)
    none = n == 0
    low = np.where(none | (x == 0), 0.0, middle - half)  # exact at the ends, where rounding would miss them
    return low, np.where(none | (x == n), 1.0, middle + half)


def _middles(low: float, high: float) -> Array:
    return np.asarray(low + (high - low) * (np.arange(_CELLS) + 0.5) / _CELLS)


def _likely(density: Array, at: Array, ends: Array) -> Array:
    """The part of a grid that matters, a cell wider on both sides."""
    inside = at[density > density.max() - _NEGLIGIBLE]
    step = (ends[1] - ends[0]) / _CELLS
    return np.array([max(ends[0], inside.min() - 1.5 * step), min(ends[1], inside.max() + 1.5 * step)])


def _beta_binomial_density(a: Array, b: Array, pairs: Array, times: NDArray[np.intp]) -> Array:
    total = np.zeros(len(a))
    for j in _chunks(len(pairs)):
        x, n = pairs[j].T
        each = betaln(a[:, None] + x, b[:, None] + n - x) - betaln(a, b)[:, None]
        total += each @ times[j]
    return total


def _normal_density(tau: Array, y: Array, variance: Array) -> tuple[Array, Array, Array]:
    """For every tau: the mean of mu, its error, and the log density of tau (Gelman et al. 2013, eq. 5.20-5.21)."""
    whole = variance + tau[:, None] ** 2
    precision = (1 / whole).sum(axis=1)
    mu = (y / whole).sum(axis=1) / precision
    density = -0.5 * (np.log(precision) + np.log(whole).sum(axis=1) + ((y - mu[:, None]) ** 2 / whole).sum(axis=1))
    return mu, 1 / np.sqrt(precision), density


def _pulled(y: Array, variance: Array, mu: Array, tau: Array) -> Array:
    """(len(mu), J) means of the groups where centre and spread are known."""
    own = 1 / (1 + variance / tau[:, None] ** 2)
    return np.asarray(own * y + (1 - own) * mu[:, None])


def _remaining(variance: Array, tau: Array) -> Array:
    return np.asarray(1 / (1 / variance + 1 / tau[:, None] ** 2))


def _chunks(count: int) -> list[slice]:
    return [slice(start, start + _CHUNK) for start in range(0, count, _CHUNK)]
