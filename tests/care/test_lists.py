"""A care list protects first, ranks by risk, holds some out at random and shows no customer by name."""

import csv
import stat

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from csi.behaviour.linkage import link
from csi.behaviour.risk import dissatisfaction_risk
from csi.care.lists import CARE, HOLD_OUT, CareList, CareRule, care_list, read_treated
from csi.care.spreadsheet import neutral
from csi.errors import CareError, CsiWarning, LinkError
from csi.survey.codebook import Codebook, Wording
from csi.survey.reading import survey_from_frame

NO = "not recorded"
BOOK = Codebook.from_dict({"scale": {"low": 1, "high": 10}, "items": [{"name": "q"}], "key": "id"})


def base_of(n=1500, seed=1):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "id": [f"C{i:06d}" for i in rng.permutation(n)],
            "faults": rng.poisson(2, n),
            "phone": rng.choice(["north", "south", "west"], n, p=[0.5, 0.3, 0.2]),
            "dnd": rng.choice(["yes", "no", "perhaps"], n, p=[0.1, 0.85, 0.05]),
            "consent": rng.choice([1.0, 0.0, np.nan], n, p=[0.8, 0.1, 0.1]),
        }
    )


def risk_of(base, y, asked=700):
    survey = survey_from_frame(pd.DataFrame({"id": base["id"][:asked], "q": 5}), BOOK)
    linked = link(
        survey, ibis.memtable(pa.Table.from_pandas(base, preserve_index=False)), key="id", features=["faults", "phone"]
    )
    return dissatisfaction_risk(linked, y[:asked], folds=3)


def outcome_of(base):
    score = (0.7 * base["faults"] + (base["phone"] == "west") - 3).to_numpy()
    return (np.random.default_rng(2).random(len(base)) < expit(score)).astype(float)


@pytest.fixture(scope="module")
def base():
    return base_of()


@pytest.fixture(scope="module")
def risk(base):
    return risk_of(base, outcome_of(base))


@pytest.fixture(scope="module")
def chosen(risk):
    return care_list(risk, capacity=90, do_not_disturb="dnd", consent="consent")


class TestProtection:
    def test_only_those_who_may_be_contacted(self, base, chosen):
        flags = base.set_index("id").loc[chosen.table()["key"]]
        assert (flags["dnd"] == "no").all()
        assert (flags["consent"] == 1).all()

    def test_every_customer_is_accounted_for(self, base, chosen):
        assert chosen.excluded_do_not_disturb == (base["dnd"] != "no").sum()
        assert chosen.excluded_consent == ((base["dnd"] == "no") & (base["consent"] != 1)).sum()
        assert chosen.base == chosen.eligible + chosen.excluded_do_not_disturb + chosen.excluded_consent

    def test_unreadable_flags_are_counted(self, base, chosen):
        counts = {note.code: note.count for note in chosen.notes}
        assert counts["care.do_not_disturb_unreadable"] == (base["dnd"] == "perhaps").sum()
        assert counts["care.consent_unreadable"] == base["consent"].isna().sum()

    def test_not_recorded_is_said(self, risk, base):
        listed = care_list(risk, capacity=50, do_not_disturb=NO, consent=NO)
        assert listed.eligible == len(base)
        assert "Do-not-disturb is not recorded: nobody is excluded by it." in str(listed)
        assert "Consent is not recorded: nobody is excluded by it." in str(listed)
        assert listed.notes[0].text("zh").startswith("未记录免打扰")

    @pytest.mark.parametrize("name", ["do_not_disturb", "consent"])
    def test_silence_is_not_consent(self, risk, name):
        with pytest.raises(CareError, match=f"{name} is not named.*or write {name}='not recorded'"):
            care_list(risk, **{"capacity": 50, "do_not_disturb": NO, "consent": NO, name: None})

    def test_a_column_that_is_not_there(self, risk):
        with pytest.raises(LinkError, match="no column 'agree', which is named as a flag"):
            care_list(risk, capacity=50, do_not_disturb=NO, consent="agree")

    def test_nobody_may_be_contacted(self, risk):
        with pytest.raises(CareError, match="none of the 1,500 customers may be contacted"):
            care_list(risk, capacity=50, do_not_disturb="phone", consent=NO)


class TestSizes:
    def test_capacity_is_filled_after_the_hold_out(self, chosen):
        assert (chosen.treated, chosen.held_out) == (90, 10)

    @settings(max_examples=10, deadline=None)
    @given(capacity=st.integers(1, 3000), holdout=st.floats(0, 0.5), seed=st.integers(0, 99))
    def test_never_more_than_the_capacity(self, risk, capacity, holdout, seed):
        listed = care_list(risk, capacity=capacity, do_not_disturb="dnd", consent=NO, holdout=holdout, seed=seed)
        assert 0 < listed.treated <= capacity
        assert listed.treated + listed.held_out <= listed.eligible
        assert listed.treated == capacity or listed.treated + listed.held_out == listed.eligible
        assert (listed.held_out > 0) == (holdout > 0 and listed.treated + listed.held_out > 1)

    def test_more_capacity_than_customers(self, risk):
        listed = care_list(risk, capacity=5000, do_not_disturb="dnd", consent="consent")
        assert listed.treated + listed.held_out == listed.eligible
        assert f"above the {listed.eligible:,} eligible" in str(listed)

    def test_no_hold_out(self, risk):
        listed = care_list(risk, capacity=50, do_not_disturb=NO, consent=NO, holdout=0)
        assert (listed.treated, listed.held_out) == (50, 0)
        assert "cannot be measured" in str(listed)

    @pytest.mark.parametrize(("rule", "match"), [({"capacity": 0}, "at least one"), ({"holdout": 0.6}, "0 and 0.5")])
    def test_rules_that_cannot_be(self, risk, rule, match):
        with pytest.raises(CareError, match=match):
            care_list(risk, **{"capacity": 10, "do_not_disturb": NO, "consent": NO} | rule)
        with pytest.raises(ValueError, match="Input should be"):
            CareRule(**{"capacity": 10} | rule)


class TestOrder:
    def test_the_riskiest_first(self, risk, chosen):
        table = chosen.table()
        assert table["rank"].tolist() == list(range(1, 101))
        assert table["probability"].is_monotonic_decreasing
        assert chosen.expected_dissatisfied > 1.3 * chosen.expected_random
        care = table["group"] == CARE
        assert chosen.expected_dissatisfied == pytest.approx(table.loc[care, "probability"].sum())

    @settings(max_examples=5, deadline=None)
    @given(seed=st.integers(0, 1000))
    def test_of_the_base_changes_nothing(self, base, chosen, seed):
        y = pd.Series(outcome_of(base), base["id"])
        head = base[:700].sample(frac=1, random_state=seed)  # the same customers answered
        shuffled = pd.concat([head, base[700:].sample(frac=1, random_state=seed)], ignore_index=True)
        again = care_list(
            risk_of(shuffled, y[shuffled["id"]].to_numpy()), capacity=90, do_not_disturb="dnd", consent="consent"
        )
        pd.testing.assert_frame_equal(again.table(), chosen.table(), check_exact=True)

    def test_of_ties_is_drawn_by_the_seed(self, risk):
        lists = [care_list(risk, capacity=30, do_not_disturb=NO, consent=NO, seed=s).table() for s in (1, 1, 2)]
        pd.testing.assert_frame_equal(lists[0], lists[1])
        assert lists[0]["key"].tolist() != lists[2]["key"].tolist()

    def test_the_hold_out_does_not_depend_on_the_risk(self, risk):
        listed = care_list(risk, capacity=600, do_not_disturb=NO, consent=NO, holdout=0.5)
        ranks = listed.table().groupby("group")["rank"].mean()
        assert ranks[HOLD_OUT] == pytest.approx(ranks[CARE], abs=100)

    def test_whole_number_keys(self):
        base = base_of(600).assign(id=range(600))
        listed = care_list(risk_of(base, outcome_of(base), 600), capacity=20, do_not_disturb="dnd", consent=NO)
        assert set(listed.table()["key"]) <= {str(i) for i in range(600)}


class TestReasons:
    def test_name_the_feature_that_sets_the_customer_apart(self, base, chosen):
        table = chosen.table()
        own = base.set_index("id").loc[table["key"], "faults"].to_numpy()
        faults = (table["reason_feature"] == "faults").to_numpy()
        assert faults.mean() > 0.5
        assert (own[faults] == table.loc[faults, "reason_value"]).all()
        assert (table.loc[faults, "typical_value"] == base["faults"].median()).all()
        assert (table["reason_points"].dropna() > 0).all()

    def test_are_said_without_because(self, chosen):
        wording = {"faults": Wording(en="Network faults", zh="网络故障次数")}
        first = next(i for i, f in enumerate(chosen.table()["reason_feature"]) if f == "faults")
        english, chinese = chosen.reasons("en", wording)[first], chosen.reasons("zh", wording)[first]
        assert english.startswith("Network faults: ")
        assert "goes with a risk" in english
        assert "because" not in english
        assert chinese.startswith("网络故障次数为")
        assert "因为" not in chinese

    def test_of_a_customer_like_any_other(self, risk):
        listed = care_list(risk, capacity=5000, do_not_disturb=NO, consent=NO)
        plain = listed.table()["reason_feature"].isna().to_numpy()
        assert plain.any()
        assert {s for s, p in zip(listed.reasons(), plain, strict=True) if p} == {
            "No single feature sets this customer apart."
        }


def test_a_model_no_better_than_chance_gives_a_warning(base):
    noise = (np.random.default_rng(3).random(len(base)) < 0.3).astype(float)
    risk = risk_of(base, noise)
    assert risk.no_better_than_chance
    with pytest.warns(CsiWarning, match="no better than a random one"):
        listed = care_list(risk, capacity=50, do_not_disturb=NO, consent=NO)
    assert "no better than a random one" in str(listed)


def test_printing_shows_no_key(chosen):
    keys = chosen.table()["key"]
    for shown in (str(chosen), repr(chosen), chosen._repr_html_()):
        assert "probability" in shown
        assert not any(key in shown for key in keys)


class TestTheFile:
    def test_holds_the_list_for_its_owner_alone(self, chosen, tmp_path):
        path = tmp_path / "care.csv"
        path.write_text("old")
        path.chmod(0o644)
        chosen.write_csv(path)
        assert path.read_bytes().startswith(b"\xef\xbb\xbfrank,key,")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert pd.read_csv(path, encoding="utf-8-sig")["key"].tolist() == chosen.table()["key"].tolist()
        assert [file.name for file in tmp_path.iterdir()] == ["care.csv"]

    @given(st.text(min_size=1))
    def test_holds_no_formula(self, text):
        assert str(neutral(text))[0] not in "=+-@\t\r"

    def test_neutralises_keys(self, chosen, tmp_path):
        table = chosen.table().assign(key="=HYPERLINK(1)")
        fields = {f: getattr(chosen, f) for f in CareList.__dataclass_fields__}
        CareList(**fields | {"customers": table}).write_csv(tmp_path / "care.csv")
        with (tmp_path / "care.csv").open(encoding="utf-8-sig", newline="") as file:
            assert {row["key"] for row in csv.DictReader(file)} == {"'=HYPERLINK(1)"}


def test_a_list_is_not_changed_through_its_table(chosen):
    table = chosen.table()
    table["rank"] = 0
    assert chosen.customers["rank"].iloc[0] == 1


class TestThoseWhoWereCaredFor:
    def test_are_read_from_the_list_that_was_written(self, risk, tmp_path):
        found = care_list(risk, capacity=40, do_not_disturb=NO, consent=NO)
        found.write_csv(tmp_path / "care_list.csv")
        wanted = found.customers.loc[found.customers["group"] == CARE, "key"]
        assert read_treated(tmp_path / "care_list.csv") == tuple(wanted)

    def test_or_from_any_table_with_keys_whose_zeros_and_signs_count(self, tmp_path):
        (tmp_path / "t.csv").write_text("key\n007\n'=A1\n", "utf-8")
        assert read_treated(tmp_path / "t.csv") == ("007", "=A1")
        (tmp_path / "t.csv").write_text("customer\n007\n", "utf-8")
        with pytest.raises(CareError, match="no column 'key'"):
            read_treated(tmp_path / "t.csv")


def test_a_written_list_says_the_reasons_in_both_languages(risk, tmp_path):
    found = care_list(risk, capacity=40, do_not_disturb=NO, consent=NO)
    found.write_csv(tmp_path / "care_list.csv", {"faults": Wording(en="Network faults", zh="网络故障")})
    rows = pd.read_csv(tmp_path / "care_list.csv")
    assert rows["en"].str.contains("Network faults").any()
    assert rows["zh"].str.contains("网络故障").any()
    assert (rows["probability"].round(4) == rows["probability"]).all()
