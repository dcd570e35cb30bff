"""Which signs of careless answering raise a flag, by whose threshold, and which flags exclude: a table of the study file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.arrays import BooleanArray
from pydantic import ConfigDict, Field, ValidationError, model_validator
from pydantic.dataclasses import dataclass as checked_dataclass

from csi.errors import SurveyError, known_names
from csi.survey.codebook import Wording, describe, require_fields
from csi.survey.response_patterns import FEWEST_RESPONDENTS, fence

BATTERY_ITEMS = 4  # fewest items of a battery
BATTERY_ANSWERS = 8  # fewest answers in batteries: down one battery of four, the content give one answer honestly
LONGEST_RUN = 10  # one answer more than attentive respondents gave in a row of an extreme one (Costa & McCrae 2008)
_STRICT = ConfigDict(extra="forbid")

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag, the kind of evidence it is, and who proposed it. Flags of one kind see the same behaviour."""

    name: str
    kind: str
    source: str


FLAGS = (
    Flag("speeder", "time", "Greszki, Meyer & Schoen 2015; Huang et al. 2012"),
    Flag("straightliner", "sameness", "Kim et al. 2019"),
    Flag("long_run", "sameness", "Johnson 2005; Curran 2016"),
    Flag("low_variability", "sameness", "Dunn et al. 2018; Leys et al. 2013"),
    Flag("erratic", "inconsistency", "Marjanovic et al. 2015; Leys et al. 2013"),
    Flag("against_profile", "inconsistency", "Donlon & Fischer 1968; Curran 2016"),
    Flag("even_odd", "inconsistency", "Jackson 1977; Johnson 2005"),
    Flag("outlier", "inconsistency", "DeSimone, Harms & DeSimone 2015"),
    Flag("contradictory", "contradiction", "Weijters, Baumgartner & Schillewaert 2013"),
    Flag("implausible", "contradiction", "de Waal, Pannekoek & Scholtus 2011"),
    Flag("duplicate", "repetition", "Kuriakose & Robbins 2016; Simmons et al. 2016"),
    Flag("unanswered", "gaps", "AAPOR 2023; de Leeuw, Hox & Huisman 2003"),
    Flag("break_off", "gaps", "Peytchev 2009"),
)
KINDS = {flag.name: flag.kind for flag in FLAGS}


@checked_dataclass(frozen=True, slots=True, config=_STRICT)
class Pattern:
    """Answers that cannot be true together: all of `answers` lie in their ranges and all of `levels` among their texts.

    `answers` maps an item to the lowest and highest number as the respondent gave it, before a reversed item is turned; `levels`
    maps a segment to its levels.
    """

    name: str
    answers: dict[str, tuple[float, float]] = Field(default_factory=dict)
    levels: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    wording: Wording = Wording()

    @model_validator(mode="after")
    def _two_conditions(self) -> "Pattern":
        if len(self.answers) + len(self.levels) < 2:
            raise ValueError(
                f"the pattern {self.name!r} needs two conditions or more: one answer alone contradicts nothing"
            )
        for item, (low, high) in self.answers.items():
            if low > high:
                raise ValueError(
                    f"in the pattern {self.name!r} the range of {item!r} is empty: {low:g} is above {high:g}"
                )
        return self


@checked_dataclass(frozen=True, slots=True, config=_STRICT)
class QualityRules:
    """Thresholds of the flags, and which flags exclude a respondent; without `exclude` nobody is.

    Attributes
    ----------
    exclude, min_flags
        Names of flags, and how many kinds of evidence among them it takes: flags of one kind (equal answers to a battery, a long
        run, low variability) see one behaviour and count once.
    duration
        Comment or segment of the codebook that says how long the respondent took.
    median_share, seconds_per_item
        A speeder is below this share of the median seconds per item answered, or below so many seconds.
    straightlined, longest_run
        Share of the batteries without variation that is exceeded; longest run of equal answers as a share of the answers,
        of ten answers at least.
    deviations
        Robust standard deviations from the median beyond which a respondent stands out.
    even_odd, outlier, duplicate
        Highest consistency that is still flagged (besides standing out); highest chance of an outlier, of equal answers.
    unanswered, break_off
        Share of items asked without an answer that is exceeded; items left out at the end.
    batteries
        Name -> items shown together on one scale; else the items of each construct.
    implausible
        Answers that cannot be true together.
    """

    exclude: tuple[str, ...] = ()
    min_flags: int = Field(default=1, ge=1)
    duration: str | None = None
    median_share: float = Field(default=0.5, ge=0, le=1)
    seconds_per_item: float = Field(default=2.0, ge=0)
    straightlined: float = Field(default=0.5, ge=0, lt=1)
    longest_run: float = Field(default=0.5, gt=0, le=1)
    deviations: float = Field(default=2.5, gt=0)
    even_odd: float = Field(default=0.30, ge=-1, le=1)
    outlier: float = Field(default=0.001, ge=0, le=1)
    duplicate: float = Field(default=0.01, ge=0, le=1)
    unanswered: float = Field(default=0.5, ge=0, le=1)
    break_off: int = Field(default=3, ge=1)
    batteries: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    implausible: tuple[Pattern, ...] = ()

    @model_validator(mode="after")
    def _can_be_met(self) -> "QualityRules":
        for name in self.exclude:
            if name not in KINDS:
                raise ValueError(f"there is no flag {name!r}. {known_names(name, KINDS, 'The flags are')}")
        kinds = {KINDS[name] for name in self.exclude}
        if self.exclude and len(kinds) < self.min_flags:
            raise ValueError(
                f"min_flags = {self.min_flags} can never be met: the flags in exclude are {len(kinds)} kind(s) of evidence "
                f"({', '.join(sorted(kinds))}), and flags of one kind count once. Name flags of other kinds or lower min_flags"
            )
        for name, items in self.batteries.items():
            if len(items) < BATTERY_ITEMS:
                raise ValueError(
                    f"the battery {name!r} has {len(items)} items; equal answers say little below {BATTERY_ITEMS}"
                )
        return self

    @classmethod
    def from_dict(cls, table: Mapping[str, Any], source: str = "quality") -> "QualityRules":
        """Rules from the table [quality] of a study file; errors name the source and the field.

        >>> QualityRules.from_dict({"exclude": ["speeder", "straightliner"], "min_flags": 2}).seconds_per_item
        2.0
        """
        require_fields(table, cls, source)
        for number, pattern in enumerate(table.get("implausible", []), 1):
            require_fields(pattern, Pattern, f"{source}: implausible {pattern.get('name', number)!r}")
        try:
            return cls(**table)
        except ValidationError as error:
            raise SurveyError(f"{source}: {describe(error)}") from None


@dataclass(frozen=True, slots=True)
class Limits:
    """Thresholds that depend on what is usual in the survey; NaN where too few answered to say so."""

    median_seconds: float
    seconds: float
    low_variability: float
    erratic: float
    against_profile: float
    even_odd: float

    @classmethod
    def of(cls, signs: pd.DataFrame, rules: QualityRules) -> "Limits":
        """The limits of these respondents."""
        seconds = signs["seconds_per_item"]
        low = fence(signs["variability"].to_numpy(), rules.deviations)[0]
        median = float(seconds.median()) if seconds.notna().sum() >= FEWEST_RESPONDENTS else np.nan
        return cls(
            median_seconds=median,
            seconds=float(np.fmax(rules.median_share * median, rules.seconds_per_item)),
            low_variability=low if low > 0 else np.nan,  # nobody can vary less than not at all
            erratic=fence(signs["spread_within_constructs"].to_numpy(), rules.deviations)[1],
            against_profile=float(np.minimum(0.0, _low_correlation(signs["person_total"], rules))),
            even_odd=_low_correlation(signs["halves"], rules),
        )


def raised(signs: pd.DataFrame, rules: QualityRules) -> pd.DataFrame:
    """(n x flags) whether each flag is raised; NA where it cannot be judged."""
    s = {str(name): signs[name].to_numpy(float) for name in signs.columns if name not in _NAMES}
    limits, straight = Limits.of(signs, rules), s["straightlined"] > rules.straightlined * s["batteries"]
    longest = np.maximum(rules.longest_run * s["answered"], LONGEST_RUN)
    inconsistent = (s["even_odd"] < rules.even_odd) & (s["halves"] < limits.even_odd)
    repeated = (s["same_key_as"] > 0) | (s["equal_chance"] <= rules.duplicate)
    known = np.isfinite
    verdicts = {
        "speeder": _below(s["seconds_per_item"], limits.seconds),
        "straightliner": _judged(straight, s["battery_answers"] >= BATTERY_ANSWERS),
        "long_run": _judged(s["longest_run"] >= longest, s["answered"] >= LONGEST_RUN),
        "low_variability": _below(s["variability"], limits.low_variability),
        "erratic": _below(-s["spread_within_constructs"], -limits.erratic),
        "against_profile": _below(s["person_total"], limits.against_profile),
        "even_odd": _judged(inconsistent, known(s["halves"]) & known(limits.even_odd)),
        "outlier": _below(s["outlier_chance"], rules.outlier),
        "contradictory": _judged(s["contradictions"] > 0, known(s["contradictions"])),
        "implausible": _judged(s["implausible"] > 0, known(s["implausible"])),
        "duplicate": _judged(repeated, known(s["answered"])),
        "unanswered": _judged(s["unanswered"] > rules.unanswered, known(s["unanswered"])),
        "break_off": _judged(s["left_out_at_end"] >= rules.break_off, known(s["left_out_at_end"])),
    }
    return pd.DataFrame({flag.name: verdicts[flag.name] for flag in FLAGS}, index=signs.index)


_NAMES = ("key", "break_off_after")  # columns of texts


def _judged(yes: NDArray[np.bool_], can_be: NDArray[np.bool_]) -> BooleanArray:
    return BooleanArray(yes, ~can_be)


def _below(values: Array, limit: float) -> BooleanArray:
    return _judged(values < limit, ~np.isnan(values) & ~np.isnan(limit))


def _low_correlation(r: "pd.Series[float]", rules: QualityRules) -> float:
    """Correlation below which a respondent stands out, by Fisher's z, whose distribution is nearer to a normal one."""
    return float(np.tanh(fence(np.arctanh(np.clip(r.to_numpy(), -0.999, 0.999)), rules.deviations)[0]))
