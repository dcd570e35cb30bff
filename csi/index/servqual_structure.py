"""Do the answers have the dimensions that the questionnaire supposes? Four looks at the item correlations, and a plain verdict.

number      how many dimensions go beyond chance: parallel analysis (Horn 1965; 95 % limits, Glorfeld 1995). Dimensions that go
            together closely count as one here, so that this alone decides nothing
distinct    heterotrait-monotrait ratio of every pair: its one-sided 95 % limit should lie below 0.90 (Henseler et al. 2015)
placed      each item goes with the other items of its dimension more than with those of any other dimension
factors     the supposed dimensions as correlated factors by maximum likelihood: average variance extracted (0.50, Fornell &
            Larcker 1981), and the information criterion BIC (Schwarz 1978) against one factor for everything
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from csi.display import Result, tidy
from csi.errors import EstimationError
from csi.index.score import kish
from csi.index.servqual_items import Judgements, Named, judgements_of
from csi.kernel.covariance_structure import Structure, maximum_likelihood
from csi.kernel.likelihood_fit import likelihood_fit
from csi.kernel.moments import Moments, moments
from csi.kernel.parallel_analysis import chance_eigenvalues, dimensions_beyond_chance
from csi.kernel.pls import Layout
from csi.kernel.reliability import average_variance_extracted
from csi.kernel.resample import percentile_interval
from csi.kernel.validity import htmt
from csi.structural.cases import Array
from csi.survey.design import Design
from csi.survey.survey import Survey

Measured = Literal["perception", "gap", "expectation"]
Verdict = Literal["supported", "partly", "not supported"]
_HTMT, _AVE, _LEVEL = 0.90, 0.50, 0.90  # the upper end of a 90 % interval is a one-sided limit of 95 %


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ServqualStructure(Result):
    """Whether the supposed dimensions are those of the answers.

    Attributes
    ----------
    measure
        What was looked at: "perception", "gap" or "expectation".
    supposed, found
        Dimensions of the questionnaire, and those that parallel analysis finds.
    eigenvalues
        component, eigenvalue, limit (the 95 % quantile of chance).
    items
        item, dimension, own (how much it goes with its dimension), nearest (the other dimension with which it goes most), other
        (how much), placed (False where it goes more with the other, beyond chance), loading (in the factor model).
    factors
        One row a model ("supposed", "one"): chi2, df, cfi, rmsea, srmr, bic, converged.
    rows
        The findings: the tidy columns and criterion, required, verdict ("pass", "note", "fail").
    """

    measure: Measured
    supposed: int
    found: int
    eigenvalues: pd.DataFrame
    items: pd.DataFrame
    factors: pd.DataFrame
    rows: pd.DataFrame

    @property
    def verdict(self) -> Verdict:
        """The plain verdict.

        "supported" if nothing fails; "not supported" if one factor describes the answers as well, or if parallel analysis finds
        fewer dimensions and two of them cannot be told apart; else "partly".
        """
        failed = set(self.rows.loc[self.rows["verdict"] == "fail", "criterion"])
        if not failed:
            return "supported"
        fewer = self.found < self.supposed
        return "not supported" if "one_factor" in failed or (fewer and "htmt" in failed) else "partly"

    def headline(self) -> list[str]:
        """The verdict and what it rests on, in plain words."""
        words = {
            "supported": f"The answers have the {self.supposed} dimensions that the questionnaire supposes",
            "partly": f"The {self.supposed} dimensions can be told apart only in part",
            "not supported": f"The answers do not have the {self.supposed} dimensions that the questionnaire supposes",
        }
        pairs = self.rows[(self.rows["criterion"] == "htmt") & (self.rows["verdict"] == "fail")]["term"].tolist()
        strays = self.items.loc[~self.items["placed"], "item"].tolist()
        lines = [
            f"{words[self.verdict]} ({self.measure}s)",
            f"Parallel analysis finds {self.found}; {len(strays)} of {len(self.items)} items go more with another dimension"
            + (f": {_some(strays)}" if strays else ""),
        ]
        if pairs:
            lines.append(f"Hardly told apart: {_some(pairs)}")
        advice = {
            "supported": "",
            "partly": "Read differences between the dimensions named with care; the whole and the items stand",
            "not supported": "Report the whole and the items; compare dimensions only as headings, not as separate qualities",
        }
        return [*lines, *([advice[self.verdict]] if advice[self.verdict] else [])]

    def table(self) -> pd.DataFrame:
        """A copy of `rows`."""
        return self.rows.copy()


def servqual_structure(
    data: Survey | Any,  # noqa: ANN401 - any frame that narwhals reads
    statements: Mapping[str, Sequence[Named]] | None = None,
    *,
    measure: Measured = "perception",
    weight: str | None = None,
    design: Design | None = None,
    draws: int = 1000,
    seed: int = 1,
) -> ServqualStructure:
    """Check the supposed dimensions against the answers: their number, and whether items and dimensions can be told apart.

    Missing answers are treated by the moments of the normal distribution under which the others are most likely.

    Parameters
    ----------
    data, statements, weight, design
        As for `csi.servqual`; two dimensions at least.
    measure
        "perception", "gap" (as Parasuraman, Zeithaml & Berry 1988 did; less reliable) or "expectation".
    draws, seed
        Replicates of the survey for the limits of HTMT, as many random samples for parallel analysis, and their seed.

    Raises
    ------
    EstimationError
        Fewer than two dimensions, answers that were not asked, too few or constant answers.
    """
    if measure not in get_args(Measured):
        raise EstimationError(f"measure must be one of {', '.join(map(repr, get_args(Measured)))}, not {measure!r}.")
    asked = judgements_of(data, statements, weight=weight, design=design)
    X = {"perception": asked.perception, "expectation": asked.expectation}.get(
        measure, asked.perception - asked.expectation
    )
    used = np.asarray(~np.isnan(X).all(axis=1)) & asked.used
    W = np.where(used, asked.source.weights, 0.0)[None]
    layout = _layout(asked)
    base = moments(X, W)
    R, n = base.correlation[0], int(base.n[0])
    _require_correlations(asked, R, n, measure)
    effective = max(round(kish(W[0][used])), X.shape[1] + 1)
    values = np.linalg.eigvalsh(R)[::-1]
    found, limits = dimensions_beyond_chance(values, chance_eigenvalues(effective, len(R), draws, seed))
    items, (factors, ave, loadings) = _items(asked, R, layout), _factors(R, layout, n)
    ratios, margins = _replicates(asked, X, layout, items, asked.source.resamples(draws, seed, _LEVEL), base)
    items["placed"] = ~(percentile_interval(margins, _LEVEL)[1] < 0)
    items["loading"] = loadings
    parts = (found, htmt(R[None], layout)[0], percentile_interval(ratios, _LEVEL)[1], ave)
    rows = tidy(_findings(asked, parts, items, factors, n), ["criterion", "required", "verdict"])
    eigenvalues = pd.DataFrame({"component": range(1, len(R) + 1), "eigenvalue": values, "limit": limits})
    return ServqualStructure(measure, len(asked.dimensions), found, eigenvalues, items, factors, rows)


def _some(names: Sequence[str], most: int = 4) -> str:
    """The first names, and how many more there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _layout(asked: Judgements) -> Layout:
    names = asked.dimensions
    if len(names) < 2:
        raise EstimationError(
            f"there is one dimension only, {names[0]!r}: nothing can be told apart. Name two or more."
        )
    block = np.array([names.index(statement.dimension) for statement in asked.statements], dtype=np.intp)
    none = np.zeros(len(names), dtype=bool)
    return Layout(block, none, ~none, np.zeros((len(names), len(names)), dtype=bool))


def _require_correlations(asked: Judgements, R: Array, n: int, measure: str) -> None:
    for statement, r in zip(asked.statements, np.diagonal(R), strict=True):
        if np.isnan(r):
            raise EstimationError(
                f"the {measure}s of {statement.perception!r} were not asked or do not vary, so that they go with nothing. Leave "
                "the statement out."
            )
    if n <= len(R) or np.linalg.eigvalsh(R)[0] < 1e-10:
        raise EstimationError(
            f"the correlations of {len(R)} items over {n} answers are singular: the answers are too few, or an item repeats "
            "others. Leave items out."
        )


def _goes_with(R: Array, layout: Layout) -> Array:
    """(B, p, d) how much every item goes with the items of every dimension, itself left out."""
    size = layout.sizes.astype(float)
    inside = np.eye(len(size))[layout.block]
    total = R @ inside - inside
    number = size - inside
    within = np.einsum("bpd,pd->bd", total, inside) / np.maximum(size * (size - 1), 1)
    root = np.sqrt(np.where(size > 1, np.where(within > 0, within, np.nan), 1.0))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(total / number / root[:, None, :])


def _items(asked: Judgements, R: Array, layout: Layout) -> pd.DataFrame:
    """Every item with its own dimension and with the nearest other."""
    own = np.eye(len(asked.dimensions), dtype=bool)[layout.block]
    goes = _goes_with(R[None], layout)[0]
    others = np.where(own | np.isnan(goes), -np.inf, goes)
    nearest = others.argmax(axis=1)
    return pd.DataFrame(
        {
            "item": [statement.perception for statement in asked.statements],
            "dimension": [statement.dimension for statement in asked.statements],
            "own": goes[own],
            "nearest": [asked.dimensions[d] for d in nearest],
            "other": others.max(axis=1),
        }
    )


def _replicates(
    asked: Judgements, X: Array, layout: Layout, items: pd.DataFrame, resamples: Iterator[Array], base: Moments
) -> tuple[Array, Array]:
    """HTMT (B, d, d), and by how much each item goes more with its own dimension than with the nearest other (B, p)."""
    nearest = np.array([asked.dimensions.index(name) for name in items["nearest"]], dtype=np.intp)
    at = np.arange(len(nearest))
    ratios, margins = [], []
    for W in resamples:
        met = ~np.isnan(W).any(axis=1)  # a replicate that cannot meet its margins is left out
        R = moments(X, W[met], start=base).correlation
        goes = _goes_with(R, layout)
        ratios.append(htmt(R, layout))
        margins.append(goes[:, at, layout.block] - goes[:, at, nearest])
    return np.concatenate(ratios), np.concatenate(margins)


def _factors(R: Array, layout: Layout, n: int) -> tuple[pd.DataFrame, Array, Array]:
    """Fit of the supposed dimensions as correlated factors and of one factor; AVE (d,) and loadings (p,) of the former."""
    single = np.zeros(1, dtype=bool)
    one = Layout(np.zeros(len(R), dtype=np.intp), single, ~single, single[:, None])
    rows, loadings = [], np.full(len(R), np.nan)
    for name, each in (("supposed", layout), ("one", one)):
        structure = Structure.of(each)
        maximum = maximum_likelihood(R, structure, structure.start(R))
        row: dict[str, Any] = {"model": name, "df": structure.degrees_of_freedom, "converged": maximum.converged}
        if maximum.converged:
            solution = structure.solution(maximum.theta)
            fit = likelihood_fit(R, solution.Sigma, structure.degrees_of_freedom, n)
            row |= {"chi2": fit.chi2, "cfi": fit.cfi, "rmsea": fit.rmsea, "srmr": fit.srmr, "bic": fit.bic}
            loadings = solution.standardised().loadings if name == "supposed" else loadings
        rows.append(row)
    ave = np.array([float(average_variance_extracted(loadings[block])) for block in layout.slices])
    columns = ["model", "chi2", "df", "cfi", "rmsea", "srmr", "bic", "converged"]
    return pd.DataFrame(rows, columns=columns), ave, loadings


def _findings(
    asked: Judgements,
    parts: tuple[int, Array, Array, Array],
    items: pd.DataFrame,
    factors: pd.DataFrame,
    n: int,
) -> list[dict[str, Any]]:
    found, ratios, upper, ave = parts
    names = asked.dimensions

    def row(
        criterion: str, term: str, estimate: float, required: str, good: object, bad: str = "fail"
    ) -> dict[str, Any]:
        verdict = "pass" if bool(good) else bad
        return {
            "term": term,
            "estimate": estimate,
            "n": n,
            "criterion": criterion,
            "required": required,
            "verdict": verdict,
        }

    rows = [row("dimensions", "model", found, str(len(names)), found == len(names), "note")]
    bic = factors.set_index("model")["bic"]
    gained = bic["one"] - bic["supposed"]
    rows.append(row("one_factor", "model", gained, "> 0", gained > 0, "note" if np.isnan(gained) else "fail"))
    pairs: list[tuple[int, int]] = [(j, k) for j in range(len(names)) for k in range(j)]
    for j, k in pairs:
        limit = upper[j, k]
        bad = "note" if np.isnan(limit) else "fail"
        rows.append(row("htmt", f"{names[k]} ~ {names[j]}", ratios[j, k], f"limit < {_HTMT}", limit < _HTMT, bad))
        rows[-1]["ci_high"] = limit
    for item in items.itertuples():
        margin = float(item.own) - float(item.other)  # type: ignore[arg-type]
        bad = "note" if item.placed else "fail"
        rows.append(row("placed", str(item.item), margin, ">= 0", not margin < 0, bad))
    rows += [
        row("ave", name, value, f">= {_AVE:.2f}", value >= _AVE or np.isnan(value), "note")
        for name, value in zip(names, ave, strict=True)
    ]
    return rows
