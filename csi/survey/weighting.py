"""Weight a survey so that its respondents stand for the population, and say what the weights cost.

Raking meets the margins of several columns, post-stratification the cells of one table of columns; both are repeated in every
replicate of a bootstrap. Trimming limits the weights of the design before either.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csi.display import CROSSED, Result, tidy
from csi.errors import SurveyError, known_names
from csi.kernel.raking import design_effect, trim
from csi.kernel.raking import rake as raked
from csi.survey.design import Design, margin_codes
from csi.survey.survey import Survey

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class WeightSummary(Result):
    """What the weights of a survey do to its margins, and what they cost.

    Attributes
    ----------
    n, n_effective, design_effect
        Respondents; how many they count like once weighted; n / n_effective, the factor by which unequal weights inflate a
        variance (Kish 1965).
    smallest, largest
        The extreme weights as multiples of the mean weight.
    rows
        One row for each level of each margin: the tidy columns (estimate is the weighted share) and margin, level, population,
        before (the share with the weights of the design alone), deviation (estimate minus population).
    """

    n: int
    n_effective: float
    design_effect: float
    smallest: float
    largest: float
    rows: pd.DataFrame

    def headline(self) -> list[str]:
        """Sizes, extremes, and whether the margins are met."""
        lines = [
            f"Weights of {self.n:,} respondents, who count like {self.n_effective:,.0f}: design effect {self.design_effect:.2f}",
            f"The smallest weight is {self.smallest:.2f} times the mean, the largest {self.largest:.2f} times",
        ]
        if not len(self.rows):
            return [*lines, "No margins of the population are known: the shares of the sample are taken as they are"]
        before = (self.rows["before"] - self.rows["population"]).abs().max()
        after = self.rows["deviation"].abs().max()
        return [*lines, f"Largest deviation from a margin: {before:.1%} before, {after:.1%} after"]

    def table(self) -> pd.DataFrame:
        """A copy of `rows`."""
        return self.rows.copy()


def rake(
    survey: Survey, margins: Mapping[str, Mapping[str, float]], *, bounds: tuple[float, float] | None = None
) -> Survey:
    """The same survey with weights whose margins are those of the population (Deming & Stephan 1940).

    Weights are scaled to a mean of 1. `bootstrap` rakes again in every replicate, so that intervals know how much the margins
    have made sure.

    Parameters
    ----------
    margins
        Column of the respondents (a segment of the codebook) -> level -> share or number in the population.
    bounds
        Smallest and largest adjustment as multiples of the mean one.

    Raises
    ------
    SurveyError
        A column is missing, respondents and margins name different levels, or no weights meet the margins.

    Examples
    --------
    >>> from csi.survey.codebook import Codebook
    >>> from csi.survey.reading import survey_from_frame
    >>> book = Codebook.from_dict({"items": [{"name": "q1", "scale": {"low": 1, "high": 5}}],
    ...                            "segments": [{"name": "sex", "column": "sex"}]})
    >>> frame = pd.DataFrame({"q1": [1, 5, 4, 3], "sex": ["f", "f", "f", "m"]})
    >>> rake(survey_from_frame(frame, book), {"sex": {"f": 0.5, "m": 0.5}}).weights.round(3).tolist()
    [0.667, 0.667, 0.667, 2.0]
    """
    design = Design(survey.design.strata, survey.design.clusters, margins, survey.design.single_psu, bounds)
    survey = survey.with_design(design)
    coded = [
        (margin_codes(survey.respondents[name], levels, name), np.array(list(levels.values())))
        for name, levels in design.margins.items()
    ]
    base = survey.base_weights
    result = raked(base[None, :] / base.mean(), coded, bounds=bounds)
    if not result.converged[0]:
        raise SurveyError(
            f"{survey.source.path}: no weights meet the margins {', '.join(map(repr, design.margins))}"
            f"{' within the bounds' if bounds else ''} together. Check that they describe one population, and join small levels."
        )
    respondents = survey.respondents.assign(base_weight=base, weight=result.weights[0])
    return replace(survey, respondents=respondents)


def post_stratify(
    survey: Survey,
    population: Mapping[tuple[str, ...], float],
    *,
    by: Sequence[str],
    bounds: tuple[float, float] | None = None,
) -> Survey:
    """The same survey with weights whose cells of the columns `by` are those of the population (Holt & Smith 1979).

    The respondents get a column "first x second" with their cell, which is a margin of the design from then on; replicates are
    post-stratified again.

    Parameters
    ----------
    population
        Levels of the columns `by`, one tuple a cell -> share or number in the population.
    by
        Columns of the respondents (segments of the codebook).
    bounds
        Smallest and largest adjustment as multiples of the mean one.

    Raises
    ------
    SurveyError
        A column is missing; a cell of the population has no respondent, or one of the respondents no share.

    Examples
    --------
    >>> from csi.survey.codebook import Codebook
    >>> from csi.survey.reading import survey_from_frame
    >>> book = Codebook.from_dict({"items": [{"name": "q1", "scale": {"low": 1, "high": 5}}],
    ...                            "segments": [{"name": n, "column": n} for n in ("sex", "area")]})
    >>> frame = pd.DataFrame({"q1": [1, 5, 4], "sex": ["f", "f", "m"], "area": ["city", "land", "land"]})
    >>> shares = {("f", "city"): 0.5, ("f", "land"): 0.25, ("m", "land"): 0.25}
    >>> post_stratify(survey_from_frame(frame, book), shares, by=["sex", "area"]).weights.round(2).tolist()
    [1.5, 0.75, 0.75]
    """
    for column in by:
        _require_column(survey, column)
    if not by:
        raise SurveyError("post-stratification needs columns, such as by=['region', 'age'].")
    for cell in population:
        if not isinstance(cell, tuple) or len(cell) != len(by):
            raise SurveyError(
                f"a cell of the population is a tuple of one level for each of {', '.join(map(repr, by))}, not {cell!r}."
            )
    name = CROSSED.join(by)
    cells = survey.respondents[by[0]].astype(str)
    for column in by[1:]:
        cells = cells + CROSSED + survey.respondents[column].astype(str)
    crossed = replace(survey, respondents=survey.respondents.assign(**{name: cells}))
    return rake(
        crossed, {name: {CROSSED.join(map(str, cell)): share for cell, share in population.items()}}, bounds=bounds
    )


def trim_weights(survey: Survey, limits: tuple[float, float] = (0.3, 3.0)) -> Survey:
    """The same survey, the weights of its design cut to `limits` times their mean; the others take what is cut (Potter 1990).

    Trimmed weights are no longer without bias, but vary less. Trim first and rake then: raking would undo the limits, and limits
    of the raked weights belong into `rake(bounds=...)`, which keeps the margins.

    Raises
    ------
    SurveyError
        The survey is raked already, or the limits do not enclose 1.
    """
    if "base_weight" in survey.respondents:
        raise SurveyError(
            f"{survey.source.path}: the weights are raked, and trimming would break their margins. Trim before raking, or rake "
            "with bounds=(0.3, 3)."
        )
    try:
        weights = trim(survey.weights[None], *limits)[0]
    except ValueError as error:
        raise SurveyError(str(error)) from error
    return replace(survey, respondents=survey.respondents.assign(weight=weights))


def weight_summary(survey: Survey) -> WeightSummary:
    """Design effect, effective number and extremes of the survey's weights, and how far they meet each margin."""
    weights, base = survey.weights, survey.base_weights
    effect = float(design_effect(weights[None])[0])
    relative = weights / weights.mean()
    table = tidy(_margin_rows(survey, weights, base), ["margin", "level", "population", "before", "deviation"])
    return WeightSummary(len(survey), len(survey) / effect, effect, float(relative.min()), float(relative.max()), table)


def _margin_rows(survey: Survey, weights: Array, base: Array) -> Iterable[dict[str, object]]:
    for name, levels in survey.design.margins.items():
        codes, total = margin_codes(survey.respondents[name], levels, name), sum(levels.values())
        counts, before, after = (np.bincount(codes, w, len(levels)) for w in (np.ones(len(codes)), base, weights))
        for k, (level, share) in enumerate(levels.items()):
            yield {
                "term": f"{name}: {level}",
                "estimate": after[k] / after.sum(),
                "n": int(counts[k]),
                "margin": name,
                "level": level,
                "population": share / total,
                "before": before[k] / before.sum(),
                "deviation": after[k] / after.sum() - share / total,
            }


def _require_column(survey: Survey, column: str) -> None:
    if column not in survey.respondents:
        known = known_names(column, [str(c) for c in survey.respondents.columns], "The columns of the respondents are")
        raise SurveyError(f"{survey.source.path}: there is no column {column!r} to weight by. {known}")
