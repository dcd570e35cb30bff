"""Why a weighted mean moved: an exact split of a difference between two times, averaged over the orders of change.

Notation
    share     (B, D)     share of each segment among the respondents; sums to 1
    response  (B, D, p)  share of a segment that answers each item; ones where gaps are filled
    score     (B, D, p)  mean of each item in each segment
    weights   (B, p)     weight of each item in the level
    level     (B, p)     what each item adds: weights_i sum_d(share_d response_di score_di) / sum_d(share_d response_di)
The leading axis are replicates. Changing one factor after the other explains the whole difference, but what a factor is given
depends on the order; the mean over all orders is the Shapley value (Shapley 1953; Das Gupta 1993 for rates and their mix).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

from csi.kernel.small_matrices import Array

FACTORS = ("mix", "response", "scores", "weights")


@dataclass(frozen=True, slots=True, eq=False)
class Composition:
    """What a level is made of at one time, in the notation of the module; NaN where nobody is left to say."""

    share: Array
    response: Array
    score: Array
    weights: Array

    @property
    def factors(self) -> tuple[Array, Array, Array, Array]:
        """In the order of `FACTORS`."""
        return self.share, self.response, self.score, self.weights


def split(value: Callable[..., Array], before: Sequence[Array], after: Sequence[Array]) -> Array:
    """(k, ...) what each of k factors gives to value(*after) - value(*before), averaged over the k! orders of changing them.

    >>> rates = split(lambda share, rate: share * rate, [np.array(0.2), np.array(10.0)], [np.array(0.4), np.array(20.0)])
    >>> rates.round(6).tolist()  # 0.2 x 15 and 10 x 0.3, together 8 - 2
    [3.0, 3.0]
    """
    k = len(before)
    found = {
        changed: value(*(after[i] if i in changed else before[i] for i in range(k)))
        for size in range(k + 1)
        for changed in combinations(range(k), size)
    }
    parts = []
    for i in range(k):
        without = [changed for changed in found if i not in changed]
        steps = [(found[tuple(sorted((*s, i)))] - found[s]) / (k * comb(k - 1, len(s))) for s in without]
        parts.append(np.sum(steps, axis=0))
    return np.stack(parts)


def item_levels(share: Array, response: Array, score: Array, weights: Array) -> Array:
    """(B, p) what each item adds to the level."""
    answering = share[:, :, None] * response
    with np.errstate(invalid="ignore", divide="ignore"):
        means = (answering * score).sum(axis=1) / answering.sum(axis=1)
    return np.asarray(weights * means)


def aligned(before: Composition, after: Composition) -> tuple[Composition, Composition]:
    """Both times without unknowns: who is not there at one time answers and scores as at the other.

    A segment, or an item of a segment, that only one time has acts through its share or its response, and not through scores that
    nobody gave.
    """
    one, two = (_known_from(own, other) for own, other in ((before, after), (after, before)))
    return one, two


def split_levels(before: Composition, after: Composition) -> Array:
    """(factors, B, p) parts of the difference of every item's addition, in the order of `FACTORS`; they sum to it exactly.

    A level is linear in the scores and items do not share theirs, so that the items' parts of `scores` are what each would be
    given as a factor of its own. NaN for an item that no segment answers at both times.

    >>> one = Composition(np.array([[0.5, 0.5]]), np.ones((1, 2, 1)), np.array([[[40.0], [80.0]]]), np.ones((1, 1)))
    >>> two = Composition(np.array([[0.4, 0.6]]), np.ones((1, 2, 1)), np.array([[[40.0], [82.0]]]), np.ones((1, 1)))
    >>> split_levels(one, two)[:, 0, 0].round(6).tolist()
    [4.1, 0.0, 1.1, 0.0]
    """
    return split(item_levels, before.factors, after.factors)


def _known_from(own: Composition, other: Composition) -> Composition:
    response = np.where(np.isnan(own.response), other.response, own.response)
    score = np.where(np.isnan(own.score), other.score, own.score)
    # What neither time knows counts nothing.
    return Composition(own.share, np.nan_to_num(response), np.nan_to_num(score), own.weights)
