"""SPSS files: what was typed, what the file says of it, and every declared kind of missing value."""

import struct
from typing import ClassVar

import numpy as np
import pandas as pd
import pyreadstat
import pytest

import csi
from csi.errors import SurveyError
from csi.survey.codebook import Codebook
from csi.survey.coding import GAP_KINDS, code_column
from csi.survey.readers.spss import read_spss


@pytest.fixture
def answers():
    return pd.DataFrame(
        {
            "q1": [1, 5, 98, 99, np.nan, 97],
            "q2": [3.5, -0.0, 0.1, 1e16, -5, -7.25],
            "word": ["yes", "Z", "", "中文", "ZZ", "no"],
        }
    )


@pytest.fixture
def saved(answers, tmp_path):
    """A function that saves the answers with what is told and reads them again."""

    def save(frame=answers, **told):
        pyreadstat.write_sav(frame, tmp_path / "a.sav", **told)
        return read_spss(tmp_path / "a.sav")

    return save


class TestTexts:
    def test_codes_become_what_a_person_would_type(self, saved):
        table = saved()
        assert table.columns["q1"].cells().tolist() == ["1", "5", "98", "99", "", "97"]
        assert table.columns["q2"].cells().tolist() == ["3.5", "0", "0.1", "10000000000000000", "-5", "-7.25"]
        assert table.columns["word"].cells().tolist() == ["yes", "Z", "", "中文", "ZZ", "no"]

    def test_rows_are_case_numbers(self, saved):
        assert saved().rows.tolist() == [1, 2, 3, 4, 5, 6]

    @pytest.mark.parametrize("told", [{}, {"row_compress": True}, {"compress": True}], ids=["sav", "rows", "zsav"])
    def test_every_compression_reads_alike(self, saved, told):
        assert saved(**told).columns["q1"].cells().tolist() == ["1", "5", "98", "99", "", "97"]

    def test_dates_and_times(self, saved):
        frame = pd.DataFrame(
            {
                "day": [pd.Timestamp("2026-09-30").date(), None],
                "moment": [pd.Timestamp("2026-09-30 08:05:00"), pd.Timestamp("1999-12-31 23:59:59.25")],
                "lasted": [45.5, 90061.0],
            }
        )
        table = saved(frame, variable_format={"lasted": "TIME11.2"})
        assert table.columns["day"].cells().tolist() == ["2026-09-30", ""]
        assert table.columns["moment"].cells().tolist() == ["2026-09-30 08:05:00", "1999-12-31 23:59:59.250000"]
        assert table.columns["lasted"].cells().tolist() == ["00:00:45.5", "25:01:01"]

    def test_a_number_that_is_no_date_under_a_date_format_is_left_as_it_is(self, saved):
        table = saved(pd.DataFrame({"day": [1e15, 86400.0]}), variable_format={"day": "DATE11"})
        assert table.columns["day"].cells().tolist() == ["1000000000000000", "1582-10-15"]


class TestMissingValues:
    LABELS: ClassVar = {"q1": {97: "不适用", 98: "Don't know", 99: "拒答", 1: "bad"}}

    def test_each_kind_is_named_by_its_label(self, saved):
        table = saved(missing_ranges={"q1": [97, 98, 99]}, variable_value_labels=self.LABELS)
        assert table.questions["q1"].gaps == {"97": "not_applicable", "98": "dont_know", "99": "refused"}
        assert table.questions["q1"].labels["1"] == "bad"

    def test_without_a_label_the_answer_was_skipped(self, saved):
        assert saved(missing_ranges={"q1": [98]}).questions["q1"].gaps == {"98": "skipped"}

    def test_a_range_takes_what_occurs_or_is_labelled_within_it(self, saved):
        labels = {"q2": {-9.0: "refused", -7.25: "不知道"}}
        table = saved(missing_ranges={"q2": [{"lo": -10, "hi": -1}, 3.5]}, variable_value_labels=labels)
        assert table.questions["q2"].gaps == {"-5": "skipped", "-7.25": "dont_know", "-9": "refused", "3.5": "skipped"}

    @pytest.mark.parametrize(
        ("low", "high", "expected"), [(-np.inf, 0.05, {"0", "-5", "-7.25"}), (1, np.inf, {"3.5", "10000000000000000"})]
    )
    def test_ranges_may_be_open(self, saved, low, high, expected):
        assert set(saved(missing_ranges={"q2": [{"lo": low, "hi": high}]}).questions["q2"].gaps) == expected

    def test_words_may_be_missing_values_too(self, saved):
        table = saved(missing_ranges={"word": ["Z", "ZZ"]}, variable_value_labels={"word": {"ZZ": "refused"}})
        assert table.questions["word"].gaps == {"Z": "skipped", "ZZ": "refused"}

    def test_what_is_labelled_but_not_declared_is_no_gap(self, saved):
        assert saved(variable_value_labels=self.LABELS).questions["q1"].gaps == {}

    def test_kinds_survive_coding(self, saved):
        table = saved(missing_ranges={"q1": [97, 98, 99]}, variable_value_labels=self.LABELS)
        item = Codebook.from_dict({"items": [{"name": "q1", "scale": {"low": 1, "high": 10}}]}).item("q1")
        values, kinds, _ = code_column(table.columns["q1"], item, item.scale, declared=table.questions["q1"].gaps)
        assert values[:2].tolist() == [1, 5]
        assert kinds.tolist() == [0, 0, 3, 2, 1, 4]  # answered twice, don't know, refused, skipped, not applicable


def test_a_survey_is_read_with_its_kinds_of_gaps(tmp_path):
    frame = pd.DataFrame({"q1": [1.0, 10.0, 98.0, 99.0, np.nan]})
    labels = {"q1": {98.0: "不知道", 99.0: "拒答"}}
    pyreadstat.write_sav(frame, tmp_path / "a.sav", variable_value_labels=labels, missing_ranges={"q1": [98, 99]})
    survey = csi.read_survey(
        tmp_path / "a.sav", Codebook.from_dict({"items": [{"name": "q1", "scale": {"low": 1, "high": 10}}]})
    )
    assert survey.answers["q1"].dropna().tolist() == [1, 10]
    assert [GAP_KINDS[kind] for kind in survey.gaps["q1"]] == [
        "answered",
        "answered",
        "dont_know",
        "refused",
        "skipped",
    ]


def test_wordings_are_kept(saved):
    assert saved(column_labels={"q1": "您的总体满意度？"}).questions["q1"].wording == "您的总体满意度？"


class TestResponseSets:
    def test_columns_of_a_set_share_its_label(self, tmp_path):
        path = tmp_path / "a.sav"
        frame = pd.DataFrame(
            {"channel_phone": [1.0, 0.0], "channel_shop": [0.0, 1.0], "first": [1.0, 2.0], "then": [2.0, 1.0]}
        )
        labels = {"channel_phone": "Phone", "channel_shop": "Shop"}
        pyreadstat.write_sav(frame, path, column_labels=labels, variable_value_labels={"first": {1.0: "Price"}})
        short = short_names(path)
        counted = f"$used=D1 1 13 Channels used {short['channel_phone']} {short['channel_shop']}\n"
        insert_record(path, 7, counted + f"$order=C 0  {short['first']} {short['then']}\n")
        questions = read_spss(path).questions
        assert {name: question.block for name, question in questions.items()} == {
            "channel_phone": "Channels used",
            "channel_shop": "Channels used",
            "first": "order",
            "then": "order",
        }
        assert questions["channel_shop"].labels == {"1": "Shop"}
        assert questions["first"].labels == {"1": "Price"}


class TestEncodings:
    @pytest.mark.parametrize(
        ("declared", "code_page", "bytes_of", "expected"),
        [
            (b"GBK", 936, "gbk", "GBK"),
            (None, 936, "gbk", "CP936"),
            (None, 2, "gbk", "gb18030"),
            (None, 2, "utf-8", "utf-8"),
            (b"UTF-8", 65001, "gbk", "gb18030"),
        ],
    )
    def test_chinese_is_read_however_it_is_declared(self, tmp_path, declared, code_page, bytes_of, expected):
        path = encoded(tmp_path / "a.sav", "非常满意", bytes_of, declared, code_page)
        table = read_spss(path)
        assert table.questions["q1"].labels == {"1": "非常满意"}
        assert table.form == f"SPSS, {expected}"

    def test_western_letters_are_not_taken_for_chinese(self, tmp_path):
        table = read_spss(encoded(tmp_path / "a.sav", "Größe très", "cp1252", None, 2))
        assert table.questions["q1"].labels == {"1": "Größe très"}

    def test_an_encoding_that_is_told_is_used(self, tmp_path):
        path = encoded(tmp_path / "a.sav", "非常滿意", "big5", None, 2)
        assert read_spss(path, "big5").questions["q1"].labels == {"1": "非常滿意"}

    def test_a_wrong_or_unknown_encoding_is_refused(self, tmp_path):
        path = encoded(tmp_path / "a.sav", "非常满意", "gbk", None, 2)
        with pytest.raises(SurveyError, match=r"not in utf-8.*Say which encoding"):
            read_spss(path, "utf-8")
        with pytest.raises(SurveyError, match="no encoding called 'nonsense'"):
            read_spss(path, "nonsense")


class TestDamage:
    @pytest.mark.parametrize("told", [{}, {"row_compress": True}, {"compress": True}], ids=["sav", "rows", "zsav"])
    def test_a_file_cut_short_anywhere_is_refused(self, answers, tmp_path, told):
        path = tmp_path / "a.sav"
        pyreadstat.write_sav(pd.concat([answers] * 20, ignore_index=True), path, **told)
        whole = path.read_bytes()
        for length in np.linspace(1, len(whole) - 1, 25).astype(int):
            path.write_bytes(whole[:length])
            with pytest.raises(SurveyError, match=r"not a whole SPSS file.*Get it again"):
                read_spss(path)

    def test_variables_that_contradict_themselves_are_refused_before_readstat_sees_them(self, answers, tmp_path):
        """The second change makes pyreadstat 1.3.7 end the process; the first does so in files of more columns."""
        path = tmp_path / "a.sav"
        pyreadstat.write_sav(answers, path, variable_value_labels={"q1": {1: "bad"}}, missing_ranges={"q1": [98]})
        whole = path.read_bytes()
        tied = next(start for start, _, kind, _ in records(whole) if kind == 4)
        for place in (180, tied + 8):  # the first variable's width; the variable that the labels belong to
            path.write_bytes(whole[:place] + struct.pack("<i", 168) + whole[place + 4 :])
            with pytest.raises(SurveyError, match="contradicts itself"):
                read_spss(path)

    def test_texts_longer_than_one_record_are_consistent(self, saved):
        frame = pd.DataFrame({"q1": [1.0], "said": ["x" * 700], "short": ["y" * 20], "q2": [2.0]})
        table = saved(frame, variable_value_labels={"q2": {2.0: "two"}, "q1": {1.0: "one"}})
        assert table.columns["said"].cells().tolist() == ["x" * 700]
        assert table.questions["q2"].labels == {"2": "two"}

    @pytest.mark.parametrize("content", [b"q1,q2\n1,2\n", b"\0" * 500, b"<html>"], ids=["csv", "zeros", "html"])
    def test_another_kind_of_file_is_refused(self, tmp_path, content):
        path = tmp_path / "a.sav"
        path.write_bytes(content)
        with pytest.raises(SurveyError, match="another kind of file"):
            read_spss(path)

    def test_a_file_without_cases_is_refused(self, saved, answers):
        with pytest.raises(SurveyError, match="no answers below"):
            saved(answers.iloc[:0])


class TestRealFiles:
    """Against a decoder of the format written from its description, which shares no code with ReadStat."""

    @pytest.mark.parametrize(
        ("name", "cases", "columns"), [("sample_missing", 7, 7), ("simple_alltypes", 6, 12), ("labelled-num-na", 2, 1)]
    )
    def test_every_number_and_declared_missing_value(self, shared, name, cases, columns):
        path = shared / "data" / "spss_stata_small" / f"{name}.sav"
        table, (cells, missing) = read_spss(path), decoded(path)
        assert (len(table), len(table.columns)) == (cases, columns)
        for texts, numbers, (lows, highs) in zip(table.columns.values(), cells, missing, strict=True):
            read = texts.cells().tolist()
            if numbers is None or any("-" in text[1:] or ":" in text for text in read):
                continue
            assert [float(text) if text else None for text in read] == numbers
            within = {n for n in numbers if n is not None for lo, hi in zip(lows, highs, strict=True) if lo <= n <= hi}
            column = next(c for c, t in table.columns.items() if t is texts)
            gaps = {float(text) for text in (table.questions[column].gaps if column in table.questions else {})}
            assert within <= gaps
            assert gaps - within <= set(lows)

    def test_known_cells(self, shared):
        table = read_spss(shared / "data" / "spss_stata_small" / "sample_missing.sav")
        # 13,744,944,000 seconds after the beginning of the Gregorian calendar, by integer days.
        assert table.columns["mydate"].cells()[0] == str(np.datetime64("1582-10-14") + 13744944000 // 86400)
        assert table.columns["mytime"].cells()[0] == "10:10:10"
        assert table.questions["mylabl"].gaps == {"-1": "skipped"}
        assert table.questions["mynum"].gaps == {"2500": "skipped", "-1": "skipped"}

    def test_response_sets(self, shared):
        questions = read_spss(shared / "data" / "spss_stata_small" / "simple_alltypes.sav").questions
        assert [questions[f"bool{i}"].block for i in (1, 2, 3)] == ["My multiple response set"] * 3
        assert questions["bool2"].labels == {"1": "Response #2"}
        assert questions["z"].gaps == {"-9": "skipped", "999": "skipped"}


def records(data):
    """Position of each record of an SPSS dictionary, its type and subtype, as the format is described by PSPP's manual."""
    at = 176
    while True:
        kind, first = struct.unpack_from("<2i", data, at)
        start, sub = at, first if kind == 7 else None
        if kind == 2:
            _, _, has_label, missing = struct.unpack_from("<4i", data, at)
            at += 32
            at += 4 + -(-struct.unpack_from("<i", data, at)[0] // 4) * 4 if has_label else 0
            at += 8 * abs(missing)
        elif kind == 3:
            at += 8
            for _ in range(first):
                at += 8 + -(-(data[at + 8] + 1) // 8) * 8
        elif kind == 4:
            at += 8 + 4 * first
        elif kind == 6:
            at += 8 + 80 * first
        elif kind == 7:
            size, count = struct.unpack_from("<2i", data, at + 8)
            at += 16 + size * count
        else:
            at += 8
        yield start, at, kind, sub
        if kind == 999:
            return


def insert_record(path, subtype, text):
    """Add an extension record, which pyreadstat cannot write."""
    data = path.read_bytes()
    end = next(start for start, _, kind, _ in records(data) if kind == 999)
    path.write_bytes(data[:end] + struct.pack("<4i", 7, subtype, 1, len(text)) + text.encode() + data[end:])


def short_names(path):
    """Long name -> the name of eight letters by which other records call the variable, in lower case."""
    data = path.read_bytes()
    start, stop = next((start, stop) for start, stop, _, sub in records(data) if sub == 13)
    pairs = (pair.split("=") for pair in data[start + 16 : stop].decode().split("\t"))
    return {long: short.lower() for short, long in pairs}


def encoded(path, label, encoding, declared, code_page):
    """A file whose label is written in an encoding, and which says of itself what it is told to."""
    written = label.encode(encoding)
    pyreadstat.write_sav(
        pd.DataFrame({"q1": [1.0, 2.0]}), path, variable_value_labels={"q1": {1.0: "x" * len(written)}}
    )
    data = path.read_bytes()
    new = data[:176]
    for start, stop, _, sub in records(data):
        record = data[start:stop]
        if sub == 20:
            record = struct.pack("<4i", 7, 20, 1, len(declared)) + declared if declared else b""
        elif sub == 3:
            record = record[:-4] + struct.pack("<i", code_page)
        new += record.replace(b"x" * len(written), written)
        end = stop
    path.write_bytes(new + data[end:])
    return path


def decoded(path):
    """Numbers of each variable (None for texts) and the ends of its missing ranges; bytecode compression, little-endian."""
    data = path.read_bytes()
    compressed, bias = struct.unpack_from("<i", data, 72)[0], struct.unpack_from("<d", data, 84)[0]
    widths, missing = [], []
    for start, stop, kind, _ in records(data):
        end = stop
        if kind != 2:
            continue
        _, width, _, count = struct.unpack_from("<4i", data, start)
        values = struct.unpack_from(f"<{abs(count)}d", data, stop - 8 * abs(count))
        ranges = ([values[0], *values[2:]], [values[1], *values[2:]]) if count < 0 else (values, values)
        widths.append(width)
        missing.append(ranges if width == 0 else ((), ()))
    values = list(unpacked(data[end:], bias) if compressed else struct.iter_unpack("<d", data[end:]))
    grid = [values[i : i + len(widths)] for i in range(0, len(values) - len(widths) + 1, len(widths))]
    numbers = [[row[place] for row in grid] if width == 0 else None for place, width in enumerate(widths)]
    kept = [place for place, width in enumerate(widths) if width >= 0]
    return [numbers[place] for place in kept], [missing[place] for place in kept]


def unpacked(data, bias):
    """Bytecodes: below 252 a number, 252 the end, 253 eight bytes that follow, 254 spaces, 255 system-missing."""
    at = 0
    while at < len(data):
        codes, at = data[at : at + 8], at + 8
        for code in codes:
            if code == 0:
                continue
            if code == 252:
                return
            if code == 253:
                yield struct.unpack_from("<d", data, at)[0]
                at += 8
            else:
                yield None if code > 253 else code - bias
