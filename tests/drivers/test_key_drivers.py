"""Key drivers: methods side by side on the same weighted answers, with their uncertainty, and bad input named."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from conftest import SMALL, small_answers

import csi
from csi.drivers.importance import METHODS, SHARES
from csi.errors import CsiWarning, EstimationError, ModelError
from csi.kernel.dominance import Answers, dominance

NAMES = ["speed", "staff", "place", "hours"]


def survey_of(n=800, seed=0, gaps=0.0):
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(n, 1))
    X = 0.6 * common + 0.8 * rng.normal(size=(n, 4))
    overall = X @ [0.6, 0.3, 0.1, 0.0] + 0.7 * rng.normal(size=n)
    frame = pd.DataFrame(X, columns=NAMES).mask(rng.random((n, 4)) < gaps)
    return frame.assign(
        overall=overall, pleased=(overall > 0.3).astype(int), grade=np.digitize(overall, [-0.8, 0, 0.8]),
        w=rng.uniform(0.5, 2, size=n),
    )  # fmt: skip


@pytest.fixture(scope="module")
def found():
    return csi.key_drivers(survey_of(), "overall", NAMES, draws=300)


@pytest.fixture(scope="module")
def boot(ecsi_model, twin):
    return csi.bootstrap(csi.fit(ecsi_model, twin, scale=(1, 10)), 200)


def rows_of(found, method):
    return found.rows[found.rows["method"] == method].set_index("term")


class TestMethods:
    def test_each_is_what_it_says(self, found):
        frame = survey_of()
        R = frame[[*NAMES, "overall"]].corr().to_numpy()
        beta = np.linalg.solve(R[:4, :4], R[:4, 4])
        assert np.allclose(rows_of(found, "correlation")["estimate"], R[:4, 4], atol=1e-10)
        assert np.allclose(rows_of(found, "regression")["estimate"], beta, atol=1e-10)
        whole = found.r_squared.set_index("term").at["R2", "estimate"]
        assert whole == pytest.approx(beta @ R[:4, 4], abs=1e-10)
        for method in ("lmg", "johnson"):
            assert rows_of(found, method)["estimate"].sum() == pytest.approx(whole, abs=1e-10)

    def test_lmg_is_the_average_over_all_orderings_of_regressions(self, found):
        frame = survey_of()
        z = frame["overall"] - frame["overall"].mean()

        def r2(names):
            X = (frame[list(names)] - frame[list(names)].mean()).to_numpy()
            return 1 - float(np.linalg.lstsq(X, z, rcond=None)[1][0] / (z @ z)) if names else 0.0

        shares = dict.fromkeys(NAMES, 0.0)
        for order in permutations(NAMES):
            for i, name in enumerate(order):
                shares[name] += (r2(order[: i + 1]) - r2(order[:i])) / 24
        assert np.allclose(rows_of(found, "lmg").loc[NAMES, "estimate"], list(shares.values()), atol=1e-10)

    def test_a_driver_without_effect_is_shown_with_its_interval_not_zeroed(self, found):
        hours = rows_of(found, "regression").loc["hours"]
        assert hours["ci_low"] < 0 < hours["ci_high"]
        assert hours["estimate"] != 0
        assert rows_of(found, "lmg").at["hours", "ci_low"] > 0

    def test_shares_of_variance_have_no_test_of_zero(self, found):
        assert found.rows.loc[found.rows["method"].isin(SHARES), "p_value"].isna().all()
        assert found.rows.loc[~found.rows["method"].isin(SHARES), "p_value"].notna().all()

    def test_units_change_nothing(self, found):
        frame = survey_of()
        frame["speed"] = 7 - 3 * frame["speed"]
        frame["overall"] *= 25
        turned = csi.key_drivers(frame, "overall", NAMES, draws=20)
        for method in ("lmg", "johnson"):
            assert np.allclose(rows_of(turned, method)["estimate"], rows_of(found, method)["estimate"], atol=1e-10)

    def test_the_order_of_drivers_changes_nothing(self, found):
        other = csi.key_drivers(survey_of(), "overall", NAMES[::-1], draws=300)
        both = found.rows.merge(other.rows, on=["term", "method"])
        for column in ("estimate", "ci_low", "share_high", "rank_low", "top_probability"):
            assert np.allclose(both[f"{column}_x"], both[f"{column}_y"], atol=1e-9)


class TestWeightsAndGaps:
    def test_a_whole_weight_is_repetition(self):
        frame = survey_of(300)
        frame["w"] = np.random.default_rng(1).integers(1, 4, size=300)
        weighted = csi.key_drivers(frame, "pleased", NAMES, weight="w", draws=20)
        repeated = csi.key_drivers(frame.loc[frame.index.repeat(frame["w"])], "pleased", NAMES, draws=20)
        both = weighted.rows.merge(repeated.rows, on=["term", "method"])
        assert np.allclose(both["estimate_x"], both["estimate_y"], atol=1e-6)

    def test_a_code_of_not_applicable_is_a_gap(self):
        frame = survey_of(gaps=0.1)
        coded = frame.fillna(-9)
        by_code = csi.key_drivers(coded, "pleased", NAMES, not_applicable=[-9], draws=20)
        pd.testing.assert_frame_equal(by_code.rows, csi.key_drivers(frame, "pleased", NAMES, draws=20).rows)

    @pytest.mark.parametrize("missing", ["em", "pairwise", "listwise"])
    def test_gaps_at_random_leave_the_shares_where_they_are(self, missing):
        whole = csi.key_drivers(survey_of(4000), "overall", NAMES, draws=100)
        gappy = csi.key_drivers(survey_of(4000, gaps=0.1), "overall", NAMES, missing=missing, draws=100)
        for method in ("lmg", "regression"):
            away = rows_of(gappy, method)["estimate"] - rows_of(whole, method)["estimate"]
            assert (away.abs() < 3 * rows_of(gappy, method)["std_error"]).all()

    def test_clusters_widen_the_intervals(self):
        rng = np.random.default_rng(3)
        branch = np.repeat(np.arange(40), 20)
        lift = rng.normal(size=(40, 2))[branch]
        frame = survey_of(800).assign(branch=branch)
        frame["speed"] += lift[:, 0]
        frame["overall"] += lift[:, 0] * lift[:, 1]
        plain = csi.key_drivers(frame, "overall", NAMES, draws=300)
        clustered = csi.key_drivers(frame, "overall", NAMES, design=csi.Design(clusters="branch"), draws=300)
        at = ("speed", "std_error")
        assert rows_of(clustered, "correlation").at[at] > 1.2 * rows_of(plain, "correlation").at[at]


class TestUncertainty:
    def test_intervals_cover_the_truth(self):
        """Correlation 0.36 among drivers that matter as 0.6, 0.3, 0.1, 0: the shares of the population in 40 samples."""
        whole = rows_of(csi.key_drivers(survey_of(100_000, seed=99), "overall", NAMES, draws=2), "lmg")["estimate"]
        inside = []
        for seed in range(40):
            rows = rows_of(csi.key_drivers(survey_of(400, seed=seed), "overall", NAMES, draws=100), "lmg")
            inside.append((rows["ci_low"] <= whole) & (whole <= rows["ci_high"]))
        share = np.mean(inside, axis=0)
        assert (share[:3] >= 0.85).all()

    def test_ranks_are_as_sure_as_the_draws(self, found):
        rows = rows_of(found, "lmg")
        assert rows.at["speed", "rank"] == rows.at["speed", "rank_low"] == rows.at["speed", "rank_high"] == 1
        assert rows.at["speed", "top_probability"] == 1.0
        assert sorted(rows["rank"]) == [1, 2, 3, 4]
        assert rows["top_probability"].sum() == pytest.approx(found.top)

    def test_shares_are_parts_of_a_whole(self, found):
        assert np.allclose(found.rows.groupby("method")["share"].sum(), 1)
        assert (
            (found.rows["share_low"] <= found.rows["share"]) & (found.rows["share"] <= found.rows["share_high"])
        ).all()

    def test_draws_are_the_same_for_the_same_seed(self):
        one, same, other = (csi.key_drivers(survey_of(200), "grade", NAMES, draws=40, seed=s) for s in (4, 4, 5))
        pd.testing.assert_frame_equal(one.rows, same.rows)
        assert not np.allclose(one.rows["ci_low"], other.rows["ci_low"])


class TestCategories:
    @pytest.mark.parametrize(("outcome", "kind"), [("pleased", None), ("grade", "ordinal")])
    def test_mcfadden_dominance_stands_beside_the_linear_shares(self, outcome, kind):
        found = csi.key_drivers(survey_of(), outcome, NAMES, outcome_kind=kind, draws=200)
        rows = rows_of(found, "mcfadden")
        whole = found.r_squared.set_index("term").at["McFadden R2", "estimate"]
        assert rows["estimate"].sum() == pytest.approx(whole, abs=1e-10)
        assert list(rows.sort_values("rank").index[:2]) == ["speed", "staff"]
        assert (rows["ordering_error"] < rows["std_error"]).all()

    def test_sampled_orderings_are_near_all_of_them(self):
        frame = survey_of()
        Z = ((frame[NAMES] - frame[NAMES].mean()) / frame[NAMES].std()).to_numpy().T
        answers = Answers(np.ascontiguousarray(Z), frame["pleased"].to_numpy(), np.ones(len(frame)))
        exact = dominance(answers, np.array(list(permutations(range(4))))).added.mean(axis=0)
        rows = rows_of(csi.key_drivers(frame, "pleased", NAMES, orderings=8, draws=20), "mcfadden")
        assert (np.abs(rows["estimate"] - exact) <= 4 * rows["ordering_error"] + 1e-9).all()

    def test_the_kind_is_taken_from_the_answers_unless_told(self):
        frame = survey_of(200)
        kinds = {name: csi.key_drivers(frame, name, NAMES, draws=5).kind for name in ("overall", "pleased", "grade")}
        assert kinds == {"overall": "linear", "pleased": "binary", "grade": "linear"}
        linear = csi.key_drivers(frame, "pleased", NAMES, outcome_kind="linear", draws=5)
        assert "mcfadden" not in linear.methods


class TestGroups:
    def test_members_share_what_their_group_has(self):
        groups = {"people": ["staff", "speed"]}
        found = csi.key_drivers(survey_of(), "pleased", NAMES, groups=groups, draws=100)
        assert list(found.groups.loc[found.groups["method"] == "lmg", "term"]) == ["people", "place", "hours"]
        for method in SHARES:
            rows, whole = rows_of(found, method), found.groups[found.groups["method"] == method].set_index("term")
            assert rows.loc[groups["people"], "estimate"].sum() == pytest.approx(whole.at["people", "estimate"])
            assert whole["estimate"].sum() == pytest.approx(rows["estimate"].sum())
        assert rows_of(found, "lmg")["group"].to_dict() == {
            "speed": "people",
            "staff": "people",
            "place": "",
            "hours": "",
        }

    @pytest.mark.parametrize(
        ("groups", "message"),
        [
            ({"g": ["speed", "stuff"]}, "a group names 'stuff'.*Did you mean 'staff'"),
            ({"g": ["speed"], "h": ["speed"]}, "'speed' stands in groups twice"),
            ({"g": []}, "group 'g' has no drivers"),
        ],
    )
    def test_faults_of_groups(self, groups, message):
        with pytest.raises(EstimationError, match=message):
            csi.key_drivers(survey_of(100), "overall", NAMES, groups=groups)


def test_many_drivers_are_sampled_with_their_error():
    rng = np.random.default_rng(5)
    X = rng.normal(size=(500, 1)) * 0.5 + rng.normal(size=(500, 23))
    frame = pd.DataFrame(X, columns=[f"q{j}" for j in range(23)])
    frame["y"] = frame["q0"] + 0.5 * frame["q1"] + rng.normal(size=500)
    names = [f"q{j}" for j in range(23)]
    found = csi.key_drivers(frame, "y", names, draws=50, orderings=6)
    rows = rows_of(found, "lmg")
    assert rows["estimate"].sum() == pytest.approx(found.r_squared["estimate"].iloc[0], abs=1e-10)
    assert rows["rank"].idxmin() == "q0"
    assert (rows["ordering_error"] > 0).all()
    exact = csi.key_drivers(frame, "y", names, draws=50, groups={"rest": names[8:]})
    assert rows_of(exact, "lmg")["ordering_error"].notna().all()  # 15 members beside 8 groups are 23 players


class TestFindings:
    def test_signs_in_conflict_are_flagged(self):
        rng = np.random.default_rng(1)
        a = rng.normal(size=2000)
        frame = pd.DataFrame({"a": a, "b": 0.8 * a + 0.6 * rng.normal(size=2000)})
        frame["y"] = frame["a"] - 0.3 * frame["b"] + rng.normal(size=2000)
        found = csi.key_drivers(frame, "y", ["a", "b"], draws=100)
        assert found.conflicts["term"].tolist() == ["b"]
        assert found.conflicts["correlation"].iloc[0] > 0 > found.conflicts["regression"].iloc[0]
        assert found.conflicts["conflict_probability"].iloc[0] == 1.0
        assert "opposite signs" in str(found)

    def test_agreement_is_kendalls_w(self, found):
        ranks = np.array([rows_of(found, m).loc[NAMES, "rank"] for m in found.methods])
        m = len(ranks)
        mean = (found.agreement.to_numpy().sum() - m) / (m * (m - 1))  # W follows from the mean rank correlation
        assert found.concordance == pytest.approx((mean * (m - 1) + 1) / m)
        assert "Kendall's W" in found.agreement_in_words

    def test_prints_in_twelve_lines(self, found):
        assert len(str(found).splitlines()) <= 12
        assert str(found).startswith("Key drivers of overall (linear; n = 800): R2 0.")

    def test_a_table_is_a_copy(self, found):
        table = found.table()
        table["estimate"] = 0
        assert found.rows["estimate"].abs().min() > 0


class TestOfAModel:
    def test_total_effects_stand_beside_the_shares_of_the_scores(self, boot):
        found = csi.key_drivers(boot, "Satisfaction")
        assert found.methods == tuple(m for m in METHODS if m != "mcfadden")
        effects = boot.total_effects.set_index("term")
        for name, row in rows_of(found, "total_effect").iterrows():
            assert row["estimate"] == pytest.approx(boot.fit.total_effects.at[name, "Satisfaction"], abs=1e-12)
            assert row["ci_low"] == pytest.approx(effects.at[f"{name} -> Satisfaction", "ci_low"], abs=1e-12)
        correlations = boot.fit.construct_correlations["Satisfaction"]
        shown = rows_of(found, "correlation")["estimate"]
        assert np.allclose(shown, correlations[list(shown.index)], atol=1e-10)

    def test_a_fit_makes_its_own_bootstrap(self, boot):
        found = csi.key_drivers(boot.fit, "Satisfaction", ["Image", "Quality"], draws=200, seed=1)
        again = csi.key_drivers(boot, "Satisfaction", ["Image", "Quality"])
        pd.testing.assert_frame_equal(found.rows, again.rows)

    def test_items_are_drivers_too(self, boot):
        found = csi.key_drivers(boot, "Satisfaction", ["IMAG1", "PERQ1", "Value"])
        fit = boot.fit
        effect = fit.weights.at["IMAG1", "Image"] * fit.total_effects.at["Image", "Satisfaction"]
        assert rows_of(found, "total_effect").at["IMAG1", "estimate"] == pytest.approx(effect, abs=1e-12)
        cross = fit.cross_loadings.at["IMAG1", "Satisfaction"]
        assert rows_of(found, "correlation").at["IMAG1", "estimate"] == pytest.approx(cross, abs=1e-10)

    def test_constructs_that_do_not_lead_to_the_outcome_have_no_total_effects(self, boot):
        found = csi.key_drivers(boot, "Image", ["Loyalty", "Complaints"])
        assert "total_effect" not in found.methods
        assert (rows_of(found, "lmg")["estimate"] > 0).all()

    def test_factors_are_taken_without_their_error(self):
        frame = small_answers(np.random.default_rng(2), 500).assign(c=np.random.default_rng(3).normal(size=500))
        model = csi.Model.parse("A =~ a1 + a2; C <~ c; B =~ b1 + b2; B ~ A + C")
        fit = csi.fit(model, frame)
        found = csi.key_drivers(fit, "B", draws=50)
        assert rows_of(found, "correlation").at["A", "estimate"] == pytest.approx(
            fit.construct_correlations.at["A", "B"]
        )
        assert found.r_squared["estimate"].iloc[0] == pytest.approx(fit.r_squared["B"], abs=1e-10)

    def test_faults(self, boot):
        for outcome, drivers, message in (
            ("Satisfacton", ["Image", "Quality"], "no construct 'Satisfacton'.*Did you mean 'Satisfaction'"),
            ("Satisfaction", ["Image", "Qality"], "'Qality' is neither construct nor item.*Did you mean 'Quality'"),
            ("Satisfaction", ["Image", "CUSA1"], "'CUSA1' is an item of the outcome"),
        ):
            with pytest.raises(ModelError, match=message):
                csi.key_drivers(boot, outcome, drivers)
        with pytest.raises(EstimationError, match="weights, design and gaps are the fit's"):
            csi.key_drivers(boot, "Satisfaction", ["Image", "Quality"], weight="w")
        with pytest.raises(ModelError, match="fewer than two constructs lead to 'B'"):
            csi.key_drivers(csi.fit(SMALL, small_answers(np.random.default_rng(0), 100)), "B", draws=5)


class TestBadInput:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"place": 3.0}, "driver 'place' is constant: all 120 answers are 3.*Leave it out of the drivers"),
            ({"place": np.nan}, "'place' has no answers at all"),
            ({"overall": 1.0}, "outcome 'overall' is constant"),
            ({"place": "good"}, "'place' holds 'good' in case 0"),
        ],
    )
    def test_columns_that_say_nothing(self, change, message):
        with pytest.raises(EstimationError, match=message):
            csi.key_drivers(survey_of(120).assign(**change), "overall", NAMES)

    def test_a_copy_of_another_driver(self):
        frame = survey_of(120)
        frame["place"] = 10 - 2 * frame["speed"]
        with pytest.raises(
            EstimationError, match=r"'speed' and 'place' are copies \(turned round\).*Leave one of them out"
        ):
            csi.key_drivers(frame, "overall", NAMES)

    def test_a_copy_of_the_outcome(self):
        frame = survey_of(120)
        with pytest.raises(EstimationError, match="driver 'again' is a copy of the outcome 'overall'"):
            csi.key_drivers(frame.assign(again=2 * frame["overall"]), "overall", [*NAMES, "again"])

    def test_a_total_of_others(self):
        frame = survey_of(120)
        frame["total"] = frame["speed"] + frame["staff"]
        with pytest.raises(EstimationError, match="driver 'total' follows exactly from 'speed', 'staff'"):
            csi.key_drivers(frame, "overall", [*NAMES, "total"])

    @pytest.mark.parametrize(
        ("outcome", "drivers", "how", "message"),
        [
            ("overall", [*NAMES, "overall"], {}, "the outcome 'overall' is among its own drivers"),
            ("overall", ["speed", "stuff"], {}, "no column 'stuff'.*Did you mean 'staff'"),
            ("overal", NAMES, {}, "no column 'overal'.*Did you mean 'overall'"),
            ("overall", ["speed", "speed"], {}, "'speed' is named twice"),
            ("overall", ["speed"], {}, "one driver alone"),
            ("overall", None, {}, "name the drivers"),
            ("overall", NAMES, {"outcome_kind": "binary"}, "has 120 different answers; a binary one has two"),
            ("overall", NAMES, {"outcome_kind": "ordinal"}, "at most 20"),
            ("overall", NAMES, {"outcome_kind": "count"}, "outcome_kind must be one of"),
            ("overall", NAMES, {"orderings": 2}, "orderings must be 4 or more"),
            ("overall", NAMES, {"draws": 1}, "draws >= 2"),
            ("overall", NAMES, {"weight": "x"}, "no weight column 'x'"),
        ],
    )
    def test_what_cannot_be_asked(self, outcome, drivers, how, message):
        with pytest.raises(EstimationError, match=message):
            csi.key_drivers(survey_of(120), outcome, drivers, **how)

    def test_too_few_answers(self):
        with pytest.raises(EstimationError, match="5 answers are too few for 4 drivers; at least 6"):
            csi.key_drivers(survey_of(5), "overall", NAMES)

    def test_pairs_that_cannot_all_be_true(self):
        x = np.random.default_rng(0).normal(size=300)
        frame = pd.DataFrame({"a": x, "b": x, "c": x, "y": x}) + 0.05 * np.random.default_rng(1).normal(size=(300, 4))
        frame.loc[:99, "a"] = np.nan
        frame.loc[100:199, "b"] = np.nan
        frame.loc[200:, "c"] = np.nan
        frame.loc[200:, "b"] *= -1
        with pytest.raises(EstimationError, match=r"cannot all be true of one sample.*missing='em'"):
            csi.key_drivers(frame, "y", ["a", "b", "c"], missing="pairwise")

    def test_nobody_answered_both(self):
        frame = survey_of(100)
        frame.loc[:49, "speed"], frame.loc[50:, "staff"] = np.nan, np.nan
        with pytest.raises(EstimationError, match="too few answered both 'speed' and 'staff'"):
            csi.key_drivers(frame, "overall", NAMES, missing="pairwise")

    def test_draws_that_are_lost_are_told(self):
        frame = survey_of(60)
        frame["place"] = 0.0
        frame.loc[0, "place"] = 1.0
        with pytest.warns(CsiWarning, match="% of 200 draws could not be used"):
            csi.key_drivers(frame, "overall", NAMES, draws=200)


def test_margins_are_met_in_the_sample_and_in_every_draw():
    frame = survey_of(300, gaps=0.05)
    frame["sex"] = np.where(np.random.default_rng(8).random(300) < 0.7, "f", "m")
    design = csi.Design(margins={"sex": {"f": 0.5, "m": 0.5}})
    raked = csi.key_drivers(frame, "overall", NAMES, weight="w", design=design, draws=50)
    plain = csi.key_drivers(frame, "overall", NAMES, draws=50)
    assert not np.allclose(raked.rows["estimate"], plain.rows["estimate"], atol=1e-4)


def test_a_survey_brings_gaps_weights_and_margins(tmp_path):
    """What a codebook calls not applicable is a gap, and a raked survey is a frame with its weights and design."""
    rng = np.random.default_rng(4)
    frame = pd.DataFrame(rng.integers(1, 11, size=(300, 3)).astype(float), columns=["q1", "q2", "q3"])
    frame["q3"] = np.clip(np.rint(0.5 * frame["q1"] + 0.3 * frame["q2"] + rng.normal(size=300)), 1, 10)
    frame["q1"] = frame["q1"].mask(rng.random(300) < 0.05)
    frame = frame.assign(w=rng.uniform(0.5, 2, size=300).round(3), sex=rng.choice(["f", "m"], size=300, p=[0.7, 0.3]))
    frame.fillna(0).to_csv(tmp_path / "answers.csv", index=False)
    items = [{"name": name, "column": name} for name in ("q1", "q2", "q3")]
    scale = {"low": 1, "high": 10, "not_applicable": [0]}
    book = {"weight": "w", "scale": scale, "items": items, "segments": [{"name": "sex", "column": "sex"}]}
    margins = {"sex": {"f": 0.5, "m": 0.5}}
    survey = csi.rake(csi.read_survey(tmp_path / "answers.csv", csi.Codebook.from_dict(book)), margins)
    of_survey = csi.key_drivers(survey, "q3", ["q1", "q2"], draws=50)
    design = csi.Design(margins=margins)
    of_frame = csi.key_drivers(frame, "q3", ["q1", "q2"], weight="w", design=design, draws=50)
    both = of_survey.rows.merge(of_frame.rows, on=["term", "method"])
    for column in ("estimate", "ci_low", "ci_high", "share"):
        assert np.allclose(both[f"{column}_x"], both[f"{column}_y"], atol=1e-8)
    with pytest.raises(EstimationError, match="a survey carries its own"):
        csi.key_drivers(survey, "q3", ["q1", "q2"], weight="w")


def test_passengers_of_an_airline(shared):
    """86,585 ratings, 0 = not applicable: what a plain regression would have put second is not what matters second."""
    path = shared / "data" / "airline" / "airline_passenger_satisfaction_twothirds.csv.gz"
    frame = pd.read_csv(path)
    items = list(frame.columns[9:23])
    frame["satisfied"] = (frame["Satisfaction"] == "Satisfied").astype(float)
    sample = frame.iloc[::10]
    found = csi.key_drivers(sample, "satisfied", items, not_applicable=[0], outcome_kind="linear", draws=50)
    first = found.side_by_side.index[:3].tolist()
    assert first == ["Online Boarding", "In-flight Wifi Service", "In-flight Entertainment"]
    regression = rows_of(found, "regression")
    assert regression["rank"].sort_values().index[1] == "Departure and Arrival Time Convenience"
    assert regression.at["Departure and Arrival Time Convenience", "estimate"] < 0
