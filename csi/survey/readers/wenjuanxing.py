"""问卷星 (wjx.cn) exports, Excel or CSV, answers by number or by text.

The column's name is its whole header, e.g. "12、总体来说，您对我们的服务满意吗？": a number alone would mean another question
once one is inserted. The wording is the header without its number. Columns that share a number (rows of a matrix,
several answers as 0/1 columns, ranks) share it as `block`; where they leave the question out, it is that of the first of them.

-3 and (跳过) are questions not asked because of another answer, -2 and (空) questions left empty; the numbers are read so
unless other negative numbers show a scale that goes below 0. Text typed in beside a choice, 其他〖...〗, goes to a column
of its own that ends in 〖〗. Several answers in one cell are joined by ┋ and stay so, as do ranks joined by →.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from csi.survey.durations import read_durations
from csi.survey.readers.body import read_body, with_questions
from csi.survey.readers.grid import Grid
from csi.survey.readers.markup import one_line
from csi.survey.readers.non_answers import codes_apart
from csi.survey.readers.raw import Question, RawTable, Texts

_OWN = {"序号", "答题序号", "提交答卷时间", "所用时间", "来源", "来源详情", "来自IP", "总分"}
_NUMBERED = re.compile(r"(\d+)(?:\s*[、.．]\s*|(?=\s*[(（—]))(.*)", re.DOTALL)
_OPTION = re.compile(r"[(（]([^()（）]*(?:[(（][^()（）]*[)）][^()（）]*)*)[)）]$")
_TYPED = re.compile(r"〖(.*?)〗", re.DOTALL)
_GAP_WORDS = {"(跳过)": "routed_past", "（跳过）": "routed_past", "(空)": "skipped", "（空）": "skipped"}
_GAP_NUMBERS = {"-3": "routed_past", "-2": "skipped"}
_TICKS = {"", "0", "1", *_GAP_WORDS, *_GAP_NUMBERS}


def recognises(head: Sequence[Sequence[str]]) -> bool:
    """The time of submission and one more of the platform's own columns.

    >>> recognises([["序号", "提交答卷时间", "所用时间", "1、您的性别"]]), recognises([["序号", "来源", "满意度"]])
    (True, False)
    """
    return bool(head) and "提交答卷时间" in head[0] and bool({"所用时间", "来源", "来自IP"} & set(head[0]))


def read(grid: Grid) -> RawTable:
    """Answers under the platform's own header."""
    table = read_body(grid, [one_line(cell) for cell in grid.head(1)[0]], 1, "问卷星 (Wenjuanxing)")
    table = _with_typed_texts(table)
    return with_questions(table, _questions(table))


def seconds(text: str) -> float:
    """A duration in seconds; NaN where the text is none.

    >>> seconds("137秒"), seconds("2分17秒"), seconds("1小时2分"), seconds("00:02:17"), seconds("02:17"), seconds("N/A")
    (137.0, 137.0, 3720.0, 137.0, 137.0, nan)
    """
    return float(read_durations([text])[0][0])


def _questions(table: RawTable) -> dict[str, Question]:
    numbered = {name: match.groups() for name in table.columns if (match := _NUMBERED.fullmatch(name))}
    parts = Counter(number for name, (number, _) in numbered.items() if not name.endswith("〖〗"))
    stems: dict[str, str] = {}
    questions = {}
    for name, texts in table.columns.items():
        if name in _OWN:
            continue
        number, wording = numbered.get(name, ("", name))
        option = _OPTION.search(wording) if parts[number] > 1 else None
        if parts[number] > 1:
            stem = wording[: option.start()] if option else wording.rpartition("—")[0].rstrip("—")
            stems[number] = stems.get(number) or stem.strip()
            wording = stems[number] + wording if not stem.strip() and wording[:1] in "(（—" else wording
        ticks = {text.strip() for text in texts.distinct} <= _TICKS
        questions[name] = Question(
            wording,
            labels={"1": option[1].strip()} if option and ticks else {},
            gaps=_gaps(texts),
            block=number if parts[number] > 1 else "",
        )
    return questions


def _gaps(texts: Texts) -> dict[str, str]:
    words = {text: _GAP_WORDS[text.strip()] for text in texts.distinct if text.strip() in _GAP_WORDS}
    return words | codes_apart(texts, _GAP_NUMBERS, least=0)


def _with_typed_texts(table: RawTable) -> RawTable:
    """What was typed in beside a choice stands in a column of its own, so that the choice can be read."""
    columns: dict[str, Texts] = {}
    for name, texts in table.columns.items():
        typed = ["┋".join(_TYPED.findall(text)) for text in texts.distinct]
        if name in _OWN or not any("〖" in text for text in texts.distinct):
            columns[name] = texts
            continue
        columns[name] = _mapped(texts, [_TYPED.sub("", text) for text in texts.distinct])
        columns[f"{name}〖〗"] = _mapped(texts, typed)
    return replace(table, columns=columns)


def _mapped(texts: Texts, each: Sequence[str]) -> Texts:
    return Texts.of(np.array(each, dtype=object)[texts.codes])
