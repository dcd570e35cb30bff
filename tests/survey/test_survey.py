"""read_survey: what comes in is kept, coded or refused with its reason; bad files are named."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

import csi
from csi.errors import CsiWarning, SurveyError

BOOK = csi.Codebook.from_dict(
    {
        "key": "id",
        "date": "when",
        "weight": "w",
        "scale": {"low": 1, "high": 10, "dont_know": [98], "refused": [99], "not_applicable": ["n.a."]},
        "items": [{"name": "quality", "column": "Q1"}, {"name": "trouble", "column": "Q2", "reverse": True}],
        "segments": [{"name": "region", "column": "area", "levels": {"1": {"en": "North", "zh": "北"}}}],
    }
)
ROWS = [
    ["id", "when", "w", "area", "Q1", "Q2"],
    ["a", "2026-09-01", "1", "1", "7", "2"],
    ["b", "2026-09-02", "2.5", "2", "98", "９"],
    ["c", "2026-09-03", "1", "1.0", "", "99"],
    ["d", "2026-09-04", "1", "2", "n.a.", "11"],
    ["e", "2026-09-05", "1", "2", "very good", "10"],
]


def text_of(rows, delimiter=","):
    return "\n".join(delimiter.join(row) for row in rows) + "\n"


def written(tmp_path, rows=ROWS, name="answers.csv", encoding="utf-8", delimiter=","):
    path = tmp_path / name
    path.write_bytes(text_of(rows, delimiter).encode(encoding))
    return path


def read(path, book=BOOK, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CsiWarning)
        return csi.read_survey(path, book, **options)


class TestCoding:
    def test_answers_gaps_and_refusals(self, tmp_path):
        survey = read(written(tmp_path), wave="2026Q3")
        assert survey.answers["quality"].tolist()[:1] == [7]
        assert survey.answers["trouble"].tolist()[:2] == [
            9,
            2,
        ]  # reversed: 1 + 10 - answer; full-width digits are digits
        kinds = survey.item_table().set_index("item")
        assert kinds.loc["quality", ["dont_know", "skipped", "not_applicable", "invalid"]].tolist() == [1, 1, 1, 1]
        assert kinds.loc["trouble", ["refused", "invalid"]].tolist() == [1, 1]

    def test_refused_cells_say_where_what_and_why(self, tmp_path):
        path = written(tmp_path)
        cells = read(path).refused_cells
        assert cells[["file", "row", "column", "value", "rule"]].to_numpy().tolist() == [
            [str(path), 6, "Q1", "very good", "not a number"],
            [str(path), 5, "Q2", "11", "outside 1 to 10"],
        ]

    def test_every_text_that_is_not_its_number_is_kept(self, tmp_path):
        assert set(read(written(tmp_path)).coded_cells["value"]) == {"98", "n.a.", "very good", "99", "11"}

    def test_refusals_are_announced(self, tmp_path):
        with pytest.warns(CsiWarning, match=r"2 cells refused.*row 6, column 'Q1': 'very good' is not a number"):
            csi.read_survey(written(tmp_path), BOOK)

    def test_segments_weights_and_provenance(self, tmp_path):
        survey = read(written(tmp_path))
        assert survey.segment("region").tolist() == ["1", "2", "1", "2", "2"]  # a spreadsheet's 1.0 is 1
        assert survey.weights.tolist() == [1, 2.5, 1, 1, 1]
        assert BOOK.segment("region").label("1", "zh") == "北"
        assert len(survey.source.sha256) == 64

    def test_item_table_is_weighted(self, tmp_path):
        rows = [ROWS[0], ["a", "", "1", "1", "2", "1"], ["b", "", "3", "1", "10", "1"]]
        table = read(written(tmp_path, rows)).item_table().set_index("item")
        assert table.at["quality", "mean"] == 8
        assert table.at["quality", "ceiling"] == 0.75
        assert table.at["quality", "top_2_box"] == 0.75
        assert table.at["quality", "n"] == 2

    def test_a_survey_prints_in_a_dozen_lines_and_shows_a_table(self, tmp_path):
        survey = read(written(tmp_path))
        assert len(str(survey).splitlines()) <= 12
        assert "<table" in survey._repr_html_()


class TestFiles:
    def test_dates_of_a_column_are_read_in_one_way(self, tmp_path):
        rows = [ROWS[0], *([key, f"{day}/9/2026", "1", "1", "7", "2"] for key, day in (("a", 1), ("b", 13)))]
        assert read(written(tmp_path, rows)).respondents["date"].dt.strftime("%m-%d").tolist() == ["09-01", "09-13"]

    def test_blank_lines_above_the_header_are_passed_over(self, tmp_path):
        path = written(tmp_path)
        path.write_bytes(b"\n\n" + path.read_bytes())
        survey = read(path)
        assert len(survey) == 5
        assert survey.respondents["row"].tolist()[0] == 4

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030", "gbk"])
    @pytest.mark.parametrize("delimiter", [",", ";", "\t"])
    def test_encodings_and_delimiters_are_found(self, tmp_path, encoding, delimiter):
        book = csi.Codebook.from_dict(
            {"scale": {"low": 1, "high": 10}, "items": [{"name": "q", "column": "总体满意度"}]}
        )
        path = written(
            tmp_path, [["客户", "总体满意度"], ["张三", "8"], ["李四", "9"]], encoding=encoding, delimiter=delimiter
        )
        assert read(path, book).answers["q"].tolist() == [8, 9]

    def test_other_encodings_are_asked_for_and_used_when_told(self, tmp_path):
        book = csi.Codebook.from_dict({"scale": {"low": 1, "high": 7}, "items": [{"name": "q", "column": "만족"}]})
        path = written(tmp_path, [["만족", "é"], ["5", "햣"]] * 1 + [["6", "ÿ"]], name="k.csv", encoding="utf-8")
        path.write_bytes(b"\xff" + "만족\n5\n".encode("cp949") + b"\xff\n")
        with pytest.raises(SurveyError, match=r"not utf-8 and not gb18030.*'cp949' \(Korean\).*under \[\[waves\]\]"):
            read(path, book)
        path.write_bytes("만족\n5\n".encode("cp949"))
        assert read(path, book, encoding="cp949").answers["q"].tolist() == [5]

    def test_excel_is_read_like_csv(self, tmp_path):
        path = tmp_path / "answers.xlsx"
        with xlsxwriter.Workbook(path) as workbook:
            sheet = workbook.add_worksheet("answers")
            for r, row in enumerate(ROWS):
                for c, cell in enumerate(row):
                    sheet.write(r, c, float(cell) if cell.replace(".", "", 1).isdigit() and cell.isascii() else cell)
            workbook.add_worksheet("notes").write(0, 0, "nothing here")
        ours, csv = read(path), read(written(tmp_path))
        pd.testing.assert_frame_equal(ours.answers, csv.answers)
        pd.testing.assert_frame_equal(ours.respondents, csv.respondents)
        with pytest.raises(SurveyError, match=r"no sheet 'anwers'.*Did you mean 'answers'"):
            read(path, sheet="anwers")

    def test_rows_of_the_wrong_length_are_kept_apart(self, tmp_path):
        survey = read(written(tmp_path, [*ROWS, ["f", "2026-09-06", "1"]]))
        assert len(survey) == 5
        assert survey.refused_rows.to_numpy().tolist() == [[7, "f,2026-09-06,1", "3 cells where the header has 6"]]

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.integers(0, 8), min_size=1, max_size=12))
    def test_rows_in_are_rows_kept_plus_rows_refused(self, tmp_path_factory, lengths):
        rows = [[str(number + 1) for number in range(length)] for length in lengths]
        path = tmp_path_factory.mktemp("rows") / "a.csv"
        path.write_text("q,r,s\n5,5,5\n" + "\n".join(",".join(row) for row in rows), "utf-8")
        book = csi.Codebook.from_dict({"scale": {"low": 1, "high": 10}, "items": [{"name": "q"}]})
        survey = read(path, book)
        assert len(survey) + len(survey.refused_rows) == 1 + sum(length > 0 for length in lengths)


class TestBadInput:
    def fails(self, path, message, book=BOOK, **options):
        with pytest.raises(SurveyError, match=message) as caught:
            read(path, book, **options)
        assert Path(path).name in str(caught.value)

    def test_no_file(self, tmp_path):
        self.fails(tmp_path / "gone.csv", "no such file")

    @pytest.mark.parametrize("content", ["", "\n\n"])
    def test_empty_file(self, tmp_path, content):
        path = tmp_path / "empty.csv"
        path.write_text(content, "utf-8")
        self.fails(path, "the file is empty")

    def test_header_only(self, tmp_path):
        self.fails(written(tmp_path, ROWS[:1]), "no answers below it")

    def test_missing_column(self, tmp_path):
        rows = [[cell.replace("Q2", "Q3") for cell in row] for row in ROWS]
        self.fails(
            written(tmp_path, rows),
            r"no column 'Q2', which the codebook needs for item 'trouble'.*The file's columns are id, when",
        )

    def test_same_header_twice(self, tmp_path):
        rows = [[cell.replace("Q2", "Q1") for cell in row] for row in ROWS]
        self.fails(written(tmp_path, rows), r"2 columns are called 'Q1' \(columns 5, 6\)")

    def test_duplicate_keys(self, tmp_path):
        rows = [*ROWS, ["b", "2026-09-09", "1", "1", "7", "7"]]
        self.fails(written(tmp_path, rows), r"key 'b' stands in row 3 and in row 7.*1 keys are duplicated")

    @pytest.mark.parametrize("weight", ["0", "-1", "", "heavy"])
    def test_unusable_weight(self, tmp_path, weight):
        rows = [*ROWS, ["f", "2026-09-09", weight, "1", "7", "7"]]
        self.fails(written(tmp_path, rows), "row 7, column 'w'")

    def test_every_row_of_the_wrong_length(self, tmp_path):
        rows = [ROWS[0], *([*row, ""] for row in ROWS[1:])]
        self.fails(written(tmp_path, rows), r"none of 5 rows could be read; row 2 has 7 cells where the header has 6")

    def test_a_title_above_the_header(self, tmp_path):
        self.fails(written(tmp_path, [["2026 survey", "", "", "", "", ""], *ROWS]), "seems to stand further down")

    def test_a_workbook_with_the_ending_of_a_text(self, tmp_path):
        path = tmp_path / "a.csv"
        path.write_bytes(b"PK\x03\x04...")
        self.fails(path, "this is an Excel workbook")

    def test_a_date_that_can_be_read_in_two_ways(self, tmp_path):
        rows = [ROWS[0], ["a", "1/9/2026", "1", "1", "7", "2"], ["b", "2/9/2026", "1", "1", "7", "2"]]
        self.fails(written(tmp_path, rows), "row 2, column 'when': '1/9/2026' may be read day first or month first")

    def test_unreadable_date(self, tmp_path):
        rows = [*ROWS, ["f", "yesterday", "1", "1", "7", "7"]]
        self.fails(written(tmp_path, rows), "row 7, column 'when': 'yesterday' is not a date")

    def test_not_a_workbook(self, tmp_path):
        path = tmp_path / "fake.xlsx"
        path.write_bytes(b"PK\x03\x04 no")
        self.fails(path, "not a readable Excel workbook")

    def test_unknown_kind_of_file(self, tmp_path):
        path = tmp_path / "answers.docx"
        path.write_bytes(b"x")
        self.fails(path, "not a known kind of survey file")

    def test_unknown_encoding_name(self, tmp_path):
        self.fails(written(tmp_path), "no encoding called 'utf-9'", encoding="utf-9")


def test_real_acsi_answers_keep_their_codes(shared):
    book = csi.Codebook.from_dict(
        {
            "scale": {"low": 1, "high": 10, "dont_know": [98], "refused": [99]},
            "items": [{"name": "SATIS"}, {"name": "HIGHPTOL", "scale": {"low": 0, "high": 26}}],
            "segments": [{"name": "industry", "column": "INDUSTRY"}],
        }
    )
    survey = read(shared / "data" / "acsi2015" / "acsi2015_food_air_isp.csv", book)
    items = survey.item_table().set_index("item")
    assert len(survey) == 5734
    assert items.loc["SATIS", ["dont_know", "refused"]].tolist() == [5, 2]
    assert set(survey.refused_cells["value"]) == {"101.0"}  # the undocumented code
    assert np.isfinite(survey.answers["SATIS"]).sum() == 5727
