"""LimeSurvey survey structures (.lss): wording and answer codes of every question, by the column names of the data.

Both layouts are read: texts beside the questions (before version 4) and texts in tables of their own, one row a language. A file
with a document type declaration is refused, so that no entity of it is ever expanded.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NoReturn
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from csi.errors import SurveyError
from csi.survey.readers.markup import plain_text
from csi.survey.readers.non_answers import gaps_of_choices
from csi.survey.readers.raw import Question

Row = Mapping[str, str]
_SILENT = {"X"}
# Codes that LimeSurvey sets itself, with their meaning in English and Chinese.
_FIXED = {
    "Y": ({"Y": "Yes", "N": "No"}, {"Y": "是", "N": "否"}),
    "G": ({"F": "Female", "M": "Male"}, {"F": "女", "M": "男"}),
    "C": ({"Y": "Yes", "N": "No", "U": "Uncertain"}, {"Y": "是", "N": "否", "U": "不确定"}),
    "E": ({"I": "Increase", "S": "Same", "D": "Decrease"}, {"I": "增加", "S": "相同", "D": "减少"}),
}
_WITH_PARTS = {"F", "H", "A", "B", "C", "E", "K", "Q", "M", "P", "1", ":", ";"}


def languages_of(path: Path) -> list[str]:
    """The languages of a survey, the one it was written in first."""
    return _languages(_root(path), path)


def questions_of(path: Path, language: str | None = None) -> dict[str, Question]:
    """What an .lss file says of every column, in the survey's first language or in another of its languages.

    Raises
    ------
    SurveyError
        The file is not a LimeSurvey structure, declares a document type, or has no such language.
    """
    root = _root(path)
    known = _languages(root, path)
    chosen = language or known[0]
    if chosen not in known:
        raise SurveyError(f"{path}: the survey is not in {chosen!r}. Its languages are {', '.join(known)}.")
    try:
        structure = _Structure(root, chosen)
        return {
            name: question
            for row in structure.top
            if row.get("type") not in _SILENT
            for name, question in structure.columns(row)
        }
    except KeyError as error:
        raise SurveyError(f"{path}: a row of the LimeSurvey structure has no {error}. Export it again.") from None


class _Structure:
    """Questions, sub-questions and answers in one language, in the order in which they are asked."""

    def __init__(self, root: Element, language: str) -> None:
        self.chinese = language.lower().startswith("zh")
        own = [row for row in _rows(root, "questions") if row.get("language", language) == language]
        below = [row for row in _rows(root, "subquestions") if row.get("language", language) == language]
        groups = {row["gid"]: _number(row.get("group_order")) for row in _rows(root, "groups")}
        texts = _by(_rows(root, "question_l10ns"), "qid", "question", language)
        self.texts = {row["qid"]: plain_text(texts.get(row["qid"], row.get("question", ""))) for row in [*own, *below]}
        self.top = sorted(
            (row for row in own if row.get("parent_qid", "0") in {"", "0"}),
            key=lambda row: (groups.get(row.get("gid", ""), 0), _number(row.get("question_order"))),
        )
        self.parts = sorted(
            {row["qid"]: row for row in [*own, *below] if row.get("parent_qid", "0") not in {"", "0"}}.values(),
            key=lambda row: _number(row.get("question_order")),
        )
        answers = _by(_rows(root, "answer_l10ns"), "aid", "answer", language)
        self.answers = sorted(
            (
                {**row, "answer": plain_text(answers.get(row.get("aid", ""), row.get("answer", "")))}
                for row in _rows(root, "answers")
                if row.get("language", language) == language
            ),
            key=lambda row: _number(row.get("sortorder")),
        )

    def labels(self, row: Row, scale: str = "0") -> dict[str, str]:
        """Code -> text of a question's answers."""
        if row.get("type", "") in _FIXED:
            return dict(_FIXED[row["type"]][self.chinese])
        mine = (each for each in self.answers if each.get("qid") == row["qid"] and each.get("scale_id", "0") == scale)
        return {each["code"]: each["answer"] for each in mine if "code" in each}

    def items(self, row: Row, scale: str = "0") -> list[tuple[str, str]]:
        """Code and text of a question's sub-questions."""
        mine = (p for p in self.parts if p["parent_qid"] == row["qid"] and p.get("scale_id", "0") == scale)
        return [(part.get("title", ""), self.texts[part["qid"]]) for part in mine]

    def columns(self, row: Row) -> Iterator[tuple[str, Question]]:
        """Name and question of every column of a question; what is typed in beside a choice has its own."""
        code, text, kind = row.get("title", ""), self.texts[row["qid"]], row.get("type", "")
        if kind in _WITH_PARTS or kind == "R":
            for part, item, labels in self.parts_of(row):
                yield f"{code}{part}", Question(text + item, labels, gaps_of_choices(labels), code)
        else:
            labels = self.labels(row)
            yield code, Question(text, labels, gaps_of_choices(labels))
        for part in _typed_parts(row):
            yield f"{code}[{part}]", Question(f"{text} [{part}]", block=code)

    def parts_of(self, row: Row) -> Iterator[tuple[str, str, dict[str, str]]]:
        """What stands behind code and wording of each part of a question, and the labels of its answers."""
        kind, labels = row["type"], self.labels(row)
        if kind == "R":
            yield from ((f"[{rank}]", f" [{rank}]", labels) for rank in range(1, len(labels) + 1))
        for sub, item in self.items(row):
            if kind == "1":
                yield from ((f"[{sub}][{scale + 1}]", _item(item), self.labels(row, str(scale))) for scale in (0, 1))
            elif kind in {":", ";"}:
                yield from ((f"[{sub}_{over}]", _item(item, top), {}) for over, top in self.items(row, "1"))
            else:
                yield f"[{sub}]", _item(item), labels
            if kind == "P":
                yield f"[{sub}comment]", f"{_item(item)}[comment]", {}


def _typed_parts(row: Row) -> list[str]:
    kind, other = row.get("type", ""), row.get("other") == "Y"
    parts = ["other"] if other and kind in {"L", "!", "M", "P"} else []
    parts += ["othercomment"] if other and kind == "P" else []
    parts += ["comment"] if kind == "O" else []
    return parts + (["filecount"] if kind == "|" else [])


def _item(*texts: str) -> str:
    """As the headers of the data add a part to its question."""
    return " " + "".join(f"[{text}]" for text in texts) if any(texts) else ""


def _root(path: Path) -> Element:
    """The document, read without ever expanding an entity."""
    builder = TreeBuilder()
    parser = expat.ParserCreate()
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = lambda *_: _refuse(path)
    try:
        parser.Parse(Path(path).read_bytes(), True)
        root = builder.close()
    except (OSError, expat.ExpatError) as error:
        raise SurveyError(f"{path}: this is not a LimeSurvey structure ({error}). Export the survey as .lss.") from None
    if root.findtext("LimeSurveyDocType") is None or root.find("questions") is None:
        raise SurveyError(f"{path}: this is XML but not a LimeSurvey structure. Export the survey as .lss.")
    return root


def _refuse(path: Path) -> NoReturn:
    raise SurveyError(
        f"{path}: the file declares a document type, which LimeSurvey never does and which can make a reader open other files. "
        "Export the survey as .lss again."
    )


def _languages(root: Element, path: Path) -> list[str]:
    listed = [each.text for each in root.iterfind("languages/language") if each.text]
    first = [row["language"] for row in _rows(root, "surveys") if row.get("language")]
    known = list(dict.fromkeys([*first, *listed]))
    if not known:
        raise SurveyError(f"{path}: the LimeSurvey structure names no language.")
    return known


def _rows(root: Element, table: str) -> list[dict[str, str]]:
    return [{cell.tag: cell.text or "" for cell in row} for row in root.iterfind(f"{table}/rows/row")]


def _by(rows: Sequence[Row], key: str, value: str, language: str) -> dict[str, str]:
    return {row[key]: row.get(value, "") for row in rows if row.get("language") == language and key in row}


def _number(text: str | None) -> int:
    return int(text) if text and text.lstrip("-").isdigit() else 0
