"""Names and numbers of signatures as people read them."""

from collections.abc import Mapping, Sequence

from csi.behaviour.table import BehaviourTable
from csi.survey.codebook import Wording
from csi.survey.covariates import NOT_STATED
from csi.words import knows, say


def name_of(name: str, wording: Mapping[str, Wording], language: str, table: BehaviourTable | None = None) -> str:
    """An indicator's or a control's name for people; a control may be a behaviour."""
    if table is not None and name in table.features and name not in wording:
        return table.label(name, language)
    known = say("signature.dissatisfied", language) if name == "dissatisfied" else name
    known = say(f"construct.{name}", language) if knows(f"construct.{name}") else known
    return wording.get(name, Wording()).text(language, known)


def label_of(behaviour: str, language: str, table: BehaviourTable | None) -> str:
    """A behaviour's name for people."""
    return table.label(behaviour, language) if table is not None else behaviour


def column_label(term: str, language: str, table: BehaviourTable | None) -> str:
    """A term's name for people: the behaviour, and its level if it has one."""
    behaviour, _, level = term.partition(": ")
    name = label_of(behaviour, language, table)
    known = say("signature.not_stated", language) if level == NOT_STATED else level
    return f"{name}: {known}" if level else name


def listed(names: Sequence[str], language: str) -> str:
    """Names in a row, as the language divides them."""
    return ("、" if language == "zh" else ", ").join(names)
