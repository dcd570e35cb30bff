"""The rows of one view of the panorama, wave by wave, and the verdicts of the last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csi.display import TIDY
from csi.index.alerts import ALERT, CHANGE, RED_LINE, returns, verdicts
from csi.index.tree_cells import Columns, Pooled, beyond_chance, difference, estimated, lead, pooled
from csi.index.tree_kpis import KpiMove
from csi.index.tree_nodes import Nodes
from csi.index.tree_waves import Slices, WaveLevels
from csi.kernel.false_discovery import tree_discoveries
from csi.kernel.small_matrices import Array

KPI = "kpi"
OWN = (
    *("view", "wave", "slice", "kind", "parent", "unit", "published", "note", "shrunken"),
    *("change", "change_low", "change_high", "year_change", "year_change_low", "year_change_high"),
    *("target", "red_line", "to_target", "target_met", "best", "to_best", "to_best_low", "to_best_high"),
    *("lead_over", "lead", "lead_low", "lead_high", "verdict", "reason", "returning"),
)
_TEXTS = ("note", "target_met", "best", "lead_over", "verdict", "reason", "unit")


@dataclass(frozen=True, slots=True)
class Rule:
    """What the panorama holds a level and a change against, and how sure it wants to be."""

    targets: Mapping[str, float]
    minimum_change: float
    q: float
    minimum: int
    level: float


@dataclass(slots=True, eq=False)
class ViewRows:
    """The cells of one view as the waves come; levels of waves that no later one is compared with are let go."""

    nodes: Nodes
    slices: Slices
    waves: tuple[str, ...]
    rule: Rule
    year_before: Sequence[int | None]
    cells: list[dict[str, Any]] = field(default_factory=list)
    _kept: dict[int, Array] = field(default_factory=dict)
    _pool: Pooled | None = None

    def add(self, wave: WaveLevels, n: NDArray[np.intp]) -> None:
        """The next wave: its item levels, and the answers (S, V) of every node in every slice."""
        t, level = len(self.cells), self.rule.level
        levels = self.nodes.levels(wave.items)
        enough = n >= self.rule.minimum
        enough[0] = True
        published = enough & np.isfinite(levels[0])
        levels[:, ~published] = np.nan
        columns: dict[str, Any] = estimated(levels, level) | {"n": n, "published": published}
        columns["note"] = np.where(
            published, "", np.where(enough, "not asked", f"fewer than {self.rule.minimum} answers")
        )
        pool = pooled(levels, columns, self.slices, level, np.random.default_rng(t))
        columns |= self._compared(levels, columns, pool)
        if t:
            columns |= difference(levels, self._kept[t - 1], "change", level)
        year = self.year_before[t]
        if year is not None:
            columns |= difference(levels, self._kept[year], "year_change", level)
        if t and t == len(self.waves) - 1 and self._pool is not None:
            columns |= beyond_chance(columns, self._pool, self.cells[-1]["estimate"], self.rule.minimum_change)
        self.cells.append(columns)
        self._pool = pool
        wanted = {t, *(y for y in self.year_before[t + 1 :] if y is not None)}
        self._kept = {k: v for k, v in (self._kept | {t: levels}).items() if k in wanted}

    @property
    def published(self) -> NDArray[np.bool_]:
        """(S, V) what can be told in the last wave and the one before."""
        return np.asarray(np.all([columns["published"] for columns in self.cells[-2:]], axis=0))

    def frame(self, kpis: Sequence[KpiMove]) -> pd.DataFrame:
        """All rows of the view, with the verdicts of the last wave."""
        kpis = self._hanging(kpis)
        found = self._found(kpis)
        last = self.cells[-1]
        if len(self.cells) > 1:
            last["verdict"] = verdicts(found[0], last["moved"])
            last["reason"] = np.where(found[0], CHANGE, "")
            before = self.cells[-2]
            if "change" in before:
                last["returning"] = found[0] & returns(last["change"], before["change_low"], before["change_high"])
        parts = []
        for t in range(len(self.waves)):
            parts += [self._frame_of(t), self._kpi_rows(t, kpis, found[1])]
        return pd.concat([part for part in parts if len(part)], ignore_index=True)

    def _compared(self, levels: Array, columns: Columns, pool: Pooled) -> dict[str, Any]:
        """Against the target, the best slice and the best rival."""
        names = np.array(["", *self.slices.names], dtype=object)  # -1 and the whole have no name
        shrunken = np.where(pool.mean != columns["estimate"], pool.mean, np.nan)
        found = {"shrunken": shrunken, "best": names[pool.best + 1], **pool.to_best}
        for division in self.slices.divisions:
            if division.rivals:
                over, ahead = lead(levels, division, self.slices, self.rule.level)
                shape = levels.shape[1:]
                found["lead_over"] = np.full(shape, "", dtype=object)
                found["lead_over"][0] = names[over + 1]
                for name, values in ahead.items():
                    found[name] = np.full(shape, np.nan)
                    found[name][0] = values
        target = np.array([self.rule.targets.get(name, np.nan) for name in self.nodes.names])
        low, high = (np.where(np.isnan(columns[c]), columns["estimate"], columns[c]) for c in ("ci_low", "ci_high"))
        met = np.where(low >= target, "yes", np.where(high < target, "no", "open"))
        known = np.isfinite(columns["estimate"] - target)
        targets = {"target": np.broadcast_to(target, known.shape), "to_target": columns["estimate"] - target}
        return found | targets | {"target_met": np.where(known, met, "")}

    def _hanging(self, kpis: Sequence[KpiMove]) -> list[KpiMove]:
        """The KPIs that hang on a node of this view."""
        known, hanging = set(self.nodes.names), list[KpiMove]()
        for each in kpis:
            if each.kpi.parent in known or each.kpi.name in known:
                known.add(each.kpi.name)
                hanging.append(each)
        return hanging

    def _found(self, kpis: Sequence[KpiMove]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which changes stand out: of nodes in slices (S, V) and of KPIs.

        Slices of a node, and KPIs, are its children in the tree of hypotheses, beside its own.
        """
        S, V = len(self.slices.names), len(self.nodes.names)
        p = np.full((S, V), np.nan) if len(self.cells) < 2 else self.cells[-1]["p_value"].copy()
        for division in self.slices.divisions:
            if division.rivals:
                p[self.slices.places(division)] = np.nan
        parents = [*self.nodes.parents, *np.tile(np.arange(V), S - 1)]
        places = {name: v for v, name in enumerate(self.nodes.names)}
        for each in kpis:
            parents.append(places.get(each.kpi.name, places.get(each.kpi.parent, -1)))
            places.setdefault(each.kpi.name, len(parents) - 1)
        found = tree_discoveries(np.append(p.ravel(), [each.p for each in kpis]), parents, self.rule.q)
        return found[: S * V].reshape(S, V), found[S * V :]

    def _frame_of(self, t: int) -> pd.DataFrame:
        S, V = len(self.slices.names), len(self.nodes.names)
        parents = np.array(["", *self.nodes.names], dtype=object)[self.nodes.parents + 1]
        columns: dict[str, Any] = {
            "term": np.tile(np.array(self.nodes.names, dtype=object), S),
            "view": self.nodes.view,
            "wave": self.waves[t],
            "slice": np.repeat(np.array(self.slices.names, dtype=object), V),
            "kind": np.tile(np.array(self.nodes.kinds, dtype=object), S),
            "parent": np.tile(parents, S),
        }
        columns |= {name: np.ravel(values) for name, values in self.cells[t].items() if name in {*TIDY, *OWN}}
        return _completed(columns, S * V)

    def _kpi_rows(self, t: int, kpis: Sequence[KpiMove], found: NDArray[np.bool_]) -> pd.DataFrame:
        rows = []
        for each, stands_out in zip(kpis, found, strict=True):
            kpi = each.kpi
            row: dict[str, Any] = {
                "term": kpi.name,
                "view": self.nodes.view,
                "wave": self.waves[t],
                "slice": each.slice,
                "kind": KPI,
            }
            row |= {"parent": kpi.parent, "unit": kpi.unit} | each.cells(t, self.year_before[t], self.rule.level)
            row["published"] = bool(np.isfinite(each.values[t]))
            row["note"] = "" if row["published"] else "not known"
            if t == len(self.waves) - 1:
                row["p_value"] = each.p
                row["verdict"] = str(verdicts(np.array([stands_out]), np.array([kpi.sign * each.change]))[0])
                row["reason"] = CHANGE if stands_out else ""
                if each.breached:
                    row |= {"verdict": ALERT, "reason": RED_LINE}
            rows.append(row)
        return _completed(pd.DataFrame(rows).to_dict("list"), len(rows)) if rows else pd.DataFrame()


def _completed(columns: Mapping[Any, Any], count: int) -> pd.DataFrame:
    """A frame with every column of the panorama."""
    empty = {name: "" if name in _TEXTS else np.nan for name in (*TIDY, *OWN)} | {"returning": False}
    whole = {name: columns.get(name, empty[name]) for name in (*TIDY, *OWN)}
    frame = pd.DataFrame(whole, index=range(count))
    texts = {name: frame[name].fillna("") for name in _TEXTS}
    return frame.assign(**texts, returning=frame["returning"].fillna(False).astype(bool))
