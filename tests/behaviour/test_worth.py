"""A point of the index has a price, if what came later can tell one: with errors, controls and caveats, or not at all."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import statsmodels.api as sm

from csi.behaviour.linkage import link
from csi.behaviour.worth import worth_of_satisfaction
from csi.behaviour.worth_outcomes import WorthTable
from csi.engine import connect
from csi.errors import CsiWarning, EstimationError, LinkError, StudyError, TooFewError
from csi.simulate import simulate_study
from csi.survey.codebook import Codebook
from csi.survey.reading import survey_from_frame

QUARTERS = ("2026-10-01", "2027-01-01", "2027-04-01", "2027-07-01")
LEAVE, SPEND, COMPLAIN = -0.04, 0.8, -0.02  # per point
COLUMNS = WorthTable(
    table="later.parquet", key="id", begins="quarter", left="left", spend="spend", complaints="complaints",
    controls=("tenure", "tier"),
)  # fmt: skip


def leaving(x, tenure):
    return 1 / (1 + np.exp(2.6 - LEAVE * (x - 75) + 0.01 * (tenure - 40)))


def operator(seed, n=800):
    """Respondents and their later quarters: leavers have no rows afterwards."""
    rng = np.random.default_rng(seed)
    x, tenure = np.clip(rng.normal(75, 12, n), 0, 100), rng.gamma(2, 20, n)
    tier = rng.choice(["gold", "plain", "silver"], n)
    people = pd.DataFrame(
        {"id": [f"C{i}" for i in range(n)], "on": "2026-09-10", "csi": x, "tenure": tenure, "tier": tier}
    )
    here, parts, own, frail = np.ones(n, bool), [], rng.normal(0, 20, n), rng.gamma(2, 0.5, n)
    for quarter in QUARTERS:
        left = rng.random(n) < leaving(x, tenure)
        rows = pd.DataFrame({"id": people["id"], "quarter": quarter, "left": left.astype(int)})
        rows["spend"] = 150 + SPEND * (x - 75) + own + 10 * (tier == "plain") + rng.normal(0, 20, n)
        rows["complaints"] = rng.poisson(frail * np.exp(-1.5 + COMPLAIN * (x - 75)))
        parts.append(rows[here])
        here = here & ~left
    return people, pd.concat(parts, ignore_index=True)


def worth_of(people, later, columns=COLUMNS, **choices):
    return worth_of_satisfaction(people, later, columns, **{"index": "csi", "key": "id", "answered": "on"} | choices)


@pytest.fixture(scope="module")
def data():
    return operator(1)


@pytest.fixture(scope="module")
def worth(data):
    return worth_of(*data, base_customers=1_000_000, reliability=0.9)


def only(**changed):
    fields = {"table": "later.csv", "key": "id", "begins": "quarter"} | changed
    return WorthTable(**fields)


class TestTheNumbers:
    def test_errors_are_those_of_statsmodels_clustered_by_customer(self, data, worth):
        people, later = data
        joined = later.merge(people, on="id")
        number = joined.groupby("id").cumcount().to_numpy()
        X = np.column_stack(
            [
                joined["csi"],
                joined["tenure"],
                joined["tier"] == "plain",
                joined["tier"] == "silver",
                *(number == t for t in (1, 2, 3)),
                np.ones(len(joined)),
            ]
        ).astype(float)
        groups = joined["id"].astype("category").cat.codes.to_numpy()
        families = {
            "left": sm.families.Binomial(),
            "spend": sm.families.Gaussian(),
            "complaints": sm.families.Poisson(),
        }
        terms = {"left": "churn_odds", "spend": "spend_period", "complaints": "complaints_ratio"}
        rows = worth.rows.set_index("term")
        for outcome, family in families.items():
            model = sm.GLM(joined[outcome].to_numpy(float), X, family=family)
            peer = model.fit(cov_type="cluster", cov_kwds={"groups": groups}, tol=1e-12, maxiter=100)
            ours = rows.loc[terms[outcome]]
            ratio = outcome != "spend"
            assert (np.log(ours["estimate"]) if ratio else ours["estimate"]) == pytest.approx(peer.params[0], rel=1e-6)
            # The peer's small-sample factor also counts rows and columns.
            factor = np.sqrt((len(joined) - 1) / (len(joined) - X.shape[1]))
            error = ours["std_error"] / ours["estimate"] if ratio else ours["std_error"]
            assert error * factor == pytest.approx(peer.bse[0], rel=2e-4)

    def test_a_point_is_worth_what_stays_and_what_they_spend_more(self, worth):
        value = worth.table().set_index("term")["estimate"]
        assert value["value_year"] == pytest.approx(value["value_staying"] + value["value_spending"])
        assert value["value_base"] == pytest.approx(1e6 * value["value_year"])

    def test_the_truth_lies_within_the_intervals_as_often_as_promised(self):
        """20 samples; with a coverage of 0.95 fewer than 15 hits happen less than once in 2,000."""
        people, _ = operator(99, n=50_000)
        x, tenure = people["csi"].to_numpy(), people["tenure"].to_numpy()

        def year(shift):
            stay = (1 - leaving(x + shift, tenure))[:, None] ** np.arange(5)
            spend = 150 + SPEND * (x + shift - 75) + 10 * (people["tier"] == "plain")
            return (1 - stay[:, 4]).mean(), (stay[:, :4].sum(axis=1) * spend).mean()

        (left, spent), (before, earlier) = year(0.5), year(-0.5)
        truth = {
            "churn_odds": np.exp(LEAVE), "churn_year": left - before, "spend_period": SPEND,
            "complaints_ratio": np.exp(COMPLAIN), "value_year": spent - earlier,
        }  # fmt: skip
        hits = dict.fromkeys(truth, 0)
        for seed in range(20):
            rows = worth_of(*operator(1000 + seed, n=800)).rows.set_index("term")
            for term, value in truth.items():
                hits[term] += rows.at[term, "ci_low"] <= value <= rows.at[term, "ci_high"]
        assert min(hits.values()) >= 15, hits

    def test_weights_repair_a_sample_that_left_out_what_matters(self, data):
        """Where the slope is another in another tier, the weighted slope is the mix of the base."""
        people, later = data
        later = later.merge(people[["id", "csi", "tier"]], on="id")
        later["spend"] += np.where(later.pop("tier") == "gold", 2.0, 0.0) * (later.pop("csi") - 75)
        weighted = people.assign(w=np.where(people["tier"] == "gold", 5.0, 1.0))
        spend = only(spend="spend")
        plain = worth_of(people, later, spend).rows["estimate"][0]
        assert worth_of(weighted, later, spend, weight="w").rows["estimate"][0] > plain + 0.3
        assert worth_of(weighted.assign(w=7.0), later, spend, weight="w").rows["estimate"][0] == pytest.approx(plain)

    def test_reliability_undoes_regression_dilution(self):
        rng = np.random.default_rng(40)
        people, later = operator(4, n=3000)
        noisy = people.assign(csi=np.clip(people["csi"] + rng.normal(0, 8, len(people)), 0, 100))
        kept = people["csi"].var() / noisy["csi"].var()
        spend = only(spend="spend")
        row = worth_of(noisy, later, spend, reliability=kept).rows.iloc[0]
        assert row["ci_high"] < SPEND
        assert row["corrected"] == pytest.approx(SPEND, abs=3 * row["std_error"])

    def test_a_bent_effect_is_said(self, data):
        people, later = data
        x = later.merge(people, on="id")["csi"]
        bent = worth_of(
            people, later.assign(spend=150 - 0.05 * (x - 75) ** 2 + later["spend"] / 10), only(spend="spend")
        )
        assert bent.rows["curvature_p"][0] < 1e-6
        assert "not the same at all levels" in str(bent)

    def test_levels_are_plain_means_by_fifths(self, data, worth):
        levels = worth.levels[worth.levels["outcome"] == "spend"]
        joined = data[1].merge(data[0], on="id")
        lowest = joined[joined["csi"] < np.quantile(data[0]["csi"], 0.2)]
        assert levels["estimate"].iloc[0] == pytest.approx(lowest["spend"].mean())
        assert levels["n"].sum() == len(data[0])

    def test_words_claim_association_only(self, worth, data):
        assert "association, not proof of cause" in str(worth)
        assert "reverse cause" in str(worth)
        assert "regression dilution" in str(worth_of(*data))


class TestTheOrderInTime:
    def test_a_period_that_begins_on_the_day_of_the_answer_or_before_is_refused(self, data):
        people, later = data
        with pytest.raises(LinkError, match=r"800 periods begin on the day .* cannot be its consequence"):
            worth_of(people.assign(on="2026-10-01"), later)

    def test_or_left_out_and_counted_if_the_study_says_so(self, data):
        people, later = data
        columns = only(spend="spend", drop_earlier=True)
        found = worth_of(people.assign(on="2026-10-01"), later, columns)
        assert (found.earlier, found.periods) == (800, 3)

    def test_answers_without_a_date_are_refused(self, data):
        with pytest.raises(LinkError, match="800 respondents have no date of answer"):
            worth_of(data[0].assign(on=None), data[1])

    def test_rows_after_leaving_are_left_out_and_counted(self, data, worth):
        people, later = data
        gone = later[later["left"] == 1].assign(quarter="2028-01-01", left=0, spend=0.0)
        found = worth_of(people, pd.concat([later, gone]))
        assert found.after_leaving == len(gone)
        assert found.rows["estimate"].tolist() == pytest.approx(worth.rows["estimate"].drop(index=8).tolist())


class TestRefusals:
    def test_the_ibm_example_leaks_its_churn(self, shared):
        """Satisfaction 1 and 2 always left, 4 and 5 never: no finite effect of a point exists."""
        status = pd.read_csv(shared / "data" / "telco_ibm_extended" / "Telco_customer_churn_status.csv")
        people = pd.DataFrame({"id": status["Customer ID"], "on": "2026-06-30"})
        people["csi"] = (status["Satisfaction Score"] - 1) / 4 * 100
        later = people.assign(quarter="2026-07-01", left=status["Churn Value"])
        with pytest.raises(EstimationError, match=r"left: 0 to 50; stayed: 50 to 100.*separation.*leaks"):
            worth_of(people, later, only(left="left"))

    def test_an_index_that_nearly_knows_the_churn_is_warned_of(self, data):
        people, later = data
        later = later.drop_duplicates("id").assign(left=(people["csi"] < 65).astype(int))
        later.loc[[5, 6, 7], "left"] = 1 - later.loc[[5, 6, 7], "left"]
        with pytest.warns(CsiWarning, match="may have been recorded with the churn"):
            worth_of(people, later, only(left="left"))

    def test_a_control_of_which_a_level_never_leaves_is_named(self, data):
        people, later = data
        stays = people["id"][people["tier"] == "silver"]
        later = later.assign(left=later["left"].where(~later["id"].isin(stays), 0))
        with pytest.raises(EstimationError, match=r"tier=silver .*separation"):
            worth_of(people, later, only(left="left", controls=("tier",)))

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"left": 2}, "'2' in column 'left' is not 1"),
            ({"complaints": -1}, "'-1' in column 'complaints' is not a count"),
            ({"spend": "much"}, "'much' in column 'spend' is not an amount"),
            ({"quarter": "soon"}, "'soon' in column 'quarter' is not a date"),
            ({"quarter": "2027-01-01"}, "several rows for the period"),
            ({"id": "Z"}, "none of the 800 respondents"),
        ],
    )
    def test_bad_rows(self, data, change, message):
        with pytest.raises(LinkError, match=message):
            worth_of(data[0], data[1].assign(**change))

    def test_bad_respondents(self, data):
        people, later = data
        with pytest.raises(LinkError, match=r"no column 'tenures'\. .*Did you mean 'tenure'"):
            worth_of(people, later, only(left="left", controls=("tenures",)))
        with pytest.raises(LinkError, match="0 to 100, but reaches"):
            worth_of(people.assign(csi=people["csi"] * 10), later)
        with pytest.raises(LinkError, match="answers more than once"):
            worth_of(pd.concat([people, people]), later)
        with pytest.raises(EstimationError, match="the index is the same"):
            worth_of(people.assign(csi=70.0), later)
        with pytest.raises(EstimationError, match="reliability = 2"):
            worth_of(people, later, reliability=2)
        with pytest.raises(EstimationError, match="cannot be told apart"):
            worth_of(people.assign(twin=people["tenure"] * 2), later, only(spend="spend", controls=("tenure", "twin")))

    def test_too_few(self, data):
        people, later = data
        with pytest.raises(TooFewError, match="fewer than 30 respondents"):
            worth_of(people.head(20), later)
        with pytest.raises(EstimationError, match="customers left, and fewer than 30"):
            worth_of(people.head(60), later)
        with pytest.raises(EstimationError, match="churn is 0 in every row"):
            worth_of(people, later.assign(left=0))

    def test_the_section_of_the_study_file(self):
        with pytest.raises(StudyError, match=r"worth: .*at least one outcome"):
            WorthTable.from_dict({"table": "a.csv", "key": "id", "begins": "q"})
        with pytest.raises(StudyError, match="worth: periods_per_year"):
            WorthTable.from_dict({"table": "a.csv", "key": "id", "begins": "q", "left": "l", "periods_per_year": "4"})


def test_linked_answers_and_a_table_of_an_engine_give_the_same(data, tmp_path):
    """Of the base only the respondents' rows leave the engine."""
    people, later = data
    survey_frame = pd.DataFrame({"id": people["id"], "q": "10", "on": people["on"]})
    book = {"scale": {"low": 1, "high": 10}, "items": [{"name": "q"}], "key": "id", "date": "on"}
    survey = survey_from_frame(survey_frame, Codebook.from_dict(book), source="answers.csv")
    engine = connect()
    base = engine.hold(pa.Table.from_pandas(people[["id", "tenure", "tier"]].iloc[::-1]), "base")
    linked = link(survey, base, key="id", features=["tenure", "tier"])
    later.to_parquet(tmp_path / "later.parquet")
    found = worth_of_satisfaction(linked, tmp_path / "later.parquet", COLUMNS, index=people["csi"].to_numpy())
    assert found.rows["estimate"].tolist() == pytest.approx(worth_of(people, later).rows["estimate"].tolist())


def test_the_synthetic_study_gives_back_its_truth(tmp_path):
    """With the usual bill held constant and the index's error undone; the bill alone hides that a bill may have jumped."""
    folder = simulate_study(tmp_path).parent
    truth = json.loads((folder / "truth.json").read_text("utf-8"))["later"]
    answers = pd.read_csv(folder / "data" / "answers_2026Q3.csv", dtype=str)
    items = answers.filter(like="SATI").apply(pd.to_numeric, errors="coerce")
    items = items.where((items >= 1) & (items <= 10))
    cov = items.cov().to_numpy()
    alpha = 4 / 3 * (1 - np.trace(cov) / cov.sum())
    base = pd.read_parquet(folder / "data" / "customers_2026Q3.parquet")
    base["usual_bill"] = base["monthly_bill"] / (1 + base["bill_change"])
    people = answers[["customer_id", "answered_on"]].assign(csi=(items.mean(axis=1) - 1) / 9 * 100)
    people = people.merge(base[["customer_id", "tenure_months", "usual_bill"]], on="customer_id")
    columns = WorthTable(
        table="later_{wave}.parquet", key="customer_id", begins="quarter", left="left", spend="spend",
        complaints="complaints", controls=("tenure_months", "usual_bill"),
    )  # fmt: skip
    names = {"index": "csi", "key": "customer_id", "answered": "answered_on"}
    found = worth_of_satisfaction(people, folder / "data" / "later_2026Q3.parquet", columns, reliability=alpha, **names)
    rows = found.rows.set_index("term")
    true = {
        "churn_odds": np.exp(truth["log_odds_of_leaving_per_point"]),
        "spend_period": truth["spend_of_a_quarter_per_point"],
        "complaints_ratio": np.exp(truth["log_rate_of_complaints_per_point"]),
        "value_year": truth["value_of_a_point_a_customer_and_year"],
    }
    for term, value in true.items():
        assert rows.at[term, "corrected"] == pytest.approx(value, abs=3 * rows.at[term, "std_error"]), term
    assert rows.at["spend_period", "estimate"] < true["spend_period"]  # an index of answers shows it diluted
