"""Customers whom a rule points out, with the numbers that did it, and how many of those pointed out then left.

Everything is counted where the tables lie; what leaves the engine are counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

import ibis

from csi.engine.clocks import comparable_to, require_moments
from csi.engine.event_windows import WindowMeasure, event_windows
from csi.engine.operations import Function, join, last_before, project, summarise, union, with_columns
from csi.engine.table import Kind, Table
from csi.errors import LinkError

CUSTOMER, VALUE, PAST, DAYS_AGO = "customer", "value", "past", "days_ago"
_SECONDS = 86_400
_ADDED = ("rows", "count", "sum")  # functions that grow with the length of their window
_NEEDED: Mapping[type, tuple[Kind, ...]] = {
    bool: ("flag",),
    str: ("text",),
    int: ("integer", "number"),
    float: ("integer", "number"),
}


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a number; those that are None do not bind."""

    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None
    below: float | None = None

    def hold(self, x: Any) -> Any:  # noqa: ANN401 - an ibis column
        """Whether a column lies within the bounds; unknown where it is a gap."""
        inside = []
        if self.at_least is not None:
            inside.append(x >= self.at_least)
        if self.at_most is not None:
            inside.append(x <= self.at_most)
        if self.above is not None:
            inside.append(x > self.above)
        if self.below is not None:
            inside.append(x < self.below)
        return ibis.and_(*inside)


@dataclass(frozen=True, slots=True)
class Condition:
    """What a rule asks of a customer's rows.

    Attributes
    ----------
    function, column, days, where
        A number of the customer's rows in so many days before the moment for which `where` holds (column -> value or limits);
        'last': the column in the last of these rows, a date as days from the moment to it (negative: gone by).
    limits
        Of that number, or of its ratio to the customer's own past.
    equals
        What the last row must say instead, if it is a text or a flag.
    past_days, past_at_least
        The own past begins so many days before the moment and ends where the window begins; it counts from this size on.
    """

    function: Function | Literal["last"]
    days: int
    column: str | None = None
    where: Mapping[str, str | bool | float | Limits] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    equals: str | bool | None = None
    past_days: int | None = None
    past_at_least: float | None = None


def met(table: Table, condition: Condition, *, key: str, at: str, as_of: date) -> Table:
    """Customers who meet a condition: customer, value, past (NULL without), days_ago (of the last row that counted).

    Raises
    ------
    LinkError
        A column is absent or of a kind that the condition cannot be asked of.
    """
    table.require([key], "the key of a rule")
    require_moments(table, at, "the moment of a rule's rows")
    rows = _asked(table, condition)
    found = (
        _last(rows, condition, key, at, as_of)
        if condition.function == "last"
        else _windows(rows, condition, key, at, as_of)
    )
    x = found.expression
    if condition.equals is not None:
        chosen = x["__raw"] == condition.equals
    elif condition.past_days is not None:
        least = max(condition.past_at_least or 0.0, 0.0)
        chosen = ibis.and_(x[PAST] > 0, x[PAST] >= least, condition.limits.hold(x[VALUE] / x[PAST]))
    else:
        chosen = condition.limits.hold(x[VALUE])
    kept = x.filter(chosen)
    numbers = {name: kept[name].cast("float64") for name in (VALUE, PAST, DAYS_AGO)}
    return Table(kept.select(**{CUSTOMER: kept[key]}, **numbers), table.name)


def _asked(table: Table, condition: Condition) -> Table:
    """The rows of which a condition speaks."""
    for name, wanted in condition.where.items():
        _require_kind(table, name, wanted)
        table = Table(table.expression.filter(_holds(table.expression[name], wanted)), table.name)
    if condition.equals is not None:
        _require_kind(table, condition.column or "", condition.equals)
    return table


def _holds(x: Any, wanted: str | bool | float | Limits) -> Any:  # noqa: ANN401
    return wanted.hold(x) if isinstance(wanted, Limits) else x == wanted


def _require_kind(table: Table, name: str, wanted: str | bool | float | Limits) -> None:
    table.require([name], "a column of a rule")
    kinds = _NEEDED[float if isinstance(wanted, Limits) else type(wanted)]
    if table.columns[name] not in kinds:
        raise LinkError(
            f"{table.name}: a rule compares column {name!r} with {wanted!r}, but the column is of kind {table.columns[name]!r}. "
            "Compare texts with texts, flags with true or false, and numbers with numbers."
        )


def _windows(rows: Table, condition: Condition, key: str, at: str, as_of: date) -> Table:
    """Customers with a row since the own past began, their number now and then."""
    function: Any = condition.function
    measures = {
        VALUE: WindowMeasure(function, condition.column, condition.days),
        DAYS_AGO: WindowMeasure("recency", days=condition.past_days or condition.days),
    }
    scale = 1.0
    if condition.past_days is not None:
        measures[PAST] = WindowMeasure(function, condition.column, condition.past_days, condition.days)
        scale = condition.days / (condition.past_days - condition.days) if function in _ADDED else 1.0
    found = event_windows(_customers(rows, key, at, as_of, condition), rows, measures, key=key, as_of=as_of, at=at)
    x = found.expression
    past = x[PAST] * scale if PAST in x.columns else ibis.null("float64")
    return Table(x.mutate(**{PAST: past}), rows.name)


def _last(rows: Table, condition: Condition, key: str, at: str, as_of: date) -> Table:
    """Customers with a row in the window, and what the last of them says."""
    name = condition.column or ""
    rows.require([name], "a column of a rule")
    kind = rows.columns[name]
    raw = comparable_to(as_of, rows, name)[1] if kind == "date" else rows.expression[name]
    plain = rows.expression.select(**{key: rows.expression[key], "__moment": rows.expression[at], "__raw": raw})
    asked = with_columns(
        _customers(rows, key, at, as_of, condition), {"__as_of": lambda _: ibis.literal(as_of, "date")}
    )
    x = last_before(asked, Table(plain, rows.name), key, "__as_of", "__moment").expression
    began = (as_of - date(1970, 1, 1)).days
    if kind == "date":
        value = _day(x["__raw"]) - began
    elif kind in ("integer", "number"):
        value = x["__raw"]
    elif condition.equals is None:
        raise LinkError(
            f"{rows.name}: a rule sets a threshold for column {name!r}, which is of kind {kind!r}. Use equals for texts and "
            "flags."
        )
    else:
        value = ibis.null("float64")
    return Table(
        x.mutate(**{VALUE: value, PAST: ibis.null("float64"), DAYS_AGO: began - _day(x["__moment"])}), rows.name
    )


def _day(x: Any) -> Any:  # noqa: ANN401
    """Days since 1970 of a column of dates or moments."""
    return (x.cast("date").cast("timestamp").epoch_seconds() / _SECONDS).floor()


def _customers(rows: Table, key: str, at: str, as_of: date, condition: Condition) -> Table:
    """Those with a row before the moment in the days that the condition looks back."""
    before, moment = comparable_to(as_of, rows, at)
    x = rows.expression.mutate(__at=moment)
    since = ibis.literal(before, "timestamp") - ibis.interval(days=condition.past_days or condition.days)
    recent = x.filter((x["__at"] < ibis.literal(before, "timestamp")) & (x["__at"] >= since) & x[key].notnull())
    return Table(recent.select(key).distinct(), rows.name)


def warnings_of(found: Mapping[str, Table], constants: Mapping[str, Mapping[str, str | int]], as_of: date) -> Table:
    """One table of the customers whom rules point out, each with its rule's name, constants and the day."""
    parts = []
    for name, table in found.items():
        fixed = {"rule": name, **constants[name]}
        x = table.expression.mutate(
            **{column: ibis.literal(v, "string" if isinstance(v, str) else "int64") for column, v in fixed.items()}
        )
        x = x.mutate(raised_on=ibis.literal(as_of, "date"))
        parts.append(Table(x.select(CUSTOMER, *fixed, "raised_on", VALUE, PAST, DAYS_AGO), table.name))
    origin = ", ".join(dict.fromkeys(table.name for table in found.values()))
    return Table(union(*parts).expression, f"warnings from {origin}")


def span_of(table: Table, at: str, as_of: date) -> tuple[int, datetime | None]:
    """How many rows are dated on the day `as_of` + 1 or later, and the last moment before `as_of`."""
    before, moment = comparable_to(as_of, table, at)
    x = table.expression.select(__at=moment)
    now = ibis.literal(before, "timestamp")
    row = table.arrow(
        x.agg(
            later=(x["__at"] >= now + ibis.interval(days=1)).sum(),
            last=x["__at"].max(where=x["__at"] < now),
        )
    ).to_pylist()[0]
    return int(row["later"] or 0), row["last"]


@dataclass(frozen=True, slots=True)
class ChurnCounts:
    """Counts for judging warnings: customers at risk and those who left within the horizon, per group of warnings.

    `leads`: group -> {days from warning to leaving: customers}; `warned`: group -> customers warned while at risk.
    """

    at_risk: int
    left: int
    warned: dict[str, int]
    leads: dict[str, dict[int, int]]
    strangers: int
    last_warning: date


def churn_after(
    warnings: Table, base: Table, *, key: str, left: str, groups: Sequence[tuple[str, str | None]], horizon: int
) -> ChurnCounts:
    """How many of those warned left within `horizon` days, of a base with one row a customer and the day of leaving.

    A customer counts once a group, by the first warning. `groups` are pairs of a prefix and a column of the warnings; without a
    column all warnings are one group.
    """
    require_moments(base, left, "the day of leaving")
    days = warnings.arrow(
        warnings.expression.agg(a=warnings.expression["raised_on"].min(), b=warnings.expression["raised_on"].max())
    )
    start, end = days["a"][0].as_py(), days["b"][0].as_py()
    if start is None:
        raise LinkError(f"{warnings.name}: there is no warning to judge.")
    b, gone = base.expression, _day(comparable_to(start, base, left)[1])
    first, last = ((d - date(1970, 1, 1)).days for d in (start, end))
    risk = gone.isnull() | (gone >= first)
    counts = base.arrow(b.agg(n=risk.sum(), left=(risk & (gone < last + horizon)).sum())).to_pylist()[0]
    people = project(base, {CUSTOMER: key, "__left": left})
    strangers = join(project(warnings, [CUSTOMER]), people, CUSTOMER, how="anti").rows()
    warned: dict[str, int] = {}
    leads: dict[str, dict[int, int]] = {}
    for prefix, column in groups:
        by = [CUSTOMER, *([column] if column else [])]
        once = join(
            summarise(warnings, by, {"__raised": ("min", "raised_on")}), people, CUSTOMER, how="inner"
        ).expression
        lead = _day(once["__left"]) - _day(once["__raised"])
        name = once[column].cast("string") if column else ibis.literal("")
        known = once.mutate(group=name, lead=lead)
        known = known.filter(known["lead"].isnull() | (known["lead"] >= 0))
        known = known.mutate(lead=ibis.ifelse(known["lead"] < horizon, known["lead"], ibis.null("float64")))
        for row in warnings.arrow(known.group_by("group", "lead").agg(n=known.count())).to_pylist():
            group = f"{prefix}{row['group']}"
            warned[group] = warned.get(group, 0) + row["n"]
            leads.setdefault(group, {})
            if row["lead"] is not None:
                leads[group][int(row["lead"])] = row["n"]
    return ChurnCounts(int(counts["n"] or 0), int(counts["left"] or 0), warned, leads, strangers, end)
