"""What one reply to a service text says: a code, words, both, or nothing that can be told.

Words and turns of phrase stand in `csi.survey.sms_words` and `csi.survey.sms_phrases`.

A reply is read in this order
    1   the caller's own words, where they are the whole reply
    2   "I was not there", "it was not me": who says so has no valid rating, whatever else he says
    3   complaints about the manner of staff; they are noted beside a rating and are the class where there is none
    4   a code: a number that stands for itself. "等了30分钟" and "2小时" hold none; two different codes, a denied code ("不是1"),
        and a code that words in the same reply contradict by two grades or more ("1，很差") cannot be told
    5   words that are all a clause says ("服务很好"), then words on one part of the visit ("环境差") or within a sentence ("the
        coffee was good"), which do not count beside the former
Words that disagree across the line between satisfied and not cannot be told; on one side of it the stronger counts.

Negation never makes a satisfied answer: a denied good word is poor ("不好", "not very good", "不是很好"), a denied bad one is
average ("isn't bad"; 不错, 不差 and "not bad" are words of their own and mean good), a negation that stands elsewhere in
the clause ("没人觉得很好"), after it ("good, not") or alone beside a good word ("no, good") cannot be told. Wishes
("快点就好了", "would be good") are no ratings.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

import pandas as pd

from csi.errors import SurveyError, known_names
from csi.survey import sms_phrases as phrases
from csi.survey import sms_words as w

_LONGEST = max(len(word) for words in w.CHINESE.values() for word in words.split())
_ZH = {word: kind for kind, words in w.CHINESE.items() for word in words.split()}
_EN = {word: kind for kind, words in w.ENGLISH.items() for word in words.split()}
_TOKEN = re.compile(r"\d+|[a-z]+(?:'[a-z]+)*|\S")
_GAP = re.compile(rf"{phrases.CLAUSES}|[^\w\s']|_")
_HOMOPHONES = {text: to for to, texts in w.HOMOPHONES.items() for text in texts.split()}
_ACKNOWLEDGED, _SPELLED, _ORDINARY = (frozenset(t.split()) for t in (w.ACKNOWLEDGED, w.SPELLED, w.ORDINARY))
_PHRASES = [(re.compile(pattern), word) for pattern, word in phrases.PHRASES]
_MANNER = re.compile("|".join(phrases.MANNER))
_MANNER_EN = [re.compile(pattern) for pattern in phrases.MANNER_EN]
_DENIED_EN = re.compile(phrases.DENIED_EN)
_ABSENT = {
    w.NEVER_VISITED: re.compile("|".join(phrases.NEVER_WENT)),
    w.NOT_ME: re.compile("|".join(phrases.NOT_MYSELF)),
}
_OPT_OUT = re.compile("|".join(phrases.OPT_OUT))
_MISDIRECTED = re.compile("|".join(phrases.MISDIRECTED))
_NUMERALS = {"一": "1", "二": "2", "两": "2", "三": "3", "四": "4", "one": "1", "two": "2", "three": "3", "four": "4"}
_GRADED = frozenset((w.EXCELLENT, w.POSITIVE, w.MIDDLE, w.PASSABLE, w.BAD))
_SATISFIED = frozenset((w.VERY_GOOD, w.GOOD))
_PASSED_OVER = frozenset((w.NEGATION, w.DEGREE, w.FILLER, w.ASPECT))
_CODE = "D"


@dataclass(frozen=True, slots=True)
class Reading:
    """Class of a reply (of `sms_words.CLASSES`), whether it complains of staff, the rule that decided, its free text.

    `opt_out` says whether the customer wants no more texts.
    """

    reply_class: str
    attitude: bool
    rule: str
    comment: str
    opt_out: bool = False


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    kind: str  # of sms_words, upper case; _CODE for digits
    loose: bool
    start: int
    end: int


@dataclass(slots=True)
class _Said:
    """What the clauses of a reply say together."""

    codes: list[str] = field(default_factory=list)
    numbers: bool = False
    code_denied: bool = False
    whole: list[str] = field(default_factory=list)  # ratings that are all a clause says
    within: list[str] = field(default_factory=list)  # ratings within a sentence
    unclear: bool = False
    lone_negation: bool = False
    more: bool = False  # words beyond codes and ratings


def parse_replies(
    texts: Iterable[object], *, codes: Mapping[str, str] | None = None, words: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Read replies to a service text, in Chinese, English or both.

    Parameters
    ----------
    texts
        The replies as they came; None and NaN are empty replies.
    codes
        Number -> class; "1" very_good, "2" good, "3" average, "4" poor unless given. Further codes may stand for
        never_visited, not_me or staff_complaint.
    words
        The caller's own: a whole reply -> class, read before anything else.

    Returns
    -------
    pandas.DataFrame
        One row a reply: text, reply_class (very_good, good, average, poor, never_visited, not_me, staff_complaint or
        unreadable), attitude (complains of staff, beside a rating or alone), rule (what decided), comment (the text where it
        says more than a rating), opt_out (wants no more texts, whatever else the reply says).

    Raises
    ------
    SurveyError
        A code that is not a number of one or two digits, or an unknown class.

    Examples
    --------
    >>> parse_replies(["１。", "很好，谢谢", "not very good", "1或2", "4 服务员态度差"])[["reply_class", "attitude", "rule"]]
      reply_class  attitude                    rule
    0   very_good     False                    code
    1   very_good     False                   words
    2        poor     False                   words
    3  unreadable     False  several codes
    4        poor      True                    code
    """
    reader = ReplyReader(codes, words)
    cells = ["" if text is None or text != text else str(text) for text in texts]  # noqa: PLR0124 - only NaN differs from itself
    readings = {cell: reader.read(cell) for cell in dict.fromkeys(cells)}
    return pd.DataFrame(
        {
            "text": pd.Series(cells, dtype=object),
            "reply_class": pd.Series([readings[cell].reply_class for cell in cells], dtype=object),
            "attitude": pd.Series([readings[cell].attitude for cell in cells], dtype=bool),
            "rule": pd.Series([readings[cell].rule for cell in cells], dtype=object),
            "comment": pd.Series([readings[cell].comment for cell in cells], dtype=object),
            "opt_out": pd.Series([readings[cell].opt_out for cell in cells], dtype=bool),
        }
    )


class ReplyReader:
    """Reads replies by one set of codes and own words."""

    def __init__(self, codes: Mapping[str, str] | None = None, words: Mapping[str, str] | None = None) -> None:
        self.codes = dict(w.CODES if codes is None else codes)
        self.words = {_tight(plain(text)): to for text, to in (words or {}).items()}
        for code in self.codes:
            if not re.fullmatch(r"\d{1,2}", code):
                raise SurveyError(f"code {code!r} must be a number of one or two digits, e.g. '1'.")
        for what, to in (*self.codes.items(), *(words or {}).items()):
            if to not in w.CLASSES[:-1]:
                known = known_names(to, w.CLASSES[:-1], "Replies can be")
                raise SurveyError(f"{what!r} is to be read as {to!r}, which is no class of replies. {known}")

    def read(self, text: str) -> Reading:
        """The reading of one reply."""
        flat = plain(text)
        tight = _tight(flat)
        opt_out = tight in phrases.OPT_OUT_WORDS or bool(_OPT_OUT.search(flat))
        return replace(self._rating(text, flat, tight), opt_out=opt_out)

    def _rating(self, text: str, flat: str, tight: str) -> Reading:
        if tight in self.words:
            return Reading(self.words[tight], self.words[tight] == w.STAFF_COMPLAINT, "own words", "")
        absent = next((name for name, pattern in _ABSENT.items() if pattern.search(flat)), None)
        if absent:
            return Reading(absent, False, "words", text.strip())
        rest, attitude = _without_complaints(flat)
        said = self._said(rest)
        if not said.codes and _MISDIRECTED.search(flat):
            return Reading(w.NOT_ME, False, "words", text.strip())
        to, rule = self._decided(said, attitude, tight)
        attitude = attitude or to == w.STAFF_COMPLAINT
        more = said.more or attitude or (to == w.UNREADABLE and bool(tight))
        return Reading(to, attitude, rule, text.strip() if more else "")

    def _said(self, text: str) -> _Said:
        for pattern, word in _PHRASES:
            text = pattern.sub(word, text)
        said = _Said()
        for clause in filter(None, map(str.strip, _GAP.split(text))):
            self._add(clause, said)
        return said

    def _add(self, clause: str, said: _Said) -> None:
        if clause.replace(" ", "") in _HOMOPHONES:
            said.whole.append(_HOMOPHONES[clause.replace(" ", "")])
            return
        tokens = _with_numeral(list(_tokens(clause)))
        kinds = [token.kind for token in tokens]
        codes = [token for i, token in enumerate(tokens) if token.kind == _CODE and _stands_alone(tokens, i)]
        said.codes += [self.codes[token.text] for token in codes if token.text in self.codes]
        said.numbers |= any(token.text not in self.codes and len(token.text) < 3 for token in codes)
        said.code_denied |= any(_before(tokens, tokens.index(token))[0] > 0 for token in codes)
        said.lone_negation |= w.NEGATION in kinds and set(kinds) <= _PASSED_OVER
        pure = not {w.OTHER, w.UNIT, w.NUMERAL} & set(kinds) and kinds.count(_CODE) == len(codes)
        whole = pure and w.ASPECT not in kinds
        said.more |= not whole
        for i, token in enumerate(tokens):
            if token.kind in _GRADED and (pure or _counts_within(tokens, i)):
                grade = _grade(tokens, i)
                said.unclear |= grade is None
                (said.whole if whole else said.within).extend([grade] if grade else [])

    def _decided(self, said: _Said, attitude: bool, tight: str) -> tuple[str, str]:
        """Class and rule."""
        if said.codes:
            return _by_code(said)
        to, rule = _by_words(said)
        if to == w.UNREADABLE and attitude:
            return w.STAFF_COMPLAINT, "attitude"
        if tight in _ACKNOWLEDGED or not tight:
            return w.UNREADABLE, "acknowledged" if tight else "empty"
        return to, rule


def plain(text: str) -> str:
    """A reply as the tables are written: narrow, lower case, simplified, without marks and spaces that nobody sees.

    >>> plain("１、 很 好　"), plain("Didn’t VISIT"), plain("1️⃣")
    ('1、很好', "didn't visit", '1')
    """
    flat = unicodedata.normalize("NFKC", re.sub(r"[\r\n]+", ",", text)).casefold().translate(w.SIMPLIFIED)
    flat = "".join(c for c in flat if unicodedata.category(c) not in ("Cf", "Mn", "Me", "Cc"))
    flat = re.sub(r"[’‘`´]", "'", flat)
    flat = re.sub(r"(?<=[a-z])-(?=[a-z])", " ", flat)
    flat = " ".join(flat.split())
    return re.sub(r"(?<=[^\x00-\x7f]) | (?=[^\x00-\x7f])", "", flat)


def _tight(flat: str) -> str:
    """Letters and digits alone, and signs that stand for words.

    >>> _tight("1、 很好!")
    '1很好'
    """
    return re.sub(r"[\s_]+|[^\w👍👌👎😡😠🤬💯]+", "", flat)


def _without_complaints(flat: str) -> tuple[str, bool]:
    """The text with complaints about the manner of staff cut out, and whether there was any."""
    rest = _MANNER.sub(",", flat)
    for pattern in _MANNER_EN:
        rest = pattern.sub(lambda found: found[0] if _DENIED_EN.search(found.string[: found.start()]) else ",", rest)
    return rest, rest != flat


def _tokens(clause: str) -> Iterator[_Token]:
    """Words, numbers, and Chinese by the longest word that the table knows."""
    at = 0
    while at < len(clause):
        found = _TOKEN.match(clause, at)
        if found is None:  # a space
            at += 1
            continue
        text = found[0]
        if text[0].isdecimal():
            kind = _CODE
        elif "a" <= text[0] <= "z":
            kind = _english(text)
        else:
            sizes = range(min(_LONGEST, len(clause) - at), 0, -1)
            text = next((clause[at : at + n] for n in sizes if clause[at : at + n] in _ZH), text)
            kind = _ZH.get(text, w.OTHER)
        yield _Token(text, kind.upper(), kind.islower(), at, at + len(text))
        at += len(text)


@cache
def _english(word: str) -> str:
    """Kind of an English word, misspelled or not."""
    if word.endswith(("n't", "n't've")):
        return w.NEGATION
    stretched = (re.sub(r"(.)\1{2,}", r"\1\1", word), re.sub(r"(.)\1{1,}$|(.)\2{2,}", r"\1\2", word))
    for form in (word, word.removesuffix("'s"), *stretched):
        if form in _EN:
            return _EN[form]
    if len(word) < 4 or word in _ORDINARY:
        return w.OTHER
    near = {target for target in _SPELLED if target[0] == word[0] and _misspells(word, target)}
    kinds = {_EN[target] for target in near}
    if len(kinds) != 1:
        return w.OTHER
    kind = kinds.pop()
    # A short word with a letter wrong may be another word: it counts where nothing else is said.
    return kind.lower() if kind in _GRADED and min(map(len, near)) < 6 else kind


def _misspells(word: str, target: str) -> bool:
    return _distance(word, target) <= (2 if len(target) >= 8 else 1)


def _distance(a: str, b: str) -> int:
    """Letters to change, add, drop or swap with the next (optimal string alignment).

    >>> _distance("vrey", "very"), _distance("excelent", "excellent")
    (1, 1)
    """
    if abs(len(a) - len(b)) > 2:
        return 3
    rows = [list(range(len(b) + 1))]
    for i, letter in enumerate(a, 1):
        row = [i]
        for j, other in enumerate(b, 1):
            cost = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == b[j - 2] and a[i - 2] == other:
                cost = min(cost, rows[-2][j - 2] + 1)
            row.append(cost)
        rows.append(row)
    return rows[-1][-1]


def _with_numeral(tokens: list[_Token]) -> list[_Token]:
    """A clause that is one Chinese numeral, as in "选二", is that number; elsewhere numerals count things."""
    kinds = [token.kind for token in tokens]
    if kinds.count(w.NUMERAL) == 1 and set(kinds) <= {w.NUMERAL, w.FILLER}:
        i = kinds.index(w.NUMERAL)
        old = tokens[i]
        if old.text in _NUMERALS:
            return [*tokens[:i], _Token(_NUMERALS[old.text], _CODE, False, old.start, old.end), *tokens[i + 1 :]]
    return tokens


def _stands_alone(tokens: Sequence[_Token], i: int) -> bool:
    """Whether a number is an answer: nothing is said before it, and it counts nothing."""
    if any(token.kind in (w.OTHER, w.UNIT) for token in tokens[:i]):
        return False
    after = tokens[i + 1] if i + 1 < len(tokens) else None
    if after is None:
        return True
    glued = after.start == tokens[i].end and after.kind == w.OTHER and after.text.isascii()
    return after.kind != w.UNIT and not glued


def _before(tokens: Sequence[_Token], i: int) -> tuple[int, bool, bool]:
    """Negations right before a word, whether a degree stands there, and whether a negation stands further off."""
    negations, degree, j = 0, False, i - 1
    while j >= 0 and tokens[j].kind in _PASSED_OVER:
        negations += tokens[j].kind == w.NEGATION
        degree |= tokens[j].kind == w.DEGREE
        j -= 1
    return negations, degree, any(token.kind == w.NEGATION for token in tokens[: j + 1])


def _counts_within(tokens: Sequence[_Token], i: int) -> bool:
    """Whether a word is a rating although its clause says more: a loose one needs a degree, and nothing that it belongs to."""
    followed = i + 1 < len(tokens) and tokens[i + 1].kind == w.OTHER
    return not tokens[i].loose or (_before(tokens, i)[1] and not followed and not tokens[i].text.isascii())


def _grade(tokens: Sequence[_Token], i: int) -> str | None:
    """The rating that a word gives where it stands: '' for a wish, None where a negation leaves it open."""
    kind = tokens[i].kind
    negations, degree, further = _before(tokens, i)
    if kind == w.BAD:
        return {0: w.POOR, 1: w.AVERAGE}.get(negations)
    if any(token.kind == w.WISH for token in tokens):
        return ""
    tail = [token.kind for token in tokens[i + 1 :]]
    if further or (w.NEGATION in tail and set(tail) <= _PASSED_OVER):
        return None
    if negations:
        return None if kind == w.MIDDLE else w.POOR if negations == 1 else w.AVERAGE
    if kind in (w.MIDDLE, w.PASSABLE):
        return w.AVERAGE
    return w.VERY_GOOD if kind == w.EXCELLENT or degree else w.GOOD


def _by_code(said: _Said) -> tuple[str, str]:
    if len(set(said.codes)) > 1 or said.numbers:
        return w.UNREADABLE, "several codes"
    if said.code_denied:
        return w.UNREADABLE, "code denied"
    code = said.codes[0]
    grades = [w.RATINGS.index(grade) for grade in said.whole if grade]
    if code in w.RATINGS and any(abs(w.RATINGS.index(code) - grade) > 1 for grade in grades):
        return w.UNREADABLE, "code and words disagree"
    return code, "code"


def _by_words(said: _Said) -> tuple[str, str]:
    grades = said.whole or said.within
    if said.unclear or (said.lone_negation and set(grades) & _SATISFIED):
        return w.UNREADABLE, "negation unclear"
    if not grades:
        return w.UNREADABLE, "not a code" if said.numbers else "no rating"
    if len({grade in _SATISFIED for grade in grades}) > 1:
        return w.UNREADABLE, "words disagree"
    extreme = min if grades[0] in _SATISFIED else max
    return extreme(grades, key=w.RATINGS.index), "words" if said.whole else "words in passing"
