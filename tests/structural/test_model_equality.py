"""equal_models: the peer's distances, power against one group that differs, size where none does."""

import numpy as np
import pandas as pd
from conftest import model_of

import csi
from csi.structural.model_equality import equal_models

SMALL = csi.Model.parse("A <~ a1 + a2; B <~ b1 + b2; B ~ A")


def answers(rng, n, path=0.6):
    a = rng.normal(size=n)
    b = path * a + np.sqrt(1 - path**2) * rng.normal(size=n)
    return pd.DataFrame(np.column_stack([a, a, b, b]) + 0.5 * rng.normal(size=(n, 4)), columns=["a1", "a2", "b1", "b2"])


def test_distances_between_the_implied_correlations(reference, mobi):
    case = reference("csem_mobi_ecsi_testMGD_cuex1")["klesel"]
    fit = csi.fit(model_of(reference("mobi_ecsi_modeA_path")["model"]), mobi, tolerance=1e-12)
    found = equal_models(fit, np.where(mobi["CUEX1"] < 8, "1 low", "2 high"), permutations=399)
    expected = [case["stat"]["dG"] * np.log(10) ** 2, case["stat"]["dL"]]  # the peer takes logarithms to base 10
    assert np.abs(found.statistics - expected).max() < 1e-8
    coarse = 4 * np.sqrt(0.25 * (1 / 199 + 1 / 399))
    assert np.abs(found.table()["p_value"] - [case["p"]["dG"], case["p"]["dL"]]).max() < coarse


def test_a_difference_anywhere_is_found():
    rng = np.random.default_rng(6)
    data = pd.concat([answers(rng, 150), answers(rng, 150), answers(rng, 150, 0.1)], ignore_index=True)
    found = equal_models(csi.fit(SMALL, data), np.repeat(["n", "s", "w"], 150), permutations=199)
    assert found.rejected
    assert "the model differs between the groups" in str(found)
    assert (found.table()["estimate"] > found.table()["critical"]).all()


def test_equal_groups_are_not_told_apart_too_often():
    rng = np.random.default_rng(7)
    p = np.array([
        equal_models(csi.fit(SMALL, answers(rng, 100)), np.arange(100) % 2, permutations=99, seed=s).table()["p_value"]
        for s in range(100)
    ])  # fmt: skip
    assert ((p <= 0.05).mean(axis=0) < 0.05 + 3.3 * np.sqrt(0.05 * 0.95 / 100)).all()


def test_the_same_answers_twice_are_no_distance_apart():
    data = answers(np.random.default_rng(8), 80)
    fit = csi.fit(SMALL, pd.concat([data, data], ignore_index=True))
    assert np.abs(equal_models(fit, np.repeat([0, 1], 80), permutations=19).statistics).max() < 1e-12
