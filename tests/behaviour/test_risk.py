"""A planted signal is found and promised honestly; noise is said to be noise; nothing depends on order or chunks."""

from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from linked_waves import wave_of
from scipy.special import expit
from sklearn.metrics import roc_auc_score

import csi
from csi import simulate
from csi.behaviour.accuracy import accuracy, area_under_curve, calibration_error, top_lift
from csi.behaviour.classifier import Classifier, encoding_of
from csi.behaviour.dissatisfaction import DissatisfactionRule, dissatisfied_at_most, dissatisfied_below
from csi.behaviour.learners import LEARNERS
from csi.behaviour.linkage import link
from csi.behaviour.risk import PastWave, _column, dissatisfaction_risk
from csi.errors import LinkError, SurveyError
from csi.survey.codebook import Codebook
from csi.survey.reading import survey_from_frame

SURVEYS = Path(__file__).resolve().parents[2] / "surveys"
X_GAPS = np.full(40, np.nan)
BOOK = Codebook.from_dict({"scale": {"low": 1, "high": 10}, "items": [{"name": "q"}], "key": "id"})
FEATURES = ["faults", "bill", "phone", "roams", "never"]


def customers(n, seed=1):
    """A base whose dissatisfaction goes with faults, gaps in the bill and one phone."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "id": [f"C{i:06d}" for i in range(n)],
            "faults": rng.poisson(2, n),
            "bill": np.where(rng.random(n) < 0.2, np.nan, rng.gamma(4, 20, n)),
            "phone": rng.choice(["north", "south", "west", None], n),
            "roams": rng.random(n) < 0.3,
            "never": np.full(n, np.nan),
            "dnd": rng.choice(["yes", "no", "", "perhaps"], n),
        }
    )
    score = 0.6 * frame["faults"] + frame["bill"].isna() + (frame["phone"] == "west") - 3.5
    return frame, (rng.random(n) < expit(score.to_numpy())).astype(float)


def linked_to(base, asked=slice(None), features=FEATURES):
    survey = survey_from_frame(pd.DataFrame({"id": base["id"][asked], "q": 5}), BOOK)
    return link(survey, ibis.memtable(pa.Table.from_pandas(base, preserve_index=False)), key="id", features=features)


@pytest.fixture(scope="module")
def planted():
    base, y = customers(2000)
    return base, y, dissatisfaction_risk(linked_to(base, slice(1200)), y[:1200])


class TestAPlantedSignal:
    def test_is_found(self, planted):
        _, _, risk = planted
        assert risk.accuracy.auc > 0.65
        assert risk.accuracy.lift > 1.5
        assert risk.accuracy.brier < risk.accuracy.brier_reference
        assert not risk.no_better_than_chance
        assert "out-of-fold AUC 0." in str(risk)

    def test_is_promised_honestly_to_customers_who_were_not_asked(self, planted):
        base, y, risk = planted
        scores = risk.score_base()
        assert scores.key.to_pylist() == base["id"].tolist()
        assert scores.probability[1200:].mean() == pytest.approx(y[1200:].mean(), abs=0.05)
        assert calibration_error(y[1200:], scores.probability[1200:]) < 0.08
        assert roc_auc_score(y[1200:], scores.probability[1200:]) > 0.65

    def test_respondents_keep_the_probability_that_has_not_seen_their_answer(self, planted):
        _, _, risk = planted
        assert risk.score_base().probability[:1200] == pytest.approx(risk.frame["probability"].to_numpy(), abs=0)

    def test_table(self, planted):
        table = planted[2].table().set_index("term")
        assert table.loc["auc", "ci_low"] < table.loc["auc", "estimate"] < table.loc["auc", "ci_high"]
        assert table.loc["auc", "reference"] == 0.5


def test_noise_is_said_to_be_no_better_than_chance():
    base, _ = customers(500)
    y = (np.random.default_rng(3).random(500) < 0.3).astype(float)
    risk = dissatisfaction_risk(linked_to(base), y)
    assert risk.no_better_than_chance
    assert "NO BETTER THAN CHANCE" in str(risk)
    assert "times the average" not in str(risk)


class TestNothingElseMatters:
    def test_not_the_order_of_the_answers(self, planted):
        base, y, risk = planted
        order = np.random.default_rng(5).permutation(1200)
        shuffled = base.iloc[np.r_[order, 1200:2000]].reset_index(drop=True)
        again = dissatisfaction_risk(linked_to(shuffled, slice(1200)), y[order])
        probability = dict(zip(again.frame["key"], again.frame["probability"], strict=True))
        assert probability == dict(zip(risk.frame["key"], risk.frame["probability"], strict=True))
        assert again.accuracy == risk.accuracy

    def test_not_the_size_of_the_batches(self, planted):
        risk = planted[2]
        np.testing.assert_array_equal(risk.score_base(size=64).probability, risk.score_base().probability)

    def test_but_the_seed(self, planted):
        base, y, risk = planted
        other = dissatisfaction_risk(linked_to(base, slice(1200)), y[:1200], seed=2)
        assert other.accuracy.auc != risk.accuracy.auc


class TestFlags:
    def test_are_read_and_the_unreadable_marked(self, planted):
        base, _, risk = planted
        flags = risk.score_base(["dnd"]).flags["dnd"]
        wanted = base["dnd"].map({"yes": 1, "no": 0, "": -1, "perhaps": -1})
        np.testing.assert_array_equal(flags, wanted)

    def test_in_any_writing(self):
        base, y = customers(300)
        texts = ["是", "否", "Y", "n", "1", "0", " TRUE ", "false"]
        base = base.assign(said=(texts * 38)[:300], told=[1.0, 0.0, np.nan] * 100, sure=[True, False, None] * 100)
        scores = dissatisfaction_risk(linked_to(base, features=["faults"]), y, folds=2).score_base(
            ["said", "told", "sure"]
        )
        assert scores.flags["said"][:8].tolist() == [1, 0] * 4
        assert scores.flags["told"][:3].tolist() == [1, 0, -1]
        assert scores.flags["sure"][:3].tolist() == [1, 0, -1]

    def test_of_no_column(self, planted):
        with pytest.raises(LinkError, match="no column 'do_not', which is named as a flag"):
            planted[2].score_base(["do_not"])


class TestWhoCounts:
    def test_unknown_is_left_out(self, planted):
        base, y, _ = planted
        known = np.where(np.arange(1200) < 900, y[:1200], np.nan)
        assert dissatisfaction_risk(linked_to(base, slice(1200)), known, folds=2).accuracy.n == 900

    def test_too_few(self, planted):
        linked = planted[2].linked
        with pytest.raises(LinkError, match="29 of 1,200 linked respondents are dissatisfied: at least 30"):
            dissatisfaction_risk(linked, np.arange(1200) < 29)
        with pytest.raises(LinkError, match="0 of 1,200 linked respondents are not dissatisfied"):
            dissatisfaction_risk(linked, np.ones(1200))
        with pytest.raises(LinkError, match="at least 100 are needed"):
            dissatisfaction_risk(linked, np.arange(1200) < 60, folds=50)

    def test_what_is_not_an_outcome(self, planted):
        linked = planted[2].linked
        with pytest.raises(LinkError, match=r"one value for each of the 1,200 respondents.*\(5,\)"):
            dissatisfaction_risk(linked, np.ones(5))
        with pytest.raises(LinkError, match="it holds 3"):
            dissatisfaction_risk(linked, np.full(1200, 3))
        with pytest.raises(LinkError, match="at least 2"):
            dissatisfaction_risk(linked, np.ones(1200), folds=1)


class TestRules:
    SURVEY = survey_from_frame(pd.DataFrame({"id": ["a", "b", "c"], "q": [6, 7, ""]}), BOOK)

    def test_points_below_a_cut(self):
        np.testing.assert_array_equal(dissatisfied_below([59.9, 60, np.nan], 60), [1, 0, np.nan])
        with pytest.raises(LinkError, match="from 0 to 100"):
            dissatisfied_below([1.0], 0)

    def test_an_answer_at_most(self):
        np.testing.assert_array_equal(dissatisfied_at_most(self.SURVEY, "q", 6), [1, 0, np.nan])
        with pytest.raises(LinkError, match="divides nobody"):
            dissatisfied_at_most(self.SURVEY, "q", 10)
        with pytest.raises(SurveyError, match="no item 'p'"):
            dissatisfied_at_most(self.SURVEY, "p", 6)

    def test_of_the_study_file(self):
        np.testing.assert_array_equal(DissatisfactionRule(item="q", at_most=6).apply(self.SURVEY, []), [1, 0, np.nan])
        np.testing.assert_array_equal(DissatisfactionRule(below=60).apply(self.SURVEY, [50.0, 70.0]), [1, 0])
        for wrong in ({}, {"item": "q"}, {"below": 60, "item": "q", "at_most": 6}, {"below": 60, "at_most": 6}):
            with pytest.raises(ValueError, match="write either below"):
                DissatisfactionRule(**wrong)


class TestAccuracy:
    def test_area_agrees_with_scikit_learn_and_its_error_with_resampling(self):
        rng = np.random.default_rng(2)
        y = (rng.random(400) < 0.3).astype(float)
        p = np.round(expit(y + rng.normal(size=400)), 2)
        area, error = area_under_curve(y, p)
        assert area == pytest.approx(roc_auc_score(y, p))
        draws = [area_under_curve(y[i], p[i])[0] for i in rng.integers(0, 400, (400, 400))]
        assert error == pytest.approx(np.std(draws), rel=0.15)

    def test_no_information(self):
        y = np.tile([0.0, 1.0], 50)
        result = accuracy(y, np.full(100, 0.5))
        assert (result.auc, result.calibration_error, result.lift) == (0.5, 0.0, 1.0)
        assert result.no_better_than_chance

    def test_lift_counts_the_top_tenth(self):
        y = np.r_[np.ones(10), np.zeros(90)]
        assert top_lift(y, np.linspace(1, 0, 100)) == pytest.approx(10)


def test_a_level_never_seen_and_the_rarest_of_many_are_gaps():
    seen = pd.Series([f"L{i:03d}" for i in range(300)] + ["L299"])
    encoding = encoding_of({"phone": _column(seen, False)})
    codes = encoding.column("phone", _column(pd.Series(["L299", "L000", "L298", "new", None]), False))
    np.testing.assert_array_equal(codes, [0, 1, np.nan, np.nan, np.nan])


class TestWeights:
    def test_a_constant_changes_nothing(self, planted):
        base, y, risk = planted
        again = dissatisfaction_risk(linked_to(base, slice(1200)), y[:1200], weights=np.full(1200, 4.0))
        assert again.accuracy == risk.accuracy

    def test_count_in_every_measure_as_rows_do(self):
        rng = np.random.default_rng(6)
        y, p = (rng.random(200) < 0.4).astype(float), rng.random(200)
        w = rng.integers(1, 4, 200)
        rows = np.repeat(np.arange(200), w)
        weighted, repeated = accuracy(y, p, w.astype(float)), accuracy(y[rows], p[rows])
        for measure in ("base_rate", "auc", "brier", "brier_reference"):
            assert getattr(weighted, measure) == pytest.approx(getattr(repeated, measure), rel=1e-12)

    def test_must_be_above_nought(self, planted):
        linked = planted[2].linked
        with pytest.raises(LinkError, match="above 0"):
            dissatisfaction_risk(linked, np.arange(1200) % 2, weights=np.zeros(1200))


class TestScores:
    def test_are_written_for_the_whole_base_and_who_is_outside_is_flagged(self, planted, tmp_path):
        _, _, risk = planted
        assert risk.scores_to(tmp_path / "scores.parquet", size=300) == 2000
        written = pd.read_parquet(tmp_path / "scores.parquet")
        scores = risk.score_base()
        assert dict(zip(written["key"], written["probability"], strict=True)) == dict(
            zip(scores.key.to_pylist(), scores.probability, strict=True)
        )
        assert not written["outside"][:1200].any()
        assert written["outside"].sum() < 50
        assert [p.name for p in tmp_path.iterdir()] == ["scores.parquet"]

    def test_at_capacity(self, planted):
        _, _, risk = planted
        at = risk.at_capacity(200)  # a tenth of the base
        assert at["part"] == pytest.approx(0.1)
        assert at["lift"] == pytest.approx(risk.accuracy.lift)
        assert at["gain"] == pytest.approx(at["lift"] * at["n"] / 1200)
        assert at["ci_low"] < at["observed"] < at["ci_high"]
        with pytest.raises(LinkError, match="at least one"):
            risk.at_capacity(0)


class TestContributions:
    def test_add_up_to_what_sets_a_customer_apart(self, planted):
        classifier = planted[2].classifier
        rng = np.random.default_rng(3)
        X = np.column_stack([rng.poisson(2, 40), rng.gamma(4, 20, 40), rng.integers(0, 3, 40), np.zeros(40), X_GAPS])
        ordinary = np.array([2.0, 75.0, 0.0, 0.0, np.nan])
        y = (rng.random(40) < 0.5).astype(float)
        for learner in (LEARNERS[0], LEARNERS[-1]):
            scorer = learner.fit(X.repeat(10, 0), y.repeat(10), np.ones(400), classifier.encoding.categorical, 1)
            model = Classifier(classifier.encoding, scorer, learner.name, 1.3, -0.2, {})
            difference = model.log_odds(X) - model.log_odds(ordinary[None])
            np.testing.assert_allclose(model.contributions(X, ordinary).sum(axis=1), difference, atol=1e-9)

    def test_the_planted_causes_rank_first(self, planted):
        assert set(planted[2].ranking()["term"][:3]) == {"faults", "bill", "phone"}


def test_real_network_and_billing_behaviour_tells_who_is_dissatisfied(shared):
    """The floor is what plain gradient boosting reached in five folds on the same features."""
    path = shared / "data" / "telecom_cn_voice" / "voice_satisfaction.csv"
    study = csi.read_study(SURVEYS / "telecom_cn_voice")
    survey = csi.read_survey(path, study.codebook)
    linked = link(survey, path, key="用户id", features=study.behaviour.features)
    found = dissatisfaction_risk(linked, study.risk.apply(survey, [])).accuracy
    assert found.base_rate == pytest.approx(0.1345, abs=5e-4)
    assert found.auc >= 0.67
    assert found.lift >= 2.0
    assert found.calibration_error <= 0.02


@pytest.mark.filterwarnings("ignore::csi.CsiWarning")  # some answers are refused
def test_the_synthetic_study_is_foreseen_and_its_true_behaviours_rank_first(tmp_path):
    study = csi.read_study(csi.simulate_study(tmp_path, customers=30_000))
    *past, last = (wave_of(study, wave.name) for wave in simulate.WAVES)
    risk = dissatisfaction_risk(*last, earlier=[PastWave(*wave) for wave in past], folds=3)
    assert risk.accuracy.calibration_error < 0.03
    assert risk.accuracy.auc > 0.68
    counted = {"hotline_calls_count_60d", "complaints_count_120d", "network_faults_count_60d"}
    true = counted | {"bill_level_change_30d", "tenure_months"}
    assert set(risk.ranking()["term"][:5]) == true
