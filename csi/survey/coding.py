"""From the text of a cell to a number, or to a gap whose kind is known. Each distinct text is judged once."""

import re
import unicodedata

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csi.survey.codebook import Item, Scale

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)")
ANSWERED = "answered"
INVALID = "invalid"
GAP_KINDS = (ANSWERED, "skipped", "refused", "dont_know", "not_applicable", "routed_past", INVALID)


def code_column(texts: list[str], item: Item) -> tuple[NDArray[np.float64], NDArray[np.uint8], NDArray[np.object_]]:
    """Numbers (NaN at gaps), kinds of gap (positions in `GAP_KINDS`), and the rule broken by each invalid cell."""
    codes, distinct = pd.factorize(np.array(texts, dtype=object))
    judged = [code_cell(str(text), item.scale) for text in distinct]
    values = np.array([value for value, _, _ in judged], dtype=float)[codes]
    kinds = np.array([GAP_KINDS.index(kind) for _, kind, _ in judged], dtype=np.uint8)[codes]
    rules = np.array([rule for _, _, rule in judged], dtype=object)[codes]
    if item.reverse:
        values = item.scale.low + item.scale.high - values
    return values, kinds, rules


def code_cell(text: str, scale: Scale) -> tuple[float, str, str]:
    """Number, kind of gap, rule broken ('' if none).

    >>> scale = Scale(low=1, high=10, dont_know=[98])
    >>> code_cell("７", scale), code_cell("98", scale)[1], code_cell("101", scale)[2]
    ((7.0, 'answered', ''), 'dont_know', 'outside 1 to 10')
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    number = as_number(plain)
    for kind, codes in scale.codes.items():
        if any(plain == code if isinstance(code, str) else number == code for code in codes):
            return np.nan, kind, ""
    if not plain:
        return np.nan, "skipped", ""
    if number is None:
        return np.nan, INVALID, "not a number"
    if not scale.low <= number <= scale.high:
        return np.nan, INVALID, f"outside {scale.low:g} to {scale.high:g}"
    return number, ANSWERED, ""


def as_number(text: str) -> float | None:
    """The number a text stands for as a person would write it, or None.

    >>> as_number("7.50"), as_number("1_0"), as_number("1e1")
    (7.5, None, None)
    """
    return float(text) if _NUMBER.fullmatch(text) else None
