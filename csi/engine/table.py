"""Behaviour tables where they live, and the few operations that the house needs.

A table of the size of the customer base is never taken into memory as a frame. What leaves the engine is a count, a
summary of columns, the rows of the customers who were asked for by key, or a stream of batches.

Plain columns: every operation that hands out values gives numbers as float64 (NaN becomes a gap), dates as timestamps and
all else, flags included, as text ('true' and 'false'), an empty text being a gap.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import ibis
import pyarrow as pa

from csi.engine import spark
from csi.engine.failures import quiet, translated
from csi.errors import LinkError, known_names

Kind = Literal["integer", "number", "text", "flag", "date", "other"]
POSITION = "__position"
_KEY = "__key"


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

    def levels(self, column: str, count: int) -> list[str]:
        """The most frequent values of a column as texts, gaps left out."""
        values = self.expression.select(value=self._text(column))
        counts = values.filter(values["value"].notnull()).group_by("value").agg(rows=lambda t: t.count())
        found = self.arrow(counts.order_by([ibis.desc("rows"), "value"]).limit(count))
        return [str(value) for value in found["value"].to_pylist()]

    def matching(
        self, column: str, values: Sequence[Any], columns: Sequence[str], as_text: Collection[str] = ()
    ) -> pa.Table:
        """The rows whose `column` is one of `values`: their position in `values` (`POSITION`) and plain `columns`."""
        rows = pa.table({POSITION: pa.array(range(len(values)), pa.int64()), _KEY: pa.array(values)})
        wanted = self.beside(rows)
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
        with translated(self.name, expression):
            if spark.is_spark(self.backend):
                yield from spark.arrow_batches(expression, size)
                return
            reader = expression.to_pyarrow_batches(chunk_size=size)
            with quiet():
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
        tells_nan = self.backend.has_operation(ibis.expr.operations.IsNan)
        if self.columns[column] == "integer" or not tells_nan:
            return x
        return ibis.ifelse(x.isnan(), ibis.null("float64"), x)

    def _text(self, column: str) -> Any:  # noqa: ANN401
        return self.expression[column].cast("string").nullif("")

    def _value(self, scalar: Any) -> Any:  # noqa: ANN401
        return self.arrow(scalar.name("value").as_table())["value"][0].as_py()

    def arrow(self, expression: Any) -> pa.Table:  # noqa: ANN401
        """The result of an expression on this table, which must be small."""
        with translated(self.name, expression), quiet():
            return spark.to_arrow(expression) if spark.is_spark(self.backend) else expression.to_pyarrow()

    @property
    def backend(self) -> Any:  # noqa: ANN401
        """The ibis backend that holds the table."""
        return self.expression.get_backend()

    def beside(self, rows: pa.Table) -> Any:  # noqa: ANN401
        """Rows of this program as an expression that can be joined to this table."""
        return spark.held(self.backend, rows) if spark.is_spark(self.backend) else ibis.memtable(rows)

    def is_zoned(self, column: str) -> bool:
        """Whether a column of moments has a time zone."""
        x = self.expression[column]
        if not x.type().is_timestamp():
            return False
        if spark.is_spark(self.backend):
            with translated(self.name):
                return spark.is_zoned(x)
        return x.type().timezone is not None


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
