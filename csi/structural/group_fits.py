"""The same model for thousands of groups (branch by month), estimated together, each with intervals from its own cases."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csi.display import Result, tidy
from csi.errors import CsiWarning, EstimationError
from csi.kernel.moments import Moments, joined
from csi.kernel.resample import BLOCK, percentile_interval, standard_error
from csi.structural.blas import one_thread
from csi.structural.cases import Array
from csi.structural.fitted_model import Fit
from csi.structural.grouping import Groups, groups_of, moments_of_rows, resampled_moments, stream_of, unusable
from csi.structural.groups import ON_THE_SCALE
from csi.structural.quantities import require_quantities, values_of
from csi.structural.replication import INADMISSIBLE, estimated

_CELLS = 1_200_000  # correlations estimated at once


@dataclass(frozen=True, slots=True, eq=False)
class Estimated:
    """Estimates, bootstrap errors, limits and usable draws of every group (G) and term (m); NaN where there are none."""

    estimate: Array
    std_error: Array
    ci_low: Array
    ci_high: Array
    draws: NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class GroupFits(Result):
    """A model estimated in every group; no group is dropped: `notes` (G,) say why one has no estimates, or why they may mislead.

    `keys` is the table of the groups, one column for each column they were made by, in the order of `sizes` and of the arrays of
    `values`; `terms` are the (quantity, term) that the columns of the arrays stand for.
    """

    keys: pd.DataFrame
    sizes: NDArray[np.intp]
    unlabelled: int
    terms: tuple[tuple[str, str], ...]
    values: Estimated
    notes: NDArray[np.str_]
    draws: int
    seed: int
    level: float

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def refused(self) -> pd.DataFrame:
        """Groups without estimates: keys, n and the reason."""
        none = np.flatnonzero(np.isnan(self.values.estimate).all(axis=1))
        return self.keys.assign(n=self.sizes, note=self.notes).iloc[none].reset_index(drop=True)

    def of(self, quantity: str) -> pd.DataFrame:
        """(groups x terms) estimates of one quantity, the keys as index.

        Raises
        ------
        EstimationError
            The quantity was not among those kept.
        """
        columns = [k for k, (name, _) in enumerate(self.terms) if name == quantity]
        if not columns:
            kept = ", ".join(dict.fromkeys(name for name, _ in self.terms))
            raise EstimationError(f"{quantity!r} was not kept; fit_groups(..., quantities=...) kept {kept}.")
        index = pd.MultiIndex.from_frame(self.keys) if self.keys.shape[1] > 1 else pd.Index(self.keys.iloc[:, 0])
        return pd.DataFrame(self.values.estimate[:, columns], index, [self.terms[k][1] for k in columns])

    def headline(self) -> list[str]:
        """How many groups, how many without estimates, and the most frequent reason."""
        refused = self.refused
        lines = [
            f"Fits of {len(self):,} groups by {', '.join(map(str, self.keys.columns))}: {int(self.sizes.sum()):,} cases"
            + (f"; {self.unlabelled:,} without a label left out" if self.unlabelled else "")
        ]
        if self.draws:
            lines.append(
                f"{self.draws:,} draws of each group's own cases, seed {self.seed}, {self.level:.0%} intervals"
            )
        if len(refused):
            first = ", ".join(str(value) for value in refused.iloc[0, : self.keys.shape[1]])
            lines.append(f"{len(refused):,} groups have no estimates; the first is {first}: {refused['note'].iloc[0]}")
        return lines

    def table(self) -> pd.DataFrame:
        """One row a group and term, with the note of the group and the draws that could be used."""
        count = len(self.terms)
        v = self.values
        columns: dict[str, Any] = {
            "term": [term for _, term in self.terms] * len(self),
            "estimate": v.estimate.ravel(),
            "std_error": v.std_error.ravel(),
            "ci_low": v.ci_low.ravel(),
            "ci_high": v.ci_high.ravel(),
            "n": np.repeat(self.sizes, count),
            **{str(name): np.repeat(column.to_numpy(), count) for name, column in self.keys.items()},
            "quantity": [name for name, _ in self.terms] * len(self),
            "draws": v.draws.ravel(),
            "note": np.repeat(self.notes, count),
        }
        own = [*map(str, self.keys.columns), "quantity", "draws", "note"]
        return tidy(pd.DataFrame(columns).to_dict("records"), own)  # type: ignore[arg-type]


@one_thread
def fit_groups(
    fit: Fit,
    by: Any,  # noqa: ANN401 - column names, or labels as a Series, a frame or an array
    *,
    draws: int = 500,
    seed: int = 1,
    minimum: int = 30,
    quantities: Sequence[str] | None = None,
    level: float = 0.95,
) -> GroupFits:
    """Estimate a fit's model in every group, all groups in one batch, with bootstrap intervals from each group's own cases.

    Every group gets its own weights, paths and levels, oriented like the fit. To see groups on one ruler, the common weights,
    take `csi.satisfaction_index(fit, boot, by=...)`.

    Parameters
    ----------
    fit
        The model fitted to all cases together: it settles items, treatment of gaps and the direction of the constructs.
    by
        One or several columns of the survey (a list of names), or the labels themselves: a Series, a frame with one column a
        key, or an array. Rows without a label are left out and counted.
    draws
        Bootstrap draws of each group; 0 for estimates alone. Errors and limits are kept, not the draws.
    minimum
        Answers below which a group is not estimated.
    quantities
        What to keep; by default "paths", and "index" where the scale ends are known.

    Notes
    -----
    A group with its own strata or clusters is resampled within them; the final weights of its cases are taken as given.

    Raises
    ------
    EstimationError
        No such column or quantity; labels of the wrong number.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> a = rng.normal(size=400)
    >>> frame = pd.DataFrame({"a": a, "b": a + rng.normal(size=400)})
    >>> from csi import Model, fit
    >>> whole = fit(Model.parse("A <~ a; B <~ b; B ~ A"), frame)
    >>> groups = fit_groups(whole, pd.Series(np.arange(400) // 100, name="branch"), draws=100)
    >>> groups.of("paths").shape
    (4, 1)
    """
    if draws < 0 or draws == 1 or minimum < 1 or not 0 < level < 1:
        raise EstimationError(
            f"fit_groups needs draws >= 2 (or 0), minimum >= 1 and 0 < level < 1, not draws={draws}, minimum={minimum}, "
            f"level={level}."
        )
    task = _Task(fit, _kept(fit, quantities), draws, seed, level)
    groups, keys = _groups_by(fit, by)
    rows = groups.rows()
    notes = np.array([_refusal(fit, own, minimum) for own in rows], dtype=object)
    points = {g: moments_of_rows(fit, own) for g, own in enumerate(rows) if not notes[g]}
    estimate = np.full((len(groups), len(task.terms)), np.nan)
    for part in _parts(list(points), task.together):
        estimate[part], notes[part] = task.estimates(joined([points[g] for g in part]))
    spread, count = np.full((3, *estimate.shape), np.nan), np.zeros(estimate.shape, dtype=np.intp)
    streams = groups.appearance  # by who comes first in the data, so that naming the groups anew changes nothing
    possible = [g for g in points if draws and np.isfinite(estimate[g]).any()]
    for some in _parts(possible, max(1, task.together // max(draws, 1))):
        drawn = {g: task.resampled(rows[g], points[g], stream_of(seed, int(streams[g]))) for g in some}
        for g in [g for g, m in drawn.items() if isinstance(m, str)]:
            notes[g] = drawn.pop(g)
        if part := list(drawn):
            together = joined([m for m in drawn.values() if not isinstance(m, str)])
            spread[:, part], count[part] = task.intervals(together, notes[part] == INADMISSIBLE)
    values = Estimated(estimate, spread[0], spread[1], spread[2], count)
    _warn_if_many_are_lost(values, draws)
    return GroupFits(keys, groups.sizes, groups.unlabelled, task.terms, values, notes.astype(str), draws, seed, level)


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    """What is estimated for every group."""

    fit: Fit
    names: tuple[str, ...]
    draws: int
    seed: int
    level: float

    @property
    def terms(self) -> tuple[tuple[str, str], ...]:
        """Quantity and term of each value."""
        point = self.fit.batch
        return tuple((name, term) for name in self.names for term in values_of(name, point, point)[0])

    @property
    def together(self) -> int:
        """How many moments are estimated at once."""
        return max(BLOCK, _CELLS // len(self.fit.origin.cases.items) ** 2)

    def estimates(self, m: Moments) -> tuple[Array, NDArray[np.str_]]:
        """Values (B, m), NaN where the model could not be estimated, and what is wrong."""
        staged, problems = estimated(self.fit, m)
        values = np.concatenate([values_of(name, staged[-1].batch, self.fit.batch)[1] for name in self.names], axis=1)
        values[~np.isin(problems, ("", INADMISSIBLE))] = np.nan
        return values, problems

    def resampled(self, rows: NDArray[np.intp], point: Moments, stream: int) -> Moments | str:
        """Moments of a group's resamples, or why its sampling design cannot be resampled."""
        try:
            return resampled_moments(self.fit, rows, point, self.draws, stream)
        except EstimationError as error:
            return str(error)

    def intervals(self, m: Moments, inadmissible: NDArray[np.bool_]) -> tuple[Array, NDArray[np.intp]]:
        """Errors and limits (3, g, m) of g groups whose draws stand one after the other, and the draws used (g, m).

        Inadmissible draws count for groups whose own estimates are `inadmissible`.
        """
        values, problems = self.estimates(m)
        values[(problems == INADMISSIBLE) & ~np.repeat(inadmissible, self.draws)] = np.nan
        g, count = len(inadmissible), values.shape[1]
        drawn = np.moveaxis(values.reshape(g, self.draws, count), 1, 0).reshape(self.draws, -1)
        low, high = percentile_interval(drawn, self.level)
        spread = np.stack([standard_error(drawn), low, high]).reshape(3, g, count)
        return spread, np.isfinite(drawn).sum(axis=0).reshape(g, count)


def _kept(fit: Fit, quantities: Sequence[str] | None) -> tuple[str, ...]:
    if quantities is None:
        return tuple(name for name in ("paths", "index") if values_of(name, fit.batch, fit.batch)[0])
    if isinstance(quantities, str) or not quantities:
        raise EstimationError(f"quantities must be a list of names, not {quantities!r}.")
    require_quantities(quantities)
    if any(name in ON_THE_SCALE for name in quantities):
        fit.require_scale()
    return tuple(quantities)


def _groups_by(fit: Fit, by: Any) -> tuple[Groups, pd.DataFrame]:  # noqa: ANN401
    """Groups of all combinations of labels that occur, and their keys."""
    if isinstance(by, str):
        by = [by]
    if isinstance(by, pd.DataFrame):
        columns = [(str(name), column) for name, column in by.items()]
    elif isinstance(by, list | tuple):
        columns = [(str(name), name) for name in by]
    else:
        columns = [(str(getattr(by, "name", None) or "group"), by)]
    parts = [groups_of(fit, column) for _, column in columns]
    codes = np.stack([part.codes for part in parts])
    inside = (codes >= 0).all(axis=0)
    found, place = np.unique(codes[:, inside], axis=1, return_inverse=True)
    keys = pd.DataFrame(
        {name: [part.names[k] for k in ks] for (name, _), part, ks in zip(columns, parts, found, strict=True)}
    )
    together = np.full(codes.shape[1], -1)
    together[inside] = place.reshape(-1)  # one release of NumPy gives it a second axis
    used = fit.origin.cases.answering(fit.settings.missing)
    return Groups(tuple(map(" | ".join, keys.to_numpy())), together, int((used & ~inside).sum())), keys


def _refusal(fit: Fit, rows: NDArray[np.intp], minimum: int) -> str:
    if len(rows) < minimum:
        return f"{len(rows)} answers, fewer than the minimum of {minimum}"
    return unusable(fit, rows)


def _parts(groups: list[int], size: int) -> Iterator[list[int]]:
    yield from (groups[first : first + size] for first in range(0, len(groups), size))


def _warn_if_many_are_lost(values: Estimated, draws: int) -> None:
    resampled = np.isfinite(values.std_error).any(axis=1)
    poor = int(np.count_nonzero(values.draws[resampled].max(axis=1, initial=0) < 0.95 * draws))
    if poor:
        warnings.warn(
            f"{poor:,} of {int(resampled.sum()):,} groups lost more than 5 % of their draws; their intervals may mislead "
            "(column 'draws').",
            CsiWarning,
            stacklevel=3,
        )
