"""Signs of careless answering in the answers of each respondent: arrays in, arrays out.

Notation
    X  (n, p)  answers as they were given, before reversed items are turned, NaN at gaps, items in the order asked
    P  (n, p)  the same as positions on the item's scale: 0 its low end, 1 its high end
    T  (n, p)  positions after reversed items are turned, so that the items of a construct run one way
All signs but runs and arrangements are functions of positions: the units of an item do not matter. NaN where a respondent
answered too little, or everything alike, for the sign to exist.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln
from scipy.stats import beta

from csi.kernel.missing import completed, most_likely
from csi.kernel.small_matrices import Array

FEWEST_ANSWERS = 6  # of a respondent, for a spread or a correlation over items
FEWEST_CONSTRUCTS = 5  # with two halves each, for a correlation over constructs
FEWEST_RESPONDENTS = 30  # to say what is usual among respondents
_NORMAL = 1.4826  # median absolute deviation of a normal variable to its standard deviation
_ROUNDING = 1e-12

Index = NDArray[np.intp]


def longest_run(X: Array, scale: Index) -> Array:
    """(n,) most identical answers in a row; a gap neither ends a run nor adds to it, a change of `scale` (p,) ends it.

    >>> longest_run(np.array([[7.0, 7, np.nan, 7, 2]]), np.zeros(5, dtype=int)).tolist()
    [3.0]
    """
    longest, run, last = np.zeros(len(X)), np.zeros(len(X)), np.full(len(X), np.nan)
    for item in range(X.shape[1]):
        if item and scale[item] != scale[item - 1]:
            last = np.full(len(X), np.nan)
        answer = X[:, item]
        answered = ~np.isnan(answer)
        run = np.where(answered, np.where(answer == last, run + 1, 1), run)
        last = np.where(answered, answer, last)
        longest = np.maximum(longest, run)
    return longest


def straightlined(X: Array, batteries: Sequence[Index], fewest: int) -> tuple[Array, Array, Array]:
    """(n,) batteries without any variation, (n,) batteries with `fewest` answers or more, (n,) answers in these."""
    flat, seen, answers = np.zeros(len(X)), np.zeros(len(X)), np.zeros(len(X))
    for items in batteries:
        block = X[:, items]
        n = (~np.isnan(block)).sum(axis=1)
        enough = n >= fewest
        seen += enough
        answers += np.where(enough, n, 0)
        flat[enough] += np.nanmin(block[enough], axis=1) == np.nanmax(block[enough], axis=1)
    return flat, seen, answers


def response_variability(P: Array) -> Array:
    """(n,) standard deviation of a respondent's positions over items: IRV (Dunn et al. 2018).

    >>> response_variability(np.array([[0.0, 1, 0, 1, 0, 1]])).round(4).tolist()
    [0.5477]
    """
    n, mean = _count_and_mean(P)
    squares = np.nansum((P - mean[:, None]) ** 2, axis=1)
    return np.where(n >= FEWEST_ANSWERS, np.sqrt(squares / np.maximum(n - 1, 1)), np.nan)


def spread_within_constructs(T: Array, constructs: Sequence[Index]) -> Array:
    """(n,) standard deviation of a respondent's positions within constructs, pooled over them: ISD (Marjanovic et al. 2015).

    Each item is taken from its mean over all respondents, so that an item that everyone rates low does not count as spread.
    """
    squares, df = np.zeros(len(T)), np.zeros(len(T))
    with np.errstate(invalid="ignore"):
        centred = T - _count_and_mean(T.T)[1]
    for items in constructs:
        block = centred[:, items]
        n, mean = _count_and_mean(block)
        squares += np.nansum((block - mean[:, None]) ** 2, axis=1)
        df += np.maximum(n - 1, 0)
    return np.where(df >= FEWEST_ANSWERS, np.sqrt(squares / np.maximum(df, 1)), np.nan)


def person_total_correlation(T: Array) -> Array:
    """(n,) correlation over items of a respondent's answers with the means of everyone else (Donlon & Fischer 1968).

    Of answers after turning: before it, whoever is dissatisfied where most are content would seem to run against the others.
    """
    answered = ~np.isnan(T)
    others = answered.sum(axis=0) - answered
    totals = np.nansum(T, axis=0) - np.where(answered, T, 0.0)
    return row_correlation(T, np.where(others > 0, totals / np.maximum(others, 1), np.nan), FEWEST_ANSWERS)


def even_odd_consistency(T: Array, constructs: Sequence[Index]) -> tuple[Array, Array]:
    """(n,) correlation over constructs of the means of odd and of even items, and the same stepped up to full length.

    The step is Spearman-Brown's, no lower than -1 (Jackson 1977; Johnson 2005).
    """
    halves = [c for c in constructs if len(c) > 1]
    odd = np.column_stack([_count_and_mean(T[:, c[0::2]])[1] for c in halves]) if halves else T[:, :0]
    even = np.column_stack([_count_and_mean(T[:, c[1::2]])[1] for c in halves]) if halves else T[:, :0]
    r = row_correlation(odd, even, FEWEST_CONSTRUCTS)
    return r, np.maximum(2 * r / np.maximum(1 + r, 1e-9), -1.0)


def row_correlation(A: Array, B: Array, fewest: int) -> Array:
    """(n,) correlation of each row of A with the row of B over the columns where both are known, at least `fewest`."""
    both = ~np.isnan(A) & ~np.isnan(B)
    n = both.sum(axis=1)

    def centred(Z: Array) -> Array:
        mean = np.where(both, Z, 0.0).sum(axis=1) / np.maximum(n, 1)
        return np.where(both, Z - mean[:, None], 0.0)

    a, b = centred(A), centred(B)
    size = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    defined = (n >= fewest) & (size > _ROUNDING)
    return np.where(defined, np.clip((a * b).sum(axis=1) / np.where(defined, size, 1.0), -1, 1), np.nan)


def outlier_probability(P: Array) -> Array:
    """(n,) chance that an honest respondent lies as far out by Mahalanobis distance on the q items answered (DeSimone 2015).

    Mean and covariance are EM's from all n respondents, gaps included. The distance of a row that helped to estimate them is
    (n - 1)^2/n times a Beta(q/2, (n - q - 1)/2) variable where answers are normal (Gnanadesikan & Kettenring 1972); it is that
    of the row completed at its conditional means. NaN for all where respondents are too few for the items, or EM does not settle.
    """
    chance, gap = np.full(len(P), np.nan), np.isnan(P)
    varies = np.where(gap, -np.inf, P).max(axis=0, initial=-np.inf) > np.where(gap, np.inf, P).min(
        axis=0, initial=np.inf
    )
    some = ~gap[:, varies].all(axis=1)
    X = P[np.ix_(some, varies)]
    n, p = X.shape
    if n < max(FEWEST_RESPONDENTS, 2 * p) or not p:
        return chance
    m = most_likely(X, np.ones((1, n)))
    cov, mean = m.cov[0], m.mean[0]
    if not np.isfinite(cov).all() or np.linalg.eigvalsh(m.correlation[0])[0] < 1e-8:
        return chance
    D = completed(X, mean, cov) - mean
    squared = (D * np.linalg.solve(cov, D.T).T).sum(axis=1)
    q = (~np.isnan(X)).sum(axis=1)
    chance[some] = beta.sf(np.clip(squared * n / (n - 1) ** 2, 0, 1), q / 2, (n - q - 1) / 2)
    return chance


def contradictions(P: Array, blocks: Sequence[tuple[Index, Index]], margin: float = 0.25) -> Array:
    """(n,) constructs whose straight and whose reversed items were both answered near the same end, as they were given.

    Near is `margin` of the scale or more beyond its middle, in the mean of either. NaN where no block was answered.
    """
    count, seen = np.zeros(len(P)), np.zeros(len(P))
    for straight, reverse in blocks:
        one, other = (_count_and_mean(P[:, items])[1] - 0.5 for items in (straight, reverse))
        with np.errstate(invalid="ignore"):
            same_side = np.minimum(np.abs(one), np.abs(other)) >= margin - _ROUNDING
            count += same_side & (one * other > 0)
        seen += ~np.isnan(one) & ~np.isnan(other)
    return np.where(seen > 0, count, np.nan)


def twins(cells: Array) -> tuple[Index, Array]:
    """(n,) first respondent with the very same cells, -1 for whoever is that first one; (n,) chance of it among honest ones.

    A pattern is broken into runs of one answer, which are taken for one decision each. Respondents who use the same answers may
    order their runs in r!/(r_1! r_2! ...) ways, r_v being the runs of answer v: with two runs of 10 and one of 9 that is 3, and
    to meet is no wonder; with seventeen runs of five answers it is more than 10^9. The chance is that any two of the respondents
    who gave the same answers in whatever order meet in one way, times the number of such groups (Bonferroni). So a pattern
    without variation is never improbable, however many items it has. `cells` (n, p) hold a number for each kind of gap.
    """
    first, chance = np.full(len(cells), -1, dtype=np.intp), np.full(len(cells), np.nan)
    same = _groups(cells)
    alike = _groups(np.sort(cells, axis=1))
    size = np.bincount(alike)
    families = int((size > 1).sum())
    order = np.argsort(same, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(same[order])) + 1):
        if len(members) > 1:
            people = size[alike[members[0]]]
            pairs = people * (people - 1) / 2
            first[members[1:]] = members[0]
            chance[members[1:]] = min(1.0, families * pairs * np.exp(-log_arrangements(cells[members[0]])))
    return first, chance


def log_arrangements(cells: Array) -> float:
    """Log of the ways to order the runs of one respondent's answers (p,).

    >>> float(np.exp(log_arrangements(np.array([10.0, 10, 9, 10]))).round(9))
    3.0
    """
    if not len(cells):
        return 0.0
    heads = cells[np.concatenate([[True], cells[1:] != cells[:-1]])]
    of_value = np.unique(heads, return_counts=True)[1]
    return float(gammaln(len(heads) + 1) - gammaln(of_value + 1).sum())


def fence(values: Array, deviations: float) -> tuple[float, float]:
    """Values beyond these stand out: the median minus and plus `deviations` robust standard deviations (Leys et al. 2013).

    NaN where fewer than `FEWEST_RESPONDENTS` have a value or half of them have the same.
    """
    known = values[~np.isnan(values)]
    if len(known) < FEWEST_RESPONDENTS:
        return np.nan, np.nan
    median = float(np.median(known))
    width = deviations * _NORMAL * float(np.median(np.abs(known - median)))
    return (median - width, median + width) if width > _ROUNDING else (np.nan, np.nan)


def _count_and_mean(Z: Array) -> tuple[Array, Array]:
    """Of every row: known cells, and their mean (NaN if none)."""
    n = (~np.isnan(Z)).sum(axis=1)
    return n.astype(float), np.where(n > 0, np.nansum(Z, axis=1) / np.maximum(n, 1), np.nan)


def _groups(cells: Array) -> Index:
    """(n,) number of the distinct row that each row is."""
    numbers: dict[bytes, int] = {}
    rows = np.ascontiguousarray(cells)
    return np.array([numbers.setdefault(row.tobytes(), len(numbers)) for row in rows], dtype=np.intp)
