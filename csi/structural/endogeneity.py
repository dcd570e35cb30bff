"""Do predictors hang together with what their equation leaves out? Gaussian copula terms of scores (Park & Gupta 2012)."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csi.display import Result, tidy
from csi.errors import CsiWarning, EstimationError, known_names
from csi.kernel import copula
from csi.kernel.resample import p_value, percentile_interval, standard_error
from csi.structural.cases import Array
from csi.structural.fitted_model import Fit
from csi.structural.replication import INADMISSIBLE, estimated, moments_under, resamples_of, stage_fits
from csi.structural.stages import Staged

_OWN = ("effect", "copulas", "without", "copula", "copula_p", "verdict")
_MOST_PREDICTORS = 8  # 255 combinations in one equation
_CELLS = 2_000_000  # scores of replicates in memory at once
_SIGNIFICANT = 0.05
# Becker, Proksch & Ringle (2022) find too little power in small samples and with little skewness. n skewness^2 of 500 finds an
# error that correlates 0.5 with the predictor in four samples of five.
_LEAST_CASES, _LEAST_INFORMATION = 200, 500

ENDOGENOUS, FREE, NORMAL = "endogenous", "no sign of endogeneity", "not testable: normal scores"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Endogeneity(Result):
    """Paths with and without copula terms, for every equation and every set of predictors that may be endogenous.

    `rows` has the tidy columns for the path with copula terms and: effect, copulas (whose terms are in the equation), without
    (the path with none), copula and copula_p (coefficient and p value of the predictor's own term), verdict. `normality` has one
    row a predictor: Cramer-von Mises statistic (estimate), p value, skewness, testable. `used` of `draws` replicates count.
    """

    fit: Fit
    rows: pd.DataFrame
    normality: pd.DataFrame
    draws: int
    used: int
    seed: int

    @property
    def endogenous(self) -> list[str]:
        """Paths whose own copula term is significant in at least one set."""
        return list(dict.fromkeys(self.rows.loc[self.rows["verdict"] == ENDOGENOUS, "term"]))

    def headline(self) -> list[str]:
        """The paths that are suspect, and what could not be tested."""
        tested = self.rows.loc[self.rows["copula"].notna(), "term"].nunique()
        suspect = f"endogenous: {', '.join(self.endogenous)}" if self.endogenous else "no sign of endogeneity"
        lines = [f"Gaussian copulas, {tested} paths tested, {self.draws:,} draws, seed {self.seed}: {suspect}"]
        normal = self.normality.loc[~self.normality["testable"], "term"]
        if len(normal):
            lines.append(f"not testable (normal scores): {', '.join(normal)}")
        return lines

    def table(self) -> pd.DataFrame:
        """A copy of `rows`."""
        return self.rows.copy()


def gaussian_copulas(
    fit: Fit,
    effect: str | None = None,
    *,
    predictors: Sequence[str] | None = None,
    draws: int = 1000,
    seed: int = 1,
    level: float = 0.95,
) -> Endogeneity:
    """Test predictors for endogeneity, and correct their paths, by Gaussian copula terms (Park & Gupta 2012; Hult et al. 2018).

    Each equation is estimated by least squares on standardised scores with terms c = Phi^-1(H(score)) added (H as of Becker,
    Proksch & Ringle 2022, ties at their mean rank). A significant term says that the predictor is correlated with what the
    equation leaves out; the path beside it is then the corrected one. Weights, scores and terms are estimated again in every
    resample of the design; gaps are filled once, as the fit fills them. The method rests on a predictor that is not normal, an
    error that is, and a Gaussian copula between the two; it is no substitute for theory. Common factors enter by their scores,
    whose error is not corrected for and is endogeneity of its own.

    Parameters
    ----------
    effect
        The construct whose equation is asked; every equation if not given.
    predictors
        Whose terms are added, together. If not given, every set of those whose scores are not normal (Cramer-von Mises at 5 %),
        without interactions, which need no term of their own, and observed columns.

    Raises
    ------
    EstimationError
        No such equation or predictor; a predictor asked for is normal or has too few values; nothing can be tested.

    Examples
    --------
    >>> from csi import Model, fit
    >>> rng = np.random.default_rng(1)
    >>> error = rng.normal(size=1500)
    >>> quality = np.exp(0.4 * error + 0.5 * rng.normal(size=1500))
    >>> frame = pd.DataFrame({"q": quality, "s": 0.5 * quality + error})
    >>> model = Model.parse("Quality <~ q; Satisfaction <~ s; Satisfaction ~ Quality")
    >>> gaussian_copulas(fit(model, frame), draws=200).endogenous
    ['Quality -> Satisfaction']
    """
    if draws < 2 or not 0 < level < 1:
        raise EstimationError(f"copulas need draws >= 2 and 0 < level < 1, not draws={draws}, level={level}.")
    if len(stage_fits(fit)) < len(fit.origin.stages):
        raise EstimationError("this is an early stage of a model; pass the fit itself, which is its last stage.")
    fit.require_cases("a copula term")
    fit.require_pearson("a copula term")
    equations = _equations(fit, effect, predictors)
    answers = _Answers.of(fit)
    normality = _normality(fit, equations, answers)
    sets = _sets(fit, equations, normality, predictors)
    tested = [name for name in fit.model.names if any(name in terms for each in sets.values() for terms in each)]
    _warn_if_weak(normality, tested)
    places = np.array([fit.model.names.index(name) for name in tested])
    point = answers.moments(Staged(fit.batch, fit.maps), answers.weights[None], places)
    _require_told_apart(fit, point, places)
    drawn = np.concatenate(list(_replicates(fit, answers, places, draws, seed)))
    rows: list[dict[str, Any]] = []
    for name, causes in equations.items():
        for terms in sets[name]:
            rows += _rows(fit, (name, causes, terms), tested, (point, drawn), level)
        plain = _without(fit, name, causes, point)
        rows += [plain[cause] | {"verdict": NORMAL} for cause in causes if cause in _normal(normality)]
    used = int(np.isfinite(drawn).all(axis=(1, 2)).sum())
    return Endogeneity(fit, tidy(rows, _OWN), normality, draws, used, seed)


@dataclass(frozen=True, slots=True, eq=False)
class _Answers:
    """Base columns (n, P) of the rows that the fit uses, gaps filled as it fills them, with weights (n,)."""

    X: Array
    used: NDArray[np.bool_]
    weights: Array

    @classmethod
    def of(cls, fit: Fit) -> "_Answers":
        origin = fit.origin
        used = origin.cases.answering(fit.settings.missing)
        X = origin.filled(fit.settings.missing)[used]
        return cls(X, used, origin.cases.weights[used])

    def scores(self, staged: Staged) -> Array:
        """(B, n, J) scores up to a constant, NaN in a replicate that could not be estimated."""
        batch = staged.batch
        sd = np.where(batch.moments.sd > 0, batch.moments.sd, np.nan)
        own = np.arange(len(batch.model.names)) == batch.layout.block[:, None]
        linear = np.where(own, (batch.estimates.weights / sd)[:, :, None], 0.0)
        return np.asarray(self.X @ (linear if staged.maps is None else staged.maps.linear @ linear))

    def moments(self, staged: Staged, W: Array, tested: NDArray[np.intp]) -> Array:
        """(B, J + P, J + P) of the scores and the copula terms of the `tested`."""
        return copula.joint_moments(self.scores(staged), W, tested)


def _replicates(fit: Fit, answers: _Answers, tested: NDArray[np.intp], draws: int, seed: int) -> Iterator[Array]:
    """Joint moments of every resample, NaN where it could not be estimated."""
    together = max(1, _CELLS // (len(answers.X) * len(fit.model.names)))
    for _, block in resamples_of(fit, draws, seed):
        for W in (block[first : first + together] for first in range(0, len(block), together)):
            staged, problem = estimated(fit, moments_under(fit, W))
            found = answers.moments(staged[-1], W[:, answers.used], tested)
            # Scores need weights alone, which an inadmissible correction for attenuation does not touch.
            found[~np.isin(problem, ("", INADMISSIBLE))] = np.nan
            yield found


def _equations(fit: Fit, effect: str | None, predictors: Sequence[str] | None) -> dict[str, tuple[str, ...]]:
    """Effect -> causes, for the equations asked."""
    every = {name: fit.model.causes(name) for name in fit.model.names if fit.model.causes(name)}
    if effect is not None and effect not in every:
        raise EstimationError(f"{effect!r} has no equation. {known_names(effect, every, 'Constructs with causes are')}")
    asked = every if effect is None else {effect: every[effect]}
    known = list(dict.fromkeys(cause for causes in asked.values() for cause in causes))
    for name in predictors or ():
        if name not in known:
            raise EstimationError(
                f"{name!r} is no predictor of the equations asked. {known_names(name, known, 'Their predictors are')}"
            )
        if name in fit.origin.model.products:
            raise EstimationError(
                f"the interaction {name!r} needs no term of its own; name the constructs it multiplies."
            )
    return {name: causes for name, causes in asked.items() if predictors is None or set(predictors) & set(causes)}


def _normality(fit: Fit, equations: dict[str, tuple[str, ...]], answers: _Answers) -> pd.DataFrame:
    """One row for each predictor that is not an interaction."""
    S, w = answers.scores(Staged(fit.batch, fit.maps))[0], answers.weights
    causes = dict.fromkeys(cause for each in equations.values() for cause in each)
    rows: list[dict[str, Any]] = []
    for name in (c for c in causes if c not in fit.origin.model.products):
        z = S[:, fit.model.names.index(name)]
        z = (z - np.average(z, weights=w)) / np.sqrt(np.cov(z, aweights=w))
        statistic, p = copula.cramer_von_mises(z, w)
        own = {"skewness": copula.skewness(z, w), "testable": p < _SIGNIFICANT}
        rows.append({"term": name, "estimate": statistic, "p_value": p, "n": fit.n} | own)
    return tidy(rows, ["skewness", "testable"])


def _normal(normality: pd.DataFrame) -> list[str]:
    return list(normality.loc[~normality["testable"].astype(bool), "term"])


def _sets(
    fit: Fit, equations: dict[str, tuple[str, ...]], normality: pd.DataFrame, predictors: Sequence[str] | None
) -> dict[str, list[tuple[str, ...]]]:
    """Effect -> the sets of predictors whose terms are added."""
    normal = _normal(normality)
    if predictors is not None:
        _refuse_normal([name for name in predictors if name in normal], normality)
        return {name: [tuple(c for c in causes if c in predictors)] for name, causes in equations.items()}
    answered = [name for name in normality["term"] if fit.model.construct(name).kind != "observed"]
    found: dict[str, list[tuple[str, ...]]] = {}
    for name, causes in equations.items():
        open_ones = [cause for cause in causes if cause in answered and cause not in normal]
        if len(open_ones) > _MOST_PREDICTORS:
            raise EstimationError(
                f"{name!r} has {len(open_ones)} predictors that are not normal, too many for all their combinations. Name those "
                "that may be endogenous: predictors=[...]."
            )
        found[name] = [s for size in range(1, len(open_ones) + 1) for s in combinations(open_ones, size)]
    if not any(found.values()):
        _refuse_normal(normal, normality)
        raise EstimationError(
            "all predictors are observed columns; name those that may be endogenous: predictors=[...]."
        )
    return found


def _refuse_normal(names: Sequence[str], normality: pd.DataFrame) -> None:
    for row in normality[normality["term"].isin(names)].to_dict("records"):
        raise EstimationError(
            f"the scores of {row['term']!r} are close to normal (Cramer-von Mises p = {row['p_value']:.2f}, skewness "
            f"{row['skewness']:.2f}), so its copula term is the score itself and nothing can be told apart. It takes an "
            "instrument, or an experiment."
        )


def _warn_if_weak(normality: pd.DataFrame, tested: list[str]) -> None:
    rows = normality[normality["term"].isin(tested)]
    weak = rows[(rows["n"] < _LEAST_CASES) | (rows["n"] * rows["skewness"] ** 2 < _LEAST_INFORMATION)]
    for row in weak.head(1).to_dict("records"):
        warnings.warn(
            f"{row['n']:,} answers and a skewness of {row['skewness']:.2f} of {row['term']!r} are little for copula terms: they "
            "may miss endogeneity, and corrected paths are wide (Becker, Proksch & Ringle 2022). Strong skewness needs hundreds "
            "of answers, little skewness thousands.",
            CsiWarning,
            stacklevel=3,
        )


def _require_told_apart(fit: Fit, point: Array, places: NDArray[np.intp]) -> None:
    J = len(fit.model.names)
    for p, j in enumerate(places):
        if not np.isfinite(copula.regression(point, int(j), np.array([j, J + p]))).all():
            raise EstimationError(
                f"{fit.model.names[j]!r} has too few different values: its copula term is a straight line of them. Leave it out."
            )


def _rows(
    fit: Fit,
    equation: tuple[str, tuple[str, ...], tuple[str, ...]],
    tested: list[str],
    moments: tuple[Array, Array],
    level: float,
) -> Iterator[dict[str, Any]]:
    """One row for each path of an equation with copula terms: (effect, causes, whose terms)."""
    effect, causes, terms = equation
    names = fit.model.names
    columns = [names.index(c) for c in causes] + [len(names) + tested.index(c) for c in terms]
    point, drawn = (copula.regression(each, names.index(effect), np.array(columns)) for each in moments)
    errors, p = standard_error(drawn), p_value(drawn)
    low, high = percentile_interval(drawn, level)
    for i, (cause, plain) in enumerate(_without(fit, effect, causes, moments[0]).items()):
        row = plain | {"estimate": point[0, i], "std_error": errors[i], "ci_low": low[i], "ci_high": high[i]}
        row |= {"p_value": p[i], "copulas": " + ".join(terms)}
        if cause in terms:
            own = len(causes) + terms.index(cause)
            verdict = ENDOGENOUS if p[own] < _SIGNIFICANT else FREE
            row |= {"copula": point[0, own], "copula_p": p[own], "verdict": verdict}
        yield row


def _without(fit: Fit, effect: str, causes: tuple[str, ...], point: Array) -> dict[str, dict[str, Any]]:
    """Cause -> the start of a row: its path without copula terms."""
    names = fit.model.names
    plain = copula.regression(point, names.index(effect), np.array([names.index(c) for c in causes]))[0]
    shared = {"n": fit.n, "effect": effect, "copulas": "", "verdict": ""}
    return {c: {"term": f"{c} -> {effect}", "without": b} | shared for c, b in zip(causes, plain, strict=True)}
