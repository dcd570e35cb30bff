"""Shares and means of many groups: published examples, and what must hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from csi.kernel.shrinkage import ranks, shrunken_means, shrunken_shares, wilson_interval

# Tumours in 71 groups of rats (Tarone 1982), table 5.1 of Gelman et al., Bayesian Data Analysis, 3rd ed. 2013.
TUMOURS = np.array(
    [0] * 14 + [1] * 8 + [2] * 9 + [1, 5, 2, 5, 3, 2, 7, 7, 3, 3, 2, 9, 10] + [4] * 7
    + [10, 4, 4, 4, 5, 11, 12, 5, 5, 6, 5, 6, 6, 6, 6, 16, 15, 15, 9, 4]
)  # fmt: skip
RATS = np.array(
    [20] * 7 + [19] * 4 + [18, 18, 17, 20, 20, 20, 20, 19, 19, 18, 18, 25, 24, 23] + [20] * 6
    + [10, 49, 19, 46, 27, 17, 49, 47, 20, 20, 13, 48, 50] + [20] * 7
    + [48, 19, 19, 19, 22, 46, 49, 20, 20, 23, 19, 22, 20, 20, 20, 52, 46, 47, 24, 14]
)  # fmt: skip
# Eight schools (Rubin 1981), tables 5.2 and 5.3 of the same book: 2.5 %, 25 %, 50 %, 75 %, 97.5 % of each school's effect.
EFFECTS, ERRORS = np.array([28.0, 8, -3, 7, -1, 1, 18, 12]), np.array([15.0, 10, 16, 11, 9, 11, 10, 18])
SCHOOLS = {0: (-2, 7, 10, 16, 31), 1: (-5, 3, 8, 12, 23), 2: (-11, 2, 7, 11, 19), 6: (-1, 7, 10, 15, 26)}


def test_rat_tumours_as_published():
    """Section 5.3 of the book gives E(alpha) = 2.4 and E(beta) = 14.3 on its grid."""
    found = shrunken_shares(TUMOURS, RATS, 40_000, np.random.default_rng(1))
    size = found.centre * (1 - found.centre) / found.spread**2 - 1
    assert (found.centre * size).mean() == pytest.approx(2.4, abs=0.05)
    assert ((1 - found.centre) * size).mean() == pytest.approx(14.3, abs=0.3)


def test_eight_schools_as_published():
    """The book's table comes from 200 draws, hence the room."""
    found = shrunken_means(EFFECTS, ERRORS, 40_000, np.random.default_rng(1))
    for school, published in SCHOOLS.items():
        mine = np.quantile(found.draws[:, school], [0.025, 0.25, 0.5, 0.75, 0.975])
        assert np.abs(mine - published)[1:4] == pytest.approx(0, abs=1.2)
        assert np.abs(mine - published)[[0, 4]] == pytest.approx(0, abs=3.0)


@pytest.mark.parametrize("family", ["shares", "means"])
def test_draws_have_the_means_that_are_computed_without_them(family):
    rng = np.random.default_rng(2)
    found = (
        shrunken_shares(TUMOURS, RATS, 40_000, rng)
        if family == "shares"
        else shrunken_means(EFFECTS, ERRORS, 40_000, rng)
    )
    error = found.draws.std(axis=0) / np.sqrt(len(found.draws))
    assert (np.abs(found.draws.mean(axis=0) - found.mean) < 5 * error).all()


def test_a_group_without_answers_is_like_the_others():
    found = shrunken_shares(np.append(TUMOURS, 0), np.append(RATS, 0), 4000, np.random.default_rng(1))
    assert found.mean[-1] == pytest.approx(found.centre.mean(), abs=0.005)
    found = shrunken_means(np.append(EFFECTS, np.nan), np.append(ERRORS, np.inf), 4000, np.random.default_rng(1))
    assert found.mean[-1] == pytest.approx(found.centre.mean(), abs=0.5)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 40)), min_size=3, max_size=12))
def test_shares_lie_between_the_raw_share_and_the_rest(groups):
    x, n = np.array([min(a, b) for a, b in groups], float), np.array([b for _, b in groups], float)
    found = shrunken_shares(x, n, 200, np.random.default_rng(1))
    assert (found.mean > 0).all()
    assert (found.mean < 1).all()
    equal = np.unique(n)
    for size in equal:  # among groups of one size shrinkage keeps the order
        inside = n == size
        assert (np.argsort(x[inside], kind="stable") == np.argsort(found.mean[inside].round(12), kind="stable")).all()


def test_ranks_count_from_the_highest():
    assert ranks(np.array([[3.0, 9.0, 5.0], [1.0, 0.0, 2.0]])).tolist() == [[3, 1, 2], [2, 3, 1]]


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_wilson_equals_statsmodels(level):
    x, n = np.array([0.0, 3, 5, 80, 100]), np.array([7.0, 3, 11, 100, 400])
    for mine, theirs in zip(wilson_interval(x, n, level), proportion_confint(x, n, 1 - level, "wilson"), strict=True):
        assert mine == pytest.approx(theirs, abs=1e-12)


def test_wilson_of_nothing_says_nothing():
    low, high = wilson_interval(np.zeros(1), np.zeros(1))
    assert (low[0], high[0]) == (0.0, 1.0)
