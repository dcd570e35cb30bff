"""The signs of careless answering in a survey, respondent by respondent: names and codebook meet the arrays here."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csi.errors import SurveyError, known_names
from csi.survey import response_patterns as patterns
from csi.survey.codebook import Item
from csi.survey.coding import ANSWERED, GAP_KINDS, INVALID, NOT_TO_BE_ASKED
from csi.survey.quality_rules import BATTERY_ITEMS, Pattern, QualityRules
from csi.survey.survey import Survey

Array = NDArray[np.float64]
Index = NDArray[np.intp]

_NOT_SEEN = ("routed_past", "not_asked")
_NO_USE = (
    "skipped",
    "refused",
    "dont_know",
    INVALID,
)  # of an item asked: nothing to compute with (de Leeuw et al. 2003)


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """The answers as they were given, of the items that the wave asked, in the order of the codebook.

    `numbers` (n, p) on the scale asked, reversed items not turned; `positions` (n, p) the same from 0 to 1; `turned` (n, p)
    positions after turning; `kinds` (n, p) as in `Survey.gaps`; `strays` (n, p) answers to questions that were not to be asked.
    """

    items: tuple[Item, ...]
    numbers: Array
    positions: Array
    turned: Array
    kinds: NDArray[np.uint8]
    strays: NDArray[np.bool_]
    scales: tuple[tuple[float, float], ...]

    @classmethod
    def of(cls, survey: Survey) -> "Given":
        """The answers of one wave."""
        kinds = survey.gaps.to_numpy(np.uint8)
        asked = (kinds != GAP_KINDS.index("not_asked")).any(axis=0)
        items = tuple(item for item, yes in zip(survey.codebook.items, asked, strict=True) if yes)
        low = np.array([item.scale.low for item in items])
        span = np.array([item.scale.high for item in items]) - low
        turned = (survey.answers.to_numpy(float)[:, asked] - low) / span
        positions = np.where([item.reverse for item in items], 1 - turned, turned)
        scales = tuple((item.scale_in(survey.wave).low, item.scale_in(survey.wave).high) for item in items)
        ends = np.array(scales).reshape(-1, 2)
        numbers = (ends[:, 0] + positions * (ends[:, 1] - ends[:, 0])).round(
            6
        )  # 3 is 3 whatever the rounding on its way
        return cls(items, numbers, positions, turned, kinds[:, asked], _strays(survey, items), scales)

    def at(self, names: Sequence[str], what: str) -> Index:
        """Where items stand; SurveyError if one does not."""
        known = [item.name for item in self.items]
        for name in names:
            if name not in known:
                raise SurveyError(f"{what} names the item {name!r}. {known_names(name, known, 'The items asked are')}")
        return np.array([known.index(name) for name in names], dtype=np.intp)

    def constructs(self) -> dict[str, Index]:
        """Where the items of each construct stand."""
        names = dict.fromkeys(item.construct for item in self.items if item.construct)
        return {
            c: np.array([i for i, item in enumerate(self.items) if item.construct == c], dtype=np.intp) for c in names
        }


def response_signs(survey: Survey, rules: QualityRules, seconds: Array) -> pd.DataFrame:
    """One row a respondent; the columns are those of `ResponseQuality.respondents`."""
    given = Given.of(survey)
    constructs = list(given.constructs().values())
    responded = ~np.isin(given.kinds, [GAP_KINDS.index(kind) for kind in (*_NOT_SEEN, "skipped")])
    answered = (given.kinds == GAP_KINDS.index(ANSWERED)).sum(axis=1)
    scale_codes = pd.factorize(pd.Series(given.scales, dtype=object))[0]
    flat, seen, in_batteries = patterns.straightlined(given.numbers, _batteries(given, rules), BATTERY_ITEMS)
    halves, even_odd = patterns.even_odd_consistency(given.turned, constructs)
    first, chance = patterns.twins(np.where(np.isnan(given.numbers), -1e6 - given.kinds, given.numbers))
    rows = survey.respondents["row"].to_numpy(float)
    columns: dict[str, object] = {
        name: survey.respondents[name].to_numpy() for name in ("row", "key") if name in survey.respondents
    }
    with np.errstate(divide="ignore", invalid="ignore"):
        columns["answered"] = answered
        columns["seconds_per_item"] = np.where(responded.any(axis=1), seconds / responded.sum(axis=1), np.nan)
    return pd.DataFrame(
        columns
        | {
            "straightlined": flat,
            "batteries": seen,
            "battery_answers": in_batteries,
            "longest_run": patterns.longest_run(given.numbers, scale_codes),
            "variability": patterns.response_variability(given.positions),
            "spread_within_constructs": patterns.spread_within_constructs(given.turned, constructs),
            "person_total": patterns.person_total_correlation(given.turned),
            "halves": halves,
            "even_odd": even_odd,
            "outlier_chance": patterns.outlier_probability(given.turned),
            "contradictions": patterns.contradictions(given.positions, _mixed_blocks(given)),
            "implausible": _implausible(survey, given, rules),
            "same_key_as": _same_key(survey, rows),
            "same_answers_as": np.where(first >= 0, rows[first], np.nan),
            "equal_chance": chance,
        }
        | _left_out(given, responded)
    )


def _batteries(given: Given, rules: QualityRules) -> list[Index]:
    """The batteries of the rules; else the items of each construct that share a scale; else items in a row that do."""
    if rules.batteries:
        named = [given.at(items, f"the battery {name!r}") for name, items in rules.batteries.items()]
        for (name, _), items in zip(rules.batteries.items(), named, strict=True):
            if len({given.scales[i] for i in items}) > 1:
                raise SurveyError(
                    f"the items of the battery {name!r} have different scales; equal answers say nothing there."
                )
        return named
    scales = np.array(given.scales).reshape(-1, 2)
    blocks = [
        items[(scales[items] == scale).all(axis=1)]
        for items in given.constructs().values()
        for scale in np.unique(scales[items], axis=0)
    ]
    if not any(len(block) >= BATTERY_ITEMS for block in blocks):
        change = np.flatnonzero((np.diff(scales, axis=0) != 0).any(axis=1)) + 1
        blocks = np.split(np.arange(len(scales)), change)
    return [block for block in blocks if len(block) >= BATTERY_ITEMS]


def _mixed_blocks(given: Given) -> list[tuple[Index, Index]]:
    """The straight and the reversed items of every construct that has both."""
    reverse = np.array([item.reverse for item in given.items], dtype=bool)
    blocks = [(items[~reverse[items]], items[reverse[items]]) for items in given.constructs().values()]
    return [(straight, turned) for straight, turned in blocks if len(straight) and len(turned)]


def _strays(survey: Survey, items: Sequence[Item]) -> NDArray[np.bool_]:
    cells = survey.coded_cells[survey.coded_cells["rule"] == NOT_TO_BE_ASKED]
    strays = pd.DataFrame(False, index=survey.respondents["row"], columns=[item.name for item in items])
    for item, rows in cells.groupby("item", observed=True)["row"]:
        strays.loc[strays.index.isin(rows), str(item)] = True
    return strays.to_numpy()


def _implausible(survey: Survey, given: Given, rules: QualityRules) -> Array:
    """(n,) answers to questions routed past and patterns that cannot be true; NaN where there is neither routing nor pattern."""
    if not rules.implausible and not any(item.asked_if for item in given.items):
        return np.full(len(survey), np.nan)
    count: Array = given.strays.sum(axis=1).astype(float)
    for pattern in rules.implausible:
        count += _holds(survey, given, pattern)
    return count


def _holds(survey: Survey, given: Given, pattern: Pattern) -> NDArray[np.bool_]:
    places = given.at(list(pattern.answers), f"the implausible pattern {pattern.name!r}")
    holds = np.ones(len(survey), dtype=bool)
    for place, (low, high) in zip(places, pattern.answers.values(), strict=True):
        holds &= (given.numbers[:, place] >= low) & (given.numbers[:, place] <= high)
    for segment, levels in pattern.levels.items():
        holds &= survey.segment(segment).isin(levels).to_numpy()
    return holds


def _same_key(survey: Survey, rows: Array) -> Array:
    """(n,) row of the first respondent with the same key; NaN for that first one, and without a key."""
    if "key" not in survey.respondents:
        return np.full(len(rows), np.nan)
    keys = survey.respondents["key"].astype(str)
    later = keys.duplicated() & (keys != "")
    first = pd.Series(rows, index=keys).groupby(level=0).first()
    return np.where(later, first.reindex(keys).to_numpy(), np.nan)


def _left_out(given: Given, responded: NDArray[np.bool_]) -> dict[str, object]:
    """Share of items asked without an answer, items left out at the end, and the last item that got any response."""
    asked = ~np.isin(given.kinds, [GAP_KINDS.index(kind) for kind in _NOT_SEEN]) & ~given.strays
    judged = asked & (given.kinds != GAP_KINDS.index("not_applicable"))
    empty = judged & np.isin(given.kinds, [GAP_KINDS.index(kind) for kind in _NO_USE])
    last = np.where(responded.any(axis=1), responded.shape[1] - 1 - responded[:, ::-1].argmax(axis=1), -1)
    after = np.arange(responded.shape[1]) > last[:, None]
    names = np.array(["", *(item.name for item in given.items)], dtype=object)
    tail = (asked & after).sum(axis=1)
    with np.errstate(invalid="ignore"):
        return {
            "unanswered": empty.sum(axis=1) / np.where(judged.any(axis=1), judged.sum(axis=1), np.nan),
            "left_out_at_end": tail,
            "break_off_after": np.where(tail > 0, names[last + 1], ""),
        }
