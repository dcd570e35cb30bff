"""How replicates weight the cases: the design's primary units are drawn within strata, and margins are met again each time."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csi.errors import EstimationError
from csi.kernel.raking import Margin, rake
from csi.kernel.resample import delete_one_multipliers, rao_wu_counts
from csi.kernel.small_matrices import Array
from csi.survey.design import Design, margin_codes

# Beyond so many units the jackknife leaves out groups of units: its values only feed the acceleration.
_MOST_GROUPS = 5000


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Design weights before raking (n,), stratum (n,) and primary unit (n,) of each case, and the margins to meet."""

    base: Array
    strata: NDArray[np.intp]
    units: NDArray[np.intp]
    margins: tuple[Margin, ...] = ()
    bounds: tuple[float, float] | None = None

    @property
    def is_simple(self) -> bool:
        """Whether the cases themselves were drawn, without strata."""
        n = len(self.base)
        return not self.strata.any() and len(self.units) == n and bool((self.units == np.arange(n)).all())

    def final(self, W: Array) -> Array:
        """Case weights (B, n) after raking; a replicate that cannot meet its margins is NaN."""
        return rake(W, self.margins, bounds=self.bounds).weights if self.margins else W

    def resamples(self, used: NDArray[np.bool_], draws: int, seed: int) -> Iterator[Array]:
        """Case weights (B, n) of every replicate, piece by piece; rows that are not `used` have weight 0."""
        place, sizes = self._units_of(used)
        for multipliers in rao_wu_counts(sizes, draws, seed):
            yield self._weights(used, place, multipliers)

    def resamples_within(self, used: NDArray[np.bool_], draws: int, inner: int, seed: int) -> Iterator[Array]:
        """For every replicate of `resamples`, case weights (inner, n) of resamples of that replicate."""
        place, sizes = self._units_of(used)
        if min(sizes) < 3:
            raise EstimationError("resamples of resamples need at least three primary units in every stratum.")
        factor = np.repeat([1.0 if len(sizes) == 1 else n / (n - 1) for n in sizes], sizes)
        left = [n - 1 for n in sizes]
        b = 0
        for multipliers in rao_wu_counts(sizes, draws, seed):
            for row in multipliers:
                copies = np.repeat(
                    np.arange(len(row)), np.rint(row / factor).astype(np.intp)
                )  # drawn twice: two to draw from
                again = np.zeros((inner, len(row)))
                for drawn in rao_wu_counts(left, inner, seed * 1_000_003 + b):
                    np.add.at(again.T, copies, drawn.T)
                yield self._weights(used, place, again * factor)
                b += 1

    def left_out(self, used: NDArray[np.bool_]) -> int:
        """How many replicates `jackknife` has."""
        place, sizes = self._units_of(used)
        return sum(sizes) if sum(sizes) <= _MOST_GROUPS else sum(_grouped(place, sizes)[1])

    def jackknife(self, used: NDArray[np.bool_]) -> Iterator[tuple[Array, int]]:
        """Case weights (B, n) with one primary unit left out each, and its stratum; groups of units beyond 5,000."""
        place, sizes = self._units_of(used)
        if sum(sizes) > _MOST_GROUPS:
            place, sizes = _grouped(place, sizes)
        for multipliers, stratum in delete_one_multipliers(sizes):
            yield self._weights(used, place, multipliers), stratum

    def _weights(self, used: NDArray[np.bool_], place: NDArray[np.intp], multipliers: Array) -> Array:
        drawn = multipliers[:, place] if len(place) != multipliers.shape[1] or not self.is_simple else multipliers
        W = drawn * self.base[used]
        if not used.all():
            W, drawn = np.zeros((len(drawn), len(used))), W
            W[:, used] = drawn
        return self.final(W)

    def _units_of(self, used: NDArray[np.bool_]) -> tuple[NDArray[np.intp], list[int]]:
        """Place of each used case's unit when the units of a stratum stand together, and how many units each stratum has."""
        if self.is_simple:
            n = int(used.sum())
            return np.arange(n), [n]
        pairs = self.strata[used] * (int(self.units.max()) + 1) + self.units[used]
        found, place = np.unique(pairs, return_inverse=True)
        sizes = np.unique(found // (int(self.units.max()) + 1), return_counts=True)[1]
        if (sizes < 2).any():
            raise EstimationError(
                "a stratum has one primary unit with answers, so its sampling error cannot be estimated. Join it with another "
                "stratum before the fit, or leave its cases out."
                if len(sizes) > 1
                else "all answers come from one primary unit, so nothing can be resampled. Give a design with more clusters."
            )
        return place, [int(size) for size in sizes]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PairedSample(Sample):
    """A sample whose primary units are drawn together with those of another: one resample weights the cases of both.

    `joint` holds the cases of both samples, `rows` says which of them are this one's, and `drawn` which are used at all.
    """

    joint: Sample
    rows: slice
    drawn: NDArray[np.bool_]

    @property
    def is_simple(self) -> bool:
        """Never: its cases are not the units that are drawn."""
        return False

    def resamples(self, used: NDArray[np.bool_], draws: int, seed: int) -> Iterator[Array]:
        """Case weights (B, n) of this sample's rows in every joint replicate; rows that are not `used` have weight 0."""
        place, sizes = self.joint._units_of(self.drawn)
        of_case = np.zeros(len(self.drawn), dtype=np.intp)
        of_case[self.drawn] = place
        for multipliers in rao_wu_counts(sizes, draws, seed):
            yield self._weights(used, of_case[self.rows][used], multipliers)


def paired(first: Sample, second: Sample, joint: Sample, drawn: NDArray[np.bool_]) -> tuple[PairedSample, PairedSample]:
    """Two samples resampled as one: `joint` has the primary units of the cases of both, the first's before the second's."""
    n = len(first.base)
    rows = (slice(0, n), slice(n, None))
    one, two = (
        PairedSample(s.base, s.strata, s.units, s.margins, s.bounds, joint=joint, rows=part, drawn=drawn)
        for s, part in zip((first, second), rows, strict=True)
    )
    return one, two


def _grouped(place: NDArray[np.intp], sizes: list[int]) -> tuple[NDArray[np.intp], list[int]]:
    """Units joined to groups, about 5,000 in all and at least two in each stratum."""
    share = _MOST_GROUPS / sum(sizes)
    groups = [max(2, int(size * share)) for size in sizes]
    of_unit, first = [], 0
    for size, count in zip(sizes, groups, strict=True):
        of_unit.append(first + np.arange(size) % min(count, size))
        first += min(count, size)
    return np.concatenate(of_unit)[place], [min(count, size) for size, count in zip(sizes, groups, strict=True)]


def sample_of(design: Design, columns: dict[str, "pd.Series[str]"], base: Array, origin: str = "") -> Sample:
    """The design's columns as arrays.

    Raises
    ------
    EstimationError
        A stratum or cluster is not stated, or a stratum has one primary unit and the design says "raise".
    SurveyError
        The respondents' levels and a margin's do not fit together.
    """
    n = len(base)
    units = np.arange(n) if design.clusters is None else _codes(columns[design.clusters], design.clusters, origin)[0]
    strata, names = np.zeros(n, dtype=np.intp), [""]
    if design.strata is not None:
        strata, names = _codes(columns[design.strata], design.strata, origin)
        if design.clusters is not None:  # a cluster of the same name in another stratum is another cluster
            units = np.unique(strata * (units.max() + 1) + units, return_inverse=True)[1]
        strata = _with_two_units(strata, units, names, design, origin)
    margins = tuple(
        (margin_codes(columns[name], levels, name), np.array(list(levels.values())))
        for name, levels in design.margins.items()
    )
    return Sample(base, strata, units.astype(np.intp), margins, design.bounds)


def _codes(column: "pd.Series[str]", name: str, origin: str) -> tuple[NDArray[np.intp], list[str]]:
    texts = column.astype(object)
    empty = np.flatnonzero(texts.isna() | (texts.astype(str).str.strip() == ""))
    if len(empty):
        raise EstimationError(
            f"{origin}case {empty[0]} has no value in {name!r}, a column of the sampling design ({len(empty)} such cases). Every "
            "case belongs to a stratum and a cluster; fill it in or leave the case out."
        )
    codes, names = pd.factorize(texts.astype(str), sort=True)
    return np.asarray(codes, dtype=np.intp), list(names)


def _with_two_units(
    strata: NDArray[np.intp], units: NDArray[np.intp], names: list[str], design: Design, origin: str
) -> NDArray[np.intp]:
    """Strata of at least two primary units: one with a single unit raises or joins the next (the last joins the one before)."""
    while True:
        sizes = np.array([len(np.unique(units[strata == h])) for h in range(len(names))])
        single = np.flatnonzero(sizes == 1)
        if not len(single):
            return np.unique(strata, return_inverse=True)[1].astype(np.intp)
        if design.single_psu == "raise":
            what = "respondent" if design.clusters is None else f"cluster ({design.clusters!r})"
            raise EstimationError(
                f"{origin}stratum {names[single[0]]!r} of {design.strata!r} has one {what} only, so its sampling error cannot be "
                "estimated. Use Design(single_psu='collapse') to join it with the next stratum, or join strata yourself."
            )
        others = np.flatnonzero(sizes > 0)
        if len(others) == 1:
            raise EstimationError(f"{origin}the sampling design has one primary unit in all; nothing can be resampled.")
        later = others[others > single[0]]
        strata = np.where(strata == single[0], later[0] if len(later) else others[-2], strata)
