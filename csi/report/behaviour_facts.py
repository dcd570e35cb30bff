"""What a report says of behaviour in words: never a customer, and no group too small to be told."""

from typing import Any

import numpy as np

from csi.behaviour.feature_leaks import SUSPICIOUS
from csi.behaviour.signature_words import listed, name_of
from csi.care.lists import CARE
from csi.display import signed
from csi.quarter import Quarter
from csi.report.labels import Labels
from csi.words import say

_PRICES = {
    "churn_odds": "report.worth_churn",
    "spend_period": "report.worth_spend",
    "complaints_ratio": "report.worth_complaints",
    "value_year": "report.worth_value",
}
SMALLEST_GROUP = 5  # customers who share a reason, below which a report does not count them


def signature_text(quarter: Quarter, labels: Labels) -> list[str]:
    """What goes with the weakest indicator or a low index, as sentences."""
    if quarter.signature is None:
        return []
    found, language = quarter.signature, labels.language
    code = "report.signature_text" if found.controls else "report.signature_plain"
    equal = listed(
        [name_of(name, found.wording, language, quarter.study.behaviours) for name in found.controls], language
    )
    lead = say(code, language, indicator=labels.term(found.indicator), controls=equal)
    return [lead, *found.sentences(language, quarter.study.behaviours)]


def rules_text(quarter: Quarter, language: str) -> list[str]:
    """Readable rules for who is dissatisfied."""
    table = quarter.study.behaviours
    if quarter.rules is None or table is None:
        return []
    return quarter.rules.texts(language, table.wording)


def alerts_rows(quarter: Quarter, language: str) -> list[tuple[str, str, str]]:
    """Rule, level and how many customers it points out."""
    found = quarter.alerts
    if found is None:
        return []
    return [
        (rule.wording.text(language, rule.name), f"{rule.level}", _count(found.counts[rule.name]))
        for rule in found.rules
    ]


def _count(customers: int) -> str:
    """So many customers; fewer than may be told are not counted.

    >>> _count(1234), _count(3), _count(0)
    ('1,234', '< 5', '0')
    """
    return f"< {SMALLEST_GROUP}" if 0 < customers < SMALLEST_GROUP else f"{customers:,}"


def warned_text(quarter: Quarter, language: str) -> str:
    """How many of the warnings may be followed up, and where they are."""
    found = quarter.warned
    if found is None:
        return ""
    counts = {"contact": _count(found.contact), "protected": _count(found.protected)}
    return say("report.warned", language, file="warnings.csv", **counts)


def leakage_text(quarter: Quarter, labels: Labels) -> list[str]:
    """Whether the features of behaviour are from before the answers."""
    found, table = quarter.leakage, quarter.study.behaviours
    if found is None or table is None:
        return []
    proven, language = int((found.rows["proof"] == "events").sum()), labels.language
    lines = []
    if proven:
        counts = {"proven": f"{proven:,}", "all": f"{len(found.rows):,}", "removed": f"{found.removed:,}"}
        lines.append(say("report.leakage", language, **counts))
    undated = int(((found.rows["verdict"] != "pass") & ~(found.rows["auc"] > SUSPICIOUS)).sum())
    if undated:
        lines.append(say("report.leakage_undated", language, undated=f"{undated:,}", all=f"{len(found.rows):,}"))
    suspect = found.rows.loc[found.rows["auc"] > SUSPICIOUS, "term"]
    return lines + [say("report.leakage_suspect", language, name=table.label(name, language)) for name in suspect]


def worth_text(quarter: Quarter, labels: Labels) -> list[str]:
    """What customers did after earlier answers, per index point, as sentences."""
    worth, plan, table = quarter.worth, quarter.study.worth, quarter.study.behaviours
    language = labels.language
    if worth is None or plan is None or table is None:
        return [say(quarter.absent["worth"], language)] if "worth" in quarter.absent else []
    names = listed([table.label(name, language) for name in plan.controls], language)
    code = "report.worth_text" if names else "report.worth_text_plain"
    lines = [say(code, language, customers=f"{worth.customers:,}", controls=names)]
    for row in worth.rows.to_dict("records"):
        term = row["term"]
        if term in _PRICES:
            written = "{:.3f}".format if term in ("churn_odds", "complaints_ratio") else _money
            estimate, low, high = (written(row[name]) for name in ("estimate", "ci_low", "ci_high"))
            lines.append(say(_PRICES[term], language, estimate=estimate, low=low, high=high))
        if term == "value_year" and np.isfinite(row["corrected"]):
            lines.append(say("report.worth_corrected", language, value=_money(row["corrected"])))
    return lines


def _money(value: float) -> str:
    return signed(value, 2)


def _share_text(quarter: Quarter, language: str) -> str:
    """The share of the whole base that is dissatisfied."""
    if quarter.base is None:
        return ""
    asked, best = quarter.base.rows.iloc[0], quarter.base.rows.iloc[-1]
    estimate, low, high = (f"{best[name]:.1%}" for name in ("estimate", "ci_low", "ci_high"))
    return say("report.base_share", language, asked=f"{asked['estimate']:.1%}", estimate=estimate, low=low, high=high)


def care_facts(quarter: Quarter, labels: Labels) -> dict[str, Any] | None:
    """The care list as counts, with the reasons that enough customers share; never a customer."""
    care, risk, table = quarter.care, quarter.risk, quarter.study.behaviours
    if care is None or risk is None or table is None:
        return None
    language = labels.language
    counts = {"treated": f"{care.treated:,}", "eligible": f"{care.eligible:,}", "base": f"{care.base:,}"}
    expected = {"expected": f"{care.expected_dissatisfied:.0f}", "random": f"{care.expected_random:.0f}"}
    accuracy = risk.accuracy
    measured = {"auc": f"{accuracy.auc:.2f}", "low": f"{accuracy.auc_low:.2f}", "high": f"{accuracy.auc_high:.2f}"}
    treated = care.customers[care.customers["group"] == CARE]
    shared = treated["reason_feature"].value_counts()
    return {
        "treated": counts["treated"],
        "holdout_line": say("report.care_line", language, holdout=f"{care.held_out:,}"),
        "text": say("report.care_text", language, file="care_list.csv", **counts),
        "lines": [
            say("report.care_expected", language, **expected),
            say("report.care_accuracy", language, n=f"{accuracy.n:,}", **measured),
            *(note.text(language) for note in care.notes),
        ],
        "share": _share_text(quarter, language),
        "reasons": [(table.label(str(f), language), f"{n:,}") for f, n in shared.items() if n >= SMALLEST_GROUP],
    }
