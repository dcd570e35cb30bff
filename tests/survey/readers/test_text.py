"""Delimited texts: their encoding is found or asked for, never guessed; rows keep their numbers; quotes are watched."""

import gzip
from pathlib import Path

import pytest

from csi.errors import SurveyError
from csi.survey.readers.encodings import decode
from csi.survey.readers.formats import read_grid, read_raw
from csi.survey.readers.text import read_text

CHINESE = "客户,总体满意度\n张三,8\n李四,9\n"
TRADITIONAL = "客戶,總體滿意度\n服務態度很好,8\n網絡信號不穩定,9\n"
KOREAN = "귀하의 성별을 선택해주세요,나이대를 알려주세요\n남자,20대\n"


def written(tmp_path, content, name="a.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def cells(raw):
    return {name: column.cells().tolist() for name, column in raw.columns.items()}


class TestEncoding:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gbk", "gb18030"])
    def test_is_found(self, encoding):
        assert decode(CHINESE.encode(encoding), Path("a.csv"))[0] == CHINESE

    @pytest.mark.parametrize("encoding", ["cp949", "big5", "latin-1", "mac-roman", "utf-16-le"])
    def test_is_taken_as_told(self, encoding):
        text = {"cp949": KOREAN, "big5": TRADITIONAL}.get(encoding, "name,q\nRené,5\n")
        assert decode(text.encode(encoding), Path("a.csv"), encoding) == (text, encoding)

    @pytest.mark.parametrize(
        ("text", "encoding", "shown"),
        [
            (KOREAN, "cp949", r"'귀하의 성별을 선택해주세요.*' in 'cp949'"),
            (TRADITIONAL, "big5", r"'客戶,總體滿意度.*' in 'big5'"),
            ("Name,Note\nMüller,schön für mich\n", "latin-1", r"'Müller,schön für mich' in 'cp1252'"),
            ("name,q\nRené Lacoste,5\n", "mac-roman", r"'René Lacoste,5' in 'mac-roman'"),
            ("名前,満足度\nとてもよかったです,5\n", "shift_jis", "in 'shift_jis'"),
        ],
    )
    def test_is_asked_for_where_bytes_are_gb18030_but_read_better_otherwise(self, text, encoding, shown):
        with pytest.raises(SurveyError, match=f"a.csv: the text .*{shown}.*Say which encoding it has"):
            decode(text.encode(encoding), Path("a.csv"))

    @pytest.mark.parametrize(
        "text", ["name,q\n张喆,5\n", "name,q\n王㐀𠮷,5\n", TRADITIONAL, "姓名\n李\n", "意見\n價格太貴\n"]
    )
    def test_chinese_with_rare_signs_is_chinese(self, text):
        assert decode(text.encode("gb18030"), Path("a.csv")) == (text, "gb18030")

    def test_a_nul_in_utf_8_is_damage_and_no_utf_16(self, tmp_path):
        raw = read_text(written(tmp_path, b"id,q\na,5\nb,\x006\nc,7\n"))
        assert cells(raw) == {"id": ["a", "c"], "q": ["5", "7"]}
        assert [(row.row, row.reason) for row in raw.refused_rows] == [(3, "NUL bytes, as a damaged file has")]


class TestDelimiter:
    def test_decimal_commas_and_commas_in_questions_do_not_deceive(self, tmp_path):
        raw = read_text(written(tmp_path, "id;How satisfied, all in all, are you;w\na;7,5;1,0\nb;8,0;0,9\n"))
        assert cells(raw)["How satisfied, all in all, are you"] == ["7,5", "8,0"]

    def test_excels_own_line_about_the_separator_counts_as_a_row(self, tmp_path):
        raw = read_text(written(tmp_path, "sep=;\r\nid;q\r\na;5\r\n"))
        assert cells(raw) == {"id": ["a"], "q": ["5"]}
        assert raw.rows.tolist() == [3]

    def test_one_column_is_a_table(self, tmp_path):
        assert cells(read_text(written(tmp_path, "q\n5\n\n6\n"))) == {"q": ["5", "6"]}


class TestQuotes:
    def test_embedded_line_ends_and_doubled_quotes_belong_to_the_cell(self, tmp_path):
        raw = read_text(written(tmp_path, 'id,say\r\na,"one\r\ntwo, ""three"""\r\nb,four\r\n'))
        assert cells(raw)["say"] == ['one\r\ntwo, "three"', "four"]
        assert raw.rows.tolist() == [2, 3]

    def test_a_quote_left_open_costs_its_row_alone(self, tmp_path):
        raw = read_text(written(tmp_path, 'id,q,r\na,"5,6\nb,7,8\nc,"",9\n'))
        assert cells(raw)["id"] == ["b", "c"]
        assert [(row.row, row.text, row.reason) for row in raw.refused_rows] == [
            (2, 'a,"5,6', "a quote that opens in this row and is not closed")
        ]

    def test_a_file_cut_within_a_comment_gives_up_the_lines_of_that_comment(self, tmp_path):
        raw = read_text(written(tmp_path, 'id,q,say\na,5,fine\nb,6,"it was\nnot so\ngood, was'))
        assert cells(raw)["id"] == ["a"]
        assert [row.text for row in raw.refused_rows] == ['b,6,"it was\nnot so\ngood, was']

    def test_a_pair_of_stray_quotes_does_not_make_one_row_of_many(self, tmp_path):
        raw = read_text(written(tmp_path, 'a,b,c,d,e\n1,"2,3,4,5\n1,2,3,4,5\n1,2",3,4,5\n6,7,8,9,0\n'))
        assert raw.rows.tolist() == [3, 4, 5]
        assert [row.row for row in raw.refused_rows] == [2]

    def test_text_after_a_closing_quote_is_not_joined_to_it(self, tmp_path):
        raw = read_text(written(tmp_path, 'id,q\na,"1"0\nb,5\n'))
        assert cells(raw) == {"id": ["b"], "q": ["5"]}
        assert "text after a closing quote" in raw.refused_rows[0].reason

    def test_a_quote_left_open_in_the_header_is_named(self, tmp_path):
        with pytest.raises(
            SurveyError, match="the header in row 2 cannot be read; it has a quote that opens in this row"
        ):
            read_text(written(tmp_path, '\nid,"q\na,5\n'))

    def test_a_cell_too_long_to_be_an_answer_is_refused(self, tmp_path):
        raw = read_text(written(tmp_path, f"id,q\na,{'x' * 140_000}\nb,5\n"))
        assert raw.refused_rows[0].reason == "a cell of more than 131,072 characters"
        assert len(raw.refused_rows[0].text) == 140_002


class TestPackedTexts:
    def test_are_read_as_they_are(self, tmp_path):
        path = written(tmp_path, gzip.compress(CHINESE.encode("gbk")), "a.csv.gz")
        assert read_raw(path).form == "delimited text, gb18030"

    def test_a_broken_one_says_so(self, tmp_path):
        path = written(tmp_path, gzip.compress(CHINESE.encode())[:-9], "a.csv.gz")
        with pytest.raises(SurveyError, match="the gzip file is broken"):
            read_raw(path)


class TestGrid:
    def test_holds_records_of_any_length_and_their_rows(self, tmp_path):
        grid = read_grid(written(tmp_path, 'a\n\nb,c\n"d\ne",f\n'))
        assert grid.records == [["a"], ["b", "c"], ["d\ne", "f"]]
        assert grid.numbers == [1, 3, 4]


def test_real_files_in_other_encodings_are_asked_for(shared):
    kiosk, wars = shared / "data/servqual_kiosk/kiosk.csv", shared / "data/surveymonkey_starwars/StarWars.csv"
    for path, encoding in ((kiosk, "cp949"), (wars, "mac-roman")):
        with pytest.raises(SurveyError, match=f"in '{encoding}'"):
            read_raw(path)
    assert len(read_raw(kiosk, encoding="cp949")) == 211
    assert len(read_raw(wars, encoding="mac-roman")) == 1186
