"""Unnamed segments: a peer's solution is matched or beaten, planted segments are found, homogeneous samples stay whole."""

import warnings

import numpy as np
import pandas as pd
import pytest
from conftest import model_of, square
from sklearn.metrics import adjusted_rand_score

import csi
from csi.errors import CsiWarning, EstimationError
from csi.kernel.mixture import criteria, parameters
from csi.structural.segments import fimix, pos

MODEL = csi.Model.parse("Q <~ q1 + q2; V <~ v1 + v2; S <~ s1 + s2; L <~ l1 + l2; S ~ Q + V; L ~ S + Q")


def answers(n, kinds, seed=1):
    """Items of four constructs; each kind of respondent has its own paths Q -> S, V -> S, S -> L, Q -> L."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, len(kinds), n)
    p = np.array(kinds)[kind]
    q, v = rng.normal(size=(2, n))
    s = p[:, 0] * q + p[:, 1] * v + 0.1 * rng.normal(size=n)
    loyalty = p[:, 2] * s + p[:, 3] * q + 0.1 * rng.normal(size=n)
    columns = {"q": q, "v": v, "s": s, "l": loyalty}
    return pd.DataFrame({f"{c}{i}": x + 0.1 * rng.normal(size=n) for c, x in columns.items() for i in (1, 2)}), kind


OPPOSITE = [(0.9, 0.3, 0.8, 0.5), (0.3, 0.9, -0.3, -0.9)]


@pytest.fixture(scope="module")
def planted():
    frame, kind = answers(300, OPPOSITE)
    return csi.fit(MODEL, frame), kind


@pytest.fixture(scope="module")
def latent(planted):
    return fimix(planted[0], (1, 2))


@pytest.fixture(scope="module")
def divided(planted):
    return pos(planted[0], 2)


@pytest.fixture(scope="module")
def mobi_fit(reference, mobi):
    return csi.fit(model_of(reference("mobi_ecsi_modeA_path")["model"]), mobi, tolerance=1e-12)


def quietly(action, *args, **kwargs):
    """Local maxima of real data may be found by one start only; the warning has its own test."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CsiWarning)
        return action(*args, **kwargs)


@pytest.mark.parametrize("K", [2, 3])
def test_the_peers_solution_is_found(reference, mobi_fit, K):
    theirs = reference("fimix_mobi_ecsi")["segments"][f"K{K}"]
    latent = quietly(fimix, mobi_fit, K, tolerance=1e-10)
    assert latent.log_likelihood >= theirs["log_likelihood"] - 1e-6
    assert latent.log_likelihood == pytest.approx(theirs["log_likelihood"], abs=1e-5)
    order = np.argsort(theirs["proportions"])[::-1]
    assert latent.shares.to_numpy() == pytest.approx(np.array(theirs["proportions"])[order], abs=1e-5)
    assert latent.sizes.tolist() == [theirs["sizes"][k] for k in order]
    for number, k in enumerate(order, start=1):
        paths = square(theirs["paths"][k])
        for term, value in latent.paths[number].items():
            assert value == pytest.approx(paths.at[tuple(term.split(" -> "))], abs=1e-4)
    assert latent.criteria.at[K, "EN"] == pytest.approx(theirs["criteria"]["EN"], abs=1e-5)


@pytest.mark.parametrize("K", [2, 3])
def test_criteria_follow_the_peers_log_likelihood(reference, mobi_fit, K):
    theirs = reference("fimix_mobi_ecsi")["segments"][f"K{K}"]
    assert parameters(mobi_fit.layout, K) == theirs["n_parameters"]
    ours = criteria(theirs["log_likelihood"], 0.0, np.full((K, 250), 1 / K), np.ones(250), mobi_fit.layout)
    for name in ("lnL", "AIC", "AIC3", "AIC4", "BIC", "CAIC", "HQ"):
        assert ours[name] == pytest.approx(theirs["criteria"][name], abs=1e-9)


@pytest.mark.parametrize("K", [2, 3])
def test_mdl5_weighs_parameters_five_times_as_bic_does(reference, mobi_fit, K):
    """The factor 5 of its name (Liang et al. 1992); the peer's number has one half, milder than BIC, in its place."""
    theirs = reference("fimix_mobi_ecsi")["segments"][f"K{K}"]
    ours = criteria(theirs["log_likelihood"], 0.0, np.full((K, 250), 1 / K), np.ones(250), mobi_fit.layout)
    penalty = parameters(mobi_fit.layout, K) * np.log(250)
    assert ours["MDL5"] == pytest.approx(-2 * theirs["log_likelihood"] + 5 * penalty)
    assert theirs["criteria"]["MDL5"] == pytest.approx(-2 * theirs["log_likelihood"] + penalty / 2)


def test_planted_segments_are_recovered(planted, latent):
    fit, kind = planted
    assert latent.number == 2
    assert adjusted_rand_score(kind, latent.memberships) > 0.8
    assert (latent.criteria["BIC"].idxmin(), latent.criteria["CAIC"].idxmin()) == (2, 2)
    signs = np.sign(latent.paths.loc["Q -> L"])
    assert sorted(signs) == [-1, 1]
    assert latent.r_squared.loc["L"].min() > fit.r_squared["L"]


def test_a_homogeneous_sample_stays_whole():
    latent = quietly(fimix, csi.fit(MODEL, answers(300, OPPOSITE[:1])[0]), (1, 2, 3))
    assert (latent.criteria["BIC"].idxmin(), latent.criteria["CAIC"].idxmin()) == (1, 1)
    assert latent.number == 1


def test_one_segment_has_the_paths_of_the_fit(planted, latent):
    fit, _ = planted
    for term, value in latent[1].paths[1].items():
        assert value == pytest.approx(fit.paths.at[tuple(term.split(" -> "))], abs=1e-9)
    assert np.allclose(latent[1].r_squared[1], fit.r_squared)


def test_the_same_seed_gives_the_same_segments_alone_or_among_others(planted, latent):
    alone = fimix(planted[0], 2)
    assert (alone.probabilities == latent[2].probabilities).all(axis=None)


def test_probabilities_shares_and_memberships_belong_together(latent):
    two = latent[2]
    assert np.allclose(two.probabilities.sum(axis=1), 1)
    assert (two.memberships == two.probabilities.idxmax(axis=1)).all()
    assert np.allclose(two.shares, two.probabilities.mean())
    assert two.shares.is_monotonic_decreasing
    assert two.sizes.tolist() == two.memberships.value_counts().sort_index().tolist()


def test_unused_rows_have_no_segment(planted):
    frame = answers(300, OPPOSITE)[0]
    frame.loc[4, "q1"] = np.nan
    latent = fimix(csi.fit(MODEL, frame, missing="listwise"), 2)
    assert latent.memberships.isna().to_numpy().nonzero()[0].tolist() == [4]
    assert latent.probabilities.isna().any(axis=1).to_numpy().nonzero()[0].tolist() == [4]
    assert latent.sizes.sum() == 299


def test_a_constant_factor_on_the_weights_changes_nothing(planted):
    frame, _ = answers(300, OPPOSITE)
    frame["w"] = np.random.default_rng(2).uniform(0.5, 2, 300)
    first, second = (fimix(csi.fit(MODEL, frame.assign(w=frame["w"] * c), weight="w"), 2) for c in (1, 7))
    unweighted = fimix(planted[0], 2)
    assert first.log_likelihood == pytest.approx(second.log_likelihood, abs=1e-6)
    assert np.allclose(first.paths, second.paths, atol=1e-6)
    assert abs(first.log_likelihood - unweighted.log_likelihood) > 1


def test_a_solution_that_one_start_found_is_a_warning(planted):
    with pytest.warns(CsiWarning, match="only one of 1 starts reached the best solution with 2 segments"):
        fimix(planted[0], 2, starts=1)
    with pytest.warns(CsiWarning, match="had not converged after 2 iterations"):
        fimix(planted[0], 2, max_iterations=2)


def test_all_starts_singular():
    """An effect that is its cause without error in half of the cases draws every start to a variance of zero."""
    rng = np.random.default_rng(3)
    q = rng.normal(size=80)
    frame = pd.DataFrame({"q": q, "s": np.where(np.arange(80) % 2 == 0, q, rng.normal(size=80))})
    fit = csi.fit(csi.Model.parse("Q <~ q; S <~ s; S ~ Q"), frame)
    with pytest.raises(EstimationError, match="all 30 starts with 2 segments became singular"):
        fimix(fit, 2)
    with pytest.warns(CsiWarning, match="with 2 segments became singular"):
        assert list(fimix(fit, (1, 2)).solutions) == [1]


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (lambda fit: fimix(fit, 0), "must be 1 or more"),
        (lambda fit: fimix(fit, ()), "must be 1 or more"),
        (lambda fit: fimix(fit, 2, tolerance=0), "tolerance must be above 0"),
        (lambda fit: fimix(fit, 200), "300 cases cannot hold 200 segments"),
        (lambda fit: pos(fit, 1), "one segment is the fit itself"),
        (lambda fit: pos(fit, 2, smallest=200), "ask for at most 1"),
    ],
)
def test_what_cannot_be_asked(planted, action, message):
    with pytest.raises(EstimationError, match=message):
        action(planted[0])


def test_a_number_that_was_not_estimated(latent):
    with pytest.raises(EstimationError, match="Those estimated have 1, 2"):
        latent[3]


def test_prediction_segments_recover_planted_ones(planted, divided):
    fit, kind = planted
    assert adjusted_rand_score(kind, divided.memberships) > 0.8
    assert divided.undivided == pytest.approx(fit.r_squared.sum(), abs=1e-6)
    assert divided.objective > divided.undivided + 0.3
    assert divided.reached > 1


def test_every_climb_rises(divided):
    assert (divided.objectives["end"] >= divided.objectives["start"]).all()


def test_prediction_segments_are_the_models_of_their_cases(planted, divided):
    """Fitting the cases of a segment alone gives the paths and R2 that the segmentation reports."""
    frame, _ = answers(300, OPPOSITE)
    for segment in (1, 2):
        alone = csi.fit(MODEL, frame[(divided.memberships == segment).to_numpy()])
        for term, value in divided.paths[segment].items():
            assert abs(value) == pytest.approx(abs(alone.paths.at[tuple(term.split(" -> "))]), abs=1e-6)
        assert np.allclose(divided.r_squared[segment], alone.r_squared, atol=1e-6)
    weighted = (divided.r_squared.sum() * divided.shares).sum()
    assert divided.objective == pytest.approx(weighted)


def test_prediction_segments_keep_their_smallest_size_and_their_seed(planted):
    fit, _ = planted
    one, again = (quietly(pos, fit, 3, starts=2, smallest=60) for _ in range(2))
    assert one.sizes.min() >= 60
    assert one.memberships.equals(again.memberships)


def test_prediction_segments_with_gaps_and_weights():
    frame, kind = answers(300, OPPOSITE)
    frame = frame.mask(np.random.default_rng(5).random(frame.shape) < 0.03)
    frame["w"] = np.random.default_rng(2).uniform(0.5, 2, 300)
    divided = pos(csi.fit(MODEL, frame, weight="w"), 2)
    assert adjusted_rand_score(kind, divided.memberships) > 0.8


def test_weights_that_are_given_stay_in_every_segment():
    frame, kind = answers(300, OPPOSITE)
    constructs = [csi.Construct("Q", ["q1", "q2"], weights=[1, 1])]
    constructs += [csi.Construct(name, [f"{name.lower()}1", f"{name.lower()}2"]) for name in "VSL"]
    fit = csi.fit(csi.Model(constructs, MODEL.paths), frame)
    divided = pos(fit, 2)
    assert adjusted_rand_score(kind, divided.memberships) > 0.8
    alone = csi.fit(fit.model, frame[(divided.memberships == 1).to_numpy()])
    assert np.allclose(divided.r_squared[1], alone.r_squared, atol=1e-6)


def test_a_model_of_several_stages_has_latent_segments_only():
    """Products and scores are columns of the last stage: its regressions can be mixed, its items cannot be weighted anew."""
    frame, _ = answers(300, OPPOSITE)
    paths = {"Q": ["S"], "V": ["S"], "Q*V": ["S"], "S": ["L"]}
    fit = csi.fit(csi.Model(MODEL.constructs, paths), frame)
    latent = quietly(fimix, fit, 2)
    assert "Q*V -> S" in latent.paths.index
    assert latent.sizes.sum() == 300
    with pytest.raises(EstimationError, match="a model of one stage"):
        pos(fit, 2)


def test_a_division_that_one_start_found_is_a_warning(planted):
    with pytest.warns(CsiWarning, match="only one of 1 starts found these 2 segments"):
        pos(planted[0], 2, starts=1)


def test_they_print_in_a_dozen_lines(latent, divided):
    for result in (latent, divided):
        assert len(str(result).splitlines()) <= 12
        assert list(result.table().columns[:2]) == ["term", "estimate"]
        assert len(result.table()) == 2 * 4


def test_memberships_serve_as_a_grouping_column(planted, divided):
    means = planted[0].scores.groupby(divided.memberships)["L"].size()
    assert means.to_dict() == divided.sizes.to_dict()
