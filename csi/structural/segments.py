"""Segments that nobody named: cases whose satisfaction works differently, found from the model alone (FIMIX-PLS, PLS-POS).

Both methods work on composites: a construct of kind `factor` enters by its score, so that its paths are those of the score and
are not corrected for attenuation. Gaps in the answers are filled once, as the fit's own scores are.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csi.errors import CsiWarning, EstimationError
from csi.kernel import mixture, prediction_segments
from csi.structural.cases import Array
from csi.structural.fitted_model import Fit
from csi.structural.segmentation import Partition, Segmented, require_cases, require_settings, used_scores
from csi.structural.stages import fixed_weights

_SAME_OPTIMUM = 0.01  # log-likelihoods this close belong to one solution
_SAME_SEGMENTS = 0.9  # share of cases that two starts must treat alike to have found the same segments


@dataclass(frozen=True, slots=True, eq=False)
class LatentSolution(Partition):
    """The best mixture found for one number of segments, and how all its starts ended."""

    posterior: Array  # (n, K), NaN for rows that the fit does not use
    intercept: Array  # (K, J)
    residual: Array  # (K, J) residual variances
    criteria: dict[str, float]
    log_likelihoods: Array  # (starts,), -inf where a start became singular
    converged: bool

    @property
    def reached(self) -> int:
        """Starts that found this solution."""
        return int((self.log_likelihoods >= self.log_likelihoods.max() - _SAME_OPTIMUM).sum())

    @property
    def singular(self) -> int:
        """Starts given up because a segment shrank to nearly no one or to cases on a line."""
        return int(np.isinf(self.log_likelihoods).sum())


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LatentSegments(Segmented):
    """Finite mixtures of the structural model; properties speak of `number` segments, `latent[k]` shows another number."""

    fit: Fit
    solutions: dict[int, LatentSolution]
    number: int
    starts: int
    seed: int

    def __getitem__(self, segments: int) -> "LatentSegments":
        if segments not in self.solutions:
            known = ", ".join(map(str, self.solutions))
            raise EstimationError(f"there is no solution with {segments!r} segments. Those estimated have {known}.")
        return replace(self, number=segments)

    @property
    def solution(self) -> LatentSolution:
        """The mixture that the properties speak of."""
        return self.solutions[self.number]

    @property
    def criteria(self) -> pd.DataFrame:
        """(numbers of segments x lnL, AIC, AIC3, AIC4, BIC, CAIC, HQ, MDL5, EN, NFI, NEC, reached, singular).

        Smaller is better but for lnL, EN and NFI. `reached` counts the starts that found the solution, `singular` those given up.
        """
        rows = [{**s.criteria, "reached": s.reached, "singular": s.singular} for s in self.solutions.values()]
        return pd.DataFrame(rows, index=pd.Index(list(self.solutions), name="segments"))

    @property
    def probabilities(self) -> pd.DataFrame:
        """(cases x segments) posterior probability of each segment, NaN for rows that the fit does not use."""
        return pd.DataFrame(self.solution.posterior, columns=self.numbers)

    @property
    def log_likelihood(self) -> float:
        """Of the solution shown."""
        return self.solution.criteria["lnL"]

    def headline(self) -> list[str]:
        """What the criteria prefer, sizes, and how many starts found the solution."""
        s, table = self.solution, self.criteria
        lines = [f"Latent segments (FIMIX-PLS): n = {int(self.sizes.sum()):,}, {self.starts} starts, seed {self.seed}"]
        if len(table) > 1:
            preferred = ", ".join(f"{name} {table[name].idxmin()}" for name in ("AIC3", "AIC4", "BIC", "CAIC", "MDL5"))
            lines.append(f"number of segments preferred by {preferred}; shown: {self.number}")
        lines.append(self.sizes_line())
        if self.number > 1:
            lost = f", {s.singular} singular" if s.singular else ""
            certainty = f"lnL {self.log_likelihood:,.2f}, entropy EN {s.criteria['EN']:.2f}"
            lines.append(f"{certainty}; found by {s.reached} of {self.starts} starts{lost}")
        return lines

    def parts(self) -> Partition:
        """The arrays behind the properties."""
        return self.solution


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PredictionSegments(Segmented):
    """The partition that explains most; `objectives` (starts x start, end) are sums of R2 averaged over the segments."""

    fit: Fit
    partition: Partition
    objectives: pd.DataFrame
    undivided: float
    reached: int
    converged: bool
    seed: int

    @property
    def objective(self) -> float:
        """Sum of R2 over the endogenous constructs, averaged over the segments by their shares."""
        return float(self.objectives["end"].max())

    def headline(self) -> list[str]:
        """What dividing the sample explains, sizes, and how many starts found the same segments."""
        starts = len(self.objectives)
        begun = self.objectives["start"].iloc[int(self.objectives["end"].argmax())]
        return [
            f"Prediction-oriented segments (PLS-POS): n = {int(self.sizes.sum()):,}, {starts} starts, seed {self.seed}",
            f"sum of R2: {self.undivided:.3f} undivided, {begun:.3f} in random segments, {self.objective:.3f} in these; "
            "some gain comes from the search alone",
            self.sizes_line(),
            f"found by {self.reached} of {starts} starts (at least {_SAME_SEGMENTS:.0%} of the cases alike)",
        ]

    def parts(self) -> Partition:
        """The arrays behind the properties."""
        return self.partition


def fimix(
    fit: Fit,
    segments: int | Sequence[int] = (1, 2, 3, 4),
    *,
    starts: int = 30,
    seed: int = 1,
    tolerance: float = 1e-8,
    max_iterations: int = 5000,
) -> LatentSegments:
    """Find latent segments as a finite mixture of the structural regressions (FIMIX-PLS).

    The standardised scores of the fit are kept; each segment has its own intercepts, paths and residual variances (Hahn, Johnson,
    Herrmann & Huber 2002; Sarstedt, Becker, Ringle & Schwaiger 2011). Case weights, scaled to sum to n, multiply each case's
    log-likelihood. The likelihood has many local maxima: the best of `starts` random starts is kept, and a warning says if only
    one start found it.

    Parameters
    ----------
    fit
        The model whose scores are divided.
    segments
        Number of segments, or several numbers to compare; shown is the one with the smallest BIC.
    starts
        Random starts for each number of segments; all of them run as one batch.
    seed
        The same seed gives the same starts.
    tolerance
        A start has converged when a step raises its log-likelihood by less.
    max_iterations
        Steps allowed to each start.

    Raises
    ------
    EstimationError
        A setting out of range, too few cases for the segments, or every start became singular.

    Examples
    --------
    >>> import csi
    >>> rng = np.random.default_rng(1)
    >>> quality, kind = rng.normal(size=300), np.arange(300) % 2
    >>> loyalty = np.where(kind == 0, 0.9, -0.9) * quality + 0.1 * rng.normal(size=300)
    >>> model = csi.Model.parse("Quality <~ q; Loyalty <~ l; Loyalty ~ Quality")
    >>> latent = fimix(csi.fit(model, pd.DataFrame({"q": quality, "l": loyalty})), (1, 2))
    >>> latent.number
    2
    >>> sorted(latent.paths.loc["Quality -> Loyalty"].round(0))
    [-1.0, 1.0]
    """
    numbers = [segments] if isinstance(segments, int) else sorted(set(segments))
    require_settings(numbers, starts, max_iterations)
    if not tolerance > 0:
        raise EstimationError(f"the tolerance must be above 0, not {tolerance}.")
    used, Y, w = used_scores(fit)
    fewest = mixture.fewest_cases(fit.layout)
    require_cases(len(Y), max(numbers), fewest)
    whole = np.ones((1, 1, len(Y)))
    undivided = mixture.expectation_maximisation(Y, w, fit.layout, whole, tolerance, max_iterations)
    solutions: dict[int, LatentSolution] = {}
    for K in numbers:
        P = mixture.random_posteriors(starts, K, len(Y), seed) if K > 1 else whole
        found = mixture.expectation_maximisation(Y, w, fit.layout, P, tolerance, max_iterations) if K > 1 else undivided
        if found.singular.all():
            _refuse_singular(K, starts, fewest, last=numbers[-1] == K and not solutions)
            continue
        solutions[K] = _latent_solution(fit, used, (Y, w), found, float(undivided.log_likelihood[0]))
        _warn_if_unsure(K, solutions[K], starts, max_iterations)
    number = min(solutions, key=lambda K: solutions[K].criteria["BIC"])
    return LatentSegments(fit, solutions, number, starts, seed)


def pos(
    fit: Fit,
    segments: int,
    *,
    starts: int = 10,
    seed: int = 1,
    max_iterations: int = 500,
    smallest: int = 30,
) -> PredictionSegments:
    """Divide the cases so that segment-specific models explain most (PLS-POS; Becker, Rai, Ringle & Völckner 2013).

    Each segment has its own weights and paths. Cases move to the segment whose model predicts them best as long as the sum of R2
    over the endogenous constructs, averaged over the segments by their shares, rises. A search can always raise it, so a gain is
    no proof of segments: compare the number of starts that found the same ones, and `fimix`.

    Parameters
    ----------
    fit
        The model to divide; its scheme and its case weights apply in every segment.
    segments
        Number of segments, 2 or more.
    starts
        Random partitions from which the search climbs.
    seed
        The same seed gives the same starts.
    max_iterations
        Steps allowed to each start.
    smallest
        Fewest cases in a segment.

    Raises
    ------
    EstimationError
        A setting out of range, too few cases for the segments, or a model that is estimated in several stages.

    Examples
    --------
    >>> import csi
    >>> rng = np.random.default_rng(1)
    >>> quality, kind = rng.normal(size=200), np.arange(200) % 2
    >>> loyalty = np.where(kind == 0, 0.9, -0.9) * quality + 0.1 * rng.normal(size=200)
    >>> model = csi.Model.parse("Quality <~ q; Loyalty <~ l; Loyalty ~ Quality")
    >>> found = pos(csi.fit(model, pd.DataFrame({"q": quality, "l": loyalty})), 2)
    >>> bool(found.objective > 0.9 > found.undivided)
    True
    """
    require_settings([segments], starts, max_iterations)
    if segments < 2:
        raise EstimationError("one segment is the fit itself; ask for 2 segments or more.")
    if fit.lower is not None:
        raise EstimationError(
            "prediction-oriented segments need a model of one stage: scores and products of scores would have to be "
            "estimated anew in every segment. Use fimix, or a model without higher-order constructs and interactions."
        )
    used, _, w = used_scores(fit)
    fewest = max(smallest, mixture.fewest_cases(fit.layout))
    require_cases(int(used.sum()), segments, fewest)
    task = prediction_segments.Task(
        X=fit.filled(fit.cases.X)[used],
        w=w,
        layout=replace(fit.layout, factor=np.zeros_like(fit.layout.factor)),
        scheme=fit.settings.scheme,
        tolerance=fit.settings.tolerance,
        max_iterations=fit.settings.max_iterations,
        reference=fit.estimates.weights[0],
        fixed=partial(fixed_weights, fit.model),
        segments=segments,
        fewest=fewest,
    )
    partitions = prediction_segments.random_partitions(starts, segments, len(w), seed)
    climbs = [prediction_segments.climb(task, start, max_iterations) for start in partitions]
    return _prediction_segments(fit, used, task, climbs, seed)


def _latent_solution(
    fit: Fit, used: NDArray[np.bool_], data: tuple[Array, Array], found: mixture.Mixture, undivided: float
) -> LatentSolution:
    Y, w = data
    best = int(found.log_likelihood.argmax())
    P = found.posterior[best]
    P = P[np.argsort(-(P @ w), kind="stable")]
    fitted = mixture.regressions(Y, w, P[None], fit.layout)
    posterior = np.full((len(used), len(P)), np.nan)
    posterior[used] = P.T
    assigned = np.full(len(used), -1)
    assigned[used] = P.argmax(axis=0)
    return LatentSolution(
        assigned=assigned,
        share=fitted.share[0],
        paths=fitted.paths[0],
        r_squared=fitted.r_squared[0],
        posterior=posterior,
        intercept=fitted.intercept[0],
        residual=fitted.residual[0],
        criteria=mixture.criteria(float(found.log_likelihood[best]), undivided, P, w, fit.layout),
        log_likelihoods=found.log_likelihood,
        converged=bool(found.converged[best]),
    )


def _prediction_segments(
    fit: Fit,
    used: NDArray[np.bool_],
    task: prediction_segments.Task,
    climbs: list[prediction_segments.Climb],
    seed: int,
) -> PredictionSegments:
    ends = np.array([c.end for c in climbs])
    best = climbs[int(ends.argmax())]
    if not np.isfinite(best.end):
        raise EstimationError(
            "no division could be estimated: in every random start a segment has an item that does not vary."
        )
    share = np.bincount(best.assigned, task.w, task.segments) / task.w.sum()
    order = np.argsort(-share, kind="stable")
    ranked = np.argsort(order)[best.assigned]
    _, e = prediction_segments.segment_estimates(task, ranked[None])
    assigned = np.full(len(used), -1)
    assigned[used] = ranked
    reached = sum(prediction_segments.agreement(best.assigned, c.assigned) >= _SAME_SEGMENTS for c in climbs)
    if reached == 1:
        _warn(
            f"only one of {len(climbs)} starts found these {task.segments} segments: others may explain as much. Raise starts."
        )
    if not best.converged:
        _warn(f"the search had not ended after {best.steps} steps; raise max_iterations.")
    whole = replace(task, segments=1, fewest=1)
    return PredictionSegments(
        fit=fit,
        partition=Partition(assigned, share[order], e.paths, e.r_squared),
        objectives=pd.DataFrame({"start": [c.start for c in climbs], "end": ends}),
        undivided=float(prediction_segments.objectives(whole, np.zeros((1, len(task.w)), dtype=np.intp))[0]),
        reached=reached,
        converged=best.converged,
        seed=seed,
    )


def _refuse_singular(segments: int, starts: int, fewest: int, last: bool) -> None:
    message = (
        f"all {starts} starts with {segments} segments became singular: a segment fell below {fewest} cases, or an equation fits "
        "its cases without error. Ask for fewer segments or raise starts."
    )
    if last:
        raise EstimationError(message)
    _warn(message)


def _warn_if_unsure(segments: int, solution: LatentSolution, starts: int, max_iterations: int) -> None:
    if not solution.converged:
        _warn(
            f"the best solution with {segments} segments had not converged after {max_iterations} iterations; "
            "raise max_iterations."
        )
    elif segments > 1 and solution.reached == 1:
        _warn(
            f"only one of {starts} starts reached the best solution with {segments} segments: "
            "a better one may exist. Raise starts."
        )


def _warn(message: str) -> None:
    warnings.warn(message, CsiWarning, stacklevel=4)
