"""The official score before it is published, from the internal survey of the same quarter.

The official survey asks other customers in another way, so that its score lies some points away from the internal one:
official = internal + shift. From the pairs of earlier quarters, each score with its standard error, the shift is followed as
a level that may or may not move (`csi.kernel.shift_process`); what has been seen of it decides how far to trust its last values
and how far their mean. The interval is that of the published score, its own sampling error included.
"""

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csi.display import Result, tidy
from csi.errors import EstimationError, known_names
from csi.index.score import Index
from csi.kernel.shift_process import Mixture, next_level
from csi.kernel.small_matrices import Array

FEWEST = 6
_FEWEST_BEFORE = 4  # pairs that a forecast of the back-test rests on
_COLUMNS = ("internal", "internal_se", "official", "official_se")
_TESTED = ("official", "internal", "error", "covered", "previous_official")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class IndexForecast(Result):
    """The official score that is to be expected, in points from 0 to 100.

    Attributes
    ----------
    rows
        Tidy, with rows internal (as measured), shift (official minus internal, without sampling errors) and official (as it will
        be published). `std_error` is the standard deviation of what is to be expected.
    backtest
        One row a published quarter, forecast from the pairs before it alone: estimate, std_error, ci_low, ci_high, n (pairs
        used), official and internal (as they were), error (forecast minus official), covered, previous_official (the last
        score published before).
    level
        Probability that the intervals hold.
    moves
        Probability that the shift moves at all, given the pairs.
    """

    rows: pd.DataFrame
    backtest: pd.DataFrame
    level: float
    moves: float

    @property
    def value(self) -> float:
        """The expected official score."""
        return float(self.rows["estimate"].iloc[-1])

    @property
    def interval(self) -> tuple[float, float]:
        """Between which scores the official one will be published."""
        return float(self.rows["ci_low"].iloc[-1]), float(self.rows["ci_high"].iloc[-1])

    def headline(self) -> list[str]:
        """The expected score, what it rests on, and how such forecasts have done."""
        internal, shift = self.rows["estimate"].iloc[0], self.rows["estimate"].iloc[1]
        lines = [
            f"Expected official score: {self.value:.1f} points, between {self.interval[0]:.1f} and {self.interval[1]:.1f} with "
            f"{self.level:.0%} probability",
            f"Internal score {internal:.1f}, the official one {abs(shift):.1f} {'below' if shift < 0 else 'above'} it, "
            f"going by {self.rows['n'].iloc[1]:.0f} quarters; probability that this shift moves: {self.moves:.0%}",
        ]
        tested = self.backtest
        if not len(tested):
            return [*lines, "Too few quarters for a back-test"]
        off, unchanged = tested["error"].abs().mean(), (tested["previous_official"] - tested["official"]).abs().mean()
        return [
            *lines,
            f"Back-test: {int(tested['covered'].sum())} of {len(tested)} published scores lay within their interval; "
            f"{off:.1f} points off on average, {unchanged:.1f} had the last official score been taken instead",
        ]

    def table(self) -> pd.DataFrame:
        """A copy of `rows`; the back-test is `backtest`."""
        return self.rows.copy()


def forecast_index(
    history: Any,  # noqa: ANN401 - any frame that narwhals reads
    current: Index | tuple[float, float],
    *,
    official_se: float | None = None,
    level: float = 0.90,
) -> IndexForecast:
    """The official score to be expected of the quarter after the last one of the history.

    Parameters
    ----------
    history
        One row a quarter, in the order of time and without leaving one out: columns internal, internal_se, official and
        official_se, in points, and wave if the quarters have names. A quarter with a gap in any of them is no pair but passes.
    current
        The internal score of the quarter to forecast: an `Index` with intervals, or score and standard error.
    official_se
        Standard error of the official score to come; the root mean square of the earlier ones if not given.
    level
        Probability that the interval holds the published score.

    Raises
    ------
    EstimationError
        Fewer than 6 pairs, a column missing, a standard error that is not above 0.

    Examples
    --------
    >>> history = pd.DataFrame({"internal": [88, 89, 87.5, 88, 90, 89.0], "official": [65, 65.5, 64, 64, 67, 65.0]})
    >>> forecast = forecast_index(history.assign(internal_se=0.8, official_se=0.6), (88.5, 0.8))
    >>> round(forecast.value), forecast.interval[0] < 65 < forecast.interval[1]
    (65, True)
    """
    if not 0 < level < 1:
        raise EstimationError(f"level is the probability of the interval, between 0 and 1, not {level}.")
    score, error = _score_of(current)
    names, values = _pairs_of(nw.from_native(history, eager_only=True).to_pandas())
    paired = np.asarray(np.isfinite(values).all(axis=1))
    if paired.sum() < FEWEST:
        raise EstimationError(
            f"the history has {paired.sum()} quarters with both scores and their standard errors; at least {FEWEST} are needed "
            "to tell the shift and how it varies."
        )
    to_come = _published_error(values[paired]) if official_se is None else float(official_se)
    _require_error(to_come, "official_se")
    shift = _shift_after(values[paired], np.flatnonzero(paired), len(values))
    official = _published(shift, score, error, to_come)
    table = tidy(
        [
            {"term": "internal", "estimate": score, "std_error": error},
            {"term": "shift"} | _summary(shift, level) | {"n": int(paired.sum())},
            {"term": "official"} | _summary(official, level) | {"n": int(paired.sum())},
        ]
    )
    table.attrs = {"digits": 1, "level": level, "interval": "prediction"}
    return IndexForecast(table, _backtest(names, values, paired, level), level, float(shift.probability @ shift.moves))


def _shift_after(values: Array, when: NDArray[np.intp], then: int) -> Mixture:
    """The shift at the time `then`, from pairs (T, 4) at the times `when`."""
    internal, internal_se, official, official_se = values.T
    return next_level(official - internal, internal_se**2 + official_se**2, when.astype(float), float(then))


def _published(shift: Mixture, score: float, error: float, official_se: float) -> Mixture:
    """The published score: the internal one, the shift, and the sampling errors of both surveys."""
    return Mixture(shift.probability, score + shift.mean, shift.variance + error**2 + official_se**2, shift.moves)


def _published_error(pairs: Array) -> float:
    return float(np.sqrt((pairs[:, 3] ** 2).mean()))


def _summary(quantity: Mixture, level: float) -> dict[str, Any]:
    return {
        "estimate": quantity.centre,
        "std_error": quantity.spread,
        "ci_low": quantity.quantile((1 - level) / 2),
        "ci_high": quantity.quantile((1 + level) / 2),
    }


def _backtest(names: list[str], values: Array, paired: NDArray[np.bool_], level: float) -> pd.DataFrame:
    """Every published quarter forecast from the pairs before it, once there are four."""
    rows, when = [], np.flatnonzero(paired)
    for k in range(_FEWEST_BEFORE, len(when)):
        before = values[when[:k]]
        internal, internal_se, official, _ = values[when[k]]
        shift = _shift_after(before, when[:k], int(when[k]))
        found = _summary(_published(shift, internal, internal_se, _published_error(before)), level)
        rows.append(
            {"term": names[when[k]], "n": k, "official": official, "internal": internal}
            | found
            | {
                "error": found["estimate"] - official,
                "covered": bool(found["ci_low"] <= official <= found["ci_high"]),
                "previous_official": before[-1, 2],
            }
        )
    table = tidy(rows, _TESTED)
    table.attrs = {"digits": 1, "level": level, "interval": "prediction"}
    return table


def _score_of(current: Index | tuple[float, float]) -> tuple[float, float]:
    if isinstance(current, Index):
        score, error = current.value, float(current.rows["std_error"].iloc[-1])
    else:
        score, error = (float(number) for number in current)
    if not np.isfinite(score):
        raise EstimationError(f"the internal score of the current quarter is {score}; it must be a number of points.")
    _require_error(error, "the standard error of the current internal score")
    return score, error


def _require_error(error: float, what: str) -> None:
    if not 0 < error < np.inf:
        raise EstimationError(
            f"{what} is {error:g}; it must be above 0, in points. Of an index it is known with a bootstrap: "
            "csi.satisfaction_index(fit, boot)."
        )


def _pairs_of(history: pd.DataFrame) -> tuple[list[str], Array]:
    """Names of the quarters, and (T, 4) scores with their standard errors."""
    for column in _COLUMNS:
        if column not in history.columns:
            known = known_names(column, [str(c) for c in history.columns], "Its columns are")
            raise EstimationError(f"the history has no column {column!r}. {known}")
    try:
        values = history[list(_COLUMNS)].apply(pd.to_numeric).to_numpy(float)
    except (ValueError, TypeError) as error:
        raise EstimationError(f"the history holds texts where scores are wanted: {error}.") from error
    names = (
        (history["wave"] if "wave" in history.columns else pd.Series(range(1, len(history) + 1))).astype(str).tolist()
    )
    for row, name in zip(values, names, strict=True):
        for place in (1, 3):
            if not np.isnan(row[place]):
                _require_error(row[place], f"{_COLUMNS[place]} of {name}")
    return names, values
