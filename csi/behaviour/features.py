"""Features from tables of events, for respondents each at their own answer or for the whole base at one moment.

Everything stays in the engine: a table comes back of which nothing has been worked out yet, to be streamed in batches or
written. An event counts if it is, and was known, strictly before the moment; where days alone are known, on an earlier day.
"""

import warnings
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from csi.behaviour.feature_rules import EventFeatures, require_names
from csi.engine import Engine, Table, table_of
from csi.engine.clocks import comparable, comparable_to, require_moments
from csi.engine.event_windows import event_windows
from csi.engine.operations import holding, join, keep, project, require_same_kind
from csi.errors import CsiWarning, LinkError

Place = str | Path | Table | Any  # a file, a table of an engine, or an ibis table, which is untyped


def features_of_base(
    base: Table,
    rules: Sequence[EventFeatures],
    tables: Mapping[str, Place] | None = None,
    *,
    key: str,
    as_of: date,
    columns: Sequence[str] = (),
) -> Table:
    """Every customer of a base with the features of the rules as they stood at one moment.

    Parameters
    ----------
    base
        One row a customer.
    rules
        What to make of which events.
    tables
        Name of a table in the rules -> where it lies; a name that is not here is a path.
    key
        Column of the base with the customer.
    as_of
        What is dated on this day (at this moment, if it is a datetime) or later does not count.
    columns
        Columns of the base to pass on.

    Returns
    -------
    Table
        The key, those columns and the features as float64, not worked out yet: stream it in `batches`, or `csi.engine.write` it.

    Raises
    ------
    LinkError
        A table is not there or shares no customer with the base; a column is absent or of another kind than the rules need;
        keys are of different kinds; a table has no event in any window before `as_of`.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from csi.engine import connect
    >>> engine = connect()
    >>> base = engine.hold(pa.table({"id": [1, 2]}), "base")
    >>> calls = engine.hold(pa.table({"id": [1, 1], "at": [date(2026, 6, 29), date(2026, 6, 30)]}), "calls")
    >>> rule = EventFeatures("calls", "calls", "at", ("count",), windows=(30,))
    >>> found = features_of_base(base, [rule], {"calls": calls}, key="id", as_of=date(2026, 6, 30))
    >>> sorted(found.arrow(found.expression).to_pylist(), key=lambda row: row["id"])
    [{'id': 1, 'calls_count_30d': 1.0}, {'id': 2, 'calls_count_30d': 0.0}]
    """
    if not rules:
        raise LinkError("no rule for features is given; declare at least one.")
    require_names(rules, "features")
    spine = project(base, list(dict.fromkeys([key, *columns])))
    opened = open_tables(rules, tables or {}, base, key)
    for group in grouped(rules):
        events = events_of(opened[group[0].table], group, spine, key)
        _warn_of_idle(opened[group[0].table], group)
        require_overlap(events, group, spine, key, as_of)
        spine = with_features(spine, events, group, key=key, as_of=as_of)
    return spine


def open_tables(rules: Sequence[EventFeatures], tables: Mapping[str, Place], base: Table, key: str) -> dict[str, Table]:
    """The tables of the rules by their names there, in the engine of the base; keys of a CSV are text where its key is."""
    engine, found = Engine(base.backend), dict[str, Table]()
    for name in dict.fromkeys(rule.table for rule in rules):
        place = tables.get(name, name)
        if isinstance(place, str | Path):
            keys = {rule.key or key for rule in rules if rule.table == name}
            found[name] = engine.read(place, text=keys if base.columns.get(key) == "text" else ())
        else:
            found[name] = table_of(place, name)
    return found


def grouped(rules: Sequence[EventFeatures]) -> list[list[EventFeatures]]:
    """Rules of one table, key and moment together, so that the table is read once for all of them."""
    groups: dict[tuple[str | None, ...], list[EventFeatures]] = {}
    for rule in rules:
        groups.setdefault((rule.table, rule.key, rule.time, rule.known), []).append(rule)
    return list(groups.values())


def events_of(table: Table, group: Sequence[EventFeatures], spine: Table, key: str) -> Table:
    """The columns that a group of rules reads, checked: the key under the name it has in the spine, the moment it counts from."""
    first = group[0]
    own = first.key or key
    require_same_kind(spine, key, table, own)
    require_moments(table, first.time, f"the time of {first.name!r}")
    for rule in group:
        rule.require(table)
    columns = list(dict.fromkeys(c for rule in group for c in rule.columns))
    if own != key and key in columns:
        raise LinkError(
            f"{table.name}: the key is {own!r}, yet the features use a column {key!r} too. Rename that one."
        )
    events = project(table, {key: own} | {c: c for c in columns})
    if first.known is None:
        return events
    happened, told = comparable(events, first.time, events, first.known)
    later = (happened >= told).ifelse(happened, told)
    moment = (happened.notnull() & told.notnull()).ifelse(later, None)
    if any(events.expression[c].type().is_date() for c in (first.time, first.known)):
        moment = moment.cast("date")  # a day must not look like its first instant
    return Table(events.expression.mutate(**{first.time: moment}), events.name)


def require_overlap(events: Table, group: Sequence[EventFeatures], spine: Table, key: str, as_of: date) -> None:
    """Raise LinkError if no event is of a customer of the spine, or none lies in the windows before a moment."""
    if not _any(events):
        raise LinkError(f"{events.name}: the table is empty. Give the events, or leave its features out.")
    if not _any(join(events, project(spine, [key]), key, how="semi")):
        raise LinkError(
            f"{events.name}: no event is of a customer of {spine.name}. Both must name customers in the same way in "
            f"{group[0].key or key!r} and {key!r}."
        )
    reach = max(rule.reach for rule in group)
    before, moment = comparable_to(as_of, events, group[0].time)
    if not _any(keep(events, lambda _: (moment < before) & (moment >= before - timedelta(days=reach)))):
        raise LinkError(
            f"{events.name}: no event lies in the {reach} days before {as_of}, so that every window would be empty. Either the "
            f"table ends too early, or {as_of} is a date in the future."
        )


def _warn_of_idle(table: Table, group: Sequence[EventFeatures]) -> None:
    """Warn of rules whose condition no event meets: a value is likely to be misspelt, and the feature says nothing."""
    conditions = {rule.name: condition for rule in group if (condition := rule.condition()) is not None}
    for name, rows in holding(table, conditions).items():
        if not rows:
            rule = next(rule for rule in group if rule.name == name)
            said = "; ".join(f"{c} holds {', '.join(map(repr, table.levels(c, 5)))}" for c in rule.where)
            warnings.warn(
                f"{table.name}: no event has {rule.asked}, which {name!r} asks for, so that nothing is counted. {said}.",
                CsiWarning,
                stacklevel=2,
            )


def with_features(spine: Table, events: Table, group: Sequence[EventFeatures], *, key: str, as_of: str | date) -> Table:
    """The spine with the features of a group of rules; `as_of` is its column of moments, or one moment for all."""
    measures = {name: m for rule in group for name, m in rule.measures().items()}
    counted = event_windows(spine, events, measures, key=key, as_of=as_of, at=group[0].time)
    made = {name: column for rule in group for name, column in rule.finished().items()}
    x = counted.expression
    kept = {name: x[name] for name in spine.columns}
    return Table(x.select(**kept, **{name: column(x) for name, column in made.items()}), spine.name)


def _any(table: Table) -> bool:
    return Table(table.expression.limit(1), table.name).rows() > 0
