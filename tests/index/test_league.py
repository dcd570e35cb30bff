"""The league: joint draws, ranks that hold together, leads with their limits, nothing about those who are too few."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import csi
from csi.errors import CsiWarning, EstimationError, SurveyError

BOOK = csi.Codebook.from_dict(
    {
        "scale": {"low": 1, "high": 10},
        "items": [
            *({"name": n, "construct": "Quality"} for n in ("q1", "q2")),
            *({"name": n, "construct": "Satisfaction"} for n in ("s1", "s2")),
        ],
        "segments": [{"name": "company", "column": "company"}],
    }
)
MODEL = csi.ecsi(BOOK)
TRUTH = {"alpha": 0.4, "beta": 0.4, "gamma": 0.0, "delta": -0.6}


def survey(seed=0, n=800):
    """Four companies, two of them equal, and a fifth that too few answered for."""
    rng = np.random.default_rng(seed)
    company = rng.choice(list(TRUTH), n)
    felt = rng.normal(size=n) + np.array([TRUTH[name] for name in company])
    company[:7] = "tiny"
    answers = np.clip(np.rint(6 + 1.3 * felt[:, None] + rng.normal(size=(n, 4))), 1, 10)
    return csi.survey_from_frame(pd.DataFrame(answers, columns=["q1", "q2", "s1", "s2"]).assign(company=company), BOOK)


@pytest.fixture(scope="module")
def boot():
    return csi.bootstrap(csi.fit(MODEL, survey()), 500)


@pytest.fixture(scope="module")
def table(boot):
    return csi.league(boot, "company")


class TestTheTable:
    def test_levels_and_intervals_are_those_of_the_index(self, boot, table):
        index = csi.satisfaction_index(boot.fit, boot, by="company").rows.set_index("term")
        ours = table.rows.set_index("term")
        for column in ("estimate", "std_error", "ci_low", "ci_high"):
            assert ours[column].to_dict() == pytest.approx(index[column].to_dict(), rel=1e-12, nan_ok=True)

    def test_best_first_and_the_unpublished_last_without_figures(self, table):
        rows = table.rows
        assert rows["estimate"].iloc[:4].is_monotonic_decreasing
        assert rows["rank"].iloc[:4].tolist() == [1, 2, 3, 4]
        last = rows.iloc[4]
        assert last["term"] == "tiny"
        assert last[["estimate", "rank", "best_probability", "lead"]].isna().all()
        assert "7 answers" in last["note"]
        assert "1 not published" in str(table)

    def test_equals_share_their_ranks(self, table):
        rows = table.rows.set_index("term")
        assert rows.loc[["alpha", "beta"], ["rank_low", "rank_high"]].to_numpy().tolist() == [[1, 2], [1, 2]]
        assert rows.loc["delta", ["rank_low", "rank_high"]].tolist() == [4, 4]

    def test_one_of_them_is_best(self, table):
        assert table.rows["best_probability"].sum() == pytest.approx(1)

    def test_leads_over_the_next_hold_for_all_pairs(self, table):
        rows = table.rows
        assert rows["lead_over"].iloc[:3].tolist() == rows["term"].iloc[1:4].tolist()
        assert rows["lead"].iloc[:3].to_numpy() == pytest.approx(-np.diff(rows["estimate"].iloc[:4]))
        one = table.lead(rows["term"].iloc[0], rows["term"].iloc[1])
        assert rows["lead_high"].iloc[0] - rows["lead_low"].iloc[0] > one["ci_high"] - one["ci_low"]

    def test_leads_over_a_competitor_named_beforehand(self, boot, table):
        rows = csi.league(boot, "company", against="gamma").rows.set_index("term")
        assert np.isnan(rows.loc["gamma", "lead"])
        assert rows.loc["alpha", "lead"] == pytest.approx(table.lead("alpha", "gamma")["estimate"])
        assert rows.loc["alpha", "lead_low"] > 0 > rows.loc["delta", "lead_high"]
        assert rows.loc["alpha", "lead_p"] < 0.05
        assert set(rows["lead_over"].iloc[[0, 1, 3]]) == {"gamma"}

    def test_a_lead_is_turned_round_with_the_pair(self, table):
        there, back = table.lead("alpha", "delta"), table.lead("delta", "alpha")
        assert there[["estimate", "ci_low", "ci_high"]].tolist() == pytest.approx(
            (-back[["estimate", "ci_high", "ci_low"]]).tolist()
        )

    def test_it_prints_and_shows(self, table):
        assert len(str(table).splitlines()) <= 12
        assert "<table>" in table._repr_html_()


class TestSources:
    def test_a_fit_is_bootstrapped(self, boot, table):
        again = csi.league(boot.fit, "company", draws=500, seed=1)
        assert again.rows["ci_low"].to_numpy() == pytest.approx(table.rows["ci_low"].to_numpy(), nan_ok=True)

    def test_a_survey_without_a_model_takes_means_of_its_items(self):
        answered = survey()
        rows = csi.league(answered, "company", draws=400).rows.set_index("term")
        points = 100 * (answered.answers[["s1", "s2"]].mean(axis=1) - 1) / 9
        means = points.groupby(answered.segment("company")).agg(["mean", "sem"])
        for name in TRUTH:
            assert rows.loc[name, "estimate"] == pytest.approx(means.loc[name, "mean"])
            assert rows.loc[name, "std_error"] == pytest.approx(means.loc[name, "sem"], rel=0.15)

    def test_weights_and_margins_count(self):
        margins = {"company": {"alpha": 0.1, "beta": 0.1, "gamma": 0.1, "delta": 0.6, "tiny": 0.1}}
        raked = csi.rake(survey(), margins)
        plain, weighted = (csi.league(s, "company", draws=200).rows for s in (survey(), raked))
        assert weighted["estimate"].to_numpy() == pytest.approx(
            plain["estimate"].to_numpy(), nan_ok=True
        )  # one weight each

    def test_named_items(self):
        found = csi.league(survey(), "company", items=["q1"], draws=200)
        assert found.rows["estimate"].iloc[0] > 0

    def test_real_industries(self, shared):
        study = csi.read_study(Path(__file__).parents[2] / "surveys" / "acsi2015" / "study.toml")
        frame = pd.read_csv(shared / "data" / "acsi2015" / "acsi2015_food_air_isp.csv")
        with pytest.warns(CsiWarning, match="cells refused"):
            answered = csi.survey_from_frame(frame, study.codebook)
        found = csi.league(csi.bootstrap(csi.fit(csi.acsi(study.codebook), answered), 100), "industry")
        assert found.rows["term"].tolist() == ["1001", "3003", "3013"]  # food, airlines, internet providers
        assert (found.rows["rank_low"] == found.rows["rank_high"]).all()
        assert found.rows["lead_low"].iloc[:2].min() > 0


def test_all_true_ranks_lie_within_their_limits():
    """Of 50 surveys: the truth is a tie for the first place, then third and fourth."""
    rank = {"alpha": 1, "beta": 1, "gamma": 3, "delta": 4}
    whole = 0
    for seed in range(50):
        rows = csi.league(survey(seed, 400), "company", draws=200, items=["s1", "s2"]).rows.dropna(subset="estimate")
        truth = rows["term"].map(rank)
        whole += bool(((rows["rank_low"] <= truth) & (truth <= rows["rank_high"])).all())
    assert whole >= 43


class TestBadInput:
    def test_unknown_names(self, boot):
        with pytest.raises(EstimationError, match=r"'gama' is not in the table.*Did you mean 'gamma'"):
            csi.league(boot, "company", against="gama")
        with pytest.raises(EstimationError, match=r"'tiny' is not published: .*7 answers"):
            csi.league(boot, "company", against="tiny")
        with pytest.raises(SurveyError, match="no segment 'firm'"):
            csi.league(boot, "firm")
        with pytest.raises(EstimationError, match="no item of the codebook belongs to 'Loyalty'"):
            csi.league(survey(), "company", construct="Loyalty")

    def test_too_few_to_compare(self, boot):
        with pytest.raises(EstimationError, match="0 of 5 levels of 'company' have 5000 answers or more"):
            csi.league(boot, "company", minimum=5000)

    def test_what_is_no_source(self, boot):
        with pytest.raises(EstimationError, match="not DataFrame; make a survey"):
            csi.league(pd.DataFrame(), "company")
        with pytest.raises(EstimationError, match="items= is for a survey"):
            csi.league(boot, "company", items=["s1"])
