"""KoboToolbox and ODK exports, CSV or Excel, with the names of their groups before those of the questions; and XLSForms.

The column's name is the question's own, "satisfaction" for "group_ab1cd23/satisfaction", whichever sign joins them ("/", "." or
":"; "-" in ODK Central). Columns of a select_multiple, 1 or 0 for each choice, are "channels/phone" and share the question's
name as `block`; so does the one with all choices in a cell, joined by spaces. A name that stands in several groups keeps its
groups. Headers that are labels instead of names stay as they are. "n/a" is what older exports write where nothing was answered.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from csi.survey.readers.body import read_body, with_questions
from csi.survey.readers.grid import Grid
from csi.survey.readers.raw import Question, RawTable, Texts
from csi.survey.readers.xlsform import Place, names_of, notes_of, questions_of

__all__ = ["notes_of", "questions_of", "read", "recognises"]

_OWN = {
    "_id",
    "_uuid",
    "_submission_time",
    "_validation_status",
    "_submitted_by",
    "__version__",
    "_version_",
    "_index",
    "_status",
}
_OWN |= {
    "_xform_id_string",
    "_tags",
    "_notes",
    "_submission__id",
    "_submission__uuid",
    "_parent_index",
    "_parent_table_name",
}
_OF_ODK = {"SubmissionDate", "KEY"}
_AUTOMATIC = re.compile(r"(?:.+[/.:])?group_[a-z]{2}[0-9][a-z0-9]{4}[/.:].+|(?:formhub/uuid|meta[/.:]instanceID)")
_CENTRAL = {"SubmitterID", "SubmitterName", "ReviewState", "AttachmentsPresent", "meta-instanceID"}
_TICKS = {"0", "1", "TRUE", "FALSE", "True", "False", ""}


def recognises(head: Sequence[Sequence[str]]) -> bool:
    """Two of the columns that either platform adds, or groups with the names that Kobo gives them.

    >>> recognises([["group_ab1cd23/q1", "q2"]]), recognises([["q1", "_uuid", "_submission_time"]]), recognises([["_id", "q1"]])
    (True, True, False)
    """
    header = set(head[0]) if head else set()
    return len(header & _OWN) > 1 or header >= _OF_ODK or any(_AUTOMATIC.fullmatch(cell) for cell in header)


def read(grid: Grid) -> RawTable:
    """Answers under the names of their questions."""
    header = grid.head(1)[0]
    is_odk = set(header) >= _OF_ODK
    table = read_body(grid, header, 1, "ODK" if is_odk else "KoboToolbox")
    places = _places(table, is_odk)
    names = names_of(places)
    blocks = {name.removesuffix(f"/{place.choice}") for name, place in zip(names, places, strict=True) if place.choice}
    columns = dict(zip(names, table.columns.values(), strict=True))
    questions = {
        name: _question(texts, place.choice, blocks & {name, name.removesuffix(f"/{place.choice}")})
        for (name, texts), place in zip(columns.items(), places, strict=True)
    }
    return with_questions(replace(table, columns=columns), questions)


def _question(texts: Texts, choice: str | None, block: Iterable[str]) -> Question:
    return Question(
        labels={text: choice for text in texts.distinct if choice and text.casefold() in {"1", "true"}},
        gaps={text: "skipped" for text in texts.distinct if text == "n/a"},
        block=next(iter(block), ""),
    )


def _places(table: RawTable, is_odk: bool) -> list[Place]:
    """Where each column stands in the form, as far as its header tells."""
    header = list(table.columns)
    mark = _mark(header)
    between_groups = "-" if is_odk and mark == "/" else mark
    spread = _spread(table, mark)
    places = []
    for cell in header:
        starts = [cell[: match.start()] for match in re.finditer(re.escape(mark), cell)]
        # A choice may itself hold the mark, so the question is the shortest beginning that is one.
        question = next((start for start in starts if start in table.columns or start in spread), cell)
        choice = cell[len(question) + 1 :] or None
        *groups, name = question.split(between_groups) if _is_path(question, between_groups) else [question]
        places.append(Place(tuple(groups), name, choice))
    return places


def _mark(header: Sequence[str]) -> str:
    """The sign between the parts of a name: the first that joins what can be names."""
    for mark in "/:.":
        parts = [(cell, cell.partition(mark)[0]) for cell in header if mark in cell]
        if any(_is_path(cell, mark) or first in header for cell, first in parts):
            return mark
    return "/"


def _is_path(cell: str, mark: str) -> bool:
    """Names joined by the mark, and no words of a label."""
    name = r"[^\W\d][\w.-]*" if mark == "/" else r"[^\W\d]\w*"
    return bool(re.fullmatch(rf"{name}(?:{re.escape(mark)}{name})+", cell))


def _spread(table: RawTable, mark: str) -> set[str]:
    """Questions of which only the columns of the choices were exported: all below them, two or more, are ticked or not."""
    below: dict[str, list[Texts]] = {}
    for cell, texts in table.columns.items():
        stem = cell.rpartition(mark)[0]
        if stem and stem not in table.columns:
            below.setdefault(stem, []).append(texts)
    return {
        stem
        for stem, parts in below.items()
        if len(parts) > 1
        and all(set(texts.distinct) <= _TICKS for texts in parts)
        and any(set(texts.distinct) - {""} for texts in parts)
        and not any(other.startswith(stem + mark) for other in below)
    }
