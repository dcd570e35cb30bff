"""The bootstrap of answers with gaps, under each treatment of missing answers."""

# ruff: noqa: PLC0415 - see ecsi.py

import warnings
from functools import partial
from statistics import median

from ecsi import SCALE, answers, model
from measuring import Found, fresh, table, timed

TITLE = "Missing answers: 10 % gaps at random"
TREATMENTS = ("em", "listwise", "pairwise")
DRAWS, SHARE = 1_000, 0.1


def treated(missing: str) -> Found:
    """Seconds of the fit and of its bootstrap with the table of paths; or why the treatment refuses these answers."""
    import numpy as np

    import csi

    warnings.simplefilter("ignore", csi.CsiWarning)  # listwise few rows are left
    _, frame = answers()
    frame = frame.mask(np.random.default_rng(1).random(frame.shape) < SHARE)
    fit = partial(csi.fit, model(), frame, missing=missing, scale=SCALE)
    try:
        point, usable = fit(), []
        times = timed(lambda: usable.append(int(_bootstrap(point).usable.sum())))
    except csi.CsiError as error:
        return {"refused": str(error)}
    return {"fit": median(timed(fit)), "times": times, "n": point.n, "usable": usable[0]}


def _bootstrap(point):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - csi is not imported up here
    import csi

    boot = csi.bootstrap(point, DRAWS, seed=1)
    boot.table()
    return boot


def measure() -> Found:
    """Every treatment in a process of its own."""
    return {missing: fresh("gaps", "treated", missing) for missing in TREATMENTS}


def written(found: Found) -> list[str]:
    """One row a treatment."""
    rows = []
    for missing, own in found.items():
        if "refused" in own:
            rows.append([f'missing="{missing}"', f"refused: {own['refused']}", "", "", "", ""])
            continue
        time = [f"{own['fit']:.3f} s", f"{median(own['times']):.2f} s"]
        rows.append([f'missing="{missing}"', f"{own['n']}", *time, f"{own['usable']:,}", f"{own['peak']:.0f} MB"])
    heads = ["csi, one process", "answers used", "fit", f"{DRAWS:,} draws", "draws used", "peak memory"]
    note = "- Draws with the table of paths. The gaps are treated anew in every draw."
    return [*table(heads, rows), note]
