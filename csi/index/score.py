"""The satisfaction index on 0-100 (Fornell et al. 1996), overall, by segment and by wave, with intervals.

With u the unstandardised outer weights of the construct's items, summing to 1, the index is the u-weighted mean of the items'
means in points, each item put on 0-100 by its own scale ends. One ruler: segments and earlier waves are measured with the
weights of the current fit. Intervals include the uncertainty of those weights. Under `em` a gap counts with its conditional mean
given the respondent's other answers, so that segments average to the whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csi.display import Result, tidy
from csi.errors import EstimationError, known_names
from csi.kernel import importance
from csi.kernel.missing import completed_domain_means
from csi.kernel.moments import CONDITIONAL, domain_means, moments
from csi.kernel.resample import p_value, percentile_interval, standard_error
from csi.structural.cases import Array
from csi.structural.estimation import Fit
from csi.structural.inference import Bootstrap, require_own_bootstrap
from csi.survey.codebook import wordings

MINIMUM_CELL = 30
_OWN = ("level", "n_effective", "published", "note", "own_weights", "change", "change_low", "change_high", "change_p")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Index(Result):
    """Index levels, one row for the whole, each segment level, or each wave.

    `rows` has the tidy columns (units: points, 0-100) and: level (segment or wave), n_effective (Kish), published (False
    where a cell is too small or cannot be estimated), note (why), and for waves own_weights (what the wave's own weights give)
    and change, change_low, change_high, change_p against the wave before. `draws` is (B, rows).
    """

    construct: str
    by: str | None
    rows: pd.DataFrame
    draws: Array | None

    def headline(self) -> list[str]:
        """What is measured and over what."""
        over = f" by {self.by}" if self.by else ""
        hidden = int((~self.rows["published"]).sum())
        lines = [f"{self.construct} index, 0-100 points{over}"]
        return [*lines, f"{hidden} of {len(self.rows)} rows are not published; see 'note'"] if hidden else lines

    def table(self) -> pd.DataFrame:
        """A copy of `rows`."""
        return self.rows.copy()

    def shown(self) -> pd.DataFrame:
        """The table without columns that say nothing here: every row published, the level named by the term, no weights."""
        table = self.table()
        idle = {
            "published": table["published"].all(),
            "level": (table["level"] == table["term"]).all(),
            "n_effective": np.allclose(table["n_effective"], table["n"]),
        }
        return table.drop(columns=[name for name, is_idle in idle.items() if is_idle])

    @property
    def value(self) -> float:
        """The estimate of the last row: the whole, or the current wave."""
        return float(self.rows["estimate"].iloc[-1])

    @property
    def interval(self) -> tuple[float, float]:
        """The interval of the last row; NaN without a bootstrap."""
        return float(self.rows["ci_low"].iloc[-1]), float(self.rows["ci_high"].iloc[-1])


def satisfaction_index(
    fit: Fit,
    boot: Bootstrap | None = None,
    *,
    by: str | None = None,
    earlier: Sequence[Bootstrap] = (),
    construct: str = "Satisfaction",
    minimum: int = MINIMUM_CELL,
) -> Index:
    """The index of a construct, overall, for each level of a segment, or for each wave.

    Parameters
    ----------
    fit
        The current wave's fit; its weights are the ruler.
    boot
        Its bootstrap; without it there are no intervals.
    by
        None, the name of a segment of the codebook, or "wave".
    earlier
        For `by="wave"`: bootstraps of the same model on the earlier waves, in time order, each with its own seed.
    construct
        Whose index.
    minimum
        Segment levels with fewer answers than this are not published.

    Raises
    ------
    ModelError, EstimationError, SurveyError
        Unknown construct or segment, unknown scale ends, a bootstrap of another fit.
    """
    fit.require_scale()
    fit.model.construct(construct)
    require_own_bootstrap(fit, boot)
    if by == "wave":
        return _by_wave(fit, boot, earlier, construct)
    if by is not None:
        return _by_segment(fit, boot, by, construct, minimum)
    j = fit.model.names.index(construct)
    draws = None if boot is None else levels_of(boot, boot.moments.mean)[:, [j]]
    point = levels_of(fit, fit.moments.mean)[0, j]
    n_effective = kish(fit.cases.weights[fit.cases.answering(fit.settings.missing)])
    row = {"term": construct, "estimate": point, "n": fit.n, "n_effective": n_effective, "published": True, "note": ""}
    return _index(fit, construct, None, [row], (draws, boot))


def ruler(source: Fit | Bootstrap) -> Array:
    """Unstandardised outer weights u (B, p) of a fit (B = 1) or of every replicate."""
    fit = source if isinstance(source, Fit) else source.fit
    weights = source.estimates.weights if isinstance(source, Fit) else source.draws.weights
    return importance.unit_weights(weights, source.moments.sd, fit.cases.low, fit.cases.high, fit.layout)[0]


def levels_of(source: Fit | Bootstrap, item_means: Array) -> Array:
    """Construct levels (B, J) in points that item means (B, p) have under the source's ruler."""
    fit = source if isinstance(source, Fit) else source.fit
    item_points = importance.points(item_means, fit.cases.low, fit.cases.high)
    return importance.construct_levels(ruler(source), item_points, fit.layout)


def kish(weights: Array) -> float:
    """Effective number of answers, (sum w)2 / sum w2 (Kish 1965).

    >>> kish(np.array([1.0, 1.0, 2.0]))
    2.6666666666666665
    """
    return float(weights.sum() ** 2 / (weights**2).sum()) if len(weights) else np.nan


def _by_segment(fit: Fit, boot: Bootstrap | None, by: str, construct: str, minimum: int) -> Index:
    survey = fit.cases.survey
    if survey is None:
        raise EstimationError(f"by={by!r} needs a survey; this fit was made from a plain frame without segments.")
    segment = survey.segment(by)
    block = fit.layout.slices[fit.model.names.index(construct)]
    answers = fit.cases.answers[:, block]
    used = fit.cases.answering(fit.settings.missing)
    answered = used & ~np.isnan(answers).all(axis=1)
    stated = [level for level in survey.codebook.segment(by).levels if (segment == level).any()]
    names = stated or sorted(set(segment) - {""})
    extra = sorted(set(segment) - set(names) - {""})
    names = [*names, *extra]
    domains = np.array([(segment == name).to_numpy() for name in names]).reshape(len(names), len(segment))
    rows = [_segment_row(fit, name, domain & answered, minimum) for name, domain in zip(names, domains, strict=True)]
    point = _domain_levels(fit, (used * fit.cases.weights)[None, :], domains, block, fit, slice(None))[0]
    for row, value in zip(rows, point, strict=True):
        row["estimate"] = value if row["published"] else np.nan
    draws = None
    if boot is not None:
        draws = np.concatenate([_domain_levels(fit, W, domains, block, boot, part) for part, W in boot.resamples()])
        draws[:, [not row["published"] for row in rows]] = np.nan
    return _index(fit, construct, by, rows, (draws, boot))


def _segment_row(fit: Fit, name: str, inside: NDArray[np.bool_], minimum: int) -> dict[str, Any]:
    n = int(inside.sum())
    note = "" if n >= minimum else f"not estimable: {n} answers, at least {minimum} are needed"
    return {
        "term": name,
        "level": name,
        "n": n,
        "n_effective": kish(fit.cases.weights[inside]),
        "published": not note,
        "note": note,
    }


def _domain_levels(
    fit: Fit, W: Array, domains: NDArray[np.bool_], block: slice, source: Fit | Bootstrap, part: slice
) -> Array:
    """(B, D) levels of the domains under case weights W, by the ruler and the moments of replicates `part` of the source."""
    means = item_means(fit, W, domains, block, source, part)
    item_points = importance.points(means, fit.cases.low[block], fit.cases.high[block])
    return np.asarray(np.einsum("bdp,bp->bd", item_points, ruler(source)[part, block]))


def item_means(
    fit: Fit, W: Array, domains: NDArray[np.bool_], block: slice, source: Fit | Bootstrap, part: slice
) -> Array:
    """(B, D, items of the block) means of the domains; those of a later stage follow from the observed items' means."""
    X = fit.origin.cases.answers
    if fit.settings.missing in CONDITIONAL and np.isnan(X).any():
        if fit.settings.missing == "em":
            base = (source.origin.moments if isinstance(source, Fit) else source.base).part(part)
        else:
            base = moments(X, W, start=fit.origin.moments)
        means = completed_domain_means(X, W, domains, base)
    elif source.maps is None:
        return domain_means(X[:, block], W, domains)
    else:
        means = domain_means(X, W, domains)
    if source.maps is None:
        return means[:, :, block]
    maps = source.maps.part(part)
    return np.asarray(np.einsum("bdp,bpq->bdq", means, maps.linear[:, :, block]) + maps.offset[:, None, block])


def _by_wave(fit: Fit, boot: Bootstrap | None, earlier: Sequence[Bootstrap], construct: str) -> Index:
    if boot is None:
        raise EstimationError("by='wave' compares waves with intervals; pass the bootstrap of the current wave.")
    waves = [*earlier, boot]
    require_comparable(waves)
    j = fit.model.names.index(construct)
    draws = np.column_stack([sound_draws(boot, wave, levels_of(boot, wave.moments.mean))[:, j] for wave in waves])
    rows: list[dict[str, Any]] = []
    for position, wave in enumerate(waves):
        row = {
            "term": wave_name(wave, position),
            "level": wave_name(wave, position),
            "estimate": levels_of(fit, wave.fit.moments.mean)[0, j],
            "n": wave.fit.n,
            "n_effective": kish(wave.fit.cases.weights[wave.fit.cases.answering(wave.fit.settings.missing)]),
            "published": True,
            "note": "",
            "own_weights": levels_of(wave.fit, wave.fit.moments.mean)[0, j],
        }
        if rows:
            row |= change(
                row["estimate"] - rows[-1]["estimate"], draws[:, position] - draws[:, position - 1], boot.level
            )
        rows.append(row)
    return _index(fit, construct, "wave", rows, (draws, boot))


def change(estimate: float, draws: Array, level: float) -> dict[str, float]:
    """A difference with its interval and p value, from its draws (B,)."""
    low, high = percentile_interval(draws, level)
    return {"change": estimate, "change_low": float(low), "change_high": float(high), "change_p": float(p_value(draws))}


def wave_name(boot: Bootstrap, position: int) -> str:
    """The wave's name, or its place in the row of waves where the survey has none."""
    survey = boot.fit.cases.survey
    return (survey.wave if survey is not None else None) or f"wave {position + 1}"


def require_comparable(waves: Sequence[Bootstrap]) -> None:
    """Raise unless the bootstraps are of one model, of equal length, and independent."""
    current = waves[-1]
    for position, wave in enumerate(waves[:-1]):
        name = wave_name(wave, position)
        if wave.fit.model.items != current.fit.model.items or wave.fit.model.names != current.fit.model.names:
            missing = [i for i in current.fit.model.items if i not in wave.fit.model.items]
            known = known_names(missing[0] if missing else "", wave.fit.model.items, "That wave's items are")
            raise EstimationError(f"wave {name!r} was fitted with another model. {known} Fit one model to every wave.")
        if len(wave) != len(current):
            raise EstimationError(
                f"wave {name!r} has {len(wave)} draws, the current one {len(current)}; use the same number."
            )
    seeds = [wave.seed for wave in waves]
    if len(set(seeds)) < len(seeds):
        raise EstimationError("waves are resampled independently: give each bootstrap its own seed, e.g. seed=1, 2, 3.")


def sound_draws(current: Bootstrap, wave: Bootstrap, draws: Array) -> Array:
    """The draws with NaN wherever the replicate of either wave cannot be used."""
    return np.where((current.usable & wave.usable)[:, None], draws, np.nan)


def _index(
    fit: Fit,
    construct: str,
    by: str | None,
    rows: list[dict[str, Any]],
    replicates: tuple[Array | None, Bootstrap | None],
) -> Index:
    draws, boot = replicates
    survey = fit.cases.survey
    carried: dict[Any, Any] = {"digits": 1} | wordings(
        survey.codebook if survey else None, fit.model.names, fit.model.items
    )
    if draws is not None and boot is not None:
        carried |= {"level": boot.level, "interval": "percentile"}
        used = draws[boot.usable]
        low, high = percentile_interval(used, boot.level)
        for row, error, lo, hi in zip(rows, standard_error(used), low, high, strict=True):
            row |= {"std_error": error, "ci_low": lo, "ci_high": hi}
    table = tidy(rows, _OWN)
    table.attrs = carried
    return Index(construct, by, table, draws)
