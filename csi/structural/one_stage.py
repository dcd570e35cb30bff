"""What can be asked of models of one stage only, and what to do with the others."""

from csi.errors import CsiError, EstimationError
from csi.structural.fitted_model import Fit


def require_one_stage(fit: Fit, what: str, error: type[CsiError] = EstimationError) -> None:
    """Raise for a model that is estimated in stages, whose later items are scores; `what` says what needs a single stage."""
    if len(fit.origin.stages) == 1 and fit.maps is None:
        return
    raise error(
        f"{what} needs a model whose items are the answers themselves, estimated in one stage; this one has {_culprit(fit)}. "
        f"{_remedy(fit)}"
    )


def _culprit(fit: Fit) -> str:
    model = fit.origin.model
    higher = [name for name in model.names if model.dimensions(name)]
    if higher:
        return f"the higher-order construct {higher[0]!r}"
    return f"the interaction {next(iter(model.products))!r}"


def _remedy(fit: Fit) -> str:
    model = fit.origin.model
    if any(model.dimensions(name) for name in model.names) and model.higher_order != "two_stage":
        return (
            f"Under higher_order={model.higher_order!r} items stand in two constructs; with 'two_stage' the model of the first "
            "stage can be fitted on its own."
        )
    if len(fit.origin.stages) == 1:
        return "Leave the interaction out, or use interactions='two_stage' and fit the model of the first stage on its own."
    first, steps = fit, ""
    while first.lower is not None:
        first, steps = first.lower, f"{steps}.lower"
    names = ", ".join(first.model.names)
    return f"Fit the first stage ({names}) as a model of its own: csi.fit(fit{steps}.model, data)."
