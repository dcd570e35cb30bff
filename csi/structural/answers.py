"""Answers to single questions, without a model: columns of a survey or a frame with their weights and sampling design."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csi.errors import EstimationError, known_names
from csi.structural.cases import Array, Ends
from csi.structural.sampling import Sample, sample_of
from csi.survey.design import Design
from csi.survey.survey import Survey


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """X (n, p) answers with NaN at gaps, the names of its columns, case weights (n,), how the cases were drawn."""

    X: Array
    names: tuple[str, ...]
    weights: Array
    sample: Sample
    survey: Survey | None

    def resamples(self, draws: int, seed: int, level: float) -> Iterator[Array]:
        """Case weights (B, n) of every replicate, piece by piece; rows without any answer have weight 0.

        Raises
        ------
        EstimationError
            Fewer than 2 draws, or a level (the coverage of the intervals) outside 0-1.
        """
        if draws < 2 or not 0 < level < 1:
            raise EstimationError(f"intervals need draws >= 2 and 0 < level < 1, not draws={draws}, level={level}.")
        yield from self.sample.resamples(self.used, draws, seed)

    @property
    def used(self) -> NDArray[np.bool_]:
        """(n,) rows with any answer."""
        return np.asarray(~np.isnan(self.X).all(axis=1))

    def ends(self, scale: Ends | None) -> tuple[Array, Array]:
        """Scale ends (p,), from the codebook of a survey or as given for a frame.

        Raises
        ------
        EstimationError
            Ends not given or given twice, or an answer beyond them.
        """
        if (self.survey is None) == (scale is None):
            raise EstimationError(
                "scale= is for plain frames; a survey takes its scale ends from the codebook."
                if scale
                else "the scale ends are not known. Give them for a plain frame, e.g. scale=(1, 7)."
            )
        own = {} if self.survey is None else {item.name: item.scale for item in self.survey.codebook.items}
        stated = [(own[name].low, own[name].high) if name in own else scale for name in self.names]
        for name, pair in zip(self.names, stated, strict=True):
            if pair is None or not pair[0] < pair[1]:
                raise EstimationError(f"column {name!r} has no scale ends, low before high, but {pair}.")
            self.require_within(name, pair)
        low, high = np.array(stated, dtype=float).T
        return low, high

    def require_within(self, name: str, ends: Ends) -> None:
        """Raise where an answer to a question is beyond the ends of its scale."""
        x = self.X[:, self.names.index(name)]
        beyond = np.flatnonzero((x < ends[0]) | (x > ends[1]))
        if len(beyond):
            raise EstimationError(
                f"column {name!r} has the answer {x[beyond[0]]:g} in case {beyond[0]}, outside {ends[0]:g} to {ends[1]:g} "
                f"({len(beyond)} such answers). Code what is no answer as missing."
            )


def answers_of(
    data: Survey | Any,  # noqa: ANN401 - any frame that narwhals reads
    names: Sequence[str],
    *,
    weight: str | None = None,
    design: Design | None = None,
    codes: Mapping[str, float] | None = None,
) -> Answers:
    """Take columns out of a survey or a frame; texts become numbers by `codes`.

    Raises
    ------
    EstimationError
        An unknown column, a text without a code, a weight that is not above 0, a question without any answer, or a weight or
        design given for a survey, which has its own.
    """
    survey = data if isinstance(data, Survey) else None
    if survey is None:
        source: Any = data
        frame: pd.DataFrame = nw.from_native(source, eager_only=True).to_pandas()
        base = np.ones(len(frame)) if weight is None else _weights(frame, weight)
    else:
        if weight is not None or design is not None:
            raise EstimationError("weight= and design= are for plain frames; a survey carries its own.")
        own = survey.respondents
        frame = pd.concat([own.drop(columns=[c for c in own if c in survey.answers]), survey.answers], axis=1)
        base, design = survey.base_weights, survey.design
    design = design or Design()
    for name in (*names, *design.columns):
        if name not in frame.columns:
            raise EstimationError(
                f"there is no column {name!r}. {known_names(name, map(str, frame.columns), 'The columns are')}"
            )
    X = np.column_stack([_numbers(frame[name], name, codes or {}) for name in names])
    sample = sample_of(design, {name: frame[name] for name in design.columns}, base)
    final = survey.weights if survey is not None else sample.final(base[None])[0]
    if not np.isfinite(final).all():
        raise EstimationError("the weights cannot meet the margins of the design; widen its bounds.")
    return Answers(X, tuple(names), final, sample, survey)


def _numbers(column: "pd.Series[Any]", name: str, codes: Mapping[str, float]) -> Array:
    coded = column.map(lambda cell: codes.get(str(cell).strip(), cell)) if codes else column
    numbers = pd.to_numeric(coded, errors="coerce")
    wrong = np.flatnonzero((numbers.isna() & column.notna()) | np.isinf(numbers.astype(float)))
    if len(wrong):
        text = column.iloc[wrong[0]]
        remedy = known_names(str(text), codes, "The answers are") if codes else "Code the answers as numbers first."
        raise EstimationError(f"column {name!r} holds {text!r} in case {wrong[0]}, which is no answer. {remedy}")
    if numbers.isna().all():
        raise EstimationError(f"column {name!r} has no answers at all; leave it out.")
    return numbers.to_numpy(float)


def _weights(frame: pd.DataFrame, name: str) -> Array:
    if name not in frame.columns:
        raise EstimationError(
            f"there is no weight column {name!r}. {known_names(name, map(str, frame.columns), 'The columns are')}"
        )
    weights = _numbers(frame[name], name, {})
    wrong = np.flatnonzero(~(weights > 0))
    if len(wrong):
        raise EstimationError(
            f"the weight of case {wrong[0]} is {weights[wrong[0]]:g}; weights are numbers above 0. Leave the case out."
        )
    return weights
