"""What a model of common factors says: its tables, its fit, and what is wrong with it."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy.stats import norm

from csi.display import Result, tidy
from csi.kernel import reliability
from csi.kernel.covariance_structure import Maximum, Solution, Structure, jacobian
from csi.kernel.likelihood_fit import LikelihoodFit, ScaledFit
from csi.model.model import Model
from csi.structural.cases import Array, Cases
from csi.structural.lavaan_text import lavaan_text, terms_of

Treatment = Literal["em", "listwise"]


@dataclass(frozen=True, slots=True, eq=False)
class Sufficient:
    """What the likelihood sees: number of answering rows, standard deviations (p,) with divisor n, correlations (p, p)."""

    n: int
    sd: Array
    R: Array

    @property
    def S(self) -> Array:  # noqa: N802 - the literature's symbol
        """(p, p) item covariances, divisor n."""
        return self.R * self.sd * self.sd[:, None]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CovarianceFit(Result):
    """A model of common factors; loadings, paths and correlations are standardised, `parameters` has both scales.

    `covariance` (q, q) is the sampling covariance of the parameters for items of unit variance; `problems` says in words what is
    wrong with the solution, and is empty when nothing is.
    """

    model: Model
    cases: Cases
    missing: Treatment
    observed: Sufficient
    structure: Structure
    maximum: Maximum
    covariance: Array
    likelihood: LikelihoodFit
    scaled: ScaledFit | None
    problems: tuple[str, ...]

    @property
    def n(self) -> int:
        """Answering rows."""
        return self.observed.n

    @property
    def converged(self) -> bool:
        """Whether the likelihood has a maximum there."""
        return self.maximum.converged

    @property
    def admissible(self) -> bool:
        """Whether all variances are positive and the construct correlations are possible ones."""
        s = self.solution
        return bool(
            (self.structure.entries(s)[self._is_variance] > 0).all()
            and np.isfinite(s.Phi).all()
            and np.linalg.eigvalsh(s.Phi)[0] > 0
        )

    @property
    def solution(self) -> Solution:
        """The model's matrices, standardised."""
        return self.structure.solution(self.maximum.theta).standardised()

    @property
    def loadings(self) -> pd.DataFrame:
        """(items x constructs) standardised loadings, 0 elsewhere; 1 for a single item, which is its construct."""
        return pd.DataFrame(self.solution.Lambda, self.model.items, self.model.names)

    @property
    def paths(self) -> pd.DataFrame:
        """(from x to) standardised path coefficients, 0 where there is no path."""
        return self._square(self.solution.paths)

    @property
    def total_effects(self) -> pd.DataFrame:
        """(from x to) direct plus indirect effects, standardised."""
        return self._square(self.solution.total - np.eye(len(self.model.names)))

    @property
    def construct_correlations(self) -> pd.DataFrame:
        """(constructs x constructs) as the model implies them."""
        return self._square(self.solution.Phi)

    @property
    def r_squared(self) -> "pd.Series[float]":
        """Explained variance of each endogenous construct."""
        explained = 1 - np.diagonal(self.solution.disturbance)
        return pd.Series(explained, self.model.names).iloc[np.unique(self.structure.path_to)]

    @property
    def item_r_squared(self) -> "pd.Series[float]":
        """Share of each item's variance that its construct explains; single items have none of their own."""
        items = [self.model.items[i] for i in self.structure.residuals]
        return pd.Series(1 - self.solution.residual[self.structure.residuals], items)

    @property
    def reliability(self) -> pd.DataFrame:
        """(constructs x alpha, rho_c, ave), rho_c (omega) and ave from the standardised loadings; NaN for single items."""
        rows = [
            (
                reliability.cronbach_alpha(self.observed.R[b, b]),
                reliability.composite_reliability(self.solution.loadings[b]),
                reliability.average_variance_extracted(self.solution.loadings[b]),
            )
            for b in self.structure.layout.slices
        ]
        return pd.DataFrame(rows, self.model.names, ["alpha", "rho_c", "ave"], dtype=float)

    @property
    def implied_covariances(self) -> pd.DataFrame:
        """(items x items) covariances that the model implies, in the items' units, divisor n."""
        sd = self.observed.sd
        Sigma = self.structure.solution(self.maximum.theta).Sigma * sd * sd[:, None]
        return pd.DataFrame(Sigma, self.model.items, self.model.items)

    @property
    def fit_measures(self) -> "pd.Series[float]":
        """The test of exact fit, comparative and absolute indices, log-likelihood and information criteria.

        With `robust=True` the scaled and robust versions stand at the end. See `csi.kernel.likelihood_fit` for the definitions.
        """
        scaled = {} if self.scaled is None else asdict(self.scaled)
        return pd.Series({**asdict(self.likelihood), **scaled, "n": self.n}, dtype=float)

    @property
    def parameters(self) -> pd.DataFrame:
        """All parameters in the items' units: tidy, with z, kind, and the standardised value and its error.

        The first loading of a construct is fixed at 1 and has no error. Intervals cover 95 %.
        """
        marker = self.observed.sd[self.structure.layout.starts]
        estimate, error = self._with_errors(lambda s: s.rescaled(self.observed.sd, marker))
        standardised, its_error = self._with_errors(Solution.standardised)
        table = self._inference(estimate, error)
        table["z"] = estimate / error
        table["kind"] = self._kinds
        table["standardised"], table["standardised_error"] = standardised, its_error
        return table

    @property
    def lavaan(self) -> str:
        """The model in lavaan's syntax: `sem(text, data, fixed.x = FALSE)` there fits the same one."""
        return lavaan_text(self.model)

    def headline(self) -> list[str]:
        """Sizes, fit, and what is wrong."""
        f = self.likelihood
        gaps = float(np.isnan(self.cases.answers).mean())
        lines = [
            f"Covariance fit: n = {self.n:,}, {len(self.model.names)} constructs, {len(self.model.items)} items, "
            f"{f.parameters} parameters; maximum likelihood",
            f"chi2({f.df}) = {f.chi2:.1f}, p = {f.p_value:.3g}; CFI {f.cfi:.3f}, TLI {f.tli:.3f}, "
            f"RMSEA {f.rmsea:.3f} [{f.rmsea_low:.3f}, {f.rmsea_high:.3f}], SRMR {f.srmr:.3f}",
        ]
        if self.scaled is not None:
            r = self.scaled
            lines.append(
                f"robust: chi2 = {r.chi2_scaled:.1f}, p = {r.p_scaled:.3g}; CFI {r.cfi_robust:.3f}, RMSEA {r.rmsea_robust:.3f}"
            )
        if gaps:
            lines.append(f"missing answers {gaps:.1%}, treated by {self.missing!r}")
        shown = [f"BEWARE: {problem}" for problem in self.problems[:2]]
        more = len(self.problems) - len(shown)
        return lines + shown + ([f"and {more} more in .problems"] if more else [])

    def table(self) -> pd.DataFrame:
        """Standardised paths with errors and 95 % intervals (delta method), one row each; `.parameters` has the rest."""
        table = self._inference(*self._with_errors(Solution.standardised))
        return table[[kind == "path" for kind in self._kinds]].reset_index(drop=True)

    @property
    def _kinds(self) -> list[str]:
        return [kind for kind, _ in terms_of(self.model, self.structure)]

    @property
    def _is_variance(self) -> list[bool]:
        return [kind in ("residual", "variance") for kind in self._kinds]

    def _with_errors(self, units: Callable[[Solution], Solution]) -> tuple[Array, Array]:
        """Entries of the solution in some units and their errors, NaN where an entry is fixed (delta method)."""

        def entries(theta: Array) -> Array:
            return self.structure.entries(units(self.structure.solution(theta)))

        J = jacobian(entries, self.maximum.theta)
        error = np.sqrt(np.einsum("iq,qr,ir->i", J, self.covariance, J))
        return entries(self.maximum.theta), np.where(error > 1e-10, error, np.nan)

    def _inference(self, estimate: Array, error: Array) -> pd.DataFrame:
        columns = {
            "term": [term for _, term in terms_of(self.model, self.structure)],
            "estimate": estimate,
            "std_error": error,
            "ci_low": estimate - norm.ppf(0.975) * error,
            "ci_high": estimate + norm.ppf(0.975) * error,
            "p_value": 2 * norm.sf(np.abs(estimate / error)),
            "n": self.n,
        }
        return tidy(pd.DataFrame(columns).to_dict("records"))  # type: ignore[arg-type]

    def _square(self, values: Array) -> pd.DataFrame:
        return pd.DataFrame(values, self.model.names, self.model.names)
