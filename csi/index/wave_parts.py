"""What the index of a wave is made of, and the parts of the difference between two waves, in every replicate.

With missing answers the overall mean of an item is not the mean of its segments by their shares, but by the shares of those who
answer it: a segment that stops answering moves the index though nobody changed their mind. Where gaps are filled from the
respondent's other answers (`em`, `regression`) segments do average to the whole, and response composition moves nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from csi.errors import EstimationError
from csi.index.score import item_means, ruler
from csi.kernel import importance
from csi.kernel.decomposition import Composition, aligned, item_levels, split_levels
from csi.kernel.moments import CONDITIONAL, domain_means
from csi.structural.cases import Array
from csi.structural.estimation import Fit
from csi.structural.inference import Bootstrap

DIFFERENCE, ONE_RULER, MIX, RESPONSE, SCORES, WEIGHTS, ITEM = (
    "difference", "one ruler", "mix", "response", "scores", "weights", "item",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Parts of the difference (B, m), how each is called and of what kind, and both waves' levels (B,)."""

    terms: list[str]
    kinds: list[str]
    values: Array
    levels: tuple[Array, Array]


def composition_of(source: Fit | Bootstrap, domains: NDArray[np.bool_], items: Sequence[str]) -> Composition:
    """Shares, response, scores in points and weights of a fit (B = 1) or of every replicate, items in the order asked."""
    if isinstance(source, Bootstrap):
        f, pieces = source.fit, source.resamples()
    else:
        f, used = source, source.cases.answering(source.settings.missing)
        pieces = iter([(slice(None), (used * source.cases.weights)[None])])
    place = [f.model.items.index(item) for item in items]
    X, everybody = f.cases.answers[:, place], np.ones((1, len(f.cases)), dtype=bool)
    filled = f.settings.missing in CONDITIONAL
    found: list[tuple[Array, Array, Array]] = []
    for part, W in pieces:
        means = item_means(f, W, domains, slice(None), source, part)[:, :, place]
        share = domain_means(domains.T.astype(float), W, everybody)[:, 0]
        answered = np.ones(X.shape) if filled else (~np.isnan(X)).astype(float)
        found.append((share, domain_means(answered, W, domains), means))
    share, response, means = (np.concatenate(each) for each in zip(*found, strict=True))
    points = importance.points(means, f.cases.low[place], f.cases.high[place])
    return Composition(share, response, points, ruler(source)[:, place])


def parts_of(before: Composition, after: Composition, items: Sequence[str]) -> Parts:
    """The difference, what it would be by the later wave's weights alone, and its parts.

    Raises
    ------
    EstimationError
        An item that no segment answered in both waves.
    """
    one, two = aligned(before, after)
    split = split_levels(one, two)
    if (lost := np.flatnonzero(np.isnan(split).all(axis=(0, 1)))).size:
        raise EstimationError(
            f"item {items[lost[0]]!r} was answered by other segments in one wave than in the other, so that its change cannot be "
            "told from theirs. Leave it out, or compare by larger segments."
        )
    mix, response, scores, weights = split
    first, last, earlier = (
        item_levels(*each.factors).sum(axis=1) for each in (one, two, replace(one, weights=two.weights))
    )
    sums = [part.sum(axis=1) for part in (mix, response, weights, scores)]
    columns = [last - first, last - earlier, *sums, *scores.T]
    kinds = [DIFFERENCE, ONE_RULER, MIX, RESPONSE, WEIGHTS, SCORES, *[ITEM] * len(items)]
    return Parts([*kinds[:6], *items], kinds, np.column_stack(columns), (first, last))
