"""What customers did later by fifths of the index, and what a point is worth."""

from textwrap import fill

import numpy as np
from matplotlib.axes import Axes

from csi.behaviour.worth import Worth
from csi.errors import ReportError, known_names
from csi.report.theme import ACCENT, GRID, INK, MUTED, axes, dress, look
from csi.words import say


def plot_worth(worth: Worth, ax: Axes | None = None, language: str = "en", *, outcome: str | None = None) -> Axes:
    """One outcome (churn, spend or complaints; the first measured if None) by fifths of the index, with intervals.

    Raises
    ------
    ReportError
        The outcome was not measured.
    """
    known = list(dict.fromkeys(worth.levels["outcome"]))
    outcome = known[0] if outcome is None else outcome
    if outcome not in known:
        raise ReportError(f"{outcome!r} was not measured. {known_names(outcome, known, 'Measured were')}")
    rows = worth.levels[worth.levels["outcome"] == outcome]
    scale = 100.0 if outcome == "churn" else 1.0
    y = scale * rows["estimate"].to_numpy()
    reach = np.abs(scale * rows[["ci_low", "ci_high"]].to_numpy().T - y)
    with look():
        ax = axes(ax, 7.0, 4.2)
        ax.errorbar(rows["index"], y, yerr=reach, fmt="o-", color=ACCENT, ecolor=INK, capsize=4, markersize=7)
        for x, value, top, n in zip(rows["index"], y, y + reach[1], rows["n"], strict=True):
            text = f"{value:.1f}\nn = {n:,}" if abs(value) >= 1 else f"{value:.2f}\nn = {n:,}"
            ax.annotate(text, (x, top), (0, 4), textcoords="offset points", fontsize=8, color=MUTED, ha="center")
        figure = ax.get_figure(root=True)
        wide = int((11 if language == "en" else 7) * (figure.get_size_inches()[0] if figure is not None else 7.0))
        ax.set_xlabel(fill(say("worth.index", language), wide - 10))
        ax.set_ylabel(say(f"worth.{outcome}", language))
        ax.set_title(fill(_price(worth, language), wide - 5), loc="left", fontsize=10)
        ax.margins(x=0.12, y=0.2)
        if outcome != "spend":
            ax.set_ylim(bottom=0)
        ax.yaxis.grid(True, color=GRID)
        ax.set_axisbelow(True)
        ax.annotate(
            fill(say("worth.caveat", language), wide), (0, 0), (0, -48), "axes fraction", "offset points", va="top",
            fontsize=8, color=MUTED,
        )  # fmt: skip
    return dress(ax)


def _price(worth: Worth, language: str) -> str:
    rows = worth.rows[worth.rows["term"] == "value_year"]
    if not len(rows):
        return say("worth.title", language)
    value = {name: f"{float(rows[name].iloc[0]):+,.2f}" for name in ("estimate", "ci_low", "ci_high")}
    return say("worth.price", language, **value)
