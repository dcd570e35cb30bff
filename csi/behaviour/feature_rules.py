"""The study file's rules for features from events: what is counted of a customer's rows in windows before the answer."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from pydantic import ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr, model_validator
from pydantic.dataclasses import dataclass

from csi.engine import Table, WindowMeasure
from csi.engine.table import Kind
from csi.errors import LinkError, StudyError
from csi.survey.codebook import Wording, section_of
from csi.words import say

FeatureKind = Literal["count", "sum", "mean", "max", "distinct", "recency", "change", "level_change", "share"]
Value = StrictStr | StrictBool | StrictInt | StrictFloat
PAST_WINDOWS = 3  # a window is compared with the mean of so many before it
_OF_A_COLUMN = ("sum", "mean", "max", "distinct", "level_change")
_OF_NUMBERS = ("sum", "mean", "max", "change", "level_change", "share")


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class EventFeatures:
    """Numbers to make of one table of events, such as hotline calls, bills or outlet visits.

    Attributes
    ----------
    name
        How their names begin: `calls` gives calls_count_7d, calls_count_30d, calls_recency.
    table, key, time
        Path of the table (may contain "{wave}") or its name; its columns with the customer (that of the base unless named) and
        the date or time of an event.
    kinds
        count; sum, mean, max, distinct (values) of `column`; recency: days since the last event in the longest window; change:
        the sum of `column` (the count without one) against the mean of the three windows before, as a share of that;
        level_change: the same of the mean of `column`; share: of all events (of the sum of `column`) that which `where` leaves.
    windows
        Lengths in days of the windows that end where the day of the answer begins.
    column, where
        What is summed; which events count: column = value, or one of several values.
    known
        Column with the day on which an event became known, if that may be later: it then counts from that day on.
    wording
        What an event is called in reports.

    Examples
    --------
    >>> EventFeatures("calls", "calls.parquet", "at", ("count", "recency"), windows=(7, 30)).features
    ('calls_count_7d', 'calls_count_30d', 'calls_recency')
    """

    name: str
    table: str
    time: str
    kinds: tuple[FeatureKind, ...]
    key: str | None = None
    windows: tuple[int, ...] = (7, 30, 90)
    column: str | None = None
    where: dict[str, Value | tuple[Value, ...]] = Field(default_factory=dict)
    known: str | None = None
    wording: Wording = Field(default_factory=Wording)

    @model_validator(mode="after")
    def _is_consistent(self) -> "EventFeatures":
        if not self.name.isidentifier():
            raise ValueError(f"name = {self.name!r}: features begin with it, so it has letters, digits and _ only")
        for field in ("kinds", "windows"):
            values = getattr(self, field)
            if not values:
                raise ValueError(f"{field} is empty")
            if len(set(values)) < len(values):
                raise ValueError(f"{field} name something twice: {', '.join(map(str, values))}")
        if min(self.windows) < 1:
            raise ValueError(f"windows has {min(self.windows)}: a window is 1 day or more before the answer")
        needy = [kind for kind in self.kinds if kind in _OF_A_COLUMN]
        if needy and self.column is None:
            raise ValueError(f"{needy[0]!r} needs a column")
        if "share" in self.kinds and not self.where:
            raise ValueError("'share' needs where: which part of the events is meant")
        return self

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features."""
        return tuple(self._windows())

    def label(self, feature: str, language: Literal["en", "zh"]) -> str:
        """A feature's words in a report.

        >>> EventFeatures("calls", "t", "at", ("count",), windows=(7,)).label("calls_count_7d", "en")
        'calls: number in 7 days'
        """
        kind, days = self._windows()[feature]
        return say(f"feature.{kind}", language, what=self.wording.text(language, self.name), days=days)

    @classmethod
    def from_dict(cls, section: Mapping[str, Any], source: str = "features") -> "EventFeatures":
        """Build one [[features]] section from its TOML table.

        Raises
        ------
        StudyError
            A field is missing, unknown or of the wrong kind.
        """
        try:
            return section_of(cls, section, source)
        except TypeError:
            raise StudyError(f"{source}: name, table, time and kinds are needed.") from None

    def measures(self) -> dict[str, WindowMeasure]:
        """What the engine counts: features, or the two parts of one under the names <feature>__now and <feature>__all."""
        found: dict[str, WindowMeasure] = {}
        where, total = self.condition(), "rows" if self.column is None else "sum"
        for name, (kind, days) in self._windows().items():
            if kind in ("change", "level_change"):
                function = "mean" if kind == "level_change" else total
                past = (1 + PAST_WINDOWS) * days
                found[f"{name}__now"] = WindowMeasure(function, self.column, days, where=where)  # type: ignore[arg-type]
                found[f"{name}__all"] = WindowMeasure(function, self.column, past, days, where)  # type: ignore[arg-type]
            elif kind == "share":
                found[f"{name}__now"] = WindowMeasure(total, self.column, days, where=where)  # type: ignore[arg-type]
                found[f"{name}__all"] = WindowMeasure(total, self.column, days)  # type: ignore[arg-type]
            else:
                function = "rows" if kind == "count" else kind
                column = None if kind in ("count", "recency") else self.column
                found[name] = WindowMeasure(function, column, days, where=where)  # type: ignore[arg-type]
        return found

    def finished(self) -> dict[str, Callable[[Any], Any]]:
        """Feature -> column made of the engine's counts; a ratio to nothing is a gap."""
        return {name: _column(name, kind) for name, (kind, _) in self._windows().items()}

    def require(self, table: Table) -> None:
        """Raise LinkError unless the table has the columns that are asked for, of kinds that fit."""
        if self.column is not None:
            numbers = any(kind in _OF_NUMBERS for kind in self.kinds)
            (table.require_numbers if numbers else table.require)([self.column], f"the column of {self.name!r}")
        for column, wanted in self.where.items():
            table.require([column], f"a condition of {self.name!r}")
            values, kind = wanted if isinstance(wanted, tuple) else (wanted,), table.columns[column]
            strange = [v for v in values if kind not in _kinds_of(v)]
            if strange:
                raise LinkError(
                    f"{table.name}: {self.name!r} wants {column} = {strange[0]!r}, but column {column!r} is of kind {kind!r}. "
                    "Compare texts with texts, flags with true or false, and numbers with numbers."
                )

    @property
    def asked(self) -> str:
        """Which events count, as the study file says it."""
        return " and ".join(f"{column} = {value!r}" for column, value in self.where.items())

    @property
    def columns(self) -> list[str]:
        """Columns of the table that are read, without the key."""
        return list(dict.fromkeys(c for c in (self.time, self.known, self.column, *self.where) if c is not None))

    @property
    def reach(self) -> int:
        """Days before the answer that are looked at."""
        changes = {"change", "level_change"} & set(self.kinds)
        return max(self.windows) * (1 + PAST_WINDOWS if changes else 1)

    def _windows(self) -> dict[str, tuple[FeatureKind, int]]:
        """Feature -> its kind and days."""
        found: dict[str, tuple[FeatureKind, int]] = {}
        for kind in self.kinds:
            if kind == "recency":
                found[f"{self.name}_recency"] = kind, max(self.windows)
            else:
                found |= {f"{self.name}_{kind}_{days}d": (kind, days) for days in self.windows}
        return found

    def condition(self) -> Callable[[Any], Any] | None:
        """Which events count, as the engine is asked it; None for all."""
        if not self.where:
            return None
        wanted = {c: v if isinstance(v, tuple) else (v,) for c, v in self.where.items()}

        def holds(events: Any) -> Any:  # noqa: ANN401 - ibis is untyped
            found = [events[column].isin(values) for column, values in wanted.items()]
            for other in found[1:]:
                found[0] = found[0] & other
            return found[0]

        return holds


def read_features(sections: object, source: str = "features") -> tuple[EventFeatures, ...]:
    """The [[features]] sections of a study file.

    Raises
    ------
    StudyError
        A section is faulty, or two make a feature of the same name.
    """
    if not isinstance(sections, Sequence) or isinstance(sections, str):
        raise StudyError(
            f"{source}: write [[features]] with two brackets, once for every table or choice of its events."
        )
    rules = tuple(EventFeatures.from_dict(section, f"{source}, {i}") for i, section in enumerate(sections, 1))
    require_names(rules, source)
    return rules


def require_names(rules: Sequence[EventFeatures], source: str) -> None:
    """Raise StudyError if two rules make a feature of the same name."""
    names = [feature for rule in rules for feature in rule.features]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise StudyError(f"{source}: {names.count(twice[0])} rules make {twice[0]!r}. Give each its own name.")


def _column(name: str, kind: FeatureKind) -> Callable[[Any], Any]:
    if kind not in ("change", "level_change", "share"):
        return lambda t: t[name].cast("float64")
    scale, shift = {"change": (float(PAST_WINDOWS), 1.0), "level_change": (1.0, 1.0), "share": (1.0, 0.0)}[kind]

    def ratio(t: Any) -> Any:  # noqa: ANN401
        now, whole = t[f"{name}__now"].cast("float64"), t[f"{name}__all"].cast("float64")
        return (whole > 0).ifelse(scale * now / whole - shift, None)

    return ratio


def _kinds_of(value: Value) -> tuple[Kind, ...]:
    if isinstance(value, bool):
        return ("flag",)
    return ("text",) if isinstance(value, str) else ("integer", "number")
