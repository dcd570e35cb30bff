"""Charts of needs, of Kano's questionnaire and of the map: every word in both languages, shapes beside colours."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import csi
from csi.report.charts.priority_map import numbered
from csi.words import say


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(1)
    X = rng.integers(1, 6, size=(500, 3))
    y = 5 - 1.5 * (X[:, 0] <= 2) + 1.5 * (X[:, 1] >= 4) + rng.normal(size=500)
    return pd.DataFrame(X, columns=["q1", "q2", "q3"]).assign(overall=y)


@pytest.fixture(scope="module")
def needs(frame):
    return csi.penalty_reward(frame, "overall", ["q1", "q2", "q3"], low=2, high=4, draws=100)


@pytest.fixture(scope="module")
def features():
    counts = {"must": [(3, 5)] * 9 + [(3, 3)], "more": [(1, 5)] * 9 + [(3, 3)], "nice": [(1, 3)] * 6 + [(3, 3)] * 5}
    columns = {f"{name}{k}": [pair[k] for pair in pairs] for name, pairs in counts.items() for k in (0, 1)}
    frame = pd.DataFrame({name: pd.Series(values) for name, values in columns.items()})
    return csi.kano(frame, {name: (f"{name}0", f"{name}1") for name in counts}, draws=100)


@pytest.fixture(scope="module")
def grid(frame):
    pairs = {"queue": ("q1", "q2"), "staff": ("q2", "q3"), "look": ("q3", "q1")}
    return csi.importance_satisfaction(
        frame, pairs, scale=(1, 5), draws=100, performance_line={"queue": 80.0}, best={"queue": 90.0}
    )


def texts(ax):
    ax.get_figure().draw_without_rendering()
    return [text.get_text() for text in [*ax.texts, *ax.get_yticklabels(), *(ax.get_legend() or ax).findobj(is_text)]]


def is_text(artist):
    return hasattr(artist, "get_text")


@pytest.mark.parametrize("language", ["en", "zh"])
class TestWords:
    def test_need_types(self, needs, language):
        said = texts(csi.plot_need_types(needs, language=language))
        for code, term in (("need.basic", "q1"), ("need.excitement", "q2"), ("need.no_effect", "q3")):
            assert any(say(code, language) in text for text in said)
            assert term in said
        assert say("need.penalty", language) in said

    def test_kano(self, features, language):
        said = texts(csi.plot_kano(features, language=language))
        for category in "MOAI":
            assert any(say(f"kano.{category}", language) in text for text in said)
        assert "1  must  (M 90 %)" in said
        assert say("kano.unclear", language) in said

    def test_map(self, grid, language):
        said = texts(csi.plot_priority_map(grid, language=language))
        for code in ("map.best", "map.targets", "chart.weak_important"):
            assert say(code, language) in said
        assert say("map.region", language, level="95") in said

    def test_into_the_axes_given(self, needs, features, grid, language):
        for plot, result in ((csi.plot_need_types, needs), (csi.plot_kano, features), (csi.plot_priority_map, grid)):
            own = Figure().add_subplot()
            assert plot(result, own, language) is own
            own.get_figure().draw_without_rendering()


class TestGreyscale:
    """What a colour says, a shape, a hatch or a word says too."""

    def test_penalties_are_hatched(self, needs):
        penalty, reward = csi.plot_need_types(needs).containers[:2]
        assert {bar.get_hatch() for bar in penalty} == {"////"}
        assert {bar.get_hatch() for bar in reward} == {None}

    def test_what_is_undecided_is_dashed(self, grid):
        ax = csi.plot_priority_map(grid, key=False)
        dashed = {
            text.get_text()
            for text in ax.texts
            if text.get_bbox_patch() is not None and text.get_bbox_patch().get_linestyle() != "-"
        }
        rows = numbered(grid)
        expected = set(rows.loc[rows["quadrant"] == "undecided", "number"].astype(str))
        assert expected
        assert dashed == expected

    def test_basic_needs_are_squares(self, features):
        ax = csi.plot_kano(features, key=False)
        shapes = {
            text.get_text(): type(text.get_bbox_patch().get_boxstyle()).__name__
            for text in ax.texts
            if text.get_bbox_patch() is not None
        }
        rows = features.rows.sort_values("worse", ignore_index=True)
        assert shapes == {
            str(k + 1): "Square" if category == "M" else "Circle" for k, category in enumerate(rows["category"])
        }


def test_an_ellipse_holds_the_share_of_the_draws_it_says(grid):
    """Of normal errors with the covariance of the map, 95 % fall inside the outline that is drawn."""
    ax = csi.plot_priority_map(grid, key=False)
    rows = numbered(grid)
    for row, patch in zip(rows.to_dict("records"), ax.patches, strict=True):
        covariance = [[row["std_error"] ** 2, row["covariance"]], [row["covariance"], row["performance_error"] ** 2]]
        errors = np.random.default_rng(0).multivariate_normal([row["estimate"], row["performance"]], covariance, 4000)
        inside = patch.get_path().contains_points(errors).mean()
        assert inside == pytest.approx(0.95, abs=0.012)
