"""Where other software is known to be wrong: what it does, and that ours does not."""

import warnings

import numpy as np
import pandas as pd
import pytest
from conftest import model_of
from scipy.stats import multivariate_normal

import csi
from csi.errors import CsiWarning
from csi.kernel.estimates import estimate

SMALL = csi.Model.parse("Q <~ q1 + q2; S <~ s1 + s2; S ~ Q")


def answers(seed=1, n=100):
    rng = np.random.default_rng(seed)
    q = rng.normal(size=(n, 1))
    s = 0.6 * q + 0.8 * rng.normal(size=(n, 1))
    X = np.hstack([q, q, s, s]) + 0.5 * rng.normal(size=(n, 4))
    return pd.DataFrame(X, columns=["q1", "q2", "s1", "s2"])


def quietly(*args, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CsiWarning)
        return csi.fit(*args, **options)


class TestSeminr:
    def test_composites_of_a_mixed_model_stay_as_they_are(self, reference, mobi):
        """seminr corrects Mode A composites for attenuation beside factors: its mixed model is the model of factors alone."""
        recorded = reference("mobi_ecsi_mixed_plsc_seminr_CAUTION")
        mixed = quietly(model_of(recorded["model"]), mobi, tolerance=1e-12).paths
        factors = quietly(model_of(reference("mobi_ecsi_plsc_path")["model"]), mobi, tolerance=1e-12).paths
        theirs = {(path["from"], path["to"]): path["value"] for path in recorded["path_coef"]}
        assert max(abs(factors.at[ends] - value) for ends, value in theirs.items()) < 1e-8
        assert 0.22 < max(abs(mixed.at[ends] - value) for ends, value in theirs.items()) < 0.24

    def test_weights_that_do_not_settle_are_a_warning(self, ecsi_model, twin):
        """seminr returns them without a word."""
        with pytest.warns(CsiWarning, match="did not settle"):
            assert not csi.fit(ecsi_model, twin, max_iterations=2).converged

    def test_impossible_correlations_are_a_warning(self, golden, twin):
        """seminr returns disattenuated correlations that are not positive semi-definite without a word."""
        with pytest.warns(CsiWarning, match=r"not positive semi-definite \(smallest eigenvalue -0\.\d+\)"):
            fit = csi.fit(model_of(golden["cases"]["mobi_ecsi_plsc_path"]["model"]), twin)
        assert np.linalg.eigvalsh(fit.construct_correlations)[0] == pytest.approx(fit.smallest_eigenvalue)
        assert fit.smallest_eigenvalue < -1e-3

    def test_replicates_of_a_weak_block_keep_their_direction(self):
        """seminr leaves the sign of each replicate to itself: of a weak block, most can have a path of the opposite sign."""
        rng = np.random.default_rng(0)
        s = rng.normal(size=100)
        weak = {"w1": 0.4 * s + rng.normal(size=100), "w2": -0.4 * s + rng.normal(size=100)}
        frame = pd.DataFrame(weak | {"s1": s + 0.3 * rng.normal(size=100), "s2": s + 0.3 * rng.normal(size=100)})
        fit = csi.fit(csi.Model.parse("W <~ w1 + w2; S <~ s1 + s2; S ~ W"), frame)
        boot = csi.bootstrap(fit, 500)
        agree = np.sign(boot.draws.paths[:, 0, 1]) == np.sign(fit.paths.at["W", "S"])
        alone = estimate(boot.moments.correlation, fit.layout).paths[:, 0, 1]
        assert 0.2 < (np.sign(alone) == np.sign(fit.paths.at["W", "S"])).mean() < 0.8
        assert agree.mean() > 0.99

    def test_every_repetition_deals_its_own_folds(self, reference):
        """seminr's `predict_pls(reps=)` repeats the same folds, so that its repetitions do not differ at all."""
        assert reference("mobi_ecsi_plspredict")["seminr_reps_argument_bug_max_abs_difference_reps1_vs_reps3"] == 0
        found = csi.predict(csi.fit(SMALL, answers()), repetitions=3)
        assert len(np.unique(found.assignment, axis=0)) == 3
        assert len(np.unique(found.errors.rmse[:, 0, 0])) == 3


class TestPlspmForPython:
    def test_no_two_replicates_are_the_same(self):
        """Its parallel processes draw the same resamples; here no block of draws repeats another."""
        boot = csi.bootstrap(csi.fit(SMALL, answers()), 1600)
        W = np.concatenate([W for _, W in boot.resamples()])
        assert len(np.unique(W, axis=0)) == 1600

    def test_every_item_is_divided_by_its_own_spread(self):
        """Its `scaled=True` divides all items by one pooled standard deviation: paths then depend on units."""
        one, other = answers(), answers().assign(q1=lambda d: 100 * d.q1 + 7)
        assert np.abs(csi.fit(SMALL, one).paths - csi.fit(SMALL, other).paths).max().max() < 1e-10

    def test_replicates_that_fail_are_counted(self):
        """It drops them without a count."""
        frame = answers(n=40).assign(q2=0.0)
        frame.loc[0, "q2"] = 1.0
        with pytest.warns(CsiWarning, match="constant item"):
            boot = csi.bootstrap(csi.fit(SMALL, frame), 400)
        without = sum((W[:, 0] == 0).sum() for _, W in boot.resamples())
        assert boot.failed["constant item"] == without > 0
        assert f"not used: {without} constant item" in str(boot)
        assert (boot.paths["draws"] == 400 - without).all()


class TestOpenplsEngine:
    def test_bca_has_an_acceleration(self):
        """Its "BCa" has none, which is the interval called "bc" here."""
        rng = np.random.default_rng(3)
        frame = answers(n=40) + rng.gamma(0.3, 3, (40, 1))  # a few cases pull hard
        boot = csi.bootstrap(csi.fit(SMALL, frame), 600, interval="bca")
        plain, accelerated = (boot.quantity("paths", how).iloc[0] for how in ("bc", "bca"))
        assert abs(boot.jackknife.acceleration("paths")[0]) > 0.05
        assert plain["ci_low"] != accelerated["ci_low"]

    def test_performance_stands_on_the_ends_of_the_scale_not_on_those_observed(self):
        """Its map takes the lowest and highest answer for the ends of the scale."""
        frame = (answers().clip(-2, 2) + 6).round()
        fit = csi.fit(SMALL, frame, scale=(1, 10))
        assert frame.min().min() > 1
        assert frame.max().max() < 10
        u, _ = fit.unit_weights()
        table = csi.importance_performance(fit, target="S").table().set_index("term")
        expected = (u[:2] * (frame[["q1", "q2"]].mean() - 1) / 9 * 100).sum()
        assert table.at["Q", "performance"] == pytest.approx(expected)


class TestSemopy:
    def test_the_log_likelihood_is_that_of_the_answers(self, reference, mobi):
        """Its "LogLik" is the discrepancy, so that its AIC and BIC cannot be compared with any other."""
        theirs = reference("semopy_mobi_acsi")["fit_measures"]
        fit = csi.fit_cbsem(csi.Model.parse(reference("lavaan_mobi_acsi_ml")["model"]), mobi)
        assert theirs["LogLik"] == pytest.approx(fit.maximum.discrepancy, abs=1e-3)
        X = mobi[list(fit.model.items)]
        density = multivariate_normal(X.mean(), fit.implied_covariances.to_numpy())
        assert fit.likelihood.log_likelihood == pytest.approx(density.logpdf(X).sum(), rel=1e-10)
        parameters = fit.fit_measures["parameters"]
        assert fit.fit_measures["aic"] == pytest.approx(2 * parameters - 2 * fit.likelihood.log_likelihood)
        assert abs(fit.fit_measures["aic"] - theirs["AIC"]) > 10_000
