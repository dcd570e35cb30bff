"""A survey: coded answers, the kind of every gap, who answered, and everything that was refused on the way."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csi.display import Result, tidy
from csi.errors import SurveyError, known_names
from csi.survey.codebook import Codebook, Item
from csi.survey.coding import ANSWERED, GAP_KINDS, INVALID
from csi.survey.design import Design


@dataclass(frozen=True, slots=True)
class Source:
    """The file a survey came from, its fingerprint, and what kind of file it was recognised as."""

    path: str
    sha256: str
    form: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Survey(Result):
    """Coded answers, of one wave unless the respondents have a column `wave`.

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
    choices
        (n x answers) of the questions with several answers, columns "question.answer": True, False, or None where nothing was
        chosen at all.
    comments
        (n x open questions) texts as they were written.
    excluded
        respondents left out by rules of answer quality (`csi.without`): row, key if there is one, reasons.
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
    choices: pd.DataFrame = field(default_factory=pd.DataFrame)
    comments: pd.DataFrame = field(default_factory=pd.DataFrame)
    excluded: pd.DataFrame = field(default_factory=pd.DataFrame)

    def __post_init__(self) -> None:
        parts = [self.answers, self.gaps, *(part for part in (self.choices, self.comments) if part.shape[1])]
        if any(len(part) != len(self.respondents) for part in parts):
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
            f" from {Path(self.source.path).name} ({self.source.form})",
            f"{missing:.1%} of cells are gaps; {gaps[-1]:,} cells and {len(self.refused_rows):,} rows refused",
        ]

    def table(self) -> pd.DataFrame:
        """Item means as a tidy table, with the columns of `item_table` beside them."""
        items = self.item_table()
        items["std_error"] = items["sd"] / np.sqrt(items["n"].where(items["n"] > 0))
        rows = items.rename(columns={"item": "term", "mean": "estimate"}).to_dict("records")
        own = ["sd", "floor", "ceiling", "top_2_box", *(k for k in GAP_KINDS if k != ANSWERED)]
        return tidy([{str(k): v for k, v in row.items()} for row in rows], own)

    def shown(self) -> pd.DataFrame:
        """The table without the kinds of gaps that no item has."""
        table = self.table()
        return table.drop(columns=[k for k in GAP_KINDS if k != ANSWERED and not table[k].any()])
