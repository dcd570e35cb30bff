"""A risk is the same whichever engine holds the base, and what is scored in batches is written whole or not at all."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from csi.behaviour.linkage import link
from csi.behaviour.risk import dissatisfaction_risk
from csi.engine import Table, connect, operations
from csi.errors import LinkError
from csi.survey.codebook import Codebook
from csi.survey.reading import survey_from_frame

pytest_plugins = ["engines"]

N, ASKED = 900, 500
BOOK = Codebook.from_dict({"scale": {"low": 1, "high": 10}, "items": [{"name": "q"}], "key": "id"})
FEATURES = ["faults", "bill", "phone", "roams"]


@pytest.fixture(scope="module")
def base():
    """Whole numbers, gaps that are NULL or NaN, texts with gaps, flags; customers out of reach of those who were asked."""
    rng = np.random.default_rng(7)
    far = np.arange(N) // 20 == ASKED // 20
    bill = np.where(far, 9_999, np.where(rng.random(N) < 0.1, np.nan, rng.gamma(4, 20, N)))
    columns = {
        "id": [f"{i:06d}" for i in range(N)],
        "faults": rng.poisson(2, N),
        "bill": pa.array(bill, mask=(rng.random(N) < 0.1) & ~far),
        "phone": rng.choice(np.array(["north", "西", "", None], dtype=object), N),
        "roams": rng.random(N) < 0.3,
        "consent": rng.choice(np.array(["yes", "no", None], dtype=object), N),
    }
    return pa.table(columns)


def linked_to(engine, place):
    survey = survey_from_frame(pd.DataFrame({"id": [f"{i:06d}" for i in range(ASKED)], "q": 5}), BOOK)
    return link(survey, place, key="id", features=FEATURES, engine=engine)


@pytest.fixture(scope="module")
def risk(base):
    """Learnt beside DuckDB."""
    faults = base["faults"].to_numpy()[:ASKED]
    dissatisfied = faults + np.random.default_rng(8).normal(size=ASKED) > 3
    duck = connect(threads=1)
    return dissatisfaction_risk(linked_to(duck, duck.hold(base, "base")), dissatisfied, folds=2)


@pytest.fixture(scope="module")
def placed(engine, base, risk):
    """The same, with the base in an engine."""
    return replace(risk, linked=linked_to(engine, engine.hold(base, "base")))


def test_respondents_and_base_are_told_alike(placed, risk):
    pd.testing.assert_frame_equal(placed.linked.frame, risk.linked.frame, rtol=1e-9)
    for feature, summary in risk.linked.base_summary.items():
        found = placed.linked.base_summary[feature]
        assert (found.n, found.mean, found.sd) == pytest.approx((summary.n, summary.mean, summary.sd), rel=1e-9)


def test_scores_and_flags_of_the_whole_base(placed, risk):
    found, expected = placed.score_base(["consent"], size=100), risk.score_base(["consent"])
    order, usual = np.argsort(found.key.to_pylist()), np.argsort(expected.key.to_pylist())
    np.testing.assert_allclose(found.probability[order], expected.probability[usual], rtol=1e-9)
    assert found.flags["consent"][order].tolist() == expected.flags["consent"][usual].tolist()


def test_scores_are_written_in_batches(placed, risk, tmp_path):
    assert placed.scores_to(tmp_path / "scores.parquet", size=100) == N
    assert pq.ParquetFile(tmp_path / "scores.parquet").num_row_groups >= N // 100
    written = pd.read_parquet(tmp_path / "scores.parquet").sort_values("key", ignore_index=True)
    expected = risk.score_base()
    assert dict(zip(expected.key.to_pylist(), expected.probability, strict=True)) == pytest.approx(
        dict(zip(written["key"], written["probability"], strict=True)), rel=1e-9
    )
    assert set(written.loc[written["outside"], "key"]) >= {f"{i:06d}" for i in range(ASKED, ASKED + 20)}
    assert written["outside"].sum() < 40


class TestWhatHappensBetweenTheLinkAndTheScores:
    """Nothing of the scores is then there, and what stood before still is."""

    def refuse(self, match, risk, tmp_path):
        (tmp_path / "scores.parquet").write_text("of before")
        there = sorted(path.name for path in tmp_path.iterdir())
        with pytest.raises(LinkError, match=match):
            risk.scores_to(tmp_path / "scores.parquet", size=100)
        assert (tmp_path / "scores.parquet").read_text() == "of before"
        assert sorted(path.name for path in tmp_path.iterdir()) == there

    def test_the_base_vanishes_or_changes_its_kinds(self, engine, base, risk, tmp_path):
        path = tmp_path / "base.parquet"
        pq.write_table(base, path)
        later = replace(risk, linked=linked_to(engine, path))
        pq.write_table(base.set_column(2, "bill", pa.array(["much"] * N)), path)
        self.refuse(r"base\.parquet: the table has changed since it was opened", later, tmp_path)
        path.unlink()
        self.refuse(r"base\.parquet: the table has vanished since it was opened", later, tmp_path)

    def test_a_row_far_down_cannot_be_read(self, placed, tmp_path):
        source = operations.with_columns(placed.linked.source, {"text": lambda t: t["id"].replace("000899", "many")})
        broken = source.expression.mutate(faults=source.expression["text"].cast("int64"))
        linked = replace(placed.linked, source=Table(broken, "base"))
        self.refuse("base: the engine cannot read this", replace(placed, linked=linked), tmp_path)
