"""Two waves side by side: the items both asked, the same segments, the customers both asked, and whether they mean the same.

Waves are resampled independently unless customers were asked in both; then the customer is the unit across waves and one resample
drives the case weights of both. Where a design has clusters, the cluster is.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csi.errors import EstimationError
from csi.kernel import importance
from csi.structural.cases import Array
from csi.structural.estimation import Fit, fit
from csi.structural.grouping import groups_of, stream_of
from csi.structural.inference import Bootstrap, bootstrap
from csi.structural.invariance import Invariance, invariance
from csi.structural.one_stage import require_one_stage
from csi.structural.sampling import Sample, paired, sample_of
from csi.survey.design import Design

ADDED, DROPPED = "added", "dropped"
NOT_STATED = "not stated"
_WEIGHT = "weight of the case"
Codes = NDArray[np.intp]
Labels = tuple[Any, Any]  # one label for each row of the first fit, and of the second


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Fits of two waves by the items both asked, and what each asked on its own: item -> "added" or "dropped"."""

    before: Fit
    after: Fit
    names: tuple[str, str]
    excluded: Mapping[str, str]

    @property
    def fits(self) -> tuple[Fit, Fit]:
        """The earlier, then the later."""
        return self.before, self.after

    @property
    def rescaled(self) -> tuple[str, ...]:
        """Items asked on another scale."""
        ends = [
            {i: (low, high) for i, low, high in zip(f.cases.items, f.cases.low, f.cases.high, strict=True)}
            for f in self.fits
        ]
        return tuple(i for i in ends[1] if not np.array_equal(ends[0][i], ends[1][i], equal_nan=True))


def pair_of(before: Fit, after: Fit) -> Pair:
    """The waves by their common items; a fit that has others is made again without them.

    Raises
    ------
    EstimationError
        Fits of different constructs, paths or settings, of several stages, without cases; a construct without a common item.
    """
    for each in (before, after):
        require_one_stage(each, "an explained change")
        each.require_cases("an explained change")
        each.require_pearson("an explained change")
        each.require_scale()
    _require_alike(before, after)
    held = [{item: c.name for c in f.model.constructs for item in c.items} for f in (before, after)]
    shared = {item for item, construct in held[1].items() if held[0].get(item) == construct}
    excluded = {item: DROPPED for item in held[0] if item not in shared}
    excluded |= {item: ADDED for item in held[1] if item not in shared}
    names = tuple(
        (f.cases.survey.wave if f.cases.survey is not None else None) or default
        for f, default in ((before, "before"), (after, "after"))
    )
    one, two = (_without(f, shared) for f in (before, after))
    return Pair(one, two, (names[0], names[1]) if names[0] != names[1] else ("before", "after"), excluded)


def _require_alike(before: Fit, after: Fit) -> None:
    if set(before.model.names) != set(after.model.names):
        only = sorted(set(before.model.names) ^ set(after.model.names))[0]
        raise EstimationError(
            f"the waves were fitted with different constructs: only one has {only!r}. Fit one model to both; items that a wave "
            "did not ask may differ."
        )
    edges = [{(c, e) for c, effects in f.model.paths.items() for e in effects} for f in (before, after)]
    if edges[0] != edges[1]:
        cause, effect = sorted(edges[0] ^ edges[1])[0]
        raise EstimationError(f"only one wave's model has the path {cause} -> {effect}. Fit one model to both.")
    if before.settings != after.settings:
        different = next(k for k, v in asdict(before.settings).items() if v != getattr(after.settings, k))
        raise EstimationError(f"the waves were fitted with different settings of {different!r}. Fit both alike.")


def _without(whole: Fit, shared: set[str]) -> Fit:
    """The fit of the model's shared items alone."""
    if shared >= set(whole.model.items):
        return whole
    constructs = []
    for c in whole.model.constructs:
        kept = [item in shared for item in c.items]
        if not any(kept):
            raise EstimationError(
                f"construct {c.name!r} has no item that both waves asked, so that it cannot be compared. Leave it out of both "
                "models."
            )
        weights = None if c.weights is None else tuple(w for w, keep in zip(c.weights, kept, strict=True) if keep)
        items = tuple(item for item, keep in zip(c.items, kept, strict=True) if keep)
        constructs.append(replace(c, items=items, weights=weights))
    cases = whole.cases
    ends = {i: (low, high) for i, low, high in zip(cases.items, cases.low, cases.high, strict=True)}
    frame = pd.DataFrame(cases.X, columns=list(cases.items)).assign(**{_WEIGHT: cases.weights})
    again = fit(
        replace(whole.model, constructs=constructs), frame, weight=_WEIGHT, scale=ends, **asdict(whole.settings)
    )
    return _drawn_by(again, cases.sample, whole)


def _drawn_by(plain: Fit, sample: Sample, of: Fit | None = None) -> Fit:
    """A fit of a plain frame with the sampling design, and the survey, that its cases come from."""
    cases = replace(plain.cases, sample=sample, survey=None if of is None else of.cases.survey)
    return replace(plain, cases=cases, origin=replace(plain.origin, cases=cases))


def segments_of(pair: Pair, by: str | Labels | None) -> tuple[list[str], list[NDArray[np.bool_]]]:
    """Names of the segments of either wave, and who of each wave belongs to them: (D, n) twice.

    Those without a label are a segment of their own, so that the segments make up the whole.
    """
    if by is None:
        return ["all"], [np.ones((1, len(f.cases)), dtype=bool) for f in pair.fits]
    labels = (by, by) if isinstance(by, str) else _both(by, "by")
    found = [groups_of(f, label) for f, label in zip(pair.fits, labels, strict=True)]
    names = list(dict.fromkeys([*found[1].names, *found[0].names]))
    if any(groups.unlabelled for groups in found):
        names.append(NOT_STATED)
    domains = []
    for f, groups in zip(pair.fits, found, strict=True):
        used = f.cases.answering(f.settings.missing)
        place = np.array([names.index(name) for name in groups.names] + [len(names) - 1])
        domains.append((np.arange(len(names))[:, None] == place[groups.codes]) & used)
    return names, domains


def _both(labels: Labels, what: str) -> Labels:
    if not isinstance(labels, tuple) or len(labels) != 2:
        raise EstimationError(
            f"{what}= takes the labels of both waves as a pair, {what}=(before_frame['...'], after_frame['...']), in the "
            "order of the rows that the models were fitted to."
        )
    return labels


def customers_of(pair: Pair, customers: Labels | None) -> tuple[tuple[Codes, Codes], int]:
    """The number of each case's customer in both waves, of its own where none is known, and how many are in both waves."""
    known = (None, None) if customers is None else _both(customers, "customers")
    columns = [_keys(f, name, given) for f, name, given in zip(pair.fits, pair.names, known, strict=True)]
    codes = pd.factorize(pd.concat(columns, ignore_index=True))[0]
    codes = np.where(codes < 0, len(codes) + np.arange(len(codes)), codes)
    one, two = codes[: len(columns[0])], codes[len(columns[0]) :]
    return (one, two), len(np.intersect1d(one, two))


def _keys(f: Fit, wave: str, given: Any) -> "pd.Series[Any]":  # noqa: ANN401 - any sequence of keys
    """The customer of each case as text; missing where it is not known."""
    survey, n = f.cases.survey, len(f.cases)
    if given is None and survey is not None and "key" in survey.respondents:
        given = survey.respondents["key"]
    if given is None:
        return pd.Series([None] * n, dtype=object)
    column = pd.Series(np.asarray(given).tolist(), dtype=object)
    if len(column) != n:
        raise EstimationError(
            f"{len(column)} customers for the {n} cases of wave {wave!r}: give the key of every row that the model was fitted "
            "to, in their order."
        )
    texts = column.astype(str)
    return texts.where(column.notna() & (texts.str.strip() != ""), None)


def drawn_together(pair: Pair, keys: tuple[Codes, Codes]) -> Pair:
    """The pair with both samples resampled as one, by customers (or clusters) across the waves.

    A customer stands in the stratum of the wave in which it was drawn first.
    """
    samples = [f.origin.cases.sample for f in pair.fits]
    clustered = [_is_clustered(sample) for sample in samples]
    units = [
        _named(f, "clusters") if by_cluster else pd.Series(key).astype(str)
        for f, key, by_cluster in zip(pair.fits, keys, clustered, strict=True)
    ]
    unit = pd.concat(units, ignore_index=True)
    stratum = pd.concat([_named(f, "strata") for f in pair.fits], ignore_index=True)
    if not any(clustered):
        stratum = stratum.groupby(unit).transform("first")
    base = np.concatenate([sample.base for sample in samples])
    design = Design(strata="stratum", clusters="unit", single_psu="collapse")
    joint = sample_of(design, {"stratum": stratum, "unit": unit}, base)
    drawn = np.concatenate([f.origin.cases.answering(f.settings.missing) for f in pair.fits])
    one, two = paired(samples[0], samples[1], joint, drawn)
    return replace(pair, before=_drawn_by(pair.before, one, pair.before), after=_drawn_by(pair.after, two, pair.after))


def _is_clustered(sample: Sample) -> bool:
    return len(np.unique(sample.units)) < len(sample.units)


def _named(f: Fit, part: str) -> "pd.Series[str]":
    """The stratum or cluster of each case, by name where the survey has one, so that both waves call it alike."""
    survey, sample = f.cases.survey, f.origin.cases.sample
    column = getattr(survey.design, part) if survey is not None else None
    if survey is not None and column is not None:
        return pd.Series(survey.respondents[column].astype(str).to_numpy())
    return pd.Series(sample.strata if part == "strata" else sample.units).astype(str)


def bootstraps(pair: Pair, draws: int, seed: int, level: float, together: bool) -> tuple[Bootstrap, Bootstrap]:
    """Both waves under the same resamples of the customers, or each under its own."""
    seeds = (seed, seed) if together else (stream_of(seed, 0), stream_of(seed, 1))
    one, two = (bootstrap(f, draws, seed=s, level=level) for f, s in zip(pair.fits, seeds, strict=True))
    return one, two


def waves_invariance(pair: Pair, keys: tuple[Codes, Codes], permutations: int, seed: int) -> Invariance:
    """MICOM between the waves, on answers in points: customers exchange their own two waves, others among themselves."""
    after = pair.after
    columns, items = [], list(after.model.items)
    for f in pair.fits:
        points = importance.points(f.cases.X, f.cases.low, f.cases.high)
        points = np.where(np.isnan(f.cases.low), f.cases.X, points)  # covariates have no scale
        weight = f.cases.weights / f.cases.weights.mean()
        columns.append(pd.DataFrame(points, columns=list(f.cases.items))[items].assign(**{_WEIGHT: weight}))
    frame = pd.concat(columns, ignore_index=True)
    pooled = fit(after.model, frame, weight=_WEIGHT, scale=(0, 100), **asdict(after.settings))
    wave = np.repeat([0, 1], [len(f.cases) for f in pair.fits])
    pooled = _drawn_by(pooled, _exchangeable(pair, np.concatenate(keys), frame[_WEIGHT].to_numpy()))
    return invariance(pooled, np.array(pair.names)[wave], permutations=permutations, seed=seed)


def _exchangeable(pair: Pair, customers: Codes, weights: Array) -> Sample:
    """What is alike under the hypothesis: clusters of either wave, else the cases of a customer, else all other cases."""
    samples = [f.origin.cases.sample for f in pair.fits]
    if any(_is_clustered(sample) for sample in samples):
        units = np.concatenate([samples[0].units, samples[1].units + samples[0].units.max() + 1])
        return Sample(weights, np.zeros_like(units), units)
    n = len(samples[0].base)
    both = np.isin(customers, np.intersect1d(customers[:n], customers[n:]))
    return Sample(weights, np.where(both, customers + 1, 0), np.arange(len(customers)))
