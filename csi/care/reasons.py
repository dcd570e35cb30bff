"""What a customer's risk goes with: the feature that adds most to it against a customer with the base's typical values.

Typical is the median or the most frequent value. Contributions are exact for the logistic model and Shapley values over paths
for trees (see `Classifier.contributions`). Features that move together share what they explain; none is shown to be a cause.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy.special import expit

from csi.behaviour.risk import RiskModel
from csi.engine import POSITION


def reasons_for(risk: RiskModel, keys: Sequence[str]) -> pd.DataFrame:
    """One row a key: reason_feature, reason_value, typical_value, reason_points (percentage points of probability).

    The points are what the probability would lose without the feature's contribution to its log odds. All four are empty where
    no feature adds to the risk. None as a value means no record.
    """
    linked, encoding = risk.linked, risk.classifier.encoding
    table, features = linked.source, list(linked.features)
    wanted = [int(k) for k in keys] if table.columns[linked.key] == "integer" else list(keys)
    rows = table.matching(linked.key, wanted, features).drop_columns([POSITION])
    typical = table.typical(features)
    columns = {name: rows.column(name).combine_chunks() for name in features}
    usual = {name: pa.array([typical[name]], columns[name].type) for name in features}
    X, ordinary = encoding.matrix(columns), encoding.matrix(usual)[0]
    added = risk.classifier.contributions(X, ordinary)
    best, most = added.argmax(axis=1), added.max(axis=1)
    now = risk.classifier.log_odds(X)
    values = [columns[features[j]][i].as_py() for i, j in enumerate(best)]
    found = most > 0
    return pd.DataFrame(
        {
            "reason_feature": _objects([features[j] for j in best], found),
            "reason_value": _objects(values, found),
            "typical_value": _objects([typical[features[j]] for j in best], found),
            "reason_points": np.where(found, 100 * (expit(now) - expit(now - most)), np.nan),
        }
    )


def _objects(values: Sequence[object], found: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> "pd.Series[str]":
    return pd.Series([v if keep else None for v, keep in zip(values, found, strict=True)], dtype=object)
