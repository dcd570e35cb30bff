"""A fitted model: everything that the point estimate says, labelled."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from csi.display import Result, tidy
from csi.errors import EstimationError
from csi.kernel import effects, importance
from csi.kernel.buckets import BucketMoments
from csi.kernel.estimates import Estimates, cross_loadings
from csi.kernel.missing import completed
from csi.kernel.moments import CONDITIONAL, Missing, Moments, moments
from csi.kernel.pls import Layout
from csi.model.model import Model
from csi.model.stages import Stage
from csi.structural.cases import Array, Cases
from csi.structural.quantities import FIT_MEASURES, Batch, effects_in_points, reliabilities, values_of
from csi.structural.stages import Maps, Settings


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """What a fit starts from and every replicate starts from again: the asked model, its stages, the observed columns.

    A fit of moments that an engine summed has no cases, but `buckets` to resample.
    """

    model: Model
    stages: tuple[Stage, ...]
    cases: Cases
    moments: Moments
    buckets: BucketMoments | None = None

    def completing(self, missing: Missing) -> Moments:
        """The moments that say what a gap would have been; those of `regression` say what it made of the gaps."""
        if missing != "regression" or not np.isnan(self.cases.answers).any():
            return self.moments
        return moments(self.cases.answers, self.cases.weights[None, :])

    def filled(self, missing: Missing) -> Array:
        """The observed columns with their gaps filled."""
        return _filled(self.cases.X, self.completing(missing), missing)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Fit(Result):
    """A fitted model; the properties are labelled pandas objects in standard-deviation units unless said otherwise.

    A model with higher-order constructs or interactions is estimated in stages: this is the last one, whose items may be scores
    of the stage before; `lower` is that stage's fit.
    """

    model: Model
    cases: Cases
    settings: Settings
    batch: Batch
    origin: Origin
    lower: "Fit | None" = None
    maps: Maps | None = None

    @property
    def moments(self) -> Moments:
        """Item moments, a batch of one."""
        return self.batch.moments

    @property
    def estimates(self) -> Estimates:
        """The kernel's estimates, a batch of one."""
        return self.batch.estimates

    @property
    def layout(self) -> Layout:
        """The model as the kernel sees it."""
        return self.batch.layout

    @property
    def n(self) -> int:
        """Answering rows."""
        return int(self.moments.n[0])

    @property
    def converged(self) -> bool:
        """Whether the outer weights settled within the iterations allowed, in every stage."""
        return bool(self.estimates.converged[0]) and (self.lower is None or self.lower.converged)

    @property
    def admissible(self) -> bool:
        """Whether the (disattenuated) estimates are possible ones; see `assess` for what is wrong if not.

        Correlations taken pair by pair (`pairwise`, polychoric) that cannot all be true at once are not possible ones either.
        """
        possible = self.settings.coherent or self.smallest_item_eigenvalue > -1e-9
        return bool(self.estimates.admissible[0] and possible) and (self.lower is None or self.lower.admissible)

    @property
    def smallest_eigenvalue(self) -> float:
        """Of the construct correlations: below 0 they are impossible; NaN where a negative reliability leaves none."""
        C = self.estimates.correlations[0]
        return float(np.linalg.eigvalsh(C)[0]) if np.isfinite(C).all() else np.nan

    @property
    def smallest_item_eigenvalue(self) -> float:
        """Of the correlations of the observed columns: below 0 they cannot be those of any sample."""
        return float(np.linalg.eigvalsh(self.origin.moments.correlation[0])[0])

    @property
    def iterations(self) -> int:
        """Weight updates used."""
        return int(self.estimates.iterations[0])

    @property
    def weights(self) -> pd.DataFrame:
        """(items x constructs) outer weights for standardised items; every score has unit variance."""
        return self._by_block(self.estimates.weights[0])

    @property
    def loadings(self) -> pd.DataFrame:
        """(items x constructs) loadings of each item on its own construct, 0 elsewhere."""
        return self._by_block(self.estimates.loadings[0])

    @property
    def cross_loadings(self) -> pd.DataFrame:
        """(items x constructs) correlation of every item with every construct score."""
        cross = cross_loadings(self.moments.correlation, self.estimates.weights, self.layout)
        return pd.DataFrame(cross[0], self.model.items, self.model.names)

    @property
    def paths(self) -> pd.DataFrame:
        """(from x to) standardised path coefficients, 0 where there is no path."""
        return self._square(self.estimates.paths[0])

    @property
    def total_effects(self) -> pd.DataFrame:
        """(from x to) direct plus indirect effects."""
        return self._square(self.estimates.total_effects[0])

    @property
    def indirect_effects(self) -> pd.DataFrame:
        """(from x to) effects through other constructs."""
        return self.total_effects - self.paths

    @property
    def specific_indirect_effects(self) -> "pd.Series[float]":
        """The effect along each way through other constructs."""
        return self.values("specific_indirect_effects")

    @property
    def effects_in_points(self) -> pd.DataFrame:
        """(from x to) total effects in points of the effect per point of the cause, on 0-100."""
        self.require_scale()
        return self._square(effects_in_points(self.batch)[0])

    @property
    def construct_correlations(self) -> pd.DataFrame:
        """(constructs x constructs); disattenuated where a construct is a factor."""
        return self._square(self.estimates.correlations[0])

    @property
    def r_squared(self) -> "pd.Series[float]":
        """Explained variance of each endogenous construct."""
        return pd.Series(self.estimates.r_squared[0], self.model.names).dropna()

    @property
    def r_squared_adjusted(self) -> "pd.Series[float]":
        """1 - (1 - R2)(n - 1)/(n - k - 1) with k predecessors."""
        return self.values("r_squared_adjusted")

    @property
    def reliability(self) -> pd.DataFrame:
        """(constructs x alpha, rho_a, rho_c, ave); NaN for single items and Mode B, where nothing is defined."""
        return pd.DataFrame({name: value[0] for name, value in reliabilities(self.batch).items()}, self.model.names)

    @property
    def fornell_larcker(self) -> pd.DataFrame:
        """(constructs x constructs) square roots of AVE on the diagonal, correlations below it (Fornell & Larcker 1981)."""
        table = self._square(np.tril(self.estimates.correlations[0], -1))
        ave = self.reliability["ave"].to_numpy()
        values = table.to_numpy(copy=True)
        np.fill_diagonal(values, np.sqrt(ave))
        return self._square(np.where(np.tri(len(ave), dtype=bool), values, np.nan))

    @property
    def htmt(self) -> pd.DataFrame:
        """(constructs x constructs) heterotrait-monotrait ratios, lower triangle; NaN for Mode B."""
        return self._square(self.estimates.htmt[0])

    @property
    def f_squared(self) -> pd.DataFrame:
        """(from x to) Cohen's f2 with the scores held fixed, NaN where there is no path."""
        e = self.estimates
        return self._square(effects.f_squared(e.correlations, e.paths, e.r_squared, self.layout)[0])

    @property
    def inner_vif(self) -> pd.DataFrame:
        """(from x to) variance inflation of each predecessor in each equation, NaN where there is no path."""
        return self._square(effects.inner_vif(self.estimates.correlations, self.layout)[0])

    @property
    def item_vif(self) -> "pd.Series[float]":
        """Variance inflation of each item by the other items of its construct."""
        return self.values("item_vif")

    @property
    def overall_fit(self) -> "pd.Series[float]":
        """How well the model reproduces the item correlations: srmr, d_uls, d_g, d_ml, nfi (Dijkstra & Henseler 2015)."""
        return self.values("overall_fit").reindex(FIT_MEASURES)

    @property
    def model_selection(self) -> pd.DataFrame:
        """(constructs x aic, bic, gm, hq) of each equation, to choose among models of the same construct; smaller is better."""
        return pd.DataFrame({name: self.values(name) for name in ("aic", "bic", "gm", "hq")})

    def values(self, quantity: str) -> "pd.Series[float]":
        """A quantity of `csi.structural.quantities` by name, one entry a term."""
        terms, found = values_of(quantity, self.batch, self.batch)
        return pd.Series(found[0], terms)

    @property
    def scores(self) -> pd.DataFrame:
        """(cases x constructs) standardised construct scores."""
        self.require_cases("a score")
        Z = (self._complete() - self.moments.mean[0]) / self.moments.sd[0]
        return pd.DataFrame(Z @ self.weights.to_numpy(), columns=list(self.model.names))

    @property
    def index_scores(self) -> pd.DataFrame:
        """(cases x constructs) scores in points, 0-100."""
        self.require_cases("a score in points")
        return self.points_of(self._complete())

    def _complete(self) -> Array:
        """(cases x items) the answers with their gaps filled; a later stage's columns follow from the filled observed ones."""
        if self.maps is None:
            return self.filled(self.cases.X)
        return self.maps.applied(self.origin.filled(self.settings.missing))

    def points_of(self, X: Array) -> pd.DataFrame:
        """Construct scores in points for rows of answers to the model's items, by this fit's weights.

        Gaps are filled as the fit treats them: by the conditional mean given the row's other answers (`em`, `regression`), the
        item's mean (`pairwise`, `mean`), or not at all (`listwise`: the construct is NaN). A row without answers is NaN.
        """
        self.require_scale()
        u, _ = self.unit_weights()
        # A gap may be filled beyond the scale, a person cannot answer there.
        filled = np.clip(self.filled(X), self.cases.low, self.cases.high)
        filled = importance.points(filled, self.cases.low, self.cases.high)
        levels = importance.construct_levels(u, filled, self.layout)
        return pd.DataFrame(levels, columns=list(self.model.names))

    def unit_weights(self) -> tuple[Array, Array]:
        """Unstandardised outer weights (p,) summing to 1 in each construct, and the scores' SD in points (J,)."""
        u, sd = importance.unit_weights(
            self.estimates.weights, self.moments.sd, self.cases.low, self.cases.high, self.layout
        )
        return u[0], sd[0]

    def anchored(self) -> Model:
        """The asked model with this fit's outer weights held fixed, so that another wave is measured on the same ruler.

        Weights are those of the items on their own scales; paths are estimated anew wherever the model is fitted.

        Raises
        ------
        EstimationError
            The model has factors, whose weights are no ruler, or more than one stage.
        """
        factors = [c.name for c in self.model.constructs if c.kind == "factor"]
        if factors or self.lower is not None:
            why = f"construct {factors[0]!r} is a common factor" if factors else "the model is estimated in stages"
            raise EstimationError(f"weights can be held fixed for composites of items only; {why}.")
        raw = self.estimates.weights[0] / self.moments.sd[0]
        constructs = [
            c if c.kind == "observed" else replace(c, mode="A", weights=tuple(raw[block]))
            for c, block in zip(self.model.constructs, self.layout.slices, strict=True)
        ]
        return replace(self.origin.model, constructs=constructs)

    def require_cases(self, what: str) -> None:
        """Raise if the fit was made from moments alone; `what` says what the cases are wanted for."""
        if not len(self.origin.cases):
            raise EstimationError(
                f"{what} needs the answers of the cases, and this fit has only sums of them. Fit the answers themselves"
                + ("; csi.with_scores writes scores where the table lies." if what.startswith("a score") else ".")
            )

    def require_pearson(self, what: str) -> None:
        """Raise if the fit rests on polychoric correlations; `what` says what works on the answers as numbers."""
        if self.settings.correlation != "pearson":
            raise EstimationError(
                f"{what} works on the answers as numbers; this fit has the correlations of what lies behind them (polychoric). "
                "Fit with correlation='pearson'."
            )

    def require_scale(self) -> None:
        """Raise unless the scale ends of every item that measures a construct are known."""
        products = self.origin.model.products
        for construct, block in zip(self.model.constructs, self.layout.slices, strict=True):
            unknown = [i for i, low in zip(construct.items, self.cases.low[block], strict=True) if np.isnan(low)]
            if unknown and construct.kind != "observed" and construct.name not in products:
                raise EstimationError(
                    f"points from 0 to 100 need the scale ends of item {unknown[0]!r}, which are not known. "
                    "Fit a survey with a codebook, or pass scale=(1, 10) to fit."
                )

    def filled(self, X: Array) -> Array:
        """Rows of answers with their gaps filled as the fit treats them; a row without any answer stays empty."""
        m = self.moments if self.maps is not None else self.origin.completing(self.settings.missing)
        return _filled(X, m, self.settings.missing)

    def headline(self) -> list[str]:
        """Sizes, treatment, convergence, and a plain word where the numbers may mislead."""
        gaps = float(np.isnan(self.cases.answers).mean()) if len(self.cases) else 0.0
        lines = [
            f"Fit: n = {self.n:,}, {len(self.model.names)} constructs, {len(self.model.items)} items; "
            f"{self.settings.scheme} weighting, {self.iterations} iterations",
            f"missing answers {gaps:.1%}" + (f", treated by {self.settings.missing!r}" if gaps else "")
            if len(self.cases)
            else "from moments alone, without cases",
        ]
        if len(self.origin.stages) > 1:
            lines.append(f"stage {self._stage} of {len(self.origin.stages)}; .lower is the stage before")
        if not self.converged:
            lines.append(f"NOT CONVERGED within {self.settings.max_iterations} iterations: do not use")
        elif not self.admissible:
            lines.append("INADMISSIBLE: the estimates are not possible ones; see assess(fit)")
        return lines

    def to_json(self, *, cases: bool = True) -> str:
        """The fit as JSON, from which `csi.fit_from_json` makes the same one again, number by number.

        Answers of respondents are personal data. With `cases=False` neither they nor sums of small groups of them are written;
        the fit then says everything that follows from the moments (paths, reliability, index, overall fit), while scores,
        predictions and resampling raise. The survey does not travel.

        Raises
        ------
        EstimationError
            Labels of groups or strata in summed moments that JSON does not have.
        """
        from csi.structural.interchange import json_of  # noqa: PLC0415 - reads fits, and so imports this file

        return json_of(self, cases)

    @property
    def _stage(self) -> int:
        return 1 if self.lower is None else 1 + self.lower._stage

    def table(self) -> pd.DataFrame:
        """Paths, one row each; `bootstrap` adds their errors and intervals."""
        rows: list[dict[str, Any]] = [
            {"term": term, "estimate": value, "n": self.n} for term, value in self.values("paths").items()
        ]
        return tidy(rows)

    def _by_block(self, values: Array) -> pd.DataFrame:
        table = np.zeros((len(self.model.items), len(self.model.names)))
        table[np.arange(len(values)), self.layout.block] = values
        return pd.DataFrame(table, self.model.items, self.model.names)

    def _square(self, values: Array) -> pd.DataFrame:
        return pd.DataFrame(values, self.model.names, self.model.names)


def _filled(X: Array, m: Moments, missing: Missing) -> Array:
    """Gaps at the conditional mean given the row's answers, or at the item's mean; `listwise` leaves them open."""
    if missing == "listwise":
        return X
    complete = completed(X, m.mean[0], m.cov[0] if missing in CONDITIONAL else None)
    empty = np.asarray(np.isnan(X).all(axis=1))
    return np.where(empty[:, None], np.nan, complete)
