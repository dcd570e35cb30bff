"""Charts of a risk: what they plot is what was judged, and chance is called chance, in both languages."""

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.special import expit

from csi.behaviour.accuracy import calibration_bins
from csi.behaviour.linkage import link
from csi.behaviour.risk import dissatisfaction_risk
from csi.report.charts.risk import plot_calibration, plot_gain
from csi.survey.codebook import Codebook
from csi.survey.reading import survey_from_frame
from csi.words import say

BOOK = Codebook.from_dict({"scale": {"low": 1, "high": 10}, "items": [{"name": "q"}], "key": "id"})


def risk_of(slope, n=600):
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"id": [f"C{i}" for i in range(n)], "faults": rng.poisson(2, n), "bill": rng.normal(size=n)})
    survey = survey_from_frame(pd.DataFrame({"id": frame["id"], "q": 5}), BOOK)
    linked = link(survey, ibis.memtable(pa.Table.from_pandas(frame)), key="id", features=["faults", "bill"])
    return dissatisfaction_risk(linked, rng.random(n) < expit(slope * (frame["faults"].to_numpy() - 3)), folds=2)


@pytest.fixture(scope="module")
def risk():
    return risk_of(1.0)


def texts(ax):
    return [ax.get_title("left"), *(t.get_text() for t in ax.texts)]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_calibration_shows_ten_groups_of_unseen_answers(risk, language):
    ax = plot_calibration(risk, language=language)
    y, p, w = risk.judged_columns()
    points = next(line for line in ax.lines if line.get_marker() == "o")
    np.testing.assert_allclose(points.get_ydata(), calibration_bins(y, p, w=w)["observed"])
    assert len(points.get_xdata()) == 10
    assert ax.get_xlabel() == say("risk.promised", language)
    assert f"{100 * risk.accuracy.calibration_error:.1f}" in ax.get_title("left")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_gain_marks_what_a_list_of_this_size_holds(risk, language):
    ax = plot_gain(risk, language=language, capacity=60)
    mark = next(line for line in ax.lines if line.get_marker() == "s")
    at = risk.at_capacity(60)
    assert (mark.get_xdata()[0], mark.get_ydata()[0]) == pytest.approx((0.1, at["gain"]))
    assert f"{at['lift']:.1f}" in ax.get_title("left")
    assert at["lift"] == pytest.approx(risk.accuracy.lift)


def test_chance_is_called_chance():
    chance = risk_of(0.0)
    assert chance.no_better_than_chance
    for language in ("en", "zh"):
        for draw in (plot_calibration, plot_gain):
            assert say("risk.chance", language) in texts(draw(chance, language=language))
