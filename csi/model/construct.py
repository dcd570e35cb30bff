"""A construct: what is not asked directly, and the items that stand for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from csi.errors import ModelError

Kind = Literal["composite", "factor"]
Mode = Literal["A", "B"]


@dataclass(frozen=True, slots=True)
class Construct:
    """A composite (weighted sum of its items, Mode A or B) or a common factor (consistent PLS).

    Parameters
    ----------
    name
        Its name in paths and tables.
    items
        Names of its items, at least one.
    kind
        "composite" or "factor".
    mode
        How the outer weights are found: "A" from correlations, "B" by regression.

    >>> Construct("Quality", ["PERQ1", "PERQ2"], mode="B").items
    ('PERQ1', 'PERQ2')
    """

    name: str
    items: Sequence[str]
    kind: Kind = "composite"
    mode: Mode = "A"

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
            raise ModelError(f"construct {self.name!r}: kind must be 'composite' or 'factor', not {self.kind!r}.")
        if self.mode not in get_args(Mode):
            raise ModelError(f"construct {self.name!r}: mode must be 'A' or 'B', not {self.mode!r}.")
        if self.kind == "factor" and self.mode == "B":
            raise ModelError(
                f"construct {self.name!r}: a common factor has no Mode B weights. Use mode='A', or kind='composite'."
            )
