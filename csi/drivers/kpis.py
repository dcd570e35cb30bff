"""Operational figures and what customers say: how satisfaction items move with KPIs within outlets, month by month.

Cells      an outlet in a month: the weighted mean of the answers, weighted in turn by Kish's effective number of answers
Model      mean of item = outlet + month + sum of coefficient x KPI (all KPIs together) + error. What differs between outlets
           for good and what moves all outlets alike is out of the comparison (two-way fixed effects).
Errors     of one outlet's months go together (Bertrand, Duflo & Mullainathan 2004): clustered by outlet with the factor
           G/(G - 1) (n - 1)/(n - m) and t with G - 1 degrees of freedom; m leaves out the outlets' effects, which lie within the
           clusters. With few outlets the wild cluster bootstrap (Cameron, Gelbach & Miller 2008; Webb 2023) takes their place.
Delay      a KPI may show in the answers some months later. Where several delays are tried, on the same cells, the likeliest is
           taken: all have equally many coefficients, so that every information criterion agrees. For having looked at D delays,
           intervals have the level 1 - (1 - level)/D and p values are D times as large (Bonferroni; Berk et al. 2013), which
           holds however one chooses.
Findings   false-discovery rate over all items x KPIs (Benjamini & Hochberg 1995).
A coefficient is an association: whatever else changed in the same outlet and month is not held fixed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import false_discovery_control

from csi.display import Result, tidy
from csi.drivers.fixed_effects import ClusterTest, design, require_panel, typical_changes, with_twins
from csi.drivers.kpi_panel import Array, Panel, answers_of, panel_of
from csi.errors import EstimationError, known_names
from csi.survey.codebook import Wording, wordings
from csi.words import say

Errors = Literal["auto", "cluster", "wild"]
_FEW = 30  # outlets below which "auto" takes the wild bootstrap
_MOST_DELAYS = 64  # combinations of delays tried
_OWN = ("kpi", "item", "delay", "q_value", "linked", "typical_change", "answers", "outlets")


@dataclass(frozen=True, slots=True)
class KpiWords:
    """How people speak of a KPI: its name, its unit, the change they think in, and which way is better."""

    name: Wording = field(default_factory=Wording)
    unit: Wording = field(default_factory=Wording)
    step: float = 1.0
    better: Literal["low", "high"] = "high"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class KpiEffects(Result):
    """What goes with one unit more of each KPI, in the items' own units.

    Attributes
    ----------
    rows
        The tidy columns (n: cells) and: kpi, item, delay (periods), q_value (p value adjusted for all rows), linked (q_value at
        most 1 - level), typical_change (standard deviation of the KPI once outlets and months are taken out), answers, outlets.
    errors
        "cluster" or "wild".
    delays
        The delays tried, best first: one column a KPI and `loss`, how much less likely than the best (log-likelihood).
    gaps
        Outlet and period of every hole in the KPI table.
    kpis
        How people speak of the KPIs.
    """

    rows: pd.DataFrame
    errors: str
    level: float
    delays: pd.DataFrame
    gaps: pd.DataFrame
    kpis: Mapping[str, KpiWords]
    cells: int
    respondents: tuple[int, int]
    outlets: int
    periods: tuple[str, str]

    def table(self) -> pd.DataFrame:
        """A copy of `rows`."""
        return self.rows.copy()

    def shown(self) -> pd.DataFrame:
        """What decides, clearest first."""
        columns = ["term", "estimate", "ci_low", "ci_high", "q_value", "linked", "delay", "n"]
        return self.rows.sort_values("p_value", kind="stable")[columns]

    def headline(self) -> list[str]:
        """Sizes, how the errors were found, and what this is not."""
        used, asked = self.respondents
        how = (
            f"errors clustered by outlet, t with {self.outlets - 1} degrees of freedom"
            if self.errors == "cluster"
            else f"wild cluster bootstrap over {self.outlets} outlets"
        )
        lines = [
            f"KPI effects: {self.rows['kpi'].nunique()} KPIs, {self.rows['item'].nunique()} items; {self.outlets} outlets, "
            f"{self.periods[0]} to {self.periods[1]}, {self.cells:,} cells of {used:,} answers"
            + (f"; {asked - used:,} without KPIs left out" if asked > used else ""),
            f"{int(self.rows['linked'].sum())} of {len(self.rows)} linked at a false-discovery rate of {1 - self.level:.0%}; "
            f"outlet and period effects taken out; {how}",
        ]
        if len(self.delays) > 1:
            chosen = ", ".join(f"{name} {delay}" for name, delay in self.delays.drop(columns="loss").iloc[0].items())
            lines.append(
                f"Delay chosen for its likelihood among {len(self.delays)} ({chosen}); intervals and p values allow for it"
            )
        if len(self.gaps):
            lines.append(f"{len(self.gaps)} gaps in the KPI table; see .gaps")
        return [
            *lines,
            "An association within outlets, not a cause: what else changed there and then is not held fixed",
        ]

    def sentences(self, language: str = "en") -> list[str]:
        """One sentence a row, clearest first, and a last one that this is association."""
        ordered = self.rows.sort_values("p_value", kind="stable")
        spoken = [self._sentence(row, language) for row in ordered.to_dict("records")]
        return [*spoken, say("kpi.association", language)]

    def effects_on_items(self) -> pd.DataFrame:
        """Columns kpi, item, estimate, std_error: item units per unit of the KPI.

        The error is half the interval's width over the normal quantile, so that normal draws with it are as uncertain as the
        interval, which knows of few outlets and of the choice of delay.
        """
        table = self.rows[["kpi", "item", "estimate"]].copy()
        table.attrs = {}
        width = self.rows["ci_high"] - self.rows["ci_low"]
        return table.assign(std_error=width / (2 * ndtri((1 + self.level) / 2)))

    def _sentence(self, row: Mapping[Any, Any], language: str) -> str:
        words = self.kpis.get(row["kpi"], KpiWords())
        turn = words.step * (-1 if words.better == "low" else 1)
        effect, *ends = (turn * row[column] for column in ("estimate", "ci_low", "ci_high"))
        item = Wording(**self.rows.attrs["items"][row["item"]]).text(language, row["item"])
        limits = {"low": f"{min(ends):+.2f}", "high": f"{max(ends):+.2f}", "level": f"{100 * self.level:g}"}
        code = "kpi.unclear" if not row["linked"] else "kpi.up" if effect > 0 else "kpi.down"
        change = change_in_words(row["kpi"], words, language)
        size = f"{effect:+.2f}" if code == "kpi.unclear" else f"{abs(effect):.2f}"
        text = say(code, language, change=change, item=item, size=size, **limits)
        return text + (say("kpi.delay", language, delay=row["delay"]) if row["delay"] else "")


def change_in_words(kpi: str, words: KpiWords, language: str) -> str:
    """A step of the KPI in its better direction.

    >>> change_in_words("queue", KpiWords(Wording("queueing"), Wording("minute"), better="low"), "en")
    '1 minute less queueing'
    """
    name, unit, step = words.name.text(language, kpi), words.unit.text(language, ""), f"{words.step:g}"
    less = words.better == "low"
    if not unit:
        return say("kpi.lower" if less else "kpi.higher", language, kpi=name, step=step)
    return say("kpi.less" if less else "kpi.more", language, kpi=name, step=step, unit=unit)


def kpi_effects(  # noqa: PLR0913 - each says another part of what is linked with what, and how
    survey: Any,  # noqa: ANN401 - a survey or any frame that narwhals reads
    kpis: Any,  # noqa: ANN401 - any frame that narwhals reads
    *,
    unit: str = "outlet",
    period: str = "month",
    items: Sequence[str] | None = None,
    lags: int | Mapping[str, int | Sequence[int]] = 0,
    weight: str | None = None,
    errors: Errors = "auto",
    level: float = 0.95,
    draws: int = 9999,
    seed: int = 1,
    words: Mapping[str, KpiWords] | None = None,
) -> KpiEffects:
    """How satisfaction items move with operational KPIs within outlets over months.

    Parameters
    ----------
    survey
        A survey whose respondents have the columns `unit` and `period` (or a date), or a frame with them and the items.
    kpis
        One row an outlet and month: the two keys and one column of numbers a KPI.
    items
        Which items; all of a survey unless given.
    lags
        The delay in periods: a number L tries 0 ... L, one delay for all KPIs; a mapping gives each KPI its delay, or the delays
        to try ({"queue": 0, "complaints": [0, 1, 2]}; without a word: 0).
    weight
        Column of case weights of a frame.
    errors
        "cluster", "wild", or "auto": wild with fewer than 30 outlets.
    draws, seed
        Of the wild bootstrap.
    words
        How people speak of the KPIs; for sentences and charts.

    Raises
    ------
    EstimationError
        Keys that do not fit, a KPI that is not numbers or does not move within outlets, fewer than 5 outlets, no such item.

    Warns
    -----
    CsiWarning
        Outlets without a KPI row, gaps in the KPI table.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> keys = pd.MultiIndex.from_product([[f"S{i}" for i in range(40)], pd.period_range("2025-01", "2025-12", freq="M")])
    >>> kpis = pd.DataFrame({"queue": rng.normal(6, 2, 480)}, keys.set_names(["outlet", "month"])).reset_index()
    >>> answers = kpis.loc[kpis.index.repeat(10)].drop(columns="queue")
    >>> answers["waiting"] = 8 - 0.3 * np.repeat(kpis["queue"].to_numpy(), 10) + rng.normal(size=4800)
    >>> minutes = KpiWords(Wording("queueing"), Wording("minute"), better="low")
    >>> effects = kpi_effects(answers, kpis, items=["waiting"], words={"queue": minutes})
    >>> effects.sentences()[0]
    '1 minute less queueing goes with +0.31 points on “waiting” (95 % interval +0.29 to +0.33)'
    """
    if errors not in get_args(Errors):
        raise EstimationError(f"errors must be one of {', '.join(map(repr, get_args(Errors)))}, not {errors!r}.")
    if not 0 < level < 1 or draws < 99:
        raise EstimationError(f"level = {level:g} must lie between 0 and 1, and draws = {draws} be 99 or more.")
    answers = answers_of(survey, (unit, period), items, weight)
    panel, names = panel_of(answers, kpis, (unit, period))
    for name in words or {}:
        _require_kpi(name, names)
    tried = _delays(lags, names)
    known = np.array([np.isfinite(panel.lagged(delays)).all(axis=1) for delays in tried])
    rows = with_twins(np.asarray(known.all(axis=0)), panel.outlet)
    require_panel(panel, rows)
    losses = [_loss(panel, panel.lagged(delays), rows, answers.items) for delays in tried]
    best = tried[int(np.argmin(losses))]
    outlets = len(np.unique(panel.outlet[rows]))
    method = errors if errors != "auto" else "wild" if outlets < _FEW else "cluster"
    test = ClusterTest(method, 1 - (1 - level) / len(tried), draws, seed)
    found = _rows(panel, best, rows, answers.items, test)
    found["p_value"] = np.minimum(1, found["p_value"] * len(tried))
    found["q_value"] = false_discovery_control(found["p_value"])
    found["linked"] = found["q_value"] <= 1 - level
    found.attrs = {"level": level, "interval": method} | dict(wordings(answers.codebook, [], answers.items).items())
    delays_tried = pd.DataFrame(tried).assign(loss=np.array(losses) - min(losses))
    return KpiEffects(
        rows=found,
        errors=method,
        level=level,
        delays=delays_tried.sort_values("loss", kind="stable", ignore_index=True),
        gaps=panel.gaps,
        kpis=dict(words or {}),
        cells=int(rows.sum()),
        respondents=(int(panel.respondents[rows].sum()), int((~np.isnan(answers.X).all(axis=1)).sum())),
        outlets=outlets,
        periods=panel.periods,
    )


def _rows(
    panel: Panel, delays: Mapping[str, int], rows: NDArray[np.bool_], items: Sequence[str], test: ClusterTest
) -> pd.DataFrame:
    K = panel.lagged(delays)
    typical = typical_changes(panel, K, rows, list(delays))
    table = []
    for j, item in enumerate(items):
        y, X, codes = design(panel, K, rows, j, item)
        for k, (kpi, found) in enumerate(zip(delays, test(y, X, codes, len(delays)), strict=True)):
            estimate, error, low, high, p = found
            table.append(
                {"term": f"{kpi} -> {item}", "estimate": estimate, "std_error": error, "ci_low": low, "ci_high": high,
                 "p_value": p, "n": len(y), "kpi": kpi, "item": item, "delay": delays[kpi], "typical_change": typical[k],
                 "answers": int(panel.count[rows, j].sum()), "outlets": int(codes.max()) + 1}
            )  # fmt: skip
    return tidy(table, _OWN)


def _loss(panel: Panel, K: Array, rows: NDArray[np.bool_], items: Sequence[str]) -> float:
    """Minus the log-likelihood of all items, up to a constant that every delay shares."""
    total = 0.0
    for j, item in enumerate(items):
        y, X, _ = design(panel, K, rows, j, item)
        rest = y - X @ np.linalg.lstsq(X, y, rcond=None)[0]
        total += 0.5 * len(y) * float(np.log(rest @ rest))
    return total


def _delays(lags: int | Mapping[str, int | Sequence[int]], names: tuple[str, ...]) -> list[dict[str, int]]:
    """Every combination of delays to try."""
    if not isinstance(lags, Mapping):
        tried = [dict.fromkeys(names, delay) for delay in range(lags + 1)]
    else:
        for name in lags:
            _require_kpi(name, names)
        given = {name: lags.get(name, 0) for name in names}
        ways = [[each] if isinstance(each, int) else list(each) for each in given.values()]
        tried = [dict(zip(names, way, strict=True)) for way in product(*ways)]
    if not tried or any(delay < 0 or delay != int(delay) for delays in tried for delay in delays.values()):
        raise EstimationError(f"lags = {lags!r}: delays are whole numbers of periods, 0 or more.")
    if len(tried) > _MOST_DELAYS:
        raise EstimationError(
            f"lags asks for {len(tried)} combinations of delays, at most {_MOST_DELAYS} are tried: with so many, nothing could "
            "be told apart. Fix the delay of some KPIs, e.g. lags={'queue': 0}."
        )
    return tried


def _require_kpi(name: str, names: Sequence[str]) -> None:
    if name not in names:
        raise EstimationError(f"the KPI table has no KPI {name!r}. {known_names(name, names, 'Its KPIs are')}")
