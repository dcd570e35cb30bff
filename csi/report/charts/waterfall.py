"""From one wave's index to the next: the parts of the change one after the other, as steps."""

from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from csi.index.wave_parts import ITEM
from csi.index.waves import Change
from csi.report.labels import Labels
from csi.report.theme import ACCENT, GRID, INK, MUTED, WARN, axes, dress, look
from csi.survey.codebook import Codebook
from csi.words import say

_HATCH = "////"  # what is not beyond chance is told from causes in greyscale too
_HEIGHT = 0.62  # of a bar, in rows


def plot_change_waterfall(
    change: Change, ax: Axes | None = None, language: str = "en", *, codebook: Codebook | None = None
) -> Axes:
    """The index before, every part of its change, the index after; from top to bottom.

    Causes are filled, other parts are hatched; a sign and an arrow say which way a part goes, a whisker its interval. that cannot
    move anything here, such as the mix where no segments are told, are left out.
    """
    labels = Labels(language, codebook).knowing(change.rows.attrs)
    parts = change.parts.dropna(subset="std_error")
    start = change.levels[0] + np.concatenate([[0.0], np.cumsum(parts["estimate"])])
    names = [
        labels.item(str(row.term)) if row.kind == ITEM else say(f"wave.{row.kind}", language)
        for row in parts.itertuples()
    ]
    last = len(parts) + 1
    with look():
        ax = axes(ax, height=1.7 + 0.36 * (last + 1))
        reach = np.concatenate([start, start[:-1] + parts["ci_low"], start[:-1] + parts["ci_high"]])
        room = max(0.16 * float(np.ptp(reach)), 0.5)
        ax.set_xlim(max(0.0, reach.min() - room), min(100.0, reach.max() + room))
        for place, (row, begin) in enumerate(zip(parts.itertuples(), start[:-1], strict=True), start=1):
            _draw_part(ax, place, float(begin), row)
        for place, level in ((0, change.levels[0]), (last, change.levels[1])):
            _draw_level(ax, place, level)
        for place, at in enumerate(start):  # each part begins where the one above it ends
            ax.plot([at, at], [place + _HEIGHT / 2, place + 1 - _HEIGHT / 2], color=MUTED, linewidth=0.8, zorder=1)
        ticks = [change.waves[0], *names, change.waves[1]]
        ax.set_yticks(range(last + 1), [fill(tick, 34 if tick.isascii() else 15) for tick in ticks])
        ax.set_ylim(last + 0.6, -0.6)
        ax.set_xlabel(say("wave.axis", language, construct=labels.construct(change.construct)))
        ax.xaxis.grid(True, color=GRID)
        ax.set_axisbelow(True)
        ax.tick_params(axis="y", length=0)
        _draw_key(ax, parts, change, language)
    return dress(ax)


def _draw_level(ax: Axes, place: int, level: float) -> None:
    left = ax.get_xlim()[0]
    ax.barh(place, level - left, left=left, height=_HEIGHT, color=MUTED, zorder=2)
    ax.annotate(f"{level:.1f}", (level, place), (4, 0), textcoords="offset points", va="center", fontsize=9)


def _draw_part(ax: Axes, place: int, begin: float, row: object) -> None:
    value, low, high = (float(getattr(row, name)) for name in ("estimate", "ci_low", "ci_high"))
    named = bool(getattr(row, "cause"))  # noqa: B009 - rows of a frame have no static attributes
    colour = ACCENT if value >= 0 else WARN
    face, hatch = (colour, "") if named else ("white", _HATCH)
    ax.barh(place, value, left=begin, height=_HEIGHT, edgecolor=colour, facecolor=face, hatch=hatch, zorder=2)
    for line, width, size in (("white", 3.2, 9), (INK, 1.1, 6)):  # a white rim keeps the whisker off the bar
        ax.plot([begin + low, begin + high], [place, place], color=line, linewidth=width, marker="|", markersize=size,
                markeredgewidth=width, solid_capstyle="butt", zorder=3)  # fmt: skip
    end = begin + max(high, value, 0.0)
    text = f"{'▲' if value >= 0 else '▼'} {value:+.1f}"
    ax.annotate(text, (end, place), (5, 0), textcoords="offset points", va="center", fontsize=9)


def _draw_key(ax: Axes, parts: pd.DataFrame, change: Change, language: str) -> None:
    """What the fills mean, and that the axis is cut, below the chart."""
    marks = []
    for shown, code, face, hatch in (
        (parts["cause"].any(), "wave.cause", MUTED, ""),
        (~parts["cause"].all(), "wave.not_cause", "white", _HATCH),
    ):
        if shown:
            text = say(code, language, relevant=f"{change.relevant:g}")
            marks.append(Patch(edgecolor=MUTED, facecolor=face, hatch=hatch, label=text))
    figure = ax.get_figure(root=True)
    height = figure.get_size_inches()[1] if figure is not None else 4.0
    ax.legend(handles=marks, loc="upper left", bbox_to_anchor=(0, -0.62 / height), ncols=2, frameon=False, fontsize=8)
    note = say("wave.cut", language, level=f"{100 * change.level:g}")
    ax.text(1, 1.01, note, transform=ax.transAxes, ha="right", va="bottom", fontsize=8, color=MUTED)
