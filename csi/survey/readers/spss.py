"""SPSS files (.sav, .zsav): codes as they were typed, with their labels, and missing values of every declared kind.

A code becomes the text a person would type ("5", "3.5"), a date the text of the day; system-missing is an empty text. Values
that the file declares missing, one by one or as a range, stay as texts and are declared as gaps, of the kind that their label
speaks of (`csi.survey.readers.gap_words`), else as skipped. Columns of a multiple-response set share its label as `block`.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from csi.survey.readers.body import with_questions
from csi.survey.readers.gap_words import kind_within
from csi.survey.readers.labelled import Labelled, damaged, listed_texts, moment_text, number_text, read_labelled
from csi.survey.readers.raw import Question, RawTable, Texts
from csi.survey.readers.spss_dictionary import is_consistent

_EPOCH = datetime(1582, 10, 14)
_DATES = {"DATE", "ADATE", "EDATE", "JDATE", "SDATE", "QYR", "MOYR", "WKYR"}
_MOMENTS = {"DATETIME", "YMDHMS"}
_TIMES = {"TIME", "DTIME", "MTIME"}


def read_spss(path: Path, encoding: str | None = None) -> RawTable:
    """Read a .sav or .zsav file; rows are SPSS's case numbers.

    Raises
    ------
    SurveyError
        The file is damaged, cut short or no SPSS file, is in no known encoding, or holds no case.
    """
    if not is_consistent(path):
        raise damaged(path, "SPSS", "what it says of its variables contradicts itself")
    file = read_labelled(path, "SPSS", encoding)
    columns: dict[str, Texts] = {}
    questions: dict[str, Question] = {}
    sets = _sets(file.about.mr_sets)
    for name, cells in file.columns.items():
        text_of = text_by(file.about.original_variable_types[name] or "")
        columns[name], values = listed_texts(cells, text_of)
        questions[name] = _question(file, name, values, text_of, sets.get(name))
    rows = np.arange(1, file.about.number_rows + 1, dtype=np.intp)
    return with_questions(RawTable(path, columns, rows, f"SPSS, {file.encoding}"), questions)


def text_by(form: str) -> Callable[[Any], str]:
    """How a value is written under an SPSS format such as F8.2, A40, ADATE10 or TIME8.

    >>> text_by("F8.2")(3.5), text_by("SDATE10")(13634179200), text_by("DATETIME20")(13744980610.0), text_by("TIME8")(90010)
    ('3.5', '2014-11-01', '2018-05-06 10:10:10', '25:00:10')
    """
    match = re.match(r"[A-Z]+", form)
    kind = match[0] if match else ""

    def text(value: Any) -> str:  # noqa: ANN401 - a number or a text
        if isinstance(value, str):
            return value
        if kind in _TIMES:
            return _duration(value)
        if kind in _DATES | _MOMENTS:
            try:
                return moment_text(_EPOCH + timedelta(seconds=round(value, 3)), kind in _DATES)
            except OverflowError:
                return number_text(value)
        return number_text(value)

    return text


def _duration(seconds: float) -> str:
    """Hours, which may be more than 24, minutes and seconds."""
    whole, _, thousandths = f"{abs(seconds):.3f}".partition(".")
    minutes, rest = divmod(int(whole), 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{thousandths}".rstrip("0").rstrip(".")
    return f"{'-' if seconds < 0 else ''}{hours:02d}:{minutes:02d}:{rest:02d}{fraction}"


def _question(
    file: Labelled,
    name: str,
    values: Sequence[Any],
    text_of: Callable[[Any], str],
    response_set: Mapping[str, Any] | None,
) -> Question:
    about = file.about
    wording = about.column_names_to_labels.get(name) or ""
    labels = {value: label for value, label in about.variable_value_labels.get(name, {}).items() if label}
    gaps = _gaps(about.missing_ranges.get(name, []), values, labels)
    if response_set and not labels and response_set["counted_value"] is not None:
        labels = {response_set["counted_value"]: wording or name}
    return Question(
        wording,
        {text_of(value): label for value, label in labels.items()},
        {text_of(value): kind for value, kind in gaps.items()},
        block=(response_set["label"] or response_set["name"]) if response_set else "",
    )


def _gaps(ranges: Iterable[Mapping[str, Any]], values: Sequence[Any], labels: Mapping[Any, str]) -> dict[Any, str]:
    """Every value that is declared missing by itself, or that occurs or is labelled within a declared range."""
    gaps: dict[Any, str] = {}
    for each in ranges:
        low, high = each["lo"], each["hi"]
        alone = [low] if low == high else []
        within = [
            v for v in [*alone, *values, *labels] if isinstance(v, str) == isinstance(low, str) and low <= v <= high
        ]
        gaps |= {value: kind_within(labels.get(value, "")) or "skipped" for value in within}
    return gaps


def _sets(response_sets: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Column -> the multiple-response set it belongs to, the first if several."""
    found: dict[str, dict[str, Any]] = {}
    for name, each in response_sets.items():
        for column in each["variable_list"]:
            found.setdefault(column, {**each, "name": name})
    return found
