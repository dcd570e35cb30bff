"""Qualtrics survey definitions (.qsf): wording, choices and codes of every question, by the column names of the data.

Columns of parts are named tag_suffix. The suffix is the choice's code in files of today and the choice's own number in
those of the legacy exporter; where the two differ both names are given, and the code's wins where they contradict each other.
Columns that hold one of several answers are ticks: their choice stands at the end of the wording.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from csi.errors import SurveyError
from csi.survey.readers.markup import plain_text
from csi.survey.readers.non_answers import gaps_of_choices
from csi.survey.readers.raw import Question

_SEVERAL = {"MAVR", "MAHR", "MACOL", "MSB"}
_SILENT = {"DB", "Captcha", "Timing", "Meta", "GAP"}


def questions_of(path: Path, language: str | None = None) -> dict[str, Question]:
    """What a .qsf file says of every column, in the survey's own language or in one it was translated to (e.g. "ZH-S").

    Questions come in the order of the survey flow; those in the trash are left out. Of two with one tag the first counts.

    Raises
    ------
    SurveyError
        The file is not a Qualtrics survey, or not in that language.
    """
    payloads = _payloads(path)
    spoken = {code for payload in payloads for code in _by_id(payload.get("Language"))}
    if language is not None and language not in spoken:
        raise SurveyError(
            f"{path}: the survey is not translated to {language!r}. Its translations are {', '.join(sorted(spoken)) or 'none'}."
        )
    questions: dict[str, Question] = {}
    for payload in payloads:
        tag = str(payload.get("DataExportTag") or "")
        try:
            for name, question in _columns(_translated(payload, language), tag):
                questions.setdefault(name, question)
        except (AttributeError, TypeError, ValueError) as error:
            raise SurveyError(f"{path}: question {tag!r} is not written as Qualtrics writes one ({error}).") from None
    return questions


def _payloads(path: Path) -> list[Mapping[str, Any]]:
    """The questions that are in use, in the order in which the flow reaches their blocks."""
    try:
        elements = json.loads(Path(path).read_text("utf-8-sig"))["SurveyElements"]
        asked = {e["PrimaryAttribute"]: e["Payload"] for e in elements if e["Element"] == "SQ"}
        blocks = [block for e in elements if e["Element"] == "BL" for block in _by_id(e["Payload"]).values()]
        flow = [place for e in elements if e["Element"] == "FL" for place in _flow_blocks(e["Payload"])]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SurveyError(
            f"{path}: this is not a Qualtrics survey definition ({type(error).__name__}: {error}). "
            "Export it in Qualtrics under Tools, Import/Export, Export Survey."
        ) from None
    in_use = [block for block in blocks if block.get("Type") != "Trash"]
    in_use.sort(key=lambda block: flow.index(block["ID"]) if block.get("ID") in flow else len(flow))
    order = [
        part["QuestionID"] for block in in_use for part in block.get("BlockElements") or [] if "QuestionID" in part
    ]
    return [asked[each] for each in dict.fromkeys(order or asked) if each in asked]


def _flow_blocks(node: Mapping[str, Any]) -> Iterator[str]:
    if str(node.get("ID", "")).startswith("BL_"):
        yield str(node["ID"])
    for below in node.get("Flow") or []:
        yield from _flow_blocks(below)


def _by_id(things: Any) -> dict[str, Any]:  # noqa: ANN401 - as JSON has it: {} is written [], and 0, 1, 2 ... as a list
    return dict(things) if isinstance(things, dict) else {str(place): each for place, each in enumerate(things or [])}


def _translated(payload: Mapping[str, Any], language: str | None) -> dict[str, Any]:
    other = _by_id(payload.get("Language")).get(language or "")
    if not other:
        return dict(payload)
    mixed = {**payload, "QuestionText": other.get("QuestionText") or payload.get("QuestionText", "")}
    for part in ("Choices", "Answers", "Labels"):
        shown = _by_id(other.get(part))
        own = _by_id(payload.get(part))
        mixed[part] = {each: {**thing, **shown.get(each, {})} for each, thing in own.items()}
    return mixed


def _columns(payload: Mapping[str, Any], tag: str) -> Iterator[tuple[str, Question]]:
    """Name and question of every column that a question can have."""
    kind, selector = payload.get("QuestionType"), payload.get("Selector")
    if not tag or kind in _SILENT:
        return
    wording = plain_text(str(payload.get("QuestionText", "")))
    if kind == "MC":
        yield from _choice_columns(payload, tag, wording, several=selector in _SEVERAL)
    elif kind == "Matrix":
        yield from _matrix_columns(payload, tag, wording)
    elif kind == "SBS":
        for number, each in _by_id(payload.get("AdditionalQuestions")).items():
            inner = {"Choices": payload.get("Choices"), **each, "Selector": each.get("Selector", "Likert")}
            text = _joined(wording, plain_text(str(each.get("QuestionText", ""))))
            yield from _matrix_columns(inner, f"{tag}#{number}", text)
    elif kind in {"Slider", "RO", "CS"} or selector == "FORM":
        points = _slider_points(payload) if kind == "Slider" else {}
        block = tag if len(_by_id(payload.get("Choices"))) > 1 else ""
        for suffix, item in _rows(payload):
            yield f"{tag}_{suffix}", Question(_joined(wording, item), points, {}, block)
    else:
        yield tag, Question(wording)


def _choice_columns(
    payload: Mapping[str, Any], tag: str, wording: str, several: bool
) -> Iterator[tuple[str, Question]]:
    """The column itself and, for several answers, one for each choice (exporters offer both); typed-in answers have their own."""
    labels = _labels(payload, "Choices")
    yield tag, Question(wording, labels, {} if several else gaps_of_choices(labels))
    if payload.get("Selector") == "NPS":
        yield f"{tag}_NPS_GROUP", Question(wording)
    typed = {_display(thing) for thing in _by_id(payload.get("Choices")).values() if thing.get("TextEntry")}
    for suffix, label in _coded(payload, "Choices"):
        text = _joined(wording, label)
        if several:
            yield f"{tag}_{suffix}", Question(text, block=tag)
        if label in typed:
            yield f"{tag}_{suffix}_TEXT", Question(text, {}, {}, tag if several else "")


def _matrix_columns(payload: Mapping[str, Any], tag: str, wording: str) -> Iterator[tuple[str, Question]]:
    """One column a row, or one for each cell where a row takes several answers, texts or numbers."""
    labels = _labels(payload, "Answers")
    ticked = payload.get("SubSelector") == "MultipleAnswer"
    for row, item in _rows(payload):
        text = _joined(wording, item)
        if not ticked and payload.get("Selector") not in {"TE", "CS"}:
            yield f"{tag}_{row}", Question(text, labels, gaps_of_choices(labels), tag)
            continue
        for suffix, label in _coded(payload, "Answers"):
            yield f"{tag}_{row}_{suffix}", Question(_joined(text, label), block=tag)


def _rows(payload: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Suffix and text of each row: its own export tag where it has one, then its number."""
    rows, tags = _by_id(payload.get("Choices")), _by_id(payload.get("ChoiceDataExportTags") or None)
    tagged = [(str(tags[row]), _display(thing)) for row, thing in rows.items() if tags.get(row)]
    return tagged + [(row, _display(thing)) for row, thing in rows.items()]


def _coded(payload: Mapping[str, Any], part: str) -> list[tuple[str, str]]:
    """Suffix and text of each choice: its code, then its number."""
    choices = _by_id(payload.get(part))
    coded = [(_code(payload, choice), _display(thing)) for choice, thing in choices.items()]
    return coded + [(choice, _display(thing)) for choice, thing in choices.items()]


def _labels(payload: Mapping[str, Any], part: str) -> dict[str, str]:
    return {_code(payload, choice): _display(thing) for choice, thing in _by_id(payload.get(part)).items()}


def _slider_points(payload: Mapping[str, Any]) -> dict[str, str]:
    """Words along a slider stand at equal distances from its low end to its high end."""
    shown = [_display(thing) for thing in _by_id(payload.get("Labels")).values()]
    setting = payload.get("Configuration") or {}
    low, high = setting.get("CSSliderMin"), setting.get("CSSliderMax")
    if len(shown) < 2 or low is None or high is None:
        return {}
    step = (float(high) - float(low)) / (len(shown) - 1)
    return {f"{float(low) + step * place:g}": label for place, label in enumerate(shown) if label}


def _code(payload: Mapping[str, Any], choice: str) -> str:
    return str(_by_id(payload.get("RecodeValues")).get(choice, choice))


def _display(thing: Mapping[str, Any]) -> str:
    return plain_text(str(thing.get("Display", "")))


def _joined(wording: str, item: str) -> str:
    """As the header row of the data joins them."""
    return f"{wording} - {item}" if item else wording
