"""Ceilings over the cases: small examples counted by hand, bounds and invariances, and what chance leaves empty."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csi.kernel.necessity import (
    Scope,
    chance,
    effect_sizes,
    line_ceiling,
    line_zone,
    needed,
    permutations,
    step_ceiling,
    step_zone,
)

# Five cases: the outcome rises at 0, 1 and 3, so that those are the peers; (2, 1) and (4, 3) lie below the ceiling.
X = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
Y = np.array([[1.0, 2.0, 1.0, 4.0, 3.0]])
SCOPE = Scope(0, 4, 1, 4)


def observed_scope(x, y):
    return Scope(x.min(), x.max(), y.min(), y.max())


def cases(seed, n=40):
    rng = np.random.default_rng(seed)
    return rng.integers(1, 11, size=n).astype(float), rng.normal(size=(1, n))


def test_the_step_ceiling_counted_by_hand():
    """Above it are empty 1 x 3 (from 0 to 1) and 2 x 2 (from 1 to 3) of 4 x 3."""
    steps, highest = step_ceiling(X, Y)
    assert highest.tolist() == [[1, 2, 2, 4, 4]]
    assert step_zone(steps, highest, SCOPE)[0] == 1 * 3 + 2 * 2
    assert effect_sizes(X, Y, SCOPE)[0] == pytest.approx(7 / 12)


def test_the_line_through_the_peers_counted_by_hand():
    """Through (0, 1), (1, 2), (3, 4) runs y = 1 + x; it reaches the top at 3: a triangle of 3 x 3 is empty."""
    intercept, slope = line_ceiling(*step_ceiling(X, Y))
    assert (intercept[0], slope[0]) == pytest.approx((1, 1))
    assert effect_sizes(X, Y, SCOPE, "CR-FDH")[0] == pytest.approx(4.5 / 12)


def test_what_is_needed_counted_by_hand():
    steps, highest = step_ceiling(X, Y)
    levels = np.array([1.0, 1.5, 2.0, 3.0, 4.0])
    assert needed(steps, highest[0], levels, SCOPE).tolist() == pytest.approx([np.nan, 1, 1, 3, 3], nan_ok=True)
    line = needed(steps, highest[0], levels, SCOPE, "CR-FDH")
    assert line.tolist() == pytest.approx([np.nan, 0.5, 1, 2, 3], nan_ok=True)


def test_a_wider_scope_adds_the_empty_strips():
    """Left of the lowest level nothing was observed (2 x 5), above the highest outcome neither (1 x 4)."""
    steps, highest = step_ceiling(X, Y)
    assert step_zone(steps, highest, Scope(-2, 4, 0, 5))[0] == 7 + 2 * 5 + 1 * 4


def test_zones_of_the_line_equal_a_fine_grid():
    rng = np.random.default_rng(1)
    scope = Scope(-1, 3, 2, 7)
    x = np.linspace(scope.x_low, scope.x_high, 200_001)
    for intercept, slope in zip(rng.normal(3, 4, size=20), rng.exponential(2, size=20), strict=True):
        height = scope.y_high - np.clip(intercept + slope * x, scope.y_low, scope.y_high)
        expected = height.mean() * (scope.x_high - scope.x_low)
        assert line_zone(np.array([intercept]), np.array([slope]), scope)[0] == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("ceiling", ["CE-FDH", "CR-FDH"])
@given(seed=st.integers(0, 10_000))
def test_the_effect_is_a_share_of_the_scope(ceiling, seed):
    x, y = cases(seed)
    assert 0 <= effect_sizes(x, y, observed_scope(x, y), ceiling)[0] <= 1


@pytest.mark.parametrize("ceiling", ["CE-FDH", "CR-FDH"])
@given(seed=st.integers(0, 10_000), a=st.floats(0.1, 10), b=st.floats(-50, 50))
def test_units_and_order_of_the_cases_are_nothing(ceiling, seed, a, b):
    x, y = cases(seed)
    order = np.random.default_rng(seed).permutation(len(x))
    x2, y2 = (a * x + b)[order], (3 * y - b)[:, order]
    expected = effect_sizes(x, y, observed_scope(x, y), ceiling)
    assert np.allclose(effect_sizes(x2, y2, observed_scope(x2, y2), ceiling), expected, atol=1e-6)


@given(st.integers(0, 10_000))
def test_no_case_lies_above_the_steps_and_case_below_what_it_needs(seed):
    x, y = cases(seed)
    steps, highest = step_ceiling(x, y)
    least = needed(steps, highest[0], y[0], observed_scope(x, y))
    assert (x >= np.nan_to_num(least, nan=x.min())).all()


def test_the_best_case_at_the_lowest_level_leaves_nothing_empty():
    x, y = np.array([1.0, 1.0, 2.0, 3.0]), np.array([[2.0, 9.0, 5.0, 9.0]])
    scope = Scope(1, 3, 2, 9)
    assert effect_sizes(x, y, scope)[0] == 0
    assert effect_sizes(x, y, scope, "CR-FDH")[0] == 0
    steps, highest = step_ceiling(x, y)
    for ceiling in ("CE-FDH", "CR-FDH"):
        assert np.isnan(needed(steps, highest[0], np.array([5.0, 9.0]), scope, ceiling)).all()


def test_many_outcomes_at_once_are_each_alone():
    rng = np.random.default_rng(2)
    x, many = rng.integers(1, 8, size=30).astype(float), rng.normal(size=(50, 30))
    scope = Scope(1, 8, many.min(), many.max())
    for ceiling in ("CE-FDH", "CR-FDH"):
        alone = [effect_sizes(x, one[None], scope, ceiling)[0] for one in many]
        assert np.allclose(effect_sizes(x, many, scope, ceiling), alone)


def test_permutations_deal_out_the_same_outcomes_and_grow_by_adding():
    y = np.arange(6.0)
    (few,), (more,) = permutations(y, 10, seed=1), permutations(y, 25, seed=1)
    assert (np.sort(few, axis=1) == y).all()
    assert (more[:10] == few).all()
    assert len(np.unique(more, axis=0)) > 20


@pytest.mark.parametrize("ceiling", ["CE-FDH", "CR-FDH"])
def test_unrelated_variables_are_called_necessary_as_often_as_the_level_says(ceiling):
    """The permutation test is exact: p is uniform (Dul, van der Laan & Kuik 2020)."""
    rng = np.random.default_rng(3)
    p = []
    for seed in range(300):
        x, y = rng.uniform(size=(2, 60))
        scope = observed_scope(x, y)
        drawn = np.concatenate([effect_sizes(x, Z, scope, ceiling) for Z in permutations(y, 99, seed)])
        p.append(chance(float(effect_sizes(x, y[None], scope, ceiling)[0]), drawn))
    for level in (0.05, 0.5):
        assert (np.array(p) <= level).mean() == pytest.approx(level, abs=3.5 * np.sqrt(level * (1 - level) / 300))
