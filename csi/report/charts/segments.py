"""The index of every level of one or more segments, beside the whole."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from csi.index.score import MINIMUM_CELL, Index
from csi.report.labels import Labels
from csi.report.theme import ACCENT, GRID, MUTED, axes, dress, look
from csi.survey.codebook import Codebook
from csi.words import say


def plot_segments(
    indexes: Sequence[Index],
    ax: Axes | None = None,
    language: str = "en",
    *,
    codebook: Codebook | None = None,
    whole: float | None = None,
) -> Axes:
    """One row per segment level with its interval; levels too small to publish are named, not shown as a number."""
    labels = Labels(language, codebook)
    count = sum(len(index.rows) + 1 for index in indexes)
    with look():
        ax = axes(ax, height=0.6 + 0.3 * count)
        position, ticks = 0.0, []
        for index in indexes:
            segment = index.by or ""
            ax.text(0, position, labels.segment(segment), transform=ax.get_yaxis_transform(), va="center", color=MUTED)
            for row in index.rows.itertuples():
                position += 1
                answers = f"{row.n:,}" if row.published else f"< {MINIMUM_CELL}"
                ticks.append((position, f"{labels.level(segment, str(row.level))}  ({answers})"))
                _draw_row(ax, position, row, language)
            position += 1
        if whole is not None:
            ax.axvline(whole, color=MUTED, linewidth=1, linestyle="--", zorder=1)
            note = say("chart.whole", language, value=f"{whole:.1f}")
            ax.annotate(note, (whole, 1), (4, 2), xycoords=("data", "axes fraction"), textcoords="offset points",
                        fontsize=8, color=MUTED)  # fmt: skip
        ax.set_yticks([p for p, _ in ticks], [text for _, text in ticks])
        ax.set_ylim(position - 0.2, -0.7)
        ax.set_xlabel(say("chart.points", language, construct=labels.construct(indexes[0].construct)))
        ax.margins(x=0.08)
        ax.xaxis.grid(True, color=GRID)
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
    return dress(ax)


def _draw_row(ax: Axes, position: float, row: object, language: str) -> None:
    estimate = float(getattr(row, "estimate"))  # noqa: B009 - rows of a frame have no static attributes
    if np.isnan(estimate):
        note = say("chart.too_few", language)
        ax.text(0.5, position, note, transform=ax.get_yaxis_transform(), va="center", fontsize=8, color=MUTED)
        return
    low, high = float(getattr(row, "ci_low")), float(getattr(row, "ci_high"))  # noqa: B009
    ax.plot([low, high], [position, position], color=ACCENT, linewidth=2, solid_capstyle="butt", zorder=2)
    ax.plot(estimate, position, "o", color=ACCENT, markersize=6, zorder=3)
    clear = {
        "facecolor": "white",
        "edgecolor": "none",
        "pad": 0.4,
    }  # the line of the whole must not strike the number out
    ax.annotate(
        f"{estimate:.1f}", (estimate, position), (0, 5), textcoords="offset points", ha="center", fontsize=8, bbox=clear
    )
