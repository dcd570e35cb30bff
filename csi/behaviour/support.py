"""Where respondents were: beyond their range a risk is a guess."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from csi.behaviour.linkage import Linked

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Support:
    """Smallest and largest value of every number, and the levels of every text, among the respondents of a model.

    A gap is inside where a respondent has one too.
    """

    ranges: Mapping[str, tuple[float, float]]
    levels: Mapping[str, pa.Array]
    gaps: frozenset[str]

    def outside(self, columns: Mapping[str, pa.Array | pa.ChunkedArray]) -> dict[str, Flags]:
        """Feature -> (rows,) whether a customer lies where no respondent was."""
        return {feature: self._outside(feature, columns[feature]) for feature in (*self.ranges, *self.levels)}

    def _outside(self, feature: str, values: pa.Array | pa.ChunkedArray) -> Flags:
        if feature in self.ranges:
            x = pc.cast(values, pa.float64()).to_numpy(zero_copy_only=False)
            low, high = self.ranges[feature]
            gap, beyond = np.isnan(x), (x < low) | (x > high)
        else:
            texts = values.cast(pa.string())
            gap = pc.is_null(texts).to_numpy(zero_copy_only=False)
            beyond = ~gap & ~pc.is_in(texts, value_set=self.levels[feature]).to_numpy(zero_copy_only=False)
        flags: Flags = beyond if feature in self.gaps else beyond | gap
        return flags


def support_of(linked: Linked, *more: Linked) -> Support:
    """Where the respondents of one wave, or of several, were."""
    ranges: dict[str, tuple[float, float]] = {}
    levels: dict[str, pa.Array] = {}
    gaps = set()
    for feature in linked.features:
        values = np.concatenate([part.frame[feature].to_numpy(object) for part in (linked, *more)])
        recorded = [v for v in values if v is not None and v == v]  # noqa: PLR0124 - NaN is not itself
        if len(recorded) < len(values):
            gaps.add(feature)
        if feature in linked.numeric_features:
            ranges[feature] = (min(recorded, default=np.nan), max(recorded, default=np.nan))
        else:
            levels[feature] = pa.array(sorted(set(recorded)), pa.string())
    return Support(ranges, levels, frozenset(gaps))
