"""The official score before it is published: an interval that holds as often as it says, whatever the shift does."""

import numpy as np
import pandas as pd
import pytest

import csi
from csi.errors import EstimationError
from csi.index.forecast import forecast_index
from csi.kernel.shift_process import Mixture, next_level

SE = (0.9, 0.7)  # of the internal and of the official score


def moving(rng, T, step, kept):
    """A shift whose deviations from its mean have innovations of `step` points, of which `kept` is left a quarter later."""
    shift, innovation = np.zeros(T), rng.normal(scale=step, size=T)
    shift[0] = innovation[0] / np.sqrt(1 - kept**2) if kept < 1 else innovation[0]
    for t in range(1, T):
        shift[t] = kept * shift[t - 1] + innovation[t]
    return shift - 12


TRUTHS = {
    "constant": lambda rng, T: np.full(T, -24.0),
    "unrelated quarters": lambda rng, T: moving(rng, T, 2.0, 0.0),
    "persistent": lambda rng, T: moving(rng, T, 1.5, 0.7),
    "random walk": lambda rng, T: moving(rng, T, 1.0, 1.0),
    "wild random walk": lambda rng, T: moving(rng, T, 3.0, 1.0),
    "steady drift": lambda rng, T: -12 + 0.4 * np.arange(T),
}


def quarters(seed, T, shift):
    """Internal and official scores of T quarters, both with sampling errors, of a satisfaction that goes its own way."""
    rng = np.random.default_rng(seed)
    internal = 80 + np.cumsum(rng.normal(size=T))
    official = internal + shift(rng, T)
    return pd.DataFrame(
        {
            "wave": [f"{2015 + t // 4}Q{t % 4 + 1}" for t in range(T)],
            "internal": internal + rng.normal(scale=SE[0], size=T),
            "internal_se": SE[0],
            "official": official + rng.normal(scale=SE[1], size=T),
            "official_se": SE[1],
        }
    )


def forecast_of_last(series, **options):
    last = series.iloc[-1]
    return forecast_index(series.iloc[:-1], (last["internal"], last["internal_se"]), **options)


class TestCoverage:
    def test_the_interval_holds_the_published_score_as_often_as_it_says(self):
        """200 independent series, of 6 to 20 quarters and with shifts of every kind in turn."""
        held = 0
        for seed in range(200):
            series = quarters(seed, 7 + seed % 15, list(TRUTHS.values())[seed % len(TRUTHS)])
            low, high = forecast_of_last(series).interval
            held += low <= series["official"].iloc[-1] <= high
        assert 0.85 * 200 <= held <= 0.95 * 200

    @pytest.mark.parametrize("name", TRUTHS)
    def test_whatever_the_shift_does(self, name):
        """Six quarters: too few to tell the kinds of shift apart, so that a constant one is given too wide an interval."""
        held = 0
        for seed in range(200):
            series = quarters(5000 + seed, 7, TRUTHS[name])
            low, high = forecast_of_last(series).interval
            held += low <= series["official"].iloc[-1] <= high
        assert 0.82 * 200 <= held <= 0.985 * 200

    def test_it_forgets_what_a_shift_that_wanders_was_long_ago(self):
        series = quarters(1, 21, TRUTHS["wild random walk"])
        shift = (series["official"] - series["internal"])[:-1]
        found = forecast_of_last(series).rows.set_index("term")["estimate"]["shift"]
        assert abs(found - shift.iloc[-1]) < abs(found - shift.mean())

    def test_a_constant_shift_is_known_better_than_one_quarter_tells(self):
        series = quarters(2, 21, TRUTHS["constant"])
        forecast = forecast_of_last(series)
        assert forecast.rows.set_index("term")["std_error"]["shift"] < 0.8 * np.hypot(*SE)
        assert forecast.moves < 0.6
        assert forecast.rows["estimate"].iloc[1] == pytest.approx(-24, abs=1)


class TestTheModel:
    def test_with_exact_scores_and_unrelated_quarters_it_is_near_the_t_interval(self):
        """Many quarters without sampling error: the textbook prediction interval of a mean."""
        d = np.random.default_rng(3).normal(size=60)
        level = next_level(d, np.full(60, 1e-4), np.arange(60.0), 60.0)
        wanted = d.mean() + np.array([-1, 1]) * 1.671 * d.std(ddof=1) * np.sqrt(1 + 1 / 60)
        assert level.quantile(0.05) == pytest.approx(wanted[0], abs=0.15)
        assert level.quantile(0.95) == pytest.approx(wanted[1], abs=0.15)

    def test_a_shift_that_never_moves_is_the_mean_by_precision(self):
        """The first part of the mixture: its mean and variance are those of a fixed-effect meta-analysis."""
        rng = np.random.default_rng(4)
        v = rng.uniform(0.5, 2, 8)
        d = rng.normal(5, np.sqrt(v))
        level = next_level(d, v, np.arange(8.0), 8.0)
        assert level.mean[0] == pytest.approx((d / v).sum() / (1 / v).sum())
        assert level.variance[0] == pytest.approx(1 / (1 / v).sum())

    def test_the_random_walk_is_that_of_the_filter(self):
        """The state-space recursions (Durbin & Koopman 2012, 2.2) from a diffuse start give the same level and variance."""
        d, v = np.array([3.0, 4.0, 2.5, 5.0, 4.5, 6.0]), np.full(6, 0.5)
        level = next_level(d, v, np.arange(6.0), 6.0)
        walk = slice(-40, None)  # the last nodes are those of phi = 1
        q = np.geomspace(1e-2, 50 * d.var(ddof=1) / 0.5, 40) * 0.5
        for mean, variance, step in zip(level.mean[walk], level.variance[walk], q, strict=True):
            a, P = d[0], v[0] + step
            for y, error in zip(d[1:], v[1:], strict=True):
                gain = P / (P + error)
                a, P = a + gain * (y - a), P * (1 - gain) + step
            assert mean == pytest.approx(a)
            assert variance == pytest.approx(P)

    def test_a_quarter_without_a_pair_is_time_that_passes(self):
        series = quarters(5, 13, TRUTHS["wild random walk"])
        gap = series.copy()
        gap.loc[11, "official"] = np.nan
        whole, without = forecast_of_last(series), forecast_of_last(gap)
        assert without.rows["n"].iloc[-1] == whole.rows["n"].iloc[-1] - 1
        assert without.rows["std_error"].iloc[-1] > forecast_of_last(gap.drop(index=11)).rows["std_error"].iloc[-1]

    def test_scores_on_another_scale_give_the_same_forecast_on_it(self):
        series = quarters(6, 10, TRUTHS["persistent"])
        tenth = series.assign(**{c: series[c] / 10 for c in ("internal", "internal_se", "official", "official_se")})
        assert np.allclose(
            np.array(forecast_of_last(tenth).interval) * 10, forecast_of_last(series).interval, atol=1e-8
        )

    def test_quantiles_of_a_mixture(self):
        two = Mixture(np.array([0.25, 0.75]), np.array([-50.0, 50.0]), np.ones(2), np.ones(2))
        assert two.quantile(0.125) == pytest.approx(-50)
        assert two.quantile(0.625) == pytest.approx(50)
        assert two.centre == 25
        assert two.spread == pytest.approx(np.sqrt(1 + 0.25 * 75**2 + 0.75 * 25**2))


class TestBacktest:
    def test_each_quarter_is_forecast_from_those_before_it_alone(self):
        series = quarters(7, 12, TRUTHS["persistent"])
        table = forecast_index(series, (80, 0.9)).backtest
        assert table["term"].tolist() == series["wave"].tolist()[4:]
        assert table["n"].tolist() == list(range(4, 12))
        for row in table[table["n"] >= 6].itertuples():
            alone = forecast_of_last(series.iloc[: row.n + 1])
            assert (row.ci_low, row.ci_high) == pytest.approx(alone.interval)
            assert row.covered == (row.ci_low <= row.official <= row.ci_high)
            assert row.error == pytest.approx(row.estimate - row.official)
        assert table["previous_official"].tolist() == series["official"].tolist()[3:11]

    def test_the_headline_says_how_such_forecasts_have_done(self):
        forecast = forecast_index(quarters(8, 12, TRUTHS["constant"]), (80, 0.9))
        text = str(forecast)
        assert "Expected official score: " in text
        assert "90% probability" in text
        assert f"Back-test: {forecast.backtest['covered'].sum()} of 8 published scores" in text


def test_an_index_with_its_interval_is_a_current_score():
    book = csi.Codebook.from_dict(
        {
            "scale": {"low": 1, "high": 10},
            "items": [
                {"name": n, "construct": c} for n, c in (("q1", "Quality"), ("q2", "Quality"), ("s1", "Satisfaction"))
            ],
        }
    )
    rng = np.random.default_rng(0)
    answers = np.rint(7 + rng.normal(size=(200, 1)) + rng.normal(size=(200, 3))).clip(1, 10)
    fit = csi.fit(csi.ecsi(book), csi.survey_from_frame(pd.DataFrame(answers, columns=["q1", "q2", "s1"]), book))
    boot, history = csi.bootstrap(fit, 100), quarters(9, 8, TRUTHS["persistent"])
    index = csi.satisfaction_index(fit, boot)
    row = index.rows.iloc[0]
    assert (
        forecast_index(history, index).interval == forecast_index(history, (row["estimate"], row["std_error"])).interval
    )
    with pytest.raises(EstimationError, match="known with a bootstrap"):
        forecast_index(history, csi.satisfaction_index(fit))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h: h.iloc[:5], "has 5 quarters with both scores.*at least 6"),
        (lambda h: h.assign(official=np.nan), "has 0 quarters"),
        (lambda h: h.drop(columns="official_se"), "no column 'official_se'"),
        (lambda h: h.assign(internal_se=0.0), "internal_se of 2015Q1 is 0"),
        (lambda h: h.assign(internal="high"), "holds texts"),
    ],
)
def test_a_history_that_cannot_be_learnt_from(change, message):
    with pytest.raises(EstimationError, match=message):
        forecast_index(change(quarters(0, 8, TRUTHS["constant"])), (80, 0.9))


@pytest.mark.parametrize(
    ("current", "options", "message"),
    [
        ((80, 0), {}, "must be above 0"),
        ((np.nan, 1), {}, "must be a number"),
        ((80, 1), {"official_se": -1}, "official_se is -1"),
        ((80, 1), {"level": 90}, "between 0 and 1"),
    ],
)
def test_a_current_score_that_cannot_be_used(current, options, message):
    with pytest.raises(EstimationError, match=message):
        forecast_index(quarters(0, 8, TRUTHS["constant"]), current, **options)
