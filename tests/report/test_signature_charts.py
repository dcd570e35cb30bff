"""Charts of signatures: numbers with signs in every cell, words in both languages, shapes beside colours."""

import dataclasses

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import csi
from csi.behaviour.table import BehaviourTable
from csi.errors import ReportError
from csi.survey.reading import survey_from_frame

BOOK = {
    "scale": {"low": 1, "high": 10},
    "items": [{"name": "q", "wording": {"en": "Speed", "zh": "速度"}}, {"name": "r"}],
    "key": "id",
}
TABLE = BehaviourTable.from_dict(
    {"table": "t.csv", "key": "id", "features": ["calls", "bill"], "do_not_disturb": "not recorded", "consent": "not recorded",
     "wording": {"calls": {"en": "Hotline calls", "zh": "热线呼叫"}}}
)  # fmt: skip


@pytest.fixture(scope="module")
def linked():
    rng = np.random.default_rng(1)
    n = 400
    base = pd.DataFrame({"id": [f"C{i}" for i in range(n)], "calls": rng.poisson(2, n), "bill": rng.gamma(4, 20, n)})
    q = np.clip(9 - base["calls"] + rng.integers(-1, 2, n), 1, 10)
    answers = pd.DataFrame({"id": base["id"], "q": q, "r": rng.integers(1, 11, n)})
    survey = survey_from_frame(answers, csi.Codebook.from_dict(BOOK))
    return csi.link(survey, ibis.memtable(pa.Table.from_pandas(base)), key="id", features=["calls", "bill"])


@pytest.fixture(scope="module")
def signature(linked):
    earlier = dataclasses.replace(linked, survey=dataclasses.replace(linked.survey, wave="2026Q1"))
    return csi.behaviour_signature(linked, "q", controls=(), waves=[earlier], draws=60)


@pytest.fixture(scope="module")
def grid(linked):
    return csi.signature_map(linked, ["q", "r"], controls=(), draws=60, permutations=39)


def texts(ax):
    found = [t.get_text() for t in ax.findobj(lambda artist: hasattr(artist, "get_text"))]
    return "\n".join(found)


@pytest.mark.parametrize(
    ("language", "label", "caveat"), [("en", "Hotline calls", "not proof of cause"), ("zh", "热线呼叫", "并非因果")]
)
class TestBothLanguages:
    def test_signature(self, signature, language, label, caveat):
        shown = texts(csi.plot_signature(signature, language=language, table=TABLE))
        assert label in shown
        assert caveat in shown
        assert f"{signature.rows.loc[0, 'estimate']:+.2f}" in shown

    def test_map(self, grid, language, label, caveat):
        shown = texts(csi.plot_signature_map(grid, language=language, table=TABLE))
        assert label in shown
        assert caveat in shown
        assert {"en": "Speed", "zh": "速度"}[language] in shown

    def test_shape(self, signature, language, label, caveat):
        shown = texts(csi.plot_signature_shape(signature, "calls", language=language, table=TABLE))
        assert label in shown
        assert caveat in shown


class TestMarks:
    def test_what_stands_out_has_a_shape_of_its_own(self, signature):
        ax = csi.plot_signature(signature)
        markers = [line.get_marker() for line in ax.lines if len(line.get_xdata()) == 1]
        assert markers.count("D") == signature.rows["found"].sum()
        assert markers.count("o") == (~signature.rows["found"]).sum()

    def test_boxes_are_drawn_round_what_stands_out(self, grid):
        patches = [p for p in csi.plot_signature_map(grid).patches if isinstance(p, Rectangle)]
        assert sum(not p.get_fill() for p in patches) == grid.cells["found"].sum()

    def test_axes_given_are_used(self, signature, grid):
        ax = Figure().add_subplot()
        assert csi.plot_signature(signature, ax) is ax
        assert csi.plot_signature_map(grid, Figure().add_subplot()).get_title() == ""

    def test_no_bins(self, signature):
        with pytest.raises(ReportError, match=r"'cals' has no bins.*Did you mean 'calls'"):
            csi.plot_signature_shape(signature, "cals")
