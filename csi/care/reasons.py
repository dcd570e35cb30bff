"""What a customer's risk goes with: the feature whose typical value would lower the probability most (occlusion).

Each feature in turn is replaced by the base's median or most frequent value, the others held as they are (Zeiler & Fergus
2014 hid parts of a picture in this way). Features that move together share what they explain; none is shown to be a cause.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from csi.behaviour.risk import RiskModel
from csi.engine import POSITION


def reasons_for(risk: RiskModel, keys: Sequence[str]) -> pd.DataFrame:
    """One row a key: reason_feature, reason_value, typical_value, reason_points (percentage points of probability).

    All four are empty where no single feature lowers the probability. None as a value means no record.
    """
    linked, encoding = risk.linked, risk.classifier.encoding
    table, features = linked.source, list(linked.features)
    wanted = [int(k) for k in keys] if table.columns[linked.key] == "integer" else list(keys)
    rows = table.matching(linked.key, wanted, features).drop_columns([POSITION])
    typical = table.typical(features)
    columns = {name: rows.column(name).combine_chunks() for name in features}
    usual = {name: pa.array([typical[name]], columns[name].type) for name in features}
    X, ordinary = encoding.matrix(columns), encoding.matrix(usual)[0]
    drop = np.empty_like(X)
    now = risk.classifier.probability_of(X)
    for j in range(len(features)):
        hidden = X.copy()
        hidden[:, j] = ordinary[j]
        drop[:, j] = now - risk.classifier.probability_of(hidden)
    best = drop.argmax(axis=1)
    values = [columns[features[j]][i].as_py() for i, j in enumerate(best)]
    found = drop.max(axis=1) > 0
    return pd.DataFrame(
        {
            "reason_feature": _objects([features[j] for j in best], found),
            "reason_value": _objects(values, found),
            "typical_value": _objects([typical[features[j]] for j in best], found),
            "reason_points": np.where(found, 100 * drop.max(axis=1), np.nan),
        }
    )


def _objects(values: Sequence[object], found: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> "pd.Series[str]":
    return pd.Series([v if keep else None for v, keep in zip(values, found, strict=True)], dtype=object)
