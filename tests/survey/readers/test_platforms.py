"""Which platform wrote a file: each reader takes its own files and no other, and no plain table."""

import csv

import pytest
from grids import MODULES, PLAIN, SAMPLES, csv_of, grid_of, sample
from hypothesis import given
from hypothesis import strategies as st

from csi.errors import SurveyError
from csi.survey.readers import kobo, redcap
from csi.survey.readers.formats import read_raw


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_is_taken_by_its_own_reader_alone(name):
    taken = [
        module
        for module, reader in {**MODULES, "kobo": kobo, "redcap": redcap}.items()
        if reader.recognises(grid_of(SAMPLES[name]).head())
    ]
    assert taken == [name.partition(",")[0]]


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_table_is_taken_by_none(name):
    assert not [module for module, reader in MODULES.items() if reader.recognises(grid_of(PLAIN[name]).head())]


PLAIN_FILES = {
    "mobi.csv": "utf-8", "corp_rep.csv": "utf-8", "satisfaction.csv": "utf-8", "servqual_kiosk/kiosk.csv": "cp949",
    "acsi2015/acsi2015_food_air_isp.csv": "utf-8", "sfo_airport/2017_SFO_Customer_Survey.csv": "utf-8-sig",
    "telecom_cn_voice/voice_satisfaction.csv": "utf-8-sig", "redcap_clinical-trial-1/data.csv": "utf-8",
    "redcap_checkboxes-1/dictionary.csv": "utf-8", "telco_ibm_extended/Telco_customer_churn_status.csv": "utf-8",
}  # fmt: skip


@pytest.mark.parametrize("name", PLAIN_FILES)
def test_real_files_of_no_platform_are_taken_by_none(shared, name):
    with (shared / "data" / name).open(encoding=PLAIN_FILES[name], newline="") as file:
        head = grid_of([next(csv.reader(file)), next(csv.reader(file))]).head()
    assert not [module for module, reader in MODULES.items() if reader.recognises(head)]


@pytest.mark.parametrize("name", SAMPLES)
def test_every_row_of_a_sample_is_an_answer_and_keeps_its_number(name):
    table = sample(name)
    rows = SAMPLES[name]
    above = len(rows) - len(table)
    assert table.rows.tolist() == list(range(above + 1, len(rows) + 1))
    assert not table.refused_rows
    assert set(table.questions) <= set(table.columns)


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_file_is_recognised_when_it_is_opened(tmp_path, name, encoding):
    path = tmp_path / "answers.csv"
    path.write_text(csv_of(SAMPLES[name], "\t" if encoding == "utf-16" else ","), encoding)
    table, own = read_raw(path), sample(name)
    assert table.form.split(",")[0] == own.form.split(",")[0]
    assert {c: list(t.cells()) for c, t in table.columns.items()} == {
        c: list(t.cells()) for c, t in own.columns.items()
    }
    assert table.questions == own.questions


@pytest.mark.parametrize("name", SAMPLES)
def test_rows_that_are_too_short_or_too_long_are_refused_with_the_reason(name):
    rows = SAMPLES[name]
    broken = [*rows, rows[-1][: max(1, len(rows[-1]) - 2)], [*rows[-1], "one more"], [*rows[-1], "", ""]]
    module = MODULES[name.partition(",")[0]]
    table = module.read(grid_of(broken))
    assert [refused.row for refused in table.refused_rows] == [len(rows) + 1, len(rows) + 2]
    assert table.rows[-1] == len(rows) + 3
    assert "where the header has" in table.refused_rows[0].reason


@given(
    st.sampled_from(sorted(SAMPLES)), st.lists(st.lists(st.text("ab ,\n满-0123", max_size=4), min_size=12), max_size=4)
)
def test_no_answer_is_lost_or_changed(name, more):
    """Whatever stands below the header comes back as it stood; rows without any text are no answers."""
    rows = SAMPLES[name]
    answers = [*rows[len(rows) - len(sample(name)) :], *(row[: len(rows[0])] for row in more)]
    table = MODULES[name.partition(",")[0]].read(grid_of([*rows, *(row[: len(rows[0])] for row in more)]))
    kept = [answer for answer in answers if any(cell.strip() for cell in answer)]
    columns = [list(texts.cells()) for column, texts in table.columns.items() if not column.endswith("〖〗")]
    for position, column in enumerate(columns):
        assert column == [answer[position].replace("〖太慢〗", "") for answer in kept]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_header_without_answers_is_an_error(name):
    rows = SAMPLES[name]
    headers = rows[: len(rows) - len(sample(name))]
    with pytest.raises(SurveyError, match="no answers below it"):
        MODULES[name.partition(",")[0]].read(grid_of(headers))
