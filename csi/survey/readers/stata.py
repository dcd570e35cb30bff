"""Stata files (.dta, of every version that ReadStat knows): codes with their labels, and missing values .a to .z kept apart.

A code becomes the text a person would type ("5", "3.5"), a date the text of the day; system-missing (.) is an empty text.
Extended missing values stay as the texts ".a" to ".z" and are declared as gaps, of the kind that their label speaks of
(`csi.survey.readers.gap_words`), else as skipped.
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from csi.survey.readers.body import with_questions
from csi.survey.readers.gap_words import kind_within
from csi.survey.readers.labelled import Labelled, listed_texts, moment_text, number_text, read_labelled
from csi.survey.readers.raw import Question, RawTable, Texts

_EPOCH = datetime(1960, 1, 1)
_FORMAT = re.compile(r"%-?(t[cCdwmqh]|d)")


def read_stata(path: Path, encoding: str | None = None) -> RawTable:
    """Read a .dta file; rows are Stata's observation numbers.

    Raises
    ------
    SurveyError
        The file is damaged, cut short or no Stata file, is in no known encoding, or holds no observation.
    """
    file = read_labelled(path, "Stata", encoding)
    columns: dict[str, Texts] = {}
    questions: dict[str, Question] = {}
    for name, cells in file.columns.items():
        text_of = text_by(file.about.original_variable_types[name] or "", file.about.readstat_variable_types[name])
        columns[name], values = listed_texts(cells, text_of)
        questions[name] = _question(file, name, values, text_of)
    rows = np.arange(1, len(next(iter(columns.values()), ())) + 1, dtype=np.intp)
    return with_questions(RawTable(path, columns, rows, f"Stata, {file.encoding}"), questions)


def text_by(form: str, storage: str) -> Callable[[Any], str]:
    """How a value is written under a Stata format such as %9.0g, %td or %tc, stored as float, double, an integer or string.

    Weeks, months, quarters and half-years are written as their first day; %tC counts leap seconds, which are not taken out.

    >>> text_by("%9.0g", "float")(3.140000104904175), text_by("%td", "int32")(20423), text_by("%tm", "float")(793.0)
    ('3.14', '2015-12-01', '2026-02-01')
    >>> text_by("%9.0g", "int8")("a"), text_by("%9s", "string")("a")
    ('.a', 'a')
    """
    match = _FORMAT.match(form)
    kind = match[1].removeprefix("t") if match else ""

    def text(value: Any) -> str:  # noqa: ANN401 - a number, a text, or the letter of a missing value
        if isinstance(value, str):
            return value if storage == "string" else f".{value}"
        if kind:
            try:
                return moment_text(_moment(value, kind), date_only=kind not in "cC")
            except OverflowError:
                return number_text(value)
        return number_text(np.float32(value) if storage == "float" else value)

    return text


def _moment(value: float, kind: str) -> datetime:
    if kind in "cC":
        return _EPOCH + timedelta(milliseconds=round(value))
    if kind == "d":
        return _EPOCH + timedelta(days=value)
    if kind == "w":
        years, weeks = divmod(int(value), 52)
        return _first_of_month(12 * years) + timedelta(weeks=weeks)
    return _first_of_month(int(value) * {"m": 1, "q": 3, "h": 6}[kind])


def _first_of_month(months: int) -> datetime:
    years, months = divmod(months, 12)
    if not 1 <= 1960 + years <= 9999:
        raise OverflowError
    return datetime(1960 + years, 1 + months, 1)


def _question(file: Labelled, name: str, values: list[Any], text_of: Callable[[Any], str]) -> Question:
    about = file.about
    labels = {value: label for value, label in about.variable_value_labels.get(name, {}).items() if label}
    text = about.readstat_variable_types[name] == "string"
    missing = {value for value in (*values, *labels) if isinstance(value, str) and not text}
    return Question(
        about.column_names_to_labels.get(name) or "",
        {text_of(value): label for value, label in labels.items()},
        {text_of(value): kind_within(labels.get(value, "")) or "skipped" for value in sorted(missing)},
    )
