"""Simple slopes of interactions."""

import numpy as np
import pandas as pd
import pytest

import csi
from csi.errors import ModelError
from csi.structural.moderation import simple_slopes

NAMES = [csi.Construct(name, [name.lower()]) for name in ("X", "M", "Y")]


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(3)
    x, m = rng.multivariate_normal([0, 0], [[1, 0.4], [0.4, 1]], 600).T
    return pd.DataFrame({"x": x, "m": m, "y": 0.5 * x + 0.2 * m + 0.3 * x * m + rng.normal(size=600)})


def boot_of(paths, frame, **options):
    constructs = [c for c in NAMES if c.name in {*paths, "Y"}]
    return csi.bootstrap(csi.fit(csi.Model(constructs, paths, **options), frame), 200)


def test_slopes_are_those_of_the_regression(frame):
    """Single items: the same as least squares on standardised variables and their plain product."""
    boot = boot_of({"X": ["Y"], "M": ["Y"], "X*M": ["Y"]}, frame)
    z = (frame - frame.mean()) / frame.std()
    design = np.column_stack([np.ones(len(z)), z.x, z.m, z.x * z.m])
    b = np.linalg.lstsq(design, z.y, rcond=None)[0]
    slopes = simple_slopes(boot, "X*M", "Y", at=(-1, 0, 2)).table()
    assert np.allclose(slopes["estimate"], b[1] + b[3] * np.array([-1, 0, 2]), atol=1e-10)
    other = simple_slopes(boot, "X*M", "Y", moderator="X").table()
    assert np.allclose(other["estimate"], b[2] + b[3] * np.array([-1, 0, 1]), atol=1e-10)
    assert ((slopes["ci_low"] < slopes["estimate"]) & (slopes["estimate"] < slopes["ci_high"])).all()


def test_a_quadratic_term_bends_by_its_own_level(frame):
    boot = boot_of({"X": ["Y"], "X*X": ["Y"]}, frame.assign(y=frame.y + 0.4 * frame.x**2))
    z = frame.x.sub(frame.x.mean()) / frame.x.std()
    y = frame.y + 0.4 * frame.x**2
    c, b, _ = np.polyfit(z, (y - y.mean()) / y.std(), 2)
    slopes = simple_slopes(boot, "X*X", "Y").table()
    assert np.allclose(slopes["estimate"], b + 2 * c * np.array([-1, 0, 1]), atol=1e-10)


def test_faults(frame):
    boot = boot_of({"X": ["Y"], "M": ["Y"], "X*M": ["Y"]}, frame)
    for arguments, message in (
        (("X*Z", "Y"), "no interaction 'X[*]Z'"),
        (("X*M", "M"), "has no path to 'M'"),
    ):
        with pytest.raises(ModelError, match=message):
            simple_slopes(boot, *arguments)
    with pytest.raises(ModelError, match="is 'X' or 'M', not 'Y'"):
        simple_slopes(boot, "X*M", "Y", moderator="Y")
    items = boot_of({"X": ["Y"], "M": ["Y"], "X*M": ["Y"]}, frame, interactions="product")
    with pytest.raises(ModelError, match="formed of items"):
        simple_slopes(items, "X*M", "Y")
