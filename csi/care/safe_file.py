"""Write a list of customers to a file that only its owner can read and that a spreadsheet cannot run."""

import csv
import os
import tempfile
from pathlib import Path

import pandas as pd

from csi.errors import CareError

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_private_csv(frame: pd.DataFrame, path: str | Path) -> None:
    """Write a frame as CSV for Excel (UTF-8 with BOM), mode 0600; the file appears complete or not at all."""
    path = Path(path)
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise CareError(f"{path}: cannot write in {path.parent}: {error.strerror}. Make the folder first.") from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([neutral(name) for name in frame.columns])
            writer.writerows([neutral(cell) for cell in row] for row in frame.itertuples(index=False, name=None))
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)  # mkstemp made it 0600, and it stays so
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


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
