"""Write a model in the syntax of lavaan and cSEM; `csi.model.syntax` reads it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, get_args

from csi.errors import ModelError
from csi.model.construct import Construct
from csi.model.syntax import NAME

if TYPE_CHECKING:
    from csi.model.model import Model

Dialect = Literal["csi", "lavaan", "cSEM"]


def written(model: "Model", dialect: Dialect) -> str:
    """The model as text.

    Raises
    ------
    ModelError
        The construct that the dialect cannot say, and why; or there is no such dialect.
    """
    if dialect not in get_args(Dialect):
        raise ModelError(f"dialect must be one of {', '.join(map(repr, get_args(Dialect)))}, not {dialect!r}.")
    for construct in model.constructs:
        for name in (construct.name, *construct.items):
            if not NAME.fullmatch(name):
                raise ModelError(
                    f"construct {construct.name!r}: {name!r} cannot be written, for names in the syntax are letters, digits, "
                    "'_' and '.', and do not begin with a digit. Rename it."
                )
    lines = [f"# {note.text()}" for note in model.notes]
    return "\n".join(lines + {"csi": _csi, "lavaan": _lavaan, "cSEM": _csem}[dialect](model))


def _csi(model: "Model") -> list[str]:
    """What the syntax has no sign for stands in '#!' comments."""
    chosen = {"higher_order": model.higher_order, "interactions": model.interactions}
    lines = [f"#! {key} = {value}" for key, value in chosen.items() if value != "two_stage"]
    lines += [_defined(c) + _comment(_choices(c)) for c in model.constructs]
    waiting = dict(model.controls)
    for effect, terms in _equations(model, ":"):
        held = waiting.pop(effect, ())
        lines.append(f"{effect} ~ {' + '.join(terms)}" + _comment({"controls": ", ".join(held)} if held else {}))
    return lines


def _defined(construct: Construct) -> str:
    sign = "=~" if construct.kind == "factor" else "<~"
    return f"{construct.name} {sign} {' + '.join(construct.items)}"


def _choices(construct: Construct) -> dict[str, str]:
    """The options of a construct that are not as they are unless said otherwise."""
    chosen = {}
    if construct.kind == "observed":
        chosen["kind"] = "observed"
    if construct.mode != "A":
        chosen["mode"] = construct.mode
    if construct.weights is not None:
        chosen["weights"] = ", ".join(map(repr, construct.weights))
    if construct.reliability is not None:
        chosen["reliability"] = repr(float(construct.reliability))
    return chosen


def _comment(options: Mapping[str, str]) -> str:
    return "  #! " + "; ".join(f"{key} = {value}" for key, value in options.items()) if options else ""


def _csem(model: "Model") -> list[str]:
    """Modes and reliabilities are arguments of `csem`; a comment gives the call."""
    _require_what_csem_has(model)
    arguments = _csem_modes(model)
    known = [f'"{c.name}" = {float(c.reliability)!r}' for c in model.constructs if c.reliability is not None]
    arguments += [f".reliabilities = c({', '.join(known)})"] if known else []
    arguments += ['.approach_2ndorder = "mixed"'] if model.higher_order == "embedded" and _owners(model) else []
    lines = [f"# csem(.data, .model, {', '.join(arguments)})"] if arguments else []
    lines += [_defined(c) for c in model.constructs]
    return lines + [f"{effect} ~ {' + '.join(terms)}" for effect, terms in _equations(model, ".")]


def _csem_modes(model: "Model") -> list[str]:
    """`.PLS_modes`, unless they are those that cSEM takes by itself: B of composites, A of factors."""
    words = {"A": "modeA", "B": "modeB", "unit": "unit"}
    of = {c.name: words[c.mode] for c in model.constructs if c.kind != "factor"}
    if set(of.values()) <= {"modeB"}:
        return []
    if set(of.values()) == {"modeA"}:
        return ['.PLS_modes = "modeA"']
    return [".PLS_modes = list(" + ", ".join(f'"{name}" = "{mode}"' for name, mode in of.items()) + ")"]


def _require_what_csem_has(model: "Model") -> None:
    for construct in model.constructs:
        if construct.weights is not None:
            raise ModelError(
                f"construct {construct.name!r}: cSEM holds weights of standardised items fixed, not weights of items on their "
                "own scales. Use dialect='csi'."
            )
        if "." in construct.name:
            raise ModelError(f"construct {construct.name!r}: cSEM reads a '.' as an interaction. Rename it.")
        if any(model.dimensions(dimension) for dimension in model.dimensions(construct.name)):
            raise ModelError(f"construct {construct.name!r} is of the third order; cSEM has constructs of the second.")
    owners = _owners(model)
    if owners and model.higher_order == "repeated":
        raise ModelError(
            f"construct {owners[0]!r}: cSEM does not estimate constructs of constructs by repeated indicators alone. Use "
            "higher_order='two_stage' or 'embedded'."
        )
    if model.products and model.interactions != "two_stage":
        raise ModelError(
            f"the interaction {next(iter(model.products))!r}: cSEM multiplies scores, not items. Use interactions='two_stage'."
        )


def _owners(model: "Model") -> list[str]:
    """Constructs of constructs."""
    return [name for name in model.names if model.dimensions(name)]


def _lavaan(model: "Model") -> list[str]:
    """A construct of one item is a factor without error, which `lavaan::sem` takes it for; a column is itself."""
    _require_what_lavaan_has(model)
    lines = []
    if any(c.kind != "factor" and len(c.items) > 1 for c in model.constructs):
        lines = ["# lavaan 0.6-20 and later: composites (<~) have maximum-likelihood weights, so modes do not apply"]
    for construct in model.constructs:
        if len(construct.items) > 1:
            lines.append(_defined(construct))
        elif construct.items[0] != construct.name:
            lines.append(f"{construct.name} =~ {construct.items[0]}")
    return lines + [f"{effect} ~ {' + '.join(terms)}" for effect, terms in _equations(model, ":")]


def _require_what_lavaan_has(model: "Model") -> None:
    for construct in model.constructs:
        if not construct.is_free:
            why = "lavaan estimates the weights of composites; they cannot be held as they are in a model of scores"
        elif construct.reliability not in (None, 1.0):
            why = "lavaan takes an error variance in the item's own units, which depends on the data, not a reliability"
        elif model.dimensions(construct.name):
            why = "lavaan has composites of observed items only, and this one is made of constructs"
        else:
            continue
        raise ModelError(f"construct {construct.name!r}: {why}. Use dialect='csi'.")
    for product in model.products:
        raise ModelError(
            f"the interaction {product!r}: lavaan does not multiply composites. Use dialect='csi' or 'cSEM'."
        )


def _equations(model: "Model", sign: str) -> list[tuple[str, list[str]]]:
    """Effects and their causes, in an order that gives the model's paths again, in their order, when it is read.

    An effect has one equation wherever the order of the paths allows it.
    """
    called = {cause: sign.join(model.products.get(cause, (cause,))) for cause in model.paths}
    left = {cause: list(effects) for cause, effects in model.paths.items()}
    begun: set[str] = set()
    found = []
    while any(left.values()):
        first = dict.fromkeys(effects[0] for effects in left.values() if effects)
        lines = {effect: _may_stand_together(effect, left, begun) for effect in first}
        whole = [e for e, causes in lines.items() if causes and not any(e in left[c] for c in set(left) - set(causes))]
        effect = whole[0] if whole else next(effect for effect, causes in lines.items() if causes)
        for cause in lines[effect]:
            left[cause].pop(0)
            begun.add(cause)
        found.append((effect, [called[cause] for cause in lines[effect]]))
    return found


def _may_stand_together(effect: str, left: Mapping[str, list[str]], begun: set[str]) -> list[str]:
    """Causes whose next effect this is; a cause that has not appeared may do so only after those before it."""
    causes, in_turn = [], True
    for cause, effects in left.items():
        next_one = bool(effects) and effects[0] == effect
        if next_one and (cause in begun or in_turn):
            causes.append(cause)
        elif cause not in begun:
            in_turn = False
    return causes
