"""Warnings as a list to work through: who may be contacted, why, how urgent; the rest are counted and stay out of the file."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from csi.behaviour.alerts import CustomerAlerts
from csi.behaviour.risk import NO, YES, read_flags
from csi.behaviour.table import NOT_RECORDED, BehaviourTable
from csi.care.spreadsheet import write_rows
from csi.display import Result
from csi.engine import Engine
from csi.engine.alert_rules import CUSTOMER, DAYS_AGO, PAST, VALUE
from csi.engine.operations import join, project, with_columns
from csi.engine.table import Table
from csi.errors import CareError
from csi.files import whole

_EVIDENCE = ("raised_on", VALUE, PAST, DAYS_AGO)
_SIZE = 65_536


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class WarningList(Result):
    """Warnings of customers who may be contacted.

    Attributes
    ----------
    alerts
        The warnings of the day.
    rows
        Every warning with the flags of its customer, in the warnings' engine.
    counts
        One row a rule: `rule`, `contact` (warnings of customers who may be contacted), `protected` (the others).
    """

    alerts: CustomerAlerts
    rows: Table
    counts: pd.DataFrame

    @property
    def contact(self) -> int:
        """Warnings of customers who may be contacted."""
        return int(self.counts["contact"].sum())

    @property
    def protected(self) -> int:
        """Warnings of customers who may not be contacted, or of whom nobody knows."""
        return int(self.counts["protected"].sum())

    def headline(self) -> list[str]:
        """How many warnings may be followed up."""
        return [
            f"WarningList: {self.contact:,} warnings of customers who may be contacted; {self.protected:,} others are left out"
        ]

    def table(self) -> pd.DataFrame:
        """One row a rule; no customer."""
        return self.counts.copy()

    def write_csv(self, path: str | Path) -> None:
        """Write the warnings of those who may be contacted for Excel, the urgent first; readable by its owner alone.

        Columns: customer, rule, level, frequency, raised_on, value, past, days_ago, and the rule's words en and zh.

        Raises
        ------
        FileError
            The place cannot be written to.
        """
        rules = {rule.name: rule for rule in self.alerts.rules}
        head = [CUSTOMER, "rule", "level", "frequency", *_EVIDENCE, "en", "zh"]

        def lines() -> Iterator[list[object]]:
            for batch, free in _flagged(self.rows):
                for row in batch.filter(pa.array(free)).to_pylist():
                    rule, day = rules[row["rule"]], f"{row['raised_on']:%Y-%m-%d}"
                    numbers = [row[name] for name in _EVIDENCE[1:]]
                    yield [
                        row[CUSTOMER],
                        rule.name,
                        rule.level,
                        rule.frequency,
                        day,
                        *numbers,
                        *map(rule.label, ("en", "zh")),
                    ]

        with (
            whole(Path(path), private=True) as temporary,
            temporary.open("w", encoding="utf-8-sig", newline="") as file,
        ):
            write_rows(file, head, lines())


def warning_list(alerts: CustomerAlerts, base: str | Path | Table, behaviour: BehaviourTable) -> WarningList:
    """Tell warnings of customers who may be contacted from the others.

    Do-not-disturb and consent are columns of the base, or exactly "not recorded". As on a care list, a flag that is missing or
    cannot be read protects the customer, and so does it not to be in the base.

    Parameters
    ----------
    alerts
        Warnings of a day.
    base
        The table of behaviour: a path, or a table in the warnings' engine; one row a customer.
    behaviour
        Its key and the columns that protect customers.

    Raises
    ------
    CareError
        Customers stand in the base more than once.
    LinkError
        A named column is not in the base.
    """
    engine = Engine(alerts.warnings.backend)
    people = base if isinstance(base, Table) else engine.read(base, text=[behaviour.key])
    wanted = {"__do_not_disturb": behaviour.do_not_disturb, "__consent": behaviour.consent}
    flags = {name: column for name, column in wanted.items() if column != NOT_RECORDED}
    people.require([behaviour.key, *flags.values()], "a column that protects customers")
    twice, first = people.repeated(behaviour.key)
    if twice:
        raise CareError(
            f"{people.name}: {twice:,} customers have several rows, for example {first!r}. Keep one row a customer."
        )
    keyed = with_columns(people, {"__key": lambda t: t[behaviour.key].cast("string")})
    warned = with_columns(alerts.warnings, {"__key": lambda t: t[CUSTOMER].cast("string")})
    rows = join(warned, project(keyed, {"__key": "__key", **flags}), "__key")
    rows = Table(rows.expression.mutate(**{flag: rows.expression[flag].cast("string") for flag in flags}), rows.name)
    return WarningList(alerts, rows, _counted(rows, [rule.name for rule in alerts.rules]))


def _flagged(rows: Table) -> Iterator[tuple[pa.RecordBatch, NDArray[np.bool_]]]:
    """Warnings by level, rule and customer, with whether their customers may be contacted."""
    wanted = {flag: value for flag, value in (("__do_not_disturb", NO), ("__consent", YES)) if flag in rows.columns}
    x = rows.expression.mutate(**{CUSTOMER: rows.expression[CUSTOMER].cast("string")})
    for batch in rows.stream(x.order_by(["level", "rule", CUSTOMER]), _SIZE):
        free = np.ones(batch.num_rows, dtype=bool)
        for flag, value in wanted.items():
            free &= read_flags(batch.column(flag)) == value
        yield batch, free


def _counted(rows: Table, rules: list[str]) -> pd.DataFrame:
    counts = pd.DataFrame(0, index=pd.Index(rules, name="rule"), columns=["contact", "protected"])
    for batch, free in _flagged(rows):
        warned = batch.column("rule").to_pandas()
        for name, who in (("contact", free), ("protected", ~free)):
            counts[name] = counts[name].add(warned[who].value_counts(), fill_value=0).astype(int)
    return counts.reset_index()
