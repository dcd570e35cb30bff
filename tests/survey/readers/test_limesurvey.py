"""LimeSurvey: codes, texts or both in the header; the .lss file in each of its languages, and never an entity of it."""

import pytest
from grids import SAMPLES, sample

from csi.errors import SurveyError
from csi.survey.readers.formats import read_raw
from csi.survey.readers.limesurvey import languages_of, questions_of, recognises


def cells(table, column):
    return list(table.columns[column].cells())


class TestFiles:
    def test_codes_are_names_and_texts_wordings(self):
        table = sample("limesurvey, codes and texts")
        assert list(table.columns) == ["id", "submitdate", "Q1", "Q2[SQ001]", "Q2[SQ002]", "Q3[other]", "Q3"]
        assert table.questions["Q1"].wording == "{if(Q0.NAOK=='Y','You','We')} agree. Why?"
        assert table.questions["Q2[SQ002]"].wording == "Rate ... [Service [24 h]]"

    def test_parts_share_the_code_of_their_question(self):
        questions = sample("limesurvey, codes and texts").questions
        assert [questions[name].block for name in ("Q1", "Q2[SQ001]", "Q2[SQ002]", "Q3[other]", "Q3")] == [
            "",
            "Q2",
            "Q2",
            "Q3",
            "Q3",
        ]

    def test_what_was_not_shown_is_routed_past(self):
        questions = sample("limesurvey, codes and texts").questions
        assert questions["Q2[SQ002]"].gaps == {"N/A": "routed_past"}
        assert questions["Q2[SQ001]"].gaps == {}

    def test_codes_alone(self):
        table = sample("limesurvey, codes")
        assert list(table.columns) == SAMPLES["limesurvey, codes"][0]
        assert table.questions["Q4[SQ001][2]"].block == "Q4"
        assert table.questions["Q2[SQ002comment]"].block == "Q2"

    def test_a_column_added_by_hand_among_codes(self):
        assert recognises([[*SAMPLES["limesurvey, codes"][0], "weight (raked)"]])

    def test_texts_alone(self):
        table = sample("limesurvey, texts")
        assert list(table.columns) == SAMPLES["limesurvey, texts"][0]
        assert table.questions["请评价 [网络]"].block == "请评价"
        assert table.questions["您满意吗？"].block == ""

    def test_codes_need_something_of_limesurveys_own(self):
        assert not recognises([["id", "a", "b"], ["1", "2", "3"]])
        assert not recognises([["Q1. Price", "Q2. Service", "Q3. Network", "Q4. Bill"], ["1", "2", "3", "4"]])


def row(**cells):
    return "<row>" + "".join(f"<{name}><![CDATA[{text}]]></{name}>" for name, text in cells.items()) + "</row>"


def structure(languages, **tables):
    listed = "".join(f"<language>{each}</language>" for each in languages)
    parts = "".join(f"<{name}><fields/><rows>{''.join(rows)}</rows></{name}>" for name, rows in tables.items())
    own = f"<surveys><rows>{row(sid=1, language=languages[-1])}</rows></surveys>"
    return (
        f"<document><LimeSurveyDocType>Survey</LimeSurveyDocType><languages>{listed}</languages>{parts}{own}</document>"
    )


def question(qid, kind, title, parent=0, order=1, **more):
    return row(
        qid=qid,
        parent_qid=parent,
        gid=1,
        type=kind,
        title=title,
        question_order=order,
        scale_id=more.pop("scale", 0),
        **more,
    )


def text(qid, english, chinese):
    return row(qid=qid, question=english, language="en") + row(qid=qid, question=chinese, language="zh-Hans")


def answer(aid, qid, code, english, chinese, scale=0):
    return (
        row(aid=aid, qid=qid, code=code, sortorder=aid, scale_id=scale),
        row(aid=aid, answer=english, language="en") + row(aid=aid, answer=chinese, language="zh-Hans"),
    )


@pytest.fixture
def new_layout(tmp_path):
    """Texts in tables of their own; the survey was written in English and translated."""
    questions = [
        question(1, "F", "RATE", order=2), question(2, "L", "ONE", other="Y"),
        question(3, "M", "USED", order=3, other="Y"),
        question(4, "X", "HELLO", order=4), question(5, "1", "DUAL", order=5), question(6, ":", "GRID", order=6),
        question(7, "R", "RANK", order=7), question(8, "P", "WHY", order=8),
        question(9, "Y", "OK", order=9), question(10, "O", "LIST", order=10),
    ]  # fmt: skip
    parts = [
        question(11, "T", "SQ002", 1, 2), question(12, "T", "SQ001", 1, 1), question(13, "T", "A", 3), question(14, "T", "D1", 5),
        question(15, "T", "Y1", 6), question(16, "T", "X1", 6, scale=1), question(17, "T", "W1", 8),
    ]  # fmt: skip
    texts = [
        text(1, "<p>Rate <b>us</b></p>", "<p>请评价</p>"),
        text(2, "Which &amp; why?", "哪个？"), text(3, "Used?", "用过？"), text(5, "Two", "两个"),
        text(6, "Cells", "格"), text(7, "Rank", "排序"),
        text(8, "Why", "为什么"), text(9, "OK?", "好吗？"), text(10, "List", "清单"),
        text(11, "Service", "服务"), text(12, "Price", "价格"),
        text(13, "TV", "电视"), text(14, "Home", "家"), text(15, "Row", "行"),
        text(16, "Top", "列"), text(17, "Bill", "账单"),
    ]  # fmt: skip
    answers = [
        answer(1, 1, "A1", "Bad", "差"), answer(2, 1, "A2", "Good", "好"), answer(3, 1, "A9", "Don't know", "不知道"),
        answer(4, 2, "B1", "This", "这个"), answer(5, 5, "1", "Low", "低"), answer(6, 5, "1", "Seldom", "很少", 1),
        answer(7, 7, "R1", "First", "甲"), answer(8, 7, "R2", "Second", "乙"), answer(9, 10, "L1", "Only", "唯一"),
    ]  # fmt: skip
    path = tmp_path / "survey.lss"
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?>'
        + structure(
            ["zh-Hans", "en"], questions=questions, subquestions=parts, question_l10ns=texts,
            answers=[each[0] for each in answers], answer_l10ns=[each[1] for each in answers],
        ),
        "utf-8",
    )  # fmt: skip
    return path


class TestStructure:
    def test_the_first_language_is_the_one_it_was_written_in(self, new_layout):
        assert languages_of(new_layout) == ["en", "zh-Hans"]
        assert questions_of(new_layout) == questions_of(new_layout, "en")

    def test_columns_are_named_as_in_the_data_in_the_order_of_the_questions(self, new_layout):
        assert list(questions_of(new_layout)) == [
            "ONE", "ONE[other]", "RATE[SQ001]", "RATE[SQ002]", "USED[A]", "USED[other]",
            "DUAL[D1][1]", "DUAL[D1][2]", "GRID[Y1_X1]",
            "RANK[1]", "RANK[2]", "WHY[W1]", "WHY[W1comment]", "OK", "LIST", "LIST[comment]",
        ]  # fmt: skip

    def test_wordings_and_labels_in_each_language(self, new_layout):
        english, chinese = questions_of(new_layout)["RATE[SQ001]"], questions_of(new_layout, "zh-Hans")["RATE[SQ001]"]
        assert english.wording == "Rate us [Price]"
        assert chinese.wording == "请评价 [价格]"
        assert english.labels == {"A1": "Bad", "A2": "Good", "A9": "Don't know"}
        assert chinese.labels == {"A1": "差", "A2": "好", "A9": "不知道"}
        assert chinese.gaps == {"A9": "dont_know", "不知道": "dont_know"}
        assert chinese.block == "RATE"

    def test_labels_of_each_scale_and_of_codes_that_limesurvey_sets(self, new_layout):
        questions = questions_of(new_layout, "zh-Hans")
        assert [questions[f"DUAL[D1][{n}]"].labels for n in (1, 2)] == [{"1": "低"}, {"1": "很少"}]
        assert questions["OK"].labels == {"Y": "是", "N": "否"}
        assert questions["RANK[2]"].labels == {"R1": "甲", "R2": "乙"}
        assert questions["GRID[Y1_X1]"].wording == "格 [行][列]"

    def test_the_old_layout_has_the_texts_beside_the_questions(self, tmp_path):
        path = tmp_path / "old.lss"
        old = [
            question(1, "F", "Q1", question="Rate", language="en"),
            question(1, "F", "Q1", question="评价", language="zh-Hans"),
        ]
        parts = [
            question(2, "T", "S", 1, question="Price", language="en"),
            question(2, "T", "S", 1, question="价格", language="zh-Hans"),
        ]
        answers = [
            row(qid=1, code="1", answer="Bad", sortorder=1, language="en"),
            row(qid=1, code="1", answer="差", sortorder=1, language="zh-Hans"),
        ]
        path.write_text(structure(["zh-Hans", "en"], questions=old, subquestions=parts, answers=answers), "utf-8")
        assert questions_of(path)["Q1[S]"].wording == "Rate [Price]"
        assert questions_of(path, "zh-Hans")["Q1[S]"].labels == {"1": "差"}

    def test_a_language_that_it_lacks(self, new_layout):
        with pytest.raises(SurveyError, match=r"not in 'ko'\. Its languages are en, zh-Hans"):
            questions_of(new_layout, "ko")

    def test_a_row_without_its_number_is_named(self, tmp_path):
        path = tmp_path / "survey.lss"
        path.write_text(structure(["en"], questions=[row(type="T", title="Q1", parent_qid=0)]))
        with pytest.raises(SurveyError, match="has no 'qid'"):
            questions_of(path)

    def test_no_entity_is_ever_expanded(self, tmp_path):
        secret = tmp_path / "secret.txt"
        secret.write_text("hidden")
        path = tmp_path / "survey.lss"
        body = structure(
            ["en"], questions=[question(1, "T", "Q1")], question_l10ns=[row(qid=1, language="en", question="")]
        )
        body = body.replace("<question><![CDATA[]]></question>", "<question>&stolen;</question>")
        path.write_text(f'<!DOCTYPE document [<!ENTITY stolen SYSTEM "{secret.as_uri()}">]>{body}')
        with pytest.raises(SurveyError, match="declares a document type"):
            questions_of(path)

    @pytest.mark.parametrize("content", ["", "no XML", "<document/>", "<a><b></a>", "<document>&other;</document>"])
    def test_another_file_is_refused(self, tmp_path, content):
        path = tmp_path / "survey.lss"
        path.write_text(content)
        with pytest.raises(SurveyError, match="not a LimeSurvey structure"):
            questions_of(path)


class TestRealFiles:
    """Cells were looked up in the files with a text editor."""

    def test_research_software_engineers_2016(self, shared):
        table = read_raw(shared / "data" / "limesurvey_rse" / "rse_2016_uk.csv")
        assert (len(table), len(table.columns)) == (273, 67)
        assert cells(table, "turnOver6")[0] == "Strongly disagree"
        assert cells(table, "stability1")[0] == "3.0"
        at = cells(table, "(column 1)").index("150")
        assert cells(table, "currentWork16a")[at] == "90%"
        assert table.questions["affSat3"].wording == "I feel fairly well satisfied with my job"

    def test_research_software_engineers_2017(self, shared):
        table = read_raw(shared / "data" / "limesurvey_rse" / "rse_2017_uk.csv")
        assert (len(table), len(table.columns)) == (253, 245)
        assert cells(table, "time1can[time1can]")[:2] == ["8", "7"]
        assert cells(table, "time1can[time4can]")[-1] == "1 (None at all)"
        assert cells(table, "satisGen1[SQ002]")[0] == "3"
        assert table.questions["likertagree1[affSat3]"].block == "likertagree1"
        assert table.questions["fund2[SQ009]"].wording.endswith("as an RSE/equivalent? [Grants]")
        languages = [name for name in table.columns if name.startswith("tool4can[")]
        assert len(languages) == 39
        assert {table.questions[name].block for name in languages} == {"tool4can"}

    def test_a_structure_in_two_languages(self, shared):
        path = shared / "data" / "limesurvey_lss" / "survey-one-question-two-languages.lss"
        assert languages_of(path) == ["en", "et"]
        assert list(questions_of(path)) == list(questions_of(path, "et")) == ["Q1"]
