"""Measure everything side by side and write RESULTS.md.

    CSI_DATA=<folder with mobi.csv> uv run --group bench python benchmarks/run.py [--only bootstrap growth ...] [--runs 5]

What a section has measured is kept in results.json, so that a heavy one need not be measured again when another is. The table
is written from what is kept, whole or not at all: not before every section has been measured. By hand, not in CI: all sections
take a quarter of an hour on two idle cores. Without mobi.csv the answers are made up; a peer that is not installed is named.
"""

import argparse
import json
import os
from pathlib import Path

import behaviour
import bootstrap
import drivers
import gaps
import groups
import growth
import moments
import panorama
import variants
from measuring import RUNS, Found, circumstances

SECTIONS = {
    "bootstrap": bootstrap,
    "variants": variants,
    "groups": groups,
    "growth": growth,
    "moments": moments,
    "gaps": gaps,
    "drivers": drivers,
    "behaviour": behaviour,
    "panorama": panorama,
}
IDLE = 0.3  # load up to which a machine counts as idle
KEPT, TABLE = (Path(__file__).with_name(name) for name in ("results.json", "RESULTS.md"))


def whole(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    unfinished = path.with_suffix(".tmp")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)


def read() -> Found:
    """What is kept of earlier runs."""
    return dict(json.loads(KEPT.read_text("utf-8"))) if KEPT.is_file() else {}


def section(name: str, kept: Found) -> list[str]:
    """Title, circumstances and table of one section."""
    around = kept["circumstances"]
    versions = ", ".join(f"{package} {number}" for package, number in around["versions"].items())
    runs = "one run" if around["runs"] == 1 else f"median of {around['runs']} runs"
    head = (
        f"{around['date']}; {around['machine']}; {runs}; load of other work before them {around['load']}; {versions}."
    )
    if around["load"] > IDLE:
        head += " **The machine was not idle: times are upper limits, ratios between programs are not to be trusted.**"
    return [f"## {SECTIONS[name].TITLE}", "", head, "", *SECTIONS[name].written(kept["found"]), ""]


def document(kept: Found) -> str:
    """The whole of RESULTS.md."""
    lines = [
        "# Benchmarks",
        "",
        "Written by `benchmarks/run.py`; every program in a fresh process, with its peak memory.",
        "",
    ]
    for name in SECTIONS:
        lines += section(name, kept[name])
    return "\n".join(lines).rstrip() + "\n"


def main() -> None:
    """Measure what is asked, keep it, print it, and write the table if every section is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", nargs="*", choices=SECTIONS, default=list(SECTIONS), help="sections; none: the table alone"
    )
    parser.add_argument("--runs", type=int, default=5, help="how often each task is timed")
    asked = parser.parse_args()
    os.environ[RUNS] = str(asked.runs)
    around = circumstances()  # before anything runs, so that the load is that of other work
    for name in asked.only:
        found = SECTIONS[name].measure()
        kept = read() | {name: {"circumstances": around, "found": found}}
        whole(KEPT, json.dumps(kept, indent=1) + "\n")
        print("\n".join(section(name, kept[name])), flush=True)
    kept = read()
    absent = [name for name in SECTIONS if name not in kept]
    if absent:
        print(f"{TABLE.name} stays as it was: {', '.join(absent)} not measured yet.")
    else:
        whole(TABLE, document(kept))


if __name__ == "__main__":
    main()
