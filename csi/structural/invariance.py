"""Do groups mean the same by a construct? Measurement invariance of composites (MICOM; Henseler, Ringle & Sarstedt 2016)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csi.display import Result, tidy
from csi.errors import EstimationError
from csi.kernel.group_tests import holm
from csi.kernel.permutation import compositional_invariance, p_below, p_two_sided, score_moments
from csi.kernel.resample import quantiles_at
from csi.structural.blas import one_thread
from csi.structural.cases import Array
from csi.structural.fitted_model import Fit
from csi.structural.grouping import Groups, described, group_estimates, groups_of, moments_of_rows, permuted
from csi.structural.one_stage import require_one_stage
from csi.structural.quantities import Batch
from csi.structural.replication import INADMISSIBLE, estimated

STEPS = ("composition", "means", "variances")
FULL, PARTIAL, NONE = "full", "partial", "none"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Invariance(Result):
    """MICOM for every pair of groups (P), step (3) and construct (J).

    `statistics` are the correlation of the scores by both groups' weights (step 2: 1 if they form the construct alike), the
    difference of the mean scores in standard deviations (3a) and of the logarithms of their variances (3b), group 1 minus group
    2; `lower` and `upper` their limits if the groups do not differ; `p_values` are unadjusted, `adjusted` by Holm across the
    pairs.
    Step 1, configural invariance, holds by construction: both groups get the same items, model, coding and estimation.
    """

    fit: Fit
    groups: Groups
    statistics: Array
    lower: Array
    upper: Array
    p_values: Array
    adjusted: Array
    permutations: int
    used: NDArray[np.intp]
    level: float
    seed: int

    @property
    def verdicts(self) -> pd.DataFrame:
        """(constructs x pairs) "full", "partial" (composition only) or "none"."""
        holds = self.adjusted > self.level + 1e-12  # what is 0.05 but for rounding is 0.05
        words = np.where(holds.all(axis=1), FULL, np.where(holds[:, 0], PARTIAL, NONE))
        return pd.DataFrame(words.T, list(self.fit.model.names), self.pairs)

    @property
    def pairs(self) -> list[str]:
        """Names of the pairs, "first - second"."""
        return [f"{self.groups.names[g]} - {self.groups.names[h]}" for g, h in self.groups.pairs]

    def headline(self) -> list[str]:
        """The verdict, and what it allows."""
        words = self.verdicts.to_numpy().ravel()
        counts = ", ".join(f"{word} {(words == word).sum()}" for word in (FULL, PARTIAL, NONE))
        some = [name for name, row in self.verdicts.iterrows() if (row == NONE).any()]
        allowed = "paths and means may be compared" if not some else f"do not compare {', '.join(map(str, some))}"
        lost = self.permutations * len(self.used) - int(self.used.sum())
        return [
            f"Measurement invariance of {described(self.groups)}: {counts}",
            "step 1 (same items, model and estimation) holds by construction",
            f"step 2 (composition): {allowed}; step 3 (equal means, variances) only decides whether to pool the groups",
            f"{self.permutations:,} permutations, level {self.level:g}, seed {self.seed}"
            + (f"; {lost:,} could not be estimated" if lost else ""),
        ]

    def table(self) -> pd.DataFrame:
        """One row a pair, construct and step: statistic, limits under equality, p value, adjusted p value, verdict."""
        verdicts, sizes = self.verdicts.to_numpy(), self.groups.sizes
        rows = (
            {
                "term": name,
                "estimate": self.statistics[k, s, j],
                "p_value": self.p_values[k, s, j],
                "n": sizes[g] + sizes[h],
                "group_1": self.groups.names[g],
                "group_2": self.groups.names[h],
                "step": step,
                "lower": self.lower[k, s, j],
                "upper": self.upper[k, s, j],
                "p_adjusted": self.adjusted[k, s, j],
                "verdict": verdicts[j, k],
            }
            for k, (g, h) in enumerate(self.groups.pairs)
            for j, name in enumerate(self.fit.model.names)
            for s, step in enumerate(STEPS)
        )
        return tidy(rows, ["group_1", "group_2", "step", "lower", "upper", "p_adjusted", "verdict"])


@one_thread
def invariance(
    fit: Fit,
    groups: Any,  # noqa: ANN401 - a column name, a Series or any sequence of labels
    *,
    permutations: int = 5000,
    seed: int = 1,
    level: float = 0.05,
) -> Invariance:
    """Test measurement invariance of composites between groups (MICOM; Henseler, Ringle & Sarstedt 2016).

    Step 2 correlates, over the pooled cases and items standardised together, the scores that the outer weights of each group
    give; it is rejected below the one-sided `level` quantile of the permutations. Step 3 compares means and logarithms of
    variances of the scores by the pooled weights, two-sided. Constructs that pass step 2 mean the same in both groups: their
    paths and means can be compared. Step 3 decides only whether the groups may be pooled. p values are (1 + #)/(1 + R), twice
    that of the smaller tail in step 3.
    Common factors are tested by their scores.

    Parameters
    ----------
    groups
        A segment or column of the survey, or one label for each row the model was fitted to. Rows without a label are left out.
        With more than two groups every pair is tested, on its own cases, with Holm's adjustment across the pairs.
    permutations
        Number of times that labels are exchanged: primary units within strata, cases where a unit holds both groups.

    Raises
    ------
    EstimationError
        Fewer than two groups; a group in which an item is constant or the answers do not suffice; a model of several stages.

    Examples
    --------
    >>> rng = np.random.default_rng(2)
    >>> x = rng.normal(size=(200, 1))
    >>> frame = pd.DataFrame(x + rng.normal(size=(200, 4)), columns=["a1", "a2", "b1", "b2"])
    >>> from csi import Model, fit
    >>> model = Model.parse("A <~ a1 + a2; B <~ b1 + b2; B ~ A")
    >>> invariance(fit(model, frame), np.repeat(["east", "west"], 100), permutations=499).verdicts["east - west"].tolist()
    ['full', 'full']
    """
    if permutations < 19 or not 0 < level < 1:
        raise EstimationError(
            f"invariance needs permutations >= 19 and 0 < level < 1, not permutations={permutations}, level={level}."
        )
    require_one_stage(fit, "the test of measurement invariance")
    parted = groups_of(fit, groups)
    if len(parted) < 2:
        group_estimates(fit, parted)  # says what is wrong
    found = [_pair(fit, parted.only(pair), permutations, seed, level) for pair in parted.pairs]
    statistics, lower, upper, p = (np.stack([each[k] for each in found]) for k in range(4))
    adjusted = np.apply_along_axis(holm, 0, p)
    used = np.array([each[4] for each in found])
    return Invariance(fit, parted, statistics, lower, upper, p, adjusted, permutations, used, level, seed)


def _pair(
    fit: Fit, groups: Groups, permutations: int, seed: int, level: float
) -> tuple[Array, Array, Array, Array, int]:
    """Statistics, limits and p values (3, J) of two groups, and how many permutations could be used."""
    batch, _, _ = group_estimates(fit, groups)
    statistics = _statistics_of(fit, groups)
    observed = statistics(*(batch.part(slice(g, g + 1)) for g in range(2)))[0]
    draws = []
    for (one, wrong_one), (two, wrong_two) in permuted(fit, groups, permutations, seed):
        # Scores are made of outer weights, which an inadmissible disattenuation leaves alone.
        sound = np.isin(wrong_one, ("", INADMISSIBLE)) & np.isin(wrong_two, ("", INADMISSIBLE))
        draws.append(np.where(sound[:, None, None], statistics(one, two), np.nan))
    drawn = np.concatenate(draws)
    tails = np.array([[level], [level / 2], [level / 2]]) * np.ones(observed.shape)
    lower, upper = quantiles_at(drawn, tails), quantiles_at(drawn, 1 - tails)
    upper[0] = np.nan  # the composition can only be too different
    p = np.concatenate([p_below(drawn[:, :1], observed[:1]), p_two_sided(drawn[:, 1:], observed[1:])])
    return observed, lower, upper, p, int(np.isfinite(drawn).all(axis=(1, 2)).sum())


def _statistics_of(fit: Fit, groups: Groups) -> Callable[[Batch, Batch], Array]:
    """The three statistics (B, 3, J) of two groups, on the ruler of their pooled cases."""
    rows = np.flatnonzero(groups.codes >= 0)
    staged, _ = estimated(fit, moments_of_rows(fit, rows))
    pooled = staged[-1].batch
    mean, sd, weights, R = (
        each[0]
        for each in (pooled.moments.mean, pooled.moments.sd, pooled.estimates.weights, pooled.moments.correlation)
    )

    def statistics(one: Batch, two: Batch) -> Array:
        c = compositional_invariance(one.estimates.weights, two.estimates.weights, R, fit.layout)
        (mean_1, var_1), (mean_2, var_2) = (score_moments(b.moments, weights, mean, sd, fit.layout) for b in (one, two))
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.stack([c, mean_1 - mean_2, np.log(var_1) - np.log(var_2)], axis=1)

    return statistics
