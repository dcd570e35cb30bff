"""Types of needs: what low answers cost and high ones bring, and Kano's map of better against worse."""

from collections.abc import Hashable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from csi.drivers.kano import Kano
from csi.drivers.needs import NEEDS, UNDECIDED, NeedTypes
from csi.report.charts.badges import draw_badges, draw_key
from csi.report.labels import Labels
from csi.report.theme import ACCENT, GOOD, GRID, INK, MUTED, WARN, axes, dress, look
from csi.survey.codebook import Codebook
from csi.words import say

_HATCH = "////"  # penalties are told from rewards in greyscale too
_PALE = "#8fb3dc"  # light enough for the whisker to be seen on it
_COLOURS = {"M": WARN, "O": ACCENT, "A": GOOD}


def plot_need_types(
    needs: NeedTypes, ax: Axes | None = None, language: str = "en", *, codebook: Codebook | None = None
) -> Axes:
    """Two bars a driver, penalty hatched and reward plain, with intervals; at the right the need type and how sure it is.

    Drivers of one type stand together, those with the largest range first.
    """
    labels = Labels(language, codebook)
    order = {need: place for place, need in enumerate((*NEEDS, UNDECIDED))}
    rows = needs.rows.assign(place=needs.rows["need"].map(order))
    rows = rows.sort_values(["place", "range"], ascending=[True, False], ignore_index=True)
    height = np.arange(len(rows), dtype=float)
    with look():
        ax = axes(ax, 8.2, 1.3 + 0.42 * len(rows))
        bars: dict[str, dict[str, Any]] = {
            "penalty": {"facecolor": "white", "edgecolor": WARN, "hatch": _HATCH, "linewidth": 0.8},
            "reward": {"facecolor": _PALE, "edgecolor": ACCENT, "linewidth": 0.8},
        }
        for name, up in (("penalty", -0.19), ("reward", 0.19)):
            ax.barh(height + up, rows[name], height=0.34, label=say(f"need.{name}", language), zorder=2, **bars[name])
            ax.hlines(height + up, rows[f"{name}_low"], rows[f"{name}_high"], color=INK, linewidth=1.0, zorder=3)
        for place, row in enumerate(rows.itertuples()):
            _name_need(ax, place, row, language)
        ax.axvline(0, color=INK, linewidth=0.8)
        ax.set_yticks(height, [labels.term(term) for term in rows["term"]])
        ax.set_ylim(len(rows) - 0.4, -0.6)
        ax.set_xlabel(say("need.impact", language, outcome=labels.term(needs.outcome)))
        ax.xaxis.grid(True, color=GRID, zorder=0)
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, fontsize=8)
    return dress(ax)


def _name_need(ax: Axes, place: int, row: Any, language: str) -> None:  # noqa: ANN401 - rows of a frame have no static attributes
    """The need type right of the axes; what it might be where it is undecided."""
    text = say(
        "need.sure", language, need=say(f"need.{row.factor}", language), probability=f"{100 * row.probability:.0f}"
    )
    if row.range_low <= 0 <= row.range_high:
        text = say("need.no_effect", language)
    elif row.need == UNDECIDED:
        text = say("need.maybe", language, likely=text)
    colour = MUTED if row.need == UNDECIDED else INK
    ax.annotate(text, (1.01, place), xycoords=ax.get_yaxis_transform(), va="center", fontsize=8.5, color=colour)


def plot_kano(
    kano: Kano,
    ax: Axes | None = None,
    language: str = "en",
    *,
    codebook: Codebook | None = None,
    key: bool = True,
) -> Axes:
    """Better against worse, 0.5 between the quadrants (Berger et al. 1993), with intervals as crosses.

    Each feature has a numbered badge: a square if it is basic, a circle otherwise, dashed where its category is not clear. Its
    absence dissatisfies most for number 1. The key says the category and its share.
    """
    labels = Labels(language, codebook)
    rows = kano.rows.sort_values("worse", ignore_index=True)
    with look():
        ax = axes(ax, 8.6 if key else 5.2, max(4.6, 0.25 * len(rows) + 0.8) if key else 4.6)
        x, y = -rows["worse"], rows["estimate"]
        ax.hlines(y, -rows["worse_high"], -rows["worse_low"], color="#9aa5b1", linewidth=0.8, zorder=2)
        ax.vlines(x, rows["ci_low"], rows["ci_high"], color="#9aa5b1", linewidth=0.8, zorder=2)
        ax.plot(x, y, "o", color=MUTED, markersize=2.5, zorder=3)
        ax.axvline(0.5, color=MUTED, linewidth=0.8, linestyle="--", zorder=1)
        ax.axhline(0.5, color=MUTED, linewidth=0.8, linestyle="--", zorder=1)
        ax.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
        ax.set_xlabel(say("kano.worse", language))
        ax.set_ylabel(say("kano.better", language))
        ax.tick_params(length=0)
        _name_corners(ax, language)
        styles = [
            (_COLOURS.get(row["category"], MUTED), "square" if row["category"] == "M" else "circle", row["significant"])
            for row in rows.to_dict("records")
        ]
        draw_badges(ax, np.column_stack([x, y]), styles)
        if key:
            draw_key(ax, [_named(row, labels) for row in rows.to_dict("records")], [INK] * len(rows))
    return dress(ax)


def _named(row: dict[Hashable, Any], labels: Labels) -> str:
    """The feature with the letter of its category and the share of that."""
    return f"{labels.term(row['term'])}  ({row['category']} {100 * row[row['category']]:.0f} %)"


def _name_corners(ax: Axes, language: str) -> None:
    """Which category lies where, and what a dashed badge says."""
    for category, x, y in (("M", 0.99, 0.01), ("O", 0.99, 0.99), ("A", 0.01, 0.99), ("I", 0.01, 0.01)):
        text = f"{category}  {say(f'kano.{category}', language)}"
        across, up = ("right" if x > 0.5 else "left"), ("top" if y > 0.5 else "bottom")
        colour = _COLOURS.get(category, MUTED)
        ax.text(x, y, text, transform=ax.transAxes, ha=across, va=up, fontsize=8.5, color=colour)
    unclear = Line2D([], [], marker="o", linestyle="none", markersize=8, markerfacecolor="white", markeredgecolor=MUTED)
    text = say("kano.unclear", language)
    ax.legend([unclear], [text], loc="lower left", bbox_to_anchor=(-0.02, 1), frameon=False, fontsize=8)
