"""Texts of questionnaires without the HTML that survey platforms keep in them."""

import html
import re

_HIDDEN = re.compile(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"</?([a-z][a-z0-9]*)(?:\s[^<>]*)?/?>", re.IGNORECASE)
_INLINE = {"a", "b", "em", "font", "i", "s", "small", "span", "strike", "strong", "sub", "sup", "u"}


def plain_text(text: str) -> str:
    """A wording on one line, without tags and entities; what looks like a tag but is none stays.

    >>> plain_text("<style>p {}</style><div>How sa<b>tis</b>fied&nbsp;are you<br>with us?</div>"), plain_text("a < b")
    ('How satisfied are you with us?', 'a < b')
    """
    bare = _TAG.sub(lambda tag: "" if tag[1].lower() in _INLINE else " ", _HIDDEN.sub(" ", text))
    return one_line(html.unescape(bare))


def one_line(text: str) -> str:
    """A text with every run of spaces and line breaks as one space.

    >>> one_line(" Before   proceeding: ")
    'Before proceeding:'
    """
    return " ".join(text.split())
