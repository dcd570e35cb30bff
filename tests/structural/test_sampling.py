"""Survey designs: strata, clusters and margins enter every replicate."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import csi
from csi.errors import CsiError, CsiWarning, EstimationError, SurveyError
from csi.structural.sampling import sample_of
from csi.survey.design import Design

MODEL = csi.Model.parse("Q <~ q1 + q2; S <~ s1 + s2; S ~ Q")


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(7)
    n = 300
    region = rng.integers(0, 3, n)
    branch = region * 10 + rng.integers(0, 8, n)
    level = rng.normal(size=40)[branch]  # answers of a branch resemble one another
    q = level + rng.normal(size=n)
    s = 0.6 * q + rng.normal(size=n)
    items = {"q1": q + rng.normal(size=n), "q2": q + rng.normal(size=n), "s1": s + rng.normal(size=n), "s2": s}
    return pd.DataFrame(items).assign(
        region=region.astype(str), branch=branch.astype(str), w=rng.uniform(0.5, 2, n), sex=np.where(q > 0.5, "f", "m")
    )


def error_of(frame, **options):
    boot = csi.bootstrap(csi.fit(MODEL, frame, scale=(-5, 5), **options), 800)
    return boot.quantity("index").set_index("term")["std_error"]["S"]


class TestDesigns:
    def test_clusters_are_drawn_whole(self, frame):
        fit = csi.fit(MODEL, frame, design=Design(clusters="branch"))
        W = np.concatenate([W for _, W in csi.bootstrap(fit, 20).resamples()])
        for _, rows in frame.groupby("branch").groups.items():
            assert (W[:, rows] == W[:, rows[:1]]).all()

    def test_clusters_that_resemble_one_another_widen_the_interval(self, frame):
        assert error_of(frame, design=Design(clusters="branch")) > 1.4 * error_of(frame)

    def test_each_stratum_keeps_its_weight(self, frame):
        fit = csi.fit(MODEL, frame, design=Design(strata="region"), weight="w")
        W = np.concatenate([W for _, W in csi.bootstrap(fit, 400).resamples()])
        for _, rows in frame.groupby("region").groups.items():
            assert W[:, rows].sum(axis=1).mean() == pytest.approx(frame["w"][rows].sum(), rel=0.02)

    def test_strata_that_differ_narrow_the_interval(self, frame):
        shifted = frame.assign(**{i: frame[i] + 3 * frame["region"].astype(int) for i in MODEL.items})
        simple = csi.fit(MODEL, shifted, scale=(-5, 15))
        strata = csi.fit(MODEL, shifted, scale=(-5, 15), design=Design(strata="region"))
        errors = [csi.bootstrap(f, 600).quantity("index")["std_error"].iloc[1] for f in (simple, strata)]
        assert errors[1] < 0.8 * errors[0]

    def test_margins_are_met_again_in_every_replicate(self, frame):
        fit = csi.fit(MODEL, frame, design=Design(margins={"sex": {"f": 0.5, "m": 0.5}}))
        W = np.concatenate([W for _, W in csi.bootstrap(fit, 50).resamples()])
        women = (frame["sex"] == "f").to_numpy()
        assert np.allclose(W[:, women].sum(axis=1) / W.sum(axis=1), 0.5, atol=1e-9)

    def test_a_margin_tied_to_satisfaction_narrows_the_interval(self, frame):
        """Weights that were raked once and then held would not know what the margin has made sure."""
        shares = frame["sex"].value_counts(normalize=True).to_dict()
        raked = error_of(frame, design=Design(margins={"sex": shares}))
        assert raked < 0.95 * error_of(frame)

    def test_a_single_unit_raises_or_joins_the_next(self, frame):
        lone = frame.assign(region=["alone", *frame["region"][1:]])
        with pytest.raises(EstimationError, match="stratum 'alone' of 'region' has one respondent"):
            csi.fit(MODEL, lone, design=Design(strata="region"))
        fit = csi.fit(MODEL, lone, design=Design(strata="region", single_psu="collapse"))
        assert len(np.unique(fit.cases.sample.strata)) == 3

    def test_the_same_cluster_name_in_two_strata_is_two_clusters(self):
        design = Design(strata="h", clusters="c")
        columns = {"h": pd.Series(list("aabb")), "c": pd.Series(list("xyxy"))}
        sample = sample_of(design, columns, np.ones(4))
        assert len(np.unique(sample.units)) == 4

    def test_frequencies_are_rows_written_once(self, frame):
        counted = frame[:100].assign(times=np.random.default_rng(1).integers(1, 4, 100))
        long = counted.loc[counted.index.repeat(counted["times"])].reset_index(drop=True)
        once, many = csi.fit(MODEL, counted, frequency="times"), csi.fit(MODEL, long)
        assert once.n == many.n == counted["times"].sum()
        assert (csi.bootstrap(once, 20).draws.paths == csi.bootstrap(many, 20).draws.paths).all()

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"design": Design(strata="zone")}, "names the column 'zone'"),
            ({"design": Design(margins={"sex": {"f": 1.0}})}, "no share for 'm'"),
            ({"design": Design(margins={"sex": {"f": 0.4, "m": 0.4, "x": 0.2}})}, "no respondent has the level 'x'"),
            ({"frequency": "w"}, "whole number"),
        ],
    )
    def test_faults(self, frame, options, message):
        with pytest.raises(CsiError, match=message):
            csi.fit(MODEL, frame, **options)

    def test_shares_must_be_above_zero(self):
        with pytest.raises(SurveyError, match="share of 'f' is 0"):
            Design(margins={"sex": {"f": 0, "m": 1}})


class TestIntervals:
    @pytest.mark.parametrize("how", ["percentile", "bc", "bca", "studentised"])
    def test_every_method_tells_nearly_the_same_of_a_plain_path(self, frame, how):
        fit = csi.fit(MODEL, frame[:120])
        row = csi.bootstrap(fit, 300, interval="bca").quantity("paths", how).iloc[0]
        plain = csi.bootstrap(fit, 300).paths.iloc[0]
        width = plain["ci_high"] - plain["ci_low"]
        assert abs(row["ci_low"] - plain["ci_low"]) < 0.35 * width
        assert abs(row["ci_high"] - plain["ci_high"]) < 0.35 * width
        assert row["ci_low"] < row["estimate"] < row["ci_high"]

    def test_bca_needs_its_jackknife(self, frame):
        with pytest.raises(EstimationError, match="interval='bca'"):
            csi.bootstrap(csi.fit(MODEL, frame), 20).quantity("paths", "bca")

    def test_the_jackknife_error_is_near_the_bootstrap_s(self, frame):
        fit = csi.fit(MODEL, frame, design=Design(strata="region", clusters="branch"))
        left = csi.jackknife(fit)
        assert len(left.strata) == frame["branch"].nunique()
        error = left.quantity("paths")["std_error"].iloc[0]
        assert error == pytest.approx(csi.bootstrap(fit, 1000).paths["std_error"].iloc[0], rel=0.25)

    def test_unknown_quantities_are_named(self, frame):
        with pytest.raises(EstimationError, match="no quantity 'path'"):
            csi.bootstrap(csi.fit(MODEL, frame), 20).quantity("path")

    def test_every_quantity_can_be_bootstrapped(self, frame):
        from csi.structural.quantities import QUANTITIES, values_of

        fit = csi.fit(MODEL, frame, scale=(-5, 5))
        boot = csi.bootstrap(fit, 40)
        for name in QUANTITIES:
            table = boot.quantity(name)
            spread = np.ptp(values_of(name, boot.batch, fit.batch)[1], axis=0)
            assert (table["std_error"].notna() == (spread > 1e-12)).all(), name

    def test_every_quantity_stands_replicates_that_are_lost(self):
        from csi.structural.quantities import QUANTITIES

        rng = np.random.default_rng(3)
        frame = pd.DataFrame(rng.normal(size=(40, 4)), columns=MODEL.items).assign(q1=0.0)
        frame.loc[0, "q1"] = 1.0
        with pytest.warns(CsiWarning, match="constant item"):
            boot = csi.bootstrap(csi.fit(MODEL, frame, scale=(-5, 5)), 60)
        for name in QUANTITIES:
            assert (boot.quantity(name)["draws"] < 60).all(), name

    def test_progress_is_told(self, frame):
        seen = []
        csi.bootstrap(csi.fit(MODEL, frame), 600, progress=lambda done, total: seen.append((done, total)))
        assert seen[-1] == (600, 600)


@settings(max_examples=15, deadline=None)
@given(factor=st.floats(0.01, 100), seed=st.integers(0, 5))
def test_a_constant_factor_on_the_weights_changes_nothing(factor, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(40, 1))
    frame = pd.DataFrame(x + rng.normal(size=(40, 4)), columns=MODEL.items).assign(w=rng.uniform(1, 2, 40))
    one = csi.bootstrap(csi.fit(MODEL, frame, weight="w"), 30)
    other = csi.bootstrap(csi.fit(MODEL, frame.assign(w=frame["w"] * factor), weight="w"), 30)
    assert np.allclose(one.draws.paths, other.draws.paths, atol=1e-9)
