"""The study file's rules for warnings from behaviour alone: declared there, or taken ready and adapted."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr, ValidationError, model_validator
from pydantic.dataclasses import dataclass

from csi.behaviour.alert_ready import READY
from csi.engine.alert_rules import Condition, Limits
from csi.errors import StudyError, known_names
from csi.survey.codebook import Wording, describe

Number = StrictInt | StrictFloat
_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)
BOUNDS = ("at_least", "at_most", "above", "below")


@dataclass(frozen=True, slots=True, config=_STRICT)
class Bounds:
    """Bounds of a number in a rule; at least one.

    >>> Bounds(above=60).above
    60
    """

    at_least: Number | None = None
    at_most: Number | None = None
    above: Number | None = None
    below: Number | None = None

    @model_validator(mode="after")
    def _binds(self) -> "Bounds":
        if all(getattr(self, name) is None for name in BOUNDS):
            raise ValueError(f"a bound is one of {', '.join(BOUNDS)}")
        return self


@dataclass(frozen=True, slots=True, config=_STRICT)
class AlertRule:
    """When a customer is worth a warning.

    Attributes
    ----------
    name, level, frequency, wording
        How it is called, how urgent it is (1 before 2), when it is looked for, and its words in reports.
    table, key, date
        The table, and its columns with the customer and the day of a row.
    function, column, days, where
        A number of the customer's rows in the last `days` for which `where` holds (column = text, flag, number or bounds); 'last'
        takes the column from the last such row, a date as the days until it (negative: gone by).
    at_least, at_most, above, below, equals
        When it warns: bounds of the number, or what the last row says.
    past_days, past_at_least
        With them the bounds are of the number as a share of the customer's own past, which begins `past_days` before and ends
        where the window begins, and counts if it is at least so large. Sums and counts are scaled to the window's length.
    """

    name: str
    level: Literal[1, 2]
    frequency: Literal["daily", "monthly"]
    table: str
    function: Literal["rows", "count", "sum", "mean", "sd", "min", "max", "distinct", "last"]
    days: int = Field(ge=1, strict=True)
    key: str = "customer_id"
    date: str = "date"
    column: str | None = None
    where: dict[str, StrictStr | StrictBool | Number | Bounds] = Field(default_factory=dict)
    at_least: Number | None = None
    at_most: Number | None = None
    above: Number | None = None
    below: Number | None = None
    equals: StrictStr | StrictBool | None = None
    past_days: int | None = Field(default=None, strict=True)
    past_at_least: Number | None = None
    wording: Wording = Field(default_factory=Wording)

    @model_validator(mode="after")
    def _is_a_rule(self) -> "AlertRule":
        bound = any(getattr(self, name) is not None for name in BOUNDS)
        if bound is (self.equals is not None):
            raise ValueError(f"say when it warns: by {', '.join(BOUNDS)}, or by equals, and not by both")
        if self.equals is not None and self.function != "last":
            raise ValueError('equals is asked of the last row: function = "last"')
        if self.function != "rows" and not self.column:
            raise ValueError(f"function = {self.function!r} needs a column")
        if self.function == "last" and self.past_days is not None:
            raise ValueError('the own past is compared in windows: take function = "mean" or "sum" with past_days')
        if self.past_days is not None and self.past_days <= self.days:
            raise ValueError(
                f"past_days = {self.past_days} must be above days = {self.days}: the past ends where the window begins"
            )
        if self.past_at_least is not None and self.past_days is None:
            raise ValueError("past_at_least needs past_days")
        return self

    @property
    def condition(self) -> Condition:
        """The rule as the engine is asked it."""
        where = {name: _limits(v) if isinstance(v, Bounds) else v for name, v in self.where.items()}
        return Condition(
            self.function, self.days, self.column, where, _limits(self), self.equals, self.past_days, self.past_at_least
        )

    def label(self, language: str) -> str:
        """The rule's words in a language; its name where it has none."""
        return self.wording.text(language, self.name)

    @classmethod
    def from_dict(cls, section: Mapping[str, Any], source: str = "alerts") -> "AlertRule":
        """Build a rule from its TOML table; `ready` takes a ready one, whose fields the others replace.

        >>> AlertRule.from_dict({"ready": "bill_fell", "at_most": 0.4}).condition.limits.at_most
        0.4

        Raises
        ------
        StudyError
            A field is missing, unknown or of the wrong kind, or there is no such ready rule.
        """
        own = dict(section)
        ready = own.pop("ready", None)
        if ready is not None:
            if ready not in READY:
                raise StudyError(
                    f"{source}: there is no ready rule {ready!r}. {known_names(str(ready), READY, 'Ready are')}"
                )
            # A study's own bounds take the place of all of the ready rule's: together they might contradict each other.
            bounded = {"equals", *BOUNDS} & own.keys()
            kept = {name: v for name, v in READY[ready].items() if not (bounded and name in {"equals", *BOUNDS})}
            own = {"name": ready, **kept, **own}
        try:
            return cls(**own)
        except ValidationError as error:
            raise StudyError(f"{source} {own.get('name', '')!r}: {describe(error)}") from None


def alert_rules(sections: Sequence[Mapping[str, Any]], source: str = "alerts") -> tuple[AlertRule, ...]:
    """The rules of a study file's [[alerts]] tables; StudyError if two have one name.

    >>> [rule.name for rule in alert_rules([{"ready": "zero_bill"}, {"ready": "overdue"}])]
    ['zero_bill', 'overdue']
    """
    rules = tuple(AlertRule.from_dict(section, source) for section in sections)
    names = [rule.name for rule in rules]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise StudyError(f"{source}: two rules are called {twice[0]!r}. Give one of them another name.")
    return rules


def ready_rules() -> tuple[AlertRule, ...]:
    """All ready rules as they are.

    >>> len(ready_rules())
    10
    """
    return alert_rules([{"ready": name} for name in READY])


def _limits(bounds: Bounds | AlertRule) -> Limits:
    return Limits(bounds.at_least, bounds.at_most, bounds.above, bounds.below)
