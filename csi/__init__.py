"""Customer-satisfaction modelling and driver analysis: the front door, public names only.

Each name is imported when it is first used, so that `import csi` is quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from csi.behaviour.alert_rules import AlertRule as AlertRule
    from csi.behaviour.alert_rules import alert_rules as alert_rules
    from csi.behaviour.alert_rules import ready_rules as ready_rules
    from csi.behaviour.alerts import AlertAccuracy as AlertAccuracy
    from csi.behaviour.alerts import CustomerAlerts as CustomerAlerts
    from csi.behaviour.alerts import alert_accuracy as alert_accuracy
    from csi.behaviour.alerts import customer_alerts as customer_alerts
    from csi.behaviour.base_rate import BaseDissatisfaction as BaseDissatisfaction
    from csi.behaviour.base_rate import base_dissatisfaction as base_dissatisfaction
    from csi.behaviour.dissatisfaction import dissatisfied_at_most as dissatisfied_at_most
    from csi.behaviour.dissatisfaction import dissatisfied_below as dissatisfied_below
    from csi.behaviour.drift import RiskDrift as RiskDrift
    from csi.behaviour.drift import risk_drift as risk_drift
    from csi.behaviour.feature_leaks import LeakageCheck as LeakageCheck
    from csi.behaviour.feature_leaks import leakage_check as leakage_check
    from csi.behaviour.feature_rules import EventFeatures as EventFeatures
    from csi.behaviour.features import features_of_base as features_of_base
    from csi.behaviour.linkage import Linked as Linked
    from csi.behaviour.linkage import link as link
    from csi.behaviour.naive import NaiveRules as NaiveRules
    from csi.behaviour.naive import naive_rules as naive_rules
    from csi.behaviour.risk import PastWave as PastWave
    from csi.behaviour.risk import RiskModel as RiskModel
    from csi.behaviour.risk import dissatisfaction_risk as dissatisfaction_risk
    from csi.behaviour.rules import RiskRules as RiskRules
    from csi.behaviour.rules import risk_rules as risk_rules
    from csi.behaviour.signature import Signature as Signature
    from csi.behaviour.signature import behaviour_signature as behaviour_signature
    from csi.behaviour.signature_map import SignatureMap as SignatureMap
    from csi.behaviour.signature_map import signature_map as signature_map
    from csi.behaviour.transport import Transport as Transport
    from csi.behaviour.transport import transport_check as transport_check
    from csi.behaviour.worth import Worth as Worth
    from csi.behaviour.worth import worth_of_satisfaction as worth_of_satisfaction
    from csi.behaviour.worth_outcomes import WorthTable as WorthTable
    from csi.care.lists import CareList as CareList
    from csi.care.lists import care_list as care_list
    from csi.care.warning_list import WarningList as WarningList
    from csi.care.warning_list import warning_list as warning_list
    from csi.drivers.importance import KeyDrivers as KeyDrivers
    from csi.drivers.importance import key_drivers as key_drivers
    from csi.drivers.importance_satisfaction import importance_satisfaction as importance_satisfaction
    from csi.drivers.kano import Kano as Kano
    from csi.drivers.kano import kano as kano
    from csi.drivers.kpis import KpiEffects as KpiEffects
    from csi.drivers.kpis import KpiWords as KpiWords
    from csi.drivers.kpis import kpi_effects as kpi_effects
    from csi.drivers.necessity import CombinedPriorityMap as CombinedPriorityMap
    from csi.drivers.necessity import NecessaryConditions as NecessaryConditions
    from csi.drivers.necessity import combined_priority_map as combined_priority_map
    from csi.drivers.necessity import necessary_conditions as necessary_conditions
    from csi.drivers.needs import NeedTypes as NeedTypes
    from csi.drivers.needs import penalty_reward as penalty_reward
    from csi.drivers.priority_map import PriorityMap as PriorityMap
    from csi.drivers.priority_map import importance_performance as importance_performance
    from csi.drivers.reach import Plan as Plan
    from csi.drivers.reach import reach as reach
    from csi.drivers.scenario import Scenario as Scenario
    from csi.drivers.scenario import what_if as what_if
    from csi.engine import connect as connect
    from csi.engine import moments_of as moments_of
    from csi.engine import with_scores as with_scores
    from csi.engine.margins import count_margins as count_margins
    from csi.errors import CsiError as CsiError
    from csi.errors import CsiWarning as CsiWarning
    from csi.index.forecast import IndexForecast as IndexForecast
    from csi.index.forecast import forecast_index as forecast_index
    from csi.index.indicators import Indicators as Indicators
    from csi.index.indicators import indicator_levels as indicator_levels
    from csi.index.kpi_table import KpiTable as KpiTable
    from csi.index.kpi_table import read_kpis as read_kpis
    from csi.index.league import League as League
    from csi.index.league import league as league
    from csi.index.modes import ModeEffect as ModeEffect
    from csi.index.modes import mode_effect as mode_effect
    from csi.index.modes import mode_effect_of_frame as mode_effect_of_frame
    from csi.index.score import Index as Index
    from csi.index.score import satisfaction_index as satisfaction_index
    from csi.index.servqual import Servqual as Servqual
    from csi.index.servqual import servqual as servqual
    from csi.index.servqual_structure import ServqualStructure as ServqualStructure
    from csi.index.servqual_structure import servqual_structure as servqual_structure
    from csi.index.tree import Panorama as Panorama
    from csi.index.tree import panorama as panorama
    from csi.index.tree_causes import Causes as Causes
    from csi.index.waves import Change as Change
    from csi.index.waves import compare_waves as compare_waves
    from csi.kernel.buckets import BucketMoments as BucketMoments
    from csi.model.construct import Construct as Construct
    from csi.model.model import Model as Model
    from csi.model.presets import acsi as acsi
    from csi.model.presets import ecsi as ecsi
    from csi.model.presets import mobile_csi as mobile_csi
    from csi.quarter import Quarter as Quarter
    from csi.quarter import run_quarter as run_quarter
    from csi.report.charts.drivers import plot_key_drivers as plot_key_drivers
    from csi.report.charts.kpis import plot_kpi_effects as plot_kpi_effects
    from csi.report.charts.league import plot_league as plot_league
    from csi.report.charts.needs import plot_kano as plot_kano
    from csi.report.charts.needs import plot_need_types as plot_need_types
    from csi.report.charts.outlets import plot_outlets as plot_outlets
    from csi.report.charts.panorama import plot_panorama as plot_panorama
    from csi.report.charts.path_diagram import plot_path_diagram as plot_path_diagram
    from csi.report.charts.priority_map import plot_priority_map as plot_priority_map
    from csi.report.charts.quality import plot_response_quality as plot_response_quality
    from csi.report.charts.risk import plot_calibration as plot_calibration
    from csi.report.charts.risk import plot_gain as plot_gain
    from csi.report.charts.scenario import plot_plan as plot_plan
    from csi.report.charts.scenario import plot_scenario as plot_scenario
    from csi.report.charts.segments import plot_segments as plot_segments
    from csi.report.charts.servqual import plot_servqual_gaps as plot_servqual_gaps
    from csi.report.charts.servqual import plot_servqual_radar as plot_servqual_radar
    from csi.report.charts.signature import plot_signature as plot_signature
    from csi.report.charts.signature import plot_signature_map as plot_signature_map
    from csi.report.charts.signature import plot_signature_shape as plot_signature_shape
    from csi.report.charts.trend import plot_index_trend as plot_index_trend
    from csi.report.charts.waterfall import plot_change_waterfall as plot_change_waterfall
    from csi.report.charts.worth import plot_worth as plot_worth
    from csi.report.export import export as export
    from csi.report.html import Report as Report
    from csi.report.html import quarterly_report as quarterly_report
    from csi.report.journal import JournalTable as JournalTable
    from csi.report.journal import htmt_table as htmt_table
    from csi.report.journal import journal_table as journal_table
    from csi.report.journal import measurement_table as measurement_table
    from csi.simulate import simulate_study as simulate_study
    from csi.structural.assessment import Assessment as Assessment
    from csi.structural.assessment import assess as assess
    from csi.structural.cbsem import fit_cbsem as fit_cbsem
    from csi.structural.covariance_fit import CovarianceFit as CovarianceFit
    from csi.structural.endogeneity import Endogeneity as Endogeneity
    from csi.structural.endogeneity import gaussian_copulas as gaussian_copulas
    from csi.structural.estimation import Fit as Fit
    from csi.structural.estimation import fit as fit
    from csi.structural.estimation import score as score
    from csi.structural.exact_fit import ExactFit as ExactFit
    from csi.structural.exact_fit import exact_fit as exact_fit
    from csi.structural.group_fits import GroupFits as GroupFits
    from csi.structural.group_fits import fit_groups as fit_groups
    from csi.structural.groups import GroupComparison as GroupComparison
    from csi.structural.groups import compare_groups as compare_groups
    from csi.structural.inference import Bootstrap as Bootstrap
    from csi.structural.inference import Jackknife as Jackknife
    from csi.structural.inference import bootstrap as bootstrap
    from csi.structural.inference import jackknife as jackknife
    from csi.structural.interchange import fit_from_json as fit_from_json
    from csi.structural.invariance import Invariance as Invariance
    from csi.structural.invariance import invariance as invariance
    from csi.structural.missing_sensitivity import MissingSensitivity as MissingSensitivity
    from csi.structural.missing_sensitivity import missing_sensitivity as missing_sensitivity
    from csi.structural.model_equality import EqualModels as EqualModels
    from csi.structural.model_equality import equal_models as equal_models
    from csi.structural.moderation import SimpleSlopes as SimpleSlopes
    from csi.structural.moderation import simple_slopes as simple_slopes
    from csi.structural.planning import PowerPlan as PowerPlan
    from csi.structural.planning import planned_power as planned_power
    from csi.structural.planning import required_sample as required_sample
    from csi.structural.population import Population as Population
    from csi.structural.prediction import Prediction as Prediction
    from csi.structural.prediction import predict as predict
    from csi.structural.predictive_ability import PredictiveAbility as PredictiveAbility
    from csi.structural.predictive_ability import cvpat as cvpat
    from csi.structural.segments import LatentSegments as LatentSegments
    from csi.structural.segments import PredictionSegments as PredictionSegments
    from csi.structural.segments import fimix as fimix
    from csi.structural.segments import pos as pos
    from csi.structural.tetrad_analysis import TetradAnalysis as TetradAnalysis
    from csi.structural.tetrad_analysis import tetrad_analysis as tetrad_analysis
    from csi.study import Study as Study
    from csi.study import read_study as read_study
    from csi.survey.codebook import Codebook as Codebook
    from csi.survey.codebook import Wording as Wording
    from csi.survey.design import Design as Design
    from csi.survey.design_errors import WeightedMeans as WeightedMeans
    from csi.survey.design_errors import weighted_means as weighted_means
    from csi.survey.margins import read_margins as read_margins
    from csi.survey.nonresponse import NonresponseWeights as NonresponseWeights
    from csi.survey.nonresponse import nonresponse_weights as nonresponse_weights
    from csi.survey.outlet_shares import OutletShares as OutletShares
    from csi.survey.outlet_shares import outlet_shares as outlet_shares
    from csi.survey.outlets import OutletTable as OutletTable
    from csi.survey.outlets import outlet_table as outlet_table
    from csi.survey.privacy import number_customers as number_customers
    from csi.survey.privacy import personal_columns as personal_columns
    from csi.survey.privacy import pseudonymise as pseudonymise
    from csi.survey.quality import Excluded as Excluded
    from csi.survey.quality import ResponseQuality as ResponseQuality
    from csi.survey.quality import response_quality as response_quality
    from csi.survey.quality import without as without
    from csi.survey.quality_rules import QualityRules as QualityRules
    from csi.survey.reading import read_survey as read_survey
    from csi.survey.reading import survey_from_frame as survey_from_frame
    from csi.survey.sms import SmsColumns as SmsColumns
    from csi.survey.sms import SmsLog as SmsLog
    from csi.survey.sms import read_sms_log as read_sms_log
    from csi.survey.sms_call_back import CallBackList as CallBackList
    from csi.survey.sms_call_back import call_back_list as call_back_list
    from csi.survey.sms_reply import parse_replies as parse_replies
    from csi.survey.sms_simulation import simulate_sms_month as simulate_sms_month
    from csi.survey.survey import Survey as Survey
    from csi.survey.waves import Comparability as Comparability
    from csi.survey.waves import join_waves as join_waves
    from csi.survey.waves import wave_comparability as wave_comparability
    from csi.survey.weighting import WeightSummary as WeightSummary
    from csi.survey.weighting import post_stratify as post_stratify
    from csi.survey.weighting import rake as rake
    from csi.survey.weighting import trim_weights as trim_weights
    from csi.survey.weighting import weight_summary as weight_summary

__version__ = "0.1.0"

_HOME = {
    "AlertRule": "csi.behaviour.alert_rules",
    "alert_rules": "csi.behaviour.alert_rules",
    "ready_rules": "csi.behaviour.alert_rules",
    "AlertAccuracy": "csi.behaviour.alerts",
    "CustomerAlerts": "csi.behaviour.alerts",
    "alert_accuracy": "csi.behaviour.alerts",
    "customer_alerts": "csi.behaviour.alerts",
    "BaseDissatisfaction": "csi.behaviour.base_rate",
    "base_dissatisfaction": "csi.behaviour.base_rate",
    "dissatisfied_at_most": "csi.behaviour.dissatisfaction",
    "dissatisfied_below": "csi.behaviour.dissatisfaction",
    "RiskDrift": "csi.behaviour.drift",
    "risk_drift": "csi.behaviour.drift",
    "LeakageCheck": "csi.behaviour.feature_leaks",
    "leakage_check": "csi.behaviour.feature_leaks",
    "EventFeatures": "csi.behaviour.feature_rules",
    "features_of_base": "csi.behaviour.features",
    "Linked": "csi.behaviour.linkage",
    "link": "csi.behaviour.linkage",
    "NaiveRules": "csi.behaviour.naive",
    "naive_rules": "csi.behaviour.naive",
    "PastWave": "csi.behaviour.risk",
    "RiskModel": "csi.behaviour.risk",
    "dissatisfaction_risk": "csi.behaviour.risk",
    "RiskRules": "csi.behaviour.rules",
    "risk_rules": "csi.behaviour.rules",
    "Signature": "csi.behaviour.signature",
    "behaviour_signature": "csi.behaviour.signature",
    "SignatureMap": "csi.behaviour.signature_map",
    "signature_map": "csi.behaviour.signature_map",
    "Transport": "csi.behaviour.transport",
    "transport_check": "csi.behaviour.transport",
    "Worth": "csi.behaviour.worth",
    "worth_of_satisfaction": "csi.behaviour.worth",
    "WorthTable": "csi.behaviour.worth_outcomes",
    "CareList": "csi.care.lists",
    "care_list": "csi.care.lists",
    "WarningList": "csi.care.warning_list",
    "warning_list": "csi.care.warning_list",
    "KeyDrivers": "csi.drivers.importance",
    "key_drivers": "csi.drivers.importance",
    "importance_satisfaction": "csi.drivers.importance_satisfaction",
    "Kano": "csi.drivers.kano",
    "kano": "csi.drivers.kano",
    "KpiEffects": "csi.drivers.kpis",
    "KpiWords": "csi.drivers.kpis",
    "kpi_effects": "csi.drivers.kpis",
    "CombinedPriorityMap": "csi.drivers.necessity",
    "NecessaryConditions": "csi.drivers.necessity",
    "combined_priority_map": "csi.drivers.necessity",
    "necessary_conditions": "csi.drivers.necessity",
    "NeedTypes": "csi.drivers.needs",
    "penalty_reward": "csi.drivers.needs",
    "PriorityMap": "csi.drivers.priority_map",
    "importance_performance": "csi.drivers.priority_map",
    "Plan": "csi.drivers.reach",
    "reach": "csi.drivers.reach",
    "Scenario": "csi.drivers.scenario",
    "what_if": "csi.drivers.scenario",
    "connect": "csi.engine",
    "moments_of": "csi.engine",
    "with_scores": "csi.engine",
    "count_margins": "csi.engine.margins",
    "CsiError": "csi.errors",
    "CsiWarning": "csi.errors",
    "IndexForecast": "csi.index.forecast",
    "forecast_index": "csi.index.forecast",
    "Indicators": "csi.index.indicators",
    "indicator_levels": "csi.index.indicators",
    "KpiTable": "csi.index.kpi_table",
    "read_kpis": "csi.index.kpi_table",
    "League": "csi.index.league",
    "league": "csi.index.league",
    "ModeEffect": "csi.index.modes",
    "mode_effect": "csi.index.modes",
    "mode_effect_of_frame": "csi.index.modes",
    "Index": "csi.index.score",
    "satisfaction_index": "csi.index.score",
    "Servqual": "csi.index.servqual",
    "servqual": "csi.index.servqual",
    "ServqualStructure": "csi.index.servqual_structure",
    "servqual_structure": "csi.index.servqual_structure",
    "Panorama": "csi.index.tree",
    "panorama": "csi.index.tree",
    "Causes": "csi.index.tree_causes",
    "Change": "csi.index.waves",
    "compare_waves": "csi.index.waves",
    "BucketMoments": "csi.kernel.buckets",
    "Construct": "csi.model.construct",
    "Model": "csi.model.model",
    "acsi": "csi.model.presets",
    "ecsi": "csi.model.presets",
    "mobile_csi": "csi.model.presets",
    "Quarter": "csi.quarter",
    "run_quarter": "csi.quarter",
    "plot_key_drivers": "csi.report.charts.drivers",
    "plot_kpi_effects": "csi.report.charts.kpis",
    "plot_league": "csi.report.charts.league",
    "plot_kano": "csi.report.charts.needs",
    "plot_need_types": "csi.report.charts.needs",
    "plot_outlets": "csi.report.charts.outlets",
    "plot_panorama": "csi.report.charts.panorama",
    "plot_path_diagram": "csi.report.charts.path_diagram",
    "plot_priority_map": "csi.report.charts.priority_map",
    "plot_response_quality": "csi.report.charts.quality",
    "plot_calibration": "csi.report.charts.risk",
    "plot_gain": "csi.report.charts.risk",
    "plot_plan": "csi.report.charts.scenario",
    "plot_scenario": "csi.report.charts.scenario",
    "plot_segments": "csi.report.charts.segments",
    "plot_servqual_gaps": "csi.report.charts.servqual",
    "plot_servqual_radar": "csi.report.charts.servqual",
    "plot_signature": "csi.report.charts.signature",
    "plot_signature_map": "csi.report.charts.signature",
    "plot_signature_shape": "csi.report.charts.signature",
    "plot_index_trend": "csi.report.charts.trend",
    "plot_change_waterfall": "csi.report.charts.waterfall",
    "plot_worth": "csi.report.charts.worth",
    "export": "csi.report.export",
    "Report": "csi.report.html",
    "quarterly_report": "csi.report.html",
    "JournalTable": "csi.report.journal",
    "htmt_table": "csi.report.journal",
    "journal_table": "csi.report.journal",
    "measurement_table": "csi.report.journal",
    "simulate_study": "csi.simulate",
    "Assessment": "csi.structural.assessment",
    "assess": "csi.structural.assessment",
    "fit_cbsem": "csi.structural.cbsem",
    "CovarianceFit": "csi.structural.covariance_fit",
    "Endogeneity": "csi.structural.endogeneity",
    "gaussian_copulas": "csi.structural.endogeneity",
    "Fit": "csi.structural.estimation",
    "fit": "csi.structural.estimation",
    "score": "csi.structural.estimation",
    "ExactFit": "csi.structural.exact_fit",
    "exact_fit": "csi.structural.exact_fit",
    "GroupFits": "csi.structural.group_fits",
    "fit_groups": "csi.structural.group_fits",
    "GroupComparison": "csi.structural.groups",
    "compare_groups": "csi.structural.groups",
    "Bootstrap": "csi.structural.inference",
    "Jackknife": "csi.structural.inference",
    "bootstrap": "csi.structural.inference",
    "jackknife": "csi.structural.inference",
    "fit_from_json": "csi.structural.interchange",
    "Invariance": "csi.structural.invariance",
    "invariance": "csi.structural.invariance",
    "MissingSensitivity": "csi.structural.missing_sensitivity",
    "missing_sensitivity": "csi.structural.missing_sensitivity",
    "EqualModels": "csi.structural.model_equality",
    "equal_models": "csi.structural.model_equality",
    "SimpleSlopes": "csi.structural.moderation",
    "simple_slopes": "csi.structural.moderation",
    "PowerPlan": "csi.structural.planning",
    "planned_power": "csi.structural.planning",
    "required_sample": "csi.structural.planning",
    "Population": "csi.structural.population",
    "Prediction": "csi.structural.prediction",
    "predict": "csi.structural.prediction",
    "PredictiveAbility": "csi.structural.predictive_ability",
    "cvpat": "csi.structural.predictive_ability",
    "LatentSegments": "csi.structural.segments",
    "PredictionSegments": "csi.structural.segments",
    "fimix": "csi.structural.segments",
    "pos": "csi.structural.segments",
    "TetradAnalysis": "csi.structural.tetrad_analysis",
    "tetrad_analysis": "csi.structural.tetrad_analysis",
    "Study": "csi.study",
    "read_study": "csi.study",
    "Codebook": "csi.survey.codebook",
    "Wording": "csi.survey.codebook",
    "Design": "csi.survey.design",
    "WeightedMeans": "csi.survey.design_errors",
    "weighted_means": "csi.survey.design_errors",
    "read_margins": "csi.survey.margins",
    "NonresponseWeights": "csi.survey.nonresponse",
    "nonresponse_weights": "csi.survey.nonresponse",
    "OutletShares": "csi.survey.outlet_shares",
    "outlet_shares": "csi.survey.outlet_shares",
    "OutletTable": "csi.survey.outlets",
    "outlet_table": "csi.survey.outlets",
    "number_customers": "csi.survey.privacy",
    "personal_columns": "csi.survey.privacy",
    "pseudonymise": "csi.survey.privacy",
    "Excluded": "csi.survey.quality",
    "ResponseQuality": "csi.survey.quality",
    "response_quality": "csi.survey.quality",
    "without": "csi.survey.quality",
    "QualityRules": "csi.survey.quality_rules",
    "read_survey": "csi.survey.reading",
    "survey_from_frame": "csi.survey.reading",
    "SmsColumns": "csi.survey.sms",
    "SmsLog": "csi.survey.sms",
    "read_sms_log": "csi.survey.sms",
    "CallBackList": "csi.survey.sms_call_back",
    "call_back_list": "csi.survey.sms_call_back",
    "parse_replies": "csi.survey.sms_reply",
    "simulate_sms_month": "csi.survey.sms_simulation",
    "Survey": "csi.survey.survey",
    "Comparability": "csi.survey.waves",
    "join_waves": "csi.survey.waves",
    "wave_comparability": "csi.survey.waves",
    "WeightSummary": "csi.survey.weighting",
    "post_stratify": "csi.survey.weighting",
    "rake": "csi.survey.weighting",
    "trim_weights": "csi.survey.weighting",
    "weight_summary": "csi.survey.weighting",
}
__all__ = sorted(_HOME)  # noqa: PLE0605 - one list of names, kept in _HOME


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'csi' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
