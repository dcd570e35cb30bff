"""Importance and performance: the published numbers, quadrants only where they mean something."""

import numpy as np
import pandas as pd
import pytest
from conftest import model_of

import csi
from csi.errors import EstimationError, ModelError, SurveyError

BOOK = csi.Codebook.from_dict(
    {"scale": {"low": 1, "high": 10},
     "items": [{"name": n, "construct": c} for n, c in
               (("q1", "Quality"), ("q2", "Quality"), ("s1", "Satisfaction"), ("s2", "Satisfaction"))],
     "segments": [{"name": "region", "column": "region"}]}
)  # fmt: skip


@pytest.fixture(scope="module")
def fit(golden, twin):
    return csi.fit(model_of(golden["cases"]["mobi_ecsi_modeA_path"]["model"]), twin, scale=(1, 10), tolerance=1e-12)


def test_importance_is_the_unstandardised_total_effect(golden, fit):
    effects = {(e["from"], e["to"]): e["value"] for e in golden["ipma"]["unstandardised_total_effects"]}
    for target in ("Satisfaction", "Loyalty"):
        rows = csi.importance_performance(fit, target=target).rows
        constructs = rows[rows["kind"] == "construct"].set_index("term")
        for name in fit.model.ancestors(target):
            assert constructs.at[name, "estimate"] == pytest.approx(effects[name, target], abs=1e-6)
            assert constructs.at[name, "performance"] == pytest.approx(
                golden["ipma"]["construct_performance"][name], abs=1e-6
            )


def test_items_share_the_importance_of_their_construct(fit):
    rows = csi.importance_performance(fit).rows
    items = rows[rows["kind"] == "item"].groupby("construct")["estimate"].sum()
    constructs = rows[rows["kind"] == "construct"].set_index("term")["estimate"]
    assert np.allclose(items[constructs.index], constructs)


def test_importance_foretells_what_a_point_more_brings(ecsi_model, twin):
    """Points of the target per point of the driver: the standardised effect times the ratio of the scores' spreads."""
    fit = csi.fit(ecsi_model, twin, scale=(-20, 40))  # wide ends, so that no simulated answer lies beyond them
    effect = fit.total_effects.at["Quality", "Satisfaction"]
    sd = fit.index_scores.std()
    expected = effect * sd["Satisfaction"] / sd["Quality"]
    rows = csi.importance_performance(fit).rows.set_index("term")
    assert rows.at["Quality", "estimate"] == pytest.approx(expected, abs=1e-9)


def test_intervals_come_with_a_bootstrap(fit):
    rows = csi.importance_performance(fit, boot=csi.bootstrap(fit, 300)).rows
    assert (rows["ci_low"] < rows["estimate"]).all()
    assert (rows["performance_low"] < rows["performance"]).all()


def test_the_weakest_important_item_has_most_to_win(fit):
    priority = csi.importance_performance(fit)
    weak = priority.rows[(priority.rows["kind"] == "item") & (priority.rows["quadrant"] == "weak and important")]
    gain = weak["estimate"] * (100 - weak["performance"])
    assert priority.weakest["term"] == weak.loc[gain.idxmax(), "term"]
    assert priority.weakest["term"] in str(priority)


def test_a_negative_weight_gets_a_finding_and_no_quadrant():
    rng = np.random.default_rng(1)
    true = rng.normal(size=300)
    frame = pd.DataFrame(
        {"good": true + rng.normal(size=300), "turned": -true + rng.normal(size=300), "fine": true + rng.normal(size=300),
         "s": 0.7 * true + rng.normal(size=300)}
    )  # fmt: skip
    model = csi.Model.parse("Quality <~ good + turned + fine; Satisfaction <~ s; Satisfaction ~ Quality")
    rows = csi.importance_performance(csi.fit(model, frame, scale=(-5, 5))).rows.set_index("term")
    assert rows.at["turned", "finding"] == "negative weight"
    assert rows.at["Quality", "finding"] == "negative weight"
    assert rows.at["turned", "quadrant"] == ""
    assert rows.at["good", "quadrant"] != ""


def test_a_target_without_causes(fit):
    with pytest.raises(ModelError, match="nothing leads to 'Image'"):
        csi.importance_performance(fit, target="Image")


@pytest.fixture(scope="module")
def boot(fit):
    return csi.bootstrap(fit, 400)


@pytest.fixture(scope="module")
def priority(fit, boot):
    return csi.importance_performance(fit, boot=boot)


class TestUncertainty:
    def test_estimates_and_their_quadrants_stay(self, fit, priority):
        """A bootstrap adds what is known of chance; it moves no point and no line."""
        plain = csi.importance_performance(fit).rows
        columns = ["estimate", "performance", "importance_line", "performance_line"]
        assert np.allclose(plain[columns], priority.rows[columns])
        assert plain["quadrant"].tolist() == priority.rows["position"].tolist()
        assert plain["probability"].isna().all()

    def test_probability_is_the_share_of_draws_against_their_own_medians(self, fit, boot, priority):
        """Counted here draw by draw from the levels and effects of items, whose medians move as well."""
        rows = priority.rows[priority.rows["kind"] == "item"]
        place = [fit.model.items.index(item) for item in rows["term"]]
        construct = [fit.model.names.index(name) for name in rows["construct"]]
        k = fit.model.names.index("Satisfaction")
        hits = []
        for b in range(len(boot)):
            sd, w = boot.moments.sd[b] * 100 / 9, boot.draws.weights[b]
            u = w / sd
            totals = {j: u[fit.layout.block == j].sum() for j in set(fit.layout.block)}
            effects = boot.draws.total_effects[b]
            matter = np.array(
                [
                    u[i] / totals[j] * effects[j, k] * totals[j] / totals[k]
                    for i, j in zip(place, construct, strict=True)
                ]
            )
            level = (boot.moments.mean[b][place] - 1) * 100 / 9
            hits.append((matter >= np.median(matter)) & (level < np.median(level)))
        sound = rows["finding"] == ""
        assert sound.all()
        assert np.allclose(np.mean(hits, axis=0), rows["probability"], atol=1e-12)

    def test_a_quadrant_that_too_few_draws_confirm_is_undecided(self, fit, boot):
        certain = {level: csi.importance_performance(fit, boot=boot, certainty=level).rows for level in (0, 0.8, 1)}
        undecided = {level: (rows["quadrant"] == "undecided").sum() for level, rows in certain.items()}
        assert undecided[0] == 0
        assert 0 < undecided[0.8] <= undecided[1]
        decided = certain[0.8][certain[0.8]["quadrant"] != "undecided"]
        assert (decided["quadrant"] == decided["position"]).all()
        weak = certain[0.8]["quadrant"] == "weak and important"
        assert (certain[0.8].loc[weak, "probability"] >= 0.8).all()

    def test_the_weakest_comes_first_among_the_sure_ones(self, priority):
        ranked = priority.ranked("item")
        sure = (ranked["quadrant"] == "weak and important").to_numpy()
        perhaps = (ranked["position"] == "weak and important").to_numpy()
        assert (np.diff(sure.astype(int)) <= 0).all()
        assert (np.diff(perhaps.astype(int)) <= 0).all()
        assert priority.weakest["term"] == ranked.at[0, "term"]
        assert f"{priority.weakest['probability']:.0%}" in str(priority)

    def test_errors_and_covariance_are_those_of_the_draws(self, fit, boot, priority):
        rows = priority.rows.set_index("term")
        levels = (boot.moments.mean[:, fit.model.items.index("PERQ1")] - 1) * 100 / 9
        assert rows.at["PERQ1", "performance_error"] == pytest.approx(levels.std(ddof=1))
        bound = rows["std_error"] * rows["performance_error"]
        assert (rows["covariance"].abs() <= bound * (1 + 1e-9)).all()
        assert (rows["covariance"] != 0).all()


class TestLines:
    def test_a_target_for_all_one_for_a_kind_one_for_an_item(self, fit):
        rows = csi.importance_performance(
            fit, performance_line={"item": 70, "PERQ1": 90}, importance_line={"construct": 0.5}
        ).rows.set_index("term")
        assert rows.at["PERQ1", "performance_line"] == 90
        assert rows.at["PERQ2", "performance_line"] == 70
        constructs = rows[rows["kind"] == "construct"]
        assert (constructs["importance_line"] == 0.5).all()
        assert (constructs["performance_line"] == constructs["performance"].median()).all()

    def test_a_target_decides_what_is_weak(self, fit):
        above = csi.importance_performance(fit, performance_line=100.0).rows
        below = csi.importance_performance(fit, performance_line=0.0).rows
        assert above["position"].str.startswith("weak").all()
        assert below["position"].str.startswith("strong").all()

    def test_a_fixed_line_does_not_move_with_the_draws(self, fit):
        """All draws far above a target of 0: nothing is weak, and that is certain."""
        rows = csi.importance_performance(fit, boot=csi.bootstrap(fit, 100), performance_line=0.0).rows
        assert (rows["probability"] == 0).all()

    def test_a_line_for_what_is_not_in_the_map(self, fit):
        with pytest.raises(EstimationError, match=r"a line is given for 'PERQ9'.*Did you mean 'PERQ7'"):
            csi.importance_performance(fit, performance_line={"PERQ9": 80})


@pytest.fixture(scope="module")
def regional():
    """South is best in q1, north in q2; the island is better than both, but has 20 answers only."""
    rng = np.random.default_rng(1)
    region = np.repeat(["north", "south", "island"], [200, 200, 20])
    shift = {"north": (0, 1), "south": (1, 0), "island": (2, 2)}
    true = rng.normal(size=420) + 5
    q = true[:, None] + np.array([shift[r] for r in region]) + rng.normal(size=(420, 2)) / 2
    s = true[:, None] + rng.normal(size=(420, 2)) / 2
    frame = pd.DataFrame(np.column_stack([q, s]).clip(1, 10), columns=["q1", "q2", "s1", "s2"]).assign(region=region)
    return frame, csi.fit(csi.ecsi(BOOK), csi.survey_from_frame(frame, BOOK))


class TestBestInClass:
    def test_the_best_published_level_of_a_segment(self, regional):
        frame, fit = regional
        rows = csi.importance_performance(fit, best="region").rows.set_index("term")
        assert rows.loc[["q1", "q2"], "best_of"].tolist() == ["south", "north"]
        south = frame.loc[frame["region"] == "south", "q1"].mean()
        assert rows.at["q1", "best"] == pytest.approx((south - 1) * 100 / 9)
        index = csi.satisfaction_index(fit, by="region", construct="Quality").rows
        assert rows.at["Quality", "best"] == pytest.approx(index.loc[index["published"], "estimate"].max())

    def test_levels_may_be_given(self, regional):
        rows = csi.importance_performance(regional[1], best={"q1": 88.0, "Quality": 80}).rows.set_index("term")
        assert rows.at["q1", "best"] == 88
        assert np.isnan(rows.at["q2", "best"])

    def test_bad_ones_have_a_message(self, regional, fit):
        with pytest.raises(EstimationError, match="a best level in class is given for 'q3'"):
            csi.importance_performance(regional[1], best={"q3": 80})
        with pytest.raises(EstimationError, match="best='region' needs a survey"):
            csi.importance_performance(fit, best="region")
        with pytest.raises(SurveyError, match="regoin"):
            csi.importance_performance(regional[1], best="regoin")
