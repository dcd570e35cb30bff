"""Rows of the base, one a customer at a day, joined to respondents: the only one there is, or the last before the answer."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from csi.behaviour.feature_respondents import ANSWERED, ROW, Respondents
from csi.engine import POSITION, Engine, Table
from csi.engine.clocks import comparable_to, require_moments
from csi.engine.operations import join, keep, last_before, project, summarise
from csi.errors import LinkError

_RESERVED = ("row", "key")
_LAST = "last_snapshot"


@dataclass(frozen=True, slots=True, eq=False)
class Snapshots:
    """Respondents found in the base, and what became of the others; see `Linked`."""

    frame: pd.DataFrame
    unmatched_keys: tuple[str, ...]
    refused_rows: NDArray[np.intp]
    unchecked: int
    same_day: int


def require_columns(table: Table, key: str, features: tuple[str, ...], date: str | None, names: Sequence[str]) -> None:
    """Raise LinkError unless the base has what is asked for; `names` are those of all features, of events too."""
    table.require([key], "the key")
    table.require(features, "a feature")
    table.require([date] if date else [], "the snapshot date")
    if not names:
        raise LinkError(f"{table.name}: name at least one feature to link.")
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise LinkError(f"{table.name}: feature {twice[0]!r} is named {names.count(twice[0])} times.")
    for name in names:
        if name in (key, date):
            raise LinkError(f"{table.name}: {name!r} is the key or the snapshot date and cannot be a feature too.")
        if name in _RESERVED:
            raise LinkError(f"{table.name}: a feature cannot be called {name!r}; give the column another name.")
    for name in features:
        if table.columns[name] in ("date", "other"):
            raise LinkError(
                f"{table.name}: feature {name!r} is neither a number nor a text nor a flag. Turn a date into a number of "
                "days before the snapshot."
            )
    if table.columns[key] not in ("text", "integer"):
        raise LinkError(
            f"{table.name}: the key {key!r} must be text or whole numbers; as it is stored, long keys may have lost digits. "
            "Save the column as text."
        )
    if date and table.is_zoned(date):
        raise LinkError(
            f"{table.name}: the snapshot date {date!r} has a time zone, and answers have none. Put it on their clock first: "
            f"csi.engine.on_clock(table, {date!r}, 'Asia/Shanghai')."
        )


def count_customers(table: Table, key: str, date: str | None, several: str) -> tuple[int, int]:
    """Rows of the base, and customers who stand in several; LinkError where the rule refuses that."""
    gaps = table.gaps(key)
    if gaps:
        raise LinkError(f"{table.name}: {gaps:,} rows have no key in column {key!r}. Leave them out of the table.")
    count, first = table.repeated(key)
    if count and several != "last":
        raise LinkError(
            f"{table.name}: {count:,} keys stand in more than one row of column {key!r}, for example {first!r}. The table "
            'must have one row a customer: keep the last snapshot before the survey, or link with several="last" and date.'
        )
    if several == "last" and date is None:
        raise LinkError(f'{table.name}: several="last" needs the column with the day of each row. Name it as date.')
    return table.rows(), count


def snapshots_of(people: Respondents, table: Table, features: tuple[str, ...], date: str | None) -> Snapshots:
    """Respondents with their row of a base that has one a customer."""
    columns = list(dict.fromkeys([people.key, *features, *([date] if date else [])]))
    found = table.matching(people.key, people.typed, columns, as_text=[people.key]).to_pandas()
    found.insert(0, "row", people.positions[found.pop(POSITION).to_numpy()])
    _require_some(found, people, table)
    late, unknown, same = _order_in_time(found, people, date, table)
    return _sorted_out(found, people, features, (late, unknown, same), table, date)


def last_snapshots(
    people: Respondents, table: Table, features: tuple[str, ...], date: str, as_of: dt.date
) -> tuple[Snapshots, Table]:
    """Respondents with their last row before the answer, and the base with each customer's last row before `as_of`.

    Whose answer has no day, or who has no row before it, is refused.
    """
    require_moments(table, date, "the snapshot date")
    people.require_days()
    spine = people.spine(Engine(table.backend))
    rows = project(table, list(dict.fromkeys([people.key, date, *features])))
    last = last_before(spine, rows, people.key, ANSWERED, date)
    batches = last.batches([ROW, people.key, date, *features], as_text=[people.key])
    everybody = pa.Table.from_batches(list(batches)).to_pandas().sort_values(ROW, ignore_index=True)
    known = join(spine, project(table, [people.key]), people.key, how="semi")
    known_rows = known.arrow(known.expression.select(ROW))[ROW].to_numpy()
    everybody.insert(0, "row", everybody.pop(ROW).astype(np.intp))
    found = everybody[everybody["row"].isin(known_rows)].reset_index(drop=True)
    _require_some(found, people, table)
    late, no = found[date].isna().to_numpy(), np.zeros(len(found), dtype=bool)
    return _sorted_out(found, people, features, (late, no, no), table, date), _latest(table, people.key, date, as_of)


def _latest(rows: Table, key: str, date: str, as_of: dt.date) -> Table:
    """Each customer's last row before a day."""
    before, moment = comparable_to(as_of, rows, date)
    earlier = keep(rows, lambda _: moment < before)
    ends = join(earlier, summarise(earlier, [key], {_LAST: ("max", date)}), key, how="inner")
    latest = project(keep(ends, lambda t: t[date] == t[_LAST]), list(rows.columns))
    count, first = latest.repeated(key)
    if count:
        raise LinkError(
            f"{rows.name}: {count:,} customers have several rows of one day in {date!r}, for example {first!r}: none of these is "
            "the last. Keep one of them."
        )
    return latest


def _require_some(found: pd.DataFrame, people: Respondents, table: Table) -> None:
    if not len(found):
        raise LinkError(
            f"{table.name}: none of the {len(people.survey):,} respondents of {people.survey.source.path} is in column "
            f"{people.key!r}. The survey's keys look like {people.keys[0]!r}: both files must name customers in the same way."
        )


def _sorted_out(
    found: pd.DataFrame,
    people: Respondents,
    features: tuple[str, ...],
    order: tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]],
    table: Table,
    date: str | None,
) -> Snapshots:
    late, unknown, same = order
    key = found[people.key]
    frame = found.assign(key=key)[["row", "key", *features]][~late].reset_index(drop=True)
    if not len(frame):
        raise LinkError(
            f"{table.name}: the snapshot in {date!r} is later than the answer for all {len(found):,} respondents found. "
            "Take a snapshot from before the survey: nothing after the answer may be used."
        )
    absent = ~np.isin(people.positions, found["row"].to_numpy())
    return Snapshots(
        frame=frame,
        unmatched_keys=tuple(people.keys[i] for i in np.flatnonzero(absent)),
        refused_rows=found.loc[late, "row"].to_numpy(np.intp),
        unchecked=int((unknown & ~late).sum()),
        same_day=int((same & ~late).sum()),
    )


def _order_in_time(
    found: pd.DataFrame, people: Respondents, date: str | None, table: Table
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Which rows were taken after the day of the answer, for which that is unknown, and which on that very day."""
    if date is None or people.answered is None:
        no = np.zeros(len(found), dtype=bool)
        return no, ~no, no
    if table.columns[date] not in ("date", "text"):
        raise LinkError(f"{table.name}: column {date!r} does not hold dates. Write snapshot dates as 2026-06-30.")
    taken = pd.to_datetime(found[date], errors="coerce", format="mixed")
    bad = found.loc[taken.isna() & found[date].notna(), date]
    if len(bad):
        raise LinkError(
            f"{table.name}: column {date!r}: {bad.iloc[0]!r} is not a date ({len(bad)} such cells). Write 2026-06-30."
        )
    place = np.searchsorted(people.positions, found["row"].to_numpy())
    answered = people.answered.iloc[place].reset_index(drop=True).dt.normalize()
    taken = taken.dt.normalize()
    unknown = (taken.isna() | answered.isna()).to_numpy(dtype=bool)
    return (taken > answered).to_numpy(dtype=bool), unknown, (taken == answered).to_numpy(dtype=bool)
