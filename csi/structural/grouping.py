"""Which case belongs to which group, and a fit's model estimated for groups: as they are, resampled, with labels exchanged."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csi.errors import CsiWarning, EstimationError, known_names
from csi.kernel.moments import Moments, joined
from csi.kernel.permutation import log_exchanges, moments_by_label, moments_where_answered, permuted_labels
from csi.model.stages import item_products, observed_items
from csi.structural.cases import Array, Cases
from csi.structural.estimability import why_undefined
from csi.structural.fitted_model import Fit
from csi.structural.quantities import Batch
from csi.structural.replication import INADMISSIBLE, SINGULAR, estimated, estimated_ahead
from csi.structural.sampling import Sample
from csi.structural.stages import Staged, base_moments, layout_of

_FEW_EXCHANGES = 100


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Names of the groups, the number of each case's group (n,), -1 where it takes no part, and how many have no label."""

    names: tuple[str, ...]
    codes: NDArray[np.intp]
    unlabelled: int

    def __len__(self) -> int:
        return len(self.names)

    @property
    def sizes(self) -> NDArray[np.intp]:
        """(K,) cases of each group."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self))

    def rows(self) -> list[NDArray[np.intp]]:
        """The rows of each group."""
        order = np.argsort(self.codes, kind="stable")
        return np.split(order, np.searchsorted(self.codes[order], np.arange(len(self) + 1)))[1:-1]

    @property
    def appearance(self) -> NDArray[np.intp]:
        """(K,) place of each group by its first case."""
        first = np.array([rows[0] for rows in self.rows()])
        return np.argsort(np.argsort(first))

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Every two groups."""
        return [(g, h) for g in range(len(self)) for h in range(g + 1, len(self))]

    def only(self, members: Sequence[int]) -> "Groups":
        """Some of the groups; the cases of the others take no part."""
        place = np.full(len(self) + 1, -1)
        place[list(members)] = np.arange(len(members))
        return Groups(tuple(self.names[g] for g in members), place[self.codes], self.unlabelled)


def groups_of(fit: Fit, labels: Any) -> Groups:  # noqa: ANN401 - a column name, a Series or any sequence of labels
    """The groups that a column of the survey or a sequence of labels makes; categories keep their order, others are sorted.

    Rows without a label (missing or empty) take no part and are counted, and so do rows that the fit does not use.

    Raises
    ------
    EstimationError
        No such column; labels of the wrong number.
    """
    fit.require_cases("groups of cases")
    fit.require_pearson("a comparison of groups")
    column, cases = _labels(fit, labels), fit.origin.cases
    known = ~(column.isna() | (column.astype(object).astype(str).str.strip() == "")).to_numpy(bool)
    used = cases.answering(fit.settings.missing)
    present = column[known & used]
    if isinstance(present.dtype, pd.CategoricalDtype):
        found, names = pd.factorize(present.cat.remove_unused_categories().cat.as_ordered(), sort=True)
    else:
        found, names = pd.factorize(present.astype(object), sort=True)
    codes = np.full(len(used), -1, dtype=np.intp)
    codes[known & used] = found
    return Groups(tuple(map(_name, names)), codes, int((used & ~known).sum()))


def _name(label: Any) -> str:  # noqa: ANN401
    """A label as text; a gap in a column of whole numbers turns 1 into 1.0, which is the same label."""
    return str(int(label)) if isinstance(label, float) and label.is_integer() else str(label)


def _labels(fit: Fit, labels: Any) -> "pd.Series[Any]":  # noqa: ANN401
    n, survey = len(fit.origin.cases), fit.origin.cases.survey
    if isinstance(labels, str):
        if survey is None:
            raise EstimationError(
                f"{labels!r} names a column, but the model was fitted to a plain frame, of which only the items are kept. "
                f"Pass the column itself: frame[{labels!r}]."
            )
        for frame in (survey.respondents, survey.answers):
            if labels in frame:
                return frame[labels].reset_index(drop=True)
        known = [str(c) for c in (*survey.respondents.columns, *survey.answers.columns)]
        raise EstimationError(
            f"{survey.source.path}: there is no column {labels!r} to group by. {known_names(labels, known, 'The columns are')}"
        )
    column = labels.reset_index(drop=True) if isinstance(labels, pd.Series) else pd.Series(np.asarray(labels).tolist())
    if len(column) != n:
        raise EstimationError(
            f"{len(column)} group labels for {n} cases: give one label for each row that the model was fitted to, in their order."
        )
    return column


def described(groups: Groups) -> str:
    """Names and sizes for a headline."""
    shown = [f"{name} ({size:,})" for name, size in zip(groups.names, groups.sizes, strict=True)]
    more = f" ... {len(shown)} groups" if len(shown) > 6 else ""
    without = f"; {groups.unlabelled:,} cases without a label left out" if groups.unlabelled else ""
    return ", ".join(shown[:6]) + more + without


def require_comparable(fit: Fit, groups: Groups) -> None:
    """Raise unless there are two groups at least and the model can be estimated in each."""
    if len(groups) < 2:
        only = f"only {groups.names[0]!r}" if len(groups) else "none"
        raise EstimationError(f"comparing needs two groups; the labels make {only}.")
    for name, rows in zip(groups.names, groups.rows(), strict=True):
        if reason := unusable(fit, rows):
            raise EstimationError(f"group {name!r}: {reason}")


def unusable(fit: Fit, rows: NDArray[np.intp]) -> str:
    """Why the model cannot be estimated from these rows; empty if it can be tried."""
    cases = fit.origin.cases
    X = cases.answers[rows]
    if len(rows) < (fewest := _fewest(fit)):
        return f"{len(rows)} answers are fewer than the model needs; its largest equation asks for {fewest} at least."
    answers = (~np.isnan(X)).sum(axis=0)
    if (empty := np.flatnonzero(answers == 0)).size:
        return f"item {cases.items[empty[0]]!r} has no answers."
    high = np.nanmax(X, axis=0)
    if (constant := np.flatnonzero(high == np.nanmin(X, axis=0))).size:
        i = constant[0]
        return f"item {cases.items[i]!r} is constant: all {answers[i]} answers are {high[i]:g}."
    return ""


def _fewest(fit: Fit) -> int:
    """Answers that the largest equation or block of regression weights needs."""
    layouts = [layout_of(stage.model) for stage in fit.origin.stages]
    causes = max(int(layout.adjacency.sum(axis=0).max()) for layout in layouts)
    return 2 + max(causes, *(int((layout.sizes * layout.mode_b).max()) for layout in layouts))


def moments_of_rows(fit: Fit, rows: NDArray[np.intp]) -> Moments:
    """Base moments of some rows, as a fit to them alone would have."""
    cases = fit.origin.cases
    return base_moments(cases.answers[rows], cases.weights[None, rows], fit.settings)


def group_estimates(fit: Fit, groups: Groups) -> tuple[Batch, NDArray[np.str_], list[Moments]]:
    """The fit's model in every group (a batch of K, oriented by the fit), what is wrong, and the groups' base moments.

    Raises
    ------
    EstimationError
        A group in which the model cannot be estimated.
    """
    require_comparable(fit, groups)
    found = [moments_of_rows(fit, rows) for rows in groups.rows()]
    staged, problems = estimated(fit, joined(found))
    for g, (name, size, problem) in enumerate(zip(groups.names, groups.sizes, problems, strict=True)):
        if problem == INADMISSIBLE:
            warnings.warn(
                f"group {name!r}: the solution with common factors is inadmissible; differences may mislead. Model constructs "
                "this close as composites or join them.",
                CsiWarning,
                stacklevel=4,
            )
        elif problem:
            raise EstimationError(f"group {name!r}: {_why(staged, g, size, problem)}")
    return staged[-1].batch, problems, found


def _why(staged: list[Staged], group: int, size: int, problem: str) -> str:
    if problem == SINGULAR:
        parts = [each.batch.part(slice(group, group + 1)) for each in staged]
        return f"the model cannot be estimated from its {size} answers: {why_undefined(parts)}"
    return (
        f"the outer weights do not settle with its {size} answers ({problem}). Join it with another group, raise max_iterations "
        "of the fit, or use another scheme."
    )


def usable(problems: NDArray[np.str_], of_groups: NDArray[np.str_]) -> NDArray[np.bool_]:
    """Which replicates count: those without a problem, and inadmissible ones if that is what the groups themselves are."""
    return np.asarray((problems == "") | ((problems == INADMISSIBLE) & (of_groups == INADMISSIBLE).any()))


def permuted(
    fit: Fit, groups: Groups, permutations: int, seed: int, points: Sequence[Moments] | None = None
) -> Iterator[list[tuple[Batch, NDArray[np.str_]]]]:
    """The model in every group under exchanged labels, batch after batch: estimates and problems of each group.

    With the moments of the groups as they are, `points`, items are standardised within the groups before: the hypothesis is then
    that correlations are equal, and not means and variances as well. Exchanged as they are, answers of groups with different
    means make mixtures, in which everything correlates more and varies less than in either group.
    Primary units are exchanged within strata where all cases of a unit are of one group; otherwise the cases of each unit. Where
    no stratum holds two groups, so that the groups are made of strata, the exchange runs across strata.
    """
    inside = np.flatnonzero(groups.codes >= 0)
    cases, missing = fit.origin.cases, fit.settings.missing
    X, w, codes = cases.X[inside], cases.weights[inside], groups.codes[inside]
    if points is not None:
        X = _alike(fit, X, codes, joined(list(points)))
    pooled = base_moments(X, w[None], fit.settings)
    unit, sets = _exchangeable(cases.sample, inside, codes)
    of_unit = np.zeros(len(sets), dtype=np.intp)
    of_unit[unit] = codes
    exchanges = log_exchanges(of_unit, sets)
    if exchanges < np.log(_FEW_EXCHANGES):
        warnings.warn(
            f"the design lets the labels of {', '.join(map(repr, groups.names))} be exchanged in {np.exp(exchanges):.0f} ways "
            "only; p values from permutations cannot be small. Use a method that resamples instead.",
            CsiWarning,
            stacklevel=4,
        )
    exchanged = permuted_labels(of_unit, sets, permutations, seed)
    batches = (joined(moments_by_label(X, w, labels[:, unit], len(groups), missing, pooled)) for labels in exchanged)
    for staged, problems in estimated_ahead(fit, batches):
        batch, count = staged[-1].batch, len(problems) // len(groups)
        each = [slice(g * count, (g + 1) * count) for g in range(len(groups))]
        yield [(batch.part(part), problems[part]) for part in each]


def _alike(fit: Fit, X: Array, codes: NDArray[np.intp], points: Moments) -> Array:
    """Answers on the same mean and spread in every group, the fit's; products of items are taken of these."""
    cases, base = fit.origin.cases, fit.origin.moments
    asked = len(observed_items(fit.origin.model))
    mean, sd = points.mean[:, :asked], points.sd[:, :asked]
    Z = (X[:, :asked] - mean[codes]) / sd[codes] * base.sd[0, :asked] + base.mean[0, :asked]
    place = {item: i for i, item in enumerate(cases.items)}
    D = Z - cases.centre[:asked]
    products = [D[:, place[i]] * D[:, place[k]] for i, k in item_products(fit.origin.model)]
    return np.column_stack([Z, *products])


def _exchangeable(
    sample: Sample, inside: NDArray[np.intp], codes: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The exchangeable unit of each case, and the set within which each unit is exchanged."""
    units = np.unique(sample.units[inside], return_inverse=True)[1]
    strata = np.unique(sample.strata[inside], return_inverse=True)[1]
    if _mixed(units, codes).any():  # groups run through the primary units: what is alike in them are their cases
        return np.arange(len(codes)), units
    if not _mixed(strata, codes).any():
        strata = np.zeros_like(strata)
    sets = np.zeros(units.max() + 1, dtype=np.intp)
    sets[units] = strata
    return units, sets


def _mixed(sets: NDArray[np.intp], codes: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which sets hold cases of more than one group."""
    low, high = np.full(sets.max() + 1, codes.max()), np.zeros(sets.max() + 1, dtype=np.intp)
    np.minimum.at(low, sets, codes)
    np.maximum.at(high, sets, codes)
    return np.asarray(low < high)


def own_sample(cases: Cases, rows: NDArray[np.intp]) -> Sample:
    """The sampling design of some rows on their own; their final weights are taken as given."""
    if cases.sample.is_simple:
        return Sample(cases.weights[rows], np.zeros(len(rows), dtype=np.intp), np.arange(len(rows)))
    strata = np.unique(cases.sample.strata[rows], return_inverse=True)[1]
    return Sample(cases.weights[rows], strata, np.unique(cases.sample.units[rows], return_inverse=True)[1])


def resampled_moments(fit: Fit, rows: NDArray[np.intp], point: Moments, draws: int, stream: int) -> Moments:
    """Moments of rows resampled on their own; `point` are the moments of the rows as they are."""
    cases = fit.origin.cases
    X, used = cases.answers[rows], np.ones(len(rows), dtype=bool)
    pieces = own_sample(cases, rows).resamples(used, draws, stream)
    return joined([moments_where_answered(X, W, fit.settings.missing, point) for W in pieces])


def stream_of(seed: int, group: int) -> int:
    """The seed of one group's own resamples."""
    return seed * 1_000_003 + group


def domain_moments(fit: Fit, groups: Groups, points: list[Moments], draws: int, seed: int) -> Iterator[list[Moments]]:
    """Moments of every group under the same resamples of the whole survey, piece by piece, where a design ties the groups."""
    cases, missing = fit.origin.cases, fit.settings.missing
    rows = groups.rows()
    for W in cases.sample.resamples(cases.answering(missing), draws, seed):
        found = []
        for own, point in zip(rows, points, strict=True):
            drawn = W[:, own]
            drawn = np.where(drawn.sum(axis=1, keepdims=True) > 0, drawn, np.nan)  # nobody of the group was drawn
            found.append(moments_where_answered(cases.answers[own], drawn, missing, point))
        yield found
