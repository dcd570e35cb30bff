"""The panorama: one tree of all indicators, by wave and slice, with what stands out and where it comes from.

The index stands on constructs and these on items, all in points from 0 to 100 on the current wave's weights; KPIs stand beside
them in their own units. Levels, changes and their intervals are of the replicates of the index. See `csi.index.alerts` for the
rule of alert and merit, `csi.index.tree_nodes` for views, `csi.index.tree_causes` for the way from a result to its cause.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from csi.display import Result
from csi.errors import EstimationError, ModelError, known_names
from csi.index.alerts import ALERT, MERIT
from csi.index.kpi_table import KpiTable
from csi.index.score import MINIMUM_CELL
from csi.index.tree_causes import Causes, Moves
from csi.index.tree_frame import Rule, ViewRows
from csi.index.tree_kpis import KpiMove, kpi_moves
from csi.index.tree_nodes import MODEL, Nodes, View, declared_nodes, model_nodes, root_of
from csi.index.tree_waves import (
    WHOLE,
    Slices,
    Source,
    WaveLevels,
    counts,
    name_of,
    require_alike,
    slices_of,
    survey_of,
    wave_levels,
)
from csi.structural.inference import Bootstrap
from csi.survey.codebook import wordings
from csi.survey.survey import Survey

SHOWN = (
    "term",
    "kind",
    "slice",
    "estimate",
    "ci_low",
    "ci_high",
    "change",
    "change_low",
    "change_high",
    "target_met",
    "verdict",
)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Panorama(Result):
    """The indicator tree.

    `rows` has one row a view, wave, slice and node, parents before children, KPIs last. Columns: the tidy ones (points, or the
    KPI's unit; p_value is that of the rule, of the last wave) and
        view, wave, slice        the slice is "" for the whole, else "region=north"
        kind, parent, unit       index, construct, item or kpi; the node above; unit of a KPI
        published, note          False where fewer answered than the minimum, and why
        shrunken                 level of a slice pulled towards the others of its kind
        change, year_change      since the wave before and since last year, each with _low and _high
        target, red_line, to_target  and target_met: "yes", "no", or "open" where the interval contains the target
        best, to_best            the best slice of its kind and the distance to it, by shrunken levels, with interval
        lead_over, lead          the best rival and the lead over it, with interval; of the whole, if companies are named
        verdict, reason          "alert", "merit" or ""; by "change" or "red line"
        returning                the change takes back a move of the wave before
    """

    rows: pd.DataFrame
    waves: tuple[str, ...]
    views: tuple[str, ...]
    rule: Rule
    moves: Mapping[str, Moves]

    def headline(self) -> list[str]:
        """Where the index stands in each view, and what stands out."""
        lines = []
        for view in self.views:
            now = self.current(view)
            root = now.iloc[0]
            moved = "" if np.isnan(root["change"]) else f", {root['change']:+.1f} since {self.waves[-2]}"
            alerts, merits = ((self.alerts["verdict"] == v) & (self.alerts["view"] == view) for v in (ALERT, MERIT))
            lines.append(
                f"Panorama {self.waves[-1]}, view {view!r}: {root['term']} {root['estimate']:.1f}{moved}; "
                f"{int(alerts.sum())} alerts, {int(merits.sum())} merits, {self._tested(view)} changes tested"
            )
        rule = f"beyond {self.rule.minimum_change:g} points" if self.rule.minimum_change else "of any size"
        lines.append(
            f"alert or merit: a change {rule} at a false-discovery rate of {self.rule.q:.0%}, or a red line crossed"
        )
        if len(self.waves) == 1:
            lines.append("one wave only: nothing to compare with")
        elif self.rows["p_value"].isna().all():
            lines.append("no intervals and no tests: give bootstraps instead of fits")
        return lines

    def table(self) -> pd.DataFrame:
        """A copy of `rows`."""
        return self.rows.copy()

    def shown(self) -> pd.DataFrame:
        """The last wave as a whole, in the first view."""
        return self.current().loc[:, list(SHOWN)]

    def current(self, view: str | None = None, slice: str = WHOLE) -> pd.DataFrame:
        """The rows of the last wave in one view and slice."""
        view = self._known(view, slice)
        rows = self.rows
        here = (rows["view"] == view) & (rows["wave"] == self.waves[-1]) & (rows["slice"] == slice)
        return rows[here].reset_index(drop=True)

    @property
    def alerts(self) -> pd.DataFrame:
        """What stands out in the last wave, alerts first, the surest first."""
        found = self.rows[(self.rows["wave"] == self.waves[-1]) & (self.rows["verdict"] != "")]
        return found.sort_values(["verdict", "p_value"], kind="stable", ignore_index=True)

    def explain(
        self,
        node: str,
        *,
        view: str | None = None,
        slice: str = WHOLE,
        effects: Mapping[str, float] | None = None,
    ) -> Causes:
        """Which children, slices and KPIs explain a node's change since the wave before.

        Parts of a composite, and slices, sum to the change; drivers act through the paths of the model and leave a rest. KPIs
        count with their `effects` (points of the node for one unit of the KPI), and are only shown where none is given.

        Raises
        ------
        ModelError, EstimationError
            An unknown view, node or slice, or one wave only.
        """
        view = self._known(view, slice)
        if view not in self.moves:
            raise EstimationError(
                "there is one wave only, so nothing has moved. Give earlier waves: panorama(now, [before])."
            )
        return self.moves[view].explained(node, slice, effects or {})

    def _tested(self, view: str) -> int:
        return int(self.rows.loc[self.rows["view"] == view, "p_value"].notna().sum())

    def _known(self, view: str | None, slice_: str) -> str:
        view = self.views[0] if view is None else view
        if view not in self.views:
            raise ModelError(f"there is no view {view!r}. {known_names(view, self.views, 'Views are')}")
        slices = self.rows["slice"].unique()
        if slice_ not in slices:
            known = known_names(slice_, [s for s in slices if s], "Its slices are")
            raise EstimationError(f"the panorama has no slice {slice_!r}. {known}")
        return view


def panorama(  # noqa: PLR0913 - each says another part of the picture
    source: Source,
    earlier: Sequence[Source] = (),
    *,
    construct: str = "Satisfaction",
    views: Mapping[str, View] | None = None,
    by: Sequence[str] = (),
    company: tuple[str, str] | None = None,
    kpis: KpiTable | None = None,
    targets: Mapping[str, float] | None = None,
    last_year: str | None = None,
    minimum_change: float = 1.0,
    q: float = 0.10,
    minimum: int = MINIMUM_CELL,
    draws: int = 500,
    seed: int = 1,
    level: float = 0.95,
) -> Panorama:
    """All indicators in one tree, by wave and slice, with alert and merit by a statistical rule.

    Parameters
    ----------
    source
        The current wave's bootstrap; its weights are the ruler. A fit gives levels without intervals. A survey needs no model,
        but views with given weights.
    earlier
        The same of earlier waves, in time order; bootstraps of equal length and each with its own seed.
    construct
        The index of the model's view.
    views
        Name -> parent -> child -> weight: trees with given weights, such as a group's official ones. Leaves are items, or
        constructs of the model, which keep the model's weights. A fit has the view "model" besides.
    by
        Segments of the codebook to slice by.
    company
        (segment, level): the column that names companies and one's own. The tree is then of one's own customers, and leads
        over the others are given.
    kpis
        From `read_kpis`.
    targets
        Node -> target in points.
    last_year
        The wave a year ago; found by itself where waves have names such as 2026Q3 or 2026-09.
    minimum_change
        The least change in points that matters: the rule tests |true change| <= this.
    q
        False-discovery rate of alerts and merits in a wave and view.
    minimum
        Slices with fewer answers are not published.
    draws, seed, level
        Replicates of surveys and their seed, and coverage of the intervals; bootstraps bring their own.

    Raises
    ------
    EstimationError, ModelError, SurveyError
        Waves that cannot be compared, an unknown node, segment or slice, a view that is no tree, a KPI without its parent.

    Examples
    --------
    >>> from csi.survey.codebook import Codebook
    >>> from csi.survey.reading import survey_from_frame
    >>> book = Codebook.from_dict({"scale": {"low": 1, "high": 10}, "items": [{"name": "wait"}, {"name": "staff"}]})
    >>> rng = np.random.default_rng(0)
    >>> def wave(name, wait):
    ...     answers = np.clip(np.rint(rng.normal([wait, 8], 1.5, (400, 2))), 1, 10)
    ...     return survey_from_frame(pd.DataFrame(answers, columns=["wait", "staff"]), book, wave=name)
    >>> view = {"Outlet": {"wait": 0.5, "staff": 0.5}}
    >>> now = panorama(wave("2026Q3", 6), [wave("2026Q2", 7)], views={"local": view})
    >>> now.alerts[["term", "verdict"]].to_dict("list")
    {'term': ['wait', 'Outlet'], 'verdict': ['alert', 'alert']}
    """
    waves = [*earlier, source]
    require_alike(waves)
    if not (minimum_change >= 0 and 0 < q < 1):
        raise EstimationError(f"minimum_change={minimum_change} must be 0 or more, and q={q} lie between 0 and 1.")
    names = tuple(name_of(wave, position) for position, wave in enumerate(waves))
    slices = slices_of(waves, [by] if isinstance(by, str) else by, company)
    trees, items = _trees(source, construct, views or {})
    level = source.level if isinstance(source, Bootstrap) else level
    rule = Rule(dict(targets or {}), minimum_change, q, minimum, level)
    moves = _kpis(kpis, trees, rule, names, slices)
    parts = [ViewRows(nodes, slices, names, rule, _years_before(names, last_year)) for nodes in trees]
    found: list[WaveLevels] = []
    for t, wave in enumerate(waves):
        found = [*found[-1:], wave_levels(wave, source, slices, items, (draws, seed + t))]
        for part in parts:
            part.add(found[-1], counts(wave, slices, items, part.nodes.composition[0] != 0))
    rows = pd.concat([part.frame(moves) for part in parts], ignore_index=True)
    rows.attrs = {"digits": 1, "level": level, "interval": "percentile"} | _wordings(source, items, kpis)
    compared = [p for p in parts if len(found) > 1]
    causes = {
        p.nodes.view: Moves(p.nodes, slices, found[0], found[-1], p.published, tuple(moves), level) for p in compared
    }
    return Panorama(rows, names, tuple(part.nodes.view for part in parts), rule, causes)


def _trees(source: Source, construct: str, views: Mapping[str, View]) -> tuple[list[Nodes], tuple[str, ...]]:
    """The nodes of every view, and the items that all of them stand on."""
    if not isinstance(source, Survey):
        fit = source.fit if isinstance(source, Bootstrap) else source
        fit.require_scale()
        fit.model.construct(construct)
        items = tuple(fit.model.items)
        if MODEL in views:
            raise ModelError(f"{MODEL!r} is the name of the model's own view; call yours otherwise.")
        return [model_nodes(source, construct), *(declared_nodes(n, v, items, source) for n, v in views.items())], items
    if not views:
        raise ModelError("a survey has no model, so it needs a view: views={'local': {'Index': {'item': 1.0, ...}}}.")
    known = [item.name for item in source.codebook.items]
    for name, view in views.items():
        root_of(name, view, set(known))
    used = {child for view in views.values() for children in view.values() for child in children if child not in view}
    items = tuple(item for item in known if item in used)
    return [declared_nodes(name, view, items) for name, view in views.items()], items


def _wordings(source: Source, items: Sequence[str], kpis: KpiTable | None) -> dict[Any, Any]:
    survey = survey_of(source)
    named = {} if kpis is None else {kpi.name: asdict(kpi.wording) for kpi in kpis.kpis}
    if survey is None:
        return {"items": named}
    known = wordings(survey.codebook, list(survey.codebook.constructs), items)
    return dict(known) | {"items": known["items"] | named}


def _kpis(
    table: KpiTable | None, trees: Sequence[Nodes], rule: Rule, waves: Sequence[str], slices: Slices
) -> list[KpiMove]:
    """The KPIs over the waves; unknown nodes, here and among the targets, raise."""
    nodes = list(dict.fromkeys(name for tree in trees for name in tree.names))
    for name in rule.targets:
        if name not in nodes:
            raise ModelError(
                f"targets name {name!r}, which the tree does not have. {known_names(name, nodes, 'Its nodes are')}"
            )
    if table is None:
        return []
    table.require_tree(nodes)
    return kpi_moves(table, waves, slices.names)


def _years_before(waves: Sequence[str], last_year: str | None) -> list[int | None]:
    """For every wave the number of the wave a year before, as the names tell; for the last the one that is named."""
    places = {period: number for number, name in enumerate(waves) if (period := _period(name)) is not None}
    found = [places.get(_a_year_before(period)) if (period := _period(name)) is not None else None for name in waves]
    if last_year is not None:
        if last_year not in waves[:-1]:
            known = known_names(last_year, waves[:-1], "Earlier waves are")
            raise EstimationError(f"last_year={last_year!r} is not among the earlier waves. {known}")
        found[-1] = list(waves).index(last_year)
    return found


def _period(name: str) -> pd.Period | None:
    try:
        return pd.Period(name)
    except ValueError:
        return None


def _a_year_before(period: pd.Period) -> pd.Period:
    """The same months of the year before."""
    return pd.Period(period.start_time - pd.DateOffset(years=1), freq=period.freqstr)
