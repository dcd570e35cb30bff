"""The structural model as an arc diagram: constructs in causal order, an arc for every path."""

from collections.abc import Mapping
from textwrap import wrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

from csi.report.labels import Labels
from csi.report.theme import ACCENT, INK, MUTED, WARN, axes, dress, look
from csi.structural.estimation import Fit
from csi.structural.inference import Bootstrap
from csi.words import say

_BOX = 0.74  # width of a box; boxes stand one unit apart along the row


def plot_path_diagram(
    fit: Fit,
    ax: Axes | None = None,
    language: str = "en",
    *,
    boot: Bootstrap | None = None,
    levels: Mapping[str, float] | None = None,
    vertical: bool = False,
) -> Axes:
    """Path coefficients on arcs whose width follows their size; dashed where the interval holds 0, red where negative.

    Boxes hold the construct, its level in points where `levels` are given, and its R2. Arcs that skip constructs run above
    and below in turn. `vertical` puts the constructs below one another, for narrow screens.
    """
    labels = Labels(language, fit.cases.survey.codebook if fit.cases.survey else None)
    order = list(fit.model.order)
    with look():
        width, height = (4.2, 1.15 * len(order)) if vertical else (1.45 * len(order), 4.6)
        ax = axes(ax, width, height)
        doubtful = _doubtful(boot)
        reach, longest = [0.0, 0.0], {1: 0, -1: 0}
        names, table = fit.model.names, fit.estimates.paths[0]
        ends = np.argwhere(fit.layout.adjacency)
        edges = [(order.index(names[j]), order.index(names[k]), float(table[j, k])) for j, k in ends]
        edges.sort(key=lambda edge: edge[0] - edge[1])  # long arcs first, so that the sides fill evenly
        for start, end, value in edges:
            side = 0 if end - start == 1 else (1 if reach[0] <= reach[1] else -1)
            if side:
                reach[0 if side > 0 else 1] += end - start
            dashed = f"{order[start]} -> {order[end]}" in doubtful
            _draw_arc(ax, (start, end), value, side, dashed, vertical)
            longest[side] = max(longest.get(side, 0), end - start)
        for position, name in enumerate(order):
            _draw_box(ax, position, _box_lines(fit, name, labels, levels, language), vertical)
        _frame(ax, longest, len(order), vertical)
    return dress(ax)


def _doubtful(boot: Bootstrap | None) -> set[str]:
    if boot is None:
        return set()
    paths: pd.DataFrame = boot.paths
    return set(paths.loc[(paths["ci_low"] <= 0) & (paths["ci_high"] >= 0), "term"])


def _box_lines(
    fit: Fit, name: str, labels: Labels, levels: Mapping[str, float] | None, language: str
) -> list[tuple[str, str, int]]:
    text = labels.construct(name)
    lines = [(line, INK, 10) for line in wrap(text, 12 if text.isascii() else 6, break_long_words=not text.isascii())]
    detail = [say("chart.level", language, value=f"{levels[name]:.1f}")] if levels and name in levels else []
    if name in fit.r_squared.index:
        detail.append(f"R² {fit.r_squared[name]:.2f}")
    return [*lines, *((line, MUTED, 8) for line in detail)]


def _at(along: float, across: float, vertical: bool) -> tuple[float, float]:
    return (across, -along) if vertical else (along, across)


def _draw_box(ax: Axes, position: int, lines: list[tuple[str, str, int]], vertical: bool) -> None:
    x, y = _at(position, 0, vertical)
    width, height = (1.9, 0.66) if vertical else (_BOX, 1.5)
    ax.add_patch(
        FancyBboxPatch(
            (x - width / 2, y - height / 2),
            width,
            height,
            boxstyle="round,pad=0,rounding_size=0.06",
            facecolor="white",
            edgecolor=INK,
            linewidth=1.2,
            zorder=4,
            mutation_aspect=1,
        )
    )
    if vertical:  # names on one line, details on the next
        name = "".join(line if not line.isascii() else f"{line} " for line, _, size in lines if size > 8).strip()
        detail = "  ".join(line for line, _, size in lines if size == 8)
        lines = [(name, INK, 9), *([(detail, MUTED, 8)] if detail else [])]
    step = height / (len(lines) + 0.6)
    for number, (text, colour, size) in enumerate(lines):
        offset = step * ((len(lines) - 1) / 2 - number)
        ax.text(x, y + offset, text, ha="center", va="center", fontsize=size, color=colour, zorder=5)


def _draw_arc(ax: Axes, ends: tuple[int, int], value: float, side: int, dashed: bool, vertical: bool) -> None:
    start, end = ends
    span = end - start
    half = (0.33 if vertical else _BOX / 2) if side == 0 else 0.0
    edge = side * (0.95 if vertical else 0.75)
    height = edge + side * _rise(span, vertical)
    shift = 0.1 * span / 6 if side else 0.0  # arcs that leave one box do not start in one point
    a, b = _at(start + half + shift, edge, vertical), _at(end - half - shift, edge, vertical)
    if side:
        control = [_at(start + shift + 0.1 * span, height, vertical), _at(end - shift - 0.1 * span, height, vertical)]
        path = Path([a, *control, b], [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4])
    else:
        path = Path([a, b], [Path.MOVETO, Path.LINETO])
    colour = WARN if value < 0 else ACCENT
    ax.add_patch(
        FancyArrowPatch(
            path=path,
            arrowstyle="-|>",
            mutation_scale=11,
            linewidth=0.8 + 3.2 * min(abs(value), 1),
            color=colour,
            linestyle=(0, (3, 2)) if dashed else "-",
            zorder=2,
        )
    )
    middle = edge + 0.75 * (height - edge)
    across = middle if side else 0.0
    at = _at((start + end) / 2, across, vertical)
    box = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
    offset = (0, 9) if side == 0 and not vertical else (16, 0) if side == 0 else (0, 0)
    ax.annotate(
        f"{value:.2f}",
        at,
        offset,
        textcoords="offset points",
        ha="center",
        va="center",
        fontsize=8.5,
        bbox=box if side else None,
        zorder=6,
    )


def _rise(span: int, vertical: bool) -> float:
    return (0.36 if vertical else 0.62) * span


def _frame(ax: Axes, longest: Mapping[int, int], count: int, vertical: bool) -> None:
    """Limits that leave room for the highest arc on either side and no more."""
    edge = 0.95 if vertical else 0.75
    above, below = (edge + 0.8 * _rise(longest[side], vertical) + 0.1 for side in (1, -1))
    if vertical:
        ax.set_xlim(-below, above)
        ax.set_ylim(0.45 - count, 0.55)
    else:
        ax.set_xlim(-0.55, count - 0.45)
        ax.set_ylim(-below, above)
    ax.set_aspect(1.15 if vertical else 0.42, anchor="N")  # boxes keep their shape however few arcs there are
    ax.set_axis_off()
