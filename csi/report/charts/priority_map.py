"""The importance-performance map: numbered points with intervals, and the key to the numbers."""

from textwrap import wrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from csi.drivers.priority_map import WEAK_AND_IMPORTANT, PriorityMap
from csi.report.labels import Labels
from csi.report.theme import ACCENT, GRID, INK, MUTED, WARN, axes, dress, look
from csi.survey.codebook import Codebook
from csi.words import say


def plot_priority_map(
    priority: PriorityMap,
    ax: Axes | None = None,
    language: str = "en",
    *,
    kind: str = "item",
    codebook: Codebook | None = None,
    key: bool = True,
) -> Axes:
    """Importance against performance for constructs or items; number 1 is the most urgent.

    The lines are the medians of the kind; the lower right quadrant is weak and important. With `key` the names stand beside the
    chart; `numbered` gives them as a table.
    """
    labels = Labels(language, codebook)
    rows = numbered(priority, kind)
    with look():
        ax = axes(ax, 7.6 if key else 5.2, max(4.4, 0.27 * len(rows) + 0.8) if key else 4.4)
        _draw_points(ax, rows)
        sound = rows[rows["quadrant"] != ""]
        ax.axvline(sound["estimate"].median(), color=MUTED, linewidth=0.8, linestyle="--", zorder=1)
        ax.axhline(sound["performance"].median(), color=MUTED, linewidth=0.8, linestyle="--", zorder=1)
        target = labels.construct(priority.target)
        ax.set_xlabel(say("chart.importance", language, target=target))
        ax.set_ylabel(say("chart.performance", language))
        ax.text(
            0.99,
            0.015,
            say("chart.weak_important", language),
            transform=ax.transAxes,
            ha="right",
            color=WARN,
            fontsize=9,
        )
        ax.grid(True, color=GRID, zorder=0)
        ax.tick_params(length=0)
        if key:
            _draw_key(ax, rows, labels)
    return dress(ax)


def numbered(priority: PriorityMap, kind: str) -> pd.DataFrame:
    """The rows of one kind, numbered: weak and important first, then by what there is to win.

    What there is to win is importance times the points lacking to 100.
    """
    rows = priority.rows[priority.rows["kind"] == kind].copy()
    rows["gain"] = rows["estimate"] * (100 - rows["performance"])
    rows["later"] = rows["quadrant"] != WEAK_AND_IMPORTANT
    rows = rows.sort_values(["later", "gain"], ascending=[True, False], ignore_index=True)
    rows.insert(0, "number", range(1, len(rows) + 1))
    return rows


def _draw_points(ax: Axes, rows: pd.DataFrame) -> None:
    x, y = rows["estimate"].to_numpy(float), rows["performance"].to_numpy(float)
    if rows["ci_low"].notna().all():
        low, high = rows["ci_low"].to_numpy(float), rows["ci_high"].to_numpy(float)
        bottom, top = rows["performance_low"].to_numpy(float), rows["performance_high"].to_numpy(float)
        ax.hlines(y, low, high, color="#9aa5b1", linewidth=0.9, zorder=2)
        ax.vlines(x, bottom, top, color="#9aa5b1", linewidth=0.9, zorder=2)
    ax.plot(x, y, "o", color=MUTED, markersize=2.5, zorder=3)
    ax.margins(0.1)
    ax.autoscale_view()
    badge = _spread(ax, x, y)
    for number, quadrant, point, at in zip(
        rows["number"], rows["quadrant"], zip(x, y, strict=True), badge, strict=True
    ):
        colour = WARN if quadrant == WEAK_AND_IMPORTANT else ACCENT if quadrant else MUTED
        shape = "square,pad=0.25" if quadrant == WEAK_AND_IMPORTANT else "circle,pad=0.2"
        ax.annotate(
            str(number), point, at, xycoords="data", textcoords="offset points", ha="center", va="center", fontsize=8,
            color="white", zorder=5, bbox={"boxstyle": shape, "facecolor": colour, "edgecolor": "white", "linewidth": 0.6},
            arrowprops={"arrowstyle": "-", "color": MUTED, "linewidth": 0.6, "shrinkB": 0},
        )  # fmt: skip


def _spread(ax: Axes, x: NDArray[np.float64], y: NDArray[np.float64], apart: float = 17.0) -> NDArray[np.float64]:
    """Offsets (points) that push number badges apart until none overlap; a badge alone stays on its point."""
    size = 0.6 * 72 * np.array(ax.get_figure(root=True).get_size_inches())  # type: ignore[union-attr]
    scale = np.array([size[0] / np.ptp(ax.get_xlim()), size[1] / np.ptp(ax.get_ylim())])
    home = np.column_stack([x, y]) * scale
    place = home + np.column_stack([np.cos(np.arange(len(x))), np.sin(np.arange(len(x)))]) * 1e-3
    for _ in range(400):
        gap = place[:, None, :] - place[None, :, :]
        distance = np.sqrt((gap**2).sum(-1)) + np.eye(len(x)) * 1e9
        push = np.clip(apart - distance, 0, None)[:, :, None] * gap / distance[:, :, None]
        if not push.any():
            break
        place = place + 0.5 * push.sum(axis=1)
    return np.asarray(place - home)


def _draw_key(ax: Axes, rows: pd.DataFrame, labels: Labels) -> None:
    step = 1 / max(len(rows), 12)
    for place, row in enumerate(rows.itertuples()):
        name = labels.term(str(row.term))
        text = f"{row.number}  " + "\n     ".join(wrap(name, 42 if name.isascii() else 22))
        colour = WARN if row.quadrant == WEAK_AND_IMPORTANT else INK
        ax.annotate(
            text, (1.03, 1 - (place + 0.5) * step), xycoords="axes fraction", va="center", fontsize=8.5, color=colour
        )
