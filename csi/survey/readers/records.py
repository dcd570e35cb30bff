"""The records of a delimited text one after the other, with care: quotes left open or misplaced, damaged lines."""

import csv
import io
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

_NAMED_COLUMNS = (
    5  # from so many columns on, lines that each hold a row's worth of delimiters are rows, not one comment
)


class Record(NamedTuple):
    """A row of a text: its number as a spreadsheet counts, its cells, the lines it stands on, and why it cannot be read."""

    number: int
    cells: list[str]
    lines: list[str]
    reason: str = ""

    @property
    def text(self) -> str:
        """What stands in the file."""
        return "".join(self.lines).rstrip("\r\n")


def records_of(text: bytes, delimiter: str) -> Iterator[Record]:
    r"""Every record of a UTF-8 text that holds any text; one that cannot be read has its reason and no cells.

    A quote that is not closed properly swallows lines. Where most of them are as wide as the first record by themselves, only the
    line in which the quote opens is given up and reading goes on below it; otherwise they are given up together.

    >>> for record in records_of(b'a,b\n"1,2\n3,4\n', ","):
    ...     print(record.number, record.cells, record.reason)
    1 ['a', 'b']
    2 [] a quote that opens in this row and is not closed
    3 ['3', '4']
    """
    lines = _Lines(text)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    damaged = b"\0" in text
    number = width = 0
    while True:
        cells, reason = [], ""
        lines.taken.clear()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            reason = _reason(str(error), len(lines.taken))
        number += 1
        doubtful = len(lines.taken) > 1 and width and (reason or _doubtful(cells, lines.taken, delimiter, width))
        if doubtful and _mostly_rows(lines.taken[1:], delimiter, width):
            lines.read_again_after_the_first()
            reason = reason or "a quote that opens in this row and closes in another"
        if damaged and not reason and any("\0" in cell for cell in cells):
            reason = "NUL bytes, as a damaged file has"
        if reason or any(cell.strip() for cell in cells):
            width = width or len(cells)
            yield Record(number, [] if reason else cells, lines.taken.copy(), reason)


class _Lines:
    """Lines of a text; those of the record that is being read are kept, so that they can be read again."""

    def __init__(self, text: bytes) -> None:
        self._source = io.TextIOWrapper(io.BytesIO(text), encoding="utf-8", newline="")
        self._again: deque[str] = deque()
        self.taken: list[str] = []

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._source)
        self.taken.append(line)
        return line

    def read_again_after_the_first(self) -> None:
        self._again.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]


def _reason(error: str, lines: int) -> str:
    if "field larger" in error and lines == 1:
        return f"a cell of more than {csv.field_size_limit():,} characters"
    if "field larger" in error or "unexpected end" in error:
        return "a quote that opens in this row and is not closed"
    if "expected after" in error:
        return "text after a closing quote (quotes within a cell must be doubled)"
    return f"a fault in its quotes or line ends ({error})"


def _doubtful(cells: list[str], lines: list[str], delimiter: str, width: int) -> bool:
    """Whether a row on several lines is rather a stray quote and the rows it swallowed."""
    return len(cells) != width or looks_like_rows(lines, delimiter, width)


def looks_like_rows(lines: list[str], delimiter: str, width: int) -> bool:
    """Whether each line of a record that is as wide as the header is a row by itself."""
    return width >= _NAMED_COLUMNS and all(line.count(delimiter) == width - 1 for line in lines)


def _mostly_rows(lines: list[str], delimiter: str, width: int) -> bool:
    written = [line for line in lines if line.strip()]
    return 2 * sum(line.count(delimiter) == width - 1 for line in written) > len(written)
