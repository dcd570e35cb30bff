"""What a signature is made of: the indicator as weakness, behaviours as columns, controls, and how respondents were drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from csi.behaviour.linkage import Linked
from csi.errors import EstimationError, LinkError, TooFewError, known_names
from csi.structural.sampling import Sample, sample_of
from csi.survey.covariates import NOT_STATED, covariates_of

Array = NDArray[np.float64]
NUMBER, LEVEL, GAP = "number", "level", "gap"
FEWEST = 30  # respondents with a value, and in a level
_GROUP = 10  # weak respondents, and others
_LEVELS = 12  # of one behaviour
_BINS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Indicator:
    """An indicator in its own units (linked rows,), NaN unknown; `sign` turns it into weakness; `weak` 1, 0 or NaN."""

    name: str
    values: Array
    weak: Array
    sign: float
    kind: str

    @property
    def known(self) -> NDArray[np.bool_]:
        """(linked rows,) where there is a value."""
        return ~np.isnan(self.values)


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One behaviour as numbers (linked rows,), NaN at gaps: a number, a level against all others, or the gap itself.

    `change` is the typical change that slopes are of, `edges` are the upper ends of its bins but the last.
    """

    behaviour: str
    level: str
    kind: str
    x: Array
    change: float
    edges: Array

    @property
    def term(self) -> str:
        """The behaviour, with its level if it has one."""
        return f"{self.behaviour}: {self.level}" if self.level else self.behaviour

    def bins(self) -> NDArray[np.intp]:
        """(linked rows,) number of the bin; gaps are in the last."""
        return np.searchsorted(self.edges, self.x, side="left").astype(np.intp)


def indicator_of(linked: Linked, indicator: "str | ArrayLike", name: str | None, weak: float | None) -> Indicator:
    """An item, or one number a respondent of the survey: 0 and 1 say who is dissatisfied, other numbers are an index.

    Raises
    ------
    EstimationError
        An unknown item, a wrong number of values, an indicator that does not vary, or too few weak or other respondents.
    TooFewError
        Fewer than 30 linked respondents have a value.
    """
    rows = linked.frame["row"].to_numpy()
    if isinstance(indicator, str):
        if indicator not in linked.survey.answers:
            known = known_names(indicator, linked.survey.answers.columns, "The items are")
            raise EstimationError(
                f"the indicator {indicator!r} is no item of the survey. {known} For an index or dissatisfied yes or no give "
                "one number a respondent."
            )
        whole, kind = linked.survey.answers[indicator].to_numpy(float), "item"
    else:
        whole = np.asarray(indicator, dtype=float)
        if whole.shape != (len(linked.survey),):
            raise EstimationError(
                f"the indicator has {len(whole) if whole.ndim else 1:,} values, the survey {len(linked.survey):,} respondents: "
                "give one value for each, NaN where it is not known."
            )
        kind = "share" if set(np.unique(whole[np.isfinite(whole)])) <= {0.0, 1.0} else "index"
    label = name or (indicator if isinstance(indicator, str) else _own_name(indicator, kind))
    values = np.where(np.isfinite(whole[rows]), whole[rows], np.nan)
    known_n = int((~np.isnan(values)).sum())
    if known_n < FEWEST:
        raise TooFewError(
            f"{label}: {known_n} linked respondents have a value, at least {FEWEST} are needed. Pool waves."
        )
    if np.nanmin(values) == np.nanmax(values):
        raise EstimationError(
            f"{label} is {np.nanmin(values):g} for all linked respondents, so nothing can go with it."
        )
    cut = _lowest_third(values[~np.isnan(values)], linked.survey.weights[rows][~np.isnan(values)])
    flag = values if kind == "share" else (values <= (cut if weak is None else weak)).astype(float)
    marked = np.where(np.isnan(values), np.nan, flag)
    few = int(min(np.nansum(marked), np.nansum(1 - marked)))
    if few < _GROUP:
        raise EstimationError(
            f"{label}: {few} respondents are {'weak' if np.nansum(marked) <= np.nansum(1 - marked) else 'not weak'}, at least "
            f"{_GROUP} are needed on each side. Give another cut (weak=), or pool waves."
        )
    return Indicator(label, values, marked, 1.0 if kind == "share" else -1.0, kind)


def _own_name(indicator: Any, kind: str) -> str:  # noqa: ANN401 - any array
    name = getattr(indicator, "name", None)
    return str(name) if name is not None else {"share": "dissatisfied", "index": "index"}[kind]


def _lowest_third(x: Array, w: Array) -> float:
    """The highest answer up to which a third lie at most, but at least the lowest."""
    values, place = np.unique(x, return_inverse=True)
    upto = np.cumsum(np.bincount(place, w)) / w.sum()
    return float(values[max(0, int((upto <= 1 / 3 + 1e-9).sum()) - 1)])


def columns_of(linked: Linked, names: Sequence[str], known: NDArray[np.bool_]) -> tuple[list[Column], dict[str, str]]:
    """The behaviours as columns, and why others are none; levels with fewer than 30 respondents are left in the rest.

    A number with 30 gaps or more has a column of its own that says who has a gap.
    """
    columns: list[Column] = []
    refused: dict[str, str] = {}
    for name in names:
        found = _numbers(linked, name, known) if name in linked.numeric_features else _levels(linked, name, known)
        if isinstance(found, str):
            refused[name] = found
        else:
            columns += found
    return columns, refused


def _numbers(linked: Linked, name: str, known: NDArray[np.bool_]) -> list[Column] | str:
    x = linked.frame[name].to_numpy(float)
    gap = ~np.isfinite(x)
    columns = [_flag(name, NOT_STATED, GAP, gap)] if _both(gap[known]) else []
    seen = x[known & ~gap]
    if len(seen) < FEWEST:
        return columns or f"{len(seen)} values only"
    if seen.min() == seen.max():
        return columns or f"constant: always {seen[0]:g}"
    middle = float(np.subtract(*np.quantile(seen, [0.75, 0.25])))
    only_two = len(np.unique(seen)) == 2
    # Rare events: one more, or a standard deviation where it is no count.
    unit = 1.0 if (seen % 1 == 0).all() else float(seen.std(ddof=1))
    change = float(np.ptp(seen)) if only_two else middle if middle > 0 else unit
    return [Column(name, "", NUMBER, np.where(gap, np.nan, x), change, _edges(seen)), *columns]


def _edges(x: Array) -> Array:
    """Upper ends of the bins but the last: fifths, joined where fewer than 30 respondents would be in one."""
    edges: list[float] = []
    for edge in np.unique(np.quantile(x, np.arange(1, _BINS) / _BINS, method="inverted_cdf")):
        inside = x <= edge if not edges else (x > edges[-1]) & (x <= edge)
        if inside.sum() >= FEWEST and (x > edge).sum() >= FEWEST:
            edges.append(float(edge))
    return np.array(edges)


def _levels(linked: Linked, name: str, known: NDArray[np.bool_]) -> list[Column] | str:
    texts = linked.frame[name].astype("string").str.strip()
    stated = (texts.notna() & (texts != "")).to_numpy(bool)
    counts = texts[known & stated].value_counts()
    if len(counts) < 2 and not _both(~stated[known]):
        return f"constant: always {counts.index[0]!r}" if len(counts) else "no values"
    # Of two levels each says all: the rarer is the one that is news.
    order = sorted(counts.index, key=lambda level: (counts[level], level))
    asked = order[:1] if len(counts) <= 2 else order[::-1][:_LEVELS]
    columns = []
    for level in asked:
        inside = np.where(stated, (texts == level).fillna(False).to_numpy(float), np.nan)
        if _both((inside == 1)[known & stated]):
            columns.append(_flag(name, str(level), LEVEL, inside))
    if _both(~stated[known]):
        columns.append(_flag(name, NOT_STATED, GAP, ~stated))
    return columns or f"every level but one has fewer than {FEWEST} respondents"


def _flag(name: str, level: str, kind: str, inside: "Array | NDArray[np.bool_]") -> Column:
    return Column(name, level, kind, np.asarray(inside, dtype=float), 1.0, np.array([]))


def _both(flags: NDArray[np.bool_]) -> bool:
    """Whether enough respondents are on each side."""
    return bool(FEWEST <= flags.sum() <= len(flags) - FEWEST)


def controls_of(linked: Linked, controls: Sequence[str]) -> tuple[Array, tuple[str, ...]]:
    """(linked rows, k) columns of the controls and the names that were found.

    A control is a column of the respondents or a linked behaviour; where there is none of that name, the only one that begins
    with it ("tenure" finds "tenure_band").

    Raises
    ------
    LinkError
        No column, or several, for a control.
    """
    rows = linked.frame["row"].to_numpy()
    own = linked.survey.respondents.iloc[rows].reset_index(drop=True)
    features = linked.frame[[f for f in linked.features if f not in own]].reset_index(drop=True)
    known = pd.concat([own, features], axis=1)
    names = tuple(_meant(control, list(own.columns), list(features.columns)) for control in controls)
    if not names:
        return np.empty((len(rows), 0)), ()
    return covariates_of(known, names, "linked respondents").Z, names


def _meant(control: str, own: list[str], features: list[str]) -> str:
    if control in (*own, *features):
        return control
    for columns in (own, features):
        near = [c for c in columns if c.startswith(f"{control}_")]
        if len(near) == 1:
            return near[0]
    raise LinkError(
        f"there is no column for the control {control!r}. {known_names(control, [*own, *features], 'Known are')} Name the "
        "controls there are (controls=), or none with controls=()."
    )


def behaviours_named(linked: Linked, behaviours: Sequence[str] | None, controls: Sequence[str]) -> list[str]:
    """The behaviours to look at: those named, or all that are no controls."""
    names = list(behaviours) if behaviours is not None else [f for f in linked.features if f not in controls]
    for name in names:
        if name not in linked.features:
            raise LinkError(f"the behaviour {name!r} is not linked. {known_names(name, linked.features, 'Linked are')}")
    twice = [name for name in names if names.count(name) > 1]
    if twice or not names:
        raise LinkError(
            f"behaviour {twice[0]!r} is named twice." if twice else "there is no behaviour beside the controls."
        )
    same = [name for name in names if name in controls]
    if same:
        raise LinkError(
            f"{same[0]!r} is a behaviour and a control at once; nothing of it is left to look at. Leave out one."
        )
    return names


def sample_behind(linked: Linked) -> Sample:
    """How the respondents of the survey were drawn."""
    survey = linked.survey
    return sample_of(
        survey.design, {name: survey.respondents[name] for name in survey.design.columns}, survey.base_weights
    )
