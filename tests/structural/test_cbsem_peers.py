"""fit_cbsem against lavaan in every number, and against semopy as far as that is right."""

import warnings

import numpy as np
import pandas as pd
import pytest
from conftest import square
from scipy.stats import multivariate_normal

from csi.errors import CsiWarning
from csi.model.model import Model
from csi.structural.cbsem import fit_cbsem

LAVAAN = {
    "chi2": "chisq", "df": "df", "p_value": "pvalue", "baseline_chi2": "baseline.chisq", "baseline_df": "baseline.df",
    "cfi": "cfi", "tli": "tli", "nfi": "nfi", "rmsea": "rmsea", "rmsea_low": "rmsea.ci.lower", "rmsea_high": "rmsea.ci.upper",
    "p_close": "rmsea.pvalue", "srmr": "srmr", "log_likelihood": "logl", "parameters": "npar", "aic": "aic", "bic": "bic",
}  # fmt: skip
ROBUST = {
    "scaling": "chisq.scaling.factor", "chi2_scaled": "chisq.scaled", "p_scaled": "pvalue.scaled", "cfi_scaled": "cfi.scaled",
    "tli_scaled": "tli.scaled", "rmsea_scaled": "rmsea.scaled", "cfi_robust": "cfi.robust", "tli_robust": "tli.robust",
    "rmsea_robust": "rmsea.robust",
}  # fmt: skip


def model_of(text):
    """A model from lavaan's text; the observed CUSCO is the single item of Complaints here."""
    if "CUSCO" not in text:
        return Model.parse(text)
    lines = [line if "=~" in line else line.replace("CUSCO", "Complaints") for line in text.splitlines()]
    return Model.parse("\n".join([*lines, "Complaints <~ CUSCO"]))


def parameters_of(case):
    """Lavaan's table under our terms."""
    rows = {}
    for p in case["parameters"]:
        left, right = ("Complaints" if name == "CUSCO" else name for name in (p["lhs"], p["rhs"]))
        term = f"{right} -> {left}" if p["op"] == "~" else f"{left} {p['op']} {right}"
        rows[term] = (p["est"], p["se"] or np.nan, p["std.all"])
    return pd.DataFrame(rows, ["estimate", "std_error", "standardised"], dtype=float).T


def quietly(*args, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CsiWarning)
        return fit_cbsem(*args, **options)


@pytest.fixture(scope="module", params=["lavaan_mobi_acsi_ml", "lavaan_mobi_acsi_mlm"])
def acsi_case(request, reference, mobi):
    case = reference(request.param)
    return case, fit_cbsem(model_of(case["model"]), mobi, robust=request.param.endswith("mlm"))


class TestLavaan:
    """What is left of a difference is where lavaan's iteration stopped; see the slopes in test_covariance_structure."""

    def test_parameters_errors_and_standardised_values(self, acsi_case):
        case, fit = acsi_case
        expected = parameters_of(case)
        ours = fit.parameters.set_index("term")
        assert len(ours) == len(expected)
        difference = (ours.loc[expected.index, expected.columns] - expected).abs()
        assert difference["estimate"].max() < 5e-5
        assert difference["std_error"].max() < 1e-5
        assert difference["standardised"].max() < 2e-5
        assert (
            ours["std_error"].isna() == expected["std_error"].reindex(ours.index).isna()
        ).all()  # the fixed loadings

    def test_z_and_intervals(self, acsi_case):
        case, fit = acsi_case
        ours = fit.parameters.set_index("term")
        for p in case["parameters"]:
            if p["op"] == "~":
                row = ours.loc[f"{p['rhs']} -> {p['lhs']}"]
                assert (row["z"], row["ci_low"], row["ci_high"]) == pytest.approx(
                    (p["z"], p["ci.lower"], p["ci.upper"]), abs=2e-3
                )
                assert row["p_value"] == pytest.approx(p["pvalue"], abs=1e-4)

    def test_fit_measures(self, acsi_case):
        case, fit = acsi_case
        names = {**LAVAAN, **(ROBUST if fit.scaled else {})}
        for ours, theirs in names.items():
            close = {"scaling": 5e-6, "chi2_scaled": 5e-4}.get(ours, 1e-6)
            assert fit.fit_measures[ours] == pytest.approx(case["fit_measures"][theirs], abs=close), ours

    def test_r_squared_and_implied_covariances(self, acsi_case):
        case, fit = acsi_case
        expected = pd.Series(case["r2"])
        assert np.abs(fit.r_squared - expected[fit.r_squared.index]).max() < 2e-5
        assert np.abs(fit.item_r_squared - expected[fit.item_r_squared.index]).max() < 2e-5
        implied = square(case["implied_cov"])
        assert (
            np.abs(fit.implied_covariances - implied.loc[list(fit.model.items), list(fit.model.items)]).max().max()
            < 1e-4
        )
        assert np.abs(fit.observed.S - square(case["sample_cov_n"]).to_numpy()).max() < 1e-10

    def test_all_constructs_correlated_equal_all_paths_drawn(self, reference, mobi):
        """A model with every possible path says no more than that all constructs correlate: lavaan's factor analysis."""
        case = reference("lavaan_mobi_cfa_ml")
        names = ["Image", "Expectation", "Quality", "Value", "Satisfaction", "Loyalty"]
        paths = "\n".join(f"{name} ~ {' + '.join(names[:k])}" for k, name in enumerate(names) if k)
        fit = quietly(Model.parse(case["model"] + "\n" + paths), mobi)
        ours, expected = fit.parameters.set_index("term"), parameters_of(case)
        measured = [t for t in expected.index if " =~ " in t or t.split(" ~~ ")[0] in fit.model.items]
        difference = (ours.loc[measured, expected.columns] - expected.loc[measured]).abs()
        assert difference.max().max() < 5e-5
        for term in expected.index.difference(measured):
            left, right = term.split(" ~~ ")
            correlation = expected.at[term, "standardised"]
            assert fit.construct_correlations.at[left, right] == pytest.approx(correlation, abs=5e-5)
        for name, theirs in LAVAAN.items():
            assert fit.fit_measures[name] == pytest.approx(case["fit_measures"][theirs], abs=1e-6), name

    def test_nearly_unidentified_model(self, reference, mobi):
        """Its paths mean nothing, and the fit says so; the indices and the maximum are lavaan's."""
        case = reference("lavaan_mobi_ecsi_ml")
        with pytest.warns(CsiWarning, match=r"nearly unidentified.*Expectation -> Value \(10\.8\)"):
            fit = fit_cbsem(model_of(case["model"]), mobi)
        for ours, theirs in LAVAAN.items():
            assert fit.fit_measures[ours] == pytest.approx(case["fit_measures"][theirs], abs=1e-6), ours
        assert fit.converged
        assert "BEWARE: nearly unidentified" in str(fit)
        loadings = parameters_of(case)["standardised"].filter(like=" =~ ")
        assert np.abs(fit.parameters.set_index("term")["standardised"][loadings.index] - loadings).max() < 1e-4


class TestSemopy:
    def test_estimates_of_the_well_identified_model(self, reference, mobi):
        case = reference("semopy_mobi_acsi")
        fit = fit_cbsem(model_of(reference("lavaan_mobi_acsi_ml")["model"]), mobi)
        ours = fit.parameters.set_index("term")
        for p in case["parameters"]:
            is_loading = p["op"] == "~" and p["lval"] in fit.model.items
            operator = "=~" if is_loading else "->" if p["op"] == "~" else "~~"
            ends = (p["lval"], p["rval"]) if operator == "~~" else (p["rval"], p["lval"])
            row = ours.loc[f"{ends[0]} {operator} {ends[1]}"]
            assert row["estimate"] == pytest.approx(p["Estimate"], abs=0.005)
            if p["Std. Err"] != "-":
                assert row["std_error"] == pytest.approx(p["Std. Err"], abs=0.005)

    @pytest.mark.parametrize("name", ["semopy_mobi_acsi", "semopy_mobi_ecsi"])
    def test_our_maximum_is_at_least_as_high_and_its_indices_agree(self, reference, mobi, name):
        case = reference(name)
        theirs = case["fit_measures"]
        fit = quietly(model_of(reference(name.replace("semopy", "lavaan") + "_ml")["model"]), mobi)
        assert fit.likelihood.chi2 < theirs["chi2"]
        assert fit.likelihood.chi2 == pytest.approx(theirs["chi2"], abs=0.1)
        assert (fit.likelihood.df, fit.likelihood.baseline_df) == (theirs["DoF"], theirs["DoF Baseline"])
        assert fit.likelihood.baseline_chi2 == pytest.approx(theirs["chi2 Baseline"], abs=0.01)
        assert (fit.likelihood.cfi, fit.likelihood.tli) == pytest.approx((theirs["CFI"], theirs["TLI"]), abs=1e-4)
        # semopy divides by n - 1 in RMSEA only.
        assert fit.likelihood.rmsea * np.sqrt(250 / 249) == pytest.approx(theirs["RMSEA"], abs=1e-5)
        # Its "LogLik" is the discrepancy F: ours is the log-likelihood, so AIC and BIC differ.
        assert theirs["LogLik"] == pytest.approx(fit.maximum.discrepancy, abs=1e-3)
        X = mobi[list(fit.model.items)]
        density = multivariate_normal(X.mean(), fit.implied_covariances.to_numpy())
        assert fit.likelihood.log_likelihood == pytest.approx(density.logpdf(X).sum(), rel=1e-10)
