"""Limits of ranks hold for all at once, also where levels are equal and quantiles of ranks fail."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csi.kernel.rank_intervals import differences
from csi.kernel.shrinkage import ranks

ERRORS = np.array([0.2, 0.3, 0.4, 0.2, 0.3, 0.4])


def drawn(truth, seed):
    rng = np.random.default_rng(seed)
    point = truth + ERRORS * rng.normal(size=6)
    return point, point + ERRORS * rng.normal(size=(400, 6))


def test_every_true_rank_lies_within_its_limits_also_of_equals():
    truth = np.array([2.0, 1, 1, 1, 1, 0])
    rank = np.array([1, 2, 2, 2, 2, 6])
    whole = naive = 0
    for seed in range(200):
        point, draws = drawn(truth, seed)
        first, last = differences(point, draws).ranks()
        whole += bool(((first <= rank) & (rank <= last)).all())
        low, high = np.quantile(ranks(draws), [0.025, 0.975], axis=0, method="inverted_cdf")
        naive += bool(((low <= rank) & (rank <= high)).all())
    assert whole >= 184  # 95 % less three standard errors
    assert naive < 120


def test_what_is_far_apart_has_one_rank():
    point, draws = drawn(np.arange(6) * 10.0, 1)
    first, last = differences(point, draws).ranks()
    assert first.tolist() == last.tolist() == [6, 5, 4, 3, 2, 1]


@given(st.integers(0, 10_000))
def test_limits_are_turned_round_with_the_pair_and_wider_for_the_larger_family(seed):
    point, draws = drawn(np.zeros(6), seed)
    whole, each = differences(point, draws), differences(point, draws, family="each")
    assert whole.low == pytest.approx(-whole.high.T)
    assert (whole.high - whole.low >= each.high - each.low - 1e-12).all()
    off = ~np.eye(6, dtype=bool)
    assert ((whole.p_value < 0.04) <= ((whole.low > 0) | (whole.high < 0)))[off].all()


def test_levels_that_never_differ_in_a_draw_are_not_told_apart():
    draws = np.random.default_rng(1).normal(size=(300, 1)) + np.array([[5.0, 5.0, 9.0]])
    first, last = differences(np.array([5.0, 5.0, 9.0]), draws).ranks()
    assert (first[0], last[0]) == (first[1], last[1])
