"""May we trust the fit? Findings against published thresholds, each with its source and what to do."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from csi.display import Result, tidy
from csi.kernel.resample import percentile_interval
from csi.structural.estimation import Fit
from csi.structural.inference import Bootstrap
from csi.words import say

Verdict = Literal["pass", "note", "fail"]

# criterion -> who set its threshold; its name, threshold and advice stand in csi.words
SOURCES: dict[str, str] = {
    "convergence": "Henseler 2010",
    "admissibility": "Dijkstra & Henseler 2015",
    "missing": "Little & Rubin 2002",
    "sample": "Kock & Hadaya 2018",
    "negative_weight": "Cenfetelli & Bassellier 2009",
    "loading": "Hair et al. 2019",
    "alpha": "Cronbach 1951",
    "rho_a": "Dijkstra & Henseler 2015",
    "rho_c": "Fornell & Larcker 1981",
    "ave": "Fornell & Larcker 1981",
    "single_item": "Diamantopoulos et al. 2012",
    "htmt": "Henseler et al. 2015",
    "srmr": "Hu & Bentler 1999",
    "item_vif": "Hair et al. 2019",
    "inner_vif": "Hair et al. 2019",
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
    by the upper end of a one-sided 95 % interval where a bootstrap is given, else by the estimate.
    """
    found = [*_estimation(fit), *_measurement(fit, boot), *_discriminant(fit, boot), *_structure(fit, boot)]
    rank = {"fail": 0, "note": 1, "pass": 2}
    return Assessment(tuple(sorted(found, key=lambda f: rank[f.verdict])))


def _estimation(fit: Fit) -> Iterator[Finding]:
    yield Finding("convergence", "weights", fit.iterations, "pass" if fit.converged else "fail")
    if fit.layout.factor.any():
        smallest = float(np.linalg.eigvalsh(fit.estimates.correlations[0])[0])
        yield Finding("admissibility", "factors", smallest, "pass" if fit.admissible else "fail")
    if fit.converged:
        srmr = float(fit.overall_fit["srmr"])
        yield Finding("srmr", "model", srmr, "pass" if srmr <= 0.08 else "note")
    # Inverse square root method: n at which a path of 0.2 is found with 80 % power.
    yield Finding("sample", "n", fit.n, _above(fit.n, 155, 30))
    for construct, block in zip(fit.model.names, fit.layout.slices, strict=True):
        share = float(np.isnan(fit.cases.X[:, block]).mean())
        if share > 0.05:
            yield Finding("missing", construct, share, "fail" if fit.settings.missing == "mean" else "note")


def _measurement(fit: Fit, boot: Bootstrap | None) -> Iterator[Finding]:
    e, vif, consistency = fit.estimates, fit.item_vif.to_numpy(), fit.reliability.to_dict("index")
    limits = None if boot is None else percentile_interval(boot.draws.loadings[boot.usable], boot.level)
    for construct, b in zip(fit.model.constructs, fit.layout.slices, strict=True):
        for i in range(b.start, b.stop):
            if e.weights[0, i] < 0:
                yield Finding("negative_weight", fit.model.items[i], float(e.weights[0, i]), "fail")
        if len(construct.items) == 1:
            yield Finding("single_item", construct.name, np.nan, "note")
        elif construct.mode == "B":
            for i in range(b.start, b.stop):
                yield Finding("item_vif", fit.model.items[i], float(vif[i]), _below(vif[i], 3.3, 5))
        else:
            lam = e.loadings[0, b]
            for i, value in zip(range(b.start, b.stop), lam, strict=True):
                low, high = (np.nan, np.nan) if limits is None else (limits[0][i], limits[1][i])
                yield Finding("loading", fit.model.items[i], float(value), _above(value, 0.708, 0.4), low, high)
            for name, good, poor in (
                ("alpha", 0.70, 0.60),
                ("rho_a", 0.70, 0.60),
                ("rho_c", 0.70, 0.60),
                ("ave", 0.50, 0.40),
            ):
                value = float(consistency[construct.name][name])
                yield Finding(name, construct.name, value, _above(value, good, poor))


def _discriminant(fit: Fit, boot: Bootstrap | None) -> Iterator[Finding]:
    ratio = fit.estimates.htmt[0]
    upper = ratio if boot is None else percentile_interval(boot.draws.htmt[boot.usable], 0.90)[1]
    for row, column in np.argwhere(np.isfinite(ratio)):
        decided = upper[row, column]
        term = f"{fit.model.names[column]} ~ {fit.model.names[row]}"
        high = np.nan if boot is None else decided
        verdict: Verdict = "pass" if decided < 0.90 else "note" if ratio[row, column] < 0.90 else "fail"
        yield Finding("htmt", term, float(ratio[row, column]), verdict, high=float(high))


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
