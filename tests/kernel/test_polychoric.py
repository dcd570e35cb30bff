"""Polychoric correlations: those of lavaan; whatever the codes, weights and order of the items; the truth in large samples."""

from itertools import pairwise

import numpy as np
import pytest
from conftest import square
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import minimize_scalar
from scipy.special import ndtr
from scipy.stats import multivariate_normal, norm

from csi.kernel import polychoric as module
from csi.kernel.polychoric import bivariate_normal, polychoric, polychoric_correlations

LAVAAN = 1e-7  # its optimiser stops where the estimate is uncertain by about 1e-8


def ordinal(seed, n=200, K=5, p=4, correlation=0.5):
    """Answers 1 ... K to p items that cut equicorrelated normal variables."""
    rng = np.random.default_rng(seed)
    Z = np.sqrt(correlation) * rng.normal(size=(n, 1)) + np.sqrt(1 - correlation) * rng.normal(size=(n, p))
    return 1.0 + np.digitize(Z, np.linspace(-1.5, 1.5, K - 1))


def one(X):
    return polychoric_correlations(X, np.ones((1, len(X))))[0]


def test_equal_those_of_lavaan(reference, mobi):
    expected = square(reference("polychoric_mobi")["cor"])
    found = one(mobi[expected.columns].to_numpy(float))
    assert np.abs(found - expected.to_numpy()).max() < LAVAAN


class TestBivariateNormal:
    @pytest.mark.parametrize("rho", [-0.9999999, -0.99, -0.5, 0.0, 0.3, 0.93, 0.9999, 0.99999999])
    @pytest.mark.parametrize(
        ("a", "b"), [(0.4, 1.1), (0.4, 0.4), (-1.3, 1.3), (0.4, 0.401), (0, -0.7), (2.9, -3.1), (-38, 1)]
    )
    def test_equals_the_integral(self, a, b, rho):
        def integrand(x):
            return norm.pdf(x) * ndtr((b - rho * x) / np.sqrt(1 - rho**2))

        bend = np.clip(b / rho if rho else 0, -9, a)  # where a rho near 1 makes the integrand jump
        width = 20 * np.sqrt(1 - rho**2)
        ends = np.unique(np.clip([-9, bend - width, bend, bend + width, a], -9, max(a, -9)))
        parts = [quad(integrand, *pair, epsabs=1e-14)[0] for pair in pairwise(ends)]
        assert float(bivariate_normal(np.array(float(a)), np.array(float(b)), np.array(rho))) == pytest.approx(
            sum(parts), abs=1e-11
        )

    @settings(max_examples=100, deadline=None)
    @given(st.floats(-6, 6), st.floats(-6, 6), st.floats(-0.999999, 0.999999))
    def test_four_quadrants_make_one(self, a, b, rho):
        P = [
            bivariate_normal(s * np.array(a), t * np.array(b), s * t * np.array(rho)) for s in (1, -1) for t in (1, -1)
        ]
        assert min(P) > -1e-11
        assert sum(P) == pytest.approx(1, abs=1e-11)

    def test_equals_scipy(self):
        points = np.random.default_rng(0).normal(size=(30, 2))
        expected = multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]]).cdf(points)
        assert np.allclose(bivariate_normal(points[:, 0], points[:, 1], np.array(0.6)), expected, atol=1e-7)


class TestOneTable:
    def test_cut_at_the_medians_it_is_known(self):
        """A quadrant of a bivariate normal holds 1/4 + arcsin(rho)/(2 pi) (Sheppard 1899)."""
        rho = np.array([-0.95, -0.3, 0.0, 0.5, 0.99])
        same = 1 / 4 + np.arcsin(rho) / (2 * np.pi)
        tables = np.moveaxis(np.array([[same, 0.5 - same], [0.5 - same, same]]), -1, 0)
        assert np.allclose(polychoric(tables), rho, atol=1e-9)

    @pytest.mark.parametrize("rho", [-0.97, -0.4, 0.0, 0.2, 0.75, 0.999])
    def test_exact_probabilities_give_their_rho_back(self, rho):
        rows, columns = np.array([-1.2, -0.3, 0.0, 0.9]), np.array([-0.5, 0.7])
        inner = bivariate_normal(rows[:, None], columns[None, :], np.array(rho))
        corners = np.pad(inner, 1)
        corners[-1, 1:-1], corners[1:-1, -1], corners[-1, -1] = ndtr(columns), ndtr(rows), 1
        table = np.maximum(np.diff(np.diff(corners, axis=0), axis=1), 0)
        assert polychoric(table[None])[0] == pytest.approx(rho, abs=1e-8)

    def test_nothing_in_reach_is_likelier(self):
        """Against a general-purpose optimiser, on sparse tables with many empty cells."""
        rng = np.random.default_rng(5)
        tables = rng.poisson(rng.gamma(0.5, 3, size=(40, 4, 3))).astype(float)
        for table, rho in zip(tables, polychoric(tables), strict=True):
            limit = 1 - 1e-7

            def surprise(r, table=table):
                cuts = [
                    np.r_[-38, norm.ppf(np.cumsum(table.sum(axis=k))[:-1] / table.sum()), 38].clip(-38, 38)
                    for k in (1, 0)
                ]
                corners = bivariate_normal(cuts[0][:, None], cuts[1][None, :], np.array(r))
                P = np.diff(np.diff(corners, axis=0), axis=1)[table > 0]
                return -(table[table > 0] * np.log(np.maximum(P, 1e-16))).sum()

            starts = np.tanh(np.linspace(-3, 3, 25))
            best = min(surprise(r) for r in starts)
            peer = minimize_scalar(surprise, bounds=(max(-limit, rho - 0.1), min(limit, rho + 0.1)), method="bounded")
            assert surprise(np.clip(rho, -limit, limit)) <= min(best, peer.fun) + 1e-7

    def test_turned_over_it_is_the_same_and_back_to_front_the_opposite(self):
        tables = np.random.default_rng(1).poisson(4, size=(20, 3, 5)).astype(float)
        rho = polychoric(tables)
        assert np.allclose(polychoric(tables.swapaxes(1, 2)), rho, atol=1e-9)
        assert np.allclose(polychoric(tables[:, ::-1]), -rho, atol=1e-9)

    def test_perfect_order_is_one(self):
        diagonal = np.diag([3.0, 4.0, 5.0])
        empty_corner = np.array([[5.0, 5.0], [0.0, 5.0]])
        assert polychoric(np.array([diagonal, diagonal[::-1]])).tolist() == [1, -1]
        assert polychoric(np.array([empty_corner, empty_corner[::-1]])).tolist() == [1, -1]

    def test_without_two_categories_there_is_none(self):
        tables = np.array([[[5.0, 5], [0, 0]], [[5, 0], [5, 0]], [[0, 0], [0, 0]], [[np.nan, 1], [1, 1]]])
        assert np.isnan(polychoric(tables)).all()

    def test_empty_categories_do_not_matter(self):
        table = np.random.default_rng(2).poisson(6, size=(3, 3)).astype(float)
        padded = np.insert(np.insert(table, [0, 2, 3], 0, axis=0), [0, 1], 0, axis=1)
        assert polychoric(padded[None])[0] == pytest.approx(polychoric(table[None])[0], abs=1e-9)

    def test_an_all_but_impossible_answer_pulls_as_the_likelihood_says(self):
        """One case in the far corner of 2,000 with rho 0.95: its cell has a probability that differences cannot give."""
        rng = np.random.default_rng(3)
        Z = rng.multivariate_normal([0, 0], [[1, 0.95], [0.95, 1]], 2000)
        x, y = np.digitize(Z, np.linspace(-2.3, 2.3, 9)).T
        table = np.bincount(10 * x + y, minlength=100).reshape(10, 10).astype(float)
        table[0, 9] += 1
        cuts = [np.r_[-12, norm.ppf(np.cumsum(table.sum(axis=k))[:-1] / table.sum()), 12] for k in (1, 0)]
        nodes, weights = np.polynomial.legendre.leggauss(300)
        centre, half = (cuts[0][1:] + cuts[0][:-1]) / 2, np.diff(cuts[0]) / 2
        X = centre[:, None] + half[:, None] * nodes

        def surprise(rho):
            above = (cuts[1][:, None, None] - rho * X) / np.sqrt(1 - rho**2)
            flip = above[:-1] > 0  # differences of small numbers keep their digits
            between = np.where(flip, ndtr(-above[:-1]) - ndtr(-above[1:]), ndtr(above[1:]) - ndtr(above[:-1]))
            P = ((between * norm.pdf(X)) @ weights * half).T
            return -(table[table > 0] * np.log(P[table > 0])).sum()

        best = minimize_scalar(surprise, bounds=(0.85, 0.97), method="bounded", options={"xatol": 1e-9}).x
        without = table.copy()
        without[0, 9] = 0
        found, free = polychoric(np.array([table, without]))
        assert found == pytest.approx(best, abs=1e-5)
        assert free - found > 0.005


def test_the_truth_is_recovered_in_a_large_sample():
    rng = np.random.default_rng(11)
    truth = np.array([[1, 0.8, -0.3], [0.8, 1, 0.1], [-0.3, 0.1, 1]])
    n = 20_000
    Z = rng.multivariate_normal(np.zeros(3), truth, n)
    cuts = ([-1, 0, 0.3, 1.5], [0.8], [-2, -1.5, -0.5, 0, 0.5, 1.2])
    X = np.column_stack([np.digitize(z, cut) for z, cut in zip(Z.T, cuts, strict=True)]).astype(float)
    standard_error = (1 - truth**2) / np.sqrt(n)  # of uncut variables; cutting one in two at 0.8 doubles it at most
    assert (np.abs(one(X) - truth) <= 6 * standard_error).all()
    assert np.abs(np.corrcoef(X.T)[0, 1] - 0.8) > 0.1  # what it repairs


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_only_the_order_of_the_answers_matters(seed):
    X = ordinal(seed)
    recoded = np.column_stack([X[:, 0] + 100, X[:, 1] ** 3, np.exp(X[:, 2]), -7 + 0.5 * X[:, 3]])
    assert np.allclose(one(recoded), one(X), atol=1e-12)
    turned = X * [1, -1, 1, 1]
    signs = np.array([1, -1, 1, 1])
    assert np.allclose(one(turned), one(X) * np.outer(signs, signs), atol=1e-8)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.permutations(range(4)))
def test_the_order_of_the_items_does_not_matter(seed, order):
    X = ordinal(seed)
    assert np.allclose(one(X[:, order]), one(X)[np.ix_(order, order)], atol=1e-8)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.01, 100))
def test_weights_are_repetitions_and_only_their_proportions_matter(seed, constant):
    rng = np.random.default_rng(seed)
    X = np.where(rng.random((150, 4)) < 0.1, np.nan, ordinal(seed, n=150))
    times = rng.integers(0, 4, 150)
    weighted = polychoric_correlations(X, constant * times[None].astype(float))[0]
    assert np.allclose(weighted, one(np.repeat(X, times, axis=0)), atol=1e-8, equal_nan=True)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_batch_is_its_replicates_one_by_one(seed):
    X, W = ordinal(seed, n=100), np.random.default_rng(seed).multinomial(100, np.full(100, 0.01), size=5).astype(float)
    whole = polychoric_correlations(X, W)
    alone = np.concatenate([polychoric_correlations(X, w[None]) for w in W])
    assert np.allclose(alone, whole, atol=1e-9)


def test_pairs_in_work_at_once_do_not_matter(monkeypatch):
    X = ordinal(6, p=6)
    whole = one(X)
    monkeypatch.setattr(module, "_CELLS", 1)
    assert np.allclose(one(X), whole, atol=1e-9)


def test_items_of_different_length_stand_side_by_side():
    short, long = ordinal(7, K=2), ordinal(7, K=10)
    X = np.column_stack([short[:, 0], long[:, 1], long[:, 2]])
    R = one(X)
    assert np.allclose(R[1:, 1:], one(X[:, 1:]), atol=1e-9)
    table = np.array([[((X[:, 0] == i) & (X[:, 1] == j)).sum() for j in np.unique(X[:, 1])] for i in (1, 2)])
    assert R[0, 1] == pytest.approx(polychoric(table[None].astype(float))[0], abs=1e-9)


def test_gaps_leave_the_pair_but_not_the_thresholds():
    X = ordinal(8, n=400, p=2)
    gappy = X.copy()
    gappy[X[:, 0] >= 4, 1] = np.nan  # the second item is answered by those who are low on the first
    both = ~np.isnan(gappy).any(axis=1)
    from_pairs_alone = one(gappy[both])[0, 1]
    assert abs(one(gappy)[0, 1] - from_pairs_alone) > 0.01
    complete_elsewhere = np.vstack([X, np.column_stack([X[:, 0], np.full(400, np.nan)])])
    assert one(complete_elsewhere)[0, 1] == pytest.approx(one(X)[0, 1], abs=1e-9)  # same margin, same pairs


def test_what_cannot_be_estimated_is_nan_and_nothing_else_is():
    X = ordinal(9)
    X[:, 1] = 3
    W = np.ones((2, 200))
    W[1, X[:, 2] != 5] = 0  # in the second replicate item 2 has one answer only
    R = polychoric_correlations(X, W)
    assert np.isnan(R[:, 1]).all()
    assert np.isfinite(R[0][np.ix_([0, 2, 3], [0, 2, 3])]).all()
    assert np.isnan(R[1, 2]).all()
    assert np.isfinite(R[1, 0, 3])
    assert np.isnan(polychoric_correlations(X, np.full((1, 200), np.nan))).all()
    assert np.isnan(one(np.full((5, 2), np.nan))).all()


def test_the_matrix_is_symmetric_with_unit_diagonal():
    R = polychoric_correlations(ordinal(10), np.ones((2, 200)))
    assert np.array_equal(R, R.swapaxes(1, 2))
    assert (np.diagonal(R, axis1=1, axis2=2) == 1).all()
