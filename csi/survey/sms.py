"""A month of service texts: which reply answers which text, and what became of every visit.

How replies find their text
    key      customer keys and phone numbers are compared by digits, whatever stands between them and with or without the
             country code; they are shown as the log of sent texts has them
    time     a reply belongs to the last text sent to its key before it, if that is not longer ago than the window
    visit    texts of one visit number, or, where the log has none, texts to one key about one outlet within the resend hours
             after the first of them, are one visit: it counts once, however often it was asked
    reply    of several replies the last readable one within the window counts; all are kept, with what became of them
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from csi.display import Result, tidy
from csi.errors import CsiWarning, SurveyError
from csi.survey.sms_reply import parse_replies
from csi.survey.sms_rows import LogRows
from csi.survey.sms_words import CLASSES, NO_REPLY, UNREADABLE

COUNTS, SUPERSEDED, LATE, NO_TEXT = "counts", "superseded", "late", "no sent text"


@dataclass(frozen=True, slots=True)
class SmsColumns:
    """Names of the columns in the logs of sent texts (`visit` is a visit number, if there is one) and of replies."""

    key: str = "key"
    outlet: str = "outlet"
    sent_at: str = "sent_at"
    reply_key: str = "key"
    replied_at: str = "replied_at"
    text: str = "text"
    visit: str | None = None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SmsLog(Result):
    """Visits that were asked about, and what was answered. Printing shows no customer.

    Attributes
    ----------
    visits
        One row a visit: key, match (the key as it is compared), outlet, sent_at (first text), texts (sent), reply_class,
        attitude (any reply complains of staff), replied_at, reply, comment, rule, replies (within the window).
    replies
        One row a reply: row (in its file), key, match, replied_at, text, reply_class, attitude, rule, comment, opt_out (wants no
        more texts), visit (position in `visits`, or missing), use ("counts", "superseded", "late", "no sent text").
    refused_rows
        Rows that could not be used: log ("sent" or "replies"), row, text, reason.
    window_hours
        How long after a text a reply may come.
    """

    visits: pd.DataFrame
    replies: pd.DataFrame
    refused_rows: pd.DataFrame
    window_hours: float

    @property
    def texts(self) -> int:
        """Texts sent."""
        return int(self.visits["texts"].sum())

    @property
    def opted_out(self) -> frozenset[str]:
        """Customers who asked for no more texts, by `match`."""
        return frozenset(self.replies.loc[self.replies["opt_out"], "match"])

    def headline(self) -> list[str]:
        """Counts of texts, visits and replies, and of what could not be used."""
        visits, use = self.visits, self.replies["use"].value_counts()
        replied = int((visits["reply_class"] != NO_REPLY).sum())
        return [
            f"SmsLog: {self.texts:,} texts about {len(visits):,} visits to {visits['outlet'].nunique():,} outlets, "
            f"{visits['sent_at'].min():%Y-%m-%d} to {visits['sent_at'].max():%Y-%m-%d}; {replied:,} answered "
            f"({replied / len(visits):.1%})",
            f"{len(self.replies):,} replies: {use.get(COUNTS, 0):,} count, {use.get(SUPERSEDED, 0):,} superseded, "
            f"{use.get(LATE, 0):,} later than {self.window_hours:g} h, {use.get(NO_TEXT, 0):,} without a sent text; "
            f"{len(self.refused_rows):,} rows refused; {len(self.opted_out):,} customers want no more texts",
        ]

    def table(self) -> pd.DataFrame:
        """Visits by class of reply: term is the class, estimate its share of all visits (0-1), n the count."""
        counts = self.visits["reply_class"].value_counts()
        attitude = self.visits.groupby("reply_class")["attitude"].sum()
        rows = [
            {"term": c, "estimate": counts.get(c, 0) / len(self.visits), "n": int(counts.get(c, 0)),
             "staff_complaints": int(attitude.get(c, 0))}
            for c in CLASSES
        ]  # fmt: skip
        return tidy(rows, ["staff_complaints"])


def read_sms_log(  # noqa: PLR0913 - the rules of a log, each by name
    sent: pd.DataFrame | str | Path,
    replies: pd.DataFrame | str | Path,
    columns: SmsColumns | None = None,
    *,
    codes: Mapping[str, str] | None = None,
    words: Mapping[str, str] | None = None,
    window_hours: float = 72.0,
    resend_hours: float = 24.0,
    country_code: str = "86",
) -> SmsLog:
    """Link replies to the texts they answer, and read them.

    Parameters
    ----------
    sent, replies
        Frames, or files of any kind that `read_survey` reads.
    columns
        What the columns are called; see `SmsColumns` for the usual names.
    codes, words
        As in `parse_replies`.
    window_hours
        A reply later than this after the text is kept and counted, but rates nothing.
    resend_hours
        Without visit numbers: a text to the same key about the same outlet within these hours asks about the same visit.
    country_code
        Digits that may stand before an eleven-digit mobile number.

    Returns
    -------
    SmsLog
        Every sent text is in a visit or in `refused_rows`, and so is every reply in `replies`.

    Raises
    ------
    SurveyError
        A column is missing, times cannot be read, or nothing usable is left.

    Notes
    -----
    Times are taken as local time. With a time zone in one log both must have one; replies are then told in that of the texts.

    Examples
    --------
    >>> sent = pd.DataFrame({"key": ["138 0000 0001"], "outlet": ["North"], "sent_at": ["2026-09-01 10:00"]})
    >>> replies = pd.DataFrame({"key": ["+8613800000001"], "replied_at": ["2026-09-01 10:20"], "text": ["１，谢谢"]})
    >>> read_sms_log(sent, replies).visits[["outlet", "reply_class", "replies"]]
      outlet reply_class  replies
    0  North   very_good        1
    """
    c = columns or SmsColumns()
    if window_hours <= 0 or resend_hours < 0:
        raise SurveyError(
            f"window_hours = {window_hours:g} must be positive, resend_hours = {resend_hours:g} not negative."
        )
    out = LogRows(sent, "sent", {c.key, c.outlet, c.sent_at, *([c.visit] if c.visit else [])})
    back = LogRows(replies, "replies", {c.reply_key, c.replied_at, c.text})
    asked = _asked(out, c, country_code)
    said = back.rows(c.reply_key, c.replied_at, country_code)
    said["text"] = back.frame[c.text].to_numpy(dtype=object)[said["place"]]
    said = said.join(parse_replies(said["text"], codes=codes, words=words).drop(columns="text"))
    asked["time"], said["time"] = _one_clock(asked["time"], said["time"], f"{out.name} and {back.name}")
    asked["visit"] = _visits_of(asked, resend_hours)
    linked = _linked(asked, said, window_hours)
    refused = pd.DataFrame([*out.refused, *back.refused], columns=["log", "row", "text", "reason"])
    _warn_of(refused)
    return SmsLog(_visits(asked, linked), linked, refused, float(window_hours))


def _asked(out: LogRows, c: SmsColumns, country_code: str) -> pd.DataFrame:
    """The usable rows of the sent log in the order of time."""
    asked = out.rows(c.key, c.sent_at, country_code)
    asked["outlet"] = out.texts(c.outlet)[asked["place"]]
    asked["number"] = out.texts(c.visit)[asked["place"]] if c.visit else ""
    asked = out.without(asked, asked["outlet"] == "", f"no outlet in column {c.outlet!r}")
    if asked.empty:
        raise SurveyError(f"{out.name}: no text has a key, an outlet and a time. {out.why()}")
    return asked.sort_values("time", kind="stable", ignore_index=True)


def _one_clock(
    sent: "pd.Series[pd.Timestamp]", replied: "pd.Series[pd.Timestamp]", names: str
) -> "tuple[pd.Series[pd.Timestamp], pd.Series[pd.Timestamp]]":
    """Both times on the clock of the sent texts."""
    zones = sent.dt.tz, replied.dt.tz
    if len(replied) and (zones[0] is None) != (zones[1] is None):
        raise SurveyError(f"{names}: one has times with a time zone and the other without. Write both alike.")
    if zones[1] is not None:
        replied = replied.dt.tz_convert(zones[0])
    return tuple(times.dt.tz_localize(None).astype("datetime64[us]") for times in (sent, replied))  # type: ignore[return-value]


def _visits_of(asked: pd.DataFrame, resend_hours: float) -> list[int]:
    """The visit that each text asks about; visits are numbered by their first text."""
    again = pd.Timedelta(hours=resend_hours)
    known: dict[tuple[str, str, bool], tuple[int, pd.Timestamp]] = {}
    visits: list[int] = []
    count = 0
    for match, outlet, number, time in zip(
        asked["match"], asked["outlet"], asked["number"], asked["time"], strict=True
    ):
        name = (match, number or outlet, bool(number))
        if name not in known or (not number and time - known[name][1] > again):
            known[name] = (count, time)
            count += 1
        visits.append(known[name][0])
    return visits


def _linked(asked: pd.DataFrame, said: pd.DataFrame, window_hours: float) -> pd.DataFrame:
    """The replies with the visit that each is about, and its use."""
    said = said.sort_values("time", kind="stable", ignore_index=True)
    texts = asked[["match", "time", "visit"]].assign(texted=asked["time"])
    linked = (
        pd.merge_asof(said, texts, on="time", by="match") if len(said) else said.assign(visit=None, texted=said["time"])
    )
    late = linked["time"] - linked["texted"] > pd.Timedelta(hours=window_hours)
    within = linked["visit"].notna() & ~late
    readable = linked["reply_class"] != UNREADABLE
    ranked = linked.assign(readable=readable)[within].sort_values("readable", kind="stable")
    linked["use"] = np.select([linked["visit"].isna(), late], [NO_TEXT, LATE], SUPERSEDED).astype(object)
    linked.loc[ranked.drop_duplicates("visit", keep="last").index, "use"] = COUNTS
    linked["visit"] = linked["visit"].astype("Int64")
    kept = [
        "row",
        "key",
        "match",
        "time",
        "text",
        "reply_class",
        "attitude",
        "rule",
        "comment",
        "opt_out",
        "visit",
        "use",
    ]
    return linked[kept].rename(columns={"time": "replied_at"})


def _visits(asked: pd.DataFrame, linked: pd.DataFrame) -> pd.DataFrame:
    by_visit = asked.groupby("visit")
    visits = by_visit[["key", "match", "outlet"]].first().assign(sent_at=by_visit["time"].min(), texts=by_visit.size())
    counted = linked[linked["use"] == COUNTS].set_index("visit")
    within = linked[linked["use"].isin([COUNTS, SUPERSEDED])].groupby("visit")
    visits["reply_class"] = counted["reply_class"].reindex(visits.index).fillna(NO_REPLY)
    visits["attitude"] = visits.index.isin(
        linked.loc[linked["attitude"] & linked["use"].isin([COUNTS, SUPERSEDED]), "visit"]
    )
    for column, source in {"replied_at": "replied_at", "reply": "text", "comment": "comment", "rule": "rule"}.items():
        visits[column] = counted[source].reindex(visits.index)
    visits["replies"] = within.size().reindex(visits.index).fillna(0).astype(int)
    return visits.reset_index(drop=True)


def _warn_of(refused: pd.DataFrame) -> None:
    if len(refused):
        first = refused.iloc[0]
        warnings.warn(
            f"{len(refused):,} rows refused; the first is row {first['row']} of the {first['log']} log: {first['reason']}. "
            "All are in .refused_rows.",
            CsiWarning,
            stacklevel=3,
        )
