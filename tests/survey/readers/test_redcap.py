"""REDCap exports and data dictionaries."""

import csv

import pytest

from csi.errors import SurveyError
from csi.survey.readers.formats import read_raw
from csi.survey.readers.redcap import notes_of, questions_of

HEADER = ["record_id", "redcap_event_name", "sat", "use___1", "use___2", "use____9", "survey_complete"]
ROWS = [["1", "base_arm_1", "5", "1", "0", "0", "2"], ["1", "later_arm_1", "", "0", "0", "1", "0"]]
DICTIONARY = [
    [
        "Variable / Field Name", "Form Name", "Section Header", "Field Type", "Field Label",
        "Choices, Calculations, OR Slider Labels", "Field Note", "Text Validation Type OR Show Slider Number",
        "Text Validation Min", "Text Validation Max", "Identifier?", "Branching Logic (Show field only if...)",
        "Required Field?", "Custom Alignment", "Question Number (surveys only)", "Matrix Group Name", "Matrix Ranking?",
        "Field Annotation",
    ],
    ["record_id", "survey", "", "text", "Record ID", *[""] * 13],
    ["sat", "survey", "", "radio", "<b>Satisfied?</b>", "1, Bad, very | 5, Good | 98, 不知道", "", "", "", "", "",
     "[age] &gt; 17", "y", "", "", "rate", "", ""],
    ["use", "survey", "", "checkbox", "Channels", "1, Phone | 2, Shop | -9, Refused | B, Web", "tick all", *[""] * 11],
    ["age", "survey", "", "text", "Age", "", "", "integer", "0", "120", *[""] * 8],
    ["again", "later", "", "yesno", "Again?", *[""] * 13],
    ["thanks", "later", "", "descriptive", "Thank you", *[""] * 13],
]  # fmt: skip


def written(path, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


class TestData:
    def test_checkboxes_share_the_name_of_their_field(self, tmp_path):
        table = read_raw(written(tmp_path / "data.csv", [HEADER, *ROWS]))
        assert list(table.columns) == HEADER
        assert table.form.startswith("REDCap")
        assert {name: question.block for name, question in table.questions.items()} == dict.fromkeys(HEADER[3:6], "use")
        assert table.questions["use___2"].labels == {"1": "2"}

    def test_every_event_of_a_record_is_a_row(self, tmp_path):
        table = read_raw(written(tmp_path / "data.csv", [HEADER, *ROWS]))
        assert table.rows.tolist() == [2, 3]
        assert table.columns["record_id"].cells().tolist() == ["1", "1"]
        assert table.columns["sat"].cells().tolist() == ["5", ""]

    def test_exports_of_labels(self, tmp_path):
        header = [
            "Record ID",
            "Channels (choice=Phone)",
            "Channels (choice=Shop (any))",
            "Why?",
            "Complete?",
            "Complete?",
        ]
        rows = [["1", "Checked", "Unchecked", "cheap", "Complete", "Incomplete"]]
        table = read_raw(written(tmp_path / "data.csv", [header, *rows]))
        assert table.form.startswith("REDCap")
        assert list(table.columns)[-2:] == ["Complete?", "Complete? (2)"]
        assert table.questions[header[1]].block == table.questions[header[2]].block == "Channels"
        assert table.questions[header[2]].labels == {"Checked": "Shop (any)"}

    @pytest.mark.parametrize("header", [["record_id", "q1"], ["id", "a__1"], ["name", "is_complete"]])
    def test_other_tables_are_not_taken_for_it(self, tmp_path, header):
        assert not read_raw(written(tmp_path / "data.csv", [header, ["1", "2"]])).form.startswith("REDCap")


class TestDictionary:
    @pytest.fixture
    def path(self, tmp_path):
        return written(tmp_path / "dictionary.csv", DICTIONARY)

    def test_columns_are_those_of_the_data(self, path):
        assert list(questions_of(path)) == [
            "record_id", "sat", "use___1", "use___2", "use____9", "use___b", "age", "again", "survey_complete", "later_complete"
        ]  # fmt: skip

    def test_wordings_labels_gaps_and_blocks(self, path):
        questions = questions_of(path)
        assert questions["sat"].wording == "Satisfied?"
        assert questions["sat"].labels == {"1": "Bad, very", "5": "Good", "98": "不知道"}
        assert questions["sat"].gaps == {"98": "dont_know", "不知道": "dont_know"}
        assert questions["sat"].block == "rate"
        assert (questions["use___2"].wording, questions["use___2"].block) == ("Channels [Shop]", "use")
        assert questions["use____9"].labels == {"1": "Refused"}
        assert questions["again"].labels == {"1": "Yes", "0": "No"}
        assert questions["later_complete"].labels["2"] == "Complete"

    def test_notes(self, path):
        assert notes_of(path) == {
            "sat": "asked only if [age] > 17; required",
            **dict.fromkeys(("use___1", "use___2", "use____9", "use___b"), "note: tick all"),
            "age": "integer from 0 to 120",
        }

    def test_the_names_of_the_programming_interface_are_known(self, tmp_path):
        rows = [["field_name", "form_name", "field_type", "field_label", "select_choices_or_calculations"]]
        rows += [["sat", "survey", "dropdown", "Satisfied?", "1, Bad | 2, Good"]]
        assert questions_of(written(tmp_path / "d.csv", rows))["sat"].labels == {"1": "Bad", "2": "Good"}

    def test_another_table_is_refused(self, tmp_path):
        with pytest.raises(SurveyError, match=r"not a REDCap data dictionary.*'field_name'"):
            questions_of(written(tmp_path / "d.csv", [HEADER, *ROWS]))


class TestRealFiles:
    @pytest.mark.parametrize(
        ("name", "shape"), [("redcap_checkboxes-1", (4, 13)), ("redcap_clinical-trial-1", (500, 13))]
    )
    def test_every_cell_and_every_column(self, shared, name, shape):
        folder = shared / "data" / name
        table = read_raw(folder / "data.csv")
        with (folder / "data.csv").open(encoding="utf-8-sig", newline="") as file:
            header, *rows = csv.reader(file)
        assert (len(table), len(table.columns)) == shape
        assert [texts.cells().tolist() for texts in table.columns.values()] == [
            list(column) for column in zip(*rows, strict=True)
        ]
        assert set(questions_of(folder / "dictionary.csv")) == set(header)

    def test_what_the_answers_themselves_say_they_should_be(self, shared):
        """The file's own field `desired_result` describes the record: check_two___a and c are ticked, b, d and e are not."""
        columns = read_raw(shared / "data" / "redcap_checkboxes-1" / "data.csv").columns
        assert "check_two___c should be 1" in columns["desired_result"].cells()[0]
        assert [columns[f"check_two___{choice}"].cells()[0] for choice in "abcde"] == ["1", "0", "1", "0", "0"]

    def test_the_dictionary_of_a_trial(self, shared):
        folder = shared / "data" / "redcap_clinical-trial-1"
        assert questions_of(folder / "dictionary.csv")["race"].labels["5"] == "Other/Mixed"
        assert notes_of(folder / "dictionary.csv") == {
            "dob": "date_ymd from 1900-01-01 to 2029-12-31",
            "height": "number from 0 to 250",
            "weight": "integer from 0 to 300",
        }
