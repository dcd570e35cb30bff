"""Alert or merit by a statistical rule: which changes of a tree stand out, and not merely which indicators declined.

A family of hypotheses is one wave in one view. Each says that the true change is no larger than the least that matters; they are
tested down the tree at a false-discovery rate q (`csi.kernel.false_discovery.tree_discoveries`; Yekutieli 2008).

Regression to the mean. What was extreme in the last wave was so partly by luck and comes back by itself. A slice is therefore
not compared with its own last answers but with what they and those of the other slices of its kind together say of it (the
shrunken level), with the uncertainty that this leaves. Where a whole node returns from a move of the wave before, it is flagged.

A KPI is a count of the operation, without sampling error. What its values do from month to month says how much they move for
no reason: the mean square of successive differences (von Neumann et al. 1941), from the months before the present wave.
"""

import numpy as np
from numpy.typing import NDArray

from csi.kernel.shrinkage import shrunken_means
from csi.kernel.small_matrices import Array

ALERT, MERIT = "alert", "merit"
CHANGE, RED_LINE = "change", "red line"  # reasons
_FEWEST_SLICES = 3  # from two nobody can tell how slices differ
_POSTERIOR_DRAWS = 200
_FEWEST_STEPS = 6  # of a KPI from month to month


def shrunken_slices(levels: Array, errors: Array, rng: np.random.Generator) -> tuple[Array, Array] | None:
    """What slices of one kind truly have: means (S,) and draws (D, S), from levels (S,) and their standard errors.

    Each slice is pulled towards the mean of all, the more so the less its answers can tell. A slice that is NaN stays so. None of
    fewer than three slices.
    """
    known = np.isfinite(levels) & (errors > 0)
    if np.count_nonzero(known) < _FEWEST_SLICES:
        return None
    found = shrunken_means(levels[known], errors[known], _POSTERIOR_DRAWS, rng)
    mean, draws = levels.copy(), np.full((_POSTERIOR_DRAWS, len(levels)), np.nan)
    mean[known], draws[:, known] = found.mean, found.draws
    return mean, draws


def natural_error(values: Array) -> tuple[float, float]:
    """Standard deviation of a KPI (T,) about its level, and its degrees of freedom, from its steps; NaN of fewer than six.

    The mean square successive difference estimates the variance also where the level drifts; of T values it is worth
    2 (T - 1)^2 / (3 T - 4) degrees of freedom (von Neumann, Kent, Bellinson & Hart 1941).

    >>> sd, freedom = natural_error(np.array([8.0, 9, 8, 9, 8, 9, 8]))
    >>> print(f"{sd:.3f} {freedom:.2f}")
    0.707 4.24
    """
    steps = np.diff(values)
    steps = steps[np.isfinite(steps)]
    if len(steps) < _FEWEST_STEPS:
        return np.nan, np.nan
    count = len(steps) + 1
    return float(np.sqrt((steps**2).mean() / 2)), 2 * (count - 1) ** 2 / (3 * count - 4)


def verdicts(found: NDArray[np.bool_], improvement: Array) -> NDArray[np.object_]:
    """(m,) "merit" where what was found is an improvement, "alert" where it is a decline, "" elsewhere.

    >>> verdicts(np.array([True, True, False]), np.array([2.0, -1.0, -9.0])).tolist()
    ['merit', 'alert', '']
    """
    return np.where(found, np.where(improvement > 0, MERIT, ALERT), "").astype(object)


def returns(change: Array, before_low: Array, before_high: Array) -> NDArray[np.bool_]:
    """(m,) whether a change takes back one of the wave before, whose interval left out 0."""
    return ((change > 0) & (before_high < 0)) | ((change < 0) & (before_low > 0))
