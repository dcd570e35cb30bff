"""From the records of a delimited text to columns, in two ways that give the same: by Arrow, quickly, or one by one."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv

from csi.survey.readers.arrow import texts_of
from csi.survey.readers.layout import Layout, layout_of
from csi.survey.readers.raw import RefusedRow, Texts
from csi.survey.readers.records import Record, looks_like_rows

_CHUNK = 20_000
_LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Columns of texts, the row of the file in which each of their cells stands, and the rows of another width."""

    columns: list[Texts]
    rows: NDArray[np.intp]
    refused_rows: tuple[RefusedRow, ...]


def columns_with_care(records: Iterable[Record], width: int) -> Columns:
    """The columns below the first record; rows that are not as wide are refused."""
    parts: list[list[Texts]] = []
    rows: list[list[str]] = []
    numbers, refused = [], []
    for place, record in enumerate(records):
        if place == 0:
            continue
        if record.reason or len(record.cells) != width:
            reason = record.reason or _wrong_width(len(record.cells), width)
            refused.append(RefusedRow(record.number, record.text, reason))
            continue
        numbers.append(record.number)
        rows.append(record.cells)
        if len(rows) == _CHUNK:
            parts.append([Texts.of(cells) for cells in zip(*rows, strict=True)])
            rows = []
    if rows or not parts:
        parts.append([Texts.of(cells) for cells in zip(*rows, strict=True)] or [Texts.of([])] * width)
    columns = [Texts.joined([part[i] for part in parts]) for i in range(width)]
    return Columns(columns, np.array(numbers, dtype=np.intp), tuple(refused))


def columns_by_arrow(text: bytes, delimiter: str, header: int, width: int) -> Columns | None:
    """The columns below the header in row `header`, or None where the text needs care, or holds no row of that width."""
    layout = None if b"\0" in text else layout_of(text, delimiter)
    if layout is None or not _safe(text, layout, delimiter, width):
        return None
    starts, ends = layout.starts, layout.ends
    written = (np.arange(len(starts)) >= header) & (ends > starts)
    fits = written & (layout.delimiters == width - 1)
    columns = _parsed(_body(text, layout, fits), delimiter, width, bool(layout.breaks.any())) if fits.any() else None
    if columns is None:
        return None
    refused = []
    for i in np.flatnonzero(written & ~fits):
        line = text[starts[i] : ends[i]].decode("utf-8")
        cells = next(csv.reader(io.StringIO(line, newline=""), delimiter=delimiter))
        if any(cell.strip() for cell in cells):
            refused.append(RefusedRow(int(i) + 1, line, _wrong_width(len(cells), width)))
    rows, filled = np.flatnonzero(fits) + 1, _filled(columns)
    if not filled.all():
        rows, columns = rows[filled], [Texts(column.codes[filled], column.distinct) for column in columns]
    return Columns(columns, rows, tuple(refused))


def _wrong_width(cells: int, width: int) -> str:
    return f"{cells} cells where the header has {width}"


def _safe(text: bytes, layout: Layout, delimiter: str, width: int) -> bool:
    """Whether no cell is too long, and no row on several lines may be a stray quote and the rows it swallowed."""
    if (layout.ends - layout.starts).max() > csv.field_size_limit():
        return False
    broken = np.flatnonzero(layout.breaks)
    if (layout.delimiters[broken] != width - 1).any():
        return False
    records = (text[layout.starts[i] : layout.ends[i]].decode("utf-8") for i in broken)
    return not any(looks_like_rows(_LINE_END.split(record), delimiter, width) for record in records)


def _body(text: bytes, layout: Layout, fits: NDArray[np.bool_]) -> memoryview | bytes:
    """The records that fit, one below the other; nothing is copied if they stand together."""
    edges = np.flatnonzero(np.diff(fits, prepend=False, append=False))
    begins = layout.starts[edges[::2]]
    stops = np.append(layout.starts, len(text))[edges[1::2]]
    if len(begins) == 1:
        return memoryview(text)[begins[0] : stops[0]]
    return b"".join([text[begin:stop] for begin, stop in zip(begins, stops, strict=True)])


def _parsed(body: memoryview | bytes, delimiter: str, width: int, broken: bool) -> list[Texts] | None:
    names = [str(place) for place in range(width)]
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(pa.py_buffer(body)),
            arrow_csv.ReadOptions(column_names=names, block_size=1 << 22),
            arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=broken, ignore_empty_lines=False),
            arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.dictionary(pa.int32(), pa.string())),
                null_values=[],
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid:
        return None
    parsed = table.columns
    del table  # so that each column is freed once it is coded
    parsed.reverse()
    columns = [texts_of(parsed.pop()) for _ in names]
    pa.default_memory_pool().release_unused()
    return columns


def _filled(columns: Sequence[Texts]) -> NDArray[np.bool_]:
    """(n,) rows that hold any text."""
    filled = np.zeros(len(columns[0]), dtype=bool)
    for column in columns:
        filled |= np.array([bool(text.strip()) for text in column.distinct], dtype=bool).take(column.codes)
        if filled.all():
            break
    return filled
