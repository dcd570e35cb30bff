"""Names for people: of constructs, items, segments and behaviours, in the language of the report."""

from dataclasses import dataclass

from csi.survey.codebook import Codebook, Wording
from csi.words import knows, say


@dataclass(frozen=True, slots=True)
class Labels:
    """Looks a name up in the codebook, then among the package's own words; a name nobody knows stays as it is."""

    language: str = "en"
    codebook: Codebook | None = None

    def construct(self, name: str) -> str:
        """A construct's name."""
        own = self.codebook.constructs.get(name, Wording()) if self.codebook else Wording()
        known = say(f"construct.{name}", self.language) if knows(f"construct.{name}") else name
        return own.text(self.language, known)

    def item(self, name: str) -> str:
        """An item's wording."""
        if self.codebook and any(item.name == name for item in self.codebook.items):
            return self.codebook.item(name).wording.text(self.language, name)
        return name

    def term(self, name: str) -> str:
        """What a finding is about: a construct, an item, the whole model, or 'A -> B' with both ends named."""
        for arrow in (" -> ", " ~ "):
            if arrow in name:
                return arrow.replace("->", "→").join(self.term(end) for end in name.split(arrow))
        if knows(f"term.{name}"):
            return say(f"term.{name}", self.language)
        return self.item(name) if self.item(name) != name else self.construct(name)

    def segment(self, name: str) -> str:
        """A segment's name."""
        return self.codebook.segment(name).wording.text(self.language, name) if self.codebook else name

    def level(self, segment: str, level: str) -> str:
        """A segment level's name."""
        return self.codebook.segment(segment).label(level, self.language) if self.codebook else level
