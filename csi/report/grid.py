"""A table as texts, laid out as journals print it or with every column raw."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd
from pandas.api import types

from csi.display import DIGITS, counting, is_count, is_gap, is_number, is_p_value, p_text, rounded
from csi.report.labels import Labels
from csi.words import knows, say

TableLayout = Literal["journal", "data"]
Column = tuple[str, "pd.Series[Any]"]
Printed = tuple[str, list[str], bool]  # name, texts, whether they are numbers
_SENTENCES = ("threshold", "advice")  # columns that say in English what the criterion beside them has words for
_CODES = ("criterion", "verdict", "coefficient", "quantity", "need")  # columns whose cells may be codes of csi.words
_NAMES = ("", "term", "construct", "item")  # columns whose cells name constructs and items
_POINTS = ("performance",)  # columns in points from 0 to 100, which deserve one decimal
_NOTED = ("n", "draws")  # columns that become a note where they say the same in every row


@dataclass(frozen=True, slots=True)
class Grid:
    """Texts in rows under a header, numeric columns to the right; `note` stands below."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]
    note: str = ""


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
    return _grid(title, [(name, [raw(value) for value in values], is_number(values)) for name, values in columns])


def raw(value: object) -> str:
    """A cell in full: the shortest text from which the same number is read back; a gap is empty.

    >>> raw(0.1), raw(3), raw(None), raw(True)
    ('0.1', '3', '', 'True')
    """
    if is_gap(value):
        return ""
    return repr(float(value)) if isinstance(value, float) else _text(value)


def journal_grid(
    title: str, frame: pd.DataFrame, labels: Labels, digits: int | None = None, remarks: Sequence[str] = ()
) -> Grid:
    """Rounded numbers, intervals in one cell, p values as '< .001', words for column names, codes and truth values.

    Columns without any value are left out, and so are those that say one thing in every row: the number of answers and of draws
    stand in the note below, with the kind of interval and the remarks.
    """
    labels = labels.knowing(frame.attrs)
    columns = columns_of(frame)
    constant = {name: values.iloc[0] for name, values in columns if name in _NOTED and _is_constant(values)}
    idle = {*constant, *_idle(dict(columns))}
    printed = _journal_columns([c for c in columns if c[0] not in idle], frame, labels, digits)
    shown = [column for column in printed if any(column[1]) or not column[0]]
    shown = _grouped(shown, frame.attrs.get("grouped", ()))
    has_intervals = any(name.endswith("_low") for name, _ in columns)
    note = _note(frame.attrs | constant, has_intervals, remarks, labels.language)
    names = {name for name, _ in columns}
    return _grid(title, [(_heading(name, names, frame.attrs, labels), t, n) for name, t, n in shown], note)


def _grid(title: str, columns: Sequence[Printed], note: str = "") -> Grid:
    header, cells, numeric = zip(*columns, strict=True) if columns else ((), (), ())
    return Grid(title, header, tuple(zip(*cells, strict=True)), numeric, note)


def _is_constant(values: "pd.Series[Any]") -> bool:
    return len(values) > 0 and bool((values == values.iloc[0]).all())


def _idle(columns: Mapping[str, "pd.Series[Any]"]) -> Iterator[str]:
    """Columns that tell nothing: every row is published, the level is the term, no weight made the answers count less."""
    if "published" in columns and columns["published"].all():
        yield "published"
    if "level" in columns and "term" in columns and columns["level"].equals(columns["term"]):
        yield "level"
    if "n_effective" in columns and "n" in columns and (columns["n_effective"] - columns["n"]).abs().max() < 1e-6:
        yield "n_effective"


def _journal_columns(
    columns: list[Column], frame: pd.DataFrame, labels: Labels, digits: int | None
) -> Iterator[Printed]:
    ends = dict(columns)
    merged = frame.attrs.get("merged", ())
    for name, values in columns:
        stem, _, end = name.rpartition("_")
        usual = 1 if {name, stem} & set(_POINTS) else int(frame.attrs.get("digits", DIGITS))
        wanted = usual if digits is None else digits
        if end in ("low", "high") and f"{stem}_low" in ends and f"{stem}_high" in ends:
            if end == "low" and stem not in merged:
                yield f"{stem}_interval", _intervals(ends, stem, wanted), True
        elif name in _SENTENCES and "criterion" in ends:
            codes = [f"{name}.{criterion}" for criterion in ends["criterion"]]
            told = zip(values, codes, strict=True)
            yield name, [say(c, labels.language) if v and knows(c) else _text(v) for v, c in told], False
        elif is_p_value(name):
            yield name, [p_text(value) for value in values], True
        else:
            counts = counting(frame) if name == "estimate" else [is_count(name)] * len(values)
            cells = [_cell(name, v, labels, 0 if c else wanted) for v, c in zip(values, counts, strict=True)]
            if name in merged and f"{name}_low" in ends:
                cells = [f"{v} {i}".strip() for v, i in zip(cells, _intervals(ends, name, wanted), strict=True)]
            yield name, cells, is_number(values)


def _intervals(ends: Mapping[str, "pd.Series[Any]"], stem: str, digits: int) -> list[str]:
    pairs = zip(ends[f"{stem}_low"], ends[f"{stem}_high"], strict=True)
    return [_interval(low, high, digits) for low, high in pairs]


def _grouped(columns: list[Printed], names: Sequence[str]) -> list[Printed]:
    """The columns named, printed only in the first row of those that share the first of them."""
    lead = next((texts for name, texts, _ in columns if names and name == names[0]), [])
    first = [i == 0 or text != lead[i - 1] for i, text in enumerate(lead)]
    return [
        (name, [t if f else "" for t, f in zip(texts, first, strict=True)] if name in names else texts, number)
        for name, texts, number in columns
    ]


def _cell(name: str, value: object, labels: Labels, digits: int) -> str:
    if is_gap(value):
        return ""
    if types.is_bool(value):
        return say("export.yes" if value else "export.no", labels.language)
    if types.is_number(value):
        return _signed(rounded(value, 0 if types.is_integer(value) else digits))
    if isinstance(value, pd.Timestamp) and value == value.normalize():
        return str(value.date())
    if name in _CODES and knows(f"{name}.{value}"):
        return say(f"{name}.{value}", labels.language)
    return labels.term(str(value)) if name in _NAMES else str(value)


def _heading(name: str, others: set[str], attrs: Mapping[Any, Any], labels: Labels) -> str:
    if name == "estimate" and {"rmse", "mae"} <= others:
        name = "q2_predict"  # what PLSpredict estimates
    code = f"export.column.{name}"
    if not knows(code):
        return labels.term(name)
    level = attrs.get("level")
    at = {"level": f"{100 * level:g}"} if level else {}
    ci = say("export.interval_at" if level else "export.interval", labels.language, **at)
    return say(code, labels.language, ci=ci)


def _note(known: Mapping[Any, Any], has_intervals: bool, remarks: Sequence[str], language: str) -> str:
    """What holds for the whole table: answers, draws, kind of interval; then the remarks."""
    parts = [say(f"export.note.{name}", language, value=f"{int(known[name]):,}") for name in _NOTED if name in known]
    if has_intervals and "level" in known:
        code = f"export.note.{known.get('interval')}"
        level = f"{100 * known['level']:g}"
        parts.append(say(code if knows(code) else "export.note.interval", language, level=level))
    sentences = [*([("；" if language == "zh" else "; ").join(parts)] if parts else []), *remarks]
    text = ("。" if language == "zh" else ". ").join(sentence.rstrip(".。") for sentence in sentences)
    return say("export.note", language, text=text) if text else ""


def _signed(number: str) -> str:
    """With a real minus.

    >>> _signed("-0.25"), _signed("inf")
    ('−0.25', '∞')
    """
    return number.replace("-", "−").replace("inf", "∞")


def _interval(low: float, high: float, digits: int) -> str:
    """Both ends in one cell, or the one that is known.

    >>> _interval(0.12, 0.45, 2), _interval(float("nan"), 0.45, 2)
    ('[0.12, 0.45]', '≤ 0.45')
    """
    if is_gap(low) and is_gap(high):
        return ""
    below, above = _signed(rounded(low, digits)), _signed(rounded(high, digits))
    if is_gap(low):
        return f"≤ {above}"
    return f"≥ {below}" if is_gap(high) else f"[{below}, {above}]"


def _text(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
