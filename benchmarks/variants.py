"""What BCa intervals and consistent PLS cost beside percentile intervals, and how much of a bootstrap is the matrix product."""

# ruff: noqa: PLC0415 - see ecsi.py

import warnings
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from bootstrap import DRAWS, QUANTITIES
from ecsi import fitted
from measuring import Found, fresh, runs, table, timed, verdict

if TYPE_CHECKING:
    import csi

TITLE = "10,000 draws in other ways, and where the time goes"
# kind of the constructs, interval, how many times percentile intervals of composites it may take
VARIANTS = {
    "composites, percentile": ("composite", "percentile", 1.0),
    "composites, BCa": ("composite", "bca", 1.5),
    "consistent PLS, percentile": ("factor", "percentile", 2.0),
}


def variant(kind: str, interval: str) -> Found:
    """Times of the bootstrap with all tables; of composites also of its parts."""
    import csi

    warnings.simplefilter("ignore", csi.CsiWarning)  # as factors the constructs of mobi correlate too highly
    fit = fitted(kind)

    def task() -> None:
        draws = csi.bootstrap(fit, DRAWS, seed=1, interval=interval)
        for name in QUANTITIES:
            draws.quantity(name)

    return {"times": timed(task)}


def parts() -> Found:
    """Seconds of each part of the bootstrap, done alone: weights, their product with the answers, moments, all, tables."""
    import csi
    from csi.structural.replication import moments_of_resamples, resamples_of

    fit = fitted()
    drawn = [W for _, W in resamples_of(fit, DRAWS, 1)]
    boot = csi.bootstrap(fit, DRAWS, seed=1)
    tasks = {
        "weights": lambda: list(resamples_of(fit, DRAWS, 1)),
        "product": partial(_products, fit, drawn),
        "moments": lambda: list(moments_of_resamples(fit, DRAWS, 1)),
        "bootstrap": partial(csi.bootstrap, fit, DRAWS, seed=1),
        "tables": lambda: [boot.quantity(name) for name in QUANTITIES],
    }
    # In rounds, so that other work on the machine falls on all of them alike.
    rounds = [{name: timed(task, most=1)[0] for name, task in tasks.items()} for _ in range(runs())]
    return {name: median(one[name] for one in rounds) for name in tasks}


def _products(fit: "csi.Fit", drawn: list) -> None:  # type: ignore[type-arg]
    """The kernel's one matrix product: ones, answers and their products, transposed, times the case weights of 512 draws."""
    import numpy as np

    from csi.kernel.sums import weighted

    X = fit.cases.X - fit.cases.X.mean(axis=0)
    upper = np.triu_indices(X.shape[1])
    Z = np.concatenate([np.ones((len(X), 1)), X, X[:, upper[0]] * X[:, upper[1]]], axis=1)
    for W in drawn:
        weighted(Z, W)


def measure() -> Found:
    """Each variant, and the parts."""
    measured = {name: fresh("variants", "variant", kind, how) for name, (kind, how, _) in VARIANTS.items()}
    return {"variants": measured, "parts": fresh("variants", "parts")}


def written(found: Found) -> list[str]:
    """The variants, then the parts."""
    plain = median(found["variants"]["composites, percentile"]["times"])
    rows = []
    for name, (_, _, most) in VARIANTS.items():
        own = found["variants"][name]
        seconds = median(own["times"])
        goal = [f"{most:g}", verdict(seconds / plain, most)] if most > 1 else ["", ""]
        rows.append([name, f"{seconds:.2f} s", f"{seconds / plain:.2f}", *goal, f"{own['peak']:.0f} MB"])
    p = found["parts"]
    whole = p["bootstrap"] + p["tables"]
    shares = {
        "drawing the case weights": p["weights"],
        "the matrix product": p["product"],
        "the rest of the moments": p["moments"] - p["weights"] - p["product"],
        "estimation: weights, paths, effects, HTMT": p["bootstrap"] - p["moments"],
        "tables with errors, intervals and p values": p["tables"],
    }
    return [
        *table(["csi, one process", "time", "ratio", "goal", "", "peak memory"], rows),
        *table(
            ["part of the percentile bootstrap", "time", "share"],
            [[name, f"{seconds:.3f} s", f"{seconds / whole:.0%}"] for name, seconds in shares.items()],
        ),
        "- The parts are timed in a process of their own, one after the other on the same draws. The product is "
        "the kernel's own call with the same matrices; the rest of the moments and the estimation are differences of such times.",
    ]
