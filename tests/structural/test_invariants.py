"""What must not depend on what: orders, units, names, and how often a row is written.

Beside these: units and cases of predictions (test_prediction), weights times a constant in replicates (test_sampling), buckets
and row chunks (kernel/test_buckets, kernel/test_moments), and batches of groups (test_group_fits).
"""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import csi
from csi.errors import CsiWarning
from csi.structural.quantities import values_of
from csi.structural.replication import replicate

BLOCKS = {"A": ["a1", "a2", "a3"], "B": ["b1", "b2", "b3"], "C": ["c1", "c2"], "D": ["d1"]}
PATHS = {"A": ["C", "D"], "B": ["C", "D"], "C": ["D"]}
ITEMS = [item for items in BLOCKS.values() for item in items]
KINDS = ["composite", "regression", "factor", "dimensions", "interaction"]
SEEDS = st.integers(0, 2**32 - 1)
FEW = settings(max_examples=6, deadline=None)


def model_of(kind, blocks=BLOCKS, order=tuple(BLOCKS)):
    """One structure in every kind of model, its constructs in any order."""
    options = {"regression": {"mode": "B"}, "factor": {"kind": "factor"}}.get(kind, {})
    constructs = [csi.Construct(name, blocks[name], **(options if name != "D" else {})) for name in order]
    if kind == "dimensions":
        return csi.Model([*constructs, csi.Construct("AB", ["A", "B"])], {"AB": ["C", "D"], "C": ["D"]})
    return csi.Model(constructs, PATHS | ({"A*B": ["C"]} if kind == "interaction" else {}))


def answers(seed, n=90, gaps=0.0):
    rng = np.random.default_rng(seed)
    a, b = rng.multivariate_normal([0, 0], [[1, 0.3], [0.3, 1]], n).T
    c = 0.5 * a + 0.4 * b + 0.2 * a * b + 0.6 * rng.normal(size=n)
    d = 0.4 * c + 0.3 * a + 0.6 * rng.normal(size=n)
    scores = {"A": a, "B": b, "C": c, "D": d}
    X = np.column_stack([scores[name] + 0.5 * rng.normal(size=n) for name, items in BLOCKS.items() for _ in items])
    return pd.DataFrame(X, columns=ITEMS).mask(rng.random(X.shape) < gaps)


def fitted(model, frame, **options):
    """Samples as small as these may be inadmissible; that, too, must not depend on what does not matter."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CsiWarning)
        return csi.fit(model, frame, **{"tolerance": 1e-12, "scale": (-9, 9)} | options)


def said(fit):
    """All that a fit says, under names that know no order."""
    names = (
        "paths",
        "total_effects",
        "weights",
        "loadings",
        "r_squared",
        "htmt",
        "rho_a",
        "ave",
        "overall_fit",
        "index",
    )
    found = {name: fit.values(name) for name in names}
    if len(fit.origin.model.products):
        del found["index"]  # products of answers have no scale ends
    return pd.Series({
        (name, " ~ ".join(sorted(term.split(" ~ ")))): value for name, each in found.items() for term, value in each.items()
    })  # fmt: skip


def same(one, other, tolerance=1e-8):
    a, b = (said(fit).sort_index() for fit in (one, other))
    assert a.index.equals(b.index)
    assert np.allclose(a, b, rtol=0, atol=tolerance, equal_nan=True), (a - b).abs().sort_values().tail(3)
    assert one.admissible == other.admissible


@pytest.mark.parametrize("kind", KINDS)
class TestAFit:
    @FEW
    @given(seed=SEEDS)
    def test_orders_of_items_constructs_and_rows(self, kind, seed):
        rng = np.random.default_rng(seed)
        frame, blocks = answers(seed), {name: list(rng.permutation(items)) for name, items in BLOCKS.items()}
        turned = model_of(kind, blocks, tuple(rng.permutation(list(BLOCKS))))
        same(fitted(model_of(kind), frame), fitted(turned, frame.sample(frac=1, random_state=seed % 1000)))

    @FEW
    @given(seed=SEEDS)
    def test_units_of_items(self, kind, seed):
        """Any slope above zero and any origin of each item, its scale ends with it."""
        rng = np.random.default_rng(seed)
        slope, origin = 10 ** rng.uniform(-2, 2, len(ITEMS)), 100 * rng.normal(size=len(ITEMS))
        ends = {item: (b - 9 * m, b + 9 * m) for item, m, b in zip(ITEMS, slope, origin, strict=True)}
        frame = answers(seed)
        same(fitted(model_of(kind), frame), fitted(model_of(kind), frame * slope + origin, scale=ends), 1e-7)

    @FEW
    @given(seed=SEEDS)
    def test_a_frequency_is_a_row_written_so_often(self, kind, seed):
        times = np.random.default_rng(seed).integers(0, 4, 90)
        frame = answers(seed, gaps=0.02).assign(times=times)
        written = frame.loc[frame.index.repeat(times)].reset_index(drop=True)
        one, other = fitted(model_of(kind), frame, frequency="times"), fitted(model_of(kind), written)
        same(one, other)
        assert one.n == other.n == times.sum()

    @FEW
    @given(seed=SEEDS, times=st.integers(2, 4))
    def test_answers_written_several_times_say_the_same(self, kind, seed, times):
        frame = answers(seed, gaps=0.02)
        copies = pd.concat([frame] * times, ignore_index=True)
        same(fitted(model_of(kind), frame), fitted(model_of(kind), copies), 1e-6)  # EM stops at its own tolerance

    @FEW
    @given(seed=SEEDS, factor=st.floats(1e-6, 1e6))
    def test_a_constant_factor_on_the_weights(self, kind, seed, factor):
        frame = answers(seed, gaps=0.02).assign(w=np.random.default_rng(seed).uniform(0.2, 3, 90))
        scaled = frame.assign(w=factor * frame.w)
        same(fitted(model_of(kind), frame, weight="w"), fitted(model_of(kind), scaled, weight="w"))

    @FEW
    @given(seed=SEEDS)
    def test_one_batch_is_many_singles(self, kind, seed):
        """A replicate is the fit under its case weights."""
        frame, W = answers(seed), np.random.default_rng(seed).uniform(0.5, 2, (5, 90))
        whole = fitted(model_of(kind), frame)
        batch, _ = replicate(whole, W)
        for b, w in enumerate(W):
            alone = fitted(model_of(kind), frame.assign(w=w), weight="w")
            for name in ("paths", "weights", "loadings", "r_squared", "htmt"):
                together = values_of(name, batch.part(slice(b, b + 1)), whole.batch)[1][0]
                assert np.allclose(together, alone.values(name), rtol=0, atol=1e-8, equal_nan=True), name


SMALL = csi.Model.parse("A <~ a1 + a2 + a3; B <~ b1 + b2 + b3; B ~ A")


@pytest.fixture(scope="module")
def fit():
    return fitted(SMALL, answers(5, n=120))


class TestGroups:
    """The names of groups, and which of them stands first, change names and signs alone."""

    @given(names=st.lists(st.text("abcxyz", min_size=1), min_size=3, max_size=3, unique=True))
    @settings(max_examples=5, deadline=None)
    def test_differences(self, fit, names):
        number = np.arange(120) % 3
        one, other = (csi.compare_groups(fit, labels, draws=39).table() for labels in (number, np.array(names)[number]))
        for row in one.itertuples():
            g, h = names[int(row.group_1)], names[int(row.group_2)]
            sign = 1 if g < h else -1
            found = other[(other["group_1"] == min(g, h)) & (other["group_2"] == max(g, h))].iloc[0]
            assert found["estimate"] == pytest.approx(sign * row.estimate, abs=1e-10)
            assert found["std_error"] == pytest.approx(row.std_error, abs=1e-10)
            assert found["p_value"] == pytest.approx(row.p_value, abs=1e-10)

    @given(names=st.lists(st.text("abcxyz", min_size=1), min_size=2, max_size=2, unique=True))
    @settings(max_examples=5, deadline=None)
    def test_measurement_invariance(self, fit, names):
        number = (np.arange(120) % 5 < 2).astype(int)
        one, other = (csi.invariance(fit, labels, permutations=39) for labels in (number, np.array(names)[number]))
        sign = np.array([[1], [1], [1]] if names[0] < names[1] else [[1], [-1], [-1]])
        assert np.abs(other.statistics[0] - sign * one.statistics[0]).max() < 1e-10
        assert np.abs(other.p_values - one.p_values).max() < 1e-10

    @given(names=st.lists(st.text("abcxyz", min_size=1), min_size=3, max_size=3, unique=True))
    @settings(max_examples=5, deadline=None)
    def test_one_model_for_all(self, fit, names):
        number = np.arange(120) % 3
        one, other = (csi.equal_models(fit, g, permutations=39).table() for g in (number, np.array(names)[number]))
        assert (
            np.abs(one[["estimate", "critical", "p_value"]] - other[["estimate", "critical", "p_value"]]).max().max()
            < 1e-9
        )

    @given(names=st.lists(st.text("abcxyz", min_size=1), min_size=3, max_size=3, unique=True))
    @settings(max_examples=5, deadline=None)
    def test_fits_of_many_groups(self, fit, names):
        number = pd.Series(np.arange(120) % 3, name="branch")
        one, other = (csi.fit_groups(fit, g, draws=20) for g in (number, number.map(dict(enumerate(names)))))
        place = [other.keys["branch"].tolist().index(names[int(key)]) for key in one.keys["branch"]]
        for name in ("estimate", "std_error", "ci_low", "ci_high"):
            assert np.nanmax(np.abs(getattr(one.values, name) - getattr(other.values, name)[place])) < 1e-9, name
