"""XLSForm: the workbook in which a KoboToolbox or ODK questionnaire is written (sheets survey, choices, settings).

Questions are keyed as `csi.survey.readers.kobo` names the columns of the data: the question's own name without its groups, with
"/" and the choice for each column of a select_multiple. Where one name stands in several groups, they are written before it.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from csi.errors import SurveyError, known_names
from csi.survey.readers.excel import read_excel
from csi.survey.readers.markup import plain_text
from csi.survey.readers.non_answers import gaps_of_choices
from csi.survey.readers.raw import Question, unique_names

Row = Mapping[str, str]
_BEGIN = re.compile(r"begin[ _](group|repeat|score|rank)")
_END = re.compile(r"end[ _](group|repeat|score|rank)")
_SELECT = re.compile(
    r"(select_one|select one|select_multiple|select all that apply|rank)\s+(?:from\s+)?(\S+)(\s+or_other)?"
)
_LIST_OF = {"score": "kobo--score-choices", "rank": "kobo--rank-items"}
_YES = {"yes", "true", "true()", "1"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a column stands in the form: its groups from the outermost in, its question, its choice if it is one of several."""

    groups: tuple[str, ...]
    question: str
    choice: str | None = None


def names_of(places: Sequence[Place]) -> list[str]:
    """The shortest names that tell columns apart: without groups, or with all of them where that is not enough.

    >>> names_of([Place(("a",), "q"), Place(("a",), "q", "x"), Place(("b",), "age"), Place(("c",), "age")])
    ['q', 'q/x', 'b/age', 'c/age']
    """
    short = ["/".join(filter(None, (place.question, place.choice))) for place in places]
    seen = Counter(short)
    return unique_names(
        [
            name if seen[name] == 1 else "/".join((*place.groups, name))
            for name, place in zip(short, places, strict=True)
        ]
    )


def questions_of(path: Path, language: str = "") -> dict[str, Question]:
    """What the form says about each column of its data.

    `language` is a name or code of the form's ("English", "zh"); without it the form's default language is taken.
    Choices whose labels say "don't know" and the like are gaps. Parts of one select_multiple, of a Kobo rating matrix or ranking,
    and of a group that is shown as a table share its name as `block`.

    Raises
    ------
    SurveyError
        The file is not a workbook with a sheet "survey", or has no label in that language.
    """
    return {name: entry.question for name, entry in _entries(path, language)}


def notes_of(path: Path, language: str = "") -> dict[str, str]:
    """For each column with a condition: of whom it was asked, whether an answer was required and of what form, the hint."""
    return {name: "; ".join(entry.notes) for name, entry in _entries(path, language) if entry.notes}


@dataclass(frozen=True, slots=True)
class _Entry:
    place: Place
    question: Question
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Group:
    name: str
    condition: str = ""
    choices: str = ""
    is_block: bool = False


@dataclass(slots=True)
class _Form:
    """The sheets of a form, with the columns in which its labels stand in one language."""

    survey: Sequence[Row]
    choices: Sequence[Row]
    labels: Sequence[str]
    choice_labels: Sequence[str]
    groups: list[_Group] = field(default_factory=list)

    def entries(self) -> Iterator[_Entry]:
        """One for each column of the data, in the order of the form."""
        for row in self.survey:
            kind = row.get("type", "").strip().lower()
            if match := _BEGIN.fullmatch(kind):
                self.groups.append(_group(row, match[1]))
            elif _END.fullmatch(kind):
                self.groups[-1:] = []
            elif row.get("name"):
                yield from self.columns_of(row, row["type"].strip())

    def columns_of(self, row: Row, kind: str) -> Iterator[_Entry]:
        """The column of a question, and those of its choices if several can be ticked."""
        name, groups = row["name"].strip(), tuple(group.name for group in self.groups)
        wording, notes = self.text(row, self.labels), self.notes(row)
        match = _SELECT.fullmatch(kind)
        listed = match[2] if match else self.groups[-1].choices if self.groups and "__" in kind else ""
        labels = self.choices_of(listed) if listed else {}
        several = bool(match) and kind.startswith(("select_multiple", "select all"))
        block = name if several else next((group.name for group in reversed(self.groups) if group.is_block), "")
        yield _Entry(Place(groups, name), Question(wording, labels, gaps_of_choices(labels), block), notes)
        if match and match[3]:
            yield _Entry(Place(groups, f"{name}_other"), Question(f"{wording} [other]"), notes)
        for choice, label in labels.items() if several else ():
            question = Question(f"{wording} [{label}]", {"1": label}, block=block)
            yield _Entry(Place(groups, name, choice), question, notes)

    def choices_of(self, listed: str) -> dict[str, str]:
        """Name of each choice of a list -> its label."""
        rows = [row for row in self.choices if listed in (row.get("list_name"), row.get("list name"))]
        return {name: self.text(row, self.choice_labels) or name for row in rows if (name := _name(row))}

    def text(self, row: Row, columns: Sequence[str]) -> str:
        """The label in the language asked for, else in another."""
        return next((plain_text(row[column]) for column in columns if row.get(column, "").strip()), "")

    def notes(self, row: Row) -> tuple[str, ...]:
        """What the form says of a question beside its wording."""
        conditions = [c for c in (*(group.condition for group in self.groups), row.get("relevant", "").strip()) if c]
        found = [f"asked only if {' and '.join(conditions)}"] if conditions else []
        found += ["required"] if row.get("required", "").strip().lower() in _YES else []
        found += [f"answer must satisfy {row['constraint'].strip()}"] if row.get("constraint", "").strip() else []
        hint = self.text(row, [column.replace("label", "hint", 1) for column in self.labels])
        return (*found, *([f"hint: {hint}"] if hint else []))


def _entries(path: Path, language: str) -> list[tuple[str, _Entry]]:
    survey = _sheet(path, "survey")
    if "type" not in survey[0]:
        raise SurveyError(
            f"{path}: this is not an XLSForm: its sheet 'survey' has no column 'type'. Download the form of the project as XLS."
        )
    choices, settings = _sheet(path, "choices", needed=False), _sheet(path, "settings", needed=False)
    default = settings[0].get("default_language", "") if settings else ""
    labels = _label_columns(survey[0], language, default)
    if language and not (labels and _is_in(labels[0], language)):
        known = [column.partition(":")[2].lstrip(":") for column in labels]
        raise SurveyError(f"{path}: {known_names(language, filter(None, known), 'the form has labels only in')}")
    form = _Form(survey, choices, labels, _label_columns(choices[0], language, default) if choices else ())
    entries = list(form.entries())
    return list(zip(names_of([entry.place for entry in entries]), entries, strict=True))


def _sheet(path: Path, name: str, *, needed: bool = True) -> list[Row]:
    """Rows as header -> text; a sheet that is not needed may be absent or empty."""
    try:
        table = read_excel(path, name)
    except SurveyError:
        if needed:
            raise
        return []
    cells = [texts.cells().tolist() for texts in table.columns.values()]
    return [dict(zip(table.columns, row, strict=True)) for row in zip(*cells, strict=True)]


def _label_columns(row: Row, language: str, default: str) -> list[str]:
    """Columns of labels, that of the language asked for first, else the form's default one, else the one without a language."""
    columns = [column for column in row if re.fullmatch(r"label(::?.+)?", column)]
    return sorted(
        columns,
        key=lambda column: (
            not (language and _is_in(column, language)),
            not (default and _is_in(column, default)),
            column != "label",
        ),
    )


def _is_in(column: str, language: str) -> bool:
    """Whether "label::English (en)" is in "English", "en" or "English (en)"."""
    full = column.partition(":")[2].lstrip(":").strip().casefold()
    name, _, code = full.partition("(")
    return language.strip().casefold() in {full, name.strip(), code.rstrip(") ")} - {""}


def _group(row: Row, kind: str) -> _Group:
    is_table = "table-list" in row.get("appearance", "") or kind in _LIST_OF
    return _Group(
        row.get("name", "").strip(), row.get("relevant", "").strip(), row.get(_LIST_OF.get(kind, ""), ""), is_table
    )


def _name(row: Row) -> str:
    """The sheet may call it value, as older forms do."""
    return (row.get("name") or row.get("value") or "").strip()
