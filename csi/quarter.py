"""Every noun of one wave of a study, computed in order: the only file that knows the whole order of things."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from csi.display import Result
from csi.drivers.priority_map import PriorityMap, importance_performance
from csi.errors import CsiError, LinkError, StudyError, TooFewError
from csi.index.indicators import Indicators, indicator_levels
from csi.index.score import Index, satisfaction_index
from csi.index.tree import Panorama, panorama
from csi.index.waves import Change, compare_waves
from csi.structural.assessment import Assessment, assess
from csi.structural.cases import Array
from csi.structural.estimation import Fit, fit
from csi.structural.inference import Bootstrap, bootstrap
from csi.study import Study
from csi.survey.quality import Excluded, ResponseQuality
from csi.survey.survey import Survey

if TYPE_CHECKING:  # these bring database engines and classifiers, which a study without behaviour does not need
    from csi.behaviour.alerts import CustomerAlerts
    from csi.behaviour.linkage import Linked
    from csi.behaviour.risk import RiskModel
    from csi.behaviour.rules import RiskRules
    from csi.behaviour.signature import Signature
    from csi.care.lists import CareList

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Quarter(Result):
    """Every noun of one wave, nothing formatted. What the data do not allow is None, and `absent` says why by code."""

    study: Study
    survey: Survey
    quality: ResponseQuality
    excluded: Excluded
    fit: Fit
    boot: Bootstrap
    assessment: Assessment
    index: Index
    trend: Index | None
    change: Change | None
    panorama: Panorama
    segments: tuple[Index, ...]
    indicators: Indicators
    priority: PriorityMap | None
    linked: "Linked | None"
    signature: "Signature | None"
    rules: "RiskRules | None"
    alerts: "CustomerAlerts | None"
    risk: "RiskModel | None"
    care: "CareList | None"
    absent: Mapping[str, str]
    overlap: int

    def headline(self) -> list[str]:
        """Index with interval, weakest important item, size of the care list."""
        low, high = self.index.interval
        weakest = self.priority.weakest if self.priority else None
        named = "none"
        if weakest is not None:
            named = f"{weakest['term']} ({self.study.codebook.item(weakest['term']).wording.text('en', '')})"
        care = "no care list" if self.care is None else f"{self.care.treated} customers on the care list"
        return [
            f"{self.study.about.name} {self.survey.wave}: {self.index.construct} index "
            f"{self.index.value:.1f} ({low:.1f} to {high:.1f}), n = {self.fit.n:,}",
            f"weakest important indicator: {named.removesuffix(' ()')}; {care}",
        ]

    def table(self) -> pd.DataFrame:
        """The indicators."""
        return self.indicators.table()


def run_quarter(study: Study, wave: str | None = None, *, progress: Progress = lambda step: None) -> Quarter:
    """Compute every noun of one wave: read, fit, bootstrap, assess, index, drivers, link, risk, care list.

    Earlier waves of the study are read too, for the trend. `progress` is told the name of each step.
    """
    current = study.wave(wave)
    boots = []
    for number, each in enumerate(study.waves[: study.waves.index(current) + 1]):
        progress(f"read and fit {each.name}")
        survey, quality, excluded = study.judged(each)
        fitted = fit(study.model, survey)
        boots.append(bootstrap(fitted, study.about.draws, seed=study.about.seed + number))
    _require_different_files([_survey(b) for b in boots], study.path)
    boot, earlier = boots[-1], boots[:-1]
    fitted = boot.fit
    target = study.about.target
    progress("index, drivers, assessment")
    absent = _absent(study, earlier, fitted)
    priority = None if "priority" in absent else importance_performance(fitted, target=target, boot=boot)
    linked, risk, care = _behaviour(study, boot, absent, progress)
    return Quarter(
        study=study,
        survey=survey,
        quality=quality,
        excluded=excluded,
        fit=fitted,
        boot=boot,
        assessment=assess(fitted, boot),
        index=satisfaction_index(fitted, boot, construct=target),
        trend=satisfaction_index(fitted, boot, by="wave", earlier=earlier, construct=target) if earlier else None,
        change=None if "change" in absent else _change(study, earlier[-1].fit, fitted),
        panorama=_panorama(study, boot, earlier),
        segments=tuple(
            satisfaction_index(fitted, boot, by=segment.name, construct=target) for segment in study.codebook.segments
        ),
        indicators=indicator_levels(boot, earlier[-1] if earlier else None),
        priority=priority,
        linked=linked,
        signature=_signature(linked, priority, progress),
        rules=None if linked is None or risk is None else _risk_rules(study, boot, linked),
        alerts=_alerts(study, _survey(boot), progress),
        risk=risk,
        care=care,
        absent=absent,
        overlap=_overlap([_survey(b) for b in boots]),
    )


def _absent(study: Study, earlier: list[Bootstrap], fitted: Fit) -> dict[str, str]:
    """What the study and its model do not allow, with the reason by code."""
    absent: dict[str, str] = {}
    if not earlier:
        absent["trend"] = absent["change"] = "absent.one_wave"
    elif fitted.lower is not None:
        absent["change"] = "absent.change_of_stages"
    if not study.codebook.segments:
        absent["segments"] = "absent.no_segments"
    if not study.model.ancestors(study.about.target):
        absent["priority"] = "absent.no_drivers"
    return absent


def _change(study: Study, before: Fit, after: Fit) -> Change:
    segments = [segment.name for segment in study.codebook.segments]
    mix = study.panorama.mix if study.panorama.mix is not None else segments[0] if segments else ""
    about = study.about
    return compare_waves(before, after, by=mix or None, construct=about.target, draws=about.draws, seed=about.seed)


def _panorama(study: Study, boot: Bootstrap, earlier: list[Bootstrap]) -> Panorama:
    plan = study.panorama
    return panorama(
        boot,
        earlier,
        construct=study.about.target,
        views=plan.views,
        by=plan.by,
        company=plan.company,
        kpis=study.kpis(),
        targets=plan.targets,
        last_year=plan.last_year,
        minimum_change=plan.minimum_change,
        q=plan.q,
    )


def _behaviour(
    study: Study, boot: Bootstrap, absent: dict[str, str], progress: Progress
) -> "tuple[Linked | None, RiskModel | None, CareList | None]":
    """Link, risk and care list as far as the study file and the data go; what is left out is named in `absent`."""
    table, rule, care = study.behaviour, study.risk, study.care
    if table is None or study.codebook.key is None:
        absent["care"] = "absent.no_behaviour" if table is None else "absent.no_key"
        return None, None, None
    survey = _survey(boot)
    progress("join answers to behaviour")
    linked = study.link(survey, table)
    if rule is None:
        absent["care"] = "absent.no_risk"
        return linked, None, None
    from csi.behaviour.risk import dissatisfaction_risk  # noqa: PLC0415 - heavy

    progress("find who is dissatisfied without having been asked")
    points = boot.fit.index_scores[study.about.target].to_numpy()
    try:
        risk = dissatisfaction_risk(
            linked, rule.apply(survey, points), weights=_base_weights(linked), seed=study.about.seed
        )
    except TooFewError:
        absent["care"] = "absent.too_few_dissatisfied"
        return linked, None, None
    if care is None:
        absent["care"] = "absent.no_care"
        return linked, risk, None
    from csi.care.lists import care_list  # noqa: PLC0415 - heavy

    progress("draw the care list")
    chosen = care_list(
        risk,
        capacity=care.capacity,
        do_not_disturb=table.do_not_disturb,
        consent=table.consent,
        holdout=care.holdout,
        seed=boot.seed,  # another one each wave, so that nobody is held out every time
    )
    return linked, risk, chosen


def _base_weights(linked: "Linked") -> Array | None:
    """Weights by which the respondents stand for the base; None where the base is those who answered."""
    from csi.behaviour.transport import transport_check  # noqa: PLC0415 - heavy

    try:
        return transport_check(linked).survey_weights
    except LinkError:
        return None


def _signature(linked: "Linked | None", priority: PriorityMap | None, progress: Progress) -> "Signature | None":
    """What the customers behind the weakest important indicator do, tier and tenure held equal where they are known."""
    weakest = None if priority is None else priority.weakest
    if linked is None or weakest is None:
        return None
    from csi.behaviour.signature import behaviour_signature  # noqa: PLC0415 - heavy

    progress("what goes with the weakest indicator")
    columns = (*linked.survey.respondents.columns, *linked.features)
    known = [name for name in ("tier", "tenure") if any(c == name or c.startswith(f"{name}_") for c in columns)]
    try:
        return behaviour_signature(linked, str(weakest["term"]), controls=known)
    except TooFewError:
        return None


def _risk_rules(study: Study, boot: Bootstrap, linked: "Linked") -> "RiskRules | None":
    from csi.behaviour.rules import risk_rules  # noqa: PLC0415 - heavy

    if study.risk is None:
        return None
    dissatisfied = study.risk.apply(_survey(boot), boot.fit.index_scores[study.about.target].to_numpy())
    try:
        return risk_rules(linked, dissatisfied, seed=study.about.seed)
    except TooFewError:
        return None


def _alerts(study: Study, survey: Survey, progress: Progress) -> "CustomerAlerts | None":
    """Whom the study's rules point out on the day after the last answer."""
    if not study.alerts or "date" not in survey.respondents or survey.respondents["date"].isna().all():
        return None
    from csi.behaviour.alerts import customer_alerts  # noqa: PLC0415 - heavy

    progress("warnings from behaviour")
    tables = study.tables([rule.table for rule in study.alerts], survey.wave)
    as_of = (survey.respondents["date"].max() + pd.Timedelta(days=1)).date()
    return customer_alerts(tables, study.alerts, as_of=as_of, replay=True)


def _survey(boot: Bootstrap) -> Survey:
    survey = boot.fit.cases.survey
    if survey is None:
        raise CsiError("a quarter is made of surveys, not of plain frames.")
    return survey


def _require_different_files(surveys: list[Survey], path: Path) -> None:
    seen: dict[str, str | None] = {}
    for survey in surveys:
        digest = survey.source.sha256
        if digest in seen:
            raise StudyError(
                f"{path}: waves {seen[digest]!r} and {survey.wave!r} hold the same answers ({Path(survey.source.path).name}). "
                "Name each wave's own file."
            )
        seen[digest] = survey.wave


def _overlap(surveys: list[Survey]) -> int:
    """Customers of the last wave who also answered an earlier one."""
    if "key" not in surveys[-1].respondents:
        return 0
    before = set(np.concatenate([s.respondents["key"].to_numpy(str) for s in surveys[:-1]])) if surveys[:-1] else set()
    return int(surveys[-1].respondents["key"].isin(before - {""}).sum())
