"""The tables of a report: plain rows of texts, already in the language of the reader."""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from csi.display import signed
from csi.drivers.quadrants import WEAK_AND_IMPORTANT
from csi.index.alerts import RED_LINE
from csi.index.tree_frame import KPI
from csi.quarter import Quarter
from csi.report.charts.priority_map import numbered
from csi.report.labels import Labels
from csi.structural.assessment import Assessment, Finding
from csi.words import say


@dataclass(frozen=True, slots=True)
class IndicatorRow:
    """One node of the panorama as the report shows it; `kind` is "index", "construct", "item" or "kpi"."""

    name: str
    kind: str
    level: str
    interval: str
    change: str
    verdict: str
    verdict_text: str
    target: str
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


def indicator_rows(quarter: Quarter, labels: Labels) -> list[IndicatorRow]:
    """The rows of the panorama in its order: the index, constructs, their items, KPIs under what they belong to."""
    named = labels.knowing(quarter.panorama.rows.attrs)
    return [_indicator(row, named) for row in in_order(quarter.panorama.current())]


def _indicator(row: Mapping[Hashable, Any], labels: Labels) -> IndicatorRow:
    known = not pd.isna(row["ci_low"])
    return IndicatorRow(
        name=labels.term(str(row["term"])),
        kind=row["kind"],
        level="" if pd.isna(row["estimate"]) else f"{row['estimate']:.1f} {row['unit']}".strip(),
        interval=f"{row['ci_low']:.1f} – {row['ci_high']:.1f}" if known else "",
        change="" if pd.isna(row["change"]) else signed(row["change"]),
        verdict=row["verdict"],
        verdict_text="" if not row["verdict"] else verdict_text(row, labels.language),
        target="" if pd.isna(row["target"]) else f"{row['target']:g}",
        n="" if row["kind"] == KPI or pd.isna(row["n"]) else f"{row['n']:,.0f}",
    )


def in_order(rows: pd.DataFrame) -> list[dict[Any, Any]]:
    """Rows of a panorama depth first, each with its depth; the KPIs of a node come right after its children."""
    records = rows.to_dict("records")
    names = {row["term"] for row in records}

    def below(row: dict[Any, Any], depth: int) -> Iterator[dict[Any, Any]]:
        yield {**row, "depth": depth}
        children = [r for r in records if r["parent"] == row["term"]]
        for child in sorted(children, key=lambda r: bool(r["kind"] == KPI)):
            yield from below(child, depth + 1)

    return [each for row in records if row["parent"] not in names for each in below(row, 0)]


def verdict_text(row: Mapping[Any, Any], language: str) -> str:
    """Alert or merit in words, and whether a red line was crossed or a former move taken back."""
    text = say("panorama.red_line" if row["reason"] == RED_LINE else f"panorama.{row['verdict']}", language)
    return say("panorama.returning", language, verdict=text) if row["returning"] else text


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
