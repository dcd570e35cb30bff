"""fit: agrees with the peers, does not depend on what it must not depend on, and refuses what it cannot do."""

import warnings

import numpy as np
import pandas as pd
import pytest
from conftest import model_of, square
from hypothesis import given, settings
from hypothesis import strategies as st

import csi
from csi.errors import CsiWarning, EstimationError, ModelError

CASES = [
    "mobi_ecsi_modeA_path", "mobi_ecsi_modeA_factorial", "mobi_ecsi_modeB_image", "mobi_acsi_modeA_path",
    "mobi_ecsi_plsc_path", "csem_mobi_ecsi_modeB_all",
]  # fmt: skip


def fitted(case, data, name, **options):
    scheme = "factorial" if "factorial" in name else "path"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CsiWarning)
        return csi.fit(model_of(case["model"]), data, scheme=scheme, tolerance=1e-12, **options)


@pytest.mark.parametrize("name", CASES)
class TestGolden:
    """Peers' results reproduced from the published means and covariances alone."""

    def test_weights_and_loadings(self, golden, twin, name):
        case = golden["cases"][name]
        fit = fitted(case, twin, name)
        for table, expected in ((fit.weights, case["weights"]), (fit.loadings, case["loadings"])):
            ours = table.sum(axis=1)  # one entry a row
            assert np.abs(ours - pd.Series(expected)[ours.index]).max() < 1e-8

    def test_paths_and_r_squared(self, golden, twin, name):
        case = golden["cases"][name]
        fit = fitted(case, twin, name)
        for path in case["paths"]:
            assert fit.paths.at[path["from"], path["to"]] == pytest.approx(path["value"], abs=1e-8)
        assert np.abs(fit.r_squared - pd.Series(case["r2"])[fit.r_squared.index]).max() < 1e-8

    def test_total_effects_and_htmt(self, golden, twin, name):
        case = golden["cases"][name]
        fit = fitted(case, twin, name)
        for effect in case.get("total_effects", []):
            assert fit.total_effects.at[effect["from"], effect["to"]] == pytest.approx(effect["value"], abs=1e-8)
        ratios = pd.DataFrame(fit.estimates.htmt[0], fit.model.names, fit.model.names)
        for pair in case.get("htmt", []):
            ours = ratios.at[pair["to"], pair["from"]]
            mode_b = {c.name for c in fit.model.constructs if c.mode == "B" and len(c.items) > 1}
            if {pair["from"], pair["to"]} & mode_b:
                assert np.isnan(ours)  # items of a Mode B composite need not correlate, so the ratio has no meaning
            else:
                assert ours == pytest.approx(pair["value"], abs=1e-8)


def test_points_scores_and_cross_loadings_equal_the_peers(reference, mobi):
    case = reference("mobi_ecsi_modeA_path")
    fit = fitted(case, mobi, "mobi_ecsi_modeA_path", scale=(1, 10))
    scores, cross = square(case["scores_first10"]), square(case["cross_loadings"])
    assert np.abs(fit.scores.head(10).to_numpy() - scores[list(fit.model.names)].to_numpy()).max() < 1e-8
    assert (
        np.abs(fit.cross_loadings - cross.loc[fit.cross_loadings.index, fit.cross_loadings.columns]).max().max() < 1e-8
    )
    assert np.abs(fit.r_squared_adjusted - pd.Series(case["adj_r2"])[fit.r_squared_adjusted.index]).max() < 1e-8
    assert fit.index_scores["Satisfaction"].mean() == pytest.approx(72.4541179309094, abs=1e-6)


def test_measurement_tables_are_labelled(reference, mobi):
    case = reference("mobi_ecsi_modeA_path")
    fit = fitted(case, mobi, "mobi_ecsi_modeA_path")
    expected = square(case["reliability"])
    assert np.abs(fit.reliability["alpha"] - expected["alpha"]).drop("Complaints").max() < 1e-8
    assert fit.reliability.loc["Complaints"].isna().all()  # one item alone has no reliability
    for pair in case["f2_fixed_scores"]:
        assert fit.f_squared.at[pair["from"], pair["to"]] == pytest.approx(pair["value"], abs=1e-8)
    assert fit.inner_vif.at["Quality", "Value"] == pytest.approx(case["inner_vif"]["Value"]["Quality"], abs=1e-8)
    assert fit.item_vif["PERV1"] == pytest.approx(case["item_vif"]["Value"]["PERV1"], abs=1e-8)
    assert fit.htmt.at["Expectation", "Image"] == pytest.approx(0.88803042750925, abs=1e-8)


def test_the_factor_solution_of_mobi_is_inadmissible_and_says_so(golden, twin):
    case = golden["cases"]["mobi_ecsi_plsc_path"]
    with pytest.warns(CsiWarning, match="not positive semi-definite"):
        fit = csi.fit(model_of(case["model"]), twin)
    assert not fit.admissible
    assert "INADMISSIBLE" in str(fit)


def test_mixed_models_correct_the_factors_only(reference, mobi):
    """seminr also disattenuates the composites of a mixed model; cSEM does not, and is right."""
    case = reference("csem_mobi_ecsi_mixed_plsc")
    model = model_of(reference("mobi_ecsi_mixed_plsc_seminr_CAUTION")["model"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CsiWarning)
        fit = csi.fit(model, mobi, tolerance=1e-12)
    expected = square(case["path_coef"])
    for cause, effects in model.paths.items():
        for effect in effects:
            assert fit.paths.at[cause, effect] == pytest.approx(expected.at[effect, cause], abs=1e-8)


class TestInvariants:
    def test_units_do_not_matter(self, ecsi_model, twin):
        other = twin * np.linspace(0.1, 9, 24) + np.arange(24)
        assert np.abs(csi.fit(ecsi_model, twin).paths - csi.fit(ecsi_model, other).paths).max().max() < 1e-10

    def test_item_and_construct_order_do_not_matter(self, ecsi_model, twin):
        turned = csi.Model(
            [csi.Construct(c.name, c.items[::-1]) for c in reversed(ecsi_model.constructs)], dict(ecsi_model.paths)
        )
        a, b = (csi.fit(m, twin, tolerance=1e-12) for m in (ecsi_model, turned))
        assert np.abs(a.paths - b.paths.loc[a.paths.index, a.paths.columns]).max().max() < 1e-10
        assert np.abs(a.weights - b.weights.loc[a.weights.index, a.weights.columns]).max().max() < 1e-10

    @settings(max_examples=15, deadline=None)
    @given(st.integers(0, 2**32 - 1), st.sampled_from(["em", "listwise", "mean"]))
    def test_weight_two_is_the_row_twice(self, ecsi_model, twin, seed, missing):
        rng = np.random.default_rng(seed)
        weight = rng.integers(1, 4, len(twin)).astype(float)
        gappy = twin.mask(rng.random(twin.shape) < 0.01)
        weighted = gappy.assign(w=weight * 3.7)  # a constant factor changes nothing
        repeated = gappy.loc[gappy.index.repeat(weight.astype(int))]
        options = {"missing": missing, "scale": (-20, 40), "tolerance": 1e-13}
        a = csi.fit(ecsi_model, weighted, weight="w", **options)
        b = csi.fit(ecsi_model, repeated, **options)
        close = 1e-7 if missing == "em" else 1e-10  # EM stops at its own tolerance
        for name in ("weights", "loadings", "paths", "total_effects"):
            assert np.abs(getattr(a, name) - getattr(b, name)).max().max() < close
        index = [csi.satisfaction_index(fit).value for fit in (a, b)]
        assert index[0] == pytest.approx(index[1], abs=close)

    def test_complete_answers_need_no_treatment(self, ecsi_model, twin):
        fits = [csi.fit(ecsi_model, twin, missing=m) for m in ("em", "listwise", "mean")]
        assert all((f.paths == fits[0].paths).all().all() for f in fits)

    def test_frames_of_any_library(self, ecsi_model, twin):
        import pyarrow as pa

        assert (csi.fit(ecsi_model, pa.Table.from_pandas(twin)).paths == csi.fit(ecsi_model, twin).paths).all().all()


class TestRefusals:
    def test_unknown_item_names_construct_and_neighbours(self, twin):
        model = csi.Model.parse("Quality <~ PERQ1 + PERQ9; Satisfaction <~ CUSA1; Satisfaction ~ Quality")
        with pytest.raises(ModelError, match=r"construct 'Quality' names item 'PERQ9'.*Did you mean 'PERQ7'"):
            csi.fit(model, twin)

    def test_constant_item(self, ecsi_model, twin):
        with pytest.raises(EstimationError, match="item 'PERV1' is constant"):
            csi.fit(ecsi_model, twin.assign(PERV1=5.0))

    def test_empty_item(self, ecsi_model, twin):
        with pytest.raises(EstimationError, match="item 'PERV1' has no answers"):
            csi.fit(ecsi_model, twin.assign(PERV1=np.nan))

    def test_too_few_answers(self, ecsi_model, twin):
        with pytest.raises(EstimationError, match="5 answers are fewer than the model needs"):
            csi.fit(ecsi_model, twin.head(5))

    def test_weights_must_be_positive(self, ecsi_model, twin):
        with pytest.raises(EstimationError, match="weight of case 3 is -1"):
            csi.fit(ecsi_model, twin.assign(w=np.where(np.arange(250) == 3, -1, 1.0)), weight="w")

    @pytest.mark.parametrize("options", [{"scheme": "paths"}, {"missing": "drop"}])
    def test_unknown_choices(self, ecsi_model, twin, options):
        with pytest.raises(EstimationError, match="must be one of"):
            csi.fit(ecsi_model, twin, **options)

    def test_points_need_scale_ends(self, ecsi_model, twin):
        with pytest.raises(EstimationError, match="scale ends of item 'IMAG1'"):
            csi.satisfaction_index(csi.fit(ecsi_model, twin))

    def test_no_convergence_is_said(self, ecsi_model, twin):
        with pytest.warns(CsiWarning, match="did not settle: after 2 iterations"):
            fit = csi.fit(ecsi_model, twin, max_iterations=2)
        assert "NOT CONVERGED" in str(fit)
        assert csi.assess(fit).verdict == "fail"


def test_scores_of_new_respondents_use_the_fitted_weights():
    rng = np.random.default_rng(5)
    book = csi.Codebook.from_dict(
        {"key": "id", "scale": {"low": 1, "high": 10}, "items": [{"name": n} for n in ("q1", "q2", "s1", "s2")]}
    )
    true = rng.normal(size=400)
    answers = np.clip(np.rint(7 + 1.5 * (0.8 * true[:, None] + 0.6 * rng.normal(size=(400, 4)))), 1, 10)
    frame = pd.DataFrame(answers, columns=["q1", "q2", "s1", "s2"]).assign(id=range(400))
    model = csi.Model.parse("Quality <~ q1 + q2; Satisfaction <~ s1 + s2; Satisfaction ~ Quality")
    fit = csi.fit(model, csi.survey_from_frame(frame, book))
    new = frame.head(5).assign(id=[f"new {i}" for i in range(5)])
    new["s1"] = [1, 10, 5, None, None]
    new["s2"] = [1, 10, 5, None, 9]
    scored = csi.score(fit, csi.survey_from_frame(new, book))
    assert scored["key"].tolist() == [f"new {i}" for i in range(5)]
    assert scored["Satisfaction"].head(2).tolist() == pytest.approx([0, 100])
    assert scored["Satisfaction"][2] == pytest.approx(100 * 4 / 9)
    assert (
        scored["Satisfaction"].between(-1e-9, 100 + 1e-9).all()
    )  # gaps are filled from the other answers, within the scale


@pytest.mark.parametrize("name", ["corp_rep_simple", "corp_rep_extended_modeB", "mobi_acsi_plsc"])
def test_other_models_equal_the_peers(reference, shared, name):
    """Missing answers filled with means, as the peer does it; Mode B blocks of many items; factors."""
    case = reference(name)
    model = model_of(case["model"])
    answers = pd.read_csv(shared / "data" / case["dataset"]).replace(-99, np.nan)
    fit = csi.fit(model, answers, missing="mean", tolerance=1e-12)
    weights = square(case["outer_weights"]).loc[list(model.items), list(model.names)]
    assert np.abs(fit.weights - weights).max().max() < 1e-8
    for path in case["path_coef"]:
        assert fit.paths.at[path["from"], path["to"]] == pytest.approx(path["value"], abs=1e-8)
    assert np.abs(fit.r_squared - pd.Series(case["r2"])[fit.r_squared.index]).max() < 1e-8


def test_a_factor_whose_items_do_not_agree_is_named():
    """Its rho_A is negative: nothing can be disattenuated, and the fit says why instead of failing."""
    rng = np.random.default_rng(0)
    s = rng.normal(size=100)
    frame = pd.DataFrame({"q1": s + rng.normal(size=100), "s1": s, "s2": s + rng.normal(size=100)})
    frame["q2"] = -0.3 * frame["q1"] + s + 0.5 * rng.normal(size=100)
    frame["q2"] -= 0.6 * (frame["q2"].cov(frame["q1"]) + 0.4) / frame["q1"].var() * frame["q1"]
    model = csi.Model.parse("Q =~ q1 + q2; S =~ s1 + s2; S ~ Q")
    with pytest.warns(CsiWarning, match="reliability rho_A of 'Q' lies outside 0-1"):
        fit = csi.fit(model, frame)
    assert not fit.admissible
    assert np.isnan(fit.paths.at["Q", "S"])
    assert csi.assess(fit).verdict == "fail"
