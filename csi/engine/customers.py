"""Customers by number: pseudonyms and base keys meet in a mapping table that its owner alone can read.

The mapping (CSV: number, pseudonym, key; what `csi.number_customers` writes) is joined inside the engine. What comes out has
the numbers and neither pseudonyms nor keys, so that it may be passed on.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from csi.engine.connection import Engine
from csi.engine.operations import join
from csi.engine.table import Table
from csi.errors import LinkError

_COLUMNS = ("number", "pseudonym", "key")


@dataclass(frozen=True, slots=True, eq=False)
class Numbered:
    """A table whose rows have their customer's number, and what became of the others.

    Attributes
    ----------
    table
        The rows of customers in the mapping; the number stands in place of the pseudonym or key, other columns follow.
    rows
        Rows before.
    without_key
        Rows left out because they name no customer.
    unmatched
        Rows left out because the mapping does not have their customer.
    repeated
        Customers that stand in more than one row of `table`.
    """

    table: Table
    rows: int
    without_key: int
    unmatched: int
    repeated: int


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """Answers joined to the base through the mapping.

    Attributes
    ----------
    table
        The answers of customers of the base: number, columns of the answers, columns of the base.
    answers, base
        What became of the rows of each side.
    not_in_base
        Answers of numbered customers that the base does not have.
    """

    table: Table
    answers: Numbered
    base: Numbered
    not_in_base: int


def read_mapping(engine: Engine, path: str | Path) -> Table:
    """The mapping table, checked: the owner alone can read it, and it has one row a number, a pseudonym and a key.

    Raises
    ------
    LinkError
        Others can read the file, it is no such table, or a number, pseudonym or key stands in it twice.
    """
    path = Path(path)
    if os.name == "posix" and path.is_file() and path.stat().st_mode & 0o077:
        raise LinkError(f"{path}: others can read this table of customers. Take that right away: chmod 600 '{path}'.")
    mapping = engine.read(path, text=["pseudonym", "key"])
    mapping.require(_COLUMNS, "a column of the mapping table")
    for column in _COLUMNS:
        count, _ = mapping.repeated(column)
        if count or mapping.gaps(column):
            raise LinkError(
                f"{path}: a {column} stands in two rows or is absent, so that it does not say who is who. Make the table anew "
                "with csi.number_customers."
            )
    return mapping


def numbered(
    table: Table, mapping: Table, column: str, by: Literal["pseudonym", "key"], number: str = "customer"
) -> Numbered:
    """Replace a column of pseudonyms or base keys by the customers' numbers.

    Space around a key does not count, and whole-number keys are compared as text, as `csi.pseudonymise` does.

    Raises
    ------
    LinkError
        The column is absent or neither text nor whole numbers, `number` names another column, or no customer is in the mapping.
    """
    table.require([column], f"the customer's {by}")
    if table.columns[column] not in ("text", "integer"):
        raise LinkError(
            f"{table.name}: the customer's {by} {column!r} must be text or whole numbers, but is a column of kind "
            f"{table.columns[column]!r}; as it is stored, long keys may have lost digits. Save the column as text."
        )
    others = [name for name in table.columns if name != column]
    if number in others:
        raise LinkError(f"{table.name}: there is a column {number!r} already. Give the number another name.")
    texts = table.expression.mutate(__text=table.expression[column].cast("string").strip().nullif(""))
    known = mapping.expression.select(
        __number=mapping.expression["number"].cast("int64"), __known=mapping.expression[by]
    )
    joined = texts.left_join(known, texts["__text"] == known["__known"])
    rows = joined.select(**{number: known["__number"]}, __text=texts["__text"], **{c: texts[c] for c in others})
    counts = _counts(table, rows, number)
    if not counts["matched"]:
        raise LinkError(
            f"{table.name}: none of {counts['rows']:,} rows has a {by} in column {column!r} that is in {mapping.name}. Both must "
            "name customers in the same way"
            + (", and pseudonyms be made with the same CSI_KEY." if by == "pseudonym" else ".")
        )
    found = Table(rows.filter(rows[number].notnull()).drop("__text"), table.name)
    return Numbered(
        found,
        rows=counts["rows"],
        without_key=counts["without_key"],
        unmatched=counts["rows"] - counts["without_key"] - counts["matched"],
        repeated=found.repeated(number)[0],
    )


def _counts(table: Table, rows: Any, number: str) -> dict[str, int]:  # noqa: ANN401
    counts = {"rows": rows.count(), "without_key": rows["__text"].isnull().sum(), "matched": rows[number].count()}
    return {name: int(n or 0) for name, n in table.arrow(rows.agg(**counts)).to_pylist()[0].items()}


def through_mapping(
    answers: Table, base: Table, mapping: Table, *, pseudonym: str = "key", key: str = "id", number: str = "customer"
) -> Answered:
    """Join answers, which have pseudonyms, to a base, which has keys, by the numbers of a mapping.

    Raises
    ------
    LinkError
        As `numbered`; a customer has several rows in the base; no answer is of a customer of the base.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from csi.engine import connect
    >>> engine = connect()
    >>> mapping = engine.hold(pa.table({"number": [1, 2], "pseudonym": ["f0", "a7"], "key": ["139", "138"]}), "customers.csv")
    >>> answers = engine.hold(pa.table({"key": ["a7", "", "77"], "q1": [9, 5, 7]}), "answers")
    >>> base = engine.hold(pa.table({"id": [138, 139], "bill": [58.0, 88.0]}), "base")
    >>> found = through_mapping(answers, base, mapping)
    >>> found.table.arrow(found.table.expression).to_pylist(), found.answers.without_key, found.answers.unmatched
    ([{'customer': 2, 'q1': 9, 'bill': 58.0}], 1, 1)
    """
    one = numbered(answers, mapping, pseudonym, "pseudonym", number)
    other = numbered(base, mapping, key, "key", number)
    if other.repeated:
        raise LinkError(
            f"{base.name}: {other.repeated:,} customers stand in more than one row of column {key!r}. The base must have one row "
            "a customer: keep the last snapshot before the survey."
        )
    joined = join(one.table, other.table, number, how="inner")
    rows = joined.rows()
    if not rows:
        raise LinkError(f"{base.name}: none of the customers who answered is in column {key!r}.")
    return Answered(joined, one, other, not_in_base=one.rows - one.without_key - one.unmatched - rows)
