"""Rules that a manager can read, measured on respondents who had no say in them."""

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.special import expit

from csi.behaviour.linkage import link
from csi.behaviour.naive import naive_rules
from csi.behaviour.risk import dissatisfaction_risk
from csi.behaviour.rules import Condition, risk_rules
from csi.errors import TooFewError
from csi.survey.codebook import Codebook, Wording
from csi.survey.reading import survey_from_frame

BOOK = Codebook.from_dict({"scale": {"low": 1, "high": 10}, "items": [{"name": "q"}], "key": "id"})
FEATURES = ["calls", "tenure", "phone", "noise"]


def linked_and_outcome(n=4000, effect=0.35, seed=1):
    """Who called 3 times or more and is with us for under 24 months is dissatisfied more often by `effect`."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"id": [f"C{i:05d}" for i in range(n)], "calls": rng.poisson(1.5, n)})
    frame = frame.assign(tenure=rng.integers(0, 61, n), phone=rng.choice(["a", "b"], n), noise=rng.normal(size=n))
    hit = (frame["calls"] >= 3) & (frame["tenure"] < 24)
    y = (rng.random(n) < 0.08 + effect * hit).astype(float)
    survey = survey_from_frame(pd.DataFrame({"id": frame["id"], "q": 5}), BOOK)
    table = ibis.memtable(pa.Table.from_pandas(frame, preserve_index=False))
    return link(survey, table, key="id", features=FEATURES), y


@pytest.fixture(scope="module")
def planted():
    linked, y = linked_and_outcome()
    return linked, y, risk_rules(linked, y)


class TestAPlantedRule:
    def test_is_the_first(self, planted):
        first = planted[2].rules[0]
        assert {(c.feature, c.kind) for c in first.conditions} == {("calls", "at_least"), ("tenure", "at_most")}
        assert first.is_clear
        assert first.low < 0.43 < first.high

    def test_is_measured_on_respondents_who_had_no_say(self, planted):
        linked, _, found = planted
        assert found.sought + found.measured == len(linked)
        first = found.rules[0]
        everywhere = np.logical_and.reduce([c.holds(linked.frame) for c in first.conditions])
        assert first.n < everywhere.sum()
        assert first.coverage == pytest.approx(first.n / found.measured)

    def test_in_words(self, planted):
        wording = {"calls": Wording(en="hotline calls", zh="热线呼叫")}
        english, chinese = planted[2].texts("en", wording)[0], planted[2].texts("zh", wording)[0]
        assert "hotline calls: 3 or more" in english
        assert "% dissatisfied" in english
        assert "热线呼叫≥3" in chinese

    def test_rules_do_not_repeat_each_other(self, planted):
        shapes = [frozenset((c.feature, c.kind) for c in rule.conditions) for rule in planted[2].rules]
        assert len(set(shapes)) == len(shapes)

    def test_table_has_simultaneous_intervals(self, planted):
        table = planted[2].table()
        assert (table["ci_low"] < table["estimate"]).all()
        assert table["lift"].iloc[0] == pytest.approx(table["estimate"].iloc[0] / planted[2].base_rate)

    def test_equal_weights_change_nothing(self, planted):
        linked, y, found = planted
        pd.testing.assert_frame_equal(risk_rules(linked, y, weights=np.full(len(y), 3.0)).table(), found.table())


def test_of_noise_no_rule_stands_out():
    clear = [
        any(rule.is_clear for rule in risk_rules(*linked_and_outcome(1500, effect=0.0, seed=s)).rules) for s in range(8)
    ]
    assert sum(clear) <= 1  # 95 % for all rules of a search at once, from both sides


def test_no_rule_is_said():
    linked, _ = linked_and_outcome(1500)
    y = (np.random.default_rng(9).random(1500) < 0.1).astype(float)
    found = risk_rules(linked, y)
    assert found.texts() == ["No rule stands out from the base."]


def test_too_few_to_halve():
    linked, _ = linked_and_outcome(300)
    with pytest.raises(TooFewError, match="40 dissatisfied are too few"):
        risk_rules(linked, np.arange(300) < 40)


def test_conditions_hold_where_they_say():
    frame = pd.DataFrame({"x": [1.0, 2.0, np.nan], "t": ["a", None, "b"]})
    held = [
        Condition("x", "at_least", 2.0), Condition("x", "at_most", 1.0), Condition("x", "no_record"),
        Condition("t", "is", "a"),
    ]  # fmt: skip
    assert [c.holds(frame).tolist() for c in held] == [
        [False, True, False], [True, False, False], [False, False, True], [True, False, False],
    ]  # fmt: skip


class TestNaiveRules:
    def test_a_model_that_knows_more_beats_sorting_by_one_number(self):
        linked, _ = linked_and_outcome(2000)
        log_odds = 0.7 * linked.frame["calls"] - 0.06 * linked.frame["tenure"] - 1
        found = naive_rules(
            dissatisfaction_risk(linked, np.random.default_rng(4).random(2000) < expit(log_odds), folds=2)
        )
        table = found.table().set_index("term")
        assert table.loc["tenure", "direction"] == "lowest"
        assert (table["gain_low"] > 0).all()
        assert found.model_is_better
        assert "is better than sorting by" in str(found)

    def test_a_model_that_knows_one_number_does_not(self):
        linked, _ = linked_and_outcome(2000)
        found = naive_rules(
            dissatisfaction_risk(
                linked, np.random.default_rng(5).random(2000) < expit(linked.frame["calls"] - 3), folds=2
            )
        )
        assert found.table()["term"].iloc[0] == "calls"
        assert not found.model_is_better
        assert "NOT CLEARLY BETTER" in str(found)
