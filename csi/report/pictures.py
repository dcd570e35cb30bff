"""The charts of a page: SVG with its letters drawn, so that no font is needed to read it."""

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from matplotlib.axes import Axes

from csi.quarter import Quarter
from csi.report.charts.panorama import plot_panorama
from csi.report.charts.path_diagram import plot_path_diagram
from csi.report.charts.priority_map import plot_priority_map
from csi.report.charts.segments import plot_segments
from csi.report.charts.signature import plot_signature
from csi.report.charts.trend import plot_index_trend
from csi.report.charts.waterfall import plot_change_waterfall
from csi.report.charts.worth import plot_worth
from csi.report.labels import Labels
from csi.report.theme import axes, look
from csi.words import say

Size = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart drawn once for wide and once for narrow screens, and what it shows in words."""

    wide: str
    narrow: str
    text: str


def pictures(quarter: Quarter, labels: Labels) -> dict[str, Picture]:
    """Every chart of the report by section; the narrow ones are drawn for phones, not shrunk."""
    language, book, fit = labels.language, labels.codebook, quarter.fit
    found: dict[str, Picture] = {}

    def add(name: str, plot: Callable[..., Axes], wide: Size, narrow: Size, **narrow_options: object) -> None:
        small = plot(ax=axes(None, *narrow), **narrow_options)
        found[name] = Picture(svg_uri(plot(ax=axes(None, *wide))), svg_uri(small), say(f"report.{name}", language))

    if quarter.trend is not None:
        add("trend", partial(plot_index_trend, quarter.trend, language=language, codebook=book), (7.6, 3.2), (3.9, 3.0))
    if quarter.change is not None:
        parts = partial(plot_change_waterfall, quarter.change, language=language, codebook=book)
        count = len(quarter.change.parts.dropna(subset="std_error")) + 2
        add("change", parts, (7.6, 1.6 + 0.36 * count), (3.9, 1.9 + 0.42 * count))
    if quarter.signature is not None:
        profile = plot_signature(quarter.signature, language=language, table=quarter.study.behaviours)
        found["signature"] = Picture(svg_uri(profile), "", say("report.signature", language))
    if quarter.worth is not None:
        add("worth", partial(plot_worth, quarter.worth, language=language), (7.6, 3.8), (3.9, 3.9))
    tree = plot_panorama(quarter.panorama, language=language, codebook=book)
    found["indicators"] = Picture(svg_uri(tree), "", say("report.indicators", language))
    if quarter.segments:
        height = 0.8 + 0.26 * sum(len(index.rows) + 1 for index in quarter.segments)
        rows = partial(plot_segments, quarter.segments, language=language, codebook=book, whole=quarter.index.value)
        add("segments", rows, (7.6, height), (3.9, height))
    levels = dict(zip(fit.model.names, quarter.indicators.rows["estimate"], strict=False))  # constructs come first
    diagram = partial(plot_path_diagram, fit, language=language, boot=quarter.boot, levels=levels)
    count = len(fit.model.names)
    add("model", diagram, (1.35 * count, 4.4), (3.9, 0.95 * count), vertical=True)
    if quarter.priority is not None:
        points = partial(plot_priority_map, quarter.priority, language=language, codebook=book, key=False)
        add("priority", points, (5.6, 4.4), (3.9, 3.9))
    return found


def svg_uri(ax: Axes) -> str:
    """The figure of an Axes as an SVG data URI; the same chart gives the same bytes."""
    data = io.BytesIO()
    figure = ax.get_figure(root=True)
    if figure is None:
        raise ValueError("the axes belong to no figure")
    with look():  # it also fixes the names inside the SVG
        figure.savefig(
            data, format="svg", metadata={"Date": None, "Creator": None}, bbox_inches="tight", pad_inches=0.08
        )
    return "data:image/svg+xml;base64," + base64.b64encode(data.getvalue()).decode()
