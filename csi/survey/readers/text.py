"""CSV and TSV files, whatever their encoding and delimiter."""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from csi.errors import SurveyError
from csi.survey.readers.columns import columns_by_arrow, columns_with_care
from csi.survey.readers.encodings import as_utf8
from csi.survey.readers.grid import Grid
from csi.survey.readers.raw import RawTable, RefusedRow, column_names
from csi.survey.readers.records import Record, records_of

MOST_BYTES_UNPACKED = 1 << 31  # of a compressed text
_ALWAYS_UNPACKED = 1 << 28
_MOST_GROWTH = 200  # answers shrink by five to twenty
MOST_BYTES_OF_A_LINE = 1 << 24
_SEPARATOR_LINE = re.compile(rb'"?sep=([,;|\t:])"?(?=[\r\n])')
_LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True, eq=False)
class TextFile:
    """A delimited text: its content as UTF-8 without a mark, what separates its cells, and what was recognised."""

    path: Path
    text: bytes
    delimiter: str
    form: str

    def head(self, count: int = 5) -> list[list[str]]:
        """The first records, cells stripped."""
        whole = (record for record in self.records() if not record.reason)
        return [[cell.strip() for cell in record.cells] for record in islice(whole, count)]

    def records(self) -> Iterator[Record]:
        """Every record that holds any text, read with care."""
        return records_of(self.text, self.delimiter)

    def grid(self) -> Grid:
        """All records, of whatever length."""
        records, numbers, refused = [], [], []
        once: dict[str, str] = {}  # answers repeat: one copy of each text is held
        for record in self.records():
            if record.reason:
                refused.append(RefusedRow(record.number, record.text, record.reason))
            else:
                records.append([once.setdefault(cell, cell) for cell in record.cells])
                numbers.append(record.number)
        return Grid(self.path, records, numbers, self.form, tuple(refused))

    def table(self) -> RawTable:
        """A plain table: the first record is the header, rows of another length are refused."""
        first = next(self.records())
        if first.reason:
            raise SurveyError(
                f"{self.path}: the header in row {first.number} cannot be read; it has {first.reason}: {first.text[:80]!r}."
            )
        header = [cell.strip() for cell in first.cells]
        names = column_names(self.path, header)
        parts = columns_by_arrow(self.text, self.delimiter, first.number, len(header))
        if parts is None:
            parts = columns_with_care(self.records(), len(header))
        columns = dict(zip(names, parts.columns, strict=True))
        return RawTable(self.path, columns, parts.rows, self.form, parts.refused_rows)


def open_text(path: Path, encoding: str | None = None) -> TextFile:
    """Read the bytes of a text, unpacked if need be, and find its encoding and delimiter.

    Raises
    ------
    SurveyError
        Nothing but white space; an encoding that has to be told; a line without end; a packed file that is broken or too large.
    """
    text, used = as_utf8(_bytes_of(path), path, encoding)
    text = text.rstrip(b"\x1a")  # DOS ended a text with this sign
    _require_lines(text, path)
    # Excel's own way to say what separates; an empty row remains, so that rows count right.
    told = _SEPARATOR_LINE.match(text)
    text = text[told.end() :] if told else text
    delimiter = told[1].decode() if told else _delimiter(text)
    file = TextFile(path, text, delimiter, f"delimited text, {used}")
    if not text or text.isspace() or next(file.records(), None) is None:
        raise SurveyError(f"{path}: the file is empty. A header row and at least one answer are needed.")
    return file


def read_text(path: Path, encoding: str | None = None) -> RawTable:
    """Read a delimited text file as a plain table; rows with the wrong number of cells are kept apart with the reason."""
    return open_text(path, encoding).table()


def _bytes_of(path: Path) -> bytes:
    with path.open("rb") as file:
        if file.read(2) != b"\x1f\x8b":
            return path.read_bytes()
    most = min(MOST_BYTES_UNPACKED, max(_ALWAYS_UNPACKED, path.stat().st_size * _MOST_GROWTH))
    try:
        with gzip.open(path) as packed:
            data = packed.read(most + 1)
    except (EOFError, OSError, zlib.error) as error:
        raise SurveyError(f"{path}: the gzip file is broken ({error}). Fetch it again, or unpack it first.") from None
    if len(data) > most:
        raise SurveyError(
            f"{path}: the file of {path.stat().st_size / 1e6:,.1f} MB unpacks to more than {most / 1e6:,.0f} MB, "
            "as no answers do. Unpack it and look at what it holds."
        )
    return data


def _require_lines(text: bytes, path: Path) -> None:
    """A line without end is no row of answers, and taking it apart would fill the memory."""
    place = 0
    while len(text) - place > MOST_BYTES_OF_A_LINE:
        reach = place + MOST_BYTES_OF_A_LINE
        end = max(text.rfind(b"\n", place, reach), text.rfind(b"\r", place, reach))
        if end < 0:
            row = len(_LINE_END.findall(text[:place].decode("utf-8"))) + 1
            raise SurveyError(
                f"{path}: row {row} is longer than {MOST_BYTES_OF_A_LINE >> 20} MB. Its line ends seem to be lost: "
                "export the file again."
            )
        place = end + 1


def _delimiter(text: bytes) -> str:
    """The separator that gives most of the first records as many cells as the first of them; a comma where none does."""
    sample = text.lstrip(b"\r\n ")[:65536].decode("utf-8", "ignore")
    whole = sample[: sample.rfind("\n") + 1] or sample

    def evenness(mark: str) -> tuple[float, int, bool]:
        try:
            widths = [len(record) for record in islice(csv.reader(io.StringIO(whole, newline=""), delimiter=mark), 20)]
        except csv.Error:
            return 0.0, 0, False
        widths = [width for width in widths if width] or [0]
        share = sum(width == widths[0] > 1 for width in widths) / len(widths)
        return share, widths[0], share > 0 and mark != ","  # commas may as well be decimal ones

    return max(",;\t|", key=evenness)
