"""What respondents did in the periods after their answer: one row a customer and period, checked to lie after the answer."""

from collections.abc import Mapping
from dataclasses import dataclass as plain
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from csi.behaviour.worth_models import Outcome
from csi.engine.connection import opened
from csi.errors import LinkError, TooFewError, known_names
from csi.survey.codebook import section_of

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class WorthTable:
    """The study file's section on later behaviour: one row a customer and period (month, quarter).

    Attributes
    ----------
    table
        Path of a Parquet or CSV file; may contain "{wave}".
    key, begins
        Columns with the customer and the first day of the period.
    left
        Column that says whether the customer left in the period (1 or 0); the last row of one who left. A customer whose rows
        end without it is followed up to there.
    spend, complaints
        Columns with the money that the customer paid and the complaints made in the period; at least one of these three.
    periods_per_year
        4 for quarters, 12 for months.
    controls
        Columns of the linked frame that are held constant: tier, tenure, earlier spend.
    drop_earlier
        Whether periods that begin on the day of the answer or before it are left out; refused otherwise.
    """

    table: str
    key: str
    begins: str
    left: str | None = None
    spend: str | None = None
    complaints: str | None = None
    periods_per_year: int = Field(default=4, ge=1, le=366, strict=True)
    controls: tuple[str, ...] = ()
    drop_earlier: bool = False

    @model_validator(mode="after")
    def _has_an_outcome(self) -> "WorthTable":
        if not self.outcomes:
            raise ValueError("name at least one outcome: left, spend or complaints")
        return self

    @property
    def outcomes(self) -> dict[Outcome, str]:
        """Outcome (churn, spend, complaints) -> column."""
        named: dict[Outcome, str | None] = {"churn": self.left, "spend": self.spend, "complaints": self.complaints}
        return {outcome: column for outcome, column in named.items() if column}

    @classmethod
    def from_dict(cls, section: Mapping[str, Any], source: str = "worth") -> "WorthTable":
        """Build the section from its TOML table; errors name the source and the field.

        >>> WorthTable.from_dict({"table": "later.parquet", "key": "id", "begins": "quarter", "left": "left"}).outcomes
        {'churn': 'left'}

        Raises
        ------
        StudyError
            A field is missing, unknown or of the wrong kind.
        """
        return section_of(cls, section, source)


@plain(frozen=True, slots=True, eq=False)
class Periods:
    """Customers at risk, period by period.

    Attributes
    ----------
    who, number
        (m,) position of the respondent and number of the period after the answer, from 0.
    values
        Outcome -> (m,) its values.
    earlier, after_leaving
        Rows that were left out: at or before the answer, after the customer had left.
    unmatched
        Respondents without any row.
    """

    who: NDArray[np.intp]
    number: NDArray[np.intp]
    values: dict[Outcome, Array]
    earlier: int
    after_leaving: int
    unmatched: int


def later_periods(
    outcomes: Any,  # noqa: ANN401 - a frame, a path, or a table of an engine
    columns: WorthTable,
    keys: "pd.Series[str]",
    answered: "pd.Series[pd.Timestamp]",
) -> Periods:
    """The rows of respondents, in order of time; LinkError where one is not after the answer, repeated or not a number."""
    rows = _rows(outcomes, columns, keys)
    _require_values(rows, columns)
    rows["answered"] = answered.to_numpy()[rows["who"]]
    early = (rows["begins"].dt.normalize() <= rows["answered"].dt.normalize()).to_numpy(dtype=bool)
    if early.any() and not columns.drop_earlier:
        first = rows.loc[early].iloc[0]
        raise LinkError(
            f"{early.sum():,} periods begin on the day of the answer or before it, for example {first['begins']:%Y-%m-%d} of "
            f"customer {first['key']!r} who answered on {first['answered']:%Y-%m-%d}. What came before the answer cannot be its "
            "consequence: leave these rows out, or set drop_earlier = true."
        )
    rows = rows.loc[~early].sort_values(["who", "begins"], ignore_index=True)
    if not len(rows):
        raise TooFewError(
            "no respondent has a period that begins after the answer. Wait for the next period, or read it."
        )
    gone = np.zeros(len(rows), dtype=bool)
    if "churn" in rows:
        gone = (rows.groupby("who")["churn"].cumsum() - rows["churn"]).to_numpy() > 0
    rows = rows.loc[~gone]
    return Periods(
        who=rows["who"].to_numpy(np.intp),
        number=rows.groupby("who").cumcount().to_numpy(np.intp),
        values={name: rows[name].to_numpy(float) for name in columns.outcomes},
        earlier=int(early.sum()),
        after_leaving=int(gone.sum()),
        unmatched=len(keys) - rows["who"].nunique(),
    )


def respondents_rows(outcomes: Any, columns: WorthTable, keys: "pd.Series[str]") -> pd.DataFrame:  # noqa: ANN401
    """The rows of these customers in a table of an engine, or a file: nothing else of it is taken into memory."""
    wanted = list(dict.fromkeys([columns.key, columns.begins, *columns.outcomes.values()]))
    table = opened(outcomes, "the later behaviour")
    table.require(wanted, "a column of later behaviour")
    whole = table.columns[columns.key] == "integer"
    known = [int(k) if k.isdecimal() else -1 for k in keys] if whole else list(keys)
    found: pd.DataFrame = table.matching(columns.key, known, wanted, as_text=[columns.key]).to_pandas()
    return found[wanted]


def _rows(outcomes: Any, columns: WorthTable, keys: "pd.Series[str]") -> pd.DataFrame:  # noqa: ANN401
    """The respondents' rows with the columns who, key, begins and the outcomes."""
    named = {"key": columns.key, "begins": columns.begins} | {str(name): c for name, c in columns.outcomes.items()}
    if not isinstance(outcomes, pd.DataFrame):
        outcomes = respondents_rows(outcomes, columns, keys)
    absent = [column for column in named.values() if column not in outcomes]
    if absent:
        raise LinkError(
            f"later behaviour has no column {absent[0]!r}. {known_names(absent[0], outcomes.columns, 'Its columns are')}"
        )
    rows = pd.DataFrame({name: outcomes[column] for name, column in named.items()})
    rows["key"] = rows["key"].astype("string").str.strip()
    place = pd.Series(np.arange(len(keys)), index=pd.Index(keys.astype("string").str.strip()))
    rows["who"] = rows["key"].map(place)
    rows = rows.loc[rows["who"].notna()].reset_index(drop=True)
    if not len(rows):
        raise LinkError(
            f"later behaviour: none of the {len(keys):,} respondents is in column {columns.key!r}. The respondents' keys look "
            f"like {keys.iloc[0]!r}: both must name customers in the same way."
        )
    return rows.assign(who=rows["who"].astype(int))


def _require_values(rows: pd.DataFrame, columns: WorthTable) -> None:
    begins = pd.to_datetime(rows["begins"], errors="coerce", format="mixed")
    if begins.isna().any():
        bad = rows.loc[begins.isna(), "begins"].iloc[0]
        raise LinkError(f"later behaviour: {bad!r} in column {columns.begins!r} is not a date. Write 2026-06-30.")
    rows["begins"] = begins.dt.tz_localize(None)
    twice = rows.duplicated(["who", "begins"])
    if twice.any():
        row = rows.loc[twice].iloc[0]
        raise LinkError(
            f"later behaviour: customer {row['key']!r} has several rows for the period of {row['begins']:%Y-%m-%d} "
            f"({twice.sum():,} rows too many). There must be one row a customer and period: sum them."
        )
    words = {"true": 1.0, "false": 0.0}
    for outcome, column in columns.outcomes.items():
        numbers = pd.to_numeric(rows[outcome].map(lambda v: words.get(str(v).lower(), v)), errors="coerce")
        bad = numbers.isna() | ~np.isfinite(numbers.astype(float))
        if outcome == "churn":
            bad |= ~numbers.isin([0, 1])
        if outcome == "complaints":
            bad |= (numbers < 0) | (numbers != np.floor(numbers))
        if bad.any():
            wanted = {"churn": "1 (left) or 0", "spend": "an amount", "complaints": "a count, 0 or more"}[outcome]
            raise LinkError(
                f"later behaviour: {str(rows.loc[bad, outcome].iloc[0])!r} in column {column!r} is not {wanted} "
                f"({bad.sum():,} such rows). A customer without a record has no row; a period without any has 0."
            )
        rows[outcome] = numbers.astype(float)
