"""Do estimates find the truth and intervals cover it? A simulation study of `fit` and `bootstrap`.

    uv run python benchmarks/simulation_study.py [--replications 2000] [--only TEXT]

Each condition draws many samples from a known population and bootstraps each of them. The truth is what the same estimator
gives on the population's own moments. Conditions that are done are kept in a file beside the table and not run again;
the table is docs/simulation_study.md. By hand, not in CI: all conditions take an hour or more on two cores.
"""

import argparse
import json
import platform
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import csi

ROOT = Path(__file__).resolve().parent.parent
DONE, TABLE = ROOT / "benchmarks" / "simulation_study.json", ROOT / "docs" / "simulation_study.md"
DRAWS, POPULATION, SEED = 500, 1_000_000, 20_260_401
PATHS = {"Quality": ["Value", "Satisfaction"], "Value": ["Satisfaction"], "Satisfaction": ["Loyalty"]}
ITEMS = {"Quality": 3, "Value": 2, "Satisfaction": 3, "Loyalty": 2}
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Condition:
    """One cell of the study."""

    n: int
    answers: str = "normal"  # or "skewed": whole points from 1 to 10, most of them high
    kind: str = "composite"  # or "factor": consistent PLS
    weighted: bool = False  # satisfied customers answer more readily; weights undo it
    missing: str = "none"  # or a treatment of 10 % missing answers
    mechanism: str = "completely at random"  # or "at random": given the first item

    @property
    def name(self) -> str:
        """Words for the table."""
        parts = [f"n = {self.n}", self.answers, self.kind, "weighted" if self.weighted else "unweighted"]
        return ", ".join(
            [*parts, "complete" if self.missing == "none" else f"10 % missing {self.mechanism}, {self.missing}"]
        )


CONDITIONS = [
    *(
        Condition(n, answers, kind)
        for n in (100, 250, 500)
        for answers in ("normal", "skewed")
        for kind in ("composite", "factor")
    ),
    *(Condition(n, answers, weighted=True) for n in (100, 250, 500) for answers in ("normal", "skewed")),
    *(
        Condition(n, answers, missing=missing)
        for n in (100, 250)
        for answers in ("normal", "skewed")
        for missing in ("em", "mean")
    ),
    *(Condition(250, missing=missing, mechanism="at random") for missing in ("em", "mean")),
]


def model(kind: str) -> csi.Model:
    """Four constructs of two or three items."""
    constructs = [
        csi.Construct(name, [f"{name[0]}{i + 1}" for i in range(count)], kind=kind) for name, count in ITEMS.items()
    ]
    return csi.Model(constructs, PATHS)


def drawn(n: int, answers: str, rng: np.random.Generator) -> Array:
    """(n, 10) answers: common factors with loadings from 0.7 to 0.85, on a scale from 1 to 10."""
    quality = rng.normal(size=n)
    value = 0.5 * quality + np.sqrt(1 - 0.25) * rng.normal(size=n)
    explained = 0.4**2 + 0.3**2 + 2 * 0.4 * 0.3 * 0.5
    satisfaction = 0.4 * quality + 0.3 * value + np.sqrt(1 - explained) * rng.normal(size=n)
    loyalty = 0.6 * satisfaction + 0.8 * rng.normal(size=n)
    columns = []
    for score, count in zip((quality, value, satisfaction, loyalty), ITEMS.values(), strict=True):
        for loading in (0.85, 0.7, 0.8)[:count]:
            columns.append(loading * score + np.sqrt(1 - loading**2) * rng.normal(size=n))
    X = np.column_stack(columns)
    return X + 5.5 if answers == "normal" else np.clip(np.round(11 - 2.5 * np.exp(-0.45 * X)), 1, 10)


def sampled(condition: Condition, rng: np.random.Generator) -> pd.DataFrame:
    """One sample, with weights where respondents are selected and with gaps where answers are missing."""
    columns = list(model(condition.kind).items)
    if not condition.weighted:
        X, w = drawn(condition.n, condition.answers, rng), np.ones(condition.n)
    else:
        X = drawn(6 * condition.n, condition.answers, rng)
        z = (X[:, 5] - X[:, 5].mean()) / X[:, 5].std()
        willing = 1 / (1 + np.exp(1.2 - 0.8 * z))
        chosen = np.flatnonzero(rng.random(len(X)) < willing)[: condition.n]
        X, w = X[chosen], 1 / willing[chosen]
    if condition.missing != "none":
        share = np.full(X.shape, 0.1)
        if condition.mechanism == "at random":
            share = np.where(X[:, [0]] < np.median(X[:, 0]), 0.18, 0.02) * np.ones(X.shape[1])
            share[:, 0] = 0.0
        X = np.where(rng.random(X.shape) < share, np.nan, X)
    return pd.DataFrame(X, columns=columns).assign(w=w)


def truth(condition: Condition) -> Array:
    """Paths and the index that the estimator gives on the population."""
    X = drawn(POPULATION, condition.answers, np.random.default_rng(SEED))
    built = model(condition.kind)
    fit = csi.fit(built, pd.DataFrame(X, columns=list(built.items)), scale=(1, 10), tolerance=1e-10)
    return np.append(fit.values("paths").to_numpy(), fit.values("index")["Satisfaction"])


def replication(condition: Condition, number: int) -> Array:
    """(3, quantities) estimates and limits of one sample; NaN if it could not be estimated."""
    frame = sampled(condition, np.random.default_rng([SEED, CONDITIONS.index(condition), number]))
    treatment = "listwise" if condition.missing == "none" else condition.missing
    try:
        fit = csi.fit(model(condition.kind), frame, weight="w", scale=(1, 10), missing=treatment)
        boot = csi.bootstrap(fit, DRAWS, seed=number + 1)
    except csi.CsiError:
        return np.full((3, 5), np.nan)
    index = boot.quantity("index").set_index("term").loc[["Satisfaction"]]
    rows = pd.concat([boot.paths, index])
    return rows[["estimate", "ci_low", "ci_high"]].to_numpy(float).T


def batch(task: tuple[Condition, int, int]) -> Array:
    """Some replications of a condition."""
    condition, first, last = task
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.array([replication(condition, number) for number in range(first, last)])


def run(condition: Condition, replications: int) -> dict[str, object]:
    """All replications of a condition: bias and coverage of paths and index."""
    edges = np.linspace(0, replications, 41).astype(int)
    tasks = [(condition, int(a), int(b)) for a, b in pairwise(edges)]
    with ProcessPoolExecutor(2) as pool:
        found = np.concatenate(list(pool.map(batch, tasks)))
    known = truth(condition)
    sound = np.isfinite(found).all(axis=(1, 2))
    estimate, low, high = np.moveaxis(found[sound], 1, 0)
    covered = ((low <= known) & (known <= high)).mean(axis=0)
    return asdict(condition) | {
        "replications": replications,
        "estimated": int(sound.sum()),
        "bias": (estimate.mean(axis=0) - known).tolist(),
        "coverage": covered.tolist(),
    }


def written(results: dict[str, dict[str, object]]) -> str:
    """The table."""
    lines = [
        "# Simulation study",
        "",
        f"Written by `benchmarks/simulation_study.py` (seed {SEED}; {DRAWS} bootstrap draws a sample, 95 % percentile intervals;",
        f"{platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}). The truth is what the same",
        f"estimator gives on {POPULATION:,} cases of the population. Bias: largest of four paths, and of the index in points.",
        "Coverage in percent: smallest and largest of the four paths, and of the index; its",
        f"Monte-Carlo error is 0.5 points. {len(results)} of {len(CONDITIONS)} conditions have been run.",
        "",
        "| condition | samples (estimated) | bias of paths | bias of index | coverage of paths | coverage of index |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for condition in CONDITIONS:
        if condition.name in results:
            r = results[condition.name]
            bias, coverage = np.array(r["bias"]), 100 * np.array(r["coverage"])
            cells = [
                condition.name,
                f"{r['replications']:,} ({r['estimated']:,})",
                f"{np.abs(bias[:-1]).max():.3f}",
                f"{bias[-1]:+.2f}",
                f"{coverage[:-1].min():.1f} to {coverage[:-1].max():.1f}",
                f"{coverage[-1]:.1f}",
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run what is not done yet and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replications", type=int, default=2000)
    parser.add_argument("--only", default="")
    asked = parser.parse_args()
    results: dict[str, dict[str, object]] = json.loads(DONE.read_text("utf-8")) if DONE.is_file() else {}
    for condition in CONDITIONS:
        if condition.name not in results and asked.only in condition.name:
            results[condition.name] = run(condition, asked.replications)
            DONE.write_text(json.dumps(results, indent=1), "utf-8")
            TABLE.write_text(written(results), "utf-8")
            print(condition.name, results[condition.name]["coverage"], flush=True)


if __name__ == "__main__":
    main()
