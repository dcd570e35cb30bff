"""Who counts as dissatisfied: one number a respondent, 1 or 0, NaN where the answer does not say."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import ConfigDict, model_validator
from pydantic.dataclasses import dataclass

from csi.errors import LinkError
from csi.survey.survey import Survey

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class DissatisfactionRule:
    """The study file's section on who counts as dissatisfied: `below` so many points, or `item` answered `at_most`.

    >>> DissatisfactionRule(below=60).below
    60.0
    """

    below: float | None = None
    item: str | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _is_one_rule(self) -> "DissatisfactionRule":
        if self.below is not None and not 0 < self.below <= 100:
            raise ValueError(f"below = {self.below:g}: it is a cut in points, above 0 and at most 100")
        by_item = self.item is not None and self.at_most is not None
        if (self.below is None) is not by_item or (self.item is None) is not (self.at_most is None):
            raise ValueError(
                "write either below (points from 0 to 100), or item and at_most (an answer to one question)"
            )
        return self

    def apply(self, survey: Survey, points: "Sequence[float] | Array | pd.Series[float]") -> Array:
        """(n,) 1 dissatisfied, 0 not, NaN unknown; `points` are the respondents' 0-100 scores."""
        if self.item is not None and self.at_most is not None:
            return dissatisfied_at_most(survey, self.item, self.at_most)
        return dissatisfied_below(points, self.below if self.below is not None else np.nan)


def dissatisfied_below(points: "Sequence[float] | Array | pd.Series[float]", cut: float) -> Array:
    """(n,) whether a 0-100 score lies below `cut`; NaN where there is no score.

    >>> dissatisfied_below([20.0, 60.0, np.nan], 60).tolist()
    [1.0, 0.0, nan]
    """
    x = np.asarray(points, dtype=float)
    if not 0 < cut <= 100:
        raise LinkError(f"the cut is in points from 0 to 100, and {cut:g} is not above 0 and at most 100.")
    return np.where(np.isnan(x), np.nan, (x < cut).astype(float))


def dissatisfied_at_most(survey: Survey, item: str, at_most: float) -> Array:
    """(n,) whether the answer to an item, on the item's own scale, is `at_most` or lower; NaN at a gap.

    Raises SurveyError for an item that the codebook does not have, LinkError for a value outside its scale.
    """
    scale = survey.codebook.item(item).scale
    if not scale.low <= at_most < scale.high:
        raise LinkError(
            f"item {item!r} is answered from {scale.low:g} to {scale.high:g}: at_most = {at_most:g} divides nobody. Name a "
            "value of the scale below its high end."
        )
    x = survey.answers[item].to_numpy(float)
    return np.where(np.isnan(x), np.nan, (x <= at_most).astype(float))
