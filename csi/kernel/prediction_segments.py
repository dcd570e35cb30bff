"""Prediction-oriented segmentation (PLS-POS): divide the cases so that segment-specific models explain most.

Notation
    X         (n, p)     answers, no gaps
    w         (n,)       case weights
    assigned  (..., n)   number of each case's segment, 0 ... K-1; the leading axis holds partitions to be compared
    objective            sum over the endogenous constructs of R2, averaged over the segments by their share of the weights
The average makes the objective comparable with the sum of R2 of the undivided sample; in a plain sum over segments a handful of
cases on a line would count as much as all the others together, and the search would look for nothing else.
Each case has a distance to every segment: the sum over the endogenous constructs of sqrt(e2 / sum of e2 in the segment) with e
its residual under that segment's own model. Cases that are nearer to another segment are candidates to move; a move is made
only if the objective rises (hill climbing; Becker, Rai, Ringle & Völckner 2013). All moves considered in a step are one batch.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from csi.kernel.estimates import Estimates, estimate
from csi.kernel.moments import Moments, moments
from csi.kernel.pls import Layout, Scheme
from csi.kernel.small_matrices import Array

Assigned = NDArray[np.intp]

_DEPTH = 256  # single moves tried in a step, nearest candidates first
_GAIN = 1e-9  # a smaller rise of the objective is rounding


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """The cases, the model and the rules of a search.

    `fewest` is the smallest number of cases in a segment; `fixed` gives, for standard deviations (B, p) of the items, the weights
    that are not estimated, as `csi.kernel.pls.outer_weights` takes them, or None where all are free.
    """

    X: Array
    w: Array
    layout: Layout
    scheme: Scheme
    tolerance: float
    max_iterations: int
    reference: Array
    fixed: Callable[[Array], Array | None]
    segments: int
    fewest: int


@dataclass(frozen=True, slots=True, eq=False)
class Climb:
    """How one start ended: its partition (n,), the objective before and after, steps used, whether no move was left."""

    assigned: Assigned
    start: float
    end: float
    steps: int
    converged: bool


def random_partitions(starts: int, segments: int, n: int, seed: int) -> Assigned:
    """(starts, n) divisions into segments of equal size.

    >>> np.bincount(random_partitions(1, 2, 6, seed=1)[0]).tolist()
    [3, 3]
    """
    even = np.arange(n) % segments
    return np.random.default_rng([seed, segments]).permuted(np.tile(even, (starts, 1)), axis=1)


def segment_estimates(task: Task, assigned: Assigned) -> tuple[Moments, Estimates]:
    """The model of every segment of every partition (C, n): batches of C * K, segments of a partition together."""
    inside = assigned[:, None, :] == np.arange(task.segments)[:, None]
    m = moments(task.X, (inside * task.w).reshape(-1, len(task.X)))
    fixed = task.fixed(m.sd)
    return m, estimate(
        m.correlation, task.layout, task.scheme, task.tolerance, task.max_iterations, task.reference, fixed
    )


def objectives(task: Task, assigned: Assigned) -> Array:
    """(C,) objective of every partition; -inf where a segment is too small or its model cannot be estimated."""
    value = np.full(len(assigned), -np.inf)
    inside = assigned[:, None, :] == np.arange(task.segments)[:, None]
    possible = (inside.sum(axis=2) >= task.fewest).all(axis=1)
    if possible.any():
        _, e = segment_estimates(task, assigned[possible])
        endogenous = task.layout.adjacency.any(axis=0)
        explained = np.where(e.converged, e.r_squared[:, endogenous].sum(axis=1), -np.inf)
        explained = np.nan_to_num(explained, nan=-np.inf).reshape(-1, task.segments)
        value[possible] = (explained * (inside[possible] @ task.w)).sum(axis=1) / task.w.sum()
    return value


def distances(task: Task, assigned: Assigned) -> Array:
    """(K, n) distance of every case to every segment of one partition (n,)."""
    m, e = segment_estimates(task, assigned[None])
    member = np.zeros((len(task.layout.block), len(task.layout.mode_b)))
    member[np.arange(len(member)), task.layout.block] = 1.0
    away = np.empty((task.segments, len(task.X)))
    for g in range(task.segments):
        scores = (task.X - m.mean[g]) / m.sd[g] @ (member * e.weights[g][:, None])
        residual = (scores - scores @ e.paths[g])[:, task.layout.adjacency.any(axis=0)]
        square = residual**2
        away[g] = np.sqrt(square / ((assigned == g) * task.w @ square)).sum(axis=1)
    return away


def agreement(one: Assigned, other: Assigned) -> float:
    """Share of cases that two partitions (n,) treat alike, whatever the segments are called.

    >>> agreement(np.array([0, 0, 1, 1]), np.array([1, 1, 0, 1]))
    0.75
    """
    K = int(max(one.max(), other.max())) + 1
    table = np.bincount(one * K + other, minlength=K * K).reshape(K, K)
    rows, columns = linear_sum_assignment(-table)
    return float(table[rows, columns].sum() / len(one))


def climb(task: Task, assigned: Assigned, max_steps: int) -> Climb:
    """Move cases from one partition (n,) on, as long as the objective rises."""
    start = value = float(objectives(task, assigned[None])[0])
    for step in range(max_steps):
        better, reached = _step(task, assigned, value)
        if reached <= value + _GAIN:
            return Climb(assigned, start, value, step, True)
        assigned, value = better, reached
    return Climb(assigned, start, value, max_steps, False)


def _step(task: Task, assigned: Assigned, value: float) -> tuple[Assigned, float]:
    """The best partition found among many moves at once or, if none of them helps, among single ones and their combinations."""
    away = distances(task, assigned)
    own = away[assigned, np.arange(len(assigned))]
    target = away.argmin(axis=0)
    gain = own - away.min(axis=0)
    cases = np.argsort(-gain, kind="stable")[: int((gain > 0).sum())]
    best, reached = _best(task, _together(assigned, cases, target), assigned, value)
    if reached > value + _GAIN:
        return best, reached
    cases = cases[:_DEPTH]
    single = np.tile(assigned, (len(cases), 1))
    single[np.arange(len(cases)), cases] = target[cases]
    alone = objectives(task, single)
    rising = cases[np.argsort(-alone, kind="stable")][: int((alone > value + _GAIN).sum())]
    return _best(task, _together(assigned, rising, target), assigned, value)


def _together(assigned: Assigned, cases: Assigned, target: Assigned) -> Assigned:
    """Partitions in which the first 1, 2, 3, 4, 6, 8 ... of the cases have moved."""
    counts = np.unique(np.minimum(np.round(2 ** np.arange(0, 20, 0.5)), len(cases)).astype(int))
    moved = np.tile(assigned, (len(counts), 1))
    for row, count in zip(moved, counts, strict=True):
        row[cases[:count]] = target[cases[:count]]
    return moved


def _best(task: Task, tried: Assigned, assigned: Assigned, value: float) -> tuple[Assigned, float]:
    found = objectives(task, tried)
    top = int(found.argmax())
    return (tried[top], float(found[top])) if found[top] > value else (assigned, value)
