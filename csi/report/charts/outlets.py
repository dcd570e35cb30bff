"""The league of outlets: where each truly stands, with its interval, and what its replies alone would say."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from csi.report.theme import ACCENT, GRID, MUTED, WARN, axes, dress, look
from csi.survey.outlets import OutletTable
from csi.words import say

_SURE = 0.8  # probability from which an outlet is marked as one of the best or the last


def plot_outlets(table: OutletTable, ax: Axes | None = None, language: str = "en", *, most: int = 40) -> Axes:
    """One row an outlet, best first: estimate (dot) with interval, raw figure (ring), number of ratings.

    A triangle upwards marks an outlet that is one of the best, downwards one of the last, with probability 0.8 or more. Of more
    than `most` outlets the first and the last half of that number are drawn.
    """
    rows = table.rows
    half = most // 2
    cut = len(rows) > most
    drawn = pd.concat([rows.head(most - half), rows.tail(half)]) if cut else rows
    y = np.arange(len(drawn)) + np.where(drawn["rank"] > most - half, 1, 0) * cut
    with look():
        ax = axes(ax, 7.2, 1.3 + 0.22 * len(drawn))
        best, last = (drawn[f"{end}_probability"].to_numpy() >= _SURE for end in ("top", "bottom"))
        colours = np.where(last, WARN, ACCENT)
        ax.hlines(y, drawn["ci_low"], drawn["ci_high"], colors=list(colours), linewidth=2, zorder=2)
        ax.plot(drawn["raw"], y, "o", color=MUTED, markerfacecolor="white", markersize=4.5, zorder=3)
        for marker, chosen in (("o", ~best & ~last), ("^", best), ("v", last)):
            ax.scatter(drawn["estimate"][chosen], y[chosen], marker=marker, c=list(colours[chosen]), s=34, zorder=4)
        ax.axvline(table.centre[0], color=MUTED, linewidth=1, linestyle="--", zorder=1)
        note = say("outlet.mean", language, value=f"{table.centre[0]:.1f}")
        ax.annotate(note, (table.centre[0], 1), (4, 3), xycoords=("data", "axes fraction"), textcoords="offset points",
                    fontsize=8, color=MUTED)  # fmt: skip
        ax.set_yticks(y, [f"{row.rank}  {row.term}  ({row.n:,})" for row in drawn.itertuples()], fontsize=8.5)
        ax.set_ylim(y[-1] + 0.7, -0.8)
        ax.set_xlabel(say(f"outlet.{table.measure}", language))
        ax.xaxis.grid(True, color=GRID)
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        _draw_key(ax, table, language, bool(best.any()), bool(last.any()))
    return dress(ax)


def _draw_key(ax: Axes, table: OutletTable, language: str, best: bool, last: bool) -> None:
    """What the marks mean, below the chart."""
    level, probability = f"{100 * table.level:g}", f"{100 * _SURE:g}"
    marks = [
        Line2D([], [], color=ACCENT, marker="o", label=say("outlet.estimate", language, level=level)),
        Line2D(
            [], [], color=MUTED, marker="o", markerfacecolor="white", linewidth=0, label=say("outlet.raw", language)
        ),
    ]
    for shown, code, marker, colour in ((best, "outlet.best", "^", ACCENT), (last, "outlet.last", "v", WARN)):
        if shown:
            text = say(code, language, top=table.top, probability=probability)
            marks.append(Line2D([], [], color=colour, marker=marker, linewidth=0, label=text))
    figure = ax.get_figure(root=True)
    height = figure.get_size_inches()[1] if figure is not None else 4.0
    ax.legend(handles=marks, loc="upper left", bbox_to_anchor=(0, -0.55 / height), ncols=2, frameon=False, fontsize=8)
