"""Stated importance against satisfaction: means in points, the quadrants of the shared map, weights, real answers, bad input."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import csi
from csi.errors import EstimationError

PAIRS = {name: (f"{name}_i", f"{name}_s") for name in ("queue", "staff", "look", "hours")}
MEANS = {"queue": (6.3, 3.0), "staff": (6.2, 5.8), "look": (3.0, 3.2), "hours": (3.2, 6.0)}


def answers(seed=1, n=300):
    """Answers 1 to 7: the queue matters and is bad, staff matter and are good, looks matter little and are bad, hours neither."""
    rng = np.random.default_rng(seed)
    columns = {
        column: np.clip(np.rint(mean + rng.normal(size=n)), 1, 7)
        for name, pair in PAIRS.items()
        for column, mean in zip(pair, MEANS[name], strict=True)
    }
    return pd.DataFrame(columns)


def grid_of(frame, **options):
    return csi.importance_satisfaction(frame, PAIRS, **({"scale": (1, 7), "draws": 200} | options))


class TestGrid:
    def test_quadrants_are_the_planted_ones(self):
        rows = grid_of(answers()).rows.set_index("term")
        assert rows["quadrant"].to_dict() == {
            "queue": "weak and important", "staff": "strong and important", "look": "weak, less important",
            "hours": "strong, less important",
        }  # fmt: skip
        assert rows["probability"].round(2).tolist() == [1, 0, 0, 0]

    def test_means_are_in_points(self):
        frame = answers()
        rows = grid_of(frame).rows.set_index("term")
        assert rows.at["queue", "estimate"] == pytest.approx(100 * (frame["queue_i"].mean() - 1) / 6)
        assert rows.at["queue", "performance"] == pytest.approx(100 * (frame["queue_s"].mean() - 1) / 6)

    def test_errors_are_those_of_means(self):
        frame = answers(2)
        row = grid_of(frame, draws=3000).rows.set_index("term").loc["queue"]
        factor = 100 / 6 / np.sqrt(len(frame))
        assert row["std_error"] == pytest.approx(frame["queue_i"].std() * factor, rel=0.05)
        assert row["performance_error"] == pytest.approx(frame["queue_s"].std() * factor, rel=0.05)

    def test_covariance_is_that_of_two_means_of_the_same_people(self):
        frame = answers(3)
        frame["queue_s"] = np.clip(frame["queue_i"] - 2, 1, 7)
        row = grid_of(frame, draws=3000).rows.set_index("term").loc["queue"]
        expected = frame[["queue_i", "queue_s"]].cov().iloc[0, 1] * (100 / 6) ** 2 / len(frame)
        assert row["covariance"] == pytest.approx(expected, rel=0.1)

    def test_only_those_who_answered_both_count(self):
        frame = answers()
        frame.loc[:49, "queue_i"] = np.nan
        row = grid_of(frame).rows.set_index("term").loc["queue"]
        assert row["n"] == 250
        assert row["performance"] == pytest.approx(100 * (frame.loc[50:, "queue_s"].mean() - 1) / 6)

    def test_targets_replace_medians(self):
        rows = grid_of(answers(), performance_line=99.0, importance_line=0.0).rows
        assert set(rows["quadrant"]) == {"weak and important"}

    def test_the_weakest_is_the_queue(self):
        grid = grid_of(answers())
        assert grid.weakest["term"] == "queue"
        assert "weakest important item: queue" in str(grid)

    def test_best_in_class_is_carried(self):
        rows = grid_of(answers(), best={"queue": 72.0}).rows.set_index("term")
        assert rows.at["queue", "best"] == 72
        assert rows["best"].isna().sum() == 3

    def test_a_survey_brings_scale_and_weights(self):
        book = csi.Codebook.from_dict(
            {"scale": {"low": 1, "high": 7}, "weight": "w",
             "items": [{"name": column, "construct": "Quality"} for pair in PAIRS.values() for column in pair]}
        )  # fmt: skip
        frame = answers().assign(w=np.random.default_rng(0).uniform(0.5, 2, 300))
        own = csi.importance_satisfaction(csi.survey_from_frame(frame, book), PAIRS, draws=200)
        assert own.rows.equals(grid_of(frame, weight="w").rows)


class TestWeights:
    @settings(max_examples=20, deadline=None)
    @given(copies=st.lists(st.integers(1, 4), min_size=40, max_size=40), factor=st.floats(0.01, 100))
    def test_a_weight_is_as_many_copies(self, copies, factor):
        frame = answers(4, 40)
        copied = frame.loc[frame.index.repeat(copies)].reset_index(drop=True)
        one = grid_of(frame.assign(w=np.array(copies) * factor), weight="w", draws=2).rows
        two = grid_of(copied, draws=2).rows
        columns = ["estimate", "performance", "importance_line", "performance_line"]
        assert np.allclose(one[columns], two[columns], atol=1e-10)


class TestBadInput:
    @pytest.mark.parametrize(
        ("change", "options", "message"),
        [
            ({"queue_i": 8}, {}, "column 'queue_i' has the answer 8 in case 0, outside 1 to 7"),
            ({}, {"scale": None}, "the scale ends are not known"),
            ({}, {"scale": (7, 1)}, "has no scale ends, low before high"),
            ({"queue_i": np.nan}, {}, "column 'queue_i' has no answers at all"),
            ({}, {"performance_line": {"queues": 80}}, "a line is given for 'queues'.*Did you mean 'queue'"),
            ({}, {"performance_line": float("nan")}, "a line must be a number"),
            ({}, {"best": {"staf": 80}}, "a best level in class is given for 'staf'"),
            ({}, {"best": {"staff": 180}}, "the best level of 'staff' is 180"),
            ({}, {"certainty": 80}, "certainty is a share of the draws"),
        ],
    )
    def test_each_has_its_message(self, change, options, message):
        with pytest.raises(EstimationError, match=message):
            grid_of(answers().assign(**change), **options)

    def test_unknown_columns_no_pairs_and_nobody_with_both(self):
        with pytest.raises(EstimationError, match="there is no column 'staff'"):
            csi.importance_satisfaction(answers(), {"a": ("staff", "staff_s")}, scale=(1, 7))
        with pytest.raises(EstimationError, match="name the questions"):
            csi.importance_satisfaction(answers(), {}, scale=(1, 7))
        half = answers().assign(queue_i=[1, np.nan] * 150, queue_s=[np.nan, 1] * 150)
        with pytest.raises(EstimationError, match="nobody answered both questions of 'queue'"):
            grid_of(half)


def test_real_questionnaire(shared):
    """24 attributes of self-service kiosks, Korea 2019, 1 to 7; sums of three were taken from the file by another program."""
    frame = pd.read_csv(shared / "data" / "servqual_kiosk" / "kiosk.csv", encoding="cp949")
    important = {c.split("-")[0].strip(): c for c in frame.columns if "중요" in c and "생각하십니까" in c}
    content = {c.split("-")[0].strip(): c for c in frame.columns if "만족하십니까" in c}
    grid = csi.importance_satisfaction(
        frame, {k: (important[k], content[k]) for k in important}, scale=(1, 7), draws=200
    )
    rows = grid.rows.set_index("term")
    assert len(rows) == 24
    assert (rows["n"] == 207).all()
    for term, sums in {"1": (1369, 1170), "16": (1331, 944), "12": (1155, 824)}.items():
        assert rows.at[term, "estimate"] == pytest.approx(100 * (sums[0] / 207 - 1) / 6)
        assert rows.at[term, "performance"] == pytest.approx(100 * (sums[1] / 207 - 1) / 6)
    assert grid.weakest["term"] == "16"  # going back to the screen before
    assert rows.at["16", "probability"] > 0.8
    assert (rows["ci_low"] < rows["estimate"]).all()
