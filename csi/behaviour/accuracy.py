"""How good out-of-sample probabilities are: discrimination, calibration and what a list of the riskiest would gain.

Notation
    y  (n,)  1 = dissatisfied, 0 = not
    p  (n,)  probability given before y was known
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Out-of-fold accuracy; probabilities and shares as fractions of 1.

    `brier_reference` is the Brier score of giving everyone the base rate; `lift` is how many times the base rate is found
    in the tenth with the highest probability.
    """

    n: int
    base_rate: float
    auc: float
    auc_error: float
    auc_low: float
    auc_high: float
    brier: float
    brier_reference: float
    calibration_error: float
    lift: float

    @property
    def no_better_than_chance(self) -> bool:
        """Whether the 95 % interval of the AUC does not lie wholly above 0.5."""
        return not self.auc_low > 0.5


def accuracy(y: Array, p: Array) -> Accuracy:
    """Accuracy of probabilities `p` for outcomes `y`; rows of equal probability count in the order given.

    >>> result = accuracy(np.repeat([0.0, 1.0], 50), np.linspace(0, 1, 100))
    >>> result.auc, result.lift
    (1.0, 2.0)
    """
    area, error = area_under_curve(y, p)
    reach = float(ndtri(0.975)) * error
    rate = float(y.mean())
    return Accuracy(
        n=len(y),
        base_rate=rate,
        auc=area,
        auc_error=error,
        auc_low=max(area - reach, 0.0),
        auc_high=min(area + reach, 1.0),
        brier=float(((p - y) ** 2).mean()),
        brier_reference=rate * (1 - rate),
        calibration_error=calibration_error(y, p),
        lift=top_lift(y, p),
    )


def area_under_curve(y: Array, p: Array) -> tuple[float, float]:
    """Area under the ROC curve and its standard error (DeLong, DeLong & Clarke-Pearson 1988; ranks by Sun & Xu 2014)."""
    from scipy.stats import rankdata  # heavy, and used only here

    positive = y > 0
    m, n = int(positive.sum()), int((~positive).sum())
    everyone = rankdata(p)
    # Of each dissatisfied the share of others ranked below, of each other the share of dissatisfied ranked above.
    above = (everyone[positive] - rankdata(p[positive])) / n
    below = 1 - (everyone[~positive] - rankdata(p[~positive])) / m
    error = np.sqrt(above.var(ddof=1) / m + below.var(ddof=1) / n)
    return float(above.mean()), float(error)


def calibration_error(y: Array, p: Array, bins: int = 10) -> float:
    """Expected calibration error: mean distance of promised and observed share over bins of equal count (Naeini 2015)."""
    parts = np.array_split(np.argsort(p, kind="stable"), bins)
    return float(sum(len(part) * abs(p[part].mean() - y[part].mean()) for part in parts if len(part)) / len(y))


def top_lift(y: Array, p: Array, share: float = 0.1) -> float:
    """Share of dissatisfied among the `share` with the highest probability, divided by the base rate."""
    top = np.argsort(-p, kind="stable")[: max(round(share * len(y)), 1)]
    return float(y[top].mean() / y.mean())
