"""What moved the index between two waves: an exact split, causes that are named when they are there and not otherwise."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import csi
from csi.errors import CsiWarning, EstimationError, ModelError
from csi.index.wave_pairs import customers_of, drawn_together, pair_of
from csi.structural.sampling import PairedSample

MODEL = csi.Model.parse(
    """
    Quality <~ q1 + q2
    Satisfaction <~ s1 + s2 + s3
    Satisfaction ~ Quality
    """
)
BRANDS = np.array(["prepaid", "premium", "youth"])
SHARES, MOVED = (0.45, 0.25, 0.30), (0.45, 0.10, 0.45)
BOOK = csi.Codebook.from_dict(
    {
        "key": "id",
        "weight": "w",
        "scale": {"low": 1, "high": 10},
        "items": [
            {"name": "q1", "construct": "Quality"},
            {"name": "q2", "construct": "Quality"},
            {
                "name": "s1",
                "construct": "Satisfaction",
                "wording": {"en": "Overall satisfaction", "zh": "总体满意度"},
            },
            {"name": "s2", "construct": "Satisfaction"},
            {"name": "s3", "construct": "Satisfaction"},
        ],
        "segments": [{"name": "brand", "column": "brand", "levels": {"premium": {"en": "Premium", "zh": "全球通"}}}],
    }
)


def answers(seed, n=400, share=SHARES, fall=0.0, noise=1.0, skip=(0.0, 0.0, 0.0)):
    """Premium customers are happier; `fall` lowers s1, `noise` blurs it, `skip` loses answers to s1 ... s3 by brand."""
    rng = np.random.default_rng(seed)
    brand = rng.choice(3, n, p=share)
    true = rng.normal(size=n) + np.array([0.0, 0.9, -0.3])[brand]
    q = 6.3 + 1.3 * true[:, None] + 1.1 * rng.normal(size=(n, 2))
    blur = rng.normal(size=(n, 3)) * [noise, 1, 1]
    s = np.array([7.2 - fall, 6.2, 4.6]) + 1.1 * true[:, None] + blur
    s[rng.random((n, 3)) < np.array(skip)[brand][:, None]] = np.nan
    frame = pd.DataFrame(np.clip(np.rint(np.column_stack([q, s])), 1, 10), columns=list(MODEL.items))
    return frame.assign(brand=BRANDS[brand])


def compared(one, two, missing="em", by="brand", model=MODEL, **how):
    """The change between two frames, few draws, without the test of invariance unless it is asked for."""
    fits = [csi.fit(model, f[list(model.items)], scale=(1, 10), missing=missing) for f in (one, two)]
    labels = None if by is None else (one[by], two[by])
    return csi.compare_waves(*fits, by=labels, **({"draws": 300, "permutations": 0} | how))


def survey(frame, wave, **columns):
    n = len(frame)
    known = {"id": np.arange(n), "w": 1.0} | columns
    return csi.survey_from_frame(frame.assign(**known), BOOK, wave=wave)


GAPS = {"skip": (0.05, 0.3, 0.1)}


class TestExact:
    @pytest.mark.parametrize("missing", ["em", "pairwise", "listwise", "regression", "mean"])
    def test_parts_sum_to_the_difference_of_the_two_indexes(self, missing):
        one, two = answers(1), answers(2, share=[0.4, 0.1, 0.5], fall=0.5, noise=2, **GAPS)
        change = compared(one, two, missing)
        assert change.parts["estimate"].sum() == pytest.approx(change.value, abs=1e-10)
        assert change.levels[1] - change.levels[0] == pytest.approx(change.value, abs=1e-10)
        drawn = change.draws[:, change.rows["kind"].isin(set(change.parts["kind"]))]
        np.testing.assert_allclose(drawn.sum(axis=1), change.draws[:, 0], atol=1e-10)
        for frame, level in zip((one, two), change.levels, strict=True):
            fit = csi.fit(MODEL, frame[list(MODEL.items)], scale=(1, 10), missing=missing)
            assert level == pytest.approx(csi.satisfaction_index(fit).value, abs=1e-7)

    def test_one_ruler_is_what_the_trend_of_the_index_shows(self):
        one, two = answers(1), answers(2, noise=2)
        change = compared(one, two)
        fits = [csi.fit(MODEL, f[list(MODEL.items)], scale=(1, 10)) for f in (one, two)]
        boots = [csi.bootstrap(f, 50, seed=seed) for seed, f in enumerate(fits)]
        trend = csi.satisfaction_index(fits[1], boots[1], by="wave", earlier=boots[:1])
        row = change.rows.set_index("term").loc["one ruler"]
        assert row["estimate"] == pytest.approx(trend.rows["change"].iloc[1], abs=1e-9)

    @settings(max_examples=5, deadline=None)
    @given(st.integers(0, 1000), st.permutations(["s1", "s2", "s3"]))
    def test_names_order_and_direction_of_time_do_not_matter(self, seed, order):
        one, two = answers(seed), answers(seed + 1, share=[0.3, 0.4, 0.3], **GAPS)
        how = {"missing": "pairwise", "draws": 2}
        change = compared(one, two, **how).parts.set_index("term")["estimate"]
        back = compared(two, one, **how).parts.set_index("term")["estimate"]
        np.testing.assert_allclose(back, -change, atol=1e-9)
        named = {"prepaid": "z", "premium": "a", "youth": "m"}
        other = csi.Model.parse(f"Quality <~ q2 + q1; Satisfaction <~ {' + '.join(order)}; Satisfaction ~ Quality")
        called = [f.assign(brand=f["brand"].map(named)) for f in (one, two)]
        again = compared(*called, model=other, **how).parts.set_index("term")["estimate"]
        np.testing.assert_allclose(again[change.index], change, atol=1e-5)  # weights settle to 1e-7

    def test_the_same_seed_gives_the_same_change(self):
        one, two = answers(1), answers(2)
        first, again = (compared(one, two, seed=s) for s in (5, 5))
        assert (first.draws == again.draws).all()
        assert not (first.draws == compared(one, two, seed=6).draws).all()


CAUSES = {  # each worth three to four standard errors of the difference between waves of 1,500
    "mix": ({}, {"share": MOVED}),
    "s1": ({}, {"fall": 0.6}),
    "weights": ({}, {"noise": 2.2}),
    "response": ({"skip": (0.4, 0.05, 0.4)}, {"skip": (0.05, 0.65, 0.05)}),
}


class TestCauses:
    @pytest.mark.parametrize("cause", CAUSES)
    def test_the_planted_cause_is_named_and_no_other(self, cause):
        before, after = CAUSES[cause]
        for seed in range(2):
            one, two = answers(2 * seed, 1500, **before), answers(2 * seed + 1, 1500, **after)
            change = compared(one, two, "pairwise")
            assert change.causes == (cause,)
            assert f"{change.rows.set_index('term').at[cause, 'estimate']:+.1f} points" in change.sentences()[0]

    def test_nothing_is_named_where_nothing_changed(self):
        named = [compared(answers(seed, 1500), answers(seed + 50, 1500)).causes for seed in range(3)]
        assert named == [()] * 3
        change = compared(answers(1), answers(1))
        assert change.sentences() == ["No cause stands out: no part of the change is beyond 0.5 points and chance."]
        assert "没有突出的原因" in change.sentences("zh")[0]

    def test_too_few_draws_to_name_anything_say_so(self):
        """A p value from 50 draws is never below 2 in 51, which is no evidence among six parts."""
        one, two = answers(1, 1500), answers(2, 1500, fall=0.6)
        said = compared(one, two, draws=50).sentences()
        assert said == ["50 draws are too few to tell a cause among 6 parts; 240 or more are needed."]

    def test_a_change_too_small_to_matter_is_not_named_however_sure(self):
        one, two = answers(1, 1500), answers(2, 1500, fall=0.6)
        assert compared(one, two, relevant=0).causes == ("s1",)
        assert compared(one, two, relevant=3).causes == ()

    def test_filled_gaps_leave_nothing_to_who_answers(self):
        """Under `em` a gap counts with what the other answers say, so that segments average to the whole."""
        before, after = CAUSES["response"]
        one, two = answers(1, 1500, **before), answers(2, 1500, **after)
        row = compared(one, two, "em").rows.set_index("term").loc["response"]
        assert row["estimate"] == 0
        assert np.isnan(row["std_error"])
        assert not row["cause"]

    def test_without_segments_the_mix_is_in_the_scores(self):
        change = compared(answers(1, 1500), answers(2, 1500, share=MOVED), by=None)
        assert change.rows.set_index("term").at["mix", "estimate"] == 0
        assert "mix" not in change.causes

    def test_what_is_behind_the_parts(self):
        one, two = answers(1), answers(2, share=[0.4, 0.1, 0.5])
        change = compared(one, two)
        shares = two["brand"].value_counts(normalize=True)
        np.testing.assert_allclose(change.segments["share_after"], shares[change.segments["segment"]])
        np.testing.assert_allclose(change.items["mean_before"], 100 * (one[["s1", "s2", "s3"]].mean() - 1) / 9)
        assert (change.items["weight_after"] * change.items["mean_after"]).sum() == pytest.approx(change.levels[1])


class TestWhatWasAsked:
    def test_items_of_one_wave_are_left_out_of_both_and_named(self):
        one, two = answers(1), answers(2)
        old = csi.Model.parse("Quality <~ q1 + q2; Satisfaction <~ s1 + s2; Satisfaction ~ Quality")
        new = csi.Model.parse("Quality <~ q1; Satisfaction <~ s1 + s2 + s3; Satisfaction ~ Quality")
        both = csi.Model.parse("Quality <~ q1; Satisfaction <~ s1 + s2; Satisfaction ~ Quality")
        fits = [csi.fit(m, f[list(m.items)], scale=(1, 10)) for m, f in ((old, one), (new, two))]
        change = csi.compare_waves(*fits, by=(one["brand"], two["brand"]), draws=100, permutations=0)
        assert change.excluded == {"q2": "dropped", "s3": "added"}
        assert {"left out, because no longer asked: q2", "left out, because not asked before: s3"} <= set(
            change.headline()
        )
        same = compared(one, two, model=both, draws=100)
        np.testing.assert_allclose(change.rows["estimate"], same.rows["estimate"], atol=1e-9)
        np.testing.assert_allclose(change.draws, same.draws, atol=1e-9)

    def test_another_scale_is_points_of_its_own_ends(self):
        one, two = answers(1), answers(2, fall=0.5)
        plain = compared(one, two, permutations=199)
        fits = [
            csi.fit(MODEL, one[list(MODEL.items)], scale=(1, 10)),
            csi.fit(
                MODEL,
                two[list(MODEL.items)].assign(s1=(two["s1"] - 1) / 9 * 4 + 1),
                scale={item: (1, 10) for item in MODEL.items} | {"s1": (1, 5)},
            ),
        ]
        how = {"by": (one["brand"], two["brand"]), "draws": 200, "permutations": 199}
        change = csi.compare_waves(*fits, **how)
        assert change.rescaled == ("s1",)
        np.testing.assert_allclose(change.rows["estimate"], plain.rows["estimate"], atol=1e-9)
        np.testing.assert_allclose(change.invariance.statistics, plain.invariance.statistics, atol=1e-9)

    def test_a_construct_that_does_not_mean_the_same_comes_with_a_warning(self):
        one, two = answers(1, 1500), answers(2, 1500)
        two["s1"] = 11 - two["s1"]
        two["s2"] = np.random.default_rng(1).integers(1, 11, 1500)
        with pytest.warns(CsiWarning, match="is not formed alike in both waves"):
            change = compared(one, two, permutations=199)
        assert not change.comparable
        assert any("with care" in line for line in change.headline())

    def test_alike_waves_are_comparable(self):
        change = compared(answers(1), answers(2), permutations=199)
        assert change.comparable
        assert change.invariance.permutations == 199


def panel(seed, n=300, overlap=1.0, fall=0.0):
    """Two waves of the same customers, who answer much as they did; beyond the overlap other customers."""
    rng = np.random.default_rng(seed)
    shared = int(n * overlap)
    person = rng.normal(size=(2 * n, 1)) * 1.3
    waves = []
    for rows, drop in ((np.arange(n), 0.0), (np.r_[np.arange(shared), np.arange(n, 2 * n - shared)], fall)):
        X = 6 + person[rows] + 0.8 * rng.normal(size=(n, 5)) - drop
        waves.append((pd.DataFrame(X, columns=list(MODEL.items)), rows))
    return waves


def change_of(waves, paired=True, **how):
    fits = [csi.fit(MODEL, frame, scale=(0, 12)) for frame, _ in waves]
    keys = (waves[0][1], waves[1][1])
    return csi.compare_waves(*fits, customers=keys, paired=paired, **({"draws": 300, "permutations": 0} | how))


class TestPairedCustomers:
    def test_all_items_together_are_named_where_no_single_one_is(self):
        """A little of every item: too little for each to matter, enough for the whole."""
        change = change_of(panel(1, 1500, fall=0.15), draws=300)
        assert change.causes == ("scores",)
        assert "All items together" in change.sentences()[0]

    def test_the_interval_is_that_of_the_differences_within_customers(self):
        waves = panel(1)
        together, apart = change_of(waves), change_of(waves, paired=False)
        assert (together.paired, apart.paired) == (300, 0)
        scores = [csi.fit(MODEL, frame, scale=(0, 12)).index_scores["Satisfaction"].to_numpy() for frame, _ in waves]
        by_hand = np.std(scores[1] - scores[0], ddof=1) / np.sqrt(300)
        assert together.rows["std_error"].iloc[0] == pytest.approx(by_hand, rel=0.15)
        assert together.rows["std_error"].iloc[0] < 0.7 * apart.rows["std_error"].iloc[0]
        assert "300 customers are in both waves and drawn together" in together.headline()

    def test_some_overlap_is_in_between(self):
        errors = [change_of(panel(3, overlap=part)).rows["std_error"].iloc[0] for part in (0.0, 0.5, 1.0)]
        assert errors[0] > 1.1 * errors[1] > 1.2 * errors[2]

    def test_one_resample_of_customers_weights_both_waves(self):
        one, two = survey(answers(1, 60), "2026Q1"), survey(answers(2, 60), "2026Q2", id=np.arange(30, 90))
        fits = [csi.fit(MODEL, data) for data in (one, two)]
        waves = pair_of(*fits)
        keys, shared = customers_of(waves, None)
        drawn = [f.cases.sample for f in drawn_together(waves, keys).fits]
        assert shared == 30
        assert all(isinstance(sample, PairedSample) for sample in drawn)
        W = [np.concatenate(list(sample.resamples(np.ones(60, dtype=bool), 20, 1))) for sample in drawn]
        assert (W[0][:, 30:] == W[1][:, :30]).all()
        assert not (W[0][:, :30] == W[1][:, 30:]).all()

    def test_customers_are_known_by_the_key_of_the_survey(self):
        one, two = survey(answers(1, 200), "2026Q1"), survey(answers(2, 200), "2026Q2", id=np.arange(100, 300))
        change = csi.compare_waves(csi.fit(MODEL, one), csi.fit(MODEL, two), by="brand", draws=50, permutations=99)
        assert change.paired == 100
        assert change.waves == ("2026Q1", "2026Q2")
        strangers = survey(answers(2, 200), "2026Q2", id=np.arange(1000, 1200))
        other = csi.compare_waves(csi.fit(MODEL, one), csi.fit(MODEL, strangers), draws=50, permutations=0)
        assert other.paired == 0

    def test_strata_and_clusters_of_both_waves_are_drawn_as_the_design_says(self):
        """A branch asked in both waves is drawn in both, whoever its customers are."""
        frames = [answers(seed, 240).assign(branch=lambda d: d.index % 12) for seed in (1, 2)]
        frames = [f.assign(region=f["branch"] % 2) for f in frames]
        book = csi.Codebook.from_dict(
            {
                "key": "id",
                "scale": {"low": 1, "high": 10},
                "items": [{"name": i, "construct": "Quality" if i[0] == "q" else "Satisfaction"} for i in MODEL.items],
                "segments": [{"name": name, "column": name} for name in ("brand", "branch", "region")],
            }
        )
        design = csi.Design(strata="region", clusters="branch")
        surveys = [
            csi.survey_from_frame(f.assign(id=range(240)), book, wave=f"w{k}").with_design(design)
            for k, f in enumerate(frames)
        ]
        waves = pair_of(*(csi.fit(MODEL, data) for data in surveys))
        keys, _ = customers_of(waves, None)
        for sample, frame in zip((f.cases.sample for f in drawn_together(waves, keys).fits), frames, strict=True):
            W = np.concatenate(list(sample.resamples(np.ones(240, dtype=bool), 5, 3)))
            for rows in frame.groupby("branch").groups.values():
                assert (W[:, rows] == W[:, rows[:1]]).all()
        assert csi.compare_waves(*waves.fits, draws=50, permutations=99).paired == 240


class TestWeights:
    def test_survey_weights_count_and_their_scale_does_not(self):
        one, two = answers(1), answers(2)
        w = np.random.default_rng(1).uniform(0.5, 2, 400)
        before = csi.fit(MODEL, survey(one, "a", w=w, id=np.arange(400, 800)))
        changes = [
            csi.compare_waves(
                before, csi.fit(MODEL, survey(two, "b", w=w * factor)), by="brand", draws=50, permutations=0
            )
            for factor in (1, 4)
        ]
        np.testing.assert_allclose(changes[0].draws, changes[1].draws, atol=1e-8)
        share = pd.Series(w).groupby(two["brand"].to_numpy()).sum() / w.sum()
        segments = changes[0].segments.set_index("segment")["share_after"]
        np.testing.assert_allclose(segments, share[segments.index])

    def test_a_mix_that_weights_hold_fixed_is_no_cause(self):
        """Both waves are raked to the same brands, in every replicate: the mix neither moves nor varies."""
        margins = {"brand": dict(zip(BRANDS, SHARES, strict=True))}
        surveys = [
            csi.rake(survey(answers(seed, share=share), wave, id=np.arange(400) + 1000 * seed), margins)
            for seed, share, wave in ((1, SHARES, "a"), (2, [0.3, 0.2, 0.5], "b"))
        ]
        fits = [csi.fit(MODEL, s) for s in surveys]
        change = csi.compare_waves(*fits, by="brand", draws=50, permutations=0, relevant=0)
        row = change.rows.set_index("term").loc["mix"]
        assert row["estimate"] == pytest.approx(0, abs=1e-7)
        assert np.isnan(row["adjusted_p"])
        assert not row["cause"]

    def test_those_without_a_segment_are_one_of_their_own(self):
        one, two = answers(1), answers(2)
        two.loc[:99, "brand"] = None
        change = compared(one, two)
        assert change.segments["segment"].tolist()[-1] == "not stated"
        assert change.segments["share_after"].sum() == pytest.approx(1)


class TestWords:
    def test_sentences_name_items_and_segments_as_the_codebook_does(self):
        one = survey(answers(1, 1500), "a", id=np.arange(2000, 3500))
        two = survey(answers(2, 1500, fall=0.7, share=[0.2, 0.6, 0.2]), "b")
        change = csi.compare_waves(csi.fit(MODEL, one), csi.fit(MODEL, two), by="brand", draws=300, permutations=0)
        assert set(change.causes) == {"mix", "s1"}
        english, chinese = " ".join(change.sentences()), " ".join(change.sentences("zh"))
        assert "'Overall satisfaction'" in english
        assert "Premium makes up" in english
        assert "“总体满意度”" in chinese
        assert "全球通的占比" in chinese

    def test_it_prints_in_a_dozen_lines(self):
        assert len(str(compared(answers(1), answers(2))).splitlines()) <= 12


class TestErrors:
    def test_what_cannot_be_compared_says_why(self):
        one, two = answers(1), answers(2)
        fit = csi.fit(MODEL, one[list(MODEL.items)], scale=(1, 10))

        def against(model=MODEL, frame=two, **how):
            given = {"scale": (1, 10)} | {k: how.pop(k) for k in ("missing", "scale") if k in how}
            other = csi.fit(model, frame[list(model.items)], **given)
            return csi.compare_waves(fit, other, **({"draws": 20, "permutations": 0} | how))

        renamed = csi.Model.parse("Quality <~ q1 + q2; Contentment <~ s1 + s2 + s3; Contentment ~ Quality")
        backwards = csi.Model.parse("Quality <~ q1 + q2; Satisfaction <~ s1 + s2 + s3; Quality ~ Satisfaction")
        others = csi.Model.parse("Quality <~ z; Satisfaction <~ s1 + s2 + s3; Satisfaction ~ Quality")
        cases = {
            "only one has 'Contentment'": {"model": renamed, "construct": "Contentment"},
            "path Quality -> Satisfaction": {"model": backwards},
            "'Quality' has no item that both waves asked": {"model": others, "frame": two.assign(z=two["q1"])},
            "different settings of 'missing'": {"missing": "pairwise"},
            "points from 0 to 100 need": {"scale": None},
            "relevant is the smallest change": {"relevant": -1},
            "by= takes the labels of both waves": {"by": two["brand"]},
            "group labels for 400 cases": {"by": (one["brand"], two["brand"][:10])},
            "customers for the 400 cases of wave 'after'": {"customers": (np.arange(400), np.arange(3))},
        }
        for message, how in cases.items():
            with pytest.raises(EstimationError, match=message):
                against(**how)
        with pytest.raises(ModelError, match="Satisfacton"):
            against(construct="Satisfacton")

    def test_an_item_that_other_segments_answer_in_each_wave(self):
        one, two = answers(1), answers(2)
        one.loc[one["brand"] != "youth", "brand"] = "premium"
        one, two = one[one["brand"] == "premium"], two[two["brand"] != "prepaid"]
        two.loc[two["brand"] == "premium", "s2"] = np.nan
        with pytest.raises(EstimationError, match="'s2' was answered by other segments"):
            compared(one, two, "pairwise")
