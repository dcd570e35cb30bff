"""Simple slopes: how strong an effect is where its moderator is low, average and high (Aiken & West 1991)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from csi.display import Result
from csi.errors import ModelError, known_names
from csi.kernel.resample import percentile_interval
from csi.structural.cases import Array
from csi.structural.fitted_model import Fit
from csi.structural.inference import Bootstrap, summary
from csi.structural.quantities import Batch


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SimpleSlopes(Result):
    """The effect of one construct on another at levels of a third, in standard deviations of the scores.

    `rows` has the tidy columns and `level`, the moderator in standard deviations from its mean.
    """

    cause: str
    moderator: str
    effect: str
    rows: pd.DataFrame

    def headline(self) -> list[str]:
        """Which effect, and what moderates it."""
        by = "its own level" if self.cause == self.moderator else self.moderator
        return [f"Effect of {self.cause} on {self.effect}, at levels of {by} (standard deviations from the mean)"]

    def table(self) -> pd.DataFrame:
        """A copy of `rows`."""
        return self.rows.copy()


def simple_slopes(
    boot: Bootstrap, interaction: str, effect: str, *, moderator: str | None = None, at: Sequence[float] = (-1, 0, 1)
) -> SimpleSlopes:
    """The slope of one part of an interaction at low, average and high levels of the other.

    At moderator level m the slope is b + c m, with c the coefficient of the plain product of the standardised scores; of a
    quadratic term it is b + 2 c m, the slope at the construct's own level m.

    Parameters
    ----------
    boot
        A bootstrap of a model with the interaction, estimated in two stages.
    interaction
        Its name, "A*B".
    effect
        The construct that is explained.
    moderator
        Which part counts as the moderator; the second unless named.
    at
        Levels of the moderator in standard deviations from its mean.

    Raises
    ------
    ModelError
        The model has no such interaction, its path to `effect` is missing, `moderator` is none of its parts, or the products
        were formed of items, so that no product of scores exists.

    Examples
    --------
    >>> from csi import Construct, Model, bootstrap, fit
    >>> rng = np.random.default_rng(1); x, m = rng.normal(size=(2, 800))
    >>> frame = pd.DataFrame({"x": x, "m": m, "y": 0.4 * x + 0.3 * x * m + rng.normal(size=800)})
    >>> model = Model([Construct(k.upper(), [k]) for k in "xmy"], {"X": ["Y"], "M": ["Y"], "X*M": ["Y"]})
    >>> slopes = simple_slopes(bootstrap(fit(model, frame), 200), "X*M", "Y")
    >>> slopes.rows["estimate"].is_monotonic_increasing
    True
    """
    fit = boot.fit
    cause, moderator = _parts(fit, interaction, effect, moderator)
    levels = np.asarray(at, dtype=float)
    where = (fit.model.names.index(cause), fit.model.names.index(interaction), fit.model.names.index(effect))
    times = 2.0 if cause == moderator else 1.0
    point = _slopes(fit.batch, where, times * levels)[0]
    draws = np.where(boot.usable[:, None], _slopes(boot.batch, where, times * levels), np.nan)
    terms = [f"{cause} -> {effect} | {moderator} {level:+g} SD" for level in levels]
    rows = summary(terms, point, draws, *percentile_interval(draws, boot.level), fit.n)
    rows["level"] = levels
    return SimpleSlopes(cause, moderator, effect, rows)


def _parts(fit: Fit, interaction: str, effect: str, moderator: str | None) -> tuple[str, str]:
    products = fit.origin.model.products
    if interaction not in products:
        known = known_names(interaction, list(products), "Its interactions are") if products else "It has none."
        raise ModelError(f"the model has no interaction {interaction!r}. {known}")
    if fit.origin.model.interactions != "two_stage":
        raise ModelError(
            f"the interaction {interaction!r} is formed of items, so its score is no product of scores and has no simple slopes. "
            "Use Model(..., interactions='two_stage')."
        )
    if effect not in fit.origin.model.paths[interaction]:
        known = ", ".join(fit.origin.model.paths[interaction])
        raise ModelError(f"the interaction {interaction!r} has no path to {effect!r}, only to {known}.")
    left, right = products[interaction]
    moderator = moderator or right
    if moderator not in (left, right):
        raise ModelError(f"the moderator of {interaction!r} is {left!r} or {right!r}, not {moderator!r}.")
    return (left if moderator == right else right), moderator


def _slopes(batch: Batch, where: tuple[int, int, int], levels: Array) -> Array:
    """(B, levels); the coefficient is put from the standardised product back on the plain one."""
    cause, product, effect = where
    column = batch.layout.slices[product].start
    paths = batch.estimates.paths
    plain = paths[:, product, effect] / batch.moments.sd[:, column]
    return np.asarray(paths[:, cause, effect, None] + plain[:, None] * levels)
