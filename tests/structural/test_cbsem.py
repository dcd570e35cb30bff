"""fit_cbsem: closed forms, what must not matter does not, and a plain word about what is wrong."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from csi.errors import CsiWarning, EstimationError, ModelError
from csi.kernel.covariance_structure import maximum_likelihood
from csi.kernel.moments import moments
from csi.model.construct import Construct
from csi.model.model import Model
from csi.structural import cbsem
from csi.structural.cbsem import fit_cbsem
from csi.structural.lavaan_text import lavaan_text, semopy_estimates

ACSI = """
    Expectation =~ CUEX1 + CUEX2 + CUEX3
    Quality =~ PERQ1 + PERQ2 + PERQ3 + PERQ4 + PERQ5 + PERQ6 + PERQ7
    Value =~ PERV1 + PERV2
    Satisfaction =~ CUSA1 + CUSA2 + CUSA3
    Loyalty =~ CUSL1 + CUSL2 + CUSL3
    Quality ~ Expectation
    Value ~ Expectation + Quality
    Satisfaction ~ Expectation + Quality + Value
    Loyalty ~ Satisfaction
"""


def answers_with(R, names, n=300):
    """Answers whose correlations, divisor n, are exactly R."""
    Z = np.random.default_rng(0).normal(size=(n, len(R)))
    Z -= Z.mean(axis=0)
    white = Z @ np.linalg.inv(np.linalg.cholesky(Z.T @ Z / n)).T
    return pd.DataFrame(white @ np.linalg.cholesky(np.array(R)).T, columns=names)


@pytest.fixture(scope="module")
def acsi_fit(twin):
    return fit_cbsem(Model.parse(ACSI), twin)


class TestSearch:
    def test_the_maximum_does_not_depend_on_where_the_search_begins(self, monkeypatch, acsi_fit, twin):
        monkeypatch.setattr("csi.structural.lavaan_text.semopy_estimates", lambda *_: {})
        plain = fit_cbsem(acsi_fit.model, twin)
        assert np.abs(plain.maximum.theta - acsi_fit.maximum.theta).max() < 1e-8

    def test_semopy_is_near_the_maximum_from_which_it_only_starts_the_search(self, acsi_fit):
        found = semopy_estimates(acsi_fit.model, acsi_fit.observed.R, 250)
        assert found["Loyalty", "~", "Satisfaction"] == pytest.approx(
            acsi_fit.structure.solution(acsi_fit.maximum.theta).paths[3, 4], abs=0.01
        )

    def test_names_that_no_syntax_can_read(self, twin):
        model = Model(
            [
                Construct("感知 质量", ["第 1 题", "PERQ2", "PERQ3"]),
                Construct("忠诚度 ~ all", ["CUSL1", "CUSL2", "CUSL3"]),
            ],
            {"感知 质量": ["忠诚度 ~ all"]},
        )
        fit = fit_cbsem(model, twin.rename(columns={"PERQ1": "第 1 题"}))
        assert fit.table()["term"].tolist() == ["感知 质量 -> 忠诚度 ~ all"]
        known = fit_cbsem(Model.parse("Q =~ PERQ1 + PERQ2 + PERQ3; L =~ CUSL1 + CUSL2 + CUSL3; L ~ Q"), twin)
        assert fit.paths.at["感知 质量", "忠诚度 ~ all"] == pytest.approx(known.paths.at["Q", "L"])

    def test_the_text_holds_residuals_apart_that_lavaan_would_let_covary(self, twin):
        model = Model.parse("Quality =~ PERQ1 + PERQ2; A <~ CUSA1; B <~ CUSA2; A ~ Quality; B ~ Quality")
        assert "CUSA1 ~~ 0*CUSA2" in lavaan_text(model)
        fit = fit_cbsem(model, twin)
        found = semopy_estimates(model, fit.observed.R, 250)
        assert found.get(("CUSA1", "~~", "CUSA2"), 0) == 0
        assert found["CUSA1", "~", "Quality"] == pytest.approx(
            fit.structure.solution(fit.maximum.theta).paths[0, 1], abs=0.01
        )
        assert fit.lavaan == lavaan_text(model)


class TestTables:
    def test_frames_are_labelled_as_those_of_fit(self, acsi_fit):
        names, items = list(acsi_fit.model.names), list(acsi_fit.model.items)
        assert acsi_fit.loadings.index.tolist() == items
        assert acsi_fit.loadings.columns.tolist() == names
        for table in (acsi_fit.paths, acsi_fit.total_effects, acsi_fit.construct_correlations):
            assert table.index.tolist() == table.columns.tolist() == names
        assert acsi_fit.r_squared.index.tolist() == names[1:]

    def test_quantities_belong_together(self, acsi_fit):
        p, C = acsi_fit.paths, acsi_fit.construct_correlations
        assert C.at["Satisfaction", "Loyalty"] == pytest.approx(p.at["Satisfaction", "Loyalty"])
        assert acsi_fit.r_squared["Quality"] == pytest.approx(p.at["Expectation", "Quality"] ** 2)
        total = p.at["Expectation", "Value"] + p.at["Expectation", "Quality"] * p.at["Quality", "Value"]
        assert acsi_fit.total_effects.at["Expectation", "Value"] == pytest.approx(total)
        lam = acsi_fit.loadings["Value"].loc[["PERV1", "PERV2"]]
        assert acsi_fit.reliability.at["Value", "ave"] == pytest.approx((lam**2).mean())
        omega = lam.sum() ** 2 / (lam.sum() ** 2 + (1 - lam**2).sum())
        assert acsi_fit.reliability.at["Value", "rho_c"] == pytest.approx(omega)

    def test_it_prints_in_a_dozen_lines(self, acsi_fit):
        lines = str(acsi_fit).splitlines()
        assert len(lines) <= 12
        assert "chi2(128) = 271.9" in lines[1]

    def test_the_table_holds_standardised_paths_with_errors(self, acsi_fit):
        table = acsi_fit.table().set_index("term")
        assert table.at["Satisfaction -> Loyalty", "estimate"] == acsi_fit.paths.at["Satisfaction", "Loyalty"]
        assert (table["ci_high"] - table["ci_low"]).to_numpy() == pytest.approx(
            2 * 1.959964 * table["std_error"], rel=1e-6
        )

    def test_a_single_item_is_its_construct(self, twin):
        fit = fit_cbsem(
            Model.parse("Quality =~ PERQ1 + PERQ2 + PERQ3; Complaints <~ CUSCO; Complaints ~ Quality"), twin
        )
        assert fit.loadings.at["CUSCO", "Complaints"] == 1
        assert fit.reliability.loc["Complaints"].isna().all()
        assert "CUSCO" not in fit.item_r_squared


class TestClosedForms:
    """Two observed variables: the model is a simple regression."""

    MODEL = Model.parse("A <~ x; B <~ y; B ~ A")

    @pytest.fixture
    def answers(self):
        rng = np.random.default_rng(2)
        x = rng.normal(2, 3, 400)
        return pd.DataFrame({"x": x, "y": 0.4 * x + rng.standard_t(5, 400), "w": rng.uniform(0.5, 2, 400)})

    def test_slope_correlation_and_their_errors(self, answers):
        row = fit_cbsem(self.MODEL, answers).parameters.set_index("term").loc["A -> B"]
        x, y = answers["x"] - answers["x"].mean(), answers["y"] - answers["y"].mean()
        slope, r = (x @ y) / (x @ x), (x @ y) / np.sqrt((x @ x) * (y @ y))
        assert (row["estimate"], row["standardised"]) == pytest.approx((slope, r))
        assert row["std_error"] == pytest.approx(np.sqrt(((y - slope * x) ** 2).mean() / (x @ x)))
        assert row["standardised_error"] == pytest.approx((1 - r**2) / np.sqrt(400))  # of a correlation

    def test_robust_errors_under_weights_are_those_of_weighted_regression(self, answers):
        fit = fit_cbsem(self.MODEL, answers, weight="w", robust=True)
        w = answers["w"]
        x, y = (answers[c] - np.average(answers[c], weights=w) for c in "xy")
        slope = (w * x) @ y / ((w * x) @ x)
        error = np.sqrt(((w * x * (y - slope * x)) ** 2).sum()) / ((w * x) @ x)  # White (1980)
        row = fit.parameters.set_index("term").loc["A -> B"]
        assert (row["estimate"], row["std_error"]) == pytest.approx((slope, error))

    def test_a_saturated_model_fits_perfectly_and_tests_nothing(self, answers):
        measures = fit_cbsem(self.MODEL, answers).fit_measures
        assert (measures["chi2"], measures["rmsea"], measures["cfi"]) == pytest.approx((0, 0, 1), abs=1e-8)
        assert np.isnan(measures["p_value"])


class TestInvariants:
    def test_units_do_not_matter(self, acsi_fit, twin):
        other = twin * np.geomspace(0.01, 100, 24) + np.arange(24)
        fit = fit_cbsem(acsi_fit.model, other)
        assert np.abs(fit.paths - acsi_fit.paths).max().max() < 1e-8
        assert np.abs(fit.table()["std_error"] - acsi_fit.table()["std_error"]).max() < 1e-8
        assert fit.likelihood.chi2 == pytest.approx(acsi_fit.likelihood.chi2, abs=1e-7)

    def test_the_loading_that_is_fixed_does_not_matter(self, acsi_fit, twin):
        turned = [Construct(c.name, c.items[::-1], kind="factor") for c in reversed(acsi_fit.model.constructs)]
        fit = fit_cbsem(Model(turned, acsi_fit.model.paths), twin)
        for name in ("paths", "loadings", "construct_correlations"):
            ours, others = getattr(acsi_fit, name), getattr(fit, name)
            assert np.abs(ours - others.loc[ours.index, ours.columns]).max().max() < 1e-8

    def test_a_reversed_item_loads_negatively(self, acsi_fit, twin):
        fit = fit_cbsem(acsi_fit.model, twin.assign(CUSA2=-twin["CUSA2"]))
        assert fit.loadings.at["CUSA2", "Satisfaction"] == pytest.approx(-acsi_fit.loadings.at["CUSA2", "Satisfaction"])

    def test_weight_two_is_the_row_twice_and_a_constant_factor_nothing(self, acsi_fit, twin):
        weight = np.random.default_rng(1).integers(1, 4, len(twin))
        with pytest.warns(CsiWarning, match="weights are unequal"):
            weighted = fit_cbsem(acsi_fit.model, twin.assign(w=3.7 * weight), weight="w")
        repeated = fit_cbsem(acsi_fit.model, twin.loc[twin.index.repeat(weight)])
        assert np.abs(weighted.paths - repeated.paths).max().max() < 1e-8
        assert weighted.likelihood.cfi != repeated.likelihood.cfi  # n differs, and the noncentrality with it
        assert weighted.maximum.discrepancy == pytest.approx(repeated.maximum.discrepancy)


class TestMissingAnswers:
    @pytest.fixture
    def gappy(self, twin):
        return twin.mask(np.random.default_rng(7).random(twin.shape) < 0.03)

    def test_em_fits_the_normal_theory_moments(self, acsi_fit, gappy):
        """The same as fitting complete answers that have those moments."""
        fit = fit_cbsem(acsi_fit.model, gappy)
        items = list(acsi_fit.model.items)
        m = moments(gappy[items].to_numpy(), np.ones((1, len(gappy))), "em")
        complete = fit_cbsem(acsi_fit.model, answers_with(m.cov[0], items, 250))
        assert np.abs(fit.paths - complete.paths).max().max() < 1e-8
        assert "missing answers" in str(fit)

    def test_listwise_fits_the_complete_rows(self, acsi_fit, gappy):
        fit = fit_cbsem(acsi_fit.model, gappy, missing="listwise")
        complete = gappy[list(acsi_fit.model.items)].dropna()
        assert fit.n == len(complete) < 250
        assert np.abs(fit.paths - fit_cbsem(acsi_fit.model, complete).paths).max().max() < 1e-8

    def test_many_gaps_are_said(self, acsi_fit, twin):
        gappy = twin.mask(np.random.default_rng(7).random(twin.shape) < 0.10)
        with pytest.warns(CsiWarning, match=r"of the answers are missing.*take them for observed"):
            fit_cbsem(acsi_fit.model, gappy)

    def test_robust_errors_need_complete_answers(self, acsi_fit, gappy):
        with pytest.raises(EstimationError, match='Use missing="listwise"'):
            fit_cbsem(acsi_fit.model, gappy, robust=True)
        assert fit_cbsem(acsi_fit.model, gappy, missing="listwise", robust=True).scaled.scaling > 0

    def test_other_treatments_are_refused(self, acsi_fit, twin):
        with pytest.raises(EstimationError, match="missing must be one of 'em', 'listwise', not 'mean'"):
            fit_cbsem(acsi_fit.model, twin, missing="mean")


class TestWarnings:
    def test_a_negative_variance(self):
        R = [[1, 0.8, 0.8, 0.5], [0.8, 1, 0.5, 0.3125], [0.8, 0.5, 1, 0.3125], [0.5, 0.3125, 0.3125, 1]]
        model = Model.parse("Quality =~ q1 + q2 + q3; Satisfaction <~ s; Satisfaction ~ Quality")
        with pytest.warns(CsiWarning, match=r"residual variance of 'q1' is -0\.28, below 0 \(a Heywood case\)"):
            fit = fit_cbsem(model, answers_with(R, ["q1", "q2", "q3", "s"]))
        assert fit.converged
        assert not fit.admissible
        assert fit.loadings.at["q1", "Quality"] == pytest.approx(np.sqrt(1.28))

    def test_constructs_that_correlate_more_than_perfectly(self):
        R = np.array(
            [[1, 0.3, 0.4, 0.4, 0.3], [0, 1, 0.4, 0.4, 0.3], [0, 0, 1, 0.3, 0.3], [0, 0, 0, 1, 0.3], [0, 0, 0, 0, 1]]
        )
        model = Model.parse("A =~ a1 + a2; B =~ b1 + b2; C <~ c; C ~ A + B")
        with pytest.warns(CsiWarning, match=r"not positive definite; A and B correlate 1\.333"):
            fit = fit_cbsem(model, answers_with(R + np.triu(R, 1).T, ["a1", "a2", "b1", "b2", "c"]))
        assert not fit.admissible

    def test_no_maximum(self, monkeypatch, acsi_fit, twin):
        def stopped(*args):
            return replace(maximum_likelihood(*args), converged=False)

        monkeypatch.setattr(cbsem, "maximum_likelihood", stopped)
        with pytest.warns(CsiWarning, match="maximum of the likelihood was not found"):
            fit = fit_cbsem(acsi_fit.model, twin)
        assert not fit.converged

    def test_unequal_weights_without_robust_errors(self, acsi_fit, twin):
        weighted = twin.assign(w=np.linspace(0.5, 1.5, len(twin)))
        with pytest.warns(CsiWarning, match="ignore that the weights are unequal.*use robust=True"):
            plain = fit_cbsem(acsi_fit.model, weighted, weight="w")
        robust = fit_cbsem(acsi_fit.model, weighted, weight="w", robust=True)
        assert not robust.problems
        assert (plain.paths == robust.paths).all().all()

    def test_a_construct_that_its_items_form(self, twin):
        model = Model(
            [Construct("Quality", ["PERQ1", "PERQ2", "PERQ3"], mode="B"), Construct("Complaints", ["CUSCO"])],
            {"Quality": ["Complaints"]},
        )
        with pytest.warns(CsiWarning, match="Quality: formed by the items"):
            fit_cbsem(model, twin)


class TestRefusals:
    def test_a_construct_of_two_items_that_nothing_ties(self):
        R = np.eye(5)
        R[0, 1] = R[1, 0] = 0.5
        R[2:, 2:] = 0.5 + 0.5 * np.eye(3)
        model = Model.parse("A =~ a1 + a2; B =~ b1 + b2 + b3; B ~ A")
        with pytest.raises(ModelError, match=r"not identified by these answers: .*A =~ a2.*third item"):
            fit_cbsem(model, answers_with(R, ["a1", "a2", "b1", "b2", "b3"]))

    @pytest.mark.parametrize("missing", ["em", "listwise"])
    def test_fewer_answers_than_items(self, acsi_fit, twin, missing):
        with pytest.raises(EstimationError, match=r"18 items over 18 .*singular"):
            fit_cbsem(acsi_fit.model, twin.head(18), missing=missing)

    def test_an_item_that_repeats_others(self, acsi_fit, twin):
        with pytest.raises(EstimationError, match="an item repeats others"):
            fit_cbsem(acsi_fit.model, twin.assign(CUSA1=twin["CUSA2"] + twin["CUSA3"]))

    def test_what_a_model_of_factors_cannot_hold(self, twin):
        items = [Construct("A", ["PERQ1", "PERQ2"]), Construct("B", ["PERQ3", "PERQ4"]), Construct("C", ["CUSA1"])]
        product = Model(items, {"A": ["C"], "B": ["C"], "A*B": ["C"]})
        higher = Model([*items, Construct("Q", ["A", "B"])], {"Q": ["C"]})
        known = Model([items[0], Construct("C", ["CUSA1"], kind="factor", reliability=0.8)], {"A": ["C"]})
        for model, name in (
            (product, "'A*B' is an interaction"),
            (higher, "'Q' is a higher-order"),
            (known, "'C' has a known"),
        ):
            with pytest.raises(ModelError) as caught:
                fit_cbsem(model, twin)
            assert name in str(caught.value)

    def test_a_survey_design_is_said_not_to_enter_the_errors(self, acsi_fit, twin):
        """Plain frames cannot carry a design here; the cases of a survey can."""
        clustered = replace(
            acsi_fit.cases, sample=replace(acsi_fit.cases.sample, units=np.arange(len(twin)) // 10)
        )  # fmt: skip
        problems = list(cbsem._problems(replace(acsi_fit, cases=clustered)))
        assert any("ignore strata and clusters" in problem for problem in problems)
