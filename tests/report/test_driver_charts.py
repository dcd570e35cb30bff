"""The chart of key drivers: every driver and method, in both languages, readable without colour."""

import matplotlib.colors as colours
import numpy as np
import pandas as pd
import pytest

import csi
from csi.errors import CsiError, ReportError


@pytest.fixture(scope="module")
def found():
    rng = np.random.default_rng(1)
    a = rng.normal(size=(600, 3))
    frame = pd.DataFrame(a, columns=["speed", "staff", "place"])
    frame["staff"] += 0.8 * frame["speed"]
    frame["overall"] = frame["speed"] * 1.5 - 0.5 * frame["staff"] + rng.normal(size=600)
    return csi.key_drivers(
        frame, "overall", ["speed", "staff", "place"], groups={"People": ["staff", "place"]}, draws=100
    )


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_driver_and_method_has_its_place(found, language):
    ax = csi.plot_key_drivers(found, language=language)
    assert len(ax.patches) == len(found.rows)
    assert len(ax.get_xticks()) == len(found.methods)
    names = [label.get_text().removesuffix(" ±") for label in ax.get_yticklabels()]
    assert names == list(found.side_by_side.index)


def test_bars_are_shares_on_one_ruler(found):
    ax = csi.plot_key_drivers(found)
    lengths = np.array([bar.get_width() for bar in ax.patches])
    drawn = found.rows.assign(length=lengths)
    assert np.ptp(drawn["length"] / drawn["share"]) < 1e-9
    assert (drawn["length"] < 1).all()


def test_signs_are_told_by_hatch_minus_and_word(found):
    ax = csi.plot_key_drivers(found)
    hatched = [bar.get_hatch() is not None for bar in ax.patches]
    assert hatched == (found.rows["estimate"] < 0).tolist()
    assert sum(t.get_text().startswith("−") for t in ax.texts) == sum(hatched) > 0
    assert any(label.get_text().startswith("−") for label in ax.get_legend().get_texts())
    flagged = [label.get_text() for label in ax.get_yticklabels() if label.get_text().endswith("±")]
    assert len(flagged) == len(found.conflicts) > 0


def test_sure_and_unsure_differ_in_grey(found):
    ax = csi.plot_key_drivers(found)
    grey = [
        np.dot(colours.to_rgb(patch.get_facecolor()), (0.299, 0.587, 0.114)) for patch in ax.get_legend().get_patches()
    ]
    assert abs(grey[0] - grey[1]) > 0.3


def test_groups_in_place_of_drivers(found):
    ax = csi.plot_key_drivers(found, grouped=True)
    assert {label.get_text() for label in ax.get_yticklabels()} == {"People", "speed"}
    assert len(ax.get_xticks()) == 2


def test_the_outcome_and_its_r2_stand_above(found):
    whole = found.r_squared["estimate"].iloc[0]
    for language in ("en", "zh"):
        title = csi.plot_key_drivers(found, language=language).get_title(loc="left")
        assert "overall" in title
        assert f"R² {whole:.2f}" in title


def test_faults(found):
    rng = np.random.default_rng(0)
    plain = csi.key_drivers(pd.DataFrame(rng.normal(size=(50, 3)), columns=list("aby")), "y", ["a", "b"], draws=5)
    with pytest.raises(ReportError, match="no groups"):
        csi.plot_key_drivers(plain, grouped=True)
    with pytest.raises(CsiError, match="'en' and 'zh'"):
        csi.plot_key_drivers(found, language="fr")
