"""Parquet files: typed columns as the texts a person would type.

True and false are 1 and 0; dates and times are written as ISO 8601 does; a list of answers is joined by "┋", which is also what
a `Choice` of one column splits at; a struct becomes a column for each of its fields ("address.city").
"""

import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from csi.errors import SurveyError
from csi.survey.readers.arrow import texts_of
from csi.survey.readers.body import with_questions
from csi.survey.readers.labelled import number_text
from csi.survey.readers.raw import Question, RawTable, Texts, unique_names

_DESCRIBED = (b"label", b"description", b"comment")
_JOINT = "┋"


def read_parquet(path: Path) -> RawTable:
    """Read a .parquet file; rows are numbered from 1. A label, description or comment in a column's metadata is its wording.

    Raises
    ------
    SurveyError
        The file is damaged, cut short or no Parquet file, or holds no row.
    """
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        with path.open("rb") as file:
            table = pq.ParquetFile(file).read()
    except (pa.ArrowException, OSError) as error:
        raise SurveyError(
            f"{path}: this is not a whole Parquet file ({str(error).splitlines()[0]}): it is damaged, was cut short on its way, "
            "or is another kind of file. Get it again from where it came."
        ) from None
    while any(pa.types.is_struct(field.type) for field in table.schema):
        table = table.flatten()
    names = unique_names(table.column_names)
    columns = {name: _texts(column) for name, column in zip(names, table.columns, strict=True)}
    wordings = [_described(field.metadata or {}) for field in table.schema]
    rows = np.arange(1, len(table) + 1, dtype=np.intp)
    questions = {name: Question(wording) for name, wording in zip(names, wordings, strict=True)}
    return with_questions(RawTable(path, columns, rows, "Parquet"), questions)


def _texts(column: Any) -> Texts:  # noqa: ANN401 - an Arrow column
    import pyarrow as pa  # noqa: PLC0415

    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)  # levels that nobody chose are no texts of the column
    if pa.types.is_nested(kind):
        column = pa.array([None if cell is None else _nested(cell) for cell in column.to_pylist()], pa.string())
    return texts_of(column, _single if pa.types.is_float32(kind) or pa.types.is_float16(kind) else _text)


def _single(value: float) -> str:
    return _text(np.float32(value))


def _text(value: Any) -> str:  # noqa: ANN401 - whatever a column can hold
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, (float, np.floating)):
        return "" if np.isnan(value) else number_text(value)
    if isinstance(value, Decimal):
        return f"{value:f}".rstrip("0").rstrip(".") if "." in f"{value:f}" else str(value)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def _nested(cell: Any) -> str:  # noqa: ANN401 - a list or what lies deeper
    if isinstance(cell, list) and not any(isinstance(part, (list, tuple, dict)) for part in cell):
        return _JOINT.join("" if part is None else _text(part) for part in cell)
    return json.dumps(cell, ensure_ascii=False, default=_text)


def _described(metadata: dict[bytes, bytes]) -> str:
    return next((metadata[key].decode("utf-8", "replace") for key in _DESCRIBED if key in metadata), "")
