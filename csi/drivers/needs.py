"""What a weak and what a strong performance does: basic, value-adding and extension needs (Brandt 1987; Mikulić & Prebežac 2008).

The answers to every driver are parted into low, middle and high. The outcome is regressed on two marks per driver, low and high;
against the middle, the penalty p is what low answers cost (usually below 0), the reward r what high answers bring (usually above
0), with every other driver held. From the two:
    range of impact   r - p, the way from low to high
    impact asymmetry  (r - |p|)/(r + |p|), -1 (all penalty) to 1 (all reward); a side of the wrong sign counts as 0
A basic factor 基本型 is mostly penalty: its absence angers, its presence is taken for granted. An excitement factor 延伸型 is
mostly reward; a performance factor 增值型 works both ways. Where high answers bring less than low ones, the driver is "reverse".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csi.display import Result, tidy
from csi.errors import EstimationError, known_names
from csi.kernel.moments import Missing, Moments, moments
from csi.kernel.resample import p_value, percentile_interval, standard_error
from csi.kernel.small_matrices import ldl, solve
from csi.structural.answers import Answers, answers_of
from csi.structural.cases import Array
from csi.survey.design import Design
from csi.survey.survey import Survey

NEEDS = ("basic", "performance", "excitement", "reverse")
UNDECIDED = "undecided"
Cut = float | Mapping[str, float] | None
_SHARES = tuple(f"share_{need}" for need in NEEDS)
_FEWEST = 10  # answers in each of low, middle and high
_OWN = (
    "penalty", "penalty_low", "penalty_high", "penalty_p", "reward", "reward_low", "reward_high", "reward_p",
    "range", "range_low", "range_high", "factor", "probability", "need", *_SHARES, "low", "high", "low_n", "high_n",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class NeedTypes(Result):
    """Which drivers are basic, performance or excitement factors of an outcome.

    `rows` has the tidy columns for the impact asymmetry (-1 to 1) and: penalty and reward (units of the outcome) with intervals
    and p values, range (reward less penalty) with its interval, factor (the class of the estimate: "basic", "performance",
    "excitement" or "reverse"), probability (share of the draws in that class), need (the class, or "undecided" where its
    probability is below `certainty` or the interval of the range holds 0), share_basic and so on (of the draws), low and high
    (answers up to and from which count), low_n and high_n (how many did). `r_squared` is that of the whole regression.
    """

    outcome: str
    rows: pd.DataFrame
    r_squared: float
    certainty: float

    def headline(self) -> list[str]:
        """How many drivers are what."""
        lines = [f"Need types for {self.outcome}: penalties and rewards explain {self.r_squared:.0%} of it"]
        for need in (*NEEDS, UNDECIDED):
            names = list(self.rows.loc[self.rows["need"] == need, "term"])
            if names:
                shown = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
                lines.append(f"{need}: {shown}")
        return lines

    def table(self) -> pd.DataFrame:
        """A copy of `rows`."""
        return self.rows.copy()

    def shown(self) -> pd.DataFrame:
        """The effects and the need types; the shares and the cuts stand in the table."""
        columns = ["term", "need", "probability", "penalty", "reward", "range", "range_low", "range_high", "estimate"]
        return self.rows[[*columns, "ci_low", "ci_high", "n"]]


def penalty_reward(  # noqa: PLR0913 - cuts, weights, design and draws are each a choice of their own
    data: Survey | Any,  # noqa: ANN401 - any frame that narwhals reads
    outcome: str,
    drivers: Sequence[str],
    *,
    low: Cut = None,
    high: Cut = None,
    ratio: float = 2.0,
    certainty: float = 0.8,
    weight: str | None = None,
    design: Design | None = None,
    missing: Missing = "em",
    draws: int = 1000,
    seed: int = 1,
    level: float = 0.95,
) -> NeedTypes:
    """Penalty-reward contrasts of drivers, with the need type of each (Brandt 1987; Mikulić & Prebežac 2008).

    What is low and what is high decides what is a penalty and what a reward: where the scale has a neutral middle, put it between
    the two. The cuts stay the same in every replicate.

    Parameters
    ----------
    data
        A survey, or a frame.
    outcome, drivers
        Columns of numbers. Respondents without an outcome, or without any driver, are left out.
    low, high
        Answers up to `low` are low, from `high` on high; one number, or driver -> number. If not given, as many answers from the
        end of each driver's scale as come to a third of the respondents at most, but at least its lowest (highest) answer.
    ratio
        How many times larger than the other a side must be for a basic or an excitement factor; in between is a performance
        factor.
    certainty
        Share of the draws that must agree on the class, if the need is not to be "undecided".
    weight, design
        Of a plain frame: column of case weights, strata and clusters.
    missing
        How gaps are treated, in every replicate, as in `csi.fit`.
    draws, seed, level
        Number of replicates, their seed, coverage of the intervals.

    Raises
    ------
    EstimationError
        Unknown columns, a driver that is constant, has two answers only, or repeats others, too few low, middle or high answers.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> a, b = rng.integers(1, 6, size=(2, 600))
    >>> frame = pd.DataFrame({"works": a, "gift": b, "overall": 5 - 2.0 * (a < 3) + 2.0 * (b > 3) + rng.normal(size=600)})
    >>> found = penalty_reward(frame, "overall", ["works", "gift"], low=2, high=4, draws=200)
    >>> found.table().set_index("term")["need"].to_dict()
    {'works': 'basic', 'gift': 'excitement'}
    """
    names = _require_names(outcome, drivers, ratio, certainty)
    answers = _complete_outcomes(answers_of(data, [outcome, *names], weight=weight, design=design))
    cuts = _cuts(answers, low, high)
    marks = _marks(answers.X, cuts)
    whole = moments(marks, answers.weights[None], missing)
    _require_independent(whole, names)
    point, r_squared = _contrasts(whole)
    drawn = np.concatenate(
        [_contrasts(moments(marks, W, missing, whole))[0] for W in answers.resamples(draws, seed, level)]
    )
    rows = _rows(point, drawn, (ratio, certainty), level)
    for k, row in enumerate(rows):
        x = answers.X[:, k + 1]
        row |= {"term": names[k], "n": int((~np.isnan(x)).sum()), "low": cuts[k, 0], "high": cuts[k, 1]}
        row |= {"low_n": int((x <= cuts[k, 0]).sum()), "high_n": int((x >= cuts[k, 1]).sum())}
    table = tidy(rows, _OWN)
    table.attrs = {"level": level, "interval": "percentile"}
    return NeedTypes(outcome, table, float(r_squared[0]), certainty)


def _require_names(outcome: str, drivers: Sequence[str], ratio: float, certainty: float) -> list[str]:
    names = list(drivers)
    if not names or len(set(names)) < len(names) or outcome in names:
        raise EstimationError(f"drivers must be different columns other than the outcome {outcome!r}, at least one.")
    if not ratio >= 1 or not 0 <= certainty <= 1:
        raise EstimationError(f"ratio must be 1 or more and certainty 0 to 1, not {ratio:g} and {certainty:g}.")
    return names


def _complete_outcomes(answers: Answers) -> Answers:
    """The answers without those of respondents whose outcome or whose every driver is missing: they tell nothing of an effect."""
    useless = np.isnan(answers.X[:, 0]) | np.isnan(answers.X[:, 1:]).all(axis=1)
    X = np.where(useless[:, None], np.nan, answers.X)
    weights = np.where(useless, 0.0, answers.weights)
    if useless.all() or np.nanmin(X[:, 0]) == np.nanmax(X[:, 0]):
        raise EstimationError(f"the outcome {answers.names[0]!r} does not vary over the respondents with a driver.")
    return replace(answers, X=X, weights=weights)


def _cuts(answers: Answers, low: Cut, high: Cut) -> Array:
    """(k, 2) highest low answer and lowest high answer of every driver."""
    drivers = answers.names[1:]
    for asked in (low, high):
        unknown = [name for name in asked if name not in drivers] if isinstance(asked, Mapping) else []
        if unknown:
            raise EstimationError(
                f"a cut is given for {unknown[0]!r}. {known_names(unknown[0], drivers, 'The drivers are')}"
            )
    cuts = np.empty((len(drivers), 2))
    for k, name in enumerate(drivers):
        x = answers.X[:, k + 1]
        known = ~np.isnan(x) & (answers.weights > 0)
        values, place = np.unique(x[known], return_inverse=True)
        if len(values) < 3:
            what = (
                f"is constant: all answers are {values[0]:g}" if len(values) == 1 else "has two different answers only"
            )
            raise EstimationError(
                f"driver {name!r} {what}; a penalty and a reward need low, middle and high ones. Leave it out."
            )
        share = np.asarray(np.bincount(place, answers.weights[known]), dtype=float)
        cuts[k] = (
            _given(low, name, values[_third(share)]),
            _given(high, name, values[len(values) - 1 - _third(share[::-1])]),
        )
        _require_enough(x[known], cuts[k], name)
    return cuts


def _given(asked: Cut, name: str, otherwise: float) -> float:
    own = asked.get(name) if isinstance(asked, Mapping) else asked
    return float(otherwise if own is None else own)


def _third(share: Array) -> int:
    """The last place up to which a third lie at most, but at least the first."""
    return max(0, int((share.cumsum() <= share.sum() / 3 * (1 + 1e-9)).sum()) - 1)


def _require_enough(x: Array, cut: Array, name: str) -> None:
    low, high = cut
    if not low < high:
        raise EstimationError(
            f"driver {name!r}: low answers go up to {low:g}, high ones start at {high:g}; leave a middle."
        )
    groups = (("low", f"up to {low:g}", x <= low), ("high", f"from {high:g}", x >= high))
    middle = ("middle", f"between {low:g} and {high:g}", (x > low) & (x < high))
    for group, where, inside in (*groups, middle):
        if inside.sum() < _FEWEST:
            raise EstimationError(
                f"driver {name!r} has {inside.sum()} {group} answers ({where}), at least {_FEWEST} are needed. Move the cuts "
                "(low=, high=), or leave it out."
            )


def _marks(X: Array, cuts: Array) -> Array:
    """(n, 1 + 2k) the outcome, a mark of low answers for every driver, a mark of high ones; NaN where the answer is missing."""
    x = X[:, 1:]
    marks = np.concatenate([x <= cuts[:, 0], x >= cuts[:, 1]], axis=1).astype(float)
    marks[np.tile(np.isnan(x), 2)] = np.nan
    return np.column_stack([X[:, 0], marks])


def _require_independent(m: Moments, names: Sequence[str]) -> None:
    R = m.correlation[0, 1:, 1:]
    for last in range(1, len(R)):
        if np.linalg.matrix_rank(R[: last + 1, : last + 1], tol=1e-8) <= last:
            twin = int(np.abs(R[last, :last]).argmax())
            raise EstimationError(
                f"the low and high answers of driver {names[last % len(names)]!r} follow from those of the others (most alike: "
                f"{names[twin % len(names)]!r}), so their effects cannot be told apart. Leave one out."
            )


def _contrasts(m: Moments) -> tuple[Array, Array]:
    """Coefficients (B, 2, k), penalties then rewards, and R2 (B,); NaN where a replicate has no such answers."""
    S = np.moveaxis(m.cov, 0, -1)
    b = solve(ldl(S[1:, 1:]), S[1:, 0])
    with np.errstate(invalid="ignore", divide="ignore"):
        r_squared = (b * S[1:, 0]).sum(axis=0) / S[0, 0]
    return np.moveaxis(b, -1, 0).reshape(m.cov.shape[0], 2, -1), r_squared


def _asymmetry(penalty: Array, reward: Array) -> Array:
    """Impact asymmetry; NaN where neither side has its sign."""
    cost, gain = np.maximum(-penalty, 0), np.maximum(reward, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((gain - cost) / (gain + cost))


def _classes(penalty: Array, reward: Array, ratio: float) -> NDArray[np.intp]:
    """Position among `NEEDS`; -1 where a replicate could not be estimated."""
    asymmetry, limit = _asymmetry(penalty, reward), (ratio - 1) / (ratio + 1)
    cases = {
        -1: ~np.isfinite(penalty + reward),
        NEEDS.index("reverse"): reward <= penalty,
        NEEDS.index("basic"): asymmetry < -limit,
        NEEDS.index("excitement"): asymmetry > limit,
    }
    return np.select(list(cases.values()), list(cases), NEEDS.index("performance"))


def _rows(point: Array, drawn: Array, rules: tuple[float, float], level: float) -> list[dict[str, Any]]:
    """What is said of every driver, from coefficients (1, 2, k) and their draws (B, 2, k)."""
    ratio, certainty = rules
    classes, factor = _classes(drawn[:, 0], drawn[:, 1], ratio), _classes(point[:, 0], point[:, 1], ratio)[0]
    counts = (classes[:, :, None] == np.arange(len(NEEDS))).sum(axis=0)
    shares = counts / np.maximum((classes >= 0).sum(axis=0), 1)[:, None]
    measures = {
        "penalty": (point[0, 0], drawn[:, 0]),
        "reward": (point[0, 1], drawn[:, 1]),
        "range": (point[0, 1] - point[0, 0], drawn[:, 1] - drawn[:, 0]),
        "ci": (_asymmetry(point[0, 0], point[0, 1]), _asymmetry(drawn[:, 0], drawn[:, 1])),
    }
    columns: dict[str, Any] = {}
    for name, (value, draws) in measures.items():
        low, high = percentile_interval(draws, level)
        columns |= {name: value, f"{name}_low": low, f"{name}_high": high, f"{name}_p": p_value(draws)}
    columns |= {"estimate": columns["ci"], "std_error": standard_error(measures["ci"][1]), "p_value": columns["ci_p"]}
    columns |= {"factor": np.array(NEEDS)[factor], "probability": shares[np.arange(len(factor)), factor]}
    works = (columns["range_low"] > 0) | (columns["range_high"] < 0)
    columns["need"] = np.where(works & (columns["probability"] >= certainty), columns["factor"], UNDECIDED)
    columns |= dict(zip(_SHARES, shares.T, strict=True))
    return [{name: values[k] for name, values in columns.items()} for k in range(len(factor))]
