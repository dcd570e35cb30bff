"""Buckets: their sums give the moments of the rows, and resampling them gives the error that resampling units gives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csi.kernel.buckets import BucketMoments, bucket_of
from csi.kernel.moments import moments
from csi.kernel.resample import rao_wu_counts


def bucketed(X, unit, bucket, buckets, group=None, stratum=None, w=None):
    """Sum rows into cells one by one: slow, and as plain as the definition."""
    n, p = X.shape
    w = np.ones(n) if w is None else w
    group = np.zeros(n, dtype=int) if group is None else group
    stratum = np.zeros(n, dtype=int) if stratum is None else stratum
    cells, cell = np.unique(np.column_stack([group, stratum, bucket]), axis=0, return_inverse=True)
    centre = np.full(p, 3.0)
    D = X - centre
    members = [np.flatnonzero(cell == c) for c in range(len(cells))]
    units = np.zeros((stratum.max() + 1, buckets), dtype=int)
    for h, k in {(h, k) for _, h, k in cells}:
        units[h, k] = len(np.unique(unit[(stratum == h) & (bucket == k)]))
    return BucketMoments(
        items=tuple(f"x{j}" for j in range(p)),
        groups=tuple((g,) for g in range(group.max() + 1)),
        strata=tuple((h,) for h in range(stratum.max() + 1)),
        group=cells[:, 0],
        stratum=cells[:, 1],
        bucket=cells[:, 2],
        n=np.array([len(rows) for rows in members]),
        weight=np.array([w[rows].sum() for rows in members]),
        first=np.array([w[rows] @ D[rows] for rows in members]),
        second=np.array([(D[rows].T * w[rows]) @ D[rows] for rows in members]),
        centre=centre,
        units=units,
        n_missing=0,
    )


def replicate_means(sums, draws=2000, seed=1, group=None):
    return np.concatenate([m.mean for m in sums.resamples(draws, seed, group)])


class TestBucketOfAKey:
    def test_is_the_same_as_exact_arithmetic_for_any_64_bit_key(self):
        keys = [0, 1, -1, 2**31 - 1, 2**31, -(2**31), 13_912_345_678, 2**63 - 1, -(2**63)]
        modulus = 2**31 - 1

        def exact(key):
            x = key % modulus
            for a, b in ((1_583_458_089, 784_588_716), (1_664_525, 1_013_904_223)):
                x = ((x * a + b) % modulus) ** 2 % modulus
            return x % 256

        assert bucket_of(np.array(keys), 256).tolist() == [exact(key) for key in keys]

    @pytest.mark.parametrize("step", [1, 7, 256, 65_536, 2**32])
    def test_fills_every_bucket_as_chance_would(self, step):
        count = np.bincount(bucket_of(np.arange(200_000) * step, 256), minlength=256)
        chi2 = ((count - count.mean()) ** 2 / count.mean()).sum()
        assert abs(chi2 - 255) < 4 * np.sqrt(2 * 255)

    def test_errors_are_right_where_answers_trend_with_the_key_and_linear_hashes_understate_them(self):
        n, buckets = 25_600, 256
        rng = np.random.default_rng(0)
        noise = rng.normal(size=n)
        x = np.sqrt(12) * np.arange(n) / n + noise  # trend and noise have the same variance

        def error(bucket):
            total = np.bincount(bucket, x - x.mean(), minlength=buckets)
            return np.sqrt(buckets / (buckets - 1) * (total**2).sum()) / n

        true = x.std() / np.sqrt(n)
        assert error(np.arange(n) % buckets) < 0.75 * true
        assert (
            error(np.arange(n) * 2_654_435_761 % 2**32 >> 24) < 0.75 * true
        )  # Knuth's multiplicative hash, its top 8 bits
        starts = np.arange(40) * 1_000_003
        ours = np.array([error(bucket_of(start + np.arange(n), buckets)) for start in starts])
        assert np.sqrt((ours**2).mean()) == pytest.approx(true, rel=0.03)
        assert (ours / true).std() < 0.07  # 256 buckets know a standard error to 4.4 %
        X = np.column_stack([x, x + rng.normal(size=n)])
        keys = np.arange(n)
        means = replicate_means(bucketed(X, keys, bucket_of(keys, buckets), buckets))
        assert means[:, 0].std() == pytest.approx(true, rel=0.1)


class TestMoments:
    @settings(max_examples=30, deadline=None)
    @given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.booleans())
    def test_do_not_depend_on_how_rows_fall_into_cells(self, seed, buckets, weighted):
        rng = np.random.default_rng(seed)
        X = rng.integers(1, 11, (50, 4)).astype(float)
        w = rng.uniform(0.5, 3, 50) if weighted else np.ones(50)
        group, stratum = rng.integers(0, 3, 50), rng.integers(0, 2, 50)
        sums = bucketed(X, np.arange(50), rng.integers(0, buckets, 50), buckets, group, stratum, w)
        for g in (None, *range(len(sums.groups))):
            rows = np.ones(50, dtype=bool) if g is None else group == g
            expected, found = moments(X[rows], w[None, rows]), sums.moments(g)
            assert sums.rows(g) == found.n[0] == rows.sum()
            if rows.any():
                assert np.allclose(found.mean, expected.mean, rtol=1e-12)
                assert np.allclose(found.cov, expected.cov, rtol=1e-10, atol=1e-12)


class TestResamples:
    def test_with_one_unit_a_bucket_are_those_of_the_units(self):
        rng = np.random.default_rng(2)
        X, w = rng.normal(4, 1, (60, 3)), rng.uniform(1, 2, 60)
        stratum = np.repeat([0, 1], [25, 35])
        place = np.concatenate([np.arange(25), np.arange(35)])
        sums = bucketed(X, np.arange(60), place, 35, stratum=stratum, w=w)
        for m, counts in zip(sums.resamples(600, 7), rao_wu_counts([25, 35], 600, 7), strict=True):
            expected = moments(X, counts * w)
            assert np.allclose(m.mean, expected.mean, rtol=1e-12)
            assert np.allclose(m.cov, expected.cov, rtol=1e-10, atol=1e-12)

    def test_strata_whose_means_differ_add_no_error_though_buckets_differ_in_size(self):
        rng = np.random.default_rng(3)
        n = 40_000
        stratum = np.arange(n) % 4
        X = rng.normal(size=(n, 2)) + 3.0 * stratum[:, None]
        keys = np.arange(n)
        bucket = bucket_of(keys, 256)
        means = replicate_means(bucketed(X, keys, bucket, 256, stratum=stratum), 4000)
        true = np.sqrt(sum(X[stratum == h].var(axis=0, ddof=1) * (n / 4) for h in range(4))) / n
        assert means.std(axis=0) == pytest.approx(true, rel=0.1)
        # What the fixed factor K/(K - 1) makes of the same buckets: their chance sizes pass for error.
        D = X - X.mean(axis=0)
        totals = np.zeros((4, 256, 2))
        np.add.at(totals, (stratum, bucket), D)
        fixed = np.sqrt((totals.var(axis=1, ddof=1) * 256).sum(axis=0)) / n
        assert (fixed > 2 * true).all()

    def test_clusters_carry_the_error_of_clusters(self):
        rng = np.random.default_rng(4)
        cluster = np.repeat(np.arange(2000), 20)
        X = rng.normal(size=(2000, 2))[cluster] + rng.normal(size=(40_000, 2))
        by_cluster = replicate_means(bucketed(X, cluster, bucket_of(cluster, 256), 256)).std(axis=0)
        rows = np.arange(len(X))
        by_row = replicate_means(bucketed(X, rows, bucket_of(rows, 256), 256)).std(axis=0)
        true = X.reshape(2000, 20, 2).mean(axis=1).std(axis=0, ddof=1) / np.sqrt(2000)
        assert by_cluster == pytest.approx(true, rel=0.12)
        assert (by_row < 0.4 * true).all()

    def test_groups_share_the_replicates(self):
        rng = np.random.default_rng(5)
        group = rng.integers(0, 2, 500)
        X = np.column_stack([rng.normal(size=500) + group, group])
        sums = bucketed(X, np.arange(500), rng.integers(0, 16, 500), 16, group=group)
        whole, zero, one = (replicate_means(sums, 100, 3, g) for g in (None, 0, 1))
        share = whole[:, 1]  # of group 1 in each replicate
        assert np.allclose(whole[:, 0], (1 - share) * zero[:, 0] + share * one[:, 0], atol=1e-12)

    def test_do_not_depend_on_how_many_are_wanted(self):
        X = np.random.default_rng(6).normal(size=(300, 2))
        sums = bucketed(X, np.arange(300), np.arange(300) % 16, 16)
        few, many = replicate_means(sums, 700, 2), replicate_means(sums, 1100, 2)
        assert many.shape == (1100, 2)
        assert (few[:512] == many[:512]).all()
        assert np.allclose(few[512:], many[512:700], rtol=1e-13)
        assert not np.allclose(many[:512], many[512:1024])

    def test_are_undefined_where_a_stratum_has_a_single_bucket(self):
        X = np.random.default_rng(7).normal(size=(30, 2))
        sums = bucketed(X, np.arange(30), np.zeros(30, dtype=int), 4)
        assert not sums.resampleable
        drawn = list(sums.resamples(600, 1))
        assert [len(m.n) for m in drawn] == [512, 88]
        assert all(np.isnan(m.mean).all() and np.isnan(m.cov).all() for m in drawn)
        assert np.allclose(sums.moments().mean, X.mean(axis=0))


def test_prints_what_it_holds():
    X = np.zeros((1200, 2))
    sums = bucketed(X, np.arange(1200), np.arange(1200) % 16, 16)
    assert "1,200 rows" in repr(sums)
    assert "buckets with units: 16" in repr(sums)
