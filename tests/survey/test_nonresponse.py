"""Nonresponse: respondents stand for those like them who were asked and did not answer."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import csi
from csi.errors import SurveyError
from csi.kernel.resample import rao_wu_counts
from csi.survey.nonresponse import nonresponse_weights

COVARIATES = ["age", "region"]


def asked(seed=0, n=4000):
    """Older customers and those of the north answer more often, and are more content."""
    rng = np.random.default_rng(seed)
    age, region = rng.normal(50, 10, n), rng.choice(["north", "south"], n)
    chance = 1 / (1 + np.exp(-(0.06 * (age - 50) + (region == "north") - 1)))
    content = 70 + 0.5 * (age - 50) + 5 * (region == "north") + rng.normal(scale=5, size=n)
    frame = pd.DataFrame({"id": [f"c{k}" for k in range(n)], "age": age, "region": region, "content": content})
    return frame.assign(answered=rng.random(n) < chance)


@pytest.fixture(scope="module")
def sample():
    return asked()


@pytest.fixture(scope="module")
def respondents(sample):
    return sample[sample["answered"]].sample(frac=1, random_state=0)


@pytest.mark.parametrize(("adjustment", "classes"), [("classes", 10), ("inverse", 5)])
class TestTheMeanOfEverybodyAsked:
    def test_is_recovered(self, sample, respondents, adjustment, classes):
        found = nonresponse_weights(respondents, sample, COVARIATES, key="id", adjustment=adjustment, classes=classes)
        truth, plain = sample["content"].mean(), respondents["content"].mean()
        weighted = np.average(respondents["content"], weights=found.weights)
        assert abs(plain - truth) > 2
        assert abs(weighted - truth) < 0.5
        assert found.weights.mean() == pytest.approx(1)
        assert found.balance["before"].abs().max() > 0.3
        assert found.balance["estimate"].abs().max() < 0.1

    def test_weights_are_estimated_again_in_replicates(self, sample, respondents, adjustment, classes):
        found = nonresponse_weights(respondents, sample, COVARIATES, key="id", adjustment=adjustment, classes=classes)
        once = found.replicated(np.ones((1, len(sample))))[0]
        assert np.allclose(once / once.mean(), found.weights)
        W = np.concatenate(list(rao_wu_counts(len(sample), 60, seed=1)))
        again = found.replicated(W)
        content = respondents["content"].to_numpy()
        errors = [(w @ content / w.sum(axis=1)).std(ddof=1) for w in (again, W[:, found.place] * found.weights)]
        # Refitting knows that the mean of what the covariates tell is nearly certain once adjusted for; fixed weights do not.
        assert errors[0] < 0.9 * errors[1]


class TestAgainstOtherComputations:
    def test_propensities_are_those_of_scikit_learn(self, sample, respondents):
        found = nonresponse_weights(respondents, sample, COVARIATES, key="id", adjustment="inverse")
        X = np.column_stack([sample["age"] / 10, sample["region"] == "north"]).astype(float)
        model = LogisticRegression(C=np.inf, tol=1e-12, max_iter=5000).fit(X, sample["answered"])
        assert np.allclose(found.propensity, model.predict_proba(X)[:, 1], atol=1e-5)
        weights = 1 / found.propensity[found.place]
        assert np.allclose(found.weights, weights / weights.mean())

    def test_with_one_class_column_it_is_the_response_rate_of_each_class(self, sample, respondents):
        found = nonresponse_weights(respondents, sample, ["region"], key="id")
        rate = sample.groupby("region")["answered"].mean()
        wanted = 1 / respondents["region"].map(rate).to_numpy()
        assert np.allclose(found.weights, wanted / wanted.mean())

    def test_weights_of_the_design_stand_for_repeated_customers(self):
        sample = asked(3, n=300).assign(w=1.0 + (np.arange(300) % 2))
        twice = sample.loc[np.repeat(sample.index, sample["w"].astype(int))].reset_index(drop=True)
        twice["id"] = [f"t{k}" for k in range(len(twice))]
        one = nonresponse_weights(
            sample[sample["answered"]], sample, COVARIATES, key="id", weight="w", adjustment="inverse"
        )
        two = nonresponse_weights(twice[twice["answered"]], twice, COVARIATES, key="id", adjustment="inverse")
        means = [np.average(f["content"][f["answered"]], weights=r.weights) for f, r in ((sample, one), (twice, two))]
        assert means[0] == pytest.approx(means[1], abs=1e-5)


def test_limits_bound_the_adjustment(sample, respondents):
    free = nonresponse_weights(respondents, sample, COVARIATES, key="id", adjustment="inverse")
    bounded = nonresponse_weights(respondents, sample, COVARIATES, key="id", adjustment="inverse", limits=(0.5, 2))
    assert free.weights.max() > 2
    assert bounded.weights.max() == pytest.approx(2)
    assert bounded.weights.min() >= 0.5 - 1e-9


def test_the_headline_says_who_answered_and_what_it_costs(sample, respondents):
    text = str(nonresponse_weights(respondents, sample, COVARIATES, key="id"))
    assert f"{len(respondents):,} of 4,000 answered ({len(respondents) / 4000:.1%})" in text
    assert "design effect 1." in text


def test_what_the_weights_cannot_make_alike_is_warned_of():
    sample = pd.DataFrame({"id": range(400), "age": np.r_[np.linspace(20, 40, 200), np.linspace(41, 80, 200)]})
    answered = sample[(sample["age"] > 70) | (sample["id"] % 40 == 0)]
    with pytest.warns(csi.CsiWarning, match="still differ from everybody asked in 'age'"):
        nonresponse_weights(answered, sample, ["age"], key="id", classes=2)


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda r, s: (r.drop(columns="id"), s), {}, "respondents have no column 'id'"),
        (lambda r, s: (pd.concat([r, r]), s), {}, "'id' of the respondents is repeated"),
        (lambda r, s: (r, s.assign(id=s["id"].where(s.index > 0))), {}, "'id' of the customers asked is empty"),
        (lambda r, s: (r.assign(id=r["id"] + "x"), s), {}, "respondents were not asked, first 'c"),
        (lambda r, s: (s, s), {}, "everybody who was asked answered"),
        (lambda r, s: (r, s), {"weight": "wt"}, "no weight column 'wt'"),
        (lambda r, s: (r, s.assign(w=0.0)), {"weight": "w"}, "weights above 0"),
        (lambda r, s: (r, s), {"adjustment": "magic"}, "'classes' .* or 'inverse'"),
    ],
)
def test_what_cannot_be_weighted_is_refused(sample, respondents, change, options, message):
    with pytest.raises(SurveyError, match=message):
        nonresponse_weights(*change(respondents, sample), COVARIATES, key="id", **options)
