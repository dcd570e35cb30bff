"""What a quarter makes of behaviour: earlier waves teach, nothing from after the answers counts, and each noun is there."""

import json
import shutil
import warnings

import pandas as pd
import pytest

import csi
from csi.errors import CsiWarning, LinkError, StudyError
from csi.quarter_behaviour import behaviour_of


def run(path, wave=None, data=None):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CsiWarning)
        return csi.run_quarter(csi.read_study(path, data_dir=data), wave)


@pytest.fixture
def copy(small_study, tmp_path):
    """A copy of the study whose files may be changed."""
    shutil.copytree(small_study.parent, tmp_path / "study")
    return tmp_path / "study" / "study.toml"


@pytest.fixture
def without_risk(copy):
    """The same without what takes long to learn."""
    text = copy.read_text("utf-8")
    copy.write_text(text[: text.index("[risk]")] + text[text.index("[worth]") :], "utf-8")
    return copy


class TestWhatIsKnownBeforeTheAnswer:
    def test_complaints_made_later_are_thrown_away_and_change_nothing(self, small_quarter):
        found = small_quarter.leakage
        assert found.removed > 0
        assert (found.rows["proof"] == "events").sum() == 5
        assert (found.rows.loc[found.rows["proof"] == "events", "estimate"] == 0).all()
        assert set(found.rows["verdict"]) == {"pass"}

    def test_a_feature_that_foretells_the_answer_is_named(self, copy, small_study):
        """As if somebody had written into the snapshot who complained in the end."""
        answers = pd.read_csv(copy.parent / "data" / "answers_2025Q4.csv", dtype=str)
        low = answers[[f"SATI{i}" for i in range(1, 5)]].apply(pd.to_numeric, errors="coerce").mean(axis=1) < 6.4
        path = copy.parent / "data" / "customers_2025Q4.parquet"
        base = pd.read_parquet(path)
        base["data_gb"] = base["customer_id"].isin(answers.loc[low, "customer_id"]).astype(float)
        base.to_parquet(path)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            quarter = csi.run_quarter(csi.read_study(copy), "2025Q4")
        assert any("'data_gb': foretells the answer all but perfectly" in str(w.message) for w in said)
        assert quarter.leakage.rows.set_index("term").at["data_gb", "verdict"] == "warn"


class TestEarlierWaves:
    def test_teach_and_the_model_is_judged_on_those_that_came_after(self, small_quarter):
        assert small_quarter.risk.waves == 4
        assert sorted(set(small_quarter.risk.judged["wave"])) == [1, 2, 3]

    def test_whose_behaviour_was_not_kept_are_left_out(self, copy):
        for name in ("customers_2025Q4", "events_2026Q1"):
            (copy.parent / "data" / f"{name}.parquet").unlink()
        text = copy.read_text("utf-8")
        begin, end = text.index("[margins]"), text.index("[model]")
        copy.write_text(text[:begin] + text[end:], "utf-8")
        assert run(copy, "2026Q2").risk.waves == 1

    def test_customers_who_had_been_cared_for_are_left_out(self, copy):
        copy.write_text(copy.read_text("utf-8").replace("[care]", '[care]\ntreated = "treated_{wave}.csv"'), "utf-8")
        data = copy.parent / "data"
        asked = pd.read_csv(data / "answers_2025Q4.csv")["customer_id"]
        cared = pd.DataFrame({"key": asked[:30], "group": ["care"] * 20 + ["hold-out"] * 10})
        cared.to_csv(data / "treated_2025Q4.csv", index=False)
        risk = run(copy, "2025Q4").risk
        assert risk.treated_left_out == 20
        assert not set(risk.frame["key"]) & set(asked[:20])

    def test_of_whom_nearly_all_were_cared_for_are_left_out_and_stop_nothing(self, copy):
        copy.write_text(copy.read_text("utf-8").replace("[care]", '[care]\ntreated = "treated_{wave}.csv"'), "utf-8")
        data = copy.parent / "data"
        asked = pd.read_csv(data / "answers_2025Q4.csv")["customer_id"]
        pd.DataFrame({"key": asked[10:]}).to_csv(data / "treated_2025Q4.csv", index=False)
        quarter = run(copy, "2026Q1")
        assert quarter.risk.waves == 1
        assert quarter.care is not None

    def test_a_file_that_the_wave_itself_needs_is_asked_for(self, copy):
        (copy.parent / "data" / "events_2025Q4.parquet").unlink()
        with pytest.raises(StudyError, match=r"\[\[features\]\] needs 'events_2025Q4.parquet' for wave '2025Q4'"):
            run(copy, "2025Q4")


class TestShareOfTheBase:
    def test_is_estimated_with_and_without_weights(self, small_quarter):
        rows = small_quarter.base.table().set_index("term")
        assert list(rows.index) == ["unweighted", "weighted", "model_assisted"]
        assert rows.at["weighted", "estimate"] > rows.at["unweighted", "estimate"]  # the dissatisfied answer less


class TestWorth:
    def test_is_taken_from_the_waves_that_were_followed(self, small_quarter):
        data = small_quarter.study.data_dir
        answered = [len(pd.read_csv(data / f"answers_{wave}.csv")) for wave in ("2025Q4", "2026Q1", "2026Q2")]
        assert small_quarter.worth.customers == pytest.approx(sum(answered), abs=10)

    def test_recovers_the_price_that_the_simulation_set(self, small_quarter):
        truth = json.loads((small_quarter.study.path.parent / "truth.json").read_text("utf-8"))["later"]
        row = small_quarter.worth.rows.set_index("term").loc["spend_period"]
        assert row["corrected"] == pytest.approx(truth["spend_of_a_quarter_per_point"], abs=3 * row["std_error"])

    def test_waits_until_something_came_after(self, without_risk):
        for path in (without_risk.parent / "data").glob("later_*"):
            path.unlink()
        quarter = run(without_risk, "2026Q1")
        assert quarter.worth is None
        assert quarter.absent["worth"] == "absent.no_later_behaviour"

    def test_a_fault_of_its_table_names_the_section(self, without_risk):
        path = without_risk.parent / "data" / "later_2025Q4.parquet"
        pd.read_parquet(path).assign(left="no").to_parquet(path)
        with pytest.raises(LinkError, match=r"study.toml, \[worth\]: later behaviour: 'no' in column 'left'"):
            run(without_risk, "2026Q1")

    @pytest.mark.filterwarnings("ignore:.*cells refused")  # those that the study plants
    def test_that_cannot_be_estimated_is_said_and_stops_nothing(self, without_risk):
        path = without_risk.parent / "data" / "later_2025Q4.parquet"
        pd.read_parquet(path).assign(left=0).to_parquet(path)
        with pytest.warns(CsiWarning, match="churn is 0 in every row"):
            quarter = csi.run_quarter(csi.read_study(without_risk), "2026Q1")
        assert quarter.absent["worth"] == "absent.worth_refused"
        assert quarter.alerts is not None


class TestWarnings:
    def test_only_customers_who_may_be_contacted_are_listed(self, small_quarter):
        found = small_quarter.warned
        assert found.contact + found.protected == sum(small_quarter.alerts.counts.values())
        assert found.contact > found.protected > 0

    def test_a_fault_of_a_rule_names_the_section(self, without_risk):
        text = without_risk.read_text("utf-8")
        without_risk.write_text(text.replace('column = "hotline_calls_30d"', 'column = "calls"'), "utf-8")
        with pytest.raises(LinkError, match=r"study.toml, \[\[alerts\]\]: .*no column 'calls'"):
            run(without_risk, "2025Q4")

    def test_nothing_is_listed_where_nobody_says_who_may_be_contacted(self, copy):
        text = copy.read_text("utf-8")
        begin, end = text.index("[behaviour]"), text.index("[[alerts]]")
        copy.write_text(text[:begin] + text[end : text.index("[risk]")], "utf-8")
        quarter = run(copy, "2025Q4")
        assert quarter.alerts is not None
        assert quarter.warned is None


def test_a_risk_needs_a_key(small_quarter, small_study, tmp_path):
    path = tmp_path / "study.toml"
    text = small_study.read_text("utf-8")
    path.write_text(text.replace('key = "customer_id"\ndate', "date", 1), "utf-8")
    study, absent = csi.read_study(path, data_dir=small_study.parent / "data"), {}
    found = behaviour_of(study, [small_quarter.boot], None, absent, lambda step: None)
    assert absent == {"care": "absent.no_key"}
    assert found.linked is None
    assert found.alerts is not None
