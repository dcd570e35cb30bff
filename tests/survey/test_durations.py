"""Durations: seconds from the ways in which survey tools write them."""

import numpy as np
import pandas as pd
import pytest

from csi.survey.durations import read_durations


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("137", 137), ("137.5", 137.5), ("137秒", 137), ("2分17秒", 137), ("2分钟17秒", 137), ("1小时2分3秒", 3723),
        ("１３７秒", 137), ("1小时", 3600), ("1天", 86400), ("00:02:17", 137), ("2:17", 137), ("1:02:03.5", 3723.5),
        ("0 days 00:02:17", 137), ("2 min 17 s", 137), ("2m17s", 137), ("2 minutes, 17 seconds", 137), ("1h", 3600),
        (" 137 sec. ", 137),
    ],
)  # fmt: skip
def test_a_time(text, seconds):
    values, wrong = read_durations([text])
    assert values.tolist() == [seconds]
    assert not wrong.any()


@pytest.mark.parametrize("text", ["soon", "-5", "0", "0秒", "12:34:56:78", "5%", "1/2", "inf"])
def test_no_time(text):
    values, wrong = read_durations([text, "1"])
    assert np.isnan(values[0])
    assert wrong.tolist() == [True, False]


@pytest.mark.parametrize("empty", ["", "  ", None, np.nan])
def test_nothing_is_unknown_and_not_wrong(empty):
    values, wrong = read_durations(["9秒", empty])
    assert values[0] == 9
    assert np.isnan(values[1])
    assert not wrong.any()


def test_numbers_and_timedeltas():
    assert read_durations(np.array([3, 4]))[0].tolist() == [3, 4]
    assert read_durations(pd.Series(pd.to_timedelta(["2min", None])))[0].tolist()[:1] == [120]
    assert read_durations(pd.Series([1, None], dtype="Int64"))[1].tolist() == [False, False]
