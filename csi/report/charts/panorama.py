"""The panorama as a manager's page: the tree of indicators with level, change, target and a verdict in words."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from csi.display import rounded, signed, width
from csi.index.alerts import ALERT, MERIT
from csi.index.tree import Panorama
from csi.index.tree_frame import KPI
from csi.report.labels import Labels
from csi.report.tables import in_order, verdict_text
from csi.report.theme import ACCENT, GOOD, GRID, INK, MUTED, WARN, axes, dress, look
from csi.survey.codebook import Codebook
from csi.words import knows, say

_NAME, _STRIP, _LEVEL, _CHANGE = 0.0, (0.36, 0.54), 0.61, 0.79  # columns, in parts of the width; numbers end there
_MORE = {
    "year_change": 0.085,
    "to_target": 0.075,
    "to_best": 0.13,
    "lead": 0.13,
}  # widths of what not every panorama has
_VERDICT = 0.16
_INDENT, _LONGEST = 0.016, 44  # of a name, and its columns on a screen
_ROW = 0.27  # inches


def plot_panorama(
    panorama: Panorama,
    ax: Axes | None = None,
    language: str = "en",
    *,
    view: str | None = None,
    slice: str = "",
    codebook: Codebook | None = None,
) -> Axes:
    """The last wave in one view and slice, one row a node, children below their parent and indented.

    Columns: level as a dot with interval on a strip of points (an upright line marks the target), level as a number, change
    with interval, and as far as known distances to target, to the best slice of the kind and to the best rival. An arrow says
    which way a node moved; it is filled and named "alert" or "merit" where the rule says so.
    """
    labels = Labels(language, codebook).knowing(panorama.rows.attrs)
    view = panorama.views[0] if view is None else view
    rows = pd.DataFrame(in_order(panorama.current(view, slice)))
    places = _places(rows)
    across = places["verdict"] + _VERDICT
    with look():
        ax = axes(ax, 9.0 * across, _ROW * (len(rows) + 4.2))
        ax.set_xlim(0, across)
        ax.set_ylim(len(rows) + 1.6, -1.9)
        ax.axis("off")
        _draw_heads(ax, panorama, language, places)
        _draw_strip(ax, rows, language)
        for y, row in enumerate(rows.to_dict("records")):
            _draw_row(ax, y, row, labels, places)
        named = _view_name(view, language)
        code = "panorama.title_slice" if slice else "panorama.title"
        title = say(code, language, view=named, wave=panorama.waves[-1], slice=_slice_name(slice, labels))
        ax.text(0, -1.75, title, fontsize=12, va="center")
        key = {"level": f"{100 * panorama.rule.level:g}"}
        rule = {"minimum": f"{panorama.rule.minimum_change:g}", "q": f"{100 * panorama.rule.q:g}"}
        ax.text(0, len(rows) + 0.5, say("panorama.key", language, **key), fontsize=7.5, color=MUTED, va="center")
        ax.text(0, len(rows) + 1.2, say("panorama.rule", language, **rule), fontsize=7.5, color=MUTED, va="center")
    return dress(ax)


def _places(rows: pd.DataFrame) -> dict[str, float]:
    """Where each column that holds anything ends, and where the verdict begins."""
    places, x = {"estimate": _LEVEL, "change": _CHANGE}, _CHANGE
    for column, wide in _MORE.items():
        if rows[column].notna().any():
            x += wide
            places[column] = x
    return {**places, "verdict": x + 0.025}


def _draw_heads(ax: Axes, panorama: Panorama, language: str, places: dict[str, float]) -> None:
    before = panorama.waves[-2] if len(panorama.waves) > 1 else ""
    heads = {"estimate": say("panorama.level", language), "change": say("panorama.change", language, wave=before)}
    heads |= {column: say(f"panorama.{column}", language) for column in places if column not in heads}
    for column, text in heads.items():
        if column != "change" or before:
            side = "left" if column == "verdict" else "right"
            ax.text(places[column], -0.95, text, ha=side, va="center", fontsize=8, color=MUTED)
    ax.text(_NAME, -0.95, say("panorama.node", language), va="center", fontsize=8, color=MUTED)
    ax.hlines(-0.55, 0, ax.get_xlim()[1], color=MUTED, linewidth=0.8)


def _draw_strip(ax: Axes, rows: pd.DataFrame, language: str) -> None:
    """Levels of the indicators with intervals on one strip of points; KPIs have no place on it."""
    drawn = rows[(rows["kind"] != KPI) & rows["estimate"].notna()]
    if drawn.empty:
        return
    seen = drawn[["estimate", "ci_low", "ci_high", "target"]].to_numpy(float)
    low, high = (float(5 * f(v / 5)) for f, v in ((np.floor, np.nanmin(seen)), (np.ceil, np.nanmax(seen))))
    low, high = max(0.0, min(low, high - 10)), min(100.0, max(high, low + 10))

    def place(points: "pd.Series[float]") -> Any:  # noqa: ANN401 - an array
        shown = np.clip(points.to_numpy(float), low, high)  # an interval that goes on is cut as the axis is
        return _STRIP[0] + (shown - low) / (high - low) * (_STRIP[1] - _STRIP[0])

    for value in np.linspace(low, high, 3):
        x = float(place(pd.Series([value]))[0])
        ax.vlines(x, -0.5, len(rows) - 0.4, color=GRID, linewidth=0.8, zorder=0)
        ax.text(x, -0.95, f"{value:g}", ha="center", va="center", fontsize=7.5, color=MUTED)
    y = drawn.index.to_numpy()
    ax.hlines(y, place(drawn["ci_low"]), place(drawn["ci_high"]), color=ACCENT, linewidth=1.6, zorder=2)
    ax.plot(place(drawn["estimate"]), y, "o", color=ACCENT, markersize=4, zorder=3)
    ax.vlines(place(drawn["target"]), y - 0.32, y + 0.32, color=INK, linewidth=1.4, zorder=2)


def _draw_row(ax: Axes, y: int, row: dict[Any, Any], labels: Labels, places: dict[str, float]) -> None:
    """Name, numbers and verdict of one node."""
    language, kpi = labels.language, row["kind"] == KPI
    x = _NAME + _INDENT * row["depth"]
    if row["depth"]:
        ax.plot([x - 0.8 * _INDENT] * 2 + [x - 0.2 * _INDENT], [y - 0.5, y, y], color=GRID, linewidth=1, zorder=0)
    if kpi:
        ax.plot(x + 0.006, y, "s", color=MUTED, markerfacecolor="white", markersize=5)
    name = _short(labels.term(str(row["term"])), _LONGEST - 2 * row["depth"])
    size = 10 if row["kind"] == "index" else 8.5
    ax.text(x + 0.018 * kpi, y, name, va="center", fontsize=size)
    if kpi:
        ax.text(_STRIP[0], y, _lines_of(row, language), va="center", fontsize=7.5, color=MUTED, backgroundcolor="white")
    if not row["published"]:
        ax.text(
            places["estimate"], y, say("panorama.hidden", language), ha="right", va="center", fontsize=8, color=MUTED
        )
        return
    for column, text in _numbers(row, labels).items():
        if column in places:
            ax.text(places[column], y, text, ha="right", va="center", fontsize=8.5 if column == "estimate" else 8)
    _draw_verdict(ax, y, row, language, places["verdict"])


def _numbers(row: dict[Any, Any], labels: Labels) -> dict[str, str]:
    """The numbers of a row as texts, empty where they are not known."""
    texts = {"estimate": rounded(row["estimate"], 1) + (f" {row['unit']}" if row["unit"] else "")}
    signs = {column: "" if np.isnan(row[column]) else signed(row[column]) for column in ("change", *_MORE)}
    if not np.isnan(row["change_low"]):
        signs["change"] += f"  [{signed(row['change_low'])}, {signed(row['change_high'])}]"
    for column, other in (("to_best", "best"), ("lead", "lead_over")):
        if signs[column]:
            signs[column] += f" {_slice_name(str(row[other]), labels)}"
    return texts | signs


def _draw_verdict(ax: Axes, y: int, row: dict[Any, Any], language: str, x: float) -> None:
    """An arrow the way the value went; filled, coloured and in words where it stands out."""
    colour = {ALERT: WARN, MERIT: GOOD}.get(row["verdict"], MUTED)
    if not np.isnan(row["change"]) and round(row["change"], 1):
        face = colour if row["verdict"] else "white"
        ax.plot(
            x,
            y,
            "^" if row["change"] > 0 else "v",
            color=colour,
            markerfacecolor=face,
            markersize=6,
            markeredgewidth=0.8,
        )
    if row["verdict"]:
        text = verdict_text(row, language)
        box = {
            "boxstyle": "square,pad=0.2",
            "facecolor": colour if row["verdict"] == ALERT else "white",
            "edgecolor": colour,
        }
        ink = "white" if row["verdict"] == ALERT else colour
        ax.text(x + 0.016, y, text, va="center", fontsize=8, color=ink, bbox=box)


def _lines_of(row: dict[Any, Any], language: str) -> str:
    """Target and red line of a KPI."""
    target, red_line = row["target"], row["red_line"]
    if np.isnan(target):
        return ""
    code = "panorama.kpi_target" if np.isnan(red_line) else "panorama.kpi_lines"
    return say(code, language, target=f"{target:g}", red_line=f"{red_line:g}")


def _short(text: str, most: int) -> str:
    """The text cut to so many columns of a screen."""
    if width(text) <= most:
        return text
    while width(text) > most - 2:
        text = text[:-1]
    return f"{text.rstrip()} …"


def _slice_name(name: str, labels: Labels) -> str:
    """A slice's level, in words where the codebook has them."""
    segment, _, level = name.partition("=")
    return labels.level(segment, level) if level else name


def _view_name(view: str, language: str) -> str:
    own = f"panorama.{view}"
    return say(own, language) if knows(own) else say("panorama.view", language, view=view)
