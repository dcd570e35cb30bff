"""KPIs in the panorama: their value in each wave, their changes, and what the rule says of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import t as student

from csi.errors import SurveyError, known_names
from csi.index.alerts import natural_error
from csi.index.kpi_table import Kpi, KpiTable
from csi.kernel.false_discovery import p_beyond
from csi.kernel.small_matrices import Array


@dataclass(frozen=True, slots=True, eq=False)
class KpiMove:
    """One KPI in one slice over the waves: values (T,) and the p value of its last change."""

    kpi: Kpi
    slice: str
    values: Array
    p: float
    error: float
    freedom: float

    @property
    def change(self) -> float:
        """Since the wave before, in the KPI's unit."""
        return float(self.values[-1] - self.values[-2]) if len(self.values) > 1 else np.nan

    @property
    def breached(self) -> bool:
        """Whether the last value is beyond the red line."""
        return bool(self.kpi.sign * (self.values[-1] - self.kpi.red_line) < 0)

    def cells(self, wave: int, year_before: int | None, coverage: float) -> dict[str, Any]:
        """Value, changes and target of one wave, under the names of the panorama's columns."""
        value, kpi = self.values[wave], self.kpi
        change = value - self.values[wave - 1] if wave else np.nan
        margin = self.error * student.ppf((1 + coverage) / 2, self.freedom) if wave == len(self.values) - 1 else np.nan
        return {
            "estimate": value,
            "change": change,
            "change_low": change - margin,
            "change_high": change + margin,
            "year_change": np.nan if year_before is None else value - self.values[year_before],
            "target": kpi.target,
            "red_line": kpi.red_line,
            "to_target": value - kpi.target,
            "target_met": ""
            if np.isnan(value - kpi.target)
            else "yes"
            if kpi.sign * (value - kpi.target) >= 0
            else "no",
        }


def kpi_moves(table: KpiTable, waves: Sequence[str], slices: Sequence[str]) -> list[KpiMove]:
    """Every KPI in every slice that the table has, those whose parent is a KPI after that one.

    Raises
    ------
    SurveyError
        A slice that the panorama does not have, or months missing (see `KpiTable.in_waves`).
    """
    moves = []
    for kpi in in_order(table.kpis):
        for name in table.slices(kpi):
            if name not in slices:
                known = known_names(name, [s for s in slices if s], "Its slices are")
                raise SurveyError(
                    f"the KPI {kpi.name!r} has the slice {name!r}, which the panorama does not have. {known}"
                )
            moves.append(_move(table, kpi, name, waves))
    return moves


def in_order(kpis: Sequence[Kpi]) -> list[Kpi]:
    """The KPIs, parents first."""
    names, ordered = {kpi.name for kpi in kpis}, list[Kpi]()
    while len(ordered) < len(kpis):
        done = {kpi.name for kpi in ordered}
        ordered += [kpi for kpi in kpis if kpi.name not in done and (kpi.parent not in names or kpi.parent in done)]
    return ordered


def _move(table: KpiTable, kpi: Kpi, name: str, waves: Sequence[str]) -> KpiMove:
    values, periods = table.in_waves(kpi, name, waves)
    if len(waves) < 2:
        return KpiMove(kpi, name, values, np.nan, np.nan, np.nan)
    series = table.series(kpi, name)
    before = series[series.index < periods[-1][0]] if table.monthly else series.reindex(list(waves[:-1]))
    sd, freedom = natural_error(np.asarray(before, dtype=float))
    error = sd * np.sqrt(1 / len(periods[-1]) + 1 / len(periods[-2]))
    p = p_beyond(values[-1] - values[-2], error, kpi.minimum_change, freedom)
    return KpiMove(kpi, name, values, float(p), float(error), freedom)
