"""The simulation study: whether estimates, intervals and tests of groups keep what they promise.

    uv run python benchmarks/simulation_study.py [--replications 2000] [--only TEXT]

Each condition draws many samples from a known population. Conditions that are done are kept in a file beside this one and not
run again; the document is docs/simulation_study.md. --only takes the conditions whose name contains the text: "groups",
"raking", "weighted", "at random, em". By hand, not in CI: all conditions take some hours on two cores.
"""

import argparse
import json
import platform
from pathlib import Path
from typing import Any

import numpy as np
import simulated_groups
import simulated_raking
import simulated_recovery
from simulated_population import POPULATION, SEED

from csi.files import write_whole

ROOT = Path(__file__).resolve().parent.parent
DONE, DOCUMENT = ROOT / "benchmarks" / "simulation_study.json", ROOT / "docs" / "simulation_study.md"
PARTS = (simulated_recovery, simulated_groups, simulated_raking)
TEXT = f"""
# Simulation study

Do estimates find the truth, do intervals cover it, and do tests keep their level? Samples from a known population answer that.
In it four constructs of two or three items (Quality, Value, Satisfaction, Loyalty; loadings 0.7 to 0.85) are joined by four
paths. Answers are *normal*, or *skewed*: whole points from 1 to 10, most of them high, as satisfaction surveys give them. The
truth is what the same estimator gives on {POPULATION:,} cases of the population. With 2,000 samples the Monte-Carlo error of a
rate near 5 or 95 % is 0.5 points.

Written by `benchmarks/simulation_study.py` (seed {SEED}; {platform.machine()}, Python {platform.python_version()},
NumPy {np.__version__}).
"""


def read() -> dict[str, dict[str, Any]]:
    """Results of the conditions that are done, by name."""
    return json.loads(DONE.read_text("utf-8")) if DONE.is_file() else {}


def write(results: dict[str, dict[str, Any]]) -> None:
    """The results, and the document made of them."""
    write_whole(DONE, json.dumps(results, indent=1).encode())
    parts = [TEXT, *("\n".join(part.section(results)) for part in PARTS)]
    write_whole(DOCUMENT, "".join(f"{part.strip()}\n\n" for part in parts).rstrip("\n").encode() + b"\n")


def main() -> None:
    """Run what is not done yet and write the document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replications", type=int, default=2000)
    parser.add_argument("--only", default="")
    asked = parser.parse_args()
    for part in PARTS:
        for condition in part.CONDITIONS:
            if condition.name not in read() and asked.only in condition.name:
                found = part.run(condition, asked.replications)
                write(read() | {condition.name: found})  # read again: another run may have added its own
                print(condition.name, "done", flush=True)
    write(read())


if __name__ == "__main__":
    main()
