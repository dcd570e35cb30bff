"""The panorama: one tree, the same replicates as the index, changes that are explained to the last decimal."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

import csi
from csi.errors import EstimationError, ModelError, SurveyError
from csi.index.tree_waves import slices_of, wave_levels

ITEMS = {"Quality": ["wait", "staff"], "Value": ["price"], "Satisfaction": ["overall", "ideal"]}
BOOK = csi.Codebook.from_dict(
    {
        "scale": {"low": 1, "high": 10},
        "items": [{"name": i, "construct": c} for c, items in ITEMS.items() for i in items],
        "segments": [{"name": name, "column": name} for name in ("region", "operator")],
    }
)
MODEL = csi.ecsi(BOOK)
OFFICIAL = {"Score": {"Quality": 3, "Value": 1}}
PLAIN = {"Score": {"Outlet": 3, "price": 1}, "Outlet": {"wait": 1, "staff": 1}}


def survey(wave, seed, shift=0.0, n=400, gaps=0.0):
    """Waiting time answered `shift` points higher; the west one point lower throughout; a tiny region."""
    rng = np.random.default_rng(seed)
    region = rng.choice(["east", "north", "south", "west"], n)
    region[:4] = "tiny"
    true = rng.normal(size=n) - (region == "west")
    answers = np.clip(np.rint(7 + 1.2 * true[:, None] + rng.normal(size=(n, 5)) + [shift, 0, 0, shift / 4, 0]), 1, 10)
    answers[rng.random(answers.shape) < gaps] = np.nan
    frame = pd.DataFrame(answers, columns=[i for items in ITEMS.values() for i in items])
    return csi.survey_from_frame(
        frame.assign(region=region, operator=rng.choice(["ours", "theirs"], n)), BOOK, wave=wave
    )


def waves(gaps=0.0):
    return [csi.bootstrap(csi.fit(MODEL, survey(w, s, h, gaps=gaps)), 200, seed=s) for w, s, h in WAVES]


WAVES = (("2025Q3", 1, 0.0), ("2026Q2", 2, 0.0), ("2026Q3", 3, -1.0))


@cache
def boots():
    return waves()


@pytest.fixture(scope="module")
def panorama():
    return csi.panorama(
        boots()[-1], boots()[:-1], by=["region"], views={"official": OFFICIAL}, targets={"Satisfaction": 90}
    )


def row(panorama, term, **where):
    rows = panorama.rows
    for column, value in {"view": "model", "wave": "2026Q3", "slice": "", "term": term, **where}.items():
        rows = rows[rows[column] == value]
    assert len(rows) == 1
    return rows.iloc[0]


class TestModelsView:
    def test_levels_changes_and_intervals_are_those_of_the_index(self, panorama):
        index = csi.satisfaction_index(boots()[-1].fit, boots()[-1], by="wave", earlier=boots()[:-1]).rows.iloc[-1]
        ours = row(panorama, "Satisfaction")
        for column in ("estimate", "std_error", "ci_low", "ci_high", "change", "change_low", "change_high"):
            assert ours[column] == pytest.approx(index[column], abs=1e-9), column

    def test_slices_are_those_of_the_index(self, panorama):
        index = csi.satisfaction_index(boots()[-1].fit, boots()[-1], by="region").rows
        for each in index.to_dict("records"):
            ours = row(panorama, "Satisfaction", slice=f"region={each['level']}")
            assert ours["published"] == each["published"]
            for column in ("estimate", "ci_low", "ci_high"):
                assert ours[column] == pytest.approx(each[column], abs=1e-9, nan_ok=True)
            assert ours["n"] == each["n"]

    def test_items_hang_under_constructs_and_constructs_under_the_index(self, panorama):
        parents = panorama.current().set_index("term")["parent"].to_dict()
        assert parents == {
            "Satisfaction": "", "overall": "Satisfaction", "ideal": "Satisfaction",
            "Quality": "Satisfaction", "wait": "Quality", "staff": "Quality", "Value": "Satisfaction", "price": "Value",
        }  # fmt: skip

    def test_what_fell_is_an_alert_and_what_did_not_is_none(self, panorama):
        assert row(panorama, "wait")["verdict"] == "alert"
        assert row(panorama, "staff")["verdict"] == row(panorama, "price")["verdict"] == ""
        assert (panorama.alerts["wave"] == "2026Q3").all()

    def test_waves_whose_names_are_no_time_have_no_last_year(self):
        named = [csi.bootstrap(csi.fit(MODEL, survey(w, s)), 50, seed=s) for w, s in (("pilot", 1), ("main", 2))]
        assert csi.panorama(named[1], named[:1]).rows["year_change"].isna().all()
        assert csi.panorama(named[1]).rows["year_change"].isna().all()

    def test_last_year_is_found_by_its_name(self, panorama):
        ours = row(panorama, "wait")
        assert ours["year_change"] == pytest.approx(ours["estimate"] - row(panorama, "wait", wave="2025Q3")["estimate"])
        named = csi.panorama(boots()[-1], boots()[:-1], last_year="2026Q2")
        assert row(named, "wait")["year_change"] == row(named, "wait")["change"]

    def test_targets(self, panorama):
        ours = row(panorama, "Satisfaction")
        assert (ours["to_target"], ours["target_met"]) == (pytest.approx(ours["estimate"] - 90), "no")
        near = csi.panorama(boots()[-1], targets={"Satisfaction": ours["estimate"]})
        assert row(near, "Satisfaction")["target_met"] == "open"


class TestGivenWeights:
    def test_a_view_over_the_model_weights_its_constructs(self, panorama):
        score = row(panorama, "Score", view="official")["estimate"]
        quality, value = (row(panorama, term)["estimate"] for term in ("Quality", "Value"))
        assert score == pytest.approx(0.75 * quality + 0.25 * value)
        assert row(panorama, "Quality", view="official")["estimate"] == pytest.approx(quality)

    def test_a_survey_needs_no_model(self):
        now, before = survey("2026Q3", 3, -1.0, gaps=0.1), survey("2026Q2", 2, gaps=0.1)
        found = csi.panorama(now, [before], views={"local": PLAIN}, by="region", draws=300)
        means = (now.answers.mean() - 1) / 9 * 100
        assert row(found, "Score", view="local")["estimate"] == pytest.approx(
            0.375 * means["wait"] + 0.375 * means["staff"] + 0.25 * means["price"]
        )
        west = now.answers[now.segment("region") == "west"]["wait"]
        ours = row(found, "wait", view="local", slice="region=west")
        assert ours["estimate"] == pytest.approx((west.mean() - 1) / 9 * 100)
        assert ours["n"] == west.notna().sum()
        assert ours["std_error"] == pytest.approx(west.std() / np.sqrt(west.count()) / 9 * 100, rel=0.2)
        assert row(found, "wait", view="local")["verdict"] == "alert"

    def test_small_slices_are_not_published_and_the_others_are_shrunken(self, panorama):
        tiny = row(panorama, "wait", slice="region=tiny")
        assert (tiny["published"], tiny["note"]) == (False, "fewer than 30 answers")
        assert np.isnan(tiny[["estimate", "shrunken", "change"]].astype(float)).all()
        west = row(panorama, "wait", slice="region=west")
        assert west["estimate"] < west["shrunken"] < row(panorama, "wait")["estimate"]
        assert west["to_best"] < west["to_best_high"] < 0

    @pytest.mark.parametrize(
        ("view", "message"),
        [
            ({"Score": {"Qualty": 1}}, "'Qualty' under 'Score' is neither an item nor a node.*Did you mean 'Quality'"),
            ({"Score": {"wait": 1, "A": 1}, "A": {"wait": 1}}, "'wait' stands under 'Score' and 'A'"),
            ({"A": {"B": 1}, "B": {"A": 1}}, "in a circle"),
            ({"A": {"wait": 1}, "B": {"staff": 1}}, "one root; this one has 'A', 'B'"),
            ({"A": {"wait": -1}}, "weight of 'wait' in 'A' is -1"),
            ({"A": {"wait": 0}}, "the weights under 'A' are all 0"),
            ({"A": {}}, "'A' has no children"),
        ],
    )
    def test_what_is_no_tree_is_refused(self, view, message):
        with pytest.raises(ModelError, match=f"view 'official'.*{message}"):
            csi.panorama(boots()[-1], views={"official": view})


class TestCauses:
    @pytest.mark.parametrize("term", ["Satisfaction", "Quality", "wait"])
    def test_parts_drivers_and_slices_sum_to_the_move(self, panorama, term):
        causes = panorama.explain(term)
        assert causes.move == pytest.approx(row(panorama, term)["change"])
        sums = causes.table().groupby("by")["estimate"].sum()
        assert set(sums.index) == {"Satisfaction": {"parts", "drivers", "region"}, "Quality": {"parts", "region"}}.get(
            term, {"region"}
        )
        assert np.abs(sums - causes.move).max() < 1e-10

    @pytest.mark.parametrize("source", ["em", "survey"])
    def test_slices_sum_with_missing_answers_too(self, source):
        if source == "em":
            before, now = waves(gaps=0.1)[1:]
            found = csi.panorama(now, [before], by=["region"], minimum=1)
        else:
            before, now = survey("2026Q2", 2, gaps=0.1), survey("2026Q3", 3, -1.0, gaps=0.1)
            found = csi.panorama(now, [before], views={"local": PLAIN}, by=["region"], minimum=1, draws=50)
        for term in found.current()["term"]:
            causes = found.explain(term)
            rows = causes.rows[causes.rows["by"] == "region"]
            assert rows["estimate"].sum() == pytest.approx(causes.move, abs=1e-10)
            assert "(rest)" not in rows["term"].tolist()

    def test_the_cause_comes_first(self, panorama):
        rows = panorama.explain("Quality").table()
        assert rows.iloc[0]["term"] == "wait"
        assert "by parts: most from wait" in str(panorama.explain("Quality"))

    def test_within_a_slice(self, panorama):
        causes = panorama.explain("Quality", slice="region=west")
        assert causes.move == pytest.approx(row(panorama, "Quality", slice="region=west")["change"])
        assert causes.rows["estimate"].sum() == pytest.approx(causes.move)

    def test_what_is_not_there(self, panorama):
        with pytest.raises(ModelError, match=r"no node 'Qality'.*Did you mean 'Quality'"):
            panorama.explain("Qality")
        with pytest.raises(ModelError, match=r"no view 'local'. Views are model, official"):
            panorama.explain("Quality", view="local")
        with pytest.raises(EstimationError, match="no slice 'region=up'"):
            panorama.explain("Quality", slice="region=up")
        with pytest.raises(EstimationError, match="one wave only"):
            csi.panorama(boots()[0]).explain("Quality")


class TestRivals:
    def test_the_tree_is_of_our_customers_and_leads_are_over_the_best_rival(self):
        found = csi.panorama(boots()[-1], boots()[:-1], by=["region"], company=("operator", "ours"))
        index = csi.satisfaction_index(boots()[-1].fit, boots()[-1], by="operator").rows.set_index("level")["estimate"]
        ours = row(found, "Satisfaction")
        assert ours["estimate"] == pytest.approx(index["ours"])
        assert (ours["lead"], ours["lead_over"]) == (pytest.approx(index["ours"] - index["theirs"]), "operator=theirs")
        assert ours["lead_low"] < ours["lead"] < ours["lead_high"]
        assert found.explain("Satisfaction").rows["by"].isin(["parts", "drivers", "region"]).all()

    def test_an_unknown_company(self):
        with pytest.raises(EstimationError, match=r"nobody has that level. Levels are ours, theirs"):
            csi.panorama(boots()[-1], company=("operator", "nobody"))


class TestKpis:
    @staticmethod
    def table(values=None, **changed):
        months = [str(m) for m in pd.period_range("2025-07", "2026-09", freq="M")]
        calm = 8 + 0.1 * (np.arange(len(months)) % 2)
        described = {
            "node": "queue",
            "parent": "wait",
            "direction": "lower",
            "unit": "min",
            "target": 5,
            "red_line": 20,
        }
        frame = pd.DataFrame({**described, "month": months, "value": calm if values is None else values})
        return csi.read_kpis(frame.assign(**changed))

    def found(self, table):
        return csi.panorama(boots()[-1], boots()[:-1], by=["region"], kpis=table)

    def test_they_stand_beside_the_indicators(self):
        ours = row(self.found(self.table()), "queue")
        assert (ours["kind"], ours["parent"], ours["unit"], ours["target_met"]) == ("kpi", "wait", "min", "no")
        assert ours["estimate"] == pytest.approx(8.0, abs=0.1)
        assert ours["verdict"] == ""

    def test_a_move_beyond_its_own_noise_is_told_by_its_direction(self):
        values = np.array([8, 8.1] * 6 + [10, 10.1, 10])
        worse, better = self.found(self.table(values)), self.found(self.table(values, direction="higher", red_line=1))
        assert (row(worse, "queue")["verdict"], row(better, "queue")["verdict"]) == ("alert", "merit")

    def test_beyond_the_red_line_is_an_alert_without_any_move(self):
        ours = row(self.found(self.table(red_line=7)), "queue")
        assert (ours["verdict"], ours["reason"]) == ("alert", "red line")

    def test_their_effect_is_a_part_of_the_move(self):
        values = np.array([8, 8.1] * 6 + [10, 10.1, 10])
        causes = self.found(self.table(values)).explain("Quality", effects={"queue": -0.5})
        rows = causes.rows[causes.rows["by"] == "kpis"].set_index("term")["estimate"]
        assert rows["queue"] == pytest.approx(-0.5 * (10 - 8) + 0.5 / 30, abs=0.06)
        assert rows.sum() == pytest.approx(causes.move)

    def test_a_kpi_of_a_slice_or_under_another_kpi(self):
        months = ["2026-07", "2026-08", "2026-09"]
        above = pd.DataFrame({"node": "queue", "parent": "wait", "direction": "lower", "month": months, "value": 8.0})
        below = above.assign(node="desks", parent="queue", direction="higher", slice="region=west")
        now = csi.panorama(boots()[-1], by=["region"], kpis=csi.read_kpis(pd.concat([below, above])))
        assert row(now, "desks", slice="region=west")["parent"] == "queue"
        with pytest.raises(SurveyError, match="the slice 'region=west', which the panorama does not have"):
            csi.panorama(boots()[-1], kpis=csi.read_kpis(pd.concat([below, above])))

    def test_faults_of_the_table_are_named(self):
        with pytest.raises(SurveyError, match="'queue' hangs on 'waits', which the tree does not have"):
            self.found(self.table(parent="waits"))
        late = csi.bootstrap(csi.fit(MODEL, survey("2026Q4", 9)), 50, seed=9)
        with pytest.raises(SurveyError, match="no row for 2026-10, 2026-11, 2026-12"):
            csi.panorama(late, kpis=self.table())


class TestWithoutIntervals:
    def test_fits_give_levels_and_say_that_nothing_was_tested(self):
        fits = [boot.fit for boot in boots()]
        found = csi.panorama(fits[-1], fits[:-1], by=["region"])
        assert row(found, "wait")["change"] < 0
        assert found.rows["p_value"].isna().all()
        assert found.alerts.empty
        assert "give bootstraps instead of fits" in str(found)

    def test_one_wave_has_nothing_to_compare_with(self):
        assert "one wave only" in str(csi.panorama(boots()[0]))


class TestFaults:
    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"targets": {"Qality": 80}}, ModelError, "targets name 'Qality'.*Did you mean 'Quality'"),
            ({"construct": "Quick"}, ModelError, "Quick"),
            ({"by": ["colour"]}, SurveyError, "no segment 'colour'"),
            ({"q": 1.5}, EstimationError, "q=1.5 lie between 0 and 1"),
            ({"minimum_change": -1}, EstimationError, "minimum_change=-1 must be 0 or more"),
            ({"last_year": "2024Q3"}, EstimationError, "last_year='2024Q3' is not among the earlier waves"),
            ({"views": {"model": PLAIN}}, ModelError, "'model' is the name of the model's own view"),
        ],
    )
    def test_each_with_its_message(self, arguments, error, message):
        with pytest.raises(error, match=message):
            csi.panorama(boots()[-1], boots()[:-1], **arguments)

    def test_waves_of_different_kinds_or_of_one_name(self):
        with pytest.raises(EstimationError, match="wave 1 is a Fit and the current one a Bootstrap"):
            csi.panorama(boots()[-1], [boots()[0].fit])
        with pytest.raises(EstimationError, match="2 waves are called '2026Q3'"):
            csi.panorama(boots()[-1].fit, [boots()[-1].fit])
        with pytest.raises(ModelError, match="a survey has no model, so it needs a view"):
            csi.panorama(survey("2026Q3", 1))

    def test_slices_of_a_plain_frame(self):
        frame = boots()[0].fit.cases.survey.answers
        with pytest.raises(EstimationError, match="need a survey; this fit was made from a plain frame"):
            csi.panorama(csi.fit(MODEL, frame, scale=(1, 10)), by=["region"])


def test_the_same_seed_gives_the_same_replicates_of_a_survey():
    asked = survey("2026Q3", 3, gaps=0.1)
    slices = slices_of([asked], ["region"], None)
    one, two = (wave_levels(asked, asked, slices, ("wait", "staff"), (draws, 1)).items for draws in (40, 80))
    np.testing.assert_allclose(one, two[:41], atol=1e-9)
