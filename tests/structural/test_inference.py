"""bootstrap: the same replicates as a peer from the same rows, one call of the core a block, nothing hidden."""

import numpy as np
import pandas as pd
import pytest
from conftest import model_of

import csi
from csi.errors import CsiWarning, EstimationError
from csi.kernel import estimates as kernel
from csi.structural import stages
from csi.structural.replication import replicate


@pytest.fixture(scope="module")
def fit(ecsi_model, twin):
    return csi.fit(ecsi_model, twin, scale=(-20, 40))


def test_replicates_equal_the_peers_from_their_recorded_rows(reference, mobi):
    case = reference("mobi_ecsi_modeA_bootstrap5000")
    recorded = case["replicates"]
    fit = csi.fit(model_of(reference("mobi_ecsi_modeA_path")["model"]), mobi, tolerance=1e-12)
    W = np.array([np.bincount(rows, minlength=250) for rows in recorded["indices"]], dtype=float)
    batch, problems = replicate(fit, W)
    draws = batch.estimates
    assert (problems == "").all()
    names = list(fit.model.names)
    ends = [path.split(" -> ") for path in recorded["path_names"]]
    paths = draws.paths[:, [names.index(a) for a, _ in ends], [names.index(b) for _, b in ends]]
    assert np.abs(paths - recorded["paths"]).max() < 1e-6
    items = [list(fit.model.items).index(pair.split("|")[1]) for pair in recorded["outer_items"]]
    assert np.abs(draws.loadings[:, items] - recorded["loadings"]).max() < 1e-6
    assert np.abs(draws.weights[:, items] - recorded["weights"]).max() < 1e-6


def test_standard_errors_agree_with_the_peer_within_monte_carlo_error(reference, mobi):
    fit = csi.fit(model_of(reference("mobi_ecsi_modeA_path")["model"]), mobi)
    ours = csi.bootstrap(fit, 5000).paths.set_index("term")["std_error"]
    for path in reference("mobi_ecsi_modeA_bootstrap5000")["bootstrapped_paths"]:
        # two independent runs of 5,000 draws, and n - 1 against n units drawn
        assert ours[f"{path['from']} -> {path['to']}"] == pytest.approx(path["sd"], rel=0.06)


def test_no_loop_over_replicates(fit, monkeypatch):
    calls = []

    def counted(R, *args):
        calls.append(len(R))
        return kernel.estimate(R, *args)

    monkeypatch.setattr(stages, "estimate", counted)
    csi.bootstrap(fit, 4200)
    assert sorted(calls) == [104, 4096]  # the batches may be estimated side by side


def test_the_same_seed_gives_the_same_draws_however_many_are_asked_for(fit):
    long, short, other = (
        csi.bootstrap(fit, 700, seed=3),
        csi.bootstrap(fit, 600, seed=3),
        csi.bootstrap(fit, 600, seed=4),
    )
    assert (long.draws.paths[:600] == short.draws.paths).all()
    assert not np.array_equal(short.draws.paths, other.draws.paths)


def test_one_batch_is_many_singles(fit):
    W = next(iter(csi.bootstrap(fit, 20).resamples()))[1]
    together = replicate(fit, W)[0].estimates
    for b in range(len(W)):
        alone = replicate(fit, W[[b]])[0].estimates
        assert np.abs(alone.paths - together.paths[[b]]).max() < 1e-12


def test_resamples_can_be_replayed(fit):
    boot = csi.bootstrap(fit, 600)
    for part, W in boot.resamples():
        again = replicate(fit, W)[0].estimates
        assert (again.paths == boot.draws.paths[part]).all()


def test_factor_replicates_that_are_inadmissible_are_counted_and_dropped():
    rng = np.random.default_rng(2)
    eta = rng.normal(size=(60, 1))
    frame = pd.DataFrame(
        np.hstack([0.6 * eta + 0.8 * rng.normal(size=(60, 3)), 0.55 * eta + 0.8 * rng.normal(size=(60, 3))]),
        columns=["a1", "a2", "a3", "b1", "b2", "b3"],
    )
    model = csi.Model.parse("A =~ a1 + a2 + a3; B =~ b1 + b2 + b3; B ~ A")
    fit = csi.fit(model, frame)
    assert fit.admissible
    with pytest.warns(CsiWarning, match="replicates could not be used"):
        boot = csi.bootstrap(fit, 1000)
    lost = boot.failed["inadmissible"]
    assert lost > 0
    assert (~boot.usable).sum() == sum(boot.failed.values())
    assert np.isfinite(boot.draws.weights).all()  # kept, only not used
    assert f"{lost} inadmissible" in str(boot)


@pytest.mark.parametrize("gaps", [0.0, 0.05])
def test_every_replicate_with_a_constant_item_is_found(gaps):
    """Rounding must not pass for spread, nor an EM that only creeps towards zero variance."""
    rng = np.random.default_rng(8)
    X = (rng.normal(size=(12, 1)) + 0.5 * rng.normal(size=(12, 4)) > 0.9) * 1.0 + 7
    X[rng.random(X.shape) < gaps] = np.nan
    model = csi.Model.parse("Q <~ q1 + q2; S <~ s1 + s2; S ~ Q")
    with pytest.warns(CsiWarning, match="constant item"):
        boot = csi.bootstrap(csi.fit(model, pd.DataFrame(X, columns=["q1", "q2", "s1", "s2"])), 3000)
    constant = 0
    for _, W in boot.resamples():
        for w in W:
            drawn = X[w > 0]
            constant += bool((np.nanmax(drawn, axis=0) == np.nanmin(drawn, axis=0)).any())
    assert boot.failed["constant item"] == constant > 0


def test_replicates_that_lose_all_spread_are_counted():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(rng.normal(size=(40, 2)), columns=["q", "s"]).assign(s=lambda d: d.q + d.s, rare=0.0)
    frame.loc[0, "rare"] = 1.0
    model = csi.Model.parse("Q <~ q + rare; S <~ s; S ~ Q")
    with pytest.warns(CsiWarning, match="constant item"):
        boot = csi.bootstrap(csi.fit(model, frame), 500)
    assert 0.25 < boot.failed["constant item"] / 500 < 0.5  # (1 - 1/40)^39 = 0.37
    assert np.isfinite(boot.paths["std_error"]).all()


def test_percentile_intervals_cover(ecsi_model):
    """Coverage of a path's 95 % interval on 200 simulated samples: within Monte-Carlo error of 95 %."""
    rng = np.random.default_rng(11)
    model = csi.Model.parse("Q <~ q; S <~ s; S ~ Q")
    hits = 0
    for _ in range(200):
        q = rng.normal(size=150)
        s = 0.5 * q + np.sqrt(0.75) * rng.normal(size=150)
        row = csi.bootstrap(csi.fit(model, pd.DataFrame({"q": q, "s": s})), 400).paths.iloc[0]
        hits += row["ci_low"] <= 0.5 <= row["ci_high"]
    assert 0.90 <= hits / 200 <= 0.985


@pytest.mark.parametrize("options", [{"draws": 1}, {"level": 1.0}])
def test_impossible_requests(fit, options):
    with pytest.raises(EstimationError, match="bootstrap needs"):
        csi.bootstrap(fit, **options)


def test_zero_is_tested_where_it_is_a_hypothesis(fit):
    boot = csi.bootstrap(fit, 50)
    assert boot.paths["p_value"].notna().all()
    for name in ("r_squared", "alpha", "htmt", "index", "item_vif"):
        assert boot.quantity(name)["p_value"].isna().all(), name


def test_what_is_not_estimated_has_no_interval(fit):
    loading = csi.bootstrap(fit, 50).loadings.set_index("term").loc["CUSCO"]  # a single item
    assert loading["estimate"] == pytest.approx(1)
    assert loading[["std_error", "ci_low", "ci_high", "p_value"]].isna().all()
