"""How far a risk may be trusted: promised against observed shares, and what a list of the riskiest finds."""

from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from csi.behaviour.accuracy import calibration_bins, gain_curve
from csi.behaviour.risk import RiskModel
from csi.report.theme import ACCENT, GRID, INK, MUTED, WARN, axes, dress, look
from csi.words import say


def plot_calibration(risk: RiskModel, ax: Axes | None = None, language: str = "en") -> Axes:
    """Ten groups of equal count by promised risk, what was observed in each with its interval, and the line of kept promises."""
    y, p, w = risk.judged_columns()
    bins = calibration_bins(y, p, w=w)
    top = 1.05 * max(bins["ci_high"].max(), bins["promised"].max())
    with look():
        ax = axes(ax, 5.6, 4.6)
        ax.plot([0, top], [0, top], "--", color=MUTED, linewidth=1, label=say("risk.perfect", language))
        ax.vlines(bins["promised"], bins["ci_low"], bins["ci_high"], color=ACCENT, linewidth=1.2)
        label = say("risk.tenths", language)
        ax.plot(bins["promised"], bins["observed"], "o", color=ACCENT, markersize=5, label=label)
        _percent(ax, (0, top), (0, top))
        ax.set_xlabel(say("risk.promised", language))
        ax.set_ylabel(say("risk.observed", language))
        error = f"{100 * risk.accuracy.calibration_error:.1f}"
        _title(ax, risk, say("risk.calibration", language, error=error), language)
        ax.legend(loc="lower right", frameon=False, fontsize=8.5)
    return dress(ax)


def plot_gain(risk: RiskModel, ax: Axes | None = None, language: str = "en", *, capacity: int | None = None) -> Axes:
    """Share of the dissatisfied found among the riskiest customers, and what `capacity` customers of the base would hold."""
    part, found = gain_curve(*risk.judged_columns())
    title = ""
    with look():
        ax = axes(ax, 5.6, 4.6)
        ax.plot([0, 1], [0, 1], "--", color=MUTED, linewidth=1, label=say("risk.random", language))
        label = say("risk.model", language, auc=f"{risk.accuracy.auc:.2f}")
        ax.plot(part, found, color=ACCENT, linewidth=1.8, label=label)
        if capacity is not None:
            at = risk.at_capacity(capacity)
            ax.plot([at["part"]] * 2, [0, at["gain"]], color=INK, linewidth=0.9, linestyle=":")
            ax.plot(at["part"], at["gain"], "s", color=INK, markersize=6)
            numbers = {
                "part": f"{100 * at['part']:.3g}",
                "gain": f"{100 * at['gain']:.0f}",
                "lift": f"{at['lift']:.1f}",
            }
            title = say("risk.capacity", language, **numbers)
        _title(ax, risk, title, language)
        _percent(ax, (0, 1), (0, 1.02))
        ax.set_xlabel(say("risk.part", language))
        ax.set_ylabel(say("risk.gain", language))
        ax.legend(loc="lower right", frameon=False, fontsize=8.5)
    return dress(ax)


def _percent(ax: Axes, across: tuple[float, float], up: tuple[float, float]) -> None:
    ax.set(xlim=across, ylim=up)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=""))
        axis.grid(True, color=GRID, zorder=0)
    ax.set_axisbelow(True)


def _title(ax: Axes, risk: RiskModel, text: str, language: str) -> None:
    """What the chart shows; of a model that is no better than chance, that and nothing else."""
    chance = risk.no_better_than_chance
    colour = WARN if chance else INK
    ax.set_title(say("risk.chance", language) if chance else text, loc="left", fontsize=9.5, color=colour)
