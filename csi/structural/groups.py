"""Do paths, loadings or levels differ between groups? Multigroup analysis for any quantity."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csi.display import Result, tidy
from csi.errors import CsiWarning, EstimationError
from csi.kernel.group_tests import holm, p_not_larger, pooled_t, welch_t
from csi.kernel.moments import Moments
from csi.kernel.permutation import p_two_sided
from csi.kernel.resample import percentile_interval, standard_error
from csi.structural.blas import one_thread
from csi.structural.cases import Array
from csi.structural.fitted_model import Fit
from csi.structural.grouping import (
    Groups,
    described,
    domain_moments,
    group_estimates,
    groups_of,
    permuted,
    resampled_moments,
    stream_of,
    usable,
)
from csi.structural.quantities import require_quantities, values_of
from csi.structural.replication import estimated_ahead

Method = Literal["permutation", "bootstrap", "parametric", "welch"]
Adjust = Literal["holm", "none"]
ON_THE_SCALE = ("index", "effects_in_points")  # quantities that means and variances of the items are part of
_OWN = ["quantity", "group_1", "group_2", "estimate_1", "estimate_2", "p_adjusted"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class GroupComparison(Result):
    """Differences of every pair of groups in every quantity asked for, with p values of `method`.

    `estimates` is tidy, one row a group and term; `differences` has one row a pair and term: the difference group_1 - group_2,
    its bootstrap error and interval, and a column of unadjusted p values for each test.
    """

    groups: Groups
    estimates: pd.DataFrame
    differences: pd.DataFrame
    method: Method
    adjust: Adjust
    draws: int
    lost: int
    seed: int
    level: float

    @property
    def p_values(self) -> pd.DataFrame:
        """Unadjusted p values of all tests side by side; `one_sided` is P(group 1 is not larger) of PLS-MGA."""
        names = ["one_sided", *(m for m in get_args(Method) if m in self.differences)]
        return self.differences[["term", "quantity", "group_1", "group_2", *names]].copy()

    def headline(self) -> list[str]:
        """Sizes, method, and how many differences stand."""
        table = self.table()
        stand = int((table["p_adjusted"] <= 1 - self.level + 1e-12).sum())
        adjusted = ", adjusted by Holm" if self.adjust == "holm" else ", not adjusted for their number"
        lines = [
            f"Groups compared: {described(self.groups)}",
            f"{stand} of {len(table):,} differences have p ≤ {1 - self.level:g} ({self.method}{adjusted})",
            f"{self.draws:,} draws, seed {self.seed}, {self.level:.0%} intervals",
        ]
        if self.lost:
            lines.append(f"{self.lost:,} replicates could not be estimated")
        return lines

    def table(self) -> pd.DataFrame:
        """The differences, with p value and adjusted p value of the method."""
        p = self.differences[self.method]
        table = self.differences.assign(p_value=p, p_adjusted=p)
        if self.adjust == "holm":
            table["p_adjusted"] = table.groupby("quantity")["p_value"].transform(
                lambda each: holm(each.to_numpy(float))
            )
        return tidy(table.to_dict("records"), _OWN)  # type: ignore[arg-type]


@one_thread
def compare_groups(  # noqa: PLR0913 - the choices of a test, each by name
    fit: Fit,
    groups: Any,  # noqa: ANN401 - a column name, a Series or any sequence of labels
    *,
    quantities: Sequence[str] = ("paths",),
    method: Method = "permutation",
    draws: int = 5000,
    seed: int = 1,
    adjust: Adjust = "holm",
    level: float = 0.95,
) -> GroupComparison:
    """Estimate the model in every group and test the differences of every pair (multigroup analysis).

    Establish with `csi.invariance` first that the groups mean the same by the constructs.

    Parameters
    ----------
    groups
        A segment or column of the survey, or one label for each row the model was fitted to. Rows without a label are left out.
    quantities
        Names of what is compared: "paths", "loadings", "total_effects", "index", ... as in `Bootstrap.quantity`.
    method
        "permutation": labels exchanged within the pair (Chin & Dibbern 2010), the most reliable and the slowest; "bootstrap":
        PLS-MGA, two-sided (Henseler, Ringle & Sinkovics 2009); "parametric": t test with pooled variance (Keil et al. 2000);
        "welch": without (Sarstedt, Henseler & Ringle 2011). All but the first come with every comparison, see `.p_values`.
    draws
        Permutations, and bootstrap draws of each group for errors, intervals and the other tests.
    adjust
        "holm" across the pairs and terms of each quantity, or "none".
    level
        Coverage of the intervals, of each estimate and of each difference.

    Raises
    ------
    EstimationError
        Fewer than two groups; a group in which an item is constant or the answers do not suffice; an unknown choice.

    Notes
    -----
    Without a sampling design each group is resampled on its own; with one the groups are domains of the same resamples, so that
    what they share (clusters, margins) enters the errors of the differences.
    Labels are exchanged after the items have been standardised within their groups, so that different means or variances do not
    pass for different paths; for the index and effects in points, which are made of them, the answers stay as they are.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> a = rng.normal(size=300)
    >>> east = np.arange(300) < 150
    >>> frame = pd.DataFrame({"a": a, "b": np.where(east, 0.9, 0.1) * a + rng.normal(size=300)})
    >>> from csi import Model, fit
    >>> comparison = compare_groups(fit(Model.parse("A <~ a; B <~ b; B ~ A"), frame), east, draws=499)
    >>> comparison.table()[["group_1", "group_2", "p_value"]].to_dict("records")
    [{'group_1': 'False', 'group_2': 'True', 'p_value': 0.004}]
    """
    _check(fit, quantities, method, draws, adjust, level)
    parted = groups_of(fit, groups)
    batch, problems, points = group_estimates(fit, parted)
    drawn, sound = _bootstrapped(fit, parted, (points, problems), quantities, (draws, seed))
    estimates: list[Mapping[str, Any]] = []
    differences = []
    permutations: dict[tuple[int, int], Mapping[str, Array]] = {}
    for g, h in parted.pairs if method == "permutation" else []:
        known = ([points[g], points[h]], problems)
        permutations[g, h], kept = _permuted_differences(fit, parted.only((g, h)), known, quantities, (draws, seed))
        sound = np.append(sound, kept)
    _warn_if_many_are_lost(sound)
    for name in quantities:
        terms, values = values_of(name, batch, fit.batch)
        estimates += _estimate_rows(name, terms, values, drawn[name], parted, level)
        for g, h in parted.pairs:
            columns = _difference(values[[g, h]], drawn[name][[g, h]], parted.sizes[[g, h]], _tied(fit), level)
            if permutations:
                columns["permutation"] = p_two_sided(permutations[g, h][name], columns["estimate"])
            own = {"quantity": name, "group_1": parted.names[g], "group_2": parted.names[h]}
            n = parted.sizes[g] + parted.sizes[h]
            differences.append(pd.DataFrame({"term": terms, **columns, "n": n, **own}))
    table = pd.concat(differences, ignore_index=True)
    return GroupComparison(
        parted, tidy(estimates, ["quantity", "group"]), table, method, adjust, draws, int((~sound).sum()), seed, level
    )


def _check(fit: Fit, quantities: Sequence[str], method: str, draws: int, adjust: str, level: float) -> None:
    if isinstance(quantities, str) or not quantities:
        raise EstimationError(f"quantities must be a list of names, not {quantities!r}.")
    require_quantities(quantities)
    if any(name in ON_THE_SCALE for name in quantities):
        fit.require_scale()
    for name, value, known in (("method", method, get_args(Method)), ("adjust", adjust, get_args(Adjust))):
        if value not in known:
            raise EstimationError(f"{name} must be one of {', '.join(map(repr, known))}, not {value!r}.")
    if draws < 19 or not 0 < level < 1:
        raise EstimationError(
            f"comparing groups needs draws >= 19 and 0 < level < 1, not draws={draws}, level={level}."
        )


def _warn_if_many_are_lost(sound: NDArray[np.bool_]) -> None:
    if (lost := 1 - float(sound.mean())) > 0.05:
        warnings.warn(
            f"{lost:.1%} of the replicates could not be used (not converged, inadmissible, or an item without spread); errors, "
            "intervals and p values from the others may mislead.",
            CsiWarning,
            stacklevel=3,
        )


def _tied(fit: Fit) -> bool:
    """Whether a sampling design ties the groups, so that they are resampled together."""
    sample = fit.origin.cases.sample
    return not sample.is_simple or bool(sample.margins)


def _bootstrapped(
    fit: Fit,
    groups: Groups,
    known: tuple[list[Moments], NDArray[np.str_]],
    quantities: Sequence[str],
    how: tuple[int, int],
) -> tuple[dict[str, Array], NDArray[np.bool_]]:
    """Draws (K, B, m) of each quantity, NaN where a replicate cannot be used, and which can."""
    points, problems = known
    draws, seed = how
    found: dict[str, list[list[Array]]] = {name: [[] for _ in points] for name in quantities}
    kept = []
    of_group: list[int] = []

    def batches() -> Iterator[Moments]:
        for g, m in _replicates(fit, groups, points, draws, seed):
            of_group.append(g)
            yield m

    for number, (staged, wrong) in enumerate(estimated_ahead(fit, batches())):
        g, sound = of_group[number], usable(wrong, problems)
        kept.append(sound)
        for name in quantities:
            _, values = values_of(name, staged[-1].batch, fit.batch)
            found[name][g].append(np.where(sound[:, None], values, np.nan))
    return {name: np.stack([np.concatenate(parts) for parts in each]) for name, each in found.items()}, np.concatenate(
        kept
    )


def _replicates(
    fit: Fit, groups: Groups, points: list[Moments], draws: int, seed: int
) -> Iterator[tuple[int, Moments]]:
    """Batches of resampled moments, and the group that each is of."""
    if _tied(fit):
        for each in domain_moments(fit, groups, points, draws, seed):
            yield from enumerate(each)
    else:
        for g, (rows, point) in enumerate(zip(groups.rows(), points, strict=True)):
            # The stream goes by who comes first in the data, so that naming the groups anew changes nothing.
            yield g, resampled_moments(fit, rows, point, draws, stream_of(seed, int(groups.appearance[g])))


def _permuted_differences(
    fit: Fit,
    pair: Groups,
    known: tuple[list[Moments], NDArray[np.str_]],
    quantities: Sequence[str],
    how: tuple[int, int],
) -> tuple[dict[str, Array], NDArray[np.bool_]]:
    """Differences (R, m) of each quantity between two groups whose labels are exchanged, and which can be used."""
    points, problems = known
    found: dict[str, list[Array]] = {name: [] for name in quantities}
    kept = []
    for standard in (points, None):
        names = [name for name in quantities if (name in ON_THE_SCALE) == (standard is None)]
        for (one, wrong_one), (two, wrong_two) in permuted(fit, pair, *how, standard) if names else []:
            sound = usable(wrong_one, problems) & usable(wrong_two, problems)
            kept.append(sound)
            for name in names:
                difference = values_of(name, one, fit.batch)[1] - values_of(name, two, fit.batch)[1]
                found[name].append(np.where(sound[:, None], difference, np.nan))
    return {name: np.concatenate(parts) for name, parts in found.items()}, np.concatenate(kept)


def _difference(values: Array, draws: Array, n: NDArray[np.intp], paired: bool, level: float) -> dict[str, Array]:
    """Everything (m,) about the difference of two groups that their estimates (2, m) and draws (2, B, m) tell."""
    difference, drawn = values[0] - values[1], draws[0] - draws[1]
    errors = np.stack([standard_error(each) for each in draws])
    low, high = percentile_interval(drawn, level)
    one_sided = p_not_larger(draws[0], draws[1], paired)
    return {
        "estimate": difference,
        "std_error": standard_error(drawn),
        "ci_low": low,
        "ci_high": high,
        "estimate_1": values[0],
        "estimate_2": values[1],
        "one_sided": one_sided,
        "bootstrap": 2 * np.minimum(one_sided, 1 - one_sided),
        "parametric": pooled_t(difference, errors, n)[1],
        "welch": welch_t(difference, errors, n)[1],
    }


def _estimate_rows(
    name: str, terms: list[str], values: Array, draws: Array, groups: Groups, level: float
) -> Iterator[Mapping[str, Any]]:
    for group, size, point, drawn in zip(groups.names, groups.sizes, values, draws, strict=True):
        low, high = percentile_interval(drawn, level)
        for row in zip(terms, point, standard_error(drawn), low, high, strict=True):
            own = {"n": size, "quantity": name, "group": group}
            yield {**dict(zip(("term", "estimate", "std_error", "ci_low", "ci_high"), row, strict=True)), **own}
