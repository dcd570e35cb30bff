"""Tables are written whole or not at all, and what vanishes, changes or dies is said."""

import signal
import subprocess
import sys
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from csi.engine import connect, operations, write
from csi.errors import FileError, LinkError

pytest_plugins = ["engines"]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


ROWS = pa.table({"id": ["007", "013"], "x": [0.5, None], "name": ["Li, Lao", None]})


def failing(engine, rows=20_000):
    """A table whose last row cannot be computed, so that an engine fails after it has begun to write."""
    texts = engine.hold(pa.table({"t": [*map(str, range(rows)), "many"]}), "texts")
    return operations.with_columns(texts, {"x": lambda t: t["t"].cast("int64")})


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_what_is_written_is_read_again(engine, tmp_path, suffix):
    path = tmp_path / "new folder" / f"scores{suffix}"
    for _ in range(2):  # the second takes the place of the first
        write(engine.hold(ROWS, "rows"), path)
    again = engine.read(path)
    assert sorted(map(str, again.arrow(again.expression).to_pylist())) == sorted(map(str, ROWS.to_pylist()))
    assert names(path.parent) == [path.name]


def test_what_spark_wrote_is_read_by_duckdb(spark, tmp_path):
    write(spark.hold(ROWS, "rows"), tmp_path / "scores.parquet")
    assert connect().read(tmp_path / "scores.parquet").rows() == 2


class TestNothingIsHalfWritten:
    @pytest.mark.parametrize("suffix", [".parquet", ".csv"])
    def test_when_the_engine_fails_in_the_middle(self, engine, tmp_path, suffix):
        path = tmp_path / f"scores{suffix}"
        write(engine.hold(ROWS, "rows"), path)
        with pytest.raises(LinkError, match="texts: the engine cannot read this"):
            write(failing(engine), path)
        assert engine.read(path).rows() == 2
        assert names(tmp_path) == [path.name]

    def test_when_the_program_is_killed(self, tmp_path):
        path = tmp_path / "scores.parquet"
        pq.write_table(ROWS, path)
        program = (
            "import sys; from csi.engine import connect, write; e = connect(threads=1);"
            "e.backend.raw_sql('create view big as select range as id, md5(range::text) as t from range(400000000)');"
            "print('begun', flush=True); write(e.table('big'), sys.argv[1])"
        )
        with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE) as other:
            other.stdout.readline()
            while not any(name.startswith(".scores") for name in names(tmp_path)) and other.poll() is None:
                time.sleep(0.01)
            assert other.poll() is None
            other.send_signal(signal.SIGKILL)
        assert pq.read_table(path).equals(ROWS)

    def test_when_spark_dies(self, spark, spark_settings, tmp_path):
        """In a program of its own, whose Java machine is killed as soon as it has begun to write."""
        (tmp_path / "scores.parquet").mkdir()
        pq.write_table(ROWS, tmp_path / "scores.parquet" / "part.parquet")
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", DYING, str(tmp_path), repr(spark_settings)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "big: the engine has died or was closed. What was being written is not there" in done.stdout, (
            done.stderr[-2000:]
        )
        assert pq.read_table(tmp_path / "scores.parquet").equals(ROWS)
        assert not [name for name in names(tmp_path) if not name.startswith(".") and name != "scores.parquet"]


DYING = """
import ast, os, signal, sys, threading, time
from csi.engine import connect, write
from csi.errors import LinkError
folder, settings = sys.argv[1], ast.literal_eval(sys.argv[2])
engine = connect("local[1]", settings=settings)
engine.backend.raw_sql("create temporary view big as select id, uuid() as t from range(100000000000)")
java = engine.backend.raw_sql("select 1").sparkSession.sparkContext._jvm.java.lang.ProcessHandle.current().pid()

def kill():
    while not any(name.startswith(".scores") for name in os.listdir(folder)):
        time.sleep(0.05)
    os.kill(java, signal.SIGKILL)

threading.Thread(target=kill, daemon=True).start()
try:
    write(engine.table("big"), folder + "/scores.parquet")
except LinkError as error:
    print(error, flush=True)
os._exit(0)
"""


class TestTheReasonIsSaid:
    def test_a_table_that_vanished(self, engine, tmp_path):
        path = tmp_path / "base.parquet"
        pq.write_table(ROWS, path)
        table = engine.read(path)
        path.unlink()
        with pytest.raises(LinkError, match=r"base\.parquet: the table has vanished since it was opened\. Put it back"):
            table.arrow(table.expression)

    def test_a_table_whose_columns_changed(self, engine, tmp_path):
        path = tmp_path / "base.parquet"
        pq.write_table(pa.table({"id": [1, 2], "x": [1, 2]}), path)
        table = engine.read(path)
        pq.write_table(pa.table({"id": [1, 2], "x": ["many", "few"]}), path)
        with pytest.raises(LinkError, match=r"base\.parquet: the table has changed since it was opened.* Read it anew"):
            table.summary(["x"])

    def test_numbers_that_become_text_far_down_a_csv(self, engine, tmp_path):
        path = tmp_path / "base.csv"
        path.write_text("id,x\n" + "".join(f"{i},1\n" for i in range(50_000)))
        table = engine.read(path)
        path.write_text("id,x\n" + "".join(f"{i},1\n" for i in range(50_000)) + "50000,many\n")
        with pytest.raises(LinkError, match=r"base\.csv: the engine cannot read this: .*correct the cell"):
            list(table.batches(["x"]))

    def test_moments_that_spark_cannot_read(self, spark, tmp_path):
        pq.write_table(pa.table({"at": pa.array([0], pa.timestamp("ns"))}), tmp_path / "calls.parquet")
        with pytest.raises(LinkError, match=r"calls\.parquet: Spark does not read moments in nanoseconds\. Save"):
            spark.read(tmp_path / "calls.parquet")

    def test_too_little_memory(self, tmp_path):
        engine = connect(
            threads=1, memory="20MB", temp_folder=tmp_path / "none", settings={"max_temp_directory_size": "1MB"}
        )
        engine.backend.raw_sql("create view big as select range as id, md5(range::text) as t from range(2000000)")
        table = engine.table("big")
        with pytest.raises(LinkError, match=r"big: the engine ran out of room: .* csi\.connect\(memory="):
            write(operations.summarise(table, ["t"], {"n": ("distinct", "id")}), tmp_path / "out.parquet")
        assert [name for name in names(tmp_path) if "out" in name] == []

    def test_an_engine_that_was_closed(self, tmp_path):
        engine = connect()
        table = engine.hold(ROWS, "rows")
        engine.backend.disconnect()
        with pytest.raises(
            LinkError, match=r"rows: the engine has died or was closed\. What was being written is not there"
        ):
            write(table, tmp_path / "out.parquet")
        assert names(tmp_path) == []

    def test_a_place_that_cannot_be_written(self, tmp_path):
        table = connect().hold(ROWS, "rows")
        with pytest.raises(FileError, match=r"written as \.parquet or \.csv"):
            write(table, tmp_path / "out.xlsx")
        (tmp_path / "out.csv").mkdir()
        with pytest.raises(FileError, match="there is a folder of this name"):
            write(table, tmp_path / "out.csv")
        (tmp_path / "file").touch()
        with pytest.raises(FileError, match="cannot be written"):
            write(table, tmp_path / "file" / "out.csv")
