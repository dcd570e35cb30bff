"""Workbooks: the sheet that is meant, header rows held together by merged cells, cells as a person would type them."""

import warnings
import zipfile
from datetime import date, datetime, timedelta

import pytest
import xlsxwriter

from csi.errors import CsiWarning, SurveyError
from csi.survey.readers import packed
from csi.survey.readers.excel import read_excel
from csi.survey.readers.formats import read_grid, read_raw

ANSWERS = [["id", "q1", "q2"], ["a", 7, 8], ["b", 9, 10], ["c", 98, 1]]


@pytest.fixture
def workbook(tmp_path):
    """Writes sheets of rows; merged areas of the first sheet are (first row, first column, last row, last column, text)."""

    def write(sheets, merged=(), hidden=()):
        path = tmp_path / "a.xlsx"
        with xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd"}) as book:
            for name, rows in sheets.items():
                sheet = book.add_worksheet(name)
                for number, row in enumerate(rows):
                    sheet.write_row(number, 0, row)
                for area in merged if name == next(iter(sheets)) else ():
                    sheet.merge_range(*area)
                if name in hidden:
                    sheet.hide()
        return path

    return write


def cells(raw):
    return {name: column.cells().tolist() for name, column in raw.columns.items()}


class TestSheet:
    def test_covers_and_notes_are_passed_over(self, workbook):
        raw = read_raw(workbook({"cover": [["Survey 2026"]], "notes": [["by", "us"]], "data": ANSWERS * 4}))
        assert raw.form == "Excel, sheet data"

    def test_several_tables_are_named(self, workbook):
        path = workbook({"2025": ANSWERS, "2026": ANSWERS})
        with pytest.warns(CsiWarning, match="'2025', is read; '2026' hold tables too.*sheet='2025'"):
            assert read_excel(path).form == "Excel, sheet 2025"
        assert read_excel(path, "2026").form == "Excel, sheet 2026"

    def test_a_hidden_sheet_is_read_only_if_named_or_alone(self, workbook):
        path = workbook({"data": ANSWERS, "old": ANSWERS * 3}, hidden=("old",))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert len(read_excel(path)) == 3
        assert len(read_excel(path, "old")) == 11

    def test_without_a_table_says_so(self, workbook):
        with pytest.raises(SurveyError, match=r"no sheet holds a header row and at least one answer \(cover\)"):
            read_excel(workbook({"cover": [["Survey 2026"]]}))

    def test_of_a_text_is_refused(self, tmp_path):
        path = tmp_path / "a.csv"
        path.write_text("q,r\n5,6\n", "utf-8")
        with pytest.raises(SurveyError, match="a text has no sheets"):
            read_raw(path, sheet="data")


class TestHeader:
    def test_merged_cells_join_the_rows_of_a_header(self, workbook):
        rows = [[], ["", "q1", "q2", "q1"], ["a", 7, 8, 9], ["b", 9, 10, 7]]
        raw = read_excel(workbook({"data": rows}, [(0, 0, 1, 0, "id"), (0, 1, 0, 2, "network")]))
        assert list(raw.columns) == ["id", "network / q1", "network / q2", "q1"]
        assert raw.rows.tolist() == [3, 4]
        assert raw.form == "Excel, sheet data, 2 header rows"

    def test_a_title_merged_over_the_table_is_no_header(self, workbook):
        raw = read_excel(workbook({"data": [[], [], *ANSWERS]}, [(0, 0, 0, 2, "Survey 2026")]))
        assert list(raw.columns) == ["id", "q1", "q2"]
        assert raw.rows.tolist() == [4, 5, 6]

    def test_answers_below_a_merged_cell_are_answers(self, workbook):
        raw = read_raw(workbook({"data": [["id"], ["a", 7, 8], ["b", 9, 10]]}, [(0, 1, 0, 2, "network")]))
        assert raw.rows.tolist() == [2, 3]
        assert list(raw.columns)[:2] == ["id", "network"]

    def test_empty_columns_and_rows_are_left_out(self, workbook):
        raw = read_excel(workbook({"data": [["", "id", "", "q"], [], ["", "a", "", 5]]}))
        assert cells(raw) == {"id": ["a"], "q": ["5"]}
        assert raw.rows.tolist() == [3]


class TestCells:
    def test_are_as_a_person_would_type_them(self, workbook):
        row = [7, 7.5, 0.1 + 0.2, 1234567890123, date(2026, 9, 30), datetime(2026, 9, 30, 8, 5), True, "很好"]
        raw = read_excel(workbook({"data": [[f"q{number}" for number in range(len(row))], row]}))
        assert [column.cells()[0] for column in raw.columns.values()] == [
            "7", "7.5", "0.3", "1234567890123", "2026-09-30", "2026-09-30 08:05:00", "1", "很好",
        ]  # fmt: skip

    def test_formulas_give_their_value_and_faults_stay_what_they_are(self, tmp_path):
        path = tmp_path / "a.xlsx"
        with xlsxwriter.Workbook(path) as book:
            sheet = book.add_worksheet("data")
            sheet.write_row(0, 0, ["q", "r"])
            sheet.write_formula(1, 0, "=3+4", None, 7)
            sheet.write_formula(1, 1, "=1/0", None, "#DIV/0!")
            sheet.write_datetime(2, 0, timedelta(hours=30), book.add_format({"num_format": "[h]:mm:ss"}))
        assert cells(read_excel(path)) == {"q": ["7", "30:00:00"], "r": ["#DIV/0!", ""]}

    def test_a_grid_has_them_too(self, workbook):
        grid = read_grid(workbook({"data": [[], *ANSWERS]}))
        assert grid.records[1] == ["a", "7", "8"]
        assert grid.numbers == [2, 3, 4, 5]


class TestRefused:
    def test_a_workbook_that_unpacks_to_too_much(self, workbook, monkeypatch):
        monkeypatch.setattr(packed, "MOST_BYTES_UNPACKED", 1000)
        with pytest.raises(SurveyError, match=r"unpacks to .* MB, more than .* Save the sheet of answers as .csv"):
            read_excel(workbook({"data": ANSWERS}))

    def test_a_directory_that_tells_other_sizes_than_its_parts_have(self, workbook, tmp_path):
        path = workbook({"data": ANSWERS})
        content = bytearray(path.read_bytes())
        entry = content.rfind(b"xl/sharedStrings.xml") - 46
        content[entry + 24 : entry + 28] = (10).to_bytes(4, "little")
        path.write_bytes(content)
        with pytest.raises(SurveyError, match="not a readable Excel workbook"):
            read_excel(path)

    def test_a_protected_one(self, tmp_path):
        path = tmp_path / "a.xlsx"
        path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + "EncryptedPackage".encode("utf-16-le"))
        with pytest.raises(SurveyError, match=r"protected by a password\. Save it without one"):
            read_raw(path)


OPEN_DOCUMENT = """<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0">
<office:body><office:spreadsheet><table:table table:name="data">
<table:table-row><table:table-cell office:value-type="string"><text:p>q</text:p></table:table-cell></table:table-row>
<table:table-row table:number-rows-repeated="{rows}">
<table:table-cell table:number-columns-repeated="{columns}" office:value-type="float" office:value="7"><text:p>7</text:p>
</table:table-cell></table:table-row>
</table:table></office:spreadsheet></office:body></office:document-content>"""
MANIFEST = """<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">
<manifest:file-entry manifest:full-path="/" manifest:media-type="application/vnd.oasis.opendocument.spreadsheet"/>
</manifest:manifest>"""


@pytest.mark.parametrize(("rows", "columns", "read"), [(3, 1, True), (1_048_575, 16_384, False)])
def test_an_open_document_is_read_and_its_bombs_are_not(tmp_path, rows, columns, read):
    path = tmp_path / "a.ods"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", MANIFEST)
        archive.writestr("content.xml", OPEN_DOCUMENT.format(rows=rows, columns=columns).replace("\n<", "<"))
    if read:
        assert cells(read_raw(path)) == {"q": ["7", "7", "7"]}
    else:
        with pytest.raises(SurveyError, match="not a readable Excel workbook"):
            read_raw(path)
