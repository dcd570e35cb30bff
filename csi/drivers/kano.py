"""Kano's questionnaire: how customers would feel with a feature and without it (Kano, Seraku, Takahashi & Tsuji 1984).

Every feature is asked twice, answered from 1 to 5: I like it, it must be so, I do not care, I can live with it, I dislike it.
The pair of answers says what the feature is to the customer:

                     without it: like  must-be  neutral  live with  dislike
    with it: like                  Q      A        A         A         O
             must-be               R      I        I         I         M
             neutral               R      I        I         I         M
             live with             R      I        I         I         M
             dislike               R      R        R         R         Q

M must-be (a basic need), O one-dimensional (value-adding), A attractive (an extension), I indifferent, R reverse (wanted absent),
Q questionable (the answers contradict each other).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from csi.display import Result, tidy
from csi.errors import EstimationError
from csi.index.score import kish
from csi.kernel.moments import domain_means
from csi.kernel.resample import percentile_interval, standard_error
from csi.structural.answers import Answers, answers_of
from csi.structural.cases import Array
from csi.survey.design import Design
from csi.survey.survey import Survey

EVALUATION = ("QAAAO", "RIIIM", "RIIIM", "RIIIM", "RRRRQ")  # row: with the feature; column: without it
CATEGORIES = ("M", "O", "A", "I", "R", "Q")  # of two equally frequent the first counts (Berger et al. 1993)
_PLACE = np.full((6, 6), -1)  # position of the category by both answers; 0 is a gap
_PLACE[1:, 1:] = [[CATEGORIES.index(category) for category in row] for row in EVALUATION]
_NEEDS = {"M": "basic", "O": "performance", "A": "excitement"}
_SIGNIFICANT = 0.10  # Fong's 1.65 standard errors
_OWN = (
    "worse", "worse_error", "worse_low", "worse_high", "category", "need", "second", "fong_p", "significant", "probability",
    "total_strength", "category_strength", *CATEGORIES,
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Kano(Result):
    """What every feature is to the customers, and what it can do for satisfaction and against dissatisfaction.

    `rows` has the tidy columns for the better coefficient (0 to 1: share of those with a view whom the feature would satisfy)
    and: worse (-1 to 0: share whom its absence would dissatisfy) with standard error and interval, category (the most frequent),
    need ("basic", "performance", "excitement" or ""), second (the next frequent), fong_p (whether the two differ in frequency),
    significant (fong_p below 0.10, as Fong proposed), probability (share of the draws in which the category is the most
    frequent), total_strength (share of M, O and A), category_strength (share of the category less that of the second), and the
    share of every category.
    """

    rows: pd.DataFrame

    def headline(self) -> list[str]:
        """How many features are what."""
        counts = self.rows["category"].value_counts()
        said = ", ".join(f"{counts[c]} {c}" for c in CATEGORIES if c in counts)
        lines = [f"Kano: {len(self.rows)} features; {said}"]
        doubtful = int((~self.rows["significant"].astype(bool)).sum())
        return [*lines, f"{doubtful} of them not clearly, by Fong's test at 10 %"] if doubtful else lines

    def table(self) -> pd.DataFrame:
        """A copy of `rows`."""
        return self.rows.copy()

    def shown(self) -> pd.DataFrame:
        """The categories and coefficients; errors and strengths stand in the table."""
        coefficients = ["estimate", "ci_low", "ci_high", "worse", "worse_low", "worse_high"]
        return self.rows[["term", "category", "probability", "second", "fong_p", *coefficients, *CATEGORIES, "n"]]


def kano(  # noqa: PLR0913 - a frame says nothing of itself: order of answers, weights and design are told
    data: Survey | Any,  # noqa: ANN401 - any frame that narwhals reads
    pairs: Mapping[str, tuple[str, str]],
    *,
    like: Literal[1, 5] = 1,
    anchors: Sequence[str] | None = None,
    weight: str | None = None,
    design: Design | None = None,
    draws: int = 1000,
    seed: int = 1,
    level: float = 0.95,
) -> Kano:
    """Classify features by the questionnaire of Kano et al. (1984), with better and worse coefficients (Berger et al. 1993).

    A respondent counts for a feature if both questions are answered. Better = (A + O)/(A + O + M + I), worse = -(O + M)/(A + O +
    M + I). Fong's (1996) test compares the two most frequent categories, |a - b| against sqrt((a + b)(2n - a - b)/2n); with
    weights n is the effective number of answers (Kish 1965). Intervals resample by the sampling design.

    Parameters
    ----------
    data
        A survey, or a frame.
    pairs
        Feature -> the columns of its functional question (with it) and its dysfunctional one (without it).
    like
        The end of the scale that says "I like it": answers run from 1 = like to 5 = dislike, or the other way round.
    anchors
        The five answers in words, from like to dislike, where the columns hold words.
    weight, design
        Of a plain frame: column of case weights, strata and clusters.
    draws, seed, level
        Number of replicates, their seed, coverage of the intervals.

    Raises
    ------
    EstimationError
        No pairs, an unknown column, an answer that is not 1 to 5, nobody who answered both questions.

    Examples
    --------
    >>> frame = pd.DataFrame({"with": [1, 1, 1, 2, 3], "without": [3, 4, 5, 3, 3]})
    >>> found = kano(frame, {"call button": ("with", "without")}, draws=100)
    >>> found.table()[["category", "estimate", "worse"]].round(2).to_numpy().tolist()
    [['A', 0.6, -0.2]]
    """
    answers = _answers(data, pairs, like, anchors, (weight, design))
    given = np.nan_to_num(answers.X).astype(int)
    found = _PLACE[given[:, ::2], given[:, 1::2]]
    for name, column in zip(pairs, found.T, strict=True):
        if (column < 0).all():
            raise EstimationError(f"nobody answered both questions of {name!r}; leave the feature out.")
    point = _shares(found, answers.weights[None])[0]
    drawn = np.concatenate([_shares(found, W) for W in answers.resamples(draws, seed, level)])
    rows = [_row(name, point[k], drawn[:, k], answers.weights[found[:, k] >= 0], level) for k, name in enumerate(pairs)]
    table = tidy(rows, _OWN)
    table.attrs = {"level": level, "interval": "percentile"}
    return Kano(table)


def evaluate(functional: int, dysfunctional: int) -> str:
    """The category of one pair of answers, 1 (like) to 5 (dislike), or '' where one is missing (0).

    >>> evaluate(1, 5), evaluate(2, 5), evaluate(5, 1)
    ('O', 'M', 'R')
    """
    place = _PLACE[functional, dysfunctional]
    return CATEGORIES[place] if place >= 0 else ""


def _answers(
    data: Any,  # noqa: ANN401
    pairs: Mapping[str, tuple[str, str]],
    like: int,
    anchors: Sequence[str] | None,
    drawn: tuple[str | None, Design | None],
) -> Answers:
    """Columns in pairs, answers from 1 = like to 5 = dislike."""
    if not pairs:
        raise EstimationError("name the questions: pairs={'feature': ('with it', 'without it')}.")
    if like not in (1, 5):
        raise EstimationError(f"like must be 1 or 5, the end of the scale that says 'I like it', not {like!r}.")
    if anchors is not None and len(set(anchors)) != 5:
        raise EstimationError(f"anchors must be five different texts, from like to dislike, not {list(anchors)}.")
    codes = {text.strip(): float(place) for place, text in enumerate(anchors or (), start=1)}
    names = [column for pair in pairs.values() for column in pair]
    answers = answers_of(data, names, weight=drawn[0], design=drawn[1], codes=codes)
    for name in names:
        answers.require_within(name, (1, 5))
    half = np.flatnonzero(answers.X % 1 > 0)
    if len(half):
        case, column = divmod(int(half[0]), len(names))
        raise EstimationError(
            f"column {names[column]!r} has the answer {answers.X[case, column]:g} in case {case}; answers are 1, 2, 3, 4 or 5."
        )
    return answers if like == 1 or codes else replace(answers, X=6 - answers.X)


def _shares(found: NDArray[np.intp], W: Array) -> Array:
    """(B, features, 6) weighted shares of the categories among those who answered both questions."""
    each = (found[:, :, None] == np.arange(len(CATEGORIES))).astype(float)
    each[found < 0] = np.nan
    flat = each.reshape(len(found), -1)
    return domain_means(flat, W, np.ones((1, len(found)), dtype=bool)).reshape(len(W), found.shape[1], -1)


def _coefficients(shares: Array) -> tuple[Array, Array]:
    """Better and worse (...,) from shares (..., 6); NaN where all answers are reverse or questionable."""
    m, o, a, i = (shares[..., k] for k in range(4))
    with np.errstate(invalid="ignore", divide="ignore"):
        return (a + o) / (m + o + a + i), -(o + m) / (m + o + a + i)


def _row(name: str, shares: Array, drawn: Array, weights: Array, level: float) -> dict[str, Any]:
    first, second = np.argsort(-shares.round(12), kind="stable")[:2]
    (better, worse), draws = _coefficients(shares), np.stack(_coefficients(drawn), axis=1)
    error, (low, high) = standard_error(draws), percentile_interval(draws, level)
    whole = drawn[np.isfinite(drawn[:, 0])].round(12)
    p = fong_p(shares[first], shares[second], kish(weights))
    return {
        "term": name, "estimate": float(better), "std_error": error[0], "ci_low": low[0], "ci_high": high[0], "n": len(weights),
        "worse": float(worse), "worse_error": error[1], "worse_low": low[1], "worse_high": high[1],
        "category": CATEGORIES[first],
        "need": _NEEDS.get(CATEGORIES[first], ""),
        "second": CATEGORIES[second],
        "fong_p": p,
        "significant": p < _SIGNIFICANT,
        "probability": float((whole.argmax(axis=1) == first).mean()) if len(whole) else np.nan,
        "total_strength": float(shares[:3].sum()),
        "category_strength": float(shares[first] - shares[second]),
        **dict(zip(CATEGORIES, shares.tolist(), strict=True)),
    }  # fmt: skip


def fong_p(first: float, second: float, n: float) -> float:
    """Two-sided p of Fong's (1996) test whether two shares of the same n answers differ; 1.65 standard errors are p = 0.10.

    >>> round(fong_p(0.5, 0.25, 60), 4)  # 30 and 15 of 60: 15 against the root of 45 x 75 / 120
    0.0047
    """
    both = first + second
    return float(2 * norm.sf(abs(first - second) / np.sqrt(both * (2 - both) / (2 * n))))
