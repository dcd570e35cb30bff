"""What a scenario asks for: changes of items, directly or through operational figures (KPIs)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd

from csi.drivers.effects import measured_items
from csi.errors import EstimationError, ModelError, known_names
from csi.structural.cases import Array
from csi.structural.estimation import Fit
from csi.structural.inference import Bootstrap

_COLUMNS = ("kpi", "item", "estimate", "std_error")
_STREAM = 2**31  # apart from the streams of the resamples, which are numbered from 0


class KpiEffects(Protocol):
    """Whatever says how item means move with operational figures."""

    def effects_on_items(self) -> pd.DataFrame:
        """Columns kpi, item, estimate, std_error: units of the item's scale per unit of the KPI."""


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What was asked: `direct` (P,) of the observed columns, and through KPIs.

    `linked` has a row for each effect of a KPI that changes: kpi, item, estimate, std_error, place (the item's column), change.
    """

    columns: tuple[str, ...]
    direct: Array
    linked: pd.DataFrame

    @classmethod
    def of(cls, fit: Fit, changes: Mapping[str, float], kpis: KpiEffects | pd.DataFrame | None) -> "Asked":
        """Read what was asked, or raise."""
        columns, items = fit.origin.cases.items, measured_items(fit)
        effects = _table(kpis)
        known = [*items, *dict.fromkeys(effects["kpi"])]
        if not changes:
            raise EstimationError("what_if needs changes, as {'item': +0.5}; none was given.")
        for name, change in changes.items():
            if name not in known:
                raise ModelError(f"there is no item or KPI {name!r} in the model. {known_names(name, known)}")
            if not np.isfinite(change):
                raise EstimationError(f"the change of {name!r} is {change}; a change is a number.")
        direct = np.array([changes.get(column, 0.0) if column in items else 0.0 for column in columns], dtype=float)
        linked = _linked(effects[effects["kpi"].isin(list(changes))], items)
        linked["place"] = [columns.index(item) for item in linked["item"]]
        linked["change"] = [float(changes[kpi]) for kpi in linked["kpi"]]
        return cls(columns, direct, linked)

    @property
    def places(self) -> list[int]:
        """The columns that are changed, directly or through a KPI."""
        return sorted({*np.flatnonzero(self.direct).tolist(), *self.linked["place"].tolist()})

    @property
    def items(self) -> list[str]:
        """Their names."""
        return [self.columns[place] for place in self.places]

    def rise(self, boot: Bootstrap | None) -> Array:
        """(B, P) asked rises: the point's (B = 1), or with KPI effects drawn around their estimates."""
        effects = self.linked["estimate"].to_numpy(float)[None, :]
        if boot is not None and effects.size:
            noise = np.random.default_rng([boot.seed, _STREAM]).standard_normal((len(boot), effects.size))
            effects = effects + self.linked["std_error"].to_numpy(float) * noise
        to_column = np.zeros((len(self.linked), len(self.columns)))
        to_column[np.arange(len(self.linked)), self.linked["place"].to_numpy(int)] = self.linked["change"].to_numpy(
            float
        )
        return np.asarray(self.direct + effects @ to_column)

    def through(self, place: int) -> list[str]:
        """The KPIs by which a column is changed."""
        return self.linked.loc[self.linked["place"] == place, "kpi"].tolist()


def _table(kpis: KpiEffects | pd.DataFrame | None) -> pd.DataFrame:
    if kpis is None:
        return pd.DataFrame(columns=_COLUMNS)
    table = kpis if isinstance(kpis, pd.DataFrame) else kpis.effects_on_items()
    for column in _COLUMNS:
        if column not in table.columns:
            raise EstimationError(f"the KPI effects have no column {column!r}. {known_names(column, table.columns)}")
    return table[list(_COLUMNS)]


def _linked(effects: pd.DataFrame, items: Collection[str]) -> pd.DataFrame:
    """The effects on items of the model, checked; every KPI has to have one."""
    used = effects[effects["item"].isin(list(items))].copy()
    for kpi in dict.fromkeys(effects["kpi"]):
        if kpi in items:
            raise ModelError(
                f"{kpi!r} is a KPI and an item at once, so that its change can be read in two ways. Rename the KPI."
            )
        if kpi not in set(used["kpi"]):
            raise ModelError(
                f"KPI {kpi!r} has no effect on an item of the model. {known_names('', items, 'Its items are')}"
            )
    for row in used[used.duplicated(["kpi", "item"])].itertuples():
        raise EstimationError(
            f"the effect of KPI {row.kpi!r} on item {row.item!r} stands twice in the table. Keep one of them."
        )
    for row in used[~(np.isfinite(used["estimate"].astype(float)) & (used["std_error"] >= 0))].itertuples():
        raise EstimationError(
            f"the effect of KPI {row.kpi!r} on item {row.item!r} has no estimate or no standard error."
        )
    return used
