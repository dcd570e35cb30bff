"""The engine reads tables, counts and streams them, and says what is wrong in the file's own terms."""

import sys

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from csi.engine import POSITION, connect, table_of
from csi.errors import LinkError

TEXT = "客户,分钟,关怀,日期\n001,1.5,是,2026-01-01\n002,,否,2026-01-02\n"


def table_with(columns):
    return table_of(ibis.memtable(pa.Table.from_pandas(pd.DataFrame(columns), preserve_index=False)))


@pytest.fixture
def engine():
    return connect(threads=2, memory="1GB")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_csv_with_and_without_bom(engine, tmp_path, encoding):
    path = tmp_path / "base.csv"
    path.write_text(TEXT, encoding)
    table = engine.read(path)
    assert table.columns == {"客户": "text", "分钟": "number", "关怀": "text", "日期": "date"}
    assert table.rows() == 2


def test_parquet_and_the_kinds_of_columns(engine, tmp_path):
    path = tmp_path / "base.parquet"
    frame = {"id": [1, 2], "x": [0.5, np.nan], "yes": [True, False], "name": ["a", ""], "list": [[1], [2]]}
    pd.DataFrame(frame).to_parquet(path)
    table = engine.read(path)
    assert table.columns == {"id": "integer", "x": "number", "yes": "flag", "name": "text", "list": "other"}
    batch = next(table.batches(["id", "x", "yes", "name"], as_text=["id"])).to_pydict()
    assert batch == {"id": ["1", "2"], "x": [0.5, None], "yes": ["true", "false"], "name": ["a", None]}


def test_a_key_read_as_text_keeps_its_zeros(engine, tmp_path):
    path = tmp_path / "base.csv"
    path.write_text("id,x\n" + "".join(f"{i:05d},{i}\n" for i in range(100)))
    table = engine.read(path, text=["id"])
    assert table.columns["id"] == "text"
    assert next(table.batches(["id"])).column("id")[7].as_py() == "00007"


class TestWhatCannotBeReadIsNamed:
    def test_missing_file(self, engine, tmp_path):
        with pytest.raises(LinkError, match=r"nowhere\.csv: there is no such file"):
            engine.read(tmp_path / "nowhere.csv")

    def test_unknown_suffix(self, engine, tmp_path):
        path = tmp_path / "base.sav"
        path.touch()
        with pytest.raises(LinkError, match=r"'\.sav' is not a known kind .* Save it as \.parquet or \.csv"):
            engine.read(path)

    def test_not_utf8(self, engine, tmp_path):
        path = tmp_path / "base.csv"
        path.write_bytes(TEXT.encode("gb18030"))
        with pytest.raises(LinkError, match=r"base\.csv: the file is not UTF-8\. Save it as 'CSV UTF-8'"):
            engine.read(path)

    def test_text_among_numbers_far_down(self, engine, tmp_path):
        path = tmp_path / "base.csv"
        path.write_text("id,x\n" + "".join(f"{i},1\n" for i in range(50_000)) + "50000,many\n")
        with pytest.raises(LinkError, match=r"base\.csv: the engine cannot read this: .*many"):
            list(engine.read(path).batches(["x"]))

    def test_not_a_parquet_file(self, engine, tmp_path):
        path = tmp_path / "base.parquet"
        path.write_text("no")
        with pytest.raises(LinkError, match=r"base\.parquet: the engine cannot read this"):
            engine.read(path)

    def test_missing_column(self, engine, tmp_path):
        path = tmp_path / "base.csv"
        path.write_text(TEXT)
        with pytest.raises(
            LinkError, match=r"no column '分种', which is named as a feature\. Its columns are 客户, 分钟"
        ):
            engine.read(path).require(["分种"], "a feature")

    def test_unknown_table_and_engine(self, engine):
        with pytest.raises(LinkError, match="no table 'customers'"):
            engine.table("customers")
        with pytest.raises(LinkError, match="cannot connect to 'nosuch://'"):
            connect("nosuch://")
        with pytest.raises(LinkError, match="for DuckDB only"):
            connect("sqlite://", threads=2)
        with pytest.raises(LinkError, match="not DataFrame"):
            table_of(pd.DataFrame())


class TestOperations:
    @pytest.fixture
    def table(self):
        frame = {
            "id": ["a", "b", "b", "c", None],
            "x": [1.0, 2.0, 3.0, np.nan, 10.0],
            "card": ["g", "s", "s", None, "g"],
        }
        return table_with(frame)

    def test_keys_that_repeat_or_are_absent(self, table):
        assert table.repeated("id") == (1, "b")
        assert table.repeated("x") == (0, "")
        assert table.gaps("id") == 1

    def test_summary_counts_recorded_values_only(self, table):
        summary = table.summary(["x"])["x"]
        assert (summary.n, summary.mean) == (4, 4.0)
        assert summary.sd == pytest.approx(np.std([1, 2, 3, 10], ddof=1))
        assert table.summary([]) == {}

    def test_typical_is_the_median_or_the_first_of_the_most_frequent(self, table):
        assert table.typical(["x", "card"]) == {"x": 2.5, "card": "g"}

    def test_typical_is_no_record_where_most_have_none(self):
        assert table_with({"x": [1.0, np.nan, np.nan], "card": [None, None, "g"]}).typical(["x", "card"]) == {
            "x": None,
            "card": None,
        }

    def test_matching_gives_the_position_of_each_value(self, table):
        found = table.matching("id", ["c", "nobody", "a"], ["x", "card"])
        assert found.to_pydict() == {POSITION: [0, 2], "x": [None, 1.0], "card": [None, "g"]}

    def test_batches_are_of_the_size_asked_for(self):
        table = table_with({"x": np.arange(10_000)})
        sizes = [batch.num_rows for batch in table.batches(["x"], size=3000)]
        assert sum(sizes) == 10_000
        assert max(sizes) <= 3000


def test_a_table_of_the_database_is_found(tmp_path):
    engine = connect(f"duckdb://{tmp_path / 'base.duckdb'}")
    engine.backend.raw_sql("create table customers as select 1 as id union all select 2")
    assert engine.table("customers").rows() == 2


class TestConnecting:
    def test_duckdb_keeps_to_its_bounds(self, tmp_path):
        engine = connect(threads=1, memory="100MB", temp_folder=tmp_path, settings={"max_temp_directory_size": "1GB"})
        ask = "select current_setting('threads'), current_setting('memory_limit'), current_setting('temp_directory')"
        assert engine.backend.raw_sql(ask).fetchone() == (1, "95.3 MiB", str(tmp_path))

    def test_an_engine_that_is_not_installed_names_what_to_install(self):
        with pytest.raises(
            LinkError, match=r"cannot connect to 'trino://host'.* pip install 'ibis-framework\[trino\]'"
        ):
            connect("trino://host")

    def test_spark_that_is_not_installed_names_what_to_install(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "pyspark.sql", None)
        with pytest.raises(LinkError, match=r"cannot connect to 'local\[2\]'.* pip install 'csi\[spark\]'"):
            connect("local[2]")

    def test_bounds_of_spark_are_its_own_settings(self):
        with pytest.raises(LinkError, match=r"for DuckDB only; .* or by the engine's own names in settings="):
            connect("spark://host:7077", memory="4GB")
