"""Which of many hypotheses to reject when only a small share of the rejections may be wrong.

Notation: p (m,) p values, NaN where a hypothesis cannot be tested; q the share of wrong rejections that is tolerated.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

from csi.kernel.small_matrices import Array


def benjamini_hochberg(p: Array, q: float) -> NDArray[np.bool_]:
    """(m,) the hypotheses rejected at false-discovery rate q (Benjamini & Hochberg 1995); what is NaN does not count.

    >>> benjamini_hochberg(np.array([0.04, 0.9, 0.001, np.nan]), 0.10).tolist()
    [True, False, True, False]
    """
    order = np.argsort(p)  # NaN last
    tested = int(np.count_nonzero(~np.isnan(p)))
    passing = np.flatnonzero(p[order[:tested]] <= q * np.arange(1, tested + 1) / max(tested, 1))
    found = np.zeros(len(p), dtype=bool)
    found[order[: int(passing[-1]) + 1 if len(passing) else 0]] = True
    return found


def simes(p: Array) -> float:
    """The p value of the hypothesis that all of these are true (Simes 1986); NaN if none can be tested.

    >>> simes(np.array([0.5, 0.02, np.nan]))
    0.04
    """
    tested = np.asarray(np.sort(p[~np.isnan(p)]))
    return float(np.min(tested * len(tested) / np.arange(1, len(tested) + 1))) if len(tested) else np.nan


def tree_discoveries(p: Array, parents: Sequence[int] | NDArray[np.intp], q: float) -> NDArray[np.bool_]:
    """(m,) the nodes of a tree whose own hypothesis is rejected, going down level by level (Yekutieli 2008).

    A node is gone into by the hypothesis that nothing moved at the node or anywhere below it, tested by Simes's p value of all
    those, and not by its own p value: moves that cancel each other above are found. The roots are one family of such
    hypotheses; in a node that is gone into, its own hypothesis and those of its children are the next. Each family is tested
    by Benjamini & Hochberg at q. Where no hypothesis of the tree is false, the probability of any rejection is at most q (Simes;
    independent or positively dependent p values).

    Parameters
    ----------
    p
        (m,) each node's own p value; NaN where it has none, which hides nothing below it.
    parents
        (m,) number of each node's parent, which comes before it; -1 for a root.

    >>> tree_discoveries(np.array([0.8, 0.6, 0.0001, 0.7]), [-1, 0, 1, 1], 0.10).tolist()
    [False, False, True, False]
    """
    children: list[list[int]] = [[] for _ in p]
    roots: list[int] = []
    for node, parent in enumerate(parents):
        (children[parent] if parent >= 0 else roots).append(node)
    whole = [p[[node]] for node in range(len(p))]  # of each node and all below it
    for node in reversed(range(len(p))):
        whole[node] = np.concatenate([whole[node], *(whole[child] for child in children[node])])
    gates = np.array([simes(each) for each in whole])
    found = np.zeros(len(p), dtype=bool)
    waiting = [root for root, passes in zip(roots, benjamini_hochberg(gates[roots], q), strict=True) if passes]
    while waiting:
        node = waiting.pop()
        own, *below = benjamini_hochberg(np.append(p[node], gates[children[node]]), q)
        found[node] = own
        waiting += [child for child, passes in zip(children[node], below, strict=True) if passes]
    return found


def p_beyond(change: Array, error: Array, least: Array | float = 0.0, freedom: Array | float = np.inf) -> Array:
    """Of the hypothesis |true change| <= least, the p values of estimates with a standard error (of `freedom` degrees).

    The probability of an estimate as far from 0 when the true change is `least`, where it is largest: with least = 0 the usual
    two-sided p. NaN without a positive error.

    >>> p_beyond(np.array([1.96, 2.96]), np.array([1.0, 1.0]), np.array([0.0, 1.0])).round(3).tolist()
    [0.05, 0.025]
    """
    size, error = np.abs(change), np.where(np.asarray(error) > 0, error, np.nan)
    far, near = (size + least) / error, (size - least) / error
    exact = np.isinf(freedom)
    degrees = np.where(exact, 1.0, freedom)
    tails = [np.where(exact, norm.sf(z), t.sf(z, degrees)) for z in (near, far)]
    return np.asarray(np.minimum(tails[0] + tails[1], 1.0))
