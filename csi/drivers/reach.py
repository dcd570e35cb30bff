"""From effect to cause: which few indicators must rise by how much to reach a target, and what it costs.

The target is a rise of a construct in points. Each draw of the bootstrap has its own weights and effects, so a plan that is
exactly on target in the estimate succeeds in about half of the draws; with `confidence` a plan attains the target in that share
of them. How plans are found, and what is proven of them, stands in `csi.kernel.improvement`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from csi.display import Result, brief, tidy
from csi.drivers.effects import (
    effects_of_items,
    require_straight_lines,
)
from csi.drivers.levers import PerItem, candidates, levers_of
from csi.drivers.scenario import Scenario, what_if
from csi.errors import EstimationError
from csi.index.score import levels_of
from csi.kernel.improvement import Aim, Levers, cheapest, most
from csi.kernel.resample import percentile_interval
from csi.structural.cases import Array
from csi.structural.estimation import Fit
from csi.structural.inference import Bootstrap, bootstrap, require_own_bootstrap
from csi.survey.codebook import wordings

_OWN = ("plan", "construct", "before", "after", "bound", "cost", "brings", "brings_low", "brings_high")
_PLANS = ("plan", "total_cost", "attained", "expected", "items")
_NEARLY = 1.25  # an alternative costs at most so many times what the best plan does
_SMALLEST = 1e-10  # a rise below this part of the highest one is rounding
_CLOSE = 1e-9


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Plan(Result):
    """The cheapest improvements found that reach a target, and alternatives that cost nearly the same.

    `rows` has a row for each indicator of each plan (plan 1 is the best). The estimate is the rise of the item's mean on its own
    scale, a decision and so without error; beside it: plan, construct, before and after (means), bound (the highest mean
    allowed), cost, brings (points of the target that this rise brings) with interval. `plans` has a row a plan: total_cost,
    attained (the rise of the target, at the confidence asked), expected (its estimate), items. `scenario` is what plan 1 does to
    every construct. `reached` is False where the budget ends before the target; `proven` says whether nothing cheaper can exist.
    """

    construct: str
    target: float | None
    level: float
    confidence: float | None
    rows: pd.DataFrame
    plans: pd.DataFrame
    scenario: Scenario
    reached: bool
    proven: bool

    def headline(self) -> list[str]:
        """The target, what it takes, and what it costs."""
        best = self.plans.iloc[0]
        sure = "" if self.confidence is None else f" with confidence {self.confidence:.0%}"
        what = f"{self.construct} {best['attained']:+.2f} points from {self.level:.1f}{sure}"
        if not self.reached and self.target is not None:
            lines = [f"Plan: {self.target:+g} points are beyond the budget; the most is {what}"]
        else:
            lines = [f"Plan: {what}, for a cost of {brief(best['total_cost'])}"]
        others = [f"{row['items']} for {brief(row['total_cost'])}" for row in self.plans.iloc[1:].to_dict("records")]
        return [*lines, *(f"or {other}" for other in others)]

    def table(self) -> pd.DataFrame:
        """A copy of `rows`."""
        return self.rows.copy()

    def shown(self) -> pd.DataFrame:
        """The best plan, one row an indicator."""
        best = self.rows[self.rows["plan"] == 1]
        shown = best[["term", "estimate", "before", "after", "bound", "cost", "brings"]].rename(
            columns={"estimate": "rise"}
        )
        shown.attrs = {"digits": 3}
        return shown

    @property
    def changes(self) -> dict[str, float]:
        """Item -> rise of plan 1, as `what_if` takes them."""
        return self.changes_of(1)

    def changes_of(self, plan: int) -> dict[str, float]:
        """Item -> rise of a plan by its number."""
        rows = self.rows[self.rows["plan"] == plan]
        return dict(zip(rows["term"], rows["estimate"].astype(float), strict=True))


def reach(  # noqa: PLR0913 - the conditions of a plan, each by name
    fit: Fit,
    target: float | None = None,
    construct: str = "Satisfaction",
    *,
    boot: Bootstrap | None = None,
    items: Sequence[str] | None = None,
    bounds: PerItem | None = None,
    cost: float | PerItem = 1.0,
    budget: float | None = None,
    step: float | PerItem | None = None,
    confidence: float | None = 0.8,
    alternatives: int = 3,
) -> Plan:
    """The cheapest rises of indicators that raise a construct by `target` points, or the most that a budget can do.

    Parameters
    ----------
    target
        Rise of the construct in points (0-100). None asks for the most that the budget can do.
    boot
        Bootstrap of the fit; if a confidence is asked and none is given, one with the usual draws is made.
    items
        The indicators that may rise; all items of constructs that lead to the target if None. Items of the target itself are
        its result, and rise only if they are named here.
    bounds
        Item -> the highest mean that it may reach on its own scale, as that of the best in class; the end of the scale for
        items that are not named. An item already there does not rise.
    cost
        Cost or effort of one unit of the item's own scale, for all items or by item (1 for those not named).
    budget
        Highest total cost. If the target is beyond it, the plan is the most that it can do, and `reached` is False.
    step
        Rises come in multiples of this (own scale), for all items or by item (then for every one); None: any rise.
    confidence
        Share of the draws in which the target is attained, at least 0.5; None plans on the estimate alone.
    alternatives
        At most so many further plans: the cheapest ones that do without indicators of a better plan, at up to 25 % more cost.

    Raises
    ------
    ModelError
        Unknown construct or item, nothing that leads to the target, or effects that are not straight lines.
    EstimationError
        A target below today's level or beyond 100, one that cannot be reached within the bounds (the message says the most), a
        cost that is not positive, a step, bound or confidence that cannot be, unknown scale ends.

    >>> frame = pd.DataFrame({"q": [1, 2, 3, 4, 5.0], "s": [2, 2, 3, 4, 5.0]})
    >>> from csi import Model, fit
    >>> fitted = fit(Model.parse("Quality <~ q; Satisfaction <~ s; Satisfaction ~ Quality"), frame, scale=(1, 5))
    >>> {item: round(rise, 6) for item, rise in reach(fitted, +2.0, confidence=None).changes.items()}
    {'q': 0.1}
    """
    fit.require_scale()
    fit.model.construct(construct)
    require_own_bootstrap(fit, boot)
    boot = _draws(fit, boot, confidence)
    levels = levels_of(fit, fit.moments.mean)[0]
    level = float(levels[fit.model.names.index(construct)])
    _require_asked(construct, target, level, budget)
    named = candidates(fit, construct, items)
    require_straight_lines(fit, named)
    task = _Task.of(fit, boot, construct, named, confidence)
    levers = levers_of(fit, named, task.gain, bounds, cost, step)
    plans = [] if target is None else _plans(task, levers, target, budget, alternatives)
    if not plans:
        plans = [most(task.aim, levers, np.inf if budget is None else budget)]
    if not _rises(levers, plans[0]).any():
        raise EstimationError(f"no indicator that raises {construct!r} can rise within these bounds and steps.")
    tables = [_rows(task, levers, x, number) for number, x in enumerate(plans, start=1)]
    rows = pd.concat(tables, ignore_index=True)
    survey = fit.cases.survey
    words = wordings(survey.codebook if survey else None, fit.model.names, named)
    rows.attrs = {"digits": 3} | dict(words.items())
    reached = target is None or float(task.aim.attained(plans[0])) >= target - _CLOSE
    scenario = what_if(fit, dict(zip(tables[0]["term"], tables[0]["estimate"], strict=True)), boot=boot)
    proven = len(task.aim.gain) == 1 or levers.are_few
    return Plan(construct, target, level, confidence, rows, _summary(task, levers, plans), scenario, reached, proven)


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    """The candidates (m) with their columns, what a unit of each brings in the estimate (m,), in draws (B, m), and the aim."""

    fit: Fit
    boot: Bootstrap | None
    construct: str
    items: list[str]
    places: list[int]
    gain: Array
    drawn: Array | None
    aim: Aim

    @classmethod
    def of(
        cls, fit: Fit, boot: Bootstrap | None, construct: str, items: list[str], confidence: float | None
    ) -> "_Task":
        """Gains of the candidates; without a confidence the estimate is the only draw."""
        places = [fit.origin.cases.items.index(item) for item in items]
        k = fit.model.names.index(construct)
        gain = effects_of_items(fit, construct)[:, places]
        room = 100 - levels_of(fit, fit.moments.mean)[:, k]
        drawn, aim = None, Aim(gain, room, 0.5)
        if boot is not None:
            drawn = effects_of_items(boot, construct)[boot.usable][:, places]
            if confidence is not None:
                aim = Aim(drawn, 100 - levels_of(boot, boot.moments.mean)[boot.usable, k], 1 - confidence)
        return cls(fit, boot, construct, items, places, gain[0], drawn, aim)

    @property
    def means(self) -> Array:
        """(m,) today's means."""
        return np.asarray(self.fit.origin.moments.mean[0, self.places])


def _draws(fit: Fit, boot: Bootstrap | None, confidence: float | None) -> Bootstrap | None:
    if confidence is None:
        return boot
    if not 0.5 <= confidence < 1:
        raise EstimationError(
            f"confidence={confidence} cannot be planned for; it is at least 0.5 and below 1, or None for the estimate alone."
        )
    return bootstrap(fit) if boot is None else boot


def _require_asked(construct: str, target: float | None, level: float, budget: float | None) -> None:
    if budget is not None and not 0 < budget < np.inf:
        raise EstimationError(f"budget={budget} buys nothing that can be planned; it is a number above 0, or None.")
    if target is None:
        if budget is None:
            raise EstimationError("reach needs a target, a budget, or both; neither was given.")
        return
    if not target > 0:
        raise EstimationError(
            f"a target of {target:+g} is not above today's level: {construct!r} has {level:.1f} points, and a target is a rise "
            f"from there. To reach 80, ask for {80 - level:+.1f}."
        )
    if level + target > 100:
        raise EstimationError(
            f"a target of {target:+g} is beyond the scale: {construct!r} has {level:.1f} points so at most {100 - level:+.1f}."
        )


def _plans(task: _Task, levers: Levers, target: float, budget: float | None, alternatives: int) -> list[Array]:
    """The cheapest plan and its alternatives; none if the budget is too small for it."""
    best = cheapest(task.aim, levers, target)
    if best is None:
        furthest = float(task.aim.attained(most(task.aim, levers, np.inf)))
        raise EstimationError(
            f"{task.construct!r} {target:+g} cannot be reached within these bounds"
            f"{'' if len(task.aim.gain) == 1 else f' with confidence {1 - task.aim.tail:.0%}'}; the most is {furthest:+.2f}. "
            "Widen the bounds, name more items, or ask for less."
        )
    limit = np.inf if budget is None else budget + _CLOSE
    if levers.cost @ best > limit:
        return []
    limit = min(limit, _NEARLY * float(levers.cost @ best))
    others = [cheapest(task.aim, levers.without(int(i)), target) for i in np.flatnonzero(_rises(levers, best))]
    found = [best, *(x for x in others if x is not None and levers.cost @ x <= limit)]
    distinct: dict[tuple[bool, ...], Array] = {}
    for x in sorted(found, key=lambda x: float(levers.cost @ x)):
        distinct.setdefault(tuple(_rises(levers, x)), x)
    return list(distinct.values())[: alternatives + 1]


def _rises(levers: Levers, plan: Array) -> Array:
    """(m,) which indicators rise, apart from rounding."""
    return np.asarray(plan > _SMALLEST * levers.upper)


def _rows(task: _Task, levers: Levers, plan: Array, number: int) -> pd.DataFrame:
    """One row an indicator that rises, the one that brings most first."""
    origin, places = task.fit.origin, np.flatnonzero(_rises(levers, plan))
    owner = {item: c.name for c in origin.model.constructs for item in c.items}
    low = high = np.full(len(plan), np.nan)
    if task.drawn is not None and task.boot is not None:
        low, high = percentile_interval(task.drawn * plan, task.boot.level)
    rows: list[dict[str, Any]] = [
        {
            "term": task.items[i],
            "estimate": plan[i],
            "n": task.fit.n,
            "plan": number,
            "construct": owner[task.items[i]],
            "before": task.means[i],
            "after": task.means[i] + plan[i],
            "bound": task.means[i] + levers.upper[i],
            "cost": levers.cost[i] * plan[i],
            "brings": task.gain[i] * plan[i],
            "brings_low": low[i],
            "brings_high": high[i],
        }
        for i in map(int, places[np.argsort(-(task.gain * plan)[places], kind="stable")])
    ]
    return tidy(rows, _OWN)


def _summary(task: _Task, levers: Levers, plans: list[Array]) -> pd.DataFrame:
    """One row a plan."""
    rows: list[dict[str, Any]] = [
        {
            "plan": number,
            "total_cost": float(levers.cost @ x),
            "attained": float(task.aim.attained(x)),
            "expected": float(task.gain @ x),
            "items": ", ".join(task.items[i] for i in np.flatnonzero(_rises(levers, x))),
        }
        for number, x in enumerate(plans, start=1)
    ]
    return pd.DataFrame(rows, columns=_PLANS)
