"""May we trust the fit? Findings against published thresholds, each with its source and what to do."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from csi.display import Result, tidy
from csi.kernel.resample import percentile_interval
from csi.structural.fitted_model import Fit
from csi.structural.inference import Bootstrap
from csi.structural.quantities import values_of
from csi.words import say

Verdict = Literal["pass", "note", "fail"]

# criterion -> who set its threshold; its name, threshold and advice stand in csi.words
SOURCES: dict[str, str] = {
    "convergence": "Henseler 2010",
    "admissibility": "Dijkstra & Henseler 2015",
    "coherence": "Little & Rubin 2002",
    "missing": "Little & Rubin 2002",
    "not_applicable": "Little & Rubin 2002",
    "sample": "Kock & Hadaya 2018",
    "negative_weight": "Cenfetelli & Bassellier 2009",
    "loading": "Hair et al. 2019",
    "alpha": "Cronbach 1951",
    "rho_a": "Dijkstra & Henseler 2015",
    "rho_c": "Fornell & Larcker 1981",
    "ave": "Fornell & Larcker 1981",
    "single_item": "Diamantopoulos et al. 2012",
    "fornell_larcker": "Fornell & Larcker 1981",
    "cross_loading": "Chin 1998",
    "htmt": "Henseler et al. 2015",
    "htmt2": "Roemer et al. 2021",
    "srmr": "Hu & Bentler 1999",
    "item_vif": "Hair et al. 2019",
    "inner_vif": "Hair et al. 2019",
    "full_collinearity": "Kock 2015",
    "path": "Hair et al. 2019",
    "draws": "Davison & Hinkley 1997",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One criterion applied to one term; `low` and `high` bound the value where a bootstrap was given."""

    criterion: str
    term: str
    value: float
    verdict: Verdict
    low: float = np.nan
    high: float = np.nan

    @property
    def source(self) -> str:
        """Who set the threshold."""
        return SOURCES[self.criterion]

    def threshold(self, language: str = "en") -> str:
        """What the criterion asks for, in words."""
        return say(f"threshold.{self.criterion}", language)

    def name(self, language: str = "en") -> str:
        """The criterion in words."""
        return say(f"criterion.{self.criterion}", language)

    def advice(self, language: str = "en") -> str:
        """What to do about it; empty when it passes."""
        return "" if self.verdict == "pass" else say(f"advice.{self.criterion}", language)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Assessment(Result):
    """All findings, failures first."""

    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of all findings."""
        verdicts = {f.verdict for f in self.findings}
        return "fail" if "fail" in verdicts else "note" if "note" in verdicts else "pass"

    def count(self, verdict: Verdict) -> int:
        """How many findings have this verdict."""
        return sum(f.verdict == verdict for f in self.findings)

    def headline(self) -> list[str]:
        """Counts of the verdicts."""
        return [f"Assessment: {self.count('fail')} fail, {self.count('note')} to note, {self.count('pass')} pass"]

    def table(self) -> pd.DataFrame:
        """One row a finding: term, value, interval, criterion, threshold, verdict, source, advice."""
        rows = (
            {
                "term": f.term,
                "estimate": f.value,
                "ci_low": f.low,
                "ci_high": f.high,
                "criterion": f.criterion,
                "threshold": f.threshold(),
                "verdict": f.verdict,
                "source": f.source,
                "advice": f.advice(),
            }
            for f in self.findings
        )
        return tidy(rows, ["criterion", "threshold", "verdict", "source", "advice"])


def assess(fit: Fit, boot: Bootstrap | None = None) -> Assessment:
    """Hold a fit against the field's published thresholds.

    Reliability and loadings are judged for Mode A and factor constructs of several items; a single item has none. HTMT is judged
    by the upper end of a one-sided 95 % interval where a bootstrap is given, else by the estimate. Of a model of several stages
    the measurement of every stage is judged.
    """
    found = [*_estimation(fit), *_measurement(fit, boot), *_discriminant(fit, boot), *_structure(fit, boot)]
    if fit.lower is not None:
        told = {(f.criterion, f.term) for f in found}
        below = _measurement(fit.lower, None if boot is None else boot.lower)
        found += [f for f in below if (f.criterion, f.term) not in told]
    rank = {"fail": 0, "note": 1, "pass": 2}
    return Assessment(tuple(sorted(found, key=lambda f: rank[f.verdict])))


def _estimation(fit: Fit) -> Iterator[Finding]:
    yield Finding("convergence", "weights", fit.iterations, "pass" if fit.converged else "fail")
    if fit.layout.factor.any():
        yield Finding("admissibility", "factors", fit.smallest_eigenvalue, "pass" if fit.admissible else "fail")
    elif not fit.settings.coherent:
        yield Finding("coherence", "items", fit.smallest_item_eigenvalue, "pass" if fit.admissible else "fail")
    if fit.converged:
        srmr = float(fit.overall_fit["srmr"])
        yield Finding("srmr", "model", srmr, "pass" if srmr <= 0.08 else "note")
    # Inverse square root method: n at which a path of 0.2 is found with 80 % power.
    yield Finding("sample", "n", fit.n, _above(fit.n, 155, 30))
    if not len(fit.cases):
        return
    unasked = fit.cases.unasked
    skipped = np.isnan(fit.cases.answers) & ~unasked
    for construct, block in zip(fit.model.names, fit.layout.slices, strict=True):
        share, elsewhere = float(skipped[:, block].mean()), float(unasked[:, block].mean())
        if share > 0.05:
            filled = fit.settings.missing in ("mean", "regression")
            yield Finding("missing", construct, share, "fail" if filled else "note")
        if elsewhere > 0.05:
            yield Finding("not_applicable", construct, elsewhere, "note")


def _measurement(fit: Fit, boot: Bootstrap | None) -> Iterator[Finding]:
    e, vif, products = fit.estimates, fit.item_vif.to_numpy(), fit.origin.model.products
    consistency, limits, loadings = _consistency(fit, boot), _limits(boot, "loadings"), fit.values("loadings").to_dict()
    for construct, b in zip(fit.model.constructs, fit.layout.slices, strict=True):
        if construct.name in products or construct.kind == "observed":
            continue
        for i in range(b.start, b.stop):
            if e.weights[0, i] < 0:
                yield Finding("negative_weight", fit.model.items[i], float(e.weights[0, i]), "fail")
        if len(construct.items) == 1:
            yield Finding("single_item", construct.name, np.nan, "note")
        elif construct.mode == "B":
            for i in range(b.start, b.stop):
                yield Finding("item_vif", fit.model.items[i], float(vif[i]), _below(vif[i], 3.3, 5))
        else:
            for item in construct.items:
                value = loadings[item]
                yield Finding("loading", item, value, _above(value, 0.708, 0.4), *limits.get(item, _NO_LIMITS))
            for name, good, poor in _CONSISTENCY:
                value, *interval = consistency[name, construct.name]
                yield Finding(name, construct.name, value, _above(value, good, poor), *interval)


_NO_LIMITS = (np.nan, np.nan)
_CONSISTENCY = (("alpha", 0.70, 0.60), ("rho_a", 0.70, 0.60), ("rho_c", 0.70, 0.60), ("ave", 0.50, 0.40))


def _limits(boot: Bootstrap | None, quantity: str) -> dict[str, tuple[float, float]]:
    """Interval of each term of a quantity; none without a bootstrap."""
    if boot is None:
        return {}
    table = boot.quantity(quantity)
    return dict(zip(table["term"], zip(table["ci_low"], table["ci_high"], strict=True), strict=True))


def _consistency(fit: Fit, boot: Bootstrap | None) -> dict[tuple[str, str], tuple[float, float, float]]:
    """(coefficient, construct) -> value and interval."""
    found = {}
    for name, _, _ in _CONSISTENCY:
        limits = _limits(boot, name)
        for construct, value in fit.reliability[name].items():
            found[name, str(construct)] = (float(value), *limits.get(str(construct), _NO_LIMITS))
    return found


def _discriminant(fit: Fit, boot: Bootstrap | None) -> Iterator[Finding]:
    names = fit.model.names
    measured = [
        c.name for c in fit.model.constructs if c.kind != "observed" and c.name not in fit.origin.model.products
    ]
    factors = {c.name for c in fit.model.constructs if c.kind == "factor"}
    for criterion in ("htmt", "htmt2"):
        ratio = fit.values(criterion)
        draws = None if boot is None else values_of(criterion, boot.batch, fit.batch)[1][boot.usable]
        upper = ratio.to_numpy() if draws is None else percentile_interval(draws, 0.90)[1]
        for (term, value), decided in zip(ratio.items(), upper, strict=True):
            pair = str(term).split(" ~ ")
            if not set(pair) <= set(measured) or (criterion == "htmt2" and not set(pair) <= factors):
                continue
            verdict: Verdict = "pass" if decided < 0.90 else "note" if value < 0.90 else "fail"
            yield Finding(
                criterion,
                f"{pair[1]} ~ {pair[0]}",
                float(value),
                verdict,
                high=np.nan if boot is None else float(decided),
            )
    yield from _own_items_first(fit, measured)
    vif = fit.values("full_collinearity_vif")
    for name in names:
        if name in measured and name in vif and len(measured) > 1:
            yield Finding("full_collinearity", name, float(vif[name]), "pass" if vif[name] <= 3.3 else "note")


def _own_items_first(fit: Fit, measured: list[str]) -> Iterator[Finding]:
    """Fornell-Larcker and cross-loadings of Mode A blocks: what a construct shares with its own items, and with others."""
    names, ave = list(fit.model.names), fit.reliability["ave"].to_dict()
    cross, correlations = np.abs(fit.cross_loadings.to_numpy()), np.abs(fit.estimates.correlations[0])
    for name in measured:
        own, others = names.index(name), [names.index(other) for other in measured if other != name]
        if not others or not np.isfinite(ave[name]):
            continue
        spare = float(np.sqrt(ave[name]) - correlations[own, others].max())
        yield Finding("fornell_larcker", name, spare, "pass" if spare > 0 else "note")
        for i in range(*fit.layout.slices[own].indices(len(cross))):
            spare = float(cross[i, own] - cross[i, others].max())
            yield Finding("cross_loading", fit.model.items[i], spare, "pass" if spare > 0 else "note")


def _structure(fit: Fit, boot: Bootstrap | None) -> Iterator[Finding]:
    vif = fit.inner_vif.to_numpy()
    for row, column in np.argwhere(fit.layout.adjacency):
        term = f"{fit.model.names[row]} -> {fit.model.names[column]}"
        if fit.layout.adjacency[:, column].sum() > 1:
            yield Finding("inner_vif", term, float(vif[row, column]), _below(vif[row, column], 3.3, 5))
    if boot is None:
        return
    for path in boot.paths.to_dict("records"):
        low, high = path["ci_low"], path["ci_high"]
        verdict: Verdict = "note" if low <= 0 <= high else "pass"
        yield Finding("path", path["term"], path["estimate"], verdict, low, high)
    lost = 1 - float(boot.usable.mean())
    yield Finding("draws", "bootstrap", lost, "pass" if lost <= 0.05 else "fail")


def _above(value: float, good: float, poor: float) -> Verdict:
    return "pass" if value >= good else "note" if value >= poor else "fail"


def _below(value: float, good: float, poor: float) -> Verdict:
    return "pass" if value < good else "note" if value < poor else "fail"
