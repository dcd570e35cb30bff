"""fit under every treatment of missing answers, the sensitivity to what was missing, and polychoric correlations."""

import json
from typing import get_args

import numpy as np
import pandas as pd
import pytest

import csi
from csi.errors import EstimationError, ModelError
from csi.kernel.moments import Missing
from csi.kernel.polychoric import polychoric_correlations

MODEL = csi.Model.parse("Quality <~ q1 + q2 + q3; Satisfaction <~ s1 + s2; Satisfaction ~ Quality")
ITEMS = list(MODEL.items)


def answers(n=400, share=0.1, seed=1):
    rng = np.random.default_rng(seed)
    quality = rng.normal(size=n)
    satisfaction = 0.7 * quality + np.sqrt(0.51) * rng.normal(size=n)
    truth = np.column_stack([quality] * 3 + [satisfaction] * 2)
    X = 5.5 + truth + 0.6 * rng.normal(size=(n, 5))
    return pd.DataFrame(np.where(rng.random(X.shape) < share, np.nan, X), columns=ITEMS)


class TestTreatments:
    @pytest.mark.parametrize("missing", get_args(Missing))
    def test_the_mean_of_scores_in_points_is_the_index(self, missing):
        fit = csi.fit(MODEL, answers(), missing=missing, scale=(-5, 16))  # so wide that nothing is clipped
        scores = fit.index_scores.dropna()
        assert scores.mean().to_numpy() == pytest.approx(fit.values("index").to_numpy(), abs=1e-6)

    @pytest.mark.parametrize("missing", get_args(Missing))
    def test_the_treatment_is_repeated_in_every_replicate(self, missing):
        fit = csi.fit(MODEL, answers(), missing=missing)
        again = csi.fit(MODEL, answers().sample(frac=1, random_state=2), missing=missing)
        assert fit.paths.to_numpy() == pytest.approx(again.paths.to_numpy(), abs=1e-7)
        boot = csi.bootstrap(fit, 60, seed=3)
        (_, W), *_ = boot.resamples()
        heavy = answers().assign(w=W[0]).query("w > 0")
        alone = csi.fit(MODEL, heavy, missing=missing, weight="w")
        assert boot.draws.paths[0] == pytest.approx(alone.paths.to_numpy(), abs=2e-4)

    def test_complete_answers_are_the_same_under_all(self):
        paths = [csi.fit(MODEL, answers(share=0), missing=missing).paths.to_numpy() for missing in get_args(Missing)]
        assert all((path == paths[0]).all() for path in paths)

    def test_only_mean_attenuates_the_path(self):
        truth = csi.fit(MODEL, answers(20_000, 0)).paths.at["Quality", "Satisfaction"]
        found = {
            m: csi.fit(MODEL, answers(20_000, 0.2), missing=m).paths.at["Quality", "Satisfaction"]
            for m in get_args(Missing)
        }
        for missing in ("em", "pairwise", "listwise"):
            assert found[missing] == pytest.approx(truth, abs=0.02), missing
        assert found["mean"] < truth - 0.03
        assert found["regression"] > truth + 0.01

    @pytest.mark.parametrize("missing", ["pairwise", "regression"])
    def test_json_keeps_the_treatment(self, missing):
        fit = csi.fit(MODEL, answers(), missing=missing, scale=(-5, 16))
        back = csi.fit_from_json(fit.to_json())
        assert back.index_scores.equals(fit.index_scores)
        assert csi.bootstrap(back, 20, seed=1).paths.equals(csi.bootstrap(fit, 20, seed=1).paths)

    def test_filled_answers_above_five_percent_fail_the_assessment(self):
        for missing, verdict in (("em", "note"), ("regression", "fail"), ("mean", "fail")):
            findings = csi.assess(csi.fit(MODEL, answers(), missing=missing)).findings
            assert {f.verdict for f in findings if f.criterion == "missing"} == {verdict}


class TestWhatCannotBeHad:
    def test_items_that_nobody_answered_together(self):
        frame = answers(share=0)
        frame.loc[:199, "q1"] = np.nan
        frame.loc[200:, "q2"] = np.nan
        with pytest.raises(EstimationError, match="too few answered both item 'q1' and item 'q2'"):
            csi.fit(MODEL, frame, missing="pairwise")
        assert csi.fit(MODEL, frame).converged

    def test_pairwise_correlations_that_contradict_one_another(self):
        rng = np.random.default_rng(3)
        blocks = []
        for one, other, sign in (("q1", "q2", 1), ("q2", "q3", 1), ("q1", "q3", -1)):
            x = rng.normal(size=100)
            block = pd.DataFrame(np.nan, range(100), ITEMS)
            block[one], block[other] = x, sign * x + 0.2 * rng.normal(size=100)
            block[["s1", "s2"]] = rng.normal(size=(100, 2))
            blocks.append(block)
        with pytest.warns(csi.CsiWarning, match="pairwise correlations of the items cannot all be true"):
            fit = csi.fit(MODEL, pd.concat(blocks, ignore_index=True), missing="pairwise")
        assert not fit.admissible
        finding = next(f for f in csi.assess(fit).findings if f.criterion == "coherence")
        assert (finding.verdict, finding.value < 0) == ("fail", True)

    def test_an_unknown_treatment(self):
        with pytest.raises(EstimationError, match="missing must be one of 'em', 'pairwise'"):
            csi.fit(MODEL, answers(), missing="median")


@pytest.fixture(scope="module")
def boot():
    return csi.bootstrap(csi.fit(MODEL, answers(), scale=(1, 10)), 200, seed=2)


class TestSensitivity:
    def test_without_a_shift_it_is_the_bootstrap(self, boot):
        rows = csi.missing_sensitivity(boot, [0]).rows
        same = rows[rows["quantity"] == "paths"].iloc[0]
        known = boot.paths.iloc[0]
        assert same[["estimate", "ci_low", "ci_high"]].to_numpy(float) == pytest.approx(
            known[["estimate", "ci_low", "ci_high"]].to_numpy(float), abs=1e-4
        )

    def test_the_index_moves_by_the_share_of_gaps(self, boot):
        fit = boot.fit
        found = csi.missing_sensitivity(boot, [-1], items=["s1"], quantities=["index"]).rows
        moved = found.query("delta == -1 and term == 'Satisfaction'")["change"].item()
        u, _ = fit.unit_weights()
        share, sd = fit.cases.X[:, 3], fit.moments.sd[0, 3]
        # The weights follow the shift a little.
        assert moved == pytest.approx(-np.isnan(share).mean() * sd * u[3] * 100 / 9, rel=0.05)

    def test_a_conclusion_that_rests_on_the_missing_answers_is_named(self):
        rng = np.random.default_rng(4)
        x = rng.normal(size=300)
        y = 0.15 * x + rng.normal(size=300)
        frame = pd.DataFrame({"q": 5 + x, "s": 5 + np.where(x > 0.3, np.nan, y)})
        model = csi.Model.parse("Q <~ q; S <~ s; S ~ Q")
        found = csi.missing_sensitivity(csi.bootstrap(csi.fit(model, frame), 300, seed=1), [-2, 0, 2])
        assert found.rows["tips"].any()
        assert "Q -> S: which side of 0 the interval lies on changes" in found.headline()[-1]

    def test_answers_that_were_not_asked_for_stay(self, boot):
        with pytest.raises(EstimationError, match="no answer is missing"):
            csi.missing_sensitivity(csi.bootstrap(csi.fit(MODEL, answers(share=0)), 20))

    def test_refusals(self, boot):
        with pytest.raises(EstimationError, match="no item 's9'"):
            csi.missing_sensitivity(boot, items=["s9"])
        with pytest.raises(EstimationError, match="missing='em'"):
            csi.missing_sensitivity(csi.bootstrap(csi.fit(MODEL, answers(), missing="mean"), 20))


class TestPolychoric:
    @staticmethod
    def coarse(n=3000, categories=3, seed=1):
        frame = answers(n, 0, seed)
        return frame.apply(lambda x: pd.qcut(x, [0, 0.55, 0.85, 1][: categories + 1], labels=False).astype(float) + 1)

    def test_the_fit_rests_on_polychoric_correlations(self):
        frame = self.coarse(300)
        fit = csi.fit(MODEL, frame, correlation="polychoric", scale=(1, 3))
        expected = polychoric_correlations(frame.to_numpy(), np.ones((1, 300)))
        assert fit.moments.correlation == pytest.approx(expected, abs=1e-12)
        assert fit.moments.mean[0] == pytest.approx(frame.mean())
        assert fit.moments.sd[0] == pytest.approx(frame.std())

    def test_categories_no_longer_attenuate_factors(self):
        factors = csi.Model.parse("Quality =~ q1 + q2 + q3; Satisfaction =~ s1 + s2; Satisfaction ~ Quality")
        frame = self.coarse(20_000)
        loading = 1 / np.sqrt(1.36)
        plain, poly = (csi.fit(factors, frame, correlation=c).values("loadings") for c in ("pearson", "polychoric"))
        assert poly.to_numpy() == pytest.approx(loading, abs=0.015)
        assert (plain < loading - 0.05).all()
        path = csi.fit(factors, frame, correlation="polychoric").paths.at["Quality", "Satisfaction"]
        assert path == pytest.approx(0.7, abs=0.02)

    def test_replicates_are_polychoric_too(self):
        frame = self.coarse(200)
        boot = csi.bootstrap(csi.fit(MODEL, frame, correlation="polychoric"), 20, seed=1)
        (_, W), *_ = boot.resamples()
        expected = polychoric_correlations(frame.to_numpy(), W[[4]])
        assert boot.moments.correlation[4] == pytest.approx(expected[0], abs=1e-9)

    def test_gaps_are_left_out_pair_by_pair(self):
        frame = self.coarse(300).mask(np.random.default_rng(1).random((300, 5)) < 0.1)
        with pytest.raises(EstimationError, match="counted pair by pair"):
            csi.fit(MODEL, frame, correlation="polychoric")
        fit = csi.fit(MODEL, frame, correlation="polychoric", missing="pairwise")
        assert fit.moments.correlation == pytest.approx(polychoric_correlations(frame.to_numpy(), np.ones((1, 300))))

    def test_json_keeps_the_correlation(self):
        fit = csi.fit(MODEL, self.coarse(200), correlation="polychoric")
        text = fit.to_json()
        assert json.loads(text)["settings"]["correlation"] == "polychoric"
        assert csi.fit_from_json(text).paths.equals(fit.paths)

    def test_refusals(self):
        frame = self.coarse(200)
        with pytest.raises(EstimationError, match="200 different answers"):
            csi.fit(MODEL, answers(200, 0), correlation="polychoric")
        with pytest.raises(EstimationError, match="correlation must be one of"):
            csi.fit(MODEL, frame, correlation="spearman")
        fit = csi.fit(MODEL, frame, correlation="polychoric")
        with pytest.raises(EstimationError, match="correlation='pearson'"):
            csi.predict(fit)
        with pytest.raises(EstimationError, match="correlation='pearson'"):
            csi.compare_groups(fit, np.arange(200) % 2)
        moderated = csi.Model.parse("Q <~ q1; V <~ q2; S <~ s1; S ~ Q + V + Q*V")
        with pytest.raises(ModelError, match="products of answers"):
            csi.fit(moderated, frame, correlation="polychoric")
