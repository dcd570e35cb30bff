"""invariance: MICOM as a peer computes it, verdicts by its steps, permutations that respect the design."""

import numpy as np
import pandas as pd
import pytest
from conftest import model_of

import csi
from csi.errors import CsiWarning, EstimationError
from csi.structural.grouping import groups_of, permuted
from csi.structural.invariance import STEPS, invariance

SMALL = csi.Model.parse("A <~ a1 + a2 + a3; B <~ b1 + b2; B ~ A")


def answers(rng, n, weights=(1.0, 1.0, 1.0)):
    """Two constructs; `weights` say how much of A stands in each of its items."""
    a = rng.normal(size=n)
    A = a[:, None] * np.array(weights) + 0.7 * rng.normal(size=(n, 3))
    B = (0.6 * a + 0.8 * rng.normal(size=n))[:, None] + 0.7 * rng.normal(size=(n, 2))
    return pd.DataFrame(np.hstack([A, B]), columns=["a1", "a2", "a3", "b1", "b2"])


@pytest.fixture(scope="module")
def alike():
    return csi.fit(SMALL, answers(np.random.default_rng(1), 240))


def test_statistics_and_p_values_of_the_peer(reference, mobi):
    case = reference("csem_mobi_ecsi_micom_cuex1")
    fit = csi.fit(model_of(reference("mobi_ecsi_modeA_path")["model"]), mobi, tolerance=1e-12)
    found = invariance(fit, np.where(mobi["CUEX1"] < 8, "1 low", "2 high")).table()
    recorded = {
        "composition": (case["step2"]["Test_statistic"]["low_high"], case["step2"]["P_value"]["none"]["1_2"]),
        **{
            step: (
                case["step3"][name]["Test_statistic"]["low_high"],
                case["step3"][name]["P_value"]["none"]["low_high"],
            )
            for step, name in (("means", "Mean"), ("variances", "Var"))
        },
    }
    assert set(recorded) == set(STEPS)
    for row in found.itertuples():
        statistic, p = (each[row.term] for each in recorded[row.step])
        # the peer's step 2 stands on the raw covariance; see tests of the kernel for its exact statistic
        assert row.estimate == pytest.approx(statistic, abs=2.5e-3 if row.step == "composition" else 1e-8)
        coarse = 4 * np.sqrt(p * (1 - p) * (1 / 299 + 1 / 5000)) + 0.01
        assert abs(row.p_value - p) < (coarse if row.step != "composition" else coarse + 0.05)


def test_a_single_item_is_always_formed_alike(reference, mobi):
    fit = csi.fit(model_of(reference("mobi_ecsi_modeA_path")["model"]), mobi)
    table = invariance(fit, mobi["CUEX1"] < 8, permutations=199).table().set_index(["term", "step"])
    row = table.loc[("Complaints", "composition")]
    assert row["estimate"] == pytest.approx(1)
    assert row["p_value"] == 1


def test_verdicts_by_the_steps():
    rng = np.random.default_rng(2)
    groups = np.repeat(["east", "west"], 300)
    other_items = pd.concat([answers(rng, 300, (1.5, 1.0, 0.0)), answers(rng, 300, (0.0, 1.0, 1.5))], ignore_index=True)
    found = invariance(csi.fit(SMALL, other_items), groups, permutations=299)
    assert found.verdicts.loc["A", "east - west"] == "none"
    assert "do not compare A" in str(found)
    happier = pd.concat([answers(rng, 300), answers(rng, 300) + 0.6], ignore_index=True)
    found = invariance(csi.fit(SMALL, happier), groups, permutations=299)
    assert (found.verdicts == "partial").all(axis=None)
    assert "paths and means may be compared" in str(found)
    # six tests at 5 % err often enough to need a stricter level here; how often is tested below
    same = invariance(csi.fit(SMALL, answers(rng, 600)), groups, permutations=299, level=0.01)
    assert (same.verdicts == "full").all(axis=None)
    assert "step 1 (same items, model and estimation) holds by construction" in str(same)


def test_limits_are_quantiles_and_p_values_agree_with_them(alike):
    table = invariance(alike, np.arange(240) % 2, permutations=999).table()
    second, third = table[table["step"] == "composition"], table[table["step"] != "composition"]
    assert second["upper"].isna().all()
    assert ((second["estimate"] < second["lower"]) == (second["p_value"] < 0.05)).all()
    assert (third["lower"] < 0).all()
    assert (third["upper"] > 0).all()


def test_naming_the_groups_the_other_way_round_turns_differences_only(alike):
    labels = np.arange(240) % 2
    one, other = (invariance(alike, each, permutations=99) for each in (labels, 1 - labels))
    assert np.abs(one.statistics[:, 0] - other.statistics[:, 0]).max() < 1e-12
    assert np.abs(one.statistics[:, 1:] + other.statistics[:, 1:]).max() < 1e-12


def test_more_than_two_groups_are_compared_in_pairs_with_holm():
    rng = np.random.default_rng(3)
    data = pd.concat([answers(rng, 100), answers(rng, 100), answers(rng, 100) + 0.5], ignore_index=True)
    labels = np.repeat(["n", "s", "w"], 100)
    found = invariance(csi.fit(SMALL, data), labels, permutations=199)
    assert found.pairs == ["n - s", "n - w", "s - w"]
    assert (found.adjusted >= found.p_values).all()
    assert (found.adjusted.min(axis=0) == np.minimum(3 * found.p_values.min(axis=0), 1)).all()
    pair = labels != "w"
    alone = invariance(csi.fit(SMALL, data[pair]), labels[pair], permutations=199)
    assert np.abs(alone.statistics[0] - found.statistics[0]).max() < 1e-5  # two runs to the tolerance of the weights
    assert found.table().groupby(["group_1", "group_2"])["n"].first().eq(200).all()


def test_cases_without_a_label_are_left_out_and_counted(alike):
    labels = pd.Series(np.where(np.arange(240) % 2, "x", "y"))
    labels[:10], labels[10:20], labels[20:25] = None, "", " "
    found = invariance(alike, labels, permutations=99)
    assert found.groups.unlabelled == 25
    assert "25 cases without a label left out" in str(found)
    frame = pd.DataFrame(alike.origin.cases.X, columns=alike.origin.cases.items)
    alone = invariance(csi.fit(SMALL, frame[25:]), labels[25:], permutations=99)
    assert np.abs(alone.statistics - found.statistics).max() < 1e-5


@pytest.mark.parametrize("missing", ["em", "listwise"])
def test_gaps_are_treated_in_every_permutation(missing):
    rng = np.random.default_rng(4)
    data = answers(rng, 200)
    complete = invariance(csi.fit(SMALL, data), np.arange(200) % 2, permutations=199)
    data = data.mask(rng.random(data.shape) < 0.04)
    found = invariance(csi.fit(SMALL, data, missing=missing), np.arange(200) % 2, permutations=199)
    assert found.used.tolist() == [199]
    assert np.abs(found.statistics - complete.statistics).max() < 0.15
    assert np.abs(found.upper[:, 1:] - complete.upper[:, 1:]).max() < 0.15


def labels_seen(fit, labels):
    """Sizes (300,) of both groups under the permutations."""
    return [part.moments.n for parts in permuted(fit, groups_of(fit, labels), 300, 1) for part, _ in parts]


def test_clusters_are_exchanged_whole_where_they_belong_to_one_group():
    rng = np.random.default_rng(5)
    sizes = np.array([4, 8, 12, 16] * 5)
    cluster = np.repeat(np.arange(20), sizes)
    data = answers(rng, len(cluster)) + np.repeat(rng.normal(0, 1, 20), sizes)[:, None]
    fit = csi.fit(SMALL, data.assign(branch=cluster), design=csi.Design(clusters="branch"))
    first, second = labels_seen(fit, cluster % 2)
    assert len(np.unique(first)) > 10  # clusters of different size change places
    assert (first + second == len(cluster)).all()
    simple = csi.fit(SMALL, data)
    assert len(np.unique(labels_seen(simple, cluster % 2)[0])) == 1
    spread = [np.ptp(np.array([i.lower[0, 1], i.upper[0, 1]]), axis=0) for i in
              (invariance(f, cluster % 2, permutations=499) for f in (fit, simple))]  # fmt: skip
    assert (spread[0] > 1.5 * spread[1]).all()  # what clusters share is not evidence


def test_cases_are_exchanged_within_clusters_that_hold_both_groups():
    rng = np.random.default_rng(6)
    cluster = np.repeat(np.arange(30), 8)
    data = answers(rng, 240) + np.repeat(rng.normal(0, 2, 30), 8)[:, None]
    groups = np.tile([0, 1], 120)
    fit = csi.fit(SMALL, data.assign(branch=cluster), design=csi.Design(clusters="branch"))
    found, simple = (invariance(f, groups, permutations=499) for f in (fit, csi.fit(SMALL, data)))
    assert (found.upper[0, 1] < 0.6 * simple.upper[0, 1]).all()  # the branches' levels cancel


def test_few_exchanges_are_said():
    rng = np.random.default_rng(7)
    cluster = np.repeat(np.arange(6), 20)
    fit = csi.fit(SMALL, answers(rng, 120).assign(branch=cluster), design=csi.Design(clusters="branch"))
    with pytest.warns(CsiWarning, match="20 ways only"):
        invariance(fit, cluster % 2, permutations=99)


def test_groups_made_of_strata_are_exchanged_across_them():
    rng = np.random.default_rng(8)
    region = np.repeat(["e", "m", "w"], 60)
    fit = csi.fit(SMALL, answers(rng, 180).assign(region=region), design=csi.Design(strata="region"))
    assert (invariance(fit, region == "e", permutations=199).p_values > 0.005).all()


def test_false_positives_are_as_many_as_the_level_says():
    """200 data sets in which the groups do not differ: each step rejects about 5 %."""
    rng = np.random.default_rng(9)
    p = []
    for seed in range(200):
        fit = csi.fit(SMALL, answers(rng, 100))
        p.append(invariance(fit, np.arange(100) < 40, permutations=199, seed=seed).p_values[0])
    rejected = (np.array(p) <= 0.05).mean(axis=0)
    assert (rejected < 0.05 + 3.3 * np.sqrt(0.05 * 0.95 / 200)).all()
    assert 0.02 < rejected.mean() < 0.08


def test_what_cannot_be_asked(alike):
    with pytest.raises(EstimationError, match="comparing needs two groups; the labels make only 'all'"):
        invariance(alike, ["all"] * 240)
    with pytest.raises(EstimationError, match="comparing needs two groups; the labels make none"):
        invariance(alike, [None] * 240)
    with pytest.raises(EstimationError, match="239 group labels for 240 cases"):
        invariance(alike, [1] * 239)
    with pytest.raises(EstimationError, match="fitted to a plain frame"):
        invariance(alike, "region")
    with pytest.raises(EstimationError, match="group 'few': 2 answers are fewer than the model needs"):
        invariance(alike, ["few"] * 2 + ["many"] * 238)
    with pytest.raises(EstimationError, match="permutations >= 19"):
        invariance(alike, np.arange(240) % 2, permutations=5)


def test_factors_are_tested_by_their_scores_whether_or_not_the_disattenuation_is_admissible():
    factors = csi.Model.parse("A =~ a1 + a2 + a3; B =~ b1 + b2; B ~ A")
    fit = csi.fit(factors, answers(np.random.default_rng(14), 120))
    found = invariance(fit, np.arange(120) % 2, permutations=199)
    assert found.used.tolist() == [199]
    assert any(
        (wrong == "inadmissible").any() for _, wrong in next(permuted(fit, groups_of(fit, np.arange(120) % 2), 199, 1))
    )


def test_models_of_several_stages_are_refused():
    model = csi.Model.parse("A <~ a1 + a2 + a3; B <~ b1 + b2; B ~ A + A:A")
    with pytest.raises(EstimationError, match="estimated in one stage; this one has the interaction"):
        invariance(csi.fit(model, answers(np.random.default_rng(1), 100)), np.arange(100) % 2)
