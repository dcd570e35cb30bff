"""Answers and operational figures joined by outlet and month: the cells from which their link is estimated.

A period is a month (a date counts for its month), a quarter or a whole number; both tables must mean the same kind. Keys are
never converted in silence: an outlet that is a number in one table and a text in the other is refused.
"""

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api import types

from csi.errors import CsiWarning, EstimationError, known_names
from csi.survey.codebook import Codebook
from csi.survey.dates import read_dates
from csi.survey.survey import Survey

Array = NDArray[np.float64]
_MONTH = re.compile(r"(\d{4})[-/.年]?(\d{1,2})月?")
_QUARTER = re.compile(r"(\d{4})-?Q([1-4])", re.I)
_NEVER = -(10**9)  # the place in time of what has none
_NAMED = 5  # of outlets or gaps in a message


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What respondents said, where and when: answers (n, p), weights (n,), keys (n,)."""

    X: Array
    weights: Array
    outlet: "pd.Series[Any]"
    period: "pd.Series[Any]"
    items: tuple[str, ...]
    codebook: Codebook | None


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """Cells of outlet x period with answers.

    `mean` (C, p) are weighted means of the answers, `effective` (C, p) Kish's effective number of answers (0 where none), `count`
    (C, p) the answers; `respondents` (C,) who answered anything; `outlet` and `period` (C,) numbers; `kpis` the operational table
    by (outlet, period); `gaps` the periods that an outlet lacks between its first and its last.
    """

    mean: Array
    effective: Array
    count: NDArray[np.intp]
    respondents: NDArray[np.intp]
    outlet: NDArray[np.intp]
    period: NDArray[np.intp]
    outlets: tuple[str, ...]
    kpis: pd.DataFrame
    gaps: pd.DataFrame
    kind: str

    @property
    def periods(self) -> tuple[str, str]:
        """The first and the last period with answers."""
        return label(int(self.period.min()), self.kind), label(int(self.period.max()), self.kind)

    def lagged(self, delays: Mapping[str, int]) -> Array:
        """(C, K) each KPI so many periods before the cell; NaN where the table does not have it."""
        columns = []
        for name, delay in delays.items():
            keys = pd.MultiIndex.from_arrays([self.outlet, self.period - delay])
            columns.append(self.kpis[name].reindex(keys).to_numpy(float))
        return np.column_stack(columns)


def answers_of(
    data: Any,  # noqa: ANN401 - a survey or any frame that narwhals reads
    keys: tuple[str, str],
    items: Sequence[str] | None,
    weight: str | None,
) -> Answers:
    """Answers with the keys of their cells, from a survey or a frame.

    Raises
    ------
    EstimationError
        A column or item is not there, or no items are named for a frame.
    """
    if isinstance(data, Survey):
        if weight is not None:
            raise EstimationError("weight= is for plain frames; a survey carries its weights.")
        known, respondents = list(map(str, data.answers.columns)), data.respondents
        frame = data.answers.assign(**{str(name): respondents[name] for name in respondents if name not in known})
        if keys[1] not in frame.columns and "date" in frame.columns:
            frame = frame.assign(**{keys[1]: frame["date"]})
        weights, codebook, what = data.weights, data.codebook, "the survey"
    else:
        frame = nw.from_native(data, eager_only=True).to_pandas().reset_index(drop=True)
        known, codebook, what = (
            [str(c) for c in frame.columns if c not in (*keys, weight)],
            None,
            "the frame of answers",
        )
        if items is None:
            raise EstimationError(
                "a frame does not say which columns are items; name them: items=['waiting_time', ...]."
            )
        _require_columns(frame, [weight] if weight else [], what)
        weights = np.ones(len(frame)) if weight is None else _numbers(frame, weight, what)
        if not (np.isfinite(weights) & (weights > 0)).all():
            raise EstimationError(f"weight {weight!r} must hold numbers above 0 for everybody.")
    _require_columns(frame, keys, what)
    names = known if items is None else list(items)
    if not names:
        raise EstimationError(f"no items are named; {what} has {', '.join(known[:_NAMED]) or 'none'}.")
    for name in names:
        if name not in known:
            raise EstimationError(f"{what} has no item {name!r}. {known_names(name, known, 'Its items are')}")
    X = np.column_stack([_numbers(frame, name, what) for name in names]) if names else np.empty((len(frame), 0))
    return Answers(X, weights, frame[keys[0]], frame[keys[1]], tuple(names), codebook)


def panel_of(answers: Answers, kpis: Any, keys: tuple[str, str]) -> tuple[Panel, tuple[str, ...]]:  # noqa: ANN401
    """Cell means beside the operational table, and the names of the KPIs.

    Raises
    ------
    EstimationError
        Keys missing, doubled, of another kind or without a common outlet; a KPI that is not numbers.

    Warns
    -----
    CsiWarning
        Outlets of the answers without a KPI row; periods that an outlet lacks.
    """
    outlet, period = keys
    table, names = _operational(kpis, keys)
    kind, at = _ordinals(table[period], f"the KPI table, column {period!r}")
    asked_kind, asked_at = _ordinals(answers.period, f"the answers, column {period!r}")
    _require_one_kind(table[outlet], answers.outlet, outlet)
    if kind != asked_kind:
        raise EstimationError(
            f"{period!r} is a {_words(kind)} in the KPI table ({table[period].iloc[0]}) and a {_words(asked_kind)} in the "
            f"answers ({answers.period.dropna().iloc[0]}). Write both in one way, e.g. 2026-09."
        )
    place, found = pd.factorize(table[outlet], sort=True)
    outlets = tuple(map(str, found))
    keyed = table[list(names)].set_index(pd.MultiIndex.from_arrays([place, at]))
    _require_no_twins(keyed, table, keys)
    gaps = _gaps(keyed, outlets, kind)
    asked = pd.Index(found).get_indexer(pd.Index(answers.outlet))
    _tell_strangers(answers.outlet, asked, outlets, outlet)
    inside = (asked >= 0) & (asked_at > _NEVER)
    cells, of = np.unique(np.column_stack([asked, asked_at])[inside], axis=0, return_inverse=True)
    of = of.reshape(-1)  # one release of NumPy gives it a second axis
    X = answers.X[inside]
    means = _cell_means(X, answers.weights[inside], of, len(cells))
    respondents = np.bincount(of[~np.isnan(X).all(axis=1)], minlength=len(cells))
    return Panel(*means, respondents, cells[:, 0], cells[:, 1], outlets, keyed, gaps, kind), names


def _operational(kpis: Any, keys: tuple[str, str]) -> tuple[pd.DataFrame, tuple[str, ...]]:  # noqa: ANN401
    """The KPI table with numbers in every column but the keys, and the names of those columns."""
    table = nw.from_native(kpis, eager_only=True).to_pandas().reset_index(drop=True)
    _require_columns(table, keys, "the KPI table")
    names = tuple(str(c) for c in table.columns if c not in keys)
    if not names:
        raise EstimationError(f"the KPI table has no column beside {keys[0]!r} and {keys[1]!r}.")
    for key in keys:
        if table[key].isna().any():
            raise EstimationError(f"the KPI table has no {key} in row {int(table[key].isna().argmax())}; fill it in.")
    return table.assign(**{name: _numbers(table, name, "the KPI table") for name in names}), names


def _cell_means(X: Array, w: Array, of: NDArray[np.intp], cells: int) -> tuple[Array, Array, NDArray[np.intp]]:
    """Weighted means (C, p), Kish's effective n and counts of the observed answers of every cell."""
    mean, effective = np.full((cells, X.shape[1]), np.nan), np.zeros((cells, X.shape[1]))
    count = np.zeros((cells, X.shape[1]), dtype=np.intp)
    for j, x in enumerate(X.T):
        seen = ~np.isnan(x)
        total, squares = (np.bincount(of[seen], w[seen] ** power, cells) for power in (1, 2))
        some = total > 0
        mean[some, j] = np.bincount(of[seen], w[seen] * x[seen], cells)[some] / total[some]
        effective[some, j] = total[some] ** 2 / squares[some]
        count[:, j] = np.bincount(of[seen], minlength=cells)
    return mean, effective, count


def _ordinals(column: "pd.Series[Any]", where: str) -> tuple[str, NDArray[np.intp]]:
    """The kind of periods ("M", "Q" or "number") and each one's place in time."""
    stated = column.notna() & (column.astype(str).str.strip() != "")
    values = column[stated]
    if values.empty:
        raise EstimationError(f"{where} is empty.")
    if isinstance(values.dtype, pd.PeriodDtype):
        kind, found = values.array.freqstr[0], values.array.asi8
    elif types.is_datetime64_any_dtype(values.dtype):
        kind, found = "M", values.dt.to_period("M").array.asi8
    elif types.is_numeric_dtype(values.dtype):
        if (values.to_numpy(float) % 1 != 0).any():
            raise EstimationError(f"{where} holds {values.iloc[0]}, which is no period. Write months as 2026-09.")
        kind, found = "number", values.to_numpy(int)
    else:
        kind, found = _read_periods(values.astype(str).str.strip(), where)
    places = np.full(len(column), _NEVER, dtype=np.intp)
    places[stated.to_numpy()] = found
    return kind, places


def _read_periods(texts: "pd.Series[str]", where: str) -> tuple[str, NDArray[np.intp]]:
    distinct = pd.Series(texts.unique())
    periods = {}
    for text in distinct:
        month, quarter = _MONTH.fullmatch(text), _QUARTER.fullmatch(text)
        if month and 1 <= int(month[2]) <= 12:
            periods[text] = pd.Period(year=int(month[1]), month=int(month[2]), freq="M")
        elif quarter:
            periods[text] = pd.Period(year=int(quarter[1]), quarter=int(quarter[2]), freq="Q")
    days = distinct[~distinct.isin(list(periods))]
    if len(days):
        try:
            periods |= dict(zip(days, read_dates(days).dt.to_period("M"), strict=True))
        except ValueError:
            raise EstimationError(
                f"{where} holds {days.iloc[0]!r}, which is no period. Write months as 2026-09, quarters as 2026Q3."
            ) from None
    kinds = {period.freqstr[0] for period in periods.values()}
    if len(kinds) > 1:
        raise EstimationError(f"{where} mixes months and quarters; a panel has one kind of period.")
    return kinds.pop(), texts.map({text: period.ordinal for text, period in periods.items()}).to_numpy(np.intp)


def label(ordinal: int, kind: str) -> str:
    """A period as people write it, such as 2026-09 or 2026Q3."""
    return str(ordinal) if kind == "number" else str(pd.Period(ordinal=ordinal, freq=kind))


def _words(kind: str) -> str:
    return {"M": "month", "Q": "quarter"}.get(kind, kind)


def _gaps(keyed: pd.DataFrame, outlets: tuple[str, ...], kind: str) -> pd.DataFrame:
    """Outlet and period of every hole between an outlet's first and last period with all KPIs, told in a warning."""
    whole = keyed.dropna()
    rows = []
    for place, own in whole.groupby(level=0):
        held = own.index.get_level_values(1)
        lacking = np.setdiff1d(np.arange(held.min(), held.max() + 1), held)
        rows += [(outlets[int(place)], label(int(t), kind)) for t in lacking]  # type: ignore[call-overload]
    gaps = pd.DataFrame(rows, columns=["outlet", "period"])
    if len(gaps):
        some = ", ".join(f"{row.outlet} in {row.period}" for row in gaps.head(_NAMED).itertuples())
        more = f" and {len(gaps) - _NAMED} more" if len(gaps) > _NAMED else ""
        warnings.warn(
            f"the KPI table has gaps: {some}{more}. Answers of these cells, and those that look back on them, are left out.",
            CsiWarning,
            stacklevel=4,
        )
    return gaps


def _tell_strangers(stated: "pd.Series[Any]", asked: NDArray[np.intp], outlets: tuple[str, ...], name: str) -> None:
    strangers = stated[asked < 0]
    named = strangers.dropna().astype(str)
    named = named[named != ""]
    if (asked >= 0).sum() == 0:
        first = str(named.iloc[0]) if len(named) else ""
        raise EstimationError(
            f"no {name} of the answers is in the KPI table. {known_names(first, outlets, 'It has')} The answers have "
            f"{', '.join(named.unique()[:_NAMED]) or 'none'}."
        )
    if len(named):
        listed = ", ".join(named.unique()[:_NAMED]) + (" ..." if named.nunique() > _NAMED else "")
        warnings.warn(
            f"{named.nunique()} of the answers' outlets are not in the KPI table ({listed}); their {len(named)} answers are left "
            "out.",
            CsiWarning,
            stacklevel=4,
        )


def _require_one_kind(ours: "pd.Series[Any]", theirs: "pd.Series[Any]", name: str) -> None:
    numbers = [types.is_numeric_dtype(column.dtype) for column in (ours, theirs)]
    if numbers[0] != numbers[1]:
        what = ["a number" if number else "a text" for number in numbers]
        raise EstimationError(
            f"{name!r} is {what[0]} in the KPI table ({ours.iloc[0]!r}) and {what[1]} in the answers ({theirs.iloc[0]!r}). "
            f"Make both texts, e.g. kpis.astype({{{name!r}: str}}), and mind leading zeros."
        )


def _require_no_twins(keyed: pd.DataFrame, table: pd.DataFrame, keys: tuple[str, str]) -> None:
    again = keyed.index.duplicated()
    if again.any():
        at = int(again.argmax())
        outlet, period = (table[key].iloc[at] for key in keys)
        raise EstimationError(
            f"the KPI table has {keys[0]} {outlet!r} in {period} more than once (row {at}; {again.sum()} such rows). "
            "Keep one row for each, or sum them up first."
        )


def _require_columns(frame: pd.DataFrame, names: Sequence[str], what: str) -> None:
    for name in names:
        if name not in frame.columns:
            raise EstimationError(
                f"{what} has no column {name!r}. {known_names(name, map(str, frame.columns), 'Its columns are')}"
            )


def _numbers(frame: pd.DataFrame, name: str, what: str) -> Array:
    values = pd.to_numeric(frame[name], errors="coerce").to_numpy(float)
    bad = np.flatnonzero((np.isnan(values) & frame[name].notna().to_numpy()) | np.isinf(values))
    if len(bad):
        raise EstimationError(
            f"{what}: column {name!r} holds {frame[name].iloc[bad[0]]!r} in row {bad[0]} ({len(bad)} such cells), which is no "
            "number. Leave the cell empty where nothing is known, or the column out."
        )
    return np.asarray(values)
