"""What goes with a typical change of each operational KPI, item by item."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from csi.drivers.kpis import KpiEffects, KpiWords
from csi.report.charts.key import draw_key
from csi.report.labels import Labels
from csi.report.theme import ACCENT, GRID, INK, MUTED, WARN, axes, dress, look
from csi.survey.codebook import Codebook
from csi.words import say

_ROW = 0.3  # inches


def plot_kpi_effects(
    effects: KpiEffects, ax: Axes | None = None, language: str = "en", *, codebook: Codebook | None = None
) -> Axes:
    """One row a KPI and item: points on the item that go with a typical change of the KPI in its better direction.

    A typical change is one standard deviation of the KPI once outlets and months are taken out, so that KPIs of different units
    can be compared. Triangles show the direction of what is linked at the false-discovery rate; rings are not linked.
    """
    labels = Labels(language, codebook).knowing(effects.rows.attrs)
    groups = list(effects.rows.groupby("kpi", sort=False))
    with look():
        ax = axes(ax, 7.2, 1.6 + _ROW * (len(effects.rows) + len(groups)))
        at, ticks = 0, []
        for name, rows in groups:
            words = effects.kpis.get(str(name), KpiWords())
            ax.annotate(_heading(rows, words, language), (0.01, at), xycoords=("axes fraction", "data"), va="center",
                        fontsize=9, color=INK, zorder=5,
                        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})  # fmt: skip
            ordered = rows.sort_values("estimate", ascending=words.better == "low", kind="stable")
            place = np.arange(at + 1, at + 1 + len(rows))
            _draw_effects(ax, ordered, place, -1.0 if words.better == "low" else 1.0)
            ticks += [(y, labels.item(str(item))) for y, item in zip(place, ordered["item"], strict=True)]
            at += len(rows) + 1
        ax.set_yticks([y for y, _ in ticks], [text for _, text in ticks])
        ax.set_ylim(at - 0.4, -0.6)
        ax.axvline(0, color=INK, linewidth=0.8, zorder=1.8)
        ax.set_xlabel(say("kpi.axis", language, level=f"{100 * effects.level:g}"))
        ax.xaxis.grid(True, color=GRID)
        ax.margins(x=0.08)
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        _draw_key(ax, effects, language)
    return dress(ax)


def _draw_effects(ax: Axes, rows: pd.DataFrame, y: "np.ndarray[tuple[int], np.dtype[np.int_]]", turn: float) -> None:
    scale = turn * rows["typical_change"].to_numpy(float)
    x, low, high = (scale * rows[column].to_numpy(float) for column in ("estimate", "ci_low", "ci_high"))
    ax.hlines(y, low, high, colors=MUTED, linewidth=2, zorder=2)
    linked = rows["linked"].to_numpy(bool)
    for chosen, marker, colour in ((linked & (x > 0), "^", ACCENT), (linked & (x <= 0), "v", WARN)):
        ax.plot(x[chosen], y[chosen], marker, color=colour, markersize=7, zorder=3)
    ax.plot(x[~linked], y[~linked], "o", color=MUTED, markerfacecolor="white", markersize=6, zorder=3)


def _heading(rows: pd.DataFrame, words: KpiWords, language: str) -> str:
    name = words.name.text(language, str(rows["kpi"].iloc[0]))
    size = f"{rows['typical_change'].iloc[0]:.2g}"
    unit = words.unit.text(language, "")
    return say("kpi.typical", language, kpi=name, size=size, unit=f" ({unit})" if unit and language == "en" else unit)


def _draw_key(ax: Axes, effects: KpiEffects, language: str) -> None:
    linked = say("kpi.linked", language, rate=f"{100 * (1 - effects.level):g}")
    marks = [
        Line2D([], [], color=ACCENT, marker="^", linewidth=0, label=linked),
        Line2D([], [], color=WARN, marker="v", linewidth=0, label=say("kpi.against", language)),
        Line2D(
            [], [], color=MUTED, marker="o", markerfacecolor="white", linewidth=0, label=say("kpi.not_linked", language)
        ),
    ]
    draw_key(ax, marks, [say("kpi.note", language)], 3)
