"""Behaviour tables where they live, and the few operations that the house needs.

A table of the size of the customer base is never taken into memory as a frame. What leaves the engine is a count, a
summary of columns, the rows of the customers who were asked for by key, or a stream of batches.

Plain columns: every operation that hands out values gives numbers as float64 (NaN becomes a gap), dates as timestamps and
all else, flags included, as text ('true' and 'false'), an empty text being a gap.
"""

import warnings
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb
import ibis
import pyarrow as pa

from csi.errors import LinkError, known_names

Kind = Literal["integer", "number", "text", "flag", "date", "other"]
POSITION = "__position"
_KEY = "__key"
_CSV = {".csv", ".tsv", ".txt"}
_PARQUET = {".parquet", ".pq"}


@dataclass(frozen=True, slots=True)
class Summary:
    """Count, mean and standard deviation of the recorded values of a numeric column."""

    n: int
    mean: float
    sd: float


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A table that stays in its engine; `name` is what messages call it."""

    expression: Any
    name: str

    @property
    def columns(self) -> dict[str, Kind]:
        """Column -> kind of its values."""
        return {str(name): _kind(dtype) for name, dtype in self.expression.schema().items()}

    def require(self, names: Collection[str], what: str) -> None:
        """Raise LinkError with the known columns unless all `names` exist; `what` says what they are wanted for."""
        absent = [name for name in names if name not in self.columns]
        if absent:
            known = known_names(absent[0], self.columns, "Its columns are")
            raise LinkError(f"{self.name}: there is no column {absent[0]!r}, which is named as {what}. {known}")

    def require_numbers(self, names: Collection[str], what: str) -> None:
        """Raise LinkError unless all `names` are columns of numbers; `what` says what they are wanted for."""
        self.require(names, what)
        for name in names:
            if self.columns[name] not in ("integer", "number"):
                raise LinkError(
                    f"{self.name}: column {name!r}, which is named as {what}, does not hold numbers but is a column of kind "
                    f"{self.columns[name]!r}. Code it as numbers first."
                )

    def rows(self) -> int:
        """How many rows there are."""
        return int(self._value(self.expression.count()))

    def gaps(self, column: str) -> int:
        """Rows without a value in a column."""
        return int(self._value(self._text(column).isnull().sum())) if self.rows() else 0

    def repeated(self, column: str) -> tuple[int, str]:
        """How many values stand in more than one row, and the first of them ('' if none)."""
        counts = self.expression.select(value=self._text(column)).group_by("value").agg(rows=lambda t: t.count())
        twice = counts.filter(counts["value"].notnull() & (counts["rows"] > 1))
        found = self.arrow(twice.agg(count=twice.count(), first=twice["value"].min())).to_pylist()[0]
        return int(found["count"]), found["first"] or ""

    def summary(self, columns: Sequence[str]) -> dict[str, Summary]:
        """Count, mean and sample standard deviation of numeric columns; NaN where they are not defined."""
        if not columns:
            return {}
        plain, parts = self._plain(columns), dict[str, Any]()
        for j, name in enumerate(columns):
            x = plain[name]
            parts |= {f"n{j}": x.count(), f"mean{j}": x.mean(), f"sd{j}": x.std(how="sample")}
        row = self.arrow(plain.agg(**parts)).to_pylist()[0]
        return {
            name: Summary(int(row[f"n{j}"]), _number(row[f"mean{j}"]), _number(row[f"sd{j}"]))
            for j, name in enumerate(columns)
        }

    def typical(self, columns: Sequence[str]) -> dict[str, float | str | None]:
        """Median of numbers, most frequent of texts; None where most rows have no value, which is then what is typical."""
        plain, rows = self._plain(columns), self.rows()
        typical: dict[str, float | str | None] = {}
        for name in columns:
            if self.columns[name] in ("integer", "number"):
                x = plain[name]
                found = self.arrow(plain.agg(n=x.count(), median=x.median())).to_pylist()[0]
                typical[name] = float(found["median"]) if 2 * found["n"] >= max(rows, 1) else None
            else:
                counts = plain.group_by(value=plain[name]).agg(rows=lambda t: t.count())
                first = self.arrow(counts.order_by([ibis.desc("rows"), "value"]).limit(1)).to_pylist()
                typical[name] = first[0]["value"] if first else None
        return typical

    def matching(
        self, column: str, values: Sequence[Any], columns: Sequence[str], as_text: Collection[str] = ()
    ) -> pa.Table:
        """The rows whose `column` is one of `values`: their position in `values` (`POSITION`) and plain `columns`."""
        wanted = ibis.memtable(pa.table({POSITION: pa.array(range(len(values)), pa.int64()), _KEY: pa.array(values)}))
        own = self.expression.select(**self._plain_columns(columns, as_text), **{_KEY: self.expression[column]})
        joined = own.inner_join(wanted, _KEY)
        return self.arrow(joined.select(POSITION, *columns)).sort_by(POSITION)

    def batches(
        self, columns: Sequence[str], *, as_text: Collection[str] = (), size: int = 65_536
    ) -> Iterator[pa.RecordBatch]:
        """Stream plain columns in record batches of about `size` rows, in no promised order."""
        yield from self.stream(self._plain(columns, as_text), size)

    def stream(self, expression: Any, size: int) -> Iterator[pa.RecordBatch]:  # noqa: ANN401 - ibis is untyped
        """Stream an expression on this table in record batches of about `size` rows, in no promised order."""
        with _translated(self.name):
            reader = expression.to_pyarrow_batches(chunk_size=size)
            with _quiet():
                first = next(reader, None)
            if first is not None:
                yield first
                yield from reader

    def _plain(self, columns: Sequence[str], as_text: Collection[str] = ()) -> Any:  # noqa: ANN401 - ibis is untyped
        return self.expression.select(**self._plain_columns(columns, as_text))

    def _plain_columns(self, columns: Sequence[str], as_text: Collection[str]) -> dict[str, Any]:
        kinds, selected = self.columns, {}
        for name in columns:
            x = self.expression[name]
            if name in as_text or kinds[name] in ("text", "flag", "other"):
                selected[name] = self._text(name)
            elif kinds[name] == "date":
                selected[name] = x.cast("timestamp")
            else:
                selected[name] = self.number(name)
        return selected

    def number(self, column: str) -> Any:  # noqa: ANN401
        """A column of numbers as an expression of type float64, NaN being a gap."""
        x = self.expression[column].cast("float64")
        # An engine that has no test for NaN, such as SQLite, stores none.
        tells_nan = self.expression.get_backend().has_operation(ibis.expr.operations.IsNan)
        if self.columns[column] == "integer" or not tells_nan:
            return x
        return ibis.ifelse(x.isnan(), ibis.null("float64"), x)

    def _text(self, column: str) -> Any:  # noqa: ANN401
        return self.expression[column].cast("string").nullif("")

    def _value(self, scalar: Any) -> Any:  # noqa: ANN401
        with _translated(self.name), _quiet():
            return scalar.to_pyarrow().as_py()

    def arrow(self, expression: Any) -> pa.Table:  # noqa: ANN401
        """The result of an expression on this table, which must be small."""
        with _translated(self.name), _quiet():
            return expression.to_pyarrow()


@dataclass(frozen=True, slots=True, eq=False)
class Engine:
    """A place where tables can be read and asked."""

    backend: Any

    def read(self, path: str | Path, *, text: Collection[str] = ()) -> Table:
        """A Parquet or CSV file (UTF-8) as a table; the `text` columns of a CSV keep every character, leading zeros too.

        Raises
        ------
        LinkError
            No such file, a suffix that is neither Parquet nor CSV, or a text file that is not UTF-8.
        """
        path = Path(path)
        if not path.is_file():
            raise LinkError(f"{path}: there is no such file. Give the path of a Parquet or CSV table.")
        suffix = path.suffix.lower()
        if suffix not in _CSV | _PARQUET:
            raise LinkError(
                f"{path}: {suffix or 'no suffix'!r} is not a known kind of behaviour table. Save it as .parquet or .csv."
            )
        with _translated(str(path)):
            if suffix in _PARQUET:
                return Table(self.backend.read_parquet(str(path)), str(path))
            sniffed = self.backend.read_csv(str(path))
            forced = {name: "VARCHAR" for name in text if name in sniffed.columns}
            return Table(self.backend.read_csv(str(path), types=forced) if forced else sniffed, str(path))

    def table(self, name: str) -> Table:
        """A table of the database that the engine is connected to."""
        with _quiet(), _translated(name):
            known = self.backend.list_tables()
        if name not in known:
            raise LinkError(f"the engine has no table {name!r}. {known_names(name, known, 'Its tables are')}")
        return Table(self.backend.table(name), name)


def connect(url: str = "duckdb://", *, threads: int | None = None, memory: str | None = None) -> Engine:
    """Connect to an engine by its ibis URL; DuckDB in memory unless told otherwise.

    `threads` and `memory` (such as "4GB") bound DuckDB; other engines have limits of their own.

    >>> connect(threads=1, memory="1GB").backend.name
    'duckdb'
    """
    settings = {"threads": threads, "memory_limit": memory}
    chosen = {name: value for name, value in settings.items() if value is not None}
    if chosen and not url.startswith("duckdb:"):
        raise LinkError(f"{url}: threads and memory can be set for DuckDB only; set them where that engine is run.")
    try:
        return Engine(ibis.connect(url, **chosen))
    except (ibis.IbisError, duckdb.Error, ImportError, ValueError) as error:
        raise LinkError(f"cannot connect to {url!r}: {_first_line(error)}. DuckDB in memory is 'duckdb://'.") from error


def opened(base: str | Path | Table | Any, name: str) -> Table:  # noqa: ANN401
    """A Parquet or CSV file read in DuckDB, or what `table_of` takes."""
    return connect().read(base) if isinstance(base, str | Path) else table_of(base, name)


def table_of(base: object, name: str = "the behaviour table") -> Table:
    """An ibis table expression (or a `Table`) as a `Table`; LinkError for anything else."""
    if isinstance(base, Table):
        return base
    if isinstance(base, ibis.Table):
        return Table(base, name)
    raise LinkError(
        f"a behaviour table is the path of a Parquet or CSV file, a table of the engine or an ibis table, not "
        f"{type(base).__name__}."
    )


def _kind(dtype: Any) -> Kind:  # noqa: ANN401
    if dtype.is_boolean():
        return "flag"
    if dtype.is_integer():
        return "integer"
    if dtype.is_numeric():
        return "number"
    if dtype.is_string():
        return "text"
    return "date" if dtype.is_date() or dtype.is_timestamp() else "other"


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


@contextmanager
def _translated(name: str) -> Iterator[None]:
    """The engine's errors as LinkError with the table's name."""
    try:
        yield
    except (duckdb.Error, ibis.IbisError, pa.ArrowException) as error:
        if "utf-8" in str(error).lower() or "unicode" in str(error).lower():
            raise LinkError(
                f"{name}: the file is not UTF-8. Save it as 'CSV UTF-8' (Excel offers it by that name) or as Parquet."
            ) from error
        raise LinkError(
            f"{name}: the engine cannot read this: {_first_line(error)}. Where a column mixes numbers and text, "
            "correct the cell or save the table as Parquet with the column's type."
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings that ibis 12 calls DuckDB and pandas by names that they have since changed."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"fetch_(record_batch|arrow_table)\(\)", DeprecationWarning)
        warnings.filterwarnings("ignore", r"The 'future\.infer_string' option", DeprecationWarning)
        yield


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:2])[:300].rstrip(".")
