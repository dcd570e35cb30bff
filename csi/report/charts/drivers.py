"""Key drivers: a row a driver, a column a method, all on one ruler, with intervals."""

from textwrap import wrap

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.transforms import ScaledTranslation

from csi.drivers.importance import KeyDrivers
from csi.errors import ReportError
from csi.report.labels import Labels
from csi.report.theme import ACCENT, GRID, INK, MUTED, axes, dress, look
from csi.survey.codebook import Codebook
from csi.words import say

_SURE = 0.95
_PALE = "#a9c4e4"
_LINE, _NARROWEST = 13, 7.6  # points of a line of the note; inches that note and key need
_WIDEST = 0.68  # of a column, for the longest bar with its interval; the number needs the rest


def plot_key_drivers(
    found: KeyDrivers,
    ax: Axes | None = None,
    language: str = "en",
    *,
    codebook: Codebook | None = None,
    grouped: bool = False,
) -> Axes:
    """Each driver's share of every method's total, methods side by side; the most important by LMG on top.

    A dark bar is almost surely among the first; a hatched one with a minus sign goes with a lower outcome. With `grouped` the
    rows are the groups of drivers, and the methods those that share out explained variance.

    Raises
    ------
    ReportError
        `grouped`, and the drivers were not grouped.
    """
    rows = found.groups if grouped else found.rows
    if rows.empty:
        raise ReportError(
            "these drivers have no groups. Give them to csi.key_drivers: groups={'Staff': ['greets', 'helps']}."
        )
    labels = Labels(language, codebook).knowing(rows.attrs)
    order = list(rows[rows["method"] == "lmg"].sort_values("rank")["term"])
    methods = list(rows["method"].unique())
    unit = _WIDEST / rows["share_high"].max()
    with look():
        ax = axes(ax, max(_NARROWEST, 2.9 + 1.35 * len(methods)), 1.5 + 0.34 * len(order))
        for column, method in enumerate(methods):
            ax.axvline(column, color=MUTED, linewidth=0.8, zorder=1)
            for row in rows[rows["method"] == method].itertuples():
                _draw_bar(ax, column, order.index(str(row.term)), row, unit)
        for place in range(len(order)):
            ax.axhline(place + 0.5, color=GRID, linewidth=0.6, zorder=0)
        ax.set_yticks(range(len(order)), [_name(name, rows, labels) for name in order])
        ax.set_ylim(len(order) - 0.5, -0.5)
        ax.set_xlim(0, len(methods))
        heads = [say(f"drivers.{method}", language) for method in methods]
        ax.set_xticks([column + 0.02 for column in range(len(methods))], heads, ha="left")
        ax.xaxis.tick_top()
        ax.tick_params(length=0)
        ax.spines["left"].set_visible(False)
        ax.spines["bottom"].set_visible(False)
        level = f"{100 * rows.attrs['level']:g}"
        ax.set_title(_title(found, labels, level), loc="left", fontsize=10, pad=10)
        note = _note(found, rows, language, level)
        ax.set_xlabel("\n".join(note), fontsize=8, color=MUTED, loc="left")
        _draw_key(ax, found, rows, language, below=_LINE * len(note))
    return dress(ax)


def _draw_bar(ax: Axes, column: int, place: int, row: object, unit: float) -> None:
    share, low, high, estimate, sure = (
        float(getattr(row, name)) for name in ("share", "share_low", "share_high", "estimate", "top_probability")
    )
    ax.barh(
        place, unit * share, 0.56, left=column, facecolor=ACCENT if sure >= _SURE else _PALE, edgecolor="white",
        hatch="////" if estimate < 0 else None, linewidth=0, zorder=2,
    )  # fmt: skip
    ax.plot([column + unit * low, column + unit * high], [place, place], color=INK, linewidth=1.3, zorder=3)
    number = f"{'−' if estimate < 0 else ''}{100 * share:.{0 if share >= 0.01 else 1}f}"
    ax.annotate(
        number, (column + unit * high, place), (4, 0), textcoords="offset points", va="center", fontsize=8.5, color=INK
    )


def _name(name: str, rows: pd.DataFrame, labels: Labels) -> str:
    shown = labels.term(name)
    short = "\n".join(wrap(shown, 34 if shown.isascii() else 16))
    return f"{short} ±" if rows.loc[rows["term"] == name, "sign_conflict"].eq(True).any() else short


def _title(found: KeyDrivers, labels: Labels, level: str) -> str:
    whole = found.r_squared.iloc[0]
    numbers = {name: f"{whole[column]:.2f}" for name, column in
               (("r2", "estimate"), ("low", "ci_low"), ("high", "ci_high"))}  # fmt: skip
    return say("drivers.title", labels.language, outcome=labels.term(found.outcome), level=level, **numbers)


def _note(found: KeyDrivers, rows: pd.DataFrame, language: str, level: str) -> list[str]:
    lines = [say("drivers.axis", language, level=level)]
    if rows["sign_conflict"].eq(True).any():
        lines.append(say("drivers.conflict", language))
    lines.append(say("drivers.agreement", language, w=f"{found.concordance:.2f}"))
    return lines


def _draw_key(ax: Axes, found: KeyDrivers, rows: pd.DataFrame, language: str, *, below: float) -> None:
    keys = [
        Patch(facecolor=ACCENT, label=say("drivers.first", language, top=found.top, sure=f"{100 * _SURE:g}")),
        Patch(facecolor=_PALE, label=say("drivers.unsure", language)),
    ]
    if (rows["estimate"] < 0).any():
        keys.append(Patch(facecolor=_PALE, hatch="////", edgecolor="white", label=say("drivers.negative", language)))
    figure = ax.get_figure(root=True)
    place = ax.transAxes + ScaledTranslation(0, -below / 72, figure.dpi_scale_trans)  # type: ignore[union-attr]
    ax.legend(
        handles=keys, loc="upper left", bbox_to_anchor=(0, 0), bbox_transform=place, ncols=len(keys), fontsize=8,
        frameon=False, borderpad=0, borderaxespad=0, columnspacing=1.2,
    )  # fmt: skip
