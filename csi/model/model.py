"""The structural model: constructs and directed paths, checked at birth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from types import MappingProxyType
from typing import Literal, get_args

import pandas as pd

from csi.display import Result
from csi.errors import ModelError, known_names
from csi.model.construct import Construct, Mode
from csi.model.dialects import Dialect, written
from csi.model.syntax import parse
from csi.words import knows, say

HigherOrder = Literal["two_stage", "embedded", "repeated"]
Interactions = Literal["two_stage", "product", "orthogonal"]


@dataclass(frozen=True, slots=True)
class Note:
    """Something a preset could not use, as a code of `csi.words` and the codes of what it names."""

    code: str
    names: tuple[str, ...]

    def text(self, language: str = "en") -> str:
        """The note in words.

        >>> Note("model.not_asked", ("construct.Image",)).text("zh")
        '以下潜变量没有对应题项，已连同路径略去：品牌形象。'
        """
        names = (", " if language == "en" else "、").join(_word(name, language) for name in self.names)
        return say(self.code, language, names=names)


def _spaced(cause: str) -> str:
    """The name of an interaction without spaces around its sign."""
    return "*".join(part.strip() for part in cause.split("*"))


def _word(code: str, language: str) -> str:
    """The word for 'kind.name', or the name itself where there is no word."""
    return say(code, language) if knows(code) else code.partition(".")[2]


@dataclass(frozen=True, slots=True, repr=False)
class Model(Result):
    """Constructs and the paths between them.

    Parameters
    ----------
    constructs
        The constructs, in the order in which tables show them.
    paths
        Cause -> its effects. The cause "A*B" is the interaction of constructs A and B, "A*A" a quadratic term; both need the
        paths of their parts to the same effects.
    notes
        What was left out when the model was made from a preset.
    controls
        Effect -> observed columns that are held constant in its equation; each becomes a construct of kind "observed".
    higher_order
        How constructs of constructs are estimated: "two_stage" (disjoint: the dimensions take the paths first, their scores are
        the items then), "embedded" (repeated indicators first, then all scores) or "repeated" (repeated indicators alone)
        (Sarstedt et al. 2019).
    interactions
        How products are formed: "two_stage" (of first-stage scores), "product" (of standardised items) or "orthogonal" (of
        items, with what the items themselves explain taken out; Little, Bovaird & Widaman 2006).

    Raises
    ------
    ModelError
        A name is unknown or used twice, an item stands in two constructs, a path leads from a construct to itself,
        the paths run in a circle, a construct has no path at all, an interaction lacks a main effect, or a dimension of a
        higher-order construct has paths of its own.

    >>> model = Model([Construct("Quality", ["q1", "q2"]), Construct("Satisfaction", ["s1"])],
    ...               {"Quality": ["Satisfaction"]})
    >>> model.order
    ('Quality', 'Satisfaction')
    """

    constructs: Sequence[Construct]
    paths: Mapping[str, Sequence[str]]
    notes: Sequence[Note] = ()
    controls: Mapping[str, Sequence[str]] = field(default_factory=dict)
    higher_order: HigherOrder = "two_stage"
    interactions: Interactions = "two_stage"

    def __post_init__(self) -> None:
        object.__setattr__(self, "notes", tuple(self.notes))
        controls = {effect: tuple(columns) for effect, columns in self.controls.items() if len(columns)}
        object.__setattr__(self, "controls", MappingProxyType(controls))
        paths = {_spaced(cause): tuple(effects) for cause, effects in self.paths.items() if len(effects)}
        columns = list(dict.fromkeys(column for columns in controls.values() for column in columns))
        for column in columns:
            held = tuple(effect for effect in controls if column in controls[effect])
            paths[column] = (*paths.get(column, ()), *(e for e in held if e not in paths.get(column, ())))
        known = {c.name for c in self.constructs}
        observed = (Construct(column, [column], kind="observed") for column in columns if column not in known)
        object.__setattr__(self, "constructs", (*self.constructs, *observed))
        object.__setattr__(self, "paths", MappingProxyType(paths))
        self._check_choices()
        self._check_constructs()
        self._check_dimensions()
        self._check_paths()
        self._check_products()

    @classmethod
    def parse(cls, text: str, *, composite_mode: Mode = "A") -> "Model":
        """Read a model in the syntax of lavaan and cSEM: `<~` composite, `=~` common factor, `~` regression.

        cSEM reads `<~` as Mode B; here composites are Mode A unless `composite_mode="B"` or the line says so. Interactions are
        written `A:B`, `A*B` or `A.B`, and observed columns `age <~ age`. What those programs have no sign for stands in
        comments: `Quality <~ q1 + q2  #! mode = B` (see `csi.model.syntax`).

        Raises
        ------
        ModelError
            A line cannot be read, or asks for something that partial least squares does not have; the message names it.

        >>> model = Model.parse("Quality <~ q1 + q2; Satisfaction =~ s1 + s2; Satisfaction ~ Quality")
        >>> [c.kind for c in model.constructs], dict(model.paths)
        (['composite', 'factor'], {'Quality': ('Satisfaction',)})
        """
        return cls(**parse(text, composite_mode))

    def to_syntax(self, dialect: Dialect = "csi") -> str:
        """The model as text, which `Model.parse` reads as the same model when written in the dialect "csi".

        "csi" is the common syntax, with `#!` comments for what it has no sign for. "cSEM" names in a comment the arguments of
        `csem` that make the same model. "lavaan" has composites (`<~`, from lavaan 0.6-20 on) but no modes, and takes single
        items for factors without error. Notes become remarks.

        Raises
        ------
        ModelError
            The dialect cannot say a construct or interaction; the message names it and why.

        >>> print(Model.parse("Quality <~ q1 + q2; Loyalty <~ l; Loyalty ~ Quality", composite_mode="B").to_syntax())
        Quality <~ q1 + q2  #! mode = B
        Loyalty <~ l  #! mode = B
        Loyalty ~ Quality
        """
        return written(self, dialect)

    @property
    def names(self) -> tuple[str, ...]:
        """Construct names."""
        return tuple(c.name for c in self.constructs)

    @property
    def items(self) -> tuple[str, ...]:
        """Item names, construct by construct."""
        return tuple(item for c in self.constructs for item in c.items)

    @property
    def order(self) -> tuple[str, ...]:
        """Construct names, causes before effects."""
        return tuple(TopologicalSorter({name: self.causes(name) for name in self.names}).static_order())

    @property
    def products(self) -> Mapping[str, tuple[str, str]]:
        """Interaction -> the two constructs it multiplies, for the causes written "A*B"."""
        pairs = {cause: cause.partition("*") for cause in self.paths if "*" in cause and cause not in self.names}
        return {cause: (left.strip(), right.strip()) for cause, (left, _, right) in pairs.items()}

    def dimensions(self, name: str) -> tuple[str, ...]:
        """The lower-order constructs of a higher-order construct; empty for a construct of items."""
        return tuple(item for item in self.construct(name).items if item in self.names and item != name)

    def construct(self, name: str) -> Construct:
        """The construct of that name; ModelError with the known names if there is none."""
        for construct in self.constructs:
            if construct.name == name:
                return construct
        raise ModelError(f"the model has no construct {name!r}. {known_names(name, self.names, 'Its constructs are')}")

    def causes(self, name: str) -> tuple[str, ...]:
        """Constructs with a path to this one."""
        return tuple(cause for cause in self.names if name in self.paths.get(cause, ()))

    def ancestors(self, name: str) -> tuple[str, ...]:
        """Constructs with a path to this one, directly or through others."""
        found: set[str] = set()
        waiting = [name]
        while waiting:
            new = set(self.causes(waiting.pop())) - found
            found |= new
            waiting += new
        return tuple(n for n in self.names if n in found)

    def headline(self) -> list[str]:
        """Sizes, paths and notes."""
        arrows = "; ".join(f"{cause} -> {', '.join(effects)}" for cause, effects in self.paths.items())
        notes = [note.text() for note in self.notes]
        return [f"Model: {len(self.names)} constructs, {len(self.items)} items", arrows, *notes]

    def table(self) -> pd.DataFrame:
        """One row a construct: kind, mode, items, causes."""
        return pd.DataFrame(
            [(c.name, c.kind, c.mode, " ".join(c.items), " ".join(self.causes(c.name))) for c in self.constructs],
            columns=["construct", "kind", "mode", "items", "causes"],
        )

    def _check_choices(self) -> None:
        choices = (
            ("higher_order", self.higher_order, get_args(HigherOrder)),
            ("interactions", self.interactions, get_args(Interactions)),
        )
        for name, value, known in choices:
            if value not in known:
                raise ModelError(f"{name} must be one of {', '.join(map(repr, known))}, not {value!r}.")

    def _check_constructs(self) -> None:
        if not self.constructs:
            raise ModelError("a model needs constructs; none was given.")
        twice = sorted({n for n in self.names if self.names.count(n) > 1})
        if twice:
            raise ModelError(f"construct {twice[0]!r} is defined {self.names.count(twice[0])} times.")
        owner: dict[str, str] = {}
        for construct in self.constructs:
            for item in construct.items:
                if item in owner:
                    raise ModelError(
                        f"item {item!r} stands in construct {owner[item]!r} and in {construct.name!r}; "
                        "an item measures one construct."
                    )
                owner[item] = construct.name

    def _check_dimensions(self) -> None:
        tied = set(self.paths) | {effect for effects in self.paths.values() for effect in effects}
        for construct in self.constructs:
            dimensions = self.dimensions(construct.name)
            if not dimensions:
                continue
            mixed = [item for item in construct.items if item not in dimensions]
            if mixed:
                raise ModelError(
                    f"construct {construct.name!r} mixes items ({mixed[0]}) with constructs ({dimensions[0]}); a higher-order "
                    "construct consists of constructs only. Make the item a construct of its own."
                )
            for name in (construct.name, *dimensions):
                if self.construct(name).kind == "factor":
                    raise ModelError(
                        f"construct {name!r} is a common factor in the higher-order construct {construct.name!r}; the scores of "
                        "factors carry error that the second stage would not correct. Make both composites."
                    )
            with_paths = [name for name in dimensions if name in tied]
            if with_paths:
                raise ModelError(
                    f"construct {with_paths[0]!r} is a dimension of {construct.name!r} and cannot have paths of its own; give "
                    f"the path to {construct.name!r}."
                )

    def _check_paths(self) -> None:
        for cause, effects in self.paths.items():
            ends = effects if cause in self.products else (cause, *effects)
            for end in ends:
                if end not in self.names:
                    known = known_names(end, self.names, "The model's constructs are")
                    raise ModelError(
                        f"path {cause} -> {', '.join(effects)} names {end!r}, which is no construct. {known}"
                    )
            if len(set(effects)) < len(effects):
                raise ModelError(f"construct {cause!r} has a path to the same construct twice: {', '.join(effects)}.")
        try:
            self.order  # noqa: B018 - sorting is the check
        except CycleError as error:
            circle = " -> ".join(error.args[1])
            raise ModelError(f"the paths run in a circle: {circle}. Drop one of them.") from None
        tied = set(self.paths) | {e for effects in self.paths.values() for e in effects}
        tied |= {dimension for name in self.names for dimension in self.dimensions(name)}
        alone = [n for n in self.names if n not in tied]
        if alone:
            raise ModelError(
                f"construct {alone[0]!r} has no path to or from any other, and so no neighbour by which its items could be "
                "weighted. Give it a path, or leave it out of the model."
            )

    def _check_products(self) -> None:
        for product, parts in self.products.items():
            for part in parts:
                if part not in self.names:
                    known = known_names(part, self.names, "The model's constructs are")
                    raise ModelError(f"the interaction {product!r} names {part!r}, which is no construct. {known}")
                lacking = [effect for effect in self.paths[product] if effect not in self.paths.get(part, ())]
                if lacking:
                    raise ModelError(
                        f"the interaction {product!r} has an effect on {lacking[0]!r}, but {part!r} has no path to it. "
                        "Without its main effects an interaction cannot be told from them; add the path."
                    )
                if self.construct(part).kind == "factor":
                    raise ModelError(
                        f"the interaction {product!r} multiplies the common factor {part!r}; products of factor scores carry "
                        "error that is not corrected. Make it a composite."
                    )
                if self.interactions != "two_stage" and self.dimensions(part):
                    raise ModelError(
                        f"the interaction {product!r} multiplies the higher-order construct {part!r}, which has no items of its "
                        "own. Use interactions='two_stage'."
                    )
