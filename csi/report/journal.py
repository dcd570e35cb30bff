"""Tables of a paper: any result as journals print it, the measurement model, and HTMT with its intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from csi.display import Result
from csi.errors import ReportError
from csi.report.grid import Grid, journal_grid
from csi.report.labels import Labels
from csi.report.markup import fragment, latex, markdown
from csi.structural.fitted_model import Fit
from csi.structural.inference import Bootstrap
from csi.survey.codebook import Codebook, wordings
from csi.words import LANGUAGES

Table = Result | pd.DataFrame | pd.Series
_COEFFICIENTS = ("alpha", "rho_a", "rho_c", "ave")


@dataclass(frozen=True, slots=True, repr=False)
class JournalTable:
    """One or several tables as journals print them; a notebook shows them, `print` gives them as Markdown."""

    grids: tuple[Grid, ...]
    title: str
    language: str

    def _repr_html_(self) -> str:
        return fragment(self.grids, self.title, self.language)

    def _repr_latex_(self) -> str:
        return latex(self.grids, self.title)

    def __str__(self) -> str:
        return markdown(self.grids, self.title)

    __repr__ = __str__


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PaperTable(Result):
    """A table made for a paper: `rows` has every number in a column of its own, the journal layout puts them together."""

    rows: pd.DataFrame

    def headline(self) -> list[str]:
        """Nothing: the table is to stand under a title of its own."""
        return []

    def table(self) -> pd.DataFrame:
        """A copy of `rows`."""
        return self.rows.copy()

    def _repr_html_(self) -> str:
        return journal_table(self)._repr_html_()

    def _repr_latex_(self) -> str:
        return journal_table(self)._repr_latex_()


def journal_table(
    result: Table | Mapping[str, Table],
    *,
    codebook: Codebook | None = None,
    title: str | None = None,
    language: str = "en",
    digits: int | None = None,
) -> JournalTable:
    """Show in a notebook what `csi.export` writes in the journal layout; the parameters are the same.

    Raises
    ------
    ReportError
        Something without a table, or an unknown language.

    Examples
    --------
    >>> frame = pd.DataFrame({"term": ["Quality -> Loyalty"], "estimate": [0.25], "p_value": [0.0001], "n": [250]})
    >>> print(journal_table(frame, title="Paths"))
    **Paths**
    <BLANKLINE>
    | Term                        | Estimate |      p |
    | --------------------------- | -------: | -----: |
    | Perceived quality → Loyalty |    0.250 | < .001 |
    <BLANKLINE>
    *Note. n = 250.*
    <BLANKLINE>
    """
    require_choices(language, digits)
    labels, frames = Labels(language, codebook), frames_of(result, title or "")
    said = remarks_of(result, frames, language)
    grids = [journal_grid(name, frame, labels, digits, said[name]) for name, frame in frames.items()]
    return JournalTable(tuple(grids), title or "", language)


def measurement_table(source: Fit | Bootstrap) -> PaperTable:
    """The measurement model: constructs with their items and loadings, alpha, rho_A, rho_C and AVE; intervals of a bootstrap.

    One row an item: construct, item, loading, alpha, rho_a, rho_c, ave, and of a bootstrap each with `_low` and `_high`. The
    journal layout prints what belongs to the construct once, with its interval in the same cell. What is not defined is empty:
    reliability of single items and of Mode B.
    """
    fit = _fit_of(source)
    rows: dict[str, Any] = {
        "construct": [fit.model.names[j] for j in fit.layout.block],
        "item": list(fit.model.items),
    }
    for name, quantity in (("loading", "loadings"), *((c, c) for c in _COEFFICIENTS)):
        terms = rows["item" if name == "loading" else "construct"]
        rows |= {f"{name}{end}": values.reindex(terms).to_numpy() for end, values in _values(source, quantity).items()}
    table = pd.DataFrame(rows)
    table.attrs = _carried(source) | {"merged": list(_COEFFICIENTS), "grouped": ["construct", *_COEFFICIENTS]}
    return PaperTable(table)


def htmt_table(source: Fit | Bootstrap) -> PaperTable:
    """Heterotrait-monotrait ratios below the diagonal, a row and a column a construct; intervals of a bootstrap.

    Of a bootstrap every column has another one with `_low` and one with `_high`; the journal layout puts the interval into the
    cell of its ratio.

    Raises
    ------
    ReportError
        No ratio is defined: fewer than two constructs are measured by Mode A or as factors.
    """
    fit = _fit_of(source)
    values = _values(source, "htmt")
    if not len(values[""]):
        raise ReportError("there is no HTMT ratio: it needs two constructs measured by Mode A or as factors.")
    pairs = [str(term).split(" ~ ") for term in values[""].index]  # the later construct first
    rows = [name for name in fit.model.names if name in {later for later, _ in pairs}]
    columns = [name for name in fit.model.names if name in {earlier for _, earlier in pairs}]
    table = pd.DataFrame(np.nan, rows, [f"{name}{end}" for name in columns for end in values])
    for end, found in values.items():
        for (later, earlier), value in zip(pairs, found, strict=True):
            table.loc[later, f"{earlier}{end}"] = value
    table.attrs = _carried(source) | {"merged": columns}
    return PaperTable(table)


def require_choices(language: str, digits: int | None) -> None:
    """Raise ReportError for a language without words or for decimals that a number does not have."""
    if language not in LANGUAGES:
        raise ReportError(f"language must be one of {', '.join(map(repr, LANGUAGES))}, not {language!r}.")
    if digits is not None and not 0 <= digits <= 15:
        raise ReportError(f"digits must lie within 0 and 15, not {digits}.")


def frames_of(result: Table | Mapping[str, Table], title: str) -> dict[str, pd.DataFrame]:
    """The frames of a result by name; names of constructs and items that one of them knows are known to all."""
    if not isinstance(result, Mapping):
        return {title: _frame(result)}
    if not result:
        raise ReportError("there is no table to export: the mapping is empty.")
    frames = {str(name): _frame(table) for name, table in result.items()}
    known = next((f.attrs for f in frames.values() if "constructs" in f.attrs), {})
    for frame in frames.values():
        frame.attrs = {kind: known[kind] for kind in ("constructs", "items") if kind in known} | frame.attrs
    return frames


def remarks_of(
    result: Table | Mapping[str, Table], frames: Mapping[str, pd.DataFrame], language: str
) -> dict[str, Sequence[str]]:
    """What each result says in its headline and its title does not; headlines are in English."""
    results = result.values() if isinstance(result, Mapping) else [result]
    return {name: _remarks(each, name, language) for name, each in zip(frames, results, strict=True)}


def _remarks(result: Table, title: str, language: str) -> Sequence[str]:
    if not isinstance(result, Result) or language != "en":
        return ()
    lines = result.headline()
    if isinstance(result, Bootstrap):  # the note has the draws and their intervals already
        lines = lines[1:] if any(result.failed.values()) else []
    told = (title.strip().casefold(), type(result).__name__.casefold())
    text = "; ".join(line for line in lines if line.strip().casefold() not in told)
    return [text[:1].upper() + text[1:]] if text else []


def _frame(result: Table) -> pd.DataFrame:
    """A frame that knows what its result knows."""
    if isinstance(result, Result):
        frame = result.table().copy()
        frame.attrs = _known_of(result) | frame.attrs
        return frame
    if isinstance(result, pd.Series):
        return result.to_frame("estimate" if result.name is None else result.name)
    if isinstance(result, pd.DataFrame):
        return result.copy()
    raise ReportError(
        f"a {type(result).__name__} has no table. Export a result of csi, a pandas frame, or several by name."
    )


def _known_of(result: Result) -> dict[Any, Any]:
    fit = result if isinstance(result, Fit) else getattr(result, "fit", None)
    known: dict[Any, Any] = _names_of(fit) if isinstance(fit, Fit) else {}
    return known | ({"level": result.level, "interval": result.interval} if isinstance(result, Bootstrap) else {})


def _names_of(fit: Fit) -> dict[str, dict[str, Any]]:
    survey = fit.cases.survey
    return wordings(survey.codebook if survey else None, fit.model.names, fit.model.items)


def _carried(source: Fit | Bootstrap) -> dict[Any, Any]:
    drawn = {"draws": int(source.usable.sum())} if isinstance(source, Bootstrap) else {}
    return _known_of(source) | {"n": _fit_of(source).n} | drawn


def _fit_of(source: Fit | Bootstrap) -> Fit:
    return source.fit if isinstance(source, Bootstrap) else source


def _values(source: Fit | Bootstrap, quantity: str) -> dict[str, "pd.Series[float]"]:
    """Estimates by term, and of a bootstrap the ends of their intervals, by the suffix of their columns."""
    if isinstance(source, Fit):
        return {"": source.values(quantity)}
    table = source.quantity(quantity).set_index("term")
    return {"": table["estimate"], "_low": table["ci_low"], "_high": table["ci_high"]}
