"""Populations whose truth is stated: the numbers of a model before there are answers, or those of a fit taken for true."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from csi.errors import EstimationError, ModelError, known_names
from csi.kernel.population import composite_block, construct_correlations, item_correlations, residual_variances
from csi.model.construct import Construct
from csi.model.model import Model
from csi.structural.cases import Array
from csi.structural.estimation import Fit, layout_of


@dataclass(frozen=True, slots=True)
class Population:
    """What is supposed to be true, in standard deviations: the numbers of a model before there are answers.

    Parameters
    ----------
    paths
        Coefficient of every path of the model, by (from, to).
    loadings
        Loadings of each construct's items, or one number for all of them; a construct of one item
        may be left out (1, or the square root of its reliability).
    correlations
        Correlations among the constructs without a cause, by pair; 0 where not named.
    """

    paths: Mapping[tuple[str, str], float]
    loadings: Mapping[str, float | Sequence[float]]
    correlations: Mapping[tuple[str, str], float] = field(default_factory=dict)


def true_values(model: Model, population: Population | Fit) -> tuple[Array, Array]:
    """True paths (J, J) of a model and the item correlations (p, p) of the population, in the model's order.

    Of a `Population` factors measure lambda lambda' + Theta, and composites are weighted in proportion to their loadings. Of a
    `Fit` the estimates are the truth, and blocks of composites keep the correlations of its answers; the model may be another
    one on the same items (paths between constructs that the fit does not have are NaN).

    Raises
    ------
    ModelError
        A population that cannot exist or does not say everything; the construct, path or item is named.
    EstimationError
        Item correlations that no answers can have.

    >>> model = Model.parse("Quality =~ q1 + q2; Satisfaction <~ s1; Satisfaction ~ Quality")
    >>> paths, R = true_values(model, Population({("Quality", "Satisfaction"): 0.5}, {"Quality": 0.8}))
    >>> R.round(10).tolist()
    [[1.0, 0.64, 0.4], [0.64, 1.0, 0.4], [0.4, 0.4, 1.0]]
    """
    _require_plain(model)
    paths, R = _of_fit(model, population) if isinstance(population, Fit) else _of_statement(model, population)
    smallest = float(np.linalg.eigvalsh(R)[0])
    if smallest <= 1e-10:
        raise EstimationError(
            f"the item correlations of the population are not positive definite (smallest eigenvalue {smallest:.3g}), so no "
            "answers have them. An inadmissible fit is the usual cause: see assess(fit), or state a Population."
        )
    return paths, R


def _require_plain(model: Model) -> None:
    products = [cause for cause in model.paths if "*" in cause]
    if products:
        raise ModelError(f"a population cannot hold the interaction {products[0]!r} yet; leave its paths out.")
    for construct in model.constructs:
        if not construct.is_free or set(construct.items) & set(model.names) - {construct.name}:
            raise ModelError(
                f"a population cannot hold construct {construct.name!r} yet: its weights are fixed, or its items are other "
                "constructs. Give it items of its own with free weights."
            )


def _of_fit(model: Model, fit: Fit) -> tuple[Array, Array]:
    """True paths (NaN between constructs the fit does not have) and item correlations as the fit implies them."""
    for item in model.items:
        if item not in fit.model.items:
            known = known_names(item, fit.model.items, "Its items are")
            raise ModelError(
                f"the model names item {item!r}, which the fit that stands for the population lacks. {known}"
            )
    layout, e = fit.layout, fit.estimates
    C = construct_correlations(e.paths[0], layout.order, e.correlations[0])
    _require_residuals(fit.model, e.paths[0], C)
    observed = fit.moments.correlation[0]
    within = {j: observed[b, b] for j, b in enumerate(layout.slices) if not layout.factor[j]}
    R = pd.DataFrame(item_correlations(e.loadings[0], layout.block, C, within), fit.model.items, fit.model.items)
    items, names = list(model.items), list(model.names)
    return fit.paths.reindex(index=names, columns=names).to_numpy(), R.loc[items, items].to_numpy()


def _of_statement(model: Model, population: Population) -> tuple[Array, Array]:
    layout = layout_of(model)
    paths = _path_matrix(model, population)
    C = construct_correlations(paths, layout.order, _exogenous_correlations(model, population))
    _require_residuals(model, paths, C)
    loadings = {c.name: _loadings(population, c) for c in model.constructs}
    within = {}
    for j, construct in enumerate(model.constructs):
        if construct.kind == "composite":
            block = composite_block(loadings[construct.name])
            if block is None:
                raise ModelError(
                    f"no composite {construct.name!r} has the loadings {_listed(loadings[construct.name])}: a single item "
                    "loads 1, two items load alike, and of more items none may stand far apart. Bring them closer together, or "
                    'model it with kind="factor".'
                )
            within[j] = block
    return paths, item_correlations(np.concatenate(list(loadings.values())), layout.block, C, within)


def _path_matrix(model: Model, population: Population) -> Array:
    position = {name: j for j, name in enumerate(model.names)}
    asked = [(cause, effect) for cause, effects in model.paths.items() for effect in effects]
    strange = [pair for pair in population.paths if pair not in asked]
    if strange:
        known = known_names(" -> ".join(strange[0]), [" -> ".join(pair) for pair in asked], "Its paths are")
        raise ModelError(f"the population gives path {' -> '.join(strange[0])}, which the model does not have. {known}")
    paths = np.zeros((len(position), len(position)))
    for cause, effect in asked:
        if (cause, effect) not in population.paths:
            raise ModelError(
                f"the population gives no coefficient for path {cause} -> {effect}; write 0 if there is none."
            )
        paths[position[cause], position[effect]] = population.paths[cause, effect]
    return paths


def _exogenous_correlations(model: Model, population: Population) -> Array:
    names = [name for name in model.names if not model.causes(name)]
    C = pd.DataFrame(np.eye(len(model.names)), model.names, model.names)
    for (one, other), value in population.correlations.items():
        for name in (one, other):
            if name not in names:
                known = known_names(name, names, "Constructs without a cause are")
                raise ModelError(
                    f"the population gives the correlation of {one!r} and {other!r}, but {name!r} is no construct without a "
                    f"cause; how others correlate follows from the paths. {known}"
                )
        C.loc[one, other] = C.loc[other, one] = value
    if np.linalg.eigvalsh(C.to_numpy())[0] <= 0:
        raise ModelError(
            f"the correlations of {', '.join(names)} cannot hold together: they are not positive definite."
        )
    return C.to_numpy()


def _require_residuals(model: Model, paths: Array, C: Array) -> None:
    for name, residual in zip(model.names, residual_variances(paths, C), strict=True):
        if residual <= 0:
            raise ModelError(
                f"the paths to {name!r} explain {1 - residual:.0%} of its variance, which leaves no residual. Lower the "
                f"coefficients of {', '.join(model.causes(name))}, or the correlations among these."
            )


def _loadings(population: Population, construct: Construct) -> Array:
    name, m = construct.name, len(construct.items)
    if name not in population.loadings and m > 1:
        raise ModelError(f"the population gives no loadings for construct {name!r}, which has {m} items.")
    given = np.atleast_1d(np.asarray(population.loadings.get(name, np.sqrt(construct.reliability or 1.0)), dtype=float))
    loadings = np.repeat(given, m) if len(given) == 1 else given
    size = np.abs(loadings)
    if len(loadings) != m or not ((size > 0) & (size <= 1)).all() or (m > 1 and (size == 1).any()):
        raise ModelError(
            f"construct {name!r} has {m} items; its loadings must be {m} numbers within 0-1 in size (1 only for a single item), "
            f"not {_listed(given)}."
        )
    return loadings


def _listed(values: Array) -> str:
    return ", ".join(f"{value:g}" for value in values)
