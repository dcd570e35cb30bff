"""What goes with a weak indicator is found, noise is not, gaps are counted, and nobody is told that it is a cause."""

import dataclasses
import json

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import csi
from csi.behaviour.signature import discoveries
from csi.errors import EstimationError, LinkError, TooFewError
from csi.survey.codebook import Codebook
from csi.survey.design import Design
from csi.survey.reading import survey_from_frame

BOOK = {
    "scale": {"low": 1, "high": 10},
    "items": [{"name": "q", "wording": {"en": "Speed", "zh": "速度"}}, {"name": "r"}],
    "key": "id",
    "segments": [{"name": "tier", "column": "tier"}, {"name": "tenure_band", "column": "tenure_band"}],
}
QUICK = {"draws": 100, "seed": 1}


def planted(n=900, seed=1):
    """Customers who answer q worse for calls, for gold cards and for unknown bills, and best at a middling age."""
    rng = np.random.default_rng(seed)
    old = rng.random(n) < 0.4
    frame = pd.DataFrame(
        {
            "id": [f"C{i:05d}" for i in range(n)],
            "tier": rng.choice(["gold", "plain"], n),
            "tenure_band": np.where(old, "over_5y", "under_5y"),
            "calls": rng.poisson(1.5, n),
            "visits": rng.poisson(1.0 + 2.0 * old),
            "bill": np.where(rng.random(n) < 0.15, np.nan, rng.gamma(4, 20, n)),
            "card": rng.choice(["red", "green", "blue", None], n, p=[0.3, 0.3, 0.3, 0.1]),
            "age": rng.uniform(18, 80, n),
            "same": 7,
        }
    )
    bend = -(((frame["age"] - 49) / 18) ** 2)
    points = 7 - 0.7 * frame["calls"] - 1.0 * old - 0.9 * frame["bill"].isna() + bend - 0.8 * (frame["card"] == "red")
    frame["q"] = np.clip(np.rint(points + rng.normal(0, 1, n)), 1, 10).astype(int)
    frame["r"] = rng.integers(1, 11, n)
    return frame


FEATURES = ["calls", "visits", "bill", "card", "age", "same"]


def linked_of(frame, features=FEATURES, design=None, wave=None):
    columns = ["id", "tier", "tenure_band", "q", "r"]
    survey = survey_from_frame(frame[columns], Codebook.from_dict(BOOK))
    if design is not None:
        survey = survey.with_design(design)
    survey = dataclasses.replace(survey, wave=wave)
    base = ibis.memtable(pa.Table.from_pandas(frame[["id", *features]], preserve_index=False))
    return csi.link(survey, base, key="id", features=features)


def swapped(linked, **columns):
    """The same link with other behaviours, as quick as a copy."""
    return dataclasses.replace(linked, frame=linked.frame.assign(**columns))


@pytest.fixture(scope="module")
def linked():
    return linked_of(planted())


@pytest.fixture(scope="module")
def signature(linked):
    return csi.behaviour_signature(linked, "q", draws=200)


class TestWhatIsFound:
    def test_the_planted_behaviours_and_not_the_confounded_one(self, signature):
        assert {"calls", "bill: not stated", "card: red"} <= set(signature.found)
        assert "visits" not in signature.found
        assert signature.controls == ("tier", "tenure_band")

    def test_without_controls_the_confounded_one_stands_out(self, linked):
        assert "visits" in csi.behaviour_signature(linked, "q", controls=(), **QUICK).found

    def test_the_strongest_comes_first(self, signature):
        tested = signature.table()["estimate"].dropna().abs()
        assert tested.is_monotonic_decreasing
        assert signature.rows.loc[0, "term"] == "calls"

    def test_above_zero_goes_with_weakness_while_slopes_are_of_the_answer(self, signature):
        row = signature.rows.set_index("term").loc["calls"]
        assert row["estimate"] > 0 > row["slope"]
        assert row["difference"] > 0
        per_call = row["slope"] / row["change"]
        assert row["slope_low"] / row["change"] - 0.1 < -0.7 < row["slope_high"] / row["change"] + 0.1, per_call

    def test_a_bend_is_seen_where_the_line_is_flat(self, signature):
        row = signature.rows.set_index("term").loc["age"]
        assert row["bent"]
        means = signature.shapes[signature.shapes["term"] == "age"]["estimate"].to_numpy()
        assert means[2] > max(means[0], means[-1]) + 1

    def test_dissatisfied_customers_in_percentage_points(self, linked):
        low = (linked.survey.answers["q"] <= 4).to_numpy(float)
        found = csi.behaviour_signature(linked, low, **QUICK)
        row = found.rows.set_index("term").loc["calls"]
        assert (found.indicator, found.kind) == ("dissatisfied", "share")
        assert row["estimate"] > 0
        assert 0 < row["slope"] < 1


class TestByHand:
    def test_the_estimate_is_the_correlation_of_residuals(self, linked, signature):
        frame, y = linked.frame, linked.survey.answers["q"].to_numpy()
        Z = pd.get_dummies(linked.survey.respondents[["tier", "tenure_band"]], drop_first=True).to_numpy(float)
        Z = np.column_stack([np.ones(len(y)), Z])
        for name in ("calls", "visits", "bill"):
            known = frame[name].notna().to_numpy()
            left = [v[known] - Z[known] @ np.linalg.lstsq(Z[known], v[known], rcond=None)[0] for v in (-y, frame[name])]
            row = signature.rows.set_index("term").loc[name]
            assert row["estimate"] == pytest.approx(np.corrcoef(*left)[0, 1], abs=1e-10)
            slope = -(left[0] @ left[1]) / (left[1] @ left[1]) * row["change"]
            assert row["slope"] == pytest.approx(slope, abs=1e-10)

    def test_bins_without_controls_are_plain_means(self, linked):
        found = csi.behaviour_signature(linked, "q", controls=(), behaviours=["calls"], **QUICK)
        bins = found.shapes
        y, x = linked.survey.answers["q"], linked.frame["calls"]
        wanted = [y[(x > low) & (x <= high)].mean() for low, high in zip(bins["above"], bins["upto"], strict=True)]
        assert bins["estimate"].tolist() == pytest.approx(wanted, abs=1e-10)
        assert bins["n"].sum() == len(linked)

    def test_the_error_is_that_of_robust_regression(self, linked):
        """The standard error of the slope agrees with the heteroscedasticity-robust one of statsmodels."""
        import statsmodels.api as sm

        found = csi.behaviour_signature(linked, "q", controls=(), behaviours=["visits"], draws=1000)
        row = found.rows.iloc[0]
        model = sm.OLS(linked.survey.answers["q"], sm.add_constant(linked.frame[["visits"]])).fit(cov_type="HC1")
        half = (row["slope_high"] - row["slope_low"]) / 2 / row["change"]
        assert half == pytest.approx(1.962 * model.bse["visits"], rel=0.08)


class TestGapsAndLevels:
    def test_gaps_are_counted_and_looked_at(self, linked, signature):
        rows = signature.rows.set_index("term")
        missing = int(linked.frame["bill"].isna().sum())
        assert rows.loc["bill", "missing_n"] == missing
        assert rows.loc["bill", "n"] + missing == signature.n
        assert rows.loc["bill: not stated", "kind"] == "gap"
        assert rows.loc["bill: not stated", "n"] == signature.n

    def test_every_level_is_compared_with_all_others(self, signature):
        rows = signature.rows.set_index("term")
        assert {"card: red", "card: green", "card: blue", "card: not stated"} <= set(rows.index)
        assert rows.loc["card: red", "level"] == "red"

    def test_of_two_levels_the_rarer_is_told(self, linked):
        rare = swapped(linked, card=np.where(np.arange(len(linked)) % 5 == 0, "yes", "no"))
        found = csi.behaviour_signature(rare, "q", behaviours=["card"], **QUICK)
        assert found.rows["term"].tolist() == ["card: yes"]

    def test_what_is_hardly_ever_known_is_named_with_its_gaps(self, linked):
        few = swapped(linked, age=np.where(np.arange(len(linked)) < 5, 1.0, np.nan), card=None)
        rows = csi.behaviour_signature(few, "q", **QUICK).rows.set_index("term")
        assert rows.loc["age", ["status", "n", "missing_n"]].tolist() == ["5 values only", 5, len(linked) - 5]
        assert rows.loc["card", ["status", "n", "missing_n"]].tolist() == ["no values", 0, len(linked)]

    def test_constants_are_named_not_dropped(self, signature):
        assert signature.rows.set_index("term").loc["same", "status"] == "constant: always 7"
        assert "not tested: same (constant: always 7)" in str(signature)


class TestFalseDiscoveries:
    def test_noise_alone_shows_something_in_a_tenth_of_runs_at_most(self, linked):
        """At q = 0.10 at most 3 of 30 runs are expected; over 7 has a probability below 0.01 if the rate is kept."""
        rng = np.random.default_rng(3)
        n, runs = len(linked), 0
        for _ in range(30):
            noise = swapped(linked, calls=rng.poisson(1.0, n) * 1.0, visits=rng.normal(size=n), age=rng.gamma(1, 1, n))
            found = csi.behaviour_signature(
                noise, rng.normal(60, 10, n), behaviours=["calls", "visits", "age"], draws=60
            )
            runs += bool(found.rows[["found", "bent"]].to_numpy().any())
        assert runs <= 7

    def test_yekutieli_rejects_no_more(self):
        p = np.array([0.001, 0.02, 0.04, np.nan, 0.5])
        assert discoveries(p, 0.10, "bh").tolist() == [True, True, True, False, False]
        assert discoveries(p, 0.10, "by").tolist() == [True, True, False, False, False]

    def test_intervals_cover(self, linked):
        """Of 60 intervals of 95 % at least 52 hold the truth: fewer has a probability below 0.01."""
        rng = np.random.default_rng(5)
        n, held = len(linked), 0
        for _ in range(60):
            x = rng.gamma(1, 1, n)
            y = 60 - 3 * x + rng.normal(size=n) * (2 + 4 * x)  # skewed and of unequal spread
            found = csi.behaviour_signature(swapped(linked, age=x), y, behaviours=["age"], draws=60).rows.iloc[0]
            held += found["slope_low"] / found["change"] <= -3 <= found["slope_high"] / found["change"]
        assert held >= 52


class TestTheDesign:
    def test_clusters_widen_the_interval(self):
        frame = planted(600)
        outlet = np.arange(600) // 20
        rng = np.random.default_rng(2)
        frame["visits"] = np.round(rng.normal(size=30)[outlet] * 3, 3)
        shift = np.rint(rng.normal(size=30)[outlet] * 2)
        frame["q"] = np.clip(frame["q"] + shift, 1, 10).astype(int)
        frame["tier"] = [f"outlet {k:02d}" for k in outlet]
        how = {"controls": (), "behaviours": ["visits"], **QUICK}
        errors = [
            csi.behaviour_signature(linked_of(frame, design=design), "q", **how).rows.loc[0, "std_error"]
            for design in (None, Design(clusters="tier"))
        ]
        assert errors[1] > 1.5 * errors[0]

    @settings(max_examples=10, deadline=None)
    @given(scale=st.floats(0.01, 1e6), shift=st.floats(-1e4, 1e4))
    def test_units_do_not_matter(self, linked, scale, shift):
        there = swapped(linked, age=linked.frame["age"] * scale + shift)
        one, two = (csi.behaviour_signature(x, "q", behaviours=["age"], draws=40).rows.iloc[0] for x in (linked, there))
        assert two["estimate"] == pytest.approx(one["estimate"], abs=1e-6)
        assert two["slope"] == pytest.approx(one["slope"], rel=1e-5)

    def test_the_seed_decides(self, linked):
        one, two, other = (
            csi.behaviour_signature(linked, "q", draws=60, seed=seed).rows["ci_low"].to_numpy() for seed in (1, 1, 2)
        )
        np.testing.assert_array_equal(one, two)
        assert not np.allclose(one, other, equal_nan=True, atol=1e-12)


class TestWaves:
    def test_what_turns_round_is_unstable(self, linked):
        turned = planted(seed=2).assign(calls=lambda f: 6 - f["calls"])
        found = csi.behaviour_signature(linked, "q", waves=[linked_of(turned, wave="2026Q1")], **QUICK)
        stability = found.rows.set_index("term")["stability"]
        assert stability["calls"] == "unstable"
        assert stability["card: red"] == "stable"
        assert "not the same in all waves: calls" in str(found)
        assert found.by_wave["wave"].unique().tolist() == ["2026Q1", "wave 2"]

    def test_an_index_of_another_wave_is_given_with_it(self, linked):
        points = linked.survey.answers["q"].to_numpy() * 10
        with pytest.raises(LinkError, match="give pairs"):
            csi.behaviour_signature(linked, points, waves=[linked], **QUICK)
        found = csi.behaviour_signature(linked, points, waves=[(linked, points)], **QUICK)
        assert set(found.rows.loc[found.rows["found"], "stability"]) == {"stable"}


class TestWords:
    def test_association_not_cause_in_both_languages(self, signature):
        english, chinese = signature.sentences("en"), signature.sentences("zh")
        assert "'Speed' is answered lower for each" in english[0]
        assert "on its own scale" in english[0]
        assert "held equal: tier, tenure_band" in english[0]
        assert "“速度”评分较低" in chinese[0]
        assert "not proof of cause" in english[-1]
        assert "不能证明因果" in chinese[-1]
        assert not any(word in " ".join(english) for word in ("because", "leads to", "makes", "effect of"))

    def test_nothing_found_is_said(self, linked):
        found = csi.behaviour_signature(linked, "r", behaviours=["visits"], q=0.001, **QUICK)
        assert "No behaviour stands out" in found.sentences()[0]
        assert "0 of 1 behaviours" in str(found)

    def test_shares_in_percentage_points(self, linked):
        low = (linked.survey.answers["q"] <= 4).to_numpy(float)
        found = csi.behaviour_signature(linked, low, **QUICK)
        assert "'Dissatisfied' is more frequent" in found.sentences()[0]
        assert "个百分点" in found.sentences("zh")[0]


class TestRefusals:
    @pytest.mark.parametrize(
        ("error", "match", "changes"),
        [
            (EstimationError, r"'qq' is no item of the survey\. The items are q, r", {"indicator": "qq"}),
            (EstimationError, "has 3 values, the survey 900", {"indicator": [1, 2, 3]}),
            (EstimationError, "index is 5 for all", {"indicator": np.full(900, 5.0)}),
            (EstimationError, "0 respondents are weak", {"weak": 0.5}),
            (TooFewError, "20 linked respondents have a value", {"indicator": [*range(20), *[np.nan] * 880]}),
            (LinkError, r"'call' is not linked.*Did you mean 'calls'", {"behaviours": ["call"]}),
            (LinkError, "'calls' is named twice", {"behaviours": ["calls", "calls"]}),
            (EstimationError, "'same': constant: always 7", {"behaviours": ["same"]}),
            (LinkError, "'calls' is a behaviour and a control at once", {"behaviours": ["calls"], "controls": ["calls"]}),
            (LinkError, "no column for the control 'region'", {"controls": ["region"]}),
            (EstimationError, "draws >= 20", {"draws": 3}),
            (EstimationError, "q must be above 0", {"q": 0.0}),
        ],
    )  # fmt: skip
    def test_with_the_culprit_and_the_remedy(self, linked, error, match, changes):
        with pytest.raises(error, match=match):
            csi.behaviour_signature(linked, **({"indicator": "q", "draws": 40} | changes))

    def test_a_behaviour_that_follows_from_the_controls(self, linked):
        copied = swapped(linked, age=linked.frame["calls"] * 2 + 1)
        how = {"controls": ["calls"], **QUICK}
        with pytest.raises(EstimationError, match="'age': follows from the controls"):
            csi.behaviour_signature(copied, "q", behaviours=["age"], **how)
        found = csi.behaviour_signature(copied, "q", **how)
        assert found.rows.set_index("term").loc["age", "status"] == "follows from the controls"

    def test_no_behaviour_left(self, linked):
        with pytest.raises(EstimationError, match="none of the behaviours can be tested"):
            csi.behaviour_signature(linked_of(planted(), ["same"]), "q", **QUICK)


class TestTheMap:
    def test_cells_are_signatures_and_the_sets_go_together(self, linked, signature):
        found = csi.signature_map(linked, ["q", "r"], draws=200, permutations=99)
        cells = found.cells.set_index("term")
        assert cells.loc["q ~ calls", "estimate"] == pytest.approx(signature.rows.loc[0, "estimate"])
        assert cells.loc["q ~ calls", "found"]
        assert found.roots.loc[0, "p_value"] == 0.01
        assert found.roots.loc[0, "estimate"] > found.roots.loc[0, "by_chance"]
        assert found.grid().index[0] == "q"
        assert found.grid().columns[0] == "calls"
        assert found.grid().shape == found.grid("found").shape

    def test_index_scores_and_refusals(self, linked):
        points = pd.DataFrame({"Quality": linked.survey.answers["q"] * 10.0})
        found = csi.signature_map(linked, points, behaviours=["calls"], draws=40, permutations=19)
        assert "SignatureMap: 1 indicators x 1 behaviours" in str(found)
        with pytest.raises(EstimationError, match="at least 19 permutations"):
            csi.signature_map(linked, ["q"], permutations=3)
        with pytest.raises(EstimationError, match="at least one indicator"):
            csi.signature_map(linked, [])


# What the synthetic study's truth calls a cause: the feature that shows it.
CAUSES = {
    "hotline_calls_30d": "hotline_calls_count_60d",
    "network_faults_30d": "network_faults_count_60d",
    "complaints_90d": "complaints_count_120d",
    "bill_rise": "bill_level_change_30d",
}


@pytest.mark.filterwarnings("ignore::csi.errors.CsiWarning")  # the impossible cells that the study plants
def test_true_behaviours_of_a_simulated_study_rank_first(tmp_path):
    path = csi.simulate_study(tmp_path, customers=30_000, respondents=1_000)
    study, truth = csi.read_study(path), json.loads((tmp_path / "truth.json").read_text("utf-8"))
    survey = study.read(study.waves[-1])
    survey = csi.rake(survey, study.margins_of(survey))
    linked = study.link(survey, study.behaviour)
    points = survey.answers[["SATI1", "SATI2", "SATI3", "SATI4"]].sub(1).mul(100 / 9).mean(axis=1)
    of_item = set(truth["trouble"]["Quality"]) | set(truth["trouble"][truth["weak_question"]["item"]])
    for indicator, causes in (("QUAL3", of_item), (points.to_numpy(), set(truth["trouble_on_satisfaction"]))):
        wanted = {CAUSES[cause] for cause in causes if cause != "newness"}  # tenure is held equal
        found = csi.behaviour_signature(linked, indicator, draws=100)
        assert set(found.rows["term"][: len(wanted)]) == wanted
        assert wanted <= set(found.found)


def test_a_real_operator(shared):
    """Voice satisfaction of a Chinese operator: what the network did goes with an overall rating of 6 or less."""
    path = shared / "data" / "telecom_cn_voice" / "voice_satisfaction.csv"
    answers = pd.read_csv(path, usecols=["用户id", "语音通话整体满意度"], dtype=str)
    item = {"name": "overall", "column": "语音通话整体满意度"}
    book = Codebook.from_dict({"scale": {"low": 1, "high": 10}, "items": [item], "key": "用户id"})
    features = [
        "脱网次数",
        "mos质差次数",
        "未接通掉话次数",
        "资费投诉",
        "当月ARPU",
        "当月MOU",
        "是否去过营业厅",
        "重定向次数",
        "客户星级标识",
    ]
    linked = csi.link(survey_from_frame(answers, book), path, key="用户id", features=features)
    low = csi.dissatisfied_at_most(linked.survey, "overall", 6)
    found = csi.behaviour_signature(linked, low, controls=["客户星级标识"], draws=100)
    assert found.n == 5433
    assert {"mos质差次数", "未接通掉话次数"} <= set(found.found)
    rows = found.rows.set_index("term")
    assert rows.loc["重定向次数", "n"] + rows.loc["重定向次数", "missing_n"] == found.n
