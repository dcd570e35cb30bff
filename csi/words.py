"""The words of reports, charts and findings in English and Chinese; results carry codes, this file carries the text.

Each entry is code: (English, Chinese). A text may hold {fields}; `say` fills them. Words of one room stand together.
"""

from typing import Literal

from csi.errors import CsiError, known_names

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")

WORDS: dict[str, tuple[str, str]] = {
    # constructs
    "construct.Image": ("Brand image", "品牌形象"),
    "construct.Expectation": ("Expected quality", "预期质量"),
    "construct.Quality": ("Perceived quality", "感知质量"),
    "construct.Value": ("Perceived value", "感知价值"),
    "construct.Satisfaction": ("Customer satisfaction", "客户满意度"),
    "construct.Complaints": ("Complaints", "客户抱怨"),
    "construct.Loyalty": ("Loyalty", "客户忠诚"),
    # dimensions of service quality
    "dimension.reliability": ("Reliability", "可靠性"),
    "dimension.responsiveness": ("Responsiveness", "响应性"),
    "dimension.assurance": ("Assurance", "保证性"),
    "dimension.empathy": ("Empathy", "移情性"),
    "dimension.tangibles": ("Tangibles", "有形性"),
}


def say(code: str, language: str = "en", **values: object) -> str:
    """The text for a code, its fields filled in.

    >>> say("construct.Satisfaction", "zh")
    '客户满意度'
    """
    if language not in LANGUAGES:
        raise CsiError(f"there are words for 'en' and 'zh', not for {language!r}.")
    if code not in WORDS:
        raise CsiError(f"there is no text for {code!r}. {known_names(code, WORDS, 'Known codes are')}")
    text = WORDS[code][LANGUAGES.index(language)]
    return text.format(**values) if values else text


def knows(code: str) -> bool:
    """Whether there is a text for this code."""
    return code in WORDS
