"""Everything that can be read off a batch of estimates, by name: one list for tables, intervals, permutations and groups."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from csi.errors import EstimationError, known_names
from csi.kernel import effects, importance, overall_fit, reliability, validity
from csi.kernel.estimates import Estimates, cross_loadings
from csi.kernel.moments import Moments
from csi.kernel.pls import Layout
from csi.kernel.small_matrices import Array
from csi.model.model import Model

Axes = Literal["path", "effect", "pair", "construct", "item", "item x construct", "route", "measure"]
FIT_MEASURES = ("srmr", "d_uls", "d_g", "d_ml", "nfi")


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """One model under a batch of moments: replicates, groups, permutations, or the point estimate as a batch of one."""

    model: Model
    layout: Layout
    moments: Moments
    estimates: Estimates
    low: Array
    high: Array

    def __len__(self) -> int:
        return len(self.moments.mean)

    def part(self, replicates: slice) -> "Batch":
        """Some of the batch."""
        return Batch(
            self.model,
            self.layout,
            self.moments.part(replicates),
            self.estimates.part(replicates),
            self.low,
            self.high,
        )


@dataclass(frozen=True, slots=True)
class Quantity:
    """What it is (B, ...) for a batch, what its axes mean, and whether it may be 0, so that a test of 0 says something."""

    of: Callable[[Batch], Array]
    axes: Axes
    tested: bool = False

    def select(self, batch: Batch) -> tuple[list[str], tuple[NDArray[np.intp], ...]]:
        """The terms that are defined for the batch's model, and where they stand on the axes after the first."""
        model, layout = batch.model, batch.layout
        names, items = model.names, model.items
        if self.axes in ("path", "effect", "pair"):
            defined = self._defined_pairs(batch)
            rows, columns = np.nonzero(defined)
            arrow = " ~ " if self.axes == "pair" else " -> "
            return [f"{names[r]}{arrow}{names[c]}" for r, c in zip(rows, columns, strict=True)], (rows, columns)
        if self.axes == "item x construct":
            rows, columns = (grid.ravel() for grid in np.indices((len(items), len(names))))
            return [f"{items[r]} ~ {names[c]}" for r, c in zip(rows, columns, strict=True)], (rows, columns)
        if self.axes == "construct":
            shown = np.flatnonzero(np.isfinite(self.of(batch.part(slice(0, 1)))[0]))
            return [names[j] for j in shown], (shown,)
        if self.axes == "route":
            terms = [" -> ".join(names[j] for j in way) for way in effects.routes(layout)]
        else:
            terms = list(items) if self.axes == "item" else list(FIT_MEASURES)
        return terms, (np.arange(len(terms)),)

    def _defined_pairs(self, batch: Batch) -> NDArray[np.bool_]:
        layout = batch.layout
        if self.axes == "path":
            return layout.adjacency
        if self.axes == "effect":
            return np.asarray(effects.total_effects(layout.adjacency[None].astype(float), layout)[0] > 0)
        below = np.tri(len(layout.mode_b), k=-1, dtype=bool)
        return np.asarray(np.isfinite(self.of(batch.part(slice(0, 1)))[0]) & below)


def values_of(name: str, batch: Batch, point: Batch) -> tuple[list[str], Array]:
    """Terms (m) and values (B, m) of a quantity; `point`, the fit, decides which terms are defined.

    Raises
    ------
    EstimationError
        There is no quantity of that name; the message lists them.
    """
    if name not in QUANTITIES:
        raise EstimationError(f"there is no quantity {name!r}. {known_names(name, QUANTITIES, 'Quantities are')}")
    quantity = QUANTITIES[name]
    terms, where = quantity.select(point)
    return terms, np.asarray(quantity.of(batch)[(np.arange(len(batch))[:, None], *where)])


def points_of_constructs(batch: Batch) -> Array:
    """(B, J) construct levels on 0-100; NaN where scale ends are not known."""
    u, _ = importance.unit_weights(batch.estimates.weights, batch.moments.sd, batch.low, batch.high, batch.layout)
    return importance.construct_levels(u, importance.points(batch.moments.mean, batch.low, batch.high), batch.layout)


def effects_in_points(batch: Batch) -> Array:
    """(B, J, J) unstandardised total effects in points."""
    e = batch.estimates
    _, sd = importance.unit_weights(e.weights, batch.moments.sd, batch.low, batch.high, batch.layout)
    return importance.effects_in_points(e.total_effects, sd, e.attenuation)


def reliabilities(batch: Batch) -> dict[str, Array]:
    """Alpha, rho_a, rho_c and AVE, each (B, J); NaN for single items and Mode B, where nothing is defined."""
    e, R = batch.estimates, batch.moments.correlation
    found = {name: np.full(e.r_squared.shape, np.nan) for name in ("alpha", "rho_a", "rho_c", "ave")}
    for j, block in enumerate(batch.layout.slices):
        if not batch.layout.mode_b[j]:
            inside, lam = R[:, block, block], e.loadings[:, block]
            found["alpha"][:, j] = reliability.cronbach_alpha(inside)
            found["rho_a"][:, j] = reliability.dijkstra_henseler(inside, e.weights[:, block])
            found["rho_c"][:, j] = reliability.composite_reliability(lam)
            found["ave"][:, j] = reliability.average_variance_extracted(lam)
    return found


def fit_measures(batch: Batch) -> Array:
    """(B, 5) `FIT_MEASURES`; NaN where a replicate could not be estimated."""
    R = batch.moments.correlation
    implied = overall_fit.implied_item_correlations(R, batch.estimates, batch.layout)
    sound = np.isfinite(R).all(axis=(1, 2)) & np.isfinite(implied).all(axis=(1, 2))
    R, implied = R[sound], implied[sound]
    measures = np.full((len(batch), len(FIT_MEASURES)), np.nan)
    measures[sound] = np.stack(
        [
            overall_fit.srmr(R, implied),
            overall_fit.unweighted_distance(R, implied),
            overall_fit.geodesic_distance(R, implied),
            overall_fit.likelihood_distance(R, implied),
            overall_fit.normed_fit_index(R, implied),
        ],
        axis=1,
    )
    return measures


def _criterion(name: str) -> Callable[[Batch], Array]:
    def of(batch: Batch) -> Array:
        e = batch.estimates
        return effects.information_criteria(e.correlations, e.r_squared, batch.layout, batch.moments.n)[name]

    return of


def _reliability(name: str) -> Callable[[Batch], Array]:
    return lambda batch: reliabilities(batch)[name]


def _indirect(batch: Batch) -> Array:
    return batch.estimates.total_effects - batch.estimates.paths


QUANTITIES: Mapping[str, Quantity] = {
    "paths": Quantity(lambda b: b.estimates.paths, "path", tested=True),
    "total_effects": Quantity(lambda b: b.estimates.total_effects, "effect", tested=True),
    "indirect_effects": Quantity(_indirect, "effect", tested=True),
    "specific_indirect_effects": Quantity(
        lambda b: effects.specific_indirect_effects(b.estimates.paths, b.layout), "route", tested=True
    ),
    "effects_in_points": Quantity(effects_in_points, "effect", tested=True),
    "weights": Quantity(lambda b: b.estimates.weights, "item", tested=True),
    "loadings": Quantity(lambda b: b.estimates.loadings, "item", tested=True),
    "indicator_reliability": Quantity(lambda b: b.estimates.loadings**2, "item"),
    "cross_loadings": Quantity(
        lambda b: cross_loadings(b.moments.correlation, b.estimates.weights, b.layout), "item x construct", tested=True
    ),
    "item_vif": Quantity(lambda b: validity.item_vif(b.moments.correlation, b.layout), "item"),
    "construct_correlations": Quantity(lambda b: b.estimates.correlations, "pair", tested=True),
    "htmt": Quantity(lambda b: b.estimates.htmt, "pair"),
    "htmt2": Quantity(lambda b: validity.htmt2(b.moments.correlation, b.layout), "pair"),
    "full_collinearity_vif": Quantity(lambda b: validity.full_collinearity_vif(b.estimates.correlations), "construct"),
    "inner_vif": Quantity(lambda b: effects.inner_vif(b.estimates.correlations, b.layout), "path"),
    "f_squared": Quantity(
        lambda b: effects.f_squared(b.estimates.correlations, b.estimates.paths, b.estimates.r_squared, b.layout),
        "path",
    ),
    "r_squared": Quantity(lambda b: b.estimates.r_squared, "construct"),
    "r_squared_adjusted": Quantity(
        lambda b: effects.adjusted_r_squared(b.estimates.r_squared, b.layout, b.moments.n), "construct"
    ),
    **{name: Quantity(_criterion(name), "construct") for name in ("aic", "bic", "gm", "hq")},
    **{name: Quantity(_reliability(name), "construct") for name in ("alpha", "rho_a", "rho_c", "ave")},
    "overall_fit": Quantity(fit_measures, "measure"),
    "index": Quantity(points_of_constructs, "construct"),
}


def require_quantities(names: Sequence[str]) -> None:
    """Raise EstimationError unless all names are quantities."""
    for name in names:
        if name not in QUANTITIES:
            raise EstimationError(f"there is no quantity {name!r}. {known_names(name, QUANTITIES, 'Quantities are')}")
