"""A model of higher-order constructs and interactions as a row of plain models, each on columns that the one before defines.

Every column is a linear combination of observed items and of products of two observed items, so that each stage needs moments
only and can be repeated in every replicate.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from csi.model.construct import Construct
from csi.model.model import Model


@dataclass(frozen=True, slots=True)
class Observed:
    """An observed item."""

    item: str


@dataclass(frozen=True, slots=True)
class Carried:
    """A column of the stage before, as it was."""

    item: str


@dataclass(frozen=True, slots=True)
class Score:
    """The score of a construct of the stage before."""

    construct: str


@dataclass(frozen=True, slots=True)
class ScoreProduct:
    """The product of two constructs' standardised scores, as the stage before gives them."""

    left: str
    right: str


@dataclass(frozen=True, slots=True)
class ItemProduct:
    """The product of two standardised items, freed of what the items in `without` explain of it."""

    left: str
    right: str
    without: tuple[str, ...] = ()


Column = Observed | Carried | Score | ScoreProduct | ItemProduct


@dataclass(frozen=True, slots=True)
class Stage:
    """A plain model and what its items are: one column for each of `model.items`."""

    model: Model
    columns: tuple[Column, ...]

    @property
    def is_plain(self) -> bool:
        """Whether every column is an observed item, each once."""
        items = [column.item for column in self.columns if isinstance(column, Observed)]
        return len(items) == len(set(items)) == len(self.columns)


def stages_of(model: Model) -> tuple[Stage, ...]:
    """The stages in which a model is estimated; a plain model is its own and only stage.

    >>> parts = [Construct("Core", ["q1", "q2"]), Construct("Service", ["q3", "q4"])]
    >>> model = Model([*parts, Construct("Quality", ["Core", "Service"]), Construct("Satisfaction", ["s1"])],
    ...               {"Quality": ["Satisfaction"]})
    >>> [stage.model.names for stage in stages_of(model)]
    [('Core', 'Service', 'Satisfaction'), ('Quality', 'Satisfaction')]
    """
    direct = {cause: effects for cause, effects in model.paths.items() if cause not in model.products}
    stages = _of_constructs(model, direct)
    if not model.products:
        return stages
    last = stages[-1]
    if model.interactions == "two_stage":
        carried = tuple(
            c if isinstance(c, Observed) else Carried(i) for c, i in zip(last.columns, last.model.items, strict=True)
        )
        return (*stages, _with_products(model, Stage(last.model, carried)))
    return (*stages[:-1], _with_products(model, last))


def observed_items(model: Model) -> tuple[str, ...]:
    """The items that were asked, each once, in the model's order."""
    return tuple(dict.fromkeys(item for c in model.constructs if not model.dimensions(c.name) for item in c.items))


def item_products(model: Model) -> tuple[tuple[str, str], ...]:
    """Pairs of observed items whose products the model's interactions need, each once."""
    place = {item: i for i, item in enumerate(observed_items(model))}
    pairs = {
        tuple(sorted((i, k), key=place.__getitem__))
        for left, right in model.products.values()
        for i in _leaves(model, left)
        for k in _leaves(model, right)
    }
    return tuple((i, k) for i, k in sorted(pairs, key=lambda pair: (place[pair[0]], place[pair[1]])))


def _leaves(model: Model, name: str) -> tuple[str, ...]:
    dimensions = model.dimensions(name)
    return tuple(i for d in dimensions for i in _leaves(model, d)) if dimensions else tuple(model.construct(name).items)


def _depth(model: Model, name: str) -> int:
    return max((1 + _depth(model, dimension) for dimension in model.dimensions(name)), default=0)


def _of_constructs(model: Model, paths: Mapping[str, Sequence[str]]) -> tuple[Stage, ...]:
    """The stages that higher-order constructs need, without interactions."""
    depth = max(_depth(model, name) for name in model.names)
    if not depth:
        items = [item for c in model.constructs for item in c.items]
        return (Stage(Model(model.constructs, paths, model.notes), tuple(Observed(item) for item in items)),)
    if model.higher_order == "two_stage":
        return tuple(_substituted(model, paths, level) for level in range(depth + 1))
    repeated = _repeated(model, paths)
    return (repeated,) if model.higher_order == "repeated" else (repeated, _of_scores(model, paths))


def _substituted(model: Model, paths: Mapping[str, Sequence[str]], level: int) -> Stage:
    """Constructs up to an order, those of higher order replaced by their dimensions in every path."""

    def standing_for(name: str) -> tuple[str, ...]:
        if _depth(model, name) <= level:
            return (name,)
        return tuple(s for dimension in model.dimensions(name) for s in standing_for(dimension))

    replaced: dict[str, list[str]] = {}
    for cause, effects in paths.items():
        for each in standing_for(cause):
            replaced.setdefault(each, []).extend(s for effect in effects for s in standing_for(effect))
    named = [s for name in _top(model) for s in standing_for(name)]
    constructs = [model.construct(name) for name in model.names if name in named]
    columns: list[Column] = []
    for construct in constructs:
        depth = _depth(model, construct.name)
        kind = Observed if not depth else Score if depth == level else Carried
        columns += [kind(item) for item in construct.items]
    return Stage(Model(constructs, replaced, model.notes), tuple(columns))


def _top(model: Model) -> list[str]:
    """Constructs that are no other's dimension."""
    owned = {dimension for name in model.names for dimension in model.dimensions(name)}
    return [name for name in model.names if name not in owned]


def _repeated(model: Model, paths: Mapping[str, Sequence[str]]) -> Stage:
    """Higher-order constructs measured by all items of their dimensions once more.

    Under Mode A the construct shows itself in its dimensions, under Mode B it is formed by them.
    """
    constructs, columns, tied = [], list[Column](), {cause: list(effects) for cause, effects in paths.items()}
    for construct in model.constructs:
        leaves = _leaves(model, construct.name)
        dimensions = model.dimensions(construct.name)
        items = [f"{item} ({construct.name})" for item in leaves] if dimensions else list(construct.items)
        constructs.append(
            Construct(construct.name, items, construct.kind, construct.mode, None if dimensions else construct.weights)
        )
        columns += [Observed(item) for item in leaves]
        for dimension in dimensions:
            cause, effect = (construct.name, dimension) if construct.mode != "B" else (dimension, construct.name)
            tied.setdefault(cause, []).append(effect)
    return Stage(Model(constructs, tied, model.notes), tuple(columns))


def _of_scores(model: Model, paths: Mapping[str, Sequence[str]]) -> Stage:
    """Every construct measured by scores: its dimensions' or its own."""
    constructs, columns = [], list[Column]()
    for name in _top(model):
        construct = model.construct(name)
        items = model.dimensions(name) or (name,)
        constructs.append(
            Construct(name, items, construct.kind, construct.mode)
            if model.dimensions(name)
            else Construct(name, items, "observed" if construct.kind == "observed" else "composite")
        )
        columns += [Score(item) for item in items]
    return Stage(Model(constructs, paths, model.notes), tuple(columns))


def _with_products(model: Model, last: Stage) -> Stage:
    """The last stage with a construct for each interaction."""
    constructs, columns = list(last.model.constructs), list(last.columns)
    for product, parts in model.products.items():
        named = list(_product_columns(model, product, *parts))
        constructs.append(Construct(product, [name for name, _ in named]))
        columns += [column for _, column in named]
    effects = {product: model.paths[product] for product in model.products}
    return Stage(Model(constructs, {**last.model.paths, **effects}, model.notes), tuple(columns))


def _product_columns(model: Model, product: str, left: str, right: str) -> Iterator[tuple[str, Column]]:
    if model.interactions == "two_stage":
        yield product, ScoreProduct(left, right)
        return
    ours, theirs = model.construct(left).items, model.construct(right).items
    without = tuple(dict.fromkeys((*ours, *theirs))) if model.interactions == "orthogonal" else ()
    for a, i in enumerate(ours):
        for k in theirs[a:] if left == right else theirs:
            yield f"{i}*{k}", ItemProduct(i, k, without)
