"""A fit of moments that an engine summed: the same estimates as from the cases, and intervals from buckets."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import csi
from csi.engine import moments_of, table_of
from csi.errors import EstimationError, ModelError

MODEL = csi.Model.parse("Q <~ q1 + q2 + q3; V <~ v1; S <~ s1 + s2; V ~ Q; S ~ Q + V")


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(5)
    n = 8000
    q = rng.normal(size=n)
    v = 0.5 * q + rng.normal(size=n)
    s = 0.4 * q + 0.3 * v + rng.normal(size=n)
    parts = {"q": (q, 3), "v": (v, 1), "s": (s, 2)}
    items = {
        f"{k}{i + 1}": np.clip(np.round(6 + 1.5 * x + rng.normal(size=n)), 1, 10)
        for k, (x, count) in parts.items()
        for i in range(count)
    }
    return pd.DataFrame(items).assign(id=np.arange(n), w=rng.uniform(0.5, 2, n))


@pytest.fixture(scope="module")
def sums(frame):
    import ibis

    return moments_of(table_of(ibis.memtable(pa.Table.from_pandas(frame))), [*MODEL.items[::-1]], weight="w", unit="id")


def test_estimates_equal_those_from_the_cases(frame, sums):
    cases, summed = csi.fit(MODEL, frame, weight="w", scale=(1, 10)), csi.fit(MODEL, sums, scale=(1, 10))
    assert summed.n == cases.n
    for quantity in ("weights", "loadings", "paths", "r_squared", "htmt", "rho_a", "index", "overall_fit"):
        assert np.allclose(summed.values(quantity), cases.values(quantity), atol=1e-9), quantity


def test_intervals_from_buckets_are_as_wide_as_from_cases(frame, sums):
    cases = csi.bootstrap(csi.fit(MODEL, frame, weight="w", scale=(1, 10)), 600)
    summed = csi.bootstrap(csi.fit(MODEL, sums, scale=(1, 10)), 2000)
    for quantity in ("paths", "index"):
        ratio = summed.quantity(quantity)["std_error"] / cases.quantity(quantity)["std_error"]
        assert ((ratio > 0.82) & (ratio < 1.22)).all()  # 256 buckets and 600 draws: both know the error to some 5 %


def test_a_construct_of_constructs_needs_moments_only(frame, sums):
    constructs = [*MODEL.constructs, csi.Construct("Drivers", ["Q", "V"])]
    model = csi.Model(constructs, {"Drivers": ["S"]})
    assert np.allclose(csi.fit(model, sums).paths, csi.fit(model, frame, weight="w").paths, atol=1e-9)


def test_what_needs_cases_says_so(sums):
    fit = csi.fit(MODEL, sums, scale=(1, 10))
    assert "without cases" in str(fit)
    with pytest.raises(EstimationError, match="score needs the answers"):
        fit.scores  # noqa: B018 - the property raises
    with pytest.raises(EstimationError, match="needs the answers"):
        csi.jackknife(fit)
    with pytest.raises(ModelError, match="'z1', which was not summed"):
        csi.fit(csi.Model.parse("Q <~ z1; S <~ s1; S ~ Q"), sums)
    with pytest.raises(ModelError, match="products of answers"):
        csi.fit(csi.Model(MODEL.constructs, {"Q": ["S"], "V": ["S"], "Q*V": ["S"]}), sums)


def test_assess_works_on_moments(sums):
    fit = csi.fit(MODEL, sums, scale=(1, 10))
    assert csi.assess(fit, csi.bootstrap(fit, 100)).verdict in ("pass", "note")
    assert csi.satisfaction_index(fit, csi.bootstrap(fit, 100), construct="S").value == pytest.approx(55, abs=3)
