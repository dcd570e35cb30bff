"""Every outlet by itself, day by day or month by month: who was asked, who replied, and what."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csi.display import Result, tidy
from csi.errors import SurveyError
from csi.kernel.shrinkage import wilson_interval
from csi.survey.sms import SmsLog
from csi.survey.sms_words import CLASSES, NO_REPLY, POOR, RATINGS, STAFF_COMPLAINT


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class OutletShares(Result):
    """Every outlet by itself, in every day or month: counts, and shares with Wilson intervals.

    `counts` has one row an outlet and period: outlet, period, texts, visits, replied, ratings, satisfied, one column a class of
    replies, staff_complaints (beside a rating or alone).
    """

    counts: pd.DataFrame
    per: str
    level: float

    def headline(self) -> list[str]:
        """Sizes."""
        c = self.counts
        return [
            f"OutletShares: {c['outlet'].nunique()} outlets by {self.per}; {int(c['visits'].sum()):,} visits, "
            f"{int(c['replied'].sum()):,} answered, {int(c['ratings'].sum()):,} ratings"
        ]

    def table(self) -> pd.DataFrame:
        """Tidy: term (outlet), period, quantity, estimate (share, 0-1), interval, n (of how many), count.

        The quantities are reply_rate (of visits), every class of replies (of replied) and satisfied (of ratings).
        """
        c = self.counts
        answers = [name for name in CLASSES if name != NO_REPLY]
        asked = [("reply_rate", "replied", "visits"), *((name, name, "replied") for name in answers)]
        parts = []
        for quantity, count, of in [*asked, ("satisfied", "satisfied", "ratings")]:
            x, n = c[count].to_numpy(float), c[of].to_numpy(float)
            low, high = wilson_interval(x, n, self.level)
            share = np.divide(x, n, out=np.full(len(x), np.nan), where=n > 0)
            parts.append(
                pd.DataFrame(
                    {"term": c["outlet"], "estimate": share, "ci_low": low, "ci_high": high, "n": n.astype(int),
                     "period": c["period"], "quantity": quantity, "count": x.astype(int)}
                )
            )  # fmt: skip
        whole = tidy([], ["period", "quantity", "count"])
        table = pd.concat(parts, ignore_index=True).reindex(columns=whole.columns)
        table.attrs = {"level": self.level, "interval": "wilson"}
        return table.sort_values(["term", "period"], kind="stable", ignore_index=True)


def outlet_shares(
    log: SmsLog, *, per: str = "month", complaint_as: str | None = POOR, level: float = 0.95
) -> OutletShares:
    """Counts and shares of every outlet per "day", per "month" or over "all", without borrowing from other outlets.

    Raises
    ------
    SurveyError
        An unknown period.
    """
    forms = {"day": "%Y-%m-%d", "month": "%Y-%m", "all": None}
    if per not in forms:
        raise SurveyError(f"per must be one of {', '.join(map(repr, forms))}, not {per!r}.")
    form = forms[per]
    periods = log.visits["sent_at"].dt.strftime(form) if form else "all"
    counts = counts_by(log.visits.assign(period=periods), ["outlet", "period"])
    ratings = ratings_of(counts, complaint_as)
    counts["ratings"], counts["satisfied"] = ratings.sum(axis=1), ratings[:, :2].sum(axis=1)
    first = ["outlet", "period", "texts", "visits", "replied", "ratings", "satisfied"]
    return OutletShares(counts[[*first, *CLASSES, "staff_complaints"]], per, level)


def counts_by(visits: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Visits by class of reply, texts and complaints, of every group."""
    classes = pd.Categorical(visits["reply_class"], categories=CLASSES)
    each = pd.DataFrame(pd.get_dummies(classes).to_numpy(int), index=visits.index, columns=list(CLASSES))
    each = each.assign(texts=visits["texts"], visits=1, staff_complaints=visits["attitude"].astype(int))
    counts = each.groupby([visits[column] for column in by]).sum().reset_index()
    return counts.assign(replied=counts["visits"] - counts[NO_REPLY])


def ratings_of(counts: pd.DataFrame, complaint_as: str | None) -> NDArray[np.intp]:
    """(J, 4) ratings of every outlet, complaints that stand alone among them."""
    if complaint_as is not None and complaint_as not in RATINGS:
        raise SurveyError(f"complaint_as must be None or one of {', '.join(RATINGS)}, not {complaint_as!r}.")
    ratings = counts[list(RATINGS)].to_numpy(copy=True)
    if complaint_as is not None:
        ratings[:, RATINGS.index(complaint_as)] += counts[STAFF_COMPLAINT].to_numpy()
    return ratings
