"""A codebook drafted from a file of answers: every guess says that it is one, for a person to confirm."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from csi.survey.anchors import ANCHORS, numbers_of, plain
from csi.survey.coding import as_number
from csi.survey.dates import read_dates
from csi.survey.readers.non_answers import gaps_of_choices
from csi.survey.readers.raw import Question, RawTable, Texts

# Ends of the scales that questionnaires use, shortest first, and the codes that mean no answer where they lie beyond.
SCALES = (
    (1, 3),
    (0, 3),
    (1, 4),
    (0, 4),
    (1, 5),
    (0, 5),
    (1, 6),
    (0, 6),
    (1, 7),
    (0, 7),
    (1, 9),
    (1, 10),
    (0, 10),
    (0, 100),
)
BESIDE_ZERO = (5, 7)  # high ends of scales from 1 beside which a 0 means not applicable
SUSPECTS = (-1, -2, -8, -9, -77, -88, -99, 8, 9, 77, 88, 97, 98, 99, 888, 988, 998, 999)
LEADING_NUMBER = re.compile(
    r"\s*(\d+)(?!\.?\d|[eE][-+]?\d)\s*\D"
)  # "10 - very satisfied"; a share or an exponent is none
_FEW = 0.05  # share of cells that may be anything, as what people type is
_SEPARATORS = ("┋", ";", "|", ", ")
_WORDS: Mapping[str, str] = {
    "Loyalty": r"^(cusl|loy)|recommend|again|loyal|stay|renew|repurchase|return|switch|推荐|再次|忠诚|继续使用|续约|回头",
    "Complaints": r"^(cusco|comp)\d*\b|complain|投诉|抱怨",
    "Value": r"^(perv|val)|price|worth|value|fee|charge|cost|价格|资费|性价比|价值|收费",
    "Expectation": r"^(cuex|expe)|expect|预期|期望",
    "Image": r"^imag|image|brand|reputation|trust|品牌|形象|口碑",
    "Satisfaction": r"^(cusa|sat)|satisf|ideal|满意|理想",
    "Quality": (
        r"^(perq|qual)|quality|service|staff|fast|speed|reliab|clean|network|signal"
        r"|质量|服务|态度|速度|环境|网络|信号|人员|等候"
    ),
}
_GAP_FIELDS = {
    "missing": ("skipped", "routed_past", "not_asked"),
    "dont_know": ("dont_know",),
    "refused": ("refused",),
    "not_applicable": ("not_applicable",),
}
_ROLES: Mapping[str, str] = {
    "weight": r"\bweight|权重|加权",
    "date": r"date|time|时间|日期",
    "key": r"\bid\b|_id$|^id|customer|respondent|respnum|key|编号|序号|号码|用户id",
    "segment": r"(?<![a-z])(age|gender|sex|region|city|income|education|occupation)(?![a-z])"
    r"|性别|年龄|地区|城市|收入|学历|职业|省份|套餐|品牌类型",
}


@dataclass(frozen=True, slots=True)
class Guess:
    """What a column seems to be, and why.

    `role` is "item", "segment", "choice", "comment", "key", "date", "weight", "personal" or "unused".
    """

    column: str
    role: str
    why: str
    wording: str = ""
    scale: Mapping[str, object] = field(default_factory=dict)
    construct: str = ""
    reverse: bool = False
    levels: Mapping[str, str] = field(default_factory=dict)
    block: str = ""
    separator: str = ""


def guesses_of(
    raw: RawTable, side: Mapping[str, Question] | None = None, personal: Mapping[str, str] | None = None
) -> list[Guess]:
    """What each column seems to be, from what the file says, what a side file says (`side`), and from the answers.

    `personal` names columns that hold personal data, with the reason; they are left out.
    """
    found: list[Guess] = []
    taken: set[str] = set()
    for column, texts in raw.columns.items():
        question = _question(raw, side, column)
        if personal and column in personal:
            guess = Guess(column, "personal", personal[column], question.wording)
        else:
            guess = _guess(column, texts, question, taken)
        taken |= {guess.role} & {"key", "date", "weight"}
        found.append(guess)
    return _with_common_scales(found)


def _with_common_scales(guesses: list[Guess]) -> list[Guess]:
    """Items of one battery, named alike but for a number at the end, share a scale: the widest that one used."""
    batteries: dict[str, list[Guess]] = {}
    for guess in guesses:
        if guess.role == "item" and "anchors" not in guess.scale:
            batteries.setdefault(re.sub(r"[\s_.-]*\d+$", "", guess.column), []).append(guess)
    widest = {
        stem: max((g.scale for g in members), key=lambda scale: float(str(scale["high"])) - float(str(scale["low"])))
        for stem, members in batteries.items()
    }
    changed: dict[str, Guess] = {}
    for stem, members in batteries.items():
        low, high = widest[stem]["low"], widest[stem]["high"]
        for guess in members:
            if (guess.scale["low"], guess.scale["high"]) != (low, high) and "missing" not in guess.scale:
                why = f"{guess.why}; others named alike use {low} to {high}"
                changed[guess.column] = replace(guess, scale={**guess.scale, "low": low, "high": high}, why=why)
    return [changed.get(guess.column, guess) for guess in guesses]


def _question(raw: RawTable, side: Mapping[str, Question] | None, column: str) -> Question:
    """What a side file says of a column, completed by what the file itself says."""
    own, other = raw.questions.get(column, Question()), (side or {}).get(column, Question())
    return Question(
        other.wording or own.wording,
        {**own.labels, **other.labels},
        {**own.gaps, **other.gaps},
        other.block or own.block,
    )


def _guess(column: str, texts: Texts, question: Question, taken: set[str]) -> Guess:
    said = f"{column} {question.wording}"
    counts = np.bincount(texts.codes, minlength=len(texts.distinct))
    cells = {text.strip(): int(n) for text, n in zip(texts.distinct, counts, strict=True) if text.strip() and n}
    if not cells:
        return Guess(column, "unused", "no cell is filled", question.wording)
    role = _single_role(said, cells, texts, taken)
    if role:
        return Guess(column, role, f"guessed from its name and its {len(cells):,} different cells", question.wording)
    question = replace(question, gaps=gaps_of_choices({cell: cell for cell in cells}) | dict(question.gaps))
    choice = _choice(column, cells, question)
    if choice:
        return choice
    scale, why = _scale(cells, question, said)
    if scale and not re.search(_ROLES["segment"], said, re.IGNORECASE):
        turned = _is_turned(question)
        why += "; its words run from good to bad" if turned else ""
        return Guess(
            column, "item", why, question.wording, _with_gaps(scale, cells, question), _construct(said), turned
        )
    if len(cells) <= 20 and sum(cells.values()) >= 2 * len(cells):
        why = f"{len(cells)} different cells"
        return Guess(column, "segment", why, question.wording, levels=_levels(cells, question))
    return Guess(column, "comment", f"{len(cells):,} different texts", question.wording)


def _with_gaps(scale: dict[str, object], cells: Mapping[str, int], question: Question) -> dict[str, object]:
    """The scale with the codes in the column that a file declares to be no answers."""
    known = {field: [code for kind in kinds for code, is_kind in question.gaps.items() if is_kind == kind and code in cells]
             for field, kinds in _GAP_FIELDS.items()}  # fmt: skip
    codes = {name: [_code(text) for text in texts] for name, texts in known.items() if texts}
    return {**scale, **{name: _merged(scale.get(name), found) for name, found in codes.items()}}


def _code(text: str) -> int | str:
    return int(text) if re.fullmatch(r"-?\d+", text) else text


def _merged(known: object, found: list[int | str]) -> list[int | str]:
    """What was suspected and what is declared, once each."""
    return list(dict.fromkeys([*known, *found])) if isinstance(known, list) else found


def _choice(column: str, cells: Mapping[str, int], question: Question) -> Guess | None:
    """A question with several answers, as one column of ticks or with all answers in one column."""
    if question.block and _is_ticked(cells, question):
        return Guess(column, "choice", "one answer of several", question.wording, block=question.block)
    separator = next((mark for mark in _SEPARATORS if _joins(mark, cells)), "")
    if not separator:
        return None
    return Guess(column, "choice", f"answers joined by {separator!r}", question.wording, separator=separator)


def _is_turned(question: Question) -> bool:
    """Whether the labels of a column say that its low numbers are the good end."""
    for name in ANCHORS:
        known = numbers_of(name)
        pairs = [(number, known[plain(label)]) for text, label in question.labels.items() if plain(label) in known
                 and (number := as_number(text)) is not None]  # fmt: skip
        if len(pairs) > 2:
            _, points = zip(*sorted(pairs), strict=True)
            return bool((np.diff(points) < 0).all())
    return False


def _single_role(said: str, cells: Mapping[str, int], texts: Texts, taken: set[str]) -> str:
    """key, date or weight, where the name says so and the cells agree; each once."""
    numbers = [as_number(cell) for cell in cells]
    if (
        "weight" not in taken
        and re.search(_ROLES["weight"], said, re.IGNORECASE)
        and all(n is not None and n > 0 for n in numbers)
    ):
        return "weight"
    if "key" not in taken and re.search(_ROLES["key"], said, re.IGNORECASE) and len(cells) == len(texts.codes):
        return "key"
    if "date" not in taken and re.search(_ROLES["date"], said, re.IGNORECASE) and _are_dates(list(cells)):
        return "date"
    return ""


def _are_dates(cells: Sequence[str]) -> bool:
    try:
        read_dates(pd.Series(cells[:2000], dtype=object))
    except ValueError:
        return False
    return True


def _joins(mark: str, cells: Mapping[str, int]) -> bool:
    """Whether a mark joins answers: a fifth of the cells have it, and what it joins are few answers that come again and again."""
    if sum(mark in cell for cell in cells) * 5 <= len(cells):
        return False
    parts = [part.strip() for cell in cells for part in cell.split(mark)]
    return len(set(parts)) <= 40 and len(parts) >= 2 * len(set(parts))


def _is_ticked(cells: Mapping[str, int], question: Question) -> bool:
    """Whether the cells are ticks: 0/1, or nothing but one text; what the file declares a gap is neither."""
    cells = {cell: n for cell, n in cells.items() if cell not in question.gaps}
    return set(cells) <= {"0", "1", "-1", "yes", "no", "Yes", "No", "TRUE", "FALSE", "True", "False"} or (
        len(cells) == 1 and not question.labels
    )


def _scale(cells: Mapping[str, int], question: Question, said: str) -> tuple[dict[str, object], str]:
    """Ends, words and codes of the scale that the cells seem to be on; empty if they are on none."""
    answers = {cell: n for cell, n in cells.items() if cell not in question.gaps}
    numbers = {number for cell in answers if (number := as_number(cell)) is not None}
    words = [cell for cell in answers if as_number(cell) is None]
    if words:
        scale, why = _scale_of_words(answers, words, numbers)
        lost = sum(answers[word] for word in words)
        if scale or not numbers or lost > _FEW * sum(answers.values()):
            return scale, why
        scale, why = _scale_of_numbers(numbers, said)
        return scale, f"{why}; {lost} cells are no numbers, such as {words[0][:20]!r}"
    labelled = {
        number for text in question.labels if (number := as_number(text)) is not None and text not in question.gaps
    }
    return _scale_of_numbers(numbers | labelled, said) if numbers else ({}, "")


def _scale_of_words(
    answers: Mapping[str, int], words: Sequence[str], numbers: set[float]
) -> tuple[dict[str, object], str]:
    total = sum(answers[word] for word in words)
    best, share = "", 0.0
    for name in ANCHORS:
        known = numbers_of(name)
        covered = sum(answers[word] for word in words if plain(word) in known) / total
        if covered > share:
            best, share = name, covered
    if share >= 0.8 and len({plain(word) for word in words}) > 1:
        points = numbers_of(best).values()
        unknown = sorted(word for word in words if plain(word) not in numbers_of(best))
        codes = {"missing": unknown} if unknown else {}
        return {"low": min(points), "high": max(points), "anchors": best, **codes}, f"words of the set {best!r}"
    leading = {word: match for word in words if (match := LEADING_NUMBER.match(word))}
    lost = total - sum(answers[word] for word in leading)
    if leading and lost <= _FEW * sum(answers.values()) and (len(leading) > 2 or numbers):
        labelled = {float(match[1]) for match in leading.values()}
        scale, why = _scale_of_numbers(labelled | numbers, zero_is_end=0 in labelled)
        return ({**scale, "number_first": True}, f"{why}, a number before its words") if scale else ({}, "")
    return {}, ""


def _scale_of_numbers(
    numbers: set[float], said: str = "", *, zero_is_end: bool = False
) -> tuple[dict[str, object], str]:
    """The shortest usual scale that holds all numbers but those suspected to mean no answer."""
    if any(number != int(number) for number in numbers):
        return {}, ""
    if 0 in numbers and not zero_is_end and (high := max(numbers)) in BESIDE_ZERO and len(numbers) > 3:
        why = f"{len(numbers)} different numbers from 0 to {high:g}; 0 may mean not applicable"
        return {"low": 1, "high": int(high), "not_applicable": [0]}, why
    for low, high in SCALES:
        beyond = {number for number in numbers if not low <= number <= high}
        inside = numbers - beyond
        if low == 0 and high in BESIDE_ZERO and not zero_is_end:
            continue
        percent = high == 100
        if percent and not (re.search(r"%|percent|百分", said, re.IGNORECASE) or all(n % 5 == 0 for n in inside)):
            continue
        beside = beyond == {high + 1}  # the next number alone is rather the scale's own; 8 and 9 beyond 7 are codes
        if len(inside) >= 3 and beyond <= set(SUSPECTS) and not beside and not (percent and beyond):
            codes = {"missing": sorted(int(number) for number in beyond)} if beyond else {}
            why = f"{len(inside)} different numbers from {min(inside):g} to {max(inside):g}"
            suspected = f"; {', '.join(f'{n:g}' for n in sorted(beyond))} may mean no answer" if beyond else ""
            return {"low": low, "high": high, **codes}, why + suspected
    return {}, ""


def _construct(said: str) -> str:
    """The construct whose words the question uses, the first in order of how telling they are."""
    return next((name for name, words in _WORDS.items() if re.search(words, said, re.IGNORECASE)), "")


def _levels(cells: Mapping[str, int], question: Question) -> dict[str, str]:
    """The levels in the order of the labels, else of their numbers, with what they stand for."""
    known = [text for text in question.labels if text in cells]
    others = sorted(set(cells) - set(known), key=lambda cell: (as_number(cell) is None, as_number(cell) or 0.0, cell))
    return {text: question.labels.get(text, "") for text in [*known, *others]}
