"""What must be there before a target can be high: necessary conditions among construct scores (Dul 2016; Richter et al. 2020).

A path says what a point more brings on average; a necessary condition says below which level of a driver nobody reached a level
of the target, whatever else was good. The combined map lays both side by side (Hauff, Richter, Sarstedt & Ringle 2024).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from csi.display import Result, tidy
from csi.drivers.priority_map import PriorityMap
from csi.errors import EstimationError, ModelError, known_names
from csi.kernel import necessity as kernel
from csi.kernel.necessity import Ceiling, Scope
from csi.structural.cases import Array
from csi.structural.fitted_model import Fit

Bounds = Literal["observed", "scale"]
_OWN = ("zone", "accuracy", "size", "necessary")
_SIZES = ((0.5, "very large"), (0.3, "large"), (0.1, "medium"), (1e-9, "small"), (-1.0, "none"))  # Dul (2016)
_LEAST_EFFECT, _SIGNIFICANT = 0.1, 0.05


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class NecessaryConditions(Result):
    """Effect sizes of conditions that may be necessary for a target, and the level of each that a level of the target takes.

    `rows` has the tidy columns for the effect size d (the estimate) with its permutation p value, and: zone (empty area, points
    squared), accuracy (share of cases on or below the ceiling), size ("small" to "very large"), necessary (d of 0.1 or more and
    p below 0.05). `scores` are the points of the cases, `weights` their survey weights.
    """

    target: str
    rows: pd.DataFrame
    scores: pd.DataFrame
    weights: Array
    ceiling: Ceiling
    scope: Bounds

    @property
    def bottlenecks(self) -> pd.DataFrame:
        """(target levels, in tens, x conditions) points that each condition needs; NaN where every level of it will do."""
        return self._by_level("needed")

    @property
    def lacking(self) -> pd.DataFrame:
        """(target levels, in tens, x conditions) share of the cases below what is needed, survey weights counted."""
        return self._by_level("lacking")

    def at(self, level: float) -> pd.DataFrame:
        """One row a condition: term, needed (points, NaN if any will do) and lacking (share of cases below) at a target level.

        Raises
        ------
        EstimationError
            No case reached the level, so nothing is known of what it takes.
        """
        y = self.scores[self.target].to_numpy()
        if not level <= y.max() + 1e-9:
            raise EstimationError(
                f"no case reaches {level:g} points of {self.target!r}; the highest has {y.max():.1f}, and what more would take "
                "is not known. Ask for a level up to that."
            )
        rows: list[dict[str, Any]] = []
        for name in self.rows["term"]:
            x = self.scores[name].to_numpy()
            steps, highest = kernel.step_ceiling(x, y[None])
            bounds = _scope(x, y, self.scope)
            least = float(kernel.needed(steps, highest[0], np.array([level]), bounds, self.ceiling)[0])
            below = np.average(x < least - 1e-9, weights=self.weights)
            rows.append({"term": name, "needed": least, "lacking": float(below)})
        return pd.DataFrame(rows)

    def headline(self) -> list[str]:
        """Which conditions are necessary."""
        found = list(self.rows.loc[self.rows["necessary"].astype(bool), "term"])
        said = (
            f"necessary: {', '.join(found)}" if found else "no condition is necessary (d of 0.1 or more, p below 0.05)"
        )
        return [f"Necessary conditions for {self.target}, {self.ceiling}, scope {self.scope}: {said}"]

    def table(self) -> pd.DataFrame:
        """A copy of `rows`."""
        return self.rows.copy()

    def _tens(self) -> list[float]:
        y = self.scores[self.target]
        return [float(level) for level in range(0, 101, 10) if y.min() <= level <= y.max()] or [float(y.max())]

    def _by_level(self, column: str) -> pd.DataFrame:
        table = pd.DataFrame({level: self.at(level).set_index("term")[column] for level in self._tens()}).T
        return table.rename_axis(index=self.target, columns=None)


def necessary_conditions(
    fit: Fit,
    target: str = "Satisfaction",
    *,
    conditions: Sequence[str] | None = None,
    permutations: int = 1000,
    seed: int = 1,
    ceiling: Ceiling = "CE-FDH",
    scope: Bounds = "observed",
) -> NecessaryConditions:
    """Which drivers are necessary for a target, and how much of each a level of the target takes (Dul 2016; Richter et al. 2020).

    Scores are in points (`fit.index_scores`), the ceilings are drawn over all cases that have them. A ceiling hangs on the best
    cases with little of the condition: look for impossible answers before trusting it. Survey weights count in `lacking`, not in
    the ceilings or the permutations, which deal the observed outcomes out anew.

    Parameters
    ----------
    conditions
        Constructs to ask about; all that lead to the target if not given.
    permutations
        Number of random deals behind the p value (Dul, van der Laan & Kuik 2020).
    ceiling
        "CE-FDH", a step function that no case lies above, or "CR-FDH", the straight line through its corners.
    scope
        Rectangle of possible cases: lowest to highest "observed" scores, or the whole "scale", 0-100.

    Raises
    ------
    ModelError
        The target or a condition is not in the model, or nothing leads to the target.
    EstimationError
        Scale ends unknown, an unknown choice, or too few permutations or cases.

    Examples
    --------
    >>> from csi import Model, fit
    >>> rng = np.random.default_rng(1)
    >>> quality, other = rng.uniform(1, 10, size=(2, 400))
    >>> frame = pd.DataFrame({"q": quality, "o": other, "s": np.minimum(10, 3 + quality) * rng.uniform(0.3, 1, 400)})
    >>> model = Model.parse("Quality <~ q; Other <~ o; Satisfaction <~ s; Satisfaction ~ Quality + Other")
    >>> necessity = necessary_conditions(fit(model, frame, scale=(0, 10)), permutations=200)
    >>> necessity.table().set_index("term")["necessary"].to_dict()
    {'Quality': True, 'Other': False}
    """
    _require_choices(permutations, ceiling, scope)
    names = _conditions(fit, target, conditions)
    points = fit.index_scores[[*names, target]]
    whole = points.notna().all(axis=1).to_numpy()
    scores = points[whole].reset_index(drop=True)
    _require_spread(scores)
    y = scores[target].to_numpy()
    drawn: dict[str, list[Array]] = {name: [] for name in names}
    for Y in kernel.permutations(y, permutations, seed):
        for name in names:
            x = scores[name].to_numpy()
            drawn[name].append(kernel.effect_sizes(x, Y, _scope(x, y, scope), ceiling))
    rows = [_row(scores, name, target, np.concatenate(drawn[name]), (ceiling, scope)) for name in names]
    return NecessaryConditions(target, tidy(rows, _OWN), scores, fit.cases.weights[whole], ceiling, scope)


def _row(scores: pd.DataFrame, name: str, target: str, drawn: Array, choices: tuple[Ceiling, Bounds]) -> dict[str, Any]:
    ceiling, scope = choices
    x, y = scores[name].to_numpy(), scores[target].to_numpy()
    bounds = _scope(x, y, scope)
    d = float(kernel.effect_sizes(x, y[None], bounds, ceiling)[0])
    accuracy = 1.0
    if ceiling == "CR-FDH":
        intercept, slope = kernel.line_ceiling(*kernel.step_ceiling(x, y[None]))
        accuracy = float((y <= intercept + slope * x + 1e-9).mean())
    p = kernel.chance(d, drawn)
    return {
        "term": name,
        "estimate": d,
        "p_value": p,
        "n": len(y),
        "zone": d * bounds.area,
        "accuracy": accuracy,
        "size": next(word for least, word in _SIZES if d >= least),
        "necessary": d >= _LEAST_EFFECT and p < _SIGNIFICANT,
    }


def _scope(x: Array, y: Array, which: Bounds) -> Scope:
    """Scores may lie beyond 0-100 where a weight is negative; no case lies outside the scope."""
    low, high = (np.inf, -np.inf) if which == "observed" else (0.0, 100.0)
    return Scope(min(low, x.min()), max(high, x.max()), min(low, y.min()), max(high, y.max()))


def _require_choices(permutations: int, ceiling: str, scope: str) -> None:
    if permutations < 1:
        raise EstimationError(f"permutations must be 1 or more, not {permutations}.")
    for name, value, known in (("ceiling", ceiling, get_args(Ceiling)), ("scope", scope, get_args(Bounds))):
        if value not in known:
            raise EstimationError(f"{name} must be one of {', '.join(map(repr, known))}, not {value!r}.")


def _conditions(fit: Fit, target: str, asked: Sequence[str] | None) -> list[str]:
    """The conditions, which are constructs of answers: interactions and observed columns have no points."""
    fit.require_scale()
    for name in (target, *(asked or ())):
        fit.model.construct(name)
    if asked is not None and (not asked or target in asked):
        raise ModelError(f"conditions must be constructs other than the target {target!r}, at least one.")
    without_points = {c.name for c in fit.model.constructs if c.kind == "observed"} | set(fit.origin.model.products)
    pointless = [name for name in (target, *(asked or ())) if name in without_points]
    if pointless:
        known = known_names(
            pointless[0], [n for n in fit.model.names if n not in without_points], "Constructs with points are"
        )
        raise ModelError(f"{pointless[0]!r} has no score in points. {known}")
    names = list(asked) if asked is not None else [n for n in fit.model.ancestors(target) if n not in without_points]
    if not names:
        raise ModelError(f"nothing leads to {target!r} in this model; name the conditions: conditions=[...].")
    return names


def _require_spread(scores: pd.DataFrame) -> None:
    for name, column in scores.items():
        if not np.ptp(column.to_numpy()) > 0:
            raise EstimationError(f"the scores of {name!r} do not vary over {len(scores)} cases, so nothing is empty.")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CombinedPriorityMap(Result):
    """The importance-performance map with what is necessary for a level of the target (cIPMA; Hauff et al. 2024).

    `rows` are those of the map with: necessary, needed (points, NaN if any level will do), lacking (share of the cases below).
    Items carry none of the three: conditions are constructs.
    """

    target: str
    target_level: float
    rows: pd.DataFrame

    def headline(self) -> list[str]:
        """The necessary condition that most cases lack."""
        necessary = self.rows[self.rows["necessary"].eq(True) & (self.rows["lacking"] > 0)]
        first = f"Importance, performance and necessity for {self.target_level:g} points of {self.target}"
        if necessary.empty:
            return [f"{first}: no necessary condition is lacking"]
        most = necessary.sort_values("lacking").to_dict("records")[-1]
        return [f"{first}: {most['lacking']:.0%} lack the {most['needed']:.0f} points of {most['term']} that it takes"]

    def table(self) -> pd.DataFrame:
        """A copy of `rows`."""
        return self.rows.copy()


def combined_priority_map(
    priority: PriorityMap, necessity: NecessaryConditions, *, target_level: float
) -> CombinedPriorityMap:
    """The priority map with the columns `necessary`, `needed` and `lacking` at a level of the target in points (cIPMA).

    A necessary driver whose needed level many lack comes first, whatever its importance: without it nothing else helps (Hauff,
    Richter, Sarstedt & Ringle 2024).

    Raises
    ------
    EstimationError
        The two are of different targets, or no case reached the level.
    """
    if priority.target != necessity.target:
        raise EstimationError(
            f"the map is of {priority.target!r}, the necessary conditions are of {necessity.target!r}; make both for one target."
        )
    known = necessity.at(target_level).merge(necessity.rows[["term", "necessary"]], on="term")
    rows = priority.table()
    constructs = rows["kind"] == "construct"
    for column in ("necessary", "needed", "lacking"):
        rows[column] = rows["term"].where(constructs).map(known.set_index("term")[column])
    return CombinedPriorityMap(priority.target, target_level, rows)
