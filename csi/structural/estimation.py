"""Fit a structural model to one wave of answers: the point estimate is a batch of one."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import pandas as pd

from csi.display import Result, tidy
from csi.errors import CsiWarning, EstimationError
from csi.kernel import effects, importance, overall_fit, reliability, validity
from csi.kernel.estimates import Estimates, estimate
from csi.kernel.moments import Missing, Moments, moments
from csi.kernel.pls import Layout, Scheme
from csi.model.model import Model
from csi.structural.cases import Array, Cases, Ends, cases_of
from csi.survey.survey import Survey


@dataclass(frozen=True, slots=True)
class Settings:
    """How a fit was asked for; every replicate is estimated the same way."""

    scheme: Scheme
    missing: Missing
    tolerance: float
    max_iterations: int


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Fit(Result):
    """A fitted model; the properties are labelled pandas objects in standard-deviation units unless said otherwise."""

    model: Model
    cases: Cases
    settings: Settings
    moments: Moments
    estimates: Estimates

    @property
    def layout(self) -> Layout:
        """The model as the kernel sees it."""
        return layout_of(self.model)

    @property
    def n(self) -> int:
        """Answering rows."""
        return int(self.moments.n[0])

    @property
    def converged(self) -> bool:
        """Whether the outer weights settled within the iterations allowed."""
        return bool(self.estimates.converged[0])

    @property
    def admissible(self) -> bool:
        """Whether the (disattenuated) estimates are possible ones; see `assess` for what is wrong if not."""
        return bool(self.estimates.admissible[0])

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
        return pd.DataFrame(self.estimates.cross_loadings[0], self.model.items, self.model.names)

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
        adjusted = effects.adjusted_r_squared(self.estimates.r_squared, self.layout, self.moments.n)
        return pd.Series(adjusted[0], self.model.names).dropna()

    @property
    def reliability(self) -> pd.DataFrame:
        """(constructs x alpha, rho_a, rho_c, ave); NaN for single items and Mode B, where nothing is defined."""
        table = pd.DataFrame(np.nan, self.model.names, ["alpha", "rho_a", "rho_c", "ave"])
        R = self.moments.correlation[0]
        for construct, block in zip(self.model.constructs, self.layout.slices, strict=True):
            if construct.mode == "A":
                lam, w = self.estimates.loadings[0, block], self.estimates.weights[0, block]
                table.loc[construct.name] = [
                    float(reliability.cronbach_alpha(R[block, block])),
                    float(reliability.dijkstra_henseler(R[block, block], w)),
                    float(reliability.composite_reliability(lam)),
                    float(reliability.average_variance_extracted(lam)),
                ]
        return table

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
        return pd.Series(validity.item_vif(self.moments.correlation, self.layout)[0], self.model.items)

    @property
    def overall_fit(self) -> "pd.Series[float]":
        """How well the model reproduces the item correlations: srmr, d_uls, d_g, d_ml, nfi (Dijkstra & Henseler 2015)."""
        R = self.moments.correlation
        implied = overall_fit.implied_item_correlations(R, self.estimates, self.layout)
        return pd.Series(
            {
                "srmr": overall_fit.srmr(R, implied)[0],
                "d_uls": overall_fit.unweighted_distance(R, implied)[0],
                "d_g": overall_fit.geodesic_distance(R, implied)[0],
                "d_ml": overall_fit.likelihood_distance(R, implied)[0],
                "nfi": overall_fit.normed_fit_index(R, implied)[0],
            }
        )

    @property
    def scores(self) -> pd.DataFrame:
        """(cases x constructs) standardised construct scores."""
        filled = self._filled(self.cases.X)
        Z = (filled - self.moments.mean[0]) / self.moments.sd[0]
        return pd.DataFrame(Z @ self.weights.to_numpy(), columns=list(self.model.names))

    @property
    def index_scores(self) -> pd.DataFrame:
        """(cases x constructs) scores in points, 0-100."""
        return self.points_of(self.cases.X)

    def points_of(self, X: Array) -> pd.DataFrame:
        """Construct scores in points for rows of answers to the model's items, by this fit's weights.

        Gaps are filled as the fit treats them: by the conditional mean given the row's other answers (`em`), the item's
        mean (`mean`), or not at all (`listwise`: the row is NaN). A row without answers is NaN.
        """
        self.require_scale()
        u, _ = self.unit_weights()
        # A gap may be filled beyond the scale, a person cannot answer there.
        filled = np.clip(self._filled(X), self.cases.low, self.cases.high)
        filled = importance.points(filled, self.cases.low, self.cases.high)
        levels = importance.construct_levels(u, filled, self.layout)
        return pd.DataFrame(levels, columns=list(self.model.names))

    def unit_weights(self) -> tuple[Array, Array]:
        """Unstandardised outer weights (p,) summing to 1 in each construct, and the scores' SD in points (J,)."""
        u, sd = importance.unit_weights(
            self.estimates.weights, self.moments.sd, self.cases.low, self.cases.high, self.layout
        )
        return u[0], sd[0]

    def require_scale(self) -> None:
        """Raise unless every item's scale ends are known."""
        if not self.cases.has_scale:
            unknown = [i for i, low in zip(self.model.items, self.cases.low, strict=True) if np.isnan(low)]
            raise EstimationError(
                f"points from 0 to 100 need the scale ends of item {unknown[0]!r}, which are not known. "
                "Fit a survey with a codebook, or pass scale=(1, 10) to fit."
            )

    def headline(self) -> list[str]:
        """Sizes, treatment, convergence, and a plain word where the numbers may mislead."""
        gaps = float(np.isnan(self.cases.X).mean())
        lines = [
            f"Fit: n = {self.n:,}, {len(self.model.names)} constructs, {len(self.model.items)} items; "
            f"{self.settings.scheme} weighting, {self.iterations} iterations",
            f"missing answers {gaps:.1%}" + (f", treated by {self.settings.missing!r}" if gaps else ""),
        ]
        if not self.converged:
            lines.append(f"NOT CONVERGED within {self.settings.max_iterations} iterations: do not use")
        elif not self.admissible:
            lines.append("INADMISSIBLE: the disattenuated estimates are not possible ones; see assess(fit)")
        return lines

    def table(self) -> pd.DataFrame:
        """Paths, one row each; `bootstrap` adds their errors and intervals."""
        return tidy(
            {"term": f"{cause} -> {effect}", "estimate": self.paths.at[cause, effect], "n": self.n}
            for cause, effects_ in self.model.paths.items()
            for effect in effects_
        )

    def _filled(self, X: Array) -> Array:
        gap = np.isnan(X)
        empty = gap.all(axis=1)
        if not gap.any() or self.settings.missing == "listwise":
            return X
        mean, cov = self.moments.mean[0], self.moments.cov[0]
        filled = np.where(gap, mean, X)
        if self.settings.missing == "em":
            for pattern in np.unique(gap[gap.any(axis=1) & ~empty], axis=0):
                rows = (gap == pattern).all(axis=1)
                slope = np.linalg.solve(cov[np.ix_(~pattern, ~pattern)], cov[np.ix_(~pattern, pattern)])
                filled[np.ix_(rows, pattern)] += (X[np.ix_(rows, ~pattern)] - mean[~pattern]) @ slope
        filled[empty] = np.nan
        return filled

    def _by_block(self, values: Array) -> pd.DataFrame:
        table = np.zeros((len(self.model.items), len(self.model.names)))
        table[np.arange(len(values)), self.layout.block] = values
        return pd.DataFrame(table, self.model.items, self.model.names)

    def _square(self, values: Array) -> pd.DataFrame:
        return pd.DataFrame(values, self.model.names, self.model.names)


def layout_of(model: Model) -> Layout:
    """The arrays that stand for a model in the kernel."""
    position = {name: j for j, name in enumerate(model.names)}
    adjacency = np.zeros((len(position), len(position)), dtype=bool)
    for cause, effects_ in model.paths.items():
        adjacency[position[cause], [position[e] for e in effects_]] = True
    return Layout(
        block=np.repeat(np.arange(len(position)), [len(c.items) for c in model.constructs]),
        mode_b=np.array([c.mode == "B" for c in model.constructs]),
        factor=np.array([c.kind == "factor" for c in model.constructs]),
        adjacency=adjacency,
    )


def fit(  # noqa: PLR0913 - the face of the package: six choices, each by name
    model: Model,
    data: Survey | Any,  # noqa: ANN401 - any frame that narwhals reads
    *,
    scheme: Scheme = "path",
    missing: Missing = "em",
    weight: str | None = None,
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
        A `Survey`, or a frame whose columns are the items (pandas, or any that narwhals reads).
    scheme
        Inner weighting: "path", "factorial" or "centroid".
    missing
        "em" (normal-theory moments), "listwise" or "mean"; with complete answers all are the same.
    weight
        Name of a weight column; a survey weighted by its codebook needs none.
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
    _check_choices(scheme, missing)
    cases = cases_of(model, data, weight, scale)
    settings = Settings(scheme, missing, tolerance, max_iterations)
    layout = layout_of(model)
    _require_cases(cases, model, missing)
    base = moments(cases.X, cases.weights[None, :], missing)
    result = Fit(model, cases, settings, base, estimate(base.correlation, layout, scheme, tolerance, max_iterations))
    _warn_if_misleading(result)
    return result


def score(fit: Fit, survey: Survey) -> pd.DataFrame:
    """Construct scores in points (0-100) for new respondents, by the weights of an earlier fit.

    Returns one row a respondent, with `key` where the survey has one, and one column a construct. Gaps are filled from the
    respondent's other answers as the fit treats them.
    """
    cases = cases_of(fit.model, survey)
    points = fit.points_of(cases.X)
    if "key" in survey.respondents:
        points.insert(0, "key", survey.respondents["key"].to_numpy())
    return points


def _check_choices(scheme: str, missing: str) -> None:
    for name, value, known in (("scheme", scheme, get_args(Scheme)), ("missing", missing, get_args(Missing))):
        if value not in known:
            raise EstimationError(f"{name} must be one of {', '.join(map(repr, known))}, not {value!r}.")


def _require_cases(cases: Cases, model: Model, missing: Missing) -> None:
    n = int(cases.answering(missing).sum())
    blocks = [len(c.items) for c in model.constructs if c.mode == "B"]
    most = max([len(model.causes(name)) for name in model.names] + blocks)
    if n < most + 2:
        complete = " complete" if missing == "listwise" else ""
        raise EstimationError(
            f"{cases.origin}{n}{complete} answers are fewer than the model needs: its largest equation has "
            f"{most} predictors, so at least "
            f"{most + 2} answers are needed, and an index worth publishing needs about 30 or more."
        )


def _warn_if_misleading(result: Fit) -> None:
    if not result.converged:
        warnings.warn(
            f"the outer weights did not settle within {result.settings.max_iterations} iterations "
            f"(tolerance {result.settings.tolerance:g}); the estimates must not be used. Items that are copies of one another, "
            "or constructs that hardly correlate, are the usual cause.",
            CsiWarning,
            stacklevel=3,
        )
    elif not result.admissible:
        eigenvalue = float(np.linalg.eigvalsh(result.estimates.correlations[0])[0])
        why = (
            f"the disattenuated construct correlations are not positive semi-definite (smallest eigenvalue {eigenvalue:.3f})"
            if eigenvalue < -1e-10
            else "a loading or a reliability lies outside 0-1"
        )
        warnings.warn(
            f"the solution with common factors is inadmissible: {why}. Constructs this close cannot all be separate factors; "
            "model them as composites or join them.",
            CsiWarning,
            stacklevel=3,
        )
