"""Scores of the rows of a table, computed where the table is."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ibis

from csi.engine.connection import opened
from csi.engine.table import Table
from csi.errors import LinkError


def with_scores(
    table: str | Path | Table | Any,  # noqa: ANN401
    items: Sequence[str],
    coefficients: Mapping[str, tuple[float, Sequence[float]]],
) -> Table:
    """The table with a column for each score: intercept + sum of coefficient times item, computed where the table is.

    Parameters
    ----------
    table
        As in `moments_of`.
    items
        Columns with the answers.
    coefficients
        Name of the new column -> intercept and one coefficient an item. An item whose coefficient is 0 takes no part.

    Returns
    -------
    Table
        All columns and the scores, which are NULL where an item that takes part is.

    Raises
    ------
    LinkError
        A column is absent, not numeric, or there already; a coefficient is absent or not finite.

    Examples
    --------
    >>> import ibis, pyarrow as pa
    >>> answers = ibis.memtable(pa.table({"q1": [7, 8], "q2": [5, None]}))
    >>> scored = with_scores(answers, ["q1", "q2"], {"Quality": (-1.0, [0.5, 0.25])})
    >>> scored.expression["Quality"].to_pyarrow().to_pylist()
    [3.75, None]
    """
    source = opened(table, "the table of answers")
    source.require_numbers(items, "an item")
    columns = {}
    for name, (intercept, slopes) in coefficients.items():
        if name in source.columns:
            raise LinkError(f"{source.name}: there is a column {name!r} already. Give the score another name.")
        if len(slopes) != len(items) or not all(map(math.isfinite, [intercept, *slopes])):
            raise LinkError(
                f"score {name!r} has {len(slopes)} coefficients for {len(items)} items, or one that is not finite. Give an "
                "intercept and a number for each item, 0 for those that take no part."
            )
        used = [(float(b), source.number(item)) for item, b in zip(items, slopes, strict=True) if b]
        columns[name] = sum((b * x for b, x in used), start=ibis.literal(float(intercept)))
    return Table(source.expression.mutate(**columns), source.name)
