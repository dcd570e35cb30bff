"""Weighted item means with the errors of the sampling design, without any resampling.

The error of a mean follows from its linearised values z_i = w_i d_i (y_i - mean)/sum(w d), summed within primary units, whose
variance between the units of a stratum is what sampling could have changed (Särndal, Swensson & Wretman 1992, 5.5; d tells who
belongs to the domain). The weights count as given: what raking has made certain is known to the bootstrap alone.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csi.display import Result, tidy
from csi.errors import SurveyError
from csi.survey.survey import Survey

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class WeightedMeans(Result):
    """Item means on the items' own scales, for everybody or each level of a segment, with linearised standard errors.

    `rows` has the tidy columns and: item, level. An error is NaN where a stratum has one primary unit only.
    """

    by: str | None
    rows: pd.DataFrame

    def headline(self) -> list[str]:
        """What the errors know."""
        over = f" by {self.by}" if self.by else ""
        return [f"Weighted means{over}, with the errors of the sampling design and the weights as given"]

    def table(self) -> pd.DataFrame:
        """A copy of `rows`."""
        return self.rows.copy()


def weighted_means(survey: Survey, *, by: str | None = None) -> WeightedMeans:
    """Mean of every item with its design-based standard error, for each level of a segment if asked.

    Examples
    --------
    >>> from csi.survey.codebook import Codebook
    >>> from csi.survey.reading import survey_from_frame
    >>> book = Codebook.from_dict({"items": [{"name": "q1", "scale": {"low": 1, "high": 5}}]})
    >>> row = weighted_means(survey_from_frame(pd.DataFrame({"q1": [1, 2, 3, 4]}), book)).rows.iloc[0]
    >>> print(row["estimate"], round(row["std_error"], 4))  # sd / sqrt(n)
    2.5 0.6455
    """
    stratum, unit = _units(survey)
    segment = None if by is None else survey.segment(by).astype(str)
    levels = [""] if segment is None else sorted(set(segment) - {""})
    rows = []
    for item in survey.answers.columns:
        y = survey.answers[item].to_numpy(float)
        for level in levels:
            inside = ~np.isnan(y) & (True if segment is None else (segment == level).to_numpy(bool))
            mean, error = mean_and_error(np.where(inside, y, 0.0), survey.weights * inside, stratum, unit)
            rows.append(
                {
                    "term": f"{item}: {level}" if level else item,
                    "estimate": mean,
                    "std_error": error,
                    "n": int(inside.sum()),
                    "item": item,
                    "level": level,
                }
            )
    return WeightedMeans(by, tidy(rows, ["item", "level"]))


def mean_and_error(y: Array, w: Array, stratum: NDArray[np.intp], unit: NDArray[np.intp]) -> tuple[float, float]:
    """Weighted mean of the cases of weight above 0 and its linearised error, primary units drawn with replacement."""
    total = w.sum()
    if not total > 0:
        return np.nan, np.nan
    mean = float(w @ y / total)
    sums = np.bincount(unit, w * (y - mean) / total)
    of_unit = np.zeros(len(sums), dtype=np.intp)
    of_unit[unit] = stratum
    variance = 0.0
    for h in np.unique(stratum):
        z = sums[of_unit == h]
        variance += len(z) * float(z.var(ddof=1)) if len(z) > 1 else np.nan
    return mean, float(np.sqrt(variance))


def _units(survey: Survey) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Stratum and primary unit of every respondent; a cluster of one name in two strata is two clusters."""
    columns = []
    for name in (survey.design.strata, survey.design.clusters):
        if name is None:
            columns.append(np.zeros(len(survey), dtype=np.intp))
            continue
        texts = survey.respondents[name]
        if texts.isna().any() or (texts.astype(str).str.strip() == "").any():
            raise SurveyError(
                f"{survey.source.path}: a respondent has no value in {name!r}, a column of the sampling design."
            )
        columns.append(pd.factorize(texts.astype(str))[0].astype(np.intp))
    stratum, cluster = columns
    if survey.design.clusters is None:
        return stratum, np.arange(len(survey))
    return stratum, np.unique(stratum * (cluster.max() + 1) + cluster, return_inverse=True)[1].astype(np.intp)
