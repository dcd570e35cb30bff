"""Which reader a file belongs to, by its content and its ending."""

import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from csi.errors import SurveyError
from csi.survey.readers import google_forms, kobo, limesurvey, qualtrics, redcap, surveymonkey, wenjuanxing
from csi.survey.readers.excel import Sheet, open_sheet
from csi.survey.readers.grid import Grid
from csi.survey.readers.kinds import GZIP, PARQUET, SPSS, STATA, TEXT, WORKBOOK, kind_of, kind_of_bytes
from csi.survey.readers.parquet import read_parquet
from csi.survey.readers.raw import RawTable
from csi.survey.readers.spss import read_spss
from csi.survey.readers.stata import read_stata
from csi.survey.readers.text import TextFile, open_text

_TEXT_ENDINGS = {".csv", ".tsv", ".txt", ".tab", ".dat", ".asc", ".gz"}
_EXCEL_ENDINGS = {".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"}


class _Platform(Protocol):
    """A module that reads the exports of one survey platform."""

    def recognises(self, head: Sequence[Sequence[str]]) -> bool:
        """Whether the first records are those of the platform."""

    def read(self, grid: Grid) -> RawTable:
        """The answers, and what the file says about its questions."""


# Whoever demands more of the first records is asked first.
_PLATFORMS: tuple[_Platform, ...] = (
    qualtrics,
    limesurvey,
    wenjuanxing,
    surveymonkey,
    google_forms,
    kobo,
    redcap,
)


def read_raw(path: Path, sheet: str | None = None, encoding: str | None = None) -> RawTable:
    """The texts of a survey file of any known kind.

    Raises
    ------
    SurveyError
        File missing or empty, or of a kind that is not known; the message says what was recognised and what to do.
    """
    kind = _require_known(path)
    if kind == SPSS:
        return read_spss(path, encoding)
    if kind == STATA:
        return read_stata(path, encoding)
    if kind == PARQUET:
        return read_parquet(path)
    source = _open(path, kind, sheet, encoding)
    head = source.head()
    platform = next((platform for platform in _PLATFORMS if platform.recognises(head)), None)
    return source.table() if platform is None else platform.read(source.grid())


def read_grid(path: Path, sheet: str | None = None, encoding: str | None = None) -> Grid:
    """The records of a text or a sheet as they stand.

    Raises
    ------
    SurveyError
        As `read_raw` does, and for files that have no records but columns.
    """
    kind = _require_known(path)
    if kind in (SPSS, STATA, PARQUET):
        raise SurveyError(f"{path}: this is a file of columns ({kind}); a text or a sheet is needed here.")
    return _open(path, kind, sheet, encoding).grid()


def _open(path: Path, kind: str, sheet: str | None, encoding: str | None) -> TextFile | Sheet:
    if kind == WORKBOOK:
        return open_sheet(path, sheet)
    if sheet is not None:
        raise SurveyError(f"{path}: a text has no sheets, but sheet {sheet!r} is asked for. Leave `sheet` out.")
    text = open_text(path, encoding)
    ending = path.suffix.lower()
    widths = {len(record) for record in text.head()}
    if ending not in _TEXT_ENDINGS and (len(widths) != 1 or widths == {1}):
        what = "a readable Excel workbook" if ending in _EXCEL_ENDINGS else "a known kind of survey file"
        raise SurveyError(
            f"{path}: {ending or 'no suffix'!r} with this content is not {what}. Save it as .csv or .xlsx."
        )
    return text


def _require_known(path: Path) -> str:
    if path.is_dir():
        raise SurveyError(f"{path}: this is a folder. Name the file in it.")
    if not path.is_file():
        raise SurveyError(f"{path}: there is no such file.")
    if path.stat().st_size == 0:
        raise SurveyError(f"{path}: the file is empty. A header row and at least one answer are needed.")
    kind = kind_of(path)
    if kind == GZIP:
        kind = _kind_within(path)
    if kind in (TEXT, WORKBOOK, SPSS, STATA, PARQUET):
        return kind
    what, _, remedy = kind.partition("; ")
    remedy = remedy or "A table is needed: .csv, .xlsx, .sav, .dta or .parquet"
    raise SurveyError(f"{path}: this is {what}. {remedy[0].upper()}{remedy[1:]}.")


def _kind_within(path: Path) -> str:
    """A text can be read as it is packed; other kinds have to be unpacked."""
    try:
        with gzip.open(path) as packed:
            kind = kind_of_bytes(packed.read(1 << 16))
    except (EOFError, OSError, zlib.error):
        return TEXT  # whose reader says what is wrong with it
    return kind if kind == TEXT else "a gzip archive of something else than a text; unpack it first"
