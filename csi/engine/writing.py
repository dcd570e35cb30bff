"""Tables written whole or not at all: under another name beside their place, then moved there in one step."""

from pathlib import Path

from csi.engine import spark
from csi.engine.failures import quiet, translated
from csi.engine.table import Table
from csi.errors import FileError
from csi.files import whole

_KINDS = {".parquet": "parquet", ".csv": "csv"}


def write(table: Table, path: str | Path) -> None:
    """Write a table as Parquet or CSV, by the suffix of the path: a file, or on Spark a folder of that name.

    If the engine fails or dies, what stood there before is still there and nothing else under that name; of a program that was
    killed a hidden file or folder (its name begins with a point) may remain.

    Raises
    ------
    LinkError
        The engine failed.
    FileError
        The suffix is another one, or the place cannot be written to.

    Examples
    --------
    >>> import pyarrow as pa, tempfile
    >>> from csi.engine import connect
    >>> engine, folder = connect(), Path(tempfile.mkdtemp())
    >>> write(engine.hold(pa.table({"id": [1, 2]}), "base"), folder / "base.parquet")
    >>> engine.read(folder / "base.parquet").rows(), [p.name for p in folder.iterdir()]
    (2, ['base.parquet'])
    """
    kind = _KINDS.get(Path(path).suffix.lower())
    if kind is None:
        raise FileError(f"{path}: tables are written as .parquet or .csv. Give the file one of these suffixes.")
    if spark.is_spark(table.backend):
        with translated(table.name, table.expression):
            spark.write_folder(table.expression, str(path), kind)
        return
    with whole(Path(path)) as temporary, translated(table.name, table.expression), quiet():
        temporary.unlink()  # where there is a file, DuckDB writes to yet another name and leaves that behind
        write_as = table.expression.to_parquet if kind == "parquet" else table.expression.to_csv
        write_as(temporary)
