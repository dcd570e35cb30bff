"""The answers below the header rows of a grid, for kinds of files that have more than one header row or names of their own."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from csi.survey.readers.grid import Grid
from csi.survey.readers.raw import Question, RawTable, RefusedRow, table_of_rows, unique_names


def read_body(grid: Grid, names: Sequence[str], depth: int, form: str) -> RawTable:
    """The records below the first `depth` that hold any text, under `names` (repeats are numbered).

    Empty cells beyond the header are no cells; any other row with more or fewer cells than the header is refused.
    Columns at the end without a name and without a text, the trace of a comma at the end of each line, are left out.

    Raises
    ------
    SurveyError
        No row of answers.
    """
    filled = [
        (number, record)
        for number, record in zip(grid.numbers, grid.records, strict=True)
        if any(cell.strip() for cell in record)
    ]
    body = filled[depth:]
    header = unique_names(names[: _width(names, [record for _, record in body])])
    rows, numbers, refused = [], [], list(grid.refused_rows)
    for number, record in body:
        row, beyond = record[: len(header)], record[len(header) :]
        if len(row) < len(header) or any(cell.strip() for cell in beyond):
            reason = f"{len(record)} cells where the header has {len(header)}"
            refused.append(RefusedRow(number, ",".join(record)[:500], reason))
            continue
        rows.append(row)
        numbers.append(number)
    return table_of_rows(grid.path, header, rows, numbers, f"{form}, {grid.form}", refused)


def with_questions(table: RawTable, questions: Mapping[str, Question]) -> RawTable:
    """The table with what its file says about its columns; a question that says nothing is left out."""
    said = {name: question for name, question in questions.items() if name in table.columns and question != Question()}
    return replace(table, questions=said)


def _width(names: Sequence[str], records: Sequence[Sequence[str]]) -> int:
    width = len(names)
    while width > 1 and not names[width - 1] and not any(r[width - 1].strip() for r in records if len(r) >= width):
        width -= 1
    return width
