"""A label of a missing code says in its own words what kind of gap the code is."""

import pytest

from csi.survey.readers.gap_words import kind_within


@pytest.mark.parametrize(
    ("kind", "labels"),
    {
        "refused": ["Refused", "REFUSED TO ANSWER", "99 refusal", "Prefer not to say", "拒答", "拒绝回答", "不愿透露"],
        "dont_know": [
            "Don't know",
            "Don’t Know",
            "DK",
            "dont know",
            "Not sure",
            "Can't say",
            "不知道",
            "不清楚",
            "98=说不清",
        ],
        "not_applicable": ["Not applicable", "N/A", "Not-applicable", "INAP", "Does not apply", "不适用", "没用过"],
        "routed_past": ["Legitimate skip", "逻辑跳过"],
        "not_asked": ["Not asked in this wave", "未询问"],
        "": ["Missing", "No answer", "System error", "未回答", "缺失", "", "Anapest", "Decking"],
    }.items(),
    ids=lambda value: str(value)[:20],
)
def test_kinds_are_recognised_in_both_languages(kind, labels):
    assert {label: kind_within(label) for label in labels} == dict.fromkeys(labels, kind)


def test_of_two_kinds_the_first_named_counts():
    assert kind_within("Refused / don't know") == "refused"
    assert kind_within("Don't know / refused") == "dont_know"
