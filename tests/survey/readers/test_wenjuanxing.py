"""问卷星: answers by number or by text, several answers, matrices, gaps, durations."""

import math

import pytest
from grids import SAMPLES, grid_of, sample

from csi.survey.readers.formats import read_raw
from csi.survey.readers.wenjuanxing import read, seconds

OWN = ["序号", "提交答卷时间", "所用时间", "来源", "来自IP"]


def table_of(header, *answers):
    return read(
        grid_of([[*OWN, *header], *[["1", "2026/9/8 12:58:22", "137秒", "微信", "0.0.0.0", *row] for row in answers]])
    )


def cells(table, column):
    return list(table.columns[column].cells())


class TestColumns:
    def test_names_are_headers_and_wordings_lack_the_number(self):
        table = sample("wenjuanxing, numbers")
        assert list(table.columns) == SAMPLES["wenjuanxing, numbers"][0]
        assert table.questions["1、您满意吗？"].wording == "您满意吗？"
        assert cells(table, "所用时间") == ["137秒", "2分17秒"]

    def test_the_platforms_own_columns_and_the_total_are_no_questions(self):
        questions = sample("wenjuanxing, numbers").questions
        assert not set(questions) & {*OWN, "来源详情", "总分"}

    def test_several_answers_as_columns_say_what_a_tick_means(self):
        questions = sample("wenjuanxing, numbers").questions
        first, second = questions["2、您用过哪些业务？(宽带)"], questions["2、(电视)"]
        assert first.labels == {"1": "宽带"}
        assert second.labels == {"1": "电视"}
        assert second.wording == "您用过哪些业务？(电视)"
        assert first.block == second.block == "2"

    def test_without_a_question_before_the_option(self):
        questions = table_of(["3(选项A)", "3(选项B)"], ["1", "0"]).questions
        assert [q.labels for q in questions.values()] == [{"1": "选项A"}, {"1": "选项B"}]
        assert {q.block for q in questions.values()} == {"3"}

    def test_brackets_of_a_single_column_are_part_of_its_wording(self):
        question = table_of(["4、您的年龄(岁)"], ["1"]).questions["4、您的年龄(岁)"]
        assert (question.wording, question.labels, question.block) == ("您的年龄(岁)", {}, "")

    def test_options_with_brackets_of_their_own(self):
        questions = table_of(["5、业务(其他（请补充）:)", "5、(宽带)"], ["0", "1"]).questions
        assert questions["5、业务(其他（请补充）:)"].labels == {"1": "其他（请补充）:"}
        assert questions["5、(宽带)"].wording == "业务(宽带)"

    def test_rows_of_a_matrix_carry_its_question(self):
        questions = sample("wenjuanxing, words").questions
        assert questions["3、请评价—网络"].wording == "请评价—网络"
        assert questions["3、—资费"].wording == "请评价—资费"
        assert questions["3、—资费"].block == "3"

    def test_ranks_are_numbers_and_not_ticks(self):
        questions = table_of(["6、请排序(价格)", "6、(网络)"], ["1", "2"], ["2", "1"]).questions
        assert [(q.labels, q.block) for q in questions.values()] == [({}, "6"), ({}, "6")]


class TestCells:
    def test_skips_and_blanks_are_gaps_in_words_and_in_numbers(self):
        words, numbers = sample("wenjuanxing, words").questions, sample("wenjuanxing, numbers").questions
        assert words["2、为什么？"].gaps == {"(跳过)": "routed_past"}
        assert words["3、—资费"].gaps == {"(空)": "skipped"}
        assert numbers["1、您满意吗？"].gaps == {"-2": "skipped"}
        assert numbers["2、(电视)"].gaps == {"-3": "routed_past"}

    def test_numbers_are_answers_where_the_scale_goes_below_zero(self):
        question = table_of(["1、从差到好"], ["-3"], ["-2"], ["-1"], ["3"]).questions["1、从差到好"]
        assert question.gaps == {}

    def test_what_is_typed_in_beside_a_choice_has_a_column_of_its_own(self):
        table = sample("wenjuanxing, words")
        assert cells(table, "2、为什么？") == ["价格┋其他", "(跳过)"]
        assert cells(table, "2、为什么？〖〗") == ["太慢", ""]
        names = list(table.columns)
        assert names.index("2、为什么？〖〗") == names.index("2、为什么？") + 1
        assert table.questions["2、为什么？"].block == ""

    def test_typed_texts_beside_numbers_and_several_in_one_cell(self):
        table = table_of(["1、原因"], ["4〖太贵〗"], ["2〖慢〗┋3〖远〗"])
        assert cells(table, "1、原因") == ["4", "2┋3"]
        assert cells(table, "1、原因〖〗") == ["太贵", "慢┋远"]


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("137秒", 137),
        ("2分17秒", 137),
        ("1小时2分", 3720),
        ("00:02:17", 137),
        ("１３７秒", 137),
        ("1天2小时3分4秒", 93784),
        ("137", 137),
    ],
)
def test_durations(text, length):
    assert seconds(text) == length


@pytest.mark.parametrize("text", ["", "N/A", "很快"])
def test_what_is_no_duration_is_nan(text):
    assert math.isnan(seconds(text))


def test_a_real_export(shared):
    """Cells were looked up in the sheet with a spreadsheet."""
    table = read_raw(shared / "data" / "wenjuanxing_parenting" / "wenjuanxing_format_sample.xlsx")
    assert (len(table), len(table.columns)) == (60, 94)
    assert table.form.startswith("问卷星")
    assert cells(table, "所用时间")[:2] == ["854秒", "624秒"]
    assert cells(table, "3、当孩子发表意见后，我第一时间表示尊重。")[0] == "5"
    assert cells(table, "总分")[0] == "361"
    assert len(table.questions) == 87
    assert table.questions["30、此题请选择“非常不符合”。"].wording == "此题请选择“非常不符合”。"
    assert all(seconds(text) > 0 for text in cells(table, "所用时间"))
