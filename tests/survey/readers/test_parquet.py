"""Parquet files: whatever the type of a column, its cells become what a person would type."""

from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from csi.errors import SurveyError
from csi.survey.readers.parquet import read_parquet


@pytest.fixture
def saved(tmp_path):
    """A function that saves Arrow columns and reads them again as lists of texts."""

    def save(row_group_size=None, **columns):
        path = tmp_path / "a.parquet"
        pq.write_table(pa.table(columns), path, row_group_size=row_group_size)
        return {name: texts.cells().tolist() for name, texts in read_parquet(path).columns.items()}

    return save


@pytest.mark.parametrize(
    ("column", "texts"),
    [
        (pa.array([5, None, -1]), ["5", "", "-1"]),
        (pa.array([5.0, 3.5, None, float("nan"), 1e16]), ["5", "3.5", "", "", "10000000000000000"]),
        (pa.array([1.1, 0.1], pa.float32()), ["1.1", "0.1"]),
        (pa.array([0.5, 2.0], pa.float16()), ["0.5", "2"]),
        (pa.array([Decimal("3.50"), Decimal("100"), None]), ["3.5", "100", ""]),
        (pa.array([True, False, None]), ["1", "0", ""]),
        (pa.array(["满意", "", None, " x"]), ["满意", "", "", " x"]),
        (pa.array([b"abc", "满意".encode()]), ["abc", "满意"]),
        (pa.array([date(2026, 9, 30), None]), ["2026-09-30", ""]),
        (
            pa.array([datetime(2026, 9, 30, 8, 5), datetime(2026, 9, 30)]),
            ["2026-09-30 08:05:00", "2026-09-30 00:00:00"],
        ),
        (
            pa.array([datetime(2026, 9, 30, tzinfo=UTC)], pa.timestamp("s", "Asia/Shanghai")),
            ["2026-09-30 08:00:00+08:00"],
        ),
        (pa.array([["phone", "shop"], [], None, ["mail"]]), ["phone┋shop", "", "", "mail"]),
        (pa.array([[{"店": 1}], None]), ['[{"店": 1}]', ""]),
        (pa.array([None, None]), ["", ""]),
    ],
    ids=lambda value: str(value.type)[:30] if isinstance(value, pa.Array) else "",
)
def test_a_column_of_each_type(saved, column, texts):
    assert saved(q=column) == {"q": texts}


def test_structs_become_a_column_for_each_field(saved):
    column = pa.array([{"city": {"name": "北京", "code": 1}, "n": 2}, None])
    assert saved(home=column) == {"home.city.name": ["北京", ""], "home.city.code": ["1", ""], "home.n": ["2", ""]}


class TestDictionaries:
    def test_levels_of_several_row_groups_are_one_column(self, saved):
        column = pa.array(["low", "high", None, "low", "mid"]).dictionary_encode()
        assert saved(row_group_size=2, q=column) == {"q": ["low", "high", "", "low", "mid"]}

    def test_levels_that_nobody_chose_are_no_texts(self, tmp_path):
        levels = pd.Categorical(["good", "good"], categories=["bad", "good"])
        pd.DataFrame({"q": levels}).to_parquet(tmp_path / "a.parquet")
        assert read_parquet(tmp_path / "a.parquet").columns["q"].distinct == ("good",)


def test_rows_are_numbered_and_wordings_come_from_the_metadata(tmp_path):
    fields = [pa.field("q1", pa.int8(), metadata={"comment": "您满意吗？"}), pa.field("q2", pa.int8())]
    pq.write_table(pa.table({"q1": [1, 2], "q2": [3, 4]}, schema=pa.schema(fields)), tmp_path / "a.parquet")
    table = read_parquet(tmp_path / "a.parquet")
    assert table.rows.tolist() == [1, 2]
    assert {name: question.wording for name, question in table.questions.items()} == {"q1": "您满意吗？"}
    assert table.form == "Parquet"


def test_columns_of_one_name_are_numbered(tmp_path):
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["q", "q"]), tmp_path / "a.parquet")
    assert list(read_parquet(tmp_path / "a.parquet").columns) == ["q", "q (2)"]


class TestDamage:
    def test_a_file_cut_short_anywhere_is_refused(self, tmp_path):
        path = tmp_path / "a.parquet"
        pq.write_table(pa.table({"q": list(range(500)), "w": ["x"] * 500}), path)
        whole = path.read_bytes()
        for length in np.linspace(0, len(whole) - 1, 25).astype(int):
            path.write_bytes(whole[:length])
            with pytest.raises(SurveyError, match=r"not a whole Parquet file.*Get it again"):
                read_parquet(path)

    def test_a_damaged_page_is_refused(self, tmp_path):
        path = tmp_path / "a.parquet"
        pq.write_table(pa.table({"w": [f"answer {i}" for i in range(500)]}), path)
        whole = path.read_bytes()
        path.write_bytes(whole[:4] + b"\xff" * 400 + whole[404:])
        with pytest.raises(SurveyError, match="not a whole Parquet file"):
            read_parquet(path)

    def test_a_file_without_rows_is_refused(self, tmp_path):
        pq.write_table(pa.table({"q": pa.array([], pa.int8())}), tmp_path / "a.parquet")
        with pytest.raises(SurveyError, match="no answers"):
            read_parquet(tmp_path / "a.parquet")
