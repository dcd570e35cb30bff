"""Names for people: of constructs, items, segments and behaviours, in the language of the report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from csi.survey.codebook import Codebook, Wording
from csi.words import WORDS, knows, say

_PRESET = [code.removeprefix("construct.") for code in WORDS if code.startswith("construct.")]
_PAIR = " ~ "


@dataclass(frozen=True, slots=True)
class Labels:
    """Looks a name up in the codebook, then in what a frame carries, then among the package's own words.

    A name nobody knows stays as it is.
    """

    language: str = "en"
    codebook: Codebook | None = None
    carried: Mapping[str, Mapping[str, Mapping[str, str]]] = field(default_factory=dict)

    def knowing(self, attrs: Mapping[Any, Any]) -> "Labels":
        """The same, and what the `attrs` of a frame say of its constructs and items."""
        return replace(self, carried={kind: attrs[kind] for kind in ("constructs", "items") if kind in attrs})

    def construct(self, name: str) -> str:
        """A construct's name."""
        own = self.codebook.constructs.get(name, Wording()) if self.codebook else Wording()
        known = say(f"construct.{name}", self.language) if knows(f"construct.{name}") else name
        return own.text(self.language, self._carried("constructs", name).text(self.language, known))

    def item(self, name: str) -> str:
        """An item's wording."""
        known = self._carried("items", name).text(self.language, name)
        if self.codebook and any(item.name == name for item in self.codebook.items):
            return self.codebook.item(name).wording.text(self.language, known)
        return known

    def term(self, name: str) -> str:
        """What a finding is about: a construct, an item, the whole model, 'A → B' along a path, 'A – B' for a pair."""
        if " -> " in name:
            return " → ".join(self.term(end) for end in name.split(" -> "))
        pair = name.split(_PAIR)
        if len(pair) == 2 and not any(" " in end for end in pair):
            return " – ".join(self.term(end) for end in self._in_order(pair))
        if knows(f"term.{name}"):
            return say(f"term.{name}", self.language)
        return self.item(name) if self.item(name) != name else self.construct(name)

    def segment(self, name: str) -> str:
        """A segment's name."""
        return self.codebook.segment(name).wording.text(self.language, name) if self.codebook else name

    def level(self, segment: str, level: str) -> str:
        """A segment level's name."""
        return self.codebook.segment(segment).label(level, self.language) if self.codebook else level

    def _carried(self, kind: str, name: str) -> Wording:
        return Wording(**self.carried.get(kind, {}).get(name, {}))

    def _in_order(self, pair: list[str]) -> Sequence[str]:
        """Two constructs as the model orders them, so that every table has one name for the pair; others as they come."""
        tagged = [item.construct for item in self.codebook.items if item.construct] if self.codebook else []
        for order in (list(self.carried.get("constructs", ())), list(dict.fromkeys(tagged)), _PRESET):
            if set(pair) <= set(order):
                return sorted(pair, key=order.index)
        return pair
