"""Estimate a model stage by stage from the moments of its observed items: higher-order constructs and interactions.

The columns of a stage are linear in the base columns (items and products of two items), with coefficients that depend on the
stage before; so every stage is repeated in every replicate, and none needs the cases.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from csi.kernel import importance
from csi.kernel.estimates import estimate
from csi.kernel.moments import Missing, Moments, moments
from csi.kernel.pls import Layout, Scheme
from csi.kernel.polychoric import polychoric_correlations
from csi.kernel.small_matrices import Array, Floats
from csi.model.model import Model
from csi.model.stages import Carried, Column, ItemProduct, Observed, Score, ScoreProduct, Stage
from csi.structural.cases import Cases
from csi.structural.quantities import Batch

Correlation = Literal["pearson", "polychoric"]


@dataclass(frozen=True, slots=True)
class Settings:
    """How a fit was asked for; every replicate is estimated the same way."""

    scheme: Scheme
    missing: Missing
    tolerance: float
    max_iterations: int
    correlation: Correlation = "pearson"

    @property
    def coherent(self) -> bool:
        """Whether correlations are those of one table of answers, so that their matrix is positive semi-definite."""
        return self.missing != "pairwise" and self.correlation == "pearson"


def base_moments(X: Floats, W: Array, settings: Settings, start: Moments | None = None) -> Moments:
    """Moments of observed columns X (n, P) under case weights W (B, n), as the fit was asked to take them.

    Polychoric correlations stand beside the means and standard deviations of the answers themselves, so that an index keeps
    its points.
    """
    m = moments(X, W, settings.missing, start)
    if settings.correlation == "pearson":
        return m
    if settings.missing == "listwise":
        whole = ~np.isnan(X).any(axis=1)
        X, W = X[whole], W[:, whole]
    return Moments(m.n, m.mean, polychoric_correlations(X, W) * m.sd[:, :, None] * m.sd[:, None, :])


@dataclass(frozen=True, slots=True, eq=False)
class Maps:
    """How the columns of a stage follow from the base columns: X linear + offset, with linear (B, P, p), offset (B, p)."""

    linear: Array
    offset: Array

    def part(self, replicates: slice | NDArray[np.bool_]) -> "Maps":
        """The maps of some of the replicates."""
        return Maps(self.linear[replicates], self.offset[replicates])

    def applied(self, base: Array) -> Array:
        """Columns (..., p) of base rows (..., P), by the first map of the batch."""
        return np.asarray(base @ self.linear[0] + self.offset[0])


@dataclass(frozen=True, slots=True, eq=False)
class Staged:
    """A stage's estimates for a batch, and how its columns came about; no maps where they are the base columns."""

    batch: Batch
    maps: Maps | None


def layout_of(model: Model) -> Layout:
    """The arrays that stand for a model of one stage in the kernel."""
    position = {name: j for j, name in enumerate(model.names)}
    adjacency = np.zeros((len(position), len(position)), dtype=bool)
    for cause, effects in model.paths.items():
        adjacency[position[cause], [position[e] for e in effects]] = True
    known = [np.nan if c.reliability is None else c.reliability for c in model.constructs]
    return Layout(
        block=np.repeat(np.arange(len(position)), [len(c.items) for c in model.constructs]),
        mode_b=np.array([c.mode == "B" for c in model.constructs]),
        factor=np.array([c.kind == "factor" for c in model.constructs]),
        adjacency=adjacency,
        reliability=np.array(known) if np.isfinite(known).any() else None,
    )


def fixed_weights(model: Model, sd: Array) -> Array | None:
    """(B, p) weights for standardised items in blocks that are not estimated, NaN in the others; None if all are free."""
    if all(c.is_free for c in model.constructs):
        return None
    columns: list[Array] = []
    for construct in model.constructs:
        place = slice(len(columns), len(columns) + len(construct.items))
        if construct.weights is not None:
            columns += list((np.array(construct.weights) * sd[:, place]).T)
        else:
            columns += [np.full(len(sd), np.nan if construct.is_free else 1.0)] * len(construct.items)
    return np.stack(columns, axis=1)


def estimate_stages(
    stages: Sequence[Stage],
    cases: Cases,
    base: Moments,
    settings: Settings,
    references: Sequence[Array] | None = None,
) -> list[Staged]:
    """All stages under a batch of base moments; `references` are the weights of a fit, stage by stage, for orientation."""
    done: list[Staged] = []
    for number, stage in enumerate(stages):
        previous = done[-1] if done else None
        maps = None if _is_base(stage, cases) else _maps(stage, cases, base, previous)
        m = base if maps is None else base.mapped(maps.linear, maps.offset)
        layout = layout_of(stage.model)
        e = estimate(
            m.correlation,
            layout,
            settings.scheme,
            settings.tolerance,
            settings.max_iterations,
            None if references is None else references[number],
            fixed_weights(stage.model, m.sd),
        )
        low, high = _ends(stage, cases, previous)
        done.append(Staged(Batch(stage.model, layout, m, e, low, high), maps))
    return done


def stage_cases(stage: Staged, cases: Cases, filled: Array) -> Cases:
    """The cases as a stage sees them: its own columns, with the gaps of the observed ones left open."""
    if stage.maps is None:
        return cases
    X = stage.maps.applied(filled)
    for q, column in enumerate(stage.maps.linear[0].T):
        sources = np.flatnonzero(column)
        if len(sources) == 1 and column[sources[0]] == 1:
            X[np.isnan(cases.answers[:, sources[0]]), q] = np.nan
    batch = stage.batch
    return Cases(X, cases.weights, batch.low, batch.high, batch.model.items, cases.survey, cases.sample)


def _is_base(stage: Stage, cases: Cases) -> bool:
    return stage.is_plain and tuple(c.item for c in stage.columns if isinstance(c, Observed)) == cases.items


def _ends(stage: Stage, cases: Cases, previous: Staged | None) -> tuple[Array, Array]:
    """Scale ends of the columns: an item's own, 0-100 for a score in points, NaN for a product."""
    place = {item: i for i, item in enumerate(cases.items)}
    before = {item: i for i, item in enumerate(previous.batch.model.items)} if previous is not None else {}
    ends = np.full((2, len(stage.columns)), np.nan)
    for q, column in enumerate(stage.columns):
        if isinstance(column, Observed):
            ends[:, q] = cases.low[place[column.item]], cases.high[place[column.item]]
        elif isinstance(column, Carried) and previous is not None:
            ends[:, q] = previous.batch.low[before[column.item]], previous.batch.high[before[column.item]]
        elif isinstance(column, Score) and previous is not None:
            block = previous.batch.layout.slices[previous.batch.model.names.index(column.construct)]
            if np.isfinite(previous.batch.low[block]).all():
                ends[:, q] = 0.0, 100.0
    return ends[0], ends[1]


def _maps(stage: Stage, cases: Cases, base: Moments, previous: Staged | None) -> Maps:
    builder = _MapBuilder(cases, base, previous)
    columns = [builder.column(column) for column in stage.columns]
    return Maps(np.stack([c[0] for c in columns], axis=-1), np.stack([c[1] for c in columns], axis=-1))


class _MapBuilder:
    """Coefficients (B, P) and offset (B,) of one column after the other."""

    def __init__(self, cases: Cases, base: Moments, previous: Staged | None) -> None:
        self.base = base
        self.place = {item: i for i, item in enumerate(cases.items)}
        self.shift = base.mean - np.where(np.isfinite(centre := cases.centre), centre, 0.0)
        self.previous = previous

    def column(self, column: Column) -> tuple[Array, Array]:
        none = np.zeros(len(self.base.mean))
        if isinstance(column, Observed):
            return self._item(column.item, 1.0), none
        if isinstance(column, ItemProduct):
            return self._item_product(column), none
        if isinstance(column, ScoreProduct):
            return self._product(self._score(column.left), self._score(column.right)), none
        if isinstance(column, Carried):
            staged = self._before()
            q = staged.batch.model.items.index(column.item)
            if staged.maps is None:
                return self._item(column.item, 1.0), none
            return staged.maps.linear[:, :, q], staged.maps.offset[:, q]
        return self._level(column.construct)

    def _before(self) -> Staged:
        if self.previous is None:
            raise ValueError("the first stage has no scores to build on")
        return self.previous

    def _item(self, item: str, value: Array | float) -> Array:
        coefficients = np.zeros(self.base.mean.shape)
        coefficients[:, self.place[item]] = value
        return coefficients

    def _from_block(self, construct: str, weights: Array) -> tuple[Array, Array]:
        """The weighted sum of a construct's columns, traced back to the base columns."""
        staged = self._before()
        block = staged.batch.layout.slices[staged.batch.model.names.index(construct)]
        if staged.maps is not None:
            maps = staged.maps
            linear = np.einsum("bpq,bq->bp", maps.linear[:, :, block], weights[:, block])
            return linear, np.einsum("bq,bq->b", maps.offset[:, block], weights[:, block])
        linear = np.zeros(self.base.mean.shape)
        linear[:, [self.place[item] for item in staged.batch.model.items[block]]] = weights[:, block]
        return linear, np.zeros(len(linear))

    def _score(self, construct: str) -> Array:
        """Coefficients of the standardised score, but for its offset."""
        batch = self._before().batch
        with np.errstate(invalid="ignore", divide="ignore"):
            return self._from_block(construct, batch.estimates.weights / batch.moments.sd)[0]

    def _level(self, construct: str) -> tuple[Array, Array]:
        """The score in points where the scale ends are known (so that levels stay levels), standardised otherwise."""
        batch = self._before().batch
        block = batch.layout.slices[batch.model.names.index(construct)]
        if not np.isfinite(batch.low[block]).all():
            score = self._score(construct)
            return score, -np.einsum("bp,bp->b", score, self.base.mean)
        with np.errstate(invalid="ignore", divide="ignore"):
            u, _ = importance.unit_weights(
                batch.estimates.weights, batch.moments.sd, batch.low, batch.high, batch.layout
            )
            per_unit = 100 * u / (batch.high - batch.low)
        linear, offset = self._from_block(construct, per_unit)
        return linear, offset - (per_unit * batch.low)[:, block].sum(axis=1)

    def _product(self, a: Array, b: Array) -> Array:
        """Coefficients of (a'x - its mean)(b'x - its mean) in the items and their products about the centre."""
        coefficients = np.zeros(self.base.mean.shape)
        away_a, away_b = (np.einsum("bp,bp->b", each, self.shift) for each in (a, b))
        for i in np.flatnonzero((a != 0).any(axis=0)):
            for k in np.flatnonzero((b != 0).any(axis=0)):
                coefficients[:, self._place_of_product(int(i), int(k))] += a[:, i] * b[:, k]
        return np.asarray(coefficients - b * away_a[:, None] - a * away_b[:, None])

    def _place_of_product(self, i: int, k: int) -> int:
        items = list(self.place)
        return self.place[f"{items[min(i, k)]}*{items[max(i, k)]}"]

    def _item_product(self, column: ItemProduct) -> Array:
        with np.errstate(invalid="ignore", divide="ignore"):
            one = 1 / self.base.sd
        product = self._product(*(self._item(item, one[:, self.place[item]]) for item in (column.left, column.right)))
        if not column.without:
            return product
        on = np.array([self.place[item] for item in column.without])
        slope = np.linalg.solve(
            self.base.cov[:, on[:, None], on], np.einsum("bpq,bq->bp", self.base.cov[:, on], product)[..., None]
        )
        product[:, on] -= slope[..., 0]
        return product
