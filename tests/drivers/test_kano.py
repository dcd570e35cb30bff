"""Kano's questionnaire: the table of 25 cells, coefficients, tests, weights, real answers, bad input."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

import csi
from csi.drivers.kano import CATEGORIES, evaluate, fong_p
from csi.errors import EstimationError
from csi.survey.design import Design

COUNTS = {(1, 3): 30, (1, 5): 20, (3, 5): 10, (3, 3): 40, (5, 1): 15, (1, 1): 5}  # A, O, M, I, R, Q
PAIR = {"call button": ("with", "without")}
KOREAN = ["마음에 든다.", "당연하다.", "아무런 느낌이 없다.", "하는 수 없다.", "마음에 안 든다."]


def frame_of(counts):
    """Respondents by (with, without) -> how many."""
    pairs = [pair for pair, n in counts.items() for _ in range(n)]
    return pd.DataFrame(pairs, columns=["with", "without"])


def row_of(frame, **options):
    return csi.kano(frame, PAIR, **({"draws": 100} | options)).rows.loc[0]


class TestEvaluationTable:
    @pytest.mark.parametrize("f", range(1, 6))
    @pytest.mark.parametrize("d", range(1, 6))
    def test_every_cell(self, f, d):
        """The rules behind Kano's table: liking both or disliking both contradicts itself, and so on."""
        like, dislike = 1, 5
        if f == d and f in (like, dislike):
            expected = "Q"
        elif d == like or f == dislike:
            expected = "R"
        elif f == like:
            expected = "O" if d == dislike else "A"
        else:
            expected = "M" if d == dislike else "I"
        assert evaluate(f, d) == expected
        assert row_of(frame_of({(f, d): 5}))[expected] == 1

    def test_how_often_each_category_stands_in_it(self):
        cells = [evaluate(f, d) for f in range(1, 6) for d in range(1, 6)]
        assert {c: cells.count(c) for c in CATEGORIES} == {"M": 3, "O": 1, "A": 3, "I": 9, "R": 7, "Q": 2}

    def test_a_gap_is_no_category(self):
        assert evaluate(0, 3) == evaluate(3, 0) == ""


class TestCoefficients:
    def test_by_hand(self):
        row = row_of(frame_of(COUNTS))
        assert row["estimate"] == pytest.approx(50 / 100)  # (A + O)/(A + O + M + I)
        assert row["worse"] == pytest.approx(-30 / 100)  # -(O + M)/(A + O + M + I)
        assert row["total_strength"] == pytest.approx(60 / 120)
        assert (row["category"], row["second"]) == ("I", "A")
        assert row["category_strength"] == pytest.approx(10 / 120)

    def test_interval_is_that_of_a_share(self):
        """Of 100 with a view: the standard error of 0.5 is 0.05, that of -0.3 is 0.0458."""
        row = row_of(frame_of(COUNTS), draws=4000)
        assert row["std_error"] == pytest.approx(0.05, rel=0.06)
        assert row["worse_error"] == pytest.approx(np.sqrt(0.3 * 0.7 / 100), rel=0.06)
        assert row["ci_low"] == pytest.approx(0.5 - 1.96 * 0.05, abs=0.015)
        assert row["worse_high"] == pytest.approx(-0.3 + 1.96 * 0.0458, abs=0.015)

    def test_fong_by_hand(self):
        """40 and 30 of 120: 10 against the root of 70 x 170 / 240, 7.04."""
        row = row_of(frame_of(COUNTS))
        assert row["fong_p"] == pytest.approx(2 * norm.sf(10 / np.sqrt(70 * 170 / 240)))
        assert not row["significant"]
        assert row_of(frame_of({(1, 3): 60, (1, 5): 20})).at["significant"]

    def test_fongs_limit(self):
        assert fong_p(0.5 + 1.65 / 80, 0.5 - 1.65 / 80, 800) == pytest.approx(0.0989, abs=1e-3)

    def test_probability_says_how_often_the_category_leads(self):
        sure, doubtful = row_of(frame_of({(1, 3): 90, (3, 3): 10})), row_of(frame_of({(1, 3): 51, (3, 3): 49}))
        assert sure["probability"] == 1
        assert 0.4 < doubtful["probability"] < 0.75

    def test_ties_go_to_the_stricter_need(self):
        assert row_of(frame_of({(3, 5): 10, (1, 5): 10, (1, 3): 10, (3, 3): 10}))["category"] == "M"

    def test_without_a_view_there_is_no_coefficient(self):
        row = row_of(frame_of({(5, 1): 10, (1, 1): 4}))
        assert np.isnan(row["estimate"])
        assert np.isnan(row["worse"])
        assert (row["category"], row["need"]) == ("R", "")

    def test_needs_of_the_operator(self):
        assert [row_of(frame_of({pair: 9}))["need"] for pair in ((3, 5), (1, 5), (1, 3), (3, 3))] == [
            "basic", "performance", "excitement", "",
        ]  # fmt: skip

    def test_only_those_who_answered_both_count(self):
        frame = pd.concat([frame_of(COUNTS), pd.DataFrame({"with": [1, np.nan], "without": [np.nan, 5]})])
        row, whole = row_of(frame), row_of(frame_of(COUNTS))
        assert row["n"] == 120
        assert row["estimate"] == whole["estimate"]


class TestAnswers:
    def test_the_other_order_and_words_say_the_same(self):
        frame = frame_of(COUNTS)
        texts = frame.map(lambda answer: KOREAN[answer - 1] + " ")
        columns = ["estimate", "worse", *CATEGORIES]
        plain = row_of(frame)[columns].tolist()
        assert row_of(6 - frame, like=5)[columns].tolist() == plain
        assert row_of(texts, anchors=KOREAN)[columns].tolist() == plain

    @pytest.mark.parametrize(
        ("change", "options", "message"),
        [
            ({"with": 6}, {}, "column 'with' has the answer 6 in case 0, outside 1 to 5"),
            ({"without": 0}, {}, "column 'without' has the answer 0 in case 0, outside 1 to 5"),
            ({"with": 1.5}, {}, "has the answer 1.5 in case 0; answers are 1, 2, 3, 4 or 5"),
            ({"with": "nice"}, {"anchors": KOREAN}, "column 'with' holds 'nice' in case 0"),
            ({"with": np.nan}, {}, "column 'with' has no answers at all"),
            (
                {"with": [1, np.nan] * 60, "without": [np.nan, 1] * 60},
                {},
                "nobody answered both questions of 'call button'",
            ),
            ({}, {"like": 3}, "like must be 1 or 5"),
            ({}, {"anchors": ["like", "dislike"]}, "anchors must be five different texts"),
            ({}, {"level": 95}, "0 < level < 1"),
        ],
    )
    def test_bad_ones_have_a_message(self, change, options, message):
        with pytest.raises(EstimationError, match=message):
            row_of(frame_of(COUNTS).assign(**change), **options)

    def test_unknown_and_no_columns(self):
        with pytest.raises(EstimationError, match=r"there is no column 'wiht'.*Did you mean"):
            csi.kano(frame_of(COUNTS), {"a": ("wiht", "without")})
        with pytest.raises(EstimationError, match="name the questions"):
            csi.kano(frame_of(COUNTS), {})


class TestWeights:
    @settings(max_examples=25, deadline=None)
    @given(
        answers=st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 4)), min_size=2, max_size=40),
        factor=st.floats(0.01, 100),
    )
    def test_a_weight_is_as_many_copies(self, answers, factor):
        frame = pd.DataFrame(answers, columns=["with", "without", "copies"])
        copied = frame.loc[frame.index.repeat(frame["copies"])].reset_index(drop=True)
        weighted = frame.assign(w=frame["copies"] * factor)
        columns = ["estimate", "worse", "total_strength", "category_strength", *CATEGORIES]
        one, two = row_of(weighted, weight="w", draws=2), row_of(copied, draws=2)
        assert np.allclose(one[columns].astype(float), two[columns].astype(float), atol=1e-12, equal_nan=True)
        assert one["category"] == two["category"]

    def test_fong_counts_effective_answers(self):
        frame = frame_of({(1, 3): 60, (1, 5): 40}).assign(w=1.0)
        uneven = frame.assign(w=np.tile([0.2, 1.8], 50))
        assert row_of(frame, weight="w")["fong_p"] == pytest.approx(row_of(frame)["fong_p"])
        assert row_of(uneven, weight="w")["fong_p"] > row_of(frame)["fong_p"]

    def test_clusters_widen_the_intervals(self):
        frame = pd.concat([frame_of(COUNTS)] * 5, ignore_index=True)
        frame["outlet"] = np.tile(np.arange(120), 5)
        clustered = row_of(frame, design=Design(clusters="outlet"), draws=500)
        assert clustered["std_error"] > 1.8 * row_of(frame, draws=500)["std_error"]


def test_real_questionnaire(shared):
    """29 features of self-service kiosks, Korea 2019; categories of three counted in the file by another program."""
    path = shared / "data" / "servqual_kiosk" / "kiosk.csv"
    frame = pd.read_csv(path, encoding="cp949")
    asked = {c.split(".")[0].strip(): c for c in frame.columns if "어떤 느낌이 들겠습니까" in c}
    pairs = {str(k): (asked[f"{k}-1"], asked[f"{k}-2"]) for k in range(1, 30)}
    found = csi.kano(frame, pairs, anchors=KOREAN, draws=200)
    rows = found.rows.set_index("term")
    assert len(rows) == 29
    assert (rows["n"] == 207).all()
    counts = (rows[list(CATEGORIES)] * 207).round(6)
    assert counts.loc["1"].tolist() == [90, 52, 43, 21, 0, 1]
    assert counts.loc["2"].tolist() == [117, 62, 13, 9, 2, 4]
    assert counts.loc["27"].tolist() == [7, 22, 157, 20, 0, 1]
    assert rows.at["1", "estimate"] == pytest.approx(95 / 206)
    assert rows.at["1", "worse"] == pytest.approx(-142 / 206)
    assert rows.at["27", "estimate"] == pytest.approx(179 / 206)
    assert rows.at["1", "fong_p"] == pytest.approx(2 * norm.sf(38 / np.sqrt(142 * (414 - 142) / 414)))
    assert rows.loc[["1", "2", "27"], "need"].tolist() == ["basic", "basic", "excitement"]
    assert np.allclose(rows[list(CATEGORIES)].sum(axis=1), 1)
