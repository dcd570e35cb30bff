"""Answers are joined to behaviour by key, and only to behaviour from before the answer."""

import datetime as dt

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from csi.behaviour.linkage import link
from csi.behaviour.table import NOT_RECORDED, BehaviourTable
from csi.engine import connect
from csi.errors import LinkError, StudyError
from csi.survey.codebook import Codebook
from csi.survey.reading import survey_from_frame

pytest_plugins = ["engines"]

BASE = pd.DataFrame(
    {
        "id": ["A1", "A2", "A3", "A4"],
        "calls": [0, 2, 4, 6],
        "bill": [50.0, np.nan, 70.0, 90.0],
        "card": ["gold", None, "gold", "silver"],
        "roams": [True, False, False, True],
        "day": pd.to_datetime(["2026-06-30"] * 4),
    }
)
FEATURES = ["calls", "bill", "card", "roams"]


def survey_of(keys, days=None, key="id"):
    columns = {"id": keys, "q": [10] * len(keys), "on": days or [""] * len(keys)}
    book = {"scale": {"low": 1, "high": 10}, "items": [{"name": "q"}], "key": key, "date": "on" if days else None}
    return survey_from_frame(pd.DataFrame(columns), Codebook.from_dict(book), source="answers.csv")


def base_of(frame=BASE, engine=None):
    rows = pa.Table.from_pandas(frame, preserve_index=False)
    return ibis.memtable(rows) if engine is None else engine.hold(rows, "base")


class TestTheJoin:
    def test_one_row_a_respondent_found_with_the_position_in_the_survey(self, engine):
        linked = link(survey_of(["A3", "B9", "A1"]), base_of(engine=engine), key="id", features=FEATURES)
        assert linked.frame["row"].tolist() == [0, 2]
        assert linked.frame["key"].tolist() == ["A3", "A1"]
        assert linked.frame["calls"].tolist() == [4.0, 0.0]
        assert linked.frame["roams"].tolist() == ["false", "true"]
        assert linked.unmatched_keys == ("B9",)
        assert linked.match_rate == pytest.approx(2 / 3)
        assert linked.base_rows == 4

    def test_gaps_stay_gaps(self):
        linked = link(survey_of(["A2"]), base_of(), key="id", features=FEATURES)
        assert linked.frame[["bill", "card"]].isna().all(axis=None)

    @pytest.mark.parametrize("suffix", [".csv", ".parquet"])
    def test_files(self, tmp_path, suffix):
        path = tmp_path / f"base{suffix}"
        (BASE.to_csv if suffix == ".csv" else BASE.to_parquet)(path, index=False)
        linked = link(survey_of(["A1"]), path, key="id", features=FEATURES, engine=connect(threads=1))
        assert linked.frame.loc[0, "bill"] == 50.0
        assert "1 of 1 respondents (100.0%) found among 4 customers of base" in str(linked)

    def test_whole_number_keys(self, engine):
        base = BASE.assign(id=[7, 8, 9, 10])
        linked = link(survey_of(["08", "7"]), base_of(base, engine), key="id", features=["calls"])
        assert linked.frame["key"].tolist() == ["8", "7"]

    def test_leading_zeros_of_a_csv_are_kept(self, tmp_path):
        path = tmp_path / "base.csv"
        path.write_text("id,calls\n007,1\n7,2\n")
        linked = link(survey_of(["007"]), path, key="id", features=["calls"])
        assert linked.frame["calls"].tolist() == [1.0]

    def test_respondents_without_a_key_are_counted(self):
        linked = link(survey_of(["A1", "", ""]), base_of(), key="id", features=["calls"])
        assert (linked.without_key, len(linked)) == (2, 1)


class TestNothingAfterTheAnswerIsUsed:
    def test_a_later_snapshot_is_refused_and_counted(self, engine):
        survey = survey_of(["A1", "A2"], ["2026-06-29", "2026-07-05"])
        linked = link(survey, base_of(engine=engine), key="id", features=FEATURES, date="day")
        assert linked.frame["key"].tolist() == ["A2"]
        assert linked.refused_rows.tolist() == [0]
        assert "1 not linked: their snapshot is later than their answer" in str(linked)
        assert "could not be checked" not in str(linked)

    def test_the_day_of_the_answer_itself_is_allowed(self):
        linked = link(survey_of(["A1"], ["2026-06-30"]), base_of(), key="id", features=["calls"], date="day")
        assert len(linked) == 1

    def test_unknown_dates_are_said(self):
        assert "could not be checked" in str(link(survey_of(["A1"]), base_of(), key="id", features=["calls"]))
        linked = link(survey_of(["A1"]), base_of(), key="id", features=["calls"], date="day")
        assert "could not be checked" in str(linked)

    def test_some_unknown_dates_are_counted(self):
        survey = survey_of(["A1", "A2"], ["", "2026-07-05"])
        linked = link(survey, base_of(), key="id", features=["calls"], date="day")
        assert linked.unchecked == 1
        assert "1 without a date" in str(linked)

    def test_all_later(self):
        with pytest.raises(LinkError, match="later than the answer for all 1 respondents found"):
            link(survey_of(["A1"], ["2026-01-01"]), base_of(), key="id", features=["calls"], date="day")

    def test_dates_as_text(self):
        base = base_of(BASE.assign(day="2026-06-30"))
        assert len(link(survey_of(["A1"], ["2026-07-01"]), base, key="id", features=["calls"], date="day")) == 1
        base = base_of(BASE.assign(day="end of June"))
        with pytest.raises(LinkError, match="'end of June' is not a date"):
            link(survey_of(["A1"], ["2026-07-01"]), base, key="id", features=["calls"], date="day")


class TestComparison:
    def test_standardised_mean_difference(self):
        table = link(survey_of(["A3", "A4"]), base_of(), key="id", features=["calls", "card"]).comparison()
        spread = np.sqrt((2 + np.var([0, 2, 4, 6], ddof=1)) / 2)
        assert table["term"].tolist() == ["calls"]
        assert table.loc[0, "estimate"] == pytest.approx((5 - 3) / spread)

    def test_respondents_unlike_the_base_are_named(self):
        assert "differ from the base by over 0.1 SD in calls" in str(
            link(survey_of(["A3", "A4"]), base_of(), key="id", features=["calls"])
        )

    def test_everyone_answered(self):
        table = link(survey_of(list(BASE["id"])), base_of(), key="id", features=["calls", "bill"]).table()
        assert table["estimate"].tolist() == pytest.approx([0, 0])


class TestRefusals:
    def refuse(self, match, survey=None, base=BASE, key="id", features=("calls",), engine=None, **rest):
        with pytest.raises(LinkError, match=match):
            link(survey or survey_of(["A1"]), base_of(base, engine), key=key, features=features, **rest)

    def test_survey_without_a_key(self):
        self.refuse("no customer key.*as `key` in the codebook", survey_of(["A1"], key=None))

    def test_missing_columns(self):
        self.refuse(r"no column 'ID', which is named as the key\. Its columns are id, calls", key="ID")
        self.refuse("'visits', which is named as a feature", features=["visits"])
        self.refuse("'taken', which is named as the snapshot date", date="taken")

    def test_features_that_cannot_be_used(self):
        self.refuse("at least one feature", features=[])
        self.refuse("'calls' is named 2 times", features=["calls", "calls"])
        self.refuse("'id' is the key", features=["id"])
        self.refuse("'day' is neither a number", features=["day"])
        self.refuse("cannot be called 'row'", base=BASE.assign(row=1), features=["row"])

    def test_text_keys_for_whole_numbers(self, engine):
        base = BASE.assign(id=range(4))
        self.refuse("survey's key in row 3 of answers.csv is 'A1'", survey_of(["7", "A1"]), base, engine=engine)

    def test_two_texts_for_one_number(self):
        self.refuse("rows 2 and 3 are both the number 7", survey_of(["7", "07"]), BASE.assign(id=range(4, 8)))

    def test_keys_that_may_have_lost_digits(self, engine):
        self.refuse("may have lost digits", base=BASE.assign(id=[1.0, 2.0, 3.0, 4.0]), engine=engine)

    def test_repeated_and_empty_keys_of_the_base(self, engine):
        self.refuse("2 keys stand in more than one row.*'A1'", base=pd.concat([BASE, BASE[:2]]), engine=engine)
        self.refuse("1 rows have no key", base=BASE.assign(id=["A1", "A2", "", "A4"]), engine=engine)

    def test_nobody_found(self, engine):
        self.refuse("none of the 1 respondents", survey_of(["Z1"]), engine=engine)


class TestSeveralSnapshotsOfACustomer:
    MONTHS = pd.DataFrame(
        {
            "id": ["A1", "A1", "A1", "A2", "A3"],
            "calls": [1, 2, 9, 4, 6],
            "day": pd.to_datetime(["2026-04-30", "2026-05-31", "2026-06-30", "2026-06-30", "2026-05-31"]),
        }
    )

    def linked(self, base=MONTHS, several="last", engine=None, **rest):
        survey = survey_of(["A1", "A2", "A3"], ["2026-06-30", "2026-06-15", "2026-06-30"])
        base = base_of(base, engine)
        return link(survey, base, key="id", features=["calls"], date="day", several=several, **rest)

    def test_the_last_before_the_answer_is_taken(self, engine):
        linked = self.linked(engine=engine)
        assert linked.frame[["key", "calls"]].to_numpy().tolist() == [["A1", 2.0], ["A3", 6.0]]
        assert linked.refused_rows.tolist() == [1]
        assert linked.repeated == 1
        assert "1 customers have several snapshots: the last before the day was taken" in str(linked)

    def test_the_base_has_its_last_before_the_day_too(self, engine):
        assert self.linked().base_summary["calls"].mean == pytest.approx((2 + 6) / 2)
        later = self.linked(as_of=dt.date(2026, 7, 1), engine=engine)
        assert later.base_summary["calls"].mean == pytest.approx((9 + 4 + 6) / 3)
        assert later.base_rows == 3
        assert list(later.source.columns) == ["id", "calls", "day"]

    def test_without_the_rule_they_are_refused(self):
        with pytest.raises(LinkError, match=r'1 keys stand in more than one row.*several="last"'):
            self.linked(several="refuse")

    def test_two_of_one_day_have_no_last(self, engine):
        with pytest.raises(LinkError, match="1 customers have several rows of one day in 'day', for example 'A3'"):
            self.linked(pd.concat([self.MONTHS, self.MONTHS[-1:].assign(calls=7)]), engine=engine)

    def test_the_rule_needs_days(self):
        with pytest.raises(LinkError, match="needs the column with the day of each row"):
            link(survey_of(["A1"], ["2026-06-30"]), base_of(), key="id", features=["calls"], several="last")
        with pytest.raises(LinkError, match="no answer has a date"):
            link(survey_of(["A1"]), base_of(self.MONTHS), key="id", features=["calls"], date="day", several="last")


class TestWhoIsMissing:
    def test_by_segment(self):
        frame = pd.DataFrame({"id": ["A1", "A2", "B1", "B2"], "q": [10] * 4, "town": ["x", "x", "x", "y"]})
        book = {
            "scale": {"low": 1, "high": 10},
            "items": [{"name": "q"}],
            "key": "id",
            "segments": [{"name": "town", "column": "town"}],
        }
        survey = survey_from_frame(frame, Codebook.from_dict(book), source="answers.csv")
        rates = link(survey, base_of(), key="id", features=["calls"]).match_rates().set_index("term")
        assert rates["estimate"].to_dict() == pytest.approx({"all": 0.5, "town: x": 2 / 3, "town: y": 0.0})
        assert rates["unmatched"].to_dict() == {"all": 2, "town: x": 1, "town: y": 1}


def test_a_snapshot_date_with_a_time_zone_is_refused(engine):
    base = base_of(BASE.assign(day=BASE["day"].dt.tz_localize("Asia/Shanghai")), engine)
    with pytest.raises(LinkError, match=r"'day' has a time zone, and answers have none.*on_clock"):
        link(survey_of(["A1"], ["2026-07-01"]), base, key="id", features=["calls"], date="day")


SECTION = {
    "table": "base_{wave}.csv",
    "key": "id",
    "features": ["calls"],
    "do_not_disturb": "dnd",
    "consent": NOT_RECORDED,
}


class TestTheStudyFile:
    def test_a_whole_section(self):
        table = BehaviourTable.from_dict(SECTION | {"wording": {"calls": {"en": "Calls", "zh": "呼叫次数"}}})
        assert table.label("calls", "zh") == "呼叫次数"

    @pytest.mark.parametrize("field", ["do_not_disturb", "consent"])
    def test_protection_is_never_taken_for_granted(self, field):
        section = {k: v for k, v in SECTION.items() if k != field}
        with pytest.raises(StudyError, match=rf'study\.toml: .*{field} is missing.*or write {field} = "not recorded"'):
            BehaviourTable.from_dict(section, "study.toml")

    def test_faults_are_named(self):
        with pytest.raises(StudyError, match=r"'call', which is not a feature.*Did you mean 'calls'"):
            BehaviourTable.from_dict(SECTION | {"wording": {"call": {"en": "Calls"}}})
        with pytest.raises(StudyError, match="named 2 times"):
            BehaviourTable.from_dict(SECTION | {"features": ["calls", "calls"]})
        with pytest.raises(StudyError, match="at least one column"):
            BehaviourTable.from_dict(SECTION | {"features": []})
        with pytest.raises(StudyError, match="colour"):
            BehaviourTable.from_dict(SECTION | {"colour": "red"})
