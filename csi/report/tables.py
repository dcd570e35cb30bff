"""The tables of a report: plain rows of texts, already in the language of the reader."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from csi.drivers.quadrants import WEAK_AND_IMPORTANT
from csi.quarter import Quarter
from csi.report.charts.priority_map import numbered
from csi.report.labels import Labels
from csi.structural.assessment import Assessment, Finding
from csi.words import say


@dataclass(frozen=True, slots=True)
class IndicatorRow:
    """One construct or item as the report shows it; `moved` is +1, -1 or 0."""

    name: str
    is_construct: bool
    level: str
    interval: str
    change: str
    moved: int
    importance: str
    n: str


@dataclass(frozen=True, slots=True)
class FindingRow:
    """One finding that did not pass."""

    verdict: str
    verdict_text: str
    what: str
    where: str
    value: str
    threshold: str
    advice: str


def plain(value: float, decimals: int = 2) -> str:
    """A number with a real minus; what rounds to nothing has no sign.

    >>> plain(-0.254), plain(-0.001), plain(76.04, 1)
    ('−0.25', '0.00', '76.0')
    """
    return f"{round(value, decimals) + 0.0:.{decimals}f}".replace("-", "−")


def signed(value: float) -> str:
    """A difference with its sign: a real minus, never a hyphen.

    >>> signed(-1.24), signed(0.04)
    ('−1.2', '+0.0')
    """
    return f"{value:+.1f}".replace("-", "−")


def indicator_rows(quarter: Quarter, labels: Labels) -> list[IndicatorRow]:
    """Constructs in the order of the model, each followed by its items."""
    importance = {} if quarter.priority is None else quarter.priority.rows.set_index("term")["estimate"].to_dict()
    rows = {(row["kind"], row["term"]): row for row in quarter.indicators.rows.to_dict("records")}
    shown = []
    for construct in quarter.fit.model.constructs:
        for kind, name in (("construct", construct.name), *(("item", item) for item in construct.items)):
            shown.append(_indicator(rows[kind, name], importance.get(name, np.nan), labels))
    return shown


def _indicator(row: Mapping[Hashable, Any], importance: float, labels: Labels) -> IndicatorRow:
    is_construct = row["kind"] == "construct"
    return IndicatorRow(
        name=labels.construct(row["term"]) if is_construct else labels.item(row["term"]),
        is_construct=is_construct,
        level=f"{row['estimate']:.1f}",
        interval=f"{row['ci_low']:.1f} – {row['ci_high']:.1f}",
        change="" if pd.isna(row["change"]) else signed(row["change"]),
        moved=int(row["changed"]),
        importance="" if np.isnan(importance) else f"{importance:.2f}",
        n=f"{row['n']:,}",
    )


@dataclass(frozen=True, slots=True)
class PriorityRow:
    """One numbered point of the priority map."""

    number: int
    name: str
    level: str
    importance: str
    urgent: bool


def priority_rows(quarter: Quarter, labels: Labels) -> list[PriorityRow]:
    """The key to the numbers on the priority map."""
    if quarter.priority is None:
        return []
    return [
        PriorityRow(
            number=row["number"],
            name=labels.item(row["term"]),
            level=f"{row['performance']:.1f}",
            importance=f"{row['estimate']:.2f}",
            urgent=row["quadrant"] == WEAK_AND_IMPORTANT,
        )
        for row in numbered(quarter.priority, "item").to_dict("records")
    ]


def finding_rows(assessment: Assessment, labels: Labels) -> list[FindingRow]:
    """Findings that fail or are to be noted, failures first."""
    return [_finding(f, labels) for f in assessment.findings if f.verdict != "pass"]


def _finding(finding: Finding, labels: Labels) -> FindingRow:
    percent = finding.criterion in ("missing", "draws")
    whole = finding.criterion in ("sample", "convergence")
    value = (
        f"{finding.value:,.0f}"
        if whole
        else ""
        if np.isnan(finding.value)
        else f"{finding.value:.1%}"
        if percent
        else plain(finding.value)
    )
    if not np.isnan(finding.high):
        low, high = plain(finding.low), plain(finding.high)
        value += f" (≤ {high})" if np.isnan(finding.low) else f" ({low} – {high})"
    return FindingRow(
        verdict=finding.verdict,
        verdict_text=say(f"verdict.{finding.verdict}", labels.language),
        what=finding.name(labels.language),
        where=labels.term(finding.term),
        value=value,
        threshold=finding.threshold(labels.language),
        advice=finding.advice(labels.language),
    )
