"""What a report says in words: every number already a text in the language of the reader."""

from pathlib import Path
from typing import Any

import numpy as np

import csi
from csi.display import signed
from csi.index.score import MINIMUM_CELL
from csi.quarter import Quarter
from csi.report.behaviour_facts import alerts_rows, leakage_text, rules_text, signature_text, warned_text, worth_text
from csi.report.labels import Labels
from csi.survey.covariates import NEGLIGIBLE
from csi.survey.weighting import weight_summary
from csi.words import say


def facts(quarter: Quarter, labels: Labels) -> dict[str, Any]:
    """Everything the page says in words, as texts."""
    language, survey, fit = labels.language, quarter.survey, quarter.fit
    low, high = quarter.index.interval
    return {
        "title": quarter.study.about.title.text(language, quarter.study.about.name),
        "target": labels.construct(quarter.index.construct),
        "answers": _answers(quarter, language),
        "index": f"{quarter.index.value:.1f}",
        "index_line": say("report.index_line", language, low=f"{low:.1f}", high=f"{high:.1f}"),
        "change": _change(quarter, language),
        "weakest": _weakest(quarter, labels),
        "trend_text": _trend_text(quarter, language),
        "change_text": _change_text(quarter, language),
        "indicators_text": _indicators_text(quarter, language),
        "signature": signature_text(quarter, labels),
        "rules": rules_text(quarter, language),
        "alerts": alerts_rows(quarter, language),
        "warned": warned_text(quarter, language),
        "leakage": leakage_text(quarter, labels),
        "worth": worth_text(quarter, labels),
        "minimum": MINIMUM_CELL,
        "refused": _refused(quarter, language),
        "weighted": _weighted(quarter, language),
        "rescaled": _rescaled(quarter, labels),
        "excluded": quarter.excluded.sentence(language) if len(quarter.excluded) else "",
        "model_notes": [note.text(language) for note in fit.model.notes],
        "unlike": _unlike(quarter, labels),
        "lost": sum(quarter.boot.failed.values()),
        "before": quarter.indicators.before,
        "method": say(
            "report.method_text",
            language,
            scheme=say(f"scheme.{fit.settings.scheme}", language),
            missing=say(f"missing.{fit.settings.missing}", language),
            draws=f"{len(quarter.boot):,}",
            seed=quarter.boot.seed,
            version=csi.__version__,
        ),
        "source": say("report.source", language, file=Path(survey.source.path).name, digest=survey.source.sha256[:16]),
    }


def _answers(quarter: Quarter, language: str) -> str:
    n, respondents = f"{quarter.fit.n:,}", quarter.survey.respondents
    if "date" in respondents and respondents["date"].notna().any():
        first, last = respondents["date"].min().date(), respondents["date"].max().date()
        return say("report.answered_between", language, n=n, first=first, last=last)
    return say("report.answers", language, n=n)


def _unlike(quarter: Quarter, labels: Labels) -> str:
    """Where those who answered differ from the customer base by more than 0.1 standard deviations."""
    table = quarter.study.behaviours
    if quarter.linked is None or table is None:
        return ""
    rows = quarter.linked.comparison()
    rows = rows[rows["estimate"].abs() > NEGLIGIBLE].sort_values("estimate", key=abs, ascending=False)
    named = [
        say(
            "report.spread",
            labels.language,
            name=table.label(row["term"], labels.language),
            difference=signed(row["estimate"]),
        )
        for row in rows.to_dict("records")
    ]
    if not named:
        return say("report.alike", labels.language)
    sentence = say("report.unlike", labels.language, names=("; " if labels.language == "en" else "；").join(named[:6]))
    weighted = "weight" in quarter.survey.respondents
    return sentence if weighted else f"{sentence} {say('report.unweighted', labels.language)}"


def _rescaled(quarter: Quarter, labels: Labels) -> str:
    """Which items a wave of the trend asked on another scale."""
    waves = [quarter.survey.wave] if quarter.trend is None else quarter.trend.rows["level"].tolist()
    items = [item for item in quarter.study.codebook.items if any(item.scale_in(wave) != item.scale for wave in waves)]
    if not items:
        return ""
    names = ("、" if labels.language == "zh" else "; ").join(labels.item(item.name) for item in items[:6])
    return say("report.rescaled", labels.language, n=len(items), names=names)


def _weighted(quarter: Quarter, language: str) -> str:
    """To which margins the answers are weighted, and what that costs."""
    margins = quarter.survey.design.margins
    if not margins:
        return ""
    summary, codebook = weight_summary(quarter.survey), quarter.study.codebook
    segments = {segment.name: segment.wording.text(language, segment.name) for segment in codebook.segments}
    names = ("、" if language == "zh" else ", ").join(segments.get(name, name) for name in margins)
    n, effective = f"{summary.n:,}", f"{summary.n_effective:,.0f}"
    return say(
        "report.weighted", language, names=names, n=n, effective=effective, effect=f"{summary.design_effect:.2f}"
    )


def _refused(quarter: Quarter, language: str) -> str:
    survey, gaps = quarter.survey, f"{np.isnan(quarter.fit.cases.answers).mean():.1%}"
    cells, rows = len(survey.refused_cells), len(survey.refused_rows)
    if not cells and not rows:
        return say("report.refused_none", language, gaps=gaps)
    return say("report.refused", language, cells=f"{cells:,}", rows=f"{rows:,}", gaps=gaps)


def _change(quarter: Quarter, language: str) -> tuple[str, str] | None:
    if quarter.trend is None:
        return None
    row, before = quarter.trend.rows.iloc[-1], quarter.trend.rows.iloc[-2]
    code = "report.within_chance" if row["change_low"] <= 0 <= row["change_high"] else "report.beyond_chance"
    return (
        say("report.since", language, change=signed(row["change"]), wave=before["level"]),
        say(code, language, low=signed(row["change_low"]), high=signed(row["change_high"])),
    )


def _weakest(quarter: Quarter, labels: Labels) -> tuple[str, str] | None:
    weakest = quarter.priority.weakest if quarter.priority is not None else None
    if weakest is None:
        return None
    line = say(
        "report.weakest_line",
        labels.language,
        level=f"{weakest['performance']:.1f}",
        importance=f"{weakest['estimate']:.2f}",
        target=labels.construct(quarter.index.construct),
    )
    return labels.item(weakest["term"]), line


def _trend_text(quarter: Quarter, language: str) -> str:
    if quarter.trend is None:
        return ""
    rows = quarter.trend.rows
    difference = float((rows["estimate"] - rows["own_weights"]).abs().max())
    return say("report.trend_text", language, wave=quarter.survey.wave, difference=f"{difference:.1f}")


def _change_text(quarter: Quarter, language: str) -> list[str]:
    """What moved the index, as sentences."""
    change = quarter.change
    if change is None:
        return [say(quarter.absent["change"], language)]
    (before, after), (low, high) = change.waves, change.interval
    limits = {"low": signed(low), "high": signed(high)}
    return [
        say("report.change_text", language, before=before, after=after, change=signed(change.value), **limits),
        *change.sentences(language),
    ]


def _indicators_text(quarter: Quarter, language: str) -> str:
    rule, waves = quarter.panorama.rule, quarter.panorama.waves
    if len(waves) == 1:
        return say("report.indicators_text_single", language)
    limits = {"minimum": f"{rule.minimum_change:g}", "q": f"{100 * rule.q:g}"}
    return say("report.indicators_text", language, wave=waves[-2], **limits)
