"""A list of customers as CSV that a spreadsheet shows and cannot run."""

import csv
import io
from collections.abc import Iterable
from typing import TextIO

import pandas as pd

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_of(frame: pd.DataFrame) -> bytes:
    """The frame as CSV for Excel: UTF-8 with byte-order mark, no cell that would be taken for a formula."""
    text = io.StringIO(newline="")
    write_rows(text, frame.columns, frame.itertuples(index=False, name=None))
    return text.getvalue().encode("utf-8-sig")


def write_rows(file: TextIO, head: Iterable[object], rows: Iterable[Iterable[object]]) -> None:
    """Write rows one by one, no cell of which would be taken for a formula."""
    writer = csv.writer(file)
    writer.writerow([neutral(name) for name in head])
    writer.writerows([neutral(cell) for cell in row] for row in rows)


def restored(cell: str) -> str:
    """The text that a cell was before `neutral`.

    >>> restored(neutral("=1+1")), restored("'s-Hertogenbosch")
    ('=1+1', "'s-Hertogenbosch")
    """
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


def neutral(cell: object) -> object:
    """The cell with an apostrophe before a text that a spreadsheet would run; a gap is empty, a float has ten digits.

    >>> neutral("=1+1"), neutral("calls"), neutral(-2.5), neutral(float("nan"))
    ("'=1+1", 'calls', '-2.5', '')
    """
    if cell is None or (isinstance(cell, float) and cell != cell):  # noqa: PLR0124 - only NaN differs from itself
        return ""
    if isinstance(cell, float):
        return f"{cell:.10g}"
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
