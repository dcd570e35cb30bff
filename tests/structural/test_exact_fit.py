"""The bootstrap test of exact overall fit."""

import numpy as np
import pandas as pd
import pytest
from conftest import model_of

import csi
from csi.errors import EstimationError
from csi.structural.exact_fit import DISTANCES, exact_fit

NAMES = {"srmr": "SRMR", "d_uls": "dL", "d_g": "dG", "d_ml": "dML"}
# The peer's d_G takes logarithms to base 10.
UNITS = {"d_g": np.log(10) ** 2}


def compared(test, case, tolerance):
    table = test.table().set_index("term")
    at = case["critical_values"]["columns"].index("95%")
    for name in DISTANCES:
        unit = UNITS.get(name, 1.0)
        assert table.at[name, "estimate"] == pytest.approx(case["statistics"][NAMES[name]] * unit, rel=1e-8)
        row = case["critical_values"]["index"].index(NAMES[name])
        assert table.at[name, "critical"] == pytest.approx(
            case["critical_values"]["data"][row][at] * unit, rel=tolerance
        )


def test_composites_equal_the_peer(reference, mobi):
    """Its critical values are quantiles of 499 draws: equal within their Monte-Carlo error."""
    case = reference("csem_mobi_ecsi_modeA_testOMF")
    model = model_of(reference("mobi_ecsi_modeA_path")["model"])
    test = exact_fit(csi.fit(model, mobi, tolerance=1e-12), 2000)
    compared(test, case, 0.08)
    assert test.rejected


def test_factors_equal_the_peer(reference, shared):
    case = reference("csem_threecommonfactors_testOMF")
    frame = pd.read_csv(shared / "data" / "threecommonfactors.csv")
    model = csi.Model.parse(
        "eta1 =~ y11 + y12 + y13; eta2 =~ y21 + y22 + y23; eta3 =~ y31 + y32 + y33; eta2 ~ eta1; eta3 ~ eta1 + eta2"
    )
    test = exact_fit(csi.fit(model, frame, tolerance=1e-12), 2000)
    compared(test, case, 0.15)  # 199 draws there
    assert not test.rejected


def test_a_true_model_is_rejected_as_often_as_the_level_says():
    rng = np.random.default_rng(6)
    model = csi.Model.parse("A =~ a1 + a2 + a3; B =~ b1 + b2 + b3; B ~ A")
    rejected = []
    for seed in range(120):
        a = rng.normal(size=(200, 1))
        b = 0.5 * a + np.sqrt(0.75) * rng.normal(size=(200, 1))
        X = np.hstack([0.8 * a + 0.6 * rng.normal(size=(200, 3)), 0.8 * b + 0.6 * rng.normal(size=(200, 3))])
        test = exact_fit(csi.fit(model, pd.DataFrame(X, columns=model.items)), 199, seed=seed, level=0.10)
        rejected.append(test.table().set_index("term").at["d_uls", "rejected"])
    assert 0.03 < np.mean(rejected) < 0.18  # 10 %, give or take three Monte-Carlo errors of 2.7 points


def test_impossible_requests(twin, ecsi_model):
    fit = csi.fit(ecsi_model, twin)
    with pytest.raises(EstimationError, match="draws >= 2"):
        exact_fit(fit, 1)
