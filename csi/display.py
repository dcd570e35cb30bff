"""How every result prints, shows in a notebook and becomes a table: written once."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

TIDY = ("term", "estimate", "std_error", "ci_low", "ci_high", "p_value", "n")
_LINES = 12


class Result:
    """Base of the nouns: a headline and a tidy table are enough to print and to show."""

    __slots__ = ()

    def headline(self) -> list[str]:
        """One to four lines that say what this is."""
        return [type(self).__name__]

    def table(self) -> pd.DataFrame:
        """A new tidy DataFrame."""
        raise NotImplementedError

    def __str__(self) -> str:
        lines = self.headline()
        table = self.table()
        room = _LINES - len(lines) - 1
        if len(table):
            shown = table.head(room).dropna(axis=1, how="all")
            lines += shown.to_string(index=False, max_colwidth=40, float_format=_number).splitlines()[: room + 1]
            if len(table) > room:
                lines[-1] = f"... {len(table) - room + 1} more rows in .table()"
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head = "<br>".join(_escape(line) for line in self.headline())
        return f"<p>{head}</p>{self.table().dropna(axis=1, how='all').to_html(index=False, float_format=_number)}"


def tidy(rows: Iterable[Mapping[str, Any]], own: Iterable[str] = ()) -> pd.DataFrame:
    """A table with the common columns first, the result's own after them.

    >>> tidy([{"term": "Image", "estimate": 0.5, "r": 1}], own=["r"]).columns.tolist()
    ['term', 'estimate', 'std_error', 'ci_low', 'ci_high', 'p_value', 'n', 'r']
    """
    return pd.DataFrame(list(rows), columns=[*TIDY, *own])


def _number(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".") if abs(value) < 1000 else f"{value:,.0f}"


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
