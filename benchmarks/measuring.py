"""How the benchmarks measure: each task in a fresh process, several times, with the peak of its memory; and tables of that.

`fresh("module", "function", ...)` runs this file as a program, which calls the function and prints what it returns as JSON.
The process that asks imports nothing heavy: a new process inherits the peak of memory of the one that starts it.
"""

import json
import os
import platform
import re
import resource
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from math import inf
from pathlib import Path
from time import perf_counter
from typing import Any

RUNS = "BENCHMARK_RUNS"  # in the environment, for the processes to come
PACKAGES = ("csi", "numpy", "scipy", "pandas", "duckdb")
Found = dict[str, Any]


class NotMeasuredError(Exception):
    """A task could not be run; the message is the last line that it wrote."""


def fresh(module: str, function: str, *arguments: object, python: Sequence[str] = (sys.executable,)) -> Found:
    """What `module.function(*arguments)` returns in a process of its own, and its peak of memory in MB as `peak`."""
    command = [*python, __file__, module, function, json.dumps(arguments)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise NotMeasuredError((done.stderr.strip() or f"ended with {done.returncode}").splitlines()[-1])
    return dict(json.loads(done.stdout.splitlines()[-1]))


def runs() -> int:
    """How often a task is timed."""
    return int(os.environ.get(RUNS, "5"))


def timed(task: Callable[[], object], most: int | None = None, enough: float = inf) -> list[float]:
    """Seconds of each run, `runs()` of them or `most`; no further run is begun once `enough` seconds have passed."""
    times: list[float] = []
    while len(times) < (most or runs()) and sum(times) < enough:
        start = perf_counter()
        task()
        times.append(perf_counter() - start)
    return times


def peak() -> float:
    """Peak resident memory in MB of this process, or of its largest child if that is more."""
    most = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return most / (1024 if sys.platform == "linux" else 1024**2)


def resident() -> float:
    """Memory in MB that this process holds now; its peak where the system does not say."""
    pages = Path("/proc/self/statm")
    return int(pages.read_text("utf-8").split()[1]) * resource.getpagesize() / 1024**2 if pages.exists() else peak()


def circumstances() -> Found:
    """Day, machine, its load just now, and versions, for the head of a section."""
    info = Path("/proc/cpuinfo")
    named = re.search(r"model name\s*: (.+)", info.read_text("utf-8") if info.exists() else "")
    versions = {"Python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return {
        "date": date.today().isoformat(),
        "machine": f"{named[1] if named else platform.processor()}, {os.cpu_count()} cores",
        "load": round(os.getloadavg()[0], 1),
        "runs": runs(),
        "versions": versions,
    }


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table whose first column is text and whose others are numbers."""
    lines = [f"| {' | '.join(cells)} |" for cells in (heads, *rows)]
    return [lines[0], "|---|" + "--:|" * (len(heads) - 1), *lines[1:], ""]


def verdict(value: float, most: float) -> str:
    """Whether a goal is met."""
    return "met" if value <= most else "MISSED"


if __name__ == "__main__":
    found = getattr(import_module(sys.argv[1]), sys.argv[2])(*json.loads(sys.argv[3]))
    print(json.dumps({"peak": peak(), **found}))
