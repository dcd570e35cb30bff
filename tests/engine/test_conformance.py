"""One suite for all engines: each operation gives on DuckDB and on Spark what pandas gives on the same rows.

Exact operations agree to 1e-9 with pandas, hence with one another; approximate quantiles within 1 % rank.
"""

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from csi.engine import moments_of, operations, with_scores
from csi.engine.margins import count_margins
from csi.errors import LinkError
from csi.kernel.buckets import bucket_of
from csi.kernel.moments import moments

pytest_plugins = ["engines"]

N = 400
ITEMS = ["q1", "q2", "q3"]


def made(seed=0):
    """Rows with all that engines treat differently: long keys, NaN and NULL, empty texts, text outside ASCII, ties."""
    rng = np.random.default_rng(seed)
    amount = rng.normal(50, 20, N).round(2)
    amount[rng.random(N) < 0.05] = np.nan
    return pd.DataFrame(
        {
            "id": 2**60 + rng.integers(0, 90, N),
            "amount": amount,
            "minutes": rng.integers(-5, 60, N),
            "tier": rng.choice(np.array(["gold", "银卡", "basic", "", None], dtype=object), N),
            "vip": rng.random(N) < 0.3,
            "day": pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 120, N), "D"),
        }
    )


def arrow(frame):
    """Arrow keeps NaN apart from NULL, so that half of the gaps are one and half the other."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    for name in frame.columns[[kind.kind == "f" for kind in frame.dtypes]]:
        x = frame[name].to_numpy()
        gap = np.isnan(x) & (np.arange(len(x)) % 2 == 0)
        table = table.set_column(table.column_names.index(name), name, pa.array(x, mask=gap))
    return table


@pytest.fixture(scope="module")
def frame():
    return made()


@pytest.fixture
def table(engine, frame):
    return engine.hold(arrow(frame), "rows")


def rows(table, *order):
    """All rows of a table as a frame in the order of some columns, or of all."""
    found = table.arrow(table.expression).to_pandas()
    return found.sort_values(list(order or found.columns), ignore_index=True)


def agree(found, expected):
    assert list(found.columns) == list(expected.columns)
    assert len(found) == len(expected)
    for name in expected:
        a, b = found[name], expected[name]
        assert (a.isna() == b.isna()).all(), name
        if pd.api.types.is_float_dtype(b):
            assert np.allclose(a.dropna().astype(float), b.dropna(), rtol=1e-9, atol=1e-9), name
        else:
            assert a.dropna().tolist() == b.dropna().tolist(), name


class TestRowsAndColumns:
    def test_keep_drops_rows_of_which_nothing_is_known(self, table, frame):
        kept = operations.keep(table, lambda t: (t["minutes"] > 20) & (t["tier"] != "gold"))
        expected = frame[(frame["minutes"] > 20) & (frame["tier"] != "gold") & frame["tier"].notna()]
        assert kept.rows() == len(expected)
        assert rows(kept)["id"].sum() == expected["id"].sum()  # no digit of a long key is lost

    def test_project_and_new_columns(self, table, frame):
        new = operations.with_columns(table, {"hours": lambda t: t["minutes"] / 60})
        found = operations.project(new, {"key": "id", "hours": "hours"})
        expected = pd.DataFrame({"key": frame["id"], "hours": frame["minutes"] / 60})
        agree(rows(found), expected.sort_values(["key", "hours"], ignore_index=True))

    def test_kinds_of_columns(self, table):
        kinds = ["integer", "number", "integer", "text", "flag", "date"]
        assert list(table.columns.values()) == kinds

    def test_union_takes_columns_by_name(self, engine, table, frame):
        other = operations.project(table, [*reversed(frame.columns)])
        both = operations.union(table, other)
        assert list(both.columns) == list(frame.columns)
        assert both.rows() == 2 * N
        whole = engine.hold(pa.table({"x": [1, 2]}), "whole numbers")
        half = engine.hold(pa.table({"x": [0.5]}), "fractions")
        assert rows(operations.union(whole, half))["x"].tolist() == [0.5, 1.0, 2.0]

    def test_buckets_are_those_of_arrays(self, table, frame):
        found = rows(operations.project(operations.with_buckets(table, "minutes", 64), ["minutes", "bucket"]))
        assert (found["bucket"] == bucket_of(found["minutes"].to_numpy(), 64)).all()
        assert found["minutes"].sum() == frame["minutes"].sum()


class TestJoins:
    @pytest.fixture
    def base(self, engine):
        keys = 2**60 + np.arange(0, 180, 2)
        return engine.hold(pa.table({"id": [*keys, None], "age": [*range(len(keys)), 99]}), "base")

    @pytest.mark.parametrize("how", ["left", "inner", "semi", "anti"])
    def test_of_equal_keys(self, table, frame, base, how):
        found = operations.join(operations.project(table, ["id", "minutes"]), base, "id", how=how)
        keys = pd.DataFrame({"id": 2**60 + np.arange(0, 180, 2), "age": np.arange(90.0)})
        plain, inside = frame[["id", "minutes"]], frame["id"].isin(keys["id"])
        parts = {"semi": plain[inside], "anti": plain[~inside]}
        expected = parts[how] if how in parts else plain.merge(keys, on="id", how=how)
        found = rows(found, "id", "minutes")
        agree(
            found.astype({"age": float}) if "age" in found else found,
            expected.sort_values(["id", "minutes"], ignore_index=True),
        )

    def test_with_the_last_row_before_a_moment(self, engine):
        moment = pd.Timestamp
        answers = pd.DataFrame({"id": ["a", "a", "b", "c"], "when": pd.to_datetime(["2026-02-01", "2026-03-01"] * 2)})
        states = pd.DataFrame(
            {
                "id": ["a", "a", "a", "a", "c"],
                "at": [
                    moment("2026-01-05"),
                    moment("2026-02-01"),
                    moment("2026-02-01"),
                    moment("2026-03-01"),
                    moment("2026-03-02"),
                ],
                "plan": ["s", "m", "l", "xl", "s"],
            }
        )
        found = operations.last_before(
            engine.hold(arrow(answers), "answers"), engine.hold(arrow(states), "states"), "id", "when", "at"
        )
        # The state of the moment itself is not known before it; of two at one moment the last in their order counts.
        assert rows(found, "id", "when")["plan"].fillna("none").tolist() == ["s", "m", "none", "none"]


class TestSums:
    def test_by_group(self, table, frame):
        asked = {
            "rows": ("rows", None),
            "bills": ("count", "amount"),
            "sum": ("sum", "amount"),
            "mean": ("mean", "amount"),
            "sd": ("sd", "amount"),
            "least": ("min", "amount"),
            "most": ("max", "minutes"),
            "last": ("max", "day"),
            "tiers": ("distinct", "tier"),
        }
        found = rows(operations.summarise(table, ["id"], asked), "id")
        plain = frame.assign(tier=frame["tier"].replace("", None))
        groups = plain.groupby("id")
        x = groups["amount"]
        expected = pd.DataFrame(
            {
                "rows": groups.size(),
                "bills": x.count(),
                "sum": x.sum(min_count=1),
                "mean": x.mean(),
                "sd": x.std(),
                "least": x.min(),
                "most": groups["minutes"].max(),
                "last": groups["day"].max(),
                "tiers": groups["tier"].nunique(),
            }
        )
        agree(found, expected.reset_index())

    def test_of_all_rows(self, table, frame):
        found = rows(operations.summarise(table, [], {"mean": ("mean", "amount"), "n": ("rows", None)}))
        agree(found, pd.DataFrame({"mean": [frame["amount"].mean()], "n": [N]}))

    def test_cross_tabulation(self, table, frame):
        found = operations.crosstab(table, "tier", "vip")
        cells = {(None if pd.isna(row.tier) else row.tier, row.vip): row.n for row in rows(found, "n").itertuples()}
        expected = frame.groupby(["tier", "vip"], dropna=False).size()
        assert cells == {(None if pd.isna(t) else t, v): n for (t, v), n in expected.items()}

    def test_approximate_quantiles(self, engine):
        x = np.random.default_rng(4).lognormal(size=20_000)
        table = engine.hold(pa.table({"x": x, "half": np.arange(20_000) % 2}), "amounts")
        asked = [0.01, 0.25, 0.5, 0.9, 0.99]
        found = rows(operations.quantiles(table, "x", asked)).to_numpy()[0]
        assert np.abs([(x <= q).mean() for q in found] - np.array(asked)).max() <= 0.01
        halves = rows(operations.quantiles(table, "x", [0.5], by=["half"]), "half")
        assert [abs((x[k::2] <= q).mean() - 0.5) <= 0.01 for k, q in enumerate(halves["q0"])] == [True, True]


class TestTablesAnswer:
    def test_rows_gaps_repeats_and_summaries(self, table, frame):
        assert table.rows() == N
        assert table.gaps("tier") == (frame["tier"].isna() | (frame["tier"] == "")).sum()
        twice = frame["id"].value_counts()
        assert table.repeated("id") == ((twice > 1).sum(), str(twice.index[twice > 1].min()))
        summary = table.summary(["amount", "minutes"])
        for name, found in summary.items():
            x = frame[name].dropna()
            assert (found.n, found.mean, found.sd) == (len(x), pytest.approx(x.mean()), pytest.approx(x.std()))
        assert table.typical(["amount", "vip"]) == {"amount": pytest.approx(frame["amount"].median()), "vip": "false"}

    def test_rows_of_customers_asked_for(self, table, frame):
        keys = frame["id"].drop_duplicates().tolist()[:3]
        found = table.matching("id", [*keys, 7], ["amount", "vip", "day"], as_text=[])
        expected = frame[frame["id"].isin(keys)]
        assert found.num_rows == len(expected)
        assert set(found.column("vip").to_pylist()) <= {"true", "false"}
        assert found.schema.field("day").type == pa.timestamp("us")

    def test_batches(self, table, frame):
        batches = list(table.batches(["id", "amount", "tier"], as_text=["id"], size=100))
        assert sum(batch.num_rows for batch in batches) == N
        assert max(batch.num_rows for batch in batches) <= 100
        together = pa.Table.from_batches(batches).to_pandas()
        assert sorted(together["id"].astype(int)) == sorted(frame["id"])
        assert together["amount"].sum() == pytest.approx(frame["amount"].sum())
        assert set(together["tier"].dropna()) == {"gold", "银卡", "basic"}

    def test_no_row_at_all(self, table):
        none = operations.keep(table, lambda t: t["minutes"] > 999)
        assert (none.rows(), none.gaps("tier"), none.repeated("id")) == (0, 0, (0, ""))
        assert np.isnan(none.summary(["amount"])["amount"].mean)
        assert sum(batch.num_rows for batch in none.batches(["amount"])) == 0


@pytest.fixture(scope="module")
def answers():
    rng = np.random.default_rng(1)
    town = rng.integers(0, 120, 1500)
    X = np.clip(np.rint(7 + rng.normal(size=120)[town, None] + rng.normal(0, 1.5, (1500, 3))), 1, 10)
    X[rng.random(X.shape) < 0.02] = np.nan
    regions = rng.choice(np.array(["east", "west", None], dtype=object), 1500)
    side = np.where(town < 60, "north", "south")
    columns = {"id": 7 * np.arange(1500), "town": [f"镇 {t:03d}" for t in town], "region": regions, "side": side}
    return pd.DataFrame(X, columns=ITEMS).assign(**columns, w=rng.uniform(0.2, 4, 1500))


class TestThePackageOnEveryEngine:
    """What the package asks of an engine besides operations: moments, margins and scores."""

    @pytest.mark.parametrize("unit", ["id", "town"])
    def test_moments(self, engine, answers, unit):
        held = engine.hold(arrow(answers), "answers")
        sums = moments_of(held, ITEMS, weight="w", unit=unit, by="region", strata="side", buckets=32)
        complete = answers.dropna(subset=ITEMS)
        whole = moments(complete[ITEMS].to_numpy(), complete["w"].to_numpy()[None])
        assert np.allclose(sums.moments().mean, whole.mean, rtol=1e-9)
        assert np.allclose(sums.moments().cov, whole.cov, rtol=1e-9)
        assert sums.n_missing == 1500 - len(complete)
        assert sums.groups == (("east",), ("west",), (None,))
        keys = complete[unit] if unit == "id" else answers["town"].astype("category").cat.codes[complete.index]
        for h, stratum in enumerate(("north", "south")):
            units = np.unique(keys[complete["side"] == stratum]).astype(int)
            assert sums.units[h].tolist() == np.bincount(bucket_of(units, 32), minlength=32).tolist()

    def test_moments_refuse_the_same_rows(self, engine, answers):
        broken = answers.assign(w=np.where(answers.index == 5, 0.0, answers["w"]))
        with pytest.raises(LinkError, match="1 rows have a weight in column 'w' that is not a number above 0"):
            moments_of(engine.hold(arrow(broken), "answers"), ITEMS, weight="w")

    def test_margins(self, engine, answers):
        held = engine.hold(arrow(answers.dropna(subset="region")), "base")
        found = count_margins(held, ["side", ("region", "side")])
        known = answers.dropna(subset="region")
        assert found["side"] == known["side"].value_counts().to_dict()
        crossed = known.groupby(["region", "side"]).size()
        assert found["region x side"] == {" x ".join(levels): n for levels, n in crossed.items()}

    def test_scores(self, engine, answers):
        held = engine.hold(arrow(answers), "answers")
        scored = with_scores(held, ITEMS, {"index": (-1.5, [2.0, 0.25, 0.0])})
        found = rows(operations.project(scored, ["id", "index"]), "id")
        expected = (-1.5 + 2 * answers["q1"] + 0.25 * answers["q2"]).rename("index")
        agree(found, pd.concat([answers["id"], expected], axis=1))


class TestFiles:
    def test_csv_kinds_and_leading_zeros(self, engine, tmp_path):
        path = tmp_path / "base.csv"
        text = "客户,分钟,关怀,日期,时刻\n001,1.5,是,2026-01-01,2026-01-01 08:15:00\n002,,,2026-01-02,2026-01-02 09:00:00\n"
        path.write_text(text, "utf-8-sig")
        table = engine.read(path)
        assert list(table.columns.values()) == ["text", "number", "text", "date", "date"]
        assert (table.rows(), table.gaps("关怀"), table.gaps("分钟")) == (2, 1, 1)
        found = rows(table, "客户")
        assert found["客户"].tolist() == ["001", "002"]
        assert found["时刻"].tolist() == [pd.Timestamp("2026-01-01 08:15"), pd.Timestamp("2026-01-02 09:00")]

    def test_csv_with_semicolons_quotes_and_a_key_kept_as_text(self, engine, tmp_path):
        path = tmp_path / "base.csv"
        path.write_text('id;name;x\n12;"Li; ""Lao""";1\n34;Wang;2\n', "utf-8")
        table = engine.read(path, text=["id"])
        assert table.columns == {"id": "text", "name": "text", "x": "integer"}
        assert rows(table, "id")["name"].tolist() == ['Li; "Lao"', "Wang"]

    def test_csv_that_is_not_utf8(self, engine, tmp_path):
        path = tmp_path / "base.csv"
        path.write_bytes("客户,分钟\n李,1\n".encode("gb18030"))
        with pytest.raises(LinkError, match=r"base\.csv: the file is not UTF-8\. Save it as 'CSV UTF-8'"):
            engine.read(path).rows()

    def test_parquet_and_a_folder_of_parquet(self, engine, frame, tmp_path):
        frame.to_parquet(tmp_path / "base.parquet")
        assert engine.read(tmp_path / "base.parquet").summary(["amount"])["amount"].n == frame["amount"].count()
        folder = tmp_path / "parts.parquet"
        folder.mkdir()
        frame[:100].to_parquet(folder / "a.parquet")
        frame[100:].to_parquet(folder / "b.parquet")
        assert engine.read(folder).rows() == N

    def test_no_such_file(self, engine, tmp_path):
        with pytest.raises(LinkError, match=r"nowhere\.csv: there is no such file"):
            engine.read(tmp_path / "nowhere.csv")


class TestTheSameQuestionIsRefusedAlike:
    def test_keys_of_different_kinds(self, engine, table):
        other = engine.hold(pa.table({"id": ["0017"], "x": [1]}), "calls.csv")
        with pytest.raises(
            LinkError,
            match=r"the key 'id' is of kind 'integer' in the one and 'id' of kind 'text' .* Read both as text",
        ):
            operations.join(table, other, "id")
        with pytest.raises(LinkError, match="'amount' must be text, whole numbers, flags or dates"):
            operations.join(table, table, "amount")

    def test_columns_that_collide_or_are_absent(self, engine, table):
        with pytest.raises(LinkError, match="there is a column 'amount' already"):
            operations.join(table, table, "id")
        with pytest.raises(LinkError, match=r"no column 'amont'.* Did you mean 'amount'"):
            operations.summarise(table, ["id"], {"x": ("sum", "amont")})
        with pytest.raises(LinkError, match="'tier', which is named as a measure, does not hold numbers"):
            operations.summarise(table, ["id"], {"x": ("sum", "tier")})
        with pytest.raises(LinkError, match="'median' is not one of the functions rows, count"):
            operations.summarise(table, ["id"], {"x": ("median", "amount")})
        with pytest.raises(LinkError, match="'sum' needs a column"):
            operations.summarise(table, ["id"], {"x": ("sum", None)})
        with pytest.raises(LinkError, match=r"probabilities 0 \.\.\. 1, not \[50\]"):
            operations.quantiles(table, "amount", [50])
        with pytest.raises(LinkError, match="buckets need whole-number keys, but 'tier' is a column of kind 'text'"):
            operations.with_buckets(table, "tier", 8)

    def test_tables_that_are_no_union(self, engine, table):
        other = engine.hold(pa.table({"minutes": ["5"]}), "text.csv")
        with pytest.raises(
            LinkError, match=r"text\.csv: column 'minutes' is of kind 'text', but of kind 'integer' in rows"
        ):
            operations.union(operations.project(table, ["minutes"]), other)
        with pytest.raises(
            LinkError, match="no column 'amount', which is named as a column of the table that is put under"
        ):
            operations.union(operations.project(table, ["minutes"]), operations.project(table, ["minutes", "amount"]))

    def test_text_where_dates_are_wanted(self, engine, table):
        texts = engine.hold(pa.table({"id": [1], "at": ["June"]}), "calls.csv")
        with pytest.raises(
            LinkError, match=r"column 'at', .* does not hold dates but is a column of kind 'text'\. Write dates as"
        ):
            operations.last_before(table, texts, "id", "day", "at")


def test_tables_of_two_engines_do_not_meet(spark):
    from csi.engine import connect

    rows = pa.table({"id": [1]})
    with pytest.raises(LinkError, match="there and here are in different engines"):
        operations.join(spark.hold(rows, "there"), connect().hold(rows, "here"), "id")


def test_a_program_has_one_spark(spark):
    from csi.engine import connect

    with pytest.raises(LinkError, match=r"connected to Spark at 'local\[2\]' already, and a program has one Spark"):
        connect("local[7]")


def test_dates_stay_dates(engine):
    table = engine.hold(pa.table({"d": [dt.date(2026, 1, 1), None]}), "days")
    assert rows(table)["d"].tolist()[0] == dt.date(2026, 1, 1)
