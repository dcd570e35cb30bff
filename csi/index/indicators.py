"""Every construct and every item in points, with intervals and the change since an earlier wave."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from csi.display import Result, tidy
from csi.index.score import change, levels_of, require_comparable, sound_draws
from csi.kernel import importance
from csi.kernel.false_discovery import benjamini_hochberg
from csi.kernel.resample import percentile_interval, standard_error
from csi.structural.cases import Array
from csi.structural.inference import Bootstrap

_OWN = ("kind", "construct", "change", "change_low", "change_high", "change_p", "changed")
FALSE_DISCOVERY_RATE = 0.10


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Indicators(Result):
    """Levels of constructs and items (0-100 points), and what changed.

    `rows` has the tidy columns and: kind ("construct" or "item"), construct, change with interval and p value against the
    earlier wave, and changed (+1, -1, 0): a change that stands out among all of them (Benjamini & Hochberg 1995).
    """

    rows: pd.DataFrame
    wave: str | None
    before: str | None

    def headline(self) -> list[str]:
        """Waves and how many indicators moved."""
        if self.before is None:
            return [f"Indicators{f' {self.wave}' if self.wave else ''}, 0-100 points"]
        up, down = int((self.rows["changed"] > 0).sum()), int((self.rows["changed"] < 0).sum())
        return [f"Indicators {self.wave} against {self.before}, 0-100 points: {up} rose, {down} fell beyond chance"]

    def table(self) -> pd.DataFrame:
        """A copy of `rows`."""
        return self.rows.copy()


def indicator_levels(boot: Bootstrap, before: Bootstrap | None = None) -> Indicators:
    """Level of every construct and item in points, on the current wave's weights, with its change since `before`.

    Raises
    ------
    EstimationError
        Scale ends unknown, or `before` is of another model, length or the same seed.
    """
    fit = boot.fit
    fit.require_scale()
    if before is not None:
        require_comparable([before, boot])
    point, draws = _levels(boot, boot)
    earlier = None if before is None else _levels(boot, before)
    low, high = percentile_interval(draws[boot.usable], boot.level)
    error = standard_error(draws[boot.usable])
    names, J = fit.model.names, len(fit.model.names)
    rows: list[dict[str, Any]] = []
    for k, term in enumerate([*names, *fit.model.items]):
        row: dict[str, Any] = {
            "term": term,
            "estimate": point[k],
            "std_error": error[k],
            "ci_low": low[k],
            "ci_high": high[k],
            "n": fit.n if k < J else int((~np.isnan(fit.cases.answers[:, k - J])).sum()),
            "kind": "construct" if k < J else "item",
            "construct": term if k < J else names[fit.layout.block[k - J]],
        }
        if earlier is not None:
            row |= change(point[k] - earlier[0][k], draws[:, k] - earlier[1][:, k], boot.level)
        rows.append(row)
    table = tidy(rows, _OWN)
    table.attrs = {"digits": 1, "level": boot.level, "interval": "percentile"}
    table["changed"] = 0 if earlier is None else _stands_out(table)
    return Indicators(table, _wave(boot), _wave(before))


def _wave(boot: Bootstrap | None) -> str | None:
    survey = boot.fit.cases.survey if boot is not None else None
    return survey.wave if survey is not None else None


def _levels(current: Bootstrap, wave: Bootstrap) -> tuple[Array, Array]:
    """Point (J + p,) and draws (B, J + p) of constructs then items, on the current ruler."""
    fit = current.fit
    means = wave.fit.moments.mean
    point = np.concatenate([levels_of(fit, means)[0], importance.points(means[0], fit.cases.low, fit.cases.high)])
    item_draws = importance.points(wave.moments.mean, fit.cases.low, fit.cases.high)
    draws = np.concatenate([levels_of(current, wave.moments.mean), item_draws], axis=1)
    return point, sound_draws(current, wave, draws)


def _stands_out(table: pd.DataFrame) -> "pd.Series[int]":
    """+1 or -1 where the change is significant at a false-discovery rate of 10 %, constructs and items apart."""
    changed = pd.Series(0, index=table.index)
    for _, group in table.groupby("kind"):
        found = group.index[benjamini_hochberg(group["change_p"].to_numpy(float), FALSE_DISCOVERY_RATE)]
        changed[found] = np.sign(table.loc[found, "change"]).astype(int)
    return changed
