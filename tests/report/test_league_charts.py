"""Charts of the league and of KPI effects: words in both languages, marks that need no colour."""

import numpy as np
import pandas as pd
import pytest

import csi
from csi.drivers.kpis import KpiWords
from csi.survey.codebook import Wording

BOOK = csi.Codebook.from_dict(
    {
        "items": [{"name": "q", "construct": "Satisfaction", "scale": {"low": 1, "high": 10}}],
        "segments": [
            {
                "name": "company",
                "column": "company",
                "levels": {c: {"en": f"Firm {c}", "zh": f"{c}公司"} for c in "ABCD"},
            }
        ],
    }
)


def texts(ax):
    legend = ax.get_legend()
    own = [*ax.texts, *ax.get_yticklabels(), ax.xaxis.label, *legend.get_texts(), legend.get_title()]
    return " | ".join(text.get_text() for text in own)


def markers(ax):
    return {line.get_marker() for line in ax.lines if len(line.get_xdata()) and line.get_marker() != "None"}


@pytest.fixture(scope="module")
def league():
    rng = np.random.default_rng(1)
    company = rng.choice(list("ABCD"), 400, p=[0.33, 0.33, 0.33, 0.01])
    q = np.clip(np.rint(6 + (company == "A") - (company == "C") + rng.normal(size=400)), 1, 10)
    survey = csi.survey_from_frame(pd.DataFrame({"company": company, "q": q}), BOOK)
    return csi.league(survey, "company", against="B", draws=200)


@pytest.mark.parametrize(("language", "words"), [("en", ["Firm A", "Firm B, the one", "Not published", "1"]),
                                                 ("zh", ["A公司", "比较对象：B公司", "公布：D公司", "客户满意度"])])  # fmt: skip
def test_the_league_names_everybody(league, language, words):
    ax = csi.plot_league(league, language=language, codebook=BOOK)
    for word in words:
        assert word in texts(ax)


def test_the_league_is_told_by_shape(league):
    assert {"^", "v", "s"} <= markers(csi.plot_league(league))


@pytest.fixture(scope="module")
def effects():
    rng = np.random.default_rng(1)
    keys = np.indices((30, 12)).reshape(2, -1)
    kpis = pd.DataFrame(
        {"outlet": keys[0], "month": keys[1], "queue": rng.normal(6, 2, 360), "calls": rng.normal(size=360)}
    )
    answers = kpis.loc[kpis.index.repeat(8)].reset_index(drop=True)
    answers["waiting"] = 8 - 0.3 * answers["queue"] + rng.normal(size=len(answers))
    answers["smile"] = 8 + 0.3 * answers["queue"] + rng.normal(size=len(answers))
    words = {"queue": KpiWords(Wording("queueing", "排队时间"), Wording("minute", "分钟"), better="low")}
    return csi.kpi_effects(answers, kpis, items=["waiting", "smile"], words=words)


@pytest.mark.parametrize(("language", "words"), [("en", ["queueing: typical change", "(minute)", "calls", "not cause"]),
                                                 ("zh", ["排队时间：典型变动", "分钟", "不等于因果", "无明确关联"])])  # fmt: skip
def test_effects_stand_under_their_kpi(effects, language, words):
    ax = csi.plot_kpi_effects(effects, language=language)
    for word in words:
        assert word in texts(ax)
    assert {"^", "v", "o"} <= markers(ax)


def test_less_of_what_is_better_low_is_drawn_to_the_right(effects):
    ax = csi.plot_kpi_effects(effects)
    raised = [line for line in ax.lines if line.get_marker() == "^" and len(line.get_xdata())]
    row = effects.rows.set_index("term").loc["queue -> waiting"]
    assert raised[0].get_xdata()[0] == pytest.approx(-row["estimate"] * row["typical_change"])
