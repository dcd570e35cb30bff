"""McFadden dominance: models as statsmodels fits them, shares that add up, draws as refitting them would give."""

from itertools import permutations

import numpy as np
import pytest

from csi.kernel import relative_importance as linear
from csi.kernel.dominance import Answers, corrected, dominance


def answers(n=600, k=4, categories=2, seed=0, weighted=False):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, k)) @ (np.eye(k) + 0.4)
    latent = X @ np.linspace(1, 0, k) + rng.logistic(size=n)
    y = np.searchsorted(np.quantile(latent, np.arange(1, categories) / categories), latent)
    w = rng.uniform(0.5, 2, size=n) if weighted else np.ones(n)
    return Answers(np.ascontiguousarray((X / X.std(axis=0)).T), y, w * n / w.sum())


class TestModels:
    def test_two_categories_are_logistic_regression(self):
        api = pytest.importorskip("statsmodels.api")
        a = answers(weighted=True)
        peer = api.GLM(a.y, api.add_constant(a.Z.T), api.families.Binomial(), freq_weights=a.w).fit(tol=1e-12)
        ours = a.expanded(range(4), a.nothing())
        assert ours.largest == pytest.approx(peer.llf, abs=1e-7)
        assert np.allclose(ours.theta[1:], peer.params[1:], atol=2e-3)

    def test_more_categories_are_the_proportional_odds_model(self):
        ordinal = pytest.importorskip("statsmodels.miscmodels.ordinal_model")
        a = answers(categories=4)
        peer = ordinal.OrderedModel(a.y, a.Z.T, distr="logit").fit(method="newton", disp=False)
        assert a.expanded(range(4), a.nothing()).largest == pytest.approx(peer.llf, abs=1e-6)

    def test_nothing_has_the_shares_of_the_categories(self):
        a = answers(categories=3, weighted=True)
        share = np.bincount(a.y, a.w) / a.w.sum()
        assert a.expanded([], a.nothing()).value == pytest.approx(a.w.sum() * (share @ np.log(share)), abs=1e-9)

    def test_a_driver_that_separates_the_categories_explains_everything(self):
        x = np.linspace(-1, 1, 100)
        a = Answers(x[None], (x > 0).astype(int), np.ones(100))
        assert a.expanded([0], a.nothing()).largest > -0.01


@pytest.mark.parametrize("categories", [2, 3])
def test_all_orderings_give_what_each_driver_adds(categories):
    a = answers(k=3, categories=categories)
    orderings = np.array(list(permutations(range(3))))
    found = dominance(a, orderings)
    none = a.expanded([], a.nothing()).value
    for ordering, added in zip(orderings, found.added, strict=True):
        steps = [1 - a.expanded(sorted(ordering[:i]), a.nothing()).largest / none for i in range(4)]
        assert np.allclose(added[ordering], np.diff(steps), atol=1e-8)
    assert np.allclose(found.added.sum(axis=1), found.r_squared, atol=1e-12)


def test_weights_count_as_repetition():
    a = answers(n=200, k=3)
    times = np.random.default_rng(1).integers(1, 4, size=200)
    orderings = linear.random_orderings([[0], [1], [2]], 4, seed=1)
    total = times.sum()
    weighted = dominance(Answers(a.Z, a.y, times * 200 / total), orderings)
    repeated = dominance(Answers(np.repeat(a.Z, times, axis=1), np.repeat(a.y, times), np.ones(total)), orderings)
    assert np.allclose(weighted.added, repeated.added, atol=1e-6)


@pytest.mark.parametrize("categories", [2, 4])
def test_replicates_are_close_to_models_fitted_anew(categories):
    """The expansion is off by far less than the draws differ from one another."""
    a = answers(n=800, k=3, categories=categories)
    orderings = linear.random_orderings([[0], [1], [2]], 4, seed=2)
    found = dominance(a, orderings)
    W = np.random.default_rng(3).multinomial(800, np.full(800, 1 / 800), size=25).astype(float)
    quick = found.added_in(3 * W).mean(axis=1)  # any scale
    anew = np.array([dominance(Answers(a.Z, a.y, w), orderings).added.mean(axis=0) for w in W])
    assert np.abs(quick - anew).max() < 0.1 * anew.std(axis=0).min()
    assert np.allclose(found.added_in(a.w[None])[0], found.added, atol=1e-6)


def test_few_cells_keep_a_pair_of_orderings_for_replicates():
    a = answers(n=100, k=3)
    found = dominance(a, linear.random_orderings([[0], [1], [2]], 12, seed=1), cells=1)
    assert found.kept.shape == (2, 3)
    assert found.added_in(np.ones((5, 100))).shape == (5, 2, 3)


def test_the_linear_model_tells_how_far_a_sample_of_orderings_is_off():
    """Corrected shares of a pair of orderings vary less, their average over all orderings is the same."""
    a = answers(n=1000, k=5, seed=4)
    orderings = np.array(list(permutations(range(5))))
    found = dominance(a, orderings)
    R = np.corrcoef(np.vstack([a.Z, a.y]))[None]
    added = np.stack([one[0] for one in linear.added_in_order(R, orderings)])
    ratio = found.r_squared / linear.r_squared(R)[0]
    better = corrected(found.added, added, linear.shapley(R)[0], ratio)
    assert np.allclose(better.mean(axis=0), found.added.mean(axis=0), atol=1e-12)
    assert np.allclose(better.sum(axis=1), found.r_squared, atol=1e-12)
    assert better.std(axis=0).sum() < 0.5 * found.added.std(axis=0).sum()
