"""What must be known of a packed workbook before it is opened: how much it unpacks to, how far its sheets reach, its error cells.

A reader of workbooks makes room for every cell between the first and the last of a sheet, and leaves cells such as #N/A empty.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET

from csi.errors import SurveyError

MOST_BYTES_UNPACKED = 1 << 30
MOST_CELLS = 64_000_000
_BLOCK = 1 << 22
_FAR = re.compile(rb'r="(?:[A-Z]{3,}|[A-Z]{1,2}\d{5})\d')  # beyond column ZZ or row 99,999
_FILLED = re.compile(rb'<(?:\w+:)?c\b[^>]*?\br="([A-Z]+\d+)"[^>]*[^/>]>')
_ERROR = re.compile(rb'<(?:\w+:)?c\b[^>]*?\bt="e"[^>]*>(?:(?!</(?:\w+:)?c>).)*?<(?:\w+:)?v>([^<]*)<', re.DOTALL)
_REFERENCE = re.compile(rb'\br="([A-Z]+)(\d+)"')
_FAULTS = (zipfile.BadZipFile, zlib.error, EOFError, ET.ParseError, LookupError, ValueError, RuntimeError, OSError)
_NAMESPACE = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"


@dataclass(frozen=True, slots=True)
class Contents:
    """Error cells of each sheet of a workbook: (row, column), from 0, -> what stands there."""

    errors: dict[str, dict[tuple[int, int], str]] = field(default_factory=dict)


def inspect(path: Path) -> Contents:
    """Look through a packed workbook without holding it.

    Raises
    ------
    SurveyError
        It is broken, or would fill the memory.
    """
    try:
        with zipfile.ZipFile(path) as packed:
            _require_modest(path, packed)
            return Contents({sheet: _errors(path, packed, sheet, part) for sheet, part in _sheets(packed).items()})
    except _FAULTS as error:
        raise broken(path, error) from None


def broken(path: Path, error: object) -> SurveyError:
    """What is said of a workbook that cannot be opened."""
    return SurveyError(f"{path}: this is not a readable Excel workbook ({error}). Save it again as .xlsx or .csv.")


def _require_modest(path: Path, packed: zipfile.ZipFile) -> None:
    unpacked = sum(part.file_size for part in packed.infolist())
    if unpacked > MOST_BYTES_UNPACKED:
        raise SurveyError(
            f"{path}: the workbook of {path.stat().st_size / 1e6:,.1f} MB unpacks to {unpacked / 1e6:,.0f} MB, more than "
            f"{MOST_BYTES_UNPACKED >> 20:,} MB. Save the sheet of answers as .csv."
        )
    for part in packed.infolist():
        if part.filename.endswith((".xml", ".rels", ".bin")) and not part.filename.startswith("xl/worksheets/"):
            for _ in _blocks(packed, part.filename):
                """Reading a part to its end checks that it is whole."""


def _blocks(packed: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    with packed.open(part) as file:
        while block := file.read(_BLOCK):
            yield block


def _sheets(packed: zipfile.ZipFile) -> dict[str, str]:
    """Name of each sheet of an .xlsx -> its part; of other workbooks, none."""
    parts = set(packed.namelist())
    if not {"xl/workbook.xml", "xl/_rels/workbook.xml.rels"} <= parts:
        return {}
    links = ET.fromstring(packed.read("xl/_rels/workbook.xml.rels"))  # noqa: S314 - expat refuses entities that grow
    targets = {link.get("Id"): link.get("Target", "") for link in links}
    sheets = ET.fromstring(packed.read("xl/workbook.xml")).iter()  # noqa: S314
    named = {e.get("name", ""): targets.get(e.get(f"{_NAMESPACE}id"), "") for e in sheets if e.tag.endswith("}sheet")}
    where = {name: target.removeprefix("/xl/").removeprefix("/") for name, target in named.items()}
    return {name: f"xl/{target}" for name, target in where.items() if f"xl/{target}" in parts}


def _errors(path: Path, packed: zipfile.ZipFile, sheet: str, part: str) -> dict[tuple[int, int], str]:
    errors: dict[tuple[int, int], str] = {}
    far = False
    for block in _whole_cells(packed, part):
        far = far or _FAR.search(block) is not None
        if b't="e"' in block:
            errors |= {_place(cell[0]): cell[1].decode("utf-8", "replace") for cell in _ERROR.finditer(block)}
    if far:
        _require_near(path, packed, sheet, part)
    return errors


def _whole_cells(packed: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    """The sheet piece by piece, no cell being cut in two."""
    rest = b""
    for block in _blocks(packed, part):
        piece = rest + block
        end = piece.rfind(b"</row>") + 1 or piece.rfind(b"</") + 1
        rest = piece[end:]
        yield piece[:end]
    yield rest


def _require_near(path: Path, packed: zipfile.ZipFile, sheet: str, part: str) -> None:
    right = down = (0, "")
    for block in _whole_cells(packed, part):
        for reference in _FILLED.findall(block):
            row, column = _place(b'r="' + reference + b'"')
            right = max(right, (column + 1, reference.decode()))
            down = max(down, (row + 1, reference.decode()))
    if right[0] * down[0] > MOST_CELLS:
        raise SurveyError(
            f"{path}: sheet {sheet!r} reaches to cell {right[1]} on the right and {down[1]} below, {right[0] * down[0]:,} cells "
            "in all. A cell far from the table seems to hold something: empty it, or save the sheet of answers as .csv."
        )


def _place(cell: bytes) -> tuple[int, int]:
    """Row and column, from 0, of a cell's own reference."""
    found = _REFERENCE.search(cell)
    column = 0
    for letter in found[1] if found else b"A":
        column = 26 * column + letter - 64
    return int(found[2]) - 1 if found else 0, column - 1
