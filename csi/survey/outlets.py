"""Outlets compared on the replies of their visitors, so that three happy replies do not make the best outlet.

Replied      visits with any reply in time; the reply rate is of all visits asked about
Ratings      very good, good, average, poor; a complaint about staff without a rating counts as poor unless said otherwise
Satisfied    share of very good and good among the ratings, in percent; or points: mean of the ratings' points, 0-100
Shrinkage    `csi.kernel.shrinkage`: each outlet is pulled towards the mean of all by what its number of ratings cannot tell.
             The shrunken figure is also what to expect of the outlet's raw figure next month if the outlet stays as it is:
             the best and the worst of a month were partly lucky and unlucky, and fall back.
Ranks        of joint posterior draws: an interval, and the probability to be among the best and the worst few
Who replies is not a random part of the visitors; no figure here corrects for that.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from csi.display import Result, tidy
from csi.errors import SurveyError
from csi.kernel.shrinkage import Shrunken, ranks, shrunken_means, shrunken_shares, wilson_interval
from csi.survey.outlet_shares import counts_by, ratings_of
from csi.survey.sms import SmsLog
from csi.survey.sms_words import POOR, RATINGS

Array = NDArray[np.float64]
POINTS: Mapping[str, float] = {"very_good": 100.0, "good": 200 / 3, "average": 100 / 3, "poor": 0.0}
SATISFIED: Mapping[str, float] = {"very_good": 100.0, "good": 100.0, "average": 0.0, "poor": 0.0}
FEW = 30  # ratings below which a raw figure says little
_FEWEST_OUTLETS = 3  # from two nobody can tell how outlets differ
_OWN = (
    *("rank", "rank_low", "rank_high", "top_probability", "bottom_probability", "raw", "raw_low", "raw_high"),
    *("next_low", "next_high", "few", "visits", "replied", "reply_rate", "staff_complaints"),
)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class OutletTable(Result):
    """The league table of outlets, best first.

    Attributes
    ----------
    rows
        One row an outlet: term, estimate (shrunken; percent or points, 0-100) with std_error and credible interval, n (ratings),
        rank (by estimate) with interval, top_probability and bottom_probability (to be among the first and last `top`), raw
        figure with interval (percent: Wilson; points: normal, pooled SD), next_low and next_high (where its raw figure will
        lie next month with as many ratings if nothing changes), few (fewer than 30 ratings), visits, replied, reply_rate (0-1),
        staff_complaints (beside a rating or alone).
    measure
        "satisfied" (percent) or "points".
    centre, spread
        Mean of the outlets and standard deviation of their true values between them, with interval: (estimate, low, high).
    period
        First and last day of the visits.
    """

    rows: pd.DataFrame
    measure: str
    centre: tuple[float, float, float]
    spread: tuple[float, float, float]
    top: int
    level: float
    period: tuple[pd.Timestamp, pd.Timestamp]

    def headline(self) -> list[str]:
        """What was asked, how much outlets truly differ, and what becomes of the extremes."""
        rows, unit = self.rows, " %" if self.measure == "satisfied" else " points"
        replied, visits = int(rows["replied"].sum()), int(rows["visits"].sum())
        (mean, low, high), (sd, sd_low, sd_high) = self.centre, self.spread
        known = rows[rows["n"] > 0]
        falls = [
            f"{what} raw figure: {term} {raw:.1f} of {n:,} ratings, expected {estimate:.1f} next month"
            for what, at in (("highest", known["raw"].argmax()), ("lowest", known["raw"].argmin()))
            for term, raw, n, estimate in [known.iloc[at][["term", "raw", "n", "estimate"]]]
        ]
        return [
            f"OutletTable: {len(rows)} outlets, {self.period[0]:%Y-%m-%d} to {self.period[1]:%Y-%m-%d}; {visits:,} visits, "
            f"{replied:,} answered ({replied / visits:.1%}; they need not be like the others), {int(rows['n'].sum()):,} ratings",
            f"mean of the outlets {mean:.1f}{unit} ({low:.1f} to {high:.1f}); outlets truly differ by a standard deviation of "
            f"{sd:.1f} ({sd_low:.1f} to {sd_high:.1f})",
            "; ".join(falls) + ", if the outlets stay as they are",
            f"{int(rows['few'].sum())} outlets have fewer than {FEW} ratings; {self._sure()}",
        ]

    def _sure(self) -> str:
        top, bottom = ((self.rows[f"{end}_probability"] >= 0.9).sum() for end in ("top", "bottom"))
        return (
            f"{top} are among the best {self.top} and {bottom} among the last {self.top} with probability 0.9 or more"
        )

    def table(self) -> pd.DataFrame:
        """A copy of `rows`."""
        table = self.rows.copy()
        table.attrs = dict(self.rows.attrs)
        return table

    def shown(self) -> pd.DataFrame:
        """The columns that decide."""
        columns = [
            "rank",
            "term",
            "estimate",
            "ci_low",
            "ci_high",
            "n",
            "rank_low",
            "rank_high",
            "top_probability",
            "raw",
        ]
        shown = self.rows[columns]
        shown.attrs = {"digits": 2}
        return shown


def outlet_table(  # noqa: PLR0913 - choices of the analysis, each by name
    log: SmsLog,
    *,
    measure: str = "satisfied",
    period: str | None = None,
    top: int | None = None,
    points: Mapping[str, float] | None = None,
    complaint_as: str | None = POOR,
    level: float = 0.95,
    draws: int = 4000,
    seed: int = 1,
) -> OutletTable:
    """Rank the outlets by what their visitors replied, with honest uncertainty.

    Parameters
    ----------
    log
        From `read_sms_log`.
    measure
        "satisfied": percent of ratings that are very good or good (beta-binomial). "points": mean points (normal).
    period
        A month "2026-09", a day "2026-09-05" or a quarter "2026Q3" of visits; everything unless given.
    top
        How many outlets count as the best and as the last; 5 unless given, of fewer than ten outlets half.
    points
        Points of the four ratings; 100, 66.7, 33.3 and 0 unless given.
    complaint_as
        The rating that a complaint about staff without any rating counts as; None leaves it out.
    draws, seed
        Of the posterior.

    Raises
    ------
    SurveyError
        Fewer than three outlets with ratings, no visits in the period, or a choice that cannot be.

    Examples
    --------
    >>> from csi.survey.sms import read_sms_log
    >>> sent = pd.DataFrame({"key": [f"K{i}" for i in range(203)], "outlet": [*["East", "West"] * 100, *["Hill"] * 3]})
    >>> sent["sent_at"] = "2026-09-01 10:00"
    >>> replies = sent.assign(replied_at="2026-09-01 11:00", text=[*["1", "2", "1", "4"] * 50, "1", "1", "1"])
    >>> table = outlet_table(read_sms_log(sent, replies))
    >>> table.rows[["term", "n", "raw"]]  # three of three are not yet the best
       term    n    raw
    0  East  100  100.0
    1  Hill    3  100.0
    2  West  100   50.0
    """
    worth = _worth(measure, points)
    visits = _in_period(log.visits, period)
    counts = counts_by(visits, ["outlet"])
    ratings = ratings_of(counts, complaint_as)
    n = ratings.sum(axis=1)
    rated = int((n > 0).sum())
    if rated < _FEWEST_OUTLETS:
        raise SurveyError(
            f"{rated} outlets have ratings; a league table needs {_FEWEST_OUTLETS}, because from fewer nobody can tell "
            "how outlets differ. outlet_shares() gives each outlet by itself."
        )
    top = min(5, len(counts) // 2) if top is None else top
    if not 1 <= top <= len(counts):
        raise SurveyError(f"top = {top}: there are {len(counts)} outlets.")
    if not 0 < level < 1 or draws < 100:
        raise SurveyError(f"level = {level:g} must lie between 0 and 1, and draws = {draws} be 100 or more.")
    rng = np.random.default_rng(seed)
    raw, error, known = _estimated(ratings, worth, measure, draws, rng)
    rows = _league(counts, known, n, (top, level))
    tail = (1 - level) / 2
    rows["raw"], (rows["raw_low"], rows["raw_high"]) = raw, _raw_interval(ratings, worth, measure, level)
    rows["next_low"], rows["next_high"] = np.quantile(
        _next_month(known, n, error, measure, rng), [tail, 1 - tail], axis=0
    )
    rows.loc[n.astype(int) == 0, ["next_low", "next_high"]] = np.nan
    rows = rows.sort_values(["estimate", "term"], ascending=[False, True], ignore_index=True)
    rows["rank"] = np.arange(1, len(rows) + 1)
    table = tidy(rows.to_dict("records"), _OWN)  # type: ignore[arg-type]
    table.attrs = {"level": level, "interval": "credible", "digits": 1}
    centre, spread = (_with_interval(values, tail) for values in (known.centre, known.spread))
    return OutletTable(table, measure, centre, spread, top, level, (visits["sent_at"].min(), visits["sent_at"].max()))


def _worth(measure: str, points: Mapping[str, float] | None) -> Array:
    if measure not in ("satisfied", "points"):
        raise SurveyError(f"measure must be 'satisfied' or 'points', not {measure!r}.")
    if measure == "satisfied" and points is not None:
        raise SurveyError("points are given, but measure='satisfied' does not use them; say measure='points'.")
    worth = SATISFIED if measure == "satisfied" else (POINTS if points is None else points)
    if set(worth) != set(RATINGS):
        raise SurveyError(f"points must be given for {', '.join(RATINGS)}, not for {', '.join(worth) or 'none'}.")
    return np.array([worth[rating] for rating in RATINGS], dtype=float)


def _in_period(visits: pd.DataFrame, period: str | None) -> pd.DataFrame:
    if period is None:
        return visits
    try:
        span = pd.Period(period)
    except ValueError:
        raise SurveyError(f"{period!r} is no period; write a month as 2026-09, a day as 2026-09-05.") from None
    inside = visits[(visits["sent_at"] >= span.start_time) & (visits["sent_at"] <= span.end_time)]
    if inside.empty:
        first, last = visits["sent_at"].min(), visits["sent_at"].max()
        raise SurveyError(f"no visit lies in {period}; the log goes from {first:%Y-%m-%d} to {last:%Y-%m-%d}.")
    return inside


def _estimated(
    ratings: NDArray[np.intp], worth: Array, measure: str, draws: int, rng: np.random.Generator
) -> tuple[Array, float, Shrunken]:
    """Raw figures, SD of one rating within an outlet, and the shrunken figures, all in percent or points."""
    n = ratings.sum(axis=1)
    raw = np.divide(ratings @ worth, n, out=np.full(len(n), np.nan), where=n > 0)
    if measure == "satisfied":
        known = shrunken_shares(ratings[:, :2].sum(axis=1).astype(float), n.astype(float), draws, rng)
        return raw, np.nan, Shrunken(100 * known.mean, 100 * known.draws, 100 * known.centre, 100 * known.spread)
    error = _pooled_sd(ratings, worth)
    return raw, error, shrunken_means(raw, _errors(n, error), draws, rng)


def _pooled_sd(ratings: NDArray[np.intp], worth: Array) -> float:
    n = ratings.sum(axis=1)
    squares = ratings @ worth**2 - (ratings @ worth) ** 2 / np.maximum(n, 1)
    freedom = int(np.maximum(n - 1, 0).sum())
    if freedom == 0 or squares.sum() <= 0:
        raise SurveyError(
            "the ratings do not differ within any outlet: points have no error from which to rank outlets."
        )
    return float(np.sqrt(squares.sum() / freedom))


def _errors(n: NDArray[np.intp], sd: float) -> Array:
    with np.errstate(divide="ignore"):
        return np.asarray(sd / np.sqrt(n), dtype=float)


def _raw_interval(ratings: NDArray[np.intp], worth: Array, measure: str, level: float) -> tuple[Array, Array]:
    n = ratings.sum(axis=1)
    if measure == "satisfied":
        low, high = wilson_interval(ratings[:, :2].sum(axis=1).astype(float), n.astype(float), level)
        return 100 * low, 100 * high
    middle = np.divide(ratings @ worth, n, out=np.full(len(n), np.nan), where=n > 0)
    half = float(ndtri((1 + level) / 2)) * _errors(n, _pooled_sd(ratings, worth))
    return np.maximum(middle - half, worth.min()), np.minimum(middle + half, worth.max())


def _next_month(known: Shrunken, n: NDArray[np.intp], sd: float, measure: str, rng: np.random.Generator) -> Array:
    """(D, J) raw figures of another month with as many ratings."""
    if measure == "satisfied":
        return np.asarray(100 * rng.binomial(n, np.clip(known.draws / 100, 0, 1)) / np.maximum(n, 1))
    error = np.where(n > 0, sd / np.sqrt(np.maximum(n, 1)), 0.0)
    return np.asarray(known.draws + error * rng.standard_normal(known.draws.shape))


def _league(counts: pd.DataFrame, known: Shrunken, n: NDArray[np.intp], choices: tuple[int, float]) -> pd.DataFrame:
    top, level = choices
    tail = (1 - level) / 2
    places = ranks(known.draws)
    low, high = np.quantile(known.draws, [tail, 1 - tail], axis=0)
    first, last = np.quantile(places, [tail, 1 - tail], axis=0, method="inverted_cdf").astype(int)
    return pd.DataFrame(
        {
            "term": counts["outlet"].astype(str),
            "estimate": known.mean,
            "std_error": known.draws.std(axis=0),
            "ci_low": low,
            "ci_high": high,
            "n": n,
            "rank_low": first,
            "rank_high": last,
            "top_probability": (places <= top).mean(axis=0),
            "bottom_probability": (places > len(counts) - top).mean(axis=0),
            "few": n < FEW,
            "visits": counts["visits"],
            "replied": counts["replied"],
            "reply_rate": counts["replied"] / counts["visits"],
            "staff_complaints": counts["staff_complaints"],
        }
    )


def _with_interval(values: Array, tail: float) -> tuple[float, float, float]:
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(values.mean()), float(low), float(high)
