"""Importance and performance: the published numbers, quadrants only where they mean something."""

import numpy as np
import pandas as pd
import pytest
from conftest import model_of

import csi
from csi.errors import ModelError


@pytest.fixture(scope="module")
def fit(golden, twin):
    return csi.fit(model_of(golden["cases"]["mobi_ecsi_modeA_path"]["model"]), twin, scale=(1, 10), tolerance=1e-12)


def test_importance_is_the_unstandardised_total_effect(golden, fit):
    effects = {(e["from"], e["to"]): e["value"] for e in golden["ipma"]["unstandardised_total_effects"]}
    for target in ("Satisfaction", "Loyalty"):
        rows = csi.importance_performance(fit, target=target).rows
        constructs = rows[rows["kind"] == "construct"].set_index("term")
        for name in fit.model.ancestors(target):
            assert constructs.at[name, "estimate"] == pytest.approx(effects[name, target], abs=1e-6)
            assert constructs.at[name, "performance"] == pytest.approx(
                golden["ipma"]["construct_performance"][name], abs=1e-6
            )


def test_items_share_the_importance_of_their_construct(fit):
    rows = csi.importance_performance(fit).rows
    items = rows[rows["kind"] == "item"].groupby("construct")["estimate"].sum()
    constructs = rows[rows["kind"] == "construct"].set_index("term")["estimate"]
    assert np.allclose(items[constructs.index], constructs)


def test_importance_foretells_what_a_point_more_brings(ecsi_model, twin):
    """Points of the target per point of the driver: the standardised effect times the ratio of the scores' spreads."""
    fit = csi.fit(ecsi_model, twin, scale=(-20, 40))  # wide ends, so that no simulated answer lies beyond them
    effect = fit.total_effects.at["Quality", "Satisfaction"]
    sd = fit.index_scores.std()
    expected = effect * sd["Satisfaction"] / sd["Quality"]
    rows = csi.importance_performance(fit).rows.set_index("term")
    assert rows.at["Quality", "estimate"] == pytest.approx(expected, abs=1e-9)


def test_intervals_come_with_a_bootstrap(fit):
    rows = csi.importance_performance(fit, boot=csi.bootstrap(fit, 300)).rows
    assert (rows["ci_low"] < rows["estimate"]).all()
    assert (rows["performance_low"] < rows["performance"]).all()


def test_the_weakest_important_item_has_most_to_win(fit):
    priority = csi.importance_performance(fit)
    weak = priority.rows[(priority.rows["kind"] == "item") & (priority.rows["quadrant"] == "weak and important")]
    gain = weak["estimate"] * (100 - weak["performance"])
    assert priority.weakest["term"] == weak.loc[gain.idxmax(), "term"]
    assert priority.weakest["term"] in str(priority)


def test_a_negative_weight_gets_a_finding_and_no_quadrant():
    rng = np.random.default_rng(1)
    true = rng.normal(size=300)
    frame = pd.DataFrame(
        {"good": true + rng.normal(size=300), "turned": -true + rng.normal(size=300), "fine": true + rng.normal(size=300),
         "s": 0.7 * true + rng.normal(size=300)}
    )  # fmt: skip
    model = csi.Model.parse("Quality <~ good + turned + fine; Satisfaction <~ s; Satisfaction ~ Quality")
    rows = csi.importance_performance(csi.fit(model, frame, scale=(-5, 5))).rows.set_index("term")
    assert rows.at["turned", "finding"] == "negative weight"
    assert rows.at["Quality", "finding"] == "negative weight"
    assert rows.at["turned", "quadrant"] == ""
    assert rows.at["good", "quadrant"] != ""


def test_a_target_without_causes(fit):
    with pytest.raises(ModelError, match="nothing leads to 'Image'"):
        csi.importance_performance(fit, target="Image")
