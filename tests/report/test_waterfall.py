"""The waterfall: every part begins where the last one ended, and says which way it goes without colour."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import csi
from csi.words import say

MODEL = csi.Model.parse("Quality <~ q1 + q2; Satisfaction <~ s1 + s2; Satisfaction ~ Quality")


@pytest.fixture(scope="module")
def change():
    """One item falls, and fewer customers of the happy brand are asked."""
    fits, brands = [], []
    for seed, happy, fall in ((1, 0.6, 0.0), (2, 0.3, 0.8)):
        rng = np.random.default_rng(seed)
        brand = rng.random(800) < happy
        X = 6 + brand[:, None] + rng.normal(size=(800, 1)) + rng.normal(size=(800, 4)) - np.array([0, 0, fall, 0])
        fits.append(csi.fit(MODEL, pd.DataFrame(X, columns=list(MODEL.items)), scale=(0, 12)))
        brands.append(np.where(brand, "happy", "other"))
    return csi.compare_waves(*fits, by=tuple(brands), draws=300, permutations=0)


def bars(ax):
    """(start, width, hatch) of the bars from top to bottom."""
    found = [p for p in ax.patches if isinstance(p, Rectangle)]
    return [(p.get_x(), p.get_width(), p.get_hatch()) for p in sorted(found, key=lambda p: p.get_y())]


def test_the_steps_lead_from_the_index_before_to_the_index_after(change):
    first, *steps, last = bars(csi.plot_change_waterfall(change))
    at = first[0] + first[1]
    assert at == pytest.approx(change.levels[0])
    for start, width, _ in steps:
        assert start == pytest.approx(at)
        at += width
    assert at == pytest.approx(change.levels[1])
    assert last[0] + last[1] == pytest.approx(change.levels[1])


def test_parts_that_cannot_move_are_left_out(change):
    """Nobody skipped an item, so that who answers has no step."""
    shown = [text.get_text() for text in csi.plot_change_waterfall(change).get_yticklabels()]
    assert shown == ["before", say("wave.mix"), say("wave.weights"), "s1", "s2", "after"]


def test_causes_signs_and_words_tell_without_colour(change):
    ax = csi.plot_change_waterfall(change)
    assert set(change.causes) == {"mix", "s1"}
    assert [bool(hatch) for _, _, hatch in bars(ax)] == [False, False, True, False, True, False]
    texts = [text.get_text() for text in ax.texts]
    for value in change.parts.dropna(subset="std_error")["estimate"]:
        assert f"{'▲' if value >= 0 else '▼'} {value:+.1f}" in texts


@pytest.mark.parametrize("language", ["en", "zh"])
def test_it_speaks_both_languages_and_stays_inside_its_figure(change, language):
    ax = csi.plot_change_waterfall(change, language=language)
    assert isinstance(ax, Axes)
    figure = ax.get_figure(root=True)
    figure.draw_without_rendering()
    for part in [*ax.get_yticklabels(), *ax.texts, ax.get_legend()]:
        box, whole = part.get_window_extent(), figure.bbox
        assert whole.x0 - 1 <= box.x0 < box.x1 <= whole.x1 + 1
        assert whole.y0 - 1 <= box.y0 < box.y1 <= whole.y1 + 1
    assert say("wave.mix", language) in [text.get_text() for text in ax.get_yticklabels()]


def test_it_draws_into_the_axes_given(change):
    own = Figure().add_subplot()
    assert csi.plot_change_waterfall(change, own) is own
