"""Time 10,000 bootstrap draws of the ECSI model, with every interval table, here and in seminr (PyPI) side by side.

    CSI_DATA=<folder with mobi.csv> uv run --group bench python benchmarks/bootstrap.py

Each program works in a fresh process. seminr is timed with 100 and with 1,000 draws, so that starting its workers is counted
once in the time for 10,000. Without mobi.csv the answers are made up; without seminr only our own time is printed.
"""

# ruff: noqa: PLC0415 - each process imports only what its own role needs, for its memory and its start are measured

import json
import os
import platform
import re
import resource
import subprocess
import sys
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from timeit import repeat
from typing import Any

DRAWS, FEW, MANY, RUNS, SEMINR_RUNS = 10_000, 100, 1_000, 5, 3
BLOCKS = {"Image": ("IMAG", 5), "Expectation": ("CUEX", 3), "Quality": ("PERQ", 7), "Value": ("PERV", 2)}
BLOCKS |= {"Satisfaction": ("CUSA", 3), "Complaints": ("CUSCO", 0), "Loyalty": ("CUSL", 3)}
ITEMS = {name: [f"{stem}{i + 1}" for i in range(count)] or [stem] for name, (stem, count) in BLOCKS.items()}
PATHS = {
    "Image": ["Expectation", "Satisfaction", "Loyalty"],
    "Expectation": ["Quality", "Value", "Satisfaction"],
    "Quality": ["Value", "Satisfaction"],
    "Value": ["Satisfaction"],
    "Satisfaction": ["Complaints", "Loyalty"],
    "Complaints": ["Loyalty"],
}
PAIRS = [(cause, effect) for cause, effects in PATHS.items() for effect in effects]
TABLES = ("paths", "loadings", "weights", "total_effects", "r_squared", "htmt")


def answers() -> tuple[str, list[str], Any]:
    """Where the answers come from, the items, and the answers (n, 24): mobi.csv or made-up ones."""
    import numpy as np

    items = [item for block in ITEMS.values() for item in block]
    file = Path(os.environ.get("CSI_DATA", "")) / "mobi.csv"
    if file.is_file():
        named = np.genfromtxt(file, delimiter=",", names=True)
        return "mobi", items, np.column_stack([named[item] for item in items])
    rng = np.random.default_rng(1)
    score = {name: rng.normal(size=250) for name in BLOCKS}
    for cause, effect in PAIRS:  # causes stand before their effects
        score[effect] += 0.5 * score[cause]
    noisy = [score[name] / score[name].std() + rng.normal(0, 0.7, 250) for name, block in ITEMS.items() for _ in block]
    return "synthetic answers in the shape of mobi", items, np.clip(np.round(7.5 + 1.5 * np.array(noisy).T), 1, 10)


def peak() -> float:
    """Peak resident memory in MB of this process, or of its largest child if that is more."""
    most = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return most / (1024 if sys.platform == "linux" else 1024**2)


def run_csi() -> dict[str, Any]:
    """Our draws and tables, and the point estimate of every path."""
    import pandas as pd

    import csi

    source, items, X = answers()
    lines = [f"{name} <~ {' + '.join(block)}" for name, block in ITEMS.items()]
    model = csi.Model.parse("\n".join([*lines, *(f"{effect} ~ {cause}" for cause, effect in PAIRS)]))
    fit = csi.fit(model, pd.DataFrame(X, columns=items), scale=(1, 10))

    def task() -> None:
        draws = csi.bootstrap(fit, DRAWS, seed=1)
        for table in TABLES:
            getattr(draws, table)

    times = repeat(task, repeat=RUNS, number=1)
    paths = [fit.paths.to_dict("index")[cause][effect] for cause, effect in PAIRS]
    return {"source": source, "n": len(X), "times": times, "peak": peak(), "paths": paths}


def run_seminr(cores: int) -> dict[str, Any]:
    """The same of seminr, for few and for many draws; it has no R2 draws."""
    import seminr

    _, items, X = answers()
    measurement = seminr.constructs(*(seminr.composite(name, block) for name, block in ITEMS.items()))
    structure = seminr.relationships(*(seminr.paths(cause, effects) for cause, effects in PATHS.items()))
    model = seminr.estimate_pls((items, X), measurement, structure)

    def task(draws: int) -> None:
        seminr.summarize(seminr.bootstrap_model(model, draws, seed=1, cores=cores))

    few, many = (median(repeat(partial(task, draws), repeat=SEMINR_RUNS, number=1)) for draws in (FEW, MANY))
    paths = [float(model.path_coef.get(cause, effect)) for cause, effect in PAIRS]
    return {"few": few, "many": many, "peak": peak(), "paths": paths}


def fresh(*role: str) -> dict[str, Any]:
    """Run this file in a new process for one role and read what it measured."""
    done = subprocess.run([sys.executable, __file__, *role], check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Measure, print, and leave the table in RESULTS.md when both programs were measured."""
    info = Path("/proc/cpuinfo")
    named = re.search(r"model name\s*: (.+)", info.read_text() if info.exists() else "")
    machine = f"{named[1] if named else platform.processor()}, {os.cpu_count()} cores"
    ours = fresh("csi")
    seconds = median(ours["times"])
    versions = [f"Python {platform.python_version()}", f"NumPy {version('numpy')}", f"csi {version('csi')}"]
    rows = [f"| | draws run | time | for {DRAWS:,} | ratio | peak memory |", "|---|--:|--:|--:|--:|--:|"]
    rows += [f"| csi, one process | {DRAWS:,} | {seconds:.2f} s | {seconds:.2f} s | 1 | {ours['peak']:.0f} MB |"]
    notes = [f"csi: median of {RUNS} runs, the first {ours['times'][0]:.2f} s; tables: {', '.join(TABLES)}."]
    if found := bool(find_spec("seminr")):
        versions.append(f"seminr {version('seminr')}")
        theirs = [fresh("seminr", cores) for cores in "12"]
        for who, them in zip(("one process", "two processes"), theirs, strict=True):
            scaled = them["many"] + (DRAWS - MANY) * (them["many"] - them["few"]) / (MANY - FEW)
            times = f"{them['many']:.2f} s | {scaled:.0f} s | {scaled / seconds:.0f}"
            rows.append(f"| seminr, {who} | {MANY:,} | {times} | {them['peak']:.0f} MB |")
        apart = max(abs(a - b) for a, b in zip(ours["paths"], theirs[0]["paths"], strict=True))
        verdict = "agree to 1e-6" if apart <= 1e-6 else "DO NOT AGREE to 1e-6"
        notes += [
            f"seminr: median of {SEMINR_RUNS} runs, scaled with its start counted once; it has no table of r_squared.",
            f"Peak memory is that of the largest process. The point paths {verdict}: largest difference {apart:.1e}.",
        ]
    else:
        notes.append("seminr is not installed, so there is no comparison and RESULTS.md stays as it was.")
    head = f"# {DRAWS:,} bootstrap draws of the ECSI model: 7 constructs, 24 items, 12 paths\n\n"
    head += f"Data: {ours['source']}, n = {ours['n']}. Machine: {machine}. {', '.join(versions)}.\n"
    text = "\n".join([head, *rows, "", *(f"- {note}" for note in notes), ""])
    print(text)
    if found:  # whole or not at all
        unfinished = Path(__file__).with_name("RESULTS.tmp")
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(unfinished.with_suffix(".md"))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(run_csi() if sys.argv[1] == "csi" else run_seminr(int(sys.argv[2]))))
    else:
        main()
