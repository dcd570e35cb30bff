"""A model as lavaan and semopy read it, and semopy's estimate of it.

semopy's estimates are taken as the place from which to look for the maximum, and nothing else of it is used: its
log-likelihood is the discrepancy, its error columns hold text, and it accepts missing answers without a word.
"""

import warnings
from collections.abc import Mapping

import numpy as np
import pandas as pd

from csi.kernel.covariance_structure import Structure
from csi.kernel.small_matrices import Array
from csi.model.construct import Construct
from csi.model.model import Model

Term = tuple[str, str, str]  # left, operator, right


def lavaan_text(model: Model) -> str:
    """The model with every construct as a common factor, so that `lavaan::sem(text, fixed.x = FALSE)` fits the same one.

    A construct of one item stands for that item. Exogenous constructs covary; residuals are said not to, because lavaan
    would free those of the last effects.

    >>> measured = "Quality <~ q1 + q2; Complaints <~ c; Loyalty <~ l"
    >>> print(lavaan_text(Model.parse(measured + "; Complaints ~ Quality; Loyalty ~ Quality")))
    Quality =~ q1 + q2
    c ~ Quality
    l ~ Quality
    c ~~ 0*l
    """
    called = {c.name: c.name if len(c.items) > 1 else c.items[0] for c in model.constructs}
    lines = [f"{c.name} =~ {' + '.join(c.items)}" for c in model.constructs if len(c.items) > 1]
    lines += [
        f"{called[name]} ~ {' + '.join(called[c] for c in model.causes(name))}"
        for name in model.names
        if model.causes(name)
    ]
    exogenous = [name for name in model.names if not model.causes(name)]
    last = [name for name in model.names if model.causes(name) and not model.paths.get(name)]
    for names, factor in ((exogenous, ""), (last, "0*")):
        lines += [f"{called[a]} ~~ {factor}{called[b]}" for i, a in enumerate(names) for b in names[i + 1 :]]
    return "\n".join(lines)


def terms_of(model: Model, structure: Structure) -> list[tuple[str, str]]:
    """Kind and term of every entry of a solution, in the order of `Structure.entries`."""
    items, names, layout = model.items, model.names, structure.layout
    loadings = [("loading", f"{names[layout.block[i]]} =~ {items[i]}") for i in structure.residuals]
    paths = [("path", f"{names[j]} -> {names[k]}") for j, k in zip(structure.path_from, structure.path_to, strict=True)]
    residuals = [("residual", f"{items[i]} ~~ {items[i]}") for i in structure.residuals]
    variances = [("variance", f"{name} ~~ {name}") for name in names]
    pairs = zip(structure.left, structure.right, strict=True)
    return loadings + paths + residuals + variances + [("covariance", f"{names[j]} ~~ {names[k]}") for j, k in pairs]


def semopy_estimates(model: Model, R: Array, n: int) -> Mapping[Term, float]:
    """Maximum-likelihood estimates by semopy (objective MLW) from item correlations R; empty if it cannot fit the model."""
    import semopy  # noqa: PLC0415 - takes seconds to import

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            fitted = semopy.Model(lavaan_text(model))
            fitted.fit(cov=pd.DataFrame(R, model.items, model.items), n_samples=n, obj="MLW")
            table = fitted.inspect(std_est=False)
        except (ArithmeticError, ValueError):
            return {}
    terms = zip(table["lval"], table["op"], table["rval"], strict=True)
    return dict(zip(terms, table["Estimate"].astype(float), strict=True))


def start_from_semopy(model: Model, structure: Structure, R: Array, n: int) -> Array:
    """(q,) values from which to look for the maximum: semopy's where it has some that make sense, else plain ones."""
    neutral = _neutral(model)
    found = semopy_estimates(neutral, R, n)
    plain = structure.start(R)
    items = neutral.items
    called = [c.name if len(c.items) > 1 else c.items[0] for c in neutral.constructs]
    own = structure.layout.block[structure.free_loadings]
    terms: list[Term] = [(items[i], "~", called[j]) for i, j in zip(structure.free_loadings, own, strict=True)]
    terms += [(called[k], "~", called[j]) for j, k in zip(structure.path_from, structure.path_to, strict=True)]
    terms += [(items[i], "~~", items[i]) for i in structure.residuals]
    terms += [(name, "~~", name) for name in called]
    pairs = list(zip(structure.left, structure.right, strict=True))
    terms += [(called[j], "~~", called[k]) for j, k in pairs]
    turned = {(right, operator, left): value for (left, operator, right), value in found.items() if operator == "~~"}
    start = np.array([found.get(t, turned.get(t, value)) for t, value in zip(terms, plain, strict=True)])
    Sigma = structure.solution(start).Sigma
    usable = np.isfinite(Sigma).all() and np.linalg.eigvalsh(Sigma)[0] > 0
    return start if usable else plain


def _neutral(model: Model) -> Model:
    """The model under names that any syntax can read."""
    name = {c.name: f"f{j}" for j, c in enumerate(model.constructs)}
    item = {i: f"x{k}" for k, i in enumerate(model.items)}
    constructs = [Construct(name[c.name], [item[i] for i in c.items]) for c in model.constructs]
    return Model(constructs, {name[cause]: [name[e] for e in effects] for cause, effects in model.paths.items()})
