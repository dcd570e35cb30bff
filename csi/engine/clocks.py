"""Moments that can be compared: days with days, clocks with clocks of one zone."""

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import ibis
from ibis.expr import datatypes as dt

from csi.engine import spark
from csi.engine.table import Table
from csi.errors import LinkError


@ibis.udf.scalar.builtin(name="timezone", signature=((dt.string, dt.Timestamp("UTC")), dt.timestamp))  # type: ignore[untyped-decorator]
def _duckdb_clock(zone: Any, moment: Any) -> Any:  # noqa: ANN401 - DuckDB's own function
    ...


@ibis.udf.scalar.builtin(  # type: ignore[untyped-decorator]
    name="convert_timezone", signature=((dt.string, dt.string, dt.timestamp), dt.timestamp)
)
def _spark_clock(source: Any, zone: Any, moment: Any) -> Any:  # noqa: ANN401 - Spark's own function
    ...


def require_moments(table: Table, column: str, what: str) -> None:
    """Raise LinkError unless a column holds dates or moments; `what` says what it is wanted for."""
    table.require([column], what)
    if table.columns[column] != "date":
        raise LinkError(
            f"{table.name}: column {column!r}, which is named as {what}, does not hold dates but is a column of kind "
            f"{table.columns[column]!r}. Write dates as 2026-06-30 and moments as 2026-06-30 08:15:00, or save the table as "
            "Parquet with dates."
        )


def on_clock(table: Table, column: str, zone: str) -> Table:
    """The table with a column of moments, which has a time zone, as what the clocks of `zone` showed.

    Raises
    ------
    LinkError
        The zone is unknown, the column is no column of moments or has no time zone, or the engine is neither DuckDB nor Spark.

    Examples
    --------
    >>> import pyarrow as pa
    >>> late = pa.table({"at": pa.array([1767198600], pa.timestamp("s", "UTC"))})
    >>> from csi.engine import connect
    >>> there = on_clock(connect().hold(late, "calls"), "at", "Asia/Shanghai")
    >>> str(there.expression["at"].to_pyarrow()[0])
    '2026-01-01 00:30:00'
    """
    require_moments(table, column, "a moment")
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:
        raise LinkError(f"{zone!r} is no time zone. Zones are named like 'Asia/Shanghai'.") from error
    if not table.is_zoned(column):
        raise LinkError(
            f"{table.name}: column {column!r} has no time zone, so it is on some clock already. Leave it, if that is the clock "
            "of the other tables."
        )
    x = table.expression[column]
    if spark.is_spark(table.backend):
        moved = _spark_clock("UTC", zone, x)
    elif table.backend.name == "duckdb":
        moved = _duckdb_clock(zone, x.cast(dt.Timestamp("UTC")))
    else:
        raise LinkError(f"{table.name}: {table.backend.name} cannot move clocks here. Store {column!r} without a zone.")
    return Table(table.expression.mutate(**{column: moved}), table.name)


def comparable(left: Table, as_of: str, right: Table, at: str) -> tuple[Any, Any]:
    """Two columns as timestamps that may be compared: where one of them knows the day only, both are days.

    An event of which the day alone is known may have come after an answer of the same day, so that it must not look earlier.
    """
    require_moments(left, as_of, "the moment before which events count")
    require_moments(right, at, "the moment of an event")
    zoned = left.is_zoned(as_of), right.is_zoned(at)
    if zoned[0] != zoned[1]:
        one, other = ((left, as_of), (right, at)) if zoned[0] else ((right, at), (left, as_of))
        raise _two_clocks(*one, f"column {other[1]!r} of {other[0].name}")
    a, b = left.expression[as_of], right.expression[at]
    if a.type().is_date() or b.type().is_date():
        return a.cast("date").cast("timestamp"), b.cast("date").cast("timestamp")
    return a.cast("timestamp"), b.cast("timestamp")


def comparable_to(moment: date, right: Table, at: str) -> tuple[datetime, Any]:
    """One moment and a column as timestamps that may be compared; a moment that is a date is its first instant."""
    require_moments(right, at, "the moment of an event")
    b = right.expression[at]
    zoned = isinstance(moment, datetime) and moment.tzinfo is not None
    if b.type().is_timestamp() and right.is_zoned(at) != zoned:
        raise _two_clocks(right, at, f"the moment {moment}")
    if isinstance(moment, datetime) and b.type().is_timestamp():
        return (moment.astimezone(UTC) if zoned else moment).replace(tzinfo=None), b.cast("timestamp")
    return datetime(moment.year, moment.month, moment.day), b.cast("date").cast("timestamp")


def _two_clocks(table: Table, column: str, other: str) -> LinkError:
    return LinkError(
        f"{table.name}: of column {column!r} and {other}, one has a time zone and one has none. Put the one with a zone on the "
        f"clock of the other first: csi.engine.on_clock(table, {column!r}, 'Asia/Shanghai')."
    )
