"""What every reader gives: columns of texts, what the file itself says about them, and the rows that could not be read."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csi.errors import SurveyError


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row of the file that could not be read as a row of the table."""

    row: int
    text: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """One column: its distinct texts, and which of them stands in each row. A text is judged once, however often it occurs."""

    codes: NDArray[np.int32]
    distinct: tuple[str, ...]

    @classmethod
    def of(cls, cells: Sequence[str] | NDArray[np.object_]) -> "Texts":
        """A column from its cells.

        >>> Texts.of(["5", "", "5"])
        Texts(codes=array([0, 1, 0], dtype=int32), distinct=('5', ''))
        """
        codes, distinct = pd.factorize(np.asarray(cells, dtype=object))
        return cls(codes.astype(np.int32), tuple(map(str, distinct)))

    @classmethod
    def joined(cls, parts: Sequence["Texts"]) -> "Texts":
        """One column below the other.

        >>> Texts.joined([Texts.of(["5", "7"]), Texts.of(["7"])])
        Texts(codes=array([0, 1, 1], dtype=int32), distinct=('5', '7'))
        """
        places: dict[str, int] = {}
        moved = [np.array([places.setdefault(text, len(places)) for text in p.distinct], dtype=np.int32) for p in parts]
        codes = [to.take(part.codes) for to, part in zip(moved, parts, strict=True)]
        return cls(np.concatenate([np.empty(0, dtype=np.int32), *codes]), tuple(places))

    def __len__(self) -> int:
        return len(self.codes)

    def cells(self) -> NDArray[np.object_]:
        """(n,) the text of each row."""
        return np.array(self.distinct, dtype=object)[self.codes]


@dataclass(frozen=True, slots=True)
class Question:
    """What the file itself says about a column: its wording, what its codes stand for, and which are no answers.

    `labels` maps a text of the column to what it stands for, `gaps` to the kind of gap (of `csi.survey.coding.GAP_KINDS`);
    `block` names the question of which the column is one part, as in a matrix or a question with several answers.
    """

    wording: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    gaps: Mapping[str, str] = field(default_factory=dict)
    block: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class RawTable:
    """Texts as they stand in the file.

    Attributes
    ----------
    columns
        name -> texts, in the order of the file; names are distinct.
    rows
        (n,) number of each row in the file as a spreadsheet counts, the first line being 1.
    form
        What kind of file it was recognised as, e.g. "csv, gb18030" or "Qualtrics CSV, utf-8".
    questions
        name -> what the file says about the column, where it says anything.
    """

    path: Path
    columns: Mapping[str, Texts]
    rows: NDArray[np.intp]
    form: str
    refused_rows: tuple[RefusedRow, ...] = ()
    questions: Mapping[str, Question] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.columns:
            raise SurveyError(f"{self.path}: the file is empty. A header row and at least one answer are needed.")
        if not len(self.rows) and self.refused_rows:
            first = self.refused_rows[0]
            raise SurveyError(
                f"{self.path}: none of {len(self.refused_rows)} rows could be read; row {first.row} has {first.reason}. "
                "A comma too many or too few in every line, or in the header, is the usual cause."
            )
        if not len(self.rows):
            raise SurveyError(
                f"{self.path}: the file has a header ({len(self.columns)} columns) but no answers below it."
            )
        if any(len(texts) != len(self.rows) for texts in self.columns.values()):
            raise SurveyError(f"{self.path}: columns of different length.")

    def __len__(self) -> int:
        return len(self.rows)


def table_of_rows(
    path: Path,
    header: Sequence[str],
    records: Sequence[Sequence[str]],
    numbers: Sequence[int],
    form: str,
    refused_rows: Sequence[RefusedRow] = (),
    questions: Mapping[str, Question] | None = None,
) -> RawTable:
    """A table from rows that all have as many cells as the header; `numbers` are their rows in the file.

    Raises
    ------
    SurveyError
        Two columns of one name; no row.
    """
    names = column_names(path, header)
    cells = zip(*records, strict=True) if records else [()] * len(header)
    columns = {name: Texts.of(column) for name, column in zip(names, cells, strict=True)}
    return RawTable(path, columns, np.array(numbers, dtype=np.intp), form, tuple(refused_rows), dict(questions or {}))


def column_names(path: Path, header: Sequence[str]) -> list[str]:
    """The names of a header, with "(column 3)" for one that is empty.

    Raises
    ------
    SurveyError
        Two columns of one name.
    """
    names = [name or f"(column {place})" for place, name in enumerate(header, 1)]
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        places = [i for i, name in enumerate(names, 1) if name == twice[0]]
        raise SurveyError(
            f"{path}: {len(places)} columns are called {twice[0]!r} (columns {', '.join(map(str, places))}). "
            "Rename all but one, so that the codebook can say which is meant."
        )
    return names


def unique_names(header: Sequence[str]) -> list[str]:
    """The names with (2), (3) ... after those that repeat, for kinds of files in which repeats are usual.

    >>> unique_names(["a", "b", "a"])
    ['a', 'b', 'a (2)']
    """
    names: list[str] = []
    for name in header:
        number, each = 2, name
        while each and each in names:
            each, number = f"{name} ({number})", number + 1
        names.append(each)
    return names


def drop_empty_rows(records: Sequence[Sequence[str]], first_number: int) -> tuple[list[Sequence[str]], list[int]]:
    """Rows that hold any text, with their numbers: spreadsheets end in empty rows that are no answers."""
    kept = [(row, number) for number, row in enumerate(records, first_number) if any(cell.strip() for cell in row)]
    return [row for row, _ in kept], [number for _, number in kept]
