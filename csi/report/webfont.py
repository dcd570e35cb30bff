"""A web font of just the characters a page uses, so that it reads right where no Chinese font is installed."""

import base64
import io

from fontTools import subset
from fontTools.ttLib import TTFont

from csi.report.theme import font_path


def embedded_font(text: str) -> str:
    """The shipped font cut to the characters of `text`, as a WOFF2 data URI."""
    options = subset.Options(
        flavor="woff2", layout_features=[], notdef_outline=True, drop_tables=["GSUB", "GPOS", "GDEF"]
    )
    cutter = subset.Subsetter(options)
    cutter.populate(text=text)
    data = io.BytesIO()
    with TTFont(font_path(), recalcTimestamp=False) as font:  # the same page gives the same bytes
        cutter.subset(font)
        font.flavor = "woff2"
        font.save(data)
    return "data:font/woff2;base64," + base64.b64encode(data.getvalue()).decode()
