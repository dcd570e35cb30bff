"""Every error and warning of the package. One root; each message names the culprit, what is known, and the remedy."""

from collections.abc import Iterable
from difflib import get_close_matches


class CsiError(Exception):
    """Root of all errors that the package raises on purpose."""


class StudyError(CsiError):
    """The study file is missing something or contradicts itself."""


class SurveyError(CsiError):
    """A survey file or its codebook cannot be used as it is."""


class ModelError(CsiError):
    """The structural model is not a model, or does not fit the survey it is given."""


class EstimationError(CsiError):
    """The numbers asked for cannot be estimated from these answers."""


class LinkError(CsiError):
    """Answers and behaviour cannot be joined, or the engine cannot do what is asked."""


class TooFewError(LinkError):
    """The question is sound, but too few answered it to learn from."""


class CareError(CsiError):
    """A care list cannot be drawn within the rules that protect customers."""


class FileError(CsiError):
    """A file cannot be written."""


class ReportError(CsiError):
    """A report cannot be made as asked."""


class CsiWarning(UserWarning):
    """A number is given but may mislead; the message says how."""


def known_names(name: str, known: Iterable[str], what: str = "Known") -> str:
    """Say which names exist, and which of them was probably meant.

    >>> known_names("PERQ9", ["PERQ1", "PERQ7", "CUSA1"], "Its items are")
    "Its items are PERQ1, PERQ7, CUSA1. Did you mean 'PERQ7'?"
    """
    names = [str(k) for k in known]
    listed = ", ".join(names) if len(names) <= 12 else f"{', '.join(names[:10])} ... {names[-1]} ({len(names)} in all)"
    near = get_close_matches(str(name), names, n=9)
    # A number typed too high is nearest to the last of its family: of PERQ1 ... PERQ7, PERQ9 means PERQ7.
    family = len({n.rstrip("0123456789") for n in near}) == 1
    hint = f" Did you mean {max(near) if family else near[0]!r}?" if near else ""
    return f"{what} {listed or 'none'}.{hint}"
