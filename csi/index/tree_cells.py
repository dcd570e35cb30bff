"""Every cell of the panorama, a node in a slice of a wave: level, change, shrunken level, distance to the best, test.

Notation: levels (1 + B, S, V) of nodes in slices, the estimate first; results are (S, V) arrays by the name of their column.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from csi.index.alerts import shrunken_slices
from csi.index.tree_waves import Division, Slices
from csi.kernel.false_discovery import p_beyond
from csi.kernel.resample import percentile_interval, standard_error
from csi.kernel.small_matrices import Array

Columns = dict[str, Array]


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """What the slices of one kind say together: mean, error, best slice (-1: none) and distance to it, all (S, V)."""

    mean: Array
    error: Array
    best: NDArray[np.intp]
    to_best: Columns


def spread(levels: Array, coverage: float) -> tuple[Array, Array, Array]:
    """Standard error and interval (S, V) from the replicates; NaN without any."""
    if len(levels) == 1:
        none = np.full(levels.shape[1:], np.nan)
        return none, none, none
    draws = levels[1:].reshape(len(levels) - 1, -1)
    low, high = percentile_interval(draws, coverage)
    shape = levels.shape[1:]
    return standard_error(draws).reshape(shape), low.reshape(shape), high.reshape(shape)


def estimated(levels: Array, coverage: float) -> Columns:
    """Level with error and interval."""
    error, low, high = spread(levels, coverage)
    estimate = levels[0].copy()  # a view would keep all replicates in memory
    return {"estimate": estimate, "std_error": error, "ci_low": low, "ci_high": high}


def difference(levels: Array, before: Array, name: str, coverage: float) -> Columns:
    """What changed since another wave, with error and interval."""
    change = levels - before
    error, low, high = spread(change, coverage)
    return {name: change[0].copy(), f"{name}_error": error, f"{name}_low": low, f"{name}_high": high}


def pooled(levels: Array, columns: Columns, slices: Slices, coverage: float, rng: np.random.Generator) -> Pooled:
    """Shrunken levels within each division of one's own customers, and how far each slice is from the best of its kind.

    The best is that with the highest shrunken level: the highest plain level is mostly that of a small lucky slice. The whole is
    compared with the best of the first division.
    """
    mean, error = columns["estimate"].copy(), columns["std_error"].copy()
    best = np.full(mean.shape, -1, dtype=np.intp)
    to_best = {name: np.full(mean.shape, np.nan) for name in ("to_best", "to_best_low", "to_best_high")}
    for division in slices.own:
        places = slices.places(division)
        for v in range(mean.shape[1]):
            found = shrunken_slices(columns["estimate"][places, v], columns["std_error"][places, v], rng)
            draws = levels[1:, places, v] if found is None else found[1]
            if found is not None:
                mean[places, v], error[places, v] = found[0], draws.std(axis=0, ddof=1)
            if np.isfinite(mean[places, v]).any():
                top = int(np.nanargmax(mean[places, v]))
                best[places, v] = places.start + top
                to_best["to_best"][places, v] = mean[places, v] - mean[places.start + top, v]
                if len(draws):
                    low, high = percentile_interval(draws - draws[:, [top]], coverage)
                    to_best["to_best_low"][places, v], to_best["to_best_high"][places, v] = low, high
    if slices.own:
        best[0] = best[slices.places(slices.own[0]).start]
        to_best["to_best"][0] = np.where(best[0] >= 0, mean[0] - mean[best[0], np.arange(mean.shape[1])], np.nan)
    return Pooled(mean, error, best, to_best)


def lead(levels: Array, rivals: Division, slices: Slices, coverage: float) -> tuple[NDArray[np.intp], Columns]:
    """The whole against its best rival: which slice that is (V,), -1 if none is known, and the lead with interval (V,)."""
    places = slices.places(rivals)
    theirs = levels[:, places]
    known = np.isfinite(theirs[0]).any(axis=0)
    top = np.where(known, np.argmax(np.where(np.isfinite(theirs[0]), theirs[0], -np.inf), axis=0), 0)
    ahead = levels[:, :1] - np.take_along_axis(theirs, top[None, None, :], axis=1)
    _, low, high = spread(ahead, coverage)
    return np.where(known, places.start + top, -1), {"lead": ahead[0][0], "lead_low": low[0], "lead_high": high[0]}


def beyond_chance(now: Mapping[str, Array], before: Pooled, plain_before: Array, minimum: float) -> Columns:
    """The change as the rule sees it (`moved`) and its p value: from the shrunken level of the last wave where there is one.

    With the true level unchanged, the new level deviates from the shrunken one by the errors of both, also where the last wave
    was extreme; from the plain one it comes back by more.
    """
    shrunken = before.mean != plain_before
    error = np.where(shrunken, np.hypot(now["std_error"], before.error), now["change_error"])
    change = np.where(shrunken, now["estimate"] - before.mean, now["change"])
    return {"moved": change, "p_value": p_beyond(change, error, minimum)}
