"""Excel workbooks (.xlsx, .xls, .xlsb, .ods)."""

from datetime import date, datetime
from pathlib import Path

from python_calamine import CalamineError, CalamineWorkbook

from csi.errors import SurveyError, known_names
from csi.survey.readers.raw import RawTable, drop_empty_rows, table_of_rows


def read_excel(path: Path, sheet: str | None = None) -> RawTable:
    """Read one sheet, the first unless named; numbers become the text a person would type."""
    try:
        workbook = CalamineWorkbook.from_path(path)
        names = workbook.sheet_names
        if sheet is not None and sheet not in names:
            raise SurveyError(f"{path}: there is no sheet {sheet!r}. {known_names(sheet, names, 'Its sheets are')}")
        cells = workbook.get_sheet_by_name(sheet or names[0]).to_python(skip_empty_area=False)
    except (CalamineError, OSError) as error:
        raise SurveyError(
            f"{path}: this is not a readable Excel workbook ({error}). Save it again as .xlsx or .csv."
        ) from None
    table = [[_text(cell) for cell in row] for row in cells]
    header = [cell.strip() for cell in table[0]] if table else []
    rows, numbers = drop_empty_rows(table[1:], first_number=2)
    return table_of_rows(path, header, rows, numbers, f"Excel, sheet {sheet or names[0]}")


def _text(cell: object) -> str:
    if isinstance(cell, bool):
        return str(int(cell))
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime) and cell.time() == datetime.min.time():
        return cell.date().isoformat()
    if isinstance(cell, (datetime, date)):
        return cell.isoformat(sep=" ") if isinstance(cell, datetime) else cell.isoformat()
    return str(cell)
