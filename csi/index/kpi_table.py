"""Operational figures beside the survey: queue minutes, hotline connection rate, complaints resolved, e-channel share.

A table has one row for each KPI and month (or wave): node, parent, unit, direction, target, red_line, month or wave, value, and
where they differ slice and minimum_change. What describes the KPI stands in each of its rows or in the first. A month that is
not known has its row with an empty value: a row that is not there is taken for a mistake.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from csi.display import Result, tidy
from csi.errors import SurveyError, known_names
from csi.kernel.small_matrices import Array
from csi.survey.codebook import Wording
from csi.survey.readers.formats import read_raw

_HEADERS = {
    "node": ("node", "kpi", "indicator", "指标"),
    "parent": ("parent", "上级指标", "所属指标"),
    "unit": ("unit", "单位"),
    "direction": ("direction", "方向"),
    "target": ("target", "目标值", "目标"),
    "red_line": ("red_line", "red line", "红线"),
    "period": ("month", "wave", "period", "月份", "波次", "期间"),
    "value": ("value", "数值", "取值"),
    "slice": ("slice", "切片", "分组"),
    "minimum_change": ("minimum_change", "最小变化"),
    "en": ("name_en", "english name", "英文名称"),
    "zh": ("name_zh", "chinese name", "中文名称", "名称"),
}
_OPTIONAL = ("unit", "target", "red_line", "slice", "minimum_change", "en", "zh")
_DIRECTIONS = {
    **dict.fromkeys(("higher", "up", "higher is better", "+", "越高越好", "越大越好"), 1),
    **dict.fromkeys(("lower", "down", "lower is better", "-", "越低越好", "越小越好"), -1),
}
_MONTH = re.compile(r"(\d{4})\s*[-/.年]?\s*(0?[1-9]|1[0-2])\s*月?")


@dataclass(frozen=True, slots=True)
class Kpi:
    """What a KPI is: where it hangs, its unit, +1 if more is better and -1 if less is, target, red line, least change, names."""

    name: str
    parent: str
    unit: str
    sign: int
    target: float
    red_line: float
    minimum_change: float
    wording: Wording


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class KpiTable(Result):
    """KPIs and their values; `values` has the columns node, slice ("" for the whole, else "region=north"), period, value.

    Periods are months such as 2026-07, or waves by their names (`monthly` says which).
    """

    kpis: tuple[Kpi, ...]
    values: pd.DataFrame
    monthly: bool

    def headline(self) -> list[str]:
        """How many KPIs over how long."""
        periods = self.values["period"]
        return [f"KpiTable: {len(self.kpis)} KPIs, {periods.min()} to {periods.max()}"]

    def table(self) -> pd.DataFrame:
        """One row a value: term, estimate, and period, slice, parent, unit, target, red_line."""
        about = {kpi.name: kpi for kpi in self.kpis}
        rows = [
            {"term": row.node, "estimate": row.value, "period": row.period, "slice": row.slice}
            | {name: getattr(about[str(row.node)], name) for name in ("parent", "unit", "target", "red_line")}
            for row in self.values.itertuples()
        ]
        return tidy(rows, ["period", "slice", "parent", "unit", "target", "red_line"])

    def slices(self, kpi: Kpi) -> list[str]:
        """The slices that a KPI has values of, the whole first."""
        return sorted(set(self.values.loc[self.values["node"] == kpi.name, "slice"]))

    def require_tree(self, known: Iterable[str]) -> None:
        """Raise SurveyError unless every KPI hangs on an indicator of the tree or on another KPI, and has a name of its own."""
        known = list(known)
        names = [kpi.name for kpi in self.kpis]
        for kpi in self.kpis:
            if kpi.name in known:
                raise SurveyError(f"the KPI {kpi.name!r} has the name of an indicator of the tree. Rename one of them.")
            if kpi.parent not in known and kpi.parent not in names:
                hint = known_names(kpi.parent, [*known, *names], "Its nodes are")
                raise SurveyError(f"the KPI {kpi.name!r} hangs on {kpi.parent!r}, which the tree does not have. {hint}")

    def series(self, kpi: Kpi, slice_: str) -> "pd.Series[float]":
        """The values of one KPI in one slice by period, in the order of time."""
        v = self.values
        own = v[(v["node"] == kpi.name) & (v["slice"] == slice_)]
        return own.set_index("period")["value"]

    def in_waves(self, kpi: Kpi, slice_: str, waves: Sequence[str]) -> tuple[Array, list[list[str]]]:
        """Mean of each wave's months (T,), NaN before the first one or where it is not known; and each wave's periods.

        Raises
        ------
        SurveyError
            Some months of a wave, or all of the last, have no row; or the table is by month and a wave's name is no time.
        """
        series = self.series(kpi, slice_)
        periods = [self._months(wave) if self.monthly else [wave] for wave in waves]
        means = np.full(len(waves), np.nan)
        for t, wanted in enumerate(periods):
            absent = [period for period in wanted if period not in series.index]
            if absent and (len(absent) < len(wanted) or t == len(waves) - 1):
                where = f" in the slice {slice_!r}" if slice_ else ""
                raise SurveyError(
                    f"the KPI {kpi.name!r} has no row for {', '.join(absent)}{where}, and wave {waves[t]!r} needs it. Add the "
                    "value, or a row with an empty value if it is not known."
                )
            means[t] = np.nan if absent else series[wanted].mean(skipna=False)
        return means, periods

    @staticmethod
    def _months(wave: str) -> list[str]:
        try:
            span = pd.Period(wave)
        except ValueError:
            raise SurveyError(
                f"the KPI table is by month, and the wave {wave!r} names no month, quarter or year. Name waves like 2026Q3, or "
                "give the KPIs a column 'wave' with the waves' names."
            ) from None
        return [str(m) for m in pd.period_range(span.start_time, span.end_time, freq="M")]


def read_kpis(source: pd.DataFrame | str | Path) -> KpiTable:
    """Read and check a table of operational KPIs.

    Parameters
    ----------
    source
        A frame, or a CSV or Excel file, with the columns node, parent, direction ("higher" or "lower" is better), month or wave,
        value, and as far as wanted unit, target, red_line, slice (written "region=north"; empty for the whole), minimum_change
        (the least change that matters, in the KPI's unit), name_en and name_zh (for reports). Chinese headers (指标, 上级指标,
        方向, 月份, 数值, 单位, 目标值, 红线, 切片, 中文名称) are read too.

    Raises
    ------
    SurveyError
        A column is missing, two rows say the same month of one KPI, a month between the first and the last has no row, a value
        is no number, a KPI is described in two ways, or KPIs hang on each other in a circle.

    Examples
    --------
    >>> table = read_kpis(pd.DataFrame({"node": "queue minutes", "parent": "Quality", "direction": "lower", "target": 5,
    ...                                 "month": ["2026-07", "2026-08", "2026-09"], "value": [8.3, 6.1, 3.2]}))
    >>> table.in_waves(table.kpis[0], "", ["2026Q3"])[0].round(2).tolist()
    [5.87]
    """
    frame, name = _frame(source)
    frame = _columns(frame, name)
    values = pd.DataFrame({column: frame[column].map(_text) for column in ("node", "slice", "period")})
    if values.empty or (values["node"] == "").any():
        row = int(np.flatnonzero(values["node"] == "")[0]) + 1 if len(values) else 0
        raise SurveyError(f"{name}: row {row} names no KPI." if row else f"{name}: there is no row.")
    months = values["period"].map(_month)
    monthly = bool(months.notna().all())
    values["period"] = months if monthly else values["period"]
    values["value"] = _numbers(frame["value"], values["node"], "value", name)
    _require_once(values, name)
    kpis = tuple(_kpi(str(node), rows, name) for node, rows in frame.groupby(values["node"].to_numpy(), sort=False))
    _require_no_circle(kpis, name)
    if monthly:
        _require_every_month(values, name)
        values = values.sort_values(["node", "slice", "period"], ignore_index=True)
    return KpiTable(kpis, values, monthly)


def _frame(source: pd.DataFrame | str | Path) -> tuple[pd.DataFrame, str]:
    if isinstance(source, pd.DataFrame):
        return source.reset_index(drop=True), "the KPI table"
    raw = read_raw(Path(source))
    return pd.DataFrame({column: texts.cells() for column, texts in raw.columns.items()}), str(raw.path)


def _columns(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """The columns under their own names; those that may be absent are empty."""
    given = {str(column).strip().lower(): column for column in frame.columns}
    found: dict[str, Any] = {}
    for column, headers in _HEADERS.items():
        there = [given[header] for header in headers if header in given]
        if not there and column not in _OPTIONAL:
            wanted = " or ".join(repr(h) for h in headers[:2]) if column == "period" else repr(column)
            known = known_names(column, map(str, frame.columns), "Its columns are")
            raise SurveyError(f"{name}: there is no column {wanted}. {known}")
        found[column] = frame[there[0]] if there else pd.Series("", index=frame.index, dtype=object)
    return pd.DataFrame(found)


def _text(cell: object) -> str:
    if isinstance(cell, pd.Timestamp):
        return f"{cell:%Y-%m}"
    return "" if pd.isna(cell) else str(cell).strip()  # type: ignore[call-overload]


def _month(text: str) -> str | None:
    parts = _MONTH.fullmatch(text)
    return f"{parts[1]}-{int(parts[2]):02d}" if parts else None


def _numbers(cells: "pd.Series[Any]", nodes: "pd.Series[str]", column: str, name: str) -> Array:
    texts = cells.map(_text)
    numbers = pd.to_numeric(texts.where(texts != "", np.nan), errors="coerce")
    wrong = np.flatnonzero((numbers.isna() & (texts != "")) | np.isinf(numbers))
    if len(wrong):
        raise SurveyError(
            f"{name}: row {wrong[0] + 1}, KPI {nodes.iloc[wrong[0]]!r}: {column} is {texts.iloc[wrong[0]]!r}, not a number. "
            "Write 85 for 85 %, and leave it empty if it is not known."
        )
    return np.asarray(numbers, dtype=float)


def _require_once(values: pd.DataFrame, name: str) -> None:
    key = ["node", "slice", "period"]
    twice = np.flatnonzero(values.duplicated(key))
    if len(twice):
        row = values.iloc[twice[0]]
        where = f" in the slice {row['slice']!r}" if row["slice"] else ""
        first = int(np.flatnonzero((values[key] == row[key]).all(axis=1))[0])
        raise SurveyError(
            f"{name}: rows {first + 1} and {twice[0] + 1} both give the KPI {row['node']!r} for {row['period']}{where}. Keep one."
        )


def _require_every_month(values: pd.DataFrame, name: str) -> None:
    for (node, slice_), rows in values.groupby(["node", "slice"], sort=False):
        there = set(rows["period"])
        whole = [str(m) for m in pd.period_range(min(there), max(there), freq="M")]
        absent = [month for month in whole if month not in there]
        if absent:
            where = f" in the slice {slice_!r}" if slice_ else ""
            raise SurveyError(
                f"{name}: the KPI {node!r}{where} has no row for {', '.join(absent[:6])}{' ...' * (len(absent) > 6)}. Add the "
                "value, or a row with an empty value if it is not known."
            )


def _kpi(node: str, rows: pd.DataFrame, name: str) -> Kpi:
    about: dict[str, str] = {}
    for column in ("parent", "unit", "direction", "target", "red_line", "minimum_change", "en", "zh"):
        said = list(dict.fromkeys(text for text in rows[column].map(_text) if text))
        if len(said) > 1:
            raise SurveyError(f"{name}: the KPI {node!r} has two entries of {column!r}: {said[0]!r} and {said[1]!r}.")
        about[column] = said[0] if said else ""
    sign = _DIRECTIONS.get(about["direction"].lower())
    if sign is None:
        raise SurveyError(
            f"{name}: the direction of the KPI {node!r} is {about['direction']!r}; write 'higher' or 'lower', what is better."
        )
    if not about["parent"]:
        raise SurveyError(f"{name}: the KPI {node!r} has no parent. Name the indicator that it belongs to.")
    numbers = {
        column: float(_numbers(pd.Series([about[column]]), pd.Series([node]), column, name)[0])
        for column in ("target", "red_line", "minimum_change")
    }
    numbers["minimum_change"] = abs(float(np.nan_to_num(numbers["minimum_change"])))
    return Kpi(node, about["parent"], about["unit"], sign, **numbers, wording=Wording(en=about["en"], zh=about["zh"]))


def _require_no_circle(kpis: Sequence[Kpi], name: str) -> None:
    graph: Mapping[str, list[str]] = {kpi.name: [kpi.parent] for kpi in kpis}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = " -> ".join(error.args[1])
        raise SurveyError(
            f"{name}: KPIs hang on each other in a circle: {circle}. Hang one of them on an indicator."
        ) from None
