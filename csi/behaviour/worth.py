"""What a point of the index is worth: later churn, spend and complaints of customers who answered differently.

The service-profit chain (Heskett et al. 1994; Gupta & Zeithaml 2006) read off the periods after the answer.

Notation
    x        index of a customer, 0-100 points; z controls; t = 1, 2 ... periods after the answer
    h(t,x)   probability to leave in period t of those who are still there: discrete-time logit (Cox 1972; Singer & Willett
             1993), which uses customers whose follow-up ends up to there
    m(t,x)   mean spend in period t of those who are there at its beginning: least squares
    c(t,x)   mean complaints likewise: Poisson regression, whose errors here do not rest on the Poisson variance
    S(t,x)   share still there after period t: product of 1 - h
Expected spend of a year is the sum of S(t-1,x) m(t,x) over its periods; a point is worth the difference of that between x + 1/2
and x - 1/2, averaged over the respondents. Periods of the year beyond those observed repeat the last one.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from csi.behaviour.linkage import Linked
from csi.behaviour.worth_models import Array, curvature_p, separating
from csi.behaviour.worth_outcomes import WorthTable, later_periods
from csi.behaviour.worth_quantities import Design, corrected, levels_by_fifth, per_point
from csi.display import Result
from csi.errors import CsiWarning, EstimationError, LinkError, TooFewError, known_names

_LEAK = 0.9  # AUC of the index for churn above which it hardly foretells but records
_ROUNDING = 1e-9  # points
_FEWEST = 30  # customers, and leavers or complaints to learn from
CAVEATS = (
    "association, not proof of cause: customers who differ in the index may differ otherwise too",
    "reverse cause is possible: who has already decided to leave may answer worse",
)
DILUTION = (
    "an index measured with error shows too small an effect (regression dilution); give reliability= to correct it"
)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Worth(Result):
    """How later behaviour differs per index point, and the money in it.

    Attributes
    ----------
    rows
        `term`, estimate, errors, interval; `corrected`: the estimate if the index were measured without error (NaN unless a
        reliability was given); `curvature_p`: p of the test that the effect is not the same at all levels.
        Terms: churn_odds (odds ratio a point), churn_year (probability of leaving within a year), spend_period (money a period of
        those who stay), complaints_ratio (rate ratio), complaints_year, value_year (money a customer and year), of which
        value_staying and value_spending; value_base (money of the whole base and year).
    levels
        Outcome by fifths of the index: `outcome`, `index` (mean), estimate (a period), ci_low, ci_high, n.
    caveats
        What these numbers do not say.
    periods, customers, unmatched, earlier, after_leaving
        What they rest on: the most periods followed, respondents used, respondents without later rows, and rows left out.
    """

    rows: pd.DataFrame
    levels: pd.DataFrame
    caveats: tuple[str, ...]
    periods: int
    customers: int
    unmatched: int
    earlier: int
    after_leaving: int

    def headline(self) -> list[str]:
        """The price of a point, what it is made of, and the caveats."""
        lines = [
            f"Worth of an index point: {self.customers:,} respondents followed up to {self.periods} periods"
            + (f"; {self.unmatched:,} without later behaviour" if self.unmatched else "")
        ]
        for row in self.rows[self.rows["term"].isin(["value_year", "value_base"])].to_dict("records"):
            whom = "a customer and year" if row["term"] == "value_year" else "the whole base and year"
            lines.append(f"one point more goes with {_span(row)} in money, {whom}")
        bent = self.rows.loc[self.rows["curvature_p"] < 0.05, "term"].tolist()
        if bent:
            lines.append(f"not the same at all levels: {', '.join(bent)}; see .levels before using one price")
        return lines + list(self.caveats)

    def table(self) -> pd.DataFrame:
        """One row a quantity, per index point."""
        return self.rows.copy()


def worth_of_satisfaction(  # noqa: PLR0913 - who, what came later, and what is held constant, each by name
    linked: Linked | pd.DataFrame,
    outcomes: Any,  # noqa: ANN401 - a frame, a path, or a table of an engine
    columns: WorthTable,
    *,
    index: "str | Sequence[float] | Array",
    key: str = "key",
    answered: str = "date",
    weight: str | None = None,
    reliability: float | None = None,
    base_customers: int | None = None,
    level: float = 0.95,
) -> Worth:
    """How churn, spend and complaints in the periods after the answer differ per index point.

    Parameters
    ----------
    linked
        Respondents: answers linked to behaviour, whose dates and weights come from the survey, or a frame of one row a
        respondent.
    outcomes, columns
        Later behaviour (only the respondents' rows leave its engine) and the names of its columns, with the controls.
    index
        0-100 points: a column of the frame, or one number a respondent (of the survey, for linked answers).
    key, answered, weight
        Columns of a plain frame; linked answers have their own.
    reliability
        Of the index as a measurement, 0-1, such as rho_A: the slope is divided by what of it is left given the controls.
    base_customers
        Customers in the base, to scale the worth of a point.
    level
        Coverage of the intervals, clustered by customer.

    Raises
    ------
    LinkError
        A column is absent, a period is not after the answer, an answer has no date, keys do not meet.
    TooFewError
        Too few customers with later behaviour, or none of it after the answer.
    EstimationError
        Too few leavers, or the index leaves no doubt who churns: it was recorded with the churn.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> frame = pd.DataFrame({"key": np.arange(400).astype(str), "date": "2026-03-31", "csi": rng.uniform(50, 100, 400)})
    >>> later = frame.assign(quarter="2026-04-01", paid=100 + 0.5 * (frame["csi"] - 75) + rng.normal(0, 5, 400))
    >>> columns = WorthTable(table="later.csv", key="key", begins="quarter", spend="paid")
    >>> worth = worth_of_satisfaction(frame, later, columns, index="csi")
    >>> worth.table()["term"].tolist()
    ['spend_period', 'value_year', 'value_spending']
    """
    frame = followed_respondents(linked, index, key=key, answered=answered, weight=weight)
    Z, names = _controls(frame, columns.controls)
    found = later_periods(outcomes, columns, frame["key"], frame["date"])
    if np.unique(found.who).size < _FEWEST:
        raise TooFewError(
            f"later behaviour is known of fewer than {_FEWEST} respondents. Wait for more, or pool waves."
        )
    x = frame["index"].to_numpy(float)
    design = Design(x - np.average(x[found.who]), Z, names, found, frame["weight"].to_numpy(float))
    fits, bends = [], dict[str, float]()
    for outcome, y in found.values.items():
        _require_learnable(outcome, y, x[found.who], design)
        fits.append(design.fit(outcome, y))
        bends[outcome] = curvature_p(design.fit(outcome, y, powers=True), slice(1, 3))
    rows = per_point(design, fits, bends, columns.periods_per_year, base_customers, level)
    rows["corrected"] = corrected(rows, x, Z, found, reliability)
    return Worth(
        rows=rows,
        levels=levels_by_fifth(x, found, design.weight, level),
        caveats=CAVEATS if reliability else (*CAVEATS, DILUTION),
        periods=int(found.number.max()) + 1,
        customers=int(np.unique(found.who).size),
        unmatched=found.unmatched,
        earlier=found.earlier,
        after_leaving=found.after_leaving,
    )


def followed_respondents(
    linked: Linked | pd.DataFrame,
    index: Any,  # noqa: ANN401 - a column or numbers
    *,
    key: str = "key",
    answered: str = "date",
    weight: str | None = None,
) -> pd.DataFrame:
    """Key, date, index, weight and what else the frame has, of respondents whose index is known."""
    if isinstance(linked, Linked):
        people, place = linked.survey.respondents, linked.frame["row"].to_numpy()
        if "date" not in people:
            raise LinkError(f"{linked.survey.source.path}: answers have no date. Name it as `date` in the codebook.")
        frame = linked.frame.assign(date=people["date"].to_numpy()[place], weight=linked.survey.weights[place])
        values = frame[index] if isinstance(index, str) and index in frame else index
        points = np.asarray(values)[place] if not isinstance(index, str) else values
    else:
        _require(linked, [key, answered, *([weight] if weight else []), *([index] if isinstance(index, str) else [])])
        frame = linked.assign(key=linked[key], date=linked[answered], weight=linked[weight] if weight else 1.0)
        points = linked[index] if isinstance(index, str) else index
    if isinstance(points, str):
        _require(frame, [points])
    frame = frame.assign(index=pd.to_numeric(np.asarray(points), errors="coerce"))
    frame = frame.loc[frame["index"].notna()].reset_index(drop=True)
    if not frame["index"].between(-_ROUNDING, 100 + _ROUNDING).all():
        raise LinkError(
            f"the index is in points from 0 to 100, but reaches from {frame['index'].min():g} to {frame['index'].max():g}."
        )
    frame["key"], frame["date"] = frame["key"].astype(str), pd.to_datetime(frame["date"], errors="coerce")
    if frame["date"].isna().any():
        raise LinkError(
            f"{int(frame['date'].isna().sum()):,} respondents have no date of answer, so that nobody knows what came after it. "
            "Leave them out or date them."
        )
    if frame["key"].duplicated().any():
        raise LinkError(
            f"customer {frame.loc[frame['key'].duplicated(), 'key'].iloc[0]!r} answers more than once. Give one wave, or each "
            "customer's first answer."
        )
    if not (np.isfinite(frame["weight"]) & (frame["weight"] >= 0)).all():
        raise LinkError("weights must be 0 or more. Correct the column of weights.")
    return frame


def _require(frame: pd.DataFrame, columns: Sequence[str]) -> None:
    absent = [name for name in columns if name not in frame]
    if absent:
        raise LinkError(
            f"respondents have no column {absent[0]!r}. {known_names(absent[0], frame.columns, 'Their columns are')}"
        )


def _controls(frame: pd.DataFrame, controls: Sequence[str]) -> tuple[Array, list[str]]:
    """(n, q) centred numbers, and a column for each level of a text but the first; gaps of numbers are a level of their own."""
    _require(frame, controls)
    columns: dict[str, Array] = {}
    for name in controls:
        if pd.api.types.is_numeric_dtype(frame[name]):
            x = frame[name].to_numpy(float)
            known = np.isfinite(x)
            if not known.any() or np.ptp(x[known]) == 0:
                raise LinkError(f"control {name!r} is the same for all respondents. Leave it out.")
            columns[name] = np.where(known, (x - x[known].mean()) / x[known].std(), 0.0)
            if not known.all():
                columns[f"{name} unknown"] = (~known).astype(float)
        else:
            texts = frame[name].astype("string").fillna("unknown")
            for value in sorted(texts.unique())[1:]:
                columns[f"{name}={value}"] = (texts == value).to_numpy(float)
    Z = np.column_stack(list(columns.values())) if columns else np.empty((len(frame), 0))
    return Z, list(columns)


def _require_learnable(outcome: str, y: Array, x: Array, design: Design) -> None:
    """Refuse an outcome that is too rare, constant, or that the predictors leave no doubt of."""
    if np.ptp(x) == 0:
        raise EstimationError("the index is the same for all respondents, so that nothing can differ by it.")
    if np.ptp(y) == 0:
        raise EstimationError(
            f"{outcome} is {y[0]:g} in every row, so that it cannot differ. Wait for more periods, or leave it out."
        )
    if outcome == "churn":
        _require_doubt(y, x, design)
        events = int(min(y.sum(), (1 - y).sum()))
        if events < _FEWEST:
            raise EstimationError(
                f"churn: {events} customers {'left' if y.mean() < 0.5 else 'stayed'}, and fewer than {_FEWEST} tell nothing "
                "about a point. Wait for more periods, or pool waves."
            )


def _require_doubt(y: Array, x: Array, design: Design) -> None:
    gone, stayed = x[y == 1], x[y == 0]
    if gone.max() <= stayed.min() or stayed.max() <= gone.min():
        raise EstimationError(
            f"churn: no customer who left has a better index than one who stayed ({_limits(gone, 'left')}; "
            f"{_limits(stayed, 'stayed')}), so that the effect of a point has no finite estimate (separation). An index that "
            "leaves no doubt was most likely recorded with the churn or made from it: it leaks what it should foretell. Use "
            "answers given before the churn."
        )
    share = (rankdata(np.concatenate([gone, stayed]))[: len(gone)].sum() / len(gone) - (len(gone) + 1) / 2) / len(
        stayed
    )
    if max(share, 1 - share) > _LEAK:
        warnings.warn(
            f"churn: the index alone tells leavers from stayers in {max(share, 1 - share):.0%} of pairs, far better than "
            "opinions do; it may have been recorded with the churn. Check when the answers were given.",
            CsiWarning,
            stacklevel=4,
        )
    sure = separating(y, design.rows())
    if sure.any():
        names = [name for name, one in zip(design.names, sure, strict=True) if one and name != "constant"] or [
            "constant"
        ]
        raise EstimationError(
            f"churn: {', '.join(names[:5])} together leave no doubt of some who left or stayed (separation), so that there is no "
            "finite estimate. Merge levels or periods in which nobody or everybody leaves, or leave that control out."
        )


def _limits(x: Array, what: str) -> str:
    return f"{what}: {x.min():g} to {x.max():g}"


def _span(row: dict[Any, Any]) -> str:
    return f"{row['estimate']:+,.2f} [{row['ci_low']:+,.2f}, {row['ci_high']:+,.2f}]"
