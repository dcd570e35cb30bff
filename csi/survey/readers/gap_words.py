"""Which kind of gap the label of a code that is declared missing speaks of, in English and Chinese."""

import re

from csi.survey.anchors import plain

_KINDS = {
    "refused": r"refus\w*|declined?|(?:prefer|would rather|rather) not|(?:won't|will not|unwilling to) (?:answer|say)"
    r"|拒答|拒绝|不愿|不想(?:回答|说)|不便(?:回答|透露)",
    "dont_know": r"(?:do not|don't|dont|does not|doesn't|did not|didn't) (?:know|remember|recall)|unknown|dk|unsure|not sure"
    r"|undecided|(?:can't|cannot|can not|hard to|unable to) (?:say|tell|judge|rate)"
    r"|不知道|不清楚|不晓得|不了解|不确定|不记得|记不清|说不清|不好说|难说|难以(?:判断|回答)|无法(?:判断|评价|回答)",
    "not_applicable": r"(?:not|non|isn't)[ -]?applicable|n/a|n\.a\.?|inapplicable|inap|(?:does not|doesn't|do not|don't) apply"
    r"|never used|not used|no (?:experience|basis for \w+)|不适用|不涉及|(?:从?未|没有?)(?:使用|用)过?",
    "routed_past": r"(?:legitimate|valid|logical|routing|filter) skip|skip (?:logic|pattern)|routed past"
    r"|逻辑跳|跳转|跳答|过滤跳过",
    "not_asked": r"not (?:asked|administered|presented|shown|displayed)|未(?:询问|提问|问|呈现)",
}
_WITHIN = {kind: re.compile(rf"(?<![a-z])(?:{words})(?![a-z])") for kind, words in _KINDS.items()}


def kind_within(label: str) -> str:
    """The kind of gap that a label speaks of anywhere, the first if of several; empty if of none.

    The label may say anything, for that the code is no answer is known; of choices that may be answers see `non_answers`.

    >>> kind_within("98 = Don’t know / refused"), kind_within("拒绝回答"), kind_within("System error")
    ('dont_know', 'refused', '')
    """
    text = plain(label.replace("’", "'"))
    found = {kind: match.start() for kind, words in _WITHIN.items() if (match := words.search(text))}
    return min(found, key=lambda kind: found[kind], default="")
