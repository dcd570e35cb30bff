"""Importance-performance map: which constructs and items matter for a target and are weak (Ringle & Sarstedt 2016).

Importance is the unstandardised total effect of the 0-100 construct on the target's 0-100 score: points of the target per
point of the driver. An item's importance is its unstandardised outer weight times its construct's. Performance is the level.
Which quadrant a point lies in, and how sure that is, says `csi.drivers.quadrants`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from csi.display import Result, tidy
from csi.drivers.quadrants import PLACED, WEAK_AND_IMPORTANT, Line, Standards, marked, placed
from csi.errors import EstimationError, ModelError
from csi.index.score import MINIMUM_CELL, item_means, levels_of, ruler
from csi.kernel import importance
from csi.kernel.resample import p_value
from csi.structural.cases import Array
from csi.structural.estimation import Fit
from csi.structural.inference import Bootstrap, require_own_bootstrap
from csi.structural.quantities import effects_in_points

_TECHNICAL = ("position", "importance_line", "performance_line", "performance_error", "covariance")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PriorityMap(Result):
    """Importance (the estimate) and performance of every driver of a target, or of attributes by what customers say themselves.

    `rows` has the tidy columns for the importance and: kind ("construct", "item" or "attribute"), construct, performance with
    interval and standard error, their covariance in the draws, and
        position          the quadrant of the estimates: "weak and important", "strong and important", "weak, less important" or
                          "strong, less important"; empty with a finding
        quadrant          the same, but "undecided" where fewer than `certainty` of the draws lie in it
        probability       share of the draws in which the point is weak and important
        importance_line, performance_line    what it is measured against: a target, or the median of its kind
        best, best_of     best level in class, and whose it is
        finding           "negative weight" or "negative effect"
    `target` is empty where importance was stated, not estimated.
    """

    target: str
    rows: pd.DataFrame
    certainty: float = 0.8

    def headline(self) -> list[str]:
        """The target and its weakest important item."""
        weakest, found = self.weakest, "no item is both weak and important"
        if weakest is not None:
            sure = "" if pd.isna(weakest["probability"]) else f" (probability {weakest['probability']:.0%})"
            found = f"weakest important item: {weakest['term']}{sure}"
        name = f"Importance-performance map for {self.target}" if self.target else "Importance-satisfaction grid"
        return [f"{name}: {found}"]

    def table(self) -> pd.DataFrame:
        """A copy of `rows`."""
        return self.rows.copy()

    def shown(self) -> pd.DataFrame:
        """The table without the columns from which the others follow."""
        return self.table().drop(columns=list(_TECHNICAL))

    @property
    def weakest(self) -> "pd.Series | None":
        """The first of the items (or attributes) by `ranked`; None if no estimate is both weak and important."""
        ranked = self.ranked(self.finest)
        return ranked.iloc[0] if len(ranked) and ranked["position"].iloc[0] == WEAK_AND_IMPORTANT else None

    @property
    def finest(self) -> str:
        """The kind that is not made of others: "item", or "attribute" where importance was stated."""
        return "item" if self.target else "attribute"

    def ranked(self, kind: str) -> pd.DataFrame:
        """The rows of one kind, most urgent first: surely weak and important, then perhaps, then the others.

        Within each they stand by what there is to win: `gain`, importance times the points lacking to 100.
        """
        rows = self.rows[self.rows["kind"] == kind].copy()
        rows["gain"] = rows["estimate"] * (100 - rows["performance"])
        rows["later"] = (rows[["quadrant", "position"]] != WEAK_AND_IMPORTANT).sum(axis=1)
        return rows.sort_values(["later", "gain"], ascending=[True, False], ignore_index=True).drop(columns="later")


def importance_performance(
    fit: Fit,
    *,
    target: str = "Satisfaction",
    boot: Bootstrap | None = None,
    importance_line: Line = None,
    performance_line: Line = None,
    best: Mapping[str, float] | str | None = None,
    certainty: float = 0.8,
) -> PriorityMap:
    """Importance and performance of every construct that leads to the target, and of their items.

    Parameters
    ----------
    boot
        With it, intervals, the probability to be weak and important, and quadrants that are "undecided" where the draws disagree.
    importance_line, performance_line
        From where a point is important, and strong (points, 0-100): one number, or numbers by term or kind ("construct", "item").
        The median of the kind if not given, in every draw that of the draw.
    best
        Best level in class: term -> points, or the name of a segment, whose best published level it then is.
    certainty
        Share of the draws that must lie in one quadrant.

    Raises
    ------
    ModelError
        The target is not in the model, or nothing leads to it.
    EstimationError
        Scale ends unknown, the bootstrap is of another fit, or a line or mark for what is not in the map.
    """
    fit.require_scale()
    fit.model.construct(target)
    standards = Standards(importance_line, performance_line, certainty)
    require_own_bootstrap(fit, boot)
    drivers = fit.model.ancestors(target)
    if not drivers:
        raise ModelError(f"nothing leads to {target!r} in this model, so it has no drivers.")
    shown = [fit.model.names.index(name) for name in drivers]
    items = np.flatnonzero(np.isin(fit.layout.block, shown))
    k = fit.model.names.index(target)
    table = _points(fit, k, shown, items)
    if boot is None:
        table = placed(table, standards)
    else:
        draws = np.stack([_importance(boot, k, shown, items), _performance(boot, shown, items)])[:, boot.usable]
        table = placed(table, standards, draws, boot.level).assign(p_value=p_value(draws[0]))
        table.attrs = {"level": boot.level, "interval": "percentile"}
    if isinstance(best, str):
        table["best"], table["best_of"] = _best_levels(fit, best, shown, items)
    elif best is not None:
        table = marked(table, best)
    return PriorityMap(target, table, certainty)


def _points(fit: Fit, target: int, shown: list[int], items: Any) -> pd.DataFrame:  # noqa: ANN401
    """One row a construct, then one an item."""
    matter, level = _importance(fit, target, shown, items)[0], _performance(fit, shown, items)[0]
    names = [fit.model.names[j] for j in (*shown, *fit.layout.block[items])]
    rows = [
        {
            "term": name if i < len(shown) else fit.model.items[items[i - len(shown)]],
            "estimate": matter[i],
            "n": fit.n,
            "kind": "construct" if i < len(shown) else "item",
            "construct": name,
            "performance": level[i],
            "finding": finding,
        }
        for i, (name, finding) in enumerate(zip(names, _findings(fit, shown, items, matter), strict=True))
    ]
    return tidy(rows, ("kind", "construct", *PLACED))


def _importance(source: Fit | Bootstrap, target: int, shown: list[int], items: Any) -> Array:  # noqa: ANN401
    """(B, constructs then items) unstandardised total effects on the target."""
    effects = effects_in_points(source.batch)[:, :, target]
    of_items = ruler(source)[:, items] * effects[:, source.batch.layout.block[items]]
    return np.concatenate([effects[:, shown], of_items], axis=1)


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


def _best_levels(fit: Fit, by: str, shown: list[int], items: Any) -> tuple[Array, list[str | None]]:  # noqa: ANN401
    """Highest published level of each construct and item among the levels of a segment, and which it is."""
    if fit.cases.survey is None:
        raise EstimationError(f"best={by!r} needs a survey; this fit was made from a plain frame without segments.")
    segment = fit.cases.survey.segment(by)
    names = sorted(set(segment) - {""})
    used = fit.cases.answering(fit.settings.missing)
    domains = np.array([(segment == name).to_numpy() & used for name in names]).reshape(len(names), len(used))
    means = item_means(fit, (used * fit.cases.weights)[None], domains, slice(None), fit, slice(None))[0]
    points = importance.points(means, fit.cases.low, fit.cases.high)
    levels = np.column_stack([importance.construct_levels(ruler(fit), points, fit.layout)[:, shown], points[:, items]])
    answered = ~np.isnan(fit.cases.answers)
    whole = [answered[:, fit.layout.slices[j]].any(axis=1) for j in shown]
    counts = domains.astype(int) @ np.column_stack([*whole, answered[:, items]])
    levels = np.where(counts >= MINIMUM_CELL, levels, -np.inf)
    first, value = levels.argmax(axis=0), levels.max(axis=0)
    known = np.isfinite(value)
    return np.where(known, value, np.nan), [names[k] if ok else None for k, ok in zip(first, known, strict=True)]
