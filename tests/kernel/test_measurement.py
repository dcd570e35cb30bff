"""Reliability, validity and effect sizes equal the peers' where these are right, and are undefined where nothing is defined."""

import numpy as np
import pytest
from conftest import square

from csi.kernel import effects, reliability, validity
from csi.kernel.estimates import estimate
from csi.structural.estimation import layout_of


@pytest.fixture(scope="module")
def case(reference):
    return reference("mobi_ecsi_modeA_path")


@pytest.fixture(scope="module")
def solved(ecsi_model, mobi):
    layout = layout_of(ecsi_model)
    R = np.corrcoef(mobi[list(ecsi_model.items)].to_numpy(float).T)
    return R, layout, estimate(R[None], layout, tolerance=1e-12)


def test_reliability(case, solved, ecsi_model):
    R, layout, e = solved
    expected = square(case["reliability"])
    for j, block in enumerate(layout.slices):
        inside, lam, w = R[block, block], e.loadings[0, block], e.weights[0, block]
        ours = {
            "alpha": reliability.cronbach_alpha(inside),
            "rhoC": reliability.composite_reliability(lam),
            "AVE": reliability.average_variance_extracted(lam),
            "rhoA": reliability.dijkstra_henseler(inside, w),
        }
        for name, value in ours.items():
            if layout.sizes[j] == 1:
                assert np.isnan(value)  # peers say 1; one item alone has no reliability
            else:
                assert float(value) == pytest.approx(expected.at[ecsi_model.names[j], name], abs=1e-8)


def test_collinearity(case, solved, ecsi_model):
    R, layout, e = solved
    names = list(ecsi_model.names)
    items = validity.item_vif(R[None], layout)[0]
    for block in case["item_vif"].values():
        for item, value in block.items():
            assert items[list(ecsi_model.items).index(item)] == pytest.approx(value, abs=1e-8)
    inner = effects.inner_vif(e.correlations, layout)[0]
    for effect, causes in case["inner_vif"].items():
        for cause, value in causes.items():
            expected = 1.0 if value is None else value
            assert inner[names.index(cause), names.index(effect)] == pytest.approx(expected, abs=1e-8)


def test_effect_sizes_hold_the_scores_fixed(case, solved, ecsi_model):
    _, layout, e = solved
    names = list(ecsi_model.names)
    f2 = effects.f_squared(e.correlations, e.paths, e.r_squared, layout)[0]
    for pair in case["f2_fixed_scores"]:
        assert f2[names.index(pair["from"]), names.index(pair["to"])] == pytest.approx(pair["value"], abs=1e-8)


def test_signed_htmt_is_the_original(case, solved):
    R, layout, _ = solved
    ours, expected = validity.htmt(R[None], layout, signed=True)[0], square(case["htmt_signed_original"]).to_numpy()
    assert np.nanmax(np.abs(ours - expected)) < 1e-8
    assert (np.isfinite(ours) == np.isfinite(expected)).all()


def test_a_redundant_item_has_infinite_vif(solved):
    _, layout, _ = solved
    R = np.eye(24)
    R[0, 1] = R[1, 0] = 1.0
    assert np.isinf(validity.item_vif(R[None], layout)[0, :2]).all()
