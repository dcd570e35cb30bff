"""Rules that a manager can read: one to three conditions, whom they cover, and how many of those are dissatisfied.

Rules are sought on one half of the respondents and measured on the other, whose answers had no say in the choice; the intervals
hold for all rules at once (Bonferroni). They say what goes with dissatisfaction, not what causes it. The search keeps the best
conjunctions of each length by the root of their coverage times their distance from the base (Klösgen 1996).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from csi.behaviour.accuracy import share
from csi.behaviour.linkage import Linked
from csi.behaviour.lottery import tickets
from csi.behaviour.risk import outcomes
from csi.display import Result, tidy
from csi.errors import TooFewError
from csi.survey.codebook import Wording
from csi.words import say

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Kind = Literal["at_least", "at_most", "is", "no_record"]
_CUTS = (0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95)
_BEAM = 20
_FEWEST_DISSATISFIED = 30
_SHARPER = 1.3  # times the share of dissatisfied that one more condition must bring
_ALIKE = 0.6  # two rules whose covered share more than this of their union say the same


@dataclass(frozen=True, slots=True)
class Condition:
    """What a feature must be."""

    feature: str
    kind: Kind
    value: float | str | None = None

    def holds(self, frame: pd.DataFrame) -> Flags:
        """(rows,) whether it holds."""
        x = frame[self.feature]
        if self.kind == "no_record":
            found = x.isna()
        elif self.kind == "is":
            found = x == self.value
        else:
            found = x >= self.value if self.kind == "at_least" else x <= self.value
        return np.asarray(found, dtype=bool)

    def text(self, language: str, wording: Mapping[str, Wording]) -> str:
        """The condition in words."""
        label = wording.get(self.feature, Wording()).text(language, self.feature)
        value = f"{self.value:,.10g}" if isinstance(self.value, float) else self.value
        return say(f"risk.{self.kind}", language, feature=label, value=value)


@dataclass(frozen=True, slots=True)
class Rule:
    """Conditions that hold together, measured on respondents who had no say in them; shares as fractions of 1.

    `coverage` is the share of respondents for whom it holds, `precision` the share dissatisfied among those.
    """

    conditions: tuple[Condition, ...]
    coverage: float
    precision: float
    low: float
    high: float
    n: int
    base_rate: float

    @property
    def is_clear(self) -> bool:
        """Whether the interval lies wholly above the base rate."""
        return self.low > self.base_rate

    def text(self, language: str = "en", wording: Mapping[str, Wording] | None = None) -> str:
        """The rule in one sentence."""
        percent = {"share": self.precision, "low": self.low, "high": self.high, "base": self.base_rate}
        joined = say("risk.and", language).join(c.text(language, wording or {}) for c in self.conditions)
        shares = {name: f"{100 * value:.0f}" for name, value in percent.items()}
        sentence = say("risk.rule", language, rule=joined, coverage=f"{100 * self.coverage:.1f}", **shares)
        return sentence if self.is_clear else sentence + say("risk.rule_unclear", language)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RiskRules(Result):
    """Rules, the most telling first; `sought` respondents chose them and `measured` others measured them."""

    rules: tuple[Rule, ...]
    base_rate: float
    sought: int
    measured: int

    def texts(self, language: str = "en", wording: Mapping[str, Wording] | None = None) -> list[str]:
        """One sentence a rule; one that says so where no rule stands out."""
        if not any(rule.is_clear for rule in self.rules):
            return [say("risk.no_rule", language)]
        return [rule.text(language, wording) for rule in self.rules]

    def headline(self) -> list[str]:
        """Where the rules come from, and whether any stands out."""
        clear = sum(rule.is_clear for rule in self.rules)
        return [
            f"RiskRules: {clear} of {len(self.rules)} rules stand out from the base of {self.base_rate:.1%}; sought on "
            f"{self.sought:,} respondents, measured on {self.measured:,} others",
            *([] if clear else [say("risk.no_rule")]),
        ]

    def table(self) -> pd.DataFrame:
        """Tidy: term (the rule), estimate (precision) with a simultaneous interval, n, coverage, base_rate, lift."""
        return tidy(
            (
                {
                    "term": say("risk.and").join(c.text("en", {}) for c in r.conditions),
                    "estimate": r.precision,
                    "ci_low": r.low,
                    "ci_high": r.high,
                    "n": r.n,
                    "coverage": r.coverage,
                    "base_rate": r.base_rate,
                    "lift": r.precision / r.base_rate,
                }
                for r in self.rules
            ),
            ["coverage", "base_rate", "lift"],
        )


def risk_rules(
    linked: Linked,
    dissatisfied: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    most: int = 5,
    conditions: int = 2,
    least_coverage: float = 0.03,
    seed: int = 1,
) -> RiskRules:
    """Find readable rules for who is dissatisfied.

    Parameters
    ----------
    linked, dissatisfied, weights
        As in `dissatisfaction_risk`.
    most
        Rules to keep; rules that cover nearly the same customers count as one.
    conditions
        Conditions that a rule may have, 1 to 3.
    least_coverage
        Smallest share of respondents that a rule must cover.
    seed
        Of the halves.

    Raises
    ------
    TooFewError
        Fewer than 30 dissatisfied in one half.
    """
    known, y = outcomes(linked, dissatisfied)
    w = np.ones(len(y)) if weights is None else np.asarray(weights, float)[linked.frame["row"].to_numpy()][known]
    frame = linked.frame[known].reset_index(drop=True)
    half = tickets(frame["key"].tolist(), seed, "rules") % np.uint64(2) == 0
    if min(y[half].sum(), y[~half].sum()) < _FEWEST_DISSATISFIED:
        raise TooFewError(
            f"{int(y.sum())} dissatisfied are too few to find rules on one half of the respondents and to measure them on the "
            f"other: at least {_FEWEST_DISSATISFIED} are needed in each. Join more waves."
        )
    least = max(least_coverage * float(w[half].sum()), 30.0)
    chosen = _chosen(frame[half], y[half], w[half], least, (conditions, most), linked.numeric_features)
    base = float(np.average(y[~half], weights=w[~half]))
    rules = [_measured(rule, frame[~half], y[~half], w[~half], 1 - 0.05 / max(len(chosen), 1)) for rule in chosen]
    return RiskRules(tuple(rules), base, int(half.sum()), int((~half).sum()))


def _measured(rule: tuple[Condition, ...], frame: pd.DataFrame, y: Array, w: Array, level: float) -> Rule:
    covered = np.logical_and.reduce([c.holds(frame) for c in rule])
    found = share(y[covered], w[covered], level)
    return Rule(
        conditions=rule,
        coverage=float(w[covered].sum() / w.sum()),
        precision=found["observed"],
        low=found["ci_low"],
        high=found["ci_high"],
        n=int(covered.sum()),
        base_rate=float(np.average(y, weights=w)),
    )


def _chosen(
    frame: pd.DataFrame, y: Array, w: Array, least: float, sizes: tuple[int, int], numeric: tuple[str, ...]
) -> list[tuple[Condition, ...]]:
    """The best conjunctions on the half where they are sought, none that covers what a better one covers."""
    excess = w * (y - np.average(y, weights=w))

    def precision(covered: Flags) -> float:
        return float(np.average(y[covered], weights=w[covered]))

    def telling(covered: Flags) -> float:
        return float(excess[covered].sum() / np.sqrt(w[covered].sum()))

    single = [
        (condition, condition.holds(frame))
        for feature in frame.columns.drop(["row", "key"])
        for condition in _conditions(frame[feature], feature, feature in numeric)
    ]
    single = [(c, covered) for c, covered in single if w[covered].sum() >= least]
    found: list[tuple[float, tuple[Condition, ...], Flags]] = []
    beam: list[tuple[tuple[Condition, ...], Flags]] = [((), np.ones(len(y), dtype=bool))]
    for _ in range(sizes[0]):
        longer = []
        for rule, covered in beam:
            for condition, more in single:
                if any(c.feature == condition.feature for c in rule):
                    continue
                both = covered & more
                # A condition must earn its place: the rule without it is the easier to read.
                if w[both].sum() >= least and precision(both) >= _SHARPER * precision(covered):
                    longer.append((telling(both), (*rule, condition), both))
        longer.sort(key=lambda entry: -entry[0])
        found += longer
        beam = [(rule, both) for _, rule, both in longer[:_BEAM]]
    kept: list[tuple[tuple[Condition, ...], Flags]] = []
    for _, rule, covered in sorted(found, key=lambda entry: (-entry[0], len(entry[1]))):
        about = {(c.feature, c.kind) for c in rule}
        new = all(
            (covered & k).sum() <= _ALIKE * (covered | k).sum() and about != {(c.feature, c.kind) for c in other}
            for other, k in kept
        )
        if new and len(kept) < sizes[1]:
            kept.append((rule, covered))
    return [rule for rule, _ in kept]


def _conditions(values: "pd.Series[float]", feature: str, numeric: bool) -> list[Condition]:
    gap = [Condition(feature, "no_record")] if values.isna().any() else []
    if not numeric:
        return [Condition(feature, "is", level) for level in sorted(values.dropna().unique())] + gap
    x = values.dropna().to_numpy(float)
    if not len(x):
        return gap
    whole = bool((x == np.round(x)).all())
    cuts = sorted({round(c) + 0.0 if whole else float(f"{c:.2g}") for c in np.quantile(x, _CUTS)})
    both: tuple[Kind, Kind] = ("at_least", "at_most")
    return [Condition(feature, kind, cut) for kind in both for cut in cuts] + gap
