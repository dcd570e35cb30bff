"""Whom to care for first: the riskiest customers who may be contacted, a random part of them held out to measure the effect.

Protection comes first: do-not-disturb and consent must be named or said to be "not recorded", and a flag that cannot be read
excludes the customer. The list holds customer keys, which are personal data: printing it shows none.
"""

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked_dataclass

from csi.behaviour.lottery import tickets
from csi.behaviour.risk import NO, UNREADABLE, YES, BaseScores, RiskModel
from csi.behaviour.table import NOT_RECORDED
from csi.care.reasons import reasons_for
from csi.care.spreadsheet import csv_of, restored
from csi.display import Result
from csi.errors import CareError, CsiWarning
from csi.files import write_whole
from csi.survey.codebook import Wording
from csi.words import LANGUAGES, say

CARE, HOLD_OUT = "care", "hold-out"


@checked_dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class CareRule:
    """The study file's section on care: how many customers can be cared for, and the share held out.

    `treated` is the file of those who had been cared for before a wave's answers: a care list as it was written, or any CSV with
    a column `key`; may contain "{wave}". They are left out of what a risk is learnt from. A wave without the file had none.
    """

    capacity: int = Field(ge=1)
    holdout: float = Field(default=0.1, ge=0, le=0.5)
    treated: str | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """Something that the reader of a list must know, as a code of `csi.words` and its values."""

    code: str
    count: int = 0
    other: int = 0

    def text(self, language: str = "en") -> str:
        """The note in words."""
        return say(self.code, language, count=self.count, other=self.other)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CareList(Result):
    """Customers to care for and customers held out, by falling risk.

    Attributes
    ----------
    customers
        One row each: rank, key, probability (of being dissatisfied, 0-1), group ("care" or "hold-out"), reason_feature,
        reason_value, typical_value, reason_points (percentage points).
    base
        Customers in the behaviour table.
    excluded_do_not_disturb, excluded_consent
        Customers excluded by either; who is excluded by do-not-disturb is not counted again.
    eligible
        Customers who may be contacted.
    expected_dissatisfied
        Dissatisfied customers to be expected among those cared for (sum of probabilities).
    expected_random
        The same for as many eligible customers chosen at random.
    notes
        What the reader must know.
    """

    customers: pd.DataFrame
    base: int
    excluded_do_not_disturb: int
    excluded_consent: int
    eligible: int
    expected_dissatisfied: float
    expected_random: float
    capacity: int
    holdout: float
    seed: int
    notes: tuple[Note, ...]

    @property
    def treated(self) -> int:
        """Customers to care for."""
        return int((self.customers["group"] == CARE).sum())

    @property
    def held_out(self) -> int:
        """Customers held out."""
        return int((self.customers["group"] == HOLD_OUT).sum())

    def table(self) -> pd.DataFrame:
        """A copy of `customers`."""
        return self.customers.copy()

    def reasons(self, language: str = "en", wording: Mapping[str, Wording] | None = None) -> list[str]:
        """One sentence a customer, in the order of the list: what goes with the risk, which need not be its cause."""
        return [
            _sentence({str(k): v for k, v in row.items()}, language, wording or {})
            for row in self.customers.to_dict("records")
        ]

    def headline(self) -> list[str]:
        """Counts, what the list is expected to find, and the notes."""
        return [
            f"CareList: {self.treated:,} to care for, {self.held_out:,} held out, of {self.eligible:,} eligible among "
            f"{self.base:,} customers",
            f"excluded: {self.excluded_do_not_disturb:,} do not disturb, {self.excluded_consent:,} without consent; expected "
            f"dissatisfied among those cared for: {self.expected_dissatisfied:,.1f} (at random {self.expected_random:,.1f})",
            *(note.text() for note in self.notes),
        ]

    def write_csv(self, path: str | Path, wording: Mapping[str, Wording] | None = None) -> None:
        """Write the list for Excel: UTF-8 with BOM, readable by its owner alone, complete or not at all.

        Beside the columns of `customers` stand the reasons in words, `en` and `zh`; `wording` names the features. A text that a
        spreadsheet would run as a formula (it begins with = + - @ tab or return) gets a leading apostrophe.

        Raises
        ------
        FileError
            The place cannot be written to.
        """
        words = {language: self.reasons(language, wording) for language in LANGUAGES}
        numbers = {"probability": 4, "reason_points": 1}
        write_whole(Path(path), csv_of(self.customers.round(numbers).assign(**words)), private=True)

    def __str__(self) -> str:
        return str(self._without_keys(len(self.customers)))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self._without_keys(20)._repr_html_()

    def _without_keys(self, rows: int) -> "_Preview":
        return _Preview(self.headline(), self.customers.drop(columns="key").head(rows))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class _Preview(Result):
    """What of a list may be printed."""

    lines: list[str]
    frame: pd.DataFrame

    def headline(self) -> list[str]:
        return self.lines

    def table(self) -> pd.DataFrame:
        return self.frame


def care_list(
    risk: RiskModel,
    *,
    capacity: int,
    do_not_disturb: str | None,
    consent: str | None,
    holdout: float = 0.1,
    seed: int = 1,
) -> CareList:
    """Choose customers to care for: the highest risk first, a random share of them held out.

    Parameters
    ----------
    risk
        The risk model; it scores the whole base.
    capacity
        How many customers can be cared for.
    do_not_disturb, consent
        Columns of the base (yes/no, 1/0, true/false, Y/N, 是/否), or exactly "not recorded". A gap or an unreadable flag
        excludes the customer.
    holdout
        Share of the chosen who are not cared for, drawn at random, so that the effect can be measured; 0 to 0.5.
    seed
        Of ties and of the hold-out, both drawn from customer keys: the order of the base does not matter. Use another seed
        for each wave, else the same customers are held out again.

    Returns
    -------
    CareList
        At most `capacity` customers to care for and their hold-out.

    Raises
    ------
    CareError
        A protection is not named, the capacity or the hold-out cannot be, or nobody may be contacted.
    LinkError
        A named column is not in the base.
    """
    _require_rules(capacity, holdout, do_not_disturb, consent)
    if risk.no_better_than_chance:
        warnings.warn(
            f"the risk model is no better than chance (AUC {risk.accuracy.auc:.3f}, interval from "
            f"{risk.accuracy.auc_low:.3f}): this list is no better than a random one.",
            CsiWarning,
            stacklevel=2,
        )
    columns = [column for column in (do_not_disturb, consent) if column and column != NOT_RECORDED]
    scores = risk.score_base(columns)
    disturbed = _excluded(scores, do_not_disturb, unless=NO)
    unwilling = _excluded(scores, consent, unless=YES) & ~disturbed
    eligible = np.flatnonzero(~disturbed & ~unwilling)
    if not len(eligible):
        raise CareError(
            f"none of the {len(scores):,} customers may be contacted: {int(disturbed.sum()):,} are do-not-disturb in "
            f"{do_not_disturb!r}, {int(unwilling.sum()):,} have no consent in {consent!r}. Check how the flags are written."
        )
    listed, keys = _riskiest(scores, eligible, _candidates(capacity, holdout), seed)
    held = _held_out(keys, capacity, holdout, seed)
    p = scores.probability[listed]
    customers = pd.DataFrame(
        {
            "rank": np.arange(1, len(keys) + 1),
            "key": pd.Series(keys, dtype=object),
            "probability": p,
            "group": np.where(held, HOLD_OUT, CARE),
        }
    )
    return CareList(
        customers=customers.join(reasons_for(risk, keys)),
        base=len(scores),
        excluded_do_not_disturb=int(disturbed.sum()),
        excluded_consent=int(unwilling.sum()),
        eligible=len(eligible),
        expected_dissatisfied=math.fsum(p[~held]),
        expected_random=float((~held).sum() * scores.probability[eligible].mean()),
        capacity=capacity,
        holdout=holdout,
        seed=seed,
        notes=tuple(_notes(risk, scores, do_not_disturb, consent, (capacity, len(eligible), holdout))),
    )


def read_treated(path: Path) -> tuple[str, ...]:
    """Keys of those who were cared for, from a care list as `CareList.write_csv` wrote it or a CSV with a column `key`.

    Raises
    ------
    CareError
        The file has no column `key`.
    """
    rows = pd.read_csv(path, dtype=str, encoding="utf-8-sig", keep_default_na=False)
    if "key" not in rows:
        raise CareError(f"{path}: there is no column 'key' with the customers who were cared for.")
    cared = rows[rows["group"] == CARE] if "group" in rows else rows
    return tuple(map(restored, cared["key"]))


def _require_rules(capacity: int, holdout: float, do_not_disturb: str | None, consent: str | None) -> None:
    for name, column in (("do_not_disturb", do_not_disturb), ("consent", consent)):
        if not column:
            raise CareError(
                f"{name} is not named. Name the column of the behaviour table that holds it, or write "
                f"{name}={NOT_RECORDED!r} if nobody records it."
            )
    if capacity < 1:
        raise CareError(f"capacity = {capacity}: at least one customer must be cared for.")
    if not 0 <= holdout <= 0.5:
        raise CareError(f"holdout = {holdout:g}: the share held out lies between 0 and 0.5; 0.1 is usual.")


def _excluded(scores: BaseScores, column: str | None, *, unless: int) -> NDArray[np.bool_]:
    if column is None or column == NOT_RECORDED:
        return np.zeros(len(scores), dtype=bool)
    excluded: NDArray[np.bool_] = scores.flags[column] != unless
    return excluded


def _candidates(capacity: int, holdout: float) -> int:
    # The tolerance keeps 90 / 0.9 at 100 where rounding makes it a little more; a hold-out has at least one customer.
    return max(math.ceil(capacity / (1 - holdout) - 1e-9), capacity + (holdout > 0))


def _riskiest(
    scores: BaseScores, eligible: NDArray[np.intp], count: int, seed: int
) -> tuple[NDArray[np.intp], list[str]]:
    """Positions and keys of the `count` eligible customers of highest probability; ties by a draw from the key."""
    p = scores.probability[eligible]
    if count < len(p):
        cut = np.partition(p, len(p) - count)[len(p) - count]
        eligible = eligible[p >= cut]
    keys = np.array(scores.key.take(eligible).to_pylist(), dtype=object)
    order = np.lexsort((tickets(keys.tolist(), seed, "ties"), -scores.probability[eligible]))[:count]
    return eligible[order], keys[order].tolist()


def _held_out(keys: list[str], capacity: int, holdout: float, seed: int) -> NDArray[np.bool_]:
    count = max(round(holdout * len(keys)), len(keys) - capacity)
    if holdout > 0 and len(keys) > 1:
        count = max(count, 1)
    held = np.zeros(len(keys), dtype=bool)
    held[np.argsort(tickets(keys, seed, "hold-out"), kind="stable")[:count]] = True
    return held


def _notes(
    risk: RiskModel,
    scores: BaseScores,
    do_not_disturb: str | None,
    consent: str | None,
    sizes: tuple[int, int, float],
) -> list[Note]:
    capacity, eligible, holdout = sizes
    notes = []
    if risk.no_better_than_chance:
        notes.append(Note("care.no_better_than_chance"))
    for name, column in (("do_not_disturb", do_not_disturb), ("consent", consent)):
        if column is None or column == NOT_RECORDED:
            notes.append(Note(f"care.{name}_not_recorded"))
            continue
        unreadable = int((scores.flags[column] == UNREADABLE).sum())
        if unreadable:
            notes.append(Note(f"care.{name}_unreadable", unreadable))
    if capacity > eligible:
        notes.append(Note("care.capacity_above_eligible", capacity, eligible))
    if holdout == 0:
        notes.append(Note("care.no_holdout"))
    return notes


def _sentence(row: Mapping[str, object], language: str, wording: Mapping[str, Wording]) -> str:
    feature = row["reason_feature"]
    if not isinstance(feature, str):
        return say("care.no_reason", language)
    return say(
        "care.reason",
        language,
        feature=wording.get(feature, Wording()).text(language, feature),
        value=_plain(row["reason_value"], language),
        typical=_plain(row["typical_value"], language),
        points=row["reason_points"],
    )


def _plain(value: object, language: str) -> str:
    if value is None:
        return say("care.no_record", language)
    return f"{value:,.10g}" if isinstance(value, float) else str(value)
