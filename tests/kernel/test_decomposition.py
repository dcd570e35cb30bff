"""A difference of two levels is split exactly, fairly, and alike however things are called or ordered."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csi.kernel.decomposition import Composition, aligned, item_levels, split, split_levels

SEEDS = st.integers(0, 10_000)


def composition(rng, replicates=2, segments=3, items=2, complete=False):
    share = rng.dirichlet(np.ones(segments), replicates)
    response = np.ones((replicates, segments, items))
    if not complete:
        response = rng.uniform(0.2, 1, response.shape)
    score = rng.uniform(0, 100, response.shape)
    return Composition(share, response, score, rng.dirichlet(np.ones(items), replicates))


def two(seed, **sizes):
    rng = np.random.default_rng(seed)
    return composition(rng, **sizes), composition(rng, **sizes)


def difference(before, after):
    return item_levels(*after.factors) - item_levels(*before.factors)


@given(SEEDS)
def test_the_parts_sum_to_the_difference(seed):
    before, after = two(seed)
    np.testing.assert_allclose(split_levels(before, after).sum(axis=0), difference(before, after), atol=1e-11)


@given(SEEDS)
def test_every_part_is_the_mean_over_all_orders_of_change(seed):
    before, after = two(seed)
    mean = np.zeros((4, 2, 2))
    for order in permutations(range(4)):
        now = list(before.factors)
        for factor in order:
            earlier = item_levels(*now)
            now[factor] = after.factors[factor]
            mean[factor] += (item_levels(*now) - earlier) / 24
    np.testing.assert_allclose(split_levels(before, after), mean, atol=1e-11)


@given(SEEDS)
def test_backwards_in_time_every_part_turns_its_sign(seed):
    before, after = two(seed)
    np.testing.assert_allclose(split_levels(after, before), -split_levels(before, after), atol=1e-11)


@given(SEEDS, st.permutations(range(3)))
def test_the_order_and_names_of_segments_do_not_matter(seed, order):
    before, after = two(seed)
    other = [
        Composition(c.share[:, order], c.response[:, order], c.score[:, order], c.weights) for c in (before, after)
    ]
    np.testing.assert_allclose(split_levels(*other), split_levels(before, after), atol=1e-11)


@given(SEEDS)
def test_a_segment_cut_into_two_that_are_alike_changes_nothing(seed):
    before, after = two(seed)

    def cut(c, part):
        share = np.column_stack([c.share[:, :2], c.share[:, 2] * part, c.share[:, 2] * (1 - part)])
        return Composition(share, c.response[:, [0, 1, 2, 2]], c.score[:, [0, 1, 2, 2]], c.weights)

    np.testing.assert_allclose(split_levels(cut(before, 0.3), cut(after, 0.8)), split_levels(before, after), atol=1e-11)


@pytest.mark.parametrize("factor", range(4))
@settings(max_examples=20)
@given(seed=SEEDS)
def test_what_did_not_change_gets_nothing_and_what_alone_changed_gets_all(factor, seed):
    before, after = two(seed)
    factors = list(before.factors)
    factors[factor] = after.factors[factor]
    changed = Composition(*factors)
    parts = split_levels(before, changed)
    np.testing.assert_allclose(parts[factor], difference(before, changed), atol=1e-11)
    others = np.delete(parts, factor, axis=0)
    np.testing.assert_allclose(others, np.zeros_like(others), atol=1e-11)


def test_mix_and_scores_of_complete_answers_have_the_closed_form_of_two_factors():
    """Das Gupta (1993): a change of one factor times the mean of the other."""
    before, after = two(3, complete=True)
    after = Composition(after.share, after.response, after.score, before.weights)
    mix, response, scores, weights = split_levels(before, after)
    u = before.weights
    gain, share = after.score - before.score, (before.share + after.share)[:, :, None] / 2
    np.testing.assert_allclose(scores, u * (share * gain).sum(axis=1))
    moved, level = (after.share - before.share)[:, :, None], (before.score + after.score) / 2
    np.testing.assert_allclose(mix, u * (moved * level).sum(axis=1), atol=1e-12)
    assert not response.any()
    assert not weights.any()


def test_a_segment_of_one_time_only_acts_through_its_share():
    """Half of the customers leave; those who stay answer as they did."""
    before = Composition(np.array([[0.5, 0.5]]), np.ones((1, 2, 1)), np.array([[[40.0], [80.0]]]), np.ones((1, 1)))
    gone = np.array([[[np.nan], [80.0]]])
    after = Composition(np.array([[0.0, 1.0]]), np.where(np.isnan(gone), np.nan, 1.0), gone, np.ones((1, 1)))
    assert split_levels(*aligned(before, after))[:, 0, 0].tolist() == [20.0, 0.0, 0.0, 0.0]


def test_an_item_that_only_the_newcomers_answer_cannot_be_split():
    """With the shares of before and the answering of after nobody is left to say what the level would be."""
    score, weights = np.full((1, 2, 1), 50.0), np.ones((1, 1))
    before = Composition(np.array([[1.0, 0.0]]), np.array([[[1.0], [np.nan]]]), score, weights)
    after = Composition(np.array([[0.5, 0.5]]), np.array([[[0.0], [1.0]]]), score, weights)
    assert np.isnan(split_levels(*aligned(before, after))).all()


def test_any_number_of_factors():
    parts = split(lambda a, b, c: a + 2 * b + 3 * c, [np.array(0.0)] * 3, [np.array(1.0)] * 3)
    np.testing.assert_allclose(parts, [1, 2, 3])
