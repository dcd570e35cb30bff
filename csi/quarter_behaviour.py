"""What one wave's behaviour tells: join, leaks, signature, risk, share of the base, worth of a point, care list, warnings."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pandas as pd

from csi.behaviour.table import BehaviourTable
from csi.drivers.priority_map import PriorityMap
from csi.errors import CsiError, CsiWarning, EstimationError, LinkError, TooFewError
from csi.files import in_wave
from csi.structural.cases import Array
from csi.structural.inference import Bootstrap
from csi.study import Study
from csi.survey.survey import Survey

if TYPE_CHECKING:  # these bring database engines and classifiers, which a study without behaviour does not need
    from csi.behaviour.alerts import CustomerAlerts
    from csi.behaviour.base_rate import BaseDissatisfaction
    from csi.behaviour.dissatisfaction import DissatisfactionRule
    from csi.behaviour.feature_leaks import LeakageCheck
    from csi.behaviour.linkage import Linked
    from csi.behaviour.risk import PastWave, RiskModel
    from csi.behaviour.rules import RiskRules
    from csi.behaviour.signature import Signature
    from csi.behaviour.transport import Transport
    from csi.behaviour.worth import Worth
    from csi.behaviour.worth_outcomes import WorthTable
    from csi.care.lists import CareList
    from csi.care.warning_list import WarningList

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class Behaviour:
    """Nouns of behaviour of one wave; None where the study or its data do not allow them."""

    linked: "Linked | None" = None
    leakage: "LeakageCheck | None" = None
    signature: "Signature | None" = None
    risk: "RiskModel | None" = None
    rules: "RiskRules | None" = None
    base: "BaseDissatisfaction | None" = None
    care: "CareList | None" = None
    worth: "Worth | None" = None
    alerts: "CustomerAlerts | None" = None
    warned: "WarningList | None" = None


def behaviour_of(
    study: Study, boots: Sequence[Bootstrap], priority: PriorityMap | None, absent: dict[str, str], progress: Progress
) -> Behaviour:
    """Everything that the last of these waves and those before it tell; what is left out is named in `absent` by code."""
    table, boot = study.behaviour, boots[-1]
    if table is None or study.codebook.key is None:
        absent["care"] = "absent.no_behaviour" if table is None else "absent.no_key"
        return Behaviour(alerts=alerts_of(study, survey_of(boot), progress))
    from csi.behaviour.feature_leaks import leakage_check  # noqa: PLC0415 - heavy

    progress("join answers to behaviour")
    linked = study.link(survey_of(boot), table)
    past = _linked_before(study, table, boots[:-1])
    alerts = alerts_of(study, survey_of(boot), progress)
    found = Behaviour(
        linked=linked,
        leakage=leakage_check(linked, None if study.risk is None else _dissatisfied(study, study.risk, boot)),
        signature=_signature(linked, boot, study.about.target, priority, progress),
        worth=_worth(study, past or [(boot, linked)], absent, progress),
        alerts=alerts,
        warned=None if alerts is None else _warned(study, alerts, table, survey_of(boot)),
    )
    if study.risk is None:
        absent["care"] = "absent.no_risk"
        return found
    return _with_risk(found, study, boot, past, absent, progress)


def _linked_before(study: Study, table: BehaviourTable, boots: Sequence[Bootstrap]) -> "list[tuple[Bootstrap, Linked]]":
    """Earlier waves with the behaviour of their time, as far as it has been kept; that of today came after their answers."""
    if "{wave}" not in table.table:
        return []
    kept = [b for b in boots if not study.lacking(table, survey_of(b).wave)]
    return [(b, study.link(survey_of(b), table)) for b in kept]


def _with_risk(
    found: Behaviour,
    study: Study,
    boot: Bootstrap,
    past: "list[tuple[Bootstrap, Linked]]",
    absent: dict[str, str],
    progress: Progress,
) -> Behaviour:
    """Risk, rules, share of the base and care list, as far as there are dissatisfied respondents to learn from."""
    from csi.behaviour.base_rate import base_dissatisfaction  # noqa: PLC0415 - heavy
    from csi.behaviour.risk import dissatisfaction_risk  # noqa: PLC0415 - heavy
    from csi.behaviour.rules import risk_rules  # noqa: PLC0415 - heavy

    progress("find who is dissatisfied without having been asked")
    linked, seed = found.linked, study.about.seed
    if linked is None or study.risk is None:
        raise CsiError("a risk needs linked answers and a rule of who is dissatisfied.")
    dissatisfied, transport = _dissatisfied(study, study.risk, boot), _transport(linked)
    weights = None if transport is None else transport.survey_weights
    try:
        earlier = _past_waves(study, study.risk, past)
        risk = dissatisfaction_risk(
            linked, dissatisfied, weights=weights, treated=_treated(study, boot), earlier=earlier, seed=seed
        )
    except TooFewError:
        absent["care"] = "absent.too_few_dissatisfied"
        return found
    found = replace(found, risk=risk)
    with suppress(TooFewError):  # rules are sought on one half of the respondents and measured on the other
        found = replace(found, rules=risk_rules(linked, dissatisfied, seed=seed))
    if transport is not None:
        found = replace(found, base=base_dissatisfaction(transport, dissatisfied, risk, seed=seed))
    return replace(found, care=_care(study, risk, boot, absent, progress))


def _past_waves(study: Study, rule: "DissatisfactionRule", past: "list[tuple[Bootstrap, Linked]]") -> "list[PastWave]":
    """Earlier waves to learn from: those with enough respondents of either kind."""
    from csi.behaviour.risk import PastWave, enough  # noqa: PLC0415 - heavy

    waves = []
    for boot, linked in past:
        dissatisfied, transport = _dissatisfied(study, rule, boot), _transport(linked)
        weights = None if transport is None else transport.survey_weights
        waves.append(PastWave(linked, dissatisfied, weights, _treated(study, boot)))
    return [wave for wave in waves if enough(wave)]


def _dissatisfied(study: Study, rule: "DissatisfactionRule", boot: Bootstrap) -> Array:
    return rule.apply(survey_of(boot), boot.fit.index_scores[study.about.target].to_numpy())


def _treated(study: Study, boot: Bootstrap) -> tuple[str, ...]:
    """Keys of customers who had been cared for before a wave's answers."""
    if study.care is None or study.care.treated is None:
        return ()
    from csi.care.lists import read_treated  # noqa: PLC0415 - heavy

    path = study.file(in_wave(study.care.treated, survey_of(boot).wave))
    return read_treated(path) if path.is_file() else ()


def _transport(linked: "Linked") -> "Transport | None":
    """Respondents weighted to the base; None where the base is those who answered."""
    from csi.behaviour.transport import transport_check  # noqa: PLC0415 - heavy

    try:
        return transport_check(linked)
    except LinkError:
        return None


def _care(
    study: Study, risk: "RiskModel", boot: Bootstrap, absent: dict[str, str], progress: Progress
) -> "CareList | None":
    care, table = study.care, study.behaviour
    if care is None or table is None:
        absent["care"] = "absent.no_care"
        return None
    from csi.care.lists import care_list  # noqa: PLC0415 - heavy

    progress("draw the care list")
    return care_list(
        risk,
        capacity=care.capacity,
        do_not_disturb=table.do_not_disturb,
        consent=table.consent,
        holdout=care.holdout,
        seed=boot.seed,  # another one each wave, so that nobody is held out every time
    )


def _signature(
    linked: "Linked", boot: Bootstrap, target: str, priority: PriorityMap | None, progress: Progress
) -> "Signature | None":
    """What the customers behind the weakest important indicator (without one: a low index) do, tier and tenure held equal."""
    from csi.behaviour.signature import behaviour_signature  # noqa: PLC0415 - heavy

    weakest = None if priority is None else priority.weakest
    progress("what goes with the weakest indicator")
    columns = (*linked.survey.respondents.columns, *linked.features)
    known = [name for name in ("tier", "tenure") if any(c == name or c.startswith(f"{name}_") for c in columns)]
    indicator = boot.fit.index_scores[target].to_numpy() if weakest is None else str(weakest["term"])
    try:
        return behaviour_signature(linked, indicator, controls=known, name=target if weakest is None else None)
    except TooFewError:
        return None


def _worth(
    study: Study, waves: "list[tuple[Bootstrap, Linked]]", absent: dict[str, str], progress: Progress
) -> "Worth | None":
    """What a point is worth, from the waves after which enough time has passed."""
    table = study.worth
    if table is None:
        return None
    followed = [(b, k) for b, k in waves if study.file(in_wave(table.table, survey_of(b).wave)).exists()]
    if not followed:
        absent["worth"] = "absent.no_later_behaviour"
        return None
    from csi.behaviour.worth import worth_of_satisfaction  # noqa: PLC0415 - heavy

    progress("what a point of satisfaction is worth")
    try:
        with _section(study, "[worth]"):
            people, later = _later(study, table, followed)
            reliability = followed[-1][0].fit.reliability.loc[study.about.target, ["rho_a"]].to_numpy(float)[0]
            return worth_of_satisfaction(
                people,
                later,
                table,
                index="index",
                weight="weight",
                reliability=reliability if 0 < reliability <= 1 else None,
                base_customers=waves[-1][1].base_rows,
            )
    except (EstimationError, TooFewError) as error:
        warnings.warn(str(error), CsiWarning, stacklevel=2)
        absent["worth"] = "absent.worth_refused"
        return None


def _later(
    study: Study, table: "WorthTable", followed: "list[tuple[Bootstrap, Linked]]"
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Respondents with their index, each customer's first answer, and what they did after it."""
    from csi.behaviour.worth import followed_respondents  # noqa: PLC0415 - heavy
    from csi.behaviour.worth_outcomes import respondents_rows  # noqa: PLC0415 - heavy

    people, later = [], []
    for boot, linked in followed:
        people.append(followed_respondents(linked, boot.fit.index_scores[study.about.target].to_numpy()))
        place = study.file(in_wave(table.table, survey_of(boot).wave))
        later.append(respondents_rows(place, table, people[-1]["key"]))
    first = pd.concat(people, ignore_index=True).drop_duplicates("key")
    return first, pd.concat(later, ignore_index=True).drop_duplicates([table.key, table.begins])


@contextmanager
def _section(study: Study, name: str) -> Iterator[None]:
    """Say of which section of the study file an error speaks."""
    try:
        yield
    except CsiError as error:
        raise type(error)(f"{study.path}, {name}: {error}") from None


def alerts_of(study: Study, survey: Survey, progress: Progress = lambda step: None) -> "CustomerAlerts | None":
    """Whom the study's rules point out on the day after the last answer."""
    if not study.alerts or "date" not in survey.respondents or survey.respondents["date"].isna().all():
        return None
    from csi.behaviour.alerts import customer_alerts  # noqa: PLC0415 - heavy

    progress("warnings from behaviour")
    tables = study.tables([rule.table for rule in study.alerts], survey.wave)
    as_of = (survey.respondents["date"].max() + pd.Timedelta(days=1)).date()
    with _section(study, "[[alerts]]"):
        return customer_alerts(tables, study.alerts, as_of=as_of, replay=True, engine=study.engine.connect())


def _warned(study: Study, alerts: "CustomerAlerts", table: BehaviourTable, survey: Survey) -> "WarningList":
    from csi.care.warning_list import warning_list  # noqa: PLC0415 - heavy

    return warning_list(alerts, study.file(in_wave(table.table, survey.wave)), table)


def survey_of(boot: Bootstrap) -> Survey:
    """The survey behind a bootstrap."""
    survey = boot.fit.cases.survey
    if survey is None:
        raise CsiError("a quarter is made of surveys, not of plain frames.")
    return survey
