"""Permutations: labels exchanged within their sets, moments of the groups under each, MICOM's statistics by their definitions."""

import numpy as np
import pytest
from conftest import model_of

import csi
from csi.kernel import permutation
from csi.kernel.moments import moments
from csi.kernel.permutation import (
    compositional_invariance,
    log_exchanges,
    moments_by_label,
    p_above,
    p_below,
    p_two_sided,
    permuted_labels,
    score_moments,
)


def all_labels(codes, sets, permutations, seed=1):
    return np.vstack(list(permuted_labels(np.array(codes), np.array(sets), permutations, seed)))


def test_labels_are_exchanged_within_their_sets_only():
    codes, sets = np.array([0, 1, 1, 0, 2, 0, 1]), np.array([0, 1, 0, 1, 0, 1, 1])
    labels = all_labels(codes, sets, 300)
    for h in (0, 1):
        assert (np.sort(labels[:, sets == h], axis=1) == np.sort(codes[sets == h])).all()
    assert len(np.unique(labels, axis=0)) == round(np.exp(log_exchanges(codes, sets))) == 6 * 6


def test_every_labelling_is_equally_likely():
    labels = all_labels([0, 0, 1, 1], [0, 0, 0, 0], 6000)
    _, counts = np.unique(labels, axis=0, return_counts=True)
    assert len(counts) == 6
    assert ((counts - 1000) ** 2 / 1000).sum() < 20.5  # 99.9 % of chi-squared with 5 degrees of freedom


def test_permutations_do_not_depend_on_how_many_are_wanted_nor_on_the_pieces(monkeypatch):
    codes, sets = np.arange(40) % 3, np.zeros(40, dtype=int)
    many = all_labels(codes, sets, 1100)
    assert (many[:700] == all_labels(codes, sets, 700)).all()
    assert not np.array_equal(many[:512], many[512:1024])
    monkeypatch.setattr(permutation, "_CELLS", 1000)
    assert (all_labels(codes, sets, 1100) == many).all()


@pytest.mark.parametrize("gaps", [0.0, 0.08])
@pytest.mark.parametrize("groups", [2, 3])
def test_moments_of_each_group_are_those_of_its_rows_alone(gaps, groups):
    rng = np.random.default_rng(4)
    X = 5 + rng.normal(size=(90, 1)) + rng.normal(size=(90, 4))
    X[rng.random(X.shape) < gaps] = np.nan
    w = rng.uniform(0.5, 2, 90)
    labels = rng.integers(0, groups, (20, 90))  # sizes differ from row to row, as they do when clusters are exchanged
    found = moments_by_label(X, w, labels, groups, "em", moments(X, w[None]))
    for g, m in enumerate(found):
        for b in range(20):
            own = labels[b] == g
            alone = moments(X[own], w[None, own])
            assert m.n[b] == own.sum()
            # EM of replicates stops earlier
            assert np.abs(m.mean[b] - alone.mean[0]).max() < (1e-3 if gaps else 1e-12)
            assert np.abs(m.cov[b] - alone.cov[0]).max() < (1e-3 if gaps else 1e-12)


def test_an_item_that_is_constant_in_the_last_group_has_no_variance_left_by_rounding():
    rng = np.random.default_rng(5)
    X = rng.integers(1, 11, (60, 2)).astype(float)
    labels = np.repeat([0, 1], 30)[None]
    X[30:, 0] = X[:30, 0].mean()  # exactly at the pooled mean, where nothing but rounding is left
    last = moments_by_label(X, rng.uniform(0.5, 2, 60), labels, 2, "em", moments(X, np.ones((1, 60))))[1]
    assert last.cov[0, 0, 0] == 0
    assert last.cov[0, 1, 1] > 0


def test_an_item_nobody_of_a_group_answered_has_no_covariance():
    rng = np.random.default_rng(6)
    X = rng.normal(size=(40, 3))
    X[:20, 0] = np.nan
    labels = np.vstack([np.repeat([0, 1], 20), np.arange(40) % 2])
    first = moments_by_label(X, np.ones(40), labels, 2, "em", moments(X, np.ones((1, 40))))[0]
    assert np.isnan(first.cov[0]).all()
    assert np.isfinite(first.cov[1]).all()


@pytest.fixture(scope="module")
def split(reference, mobi):
    """The groups of the peers' results: the model, its items, who is low, fits of the whole and of each group."""
    model = model_of(reference("mobi_ecsi_modeA_path")["model"])
    low = mobi["CUEX1"] < 8
    fits = [csi.fit(model, frame, tolerance=1e-12) for frame in (mobi, mobi[low], mobi[~low])]
    return mobi[list(model.items)].to_numpy(float), low.to_numpy(), fits


def test_composition_equals_the_peer_on_its_raw_covariance(reference, split):
    X, _, (whole, low, high) = split
    expected = reference("csem_mobi_ecsi_micom_cuex1")["step2"]["Test_statistic"]["low_high"]
    c = compositional_invariance(low.estimates.weights, high.estimates.weights, np.cov(X.T), whole.layout)[0]
    assert np.abs(c - [expected[name] for name in whole.model.names]).max() < 1e-8


def test_means_and_variances_equal_the_peer(reference, split):
    X, low, (whole, _, _) = split
    expected = reference("csem_mobi_ecsi_micom_cuex1")["step3"]
    m = moments_by_label(X, np.ones(250), np.where(low, 0, 1)[None], 2, "em", whole.moments)
    args = whole.estimates.weights[0], whole.moments.mean[0], whole.moments.sd[0], whole.layout
    (mean_1, var_1), (mean_2, var_2) = (score_moments(each, *args) for each in m)
    for name, found in (("Mean", mean_1 - mean_2), ("Var", np.log(var_1 / var_2))):
        peer = expected[name]["Test_statistic"]["low_high"]
        assert np.abs(found[0] - [peer[construct] for construct in whole.model.names]).max() < 1e-8


def test_score_moments_are_those_of_the_scores_themselves(ecsi_model, twin):
    fit = csi.fit(ecsi_model, twin)
    X = twin[list(ecsi_model.items)].to_numpy()
    part = X[:100]
    m = moments(part, np.ones((1, 100)))
    args = fit.estimates.weights[0], fit.moments.mean[0], fit.moments.sd[0], fit.layout
    means, variances = score_moments(m, *args)
    scores = ((part - fit.moments.mean) / fit.moments.sd) @ fit.weights.to_numpy()
    assert np.abs(means[0] - scores.mean(axis=0)).max() < 1e-12
    assert np.abs(variances[0] - scores.var(axis=0, ddof=1)).max() < 1e-12


def test_p_values_count_the_observation_itself_and_leave_failures_out():
    draws = np.array([[-3.0], [-1.0], [np.nan], [2.0]])
    assert p_below(draws, np.array([-1.0]))[0] == 3 / 4
    assert p_above(draws, np.array([-1.0]))[0] == 3 / 4
    assert p_above(draws, np.array([3.0]))[0] == 1 / 4
    assert p_two_sided(draws, np.array([-4.0]))[0] == 2 * 1 / 4
    assert p_two_sided(draws, np.array([-1.0]))[0] == 1


def test_what_differs_by_rounding_only_counts_as_equal():
    assert p_below(np.full((9, 1), 1 - 1e-16), np.array([1 - 2e-16]))[0] == 1
