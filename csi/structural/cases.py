"""The cases behind a fit: the answers to the model's items as arrays, with weights, scale ends and sampling design."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csi.errors import EstimationError, ModelError, known_names
from csi.kernel.moments import Missing, answering
from csi.kernel.small_matrices import Floats
from csi.kernel.sums import answered_means, row_chunks
from csi.model.model import Model
from csi.model.stages import item_products, observed_items
from csi.structural.sampling import Sample, sample_of
from csi.survey.coding import GAP_KINDS
from csi.survey.design import Design
from csi.survey.survey import Survey

Array = NDArray[np.float64]
Ends = tuple[float, float]
_UNASKED = [GAP_KINDS.index(kind) for kind in ("not_applicable", "routed_past", "not_asked")]


@dataclass(frozen=True, slots=True, eq=False)
class Cases:
    """Answers (n, p) with NaN at gaps, weights (n,), scale ends (p,) or NaN, how they were drawn, the survey if any.

    Answers taken from data are kept in single precision if that holds each of them exactly, as it does codes and grades: half
    the memory, and the same results. Whoever computes with them takes sums in double precision, or takes `X`.
    """

    answers: Floats
    weights: Array
    low: Array
    high: Array
    items: tuple[str, ...]
    survey: Survey | None
    sample: Sample

    def __len__(self) -> int:
        return len(self.answers)

    @property
    def X(self) -> Array:  # noqa: N802 - as the literature writes the matrix
        """The answers (n, p) in double precision; new in memory where they are kept in single precision."""
        return self.answers.astype(float, copy=False)

    @property
    def origin(self) -> str:
        """'FILE: ' for messages, empty for a plain frame."""
        return f"{self.survey.source.path}: " if self.survey is not None else ""

    def answering(self, missing: Missing) -> NDArray[np.bool_]:
        """(n,) rows that the treatment of missing answers uses."""
        return answering(self.answers, missing)[0]

    @property
    def unasked(self) -> NDArray[np.bool_]:
        """(n, p) where there was nothing to answer: not applicable, or routed past."""
        none = np.zeros(self.answers.shape, dtype=bool)
        gaps = None if self.survey is None else self.survey.gaps
        for i, item in enumerate(self.items):
            if gaps is not None and item in gaps.columns:
                none[:, i] = np.isin(gaps[item].to_numpy(), _UNASKED)
        return none

    def with_products(self, pairs: Sequence[tuple[str, str]]) -> "Cases":
        """The same cases with a column for each product of two items, both taken from their means; missing where either is."""
        if not pairs:
            return self
        place = {item: i for i, item in enumerate(self.items)}
        X = self.X
        D = X - self.centre
        products = np.column_stack([D[:, place[i]] * D[:, place[k]] for i, k in pairs])
        gaps = np.full(len(pairs), np.nan)
        return Cases(
            np.column_stack([X, products]),
            self.weights,
            np.concatenate([self.low, gaps]),
            np.concatenate([self.high, gaps]),
            (*self.items, *(f"{i}*{k}" for i, k in pairs)),
            self.survey,
            self.sample,
        )

    @property
    def centre(self) -> Array:
        """(p,) plain means of the observed answers, from which products are taken."""
        return answered_means(self.answers)


def cases_of(
    model: Model,
    data: Survey | Any,  # noqa: ANN401 - any frame that narwhals reads
    weight: str | None = None,
    scale: Ends | Mapping[str, Ends] | None = None,
    design: Design | None = None,
    frequency: str | None = None,
) -> Cases:
    """Take the model's items out of a survey or a frame; every fault names construct, item and what is known."""
    if isinstance(data, Survey):
        cases = _of_survey(model, data, weight, scale, design, frequency)
    else:
        cases = _of_frame(model, nw.from_native(data, eager_only=True), weight, scale, design, frequency)
    return _checked(cases).with_products(item_products(model))


def no_cases(model: Model, scale: Ends | Mapping[str, Ends] | None) -> Cases:
    """What stands for the cases where an engine has summed them: items and scale ends, and no row."""
    items, none = observed_items(model), np.zeros(0, dtype=np.intp)
    sample = Sample(np.zeros(0), none, none)
    return Cases(
        np.zeros((0, len(items))), np.zeros(0), *_ends(model, items, _stated(items, scale)), items, None, sample
    )


def _stated(items: Sequence[str], scale: Ends | Mapping[str, Ends] | None) -> Mapping[str, Ends]:
    """Scale ends item by item, where one pair may serve all."""
    return {item: scale for item in items} if isinstance(scale, tuple) else dict(scale or {})


def _of_survey(
    model: Model,
    survey: Survey,
    weight: str | None,
    scale: Ends | Mapping[str, Ends] | None,
    design: Design | None,
    frequency: str | None,
) -> Cases:
    if weight is not None and "weight" in survey.respondents:
        raise EstimationError(
            f"the survey {survey.source.path} is already weighted; weight={weight!r} would weight it twice."
        )
    for name, given, remedy in (
        ("scale", scale, "a survey takes its scale ends from the codebook"),
        ("design", design, "a survey carries its design; see csi.rake and Survey.with_design"),
        ("frequency", frequency, "a survey has one row a respondent"),
    ):
        if given is not None:
            raise EstimationError(f"{name}= is for plain frames; {remedy}.")
    ends = {item.name: (item.scale.low, item.scale.high) for item in survey.codebook.items}
    columns = {str(name): column for frame in (survey.respondents, survey.answers) for name, column in frame.items()}
    items = observed_items(model)
    _require_items(model, list(columns))
    answers = _matrix(columns.__getitem__, items, len(survey.answers))
    base = survey.base_weights if weight is None else _column(survey.respondents, weight)
    weights = survey.weights if weight is None else base
    _require_weights(base, f"{survey.source.path}: ")
    sample = sample_of(survey.design, columns, base, f"{survey.source.path}: ")
    return Cases(answers, weights, *_ends(model, items, ends), items, survey, sample)


def _of_frame(
    model: Model,
    frame: Any,  # noqa: ANN401
    weight: str | None,
    scale: Ends | Mapping[str, Ends] | None,
    design: Design | None,
    frequency: str | None,
) -> Cases:
    items, design = observed_items(model), design or Design()
    _require_items(model, frame.columns)
    base = np.ones(len(frame)) if weight is None else _column(frame, weight)
    _require_weights(base, "")
    copies = None if frequency is None else _copies(_column(frame, frequency), frequency)
    asked = {item: frame[item] for item in items}
    answers = _matrix(lambda item: asked[item].to_pandas(), items, len(frame))
    for column in design.columns:
        _require_column(frame, column, "the design names")
    columns = {column: frame[column].to_pandas() for column in design.columns}
    if copies is not None:
        answers, base = np.repeat(answers, copies, axis=0), np.repeat(base, copies)
        columns = {name: column.repeat(copies).reset_index(drop=True) for name, column in columns.items()}
    sample = sample_of(design, columns, base)
    ends = _stated(items, scale)
    weights = sample.final(base[None, :])[0]
    if not np.isfinite(weights).all():
        raise EstimationError(
            "the weights cannot meet the margins and bounds of the design together; widen the bounds."
        )
    return Cases(answers, weights, *_ends(model, items, ends), items, None, sample)


def _matrix(column: "Callable[[str], pd.Series[Any]]", items: Sequence[str], n: int) -> Floats:
    """(n, p) as `Cases` keeps them, filled column by column: no second copy of all answers is ever in memory."""
    single = all(_is_single(_numbers(column(item), item)) for item in items)
    answers: Floats = np.empty((n, len(items)), dtype=np.float32 if single else np.float64)
    for i, item in enumerate(items):
        answers[:, i] = _numbers(column(item), item)
    return answers


def _is_single(answers: Array) -> bool:
    """Whether single precision holds every answer exactly."""
    with np.errstate(over="ignore"):
        return np.array_equal(answers.astype(np.float32), answers, equal_nan=True)


def _numbers(column: "pd.Series[Any]", item: str) -> Array:
    try:
        answers = np.ascontiguousarray(pd.to_numeric(column), dtype=float)
    except (ValueError, TypeError) as error:
        raise EstimationError(
            f"column {item!r} is not numeric: {error}. Code the answers as numbers first (groups as one 0/1 column a level)."
        ) from error
    if (endless := np.flatnonzero(np.isinf(answers))).size:
        raise EstimationError(
            f"column {item!r} has the answer {answers[endless[0]]:g} in case {endless[0]}; answers are numbers, or missing."
        )
    return answers


def _copies(counts: Array, name: str) -> NDArray[np.intp]:
    wrong = np.flatnonzero(~((counts >= 0) & (counts == np.floor(counts))))
    if len(wrong):
        raise EstimationError(
            f"frequency {name!r} of case {wrong[0]} is {counts[wrong[0]]:g}; how often a row occurred is a whole number. "
            "For survey weights use weight=."
        )
    return counts.astype(np.intp)


def _require_items(model: Model, known: list[str]) -> None:
    for construct in model.constructs:
        for item in construct.items:
            if item not in known and item not in model.names:
                raise ModelError(
                    f"construct {construct.name!r} names item {item!r}, which the data do not have. "
                    + known_names(item, known, "Their columns are")
                )


def _require_column(frame: Any, name: str, why: str) -> None:  # noqa: ANN401
    if name not in frame.columns:
        raise EstimationError(f"{why} the column {name!r}. {known_names(name, frame.columns, 'The columns are')}")


def _column(frame: Any, name: str) -> Array:  # noqa: ANN401
    if name not in frame.columns:
        raise EstimationError(
            f"there is no weight column {name!r}. {known_names(name, frame.columns, 'The columns are')}"
        )
    try:
        return np.asarray(frame[name].to_numpy(), dtype=float)
    except (ValueError, TypeError) as error:
        raise EstimationError(
            f"column {name!r} holds no numbers: {error}. Weights and frequencies are numbers."
        ) from error


def _ends(model: Model, items: Sequence[str], ends: Mapping[str, Ends]) -> tuple[Array, Array]:
    observed = {item for construct in model.constructs if construct.kind == "observed" for item in construct.items}
    unknown = (np.nan, np.nan)
    pairs = np.array([unknown if item in observed else ends.get(item, unknown) for item in items], dtype=float)
    return pairs[:, 0], pairs[:, 1]


def _require_weights(weights: Array, origin: str) -> None:
    if not np.isfinite(weights).all() or (weights <= 0).any():
        row = int(np.flatnonzero(~((weights > 0) & np.isfinite(weights)))[0])
        raise EstimationError(
            f"{origin}the weight of case {row} is {weights[row]:g}; weights must be numbers above 0. A case that is not to count "
            "is left out of the data."
        )


def _checked(cases: Cases) -> Cases:
    low, high = np.full((2, len(cases.items)), np.nan)
    for rows in row_chunks(*cases.answers.shape):
        low = np.fmin(low, np.fmin.reduce(cases.answers[rows], axis=0))
        high = np.fmax(high, np.fmax.reduce(cases.answers[rows], axis=0))
    for i, item in enumerate(cases.items):
        if np.isnan(low[i]):
            raise EstimationError(
                f"{cases.origin}{_named(cases, item)} has no answers at all. Leave it out of the model."
            )
        if low[i] == high[i]:
            raise EstimationError(
                f"{cases.origin}{_named(cases, item)} is constant: all {np.isfinite(cases.answers[:, i]).sum()} answers are "
                f"{low[i]:g}. An item that does not vary "
                "carries no weight; leave it out of the model."
            )
    return cases


def _named(cases: Cases, item: str) -> str:
    """The item, with its column in the file where that has another name."""
    asked = [] if cases.survey is None else [i.column for i in cases.survey.codebook.items if i.name == item]
    column = asked[0] if asked else item
    return f"item {item!r}" if column == item else f"item {item!r} (column {column!r})"
