"""Is the model worth its trouble? Its ranking against that of every single number that a manager might sort by."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from csi.behaviour.accuracy import placements, top_lift
from csi.behaviour.risk import RiskModel
from csi.display import Result, tidy

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class NaiveRules(Result):
    """One row a number, the strongest first: its AUC, and how much the model's AUC is above it."""

    rows: pd.DataFrame
    model_auc: float

    @property
    def model_is_better(self) -> bool:
        """Whether the model beats the strongest single number beyond chance."""
        return bool(self.rows["gain_low"].iloc[0] > 0) if len(self.rows) else True

    def headline(self) -> list[str]:
        """The model against the strongest number."""
        if not len(self.rows):
            return ["NaiveRules: no feature is a number to sort by"]
        first = self.rows.iloc[0]
        verdict = "better than" if self.model_is_better else "NOT CLEARLY BETTER than"
        return [
            f"NaiveRules: the model (AUC {self.model_auc:.3f}) is {verdict} sorting by {first['term']!r} "
            f"({first['direction']} first, AUC {first['estimate']:.3f}): gain {first['gain']:.3f} "
            f"[{first['gain_low']:.3f}, {first['gain_high']:.3f}]"
        ]

    def table(self) -> pd.DataFrame:
        """Tidy: term, estimate (AUC), p_value of the gain, direction, lift (top tenth), gain, gain_low, gain_high."""
        return self.rows.copy()


def naive_rules(risk: RiskModel) -> NaiveRules:
    """Compare a model with sorting by one feature, on the respondents of the wave that is scored (paired, DeLong et al. 1988).

    Each feature is sorted in the direction that suits it best in hindsight, which favours the rule; a gap sorts in the middle.
    """
    frame = risk.frame.merge(risk.linked.frame, on=["row", "key"])
    y, p, w = (frame[c].to_numpy(float) for c in ("dissatisfied", "probability", "weight"))
    area, influence = placements(y, p, w)
    rows = [
        _row(feature, frame[feature].to_numpy(float), (y, w), area, influence)
        for feature in risk.linked.numeric_features
        if frame[feature].notna().any()
    ]
    own = ["direction", "lift", "gain", "gain_low", "gain_high"]
    return NaiveRules(tidy(sorted(rows, key=lambda row: -float(str(row["estimate"]))), own), area)


def _row(feature: str, x: Array, sample: tuple[Array, Array], area: float, influence: Array) -> dict[str, object]:
    y, w = sample
    x = np.where(np.isnan(x), np.nanmedian(x), x)
    direction = "highest" if placements(y, x, w)[0] >= 0.5 else "lowest"
    x = x if direction == "highest" else -x
    own, moves = placements(y, x, w)
    reach = float(ndtri(0.975))
    error, gain = float(np.sqrt(((influence - moves) ** 2).sum())), area - own
    own_error = float(np.sqrt((moves**2).sum()))
    return {
        "term": feature,
        "estimate": own,
        "std_error": own_error,
        "ci_low": own - reach * own_error,
        "ci_high": own + reach * own_error,
        "p_value": float(2 * ndtr(-abs(gain) / error)) if error > 0 else 1.0,
        "n": len(y),
        "direction": direction,
        "lift": top_lift(y, x, w=w),
        "gain": gain,
        "gain_low": gain - reach * error,
        "gain_high": gain + reach * error,
    }
