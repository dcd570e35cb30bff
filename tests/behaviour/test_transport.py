"""Respondents against the base: differences are seen and repaired, strangers are counted, the base's level is found."""

import json

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from linked_waves import wave_of

import csi
from csi.behaviour.base_rate import base_dissatisfaction
from csi.behaviour.linkage import link
from csi.behaviour.risk import dissatisfaction_risk, feature_columns
from csi.behaviour.support import support_of
from csi.behaviour.transport import base_sample, transport_check
from csi.errors import LinkError
from csi.survey.codebook import Codebook
from csi.survey.reading import survey_from_frame

BOOK = Codebook.from_dict({"scale": {"low": 1, "high": 10}, "items": [{"name": "q"}], "key": "id"})
pytestmark = pytest.mark.filterwarnings("ignore::csi.CsiWarning")


def linked_to(base, asked):
    survey = survey_from_frame(pd.DataFrame({"id": base["id"][asked], "q": 5}), BOOK)
    table = ibis.memtable(pa.Table.from_pandas(base, preserve_index=False))
    return link(survey, table, key="id", features=["years", "phone"])


def customers(n=6000, seed=1):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"id": [f"C{i:05d}" for i in range(n)], "years": rng.gamma(2, 2, n).round(2)})
    return frame.assign(phone=rng.choice(["north", "south", "west"], n))


class TestComparison:
    def test_respondents_chosen_at_random_are_like_the_base(self):
        base = customers()
        found = transport_check(linked_to(base, np.random.default_rng(2).permutation(6000)[:900]))
        assert found.table()["before"].abs().max() < 0.1
        assert found.separation < 0.55
        assert found.overlap > 0.93

    def test_loyal_respondents_are_seen_and_weighted_back(self):
        base = customers()
        willing = np.random.default_rng(3).random(6000) < np.clip(0.05 * base["years"], 0, 0.6)
        found = transport_check(linked_to(base, willing))
        years = found.table().set_index("term").loc["years"]
        assert years["before"] > 0.5
        assert abs(years["estimate"]) < 0.1
        assert found.separation > 0.6
        linked = found.linked
        mean = np.average(linked.frame["years"], weights=found.survey_weights[linked.frame["row"]])
        assert mean == pytest.approx(base["years"].mean(), abs=0.15)
        assert linked.frame["years"].mean() > base["years"].mean() + 1

    def test_who_is_like_no_respondent_is_counted(self):
        base = customers()
        base.loc[::20, "phone"] = "new"
        asked = ((base["phone"] != "new") & (base["years"] < 8) & (base.index % 3 == 0)).to_numpy()
        found = transport_check(linked_to(base, asked))
        share = found.outside.set_index("term")
        assert share.loc["phone", "estimate"] == pytest.approx(0.05, abs=1e-9)
        low, high = share.loc["years", ["ci_low", "ci_high"]]
        assert low < (base["years"] > base.loc[asked, "years"].max()).mean() < high
        assert share.loc["any feature", "estimate"] >= share["estimate"].iloc[1:].max()

    def test_a_base_of_respondents_alone(self):
        with pytest.raises(LinkError, match="nobody but respondents"):
            transport_check(linked_to(customers(200), slice(None)))

    def test_a_covariate_that_is_not_linked(self):
        with pytest.raises(LinkError, match="'age' is not a linked feature"):
            transport_check(linked_to(customers(400), slice(100)), covariates=["age"])


def test_the_sample_of_the_base_does_not_depend_on_its_order():
    base = customers(3000)
    one = base_sample(linked_to(base, slice(50)), 500)
    other = base_sample(linked_to(base.sample(frac=1, random_state=4), slice(50)), 500)
    pd.testing.assert_frame_equal(one, other)
    assert len(one) == 500
    assert one["years"].mean() == pytest.approx(base["years"].mean(), abs=4 * base["years"].std() / 500**0.5)


def test_a_gap_is_outside_unless_a_respondent_has_one():
    base = customers(300)
    linked = linked_to(base, slice(100))
    other = pd.DataFrame({"years": [np.nan, 2.0], "phone": ["north", None]})
    flags = support_of(linked).outside(feature_columns(other, linked))
    assert flags["years"].tolist() == [True, False]
    assert flags["phone"].tolist() == [False, True]


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """The synthetic study as it is shipped, in which new customers are less satisfied and answer far less often."""
    path = csi.simulate_study(tmp_path_factory.mktemp("study"))
    truth = json.loads((path.parent / "truth.json").read_text("utf-8"))["waves"]["2025Q4"]
    linked, y = wave_of(csi.read_study(path), "2025Q4")
    transport = transport_check(linked)
    risk = dissatisfaction_risk(linked, y, weights=transport.survey_weights, folds=2)
    rows = base_dissatisfaction(transport, y, risk, draws=100).table().set_index("term")
    return truth["asked_dissatisfied_share_of_base"], rows, risk


class TestShareOfTheBase:
    def test_the_weighted_interval_covers_the_truth_and_the_unweighted_does_not(self, told):
        truth, rows, _ = told
        covers = (rows["ci_low"] <= truth) & (truth <= rows["ci_high"])
        assert covers.to_dict() == {"unweighted": False, "weighted": True, "model_assisted": True}

    def test_a_weighted_model_is_measured_for_the_base(self, told):
        truth, rows, risk = told
        assert risk.accuracy.base_rate == pytest.approx(rows.loc["weighted", "estimate"], abs=1e-9)
        assert abs(risk.score_base().probability.mean() - truth) < 0.02
