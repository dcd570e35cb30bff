"""Qualtrics exports: CSV, TSV or Excel with header rows for names, wordings and, since 2017, import identifiers; and .qsf files.

The column's name is its first header cell, e.g. Q1_3. The wording is the second ("Question - Item" for parts of a question),
on one line. Columns that the third row attributes to one question, or whose names differ in their numbers at the end
alone where there is no third row, share that question's tag as `block`. Answers are codes or words, as they were exported. -99
is the code that Qualtrics offers for questions seen and not answered; it is read so unless the scale itself goes below -10.
"""

import re
from collections import Counter
from collections.abc import Sequence

from csi.survey.readers.body import read_body, with_questions
from csi.survey.readers.grid import Grid
from csi.survey.readers.markup import one_line
from csi.survey.readers.non_answers import codes_apart
from csi.survey.readers.qsf import questions_of
from csi.survey.readers.raw import Question, RawTable

__all__ = ["questions_of", "read", "recognises"]

# JSON in Qualtrics' own files; with single quotes where the file went through Python.
_IMPORT = re.compile(r"""\{\s*['"]ImportId['"]\s*:\s*['"]([^'"]*)['"]""")
_QUESTION_ID = re.compile(r"(?:\d+_)?QID\d+(?:#\d+)?")
_PART = re.compile(r"(.+?)(?:_-?\d+)+(?:_TEXT)?")
_OWN = {
    "responseid", "responseset", "ipaddress", "startdate", "enddate", "recordeddate", "durationinseconds", "finished", "progress",
    "recipientlastname", "recipientfirstname", "recipientemail", "externaldatareference", "externalreference",
    "distributionchannel", "userlanguage", "locationlatitude", "locationlongitude", "locationaccuracy",
}  # fmt: skip


def recognises(head: Sequence[Sequence[str]]) -> bool:
    """A row of import identifiers, or a second header row that repeats Qualtrics' own columns.

    >>> recognises([["Q1"], ["How satisfied are you?"], ['{"ImportId":"QID1"}']]), recognises([["Q1", "Q2"], ["5", "4"]])
    (True, False)
    """
    return len(head) > 1 and (_has_identifiers(head) or _repeats_own_columns(head[0], head[1]))


def read(grid: Grid) -> RawTable:
    """Answers with the wordings of the second header row."""
    head = grid.head(3)
    identified = _has_identifiers(head)
    depth = 3 if identified else 2
    form = f"Qualtrics ({'three' if identified else 'two'} header rows)"
    table = read_body(grid, head[0], depth, form)
    names = list(table.columns)
    wordings = [one_line(cell) for cell in head[1]]
    blocks = _blocks(names, head[2] if identified else [])
    return with_questions(
        table,
        {
            name: Question(wording, gaps=codes_apart(table.columns[name], {"-99": "skipped"}, least=-10), block=block)
            for name, wording, block in zip(names, wordings, blocks, strict=False)
        },
    )


def _has_identifiers(head: Sequence[Sequence[str]]) -> bool:
    if len(head) < 3:
        return False
    filled = [cell for cell in head[2] if cell]  # a column added by hand has none
    return bool(filled) and 2 * sum(bool(_IMPORT.match(cell)) for cell in filled) > len(filled)


def _repeats_own_columns(names: Sequence[str], wordings: Sequence[str]) -> bool:
    """The two-row form says ResponseID below ResponseID or below V1; one header row given twice is not that."""
    own = [
        (name, wording)
        for name, wording in zip(names, wordings, strict=False)
        if _squeezed(wording) in _OWN and (_squeezed(name) == _squeezed(wording) or re.fullmatch(r"V\d+", name))
    ]
    return len(own) > 1 and list(names) != list(wordings)


def _squeezed(text: str) -> str:
    return re.sub(r"[\s()_]", "", text).casefold()


def _blocks(names: Sequence[str], identifiers: Sequence[str]) -> list[str]:
    """For each column the tag of the question of which it is one part, '' where it is the whole."""
    if identifiers:
        found = [match[1] if (match := _IMPORT.match(cell)) else "" for cell in identifiers[: len(names)]]
        keys = [match[0] if (match := _QUESTION_ID.match(identifier)) else "" for identifier in found]
    else:
        keys = [match[1] if (match := _PART.fullmatch(name)) else "" for name in names]
    counts = Counter(keys)
    parts: dict[str, list[str]] = {}
    for name, key in zip(names, keys, strict=False):
        parts.setdefault(key, []).append(name)
    tags = {key: _shared_tag(parts[key]) or key for key, count in counts.items() if key and count > 1}
    return [tags.get(key, "") for key in keys]


def _shared_tag(names: Sequence[str]) -> str:
    """The leading pieces that names have in common: Q5 of Q5_1_1 and Q5_2_1."""
    common: list[str] = []
    for pieces in zip(*(name.split("_") for name in names), strict=False):
        if len(set(pieces)) > 1:
            break
        common.append(pieces[0])
    return "_".join(common)
