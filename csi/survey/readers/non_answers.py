"""Texts that survey platforms write where there is no answer, and choices that are none, in Chinese and English."""

from collections.abc import Mapping

from csi.survey.anchors import ANCHORS, plain
from csi.survey.coding import as_number
from csi.survey.readers.raw import Texts

_KINDS = {
    **dict.fromkeys(("don't know", "dont know", "do not know", "i don't know", "dk", "no opinion", "not sure"), "dont_know"),
    **dict.fromkeys(("can't say", "cannot say", "不知道", "不清楚", "没有意见", "说不清", "不确定", "无法判断"), "dont_know"),
    **dict.fromkeys(("prefer not to answer", "prefer not to say", "refused", "declined to answer"), "refused"),
    **dict.fromkeys(("拒答", "拒绝回答", "不愿回答", "不愿意回答", "不愿透露", "不便回答", "不想回答"), "refused"),
    **dict.fromkeys(("not applicable", "does not apply", "n/a", "no basis for evaluation", "never used"), "not_applicable"),
    **dict.fromkeys(("never tried", "never tried it", "never used it", "have not used it", "haven't used it"), "not_applicable"),
    **dict.fromkeys(("不适用", "无法评价", "没用过", "没有用过", "从未使用", "未使用过"), "not_applicable"),
}  # fmt: skip
_POINTS = {word for points in ANCHORS.values() for word in points}


def kind_of_choice(label: str) -> str | None:
    """The kind of gap that a choice is the name of, or None where it says anything else and may be an answer.

    >>> kind_of_choice("Don’t know"), kind_of_choice("不适用。"), kind_of_choice("The shop refused my card")
    ('dont_know', 'not_applicable', None)
    """
    return _KINDS.get(plain(label.replace("’", "'")))


def gaps_of_choices(labels: Mapping[str, str]) -> dict[str, str]:
    """Code and label of every choice that is no answer -> kind of gap, for files of codes and for files of words.

    A word that is also a point of some scale ("not sure") is an answer unless its code is negative.

    >>> gaps_of_choices({"3": "不确定", "9": "Don't know", "-1": "Not sure"})
    {'9': 'dont_know', "Don't know": 'dont_know', '-1': 'dont_know', 'Not sure': 'dont_know'}
    """
    kinds = {
        code: kind
        for code, label in labels.items()
        if (kind := kind_of_choice(label)) and (plain(label) not in _POINTS or (as_number(code) or 0) < 0)
    }
    return {text: kind for code, kind in kinds.items() for text in (code, labels[code])}


def codes_apart(texts: Texts, codes: Mapping[str, str], least: float) -> dict[str, str]:
    """Those of a platform's gap codes that stand in a column; none if another number below `least` shows a longer scale.

    >>> codes_apart(Texts.of(["1", "-3", "5"]), {"-3": "routed_past"}, least=0)
    {'-3': 'routed_past'}
    >>> codes_apart(Texts.of(["1", "-3", "-1"]), {"-3": "routed_past"}, least=0)
    {}
    """
    here = {text: codes[text.strip()] for text in texts.distinct if text.strip() in codes}
    others = [as_number(text.strip()) for text in texts.distinct if text not in here] if here else []
    return {} if any(number is not None and number < least for number in others) else here
