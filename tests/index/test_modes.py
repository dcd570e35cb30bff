"""Survey modes: the shift of an answer by the way it was asked for, not by who was asked."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import csi
from csi.errors import EstimationError, ModelError, SurveyError
from csi.index.modes import mode_effect, mode_effect_of_frame
from csi.survey.design import Design

STEP = 100 / 9  # points of one step on a scale of 1 to 10
BOOK = csi.Codebook.from_dict(
    {
        "scale": {"low": 1, "high": 10},
        "items": [
            *({"name": n, "construct": "Quality"} for n in ("q1", "q2", "q3")),
            *({"name": n, "construct": "Satisfaction"} for n in ("s1", "s2")),
        ],
        "segments": [{"name": "mode", "column": "mode"}, {"name": "region", "column": "region"}],
    }
)
MODEL = csi.ecsi(BOOK)
ITEMS = {"s1": (1, 10), "s2": (1, 10)}


def asked(seed, n=800, shift=0.0, gaps=0.0, by_age=0.0):
    """Answers by two modes: older customers and those of the north are rather asked by hotline, and are more content.

    The mode moves every answer by `shift` steps, and by `by_age` more for every ten years above 50.
    """
    rng = np.random.default_rng(seed)
    age, region = rng.normal(50, 10, n), rng.choice(["north", "south", "west"], n, p=[0.5, 0.3, 0.2])
    drawn = 0.06 * (age - 50) + 0.8 * (region == "north") - 0.4
    hotline = rng.random(n) < 1 / (1 + np.exp(-drawn))
    content = rng.normal(size=n) / 2 + 0.04 * (age - 50) + 0.6 * (region == "north")
    moved = hotline * (shift + by_age * (age - 50) / 10)
    answers = 5 + (content + moved)[:, None] + rng.normal(size=(n, 5)) / 2
    answers[rng.random(answers.shape) < gaps] = np.nan
    frame = pd.DataFrame(answers.clip(1, 10), columns=["q1", "q2", "q3", "s1", "s2"])
    return frame.assign(mode=np.where(hotline, "hotline", "fixed line"), region=region, age=age)


def effect_in(frame, **options):
    how = {"of": "hotline", "against": "fixed line", "covariates": ["region", "age"], "items": ITEMS, "draws": 300}
    return mode_effect_of_frame(frame, "mode", **(how | options))


@pytest.fixture(scope="module")
def boot():
    return csi.bootstrap(csi.fit(MODEL, csi.survey_from_frame(asked(1, shift=2.0, gaps=0.03), BOOK)), 400)


@pytest.fixture(scope="module")
def behaviour():
    return asked(1, shift=2.0, gaps=0.03)[["age"]]


def compare(boot, behaviour, **options):
    how = {"of": "hotline", "against": "fixed line", "covariates": ["region", "age"], "behaviour": behaviour}
    return mode_effect(boot, "mode", **(how | options))


class TestTheTruthIsFoundWhereThePlainDifferenceIsWrong:
    @pytest.mark.parametrize("population", ["overlap", "official"])
    def test_of_index_constructs_and_items(self, boot, behaviour, population):
        effect = compare(boot, behaviour, population=population)
        rows = effect.rows
        assert rows["term"].tolist() == ["Quality", "Satisfaction", "q1", "q2", "q3", "s1", "s2"]
        assert ((rows["ci_low"] < 2 * STEP) & (rows["ci_high"] > 2 * STEP)).all()
        assert (rows["unadjusted"] > rows["ci_high"]).all()
        assert rows["unadjusted"].min() > 2 * STEP + 3
        assert effect.interval[0] < effect.value < effect.interval[1]

    @pytest.mark.parametrize("population", ["overlap", "official"])
    def test_nothing_is_found_where_there_is_nothing_as_often_as_promised(self, population):
        covered, plain = 0, 0
        for seed in range(100):
            effect = effect_in(asked(1000 + seed, n=300), population=population, draws=200)
            row = effect.rows.iloc[0]
            covered += row["ci_low"] <= 0 <= row["ci_high"]
            plain += row["ci_low"] <= row["estimate"] - row["unadjusted"] <= row["ci_high"]
        assert 88 <= covered <= 99  # 95 % of 100, with three standard errors
        assert plain < 20  # the plain difference lies outside an interval of this width

    def test_each_estimand_is_that_of_its_own_customers(self):
        """The mode moves older customers more; those asked by fixed line are younger than those who might be asked in both."""
        frame = asked(3, n=8000, shift=1.0, by_age=0.5)
        fixed = frame["mode"] == "fixed line"
        drawn = 0.06 * (frame["age"] - 50) + 0.8 * (frame["region"] == "north") - 0.4
        chance = 1 / (1 + np.exp(-drawn))
        gain = 1 + 0.05 * (frame["age"] - 50)
        truth = {"official": gain[fixed].mean(), "overlap": np.average(gain, weights=chance * (1 - chance))}
        for population, steps in truth.items():
            assert effect_in(frame, population=population, draws=2).value == pytest.approx(steps * STEP, abs=0.5)
        assert truth["overlap"] - truth["official"] > 0.1


class TestAgainstOtherComputations:
    def test_overlap_weights_are_those_of_scikit_learn(self, boot, behaviour):
        frame = asked(5, n=500, shift=1.0)
        X = np.column_stack([frame["age"] / 10, *(frame["region"] == r for r in ("north", "south"))]).astype(float)
        hot = (frame["mode"] == "hotline").to_numpy()
        chance = LogisticRegression(C=np.inf, tol=1e-12, max_iter=5000).fit(X, hot).predict_proba(X)[:, 1]
        means = [np.average(frame["s1"][g], weights=w[g]) for g, w in ((hot, 1 - chance), (~hot, chance))]
        row = effect_in(frame, draws=20).rows.set_index("term").loc["s1"]
        assert row["estimate"] == pytest.approx((means[0] - means[1]) * STEP, abs=1e-4)

    def test_without_confounding_the_error_is_that_of_a_difference_of_means(self):
        rng = np.random.default_rng(2)
        frame = pd.DataFrame({"s1": rng.normal(5, 1, 900), "mode": ["hotline"] * 300 + ["fixed line"] * 600})
        frame["region"] = rng.choice(["north", "south"], 900)
        row = effect_in(frame, covariates=["region"], items={"s1": (1, 10)}, draws=1000).rows.iloc[1]
        assert row["std_error"] == pytest.approx(STEP * np.sqrt(1 / 300 + 1 / 600), rel=0.1)

    def test_a_bootstrap_and_a_plain_frame_agree(self, boot, behaviour):
        frame = asked(1, shift=2.0)
        fitted = csi.bootstrap(csi.fit(MODEL, csi.survey_from_frame(frame, BOOK)), 400)
        ours = compare(fitted, behaviour).rows.set_index("term").loc[["s1", "s2"]]
        theirs = effect_in(frame).rows.set_index("term").loc[["s1", "s2"]]
        assert np.allclose(ours["estimate"], theirs["estimate"], atol=1e-6)
        assert np.allclose(ours["std_error"], theirs["std_error"], rtol=0.15)

    def test_the_index_is_the_weighted_mean_of_its_items(self, boot, behaviour):
        rows = compare(boot, behaviour).rows.set_index("term")["estimate"]
        u = boot.fit.unit_weights()[0][3:]
        assert rows["Satisfaction"] == pytest.approx(u @ rows[["s1", "s2"]])

    def test_weights_stand_for_repeated_rows(self):
        frame = asked(6, n=300).assign(w=1 + (np.arange(300) % 2))
        twice = pd.concat([frame, frame[frame["w"] == 2]], ignore_index=True)
        assert effect_in(frame, weight="w", draws=10).value == pytest.approx(effect_in(twice, draws=10).value, abs=1e-6)


class TestWhatItSays:
    def test_the_modes_are_alike_afterwards(self, boot, behaviour):
        for population in ("overlap", "official"):
            balance = compare(boot, behaviour, population=population).balance
            assert balance["term"].tolist() == ["region: north", "region: south", "region: west", "age"]
            assert balance["before"].abs().max() > 0.4
            assert balance["estimate"].abs().max() < 1e-6

    def test_the_official_mode_keeps_its_own_answers(self, boot, behaviour):
        effect = compare(boot, behaviour, population="official")
        assert effect.effective[1] == pytest.approx(effect.rows["n_against"][0])
        assert effect.effective[0] < effect.rows["n_of"][0]

    def test_the_headline_says_of_whom_it_is_and_what_it_rests_on(self, boot, behaviour):
        text = "\n".join(compare(boot, behaviour).headline())
        assert "Satisfaction by hotline against fixed line: +2" in text
        assert "customers who might have been asked either way" in text
        assert "before the modes were made alike" in text
        assert "the customers asked by fixed line" in str(compare(boot, behaviour, population="official"))

    def test_a_fit_alone_gives_no_interval(self, boot, behaviour):
        effect = compare(boot.fit, behaviour)
        assert effect.draws is None
        assert np.isnan(effect.interval).all()
        assert effect.value == compare(boot, behaviour).value

    def test_behaviour_may_name_its_rows(self, boot, behaviour):
        some = behaviour.assign(row=range(len(behaviour))).sample(frac=1, random_state=0)
        assert compare(boot.fit, some).value == pytest.approx(compare(boot.fit, behaviour).value, abs=1e-9)

    def test_who_is_not_in_the_behaviour_stays_with_age_not_stated(self, boot, behaviour):
        some = behaviour.assign(row=range(len(behaviour)))[50:]
        effect = compare(boot.fit, some)
        assert "age: not stated" in effect.balance["term"].tolist()
        assert effect.rows["n"][0] == compare(boot.fit, behaviour).rows["n"][0]


class TestDesigns:
    def test_respondents_are_drawn_within_their_mode(self):
        """Two modes that differ by a constant and nothing else: sampling within modes cannot move their difference."""
        frame = pd.DataFrame({"mode": ["hotline"] * 50 + ["fixed line"] * 50, "region": ["n", "s"] * 50})
        frame["s1"] = np.where(frame["mode"] == "hotline", 7.0, 5.0)
        rows = effect_in(frame, covariates=["region"], items={"s1": (1, 10)}, draws=50).rows
        assert rows["std_error"].max() < 1e-6
        assert rows["estimate"][0] == pytest.approx(2 * STEP)

    def test_clusters_are_drawn_whole(self):
        rng = np.random.default_rng(0)
        branch = np.repeat(np.arange(40), 20)
        frame = asked(8, n=800).assign(branch=branch)
        frame[["s1", "s2"]] += (
            np.repeat(rng.normal(size=40), 20)[:, None] * (frame["mode"] == "hotline").to_numpy()[:, None]
        )
        alone = effect_in(frame).rows["std_error"][0]
        assert effect_in(frame, design=Design(clusters="branch")).rows["std_error"][0] > 1.5 * alone

    def test_strata_lie_within_the_modes(self):
        frame = asked(9, n=400).assign(city=["a", "b"] * 200)
        effect = effect_in(frame, design=Design(strata="city"))
        assert effect.value == pytest.approx(effect_in(frame).value, abs=1e-9)


class TestPoorOverlap:
    def test_kinds_of_customers_whom_only_one_mode_asked_are_left_out_and_counted(self):
        frame = asked(10, n=600)
        frame.loc[frame.index[frame["mode"] == "hotline"][:20], "region"] = "island"
        effect = effect_in(frame)
        assert effect.without_counterpart == (20, 0)
        assert "20 and 0 answers are left out" in str(effect)
        assert effect.value == pytest.approx(effect_in(frame[frame["region"] != "island"]).value, abs=1e-6)

    def test_customers_of_the_official_mode_must_have_a_counterpart(self):
        frame = asked(10, n=600)
        frame.loc[frame.index[frame["mode"] == "fixed line"][:20], "region"] = "island"
        with pytest.raises(
            EstimationError, match=r"20 answers by 'fixed line' have 'region: island'.*population='overlap'"
        ):
            effect_in(frame, population="official")

    def test_few_counterparts_are_warned_of(self):
        rng = np.random.default_rng(0)
        frame = asked(11, n=400)
        frame["age"] = np.where(frame["mode"] == "hotline", 70, 45) + rng.normal(scale=7, size=400)
        with pytest.warns(csi.CsiWarning, match="poor overlap: the .* answers by"):
            effect_in(frame, covariates=["age"], draws=20)

    @pytest.mark.parametrize("population", ["overlap", "official"])
    def test_modes_of_wholly_different_customers_cannot_be_compared(self, population):
        frame = asked(12, n=200)
        frame["age"] = np.where(frame["mode"] == "hotline", 70.0, 30.0) + np.arange(200) / 100
        with pytest.raises(EstimationError, match=r"no like customers|no weights of the"):
            effect_in(frame, covariates=["age"], draws=20, population=population)
        frame["region"] = np.where(frame["mode"] == "hotline", "north", "south")
        with pytest.raises(EstimationError, match=r"no answer has a counterpart|cannot stand for them"):
            effect_in(frame, covariates=["region"], draws=20, population=population)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"of": "hotlne"}, EstimationError, "nobody answered by mode = 'hotlne'.*Did you mean 'hotline'"),
        ({"of": "fixed line"}, EstimationError, "compared with itself"),
        ({"covariates": []}, SurveyError, "no covariates are named"),
        ({"covariates": ["regoin"]}, SurveyError, "no column 'regoin'.*Did you mean 'region'"),
        ({"construct": "Satisfacton"}, ModelError, "Did you mean 'Satisfaction'"),
        ({"population": "all"}, EstimationError, "'overlap' or 'official'"),
        ({"behaviour": pd.DataFrame({"age": [1.0]})}, EstimationError, "1 rows for 800 respondents"),
    ],
)
def test_what_cannot_be_compared_is_refused(boot, behaviour, options, error, message):
    with pytest.raises(error, match=message):
        compare(boot, **({"behaviour": behaviour} | options))


def test_a_fit_of_a_plain_frame_has_no_modes(boot):
    fit = csi.fit(MODEL, boot.fit.cases.survey.answers, scale=(1, 10))
    with pytest.raises(EstimationError, match="mode_effect_of_frame"):
        mode_effect(fit, "mode", of="hotline", against="fixed line", covariates=["region"])
