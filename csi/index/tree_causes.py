"""From a result to its cause: which children, slices and KPIs explain the move of a node, in parts that sum to the move."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csi.display import Result, tidy
from csi.index.tree_cells import spread
from csi.index.tree_kpis import KpiMove
from csi.index.tree_nodes import BESIDE, DRIVER, PART, Nodes
from csi.index.tree_waves import WHOLE, Slices, WaveLevels
from csi.kernel.small_matrices import Array

PARTS, DRIVERS, KPIS = "parts", "drivers", "kpis"
REST = "(rest)"
_NOTHING = 1e-9  # points: what rounding leaves
_OWN = ("by", "before", "now", "change", "weight")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Causes(Result):
    """What explains the move of a node from one wave to the next.

    Attributes
    ----------
    node, slice, move, interval
        The node, the slice (""), its change in points with interval.
    rows
        One row a cause: term, estimate (points of the move that it accounts for; NaN if unknown) with interval, and by ("parts",
        "drivers", "kpis" or a segment), before, now, change, weight. Within each `by` the estimates sum to the move; "(rest)" is
        what the named causes leave. Largest first.
    """

    node: str
    slice: str
    waves: tuple[str, str]
    move: float
    interval: tuple[float, float]
    rows: pd.DataFrame

    def headline(self) -> list[str]:
        """The move, and the largest contribution of each kind."""
        low, high = self.interval
        within = "" if np.isnan(low) else f" ({low:+.1f} to {high:+.1f})"
        where = f" in {self.slice}" if self.slice else ""
        lines = [f"{self.node}{where}: {self.move:+.1f} points{within}, {self.waves[0]} to {self.waves[1]}"]
        for by, rows in self.rows[self.rows["estimate"].notna()].groupby("by", sort=False):
            first = rows.iloc[0]
            lines.append(f"by {by}: most from {first['term']} ({first['estimate']:+.1f})")
        return lines

    def table(self) -> pd.DataFrame:
        """A copy of `rows`."""
        return self.rows.copy()


@dataclass(frozen=True, slots=True, eq=False)
class Moves:
    """What is needed to explain the last change in one view."""

    nodes: Nodes
    slices: Slices
    before: WaveLevels
    now: WaveLevels
    published: NDArray[np.bool_]
    kpis: tuple[KpiMove, ...]
    level: float

    def explained(self, node: str, slice_: str, effects: Mapping[str, float]) -> Causes:
        """The causes of a node's move; see `Panorama.explain`."""
        v, s = self.nodes.number(node), self.slices.names.index(slice_)
        before, now = (self.nodes.levels(wave.items[:, [s]])[:, 0] for wave in (self.before, self.now))
        move = now[:, v] - before[:, v]
        rows = self._within(v, before, now, move)
        if slice_ == WHOLE:
            rows += [
                row for division in self.slices.own for row in self._by_slices(v, self.slices.places(division), move)
            ]
        rows += self._by_kpis(node, slice_, float(move[0]), effects)
        table = tidy(rows, _OWN)
        size = table["estimate"].abs().where(table["term"] != REST, -1.0)
        order = table.assign(size=size, kind=pd.factorize(table["by"])[0]).sort_values(
            ["kind", "size"], ascending=[True, False]
        )
        table = table.loc[order.index].reset_index(drop=True)
        table.attrs = {"digits": 1, "level": self.level, "interval": "percentile"}
        _, low, high = spread(move[:, None], self.level)
        waves = (self.before.name, self.now.name)
        return Causes(node, slice_, waves, float(move[0]), (float(low[0]), float(high[0])), table)

    def _within(self, v: int, before: Array, now: Array, move: Array) -> list[dict[str, Any]]:
        """Parts, whose weighted moves are the move, and drivers, whose effects leave a rest."""
        rows: list[dict[str, Any]] = []
        for by, role in ((PARTS, PART), (DRIVERS, DRIVER)):
            found = []
            for child in self.nodes.children(v):
                weight = self.nodes.weights[:, child]
                if self.nodes.roles[child] == role and np.isfinite(weight[0]):
                    share = weight * (now[:, child] - before[:, child])
                    about = {"before": before[0, child], "now": now[0, child], "weight": weight[0]}
                    found.append(({"term": self.nodes.names[child], "by": by} | about, share))
            if found and role == DRIVER:
                found.append(({"term": REST, "by": by}, move - sum(share for _, share in found)))
            rows += [self._row(about, share) for about, share in found]
        return rows

    def _by_slices(self, v: int, places: slice, move: Array) -> list[dict[str, Any]]:
        """Each slice's score at its mean share plus the move of its share at its mean distance from the whole.

        Shares are those of the answers to each item, so that the parts sum also where some did not answer. Slices that are not
        published, and customers without a level, are the rest. Intervals take the shares as they are.
        """
        item = self.nodes.composition[:, v]
        (m0, m1), (k0, k1) = ((w.items for w in (self.before, self.now)), (w.mass for w in (self.before, self.now)))
        rows, named = [], np.zeros(len(move))
        for s in range(places.start, places.stop):
            if not self.published[s, v]:
                continue
            p0, p1 = k0[s] / k0[0], k1[s] / k1[0]
            score = (p0 + p1) / 2 * (m1[:, s] - m0[:, s])
            mix = (p1 - p0) * ((m1[:, s] + m0[:, s]) / 2 - (m1[:, 0] + m0[:, 0]) / 2)
            used = item[0] != 0
            share = ((score + mix) * item)[:, used].sum(axis=1)
            named += share
            own = [(wave[0, s] * item[0])[used].sum() for wave in (m0, m1)]
            weight = float((p1 * np.abs(item[0]))[used].sum() / np.abs(item[0]).sum())
            about = {"term": self.slices.names[s], "by": self.slices.names[s].partition("=")[0], "weight": weight}
            rows.append(self._row(about | {"before": own[0], "now": own[1]}, share))
        by = self.slices.names[places.start].partition("=")[0]
        rest = move - named
        return [*rows, self._row({"term": REST, "by": by}, rest)] if abs(rest[0]) > _NOTHING else rows

    def _by_kpis(self, node: str, slice_: str, move: float, effects: Mapping[str, float]) -> list[dict[str, Any]]:
        """KPIs on this node or below it, in points where their effect is known."""
        below, known = {node, *self._below(node)}, list[float]()
        rows: list[dict[str, Any]] = []
        for each in self.kpis:
            if each.slice == slice_ and each.kpi.parent in below:
                below.add(each.kpi.name)
                effect = effects.get(each.kpi.name, np.nan)
                values = {"before": each.values[-2], "now": each.values[-1], "change": each.change, "weight": effect}
                rows.append({"term": each.kpi.name, "by": KPIS, "estimate": effect * each.change} | values)
                if np.isfinite(effect * each.change):
                    known.append(effect * each.change)
        return [*rows, {"term": REST, "by": KPIS, "estimate": move - sum(known)}] if known else rows

    def _below(self, node: str) -> Iterable[str]:
        inside = {self.nodes.number(node)}
        for v, parent in enumerate(self.nodes.parents):
            if int(parent) in inside and self.nodes.roles[v] != BESIDE:
                inside.add(v)
        return (self.nodes.names[v] for v in inside)

    def _row(self, about: dict[str, Any], share: Array) -> dict[str, Any]:
        error, low, high = spread(share[:, None], self.level)
        change = about.get("now", np.nan) - about.get("before", np.nan)
        return about | {
            "estimate": share[0],
            "std_error": error[0],
            "ci_low": low[0],
            "ci_high": high[0],
            "change": change,
        }
