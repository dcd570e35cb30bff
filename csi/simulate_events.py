"""What simulated customers do after a quarter's survey, with the truth behind it: leaving, spend, complaints, competitors.

Satisfaction is in points of the construct, which nobody observes: an index of answers shows the slopes diluted. Nothing here is
shared with the estimators.

    leaving       a quarter, logit: intercept + slope (points - 75) + per year of tenure
    spend         a quarter: three usual bills + slope (points - 75) + noise of the customer + noise of the quarter
    complaints    a quarter, Poisson with gamma frailty: log rate = intercept + slope (points - 75)
    competitors   in the month before, a share of those who will leave in the next quarter called one, and a few of the others
"""

from collections.abc import Mapping
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]

MIDDLE = 75.0
LEAVE: Mapping[str, float] = {"intercept": -3.0, "per_point": -0.04, "per_year": -0.06}
SPEND: Mapping[str, float] = {"per_point": 0.9, "customer_sd": 15.0, "quarter_sd": 12.0}
COMPLAIN: Mapping[str, float] = {"intercept": -2.3, "per_point": -0.025, "frailty": 1.5}
CALLS: Mapping[str, float] = {"leaving": 0.20, "staying": 0.01}


def later_quarters(
    base: pd.DataFrame, points: Array, begins: tuple[date, ...], rng: np.random.Generator
) -> pd.DataFrame:
    """One row a customer and quarter while they stay: customer_id, quarter, left, left_on, spend, complaints.

    `base` has customer_id, tenure_months and usual_bill; `points` is each customer's true satisfaction (n,).
    """
    n, felt = len(base), points - MIDDLE
    usual = 3 * base["usual_bill"].to_numpy() + rng.normal(0, SPEND["customer_sd"], n)
    frailty = rng.gamma(COMPLAIN["frailty"], 1 / COMPLAIN["frailty"], n)
    here, parts = np.ones(n, dtype=bool), []
    for quarter in begins:
        left = rng.random(n) < leaving(base, points)
        rows = pd.DataFrame(
            {
                "customer_id": base["customer_id"].to_numpy(),
                "quarter": pd.Timestamp(quarter),
                "left": left.astype(int),
                "left_on": pd.Timestamp(quarter) + pd.to_timedelta(rng.integers(0, 90, n), unit="D"),
                "spend": (usual + SPEND["per_point"] * felt + rng.normal(0, SPEND["quarter_sd"], n)).round(2),
                "complaints": rng.poisson(frailty * np.exp(COMPLAIN["intercept"] + COMPLAIN["per_point"] * felt)),
            }
        )
        parts.append(rows.assign(left_on=rows["left_on"].where(left))[here])
        here &= ~left
    return pd.concat(parts, ignore_index=True)


def leaving(base: pd.DataFrame, points: Array) -> Array:
    """(n,) probability to leave in a quarter."""
    years = base["tenure_months"].to_numpy(float) / 12
    logit = LEAVE["intercept"] + LEAVE["per_point"] * (points - MIDDLE) + LEAVE["per_year"] * np.minimum(years, 10)
    return np.asarray(1 / (1 + np.exp(-logit)))


def competitor_calls(base: pd.DataFrame, soon: NDArray[np.bool_], day: date, rng: np.random.Generator) -> pd.DataFrame:
    """Calls to competitors' hotlines in the 30 days before a day: customer_id, date, kind, direction, seconds.

    `soon` says who leaves in the quarter that begins that day.
    """
    calls = rng.random(len(base)) < np.where(soon, CALLS["leaving"], CALLS["staying"])
    n = int(calls.sum())
    return pd.DataFrame(
        {
            "customer_id": base.loc[calls, "customer_id"].to_numpy(),
            "date": pd.Timestamp(day) - pd.to_timedelta(rng.integers(1, 31, n), unit="D"),
            "kind": "competitor_hotline",
            "direction": np.where(rng.random(n) < 0.7, "out", "in"),
            "seconds": np.ceil(rng.exponential(120, n)).astype(int),
        }
    )


def later_truth(base: pd.DataFrame, points: Array, quarters: int = 4) -> dict[str, float]:
    """What one point of true satisfaction goes with, averaged over the whole base; money a customer and year."""

    def year(shift: float) -> tuple[float, float]:
        stay = 1 - leaving(base, points + shift)
        there = stay[:, None] ** np.arange(quarters)
        spend = 3 * base["usual_bill"].to_numpy() + SPEND["per_point"] * (points + shift - MIDDLE)
        return float((1 - stay**quarters).mean()), float((spend[:, None] * there).sum(axis=1).mean())

    (left, spent), (before, earlier) = year(0.5), year(-0.5)
    return {
        "log_odds_of_leaving_per_point": LEAVE["per_point"],
        "spend_of_a_quarter_per_point": SPEND["per_point"],
        "log_rate_of_complaints_per_point": COMPLAIN["per_point"],
        "leaving_in_a_year_per_point": left - before,
        "value_of_a_point_a_customer_and_year": spent - earlier,
        "competitor_call_if_leaving_next_quarter": CALLS["leaving"],
        "competitor_call_if_not": CALLS["staying"],
    }
