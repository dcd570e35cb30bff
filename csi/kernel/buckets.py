"""Item moments of more rows than memory holds: sums over random buckets of primary units, and how they are resampled.

Notation
    C        cells: what a group, a stratum and a bucket have in common, as far as there are rows
    G, H, K  groups, strata, buckets of a stratum
    first    (C, p)     sums of w (x - centre)
    second   (C, p, p)  sums of w (x - centre)(x - centre)'
A bucket holds primary units that are drawn into it as if by lot, so that the sums of a bucket vary as the sums of that many units
do, and resampling some hundred buckets stands for resampling millions of units (random groups: Wolter 2007, chapter 2).
A bucket does not hold the same number of units as the next. In every replicate a stratum's drawn buckets are therefore
weighted to the number of units that the stratum has; with equal buckets this is the factor n_h/(n_h - 1) of Rao & Wu (1988).
Without it the chance sizes of the buckets would pass for sampling error wherever the means of the strata differ.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from csi.kernel.resample import BLOCK, rao_wu_counts
from csi.kernel.small_matrices import Array
from csi.kernel.sums import Moments, moments_from_sums

_MODULUS = 2**31 - 1  # a prime below 2^31: the product of two residues fits in 64 bits
_STEPS = ((1_583_458_089, 784_588_716), (1_664_525, 1_013_904_223))


def bucket_of(key: Any, buckets: int) -> Any:  # noqa: ANN401 - an array of int64, or the like of a database
    """The bucket 0 ... buckets - 1 of integer keys, from whole-number arithmetic that engines share.

    Modulo 2^31 - 1 the key goes through x -> a x + b and x -> x^2, twice. The squares matter: the remainder of the key, or of
    its multiple, spreads keys in a row more evenly than chance would, and where answers trend with the key (customers are
    numbered in the order in which they came) the buckets would then hardly differ and errors be understated. SQLite, which takes
    remainders of floats, makes other buckets, no worse.

    >>> bucket_of(np.arange(6), 256).tolist()
    [149, 79, 234, 2, 26, 163]
    """
    x = (key % _MODULUS + _MODULUS) % _MODULUS  # engines do not agree on the remainder of a negative number
    for a, b in _STEPS:
        x = (x * a + b) % _MODULUS
        x = (x * x) % _MODULUS
    return x % buckets


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class BucketMoments:
    """Sums over groups, strata and buckets, enough for the item moments of any replicate of any group.

    Attributes
    ----------
    items
        (p,) names of the items.
    groups, strata
        (G,) and (H,) labels, each a tuple of the values that define the group or stratum; `((),)` where there is one only.
    group, stratum, bucket
        (C,) numbers of each cell's group, stratum and bucket.
    n
        (C,) rows.
    weight, first, second
        (C,), (C, p), (C, p, p) sums of the weights and of the weighted deviations from `centre` and of their products.
    centre
        (p,) what deviations are taken from; it is near the mean so that no digits are lost, and has no other meaning.
    units
        (H, K) primary units in each bucket of each stratum.
    n_missing
        Rows left out because an item has no answer.
    """

    items: tuple[str, ...]
    groups: tuple[tuple[Any, ...], ...]
    strata: tuple[tuple[Any, ...], ...]
    group: NDArray[np.intp]
    stratum: NDArray[np.intp]
    bucket: NDArray[np.intp]
    n: NDArray[np.intp]
    weight: Array
    first: Array
    second: Array
    centre: Array
    units: NDArray[np.intp]
    n_missing: int

    def __repr__(self) -> str:
        held = f"{self.n.sum():,} rows ({self.n_missing:,} more left out for a missing answer)"
        parts = {"items": self.items, "groups": self.groups, "strata": self.strata}
        counts = ", ".join(f"{name}: {len(labels)}" for name, labels in parts.items())
        return f"<BucketMoments of {held}, {counts}, buckets with units: {np.count_nonzero(self.units)}>"

    @property
    def resampleable(self) -> bool:
        """Whether every stratum has units in two buckets at least."""
        return bool((np.count_nonzero(self.units, axis=1) > 1).all())

    def rows(self, group: int | None = None) -> int:
        """Rows of a group, by its number in `groups`; of all groups together if None."""
        return int(self.n[self._cells(group)].sum())

    def moments(self, group: int | None = None) -> Moments:
        """The moments (a batch of one) of a group, by its number in `groups`; of all groups together if None."""
        return self._under(np.ones((1, np.count_nonzero(self.units))), self._sums(group), group)

    def resamples(self, draws: int, seed: int, group: int | None = None) -> Iterator[Moments]:
        """The moments of `draws` replicates of a group, in batches of at most 512; the replicates of all groups are the same.

        In stratum h one bucket less than it has is drawn with replacement, and what is drawn is weighted to the number of
        units of the stratum. A group that no drawn bucket has is NaN; so is all if a stratum has one bucket only (see
        `resampleable`).
        """
        sizes, sums = [row[row > 0] for row in self.units], self._sums(group)
        if not self.resampleable:
            for first in range(0, draws, BLOCK):
                yield self._under(np.full((min(BLOCK, draws - first), len(sums)), np.nan), sums, group)
            return
        ends = np.cumsum([len(m) for m in sizes])[:-1]
        for counts in rao_wu_counts([len(m) for m in sizes], draws, seed):
            drawn = zip(np.split(counts, ends, axis=1), sizes, strict=True)
            W = np.concatenate([c * (m.sum() / (c @ m))[:, None] for c, m in drawn], axis=1)
            yield self._under(W, sums, group)

    def _cells(self, group: int | None) -> NDArray[np.intp]:
        return np.flatnonzero(np.ones(len(self.n), dtype=bool) if group is None else self.group == group)

    def _sums(self, group: int | None) -> Array:
        """(m, 1 + p + p p) weight, first and second of the m buckets that have units, stratum by stratum."""
        cells = self._cells(group)
        place = np.cumsum(self.units.ravel() > 0) - 1
        column = place[self.stratum[cells] * self.units.shape[1] + self.bucket[cells]]
        sums = np.zeros((np.count_nonzero(self.units), 1 + len(self.items) + len(self.items) ** 2))
        parts = (self.weight[cells, None], self.first[cells], self.second[cells].reshape(len(cells), -1))
        np.add.at(sums, column, np.concatenate(parts, axis=1))
        return sums

    def _under(self, W: Array, sums: Array, group: int | None) -> Moments:
        """Moments under weights W (B, m) of the buckets that `sums` are of."""
        p = len(self.items)
        total, first, second = np.split(sums.T @ W.T, [1, 1 + p])
        with np.errstate(invalid="ignore", divide="ignore"):
            return moments_from_sums(self.rows(group), self.centre, total[0], first, second.reshape(p, p, -1))
