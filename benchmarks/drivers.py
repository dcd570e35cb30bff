"""Key drivers of the satisfaction of 86,585 airline passengers: 14 ratings, 0 = not applicable, 1,000 draws.

With CSI_DATA the passengers are those of airline/airline_passenger_satisfaction_twothirds.csv.gz in that folder, else they are
made up: as many, with about as many gaps. Reading the file is not counted; treating the gaps anew in every draw is.
"""

# ruff: noqa: PLC0415 - see ecsi.py

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from measuring import Found, fresh, table, timed, verdict

if TYPE_CHECKING:
    import pandas as pd

TITLE = "Key drivers: 86,585 passengers, 14 drivers"
ROWS, DRIVERS, DRAWS, NOT_APPLICABLE = 86_585, 14, 1_000, 0.01
SECONDS, MEGABYTES = 6, 1_000
FILE = Path("airline") / "airline_passenger_satisfaction_twothirds.csv.gz"
TASKS = {
    "LMG, Johnson, regression, correlation (em)": ("linear", "em"),
    "the same (pairwise)": ("linear", "pairwise"),
    "with McFadden dominance, 20 orders (em)": ("binary", "em"),
}


def passengers() -> tuple[pd.DataFrame, list[str], bool]:
    """Ratings with `satisfied` 0 or 1, the names of the drivers, and whether the passengers are real."""
    import numpy as np
    import pandas as pd

    file = Path(os.environ.get("CSI_DATA", "")) / FILE
    if "CSI_DATA" in os.environ and file.is_file():
        frame = pd.read_csv(file)
        items = list(frame.columns[-1 - DRIVERS : -1])
        return frame.assign(satisfied=(frame["Satisfaction"] == "Satisfied").astype(float)), items, True
    rng = np.random.default_rng(1)
    common, own = rng.normal(size=(ROWS, 1)), rng.normal(size=(ROWS, DRIVERS))
    ratings = np.clip(np.rint(3.3 + 0.7 * common + 1.1 * own), 1, 5)
    satisfied = ratings @ np.linspace(0.6, 0, DRIVERS) + 2 * rng.logistic(size=ROWS) > 14
    ratings[rng.random(ratings.shape) < NOT_APPLICABLE] = 0
    items = [f"rating_{j}" for j in range(1, DRIVERS + 1)]
    return pd.DataFrame(ratings, columns=items).assign(satisfied=satisfied.astype(float)), items, False


def shared_out(kind: str, missing: str) -> Found:
    """Seconds of one analysis, with its table."""
    import csi

    frame, items, real = passengers()
    task = partial(
        csi.key_drivers, frame, "satisfied", items, not_applicable=[0], outcome_kind=kind, missing=missing, draws=DRAWS
    )
    csi.key_drivers(
        frame.head(500), "satisfied", items, not_applicable=[0], draws=2
    )  # so that all libraries are loaded
    return {"times": timed(lambda: task().table(), enough=40), "real": real}


def lmg_alone() -> Found:
    """Seconds of the exact LMG of that many correlation matrices."""
    import numpy as np

    from csi.kernel.relative_importance import shapley

    rng = np.random.default_rng(1)
    X = rng.normal(size=(400, DRIVERS + 1)) + rng.normal(size=(400, 1))
    R = np.stack([np.corrcoef(X[rng.integers(0, 400, 400)].T) for _ in range(DRAWS)])
    return {"times": timed(lambda: shapley(R))}


def measure() -> Found:
    """Every analysis in a process of its own."""
    found = {name: fresh("drivers", "shared_out", *how) for name, how in TASKS.items()}
    return found | {"exact LMG of the draws alone": fresh("drivers", "lmg_alone")}


def written(found: Found) -> list[str]:
    """One row an analysis."""
    rows = [[name, f"{median(own['times']):.2f} s", f"{own['peak']:.0f} MB"] for name, own in found.items()]
    first = found[next(iter(TASKS))]
    seconds = median(first["times"])
    who = "Airline passengers" if first["real"] else "Made-up passengers"
    goal = (
        f"- {who}, {DRAWS:,} draws. Goal: LMG in {SECONDS} s and {MEGABYTES:,} MB: {verdict(seconds, SECONDS)} and "
        f"{verdict(first['peak'], MEGABYTES)}."
    )
    return [*table(["csi, one process", "time", "peak memory"], rows), goal]
