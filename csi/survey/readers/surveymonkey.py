"""SurveyMonkey exports, CSV or Excel, with two header rows (question; "Response" or option) or with one.

A question of one column has its question as its name; one of several columns has "question [option]" for each, and the
question as `block`. Of several answers each stands in its own column as the option's text, or the cell is empty.
CSV files of older accounts are not UTF-8: say which encoding they have.
"""

import re
from collections import Counter
from collections.abc import Sequence

from csi.survey.readers.body import read_body, with_questions
from csi.survey.readers.grid import Grid
from csi.survey.readers.markup import plain_text
from csi.survey.readers.raw import Question, RawTable

_RESPONDENT = {"respondentid", "受访者id", "受訪者id", "应答者id", "回复者id"}
_OWN = {
    *_RESPONDENT, "collectorid", "startdate", "enddate", "datecreated", "datemodified", "ipaddress", "emailaddress",
    "firstname", "lastname", "customdata", "customdata1", "language",
}  # fmt: skip
# Only these tell the one-row form from any table of respondents: the collector, and what is added for bought samples.
_TELLING = {"collectorid", "householdincome", "location(censusregion)", "devicetype"}
_WHOLE = {"response", "open-endedresponse", "回复", "回覆", "答复", "开放式回复", "开放式答复", "開放式回覆"}


def recognises(head: Sequence[Sequence[str]]) -> bool:
    """A respondent number above an empty cell and options beside it, or beside SurveyMonkey's own columns.

    >>> recognises([["RespondentID", "Age"], ["", "Response"]]), recognises([["RespondentID", "Age"], ["1", "30"]])
    (True, False)
    """
    head = [_emptied(row) for row in head[:2]]
    return _has_two_rows(head) or (bool(head) and _is_respondent(head[0]) and _tells(head[0]))


def read(grid: Grid) -> RawTable:
    """Answers under their questions."""
    head = [_emptied(row) for row in grid.head(2)]
    if not _has_two_rows(head):
        table = read_body(grid, head[0], 1, "SurveyMonkey (one header row)")
        wordings = {name: Question(plain_text(name)) for name in table.columns if _squeezed(name) not in _OWN}
        return with_questions(table, wordings)
    asked, options = _filled(head[0], head[1]), head[1]
    parts = Counter(question for question in asked if question)
    wholes = [not option or _squeezed(option) in _WHOLE for option in options]
    names = [
        question if whole else f"{question} [{option}]" if question else option
        for question, option, whole in zip(asked, options, wholes, strict=False)
    ]
    table = read_body(grid, names, 2, "SurveyMonkey (two header rows)")
    return with_questions(
        table,
        {
            name: Question(plain_text(text), block=plain_text(question) if parts[question] > 1 else "")
            for name, text, question in zip(table.columns, names, asked, strict=False)
            if question and _squeezed(question) not in _OWN
        },
    )


def _has_two_rows(head: Sequence[Sequence[str]]) -> bool:
    if len(head) < 2 or not _is_respondent(head[0]):
        return False
    first = next(place for place, cell in enumerate(head[0]) if cell)
    below = head[1]
    # The respondent number has no option below it; a first respondent without a number is told by the rest of the row.
    if len(below) <= first or below[first] or not any(below):
        return False
    continued = any(option and not cell for cell, option in zip(head[0], below, strict=False))
    return continued or any(_squeezed(option) in _WHOLE for option in below)


def _emptied(row: Sequence[str]) -> list[str]:
    """A file that went through pandas says "Unnamed: 4" where SurveyMonkey has an empty cell."""
    return ["" if re.fullmatch(r"Unnamed: \d+(?:_level_\d+)?", cell) else cell for cell in row]


def _is_respondent(header: Sequence[str]) -> bool:
    return _squeezed(next((cell for cell in header if cell), "")) in _RESPONDENT


def _tells(header: Sequence[str]) -> bool:
    return bool(_TELLING & {_squeezed(cell) for cell in header})


def _filled(questions: Sequence[str], options: Sequence[str]) -> list[str]:
    """The question of each column: cells that continue a question are empty but have an option below."""
    filled: list[str] = []
    for place, cell in enumerate(questions):
        option = options[place] if place < len(options) else ""
        filled.append(cell or (filled[-1] if filled and option else ""))
    return filled


def _squeezed(text: str) -> str:
    return re.sub(r"\s", "", text).casefold()
