"""Moments summed in an engine are the moments of the same rows in memory, whichever engine, path, batch or order of rows."""

from fractions import Fraction

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from csi.engine import cells, connect, moments_of
from csi.engine import moments as module
from csi.errors import EstimationError, LinkError
from csi.kernel.buckets import bucket_of
from csi.kernel.estimates import estimate
from csi.kernel.moments import moments
from csi.kernel.pls import Layout

ITEMS = ["q1", "q2", "q3", "q4"]


def answers(n=6000, seed=0):
    """Whole-number answers 1-10 with gaps, a customer key, clusters, strata, regions and weights."""
    rng = np.random.default_rng(seed)
    cluster = rng.integers(0, 900, n)
    X = np.clip(np.rint(7 + rng.normal(size=900)[cluster, None] + rng.normal(0, 1.5, (n, 4))), 1, 10)
    frame = pd.DataFrame(np.where(rng.random((n, 4)) < 0.01, np.nan, X), columns=ITEMS)
    frame["id"] = 13_900_000_000 + 7 * np.arange(n)
    frame["cluster"] = cluster - 450
    frame["town"] = [f"town {c:03d}" for c in cluster]
    frame["stratum"] = np.where(cluster < 300, "north", "south")
    frame["region"] = np.array(["east", "west", None], dtype=object)[rng.integers(0, 3, n)]
    frame["wave"] = rng.integers(2025, 2027, n)
    frame["w"] = rng.uniform(0.2, 4, n)
    return frame


def arrow(frame):
    return pa.Table.from_pandas(frame, preserve_index=False)


@pytest.fixture(scope="module")
def frame():
    return answers()


@pytest.fixture(params=["duckdb streamed", "duckdb summed", "sqlite"])
def engine_table(request, monkeypatch):
    """Put a frame into an engine whose sums take one of the paths."""

    def put(frame):
        if request.param == "sqlite":
            engine = ibis.sqlite.connect()
            # SQLite alone takes remainders of floats; all other engines take them of whole numbers, with the dividend's sign.
            engine.con.create_function("mod", 2, lambda a, b: None if a is None else a - b * int(Fraction(a, b)))
            frame.to_sql("answers", engine.con, index=False)
            return engine.table("answers")
        if request.param == "duckdb summed":
            monkeypatch.setattr(module, "streamed", cells.summed)
        return ibis.memtable(arrow(frame))

    return put


def close(found, expected):
    assert found.n.tolist() == expected.n.tolist()
    assert np.allclose(found.mean, expected.mean, rtol=1e-9, atol=0)
    scale = expected.sd[0][:, None] * expected.sd[0]
    assert (np.abs(found.cov[0] - expected.cov[0]) <= 1e-9 * scale).all()


class TestEveryEngine:
    def test_gives_the_moments_of_complete_rows_in_memory(self, engine_table, frame):
        sums = moments_of(engine_table(frame), ITEMS, weight="w", unit="id", by=["region", "wave"], strata="stratum")
        complete = frame.dropna(subset=ITEMS)
        assert sums.n_missing == len(frame) - len(complete)
        assert sums.items == tuple(ITEMS)
        assert sums.groups == tuple((r, w) for r in ("east", "west", None) for w in (2025, 2026))
        assert sums.strata == (("north",), ("south",))
        close(sums.moments(), moments(complete[ITEMS].to_numpy(), complete["w"].to_numpy()[None]))
        for g, (region, wave) in enumerate(sums.groups):
            inside = complete["region"].isna() if region is None else complete["region"] == region
            part = complete[inside & (complete["wave"] == wave)]
            close(sums.moments(g), moments(part[ITEMS].to_numpy(), part["w"].to_numpy()[None]))

    @pytest.mark.parametrize("unit", ["id", "cluster"])
    def test_puts_units_into_the_bucket_of_their_key(self, engine_table, frame, unit):
        sums = moments_of(engine_table(frame), ITEMS, unit=unit, by="region", buckets=64)
        complete = frame.dropna(subset=ITEMS)
        keys = complete[unit].to_numpy()
        expected = np.bincount(bucket_of(np.unique(keys), 64), minlength=64)
        assert sums.units.tolist() == [expected.tolist()]  # a cluster in several regions counts once
        rows = np.bincount(bucket_of(keys, 64), minlength=64)
        assert np.bincount(sums.bucket, sums.n, minlength=64).tolist() == rows.tolist()

    def test_numbers_texts_in_their_order(self, engine_table, frame):
        text = moments_of(engine_table(frame), ITEMS, unit="town", strata="stratum")
        numbered = frame.assign(town=frame["town"].astype("category").cat.codes.astype(int))
        number = moments_of(ibis.memtable(arrow(numbered)), ITEMS, unit="town", strata="stratum")
        assert (text.units == number.units).all()
        assert text.units.sum() == frame.dropna(subset=ITEMS)["town"].nunique()
        assert (text.second == number.second).all()

    def test_refuses_rows_that_lack_what_the_design_needs(self, engine_table, frame):
        faults = {
            "id": (
                r"3 rows have no primary unit in column 'id'\. Give every row its cluster or its customer's key",
                "Int64",
            ),
            "stratum": (r"3 rows have no stratum in 'stratum'\. Give every row its stratum", object),
        }
        for column, (message, dtype) in faults.items():
            broken = frame.assign(**{column: frame[column].astype(dtype)})
            broken.loc[[5, 50, 500], column] = None
            with pytest.raises(LinkError, match=message):
                moments_of(engine_table(broken), ITEMS, unit="id", strata="stratum")
        broken = frame.copy()
        broken.loc[[5, 50, 500], "w"] = [0, -1, np.nan]
        with pytest.raises(LinkError, match=r"3 rows have a weight in column 'w' that is not a number above 0"):
            moments_of(engine_table(broken), ITEMS, weight="w")


def test_a_unit_may_name_the_group_too(frame):
    sums = moments_of(ibis.memtable(arrow(frame)), ITEMS, unit="town", by="town")
    assert sums.groups == tuple((town,) for town in sorted(frame.dropna(subset=ITEMS)["town"].unique()))


class TestNeitherOrderNorBatchesMatter:
    def test_for_whole_numbers_not_by_a_bit(self, frame, monkeypatch):
        whole = moments_of(ibis.memtable(arrow(frame)), ITEMS, unit="cluster", by="region", strata="stratum")
        monkeypatch.setattr(cells, "_ROWS", 501)
        shuffled = frame.sample(frac=1, random_state=1)
        again = moments_of(ibis.memtable(arrow(shuffled)), ITEMS, unit="cluster", by="region", strata="stratum")
        for name in ("group", "stratum", "bucket", "n", "weight", "first", "second", "centre", "units"):
            assert (getattr(whole, name) == getattr(again, name)).all(), name
        assert (next(whole.resamples(9, 1)).cov == next(again.resamples(9, 1)).cov).all()

    def test_for_fractions_far_from_zero_within_rounding(self, frame):
        X = np.random.default_rng(3).normal(1e6, 1, (20_000, 4)) * [1, 1e-3, 10, 1]
        near = pd.DataFrame(X, columns=ITEMS).assign(id=np.arange(20_000))
        sums = moments_of(ibis.memtable(arrow(near)), ITEMS, unit="id")
        close(sums.moments(), moments(X, np.ones((1, 20_000))))


def test_files_can_be_read_as_they_lie(frame, tmp_path):
    frame.to_parquet(tmp_path / "answers.parquet")
    frame.to_csv(tmp_path / "answers.csv", index=False)
    parquet = moments_of(tmp_path / "answers.parquet", ITEMS, unit="town", weight="w")
    csv = moments_of(str(tmp_path / "answers.csv"), ITEMS, unit="town", weight="w")
    table = moments_of(connect(threads=1).read(tmp_path / "answers.parquet"), ITEMS, unit="town", weight="w")
    for other in (csv, table):
        assert (parquet.units == other.units).all()
        assert np.allclose(parquet.second, other.second, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("kind", [pa.int8(), pa.uint16(), pa.float32(), pa.decimal128(21, 2)])
def test_answers_may_be_stored_in_any_kind_of_number(frame, kind):
    whole = frame[ITEMS].dropna().astype(int)
    stored = pa.table({name: pa.array(whole[name].to_numpy()).cast(pa.int64()).cast(kind) for name in ITEMS})
    close(moments_of(ibis.memtable(stored), ITEMS).moments(), moments(whole.to_numpy(float), np.ones((1, len(whole)))))


def test_errors_of_a_model_are_those_of_the_bootstrap_of_its_rows():
    """256 buckets stand for 6,000 respondents: every path's standard error within what 256 buckets can know."""
    rng = np.random.default_rng(8)
    cause = rng.normal(size=6000)
    effect = 0.6 * cause + rng.normal(0, 0.8, 6000)
    X = np.column_stack([cause, cause, effect, effect]) + rng.normal(0, 0.6, (6000, 4))
    table = ibis.memtable(arrow(pd.DataFrame(X, columns=ITEMS).assign(id=np.arange(6000))))
    tied = np.array([[False, True], [False, False]])
    layout = Layout(np.array([0, 0, 1, 1]), np.zeros(2, dtype=bool), np.zeros(2, dtype=bool), tied)
    sums = moments_of(table, ITEMS, unit="id")
    drawn = np.concatenate([estimate(m.correlation, layout).paths[:, 0, 1] for m in sums.resamples(2000, 1)])
    W = rng.multinomial(6000, np.full(6000, 1 / 6000), size=1000).astype(float)
    rows = estimate(moments(X, W).correlation, layout).paths[:, 0, 1]
    assert drawn.std() == pytest.approx(rows.std(), rel=0.12)


class TestWhatCannotBeSummedIsNamed:
    @pytest.fixture
    def table(self):
        return ibis.memtable(arrow(answers(60).assign(day=pd.Timestamp("2026-01-01"), half=0.5)))

    @pytest.mark.parametrize(
        ("roles", "message"),
        [
            ({"unit": "idd"}, r"no column 'idd', which is named as the primary unit\. .* Did you mean 'id'"),
            ({"weight": "v"}, r"no column 'v', which is named as the weight"),
            ({"weight": "town"}, r"column 'town', which is named as the weight, does not hold numbers"),
            ({"by": "area"}, r"no column 'area', which is named as a group"),
            ({"strata": ["stratum", "area"]}, r"no column 'area', which is named as a stratum"),
            ({"by": "half"}, r"column 'half', which is named as a group, does not hold labels .* Cast it"),
            ({"unit": "half"}, r"primary unit 'half' must be whole numbers or text, but is a column of kind 'number'"),
            ({"unit": "day"}, r"primary unit 'day' must be whole numbers or text, but is a column of kind 'date'"),
        ],
    )
    def test_a_column(self, table, roles, message):
        with pytest.raises(LinkError, match=message):
            moments_of(table, ITEMS, **roles)

    def test_items(self, table):
        with pytest.raises(LinkError, match="no column 'q9', which is named as an item"):
            moments_of(table, ["q9"])
        with pytest.raises(LinkError, match="column 'town', which is named as an item, does not hold numbers"):
            moments_of(table, ["town"])
        with pytest.raises(LinkError, match="each named once"):
            moments_of(table, ["q1", "q1"])
        with pytest.raises(LinkError, match="one column or more"):
            moments_of(table, [])

    def test_answers_that_are_not_finite(self):
        frame = answers(60)
        frame.loc[3, "q2"] = np.inf
        with pytest.raises(LinkError, match="item 'q2' holds answers that are not finite"):
            moments_of(ibis.memtable(arrow(frame)), ITEMS)

    def test_no_complete_row(self):
        frame = answers(60).assign(q4=np.nan)
        with pytest.raises(EstimationError, match="none of 60 rows has an answer to each of 4 items"):
            moments_of(ibis.memtable(arrow(frame)), ITEMS, unit="id")

    def test_a_stratum_with_one_bucket(self):
        frame = answers(60).assign(stratum=["alone"] + ["many"] * 59)
        frame[ITEMS] = frame[ITEMS].fillna(5)
        with pytest.raises(
            EstimationError, match=r"stratum 'alone' \(stratum\) has complete answers of 1 units of column 'id'"
        ):
            moments_of(ibis.memtable(arrow(frame)), ITEMS, unit="id", strata="stratum")

    def test_other_treatments_of_gaps_and_numbers_of_buckets(self, table):
        with pytest.raises(EstimationError, match="missing='pairwise' needs the answers themselves"):
            moments_of(table, ITEMS, missing="pairwise")
        with pytest.raises(EstimationError, match=r"buckets must be 2 \.\.\. 4096, not 1"):
            moments_of(table, ITEMS, unit="id", buckets=1)
        with pytest.raises(LinkError, match="not DataFrame"):
            moments_of(pd.DataFrame(), ITEMS)


def test_without_a_unit_there_is_an_estimate_and_no_resample(frame):
    sums = moments_of(ibis.memtable(arrow(frame)), ITEMS, by="wave")
    assert sums.units.tolist() == [[len(frame.dropna(subset=ITEMS))]]
    assert not sums.resampleable
