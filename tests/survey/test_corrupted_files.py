"""Damaged files: never a crash without a SurveyError, never a word lost in silence, never more memory than a machine has.

Every word of a text must come back as often as it stands there: in the header, in a cell that is kept, or in a refused row.
"""

import io
import re
import subprocess
import sys
import textwrap
import warnings
import zipfile
from collections import Counter

import pytest
import xlsxwriter
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import csi
from csi.errors import CsiWarning, SurveyError
from csi.survey.readers.columns import columns_by_arrow, columns_with_care
from csi.survey.readers.encodings import decode
from csi.survey.readers.formats import read_raw
from csi.survey.readers.records import records_of

CASES = settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
FEW = settings(CASES, max_examples=250)
DELIMITERS = {",": "csv", ";": "csv", "\t": "tsv", "|": "txt"}
BOOK = csi.Codebook.from_dict({"scale": {"low": 1, "high": 10, "dont_know": [98]}, "items": [{"name": "q1"}]})

plain_cells = st.sampled_from(["7", "10", "98", "", " ", "3.5", "n.a.", "很好", "é", "x y"])
quoted_cells = st.sampled_from(['"a, b; c|d"', '"two\nlines"', '"say ""so"""', '""', '"九"', '"one\r\ntwo"', '"t\tt"'])


@st.composite
def tables(draw, cells=plain_cells):
    """Rows of written cells below a header; each row begins with a word of its own."""
    width, length = draw(st.integers(2, 7)), draw(st.integers(1, 9))
    header = ["id", *(f"q{number}" for number in range(1, width))]
    rows = [[f"k{number}", *draw(st.lists(cells, min_size=width - 1, max_size=width - 1))] for number in range(length)]
    return [header, *rows]


def written(rows, delimiter=",", line_end="\n"):
    return line_end.join(delimiter.join(row) for row in rows) + line_end


def cut(text, data):
    return text[: data.draw(st.integers(0, len(text)))]


def insert(text, data):
    place = data.draw(st.integers(0, len(text)))
    return (
        text[:place]
        + data.draw(st.sampled_from(['"', '""', ",", "\n", "\r", "\0", "\x01\x02", "\n\n", "﻿", " "]))
        + text[place:]
    )


def remove(text, data):
    place = data.draw(st.integers(0, max(len(text) - 1, 0)))
    return text[:place] + text[place + data.draw(st.integers(1, 5)) :]


def double(text, data):
    lines = text.split("\n")
    lines.insert(data.draw(st.integers(0, len(lines))), data.draw(st.sampled_from(lines)))
    return "\n".join(lines)


def reorder(text, data):
    return "\n".join(data.draw(st.permutations(text.split("\n"))))


def shuffle_columns(text, data):
    lines = [line.split(",") for line in text.split("\n")]
    order = data.draw(st.permutations(range(len(lines[0]))))
    return "\n".join(",".join(line[i] for i in order) if len(line) == len(order) else ",".join(line) for line in lines)


def quote_at_a_cell(text, data):
    """Where it does most harm: a quote that opens a cell, or seems to close one."""
    places = [match.start() for match in re.finditer(r"[,\n]", text)] or [0]
    place = data.draw(st.sampled_from(places)) + data.draw(st.integers(0, 1))
    return text[:place] + '"' + text[place:]


DAMAGES = (cut, insert, remove, double, reorder, shuffle_columns, quote_at_a_cell)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("damaged")


def read(path, **options):
    """The table, or None where the file is refused in words; anything else than a SurveyError is a failure."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CsiWarning)
        try:
            return read_raw(path, **options)
        except SurveyError as error:
            assert path.name in str(error)
            assert len(str(error)) > len(str(path)) + 20
            return None


def words(*texts):
    return Counter(word for text in texts for word in re.findall(r"\w+", text))


def words_of(raw):
    cells = (text for column in raw.columns.values() for text in column.cells())
    names = (name for name in raw.columns if not re.fullmatch(r"\(column \d+\)", name))
    return words(*cells, *names, *(row.text for row in raw.refused_rows))


class TestTexts:
    @CASES
    @given(tables(plain_cells), st.lists(st.sampled_from(DAMAGES), min_size=1, max_size=3), st.data())
    def test_damaged_texts_lose_no_word(self, place, rows, damages, data):
        self.check(place, written(rows), damages, data)

    @CASES
    @given(tables(plain_cells | quoted_cells), st.lists(st.sampled_from(DAMAGES), max_size=3), st.data())
    def test_damaged_texts_with_quotes_lose_no_word(self, place, rows, damages, data):
        self.check(place, written(rows), damages, data)

    def check(self, place, text, damages, data):
        for damage in damages:
            text = damage(text, data)
        path = place / "damaged.csv"
        path.write_bytes(text.encode("utf-8"))
        raw = read(path)
        if raw is not None:
            assert words_of(raw) == words(text)

    @FEW
    @given(tables(plain_cells), st.sampled_from([cut, remove, double, reorder]), st.data())
    def test_rows_in_are_rows_kept_and_rows_refused_under_their_own_numbers(self, place, rows, damage, data):
        text = damage(written(rows), data)
        path = place / "rows.csv"
        path.write_bytes(text.encode("utf-8"))
        raw = read(path)
        if raw is None:
            return
        lines = text.split("\n")
        filled = [number for number, line in enumerate(lines, 1) if line.strip(", \ufeff")]
        numbers = sorted([*raw.rows.tolist(), *(row.row for row in raw.refused_rows)])
        assert numbers == filled[1:]
        cells = list(zip(*(column.cells() for column in raw.columns.values()), strict=True))
        assert all(",".join(row) == lines[number - 1] for row, number in zip(cells, raw.rows, strict=True))

    @FEW
    @given(tables(plain_cells), st.integers(0, 8), st.integers(0, 6))
    def test_one_stray_quote_costs_one_row(self, place, rows, row, column):
        """The row in which it opens; the rows below it, which it swallowed, are read as if it were not there."""
        row, column = 1 + row % (len(rows) - 1), column % len(rows[0])
        damaged = [list(cells) for cells in rows]
        damaged[row][column] = '"' + damaged[row][column]
        path = place / "stray.csv"
        path.write_text(written(damaged), "utf-8")
        raw = read(path)
        if len(rows) == 2:
            assert raw is None
            return
        assert [refused.row for refused in raw.refused_rows] == [row + 1]
        assert "a quote that opens in this row" in raw.refused_rows[0].reason
        assert raw.rows.tolist() == [number for number in range(2, len(rows) + 1) if number != row + 1]

    @FEW
    @given(
        tables(plain_cells.filter(lambda cell: cell != "é") | quoted_cells),
        st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030"]),
        st.sampled_from(sorted(DELIMITERS)),
        st.sampled_from(["\n", "\r\n", "\r"]),
    )
    def test_every_way_to_write_a_table_gives_the_same_table(self, place, rows, encoding, delimiter, line_end):
        rows = [["总体", *rows[0][1:]], *rows[1:]]
        path, plain = place / f"a.{DELIMITERS[delimiter]}", place / "plain.csv"
        path.write_bytes(written(rows, delimiter, line_end).encode(encoding))
        plain.write_bytes(written(rows).encode("utf-8"))
        ours, theirs = read(path), read(plain)
        assert list(ours.columns) == list(theirs.columns)
        assert all(
            ours.columns[name].cells().tolist() == theirs.columns[name].cells().tolist() for name in ours.columns
        )
        assert ours.rows.tolist() == theirs.rows.tolist()
        assert not ours.refused_rows

    @CASES
    @given(
        tables(), st.sampled_from(["utf-8", "utf-16", "gb18030", "cp949", "big5", "latin-1", "mac-roman"]), st.data()
    )
    def test_bytes_that_are_damaged_or_of_another_encoding(self, place, rows, encoding, data):
        content = bytearray(written(rows).encode(encoding, "replace"))
        for _ in range(data.draw(st.integers(0, 4))):
            at = data.draw(st.integers(0, len(content)))
            content[at:at] = data.draw(st.binary(min_size=1, max_size=6))
        path = place / "bytes.csv"
        path.write_bytes(content)
        raw = read(path, encoding=data.draw(st.sampled_from([None, encoding, "utf-8"])))
        if raw is not None and "utf-8" in raw.form:
            assert words_of(raw) == words(decode(bytes(content), path, "utf-8")[0])

    @FEW
    @given(st.binary(max_size=300), st.sampled_from(["a.csv", "a.xlsx", "a.xls", "a.sav", "a.dta", "a.csv.gz", "a"]))
    @example(b"\x1f\x8b\x08\x00", "a.csv.gz")
    @example(b"PK\x03\x04", "a.xlsx")
    @example(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "a.xls")
    def test_any_bytes_under_any_name(self, place, content, name):
        path = place / name
        path.write_bytes(content)
        read(path)

    @FEW
    @given(tables(), st.sampled_from(DAMAGES), st.data())
    def test_a_survey_of_damaged_answers_counts_every_row(self, place, rows, damage, data):
        path = place / "survey.csv"
        path.write_bytes(damage(written(rows), data).encode("utf-8"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CsiWarning)
            try:
                survey = csi.read_survey(path, BOOK)
            except SurveyError:
                return
        raw = read(path)
        assert len(survey) + len(survey.refused_rows) == len(raw) + len(raw.refused_rows)
        assert set(survey.refused_rows["text"]) == {row.text for row in raw.refused_rows}


class TestTwoWaysToTheSameColumns:
    @CASES
    @given(tables(plain_cells | quoted_cells), st.lists(st.sampled_from(DAMAGES), max_size=2), st.data())
    def test_arrow_reads_what_the_careful_reader_reads(self, rows, damages, data):
        text = written(rows, line_end=data.draw(st.sampled_from(["\n", "\r\n"])))
        for damage in damages:
            text = damage(text, data)
        content = text.encode("utf-8")
        first = next(records_of(content, ","), None)
        if first is None or first.reason:
            return
        quick = columns_by_arrow(content, ",", first.number, len(first.cells))
        if quick is None:
            return
        careful = columns_with_care(records_of(content, ","), len(first.cells))
        assert [c.cells().tolist() for c in quick.columns] == [c.cells().tolist() for c in careful.columns]
        assert quick.rows.tolist() == careful.rows.tolist()
        assert quick.refused_rows == careful.refused_rows

    def test_a_sound_file_with_quotes_is_read_the_quick_way(self):
        content = b'id,q\r\n\r\na,"x, ""y""\r\nz"\r\nb,\r\n,\r\nc\r\n'
        quick = columns_by_arrow(content, ",", 1, 2)
        assert [column.cells().tolist() for column in quick.columns] == [["a", "b"], ['x, "y"\r\nz', ""]]
        assert quick.rows.tolist() == [3, 4]
        assert [(row.row, row.text) for row in quick.refused_rows] == [(6, "c")]


@pytest.fixture(scope="module")
def workbook():
    """A small workbook with formula cells, error cells and merged header cells."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content) as book:
        sheet = book.add_worksheet("answers")
        sheet.merge_range(0, 1, 0, 2, "network")
        sheet.write_row(1, 0, ["id", "q1", "q2"])
        for row in range(2, 12):
            sheet.write_row(row, 0, [f"k{row}", row % 10])
            sheet.write_formula(
                row, 2, "=NA()" if row == 5 else f"=B{row + 1}+1", None, "#N/A" if row == 5 else row % 10 + 1
            )
    return content.getvalue()


class TestWorkbooks:
    def test_formula_cells_give_their_value_and_error_cells_their_text(self, place, workbook):
        path = place / "sound.xlsx"
        path.write_bytes(workbook)
        raw = read(path)
        assert list(raw.columns) == ["id", "network / q1", "network / q2"]
        assert raw.columns["network / q2"].cells().tolist()[:4] == ["3", "4", "5", "#N/A"]
        assert raw.rows.tolist() == list(range(3, 13))

    @FEW
    @given(st.data())
    def test_a_truncated_or_overwritten_workbook(self, place, workbook, data):
        content = bytearray(
            workbook[: data.draw(st.integers(0, len(workbook)))] if data.draw(st.booleans()) else workbook
        )
        for _ in range(data.draw(st.integers(0, 5))):
            at = data.draw(st.integers(0, len(content)))
            content[at : at + 1] = data.draw(st.binary(max_size=3))
        path = place / "a.xlsx"
        path.write_bytes(content)
        read(path)

    @FEW
    @given(st.data())
    def test_a_workbook_whose_parts_are_damaged(self, place, workbook, data):
        """The archive is whole, so that the damage reaches the reader of its parts."""
        path = place / "b.xlsx"
        with zipfile.ZipFile(io.BytesIO(workbook)) as sound, zipfile.ZipFile(path, "w") as damaged:
            names = sound.namelist()
            hurt = data.draw(st.sampled_from([name for name in names if name.startswith("xl/")]))
            for name in names:
                content = sound.read(name)
                if name == hurt:
                    at = data.draw(st.integers(0, len(content)))
                    junk = data.draw(
                        st.sampled_from([b"", b"<", b">", b"&", b"\0", b'"', b"9999999999", b"XFD1048577", b"-1"])
                    )
                    content = content[:at] + junk + content[at + data.draw(st.integers(0, 30)) :]
                if name != hurt or data.draw(st.integers(0, 9)):
                    damaged.writestr(name, content)
        read(path)


HEAVY = {
    "one line of 200 MB": "path.write_bytes(b'7,8,' * 50_000_000)",
    "a line of 200 MB below a header": "path.write_bytes(b'q1,q2\\n' + b'7' * 200_000_000)",
    "a quote left open above a million rows": "path.write_bytes(b'q1,q2\\n1,\"2\\n' + b'7,8\\n' * 1_000_000)",
    "a zip bomb": """
        path = path.with_suffix('.xlsx')
        with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED, compresslevel=1) as book:
            book.writestr('xl/workbook.xml', '<workbook/>')
            with book.open('xl/worksheets/sheet1.xml', 'w', force_zip64=True) as sheet:
                for _ in range(1100):
                    sheet.write(bytes(1_000_000))
        """,
    "a gzip bomb": """
        path = path.with_suffix('.csv.gz')
        with gzip.open(path, 'wb', compresslevel=1) as text:
            text.write(b'q1,q2\\n')
            for _ in range(300):
                text.write(b'7,8\\n' * 250_000)
        """,
    "a cell far from the table": """
        path = path.with_suffix('.xlsx')
        with xlsxwriter.Workbook(path) as book:
            sheet = book.add_worksheet('answers')
            sheet.write_row(0, 0, ['q1', 'q2'])
            sheet.write_row(1, 0, [7, 8])
            sheet.write(1_048_575, 16_383, 'x')
        """,
}
SAID = {
    "one line of 200 MB": "row 1 is longer than 16 MB",
    "a line of 200 MB below a header": "row 2 is longer than 16 MB",
    "a quote left open above a million rows": "1,000,000 rows kept, row 2: a quote that opens in this row and is not closed",
    "a zip bomb": "unpacks to 1,100 MB, more than 1,024 MB",
    "a gzip bomb": "as no answers do",
    "a cell far from the table": "reaches to cell XFD1048576",
}


@pytest.mark.skipif(sys.platform == "win32", reason="memory is limited by the resource module of Unix")
@pytest.mark.parametrize("what", HEAVY)
def test_heavy_files_are_refused_in_bounded_memory(what, tmp_path):
    """In a process of its own that may have 2 GB, its libraries included."""
    code = f"""
import gzip, resource, xlsxwriter, zipfile
from pathlib import Path
from csi.errors import SurveyError
from csi.survey.readers.formats import read_raw
path = Path({str(tmp_path / "heavy.csv")!r})
{textwrap.dedent(HEAVY[what]).strip()}
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
try:
    raw = read_raw(path)
    print(f"{{len(raw):,}} rows kept, row {{raw.refused_rows[0].row}}: {{raw.refused_rows[0].reason}}")
except SurveyError as error:
    print(error)
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert SAID[what] in out.stdout, out.stderr[-2000:]
