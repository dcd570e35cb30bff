"""Which answers a SERVQUAL study sets against one another, whose they are, and how the respondents are resampled.

A statement is one indicator of a dimension: the service perceived, and beside it the service expected (desired) and the
service that would just do (adequate), as far as they were asked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csi.errors import EstimationError, known_names
from csi.kernel import importance
from csi.structural.answers import Answers, answers_of
from csi.structural.cases import Array, Ends
from csi.structural.sampling import Sample, sample_of
from csi.survey.design import Design
from csi.survey.survey import Survey

WAVE = "wave"
Named = str | Sequence[str]


@dataclass(frozen=True, slots=True)
class Statement:
    """One indicator of a dimension: its items of perceived, expected and adequate service."""

    dimension: str
    perception: str
    expectation: str | None = None
    adequate: str | None = None

    @property
    def items(self) -> tuple[str, ...]:
        """The items that were asked."""
        return tuple(item for item in (self.perception, self.expectation, self.adequate) if item is not None)


@dataclass(frozen=True, slots=True, eq=False)
class Judgements:
    """Judgements (n, k) of the statements, NaN at gaps, in steps of the answer scale or in points (`unit`).

    `source` has the answers as they were given, weights and sampling; `known` (n rows) all columns by which to divide them.
    """

    statements: tuple[Statement, ...]
    perception: Array
    expectation: Array
    adequate: Array
    source: Answers
    known: pd.DataFrame
    design: Design
    unit: str

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The dimensions in the order of the statements."""
        return tuple(dict.fromkeys(statement.dimension for statement in self.statements))

    @property
    def used(self) -> NDArray[np.bool_]:
        """(n,) who judged anything."""
        return self.source.used

    def members(self, dimension: str) -> list[int]:
        """Places of the dimension's statements."""
        return [j for j, statement in enumerate(self.statements) if statement.dimension == dimension]

    def numbers(self, columns: Sequence[str]) -> Array:
        """(n, columns) more columns of numbers."""
        data = self.source.survey if self.source.survey is not None else self.known
        return answers_of(data, columns).X

    def levels(self, by: str) -> tuple[list[str], "pd.Series[str]"]:
        """Levels of a column: waves as they come, others in the order of the codebook, else sorted; and the column."""
        survey = self.source.survey
        named = {} if survey is None or by == WAVE else survey.codebook.segment(by).levels
        if by not in self.known.columns:
            remedy = " Join the waves with csi.join_waves." if by == WAVE else ""
            known = known_names(by, map(str, self.known.columns), "The columns are")
            raise EstimationError(f"by={by!r} is no column of the data.{remedy} {known}")
        texts = self.known[by].astype(object).where(self.known[by].notna(), "").astype(str).str.strip()
        found = [level for level in dict.fromkeys(texts[self.used]) if level]
        if by != WAVE:
            stated = [level for level in named if level in found]
            found = [*stated, *sorted(set(found) - set(stated))]
        return found, texts

    def drawn_by(self, waves: "pd.Series[str]") -> "Judgements":
        """The same where waves are compared: each is drawn and weighted to the margins by itself.

        Customers (or clusters) that stand in several waves are drawn once for all of them.
        """
        columns = {name: self.known[name] for name in self.design.columns}
        design, columns = _drawn_by_wave(self.design, columns, waves, self.known.get("key"))
        sample = sample_of(design, columns, self.source.sample.base)
        sample = replace(sample, margins=_within_waves(sample, waves))
        weights = sample.final(sample.base[None])[0]
        if np.isnan(weights).any():
            raise EstimationError(
                "a wave's weights cannot meet the margins and bounds of the design; widen the bounds."
            )
        return replace(self, source=replace(self.source, sample=sample, weights=weights))


def _drawn_by_wave(
    design: Design,
    columns: dict[str, "pd.Series[Any]"],
    waves: "pd.Series[str]",
    key: "pd.Series[Any] | None",
) -> tuple[Design, dict[str, "pd.Series[Any]"]]:
    """The design over all waves: who stands in several is drawn once for all of them, else every wave is a stratum."""
    units = columns[design.clusters] if design.clusters else key
    if units is not None:
        alone = units.isna() | (units.astype(str).str.strip() == "")
        units = units.astype(str).mask(alone, [f"row {i}" for i in range(len(units))])
        if len(pd.DataFrame({"unit": units, "wave": waves}).drop_duplicates()) > len(set(units)):
            return replace(design, clusters=design.clusters or "key"), {"key": units, **columns}
    own = columns[design.strata].astype(str) + " / " if design.strata else ""
    stratum = f"{design.strata} and {WAVE}" if design.strata else WAVE
    return replace(design, strata=stratum), {**columns, stratum: own + waves}


def _within_waves(sample: Sample, waves: "pd.Series[str]") -> tuple[tuple[NDArray[np.intp], Array], ...]:
    """Margins to be met in every wave, each of which keeps its own total."""
    codes, names = pd.factorize(waves)
    totals = np.bincount(codes, sample.base, len(names))
    return tuple(
        (np.asarray(codes * len(shares) + levels, dtype=np.intp), np.outer(totals, shares / shares.sum()).ravel())
        for levels, shares in sample.margins
    )


def judgements_of(
    data: Survey | Any,  # noqa: ANN401 - any frame that narwhals reads
    statements: Mapping[str, Sequence[Named]] | None,
    scale: Ends | None = None,
    points: bool = False,
    **of_a_frame: Any,  # noqa: ANN401 - weight and design, as `answers_of` takes them
) -> Judgements:
    """Take the statements out of a survey or a frame; every fault names the item and what is known."""
    survey = data if isinstance(data, Survey) else None
    asked = _statements(statements, survey)
    items = [item for statement in asked for item in statement.items]
    source = answers_of(data, items, **of_a_frame)
    X = source.X
    if survey is not None or scale is not None or points:
        low, high = source.ends(scale)
        if points:
            X = importance.points(X, low, high)
        else:
            _require_one_scale(items, low, high)
    columns = dict(zip(items, X.T, strict=True))
    absent = np.full(len(X), np.nan)
    perception, expectation, adequate = (
        np.column_stack([columns.get(getattr(statement, role), absent) for statement in asked])
        for role in ("perception", "expectation", "adequate")
    )
    frame: Any = data
    known = nw.from_native(frame, eager_only=True).to_pandas() if survey is None else survey.respondents
    design = survey.design if survey is not None else of_a_frame.get("design") or Design()
    unit = "points" if points else "scale"
    return Judgements(asked, perception, expectation, adequate, source, known.reset_index(drop=True), design, unit)


def _statements(named: Mapping[str, Sequence[Named]] | None, survey: Survey | None) -> tuple[Statement, ...]:
    if named is not None:
        found = [_statement(dimension, each) for dimension, many in named.items() for each in _listed(dimension, many)]
        asked = [item for statement in found for item in statement.items]
        twice = [item for item in asked if asked.count(item) > 1]
        if twice or not found:
            what = f"item {twice[0]!r} stands in two statements" if twice else "no statement is named"
            raise EstimationError(f"{what}; every statement has items of its own.")
        return tuple(found)
    if survey is None:
        raise EstimationError(
            "a frame does not say which items belong together. Name them: {'reliability': [('E1', 'P1'), ('E2', 'P2')], ...}, "
            "expectation before perception."
        )
    items = survey.codebook.items
    expected = {item.expectation_of: item.name for item in items}
    adequate = {item.adequate_of: item.name for item in items}
    found = [
        Statement(item.dimension, item.name, expected.get(item.name), adequate.get(item.name))
        for item in items
        if item.dimension and item.expectation_of is None and item.adequate_of is None
    ]
    if not found:
        raise EstimationError(
            f"{survey.source.path}: no item of the codebook has a dimension of service quality. Write dimension = "
            "'reliability' at the perceptions and expectation_of = 'NAME' at the expectations, or name the statements."
        )
    order = list(dict.fromkeys(statement.dimension for statement in found))
    return tuple(sorted(found, key=lambda statement: order.index(statement.dimension)))


def _listed(dimension: str, many: Sequence[Named]) -> Sequence[Named]:
    if isinstance(many, str) or not len(many):
        raise EstimationError(f"dimension {dimension!r} needs a list of statements, e.g. [('E1', 'P1'), ('E2', 'P2')].")
    return many


def _statement(dimension: str, named: Named) -> Statement:
    parts = [named] if isinstance(named, str) else list(named)
    if not 1 <= len(parts) <= 3:
        raise EstimationError(
            f"a statement of dimension {dimension!r} has {len(parts)} items: {parts}. It is 'perception', "
            "('expectation', 'perception') or ('adequate', 'desired', 'perception')."
        )
    return Statement(dimension, *reversed(parts))


def _require_one_scale(items: Sequence[str], low: Array, high: Array) -> None:
    """Scores on unlike scales have no difference and no mean, unless all are put on 0-100."""
    unlike = np.flatnonzero((low != low[0]) | (high != high[0]))
    if len(unlike):
        other = unlike[0]
        raise EstimationError(
            f"item {items[0]!r} was asked on a scale of {low[0]:g} to {high[0]:g} and item {items[other]!r} on one of "
            f"{low[other]:g} to {high[other]:g}. Use points=True, which puts all on 0-100."
        )
