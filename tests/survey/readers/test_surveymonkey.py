"""SurveyMonkey: two header rows or one; several answers in columns of their own."""

import pytest
from grids import SAMPLES, grid_of, sample

from csi.survey.readers.formats import read_raw
from csi.survey.readers.surveymonkey import read, recognises


def cells(table, column):
    return list(table.columns[column].cells())


class TestTwoRows:
    def test_a_question_of_one_column_has_its_own_name(self):
        table = sample("surveymonkey, two rows")
        assert cells(table, "How satisfied are <em>you</em>?") == ["Very satisfied", ""]
        assert table.questions["How satisfied are <em>you</em>?"].wording == "How satisfied are you?"
        assert table.questions["How satisfied are <em>you</em>?"].block == ""

    def test_the_others_carry_their_option_and_share_the_question(self):
        table = sample("surveymonkey, two rows")
        options = ["Broadband", "TV", "Other (please specify)"]
        names = [f"Which have you used? [{option}]" for option in options]
        assert [cells(table, name)[0] for name in names] == ["Broadband", "", "a dish"]
        assert {table.questions[name].block for name in names} == {"Which have you used?"}
        assert table.questions["Rate us [Service]"].wording == "Rate us [Service]"

    def test_own_columns_are_no_questions(self):
        table = sample("surveymonkey, two rows")
        assert list(table.columns)[:3] == ["Respondent ID", "Collector ID", "Date Created"]
        assert not {"Respondent ID", "Collector ID", "Date Created"} & set(table.questions)

    def test_a_file_that_went_through_pandas(self):
        first, *others = SAMPLES["surveymonkey, two rows"]
        first = [cell or f"Unnamed: {place}" for place, cell in enumerate(first)]
        assert recognises([first, *others])
        assert list(read(grid_of([first, *others])).columns) == list(sample("surveymonkey, two rows").columns)

    def test_in_chinese(self):
        table = sample("surveymonkey, 中文")
        assert list(table.columns) == ["受访者 ID", "您用过哪些业务？ [宽带]", "您用过哪些业务？ [电视]", "您满意吗？"]


class TestRealFiles:
    """Cells were looked up in the files with a text editor."""

    @pytest.mark.parametrize("encoding", ["mac_roman", "latin-1"])
    def test_star_wars_in_the_encoding_it_is_told(self, shared, encoding):
        table = read_raw(shared / "data" / "surveymonkey_starwars" / "StarWars.csv", encoding=encoding)
        assert (len(table), len(table.columns)) == (1186, 38)
        assert cells(table, "RespondentID")[0] == "3292879998"
        ranks = [name for name in table.columns if name.startswith("Please rank")]
        assert [cells(table, name)[0] for name in ranks] == ["3", "2", "1", "4", "5", "6"]
        assert len({table.questions[name].block for name in ranks}) == 1
        [yoda] = [name for name in table.columns if name.endswith("[Yoda]")]
        assert cells(table, yoda)[-1] == "Very unfavorably"
        assert cells(table, "Location (Census Region)")[1] == "West South Central"

    def test_flying_with_one_header_row(self, shared):
        table = read_raw(shared / "data" / "surveymonkey_flying" / "flying-etiquette.csv")
        assert (len(table), len(table.columns)) == (1040, 27)
        assert table.form.startswith("SurveyMonkey (one header row)")
        assert cells(table, "How tall are you?")[1:3] == ["6'3\"", "5'8\""]
        assert cells(table, "Household Income")[-1] == "$50,000 - $99,999"
