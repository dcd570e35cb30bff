"""The synthetic study: the same for the same seed, obedient to the rules of fieldwork, and with its truth in the data."""

import ast
import json
import tomllib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict

import csi
from csi import simulate
from csi.errors import CsiError, CsiWarning
from csi.simulate import simulate_study
from csi.simulate_event_tables import EVENTS

WAVES = ["2025Q4", "2026Q1", "2026Q2", "2026Q3"]
QUALITY = [f"QUAL{i}" for i in range(1, 7)]
SATISFACTION = [f"SATI{i}" for i in range(1, 5)]


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return simulate_study(tmp_path_factory.mktemp("study")).parent


@pytest.fixture(scope="module")
def study(folder):
    return tomllib.loads((folder / "study.toml").read_text("utf-8"))


@pytest.fixture(scope="module")
def truth(folder):
    return json.loads((folder / "truth.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def codebook(study):
    return csi.Codebook.from_dict(study["codebook"])


@pytest.fixture(scope="module")
def surveys(folder, study, codebook):
    read = {}
    for wave in study["waves"]:
        with pytest.warns(CsiWarning, match="5 cells refused"):
            read[wave["name"]] = csi.read_survey(folder / "data" / wave["file"], codebook, wave=wave["name"])
    return read


@pytest.fixture(scope="module")
def bases(folder):
    return {w: pd.read_parquet(folder / "data" / f"customers_{w}.parquet").set_index("customer_id") for w in WAVES}


@pytest.fixture(scope="module")
def linked(surveys, bases):
    """Respondents of all waves with their behaviour, their answers and the points of their four satisfaction answers."""
    parts = []
    for wave in WAVES:
        part = bases[wave].loc[surveys[wave].respondents["key"]].reset_index()
        part["answered_on"] = surveys[wave].respondents["date"]
        part = part.join(surveys[wave].answers)
        part["points"] = (part[SATISFACTION].mean(axis=1) - 1) / 9 * 100
        parts.append(part.assign(wave=wave))
    return pd.concat(parts, ignore_index=True)


class TestFiles:
    def test_the_same_seed_gives_the_same_bytes_and_a_second_run_changes_nothing(self, tmp_path):
        for name in ("a", "b", "b"):
            simulate_study(tmp_path / name, seed=5, customers=1_200, respondents=60)
        assert contents(tmp_path / "a") == contents(tmp_path / "b")

    def test_another_seed_gives_other_customers_and_the_same_definition(self, tmp_path):
        one, two = (
            contents(simulate_study(tmp_path / str(seed), seed=seed, customers=1_200, respondents=60).parent)
            for seed in (5, 6)
        )
        assert one.keys() == two.keys()
        assert [name for name in one if one[name] == two[name]] == ["study.toml"]

    def test_the_study_stands_beside_its_data_and_its_truth(self, folder, study):
        tables = {f"{name}_{w}.parquet" for w in WAVES for name in ("customers", "events", "bills", "later")}
        tables |= {f"{name}_{WAVES[-1]}.parquet" for name in ("leaving", "calls")} | {f"answers_{w}.csv" for w in WAVES}
        data = {str(Path("data") / name) for name in tables | {"kpis.csv"}}
        assert set(contents(folder)) == data | {"study.toml", "truth.json"}
        assert [wave["name"] for wave in study["waves"]] == WAVES

    def test_answers_carry_a_byte_order_mark_for_spreadsheets(self, folder):
        assert (folder / "data/answers_2026Q3.csv").read_bytes().startswith(b"\xef\xbb\xbf")

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"customers": 5_000}, "Give at least 30,000 customers"),
            ({"respondents": 5}, "respondents must be 30 or more"),
            ({"seed": -1}, "seed must be 0 or more"),
        ],
    )
    def test_sizes_that_cannot_be_are_refused(self, tmp_path, wrong, said):
        with pytest.raises(CsiError, match=said):
            simulate_study(tmp_path / "none", **wrong)
        assert not (tmp_path / "none").exists()

    def test_the_smallest_base_allowed_is_large_enough(self, tmp_path):
        for seed in range(5):
            simulate_study(tmp_path, seed=seed, customers=simulate.CUSTOMERS_PER_RESPONDENT * 30, respondents=30)

    def test_nothing_is_shared_with_the_estimators_it_tests(self):
        parts = Path(simulate.__file__).parent.glob("simulate*.py")
        nodes = [node for part in parts for node in ast.walk(ast.parse(part.read_text("utf-8")))]
        modules = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
        modules |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        allowed = {"csi.errors", "csi.files", "csi.simulate_events", "csi.simulate_kpis", "csi.simulate_event_tables"}
        assert {m for m in modules if m.startswith("csi")} <= allowed
        assert not {m.split(".")[0] for m in modules} & {"scipy", "sklearn", "statsmodels"}


class TestFieldwork:
    def test_about_as_many_answer_as_were_asked_for(self, surveys):
        assert all(1_350 < len(survey) < 1_650 for survey in surveys.values())

    def test_nobody_who_must_not_be_disturbed_was_asked(self, linked, bases):
        assert not linked["do_not_disturb"].any()
        assert all(0.04 < base["do_not_disturb"].mean() < 0.08 for base in bases.values())

    def test_nobody_answers_twice(self, linked):
        assert linked["customer_id"].is_unique

    def test_the_snapshot_precedes_every_answer_of_its_quarter(self, linked):
        lag = (linked["answered_on"] - linked["snapshot_on"]).dt.days
        assert lag.between(1, 28).all()
        assert (linked["answered_on"].dt.to_period("Q").astype(str) == linked["wave"]).all()

    def test_respondents_have_been_customers_for_longer_than_the_base(self, linked, bases):
        for wave, group in linked.groupby("wave"):
            assert group["tenure_months"].mean() > bases[wave]["tenure_months"].mean() + 8

    def test_some_leave_and_about_as_many_join(self, bases):
        first, last = bases["2025Q4"], bases["2026Q3"]
        assert len(first) == 60_000
        assert abs(len(last) - 60_000) < 1_000
        assert 0.84 < len(first.index.intersection(last.index)) / 60_000 < 0.87
        assert (last["tenure_months"] >= 0).all()

    def test_who_left_after_a_wave_is_not_in_the_next_base(self, bases, folder):
        for wave, following in pairwise(WAVES):
            later = pd.read_parquet(folder / "data" / f"later_{wave}.parquet")
            assert set(later["customer_id"]) == set(bases[wave].index)
            left = later.loc[later["left"] == 1, "customer_id"]
            stayed = bases[wave].index.difference(left)
            assert stayed.isin(bases[following].index).all()
            assert not left.isin(bases[following].index).any()

    def test_segments_in_the_answers_are_those_of_the_base_and_have_words(self, surveys, bases, codebook):
        survey = surveys["2026Q3"]
        for segment in codebook.segments:
            known = bases["2026Q3"].loc[survey.respondents["key"], segment.column].to_numpy()
            assert (survey.segment(segment.name).to_numpy() == known).all()
            assert set(segment.levels) == set(bases["2026Q3"][segment.column])

    def test_every_feature_is_in_the_base_and_has_words(self, study, bases):
        behaviour = study["behaviour"]
        assert set(behaviour["features"]) == set(behaviour["wording"])
        assert all({"en", "zh"} <= set(rule["wording"]) for rule in study["features"])
        for base in bases.values():
            assert {*behaviour["features"], behaviour["date"]} <= set(base)
            assert not base.isna().any(axis=None)


class TestAnswers:
    def test_only_the_planted_cells_are_refused(self, surveys):
        for survey in surveys.values():
            assert sorted(survey.refused_cells["value"]) == sorted(simulate.IMPOSSIBLE)
            assert survey.refused_rows.empty

    def test_gaps_are_few_but_touch_a_third_of_the_rows(self, surveys):
        for survey in surveys.values():
            gaps = survey.answers.isna()
            assert 0.015 < gaps.mean(axis=None) < 0.02
            assert 0.25 < gaps.any(axis=1).mean() < 0.35
            assert {"dont_know", "refused", "invalid"} == set(survey.coded_cells["kind"])

    def test_answers_lean_to_the_good_end_as_customers_do(self, linked):
        answers = linked[list(simulate.QUESTIONS)].to_numpy()
        means = np.nanmean(answers, axis=0)
        assert ((means > 6.8) & (means < 8.5)).all()
        assert ((answers >= 7) & (answers <= 9)).sum() > 0.5 * np.isfinite(answers).sum()

    def test_responsiveness_is_the_lowest_of_the_quality_items(self, surveys, truth):
        weak = truth["weak_question"]["item"]
        for survey in surveys.values():
            means = survey.answers[QUALITY].mean()
            assert means.idxmin() == weak == "QUAL3"
            assert means.drop(weak).min() - means[weak] > 0.4

    @pytest.mark.parametrize("trouble", ["hotline_calls_30d", "complaints_90d", "network_faults_30d"])
    def test_trouble_lowers_every_satisfaction_answer(self, linked, trouble):
        assert (linked[SATISFACTION].corrwith(linked[trouble]) < -0.1).all()

    def test_faults_show_in_reliability_and_calls_in_responsiveness(self, linked):
        others = linked[["QUAL4", "QUAL5", "QUAL6"]].mean(axis=1)
        assert (linked["QUAL2"] - others).corr(linked["network_faults_30d"]) < -0.05
        assert (linked["QUAL3"] - others).corr(linked["hotline_calls_30d"]) < -0.05

    def test_wordings_fit_into_a_chart(self, codebook):
        for item in codebook.items:
            assert 0 < len(item.wording.en) <= 60
            assert 0 < len(item.wording.zh) <= 22


class TestTruth:
    def test_the_survey_comes_close_to_the_index_of_those_who_answer(self, linked, truth):
        for wave, group in linked.groupby("wave"):
            error = group["points"].std() / np.sqrt(len(group))
            assert abs(group["points"].mean() - truth["waves"][wave]["asked_index_of_those_who_answer"]) < 3 * error

    def test_those_who_answer_are_happier_than_the_base(self, truth):
        for wave in truth["waves"].values():
            assert 2 < wave["index_of_those_who_answer"] - wave["index_of_base"] < 3

    def test_the_billing_episode_is_a_dip_and_half_a_recovery(self, truth):
        index = [truth["waves"][wave]["index_of_base"] for wave in WAVES]
        assert all(70 < points < 76 for points in index)
        assert 2 < index[1] - index[2] < 3
        assert 1 < index[3] - index[2] < 2
        unhappy = [truth["waves"][wave]["dissatisfied_share_of_base"] for wave in WAVES]
        assert max(unhappy) == unhappy[2]

    def test_what_trouble_costs_is_found_again_in_answers_and_behaviour(self, linked, truth):
        cost = truth["trouble_on_satisfaction"]
        seen = linked.assign(
            bill_rise=linked["bill_change"].clip(lower=0), newness=(1 - linked["tenure_months"] / 60).clip(lower=0)
        )
        X = np.column_stack([np.ones(len(seen)), *(seen[cause].to_numpy(float) for cause in cost)])
        X, y = X[linked["points"].notna()], linked["points"].dropna().to_numpy()
        found, (rest,), *_ = np.linalg.lstsq(X, y)
        error = np.sqrt(np.diag(np.linalg.inv(X.T @ X)) * rest / (len(y) - X.shape[1]))
        assert (abs(found[1:] - list(cost.values())) < 3 * error[1:]).all()

    def test_total_effects_follow_from_the_paths(self, truth):
        names = list(simulate.CONSTRUCTS)
        B = np.zeros((7, 7))
        for path, slope in truth["paths"].items():
            cause, effect = path.split(" -> ")
            B[names.index(cause), names.index(effect)] = slope
        total = np.linalg.inv(np.eye(7) - B)[:, names.index("Satisfaction")]
        stated = [truth["total_effects_on_satisfaction"].get(name, 0.0) for name in names]
        np.testing.assert_allclose(stated, total, atol=1e-12)

    def test_behaviour_tells_who_is_dissatisfied_but_not_perfectly(self, linked, study):
        features = ["tenure_months", "bill_change", *(column for column, _ in EVENTS.values())]
        known = linked[linked["points"].notna()]
        unhappy = known["points"] < study["risk"]["below"]
        model = GradientBoostingClassifier(n_estimators=60, subsample=0.5, random_state=1)
        risk = cross_val_predict(model, known[features], unhappy, cv=3, method="predict_proba")
        assert 0.7 < roc_auc_score(unhappy, risk[:, 1]) < 0.85


class TestModel:
    def test_the_mobile_model_is_complete(self, codebook):
        model = csi.mobile_csi(codebook)
        assert len(model.names) == 7
        assert {(c, e) for c, effects in model.paths.items() for e in effects} == set(simulate.PATHS)
        assert len(simulate.PATHS) == 12
        assert not model.notes

    @pytest.mark.parametrize("wave", WAVES)
    def test_a_fit_finds_what_was_put_in(self, wave, surveys, codebook):
        fit = csi.fit(csi.mobile_csi(codebook), surveys[wave])
        for cause, effect in simulate.PATHS:
            assert fit.paths.at[cause, effect] > 0, (cause, effect)
        for cause, effect in (
            ("Image", "Expectation"), ("Expectation", "Quality"), ("Quality", "Value"), ("Quality", "Satisfaction"),
            ("Value", "Satisfaction"), ("Satisfaction", "Complaints"), ("Satisfaction", "Loyalty"),
        ):  # fmt: skip
            assert fit.paths.at[cause, effect] > 0.25, (cause, effect)
        loadings = fit.loadings.max(axis=1)
        assert loadings.between(0.65, 0.95).sum() == len(loadings) - 1  # all but the single expectation item
        assert 0.6 < fit.r_squared["Satisfaction"] < 0.75
        assert fit.weights.loc[QUALITY, "Quality"].idxmax() == "QUAL3"
