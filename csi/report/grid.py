"""A table as texts, laid out as journals print it or with every column raw."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd
from pandas.api import types

from csi.report.labels import Labels
from csi.words import knows, say

TableLayout = Literal["journal", "data"]
Column = tuple[str, "pd.Series[Any]"]
_SENTENCES = ("threshold", "advice")  # columns that say in English what the criterion beside them has words for
_CODES = ("criterion", "verdict")  # columns whose cells may be codes of csi.words


@dataclass(frozen=True, slots=True)
class Grid:
    """Texts in rows under a header; numeric columns stand to the right."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]


def columns_of(frame: pd.DataFrame) -> list[Column]:
    """The columns of a frame by name, after the index where that says something: a matrix has its rows' names there."""
    index = frame.index
    counted = index.nlevels == 1 and index.name is None and types.is_integer_dtype(index.dtype)
    if counted and all(isinstance(name, str) for name in frame.columns):
        shown: list[Column] = []
    else:
        levels = range(index.nlevels)
        shown = [(str(index.names[i] or ""), pd.Series(index.get_level_values(i), dtype=object)) for i in levels]
    return shown + [(_text(name), frame.iloc[:, i]) for i, name in enumerate(frame.columns)]


def data_grid(title: str, frame: pd.DataFrame) -> Grid:
    """Every column as it is, numbers in full."""
    columns = columns_of(frame)
    cells = [[raw(value) for value in values] for _, values in columns]
    return _grid(title, [name for name, _ in columns], cells, [_is_number(values) for _, values in columns])


def raw(value: object) -> str:
    """A cell in full: the shortest text from which the same number is read back; a gap is empty.

    >>> raw(0.1), raw(3), raw(None), raw(True)
    ('0.1', '3', '', 'True')
    """
    if _is_gap(value):
        return ""
    return repr(float(value)) if isinstance(value, float) else _text(value)


def journal_grid(title: str, frame: pd.DataFrame, labels: Labels, digits: int = 3) -> Grid:
    """Rounded numbers, intervals in one cell, p values as '< .001', words for column names, codes and truth values.

    Columns without any value are left out.
    """
    header, cells, numeric = [], [], []
    for name, column, is_number in _journal_columns(columns_of(frame), labels, digits):
        if any(column) or not name:
            header.append(_heading(name, labels))
            cells.append(column)
            numeric.append(is_number)
    return _grid(title, header, cells, numeric)


def _grid(title: str, header: list[str], cells: list[list[str]], numeric: list[bool]) -> Grid:
    return Grid(title, tuple(header), tuple(zip(*cells, strict=True)), tuple(numeric))


def _journal_columns(columns: list[Column], labels: Labels, digits: int) -> Iterator[tuple[str, list[str], bool]]:
    ends = dict(columns)
    for name, values in columns:
        stem, _, end = name.rpartition("_")
        if end in ("low", "high") and f"{stem}_low" in ends and f"{stem}_high" in ends:
            if end == "low":
                pairs = zip(values, ends[f"{stem}_high"], strict=True)
                yield f"{stem}_interval", [_interval(low, high, digits) for low, high in pairs], True
        elif name in _SENTENCES and "criterion" in ends:
            codes = [f"{name}.{criterion}" for criterion in ends["criterion"]]
            told = zip(values, codes, strict=True)
            yield name, [say(c, labels.language) if v and knows(c) else _text(v) for v, c in told], False
        elif name == "p_value" or name.endswith("_p"):
            yield name, [_p_value(value) for value in values], True
        else:
            whole = name == "n" or name.endswith("_n")
            cells = [_cell(name, value, labels, 0 if whole else digits) for value in values]
            yield name, cells, _is_number(values)


def _cell(name: str, value: object, labels: Labels, digits: int) -> str:
    if _is_gap(value):
        return ""
    if types.is_bool(value):
        return say("export.yes" if value else "export.no", labels.language)
    if types.is_number(value):
        return _rounded(value, 0 if types.is_integer(value) else digits)
    if isinstance(value, pd.Timestamp) and value == value.normalize():
        return str(value.date())
    if name in _CODES and knows(f"{name}.{value}"):
        return say(f"{name}.{value}", labels.language)
    return labels.term(str(value)) if name in ("", "term", "construct") else str(value)


def _heading(name: str, labels: Labels) -> str:
    code = f"export.column.{name}"
    return say(code, labels.language) if knows(code) else labels.term(name)


def _rounded(value: Any, digits: int) -> str:  # noqa: ANN401 - any number
    """A number with a real minus; what rounds to nothing has no sign.

    >>> _rounded(-0.254, 2), _rounded(-0.001, 2), _rounded(float("inf"), 2)
    ('−0.25', '0.00', '∞')
    """
    return f"{round(value, digits) + 0:.{digits}f}".replace("-", "−").replace("inf", "∞")


def _p_value(value: float) -> str:
    """Three decimals without the zero before them, as a probability is printed.

    >>> _p_value(0.0004), _p_value(0.0316), _p_value(1.0)
    ('< .001', '.032', '1.000')
    """
    if _is_gap(value):
        return ""
    return "< .001" if value < 0.001 else f"{value:.3f}".removeprefix("0")


def _interval(low: float, high: float, digits: int) -> str:
    """Both ends in one cell, or the one that is known.

    >>> _interval(0.12, 0.45, 2), _interval(float("nan"), 0.45, 2)
    ('[0.12, 0.45]', '≤ 0.45')
    """
    if _is_gap(low) and _is_gap(high):
        return ""
    if _is_gap(low):
        return f"≤ {_rounded(high, digits)}"
    return f"≥ {_rounded(low, digits)}" if _is_gap(high) else f"[{_rounded(low, digits)}, {_rounded(high, digits)}]"


def _is_number(values: "pd.Series[Any]") -> bool:
    return bool(types.is_numeric_dtype(values.dtype) and not types.is_bool_dtype(values.dtype))


def _is_gap(value: object) -> bool:
    return bool(types.is_scalar(value) and pd.isna(value))  # type: ignore[call-overload]


def _text(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
