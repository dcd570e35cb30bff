"""Stata files of every version: codes, labels, and the extended missing values .a to .z."""

import numpy as np
import pandas as pd
import pyreadstat
import pytest
from pandas.io.stata import StataMissingValue

from csi.errors import SurveyError
from csi.survey.readers.stata import read_stata

VERSIONS = (8, 10, 12, 13, 14, 15)


@pytest.fixture
def answers():
    return pd.DataFrame(
        {
            "q1": [1, 5, "a", "b", np.nan, 3],
            "q2": [1.1, 2, 3, np.nan, 5.25, -6],
            "word": ["a", "no", "", " x ", "b", "z"],
        }
    )


@pytest.fixture
def saved(answers, tmp_path):
    """A function that saves the answers with what is told and reads them again."""

    def save(frame=answers, **told):
        told = {"missing_user_values": {"q1": ["a", "b"]}, **told}
        pyreadstat.write_dta(frame, tmp_path / "a.dta", **told)
        return read_stata(tmp_path / "a.dta")

    return save


class TestTexts:
    @pytest.mark.parametrize("version", VERSIONS)
    def test_codes_become_what_a_person_would_type(self, saved, version):
        table = saved(version=version)
        assert table.columns["q1"].cells().tolist() == ["1", "5", ".a", ".b", "", "3"]
        assert table.columns["q2"].cells().tolist() == ["1.1", "2", "3", "", "5.25", "-6"]
        assert table.columns["word"].cells().tolist() == ["a", "no", "", " x ", "b", "z"]

    def test_rows_are_observation_numbers(self, saved):
        assert saved().rows.tolist() == [1, 2, 3, 4, 5, 6]

    def test_single_precision_shows_no_more_digits_than_it_has(self, tmp_path):
        pd.DataFrame({"x": np.float32([1.1, 0.1, 7, 2.5e-3])}).to_stata(tmp_path / "a.dta", write_index=False)
        assert read_stata(tmp_path / "a.dta").columns["x"].cells().tolist() == ["1.1", "0.1", "7", "0.0025"]

    @pytest.mark.parametrize(
        ("form", "days"),
        [
            ("td", ["2026-09-30", "1959-12-31"]),
            ("tc", ["2026-09-30 08:05:09", "1959-12-31 23:00:00"]),
            ("tm", ["2026-09-01", "1959-12-01"]),
            ("tq", ["2026-07-01", "1959-10-01"]),
            ("th", ["2026-07-01", "1959-07-01"]),
        ],
    )
    def test_dates_as_pandas_writes_them(self, tmp_path, form, days):
        frame = pd.DataFrame({"day": pd.to_datetime(days)})
        frame.to_stata(tmp_path / "a.dta", convert_dates={"day": form}, write_index=False)
        assert read_stata(tmp_path / "a.dta").columns["day"].cells().tolist() == days

    def test_weeks_begin_on_the_first_of_january(self, tmp_path):
        frame = pd.DataFrame({"week": pd.to_datetime(["2026-01-03", "2026-12-30", "2026-01-08"])})
        frame.to_stata(tmp_path / "a.dta", convert_dates={"week": "tw"}, write_index=False)
        assert read_stata(tmp_path / "a.dta").columns["week"].cells().tolist() == [
            "2026-01-01",
            "2026-12-24",
            "2026-01-08",
        ]


class TestMissingValues:
    @pytest.mark.parametrize("version", VERSIONS)
    def test_each_letter_is_a_gap_of_the_kind_its_label_names(self, saved, version):
        table = saved(version=version, variable_value_labels={"q1": {1: "bad", "a": "Refused"}})
        assert table.questions["q1"].gaps == {".a": "refused", ".b": "skipped"}
        assert table.questions["q1"].labels == {"1": "bad", ".a": "Refused"}

    def test_labels_may_be_chinese(self, saved):
        table = saved(variable_value_labels={"q1": {"a": "拒答", "b": "不清楚"}}, column_labels={"q1": "满意度"})
        assert table.questions["q1"].gaps == {".a": "refused", ".b": "dont_know"}
        assert table.questions["q1"].wording == "满意度"

    def test_a_column_of_nothing_else(self, saved):
        table = saved(pd.DataFrame({"q1": ["a", "a"]}))
        assert table.columns["q1"].cells().tolist() == [".a", ".a"]

    def test_letters_in_a_column_of_words_are_words(self, saved):
        table = saved()
        assert "word" not in table.questions

    def test_whole_numbers_beside_missing_values_of_both_kinds(self, saved):
        """In a frame, ReadStat's system-missing cell of such a column is an arbitrary number."""
        column = pd.Series([1, "a", np.nan, 2, np.nan], dtype=object)
        assert saved(pd.DataFrame({"q1": column})).columns["q1"].cells().tolist() == ["1", ".a", "", "2", ""]


class TestEncodings:
    """Before version 14 a file says nothing of its encoding."""

    @pytest.mark.parametrize("version", [114, 117])
    @pytest.mark.parametrize("encoding", ["gbk", "utf-8"])
    def test_chinese_of_old_versions(self, tmp_path, version, encoding):
        table = read_stata(old_file(tmp_path / "a.dta", ["非常满意", "一般"], encoding, version))
        assert table.columns["word"].cells().tolist() == ["非常满意", "一般"]

    def test_a_character_cut_by_the_width_of_its_column_costs_only_itself(self, tmp_path):
        path = old_file(tmp_path / "a.dta", ["非常满意", "一般", "满意x"], "gbk", 114)
        path.write_bytes(path.read_bytes().replace("满意x".encode("gbk"), "满意".encode("gbk") + b"\xd2"))
        assert read_stata(path).columns["word"].cells().tolist() == ["非常满意", "一般", "满意"]

    @pytest.mark.parametrize("version", [114, 117])
    def test_western_letters_of_old_versions(self, tmp_path, version):
        table = read_stata(old_file(tmp_path / "a.dta", ["Größe", "très bien"], "cp1252", version))
        assert table.columns["word"].cells().tolist() == ["Größe", "très bien"]
        assert table.form == "Stata, WINDOWS-1252"

    def test_western_letters_of_new_versions(self, saved):
        table = saved(pd.DataFrame({"word": ["Größe", "«öß»"]}), missing_user_values=None)
        assert table.columns["word"].cells().tolist() == ["Größe", "«öß»"]
        assert table.form == "Stata, UTF-8"

    def test_korean_is_asked_for_and_read_when_told(self, tmp_path):
        words = ["매우 만족합니다", "보통입니다", "서비스가 불편했어요", "가격이 비싸다"]
        path = old_file(tmp_path / "a.dta", words, "cp949", 114)
        with pytest.raises(SurveyError, match="'cp949'"):
            read_stata(path)
        assert read_stata(path, "cp949").columns["word"].cells().tolist() == words


class TestDamage:
    @pytest.mark.parametrize("version", VERSIONS)
    def test_a_file_cut_short_anywhere_is_refused(self, answers, tmp_path, version):
        path = tmp_path / "a.dta"
        pyreadstat.write_dta(answers, path, version=version, missing_user_values={"q1": ["a", "b"]})
        whole = path.read_bytes()
        for length in np.linspace(1, len(whole) * 0.8, 20).astype(int):
            path.write_bytes(whole[:length])
            with pytest.raises(SurveyError, match=r"not a whole Stata file.*Get it again"):
                read_stata(path)

    @pytest.mark.parametrize("content", [b"q1,q2\n1,2\n", b"\0" * 500, b"<html>"], ids=["csv", "zeros", "html"])
    def test_another_kind_of_file_is_refused(self, tmp_path, content):
        path = tmp_path / "a.dta"
        path.write_bytes(content)
        with pytest.raises(SurveyError, match="another kind of file"):
            read_stata(path)


class TestRealFiles:
    """Against pandas, whose reader shares no code with ReadStat."""

    @pytest.mark.parametrize(
        ("name", "shape"), [("missing_test", (1, 9)), ("tagged-na-int", (8, 1)), ("types", (2, 8))]
    )
    def test_every_cell(self, shared, name, shape):
        path = shared / "data" / "spss_stata_small" / f"{name}.dta"
        table = read_stata(path)
        frame = pd.read_stata(path, convert_missing=True, convert_categoricals=False)
        assert (len(table), len(table.columns)) == frame.shape == shape
        for column, texts in table.columns.items():
            for text, cell in zip(texts.cells(), frame[column], strict=True):
                read, known = (pd.Timestamp(text), cell) if isinstance(cell, pd.Timestamp) else (text, as_typed(cell))
                assert read == known, column

    def test_missing_values_and_their_labels(self, shared):
        folder = shared / "data" / "spss_stata_small"
        assert read_stata(folder / "tagged-na-int.dta").questions["x"].gaps == dict.fromkeys(
            (".a", ".h", ".z"), "skipped"
        )
        assert read_stata(folder / "tagged-na-int.dta").questions["x"].labels == {".a": "apple", ".z": ".zebra"}
        table = read_stata(folder / "missing_test.dta")
        gaps = {text for question in table.questions.values() for text in question.gaps}
        assert gaps == {".a", ".b", ".c", ".x", ".y", ".z"}
        assert table.columns["var7"].cells().tolist() == [""]


def as_typed(cell):
    if isinstance(cell, StataMissingValue):
        return "" if str(cell) == "." else str(cell)
    if isinstance(cell, (float, np.floating)):
        return f"{cell:g}"
    return str(cell)


def old_file(path, words, encoding, version):
    """A file before version 14 whose texts are written in an encoding; pandas writes latin-1 alone, byte for byte."""
    raw = [word.encode(encoding).decode("latin-1") for word in words]
    pd.DataFrame({"word": raw}).to_stata(path, version=version, write_index=False)
    return path
