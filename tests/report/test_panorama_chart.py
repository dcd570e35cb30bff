"""The manager's page: one row a node, a verdict in words, nothing on top of something else."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

import csi
from csi.report.theme import look

BOOK = csi.Codebook.from_dict(
    {
        "scale": {"low": 1, "high": 10},
        "items": [
            {
                "name": f"q{i}",
                "wording": {"en": f"A question with a rather long wording, number {i}", "zh": f"第{i}个题项的较长表述"},
            }
            for i in range(27)
        ],
        "segments": [{"name": "region", "column": "region", "levels": {"west": {"en": "West", "zh": "西区"}}}],
    }
)
VIEW = {"Index": {"A": 1, "B": 1}, "A": {f"q{i}": 1 for i in range(13)}, "B": {f"q{i}": 1 for i in range(13, 27)}}


def wave(name, seed, shift=0.0):
    rng = np.random.default_rng(seed)
    answers = np.clip(
        np.rint(7 + rng.normal(size=(200, 1)) + rng.normal(size=(200, 27)) - shift * np.eye(27)[0]), 1, 10
    )
    frame = pd.DataFrame(answers, columns=[f"q{i}" for i in range(27)])
    return csi.survey_from_frame(frame.assign(region=rng.choice(["west", "east", "mid"], 200)), BOOK, wave=name)


@pytest.fixture(scope="module")
def panorama():
    described = {"node": "queue", "parent": "q0", "unit": "min", "direction": "lower", "target": 5, "red_line": 10}
    kpis = csi.read_kpis(pd.DataFrame({**described, "wave": ["2026Q2", "2026Q3"], "value": [8, 12.0]}))
    now, before = wave("2026Q3", 1, 2.0), wave("2026Q2", 2)
    return csi.panorama(
        now, [before], views={"local": VIEW}, by=["region"], kpis=kpis, targets={"Index": 80}, draws=100
    )


def texts(ax):
    return [text for text in ax.findobj(Text) if text.get_text() and text.get_visible()]


@pytest.mark.parametrize(("language", "alert"), [("en", "alert"), ("zh", "示警")])
def test_every_node_and_the_verdict_stand_in_words(panorama, language, alert):
    ax = csi.plot_panorama(panorama, language=language)
    said = [text.get_text() for text in texts(ax)]
    assert alert in said
    assert any(("red line" if language == "en" else "红线") in text for text in said)
    assert len({text.get_position()[1] for text in texts(ax) if text.get_position()[1] % 1 == 0}) >= 31
    assert any("queue" in text for text in said)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_text_lies_on_another_or_is_cut(panorama, language):
    ax = csi.plot_panorama(panorama, language=language)
    with look():
        canvas = FigureCanvasAgg(ax.figure)
        canvas.draw()
        boxes = [(t.get_text(), t.get_window_extent(canvas.get_renderer())) for t in texts(ax)]
    for k, (one, box) in enumerate(boxes):
        assert ax.figure.bbox.x0 <= box.x0, one
        assert box.x1 <= ax.figure.bbox.x1, one
        for other, rival in boxes[:k]:
            across = min(box.x1, rival.x1) - max(box.x0, rival.x0)
            down = min(box.y1, rival.y1) - max(box.y0, rival.y0)
            assert across < 1 or down < 2, f"{one!r} lies on {other!r}"


def test_a_slice_is_named_in_words(panorama):
    said = [
        text.get_text()
        for text in texts(csi.plot_panorama(panorama, language="zh", slice="region=west", codebook=BOOK))
    ]
    assert any("西区" in text for text in said)


def test_one_wave_has_no_changes():
    ax = csi.plot_panorama(csi.panorama(wave("2026Q3", 1), views={"local": VIEW}, draws=50))
    assert not any("Since" in text.get_text() for text in texts(ax))
