"""The events of simulated customers add up to their snapshot, and what they do after the answer stays unknown."""

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from csi.behaviour.feature_leaks import leakage_check
from csi.behaviour.feature_rules import EventFeatures
from csi.behaviour.features import features_of_base
from csi.behaviour.linkage import link
from csi.engine import connect
from csi.simulate_event_tables import EVENTS, bill_table, event_table
from csi.survey.codebook import Codebook
from csi.survey.reading import survey_from_frame

BEGINS, ENDS = dt.date(2026, 9, 1), dt.date(2026, 9, 29)
RULES = [
    EventFeatures(kind, "events", "date", ("count",), windows=(days,), where={"kind": kind})
    for kind, (_, days) in EVENTS.items()
]
BILL = EventFeatures("bill", "bills", "date", ("level_change", "mean"), windows=(30,), column="amount")


@pytest.fixture(scope="module")
def made():
    rng, n = np.random.default_rng(4), 600
    usual = rng.gamma(4, 15, n).round(2)
    base = pd.DataFrame(
        {"customer_id": [f"C{i}" for i in range(n)], "usual_bill": usual, "monthly_bill": (1.3 * usual).round(2)}
        | {column: rng.poisson(0.8, n) for column, _ in EVENTS.values()}
    )
    ill = rng.random(n) < 0.2
    engine = connect(threads=1)
    frames = {"events": event_table(base, BEGINS, ENDS, ill, rng), "bills": bill_table(base, BEGINS)}
    tables = {name: engine.hold(pa.Table.from_pandas(frame), name) for name, frame in frames.items()}
    return base, ill, engine.hold(pa.Table.from_pandas(base), "base"), tables


def test_counts_and_bills_are_those_of_the_snapshot(made):
    base, _, held, tables = made
    table = features_of_base(held, [*RULES, BILL], tables, key="customer_id", as_of=BEGINS)
    found = pa.Table.from_batches(list(table.batches(list(table.columns)))).to_pandas().set_index("customer_id")
    found = found.loc[base["customer_id"]]
    for kind, (column, days) in EVENTS.items():
        assert found[f"{kind}_count_{days}d"].tolist() == base[column].tolist()
    assert found["bill_mean_30d"].tolist() == pytest.approx(base["monthly_bill"].tolist())
    assert found["bill_level_change_30d"].tolist() == pytest.approx(
        (base["monthly_bill"] / base["usual_bill"] - 1).tolist()
    )


def test_complaints_after_the_answer_would_leak_and_do_not(made):
    base, ill, held, tables = made
    survey = survey_from_frame(
        pd.DataFrame({"id": base["customer_id"], "q": 10, "on": "2026-09-20"}),
        Codebook.from_dict({"scale": {"low": 1, "high": 10}, "items": [{"name": "q"}], "key": "id", "date": "on"}),
        source="answers.csv",
    )
    honest = link(survey, held, key="customer_id", events=RULES, tables=tables)
    check = leakage_check(honest, ill)
    assert check.table()["verdict"].tolist() == ["pass"] * len(RULES)
    assert check.removed == int(
        (tables["events"].arrow(tables["events"].expression)["date"].to_pandas() > "2026-09-20").sum()
    )
    assert abs(np.corrcoef(honest.frame["complaint_count_90d"], ill)[0, 1]) < 0.15
    rule = EventFeatures("later", "events", "date", ("count",), windows=(30,), where={"kind": "complaint"})
    later = features_of_base(held, [rule], tables, key="customer_id", as_of=dt.date(2026, 10, 29))
    counts = pa.Table.from_batches(list(later.batches(list(later.columns)))).to_pandas().set_index("customer_id")
    assert np.corrcoef(counts.loc[base["customer_id"], "later_count_30d"], ill)[0, 1] > 0.5
