"""How long an answer took: seconds from numbers, clock times and texts such as "2分17秒"."""

import re
import unicodedata
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from pandas.api import types

_AMOUNT = r"(\d+(?:\.\d+)?)\s*"
_UNITS = (
    (86_400, r"天|days?|d"),
    (3_600, r"小时|时|hours?|hrs?|h"),
    (60, r"分钟|分|minutes?|mins?|m"),
    (1, r"秒钟|秒|seconds?|secs?|s"),
)
_SPOKEN = re.compile(r"[\s,]*".join(rf"(?:{_AMOUNT}(?:{words})\.?)?" for _, words in _UNITS))
_CLOCK = re.compile(r"(?:(\d+) days?,? )?(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:\.\d+)?)")
_PLAIN = re.compile(r"\d+(?:\.\d+)?")


def read_durations(values: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(n,) seconds, NaN where nothing is known, and (n,) where something stands that is no time above 0.

    Numbers are seconds. Two numbers with a colon are minutes and seconds, three are hours, minutes and seconds.

    >>> read_durations(["137秒", "2分17秒", "00:02:17", "2 min 17 s", "137", "", "soon"])[0].tolist()
    [137.0, 137.0, 137.0, 137.0, 137.0, nan, nan]
    """
    column: pd.Series[Any] = pd.Series(values)
    if types.is_timedelta64_dtype(column.dtype):
        seconds, stands = pd.TimedeltaIndex(column).total_seconds().to_numpy(float), column.notna().to_numpy()
    elif types.is_numeric_dtype(column.dtype):
        seconds, stands = column.to_numpy(float, na_value=np.nan), column.notna().to_numpy()
    else:
        texts = column.astype(object).where(column.notna(), "").map(_narrow)
        seconds, stands = texts.map(_seconds_of).to_numpy(float), (texts != "").to_numpy()
    known: NDArray[np.float64] = np.where(np.isfinite(seconds) & (seconds > 0), seconds, np.nan)
    return known, stands & np.isnan(known)


def _narrow(value: object) -> str:
    return unicodedata.normalize("NFKC", str(value)).strip().lower()


def _seconds_of(text: str) -> float:
    if _PLAIN.fullmatch(text):
        return float(text)
    if clock := _CLOCK.fullmatch(text):
        days, hours, minutes, seconds = (float(part or 0) for part in clock.groups())
        return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    if text and (spoken := _SPOKEN.fullmatch(text)):
        parts = zip(spoken.groups(), _UNITS, strict=True)
        return sum(float(amount or 0) * size for amount, (size, _) in parts)
    return np.nan
