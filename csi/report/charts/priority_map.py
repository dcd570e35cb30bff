"""The importance-performance map: numbered points with ellipses, the lines they are measured against, and the key."""

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from scipy.stats import chi2

from csi.drivers.priority_map import PriorityMap
from csi.drivers.quadrants import UNDECIDED, WEAK_AND_IMPORTANT
from csi.report.charts.badges import draw_badges, draw_key
from csi.report.labels import Labels
from csi.report.theme import ACCENT, GOOD, GRID, INK, MUTED, WARN, axes, dress, look
from csi.structural.cases import Array
from csi.survey.codebook import Codebook
from csi.words import say

Legend = list[tuple[Line2D | Patch, str]]
_EDGE, _REGION = "#9aa5b1", (0.60, 0.65, 0.69, 0.13)
_BEST: dict[str, Any] = {
    "marker": "^",
    "color": GOOD,
    "markersize": 5.5,
    "markerfacecolor": "white",
    "linestyle": "none",
}


def plot_priority_map(
    priority: PriorityMap,
    ax: Axes | None = None,
    language: str = "en",
    *,
    kind: str | None = None,
    codebook: Codebook | None = None,
    key: bool = True,
) -> Axes:
    """Importance against performance for constructs, items or attributes; number 1 is the most urgent.

    Ellipses hold both with the confidence of the map (normal approximation). The lines are medians of the kind (dashed) or
    targets (drawn through; strokes where points have their own), the lower right quadrant is weak and important. A point whose
    quadrant is undecided has a dashed badge, a triangle marks the best level in class. With `key` the names stand beside the
    chart; `numbered` gives them as a table.
    """
    labels = Labels(language, codebook)
    rows = numbered(priority, kind)
    with look():
        ax = axes(ax, 7.6 if key else 5.2, max(4.4, 0.27 * len(rows) + 0.8) if key else 4.4)
        _draw_points(ax, rows, _level(priority))
        targets = _draw_lines(ax, rows, language)
        target = labels.construct(priority.target)
        importance = say("chart.importance", language, target=target) if target else say("map.stated", language)
        ax.set_xlabel(importance)
        ax.set_ylabel(say("chart.performance", language))
        ax.grid(True, color=GRID, zorder=0)
        ax.tick_params(length=0)
        ax.margins(0.08)
        ax.autoscale_view()
        draw_badges(ax, rows[["estimate", "performance"]].to_numpy(float), [_style(row) for row in rows["quadrant"]])
        _draw_legend(ax, rows, priority, targets, language)
        if key:
            urgent = rows["quadrant"] == WEAK_AND_IMPORTANT
            draw_key(ax, [labels.term(term) for term in rows["term"]], [WARN if u else INK for u in urgent])
    return dress(ax)


def numbered(priority: PriorityMap, kind: str | None = None) -> pd.DataFrame:
    """The rows of one kind (items or attributes if not given), numbered in the order of `PriorityMap.ranked`."""
    rows = priority.ranked(kind or priority.finest)
    rows.insert(0, "number", range(1, len(rows) + 1))
    return rows


def _style(quadrant: str) -> tuple[str, str, bool]:
    """Colour, shape and filling of a badge."""
    if quadrant == WEAK_AND_IMPORTANT:
        return WARN, "square", True
    return (MUTED if quadrant == "" else ACCENT), "circle", quadrant != UNDECIDED


def _draw_points(ax: Axes, rows: pd.DataFrame, level: float) -> None:
    for row in rows[rows["std_error"].notna()].to_dict("records"):
        ax.fill(*_ellipse(row, level), facecolor=_REGION, edgecolor=_EDGE, linewidth=0.7, zorder=2)
    importance, best = rows["estimate"].to_numpy(float), rows["best"].to_numpy(float)
    ax.plot(importance, rows["performance"], "o", color=MUTED, markersize=2.5, zorder=3)
    ax.plot(importance, best, **_BEST, zorder=4)
    ax.vlines(importance, rows["performance"], best, color=GOOD, linewidth=0.7, linestyle=":", zorder=2)


def _ellipse(row: dict[Hashable, float], level: float) -> tuple[Array, Array]:
    """The edge of the region that holds importance and performance together, if their errors are normal."""
    a, b, c = row["std_error"], row["performance_error"], row["covariance"]
    slant = c / a if a > 0 else 0.0
    turn, radius = np.linspace(0, 2 * np.pi, 73), np.sqrt(chi2.ppf(level, 2))
    x, y = radius * np.cos(turn), radius * np.sin(turn)
    upright = np.sqrt(max(b**2 - slant**2, 0.0))
    return row["estimate"] + a * x, row["performance"] + slant * x + upright * y


def _draw_lines(ax: Axes, rows: pd.DataFrame, language: str) -> Legend:
    """Medians dashed, a common target drawn through, targets of single points as strokes; the entries of the latter two."""
    sound = rows[rows["position"] != ""]
    entries: Legend = []
    for value, across in (("estimate", True), ("performance", False)):
        lines = rows[f"{'importance' if across else 'performance'}_line"].to_numpy(float)
        median = np.isclose(lines, sound[value].median())
        whole, stroke = (ax.axvline, "|") if across else (ax.axhline, "_")
        if median.any():
            whole(lines[median][0], color=MUTED, linewidth=0.8, linestyle="--", zorder=1)
        own = lines[~median]
        if not len(own):
            continue
        mark: dict[str, Any] = {"marker": stroke, "color": INK, "markersize": 11, "linestyle": "none"}
        text = say("map.targets", language)
        if len(own) == len(lines) and np.ptp(own) == 0:
            whole(own[0], color=INK, linewidth=1.1, zorder=1)
            text = say("map.target", language, value=f"{own[0]:.{1 if own[0] >= 1 else 2}f}")
        else:
            x, y = rows.loc[~median, "estimate"], rows.loc[~median, "performance"]
            ax.plot(own if across else x, y if across else own, **mark, markeredgewidth=1.4, zorder=4)
        entries.append((Line2D([], [], **mark), text))
    return entries


def _draw_legend(ax: Axes, rows: pd.DataFrame, priority: PriorityMap, targets: Legend, language: str) -> None:
    """The name of the quadrant to watch, and what the shapes say, of those that are there."""
    text = say("chart.weak_important", language)
    ax.text(0.99, 0.015, text, transform=ax.transAxes, ha="right", color=WARN, fontsize=9)
    entries = list(targets)
    if (rows["quadrant"] == UNDECIDED).any():
        dot = Line2D(
            [], [], marker="o", markersize=8, markerfacecolor="white", markeredgecolor=ACCENT, linestyle="none"
        )
        entries.append((dot, say("map.undecided", language, certainty=f"{100 * priority.certainty:g}")))
    if rows["best"].notna().any():
        entries.append((Line2D([], [], **_BEST), say("map.best", language)))
    if rows["std_error"].notna().any():
        region = Patch(facecolor=_REGION, edgecolor=_EDGE, linewidth=0.7)
        entries.append((region, say("map.region", language, level=f"{100 * _level(priority):g}")))
    if entries:
        handles, texts = zip(*entries, strict=True)
        ax.legend(handles, texts, loc="lower left", bbox_to_anchor=(-0.02, 1), ncols=min(len(texts), 3), frameon=False,
                  fontsize=8, columnspacing=1.2)  # fmt: skip


def _level(priority: PriorityMap) -> float:
    return float(priority.rows.attrs.get("level", 0.95))
