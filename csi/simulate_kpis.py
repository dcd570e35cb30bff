"""Operational KPIs of the synthetic operator, month by month; like everything of the synthetic study they are invented."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True, slots=True)
class SyntheticKpi:
    """Where a KPI hangs, its names, unit and limits, its normal value, what trouble adds to it, and its monthly noise (SD)."""

    parent: str
    en: str
    zh: str
    unit: str
    direction: str
    target: float
    red_line: float
    normal: float
    trouble: float
    noise: float


# Trouble is 0 in a normal quarter and 1 where hotline calls and complaints double.
KPIS: Mapping[str, SyntheticKpi] = {
    "queue_minutes": SyntheticKpi("QUAL3", "Queueing in outlets", "营业厅排队时长", "min", "lower", 5, 10, 5.2, 3.0, 0.25),
    "hotline_connected": SyntheticKpi(
        "QUAL3", "Hotline answered within 20 s", "热线20秒接通率", "%", "higher", 90, 80, 93, -16, 0.8
    ),
    "complaints_closed": SyntheticKpi(
        "Complaints", "Complaints closed in time", "投诉及时处理率", "%", "higher", 95, 85, 96, -18, 0.9
    ),
    "e_channel_share": SyntheticKpi(
        "Quality", "Business done in e-channels", "电子渠道占比", "%", "higher", 85, 75, 84, 0, 0.5
    ),
}  # fmt: skip


def kpi_table(trouble: Mapping[str, float], seed: int) -> pd.DataFrame:
    """One row a KPI and month of the quarters in `trouble` (quarter -> how much of it), as `csi.read_kpis` takes it.

    >>> kpi_table({"2026Q3": 0.0}, seed=1)[["node", "month"]].head(3).to_numpy().tolist()
    [['queue_minutes', '2026-07'], ['queue_minutes', '2026-08'], ['queue_minutes', '2026-09']]
    """
    rng = np.random.default_rng([seed, 99])
    rows = []
    for node, kpi in KPIS.items():
        for quarter, much in trouble.items():
            for month in pd.period_range(pd.Period(quarter).start_time, periods=3, freq="M"):
                value = round(kpi.normal + much * kpi.trouble + rng.normal(0, kpi.noise), 1)
                rows.append(
                    (
                        node,
                        kpi.en,
                        kpi.zh,
                        kpi.parent,
                        kpi.unit,
                        kpi.direction,
                        kpi.target,
                        kpi.red_line,
                        str(month),
                        value,
                    )
                )
    head = ("node", "name_en", "name_zh", "parent", "unit", "direction", "target", "red_line", "month", "value")
    return pd.DataFrame(rows, columns=list(head))
