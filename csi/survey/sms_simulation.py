"""A simulated month of service texts whose truth is known, to try the league table of outlets and to test it.

Nothing here is shared with the parser or the estimators: how people write and how outlets differ is told below.
    outlet   true share of satisfied visitors (logit-normal), volume (log-normal: a few large, many small), reply rate (10-30 %)
    visit    one text; some are sent twice, on a day of the month between nine and six
    reply    a rating or none, in the words of `WRITTEN`; some write again, some too late, some were never asked
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csi.errors import SurveyError

WRITTEN: Mapping[str, tuple[str, ...]] = {
    "very_good": ("1", "1", "1", "１", "1。", "很好", "非常好！", "1，很好", "very good", "很满意，谢谢"),
    "good": ("2", "2", "２", "好", "不错", "2 good", "服务好", "good"),
    "average": ("3", "3", "一般", "3，等太久", "一般般", "average"),
    "poor": ("4", "4", "差", "不好", "4，等了两个小时", "太差了", "not good"),
    "never_visited": ("没去过", "我没去过营业厅", "never visited"),
    "not_me": ("非本人办理", "不是我办的", "not me"),
    "staff_complaint": ("服务员态度太差", "营业员爱理不理", "staff was rude"),
    "unreadable": ("谢谢", "1或2", "你好", "6", "??"),
}
_ODD = {"never_visited": 0.01, "not_me": 0.01, "staff_complaint": 0.01, "unreadable": 0.03}  # shares of replies
_TWICE, _AGAIN, _LATE, _STRAY = (
    0.02,
    0.03,
    0.01,
    0.005,
)  # of visits sent twice; of replies written again, too late, unasked


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedMonth:
    """Logs as `read_sms_log` takes them, and the truth.

    `sent`: key, outlet, sent_at. `replies`: key, replied_at, text. `truth` (one row an outlet): outlet, satisfied (percent of its
    visitors), reply_rate, visits. `meant`: the class that every reply to a text was meant as, in the order of `replies`.
    """

    sent: pd.DataFrame
    replies: pd.DataFrame
    truth: pd.DataFrame
    meant: pd.DataFrame


def simulate_sms_month(
    seed: int = 2026, *, outlets: int = 30, visits: int = 40_000, month: str = "2026-09"
) -> SimulatedMonth:
    """Simulate a month; the same arguments give the same month.

    Raises
    ------
    SurveyError
        Fewer than one outlet, or fewer visits than outlets.

    Examples
    --------
    >>> month = simulate_sms_month(1, outlets=3, visits=300)
    >>> len(month.truth), int(month.truth["visits"].sum())
    (3, 300)
    """
    if outlets < 1 or visits < outlets:
        raise SurveyError(
            f"{outlets} outlets and {visits} visits: at least one outlet, and a visit to each, are needed."
        )
    rng = np.random.default_rng(seed)
    truth = _outlets(rng, outlets, visits)
    outlet = rng.permutation(np.repeat(np.arange(outlets), truth["visits"]))
    begins = pd.Timestamp(month)
    day = rng.integers(0, begins.days_in_month, visits)
    sent_at = begins + pd.to_timedelta(day * 86_400 + rng.integers(9 * 3600, 18 * 3600, visits), unit="s")
    key = np.array([f"139{i:08d}" for i in rng.choice(10**8, visits, replace=False)], dtype=object)
    sent = pd.DataFrame({"key": key, "outlet": truth["outlet"].to_numpy()[outlet], "sent_at": sent_at})
    twice = sent[rng.random(visits) < _TWICE]
    answered = np.flatnonzero(rng.random(visits) < truth["reply_rate"].to_numpy()[outlet])
    meant = _meant(rng, truth["satisfied"].to_numpy()[outlet[answered]] / 100)
    text = [
        WRITTEN[each][i % len(WRITTEN[each])] for each, i in zip(meant, rng.integers(0, 120, len(meant)), strict=True)
    ]
    replied_at = sent_at[answered] + _delays(rng, len(answered))
    replies = pd.DataFrame({"key": key[answered], "replied_at": replied_at, "text": text, "meant": meant})
    again = replies[rng.random(len(replies)) < _AGAIN].assign(text="谢谢", meant="unreadable")
    again["replied_at"] += pd.Timedelta(minutes=3)
    stray = replies[rng.random(len(replies)) < _STRAY].assign(key=lambda each: "137" + each["key"].str[3:])
    sent = pd.concat([sent, twice.assign(sent_at=twice["sent_at"] + pd.Timedelta(minutes=1))])
    replies = pd.concat([replies, again, stray]).sort_values("replied_at", kind="stable", ignore_index=True)
    sent = sent.sort_values("sent_at", kind="stable", ignore_index=True)
    return SimulatedMonth(sent, replies.drop(columns="meant"), truth, replies[["meant"]])


def _outlets(rng: np.random.Generator, outlets: int, visits: int) -> pd.DataFrame:
    size = rng.lognormal(0, 1.2, outlets)
    volume = 1 + rng.multinomial(visits - outlets, size / size.sum())
    satisfied = 100 / (1 + np.exp(-rng.normal(1.6, 0.3, outlets)))
    names = [f"Outlet {i:02d}" for i in range(1, outlets + 1)]
    return pd.DataFrame(
        {"outlet": names, "satisfied": satisfied, "reply_rate": rng.uniform(0.1, 0.3, outlets), "visits": volume}
    )


def _meant(rng: np.random.Generator, satisfied: NDArray[np.float64]) -> list[str]:
    """What is meant by replies of visitors who are satisfied with these probabilities."""
    happy = rng.random(len(satisfied)) < satisfied
    strong = rng.random(len(satisfied)) < np.where(happy, 0.45, 0.35)
    rating = np.where(happy, np.where(strong, "very_good", "good"), np.where(strong, "poor", "average"))
    odd = rng.choice([*_ODD, ""], len(satisfied), p=[*_ODD.values(), 1 - sum(_ODD.values())])
    return [str(o or r) for o, r in zip(odd, rating, strict=True)]


def _delays(rng: np.random.Generator, count: int) -> pd.TimedeltaIndex:
    """Minutes mostly; a few come after four days."""
    minutes = np.minimum(5 + rng.exponential(90, count), 3000)
    return pd.to_timedelta(np.where(rng.random(count) < _LATE, 4 * 1440 + minutes, minutes).round(2), unit="min")
