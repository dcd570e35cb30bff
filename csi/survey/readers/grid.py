"""The records of a text file or a sheet before anybody has said which of them is the header."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from csi.survey.readers.raw import RefusedRow


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Records as they stand, of whatever length, with the row of the file each begins in (1 is the first line).

    `form` says what was recognised so far, e.g. "delimited text, utf-8" or "Excel, sheet 'Data'".
    """

    path: Path
    records: Sequence[Sequence[str]]
    numbers: Sequence[int]
    form: str
    refused_rows: tuple[RefusedRow, ...] = ()

    def head(self, count: int = 5) -> list[list[str]]:
        """The first records that hold any text, cells stripped."""
        filled = ([cell.strip() for cell in record] for record in self.records)
        return [record for record in filled if any(record)][:count]
