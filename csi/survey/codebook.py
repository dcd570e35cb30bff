"""What every column of a questionnaire means: scale, missing codes, construct, wording in Chinese and English."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, Literal, TypeVar

from pydantic import ConfigDict, Field, ValidationError, model_validator
from pydantic.dataclasses import dataclass

from csi.errors import StudyError, SurveyError, known_names
from csi.survey.anchors import ANCHORS

Dimension = Literal["reliability", "responsiveness", "assurance", "empathy", "tangibles"]
Code = float | str
Section = TypeVar("Section")


_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True, config=_STRICT)
class Wording:
    """A text in the languages of the reports; whichever is missing is replaced by the other."""

    en: str = ""
    zh: str = ""

    def text(self, language: str, default: str) -> str:
        """The wording in `language`, else in the other language, else `default`."""
        return getattr(self, language, "") or self.en or self.zh or default


@dataclass(frozen=True, slots=True, config=_STRICT)
class Scale:
    """Ends of an answer scale, the words of its points, and the codes that are not answers.

    `anchors` names a set of `csi.survey.anchors.ANCHORS`, or maps words to numbers; `number_first` reads "10 - very satisfied"
    as 10.

    >>> Scale(low=1, high=10, dont_know=[98], refused=[99]).high
    10.0
    """

    low: float
    high: float
    anchors: str | dict[str, float] | None = None
    number_first: bool = False
    missing: tuple[Code, ...] = ()
    dont_know: tuple[Code, ...] = ()
    refused: tuple[Code, ...] = ()
    not_applicable: tuple[Code, ...] = ()

    @model_validator(mode="after")
    def _ends_in_order(self) -> "Scale":
        if not self.low < self.high:
            raise ValueError(f"the low end {self.low:g} must lie below the high end {self.high:g}")
        if isinstance(self.anchors, str) and self.anchors not in ANCHORS:
            raise ValueError(
                f"there are no anchors {self.anchors!r}. {known_names(self.anchors, ANCHORS, 'Known sets are')}"
            )
        return self

    @property
    def codes(self) -> dict[str, tuple[Code, ...]]:
        """Kind of gap -> the codes that mean it."""
        return {
            "skipped": self.missing,
            "dont_know": self.dont_know,
            "refused": self.refused,
            "not_applicable": self.not_applicable,
        }


@dataclass(frozen=True, slots=True, config=_STRICT)
class Routing:
    """A question that is asked only if another column holds one of some texts or numbers."""

    column: str
    among: tuple[Code, ...]


@dataclass(frozen=True, slots=True, config=_STRICT)
class Item:
    """One question: where it stands in the file, what it measures, how it was answered.

    `columns` and `scales` say what was different in waves: the column's name ("" if the wave did not ask), the scale's ends.
    `expectation_of` and `adequate_of` name the item whose perceived service this one expects, or would just accept.
    """

    name: str
    column: str
    scale: Scale
    construct: str | None = None
    indicator: str | None = None
    dimension: Dimension | None = None
    expectation_of: str | None = None
    adequate_of: str | None = None
    reverse: bool = False
    asked_if: Routing | None = None
    columns: dict[str, str] = Field(default_factory=dict)
    scales: dict[str, Scale] = Field(default_factory=dict)
    wording: Wording = Wording()

    def scale_in(self, wave: str | None) -> Scale:
        """The scale on which a wave asked the question."""
        return self.scales.get(wave or "", self.scale)


@dataclass(frozen=True, slots=True, config=_STRICT)
class Choice:
    """A question with several answers: one 0/1 column for each, or one column of answers joined by a separator.

    `columns` maps each answer to its column; `column` is the joined one, `separator` what joins its answers. `ticked` are the
    texts of a 0/1 column that mean chosen; where none are given, it is every text but an empty one, 0, -1 and "no".
    """

    name: str
    columns: dict[str, str] = Field(default_factory=dict)
    column: str | None = None
    separator: str = "┋"
    ticked: tuple[Code, ...] = ()
    wording: Wording = Wording()
    levels: dict[str, Wording] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_form(self) -> "Choice":
        if bool(self.columns) == bool(self.column):
            raise ValueError("give either columns, one for each answer, or the one column with its separator")
        return self


@dataclass(frozen=True, slots=True, config=_STRICT)
class Comment:
    """An open question, kept as it was written."""

    name: str
    column: str
    columns: dict[str, str] = Field(default_factory=dict)
    wording: Wording = Wording()


@dataclass(frozen=True, slots=True, config=_STRICT)
class Segment:
    """A column that divides respondents, with words for its levels."""

    name: str
    column: str
    columns: dict[str, str] = Field(default_factory=dict)
    wording: Wording = Wording()
    levels: dict[str, Wording] = Field(default_factory=dict)

    def label(self, level: object, language: str) -> str:
        """The level's name in a language; the level itself where the codebook gives no word."""
        return self.levels.get(str(level), Wording()).text(language, str(level))


@dataclass(frozen=True, slots=True, config=_STRICT)
class Codebook:
    """Items, segments, questions with several answers, comments, and the columns that identify, date and weight a respondent.

    With `pseudonymise` the keys are read as keyed hashes; see `csi.survey.privacy`.
    """

    items: tuple[Item, ...]
    segments: tuple[Segment, ...] = ()
    choices: tuple[Choice, ...] = ()
    comments: tuple[Comment, ...] = ()
    constructs: dict[str, Wording] = Field(default_factory=dict)
    key: str | None = None
    date: str | None = None
    weight: str | None = None
    pseudonymise: bool = False

    @model_validator(mode="after")
    def _names_are_unique(self) -> "Codebook":
        for what, parts in (
            ("item", self.items),
            ("segment", self.segments),
            ("choice", self.choices),
            ("comment", self.comments),
        ):
            names = [part.name for part in parts]
            twice = sorted({n for n in names if names.count(n) > 1})
            if twice:
                raise ValueError(f"{what} {twice[0]!r} is defined {names.count(twice[0])} times")
        columns: dict[str, str] = {}
        for item in self.items:
            if item.column in columns:
                raise ValueError(
                    f"items {columns[item.column]!r} and {item.name!r} both stand in column {item.column!r}"
                )
            columns[item.column] = item.name
        return self

    @model_validator(mode="after")
    def _levels_belong_to_perceptions(self) -> "Codebook":
        names = [item.name for item in self.items]
        taken: dict[tuple[str, str], str] = {}
        for item in self.items:
            for role, other in (("expectation_of", item.expectation_of), ("adequate_of", item.adequate_of)):
                if other is None:
                    continue
                if other not in names or other == item.name:
                    known = known_names(other, [n for n in names if n != item.name], "The other items are")
                    raise ValueError(f"item {item.name!r} has {role} = {other!r}, which is no other item. {known}")
                if (role, other) in taken:
                    raise ValueError(f"items {taken[role, other]!r} and {item.name!r} both have {role} = {other!r}")
                taken[role, other] = item.name
        return self

    @classmethod
    def from_dict(cls, table: Mapping[str, Any], source: str = "codebook") -> "Codebook":
        """Build a codebook from its TOML table; errors name the source and the field.

        An item without a scale takes the table's `scale`; one without a column is looked for under its own name.

        >>> book = Codebook.from_dict({"scale": {"low": 1, "high": 10}, "items": [{"name": "CUSA1"}]})
        >>> book.item("CUSA1").scale.low
        1.0
        """
        table = dict(table)
        common = table.pop("scale", None)
        require_fields(table, cls, source)
        for part, kind in (("segments", Segment), ("choices", Choice), ("comments", Comment)):
            for entry in table.get(part, []):
                require_fields(entry, kind, f"{source}: {part[:-1]} {entry.get('name', '?')!r}")
        items = []
        for number, entry in enumerate(table.pop("items", []), 1):
            label = f"{source}: item {entry.get('name', number)!r}"
            item = {"column": entry.get("name"), **entry}
            require_fields(item, Item, label)
            scale = {**(common or {}), **(item.get("scale") or {})}
            require_fields(scale, Scale, f"{label}, scale")
            absent = [end for end in ("low", "high") if end not in scale]
            if absent:
                raise SurveyError(
                    f"{source}: item {item.get('name', number)!r} has no {' and no '.join(absent)} end of its scale. "
                    "Scale ends are never guessed from the answers: write scale = { low = 1, high = 10 } at the item "
                    "or once for all in [codebook.scale]."
                )
            scales = {wave: {**scale, **own} for wave, own in (item.get("scales") or {}).items()}
            for wave, own in scales.items():
                require_fields(own, Scale, f"{label}, scale of wave {wave!r}")
            items.append({**item, "scale": scale, "scales": scales})
        try:
            return cls(items=items, **table)  # type: ignore[arg-type]
        except ValidationError as error:
            raise SurveyError(f"{source}: {describe(error)}") from None

    def item(self, name: str) -> Item:
        """The item of that name; SurveyError with the known names if there is none."""
        for item in self.items:
            if item.name == name:
                return item
        raise SurveyError(
            f"the codebook has no item {name!r}. {known_names(name, [i.name for i in self.items], 'Its items are')}"
        )

    def segment(self, name: str) -> Segment:
        """The segment of that name; SurveyError with the known names if there is none."""
        for segment in self.segments:
            if segment.name == name:
                return segment
        known = known_names(name, [s.name for s in self.segments], "Its segments are")
        raise SurveyError(f"the codebook has no segment {name!r}. {known}")

    def items_of(self, construct: str) -> list[Item]:
        """The items tagged with a construct, in the order of the codebook."""
        return [item for item in self.items if item.construct == construct]


def wordings(codebook: Codebook | None, constructs: Sequence[str], items: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Names of a model in its order with what the codebook calls them, as plain texts that a frame can carry in `attrs`.

    >>> book = Codebook(items=(), constructs={"Value": Wording(en="Value for money")})
    >>> wordings(book, ["Value"], ["q1"])
    {'constructs': {'Value': {'en': 'Value for money', 'zh': ''}}, 'items': {'q1': {'en': '', 'zh': ''}}}
    """
    known = {item.name: item.wording for item in codebook.items} if codebook else {}
    named = codebook.constructs if codebook else {}
    return {
        "constructs": {name: asdict(named.get(name, Wording())) for name in constructs},
        "items": {name: asdict(known.get(name, Wording())) for name in items},
    }


def column_in(part: Item | Segment | Comment, wave: str | None) -> str:
    """Where a wave's file has a question; empty if the wave did not ask it."""
    return part.columns.get(wave or "", part.column)


def require_fields(table: Mapping[str, Any], kind: type, source: str) -> None:
    """Raise SurveyError for a field that this part of the file does not have, with those that it has."""
    known = [field.name for field in fields(kind)]
    for name in table:
        if name not in known:
            raise SurveyError(f"{source}: unknown field {name!r}. {known_names(name, known, 'Its fields are')}")


def section_of(kind: type[Section], section: Mapping[str, Any], source: str) -> Section:
    """A section of a study file as the noun that it describes.

    Raises
    ------
    StudyError
        A field is missing, unknown or of the wrong kind; the message names the source and the field.
    """
    try:
        return kind(**section)
    except ValidationError as error:
        raise StudyError(f"{source}: {describe(error)}") from None


def describe(error: ValidationError) -> str:
    """The first fault of a validation error as 'field: what is wrong', for people."""
    first = error.errors()[0]
    field = ".".join(str(part + 1 if isinstance(part, int) else part) for part in first["loc"])
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"{field or 'table'}: {first['msg'].removeprefix('Value error, ')}{more}"
