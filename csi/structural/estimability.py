"""Why a model cannot be estimated: which items or constructs repeat one another, and which construct nothing moves."""

from collections.abc import Sequence

import numpy as np

from csi.errors import EstimationError
from csi.kernel.pls import item_construct_correlations, score_correlations
from csi.structural.cases import Array
from csi.structural.fitted_model import Fit
from csi.structural.quantities import Batch
from csi.structural.replication import stage_fits

_SINGULAR = 1e-10  # an eigenvalue of a correlation matrix that is 0 but for rounding


def require_estimable(fit: Fit) -> None:
    """Raise unless the weights and paths of every stage are numbers; a factor without reliability is another matter.

    Raises
    ------
    EstimationError
        Items or predictors that repeat one another, or a construct unrelated to its neighbours; the message names them.
    """
    stages = stage_fits(fit)
    if not all(_is_estimated(stage) for stage in stages):
        why = why_undefined([stage.batch for stage in stages])
        raise EstimationError(f"{fit.origin.cases.origin}the model cannot be estimated: {why}")


def _is_estimated(fit: Fit) -> bool:
    e = fit.estimates
    return bool(np.isfinite(e.weights).all() and (np.isnan(e.attenuation).any() or np.isfinite(e.paths).all()))


def why_undefined(stages: Sequence[Batch]) -> str:
    """What makes the only estimates of one stage or another undefined, with the remedy, as the end of a sentence."""
    for batch in stages:
        if np.isfinite(batch.moments.cov[0]).all() and (why := _why(batch)):
            return why
    return "its items or scores repeat one another; leave out what is said twice."


def _why(batch: Batch) -> str:
    constant = [item for item, sd in zip(batch.model.items, batch.moments.sd[0], strict=True) if not sd > 0]
    if constant:
        return f"item {constant[0]!r} is constant; leave it out of the model."
    C = _score_correlations(batch)
    return _repeated_items(batch) or _repeated_causes(batch, C) or _unrelated(batch, C) or _no_common_part(batch)


def _score_correlations(batch: Batch) -> Array:
    """(J, J) correlations of the scores, or of plain sums of the items where there are none."""
    R, blocks = batch.moments.correlation[:1], batch.layout.slices
    w = batch.estimates.weights[0]
    w = (w if np.isfinite(w).all() else np.ones(len(w)))[:, None]
    X = item_construct_correlations(w, np.moveaxis(R, 0, -1), blocks)
    C = score_correlations(w, X, blocks)[:, :, 0]
    sd = np.sqrt(np.maximum(np.diagonal(C), 0))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where((sd[:, None] > 0) & (sd > 0), C / (sd[:, None] * sd), 0.0))


def _repeated_items(batch: Batch) -> str:
    for construct, block in zip(batch.model.constructs, batch.layout.slices, strict=True):
        if construct.mode == "B" and construct.is_free:
            items = _repeated(batch.moments.correlation[0, block, block], construct.items)
            if items:
                return (
                    f"the items {items} of construct {construct.name!r} (Mode B) repeat one another, so that no regression can "
                    "tell their weights apart. Leave one of them out, or weight the construct by Mode A."
                )
    return ""


def _repeated_causes(batch: Batch, C: Array) -> str:
    for k, name in enumerate(batch.model.names):
        causes = batch.layout.predecessors(k)
        repeated = _repeated(C[np.ix_(causes, causes)], [batch.model.names[j] for j in causes])
        if repeated:
            return (
                f"the predictors {repeated} of {name!r} are perfectly collinear: one of them follows from the others. Drop one "
                f"of their paths to {name!r}, or join them into one construct."
            )
    return ""


def _unrelated(batch: Batch, C: Array) -> str:
    tied = batch.layout.adjacency | batch.layout.adjacency.T
    for j, name in enumerate(batch.model.names):
        if np.abs(C[j, tied[j]]).max(initial=0) < _SINGULAR:
            neighbours = ", ".join(repr(batch.model.names[k]) for k in np.flatnonzero(tied[j]))
            return (
                f"construct {name!r} does not correlate at all with its neighbours ({neighbours}), so that nothing weights its "
                "items. Check its answers, or leave it out of the model."
            )
    return ""


def _no_common_part(batch: Batch) -> str:
    e = batch.estimates
    if not np.isfinite(e.weights[0]).all() or np.isfinite(e.attenuation[0]).all():
        return ""
    name = batch.model.names[int(np.flatnonzero(np.isnan(e.attenuation[0]))[0])]
    return (
        f"the items of the common factor {name!r} have no common part (rho_A is not above 0). Check for items that are turned "
        "round, or make it a composite."
    )


def _repeated(R: Array, names: Sequence[str]) -> str:
    """The names that take part in a linear dependence of the correlations; empty if there is none."""
    if len(R) < 2:
        return ""
    roots, vectors = np.linalg.eigh(R)
    if roots[0] > _SINGULAR:
        return ""
    part = np.abs(vectors[:, 0]) > 1e-6
    return ", ".join(repr(name) for name, inside in zip(names, part, strict=True) if inside)
