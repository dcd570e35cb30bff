"""Outer weights of partial least squares path models, for a batch of correlation matrices.

Notation
    R      (B, p, p)  item correlations
    w      (B, p)     outer weights for standardised items, scaled so that every construct score has unit variance
    C      (B, J, J)  correlations of the construct scores
    block  (p,)       number of the construct that each item belongs to; items of a construct stand together
    adjacency (J, J)  adjacency[j, k] is True where construct j has a path to construct k
The algorithm is Wold's (1982) as set out by Lohmoeller (1989) and Tenenhaus et al. (2005); it needs the correlations
only, never the cases. Inside, the batch axis is last so that every step is one long vector operation.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from csi.kernel.small_matrices import Array, ldl, solve

Scheme = Literal["path", "factorial", "centroid"]


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """The model as arrays: which item belongs where, how each block is weighted, which constructs are tied.

    Parameters
    ----------
    block
        (p,) construct number of each item, ascending.
    mode_b
        (J,) True where the block's weights are regression weights.
    factor
        (J,) True where the construct is a common factor (consistent PLS).
    adjacency
        (J, J) boolean, strictly upper triangular after a topological sort (no cycles).
    reliability
        (J,) reliability that a factor's single item is known to have; NaN, or None for all, where nothing is known.
    """

    block: NDArray[np.intp]
    mode_b: NDArray[np.bool_]
    factor: NDArray[np.bool_]
    adjacency: NDArray[np.bool_]
    reliability: Array | None = None

    @property
    def starts(self) -> NDArray[np.intp]:
        """(J,) position of each construct's first item."""
        return np.searchsorted(self.block, np.arange(len(self.mode_b)))

    @property
    def sizes(self) -> NDArray[np.intp]:
        """(J,) number of items of each construct."""
        return np.bincount(self.block, minlength=len(self.mode_b))

    @property
    def slices(self) -> list[slice]:
        """One slice of the item axis per construct."""
        return [slice(s, s + m) for s, m in zip(self.starts, self.sizes, strict=True)]

    def predecessors(self, k: int) -> NDArray[np.intp]:
        """Numbers of the constructs with a path to construct k."""
        return np.flatnonzero(self.adjacency[:, k])

    @property
    def order(self) -> list[int]:
        """Construct numbers, causes before effects."""
        done: list[int] = []
        waiting = list(range(len(self.mode_b)))
        while waiting:
            ready = [k for k in waiting if all(j in done for j in self.predecessors(k))]
            done += ready
            waiting = [k for k in waiting if k not in ready]
        return done


@dataclass(frozen=True, slots=True, eq=False)
class OuterWeights:
    """Weights (B, p), iterations used (B,), whether they sufficed (B,), and if not, whether two solutions alternate (B,)."""

    weights: Array
    iterations: NDArray[np.intp]
    converged: NDArray[np.bool_]
    oscillating: NDArray[np.bool_]


def outer_weights(
    R: Array,
    layout: Layout,
    scheme: Scheme = "path",
    tolerance: float = 1e-7,
    max_iterations: int = 300,
    reference: Array | None = None,
    fixed: Array | None = None,
) -> OuterWeights:
    """Iterate until no outer weight changes by more than `tolerance`; replicates stop one by one, each on its own.

    `reference` (p,), the weights of the full sample, orients each construct so that its score agrees with the score
    that the reference weights give; without it the sum of a construct's loadings is positive. `fixed` (B, p) holds weights for
    standardised items that are only rescaled, NaN in blocks that are free.
    """
    B, p = R.shape[:2]
    batch = _Running.start(R, layout, fixed)
    final = np.full((p, B), np.nan)
    iterations = np.zeros(B, dtype=np.intp)
    running = np.ones(B, dtype=bool)
    oscillating = np.zeros(B, dtype=bool)
    with np.errstate(invalid="ignore", divide="ignore"):
        for step in range(1, max_iterations + 1):
            new, X = batch.updated(layout, scheme)
            change = np.abs(new - batch.w).max(axis=0)
            settled = running & ~(change > tolerance)  # NaN stops too, and stays NaN
            batch.before, batch.w, batch.X, back = batch.w, new, X, batch.before
            iterations[batch.place[running]] = step
            final[:, batch.place[settled]] = new[:, settled]
            running &= ~settled
            if not running.any():
                break
            if step == max_iterations:
                # Two solutions take turns where a step leads back to where the one before it started.
                oscillating[batch.place[running]] = (np.abs(new - back).max(axis=0) < 0.1 * change)[running]
            elif running.mean() < 0.5:  # copying the batch pays only when much of it is done
                batch.keep(running)
                running = np.ones(len(batch.place), dtype=bool)
    unsettled = batch.place[running]
    final[:, unsettled] = batch.w[:, running]
    converged = np.isfinite(final).all(axis=0)
    converged[unsettled] = False
    return OuterWeights(_orient(final, R, layout, reference), iterations, converged, oscillating)


@dataclass(slots=True, eq=False)
class _Running:
    """The replicates that are still carried along, batch last; `place` says which each of them is."""

    place: NDArray[np.intp]
    S: Array  # (p, p, B) correlations
    factors: dict[int, Array]  # of the Mode B blocks
    held: Array | None  # (p, B) fixed weights, NaN where free
    w: Array  # (p, B)
    before: Array  # (p, B) weights one step ago
    X: Array  # (p, J, B) item-construct correlations under w
    blocks: list[slice]

    @classmethod
    def start(cls, R: Array, layout: Layout, fixed: Array | None) -> "_Running":
        S = np.ascontiguousarray(np.moveaxis(R, 0, -1))
        blocks = layout.slices
        factors = {j: ldl(S[b, b]) for j, b in enumerate(blocks) if layout.mode_b[j] and layout.sizes[j] > 1}
        held = None if fixed is None else np.ascontiguousarray(np.broadcast_to(fixed, R.shape[:2]).T)
        ones = np.ones((len(S), S.shape[-1]))
        w, X = _unit_variance(ones if held is None else np.where(np.isnan(held), ones, held), S, blocks)
        return cls(np.arange(S.shape[-1]), S, factors, held, w, w, X, blocks)

    def updated(self, layout: Layout, scheme: Scheme) -> tuple[Array, Array]:
        """One step: the next weights and the item-construct correlations that go with them."""
        new = _update(self.w, self.X, layout, self.blocks, scheme, self.factors)
        if self.held is not None:
            new = np.where(np.isnan(self.held), new, self.held)
        return _unit_variance(new, self.S, self.blocks)

    def keep(self, kept: NDArray[np.bool_]) -> None:
        """Let go of all other replicates."""
        self.place, self.S = self.place[kept], self.S[:, :, kept]
        self.w, self.before, self.X = self.w[:, kept], self.before[:, kept], self.X[:, :, kept]
        self.factors = {j: L[:, :, kept] for j, L in self.factors.items()}
        self.held = None if self.held is None else self.held[:, kept]


def _unit_variance(w: Array, S: Array, blocks: list[slice]) -> tuple[Array, Array]:
    """The weights rescaled to scores of unit variance, and the item-construct correlations that go with them."""
    X = item_construct_correlations(w, S, blocks)
    scaled = np.empty_like(w)
    for j, b in enumerate(blocks):
        sd = np.sqrt(np.einsum("ib,ib->b", w[b], X[b, j]))
        scaled[b] = w[b] / sd
        X[:, j] /= sd
    return scaled, X


def item_construct_correlations(w: Array, S: Array, blocks: list[slice]) -> Array:
    """(p, J, B) correlation of every item with every construct score; batch last."""
    X = np.empty((len(w), len(blocks), w.shape[1]))
    for j, b in enumerate(blocks):
        np.einsum("ikb,kb->ib", S[:, b], w[b], out=X[:, j])
    return X


def score_correlations(w: Array, X: Array, blocks: list[slice]) -> Array:
    """(J, J, B) correlations of the construct scores, from the item-construct correlations X; batch last."""
    return np.stack([np.einsum("ib,ijb->jb", w[b], X[b]) for b in blocks], axis=0)


def _update(
    w: Array, X: Array, layout: Layout, blocks: list[slice], scheme: Scheme, factors: dict[int, Array]
) -> Array:
    """One step: inner weights from the score correlations, then new outer weights from the inner proxies."""
    E = _inner_weights(score_correlations(w, X, blocks), layout, scheme)
    new = np.empty_like(w)
    for j, b in enumerate(blocks):
        proxy = np.einsum("ikb,kb->ib", X[b], E[j])  # correlation of the items with the inner proxy
        new[b] = solve(factors[j], proxy) if j in factors else proxy
    return new


def _inner_weights(C: Array, layout: Layout, scheme: Scheme) -> Array:
    """(J, J, B): row j holds the weights with which construct j's neighbours form its inner proxy, 0 for all others."""
    tied = (layout.adjacency | layout.adjacency.T)[:, :, None]
    if scheme == "centroid":
        return np.sign(C) * tied
    E = C * tied
    if scheme == "path":  # correlations with effects, regression weights of causes; of one cause both are the same
        for k in range(len(C)):
            causes = layout.predecessors(k)
            if len(causes) > 1:
                E[k, causes] = solve(ldl(C[np.ix_(causes, causes)]), C[causes, k])
    return E


def _orient(w: Array, R: Array, layout: Layout, reference: Array | None) -> Array:
    """(B, p) weights with each construct's sign settled."""
    W = w.T.copy()
    for b in layout.slices:
        target = R[:, b, b].sum(axis=-1) if reference is None else np.einsum("bik,k->bi", R[:, b, b], reference[b])
        agreement = np.einsum("bi,bi->b", W[:, b], target)
        W[:, b] *= np.where(agreement < 0, -1.0, 1.0)[:, None]
    return W
