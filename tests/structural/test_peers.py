"""Recorded results of seminr, cSEM and plspm, file by file, at 1e-8 (the replicates at the tolerance they were recorded with).

`plspm_mobi_ecsi_path_unscaled` has no test: it weights raw answers, which makes results depend on the items' units.
"""

import warnings

import numpy as np
import pandas as pd
import pytest
from conftest import model_of, square

import csi
from csi.errors import CsiWarning
from csi.structural.replication import replicate


def fitted(model, frame, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CsiWarning)
        return csi.fit(model, frame, tolerance=1e-12, **options)


@pytest.fixture
def ecsi_case(reference):
    return model_of(reference("mobi_ecsi_modeA_path")["model"])


def assessed(case, fit):
    """What the peer's assessment and ours both report."""
    peer = case["assess"]
    ours = fit.overall_fit
    for name, theirs, unit in (
        ("srmr", "SRMR", 1.0),
        ("d_uls", "DL", 1.0),
        ("d_g", "DG", np.log(10) ** 2),  # the peer takes logarithms to base 10
        ("d_ml", "DML", 1.0),
        ("nfi", "NFI", 1.0),
    ):
        assert ours[name] == pytest.approx(peer[theirs] * unit, rel=1e-8), name
    for construct, value in peer["AVE"].items():  # recorded for factors only
        assert fit.reliability.at[construct, "ave"] == pytest.approx(value, abs=1e-8)


def weights_and_paths(case, fit):
    weights, paths = square(case["weights"]).T, square(case["path_coef"]).T  # there: rows = the construct explained
    own = fit.weights.loc[weights.index, weights.columns]
    assert np.abs(own - weights).max().max() < 1e-8
    assert np.abs(fit.paths.loc[paths.index, paths.columns] - paths).max().max() < 1e-8


def test_csem_factorial_weighting(reference, mobi, ecsi_case):
    case = reference("csem_mobi_ecsi_modeA_factorial")
    fit = fitted(ecsi_case, mobi, scheme="factorial")
    weights_and_paths(case, fit)
    assessed(case, fit)


def test_csem_three_common_factors(reference, shared):
    """Simulated factors: estimates, fit, HTMT and HTMT2 of consistent PLS."""
    case = reference("csem_threecommonfactors_plsc")
    model = csi.Model.parse(
        "eta1 =~ y11 + y12 + y13; eta2 =~ y21 + y22 + y23; eta3 =~ y31 + y32 + y33; eta2 ~ eta1; eta3 ~ eta1 + eta2"
    )
    fit = fitted(model, pd.read_csv(shared / "data" / "threecommonfactors.csv"))
    weights_and_paths(case, fit)
    assessed(case, fit)
    for name in ("HTMT", "HTMT2"):
        theirs = square(case["assess"][name]["htmts"])
        for pair, value in fit.values(name.lower()).items():
            row, column = pair.split(" ~ ")
            assert value == pytest.approx(theirs.at[row, column], abs=1e-8)


def test_plspm(reference, mobi, ecsi_case):
    """Its scores have unit variance with divisor n, ours with n - 1: its weights are larger by sqrt(n/(n - 1)) at most."""
    case = reference("plspm_mobi_ecsi_path")
    fit = fitted(ecsi_case, mobi)
    for row in case["outer_model"]:
        ratio = row["weight"] / fit.weights.at[row["name"], row["block"]]
        assert ratio == pytest.approx(1.0, abs=1e-8) or ratio == pytest.approx(np.sqrt(250 / 249), abs=1e-8)
        assert fit.loadings.at[row["name"], row["block"]] == pytest.approx(row["loading"], abs=1e-8)
    for row in case["effects"]:
        cause, effect = row["relationship"].split(" -> ")
        assert fit.paths.at[cause, effect] == pytest.approx(row["direct"], abs=1e-8)
        assert fit.indirect_effects.at[cause, effect] == pytest.approx(row["indirect"], abs=1e-8)
    for row in case["inner_summary"]:
        if row["Type"] == "Endogenous":
            assert fit.r_squared[row["construct"]] == pytest.approx(row["R2"], abs=1e-8)


def test_seminr_consistent_replicates(reference, mobi):
    case = reference("mobi_ecsi_plsc_bootstrap5000")
    recorded = case["replicates"]
    fit = fitted(model_of(reference("mobi_ecsi_plsc_path")["model"]), mobi)
    W = np.array([np.bincount(rows, minlength=250) for rows in recorded["indices"]], dtype=float)
    batch, _ = replicate(fit, W)
    names = list(fit.model.names)
    ends = [path.split(" -> ") for path in recorded["path_names"]]
    paths = batch.estimates.paths[:, [names.index(a) for a, _ in ends], [names.index(b) for _, b in ends]]
    assert np.abs(paths - recorded["paths"]).max() < 1e-6


def test_information_criteria(reference, mobi, ecsi_case):
    case = square(reference("mobi_ecsi_modeA_path")["it_criteria"])
    ours = fitted(ecsi_case, mobi).model_selection
    for name in ("AIC", "BIC"):
        assert np.abs(ours[name.lower()] - case.loc[name, ours.index]).max() < 1e-8


def test_importance_and_performance(reference, mobi, ecsi_case):
    case = reference("mobi_ecsi_ipma")["ipma"]
    fit = fitted(ecsi_case, mobi, scale=(1, 10))
    performance = pd.Series(case["construct_performance"])
    assert np.abs(fit.values("index") - performance[list(fit.model.names)]).max() < 1e-8
