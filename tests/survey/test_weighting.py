"""Weights of a survey: margins, cells, limits, what they cost; equal to R's survey where that was run."""

import numpy as np
import pandas as pd
import pytest

import csi
from csi.errors import SurveyError
from csi.survey.design import Design
from csi.survey.design_errors import weighted_means
from csi.survey.weighting import post_stratify, rake, trim_weights, weight_summary

AGES = ["18-34", "35-49", "50-64", "65+"]
BOOK = csi.Codebook.from_dict(
    {
        "scale": {"low": 1, "high": 10},
        "items": [{"name": "q"}, {"name": "s"}],
        "segments": [{"name": n, "column": n} for n in ("sex", "area", "branch")],
        "weight": "w",
    }
)


def survey(seed=0, n=400):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "sex": rng.choice(["f", "m"], n, p=[0.6, 0.4]),
            "area": rng.choice(["city", "land"], n, p=[0.7, 0.3]),
            "branch": rng.choice([f"b{k}" for k in range(20)], n),
            "w": rng.gamma(4, size=n),
        }
    )
    frame["q"] = np.clip(np.rint(6 + (frame["sex"] == "f") + rng.normal(size=n)), 1, 10)
    frame["s"] = np.clip(np.rint(frame["q"] + rng.normal(size=n)), 1, 10)
    return csi.survey_from_frame(frame, BOOK)


@pytest.fixture(scope="module")
def peer(reference):
    return reference("survey_acsi_rake")


@pytest.fixture(scope="module")
def acsi(shared, peer):
    """The rows that R's survey was given, drawn by industry and raked to the same margins."""
    frame = pd.read_csv(shared / "data" / "acsi2015" / "acsi2015_food_air_isp.csv")
    frame = frame[frame["SATIS"].between(1, 10) & frame["GENDER"].isin([1, 2]) & (frame["AGE"] < 98)]
    age = pd.cut(frame["AGE"], [0, 34, 49, 64, 97], labels=AGES).astype(str)
    frame = frame.assign(agegrp=age, GENDER=frame["GENDER"].astype(int), INDUSTRY=frame["INDUSTRY"].astype(int))
    book = csi.Codebook.from_dict(
        {
            "scale": {"low": 1, "high": 10},
            "items": [{"name": "SATIS"}],
            "segments": [{"name": n, "column": n} for n in ("GENDER", "agegrp", "INDUSTRY")],
        }
    )
    drawn = csi.survey_from_frame(frame, book).with_design(Design(strata="INDUSTRY"))
    return rake(drawn, peer["margins"])


class TestAgainstTheSurveyPackage:
    def test_weights(self, acsi, peer):
        assert len(acsi) == peer["n"]
        for cell in peer["weights_by_cell"]:
            here = (acsi.respondents["GENDER"] == str(cell["GENDER"])) & (acsi.respondents["agegrp"] == cell["agegrp"])
            assert here.sum() == cell["n"]
            assert np.abs(acsi.weights[here] - cell["weight"]).max() < 1e-8

    def test_design_effect(self, acsi, peer):
        summary = weight_summary(acsi)
        assert summary.design_effect == pytest.approx(peer["kish_design_effect"], abs=1e-9)
        assert summary.n_effective == pytest.approx(peer["n"] / peer["kish_design_effect"], abs=1e-5)

    def test_means_and_their_errors(self, acsi, peer):
        rows = weighted_means(acsi, by="INDUSTRY").rows.set_index("level")
        for case in peer["mean_by_industry"]:
            row = rows.loc[str(case["INDUSTRY"])]
            assert row["estimate"] == pytest.approx(case["mean"], abs=1e-8)
            assert row["std_error"] == pytest.approx(case["se_linearised"], abs=1e-8)


CELLS = {("f", "city"): 30, ("f", "land"): 25, ("m", "city"): 20, ("m", "land"): 25}


class TestPostStratification:
    def test_every_cell_has_its_share(self):
        weighted = post_stratify(survey(), CELLS, by=["sex", "area"])
        totals = weighted.respondents.groupby(["sex", "area"])["weight"].sum() / weighted.weights.sum()
        for cell, number in CELLS.items():
            assert totals[cell] == pytest.approx(number / 100)

    def test_within_a_cell_weights_keep_their_proportions(self):
        data = survey()
        ratio = post_stratify(data, CELLS, by=["sex", "area"]).weights / data.weights
        one = (data.respondents["sex"] == "f") & (data.respondents["area"] == "land")
        assert np.ptp(ratio[one.to_numpy()]) < 1e-12

    def test_replicates_are_post_stratified_again(self):
        """What the cells determine does not vary between replicates."""
        weighted = post_stratify(survey(), CELLS, by=["sex", "area"])
        boot = csi.bootstrap(csi.fit(csi.Model.parse("Q <~ q; S <~ s; S ~ Q"), weighted), 50)
        inside = (weighted.respondents["sex"] == "f").to_numpy()
        shares = np.concatenate([W @ inside / W.sum(axis=1) for _, W in boot.resamples()])
        assert np.allclose(shares, 0.55, atol=1e-8)

    def test_what_cannot_be_met_is_named(self):
        with pytest.raises(SurveyError, match="no respondent has the level 'f x sea'"):
            post_stratify(survey(), CELLS | {("f", "sea"): 5}, by=["sex", "area"])
        with pytest.raises(SurveyError, match="a tuple of one level for each of 'sex', 'area', not 'f'"):
            post_stratify(survey(), {"f": 1}, by=["sex", "area"])
        with pytest.raises(SurveyError, match=r"no column 'aera'.*Did you mean 'area'"):
            post_stratify(survey(), CELLS, by=["sex", "aera"])
        with pytest.raises(SurveyError, match="needs columns"):
            post_stratify(survey(), CELLS, by=[])


class TestTrimming:
    def test_limits_hold_and_the_total_stays(self):
        data = survey()
        relative = (trimmed := trim_weights(data, (0.5, 1.5))).weights / data.weights.mean()
        assert relative.min() == pytest.approx(0.5)
        assert relative.max() == pytest.approx(1.5)
        assert trimmed.weights.sum() == pytest.approx(data.weights.sum())
        assert weight_summary(trimmed).design_effect < weight_summary(data).design_effect

    def test_raked_weights_are_bounded_and_not_trimmed(self):
        raked = rake(survey(), {"sex": {"f": 0.5, "m": 0.5}})
        with pytest.raises(SurveyError, match="Trim before raking"):
            trim_weights(raked)
        with pytest.raises(SurveyError, match="do not enclose 1"):
            trim_weights(survey(), (1.5, 3))


class TestSummary:
    def test_shares_before_and_after_beside_the_population(self):
        data = survey()
        summary = weight_summary(rake(data, {"sex": {"f": 50, "m": 50}, "area": {"city": 40, "land": 60}}))
        rows = summary.rows.set_index("term")
        assert rows.index.tolist() == ["sex: f", "sex: m", "area: city", "area: land"]
        assert rows["population"].tolist() == [0.5, 0.5, 0.4, 0.6]
        assert np.allclose(rows["estimate"], rows["population"], atol=1e-9)
        women = (data.respondents["sex"] == "f").to_numpy()
        assert rows.at["sex: f", "before"] == pytest.approx(data.weights[women].sum() / data.weights.sum())
        assert rows.at["sex: f", "n"] == women.sum()
        assert "0.0% after" in str(summary)

    def test_equal_weights_cost_nothing(self):
        data = survey()
        equal = csi.survey_from_frame(
            data.answers,
            csi.Codebook.from_dict({"scale": {"low": 1, "high": 10}, "items": [{"name": "q"}, {"name": "s"}]}),
        )
        summary = weight_summary(equal)
        assert (summary.design_effect, summary.n_effective, summary.smallest, summary.largest) == (1, 400, 1, 1)
        assert "No margins" in str(summary)


class TestMeans:
    def test_of_one_stratum_with_equal_weights_it_is_the_textbook_error(self):
        data = survey()
        equal = csi.survey_from_frame(
            data.answers,
            csi.Codebook.from_dict({"scale": {"low": 1, "high": 10}, "items": [{"name": "q"}, {"name": "s"}]}),
        )
        row = weighted_means(equal).rows.iloc[0]
        assert row["std_error"] == pytest.approx(data.answers["q"].std() / 20)

    def test_clusters_are_the_units(self):
        """With every respondent of a cluster answering alike the error is that of the clusters' means."""
        frame = pd.DataFrame(
            {"branch": np.repeat([f"b{k}" for k in range(10)], 8), "sex": "f", "area": "city", "w": 1.0}
        )
        frame["q"] = np.repeat(np.arange(1, 11), 8)
        frame["s"] = frame["q"]
        clustered = csi.survey_from_frame(frame, BOOK).with_design(Design(clusters="branch"))
        assert weighted_means(clustered).rows["std_error"][0] == pytest.approx(
            np.arange(1, 11).std(ddof=1) / np.sqrt(10)
        )
