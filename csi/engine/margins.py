"""Margins of the population counted where the customers are: on the whole base, by any engine."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ibis

from csi.display import CROSSED
from csi.engine.connection import opened
from csi.engine.table import Table
from csi.errors import CsiWarning, LinkError

_MOST_LEVELS = 200


def count_margins(
    base: str | Path | Table | Any,  # noqa: ANN401 - an ibis table, which is untyped
    by: Sequence[str | tuple[str, ...]] | Mapping[str, str],
) -> dict[str, dict[str, float]]:
    """Number of customers at each level of columns of the base, as `csi.rake` takes it.

    Only the counts leave the engine. Levels are texts, in order of their size; customers without a value are not counted.

    Parameters
    ----------
    base
        Path of a Parquet or CSV file, a table of an engine, or an ibis table: one row a customer.
    by
        Columns; a tuple of columns is counted crossed, under the name "first x second". A mapping gives segment -> column of the
        base, where the survey has another name for it.

    Raises
    ------
    LinkError
        A column is missing, has no value at all, or more than 200 levels.

    Warns
    -----
    CsiWarning
        Customers have no value in a column.

    Examples
    --------
    >>> import pyarrow as pa
    >>> base = ibis.memtable(pa.table({"region": ["north", "south", "north"], "tier": [1, 2, 1]}))
    >>> count_margins(base, ["region", ("region", "tier")])
    {'region': {'north': 2.0, 'south': 1.0}, 'region x tier': {'north x 1': 2.0, 'south x 2': 1.0}}
    """
    table = opened(base, "the customer base")
    asked = dict(by) if isinstance(by, Mapping) else {_name(columns): columns for columns in by}
    if not asked:
        raise LinkError("no columns to count the margins by; name at least one, e.g. by=['region'].")
    return {
        name: _counts(table, (columns,) if isinstance(columns, str) else columns) for name, columns in asked.items()
    }


def _name(columns: str | tuple[str, ...]) -> str:
    return columns if isinstance(columns, str) else CROSSED.join(columns)


def _counts(table: Table, columns: tuple[str, ...]) -> dict[str, float]:
    table.require(columns, "a margin")
    texts = {f"level{k}": table.expression[name].cast("string").nullif("") for k, name in enumerate(columns)}
    counts = table.expression.select(**texts).group_by(list(texts)).agg(customers=lambda t: t.count())
    largest = counts.order_by([ibis.desc("customers"), *texts]).limit(2 * _MOST_LEVELS)
    found, unknown = dict[str, float](), 0
    for row in table.arrow(largest).to_pylist():
        levels = [row[text] for text in texts]
        if None in levels:
            unknown += int(row["customers"])
        else:
            found[CROSSED.join(levels)] = float(row["customers"])
    name = _name(columns if len(columns) > 1 else columns[0])
    if not found:
        raise LinkError(f"{table.name}: nobody has a value in {name!r}, so it has no margin.")
    if len(found) > _MOST_LEVELS:
        raise LinkError(
            f"{table.name}: {name!r} has more than {_MOST_LEVELS} levels. A margin needs classes: join them, or make bands of a "
            "number first."
        )
    if unknown:
        warnings.warn(
            f"{table.name}: {unknown:,} customers have no value in {name!r} and are not counted in its margin.",
            CsiWarning,
            stacklevel=4,
        )
    return found
