"""The index: the published formula, one ruler for all, honest about what cannot be said."""

import numpy as np
import pandas as pd
import pytest
from conftest import model_of

import csi
from csi.errors import EstimationError, ModelError, SurveyError

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
MODEL = csi.ecsi(BOOK)


def survey(seed=0, n=400, shift=0.0, wave="now", gaps=0.0):
    """Quality and satisfaction on 1-10, the south one point lower; a tiny third shop."""
    rng = np.random.default_rng(seed)
    shop = rng.choice(["north", "south"], n)
    shop[:5] = "tiny"
    true = rng.normal(size=n) - 0.5 * (shop == "south") + shift
    answers = np.clip(np.rint(7 + 1.4 * true[:, None] + rng.normal(size=(n, 5))), 1, 10)
    answers[rng.random(answers.shape) < gaps] = np.nan
    frame = pd.DataFrame(answers, columns=["q1", "q2", "q3", "s1", "s2"]).assign(shop=shop)
    return csi.survey_from_frame(frame, BOOK, wave=wave)


@pytest.fixture(scope="module")
def boot():
    return csi.bootstrap(csi.fit(MODEL, survey()), 600)


def test_levels_and_effects_equal_the_published_case(golden, twin):
    fit = csi.fit(model_of(golden["cases"]["mobi_ecsi_modeA_path"]["model"]), twin, scale=(1, 10), tolerance=1e-12)
    for construct, level in golden["ipma"]["construct_performance"].items():
        assert csi.satisfaction_index(fit, construct=construct).value == pytest.approx(level, abs=1e-6)


def test_items_on_different_scales_are_put_on_points_first(boot):
    """The same answers, one item recorded on 0-100: nothing changes."""
    fit = boot.fit
    frame = fit.cases.survey.answers.assign(q1=lambda d: 100 * (d.q1 - 1) / 9)
    ends = {item: (1, 10) for item in MODEL.items} | {"q1": (0, 100)}
    other = csi.fit(MODEL, frame, scale=ends)
    for construct in MODEL.names:
        ours = csi.satisfaction_index(fit, construct=construct).value
        assert csi.satisfaction_index(other, construct=construct).value == pytest.approx(ours, abs=1e-9)


class TestShown:
    def test_idle_columns_are_left_out(self, boot):
        """Nobody is hidden, the term names the level, and answers count one each."""
        index = csi.satisfaction_index(boot.fit, boot)
        assert not {"published", "n_effective"} & set(index.shown())
        assert {"published", "n_effective"} <= set(index.table())

    def test_a_hidden_row_is_shown_as_such(self, boot):
        shown = csi.satisfaction_index(boot.fit, boot, by="shop").shown()
        assert "level" not in shown
        assert shown["published"].tolist().count(False) == 1

    def test_the_rows_carry_what_a_table_of_a_paper_needs(self, boot):
        attrs = csi.satisfaction_index(boot.fit, boot).table().attrs
        assert (attrs["digits"], attrs["level"], attrs["interval"]) == (1, 0.95, "percentile")
        assert list(attrs["constructs"]) == list(MODEL.names)
        assert "level" not in csi.satisfaction_index(boot.fit).table().attrs


class TestSegments:
    def test_each_level_is_measured_with_the_common_weights(self, boot):
        index = csi.satisfaction_index(boot.fit, boot, by="shop").rows.set_index("level")
        u, _ = boot.fit.unit_weights()
        data = boot.fit.cases.survey
        for shop in ("north", "south"):
            means = data.answers.loc[(data.segment("shop") == shop).to_numpy(), ["s1", "s2"]].mean()
            assert index.at[shop, "estimate"] == pytest.approx(float((u[3:] * (means - 1) / 9 * 100).sum()))
            assert index.at[shop, "ci_low"] < index.at[shop, "estimate"] < index.at[shop, "ci_high"]
        assert index.at["north", "ci_low"] > index.at["south", "ci_high"]

    def test_small_cells_are_not_published_and_the_rest_goes_on(self, boot):
        index = csi.satisfaction_index(boot.fit, boot, by="shop")
        tiny = index.rows.set_index("level").loc["tiny"]
        assert not tiny["published"]
        assert np.isnan(tiny["estimate"])
        assert np.isnan(tiny["ci_low"])
        assert tiny["note"] == "not estimable: 5 answers, at least 30 are needed"
        assert "1 of 3 rows are not published" in str(index)

    def test_the_interval_is_as_wide_as_that_of_a_mean(self, boot):
        row = csi.satisfaction_index(boot.fit, boot, by="shop").rows.set_index("level").loc["north"]
        scores = boot.fit.index_scores["Satisfaction"][(boot.fit.cases.survey.segment("shop") == "north").to_numpy()]
        assert row["std_error"] == pytest.approx(scores.std() / np.sqrt(len(scores)), rel=0.15)

    def test_the_whole_is_the_mix_of_its_parts(self, boot):
        rows = csi.satisfaction_index(boot.fit, boot, by="shop", minimum=1).rows
        whole = csi.satisfaction_index(boot.fit, boot).value
        assert np.average(rows["estimate"], weights=rows["n"]) == pytest.approx(whole)

    def test_they_average_to_the_whole_also_where_answers_are_missing(self):
        """Those with poor quality skip the satisfaction items: observed means alone would put every segment too high."""
        data = survey(4, n=1200)
        frame = data.answers.assign(shop=np.random.default_rng(0).choice(["north", "south"], 1200))
        skip = (frame["q1"] <= 6).to_numpy() & (np.random.default_rng(1).random(1200) < 0.6)
        frame.loc[skip, ["s1", "s2"]] = np.nan
        boot = csi.bootstrap(csi.fit(MODEL, csi.survey_from_frame(frame, BOOK)), 300)
        rows = csi.satisfaction_index(boot.fit, boot, by="shop").rows
        share = frame["shop"].value_counts(normalize=True)[rows["level"]].to_numpy()
        whole = csi.satisfaction_index(boot.fit, boot)
        assert share @ rows["estimate"] == pytest.approx(whole.value, abs=1e-6)
        draws = csi.satisfaction_index(boot.fit, boot, by="shop").draws
        assert np.corrcoef(draws @ share, whole.draws[:, 0])[0, 1] > 0.95  # the same replicates
        observed = (frame[["s1", "s2"]].mean().mean() - 1) / 9 * 100
        assert observed > whole.value + 2

    def test_unknown_segment(self, boot):
        with pytest.raises(SurveyError, match="Did you mean 'shop'"):
            csi.satisfaction_index(boot.fit, boot, by="shops")

    def test_a_plain_frame_has_no_segments(self, boot):
        fit = csi.fit(MODEL, boot.fit.cases.survey.answers, scale=(1, 10))
        with pytest.raises(EstimationError, match="needs a survey"):
            csi.satisfaction_index(fit, by="shop")


@pytest.fixture(scope="module")
def waves():
    surveys = [survey(1, wave="Q1"), survey(2, shift=-0.4, wave="Q2", gaps=0.02), survey(3, wave="Q3")]
    return [csi.bootstrap(csi.fit(MODEL, s), 600, seed=k) for k, s in enumerate(surveys)]


class TestWaves:
    def test_all_waves_lie_on_the_current_ruler(self, waves):
        rows = csi.satisfaction_index(waves[-1].fit, waves[-1], by="wave", earlier=waves[:-1]).rows
        assert rows["level"].tolist() == ["Q1", "Q2", "Q3"]
        u, _ = waves[-1].fit.unit_weights()
        means = waves[0].fit.moments.mean[0, 3:]
        assert rows["estimate"][0] == pytest.approx(float((u[3:] * (means - 1) / 9 * 100).sum()))
        own = csi.satisfaction_index(waves[0].fit).value
        assert rows["own_weights"][0] == pytest.approx(own)

    def test_a_planted_fall_is_found_and_its_interval_holds_it(self, waves):
        rows = csi.satisfaction_index(waves[-1].fit, waves[-1], by="wave", earlier=waves[:-1]).rows
        fall = rows.iloc[1]
        assert fall["change_low"] < -0.4 * 1.4 / 9 * 100 < fall["change_high"] < 0

    def test_waves_of_one_seed_are_not_independent(self, waves):
        twice = csi.bootstrap(waves[0].fit, 600, seed=2)
        with pytest.raises(EstimationError, match="its own seed"):
            csi.satisfaction_index(waves[-1].fit, waves[-1], by="wave", earlier=[twice])

    def test_waves_of_other_models_or_lengths(self, waves):
        short = csi.bootstrap(waves[0].fit, 100, seed=0)
        with pytest.raises(EstimationError, match="100 draws"):
            csi.satisfaction_index(waves[-1].fit, waves[-1], by="wave", earlier=[short])
        part = csi.Model.parse("Quality <~ q1 + q2; Satisfaction <~ s1 + s2; Satisfaction ~ Quality")
        other = csi.bootstrap(csi.fit(part, survey(1)), 600, seed=9)
        with pytest.raises(EstimationError, match="another model"):
            csi.satisfaction_index(waves[-1].fit, waves[-1], by="wave", earlier=[other])

    def test_changes_of_indicators_are_named_with_their_direction(self, waves):
        table = csi.indicator_levels(waves[1], waves[0])
        rows = table.rows.set_index("term")
        assert (rows.loc[["Quality", "Satisfaction"], "changed"] == -1).all()
        assert "fell beyond chance" in str(table)
        assert (csi.indicator_levels(waves[1]).rows["changed"] == 0).all()

    def test_without_a_change_few_indicators_are_called_changed(self):
        found = 0
        for seed in range(20):
            pair = [csi.bootstrap(csi.fit(MODEL, survey(100 + 2 * seed + k)), 300, seed=k) for k in (0, 1)]
            found += bool((csi.indicator_levels(pair[1], pair[0]).rows["changed"] != 0).any())
        assert found <= 7  # two families at 10 %: 20 trials, about 4 expected


def test_unknown_construct(boot):
    with pytest.raises(ModelError, match="Did you mean 'Satisfaction'"):
        csi.satisfaction_index(boot.fit, construct="Satisfacton")


def test_a_bootstrap_of_another_fit(boot):
    with pytest.raises(EstimationError, match="another fit"):
        csi.satisfaction_index(csi.fit(MODEL, survey(7)), boot)
