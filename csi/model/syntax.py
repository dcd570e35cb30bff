"""The model syntax of lavaan and cSEM, as far as it says constructs and paths."""

import re

from csi.errors import ModelError
from csi.model.construct import Construct, Mode

_STATEMENT = re.compile(r"^\s*([^\s~=<]+)\s*(<~|=~|~)\s*(.+?)\s*$")
_NAME = re.compile(r"^[^\W\d][\w.]*$")


def parse(text: str, composite_mode: Mode) -> tuple[list[Construct], dict[str, list[str]]]:
    """Constructs and paths of a model text; errors name the line."""
    constructs: list[Construct] = []
    paths: dict[str, list[str]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        for statement in line.split("#")[0].split(";"):
            if not statement.strip():
                continue
            left, operator, right = _split(statement, number)
            if operator == "~":
                for cause in right:
                    paths.setdefault(cause, []).append(left)
            elif operator == "=~":
                constructs.append(Construct(left, right, kind="factor"))
            else:
                constructs.append(Construct(left, right, mode=composite_mode))
    if not constructs:
        raise ModelError("the model text defines no construct. Write e.g. 'Quality <~ q1 + q2'.")
    return constructs, paths


def _split(statement: str, number: int) -> tuple[str, str, list[str]]:
    match = _STATEMENT.match(statement)
    if not match:
        raise ModelError(
            f"line {number}: cannot read {statement.strip()!r}. Write 'Construct <~ item + item' (composite), "
            "'Construct =~ item + item' (factor) or 'Effect ~ Cause + Cause'."
        )
    left, operator, right = match.groups()
    names = [name.strip() for name in right.split("+")]
    for name in (left, *names):
        if not _NAME.match(name):
            raise ModelError(
                f"line {number}: {name!r} is not a name. Fixed values, labels and products are not part of this syntax."
            )
    return left, operator, names
