"""Words of answer scales and the numbers they stand for, in Chinese and English; 1 is the bad end.

A codebook names a set (`anchors = "satisfaction"`) or writes its own words (`anchors = { "so-so" = 3 }`). Words are compared
without case, width of characters and punctuation at the ends. Sets of five points; those of seven have 7 in their name.
"""

import unicodedata
from collections.abc import Mapping

ANCHORS: Mapping[str, Mapping[str, float]] = {
    "satisfaction": {
        **dict.fromkeys(("very dissatisfied", "extremely dissatisfied", "非常不满意", "很不满意", "十分不满意"), 1),
        **dict.fromkeys(("dissatisfied", "somewhat dissatisfied", "不满意", "比较不满意", "不太满意"), 2),
        **dict.fromkeys(("neutral", "neither satisfied nor dissatisfied", "average", "一般", "中立", "说不清"), 3),
        **dict.fromkeys(("satisfied", "somewhat satisfied", "满意", "比较满意", "较满意"), 4),
        **dict.fromkeys(("very satisfied", "extremely satisfied", "非常满意", "很满意", "十分满意"), 5),
    },
    "agreement": {
        **dict.fromkeys(("strongly disagree", "非常不同意", "完全不同意", "很不同意", "非常不符合", "完全不符合"), 1),
        **dict.fromkeys(("disagree", "somewhat disagree", "不同意", "比较不同意", "不太同意", "比较不符合", "不太符合"), 2),
        **dict.fromkeys(("neither agree nor disagree", "neutral", "一般", "中立", "不确定"), 3),
        **dict.fromkeys(("agree", "somewhat agree", "同意", "比较同意", "比较符合", "符合"), 4),
        **dict.fromkeys(("strongly agree", "非常同意", "完全同意", "很同意", "非常符合", "完全符合"), 5),
    },
    "quality": {
        **dict.fromkeys(("very poor", "terrible", "非常差", "很差"), 1),
        **dict.fromkeys(("poor", "bad", "差", "较差", "比较差"), 2),
        **dict.fromkeys(("average", "fair", "ok", "一般", "还行"), 3),
        **dict.fromkeys(("good", "好", "较好", "比较好"), 4),
        **dict.fromkeys(("very good", "excellent", "非常好", "很好"), 5),
    },
    "likelihood": {
        **dict.fromkeys(("very unlikely", "extremely unlikely", "非常不可能", "肯定不会"), 1),
        **dict.fromkeys(("unlikely", "somewhat unlikely", "不太可能", "可能不会", "不可能"), 2),
        **dict.fromkeys(("neutral", "neither likely nor unlikely", "not sure", "一般", "不确定", "说不准"), 3),
        **dict.fromkeys(("likely", "somewhat likely", "可能", "比较可能", "可能会"), 4),
        **dict.fromkeys(("very likely", "extremely likely", "非常可能", "肯定会"), 5),
    },
    "importance": {
        **dict.fromkeys(("not at all important", "very unimportant", "非常不重要", "完全不重要"), 1),
        **dict.fromkeys(("slightly important", "unimportant", "不重要", "不太重要"), 2),
        **dict.fromkeys(("moderately important", "neutral", "一般"), 3),
        **dict.fromkeys(("important", "重要", "比较重要"), 4),
        **dict.fromkeys(("very important", "extremely important", "非常重要", "很重要"), 5),
    },
    "frequency": {
        **dict.fromkeys(("never", "从不", "从来没有", "从未"), 1),
        **dict.fromkeys(("rarely", "seldom", "很少", "偶尔"), 2),
        **dict.fromkeys(("sometimes", "有时"), 3),
        **dict.fromkeys(("often", "经常", "常常"), 4),
        **dict.fromkeys(("always", "very often", "总是", "一直"), 5),
    },
    "agreement7": {
        **dict.fromkeys(("strongly disagree", "非常不同意", "完全不同意"), 1),
        **dict.fromkeys(("disagree", "不同意"), 2),
        **dict.fromkeys(("somewhat disagree", "slightly disagree", "有点不同意", "比较不同意", "略不同意"), 3),
        **dict.fromkeys(("neither agree nor disagree", "neutral", "一般", "中立"), 4),
        **dict.fromkeys(("somewhat agree", "slightly agree", "有点同意", "比较同意", "略同意"), 5),
        **dict.fromkeys(("agree", "同意"), 6),
        **dict.fromkeys(("strongly agree", "非常同意", "完全同意"), 7),
    },
    "satisfaction7": {
        **dict.fromkeys(("extremely dissatisfied", "very dissatisfied", "非常不满意"), 1),
        **dict.fromkeys(("moderately dissatisfied", "dissatisfied", "不满意"), 2),
        **dict.fromkeys(("slightly dissatisfied", "somewhat dissatisfied", "有点不满意", "比较不满意"), 3),
        **dict.fromkeys(("neither satisfied nor dissatisfied", "neutral", "一般"), 4),
        **dict.fromkeys(("slightly satisfied", "somewhat satisfied", "有点满意", "比较满意"), 5),
        **dict.fromkeys(("moderately satisfied", "satisfied", "满意"), 6),
        **dict.fromkeys(("extremely satisfied", "very satisfied", "非常满意"), 7),
    },
    "yes_no": {
        **dict.fromkeys(("no", "n", "false", "否", "没有", "无", "不是"), 0),
        **dict.fromkeys(("yes", "y", "true", "是", "有", "是的"), 1),
    },
}  # fmt: skip


def plain(text: str) -> str:
    """A text as anchors are compared: full-width characters narrow, lower case, without spaces and punctuation at the ends.

    >>> plain("  Very satisfied. "), plain("（非常满意）")
    ('very satisfied', '非常满意')
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split()).strip("()[]{}.,;:!?\"'。，；：！？、“”‘’ ")


def numbers_of(anchors: str | Mapping[str, float]) -> dict[str, float]:
    """Plain text -> number, of a named set or of a codebook's own words."""
    known = ANCHORS[anchors] if isinstance(anchors, str) else anchors
    return {plain(text): float(number) for text, number in known.items()}
