"""response_quality: every flag finds what was planted, spares those who answered with care, and says when it cannot judge."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import csi
from csi.errors import CsiWarning, SurveyError
from csi.survey.quality_rules import FLAGS
from csi.survey.response_patterns import log_arrangements, outlier_probability, person_total_correlation
from csi.words import WORDS

CONSTRUCTS, EACH, N, PLANTED = 6, 4, 1000, 25
ITEMS = CONSTRUCTS * EACH
NAMES = [f"q{i}" for i in range(1, ITEMS + 1)]
REVERSED = [3, 11, 19]


def book(scale=(1, 10), names=NAMES, turned=REVERSED, **options):
    items = [{"name": name, "construct": f"C{i // EACH}", "reverse": i in turned} for i, name in enumerate(names)]
    return csi.Codebook.from_dict({"scale": {"low": scale[0], "high": scale[1]}, "items": items, **options})


def attentive(seed, n=N, level=6.8, missing=0.03):
    """Answers 1-10 of people who read: six correlated factors, four items each, items of unequal level, gaps at random."""
    rng = np.random.default_rng(seed)
    factors = np.sqrt(0.6) * rng.normal(size=(n, 1)) + np.sqrt(0.4) * rng.normal(size=(n, CONSTRUCTS))
    X = level + rng.normal(0, 0.6, ITEMS) + 1.5 * np.repeat(factors, EACH, axis=1) + 1.2 * rng.normal(size=(n, ITEMS))
    X = np.clip(np.rint(X), 1, 10)
    X[:, REVERSED] = 11 - X[:, REVERSED]
    X[rng.random(X.shape) < missing] = np.nan
    return X, ITEMS * np.exp(rng.normal(np.log(7), 0.35, n))


def planted(seed, **options):
    """The same with the careless among them; who is what stands in the third array."""
    rng = np.random.default_rng(seed + 1000)
    X, seconds = attentive(seed, **options)
    kind = np.full(len(X), "attentive", dtype=object)
    speeder, straight, chance, copy, stop = (
        rng.permutation(len(X) // 2)[: 5 * PLANTED].reshape(5, PLANTED) + len(X) // 2
    )
    for name, who in zip(
        ("speeder", "straight", "random", "copy", "stop"), (speeder, straight, chance, copy, stop), strict=True
    ):
        kind[who] = name
    seconds[speeder] = ITEMS * rng.uniform(0.8, 2.5, PLANTED)
    X[straight] = rng.integers(1, 11, (PLANTED, 1))
    X[chance] = rng.integers(1, 11, (PLANTED, ITEMS))
    X[copy] = X[rng.choice(len(X) // 2, PLANTED, replace=False)]
    for row, last in zip(stop, rng.integers(ITEMS // 4, ITEMS - 3, PLANTED), strict=True):
        X[row, last:] = np.nan
    return X, seconds, kind


def survey_of(X, codebook=None):
    frame = X if isinstance(X, pd.DataFrame) else pd.DataFrame(X, columns=NAMES[: np.shape(X)[1]])
    codebook = codebook or book(names=list(frame.columns))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CsiWarning)  # planted cells that are refused
        return csi.survey_from_frame(frame, codebook)


def flag_of(X, name, codebook=None, **options):
    return csi.response_quality(survey_of(X, codebook), **options).flags[name]


STRAIGHT = book(turned=[])


@pytest.fixture(scope="module", params=[1, 2])
def mixed(request):
    X, seconds, kind = planted(request.param)
    return csi.response_quality(survey_of(X), duration=seconds), kind


@pytest.fixture(scope="module")
def case():
    X, seconds, kinds = planted(9)
    survey = survey_of(X)
    return survey, csi.response_quality(survey, duration=seconds), kinds


class TestWhatWasPlanted:
    @pytest.mark.parametrize(
        ("kind", "flag", "at_least"),
        [
            ("speeder", "speeder", 1.0),
            ("straight", "straightliner", 1.0),
            ("straight", "long_run", 1.0),
            ("straight", "low_variability", 1.0),
            ("straight", "contradictory", 0.6),  # straight fives contradict nothing
            ("random", "erratic", 0.9),
            ("random", "outlier", 0.9),
            ("copy", "duplicate", 0.9),
            ("stop", "break_off", 1.0),
        ],
    )
    def test_is_found(self, mixed, kind, flag, at_least):
        quality, kinds = mixed
        assert quality.flags.loc[kinds == kind, flag].mean() >= at_least

    @pytest.mark.parametrize("flag", [flag.name for flag in FLAGS if flag.name != "implausible"])
    def test_spares_who_answered_with_care(self, mixed, flag):
        quality, kinds = mixed
        at_most = 0.0 if flag in ("duplicate", "break_off", "unanswered") else 0.05
        assert quality.flags.loc[kinds == "attentive", flag].mean() <= at_most

    def test_the_profile_finds_few_who_answer_at_random(self, mixed):
        """Two correlations over few items are blunt: they stay near the rate of the attentive."""
        quality, kinds = mixed
        assert quality.flags.loc[kinds == "random", ["against_profile", "even_odd"]].mean().max() < 0.3

    def test_two_kinds_of_evidence_spare_nearly_all_the_attentive(self, mixed):
        quality, kinds = mixed
        assert (quality.kinds[kinds == "attentive"] > 1).mean() < 0.01

    @pytest.mark.parametrize("level", [5.5, 8.5])
    def test_the_content_are_not_flagged_more(self, level):
        X, seconds = attentive(4, level=level)
        quality = csi.response_quality(survey_of(X), duration=seconds)
        assert quality.flags.drop(columns="implausible").mean().max() <= 0.05

    def test_who_is_discontent_where_most_are_content_does_not_run_against_the_profile(self):
        X, _ = attentive(5, level=8.0)
        quality = csi.response_quality(survey_of(X))
        lowest = quality.flags["against_profile"][survey_of(X).answers.mean(axis=1).rank() <= 50]
        assert lowest.sum() <= 3


class TestTime:
    def test_seconds_are_per_item_answered(self):
        X, _ = attentive(1, n=40, missing=0)
        X[0, 12:] = np.nan
        quality = csi.response_quality(survey_of(X), duration=np.full(40, 240.0))
        assert quality.respondents["seconds_per_item"].tolist()[:2] == [20, 10]

    def test_a_slow_survey_has_a_higher_limit_and_a_fast_one_a_floor(self):
        X, _ = attentive(1, n=100)
        for usual, limit in ((10.0, 5.0), (3.0, 2.0)):
            quality = csi.response_quality(survey_of(X), duration=ITEMS * np.full(100, usual))
            assert quality.limits.seconds == pytest.approx(limit, rel=0.05)

    def test_durations_may_be_texts_or_a_column_that_the_codebook_keeps(self):
        X, _ = attentive(1, n=40)
        frame = pd.DataFrame(X, columns=NAMES).assign(used=["24秒", *["3分17秒"] * 39])
        survey = survey_of(frame, book(comments=[{"name": "used", "column": "used"}]))
        rules = csi.QualityRules(duration="used")
        assert csi.response_quality(survey, rules).flags["speeder"].tolist() == [True, *[False] * 39]
        pd.testing.assert_series_equal(
            csi.response_quality(survey, rules).flags["speeder"],
            csi.response_quality(survey, duration=frame["used"]).flags["speeder"],
        )

    def test_without_durations_nobody_is_judged(self):
        assert flag_of(attentive(1, n=40)[0], "speeder").isna().all()

    def test_a_text_that_is_no_time_counts_as_unknown_and_is_named(self):
        X, _ = attentive(1, n=3)
        with pytest.warns(CsiWarning, match=r"1 durations are no time above 0.*row 3: 'soon'"):
            flags = flag_of(X, "speeder", duration=["99秒", "soon", "20秒"])
        assert flags.tolist()[0::2] == [False, True]
        assert flags.isna()[1]

    @pytest.mark.parametrize(
        ("duration", "message"),
        [
            ([1.0], r"1 durations for 3 respondents"),
            (["a", "b", "c"], r"none of the durations is a time above 0; the first is row 2: 'a'"),
            ([-5, 0, np.inf], r"none of the durations"),
            ("dauer", r"no comment or segment 'dauer'"),
        ],
    )
    def test_unusable_durations_are_refused(self, duration, message):
        with pytest.raises(SurveyError, match=message):
            csi.response_quality(survey_of(attentive(1, n=3)[0]), duration=duration)


class TestSameness:
    def test_equal_answers_are_those_on_the_page_not_those_turned_round(self):
        X, _ = attentive(1, n=40)
        X[0] = 9.0
        quality = csi.response_quality(survey_of(X))
        assert quality.respondents.loc[0, ["straightlined", "batteries", "longest_run"]].tolist() == [6, 6, 24]

    def test_who_gives_ten_to_all_of_a_short_survey_is_no_straightliner(self):
        """Four questions on one thing: equal answers are what the content give."""
        X = np.full((60, 4), 10.0)
        flags = csi.response_quality(survey_of(X, book(names=NAMES[:4], turned=[]))).flags
        assert (
            flags[["straightliner", "long_run", "low_variability", "against_profile", "outlier"]].isna().all(axis=None)
        )
        assert not flags["duplicate"].any()

    def test_a_battery_has_four_answers_at_least(self):
        X, _ = attentive(1, n=40, missing=0)
        X[0] = 7.0
        X[0, ::2] = np.nan  # two answers are left in each battery
        quality = csi.response_quality(survey_of(X))
        assert quality.respondents.loc[0, "batteries"] == 0
        assert quality.flags["straightliner"].isna()[0]

    def test_batteries_may_be_named(self):
        X, _ = attentive(1, n=40, missing=0)
        X[0, :8] = 7.0
        grid = csi.QualityRules(batteries={"first page": tuple(NAMES[:8])})
        assert csi.response_quality(survey_of(X), grid).flags["straightliner"].tolist() == [True, *[False] * 39]
        assert not flag_of(X, "straightliner").any()

    def test_items_without_constructs_are_batteries_where_they_share_a_scale(self):
        items = [{"name": f"a{i}"} for i in range(8)] + [{"name": "b", "scale": {"low": 0, "high": 1}}]
        codebook = csi.Codebook.from_dict({"scale": {"low": 1, "high": 5}, "items": items})
        frame = pd.DataFrame([[4] * 8 + [1], [4, 3] * 4 + [1]], columns=[item["name"] for item in items])
        quality = csi.response_quality(survey_of(frame, codebook))
        assert quality.respondents["batteries"].tolist() == [1, 1]
        assert quality.flags["straightliner"].tolist() == [True, False]

    def test_a_gap_does_not_end_a_run_and_a_change_of_scale_does(self):
        items = [{"name": f"a{i}"} for i in range(6)] + [{"name": "b", "scale": {"high": 10}}]
        codebook = csi.Codebook.from_dict({"scale": {"low": 1, "high": 5}, "items": items})
        frame = pd.DataFrame([[3, 3, None, 3, 3, 3, 3]], columns=[item["name"] for item in items])
        assert csi.response_quality(survey_of(frame, codebook)).respondents["longest_run"].tolist() == [5]


class TestRepetition:
    def test_the_first_of_the_same_is_not_flagged_and_the_others_name_it(self):
        X, _ = attentive(1, n=60)
        X[[20, 40]] = X[7]
        quality = csi.response_quality(survey_of(X))
        assert quality.flags.index[quality.flags["duplicate"]].tolist() == [20, 40]
        assert quality.respondents.loc[[20, 40], "same_answers_as"].tolist() == [9, 9]  # row 2 is the first respondent

    def test_all_tens_are_not_copies_of_one_another(self):
        X, _ = attentive(1, n=200)
        X[50:150] = 10.0
        X[100:150, 5] = 9.0  # and one small step down is no fingerprint either
        assert not flag_of(X, "duplicate", STRAIGHT).any()

    def test_one_answer_a_page_is_no_fingerprint(self):
        X, _ = attentive(1, n=200)
        X[50:100] = np.repeat([9, 8, 10, 9, 8, 10], EACH)
        assert not flag_of(X, "duplicate", STRAIGHT).any()

    @pytest.mark.parametrize("points", [5, 10])
    def test_honest_answers_of_many_to_few_questions_meet_by_chance(self, points):
        """In ten thousand answers to eight questions many are the same; hardly any is called a copy."""
        X = np.ceil(attentive(2, n=10_000, missing=0)[0][:, [0, 1, 2, 4, 5, 6, 8, 9]] * points / 10)
        codebook = csi.Codebook.from_dict(
            {"scale": {"low": 1, "high": points}, "items": [{"name": name} for name in NAMES[:8]]}
        )
        quality = csi.response_quality(survey_of(pd.DataFrame(X, columns=NAMES[:8]), codebook))
        assert quality.respondents["same_answers_as"].notna().sum() > 20
        assert quality.flags["duplicate"].sum() == 0

    def test_gaps_belong_to_the_pattern(self):
        X, _ = attentive(1, n=60, missing=0)
        X[20] = X[7]
        X[20, 5] = np.nan
        assert not flag_of(X, "duplicate").any()

    def test_a_key_that_repeats_is_flagged_whatever_the_answers(self):
        X, _ = attentive(1, n=5)
        survey = survey_of(X)
        survey.respondents["key"] = ["a", "", "a", "", "b"]
        quality = csi.response_quality(survey)
        assert quality.flags["duplicate"].tolist() == [False, False, True, False, False]
        assert quality.respondents["same_key_as"].tolist()[2] == 2

    @given(st.lists(st.integers(1, 10), min_size=1, max_size=30))
    def test_no_variation_is_never_improbable_and_order_reversed_is_as_likely(self, answers):
        cells = np.array(answers, dtype=float)
        assert log_arrangements(np.full(len(cells), 10.0)) == pytest.approx(0)
        assert log_arrangements(cells) == pytest.approx(log_arrangements(cells[::-1]))
        assert log_arrangements(cells) > -1e-9


class TestContradiction:
    def test_agreeing_with_both_sides_is_flagged_and_middling_is_not(self):
        X, _ = attentive(1, n=40, missing=0)
        X[0, :4], X[1, :4], X[2, :4] = [9, 9, 9, 9], [5, 6, 5, 6], [9, 9, 9, 2]
        assert flag_of(X, "contradictory").tolist()[:3] == [True, False, False]

    def test_where_no_item_is_reversed_nobody_is_judged(self):
        X, _ = attentive(1, n=40)
        assert csi.response_quality(survey_of(X, STRAIGHT)).flags["contradictory"].isna().all()

    def test_a_codebook_that_turns_the_wrong_item_is_suspected_rather_than_the_respondents(self):
        X, _ = attentive(1, n=200, level=8.5)
        X[:, REVERSED] = 11 - X[:, REVERSED]
        with pytest.warns(CsiWarning, match=r"contradict themselves on reversed items \(q4, q12, q20\)"):
            csi.response_quality(survey_of(X))

    def test_answers_to_questions_routed_past(self):
        items = [{"name": "solved", "asked_if": {"column": "complained", "among": ["yes"]}}, {"name": "overall"}]
        codebook = csi.Codebook.from_dict({"scale": {"low": 1, "high": 10}, "items": items})
        frame = pd.DataFrame({"complained": ["yes", "no", "no"], "solved": [3, None, 5], "overall": [7, 8, 8]})
        quality = csi.response_quality(survey_of(frame, codebook))
        assert quality.flags["implausible"].tolist() == [False, False, True]
        assert quality.respondents["unanswered"].tolist() == [0, 0, 0]  # the stray answer was not asked for

    def test_patterns_of_the_study_are_of_answers_as_given(self):
        table = {"implausible": [{"name": "loves and leaves", "answers": {"q1": [9, 10], "q4": [9, 10]}}]}
        rules = csi.QualityRules.from_dict(table)
        X, _ = attentive(1, n=40, missing=0)
        X[:, [0, 3]] = 5
        X[0, [0, 3]] = 10
        assert csi.response_quality(survey_of(X), rules).flags["implausible"].tolist() == [True, *[False] * 39]

    def test_patterns_may_name_segments(self):
        rules = csi.QualityRules.from_dict(
            {"implausible": [{"name": "child on contract", "levels": {"age": ["<18"], "plan": ["contract"]}}]}
        )
        segments = [{"name": "age", "column": "age"}, {"name": "plan", "column": "plan"}]
        frame = pd.DataFrame(attentive(1, n=3)[0], columns=NAMES).assign(
            age=["<18", "<18", "40"], plan=["contract", "card", "contract"]
        )
        quality = csi.response_quality(survey_of(frame, book(segments=segments)), rules)
        assert quality.flags["implausible"].tolist() == [True, False, False]

    def test_a_pattern_of_unknown_items_is_refused(self):
        rules = csi.QualityRules.from_dict({"implausible": [{"name": "x", "answers": {"q1": [1, 2], "q99": [1, 2]}}]})
        with pytest.raises(SurveyError, match=r"implausible pattern 'x' names the item 'q99'.*q1, q2"):
            csi.response_quality(survey_of(attentive(1, n=3)[0]), rules)


class TestGaps:
    def test_a_break_off_names_the_last_item_with_a_response(self):
        X, _ = attentive(1, n=4, missing=0)
        X[0, 20:], X[1, 22:], X[2, :] = np.nan, np.nan, np.nan
        quality = csi.response_quality(survey_of(X))
        assert quality.flags["break_off"].tolist() == [True, False, True, False]
        assert quality.respondents["break_off_after"].tolist() == ["q20", "q22", "", ""]
        assert quality.respondents["left_out_at_end"].tolist() == [4, 2, 24, 0]

    def test_dont_know_to_the_end_is_unanswered_but_no_break_off(self):
        scale = {"low": 1, "high": 10, "dont_know": [98], "not_applicable": [97]}
        codebook = csi.Codebook.from_dict({"scale": scale, "items": [{"name": name} for name in NAMES]})
        X, _ = attentive(1, n=3, missing=0)
        X[0, 10:], X[1, 10:] = 98, 97
        quality = csi.response_quality(survey_of(pd.DataFrame(X, columns=NAMES), codebook))
        assert quality.flags["break_off"].tolist() == [False, False, False]
        assert quality.flags["unanswered"].tolist() == [True, False, False]
        assert quality.respondents["unanswered"].tolist() == [14 / 24, 0, 0]


class TestWhatCannotBeJudged:
    def test_a_tiny_survey_has_no_usual_answers(self):
        flags = csi.response_quality(survey_of(attentive(1, n=8)[0])).flags
        relative = ["low_variability", "erratic", "against_profile", "even_odd", "outlier"]
        assert flags[relative].isna().all(axis=None)
        assert flags[["straightliner", "duplicate", "break_off", "unanswered"]].notna().all(axis=None)

    def test_one_respondent_without_an_answer(self):
        quality = csi.response_quality(survey_of(pd.DataFrame([[None] * ITEMS], columns=NAMES)))
        assert quality.flags.columns[quality.flags.iloc[0].fillna(False)].tolist() == ["unanswered", "break_off"]

    def test_where_all_answer_alike_nobody_stands_out(self):
        flags = csi.response_quality(survey_of(np.full((50, ITEMS), 5.0))).flags
        assert flags[["low_variability", "erratic", "against_profile", "outlier"]].isna().all(axis=None)
        assert flags["straightliner"].all()

    def test_incomplete_rows_are_judged_by_what_they_hold(self):
        X, seconds, kinds = planted(6, missing=0.25)
        flags = csi.response_quality(survey_of(X), duration=seconds).flags
        assert flags.loc[kinds == "random", ["erratic", "outlier"]].mean().min() > 0.7
        assert flags.loc[kinds == "attentive"].drop(columns="implausible").mean().max() <= 0.05

    def test_several_waves_at_once_are_refused(self):
        survey = survey_of(attentive(1, n=4)[0])
        survey.respondents["wave"] = "2026Q3"
        with pytest.raises(SurveyError, match="Judge each wave before"):
            csi.response_quality(survey)


class TestUnitsAndArrays:
    @pytest.mark.parametrize("scale", [(0, 90), (-4.5, 4.5)])
    def test_units_of_the_items_change_nothing(self, scale):
        X, seconds, _ = planted(7)
        other = scale[0] + (X - 1) / 9 * (scale[1] - scale[0])
        one = csi.response_quality(survey_of(X), duration=seconds)
        two = csi.response_quality(survey_of(other, book(scale)), duration=seconds)
        pd.testing.assert_frame_equal(one.flags, two.flags)
        pd.testing.assert_frame_equal(one.respondents, two.respondents, rtol=1e-6, atol=1e-9)

    def test_the_order_of_respondents_changes_no_sign_but_who_was_first(self):
        X, seconds = attentive(8, n=300)
        forward = csi.response_quality(survey_of(X), duration=seconds)
        backward = csi.response_quality(survey_of(X[::-1]), duration=seconds[::-1])
        columns = ["seconds_per_item", "variability", "spread_within_constructs", "person_total", "outlier_chance"]
        turned = backward.respondents[columns][::-1].reset_index(drop=True)
        pd.testing.assert_frame_equal(forward.respondents[columns], turned, rtol=1e-6)

    def test_person_total_correlation_is_that_with_everyone_else(self):
        T = np.random.default_rng(1).random((20, 9))
        T[0, 3] = np.nan
        by_hand = [
            np.corrcoef(T[i, known], np.nanmean(np.delete(T, i, axis=0), axis=0)[known])[0, 1]
            for i in range(20)
            for known in [~np.isnan(T[i])]
        ]
        assert person_total_correlation(T) == pytest.approx(np.array(by_hand))

    def test_chances_of_outliers_are_uniform_among_the_honest(self):
        """Normal answers, complete and with a fifth missing: so many lie below each level as the level says."""
        rng = np.random.default_rng(3)
        X = rng.normal(size=(4000, 8)) @ np.linalg.cholesky(0.5 + 0.5 * np.eye(8)).T
        gaps = np.where(rng.random(X.shape) < 0.2, np.nan, X)
        for data in (X, gaps):
            p = outlier_probability(data)
            assert np.mean(p < 0.05) == pytest.approx(0.05, abs=0.012)
            assert np.mean(p < 0.5) == pytest.approx(0.5, abs=0.03)


class TestRules:
    def test_nobody_is_excluded_unless_the_rules_say_so(self, case):
        survey, quality, _ = case
        excluded = quality.excluded()
        assert not excluded.mask.any()
        assert excluded.sentence().startswith("Nobody is left out")
        pd.testing.assert_frame_equal(csi.without(survey, excluded).answers, survey.answers)

    def test_who_is_excluded_is_kept_with_the_reasons(self, case):
        survey, quality, kinds = case
        rules = csi.QualityRules(exclude=("speeder", "straightliner"))
        excluded = quality.excluded(rules)
        assert excluded.mask[np.isin(kinds, ["speeder", "straight"])].all()
        assert excluded.respondents["row"].tolist() == survey.respondents.loc[excluded.mask, "row"].tolist()
        assert set(excluded.respondents["reasons"]) <= {"speeder", "straightliner", "speeder; straightliner"}
        left = csi.without(survey, excluded)
        assert len(left) + len(excluded) == len(survey)
        assert left.answers.index.tolist() == list(range(len(left)))
        assert set(left.respondents["row"]).isdisjoint(excluded.respondents["row"])

    def test_flags_of_one_kind_count_once(self, case):
        """A straightliner has a long run and varies little: that is one observation, not three."""
        _, quality, kinds = case
        same = ("straightliner", "long_run", "low_variability", "break_off")
        assert not quality.excluded(csi.QualityRules(exclude=same, min_flags=2)).mask[kinds == "straight"].any()

    def test_thresholds_may_be_changed_after_the_signs_are_known(self, case):
        _, quality, _ = case
        lenient = csi.QualityRules(exclude=("speeder",), median_share=0.1, seconds_per_item=0.1)
        assert len(quality.excluded(lenient)) == 0

    def test_rules_that_need_other_signs_are_refused(self, case):
        with pytest.raises(SurveyError, match="computed with another 'batteries'"):
            case[1].excluded(csi.QualityRules(batteries={"page": tuple(NAMES[:8])}))

    @pytest.mark.parametrize(
        ("table", "message"),
        [
            ({"exclude": ["spedeer"]}, r"study: .*no flag 'spedeer'.*Did you mean 'speeder'"),
            ({"exclude": ["straightliner", "long_run"], "min_flags": 2}, r"can never be met.*1 kind"),
            ({"second_per_item": 2}, r"study: unknown field 'second_per_item'.*seconds_per_item"),
            ({"median_share": 1.5}, r"study: median_share"),
            ({"batteries": {"page": ["q1", "q2"]}}, r"battery 'page' has 2 items"),
            ({"implausible": [{"name": "x", "answers": {"q1": [1, 2]}}]}, r"'x' needs two conditions"),
            ({"implausible": [{"name": "x", "answers": {"q1": [2, 1], "q2": [1, 2]}}]}, r"range of 'q1' is empty"),
            ({"implausible": [{"nam": "x"}]}, r"implausible 1: unknown field 'nam'"),
        ],
    )
    def test_wrong_rules_name_the_field(self, table, message):
        with pytest.raises(SurveyError, match=message):
            csi.QualityRules.from_dict(table, "study")

    def test_exclusions_of_another_survey_are_refused(self, case):
        survey, quality, _ = case
        excluded = quality.excluded(csi.QualityRules(exclude=("speeder",)))
        with pytest.raises(SurveyError, match="belong to another survey"):
            csi.without(csi.without(survey, excluded), excluded)

    def test_a_survey_already_raked_is_refused(self, case):
        survey, quality, _ = case
        raked = survey_of(survey.answers, STRAIGHT)
        raked.respondents["base_weight"] = 1.0
        with pytest.raises(SurveyError, match="Exclude first, then rake"):
            csi.without(raked, quality.excluded(csi.QualityRules(exclude=("speeder",))))

    def test_rules_that_exclude_all_are_refused(self):
        survey = survey_of(np.full((3, ITEMS), 5.0))
        quality = csi.response_quality(survey, csi.QualityRules(exclude=("straightliner",)))
        with pytest.raises(SurveyError, match="exclude all 3 respondents"):
            csi.without(survey, quality.excluded())


class TestWords:
    def test_every_flag_has_a_name_a_rule_a_reason_and_a_source(self, mixed):
        quality, _ = mixed
        for language in ("en", "zh"):
            told = quality.explained(language)
            assert len(told) == len(FLAGS)
            assert told[["flag", "rule", "why", "source"]].map(bool).all(axis=None)
            assert not told["rule"].str.contains("[{}]").any()
        assert all(f"quality.kind.{flag.kind}" in WORDS for flag in FLAGS)

    def test_the_sentence_counts_in_both_languages(self, mixed):
        excluded = mixed[0].excluded(csi.QualityRules(exclude=("speeder", "break_off")))
        for language in ("en", "zh"):
            assert str(len(excluded)) in excluded.sentence(language)
            assert "1,000" in excluded.sentence(language)

    def test_it_prints_in_a_dozen_lines_and_shows_a_tidy_table(self, mixed):
        quality = mixed[0]
        assert len(str(quality).splitlines()) <= 12
        table = quality.table()
        assert table["term"].tolist() == [flag.name for flag in FLAGS]
        judged = table["n"] > 0
        assert (table["flagged"] / table["n"])[judged].tolist() == pytest.approx(table["estimate"][judged].tolist())
        assert "<table" in quality._repr_html_()

    def test_keys_are_not_printed(self):
        survey = survey_of(np.full((40, ITEMS), 5.0))
        survey.respondents["key"] = [f"secret{i}" for i in range(40)]
        quality = csi.response_quality(survey, csi.QualityRules(exclude=("straightliner",)))
        assert "secret" not in str(quality) + str(quality.excluded()) + quality._repr_html_()


class TestChart:
    @pytest.mark.parametrize("language", ["en", "zh"])
    def test_every_flag_has_a_row_and_what_is_not_judged_says_so(self, mixed, language):
        chart = csi.plot_response_quality(mixed[0], language=language)
        assert [tick.get_text() for tick in chart.get_yticklabels()] == [
            WORDS[f"quality.{f.name}"][language == "zh"] for f in FLAGS
        ]
        assert WORDS["quality.not_judged"][language == "zh"] in [text.get_text() for text in chart.texts]

    def test_those_left_out_are_hatched(self, mixed):
        quality = mixed[0]
        rules = csi.QualityRules(exclude=("speeder",))
        left_out = csi.ResponseQuality(quality.respondents, quality.flags, rules, quality.source)
        assert csi.plot_response_quality(left_out).get_legend() is not None
        assert csi.plot_response_quality(quality).get_legend() is None
