"""Item levels of every wave and slice in points, with the replicates of the index: what the panorama is computed from."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csi.errors import EstimationError, ModelError, known_names
from csi.index.score import item_means, require_comparable, wave_name
from csi.kernel import importance
from csi.kernel.moments import CONDITIONAL
from csi.kernel.slices import Division as Codes
from csi.kernel.slices import divided_sums
from csi.kernel.small_matrices import Array
from csi.structural.estimation import Fit
from csi.structural.inference import Bootstrap
from csi.structural.sampling import sample_of
from csi.survey.survey import Survey

Source = Fit | Bootstrap | Survey
WHOLE = ""  # the slice of all
_TOGETHER = 128  # replicates: more take more memory, fewer more time
_CELLS = 30_000_000  # answers of a wave by slice in memory at once


@dataclass(frozen=True, slots=True, eq=False)
class Division:
    """One way to divide the respondents: the segment and its levels; `rivals` where they are other companies'."""

    by: str
    levels: tuple[str, ...]
    rivals: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The slices, as "region=north"."""
        return tuple(f"{self.by}={level}" for level in self.levels)


@dataclass(frozen=True, slots=True, eq=False)
class Slices:
    """All slices of the panorama, the whole first; with `company`, (segment, level), they are all of that company."""

    divisions: tuple[Division, ...]
    company: tuple[str, str] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """(S,) names; "" is the whole."""
        return (WHOLE, *(name for division in self.divisions for name in division.names))

    def places(self, division: Division) -> slice:
        """Where the slices of a division stand among all."""
        first = 1
        for each in self.divisions:
            if each is division:
                return slice(first, first + len(each.levels))
            first += len(each.levels)
        raise EstimationError(f"there is no division by {division.by!r}.")

    @property
    def own(self) -> list[Division]:
        """The divisions of one's own customers."""
        return [division for division in self.divisions if not division.rivals]


@dataclass(frozen=True, slots=True, eq=False)
class WaveLevels:
    """One wave: item levels (1 + B, S, p) in points, the estimate first, and the weights (S, p) behind each estimate."""

    name: str
    items: Array
    mass: Array


def wave_levels(
    source: Source, current: Source, slices: Slices, items: tuple[str, ...], seed: tuple[int, int]
) -> WaveLevels:
    """Levels of the items in every slice of a wave; replicates that cannot be used are NaN.

    A bootstrap's own resamples are replayed, so that the intervals belong with those of the index. Survey answers are resampled
    by the survey's design (`seed`: draws and seed).
    """
    name = name_of(source, 0)
    if isinstance(source, Survey):
        return WaveLevels(name, *_of_survey(source, slices, items, seed))
    fit = source.fit if isinstance(source, Bootstrap) else source
    if slices.divisions or slices.company:
        fit.require_cases("a panorama by slices")
    levels = _of_fit(source, fit, slices)
    if isinstance(source, Bootstrap) and isinstance(current, Bootstrap):
        levels[1:][~(source.usable & current.usable)] = np.nan
    return WaveLevels(name, levels, _mass(fit, slices))


def counts(source: Source, slices: Slices, items: tuple[str, ...], uses: NDArray[np.bool_]) -> NDArray[np.intp]:
    """(S, V) respondents who answered at least one of the items (V, p) of each node."""
    survey = survey_of(source)
    if isinstance(source, Survey):
        X = _answers(source, items)
        used = np.asarray(~np.isnan(X).all(axis=1))
    else:
        fit = source.fit if isinstance(source, Bootstrap) else source
        X = fit.cases.X
        used = fit.cases.answering(fit.settings.missing)
        if not len(fit.origin.cases):  # sums only, without cases
            return np.full((1, len(uses)), fit.n, dtype=np.intp)
    some = (~np.isnan(X)).astype(np.float32) @ uses.T.astype(np.float32) > 0
    sums = _sliced(some.astype(float), np.ones((1, len(X))), slices, survey, used)[0][0]
    return np.asarray(sums).astype(np.intp)


def name_of(source: Source, position: int) -> str:
    """A wave's name, or its place in the row of waves where it has none."""
    if isinstance(source, Bootstrap):
        return wave_name(source, position)
    survey = source if isinstance(source, Survey) else source.cases.survey
    return (survey.wave if survey is not None else None) or f"wave {position + 1}"


def survey_of(source: Source) -> Survey | None:
    """The survey behind a source; None for a plain frame."""
    if isinstance(source, Survey):
        return source
    return (source.fit if isinstance(source, Bootstrap) else source).cases.survey


def slices_of(waves: Sequence[Source], by: Sequence[str], company: tuple[str, str] | None) -> Slices:
    """The levels that any wave has of each segment, those that the codebook names first and in its order.

    Raises
    ------
    EstimationError
        A plain frame, which has no segments, or a company that nobody was asked about.
    """
    divisions = [Division(name, _levels(waves, name)) for name in dict.fromkeys(by)]
    nobody = [division.by for division in divisions if not division.levels]
    if nobody:
        raise EstimationError(f"by={nobody[0]!r}: no respondent has a level of this segment. Leave it out.")
    if company is not None:
        segment, own = company
        levels = _levels(waves, segment)
        if own not in levels:
            raise EstimationError(f"company={company}: nobody has that level. {known_names(own, levels, 'Levels are')}")
        divisions.append(Division(segment, tuple(level for level in levels if level != own), rivals=True))
    return Slices(tuple(divisions), company)


def require_alike(waves: Sequence[Source]) -> None:
    """Raise unless the waves are of one kind and can be compared."""
    current = waves[-1]
    for position, wave in enumerate(waves):
        if type(wave) is not type(current) or not isinstance(wave, Bootstrap | Fit | Survey):
            raise EstimationError(
                f"wave {position + 1} is a {type(wave).__name__} and the current one a {type(current).__name__}. Give bootstraps "
                "of one model (or fits, without intervals), or surveys with views of given weights."
            )
        if isinstance(wave, Fit) and isinstance(current, Fit) and wave.model.items != current.model.items:
            raise ModelError(
                f"wave {name_of(wave, position)!r} was fitted with another model. Fit one model to every wave."
            )
    boots = [wave for wave in waves if isinstance(wave, Bootstrap)]
    if boots:
        require_comparable(boots)
    names = [name_of(wave, position) for position, wave in enumerate(waves)]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise EstimationError(
            f"{names.count(twice[0])} waves are called {twice[0]!r}. Read each with its own wave='2026Q3'."
        )


def _of_fit(source: Fit | Bootstrap, fit: Fit, slices: Slices) -> Array:
    boot = source if isinstance(source, Bootstrap) else None
    means = np.concatenate([fit.moments.mean] if boot is None else [fit.moments.mean, boot.moments.mean])[:, None]
    if slices.divisions or slices.company:
        used = fit.cases.answering(fit.settings.missing)
        codes = _codes(slices, fit.cases.survey, used)
        domains = np.concatenate([codes_of == np.arange(count)[:, None] for codes_of, count in codes])
        if slices.company is None:
            domains = domains[1:]  # the moments say what the whole is
        parts = [_domain_levels(fit, (used * fit.cases.weights)[None], domains, fit, slice(None))]
        if boot is not None:
            parts += [_domain_levels(fit, W, domains, boot, part) for part, W in boot.resamples()]
        own = np.concatenate(parts)
        means = own if slices.company is not None else np.concatenate([means, own], axis=1)
    return importance.points(means, fit.cases.low, fit.cases.high)


def _domain_levels(fit: Fit, W: Array, domains: NDArray[np.bool_], source: Fit | Bootstrap, part: slice) -> Array:
    """(B, S, p) means of the items in the domains, some domains at a time."""
    step = max(1, _CELLS // max(fit.origin.cases.answers.size, 1))
    pieces = [domains[first : first + step] for first in range(0, len(domains), step)]
    return np.concatenate([item_means(fit, W, piece, slice(None), source, part) for piece in pieces], axis=1)


def _mass(fit: Fit, slices: Slices) -> Array:
    """Weights behind each mean: of everybody where gaps are filled, else of who answered the item."""
    cases, X = fit.cases, fit.cases.X
    if not len(fit.origin.cases):
        return np.ones((1, X.shape[1]))
    gaps = np.zeros_like(X) if fit.settings.missing in CONDITIONAL else np.where(np.isnan(X), np.nan, 0.0)
    used = cases.answering(fit.settings.missing)
    return np.asarray(_sliced(gaps, cases.weights[None], slices, cases.survey, used)[1][0])


def _of_survey(survey: Survey, slices: Slices, items: tuple[str, ...], seed: tuple[int, int]) -> tuple[Array, Array]:
    X = _answers(survey, items)
    used = np.asarray(~np.isnan(X).all(axis=1))
    columns = {str(name): column for name, column in survey.respondents.items()}
    sample = sample_of(survey.design, columns, survey.base_weights, f"{survey.source.path}: ")
    codes, means, masses = _codes(slices, survey, used), [], []
    for piece in chain([survey.weights[None]], sample.resamples(used, *seed)):
        for first in range(0, len(piece), _TOGETHER):
            sums, weights = divided_sums(X, piece[first : first + _TOGETHER], codes)
            masses.append(weights[0])
            with np.errstate(invalid="ignore", divide="ignore"):
                means.append(sums / weights)
    return np.concatenate(means), masses[0]


def _answers(survey: Survey, items: tuple[str, ...]) -> Array:
    """(n, p) answers in points."""
    scales = [survey.codebook.item(item).scale for item in items]
    low, high = np.array([[scale.low, scale.high] for scale in scales]).T
    return np.asarray(importance.points(survey.answers[list(items)].to_numpy(float), low, high))


def _sliced(X: Array, W: Array, slices: Slices, survey: Survey | None, used: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Sums and weights (B, S, p) of all slices."""
    return divided_sums(X, W, _codes(slices, survey, used))


def _codes(slices: Slices, survey: Survey | None, used: NDArray[np.bool_]) -> list[Codes]:
    """The whole and each division: the level (n,) of each case, -1 for who does not belong, and the number of levels."""
    inside = used
    if slices.company is not None:
        inside = used & (_segment(survey, slices.company[0]) == slices.company[1])
    found = [(np.where(inside, 0, -1), 1)]
    for division in slices.divisions:
        levels = pd.Index(division.levels).get_indexer(pd.Index(_segment(survey, division.by)))
        found.append((np.where(used if division.rivals else inside, levels, -1), len(division.levels)))
    return found


def _levels(waves: Sequence[Source], name: str) -> tuple[str, ...]:
    found: set[str] = set()
    stated: list[str] = []
    for wave in waves:
        survey = survey_of(wave)
        found |= set(_segment(survey, name))
        if survey is not None:
            stated = list(survey.codebook.segment(name).levels)
    return (*(level for level in stated if level in found), *sorted(found - set(stated) - {""}))


def _segment(survey: Survey | None, name: str) -> Any:  # noqa: ANN401 - an array of texts
    if survey is None:
        raise EstimationError(
            f"slices by {name!r} need a survey; this fit was made from a plain frame without segments."
        )
    return np.asarray(survey.segment(name), dtype=object)
