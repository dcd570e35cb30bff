"""Scores are columns that the engine computes: an intercept and a number for each item."""

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from csi.engine import with_scores
from csi.errors import LinkError

pytest_plugins = ["engines"]

ITEMS = ["q1", "q2", "q3"]
ROWS = {"id": ["a", "b", "c"], "q1": [7, 8, None], "q2": [5.0, float("nan"), 6.0], "q3": [1, 2, 3]}


@pytest.fixture(params=["duckdb", "spark", "sqlite"])
def table(request):
    if request.param == "duckdb":
        return ibis.memtable(pa.table(ROWS))
    if request.param == "spark":
        return request.getfixturevalue("spark").hold(pa.table(ROWS), "answers")
    engine = ibis.sqlite.connect()
    pd.DataFrame(ROWS).to_sql("answers", engine.con, index=False)
    return engine.table("answers")


def test_scores_stand_beside_the_columns_and_are_gaps_where_an_item_is(table):
    scored = with_scores(table, ITEMS, {"both": (-10.0, [2.0, 4.0, 0.0]), "third": (1.0, [0, 0, 0.5])})
    assert list(scored.columns) == ["id", *ITEMS, "both", "third"]
    found = scored.arrow(scored.expression.order_by("id")).to_pydict()
    assert found["both"] == [24.0, None, None]
    assert found["third"] == [1.5, 2.0, 2.5]  # items that take no part may be absent
    assert found["id"] == ["a", "b", "c"]


def test_what_cannot_be_scored_is_named(table):
    with pytest.raises(LinkError, match="no column 'q9', which is named as an item"):
        with_scores(table, ["q9"], {"s": (0.0, [1.0])})
    with pytest.raises(LinkError, match="column 'id', which is named as an item, does not hold numbers"):
        with_scores(table, ["id"], {"s": (0.0, [1.0])})
    with pytest.raises(LinkError, match="there is a column 'q3' already"):
        with_scores(table, ["q1"], {"q3": (0.0, [1.0])})
    with pytest.raises(LinkError, match="score 's' has 1 coefficients for 3 items"):
        with_scores(table, ITEMS, {"s": (0.0, [1.0])})
    with pytest.raises(LinkError, match="one that is not finite"):
        with_scores(table, ["q1"], {"s": (np.nan, [1.0])})
