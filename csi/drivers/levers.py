"""What a plan may pull: which indicators may rise, how far, in which steps and at what cost."""

import warnings
from collections.abc import Mapping, Sequence

import numpy as np

from csi.drivers.effects import effects_of_items, measured_constructs, measured_items
from csi.errors import CsiWarning, EstimationError, ModelError, known_names
from csi.kernel.improvement import Levers
from csi.structural.cases import Array
from csi.structural.estimation import Fit

PerItem = Mapping[str, float]


def candidates(fit: Fit, construct: str, items: Sequence[str] | None) -> list[str]:
    """The items that may rise: those named, or all that lead to the target."""
    known = measured_items(fit)
    for item in items or ():
        if item not in known:
            raise ModelError(f"there is no item {item!r} to improve. {known_names(item, known, 'The items are')}")
    if items is not None:
        return list(dict.fromkeys(items))
    causes = [name for name in measured_constructs(fit) if name in fit.model.ancestors(construct)]
    leading = sum((np.abs(effects_of_items(fit, name)[0]) for name in causes), np.zeros(len(fit.origin.cases.items)))
    found = [item for item in known if leading[fit.origin.cases.items.index(item)] > 0]
    if not found:
        raise ModelError(f"nothing leads to {construct!r} in this model; name the items that may rise, as items=[...].")
    return found


def levers_of(
    fit: Fit,
    items: list[str],
    gain: Array,
    bounds: PerItem | None = None,
    cost: float | PerItem = 1.0,
    step: float | PerItem | None = None,
) -> Levers:
    """What each item costs and how far it may rise; one whose `gain` (m,) is not positive is never raised."""
    cases, known = fit.origin.cases, measured_items(fit)
    places = [cases.items.index(item) for item in items]
    top = dict(zip(cases.items, cases.high, strict=True))
    for item, bound in (bounds or {}).items():
        if item not in known:
            raise ModelError(
                f"a bound names item {item!r}, which cannot rise. {known_names(item, known, 'The items are')}"
            )
        if not bound <= top[item]:
            raise EstimationError(f"the bound of item {item!r} is {bound:g}, and its scale ends at {top[item]:g}.")
        top[item] = bound
    room = np.array([top[item] for item in items]) - fit.origin.moments.mean[0, places]
    if not isinstance(cost, Mapping) and np.ptp((cases.high - cases.low)[places]) > 0:
        warnings.warn(
            "the items have scales of different lengths, and one cost for a unit of each; give costs by item.",
            CsiWarning,
            stacklevel=3,
        )
    steps = None if step is None else _per_item("step", step, items, None)
    return Levers(_per_item("cost", cost, items, 1.0), np.where(gain > 0, np.maximum(room, 0.0), 0.0), steps)


def _per_item(what: str, given: float | PerItem, items: list[str], otherwise: float | None) -> Array:
    """(m,) one positive number for each item."""
    if isinstance(given, Mapping):
        for name in given:
            if name not in items:
                raise ModelError(f"a {what} names item {name!r}. {known_names(name, items, 'Items that may rise are')}")
        missing = [item for item in items if item not in given]
        if missing and otherwise is None:
            raise EstimationError(f"item {missing[0]!r} has no {what}; give one for every item, or one number for all.")
        values = np.array([given.get(item, otherwise) for item in items], dtype=float)
    else:
        values = np.full(len(items), float(given))
    for item, value in zip(items, values, strict=True):
        if not 0 < value < np.inf:
            raise EstimationError(f"the {what} of item {item!r} is {value:g}; it is a number above 0.")
    return values
