"""The cheapest rises of indicators that reach a target, and the most that a budget reaches.

Notation
    x      (m,)    how much each indicator rises, on its own scale
    gain   (B, m)  points of the target per unit of each indicator, in every draw
    room   (B,)    points that the target can rise at most, in every draw
    tail           1 - confidence; the plan attains the `tail` quantile (type 7) over draws of min(gain x, room)
With one draw this is a linear or an integer programme, solved to the optimum (HiGHS; Huangfu & Hall 2018). With many it is a
chance constraint (Charnes & Cooper 1959), which is not convex over draws. It is solved in three moves: (1) the optimum under a
normal distribution of the gains, by cutting planes, its aim raised until the draws agree; (2) with the draws held that the plan
satisfies, the programme is solved again, which can only make it cheaper, until nothing changes; steps (or single draws, if there
are few) are exchanged one for another as long as that helps, and few plans of whole steps are all tried; (3) what is linear is
drawn back until the quantile is the target itself. The result meets the constraint on the draws exactly; that nothing cheaper
does is proven only where all plans were tried.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.stats import norm

from csi.kernel.small_matrices import Array

_CUTS = 200
_ROUNDS = 50
_CLOSE = 1e-9
_FEW = 10_000  # plans that are tried one by one
_FEW_DRAWS = 200  # among which single draws are exchanged
_CHUNK = 128  # plans tried at once


@dataclass(frozen=True, slots=True, eq=False)
class Levers:
    """Cost per unit (m,), highest rise (m,), and the steps (m,) in which indicators rise; None where any rise will do."""

    cost: Array
    upper: Array
    step: Array | None = None

    @property
    def counts(self) -> NDArray[np.float64]:
        """Steps that fit under the highest rise."""
        if self.step is None:
            return self.upper
        return np.floor(self.upper / self.step + _CLOSE)

    @property
    def are_few(self) -> bool:
        """Whether all plans of whole steps can be tried one by one."""
        return self.step is not None and float(np.prod(self.counts + 1)) <= _FEW

    def without(self, excluded: int) -> "Levers":
        """The same with one indicator left as it is."""
        upper = self.upper.copy()
        upper[excluded] = 0.0
        return Levers(self.cost, upper, self.step)


@dataclass(frozen=True, slots=True, eq=False)
class Aim:
    """What a rise brings in every draw, and which quantile of it counts."""

    gain: Array
    room: Array
    tail: float

    @property
    def few(self) -> bool:
        """Whether the draws are so few that single ones matter."""
        return len(self.gain) <= _FEW_DRAWS

    def attained(self, x: Array) -> Array:
        """The quantile for plans x (..., m)."""
        reached = np.minimum(x @ self.gain.T, self.room)
        return np.asarray(np.quantile(reached, self.tail, axis=-1))

    def held(self, x: Array) -> Array:
        """The gains (rows, m) of the draws in which the plan brings most, as many as have to reach the target."""
        reached = np.minimum(self.gain @ x, self.room)
        failing = int(np.floor(self.tail * (len(reached) - 1) + _CLOSE))
        return self.gain[np.argsort(reached, kind="stable")[failing:]]


def cheapest(aim: Aim, levers: Levers, target: float) -> Array | None:
    """The cheapest plan found that attains the target; None if the most that can be reached falls short of it.

    >>> aim = Aim(np.array([[2.0, 3.0]]), np.array([100.0]), 0.5)
    >>> cheapest(aim, Levers(np.array([1.0, 1.0]), np.array([1.0, 1.0])), 4.0).round(9).tolist()
    [0.5, 1.0]
    """
    furthest = most(aim, levers, np.inf)
    if aim.attained(furthest) < target - _CLOSE:
        return None
    start = _raised_until_attained(aim, levers, target)
    task = _Task(aim, levers, target)
    starts = [furthest] if start is None else [start, furthest] if aim.few else [start]
    plan = task.best([_improved(task, x) for x in starts])
    return plan if levers.step is not None else _settled(aim, levers, plan, furthest, target)


def most(aim: Aim, levers: Levers, budget: float) -> Array:
    """The plan found that attains most within a budget.

    >>> aim = Aim(np.array([[2.0, 3.0]]), np.array([100.0]), 0.5)
    >>> most(aim, Levers(np.array([1.0, 1.0]), np.array([1.0, 1.0])), 1.5).round(9).tolist()
    [0.5, 1.0]
    """
    task = _Task(aim, levers, None, budget)
    nothing = np.zeros(len(levers.cost))
    starts = [_under_normal(task)]
    if aim.few:
        starts += [_programme(aim.gain.mean(axis=0)[None, :], task), nothing]
    return task.best([nothing, *(_improved(task, x) for x in starts if x is not None)])


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    """The lowest cost for a target, or without one the most within a budget."""

    aim: Aim
    levers: Levers
    target: float | None
    budget: float = np.inf

    def worth(self, plan: Array) -> float:
        """What a plan is compared by; the more the better, -inf if it does not do what it must."""
        attained, cost = float(self.aim.attained(plan)), float(self.levers.cost @ plan)
        if self.target is not None:
            return -cost if attained >= self.target - _CLOSE else -np.inf
        return attained if cost <= self.budget + _CLOSE else -np.inf

    def best(self, plans: list[Array]) -> Array:
        """The plan worth most, the first of equals."""
        return max(plans, key=self.worth)


def _programme(rows: Array, task: _Task) -> Array | None:
    """Minimise the cost such that rows x >= target; without a target maximise the smallest of rows x within the budget."""
    levers, target, budget = task.levers, task.target, task.budget
    unit = np.ones(len(levers.cost)) if levers.step is None else levers.step
    m, kind = len(unit), 0 if levers.step is None else 1
    cost = levers.cost * unit
    if target is not None:
        objective, limits = cost, [LinearConstraint(rows * unit, target, np.inf)]
        bounds, integral = Bounds(0, levers.counts), np.full(m, kind)
    else:
        objective = np.append(np.zeros(m), -1.0)
        limits = [LinearConstraint(np.column_stack([rows * unit, -np.ones(len(rows))]), 0, np.inf)]
        if np.isfinite(budget):
            limits.append(LinearConstraint(np.append(cost, 0.0)[None, :], 0, budget))
        bounds = Bounds(np.append(np.zeros(m), -np.inf), np.append(levers.counts, np.inf))
        integral = np.append(np.full(m, kind), 0)
    found = milp(objective, constraints=limits, bounds=bounds, integrality=integral, options={"mip_rel_gap": 0.0})
    if found.x is None:
        return None
    counts = np.clip(found.x[:m], 0.0, levers.counts)
    return np.asarray(unit * (np.round(counts) if kind else counts))


def _under_normal(task: _Task) -> Array | None:
    """The optimum if the gains were normal: mean'x - z sqrt(x' cov x) is concave, so that its tangents cut only what fails."""
    aim, target = task.aim, task.target
    mean = aim.gain.mean(axis=0)
    cov = np.cov(aim.gain.T).reshape(len(mean), -1) if len(aim.gain) > 1 else np.zeros((len(mean), len(mean)))
    z, cuts, plan = float(norm.isf(aim.tail)), [mean], None
    for _ in range(_CUTS):
        plan = _programme(np.array(cuts), task)
        if plan is None:
            return None
        spread = float(np.sqrt(plan @ cov @ plan))
        tangent = mean - z * cov @ plan / spread if spread > 0 else mean
        promised = float(np.min(np.array(cuts) @ plan)) if target is None else target
        if tangent @ plan >= promised - 1e-7 * max(abs(promised), 1.0):
            break
        cuts.append(tangent)
    return plan


def _raised_until_attained(aim: Aim, levers: Levers, target: float) -> Array | None:
    """The optimum under normal gains for the lowest aim at which the draws attain the target; None if there is none."""
    asked = target
    for _ in range(_ROUNDS):
        plan = _under_normal(_Task(aim, levers, asked))
        if plan is None:
            return None
        short = target / max(float(aim.attained(plan)), 1e-3 * target)
        if short <= 1.0:
            return plan
        asked *= max(short, 1.0 + 1e-6)
    return None


def _improved(task: _Task, plan: Array) -> Array:
    """Better and better plans, until none of `_others` is better."""
    for _ in range(_ROUNDS):
        now = task.worth(plan)
        better = next((x for x in _others(task, plan) if x is not None and task.worth(x) > now + _CLOSE), None)
        if better is None:
            break
        plan = better
    return plan


def _others(task: _Task, plan: Array) -> Iterator[Array | None]:
    """Plans that may be better: the best one for the draws that are held, steps away, or with one draw let go for another.

    Among many draws one more or less changes next to nothing, and none is exchanged.
    """
    rows = task.aim.held(plan)
    yield _programme(rows, task)
    if task.levers.step is not None:
        yield _neighbour(task, plan)
    elif task.aim.few and len(rows) > 1:
        for b in np.argsort(rows @ plan)[: len(plan)]:
            freer = _programme(np.delete(rows, b, axis=0), task)
            yield None if freer is None else _programme(task.aim.held(freer), task)


def _tried(levers: Levers, plan: Array) -> Array:
    """(N, m) plans to compare with this one: all if they are few, else those one or two steps of one or two indicators away.

    There are none without steps.
    """
    if levers.step is None:
        return plan[None, :][:0]
    if levers.are_few:
        every = np.indices([int(count) + 1 for count in levers.counts])
        return np.asarray(every.reshape(len(plan), -1).T * levers.step)
    single = np.concatenate([count * np.diag(levers.step) for count in (-2, -1, 1, 2)])
    first, second = np.triu_indices(len(single), 1)
    near = plan + np.concatenate([single, single[first] + single[second]])
    inside = ((near >= -_CLOSE) & (near <= levers.upper + _CLOSE)).all(axis=1)
    return np.asarray(np.maximum(near[inside], 0.0))


def _neighbour(task: _Task, plan: Array) -> Array | None:
    """The best of the plans tried, if there is one."""
    tried = _tried(task.levers, plan)
    cost = tried @ task.levers.cost
    if task.target is None:
        tried = tried[cost <= task.budget + _CLOSE]
        found = [task.aim.attained(some) for some in _chunks(tried)]
        return np.asarray(tried[int(np.concatenate(found).argmax())]) if found else None
    cheaper = np.argsort(cost, kind="stable")[: int((cost < plan @ task.levers.cost - _CLOSE).sum())]
    for some in _chunks(tried[cheaper]):
        sound = task.aim.attained(some) >= task.target - _CLOSE
        if sound.any():
            return np.asarray(some[int(sound.argmax())])
    return None


def _chunks(plans: Array) -> Iterator[Array]:
    return (plans[start : start + _CHUNK] for start in range(0, len(plans), _CHUNK))


def _settled(aim: Aim, levers: Levers, plan: Array, furthest: Array, target: float) -> Array:
    """The place where the quantile is the target, on the line from no rise through the plan, or from it to the furthest one."""
    below, above = np.zeros_like(plan), plan
    if aim.attained(above) < target:  # by no more than the programme's tolerance, or it is the furthest plan already
        above = np.minimum(plan * (1 + 1e-6), levers.upper)
    if aim.attained(above) < target:
        below, above = plan, furthest
    for _ in range(100):
        middle = (below + above) / 2
        below, above = (below, middle) if aim.attained(middle) >= target else (middle, above)
    return above
