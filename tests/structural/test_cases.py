"""The answers behind a fit: kept in little memory, and the same whatever the frame looks like or becomes."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from conftest import SMALL, small_answers

import csi
from csi.kernel import sums
from csi.structural.cases import cases_of


@pytest.fixture
def grades():
    return small_answers(np.random.default_rng(3), 300).rank(pct=True).mul(9).round().add(1)


def replicates(frame, **options):
    """Everything a fit and its bootstrap say, as arrays."""
    fit = csi.fit(SMALL, frame, scale=(1, 10), **options)
    boot = csi.bootstrap(fit, 30)
    return [fit.moments.cov, fit.estimates.paths, fit.index_scores.to_numpy(), boot.moments.cov, boot.draws.weights]


def same(one, other):
    return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(one, other, strict=True))


FRAMES = {
    "small whole numbers": lambda frame: frame.astype("int8"),
    "single precision": lambda frame: frame.astype("float32"),
    "whole numbers that may be missing": lambda frame: frame.astype("Int64"),
    "column after column": lambda frame: pd.DataFrame({name: frame[name].to_numpy(copy=True) for name in frame}),
    "row after row": lambda frame: pd.DataFrame(np.ascontiguousarray(frame), columns=frame.columns),
    "other order, other columns": lambda frame: frame.assign(name="x")[["b2", "name", "a1", "b1", "a2"]],
}


@pytest.mark.parametrize("kind", FRAMES)
def test_the_columns_types_and_order_do_not_matter(grades, kind):
    assert same(replicates(FRAMES[kind](grades)), replicates(grades))


@pytest.mark.parametrize("share", [0, 0.1])
@pytest.mark.parametrize("missing", ["em", "pairwise", "listwise", "regression", "mean"])
def test_no_sum_is_taken_in_single_precision(missing, share, monkeypatch):
    rng = np.random.default_rng(1)
    frame = small_answers(rng, 300).astype("float32").mask(rng.random((300, 4)) < share)
    asked = replicates(frame, missing=missing)
    monkeypatch.setattr("csi.structural.cases._is_single", lambda answers: False)
    assert cases_of(SMALL, frame).answers.dtype == np.float64
    assert same(replicates(frame, missing=missing), asked)


@pytest.mark.parametrize(
    ("answer", "kept"), [(7.5, np.float32), (7.1, np.float64), (1e300, np.float64), (np.nan, np.float32)]
)
def test_answers_are_kept_in_single_precision_only_if_that_holds_them_exactly(grades, answer, kept):
    grades.iloc[5, 3] = answer
    cases = cases_of(SMALL, grades)
    assert cases.answers.dtype == kept
    assert cases.X.dtype == np.float64
    assert np.array_equal(cases.X, grades.to_numpy(), equal_nan=True)


@pytest.mark.parametrize("shift", [0, 0.1])  # kept in single, in double precision
def test_what_becomes_of_the_frame_does_not_change_the_bootstrap(grades, shift):
    own = grades.to_numpy(copy=True) + shift
    frame = pd.DataFrame(own, columns=grades.columns, copy=False)
    fit = csi.fit(SMALL, frame)
    before = csi.bootstrap(fit, 20).draws.paths
    frame.iloc[:100] = 3.0
    own[100:200] = 4.0
    assert np.array_equal(csi.bootstrap(fit, 20).draws.paths, before)


def test_a_fit_and_its_bootstrap_hold_half_the_answers_and_no_other_copy(monkeypatch):
    """The most that is held at a time, of 100 items; work in progress is kept small, as it is beside a million answers."""
    monkeypatch.setattr(sums, "_CELLS", 10_000)
    rng, names = np.random.default_rng(2), [f"q{i}" for i in range(100)]
    common = rng.normal(size=(20_000, 1))
    frame = pd.DataFrame(np.rint(common + rng.normal(size=(20_000, 100))), columns=names)
    model = csi.Model([csi.Construct("A", names[:50]), csi.Construct("B", names[50:])], {"A": ["B"]})
    csi.bootstrap(csi.fit(model, frame[:500]), 2)  # what is made only once is not counted
    tracemalloc.start()
    fit = csi.fit(model, frame)
    fitted = tracemalloc.get_traced_memory()[1]
    csi.bootstrap(fit, 4).table()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    data = frame.to_numpy().nbytes
    assert fitted < 0.65 * data
    assert most < 0.77 * data
