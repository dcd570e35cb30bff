"""Outlets compared on the replies of their visitors."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau

import csi
from csi import outlet_shares, outlet_table, plot_outlets, simulate_sms_month
from csi.errors import SurveyError
from csi.survey.sms import SmsLog
from csi.survey.sms_words import CLASSES
from csi.words import say

MONTHS = 40


def log_of(counts, day="2026-09-01"):
    """A log with so many visits of every class (columns of `counts`) to every outlet (rows)."""
    cells = [(outlet, name) for outlet, row in counts.iterrows() for name, n in row.items() for _ in range(int(n))]
    visits = pd.DataFrame(cells, columns=["outlet", "reply_class"]).assign(
        sent_at=pd.Timestamp(day), texts=1, key="", match=""
    )
    return SmsLog(
        visits.assign(attitude=visits["reply_class"] == "staff_complaint"),
        pd.DataFrame({"use": []}),
        pd.DataFrame(),
        72.0,
    )


def outlets(seed):
    """30 outlets: true satisfied share and expected replies; volumes are very unequal."""
    rng = np.random.default_rng(seed)
    size = rng.lognormal(0, 1.2, 30)
    return 1 / (1 + np.exp(-rng.normal(1.6, 0.3, 30))), 1 + (
        40_000 * size / size.sum() * rng.uniform(0.1, 0.3, 30)
    ).astype(int)


def month_of(share, n, seed):
    """Counts of one month: half of either kind is the stronger rating."""
    rng = np.random.default_rng(1000 + seed)
    happy = rng.binomial(n, share)
    very, poor = rng.binomial(happy, 0.45), rng.binomial(n - happy, 0.35)
    parts = {"very_good": very, "good": happy - very, "average": n - happy - poor, "poor": poor, "no_reply": 3 * n}
    return pd.DataFrame(parts, index=[f"O{i:02d}" for i in range(len(n))])


@pytest.fixture(scope="module")
def many_months():
    """For every month: the league table, the truth, and the raw figures of the month after."""
    months = []
    for seed in range(MONTHS):
        share, n = outlets(seed)
        rows = outlet_table(log_of(month_of(share, n, seed)), draws=1000, seed=seed).rows.set_index("term").sort_index()
        later = month_of(share, n, seed + 500)
        months.append(rows.assign(truth=100 * share, later=100 * (later["very_good"] + later["good"]) / n))
    return months


class TestOverManyMonths:
    def test_the_true_ranking_is_recovered_better_than_by_raw_figures(self, many_months):
        gain = [kendalltau(m["estimate"], m["truth"])[0] - kendalltau(m["raw"], m["truth"])[0] for m in many_months]
        assert np.mean(gain) > 2 * np.std(gain) / np.sqrt(MONTHS)

    def test_the_five_chosen_are_better_outlets(self, many_months):
        chosen = {
            by: np.array([m.loc[m[by].nlargest(5).index, "truth"].mean() for m in many_months])
            for by in ("estimate", "raw")
        }
        gain = chosen["estimate"] - chosen["raw"]
        assert gain.mean() > 2 * gain.std() / np.sqrt(MONTHS)

    def test_intervals_cover_the_truth_as_often_as_they_say(self, many_months):
        covered = np.mean([((m["ci_low"] <= m["truth"]) & (m["truth"] <= m["ci_high"])).mean() for m in many_months])
        assert covered == pytest.approx(0.95, abs=0.025)

    def test_rank_intervals_cover_the_true_rank(self, many_months):
        true = [m["truth"].rank(ascending=False) for m in many_months]
        covered = np.mean([m["rank_low"].le(t) & m["rank_high"].ge(t) for m, t in zip(many_months, true, strict=True)])
        assert covered > 0.93

    def test_probabilities_to_be_among_the_best_come_true(self, many_months):
        every = pd.concat([m.assign(best=m["truth"].rank(ascending=False) <= 5) for m in many_months])
        for low, high in ((0, 0.1), (0.1, 0.4), (0.4, 0.7), (0.7, 1.01)):
            inside = every[(every["top_probability"] >= low) & (every["top_probability"] < high)]
            assert inside["best"].mean() == pytest.approx(inside["top_probability"].mean(), abs=0.12)

    @pytest.mark.parametrize("end", ["nlargest", "nsmallest"])
    def test_last_months_extremes_fall_back_to_what_was_expected(self, many_months, end):
        five = pd.concat([m.loc[getattr(m["raw"], end)(5).index] for m in many_months])
        error = (five["later"] - five["estimate"]).std() / np.sqrt(len(five))
        assert five["later"].mean() == pytest.approx(five["estimate"].mean(), abs=4 * error)
        assert abs(five["later"].mean() - five["raw"].mean()) > 8 * error

    def test_next_months_raw_figures_lie_where_they_should(self, many_months):
        inside = np.mean([((m["next_low"] <= m["later"]) & (m["later"] <= m["next_high"])).mean() for m in many_months])
        assert inside == pytest.approx(0.95, abs=0.03)  # counts are whole: a little more than 95 %


@pytest.fixture(scope="module")
def table():
    counts = month_of(*outlets(3), 3)
    counts.loc["Tiny"] = [3, 0, 0, 0, 5]
    counts.loc["Silent"] = [0, 0, 0, 0, 40]
    return outlet_table(log_of(counts))


@pytest.fixture(scope="module")
def log():
    month = simulate_sms_month(2, outlets=6, visits=3_000)
    return csi.read_sms_log(month.sent, month.replies)


class TestTheTable:
    def test_three_happy_replies_are_not_the_best_outlet(self, table):
        rows = table.rows.set_index("term")
        assert rows.loc["Tiny", "raw"] == 100
        assert rows.loc["Tiny", "rank"] > 1
        assert rows.loc["Tiny", "few"]
        assert rows.loc["Tiny", "rank_high"] - rows.loc["Tiny", "rank_low"] > 20

    def test_an_outlet_without_replies_is_listed_and_unknown(self, table):
        row = table.rows.set_index("term").loc["Silent"]
        assert (row["n"], row["visits"], row["reply_rate"]) == (0, 40, 0)
        assert np.isnan(row["raw"])
        assert row["estimate"] == pytest.approx(table.centre[0], abs=0.5)

    def test_probabilities_of_the_best_add_up(self, table):
        assert table.rows["top_probability"].sum() == pytest.approx(5)
        assert table.rows["bottom_probability"].sum() == pytest.approx(5)

    def test_the_headline_tells_what_the_best_will_fall_to(self, table):
        assert "Tiny 100.0 of 3 ratings, expected" in table.headline()[2]
        assert len(str(table).splitlines()) <= 12

    def test_the_same_seed_gives_the_same_table(self):
        log = log_of(month_of(*outlets(4), 4))
        pd.testing.assert_frame_equal(outlet_table(log).rows, outlet_table(log).rows)

    def test_points_and_percent_agree_on_who_is_good(self):
        log = log_of(month_of(*outlets(5), 5))
        percent, points = (
            outlet_table(log, measure=m).rows.set_index("term")["estimate"] for m in ("satisfied", "points")
        )
        assert kendalltau(percent, points.reindex(percent.index))[0] > 0.6

    def test_points_of_only_two_grades_are_the_percent(self):
        log = log_of(month_of(*outlets(5), 5))
        two = {"very_good": 100, "good": 100, "average": 0, "poor": 0}
        percent, points = outlet_table(log), outlet_table(log, measure="points", points=two)
        columns = percent.rows.set_index("term")["raw"], points.rows.set_index("term")["raw"]
        assert (columns[0] - columns[1].reindex(columns[0].index)).abs().max() < 1e-9
        assert points.centre[0] == pytest.approx(percent.centre[0], abs=1.5)

    def test_complaints_without_a_rating_count_as_poor_unless_told(self):
        counts = pd.DataFrame({"good": [8, 8, 8], "staff_complaint": [2, 0, 0]}, index=list("ABC"))
        log = log_of(counts)
        raw = [outlet_table(log, complaint_as=c).rows.set_index("term").loc["A", "raw"] for c in ("poor", None)]
        assert raw == [80.0, 100.0]
        assert outlet_table(log).rows.set_index("term").loc["A", "staff_complaints"] == 2

    def test_a_period_is_cut_out(self):
        both = [log_of(month_of(*outlets(6), 6), day).visits for day in ("2026-08-15", "2026-09-15")]
        log = SmsLog(pd.concat(both, ignore_index=True), pd.DataFrame({"use": []}), pd.DataFrame(), 72.0)
        assert outlet_table(log, period="2026-09").rows["visits"].sum() == len(both[1])
        with pytest.raises(SurveyError, match="2026-08-15 to 2026-09-15"):
            outlet_table(log, period="2026-10")

    @pytest.mark.parametrize(
        ("choice", "message"),
        [({"measure": "stars"}, "'satisfied' or 'points'"), ({"period": "last"}, "no period"), ({"top": 99}, "30 outlets"),
         ({"points": {"good": 1.0}}, "say measure='points'"), ({"complaint_as": "bad"}, "complaint_as"),
         ({"level": 95}, "level")],
    )  # fmt: skip
    def test_impossible_choices_are_refused(self, choice, message):
        with pytest.raises(SurveyError, match=message):
            outlet_table(log_of(month_of(*outlets(7), 7)), **choice)

    def test_two_outlets_make_no_league(self):
        with pytest.raises(SurveyError, match=r"2 outlets.*outlet_shares"):
            outlet_table(log_of(pd.DataFrame({"good": [9, 8]}, index=["A", "B"])))


class TestShares:
    @pytest.mark.parametrize("per", ["day", "month", "all"])
    def test_every_visit_is_counted_once(self, log, per):
        counts = outlet_shares(log, per=per).counts
        assert counts["visits"].sum() == len(log.visits)
        assert counts["texts"].sum() == log.texts
        assert (counts[list(CLASSES)].sum(axis=1) == counts["visits"]).all()

    def test_shares_of_classes_add_up_and_intervals_hold_them(self, log):
        table = outlet_shares(log, per="month").table().query("n > 0")
        classes = table[~table["quantity"].isin(["reply_rate", "satisfied"])]
        assert classes.groupby(["term", "period"])["estimate"].sum().to_numpy() == pytest.approx(1)
        assert ((table["ci_low"] <= table["estimate"]) & (table["estimate"] <= table["ci_high"])).all()

    def test_a_day_without_replies_has_no_share(self, log):
        table = outlet_shares(log, per="day").table()
        nothing = table[table["n"] == 0]
        assert len(nothing)
        assert nothing["estimate"].isna().all()
        assert (nothing[["ci_low", "ci_high"]].to_numpy() == [0, 1]).all()

    def test_an_unknown_period_is_refused(self, log):
        with pytest.raises(SurveyError, match="'month'"):
            outlet_shares(log, per="week")


class TestChart:
    @pytest.mark.parametrize("language", ["en", "zh"])
    @pytest.mark.parametrize("measure", ["satisfied", "points"])
    def test_it_draws_every_outlet_in_both_languages(self, language, measure):
        table = outlet_table(log_of(month_of(*outlets(8), 8)), measure=measure)
        ax = plot_outlets(table, language=language)
        assert len(ax.get_yticks()) == len(table.rows)
        assert ax.get_xlabel() == say(f"outlet.{measure}", language)

    def test_a_long_league_shows_both_ends(self):
        table = outlet_table(log_of(month_of(*outlets(8), 8)))
        ticks = [tick.get_text() for tick in plot_outlets(table, most=9).get_yticklabels()]
        assert [tick.split()[0] for tick in ticks] == ["1", "2", "3", "4", "5", "27", "28", "29", "30"]

    def test_the_table_exports_in_words(self, tmp_path):
        table = outlet_table(log_of(month_of(*outlets(8), 8)))
        text = csi.export(table, tmp_path / "league.md", language="zh").read_text("utf-8")
        assert "名次" in text
        assert "O00" in text
