"""Numbers in a scatter chart that do not cover one another, and the key that says what they stand for."""

from collections.abc import Sequence
from textwrap import wrap

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from csi.report.theme import INK, MUTED

Points = NDArray[np.float64]


def draw_badges(ax: Axes, points: Points, styles: Sequence[tuple[str, str, bool]]) -> None:
    """Numbers 1, 2, ... at points (n, 2); each has a colour, a shape ("square", "circle") and is filled, or else dashed.

    Call it last: the room that each badge takes follows from the limits of the axes.
    """
    for number, (point, at, (colour, shape, filled)) in enumerate(
        zip(points, _spread(ax, points), styles, strict=True), start=1
    ):
        pad = 0.25 if shape == "square" else 0.2
        box = {
            "boxstyle": f"{shape},pad={pad}",
            "facecolor": colour if filled else "white",
            "edgecolor": "white" if filled else colour,
            "linewidth": 0.6 if filled else 1.0,
            "linestyle": "-" if filled else (0, (2, 1.2)),
        }
        ax.annotate(
            str(number), (point[0], point[1]), (at[0], at[1]), xycoords="data", textcoords="offset points", ha="center",
            va="center", fontsize=8, color="white" if filled else INK, zorder=5, bbox=box,
            arrowprops={"arrowstyle": "-", "color": MUTED, "linewidth": 0.6, "shrinkB": 0},
        )  # fmt: skip


def _spread(ax: Axes, points: Points, apart: float = 17.0) -> Points:
    """Offsets (points) that push number badges apart until none overlap; a badge alone stays on its point."""
    size = 0.6 * 72 * np.array(ax.get_figure(root=True).get_size_inches())  # type: ignore[union-attr]
    home = points * (size / np.array([np.ptp(ax.get_xlim()), np.ptp(ax.get_ylim())]))
    turn = np.arange(len(points))
    place = home + np.column_stack([np.cos(turn), np.sin(turn)]) * 1e-3
    for _ in range(400):
        gap = place[:, None, :] - place[None, :, :]
        distance = np.sqrt((gap**2).sum(-1)) + np.eye(len(points)) * 1e9
        push = np.clip(apart - distance, 0, None)[:, :, None] * gap / distance[:, :, None]
        if not push.any():
            break
        place = place + 0.5 * push.sum(axis=1)
    return np.asarray(place - home)


def draw_key(ax: Axes, names: Sequence[str], colours: Sequence[str]) -> None:
    """The numbers with what they stand for, beside the axes."""
    texts = ["\n     ".join(wrap(name, 42 if name.isascii() else 22)) for name in names]
    lines = np.array([text.count("\n") + 1 for text in texts])
    step = 1 / max(lines.sum(), 12)
    for number, (text, colour, first, count) in enumerate(
        zip(texts, colours, lines.cumsum() - lines, lines, strict=True), start=1
    ):
        middle = 1 - (first + count / 2) * step
        ax.annotate(
            f"{number}  {text}", (1.03, middle), xycoords="axes fraction", va="center", fontsize=8.5, color=colour
        )
