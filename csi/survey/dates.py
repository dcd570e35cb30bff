"""Dates of a column, all read in one way: a date that can be read in two is never guessed."""

import pandas as pd

_PLAIN = (
    "ISO8601",
    "%Y/%m/%d",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%Y年%m月%d日",
    "%Y.%m.%d",
    "%d.%m.%Y",
    "%Y%m%d",
)
_ENDINGS = ("", " %H:%M", " %H:%M:%S")


def read_dates(texts: "pd.Series[str]") -> "pd.Series[pd.Timestamp]":
    """Timestamps (NaT for empty texts) by the one format that fits every text.

    >>> read_dates(pd.Series(["13/9/2026", "1/9/2026"])).dt.month.tolist()
    [9, 9]

    Raises
    ------
    ValueError
        No format fits all, or day and month could be either; the second argument is the position of the text at fault.
    """
    filled = texts.where(texts != "")
    for form in _PLAIN:
        dates = pd.to_datetime(filled, errors="coerce", format=form)
        if dates.notna().sum() == filled.notna().sum():
            return dates
    best = dates = pd.to_datetime(filled, errors="coerce", format="ISO8601")
    for ending in _ENDINGS:
        day_first = pd.to_datetime(filled, errors="coerce", format="%d/%m/%Y" + ending)
        month_first = pd.to_datetime(filled, errors="coerce", format="%m/%d/%Y" + ending)
        fits = [d for d in (day_first, month_first) if d.notna().sum() == filled.notna().sum()]
        if len(fits) == 2 and not day_first.equals(month_first):
            place = int((day_first != month_first).to_numpy().argmax())
            raise ValueError(f"{texts.iloc[place]!r} may be read day first or month first", place)
        if fits:
            return fits[0]
        best = max(best, day_first, month_first, key=lambda d: int(d.notna().sum()))
    place = int((best.isna() & filled.notna()).to_numpy().argmax())
    raise ValueError(f"{texts.iloc[place]!r} is not a date written like the others", place)
