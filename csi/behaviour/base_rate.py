"""How many of the base are dissatisfied: among respondents as they come, weighted to the base, and helped by the risk model.

The model-assisted estimate is the base's mean probability plus the weighted mean of what the answers differ from theirs
(Särndal, Swensson & Wretman 1992): it holds if either the weights or the model are right. Intervals come from a bootstrap of
respondents and of the base sample in which the propensity is estimated anew.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from csi.behaviour.risk import RiskModel, feature_columns, outcomes
from csi.behaviour.transport import Transport
from csi.display import Result, tidy
from csi.kernel.resample import percentile_interval, rao_wu_counts, standard_error

Array = NDArray[np.float64]
_PIECE = 64  # replicates in memory at once


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class BaseDissatisfaction(Result):
    """Share of the base that is dissatisfied, three ways, with 95 % intervals."""

    rows: pd.DataFrame
    base_rows: int

    def headline(self) -> list[str]:
        """The estimate to use."""
        best = self.rows.iloc[-1]
        return [
            f"BaseDissatisfaction: {best['estimate']:.1%} [{best['ci_low']:.1%}, {best['ci_high']:.1%}] of {self.base_rows:,} "
            f"customers ({best['term']}); {self.rows['estimate'].iloc[0]:.1%} among respondents as they come"
        ]

    def table(self) -> pd.DataFrame:
        """Tidy: unweighted, weighted and, with a risk model, model_assisted."""
        return self.rows.copy()


def base_dissatisfaction(
    transport: Transport, dissatisfied: ArrayLike, risk: RiskModel | None = None, *, draws: int = 200, seed: int = 1
) -> BaseDissatisfaction:
    """Estimate the share of the base that is dissatisfied.

    Parameters
    ----------
    transport
        Respondents weighted to the base (`transport_check`).
    dissatisfied
        (survey rows,) 1, 0 or NaN for unknown.
    risk
        A model learnt from the same answers, for the model-assisted estimate.
    draws, seed
        Of the bootstrap.
    """
    linked, adjusted = transport.linked, transport.nonresponse
    known, y = outcomes(linked, dissatisfied)
    residual, level = np.zeros(len(linked)), np.zeros(len(transport.sample))
    if risk is not None:
        unseen = risk.frame.set_index("row")["probability"].reindex(linked.frame["row"][known])
        seen = risk.classifier.probability(feature_columns(linked.frame, linked))
        p = np.where(unseen.notna(), unseen, seen[known])
        residual[known], level = y - p, risk.classifier.probability(feature_columns(transport.sample, linked))
        seen[known] = p
        level = np.concatenate([seen, level])
    found: list[Array] = []
    outcome = np.zeros(len(linked))
    outcome[known] = y
    whole = np.ones((1, len(adjusted.base)))
    sizes = [len(linked), len(transport.sample)]
    pieces = (c[i : i + _PIECE] for c in rao_wu_counts(sizes, draws, seed) for i in range(0, len(c), _PIECE))
    for counts in (whole, *pieces):
        W = counts * adjusted.base
        w = adjusted.replicated(W) * known
        estimates = [_mean(counts[:, : len(linked)] * known, outcome), _mean(w, outcome)]
        if risk is not None:
            estimates.append(_mean(W, level) + _mean(w, residual))
        found.append(np.column_stack(estimates))
    point, sampled = found[0][0], np.concatenate(found[1:])
    low, high = percentile_interval(sampled)
    rows = zip(("unweighted", "weighted", "model_assisted"), point, standard_error(sampled), low, high, strict=False)
    return BaseDissatisfaction(
        tidy(
            {"term": t, "estimate": e, "std_error": s, "ci_low": a, "ci_high": b, "n": int(known.sum())}
            for t, e, s, a, b in rows
        ),
        linked.base_rows,
    )


def _mean(W: Array, values: Array) -> Array:
    return np.asarray((W @ values) / W.sum(axis=1))
