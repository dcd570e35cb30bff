"""What every reader gives: a header and rows of texts, with the file they came from."""

from dataclasses import dataclass
from pathlib import Path

from csi.errors import SurveyError


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row of the file that could not be read as a row of the table."""

    row: int
    text: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class RawTable:
    """Texts as they stand in the file; `row_numbers` count as a spreadsheet does, the header being row 1."""

    path: Path
    columns: list[str]
    rows: list[list[str]]
    row_numbers: list[int]
    encoding: str
    refused_rows: tuple[RefusedRow, ...] = ()

    def __post_init__(self) -> None:
        if not self.columns:
            raise SurveyError(f"{self.path}: the file is empty. A header row and at least one answer are needed.")
        if not self.rows and self.refused_rows:
            first = self.refused_rows[0]
            raise SurveyError(
                f"{self.path}: none of {len(self.refused_rows)} rows could be read; row {first.row} has {first.reason}. "
                "A comma too many or too few in every line, or in the header, is the usual cause."
            )
        if not self.rows:
            raise SurveyError(
                f"{self.path}: the file has a header ({len(self.columns)} columns) but no answers below it."
            )
        twice = sorted({c for c in self.columns if c and self.columns.count(c) > 1})
        if twice:
            places = [i for i, c in enumerate(self.columns, 1) if c == twice[0]]
            raise SurveyError(
                f"{self.path}: {len(places)} columns are called {twice[0]!r} (columns {', '.join(map(str, places))}). "
                "Rename all but one, so that the codebook can say which is meant."
            )

    def column(self, name: str) -> list[str]:
        """All texts of one column."""
        place = self.columns.index(name)
        return [row[place] for row in self.rows]


def drop_empty_rows(rows: list[list[str]], first_number: int) -> tuple[list[list[str]], list[int]]:
    """Rows that hold any text, with their numbers: spreadsheets end in empty rows that are no answers."""
    kept = [(row, number) for number, row in enumerate(rows, first_number) if any(cell.strip() for cell in row)]
    return [row for row, _ in kept], [number for _, number in kept]
