"""The rule of alert and merit: silent where nothing changed, not misled by last wave's extremes, aware of a KPI's own noise."""

import numpy as np
import pytest

from csi.index.alerts import natural_error, returns, shrunken_slices, verdicts
from csi.index.tree_cells import Pooled, beyond_chance, difference, estimated, pooled
from csi.index.tree_waves import Division, Slices
from csi.kernel.false_discovery import tree_discoveries

SLICES = Slices((Division("region", tuple("abcde")),))
MANY = Slices((Division("outlet", tuple("abcdefghijkl")),))


def made_up_levels(rng, true, error, draws=100):
    """(1 + draws, S, V) an estimate that errs by `error`, and replicates that err as much again."""
    estimate = true + error * rng.normal(size=np.shape(true))
    return np.concatenate([estimate[None], estimate + error * rng.normal(size=(draws, *estimate.shape))])


def tree_of_items(items):
    """An index of two constructs of two items each."""
    constructs = items.reshape(*items.shape[:-1], 2, 2).mean(axis=-1)
    return np.concatenate([constructs.mean(axis=-1, keepdims=True), constructs, items], axis=-1)


def found_in(now, before, minimum=0.0):
    rng = np.random.default_rng(0)
    last, present = estimated(before, 0.95), estimated(now, 0.95)
    pool = pooled(before, last, SLICES, 0.95, rng)
    present |= difference(now, before, "change", 0.95)
    p = beyond_chance(present, pool, last["estimate"], minimum)["p_value"]
    S, V = p.shape
    return tree_discoveries(p.ravel(), [-1, 0, 0, 1, 1, 2, 2, *np.tile(np.arange(V), S - 1)], 0.10).reshape(S, V)


def test_with_no_change_at_most_12_percent_of_500_trees_show_anything():
    rng = np.random.default_rng(11)
    any_found = 0
    for _ in range(500):
        true = 70 + rng.normal(size=(6, 4))
        error = np.array([0.5, *[1.2] * 5])[:, None]
        before, now = (tree_of_items(made_up_levels(rng, true, error)) for _ in range(2))
        any_found += found_in(now, before).any()
    assert any_found / 500 <= 0.12


def test_an_item_that_fell_in_one_region_is_found_there():
    rng = np.random.default_rng(12)
    true, error = np.full((6, 4), 70.0), np.array([0.5, *[1.0] * 5])[:, None]
    before = tree_of_items(made_up_levels(rng, true, error))
    fallen = true.copy()
    fallen[:, 2] -= [1.6, 8, 0, 0, 0, 0]
    found = found_in(tree_of_items(made_up_levels(rng, fallen, error)), before)
    assert found[1, 5]  # region a, third item
    assert not found[2:].any()


class TestRegressionToTheMean:
    """Slices do not change, but the highest of the last wave was lucky."""

    def rule_on_the_last_highest(self, guarded):
        rng, p, moved = np.random.default_rng(13), [], []
        for _ in range(300):
            true = 70 + rng.normal(size=(13, 1))
            before, now = (made_up_levels(rng, true, 2.0, draws=60) for _ in range(2))
            last, present = estimated(before, 0.95), estimated(now, 0.95)
            pool = pooled(before, last, MANY, 0.95, rng)
            if not guarded:
                pool = Pooled(last["estimate"], last["std_error"], pool.best, pool.to_best)
            present |= difference(now, before, "change", 0.95)
            rule = beyond_chance(present, pool, last["estimate"], 0.0)
            top = 1 + np.argmax(last["estimate"][1:, 0])
            p.append(rule["p_value"][top, 0])
            moved.append(rule["moved"][top, 0])
        return np.mean(np.array(p) < 0.05), np.mean(moved)

    def test_the_plain_change_takes_luck_for_a_decline(self):
        _, moved = self.rule_on_the_last_highest(guarded=False)
        assert moved < -2

    def test_the_guarded_change_does_not(self):
        wrong, moved = self.rule_on_the_last_highest(guarded=True)
        assert abs(moved) < 0.6
        assert wrong < 0.08

    def test_a_return_from_the_last_move_is_told(self):
        change, low, high = np.array([2.0, 2.0, -2.0]), np.array([-5.0, -1, 1]), np.array([-1.0, 1, 5])
        assert returns(change, low, high).tolist() == [True, False, True]


class TestShrinkage:
    def test_small_slices_are_pulled_further(self):
        mean, draws = shrunken_slices(
            np.array([80.0, 80, 60, 65, 70]), np.array([1.0, 8, 1, 1, 1]), np.random.default_rng(1)
        )
        assert mean[1] < mean[0] - 2
        assert draws.std(axis=0)[1] > draws.std(axis=0)[0]

    def test_two_slices_say_nothing_of_how_slices_differ(self):
        assert shrunken_slices(np.array([1.0, 2, np.nan]), np.array([1.0, 1, 1]), np.random.default_rng(1)) is None

    def test_a_slice_that_is_not_known_stays_so(self):
        mean, _ = shrunken_slices(np.array([1.0, 2, 3, np.nan]), np.ones(4), np.random.default_rng(1))
        assert np.isnan(mean).tolist() == [False, False, False, True]

    def test_the_best_is_not_the_small_lucky_one(self):
        levels = np.concatenate([np.array([[70.0], [72], [71], [60], [65], [75]])[None]] * 2)
        errors = np.array([0.3, 0.5, 0.5, 0.5, 0.5, 12])[:, None]
        columns = {"estimate": levels[0], "std_error": errors}
        pool = pooled(levels, columns, SLICES, 0.95, np.random.default_rng(1))
        assert SLICES.names[pool.best[1, 0]] == "region=a"
        assert pool.to_best["to_best"][1, 0] == 0


class TestNoiseOfKpis:
    def test_it_is_unbiased_also_where_the_level_drifts(self):
        rng = np.random.default_rng(2)
        variances = [natural_error(0.1 * np.arange(12) + rng.normal(size=12))[0] ** 2 for _ in range(3000)]
        assert np.mean(variances) == pytest.approx(1.0, abs=0.04)

    def test_its_degrees_of_freedom_are_those_of_its_variance(self):
        rng = np.random.default_rng(3)
        variances = [natural_error(rng.normal(size=12))[0] ** 2 for _ in range(5000)]
        assert 2 / np.var(variances) == pytest.approx(natural_error(np.arange(12.0))[1], rel=0.1)

    def test_few_months_tell_nothing(self):
        assert np.isnan(natural_error(np.arange(6.0))).all()
        assert np.isnan(natural_error(np.array([1, 2, 3, np.nan, 4, 5, 6, 7.0]))[0])  # two steps lost


def test_a_verdict_is_only_of_what_was_found():
    assert verdicts(np.array([True, False]), np.array([-1.0, -9])).tolist() == ["alert", ""]
