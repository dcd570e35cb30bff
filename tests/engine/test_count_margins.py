"""Margins counted on the customer base: only counts leave the engine, and rake takes them."""

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import csi
from csi.engine.margins import count_margins
from csi.errors import LinkError

pytest_plugins = ["engines"]

BASE = {
    "region": ["north"] * 60 + ["south"] * 40,
    "tier": [1, 2] * 50,
    "vip": [True] * 10 + [False] * 90,
    "customer": [f"c{k}" for k in range(100)],
}


@pytest.fixture(params=["duckdb", "spark", "sqlite"])
def base(request):
    if request.param == "duckdb":
        return ibis.memtable(pa.table(BASE))
    if request.param == "spark":
        return request.getfixturevalue("spark").hold(pa.table(BASE), "base")
    engine = ibis.sqlite.connect()
    pd.DataFrame(BASE).drop(columns="vip").to_sql("base", engine.con, index=False)
    return engine.table("base")


def test_levels_are_counted_in_any_engine(base):
    found = count_margins(base, ["region", "tier", ("region", "tier")])
    assert found == {
        "region": {"north": 60, "south": 40},
        "tier": {"1": 50, "2": 50},
        "region x tier": {"north x 1": 30, "north x 2": 30, "south x 1": 20, "south x 2": 20},
    }


def test_a_file_and_other_names(tmp_path):
    path = tmp_path / "base.csv"
    pd.DataFrame(BASE).to_csv(path, index=False)
    assert count_margins(path, {"area": "region", "important": "vip"}) == {
        "area": {"north": 60, "south": 40},
        "important": {"false": 90, "true": 10},
    }


def test_the_counts_are_margins_to_rake_to(base):
    book = csi.Codebook.from_dict(
        {"items": [{"name": "q", "scale": {"low": 1, "high": 5}}], "segments": [{"name": "region", "column": "region"}]}
    )
    frame = pd.DataFrame({"q": [1, 2, 3, 4], "region": ["north", "south", "south", "south"]})
    weighted = csi.rake(csi.survey_from_frame(frame, book), count_margins(base, ["region"]))
    assert np.allclose(weighted.weights, [2.4, 1.6 / 3, 1.6 / 3, 1.6 / 3])


def test_customers_without_a_value_are_said_and_not_counted(engine):
    table = engine.hold(pa.table({"region": ["north", None, "", "south"]}), "base")
    with pytest.warns(csi.CsiWarning, match="2 customers have no value in 'region'"):
        assert count_margins(table, ["region"]) == {"region": {"north": 1, "south": 1}}


def test_what_is_no_margin_is_refused(base):
    with pytest.raises(LinkError, match="Did you mean 'region'"):
        count_margins(base, ["regoin"])
    with pytest.raises(LinkError, match="name at least one"):
        count_margins(base, [])
    many = ibis.memtable(pa.table({"id": list(range(300)), "none": pa.nulls(300, pa.string())}))
    with pytest.raises(LinkError, match="more than 200 levels"):
        count_margins(many, ["id"])
    with pytest.raises(LinkError, match="nobody has a value in 'none'"):
        count_margins(many, ["none"])
