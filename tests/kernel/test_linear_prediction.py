"""Prediction by linear maps: what a loop over folds with least squares gives, gaps that keep the outcome secret, fair dealing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from csi.kernel.estimates import estimate
from csi.kernel.moments import moments
from csi.kernel.pls import Layout
from csi.kernel.prediction import (
    METHODS,
    Trained,
    cross_validate,
    outcomes,
    paired_difference,
    random_folds,
    training_moments,
    weighted_means,
)

BLOCK = np.array([0, 0, 1, 1, 2, 2, 2])
PATHS = np.array([[0, 1, 0], [0, 0, 1], [0, 0, 0]], dtype=bool)
LAYOUT = Layout(BLOCK, np.zeros(3, dtype=bool), np.zeros(3, dtype=bool), PATHS)


def answers(n, seed=0, gaps=0.0):
    rng = np.random.default_rng(seed)
    first = rng.normal(size=n)
    second = 0.7 * first + rng.normal(size=n)
    third = 0.6 * second + rng.normal(size=n)
    X = np.column_stack([first, second, third])[:, BLOCK] + 0.5 * rng.normal(size=(n, len(BLOCK))) + 5
    X[rng.random(X.shape) < gaps] = np.nan
    return X


def validated(X, fold, weights=None, missing="em", trained_on=None):
    weights = np.ones(len(X)) if weights is None else weights
    seen = X if trained_on is None else trained_on
    m = training_moments(seen, weights, fold, missing)
    trained = Trained(m, estimate(m.correlation, LAYOUT))
    return cross_validate(X, weights, fold, LAYOUT, trained, moments(seen, weights[None], missing), missing)


@given(st.integers(4, 60), st.integers(2, 12), st.integers(0, 9))
def test_folds_are_dealt_evenly_among_the_rows_that_count(n, folds, seed):
    used = np.random.default_rng(seed).random(n) < 0.7
    used[:2] = True
    fold = random_folds(used, min(folds, n), 3, seed)
    for row in fold:
        counts = np.bincount(row[used], minlength=min(folds, n))
        assert counts.max() - counts.min() <= 1
    assert (random_folds(used, min(folds, n), 2, seed) == fold[:2]).all()


def test_every_repetition_deals_anew():
    fold = random_folds(np.ones(100, dtype=bool), 10, 5, seed=1)
    assert all((fold[a] != fold[b]).any() for a in range(5) for b in range(a))
    assert (fold != random_folds(np.ones(100, dtype=bool), 10, 5, seed=2)).any()


@pytest.mark.parametrize(
    ("method", "inputs"), [("lm_direct", [2, 3]), ("lm_exogenous", [0, 1]), ("lm_other", [0, 1, 2, 3])]
)
def test_the_linear_models_are_least_squares_on_the_other_folds(method, inputs):
    X = answers(60)
    fold = random_folds(np.ones(60, dtype=bool), 5, 2, seed=3)
    cv = validated(X, fold)
    number, columns = METHODS.index(method), [2, 3, 4]  # the third construct's items among the outcomes
    outside, inside = np.zeros((2, 2, 60, 3))
    for r in range(2):
        for k in range(5):
            train = fold[r] != k
            design = np.column_stack([np.ones(60), X[:, inputs]])
            beta = np.linalg.lstsq(design[train], X[train][:, 4:], rcond=None)[0]
            outside[r][~train] = (design @ beta)[~train]
            inside[r][train] += (design @ beta)[train] / 4
    error = X[:, 4:] - outside
    assert cv.prediction[:, number, columns] == pytest.approx(outside.mean(axis=0), abs=1e-10)
    assert cv.loss[:, number, columns] == pytest.approx((error**2).mean(axis=0), abs=1e-10)
    assert cv.rmse[:, number, columns] == pytest.approx(np.sqrt((error**2).mean(axis=1)), abs=1e-10)
    assert cv.mae[:, number, columns] == pytest.approx(np.abs(error).mean(axis=1), abs=1e-10)
    assert cv.mape[:, number, columns] == pytest.approx(100 * np.abs(error / X[:, 4:]).mean(axis=1), abs=1e-8)
    within = X[:, 4:] - inside
    assert cv.rmse_in_sample[:, number, columns] == pytest.approx(np.sqrt((within**2).mean(axis=1)), abs=1e-10)


def test_the_model_predicts_standardised_answers_through_weights_paths_and_loadings():
    X = answers(60)
    fold = random_folds(np.ones(60, dtype=bool), 4, 1, seed=3)
    cv = validated(X, fold)
    for k in range(4):
        train, test = X[fold[0] != k], X[fold[0] == k]
        mean, sd = train.mean(axis=0), train.std(axis=0, ddof=1)
        e = estimate(np.corrcoef(train.T)[None], LAYOUT)
        Z = (test - mean) / sd
        scores = np.column_stack([Z[:, own] @ e.weights[0, own] for own in LAYOUT.slices])
        way = {"direct": scores @ e.paths[0], "earliest": scores[:, [0]] @ e.total_effects[0][[0]]}
        for method, predicted in way.items():
            items = predicted[:, BLOCK[2:]] * e.loadings[0, 2:] * sd[2:] + mean[2:]
            got = cv.prediction[fold[0] == k, METHODS.index(method)]
            assert got == pytest.approx(np.column_stack([items, predicted[:, 1:]]), abs=1e-8)


def test_training_means_have_no_predictive_relevance():
    cv = validated(answers(300, gaps=0.1), random_folds(np.ones(300, dtype=bool), 4, 2, seed=1))
    assert (cv.q2[:, METHODS.index("mean")] == 0).all()
    assert (cv.q2[:, METHODS.index("lm_direct"), : len(outcomes(LAYOUT)) - 2] > 0).all()


@pytest.mark.parametrize("missing", ["em", "mean"])
def test_a_gap_is_filled_without_a_look_at_the_outcome(missing):
    """With the training moments held fixed, other outcomes change no prediction, even where predictors have gaps."""
    X, fold = answers(80, gaps=0.15), random_folds(np.ones(80, dtype=bool), 5, 2, seed=1)
    changed = X.copy()
    changed[:, 4:] += 3
    before, after = (validated(each, fold, missing=missing, trained_on=X) for each in (X, changed))
    assert before.prediction[:, :, 2:5] == pytest.approx(after.prediction[:, :, 2:5], abs=1e-12)
    assert np.isfinite(before.prediction[:, :, :5]).all()
    assert (np.isnan(before.loss[:, 0, :5]) == np.isnan(X[:, 2:])).all()  # an outcome with a gap has no loss
    read = METHODS.index("lm_other")  # this one reads the third construct's items to predict the second's
    assert np.abs(before.prediction[:, read, :2] - after.prediction[:, read, :2]).max() > 0.1


def test_gaps_are_filled_with_conditional_means_of_the_items_that_are_read():
    X, fold = answers(80), random_folds(np.ones(80, dtype=bool), 5, 1, seed=1)
    gap = X.copy()
    gap[7, 0] = np.nan
    filled = X.copy()
    train = gap[fold[0] != fold[0, 7]]
    mean, cov = train.mean(axis=0), np.cov(train.T)
    filled[7, 0] = mean[0] + cov[0, 1] / cov[1, 1] * (gap[7, 1] - mean[1])
    number = METHODS.index("lm_exogenous")
    a, b = (validated(each, fold, trained_on=gap).prediction[7, number, :5] for each in (gap, filled))
    assert a == pytest.approx(b, abs=1e-8)


def test_training_moments_are_those_of_the_rows_left():
    X, fold = answers(30), random_folds(np.ones(30, dtype=bool), 3, 2, seed=1)
    m = training_moments(X, np.ones(30), fold, "em")
    for b in range(6):
        train = X[fold[b // 3] != b % 3]
        assert m.n[b] == len(train)
        assert m.mean[b] == pytest.approx(train.mean(axis=0))
        assert m.cov[b] == pytest.approx(np.cov(train.T))


def test_a_row_of_weight_two_is_the_row_twice():
    X, rng = answers(50), np.random.default_rng(4)
    fold, weights = random_folds(np.ones(50, dtype=bool), 5, 2, seed=1), np.ones(50)
    twice = rng.choice(50, 10, replace=False)
    weights[twice] = 2
    a = validated(X, fold, weights * 7.5)
    b = validated(np.vstack([X, X[twice]]), np.column_stack([fold, fold[:, twice]]))
    items = slice(0, 5)  # a standard deviation has n - 1 in it, so that scores differ by a hair
    for name in ("rmse", "mae", "mape", "q2", "rmse_in_sample", "mae_in_sample"):
        assert getattr(a, name)[:, :, items] == pytest.approx(getattr(b, name)[:, :, items], abs=1e-8)


def test_a_linear_model_with_more_items_than_training_rows_has_no_prediction():
    X = answers(5, seed=2)
    cv = validated(X, np.array([[0, 0, 1, 1, 1]]))
    assert np.isnan(cv.rmse[0, METHODS.index("lm_other"), :5]).all()
    assert np.isfinite(cv.rmse[0, METHODS.index("mean")]).all()


def test_there_is_no_percentage_of_an_answer_of_zero():
    X = answers(40)
    X[3, 2] = 0
    cv = validated(X, random_folds(np.ones(40, dtype=bool), 4, 1, seed=1))
    assert np.isnan(cv.mape[0, :, 0]).all()
    assert np.isfinite(cv.mape[0, :, 1:5]).all()


class TestPairedDifference:
    def test_simple_rows_give_the_paired_t_test(self):
        rng = np.random.default_rng(1)
        a, b = rng.normal(size=30), rng.normal(0.3, 1, size=30)
        mean, error, df = paired_difference((a - b)[:, None], np.ones(30), np.zeros(30, dtype=int), np.arange(30))
        test = stats.ttest_rel(a, b)
        assert mean[0] / error[0] == pytest.approx(test.statistic)
        assert df[0] == test.df

    def test_the_scale_of_the_weights_is_nothing(self):
        rng = np.random.default_rng(2)
        D, w = rng.normal(size=(30, 2)), rng.random(30) + 0.5
        strata, units = np.zeros(30, dtype=int), np.arange(30)
        for a, b in zip(
            paired_difference(D, w, strata, units), paired_difference(D, 9 * w, strata, units), strict=True
        ):
            assert a == pytest.approx(b)

    def test_a_cluster_of_copies_is_one_unit(self):
        D = np.random.default_rng(3).normal(size=(20, 1))
        single = paired_difference(D, np.ones(20), np.zeros(20, dtype=int), np.arange(20))
        copies = paired_difference(
            np.repeat(D, 3, axis=0), np.ones(60), np.zeros(60, dtype=int), np.repeat(range(20), 3)
        )
        for a, b in zip(single, copies, strict=True):
            assert a == pytest.approx(b)

    def test_differences_between_strata_are_no_error(self):
        strata = np.repeat([0, 1], 10)
        D = np.random.default_rng(4).normal(size=20) + 50 * strata
        _, error, df = paired_difference(D[:, None], np.ones(20), strata, np.arange(20))
        expected = np.sqrt(sum(D[strata == h].var(ddof=1) / 10 for h in (0, 1))) / 2
        assert error[0] == pytest.approx(expected)
        assert df[0] == 18

    def test_means_under_many_weights_leave_gaps_out(self):
        D = np.array([[1.0, np.nan], [3.0, 4.0], [8.0, 6.0]])
        assert weighted_means(D, np.array([[1.0, 1, 1], [1, 3, 0]])).tolist() == [[4, 5], [2.5, 4]]
