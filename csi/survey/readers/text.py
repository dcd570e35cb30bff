"""CSV and TSV files, whatever their encoding and delimiter."""

import csv
import io
from pathlib import Path

from csi.errors import SurveyError
from csi.survey.readers.raw import RawTable, RefusedRow, table_of_rows

_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def decode(data: bytes, path: Path, encoding: str | None = None) -> tuple[str, str]:
    """Text and encoding: as told, else by byte-order mark, else strict UTF-8, else strict GB18030, else an error.

    >>> decode("满意".encode("gbk"), Path("a.csv"))
    ('满意', 'gb18030')
    """
    marked = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    tried = [encoding] if encoding else [marked] if marked else ["utf-8", "gb18030"]
    for candidate in tried:
        try:
            text = data.decode(candidate)
        except UnicodeDecodeError:
            continue
        except LookupError:
            raise SurveyError(f"{path}: there is no encoding called {candidate!r}. Try 'utf-8' or 'gb18030'.") from None
        if "\0" not in text:
            return text, candidate
    raise SurveyError(
        f"{path}: the text is not {' and not '.join(tried)}. Say which encoding it has, "
        "e.g. 'gb18030' (Chinese), 'big5' (traditional Chinese), 'cp949' (Korean) or 'latin-1' (western Europe): in Python as "
        "encoding='big5', in a study file as encoding = \"big5\" under [[waves]]."
    )


def read_text(path: Path, encoding: str | None = None) -> RawTable:
    """Read a delimited text file; rows with the wrong number of cells are kept apart with the reason."""
    data = path.read_bytes()
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise SurveyError(f"{path}: this is an Excel workbook, not a text file. Give it its own ending, .xlsx or .xls.")
    text, used = decode(data, path, encoding)
    if not text.strip():
        raise SurveyError(f"{path}: the file is empty. A header row and at least one answer are needed.")
    try:
        records = list(csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text)))
    except csv.Error as error:
        raise SurveyError(f"{path}: this is not a table of delimited text ({error}).") from None
    top = next(number for number, record in enumerate(records) if any(cell.strip() for cell in record))
    header = [cell.strip() for cell in records[top]]
    rows, numbers, refused = [], [], []
    for number, record in enumerate(records[top + 1 :], top + 2):
        if not any(cell.strip() for cell in record):
            continue
        if len(record) != len(header):
            reason = f"{len(record)} cells where the header has {len(header)}"
            refused.append(RefusedRow(number, ",".join(record)[:500], reason))
            continue
        rows.append(record)
        numbers.append(number)
    return table_of_rows(path, header, rows, numbers, f"delimited text, {used}", refused)


def _delimiter(text: str) -> str:
    """The separator that splits the header into most cells, outside quotes; a comma where none does."""
    text = text.lstrip("\r\n ")
    return max(",;\t|", key=lambda mark: len(next(csv.reader(io.StringIO(text, newline=""), delimiter=mark))))
