"""In which quadrant of importance and performance a point lies, and how sure that is.

The lines between the quadrants are targets where they are given, else the medians of the points of one kind. In every draw the
points are set against the medians of that draw, so that the shares of the draws know of the errors of both axes, of their
covariance, and of the lines. A point whose quadrant too few draws confirm is undecided.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csi.errors import EstimationError, known_names
from csi.kernel.resample import percentile_interval, standard_error
from csi.structural.cases import Array

WEAK_AND_IMPORTANT = "weak and important"
UNDECIDED = "undecided"
QUADRANTS = (WEAK_AND_IMPORTANT, "strong and important", "weak, less important", "strong, less important")
PLACED = (
    "performance", "performance_low", "performance_high", "quadrant", "probability", "finding", "position", "importance_line",
    "performance_line", "performance_error", "covariance", "best", "best_of",
)  # fmt: skip
Line = float | Mapping[str, float] | None


@dataclass(frozen=True, slots=True)
class Standards:
    """What importance and performance are measured against: one line, lines by kind or term, or the median of the kind.

    `certainty` is the share of the draws that must agree on a quadrant.
    """

    importance: Line = None
    performance: Line = None
    certainty: float = 0.8

    def __post_init__(self) -> None:
        if not 0 <= self.certainty <= 1:
            raise EstimationError(f"certainty is a share of the draws, 0 to 1, not {self.certainty:g}.")


def placed(table: pd.DataFrame, standards: Standards, draws: Array | None = None, level: float = 0.95) -> pd.DataFrame:
    """The table with lines, quadrants and, from draws (2, B, rows) of importance and performance, errors and probabilities.

    It has one row a point: term, kind, estimate (importance), performance, finding (a reason to give it no quadrant, or "").

    Raises
    ------
    EstimationError
        A line for something that is no point, or that is no number.
    """
    sound = (table["finding"] == "").to_numpy()
    asked = np.stack([_asked(table, standards.importance), _asked(table, standards.performance)])
    points = table[["estimate", "performance"]].to_numpy(float).T[:, None]
    lines = _lines(points, asked, table["kind"].to_numpy(), sound)
    place = _places(points, lines)[0]
    position = np.where(sound, np.array(QUADRANTS)[place], "")
    table = table.assign(
        importance_line=lines[0, 0], performance_line=lines[1, 0], position=position, quadrant=position
    )
    if draws is None:
        return table
    places = _places(draws, _lines(draws, asked, table["kind"].to_numpy(), sound))
    doubtful = sound & ((places == place).mean(axis=0) < standards.certainty)
    (low, bottom), (high, top) = percentile_interval(draws.swapaxes(0, 1), level)
    error, performance_error = standard_error(draws.swapaxes(0, 1))
    away = draws - draws.mean(axis=1, keepdims=True)
    return table.assign(
        std_error=error,
        ci_low=low,
        ci_high=high,
        performance_error=performance_error,
        performance_low=bottom,
        performance_high=top,
        covariance=(away[0] * away[1]).sum(axis=0) / max(draws.shape[1] - 1, 1),
        probability=np.where(sound, (places == 0).mean(axis=0), np.nan),
        quadrant=np.where(doubtful, UNDECIDED, position),
    )


def marked(table: pd.DataFrame, best: Mapping[str, float]) -> pd.DataFrame:
    """The table with the best level in class of the terms named, in points.

    Raises
    ------
    EstimationError
        A term that is no point, or a level outside 0-100.
    """
    _require_known(table["term"], best, "a best level in class")
    for term, value in best.items():
        if not 0 <= value <= 100:
            raise EstimationError(f"the best level of {term!r} is {value:g}; levels are points, 0 to 100.")
    return table.assign(best=table["term"].map(dict(best)).astype(float))


def _asked(table: pd.DataFrame, line: Line) -> Array:
    """(rows,) the line given for each term, else for its kind; NaN where none is."""
    if not isinstance(line, Mapping):
        lines = np.full(len(table), np.nan if line is None else float(line))
    else:
        _require_known([*table["kind"], *table["term"]], line, "a line")
        given = dict(line)
        lines = table["term"].map(given).astype(float).fillna(table["kind"].map(given).astype(float)).to_numpy()
    if line is not None and not isinstance(line, Mapping) and not np.isfinite(lines).all():
        raise EstimationError(f"a line must be a number, not {line}.")
    return lines


def _require_known(known: "pd.Series[str] | list[str]", asked: Mapping[str, float], what: str) -> None:
    names = list(dict.fromkeys(known))
    for name in asked:
        if name not in names:
            raise EstimationError(f"{what} is given for {name!r}. {known_names(name, names, 'The map has')}")


def _lines(points: Array, asked: Array, kinds: "NDArray[np.object_]", sound: NDArray[np.bool_]) -> Array:
    """(2, B, rows) lines asked for, else the median of the sound points of the kind in each replicate."""
    lines = np.broadcast_to(asked[:, None], points.shape).copy()
    for kind in dict.fromkeys(kinds):
        here = kinds == kind
        if (here & sound).any():
            middle = np.median(points[:, :, here & sound], axis=2, keepdims=True)
            lines[:, :, here] = np.where(np.isnan(lines[:, :, here]), middle, lines[:, :, here])
    return lines


def _places(points: Array, lines: Array) -> NDArray[np.intp]:
    """(B, rows) position among `QUADRANTS`; a point on a line is important, and strong."""
    return np.asarray(2 * (points[0] < lines[0]) + (points[1] >= lines[1]), dtype=np.intp)
