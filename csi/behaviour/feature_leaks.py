"""Does a feature know what came after the answer? Proven for features from events, looked for in those of ready-made tables.

A feature from events is worked out once more from the respondents' own events, out of which every one at or after the answer
was thrown away beforehand: it must not change. A feature of a ready-made table can be as good as its date. Both are suspect
where they foretell the answer all but perfectly, or where events that count bear a later date in another column.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from csi.behaviour.accuracy import area_under_curve
from csi.behaviour.feature_respondents import ANSWERED, ROW, Respondents, gathered, respondents_of, survey_keys
from csi.behaviour.feature_rules import EventFeatures
from csi.behaviour.features import events_of, grouped, with_features
from csi.behaviour.linkage import Linked
from csi.display import Result, tidy
from csi.engine import Engine, Table
from csi.engine.operations import join, project
from csi.errors import CsiWarning, LinkError

SUSPICIOUS = 0.95  # AUC of one feature alone
_FEWEST = 10  # respondents of either kind
_TOLERANCE = 1e-9
_FREQUENT = 20  # respondents of a level that is a suspect of its own


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LeakageCheck(Result):
    """What is known of each feature's innocence.

    Attributes
    ----------
    rows
        Tidy, one row a feature: estimate (largest change when later events are thrown away), n (respondents), proof ("events",
        "dated" or "undated"), auc (of the feature alone, either way; NaN without an outcome), verdict ("pass" or "warn"), why.
    removed
        Events of the respondents at or after their answer, which were thrown away.
    """

    rows: pd.DataFrame
    removed: int

    def headline(self) -> list[str]:
        """How many are proven, and how many are suspect."""
        proven = int((self.rows["proof"] == "events").sum())
        suspect = self.rows[self.rows["verdict"] != "pass"]
        lines = [
            f"LeakageCheck: {proven} of {len(self.rows)} features worked out again without the {self.removed:,} events at or "
            "after the answers: none changed"
            if proven
            else f"LeakageCheck: {len(self.rows)} features of ready-made tables"
        ]
        return [*lines, *(f"{row.term}: {row.why}" for row in suspect.head(4).itertuples())]

    def table(self) -> pd.DataFrame:
        """A copy of `rows`."""
        return self.rows.copy()


def leakage_check(linked: Linked, outcome: ArrayLike | None = None) -> LeakageCheck:
    """Check each feature of linked answers for what it cannot have known when the answer was given.

    Parameters
    ----------
    linked
        Answers joined to behaviour.
    outcome
        (survey rows,) 1, 0 or NaN for unknown, such as who is dissatisfied; no feature should foretell it all but perfectly.

    Raises
    ------
    LinkError
        A feature changes when events at or after the answer are thrown away: it is not from before the answer.

    Warns
    -----
    CsiWarning
        A feature alone reaches an AUC above 0.95; events that count bear a date at or after the answer in another column;
        snapshots have no date or are of the day of the answer.
    """
    changes, later, removed = _events_checked(linked)
    from_events = {name for rule in linked.rules for name in rule.features}
    y = None if outcome is None else linked.of_linked(outcome, "outcome")
    rows = []
    for feature in linked.features:
        proof = "events" if feature in from_events else "dated" if linked.unchecked < len(linked) else "undated"
        auc = np.nan if y is None else _association(linked.frame[feature], y, feature in linked.numeric_features)
        why = [later[feature]] if later.get(feature) else []
        why += [] if proof == "events" else _undated(linked)
        if auc > SUSPICIOUS:
            why.insert(0, f"foretells the answer all but perfectly (AUC {auc:.3f}): is it known only afterwards?")
        rows.append(
            {
                "term": feature,
                "estimate": changes.get(feature, np.nan),
                "n": int(linked.frame[feature].notna().sum()),
                "proof": proof,
                "auc": auc,
                "verdict": "warn" if why else "pass",
                "why": "; ".join(why),
            }
        )
    checked = LeakageCheck(tidy(rows, ["proof", "auc", "verdict", "why"]), removed)
    suspect = [row for row in rows if row["why"]]
    if suspect:
        warnings.warn(
            f"{len(suspect)} of {len(rows)} features may know what came after the answer, first {suspect[0]['term']!r}: "
            f"{suspect[0]['why']}. Leave out what was not known before.",
            CsiWarning,
            stacklevel=2,
        )
    return checked


def _events_checked(linked: Linked) -> tuple[dict[str, float], dict[str, str], int]:
    """Of every feature from events the change and what another date says; how many events were removed."""
    people = respondents_of(linked.survey, survey_keys(linked.survey), linked.source, linked.key)
    changes, later, removed = dict[str, float](), dict[str, str](), 0
    for group in grouped(linked.rules):
        found, said, count = _recounted(linked, people, group)
        changed = [name for name, change in found.items() if change > 0]
        if changed:
            raise LinkError(
                f"{changed[0]!r} changes by up to {found[changed[0]]:g} when events at or after "
                "the answer are thrown away: it knows what came after. Link anew; nothing after the answer may be used."
            )
        changes |= found
        later |= dict.fromkeys(found, said)
        removed += count
    return changes, later, removed


def _recounted(
    linked: Linked, people: Respondents, group: Sequence[EventFeatures]
) -> tuple[dict[str, float], str, int]:
    """Change of each feature without the events at or after the answer, what another date says, and how many were removed."""
    table, first = linked.tables[group[0].table], group[0]
    rows = _own_events(table, group, people)
    when = {c: _moments(rows, c) for c in rows.column_names if pa.types.is_temporal(rows.schema.field(c).type)}
    at = [when[c] for c in (first.time, first.known) if c is not None]
    before = np.logical_and.reduce([_earlier(x, when[ANSWERED]) for x in at])
    after = np.logical_or.reduce([_earlier(x, when[ANSWERED], otherwise=True) for x in at])
    engine = Engine(table.backend)
    spine = project(people.spine(engine), [ROW, ANSWERED])
    by_row = [replace(rule, key=ROW) for rule in group]
    events = events_of(engine.hold(rows.filter(pa.array(before)), table.name), by_row, spine, ROW)
    anew = gathered(with_features(spine, events, by_row, key=ROW, as_of=ANSWERED), by_row)
    both = linked.frame[["row"]].merge(anew, on="row", how="left")
    changes = {name: _change(linked.frame[name], both[name]) for name in anew.columns.drop("row")}
    return changes, _later_dates(when, before, group), int(after.sum())


def _own_events(table: Table, group: Sequence[EventFeatures], people: Respondents) -> pa.Table:
    """The respondents' events, each with row and answer: what the rules read, and every other date without a zone."""
    own = group[0].key or people.key
    dates = [c for c, kind in table.columns.items() if kind == "date" and not table.is_zoned(c)]
    columns = [*(c for rule in group for c in rule.columns), *dates]
    events = project(table, {people.key: own} | {c: c for c in dict.fromkeys(columns)})
    mine = join(events, people.spine(Engine(table.backend)), people.key, how="inner")
    found: pa.Table = mine.arrow(mine.expression).drop_columns([people.key])
    return found


@dataclass(frozen=True, slots=True)
class _Moments:
    """A column of moments; `whole` if only their days are known."""

    values: NDArray[np.datetime64]
    whole: bool


def _moments(rows: pa.Table, column: str) -> _Moments:
    kind = rows.schema.field(column).type
    values = rows[column].cast(pa.timestamp("us")).to_numpy()
    return _Moments(values, bool(pa.types.is_date(kind)))


def _earlier(x: _Moments, limit: _Moments, *, otherwise: bool = False) -> NDArray[np.bool_]:
    """Where a moment is before another (`otherwise`: at or after it), by days if one of them is known by its day alone."""
    a, b = x.values, limit.values
    if x.whole or limit.whole:
        a, b = a.astype("datetime64[D]"), b.astype("datetime64[D]")
    return np.asarray(a >= b if otherwise else a < b)


def _later_dates(when: dict[str, _Moments], before: NDArray[np.bool_], group: Sequence[EventFeatures]) -> str:
    """What is to be said of events that count and bear a date at or after the answer in another column."""
    answered, time = when[ANSWERED], when[group[0].time]
    reach = np.timedelta64(max(rule.reach for rule in group), "D")
    counted = before & (time.values >= answered.values - reach)
    for column, moments in when.items():
        if column in (ANSWERED, group[0].time, group[0].known):
            continue
        late = int((counted & _earlier(moments, answered, otherwise=True)).sum())
        if late:
            return (
                f"{late:,} of {int(counted.sum()):,} events that count are dated at or after the answer in {column!r}: if they "
                f"became known only then, declare known = {column!r}"
            )
    return ""


def _change(was: "pd.Series[float]", now: "pd.Series[float]") -> float:
    """Largest difference, 0 where it is rounding; infinite where a value came or went."""
    a, b = was.to_numpy(float), now.to_numpy(float)
    same = np.isclose(a, b, rtol=_TOLERANCE, atol=_TOLERANCE, equal_nan=True)
    difference = np.nan_to_num(np.abs(a - b), nan=np.inf)
    return float(np.where(same, 0.0, difference).max(initial=0.0))


def _association(values: "pd.Series[float]", y: NDArray[np.float64], numeric: bool) -> float:
    """Largest AUC, either way, of a feature, of its gaps, or of a frequent level of a text; NaN with too few to judge."""
    gap = values.isna().to_numpy()
    signals = [gap.astype(float)]
    if not numeric:
        counts = values.value_counts()
        signals += [(values == level).to_numpy(float) for level in counts.index[counts >= _FREQUENT]]
    pairs = [(signal, ~np.isnan(y)) for signal in signals]
    if numeric:
        pairs.append((values.to_numpy(float), ~np.isnan(y) & ~gap))
    found = []
    for signal, known in pairs:
        ill = int(y[known].sum())
        if min(ill, int(known.sum()) - ill) >= _FEWEST:
            area = area_under_curve(y[known], signal[known])[0]
            found.append(max(area, 1 - area))
    return max(found, default=np.nan)


def _undated(linked: Linked) -> list[str]:
    """What is to be said of snapshots whose place before the answer is not certain."""
    if linked.unchecked:
        answers = linked.survey.respondents.get("date")
        blank = len(linked) if answers is None else int(answers.iloc[linked.frame["row"].to_numpy()].isna().sum())
        what = f"{blank:,} of {len(linked):,} answers have no date in {Path(linked.survey.source.path).name}"
        if blank < linked.unchecked:
            what = f"{linked.unchecked:,} of {len(linked):,} snapshots have no day: name the column that has it as date"
        return [f"{what}, so that nobody knows which came first"]
    if linked.same_day:
        return [f"{linked.same_day:,} of {len(linked):,} snapshots are of the day of the answer, before or after it"]
    return []
