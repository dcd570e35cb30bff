"""REDCap exports (CSV of raw codes or of labels) and data dictionaries.

The column's name is the field's, "channels___2" for choice 2 of a checkbox, which has the field's name as `block`. In an export
of labels it is the label ("Channels (choice=Phone)"), numbered where fields share one. Projects with events have a row for each
event of a record (`redcap_event_name`), so that `record_id` alone is no key of theirs.
"""

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from csi.errors import SurveyError
from csi.survey.readers.body import read_body, with_questions
from csi.survey.readers.grid import Grid
from csi.survey.readers.markup import plain_text
from csi.survey.readers.non_answers import gaps_of_choices
from csi.survey.readers.raw import Question, RawTable
from csi.survey.readers.text import read_text

Row = Mapping[str, str]
_OWN = re.compile(r"redcap_(?:event_name|repeat_instrument|repeat_instance|data_access_group|survey_identifier)")
_CHECKBOX = re.compile(r"([a-z][a-z0-9_]*?)___(\w+)")
_CHECKBOX_LABEL = re.compile(r"(.*\S)\s*\(choice=(.*)\)", re.DOTALL)
_STATES = {"0": "Incomplete", "1": "Unverified", "2": "Complete"}
_FIXED = {"yesno": {"1": "Yes", "0": "No"}, "truefalse": {"1": "True", "0": "False"}}
# Headers of the dictionary as the designer downloads it, and the names the same columns have in the programming interface.
_FIELDS = {
    "Variable / Field Name": "field_name",
    "Form Name": "form_name",
    "Field Type": "field_type",
    "Field Label": "field_label",
    "Choices, Calculations, OR Slider Labels": "select_choices_or_calculations",
    "Field Note": "field_note",
    "Text Validation Type OR Show Slider Number": "text_validation_type_or_show_slider_number",
    "Text Validation Min": "text_validation_min",
    "Text Validation Max": "text_validation_max",
    "Branching Logic (Show field only if...)": "branching_logic",
    "Required Field?": "required_field",
    "Matrix Group Name": "matrix_group_name",
}


def recognises(head: Sequence[Sequence[str]]) -> bool:
    """Columns that REDCap adds, or a record's number first with checkboxes or the states of forms beside it.

    >>> recognises([["record_id", "q1", "form_1_complete"]]), recognises([["study_id", "redcap_event_name"]])
    (True, True)
    >>> recognises([["Record ID", "Channels (choice=Phone)", "Complete?"]]), recognises([["record_id", "q1"]])
    (True, False)
    """
    header = list(head[0]) if head else []
    boxes = sum(bool(_CHECKBOX.fullmatch(cell) or _CHECKBOX_LABEL.fullmatch(cell)) for cell in header)
    states = any(cell.endswith("_complete") or cell == "Complete?" for cell in header)
    first = bool(header) and header[0].casefold() in {"record_id", "record id"}
    return any(_OWN.fullmatch(cell) for cell in header) or (first and (states or boxes > 0)) or (states and boxes > 0)


def read(grid: Grid) -> RawTable:
    """Answers under the names of their fields."""
    table = read_body(grid, grid.head(1)[0], 1, "REDCap")
    questions = {}
    for name in table.columns:
        if match := _CHECKBOX.fullmatch(name):
            questions[name] = Question(labels={"1": match[2]}, block=match[1])
        elif match := _CHECKBOX_LABEL.fullmatch(name):
            questions[name] = Question(name, {"Checked": match[2]}, block=match[1])
    return with_questions(table, questions)


def questions_of(path: Path) -> dict[str, Question]:
    """What a data dictionary (CSV) says about each column of the raw export.

    Choices whose labels say "don't know" and the like are gaps. Fields of a matrix share its name as `block`, the columns of a
    checkbox the field's. The state of each form, "form_complete", is a column too.

    Raises
    ------
    SurveyError
        The file is not a REDCap data dictionary.
    """
    rows = _rows(path)
    found = {name: question for row in rows for name, question in _columns_of(row)}
    forms = dict.fromkeys(row["form_name"] for row in rows)
    states = {f"{form}_complete": Question(f"State of the form {form}", dict(_STATES)) for form in forms if form}
    return found | states


def notes_of(path: Path) -> dict[str, str]:
    """For each column with a condition: of whom it was asked, whether and within what limits an answer was required, a note."""
    return {name: note for row in _rows(path) if (note := _note(row)) for name, _ in _columns_of(row)}


def choices_of(text: str) -> dict[str, str]:
    """Codes and labels of a field's choices; labels may hold commas.

    >>> choices_of("1, Yes, often | 2, No | -9, Don't know")
    {'1': 'Yes, often', '2': 'No', '-9': "Don't know"}
    """
    parts = (part.partition(",") for part in text.split("|") if part.strip())
    return {code.strip(): plain_text(label) or code.strip() for code, _, label in parts}


def _columns_of(row: Row) -> Iterator[tuple[str, Question]]:
    name, kind, wording = row["field_name"], row["field_type"], plain_text(row["field_label"])
    has_choices = kind in {"radio", "dropdown", "checkbox"}
    labels = choices_of(row["select_choices_or_calculations"]) if has_choices else _FIXED.get(kind, {})
    if kind == "checkbox":
        for code, label in labels.items():
            # Column names are lower case and hold no other sign than the underscore.
            column = f"{name}___{re.sub(r'[^a-z0-9]', '_', code.lower())}"
            yield column, Question(f"{wording} [{label}]", {"1": label}, block=name)
    elif kind != "descriptive":
        yield name, Question(wording, labels, gaps_of_choices(labels), row["matrix_group_name"])


def _note(row: Row) -> str:
    low, high = row["text_validation_min"], row["text_validation_max"]
    form = row["text_validation_type_or_show_slider_number"] if row["field_type"] == "text" else ""
    limits = [f"from {low}"] * bool(low) + [f"to {high}"] * bool(high)
    parts = [
        f"asked only if {html.unescape(row['branching_logic'])}" if row["branching_logic"] else "",
        "required" if row["required_field"].lower() == "y" else "",
        " ".join([form or "number", *limits]) if form or limits else "",
        f"note: {plain_text(row['field_note'])}" if row["field_note"] else "",
    ]
    return "; ".join(filter(None, parts))


def _rows(path: Path) -> list[dict[str, str]]:
    table = read_text(Path(path))
    columns = {_FIELDS.get(name.strip(), name.strip()): texts.cells() for name, texts in table.columns.items()}
    absent = [name for name in ("field_name", "field_type", "field_label") if name not in columns]
    if absent:
        raise SurveyError(
            f"{path}: this is not a REDCap data dictionary: it has no column {absent[0]!r}. Download it in the Online Designer "
            "or under Data Dictionary, as CSV."
        )
    empty = [""] * len(table)
    cells = [columns.get(name, empty) for name in _FIELDS.values()]
    return [
        {name: cell.strip() for name, cell in zip(_FIELDS.values(), row, strict=True)}
        for row in zip(*cells, strict=True)
    ]
