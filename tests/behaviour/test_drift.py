"""A later wave: what moved is named, what no longer holds is said, the treated are left out."""

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.special import expit

from csi.behaviour.drift import LARGE, risk_drift
from csi.behaviour.linkage import link
from csi.behaviour.risk import PastWave, dissatisfaction_risk
from csi.errors import LinkError, TooFewError
from csi.survey.codebook import Codebook
from csi.survey.reading import survey_from_frame

BOOK = Codebook.from_dict({"scale": {"low": 1, "high": 10}, "items": [{"name": "q"}], "key": "id"})


def wave(seed, *, faults=2.0, level=-3.0, slope=0.6, features=("faults", "bill", "phone"), n=1500):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"id": [f"{seed}-{i}" for i in range(3 * n)], "faults": rng.poisson(faults, 3 * n)})
    frame = frame.assign(bill=rng.gamma(4, 20, 3 * n), phone=rng.choice(["a", "b", "c"], 3 * n))
    survey = survey_from_frame(pd.DataFrame({"id": frame["id"][:n], "q": 5}), BOOK)
    table = ibis.memtable(pa.Table.from_pandas(frame, preserve_index=False))
    linked = link(survey, table, key="id", features=list(features))
    y = rng.random(n) < expit(slope * frame["faults"][:n].to_numpy() + level)
    return linked, y.astype(float)


@pytest.fixture(scope="module")
def risk():
    return dissatisfaction_risk(*wave(1), folds=2)


class TestDrift:
    def test_a_wave_like_the_last_is_steady(self, risk):
        found = risk_drift(risk, *wave(2))
        assert found.verdict == "steady"
        assert found.table()["estimate"].max() < 0.02
        assert found.slope[1] < 1 < found.slope[2]

    def test_a_base_that_moved_is_named_and_beyond_chance(self, risk):
        table = risk_drift(risk, *wave(3, faults=4.0)).table().set_index("term")
        assert table.loc["faults", "estimate"] > LARGE
        assert table.loc["bill", "estimate"] < 0.02
        assert table.loc["faults", "chance"] < 0.02

    def test_a_level_that_moved_asks_for_recalibration(self, risk):
        found = risk_drift(risk, *wave(4, level=-2.0))
        assert found.verdict == "recalibrate"
        assert found.level[1] < 1.0 < found.level[2]

    def test_a_risk_that_tells_nobody_apart_any_more_asks_for_relearning(self, risk):
        found = risk_drift(risk, *wave(5, slope=0.0, level=-1.0))
        assert found.verdict == "relearn"

    def test_the_treated_are_left_out_and_counted(self, risk):
        linked, y = wave(6)
        treated = linked.frame["key"][:200].tolist()
        found = risk_drift(risk, linked, y, treated=treated)
        assert found.treated_left_out == 200
        assert found.accuracy.n == 1300
        assert "200 left out" in str(found)

    def test_other_features_and_too_few(self, risk):
        with pytest.raises(LinkError, match="other features"):
            risk_drift(risk, *wave(7, features=("faults",)))
        with pytest.raises(TooFewError, match="at least 30"):
            risk_drift(risk, wave(7)[0], np.zeros(1500))


@pytest.fixture(scope="module")
def learnt():
    past = wave(11)
    treated = past[0].frame["key"][:100].tolist()
    return dissatisfaction_risk(*wave(12, level=-2.0), earlier=[PastWave(*past, treated=treated)], folds=2)


class TestWaves:
    def test_each_is_foreseen_from_those_before(self, learnt):
        assert set(learnt.judged["wave"]) == {1}
        assert learnt.waves == 2
        assert "out-of-time AUC" in str(learnt)
        # Nobody could know that the level would rise: the judgement says so ...
        promised = learnt.judged["probability"].mean()
        assert promised < learnt.judged["dissatisfied"].mean() - 0.08

    def test_but_the_base_gets_the_level_of_the_latest(self, learnt):
        assert learnt.score_base().probability.mean() == pytest.approx(learnt.frame["dissatisfied"].mean(), abs=0.03)

    def test_the_treated_are_left_out(self, learnt):
        assert learnt.treated_left_out == 100
        assert "100 left out" in str(learnt)

    def test_features_must_be_the_same(self):
        with pytest.raises(LinkError, match="different features"):
            dissatisfaction_risk(*wave(12), earlier=[PastWave(*wave(11, features=("faults",)))])
