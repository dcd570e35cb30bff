"""The cases behind a fit: the answers to the model's items as arrays, with weights and scale ends."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from csi.errors import EstimationError, ModelError, known_names
from csi.kernel.moments import Missing
from csi.model.model import Model
from csi.survey.survey import Survey

Array = NDArray[np.float64]
Ends = tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Cases:
    """Answers X (n, p) with NaN at gaps, weights (n,), scale ends (p,) or NaN, and the survey if there is one."""

    X: Array
    weights: Array
    low: Array
    high: Array
    items: tuple[str, ...]
    survey: Survey | None

    @property
    def has_scale(self) -> bool:
        """Whether every item's scale ends are known, as the 0-100 index needs."""
        return bool(np.isfinite(self.low).all() and np.isfinite(self.high).all())

    @property
    def origin(self) -> str:
        """'FILE: ' for messages, empty for a plain frame."""
        return f"{self.survey.source.path}: " if self.survey is not None else ""

    def answering(self, missing: Missing) -> NDArray[np.bool_]:
        """(n,) rows that the treatment of missing answers uses."""
        answered = ~np.isnan(self.X)
        used = answered.all(axis=1) if missing == "listwise" else answered.any(axis=1)
        return np.asarray(used)


def cases_of(
    model: Model,
    data: Survey | Any,  # noqa: ANN401 - any frame that narwhals reads
    weight: str | None = None,
    scale: Ends | Mapping[str, Ends] | None = None,
) -> Cases:
    """Take the model's items out of a survey or a frame; every fault names construct, item and what is known."""
    if isinstance(data, Survey):
        if weight is not None and "weight" in data.respondents:
            raise EstimationError(
                f"the survey {data.source.path} is already weighted by its codebook; weight={weight!r} would weight it twice."
            )
        if scale is not None:
            raise EstimationError("scale= is for plain frames; a survey takes its scale ends from the codebook.")
        _require_items(model, list(data.answers.columns), "the survey")
        ends = {item.name: (item.scale.low, item.scale.high) for item in data.codebook.items}
        weights = data.weights if weight is None else _column(data.respondents, weight)
        X = data.answers[list(model.items)].to_numpy(float)
        return _checked(Cases(X, weights, *_ends(model, ends), model.items, data))
    frame = nw.from_native(data, eager_only=True)
    _require_items(model, frame.columns, "the frame")
    try:
        X = np.column_stack([frame[item].cast(nw.Float64).to_numpy() for item in model.items]).astype(float)
    except Exception as error:
        raise EstimationError(
            f"an item of the frame is not numeric: {error}. Code the answers as numbers first."
        ) from error
    weights = np.ones(len(X)) if weight is None else _column(frame, weight)
    ends = {item: scale for item in model.items} if isinstance(scale, tuple) else dict(scale or {})
    return _checked(Cases(X, weights, *_ends(model, ends), model.items, None))


def _require_items(model: Model, known: list[str], where: str) -> None:
    for construct in model.constructs:
        for item in construct.items:
            if item not in known:
                raise ModelError(
                    f"construct {construct.name!r} names item {item!r}, which {where} does not have. "
                    + known_names(item, known, "Its items are")
                )


def _column(frame: Any, name: str) -> Array:  # noqa: ANN401
    if name not in frame.columns:
        raise EstimationError(
            f"there is no weight column {name!r}. {known_names(name, frame.columns, 'The columns are')}"
        )
    return np.asarray(frame[name].to_numpy(), dtype=float)


def _ends(model: Model, ends: Mapping[str, Ends]) -> tuple[Array, Array]:
    pairs = np.array([ends.get(item, (np.nan, np.nan)) for item in model.items], dtype=float)
    return pairs[:, 0], pairs[:, 1]


def _checked(cases: Cases) -> Cases:
    if not np.isfinite(cases.weights).all() or (cases.weights <= 0).any():
        row = int(np.flatnonzero(~(cases.weights > 0))[0])
        raise EstimationError(
            f"{cases.origin}the weight of case {row} is {cases.weights[row]:g}; weights must be numbers above 0."
        )
    for item, column in zip(cases.items, cases.X.T, strict=True):
        answers = column[~np.isnan(column)]
        if not len(answers):
            raise EstimationError(
                f"{cases.origin}{_named(cases, item)} has no answers at all. Leave it out of the model."
            )
        if np.ptp(answers) == 0:
            raise EstimationError(
                f"{cases.origin}{_named(cases, item)} is constant: all {len(answers)} answers are "
                f"{answers[0]:g}. An item that does not vary "
                "carries no weight; leave it out of the model."
            )
    return cases


def _named(cases: Cases, item: str) -> str:
    """The item, with its column in the file where that has another name."""
    column = cases.survey.codebook.item(item).column if cases.survey is not None else item
    return f"item {item!r}" if column == item else f"item {item!r} (column {column!r})"
