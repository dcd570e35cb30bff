"""Recorded results of seminr, cSEM and plspm, file by file and table by table, at 1e-8."""

import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import model_of, square

import csi
from csi.errors import CsiWarning
from csi.kernel import validity
from csi.structural.replication import replicate


def fitted(model, frame, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CsiWarning)
        return csi.fit(model, frame, tolerance=1e-12, **options)


# Recorded, and with a reason not to be met.
EXCLUDED = {
    "plspm_mobi_ecsi_path_unscaled": "weights raw answers, so that its results depend on the units of the items",
}
SEMINR = [
    "mobi_ecsi_modeA_path", "mobi_ecsi_modeA_factorial", "mobi_ecsi_modeB_image", "mobi_ecsi_plsc_path", "mobi_acsi_modeA_path",
    "mobi_acsi_plsc", "corp_rep_simple", "corp_rep_extended_modeB",
]  # fmt: skip
CSEM = {
    "csem_mobi_ecsi_modeA_path": "mobi_ecsi_modeA_path",
    "csem_mobi_ecsi_modeA_factorial": "mobi_ecsi_modeA_path",
    "csem_mobi_ecsi_modeB_all": "mobi_ecsi_modeA_path",
    "csem_mobi_ecsi_plsc": "mobi_ecsi_plsc_path",
    "csem_mobi_ecsi_mixed_plsc": "mobi_ecsi_mixed_plsc_seminr_CAUTION",
    "csem_threecommonfactors_plsc": None,
}  # the file that describes the model
FACTORS = csi.Model.parse(
    "eta1 =~ y11 + y12 + y13; eta2 =~ y21 + y22 + y23; eta3 =~ y31 + y32 + y33; eta2 ~ eta1; eta3 ~ eta1 + eta2"
)


def close(ours, theirs, *, undefined=False):
    """Equal to 1e-8; only if it is said may ours be undefined where theirs is not."""
    a, b = (np.asarray(each, dtype=float) for each in (ours, theirs))
    assert np.isfinite(b).any()
    assert undefined or np.isfinite(a[np.isfinite(b)]).all()
    assert np.nanmax(np.abs(a - b)) < 1e-8


def pairs(rows, fit):
    """A table of {from, to, value}, with 0 where nothing is recorded."""
    table = pd.DataFrame(0.0, fit.model.names, fit.model.names)
    for row in rows:
        table.loc[row["from"], row["to"]] = row["value"]
    return table


def test_every_file_of_recorded_results_is_tested(shared):
    """A file that no test names would be a comparison that nobody makes."""
    tests = Path(__file__).parent.parent.rglob("test_*.py")
    named = {word for path in tests for word in re.findall(r"\w+", path.read_text("utf-8"))}
    files = {p.stem for p in (shared / "reference").iterdir() if p.suffix != ".md"}
    assert len(files) >= 40
    assert EXCLUDED.keys() <= files  # named, and with a reason
    assert sorted(files - named) == []


@pytest.fixture
def ecsi_case(reference):
    return model_of(reference("mobi_ecsi_modeA_path")["model"])


@pytest.fixture(params=SEMINR)
def seminr_case(request, reference, shared):
    case = reference(request.param)
    answers = pd.read_csv(shared / "data" / case["dataset"]).replace(-99, np.nan)
    scheme = "factorial" if "factorial" in request.param else "path"
    return case, fitted(model_of(case["model"]), answers, missing="mean", scheme=scheme)


class TestSeminr:
    def test_measurement(self, seminr_case):
        """Weights, loadings, scores, reliability, HTMT; what it calls 1 in a single item, or Mode B, is undefined here."""
        case, fit = seminr_case
        names, items = list(fit.model.names), list(fit.model.items)
        close(fit.weights, square(case["outer_weights"]).loc[items, names])
        close(fit.loadings, square(case["outer_loadings"]).loc[items, names])
        close(fit.cross_loadings, square(case["cross_loadings"]).loc[items, names])
        close(fit.scores.head(10), square(case["scores_first10"])[names])
        close(fit.scores.corr(), square(case["construct_correlations"]).loc[names, names])
        recorded = square(case["reliability"]).loc[names, ["alpha", "rhoA", "rhoC", "AVE"]]
        close(fit.reliability[["alpha", "rho_a", "rho_c", "ave"]], recorded, undefined=True)
        undefined = [c.name for c in fit.model.constructs if c.mode == "B" or len(c.items) == 1]
        assert fit.reliability.index[fit.reliability.isna().all(axis=1)].tolist() == undefined
        close(fit.htmt, square(case["htmt_absolute"]).loc[names, names], undefined=True)
        vif = {item: value for block in case["item_vif"].values() for item, value in block.items()}
        close(fit.item_vif, pd.Series(vif)[items])

    def test_structure(self, seminr_case):
        case, fit = seminr_case
        names = list(fit.model.names)
        close(fit.paths, pairs(case["path_coef"], fit))
        close(fit.r_squared, pd.Series(case["r2"])[fit.r_squared.index])
        close(fit.r_squared_adjusted, pd.Series(case["adj_r2"])[fit.r_squared_adjusted.index])
        close(fit.total_effects, square(case["total_effects"]).loc[names, names])
        close(fit.indirect_effects, square(case["total_indirect_effects"]).loc[names, names])
        if any(c.kind == "factor" for c in fit.model.constructs):
            return  # the rest it takes from correlations that are not corrected, see cSEM
        close(fit.fornell_larcker, square(case["fornell_larcker"]).loc[names, names], undefined=True)
        close(fit.f_squared.fillna(0), pairs(case["f2_fixed_scores"], fit))
        inner = pairs(
            [{"from": c, "to": e, "value": v or 1.0} for e, vs in case["inner_vif"].items() for c, v in vs.items()], fit
        )
        close(fit.inner_vif.fillna(0), inner)
        criteria = square(case["it_criteria"])
        close(fit.model_selection[["aic", "bic"]].T, criteria.loc[["AIC", "BIC"], fit.model_selection.index])

    def test_disattenuated_correlations(self, reference, mobi):
        case = reference("mobi_ecsi_plsc_path")
        fit = fitted(model_of(case["model"]), mobi)
        names = list(fit.model.names)
        close(fit.construct_correlations, square(case["construct_correlations_disattenuated"]).loc[names, names])

    def test_both_stages_of_a_higher_order_construct(self, reference, mobi):
        """Effects and reliabilities too; weights and paths have their test beside the stages."""
        case = reference("mobi_ecsi_hoc_modeA")
        constructs = [csi.Construct(c["name"], c["items"]) for c in case["model"]["constructs"]]
        paths = {}
        for path in case["model"]["paths"]:
            paths.setdefault(path["from"], []).append(path["to"])
        fit = fitted(csi.Model(constructs, paths), mobi)
        names = list(fit.model.names)
        close(fit.total_effects, square(case["total_effects"]).loc[names, names])
        close(fit.r_squared, pd.Series(case["r2"])[fit.r_squared.index])
        close(
            fit.reliability[["alpha", "rho_a"]],
            square(case["reliability"]).loc[names, ["alpha", "rhoA"]],
            undefined=True,
        )
        close(fit.scores.head(10), square(case["scores_first10"])[names])


@pytest.fixture(params=CSEM)
def csem_case(request, reference, shared):
    name, case = request.param, reference(request.param)
    model = FACTORS if CSEM[name] is None else model_of(reference(CSEM[name])["model"])
    if name.endswith("modeB_all"):
        model = csi.Model([csi.Construct(c.name, c.items, mode="B") for c in model.constructs], model.paths)
    scheme = "factorial" if "factorial" in name else "path"
    return case, fitted(model, pd.read_csv(shared / "data" / case["dataset"]), scheme=scheme)


class TestCSEM:
    def test_estimates(self, csem_case):
        case, fit = csem_case
        names, items = list(fit.model.names), list(fit.model.items)
        close(fit.weights.T, square(case["weights"]).loc[names, items])
        close(fit.loadings.T, square(case["loadings"]).loc[names, items])
        close(fit.paths, square(case["path_coef"]).loc[names, names].T)  # there: rows = the construct explained
        close(fit.construct_correlations, square(case["construct_vcv"]).loc[names, names])
        close(fit.scores.corr(), square(case["proxy_vcv"]).loc[names, names])
        close(fit.r_squared, pd.Series(case["r2"])[fit.r_squared.index])
        close(fit.r_squared_adjusted, pd.Series(case["adj_r2"])[fit.r_squared_adjusted.index])
        close(fit.estimates.attenuation[0] ** 2, pd.Series(case["reliabilities"])[names])

    def test_overall_fit(self, csem_case):
        case, fit = csem_case
        peer = case["assess"]
        for name, theirs, unit in (
            ("srmr", "SRMR", 1.0),
            ("d_uls", "DL", 1.0),
            ("d_g", "DG", np.log(10) ** 2),  # the peer takes logarithms to base 10
            ("d_ml", "DML", 1.0),
            ("nfi", "NFI", 1.0),
        ):
            assert fit.overall_fit[name] == pytest.approx(peer[theirs] * unit, rel=1e-8), name

    def test_measurement_of_factors_and_effect_sizes(self, csem_case):
        case, fit = csem_case
        peer = case["assess"]
        recorded = {
            "ave": peer["AVE"],
            "rho_c": peer["RhoC"],
            "alpha": peer["Reliability"]["Cronbachs_alpha"],
            "rho_a": peer["Reliability"]["Dijkstra-Henselers_rho_A"],
        }
        factors = [c.name for c in fit.model.constructs if c.kind == "factor" and len(c.items) > 1]
        for name, theirs in recorded.items():
            assert (
                factors == []
                or np.abs(fit.reliability.loc[factors, name] - pd.Series(theirs, dtype=float)[factors]).max() < 1e-8
            )
        f2 = square(peer["F2"])
        close(fit.f_squared.loc[f2.columns, f2.index].T.fillna(0), f2)
        if isinstance(peer["VIF"]["index"], list):
            vif = square(peer["VIF"])
            close(fit.inner_vif.loc[vif.columns, vif.index].T.fillna(0), vif)

    def test_htmt_of_factors(self, csem_case):
        """Signed, as it was published; HTMT2 is undefined where a correlation is negative."""
        case, fit = csem_case
        if case["assess"]["HTMT"]["htmts"] is None:
            return  # composites alone
        signed = validity.htmt(fit.moments.correlation, fit.layout, signed=True)[0]
        for name, ours in (("HTMT", signed), ("HTMT2", validity.htmt2(fit.moments.correlation, fit.layout)[0])):
            theirs = square(case["assess"][name]["htmts"])
            below = pd.DataFrame(ours, fit.model.names, fit.model.names).loc[theirs.index, theirs.columns]
            close(np.tril(below, -1), np.tril(theirs, -1), undefined=name == "HTMT2")


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
    close(paths, recorded["paths"])
    items = [list(fit.model.items).index(pair.split("|")[1]) for pair in recorded["outer_items"]]
    close(batch.estimates.loadings[:, items], recorded["loadings"])
    close(batch.estimates.weights[:, items], recorded["weights"])


def test_importance_and_performance(reference, mobi, ecsi_case):
    case = reference("mobi_ecsi_ipma")["ipma"]
    fit = fitted(ecsi_case, mobi, scale=(1, 10))
    names, items = list(fit.model.names), list(fit.model.items)
    close(fit.values("index"), pd.Series(case["construct_performance"])[names])
    u, sd = fit.unit_weights()
    close(u, square(case["normalised_unstandardised_weights"]).loc[items, names].sum(axis=1))
    close(sd, pd.Series(case["construct_score_sd"])[names])
    direct = fit.paths * sd / sd[:, None]
    close(direct, pairs(case["unstandardised_paths"], fit))
    close(fit.effects_in_points, square(case["unstandardised_total_effects"]).loc[names, names])
