"""The part of a study file that says which model to fit."""

from collections.abc import Mapping
from typing import Any

from csi.errors import ModelError, known_names
from csi.model.model import Model
from csi.model.presets import PRESETS
from csi.survey.codebook import Codebook

_FIELDS = ("preset", "syntax", "composite_mode")


def model_from_dict(table: Mapping[str, Any], codebook: Codebook, source: str = "model") -> Model:
    """Build the model of a study: `preset = "ecsi"`, or `syntax` in the manner of lavaan and cSEM.

    >>> book = Codebook.from_dict({"scale": {"low": 1, "high": 5}, "items": [{"name": "q"}, {"name": "s"}]})
    >>> model_from_dict({"syntax": "Quality <~ q; Satisfaction <~ s; Satisfaction ~ Quality"}, book).names
    ('Quality', 'Satisfaction')
    """
    unknown = [field for field in table if field not in _FIELDS]
    if unknown:
        raise ModelError(
            f"{source}: unknown field {unknown[0]!r}. {known_names(unknown[0], _FIELDS, 'Known fields are')}"
        )
    if ("preset" in table) == ("syntax" in table):
        raise ModelError(f"{source}: write either preset = {' | '.join(map(repr, PRESETS))} or syntax = '''...'''.")
    if "preset" in table and str(table["preset"]) not in PRESETS:
        name = str(table["preset"])
        raise ModelError(f"{source}: there is no preset {name!r}. {known_names(name, PRESETS, 'Presets are')}")
    try:
        if "preset" in table:
            return PRESETS[str(table["preset"])](codebook)
        model = Model.parse(table["syntax"], composite_mode=table.get("composite_mode", "A"))
    except ModelError as error:
        raise ModelError(f"{source}: {error}") from None
    items = [item.name for item in codebook.items]
    for construct in model.constructs:
        for item in construct.items:
            if item not in items:
                known = known_names(item, items, "Its items are")
                raise ModelError(
                    f"{source}: construct {construct.name!r} names item {item!r}, which the codebook lacks. {known}"
                )
    return model
