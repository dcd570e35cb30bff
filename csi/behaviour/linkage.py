"""Join answers to what the customers did before they answered, and say how far respondents resemble the base.

Nothing that happened after the answer may be used: a row whose snapshot is dated after the day of the answer is refused.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csi.display import Result, tidy
from csi.engine import POSITION, Engine, Summary, Table, connect, table_of
from csi.errors import LinkError
from csi.survey.covariates import NEGLIGIBLE
from csi.survey.survey import Survey

_RESERVED = ("row", "key")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Linked(Result):
    """Answers joined to behaviour.

    Attributes
    ----------
    survey, source, key, features
        What was joined: the answers, the behaviour table in its engine, its key, and what customers did.
    frame
        One row a linked respondent: `row` (position in the survey, from 0), `key` (text) and the features: numbers as
        floats, all else as text, gaps as NaN or None.
    unmatched_keys
        Keys of respondents whom the base does not have.
    without_key
        Respondents without a key.
    refused_rows
        Positions in the survey of respondents whose snapshot is later than their answer: not linked.
    unchecked
        Linked respondents whose answer or snapshot has no date, so that the order could not be checked.
    base_rows
        Customers in the base.
    base_summary
        Numeric feature -> count, mean and standard deviation in the base.
    """

    survey: Survey
    source: Table
    key: str
    features: tuple[str, ...]
    frame: pd.DataFrame
    unmatched_keys: tuple[str, ...]
    without_key: int
    refused_rows: NDArray[np.intp]
    unchecked: int
    base_rows: int
    base_summary: dict[str, Summary]

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def match_rate(self) -> float:
        """Share of all respondents found in the base, whether or not their snapshot could be used."""
        return (len(self.frame) + len(self.refused_rows)) / max(len(self.survey), 1)

    @property
    def numeric_features(self) -> tuple[str, ...]:
        """The features that are numbers."""
        return tuple(self.base_summary)

    def comparison(self) -> pd.DataFrame:
        """Standardised mean difference (respondents minus base) of each numeric feature, in standard deviations.

        The divisor is the root of the mean of both variances (Austin 2009). Columns: term, estimate (the difference), n
        (respondents with a value), respondent_mean, base_mean, base_sd, base_n.
        """
        rows = [self._difference(feature) for feature in self.base_summary]
        return tidy(rows, ["respondent_mean", "base_mean", "base_sd", "base_n"])

    def _difference(self, feature: str) -> dict[str, object]:
        base = self.base_summary[feature]
        x = self.frame[feature].dropna().to_numpy(float)
        mean = float(x.mean()) if len(x) else np.nan
        variance = float(x.var(ddof=1)) if len(x) > 1 else np.nan
        spread = np.sqrt((variance + base.sd**2) / 2)
        return {
            "term": feature,
            "estimate": (mean - base.mean) / spread if spread > 0 else np.nan,
            "n": len(x),
            "respondent_mean": mean,
            "base_mean": base.mean,
            "base_sd": base.sd,
            "base_n": base.n,
        }

    def headline(self) -> list[str]:
        """How many were joined, whether the order in time is known, and where respondents differ from the base."""
        found = len(self.frame) + len(self.refused_rows)
        lines = [
            f"Linked: {found:,} of {len(self.survey):,} respondents ({self.match_rate:.1%}) found among "
            f"{self.base_rows:,} customers of {Path(self.source.name).name}; {len(self.features)} features"
        ]
        if len(self.refused_rows):
            lines.append(f"{len(self.refused_rows):,} not linked: their snapshot is later than their answer")
        if self.unchecked == len(self.frame):
            lines.append("dates unknown: whether behaviour came before the answer could not be checked")
        elif self.unchecked:
            lines.append(f"{self.unchecked:,} without a date: whether behaviour came before the answer is unknown")
        table = self.comparison()
        unlike = table.loc[table["estimate"].abs() > NEGLIGIBLE, "term"].tolist()
        if unlike:
            more = f" and {len(unlike) - 5} more" if len(unlike) > 5 else ""
            lines.append(f"respondents differ from the base by over 0.1 SD in {', '.join(unlike[:5])}{more}")
        return lines

    def table(self) -> pd.DataFrame:
        """The comparison of respondents with the base."""
        return self.comparison()


def link(
    survey: Survey,
    base: str | Path | Table | Any,  # noqa: ANN401 - an ibis table, which is untyped
    *,
    key: str,
    features: Sequence[str],
    date: str | None = None,
    engine: Engine | None = None,
) -> Linked:
    """Join a survey to a behaviour table of one row a customer.

    Parameters
    ----------
    survey
        Answers whose codebook names a `key`; a `date` lets the order in time be checked.
    base
        Path of a Parquet or CSV file, a table of an engine, or an ibis table.
    key, features, date
        Columns of the base: the customer, what the customer did, and the day the row was taken.
    engine
        Where a file is read; DuckDB in memory by default.

    Raises
    ------
    LinkError
        The survey has no key; a column is missing or of a kind that cannot be used; keys are of different kinds, missing or
        repeated; no respondent is found; every snapshot is later than the answer.
    """
    keys = _survey_keys(survey)
    table = (engine or connect()).read(base, text=[key]) if isinstance(base, str | Path) else table_of(base)
    features = tuple(features)
    _require_columns(table, key, features, date)
    rows = _require_unique(table, key)
    positions = np.array([i for i, k in enumerate(keys) if k], dtype=np.intp)
    wanted = _comparable([keys[i] for i in positions], positions, survey, table, key)
    columns = list(dict.fromkeys([key, *features, *([date] if date else [])]))
    found = table.matching(key, wanted, columns, as_text=[key]).to_pandas()
    found.insert(0, "row", positions[found.pop(POSITION).to_numpy()])
    if not len(found):
        raise LinkError(
            f"{table.name}: none of the {len(survey):,} respondents of {survey.source.path} is in column {key!r}. The "
            f"survey's keys look like {keys[int(positions[0])]!r}: both files must name customers in the same way."
        )
    late, unknown = _order_in_time(found, survey, date, table)
    missing = np.setdiff1d(positions, found["row"].to_numpy())
    frame = found.loc[~late].rename(columns={key: "key"})[["row", "key", *features]].reset_index(drop=True)
    if not len(frame):
        raise LinkError(
            f"{table.name}: the snapshot in {date!r} is later than the answer for all {len(found):,} respondents found. "
            "Take a snapshot from before the survey: nothing after the answer may be used."
        )
    return Linked(
        survey=survey,
        source=table,
        key=key,
        features=features,
        frame=frame,
        unmatched_keys=tuple(keys[i] for i in missing),
        without_key=len(survey) - len(positions),
        refused_rows=found.loc[late, "row"].to_numpy(np.intp),
        unchecked=int((unknown & ~late).sum()),
        base_rows=rows,
        base_summary=table.summary([f for f in features if table.columns[f] in ("integer", "number")]),
    )


def _survey_keys(survey: Survey) -> list[str]:
    if "key" not in survey.respondents:
        raise LinkError(
            f"{survey.source.path}: the survey has no customer key, so its answers cannot be joined to behaviour. Name the "
            "column that identifies the customer as `key` in the codebook."
        )
    keys = [str(k).strip() for k in survey.respondents["key"].fillna("")]
    if not any(keys):
        raise LinkError(f"{survey.source.path}: every customer key is empty, so no answer can be joined to behaviour.")
    return keys


def _require_columns(table: Table, key: str, features: tuple[str, ...], date: str | None) -> None:
    table.require([key], "the key")
    table.require(features, "a feature")
    table.require([date] if date else [], "the snapshot date")
    if not features:
        raise LinkError(f"{table.name}: name at least one feature to link.")
    twice = [name for name in features if features.count(name) > 1]
    if twice:
        raise LinkError(f"{table.name}: feature {twice[0]!r} is named {features.count(twice[0])} times.")
    for name in features:
        if name in (key, date):
            raise LinkError(f"{table.name}: {name!r} is the key or the snapshot date and cannot be a feature too.")
        if name in _RESERVED:
            raise LinkError(f"{table.name}: a feature cannot be called {name!r}; give the column another name.")
        if table.columns[name] in ("date", "other"):
            raise LinkError(
                f"{table.name}: feature {name!r} is neither a number nor a text nor a flag. Turn a date into a number of "
                "days before the snapshot."
            )
    if table.columns[key] not in ("text", "integer"):
        raise LinkError(
            f"{table.name}: the key {key!r} must be text or whole numbers; as it is stored, long keys may have lost digits. "
            "Save the column as text."
        )


def _require_unique(table: Table, key: str) -> int:
    gaps = table.gaps(key)
    if gaps:
        raise LinkError(f"{table.name}: {gaps:,} rows have no key in column {key!r}. Leave them out of the table.")
    count, first = table.repeated(key)
    if count:
        raise LinkError(
            f"{table.name}: {count:,} keys stand in more than one row of column {key!r}, for example {first!r}. The table "
            "must have one row a customer: keep the last snapshot before the survey."
        )
    return table.rows()


def _comparable(
    keys: list[str], positions: NDArray[np.intp], survey: Survey, table: Table, key: str
) -> list[str] | list[int]:
    """The survey's keys in the type of the base: survey keys are text, the base may hold whole numbers."""
    if table.columns[key] == "text":
        return keys
    first: dict[int, int] = {}
    for k, position in zip(keys, positions, strict=True):
        row = survey.respondents["row"].iloc[int(position)]
        if not re.fullmatch(r"[+-]?[0-9]{1,18}", k):
            raise LinkError(
                f"{table.name}: column {key!r} holds whole numbers, but the survey's key in row {row} of "
                f"{survey.source.path} is {k!r}. Both must name customers in the same way: save the column as text."
            )
        if int(k) in first:
            raise LinkError(
                f"{survey.source.path}: the keys of rows {first[int(k)]} and {row} are both the number {int(k)}. A customer "
                "answers once a wave."
            )
        first[int(k)] = row
    return list(first)


def _order_in_time(
    found: pd.DataFrame, survey: Survey, date: str | None, table: Table
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which rows were taken after the day of the answer, and for which that is unknown."""
    if date is None or "date" not in survey.respondents:
        return np.zeros(len(found), dtype=bool), np.ones(len(found), dtype=bool)
    if table.columns[date] not in ("date", "text"):
        raise LinkError(f"{table.name}: column {date!r} does not hold dates. Write snapshot dates as 2026-06-30.")
    taken = pd.to_datetime(found[date], errors="coerce", format="mixed")
    bad = found.loc[taken.isna() & found[date].notna(), date]
    if len(bad):
        raise LinkError(
            f"{table.name}: column {date!r}: {bad.iloc[0]!r} is not a date ({len(bad)} such cells). Write 2026-06-30."
        )
    answered = survey.respondents["date"].iloc[found["row"].to_numpy()].reset_index(drop=True)
    late = (taken.dt.normalize() > answered.dt.normalize()).to_numpy(dtype=bool)
    return late, (taken.isna() | answered.isna()).to_numpy(dtype=bool)
