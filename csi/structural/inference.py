"""Bootstrap and jackknife of everything a fit says: resampling is a matrix of case weights, replicates are one batch."""

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csi.display import TIDY, Result, tidy
from csi.errors import CsiWarning, EstimationError
from csi.kernel.estimates import Estimates
from csi.kernel.intervals import (
    acceleration_of,
    bias_corrected_interval,
    jackknife_bias,
    jackknife_error,
    studentised_interval,
)
from csi.kernel.moments import Moments
from csi.kernel.resample import p_value, percentile_interval, standard_error
from csi.structural.blas import one_thread
from csi.structural.cases import Array
from csi.structural.fitted_model import Fit
from csi.structural.quantities import QUANTITIES, Batch, values_of
from csi.structural.replication import (
    CONSTANT,
    INADMISSIBLE,
    PROBLEMS,
    Collected,
    estimated,
    moments_of_resamples,
    moments_under,
    resamples_of,
    stage_fits,
)
from csi.structural.stages import Maps
from csi.survey.codebook import wordings

IntervalMethod = Literal["percentile", "bc", "bca", "studentised"]
Progress = Callable[[int, int], None]
_INNER = 50  # draws inside each draw for its own standard error (Davison & Hinkley 1997 ask for 50)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Bootstrap(Result):
    """Replicates of a fit, with the seed to replay the very same resamples elsewhere.

    `batch` holds moments and estimates of every replicate, NaN where it could not be estimated. `failed` counts those by reason;
    no interval uses them. Inadmissible replicates (factors only) stay in `draws`; `usable` says which the intervals use. `base`
    are the moments of the observed items, `maps` how this stage's columns follow from them, and `lower` is the bootstrap of the
    stage before, from the same resamples.
    """

    fit: Fit
    batch: Batch
    usable: NDArray[np.bool_]
    failed: Mapping[str, int]
    seed: int
    level: float
    interval: IntervalMethod
    base: Moments
    maps: Maps | None = None
    lower: "Bootstrap | None" = None
    jackknife: "Jackknife | None" = None

    def __len__(self) -> int:
        return len(self.usable)

    @property
    def draws(self) -> Estimates:
        """The kernel's estimates, one row a replicate."""
        return self.batch.estimates

    @property
    def moments(self) -> Moments:
        """Item moments of every replicate."""
        return self.batch.moments

    def resamples(self) -> Iterator[tuple[slice, Array]]:
        """The case weights of every replicate again, block by block: which replicates, and (B, n) weights.

        Rows that the fit did not use have weight 0.
        """
        yield from resamples_of(self.fit, len(self), self.seed)

    @property
    def paths(self) -> pd.DataFrame:
        """Path coefficients."""
        return self.quantity("paths")

    @property
    def total_effects(self) -> pd.DataFrame:
        """Direct plus indirect effects."""
        return self.quantity("total_effects")

    @property
    def indirect_effects(self) -> pd.DataFrame:
        """Effects through other constructs, all ways together."""
        return self.quantity("indirect_effects")

    @property
    def specific_indirect_effects(self) -> pd.DataFrame:
        """The effect along each way through other constructs."""
        return self.quantity("specific_indirect_effects")

    @property
    def htmt(self) -> pd.DataFrame:
        """Heterotrait-monotrait ratios."""
        return self.quantity("htmt")

    @property
    def weights(self) -> pd.DataFrame:
        """Outer weights."""
        return self._of_items("weights")

    @property
    def loadings(self) -> pd.DataFrame:
        """Loadings."""
        return self._of_items("loadings")

    @property
    def r_squared(self) -> pd.DataFrame:
        """Explained variances."""
        return self.quantity("r_squared")

    @property
    def reliability(self) -> pd.DataFrame:
        """Alpha, rho_a, rho_c and AVE, one row for each coefficient of each construct."""
        names = ("alpha", "rho_a", "rho_c", "ave")
        return pd.concat([self.quantity(name).assign(coefficient=name) for name in names], ignore_index=True)

    def quantity(self, name: str, interval: IntervalMethod | None = None) -> pd.DataFrame:
        """Any quantity of `csi.structural.quantities` by name, as a tidy table with `draws`, the replicates used for each term.

        A p value tests 0, and is given where 0 is a hypothesis: not for reliabilities, ratios and levels. `interval` overrides
        the method that the bootstrap was made with. "studentised" repeats the resamples with 50 draws inside each of them, which
        takes as long as 50 bootstraps.

        Raises
        ------
        EstimationError
            No such quantity; or "bca" of a bootstrap made without it, so that the acceleration is not known.
        """
        method = interval or self.interval
        terms, point = values_of(name, self.fit.batch, self.fit.batch)
        _, draws = values_of(name, self.batch, self.fit.batch)
        draws = np.where(self.usable[:, None], draws, np.nan)
        low, high = self._limits(method, name, point[0], draws)
        table = summary(terms, point[0], draws, low, high, self.fit.n)
        if not QUANTITIES[name].tested:
            table["p_value"] = np.nan
        if not self.fit.admissible:
            table["note"] = INADMISSIBLE
        survey = self.fit.cases.survey
        words = wordings(survey.codebook if survey else None, self.fit.model.names, self.fit.model.items)
        table.attrs = {"level": self.level, "interval": method} | dict(words.items())
        return table

    def _limits(self, method: IntervalMethod, name: str, point: Array, draws: Array) -> tuple[Array, Array]:
        if method == "percentile":
            return percentile_interval(draws, self.level)
        if method == "bc":
            return bias_corrected_interval(draws, point, self.level)
        if method == "bca":
            if self.jackknife is None:
                raise EstimationError(
                    "BCa needs the influence of each unit. Call csi.bootstrap(fit, ..., interval='bca'); without it the interval "
                    "is 'bc'."
                )
            acceleration = self.jackknife.acceleration(name)
            return bias_corrected_interval(draws, point, self.level, acceleration)
        if method == "studentised":
            errors = _errors_of_draws(self, name)
            return studentised_interval(draws, errors, point, standard_error(draws), self.level)
        raise EstimationError(
            f"interval must be one of {', '.join(map(repr, get_args(IntervalMethod)))}, not {method!r}."
        )

    def headline(self) -> list[str]:
        """Replicates, seed, failures."""
        failed = ", ".join(f"{count} {reason}" for reason, count in self.failed.items() if count)
        return [
            f"Bootstrap: {len(self):,} draws, seed {self.seed}, {self.level:.0%} {self.interval} intervals",
            f"not used: {failed}" if failed else "every draw could be estimated",
        ]

    def table(self) -> pd.DataFrame:
        """Paths with their intervals; `.weights`, `.loadings`, `.htmt`, `.quantity(name)` give the rest."""
        return self.paths

    def _of_items(self, name: str) -> pd.DataFrame:
        return self.quantity(name).assign(construct=[self.fit.model.names[j] for j in self.fit.layout.block])


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Jackknife(Result):
    """A fit without one primary unit each (groups of units beyond 5,000): bias, standard error, acceleration.

    `batch` is (U, ...), `strata` (U,) the stratum of the unit left out.
    """

    fit: Fit
    batch: Batch
    strata: NDArray[np.intp]

    def quantity(self, name: str) -> pd.DataFrame:
        """Estimate, jackknife standard error and bias of a quantity by name."""
        terms, point = values_of(name, self.fit.batch, self.fit.batch)
        left = self._left(name)
        return tidy(
            (
                {"term": term, "estimate": value, "std_error": error, "bias": bias, "n": self.fit.n}
                for term, value, error, bias in zip(
                    terms,
                    point[0],
                    jackknife_error(left, self.strata),
                    jackknife_bias(left, point[0], self.strata),
                    strict=True,
                )
            ),
            ["bias"],
        )

    def acceleration(self, name: str) -> Array:
        """(m,) acceleration of each term of a quantity (Davison & Hinkley 1997)."""
        return acceleration_of(self._left(name), self.strata)

    def headline(self) -> list[str]:
        """How many times the fit was repeated."""
        return [f"Jackknife: {len(self.strata):,} fits, each without one primary unit or group of units"]

    def table(self) -> pd.DataFrame:
        """Paths."""
        return self.quantity("paths")

    def _left(self, name: str) -> Array:
        return values_of(name, self.batch, self.fit.batch)[1]


@one_thread
def bootstrap(
    fit: Fit,
    draws: int = 2000,
    *,
    seed: int = 1,
    level: float = 0.95,
    interval: IntervalMethod = "percentile",
    progress: Progress = lambda done, all: None,
) -> Bootstrap:
    """Resample primary units within strata and estimate everything again, in batches (Rao-Wu bootstrap, Rao & Wu 1988).

    The treatment of missing answers and the raking to population margins are repeated in every replicate, survey weights enter
    every replicate, and each construct keeps the direction of the fit (the sign of w_b' R w_0); single paths are never flipped.

    Parameters
    ----------
    draws
        Number of replicates.
    seed
        The same seed gives the same replicates, on any machine and in any order of use.
    level
        Coverage of the intervals.
    interval
        "percentile", "bc" (bias-corrected), "bca" (with the acceleration of a stratified jackknife; Efron 1987) or "studentised".
    progress
        Told how many replicates are done, and of how many.

    Raises
    ------
    EstimationError
        Fewer than 2 draws, a level outside 0-1, an unknown interval, or no replicate could be estimated.
    """
    if draws < 2 or not 0 < level < 1:
        raise EstimationError(f"bootstrap needs draws >= 2 and 0 < level < 1, not draws={draws}, level={level}.")
    if interval not in get_args(IntervalMethod):
        raise EstimationError(
            f"interval must be one of {', '.join(map(repr, get_args(IntervalMethod)))}, not {interval!r}."
        )
    collected = Collected(fit, draws)
    for done in collected.run(moments_of_resamples(fit, draws, seed)):
        progress(done, draws)
    staged, problem = collected.joined()
    base = collected.base
    usable = problem == ""
    if not fit.admissible:  # then the draws tell the same story as the estimate, and none is dropped
        usable |= problem == INADMISSIBLE
    failed = {reason: int((problem == reason).sum()) for reason in PROBLEMS}
    if not usable.any():
        raise EstimationError(
            f"none of {draws} replicates could be estimated: {_reasons(failed, fit, base)}. The sample is too small "
            "for the model, or its items and predictors repeat one another."
        )
    chain = stage_fits(fit)
    _warn_if_many_are_lost(usable, _reasons(failed, fit, base))
    left: list[Jackknife] | list[None] = _jackknives(fit) if interval == "bca" else [None] * len(chain)
    result: Bootstrap | None = None
    for each, part, without in zip(chain, staged, left, strict=True):
        how = (seed, level, interval)
        result = Bootstrap(each, part.batch, usable, failed, *how, base, part.maps, result, without)
    if result is None:  # a fit has at least one stage
        raise EstimationError("the fit has no stage.")
    return result


def require_own_bootstrap(fit: Fit, boot: Bootstrap | None) -> None:
    """Raise EstimationError if the bootstrap is of another fit."""
    if boot is not None and boot.fit is not fit:
        raise EstimationError("the bootstrap belongs to another fit. Call csi.bootstrap on this one.")


@one_thread
def jackknife(fit: Fit) -> Jackknife:
    """Estimate everything again without each primary unit in turn, within strata (groups of units beyond 5,000).

    >>> frame = pd.DataFrame({"q": [1, 2, 3, 4.0], "s": [1, 3, 2, 5.0]})
    >>> from csi.structural.estimation import fit
    >>> from csi.model.model import Model
    >>> print(jackknife(fit(Model.parse("Q <~ q; S <~ s; S ~ Q"), frame)).headline()[0])
    Jackknife: 4 fits, each without one primary unit or group of units
    """
    return _jackknives(fit)[-1]


def _jackknives(fit: Fit) -> list[Jackknife]:
    """The jackknife of every stage, first stage first."""
    fit.require_cases("the jackknife")
    cases = fit.origin.cases
    used = cases.answering(fit.settings.missing)
    strata: list[NDArray[np.intp]] = []
    collected = Collected(fit, cases.sample.left_out(used))

    def pieces() -> Iterator[Moments]:
        for W, stratum in cases.sample.jackknife(used):
            strata.append(np.full(len(W), stratum))
            yield moments_under(fit, W)

    for _ in collected.run(pieces()):
        pass
    staged, _ = collected.joined()
    return [Jackknife(each, s.batch, np.concatenate(strata)) for each, s in zip(stage_fits(fit), staged, strict=True)]


def summary(terms: list[str], point: Array, draws: Array, low: Array, high: Array, n: int) -> pd.DataFrame:
    """A tidy table of estimates (m,) with errors and p values from draws (B, m), and how many draws each term has.

    What is the same in every draw, as the loading of a single item, is not estimated: it has no error, interval or test.
    """
    error = standard_error(draws)
    estimated = ~(error <= 1e-12 * np.maximum(np.abs(point), 1))
    columns = {
        "term": terms,
        "estimate": point,
        "std_error": np.where(estimated, error, np.nan),
        "ci_low": np.where(estimated, low, np.nan),
        "ci_high": np.where(estimated, high, np.nan),
        "p_value": np.where(estimated, p_value(draws), np.nan),
        "n": n,
        "draws": np.isfinite(draws).sum(axis=0),
    }
    return pd.DataFrame(columns, columns=[*TIDY, "draws"])


def _errors_of_draws(boot: Bootstrap, name: str) -> Array:
    """(B, m) standard error of each draw, from draws inside it."""
    fit = boot.fit
    fit.require_cases("a studentised interval")
    cases = fit.origin.cases
    used, found = cases.answering(fit.settings.missing), []
    for W in cases.sample.resamples_within(used, len(boot), _INNER, boot.seed):
        staged, _ = estimated(fit, moments_under(fit, W))
        found.append(standard_error(values_of(name, staged[-1].batch, fit.batch)[1]))
    return np.array(found)


def _reasons(failed: Mapping[str, int], fit: Fit, base: Moments) -> str:
    """The counts in words, with the items that were constant most often."""
    constant = dict(zip(fit.origin.cases.items, (base.sd == 0).sum(axis=0), strict=True))
    worst = ", ".join(
        repr(item) for item in sorted(constant, key=constant.__getitem__, reverse=True)[:3] if constant[item]
    )
    named = {CONSTANT: f"{CONSTANT}: {worst}" if worst else CONSTANT}
    return ", ".join(f"{count} {named.get(reason, reason)}" for reason, count in failed.items() if count)


def _warn_if_many_are_lost(usable: NDArray[np.bool_], reasons: str) -> None:
    lost = 1 - float(usable.mean())
    if lost > 0.05:
        warnings.warn(
            f"{lost:.1%} of the replicates could not be used ({reasons}); intervals from the others may mislead.",
            CsiWarning,
            stacklevel=3,
        )
