"""Importance-satisfaction grid: what customers say matters, against how satisfied they are with it (Martilla & James 1977).

Every attribute is asked twice. Stated importance knows no model and no outcome: customers call almost everything important, so
the lines between the quadrants are medians of the attributes unless targets are given.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from csi.display import tidy
from csi.drivers.priority_map import PriorityMap
from csi.drivers.quadrants import PLACED, Line, Standards, marked, placed
from csi.errors import EstimationError
from csi.kernel import importance
from csi.kernel.moments import domain_means
from csi.structural.answers import answers_of
from csi.structural.cases import Array, Ends
from csi.survey.design import Design
from csi.survey.survey import Survey


def importance_satisfaction(  # noqa: PLR0913 - a frame says nothing of itself: scale, weights and design are told
    data: Survey | Any,  # noqa: ANN401 - any frame that narwhals reads
    pairs: Mapping[str, tuple[str, str]],
    *,
    scale: Ends | None = None,
    importance_line: Line = None,
    performance_line: Line = None,
    best: Mapping[str, float] | None = None,
    certainty: float = 0.8,
    weight: str | None = None,
    design: Design | None = None,
    draws: int = 1000,
    seed: int = 1,
    level: float = 0.95,
) -> PriorityMap:
    """Mean stated importance and mean satisfaction of attributes in points, with the quadrant of each (Martilla & James 1977).

    A respondent counts for an attribute if both questions are answered.

    Parameters
    ----------
    data
        A survey, whose codebook knows the scales, or a frame.
    pairs
        Attribute -> the columns of its importance and of the satisfaction with it.
    scale
        Of a plain frame: the ends of the scale of all answers.
    importance_line, performance_line, best, certainty
        As in `csi.importance_performance`, on the same map; lines and marks are points, 0-100.
    weight, design
        Of a plain frame: column of case weights, strata and clusters.
    draws, seed, level
        Number of replicates, their seed, coverage of the intervals.

    Raises
    ------
    EstimationError
        No pairs, an unknown column, an answer outside the scale, nobody who answered both questions.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"i1": [7, 6, 7], "s1": [3, 4, 2], "i2": [4, 5, 4], "s2": [6, 6, 7]})
    >>> grid = importance_satisfaction(frame, {"queue": ("i1", "s1"), "look": ("i2", "s2")}, scale=(1, 7), draws=100)
    >>> grid.table()[["term", "performance", "quadrant"]].round(1).to_numpy().tolist()
    [['queue', 33.3, 'weak and important'], ['look', 88.9, 'strong, less important']]
    """
    if not pairs:
        raise EstimationError("name the questions: pairs={'attribute': ('importance', 'satisfaction')}.")
    standards = Standards(importance_line, performance_line, certainty)
    names = [column for pair in pairs.values() for column in pair]
    answers = answers_of(data, names, weight=weight, design=design)
    X = importance.points(answers.X, *answers.ends(scale))
    both = np.asarray(~np.isnan(X[:, ::2] + X[:, 1::2]))
    for name, counted in zip(pairs, both.T, strict=True):
        if not counted.any():
            raise EstimationError(f"nobody answered both questions of {name!r}; leave the attribute out.")
    X[np.repeat(~both, 2, axis=1)] = np.nan
    point = _means(X, answers.weights[None])[:, 0]
    drawn = np.concatenate([_means(X, W) for W in answers.resamples(draws, seed, level)], axis=1)
    rows = [
        {"term": name, "estimate": point[0, k], "n": int(both[:, k].sum()), "kind": "attribute", "construct": "",
         "performance": point[1, k], "finding": ""}
        for k, name in enumerate(pairs)
    ]  # fmt: skip
    whole = np.isfinite(drawn).all(axis=(0, 2))
    table = placed(tidy(rows, ("kind", "construct", *PLACED)), standards, drawn[:, whole], level)
    table.attrs = {"digits": 1, "level": level, "interval": "percentile"}
    return PriorityMap("", table if best is None else marked(table, best), certainty)


def _means(X: Array, W: Array) -> Array:
    """(2, B, attributes) mean importance and mean satisfaction."""
    means = domain_means(X, W, np.ones((1, len(X)), dtype=bool))[:, 0]
    return np.stack([means[:, ::2], means[:, 1::2]])
