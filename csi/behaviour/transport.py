"""Are respondents like the base? How they differ, what weights repair of it, and who in the base is like no respondent.

The base is compared by a random sample of it, drawn by a seeded hash of the keys while the base streams past. Weights are the
inverse of the chance to be among the respondents (asked and answering, both at once), by classes of similar propensity.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from csi.behaviour.accuracy import area_under_curve
from csi.behaviour.linkage import Linked
from csi.behaviour.lottery import tickets
from csi.behaviour.risk import feature_columns
from csi.behaviour.support import support_of
from csi.display import Result
from csi.errors import LinkError
from csi.kernel.shrinkage import wilson_interval
from csi.survey.nonresponse import NonresponseWeights, nonresponse_weights

Array = NDArray[np.float64]
_LEVELS = 8  # of a text that have a column of their own
_OTHER = "(other)"
# Few classes leave strong selection half repaired; a class needs respondents enough for a steady rate.
_PER_CLASS, _CLASSES = 75, (5, 20)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Transport(Result):
    """Respondents against the base.

    Attributes
    ----------
    linked, sample
        The respondents, and a random sample of the other customers: `key` and the features.
    nonresponse
        Weights of the linked respondents, which come first in its sample; and the balance before and after.
    separation
        AUC of telling respondents from the base by their behaviour; 0.5 if they are alike.
    overlap
        Overlap of the propensities of respondents and base: 1 if they are distributed alike, 0 if they share none.
    outside
        One row a feature: share of the base that lies where no respondent was, n of the sample; the row "any feature" first.
    """

    linked: Linked
    sample: pd.DataFrame
    nonresponse: NonresponseWeights
    separation: float
    overlap: float
    outside: pd.DataFrame

    @property
    def survey_weights(self) -> Array:
        """(survey rows,) weights with a mean of 1, for `dissatisfaction_risk`; 1 for respondents who are not linked."""
        weights = np.ones(len(self.linked.survey))
        weights[self.linked.frame["row"].to_numpy()] = self.nonresponse.weights
        return weights

    def headline(self) -> list[str]:
        """How different, how much is outside, what the weights repair."""
        whole = self.outside.iloc[0]
        return [
            f"Transport: {len(self.linked):,} respondents against {len(self.sample):,} others of {self.linked.base_rows:,}; told "
            f"apart with AUC {self.separation:.2f} (0.5: alike), overlap {self.overlap:.0%}",
            f"{whole['estimate']:.1%} of the base [{whole['ci_low']:.1%}, {whole['ci_high']:.1%}] lie where no respondent was: "
            "their risk is a guess",
            *self.nonresponse.headline(),
        ]

    def table(self) -> pd.DataFrame:
        """Standardised differences respondents minus base: estimate (weighted) and before."""
        return self.nonresponse.table()


def transport_check(
    linked: Linked, *, covariates: Sequence[str] | None = None, size: int = 10_000, seed: int = 1
) -> Transport:
    """Compare respondents with the base and weight them to it.

    Parameters
    ----------
    linked
        Answers joined to behaviour.
    covariates
        Features that the weights make alike; all of them by default.
    size
        Customers in the random sample of the base.
    seed
        Of the sample.

    Raises
    ------
    LinkError
        The base holds nobody but respondents, or a covariate is not a linked feature.
    """
    names = list(linked.features if covariates is None else covariates)
    strangers = [name for name in names if name not in linked.features]
    if strangers:
        raise LinkError(
            f"{strangers[0]!r} is not a linked feature. Link it, or name others: {', '.join(linked.features)}."
        )
    drawn = base_sample(linked, size, seed)
    others = drawn[~drawn["key"].isin(linked.frame["key"])].reset_index(drop=True)
    if not len(others):
        raise LinkError(
            f"{linked.source.name}: the base holds nobody but respondents, so there is nothing to compare with."
        )
    both = pd.concat([linked.frame[["key", *linked.features]], others], ignore_index=True)
    known = pd.DataFrame({name: _plain(both[name], name in linked.numeric_features) for name in names})
    answered = np.arange(len(both)) < len(linked)
    each = (linked.base_rows - len(linked)) / len(others)
    known["(key)"], known["(weight)"] = both["key"], np.where(answered, 1.0, each)
    classes = int(np.clip(len(linked) // _PER_CLASS, *_CLASSES))
    found = nonresponse_weights(known[answered], known, names, key="(key)", weight="(weight)", classes=classes)
    p, w = found.propensity, found.base
    return Transport(
        linked=linked,
        sample=others,
        nonresponse=found,
        separation=area_under_curve(answered.astype(float), p, w)[0],
        overlap=_overlap(p, w, answered),
        outside=_outside(linked, drawn),
    )


def base_sample(linked: Linked, size: int = 10_000, seed: int = 1, purpose: str = "base sample") -> pd.DataFrame:
    """A random sample of the base, respondents among it, in an order drawn from the keys: `key` and the features.

    The same whatever the order of the base; at most `size` rows and one batch are in memory.
    """
    columns, kept = [linked.key, *linked.features], []
    tickets_kept, last = np.empty(0, dtype=np.uint64), None
    for batch in linked.source.batches(columns, as_text=[linked.key]):
        drawn = tickets(batch.column(linked.key).to_pylist(), seed, purpose)
        near = np.arange(len(drawn)) if last is None else np.flatnonzero(drawn <= last)
        kept.append(pa.Table.from_batches([batch]).take(near))
        tickets_kept = np.concatenate([tickets_kept, drawn[near]])
        if len(tickets_kept) > size:
            order = np.argsort(tickets_kept, kind="stable")[:size]
            kept, tickets_kept = [pa.concat_tables(kept).take(order)], tickets_kept[order]
            last = tickets_kept[-1]
    rows = pa.concat_tables(kept).take(np.argsort(tickets_kept, kind="stable"))
    frame: pd.DataFrame = rows.rename_columns(["key", *linked.features]).to_pandas()
    return frame


def _plain(values: "pd.Series[Any]", numeric: bool) -> "pd.Series[Any]":
    """Numbers within their 1st and 99th percentile, so that none decides alone; rare levels together."""
    if numeric:
        x = values.astype(float)
        return x.clip(float(x.quantile(0.01)), float(x.quantile(0.99)))
    frequent = values.value_counts().index[:_LEVELS]
    return values.where(values.isin(frequent) | values.isna(), _OTHER)


def _overlap(p: Array, w: Array, answered: NDArray[np.bool_], cells: int = 20) -> float:
    """Sum of the smaller of both shares in cells of equal share of the base (Inman & Bradley 1989)."""
    order = np.argsort(p, kind="stable")
    cuts = p[order][np.searchsorted(np.cumsum(w[order]) / w.sum(), np.arange(1, cells) / cells)]
    cell = np.searchsorted(cuts, p, side="left")
    own, all_ = np.bincount(cell, answered * w, cells), np.bincount(cell, w, cells)
    return float(np.minimum(own / own.sum(), all_ / all_.sum()).sum())


def _outside(linked: Linked, drawn: pd.DataFrame) -> pd.DataFrame:
    flags = support_of(linked).outside(feature_columns(drawn, linked))
    whole = {"any feature": np.logical_or.reduce(list(flags.values())), **flags}
    counts = np.array([flag.sum() for flag in whole.values()], dtype=float)
    low, high = wilson_interval(counts, np.full(len(counts), float(len(drawn))))
    return pd.DataFrame(
        {"term": list(whole), "estimate": counts / len(drawn), "ci_low": low, "ci_high": high, "n": len(drawn)}
    )
