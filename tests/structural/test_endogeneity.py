"""Gaussian copulas in the equations of a fit: planted endogeneity is found and corrected, and what cannot be tested is said."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import csi
from csi.errors import CsiWarning, EstimationError
from csi.structural.endogeneity import ENDOGENOUS, FREE, NORMAL, gaussian_copulas

MODEL = csi.Model.parse("""
    Quality <~ q1 + q2
    Value <~ v
    Image <~ i
    Satisfaction <~ s
    Satisfaction ~ Quality + Value + Image
""")


def survey(rng, n=2000, correlation=0.6):
    """Quality (skewed) hangs together with the error of satisfaction, Value (skewed) and Image (normal) do not."""
    error, image = rng.normal(size=(2, n))
    hidden = correlation * error + np.sqrt(1 - correlation**2) * rng.normal(size=n)
    quality = stats.gamma.ppf(stats.norm.cdf(hidden), 1.5)
    value = rng.gamma(1.5, size=n)
    s = 0.5 * quality + 0.4 * value + 0.3 * image + error
    return pd.DataFrame({"q1": quality, "q2": 2 * quality + 1, "v": value, "i": image, "s": s})


@pytest.fixture(scope="module")
def frame():
    return survey(np.random.default_rng(1))


@pytest.fixture(scope="module")
def found(frame):
    return gaussian_copulas(csi.fit(MODEL, frame), draws=300)


def test_the_planted_predictor_is_found_and_its_path_corrected(found, frame):
    rows = found.rows.set_index(["term", "copulas"])
    row = rows.loc[("Quality -> Satisfaction", "Quality")]
    true = 0.5 * frame["q1"].std() / frame["s"].std()
    assert row["verdict"] == ENDOGENOUS
    assert row["without"] > true + 0.15
    assert row["estimate"] == pytest.approx(true, abs=3 * row["std_error"])
    assert row["ci_low"] < true < row["ci_high"]


def test_a_predictor_that_is_free_is_called_free(found):
    rows = found.rows.set_index(["term", "copulas"])
    assert rows.at[("Value -> Satisfaction", "Quality + Value"), "verdict"] == FREE
    assert "Value -> Satisfaction" not in found.endogenous


def test_every_set_of_predictors_that_are_not_normal_is_tried(found):
    assert set(found.rows["copulas"]) == {"Quality", "Value", "Quality + Value", ""}
    assert found.rows.loc[found.rows["copulas"] == "", "verdict"].tolist() == [NORMAL]
    assert found.normality.set_index("term")["testable"].to_dict() == {"Quality": True, "Value": True, "Image": False}
    assert "not testable (normal scores): Image" in str(found)


def test_without_copulas_the_paths_are_the_fits(found):
    plain = found.rows.drop_duplicates("term").set_index("term")["without"]
    assert np.allclose(plain, found.fit.values("paths")[plain.index], atol=1e-12)


def test_the_error_of_the_bootstrap_is_that_of_repeated_samples():
    """Over 40 samples the corrected path varies as each bootstrap says it would."""
    estimates, errors = [], []
    for seed in range(40):
        frame = survey(np.random.default_rng([9, seed]), n=500)
        row = gaussian_copulas(csi.fit(MODEL, frame), predictors=["Quality"], draws=100).rows.iloc[0]
        estimates.append(row["estimate"])
        errors.append(row["std_error"])
    assert np.mean(errors) == pytest.approx(np.std(estimates, ddof=1), rel=0.4)


def test_exogenous_predictors_are_accused_as_often_as_the_level_says():
    accused = []
    for seed in range(80):
        fit = csi.fit(MODEL, survey(np.random.default_rng([5, seed]), n=400, correlation=0))
        accused.append(bool(gaussian_copulas(fit, predictors=["Quality"], draws=99).endogenous))
    assert np.mean(accused) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 80)


def test_the_units_of_the_answers_are_nothing(frame, found):
    other = gaussian_copulas(csi.fit(MODEL, frame * 7 - 3), draws=300).rows
    numbers = ["estimate", "ci_low", "without", "copula", "copula_p"]
    assert np.allclose(other[numbers], found.rows[numbers], equal_nan=True, atol=1e-8)


def test_a_constant_survey_weight_changes_nothing(frame, found):
    weighted = gaussian_copulas(csi.fit(MODEL, frame.assign(w=2.5), weight="w"), draws=300).rows
    assert np.allclose(weighted["estimate"], found.rows["estimate"], equal_nan=True, atol=1e-9)


def test_the_same_seed_gives_the_same_numbers(frame, found):
    again = gaussian_copulas(csi.fit(MODEL, frame), draws=300)
    pd.testing.assert_frame_equal(again.rows, found.rows)


def test_an_interaction_is_a_regressor_without_a_term(frame):
    model = csi.Model.parse("""
        Quality <~ q1 + q2
        Value <~ v
        Satisfaction <~ s
        Satisfaction ~ Quality + Value + Quality:Value
    """)
    rows = gaussian_copulas(csi.fit(model, frame), draws=100).rows
    assert set(rows["copulas"]) == {"Quality", "Value", "Quality + Value"}
    assert "Quality*Value -> Satisfaction" in set(rows["term"])
    with pytest.raises(EstimationError, match="needs no term of its own"):
        gaussian_copulas(csi.fit(model, frame), predictors=["Quality*Value"])


def test_gaps_move_the_estimates_little(frame):
    rng = np.random.default_rng(3)
    frame = frame.assign(q2=frame["q2"] + rng.normal(size=len(frame)))
    gappy = frame.mask(rng.random(frame.shape) < 0.02)
    rows, whole = (
        gaussian_copulas(csi.fit(MODEL, each), predictors=["Quality"], draws=100).rows for each in (gappy, frame)
    )
    assert np.allclose(rows["estimate"][:3], whole["estimate"][:3], atol=whole["std_error"][0])


def test_small_samples_and_little_skewness_are_warned_of():
    frame = survey(np.random.default_rng(2), n=150)
    with pytest.warns(CsiWarning, match="150 answers and a skewness of"):
        gaussian_copulas(csi.fit(MODEL, frame), draws=50)


def test_impossible_requests(frame):
    fit = csi.fit(MODEL, frame)
    with pytest.raises(EstimationError, match="'Image' are close to normal"):
        gaussian_copulas(fit, predictors=["Image"])
    with pytest.raises(EstimationError, match="'Quality' has no equation"):
        gaussian_copulas(fit, "Quality")
    with pytest.raises(EstimationError, match="no predictor of the equations asked"):
        gaussian_copulas(fit, predictors=["Satisfaction"])
    with pytest.raises(EstimationError, match="draws >= 2"):
        gaussian_copulas(fit, draws=1)
    only = csi.Model.parse("Image <~ i; Satisfaction <~ s; Satisfaction ~ Image")
    with pytest.raises(EstimationError, match="'Image' are close to normal"):
        gaussian_copulas(csi.fit(only, frame))


def test_two_values_are_too_few(frame):
    model = csi.Model.parse("Quality <~ q; Satisfaction <~ s; Satisfaction ~ Quality")
    with pytest.raises(EstimationError, match="too few different values"):
        gaussian_copulas(csi.fit(model, frame.assign(q=(frame["q1"] > 3).astype(float))))
