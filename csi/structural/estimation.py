"""Fit a structural model to one wave of answers: the point estimate is a batch of one."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pandas as pd

from csi.errors import CsiWarning, EstimationError, ModelError, known_names
from csi.kernel.buckets import BucketMoments
from csi.kernel.moments import Missing
from csi.kernel.pls import Scheme
from csi.model.model import Model
from csi.model.stages import Stage, stages_of
from csi.structural.cases import Cases, Ends, cases_of, no_cases
from csi.structural.estimability import require_estimable
from csi.structural.fitted_model import Fit, Origin
from csi.structural.stages import Correlation, Settings, base_moments, estimate_stages, layout_of, stage_cases
from csi.survey.design import Design
from csi.survey.survey import Survey

_MOST_CATEGORIES = 20

__all__ = ["Fit", "Settings", "fit", "layout_of", "score"]


def fit(  # noqa: PLR0913 - the face of the package: six choices, each by name
    model: Model,
    data: Survey | BucketMoments | Any,  # noqa: ANN401 - any frame that narwhals reads
    *,
    scheme: Scheme = "path",
    missing: Missing = "em",
    correlation: Correlation = "pearson",
    weight: str | None = None,
    frequency: str | None = None,
    design: Design | None = None,
    scale: Ends | Mapping[str, Ends] | None = None,
    tolerance: float = 1e-7,
    max_iterations: int = 300,
) -> Fit:
    """Estimate a structural model by partial least squares (Wold 1982; PLSc for factors, Dijkstra & Henseler 2015).

    Parameters
    ----------
    model
        Constructs and paths.
    data
        A `Survey`, a frame whose columns are the items (pandas, or any that narwhals reads), or what `moments_of` has summed.
    scheme
        Inner weighting: "path", "factorial" or "centroid".
    missing
        "em" (moments of the normal distribution under which the answers are most likely), "pairwise" (each correlation from those
        who answered both items), "listwise", "regression" (gaps at their conditional mean) or "mean". With complete answers all
        are the same; the last two take filled answers for observed and are there for comparison.
    correlation
        "pearson", or "polychoric" for answers of few categories: correlations of the normal variables that the answers are taken
        to cut into categories (Olsson 1979; in PLS, Schuberth, Henseler & Dijkstra 2018). Incomplete answers then need `missing`
        "pairwise" or "listwise".
    weight
        Name of a weight column; a survey weighted by its codebook needs none.
    frequency
        Name of a column that says how often each row of a frame occurred; not a survey weight.
    design
        Strata, clusters and population margins of a frame; a survey carries its own.
    scale
        Scale ends for a plain frame, (low, high) for all items or one pair per item.
    tolerance
        Largest change of an outer weight at which the iteration stops.

    Raises
    ------
    ModelError
        The model names an item that the data do not have.
    EstimationError
        A constant or empty item, an unusable weight, or fewer answers than the model needs.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> quality = rng.normal(size=500); satisfaction = 0.8 * quality + 0.6 * rng.normal(size=500)
    >>> frame = pd.DataFrame({"q1": quality, "q2": quality + 0.1 * rng.normal(size=500), "s1": satisfaction})
    >>> model = Model.parse("Quality <~ q1 + q2; Satisfaction <~ s1; Satisfaction ~ Quality")
    >>> print(fit(model, frame).paths.round(1).at["Quality", "Satisfaction"])
    0.8
    """
    settings = Settings(scheme, missing, tolerance, max_iterations, correlation)
    _check_choices(settings)
    if isinstance(data, BucketMoments):
        settings = replace(settings, missing="listwise")
        origin = _of_moments(model, data, scale, settings)
        _require_cases("", origin.stages, int(origin.moments.n[0]))
    else:
        cases = cases_of(model, data, weight, scale, design, frequency)
        _require_ordinal(cases, model, settings)
        _require_cases(cases.origin, stages_of(model), int(cases.answering(settings.missing).sum()), settings.missing)
        origin = Origin(model, stages_of(model), cases, base_moments(cases.answers, cases.weights[None, :], settings))
    _require_moments(origin, settings)
    result: Fit | None = None
    cases, base = origin.cases, origin.moments
    for staged in estimate_stages(origin.stages, cases, base, settings):
        seen = cases if staged.maps is None else stage_cases(staged, cases, origin.filled(settings.missing))
        result = Fit(staged.batch.model, seen, settings, staged.batch, origin, result, staged.maps)
    if result is None:  # a model has constructs, and so a stage
        raise EstimationError("the model has no stage to estimate.")
    require_estimable(result)
    _warn_if_misleading(result)
    return result


def score(fit: Fit, survey: Survey) -> pd.DataFrame:
    """Construct scores in points (0-100) for new respondents, by the weights of an earlier fit.

    Returns one row a respondent, with `key` where the survey has one, and one column a construct. Gaps are filled from the
    respondent's other answers as the fit treats them.
    """
    if fit.lower is not None:
        raise EstimationError(
            "new respondents cannot be scored by a model of several stages yet; use fit.index_scores."
        )
    cases = cases_of(fit.model, survey)
    points = fit.points_of(cases.X)
    if "key" in survey.respondents:
        points.insert(0, "key", survey.respondents["key"].to_numpy())
    return points


def _check_choices(settings: Settings) -> None:
    for name, known in (("scheme", Scheme), ("missing", Missing), ("correlation", Correlation)):
        value = getattr(settings, name)
        if value not in get_args(known):
            raise EstimationError(f"{name} must be one of {', '.join(map(repr, get_args(known)))}, not {value!r}.")


def _of_moments(
    model: Model, data: BucketMoments, scale: Ends | Mapping[str, Ends] | None, settings: Settings
) -> Origin:
    """Where a fit of summed moments starts from."""
    if settings.correlation != "pearson":
        raise EstimationError(
            "polychoric correlations count answers, which sums do not hold. Fit the answers themselves."
        )
    if model.products:
        raise ModelError(
            f"the interaction {next(iter(model.products))!r} needs products of answers, which the moments do not hold. Fit the "
            "answers themselves, or a sample of them."
        )
    cases = no_cases(model, scale)
    for item in cases.items:
        if item not in data.items:
            raise ModelError(
                f"the model names item {item!r}, which was not summed. {known_names(item, data.items, 'Summed were')}"
            )
    base = data.moments().of_items(np.array([data.items.index(item) for item in cases.items]))
    for item, sd in zip(cases.items, base.sd[0], strict=True):
        if not sd > 0:
            raise EstimationError(f"item {item!r} is constant. Leave it out of the model.")
    return Origin(model, stages_of(model), cases, base, data)


def _require_ordinal(cases: Cases, model: Model, settings: Settings) -> None:
    """Raise unless polychoric correlations, where they are asked for, can be had."""
    if settings.correlation == "pearson":
        return
    if model.products:
        raise ModelError(
            f"the interaction {next(iter(model.products))!r} needs products of answers, which categories do not have. Use "
            "correlation='pearson'."
        )
    if np.isnan(cases.answers).any() and settings.missing not in ("pairwise", "listwise"):
        raise EstimationError(
            f"{cases.origin}answers are missing, and polychoric correlations are counted pair by pair. Use missing='pairwise' "
            f"or 'listwise' instead of {settings.missing!r}."
        )
    for item, column in zip(cases.items, cases.answers.T, strict=True):
        categories = len(np.unique(column[~np.isnan(column)]))
        if categories > _MOST_CATEGORIES:
            raise EstimationError(
                f"{cases.origin}item {item!r} has {categories} different answers; polychoric correlations are for categories, at "
                f"most {_MOST_CATEGORIES}. Use correlation='pearson', or group its answers."
            )


def _require_moments(origin: Origin, settings: Settings) -> None:
    """Raise where the answers are too few for the gaps."""
    undefined = np.argwhere(np.isnan(origin.moments.cov[0]))
    if not len(undefined):
        return
    one, other = (origin.cases.items[i] for i in undefined[0])
    if settings.coherent:
        raise EstimationError(
            f"{origin.cases.origin}{int(origin.moments.n[0])} answers to {len(origin.cases.items)} items are too few for their "
            "gaps: the likelihood has no maximum. Leave out the items with most gaps, or use missing='mean', which attenuates."
        )
    raise EstimationError(
        f"{origin.cases.origin}too few answered both item {one!r} and item {other!r} for their correlation. Use missing='em', or "
        "leave one of them out."
    )


def _require_cases(origin: str, stages: Sequence[Stage], n: int, missing: Missing = "em") -> None:
    models = [stage.model for stage in stages]
    equations = [(len(m.causes(name)), name) for m in models for name in m.names]
    blocks = [(len(c.items), c.name) for m in models for c in m.constructs if c.mode == "B"]
    most, name = max(equations + blocks)
    if n < most + 2:
        raise EstimationError(
            f"{origin}{n}{' complete' if missing == 'listwise' else ''} answers are fewer than the model needs: its largest "
            f"equation, that of {name!r}, has {most} predictor{'s' * (most > 1)}, so at least {most + 2} answers are needed, and "
            "an index worth publishing needs about 30 or more. Gather more answers, or ask for fewer paths."
        )


def _warn_if_misleading(result: Fit) -> None:
    if not result.converged:
        stage: Fit = result
        while stage.estimates.converged[0] and stage.lower is not None:
            stage = stage.lower
        how = (
            "the outer weights oscillate between two solutions"
            if stage.estimates.oscillating[0]
            else "the outer weights did not settle"
        )
        warnings.warn(
            f"{how}: after {result.settings.max_iterations} iterations they still change by more than "
            f"{result.settings.tolerance:g}; the estimates must not be used. Items that are copies of one another, or constructs "
            "that hardly correlate, are the usual cause; another scheme ('factorial') sometimes settles.",
            CsiWarning,
            stacklevel=3,
        )
    elif not result.settings.coherent and result.smallest_item_eigenvalue <= -1e-9:
        kind = "polychoric" if result.settings.correlation == "polychoric" else "pairwise"
        remedy = "fewer items or categories" if kind == "polychoric" else "missing='em'"
        warnings.warn(
            f"the {kind} correlations of the items cannot all be true of one sample (smallest eigenvalue "
            f"{result.smallest_item_eigenvalue:.3f}); estimates may mislead. Use {remedy}.",
            CsiWarning,
            stacklevel=3,
        )
    elif not result.admissible:
        eigenvalue = result.smallest_eigenvalue
        impossible = [
            name
            for name, attenuation in zip(result.model.names, result.estimates.attenuation[0], strict=True)
            if not attenuation <= 1
        ]
        why = (
            f"the reliability rho_A of {impossible[0]!r} lies outside 0-1"
            if impossible
            else f"the disattenuated construct correlations are not positive semi-definite (smallest eigenvalue {eigenvalue:.3f})"
            if eigenvalue < -1e-10
            else f"the loading of item {result.model.items[int(np.abs(result.estimates.loadings[0]).argmax())]!r} lies above 1"
        )
        warnings.warn(
            f"the solution with common factors is inadmissible: {why}. Constructs this close cannot all be separate factors; "
            "model them as composites or join them.",
            CsiWarning,
            stacklevel=3,
        )
