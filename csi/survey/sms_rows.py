"""The rows of a log of texts or replies that can be used; the others are kept with the reason."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from csi.errors import SurveyError, known_names
from csi.survey.dates import read_dates
from csi.survey.readers.formats import read_raw
from csi.survey.sms_reply import plain

_MOST_BAD_TIMES = 10  # more are no slips of single rows


class LogRows:
    """One of the two logs: its columns as texts, and the rows that it refused."""

    def __init__(self, source: pd.DataFrame | str | Path, role: str, wanted: set[str]) -> None:
        self.role, self.refused = role, list[tuple[str, int, str, str]]()
        if isinstance(source, pd.DataFrame):
            self.name, self.frame = f"the log of {role}", source.reset_index(drop=True)
            self.numbers = np.arange(2, len(source) + 2)
        else:
            raw = read_raw(Path(source))
            self.name, self.numbers = str(raw.path), raw.rows
            self.frame = pd.DataFrame({name: texts.cells() for name, texts in raw.columns.items()})
            self.refused += [(role, r.row, r.text, r.reason) for r in raw.refused_rows]
        absent = sorted(wanted - set(map(str, self.frame.columns)))
        if absent:
            known = known_names(absent[0], map(str, self.frame.columns), "Its columns are")
            raise SurveyError(
                f"{self.name}: there is no column {absent[0]!r}; say what it is called in SmsColumns. {known}"
            )

    def texts(self, column: str) -> Any:  # noqa: ANN401 - an array of texts
        """A column as a person would type it: 1.0 is 1, a gap is empty."""
        cells = self.frame[column]
        whole = [f"{v:.0f}" if isinstance(v, float) and v.is_integer() else v for v in cells]
        return np.array(["" if pd.isna(v) else str(v).strip() for v in whole], dtype=object)

    def rows(self, key: str, time: str, country_code: str) -> pd.DataFrame:
        """The usable rows: place, row, key, match (the key as it is compared), time."""
        keys = self.texts(key)
        frame = pd.DataFrame(
            {"place": np.arange(len(keys)), "row": self.numbers, "key": keys, "time": self._times(time)}
        )
        known = {text: _comparable(text, country_code) for text in dict.fromkeys(keys)}
        frame["match"] = [known[text] for text in keys]
        frame = self.without(frame, frame["key"] == "", f"no key in column {key!r}")
        rounded = frame["match"] == ""
        frame = self.without(frame, rounded, f"the key in column {key!r} was rounded by a spreadsheet")
        return self.without(frame, frame["time"].isna(), f"no readable time in column {time!r}")

    def without(self, frame: pd.DataFrame, wrong: "pd.Series[bool]", reason: str) -> pd.DataFrame:
        """The rows that are not wrong; the others are kept with the reason."""
        for place in frame.loc[wrong, "place"]:
            text = " | ".join(str(cell) for cell in self.frame.iloc[place])
            self.refused.append((self.role, int(self.numbers[place]), text[:500], reason))
        return frame[~wrong].reset_index(drop=True)

    def _times(self, column: str) -> "pd.Series[Any]":
        cells = self.frame[column]
        if pd.api.types.is_datetime64_any_dtype(cells.dtype):
            return cells
        texts = pd.Series(self.texts(column), dtype=object)
        for _ in range(_MOST_BAD_TIMES + 1):
            try:
                return read_dates(texts)
            except ValueError as error:
                place = int(str(error.args[1])) if len(error.args) > 1 else 0
                reason, row = error.args[0], self.numbers[place]
                if "may be read" in str(reason):
                    break
                texts.iloc[place] = ""
        raise SurveyError(f"{self.name}: row {row}, column {column!r}: {reason}. Write times as 2026-09-30 14:05.")

    def why(self) -> str:
        """The reason of the first refused row."""
        return f"Row {self.refused[0][1]} has {self.refused[0][3]}." if self.refused else "The log is empty."


def _comparable(key: str, country_code: str) -> str:
    """A key as it is compared; '' where a spreadsheet rounded it.

    >>> _comparable("+86 138-0000-0001", "86"), _comparable("C-17", "86"), _comparable("1.38E+10", "86")
    ('13800000001', 'c-17', '')
    """
    flat = plain(key)
    if re.fullmatch(r"\d(\.\d+)?e\+?\d+", flat):
        return ""
    digits = "".join(c for c in flat if c.isdigit())
    if len(digits) < 7 or set(flat) - set("0123456789+-(). "):
        return flat
    for prefix in (f"00{country_code}", country_code):
        if digits.startswith(prefix) and len(digits) == len(prefix) + 11:
            return digits.removeprefix(prefix)
    return digits
