"""SERVQUAL: the published case, pairs that belong together, weights and designs, waves and what moved them, the zone."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import csi
from csi.errors import CsiWarning, EstimationError, SurveyError
from csi.kernel.relative_importance import shapley

FIVE = ("reliability", "responsiveness", "assurance", "empathy", "tangibles")
TRUE = {"reliability": -1.2, "responsiveness": -0.8, "assurance": -0.4, "empathy": -0.1, "tangibles": 0.3}
STATEMENTS = {d: [(f"{d}{i}_E", f"{d}{i}") for i in (1, 2, 3)] for d in FIVE}
ALLOCATION = {d: f"points_{d}" for d in FIVE}


def answers(n=400, seed=0, gaps=0.0, shift=None):
    """Expectations and perceptions (in fractions of a step) with known gaps, and points for the dimensions."""
    rng = np.random.default_rng(seed)
    whole, frame = rng.normal(size=n), {}
    for d in FIVE:
        own, expected = 0.5 * whole + 0.5 * rng.normal(size=n), 0.5 * rng.normal(size=n)
        for expectation, perception in STATEMENTS[d]:
            frame[expectation] = 6 + expected + 0.4 * rng.normal(size=n)
            moved = (shift or {}).get(perception, 0.0)
            frame[perception] = 6 + TRUE[d] + moved + own + 0.3 * expected + 0.6 * rng.normal(size=n)
    frame = pd.DataFrame(frame)
    frame = frame.mask(rng.random(frame.shape) < gaps)
    points = rng.multinomial(100, [0.4, 0.2, 0.2, 0.1, 0.1], n)
    frame[list(ALLOCATION.values())] = points
    return frame.assign(shop=rng.choice(["north", "south"], n), overall=whole + rng.normal(size=n))


@pytest.fixture(scope="module")
def plain():
    return answers()


@pytest.fixture(scope="module")
def result(plain):
    return csi.servqual(plain, STATEMENTS, importance=ALLOCATION, by="shop", draws=400)


def estimates(result, **chosen):
    return result.of(**chosen).set_index("term")["estimate"]


KIOSK = {
    "function": (1, 2, 3, 13), "control": (4, 5, 11, 12), "enjoyment": (6, 7, 8), "design": (9, 10),
    "convenience": (14, 15, 16, 19), "customisation": (17, 18), "security": (20, 21, 22),
}  # fmt: skip


@pytest.fixture(scope="module")
def frame(shared):
    path = shared / "data" / "servqual_kiosk" / "kiosk_google_forms_responses.xlsx"
    return pd.read_excel(path, sheet_name="서브퀄_문항만", engine="calamine")


@pytest.fixture(scope="module")
def kiosk(frame):
    named = {group: [(f"{k}-1", f"{k}-2") for k in numbers] for group, numbers in KIOSK.items()}
    return csi.servqual(frame, named, scale=(1, 7)), csi.servqual_structure(frame, named, draws=300)


class TestKiosk:
    """Twenty-two statements on self-service kiosks, grouped here by what they are about."""

    def test_expectation_perception_and_gap_of_the_whole(self, kiosk):
        measures = [estimates(kiosk[0], measure=m, kind="overall").item() for m in ("expectation", "perception", "gap")]
        assert [round(value, 4) for value in measures] == [5.9956, 4.9724, -1.0232]
        assert kiosk[0].of(kind="overall")["n"].item() == 196

    def test_every_dimension_is_the_mean_of_its_columns_with_a_paired_interval(self, frame, kiosk):
        rows = kiosk[0].of(kind="dimension").set_index("term")
        assert list(rows.index) == list(KIOSK)
        for group, numbers in KIOSK.items():
            gap = sum(frame[f"{k}-2"] - frame[f"{k}-1"] for k in numbers) / len(numbers)
            assert rows.at[group, "estimate"] == pytest.approx(gap.mean(), abs=1e-12)
            assert rows.at[group, "std_error"] == pytest.approx(gap.std() / np.sqrt(196), rel=0.12)
            assert rows.at[group, "ci_low"] < gap.mean() < rows.at[group, "ci_high"]

    def test_the_supposed_groups_are_not_all_told_apart(self, frame, kiosk):
        """The count of dimensions against samples of random answers that are drawn and correlated here."""
        rng = np.random.default_rng(5)
        chance = [np.linalg.eigvalsh(np.corrcoef(rng.normal(size=(22, 196))))[::-1] for _ in range(300)]
        eigenvalues = np.linalg.eigvalsh(np.corrcoef(frame.filter(regex="-2$").T))[::-1]
        above = eigenvalues > np.quantile(chance, 0.95, axis=0)
        assert kiosk[1].found == above.argmin() < kiosk[1].supposed
        assert kiosk[1].eigenvalues["eigenvalue"].to_numpy() == pytest.approx(eigenvalues, abs=1e-9)
        assert kiosk[1].verdict == "not supported"


class TestLevels:
    def test_the_simulated_gaps_are_recovered(self):
        """Four standard errors; over 25 numbers a sound estimator fails once in a thousand times."""
        rows = csi.servqual(answers(4000, 1), STATEMENTS, draws=300).of("gap")
        for row in rows[rows["kind"].isin(["item", "dimension"])].itertuples():
            assert abs(row.estimate - TRUE[row.dimension]) < 4 * row.std_error

    def test_intervals_cover_the_truth_as_often_as_they_say(self):
        hits = 0
        for seed in range(100):
            low, high = csi.servqual(answers(80, seed), {"all": STATEMENTS["empathy"]}, draws=200, seed=seed).interval
            hits += low < TRUE["empathy"] < high
        assert 87 <= hits <= 100  # 95 in 100; outside with probability below 0.002

    def test_a_gap_is_perception_less_expectation_in_every_row_and_draw(self, result):
        for level in ("", "north", "south"):
            E, P, G = (result.of(m, level=level) for m in ("expectation", "perception", "gap"))
            assert np.allclose(P["estimate"] - E["estimate"], G["estimate"], atol=1e-12)
        at = {
            m: ((result.rows["measure"] == m) & (result.rows["level"] == "")).to_numpy() for m in result.rows["measure"]
        }
        D = result.draws
        assert np.allclose(D[:, at["perception"]] - D[:, at["expectation"]], D[:, at["gap"]], atol=1e-12)

    def test_pairs_are_compared_within_respondents(self, result, plain):
        """Who expects more also rates higher: the paired error is smaller than that of two samples."""
        row = result.of(kind="dimension").set_index("term").loc["empathy"]
        E, P = (plain[[pair[k] for pair in STATEMENTS["empathy"]]].mean(axis=1) for k in (0, 1))
        assert row["std_error"] == pytest.approx((P - E).std() / np.sqrt(len(plain)), rel=0.1)
        assert row["std_error"] < 0.97 * np.sqrt((E.var() + P.var()) / len(plain))

    def test_wholes_count_items_or_dimensions_alike(self, plain):
        uneven = {"reliability": STATEMENTS["reliability"], "tangibles": STATEMENTS["tangibles"][:1]}
        rows = csi.servqual(plain, uneven, draws=10).of("gap").set_index("term")["estimate"]
        assert rows["overall"] == pytest.approx(
            rows[["reliability1", "reliability2", "reliability3", "tangibles1"]].mean()
        )
        assert rows["dimensions"] == pytest.approx(rows[["reliability", "tangibles"]].mean())

    def test_points_are_steps_by_the_ends_of_the_scale(self, plain):
        steps, points = (csi.servqual(_inside(plain), STATEMENTS, scale=(1, 7), points=p, draws=20)
                         for p in (False, True))  # fmt: skip
        assert points.value == pytest.approx(100 / 6 * steps.value, abs=1e-10)
        assert estimates(points, measure="expectation").iloc[0] == pytest.approx(
            100 / 6 * (estimates(steps, measure="expectation").iloc[0] - 1), abs=1e-10
        )

    def test_segments_are_domains_of_the_same_replicates(self, result, plain):
        south = csi.servqual(plain[plain["shop"] == "south"], STATEMENTS, importance=ALLOCATION, draws=10)
        both = result.of("gap", level="south").merge(south.of("gap"), on=["term", "kind"])
        assert len(both) == 23
        assert np.allclose(both["estimate_x"], both["estimate_y"], atol=1e-12)

    def test_a_small_segment_is_not_published(self, plain):
        tiny = plain.assign(shop=np.where(np.arange(len(plain)) < 7, "tiny", plain["shop"]))
        rows = csi.servqual(tiny, STATEMENTS, by="shop", draws=20).of("gap", level="tiny")
        assert not rows["published"].any()
        assert rows[["estimate", "ci_low", "ci_high"]].isna().all(axis=None)


def _inside(frame):
    items = [item for pairs in STATEMENTS.values() for pair in pairs for item in pair]
    return frame.assign(**{item: frame[item].clip(1, 7) for item in items})


class TestMissing:
    def test_pairs_without_both_answers_are_left_out_and_counted(self):
        frame = answers(300, 5, gaps=0.1)
        rows = csi.servqual(frame, STATEMENTS, draws=50).of("gap").set_index(["term", "kind"])
        for d, pairs in STATEMENTS.items():
            differences = [frame[p] - frame[e] for e, p in pairs]
            for (_, p), difference in zip(pairs, differences, strict=True):
                row = rows.loc[(p, "item")]
                assert row["estimate"] == pytest.approx(difference.mean(), abs=1e-12)
                assert (row["n"], row["left_out"]) == (difference.notna().sum(), difference.isna().sum())
            dimension = rows.loc[(d, "dimension")]
            assert dimension["estimate"] == pytest.approx(np.mean([x.mean() for x in differences]), abs=1e-12)
            assert dimension["left_out"] == sum(x.isna().sum() for x in differences)

    def test_servperf_keeps_perceptions_whose_expectation_is_missing(self):
        frame = answers(300, 6)
        frame.loc[:99, "empathy1_E"] = np.nan
        result = csi.servqual(frame, STATEMENTS, draws=20)
        assert estimates(result, measure="servperf")["empathy1"] == pytest.approx(frame["empathy1"].mean(), abs=1e-12)
        assert estimates(result, measure="perception")["empathy1"] == pytest.approx(
            frame["empathy1"][100:].mean(), abs=1e-12
        )

    def test_perception_alone_is_enough(self, plain):
        result = csi.servqual(plain, {d: [p for _, p in pairs] for d, pairs in STATEMENTS.items()}, draws=20)
        assert result.measure == "servperf"
        assert result.value == pytest.approx(
            plain[[p for pairs in STATEMENTS.values() for _, p in pairs]].mean().mean()
        )
        assert result.reliability["alpha_expectation"].isna().all()


class TestImportance:
    def test_points_weigh_every_respondent_by_what_matters_to_him(self, result, plain):
        gaps = {d: sum(plain[p] - plain[e] for e, p in pairs) / 3 for d, pairs in STATEMENTS.items()}
        weighted = sum(plain[ALLOCATION[d]] / 100 * gaps[d] for d in FIVE)
        assert estimates(result, kind="weighted").item() == pytest.approx(weighted.mean(), abs=1e-12)
        shares = estimates(result, measure="importance")
        assert shares.to_dict() == pytest.approx({d: plain[ALLOCATION[d]].mean() for d in FIVE}, abs=1e-10)

    def test_points_in_another_unit_weigh_the_same_and_who_gave_none_is_left_out(self, result, plain):
        tenth = plain.assign(**{c: plain[c] / 10 for c in ALLOCATION.values()})
        with pytest.warns(CsiWarning, match="points of 400 respondents do not sum to 100"):
            other = csi.servqual(tenth, STATEMENTS, importance=ALLOCATION, draws=20)
        assert estimates(other, kind="weighted").item() == pytest.approx(estimates(result, kind="weighted").item())
        silent = plain.copy()
        silent.loc[:49, "points_empathy"] = np.nan
        row = csi.servqual(silent, STATEMENTS, importance=ALLOCATION, draws=20).of(kind="weighted")
        assert (row["n"].item(), row["left_out"].item()) == (350, 50)

    def test_estimated_importance_shares_out_what_the_dimensions_explain(self):
        rng = np.random.default_rng(3)
        frame = answers(3000, 2)
        scores = pd.DataFrame({d: frame[[p for _, p in pairs]].mean(axis=1) for d, pairs in STATEMENTS.items()})
        frame["overall"] = 0.8 * scores["empathy"] + 0.2 * scores["tangibles"] + 0.3 * rng.normal(size=3000)
        result = csi.servqual(frame, STATEMENTS, importance="overall", draws=50)
        shares = estimates(result, measure="importance")
        R = np.corrcoef(np.column_stack([scores, frame["overall"]]).T)
        by_hand = shapley(R[None])[0]
        assert shares.to_numpy() == pytest.approx(100 * by_hand / by_hand.sum(), abs=1e-8)
        assert shares.sum() == pytest.approx(100)
        assert shares.idxmax() == "empathy"
        gaps = estimates(result, kind="dimension")
        assert estimates(result, kind="weighted").item() == pytest.approx((gaps * shares / 100).sum(), abs=1e-10)


class TestWeightsAndDesign:
    def test_weight_two_is_the_row_twice(self):
        frame = answers(120, 7, gaps=0.05)
        weights = np.random.default_rng(1).integers(1, 4, 120)
        weighted = csi.servqual(frame.assign(w=weights), STATEMENTS, weight="w", importance="overall", draws=5)
        twice = csi.servqual(frame.loc[frame.index.repeat(weights)], STATEMENTS, importance="overall", draws=5)
        assert np.allclose(weighted.rows["estimate"], twice.rows["estimate"], atol=1e-7)
        exact = weighted.rows["kind"] != "weighted"
        exact &= weighted.rows["measure"] != "importance"
        assert np.allclose(weighted.rows["estimate"][exact], twice.rows["estimate"][exact], atol=1e-12)

    @settings(max_examples=10, deadline=None)
    @given(st.integers(0, 10_000), st.floats(0.1, 10), st.floats(-5, 5), st.floats(0.1, 100))
    def test_units_order_and_a_constant_on_the_weights_change_nothing_else(self, seed, factor, shift, constant):
        rng = np.random.default_rng(seed)
        frame = answers(60, seed, gaps=0.1).assign(w=rng.uniform(0.5, 2, 60))
        base = csi.servqual(frame, STATEMENTS, weight="w", draws=3)
        items = [item for pairs in STATEMENTS.values() for pair in pairs for item in pair]
        changed = frame.assign(**{i: factor * frame[i] + shift for i in items}, w=constant * frame["w"])
        turned = {d: STATEMENTS[d][::-1] for d in FIVE[::-1]}
        other = csi.servqual(changed.iloc[rng.permutation(60)], turned, weight="w", draws=3)
        both = base.of("gap").merge(other.of("gap"), on=["term", "kind"])
        assert np.allclose(factor * both["estimate_x"], both["estimate_y"], atol=1e-9 * (1 + factor))
        assert np.allclose(
            base.reliability["reliability_of_gap"], other.reliability["reliability_of_gap"][::-1], atol=1e-6
        )

    def test_clusters_that_answer_alike_widen_the_interval(self):
        frame = answers(400, 8)
        district = np.repeat(np.arange(20), 20)
        frame[[p for _, p in STATEMENTS["empathy"]]] += np.random.default_rng(2).normal(size=20)[district][:, None]
        named = {"empathy": STATEMENTS["empathy"]}
        alone = csi.servqual(frame, named, draws=400).of(kind="overall")["std_error"].item()
        frame["district"] = district
        drawn = csi.servqual(frame, named, design=csi.Design(clusters="district"), draws=400)
        assert drawn.of(kind="overall")["std_error"].item() > 2 * alone

    def test_margins_are_met_again_in_every_replicate(self):
        frame = answers(400, 9)
        south = (frame["shop"] == "south").to_numpy()
        frame.loc[south, [p for pairs in STATEMENTS.values() for _, p in pairs]] -= 3
        design = csi.Design(margins={"shop": {"north": 0.8, "south": 0.2}})
        raked = csi.servqual(frame, STATEMENTS, design=design, draws=300).of(kind="overall")
        free = csi.servqual(frame, STATEMENTS, draws=300).of(kind="overall")
        by_shop = csi.servqual(frame, STATEMENTS, by="shop", draws=5)
        north, south = (by_shop.of(kind="overall", level=s)["estimate"].item() for s in ("north", "south"))
        assert raked["estimate"].item() == pytest.approx(0.8 * north + 0.2 * south, abs=1e-9)
        assert raked["std_error"].item() < 0.7 * free["std_error"].item()

    def test_the_same_seed_gives_the_same_intervals(self, plain):
        one, two = (csi.servqual(plain, STATEMENTS, draws=50, seed=4) for _ in range(2))
        pd.testing.assert_frame_equal(one.rows, two.rows)


OUTLET = csi.Codebook.from_dict(
    {
        "scale": {"low": 1, "high": 10},
        "key": "who",
        "items": [
            *({"name": f"res{i}", "dimension": "responsiveness"} for i in (1, 2)),
            *({"name": f"emp{i}", "dimension": "empathy"} for i in (1, 2, 3)),
        ],
    }
)


def month(name, seed, moves=(0, 0, 0, 0, 0), people=None, n=600):
    """Single indicators of one month; `people` fixes who answers and how he is disposed."""
    rng = np.random.default_rng(seed)
    disposed = 1.5 * np.random.default_rng(99 if people else seed + 500).normal(size=n)
    X = np.clip(np.rint(6 + disposed[:, None] + np.array(moves) + 0.7 * rng.normal(size=(n, 5))), 1, 10)
    frame = pd.DataFrame(X, columns=[i.name for i in OUTLET.items])
    return csi.survey_from_frame(frame.assign(who=[f"{people or name} {i}" for i in range(n)]), OUTLET, wave=name)


MOVES = (-0.1, -0.5, 0.4, 0.0, 0.1)


@pytest.fixture(scope="module")
def waves():
    return csi.servqual(csi.join_waves([month("May", 1), month("June", 2, MOVES)]), by="wave", draws=400)


class TestWaves:
    def test_each_wave_is_measured_as_if_alone(self, waves):
        for survey in (month("May", 1), month("June", 2, MOVES)):
            alone = csi.servqual(survey, draws=5).of("servperf")["estimate"]
            assert np.allclose(waves.of("servperf", level=survey.wave)["estimate"], alone, atol=1e-12)
        assert waves.current == "June"
        assert waves.of(level="May")["change"].isna().all()

    def test_a_dimension_moves_by_the_parts_of_its_indicators_and_the_whole_by_those_of_the_dimensions(self, waves):
        changes = waves.changes()
        parts = changes[changes["kind"] == "item"].groupby("dimension")["part"].sum()
        dimensions = changes[changes["kind"] == "dimension"].set_index("term")
        assert parts.to_dict() == pytest.approx(dimensions["change"].to_dict(), abs=1e-12)
        assert dimensions["part"].sum() == pytest.approx(waves.of(kind="overall")["change"].item(), abs=1e-12)

    def test_the_indicator_that_made_the_change_is_named_first(self, waves):
        changes = waves.changes()
        assert changes["term"].tolist()[:2] == ["responsiveness", "res2"]
        assert changes.set_index("term").at["res2", "change_p"] < 0.01
        assert changes["term"].tolist()[3:5] == ["empathy", "emp1"]

    def test_customers_in_both_waves_are_drawn_once(self, waves):
        panel = [month("May", 1, people="c"), month("June", 2, MOVES, people="c")]
        paired = csi.servqual(csi.join_waves(panel), by="wave", draws=400).of(kind="overall")
        width, apart = (r["change_high"].item() - r["change_low"].item() for r in (paired, waves.of(kind="overall")))
        assert width < 0.5 * apart

    def test_margins_are_met_in_every_wave(self):
        book = csi.Codebook.from_dict(
            {"items": [{"name": "p", "dimension": "empathy", "scale": {"low": 1, "high": 9}}],
             "segments": [{"name": "shop", "column": "shop"}]}
        )  # fmt: skip
        rng, surveys = np.random.default_rng(4), []
        for wave, share in (("May", 0.5), ("June", 0.8)):
            south = rng.random(400) < share
            frame = pd.DataFrame(
                {"p": np.where(south, 3, 7) + rng.integers(0, 2, 400), "shop": np.where(south, "s", "n")}
            )
            surveys.append(csi.rake(csi.survey_from_frame(frame, book, wave=wave), {"shop": {"n": 0.5, "s": 0.5}}))
        row = csi.servqual(csi.join_waves(surveys), by="wave", draws=200).of(kind="overall")
        assert abs(row["change"].item()) < 0.15
        assert row["change_low"].item() < row["change"].item() < row["change_high"].item()
        assert row["std_error"].item() < 0.04  # each shop's answers differ by 0.5 at most; between shops by 4

    def test_what_a_wave_did_not_ask_stays_out_of_every_wave_and_is_named(self):
        before, after = month("May", 1), month("June", 2)
        before.answers.loc[:, "emp3"] = np.nan
        with pytest.warns(CsiWarning, match="left out of all of them: emp3"):
            result = csi.servqual(csi.join_waves([before, after]), by="wave", draws=20)
        assert "emp3" not in result.rows["term"].tolist()
        row = result.of(kind="dimension").set_index("term").loc["empathy"]
        assert row["estimate"] == pytest.approx(after.answers[["emp1", "emp2"]].mean().mean(), abs=1e-12)


@pytest.fixture(scope="module")
def zoned():
    rng = np.random.default_rng(11)
    frame, named = {}, {}
    for name, level in (("low", 3.0), ("mid", 5.5), ("high", 7.6), ("edge", 4.0)):
        columns = [f"{name}_a", f"{name}_d", f"{name}_p"]
        frame |= {c: v + 0.5 * rng.normal(size=300) for c, v in zip(columns, (4, 7, level), strict=True)}
        named[name] = [tuple(columns)]
    frame = pd.DataFrame(frame)
    frame["edge_p"] += (frame["edge_a"] - frame["edge_p"]).mean()  # on the edge exactly
    return frame, csi.servqual(frame, named, draws=200)


class TestZone:
    """Adequate 4, desired 7; perception below, within and above."""

    def test_adequacy_and_superiority(self, zoned):
        frame, result = zoned
        zone = result.zone().query("kind == 'dimension'").set_index("term")
        assert zone.at["mid", "msa"] == pytest.approx((frame["mid_p"] - frame["mid_a"]).mean(), abs=1e-12)
        assert zone.at["mid", "mss"] == pytest.approx((frame["mid_p"] - frame["mid_d"]).mean(), abs=1e-12)
        assert (zone["mss"] - estimates(result, measure="gap", kind="dimension")).abs().max() < 1e-12

    def test_the_position_is_said_only_where_the_interval_tells(self, zoned):
        zone = zoned[1].zone().query("kind == 'dimension'").set_index("term")["position"]
        assert zone.to_dict() == {"low": "below", "mid": "within", "high": "above", "edge": "unclear"}

    def test_without_adequate_service_there_is_no_zone(self, result):
        with pytest.raises(EstimationError, match="needs adequate, desired and perceived"):
            result.zone()


class TestReliability:
    def test_difference_scores_are_less_reliable_the_more_their_parts_agree(self):
        """True scores with r = 0.6 and reliability 0.8 each: (0.8 + 0.8 - 2 * 0.48) / (2 - 2 * 0.48)."""
        rng = np.random.default_rng(12)
        E, P = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 10_000).T
        frame = {f"e{i}": E + np.sqrt(0.75) * rng.normal(size=10_000) for i in range(3)}  # alpha of the sum: 0.8
        frame |= {f"p{i}": P + np.sqrt(0.75) * rng.normal(size=10_000) for i in range(3)}
        row = csi.servqual(
            pd.DataFrame(frame), {"d": [(f"e{i}", f"p{i}") for i in range(3)]}, draws=2
        ).reliability.iloc[0]
        assert row[["alpha_expectation", "alpha_perception"]].tolist() == pytest.approx([0.8, 0.8], abs=0.015)
        assert row["correlation"] == pytest.approx(0.48, abs=0.03)
        assert row["reliability_of_gap"] == pytest.approx((1.6 - 0.96) / (2 - 0.96), abs=0.04)
        assert row["alpha_gap"] == pytest.approx(row["reliability_of_gap"], abs=0.02)

    def test_one_pair_alone_has_none(self, plain):
        row = csi.servqual(plain, {"d": STATEMENTS["empathy"][:1]}, draws=5).reliability.iloc[0]
        assert row[["alpha_gap", "reliability_of_gap"]].isna().all()


class TestStructure:
    def test_five_dimensions_are_found_where_there_are_five(self):
        rng = np.random.default_rng(20)
        factors = rng.multivariate_normal(np.zeros(5), 0.7 * np.eye(5) + 0.3, 600)
        X = np.repeat(factors, 4, axis=1) + 0.7 * rng.normal(size=(600, 20))
        frame = pd.DataFrame(X, columns=[f"{d}{i}" for d in FIVE for i in range(4)])
        named = {d: [f"{d}{i}" for i in range(4)] for d in FIVE}
        structure = csi.servqual_structure(frame, named, draws=200)
        assert (structure.verdict, structure.found) == ("supported", 5)
        assert structure.items["loading"].to_numpy() == pytest.approx(np.full(20, 1 / np.sqrt(1.49)), abs=0.06)
        wrong = {**named, "empathy": [*named["empathy"], "tangibles3"], "tangibles": named["tangibles"][:3]}
        astray = csi.servqual_structure(frame, wrong, draws=200)
        assert astray.items.loc[~astray.items["placed"], "item"].tolist() == ["tangibles3"]
        assert astray.items.set_index("item").at["tangibles3", "nearest"] == "tangibles"
        assert astray.verdict == "partly"

    def test_one_impression_of_everything_is_not_five_dimensions(self):
        rng = np.random.default_rng(21)
        X = rng.normal(size=(500, 1)) + rng.normal(size=(500, 10))
        frame = pd.DataFrame(X, columns=[f"q{i}" for i in range(10)])
        frame = frame.mask(rng.random(frame.shape) < 0.03)
        named = {d: [f"q{2 * k}", f"q{2 * k + 1}"] for k, d in enumerate(FIVE)}
        structure = csi.servqual_structure(frame, named, draws=200)
        assert (structure.verdict, structure.found) == ("not supported", 1)
        assert "do not have the 5 dimensions" in str(structure)

    def test_weights_are_replication(self):
        """The point estimates; how many dimensions go beyond chance hangs on the number of answers."""
        frame, weights = answers(150, 22), np.random.default_rng(1).integers(1, 4, 150)
        one = csi.servqual_structure(frame.assign(w=weights), STATEMENTS, weight="w", measure="gap", draws=5)
        two = csi.servqual_structure(frame.loc[frame.index.repeat(weights)], STATEMENTS, measure="gap", draws=5)
        htmt = [s.rows[s.rows["criterion"].isin(["htmt", "ave"])]["estimate"].to_numpy() for s in (one, two)]
        assert np.allclose(*htmt, atol=1e-8)

    def test_faults(self, plain):
        with pytest.raises(EstimationError, match="one dimension only"):
            csi.servqual_structure(plain, {"empathy": STATEMENTS["empathy"]})
        with pytest.raises(EstimationError, match="measure must be one of"):
            csi.servqual_structure(plain, STATEMENTS, measure="differences")
        with pytest.raises(EstimationError, match="were not asked or do not vary"):
            csi.servqual_structure(plain.assign(empathy1=6.0), STATEMENTS)
        with pytest.raises(EstimationError, match="singular"):
            csi.servqual_structure(plain.assign(empathy1=plain["empathy2"]), STATEMENTS)


class TestReadyStudies:
    def test_the_questionnaire_asks_22_statements_twice_in_both_languages(self):
        book = csi.read_study("surveys/servqual").codebook
        perceptions = [item for item in book.items if item.dimension]
        expectations = {item.expectation_of: item for item in book.items if item.expectation_of}
        assert [sum(i.dimension == d for i in perceptions) for d in FIVE] == [5, 4, 4, 5, 4]
        assert [item.name for item in perceptions] == list(expectations)
        texts = [getattr(i.wording, language) for i in book.items for language in ("en", "zh")]
        assert all(texts)
        assert len(set(texts)) == len(texts)

    def test_a_survey_is_paired_by_its_codebook(self):
        study = csi.read_study("surveys/servqual")
        rng = np.random.default_rng(30)
        frame = pd.DataFrame({i.column: rng.integers(3, 8, 60) for i in study.codebook.items if i.scale.high == 7})
        codes = ("REL", "RES", "ASS", "EMP", "TAN")
        frame = frame.assign(**{f"POINTS_{c}": p for c, p in zip(codes, (40, 9, 21, 20, 10), strict=True)})
        frame = frame.assign(customer_id=range(60), visited_on="2026-09-01", region="east", tier="gold")
        survey = csi.survey_from_frame(frame, study.codebook)
        points = {d: f"POINTS_{c}" for d, c in zip(FIVE, codes, strict=True)}
        result = csi.servqual(survey, importance=points, draws=20)
        named = {d: [] for d in FIVE}
        for item in study.codebook.items:
            if item.dimension:
                named[item.dimension].append((f"{item.name}_E", item.name))
        other = csi.servqual(frame, named, importance=points, draws=20)
        pd.testing.assert_frame_equal(result.rows, other.rows)
        assert estimates(result, measure="importance").tolist() == pytest.approx([40, 9, 21, 20, 10])

    def test_the_outlet_study_has_thirteen_indicators_under_the_five_dimensions(self):
        book = csi.read_study("surveys/servqual_outlet").codebook
        assert [sum(i.dimension == d for i in book.items) for d in FIVE] == [3, 2, 2, 4, 2]


class TestFaults:
    def test_they_name_the_item_and_what_is_known(self, plain):
        with pytest.raises(EstimationError, match=r"no column 'empathy9'.*Did you mean"):
            csi.servqual(plain, {"empathy": [("empathy1_E", "empathy9")]})
        with pytest.raises(EstimationError, match="'empathy1' stands in two statements"):
            csi.servqual(plain, {"a": ["empathy1"], "b": ["empathy1"]})
        with pytest.raises(EstimationError, match="has 4 items"):
            csi.servqual(plain, {"a": [("empathy1", "empathy2", "empathy3", "empathy1_E")]})
        with pytest.raises(EstimationError, match="needs a list of statements"):
            csi.servqual(plain, {"a": "empathy1"})
        with pytest.raises(EstimationError, match="does not say which items belong together"):
            csi.servqual(plain)
        with pytest.raises(EstimationError, match="outside 6 to 7"):
            csi.servqual(plain, STATEMENTS, scale=(6, 7))

    def test_importance_needs_all_dimensions_and_answers_that_vary(self, plain):
        with pytest.raises(EstimationError, match="one column of points for each dimension, not for 'tangibles'"):
            csi.servqual(plain, STATEMENTS, importance={d: ALLOCATION[d] for d in FIVE[:4]})
        with pytest.raises(EstimationError, match="do not vary"):
            csi.servqual(plain.assign(overall=3.0), STATEMENTS, importance="overall")
        with pytest.raises(EstimationError, match="nobody gave points"):
            csi.servqual(plain.assign(points_empathy=-1), STATEMENTS, importance=ALLOCATION)

    def test_levels_and_measures_that_are_not_there(self, result, plain):
        with pytest.raises(EstimationError, match=r"no measure 'gaps'.*Did you mean 'gap'"):
            result.of("gaps")
        with pytest.raises(EstimationError, match="by='city' is no column"):
            csi.servqual(plain, STATEMENTS, by="city")
        with pytest.raises(EstimationError, match="Join the waves"):
            csi.servqual(plain, STATEMENTS, by="wave")
        with pytest.raises(EstimationError, match="changes are between waves"):
            result.changes()
        with pytest.raises(SurveyError, match="no segment 'city'"):
            csi.servqual(month("May", 1), by="city")

    def test_a_survey_without_dimensions_says_how_to_name_them(self):
        book = csi.Codebook.from_dict({"items": [{"name": "q", "scale": {"low": 1, "high": 5}}]})
        with pytest.raises(EstimationError, match="Write dimension = 'reliability'"):
            csi.servqual(csi.survey_from_frame(pd.DataFrame({"q": [1, 2, 3]}), book))

    def test_unlike_scales_are_put_on_points_or_refused(self):
        book = csi.Codebook.from_dict(
            {"scale": {"low": 1, "high": 7}, "items": [
                {"name": "p", "dimension": "empathy"},
                {"name": "e", "expectation_of": "p", "scale": {"high": 10}},
            ]}
        )  # fmt: skip
        survey = csi.survey_from_frame(pd.DataFrame({"p": [4, 7, 1], "e": [10, 10, 1]}), book)
        with pytest.raises(EstimationError, match="Use points=True"):
            csi.servqual(survey, draws=5)
        assert csi.servqual(survey, points=True, draws=5).value == pytest.approx(-50 / 3)


def test_print_says_the_gap_and_where_it_is_widest(result):
    text = str(result)
    assert "15 statements in 5 dimensions, n = 400" in text
    assert "Lowest reliability -1.2" in text
    assert len(text.splitlines()) <= 12
