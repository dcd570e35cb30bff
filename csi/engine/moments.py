"""Item moments of tables with more rows than memory holds: sums by group, stratum and random bucket of primary units."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from csi.engine.cells import Array, Cells, Design, Key, State, prepared, streamed, summed
from csi.engine.connection import opened
from csi.engine.table import Table
from csi.errors import EstimationError, LinkError
from csi.kernel.buckets import BucketMoments

Names = str | Sequence[str] | None
MOST_BUCKETS = 4096
_SAMPLE = 1_000  # rows whose mean is the centre


def moments_of(  # noqa: PLR0913 - the design of a survey has as many parts
    table: str | Path | Table | Any,  # noqa: ANN401 - an ibis table, which is untyped
    items: Sequence[str],
    *,
    weight: str | None = None,
    by: Names = None,
    buckets: int = 256,
    unit: str | None = None,
    strata: Names = None,
    missing: Literal["listwise"] = "listwise",
) -> BucketMoments:
    """Sum the moments of items where the answers are, for each group and each random bucket of primary units.

    The answers are read once; what leaves the engine are sums (DuckDB: a stream of batches that are summed at once). Two small
    queries go before and after: of the first rows, for the centre of the items, and of the keys, to count units.

    Parameters
    ----------
    table
        Path of a Parquet or CSV file, a table of an engine, or an ibis table: one row an answered questionnaire.
    items
        Columns with the answers.
    weight
        Column of case weights above 0; all rows count alike without it.
    by
        Columns that define groups, such as region and wave. Rows without a value are a group (None) of their own.
    buckets
        Random buckets of primary units in each stratum, at most 4096. A standard error from 256 buckets has itself a
        standard error of 4 %.
    unit
        Column of the primary sampling unit, whole numbers or text: the cluster where clusters were drawn, else the customer's
        key. Without it there is one bucket, hence a point estimate and no resamples. Texts are numbered in the order of
        all distinct texts of the column, so that other rows in the table make other, equally good, buckets.
    strata
        Columns that define strata; a unit belongs to one stratum, and buckets are made within each.
    missing
        'listwise': rows with a gap in any item are left out and counted. In-database there is no other treatment.

    Raises
    ------
    LinkError
        A column is absent or of a wrong kind; a row has no unit, no stratum or a weight that is not a number above 0.
    EstimationError
        Another treatment of missing answers is asked for, no row is complete, or a stratum has units in one bucket only.

    Examples
    --------
    >>> import ibis, pyarrow as pa
    >>> answers = pa.table({"id": [1, 2, 3, 4], "q1": [7, 8, 9, 10], "q2": [5, 7, 7, None]})
    >>> sums = moments_of(ibis.memtable(answers), ["q1", "q2"], unit="id")
    >>> sums.moments().mean.round(3).tolist(), sums.n_missing
    ([[8.0, 6.333]], 1)
    """
    if missing != "listwise":
        raise EstimationError(
            f"missing={missing!r} needs the answers themselves, which stay in the database. Use missing='listwise', or read a "
            "random part of the table into memory and fit that."
        )
    source = opened(table, "the table of answers")
    design = Design(tuple(items), _names(by), _names(strata), unit, weight, 1 if unit is None else buckets)
    _require(source, design, buckets)
    centre = _centre(source, design)
    rows = prepared(source, design)
    sums = streamed if rows.get_backend().name == "duckdb" else summed
    cells = sums(source, rows, design, centre)
    _require_usable(source, design, cells)
    return _assembled(source, design, cells, centre, _units(source, rows, design, cells))


def _names(names: Names) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names or ())


def _require(source: Table, design: Design, buckets: int) -> None:
    """Every column is there and of a kind that can play its part."""
    source.require_numbers(design.items, "an item")
    if not design.items or len(set(design.items)) < len(design.items):
        raise LinkError(f"{source.name}: items must be one column or more, each named once, not {list(design.items)}.")
    if design.weight is not None:
        source.require_numbers([design.weight], "the weight")
    for names, what in ((design.by, "a group"), (design.strata, "a stratum")):
        source.require(names, what)
        for name in names:
            if source.columns[name] in ("number", "other"):
                raise LinkError(
                    f"{source.name}: column {name!r}, which is named as {what}, does not hold labels but is a column of kind "
                    f"{source.columns[name]!r}. Cast it to whole numbers or text."
                )
    if design.unit is None:
        return
    source.require([design.unit], "the primary unit")
    if source.columns[design.unit] not in ("integer", "text"):
        raise LinkError(
            f"{source.name}: the primary unit {design.unit!r} must be whole numbers or text, but is a column of kind "
            f"{source.columns[design.unit]!r}. Cast it to one of them; as it is stored, long keys may have lost digits."
        )
    if not 2 <= buckets <= MOST_BUCKETS:
        raise EstimationError(f"buckets must be 2 ... {MOST_BUCKETS}, not {buckets}. 256 serves most surveys.")


def _centre(source: Table, design: Design) -> Array:
    """(p,) the mean of the first complete rows, whole where answers are, so that sums of whole numbers are exact."""
    answers = source.expression.select(
        **{x: source.number(n) for x, n in zip(design.answers, design.items, strict=True)}
    )
    first = source.arrow(answers.drop_null().limit(_SAMPLE))
    X = np.column_stack([first.column(name).to_numpy() for name in design.answers]).astype(float)
    X = X[np.isfinite(X).all(axis=1)]
    if not len(X):
        return np.zeros(len(design.items))
    mean = X.mean(axis=0)
    return np.asarray(np.where((np.rint(X) == X).all(axis=0), np.rint(mean), mean))


def _require_usable(source: Table, design: Design, cells: Cells) -> None:
    """No row lacks what only the user can supply, and some row is complete."""
    faults = {
        State.NO_UNIT: f"no primary unit in column {design.unit!r}. Give every row its cluster or its customer's key",
        State.NO_STRATUM: f"no stratum in {', '.join(map(repr, design.strata))}. Give every row its stratum",
        State.BAD_WEIGHT: f"a weight in column {design.weight!r} that is not a number above 0. Repair the weights",
    }
    for state, fault in faults.items():
        if count := cells.count(state):
            raise LinkError(f"{source.name}: {count:,} rows have {fault}, or leave these rows out of the table.")
    if not cells.sums:
        raise EstimationError(
            f"{source.name}: none of {cells.count(State.MISSING):,} rows has an answer to each of {len(design.items)} items. "
            "Leave out the items that hardly anybody answered."
        )
    spread = np.diagonal(np.array(list(cells.sums.values())), axis1=1, axis2=2)[:, 1:]
    infinite = [name for name, s in zip(design.items, spread.T, strict=True) if not np.isfinite(s).all()]
    if infinite:
        raise LinkError(f"{source.name}: item {infinite[0]!r} holds answers that are not finite. Make them gaps.")


def _units(source: Table, rows: Any, design: Design, cells: Cells) -> dict[Key, int]:  # noqa: ANN401
    """Values of the stratum, and bucket -> primary units with complete answers, whichever groups they are in."""
    units: dict[Key, int] = defaultdict(int)
    if design.unit is None:
        for key in cells.sums:
            units[key[len(design.by) : -1]] += cells.rows[key]
        return units
    used = rows.filter(rows["state"] == int(State.GOOD))
    columns = design.keys[len(design.by) : -1]
    found = source.arrow(used.group_by(columns).agg(units=used["unit"].nunique())).to_pydict()
    return dict(zip(zip(*(found[c] for c in columns), strict=True), found["units"], strict=True))


def _assembled(source: Table, design: Design, cells: Cells, centre: Array, units: dict[Key, int]) -> BucketMoments:
    """The cells in use in the order of their labels, so that neither threads nor the order of rows matter."""
    split = len(design.by)
    groups, strata = _ordered(key[:split] for key in cells.sums), _ordered(key[split:-2] for key in cells.sums)
    held = np.zeros((len(strata), design.buckets), dtype=np.intp)
    for key, count in units.items():
        held[strata[key[:-1]], key[-1]] = count
    if design.unit is not None:
        _require_two_buckets(source, design, list(strata), held)
    places = {(groups[key[:split]], strata[key[split:-2]], key[-2]): key for key in cells.sums}
    group, stratum, bucket = np.array(sorted(places), dtype=np.intp).T
    keys = [places[place] for place in sorted(places)]
    sums = np.array([cells.sums[key] for key in keys])
    return BucketMoments(
        items=design.items,
        groups=tuple(groups),
        strata=tuple(strata),
        group=group,
        stratum=stratum,
        bucket=bucket,
        n=np.array([cells.rows[key] for key in keys], dtype=np.intp),
        weight=sums[:, 0, 0],
        first=sums[:, 0, 1:],
        second=sums[:, 1:, 1:],
        centre=centre,
        units=held,
        n_missing=cells.count(State.MISSING),
    )


def _ordered(labels: Iterable[Key]) -> dict[Key, int]:
    """Label -> its number in ascending order, absent values last."""
    ascending = sorted(set(labels), key=lambda label: tuple((value is None, value) for value in label))
    return {label: number for number, label in enumerate(ascending)}


def _require_two_buckets(source: Table, design: Design, strata: list[Key], units: NDArray[np.intp]) -> None:
    for label, row in zip(strata, units, strict=True):
        if np.count_nonzero(row) < 2:
            where = f"stratum {', '.join(map(str, label))!r} ({', '.join(design.strata)})" if label else "the table"
            raise EstimationError(
                f"{source.name}: {where} has complete answers of {row.sum()} units of column {design.unit!r}, in a single "
                f"bucket of {design.buckets}; nothing is known of their spread. Join the stratum to a neighbour, or leave unit= "
                "out for an estimate without an error."
            )
