"""Excel workbooks and their like (.xlsx, .xlsm, .xlsb, .xls, .ods)."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zipfile import is_zipfile

from python_calamine import CalamineSheet, CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

from csi.errors import CsiWarning, SurveyError, known_names
from csi.survey.readers.grid import Grid
from csi.survey.readers.packed import broken, inspect
from csi.survey.readers.raw import RawTable, drop_empty_rows, table_of_rows

_SIZE_OF_A_TABLE = 0.1  # of the largest sheet: smaller ones are covers, notes and dictionaries
_MOST_HEADER_ROWS = 5
Area = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """A sheet as texts, row by row from the first, and its merged areas: first row, first column, last row, last column."""

    path: Path
    rows: list[list[str]]
    merged: tuple[Area, ...]
    form: str

    def head(self, count: int = 5) -> list[list[str]]:
        """The first rows that hold any text, cells stripped."""
        return self.grid().head(count)

    def grid(self) -> Grid:
        """All rows that hold any text."""
        records, numbers = drop_empty_rows(self.rows, first_number=1)
        return Grid(self.path, records, numbers, self.form)

    def table(self) -> RawTable:
        """A plain table; header rows that are held together by merged cells become one."""
        top, depth = self._header()
        header = self._names(top, depth)
        records, numbers = drop_empty_rows(self.rows[top + depth :], first_number=top + depth + 1)
        kept = [i for i, name in enumerate(header) if name or any(record[i].strip() for record in records)]
        cells = [[record[i] for i in kept] for record in records]
        form = self.form + (f", {depth} header rows" if depth > 1 else "")
        return table_of_rows(self.path, [header[i] for i in kept], cells, numbers, form)

    def _header(self) -> tuple[int, int]:
        """Where the header begins, below titles that are merged over several columns, and how many rows it has."""
        filled = [number for number, row in enumerate(self.rows) if any(cell.strip() for cell in row)]
        top = next((number for number in filled if not self._is_title(number)), filled[0] if filled else 0)
        depth = 1
        for _ in range(_MOST_HEADER_ROWS):
            depth = max([depth, *(self._reach(area) - top for area in self.merged if top <= area[0] < top + depth)])
        return (top, depth) if depth <= _MOST_HEADER_ROWS and top + depth < len(self.rows) else (top, 1)

    def _is_title(self, row: int) -> bool:
        """A lone text that is merged from the first column on."""
        filled = [column for column, cell in enumerate(self.rows[row]) if cell.strip()]
        wide = any(area[0] <= row <= area[2] and area[1] == filled[0] < area[3] for area in self.merged)
        return len(filled) == 1 and wide and not any(any(cells[: filled[0]]) for cells in self.rows)

    def _reach(self, area: Area) -> int:
        """The row below the header, as far as one of its merged areas tells: one over several columns has names beneath it."""
        beneath = self.rows[area[2] + 1][area[1] : area[3] + 1] if area[2] + 1 < len(self.rows) else []
        named = any(cell.strip() and not cell.strip().lstrip("+-").replace(".", "", 1).isdigit() for cell in beneath)
        return area[2] + 1 + (area[3] > area[1] and named)

    def _names(self, top: int, depth: int) -> list[str]:
        rows = [row.copy() for row in self.rows[top : top + depth]]
        for first, left, last, right in self.merged if depth > 1 else ():
            if top <= first and last < top + depth:
                for row in rows[first - top : last - top + 1]:
                    row[left : right + 1] = [self.rows[first][left]] * (right + 1 - left)
        columns = zip(*rows, strict=True) if rows else ()
        return [" / ".join(dict.fromkeys(cell.strip() for cell in column if cell.strip())) for column in columns]


def open_sheet(path: Path, sheet: str | None = None) -> Sheet:
    """One sheet: the named one, else the first visible one that holds a table.

    Raises
    ------
    SurveyError
        No such sheet; a workbook that is broken, protected, or would fill the memory.
    """
    contents = inspect(path) if is_zipfile(path) else None
    with _its_errors(path):
        workbook = CalamineWorkbook.from_path(path)
        names = [m.name for m in workbook.sheets_metadata if m.typ == SheetTypeEnum.WorkSheet]
        if sheet is not None and sheet not in names:
            raise SurveyError(f"{path}: there is no sheet {sheet!r}. {known_names(sheet, names, 'Its sheets are')}")
        chosen = workbook.get_sheet_by_name(sheet) if sheet else _first_table(path, workbook, names)
        texts = _AsTexts()
        rows = [[texts[cell] for cell in row] for row in chosen.to_python(skip_empty_area=False)]
    for (row, column), error in contents.errors.get(chosen.name, {}).items() if contents else ():
        if row < len(rows) and column < len(rows[row]):
            rows[row][column] = error
    merged = tuple((*first, *last) for first, last in chosen.merged_cell_ranges or ())
    return Sheet(path, rows, merged, f"Excel, sheet {chosen.name}")


def read_excel(path: Path, sheet: str | None = None) -> RawTable:
    """Read one sheet, the first with a table unless named; numbers become the text a person would type."""
    return open_sheet(path, sheet).table()


def _first_table(path: Path, workbook: CalamineWorkbook, names: Sequence[str]) -> CalamineSheet:
    """The first visible sheet of some size; others as large are named, for they may be meant."""
    hidden = {m.name for m in workbook.sheets_metadata if m.visible != SheetVisibleEnum.Visible}
    sheets = [workbook.get_sheet_by_name(name) for name in sorted(names, key=lambda name: name in hidden)]
    sizes = [sheet.height * sheet.width if sheet.height > 1 else 0 for sheet in sheets]
    shown = [size for sheet, size in zip(sheets, sizes, strict=True) if sheet.name not in hidden]
    least = max(shown if any(shown) else sizes, default=0) * _SIZE_OF_A_TABLE
    tables = [sheet for sheet, size in zip(sheets, sizes, strict=True) if size >= max(least, 1)]
    if not tables:
        raise SurveyError(
            f"{path}: no sheet holds a header row and at least one answer ({', '.join(names) or 'no sheet'})."
        )
    chosen = tables[0]
    rivals = [s.name for s in tables[1:] if 2 * s.height >= chosen.height and s.name not in hidden - {chosen.name}]
    if rivals:
        warnings.warn(
            f"{path}: the first sheet with a table, {chosen.name!r}, is read; {', '.join(map(repr, rivals[:10]))} hold tables "
            f"too. Say which is meant: in Python as sheet={chosen.name!r}, in a study file as sheet = under [[waves]].",
            CsiWarning,
            stacklevel=2,
        )
    return chosen


@contextmanager
def _its_errors(path: Path) -> Iterator[None]:
    """Whatever goes wrong in the reader of workbooks is the workbook's fault, and so are its panics, which are no `Exception`."""
    try:
        yield
    except (SurveyError, CsiWarning, KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except PasswordError:
        raise SurveyError(f"{path}: the workbook is protected by a password. Save it without one.") from None
    except BaseException as error:
        raise broken(path, error) from None


class _AsTexts(dict[object, str]):
    """Cells as texts, each distinct one made once."""

    def __missing__(self, cell: object) -> str:
        self[cell] = text = as_text(cell)
        return text


def as_text(cell: object) -> str:
    """What a person would type for the value of a cell.

    >>> as_text(7.0), as_text(0.1 + 0.2), as_text(True), as_text(datetime(2026, 9, 30)), as_text(time(9, 5))
    ('7', '0.3', '1', '2026-09-30', '09:05:00')
    """
    if isinstance(cell, bool):
        return str(int(cell))
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else f"{cell:.15g}"  # spreadsheets keep 15 digits
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time.min else cell.isoformat(sep=" ")
    if isinstance(cell, timedelta):
        minutes, seconds = divmod(round(cell.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    return cell.isoformat() if isinstance(cell, (date, time)) else str(cell)
