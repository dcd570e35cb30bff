"""A list of customers as CSV that a spreadsheet shows and cannot run."""

import csv
import io

import pandas as pd

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_of(frame: pd.DataFrame) -> bytes:
    """The frame as CSV for Excel: UTF-8 with byte-order mark, no cell that would be taken for a formula."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([neutral(name) for name in frame.columns])
    writer.writerows([neutral(cell) for cell in row] for row in frame.itertuples(index=False, name=None))
    return text.getvalue().encode("utf-8-sig")


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
