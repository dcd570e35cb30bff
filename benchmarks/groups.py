"""Permutations of two groups, prediction of held-out answers, and thousands of group models."""

# ruff: noqa: PLC0415 - see ecsi.py

import warnings
from statistics import median

from ecsi import SCALE, answers, fitted, made_up, model
from measuring import Found, fresh, resident, table, timed, verdict

TITLE = "Groups and prediction"
PERMUTATIONS, GROUPS, SIZE, DRAWS = 5_000, 2_000, 100, 500
# what it is, goal in seconds, goal in MB beyond the data
TASKS = {
    "permutations": (f"MICOM and MGA of two groups, {PERMUTATIONS:,} permutations each", 0.8, None),
    "prediction": ("PLSpredict, 10 folds x 10 repetitions, with its table", 0.3, None),
    "many_groups": (f"{GROUPS:,} group models of {SIZE} answers, {DRAWS} draws each, with intervals", 60, 1000),
}


def permutations() -> Found:
    """Invariance of the measurement, then differences of the paths, between low and high expectations."""
    import numpy as np

    import csi

    fit = fitted()
    halves = np.where(answers()[1]["CUEX1"] < 8, "low", "high")

    def task() -> None:
        csi.invariance(fit, halves, permutations=PERMUTATIONS).table()
        csi.compare_groups(fit, halves, draws=PERMUTATIONS).table()

    before = resident()
    return {"times": timed(task), "before": before}


def prediction() -> Found:
    """Every answer predicted ten times by models that have not seen it."""
    import csi

    fit, before = fitted(), resident()
    return {"times": timed(lambda: csi.predict(fit, folds=10, repetitions=10).table()), "before": before}


def many_groups() -> Found:
    """Paths and index of every branch, with intervals."""
    import pandas as pd

    import csi

    warnings.simplefilter("ignore", csi.CsiWarning)
    frame = made_up(GROUPS * SIZE)
    branch = pd.Series([k // SIZE for k in range(len(frame))], name="branch")
    fit = csi.fit(model(), frame, scale=SCALE)
    before = resident()
    found = []
    times = timed(lambda: found.append(len(csi.fit_groups(fit, branch, draws=DRAWS).refused)))
    return {"times": times, "before": before, "refused": found[0]}


def measure() -> Found:
    """Every task in a process of its own."""
    return {name: fresh("groups", name) for name in TASKS}


def written(found: Found) -> list[str]:
    """One row a task."""
    rows = []
    for name, (words, seconds, most) in TASKS.items():
        own = found[name]
        time, memory = median(own["times"]), own["peak"] - own["before"]
        goal = f"{seconds:g} s" + (f", {most:,} MB" if most else "")
        met = verdict(max(time / seconds, memory / most if most else 0.0), 1.0)
        rows.append([words, f"{time:.2f} s", f"{memory:.0f} MB", f"{own['peak']:.0f} MB", goal, met])
    return [
        *table(["csi, one process", "time", "memory beyond the data", "peak memory", "goal", ""], rows),
        "- The first two on 250 answers, groups by CUEX1 below 8 or not; the last on "
        f"{GROUPS * SIZE:,} made-up answers: {found['many_groups']['refused']} groups could not be estimated.",
        "- Memory beyond the data: peak of the process less what it held with the model of all answers fitted.",
    ]
