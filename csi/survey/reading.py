"""From a file of answers to a `Survey`, by its codebook: nothing is dropped, and what is refused is kept with its reason."""

import hashlib
import re
import warnings
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csi.errors import CsiWarning, SurveyError, known_names
from csi.survey.codebook import Choice, Codebook, Item, column_in
from csi.survey.coding import GAP_KINDS, as_number, code_column, is_among, not_asked
from csi.survey.dates import read_dates
from csi.survey.privacy import pseudonymise
from csi.survey.readers.formats import read_raw
from csi.survey.readers.raw import Question, RawTable, Texts, table_of_rows
from csi.survey.survey import Source, Survey

_UNTICKED = {"", "0", "-1", "no", "false", "否", "未选", "unchecked", "not selected"}


def read_survey(
    path: str | Path,
    codebook: Codebook,
    *,
    wave: str | None = None,
    sheet: str | None = None,
    encoding: str | None = None,
) -> Survey:
    """Read one wave of answers, from a file of any kind that is known, and code it by its codebook.

    Cells that are neither on the scale nor a known code are refused and kept in `.refused_cells`; rows that cannot be
    read are kept in `.refused_rows`.

    Raises
    ------
    SurveyError
        File missing, empty or of unknown encoding; a column the codebook names is absent; duplicate respondent keys;
        an unusable weight.
    """
    path = Path(path)
    raw = read_raw(path, sheet, encoding)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return code_table(raw, codebook, Source(str(path), digest, raw.form), wave)


def survey_from_frame(
    frame: pd.DataFrame, codebook: Codebook, *, wave: str | None = None, source: str = "frame"
) -> Survey:
    """Code answers that are already in memory, by the same rules as a file (row 2 is the first row of the frame)."""
    texts = frame.astype(object).where(frame.notna(), "").astype(str)
    rows = [[cell.removesuffix(".0") for cell in row] for row in texts.to_numpy().tolist()]
    raw = table_of_rows(Path(source), [str(c) for c in frame.columns], rows, range(2, len(rows) + 2), "memory")
    digest = hashlib.sha256("\n".join("\t".join(row) for row in rows).encode()).hexdigest()
    return code_table(raw, codebook, Source(source, digest, "memory"), wave)


def code_table(raw: RawTable, codebook: Codebook, source: Source, wave: str | None = None) -> Survey:
    """Code the texts of a file."""
    _require_columns(raw, codebook, wave)
    names = [item.name for item in codebook.items]
    answers, gaps = np.empty((len(names), len(raw))), np.empty((len(names), len(raw)), dtype=np.uint8)
    changed = _CodedCells(source.path, raw.rows)
    for place, item in enumerate(codebook.items):
        column = column_in(item, wave)
        if not column:
            answers[place], gaps[place] = not_asked(len(raw))
            continue
        texts = raw.columns[column]
        declared = raw.questions.get(column, Question()).gaps
        values, kinds, rules = code_column(texts, item, item.scale_in(wave), _asked(raw, item), declared)
        answers[place], gaps[place] = values, kinds
        changed.add(item, column, texts, kinds, rules)
    survey = Survey(
        answers=pd.DataFrame(answers.T, columns=names, copy=False),
        gaps=pd.DataFrame(gaps.T, columns=names, copy=False),
        respondents=_respondents(raw, codebook, wave),
        coded_cells=changed.frame(),
        refused_rows=pd.DataFrame(
            [(r.row, r.text, r.reason) for r in raw.refused_rows], columns=["row", "text", "reason"]
        ),
        codebook=codebook,
        source=source,
        wave=wave,
        choices=_choices(raw, codebook),
        comments=pd.DataFrame({comment.name: _cells(raw, column_in(comment, wave)) for comment in codebook.comments}),
    )
    _warn_of_refusals(survey)
    return survey


class _CodedCells:
    """Cells whose text is not their number, gathered item by item; texts that repeat are kept once."""

    def __init__(self, file: str, rows: NDArray[np.intp]) -> None:
        self.file, self.numbers = file, rows
        self.names: list[tuple[str, str]] = []
        self.places: list[NDArray[np.intp]] = []
        self.values: list[Texts] = []
        self.kinds: list[NDArray[np.uint8]] = []
        self.rules: list[Texts] = []

    def add(self, item: Item, column: str, texts: Texts, kinds: NDArray[np.uint8], rules: NDArray[np.object_]) -> None:
        """An empty cell has no text to keep; every other gap keeps what stood there."""
        written = np.array([bool(text.strip()) for text in texts.distinct], dtype=bool)
        at = np.flatnonzero(kinds)
        at = at[written[texts.codes[at]]]
        self.names.append((item.name, column))
        self.places.append(at)
        self.values.append(Texts(texts.codes[at], texts.distinct))
        self.kinds.append(kinds[at])
        self.rules.append(Texts.of(rules[at]))

    def frame(self) -> pd.DataFrame:
        """One row a cell: file, row, column, item, value, kind, rule."""
        each = np.repeat(np.arange(len(self.names)), [len(at) for at in self.places])

        def coded(codes: NDArray[Any], names: Iterable[str]) -> Any:  # noqa: ANN401 - a categorical of texts
            return pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(list(names)))

        def joined(parts: list[Texts]) -> Any:  # noqa: ANN401
            texts = Texts.joined(parts)
            return coded(texts.codes, texts.distinct).remove_unused_categories()

        kinds = np.concatenate(self.kinds) if self.kinds else np.empty(0, dtype=np.uint8)
        columns = list(dict.fromkeys(column for _, column in self.names))
        of_column = np.array([columns.index(column) for _, column in self.names], dtype=np.intp)
        return pd.DataFrame(
            {
                "file": coded(np.zeros(len(each), dtype=np.intp), [self.file]),
                "row": self.numbers[np.concatenate(self.places)] if self.places else self.numbers[:0],
                "column": coded(of_column[each], columns),
                "item": coded(each, [name for name, _ in self.names]),
                "value": joined(self.values),
                "kind": coded(kinds, GAP_KINDS),
                "rule": joined(self.rules),
            }
        )


def _asked(raw: RawTable, item: Item) -> NDArray[np.bool_] | None:
    return None if item.asked_if is None else is_among(raw.columns[item.asked_if.column], item.asked_if.among)


def _choices(raw: RawTable, codebook: Codebook) -> pd.DataFrame:
    """What was chosen: nothing is known of a respondent who chose nothing at all, for the question may not have been seen."""
    columns: dict[str, NDArray[np.object_]] = {}
    for choice in codebook.choices:
        chosen = _chosen(raw, choice)
        nothing = ~np.any(list(chosen.values()), axis=0)
        for answer, ticks in chosen.items():
            values = ticks.astype(object)
            values[nothing] = None
            columns[f"{choice.name}.{answer}"] = values
    return pd.DataFrame(columns)


def _chosen(raw: RawTable, choice: Choice) -> dict[str, NDArray[np.bool_]]:
    if choice.column is None:
        return {answer: _ticked(raw.columns[column], choice) for answer, column in choice.columns.items()}
    texts = raw.columns[choice.column]
    parts = [_parts(text, choice) for text in texts.distinct]
    known = list(choice.levels) or list(dict.fromkeys(part for each in parts for part in sorted(each)))
    return {answer: np.array([answer in each for each in parts], dtype=bool)[texts.codes] for answer in known}


def _parts(text: str, choice: Choice) -> set[str]:
    """The answers joined in a cell; a known answer may hold the separator itself, the longest is looked for first."""
    found, rest = set(), text
    mark = re.escape(choice.separator.strip())
    for level in sorted(choice.levels, key=len, reverse=True):
        pattern = rf"(?:^|{mark})\s*{re.escape(level)}\s*(?={mark}|$)"
        if re.search(pattern, rest):
            found.add(level)
            rest = re.sub(pattern, "", rest)
    return found | {part.strip() for part in rest.split(choice.separator)} - {""}


def _ticked(texts: Texts, choice: Choice) -> NDArray[np.bool_]:
    if choice.ticked:
        return is_among(texts, choice.ticked)
    return np.array([text.strip().lower() not in _UNTICKED for text in texts.distinct], dtype=bool)[texts.codes]


def _warn_of_refusals(survey: Survey) -> None:
    refused = survey.refused_cells
    if len(refused):
        first = refused.iloc[0]
        warnings.warn(
            f"{survey.source.path}: {len(refused):,} cells refused and treated as missing; the first is row {first['row']}, "
            f"column {first['column']!r}: {str(first['value'])[:40]!r} is {first['rule']}. All are in .refused_cells.",
            CsiWarning,
            stacklevel=4,
        )
    if len(survey.refused_rows):
        row = survey.refused_rows.iloc[0]
        warnings.warn(
            f"{survey.source.path}: {len(survey.refused_rows):,} rows refused; the first is row {row['row']}: "
            f"{row['reason']}. All are in .refused_rows.",
            CsiWarning,
            stacklevel=4,
        )


def _require_columns(raw: RawTable, codebook: Codebook, wave: str | None) -> None:
    wanted = {column_in(item, wave): f"item {item.name!r}" for item in codebook.items}
    wanted |= {i.asked_if.column: f"the routing of item {i.name!r}" for i in codebook.items if i.asked_if}
    wanted |= {column_in(segment, wave): f"segment {segment.name!r}" for segment in codebook.segments}
    wanted |= {
        column: f"choice {c.name!r}" for c in codebook.choices for column in (*c.columns.values(), c.column or "")
    }
    wanted |= {column_in(comment, wave): f"comment {comment.name!r}" for comment in codebook.comments}
    special = {"key": codebook.key, "date": codebook.date, "weight": codebook.weight}
    wanted |= {column: f"the {role}" for role, column in special.items() if column}
    absent = [column for column in wanted if column and column not in raw.columns]
    if absent:
        more = f" ({len(absent)} columns are missing: {', '.join(absent[:10])})" if len(absent) > 1 else ""
        named = [name for name in raw.columns if not name.startswith("(column ")]
        lower = (
            " Most columns have no name: the header seems to stand further down."
            if 2 * len(named) < len(raw.columns)
            else ""
        )
        raise SurveyError(
            f"{raw.path}: there is no column {absent[0]!r}, which the codebook needs for {wanted[absent[0]]}{more}. "
            + known_names(absent[0], named, "The file's columns are")
            + lower
        )


def _cells(raw: RawTable, column: str) -> NDArray[np.object_]:
    """The texts of a column; none where the wave did not ask."""
    return raw.columns[column].cells() if column else np.full(len(raw), "", dtype=object)


def _respondents(raw: RawTable, codebook: Codebook, wave: str | None) -> pd.DataFrame:
    columns: dict[str, object] = {"row": raw.rows}
    if codebook.key:
        keys = _keys(raw, codebook.key)
        columns["key"] = pseudonymise(keys) if codebook.pseudonymise else keys
    if codebook.date:
        columns["date"] = _dates(raw, codebook.date)
    if codebook.weight:
        columns["weight"] = _weights(raw, codebook.weight)
    for segment in codebook.segments:
        texts = Texts.of(_cells(raw, column_in(segment, wave)))
        columns[segment.name] = np.array([_level(text) for text in texts.distinct], dtype=object)[texts.codes]
    return pd.DataFrame(columns)


def _level(text: str) -> str:
    """A segment level as the codebook writes it: spreadsheets turn 1 into 1.0, which is the same level."""
    stem, _, decimals = text.strip().partition(".")
    return stem if stem.isdigit() and decimals and not decimals.strip("0") else text.strip()


def _keys(raw: RawTable, column: str) -> NDArray[np.object_]:
    texts = raw.columns[column]
    keys = np.array([text.strip() for text in texts.distinct], dtype=object)[texts.codes]
    counts = Counter(keys.tolist())
    repeated = [key for key, count in counts.items() if key and count > 1]
    if repeated:
        rows = raw.rows[np.flatnonzero(keys == repeated[0])[:2]]
        raise SurveyError(
            f"{raw.path}: respondent key {repeated[0]!r} stands in row {rows[0]} and in row {rows[1]} of column {column!r} "
            f"({len(repeated)} keys are duplicated). A respondent answers once a wave: remove the repeats, or leave `key` "
            "out of the codebook if the column does not identify respondents."
        )
    return keys


def _dates(raw: RawTable, column: str) -> "pd.Series[pd.Timestamp]":
    texts = raw.columns[column]
    distinct = pd.Series(texts.distinct, dtype=object).str.strip()
    try:
        return read_dates(distinct).iloc[texts.codes].reset_index(drop=True)
    except ValueError as error:
        place = int(str(error.args[1])) if len(error.args) > 1 else 0
        row = raw.rows[int((texts.codes == place).argmax())]
        raise SurveyError(
            f"{raw.path}: row {row}, column {column!r}: {error.args[0]}. Write dates as 2026-09-30."
        ) from None


def _weights(raw: RawTable, column: str) -> NDArray[np.float64]:
    texts = raw.columns[column]
    weights = np.array([as_number(text.strip()) or np.nan for text in texts.distinct], dtype=float)
    wrong = np.flatnonzero(~(weights > 0)[texts.codes])
    if len(wrong):
        raise SurveyError(
            f"{raw.path}: row {raw.rows[wrong[0]]}, column {column!r}: {texts.distinct[texts.codes[wrong[0]]]!r} is not a "
            "weight. Every respondent needs a number above 0; leave out of the file those who should not count."
        )
    return weights[texts.codes]
