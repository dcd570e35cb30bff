"""The same customers asked in another way answer differently: the shift of items and index between two survey modes.

Those who answer by hotline are not those who answer on the web. A plain difference of the modes mixes what the mode does to an
answer with who is asked; here the respondents are first made alike in what is known of them. What is left is the effect of the
mode if nothing else both chose the mode and moved the answer, which no computation can check.

The estimand is one of two:
    overlap     customers who might as well have been asked in either mode; each counts with the chance to be in the other mode
                (Li, Morgan & Zaslavsky 2018), from a logistic regression that is fitted again in every replicate
    official    the customers of the mode `against`: those of the other mode are weighted to their means (Hainmueller 2012)
Both balance the means of the covariates exactly. Shifts are in points, 0-100, the mode `of` minus the mode `against`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

import narwhals as nw
import numpy as np
import pandas as pd

from csi.display import Result, tidy
from csi.errors import EstimationError, known_names
from csi.index.mode_comparison import (
    Compared,
    Modes,
    Population,
    compared,
    modes_of,
    require_balance,
    warn_of_poor_overlap,
)
from csi.index.score import item_means, ruler
from csi.kernel import importance
from csi.kernel.moments import domain_means
from csi.kernel.resample import p_value, percentile_interval, standard_error
from csi.structural.cases import Array, Ends
from csi.structural.estimation import Fit
from csi.structural.inference import Bootstrap
from csi.structural.sampling import Sample, sample_of
from csi.survey.design import Design

_OWN = ("kind", "unadjusted", "level_of", "level_against", "n_of", "n_against")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ModeEffect(Result):
    """Shift of the index, the constructs and the items between two survey modes, in points.

    Attributes
    ----------
    by, of, against
        The segment that holds the mode; the mode whose shift it is, and the one it is measured against.
    population
        Whom the shift is of: "overlap" or "official" (see the module).
    term
        The row of `rows` that is the index.
    rows
        The tidy columns and: kind ("construct", "index" or "item"), unadjusted (the plain difference of the modes), level_of and
        level_against (both modes' levels once alike), n_of and n_against.
    balance
        Standardised differences of the covariates after and `before`.
    effective
        Kish's effective number of answers in each mode once alike.
    draws
        (B, rows) shifts in the replicates, NaN where the modes could not be made alike; None without a bootstrap.
    without_counterpart
        Answers left out in each mode, because the other asked nobody of their kind.
    """

    by: str
    of: str
    against: str
    population: Population
    term: str
    rows: pd.DataFrame
    balance: pd.DataFrame
    effective: tuple[float, float]
    draws: Array | None
    without_counterpart: tuple[int, int]

    @property
    def value(self) -> float:
        """The shift of the index."""
        return float(self._row["estimate"])

    @property
    def interval(self) -> tuple[float, float]:
        """The interval of the index's shift; NaN without a bootstrap."""
        return float(self._row["ci_low"]), float(self._row["ci_high"])

    @property
    def _row(self) -> "pd.Series[Any]":
        return self.rows.iloc[self.rows["term"].tolist().index(self.term)]

    def headline(self) -> list[str]:
        """The shift, of whom it is, and how alike the modes are."""
        row, (low, high) = self._row, self.interval
        level = self.rows.attrs.get("level", np.nan)
        within = "" if np.isnan(low) else f" ({level:.0%} interval {low:+.1f} to {high:+.1f})"
        whom = (
            "customers who might have been asked either way"
            if self.population == "overlap"
            else f"the customers asked by {self.against}"
        )
        worst = self.balance[["before", "estimate"]].abs().max()
        lines = [
            f"{self.term} by {self.of} against {self.against}: {self.value:+.1f} points{within}; "
            f"{row['unadjusted']:+.1f} before the modes were made alike",
            f"It is the shift of {whom}, if nothing beyond the {len(self.balance)} covariates both chose the mode and moved the "
            "answer",
            f"Largest standardised difference {worst['before']:.2f} before, {worst['estimate']:.2f} after; "
            f"{row['n_of']} and {row['n_against']} answers count like {self.effective[0]:.0f} and {self.effective[1]:.0f}",
        ]
        if any(self.without_counterpart):
            lines.append(
                f"{self.without_counterpart[0]} and {self.without_counterpart[1]} answers are left out: the other mode asked "
                "nobody of their kind"
            )
        lost = 0 if self.draws is None else int(np.isnan(self.draws).all(axis=1).sum())
        return [*lines, f"{lost} replicates not used: no like customers in both modes"] if lost else lines

    def table(self) -> pd.DataFrame:
        """A copy of `rows`."""
        return self.rows.copy()


def mode_effect(  # noqa: PLR0913 - each says another part of who is compared with whom, in what
    source: Fit | Bootstrap,
    by: str,
    *,
    of: str,
    against: str,
    covariates: Sequence[str],
    behaviour: pd.DataFrame | None = None,
    population: Population = "overlap",
    construct: str = "Satisfaction",
) -> ModeEffect:
    """How much higher the same customers answer in one survey mode than in another.

    Items are measured on their own scales in points, constructs by the weights of the fit, in both modes alike.

    Parameters
    ----------
    source
        A bootstrap, whose replicates are used again and keep to the sampling design; each fits the propensity anew. A fit gives
        the estimate without intervals.
    by
        The column of the respondents (a segment) that holds the mode.
    of, against
        Two of its levels; for `population="official"` the latter is the official mode. Other modes are left out.
    covariates
        Columns of the respondents (segments) or of `behaviour`; they should have been so before the customer was asked.
    behaviour
        What is known besides: one row a respondent in the survey's order, or with the column `row` that says which (the `frame`
        of `csi.link` has it). Who is not in it has "not stated" there.
    population
        "overlap" or "official".
    construct
        Which construct is the index.

    Raises
    ------
    EstimationError, SurveyError, ModelError
        An unknown mode, covariate or construct; modes without like customers.

    Warns
    -----
    CsiWarning
        Few customers of one mode have a counterpart in the other.
    """
    _require_population(population)
    boot = source if isinstance(source, Bootstrap) else None
    fit = boot.fit if boot is not None else source
    if not isinstance(fit, Fit):
        raise EstimationError(
            f"mode_effect takes a fit or its bootstrap, not {type(source).__name__}; for a plain frame use mode_effect_of_frame."
        )
    fit.require_scale()
    fit.require_cases("a comparison of survey modes")
    fit.model.construct(construct)
    known = _known(fit, behaviour)
    if by not in known.columns:
        raise EstimationError(
            f"by={by!r} is no column of the respondents. {known_names(by, map(str, known.columns), 'They have')}"
        )
    used = fit.cases.answering(fit.settings.missing)
    modes = modes_of(known[by], by, (of, against), used, (known, list(covariates)), population)
    terms = [*((n, "index" if n == construct else "construct") for n in fit.model.names)]
    terms += [(item, "item") for item in fit.model.items]
    whole = (slice(None), (used * fit.cases.weights)[None])
    point = compared(modes, population, iter([whole]), lambda W, part: _levels(fit, modes, W, fit, part))
    draws = None
    if boot is not None:
        found = compared(modes, population, boot.resamples(), lambda W, part: _levels(fit, modes, W, boot, part))
        draws = np.where(boot.usable[:, None], found.alike[:, 0] - found.alike[:, 1], np.nan)
    how = {"by": by, "population": population, "term": construct}
    return _effect(modes, point, whole[1][0], terms, (draws, boot.level if boot is not None else np.nan), how)


def mode_effect_of_frame(  # noqa: PLR0913 - a frame says nothing of itself: items, scales, weights and design are told
    frame: Any,  # noqa: ANN401 - any frame that narwhals reads
    by: str,
    *,
    of: str,
    against: str,
    covariates: Sequence[str],
    items: Mapping[str, Ends],
    population: Population = "overlap",
    weight: str | None = None,
    design: Design | None = None,
    draws: int = 1000,
    seed: int = 1,
    level: float = 0.95,
) -> ModeEffect:
    """The shift between two survey modes in a plain frame; its index is the mean of the items in points.

    Respondents are resampled within each mode (and stratum of the design); where the design has clusters, these are resampled
    whole, whatever modes they contain.

    Parameters
    ----------
    items
        Column -> the ends of its scale, such as {"overall": (1, 10)}; gaps are NaN.
    weight
        Column of case weights above 0.
    design
        Strata, clusters and margins of the sample.
    draws, seed, level
        Number of replicates, their seed, coverage of the intervals.

    Other parameters, errors and warnings are those of `mode_effect`.

    >>> rng = np.random.default_rng(0)
    >>> frame = pd.DataFrame({"mode": ["hotline", "web"] * 200, "old": rng.random(400) < 0.5})
    >>> frame["overall"] = np.clip(np.rint(6 + frame.old + (frame["mode"] == "hotline") + rng.normal(size=400)), 1, 10)
    >>> effect = mode_effect_of_frame(
    ...     frame, "mode", of="hotline", against="web", covariates=["old"], items={"overall": (1, 10)}, draws=200)
    >>> effect.interval[0] < 11.1 < effect.interval[1]  # one step of a scale of 1 to 10
    True
    """
    _require_population(population)
    data: pd.DataFrame = nw.from_native(frame, eager_only=True).to_pandas()
    design = design or Design()
    _require_columns(data, [by, *items, *design.columns, *([weight] if weight else [])])
    X, low, high = _answers(data, items)
    used = np.asarray(~np.isnan(X).all(axis=1))
    modes = modes_of(data[by], by, (of, against), used, (data, list(covariates)), population)
    base = np.ones(len(data)) if weight is None else data[weight].to_numpy(float)
    if not (np.isfinite(base) & (base > 0)).all():
        raise EstimationError(f"weight {weight!r} must hold numbers above 0 for everybody.")

    def levels(W: Array, _: slice) -> Array:
        points = importance.points(domain_means(X, W, modes.domains()), low, high)
        return np.concatenate([points.mean(axis=2, keepdims=True), points], axis=2)

    sample, inside = _sample_within_modes(data, by, design, base, modes), modes.inside
    whole = sample.final(np.where(inside, base, 0.0)[None])
    point = compared(modes, population, iter([(slice(0, 1), whole)]), levels)
    pieces = ((slice(None), W) for W in sample.resamples(inside, draws, seed))
    found = compared(modes, population, pieces, levels)
    terms = [("index", "index"), *((item, "item") for item in items)]
    how = {"by": by, "population": population, "term": "index"}
    return _effect(modes, point, whole[0], terms, (found.alike[:, 0] - found.alike[:, 1], level), how)


def _levels(fit: Fit, modes: Modes, W: Array, source: Fit | Bootstrap, part: slice) -> Array:
    """(B, 2, J + p) levels of constructs and items in both modes."""
    means = item_means(fit, W, modes.domains(), slice(None), source, part)
    points = importance.points(means, fit.cases.low, fit.cases.high)
    constructs = importance.construct_levels(ruler(source)[part][:, None], points, fit.layout)
    return np.concatenate([constructs, points], axis=2)


def _effect(
    modes: Modes,
    point: Compared,
    W: Array,
    terms: list[tuple[str, str]],
    replicates: tuple[Array | None, float],
    how: dict[str, Any],
) -> ModeEffect:
    require_balance(point, modes)
    draws, level = replicates
    balance = modes.balance(W, point.weights)
    warn_of_poor_overlap(modes, W, point.weights, balance)
    alike, plain = point.alike[0], point.plain[0]
    n_of, n_against = int(modes.first.sum()), int((~modes.first).sum())
    rows: list[dict[str, Any]] = [
        {
            "term": term,
            "kind": kind,
            "estimate": alike[0, k] - alike[1, k],
            "unadjusted": plain[0, k] - plain[1, k],
            "level_of": alike[0, k],
            "level_against": alike[1, k],
            "n": n_of + n_against,
            "n_of": n_of,
            "n_against": n_against,
        }
        for k, (term, kind) in enumerate(terms)
    ]
    if draws is not None:
        low, high = percentile_interval(draws, level)
        for row, error, lo, hi, p in zip(rows, standard_error(draws), low, high, p_value(draws), strict=True):
            row |= {"std_error": error, "ci_low": lo, "ci_high": hi, "p_value": p}
    table = tidy(rows, _OWN)
    table.attrs = {"digits": 1} | ({"level": level, "interval": "percentile"} if draws is not None else {})
    return ModeEffect(
        of=modes.of,
        against=modes.against,
        rows=table,
        balance=balance,
        effective=modes.effective(point.weights),
        draws=draws,
        without_counterpart=modes.without_counterpart,
        **how,
    )


def _known(fit: Fit, behaviour: pd.DataFrame | None) -> pd.DataFrame:
    """(n rows) what is known of the respondents, with behaviour beside the columns of the survey."""
    survey = fit.cases.survey
    if survey is None:
        raise EstimationError(
            "survey modes are compared within a survey, and this fit was made from a plain frame; use mode_effect_of_frame."
        )
    known = survey.respondents.reset_index(drop=True)
    if behaviour is None:
        return known
    if "row" in behaviour.columns:
        behaviour = behaviour.set_index("row").reindex(range(len(known)))
    if len(behaviour) != len(known):
        raise EstimationError(
            f"behaviour has {len(behaviour)} rows for {len(known)} respondents. Give one row each in the survey's order, or a "
            "column 'row' with the position of each respondent, as csi.link does."
        )
    added = behaviour.reset_index(drop=True)
    return known.assign(**{str(name): added[name] for name in added.columns if name not in known.columns})


def _answers(data: pd.DataFrame, items: Mapping[str, Ends]) -> tuple[Array, Array, Array]:
    if not items:
        raise EstimationError("no items are named; give their scale ends, e.g. items={'overall': (1, 10)}.")
    try:
        X = data[list(items)].apply(pd.to_numeric).to_numpy(float)
    except (ValueError, TypeError) as error:
        raise EstimationError(f"the items hold texts: {error}. Code the answers as numbers first.") from error
    ends = np.array(list(items.values()), dtype=float)
    return X, ends[:, 0], ends[:, 1]


def _sample_within_modes(data: pd.DataFrame, by: str, design: Design, base: Array, modes: Modes) -> Sample:
    """The design with the mode as a stratum (within its own), unless clusters may lie across modes."""
    columns = {column: data[column] for column in design.columns}
    if design.clusters is None:
        stratum = f"{by} and {design.strata}" if design.strata else by
        own = data[design.strata].astype(str) + " / " if design.strata else ""
        columns[stratum] = own + data[by].astype(object).where(modes.inside, "left out").astype(str)
        design = replace(design, strata=stratum, single_psu="collapse" if design.strata is None else design.single_psu)
    return sample_of(design, columns, base)


def _require_columns(data: pd.DataFrame, names: Sequence[str]) -> None:
    for name in names:
        if name not in data.columns:
            raise EstimationError(
                f"the frame has no column {name!r}. {known_names(name, map(str, data.columns), 'Its columns are')}"
            )


def _require_population(population: str) -> None:
    if population not in get_args(Population):
        raise EstimationError(f"population must be 'overlap' or 'official', not {population!r}.")
