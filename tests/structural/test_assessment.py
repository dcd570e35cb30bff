"""assess: each criterion fires where it must and stays silent where it must not."""

import warnings

import numpy as np
import pandas as pd
import pytest

import csi
from csi.errors import CsiWarning
from csi.structural.assessment import SOURCES
from csi.words import knows


def frame(n=400, seed=0, loading=0.85):
    rng = np.random.default_rng(seed)
    q = rng.normal(size=n)
    s = 0.6 * q + 0.8 * rng.normal(size=n)
    noise = np.sqrt(1 - loading**2)
    columns = {f"q{i}": loading * q + noise * rng.normal(size=n) for i in range(1, 4)}
    return pd.DataFrame(columns | {f"s{i}": loading * s + noise * rng.normal(size=n) for i in range(1, 4)})


MODEL = csi.Model.parse("Q <~ q1 + q2 + q3; S <~ s1 + s2 + s3; S ~ Q")


def verdicts(fit, boot=None):
    return {(f.criterion, f.term): f.verdict for f in csi.assess(fit, boot).findings}


def test_a_sound_fit_passes_everything():
    fit = csi.fit(MODEL, frame())
    assessment = csi.assess(fit, csi.bootstrap(fit, 300))
    assert assessment.verdict == "pass"
    assert {"loading", "rho_a", "rho_c", "ave", "htmt", "path", "draws"} <= {f.criterion for f in assessment.findings}


def test_weak_loadings_and_reliability():
    found = verdicts(csi.fit(MODEL, frame(loading=0.45)))
    assert found["rho_a", "Q"] == "fail"
    assert "note" in {v for (c, _), v in found.items() if c == "loading"}


def test_a_turned_item():
    assert verdicts(csi.fit(MODEL, frame().assign(q2=lambda d: -d.q2)))["negative_weight", "q2"] == "fail"


def test_constructs_that_are_one_are_told():
    twins = frame().assign(
        s1=lambda d: d.q1 + 0.3 * d.s1, s2=lambda d: d.q2 + 0.3 * d.s2, s3=lambda d: d.q3 + 0.3 * d.s3
    )
    assert verdicts(csi.fit(MODEL, twins))["htmt", "Q ~ S"] == "fail"


def test_a_single_item_has_unknown_reliability():
    fit = csi.fit(csi.Model.parse("Q <~ q1 + q2; S <~ s1; S ~ Q"), frame())
    assert verdicts(fit)["single_item", "S"] == "note"
    assert ("rho_a", "S") not in verdicts(fit)


def test_collinear_formative_items():
    data = frame().assign(q2=lambda d: d.q1 + 0.1 * d.q2)
    model = csi.Model([csi.Construct("Q", ["q1", "q2"], mode="B"), csi.Construct("S", ["s1", "s2"])], {"Q": ["S"]})
    found = verdicts(csi.fit(model, data))
    assert found["item_vif", "q1"] == "fail"
    assert ("loading", "q1") not in found


@pytest.mark.parametrize(("missing", "verdict"), [("mean", "fail"), ("em", "note")])
def test_many_gaps_are_judged_by_their_treatment(missing, verdict):
    data = frame()
    data[["q1", "q2", "q3"]] = data[["q1", "q2", "q3"]].mask(np.random.default_rng(0).random((400, 3)) < 0.1)
    assert verdicts(csi.fit(MODEL, data, missing=missing))["missing", "Q"] == verdict


def test_a_path_that_cannot_be_told_from_zero():
    data = frame().assign(s1=np.random.default_rng(1).normal(size=400))
    fit = csi.fit(csi.Model.parse("Q <~ q1; S <~ s1; S ~ Q"), data)
    assert verdicts(fit, csi.bootstrap(fit, 300))["path", "Q -> S"] == "note"


def test_inadmissible_factors_and_lost_draws_fail(golden, twin):
    from conftest import model_of

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CsiWarning)
        fit = csi.fit(model_of(golden["cases"]["mobi_ecsi_plsc_path"]["model"]), twin)
    found = verdicts(fit)
    assert found["admissibility", "factors"] == "fail"


def test_every_criterion_has_source_name_threshold_and_advice_in_words():
    for criterion in SOURCES:
        for kind in ("criterion", "threshold", "advice"):
            assert knows(f"{kind}.{criterion}")


def test_failures_stand_first_and_the_table_tells_what_to_do():
    assessment = csi.assess(csi.fit(MODEL, frame(loading=0.45)))
    order = [f.verdict for f in assessment.findings]
    assert order == sorted(order, key=["fail", "note", "pass"].index)
    failing = assessment.table().iloc[0]
    assert failing["source"]
    assert failing["advice"]


def test_an_item_that_belongs_to_another_construct():
    """q3 measures satisfaction: it loads there, and quality shares more with satisfaction than with its own items."""
    data = frame().assign(q3=lambda d: d.s1 + 0.2 * d.s2, q2=lambda d: d.s2 + 0.3 * d.q2)
    found = verdicts(csi.fit(MODEL, data))
    assert found["cross_loading", "q3"] == "note"
    assert found["fornell_larcker", "Q"] == "note"
    assert verdicts(csi.fit(MODEL, frame()))["cross_loading", "q3"] == "pass"


def test_htmt2_is_for_factors():
    factors = csi.Model.parse("Q =~ q1 + q2 + q3; S =~ s1 + s2 + s3; S ~ Q")
    found = verdicts(csi.fit(factors, frame()))
    assert found["htmt2", "Q ~ S"] == "pass"
    assert ("htmt2", "Q ~ S") not in verdicts(csi.fit(MODEL, frame()))


def test_full_collinearity_is_told():
    twins = frame().assign(
        s1=lambda d: d.q1 + 0.2 * d.s1, s2=lambda d: d.q2 + 0.2 * d.s2, s3=lambda d: d.q3 + 0.2 * d.s3
    )
    assert verdicts(csi.fit(MODEL, twins))["full_collinearity", "Q"] == "note"
    assert verdicts(csi.fit(MODEL, frame()))["full_collinearity", "Q"] == "pass"


def test_reliability_has_its_interval():
    fit = csi.fit(MODEL, frame())
    found = {(f.criterion, f.term): f for f in csi.assess(fit, csi.bootstrap(fit, 200)).findings}
    for name in ("alpha", "rho_a", "rho_c", "ave", "loading"):
        finding = found[name, "q1" if name == "loading" else "Q"]
        assert finding.low < finding.value < finding.high


def test_the_dimensions_of_a_higher_order_construct_are_judged_too():
    constructs = [csi.Construct("Q", ["q1", "q2", "q3"]), csi.Construct("S", ["s1", "s2"]), csi.Construct("L", ["s3"])]
    model = csi.Model([*constructs, csi.Construct("All", ["Q", "S"])], {"All": ["L"]})
    fit = csi.fit(model, frame())
    terms = {term for criterion, term in verdicts(fit, csi.bootstrap(fit, 50)) if criterion == "loading"}
    assert {"q1", "s2", "Q", "S"} <= terms


def test_not_applicable_is_no_missing_answer():
    from csi.survey.codebook import Codebook
    from csi.survey.reading import survey_from_frame

    scale = {"low": -9, "high": 9, "not_applicable": [99]}
    book = Codebook.from_dict({"scale": scale, "items": [{"name": item} for item in MODEL.items]})
    data = frame().round(2)
    data.loc[:59, ["q1", "q2"]] = 99
    found = verdicts(csi.fit(MODEL, survey_from_frame(data, book)))
    assert found["not_applicable", "Q"] == "note"
    assert ("missing", "Q") not in found
