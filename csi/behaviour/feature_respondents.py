"""Respondents as a small table of the engine: which row of the survey, which customer, and the day of the answer."""

import datetime as dt
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from csi.behaviour.feature_rules import EventFeatures
from csi.behaviour.features import events_of, with_features
from csi.engine import Engine, Table
from csi.errors import CsiWarning, LinkError
from csi.survey.survey import Survey

_STRAY_GAP, _STRAY_SHARE = 14, 0.02  # days between the last answers and the others, and their share at most
ROW, ANSWERED = "survey_row", "answered_on"


@dataclass(frozen=True, slots=True, eq=False)
class Respondents:
    """Respondents with a key.

    Attributes
    ----------
    survey, key
        Whose they are, and the column of the base that has their keys.
    positions
        (n,) position of each in the survey.
    keys
        Their keys as the survey writes them, and in the type of the base.
    answered
        (n,) when each answered, NaT if unknown; None if the survey has no dates.
    """

    survey: Survey
    key: str
    positions: NDArray[np.intp]
    keys: list[str]
    typed: list[str] | list[int]
    answered: "pd.Series[pd.Timestamp] | None"

    @property
    def last_day(self) -> dt.date | None:
        """The day of the last answer."""
        last = None if self.answered is None else self.answered.max()
        return None if last is None or pd.isna(last) else last.date()

    def warn_of_stray_days(self) -> None:
        """Warn if a few answers are dated long after all others: the base is taken on the day of the last answer."""
        if self.answered is None:
            return
        days = self.answered.dropna().dt.normalize().sort_values(ignore_index=True)
        after = len(days) - np.flatnonzero(days.diff().dt.days > _STRAY_GAP)
        few = after[after <= _STRAY_SHARE * len(days)]
        if not len(few):
            return
        row = self.survey.respondents["row"].iloc[self.positions[self.answered.argmax()]]
        warnings.warn(
            f"{self.survey.source.path}: {few[0]:,} of {len(days):,} answers are dated over {_STRAY_GAP} days after all others, "
            f"which end on {days[len(days) - few[0] - 1]:%Y-%m-%d}; the last, {self.last_day}, is of row {row}. Events of the "
            "base count up to that day. Correct the date if it is mistyped, or give as_of the day that is meant.",
            CsiWarning,
            stacklevel=4,
        )

    def require_days(self) -> None:
        """Raise LinkError if no answer has a date."""
        if self.last_day is None:
            raise LinkError(
                f"{self.survey.source.path}: no answer has a date, so it cannot be told which events came before it. Name the "
                "column with the day of the answer as `date` in the codebook."
            )

    def spine(self, engine: Engine) -> Table:
        """Row, key and moment of the answer: its day, unless the survey knows the hour."""
        days = pd.Series(pd.NaT, index=range(len(self.keys))) if self.answered is None else self.answered
        known = days.dropna()
        whole = bool((known == known.dt.normalize()).all())
        moments = pa.array(days.to_numpy("datetime64[us]"), pa.timestamp("us"), from_pandas=True)
        rows = {
            ROW: pa.array(self.positions, pa.int64()),
            self.key: pa.array(self.typed),
            ANSWERED: moments.cast(pa.date32()) if whole else moments,
        }
        return engine.hold(pa.table(rows), self.survey.source.path)

    def features(self, group: Sequence[EventFeatures], table: Table) -> pd.DataFrame:
        """`row` and the features of a group of rules, each respondent at the answer."""
        spine = self.spine(Engine(table.backend))
        events = events_of(table, group, spine, self.key)
        return gathered(with_features(spine, events, group, key=self.key, as_of=ANSWERED), group)


def gathered(spine: Table, group: Sequence[EventFeatures]) -> pd.DataFrame:
    """The features of a spine of respondents, in memory: `row` and one float column a feature."""
    names = [name for rule in group for name in rule.features]
    found: pd.DataFrame = pa.Table.from_batches(list(spine.batches([ROW, *names]))).to_pandas()
    found.insert(0, "row", found.pop(ROW).astype(np.intp))
    return found.astype(dict.fromkeys(names, float)).sort_values("row", ignore_index=True)


def respondents_of(survey: Survey, keys: Sequence[str], table: Table, key: str) -> Respondents:
    """Those of the survey who have one of the `keys` (survey rows,), which are '' without."""
    positions = np.array([i for i, k in enumerate(keys) if k], dtype=np.intp)
    own = [keys[i] for i in positions]
    typed = own if table.columns[key] == "text" else _numbers(own, positions, survey, table, key)
    answered = None
    if "date" in survey.respondents:
        days = survey.respondents["date"].iloc[positions].reset_index(drop=True)
        answered = days.dt.tz_localize(None)  # the clock that the answer was written by
    return Respondents(survey, key, positions, own, typed, answered)


def survey_keys(survey: Survey) -> list[str]:
    """(survey rows,) key of each respondent, '' without; LinkError if nobody has one."""
    if "key" not in survey.respondents:
        raise LinkError(
            f"{survey.source.path}: the survey has no customer key, so its answers cannot be joined to behaviour. Name the "
            "column that identifies the customer as `key` in the codebook."
        )
    keys = [str(k).strip() for k in survey.respondents["key"].fillna("")]
    if not any(keys):
        raise LinkError(f"{survey.source.path}: every customer key is empty, so no answer can be joined to behaviour.")
    return keys


def _numbers(keys: list[str], positions: NDArray[np.intp], survey: Survey, table: Table, key: str) -> list[int]:
    """The survey's keys, which are text, as the whole numbers that the base holds."""
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
