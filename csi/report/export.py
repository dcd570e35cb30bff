"""Any table to a file: CSV and Excel with every digit, Markdown, LaTeX and HTML as journals print it."""

import csv
import datetime as dt
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import xlsxwriter
from pandas.api import types

from csi.care.spreadsheet import neutral
from csi.errors import FileError, ReportError
from csi.files import write_whole
from csi.report.grid import Grid, TableLayout, columns_of, data_grid, journal_grid, raw
from csi.report.journal import Table, frames_of, remarks_of, require_choices
from csi.report.labels import Labels
from csi.report.markup import html, latex, markdown
from csi.survey.codebook import Codebook

SUFFIXES: Mapping[str, TableLayout] = {
    ".csv": "data",
    ".xlsx": "data",
    ".md": "journal",
    ".tex": "journal",
    ".html": "journal",
}
_KEY = "key"  # the column by which the package knows a customer
Frames = dict[str, pd.DataFrame]


def export(
    result: Table | Mapping[str, Table],
    path: str | Path,
    *,
    title: str | None = None,
    language: str = "en",
    digits: int | None = None,
    layout: TableLayout | None = None,
    codebook: Codebook | None = None,
) -> Path:
    """Write tables to a .csv, .xlsx, .md, .tex or .html file, whole or not at all, and return its path.

    Parameters
    ----------
    result
        Anything of csi that has a table, or a pandas frame (tidy or matrix); or several by name: one sheet each in Excel, a
        section each elsewhere, and in a folder (a path without suffix) one CSV file each.
    title
        Caption, or name of the sheet; a CSV file has no place for one.
    digits
        Decimals in the journal layout: 3 unless given, 1 for points from 0 to 100; p values always have three.
    layout
        "data": raw columns, numbers in full (usual for CSV and Excel). "journal": words for names and codes in `language`,
        intervals in one cell, p as "< .001" (usual for Markdown, LaTeX and HTML). Answers and draws behind every row, the kind of
        interval and, in English, what the result says in its headline stand in a note below the table (not in CSV).
    codebook
        Gives constructs and items their wording in the journal layout; where a result knows its survey, its own is used.

    Raises
    ------
    FileError
        An unknown suffix, several tables for one CSV file, or a place that cannot be written to.
    ReportError
        Something without a table, or an unknown language or layout.

    Notes
    -----
    A text that a spreadsheet would run as a formula gets an apostrophe before it in CSV, and is stored as text in Excel. A file
    with customer keys (a column `key`) can be read by its owner alone.
    A LaTeX file is to be read into a document and says in its first lines which packages that has to load; any LaTeX
    compiles it, but Chinese needs XeLaTeX or LuaLaTeX with ctex. Tables of more than 40 rows run on over pages.

    Examples
    --------
    >>> import tempfile
    >>> frame = pd.DataFrame({"term": ["Quality -> Loyalty"], "estimate": [0.25], "p_value": [0.0001]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     print(export(frame, f"{folder}/paths.md").read_text("utf-8"))
    | Term                        | Estimate |      p |
    | --------------------------- | -------: | -----: |
    | Perceived quality → Loyalty |    0.250 | < .001 |
    """
    require_choices(language, digits)
    if layout is not None and layout not in get_args(TableLayout):
        raise ReportError(f"layout must be one of {', '.join(map(repr, get_args(TableLayout)))}, not {layout!r}.")
    path = Path(path)
    frames = frames_of(result, title or "")
    said = remarks_of(result, frames, language)
    in_folder = isinstance(result, Mapping) and (not path.suffix or path.is_dir())
    files = {path: frames}
    if in_folder:
        names = _distinct(frames, r'[\\/:*?"<>|\x00-\x1f]', 100)
        files = {path / f"{file}.csv": {name: frames[name]} for name, file in zip(frames, names, strict=True)}
    _require_place(path, in_folder, len(frames))
    for file, part in files.items():
        suffix = file.suffix.lower()
        how = layout or SUFFIXES[suffix]
        labels = Labels(language, codebook)
        grids = [
            data_grid(name, frame) if how == "data" else journal_grid(name, frame, labels, digits, said[name])
            for name, frame in part.items()
        ]
        data = _content(suffix, part if how == "data" else None, grids, title or "", language)
        write_whole(file, data, private=any(_KEY in frame.columns for frame in part.values()))
    return path


def _require_place(path: Path, in_folder: bool, tables: int) -> None:
    known = ", ".join(SUFFIXES)
    if not in_folder and path.suffix.lower() not in SUFFIXES:
        raise FileError(f"{path}: a table is not written as {path.suffix or 'a folder'!r}. Known suffixes are {known}.")
    if not in_folder and path.suffix.lower() == ".csv" and tables > 1:
        raise FileError(
            f"{path}: a CSV file holds one table, not {tables}. Write one file a table, or name a folder "
            f"({path.with_suffix('')}) to get one CSV file for each."
        )


def _content(suffix: str, raw_frames: Frames | None, grids: Sequence[Grid], title: str, language: str) -> bytes:
    """The bytes of a file; CSV and Excel take numbers from the raw frames where these are wanted."""
    if suffix == ".xlsx":
        return _workbook(grids, raw_frames)
    if suffix == ".csv":
        return _csv(grids[0], None if raw_frames is None else next(iter(raw_frames.values())))
    text = {".md": markdown, ".tex": latex}.get(suffix)
    return (html(grids, title, language) if text is None else text(grids, title)).encode()


def _csv(grid: Grid, frame: pd.DataFrame | None) -> bytes:
    """UTF-8 with byte-order mark, so that Excel reads Chinese."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([neutral(name) for name in grid.header])
    if frame is None:
        writer.writerows([neutral(cell) for cell in row] for row in grid.rows)
    else:
        columns = [values for _, values in columns_of(frame)]
        writer.writerows(
            [raw(v) if types.is_number(v) else neutral(raw(v)) for v in row] for row in zip(*columns, strict=True)
        )
    return text.getvalue().encode("utf-8-sig")


class _Exact(float):
    """A number that XlsxWriter writes in full: it formats with 16 digits, and a double may need 17."""

    def __format__(self, _: str) -> str:
        return repr(float(self))


def _workbook(grids: Sequence[Grid], raw_frames: Frames | None) -> bytes:
    data = io.BytesIO()
    with xlsxwriter.Workbook(data, {"in_memory": True}) as book:
        book.set_properties({"created": dt.datetime(2000, 1, 1)})  # the same table gives the same bytes
        names = _distinct([grid.title for grid in grids], r"[\[\]:*?/\\\x00-\x1f]|^'|'$|^history$", 31)
        frames = [None] * len(grids) if raw_frames is None else list(raw_frames.values())
        for name, grid, frame in zip(names, grids, frames, strict=True):
            _sheet(book, name, grid, frame)
    return data.getvalue()


def _sheet(book: Any, name: str, grid: Grid, frame: pd.DataFrame | None) -> None:  # noqa: ANN401 - XlsxWriter is untyped
    sheet = book.add_worksheet(name)
    sides = [{"align": "right" if number else "left"} for number in grid.numeric]
    for j, text in enumerate(grid.header):
        sheet.write_string(0, j, text, book.add_format(sides[j] | {"bold": True, "top": 2, "bottom": 1}))
    last = len(grid.rows)
    columns: list[Iterable[object]] = (
        list(zip(*grid.rows, strict=True)) if frame is None else [values for _, values in columns_of(frame)]
    )
    for j, values in enumerate(columns):
        plain, final = book.add_format(sides[j]), book.add_format(sides[j] | {"bottom": 2})
        for i, value in enumerate(values, start=1):
            _write(sheet, (i, j), value, final if i == last else plain)
    sheet.ignore_errors({"number_stored_as_text": f"A1:XFD{last + 1}"})
    sheet.freeze_panes(1, 0)
    sheet.autofit()
    if grid.note:  # after the columns have found their widths
        sheet.write_string(last + 1, 0, grid.note)


def _write(sheet: Any, place: tuple[int, int], value: object, style: object) -> None:  # noqa: ANN401
    """A cell by its type; a text stays a text whatever it begins with, and so does a number that Excel cannot hold."""
    if isinstance(value, bool | np.bool_):
        sheet.write_boolean(*place, bool(value), style)
    elif isinstance(value, int | np.integer) and abs(int(value)) <= 2**53:
        sheet.write_number(*place, int(value), style)
    elif isinstance(value, float | np.floating) and np.isfinite(value):
        sheet.write_number(*place, _Exact(value), style)
    elif raw(value):
        sheet.write_string(*place, raw(value), style)
    else:
        sheet.write_blank(*place, None, style)


def _distinct(titles: Iterable[str], forbidden: str, longest: int) -> list[str]:
    """Names of sheets or files: without forbidden characters, not too long, no two alike but for case."""
    names: list[str] = []
    for number, title in enumerate(titles, start=1):
        name = re.sub(forbidden, "_", title.strip(), flags=re.IGNORECASE)[:longest].strip(" .") or f"Table {number}"
        taken, repeat = {other.lower() for other in names}, 2
        base = name
        while name.lower() in taken:
            name = f"{base[: longest - 4]} ({repeat})"
            repeat += 1
        names.append(name)
    return names
