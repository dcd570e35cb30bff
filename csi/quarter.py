"""Every noun of one wave of a study, computed in order: the only file that knows the whole order of things."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from csi.display import Result
from csi.drivers.priority_map import PriorityMap, importance_performance
from csi.errors import StudyError
from csi.index.indicators import Indicators, indicator_levels
from csi.index.score import Index, satisfaction_index
from csi.index.tree import Panorama, panorama
from csi.index.waves import Change, compare_waves
from csi.quarter_behaviour import Progress, behaviour_of, survey_of
from csi.structural.assessment import Assessment, assess
from csi.structural.estimation import Fit, fit
from csi.structural.inference import Bootstrap, bootstrap
from csi.study import Study
from csi.survey.quality import Excluded, ResponseQuality
from csi.survey.survey import Survey

if TYPE_CHECKING:  # these bring database engines and classifiers, which a study without behaviour does not need
    from csi.behaviour.alerts import CustomerAlerts
    from csi.behaviour.base_rate import BaseDissatisfaction
    from csi.behaviour.feature_leaks import LeakageCheck
    from csi.behaviour.linkage import Linked
    from csi.behaviour.risk import RiskModel
    from csi.behaviour.rules import RiskRules
    from csi.behaviour.signature import Signature
    from csi.behaviour.worth import Worth
    from csi.care.lists import CareList
    from csi.care.warning_list import WarningList


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
    leakage: "LeakageCheck | None"
    signature: "Signature | None"
    risk: "RiskModel | None"
    rules: "RiskRules | None"
    base: "BaseDissatisfaction | None"
    care: "CareList | None"
    worth: "Worth | None"
    alerts: "CustomerAlerts | None"
    warned: "WarningList | None"
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
    _require_different_files([survey_of(b) for b in boots], study.path)
    boot, earlier = boots[-1], boots[:-1]
    fitted = boot.fit
    target = study.about.target
    progress("index, drivers, assessment")
    absent = _absent(study, earlier, fitted)
    priority = None if "priority" in absent else importance_performance(fitted, target=target, boot=boot)
    behaviour = behaviour_of(study, boots, priority, absent, progress)
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
        linked=behaviour.linked,
        leakage=behaviour.leakage,
        signature=behaviour.signature,
        risk=behaviour.risk,
        rules=behaviour.rules,
        base=behaviour.base,
        care=behaviour.care,
        worth=behaviour.worth,
        alerts=behaviour.alerts,
        warned=behaviour.warned,
        absent=absent,
        overlap=_overlap([survey_of(b) for b in boots]),
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
