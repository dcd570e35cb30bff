"""Sums of rows by cell, in one pass: by DuckDB and matrix products, or by any other engine in its own SQL.

A cell is what rows have in common: their group, their stratum, the random bucket of their primary unit (see
`csi.kernel.buckets`) and their state, which is GOOD or says why the row is not used.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import combinations_with_replacement
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from csi.engine.table import Table
from csi.kernel.buckets import bucket_of

Array = NDArray[np.float64]
Key = tuple[Any, ...]  # values of the group's columns, of the stratum's columns, bucket, state
_ROWS = 262_144  # rows in memory at once
_NUMBER = "__number"


class State(IntEnum):
    """Whether a row is used, or else why not."""

    GOOD = 0
    NO_UNIT = 1
    NO_STRATUM = 2
    BAD_WEIGHT = 3
    MISSING = 4


@dataclass(frozen=True, slots=True)
class Design:
    """Which columns of a table play which part."""

    items: tuple[str, ...]
    by: tuple[str, ...]
    strata: tuple[str, ...]
    unit: str | None
    weight: str | None
    buckets: int

    @property
    def keys(self) -> list[str]:
        """The columns of the prepared rows that make a `Key`."""
        groups, strata = (f"g{j}" for j in range(len(self.by))), (f"h{j}" for j in range(len(self.strata)))
        return [*groups, *strata, "bucket", "state"]

    @property
    def answers(self) -> list[str]:
        """The columns of the prepared rows that hold the items."""
        return [f"x{j}" for j in range(len(self.items))]


@dataclass(frozen=True, slots=True)
class Cells:
    """Rows of every cell, and of the cells in use the (1 + p, 1 + p) sums of w z z' with z = (1, x - centre)."""

    rows: dict[Key, int] = field(default_factory=lambda: defaultdict(int))
    sums: dict[Key, Array] = field(default_factory=dict)

    def add(self, key: Key, rows: int, sums: Array | None) -> None:
        """Take rows of a cell in."""
        self.rows[key] += rows
        if sums is not None:
            self.sums[key] = self.sums[key] + sums if key in self.sums else sums

    def count(self, state: State) -> int:
        """Rows of a state."""
        return sum(rows for key, rows in self.rows.items() if key[-1] == state)


def prepared(source: Table, design: Design) -> Any:  # noqa: ANN401 - ibis is untyped
    """The rows as an expression with the columns `keys`, `answers`, 'unit' and 'weight'."""
    own = source
    if design.unit is None:
        unit = ibis.literal(0, "int64")
    elif source.columns[design.unit] == "text":
        own = _with_numbered_units(source, design.unit)
        unit = own.expression[_NUMBER]
    else:
        unit = source.expression[design.unit].cast("int64")
    t = own.expression
    strata = [t[name] for name in design.strata]
    # Whole numbers leave DuckDB in the few bytes that they have there; all else is a float without NaN.
    items = [t[name] if own.columns[name] == "integer" else own.number(name) for name in design.items]
    states = [(unit.isnull(), State.NO_UNIT), *((h.isnull(), State.NO_STRATUM) for h in strata)]
    w = ibis.literal(1.0)
    if design.weight is not None:
        w = own.number(design.weight)
        states.append((w.isnull() | (w <= 0) | (w > np.finfo(float).max), State.BAD_WEIGHT))
    states += [(x.isnull(), State.MISSING) for x in items]
    values = [*(t[name] for name in design.by), *strata]
    bucket = unit if design.unit is None else bucket_of(unit, design.buckets)
    values += [bucket, ibis.cases(*((c, int(s)) for c, s in states), else_=int(State.GOOD))]
    selected = dict(zip([*design.keys, *design.answers], [*values, *items], strict=True))
    return t.select(**selected, unit=unit, weight=w)


def _with_numbered_units(source: Table, unit: str) -> Table:
    """The table with a column for the number that a text of `unit` has in the order of all its distinct texts."""
    t = source.expression
    texts = t.select(__text=t[unit].nullif("")).distinct()
    # A row's number has 32 bits on Spark, which ibis does not know: arithmetic on it would overflow.
    place = ibis.row_number().over(order_by="__text").cast("int32").cast("int64")
    numbered = texts.filter(texts["__text"].notnull()).mutate(**{_NUMBER: place})
    joined = t.left_join(numbered, t[unit] == numbered["__text"])
    return Table(joined.select(*(t[c] for c in source.columns), numbered[_NUMBER]), source.name)


def streamed(source: Table, rows: Any, design: Design, centre: Array) -> Cells:  # noqa: ANN401
    """The sums from batches of rows that the engine streams: sorted by cell, a cell's sums are one matrix product."""
    cells = Cells()
    columns = [*design.keys, *design.answers, *(["weight"] if design.weight is not None else [])]
    for batch in source.stream(rows.select(*columns), _ROWS):
        keys, order, ends = _sorted_cells(batch, design.keys)
        Z = np.empty((1 + len(centre), batch.num_rows))
        Z[0] = 1.0
        for j, name in enumerate(design.answers):
            np.subtract(_numpy(batch, name)[order], centre[j], out=Z[1 + j])
        w = _numpy(batch, "weight")[order] if design.weight is not None else None
        for key, first, last in zip(keys, [0, *ends], ends, strict=False):
            part = Z[:, first:last]
            good = key[-1] == State.GOOD
            with np.errstate(
                invalid="ignore"
            ):  # of an infinite answer, which is refused by name once all rows are seen
                cells.add(key, last - first, (part if w is None else part * w[first:last]) @ part.T if good else None)
    return cells


def _sorted_cells(batch: pa.RecordBatch, names: list[str]) -> tuple[list[Key], NDArray[np.intp], list[int]]:
    """The cells of a batch, the order of its rows that puts those of a cell together, and where each cell ends."""
    code, encoded = np.zeros(batch.num_rows, dtype=np.int64), []
    for name in names:
        column = batch.column(name).dictionary_encode(null_encoding="encode")
        values, number = column.dictionary.to_pylist(), column.indices.to_numpy()
        encoded.append((values, number))
        code = code * len(values) + number
    order = np.argsort(code.astype(np.min_scalar_type(code.max(initial=0))), kind="stable")
    starts = np.flatnonzero(np.diff(code[order], prepend=-1))
    keys = [tuple(values[number[row]] for values, number in encoded) for row in order[starts]]
    return keys, order, [*starts[1:].tolist(), batch.num_rows]


def _numpy(batch: pa.RecordBatch, name: str) -> NDArray[Any]:
    """A column of numbers; gaps are NaN."""
    return np.asarray(batch.column(name).to_numpy(zero_copy_only=False))


def summed(source: Table, rows: Any, design: Design, centre: Array) -> Cells:  # noqa: ANN401
    """The sums from the engine's own aggregates, one for every pair of items."""
    z = [
        ibis.literal(1.0),
        *(rows[name].cast("float64") - float(c) for name, c in zip(design.answers, centre, strict=True)),
    ]
    pairs = list(combinations_with_replacement(range(len(z)), 2))
    products = {f"s{i}_{j}": (rows["weight"] * z[i] * z[j]).sum() for i, j in pairs}
    found = source.arrow(rows.group_by(design.keys).agg(rows=lambda t: t.count(), **products))
    totals = np.column_stack([found.column(name).to_numpy() for name in products]).astype(float)
    i, j = np.array(pairs).T
    cells = Cells()
    keys = zip(*(found.column(name).to_pylist() for name in design.keys), strict=True)
    for key, n, total in zip(keys, found.column("rows").to_pylist(), totals, strict=True):
        sums = np.empty((len(z), len(z)))
        sums[i, j] = sums[j, i] = total
        cells.add(key, n, sums if key[-1] == State.GOOD else None)
    return cells
