"""Resampling: counts that add up, streams that do not depend on chunking, quantiles and p values by their definitions."""

import numpy as np
import pytest

from csi.kernel import resample
from csi.kernel.resample import p_value, percentile_interval, rao_wu_counts, standard_error


def test_each_replicate_draws_one_unit_less_than_there_are():
    assert all((block.sum(axis=1) == 99).all() for block in rao_wu_counts(100, 600, seed=1))


def test_draws_do_not_depend_on_how_many_are_wanted():
    many, few = np.vstack(list(rao_wu_counts(50, 1100, seed=2))), np.vstack(list(rao_wu_counts(50, 700, seed=2)))
    assert many.shape == (1100, 50)
    assert (many[:700] == few).all()
    assert not np.array_equal(many[:512], many[512:1024])


def test_many_units_come_in_small_pieces_of_the_same_stream(monkeypatch):
    whole = np.vstack(list(rao_wu_counts(60, 700, seed=2)))
    monkeypatch.setattr(resample, "_CELLS", 1000)
    pieces = list(rao_wu_counts(60, 700, seed=2))
    assert max(len(piece) for piece in pieces) == 16
    assert (np.vstack(pieces) == whole).all()
    monkeypatch.setattr(resample, "_MANY", 59)  # drawn one by one
    assert (np.vstack(list(rao_wu_counts(60, 700, seed=2))) == whole).all()


def test_the_bootstrap_variance_of_a_mean_is_exactly_s2_over_n():
    x = np.random.default_rng(3).normal(size=20)
    counts = np.vstack(list(rao_wu_counts(20, 40_000, seed=5)))
    assert (counts @ x / 19).var() == pytest.approx(x.var(ddof=1) / 20, rel=0.03)


def test_quantiles_are_of_type_seven_and_leave_failures_out():
    draws = np.random.default_rng(0).normal(size=(1000, 3))
    gappy = np.vstack([draws, np.full((50, 3), np.nan)])
    gappy[0, 1] = np.nan
    low, high = percentile_interval(gappy)
    assert low[0] == pytest.approx(np.quantile(draws[:, 0], 0.025))
    assert high[1] == pytest.approx(np.quantile(draws[1:, 1], 0.975))
    assert np.isnan(percentile_interval(np.full((10, 1), np.nan))[0]).all()


def test_p_value_inverts_the_percentile_interval():
    draws = np.random.default_rng(1).normal(2, 1, size=(4999, 1))
    p = p_value(draws)[0]
    low, high = percentile_interval(draws, 1 - p)
    assert abs(low[0]) < 0.01 or abs(high[0]) < 0.01
    assert p_value(np.abs(draws))[0] == pytest.approx(2 / 5000)


def test_standard_error_is_the_spread_of_the_finite_draws():
    draws = np.array([[1.0], [2.0], [np.nan], [3.0]])
    assert standard_error(draws)[0] == 1
    assert np.isnan(standard_error(np.array([[1.0]])))[0]
