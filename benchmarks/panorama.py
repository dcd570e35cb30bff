"""The panorama at its largest: 300 nodes by 40 slices by 8 waves from 200,000 answers."""

# ruff: noqa: PLC0415 - see ecsi.py

from statistics import median
from typing import TYPE_CHECKING

from measuring import Found, fresh, peak, resident, table, timed, verdict

if TYPE_CHECKING:
    import csi

TITLE = "Panorama"
ANSWERS, WAVES = 200_000, tuple(f"{year}Q{quarter}" for year in (2025, 2026) for quarter in (1, 2, 3, 4))
DIVISIONS = {"brand": 3, "region": 20, "tier": 5, "tenure": 5, "channel": 7}
BRANCHES, ITEMS = 49, 240  # with the index and 10 dimensions: 300 nodes
DRAWS, GAPS = 500, 0.05
SECONDS, MEGABYTES = 30, 2000


def tree() -> dict[str, dict[str, float]]:
    """Index, 10 dimensions, 49 branches, 240 items, all of equal weight."""
    below = {"index": [f"dimension {d}" for d in range(10)]}
    below |= {f"dimension {d}": [f"branch {b}" for b in range(BRANCHES) if b % 10 == d] for d in range(10)}
    below |= {f"branch {b}": [f"q{i}" for i in range(ITEMS) if i % BRANCHES == b] for b in range(BRANCHES)}
    return {parent: dict.fromkeys(children, 1.0) for parent, children in below.items()}


def waves() -> "list[csi.Survey]":
    """Answers on 1-10 with 5 % gaps, as many in each wave."""
    import numpy as np
    import pandas as pd

    import csi
    from csi.survey.survey import Source, Survey

    items = [f"q{i}" for i in range(ITEMS)]
    segments = [{"name": name, "column": name} for name in DIVISIONS]
    scale = {"low": 1, "high": 10}
    book = csi.Codebook.from_dict({"scale": scale, "items": [{"name": i} for i in items], "segments": segments})
    made = []
    for number, wave in enumerate(WAVES):
        rng, n = np.random.default_rng(number), ANSWERS // len(WAVES)
        mood = rng.normal(size=(n, 1))
        X = np.clip(np.rint(7 + mood + 1.5 * rng.normal(size=(n, ITEMS))), 1, 10)
        X[rng.random(X.shape) < GAPS] = np.nan
        answers = pd.DataFrame(X, columns=items)
        about = {name: rng.integers(0, levels, n).astype(str) for name, levels in DIVISIONS.items()}
        gaps = answers.isna().astype("uint8")
        none = pd.DataFrame({"kind": []})
        source = Source("made up", "", "made up")
        made.append(Survey(answers, gaps, pd.DataFrame(about), none, none, book, source, wave))
    return made


def cell() -> Found:
    """Seconds and peak memory, beyond the answers and in all."""
    import csi

    surveys = waves()
    before = resident()
    csi.panorama(surveys[0], views={"official": tree()}, draws=2)  # so that all libraries are loaded
    last = {}

    def task() -> None:
        last["panorama"] = csi.panorama(
            surveys[-1], surveys[:-1], views={"official": tree()}, by=list(DIVISIONS), draws=DRAWS
        )

    times = timed(task)
    return {"times": times, "rows": len(last["panorama"].rows), "data": before, "beyond": peak() - before}


def measure() -> Found:
    """In a process of its own."""
    return fresh("panorama", "cell")


def written(found: Found) -> list[str]:
    """One row."""
    seconds = median(found["times"])
    row = ["300 x 40 x 8", f"{ANSWERS:,}", f"{DRAWS}", f"{found['rows']:,}", f"{seconds:.1f} s"]
    row += [verdict(seconds, SECONDS), f"{found['peak']:,.0f} MB", f"{found['beyond']:,.0f} MB"]
    heads = ["nodes x slices x waves", "answers", "draws", "rows", "time", f"{SECONDS} s", "peak", "beyond the answers"]
    return [
        *table([*heads, f"{MEGABYTES:,} MB"], [[*row, verdict(found["peak"], MEGABYTES)]]),
        f"- {ITEMS} items with {GAPS:.0%} gaps, weights given; slices: {', '.join(f'{n} {k}' for k, n in DIVISIONS.items())}. "
        "Levels, changes on the last wave and on last year with intervals, shrinkage, tests, the table.",
    ]
