"""One look for every chart: the shipped Chinese font, colours that survive greyscale, quiet axes."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from csi.errors import CsiWarning, ReportError

INK, MUTED, GRID = "#1f2933", "#616e7c", "#e4e7eb"
ACCENT, WARN, GOOD = "#0b5cab", "#b42318", "#1e7b4f"

# Fonts of the reader's machine for characters that the shipped subset lacks: rare names, traditional Chinese.
_SYSTEM = ("Noto Sans CJK SC", "Source Han Sans SC", "Microsoft YaHei", "PingFang SC", "SimHei", "WenQuanYi Zen Hei")

_DPI = 200  # of pictures in a notebook, which are shown at half their size

_STYLE = {
    "font.size": 10,
    "axes.unicode_minus": False,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "figure.facecolor": "white",
    "text.parse_math": False,  # a $ in a label is money
    "svg.fonttype": "path",
    "svg.hashsalt": "csi",
}


class Chart(Axes):
    """Axes on a figure of their own; a notebook shows the figure."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        """The picture, and the width at which it is shown: half of its pixels, so that it is sharp on any screen."""
        figure = self.get_figure(root=True)
        if figure is None:
            raise ReportError("the chart was taken out of its figure; there is nothing to show.")
        data = io.BytesIO()
        with look():
            figure.savefig(data, format="png", dpi=_DPI, bbox_inches="tight", metadata={"Software": None})
        picture = data.getvalue()
        across = int.from_bytes(picture[16:20], "big")  # as a PNG's header has it
        return picture, {"width": across // 2}

    def __repr__(self) -> str:
        return f"<{type(self).__name__}; a notebook shows it, .figure.savefig(path) writes it>"


@cache
def font_path() -> Path:
    """The shipped font, a subset of Noto Sans SC (SIL Open Font License)."""
    with as_file(files("csi.report") / "fonts" / "NotoSansSC.ttf") as path:
        return path


@cache
def _family() -> list[str]:
    font_manager.fontManager.addfont(str(font_path()))
    name = font_manager.FontProperties(fname=str(font_path())).get_name()
    installed = set(font_manager.get_font_names())
    return [name, *(font for font in _SYSTEM if font in installed), "DejaVu Sans"]


def _warn_of_boxes(text: str) -> None:
    """Say which characters no font at hand can draw; they would be empty boxes in the picture."""
    missing = set(text) - {"\n"}
    for family in _family():
        if missing:
            path = font_manager.findfont(family)
            missing -= {chr(code) for code in font_manager.get_font(path).get_charmap()}
    if missing:
        warnings.warn(
            f"no font at hand can draw {''.join(sorted(missing))!r}, which will be empty boxes in charts. Install a font that "
            "can (Noto Sans CJK SC has all Chinese characters), or write the label otherwise.",
            CsiWarning,
            stacklevel=4,
        )


@contextmanager
def look() -> Iterator[None]:
    """Draw inside this context to draw in the look of the reports."""
    style: Any = {**_STYLE, "font.family": _family()}
    with mpl.rc_context(style):
        yield


def axes(ax: Axes | None, width: float = 7.2, height: float = 4.0) -> Axes:
    """The axes given, or new ones on a figure of their own (inches); no window is opened."""
    if ax is not None:
        return ax
    with look():
        return Figure(figsize=(width, height), layout="constrained").add_subplot(axes_class=Chart)


def dress(ax: Axes) -> Axes:
    """Give every text of the axes the shipped font: axes made elsewhere come with a font that may lack Chinese."""
    ax.tick_params(labelfontfamily=_family()[0])
    shown = ""
    for text in ax.findobj(Text):
        if isinstance(text, Text):
            text.set_fontfamily(_family())
            text.set_parse_math(False)
            shown += text.get_text()
    _warn_of_boxes(shown)
    return ax
