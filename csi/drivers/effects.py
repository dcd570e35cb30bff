"""What a rise of an observed item does to the constructs: the straight lines behind the map, the scenario and the plan.

An item's rise by one unit of its own scale raises the score of its construct by 100 u/(high - low) points, u its unstandardised
outer weight, and every construct behind it by that times the unstandardised total effect (Ringle & Sarstedt 2016). The scores of
higher-order constructs are linear in the observed items, so the same holds for them.
"""

from collections.abc import Iterable

import numpy as np

from csi.errors import ModelError
from csi.kernel import importance
from csi.model.stages import observed_items
from csi.structural.cases import Array
from csi.structural.estimation import Fit
from csi.structural.inference import Bootstrap
from csi.structural.quantities import effects_in_points


def effects_of_items(source: Fit | Bootstrap, construct: str) -> Array:
    """(B, P) points of a construct per unit of each observed item on its own scale; 0 for items that do not lead to it.

    P are the columns of `fit.origin.cases`; B is 1 for a fit, the number of draws for a bootstrap.

    >>> import csi, pandas as pd
    >>> frame = pd.DataFrame({"q": [1, 2, 3, 4, 5.0], "s": [2, 2, 3, 4, 5.0]})
    >>> fit = csi.fit(csi.Model.parse("Quality <~ q; Satisfaction <~ s; Satisfaction ~ Quality"), frame, scale=(1, 5))
    >>> effects_of_items(fit, "Satisfaction").round(6).tolist()  # a unit is 25 points, and s rises by 0.8 q
    [[20.0, 25.0]]
    """
    batch, maps = source.batch, source.maps
    layout = batch.layout
    k = batch.model.names.index(construct)
    u, _ = importance.unit_weights(batch.estimates.weights, batch.moments.sd, batch.low, batch.high, layout)
    reaching = effects_in_points(batch)[:, :, k]
    reaching[:, k] = 1.0
    per_unit = 100 * u * reaching[:, layout.block] / (batch.high - batch.low)
    per_unit[:, ~np.isfinite(batch.low)] = 0.0  # products and controls have no level in points
    return per_unit if maps is None else np.asarray(np.einsum("bpq,bq->bp", maps.linear, per_unit))


def measured_items(fit: Fit) -> tuple[str, ...]:
    """The observed items that measure a construct, so that they have a level in points."""
    low = dict(zip(fit.origin.cases.items, fit.origin.cases.low, strict=True))
    return tuple(item for item in observed_items(fit.origin.model) if np.isfinite(low[item]))


def measured_constructs(fit: Fit) -> tuple[str, ...]:
    """The constructs that have a level in points: neither products nor controls."""
    known = [bool(np.isfinite(fit.cases.low[block]).all()) for block in fit.layout.slices]
    return tuple(name for name, has in zip(fit.model.names, known, strict=True) if has)


def require_straight_lines(fit: Fit, items: Iterable[str]) -> None:
    """Raise unless the effects of these items are straight lines that can be added.

    Raises
    ------
    ModelError
        Higher-order constructs of repeated indicators, or items that move a part of an interaction.
    """
    asked = fit.origin.model
    if asked.higher_order == "repeated" and any(asked.dimensions(name) for name in asked.names):
        raise ModelError(
            "with repeated indicators an item stands in two constructs at once, and its effect would be counted twice. Use "
            "higher_order='two_stage' or 'embedded' in the model."
        )
    places = [fit.origin.cases.items.index(item) for item in items]
    for product, parts in asked.products.items():
        for part in parts:
            moved = effects_of_items(fit, part)[0, places] != 0
            if moved.any():
                item = fit.origin.cases.items[places[int(moved.argmax())]]
                raise ModelError(
                    f"item {item!r} moves {part!r}, whose effect is not one straight line: the model has the interaction "
                    f"{product!r}. Leave the interaction out, or fit the groups apart."
                )
