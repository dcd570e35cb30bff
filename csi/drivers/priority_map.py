"""Importance-performance map: which constructs and items matter for a target and are weak (Ringle & Sarstedt 2016).

Importance is the unstandardised total effect of the 0-100 construct on the target's 0-100 score: points of the target per
point of the driver. An item's importance is its unstandardised outer weight times its construct's. Performance is the level.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from csi.display import Result, tidy
from csi.errors import EstimationError, ModelError
from csi.index.score import levels_of, ruler
from csi.kernel import importance
from csi.kernel.resample import p_value, percentile_interval, standard_error
from csi.structural.cases import Array
from csi.structural.estimation import Fit
from csi.structural.inference import Bootstrap

_OWN = ("kind", "construct", "performance", "performance_low", "performance_high", "quadrant", "finding")
WEAK_AND_IMPORTANT = "weak and important"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PriorityMap(Result):
    """Importance (the estimate) and performance of every driver of a target.

    `rows` has the tidy columns for the importance and: kind ("construct" or "item"), construct, performance with interval,
    quadrant (against the median of its kind: "weak and important", "strong and important", "weak, less important",
    "strong, less important"; empty with a finding), finding ("negative weight" or "negative effect").
    """

    target: str
    rows: pd.DataFrame

    def headline(self) -> list[str]:
        """The target and its weakest important item."""
        weakest = self.weakest
        found = (
            "no item is both weak and important" if weakest is None else f"weakest important item: {weakest['term']}"
        )
        return [f"Importance-performance map for {self.target}: {found}"]

    def table(self) -> pd.DataFrame:
        """A copy of `rows`."""
        return self.rows.copy()

    @property
    def weakest(self) -> "pd.Series | None":
        """The weak and important item with most to win: importance times the points it lacks to 100."""
        items = self.rows[(self.rows["kind"] == "item") & (self.rows["quadrant"] == WEAK_AND_IMPORTANT)]
        if items.empty:
            return None
        gain = items["estimate"].to_numpy() * (100 - items["performance"].to_numpy())
        return items.iloc[int(gain.argmax())]


def importance_performance(fit: Fit, *, target: str = "Satisfaction", boot: Bootstrap | None = None) -> PriorityMap:
    """Importance and performance of every construct that leads to the target, and of their items.

    Raises
    ------
    ModelError
        The target is not in the model, or nothing leads to it.
    EstimationError
        Scale ends unknown, or the bootstrap is of another fit.
    """
    fit.require_scale()
    fit.model.construct(target)
    if boot is not None and boot.fit is not fit:
        raise EstimationError("the bootstrap belongs to another fit. Call csi.bootstrap on this one.")
    drivers = fit.model.ancestors(target)
    if not drivers:
        raise ModelError(f"nothing leads to {target!r} in this model, so it has no drivers.")
    shown = [fit.model.names.index(name) for name in drivers]
    items = np.flatnonzero(np.isin(fit.layout.block, shown))
    k = fit.model.names.index(target)
    matter, level = _importance(fit, k, shown, items), _performance(fit, shown, items)
    kinds = ["construct"] * len(shown) + ["item"] * len(items)
    findings = _findings(fit, shown, items, matter[0])
    rows: list[dict[str, Any]] = [
        {
            "term": term,
            "estimate": matter[0, i],
            "n": fit.n,
            "kind": kinds[i],
            "construct": term if kinds[i] == "construct" else fit.model.names[fit.layout.block[items[i - len(shown)]]],
            "performance": level[0, i],
            "finding": findings[i],
        }
        for i, term in enumerate([*drivers, *(fit.model.items[j] for j in items)])
    ]
    if boot is not None:
        _add_intervals(rows, _importance(boot, k, shown, items), _performance(boot, shown, items), boot)
    return PriorityMap(target, _with_quadrants(tidy(rows, _OWN)))


def _importance(source: Fit | Bootstrap, target: int, shown: list[int], items: Any) -> Array:  # noqa: ANN401
    """(B, constructs then items) unstandardised total effects on the target."""
    fit = source if isinstance(source, Fit) else source.fit
    e = source.estimates if isinstance(source, Fit) else source.draws
    u, score_sd = importance.unit_weights(e.weights, source.moments.sd, fit.cases.low, fit.cases.high, fit.layout)
    effects = importance.effects_in_points(e.total_effects, score_sd, e.attenuation)[:, :, target]
    return np.concatenate([effects[:, shown], u[:, items] * effects[:, fit.layout.block[items]]], axis=1)


def _performance(source: Fit | Bootstrap, shown: list[int], items: Any) -> Array:  # noqa: ANN401
    fit = source if isinstance(source, Fit) else source.fit
    means = source.moments.mean
    item_points = importance.points(means, fit.cases.low, fit.cases.high)
    return np.concatenate([levels_of(source, means)[:, shown], item_points[:, items]], axis=1)


def _findings(fit: Fit, shown: list[int], items: Any, matter: Array) -> list[str]:  # noqa: ANN401
    negative = ruler(fit)[0] < 0
    blocks = {j: bool(negative[fit.layout.slices[j]].any()) for j in shown}
    by_weight = [blocks[j] for j in shown] + [bool(negative[i]) for i in items]
    return [
        "negative weight" if weight else "negative effect" if effect < 0 else ""
        for weight, effect in zip(by_weight, matter, strict=True)
    ]


def _add_intervals(rows: list[dict[str, Any]], matter: Array, level: Array, boot: Bootstrap) -> None:
    used, levels = matter[boot.usable], level[boot.usable]
    low, high = percentile_interval(used, boot.level)
    bottom, top = percentile_interval(levels, boot.level)
    columns = zip(rows, standard_error(used), low, high, p_value(used), bottom, top, strict=True)
    for row, error, lo, hi, p, down, up in columns:
        row |= {"std_error": error, "ci_low": lo, "ci_high": hi, "p_value": p}
        row |= {"performance_low": down, "performance_high": up}


def _with_quadrants(table: pd.DataFrame) -> pd.DataFrame:
    sound = table["finding"] == ""
    middle = table[sound].groupby("kind")[["estimate", "performance"]].median()
    centre = table[["kind"]].join(middle, on="kind")
    strength = np.where(table["performance"] < centre["performance"], "weak", "strong")
    weight = np.where(table["estimate"] >= centre["estimate"], " and important", ", less important")
    table["quadrant"] = np.where(sound, np.char.add(strength, weight), "")
    return table
