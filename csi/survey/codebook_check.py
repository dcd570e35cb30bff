"""What a codebook and a file of answers say that does not fit together."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import pandas as pd

from csi.display import Result
from csi.survey.codebook import Codebook, Item, Scale, column_in
from csi.survey.coding import GAP_KINDS, as_number, is_among, judge_of
from csi.survey.draft import LEADING_NUMBER
from csi.survey.readers.raw import RawTable, Texts
from csi.words import WORDS

_MUCH = 0.05  # share of cells refused beyond which the scale itself is doubtful


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CodebookCheck(Result):
    """Findings, the worst first: `rows` has severity ("error", "doubt", "note"), column, item, finding and remedy."""

    rows: pd.DataFrame

    @property
    def errors(self) -> int:
        """Findings without whose remedy the answers cannot be read."""
        return int((self.rows["severity"] == "error").sum())

    def headline(self) -> list[str]:
        """How many findings of each kind."""
        counts = self.rows["severity"].value_counts()
        told = [
            f"{n} {kind}{'' if n == 1 else 's'}" for kind in ("error", "doubt", "note") for n in [counts.get(kind, 0)]
        ]
        return [f"Codebook check: {', '.join(told)}"]

    def table(self) -> pd.DataFrame:
        """A copy of `rows`."""
        return self.rows.copy()


def check_codebook(raw: RawTable, codebook: Codebook, wave: str | None = None) -> CodebookCheck:
    """Columns that nobody reads, items without a construct, scales that the answers contradict."""
    found = [
        *_absent(raw, codebook, wave),
        *_scales(raw, codebook, wave),
        *_routes(raw, codebook),
        *_constructs(codebook),
        *_unused(raw, codebook, wave),
    ]
    rank = {"error": 0, "doubt": 1, "note": 2}
    rows = sorted(found, key=lambda row: rank[row[0]])
    return CodebookCheck(pd.DataFrame(rows, columns=["severity", "column", "item", "finding", "remedy"]))


Finding = tuple[str, str, str, str, str]


def columns_read(codebook: Codebook, wave: str | None = None) -> set[str]:
    """Every column that a codebook reads."""
    read = {column_in(item, wave) for item in codebook.items}
    read |= {column_in(segment, wave) for segment in codebook.segments}
    read |= {column_in(comment, wave) for comment in codebook.comments}
    read |= {item.asked_if.column for item in codebook.items if item.asked_if}
    read |= {column for choice in codebook.choices for column in (*choice.columns.values(), choice.column or "")}
    return (read | {codebook.key or "", codebook.date or "", codebook.weight or ""}) - {""}


def _absent(raw: RawTable, codebook: Codebook, wave: str | None) -> Iterator[Finding]:
    for column in sorted(columns_read(codebook, wave) - set(raw.columns)):
        items = [item.name for item in codebook.items if column_in(item, wave) == column]
        remedy = "correct the name of the column, or leave the entry out"
        yield "error", column, ", ".join(items), "the file has no such column", remedy


def _scales(raw: RawTable, codebook: Codebook, wave: str | None) -> Iterator[Finding]:
    for item in codebook.items:
        column = column_in(item, wave)
        if column in raw.columns:
            yield from _scale(item, column, raw.columns[column], wave)


def _scale(item: Item, column: str, texts: Texts, wave: str | None) -> Iterator[Finding]:
    scale = item.scale_in(wave)
    judge = judge_of(scale)
    counts = np.bincount(texts.codes, minlength=len(texts.distinct))
    judged = [(text, int(n), *judge(text)) for text, n in zip(texts.distinct, counts, strict=True) if n]
    answers = {value: n for _, n, value, kind, _ in judged if kind == "answered"}
    refused = {text: n for text, n, _, kind, _ in judged if kind == GAP_KINDS[-1]}
    total = sum(answers.values()) + sum(refused.values())
    if not answers:
        yield "doubt", column, item.name, "no cell is an answer on this scale", "check the scale's ends and words"
        return
    if sum(refused.values()) > _MUCH * total:
        seen = ", ".join(repr(text[:20]) for text in sorted(refused, key=refused.__getitem__, reverse=True)[:5])
        finding = f"{sum(refused.values()) / total:.0%} of its cells are not on the scale {scale.low:g} to {scale.high:g}: {seen}"
        yield "doubt", column, item.name, finding, _remedy(refused, scale)
    if len(answers) == 1:
        yield "doubt", column, item.name, "all answers are the same", "leave the item out: it carries no information"
    elif max(answers) <= (scale.low + scale.high) / 2 and scale.high - scale.low >= 4:
        finding = f"no answer lies above {max(answers):g}, although the scale goes to {scale.high:g}"
        yield "doubt", column, item.name, finding, "check the high end of the scale"
    yield from _suspected(item, column, answers, scale.high)


def _remedy(refused: dict[str, int], scale: Scale) -> str:
    """What would make the refused texts answers."""
    led = [match for text in refused if (match := LEADING_NUMBER.match(text))]
    if not scale.number_first and any(scale.low <= float(match[1]) <= scale.high for match in led):
        return "they begin with a number on the scale: write number_first = true in the scale"
    return "widen the scale, or name codes as missing, dont_know, refused or not_applicable"


def _routes(raw: RawTable, codebook: Codebook) -> Iterator[Finding]:
    """Conditions that no respondent meets."""
    for item in codebook.items:
        route = item.asked_if
        if route is not None and route.column in raw.columns:
            texts = raw.columns[route.column]
            if not is_among(texts, route.among).any():
                seen = ", ".join(repr(text[:20]) for text in texts.distinct[:5] if text.strip())
                asked = ", ".join(repr(code) for code in route.among)
                finding = f"asked_if: nobody has {asked} in {route.column!r}, whose cells are {seen}"
                yield "doubt", item.column, item.name, finding, "write among as the cells are written"


def _suspected(item: Item, column: str, answers: dict[float, int], high: float) -> Iterator[Finding]:
    """A code such as 99 inside a wide scale, far from the other answers."""
    codes = [value for value in answers if value in (88, 97, 98, 99, 888, 998, 999) and value <= high]
    others = [value for value in answers if value not in codes]
    if codes and others and max(others) < min(codes) / 2:
        named = ", ".join(f"{code:g}" for code in codes)
        yield (
            "doubt",
            column,
            item.name,
            f"{named} looks like a code, not an answer",
            "name it as missing, dont_know or refused",
        )


def _constructs(codebook: Codebook) -> Iterator[Finding]:
    known = [
        *(code.removeprefix("construct.") for code in WORDS if code.startswith("construct.")),
        *codebook.constructs,
    ]
    for item in codebook.items:
        if item.construct is None:
            remedy = 'write construct = "Quality" (or another) at the item; models by syntax need none'
            yield "note", item.column, item.name, "the item belongs to no construct", remedy
        elif item.construct not in known and (meant := get_close_matches(item.construct, known, n=1)):
            finding = f"there is no construct {item.construct!r} in the presets, whose models leave the item out"
            yield "doubt", item.column, item.name, finding, f"did you mean {meant[0]!r}?"


def _unused(raw: RawTable, codebook: Codebook, wave: str | None) -> Iterator[Finding]:
    read = columns_read(codebook, wave)
    for column, texts in raw.columns.items():
        if column not in read and any(text.strip() for text in texts.distinct):
            numbers = sum(as_number(text.strip()) is not None for text in texts.distinct)
            kind = "numbers" if numbers * 2 > len(texts.distinct) else "texts"
            yield (
                "note",
                column,
                "",
                f"the column is not read ({len(texts.distinct):,} different {kind})",
                "leave it, or describe it",
            )
