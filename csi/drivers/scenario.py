"""From cause to effect: indicators or operational figures rise by so much, and every construct moves.

A change is a change of an item's MEAN on its own scale. A mean can rise to the end of its scale and no further, and respondents
who are there already cannot rise: so what is asked beyond the end is cut off and said, and beside each change stands how much
everyone who still can would have to move (`each`). The change is one decision: its cap uses the observed mean and is the same in
every draw, while weights, effects and levels are the draw's own.

Effects are those of a linear model fitted across customers (Ringle & Sarstedt 2016): what a change brings if customers whose
items change come to answer like customers whose items differ today.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csi.display import Result, tidy
from csi.drivers.changes import Asked, KpiEffects
from csi.drivers.effects import (
    effects_of_items,
    measured_constructs,
    require_straight_lines,
)
from csi.errors import EstimationError, known_names
from csi.index.score import MINIMUM_CELL, item_means, levels_of
from csi.kernel.resample import percentile_interval
from csi.structural.cases import Array
from csi.structural.estimation import Fit
from csi.structural.inference import Bootstrap, require_own_bootstrap, summary
from csi.survey.codebook import wordings

_OWN = ("before", "before_low", "before_high", "after", "after_low", "after_high", "on_scale", "whole", "whole_low",
        "whole_high", "note")  # fmt: skip
_CHANGES = ("item", "asked", "change", "before", "after", "low", "high", "each", "through", "note")
AT_THE_END = "at the end of the scale"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Scenario(Result):
    """What changes of items do to every construct.

    `rows` has the tidy columns for the change in points, and: before and after (levels, 0-100) with intervals; on_scale (the
    change in units of the items' own scale, NaN where they have several); for a segment whole (the change of the whole customer
    base, the segment's share times its change) with interval; note. `changes` has a row an item: what was asked and what is
    applied, the mean before and after, the scale ends, `each` (how much everyone not yet at the end has to move on average),
    through (the KPIs it comes from), note. `draws` (usable draws, constructs) holds the changes.
    """

    changes: pd.DataFrame
    rows: pd.DataFrame
    segment: tuple[str, str] | None
    share: float
    draws: Array | None

    def headline(self) -> list[str]:
        """What is changed, for whom, and what had to be cut off."""
        moved = ", ".join(f"{row.item} {row.change:+.3g}" for row in self.changes.itertuples())
        whom = (
            ""
            if self.segment is None
            else f" for {self.segment[0]} = {self.segment[1]} ({self.share:.0%} of the whole)"
        )
        cut = [f"{row.item} (asked {row.asked:+.3g})" for row in self.changes.itertuples() if row.note]
        lines = [f"Scenario{whom}: {moved}"]
        return [*lines, f"cut off {AT_THE_END}: {', '.join(cut)}"] if cut else lines

    def table(self) -> pd.DataFrame:
        """A copy of `rows`."""
        return self.rows.copy()

    def shown(self) -> pd.DataFrame:
        """The change, its interval, and the levels before and after."""
        return self.rows[["term", "estimate", "ci_low", "ci_high", "before", "after", "whole", "note"]]

    def at_least(self, construct: str, confidence: float) -> float:
        """The change in points that this share of the draws reaches or exceeds (quantile of type 7).

        Raises
        ------
        EstimationError
            The scenario has no draws, or the construct is not in it.
        """
        names = self.rows["term"].tolist()
        if construct not in names:
            raise EstimationError(f"the scenario has no construct {construct!r}. {known_names(construct, names)}")
        if self.draws is None:
            raise EstimationError("a confidence needs draws: pass boot=csi.bootstrap(fit) to what_if.")
        return float(np.quantile(self.draws[:, names.index(construct)], 1 - confidence))


@dataclass(frozen=True, slots=True, eq=False)
class _Base:
    """Who is looked at: item means (P,), answers and weights, and per draw share (B,) and construct levels (B, J)."""

    means: Array
    inside: NDArray[np.bool_]
    n: int
    share: Array
    levels: Array
    share_draws: Array | None
    level_draws: Array | None


def what_if(
    fit: Fit,
    changes: Mapping[str, float],
    *,
    boot: Bootstrap | None = None,
    segment: tuple[str, str] | None = None,
    kpis: KpiEffects | pd.DataFrame | None = None,
) -> Scenario:
    """How every construct moves when means of items, or operational figures, change.

    Parameters
    ----------
    changes
        Item or KPI -> change, in units of the item's own scale or of the KPI. A fall is negative.
    boot
        Bootstrap of the fit; without it there are no intervals.
    segment
        Name and level, as ("brand", "youth"): the change happens there only. Levels are the segment's own, effects those of
        the common model.
    kpis
        Effects of KPIs on items: a table with the columns kpi, item, estimate and std_error, or what offers one by
        `effects_on_items()`. Effects on items outside the model are left out. In the draws they vary as independent normal
        numbers.

    Raises
    ------
    ModelError
        An unknown item or KPI, or effects that are not straight lines (see `csi.drivers.effects`).
    EstimationError
        Unknown scale ends, changes that are no numbers, a bootstrap of another fit, a segment that is unknown or too small.

    >>> frame = pd.DataFrame({"q": [1, 2, 3, 4, 5.0], "s": [2, 2, 3, 4, 5.0]})
    >>> from csi import Model, fit
    >>> fitted = fit(Model.parse("Quality <~ q; Satisfaction <~ s; Satisfaction ~ Quality"), frame, scale=(1, 5))
    >>> what_if(fitted, {"q": +0.5}).rows[["term", "before", "estimate", "after"]].round(6).to_numpy().tolist()
    [['Quality', 50.0, 12.5, 62.5], ['Satisfaction', 55.0, 10.0, 65.0]]
    """
    fit.require_scale()
    require_own_bootstrap(fit, boot)
    asked = Asked.of(fit, changes, kpis)
    require_straight_lines(fit, asked.items)
    base = _everyone(fit, boot) if segment is None else _segment(fit, boot, segment)
    low, high = fit.origin.cases.low - base.means, fit.origin.cases.high - base.means
    names = measured_constructs(fit)
    rise = _within(asked.rise(None), low, high)
    point = _moves(fit, names, rise, base.levels)
    draws = share = None
    if boot is not None and base.level_draws is not None and base.share_draws is not None:
        moved = _within(asked.rise(boot), low, high)
        draws = _moves(boot, names, moved, base.level_draws)[boot.usable]
        share = base.share_draws[boot.usable]
    rows = _rows(fit, names, base, point[0], draws, boot)
    if segment is not None:
        rows["whole"] = base.share[0] * point[0]
        if draws is not None and share is not None and boot is not None:
            rows["whole_low"], rows["whole_high"] = percentile_interval(share[:, None] * draws, boot.level)
    survey = fit.cases.survey
    rows.attrs = {"digits": 2} | dict(
        wordings(survey.codebook if survey else None, names, fit.origin.cases.items).items()
    )
    return Scenario(_changes(fit, asked, rise[0], base), rows, segment, float(base.share[0]), draws)


def _everyone(fit: Fit, boot: Bootstrap | None) -> _Base:
    used = fit.origin.cases.answering(fit.settings.missing)
    levels = levels_of(fit, fit.moments.mean)
    if boot is None:
        return _Base(fit.origin.moments.mean[0], used, fit.n, np.ones(1), levels, None, None)
    draws = levels_of(boot, boot.moments.mean)
    return _Base(fit.origin.moments.mean[0], used, fit.n, np.ones(1), levels, np.ones(len(boot)), draws)


def _segment(fit: Fit, boot: Bootstrap | None, segment: tuple[str, str]) -> _Base:
    """One level of a segment, on the common model's ruler and in the same replicates."""
    name, level = segment
    survey = fit.cases.survey
    if survey is None:
        raise EstimationError(
            f"segment {name!r} needs a survey; this fit was made from a plain frame without segments."
        )
    levels = survey.segment(name)
    used = fit.origin.cases.answering(fit.settings.missing)
    inside = np.asarray((levels == level).to_numpy() & used)
    if not (levels == level).any():
        raise EstimationError(
            f"segment {name!r} has no level {level!r}. {known_names(level, sorted(set(levels) - {''}))}"
        )
    if (n := int(inside.sum())) < MINIMUM_CELL:
        raise EstimationError(f"{name} = {level} has {n} answers; a scenario of its own needs at least {MINIMUM_CELL}.")
    W, everything = (used * fit.cases.weights)[None, :], slice(None)
    # Without its maps a fit's items are the observed ones.
    means = item_means(fit, W, inside[None, :], everything, replace(fit, maps=None), everything)[0, 0]
    point = levels_of(fit, item_means(fit, W, inside[None, :], everything, fit, everything)[:, 0])
    shares, drawn = [], []
    for part, weights in [] if boot is None else boot.resamples():
        shares.append(weights @ inside / weights.sum(axis=1))
        drawn.append(item_means(fit, weights, inside[None, :], everything, boot or fit, part)[:, 0])
    share = W @ inside / W.sum(axis=1)
    if boot is None:
        return _Base(means, inside, n, share, point, None, None)
    return _Base(means, inside, n, share, point, np.concatenate(shares), levels_of(boot, np.concatenate(drawn)))


def _within(rise: Array, low: Array, high: Array) -> Array:
    """What of the rises (B, P) the scale ends leave, `low` and `high` away from today's means; unknown ends leave nothing."""
    cut = np.clip(rise, np.minimum(low, 0), np.maximum(high, 0))
    return np.asarray(np.where(rise == 0, 0.0, cut))


def _moves(source: Fit | Bootstrap, names: tuple[str, ...], rise: Array, levels: Array) -> Array:
    """(B, K) changes of the constructs in points, which end where 0 and 100 are."""
    moves = np.stack([np.einsum("bp,bp->b", effects_of_items(source, name), rise) for name in names], axis=1)
    model = (source if isinstance(source, Fit) else source.fit).model
    before = levels[:, [model.names.index(name) for name in names]]
    return np.asarray(np.clip(moves, np.minimum(-before, 0), np.maximum(100 - before, 0)))


def _rows(
    fit: Fit, names: tuple[str, ...], base: _Base, point: Array, draws: Array | None, boot: Bootstrap | None
) -> pd.DataFrame:
    places = [fit.model.names.index(name) for name in names]
    before = base.levels[0, places]
    if draws is None or boot is None or base.level_draws is None:
        rows = tidy(({"term": t, "estimate": e, "n": base.n} for t, e in zip(names, point, strict=True)), _OWN)
        rows["before"], rows["after"] = before, before + point
    else:
        rows = summary(list(names), point, draws, *percentile_interval(draws, boot.level), base.n)
        levels = base.level_draws[boot.usable][:, places]
        rows["before"], rows["after"] = before, before + point
        rows["before_low"], rows["before_high"] = percentile_interval(levels, boot.level)
        rows["after_low"], rows["after_high"] = percentile_interval(levels + draws, boot.level)
        rows = rows.reindex(columns=[*rows.columns, *(c for c in _OWN if c not in rows)])
    rows["on_scale"] = point * [_width(fit, place) / 100 for place in places]
    rows["note"] = np.where((point != 0) & ((before + point >= 100) | (before + point <= 0)), AT_THE_END, "")
    return rows


def _width(fit: Fit, place: int) -> float:
    """The length of the scale that the construct's items share, NaN if they have several."""
    block = fit.layout.slices[place]
    widths = fit.cases.high[block] - fit.cases.low[block]
    return float(widths[0]) if np.ptp(widths) == 0 else np.nan


def _changes(fit: Fit, asked: Asked, rise: Array, base: _Base) -> pd.DataFrame:
    """One row a changed item."""
    wanted, cases = asked.rise(None)[0], fit.origin.cases
    rows: list[dict[str, Any]] = []
    for i in asked.places:
        end = cases.high[i] if rise[i] > 0 else cases.low[i]
        able = _share_short_of(fit, i, end, base.inside)
        ends = {"before": base.means[i], "after": base.means[i] + rise[i], "low": cases.low[i], "high": cases.high[i]}
        cut = AT_THE_END if abs(rise[i] - wanted[i]) > 1e-12 else ""
        moved = {
            "item": cases.items[i],
            "asked": wanted[i],
            "change": rise[i],
            "each": rise[i] / able if able > 0 else np.nan,
        }
        rows.append(moved | ends | {"through": ", ".join(asked.through(i)), "note": cut})
    return pd.DataFrame(rows, columns=_CHANGES)


def _share_short_of(fit: Fit, column: int, end: float, inside: NDArray[np.bool_]) -> float:
    """The weighted share of answers that are not at this end of the scale; NaN where there are no cases."""
    answers = fit.origin.cases.answers[:, column]
    answered = inside & ~np.isnan(answers)
    weights = fit.origin.cases.weights[answered]
    return float(weights @ (answers[answered] != end) / weights.sum()) if weights.size else np.nan
