"""A survey: coded answers, the kind of every gap, who answered, and everything that was refused on the way."""

import hashlib
import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csi.display import Result, tidy
from csi.errors import CsiWarning, SurveyError, known_names
from csi.survey.codebook import Codebook, Item
from csi.survey.coding import ANSWERED, GAP_KINDS, INVALID, as_number, code_column
from csi.survey.dates import read_dates
from csi.survey.design import Design
from csi.survey.readers.excel import read_excel
from csi.survey.readers.raw import RawTable
from csi.survey.readers.text import read_text

_EXCEL = {".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"}
_TEXT = {".csv", ".tsv", ".txt"}


@dataclass(frozen=True, slots=True)
class Source:
    """The file a survey came from."""

    path: str
    sha256: str
    encoding: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Survey(Result):
    """Coded answers of one wave.

    Attributes
    ----------
    answers
        (n x items) numbers on the items' own scales, NaN at gaps; reversed items already turned round.
    gaps
        (n x items) kind of each gap as a position in `GAP_KINDS`; 0 = answered.
    respondents
        (n rows) `row` in the file, and `key`, `date`, `weight` and the segments where the codebook names them; `base_weight`
        once the survey is raked.
    coded_cells
        one row for each cell whose text is not its number: file, row, column, item, value (the raw text), kind, rule.
    refused_rows
        rows of the file that could not be read: row, text, reason.
    """

    answers: pd.DataFrame
    gaps: pd.DataFrame
    respondents: pd.DataFrame
    coded_cells: pd.DataFrame
    refused_rows: pd.DataFrame
    codebook: Codebook
    source: Source
    wave: str | None = None
    design: Design = field(default_factory=Design)

    def __post_init__(self) -> None:
        if not len(self.answers) == len(self.gaps) == len(self.respondents):
            raise SurveyError(f"{self.source.path}: answers, gaps and respondents must have the same rows.")

    def __len__(self) -> int:
        return len(self.answers)

    @property
    def weights(self) -> NDArray[np.float64]:
        """(n,) survey weights; ones where the codebook names no weight column."""
        if "weight" in self.respondents:
            return self.respondents["weight"].to_numpy(float)
        return np.ones(len(self))

    @property
    def base_weights(self) -> NDArray[np.float64]:
        """(n,) weights before raking, from which every replicate is raked again."""
        return self.respondents["base_weight"].to_numpy(float) if "base_weight" in self.respondents else self.weights

    def with_design(self, design: Design) -> "Survey":
        """The same survey, drawn by this design; its margins take effect through `csi.rake`.

        Raises
        ------
        SurveyError
            The respondents lack a column that the design names.
        """
        for column in design.columns:
            if column not in self.respondents:
                raise SurveyError(
                    f"{self.source.path}: the design names the column {column!r}. "
                    f"{known_names(column, [str(c) for c in self.respondents.columns], 'The columns of the respondents are')}"
                )
        return replace(self, design=design)

    @property
    def refused_cells(self) -> pd.DataFrame:
        """Cells that are neither an answer nor a known code: file, row, column, item, value, rule."""
        return self.coded_cells[self.coded_cells["kind"] == INVALID].drop(columns="kind").reset_index(drop=True)

    def segment(self, name: str) -> "pd.Series[str]":
        """(n,) level of each respondent in a segment of the codebook."""
        return self.respondents[self.codebook.segment(name).name]

    def item_table(self) -> pd.DataFrame:
        """Item, n, weighted mean, SD, shares at the floor, the ceiling and in the top two boxes, gaps by kind."""
        weights = self.weights
        return pd.DataFrame([self._describe(item, weights) for item in self.codebook.items])

    def _describe(self, item: Item, weights: NDArray[np.float64]) -> dict[str, object]:
        x = self.answers[item.name].to_numpy()
        answered = ~np.isnan(x)
        n, share = int(answered.sum()), weights * answered / max((weights * answered).sum(), 1e-300)
        values = np.where(answered, x, 0.0)
        mean = float(share @ values) if n else np.nan
        variance = float(share @ (values - mean) ** 2) * n / (n - 1) if n > 1 else np.nan
        kinds = np.bincount(self.gaps[item.name], minlength=len(GAP_KINDS))
        return {
            "item": item.name,
            "n": n,
            "mean": mean,
            "sd": np.sqrt(variance),
            "floor": float(share @ (values <= item.scale.low)) if n else np.nan,
            "ceiling": float(share @ (values >= item.scale.high)) if n else np.nan,
            "top_2_box": float(share @ (values >= item.scale.high - 1)) if n else np.nan,
            **{kind: int(kinds[code]) for code, kind in enumerate(GAP_KINDS) if kind != ANSWERED},
        }

    def headline(self) -> list[str]:
        """Wave, file, sizes, and how much was refused."""
        gaps = np.bincount(self.gaps.to_numpy().ravel(), minlength=len(GAP_KINDS))
        missing = 1 - gaps[0] / max(gaps.sum(), 1)
        return [
            f"Survey{f' {self.wave}' if self.wave else ''}: {len(self):,} respondents x {self.answers.shape[1]} items"
            f" from {Path(self.source.path).name} ({self.source.encoding})",
            f"{missing:.1%} of cells are gaps; {gaps[-1]:,} cells and {len(self.refused_rows):,} rows refused",
        ]

    def table(self) -> pd.DataFrame:
        """Item means as a tidy table, with the columns of `item_table` beside them."""
        items = self.item_table()
        items["std_error"] = items["sd"] / np.sqrt(items["n"].where(items["n"] > 0))
        rows = items.rename(columns={"item": "term", "mean": "estimate"}).to_dict("records")
        own = ["sd", "floor", "ceiling", "top_2_box", *(k for k in GAP_KINDS if k != ANSWERED)]
        return tidy([{str(k): v for k, v in row.items()} for row in rows], own)


def read_survey(
    path: str | Path,
    codebook: Codebook,
    *,
    wave: str | None = None,
    sheet: str | None = None,
    encoding: str | None = None,
) -> Survey:
    """Read one wave of answers from CSV, TSV or Excel and code it by its codebook.

    Cells that are neither on the scale nor a known code are refused and kept in `.refused_cells`; rows that cannot be
    read are kept in `.refused_rows`.

    Raises
    ------
    SurveyError
        File missing, empty or of unknown encoding; a column the codebook names is absent; duplicate respondent keys;
        an unusable weight.
    """
    path = Path(path)
    if not path.is_file():
        raise SurveyError(f"{path}: there is no such file.")
    if path.stat().st_size == 0:
        raise SurveyError(f"{path}: the file is empty. A header row and at least one answer are needed.")
    suffix = path.suffix.lower()
    if suffix in _EXCEL:
        raw = read_excel(path, sheet)
    elif suffix in _TEXT:
        raw = read_text(path, encoding)
    else:
        raise SurveyError(
            f"{path}: {suffix or 'no suffix'!r} is not a known kind of survey file. Save it as .csv or .xlsx."
        )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return _code(raw, codebook, Source(str(path), digest, raw.encoding), wave)


def survey_from_frame(
    frame: pd.DataFrame, codebook: Codebook, *, wave: str | None = None, source: str = "frame"
) -> Survey:
    """Code answers that are already in memory, by the same rules as a file (row 2 is the first row of the frame)."""
    texts = frame.astype(object).where(frame.notna(), "").astype(str)
    rows = [[cell.removesuffix(".0") for cell in row] for row in texts.to_numpy().tolist()]
    raw = RawTable(Path(source), [str(c) for c in frame.columns], rows, list(range(2, len(rows) + 2)), "memory")
    digest = hashlib.sha256("\n".join("\t".join(row) for row in rows).encode()).hexdigest()
    return _code(raw, codebook, Source(source, digest, "memory"), wave)


def _code(raw: RawTable, codebook: Codebook, source: Source, wave: str | None) -> Survey:
    _require_columns(raw, codebook)
    answers: dict[str, NDArray[np.float64]] = {}
    gaps: dict[str, NDArray[np.uint8]] = {}
    cells = []
    numbers = np.array(raw.row_numbers)
    for item in codebook.items:
        texts = raw.column(item.column)
        values, kinds, rules = code_column(texts, item)
        answers[item.name], gaps[item.name] = values, kinds
        # An empty cell has no text to keep; every other gap keeps what stood there.
        changed = np.array([bool(kinds[i]) and bool(texts[i].strip()) for i in range(len(texts))])
        cells.append(
            pd.DataFrame(
                {
                    "file": source.path,
                    "row": numbers[changed],
                    "column": item.column,
                    "item": item.name,
                    "value": np.array(texts, dtype=object)[changed],
                    "kind": np.array(GAP_KINDS, dtype=object)[kinds[changed]],
                    "rule": rules[changed],
                }
            )
        )
    survey = Survey(
        answers=pd.DataFrame(answers),
        gaps=pd.DataFrame(gaps),
        respondents=_respondents(raw, codebook),
        coded_cells=pd.concat(cells, ignore_index=True),
        refused_rows=pd.DataFrame(
            [(r.row, r.text, r.reason) for r in raw.refused_rows], columns=["row", "text", "reason"]
        ),
        codebook=codebook,
        source=source,
        wave=wave,
    )
    _warn_of_refusals(survey)
    return survey


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


def _require_columns(raw: RawTable, codebook: Codebook) -> None:
    wanted = {item.column: f"item {item.name!r}" for item in codebook.items}
    wanted |= {segment.column: f"segment {segment.name!r}" for segment in codebook.segments}
    special: Mapping[str, str | None] = {"key": codebook.key, "date": codebook.date, "weight": codebook.weight}
    wanted |= {column: f"the {role}" for role, column in special.items() if column}
    absent = [column for column in wanted if column not in raw.columns]
    if absent:
        more = f" ({len(absent)} columns are missing: {', '.join(absent[:10])})" if len(absent) > 1 else ""
        blank = sum(not column for column in raw.columns)
        lower = (
            " Most columns have no name: the header seems to stand further down."
            if 2 * blank > len(raw.columns)
            else ""
        )
        raise SurveyError(
            f"{raw.path}: there is no column {absent[0]!r}, which the codebook needs for {wanted[absent[0]]}{more}. "
            + known_names(absent[0], [column for column in raw.columns if column], "The file's columns are")
            + lower
        )


def _respondents(raw: RawTable, codebook: Codebook) -> pd.DataFrame:
    columns: dict[str, object] = {"row": raw.row_numbers}
    if codebook.key:
        columns["key"] = _keys(raw, codebook.key)
    if codebook.date:
        columns["date"] = _dates(raw, codebook.date)
    if codebook.weight:
        columns["weight"] = _weights(raw, codebook.weight)
    for segment in codebook.segments:
        columns[segment.name] = [_level(text) for text in raw.column(segment.column)]
    return pd.DataFrame(columns)


def _level(text: str) -> str:
    """A segment level as the codebook writes it: spreadsheets turn 1 into 1.0, which is the same level."""
    stem, _, decimals = text.strip().partition(".")
    return stem if stem.isdigit() and decimals and not decimals.strip("0") else text.strip()


def _keys(raw: RawTable, column: str) -> list[str]:
    keys = [text.strip() for text in raw.column(column)]
    repeated = {key: count for key, count in Counter(keys).items() if key and count > 1}
    if repeated:
        key = next(key for key in keys if key in repeated)
        rows = [row for row, each in zip(raw.row_numbers, keys, strict=True) if each == key]
        raise SurveyError(
            f"{raw.path}: respondent key {key!r} stands in row {rows[0]} and in row {rows[1]} of column {column!r} "
            f"({len(repeated)} keys are duplicated). A respondent answers once a wave: remove the repeats, or leave `key` "
            "out of the codebook if the column does not identify respondents."
        )
    return keys


def _dates(raw: RawTable, column: str) -> "pd.Series[pd.Timestamp]":
    texts = pd.Series(raw.column(column), dtype=object).str.strip()
    try:
        return read_dates(texts)
    except ValueError as error:
        place = int(str(error.args[1])) if len(error.args) > 1 else 0
        raise SurveyError(
            f"{raw.path}: row {raw.row_numbers[place]}, column {column!r}: {error.args[0]}. Write dates as 2026-09-30."
        ) from None


def _weights(raw: RawTable, column: str) -> list[float]:
    weights = []
    for text, row in zip(raw.column(column), raw.row_numbers, strict=True):
        weight = as_number(text.strip())
        if weight is None or weight <= 0:
            raise SurveyError(
                f"{raw.path}: row {row}, column {column!r}: {text!r} is not a weight. Every respondent needs a number "
                "above 0; leave out of the file those who should not count."
            )
        weights.append(weight)
    return weights
