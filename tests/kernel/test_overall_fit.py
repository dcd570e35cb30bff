"""Overall fit equals cSEM, for composites, for factors and for models of both."""

import numpy as np
import pandas as pd
import pytest
from conftest import model_of, square

from csi.kernel import overall_fit
from csi.kernel.estimates import estimate
from csi.kernel.pls import Layout
from csi.structural.estimation import layout_of

CASES = [
    "csem_mobi_ecsi_modeA_path", "csem_mobi_ecsi_modeB_all", "csem_mobi_ecsi_plsc", "csem_mobi_ecsi_mixed_plsc",
    "csem_threecommonfactors_plsc",
]  # fmt: skip


@pytest.fixture(params=CASES)
def solved(request, reference, shared):
    name = request.param
    case = reference(name)
    weights, paths = square(case["weights"]), square(case["path_coef"])
    items, names = list(weights.columns), list(weights.index)
    own = weights.abs().to_numpy().argmax(axis=0)
    mode_b = np.full(len(names), name.endswith("modeB_all"))
    factor = np.isin(names, factors(name, names, own, reference))
    layout = Layout(own, mode_b, factor, paths.loc[names, names].to_numpy().T != 0)
    X = pd.read_csv(shared / "data" / case["dataset"])[items].to_numpy(float)
    R = np.corrcoef(X.T)[None]
    return case, R, estimate(R, layout, tolerance=1e-12), layout, items


def factors(name, names, own, reference):
    if name.endswith("mixed_plsc"):
        described = reference("mobi_ecsi_mixed_plsc_seminr_CAUTION")["model"]
        return [c.name for c in model_of(described).constructs if c.kind == "factor" and len(c.items) > 1]
    return [n for j, n in enumerate(names) if name.endswith("plsc") and (own == j).sum() > 1]


def test_implied_correlations(solved):
    case, R, e, layout, items = solved
    expected = square(case["indicator_vcv_implied"]).loc[items, items].to_numpy()
    assert np.abs(overall_fit.implied_item_correlations(R, e, layout)[0] - expected).max() < 1e-8


def test_distances_and_indices(solved):
    case, R, e, layout, _ = solved
    implied = overall_fit.implied_item_correlations(R, e, layout)
    expected = case["assess"]
    for name, measure in (
        ("DG", overall_fit.geodesic_distance),
        ("DL", overall_fit.unweighted_distance),
        ("DML", overall_fit.likelihood_distance),
        ("SRMR", overall_fit.srmr),
        ("NFI", overall_fit.normed_fit_index),
    ):
        peer = expected[name] * (np.log(10) ** 2 if name == "DG" else 1)  # cSEM takes logarithms to base 10
        assert measure(R, implied)[0] == pytest.approx(peer, abs=1e-8), name


def test_a_saturated_model_of_composites_reproduces_everything_between_constructs(ecsi_model, twin):
    layout = layout_of(ecsi_model)
    complete = Layout(layout.block, layout.mode_b, layout.factor, np.triu(np.ones((7, 7), dtype=bool), 1))
    R = np.corrcoef(twin[list(ecsi_model.items)].to_numpy().T)[None]
    e = estimate(R, complete)
    implied = overall_fit.implied_construct_covariances(e.correlations, e.paths, e.r_squared, complete)
    assert np.allclose(implied, e.correlations)


def test_a_perfect_fit_is_zero():
    R = np.array([[[1.0, 0.3], [0.3, 1.0]]])
    for measure in (overall_fit.srmr, overall_fit.geodesic_distance, overall_fit.unweighted_distance):
        assert measure(R, R)[0] == pytest.approx(0, abs=1e-12)
    assert overall_fit.likelihood_distance(R, R)[0] == pytest.approx(0, abs=1e-12)
    assert overall_fit.normed_fit_index(R, R)[0] == pytest.approx(1)


def test_an_impossible_implied_matrix_has_no_distance():
    R, wrong = np.eye(2)[None], np.array([[[1.0, 1.2], [1.2, 1.0]]])
    assert np.isnan(overall_fit.geodesic_distance(R, wrong)[0])
    assert np.isnan(overall_fit.likelihood_distance(R, wrong)[0])


def test_an_item_and_its_copy_have_no_distances():
    answers = np.random.default_rng(1).normal(size=(50, 3))
    R = np.corrcoef(answers[:, [0, 1, 2, 0]].T)[None]
    assert np.isnan(overall_fit.geodesic_distance(R, R)[0])
    assert np.isnan(overall_fit.likelihood_distance(R, R)[0])
    assert overall_fit.srmr(R, R)[0] == 0
