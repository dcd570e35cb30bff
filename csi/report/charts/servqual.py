"""Gaps of service quality as bars with intervals, and expected against perceived service as a radar."""

from textwrap import wrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from csi.errors import ReportError
from csi.index.servqual import Servqual
from csi.index.servqual_levels import OVERALL
from csi.report.labels import Labels
from csi.report.theme import ACCENT, GRID, INK, MUTED, WARN, axes, dress, look
from csi.survey.codebook import Codebook
from csi.words import knows, say

_MIDDLE, _LIGHT = "#6f9fd0", "#d6e4f1"  # dark enough apart in grey, and light enough for the lines on them
_CLEAR = {"facecolor": "white", "edgecolor": "none", "pad": 0.4}  # no line strikes a number out
_ACROSS = (("adequate", MUTED, "^", ":"), ("expectation", WARN, "s", "--"), ("perception", ACCENT, "o", "-"))


def plot_servqual_gaps(
    result: Servqual,
    ax: Axes | None = None,
    language: str = "en",
    *,
    measure: str = "gap",
    level: str | None = None,
    items: bool = True,
    codebook: Codebook | None = None,
) -> Axes:
    """One bar a dimension and, below it, one an item, with intervals; the dashed line is the whole.

    `measure` is "gap", "msa", or for waves "change": of the gap, or of perception where that alone was asked. `level` is the
    segment's level or the wave, everybody or the last wave unless named. A hollow dot says that the interval holds 0.

    Raises
    ------
    ReportError, EstimationError
        A measure without a natural 0, or one that the study did not ask.
    """
    labels = Labels(language, codebook).knowing(result.rows.attrs)
    rows = _in_order(_rows(result, measure, level), items)
    with look():
        ax = axes(ax, 7.6, 1.5 + 0.3 * len(rows))
        y = _heights(rows)
        thick = rows["kind"].to_numpy() == "dimension"
        value, low, high = (rows[c].to_numpy(float) for c in ("estimate", "ci_low", "ci_high"))
        ax.barh(y, value, np.where(thick, 0.8, 0.6), color=np.where(thick, _MIDDLE, _LIGHT), edgecolor=ACCENT, zorder=2)
        ax.hlines(y, low, high, colors=INK, linewidth=1.3, zorder=3)
        sure = (low > 0) | (high < 0)
        ax.scatter(value, y, s=20, c=np.where(sure, INK, "white"), edgecolors=INK, linewidths=1, zorder=4)
        for at, number, left, right in zip(y, value, low, high, strict=True):
            side = (min(left, 0.0), "right", -5) if number < 0 else (max(right, 0.0), "left", 5)
            ax.annotate(f"{number:+.2f}", (side[0], at), (side[2], 0), textcoords="offset points", ha=side[1],
                        va="center", fontsize=8, bbox=_CLEAR, zorder=2)  # fmt: skip
        ax.axvline(0, color=INK, linewidth=0.8, zorder=3)
        _draw_whole(ax, result, measure, level, language)
        ax.set_yticks(y, [_label(str(row.term), str(row.kind), labels) for row in rows.itertuples()], fontsize=8.5)
        for tick, strong in zip(ax.get_yticklabels(), thick, strict=True):
            tick.set_color(INK if strong else MUTED)
            tick.set_fontsize(10 if strong else 8.5)
        ax.set_ylim(y[-1] + 0.8, -0.8)
        ax.margins(x=0.15)
        unit = "points" if result.unit == "points" else "steps"
        what = say(f"servqual.in_{unit}", language, what=say(f"servqual.{measure}", language))
        note = say("servqual.legend" if items else "servqual.bars", language, level=f"{100 * _level(result):g}")
        ax.set_xlabel(f"{what}\n{note}", fontsize=9, linespacing=1.6)
        ax.xaxis.grid(True, color=GRID, zorder=0)
        ax.tick_params(length=0)
        ax.spines["left"].set_visible(False)
    return dress(ax)


def plot_servqual_radar(
    result: Servqual,
    ax: Axes | None = None,
    language: str = "en",
    *,
    level: str | None = None,
    codebook: Codebook | None = None,
) -> Axes:
    """Expected, perceived and (where asked) adequate service by dimension, lines of their own marker and dash.

    The axes begin where the number in the middle says.

    Raises
    ------
    ReportError
        Fewer than three dimensions.
    """
    labels = Labels(language, codebook).knowing(result.rows.attrs)
    asked = [(m, *look_of) for m, *look_of in _ACROSS if (result.rows["measure"] == m).any()]
    asked = asked or [("servperf", ACCENT, "o", "-")]
    means = {m: result.of(m, kind="dimension", level=level).set_index("term")["estimate"] for m, *_ in asked}
    names = list(next(iter(means.values())).index)
    if len(names) < 3:
        raise ReportError(f"a radar needs three dimensions or more, not {len(names)}; use plot_servqual_gaps.")
    values = {m: mean.reindex(names).to_numpy(float) for m, mean in means.items()}
    rings = _rings(np.concatenate(list(values.values())))
    with look():
        ax = axes(ax, 6.4, 5.6)
        _draw_web(ax, [_label(name, "dimension", labels) for name in names], rings)
        for measure, colour, marker, dash in asked:
            x, y = _around(_share(values[measure], rings))
            ax.plot(x, y, color=colour, marker=marker, linestyle=dash, markersize=7, linewidth=1.8, zorder=4,
                    markerfacecolor=colour if dash == "-" else "white", label=say(f"servqual.{measure}", language))  # fmt: skip
        ax.fill(*_around(_share(values[asked[-1][0]], rings)), color=_LIGHT, alpha=0.6, zorder=1)
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.02), ncols=len(asked), frameon=False, fontsize=9)
        ax.set_aspect("equal")
        ax.set_axis_off()
    return dress(ax)


def _rows(result: Servqual, measure: str, level: str | None) -> pd.DataFrame:
    if measure == "change":
        rows = result.of(level=level)
        if rows["change"].isna().all():
            raise ReportError("there is no change to show: the first wave has none before it, and segments have none.")
        return rows.assign(estimate=rows["change"], ci_low=rows["change_low"], ci_high=rows["change_high"])
    if measure not in ("gap", "msa"):
        raise ReportError(f"bars begin at 0, which {measure!r} does not: measure must be 'gap', 'msa' or 'change'.")
    return result.of(measure, level=level)


def _in_order(rows: pd.DataFrame, items: bool) -> pd.DataFrame:
    """Every dimension, lowest first, and below it its items, lowest first."""
    wanted = rows[rows["kind"].isin(["dimension", "item"] if items else ["dimension"])]
    place = wanted[wanted["kind"] == "dimension"].set_index("dimension")["estimate"]
    return wanted.assign(place=wanted["dimension"].map(place), item=wanted["kind"] == "item").sort_values(
        ["place", "dimension", "item", "estimate"], ignore_index=True
    )


def _heights(rows: pd.DataFrame) -> NDArray[np.float64]:
    """One step a row, and half a step more before every dimension but the first."""
    return np.arange(len(rows)) + 0.5 * (rows["kind"] == "dimension").cumsum().to_numpy() - 0.5


def _draw_whole(ax: Axes, result: Servqual, measure: str, level: str | None, language: str) -> None:
    whole = _rows(result, measure, level)
    value = float(whole.loc[whole["kind"] == OVERALL, "estimate"].iloc[0])
    ax.axvline(value, color=MUTED, linewidth=1, linestyle="--", zorder=1)
    note = say("servqual.whole", language, value=f"{value:+.2f}")
    ax.annotate(note, (value, 1), (0, 3), xycoords=("data", "axes fraction"), textcoords="offset points", ha="center",
                fontsize=8.5, color=MUTED)  # fmt: skip


def _label(term: str, kind: str, labels: Labels) -> str:
    if kind == "dimension":
        return say(f"dimension.{term}", labels.language) if knows(f"dimension.{term}") else term
    name = labels.item(term)
    return "\n".join(wrap(name, 46 if name.isascii() else 24))


def _level(result: Servqual) -> float:
    return float(result.rows.attrs["level"])


def _rings(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round numbers from below the lowest value to above the highest, three to six of them; the first is the centre."""
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    for step in (0.5, 1.0, 2.0, 5.0, 10.0, 20.0):
        rings = np.arange(np.floor(low / step - 0.25) * step, np.ceil(high / step + 1e-9) * step + step / 2, step)
        if len(rings) <= 6:
            break
    return rings


def _share(values: NDArray[np.float64], rings: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((values - rings[0]) / (rings[-1] - rings[0]))


def _around(radius: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points of a closed line, the first dimension on top and the others clockwise."""
    angle = np.pi / 2 - 2 * np.pi * np.arange(len(radius) + 1) / len(radius)
    closed = np.append(radius, radius[0])
    return closed * np.cos(angle), closed * np.sin(angle)


def _draw_web(ax: Axes, names: list[str], rings: NDArray[np.float64]) -> None:
    across = np.pi / 2 + np.pi / len(names)  # the numbers stand between the first dimension and the last
    for value, radius in zip(rings, _share(rings, rings), strict=True):
        ax.plot(*_around(np.full(len(names), radius)), color=GRID, linewidth=1, zorder=0)
        at = radius * np.cos(np.pi / len(names))
        ax.annotate(f"{value:g}", (at * np.cos(across), at * np.sin(across)), fontsize=8, color=MUTED, ha="center",
                    va="center", zorder=5, bbox=_CLEAR)  # fmt: skip
    x, y = _around(np.ones(len(names)))
    for name, right, up in zip(names, x, y, strict=False):
        ax.plot([0, right], [0, up], color=GRID, linewidth=1, zorder=0)
        side = "center" if abs(right) < 0.1 else "left" if right > 0 else "right"
        ax.annotate(name, (1.07 * right, 1.07 * up), ha=side, va="center", fontsize=10)
