"""Warnings by declared rules: whom each ready rule means, to the day and on every engine, and what they are worth."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from csi.behaviour.alert_rules import AlertRule, alert_rules, ready_rules
from csi.behaviour.alerts import alert_accuracy, customer_alerts
from csi.engine import connect
from csi.errors import CsiWarning, LinkError, StudyError
from csi.simulate_events import CALLS, competitor_calls

pytest_plugins = ["engines"]

TODAY = date(2026, 6, 30)
ZERO = alert_rules([{"ready": "zero_bill"}])
ZONED = pd.to_datetime(["2026-06-01 20:00"]).tz_localize("UTC")


def days(*texts):
    return [date.fromisoformat(text) for text in texts]


def tables(engine):
    months = days("2026-03-01", "2026-04-01", "2026-05-01", "2026-06-01")
    frames = {
        "calls": {
            "customer_id": ["A", "B", "B", "C", "D"],
            "date": pd.to_datetime(
                ["2026-06-29 10:00", "2026-06-29 11:00", "2026-06-27 09:00", "2026-06-29 12:00", "2026-06-29 13:00"]
            ),
            "kind": ["competitor_hotline"] * 3 + ["own", "competitor_hotline"],
            "direction": ["out", "in", "in", "in", "in"],
            "seconds": [5, 61, 500, 90, 60],
        },
        "forwarding": {
            "customer_id": ["A"] * 4 + ["B"] * 3,
            "date": [TODAY - timedelta(days=d) for d in (4, 3, 2, 1, 3, 2, 1)],
            "to": ["other_operator"] * 7,
        },
        "states": {
            "customer_id": ["A", "A", "B"],
            "date": days("2026-06-10", "2026-06-20", "2026-06-10"),
            "state": ["suspended", "active", "suspended"],
        },
        "bills": {
            "customer_id": ["A"] * 4 + ["B"] * 4 + ["C"],
            "date": [*months, *months, months[-1]],
            "amount": [100.0, 100, 100, 49, 100, 100, 100, 51, 0],
            "due_on": days(*["2026-03-25", "2026-04-25", "2026-05-25", "2026-07-02"] * 2, "2026-06-25"),
            "paid": [True] * 3 + [False] + [True] * 4 + [False],
        },
        "contracts": {
            "customer_id": ["A", "A", "B", "C"],
            "date": days("2025-01-01", "2026-01-01", "2025-01-01", "2025-01-01"),
            "ends_on": days("2026-08-01", "2027-08-01", "2026-09-30", "2026-10-01"),
        },
        "usage": {
            "customer_id": ["A"] * 4 + ["B"] * 3 + ["C"] * 3,
            "date": [*(d + timedelta(days=14) for d in months), *months[:3], *months[:3]],
            "gigabytes": [10.0] * 3 + [8] + [10.0] * 3 + [0.1] * 3,
        },
    }
    return {name: held(engine, frame, name) for name, frame in frames.items()}


def held(engine, frame, name="bills"):
    return engine.hold(pa.Table.from_pandas(pd.DataFrame(frame), preserve_index=False), name)


def written(engine, found):
    """Warnings that were worked out before."""
    return held(engine, found.reset_index(), "warnings")


@pytest.fixture(scope="module")
def duck():
    return connect(threads=1)


@pytest.fixture(scope="module")
def alerts(engine):
    return customer_alerts(tables(engine), ready_rules(), as_of=TODAY)


@pytest.fixture(scope="module")
def found(alerts):
    """The warnings, in memory."""
    return alerts.warnings.arrow(alerts.warnings.expression).to_pandas().set_index(["rule", "customer"]).sort_index()


class TestReadyRules:
    @pytest.mark.parametrize(
        ("rule", "customer", "level", "value"),
        [
            ("competitor_hotline", "A", 1, 1),
            ("competitor_call", "B", 1, 61),  # D's call of 60 s is not over a minute; B's of 500 s was not yesterday
            ("forwarded", "A", 1, 4),  # B's is in its third day
            ("suspended", "B", 2, np.nan),  # A is active again
            ("nearly_overdue", "A", 2, 2),  # B has paid
            ("zero_bill", "C", 1, 0),
            ("bill_fell", "A", 1, 49),  # B's fell to 51 %
            ("contract_ends", "B", 1, 92),  # A has a newer contract, C's ends a day later
            ("data_fell", "B", 2, 0),  # C never used any
            ("overdue", "C", 2, -5),
        ],
    )
    def test_each_means_exactly_one_of_them(self, found, rule, customer, level, value):
        found = found.loc[rule]
        assert found.index.tolist() == [customer]
        assert found["level"].item() == level
        assert found["value"].item() == pytest.approx(value, nan_ok=True)
        assert found["raised_on"].item() == TODAY

    def test_the_evidence_of_a_fall_has_the_own_past(self, found):
        row = found.loc[("bill_fell", "A")]
        assert (row["value"], row["past"], row["days_ago"]) == (49, 100, 29)

    def test_a_sum_of_the_past_is_scaled_to_the_window(self, found):
        """30 gigabytes in the 92 days before the last 31."""
        assert found.loc[("data_fell", "B"), "past"] == pytest.approx(30 * 31 / 92, rel=1e-9)

    def test_every_rule_has_its_words_and_its_level(self, alerts):
        table = alerts.table().set_index("term")
        assert table.loc["bill_fell", "zh"] == "话费突减"
        assert table["level"].tolist() == [1, 1, 1, 2, 2, 1, 1, 1, 2, 2]
        assert table["frequency"].tolist() == ["daily"] * 5 + ["monthly"] * 5
        assert "Warnings of 2026-06-30: 10 by 10 rules" in str(alerts)

    def test_by_frequency(self, duck):
        daily = customer_alerts(tables(duck), ready_rules(), as_of=TODAY, frequency="daily")
        assert set(daily.counts) == {
            "competitor_hotline",
            "competitor_call",
            "forwarded",
            "suspended",
            "nearly_overdue",
        }


class TestWriting:
    @pytest.mark.parametrize("suffix", ["csv", "parquet"])
    def test_whole(self, engine, alerts, found, tmp_path, suffix):
        replace(alerts, warnings=written(engine, found)).write(tmp_path / f"warnings.{suffix}")
        assert connect().read(tmp_path / f"warnings.{suffix}").rows() == 10
        assert len(list(tmp_path.iterdir())) == 1

    def test_or_not_at_all(self, engine, tmp_path):
        """The bills vanish between the count and the writing."""
        bills = pd.DataFrame({"customer_id": ["A"], "date": days("2026-06-01"), "amount": [0.0]})
        bills.to_parquet(tmp_path / "bills.parquet")
        found = customer_alerts({"bills": tmp_path / "bills.parquet"}, ZERO, as_of=TODAY, engine=engine)
        assert found.warnings.backend is engine.backend
        (tmp_path / "bills.parquet").unlink()
        with pytest.raises(LinkError, match=r"warnings from .*bills\.parquet: the table has vanished"):
            found.write(tmp_path / "warnings.parquet")
        assert list(tmp_path.iterdir()) == []


class TestWorthOfWarnings:
    def test_counts_by_hand(self, engine, found):
        """At risk: five (D had left). Within 90 days leave A (20 days after) and C (63)."""
        left = [date(2026, 7, 20), None, date(2026, 9, 1), date(2026, 6, 1), None, date(2026, 12, 1)]
        base = held(engine, {"id": list("ABCDEF"), "left": left}, "base")
        found = alert_accuracy(written(engine, found), base, key="id", left="left", observed_until=date(2026, 12, 31))
        assert (found.left, found.at_risk, found.strangers) == (2, 5, 0)
        row = found.rows.set_index("term").loc["any"]
        assert (row["n"], row["hits"], row["precision"], row["recall"]) == (3, 2, 2 / 3, 1)
        assert row["estimate"] == pytest.approx((2 / 3) / (2 / 5))
        assert row[["lead_q1", "lead", "lead_q3"]].tolist() == [20, 20, 63]
        assert found.rows.set_index("term").loc["rule zero_bill", "lead"] == 63

    def test_intervals_cover_the_true_lift_and_shares(self, duck):
        """Leavers call a competitor 20 times as often as stayers; 20 bases of 4,000 customers."""
        rng, share, hits = np.random.default_rng(5), 0.1, np.zeros(3)
        precision = share * CALLS["leaving"] / (share * CALLS["leaving"] + (1 - share) * CALLS["staying"])
        rules = alert_rules([{"ready": "competitor_hotline", "days": 30, "where": {"kind": "competitor_hotline"}}])
        for _ in range(20):
            soon = rng.random(4000) < share
            base = pd.DataFrame({"customer_id": [f"C{i}" for i in range(4000)]})
            calls = held(duck, competitor_calls(base, soon, TODAY, rng), "calls")
            gone = pd.Timestamp(TODAY) + pd.to_timedelta(rng.integers(0, 90, 4000), unit="D")
            people = held(duck, base.assign(left=gone.where(soon)), "base")
            found = customer_alerts({"calls": calls}, rules, as_of=TODAY)
            row = alert_accuracy(
                found, people, key="customer_id", left="left", observed_until=date(2026, 12, 31)
            ).rows.iloc[0]
            hits += [
                row["ci_low"] <= precision / share <= row["ci_high"],
                row["precision_low"] <= precision <= row["precision_high"],
                row["recall_low"] <= CALLS["leaving"] <= row["recall_high"],
            ]
        assert hits.min() >= 15, hits  # under 1 in 1,000 at a coverage of 0.95

    def test_written_warnings_of_several_days_count_by_the_first(self, duck):
        frame = {
            "customer": ["A", "A"],
            "rule": ["r", "r"],
            "level": [1, 1],
            "raised_on": days("2026-06-01", "2026-06-08"),
        }
        base = held(duck, {"id": ["A", "B", "C"], "left": [date(2026, 6, 11), None, None]}, "base")
        found = alert_accuracy(held(duck, frame), base, key="id", left="left", observed_until=TODAY, horizon=15)
        assert found.rows.loc[0, ["n", "hits", "lead"]].tolist() == [1, 1, 10]

    def test_leaving_must_be_known_long_enough(self, engine, found):
        base = held(engine, {"id": ["A"], "left": [date(2026, 7, 1)]}, "base")
        with pytest.raises(LinkError, match=r"90 days after the last warning end on 2026-09-28. Wait"):
            alert_accuracy(written(engine, found), base, key="id", left="left", observed_until=date(2026, 9, 1))

    @pytest.mark.parametrize(
        ("columns", "message"),
        [
            ({"id": ["A", "A"], "left": [TODAY, None]}, "1 customers have several rows, for example 'A'"),
            ({"id": ["A"], "left": [1]}, "does not hold dates"),
            ({"id": [1], "left": [TODAY]}, "'customer' is of kind 'text' in the one and 'id' of kind 'integer'"),
            ({"id": ["A"], "left": days("2026-12-31")}, "0 of 1 customers left"),
            (
                {"id": ["A"], "left": ZONED},
                r"of column 'left' and the moment 2026-06-30, one has a time zone .*on_clock",
            ),
            (
                {"id": ["Y", "Z"], "left": [TODAY, None]},
                "nobody who was warned is at risk in it; 10 warnings are of cust",
            ),
        ],
    )
    def test_a_base_that_cannot_be_used(self, engine, found, columns, message):
        base = held(engine, columns, "base")
        with pytest.raises(LinkError, match=message):
            alert_accuracy(written(engine, found), base, key="id", left="left", observed_until=date(2027, 1, 1))


class TestBadInput:
    def test_rows_from_the_future_are_refused_unless_one_looks_back(self, engine):
        bills = held(
            engine, {"customer_id": ["A", "B"], "date": days("2026-06-01", "2062-06-01"), "amount": [0.0, 0.0]}
        )
        with pytest.raises(LinkError, match=r"1 rows are dated after 2026-06-30 .* Dates in the future"):
            customer_alerts({"bills": bills}, ZERO, as_of=TODAY)
        assert customer_alerts({"bills": bills}, ZERO, as_of=TODAY, replay=True).counts == {"zero_bill": 1}

    def test_a_table_that_ended_long_ago_is_warned_of(self, engine):
        bills = held(engine, {"customer_id": ["A"], "date": days("2026-03-01"), "amount": [0.0]})
        with pytest.warns(CsiWarning, match=r"last row before 2026-06-30 is of 2026-03-01, .* cannot warn"):
            assert customer_alerts({"bills": bills}, ZERO, as_of=TODAY).counts == {"zero_bill": 0}

    @pytest.mark.parametrize(
        ("frame", "message"),
        [
            (
                {"customer_id": ["A"], "date": days("2026-06-01"), "amonut": [0.0]},
                r"rule 'zero_bill': .*'amount'.*Its columns are",
            ),
            ({"customer_id": ["A"], "date": ["June"], "amount": [0.0]}, "does not hold dates"),
            ({"customer_id": ["A"], "date": days("2026-06-01"), "amount": ["0"]}, "threshold for column 'amount'"),
            ({"id": ["A"], "date": days("2026-06-01"), "amount": [0.0]}, "'customer_id', which is named as the key"),
            ({"customer_id": ["A"], "date": ZONED, "amount": [0.0]}, "'date' and the moment .* one has a time zone"),
        ],
    )
    def test_tables_that_a_rule_cannot_be_asked_of(self, engine, frame, message):
        with pytest.raises(LinkError, match=message):
            customer_alerts({"bills": held(engine, frame)}, ZERO, as_of=TODAY, replay=True)

    def test_a_date_in_a_column_that_has_a_time_zone(self, engine):
        bills = held(engine, {"customer_id": ["A"], "date": days("2026-06-01"), "paid": [False], "due_on": ZONED})
        with pytest.raises(LinkError, match=r"rule 'overdue': .*'due_on' and the moment .*, one has a time zone"):
            customer_alerts({"bills": bills}, alert_rules([{"ready": "overdue"}]), as_of=TODAY)

    def test_unknown_table(self, duck):
        with pytest.raises(LinkError, match=r"rule 'zero_bill': there is no table 'bills'\. Tables are bill"):
            customer_alerts({"bill": held(duck, {"a": [1]})}, ZERO, as_of=TODAY)

    def test_a_text_is_not_compared_with_a_number(self, duck):
        rules = alert_rules([{"ready": "competitor_hotline", "where": {"kind": 3}}])
        with pytest.raises(LinkError, match="compares column 'kind' with 3"):
            customer_alerts(tables(duck), rules, as_of=TODAY)

    def test_keys_of_different_kinds(self, engine):
        usage = {"customer_id": [1], "date": [TODAY - timedelta(days=90)], "gigabytes": [9.0]}
        more = {**tables(engine), "usage": held(engine, usage | {"date": days("2026-06-15")}, "usage")}
        with pytest.raises(LinkError, match="'customer' is of kind"):
            customer_alerts(more, alert_rules([{"ready": "zero_bill"}, {"ready": "data_fell"}]), as_of=TODAY)

    @pytest.mark.parametrize(
        ("section", "message"),
        [
            ({"ready": "zero_bil"}, r"no ready rule 'zero_bil'.*Did you mean 'zero_bill'"),
            ({"ready": "zero_bill", "at_most": "low"}, "alerts 'zero_bill': at_most"),
            ({"ready": "zero_bill", "at_most": True}, "alerts 'zero_bill': at_most"),
            ({"ready": "zero_bill", "level": 3}, "level"),
            ({"ready": "zero_bill", "tabel": "x"}, "tabel"),
            ({"ready": "zero_bill", "equals": "x", "at_most": 1}, "and not by both"),
            ({"ready": "bill_fell", "past_days": 31}, "must be above days = 31"),
            ({"ready": "bill_fell", "function": "last"}, "own past is compared in windows"),
            ({"ready": "forwarded", "function": "sum"}, "needs a column"),
            ({"ready": "forwarded", "equals": "x"}, "equals is asked of the last row"),
            ({"ready": "forwarded", "where": {"to": {}}}, "where.to"),
            ({"name": "own"}, "level"),
        ],
    )
    def test_rules_that_are_no_rules(self, section, message):
        with pytest.raises(StudyError, match=message):
            AlertRule.from_dict(section)

    def test_two_rules_of_one_name(self):
        with pytest.raises(StudyError, match="two rules are called 'zero_bill'"):
            alert_rules([{"ready": "zero_bill"}, {"ready": "zero_bill", "at_most": 1}])

    def test_a_study_may_name_a_ready_rule_anew(self):
        rules = alert_rules([{"ready": "zero_bill"}, {"ready": "zero_bill", "name": "tiny_bill", "below": 5}])
        assert (rules[1].below, rules[1].at_most, rules[1].label("zh")) == (5, None, "当月零话费")


def test_a_condition_that_no_row_meets_is_named_with_the_values_there_are(engine):
    calls = pd.DataFrame({"customer_id": ["A", "B"], "date": [date(2026, 6, 29)] * 2, "kind": ["call", "chat"]})
    rules = alert_rules(
        [{"name": "many", "level": 2, "frequency": "daily", "table": "calls", "function": "rows", "days": 30, "at_least": 1,
          "where": {"kind": "calls"}}]
    )  # fmt: skip
    with pytest.warns(
        CsiWarning, match="calls: no row has kind = 'calls', which rule 'many' asks for.*kind holds 'call', 'chat'"
    ):
        found = customer_alerts({"calls": held(engine, calls, "calls")}, rules, as_of=date(2026, 6, 30))
    assert found.counts == {"many": 0}
