"""Whom to call back: customers who answered that a visit was poor, or complained about the manner of staff."""

from dataclasses import dataclass

import pandas as pd

from csi.display import Result
from csi.survey.sms import SmsLog
from csi.survey.sms_words import POOR, STAFF_COMPLAINT


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CallBackList(Result):
    """Dissatisfied customers, the newest reply first. Printing shows neither keys nor texts; `table()` and `csi.export` do.

    `customers` has one row a customer, of the newest dissatisfied visit: key (as the log of sent texts has it), outlet,
    visited_at (the first text about the visit), replied_at, reply_class, attitude (complained about staff), reply, occasions
    (dissatisfied visits of this customer). `opted_out` counts dissatisfied customers left out, because they asked not to be
    contacted.
    """

    customers: pd.DataFrame
    opted_out: int

    def headline(self) -> list[str]:
        """Counts."""
        c = self.customers
        return [
            f"CallBackList: {len(c):,} customers of {c['outlet'].nunique():,} outlets; {int(c['attitude'].sum()):,} complained "
            f"about staff, {int((c['occasions'] > 1).sum()):,} were dissatisfied more than once; {self.opted_out:,} more want no "
            "contact"
        ]

    def table(self) -> pd.DataFrame:
        """A copy of `customers`."""
        return self.customers.copy()

    def shown(self) -> pd.DataFrame:
        """The list without what identifies a customer."""
        return self.customers.drop(columns=["key", "reply"])


def call_back_list(log: SmsLog) -> CallBackList:
    """The customers to call back, without those who replied that they want no more texts.

    Whether others may be disturbed is not known here.

    >>> from csi.survey.sms import read_sms_log
    >>> sent = pd.DataFrame({"key": ["A1", "A2"], "outlet": "North", "sent_at": "2026-09-01 10:00"})
    >>> replies = pd.DataFrame({"key": ["A1", "A2"], "replied_at": "2026-09-01 10:20", "text": ["1", "4 等了两小时"]})
    >>> call_back_list(read_sms_log(sent, replies)).customers[["key", "reply_class", "reply"]]
      key reply_class    reply
    0  A2        poor  4 等了两小时
    """
    visits = log.visits
    upset = visits[visits["reply_class"].isin([POOR, STAFF_COMPLAINT]) | visits["attitude"]]
    upset = upset.sort_values("replied_at", ascending=False, kind="stable")
    one = upset.drop_duplicates("match").assign(occasions=lambda each: each["match"].map(upset["match"].value_counts()))
    quiet = one["match"].isin(log.opted_out)
    columns = ["key", "outlet", "sent_at", "replied_at", "reply_class", "attitude", "reply", "occasions"]
    called = one.loc[~quiet, columns].rename(columns={"sent_at": "visited_at"}).reset_index(drop=True)
    return CallBackList(called, int(quiet.sum()))
