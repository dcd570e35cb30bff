"""Time the moments of 10 million answers to 24 items and 2,000 bootstrap draws of the ECSI model from their buckets.

    uv run python benchmarks/moments.py

The answers are made up in a temporary folder, as a table of a DuckDB file and as Parquet. Each is read in a fresh process, whose
peak memory is counted from where it stood with libraries loaded and the table known: it contains what DuckDB keeps of the data.
"""

# ruff: noqa: PLC0415 - the parent process imports nothing heavy

import json
import os
import platform
import resource
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from bootstrap import ITEMS, PAIRS

ROWS, PIECE, DRAWS, BUCKETS = 10_000_000, 500_000, 2_000, 256
SECONDS, MEGABYTES = 8, 1_000  # what two cores should do


def make(folder: Path) -> None:
    """Write `folder`/answers.duckdb and answers.parquet: a customer key and 24 answers 1-10 that follow the model."""
    import duckdb
    import numpy as np
    import pyarrow as pa

    rng, connection = np.random.default_rng(1), duckdb.connect(str(folder / "answers.duckdb"))
    for first in range(0, ROWS, PIECE):
        score = {name: rng.standard_normal(PIECE, dtype=np.float32) for name in ITEMS}
        for cause, effect in PAIRS:  # causes stand before their effects
            score[effect] += 0.5 * score[cause]
        piece: dict[str, Any] = {"id": np.arange(first, first + PIECE)}
        for name, block in ITEMS.items():
            for item in block:
                noisy = score[name] / score[name].std() + 0.7 * rng.standard_normal(PIECE, dtype=np.float32)
                piece[item] = np.clip(np.rint(7.5 + 1.5 * noisy), 1, 10).astype(np.int8)
        connection.register("piece", pa.table(piece))
        connection.execute("create table if not exists answers as select * from piece limit 0")
        connection.execute("insert into answers select * from piece")
    connection.execute(f"copy answers to '{folder / 'answers.parquet'}' (format parquet)")
    connection.close()


def run(file: Path) -> dict[str, float]:
    """Seconds for the moments and for the draws, and the peak of memory in MB beyond the libraries."""
    import numpy as np

    from csi.engine import connect, moments_of
    from csi.kernel.estimates import estimate
    from csi.kernel.pls import Layout

    names = list(ITEMS)
    adjacency = np.zeros((len(names), len(names)), dtype=bool)
    for cause, effect in PAIRS:
        adjacency[names.index(cause), names.index(effect)] = True
    plain = np.zeros(len(names), dtype=bool)
    layout = Layout(np.repeat(np.arange(len(names)), [len(block) for block in ITEMS.values()]), plain, plain, adjacency)
    items = [item for block in ITEMS.values() for item in block]
    threads = os.cpu_count() or 1
    if file.suffix == ".duckdb":
        table = connect(f"duckdb://{file}", threads=threads).table("answers")
    else:
        table = connect(threads=threads).read(file)
    before, start = peak(), perf_counter()
    sums = moments_of(table, items, unit="id", buckets=BUCKETS)
    summed = perf_counter()
    weights = estimate(sums.moments().correlation, layout).weights[0]
    drawn = [estimate(m.correlation, layout, reference=weights) for m in sums.resamples(DRAWS, seed=1)]
    done = perf_counter()
    if sum(len(e.paths) for e in drawn) != DRAWS or not all(e.converged.all() for e in drawn):
        raise SystemExit("some draws could not be estimated: these times mean nothing")
    return {"moments": summed - start, "draws": done - summed, "memory": peak() - before}


def peak() -> float:
    """Peak resident memory of this process in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)


def fresh(*role: str) -> str:
    """Run this file in a new process for one role; what it printed."""
    return subprocess.run([sys.executable, __file__, *role], check=True, stdout=subprocess.PIPE, text=True).stdout


def main() -> None:
    """Make the answers, read them in both shapes, print."""
    print(f"{ROWS:,} answers x 24 items, {BUCKETS} buckets, {DRAWS:,} draws of the ECSI model; {os.cpu_count()} cores,")
    print(f"Python {platform.python_version()}. Aim: {SECONDS} s and {MEGABYTES:,} MB.\n")
    print("| answers in | moments | draws | together | peak memory |\n|---|--:|--:|--:|--:|")
    with TemporaryDirectory() as folder:
        fresh("make", folder)  # in a process of its own: the next would inherit its peak of memory
        for name in ("answers.duckdb", "answers.parquet"):
            m = json.loads(fresh("run", str(Path(folder) / name)).splitlines()[-1])
            together = m["moments"] + m["draws"]
            print(f"| {name} | {m['moments']:.1f} s | {m['draws']:.1f} s | {together:.1f} s | {m['memory']:.0f} MB |")


if __name__ == "__main__":
    if sys.argv[1:2] == ["make"]:
        make(Path(sys.argv[2]))
    elif sys.argv[1:2] == ["run"]:
        print(json.dumps(run(Path(sys.argv[2]))))
    else:
        main()
