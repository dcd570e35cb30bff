"""The key below a chart: what the marks mean, and what the reader should know, at one distance whatever the chart's height."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation

from csi.errors import ReportError
from csi.report.theme import MUTED

_BELOW = 0.55  # inches, under the label of the axis


def draw_key(ax: Axes, marks: Sequence[Line2D], notes: Sequence[str], columns: int = 2) -> None:
    """Draw the notes, one a line, and under them the marks with their labels."""
    figure = ax.get_figure(root=True)
    if figure is None:
        raise ReportError("the chart was taken out of its figure; there is nothing to draw on.")
    under = ax.transAxes + ScaledTranslation(0, -_BELOW, figure.dpi_scale_trans)
    legend = ax.legend(
        handles=list(marks), title="\n".join(notes), loc="upper left", bbox_to_anchor=(0, 0), bbox_transform=under, ncols=columns,
        frameon=False, fontsize=8.5, title_fontsize=8.5, alignment="left", borderaxespad=0, borderpad=0,
    )  # fmt: skip
    legend.get_title().set(color=MUTED, linespacing=1.35)
