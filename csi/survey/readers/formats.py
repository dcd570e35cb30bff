"""Which reader a file belongs to, by its ending and its content."""

from pathlib import Path

from csi.errors import SurveyError
from csi.survey.readers.excel import read_excel
from csi.survey.readers.raw import RawTable
from csi.survey.readers.text import read_text

_EXCEL = {".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"}
_TEXT = {".csv", ".tsv", ".txt"}


def read_raw(path: Path, sheet: str | None = None, encoding: str | None = None) -> RawTable:
    """The texts of a survey file of any known kind.

    Raises
    ------
    SurveyError
        File missing or empty, or of a kind that is not known; the message says what was recognised and what to do.
    """
    if not path.is_file():
        raise SurveyError(f"{path}: there is no such file.")
    if path.stat().st_size == 0:
        raise SurveyError(f"{path}: the file is empty. A header row and at least one answer are needed.")
    suffix = path.suffix.lower()
    if suffix in _EXCEL:
        return read_excel(path, sheet)
    if suffix in _TEXT:
        return read_text(path, encoding)
    raise SurveyError(
        f"{path}: {suffix or 'no suffix'!r} is not a known kind of survey file. Save it as .csv or .xlsx."
    )
