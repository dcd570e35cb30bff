"""How many answers are needed to see a path: by formula, and by drawing samples from a population whose truth is known."""

import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from csi.display import Result, tidy
from csi.errors import CsiWarning, EstimationError
from csi.kernel.estimates import estimate
from csi.kernel.moments import moments
from csi.kernel.pls import Layout
from csi.kernel.population import normal_samples, sampled_answers
from csi.kernel.resample import BLOCK, percentile_interval, rao_wu_counts, standard_error
from csi.model.model import Model
from csi.structural.cases import Array
from csi.structural.estimation import Fit, layout_of
from csi.structural.population import Population, true_values

Method = Literal["inverse_square_root", "gamma_exponential"]
Flags = NDArray[np.bool_]
_OWN = ("population", "bias", "power", "used", "required_n")


def required_sample(
    smallest_path: float, *, power: float = 0.8, level: float = 0.05, method: Method = "inverse_square_root"
) -> int:
    """Answers needed to find a path of this size, by the formulas of Kock & Hadaya (2018).

    With z = z_(1 - level) + z_power (2.486 at 5 % and 80 %: their test is one-sided; for a two-sided one halve `level`) it is the
    least n with |path| sqrt(n) > z, or, by the gamma-exponential method, with |path| sqrt(n) exp(e |path|/sqrt(n)) > z. Both
    know only the path; `planned_power` also knows loadings, overlap of the causes and the number of items.

    Parameters
    ----------
    smallest_path
        The smallest standardised path that should be found; its sign does not matter.
    power
        Probability of finding it.

    Raises
    ------
    EstimationError
        A path that is 0 or not within 1, a probability outside 0-1, or an unknown method.

    >>> required_sample(0.2), required_sample(0.197), required_sample(0.197, method="gamma_exponential")
    (155, 160, 146)
    """
    size = abs(smallest_path)
    if not (0 < size <= 1 and 0 < level < 0.5 <= power < 1):
        raise EstimationError(
            "required_sample needs a path within 0-1 in size, 0.5 <= power < 1 and 0 < level < 0.5, not "
            f"smallest_path={smallest_path}, power={power}, level={level}."
        )
    z = float(norm.ppf(1 - level) + norm.ppf(power))
    n = math.floor((z / size) ** 2) + 1
    if method == "inverse_square_root":
        return n
    if method != "gamma_exponential":
        raise EstimationError(f"method must be 'inverse_square_root' or 'gamma_exponential', not {method!r}.")
    # The correction lowers n by about 2 e z; so the search comes down from the uncorrected answer.
    while n > 1 and size * math.sqrt(n - 1) * math.exp(math.e * size / math.sqrt(n - 1)) > z:
        n -= 1
    return n


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PowerPlan(Result):
    """How well each path would be seen with each number of answers.

    `rows` are tidy: estimate (mean over the samples), std_error (their SD), ci_low and ci_high (1 - level of them lie between),
    n (the answers of a sample), population (the true path), bias, power, used (samples that could be estimated), and
    required_n: the answers that give the power wanted, interpolated between the sizes; the smallest size where that suffices
    already, NaN where the largest does not.
    """

    model: Model
    rows: pd.DataFrame
    sizes: tuple[int, ...]
    replications: int
    level: float
    power: float
    seed: int

    def headline(self) -> list[str]:
        """The sizes, and how many answers all paths need."""
        listed = ", ".join(f"{n:,}" for n in self.sizes)
        head = (
            f"Power plan: {self.replications:,} samples each of n = {listed}; two-sided tests at level {self.level:g}, "
            f"seed {self.seed}"
        )
        largest = self.rows[(self.rows["n"] == self.sizes[-1]) & (self.rows["population"] != 0)]
        if largest.empty:
            return [head, "every path is 0: there is nothing to find"]
        short = largest.loc[largest["required_n"].isna(), "term"]
        if len(short):
            return [head, f"{self.power:.0%} power needs more than {self.sizes[-1]:,} answers for {', '.join(short)}"]
        worst = largest.iloc[int(largest["required_n"].to_numpy().argmax())]
        word = "at most" if worst["required_n"] == self.sizes[0] else "about"
        return [
            head,
            f"{self.power:.0%} power for every path needs {word} {worst['required_n']:,.0f} answers ({worst['term']})",
        ]

    def table(self) -> pd.DataFrame:
        """One row a path and size."""
        return self.rows.copy()


def planned_power(  # noqa: PLR0913 - what is true, and six choices by name
    model: Model,
    population: Population | Fit,
    sizes: Sequence[int] = (100, 200, 400),
    *,
    replications: int = 500,
    draws: int | None = 200,
    points: int | None = None,
    level: float = 0.05,
    power: float = 0.8,
    seed: int = 1,
) -> PowerPlan:
    """Draw samples of each size from a population, estimate the model in each, and count how often a path is seen.

    A path counts as seen where the percentile interval of a bootstrap within the sample excludes 0, as `bootstrap` would find; in
    a sample without an admissible solution nothing is seen.

    Parameters
    ----------
    population
        A `Population`, or a `Fit` whose estimates then are the truth; the model may be another one on the same items.
    draws
        Bootstrap draws within each sample. None is much quicker: a path then counts as seen where its estimate exceeds
        z_(1 - level/2) times the SD of the estimates over all samples. That promises too much where a construct hangs on
        one weak path alone, because its weights, and so its estimate, then lean away from 0.
    points
        Points of the answer scale: normal answers are cut into that many classes of equal width between -2.5 and 2.5 SD. Without
        it answers are normal.
    power
        The power for which `required_n` is given.

    Raises
    ------
    ModelError
        A population that cannot exist or does not say everything; the construct, path or item is named.
    EstimationError
        A size not above the number of items, fewer than 2 replications, or a size at which no sample could be estimated.

    Examples
    --------
    >>> model = Model.parse("Quality <~ q1 + q2 + q3; Satisfaction <~ s1 + s2 + s3; Satisfaction ~ Quality")
    >>> population = Population({("Quality", "Satisfaction"): 0.2}, {"Quality": 0.8, "Satisfaction": 0.8})
    >>> plan = planned_power(model, population, sizes=(100, 200), replications=100, draws=100)
    >>> bool(plan.rows["required_n"].between(120, 200).all())
    True
    """
    _require_choices(replications, draws, points, level, power)
    layout = layout_of(model)
    paths, R = true_values(model, population)
    ordered = tuple(sorted({int(n) for n in sizes}))
    if not ordered or ordered[0] <= len(R):
        raise EstimationError(f"planned_power needs sizes above the {len(R)} items of the model, not {tuple(sizes)}.")
    design = _Design(R, layout, estimate(R[None], layout).weights[0], replications, draws, points, level, seed)
    parts = []
    for n in ordered:
        parts.append(_rows(model, paths, *design.found(n), n, level))
    rows = pd.concat(parts, ignore_index=True)
    rows["required_n"] = rows["term"].map({term: _required(part, power) for term, part in rows.groupby("term")})
    return PowerPlan(model, rows, ordered, replications, level, power, seed)


def _require_choices(replications: int, draws: int | None, points: int | None, level: float, power: float) -> None:
    counts = all(count is None or count >= 2 for count in (replications, draws, points))
    if not counts or not 0 < level < 1 or not 0 < power < 1:
        raise EstimationError(
            "planned_power needs replications, draws and points of 2 or more (draws and points may be None), 0 < level < 1 and "
            f"0 < power < 1, not replications={replications}, draws={draws}, points={points}, level={level}, power={power}."
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Design:
    """What is drawn and estimated, for any size; weights keep the direction of `reference`."""

    R: Array
    layout: Layout
    reference: Array
    replications: int
    draws: int | None
    points: int | None
    level: float
    seed: int

    def found(self, n: int) -> tuple[Array, Flags]:
        """Estimated paths (B, J, J) of the samples, NaN where there is no admissible solution, and which are seen."""
        if self.draws is not None:
            counts = np.concatenate(list(rao_wu_counts(n, self.draws, self.seed)))
            both = [self._bootstrapped(X, counts) for X in self._answers(n)]
            return np.stack([path for path, _ in both]), np.stack([seen for _, seen in both])
        found = np.concatenate([self._paths(R, self.reference)[0] for R in self._correlations(n)])
        return found, np.abs(found) > norm.ppf(1 - self.level / 2) * standard_error(found)

    def _answers(self, n: int) -> Iterator[Array]:
        for b in range(self.replications):  # a sample's random stream depends on its size and number alone
            yield sampled_answers(self.R, n, np.random.default_rng([self.seed, n, b]), self.points)

    def _correlations(self, n: int) -> Iterator[Array]:
        if self.points is not None:
            yield np.concatenate([moments(X, np.ones((1, n))).correlation for X in self._answers(n)])
            return
        for number, first in enumerate(range(0, self.replications, BLOCK)):
            rng = np.random.default_rng([self.seed, n, number])
            yield normal_samples(self.R, n, min(BLOCK, self.replications - first), rng)

    def _bootstrapped(self, X: Array, counts: Array) -> tuple[Array, Flags]:
        """Paths (J, J) of one sample, and whether their percentile intervals exclude 0."""
        point, weights = self._paths(moments(X, np.ones((1, len(X)))).correlation, self.reference)
        drawn, _ = self._paths(moments(X, counts).correlation, weights[0])
        low, high = percentile_interval(drawn, 1 - self.level)
        return point[0], (low > 0) | (high < 0)

    def _paths(self, R: Array, reference: Array) -> tuple[Array, Array]:
        e = estimate(R, self.layout, tolerance=1e-5, reference=reference)  # far below what a share of samples can tell
        return np.where((e.converged & e.admissible)[:, None, None], e.paths, np.nan), e.weights


def _rows(model: Model, paths: Array, found: Array, seen: Flags, n: int, level: float) -> pd.DataFrame:
    from_, to = np.nonzero(layout_of(model).adjacency)
    values, true = found[:, from_, to], paths[from_, to]
    usable = np.isfinite(values).all(axis=1)
    used = int(usable.sum())
    if used < 2:
        raise EstimationError(
            f"of {len(found)} samples of n = {n} hardly any could be estimated; ask for greater sizes."
        )
    if used < 0.95 * len(found):
        warnings.warn(
            f"only {used} of {len(found)} samples of n = {n} gave a solution that may be used; in the others no path counts "
            "as seen.",
            CsiWarning,
            stacklevel=3,
        )
    values, seen = values[usable], seen[usable][:, from_, to]
    mean, sd = values.mean(axis=0), standard_error(values)
    low, high = percentile_interval(values, 1 - level)
    terms = [f"{model.names[j]} -> {model.names[k]}" for j, k in zip(from_, to, strict=True)]
    columns = {
        "term": terms,
        "estimate": mean,
        "std_error": sd,
        "ci_low": low,
        "ci_high": high,
        "n": n,
        "population": true,
        "bias": mean - true,
        "power": seen.sum(axis=0) / len(found),
        "used": used,
    }
    return tidy(pd.DataFrame(columns).to_dict("records"), _OWN)  # type: ignore[arg-type]


def _required(rows: pd.DataFrame, power: float) -> float:
    """Answers for this power; between two sizes its probit runs straight in sqrt(n), as SDs fall with 1/sqrt(n)."""
    share, n, used = (rows[name].to_numpy(float) for name in ("power", "n", "used"))
    enough = share >= power
    if rows["population"].iloc[0] == 0 or not enough.any():
        return math.nan
    above = int(enough.argmax())
    if above == 0:
        return float(n[0])
    ends = slice(above - 1, above + 1)
    probit = norm.ppf(np.clip(share[ends], 0.5 / used[ends], 1 - 0.5 / used[ends]))
    return float(math.ceil(np.interp(norm.ppf(power), probit, np.sqrt(n[ends])) ** 2))
