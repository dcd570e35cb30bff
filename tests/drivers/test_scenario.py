"""What-if: straight lines from items to constructs, with every end of a scale where it is."""

import numpy as np
import pandas as pd
import pytest
from conftest import SMALL, model_of, small_answers
from hypothesis import given, settings
from hypothesis import strategies as st

import csi
from csi.errors import EstimationError, ModelError
from csi.index.score import levels_of

BOOK = csi.Codebook.from_dict(
    {
        "scale": {"low": 1, "high": 10},
        "items": [
            *({"name": n, "construct": "Quality"} for n in ("q1", "q2", "q3")),
            *({"name": n, "construct": "Satisfaction"} for n in ("s1", "s2")),
        ],
        "segments": [
            {"name": "shop", "column": "shop", "levels": {"north": {"en": "North"}, "south": {"en": "South"}}}
        ],
    }
)
KPIS = pd.DataFrame(
    {
        "kpi": ["queue", "queue", "hotline"],
        "item": ["q1", "q2", "elsewhere"],
        "estimate": [-0.3, -0.1, 0.02],
        "std_error": [0.1, 0.05, 0.01],
    }
)


def survey(seed=0, n=400, tiny=0, gaps=0.0):
    """Quality and satisfaction on 1-10, the south half a point lower."""
    rng = np.random.default_rng(seed)
    shop = rng.choice(["north", "south"], n)
    shop[:tiny] = "tiny"
    true = rng.normal(size=n) - 0.5 * (shop == "south")
    answers = np.clip(np.rint(7 + 1.4 * true[:, None] + rng.normal(size=(n, 5))), 1, 10)
    answers[rng.random(answers.shape) < gaps] = np.nan
    frame = pd.DataFrame(answers, columns=["q1", "q2", "q3", "s1", "s2"]).assign(shop=shop)
    return csi.survey_from_frame(frame, BOOK, wave="now")


@pytest.fixture(scope="module")
def boot():
    return csi.bootstrap(csi.fit(csi.ecsi(BOOK), survey()), 400)


@pytest.fixture(scope="module")
def mobile(golden, twin):
    return csi.fit(model_of(golden["cases"]["mobi_ecsi_modeA_path"]["model"]), twin, scale=(1, 10), tolerance=1e-12)


@pytest.fixture(scope="module")
def answers():
    """Two dimensions of quality and satisfaction, on 1-10."""
    rng = np.random.default_rng(4)
    true = rng.normal(size=(300, 1))
    X = 5.5 + 0.8 * true + 0.6 * rng.normal(size=(300, 6))
    return pd.DataFrame(X, columns=["q1", "q2", "q3", "q4", "s1", "s2"])


def moved(scenario, construct="Satisfaction"):
    return scenario.rows.set_index("term").at[construct, "estimate"]


class TestEffects:
    def test_a_driver_brings_its_published_importance(self, mobile, golden):
        """All items of a construct up by 0.9 of 1-10 are 10 points, and bring ten times its importance."""
        effects = {(e["from"], e["to"]): e["value"] for e in golden["ipma"]["unstandardised_total_effects"]}
        for cause in ("Image", "Expectation", "Quality"):
            rise = dict.fromkeys(mobile.model.construct(cause).items, 0.9)
            scenario = csi.what_if(mobile, rise)
            assert moved(scenario, cause) == pytest.approx(10, abs=1e-9)
            for target in ("Satisfaction", "Loyalty"):
                assert moved(scenario, target) == pytest.approx(10 * effects[cause, target], abs=1e-5)

    def test_an_item_brings_its_importance_of_the_map(self, mobile):
        rows = csi.importance_performance(mobile).rows.set_index("term")
        for item in ("PERQ2", "IMAG1", "PERV1"):
            change = moved(csi.what_if(mobile, {item: 0.09}))
            assert change == pytest.approx(rows.at[item, "estimate"], abs=1e-9)

    @given(first=st.floats(-0.5, 0.5), second=st.floats(-0.5, 0.5))
    @settings(max_examples=20, deadline=None)
    def test_changes_add_up(self, boot, first, second):
        both = csi.what_if(boot.fit, {"q1": first, "s2": second}).rows["estimate"]
        one, other = (csi.what_if(boot.fit, c).rows["estimate"] for c in ({"q1": first}, {"s2": second}))
        assert np.allclose(both, one + other, atol=1e-10)

    def test_on_scale_is_the_change_in_the_items_units(self, boot):
        rows = csi.what_if(boot.fit, {"q1": 0.3, "q2": 0.3, "q3": 0.3}).rows.set_index("term")
        assert rows.at["Quality", "on_scale"] == pytest.approx(0.3)

    def test_what_does_not_move_has_no_interval(self, boot):
        rows = csi.what_if(boot.fit, {"s1": 0.3}, boot=boot).rows.set_index("term")
        assert rows.at["Quality", "estimate"] == 0
        assert np.isnan(rows.at["Quality", "ci_low"])
        assert (
            rows.at["Satisfaction", "ci_low"] < rows.at["Satisfaction", "estimate"] < rows.at["Satisfaction", "ci_high"]
        )

    def test_a_known_truth_lies_in_the_interval(self):
        """Satisfaction is 0.6 of the mean of two items of equal weight: a point more of one brings 0.3 on the scale."""
        model = csi.Model([csi.Construct("Q", ["q1", "q2"], mode="B"), csi.Construct("S", ["s"])], {"Q": ["S"]})
        inside = 0
        for seed in range(40):
            rng = np.random.default_rng(seed)
            q = rng.normal(5, 1, (250, 2))
            s = 2 + 0.6 * q.mean(axis=1) + rng.normal(0, 0.5, 250)
            frame = pd.DataFrame({"q1": q[:, 0], "q2": q[:, 1], "s": s})
            fit = csi.fit(model, frame, scale=(-5, 15))
            rows = csi.what_if(fit, {"q1": 1.0}, boot=csi.bootstrap(fit, 300)).rows.set_index("term")
            inside += rows.at["S", "ci_low"] <= 0.3 / 20 * 100 <= rows.at["S", "ci_high"]
        assert inside >= 34  # of 40 at 95 %: fewer has a probability of 0.3 %


class TestEndsOfTheScale:
    def test_a_mean_rises_to_the_end_and_no_further(self, mobile, twin):
        scenario = csi.what_if(mobile, {"PERQ2": 5.0})
        change = scenario.changes.iloc[0]
        assert change["change"] == pytest.approx(10 - twin["PERQ2"].mean())
        assert change["after"] == pytest.approx(10)
        assert "PERQ2 (asked +5)" in str(scenario)
        assert np.allclose(scenario.rows["estimate"], csi.what_if(mobile, {"PERQ2": change["change"]}).rows["estimate"])

    def test_a_fall_ends_at_the_low_end(self, boot):
        change = csi.what_if(boot.fit, {"q1": -9.0}).changes.iloc[0]
        assert change["after"] == pytest.approx(1)
        assert change["note"]

    def test_those_at_the_top_cannot_rise_so_that_the_others_have_to_rise_more(self, boot):
        answers = boot.fit.cases.survey.answers["q1"]
        change = csi.what_if(boot.fit, {"q1": 0.2}).changes.iloc[0]
        assert change["each"] == pytest.approx(0.2 / (answers < 10).mean())
        assert change["each"] > change["change"] == 0.2

    def test_a_construct_ends_at_100(self):
        """s answers twice what q does, from high up: the straight line would lead beyond the scale."""
        rng = np.random.default_rng(0)
        q = rng.normal(5, 0.4, 300)
        frame = pd.DataFrame({"q": q, "s": np.minimum(9.2 + 1.8 * (q - 5) / 4, 10) + rng.normal(0, 0.01, 300) - 0.05})
        fit = csi.fit(csi.Model.parse("Q <~ q; S <~ s; S ~ Q"), frame, scale=(1, 10))
        row = csi.what_if(fit, {"q": 4.0}, boot=csi.bootstrap(fit, 200)).rows.set_index("term").loc["S"]
        assert row["after"] == pytest.approx(100)
        assert row["after_high"] <= 100 + 1e-9
        assert row["note"] == "at the end of the scale"


class TestSegments:
    def test_it_starts_from_the_segments_own_level(self, boot):
        index = csi.satisfaction_index(boot.fit, boot, by="shop").rows.set_index("level")
        for shop in ("north", "south"):
            row = (
                csi.what_if(boot.fit, {"q1": 0.3}, boot=boot, segment=("shop", shop))
                .rows.set_index("term")
                .loc["Satisfaction"]
            )
            assert row["before"] == pytest.approx(index.at[shop, "estimate"], abs=1e-9)
            assert row["before_low"] == pytest.approx(index.at[shop, "ci_low"], abs=1e-9)
            assert row["n"] == index.at[shop, "n"]

    @pytest.mark.parametrize("gaps", [0.0, 0.1])
    def test_the_parts_of_all_segments_are_the_whole(self, gaps):
        fit = csi.fit(csi.ecsi(BOOK), survey(gaps=gaps))
        boot = csi.bootstrap(fit, 50)
        parts = [csi.what_if(fit, {"q1": 0.3}, boot=boot, segment=("shop", shop)) for shop in ("north", "south")]
        whole = csi.what_if(fit, {"q1": 0.3}, boot=boot)
        assert sum(part.share for part in parts) == pytest.approx(1)
        assert np.allclose(sum(part.rows["whole"] for part in parts), whole.rows["estimate"])
        before = sum(part.share * part.rows["before"] for part in parts)
        assert np.allclose(before, whole.rows["before"])

    def test_the_room_is_the_segments_own(self, boot):
        answers = boot.fit.cases.survey.answers["q1"]
        north = (boot.fit.cases.survey.segment("shop") == "north").to_numpy()
        change = csi.what_if(boot.fit, {"q1": 9.0}, segment=("shop", "north")).changes.iloc[0]
        assert change["change"] == pytest.approx(10 - answers[north].mean())

    def test_what_cannot_be_said(self, mobile):
        fit = csi.fit(csi.ecsi(BOOK), survey(tiny=5))
        with pytest.raises(EstimationError, match=r"tiny has 5 answers.*at least 30"):
            csi.what_if(fit, {"q1": 0.3}, segment=("shop", "tiny"))
        with pytest.raises(EstimationError, match=r"no level 'nord'.*Did you mean 'north'"):
            csi.what_if(fit, {"q1": 0.3}, segment=("shop", "nord"))
        with pytest.raises(EstimationError, match="needs a survey"):
            csi.what_if(mobile, {"PERQ2": 0.3}, segment=("shop", "north"))


class TestKpis:
    def test_a_kpi_moves_its_items(self, boot):
        through = csi.what_if(boot.fit, {"queue": -2}, kpis=KPIS)
        direct = csi.what_if(boot.fit, {"q1": 0.6, "q2": 0.2})
        assert np.allclose(through.rows["estimate"], direct.rows["estimate"])
        assert through.changes["through"].tolist() == ["queue", "queue"]

    def test_it_takes_whatever_offers_the_table(self, boot):
        class Link:
            def effects_on_items(self):
                return KPIS

        ours, table = (csi.what_if(boot.fit, {"queue": -1}, kpis=kpis).rows for kpis in (Link(), KPIS))
        pd.testing.assert_frame_equal(ours, table)

    def test_its_own_uncertainty_widens_the_interval(self, boot):
        sure = KPIS.assign(std_error=0.0)
        wide, narrow = (
            csi.what_if(boot.fit, {"queue": -1}, boot=boot, kpis=k).rows.set_index("term") for k in (KPIS, sure)
        )
        assert wide.at["Satisfaction", "std_error"] > 1.5 * narrow.at["Satisfaction", "std_error"]
        direct = csi.what_if(boot.fit, {"q1": 0.3, "q2": 0.1}, boot=boot).rows.set_index("term")
        assert np.allclose(narrow.at["Satisfaction", "ci_low"], direct.at["Satisfaction", "ci_low"])

    def test_bad_tables(self, boot):
        def ask(kpis, change="queue"):
            return csi.what_if(boot.fit, {change: -1}, kpis=kpis)

        with pytest.raises(ModelError, match="'hotline' has no effect on an item of the model"):
            ask(KPIS, "hotline")
        with pytest.raises(EstimationError, match="no column 'std_error'"):
            ask(KPIS.drop(columns="std_error"))
        with pytest.raises(EstimationError, match="'queue' on item 'q1' stands twice"):
            ask(pd.concat([KPIS, KPIS.iloc[:1]]))
        with pytest.raises(EstimationError, match="has no estimate"):
            ask(KPIS.assign(estimate=np.nan))
        with pytest.raises(ModelError, match="a KPI and an item at once"):
            ask(KPIS.replace({"kpi": {"queue": "q3"}}), "q3")


class TestModelsOfSeveralStages:
    PARTS = (csi.Construct("Core", ["q1", "q2"]), csi.Construct("Care", ["q3", "q4"]), csi.Construct("S", ["s1", "s2"]))

    def model(self, order):
        return csi.Model([*self.PARTS, csi.Construct("Q", ["Core", "Care"])], {"Q": ["S"]}, higher_order=order)

    @pytest.mark.parametrize("order", ["two_stage", "embedded"])
    def test_observed_items_move_constructs_of_constructs(self, answers, order):
        """The level of Q after the change is that of the changed means under the weights as they are."""
        fit = csi.fit(self.model(order), answers, scale=(1, 10))
        boot = csi.bootstrap(fit, 50)
        scenario = csi.what_if(fit, {"q1": 0.4, "q4": 0.2}, boot=boot)
        shifted = fit.origin.moments.mean + 0.4 * np.eye(6)[0] + 0.2 * np.eye(6)[3]
        level = levels_of(fit, fit.maps.applied(shifted))[0, fit.model.names.index("Q")]
        assert scenario.rows.set_index("term").at["Q", "after"] == pytest.approx(level, abs=1e-9)
        assert moved(scenario, "S") == pytest.approx(
            fit.effects_in_points.at["Q", "S"] * moved(scenario, "Q"), abs=1e-9
        )

    def test_repeated_indicators_are_refused(self, answers):
        fit = csi.fit(self.model("repeated"), answers, scale=(1, 10))
        with pytest.raises(ModelError, match=r"stands in two constructs.*two_stage"):
            csi.what_if(fit, {"q1": 0.4})

    def test_an_interaction_bends_the_lines_of_its_parts_only(self, answers):
        frame = answers.assign(z=answers["s1"] + np.random.default_rng(1).normal(size=300))
        parts = [*self.PARTS, csi.Construct("Z", ["z"])]
        model = csi.Model(parts, {"Core": ["S"], "Care": ["S"], "Core*Care": ["S"], "Z": ["S"]})
        fit = csi.fit(model, frame, scale=(-5, 16))
        with pytest.raises(ModelError, match=r"'q1' moves 'Core'.*interaction 'Core\*Care'"):
            csi.what_if(fit, {"q1": 0.4})
        assert moved(csi.what_if(fit, {"z": 0.4}), "S") > 0


class TestBadInput:
    def test_each_has_its_message(self, boot):
        fit = boot.fit
        with pytest.raises(ModelError, match=r"no item or KPI 'q11'.*Did you mean 'q1'"):
            csi.what_if(fit, {"q11": 1})
        with pytest.raises(EstimationError, match="none was given"):
            csi.what_if(fit, {})
        with pytest.raises(EstimationError, match="the change of 'q1' is nan"):
            csi.what_if(fit, {"q1": np.nan})
        with pytest.raises(EstimationError, match="scale ends of item 'a1'"):
            csi.what_if(csi.fit(SMALL, small_answers(np.random.default_rng(0), 100)), {"a1": 1})
        other = csi.fit(csi.ecsi(BOOK), survey(1))
        with pytest.raises(EstimationError, match="belongs to another fit"):
            csi.what_if(other, {"q1": 1}, boot=boot)

    def test_a_confidence_needs_draws_and_a_construct(self, boot):
        with pytest.raises(EstimationError, match="needs draws"):
            csi.what_if(boot.fit, {"q1": 1}).at_least("Satisfaction", 0.8)
        with pytest.raises(EstimationError, match="Did you mean 'Satisfaction'"):
            csi.what_if(boot.fit, {"q1": 1}, boot=boot).at_least("Satisfied", 0.8)
