"""The highest point of smooth concave functions, a batch of them at once, by Newton's method with step halving.

Notation
    b         (k, m)     where m functions are evaluated, one column each
    value     (m,)       their values, gradient (k, m), curvature (k, k, m) minus the second derivatives
Each function stops on its own; what has no highest point at a finite place does not settle.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from csi.kernel.small_matrices import Array, ldl, solve

_HALVINGS = 12
# A direction in which a function is flat gets no step, instead of making its system singular; the summit stays where it is.
_FLAT = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Slope:
    """Value (m,), gradient (k, m) and curvature (k, k, m) of m functions at one place each."""

    value: Array
    gradient: Array
    curvature: Array


Functions = Callable[[Array, NDArray[np.intp]], Slope]


def summits(
    slope: Functions, k: int, members: NDArray[np.intp], *, tolerance: float = 1e-9, max_iterations: int = 60
) -> Array:
    """(k, m) highest points of the functions `members`, NaN where none is found.

    `slope(b, which)` evaluates the functions `which` at the columns of b. A function has settled when no entry of its gradient
    is larger than `tolerance`.

    >>> wanted = np.array([[1.0, -2.0]])
    >>> def hills(b, which):
    ...     away = wanted[:, which] - b
    ...     return Slope(-(away**2).sum(axis=0) / 2, away, np.ones((1, 1, len(which))))
    >>> summits(hills, 1, np.array([0, 1])).round(6).tolist()
    [[1.0, -2.0]]
    """
    found = np.full((k, len(members)), np.nan)
    place, b = np.arange(len(members)), np.zeros((k, len(members)))
    here = slope(b, members)
    for _ in range(max_iterations):
        largest = np.abs(here.gradient).max(axis=0)
        settled = largest <= tolerance
        found[:, place[settled]] = b[:, settled]
        running = largest > tolerance  # NaN is neither
        if not running.any():
            break
        place, b, here = place[running], b[:, running], _part(here, running)
        scale = np.einsum("iim->m", here.curvature) / k
        step = solve(ldl(here.curvature + _FLAT * scale * np.eye(k)[:, :, None]), here.gradient)
        b, here = _climbed(slope, members[place], b, here, step)
    return found


def _climbed(slope: Functions, which: NDArray[np.intp], b: Array, here: Slope, step: Array) -> tuple[Array, Slope]:
    """One step up, halved for the functions that would otherwise go down."""
    then = b + step
    there = slope(then, which)
    for _ in range(_HALVINGS):
        low = np.flatnonzero(~(there.value >= here.value - 1e-12 * np.abs(here.value)) & np.isfinite(step[0]))
        if not len(low):
            break
        step[:, low] /= 2
        then[:, low] = b[:, low] + step[:, low]
        again = slope(then[:, low], which[low])
        there.value[low], there.gradient[:, low], there.curvature[:, :, low] = (
            again.value,
            again.gradient,
            again.curvature,
        )
    return then, there


def _part(s: Slope, kept: NDArray[np.bool_]) -> Slope:
    return Slope(s.value[kept], s.gradient[:, kept], s.curvature[:, :, kept])
