"""Ready models of the satisfaction-index programmes; they take their items from the codebook's construct tags.

A new preset is a table of paths, a function and an entry in PRESETS; if the public face should have it, its two lines in
`csi/__init__.py`; a construct or indicator that is new gets its word in `csi/words.py`; `docs/study.md` lists it.

Sources: ACSI, Fornell et al. (1996); ECSI, Tenenhaus et al. (2005); the mobile operator's variant adds named indicators to the
ECSI paths.
"""

from collections.abc import Mapping, Sequence

from csi.errors import ModelError, known_names
from csi.model.construct import Construct
from csi.model.model import Model, Note
from csi.survey.codebook import Codebook

Paths = Mapping[str, Sequence[str]]

ACSI_PATHS: Paths = {
    "Expectation": ("Quality", "Value", "Satisfaction"),
    "Quality": ("Value", "Satisfaction"),
    "Value": ("Satisfaction",),
    "Satisfaction": ("Complaints", "Loyalty"),
    "Complaints": ("Loyalty",),
}
ECSI_PATHS: Paths = {"Image": ("Expectation", "Satisfaction", "Loyalty"), **ACSI_PATHS}

MOBILE_INDICATORS: Mapping[str, Sequence[str]] = {
    "Image": ("overall_impression", "feature_salience"),
    "Expectation": ("overall_expectation",),
    "Quality": ("overall_quality", "reliability", "responsiveness", "assurance", "empathy", "tangibles"),
    "Value": ("price_given_quality", "quality_given_price"),
    "Satisfaction": ("overall_satisfaction", "distance_to_expectation", "distance_to_ideal", "distance_to_others"),
    "Complaints": ("complaints", "suggestions"),
    "Loyalty": ("return_likelihood", "price_tolerance", "tenure"),
}


def acsi(codebook: Codebook) -> Model:
    """American Customer Satisfaction Index: no image (Fornell et al. 1996)."""
    return _from_tags(codebook, ACSI_PATHS, "acsi")


def ecsi(codebook: Codebook) -> Model:
    """European Customer Satisfaction Index: image, and twelve paths (Tenenhaus et al. 2005)."""
    return _from_tags(codebook, ECSI_PATHS, "ecsi")


def mobile_csi(codebook: Codebook) -> Model:
    """The mobile operator's index: ECSI paths, and for each construct the operator's own list of indicators.

    An item says by its `indicator` tag which of them it asks; the model notes those that nobody asks.
    """
    for item in codebook.items:
        known = MOBILE_INDICATORS.get(item.construct or "", ())
        if item.indicator is not None and item.indicator not in known:
            named = known_names(item.indicator, known, f"The indicators of {item.construct} are")
            raise ModelError(f"item {item.name!r} has the indicator {item.indicator!r}. {named}")
    model = _from_tags(codebook, ECSI_PATHS, "mobile_csi")
    asked = {item.indicator for item in codebook.items}
    missing = [i for c in model.names for i in MOBILE_INDICATORS[c] if i not in asked]
    return Model(
        model.constructs, model.paths, (*model.notes, *_note("model.indicators_not_asked", "indicator", missing))
    )


PRESETS = {"acsi": acsi, "ecsi": ecsi, "mobile_csi": mobile_csi}


def _from_tags(codebook: Codebook, paths: Paths, preset: str) -> Model:
    wanted = list(dict.fromkeys([*paths, *(effect for effects in paths.values() for effect in effects)]))
    asked = [name for name in wanted if codebook.items_of(name)]
    kept = {c: [e for e in paths.get(c, ()) if e in asked] for c in asked}
    tied = {end for cause, effects in kept.items() if effects for end in (cause, *effects)}
    if not tied:
        tags = sorted({item.construct for item in codebook.items if item.construct})
        raise ModelError(
            f"the preset {preset!r} finds no two connected constructs in the codebook. It looks for the tags "
            f"{', '.join(wanted)}; the items are tagged {', '.join(tags) or 'with nothing'}."
        )
    not_asked = _note("model.not_asked", "construct", [name for name in wanted if name not in asked])
    not_tied = _note("model.not_tied", "construct", [name for name in asked if name not in tied])
    strangers = [f"{item.name} ({item.construct})" for item in codebook.items if item.construct not in (None, *wanted)]
    constructs = [Construct(name, [item.name for item in codebook.items_of(name)]) for name in wanted if name in tied]
    return Model(
        constructs,
        {c: e for c, e in kept.items() if e},
        (*not_asked, *not_tied, *_note("model.stranger", "item", strangers)),
    )


def _note(code: str, kind: str, names: Sequence[str]) -> tuple[Note, ...]:
    return (Note(code, tuple(f"{kind}.{name}" for name in names)),) if names else ()
