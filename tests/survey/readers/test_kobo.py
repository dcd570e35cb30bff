"""KoboToolbox and ODK exports and the XLSForms they were asked with."""

import csv

import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook

from csi.errors import SurveyError
from csi.survey.readers.formats import read_raw
from csi.survey.readers.kobo import notes_of, questions_of

KOBO = ["start", "consent", "g/sat", "g/use", "g/use/phone", "g/use/in shop", "_id", "_uuid", "_submission_time"]
ROWS = [
    ["2026-09-30T08:00:00", "yes", "5", "phone", "1", "0", "1", "u1", "2026-09-30T08:05:00"],
    ["2026-09-30T09:00:00", "no", "", "", "", "", "2", "u2", "2026-09-30T09:05:00"],
    ["2026-09-30T09:30:00", "yes", "98", "phone in shop", "1", "1", "3", "u3", "2026-09-30T09:35:00"],
]


@pytest.fixture
def opened(tmp_path):
    """A function that writes rows as CSV and opens the file as any survey file is opened."""

    def write(header, rows=ROWS, delimiter=","):
        path = tmp_path / "data.csv"
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file, delimiter=delimiter).writerows([header, *rows])
        return read_raw(path)

    return write


class TestData:
    @pytest.mark.parametrize("mark", ["/", ".", ":"])
    def test_groups_are_left_out_of_the_names(self, opened, mark):
        table = opened([cell.replace("/", mark) for cell in KOBO], delimiter=";")
        names = ["start", "consent", "sat", "use", "use/phone", "use/in shop", "_id", "_uuid", "_submission_time"]
        assert list(table.columns) == names
        assert table.form.startswith("KoboToolbox")
        assert table.columns["sat"].cells().tolist() == ["5", "", "98"]
        assert table.columns["use/in shop"].cells().tolist() == ["0", "", "1"]
        assert table.rows.tolist() == [2, 3, 4]

    def test_choices_of_one_question_share_its_name(self, opened):
        questions = opened(KOBO).questions
        assert {name: question.block for name, question in questions.items()} == dict.fromkeys(
            ("use", "use/phone", "use/in shop"), "use"
        )
        assert questions["use/in shop"].labels == {"1": "in shop"}

    def test_true_and_false_are_ticks_too(self, opened):
        header = ["use", "use/a", "_id", "_uuid"]
        table = opened(header, [["a", "True", "1", "u"], ["", "False", "2", "v"]])
        assert table.questions["use/a"].labels == {"True": "a"}

    def test_columns_of_choices_without_their_question(self, opened):
        header = ["g/use/phone", "g/use/shop", "g/sat", "_id", "_uuid"]
        table = opened(header, [["1", "0", "5", "1", "u"], ["0", "1", "4", "2", "v"]])
        assert list(table.columns)[:3] == ["use/phone", "use/shop", "sat"]
        assert table.questions["use/shop"].block == "use"

    def test_a_name_in_several_groups_keeps_them(self, opened):
        header = ["bank/price", "phone/price", "phone/other/speed", "_id", "_uuid"]
        table = opened(header, [["5", "4", "3", "1", "u"]])
        assert list(table.columns)[:3] == ["bank/price", "phone/price", "speed"]

    def test_no_column_is_lost_to_another_of_its_name(self, opened):
        header = ["x/a", "x/a/b", "a/b", "c/b", "_id", "_uuid"]
        table = opened(header, [["b", "1", "3", "4", "1", "u"]])
        assert len(table.columns) == len(header)

    def test_labels_as_headers_stay_as_they_are(self, opened):
        header = ["1. How satisfied, e.g. with price/service?", "Channels", "Channels/By phone", "_id", "_uuid"]
        table = opened(header, [["5", "By phone", "1", "1", "u"]])
        assert list(table.columns) == header
        assert table.questions["Channels/By phone"].block == "Channels"

    def test_older_exports_write_a_word_where_nothing_was_answered(self, opened):
        table = opened(["sat", "_id", "_uuid"], [["n/a", "1", "u"], ["5", "2", "v"]])
        assert table.questions["sat"].gaps == {"n/a": "skipped"}

    def test_odk_central(self, opened):
        header = ["SubmissionDate", "start", "g-sat", "g-use", "g-use/phone", "meta-instanceID", "KEY"]
        table = opened(header, [["2026-09-30", "", "5", "phone", "1", "uuid:1", "uuid:1"]])
        assert list(table.columns) == ["SubmissionDate", "start", "sat", "use", "use/phone", "instanceID", "KEY"]
        assert table.form.startswith("ODK")
        assert table.questions["use/phone"].block == "use"

    def test_a_row_of_another_width_is_kept_apart(self, opened):
        table = opened(KOBO, [*ROWS, ["2026", "yes"]])
        assert (len(table), [refused.row for refused in table.refused_rows]) == (3, [5])

    @pytest.mark.parametrize("header", [["id", "a.b", "c.d"], ["_id", "q1", "q2"], ["group/a", "q/b", "KEY"]])
    def test_other_tables_are_not_taken_for_it(self, opened, header):
        table = opened(header, [["1", "2", "3"]])
        assert list(table.columns) == header
        assert not table.form.startswith(("Kobo", "ODK"))


SURVEY = [
    [
        "type",
        "name",
        "label::English (en)",
        "label::中文 (zh)",
        "required",
        "relevant",
        "constraint",
        "hint::English (en)",
    ],
    ["start", "start", "", "", "", "", "", ""],
    ["begin_group", "g", "About us", "关于我们", "", "${consent} = 'yes'", "", ""],
    ["select_one scale", "sat", "How <b>satisfied</b> are you?", "您满意吗？", "yes", "", "", "Think of last week"],
    ["integer", "age", "Age", "年龄", "", "", ". > 17", ""],
    ["select_multiple way or_other", "use", "Channels", "渠道", "", "${sat} > 3", "", ""],
    ["end_group", "", "", "", "", "", "", ""],
    ["begin_score", "rate", "Rate us", "请评分", "", "", "", ""],
    ["score__row", "price", "Price", "价格", "true", "", "", ""],
    ["end_score", "", "", "", "", "", "", ""],
    ["text", "why", "", "为什么", "", "", "", ""],
]
CHOICES = [
    ["list_name", "name", "label::English (en)", "label::中文 (zh)"],
    ["scale", 1, "bad", "差"],
    ["scale", 5, "good", "好"],
    ["scale", 98, "Don't know", "不知道"],
    ["way", "phone", "By phone", "电话"],
    ["way", "shop", "In a shop", "门店"],
]


@pytest.fixture
def form(tmp_path):
    """A function that writes an XLSForm and gives its path."""

    def write(default="English (en)", survey=SURVEY, **more):
        sheets = {"survey": survey, "choices": CHOICES, "settings": [["default_language"], [default]], **more}
        with xlsxwriter.Workbook(tmp_path / "form.xlsx") as workbook:
            for name, rows in sheets.items():
                sheet = workbook.add_worksheet(name)
                for number, row in enumerate(rows):
                    sheet.write_row(number, 0, row)
        return tmp_path / "form.xlsx"

    survey = [
        [*row, "kobo--score-choices" if number == 0 else "scale" * (row[0] == "begin_score")]
        for number, row in enumerate(SURVEY)
    ]
    return lambda default="English (en)", **more: write(default, **{"survey": survey, **more})


class TestForm:
    def test_questions_have_the_names_of_the_data(self, form):
        names = ["start", "sat", "age", "use", "use_other", "use/phone", "use/shop", "price", "why"]
        assert list(questions_of(form())) == names

    def test_wordings_labels_and_gaps(self, form):
        question = questions_of(form())["sat"]
        assert question.wording == "How satisfied are you?"
        assert question.labels == {"1": "bad", "5": "good", "98": "Don't know"}
        assert question.gaps == {"98": "dont_know", "Don't know": "dont_know"}

    @pytest.mark.parametrize("language", ["中文", "zh", "中文 (zh)"])
    def test_another_language_may_be_asked_for(self, form, language):
        questions = questions_of(form(), language)
        assert (questions["sat"].wording, questions["use/shop"].wording) == ("您满意吗？", "渠道 [门店]")

    def test_the_default_language_is_the_forms(self, form):
        assert questions_of(form("中文 (zh)"))["age"].wording == "年龄"

    def test_a_label_that_is_not_translated_is_taken_from_another_language(self, form):
        assert questions_of(form())["why"].wording == "为什么"

    def test_blocks(self, form):
        questions = questions_of(form())
        assert [questions[name].block for name in ("use", "use/phone", "use_other", "price", "sat")] == [
            "use",
            "use",
            "",
            "rate",
            "",
        ]
        assert questions["use/phone"].labels == {"1": "By phone"}
        assert questions["price"].labels == questions["sat"].labels

    def test_notes_of_routing_and_of_what_was_required(self, form):
        assert notes_of(form()) == {
            "sat": "asked only if ${consent} = 'yes'; required; hint: Think of last week",
            "age": "asked only if ${consent} = 'yes'; answer must satisfy . > 17",
            **dict.fromkeys(
                ("use", "use_other", "use/phone", "use/shop"), "asked only if ${consent} = 'yes' and ${sat} > 3"
            ),
            "price": "required",
        }

    def test_sheets_of_choices_and_settings_may_be_absent(self, tmp_path):
        with xlsxwriter.Workbook(tmp_path / "form.xlsx") as workbook:
            sheet = workbook.add_worksheet("survey")
            sheet.write_row(0, 0, ["type", "name", "label"])
            sheet.write_row(1, 0, ["text", "why", "Why?"])
        assert questions_of(tmp_path / "form.xlsx")["why"].wording == "Why?"

    def test_an_unknown_language_is_refused(self, form):
        with pytest.raises(SurveyError, match=r"only in English \(en\), 中文 \(zh\)"):
            questions_of(form(), "fr")

    def test_another_workbook_is_refused(self, form):
        with pytest.raises(SurveyError, match=r"not an XLSForm.*no column 'type'"):
            questions_of(form(survey=[["a", "b"], ["1", "2"]]))

    def test_a_broken_workbook_is_refused(self, form):
        path = form()
        path.write_bytes(path.read_bytes()[:900])
        with pytest.raises(SurveyError):
            questions_of(path)


class TestRealFiles:
    @pytest.fixture
    def folder(self, shared):
        return shared / "data" / "kobo_likert"

    def test_every_cell_stands_where_the_sheet_has_it(self, folder):
        table = read_raw(folder / "data_likert.xlsx")
        sheet = CalamineWorkbook.from_path(folder / "data_likert.xlsx").get_sheet_by_index(0).to_python()
        assert (len(table), len(table.columns)) == (120, 18)
        assert table.form.startswith("KoboToolbox")
        for column, header in enumerate(sheet[0]):
            name = header.split(".")[1]
            assert table.columns[name].cells().tolist() == [row[column] for row in sheet[1:]]

    def test_known_cells(self, folder):
        """Looked up in the sheet's XML."""
        columns = read_raw(folder / "data_likert.xlsx").columns
        assert columns["return_ven"].cells()[0] == "unlikely"
        assert columns["org_capacity"].cells()[2] == "unlikely"
        assert columns["cva"].cells()[1] == "unlikely"

    def test_the_form_knows_every_column(self, folder):
        table, questions = read_raw(folder / "data_likert.xlsx"), questions_of(folder / "form_likert.xlsx")
        assert set(questions) - set(table.columns) == {"start", "end"}
        for name, texts in table.columns.items():
            assert set(texts.distinct) <= set(questions[name].labels)
        assert questions["org_capacity"].wording == "La capacidad de mi organización aumentará"
        assert notes_of(folder / "form_likert.xlsx")["cva"] == "required"
