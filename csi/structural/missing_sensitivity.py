"""Estimates if those who skipped an item would have answered otherwise than the rest of their answers suggests."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csi.display import Result
from csi.errors import EstimationError, ModelError, known_names
from csi.kernel.missing import delta_adjusted
from csi.kernel.moments import Moments
from csi.kernel.resample import percentile_interval
from csi.structural.blas import one_thread
from csi.structural.cases import Array
from csi.structural.fitted_model import Fit
from csi.structural.inference import Bootstrap, summary
from csi.structural.quantities import Batch, require_quantities, values_of
from csi.structural.replication import INADMISSIBLE, estimated, stage_fits


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MissingSensitivity(Result):
    """Estimates and intervals under shifts of the missing answers.

    `rows` has the tidy columns and: quantity; delta, the shift in standard deviations of each item; change, the estimate less
    that without a shift; `tips`, whether the interval of a path, or another quantity with a sign, comes to include 0, to exclude
    it, or to lie on its other side. `shares` are the shares of shifted answers, item by item.
    """

    shares: "pd.Series[float]"
    rows: pd.DataFrame

    def headline(self) -> list[str]:
        """How much is missing, how far levels move, and whether a conclusion depends on it."""
        worst = str(self.shares.idxmax())
        lines = [
            f"Shifted: the missing {self.shares.mean():.1%} of answers to {len(self.shares)} items, most to {worst} "
            f"({self.shares.max():.1%})"
        ]
        level = self.rows[self.rows["quantity"] == "index"]
        if len(level):
            most = level.iloc[int(level["change"].abs().argmax())]
            lines.append(
                f"index: {most['term']} moves most, by {most['change']:+.1f} points at delta = {most['delta']:+g}"
            )
        tipped = self.rows[self.rows["tips"]]
        if not len(tipped):
            return [*lines, "no interval comes to include 0, to exclude it, or to lie on its other side"]
        first = tipped.iloc[int(tipped["delta"].abs().argmin())]
        return [*lines, f"{first['term']}: which side of 0 the interval lies on changes at delta = {first['delta']:+g}"]

    def table(self) -> pd.DataFrame:
        """A copy of `rows`."""
        return self.rows.copy()


@one_thread
def missing_sensitivity(
    boot: Bootstrap,
    deltas: Sequence[float] = (-1.0, -0.5, 0.0, 0.5, 1.0),
    *,
    items: Sequence[str] | None = None,
    quantities: Sequence[str] | None = None,
) -> MissingSensitivity:
    """Estimate again with missing answers shifted: a pattern mixture (Little & Rubin 2002; van Buuren 2018, section 3.8).

    `em` takes missing answers to be like those of respondents with the same other answers. Nothing in the data says whether
    they are; this table says what would follow if they lay `delta` standard deviations of the item from there. A conclusion that
    holds over all shifts one can think of does not rest on the assumption. Gaps where nothing was asked (not applicable, routed
    past) are not shifted.

    Parameters
    ----------
    boot
        A bootstrap of a fit with `missing="em"`; its replicates are shifted too, and give the intervals.
    deltas
        Shifts in standard deviations; 0 is always among the rows.
    items
        Whose gaps are shifted; those of all the model's items if None.
    quantities
        Names of `csi.structural.quantities`; paths, and the index where scale ends are known, if None.

    Raises
    ------
    EstimationError, ModelError
        No gap to shift, another treatment than `em`, an unknown item or quantity, or a model with interactions.

    Examples
    --------
    >>> import csi
    >>> rng = np.random.default_rng(1)
    >>> quality = rng.normal(size=300)
    >>> satisfaction = np.where(rng.random(300) < 0.2, np.nan, 0.8 * quality + 0.6 * rng.normal(size=300))
    >>> frame = pd.DataFrame({"q": 5 + quality, "s": 5 + satisfaction})
    >>> model = csi.Model.parse("Quality <~ q; Satisfaction <~ s; Satisfaction ~ Quality")
    >>> boot = csi.bootstrap(csi.fit(model, frame, scale=(0, 10)), 200)
    >>> rows = missing_sensitivity(boot, (-1, 0), items=["s"]).rows.query("term == 'Satisfaction'")
    >>> rows[["delta", "change"]].round(0).to_numpy().tolist()
    [[-1.0, -2.0], [0.0, 0.0]]
    """
    fit = boot.fit
    shifted = _shifted(fit, items)
    names = _quantities(fit, quantities)
    rows: list[pd.DataFrame] = []
    zero: dict[str, pd.DataFrame] = {}
    for delta in [0.0, *(d for d in dict.fromkeys(map(float, deltas)) if d != 0)]:
        vector = np.full(len(fit.origin.cases.items), delta)
        point, _ = _estimated(fit, fit.origin.cases.weights[None], fit.origin.moments, vector, shifted)
        draws = [_estimated(fit, W, boot.base.part(part), vector, shifted) for part, W in boot.resamples()]
        for name in names:
            table = _table(fit, name, point, draws, boot.level)
            reference = zero.setdefault(name, table)
            tips = _side_of_zero(table) != _side_of_zero(reference)
            rows.append(
                table.assign(
                    quantity=name,
                    delta=delta,
                    change=table["estimate"] - reference["estimate"],
                    tips=tips & (name != "index"),
                )
            )
    found = pd.concat(rows).sort_values("delta", kind="stable").reset_index(drop=True)
    shares = pd.Series(shifted.mean(axis=0), list(fit.origin.cases.items))
    return MissingSensitivity(shares[shares > 0], found)


def _shifted(fit: Fit, items: Sequence[str] | None) -> NDArray[np.bool_]:
    """(n, p) the gaps to shift."""
    fit.require_cases("a shift of missing answers")
    cases = fit.origin.cases
    if len(stage_fits(fit)) < len(fit.origin.stages):
        raise EstimationError("this is an early stage of a model; pass the bootstrap of the fit itself.")
    if fit.origin.model.products:
        raise ModelError(
            "missing answers cannot be shifted in a model with interactions, whose products would have to follow. Leave them out."
        )
    if fit.settings.missing != "em" or fit.settings.correlation != "pearson":
        raise EstimationError(
            "a shift starts from what the other answers suggest: fit with missing='em' and correlation='pearson'."
        )
    for item in items or ():
        if item not in cases.items:
            raise EstimationError(
                f"there is no item {item!r} to shift. {known_names(item, cases.items, 'The items are')}"
            )
    asked = np.array([items is None or item in items for item in cases.items])
    shifted = np.isnan(cases.answers) & ~cases.unasked & cases.answering("em")[:, None] & asked
    if not shifted.any():
        raise EstimationError("no answer is missing among the items to shift, so there is nothing to ask.")
    return np.asarray(shifted)


def _quantities(fit: Fit, quantities: Sequence[str] | None) -> Sequence[str]:
    if quantities is not None:
        require_quantities(quantities)
        return quantities
    return ("paths",) if np.isnan(fit.values("index")).all() else ("paths", "index")


def _estimated(
    fit: Fit, W: Array, m: Moments, delta: Array, shifted: NDArray[np.bool_]
) -> tuple[Batch, NDArray[np.bool_]]:
    """The model under shifted moments, and which replicates count."""
    staged, problem = estimated(fit, delta_adjusted(fit.origin.cases.answers, W, m, delta, shifted))
    return staged[-1].batch, (problem == "") | ((problem == INADMISSIBLE) & (not fit.admissible))


def _table(
    fit: Fit, name: str, point: Batch, draws: list[tuple[Batch, NDArray[np.bool_]]], level: float
) -> pd.DataFrame:
    terms, estimate = values_of(name, point, fit.batch)
    drawn = np.concatenate(
        [np.where(usable[:, None], values_of(name, batch, fit.batch)[1], np.nan) for batch, usable in draws]
    )
    return summary(terms, estimate[0], drawn, *percentile_interval(drawn, level), fit.n)


def _side_of_zero(table: pd.DataFrame) -> "pd.Series[int]":
    """1 or -1 where the interval lies above or below 0, 0 where it includes it."""
    return (table["ci_low"] > 0).astype(int) - (table["ci_high"] < 0).astype(int)
