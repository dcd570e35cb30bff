"""Bootstrap of everything a fit says: resampling is a matrix of case weights, replicates are one batch."""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csi.display import Result, tidy
from csi.errors import EstimationError
from csi.kernel.estimates import estimate
from csi.kernel.moments import Moments, joined, moments
from csi.kernel.resample import BLOCK, p_value, percentile_interval, rao_wu_counts, standard_error
from csi.structural.cases import Array
from csi.structural.estimation import Fit

_CELLS = 1_200_000  # correlations estimated at once: many, so that calls of numpy cost little; few enough for the cache


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """Arrays with one row a replicate (B first), NaN in rows that could not be estimated; see `Estimates`."""

    weights: Array
    loadings: Array
    correlations: Array
    attenuation: Array
    paths: Array
    r_squared: Array
    total_effects: Array
    htmt: Array


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Bootstrap(Result):
    """Replicates of a fit, with the seed to replay the very same resamples elsewhere.

    `moments` are the item moments of every replicate. `failed` counts the replicates that could not be estimated, by reason; no
    interval uses them. Inadmissible replicates (factors only) stay in `draws`; `usable` says which the intervals use.
    """

    fit: Fit
    draws: Draws
    moments: Moments
    usable: NDArray[np.bool_]
    failed: dict[str, int]
    seed: int
    level: float

    def __len__(self) -> int:
        return len(self.usable)

    def resamples(self) -> Iterator[tuple[slice, Array]]:
        """The case weights of every replicate again, block by block: which replicates, and (B, n) weights.

        Rows that the fit did not use have weight 0.
        """
        yield from _resamples(self.fit, len(self), self.seed)

    @property
    def paths(self) -> pd.DataFrame:
        """Path coefficients."""
        return self._between("paths", self.fit.layout.adjacency)

    @property
    def total_effects(self) -> pd.DataFrame:
        """Direct plus indirect effects."""
        return self._between("total_effects", self.fit.estimates.total_effects[0] != 0)

    @property
    def htmt(self) -> pd.DataFrame:
        """Heterotrait-monotrait ratios."""
        return self._between("htmt", np.isfinite(self.fit.estimates.htmt[0]), arrow=" ~ ")

    @property
    def weights(self) -> pd.DataFrame:
        """Outer weights."""
        return self._items("weights")

    @property
    def loadings(self) -> pd.DataFrame:
        """Loadings."""
        return self._items("loadings")

    @property
    def r_squared(self) -> pd.DataFrame:
        """Explained variances."""
        point = self.fit.estimates.r_squared[0]
        shown = np.flatnonzero(np.isfinite(point))
        terms = [self.fit.model.names[k] for k in shown]
        return self.summarise(terms, point[shown], self.draws.r_squared[:, shown])

    def summarise(self, terms: list[str], point: Array, draws: Array) -> pd.DataFrame:
        """A tidy table of point estimates (m,) with errors, percentile intervals and p values from draws (B, m)."""
        used = draws[self.usable]
        low, high = percentile_interval(used, self.level)
        columns = {
            "term": terms,
            "estimate": point,
            "std_error": standard_error(used),
            "ci_low": low,
            "ci_high": high,
            "p_value": p_value(used),
            "n": self.fit.n,
        }
        return tidy(pd.DataFrame(columns).to_dict("records"))  # type: ignore[arg-type]

    def headline(self) -> list[str]:
        """Replicates, seed, failures."""
        failed = ", ".join(f"{count} {reason}" for reason, count in self.failed.items() if count)
        return [
            f"Bootstrap: {len(self):,} draws, seed {self.seed}, {self.level:.0%} percentile intervals",
            f"not used: {failed}" if failed else "every draw could be estimated",
        ]

    def table(self) -> pd.DataFrame:
        """Paths with their intervals; `.weights`, `.loadings`, `.htmt` ... give the rest."""
        return self.paths

    def _between(self, name: str, shown: NDArray[np.bool_], arrow: str = " -> ") -> pd.DataFrame:
        rows, columns = np.nonzero(shown)
        names = self.fit.model.names
        terms = [f"{names[r]}{arrow}{names[c]}" for r, c in zip(rows, columns, strict=True)]
        point = getattr(self.fit.estimates, name)[0][rows, columns]
        return self.summarise(terms, point, getattr(self.draws, name)[:, rows, columns])

    def _items(self, name: str) -> pd.DataFrame:
        point = getattr(self.fit.estimates, name)[0]
        table = self.summarise(list(self.fit.model.items), point, getattr(self.draws, name))
        table["construct"] = [self.fit.model.names[j] for j in self.fit.layout.block]
        return table


def bootstrap(fit: Fit, draws: int = 2000, *, seed: int = 1, level: float = 0.95) -> Bootstrap:
    """Resample respondents and estimate everything again, in batches (Rao-Wu bootstrap, Rao & Wu 1988).

    The treatment of missing answers is repeated in every replicate, survey weights enter every replicate, and each
    construct keeps the direction of the fit (the sign of w_b' R w_0); single paths are never flipped.

    Parameters
    ----------
    draws
        Number of replicates.
    seed
        The same seed gives the same replicates, on any machine and in any order of use.
    level
        Coverage of the percentile intervals.

    Raises
    ------
    EstimationError
        Fewer than 2 draws, a level outside 0-1, or no replicate could be estimated.
    """
    if draws < 2 or not 0 < level < 1:
        raise EstimationError(f"bootstrap needs draws >= 2 and 0 < level < 1, not draws={draws}, level={level}.")
    parts, problems, batches = [], [], []
    for m in _moments_of_resamples(fit, draws, seed):
        part, problem = _estimated(fit, m)
        parts.append(part)
        problems.append(problem)
        batches.append(m)
    stacked = Draws(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Draws)))
    problem = np.concatenate(problems)
    usable = problem == ""
    if not fit.admissible:  # then the draws tell the same story as the estimate, and none is dropped
        usable |= problem == INADMISSIBLE
    failed = {reason: int((problem == reason).sum()) for reason in PROBLEMS}
    if not usable.any():
        raise EstimationError(f"none of {draws} replicates could be estimated: {failed}. The sample is too small.")
    return Bootstrap(fit, stacked, joined(batches), usable, failed, seed, level)


CONSTANT, SINGULAR, UNSETTLED, INADMISSIBLE = "constant item", "singular", "not converged", "inadmissible"
PROBLEMS = (CONSTANT, SINGULAR, UNSETTLED, INADMISSIBLE)


def replicate(fit: Fit, W: Array) -> tuple[Draws, NDArray[np.str_]]:
    """Estimate the fit's model under case weights W (B, n); the second array names what is wrong with a replicate."""
    return _estimated(fit, _moments_under(fit, W))


def _moments_under(fit: Fit, W: Array) -> Moments:
    return moments(fit.cases.X, W, fit.settings.missing, start=fit.moments)


def _moments_of_resamples(fit: Fit, draws: int, seed: int) -> Iterator[Moments]:
    """Moments of all replicates, in batches of the size at which the kernel is quickest."""
    together = max(BLOCK, _CELLS // fit.cases.X.shape[1] ** 2 // BLOCK * BLOCK)
    waiting: list[Moments] = []
    for part, W in _resamples(fit, draws, seed):
        waiting.append(_moments_under(fit, W))
        if part.stop % together == 0 or part.stop == draws:
            yield joined(waiting)
            waiting = []


def _estimated(fit: Fit, m: Moments) -> tuple[Draws, NDArray[np.str_]]:
    settings = fit.settings
    R = m.correlation
    reference = fit.estimates.weights[0]
    e = estimate(R, fit.layout, settings.scheme, settings.tolerance, settings.max_iterations, reference)
    problem = np.full(len(R), "", dtype="<U13")
    problem[~e.admissible] = INADMISSIBLE
    problem[~e.converged] = UNSETTLED
    no_reliability = np.isnan(e.attenuation).any(axis=1)  # a negative rho_A: a possible sample, an impossible factor
    undefined = ~np.isfinite(e.weights).all(axis=1) | ~np.isfinite(e.paths).all(axis=(1, 2))
    problem[undefined & ~(no_reliability & np.isfinite(e.weights).all(axis=1))] = SINGULAR
    problem[np.isnan(np.diagonal(R, axis1=1, axis2=2)).any(axis=1)] = CONSTANT
    draws = Draws(
        e.weights,
        e.loadings,
        e.correlations,
        e.attenuation,
        e.paths,
        e.r_squared,
        e.total_effects,
        e.htmt,
    )
    lost = np.isin(problem, (CONSTANT, SINGULAR))
    for f in fields(Draws):
        getattr(draws, f.name)[lost] = np.nan
    return draws, problem


def _resamples(fit: Fit, draws: int, seed: int) -> Iterator[tuple[slice, Array]]:
    used = fit.cases.answering(fit.settings.missing)
    base = fit.cases.weights
    first = 0
    for counts in rao_wu_counts(int(used.sum()), draws, seed):
        W = counts * base[used]
        if not used.all():
            W = np.zeros((len(counts), len(base)))
            W[:, used] = counts * base[used]
        yield slice(first, first + len(counts)), W
        first += len(counts)
