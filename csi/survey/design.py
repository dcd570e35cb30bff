"""How the respondents were drawn: strata, clusters, and the margins of the population they are weighted to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csi.errors import SurveyError, known_names

SinglePsu = Literal["raise", "collapse"]


@dataclass(frozen=True, slots=True)
class Design:
    """The sampling design; replicates draw primary units within strata and are weighted to the margins again.

    Parameters
    ----------
    strata
        Column of the strata; None for one stratum.
    clusters
        Column of the primary units (branches, districts); None if respondents were drawn one by one.
    margins
        Column -> level -> share (or number) in the population; the weights are raked to them.
    single_psu
        What to do about a stratum with one primary unit, whose error cannot be estimated: "raise", or "collapse" to join it with
        the next stratum.
    bounds
        Smallest and largest raked weight as multiples of the mean weight; None for no bounds.

    >>> Design(strata="region").strata
    'region'
    """

    strata: str | None = None
    clusters: str | None = None
    margins: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    single_psu: SinglePsu = "raise"
    bounds: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        frozen = {
            column: MappingProxyType({str(level): float(share) for level, share in levels.items()})
            for column, levels in self.margins.items()
        }
        object.__setattr__(self, "margins", MappingProxyType(frozen))
        if self.single_psu not in get_args(SinglePsu):
            raise SurveyError(f"single_psu must be 'raise' or 'collapse', not {self.single_psu!r}.")
        if self.bounds is not None and not 0 <= self.bounds[0] < 1 < self.bounds[1]:
            raise SurveyError(
                f"bounds must be multiples of the mean weight below and above 1, e.g. (0.3, 3), not {self.bounds}."
            )
        for column, levels in self.margins.items():
            bad = [level for level, share in levels.items() if not 0 < share < float("inf")]
            if bad or not levels:
                what = f"the share of {bad[0]!r} is {levels[bad[0]]:g}" if bad else "it has no levels"
                raise SurveyError(f"margin {column!r}: {what}; every level of the population needs a share above 0.")

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the design names."""
        return tuple(c for c in (self.strata, self.clusters, *self.margins) if c is not None)


def margin_codes(column: "pd.Series[str]", levels: Mapping[str, float], name: str) -> NDArray[np.intp]:
    """(n,) position of each respondent's level among the margin's levels.

    Raises
    ------
    SurveyError
        A respondent has a level that the population margin lacks, or a level of the margin has no respondent.
    """
    texts = column.astype(str)
    codes = pd.Index(list(levels)).get_indexer(pd.Index(texts))
    unknown = np.flatnonzero(codes < 0)
    if len(unknown):
        level = texts.iloc[unknown[0]]
        raise SurveyError(
            f"margin {name!r} has no share for {level!r}, which {(texts == level).sum()} respondents have. "
            f"{known_names(level, list(levels), 'Its levels are')} Add it, or join it with another level."
        )
    empty = [level for k, level in enumerate(levels) if not (codes == k).any()]
    if empty:
        raise SurveyError(
            f"margin {name!r}: no respondent has the level {empty[0]!r}, so nobody can stand for it. Join it with another level."
        )
    return np.asarray(codes, dtype=np.intp)
