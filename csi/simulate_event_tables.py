"""Events behind a simulated customer's numbers: bills, calls, complaints, visits and faults, each on its day.

The counts of the snapshot are what these events add up to on the day before the fieldwork. After the fieldwork many of those who
are dissatisfied complain: a feature that counted these complaints would foretell the answers by what came after them.
"""

from collections.abc import Mapping
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

# Kind of event: column of the snapshot and the days that it counts.
EVENTS: Mapping[str, tuple[str, int]] = {
    "hotline_call": ("hotline_calls_30d", 30),
    "complaint": ("complaints_90d", 90),
    "outlet_visit": ("outlet_visits_90d", 90),
    "network_fault": ("network_faults_30d", 30),
}
BILLS = 4
COMPLAIN_AFTERWARDS = {"dissatisfied": 0.6, "others": 0.02}  # chance of a complaint in the month after the fieldwork


def event_table(
    base: pd.DataFrame, begins: date, ends: date, dissatisfied: NDArray[np.bool_], rng: np.random.Generator
) -> pd.DataFrame:
    """One row an event, in the order of time: customer_id, date, kind.

    `base` has customer_id and the counts of the snapshot; the fieldwork `begins` and ends before `ends`.
    """
    parts = [_spread(base, kind, column, days, begins, rng) for kind, (column, days) in EVENTS.items()]
    chance = np.where(dissatisfied, COMPLAIN_AFTERWARDS["dissatisfied"], COMPLAIN_AFTERWARDS["others"])
    after = rng.random(len(base)) < chance
    later = pd.Timestamp(ends) + pd.to_timedelta(rng.integers(0, 30, int(after.sum())), unit="D")
    who = base["customer_id"].to_numpy()[after]
    parts.append(pd.DataFrame({"customer_id": who, "date": later, "kind": "complaint"}))
    return pd.concat(parts).sort_values(["date", "customer_id", "kind"], ignore_index=True)


def bill_table(base: pd.DataFrame, begins: date) -> pd.DataFrame:
    """One row a bill, 30 days apart, the last on the day before the fieldwork: customer_id, date, amount.

    `base` has customer_id, usual_bill and monthly_bill, which is the last; those before it are the usual one.
    """
    last = pd.Timestamp(begins) - pd.Timedelta(days=1)
    amounts = [base["monthly_bill"], *[base["usual_bill"].round(2)] * (BILLS - 1)]
    return pd.concat(
        [
            pd.DataFrame(
                {"customer_id": base["customer_id"], "date": last - pd.Timedelta(days=30 * i), "amount": amount}
            )
            for i, amount in enumerate(amounts)
        ],
        ignore_index=True,
    )


def _spread(
    base: pd.DataFrame, kind: str, column: str, days: int, begins: date, rng: np.random.Generator
) -> pd.DataFrame:
    """As many events of a kind as the snapshot counts, on days before the fieldwork."""
    who = np.repeat(base["customer_id"].to_numpy(), base[column].to_numpy())
    ago = pd.to_timedelta(rng.integers(1, days + 1, len(who)), unit="D")
    return pd.DataFrame({"customer_id": who, "date": pd.Timestamp(begins) - ago, "kind": kind})
