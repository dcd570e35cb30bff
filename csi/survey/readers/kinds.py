"""What kind of file something is, told by its content."""

import re
import zipfile
from pathlib import Path

_HEAD = 1 << 16
_MOST_CONTROLS = 0.04  # of bytes: random ones have 0.1
TEXT, WORKBOOK, GZIP = "text", "workbook", "gzip"
SPSS, STATA, PARQUET = "spss", "stata", "parquet"
_MARKS = (
    (b"$FL2", SPSS), (b"$FL3", SPSS), (b"<stata_dta>", STATA), (b"PAR1", PARQUET), (b"\x1f\x8b", GZIP),
    (b"ASCII SPSS PORT FILE", "an SPSS portable file; save it as .sav"),
    (b"%PDF", "a PDF; ask for the file of answers it was made from"),
    (b"\x89PNG", "a picture (PNG)"), (b"\xff\xd8\xff", "a picture (JPEG)"), (b"GIF8", "a picture (GIF)"),
    (b"{\\rtf", "a rich-text document; copy its table into a sheet"),
    (b"SQLite format 3", "an SQLite database; export the table of answers as .csv"),
    (b"ARROW1", "an Arrow file; save it as .parquet"), (b"FEA1", "a Feather file; save it as .parquet"),
    (b"BZh", "a bzip2 archive; unpack it first"), (b"\xfd7zXZ", "an xz archive; unpack it first"),
    (b"7z\xbc\xaf", "a 7-Zip archive; unpack it first"), (b"Rar!", "a RAR archive; unpack it first"),
    (b"RDX", "R data; save the frame in R with write.csv"), (b"RDA", "R data; save the frame in R with write.csv"),
    (b"HEADER RECORD*******", "a SAS transport file; save it as .sav or .csv"),
    (b"\0" * 12 + b"\xc2\xea\x81\x60", "a SAS data set; save it as .sav or .csv"),
)  # fmt: skip
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_STREAMS = (
    ("EncryptedPackage", "an Office file protected by a password; save it without one"),
    ("WordDocument", "a Word document; copy its table into a sheet"),
    ("PowerPoint Document", "a PowerPoint presentation; ask for the file of answers it was made from"),
)
_PARTS = (
    ("xl/workbook.", WORKBOOK), ("word/", "a Word document; copy its table into a sheet"),
    ("ppt/", "a PowerPoint presentation; ask for the file of answers it was made from"),
)  # fmt: skip
_OLD_STATA = re.compile(rb"[\x69\x6c\x6e-\x73][\x01\x02]\x01\x00")
_WRITTEN = (
    (r"<!doctype html|<html|<head|<body|<table|<div", "a web page; open it in a spreadsheet and save it as .xlsx"),
    (r"<\?xml[^>]*>\s*(<\?mso[^>]*>\s*)?<(ss:)?workbook", "an XML spreadsheet; open it in a spreadsheet and save it as .xlsx"),
    (r"(<\?xml[^>]*>\s*)?<document>\s*<limesurvey", "a LimeSurvey structure; it says what was asked. Export the answers as .csv"),
    (r"<\?xml", "an XML file; export the answers as .csv or .xlsx"),
    (r'\{\s*"surveyentry"', "a Qualtrics survey definition; it says what was asked. Export the answers as .csv"),
    (r'[\[{]\s*["\[{\]}]', "a JSON file; export the answers as .csv or .xlsx"),
)  # fmt: skip


def kind_of(path: Path) -> str:
    """One of the kinds that can be read, else what was recognised and, after a semicolon, what to do."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head.startswith(_OLE):
        return next((what for name, what in _STREAMS if _holds(path, name.encode("utf-16-le"))), WORKBOOK)
    if head.startswith(b"PK"):
        return _kind_of_packed(path)
    return kind_of_bytes(head)


def kind_of_bytes(head: bytes) -> str:
    """The kind of a file that is neither an old Office file nor packed, from its first bytes.

    >>> kind_of_bytes(b"%PDF-1.7"), kind_of_bytes(b"q1,q2"), kind_of_bytes(b'{"a": 1}')
    ('a PDF; ask for the file of answers it was made from', 'text', 'a JSON file; export the answers as .csv or .xlsx')
    """
    marked = next((what for mark, what in _MARKS if head.startswith(mark)), None)
    if marked or _OLD_STATA.match(head):
        return marked or STATA
    wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    start = (head[: len(head) & ~1].decode("utf-16", "replace") if wide else head.decode("latin-1")).lstrip(
        "\ufeffï»¿ \t\r\n"
    )
    written = next((what for pattern, what in _WRITTEN if re.match(pattern, start, re.IGNORECASE)), None)
    if written:
        return written
    controls = sum(head.count(byte) for byte in {*range(1, 32)} - {*b"\t\n\v\f\r\x1a\x1b"})
    zeros = head.count(0)  # of texts in UTF-16, or of a damaged file
    binary = not wide and not zeros and controls > _MOST_CONTROLS * len(head)
    return "binary data, not a table; export the answers as .csv or .xlsx" if binary else TEXT


def _holds(path: Path, name: bytes) -> bool:
    """The directory of an old Office file may stand anywhere in it."""
    with path.open("rb") as file:
        rest = b""
        while block := file.read(1 << 22):
            if name in rest + block:
                return True
            rest = block[-len(name) :]
    return False


def _kind_of_packed(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as packed:
            names = packed.namelist()
            document = packed.read("mimetype")[:200].decode("ascii", "replace") if "mimetype" in names else ""
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, ValueError) as error:
        return (
            f"an Excel workbook or another zip file, but a broken one, not a readable Excel workbook ({error}); "
            "fetch it again, or save it again as .xlsx or .csv"
        )
    if "opendocument" in document:
        return WORKBOOK if "spreadsheet" in document else "an OpenDocument file without a sheet; save its table as .ods"
    inside = next((what for part, what in _PARTS if any(name.startswith(part) for name in names)), None)
    files = [name for name in names if not name.endswith("/")]
    listed = ", ".join(files[:5]) + (" ..." if len(files) > 5 else "")
    return inside or f"a zip archive that holds {listed or 'nothing'}; unpack it and name the file of answers"
