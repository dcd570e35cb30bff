"""Events in windows before a moment: the numbers of a plain loop, on every engine; nothing of the moment or later."""

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from csi.engine import WindowMeasure, connect
from csi.engine.event_windows import event_windows
from csi.errors import LinkError

pytest_plugins = ["engines"]

DAY = pd.Timedelta(days=1)
MEASURES = {
    f"{function}_{days}": WindowMeasure(function, None if function == "rows" else "amount", days)
    for days in (7, 30)
    for function in ("rows", "count", "sum", "mean", "sd", "max")
} | {
    "shops_30": WindowMeasure("distinct", "shop", 30),
    "complaints_90": WindowMeasure("rows", days=90, where=lambda e: e["kind"] == "complaint"),
    "past": WindowMeasure("sum", "amount", days=120, until=30),
    "last": WindowMeasure("recency", days=90),
    "ever": WindowMeasure("recency"),
}


def tables(seed=0, events=500):
    rng = np.random.default_rng(seed)
    start = pd.Timestamp("2026-01-01")
    spine = pd.DataFrame(
        {
            "id": np.repeat(np.arange(40), 2),
            "wave": np.tile([1, 2], 40),
            "when": start + rng.integers(60, 180, 80) * DAY,
        }
    )
    spine["when"] += pd.to_timedelta(rng.integers(0, 86_400, 80), "s")
    told = pd.DataFrame(
        {
            "id": rng.integers(0, 45, events),
            "at": start + pd.to_timedelta(rng.integers(0, 200 * 86_400, events), "s"),
            "amount": np.where(rng.random(events) < 0.1, np.nan, rng.normal(20, 9, events)),
            "kind": rng.choice(np.array(["complaint", "call", None], dtype=object), events),
            "shop": rng.integers(0, 6, events),
        }
    )
    told.loc[0, ["id", "at"]] = [spine["id"][0], spine["when"][0]]  # at the very moment
    told.loc[1, ["id", "at"]] = [spine["id"][0], spine["when"][0] - 7 * DAY]  # the first instant of a window
    return spine, told


def by_hand(spine, told):
    rows = []
    for person in spine.itertuples():
        own = told[(told["id"] == person.id) & (told["at"] < person.when)]

        def inside(days, until=0, own=own, when=person.when):
            return own[(own["at"] >= when - days * DAY) & (own["at"] < when - until * DAY)]

        row = {"id": person.id, "wave": person.wave, "when": person.when}
        for days in (7, 30):
            w, x = inside(days), inside(days)["amount"]
            numbers = {
                "rows": len(w),
                "count": x.count(),
                "sum": x.sum(),
                "mean": x.mean(),
                "sd": x.std(),
                "max": x.max(),
            }
            row |= {f"{function}_{days}": number for function, number in numbers.items()}
        row["shops_30"] = inside(30)["shop"].nunique()
        row["complaints_90"] = (inside(90)["kind"] == "complaint").sum()
        row["past"] = inside(120, 30)["amount"].sum()
        row["last"] = (person.when - inside(90)["at"].max()) / DAY
        row["ever"] = (person.when - own["at"].max()) / DAY
        rows.append(row)
    return pd.DataFrame(rows)


def arrow(frame):
    return pa.Table.from_pandas(frame, preserve_index=False)


def found(table, *order):
    return table.arrow(table.expression).to_pandas().sort_values(list(order), ignore_index=True)


class TestNumbersAreThoseOfAPlainLoop:
    def test_with_a_moment_a_row(self, engine):
        spine, told = tables()
        table = event_windows(
            engine.hold(arrow(spine), "answers"),
            engine.hold(arrow(told), "events"),
            MEASURES,
            key="id",
            as_of="when",
            at="at",
        )
        result, expected = found(table, "id", "wave"), by_hand(spine, told)
        assert list(result.columns) == list(expected.columns)
        for name in MEASURES:
            assert np.allclose(result[name].astype(float), expected[name], rtol=1e-9, atol=1e-9, equal_nan=True), name

    def test_where_no_window_reaches_to_the_first_event(self, engine):
        spine, told = tables(2)
        short = {name: m for name, m in MEASURES.items() if m.days in (7, 30)}
        table = event_windows(
            engine.hold(arrow(spine), "answers"),
            engine.hold(arrow(told), "events"),
            short,
            key="id",
            as_of="when",
            at="at",
        )
        result, expected = found(table, "id", "wave"), by_hand(spine, told)
        for name in short:
            assert np.allclose(result[name].astype(float), expected[name], rtol=1e-9, atol=1e-9, equal_nan=True), name

    def test_with_one_moment_for_all(self, engine):
        spine, told = tables(1)
        when = dt.datetime(2026, 4, 15, 12, 30)
        customers = spine[spine["wave"] == 1]
        table = event_windows(
            engine.hold(arrow(customers), "base"),
            engine.hold(arrow(told), "events"),
            MEASURES,
            key="id",
            as_of=when,
            at="at",
        )
        result, expected = found(table, "id"), by_hand(customers.assign(when=pd.Timestamp(when)), told)
        for name in MEASURES:
            assert np.allclose(result[name].astype(float), expected[name], rtol=1e-9, atol=1e-9, equal_nan=True), name


def small(engine, when, at, **columns):
    spine = engine.hold(pa.table({"id": pa.array([1, 2, None], pa.int64()), "when": when}), "answers")
    events = engine.hold(pa.table({"id": [1] * len(at), "at": at, **columns}), "calls")
    return spine, events


CALLS = {"calls": WindowMeasure("rows", days=7), "since": WindowMeasure("recency"), "sum": WindowMeasure("sum", "x", 7)}


def values(table):
    rows = table.arrow(table.expression).to_pylist()
    return {row["id"]: (row["calls"], row["since"], row["sum"]) for row in rows}


class TestNothingOfTheDayItselfLooksEarlier:
    day, noon = dt.date(2026, 6, 30), dt.datetime(2026, 6, 30, 12)

    @pytest.mark.parametrize("exact", [False, True])
    def test_where_the_event_is_known_by_its_day(self, engine, exact):
        when = [self.noon] * 3 if exact else [self.day] * 3
        spine, events = small(engine, when, [self.day, self.day - dt.timedelta(days=1), None], x=[1.0, 2.0, 4.0])
        assert values(event_windows(spine, events, CALLS, key="id", as_of="when", at="at"))[1] == (1, 1.0, 2.0)

    def test_where_the_answer_is_known_by_its_day(self, engine):
        at = [self.noon, self.noon - dt.timedelta(days=1), self.noon + dt.timedelta(days=9)]
        spine, events = small(engine, [self.day] * 3, at, x=[1.0, 2.0, 4.0])
        for as_of in ("when", self.day):
            assert values(event_windows(spine, events, CALLS, key="id", as_of=as_of, at="at"))[1] == (1, 1.0, 2.0)


def test_who_has_no_event_has_none_and_who_has_no_moment_or_name_is_unknown(engine):
    when = pa.array([None, dt.datetime(2026, 6, 30), dt.datetime(2026, 6, 30)])
    spine, events = small(engine, when, [dt.datetime(2026, 6, 1)], x=[1.0])
    assert values(event_windows(spine, events, CALLS, key="id", as_of="when", at="at")) == {
        1: (None, None, None),
        2: (0, None, 0.0),
        None: (None, None, None),
    }


class TestClocks:
    def test_a_zone_and_none_are_not_compared(self, engine):
        zoned = pa.array([dt.datetime(2026, 6, 30)] * 3, pa.timestamp("us", "Asia/Shanghai"))
        spine, events = small(engine, zoned, [dt.datetime(2026, 6, 1)], x=[1.0])
        with pytest.raises(
            LinkError, match=r"of column 'when' and column 'at' of calls, one has a time zone .*on_clock"
        ):
            event_windows(spine, events, CALLS, key="id", as_of="when", at="at")
        with pytest.raises(LinkError, match=r"of column 'at' and the moment .*, one has a time zone and one has none"):
            event_windows(spine, events, CALLS, key="id", as_of=dt.datetime(2026, 6, 30, tzinfo=dt.UTC), at="at")

    def test_a_day_is_no_moment_of_a_zone(self, engine):
        at = pa.array([dt.datetime(2026, 6, 1)], pa.timestamp("us", "UTC"))
        spine, events = small(engine, [dt.date(2026, 6, 30)] * 3, at, x=[1.0])
        for as_of in ("when", dt.date(2026, 6, 30)):
            with pytest.raises(LinkError, match="one has a time zone and one has none"):
                event_windows(spine, events, CALLS, key="id", as_of=as_of, at="at")

    def test_a_zoned_moment_is_put_on_a_clock(self, engine):
        from csi.engine import on_clock

        utc = pa.array([dt.datetime(2026, 6, 29, 20)] * 3, pa.timestamp("us", "UTC"))  # 04:00 of the 30th in Shanghai
        spine, events = small(engine, utc, [dt.datetime(2026, 6, 30, 3), dt.datetime(2026, 6, 30, 5)], x=[1.0, 2.0])
        there = on_clock(spine, "when", "Asia/Shanghai")
        assert values(event_windows(there, events, CALLS, key="id", as_of="when", at="at"))[1][::2] == (1, 1.0)
        with pytest.raises(LinkError, match="column 'when' has no time zone, so it is on some clock already"):
            on_clock(there, "when", "Asia/Shanghai")
        with pytest.raises(LinkError, match="'Shanghai' is no time zone"):
            on_clock(spine, "when", "Shanghai")

    def test_moments_of_one_zone_each_are_compared_as_moments(self, engine):
        here = pa.array([dt.datetime(2026, 6, 30, 4)] * 3, pa.timestamp("us", "Asia/Shanghai"))
        there = pa.array([dt.datetime(2026, 6, 30, 3)], pa.timestamp("us", "UTC"))  # an hour before 04:00 UTC
        spine, events = small(engine, here, there, x=[1.0])
        assert values(event_windows(spine, events, CALLS, key="id", as_of="when", at="at"))[1][0] == 1


class TestWhatCannotBeAskedIsNamed:
    def ask(self, measures, **changed):
        spine, events = small(connect(), [dt.datetime(2026, 6, 30)] * 3, [dt.datetime(2026, 6, 1)], x=[1.0])
        return event_windows(spine, events, measures, **({"key": "id", "as_of": "when", "at": "at"} | changed))

    @pytest.mark.parametrize(
        ("measure", "message"),
        [
            (WindowMeasure("median", "x", 7), "'median' is not one of the functions rows, .*, recency"),
            (WindowMeasure("rows", days=7, until=7), "the window from 7 to 7 days before has no day in it"),
            (WindowMeasure("rows", days=7, until=-1), "nothing after the moment is ever used"),
            (WindowMeasure("sum", "y", 7), "no column 'y', which is named as a measure"),
            (WindowMeasure("sum", "at", 7), "does not hold numbers"),
        ],
    )
    def test_a_measure(self, measure, message):
        with pytest.raises(LinkError, match=message):
            self.ask({"m": measure})

    def test_columns_and_names(self):
        with pytest.raises(LinkError, match="name at least one"):
            self.ask({})
        with pytest.raises(LinkError, match="there is a column 'when' already"):
            self.ask({"when": WindowMeasure("rows")})
        with pytest.raises(
            LinkError, match="no column 'moment', which is named as the moment before which events count"
        ):
            self.ask(CALLS, as_of="moment")
        with pytest.raises(LinkError, match="'x', which is named as the moment of an event, does not hold dates"):
            self.ask(CALLS, at="x")


def test_a_small_memory_is_kept_to_by_spilling(tmp_path):
    engine = connect(threads=2, memory="200MB", temp_folder=tmp_path / "spill")
    made = "(hash(range) % 200000)::bigint as id, timestamp '2026-01-01' + to_hours((range % 4000)::int) as at, range * 1.0 as x"
    engine.backend.raw_sql(f"create view calls as select {made} from range(1000000)")
    engine.backend.raw_sql("create view base as select range as id from range(200000)")
    measures = {f"{f}{d}": WindowMeasure(f, "x", d) for d in (7, 30, 90) for f in ("sum", "mean", "max")}
    table = event_windows(
        engine.table("base"),
        engine.table("calls"),
        measures | {"n": WindowMeasure("rows")},
        key="id",
        as_of=dt.date(2026, 12, 31),
        at="at",
    )
    n = table.expression["n"]
    assert table.arrow(table.expression.agg(customers=n.count(), events=n.sum())).to_pylist() == [
        {"customers": 200_000, "events": 1_000_000}
    ]
