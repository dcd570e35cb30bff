"""Could the misfit be sampling error alone? The bootstrap test of exact overall fit (Beran & Srivastava 1985)."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from csi.display import Result, tidy
from csi.errors import EstimationError
from csi.kernel import overall_fit
from csi.kernel.moments import Moments
from csi.kernel.resample import quantiles_at
from csi.structural.blas import one_thread
from csi.structural.cases import Array
from csi.structural.fitted_model import Fit
from csi.structural.one_stage import require_one_stage
from csi.structural.quantities import FIT_MEASURES, fit_measures
from csi.structural.replication import estimated, moments_of_resamples

DISTANCES = ("srmr", "d_uls", "d_g", "d_ml")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ExactFit(Result):
    """Distances between data and model, their critical values if the model were exactly true, and p values.

    `draws` (B, 4) are the distances under the model; NaN where a replicate could not be estimated.
    """

    fit: Fit
    statistics: Array
    draws: Array
    level: float
    seed: int

    @property
    def rejected(self) -> bool:
        """Whether any distance exceeds its critical value."""
        return bool((self.statistics > self._critical).any())

    @property
    def _critical(self) -> Array:
        return quantiles_at(self.draws, np.full(len(DISTANCES), 1 - self.level))

    def headline(self) -> list[str]:
        """The verdict in a sentence."""
        used = int(np.isfinite(self.draws).all(axis=1).sum())
        said = "the misfit is more than sampling error" if self.rejected else "the misfit can be sampling error"
        return [f"Exact fit, {used:,} of {len(self.draws):,} draws under the model, level {self.level:g}: {said}"]

    def table(self) -> pd.DataFrame:
        """One row a distance: value, critical value, p value."""
        count = np.isfinite(self.draws).sum(axis=0)
        larger = (self.draws >= self.statistics).sum(axis=0)
        rows = zip(DISTANCES, self.statistics, self._critical, (1 + larger) / (1 + count), strict=True)
        return tidy(
            (
                {
                    "term": name,
                    "estimate": value,
                    "p_value": p,
                    "n": self.fit.n,
                    "critical": limit,
                    "rejected": value > limit,
                }
                for name, value, limit, p in rows
            ),
            ["critical", "rejected"],
        )


@one_thread
def exact_fit(fit: Fit, draws: int = 999, *, seed: int = 1, level: float = 0.05) -> ExactFit:
    """Test whether the model reproduces the item correlations exactly (Beran & Srivastava 1985; Dijkstra & Henseler 2015).

    The answers are transformed so that the model is true of them, resampled and estimated again: how far the distances then
    stray is chance. A large sample rejects small misfit; see SRMR for its size. The transformation acts on moments, so no case is
    touched.

    Parameters
    ----------
    draws
        Number of resamples.
    level
        Share of true models that the test may reject.

    Raises
    ------
    EstimationError
        A model of several stages; or the item correlations, observed or implied, are not positive definite.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> x = rng.normal(size=300)
    >>> items = {f"{k}{i}": x + rng.normal(size=300) for k in "ab" for i in (1, 2, 3)}
    >>> from csi import Model, fit
    >>> model = Model.parse("A =~ a1 + a2 + a3; B =~ b1 + b2 + b3; B ~ A")
    >>> import warnings; warnings.simplefilter("ignore")  # factors this alike are inadmissible now and then
    >>> exact_fit(fit(model, pd.DataFrame(items)), 199).rejected
    False
    """
    if draws < 2 or not 0 < level < 1:
        raise EstimationError(f"exact_fit needs draws >= 2 and 0 < level < 1, not draws={draws}, level={level}.")
    require_one_stage(fit, "the test of exact fit")
    if not fit.converged:
        raise EstimationError("the fit did not converge; what it implies says nothing about the model.")
    R = fit.moments.correlation
    implied = overall_fit.implied_item_correlations(R, fit.estimates, fit.layout)
    transform = _power(R[0], -0.5, "observed") @ _power(implied[0], 0.5, "implied")
    linear = (transform / fit.moments.sd[0][:, None])[None]
    place = [FIT_MEASURES.index(name) for name in DISTANCES]
    found = []
    for m in moments_of_resamples(fit, draws, seed):
        under_model = _mapped(m, linear)
        staged, problem = estimated(fit, under_model)
        found.append(np.where((problem == "")[:, None], fit_measures(staged[-1].batch)[:, place], np.nan))
    return ExactFit(fit, fit_measures(fit.batch)[0, place], np.concatenate(found), level, seed)


def _mapped(m: Moments, linear: Array) -> Moments:
    count = len(m.mean)
    return m.mapped(np.broadcast_to(linear, (count, *linear.shape[1:])), np.zeros((count, linear.shape[2])))


def _power(R: Array, exponent: float, which: str) -> Array:
    """A symmetric positive definite matrix to a power."""
    roots, vectors = np.linalg.eigh(R)
    if roots[0] <= 1e-10:
        raise EstimationError(
            f"the {which} item correlations are not positive definite (smallest eigenvalue {roots[0]:.3g}), so the model cannot "
            "be made true of the data. Look for items that repeat one another, or an inadmissible solution."
        )
    return np.asarray((vectors * roots**exponent) @ vectors.T)
