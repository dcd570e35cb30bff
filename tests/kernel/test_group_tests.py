"""Tests of group differences: peers' statistics and p values from the errors that both share, definitions, Holm."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from csi.kernel.group_tests import holm, p_not_larger, pooled_t, welch_t

N = np.array([108, 142])


@pytest.fixture(scope="module")
def peer(reference):
    """Differences (m,), errors (2, m), and the peer's statistics and p values.

    The errors are not recorded, but both tests rest on the same: two statistics of a term are two equations in its two variances.
    """
    case = reference("csem_mobi_ecsi_testMGD_cuex1")
    terms = [term for term, value in case["keil"]["stat"]["low_high"].items() if value is not None]
    keil, nitzl, difference = (
        np.array([case[name]["stat"]["low_high"][t] for t in terms]) for name in ("keil", "nitzl", "chin")
    )
    p = {name: np.array([case[name]["p"]["none"]["low_high"][t] for t in terms]) for name in ("keil", "nitzl")}
    pooled = (N - 1) ** 2 / (N.sum() - 2) * (1 / N).sum()
    variances = np.linalg.solve(np.array([pooled, (N - 1) / N]), np.array([difference / keil, difference / nitzl]) ** 2)
    return difference, np.sqrt(variances), {"keil": (keil, p["keil"]), "nitzl": (nitzl, p["nitzl"])}


@pytest.mark.parametrize(("test", "name", "tolerance"), [(pooled_t, "keil", 1e-9), (welch_t, "nitzl", 1e-4)])
def test_t_tests_equal_the_peer(peer, test, name, tolerance):
    difference, errors, found = peer
    t, p = test(difference, errors, N)
    assert np.abs(t - found[name][0]).max() < 1e-8
    assert np.abs(p - found[name][1]).max() < tolerance  # the peer rounds Welch's degrees of freedom


def test_what_never_varies_cannot_be_tested():
    for test in (pooled_t, welch_t):
        t, p = test(np.zeros(1), np.zeros((2, 1)), N)
        assert np.isnan(t[0])
        assert np.isnan(p[0])


def test_equal_errors_and_sizes_make_both_tests_one():
    n, errors = np.array([200, 200]), np.full((2, 1), 0.1)
    assert pooled_t(np.array([0.2]), errors, n)[0] == pytest.approx(welch_t(np.array([0.2]), errors, n)[0])


def test_order_probability_is_that_of_all_pairs_turned_about_their_means():
    rng = np.random.default_rng(1)
    first, second = rng.normal(0.3, 1, (300, 2)), rng.gamma(2, 1, (200, 2))
    pairs = 2 * first.mean(0) - first[:, None] - (2 * second.mean(0) - second[None])
    expected = 1 - (pairs > 0).mean(axis=(0, 1))
    assert np.abs(p_not_larger(first, second) - expected).max() < 2 / (300 * 200)


def test_paired_draws_meet_their_partners_only():
    rng = np.random.default_rng(2)
    shared = rng.normal(size=(400, 1))
    first, second = shared + 0.1, shared + 0.01 * rng.normal(size=(400, 1))
    assert p_not_larger(first, second, paired=True)[0] == pytest.approx(1 / 402)
    assert p_not_larger(first, second)[0] > 0.4


def test_groups_that_never_vary_are_a_toss():
    assert p_not_larger(np.ones((9, 1)), np.ones((9, 1)))[0] == 0.5


def test_failed_draws_are_left_out():
    rng = np.random.default_rng(3)
    first, second = rng.normal(size=(50, 1)), rng.normal(size=(60, 1))
    gappy = np.vstack([first, np.full((5, 1), np.nan)])
    assert p_not_larger(gappy, second)[0] == pytest.approx(p_not_larger(first, second)[0])
    assert np.isnan(p_not_larger(np.full((5, 1), np.nan), second)[0])


@given(arrays(float, st.integers(1, 12), elements=st.floats(0, 1)), st.floats(0.001, 0.2))
def test_holm_rejects_what_the_step_down_rejects(p, level):
    rejected = np.zeros(len(p), dtype=bool)
    for step, place in enumerate(np.argsort(p, kind="stable")):
        if p[place] * (len(p) - step) > level:
            break
        rejected[place] = True
    assert ((holm(p) <= level) == rejected).all()


def test_holm_does_not_count_what_could_not_be_tested():
    adjusted = holm(np.array([0.01, np.nan, 0.03]))
    assert adjusted[[0, 2]] == pytest.approx([0.02, 0.03])
    assert np.isnan(adjusted[1])
    assert np.isnan(holm(np.array([np.nan]))).all()
