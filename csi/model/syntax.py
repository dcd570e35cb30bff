"""Read the model syntax of lavaan and cSEM, as far as it says constructs, paths and interactions.

    Quality <~ q1 + q2                    # composite; its items may be other constructs
    Satisfaction =~ s1 + s2               ! common factor
    Satisfaction ~ Quality + age          # paths; Quality:Price, Quality*Price or cSEM's Quality.Price is an interaction
    age <~ age                            # an observed column

A statement ends with its line or at ';', and goes on where a line ends or the next one begins with an operator or a '+'. What
those programs say elsewhere stands in comments that begin with '#!', which they pass over: `key = value`, parted by ';', after
the statement that it is about, or on a line of its own for the whole model.

    Quality <~ q1 + q2                    #! mode = B
    Satisfaction <~ s1 + s2               #! weights = 0.4, 0.6
    Loyalty =~ l1                         #! reliability = 0.8
    age <~ age                            #! kind = observed
    Satisfaction ~ Quality + age          #! controls = age
    #! higher_order = embedded; interactions = product
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from csi.errors import ModelError, known_names
from csi.model.construct import Construct, Mode

NAME = re.compile(r"[^\W\d][\w.]*")
_COMMENT = re.compile(r"[#!]")
_STATEMENT = re.compile(r"([^~=<>|]*?)\s*(=~|<~|~\*~|~~|~|:=|==|<(?!-)|>|\|)\s*(.*)")
_GOES_ON = ("+", "~", "=~", "<~", "*", ":")
_OPTIONS = {
    "<~": ("kind", "mode", "weights", "reliability"),
    "=~": ("kind", "mode", "weights", "reliability"),
    "~": ("controls",),
    "~~": (),
}
_SETTINGS = ("higher_order", "interactions")
_UNCONSTRAINED = "coefficients are estimated without constraints"
_REFUSED = {
    ":=": "indirect and total effects are computed of every fit, so nothing needs a definition",
    "==": _UNCONSTRAINED,
    "<": _UNCONSTRAINED,
    ">": _UNCONSTRAINED,
    "|": "items are taken as numbers and have no thresholds",
    "~*~": "items are taken as numbers and have no response scales",
}


@dataclass(slots=True)
class _Statement:
    """A statement, the line on which it begins, and its options."""

    line: int
    text: str
    options: dict[str, str] = field(default_factory=dict)
    left: str = ""
    operator: str = ""
    terms: tuple[str, ...] = ()

    def fault(self, what: str) -> ModelError:
        return ModelError(f"line {self.line}: {what}")


def parse(text: str, composite_mode: Mode) -> dict[str, Any]:
    """The fields of a `Model` by name, as a model text says them.

    Raises
    ------
    ModelError
        The line that cannot be read, or that asks for what partial least squares does not have, and why.
    """
    statements, settings = _statements(text)
    for statement in statements:
        _split(statement)
    constructs = [_construct(s, composite_mode) for s in statements if s.operator in ("<~", "=~")]
    if not constructs:
        raise ModelError("the model text defines no construct. Write e.g. 'Quality <~ q1 + q2'.")
    names = [construct.name for construct in constructs]
    regressions = [statement for statement in statements if statement.operator == "~"]
    controls = _controls(regressions)
    paths: dict[str, list[str]] = {}
    for statement in regressions:
        for cause in _causes(statement, names, controls.get(statement.left, ())):
            paths.setdefault(cause, []).append(statement.left)
    endogenous = {effect for effects in paths.values() for effect in effects}
    for statement in statements:
        if statement.operator == "~~":
            _require_free_covariance(statement, names, endogenous)
    return {"constructs": constructs, "paths": paths, "controls": controls, **settings}


def _statements(text: str) -> tuple[list[_Statement], dict[str, str]]:
    """The statements, and the options of the whole model."""
    found: list[_Statement] = []
    settings: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        code = _COMMENT.split(line, maxsplit=1)[0]
        for k, part in enumerate(piece.strip() for piece in code.split(";")):
            if part and not k and found and (found[-1].text.endswith(_GOES_ON) or part.startswith(_GOES_ON)):
                found[-1].text += f" {part}"
            elif part:
                found.append(_Statement(number, part))
        if not line.startswith("#!", len(code)):
            continue
        options = dict(_options(line[len(code) + 2 :], number))
        if code.strip():
            found[-1].options.update(options)
        else:
            settings.update(_known(options, _SETTINGS, number, "of a model"))
    return found, settings


def _options(comment: str, line: int) -> Iterator[tuple[str, str]]:
    for option in filter(str.strip, comment.split(";")):
        key, sign, value = (part.strip() for part in option.partition("="))
        if not (key and sign and value):
            raise ModelError(
                f"line {line}: cannot read the option {option.strip()!r}. After '#!' write e.g. 'mode = B'; a remark begins "
                "with '# '."
            )
        yield key, value


def _known(options: Mapping[str, str], known: Sequence[str], line: int, of: str) -> Mapping[str, str]:
    for key in options:
        if key not in known:
            raise ModelError(
                f"line {line}: there is no option {key!r} {of}. {known_names(key, known, 'Its options are')}"
            )
    return options


def _split(statement: _Statement) -> None:
    """Fill in what stands left and right of the operator."""
    match = _STATEMENT.fullmatch(statement.text)
    if not match:
        raise statement.fault(
            f"cannot read {statement.text!r}. Write 'Construct <~ item + item' (composite), 'Construct =~ item + item' (factor) "
            "or 'Effect ~ Cause + Cause'."
        )
    statement.left, statement.operator, right = match.groups()
    if statement.operator in _REFUSED:
        raise statement.fault(f"{statement.text!r} cannot be said in this model: {_REFUSED[statement.operator]}.")
    if _STATEMENT.fullmatch(right):
        raise statement.fault(
            f"{statement.text!r} has two operators. A line that ends with '+' or an operator goes on in the next one."
        )
    statement.terms = tuple(" ".join(term.split()) for term in right.split("+"))
    _require_name(statement, statement.left)
    _known(
        statement.options, _OPTIONS[statement.operator], statement.line, f"of a statement with '{statement.operator}'"
    )


def _require_name(statement: _Statement, name: str) -> None:
    if not NAME.fullmatch(name):
        raise statement.fault(
            f"{name!r} is not a name. Names are letters, digits, '_' and '.', and do not begin with a digit."
            if name
            else f"a name is missing in {statement.text!r}."
        )


def _construct(statement: _Statement, composite_mode: Mode) -> Construct:
    for item in statement.terms:
        if "*" in item:
            raise statement.fault(
                f"{item!r} fixes or labels a loading, but all of them are estimated. Name the item alone; outer weights of a "
                "composite are held fixed by '#! weights = 0.4, 0.6' at the end of the line."
            )
        _require_name(statement, item)
    given = statement.options
    if "kind" in given and (given["kind"], statement.operator) != ("observed", "<~"):
        raise statement.fault("'<~' and '=~' say the kind; the only one to add is 'kind = observed', after '<~'.")
    kind: Any = given.get("kind", "factor" if statement.operator == "=~" else "composite")
    mode: Any = given.get("mode", composite_mode if kind == "composite" else "A")
    weights = [_number(statement, weight) for weight in _names_in(given["weights"])] if "weights" in given else None
    reliability = _number(statement, given["reliability"]) if "reliability" in given else None
    try:
        return Construct(statement.left, statement.terms, kind, mode, weights, reliability)
    except ModelError as error:
        raise statement.fault(str(error)) from None


def _names_in(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


def _number(statement: _Statement, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise statement.fault(f"{text!r} is not a number.") from None


def _controls(regressions: Sequence[_Statement]) -> dict[str, list[str]]:
    """Effect -> its controls; an effect may have several regressions."""
    controls: dict[str, list[str]] = {}
    for statement in regressions:
        causes = {term for other in regressions if other.left == statement.left for term in other.terms}
        for column in _names_in(statement.options.get("controls", "")):
            if column not in causes:
                raise statement.fault(f"the control {column!r} is not among the causes of {statement.left!r}.")
            controls.setdefault(statement.left, []).append(column)
    return controls


def _causes(statement: _Statement, names: Sequence[str], held: Sequence[str]) -> Iterator[str]:
    if {"0", "1"} & set(statement.terms):
        raise statement.fault(
            f"{statement.text!r} asks for an intercept: scores are standardised, so equations have none."
        )
    if statement.left not in names:
        raise statement.fault(
            f"{statement.left!r} is no construct. {known_names(statement.left, names, 'The constructs are')} For an observed "
            f"column write '{statement.left} <~ {statement.left}'."
        )
    for term in statement.terms:
        yield term if term in names or term in held else _product(statement, term, names)


def _product(statement: _Statement, term: str, names: Sequence[str]) -> str:
    """The interaction "A*B" that a term says, which is no construct itself."""
    splits = [(term[:k].strip(), mark, term[k + 1 :].strip()) for k, mark in enumerate(term) if mark in ":*."]
    for left, _, right in splits:
        if left in names and right in names:
            return f"{left}*{right}"
    signs = [split for split in splits if split[1] != "."]
    if len(signs) > 1 or (len(splits) > 1 and all(part in names for part in term.split("."))):
        raise statement.fault(f"{term!r} multiplies more than two constructs; an interaction has two.")
    if signs:
        left, sign, right = signs[0]
        strange = left if left not in names else right
        label = " Labels and fixed values have no place, for every path is estimated." if sign == "*" else ""
        raise statement.fault(
            f"the interaction {term!r} names {strange!r}, which is no construct."
            f"{label} {known_names(strange, names, 'The constructs are')}"
        )
    _require_name(statement, term)
    raise statement.fault(
        f"{term!r} is no construct. {known_names(term, names, 'The constructs are')} For an observed column write "
        f"'{term} <~ {term}'."
    )


def _require_free_covariance(statement: _Statement, names: Sequence[str], endogenous: set[str]) -> None:
    """Constructs without a cause covary freely whatever the text says; no other covariance can be asked for."""
    for term in statement.terms:
        pair = (statement.left, term)
        strange = [name for name in pair if name not in names]
        caused = [name for name in pair if name in endogenous]
        if "*" in term:
            why = "a covariance is estimated, and neither fixed nor labelled"
        elif strange:
            why = f"{strange[0]!r} is no construct, and errors of items are taken as they come"
        elif statement.left == term:
            why = "scores have unit variance"
        elif caused:
            why = f"{caused[0]!r} has causes, and each equation is estimated by itself, so residuals do not covary"
        else:
            continue
        raise statement.fault(f"'{statement.left} ~~ {term}' cannot be said in this model: {why}.")
