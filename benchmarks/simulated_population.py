"""The population that the simulation study draws from, and how a replication is repeated."""

import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import csi

SEED, POPULATION, DRAWS = 20_260_401, 1_000_000, 500
PATHS = {"Quality": ["Value", "Satisfaction"], "Value": ["Satisfaction"], "Satisfaction": ["Loyalty"]}
ITEMS = {"Quality": 3, "Value": 2, "Satisfaction": 3, "Loyalty": 2}
QUANTITIES = 5  # four paths and the index of Satisfaction
Array = NDArray[np.float64]


def model(kind: str = "composite") -> csi.Model:
    """Four constructs of two or three items."""
    constructs = [
        csi.Construct(name, [f"{name[0]}{i + 1}" for i in range(count)], kind=kind) for name, count in ITEMS.items()
    ]
    return csi.Model(constructs, PATHS)


def drawn(n: int, answers: str, rng: np.random.Generator, level: Array | float = 0.0) -> Array:
    """(n, 10) answers: common factors with loadings from 0.7 to 0.85, on a scale from 1 to 10.

    `level` (n,) lifts the satisfaction of each case, in standard deviations of what is left of it.
    """
    quality = rng.normal(size=n)
    value = 0.5 * quality + np.sqrt(1 - 0.25) * rng.normal(size=n)
    explained = 0.4**2 + 0.3**2 + 2 * 0.4 * 0.3 * 0.5
    satisfaction = level + 0.4 * quality + 0.3 * value + np.sqrt(1 - explained) * rng.normal(size=n)
    loyalty = 0.6 * satisfaction + 0.8 * rng.normal(size=n)
    columns = []
    for score, count in zip((quality, value, satisfaction, loyalty), ITEMS.values(), strict=True):
        for loading in (0.85, 0.7, 0.8)[:count]:
            columns.append(loading * score + np.sqrt(1 - loading**2) * rng.normal(size=n))
    X = np.column_stack(columns)
    return X + 5.5 if answers == "normal" else np.clip(np.round(11 - 2.5 * np.exp(-0.45 * X)), 1, 10)


def named(X: Array) -> pd.DataFrame:
    """Answers as a frame whose columns are the items."""
    return pd.DataFrame(X, columns=list(model().items))


def population_fit(X: Array, kind: str = "composite") -> csi.Fit:
    """What the estimator gives on the population: the truth that its estimates are held against."""
    return csi.fit(model(kind), named(X), scale=(1, 10), tolerance=1e-10)


def values(fit: csi.Fit) -> Array:
    """(QUANTITIES,) paths and the index."""
    return np.append(fit.values("paths").to_numpy(), fit.values("index")["Satisfaction"])


def summaries(fit: csi.Fit, seed: int, draws: int = DRAWS) -> Array:
    """(4, QUANTITIES) estimates, standard errors and limits of the paths and the index, by the bootstrap."""
    boot = csi.bootstrap(fit, draws, seed=seed)
    index = boot.quantity("index").set_index("term").loc[["Satisfaction"]]
    rows = pd.concat([boot.paths, index])
    return rows[["estimate", "std_error", "ci_low", "ci_high"]].to_numpy(float).T


def coverage(found: Array, known: Array) -> list[float]:
    """Share of samples (n, 4, QUANTITIES) whose interval holds the known value."""
    _, _, low, high = np.moveaxis(found, 1, 0)
    return [float(share) for share in ((low <= known) & (known <= high)).mean(axis=0)]


def repeated(replication: Callable[[Any, int], Array], condition: object, replications: int) -> Array:
    """Replications 0, 1, ... of a condition on two cores, without those that could not be estimated, which are all NaN."""
    edges = np.linspace(0, replications, min(replications, 40) + 1).astype(int)
    with ProcessPoolExecutor(2) as pool:
        pieces = list(pool.map(partial(_piece, replication, condition), pairwise(edges)))
    found = np.concatenate(pieces)
    return found[np.isfinite(found.reshape(len(found), -1)).all(axis=1)]


def _piece(replication: Callable[[Any, int], Array], condition: object, ends: tuple[int, int]) -> Array:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.array([replication(condition, int(number)) for number in range(*ends)])
