"""Weight a survey so that its respondents stand for the population: raking to known margins."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from csi.errors import SurveyError
from csi.kernel.raking import rake as raked
from csi.survey.design import Design, margin_codes
from csi.survey.survey import Survey


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
    >>> import pandas as pd
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
