"""The wild cluster bootstrap equals refitting every made-up sample, and holds its level where there are few clusters."""

import numpy as np
import pytest

from csi.kernel.wild_bootstrap import webb_weights, wild_test

sm = pytest.importorskip("statsmodels.api")


def world(seed, clusters=8, size=12, effect=0.5):
    """Answers with a slope of its own in every cluster, so that errors within clusters go together."""
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(clusters), size)
    X = rng.normal(size=(len(codes), 3))
    own = effect + 0.5 * rng.normal(size=clusters)
    return own[codes] * X[:, 0] + X[:, 1] + rng.normal(size=len(codes)), X, codes


def clustered(y, X, codes):
    return sm.OLS(y, X).fit(cov_type="cluster", cov_kwds={"groups": codes}, use_t=True)


def test_estimate_and_error_are_those_of_the_clustered_regression():
    y, X, codes = world(1)
    peer = clustered(y, X, codes)
    for k in range(3):
        ours = wild_test(y, X, k, codes, webb_weights(99, 8, 1))
        assert (ours.estimate, ours.error) == pytest.approx((peer.params[k], peer.bse[k]), rel=1e-12)


@pytest.mark.parametrize("value", [0.0, 0.3, -2.0])
def test_every_draw_equals_a_refit_of_the_sample_it_stands_for(value):
    y, X, codes = world(2)
    V = webb_weights(25, 8, 1)
    ours = wild_test(y, X, 0, codes, V)
    rest, target = X[:, 1:], y - value * X[:, 0]
    residual = target - rest @ np.linalg.lstsq(rest, target, rcond=None)[0]
    refits = [clustered(y - residual + v[codes] * residual, X, codes) for v in V]
    t = ours.top @ [1, -value] / np.sqrt(ours.bottom @ [1, -2 * value, value**2])
    assert t == pytest.approx([(peer.params[0] - value) / peer.bse[0] for peer in refits], abs=1e-10)


def test_the_interval_holds_what_is_not_rejected():
    y, X, codes = world(3)
    found = wild_test(y, X, 0, codes, webb_weights(999, 8, 1))
    low, high = found.interval(0.9005)  # no share of 1,000 falls on the limit
    step = 1e-6 * (high - low)
    assert found.p_value(low + step) > 0.0995 >= found.p_value(low - step)
    assert found.p_value(high - step) > 0.0995 >= found.p_value(high + step)
    assert found.p_value(found.estimate) == 1


def test_it_covers_the_truth_better_than_t_where_clusters_are_few():
    covered = {"wild": 0, "t": 0}
    for seed in range(200):
        y, X, codes = world(seed, clusters=6)
        low, high = wild_test(y, X, 0, codes, webb_weights(399, 6, 1)).interval()
        covered["wild"] += low <= 0.5 <= high
        low, high = clustered(y, X, codes).conf_int()[0]
        covered["t"] += low <= 0.5 <= high
    assert covered["wild"] >= 182
    assert covered["wild"] > covered["t"]
