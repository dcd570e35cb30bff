"""Key drivers: how much each driver matters for an outcome, by several methods side by side on the same answers.

    total_effect  standardised total effect in a fitted PLS model: what follows from a rise, also through other constructs
    lmg           share of R2, averaged over the orders in which drivers enter (LMG, Shapley; Lindeman, Merenda & Gold 1980)
    johnson       share of R2 by relative weights (Johnson 2000)
    mcfadden      share of McFadden's R2 of the (ordinal) logistic model, averaged over sampled orders (Azen & Traxel 2009)
    regression    standardised coefficient: the driver with all others held fixed
    correlation   correlation with the outcome: the driver alone
The first question of each is another, so that they may differ; where they agree the order of the drivers does not hang on the
method. No driver is set to zero for want of significance: each has its interval.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csi.display import TIDY, Result
from csi.drivers.driver_correlations import (
    Correlations,
    OutcomeKind,
    kind_of,
    of_answers,
    of_model,
    require_varying,
    without_codes,
)
from csi.errors import CsiWarning, EstimationError, ModelError, known_names
from csi.kernel import relative_importance as kernel
from csi.kernel.dominance import Dominance, corrected
from csi.kernel.moments import Missing
from csi.kernel.resample import percentile_interval
from csi.kernel.shrinkage import ranks
from csi.structural.answers import answers_of
from csi.structural.cases import Array
from csi.structural.fitted_model import Fit
from csi.structural.inference import Bootstrap, bootstrap, summary
from csi.survey.codebook import wordings
from csi.survey.design import Design
from csi.survey.survey import Survey

METHODS = ("total_effect", "lmg", "johnson", "mcfadden", "regression", "correlation")
SHARES = ("lmg", "johnson", "mcfadden")  # parts of an explained variance, never negative by construction
IN_WORDS = dict(
    zip(
        METHODS,
        ("PLS total effect", "LMG", "Johnson's weights", "McFadden dominance", "regression", "correlation"),
        strict=True,
    )
)
_CHEAPER = 20  # orderings of a linear model for one of a logistic model
_MANY_LOST = 0.05
_OWN = (
    "method", "group", "share", "share_low", "share_high", "rank", "rank_low", "rank_high", "top_probability",
    "sign_conflict", "conflict_probability", "ordering_error",
)  # fmt: skip
Measures = dict[str, tuple[Array, Array]]  # method -> (1, k) of the sample, (B, k) of the draws


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class KeyDrivers(Result):
    """The importance of every driver of an outcome by several methods.

    Attributes
    ----------
    outcome, kind
        The outcome, and what it was taken for: "linear", "binary" or "ordinal".
    rows
        One row a method and driver, with the tidy columns (no p value for shares of explained variance, which are above 0 by
        construction) and: method, group, share (0-1, of the sum of the method's absolute values) with interval, rank (by absolute
        value, 1 is first) with interval, top_probability (share of draws in which it is among the first `top`), sign_conflict
        (the correlation and the coefficient have opposite signs), conflict_probability (share of draws in which they have),
        ordering_error (Monte-Carlo error where orderings were sampled).
    groups
        The same for the groups of drivers, whose shares of explained variance are the sums of their members'; empty without.
    r_squared
        R2 of the linear model and, where there is one, McFadden's R2, with intervals.
    agreement
        (methods x methods) rank correlations of the drivers' absolute values.
    concordance
        Kendall's W of all methods: 1 if they rank alike, 0 if ranks have nothing in common.
    top
        What counts as among the first.
    """

    outcome: str
    kind: OutcomeKind
    rows: pd.DataFrame
    groups: pd.DataFrame
    r_squared: pd.DataFrame
    agreement: pd.DataFrame
    concordance: float
    top: int

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that apply, in the order of the module's list."""
        return tuple(self.rows["method"].unique())

    @property
    def side_by_side(self) -> pd.DataFrame:
        """(drivers x methods) estimates, the most important by LMG first."""
        wide = self.rows.pivot_table(index="term", columns="method", values="estimate", sort=False)
        return wide[list(self.methods)].sort_values("lmg", ascending=False)

    @property
    def conflicts(self) -> pd.DataFrame:
        """Drivers whose correlation and coefficient differ in sign: term, correlation, regression, conflict_probability."""
        once = self.rows[(self.rows["method"] == "lmg") & self.rows["sign_conflict"]].set_index("term")
        wide = self.side_by_side.loc[list(once.index), ["correlation", "regression"]]
        return wide.assign(conflict_probability=once["conflict_probability"]).reset_index()

    @property
    def agreement_in_words(self) -> str:
        """One sentence on how far the methods agree, and which stands apart."""
        w = self.concordance
        how = "closely" if w >= 0.9 else "by and large" if w >= 0.75 else "in part" if w >= 0.5 else "hardly"
        sentence = f"The methods agree {how} on the order (Kendall's W {w:.2f}"
        others = self.agreement.to_numpy().copy()
        np.fill_diagonal(others, np.nan)
        mean = np.nanmean(others, axis=1)
        if w >= 0.9:
            return f"{sentence})."
        apart = IN_WORDS[self.agreement.index[int(mean.argmin())]]
        return f"{sentence}); {apart} differs most from the others (mean rank correlation {mean.min():.2f})."

    def headline(self) -> list[str]:
        """What was explained, the first drivers, whether methods agree, where signs conflict."""
        first = self.rows[self.rows["method"] == "lmg"].nsmallest(self.top, "rank")
        named = [
            f"{row.term} {row.share:.0%} (rank {row.rank_low:.0f}-{row.rank_high:.0f})" for row in first.itertuples()
        ]
        r2 = "; ".join(
            f"{row.term} {row.estimate:.3f} ({row.ci_low:.3f} to {row.ci_high:.3f})"
            for row in self.r_squared.itertuples()
        )
        n = int(self.rows["n"].iloc[0])
        lines = [f"Key drivers of {self.outcome} ({self.kind}; n = {n:,}): {r2}"]
        lines += [f"by LMG first: {', '.join(named)}", self.agreement_in_words]
        conflicts = list(self.conflicts["term"])
        if conflicts:
            lines.append(f"opposite signs of correlation and coefficient: {', '.join(conflicts)}")
        return lines

    def table(self) -> pd.DataFrame:
        """A copy of `rows`."""
        return self.rows.copy()


def key_drivers(  # noqa: PLR0913 - what is asked of whom, how gaps, weights and orders are treated, how often it is drawn
    data: Survey | Fit | Bootstrap | Any,  # noqa: ANN401 - any frame that narwhals reads
    outcome: str,
    drivers: Sequence[str] | None = None,
    *,
    groups: Mapping[str, Sequence[str]] | None = None,
    outcome_kind: OutcomeKind | None = None,
    not_applicable: Sequence[float] = (),
    missing: Missing = "em",
    weight: str | None = None,
    design: Design | None = None,
    orderings: int = 20,
    top: int = 3,
    draws: int = 1000,
    seed: int = 1,
    level: float = 0.95,
) -> KeyDrivers:
    """How much each driver matters for an outcome: LMG, Johnson's weights, regression and correlation, side by side.

    Of constructs of a fitted model also their total effects, of an outcome in categories also McFadden dominance. R2 is that of
    the linear model; of a binary outcome, of the linear-probability model.

    Parameters
    ----------
    data
        A survey, a frame, a fit (whose bootstrap is made here) or a bootstrap, which brings its own draws, seed and level.
    outcome, drivers
        Columns of numbers; of a fit a construct, and constructs or items. Of a fit all that leads to the outcome if not given.
    groups
        Name -> drivers that are shared out as one first and among themselves then (Owen 1977); the others stand alone.
    outcome_kind
        "linear", "binary" or "ordinal"; if not given, "binary" for two different answers, else "linear".
    not_applicable
        Codes of the drivers that are no answer, such as 0 on a scale of 1 to 5: they become gaps.
    missing
        How gaps are treated, in every replicate, as in `csi.fit`. The logistic model fills the gaps of drivers once, from the
        other drivers.
    weight, design
        Of a plain frame: column of case weights; strata, clusters and margins.
    orderings
        Orders of entry sampled for McFadden dominance, in pairs of an order and its reverse; twenty times as many for LMG beyond
        20 drivers (or groups), where it is no longer exact.
    top
        The draws are counted in which a driver is among so many first.
    draws, seed, level
        Number of replicates, their seed, coverage of the intervals.

    Raises
    ------
    EstimationError
        Unknown columns, a driver that is constant, a copy of another or a total of others, an outcome among its drivers,
        correlations (`missing="pairwise"`) that are not positive definite, too few answers, groups that overlap.
    ModelError
        Of a fit: an outcome or driver that the model does not have.

    Warns
    -----
    CsiWarning
        More than 5 % of the draws could not be used.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> a, b, c = rng.normal(size=(3, 500))
    >>> frame = pd.DataFrame({"speed": a, "staff": 0.8 * a + 0.6 * b, "place": c})
    >>> frame["overall"] = frame["speed"] + 0.3 * frame["place"] + rng.normal(size=500)
    >>> found = key_drivers(frame, "overall", ["speed", "staff", "place"], draws=200)
    >>> found.side_by_side["lmg"].round(2).to_dict()
    {'speed': 0.32, 'staff': 0.15, 'place': 0.05}
    """
    if isinstance(data, Fit):
        data = bootstrap(data, draws, seed=seed, level=level)
    names = _require_names(outcome, drivers, data)
    level = data.level if isinstance(data, Bootstrap) else level
    asked = _Asked(outcome, names, dict(groups or {}), _blocks(names, groups), orderings, (draws, seed, level), top)
    if orderings < 4:
        raise EstimationError(f"orderings must be 4 or more, two pairs of an order and its reverse; it is {orderings}.")
    if isinstance(data, Bootstrap):
        if outcome_kind not in (None, "linear") or weight or design or len(not_applicable):
            raise EstimationError(
                "the outcome of a fit is a construct, which is linear, and its weights, design and gaps are the fit's. Give the "
                "survey or frame itself to choose them."
            )
        return _result(asked, "linear", of_model(data, outcome, names), data.fit.cases.survey)
    answers = answers_of(data, [*names, outcome], weight=weight, design=design)
    answers = without_codes(answers, not_applicable)
    require_varying(answers)
    kind = kind_of(answers, outcome_kind)
    orders = None if kind == "linear" else kernel.random_orderings(asked.places, orderings, seed)
    return _result(asked, kind, of_answers(answers, missing, orders, asked.sampling), answers.survey)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was asked: `places` of each group's members and of each driver in none; `sampling` is draws, seed and level."""

    outcome: str
    names: list[str]
    groups: dict[str, Sequence[str]]
    places: list[list[int]]
    orderings: int
    sampling: tuple[int, int, float]
    top: int

    def group_of(self, name: str) -> str:
        """The driver's group, or nothing."""
        return next((group for group, members in self.groups.items() if name in members), "")

    def players(self) -> list[str]:
        """Groups, then the drivers in none."""
        return [*self.groups, *(self.names[block[0]] for block in self.places[len(self.groups) :])]


def _result(asked: _Asked, kind: OutcomeKind, found: Correlations, survey: Survey | None) -> KeyDrivers:
    found = found.part(_usable(found))
    measures, errors = _measures(found, asked)
    rows = _rows(measures, asked.names, found.n, asked)
    rows["group"] = [asked.group_of(name) for name in rows["term"]]
    _add_conflicts(rows, measures)
    none = np.full(len(asked.names), np.nan)
    rows["ordering_error"] = np.concatenate([errors.get(method, none) for method in measures])
    groups = _rows(_of_groups(measures, asked.places), asked.players(), found.n, asked) if asked.groups else rows[:0]
    level, named = asked.sampling[2], [*asked.names, asked.outcome]
    for table in (rows, groups):
        words = wordings(survey.codebook if survey else None, named, named)
        table.attrs = {"level": level, "interval": "percentile"} | dict(words.items())
    order = ranks(np.stack([np.abs(point[0]) for point, _ in measures.values()]))
    return KeyDrivers(
        outcome=asked.outcome,
        kind=kind,
        rows=rows,
        groups=groups,
        r_squared=_explained(found, measures, level),
        agreement=pd.DataFrame(np.corrcoef(order), list(measures), list(measures)),
        concordance=_concordance(order),
        top=asked.top,
    )


def _require_names(outcome: str, drivers: Sequence[str] | None, data: object) -> list[str]:
    if drivers is None:
        if not isinstance(data, Bootstrap):
            raise EstimationError(
                "name the drivers: drivers=[...]; only a fitted model says what leads to the outcome."
            )
        drivers = data.fit.model.ancestors(data.fit.model.construct(outcome).name)
        if len(drivers) < 2:
            raise ModelError(f"fewer than two constructs lead to {outcome!r}; name the drivers: drivers=[...].")
    names = [drivers] if isinstance(drivers, str) else list(drivers)
    if outcome in names:
        raise EstimationError(f"the outcome {outcome!r} is among its own drivers. Leave it out of them.")
    twice = [name for name in names if names.count(name) > 1]
    if twice or len(names) < 2:
        what = f"driver {twice[0]!r} is named twice" if twice else f"one driver alone ({', '.join(names) or 'none'})"
        raise EstimationError(f"{what}: importance is shared out among two different drivers or more.")
    return names


def _blocks(names: list[str], groups: Mapping[str, Sequence[str]] | None) -> list[list[int]]:
    """The places of each group's members, then every driver in no group by itself."""
    grouped = [name for members in (groups or {}).values() for name in members]
    for name in grouped:
        if name not in names:
            raise EstimationError(f"a group names {name!r}. {known_names(name, names, 'The drivers are')}")
        if grouped.count(name) > 1:
            raise EstimationError(f"driver {name!r} stands in groups twice; it belongs to one.")
    empty = [group for group, members in (groups or {}).items() if not len(members)]
    if empty:
        raise EstimationError(f"group {empty[0]!r} has no drivers. Leave it out.")
    alone = [[j] for j, name in enumerate(names) if name not in grouped]
    return [[names.index(name) for name in members] for members in (groups or {}).values()] + alone


def _usable(found: Correlations) -> NDArray[np.bool_]:
    """(B,) draws in which the variance can be shared out; warn where many cannot, raise where none can."""
    usable = kernel.sound(found.drawn)
    lost = 1 - usable.mean()
    why = "a driver did not vary, repeated others, or margins could not be met"
    if lost == 1:
        raise EstimationError(f"none of {len(usable):,} draws could be used: {why}. There are too few answers.")
    if lost > _MANY_LOST:
        warnings.warn(
            f"{lost:.0%} of {len(usable):,} draws could not be used ({why}); the intervals are of the others and may be too "
            "narrow. Leave out drivers with hardly any spread.",
            CsiWarning,
            stacklevel=3,
        )
    return usable


def _measures(found: Correlations, asked: _Asked) -> tuple[Measures, dict[str, Array]]:
    """Every method that applies, and the Monte-Carlo errors (k,) of those that sample orderings, which the draws contain."""
    R, drawn, places, seed = found.R, found.drawn, asked.places, asked.sampling[1]
    measures: Measures = {}
    errors: dict[str, Array] = {}
    if found.effects is not None and found.effects[0].any():  # of drivers that do not lead to the outcome there is none
        measures["total_effect"] = found.effects
    if kernel.players(R.shape[1] - 1, places) <= kernel.MOST_EXACT:
        measures["lmg"] = kernel.shapley(R, places), kernel.shapley(drawn, places)
    else:
        many = kernel.random_orderings(places, asked.orderings * _CHEAPER, seed)
        pairs = kernel.pair_means(added[0] for added in kernel.added_in_order(R, many))
        noise, errors["lmg"] = kernel.ordering_noise(pairs, len(drawn), seed), kernel.ordering_error(pairs)
        measures["lmg"] = pairs.mean(axis=0)[None], kernel.sampled_shapley(drawn, many) + noise
    measures["johnson"] = kernel.johnson(R), kernel.johnson(drawn)
    if found.dominance is not None and found.added is not None:
        pairs, changes = _dominance(found, found.dominance, found.added, measures["lmg"])
        errors["mcfadden"] = np.hypot(kernel.ordering_error(pairs), _ratio(found) * errors.get("lmg", 0.0))
        measures["mcfadden"] = (
            pairs.mean(axis=0)[None],
            pairs.mean(axis=0) + changes + kernel.ordering_noise(pairs, len(drawn), seed),
        )
    measures["regression"] = kernel.standardised_regression(R), kernel.standardised_regression(drawn)
    measures["correlation"] = R[:, :-1, -1], drawn[:, :-1, -1]
    return measures, errors


def _ratio(found: Correlations) -> float:
    """McFadden's R2 over the linear R2."""
    whole = 0.0 if found.dominance is None else found.dominance.r_squared
    return whole / max(float(kernel.r_squared(found.R)[0]), 1e-12)


def _dominance(found: Correlations, whole: Dominance, added: Array, lmg: tuple[Array, Array]) -> tuple[Array, Array]:
    """Shares of McFadden's R2 in each pair of orderings (M/2, k), and how far the draws (B, k) are from the sample."""
    ratio = _ratio(found)
    linear = np.stack([added[0] for added in kernel.added_in_order(found.R, whole.orderings)])
    shares = corrected(whole.added, linear, lmg[0][0], ratio)
    drawn = np.stack(list(kernel.added_in_order(found.drawn, whole.kept)), axis=1)
    changes = corrected(added, drawn, lmg[1], ratio).mean(axis=1) - shares[: len(whole.kept)].mean(axis=0)
    return kernel.pair_means(shares), changes


def _of_groups(measures: Measures, places: list[list[int]]) -> Measures:
    """Shares of explained variance of groups: those of their members together."""

    def summed(values: Array) -> Array:
        return np.stack([values[:, block].sum(axis=1) for block in places], axis=1)

    return {method: (summed(point), summed(drawn)) for method, (point, drawn) in measures.items() if method in SHARES}


def _rows(measures: Measures, terms: list[str], n: int, asked: _Asked) -> pd.DataFrame:
    """The table of every method, one below the other; what only some tables have is empty."""
    parts, level = [], asked.sampling[2]
    for method, (point, drawn) in measures.items():
        part = summary(terms, point[0], drawn, *percentile_interval(drawn, level), n)
        if method in SHARES:
            part["p_value"] = np.nan
        size, sizes = np.abs(point), np.abs(drawn)
        share, shares = (x / x.sum(axis=1, keepdims=True) for x in (size, sizes))
        places = ranks(sizes)
        part["method"], part["share"], part["rank"] = method, share[0], ranks(size)[0]
        part["share_low"], part["share_high"] = percentile_interval(shares, level)
        first, last = percentile_interval(places.astype(float), level)
        part["rank_low"], part["rank_high"] = np.floor(first).astype(int), np.ceil(last).astype(int)
        part["top_probability"] = (places <= asked.top).mean(axis=0)
        parts.append(part)
    return pd.concat(parts, ignore_index=True).reindex(columns=[*TIDY, *_OWN])


def _add_conflicts(rows: pd.DataFrame, measures: Measures) -> None:
    (r, r_drawn), (b, b_drawn) = measures["correlation"], measures["regression"]
    rows["sign_conflict"] = np.tile(r[0] * b[0] < 0, len(measures))
    rows["conflict_probability"] = np.tile((r_drawn * b_drawn < 0).mean(axis=0), len(measures))


def _explained(found: Correlations, measures: Measures, level: float) -> pd.DataFrame:
    explained = {"R2": (kernel.r_squared(found.R), kernel.r_squared(found.drawn))}
    if "mcfadden" in measures:
        point, drawn = measures["mcfadden"]
        explained["McFadden R2"] = point.sum(axis=1), drawn.sum(axis=1)
    points = np.array([point[0] for point, _ in explained.values()])
    draws = np.stack([drawn for _, drawn in explained.values()], axis=1)
    table = summary(list(explained), points, draws, *percentile_interval(draws, level), found.n)
    return table.assign(p_value=np.nan)


def _concordance(order: NDArray[np.intp]) -> float:
    """Kendall's W of the rows of ranks (m, k), which have no ties.

    >>> _concordance(np.array([[1, 2, 3], [1, 2, 3]])), _concordance(np.array([[1, 2], [2, 1]]))
    (1.0, 0.0)
    """
    m, k = order.shape
    sums = order.sum(axis=0)
    return float(12 * ((sums - sums.mean()) ** 2).sum() / (m**2 * (k**3 - k)))
