"""What happened to each customer in windows of days before a moment, from a table of events that is read once.

Nothing at or after the moment is ever counted. Where the moment or the event is known by its day alone, days are compared:
what happened on the day of an answer does not count as before it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import ibis

from csi.engine.clocks import comparable, comparable_to
from csi.engine.operations import FUNCTIONS, Function, measure, require_same_kind
from csi.engine.table import Table
from csi.errors import LinkError

_DAY = 86_400


@dataclass(frozen=True, slots=True)
class WindowMeasure:
    """A number to make of each customer's events in a window.

    Attributes
    ----------
    function
        'rows', 'count' (of values), 'sum', 'mean', 'sd', 'min', 'max', 'distinct' (values), or 'recency': days from the last
        event in the window to the moment.
    column
        What is summed; 'rows' and 'recency' need none.
    days
        Length of the window: events at moment - days or later. All the past if None.
    until
        Days before the moment at which the window ends: own past without this month is days=120, until=30.
    where
        Which events count, as a function of the event table's columns; all if None.
    """

    function: Function | Literal["recency"]
    column: str | None = None
    days: int | None = None
    until: int = 0
    where: Callable[[Any], Any] | None = None


def event_windows(
    spine: Table,
    events: Table,
    measures: Mapping[str, WindowMeasure],
    *,
    key: str,
    as_of: str | date,
    at: str,
) -> Table:
    """Each row of a spine with numbers of the events of its customer before its moment.

    The events are read once for all measures. Counts and sums of no event are 0, all else of no event is a gap; all is a gap
    where the row has no moment. Events without a moment or a key count nowhere.

    Parameters
    ----------
    spine
        Whom and when: a customer may stand in it with several moments.
    events
        One row an event.
    measures
        New column -> what it holds.
    key
        Column with the customer, in both tables.
    as_of
        Column of the spine with the moment, or one moment for all, which is quicker.
    at
        Column of the events with their date or time.

    Returns
    -------
    Table
        All columns of the spine and one for each measure.

    Raises
    ------
    LinkError
        A column is absent or of a wrong kind, keys are of different kinds, one moment has a time zone and the other none, a
        window has no day, or a new column has the name of an old one.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from csi.engine import connect
    >>> from datetime import datetime
    >>> engine, day = connect(), datetime.fromisoformat
    >>> answers = engine.hold(pa.table({"id": [1, 2], "answered": [day("2026-06-30 09:00")] * 2}), "answers")
    >>> calls = engine.hold(pa.table({"id": [1, 1], "at": [day("2026-06-29"), day("2026-06-30 09:00")]}), "calls")
    >>> found = event_windows(answers, calls, {"calls_7": WindowMeasure("rows", days=7)}, key="id", as_of="answered", at="at")
    >>> found.arrow(found.expression.order_by("id").select("id", "calls_7")).to_pylist()
    [{'id': 1, 'calls_7': 1}, {'id': 2, 'calls_7': 0}]
    """
    require_same_kind(spine, key, events, key)
    _require_windows(spine, measures)
    x = spine.expression
    if isinstance(as_of, str):
        before, moment = comparable(spine, as_of, events, at)
        asked = x.select(__key=x[key], __before=before).distinct()
        told = _told(events, measures, key, moment)
        met = asked.inner_join(told, [asked["__key"] == told["__who"], told["__at"] < asked["__before"]])
        keys = ["__key", "__before"]
    else:  # one moment for all: the events are summed as they lie
        constant, moment = comparable_to(as_of, events, at)
        before = ibis.literal(constant, "timestamp")
        told = _told(events, measures, key, moment)
        met = told.filter(told["__at"] < before).mutate(__before=before).rename(__key="__who")
        keys = ["__key"]
    longest = [m.days for m in measures.values() if m.days is not None]
    if len(longest) == len(measures):  # what lies in no window need not be summed
        met = met.filter(met["__at"] >= met["__before"] - ibis.interval(days=max(longest)))
    table = Table(met, events.name)
    sums = met.group_by(keys).agg(**{f"m{j}": _aggregate(table, m, j) for j, m in enumerate(measures.values())})
    mine = x.mutate(__before=before)
    pairs = [mine[key if name == "__key" else name] == sums[name] for name in keys]
    known = mine[key].notnull() & mine["__before"].notnull()
    made = {name: _finished(m, sums[f"m{j}"], mine["__before"], known) for j, (name, m) in enumerate(measures.items())}
    joined = mine.left_join(sums, pairs)
    return Table(joined.select(*(mine[name] for name in spine.columns), **made), spine.name)


def _require_windows(spine: Table, measures: Mapping[str, WindowMeasure]) -> None:
    if not measures:
        raise LinkError("no measure of the events is asked for; name at least one.")
    for name, m in measures.items():
        if name in spine.columns:
            raise LinkError(f"{spine.name}: there is a column {name!r} already. Give the measure another name.")
        if m.function not in (*FUNCTIONS, "recency"):
            raise LinkError(
                f"measure {name!r}: {m.function!r} is not one of the functions {', '.join(FUNCTIONS)}, recency."
            )
        if m.until < 0 or (m.days is not None and m.days <= m.until):
            raise LinkError(
                f"measure {name!r}: the window from {m.days} to {m.until} days before has no day in it. `days` must be above "
                "`until`, and `until` 0 or more: nothing after the moment is ever used."
            )


def _told(events: Table, measures: Mapping[str, WindowMeasure], key: str, moment: Any) -> Any:  # noqa: ANN401
    """Of the events what the measures need: who, when, and for measure j its value v<j> and whether it counts w<j>."""
    e = events.expression
    needed = {"__who": e[key], "__at": moment}
    for j, m in enumerate(measures.values()):
        if m.function not in ("rows", "recency"):
            events.require([m.column or ""], "a measure")
            needed[f"v{j}"] = e[m.column]
        if m.where is not None:
            needed[f"w{j}"] = m.where(e).fill_null(False)
    return e.select(**needed)


def _aggregate(met: Table, m: WindowMeasure, j: int) -> Any:  # noqa: ANN401
    """The measure over the rows of its window."""
    x = met.expression
    inside = []
    if m.days is not None:
        inside.append(x["__at"] >= x["__before"] - ibis.interval(days=m.days))
    if m.until:
        inside.append(x["__at"] < x["__before"] - ibis.interval(days=m.until))
    if m.where is not None:
        inside.append(x[f"w{j}"])
    where = ibis.and_(*inside) if inside else None
    if m.function == "recency":
        return x["__at"].max(where=where)
    return measure(met, m.function, f"v{j}", where)


def _finished(m: WindowMeasure, value: Any, before: Any, known: Any) -> Any:  # noqa: ANN401
    """A row's number: 0 where there is no event to count, days where there was a last event."""
    if m.function == "recency":
        return (before.truncate("s").epoch_seconds() - value.truncate("s").epoch_seconds()) / _DAY
    if m.function in ("rows", "count", "distinct", "sum"):
        zero = 0.0 if m.function == "sum" else 0
        return ibis.ifelse(known, value.fill_null(zero), ibis.null(value.type()))
    return value
