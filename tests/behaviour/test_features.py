"""Features from events: on every engine what a plain loop counts before the answer, nothing after it, each fault by its name."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from csi.behaviour.feature_leaks import leakage_check
from csi.behaviour.feature_rules import EventFeatures, read_features
from csi.behaviour.features import features_of_base
from csi.behaviour.linkage import link
from csi.engine import connect, on_clock, write
from csi.errors import CsiWarning, LinkError, StudyError
from csi.survey.codebook import Codebook
from csi.survey.reading import survey_from_frame

pytest_plugins = ["engines"]

DAY = pd.Timedelta(days=1)
START = pd.Timestamp("2026-01-01")
RULES = (
    EventFeatures("calls", "calls", "at", ("count", "recency", "change"), windows=(7, 30)),
    EventFeatures("complaint", "calls", "at", ("count", "share"), windows=(30, 90), where={"kind": "complaint"}),
    EventFeatures("minutes", "calls", "at", ("sum", "mean", "max", "level_change", "change"), None, (30,), "minutes"),
    EventFeatures("shops", "calls", "at", ("distinct",), windows=(90,), column="shop", where={"shop": (1, 2, 3)}),
    EventFeatures("told", "calls", "at", ("count", "recency"), windows=(30,), known="filed"),
)


def arrow(frame):
    return pa.Table.from_pandas(frame, preserve_index=False)


def by_their_days(frame, columns):
    """The same table, of whose moments in some columns the day alone is known."""
    return frame.assign(**{c: frame[c].dt.date.where(frame[c].notna(), None) for c in columns})


def made_up(seed=0, customers=60, respondents=40, events=3_000):
    """Answers with a day, a base, and calls before and after the answers, some without a caller, a moment or a number."""
    rng = np.random.default_rng(seed)
    names = [f"A{i}" for i in range(customers)]
    days = START + rng.integers(120, 150, respondents) * DAY
    calls = pd.DataFrame(
        {
            "id": rng.choice(np.array(names, dtype=object), events),
            "at": START + pd.to_timedelta(rng.integers(0, 200 * 86_400, events), "s"),
            "kind": rng.choice(np.array(["complaint", "question", None], dtype=object), events),
            "minutes": np.where(rng.random(events) < 0.1, np.nan, rng.gamma(2, 3, events)),
            "shop": rng.integers(0, 6, events),
        }
    )
    calls["filed"] = calls["at"].dt.normalize() + rng.integers(-2, 9, events) * DAY
    calls.loc[:9, "id"], calls.loc[10:19, "at"], calls.loc[20:29, "filed"] = None, pd.NaT, pd.NaT
    return names[:respondents], days, pd.DataFrame({"id": names, "tenure": rng.integers(1, 90, customers)}), calls


def survey_of(keys, days):
    on = [str(pd.Timestamp(day).date()) if day is not None else "" for day in days]
    frame = pd.DataFrame({"id": keys, "q": [10] * len(keys), "on": on})
    book = {"scale": {"low": 1, "high": 10}, "items": [{"name": "q"}], "key": "id", "date": "on"}
    return survey_from_frame(frame, Codebook.from_dict(book), source="answers.csv")


def linked_of(engine, keys, days, base, calls, rules=RULES, **rest):
    tables = {"calls": engine.hold(arrow(calls), "calls")}
    return link(
        survey_of(keys, days),
        engine.hold(arrow(base), "base"),
        key="id",
        features=["tenure"],
        events=rules,
        tables=tables,
        **rest,
    )


def by_hand(person, when, calls):
    """Days are compared, as the answer is known by its day alone."""
    own = calls[(calls["id"] == person) & (calls["at"] < when)]

    def inside(days, until=0):
        return own[(own["at"] >= when - days * DAY) & (own["at"] < when - until * DAY)]

    def share(part, whole):
        return part / whole if whole > 0 else np.nan

    month, past = inside(30)["minutes"], inside(120, 30)["minutes"]
    found = {f"calls_count_{d}d": len(inside(d)) for d in (7, 30)}
    found |= {"calls_recency": (when - inside(30)["at"].max().normalize()) / DAY}
    found |= {f"calls_change_{d}d": share(3 * len(inside(d)), len(inside(4 * d, d))) - 1 for d in (7, 30)}
    for d in (30, 90):
        found[f"complaint_count_{d}d"] = (inside(d)["kind"] == "complaint").sum()
        found[f"complaint_share_{d}d"] = share((inside(d)["kind"] == "complaint").sum(), len(inside(d)))
    found |= {"minutes_sum_30d": month.sum(), "minutes_mean_30d": month.mean(), "minutes_max_30d": month.max()}
    found["minutes_level_change_30d"] = share(month.mean(), past.mean()) - 1
    found["minutes_change_30d"] = share(3 * month.sum(), past.sum()) - 1
    found["shops_distinct_90d"] = inside(90).query("shop in (1, 2, 3)")["shop"].nunique()
    known = np.maximum(own["at"].dt.normalize(), own["filed"]).where(own["filed"].notna())
    known = known[(known >= when - 30 * DAY) & (known < when)]
    found |= {"told_count_30d": len(known), "told_recency": (when - known.max()) / DAY}
    return found


class TestNumbersAreThoseOfAPlainLoop:
    @pytest.mark.parametrize("whole_days", [("filed",), ("at", "filed")])
    def test_each_respondent_at_the_answer(self, engine, whole_days):
        keys, days, base, calls = made_up()
        linked = linked_of(engine, keys, days, base, by_their_days(calls, whole_days))
        expected = pd.DataFrame([by_hand(k, d, calls) for k, d in zip(keys, days, strict=True)])
        assert set(linked.features) == {"tenure", *expected.columns}
        for name in expected:
            assert np.allclose(linked.frame[name], expected[name].astype(float), rtol=1e-9, equal_nan=True), name

    def test_the_whole_base_at_one_day(self, engine):
        keys, days, base, calls = made_up(1)
        linked = linked_of(engine, keys, days, base, calls, as_of=dt.date(2026, 6, 9))
        frame = pa.Table.from_batches(list(linked.source.batches(["id", *linked.features]))).to_pandas().set_index("id")
        expected = pd.DataFrame([by_hand(k, pd.Timestamp("2026-06-09"), calls) for k in base["id"]], index=base["id"])
        for name in expected:
            assert np.allclose(frame.loc[base["id"], name], expected[name].astype(float), rtol=1e-9, equal_nan=True), (
                name
            )
        assert linked.base_summary["calls_count_30d"].mean == pytest.approx(expected["calls_count_30d"].mean())
        assert linked.base_rows == 60

    def test_the_other_columns_of_the_base_stay_at_hand(self):
        keys, days, base, calls = made_up(1)
        linked = linked_of(connect(threads=1), keys, days, base.assign(consent=True), calls)
        batch = next(iter(linked.source.batches(["id", "calls_count_7d", "consent"])))
        assert set(batch.column("consent").to_pylist()) == {"true"}

    def test_what_is_written_can_be_read_again(self, engine, tmp_path):
        _, _, base, calls = made_up(2)
        table = features_of_base(
            engine.hold(arrow(base), "base"),
            RULES,
            {"calls": engine.hold(arrow(calls), "calls")},
            key="id",
            as_of=dt.datetime(2026, 5, 1, 12),
            columns=["tenure"],
        )
        write(table, tmp_path / "features.parquet")
        assert list(engine.read(tmp_path / "features.parquet").columns) == list(table.columns)

    def test_files_with_another_key_and_leading_zeros(self, engine, tmp_path):
        (tmp_path / "base.csv").write_text("id,tenure\n007,1\n7,2\n")
        (tmp_path / "calls.csv").write_text("caller,at\n007,2026-06-29\n7,2026-06-01\n7,2026-06-02\n")
        rule = EventFeatures("calls", str(tmp_path / "calls.csv"), "at", ("count",), key="caller", windows=(30,))
        survey = survey_of(["007"], ["2026-06-30"])
        linked = link(survey, tmp_path / "base.csv", key="id", events=[rule], engine=engine)
        assert linked.frame["calls_count_30d"].tolist() == [1.0]
        assert linked.base_summary["calls_count_30d"].mean == pytest.approx(1.5)

    def test_the_key_of_the_base_is_that_of_the_events_unless_named(self, tmp_path):
        (tmp_path / "base.csv").write_text("id,tenure\n007,1\n")
        (tmp_path / "calls.csv").write_text("id,at\n007,2026-06-29\n")
        linked = link(
            survey_of(["007"], ["2026-06-30"]),
            tmp_path / "base.csv",
            key="id",
            events=[COUNT],
            tables={"calls": tmp_path / "calls.csv"},
        )
        assert linked.frame["calls_count_30d"].tolist() == [1.0]


def one_call(*at, **columns):
    return pd.DataFrame({"id": ["A1"] * len(at), "at": pd.to_datetime(list(at), format="mixed"), **columns})


BASE = pd.DataFrame({"id": ["A1", "A2"], "tenure": [3, 4]})
COUNT = EventFeatures("calls", "calls", "at", ("count",), windows=(30,))


class TestNothingAfterTheAnswerIsUsed:
    def test_a_complaint_filed_after_the_answer_is_not_counted_and_proven_so(self, engine):
        calls = one_call("2026-06-29", "2026-06-30 08:00", "2026-07-01")
        linked = linked_of(engine, ["A1", "A2"], ["2026-06-30"] * 2, BASE, calls, [COUNT])
        assert linked.frame["calls_count_30d"].tolist() == [1.0, 0.0]
        with pytest.warns(CsiWarning, match="'tenure': 2 of 2 snapshots have no day: name the column"):
            check = leakage_check(linked)
        assert check.removed == 2
        row = check.table().set_index("term").loc["calls_count_30d"]
        assert (row["estimate"], row["proof"], row["verdict"]) == (0.0, "events", "pass")
        assert "worked out again without the 2 events at or after the answers: none changed" in str(check)

    def test_a_feature_that_knows_the_future_is_refused(self):
        calls = one_call("2026-06-29", "2026-07-01")
        linked = linked_of(connect(threads=1), ["A1"], ["2026-06-30"], BASE, calls, [COUNT])
        leaky = replace(linked, frame=linked.frame.assign(calls_count_30d=2.0))
        with pytest.raises(LinkError, match="'calls_count_30d' changes by up to 1 when events at or after the answer"):
            leakage_check(leaky)

    def test_a_complaint_of_before_that_was_filed_after_is_caught(self, engine):
        calls = one_call("2026-06-20", "2026-06-25", filed_on=pd.to_datetime(["2026-06-21", "2026-07-02"]))
        linked = linked_of(engine, ["A1"], ["2026-06-30"], BASE, calls, [COUNT])
        assert linked.frame["calls_count_30d"].tolist() == [2.0]
        with pytest.warns(CsiWarning, match="2 features may know"):
            check = leakage_check(linked)
        why = check.table().set_index("term").loc["calls_count_30d", "why"]
        assert why.startswith("1 of 2 events that count are dated at or after the answer in 'filed_on'")
        known = linked_of(engine, ["A1"], ["2026-06-30"], BASE, calls, [replace(COUNT, known="filed_on")])
        assert known.frame["calls_count_30d"].tolist() == [1.0]
        with pytest.warns(CsiWarning, match="1 of 2 features"):
            assert leakage_check(known).table()["verdict"].tolist() == ["warn", "pass"]

    def test_an_event_that_never_became_known_does_not_count(self):
        filed = [dt.date(2026, 6, 30), None, dt.date(2026, 6, 2)]
        calls = one_call("2026-06-20", "2026-06-25", "2026-06-01", filed_on=filed)
        rules = [replace(COUNT, known="filed_on")]
        linked = linked_of(connect(threads=1), ["A1"], ["2026-06-30"], BASE, calls, rules)
        assert linked.frame["calls_count_30d"].tolist() == [1.0]

    @pytest.mark.parametrize("seed", range(3))
    def test_events_of_the_future_change_nothing(self, seed):
        engine = connect(threads=1)
        keys, days, base, calls = made_up(seed)
        linked = linked_of(engine, keys, days, base, calls)
        last = dict(zip(keys, days, strict=True))
        earlier = calls[[at < last.get(who, at) for who, at in zip(calls["id"], calls["at"], strict=True)]]
        again = linked_of(engine, keys, days, base, earlier)
        pd.testing.assert_frame_equal(linked.frame, again.frame)


class TestSuspicions:
    def linked(self, **columns):
        n = 60
        base = pd.DataFrame({"id": [f"A{i}" for i in range(n)], "tenure": np.arange(n) % 7, **columns})
        survey = survey_of(list(base["id"]), ["2026-06-30"] * n)
        engine = connect(threads=1)
        return link(survey, engine.hold(arrow(base), "base"), key="id", features=["tenure", *columns])

    def judged(self, values):
        y = (np.arange(60) % 3 == 0).astype(float)
        with pytest.warns(CsiWarning):
            table = leakage_check(self.linked(x=values(y)), y).table().set_index("term")
        return table.loc["x", "auc"], table.loc["x", "why"]

    def test_a_number_a_text_or_a_gap_that_foretells_the_answer(self):
        for values in (
            lambda y: 5 - y,
            lambda y: np.where(y == 1, "won back", "-"),
            lambda y: np.where(y == 1, 3.0, np.nan),
        ):
            auc, why = self.judged(values)
            assert auc == 1.0
            assert why.startswith("foretells the answer all but perfectly (AUC 1.000)")

    def test_an_honest_feature_is_not_suspected(self):
        auc, why = self.judged(lambda y: np.arange(60) % 5 + y)
        assert auc < 0.95
        assert "foretells" not in why

    def test_too_few_to_judge(self):
        with pytest.warns(CsiWarning):
            table = leakage_check(self.linked(), np.r_[np.ones(3), np.zeros(57)]).table()
        assert table["auc"].isna().all()

    def test_snapshots_of_the_day_of_the_answer(self):
        engine = connect(threads=1)
        base = engine.hold(arrow(BASE.assign(day=[dt.date(2026, 6, 30), dt.date(2026, 6, 29)])), "base")
        linked = link(survey_of(["A1", "A2"], ["2026-06-30"] * 2), base, key="id", features=["tenure"], date="day")
        with pytest.warns(CsiWarning, match="1 of 2 snapshots are of the day of the answer"):
            assert leakage_check(linked).table()["proof"].tolist() == ["dated"]

    def test_an_outcome_of_another_survey(self):
        with pytest.raises(LinkError, match=r"outcome must have one value for each of the 60 .* shape \(2,\)"):
            leakage_check(self.linked(), [1, 0])


class TestBadInput:
    def refuse(self, match, calls=None, rule=COUNT, days=("2026-06-30",), engine=None, **rest):
        calls = one_call("2026-06-29") if calls is None else calls
        with pytest.raises(LinkError, match=match):
            linked_of(engine or connect(threads=1), ["A1"], days, BASE, calls, [rule], **rest)

    def test_a_table_that_is_not_there_or_vanishes(self, engine, tmp_path):
        base = engine.hold(arrow(BASE), "base")
        path = tmp_path / "calls.parquet"
        with pytest.raises(LinkError, match=r"calls\.parquet: there is no such file"):
            link(survey_of(["A1"], ["2026-06-30"]), base, key="id", events=[replace(COUNT, table=str(path))])
        one_call("2026-06-29").to_parquet(path, index=False)
        table = features_of_base(base, [COUNT], {"calls": engine.read(path)}, key="id", as_of=dt.date(2026, 6, 30))
        path.unlink()
        with pytest.raises(LinkError, match="the table has vanished since it was opened"):
            list(table.batches(["id", "calls_count_30d"]))

    def test_a_table_that_changes_its_kinds(self, engine, tmp_path):
        path = tmp_path / "calls.parquet"
        rule = replace(COUNT, kinds=("sum",), column="minutes")
        one_call("2026-06-29", minutes=[2.0]).to_parquet(path, index=False)
        held = engine.hold(arrow(BASE), "base")
        table = features_of_base(held, [rule], {"calls": engine.read(path)}, key="id", as_of=dt.date(2026, 6, 30))
        one_call("2026-06-29", minutes=["two"]).to_parquet(path, index=False)
        with pytest.raises(LinkError, match="has changed since it was opened"):
            list(table.batches(["id", *rule.features]))
        with pytest.raises(
            LinkError, match="'minutes', which is named as the column of 'calls', does not hold numbers"
        ):
            features_of_base(held, [rule], {"calls": engine.read(path)}, key="id", as_of=dt.date(2026, 6, 30))

    def test_keys_of_different_kinds(self, engine):
        calls = one_call("2026-06-29").assign(id=7)
        self.refuse("is of kind 'text' in the one and 'id' of kind 'integer'", calls, engine=engine)

    def test_time_zones(self, engine):
        calls = one_call("2026-06-29 15:00", "2026-06-29 20:00")  # the second at 04:00 of the 30th in Shanghai
        calls["at"] = calls["at"].dt.tz_localize("UTC")
        self.refuse("one has a time zone and one has none.*on_clock", calls, engine=engine)
        there = on_clock(engine.hold(arrow(calls), "calls"), "at", "Asia/Shanghai")
        base, day = engine.hold(arrow(BASE), "base"), dt.date(2026, 6, 30)
        table = features_of_base(base, [COUNT], {"calls": there}, key="id", as_of=day)
        assert table.summary(["calls_count_30d"])["calls_count_30d"].mean == 1 / 2

    def test_dates_in_the_future(self, engine):
        self.refuse("the last answer is of 2026-06-30, after 2026-06-01", as_of=dt.date(2026, 6, 1))
        self.refuse("no event lies in the 30 days before 2062-06-30.*date in the future", days=["2062-06-30"])
        self.refuse("no event lies in the 30 days", one_call("2099-01-01"), engine=engine)

    def test_no_overlap(self, engine):
        self.refuse("no event is of a customer of base", one_call("2026-06-29").assign(id="Z9"), engine=engine)

    def test_columns(self):
        self.refuse("no column 'when', which is named as the time of 'calls'", rule=replace(COUNT, time="when"))
        self.refuse("does not hold dates", one_call("2026-06-29").assign(at="end of June"))
        self.refuse(
            "no column 'kind', which is named as a condition of 'calls'", rule=replace(COUNT, where={"kind": "x"})
        )
        self.refuse("'calls' wants kind = 3, but column 'kind' is of kind 'text'",
                    one_call("2026-06-29", kind=["x"]), rule=replace(COUNT, where={"kind": 3}))  # fmt: skip

    def test_answers_without_a_day(self):
        self.refuse("no answer has a date", days=[None])

    def test_some_answers_without_a_day_have_gaps(self):
        engine, calls = connect(threads=1), one_call("2026-06-29")
        linked = linked_of(engine, ["A1", "A2"], ["2026-06-30", None], BASE, calls, [COUNT])
        assert linked.frame["calls_count_30d"].isna().tolist() == [False, True]


SECTION = {"name": "calls", "table": "calls.csv", "time": "at", "kinds": ["count"]}


class TestTheStudyFile:
    def test_a_whole_section(self):
        (rule,) = read_features([SECTION | {"where": {"kind": ["complaint", "fault"]}, "wording": {"zh": "投诉"}}])
        assert rule.features == ("calls_count_7d", "calls_count_30d", "calls_count_90d")
        assert rule.where == {"kind": ("complaint", "fault")}
        assert rule.label("calls_count_7d", "zh") == "投诉：近7天次数"

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"kinds": ["sum"]}, "'sum' needs a column"),
            ({"kinds": ["share"]}, "'share' needs where"),
            ({"kinds": ["median"]}, "kinds.1"),
            ({"kinds": []}, "kinds is empty"),
            ({"kinds": ["count", "count"]}, "kinds name something twice"),
            ({"windows": [0]}, "1 day or more"),
            ({"name": "a call"}, "letters, digits and _ only"),
            ({"colour": "red"}, "colour"),
        ],
    )
    def test_faults_are_named(self, change, message):
        with pytest.raises(StudyError, match=rf"study\.toml, 1: .*{message}"):
            read_features([SECTION | change], "study.toml")

    def test_what_is_missing_and_what_is_twice(self):
        with pytest.raises(StudyError, match="table"):
            read_features([{"name": "calls"}])
        with pytest.raises(StudyError, match="2 rules make 'calls_count_7d'"):
            read_features([SECTION, SECTION])
        with pytest.raises(StudyError, match="two brackets"):
            read_features("calls")


@pytest.fixture(scope="module")
def duck():
    return connect(threads=1)


class TestWhatIsProbablyMistyped:
    def test_a_condition_that_no_event_meets_is_named_with_the_values_there_are(self, engine):
        keys, answered, base, calls = made_up(respondents=5)
        rules = [
            EventFeatures("wrong", "calls", "at", ("count",), windows=(90,), where={"kind": "complaints"}),
            RULES[0],
        ]
        said = "no event has kind = 'complaints', which 'wrong' asks for.*kind holds '(complaint|question)', '"
        with pytest.warns(CsiWarning, match=said):
            linked = linked_of(engine, keys, answered, base, calls, rules)
        assert (linked.frame["wrong_count_90d"] == 0).all()

    def test_an_empty_table_is_called_empty(self, duck):
        keys, answered, base, calls = made_up(respondents=5)
        with pytest.raises(LinkError, match="calls: the table is empty"):
            linked_of(duck, keys, answered, base, calls.head(0), [RULES[0]])

    def test_an_answer_dated_long_after_all_others_is_pointed_out(self, duck):
        keys, _, base, calls = made_up(respondents=60)
        answered = [START + (120 + i % 10) * DAY for i in range(60)]
        assert linked_of(duck, keys, answered, base, calls, [RULES[0]]).as_of == answered[9].date()
        answered[7] = START + 160 * DAY
        with pytest.warns(CsiWarning, match=r"1 of 60 answers are dated over 14 days.*2026-06-10, is of row 9"):
            linked = linked_of(duck, keys, answered, base, calls, [RULES[0]])
        assert "for the base before 2026-06-10" in str(linked)
        fixed = linked_of(duck, keys, answered, base, calls, [RULES[0]], as_of=dt.date(2026, 6, 11))  # says nothing
        assert fixed.as_of == dt.date(2026, 6, 11)

    def test_answers_without_a_date_are_not_blamed_on_the_snapshot(self, duck):
        keys, answered, base, calls = made_up(respondents=5)
        days = [*answered[:4], None]
        base = base.assign(day=(START + 100 * DAY).date())
        linked = linked_of(duck, keys, days, base, calls, [RULES[0]], date="day")
        with pytest.warns(CsiWarning, match="'tenure': 1 of 5 answers have no date in answers.csv"):
            leakage_check(linked)
