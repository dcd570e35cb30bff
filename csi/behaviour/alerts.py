"""Warnings from behaviour alone: whom the declared rules point out, on what evidence, and how many of them then left."""

import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest, norm

from csi.behaviour.alert_rules import AlertRule
from csi.display import Result, tidy
from csi.engine import Engine, Table, connect, write
from csi.engine.alert_rules import CUSTOMER, ChurnCounts, churn_after, met, span_of, warnings_of
from csi.engine.connection import opened
from csi.engine.operations import holding, require_same_kind, summarise
from csi.errors import CsiWarning, LinkError, known_names


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CustomerAlerts(Result):
    """Warnings of one day, which stay in their engine.

    Attributes
    ----------
    as_of
        The day; rows up to the evening before count.
    rules
        What was looked for.
    warnings
        Table with customer, rule, level, frequency, raised_on, value (what was counted), past (the same of the customer's own
        past), days_ago (of the last row that counted). Neither words nor names: the rule has them.
    counts
        Rule -> customers warned.
    """

    as_of: date
    rules: tuple[AlertRule, ...]
    warnings: Table
    counts: Mapping[str, int]

    def headline(self) -> list[str]:
        """How many customers each level points out."""
        lines = [f"Warnings of {self.as_of:%Y-%m-%d}: {sum(self.counts.values()):,} by {len(self.rules)} rules"]
        for level in sorted({rule.level for rule in self.rules}):
            of_level = [f"{self.counts[rule.name]:,} {rule.label('en')}" for rule in self.rules if rule.level == level]
            lines.append(f"level {level}: {', '.join(of_level)}")
        return lines

    def table(self) -> pd.DataFrame:
        """One row a rule: its level, frequency and words, and the customers warned as `estimate`."""
        rows = [
            {
                "term": rule.name,
                "estimate": self.counts[rule.name],
                "level": rule.level,
                "frequency": rule.frequency,
                "en": rule.label("en"),
                "zh": rule.label("zh"),
            }
            for rule in self.rules
        ]
        return tidy(rows, ["level", "frequency", "en", "zh"])

    def write(self, path: str | Path) -> None:
        """Write the warnings as Parquet or CSV, whole or not at all."""
        write(self.warnings, path)


def customer_alerts(
    tables: Mapping[str, Any],
    rules: Sequence[AlertRule],
    *,
    as_of: date,
    frequency: str | None = None,
    replay: bool = False,
    engine: Engine | None = None,
) -> CustomerAlerts:
    """Whom the rules point out on a day.

    Parameters
    ----------
    tables
        Name in the rules -> path of a Parquet or CSV file, table of an engine or ibis table; all in one engine.
    rules
        As `csi.alert_rules` reads them, or `csi.ready_rules()`.
    as_of
        The day of the warning: what happened before it counts.
    frequency
        'daily' or 'monthly': only rules that are looked for so often.
    replay
        The day is long past and the tables know what came after: later rows are ignored. Without it they are refused, being
        errors of typing or of clocks.
    engine
        Where files are read; the engine of the other tables by default, or DuckDB in memory.

    Raises
    ------
    LinkError
        A table or column is absent or of a wrong kind, rows are dated after the day, or no rule is left.

    Examples
    --------
    >>> from csi.behaviour.alert_rules import alert_rules
    >>> from csi.engine import connect
    >>> import pyarrow as pa
    >>> bills = pa.table({"customer_id": ["A", "B"], "date": [date(2026, 6, 1)] * 2, "amount": [0.0, 58.0]})
    >>> held = connect().hold(bills, "bills")
    >>> customer_alerts({"bills": held}, alert_rules([{"ready": "zero_bill"}]), as_of=date(2026, 6, 30)).counts
    {'zero_bill': 1}
    """
    if isinstance(as_of, datetime):
        as_of = as_of.date()
    if frequency not in (None, "daily", "monthly"):
        raise LinkError(f"frequency = {frequency!r}: warnings are looked for 'daily' or 'monthly'.")
    chosen = tuple(rule for rule in rules if frequency in (None, rule.frequency))
    if not chosen:
        raise LinkError(
            f"no {frequency or ''} rule is declared. Write [[alerts]] tables in the study file, or take ready ones."
        )
    for rule in chosen:
        if rule.table not in tables:
            raise LinkError(
                f"rule {rule.name!r}: there is no table {rule.table!r}. {known_names(rule.table, tables, 'Tables are')}"
            )
    opened_tables = _opened({name: tables[name] for name in {rule.table: None for rule in chosen}}, chosen, engine)
    _require_in_time(opened_tables, chosen, as_of, replay)
    found = {rule.name: _met(opened_tables[rule.table], rule, as_of) for rule in chosen}
    constants = {rule.name: {"level": rule.level, "frequency": rule.frequency} for rule in chosen}
    table = warnings_of(found, constants, as_of)
    counted = summarise(table, ["rule"], {"n": ("rows", None)})
    counts = {row["rule"]: int(row["n"]) for row in counted.arrow(counted.expression).to_pylist()}
    _warn_of_idle(opened_tables, [rule for rule in chosen if not counts.get(rule.name)])
    return CustomerAlerts(as_of, chosen, table, {rule.name: counts.get(rule.name, 0) for rule in chosen})


def _opened(tables: Mapping[str, Any], rules: Sequence[AlertRule], engine: Engine | None) -> dict[str, Table]:
    """Every table once, files in one engine, with keys read as text where a file would lose their zeros."""
    held = [opened(table, name) for name, table in tables.items() if not isinstance(table, str | Path)]
    engine = engine or (Engine(held[0].backend) if held else connect())
    keys = {name: {rule.key for rule in rules if rule.table == name} for name in tables}
    return {name: _beside(engine, table, name, keys[name]) for name, table in tables.items()}


def _beside(engine: Engine, table: Any, name: str, text: Collection[str] = ()) -> Table:  # noqa: ANN401
    """A file read in an engine, so that it can be joined to what is there; tables stay where they are."""
    return engine.read(table, text=text) if isinstance(table, str | Path) else opened(table, name)


def _met(table: Table, rule: AlertRule, as_of: date) -> Table:
    try:
        return met(table, rule.condition, key=rule.key, at=rule.date, as_of=as_of)
    except LinkError as error:
        raise LinkError(f"rule {rule.name!r}: {error}") from None


def _warn_of_idle(tables: Mapping[str, Table], rules: Sequence[AlertRule]) -> None:
    """Warn of rules that warn of nobody because no row says what they ask for: a value is likely to be misspelt."""
    for rule in rules:
        table, wanted = tables[rule.table], {c: v for c, v in rule.where.items() if isinstance(v, str)}
        found = holding(table, {c: partial(_says, c, v) for c, v in wanted.items()})
        for column in (c for c, rows in found.items() if not rows):
            levels = ", ".join(map(repr, table.levels(column, 5)))
            warnings.warn(
                f"{table.name}: no row has {column} = {wanted[column]!r}, which rule {rule.name!r} asks for, so that it warns of "
                f"nobody. {column} holds {levels}.",
                CsiWarning,
                stacklevel=3,
            )


def _says(column: str, value: str, rows: Any) -> Any:  # noqa: ANN401 - ibis is untyped
    return rows[column] == value


def _require_in_time(tables: Mapping[str, Table], rules: Sequence[AlertRule], as_of: date, replay: bool) -> None:
    """Refuse rows from after the day, and say which rules cannot warn because their table ended before their window."""
    for (name, column), days in _windows(rules).items():
        tables[name].require([column], "the date of a rule's rows")
        later, last = span_of(tables[name], column, as_of)
        if later and not replay:
            raise LinkError(
                f"{tables[name].name}: {later:,} rows are dated after {as_of:%Y-%m-%d} in column {column!r}. Dates in the future "
                "are errors of typing or of clocks: correct them. To look back at a past day, say replay=True."
            )
        if last is None or last.date() < as_of - timedelta(days=days):
            warnings.warn(
                f"{tables[name].name}: the last row before {as_of:%Y-%m-%d} is of {f'{last:%Y-%m-%d}' if last else 'no day'}, so "
                f"that rules that look back {days} days cannot warn of anybody. Read a newer table.",
                CsiWarning,
                stacklevel=3,
            )


def _windows(rules: Sequence[AlertRule]) -> dict[tuple[str, str], int]:
    """(table, date column) -> the shortest window that a rule asks of it."""
    out: dict[tuple[str, str], int] = {}
    for rule in rules:
        at = (rule.table, rule.date)
        out[at] = min(rule.days, out.get(at, rule.days))
    return out


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class AlertAccuracy(Result):
    """How warnings fared against later churn.

    Attributes
    ----------
    rows
        A row a rule, a level and all warnings together (`term`: 'rule x', 'level 1', 'any'): estimate (lift: how many times the
        base rate leaves among those warned), ci_low and ci_high, p_value, n (warned), precision and recall with limits, lead
        (median days from warning to leaving), lead_q1, lead_q3, hits.
    at_risk, left, horizon
        Customers who had not left at the first warning, how many of them left in time, and the days that counts.
    strangers
        Warnings of customers whom the base does not have.
    """

    rows: pd.DataFrame
    at_risk: int
    left: int
    horizon: int
    strangers: int

    def headline(self) -> list[str]:
        """Base rate, the best rule, and what is no better than chance."""
        rate = self.left / max(self.at_risk, 1)
        lines = [
            f"Warnings and churn within {self.horizon} days: {self.left:,} of {self.at_risk:,} customers left ({rate:.1%})"
        ]
        rules = self.rows[self.rows["term"].str.startswith("rule ")]
        sure = rules[rules["ci_low"] > 1].sort_values("estimate", ascending=False)
        if len(sure):
            best = sure.iloc[0]
            lines.append(
                f"{best['term']}: {best['estimate']:.1f} times the base rate [{best['ci_low']:.1f}, {best['ci_high']:.1f}], "
                f"median {best['lead']:.0f} days before leaving"
            )
        idle = rules.loc[~(rules["ci_low"] > 1), "term"].tolist()
        if idle:
            lines.append(f"not shown to be better than chance: {', '.join(idle)}")
        if self.strangers:
            lines.append(f"{self.strangers:,} warnings are of customers whom the base does not have")
        return lines

    def table(self) -> pd.DataFrame:
        """One row a rule, a level, and all."""
        return self.rows.copy()


def alert_accuracy(
    found: CustomerAlerts | Any,  # noqa: ANN401 - or a table or path of written warnings
    base: Any,  # noqa: ANN401 - a path, or a table of an engine
    *,
    key: str,
    left: str,
    observed_until: date,
    horizon: int = 90,
    level: float = 0.95,
) -> AlertAccuracy:
    """Lift, precision, recall and lead time of warnings against later churn.

    Warnings of several days may be put together; a customer then counts by the first one. Wilson intervals (1927) for shares; the
    interval of the lift by the delta method on the four counts of warned and left.

    Parameters
    ----------
    found
        Warnings as `customer_alerts` gave them, or as written.
    base, key, left
        One row a customer, and the column with the day of leaving, empty for those who stay. Who left before the first warning is
        not at risk.
    observed_until
        The day up to which leaving is known: the horizon after the last warning must have passed by then.
    horizon
        Days after a warning within which leaving counts.

    Raises
    ------
    LinkError
        The horizon has not passed, a customer has several rows, a column is absent, nobody left, or nobody who was warned is at
        risk in the base.
    """
    table = (
        found.warnings if isinstance(found, CustomerAlerts) else _beside(connect(), found, "the warnings", [CUSTOMER])
    )
    people = _beside(Engine(table.backend), base, "the base", [key])
    if horizon < 1:
        raise LinkError(f"horizon = {horizon}: it is in days, 1 or more.")
    table.require([CUSTOMER, "rule", "level", "raised_on"], "a column of warnings")
    require_same_kind(table, CUSTOMER, people, key)
    people.require([left], "the day of leaving")
    count, first = people.repeated(key)
    if count:
        raise LinkError(
            f"{people.name}: {count:,} customers have several rows, for example {first!r}. Keep one row a customer."
        )
    groups = [("rule ", "rule"), ("level ", "level"), ("any", None)]
    counts = churn_after(table, people, key=key, left=left, groups=groups, horizon=horizon)
    over = counts.last_warning + timedelta(days=horizon)
    if over > observed_until:
        raise LinkError(
            f"leaving is known up to {observed_until:%Y-%m-%d}, but {horizon} days after the last warning end on "
            f"{over:%Y-%m-%d}. Wait, or take a shorter horizon: who has not left yet would count as staying."
        )
    if not 0 < counts.left < counts.at_risk:
        raise LinkError(
            f"{people.name}: {counts.left:,} of {counts.at_risk:,} customers left within the horizon; nothing can be compared."
        )
    if not counts.warned:
        raise LinkError(
            f"{people.name}: nobody who was warned is at risk in it; {counts.strangers:,} warnings are of customers whom it does "
            f"not have. Both must name customers in the same way, in {CUSTOMER!r} and {key!r}."
        )
    rows = [_row(group, counts, level) for group in counts.warned]
    order = {"rule": 0, "level": 1, "any": 2}
    rows.sort(key=lambda row: (order[str(row["term"]).partition(" ")[0]], str(row["term"])))
    own = [
        "hits",
        "precision",
        "precision_low",
        "precision_high",
        "recall",
        "recall_low",
        "recall_high",
        "lead",
        "lead_q1",
        "lead_q3",
    ]
    frame = tidy(rows, own)
    frame.attrs["level"] = level
    return AlertAccuracy(frame, counts.at_risk, counts.left, horizon, counts.strangers)


def _row(group: str, counts: ChurnCounts, level: float) -> dict[str, Any]:
    leads, n = counts.leads[group], counts.warned[group]
    hits = sum(leads.values())
    precision = binomtest(hits, n).proportion_ci(level, "wilson")
    recall = binomtest(hits, counts.left).proportion_ci(level, "wilson")
    lift = (hits / n) / (counts.left / counts.at_risk)
    error, z = _log_lift_error(hits, n, counts.left, counts.at_risk), norm.ppf((1 + level) / 2)
    days = np.repeat(sorted(leads), [leads[d] for d in sorted(leads)]) if hits else np.array([np.nan])
    q1, median, q3 = np.quantile(days, [0.25, 0.5, 0.75], method="inverted_cdf") if hits else (np.nan,) * 3
    return {
        "term": group, "estimate": lift, "std_error": lift * error, "n": n, "hits": hits,
        "ci_low": lift * np.exp(-z * error), "ci_high": lift * np.exp(z * error),
        "p_value": 2 * norm.sf(abs(np.log(lift)) / error) if hits and error > 0 else np.nan,
        "precision": hits / n, "precision_low": precision.low, "precision_high": precision.high,
        "recall": hits / counts.left, "recall_low": recall.low, "recall_high": recall.high,
        "lead": median, "lead_q1": q1, "lead_q3": q3,
    }  # fmt: skip


def _log_lift_error(hits: int, warned: int, left: int, at_risk: int) -> float:
    """Standard error of the log of (hits / warned) / (left / at_risk), the four cells being multinomial; NaN without a hit.

    >>> round(_log_lift_error(30, 100, 200, 2000), 3)
    0.144
    """
    if not hits:
        return float("nan")
    share = np.array([hits, warned - hits, left - hits, at_risk - warned - left + hits]) / at_risk
    slope = np.array([1 / share[0] - at_risk / warned - at_risk / left, -at_risk / warned, -at_risk / left, 0.0])
    return float(np.sqrt(max(share @ slope**2 - (share @ slope) ** 2, 0.0) / at_risk))
