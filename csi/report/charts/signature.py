"""What customers behind a weak indicator do: effects with intervals, the shape of one, and indicators beside behaviours."""

from collections.abc import Hashable
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from csi.behaviour.signature import Signature
from csi.behaviour.signature_map import SignatureMap
from csi.behaviour.signature_words import column_label, listed, name_of
from csi.behaviour.table import BehaviourTable
from csi.display import p_text, signed
from csi.errors import ReportError, known_names
from csi.report.charts.key import draw_key
from csi.report.theme import ACCENT, GRID, INK, MUTED, WARN, axes, dress, look
from csi.words import say

Row = dict[Hashable, Any]

_WAVES = 0.22  # rows between the estimates of single waves and the whole one
_DARK = 0.6  # share of the darkest shade from which white letters read better


def plot_signature(
    signature: Signature,
    ax: Axes | None = None,
    language: str = "en",
    *,
    table: BehaviourTable | None = None,
    most: int = 12,
) -> Axes:
    """The strongest behaviours with their intervals; filled diamonds stand out, hollow circles do not.

    `table` has the wordings of the behaviours, `most` is how many are drawn. Strokes are single waves; words beside a row say
    whether it is the same in all of them, and what is no straight line.
    """
    rows = signature.rows[signature.rows["status"] == ""].head(most)
    several = len(signature.by_wave["wave"].unique()) > 1
    waves = signature.by_wave if several else signature.by_wave.head(0)
    name = name_of(signature.indicator, signature.wording, language)
    kind = "share" if signature.kind == "share" else "value"
    with look():
        ax = axes(ax, height=1.9 + 0.38 * len(rows))
        ax.axvline(0, color=MUTED, linewidth=0.8, zorder=1)
        for place, row in enumerate(rows.to_dict("records")):
            _draw_effect(ax, place, row, waves[waves["term"] == row["term"]])
            _draw_words(ax, place, row, language)
        names = [_wrapped(column_label(str(term), language, table), 34) for term in rows["term"]]
        ax.set_yticks(range(len(rows)), names)
        ax.set_ylim(len(rows) - 0.4, -0.6)
        ax.xaxis.grid(True, color=GRID)
        ax.xaxis.set_major_formatter(lambda value, _: signed(value, 2))
        ax.tick_params(axis="y", length=0)
        title = _wrapped(say(f"signature.title_{kind}", language, indicator=name), 64)
        ax.set_title(title, loc="left", fontsize=11)
        ax.set_xlabel(_axis(signature, language, table))
        _draw_marks(ax, signature, language, waves=several)
    return dress(ax)


def _axis(signature: Signature, language: str, table: BehaviourTable | None) -> str:
    if not signature.controls:
        return say("signature.axis", language)
    names = [name_of(control, signature.wording, language, table) for control in signature.controls]
    return say("signature.axis_equal", language, controls=listed(names, language))


def _wrapped(text: str, wide: int) -> str:
    return fill(text, wide if text.isascii() else wide // 2)


def _draw_effect(ax: Axes, place: int, row: Row, waves: pd.DataFrame) -> None:
    value, found = row["estimate"], bool(row["found"])
    colour = (WARN if value > 0 else ACCENT) if found else MUTED
    ax.plot([row["ci_low"], row["ci_high"]], [place, place], color=colour, linewidth=2.0 if found else 1.2, zorder=2)
    marker, size = ("D", 7) if found else ("o", 6)
    face = colour if found else "white"
    ax.plot(value, place, marker=marker, markersize=size, color=colour, markerfacecolor=face, zorder=3)
    ax.annotate(signed(value, 2), (value, place), (0, 6), textcoords="offset points", ha="center", fontsize=8)
    if len(waves):
        below = np.full(len(waves), place + _WAVES)
        ax.plot(waves["estimate"], below, marker="|", markersize=6, color=INK, linestyle="none", zorder=3)


def _draw_words(ax: Axes, place: int, row: Row, language: str) -> None:
    words = [say(f"signature.is_{row['stability']}", language)] if row["stability"] and row["found"] else []
    words += [say("signature.is_bent", language)] if row["bent"] else []
    ax.annotate(
        "\n".join(words), (1.01, place), xycoords=("axes fraction", "data"), va="center", fontsize=8, color=MUTED
    )


def _draw_marks(ax: Axes, signature: Signature, language: str, *, waves: bool) -> None:
    found = say("signature.found", language, q=f"{100 * signature.q:g}")
    other = say("signature.not_found", language)
    marks = [
        Line2D([], [], marker="D", color=INK, linestyle="none", label=found),
        Line2D([], [], marker="o", color=MUTED, markerfacecolor="white", linestyle="none", label=other),
    ]
    if waves:
        marks.append(Line2D([], [], marker="|", color=INK, linestyle="none", label=say("signature.wave", language)))
    note = say("signature.sides", language, level=f"{100 * signature.rows.attrs['level']:g}")
    draw_key(ax, marks, note.split("\n"))


def plot_signature_shape(
    signature: Signature,
    term: str,
    ax: Axes | None = None,
    language: str = "en",
    *,
    table: BehaviourTable | None = None,
) -> Axes:
    """Mean of the indicator in the bins of one behaviour, controls held equal.

    Raises
    ------
    ReportError
        The behaviour has no bins: it is not tested, no number, or has too few different values.
    """
    rows = signature.shapes[signature.shapes["term"] == term]
    if rows.empty:
        known = known_names(term, dict.fromkeys(signature.shapes["term"]), "Those with bins are")
        raise ReportError(f"{term!r} has no bins in the signature of {signature.indicator}. {known}")
    p = p_text(float(signature.rows.loc[signature.rows["term"] == term, "bent_p"].iloc[0])) or "–"
    share = signature.kind == "share"
    value, low, high = ((100.0 if share else 1.0) * rows[c].to_numpy(float) for c in ("estimate", "ci_low", "ci_high"))
    name, behaviour = name_of(signature.indicator, signature.wording, language), column_label(term, language, table)
    with look():
        ax = axes(ax, width=5.6, height=4.0)
        places = np.arange(len(rows))
        ax.vlines(places, low, high, color=ACCENT, linewidth=2)
        ax.plot(places, value, marker="o", color=ACCENT, markersize=7, linewidth=0.8, linestyle="--")
        for place, height in zip(places, value, strict=True):
            ax.annotate(f"{height:.{2 if signature.kind == 'item' else 1}f}", (place, height), (6, 6),
                        textcoords="offset points", fontsize=9)  # fmt: skip
        ax.set_xticks(places, [f"{_range(row)}\nn = {row['n']:,}" for row in rows.to_dict("records")])
        ax.set_xlim(-0.4, len(rows) - 0.4)
        ax.yaxis.grid(True, color=GRID)
        ax.set_xlabel(behaviour)
        ax.set_ylabel(say("signature.shape_share" if share else "signature.shape_mean", language))
        title = say("signature.shape_title", language, indicator=name, behaviour=behaviour)
        note = say("signature.shape_note", language, level=f"{100 * signature.rows.attrs['level']:g}", p=p)
        ax.set_title(_wrapped(title, 64), loc="left", fontsize=10.5, pad=18)
        ax.text(0, 1.015, note, transform=ax.transAxes, fontsize=8, color=MUTED)
    return dress(ax)


def _range(row: Row) -> str:
    return f"> {row['above']:.4g}" if np.isinf(row["upto"]) else f"≤ {row['upto']:.4g}"


def plot_signature_map(
    found: SignatureMap, ax: Axes | None = None, language: str = "en", *, table: BehaviourTable | None = None
) -> Axes:
    """Indicators by behaviours: a signed number in every cell, a box where it stands out, canonical loadings at the edges."""
    values, boxed = found.grid(), found.grid("found")
    rows, across = list(values.index), list(values.columns)
    with look():
        ax = axes(ax, width=2.8 + 0.62 * (len(across) + 1), height=2.6 + 0.42 * (len(rows) + 1))
        darkest = max(float(np.nanmax(np.abs(values.to_numpy(float)))), 0.05)
        for y, name in enumerate(rows):
            for x, behaviour in enumerate(across):
                _draw_cell(ax, (x, y), float(values.loc[name, behaviour]), bool(boxed.loc[name, behaviour]), darkest)
        for y, name in enumerate(rows):
            _draw_loading(ax, len(across) + 0.1, y, found.indicator_loadings["root 1"][name])
        for x, behaviour in enumerate(across):
            _draw_loading(ax, x, len(rows) + 0.1, found.behaviour_loadings["root 1"][behaviour])
        edge = say("signature.loading", language)
        columns = [*(_wrapped(column_label(str(term), language, table), 30) for term in across), edge]
        ax.set_xticks([*range(len(across)), len(across) + 0.1], columns, rotation=40, ha="left", rotation_mode="anchor")
        lines = [*(_wrapped(name_of(str(row), found.wording, language), 34) for row in rows), edge]
        ax.set_yticks([*range(len(rows)), len(rows) + 0.1], lines)
        ax.xaxis.tick_top()
        ax.tick_params(length=0)
        ax.set_xlim(-0.5, len(across) + 0.6)
        ax.set_ylim(len(rows) + 0.6, -0.5)
        ax.spines[["left", "bottom"]].set_visible(False)
        _draw_notes(ax, found, language)
    return dress(ax)


def _draw_cell(ax: Axes, place: tuple[int, int], value: float, boxed: bool, darkest: float) -> None:
    """Darker is stronger; the sign is in the number, the hue repeats it."""
    x, y = place
    if np.isnan(value):
        ax.text(x, y, "·", ha="center", va="center", color=MUTED)
        return
    depth = min(abs(value) / darkest, 1.0)
    face = (WARN if value > 0 else ACCENT, depth)
    corner = (x - 0.47, y - 0.46)
    ax.add_patch(Rectangle(corner, 0.94, 0.92, facecolor=face, edgecolor="none", zorder=1))
    if boxed:
        ax.add_patch(Rectangle(corner, 0.94, 0.92, fill=False, edgecolor=INK, linewidth=1.6, zorder=2))
    colour = "white" if depth > _DARK else INK
    ax.text(x, y, signed(value, 2), ha="center", va="center", fontsize=8.5, color=colour, zorder=3)


def _draw_loading(ax: Axes, x: float, y: float, loading: float) -> None:
    ax.text(x, y, signed(loading, 2), ha="center", va="center", fontsize=8, color=MUTED)


def _draw_notes(ax: Axes, found: SignatureMap, language: str) -> None:
    first = found.roots.iloc[0]
    told = {name: f"{first[of]:.2f}" for name, of in (("rho", "estimate"), ("chance", "by_chance"))}
    notes = [
        say("signature.map_note", language, q=f"{100 * found.q:g}"),
        say("signature.map_canonical", language, p=p_text(float(first["p_value"])), **told),
    ]
    ax.text(0, -0.02, "\n".join(notes), transform=ax.transAxes, va="top", fontsize=8.5, color=MUTED, linespacing=1.4)
