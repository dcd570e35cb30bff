"""How every result prints, shows in a notebook and becomes a table: written once.

A frame may carry in `attrs` what its columns cannot say; whatever is missing is done without:
    level, interval      coverage and kind of its intervals, e.g. 0.95 and "percentile"
    digits               decimals that its numbers deserve: 1 for points from 0 to 100
    constructs, items    names in the order of the model, each with its wordings by language
    n, draws             the answers and the bootstrap draws behind the whole table
    merged, grouped      columns printed with their interval in one cell; columns printed once for rows of one group
"""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any

import pandas as pd
from pandas.api import types

CROSSED = " x "  # between the names of columns that are crossed, and between their levels
TIDY = ("term", "estimate", "std_error", "ci_low", "ci_high", "p_value", "n")
DIGITS = 3
_LINES = 12
_ROWS = 60  # of a table in a notebook
_LONGEST = 40  # characters of a text in print
_COUNTS = ("sample", "convergence")  # criteria whose values are counts


class Result:
    """Base of the nouns: a headline and a tidy table are enough to print and to show."""

    __slots__ = ()

    def headline(self) -> list[str]:
        """One to four lines that say what this is."""
        return [type(self).__name__]

    def table(self) -> pd.DataFrame:
        """A new tidy DataFrame."""
        raise NotImplementedError

    def shown(self) -> pd.DataFrame:
        """What of the table is printed: of findings, those that do not pass."""
        table = self.table()
        return table[table["verdict"] != "pass"] if "verdict" in table else table

    def __str__(self) -> str:
        lines, table = self.headline(), self.shown()
        room = _LINES - len(lines) - 1
        if len(table) > room:
            rest = f"... {len(table) - room + 1:,} more rows in .table()"
            return "\n".join([*lines, *_lines(table.head(room - 1)), rest])
        return "\n".join([*lines, *(_lines(table) if len(table) else [])])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        table, whole = self.shown(), len(self.table())
        parts = ["<p>" + "<br>".join(map(escape, self.headline())) + "</p>"]
        if len(table):
            parts.append(_html(table.head(_ROWS)))
        if whole > len(table):
            parts.append(f"<p>{whole - len(table):,} pass; they stand in <code>.table()</code></p>")
        if len(table) > _ROWS:
            parts.append(f"<p>{len(table) - _ROWS:,} more rows in <code>.table()</code></p>")
        return "\n".join(parts)


def tidy(rows: Iterable[Mapping[str, Any]], own: Iterable[str] = ()) -> pd.DataFrame:
    """A table with the common columns first, the result's own after them.

    >>> tidy([{"term": "Image", "estimate": 0.5, "r": 1}], own=["r"]).columns.tolist()
    ['term', 'estimate', 'std_error', 'ci_low', 'ci_high', 'p_value', 'n', 'r']
    """
    return pd.DataFrame(list(rows), columns=[*TIDY, *own])


def is_gap(value: object) -> bool:
    """Whether a cell holds nothing."""
    return bool(types.is_scalar(value) and pd.isna(value))  # type: ignore[call-overload]


def is_number(values: "pd.Series[Any]") -> bool:
    """Whether a column holds numbers, so that it stands to the right."""
    return bool(types.is_numeric_dtype(values.dtype) and not types.is_bool_dtype(values.dtype))


def rounded(value: Any, digits: int) -> str:  # noqa: ANN401 - any number
    """A number with so many decimals; what rounds to nothing has no sign.

    >>> rounded(-0.254, 2), rounded(-0.001, 2), rounded(12345.6, 0)
    ('-0.25', '0.00', '12346')
    """
    return f"{round(value, digits) + 0:.{digits}f}"


def signed(value: float, digits: int = 1) -> str:
    """A difference with its sign, none where it rounds to nothing; a real minus, never a hyphen.

    >>> signed(-1.24), signed(0.254, 2), signed(-0.04), signed(1234.5)
    ('−1.2', '+0.25', '0.0', '+1,234.5')
    """
    kept = round(value, digits) + 0
    return f"{kept:{'+' if kept else ''},.{digits}f}".replace("-", "−")


def brief(value: float) -> str:
    """A number with three digits that count, large ones whole: for amounts and costs in a sentence.

    >>> brief(0.07234), brief(12.34), brief(19_500.4)
    ('0.0723', '12.3', '19,500')
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def p_text(value: float) -> str:
    """A p value with three decimals and without the zero before them, as a probability is printed.

    >>> p_text(0.0004), p_text(0.0316), p_text(1.0), p_text(float("nan"))
    ('< .001', '.032', '1.000', '')
    """
    if is_gap(value):
        return ""
    return "< .001" if value < 0.001 else f"{value:.3f}".removeprefix("0")


def is_p_value(name: str) -> bool:
    """Whether a column of this name holds p values."""
    return name == "p_value" or name.endswith("_p")


def is_count(name: str) -> bool:
    """Whether a column of this name holds whole numbers, also where a weight made fractions of them."""
    return name in ("n", "n_effective", "draws") or name.endswith("_n")


def counting(frame: pd.DataFrame) -> "list[bool]":
    """Row by row, whether the estimate is a count among findings that are not."""
    return [c in _COUNTS for c in frame["criterion"]] if "criterion" in frame else [False] * len(frame)


def width(text: str) -> int:
    """Columns that a text fills on a screen: a Chinese character fills two.

    >>> width("mean"), width("均值")
    (4, 4)
    """
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _columns(frame: pd.DataFrame) -> Iterator[tuple[str, list[str], bool]]:
    """Name, texts and side of every column that holds anything."""
    for name, values in frame.items():
        label, number = str(name), is_number(values)
        if is_p_value(label) and number:
            texts = [p_text(value) for value in values]
        elif number:
            digits = 0 if is_count(label) or types.is_integer_dtype(values.dtype) else _decimals(values, frame.attrs)
            whole = counting(frame) if label == "estimate" else [False] * len(frame)
            texts = [_number(v, 0 if w else digits) for v, w in zip(values, whole, strict=True)]
        else:
            texts = ["" if is_gap(value) else " ".join(str(value).split()) for value in values]
        if any(texts):
            yield label, texts, number


def _decimals(values: "pd.Series[float]", attrs: Mapping[Any, Any]) -> int:
    """Four digits in all, three decimals at most, or as many as the frame asks for."""
    size = values.abs().median()
    return min(int(attrs.get("digits", DIGITS)), 0 if size >= 1000 else 1 if size >= 100 else 2 if size >= 10 else 3)


def _number(value: float, digits: int) -> str:
    return "" if is_gap(value) else f"{round(value, digits) + 0:,.{digits}f}"


def _lines(table: pd.DataFrame) -> list[str]:
    columns = []
    for name, texts, number in _columns(table):
        cells = [name, *(text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..." for text in texts)]
        size = max(map(width, cells))
        columns.append([(" " * (size - width(c)) + c) if number else c + " " * (size - width(c)) for c in cells])
    return ["  ".join(row).rstrip() for row in zip(*columns, strict=True)]


def _html(table: pd.DataFrame) -> str:
    columns = list(_columns(table))
    head = "".join(_html_cell("th", name, number) for name, _, number in columns)
    sides = [number for _, _, number in columns]
    rows = [
        "<tr>" + "".join(_html_cell("td", text, number) for text, number in zip(row, sides, strict=True)) + "</tr>"
        for row in zip(*(texts for _, texts, _ in columns), strict=True)
    ]
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n" + "\n".join(rows) + "\n</tbody></table>"


def _html_cell(tag: str, text: str, number: bool) -> str:
    side = "right;white-space:nowrap" if number else "left"
    return f'<{tag} style="padding:2px 8px;text-align:{side}">{escape(text)}</{tag}>'
