"""Engines and how to reach them: DuckDB in this program by default, a Spark cluster, or whatever ibis can talk to."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa

from csi.engine import spark
from csi.engine.failures import first_line, quiet, translated
from csi.engine.table import Table, table_of
from csi.errors import LinkError, known_names

_CSV = {".csv", ".tsv", ".txt"}
_PARQUET = {".parquet", ".pq"}
_REMOTE = re.compile(r"[a-z0-9]+://", re.I)


@dataclass(frozen=True, slots=True, eq=False)
class Engine:
    """A place where tables can be read and asked."""

    backend: Any

    def read(self, path: str | Path, *, text: Collection[str] = ()) -> Table:
        """A Parquet or CSV file (UTF-8) as a table; the `text` columns of a CSV keep every character, leading zeros too.

        A folder of Parquet or CSV files, named like one file, is one table, and so is what Spark writes. Addresses such as
        hdfs:// are handed to the engine as they are.

        Raises
        ------
        LinkError
            No such file, a suffix that is neither Parquet nor CSV, or a text file that is not UTF-8.
        """
        name = str(path)
        if not _REMOTE.match(name) and not Path(name).exists():
            raise LinkError(f"{name}: there is no such file. Give the path of a Parquet or CSV table.")
        suffix = Path(name).suffix.lower()
        if suffix not in _CSV | _PARQUET:
            raise LinkError(
                f"{name}: {suffix or 'no suffix'!r} is not a known kind of behaviour table. Save it as .parquet or .csv."
            )
        with translated(name), quiet():
            if suffix in _PARQUET:
                return Table(self.backend.read_parquet(self._files(name, suffix)), name)
            return Table(self._csv(self._files(name, suffix), text), name)

    def _files(self, name: str, suffix: str) -> str:
        """DuckDB wants a pattern where Spark takes a folder."""
        return f"{name}/*{suffix}" if Path(name).is_dir() and not spark.is_spark(self.backend) else name

    def _csv(self, files: str, text: Collection[str]) -> Any:  # noqa: ANN401 - ibis is untyped
        if spark.is_spark(self.backend):
            return spark.read_csv(self.backend, files, text)
        sniffed = self.backend.read_csv(files)
        forced = {name: "VARCHAR" for name in text if name in sniffed.columns}
        return self.backend.read_csv(files, types=forced) if forced else sniffed

    def table(self, name: str) -> Table:
        """A table of the database that the engine is connected to."""
        with quiet(), translated(name):
            known = self.backend.list_tables()
        if name not in known:
            raise LinkError(f"the engine has no table {name!r}. {known_names(name, known, 'Its tables are')}")
        with quiet(), translated(name):
            return Table(self.backend.table(name), name)

    def hold(self, rows: pa.Table, name: str) -> Table:
        """Rows of this program, such as answers, as a table of the engine."""
        with quiet(), translated(name):
            if spark.is_spark(self.backend):
                return Table(spark.held(self.backend, rows), name)
            if self.backend.name != "duckdb":
                return Table(ibis.memtable(rows), name)
            held = ibis.util.gen_name("csi_rows")
            self.backend.con.register(held, rows)
            return Table(self.backend.table(held), name)


def connect(
    url: str = "duckdb://",
    *,
    threads: int | None = None,
    memory: str | None = None,
    temp_folder: str | Path | None = None,
    settings: Mapping[str, str] | None = None,
) -> Engine:
    """Connect to an engine: DuckDB in memory unless told otherwise.

    Parameters
    ----------
    url
        'duckdb://' (in memory), 'duckdb://base.duckdb' (a file), a Spark master ('local[2]', 'spark://host:7077', 'yarn',
        'k8s://...'; 'pyspark://' for the session that spark-submit or a notebook made), or the ibis address of another engine.
    threads, memory, temp_folder
        Bounds of DuckDB: threads, memory (such as "4GB"), and where it puts what does not fit into that.
    settings
        Further settings by the engine's own names, for Spark such as {"spark.executor.memory": "4g"}; of a Spark that runs
        already only those of its SQL still take effect.

    Raises
    ------
    LinkError
        The engine is unknown, not installed or not reachable, or this program is connected to another Spark.

    Examples
    --------
    >>> connect(threads=1, memory="1GB").backend.name
    'duckdb'
    """
    bounds = {"threads": threads, "memory_limit": memory, "temp_directory": temp_folder and str(temp_folder)}
    chosen = {name: value for name, value in bounds.items() if value is not None}
    if chosen and not url.startswith("duckdb:"):
        raise LinkError(
            f"{url}: threads, memory and temp_folder can be set for DuckDB only; set them where that engine is run, or by the "
            "engine's own names in settings=."
        )
    try:
        if spark.is_master(url):
            return Engine(spark.connected(url, settings or {}))
        backend = ibis.connect(url, **chosen, **(settings or {}))
        if url.startswith("duckdb:"):
            backend.raw_sql("SET TimeZone = 'UTC'")  # moments with a zone read alike on every machine
        return Engine(backend)
    except ImportError as error:
        extra = "csi[spark]" if spark.is_master(url) else f"ibis-framework[{url.partition(':')[0]}]"
        raise LinkError(
            f"cannot connect to {url!r}: {first_line(error)}. Install what this engine needs: pip install '{extra}'."
        ) from error
    except LinkError:
        raise
    except Exception as error:  # every engine has errors of its own; all mean that there is no connection
        needs = " Spark needs Java 17 on this machine and a master that answers." if spark.is_master(url) else ""
        raise LinkError(
            f"cannot connect to {url!r}: {first_line(error)}.{needs} DuckDB in memory is 'duckdb://', Spark on this machine "
            "'local[2]'."
        ) from error


def opened(base: str | Path | Table | Any, name: str) -> Table:  # noqa: ANN401
    """A Parquet or CSV file read in DuckDB, or what `table_of` takes."""
    return connect().read(base) if isinstance(base, str | Path) else table_of(base, name)
