"""One model for all groups? The permutation test of Klesel, Schuberth, Henseler & Niehaves (2019)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from csi.display import Result, tidy
from csi.errors import EstimationError
from csi.kernel import overall_fit
from csi.kernel.permutation import p_above
from csi.kernel.resample import quantiles_at
from csi.structural.blas import one_thread
from csi.structural.cases import Array
from csi.structural.fitted_model import Fit
from csi.structural.grouping import Groups, described, group_estimates, groups_of, permuted, usable
from csi.structural.one_stage import require_one_stage
from csi.structural.quantities import Batch

DISTANCES = ("d_g", "d_uls")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class EqualModels(Result):
    """Distances between the groups' model-implied item correlations, their critical values if the groups do not differ."""

    groups: Groups
    statistics: Array
    draws: Array
    level: float
    seed: int

    @property
    def rejected(self) -> bool:
        """Whether any distance is larger than chance allows."""
        return bool((p_above(self.draws, self.statistics) < self.level).any())

    def headline(self) -> list[str]:
        """The verdict in a sentence."""
        said = "the model differs between the groups" if self.rejected else "the groups can have one model"
        used = int(np.isfinite(self.draws).all(axis=1).sum())
        return [
            f"One model for {described(self.groups)}?",
            f"{used:,} of {len(self.draws):,} permutations used, level {self.level:g}: {said}",
        ]

    def table(self) -> pd.DataFrame:
        """One row a distance, averaged over the pairs of groups: value, critical value, p value."""
        critical = quantiles_at(self.draws, np.full(len(DISTANCES), 1 - self.level))
        p = p_above(self.draws, self.statistics)
        rows = zip(DISTANCES, self.statistics, critical, p, strict=True)
        n = int(self.groups.sizes.sum())
        return tidy(
            ({"term": t, "estimate": s, "p_value": p, "n": n, "critical": c} for t, s, c, p in rows), ["critical"]
        )


@one_thread
def equal_models(
    fit: Fit,
    groups: Any,  # noqa: ANN401 - a column name, a Series or any sequence of labels
    *,
    permutations: int = 1000,
    seed: int = 1,
    level: float = 0.05,
) -> EqualModels:
    """Test all differences between groups at once: one model for all of them? (Klesel, Schuberth, Henseler & Niehaves 2019).

    The distances (geodesic and half the squared Euclidean) are between the item correlations that the model implies in each
    group, averaged over the pairs; labels are exchanged between all groups, of items
    standardised within each.

    Raises
    ------
    EstimationError
        Fewer than two groups; a group in which the model cannot be estimated; a model of several stages.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> x = rng.normal(size=(200, 1))
    >>> frame = pd.DataFrame(x + rng.normal(size=(200, 4)), columns=["a1", "a2", "b1", "b2"])
    >>> from csi import Model, fit
    >>> model = Model.parse("A <~ a1 + a2; B <~ b1 + b2; B ~ A")
    >>> equal_models(fit(model, frame), np.repeat(["east", "west"], 100), permutations=199).rejected
    False
    """
    if permutations < 19 or not 0 < level < 1:
        raise EstimationError(
            f"equal_models needs permutations >= 19 and 0 < level < 1, not permutations={permutations}, level={level}."
        )
    require_one_stage(fit, "the test that groups have one model")
    parted = groups_of(fit, groups)
    batch, problems, points = group_estimates(fit, parted)
    implied = _implied_by(fit)
    observed = _mean_distances([implied(batch.part(slice(g, g + 1))) for g in range(len(parted))])[0]
    draws = []
    for parts in permuted(fit, parted, permutations, seed, points):
        sound = np.logical_and.reduce([usable(wrong, problems) for _, wrong in parts])
        found = np.full((len(sound), len(DISTANCES)), np.nan)
        found[sound] = _mean_distances([implied(each)[sound] for each, _ in parts])
        draws.append(found)
    return EqualModels(parted, observed, np.concatenate(draws), level, seed)


def _implied_by(fit: Fit) -> Callable[[Batch], Array]:
    return lambda batch: overall_fit.implied_item_correlations(batch.moments.correlation, batch.estimates, fit.layout)


def _mean_distances(implied: list[Array]) -> Array:
    """(B, 2) distances averaged over the pairs of groups."""
    pairs = [(one, two) for g, one in enumerate(implied) for two in implied[g + 1 :]]
    measures = (overall_fit.geodesic_distance, overall_fit.unweighted_distance)
    return np.stack([np.mean([measure(*pair) for pair in pairs], axis=0) for measure in measures], axis=1)
