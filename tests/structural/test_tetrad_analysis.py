"""Confirmatory tetrad analysis: a true factor is let pass as often as promised, a formative block is not."""

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import csi
from csi.engine import moments_of, table_of
from csi.errors import EstimationError
from csi.structural.endogeneity import gaussian_copulas
from csi.structural.tetrad_analysis import NOT_REJECTED, REJECTED, UNTESTED, tetrad_analysis

MODEL = csi.Model.parse("Image <~ i1 + i2 + i3 + i4; Quality <~ q1 + q2 + q3 + q4 + q5; Satisfaction <~ s; "
                        "Quality ~ Image; Satisfaction ~ Quality")  # fmt: skip


def survey(seed, n=250):
    """Image is a factor of its items; Quality is made of items that hang together in two groups."""
    rng = np.random.default_rng(seed)
    image = rng.normal(size=(n, 1))
    i = image * [0.9, 0.8, 0.7, 0.6] + 0.6 * rng.normal(size=(n, 4))
    one, other = 0.5 * image + rng.normal(size=(2, n, 1))
    q = one * [1, 1, 1, 0, 0] + other * [0, 0, 0, 1, 1] + 0.7 * rng.normal(size=(n, 5))
    frame = pd.DataFrame(np.hstack([i, q]), columns=MODEL.items[:9])
    return frame.assign(s=q.sum(axis=1) + rng.normal(size=n))


@pytest.fixture(scope="module")
def found():
    return tetrad_analysis(csi.fit(MODEL, survey(1)))


def test_each_construct_has_its_verdict_or_a_reason(found):
    table = found.constructs.set_index("construct")
    assert table["verdict"].to_dict() == {"Image": NOT_REJECTED, "Quality": REJECTED, "Satisfaction": UNTESTED}
    assert table["tetrads"].to_dict() == {"Image": 2, "Quality": 5, "Satisfaction": 0}
    assert table.at["Satisfaction", "reason"] == "1 item: a tetrad takes four"
    assert found.rejected == ["Quality"]
    assert "not tested: Satisfaction" in str(found)


def test_estimates_are_tetrads_of_the_covariances(found):
    cov = survey(1).cov()
    for row in found.rows.to_dict("records"):
        g, h, i, j = row["term"].split()
        assert row["estimate"] == pytest.approx(cov.at[g, h] * cov.at[i, j] - cov.at[g, i] * cov.at[h, j])


def test_a_tetrad_vanishes_if_its_adjusted_p_is_above_the_level(found):
    assert ((found.rows["adjusted_p"] > found.level) == found.rows["vanishes"]).all()


def test_standard_errors_are_those_of_repeated_samples():
    """The tetrads of 3,000 samples of the same population."""
    rng = np.random.default_rng(2)
    X = rng.normal(size=(3000, 250, 1)) * [0.9, 0.8, 0.7, 0.6] + 0.6 * rng.normal(size=(3000, 250, 4))
    D = X - X.mean(axis=1, keepdims=True)
    C = np.swapaxes(D, 1, 2) @ D / 249
    truth = (C[:, 0, 1] * C[:, 2, 3] - C[:, 0, 2] * C[:, 1, 3]).std()
    errors = [tetrad_analysis(csi.fit(MODEL, survey(s)), draws=400).rows["std_error"][0] for s in range(20)]
    assert np.mean(errors) == pytest.approx(truth, rel=0.15)


def test_true_factors_are_rejected_at_most_as_often_as_the_level_says_and_others_nearly_always():
    rejected = [tetrad_analysis(csi.fit(MODEL, survey(s)), draws=300, seed=s).rejected for s in range(90)]
    assert np.mean(["Image" in each for each in rejected]) < 0.10 + 3 * np.sqrt(0.1 * 0.9 / 90)
    assert np.mean(["Image" in each for each in rejected]) > 0.01  # a test that never rejects would be none
    assert np.mean(["Quality" in each for each in rejected]) > 0.95


def test_units_and_directions_of_items_change_no_verdict(found):
    units = np.array([3, -1, 0.1, 2, 5, -4, 1, 1, 0.5, 1])
    other = tetrad_analysis(csi.fit(MODEL, survey(1) * units))
    assert np.allclose(other.rows["adjusted_p"], found.rows["adjusted_p"], atol=1e-9)
    pd.testing.assert_frame_equal(other.constructs, found.constructs)


def test_how_the_model_measures_a_construct_does_not_matter(found):
    factors = csi.Model.parse("Image =~ i1 + i2 + i3 + i4; Quality <~ q1 + q2 + q3 + q4 + q5 #! mode = B\n Satisfaction <~ s; "
                              "Quality ~ Image; Satisfaction ~ Quality")  # fmt: skip
    other = tetrad_analysis(csi.fit(factors, survey(1)))
    pd.testing.assert_frame_equal(other.rows, found.rows)
    assert other.constructs["measured"].tolist() == ["factor", "composite, Mode B", "composite, Mode A"]


def test_the_same_seed_gives_the_same_numbers_and_weights_have_no_unit(found):
    again = tetrad_analysis(csi.fit(MODEL, survey(1).assign(w=4.0), weight="w"))
    assert np.allclose(again.rows["ci_low"], found.rows["ci_low"], atol=1e-9)


def test_a_higher_order_construct_is_not_tested_its_dimensions_are():
    text = "A <~ i1 + i2 + i3 + i4; B <~ q1 + q2; C <~ q3; D <~ q4; H <~ A + B + C + D; S <~ s; S ~ H"
    constructs = tetrad_analysis(csi.fit(csi.Model.parse(text), survey(1)), draws=200).constructs.set_index("construct")
    assert constructs.at["A", "verdict"] == NOT_REJECTED
    assert constructs.at["H", "reason"] == "its items are constructs, whose scores carry error"


def test_moments_that_an_engine_summed_are_enough():
    frame = survey(1, n=4000).assign(id=np.arange(4000))
    table = table_of(ibis.memtable(pa.Table.from_pandas(frame)))
    summed = csi.fit(MODEL, moments_of(table, list(MODEL.items[::-1]), unit="id"))
    rows, cases = (tetrad_analysis(each).rows for each in (summed, csi.fit(MODEL, frame)))
    assert list(rows["term"]) == list(cases["term"])
    assert np.allclose(rows["estimate"], cases["estimate"], atol=1e-9)
    assert np.allclose(rows["std_error"], cases["std_error"], rtol=0.25)
    with pytest.raises(EstimationError, match="a copula term needs the answers"):
        gaussian_copulas(summed)


def test_impossible_requests(found):
    with pytest.raises(EstimationError, match="draws >= 2"):
        tetrad_analysis(found.fit, draws=1)
    with pytest.raises(EstimationError, match="0 < level < 1"):
        tetrad_analysis(found.fit, level=1)
    small = csi.Model.parse("Image <~ i1 + i2 + i3; Satisfaction <~ s; Satisfaction ~ Image")
    with pytest.raises(EstimationError, match="no construct has four items"):
        tetrad_analysis(csi.fit(small, survey(1)))
