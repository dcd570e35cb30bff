"""10 million answers in DuckDB: moments, fit and 2,000 bootstrap draws with intervals, from random buckets of customers.

The answers are made up in a temporary folder, as a table of a DuckDB file and as Parquet. Each run reads them in a fresh
process, whose peak memory is counted from where it stood with libraries loaded and the table known: it contains what DuckDB
keeps of the data.
"""

# ruff: noqa: PLC0415 - see ecsi.py

import os
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from bootstrap import QUANTITIES
from ecsi import SCALE, items, made_up, model, pieces
from measuring import Found, fresh, peak, resident, runs, table, verdict

TITLE = "10 million answers to 24 items in DuckDB"
ROWS, DRAWS, BUCKETS = 10_000_000, 2_000, 256
SECONDS, MEGABYTES = 8, 1_000
FILES = {"a DuckDB file": "answers.duckdb", "a Parquet file": "answers.parquet"}


def make(folder: str) -> Found:
    """Write the answers, with a customer key, in both shapes."""
    import duckdb
    import numpy as np
    import pyarrow as pa

    connection, first = duckdb.connect(str(Path(folder) / FILES["a DuckDB file"])), 0
    for piece in pieces(ROWS, rows=500_000):
        columns = dict(zip(items(), piece.T.copy(), strict=True))
        connection.register("piece", pa.table({"id": np.arange(first, first + len(piece)), **columns}))
        connection.execute("create table if not exists answers as select * from piece limit 0")
        connection.execute("insert into answers select * from piece")
        first += len(piece)
    connection.execute(f"copy answers to '{Path(folder) / FILES['a Parquet file']}' (format parquet)")
    connection.close()
    return {}


def read(file: str) -> Found:
    """Seconds for the moments and for fit, draws and tables, and the peak of memory in MB beyond the libraries."""
    import csi

    csi.bootstrap(csi.fit(model(), made_up(500), scale=SCALE), 2).table()  # so that all libraries are loaded
    threads = os.cpu_count() or 1
    if file.endswith(".duckdb"):
        source = csi.connect(f"duckdb://{file}", threads=threads).table("answers")
    else:
        source = csi.connect(threads=threads).read(Path(file))
    before, start = resident(), perf_counter()
    sums = csi.moments_of(source, items(), unit="id", buckets=BUCKETS)
    summed = perf_counter()
    boot = csi.bootstrap(csi.fit(model(), sums, scale=SCALE), DRAWS, seed=1)
    for name in QUANTITIES:
        boot.quantity(name)
    done = perf_counter()
    return {
        "moments": summed - start,
        "draws": done - summed,
        "beyond": peak() - before,
        "usable": int(boot.usable.sum()),
    }


def measure() -> Found:
    """Make the answers, then read them in both shapes, every run in a process of its own."""
    with TemporaryDirectory() as folder:
        fresh("moments", "make", folder)
        return {
            name: [fresh("moments", "read", f"{folder}/{file}") for _ in range(runs())] for name, file in FILES.items()
        }


def written(found: Found) -> list[str]:
    """One row a shape."""
    rows = []
    for name, done in found.items():
        moments, draws = (median(run[part] for run in done) for part in ("moments", "draws"))
        together = median(run["moments"] + run["draws"] for run in done)
        memory = max(run["beyond"] for run in done)
        met = verdict(max(together / SECONDS, memory / MEGABYTES), 1.0)
        cells = [f"{moments:.1f} s", f"{draws:.1f} s", f"{together:.1f} s", f"{memory:.0f} MB"]
        rows.append([name, *cells, f"{SECONDS} s, {MEGABYTES:,} MB", met])
    fewest = min(run["usable"] for done in found.values() for run in done)
    heads = ["csi reads", "moments", "fit and draws", "together", "memory", "goal", ""]
    return [
        *table(heads, rows),
        f"- Memory: the largest beyond libraries. {DRAWS:,} draws of {BUCKETS} buckets of customers, of which "
        f"{fewest:,} or more could be used; intervals of {', '.join(QUANTITIES)}.",
    ]
