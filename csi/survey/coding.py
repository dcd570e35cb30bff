"""From the text of a cell to a number, or to a gap whose kind is known. Each distinct text is judged once.

A gap is `skipped` (asked and not answered), `refused`, `dont_know`, `not_applicable`, `routed_past` (not asked because of another
answer), `not_asked` (the wave did not ask it), or `invalid` (a text that is neither an answer nor a known code).
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from csi.survey.anchors import numbers_of, plain
from csi.survey.codebook import Code, Item, Scale
from csi.survey.readers.raw import Texts

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)")
_COMMA = re.compile(r"[+-]?\d+,\d{1,2}")
_LABELLED = re.compile(r"([+-]?\d+(?:\.\d+)?)\s*[-–—.:=、(]?\s*[^\W\d_].*", re.DOTALL)
ANSWERED = "answered"
INVALID = "invalid"
NOT_TO_BE_ASKED = "answered though it was not to be asked"
GAP_KINDS = (ANSWERED, "skipped", "refused", "dont_know", "not_applicable", "routed_past", "not_asked", INVALID)


def code_column(
    texts: Texts,
    item: Item,
    scale: Scale,
    asked: NDArray[np.bool_] | None = None,
    declared: Mapping[str, str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.uint8], NDArray[np.object_]]:
    """Numbers on the item's scale (NaN at gaps), kinds of gap (positions in `GAP_KINDS`), the rule broken by each invalid cell.

    `scale` is the one on which the file asked; `asked` (n,) says who was asked, all if None. Who was not and has no answer was
    routed past; an answer all the same is invalid. `declared` are the texts that the file itself says are gaps, and of what kind;
    the codebook's codes come first.
    """
    judge = judge_of(scale, declared)
    judged = [judge(text) for text in texts.distinct]
    values = np.array([value for value, _, _ in judged], dtype=float).take(texts.codes)
    kinds = np.array([GAP_KINDS.index(kind) for _, kind, _ in judged], dtype=np.uint8).take(texts.codes)
    rules = np.full(len(texts), "", dtype=object)
    broken = np.flatnonzero(kinds == GAP_KINDS.index(INVALID))
    rules[broken] = np.array([rule for _, _, rule in judged], dtype=object)[texts.codes[broken]]
    if asked is not None:
        past, answered = GAP_KINDS.index("routed_past"), GAP_KINDS.index(ANSWERED)
        contradicts = ~asked & (kinds == answered)
        kinds[~asked & (kinds != answered)] = past
        kinds[contradicts], rules[contradicts] = GAP_KINDS.index(INVALID), NOT_TO_BE_ASKED
        rules[~asked & ~contradicts] = ""
        values[~asked] = np.nan
    if (scale.low, scale.high) != (item.scale.low, item.scale.high):
        share = (values - scale.low) / (scale.high - scale.low)
        values = item.scale.low + share * (item.scale.high - item.scale.low)
    if item.reverse:
        values = item.scale.low + item.scale.high - values
    return values, kinds, rules


def not_asked(n: int) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """The answers and gaps of an item that a wave did not ask."""
    return np.full(n, np.nan), np.full(n, GAP_KINDS.index("not_asked"), dtype=np.uint8)


def is_among(texts: Texts, codes: tuple[Code, ...]) -> NDArray[np.bool_]:
    """(n,) where a column holds one of some texts or numbers."""
    return np.array([_is_code(_narrow(text), codes) for text in texts.distinct], dtype=bool)[texts.codes]


def judge_of(scale: Scale, declared: Mapping[str, str] | None = None) -> "Judge":
    """The rules of one scale, for any number of texts."""
    return Judge(scale, numbers_of(scale.anchors) if scale.anchors is not None else {}, declared or {})


@dataclass(frozen=True, slots=True)
class Judge:
    """What a text means on a scale: number, kind of gap, rule broken ('' if none).

    >>> judge = judge_of(Scale(low=1, high=10, dont_know=[98], anchors={"top": 10}))
    >>> judge("７"), judge("98")[1], judge("101")[2], judge("Top!")[0]
    ((7.0, 'answered', ''), 'dont_know', 'outside 1 to 10', 10.0)
    """

    scale: Scale
    anchors: Mapping[str, float]
    declared: Mapping[str, str]

    def __call__(self, text: str) -> tuple[float, str, str]:
        """Number (NaN at a gap), kind of gap, rule broken."""
        narrow = _narrow(text)
        for kind, codes in self.scale.codes.items():
            if _is_code(narrow, codes):
                return np.nan, kind, ""
        if text in self.declared:
            return np.nan, self.declared[text], ""
        if not narrow:
            return np.nan, "skipped", ""
        number = self.anchors.get(plain(narrow)) if self.anchors else None
        number = as_number(narrow) if number is None else number
        if number is None and self.scale.number_first and (labelled := _LABELLED.fullmatch(narrow)):
            number = float(labelled[1])
        if number is None:
            return np.nan, INVALID, "not a number" if not self.anchors else "neither a number nor a known word"
        if not self.scale.low <= number <= self.scale.high:
            return np.nan, INVALID, f"outside {self.scale.low:g} to {self.scale.high:g}"
        return number, ANSWERED, ""


def _narrow(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip()


def _is_code(text: str, codes: tuple[Code, ...]) -> bool:
    number = as_number(text)
    return any(text == code if isinstance(code, str) else number == code for code in codes)


def as_number(text: str) -> float | None:
    """The number a text stands for as a person would write it, or None; a comma before one or two digits is a decimal one.

    >>> as_number("7.50"), as_number("7,5"), as_number("80%"), as_number("1_0"), as_number("1e1"), as_number("1,000")
    (7.5, 7.5, 80.0, None, None, None)
    """
    digits = text.removesuffix("%").rstrip()
    if _COMMA.fullmatch(digits):
        return float(digits.replace(",", "."))
    return float(digits) if _NUMBER.fullmatch(digits) else None
