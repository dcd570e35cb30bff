"""The structural model: constructs and directed paths, checked at birth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from types import MappingProxyType

import pandas as pd

from csi.display import Result
from csi.errors import ModelError, known_names
from csi.model.construct import Construct, Mode
from csi.model.syntax import parse
from csi.words import knows, say


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
        Cause -> its effects.
    notes
        What was left out when the model was made from a preset.

    Raises
    ------
    ModelError
        A name is unknown or used twice, an item stands in two constructs, a path leads from a construct to itself,
        the paths run in a circle, or a construct has no path at all.

    >>> model = Model([Construct("Quality", ["q1", "q2"]), Construct("Satisfaction", ["s1"])],
    ...               {"Quality": ["Satisfaction"]})
    >>> model.order
    ('Quality', 'Satisfaction')
    """

    constructs: Sequence[Construct]
    paths: Mapping[str, Sequence[str]]
    notes: Sequence[Note] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "constructs", tuple(self.constructs))
        frozen = {cause: tuple(effects) for cause, effects in self.paths.items() if len(effects)}
        object.__setattr__(self, "paths", MappingProxyType(frozen))
        object.__setattr__(self, "notes", tuple(self.notes))
        self._check_constructs()
        self._check_paths()

    @classmethod
    def parse(cls, text: str, *, composite_mode: Mode = "A") -> "Model":
        """Read a model in the syntax of lavaan and cSEM: `<~` composite, `=~` common factor, `~` regression.

        cSEM reads `<~` as Mode B; here composites are Mode A unless `composite_mode="B"`.

        >>> model = Model.parse("Quality <~ q1 + q2; Satisfaction =~ s1 + s2; Satisfaction ~ Quality")
        >>> [c.kind for c in model.constructs], dict(model.paths)
        (['composite', 'factor'], {'Quality': ('Satisfaction',)})
        """
        return cls(*parse(text, composite_mode))

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

    def _check_paths(self) -> None:
        for cause, effects in self.paths.items():
            for end in (cause, *effects):
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
        alone = [n for n in self.names if n not in tied]
        if alone:
            raise ModelError(f"construct {alone[0]!r} has no path to or from any other; its weights have no meaning.")
