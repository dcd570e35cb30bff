"""Waves: one survey of many, and which of their questions can be compared."""

from pathlib import Path

import pandas as pd
import pytest

import csi
from csi.errors import SurveyError
from csi.survey.coding import GAP_KINDS

SURVEYS = Path(__file__).resolve().parents[2] / "surveys"
BOOK = {
    "key": "id",
    "scale": {"low": 1, "high": 10},
    "items": [
        {"name": "overall", "construct": "Satisfaction"},
        {"name": "ideal", "construct": "Satisfaction", "columns": {"2024": "ideal_old"}},
        {"name": "fast", "construct": "Quality", "scales": {"2024": {"low": 1, "high": 5}}},
        {"name": "app", "construct": "Quality", "columns": {"2024": ""}},
    ],
    "segments": [{"name": "region", "column": "region", "columns": {"2024": "area"}}],
}
OLD = pd.DataFrame({"id": [1, 2], "overall": [5, 6], "ideal_old": [4, 4], "fast": [5, 3], "area": ["n", "s"]})
NEW = pd.DataFrame(
    {"id": [1, 3], "overall": [7, 8], "ideal": [6, 9], "fast": [5, 10], "app": [2, 3], "region": ["n", "n"]}
)


@pytest.fixture
def waves():
    book = csi.Codebook.from_dict(BOOK)
    return [csi.survey_from_frame(OLD, book, wave="2024"), csi.survey_from_frame(NEW, book, wave="2025")]


def test_waves_become_one_survey(waves):
    joined = csi.join_waves(waves)
    assert joined.respondents["wave"].tolist() == ["2024", "2024", "2025", "2025"]
    assert joined.respondents["key"].tolist() == ["1", "2", "1", "3"]
    assert joined.respondents["region"].tolist() == ["n", "s", "n", "n"]
    assert joined.answers["ideal"].tolist() == [4, 4, 6, 9]
    assert joined.answers["fast"].tolist() == [10, 5.5, 5, 10]  # 1 to 5 in 2024
    kinds = [GAP_KINDS[k] for k in joined.gaps["app"]]
    assert kinds == ["not_asked", "not_asked", "answered", "answered"]


def test_what_can_be_compared_is_said_item_by_item(waves):
    found = csi.wave_comparability(waves)
    assert found.rows.set_index("item")["verdict"].to_dict() == {
        "overall": "same", "ideal": "renamed", "fast": "rescaled", "app": "once",
    }  # fmt: skip
    assert found.common == ("overall", "ideal", "fast")
    assert found.constructs.set_index("construct")["comparable"].to_dict() == {
        "Satisfaction": "yes", "Quality": "by 1 common items",
    }  # fmt: skip
    assert str(found).startswith("Waves 2024, 2025: 3 of 4 items can be compared")


def test_a_question_that_nobody_answered_was_not_asked_in_effect(waves):
    silent = csi.survey_from_frame(NEW.assign(overall=""), csi.Codebook.from_dict(BOOK), wave="2026")
    found = csi.wave_comparability([*waves, silent]).rows.set_index("item")["verdict"]
    assert (found["overall"], found["app"]) == ("partly", "partly")


def test_weights_of_some_waves_only_are_announced():
    book = csi.Codebook.from_dict(BOOK)
    weighted = csi.Codebook.from_dict(BOOK | {"weight": "w"})
    surveys = [
        csi.survey_from_frame(OLD.assign(w=2), weighted, wave="2024"),
        csi.survey_from_frame(NEW.assign(w=3), weighted, wave="2025"),
    ]
    assert csi.join_waves(surveys).weights.tolist() == [2, 2, 3, 3]
    with pytest.raises(SurveyError, match="another codebook"):
        csi.join_waves([surveys[0], csi.survey_from_frame(NEW, book, wave="2025")])


def test_faults(waves):
    with pytest.raises(SurveyError, match="two waves at least"):
        csi.join_waves(waves[:1])
    with pytest.raises(SurveyError, match="2 of the surveys are called wave '2024'"):
        csi.join_waves([waves[0], waves[0]])
    nameless = csi.survey_from_frame(NEW, csi.Codebook.from_dict(BOOK))
    with pytest.raises(SurveyError, match="read it with wave="):
        csi.join_waves([waves[0], nameless])


@pytest.mark.filterwarnings("ignore:.*cells refused")
def test_the_airports_renamed_waves_become_one_comparable_survey(shared):
    """2013 and 2017 of one tracker, with other column names and the weights of each wave."""
    study = csi.read_study(SURVEYS / "sfo_airport", data_dir=shared / "data")
    waves = [study.read("2013"), study.read("2017")]
    assert [len(wave) for wave in waves] == [3535, 2831]
    found = csi.wave_comparability(waves)
    assert len(found.common) == 14
    assert set(found.rows.set_index("item")["verdict"]) == {"same", "renamed", "once"}
    joined = csi.join_waves(waves)
    files = [
        pd.read_csv(
            shared / "data" / "sfo_airport" / f"{year}_SFO_Customer_Survey.csv", dtype=str, keep_default_na=False
        )
        for year in (2013, 2017)
    ]
    assert joined.weights.sum() == pytest.approx(sum(pd.to_numeric(f["WEIGHT"]).sum() for f in files))
    for item, names in (("ART", ("Q7A_ART", "Q7ART")), ("SAFE", ("Q10SAFE", "Q10SAFE"))):
        texts = pd.concat([f[name] for f, name in zip(files, names, strict=True)], ignore_index=True)
        assert joined.answers[item].fillna(0).astype(int).astype(str).tolist() == texts.replace({"6": "0"}).tolist()
        assert (joined.gaps[item] == GAP_KINDS.index("not_applicable")).tolist() == (texts == "6").tolist()
    fit = csi.fit(study.model, joined)
    index = csi.satisfaction_index(fit, csi.bootstrap(fit, 100))
    assert 60 < index.value < 90
