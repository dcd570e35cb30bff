"""Qualtrics: three header rows or two, codes or words; the .qsf file says what the columns mean."""

import json

import pytest
from grids import SAMPLES, grid_of, sample

from csi.errors import SurveyError
from csi.survey.readers.formats import read_raw
from csi.survey.readers.qualtrics import questions_of, read, recognises


def cells(table, column):
    return list(table.columns[column].cells())


class TestFiles:
    def test_names_are_the_first_header_row_and_wordings_the_second_on_one_line(self):
        table = sample("qualtrics, three rows")
        assert list(table.columns) == SAMPLES["qualtrics, three rows"][0]
        assert table.questions["Q1"].wording == "How satisfied are you?"
        assert cells(table, "Q2_2_TEXT") == ["", "too\nslow"]
        assert table.form == "Qualtrics (three header rows), delimited text, utf-8"

    def test_columns_of_one_question_share_its_tag(self):
        table = sample("qualtrics, three rows")
        assert [table.questions[f"Q2_{part}"].block for part in ("1", "2", "2_TEXT")] == ["Q2"] * 3
        assert table.questions["Q1"].block == ""
        assert sample("qualtrics, Python style").questions["原因_2"].block == "原因"

    def test_rows_with_export_tags_of_their_own_share_the_number_of_the_question(self):
        rows = [
            ["price", "service"],
            ["Rate - Price", "Rate - Service"],
            ['{"ImportId":"QID7_1"}', '{"ImportId":"QID7_2"}'],
            ["1", "2"],
        ]
        assert read(grid_of(rows)).questions["price"].block == "QID7"

    def test_loops_are_questions_of_their_own(self):
        rows = [
            ["1_Q5_1", "1_Q5_2", "2_Q5_1"],
            ["a", "b", "c"],
            [f'{{"ImportId":"{i}"}}' for i in ("1_QID5_1", "1_QID5_2", "2_QID5_1")],
            ["1"] * 3,
        ]
        assert [q.block for q in read(grid_of(rows)).questions.values()] == ["1_Q5", "1_Q5", ""]

    def test_seen_and_not_answered_is_a_gap(self):
        assert sample("qualtrics, three rows").questions["Q1"].gaps == {"-99": "skipped"}

    def test_but_not_on_a_scale_that_goes_as_far_down(self):
        rows = SAMPLES["qualtrics, three rows"]
        longer = [*rows, ["", "R_3", "-50", "", "", ""]]
        assert read(grid_of(longer)).questions["Q1"].gaps == {}

    def test_the_two_row_form_ends_each_line_with_a_comma(self):
        table = sample("qualtrics, two rows")
        assert list(table.columns) == ["V1", "V8", "V9", "Q1", "Q3_1", "Q3_2"]
        assert table.questions["V1"].wording == "ResponseID"
        assert table.questions["Q3_2"].block == "Q3"

    def test_a_column_added_by_hand_has_no_identifier(self):
        rows = [
            [*row, extra]
            for row, extra in zip(SAMPLES["qualtrics, three rows"], ["w", "", "", "1.2", "0.8"], strict=True)
        ]
        table = read(grid_of(rows))
        assert cells(table, "w") == ["1.2", "0.8"]
        assert "w" not in table.questions

    def test_a_header_row_alone_is_a_plain_table(self):
        assert not recognises([["StartDate", "ResponseId", "Q1"], ["2026-09-01", "R_1", "5"]])


def survey(*questions, **more):
    """A survey definition with a trash block and a flow that asks the second block first."""

    def part(number):
        return {"Type": "Question", "QuestionID": f"QID{number}"}

    elements = [
        {"Element": "BL", "PrimaryAttribute": "Survey Blocks", "Payload": {
            "1": {"ID": "BL_a", "Type": "Default", "BlockElements": [part(1), {"Type": "Page Break"}]},
            "2": {"ID": "BL_b", "Type": "Standard", "BlockElements": [part(n) for n in range(2, 20)]},
            "3": {"ID": "BL_t", "Type": "Trash", "BlockElements": [part(99)]},
        }},
        {"Element": "FL", "PrimaryAttribute": "Survey Flow", "Payload":
            {"Flow": [{"Type": "Group", "ID": "x", "Flow": [{"ID": "BL_b"}]}, {"ID": "BL_a"}]}},
        {"Element": "PROJ", "PrimaryAttribute": "CORE", "Payload": None},
    ]  # fmt: skip
    asked = [{"Element": "SQ", "PrimaryAttribute": q["QuestionID"], "Payload": q} for q in questions]
    return {"SurveyEntry": {"SurveyLanguage": "EN"}, "SurveyElements": elements + asked, **more}


def asked(number, kind, selector, **more):
    tag = more.pop("tag", f"Q{number}")
    return {"QuestionID": f"QID{number}", "DataExportTag": tag, "QuestionType": kind, "Selector": selector,
            "QuestionText": f"Question&nbsp;<b>{number}</b>?<br>", "Language": [], **more}  # fmt: skip


def shown(*texts):
    return {str(n): {"Display": text} for n, text in enumerate(texts, 1)}


@pytest.fixture
def written(tmp_path):
    def write(*questions):
        path = tmp_path / "survey.qsf"
        path.write_text(json.dumps(survey(*questions)), "utf-8")
        return path

    return write


class TestDefinition:
    def test_a_choice_has_wording_without_markup_and_labels_by_code(self, written):
        path = written(
            asked(
                1,
                "MC",
                "SAVR",
                Choices=shown("Good", "Poor", "Not applicable"),
                RecodeValues={"1": "5", "2": 1, "3": "-1"},
            )
        )
        question = questions_of(path)["Q1"]
        assert question.wording == "Question 1?"
        assert question.labels == {"5": "Good", "1": "Poor", "-1": "Not applicable"}
        assert question.gaps == {"-1": "not_applicable", "Not applicable": "not_applicable"}

    def test_several_answers_have_a_column_each_by_code_and_by_number(self, written):
        choices = {"1": {"Display": "Price"}, "4": {"Display": "Other", "TextEntry": "true"}}
        questions = questions_of(written(asked(1, "MC", "MAVR", Choices=choices, RecodeValues={"1": "1", "4": "9"})))
        assert list(questions) == ["Q1", "Q1_1", "Q1_9", "Q1_9_TEXT", "Q1_4", "Q1_4_TEXT"]
        assert questions["Q1"].labels == {"1": "Price", "9": "Other"}
        assert (questions["Q1_9"].wording, questions["Q1_9"].block) == ("Question 1? - Other", "Q1")

    def test_where_code_and_number_contradict_each_other_the_code_counts(self, written):
        questions = questions_of(
            written(asked(1, "MC", "MAVR", Choices=shown("A", "B"), RecodeValues={"1": "2", "2": "1"}))
        )
        assert questions["Q1_1"].wording.endswith("B")

    def test_rows_of_a_matrix(self, written):
        path = written(asked(1, "Matrix", "Likert", SubSelector="SingleAnswer", Choices=shown("Price", "Service"),
                             Answers=shown("Bad", "Good"), RecodeValues={"1": "1", "2": "5"},
                             ChoiceDataExportTags=False))  # fmt: skip
        questions = questions_of(path)
        assert list(questions) == ["Q1_1", "Q1_2"]
        assert questions["Q1_2"].wording == "Question 1? - Service"
        assert questions["Q1_2"].labels == {"1": "Bad", "5": "Good"}
        assert {q.block for q in questions.values()} == {"Q1"}

    def test_rows_with_tags_of_their_own_are_named_by_both(self, written):
        path = written(asked(1, "Matrix", "Likert", SubSelector="SingleAnswer", Choices=shown("Price", "Service"),
                             Answers=shown("Bad", "Good"), ChoiceDataExportTags={"1": "price", "2": "service"}))  # fmt: skip
        questions = questions_of(path)
        assert questions["Q1_service"] == questions["Q1_2"]

    def test_a_matrix_of_several_answers_and_one_of_texts(self, written):
        rows = {"Choices": shown("Home"), "Answers": shown("Phone", "TV")}
        path = written(
            asked(1, "Matrix", "Likert", SubSelector="MultipleAnswer", **rows), asked(2, "Matrix", "TE", **rows)
        )
        questions = questions_of(path)
        assert (
            questions["Q1_1_2"].wording == questions["Q2_1_2"].wording.replace("2?", "1?") == "Question 1? - Home - TV"
        )

    def test_sliders_say_what_stands_along_them(self, written):
        path = written(asked(1, "Slider", "HSLIDER", Choices=shown("&nbsp;"), Labels=shown("Bad", "Fair", "Good"),
                             Configuration={"CSSliderMin": 0, "CSSliderMax": 10}))  # fmt: skip
        question = questions_of(path)["Q1_1"]
        assert question.wording == "Question 1?"
        assert question.labels == {"0": "Bad", "5": "Fair", "10": "Good"}
        assert question.block == ""

    def test_ranks_sums_forms_side_by_side_and_recommendation(self, written):
        parts = shown("A", "B")
        extra = {"1": {"QuestionText": "Use", "Answers": shown("No", "Yes"), "SubSelector": "SingleAnswer"}}
        path = written(asked(1, "RO", "DND", Choices=parts), asked(2, "CS", "VRTL", Choices=parts),
                       asked(3, "TE", "FORM", Choices=parts),
                       asked(4, "TE", "ML"), asked(5, "SBS", "SBSMatrix", Choices=parts, AdditionalQuestions=extra),
                       asked(6, "MC", "NPS", Choices={str(n): {"Display": str(n)} for n in range(11)}))  # fmt: skip
        names = set(questions_of(path))
        assert names == {"Q1_1", "Q1_2", "Q2_1", "Q2_2", "Q3_1", "Q3_2", "Q4", "Q5#1_1", "Q5#1_2", "Q6", "Q6_NPS_GROUP"}

    def test_texts_and_timers_have_no_column_and_the_trash_is_left_out(self, written):
        path = written(
            asked(1, "DB", "TB"), asked(2, "Timing", "PageTimer"), asked(99, "TE", "SL"), asked(3, "TE", "SL")
        )
        assert list(questions_of(path)) == ["Q3"]

    def test_order_is_that_of_the_flow_and_the_first_of_one_tag_counts(self, written):
        path = written(asked(1, "TE", "SL", tag="same"), asked(2, "TE", "SL", tag="same"), asked(3, "TE", "SL"))
        questions = questions_of(path)
        assert list(questions) == ["same", "Q3"]
        assert questions["same"].wording == "Question 2?"

    def test_translations(self, written):
        chinese = {"QuestionText": "您满意吗？", "Choices": shown("满意", "不满意")}
        path = written(
            asked(1, "MC", "SAVR", Choices=shown("Yes", "No"), Language={"ZH-S": chinese}), asked(2, "TE", "SL")
        )
        questions = questions_of(path, "ZH-S")
        assert questions["Q1"].wording == "您满意吗？"
        assert questions["Q1"].labels == {"1": "满意", "2": "不满意"}
        assert questions["Q2"].wording == "Question 2?"
        with pytest.raises(SurveyError, match=r"not translated to 'KO'.*ZH-S"):
            questions_of(path, "KO")

    def test_a_question_that_is_written_otherwise_is_named(self, written):
        with pytest.raises(SurveyError, match="question 'Q1' is not written as Qualtrics writes one"):
            questions_of(written(asked(1, "MC", "SAVR", Choices="Yes or no")))

    @pytest.mark.parametrize("text", ["", "[]", "{}", '{"SurveyElements": 3}', "no JSON"])
    def test_another_file_is_refused(self, tmp_path, text):
        path = tmp_path / "survey.qsf"
        path.write_text(text, "utf-8")
        with pytest.raises(SurveyError, match="not a Qualtrics survey definition"):
            questions_of(path)


class TestRealFiles:
    """Cells were looked up in the files with a text editor."""

    def test_climate(self, shared):
        folder = shared / "data" / "qualtrics_climate"
        table = read_raw(folder / "qualtrics.csv")
        assert (len(table), len(table.columns)) == (452, 27)
        assert cells(table, "Competence_1")[0] == "72"
        assert cells(table, "Attention")[1] == "I pay attention "
        assert cells(table, "Impressiveness")[-1] == "1 - Not very impressive"
        assert table.questions["Consent"].wording.startswith(
            "We invite you to participate in a scientific experiment. Participation"
        )
        questions = questions_of(folder / "Climatologist.qsf")
        for name in ("Consent", "Competence_1", "Impressiveness", "Feedback_1"):
            assert questions[name].wording == table.questions[name].wording
        assert questions["Impressiveness"].labels["4"] == "4 - Very impressive"
        assert questions["Feedback_1"].labels == {"0": "Not open", "100": "Very open"}
        answers = set(table.columns) - {"condition", "PROLIFIC_PID"} - set(list(table.columns)[:10])
        assert answers <= set(questions)

    def test_one_survey_by_both_exporters(self, shared):
        folder = shared / "data" / "qualtrics_tools"
        insights = read_raw(folder / "No_Basis_for_Evaluation (Insights).csv")
        legacy = read_raw(folder / "No_Basis_for_Evaluation (Legacy).csv")
        assert [(len(t), len(t.columns)) for t in (insights, legacy)] == [(15, 49), (15, 48)]
        assert "three header rows" in insights.form
        assert "two header rows" in legacy.form
        assert cells(insights, "ResponseID")[-1] == cells(legacy, "V1")[-1] == "R_cMkftXWgl0BWu0Z"
        assert cells(insights, "Q2_-1")[0] == cells(legacy, "Q2_4")[0] == "1"
        assert cells(insights, "Q4_2")[-1] == cells(legacy, "Q4_2")[-1] == "-2"
        assert insights.questions["Q5_1_-1"].block == legacy.questions["Q5_1_3"].block == "Q5"
        questions = questions_of(folder / "No_Basis_for_Evaluation.qsf")
        for table in (insights, legacy):
            columns = {name for name in table.columns if name.startswith("Q")}
            assert columns <= set(questions)
            for name in columns:
                assert table.questions[name].wording == questions[name].wording.replace(" - ", "-"), name
                assert table.questions[name].block == questions[name].block
        assert questions["Q1"].labels["-1"] == "No opinion"
        assert questions["Q4_3"].labels["-2"] == "Never tried it"
