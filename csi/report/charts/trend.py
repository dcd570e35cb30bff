"""The index over waves, with intervals."""

import numpy as np
from matplotlib.axes import Axes

from csi.index.score import Index
from csi.report.labels import Labels
from csi.report.theme import ACCENT, GRID, MUTED, axes, dress, look
from csi.survey.codebook import Codebook
from csi.words import say


def plot_index_trend(
    index: Index, ax: Axes | None = None, language: str = "en", *, codebook: Codebook | None = None
) -> Axes:
    """Index of every wave on the current wave's weights, points with their intervals."""
    labels = Labels(language, codebook)
    rows = index.rows
    with look():
        ax = axes(ax)
        x = np.arange(len(rows))
        level, low, high = (rows[c].to_numpy(float) for c in ("estimate", "ci_low", "ci_high"))
        ax.plot(x, level, color=ACCENT, linewidth=1.5, zorder=2)
        ax.errorbar(x, level, [level - low, high - level], fmt="o", color=ACCENT, capsize=5, markersize=7, zorder=3)
        for i, value in enumerate(level):
            ax.annotate(f"{value:.1f}", (x[i], high[i]), (0, 4), textcoords="offset points", ha="center")
        room = max(float(np.nanmax(high) - np.nanmin(low)) * 0.4, 1.5)
        ax.set_ylim(max(0, float(np.nanmin(low)) - room), min(100, float(np.nanmax(high)) + room))
        ax.set_xlim(-0.35, len(rows) - 0.45)
        ax.set_xticks(x, [f"{row.term}\nn = {row.n:,}" for row in rows.itertuples()])
        ax.set_ylabel(say("chart.points", language, construct=labels.construct(index.construct)))
        ax.yaxis.grid(True, color=GRID)
        ax.tick_params(length=0)
        ax.text(1, 1.01, say("chart.cut_axis", language), transform=ax.transAxes, ha="right", fontsize=8, color=MUTED)
    return dress(ax)
