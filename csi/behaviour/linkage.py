"""Join answers to what the customers did before they answered, and say how far respondents resemble the base.

Nothing that happened after the answer may be used: a row whose snapshot is dated after the day of the answer is refused, and
events count only if they lie before the answer (`csi.behaviour.features`).
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from csi.behaviour.feature_respondents import Respondents, respondents_of, survey_keys
from csi.behaviour.feature_rules import EventFeatures
from csi.behaviour.features import Place, features_of_base, grouped, open_tables
from csi.behaviour.linkage_snapshots import count_customers, last_snapshots, require_columns, snapshots_of
from csi.display import Result, tidy
from csi.engine import Engine, Summary, Table, connect, table_of
from csi.errors import LinkError
from csi.survey.covariates import NEGLIGIBLE
from csi.survey.survey import Survey

Several = Literal["refuse", "last"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Linked(Result):
    """Answers joined to behaviour.

    Attributes
    ----------
    survey, source, key, features
        What was joined: the answers, the base in its engine with every feature beside its own columns, its key, and what
        customers did.
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
    rules, tables
        What was made of events, and the tables of these by the names in the rules.
    as_of
        Day before which the base's events count; each respondent has the day of the answer.
    repeated
        Customers of the base with several snapshots, of which the last before the day was taken.
    same_day
        Linked respondents whose snapshot was taken on the day of the answer, before or after it.
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
    rules: tuple[EventFeatures, ...] = ()
    tables: Mapping[str, Table] = field(default_factory=dict)
    as_of: dt.date | None = None
    repeated: int = 0
    same_day: int = 0

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

    def of_linked(self, values: ArrayLike, what: str) -> NDArray[np.float64]:
        """Of numbers for every respondent of the survey those of the linked ones, in their order.

        Raises
        ------
        LinkError
            Not one value for each respondent; `what` is how the message calls them.
        """
        found = np.asarray(values, dtype=float)
        if found.shape != (len(self.survey),):
            raise LinkError(
                f"{what} must have one value for each of the {len(self.survey):,} respondents of the survey, linked or not; "
                f"it has shape {found.shape}."
            )
        return np.asarray(found[self.frame["row"].to_numpy()])

    def comparison(self) -> pd.DataFrame:
        """Standardised mean difference (respondents minus base) of each numeric feature, in standard deviations.

        The divisor is the root of the mean of both variances (Austin 2009). Columns: term, estimate (the difference), n
        (respondents with a value), respondent_mean, base_mean, base_sd, base_n.
        """
        rows = [self._difference(feature) for feature in self.base_summary]
        return tidy(rows, ["respondent_mean", "base_mean", "base_sd", "base_n"])

    def match_rates(self) -> pd.DataFrame:
        """Share of respondents who were linked, in all and in each segment; n counts respondents.

        Columns: term ("all", or segment: level), estimate, n, unmatched (not in the base), refused (snapshot too late).
        """
        found = np.isin(np.arange(len(self.survey)), self.frame["row"])
        late = np.isin(np.arange(len(self.survey)), self.refused_rows)
        people = self.survey.respondents
        groups = {"all": np.ones(len(people), dtype=bool)}
        for segment in (s.name for s in self.survey.codebook.segments):
            levels = people[segment].fillna("").astype(str)
            groups |= {f"{segment}: {level}": (levels == level).to_numpy() for level in sorted(set(levels) - {""})}
        return tidy(
            (
                {
                    "term": term,
                    "estimate": float(found[rows].mean()),
                    "n": int(rows.sum()),
                    "unmatched": int((~found & ~late)[rows].sum()),
                    "refused": int(late[rows].sum()),
                }
                for term, rows in groups.items()
                if rows.any()
            ),
            ["unmatched", "refused"],
        )

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
        if self.as_of is not None:
            lines.append(f"events count before each answer; for the base before {self.as_of}")
        if self.repeated:
            lines.append(f"{self.repeated:,} customers have several snapshots: the last before the day was taken")
        table = self.comparison()
        unlike = table.loc[table["estimate"].abs() > NEGLIGIBLE, "term"].tolist()
        if unlike:
            more = f" and {len(unlike) - 5} more" if len(unlike) > 5 else ""
            lines.append(f"respondents differ from the base by over 0.1 SD in {', '.join(unlike[:5])}{more}")
        return lines

    def table(self) -> pd.DataFrame:
        """The comparison of respondents with the base."""
        return self.comparison()


def link(  # noqa: PLR0913 - the answers, the base, its columns, the events and two rules of time
    survey: Survey,
    base: Place,
    *,
    key: str,
    features: Sequence[str] = (),
    date: str | None = None,
    engine: Engine | None = None,
    events: Sequence[EventFeatures] = (),
    tables: Mapping[str, Place] | None = None,
    as_of: dt.date | None = None,
    several: Several = "refuse",
) -> Linked:
    """Join a survey to a table of the base, and to tables of events.

    Parameters
    ----------
    survey
        Answers whose codebook names a `key`; a `date` lets the order in time be checked, and is needed for events.
    base
        Path of a Parquet or CSV file, a table of an engine, or an ibis table: one row a customer.
    key, features, date
        Columns of the base: the customer, what the customer did, and the day the row was taken.
    engine
        Where files are read; DuckDB in memory by default.
    events, tables
        Rules for features from events, and name of a table in the rules -> where it lies (a name that is not here is a path).
        A customer's many events become numbers by these rules alone.
    as_of
        Day before which events count for the base; the day of the last answer by default.
    several
        Customers with several rows in the base: refused, or "last": the last row dated before the answer (for the base: before
        `as_of`), which needs `date`.

    Raises
    ------
    LinkError
        The survey has no key; a column is missing or of a kind that cannot be used; keys are of different kinds, missing or
        repeated; no respondent is found; every snapshot is later than the answer; an answer is dated after `as_of`; as
        `csi.features_of_base` for events.
    """
    keys, features, events = survey_keys(survey), tuple(features), tuple(events)
    table = (engine or connect()).read(base, text=[key]) if isinstance(base, str | Path) else table_of(base)
    names = (*features, *(name for rule in events for name in rule.features))
    require_columns(table, key, features, date, names)
    rows, repeated = count_customers(table, key, date, several)
    people = respondents_of(survey, keys, table, key)
    if events or repeated:
        people.require_days()
        if as_of is None:
            people.warn_of_stray_days()
    day = _day(as_of, people)
    whole = table
    if repeated:
        snapshots, whole = last_snapshots(people, table, features, str(date), day)
        rows = whole.rows()
    else:
        snapshots = snapshots_of(people, table, features, date)
    frame, opened = snapshots.frame, dict[str, Table]()
    if events:
        opened = open_tables(events, tables or {}, table, key)
        whole = features_of_base(whole, events, opened, key=key, as_of=day, columns=list(whole.columns))
        for group in grouped(events):
            frame = frame.merge(people.features(group, opened[group[0].table]), on="row", how="left")
    return Linked(
        survey=survey,
        source=whole,
        key=key,
        features=names,
        frame=frame,
        unmatched_keys=snapshots.unmatched_keys,
        without_key=len(survey) - len(people.keys),
        refused_rows=snapshots.refused_rows,
        unchecked=snapshots.unchecked,
        base_rows=rows,
        base_summary=whole.summary([f for f in names if whole.columns[f] in ("integer", "number")]),
        rules=events,
        tables=opened,
        as_of=day if events or repeated else None,
        repeated=repeated,
        same_day=snapshots.same_day,
    )


def _day(as_of: dt.date | None, people: Respondents) -> dt.date:
    """The day up to which the base is known; no answer may be later."""
    last = people.last_day
    if as_of is not None and last is not None and last > (as_of.date() if isinstance(as_of, dt.datetime) else as_of):
        raise LinkError(
            f"{people.survey.source.path}: the last answer is of {last}, after {as_of}, up to which the base is known. Correct "
            "the date if it is in the future, or give as_of a later day."
        )
    return as_of or last or dt.date.max
