"""How results print and show: a dozen lines, numbers under one another, gaps empty, what passes only counted."""

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

import csi
from csi.display import Result


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Shown(Result):
    rows: pd.DataFrame

    def headline(self):
        return ["A <headline>"]

    def table(self):
        return self.rows


FRAME = pd.DataFrame(
    {
        "term": ["Image", "满意度", "b & c"],
        "estimate": [7.7, -0.0001, np.nan],
        "std_error": [0.09, 1.25, 2.0],
        "p_value": [0.0004, 0.0316, np.nan],
        "n": [1250, 1250, 1250],
        "n_effective": [1250.0, 999.6, 1.0],
        "empty": [np.nan] * 3,
    }
)


def cells(html):
    return [re.findall(r"<t[dh] style=\"(.*?)\">(.*?)</t[dh]>", row) for row in re.findall(r"<tr>.*?</tr>", html)]


class TestPrint:
    def test_every_column_has_its_decimals(self):
        lines = str(Shown(FRAME)).splitlines()
        assert [re.split(r"  +", line) for line in lines[1:]] == [
            ["term", "estimate", "std_error", "p_value", "n", "n_effective"],
            ["Image", "7.700", "0.090", "< .001", "1,250", "1,250"],
            ["满意度", "0.000", "1.250", ".032", "1,250", "1,000"],
            ["b & c", "2.000", "1,250", "1"],
        ]

    def test_numbers_stand_under_one_another(self):
        _, head, *rows = str(Shown(FRAME)).splitlines()
        end = head.index("std_error") + len("std_error")
        assert [row[:end][-5:] for row in rows if row.isascii()] == ["0.090", "2.000"]

    def test_takes_a_dozen_lines_and_says_how_many_more_there_are(self):
        for size in (9, 10, 11, 500):
            lines = str(Shown(pd.DataFrame({"x": range(size)}))).splitlines()
            assert len(lines) <= 12
            more = re.fullmatch(r"\.\.\. (\d+) more rows in \.table\(\)", lines[-1])
            assert len(lines) - 2 - bool(more) + (int(more[1]) if more else 0) == size

    def test_points_have_one_decimal(self):
        frame = FRAME.copy()
        frame.attrs = {"digits": 1}
        assert "7.7 " in str(Shown(frame))
        assert "7.70" not in str(Shown(frame))


class TestNotebook:
    def test_shows_what_is_printed(self):
        head, *rows = cells(Shown(FRAME)._repr_html_())
        assert [text for _, text in head] == ["term", "estimate", "std_error", "p_value", "n", "n_effective"]
        assert [text for _, text in rows[0]] == ["Image", "7.700", "0.090", "&lt; .001", "1,250", "1,250"]
        assert [text for _, text in rows[2]] == ["b &amp; c", "", "2.000", "", "1,250", "1"]
        assert ["right" in style for style, _ in rows[0]] == [False, True, True, True, True, True]
        assert "A &lt;headline&gt;" in Shown(FRAME)._repr_html_()

    def test_findings_that_pass_are_counted(self):
        frame = pd.DataFrame({"term": list("abc"), "verdict": ["fail", "pass", "pass"]})
        page = Shown(frame)._repr_html_()
        assert len(cells(page)) == 2
        assert "2 pass" in page
        assert str(Shown(frame)).splitlines() == ["A <headline>", "term  verdict", "a     fail"]
        assert "<table" not in Shown(frame[1:])._repr_html_()

    def test_a_long_table_is_cut_with_a_word(self):
        page = Shown(pd.DataFrame({"x": range(100)}))._repr_html_()
        assert len(cells(page)) == 61
        assert "40 more rows" in page

    def test_a_survey_shows_the_gaps_that_it_has(self):
        book = csi.Codebook.from_dict(
            {"scale": {"low": 1, "high": 5, "dont_know": [8]}, "items": [{"name": "q"}, {"name": "r"}]}
        )
        survey = csi.survey_from_frame(pd.DataFrame({"q": [1, 8, 3], "r": [1, 2, 3]}), book)
        assert "dont_know" in survey.shown()
        assert "refused" not in survey.shown()
        assert "refused" in survey.table()
