"""Charts show themselves in a notebook and stay matplotlib's Axes."""

import struct

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import csi
from csi.errors import ReportError


@pytest.fixture(scope="module")
def fit(ecsi_model, twin):
    return csi.fit(ecsi_model, twin, scale=(-20, 40))


def test_a_chart_is_axes_that_a_notebook_shows(fit):
    chart = csi.plot_path_diagram(fit)
    assert isinstance(chart, Axes)
    picture, shown = chart._repr_png_()
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", picture[16:24])
    assert shown == {"width": width // 2}
    assert width > height > 400
    assert "Axes: >" not in repr(chart)


def test_it_draws_into_the_axes_given(fit):
    own = Figure().add_subplot()
    assert csi.plot_path_diagram(fit, own) is own


def test_a_chart_without_its_figure_says_so(fit):
    chart = csi.plot_path_diagram(fit)
    chart.remove()
    with pytest.raises(ReportError, match="taken out of its figure"):
        chart._repr_png_()


def test_the_same_chart_gives_the_same_picture(fit):
    assert csi.plot_path_diagram(fit)._repr_png_() == csi.plot_path_diagram(fit)._repr_png_()
