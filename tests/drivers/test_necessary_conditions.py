"""Necessary conditions in points, and beside importance and performance: a planted ceiling is found where it was planted."""

import numpy as np
import pandas as pd
import pytest

import csi
from csi.drivers.necessity import combined_priority_map, necessary_conditions
from csi.errors import EstimationError, ModelError

MODEL = csi.Model.parse("""
    Image <~ i
    Quality <~ q
    Value <~ v
    Satisfaction <~ s
    Quality ~ Image
    Satisfaction ~ Quality + Value
""")


@pytest.fixture(scope="module")
def frame():
    """Satisfaction never exceeds 20 + 0.8 quality; value only adds on average. All in points."""
    rng = np.random.default_rng(1)
    image, value, luck = rng.uniform(0, 100, size=(3, 800))
    quality = np.clip(0.5 * image + rng.uniform(0, 50, size=800), 0, 100)
    s = np.minimum(20 + 0.8 * quality, 0.4 * quality + 0.3 * value + 0.6 * luck)
    return pd.DataFrame({"i": image, "q": quality, "v": value, "s": np.clip(s, 0, 100)})


@pytest.fixture(scope="module")
def fit(frame):
    return csi.fit(MODEL, frame, scale=(0, 100))


@pytest.fixture(scope="module")
def found(fit):
    return necessary_conditions(fit, ceiling="CR-FDH", permutations=300)


def test_the_planted_condition_is_found_and_no_other(found):
    necessary = found.rows.set_index("term")["necessary"]
    assert list(necessary.index) == ["Image", "Quality", "Value"]
    assert necessary["Quality"]
    assert not necessary["Value"]
    assert "necessary: " in str(found)
    assert "Value" not in found.headline()[0]


@pytest.mark.parametrize("ceiling", ["CE-FDH", "CR-FDH"])
def test_what_each_level_takes_is_what_was_planted(fit, ceiling):
    """A level L takes (L - 20)/0.8 points of quality; a sample of 800 cannot fill the corner to its edge."""
    needs = necessary_conditions(fit, ceiling=ceiling, permutations=1).bottlenecks["Quality"]
    for level in (50, 60, 70, 80):
        planted = (level - 20) / 0.8
        assert planted - 3 < needs[level] < planted + 9


def test_the_share_that_lacks_it_is_counted(found, frame):
    needs, lacking = found.bottlenecks["Quality"], found.lacking["Quality"]
    for level in (60.0, 80.0):
        assert lacking[level] == pytest.approx((frame["q"] < needs[level]).mean())
    assert (lacking.diff().dropna() >= 0).all()
    assert found.lacking["Value"].loc[:50].sum() == pytest.approx(0, abs=0.02)


def test_what_is_not_needed_is_lacked_by_nobody(found):
    assert ((found.lacking == 0) | found.bottlenecks.notna()).all(axis=None)


def test_survey_weights_count_in_the_share_alone(frame, found):
    weights = np.where(frame["q"] < 50, 3.0, 1.0)
    weighted = necessary_conditions(
        csi.fit(MODEL, frame.assign(w=weights), weight="w", scale=(0, 100)), ceiling="CR-FDH", permutations=300
    )
    pd.testing.assert_frame_equal(weighted.rows, found.rows)
    least = weighted.at(60).set_index("term").loc["Quality"]
    assert least["lacking"] == pytest.approx(np.average(frame["q"] < least["needed"], weights=weights))


def test_the_scale_of_the_items_is_nothing(frame, found):
    tens = csi.fit(MODEL, 1 + 9 * frame / 100, scale=(1, 10))
    other = necessary_conditions(tens, ceiling="CR-FDH", permutations=300)
    assert np.allclose(other.rows["estimate"], found.rows["estimate"], atol=1e-9)
    assert np.allclose(other.bottlenecks, found.bottlenecks, atol=1e-6, equal_nan=True)


def test_the_whole_scale_as_scope_adds_to_the_empty_zone(fit):
    observed = necessary_conditions(fit, permutations=1).rows.set_index("term")["zone"]
    whole = necessary_conditions(fit, permutations=1, scope="scale").rows.set_index("term")["zone"]
    assert (whole >= observed).all()


def test_accuracy_is_the_share_of_cases_on_or_below_the_ceiling(fit, found, frame):
    assert (necessary_conditions(fit, permutations=1).rows["accuracy"] == 1).all()
    ordered = frame.sort_values(["i", "s"], ascending=[True, False])
    peers = ordered[ordered["s"] > ordered["s"].cummax().shift(fill_value=-1)]
    slope, intercept = np.polyfit(peers["i"], peers["s"], 1)
    expected = (frame["s"] <= intercept + slope * frame["i"]).mean()
    assert found.rows.set_index("term").at["Image", "accuracy"] == pytest.approx(expected)


def test_rows_without_scores_are_left_out(frame):
    gappy = frame.copy()
    gappy.loc[:9, "q"] = np.nan
    found = necessary_conditions(csi.fit(MODEL, gappy, scale=(0, 100), missing="listwise"), permutations=1)
    assert (found.rows["n"] == len(frame) - 10).all()


def test_the_same_seed_gives_the_same_numbers(fit, found):
    again = necessary_conditions(fit, ceiling="CR-FDH", permutations=300)
    pd.testing.assert_frame_equal(again.rows, found.rows)


def test_the_combined_map_has_all_three(fit, found):
    priority = csi.importance_performance(fit)
    combined = combined_priority_map(priority, found, target_level=70)
    pd.testing.assert_frame_equal(combined.rows[list(priority.rows.columns)], priority.rows)
    rows = combined.rows[combined.rows["kind"] == "construct"].set_index("term")
    known = found.at(70).set_index("term")
    assert rows["needed"].to_dict() == pytest.approx(known["needed"].to_dict(), nan_ok=True)
    assert rows.at["Quality", "necessary"] == True  # noqa: E712 - the column holds None for items
    assert combined.rows.loc[combined.rows["kind"] == "item", ["necessary", "needed", "lacking"]].isna().all(axis=None)
    assert "for 70 points of Satisfaction" in str(combined)
    assert f"{rows.at['Quality', 'lacking']:.0%} lack" in str(combined)


def test_interactions_and_observed_columns_are_no_conditions(frame):
    text = "Quality <~ q; Value <~ v; age <~ i #! kind = observed\n Satisfaction <~ s; Satisfaction ~ Quality + Value + age"
    model = csi.Model.parse(text)
    found = necessary_conditions(csi.fit(model, frame, scale=(0, 100)), permutations=1)
    assert list(found.rows["term"]) == ["Quality", "Value"]
    with pytest.raises(ModelError, match="'age' has no score in points"):
        necessary_conditions(csi.fit(model, frame, scale=(0, 100)), conditions=["age"])
    moderated = csi.Model.parse(
        "Quality <~ q; Value <~ v; Satisfaction <~ s; Satisfaction ~ Quality + Value + Quality:Value"
    )
    found = necessary_conditions(csi.fit(moderated, frame, scale=(0, 100)), permutations=1)
    assert list(found.rows["term"]) == ["Quality", "Value"]


def test_impossible_requests(fit, found, frame):
    with pytest.raises(EstimationError, match="no case reaches 101 points of 'Satisfaction'"):
        found.at(101)
    with pytest.raises(EstimationError, match="ceiling must be one of 'CE-FDH', 'CR-FDH', not 'OLS'"):
        necessary_conditions(fit, ceiling="OLS")
    with pytest.raises(EstimationError, match="permutations must be 1 or more"):
        necessary_conditions(fit, permutations=0)
    with pytest.raises(ModelError, match="nothing leads to 'Image'"):
        necessary_conditions(fit, "Image")
    with pytest.raises(ModelError, match="other than the target"):
        necessary_conditions(fit, conditions=["Satisfaction"])
    with pytest.raises(ModelError, match="the model has no construct 'Price'"):
        necessary_conditions(fit, conditions=["Price"])
    with pytest.raises(EstimationError, match="scale ends"):
        necessary_conditions(csi.fit(MODEL, frame))
    with pytest.raises(EstimationError, match="make both for one target"):
        combined_priority_map(csi.importance_performance(fit, target="Quality"), found, target_level=50)
