"""KPIs and perception: the truth is recovered with honest intervals, and every table that does not fit is named."""

import warnings

import numpy as np
import pandas as pd
import pytest

import csi
from csi.drivers.kpis import KpiWords
from csi.errors import CsiWarning, EstimationError
from csi.survey.codebook import Wording

MONTHS = [f"2025-{month:02d}" for month in range(1, 13)]
MINUTES = {"queue": KpiWords(Wording("queueing", "排队时间"), Wording("minute", "分钟"), better="low")}


def lasting(rng, shape, carried=0.8):
    """Serially correlated noise of variance 1."""
    noise = rng.normal(size=(shape[0], shape[1] + 20))
    for t in range(1, noise.shape[1]):
        noise[:, t] = carried * noise[:, t - 1] + np.sqrt(1 - carried**2) * noise[:, t]
    return noise[:, 20:]


def world(seed=0, outlets=40, *, effect=-0.3, delay=0, months=12):
    """Answers on waiting and attitude, and a queue that moves waiting `delay` months later; all errors last."""
    rng = np.random.default_rng([seed, outlets])
    queue = 6 + 2 * lasting(rng, (outlets, months + delay)) + rng.normal(size=(outlets, 1))
    level = 8 + rng.normal(size=(outlets, 1)) + 0.3 * rng.normal(size=months) + 0.5 * lasting(rng, (outlets, months))
    size = rng.integers(4, 16, size=outlets * months)
    outlet, month = (np.repeat(keys.ravel(), size) for keys in np.indices((outlets, months)))
    waiting = (level + effect * queue[:, :months])[outlet, month] + 1.5 * rng.normal(size=len(outlet))
    answers = pd.DataFrame({"outlet": outlet, "month": month + delay, "waiting": waiting})
    answers["attitude"] = 7 + rng.normal(size=outlets)[outlet] + rng.normal(size=len(outlet))
    keys = np.indices(queue.shape).reshape(2, -1)
    return answers, pd.DataFrame({"outlet": keys[0], "month": keys[1], "queue": queue.ravel()})


def named(answers, kpis):
    """The same with outlets and months as a survey has them."""
    to = {
        "outlet": lambda d: "S" + d["outlet"].astype(str).str.zfill(2),
        "month": lambda d: d["month"].map(dict(enumerate(MONTHS))),
    }
    return answers.assign(**to), kpis.assign(**to)


@pytest.fixture(scope="module")
def tables():
    return named(*world())


@pytest.fixture(scope="module")
def effects(tables):
    return csi.kpi_effects(*tables, items=["waiting", "attitude"], words=MINUTES)


class TestTheEstimate:
    def test_equals_regression_with_dummies_weighted_by_answers(self, tables, effects):
        from statsmodels.regression.linear_model import WLS

        answers, kpis = tables
        cells = answers.groupby(["outlet", "month"])["waiting"].agg(["mean", "size"]).reset_index().merge(kpis)
        dummies = pd.get_dummies(cells[["outlet", "month"]], drop_first=True).to_numpy(float)
        X = np.column_stack([cells["queue"], np.ones(len(cells)), dummies])
        codes = pd.factorize(cells["outlet"])[0]
        peer = WLS(cells["mean"], X, weights=cells["size"]).fit(
            cov_type="cluster", cov_kwds={"groups": codes}, use_t=True
        )
        ours = effects.rows.iloc[0]
        assert ours["estimate"] == pytest.approx(peer.params.iloc[0], abs=1e-10)
        n, m, outlets = len(cells), X.shape[1], 40
        nested = np.sqrt((n - m) / (n - (m - outlets)))  # outlets' effects lie within the clusters and are not counted
        assert ours["std_error"] == pytest.approx(peer.bse.iloc[0] * nested, rel=1e-10)

    def test_takes_survey_weights_like_copies_of_answers(self, tables):
        answers, kpis = tables
        weight = np.where(answers.index % 3 == 0, 2.0, 1.0)
        ours = csi.kpi_effects(answers.assign(w=weight), kpis, items=["waiting"], weight="w").rows["estimate"]
        other = csi.kpi_effects(answers.assign(w=10 * weight), kpis, items=["waiting"], weight="w").rows["estimate"]
        assert ours.to_numpy() == pytest.approx(other.to_numpy(), rel=1e-12)
        plain = csi.kpi_effects(answers, kpis, items=["waiting"]).rows["estimate"]
        assert ours.iloc[0] != pytest.approx(plain.iloc[0], abs=1e-6)

    def test_levels_of_outlets_and_months_change_nothing(self, tables, effects):
        answers, kpis = tables
        shift = answers["outlet"].str[1:].astype(int) + 3 * answers["month"].str[5:].astype(int)
        moved = csi.kpi_effects(answers.assign(waiting=answers["waiting"] + shift), kpis, items=["waiting"])
        assert moved.rows["estimate"].iloc[0] == pytest.approx(effects.rows["estimate"].iloc[0], abs=1e-9)

    def test_the_order_of_rows_and_the_kind_of_keys_change_nothing(self, effects):
        shuffled = [table.sample(frac=1, random_state=1) for table in world()]
        by_number = csi.kpi_effects(*shuffled, items=["waiting", "attitude"]).rows
        columns = ["estimate", "std_error", "p_value"]
        assert by_number[columns].to_numpy() == pytest.approx(effects.rows[columns].to_numpy(), rel=1e-8)

    @pytest.mark.parametrize("form", ["%Y-%m-17", "%Y/%m", "%Y年%m月", "%Y%m", None])
    def test_months_are_read_as_people_write_them(self, tables, effects, form):
        answers, kpis = tables
        dates = pd.to_datetime(answers["month"] + "-17")
        other = answers.assign(month=dates.dt.strftime(form) if form else dates)
        same = csi.kpi_effects(other, kpis, items=["waiting"]).rows
        assert same["estimate"].iloc[0] == pytest.approx(effects.rows["estimate"].iloc[0], abs=1e-12)

    def test_answers_without_an_item_are_left_out_of_that_item_only(self, tables, effects):
        answers, kpis = tables
        holes = answers.assign(attitude=answers["attitude"].where(answers["month"] != "2025-03"))
        rows = csi.kpi_effects(holes, kpis, items=["waiting", "attitude"]).rows.set_index("item")
        assert rows.loc["waiting", "estimate"] == pytest.approx(effects.rows["estimate"].iloc[0], abs=1e-12)
        assert rows["n"].to_dict() == {"waiting": 480, "attitude": 440}


class TestHonesty:
    """World with serially correlated errors and KPI; 1,000 worlds each gave the numbers of docs/methods.md."""

    @pytest.mark.parametrize(("outlets", "errors"), [(40, "cluster"), (12, "wild")])
    def test_intervals_cover_the_truth(self, outlets, errors):
        covered = 0
        for seed in range(30):
            row = csi.kpi_effects(*world(seed, outlets), items=["waiting"], draws=299).rows.iloc[0]
            covered += row["ci_low"] <= -0.3 <= row["ci_high"]
        assert csi.kpi_effects(*world(0, outlets), items=["waiting"], draws=299).errors == errors
        assert covered >= 24

    def test_without_a_link_few_are_found(self):
        found = [
            csi.kpi_effects(*world(seed, effect=0.0), items=["waiting"]).rows["p_value"].iloc[0] <= 0.05
            for seed in range(40)
        ]
        assert sum(found) <= 7

    def test_false_discoveries_are_counted_over_all_items_and_kpis(self, effects):
        p = effects.rows["p_value"].to_numpy()
        assert effects.rows["q_value"].tolist() == pytest.approx([min(2 * p.min(), p.max()), p.max()])
        assert effects.rows["linked"].tolist() == [True, False]

    def test_a_draw_of_the_handed_on_effect_is_as_wide_as_the_interval(self, effects):
        given = effects.effects_on_items()
        assert given.columns.tolist() == ["kpi", "item", "estimate", "std_error"]
        width = (effects.rows["ci_high"] - effects.rows["ci_low"]).tolist()
        assert (3.919928 * given["std_error"]).tolist() == pytest.approx(width, rel=1e-6)
        assert (given["std_error"] > effects.rows["std_error"]).all()


class TestDelay:
    def test_the_true_delay_is_found_and_paid_for(self):
        tables = world(3, delay=2)
        chosen = csi.kpi_effects(*tables, items=["waiting"], lags=3)
        stated = csi.kpi_effects(*tables, items=["waiting"], lags={"queue": 2})
        assert chosen.rows["delay"].tolist() == [2]
        assert chosen.delays["queue"].iloc[0] == 2
        assert chosen.delays["loss"].is_monotonic_increasing
        assert "among 4 (queue 2)" in str(chosen)
        width = [float((e.rows["ci_high"] - e.rows["ci_low"]).iloc[0]) for e in (chosen, stated)]
        assert width[0] > 1.1 * width[1]
        assert stated.rows["estimate"].iloc[0] == pytest.approx(-0.3, abs=0.08)

    def test_choosing_the_delay_does_not_make_links(self):
        found = [
            csi.kpi_effects(*world(seed, effect=0.0), items=["waiting"], lags=2).rows["p_value"].iloc[0] <= 0.05
            for seed in range(20)
        ]
        assert sum(found) <= 4

    def test_kpis_may_have_delays_of_their_own(self, tables):
        answers, kpis = tables
        kpis = kpis.assign(calls=np.random.default_rng(1).normal(size=len(kpis)))
        found = csi.kpi_effects(answers, kpis, items=["waiting"], lags={"calls": [0, 1]})
        assert found.delays[["queue", "calls"]].to_numpy().tolist() in ([[0, 0], [0, 1]], [[0, 1], [0, 0]])
        assert found.cells == 440

    def test_delays_that_cannot_be(self, tables):
        for lags, message in (
            (-1, "whole numbers"),
            ({"queu": 1}, "no KPI 'queu'"),
            ({"queue": range(70)}, "at most 64"),
        ):
            with pytest.raises(EstimationError, match=message):
                csi.kpi_effects(*tables, items=["waiting"], lags=lags)


class TestWords:
    def test_sentences_say_which_way_is_better(self, effects):
        first, second, last = effects.sentences()
        assert first.startswith("1 minute less queueing goes with +0.29 points on “waiting”")
        assert "no clear link with “attitude”" in second
        assert "not causes" in last
        assert effects.sentences("zh")[0].startswith("排队时间每减少1分钟，“waiting”相应提高0.29分")

    def test_without_words_the_column_speaks(self, tables):
        found = csi.kpi_effects(*tables, items=["waiting"])
        assert found.sentences()[0].startswith("queue higher by 1 goes with -0.29 points")
        assert found.sentences("zh")[0].startswith("queue每提高1，“waiting”相应降低0.29分")

    def test_a_survey_brings_its_items_and_wordings(self, tables):
        answers, kpis = tables
        book = csi.Codebook.from_dict(
            {
                "scale": {"low": -10, "high": 30},
                "items": [{"name": "waiting", "wording": {"en": "Waiting time", "zh": "等候时间"}}],
                "segments": [{"name": "outlet", "column": "outlet"}],
                "date": "day",
            }
        )
        dated = answers.assign(day=answers["month"] + "-05").drop(columns=["month", "attitude"])
        found = csi.kpi_effects(csi.survey_from_frame(dated, book), kpis, words=MINUTES)
        assert found.sentences("zh")[0].startswith("排队时间每减少1分钟，“等候时间”相应提高0.29分")
        assert len(str(found).splitlines()) <= 12


class TestBadInput:
    def refused(self, tables, message, **how):
        with pytest.raises(EstimationError, match=message), warnings.catch_warnings():
            warnings.simplefilter("ignore", CsiWarning)
            csi.kpi_effects(*tables, **({"items": ["waiting"]} | how))

    def test_doubled_keys(self, tables):
        answers, kpis = tables
        self.refused((answers, pd.concat([kpis, kpis.iloc[[7]]])), "'S00' in 2025-08 more than once")

    def test_missing_months_are_named_and_lose_their_answers(self, tables):
        answers, kpis = tables
        holes = kpis.drop(index=[3, 20])
        with pytest.warns(CsiWarning, match="gaps: S00 in 2025-04, S01 in 2025-09"):
            found = csi.kpi_effects(answers, holes, items=["waiting"])
        assert found.cells == 478
        assert found.gaps.to_numpy().tolist() == [["S00", "2025-04"], ["S01", "2025-09"]]
        assert found.respondents[0] < found.respondents[1]

    def test_a_gap_also_takes_what_looks_back_on_it(self, tables):
        with pytest.warns(CsiWarning, match="gaps"):
            found = csi.kpi_effects(tables[0], tables[1].drop(index=3), items=["waiting"], lags={"queue": 1})
        assert found.cells == 40 * 11 - 1

    def test_an_outlet_that_opened_later_has_no_gap(self, tables):
        answers, kpis = tables
        assert csi.kpi_effects(answers, kpis.drop(index=[0, 1, 2]), items=["waiting"]).gaps.empty

    def test_kpis_that_the_fixed_effects_absorb(self, tables):
        answers, kpis = tables
        size = kpis.assign(size=kpis["outlet"].str[1:].astype(float))
        self.refused((answers, size), "'size' does not change in any outlet.*absorbed")
        season = kpis.assign(season=kpis["month"].str[5:].astype(float))
        self.refused((answers, season), "'season' moves alike in all outlets")
        twin = kpis.assign(seconds=60 * kpis["queue"])
        self.refused((answers, twin), "repeats seconds")
        tried = kpis.assign(pilot=((kpis["outlet"] < "S03") & (kpis["month"] > "2025-06")).astype(int))
        self.refused((answers, tried), "'pilot' changes in 3 outlets only")

    def test_unknown_outlets(self, tables):
        answers, kpis = tables
        with pytest.warns(CsiWarning, match="1 of the answers' outlets are not in the KPI table .S00."):
            csi.kpi_effects(answers, kpis[kpis["outlet"] != "S00"], items=["waiting"])
        self.refused(
            (answers, kpis.assign(outlet="X" + kpis["outlet"])), "no outlet of the answers is in the KPI table"
        )

    def test_unknown_items_and_columns(self, tables):
        answers, kpis = tables
        self.refused(tables, "no item 'waitin'.*Did you mean 'waiting'", items=["waitin"])
        self.refused(tables, "name them", items=None)
        self.refused(tables, "no items are named", items=[])
        self.refused(tables, "no column 'shop'.*Its columns are", unit="shop")
        self.refused((answers, kpis.drop(columns="month")), "KPI table has no column 'month'")
        self.refused((answers, kpis[["outlet", "month"]]), "no column beside")
        self.refused(tables, "no KPI 'cue'", words={"cue": KpiWords()})
        self.refused(tables, "errors must be one of", errors="robust")
        self.refused(tables, "no column 'w'", weight="w")

    def test_too_few_outlets(self, tables):
        answers, kpis = tables
        self.refused((answers[answers["outlet"] < "S04"], kpis), "^4 outlets have answers and KPIs")

    def test_texts_among_the_numbers(self, tables):
        answers, kpis = tables
        words = kpis.assign(queue=kpis["queue"].astype(object))
        words.loc[5, "queue"] = "about 7"
        self.refused((answers, words), "column 'queue' holds 'about 7' in row 5")

    def test_keys_of_two_kinds(self, tables):
        answers, kpis = tables
        number = kpis.assign(outlet=kpis["outlet"].str[1:].astype(int))
        self.refused((answers, number), r"'outlet' is a number in the KPI table .*a text in the answers.*astype")
        self.refused(
            (answers, kpis.assign(month=kpis["month"].str[5:].astype(int))), "'month' is a number .* and a month"
        )
        quarters = kpis.assign(month=[f"{2000 + k}Q1" for k in range(480)])
        self.refused((answers, quarters), "'month' is a quarter in the KPI table")

    def test_months_that_are_none(self, tables):
        answers, kpis = tables
        self.refused((answers, kpis.assign(month="soon")), "holds 'soon', which is no period")
        self.refused((answers, kpis.assign(month=kpis["month"].where(kpis.index != 2))), "no month in row 2")

    def test_an_item_that_never_changes(self, tables):
        answers, kpis = tables
        self.refused((answers.assign(waiting=5.0), kpis), "'waiting' has the same mean in every month")
