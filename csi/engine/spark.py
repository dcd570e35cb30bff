"""What Spark needs done otherwise than ibis does it: sessions, CSV files, Arrow in and out without pandas.

Clocks: the session's zone is UTC. A timestamp without a zone is TIMESTAMP_NTZ, one with a zone is TIMESTAMP; ibis shows
both alike, so that `is_zoned` asks Spark itself.
"""

import os
import re
import sys
import uuid
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Any

import ibis
import pyarrow as pa

from csi.engine.failures import engine_errors, quiet
from csi.errors import FileError, LinkError

_MASTER = re.compile(r"local(\[.+\])?|spark://.+|yarn|k8s://.+|pyspark://")
_SETTINGS = {"spark.ui.showConsoleProgress": "false", "spark.sql.timestampType": "TIMESTAMP_NTZ"}
_SEPARATORS = (",", ";", "\t", "|")


def is_master(url: str) -> bool:
    """Whether an address is that of a Spark master; 'pyspark://' is the session of spark-submit or a notebook."""
    return _MASTER.fullmatch(url) is not None


def is_spark(backend: Any) -> bool:  # noqa: ANN401 - ibis is untyped
    """Whether a backend is Spark."""
    return str(backend.name) == "pyspark"


def connected(url: str, settings: Mapping[str, str]) -> Any:  # noqa: ANN401
    """The ibis backend of a Spark session, which is started unless one is there."""
    with quiet():
        from pyspark.sql import SparkSession

        builder = SparkSession.builder.appName("csi")
        if url != "pyspark://":
            builder = builder.master(url)
        if url.startswith("local"):  # workers on this machine have this Python with its packages
            os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        for name, value in {**_SETTINGS, **settings}.items():
            builder = builder.config(name, value)
        session = builder.getOrCreate()
        running = session.sparkContext.master
        if url not in (running, "pyspark://"):
            raise LinkError(
                f"{url}: this program is connected to Spark at {running!r} already, and a program has one Spark. Use that one, "
                "or start another program."
            )
        return ibis.pyspark.connect(session)


def frame_of(expression: Any) -> Any:  # noqa: ANN401
    """The Spark frame of an ibis expression."""
    backend = expression.get_backend()
    with quiet():
        return backend.raw_sql(backend.compile(expression))


def to_arrow(table: Any) -> pa.Table:  # noqa: ANN401
    """A result that is small. Not through pandas, as ibis would: whole numbers beside gaps would lose digits there."""
    return _plain(frame_of(table).toArrow(), table)


def arrow_batches(table: Any, size: int) -> Iterator[pa.RecordBatch]:  # noqa: ANN401
    """A result of any size, one partition at a time in this program; Arrow packs the rows where they are."""
    # Made here, so that a worker of the cluster gets the function itself and need not have this package.
    with quiet():
        packed = frame_of(table).mapInArrow(_packer(), "batch binary")
    for row in packed.toLocalIterator():
        rows = pa.ipc.open_stream(row.batch).read_all()
        yield from _plain(rows, table).to_batches(max_chunksize=size)


def _packer() -> Any:  # noqa: ANN401
    def packed(batches):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        import pyarrow

        schema = pyarrow.schema([("batch", pyarrow.binary())])
        for batch in batches:
            sink = pyarrow.BufferOutputStream()
            with pyarrow.ipc.new_stream(sink, batch.schema) as stream:
                stream.write_batch(batch)
            yield pyarrow.RecordBatch.from_arrays([pyarrow.array([sink.getvalue().to_pybytes()])], schema=schema)

    packed.__module__ = "__main__"  # what belongs to no package is sent whole
    return packed


def _plain(rows: pa.Table, table: Any) -> pa.Table:  # noqa: ANN401
    """Rows in the types that ibis promises: moments on the clock of UTC, whole numbers in the width asked for."""
    return rows.cast(table.schema().to_pyarrow())


def held(backend: Any, rows: pa.Table) -> Any:  # noqa: ANN401
    """Rows of this program as a table of Spark."""
    name = ibis.util.gen_name("csi_rows")
    with quiet():
        session_of(backend).createDataFrame(rows).createOrReplaceTempView(name)
    return backend.table(name)


def session_of(backend: Any) -> Any:  # noqa: ANN401
    """The Spark session of a backend."""
    return backend.raw_sql("SELECT 1").sparkSession


def is_zoned(column: Any) -> bool:  # noqa: ANN401
    """Whether a column of timestamps has a time zone."""
    field = frame_of(column.name("moment").as_table()).schema[0]
    return str(field.dataType.typeName()) == "timestamp"


def read_csv(backend: Any, path: str, text: Collection[str]) -> Any:  # noqa: ANN401
    """A CSV file with the kinds of columns that DuckDB would see: numbers with leading zeros are texts.

    Kinds are inferred from all rows, and a cell that is not of its column's kind stops the reading instead of becoming a gap.
    """
    from pyspark.sql import functions as f
    from pyspark.sql.types import DataType, NumericType, StringType, StructType

    first = session_of(backend).read.text(path).first()
    header = first[0] if first else ""
    # Without pruning, rows that are too short or too long are noticed whichever columns are asked for.
    options = {"header": True, "sep": max(_SEPARATORS, key=header.count), "escape": '"', "columnPruning": False}

    def reader(**more: Any) -> Any:  # noqa: ANN401
        return session_of(backend).read.options(**options, **more)

    inferred = reader(inferSchema=True).csv(path).schema
    cells = reader().csv(path).toDF(*(f"c{j}" for j in range(len(inferred))))
    signs = {"zero": "^[+-]?0[0-9]", "broken": "\ufffd"}
    checks = [
        f.coalesce(f.max(f.col(cell).rlike(pattern)), f.lit(False)).alias(f"{sign}_{cell}")
        for cell in cells.columns
        for sign, pattern in signs.items()
    ]
    found = cells.agg(*checks).first()
    if "\ufffd" in header or any(found[f"broken_{cell}"] for cell in cells.columns):
        raise LinkError(
            f"{path}: the file is not UTF-8. Save it as 'CSV UTF-8' (Excel offers it by that name) or as Parquet."
        )
    schema = StructType()
    for cell, field in zip(cells.columns, inferred, strict=True):
        coded = isinstance(field.dataType, NumericType) and found[f"zero_{cell}"]
        kind: DataType = StringType() if field.name in text or coded else field.dataType
        schema = schema.add(field.name, kind)
    name = ibis.util.gen_name("csi_csv")
    reader(mode="FAILFAST", enforceSchema=False).csv(path, schema=schema).createOrReplaceTempView(name)
    return backend.table(name)


def write_folder(expression: Any, path: str, kind: str) -> None:  # noqa: ANN401
    """Write a table as a folder beside its place, then move it there; wherever Hadoop's file systems reach."""
    frame = frame_of(expression)
    context = frame.sparkSession.sparkContext
    place = context._jvm.org.apache.hadoop.fs.Path
    files = place(path).getFileSystem(context._jsc.hadoopConfiguration())
    target = files.makeQualified(place(path))
    beside = [
        place(target.getParent(), f".{PurePosixPath(path).name}.{uuid.uuid4().hex}.{part}") for part in ("new", "old")
    ]
    new, old = beside
    times = dict.fromkeys(("timestampFormat", "timestampNTZFormat"), "yyyy-MM-dd HH:mm:ss.SSSSSS")
    options = {"header": True, "escape": '"', **times} if kind == "csv" else {}
    try:
        frame.write.format(kind).options(**options).save(str(new))
        if files.exists(target):
            files.rename(target, old)
        if not files.rename(new, target):
            if files.exists(old):
                files.rename(old, target)
            raise FileError(f"{path}: cannot be written: the engine could not move the finished folder {new} there.")
    finally:
        with suppress(*engine_errors()):  # a dead engine cannot tidy up, and its error is on its way already
            for folder in beside:
                files.delete(folder, True)
