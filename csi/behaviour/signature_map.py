"""Indicators beside behaviours: which go together, cell by cell and as a whole, controls held equal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from csi.behaviour.linkage import Linked
from csi.behaviour.signature import Rule, discoveries, wordings_of
from csi.behaviour.signature_columns import (
    Array,
    Column,
    Indicator,
    behaviours_named,
    columns_of,
    controls_of,
    indicator_of,
    sample_behind,
)
from csi.behaviour.signature_effects import design_of, effects_of
from csi.display import Result, p_text, tidy
from csi.errors import EstimationError
from csi.kernel.canonical import canonical
from csi.survey.codebook import Wording

_OWN = ("indicator", "behaviour", "level", "found", "status")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SignatureMap(Result):
    """Indicators by behaviours: partial correlations with weakness, and the canonical view of all of them together.

    Attributes
    ----------
    cells
        The tidy columns for each pair (term "indicator ~ behaviour"; above 0: goes with weak answers) and: indicator, behaviour
        (its term), level, found (at the false-discovery rate of all cells), status.
    roots
        The tidy columns for each regularised canonical correlation: estimate, p_value (permutation), n, by_chance (what the
        first is on average when answers are exchanged).
    indicator_loadings, behaviour_loadings
        (names x roots) correlations with the canonical variates; those of the indicators are of weakness.
    controls, q, rule, wording
        What was held equal; the false-discovery rate and its rule; names of the indicators in the codebook.
    """

    cells: pd.DataFrame
    roots: pd.DataFrame
    indicator_loadings: pd.DataFrame
    behaviour_loadings: pd.DataFrame
    controls: tuple[str, ...]
    q: float
    rule: Rule
    wording: dict[str, Wording]

    def headline(self) -> list[str]:
        """How many cells stand out and whether the two sets go together at all."""
        first = self.roots.iloc[0]
        behaviours = self.behaviour_loadings["root 1"].sort_values(key=abs, ascending=False, kind="stable").index[:3]
        equal = f", {' and '.join(self.controls)} held equal" if self.controls else ""
        return [
            f"SignatureMap: {len(self.indicator_loadings)} indicators x {len(self.behaviour_loadings)} behaviours{equal}; "
            f"{int(self.cells['found'].sum())} of {int(self.cells['p_value'].notna().sum())} cells stand out "
            f"(false-discovery rate {self.q:.0%})",
            f"canonical correlation {first['estimate']:.2f} (by chance {first['by_chance']:.2f}, p {p_text(first['p_value'])}), "
            f"mostly {', '.join(behaviours)}",
            "association, not proof of cause; above 0 goes with weak answers",
        ]

    def table(self) -> pd.DataFrame:
        """A copy of `cells`."""
        return self.cells.copy()

    def grid(self, column: str = "estimate") -> pd.DataFrame:
        """(indicators x behaviours) one column of the cells, ordered by the first canonical loadings."""
        rows = self.indicator_loadings["root 1"].sort_values(ascending=False, kind="stable").index
        across = self.behaviour_loadings["root 1"].sort_values(ascending=False, kind="stable").index
        return self.cells.set_index(["indicator", "behaviour"])[column].unstack().loc[rows, across]  # noqa: PD010 - no values to join


def signature_map(  # noqa: PLR0913 - what stands on either side, what is held equal, what counts as a find
    linked: Linked,
    indicators: "Sequence[str] | Mapping[str, ArrayLike] | pd.DataFrame",
    *,
    controls: Sequence[str] = ("tier", "tenure"),
    behaviours: Sequence[str] | None = None,
    q: float = 0.10,
    rule: Rule = "bh",
    level: float = 0.95,
    draws: int = 500,
    permutations: int = 999,
    seed: int = 1,
) -> SignatureMap:
    """Indicators by behaviours as `csi.behaviour_signature` sees each pair, and their canonical correlations.

    For the canonical view a gap stands at what the controls lead one to expect; rows are exchanged within the primary units of
    the design, or within strata where respondents were drawn one by one (Vinod 1976; Winkler et al. 2020).

    Parameters
    ----------
    linked, controls, behaviours, q, rule, level, draws, seed
        As for `csi.behaviour_signature`.
    indicators
        Names of items, or name -> values such as `fit.index_scores`.
    permutations
        How often the answers are exchanged.

    Raises
    ------
    EstimationError, LinkError
        As there; fewer than 19 permutations, or no indicator.
    """
    if permutations < 19:
        raise EstimationError(f"a p value needs at least 19 permutations, not {permutations}.")
    given = dict(indicators) if isinstance(indicators, Mapping | pd.DataFrame) else {name: name for name in indicators}
    if not given:
        raise EstimationError("name at least one indicator.")
    Z, controls = controls_of(linked, controls)
    names = behaviours_named(linked, behaviours, controls)
    sides = [indicator_of(linked, values, str(name), None) for name, values in given.items()]
    columns, _ = columns_of(linked, names, np.logical_or.reduce([side.known for side in sides]))
    cells = []
    for side in sides:
        design = design_of(linked, Z, side.known, (draws, seed, level))
        cells += [
            {"term": f"{side.name} ~ {e.column.term}", "indicator": side.name, "behaviour": e.column.term,
             "level": e.column.level, "estimate": e.r, "std_error": e.error, "ci_low": e.interval[0],
             "ci_high": e.interval[1], "p_value": e.p, "n": e.n, "status": e.status}
            for e in effects_of(columns, side, design, shapes=False)
        ]  # fmt: skip
    table = tidy(cells, _OWN)
    tested = table.loc[table["status"] == "", "behaviour"].unique()
    if not len(tested):
        raise EstimationError("none of the behaviours can be tested: all are constant, or follow from the controls.")
    table = table[table["behaviour"].isin(tested)].reset_index(drop=True)
    table["found"] = discoveries(table["p_value"].to_numpy(float), q, rule)
    table.attrs = {"level": level, "interval": "wald"}
    kept = [column for column in columns if column.term in set(tested)]
    roots, left, right = _canonical_view(linked, Z, sides, kept, (permutations, seed))
    return SignatureMap(table, roots, left, right, controls, q, rule, wordings_of(linked))


def _canonical_view(
    linked: Linked, Z: Array, sides: list[Indicator], columns: list[Column], how: tuple[int, int]
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Roots, loadings of the indicators and of the behaviours."""
    rows = linked.frame["row"].to_numpy()
    used = np.logical_or.reduce([side.known for side in sides])
    w, sample = linked.survey.weights[rows][used], sample_behind(linked)
    drawn_in_units = len(np.unique(sample.units)) < len(sample.units)
    sets = np.unique((sample.units if drawn_in_units else sample.strata)[rows][used], return_inverse=True)[1]
    Y = np.column_stack([_residual(side.sign * side.values[used], Z[used], w) for side in sides])
    X = np.column_stack([_residual(column.x[used], Z[used], w) for column in columns])
    found = canonical(X, Y, w, sets, *how)
    roots = [f"root {k + 1}" for k in range(len(found.correlations))]
    table = tidy(
        [{"term": root, "estimate": rho, "p_value": p, "n": int(used.sum()), "by_chance": found.by_chance}
         for root, rho, p in zip(roots, found.correlations, found.p_values, strict=True)],
        ["by_chance"],
    )  # fmt: skip
    left = pd.DataFrame(found.y_loadings, [side.name for side in sides], roots)
    return table, left, pd.DataFrame(found.x_loadings, [column.term for column in columns], roots)


def _residual(x: Array, Z: Array, w: Array) -> Any:  # noqa: ANN401 - an array
    """(n,) what the controls do not tell; 0 at a gap."""
    known = ~np.isnan(x)
    root = np.sqrt(w[known])
    M = np.column_stack([np.ones(known.sum()), Z[known]])
    b = np.linalg.lstsq(M * root[:, None], x[known] * root, rcond=None)[0]
    return np.bincount(np.flatnonzero(known), x[known] - M @ b, minlength=len(x))
