"""The operations that the house needs, one function each; they are the same on DuckDB and on Spark.

What is not listed here, in `event_windows`, `customers`, `clocks`, `writing`, `moments`, `margins` and `scores` has not been
compared between engines. A condition or a new column is a function of the table's columns, as in
`keep(bills, lambda t: t["amount"] > 100)`. Gaps: NaN and an empty text are gaps wherever values are counted or summed.
Nothing is read before values are asked for.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import ibis

from csi.engine.clocks import comparable
from csi.engine.table import Table
from csi.errors import LinkError
from csi.kernel.buckets import bucket_of

Columns = Callable[[Any], Any]
Function = Literal["rows", "count", "sum", "mean", "sd", "min", "max", "distinct"]
FUNCTIONS: tuple[Function, ...] = ("rows", "count", "sum", "mean", "sd", "min", "max", "distinct")
_NUMERIC = ("sum", "mean", "sd")


def keep(table: Table, condition: Columns) -> Table:
    """The rows for which a condition holds; where it is unknown it does not.

    >>> import pyarrow as pa
    >>> from csi.engine import connect
    >>> bills = connect().hold(pa.table({"id": [1, 2, 3], "amount": [10.0, 250.0, None]}), "bills")
    >>> keep(bills, lambda t: t["amount"] > 100).rows()
    1
    """
    return Table(table.expression.filter(condition(table.expression)), table.name)


def project(table: Table, columns: Sequence[str] | Mapping[str, str]) -> Table:
    """Some columns in an order; a mapping gives new name -> column."""
    chosen = dict(columns) if isinstance(columns, Mapping) else {name: name for name in columns}
    table.require(list(chosen.values()), "a column")
    return Table(table.expression.select(**{new: table.expression[old] for new, old in chosen.items()}), table.name)


def with_columns(table: Table, columns: Mapping[str, Columns]) -> Table:
    """The table with new columns; LinkError if it has one already."""
    _require_new(table, columns)
    return Table(
        table.expression.mutate(**{name: make(table.expression) for name, make in columns.items()}), table.name
    )


def join(
    left: Table, right: Table, on: str | Sequence[str], how: Literal["left", "inner", "semi", "anti"] = "left"
) -> Table:
    """Rows of both tables with equal keys; `semi` and `anti` keep or drop rows of the left one by what the right one has.

    A row without a key meets no other.

    Raises
    ------
    LinkError
        A key is absent or of different kinds in both tables, other columns have the same name, or the tables are in different
        engines.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from csi.engine import connect
    >>> engine = connect()
    >>> base = engine.hold(pa.table({"id": [1, 2], "tier": ["gold", "basic"]}), "base")
    >>> calls = engine.hold(pa.table({"id": [1, 1, 3], "minutes": [2.0, 4.0, 8.0]}), "calls")
    >>> joined = join(calls, base, "id", how="inner")
    >>> joined.rows(), list(joined.columns)
    (2, ['id', 'minutes', 'tier'])
    """
    keys = [on] if isinstance(on, str) else list(on)
    for key in keys:
        require_same_kind(left, key, right, key)
    others = [] if how in ("semi", "anti") else [name for name in right.columns if name not in keys]
    _require_new(left, others)
    # Plain inputs: an engine may not tell the columns of a table from those of a table made of it.
    a, b = left.expression, right.expression.select(*keys, *others).view()
    joined = a.join(b, [a[key] == b[key] for key in keys], how=how)
    return Table(joined.select(*(a[name] for name in left.columns), *(b[name] for name in others)), left.name)


def last_before(left: Table, right: Table, key: str, as_of: str, at: str) -> Table:
    """Every row of the left table with the last row of the right one strictly before its moment (an as-of join).

    Where several rows of the right table have that moment, the one is taken that is last in the order of the table's columns.
    Where `as_of` or `at` is a date, days are compared.

    Raises
    ------
    LinkError
        As `join`; a moment is not a date, or one of them has a time zone and the other none.
    """
    require_same_kind(left, key, right, key)
    before, moment = comparable(left, as_of, right, at)
    others = [name for name in right.columns if name != key]
    _require_new(left, others)
    asked = left.expression.select(__key=left.expression[key], __before=before).distinct()
    told = right.expression.mutate(__at=moment).rename(__right=key)
    met = asked.inner_join(told, [asked["__key"] == told["__right"], told["__at"] < asked["__before"]])
    order = [ibis.desc(name) for name in ("__at", *others)]
    ranked = met.mutate(__rank=ibis.row_number().over(group_by=["__key", "__before"], order_by=order))
    last = ranked.filter(ranked["__rank"] == 0).select("__key", "__before", *others)
    mine = left.expression.mutate(__mine=before)
    joined = mine.left_join(last, [mine[key] == last["__key"], mine["__mine"] == last["__before"]])
    return Table(joined.select(*(mine[name] for name in left.columns), *(last[name] for name in others)), left.name)


def summarise(table: Table, by: Sequence[str], measures: Mapping[str, tuple[Function, str | None]]) -> Table:
    """One row a group with new name -> (function, column).

    Functions: rows; count (of values), sum, mean, sd (of a sample), min, max, distinct (values). A sum of no value is a gap.

    >>> import pyarrow as pa
    >>> from csi.engine import connect
    >>> bills = connect().hold(pa.table({"id": [1, 1, 2], "amount": [10.0, 30.0, None]}), "bills")
    >>> sums = summarise(bills, ["id"], {"bills": ("rows", None), "mean": ("mean", "amount")})
    >>> sums.arrow(sums.expression.order_by("id")).to_pylist()
    [{'id': 1, 'bills': 2, 'mean': 20.0}, {'id': 2, 'bills': 1, 'mean': None}]
    """
    table.require(by, "a group")
    sums = {name: measure(table, function, column) for name, (function, column) in measures.items()}
    return Table(table.expression.group_by(list(by)).agg(**sums) if by else table.expression.agg(**sums), table.name)


def measure(table: Table, function: Function, column: str | None, where: Any = None) -> Any:  # noqa: ANN401
    """A function of a column over the rows `where` a condition holds, as an ibis aggregate."""
    if function not in FUNCTIONS:
        raise LinkError(f"{table.name}: {function!r} is not one of the functions {', '.join(FUNCTIONS)}.")
    if function == "rows":
        return table.expression.count(where=where)
    if column is None:
        raise LinkError(f"{table.name}: {function!r} needs a column.")
    x = values(table, column, numeric=function in _NUMERIC)
    if function == "distinct":
        return x.nunique(where=where)
    return x.std(where=where, how="sample") if function == "sd" else getattr(x, function)(where=where)


def values(table: Table, column: str, *, numeric: bool) -> Any:  # noqa: ANN401
    """A column whose NaN and empty texts are gaps."""
    (table.require_numbers if numeric else table.require)([column], "a measure")
    kind = table.columns[column]
    if kind in ("integer", "number"):
        return table.number(column) if numeric or kind == "number" else table.expression[column]
    return table.expression[column].nullif("") if kind == "text" else table.expression[column]


def quantiles(table: Table, column: str, probabilities: Sequence[float], by: Sequence[str] = ()) -> Table:
    """Approximate quantiles of a column of numbers, in columns q0, q1, ...; the rank of each is within 1 % of what was asked."""
    if not probabilities or not all(0 <= p <= 1 for p in probabilities):
        raise LinkError(f"{table.name}: quantiles are asked for by probabilities 0 ... 1, not {list(probabilities)}.")
    table.require(by, "a group")
    x = values(table, column, numeric=True)
    found = {f"q{j}": x.approx_quantile(float(p)) for j, p in enumerate(probabilities)}
    return Table(table.expression.group_by(list(by)).agg(**found) if by else table.expression.agg(**found), table.name)


def with_buckets(table: Table, key: str, buckets: int, name: str = "bucket") -> Table:
    """The table with the random bucket 0 ... buckets - 1 of its whole-number key (see `csi.kernel.buckets`)."""
    table.require([key], "the key of the buckets")
    if table.columns[key] != "integer":
        raise LinkError(
            f"{table.name}: buckets need whole-number keys, but {key!r} is a column of kind {table.columns[key]!r}. "
            "`numbered` gives customers numbers."
        )
    return with_columns(table, {name: lambda t: bucket_of(t[key].cast("int64"), buckets).cast("int64")})


def holding(table: Table, conditions: Mapping[str, Columns]) -> dict[str, int]:
    """Name -> rows for which a condition holds, all from one reading of the table.

    >>> import pyarrow as pa
    >>> from csi.engine import connect
    >>> bills = connect().hold(pa.table({"id": [1, 2, 3], "amount": [10.0, 250.0, None]}), "bills")
    >>> holding(bills, {"large": lambda t: t["amount"] > 100, "free": lambda t: t["amount"] == 0})
    {'large': 1, 'free': 0}
    """
    if not conditions:
        return {}
    sums = {f"n{j}": condition(table.expression).sum() for j, condition in enumerate(conditions.values())}
    row = table.arrow(table.expression.agg(**sums)).to_pylist()[0]
    return {name: int(row[f"n{j}"] or 0) for j, name in enumerate(conditions)}


def crosstab(table: Table, rows: str, columns: str) -> Table:
    """How many rows have each pair of values of two columns: one row a pair, column 'n'; gaps are a value."""
    return summarise(table, [rows, columns], {"n": ("rows", None)})


def union(first: Table, *others: Table) -> Table:
    """All rows of tables that have the same columns of the same kinds, whatever their order; repeated rows stay.

    Raises
    ------
    LinkError
        A column is absent or of another kind in one of the tables, or the tables are in different engines.
    """
    expression, kinds = first.expression, first.columns
    for other in others:
        _require_one_engine(first, other)
        other.require(list(kinds), "a column of the table that it is put under")
        extra = [name for name in other.columns if name not in kinds]
        if extra:
            first.require(extra[:1], "a column of the table that is put under it")
        for name, kind in kinds.items():
            if other.columns[name] != kind and {other.columns[name], kind} != {"integer", "number"}:
                raise LinkError(
                    f"{other.name}: column {name!r} is of kind {other.columns[name]!r}, but of kind {kind!r} in {first.name}. "
                    "Give it the same kind in both."
                )
        # Engines put columns together by position, and Spark silently makes texts of numbers.
        a, b = expression, other.expression.select(*kinds)
        wide = {name: "float64" for name in kinds if kinds[name] == "number" or other.columns[name] == "number"}
        expression = ibis.union(a.cast(wide), b.cast(wide)) if wide else ibis.union(a, b)
    return Table(expression, first.name)


def require_same_kind(left: Table, left_key: str, right: Table, right_key: str) -> None:
    """Raise LinkError unless two keys exist, are of one kind that can be compared, and are in one engine."""
    _require_one_engine(left, right)
    left.require([left_key], "the key")
    right.require([right_key], "the key")
    kinds = left.columns[left_key], right.columns[right_key]
    if kinds[0] != kinds[1]:
        raise LinkError(
            f"{left.name} and {right.name} cannot be joined: the key {left_key!r} is of kind {kinds[0]!r} in the one and "
            f"{right_key!r} of kind {kinds[1]!r} in the other. Read both as text (a CSV: read(path, text=[{left_key!r}])), so "
            "that leading zeros count in both."
        )
    if kinds[0] in ("number", "other"):
        raise LinkError(
            f"{left.name}: the key {left_key!r} must be text, whole numbers, flags or dates; as it is stored, long keys may have "
            "lost digits. Save the column as text."
        )


def _require_one_engine(left: Table, right: Table) -> None:
    try:
        (left.expression.count().as_scalar() + right.expression.count().as_scalar()).get_backend()
    except ibis.IbisError as error:
        raise LinkError(
            f"{left.name} and {right.name} are in different engines. Read both with the same engine, or bring the smaller "
            "one over with `engine.hold`."
        ) from error


def _require_new(table: Table, names: Sequence[str] | Mapping[str, Any]) -> None:
    twice = [name for name in names if name in table.columns]
    if twice:
        raise LinkError(f"{table.name}: there is a column {twice[0]!r} already. Give the new one another name.")
