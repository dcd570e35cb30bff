"""Codebooks: what every column means, checked before any data are read."""

import math

import pytest

import csi
from csi.errors import SurveyError
from csi.survey.coding import judge_of

ITEM = {"name": "q", "scale": {"low": 1, "high": 10}}


def fails(table, message):
    with pytest.raises(SurveyError, match=message):
        csi.Codebook.from_dict(table, "study.toml, [codebook]")


def test_a_missing_scale_end_is_never_guessed():
    fails({"items": [{"name": "q", "scale": {"low": 1}}]}, r"item 'q' has no high end of its scale")
    fails({"items": [{"name": "q"}]}, r"study.toml, \[codebook\]: item 'q' has no low and no high end")


def test_faults_name_the_field():
    fails({"items": [{**ITEM, "constuct": "Quality"}]}, r"item 'q': unknown field 'constuct'.*Did you mean 'construct'")
    fails({"items": [ITEM, ITEM]}, "item 'q' is defined 2 times")
    fails({"items": [{"name": "q", "scale": {"low": 10, "high": 1}}]}, "must lie below")
    fails({"items": [{**ITEM, "dimension": "speed"}]}, r"items\.1\.dimension")
    fails(
        {"items": [{**ITEM, "column": "c"}, {**ITEM, "name": "r", "column": "c"}]},
        "'q' and 'r' both stand in column 'c'",
    )
    fails({"items": [ITEM], "segmnts": []}, "unknown field 'segmnts'.*Did you mean 'segments'")


def test_expected_and_adequate_service_belong_to_a_perception():
    items = [ITEM, {**ITEM, "name": "q_e", "expectation_of": "q"}, {**ITEM, "name": "q_a", "adequate_of": "q"}]
    book = csi.Codebook.from_dict({"items": items})
    assert [book.item(n).expectation_of for n in ("q", "q_e", "q_a")] == [None, "q", None]
    fails(
        {"items": [ITEM, {**ITEM, "name": "e", "expectation_of": "p"}]}, "expectation_of = 'p', which is no other item"
    )
    fails({"items": [{**ITEM, "expectation_of": "q"}]}, "which is no other item")
    fails({"items": [*items, {**ITEM, "name": "r", "adequate_of": "q"}]}, "'q_a' and 'r' both have adequate_of = 'q'")


def test_an_item_takes_the_common_scale_and_changes_what_it_says():
    book = csi.Codebook.from_dict(
        {
            "scale": {"low": 1, "high": 10, "refused": [99]},
            "items": [{"name": "a"}, {"name": "b", "scale": {"high": 5}}],
        }
    )
    assert book.item("b").scale.high == 5
    assert book.item("b").scale.refused == (99,)


def test_unknown_names_bring_the_known_ones():
    book = csi.Codebook.from_dict({"items": [ITEM], "segments": [{"name": "region", "column": "r"}]})
    with pytest.raises(SurveyError, match="Its items are q"):
        book.item("p")
    with pytest.raises(SurveyError, match="Did you mean 'region'"):
        book.segment("regions")


def test_wording_falls_back_to_the_other_language_then_to_the_name():
    from csi.survey.codebook import Wording

    assert Wording(zh="可靠").text("en", "q1") == "可靠"
    assert Wording().text("zh", "q1") == "q1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("7", (7, "answered", "")), (" 7.0 ", (7, "answered", "")), ("７", (7, "answered", "")),
     ("nan", (None, "invalid", "not a number")), ("inf", (None, "invalid", "not a number")),
     ("0", (None, "invalid", "outside 1 to 10")), ("", (None, "skipped", ""))],
)  # fmt: skip
def test_cells(text, expected):
    value, kind, rule = judge_of(csi.Codebook.from_dict({"items": [ITEM]}).item("q").scale)(text)
    assert (kind, rule) == expected[1:]
    assert value == expected[0] if expected[0] else math.isnan(value)
