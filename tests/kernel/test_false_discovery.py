"""False discoveries: the step-up rule, the way down a tree, and what happens where nothing is to be found."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control, norm

from csi.kernel.false_discovery import benjamini_hochberg, p_beyond, simes, tree_discoveries

P_VALUES = st.lists(st.floats(1e-6, 1), min_size=1, max_size=30).map(np.array)


class TestFlatRule:
    @given(P_VALUES, st.sampled_from([0.05, 0.1, 0.3]))
    def test_it_rejects_what_scipy_adjusts_to_at_most_q(self, p, q):
        adjusted = false_discovery_control(p)
        clear = np.abs(adjusted - q) > 1e-9  # rounding decides on the edge
        assert (benjamini_hochberg(p, q) == (adjusted <= q))[clear].all()

    @given(P_VALUES)
    def test_untestable_hypotheses_change_nothing(self, p):
        with_gaps = np.append(p, [np.nan, np.nan])
        assert benjamini_hochberg(with_gaps, 0.1).tolist() == [*benjamini_hochberg(p, 0.1), False, False]
        assert simes(with_gaps) == simes(p)

    def test_nothing_to_test_rejects_nothing(self):
        assert benjamini_hochberg(np.array([np.nan]), 0.1).tolist() == [False]
        assert benjamini_hochberg(np.array([]), 0.1).tolist() == []
        assert np.isnan(simes(np.array([np.nan])))

    @given(P_VALUES, st.sampled_from([0.05, 0.1]))
    def test_simes_is_the_level_at_which_the_rule_first_rejects(self, p, q):
        if abs(simes(p) - q) > 1e-9:
            assert (simes(p) <= q) == benjamini_hochberg(p, q).any()


class TestTree:
    def test_moves_that_cancel_above_are_found_below(self):
        p = np.array([0.9, 0.8, 1e-5, 1e-5])  # index, construct, one item up, one down
        assert tree_discoveries(p, [-1, 0, 1, 1], 0.1).tolist() == [False, False, True, True]

    def test_a_branch_without_evidence_is_not_gone_into(self):
        """An item alone at p = 0.04 is nothing among its many cousins."""
        parents = [-1, 0, 0, *[1] * 20, *[2] * 20]
        p = np.full(len(parents), 0.7)
        p[3] = 0.04
        assert not tree_discoveries(p, parents, 0.1).any()

    def test_a_node_that_cannot_be_tested_hides_nothing(self):
        assert tree_discoveries(np.array([np.nan, np.nan, 1e-5]), [-1, 0, 1], 0.1).tolist() == [False, False, True]
        assert not tree_discoveries(np.array([np.nan, np.nan]), [-1, 0], 0.1).any()

    def test_trees_beside_each_other_are_one_family(self):
        p = np.array([0.03, *[0.9] * 9])
        assert not tree_discoveries(p, [-1] * 10, 0.1).any()
        assert tree_discoveries(p[:1], [-1], 0.1).all()

    @pytest.mark.parametrize("correlation", [0.0, 0.5])
    def test_without_any_move_few_of_many_trees_show_one(self, correlation):
        """Levels of constructs and the index are means of their items, so tests depend on each other."""
        rng = np.random.default_rng(5)
        trees, constructs, items = 2000, 6, 5
        own = rng.normal(size=(trees, constructs * items))
        z = np.sqrt(correlation) * rng.normal(size=(trees, 1)) + np.sqrt(1 - correlation) * own
        blocks = z.reshape(trees, constructs, items).mean(axis=2)
        levels = np.column_stack([z.mean(axis=1), blocks, z])
        p = 2 * norm.sf(np.abs(levels / levels.std(axis=0)))
        parents = [-1, *[0] * constructs, *np.repeat(np.arange(1, constructs + 1), items)]
        share = np.mean([tree_discoveries(row, parents, 0.10).any() for row in p])
        assert share <= 0.10 + 2.6 * np.sqrt(0.09 / trees)

    def test_among_discoveries_few_are_false(self):
        """Six of 60 items move; the share of the others among what is found stays near q."""
        rng = np.random.default_rng(6)
        moved = np.zeros(60)
        moved[:6] = 5.0
        parents = [-1, *[0] * 6, *np.repeat(np.arange(1, 7), 10)]
        false, found = [], []
        for _ in range(300):
            items = moved + rng.normal(size=60)
            z = np.concatenate([[items.sum() / np.sqrt(60)], items.reshape(6, 10).sum(axis=1) / np.sqrt(10), items])
            hits = tree_discoveries(2 * norm.sf(np.abs(z)), parents, 0.1)
            nulls = np.concatenate([[False], np.arange(6) > 0, moved == 0])
            false.append((hits & nulls).sum() / max(hits.sum(), 1))
            found.append(hits[7:13].mean())
        assert np.mean(false) < 0.15
        assert np.mean(found) > 0.9


class TestBeyondTheLeastThatMatters:
    def test_without_a_least_it_is_the_usual_test(self):
        assert p_beyond(np.array([1.5]), np.array([0.7]))[0] == pytest.approx(2 * norm.sf(1.5 / 0.7))

    @given(st.floats(-10, 10), st.floats(0.1, 5), st.floats(0, 3))
    def test_a_larger_least_never_makes_a_change_more_certain(self, change, error, least):
        p = p_beyond(np.array([change]), np.array([error]), np.array([0, least, least + 1]))
        assert (np.diff(p) >= -1e-12).all()
        assert ((p >= 0) & (p <= 1)).all()

    def test_it_rejects_as_often_as_it_says_at_the_border(self):
        z = np.random.default_rng(7).normal(1.0, 0.5, 20_000)  # the true change is exactly the least
        assert np.mean(p_beyond(z, np.full(20_000, 0.5), 1.0) < 0.05) == pytest.approx(0.05, abs=0.006)

    def test_few_degrees_of_freedom_make_it_less_certain(self):
        p = p_beyond(np.array([3.0, 3.0]), np.array([1.0, 1.0]), 0.0, np.array([5.0, np.inf]))
        assert p[0] > 5 * p[1]

    def test_without_an_error_there_is_no_test(self):
        assert np.isnan(p_beyond(np.array([1.0, 1.0]), np.array([0.0, np.nan]))).all()
