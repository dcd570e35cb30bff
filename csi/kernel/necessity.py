"""Necessary conditions: the empty upper left corner of condition against outcome, and its size (Dul 2016).

Notation
    x          (n,)    levels of the condition, Y (B, n) levels of the outcome: the observed ones or permutations of them
    steps      (g,)    the different levels of x, in order
    highest    (B, g)  the highest outcome among cases with at most that level: the step ceiling CE-FDH
    scope              the rectangle within which outcomes could lie
Peers are the corners at which the step ceiling rises; CR-FDH is the straight line that least squares lay through them. The
effect size d is the share of the scope above the ceiling: 0 if nothing is empty. Units: those of x and Y, here points.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np

from csi.kernel.small_matrices import Array

Ceiling = Literal["CE-FDH", "CR-FDH"]
_CELLS = 4_000_000  # permuted outcomes in memory at once
_HAIR = 1e-9  # points; levels that differ by rounding are the same level


class Scope(NamedTuple):
    """Lowest and highest level of the condition and of the outcome."""

    x_low: float
    x_high: float
    y_low: float
    y_high: float

    @property
    def area(self) -> float:
        """Points squared."""
        return (self.x_high - self.x_low) * (self.y_high - self.y_low)


def step_ceiling(x: Array, Y: Array) -> tuple[Array, Array]:
    """Steps (g,) and highest outcomes (B, g).

    >>> steps, highest = step_ceiling(np.array([1.0, 2.0, 2.0, 3.0]), np.array([[1.0, 3.0, 2.0, 2.0]]))
    >>> steps.tolist(), highest.tolist()
    ([1.0, 2.0, 3.0], [[1.0, 3.0, 3.0]])
    """
    order = x.argsort(kind="stable")
    ordered = x[order]
    last = np.append(ordered[1:] > ordered[:-1], True)
    return ordered[last], np.maximum.accumulate(Y[:, order], axis=1)[:, last]


def line_ceiling(steps: Array, highest: Array) -> tuple[Array, Array]:
    """Intercepts (B,) and slopes (B,) of the lines through the peers; a single peer gives a level line."""
    peer = np.diff(highest, axis=1, prepend=-np.inf) > 0
    count = peer.sum(axis=1)
    x = (peer * steps).sum(axis=1) / count
    y = (peer * highest).sum(axis=1) / count
    away = peer * (steps - x[:, None])
    spread = (away**2).sum(axis=1)
    slope = (away * highest).sum(axis=1) / np.where(count > 1, spread, 1.0)
    return y - slope * x, slope


def step_zone(steps: Array, highest: Array, scope: Scope) -> Array:
    """(B,) area above the step ceiling within the scope.

    >>> step_zone(np.array([0.0, 2.0]), np.array([[1.0, 4.0]]), Scope(0, 4, 0, 4)).tolist()
    [6.0]
    """
    width = np.diff(steps, append=scope.x_high)
    before = (steps[0] - scope.x_low) * (scope.y_high - scope.y_low)
    return np.asarray((scope.y_high - highest) @ width + before)


def line_zone(intercept: Array, slope: Array, scope: Scope) -> Array:
    """(B,) area above a rising or level line within the scope.

    >>> line_zone(np.array([0.0, 1.0]), np.array([1.0, 0.0]), Scope(0, 4, 0, 4)).tolist()
    [8.0, 12.0]
    """
    rising = slope > 0
    steep = np.where(rising, slope, 1.0)
    # Left of `enters` the line lies below the scope, right of `leaves` above it.
    enters, leaves = (
        np.where(rising, np.clip((y - intercept) / steep, scope.x_low, scope.x_high), end)
        for y, end in ((scope.y_low, scope.x_low), (scope.y_high, scope.x_high))
    )
    middle = intercept + slope * (enters + leaves) / 2
    between = (leaves - enters) * (scope.y_high - middle)
    return np.asarray((enters - scope.x_low) * (scope.y_high - scope.y_low) + between)


def effect_sizes(x: Array, Y: Array, scope: Scope, ceiling: Ceiling = "CE-FDH") -> Array:
    """D (B,): ceiling zone by scope (Dul 2016).

    >>> x, y = np.array([0.0, 1.0, 2.0]), np.array([[0.0, 1.0, 2.0]])
    >>> float(effect_sizes(x, y, Scope(0, 2, 0, 2))[0]), float(effect_sizes(x, y, Scope(0, 2, 0, 2), "CR-FDH")[0])
    (0.75, 0.5)
    """
    steps, highest = step_ceiling(x, Y)
    if ceiling == "CE-FDH":
        return step_zone(steps, highest, scope) / scope.area
    return line_zone(*line_ceiling(steps, highest), scope) / scope.area


def permutations(y: Array, draws: int, seed: int) -> Iterator[Array]:
    """Outcomes dealt out anew to the cases, in pieces (B, n); the first draws do not depend on how many are asked for."""
    rng = np.random.default_rng(seed)
    piece = max(1, _CELLS // len(y))
    for first in range(0, draws, piece):
        yield rng.permuted(np.broadcast_to(y, (min(piece, draws - first), len(y))), axis=1)


def chance(observed: float, drawn: Array) -> float:
    """The p value (1 + #(drawn >= observed))/(1 + draws) (Dul, van der Laan & Kuik 2020).

    >>> chance(0.5, np.array([0.1, 0.5, 0.2]))
    0.5
    """
    return float((1 + (drawn >= observed - 1e-12).sum()) / (1 + len(drawn)))


def needed(steps: Array, highest: Array, levels: Array, scope: Scope, ceiling: Ceiling = "CE-FDH") -> Array:
    """Levels of x without which each of the `levels` of the outcome was not reached; NaN where every level of x will do.

    `highest` (g,) are those of the observed outcomes. A line that reaches an outcome only beyond the scope asks for its end.

    >>> needed(np.array([10.0, 20.0, 40.0]), np.array([5.0, 8.0, 9.0]), np.array([4.0, 7.0, 9.0]), Scope(10, 40, 0, 9)).tolist()
    [nan, 20.0, 40.0]
    """
    if ceiling == "CE-FDH":
        found = steps[np.minimum(np.searchsorted(highest, levels - _HAIR), len(steps) - 1)]
        return np.where(found > scope.x_low + _HAIR, found, np.nan)
    intercept, slope = (float(each[0]) for each in line_ceiling(steps, highest[None]))
    if slope <= 0:
        return np.full(len(levels), np.nan)
    found = np.minimum((levels - intercept) / slope, scope.x_high)
    return np.where(found > scope.x_low + _HAIR, found, np.nan)
