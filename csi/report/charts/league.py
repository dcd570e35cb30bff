"""The league of companies or branches: who stands where, with the ranks that the answers leave open."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from csi.index.league import League
from csi.report.charts.key import draw_key
from csi.report.labels import Labels
from csi.report.theme import ACCENT, GRID, INK, MUTED, WARN, axes, dress, look
from csi.survey.codebook import Codebook
from csi.words import say

_ROW = 0.3  # inches


def plot_league(
    league: League, ax: Axes | None = None, language: str = "en", *, codebook: Codebook | None = None
) -> Axes:
    """One row a company, best first: index with interval, the ranks it may have, the probability to be best.

    Against a named competitor (a square, with a broken line) a triangle marks who is clearly above or below it.
    """
    labels = Labels(language, codebook)
    rows = league.rows[league.rows["published"]]
    hidden = [labels.level(league.by, term) for term in league.rows.loc[~league.rows["published"], "term"]]
    y = np.arange(len(rows))
    with look():
        ax = axes(ax, 7.2, 1.7 + _ROW * len(rows))
        ax.hlines(y, rows["ci_low"], rows["ci_high"], colors=MUTED, linewidth=2, zorder=2)
        marks = _draw_levels(ax, rows, league, labels)
        ax.set_yticks(y, [f"{row.rank}  {labels.level(league.by, str(row.term))}" for row in rows.itertuples()])
        ax.set_ylim(len(rows) - 0.4, -0.6)
        ax.set_xlabel(say("league.points", language, construct=labels.construct(league.construct)))
        ax.xaxis.grid(True, color=GRID)
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        _draw_columns(ax, rows, language)
        notes = [say("league.note", language, level=f"{100 * league.level:g}")]
        if hidden:
            notes.append(say("league.hidden", language, names=("、" if language == "zh" else ", ").join(hidden)))
        draw_key(ax, marks, notes)
    return dress(ax)


def _draw_levels(ax: Axes, rows: pd.DataFrame, league: League, labels: Labels) -> list[Line2D]:
    """The estimates, and the marks that were used."""
    x, term = rows["estimate"].to_numpy(float), rows["term"].to_numpy()
    own = term == league.against
    above = (rows["lead_low"].to_numpy(float) > 0) & (league.against is not None)
    below = (rows["lead_high"].to_numpy(float) < 0) & (league.against is not None)
    language = labels.language
    kinds = [
        (~(own | above | below), "o", ACCENT, say("league.interval", language, level=f"{100 * league.level:g}")),
        (above, "^", ACCENT, say("league.above", language)),
        (below, "v", WARN, say("league.below", language)),
    ]
    if league.against is not None:
        ax.axvline(float(x[own][0]), color=MUTED, linewidth=1, linestyle="--", zorder=1)
        name = labels.level(league.by, league.against)
        kinds.append((own, "s", INK, say("league.against", language, name=name)))
    marks = []
    for chosen, marker, colour, text in kinds:
        if chosen.any():
            ax.plot(x[chosen], np.flatnonzero(chosen), marker, color=colour, markersize=7, zorder=3)
            marks.append(Line2D([], [], color=colour, marker=marker, linewidth=0, label=text))
    return marks


def _draw_columns(ax: Axes, rows: pd.DataFrame, language: str) -> None:
    """Ranks and probabilities to the right of the rows."""
    columns = [
        (1.08, say("league.rank", language), [_span(r.rank_low, r.rank_high) for r in rows.itertuples()]),
        (1.2, say("league.best", language), [_percent(float(p)) for p in rows["best_probability"]]),
    ]
    for x, head, texts in columns:
        for at, text in enumerate([head, *texts]):
            ax.annotate(
                text, (x, at - 1), xycoords=("axes fraction", "data"), ha="center", va="center",
                fontsize=9, color=MUTED if at == 0 else INK, annotation_clip=False,
            )  # fmt: skip


def _span(low: object, high: object) -> str:
    return f"{low}" if low == high else f"{low}–{high}"


def _percent(share: float) -> str:
    return "<1%" if 0 < share < 0.01 else ">99%" if 0.99 < share < 1 else f"{share:.0%}"
