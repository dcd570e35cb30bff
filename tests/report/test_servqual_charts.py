"""Charts of service quality: what they say in both languages, and what they refuse."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import csi
from csi.errors import EstimationError, ReportError

FIVE = ("reliability", "responsiveness", "assurance", "empathy", "tangibles")
ZH = ("可靠性", "响应性", "保证性", "移情性", "有形性")


def answers(seed=0, moved=0.0):
    """Gaps from -1.0 to +1.0 by dimension, one statement above and one below; the third dimension's gap is exactly 0."""
    rng = np.random.default_rng(seed)
    frame = {}
    for j, d in enumerate(FIVE):
        for i, off in ((1, -0.25), (2, 0.25)):
            noise = rng.normal(size=200)
            frame[f"{d}{i}_e"] = np.full(200, 5.0)
            frame[f"{d}{i}"] = 5 + 0.5 * (j - 2) + off + moved + noise - noise.mean()
    return pd.DataFrame(frame)


NAMED = {d: [(f"{d}1_e", f"{d}1"), (f"{d}2_e", f"{d}2")] for d in FIVE}


@pytest.fixture(scope="module")
def result():
    return csi.servqual(answers(), NAMED, draws=100)


@pytest.fixture(scope="module")
def waves():
    both = pd.concat([answers().assign(wave="May"), answers(1, 0.4).assign(wave="June")])
    return csi.servqual(both, {d: [p for _, p in pairs] for d, pairs in NAMED.items()}, by="wave", draws=100)


def texts(ax):
    return [t.get_text() for t in ax.texts] + [t.get_text() for t in ax.get_yticklabels()]


class TestGaps:
    def test_dimensions_stand_in_order_each_above_its_items(self, result):
        labels = [t.get_text() for t in csi.plot_servqual_gaps(result).get_yticklabels()]
        assert labels[:6] == [
            "Reliability",
            "reliability1",
            "reliability2",
            "Responsiveness",
            "responsiveness1",
            "responsiveness2",
        ]
        assert labels[12] == "Tangibles"

    def test_bars_are_the_gaps_and_lines_their_intervals(self, result):
        ax = csi.plot_servqual_gaps(result, items=False)
        assert [bar.get_width() for bar in ax.patches] == pytest.approx(
            result.of(kind="dimension")["estimate"].tolist()
        )
        lines = ax.collections[0].get_segments()
        assert [tuple(line[:, 0]) for line in lines] == [
            pytest.approx(pair)
            for pair in result.of(kind="dimension")[["ci_low", "ci_high"]].itertuples(index=False, name=None)
        ]

    def test_a_hollow_dot_says_that_nothing_is_sure(self, result):
        faces = csi.plot_servqual_gaps(result, items=False).collections[1].get_facecolor()
        assert [bool(face[:3].min() == 1) for face in faces] == [False, False, True, False, False]

    def test_every_number_is_written_with_its_sign(self, result):
        shown = texts(csi.plot_servqual_gaps(result, items=False))
        assert {"-1.00", "-0.50", "+0.50", "+1.00"} <= set(shown)

    def test_the_words_are_in_the_language_asked(self, result):
        ax = csi.plot_servqual_gaps(result, language="zh", items=False)
        assert [t.get_text() for t in ax.get_yticklabels()] == list(ZH)
        assert "差距：感知减期望（量表分值）" in ax.get_xlabel()

    def test_changes_of_perception_where_expectations_were_not_asked(self, waves):
        ax = csi.plot_servqual_gaps(waves, measure="change", items=False)
        assert [bar.get_width() for bar in ax.patches] == pytest.approx([0.4] * 5)
        assert "Change since the wave before" in ax.get_xlabel()

    def test_what_cannot_be_shown(self, result, waves):
        with pytest.raises(ReportError, match="bars begin at 0"):
            csi.plot_servqual_gaps(result, measure="perception")
        with pytest.raises(ReportError, match="no change to show"):
            csi.plot_servqual_gaps(waves, measure="change", level="May")
        with pytest.raises(EstimationError, match="no measure 'msa'"):
            csi.plot_servqual_gaps(result, measure="msa")


class TestRadar:
    def test_expected_and_perceived_service_differ_in_dash_and_marker(self, result):
        ax = csi.plot_servqual_radar(result)
        lines = [line for line in ax.lines if not line.get_label().startswith("_")]
        assert [line.get_label() for line in lines] == ["Expected service", "Perceived service"]
        assert len({line.get_linestyle() for line in lines}) == len({line.get_marker() for line in lines}) == 2

    def test_the_farther_out_the_higher(self, result):
        perceived = next(
            line for line in csi.plot_servqual_radar(result).lines if line.get_label() == "Perceived service"
        )
        radius = np.hypot(*perceived.get_data())[:5]
        assert np.all(np.diff(radius) > 0)
        written = [t.get_text() for t in csi.plot_servqual_radar(result).texts]
        rings = sorted(float(t) for t in written if t.replace(".", "").isdigit())
        share = (result.of("perception", kind="dimension")["estimate"] - rings[0]) / (rings[-1] - rings[0])
        assert radius == pytest.approx(share.to_numpy())

    def test_words_and_perception_alone(self, waves):
        ax = csi.plot_servqual_radar(waves, language="zh")
        assert set(ZH) <= set(texts(ax))
        assert [t.get_text() for t in ax.get_legend().get_texts()] == ["感知服务"]

    def test_two_dimensions_make_no_radar(self):
        two = csi.servqual(answers(), {d: NAMED[d] for d in FIVE[:2]}, draws=10)
        with pytest.raises(ReportError, match="three dimensions or more, not 2"):
            csi.plot_servqual_radar(two)


def test_they_draw_into_the_axes_given(result):
    for plot in (csi.plot_servqual_gaps, csi.plot_servqual_radar):
        own = Figure().add_subplot()
        assert plot(result, own) is own
