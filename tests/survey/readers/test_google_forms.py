"""Google Forms: timestamps first, in the language of the interface; grids; several answers in one cell."""

import pytest
from grids import grid_of, sample

from csi.survey.readers.formats import read_raw
from csi.survey.readers.google_forms import read, recognises


def cells(table, column):
    return list(table.columns[column].cells())


class TestSheets:
    def test_names_are_the_questions(self):
        table = sample("google_forms, sheet")
        assert cells(table, "How satisfied are you?") == ["5"]
        assert cells(table, "Which? (several)") == ["Phone, Broadband"]
        assert not {"Timestamp", "Email Address"} & set(table.questions)

    def test_rows_of_a_grid_share_their_question(self):
        questions = sample("google_forms, sheet").questions
        assert questions["Rate each [Price]"].block == questions["Rate each [Service]"].block == "Rate each"
        assert questions["How satisfied are you?"].block == ""

    def test_a_single_row_is_no_grid(self):
        rows = [["Timestamp", "Rate each [Price]", "Which one?"], ["9/1/2026 18:29:47", "Good", "a"]]
        assert read(grid_of(rows)).questions["Rate each [Price]"].block == ""

    def test_questions_of_one_text_are_numbered(self):
        table = sample("google_forms, 한국어")
        assert list(table.columns) == ["타임스탬프", "만족도", "1-1", "1-1 (2)"]
        assert table.questions["1-1 (2)"].wording == "1-1"

    def test_marks_of_a_quiz_are_no_grid(self):
        rows = [
            ["Timestamp", "Capital of France?", "Capital of France? [Score]", "Capital of France? [Feedback]"],
            ["9/1/2026 18:29:47", "Paris", "1 / 1", ""],
        ]
        assert {q.block for q in read(grid_of(rows)).questions.values()} == {""}


@pytest.mark.parametrize(
    "moment",
    ["9/1/2026 18:29:47", "2026/09/01 6:29:47 PM GMT+9", "2026-09-01 18:29:47.138000",
     "2026. 9. 1 오후 6:29:47", "2026/9/1 下午6:29:47",
     "01.09.2026 18:29:47", "2026年9月1日 18:29:47"],
)  # fmt: skip
def test_moments_of_every_language(moment):
    assert recognises([["Timestamp", "How satisfied are you?"], [moment, "5"]])


class TestRealFiles:
    """Cells were looked up in the sheets with a spreadsheet."""

    def test_kiosk_answers(self, shared):
        path = shared / "data" / "servqual_kiosk" / "kiosk_google_forms_responses.xlsx"
        table = read_raw(path, sheet="전체")
        assert (len(table), len(table.columns)) == (200, 156)
        assert table.form.startswith("Google Forms")
        assert cells(table, "귀하의 나이대를 선택해주세요.")[0] == "20대"
        assert [cells(table, name)[0] for name in ("1-1", "1-1 (2)", "1-1 (3)")] == ["7", "2", "7"]
        kinds = cells(table, "거래형 키오스크 중 사용 경험이 있는 종류에 모두 선택해주세요.")[0]
        assert kinds.split(", ")[:2] == ["ATM", "패스트 푸드점 키오스크"]

    def test_servqual_items_alone_are_a_plain_table(self, shared):
        path = shared / "data" / "servqual_kiosk" / "kiosk_google_forms_responses.xlsx"
        table = read_raw(path, sheet="서브퀄_문항만")
        assert (len(table), len(table.columns)) == (196, 44)
        assert not table.form.startswith("Google Forms")
        expected, perceived = ([f"{n}-{kind}" for n in range(1, 23)] for kind in (1, 2))
        assert set(table.columns) == {*expected, *perceived}
        assert [cells(table, name)[0] for name in ("1-1", "1-2", "22-2")] == ["7", "6", "6"]
        assert all(set(cells(table, name)) <= set("1234567") for name in expected)

    def test_the_older_copy_has_no_timestamps_and_a_korean_encoding(self, shared):
        table = read_raw(shared / "data" / "servqual_kiosk" / "kiosk.csv", encoding="cp949")
        assert (len(table), len(table.columns)) == (211, 163)
        assert not table.form.startswith("Google Forms")
