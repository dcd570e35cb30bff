"""What changes would do to the constructs, and which improvements reach a target."""

from collections.abc import Mapping
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from csi.display import brief
from csi.drivers.reach import Plan
from csi.drivers.scenario import Scenario
from csi.report.labels import Labels
from csi.report.theme import ACCENT, GRID, INK, MUTED, axes, dress, look
from csi.survey.codebook import Codebook
from csi.words import say


def plot_scenario(
    scenario: Scenario, ax: Axes | None = None, language: str = "en", *, codebook: Codebook | None = None
) -> Axes:
    """Every construct today (hollow circle) and after the changes (filled square), each with its interval if there is one."""
    labels = Labels(language, codebook).knowing(scenario.rows.attrs)
    rows = scenario.rows
    y = np.arange(len(rows), dtype=float)
    with look():
        ax = axes(ax, 7.6, max(2.6, 0.5 * len(rows) + 1.4))
        _draw_levels(
            ax, rows, "before", y - 0.13, {"color": MUTED, "fmt": "o", "mfc": "white"}, say("scenario.before", language)
        )
        moved = rows["estimate"].to_numpy() != 0
        _draw_levels(
            ax, rows[moved], "after", y[moved] + 0.13, {"color": ACCENT, "fmt": "s"}, say("scenario.after", language)
        )
        for place, row in zip(y, rows.to_dict("records"), strict=True):
            ax.annotate(
                _change(row), (1.01, place), xycoords=("axes fraction", "data"), va="center", fontsize=9,
                color=INK if row["estimate"] else MUTED, annotation_clip=False,
            )  # fmt: skip
        ax.text(
            1.01, 1.005, say("scenario.change", language), transform=ax.transAxes, va="bottom", fontsize=9, color=MUTED
        )
        _name_rows(ax, y, [labels.construct(term) for term in rows["term"]])
        ax.set_xlabel(say("scenario.points", language))
        ax.set_title(_asked(scenario, labels), loc="left", fontsize=10, color=INK, pad=20)
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, frameon=False, borderaxespad=0, fontsize=9)
        ax.margins(x=0.06)
        ax.set_ylim(len(rows) - 0.5, -0.5)
        ax.xaxis.grid(True, color=GRID)
    return dress(ax)


def plot_plan(plan: Plan, ax: Axes | None = None, language: str = "en", *, codebook: Codebook | None = None) -> Axes:
    """How far each indicator rises (filled) of what it could (outlined), with means and cost; alternatives stand below."""
    labels = Labels(language, codebook).knowing(plan.rows.attrs)
    rows = plan.rows
    # A line for the heading of every plan, and one for each of its indicators.
    y = np.arange(len(rows)) + rows["plan"].to_numpy(float)
    with look():
        ax = axes(ax, 7.6, max(2.4, 0.42 * (y[-1] + 1) + 1.2))
        ax.barh(y, rows["bound"] - rows["before"], 0.62, color="none", edgecolor=MUTED, linewidth=0.8, linestyle=":",
                label=say("scenario.possible", language))  # fmt: skip
        best = (rows["plan"] == 1).to_numpy()
        for chosen, colour, name in ((best, ACCENT, "scenario.best"), (~best, "#9bb8d3", "scenario.alternative")):
            if chosen.any():
                ax.barh(
                    y[chosen],
                    rows["estimate"][chosen],
                    0.62,
                    color=colour,
                    edgecolor=INK,
                    linewidth=0.5,
                    label=say(name, language),
                )
        for place, row in zip(y, rows.to_dict("records"), strict=True):
            ax.annotate(
                _step(row, language),
                (1.01, place), xycoords=("axes fraction", "data"), va="center", fontsize=9, annotation_clip=False,
            )  # fmt: skip
        _head_plans(ax, plan, y, language)
        _name_rows(ax, y, [labels.item(term) for term in rows["term"]])
        ax.set_ylim(y[-1] + 0.6, -0.5)
        ax.set_xlabel(say("scenario.rise", language))
        ax.set_title(
            fill(_promise(plan, labels, language), 76 if language == "en" else 40),
            loc="left",
            fontsize=10,
            color=INK,
            pad=20,
        )
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, frameon=False, borderaxespad=0, fontsize=9)
        ax.xaxis.grid(True, color=GRID)
        ax.set_axisbelow(True)
    return dress(ax)


def _draw_levels(
    ax: Axes, rows: pd.DataFrame, what: str, y: NDArray[np.float64], style: Mapping[str, Any], label: str
) -> None:
    level, low, high = (rows[column].to_numpy(float) for column in (what, f"{what}_low", f"{what}_high"))
    reach = np.nan_to_num(np.maximum([level - low, high - level], 0))
    ax.errorbar(level, y, xerr=reach, capsize=3, markersize=7, linestyle="none", label=label, zorder=3, **style)


def _name_rows(ax: Axes, y: NDArray[np.float64], names: list[str]) -> None:
    ax.set_yticks(y, [fill(name, 28 if name.isascii() else 15) for name in names])
    ax.tick_params(length=0)


def _change(row: Mapping[Any, Any]) -> str:
    if not row["estimate"]:
        return "0"
    interval = "" if np.isnan(row["ci_low"]) else f" [{row['ci_low']:+.1f}, {row['ci_high']:+.1f}]"
    return f"{row['estimate']:+.1f}{interval}"


def _step(row: Mapping[Any, Any], language: str) -> str:
    numbers = {"before": f"{row['before']:.2f}", "after": f"{row['after']:.2f}", "cost": brief(row["cost"])}
    return say("scenario.step", language, **numbers)


def _asked(scenario: Scenario, labels: Labels) -> str:
    changes = scenario.changes.to_dict("records")
    parts = [
        f"{labels.item(row['item'])} {row['change']:+.2f}"
        + (say("scenario.cut", labels.language, asked=f"{row['asked']:+.2f}") if row["note"] else "")
        for row in changes
    ]
    text = ("; " if labels.language == "en" else "；").join(parts)
    if scenario.segment is not None:
        name, level = scenario.segment
        whom = f"{labels.segment(name)}: {labels.level(name, level)}" if labels.codebook else f"{name}: {level}"
        text = f"{whom} – {text}"
    return fill(text, 76 if labels.language == "en" else 40)


def _promise(plan: Plan, labels: Labels, language: str) -> str:
    rise = f"{plan.plans['attained'].iloc[0]:.2f}"
    fields = {"construct": labels.construct(plan.construct), "rise": rise, "level": f"{plan.level:.1f}"}
    sure = "" if plan.confidence is None else say("scenario.sure", language, confidence=f"{100 * plan.confidence:g}")
    if plan.reached:
        return say("scenario.promise", language, **fields) + sure
    return say("scenario.most", language, target=f"{plan.target:g}", **fields) + sure


def _head_plans(ax: Axes, plan: Plan, y: NDArray[np.float64], language: str) -> None:
    for row in plan.plans.to_dict("records"):
        first = y[(plan.rows["plan"] == row["plan"]).to_numpy()][0]
        text = say("scenario.plan", language, number=row["plan"], cost=brief(row["total_cost"]))
        ax.annotate(
            text, (0.005, first - 0.85), xycoords=("axes fraction", "data"), va="center", fontsize=9, color=MUTED
        )
