"""The study file's section on the behaviour table: where it lies, what identifies a customer, what may be used."""

from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from csi.errors import known_names
from csi.survey.codebook import Wording, section_of

NOT_RECORDED = "not recorded"


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class BehaviourTable:
    """One row a customer: the key, the features, and the columns that protect customers.

    Attributes
    ----------
    table
        Path of a Parquet or CSV file; may contain "{wave}".
    key
        Column that identifies the customer, as the survey's key does.
    features
        Columns that say what the customer did.
    date
        Column with the day the row was taken (snapshot), if there is one.
    do_not_disturb, consent
        Column that says so, or exactly "not recorded": neither is ever taken for granted.
    wording
        Names of the features for reports.
    """

    table: str
    key: str
    features: tuple[str, ...]
    date: str | None = None
    do_not_disturb: str = ""
    consent: str = ""
    wording: dict[str, Wording] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_consistent(self) -> "BehaviourTable":
        for field in ("do_not_disturb", "consent"):
            if not getattr(self, field):
                raise ValueError(
                    f"{field} is missing. Name the column of the behaviour table that holds it, or write "
                    f'{field} = "{NOT_RECORDED}" if nobody records it'
                )
        if not self.features:
            raise ValueError("features: at least one column is needed")
        twice = sorted({name for name in self.features if self.features.count(name) > 1})
        if twice:
            raise ValueError(f"feature {twice[0]!r} is named {self.features.count(twice[0])} times")
        strangers = [name for name in self.wording if name not in self.features]
        if strangers:
            known = known_names(strangers[0], self.features, "The features are")
            raise ValueError(f"wording names {strangers[0]!r}, which is not a feature. {known}")
        return self

    @classmethod
    def from_dict(cls, section: Mapping[str, Any], source: str = "behaviour") -> "BehaviourTable":
        """Build the section from its TOML table; errors name the source and the field.

        >>> section = {"table": "base_{wave}.parquet", "key": "id", "features": ["calls"]}
        >>> BehaviourTable.from_dict(section | {"do_not_disturb": "dnd", "consent": "not recorded"}).features
        ('calls',)

        Raises
        ------
        StudyError
            A field is missing, unknown or of the wrong kind.
        """
        return section_of(cls, section, source)

    def label(self, feature: str, language: str) -> str:
        """The feature's name in a language; the column's name where the study gives none."""
        return self.wording.get(feature, Wording()).text(language, feature)
