"""The nodes of the panorama: how indicators make up the index, in the view of the model or in one whose weights are given.

Every node's level is a weighted sum of item levels in points. In the model's view the weights are those of the fit, each
replicate has its own, and the target construct is the index: its items are its parts, the constructs that act on it its drivers
(weight: the unstandardised path in points per point), the others stand beside. A given view has fixed weights: its inner nodes
are weighted means of their children, down to items or to constructs of the model, which keep the model's outer weights.

Notation: V nodes, p items, R rulers: 1 where all weights are fixed, else 1 + B, the estimate followed by the replicates.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

import numpy as np
from numpy.typing import NDArray

from csi.errors import ModelError, known_names
from csi.index.score import ruler
from csi.kernel import importance
from csi.kernel.small_matrices import Array
from csi.structural.estimation import Fit
from csi.structural.inference import Bootstrap
from csi.structural.quantities import Batch

View = Mapping[str, Mapping[str, float]]
MODEL = "model"
PART, DRIVER, BESIDE = "part", "driver", "beside"


@dataclass(frozen=True, slots=True, eq=False)
class Nodes:
    """The nodes of one view, each after its parent.

    Attributes
    ----------
    names, kinds
        (V,) and "index", "construct" or "item".
    parents
        (V,) number of the parent, -1 for the root.
    roles
        (V,) what a node is to its parent: "part", "driver" or "beside".
    weights
        (R, V) of the node in its parent (points per point for a driver); NaN beside.
    composition
        (R, V, p) weights of the items in the node's level.
    """

    view: str
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    parents: NDArray[np.intp]
    roles: tuple[str, ...]
    weights: Array
    composition: Array

    def levels(self, items: Array) -> Array:
        """(1 + B, S, V) levels of the nodes from those of the items (1 + B, S, p); NaN where an item of the node is."""
        gaps = np.isnan(items)
        known = np.where(gaps, 0.0, items)
        if len(self.composition) == 1:  # then one large product does
            flat = known.reshape(-1, known.shape[-1]) @ self.composition[0].T
            levels = flat.reshape(*known.shape[:2], -1)
        else:
            levels = known @ np.swapaxes(self.composition, 1, 2)
        if gaps.any():
            uses = (self.composition[0] != 0).T.astype(np.float32)
            levels[gaps.astype(np.float32) @ uses > 0] = np.nan
        return np.asarray(levels)

    def children(self, node: int) -> list[int]:
        """The numbers of a node's children."""
        return [int(child) for child in np.flatnonzero(self.parents == node)]

    def number(self, name: str) -> int:
        """The node of that name.

        Raises
        ------
        ModelError
            The view has no such node.
        """
        if name not in self.names:
            known = known_names(name, self.names, "Its nodes are")
            raise ModelError(f"the view {self.view!r} has no node {name!r}. {known}")
        return self.names.index(name)


@dataclass(slots=True)
class _Growing:
    """Nodes as they are added, parents first; a fixed weight is one number, an estimated one (1 + B,)."""

    names: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    roles: list[str] = field(default_factory=list)
    weights: list[Array] = field(default_factory=list)

    def add(self, name: str, kind: str, parent: str | None, role: str = PART, weight: Array | float = 1.0) -> None:
        self.names.append(name)
        self.kinds.append(kind)
        self.parents.append(-1 if parent is None else self.names.index(parent))
        self.roles.append(role)
        self.weights.append(np.atleast_1d(np.asarray(weight, dtype=float)))

    def grown(self, view: str, items: tuple[str, ...]) -> Nodes:
        """The compositions follow from the leaves up."""
        weights = np.stack(np.broadcast_arrays(*self.weights), axis=1)
        composition = np.zeros((len(weights), len(self.names), len(items)))
        for node in reversed(range(len(self.names))):
            if node not in self.parents and self.names[node] in items:
                composition[:, node, items.index(self.names[node])] = 1.0
            if self.roles[node] == PART and self.parents[node] >= 0:
                composition[:, self.parents[node]] += weights[:, node, None] * composition[:, node]
        parents = np.array(self.parents, dtype=np.intp)
        return Nodes(view, tuple(self.names), tuple(self.kinds), parents, tuple(self.roles), weights, composition)


def model_nodes(source: Fit | Bootstrap, target: str) -> Nodes:
    """The model's own view: the target construct, its items, and the other constructs with theirs."""
    fit = source if isinstance(source, Fit) else source.fit
    model, paths = fit.model, _paths_in_points(source)
    u, j = _rulers(source), model.names.index(target)
    growing = _Growing()
    growing.add(target, "index", None)
    _add_items(growing, fit, target, u)
    causes, ancestors = model.causes(target), model.ancestors(target)
    for k, name in enumerate(model.names):
        if name == target or model.constructs[k].kind == "observed" or name in fit.origin.model.products:
            continue
        role = DRIVER if name in ancestors else BESIDE
        growing.add(name, "construct", target, role, paths[:, k, j] if name in causes else np.nan)
        _add_items(growing, fit, name, u)
    return growing.grown(MODEL, tuple(model.items))


def declared_nodes(name: str, view: View, items: Iterable[str], source: Fit | Bootstrap | None = None) -> Nodes:
    """A view with given weights: each parent's children and their weights, which are made to sum to 1.

    Raises
    ------
    ModelError
        A child is no node, item or construct; a node has two parents or stands in a circle; there is not one root; a weight is no
        number of 0 or more.
    """
    fit = source.fit if isinstance(source, Bootstrap) else source
    items, constructs = tuple(items), () if fit is None else fit.model.names
    root = root_of(name, view, {*items, *constructs})
    u = None if source is None else _rulers(source)
    growing = _Growing()
    waiting: list[tuple[str, str | None, float]] = [(root, None, 1.0)]
    while waiting:
        node, parent, weight = waiting.pop(0)
        kind = "index" if parent is None else "item" if node in items and node not in view else "construct"
        growing.add(node, kind, parent, PART, weight)
        if node in view:
            total = sum(view[node].values())
            waiting = [(child, node, w / total) for child, w in view[node].items()] + waiting
        elif fit is not None and u is not None and kind != "item":
            _add_items(growing, fit, node, u)
    return growing.grown(name, items)


def _rulers(source: Fit | Bootstrap) -> Array:
    """(1 + B, p) outer weights in points, the estimate first."""
    return ruler(source) if isinstance(source, Fit) else np.concatenate([ruler(source.fit), ruler(source)])


def _paths_in_points(source: Fit | Bootstrap) -> Array:
    """(1 + B, J, J) unstandardised direct effects, points of the column construct per point of the row construct."""

    def of(batch: Batch) -> Array:
        e = batch.estimates
        _, sd = importance.unit_weights(e.weights, batch.moments.sd, batch.low, batch.high, batch.layout)
        return importance.effects_in_points(e.paths, sd, e.attenuation)

    return of(source.batch) if isinstance(source, Fit) else np.concatenate([of(source.fit.batch), of(source.batch)])


def _add_items(growing: _Growing, fit: Fit, construct: str, u: Array) -> None:
    block = fit.layout.slices[fit.model.names.index(construct)]
    for i, item in zip(range(block.start, block.stop), fit.model.items[block], strict=True):
        if item != construct:  # a construct may be called as its only item
            growing.add(item, "item", construct, PART, u[:, i])


def root_of(name: str, view: View, known: set[str]) -> str:
    """The root of a view whose leaves are `known`; a fault of the view raises ModelError."""
    parents: dict[str, str] = {}
    for parent, children in view.items():
        if not children:
            raise ModelError(f"view {name!r}: the node {parent!r} has no children. Leave it out, or name them.")
        for child, weight in children.items():
            if child not in known and child not in view:
                hint = known_names(child, sorted(known | set(view)), "Items and nodes are")
                raise ModelError(f"view {name!r}: {child!r} under {parent!r} is neither an item nor a node. {hint}")
            if child in parents:
                raise ModelError(
                    f"view {name!r}: {child!r} stands under {parents[child]!r} and {parent!r}; one parent each."
                )
            if not 0 <= weight < np.inf:
                raise ModelError(
                    f"view {name!r}: the weight of {child!r} in {parent!r} is {weight}; give a number from 0 up."
                )
            parents[child] = parent
        if not sum(children.values()) > 0:
            raise ModelError(f"view {name!r}: the weights under {parent!r} are all 0.")
    try:
        TopologicalSorter({child: [parent] for child, parent in parents.items()}).prepare()
    except CycleError as error:
        raise ModelError(f"view {name!r}: nodes stand in a circle: {' -> '.join(error.args[1])}.") from None
    roots = [parent for parent in view if parent not in parents]
    if len(roots) != 1:
        raise ModelError(f"view {name!r}: a tree has one root; this one has {', '.join(map(repr, roots)) or 'none'}.")
    return roots[0]
