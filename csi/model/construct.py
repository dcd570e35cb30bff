"""A construct: what is not asked directly, and the items that stand for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from csi.errors import ModelError

Kind = Literal["composite", "factor", "observed"]
Mode = Literal["A", "B", "unit"]


@dataclass(frozen=True, slots=True)
class Construct:
    """A composite (weighted sum of its items, Mode A or B), a common factor (consistent PLS) or an observed column.

    Parameters
    ----------
    name
        Its name in paths and tables.
    items
        Names of its items, at least one. Names of other constructs make it a higher-order construct of those dimensions.
    kind
        "composite", "factor", or "observed" for a single column taken as it is (control variables).
    mode
        How the outer weights are found: "A" from correlations, "B" by regression, "unit" the sum of the standardised items.
    weights
        Fixed outer weights of the items on their own scales, which no estimation changes; they may be scaled at will.
        `Fit.unit_weights` of an earlier wave keeps later waves on its ruler.
    reliability
        Of a single item of kind "factor": the share of its variance that is true, if it is known.

    >>> Construct("Quality", ["PERQ1", "PERQ2"], mode="B").items
    ('PERQ1', 'PERQ2')
    """

    name: str
    items: Sequence[str]
    kind: Kind = "composite"
    mode: Mode = "A"
    weights: Sequence[float] | None = None
    reliability: float | None = None

    def __post_init__(self) -> None:
        if isinstance(self.items, str):
            raise ModelError(f"construct {self.name!r}: items must be a list of names, not the text {self.items!r}.")
        object.__setattr__(self, "items", tuple(self.items))
        if not self.name or not self.name.strip():
            raise ModelError(f"a construct of items {', '.join(self.items) or 'none'} has no name.")
        if not self.items:
            raise ModelError(f"construct {self.name!r} has no items. Give it at least one, or leave it out.")
        twice = sorted({i for i in self.items if self.items.count(i) > 1})
        if twice:
            raise ModelError(f"construct {self.name!r} names item {twice[0]!r} more than once.")
        if self.kind not in get_args(Kind):
            raise ModelError(
                f"construct {self.name!r}: kind must be 'composite', 'factor' or 'observed', not {self.kind!r}."
            )
        if self.mode not in get_args(Mode):
            raise ModelError(f"construct {self.name!r}: mode must be 'A', 'B' or 'unit', not {self.mode!r}.")
        self._check_factor()
        self._check_weights()

    def _check_factor(self) -> None:
        if self.kind == "factor" and (self.mode != "A" or self.weights is not None):
            how = "fixed weights" if self.weights is not None else f"mode={self.mode!r}"
            raise ModelError(
                f"construct {self.name!r}: a common factor has no place for {how}. Use mode='A', or kind='composite'."
            )
        if self.kind == "observed" and len(self.items) > 1:
            raise ModelError(f"construct {self.name!r}: an observed column is one item, not {len(self.items)}.")
        if self.reliability is None:
            return
        if self.kind != "factor" or len(self.items) > 1:
            raise ModelError(
                f"construct {self.name!r}: reliability= is for a single item of kind='factor'; with more items it is estimated."
            )
        if not 0 < self.reliability <= 1:
            raise ModelError(
                f"construct {self.name!r}: reliability must lie above 0 and not above 1, not {self.reliability}."
            )

    def _check_weights(self) -> None:
        if self.weights is None:
            return
        weights = tuple(float(weight) for weight in self.weights)
        object.__setattr__(self, "weights", weights)
        if len(weights) != len(self.items):
            raise ModelError(f"construct {self.name!r} has {len(self.items)} items, but {len(weights)} fixed weights.")
        if not any(weights) or not all(abs(weight) < float("inf") for weight in weights):
            raise ModelError(f"construct {self.name!r}: fixed weights must be numbers, and not all 0.")

    @property
    def is_free(self) -> bool:
        """Whether the outer weights are estimated."""
        return self.mode != "unit" and self.weights is None
