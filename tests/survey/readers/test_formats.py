"""What a file is, is seen from its content; what cannot be read says what it is and what to do."""

import gzip
import io
import zipfile

import pytest
import xlsxwriter

from csi.errors import SurveyError
from csi.survey.readers.formats import read_grid, read_raw


def archive(*names):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name in names:
            file.writestr(name, "x")
    return content.getvalue()


def workbook():
    content = io.BytesIO()
    with xlsxwriter.Workbook(content) as book:
        sheet = book.add_worksheet("data")
        sheet.write_row(0, 0, ["id", "q"])
        sheet.write_row(1, 0, ["a", 5])
    return content.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.pdf", b"%PDF-1.7\n", "this is a PDF. Ask for the file of answers it was made from"),
        ("a.docx", archive("word/document.xml"), "this is a Word document. Copy its table into a sheet"),
        ("a.xlsx", archive("ppt/slides/slide1.xml"), "this is a PowerPoint presentation"),
        ("a.json", b'{"answers": [1]}', "this is a JSON file. Export the answers as .csv or .xlsx"),
        ("a.csv", b'[\n {"q": 1}\n]', "this is a JSON file"),
        ("a.qsf", b'{"SurveyEntry": {}}', "this is a Qualtrics survey definition. It says what was asked"),
        ("a.lss", b'<?xml version="1.0"?>\n<document>\n <LimeSurveyDocType>Survey', "this is a LimeSurvey structure"),
        (
            "a.xls",
            b"<html><table><tr><td>q</td></tr></table>",
            "this is a web page. Open it in a spreadsheet and save it as",
        ),
        (
            "a.xls",
            b'<?xml version="1.0"?>\n<?mso-application progid="Excel.Sheet"?>\n<Workbook>',
            "this is an XML spreadsheet",
        ),
        (
            "a.png",
            b"\x89PNG\r\n\x1a\n",
            "this is a picture .PNG.. A table is needed: .csv, .xlsx, .sav, .dta or .parquet",
        ),
        (
            "a.zip",
            archive("answers.csv", "read me.txt"),
            "a zip archive that holds answers.csv, read me.txt. Unpack it and name",
        ),
        ("a.rds", b"RDX3\nX\n", "this is R data"),
        ("a.csv", bytes(range(1, 32)) * 40, "this is binary data, not a table"),
        ("a.json.gz", gzip.compress(b'{"a": 1}'), "a gzip archive of something else than a text. Unpack it first"),
        (
            "a.md",
            b"# Survey\n\nIt was good, they said.\nYes.\n",
            "'.md' with this content is not a known kind of survey file",
        ),
    ],
)
def test_what_cannot_be_read_says_what_it_is_and_what_to_do(tmp_path, name, content, said):
    path = tmp_path / name
    path.write_bytes(content)
    for read in (read_raw, read_grid):
        with pytest.raises(SurveyError, match=said) as caught:
            read(path)
        assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize(
    ("name", "content", "form"),
    [
        ("a.csv", workbook(), "Excel, sheet data"),
        ("a.dat", workbook(), "Excel, sheet data"),
        ("a.xls", b"id\tq\na\t5\n", "delimited text, utf-8"),
        ("a.xlsx", "id,q\n甲,5\n".encode("gbk"), "delimited text, gb18030"),
        ("answers", b"id;q\na;5\n", "delimited text, utf-8"),
    ],
)
def test_an_ending_that_lies_does_not_deceive(tmp_path, name, content, form):
    path = tmp_path / name
    path.write_bytes(content)
    raw = read_raw(path)
    assert raw.form == form
    assert raw.columns["q"].cells().tolist() == ["5"]
