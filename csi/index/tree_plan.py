"""The study file's section on the panorama: views, slices, KPIs, targets, and what counts as a change."""

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class PanoramaPlan:
    """What `csi.panorama` is asked for a study, with the names of its parameters.

    Attributes
    ----------
    kpis
        A CSV or Excel file of operational KPIs in the data folder, as `csi.read_kpis` reads it.
    mix
        The segment whose shares are the customer mix when a change is explained; the first of the codebook unless given, "" for
        none.

    >>> PanoramaPlan(targets={"Satisfaction": 80}).minimum_change
    1.0
    """

    kpis: str | None = None
    mix: str | None = None
    by: tuple[str, ...] = ()
    views: dict[str, dict[str, dict[str, float]]] = Field(default_factory=dict)
    targets: dict[str, float] = Field(default_factory=dict)
    company: tuple[str, str] | None = None
    last_year: str | None = None
    minimum_change: float = Field(default=1.0, ge=0)
    q: float = Field(default=0.10, gt=0, lt=1)
