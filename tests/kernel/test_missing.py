"""Treatments of missing answers: each is what it says, wherever gaps and weights lie."""

import numpy as np
import pandas as pd
import pytest

from csi.kernel.missing import delta_adjusted, mean_filled, most_likely, pairwise
from csi.kernel.moments import moments


@pytest.fixture
def gappy():
    rng = np.random.default_rng(5)
    X = rng.normal(size=(150, 1)) + rng.normal(size=(150, 5)) * [1, 2, 1, 1, 3] + 4
    X = np.where(rng.random(X.shape) < 0.12, np.nan, X)
    return X[~np.isnan(X).all(axis=1)]


def once(X):
    return np.ones((1, len(X)))


def by_hand(X, mean, cov):
    """Gaps at their conditional means, and what is uncertain about each row, row by row as in the textbooks."""
    complete, uncertain = X.copy(), np.zeros((len(X), *cov.shape))
    for row, spread in zip(complete, uncertain, strict=True):
        gap = np.isnan(row)
        if gap.any():
            slope = np.linalg.solve(cov[np.ix_(~gap, ~gap)], cov[np.ix_(~gap, gap)])
            row[gap] = mean[gap] + (row[~gap] - mean[~gap]) @ slope
            spread[np.ix_(gap, gap)] = cov[np.ix_(gap, gap)] - cov[np.ix_(gap, ~gap)] @ slope
    return complete, uncertain


class TestPairwise:
    def test_correlations_are_those_of_the_rows_that_answered_both(self, gappy):
        m = pairwise(gappy, once(gappy))
        frame = pd.DataFrame(gappy)
        assert np.allclose(m.correlation[0], frame.corr(), atol=1e-12)
        assert np.allclose(m.mean[0], frame.mean(), atol=1e-12)
        assert np.allclose(m.sd[0], frame.std(), atol=1e-12)

    def test_items_that_nobody_answered_together_have_no_correlation(self):
        rng = np.random.default_rng(1)
        X = rng.normal(size=(40, 3))
        X[:20, 0] = X[20:, 1] = np.nan
        R = pairwise(X, once(X)).correlation[0]
        assert np.isnan(R[0, 1])
        assert np.isfinite(R[[0, 1], 2]).all()

    def test_a_constant_item_has_variance_zero(self, gappy):
        gappy[:, 2] = np.where(np.isnan(gappy[:, 2]), np.nan, 7.1)
        m = pairwise(gappy, once(gappy))
        assert m.sd[0, 2] == 0
        assert np.isfinite(m.sd[0]).all()


class TestRegression:
    def test_gaps_are_at_their_conditional_means(self, gappy):
        theta = most_likely(gappy, once(gappy))
        complete, _ = by_hand(gappy, theta.mean[0], theta.cov[0])
        m = moments(gappy, once(gappy), "regression")
        assert np.allclose(m.mean[0], complete.mean(axis=0), atol=1e-8)
        assert np.allclose(m.cov[0], np.cov(complete.T), atol=1e-8)

    def test_it_forgets_that_a_gap_is_uncertain(self, gappy):
        assert (moments(gappy, once(gappy), "regression").sd < moments(gappy, once(gappy), "em").sd).all()


class TestMostLikely:
    def test_a_further_step_by_hand_changes_nothing(self, gappy):
        n = len(gappy)
        m = most_likely(gappy, once(gappy))
        sigma = m.cov[0] * (n - 1) / n
        complete, uncertain = by_hand(gappy, m.mean[0], sigma)
        assert np.allclose(m.mean[0], complete.mean(axis=0), atol=1e-8)
        assert np.allclose(sigma, np.cov(complete.T, ddof=0) + uncertain.mean(axis=0), atol=1e-7)

    def test_replicates_end_where_points_do(self, gappy):
        point = most_likely(gappy, once(gappy))
        W = np.random.default_rng(3).multinomial(len(gappy), np.full(len(gappy), 1 / len(gappy)), 20).astype(float)
        replicates, alone = most_likely(gappy, W, point), most_likely(gappy, W)
        assert np.abs(replicates.correlation - alone.correlation).max() < 1e-4
        assert np.abs((replicates.mean - alone.mean) / alone.sd).max() < 1e-4

    def test_an_item_without_spread_does_not_disturb_the_others(self, gappy):
        held = gappy.copy()
        held[:, 2] = np.where(np.isnan(gappy[:, 2]), np.nan, 7.1)
        others = [0, 1, 3, 4]
        some = ~np.isnan(gappy[:, others]).all(axis=1)
        m, without = (most_likely(X[some], once(X[some])) for X in (held, gappy[:, others]))
        assert m.sd[0, 2] == 0
        assert np.allclose(m.cov[0][np.ix_(others, others)], without.cov[0], atol=1e-7)

    def test_a_replicate_in_which_nobody_answered_an_item_says_nothing_of_it(self, gappy):
        W = np.where(np.isnan(gappy[:, 1]), 1.0, 0.0)[None]
        m = most_likely(gappy, W, most_likely(gappy, once(gappy)))
        assert np.isnan(m.mean[0, 1])
        assert np.isfinite(np.delete(m.mean[0], 1)).all()

    @pytest.mark.parametrize("seed", range(5))
    def test_of_fewer_rows_than_items_the_moments_are_possible_ones_or_none(self, seed):
        rng = np.random.default_rng(seed)
        X = np.where(rng.random((9, 12)) < 0.2, np.nan, rng.normal(size=(9, 12)))
        cov = most_likely(X, once(X)).cov[0]
        assert np.isnan(cov).any() or np.linalg.eigvalsh(cov)[0] > -1e-7


class TestDeltaAdjusted:
    def test_no_shift_gives_the_same_moments(self, gappy):
        W = np.random.default_rng(1).integers(1, 4, (3, len(gappy))).astype(float)
        m = most_likely(gappy, W)
        same = delta_adjusted(gappy, W, m, np.zeros(5))
        assert np.allclose(same.mean, m.mean, atol=1e-8)
        assert np.allclose(same.cov, m.cov, atol=1e-7)

    def test_a_shift_moves_a_mean_by_the_share_of_gaps(self, gappy):
        m = most_likely(gappy, once(gappy))
        moved = delta_adjusted(gappy, once(gappy), m, np.array([0, -0.5, 0, 0, 0]))
        share, n = np.isnan(gappy[:, 1]).mean(), len(gappy)
        sd = m.sd[0, 1] * np.sqrt((n - 1) / n)
        assert moved.mean[0, 1] - m.mean[0, 1] == pytest.approx(-0.5 * share * sd)
        assert np.allclose(np.delete(moved.mean[0] - m.mean[0], 1), 0, atol=1e-8)

    def test_only_gaps_that_are_suspect_move(self, gappy):
        m = most_likely(gappy, once(gappy))
        gaps = np.isnan(gappy)
        half = gaps & (np.arange(len(gappy)) % 2 == 0)[:, None]
        moved = delta_adjusted(gappy, once(gappy), m, np.full(5, 1.0), half)
        sd = m.sd[0] * np.sqrt((len(gappy) - 1) / len(gappy))
        assert np.allclose((moved.mean - m.mean)[0], half.mean(axis=0) * sd, atol=1e-8)

    def test_rows_without_any_answer_stay_out(self, gappy):
        empty = np.vstack([gappy, np.full((4, 5), np.nan)])
        m, delta = most_likely(gappy, once(gappy)), np.full(5, 0.7)
        with_empty = delta_adjusted(empty, once(empty), m, delta)
        assert np.allclose(with_empty.cov, delta_adjusted(gappy, once(gappy), m, delta).cov)


def test_complete_answers_are_untouched_by_every_treatment(gappy):
    X = gappy[~np.isnan(gappy).any(axis=1)]
    for found in (mean_filled(X, once(X)), pairwise(X, once(X))):
        assert np.allclose(found.cov[0], np.cov(X.T), atol=1e-12)
