"""What engines say when they fail, in the table's name and with a remedy."""

import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
import ibis
import pyarrow as pa
from ibis.expr.operations import DatabaseTable

from csi.errors import LinkError

_CHANGED = "the table has changed since it was opened: its columns, or their kinds, are no longer what they were. Read it anew."
# What is found first in the engine's own words decides.
_FAULTS = (
    (
        r"utf-8|unicode",
        "the file is not UTF-8. Save it as 'CSV UTF-8' (Excel offers it by that name) or as Parquet.",
    ),
    (
        r"shut down|stopped SparkContext|invalidated|Connection already closed|Connection refused|Answer from Java side"
        r"|Error while sending or receiving|An error occurred while trying to connect|NoneType' object has no attribute 'sc'",
        "the engine has died or was closed. What was being written is not there, what stood before still is. Connect anew "
        "(after `csi.connect` every table is read again).",
    ),
    (
        r"TIMESTAMP\(NANOS",
        "Spark does not read moments in nanoseconds. Save the Parquet file with moments in microseconds.",
    ),
    (
        r"Out of Memory|OutOfMemory|max_temp_directory_size|No space left",
        "the engine ran out of room: {said}. Give it more with csi.connect(memory=...) or a larger temp_folder=; on Spark "
        "with settings={{'spark.driver.memory': ...}}.",
    ),
    (
        r"No files found|No such file|Cannot open file|FILE_NOT_EXIST|FileNotFound|PATH_NOT_FOUND|TABLE_OR_VIEW_NOT_FOUND"
        r"|Table with name .* does not exist|does not exist or is not accessible|does not exist!",
        "the table has vanished since it was opened. Put it back, or read it from where it is now.",
    ),
    (
        r"Contents of view were altered|types don't match|DATA_TYPE_MISMATCH|cannot be converted|has changed"
        r"|UNRESOLVED_COLUMN|Referenced column .* not found",
        _CHANGED,
    ),
)
_OTHER = (
    "the engine cannot read this: {said}. Where a column mixes numbers and text, correct the cell or save the table as "
    "Parquet with the column's type."
)


@contextmanager
def translated(name: str, expression: Any = None) -> Iterator[None]:  # noqa: ANN401 - ibis is untyped
    """The engine's errors, as it works out an expression, as LinkError with the table's name."""
    try:
        yield
    except engine_errors() as error:
        text = f"{type(error).__name__} {error}"
        remedy = next((words for found, words in _FAULTS if re.search(found, text, re.I)), _OTHER)
        if remedy is _OTHER and expression is not None and _has_changed(expression):
            remedy = _CHANGED
        raise LinkError(f"{name}: {remedy.format(said=first_line(error))}") from error


def _has_changed(expression: Any) -> bool:  # noqa: ANN401
    """Whether a table that an expression reads has other columns than when it was opened."""
    try:
        backend = expression.get_backend()
        read = expression.op().find(DatabaseTable)
        return any(backend.table(table.name).schema() != table.schema for table in read)
    except engine_errors():
        return False


def engine_errors() -> tuple[type[BaseException], ...]:
    """The errors of the engines that are loaded."""
    kinds: list[type[BaseException]] = [duckdb.Error, ibis.IbisError, pa.ArrowException, ConnectionError]
    if "pyspark" in sys.modules:
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException

        kinds += [Py4JError, PySparkException]
    return tuple(kinds)


@contextmanager
def quiet() -> Iterator[None]:
    """Without the warnings that ibis 12 calls DuckDB, pandas and Spark by names that they have since changed."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"fetch_(record_batch|arrow_table)\(\)", DeprecationWarning)
        warnings.filterwarnings("ignore", r"The 'future\.infer_string' option", DeprecationWarning)
        warnings.filterwarnings("ignore", r"PySpark does not yet fully support pandas", FutureWarning)
        yield


def first_line(error: BaseException) -> str:
    """The first words of an engine's error."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:2])[:300].rstrip(".")
