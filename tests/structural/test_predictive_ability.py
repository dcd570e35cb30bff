"""cvpat: the paired t test of case losses, nothing where there is no difference, and a model that leaves out a cause is worse."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import csi
from csi.errors import EstimationError
from csi.structural.prediction import predict
from csi.structural.predictive_ability import cvpat

FULL = "Quality <~ q1 + q2; Value <~ v1 + v2; Satisfaction <~ s1 + s2; Value ~ Quality; Satisfaction ~ Quality + Value"
POOR = "Quality <~ q1 + q2; Value <~ v1 + v2; Satisfaction <~ s1 + s2; Value ~ Quality; Satisfaction ~ Quality"


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(7)
    quality = rng.normal(size=(300, 1))
    value = 0.5 * quality + rng.normal(size=(300, 1))
    satisfaction = 0.3 * quality + 0.8 * value + rng.normal(size=(300, 1))
    X = np.hstack([np.repeat(each, 2, axis=1) for each in (quality, value, satisfaction)])
    columns = ["q1", "q2", "v1", "v2", "s1", "s2"]
    return pd.DataFrame(X + 0.5 * rng.normal(size=X.shape), columns=columns).assign(w=rng.uniform(0.5, 2, 300))


@pytest.fixture(scope="module")
def full(frame):
    return predict(csi.fit(csi.Model.parse(FULL), frame), repetitions=2)


def rows(ability):
    return ability.table().set_index(["term", "against"])


def test_the_test_is_the_paired_t_test_of_case_losses(full):
    table = rows(cvpat(full))
    for against, method in (
        ("the training means", "mean"),
        ("a linear model on the items of direct antecedents", "lm_direct"),
    ):
        for term, items in (("Value", ["v1", "v2"]), ("Satisfaction", ["s1", "s2"]), ("overall", list(full.items))):
            ours, theirs = full.losses()[items].mean(axis=1), full.losses(method)[items].mean(axis=1)
            test, row = stats.ttest_rel(ours, theirs), table.loc[(term, against)]
            assert row["estimate"] == pytest.approx((ours - theirs).mean())
            assert (row["loss"], row["loss_against"]) == pytest.approx((ours.mean(), theirs.mean()))
            assert (row["t"], row["p_value"]) == pytest.approx((test.statistic, test.pvalue))
            interval = test.confidence_interval(0.95)
            assert (row["ci_low"], row["ci_high"]) == pytest.approx((interval.low, interval.high))


def test_the_bootstrap_agrees_with_the_t_test(full):
    table = cvpat(full, draws=4000).table()
    assert np.abs(table["bootstrap_low"] - table["ci_low"]).max() < 0.4 * table["std_error"].max()
    strong = table["p_value"] < 1e-4
    assert strong.any()
    assert (table["p_bootstrap"][strong] < 0.002).all()
    assert cvpat(full, seed=5).table().equals(cvpat(full, seed=5).table())
    assert not cvpat(full, seed=5).table().equals(cvpat(full, seed=6).table())


def test_two_single_items_are_their_own_linear_model():
    rng = np.random.default_rng(1)
    q = rng.normal(size=80)
    data = pd.DataFrame({"q": q, "s": q + rng.normal(size=80)})
    fit = csi.fit(csi.Model.parse("Quality <~ q; Satisfaction <~ s; Satisfaction ~ Quality"), data)
    table = rows(cvpat(predict(fit, technique="earliest"))).xs(
        "a linear model on the items of exogenous constructs", level="against"
    )
    assert (table["estimate"] == 0).all()
    assert (table[["p_value", "p_bootstrap"]] == 1).all(axis=None)


def test_a_model_that_leaves_out_a_cause_predicts_worse(frame, full):
    poor = predict(csi.fit(csi.Model.parse(POOR), frame), assignment=full.assignment)
    better, worse = rows(cvpat(full, poor)), rows(cvpat(poor, full))
    assert better.loc[("Satisfaction", "the other model"), "ci_high"] < 0
    assert better.loc[("Value", "the other model"), "p_value"] > 0.05
    assert better["estimate"].to_numpy() == pytest.approx(-worse["estimate"].to_numpy())
    assert better["p_value"].to_numpy() == pytest.approx(worse["p_value"].to_numpy())
    assert "overall better than the other model" in str(cvpat(full, poor))


def test_a_model_against_itself_makes_no_difference(full):
    table = cvpat(full, full).table()
    assert (table["estimate"] == 0).all()
    assert (table["p_value"] == 1).all()


def test_only_items_that_both_predict_are_compared(frame, full):
    short = csi.fit(csi.Model.parse("Quality <~ q1 + q2; Satisfaction <~ s1; Satisfaction ~ Quality"), frame)
    table = rows(cvpat(full, predict(short, assignment=full.assignment)))
    assert table.index.get_level_values("term").tolist() == ["Satisfaction", "overall"]
    assert table["loss"].tolist() == pytest.approx([full.losses()["s1"].mean()] * 2)


def test_a_case_counts_where_it_answered_an_item(frame):
    gappy = frame.copy()
    gappy.loc[:9, ["s1", "s2"]] = np.nan
    gappy.loc[:4, ["v1", "v2"]] = np.nan
    table = rows(cvpat(predict(csi.fit(csi.Model.parse(FULL), gappy), repetitions=1)))
    n = table.xs("the training means", level="against")["n"]
    assert n.to_dict() == {"Value": 295, "Satisfaction": 290, "overall": 295}


def test_survey_weights_weigh_the_losses(frame):
    weighted = predict(csi.fit(csi.Model.parse(FULL), frame, weight="w"), repetitions=1)
    row = rows(cvpat(weighted)).loc[("overall", "the training means")]
    D = weighted.losses().mean(axis=1) - weighted.losses("mean").mean(axis=1)
    assert row["estimate"] == pytest.approx(np.average(D, weights=frame["w"]))
    assert row["std_error"] != pytest.approx(D.std() / np.sqrt(300), rel=1e-3)


def test_a_fit_is_predicted_with_the_defaults(full):
    small = csi.fit(full.fit.model, pd.DataFrame(full.fit.cases.X, columns=list(full.fit.model.items)))
    assert cvpat(small).table().equals(cvpat(predict(small)).table())


class TestWhatCannotBeCompared:
    def test_other_folds(self, full):
        with pytest.raises(EstimationError, match="with assignment=prediction"):
            cvpat(full, predict(full.fit, repetitions=2, seed=9))

    def test_other_answers(self, frame, full):
        other = csi.fit(csi.Model.parse(POOR), frame.assign(s1=frame["s1"] + 1))
        with pytest.raises(EstimationError, match="item 's1' has other answers"):
            cvpat(full, predict(other, assignment=full.assignment))

    def test_other_weights(self, frame, full):
        other = csi.fit(csi.Model.parse(POOR), frame, weight="w")
        with pytest.raises(EstimationError, match="weigh the cases differently"):
            cvpat(full, predict(other, assignment=full.assignment))

    def test_no_item_in_common(self, frame, full):
        other = csi.fit(csi.Model.parse("Satisfaction <~ s1 + s2; Quality <~ q1; Quality ~ Satisfaction"), frame)
        with pytest.raises(EstimationError, match="no item in common: v1, v2, s1, s2 and q1"):
            cvpat(full, predict(other, assignment=full.assignment))

    def test_an_unknown_benchmark(self, full):
        with pytest.raises(EstimationError, match="one of 'earliest', 'lm_direct'"):
            cvpat(full, benchmark="lm")

    def test_a_linear_model_that_cannot_be_estimated(self, frame):
        few = predict(csi.fit(csi.Model.parse(FULL), frame.head(7)), folds=3, repetitions=1)
        with pytest.raises(EstimationError, match="all other constructs cannot be estimated"):
            cvpat(few, benchmark="lm_other")

    def test_a_level_beyond_one(self, full):
        with pytest.raises(EstimationError, match="0 < level < 1"):
            cvpat(full, level=95)
