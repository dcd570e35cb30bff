"""Raking: the margins of the population, to the digits of R's survey; refitted in every replicate; bounded where asked."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog, minimize

from csi.kernel.raking import design_effect, rake, trim
from csi.kernel.resample import rao_wu_counts

FREE = [0, 1, 2, 3, 4, 5, 7]  # equations of margins of 3, 4 and 2 categories of which none follows from the others
AGES = ["18-34", "35-49", "50-64", "65+"]


@pytest.fixture(scope="module")
def peer(reference):
    return reference("survey_acsi_rake")


@pytest.fixture(scope="module")
def acsi(shared):
    """The rows that the peer used, in its order of the industries."""
    answers = pd.read_csv(shared / "data" / "acsi2015" / "acsi2015_food_air_isp.csv")
    usable = answers["SATIS"].between(1, 10) & answers["GENDER"].isin([1, 2]) & (answers["AGE"] < 98)
    answers = answers[usable].sort_values("INDUSTRY", kind="stable")
    age = pd.cut(answers["AGE"], [0, 34, 49, 64, 97], labels=AGES)
    return answers.assign(age=age.cat.codes.astype(int), gender=answers["GENDER"].astype(int) - 1)


@pytest.fixture(scope="module")
def acsi_margins(acsi, peer):
    targets = peer["margins"]
    return [
        (acsi["gender"].to_numpy(), np.array([targets["GENDER"]["1"], targets["GENDER"]["2"]])),
        (acsi["age"].to_numpy(), np.array([targets["agegrp"][group] for group in AGES])),
    ]


@pytest.fixture(scope="module")
def acsi_weights(acsi, acsi_margins):
    return rake(np.ones((1, len(acsi))), acsi_margins).weights[0]


def linearised(y, w, strata, inside):
    """Weighted mean of a domain and its error with fixed weights: primary units with replacement within strata."""
    total = (w * inside).sum()
    mean = (w * inside * y).sum() / total
    influence = w * inside * (y - mean) / total
    groups = [influence[strata == h] for h in np.unique(strata)]
    return mean, np.sqrt(sum(len(z) * z.var(ddof=1) for z in groups))


def invented(seed, n=60, B=3):
    """Base weights, some 0, and two margins whose every joint cell has a case."""
    rng = np.random.default_rng(seed)
    a, b = np.divmod(np.arange(n) % 6, 3)
    base = rng.gamma(2, size=(B, n)) * (rng.random((B, n)) < 0.8)
    base[:, :6] += 0.1
    return base, [(a, rng.dirichlet([5, 5])), (b, rng.dirichlet([5, 5, 5]))]


def shares(weights, codes, K):
    return np.array([np.bincount(codes, w, K) / w.sum() for w in weights])


class TestAgainstTheSurveyPackage:
    def test_weight_of_every_cell(self, acsi, acsi_weights, peer):
        assert len(acsi) == peer["n"]
        for cell in peer["weights_by_cell"]:
            here = (acsi["GENDER"] == cell["GENDER"]) & (acsi["age"] == AGES.index(cell["agegrp"]))
            assert here.sum() == cell["n"]
            assert np.abs(acsi_weights[here] - cell["weight"]).max() < 1e-8

    def test_design_effect(self, acsi_weights, peer):
        assert design_effect(acsi_weights[None])[0] == pytest.approx(peer["kish_design_effect"], abs=1e-9)

    def test_mean_of_each_industry_and_its_error(self, acsi, acsi_weights, peer):
        industry = acsi["INDUSTRY"].to_numpy()
        for row in peer["mean_by_industry"]:
            found = linearised(acsi["SATIS"].to_numpy(), acsi_weights, industry, industry == row["INDUSTRY"])
            assert np.allclose(found, (row["mean"], row["se_linearised"]), rtol=0, atol=1e-8)

    def test_means_of_three_items_and_their_errors(self, acsi, acsi_weights, peer):
        case = peer["three_items"]
        answered = (acsi["CONFIRM"].between(1, 10) & acsi["IDEAL"].between(1, 10)).to_numpy()
        assert answered.sum() == case["n"]
        for item in case["mean"]:
            y, w, industry = (v[answered] for v in (acsi[item].to_numpy(), acsi_weights, acsi["INDUSTRY"].to_numpy()))
            found = linearised(y, w, industry, np.ones(len(y)))
            assert np.allclose(found, (case["mean"][item], case["se_linearised"][item]), rtol=0, atol=1e-8)

    def test_bootstrap_that_rakes_every_replicate(self, acsi, acsi_margins, acsi_weights, peer):
        y, case = acsi["SATIS"].to_numpy(), peer["rao_wu_2000"]
        sizes = acsi["INDUSTRY"].value_counts(sort=False).sort_index()
        blocks = zip(*(rao_wu_counts(n, 2000, seed=n) for n in sizes), strict=True)
        means = []
        for counts in blocks:
            base = np.hstack([c * n / (n - 1) for c, n in zip(counts, sizes, strict=True)])
            raked = rake(base, acsi_margins)
            assert raked.converged.all()
            means.append(raked.weights @ y / raked.weights.sum(axis=1))
        assert (acsi_weights @ y) / acsi_weights.sum() == pytest.approx(case["mean"], abs=1e-9)
        assert np.concatenate(means).std(ddof=1) == pytest.approx(case["se"], rel=0.08)


def test_margins_hold_and_the_total_stays():
    base, margins = invented(1)
    raked = rake(base, margins)
    assert raked.converged.all()
    assert np.allclose(raked.weights.sum(axis=1), base.sum(axis=1), rtol=1e-9)
    for codes, targets in margins:
        assert np.abs(shares(raked.weights, codes, len(targets)) / targets - 1).max() < 1.1e-10
    assert ((raked.weights > 0) == (base > 0)).all()


def test_raking_every_replicate_takes_out_the_luck_of_the_margins():
    """The mean of what a margin determines is known from the population, so it must not vary between replicates."""
    base, margins = invented(10)
    codes, targets = margins[1]
    replicates = rake(np.vstack(list(rao_wu_counts(60, 200, seed=1))) * base[0], margins)
    kept = replicates.weights[replicates.converged]
    assert len(kept) > 150
    means = kept @ codes / kept.sum(axis=1)
    assert np.allclose(means, targets @ np.arange(3), rtol=1e-9)


def test_cases_one_by_one_give_the_same():
    base, margins = invented(2, B=1)
    w = base[0].copy()
    for _ in range(500):
        for codes, targets in margins:
            w *= (targets * base.sum() / np.bincount(codes, w))[codes]
    assert np.allclose(rake(base, margins, tolerance=1e-13).weights[0], w, rtol=1e-11)


def test_weights_that_meet_the_margins_are_left_alone():
    base, margins = invented(3)
    once = rake(base, margins)
    again = rake(once.weights, margins, tolerance=1e-9)
    assert (again.iterations == 0).all()
    assert np.array_equal(again.weights, once.weights)


def test_a_replicate_without_a_category_says_so_and_leaves_the_others_alone():
    base, margins = invented(4)
    gappy = base.copy()
    gappy[1, margins[1][0] == 2] = 0
    raked = rake(gappy, margins)
    assert raked.converged.tolist() == [True, False, True]
    assert np.isnan(raked.weights[1]).all()
    assert np.allclose(raked.weights[[0, 2]], rake(base, margins).weights[[0, 2]], rtol=1e-9, atol=0)


def test_a_replicate_without_any_weight_cannot_be_raked():
    base, margins = invented(5)
    base[0] = 0
    assert rake(base, margins).converged.tolist() == [False, True, True]


def test_margins_that_contradict_each_other_are_not_met_in_part():
    codes = np.array([0, 0, 1, 1])  # both margins cut the cases alike, but want different shares
    raked = rake(np.ones((1, 4)), [(codes, np.array([0.5, 0.5])), (codes, np.array([0.4, 0.6]))], max_iterations=50)
    assert not raked.converged[0]
    assert raked.iterations[0] == 50
    assert np.isnan(raked.weights).all()


def test_a_category_that_the_population_lacks_loses_its_weight():
    codes = np.array([0, 1, 1, 2])
    raked = rake(np.ones((1, 4)), [(codes, np.array([0.0, 0.5, 0.5]))])
    assert raked.weights.tolist() == [[0, 1, 1, 2]]


def crossed(seed):
    """The 24 joint cells of three margins, and limits somewhat closer than the adjustments that free raking needs."""
    rng = np.random.default_rng(seed)
    base = rng.gamma(3, size=(1, 24))
    margins = []
    for codes in np.unravel_index(np.arange(24), (3, 4, 2)):
        now = np.bincount(codes, base[0])
        margins.append((codes, now * rng.lognormal(0, 0.35, len(now))))
    free = rake(base, margins).weights / base
    return base, margins, (free.min() ** 0.8, free.max() ** 0.8)


def margin_equations(base, margins):
    """Matrix and right-hand side that adjustments of the single row of base must satisfy to meet the margins."""
    rows = [np.eye(len(targets))[codes].T * base for codes, targets in margins]
    return np.vstack(rows), np.concatenate([targets / targets.sum() * base.sum() for _, targets in margins])


class TestBounds:
    def test_hold_together_with_the_margins_wherever_that_is_possible(self):
        possible = []
        for seed in range(30):
            base, margins, (low, high) = crossed(seed)
            A, b = margin_equations(base, margins)
            possible.append(linprog(np.zeros(24), A_eq=A, b_eq=b, bounds=[(low, high)] * 24).status == 0)
            raked = rake(base, margins, bounds=(low, high))
            assert raked.converged[0] == possible[-1]
            if possible[-1]:
                adjustment = raked.weights / base
                assert adjustment.min() == pytest.approx(low)
                assert adjustment.max() == pytest.approx(high)
                assert np.abs(A @ adjustment[0] / b - 1).max() < 1.1e-10
            else:
                assert np.isnan(raked.weights).all()
        assert 20 < sum(possible) < 30

    def test_the_weights_are_the_nearest_that_hold(self):
        """The optimum of Deville & Särndal by a general-purpose optimiser: smallest sum of g log g - g + 1."""
        base, margins, limits = crossed(0)
        A, b = margin_equations(base, margins)
        best = minimize(
            lambda g: (base[0] * (g * np.log(g) - g + 1)).sum(),
            np.ones(24),
            jac=lambda g: base[0] * np.log(g),
            method="SLSQP",
            bounds=[limits] * 24,
            constraints={"type": "eq", "fun": lambda g: (A @ g - b)[FREE], "jac": lambda _: A[FREE]},
            options={"ftol": 1e-12, "maxiter": 500},
        )
        assert best.success
        assert np.allclose(rake(base, margins, bounds=limits).weights / base, best.x, atol=1e-5)

    def test_wide_ones_change_nothing(self):
        base, margins, _ = crossed(7)
        assert np.array_equal(rake(base, margins, bounds=(0.01, 100)).weights, rake(base, margins).weights)

    def test_a_case_drawn_twice_is_two_cases(self):
        base, margins, limits = crossed(0)
        doubled = base.copy()
        doubled[0, :3] *= 2
        again = [(np.append(codes, codes[:3]), targets) for codes, targets in margins]
        one = rake(doubled, margins, bounds=limits)
        two = rake(np.hstack([base, base[:, :3]]), again, bounds=limits)
        assert one.converged[0]
        assert np.allclose(one.weights[0, :3], 2 * two.weights[0, :3], rtol=1e-12)
        assert np.allclose(one.weights[0, 3:], two.weights[0, 3:24], rtol=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.01, 100))
def test_only_proportions_matter(seed, constant):
    base, margins = invented(seed)
    totals = [(codes, targets * 1e6) for codes, targets in margins]
    here, there = rake(base, margins), rake(base * constant, totals)
    assert np.allclose(there.weights, here.weights * constant, rtol=1e-8)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_batch_is_its_replicates_one_by_one(seed):
    base, margins = invented(seed, B=5)
    whole = rake(base, margins)
    for b in range(5):
        alone = rake(base[[b]], margins)
        assert np.allclose(alone.weights[0], whole.weights[b], rtol=1e-9, atol=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda b, m: (b, []), "at least one margin"),
        (lambda b, m: (b, [(m[0][0] - 1, m[0][1])]), "30 outside 0 ... 1"),
        (lambda b, m: (b, [(m[0][0][:-1], m[0][1])]), "59 codes for 60 cases"),
        (lambda b, m: (b, [m[0], (m[1][0], m[1][1] * [1, 1, -1])]), "Margin 2: targets"),
        (lambda b, m: (b, [(m[0][0], np.zeros(2))]), "not all 0"),
        (lambda b, m: (b - 1, m), "Base weights"),
    ],
)
def test_nonsense_is_refused(change, message):
    base, margins = change(*invented(0))
    with pytest.raises(ValueError, match=message):
        rake(base, margins)


@pytest.mark.parametrize("bounds", [(1.1, 2), (0.2, 0.9), (-1, 2)])
def test_bounds_enclose_one(bounds):
    with pytest.raises(ValueError, match="do not enclose 1"):
        rake(*invented(0), bounds=bounds)
    with pytest.raises(ValueError, match="do not enclose 1"):
        trim(np.ones((1, 3)), *bounds)


class TestTrim:
    @settings(max_examples=50, deadline=None)
    @given(st.integers(0, 2**32 - 1), st.floats(0, 1), st.floats(1, 5))
    def test_limits_and_total_hold_and_the_others_keep_their_proportions(self, seed, low, high):
        rng = np.random.default_rng(seed)
        w = rng.lognormal(0, 1.5, size=(4, 50)) * (rng.random((4, 50)) < 0.9)
        trimmed = trim(w, low, high)
        assert np.allclose(trimmed.sum(axis=1), w.sum(axis=1), rtol=1e-10)
        assert (trimmed[w == 0] == 0).all()
        for before, after in zip(w, trimmed, strict=True):
            mean = before[before > 0].mean()
            kept = before > 0
            assert (after[kept] >= low * mean * (1 - 1e-10)).all()
            assert (after[kept] <= high * mean * (1 + 1e-10)).all()
            inner = kept & (after > low * mean * (1 + 1e-9)) & (after < high * mean * (1 - 1e-9))
            ratio = after[inner] / before[inner]
            assert np.allclose(ratio, ratio[:1], rtol=1e-9)

    def test_weights_within_the_limits_stay(self):
        w = np.array([[1.0, 2, 3, 4]])
        assert np.allclose(trim(w, 0.1, 3), w, rtol=1e-14)
        assert np.allclose(trim(w, 0, np.inf), w, rtol=1e-14)

    def test_what_cannot_be_trimmed_stays_as_it_is(self):
        trimmed = trim(np.array([[np.nan, np.nan], [0.0, 0.0], [1.0, 3.0]]), 1, 1)
        assert np.isnan(trimmed[0]).all()
        assert trimmed[1:].tolist() == [[0, 0], [2, 2]]


def test_design_effect_is_one_plus_the_squared_coefficient_of_variation():
    w = np.random.default_rng(2).gamma(2, size=(3, 40))
    assert np.allclose(design_effect(w), 1 + w.var(axis=1) / w.mean(axis=1) ** 2)
    assert np.allclose(design_effect(np.hstack([w, np.zeros((3, 5))])), design_effect(w))
    assert np.isnan(design_effect(np.zeros((1, 3))))[0]
