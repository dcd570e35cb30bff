"""Estimate a fit's model again under other case weights: every replicate, group or permutation is a row of a batch."""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from csi.errors import EstimationError
from csi.kernel import estimates as kernel
from csi.kernel.estimates import Estimates
from csi.kernel.moments import Moments, joined
from csi.kernel.resample import BLOCK
from csi.kernel.small_matrices import positive_semidefinite
from csi.kernel.sums import put, room_for
from csi.structural.cases import Array
from csi.structural.fitted_model import Fit
from csi.structural.quantities import Batch
from csi.structural.stages import Maps, Staged, base_moments, estimate_stages

_CELLS = 2_400_000  # correlations estimated at once: many, so that calls of numpy cost little; few enough for memory

UNMET, CONSTANT, SINGULAR = "margins not met", "constant item", "singular"
UNSETTLED, OSCILLATING, INADMISSIBLE = "not converged", "oscillating", "inadmissible"
PROBLEMS = (UNMET, CONSTANT, SINGULAR, UNSETTLED, OSCILLATING, INADMISSIBLE)


def replicate(fit: Fit, W: Array) -> tuple[Batch, NDArray[np.str_]]:
    """Estimate the fit's model under case weights W (B, n); the second array names what is wrong with a replicate."""
    staged, problem = estimated(fit, moments_under(fit, W))
    return staged[-1].batch, problem


def stage_fits(fit: Fit) -> list[Fit]:
    """The fits of all stages, first stage first."""
    return [*(stage_fits(fit.lower) if fit.lower is not None else ()), fit]


class Collected:
    """Estimates of batches as they come; `joined` makes one of them.

    Covariances are most of what a bootstrap holds: they go to their place at once, and batches are views of it.
    """

    def __init__(self, fit: Fit, replicates: int) -> None:
        self.fit = fit
        self.base = room_for(replicates, len(fit.origin.cases.items))
        self.parts: list[list[Staged]] = []
        self.problems: list[NDArray[np.str_]] = []

    def __len__(self) -> int:
        return sum(len(problem) for problem in self.problems)

    def run(self, pieces: Iterable[Moments]) -> Iterator[int]:
        """Estimate replicates from the moments of piece after piece; how many are done is told again and again."""
        for staged, problem in estimated_ahead(self.fit, self._batches(pieces)):
            self.parts.append(staged)
            self.problems.append(problem)
            yield len(self)

    def _batches(self, pieces: Iterable[Moments]) -> Iterator[Moments]:
        """Views of the base moments, as many replicates at once as the kernel is quickest with."""
        start, done, together = 0, 0, _together(self.fit)
        for m in pieces:
            put(self.base, done, m)
            done += len(m.n)
            if done - start >= together:
                yield self.base.part(slice(start, done))
                start = done
        if done > start:
            yield self.base.part(slice(start, done))

    def joined(self) -> tuple[list[Staged], NDArray[np.str_]]:
        """The estimates of each stage, and what is wrong with each replicate."""
        together = [_joined([part[k] for part in self.parts], self.base) for k in range(len(self.parts[0]))]
        return together, np.concatenate(self.problems)


def _joined(parts: list[Staged], base: Moments) -> Staged:
    first = parts[0].batch
    e = kernel.joined([part.batch.estimates for part in parts])
    m = base if parts[0].maps is None else joined([part.batch.moments for part in parts])
    batch = Batch(first.model, first.layout, m, e, first.low, first.high)
    maps = [part.maps for part in parts if part.maps is not None]
    if not maps:
        return Staged(batch, None)
    return Staged(batch, Maps(np.concatenate([m.linear for m in maps]), np.concatenate([m.offset for m in maps])))


def moments_under(fit: Fit, W: Array) -> Moments:
    """Base moments under case weights W (B, n), with gaps treated as the fit treats them."""
    fit.require_cases("other case weights")
    return base_moments(fit.origin.cases.answers, W, fit.settings, fit.origin.moments)


def moments_of_resamples(fit: Fit, draws: int, seed: int) -> Iterator[Moments]:
    """Moments of all replicates, piece by piece, none larger than the kernel is quick with."""
    most = min(_together(fit), BLOCK)
    buckets = fit.origin.buckets
    if buckets is None:
        for _, W in resamples_of(fit, draws, seed):
            yield from (moments_under(fit, W[first : first + most]) for first in range(0, len(W), most))
        return
    if not buckets.resampleable:
        raise EstimationError(
            "the moments were summed without units, so nothing can be resampled. Give csi.moments_of the column of the primary "
            "unit: unit='customer_id'."
        )
    items = np.array([buckets.items.index(item) for item in fit.origin.cases.items])
    for m in buckets.resamples(draws, seed):
        yield m.of_items(items)


def _together(fit: Fit) -> int:
    """Replicates estimated at once: whole blocks, or of a model of very many items some 64ths of one."""
    count = int(_CELLS // len(fit.origin.cases.items) ** 2)
    return count // BLOCK * BLOCK if count >= BLOCK else max(64, count // 64 * 64)


def estimated(fit: Fit, m: Moments) -> tuple[list[Staged], NDArray[np.str_]]:
    """All stages of the fit's model under base moments, and what is wrong with each replicate ('' if nothing)."""
    references = [each.estimates.weights[0] for each in stage_fits(fit)]
    stages = fit.origin.stages[: len(references)]  # a lower stage needs none of those that follow
    staged = estimate_stages(stages, fit.origin.cases, m, fit.settings, references)
    problem = np.full(len(m.mean), "", dtype="<U15")
    for each in staged:
        found = _problems(each.batch)
        problem = np.where(problem == "", found, problem)
    if not fit.settings.coherent:
        impossible = ~positive_semidefinite(np.ascontiguousarray(np.moveaxis(m.correlation, 0, -1)))
        problem[(problem == "") & impossible] = INADMISSIBLE
    problem[np.isnan(m.mean).all(axis=1)] = UNMET
    lost = np.isin(problem, (UNMET, CONSTANT, SINGULAR))
    for each in staged:
        for f in fields(Estimates):
            values = getattr(each.batch.estimates, f.name)
            if values.dtype == float:
                values[lost] = np.nan
    return staged, problem


def estimated_ahead(fit: Fit, batches: Iterable[Moments]) -> Iterator[tuple[list[Staged], NDArray[np.str_]]]:
    """`estimated` of batch after batch, in their order; the next are made and estimated while the last is being used."""
    workers = min(os.cpu_count() or 1, 4)
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[tuple[list[Staged], NDArray[np.str_]]]] = deque()
        for m in batches:
            waiting.append(pool.submit(estimated, fit, m))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        for future in waiting:
            yield future.result()


def _problems(batch: Batch) -> NDArray[np.str_]:
    e = batch.estimates
    problem = np.full(len(batch), "", dtype="<U15")
    problem[~e.admissible] = INADMISSIBLE
    problem[~e.converged] = UNSETTLED
    problem[e.oscillating] = OSCILLATING
    no_reliability = np.isnan(e.attenuation).any(axis=1)  # a negative rho_A: a possible sample, an impossible factor
    undefined = ~np.isfinite(e.weights).all(axis=1) | ~np.isfinite(e.paths).all(axis=(1, 2))
    problem[undefined & ~(no_reliability & np.isfinite(e.weights).all(axis=1))] = SINGULAR
    problem[~(batch.moments.sd > 0).all(axis=1)] = CONSTANT
    return problem


def resamples_of(fit: Fit, draws: int, seed: int) -> Iterator[tuple[slice, Array]]:
    """Case weights (B, n) of all replicates, with the slice of replicates that they are."""
    fit.require_cases("case weights")
    cases = fit.origin.cases
    first = 0
    for W in cases.sample.resamples(cases.answering(fit.settings.missing), draws, seed):
        yield slice(first, first + len(W)), W
        first += len(W)
