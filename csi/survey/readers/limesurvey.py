"""LimeSurvey exports, CSV or Excel, in each of its heading forms; and .lss files.

With headings of code and text, "G1Q3[SQ001]. How satisfied are you with ... [Price]", and with codes alone, the column's
name is the code, "G1Q3[SQ001]"; with the text alone it is the whole text. Sub-questions, comments and "other" share the
question's code (its text, where there are no codes) as `block`. Wordings stay as exported, with the sub-question in
brackets and with ExpressionScript in braces. "N/A" is what LimeSurvey writes for a question that was not shown.
"""

import re
from collections import Counter
from collections.abc import Sequence

from csi.survey.readers.body import read_body, with_questions
from csi.survey.readers.grid import Grid
from csi.survey.readers.lss import languages_of, questions_of
from csi.survey.readers.markup import plain_text
from csi.survey.readers.raw import Question, RawTable, Texts

__all__ = ["languages_of", "questions_of", "read", "recognises"]

_CODE = r"[A-Za-z][\w-]*(?:\[[^\[\]]*\]){0,2}"
_CODE_ALONE = re.compile(_CODE)
_CODE_AND_TEXT = re.compile(rf"({_CODE})\s*\.\s(.*)", re.DOTALL)
_PART = re.compile(r"[A-Za-z][\w-]*(?:\[[^\[\]]+\]){1,2}")
_TEXT_WITH_PART = re.compile(r"(.*\S)\s+\[[^\[\]]*\](?:\[[^\[\]]*\])?", re.DOTALL)
_OWN_CODES = {
    "id",
    "submitdate",
    "lastpage",
    "startlanguage",
    "seed",
    "startdate",
    "datestamp",
    "ipaddr",
    "refurl",
    "token",
}
_OWN_TEXTS = {
    "date submitted", "last page", "start language", "date started", "date last action", "referrer url",
    "datum abgeschickt", "letzte seite", "start-sprache", "startsprache",
    "date de soumission", "dernière page", "langue de départ",
}  # fmt: skip


def recognises(head: Sequence[Sequence[str]]) -> bool:
    """Codes with texts, codes with LimeSurvey's own columns or sub-questions, or its own columns by their texts.

    Numbered questions of a plain table ("Q1. ...", "Q2. ...") are not taken for codes with texts.

    >>> recognises([["id. Response ID", "q1. How old are you?"]]), recognises([["Q1. Price", "Q2. Service"]])
    (True, False)
    """
    header = [cell for cell in head[0] if cell] if head else []
    return _has_codes_and_texts(header) or _has_codes(header) or _has_texts(header)


def read(grid: Grid) -> RawTable:
    """Answers under their codes, or under their texts where there are no codes."""
    header = grid.head(1)[0]
    filled = [cell for cell in header if cell]
    if _has_codes_and_texts(filled):
        split = [match.groups() if (match := _CODE_AND_TEXT.fullmatch(cell)) else (cell, "") for cell in header]
        form, blocks = "LimeSurvey (codes and texts)", [_stem(code) for code, _ in split]
    elif _has_codes(filled):
        form, split, blocks = "LimeSurvey (codes)", [(cell, "") for cell in header], [_stem(cell) for cell in header]
    else:
        form, split = "LimeSurvey (texts)", [(cell, cell) for cell in header]
        blocks = [match[1] if (match := _TEXT_WITH_PART.fullmatch(cell)) else "" for cell in header]
    table = read_body(grid, [name for name, _ in split], 1, form)
    shared = Counter(blocks)
    return with_questions(
        table,
        {
            name: Question(plain_text(text), gaps=_not_shown(texts), block=block if shared[block] > 1 else "")
            for (name, texts), (_, text), block in zip(table.columns.items(), split, blocks, strict=False)
        },
    )


def _has_codes_and_texts(header: Sequence[str]) -> bool:
    codes = [match[1] for cell in header if (match := _CODE_AND_TEXT.fullmatch(cell))]
    if len(codes) < 2 or 2 * len(codes) < len(header):
        return False
    families = {re.match(r"[A-Za-z]+", code)[0] for code in codes if "[" not in code}  # type: ignore[index]
    return any("[" in code for code in codes) or bool(_OWN_CODES & set(codes)) or len(families) > 2


def _has_codes(header: Sequence[str]) -> bool:
    if len({"submitdate", "lastpage", "startlanguage", "seed"} & set(header)) > 1:
        return True
    parts = sum(bool(_PART.fullmatch(cell)) for cell in header)
    codes = all(_CODE_ALONE.fullmatch(cell) for cell in header)
    return codes and ((parts > 1 and bool(_OWN_CODES & set(header))) or 2 * parts > len(header))


def _has_texts(header: Sequence[str]) -> bool:
    return len(_OWN_TEXTS & {cell.casefold() for cell in header}) > 1


def _stem(code: str) -> str:
    """The question's code, for its parts and for itself."""
    return code.partition("[")[0]


def _not_shown(texts: Texts) -> dict[str, str]:
    return {text: "routed_past" for text in texts.distinct if text.strip() == "N/A"}
