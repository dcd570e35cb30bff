"""Google Forms answers, from its sheet or its CSV, in any language of the interface that is listed here.

The column's name is its header, the question as it was asked; questions of the same text, which Forms allows, are
numbered (2), (3) ... Rows of a grid, "Question [row]", share the question as `block`. Several answers stand in one cell
joined by ", " (by ";" in the CSV that Forms itself writes) and stay so.
"""

import re
from collections import Counter
from collections.abc import Sequence

from csi.survey.readers.body import read_body, with_questions
from csi.survey.readers.grid import Grid
from csi.survey.readers.markup import one_line
from csi.survey.readers.raw import Question, RawTable

_TIMESTAMPS = {
    "timestamp", "타임스탬프", "时间戳记", "时间戳", "時間戳記", "タイムスタンプ", "zeitstempel", "horodateur", "marca temporal",
    "carimbo de data/hora", "informazioni cronologiche", "отметка времени", "tijdstempel", "zaman damgası",
}  # fmt: skip
_OWN = {
    "email address",
    "username",
    "score",
    "电子邮件地址",
    "电子邮箱地址",
    "用户名",
    "得分",
    "分数",
    "이메일 주소",
    "사용자 이름",
    "점수",
}
_MOMENT = re.compile(r"\d{1,4}\s?[-/.年]\s?\d{1,2}\s?[-/.月]\s?\d{1,4}\D.*\d{1,2}:\d{2}(:\d{2})?.*")
_ROW = re.compile(r"(.*\S)\s*\[([^\[\]]+)\]", re.DOTALL)
_MARKS = {"score", "feedback", "得分", "分数", "反馈", "점수", "피드백"}
_ASKING = re.compile(r"[?？:：]|\[.+\]|[^\x00-\x7f]|\w+\s+\w+\s+\w+")


def recognises(head: Sequence[Sequence[str]]) -> bool:
    """A column of timestamps first, filled with moments, and questions beside it rather than names of measurements.

    >>> recognises([["Timestamp", "How old are you?"], ["2026/09/01 10:00:00 AM GMT+8", "30"]])
    True
    >>> recognises([["timestamp", "temperature"], ["2026-09-01 10:00:00", "30"]])
    False
    """
    if len(head) < 2 or len(head[0]) < 2 or head[0][0].casefold() not in _TIMESTAMPS:
        return False
    others = [cell for cell in head[0][1:] if cell]
    asking = sum(bool(_ASKING.search(cell)) or cell.casefold() in _OWN for cell in others)
    translated = head[0][0].casefold() != "timestamp"
    return bool(_MOMENT.fullmatch(head[1][0])) and (translated or 2 * asking > len(others))


def read(grid: Grid) -> RawTable:
    """Answers under their questions."""
    header = [one_line(cell) for cell in grid.head(1)[0]]
    table = read_body(grid, header, 1, "Google Forms")
    blocks = [_question(cell) for cell in header]
    rows = Counter(blocks)
    return with_questions(
        table,
        {
            name: Question(wording, block=block if rows[block] > 1 else "")
            for name, wording, block in zip(list(table.columns), header, blocks, strict=False)
            if wording.casefold() not in _TIMESTAMPS | _OWN
        },
    )


def _question(header: str) -> str:
    """The question of a grid's row; marks and comments on a quiz question are no rows of a grid."""
    row = _ROW.fullmatch(header)
    return row[1] if row and row[2].casefold() not in _MARKS else ""
