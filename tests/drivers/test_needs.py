"""Penalties and rewards: planted needs are found, intervals cover, weights are copies, bad input is named."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import csi
from csi.errors import EstimationError
from csi.survey.design import Design

DRIVERS = ["accurate", "fast", "gift", "parking"]
PENALTY = np.array([-1.4, -1.0, 0.0, 0.0])  # of answers 1 and 2 against the middle, 3
REWARD = np.array([0.0, 1.0, 1.3, 0.0])  # of answers 4 and 5


def answers(seed, n=1200, gaps=0.0):
    """Answers 1 to 5 that go together, and an outcome: a basic, a performance, an excitement factor and one without effect."""
    rng = np.random.default_rng(seed)
    content = rng.normal(size=(n, 1)) + rng.normal(size=(n, 4))
    X = 1 + (content[:, :, None] > [-1.3, -0.4, 0.4, 1.3]).sum(axis=2).astype(float)
    y = 5 + (X <= 2) @ PENALTY + (X >= 4) @ REWARD + rng.normal(size=n)
    X[rng.random(X.shape) < gaps] = np.nan
    return pd.DataFrame(X, columns=DRIVERS).assign(overall=y)


def needs_of(frame, **options):
    return csi.penalty_reward(frame, "overall", DRIVERS, **({"low": 2, "high": 4, "draws": 200} | options))


@pytest.fixture(scope="module")
def found():
    return needs_of(answers(1))


class TestPlantedNeeds:
    def test_are_classed_rightly(self, found):
        needs = found.rows.set_index("term")["need"]
        assert needs.to_dict() == {
            "accurate": "basic", "fast": "performance", "gift": "excitement", "parking": "undecided",
        }  # fmt: skip

    def test_the_headline_says_so(self, found):
        assert "basic: accurate" in str(found)
        assert "excitement: gift" in str(found)

    def test_the_planted_size_lies_in_the_interval(self):
        """95 % intervals of 8 coefficients in 25 samples: 200 trials; 90 % would be too few."""
        covered = []
        for seed in range(25):
            rows = needs_of(answers(100 + seed, 300), draws=128).rows
            for name, truth in (("penalty", PENALTY), ("reward", REWARD)):
                covered += list((rows[f"{name}_low"] <= truth) & (truth <= rows[f"{name}_high"]))
        assert 0.9 < np.mean(covered) < 0.99

    def test_missing_answers_do_not_bend_it(self):
        rows = needs_of(answers(2, 3000, gaps=0.15), draws=50).rows
        assert np.allclose(rows["penalty"], PENALTY, atol=0.2)
        assert np.allclose(rows["reward"], REWARD, atol=0.2)

    def test_shares_of_the_draws_sum_to_one(self, found):
        shares = found.rows.filter(like="share_")
        assert np.allclose(shares.sum(axis=1), 1)
        for _, row in found.rows.iterrows():
            assert row["probability"] == row[f"share_{row['factor']}"]

    def test_a_driver_that_works_the_other_way_is_reverse(self):
        frame = answers(3).eval("gift = 6 - gift")
        row = needs_of(frame).rows.set_index("term").loc["gift"]
        assert row["need"] == "reverse"
        assert row["range_high"] < 0

    def test_the_ratio_decides_what_is_lopsided(self):
        assert "performance" not in set(needs_of(answers(1), ratio=1.0).rows["factor"])
        assert needs_of(answers(1), ratio=1.0).rows["share_performance"].eq(0).all()


class TestFormulas:
    def test_coefficients_are_those_of_least_squares(self, found):
        frame = answers(1)
        X = frame[DRIVERS].to_numpy()
        Z = np.column_stack([np.ones(len(X)), X <= 2, X >= 4])
        b, *_ = np.linalg.lstsq(Z, frame["overall"], rcond=None)
        assert np.allclose(found.rows["penalty"], b[1:5], atol=1e-10)
        assert np.allclose(found.rows["reward"], b[5:], atol=1e-10)
        residual = frame["overall"] - Z @ b
        assert found.r_squared == pytest.approx(1 - residual.var() / frame["overall"].var(), abs=1e-10)

    def test_asymmetry_and_range_follow(self, found):
        p, r = found.rows["penalty"], found.rows["reward"]
        cost, gain = (-p).clip(lower=0), r.clip(lower=0)
        assert np.allclose(found.rows["estimate"], (gain - cost) / (gain + cost), equal_nan=True)
        assert np.allclose(found.rows["range"], r - p)

    def test_one_driver_by_hand(self):
        """Means of the outcome: low 2, middle 5, high 6; so the penalty is -3, the reward 1, the asymmetry (1 - 3)/4."""
        frame = pd.DataFrame({"q": np.repeat([1, 3, 5], 20), "y": np.repeat([2.0, 5.0, 6.0], 20)})
        row = csi.penalty_reward(frame, "y", ["q"], draws=20).rows.loc[0]
        assert (row["penalty"], row["reward"], row["range"], row["estimate"]) == pytest.approx((-3, 1, 4, -0.5))
        assert row["factor"] == "basic"

    def test_cuts_leave_a_third_at_either_end(self):
        """30 % answer 1, 45 % up to 2; 25 % answer 5, 40 % from 4."""
        frame = pd.DataFrame({"q": np.repeat([1, 2, 3, 4, 5], [60, 30, 30, 30, 50]), "y": np.arange(200.0)})
        row = csi.penalty_reward(frame, "y", ["q"], draws=20).rows.loc[0]
        assert (row["low"], row["high"], row["low_n"], row["high_n"]) == (1, 5, 60, 50)

    def test_cuts_may_differ_by_driver(self):
        rows = needs_of(answers(1), low={"fast": 1}, high=5).rows.set_index("term")
        assert rows.at["fast", "low"] == 1
        assert (rows["high"] == 5).all()


class TestWeights:
    @settings(max_examples=15, deadline=None)
    @given(copies=st.lists(st.integers(1, 3), min_size=200, max_size=200), factor=st.floats(0.1, 50))
    def test_a_weight_is_as_many_copies(self, copies, factor):
        frame = answers(5, 200)
        twice = frame.loc[frame.index.repeat(copies)].reset_index(drop=True)
        weighted = frame.assign(w=np.array(copies) * factor)
        one = needs_of(weighted, weight="w", low=None, high=None, draws=2).rows
        two = needs_of(twice, low=None, high=None, draws=2).rows
        columns = ["estimate", "penalty", "reward", "range", "low", "high"]
        assert np.allclose(one[columns], two[columns], atol=1e-9, equal_nan=True)

    def test_clusters_widen_the_intervals(self):
        frame = answers(6, 600)
        many = pd.concat([frame] * 4, ignore_index=True).assign(outlet=np.tile(np.arange(600), 4))
        plain = needs_of(many).rows["std_error"]
        clustered = needs_of(many, design=Design(clusters="outlet")).rows["std_error"]
        assert (clustered[:3] > 1.5 * plain[:3]).all()

    def test_a_survey_brings_its_own_weights(self):
        book = csi.Codebook.from_dict(
            {"scale": {"low": 1, "high": 5}, "weight": "w",
             "items": [{"name": n, "construct": "Quality"} for n in DRIVERS]
             + [{"name": "overall", "construct": "Satisfaction", "scale": {"low": -20, "high": 40}}]}
        )  # fmt: skip
        frame = answers(7).assign(w=np.random.default_rng(0).uniform(0.5, 2, 1200))
        survey = csi.survey_from_frame(frame, book)
        assert needs_of(survey).rows.equals(needs_of(frame, weight="w").rows)
        with pytest.raises(EstimationError, match="a survey carries its own"):
            needs_of(survey, weight="w")


class TestBadInput:
    @pytest.mark.parametrize(
        ("change", "options", "message"),
        [
            ({"fast": 3.0}, {}, "driver 'fast' is constant: all answers are 3"),
            ({"fast": lambda f: 1.0 + (f["fast"] > 2)}, {}, "driver 'fast' has two different answers only"),
            ({"fast": lambda f: f["gift"]}, {}, "'gift' follow from those of the others .most alike: 'fast'"),
            ({"fast": "good"}, {}, "column 'fast' holds 'good' in case 0"),
            ({"fast": np.nan}, {}, "column 'fast' has no answers at all"),
            ({"overall": 5.0}, {}, "the outcome 'overall' does not vary"),
            ({}, {"low": 0}, "driver 'accurate' has 0 low answers .up to 0., at least 10 are needed"),
            ({}, {"high": {"gift": 6}}, "driver 'gift' has 0 high answers"),
            ({}, {"low": 3, "high": 4}, "driver 'accurate' has 0 middle answers"),
            ({}, {"low": 4, "high": 4}, "leave a middle"),
            ({}, {"low": {"fats": 2}}, "a cut is given for 'fats'.*Did you mean 'fast'"),
            ({}, {"ratio": 0.5}, "ratio must be 1 or more"),
            ({}, {"certainty": 80}, "certainty 0 to 1"),
            ({}, {"draws": 1}, "draws >= 2"),
            ({}, {"weight": "w"}, "there is no weight column 'w'"),
            ({"w": 0.0}, {"weight": "w"}, "the weight of case 0 is 0"),
        ],
    )
    def test_each_has_its_message(self, change, options, message):
        with pytest.raises(EstimationError, match=message):
            needs_of(answers(1, 300).assign(**change), **options)

    def test_unknown_columns_are_named(self):
        with pytest.raises(EstimationError, match=r"there is no column 'fsat'.*Did you mean 'fast'"):
            csi.penalty_reward(answers(1, 300), "overall", ["fsat"])
        with pytest.raises(EstimationError, match="there is no column 'overal'"):
            csi.penalty_reward(answers(1, 300), "overal", ["fast"])

    @pytest.mark.parametrize("drivers", [[], ["fast", "fast"], ["overall"]])
    def test_drivers_are_others_than_the_outcome(self, drivers):
        with pytest.raises(EstimationError, match="drivers must be different columns"):
            csi.penalty_reward(answers(1, 300), "overall", drivers)
