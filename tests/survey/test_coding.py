"""Coding: words to numbers, routed questions, changed scales and columns, several answers, what the file declares missing."""

from pathlib import Path

import numpy as np
import pytest

import csi
from csi.errors import SurveyError
from csi.survey.anchors import ANCHORS, numbers_of
from csi.survey.codebook import Codebook, Scale
from csi.survey.coding import GAP_KINDS, judge_of
from csi.survey.readers.raw import Question, table_of_rows
from csi.survey.reading import code_table
from csi.survey.survey import Source

SOURCE = Source("answers.csv", "", "test")
ROUTED = {
    "scale": {"low": 1, "high": 10},
    "items": [{"name": "handling", "asked_if": {"column": "complained", "among": [1, "yes"]}}],
}

WAVED = {
    "items": [
        {
            "name": "art",
            "column": "Q7ART",
            "scale": {"low": 1, "high": 10},
            "columns": {"2013": "Q7A_ART", "2010": ""},
            "scales": {"2013": {"low": 1, "high": 5}},
        }
    ]
}


def coded(book, header, *rows, wave=None, questions=None):
    raw = table_of_rows(Path("answers.csv"), header, rows, range(2, len(rows) + 2), "test", (), questions)
    return code_table(raw, Codebook.from_dict(book), SOURCE, wave)


class TestAnchors:
    @pytest.mark.parametrize(
        ("text", "number"),
        [("非常满意", 5), ("很不满意", 1), (" Very Satisfied. ", 5), ("（一般）", 3), ("4", 4), ("４", 4)],
    )
    def test_words_and_numbers_are_read_alike(self, text, number):
        value, kind, _ = judge_of(Scale(low=1, high=5, anchors="satisfaction"))(text)
        assert (value, kind) == (number, "answered")

    def test_a_codebook_may_have_its_own_words(self):
        judge = judge_of(Scale(low=1, high=3, anchors={"so-so": 2, "Prima!": 3}))
        assert judge("SO-SO")[0] == 2
        assert judge("prima")[0] == 3
        assert judge("great")[2] == "neither a number nor a known word"

    def test_a_number_before_its_words(self):
        judge = judge_of(Scale(low=0, high=10, number_first=True))
        assert [judge(t)[0] for t in ("10 - Extremely likely", "0=not at all", "7（满意）", "3 ok")] == [10, 0, 7, 3]
        assert judge("7-8")[1] == "invalid"
        assert judge_of(Scale(low=0, high=10))("10 - Extremely likely")[1] == "invalid"

    def test_unknown_sets_bring_the_known_ones(self):
        with pytest.raises(SurveyError, match=r"no anchors 'satisfation'.*Known sets are satisfaction, agreement"):
            Codebook.from_dict({"items": [{"name": "q", "scale": {"low": 1, "high": 5, "anchors": "satisfation"}}]})

    @pytest.mark.parametrize("name", list(ANCHORS))
    def test_every_set_runs_in_whole_steps_with_words_in_both_languages(self, name):
        points = set(numbers_of(name).values())
        assert points == set(np.arange(min(points), max(points) + 1))
        for point in points:
            words = [word for word, number in ANCHORS[name].items() if number == point]
            assert any(word.isascii() for word in words)
            assert any(not word.isascii() for word in words)


class TestRouting:
    def test_gaps_of_those_who_were_not_asked_are_no_refusals(self):
        survey = coded(ROUTED, ["complained", "handling"], ["1", "7"], ["0", ""], ["yes", ""], ["0", "99"])
        kinds = [GAP_KINDS[k] for k in survey.gaps["handling"]]
        assert kinds == ["answered", "routed_past", "skipped", "routed_past"]

    def test_an_answer_to_a_question_that_was_not_asked_is_refused_and_kept(self):
        with pytest.warns(csi.CsiWarning, match="answered though it was not to be asked"):
            survey = coded(ROUTED, ["complained", "handling"], ["0", "5"], ["1", "5"])
        assert survey.answers["handling"].isna().tolist() == [True, False]
        assert survey.refused_cells["value"].tolist() == ["5"]


class TestWaves:
    def test_a_wave_may_have_another_column_and_another_scale(self):
        old = coded(WAVED, ["Q7A_ART"], ["1"], ["3"], ["5"], wave="2013")
        assert old.answers["art"].tolist() == [1, 5.5, 10]
        assert coded(WAVED, ["Q7ART"], ["3"], wave="2017").answers["art"].tolist() == [3]

    def test_an_answer_is_judged_on_the_scale_of_its_wave(self):
        with pytest.warns(csi.CsiWarning, match="outside 1 to 5"):
            coded(WAVED, ["Q7A_ART"], ["6"], ["2"], wave="2013")

    def test_a_question_that_a_wave_did_not_ask_is_a_gap_of_its_own(self):
        survey = coded(WAVED, ["other"], ["x"], wave="2010")
        assert GAP_KINDS[survey.gaps.at[0, "art"]] == "not_asked"

    def test_reversed_items_are_turned_after_rescaling(self):
        book = {"items": [{**WAVED["items"][0], "reverse": True}]}
        assert coded(book, ["Q7A_ART"], ["1"], ["2"], wave="2013").answers["art"].tolist() == [10, 7.75]


class TestSeveralAnswers:
    def test_columns_of_ticks(self):
        book = {"items": [], "choices": [{"name": "place", "columns": {"home": "p_1", "metro": "p_2"}}]}
        survey = coded(book, ["p_1", "p_2"], ["1", "0"], ["Metro", "-1"], ["", ""], ["0", "1"])
        assert survey.choices["place.home"].tolist() == [True, True, None, False]
        assert survey.choices["place.metro"].tolist() == [False, False, None, True]

    def test_answers_joined_in_one_column(self):
        book = {"items": [], "choices": [{"name": "place", "column": "p"}]}
        survey = coded(book, ["p"], ["家里┋地铁"], ["地铁"], [""])
        assert survey.choices["place.地铁"].tolist() == [True, True, None]
        assert survey.choices["place.家里"].tolist() == [True, False, None]

    def test_a_known_answer_may_hold_the_separator(self):
        levels = {"yes, at once": {}, "yes": {}, "no": {}}
        book = {"items": [], "choices": [{"name": "p", "column": "p", "separator": ", ", "levels": levels}]}
        survey = coded(book, ["p"], ["yes, at once, no"], ["yes"], ["no, other"])
        assert survey.choices["p.yes, at once"].tolist() == [True, False, False]
        assert survey.choices["p.yes"].tolist() == [False, True, False]
        assert survey.choices["p.no"].tolist() == [True, False, True]

    def test_one_form_only(self):
        with pytest.raises(SurveyError, match="give either columns"):
            Codebook.from_dict({"items": [], "choices": [{"name": "p", "column": "p", "columns": {"a": "b"}}]})


def test_what_the_file_declares_missing_is_missing_of_that_kind():
    questions = {"q": Question(gaps={"9": "refused", "8": "dont_know"})}
    book = {"items": [{"name": "q", "scale": {"low": 1, "high": 10, "not_applicable": [8]}}]}
    survey = coded(book, ["q"], ["9"], ["8"], ["7"], questions=questions)
    assert [GAP_KINDS[k] for k in survey.gaps["q"]] == ["refused", "not_applicable", "answered"]


def test_comments_are_kept_as_they_were_written():
    book = {"items": [], "comments": [{"name": "why", "column": "Q9"}]}
    assert coded(book, ["Q9"], [" 慢!\n<b>"], [""]).comments["why"].tolist() == [" 慢!\n<b>", ""]


@pytest.mark.parametrize(("text", "number"), [("80%", 80), ("80 %", 80), ("7,5", 7.5), ("1,000", None), ("1e2", None)])
def test_numbers_as_people_write_them(text, number):
    value, kind, _ = judge_of(Scale(low=0, high=100))(text)
    assert (value, kind) == (number, "answered") if number is not None else kind == "invalid"


def test_routing_and_choices_name_absent_columns():
    with pytest.raises(SurveyError, match="no column 'complained', which the codebook needs for the routing of item"):
        coded(ROUTED, ["handling"], ["1"])
    with pytest.raises(SurveyError, match="no column 'p_2', which the codebook needs for choice 'place'"):
        coded({"items": [], "choices": [{"name": "place", "columns": {"home": "p_1", "metro": "p_2"}}]}, ["p_1"], ["1"])
