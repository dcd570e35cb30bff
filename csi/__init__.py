"""Customer-satisfaction modelling and driver analysis: the front door, public names only.

Each name is imported when it is first used, so that `import csi` is quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from csi.drivers.priority_map import PriorityMap as PriorityMap
    from csi.drivers.priority_map import importance_performance as importance_performance
    from csi.errors import CsiError as CsiError
    from csi.errors import CsiWarning as CsiWarning
    from csi.index.indicators import Indicators as Indicators
    from csi.index.indicators import indicator_levels as indicator_levels
    from csi.index.score import Index as Index
    from csi.index.score import satisfaction_index as satisfaction_index
    from csi.model.construct import Construct as Construct
    from csi.model.model import Model as Model
    from csi.model.presets import acsi as acsi
    from csi.model.presets import ecsi as ecsi
    from csi.model.presets import mobile_csi as mobile_csi
    from csi.structural.assessment import Assessment as Assessment
    from csi.structural.assessment import assess as assess
    from csi.structural.estimation import Fit as Fit
    from csi.structural.estimation import fit as fit
    from csi.structural.estimation import score as score
    from csi.structural.inference import Bootstrap as Bootstrap
    from csi.structural.inference import bootstrap as bootstrap
    from csi.survey.codebook import Codebook as Codebook
    from csi.survey.survey import Survey as Survey
    from csi.survey.survey import read_survey as read_survey
    from csi.survey.survey import survey_from_frame as survey_from_frame

__version__ = "0.1.0"

_HOME = {
    "CsiError": "csi.errors",
    "CsiWarning": "csi.errors",
    "Construct": "csi.model.construct",
    "Model": "csi.model.model",
    "acsi": "csi.model.presets",
    "ecsi": "csi.model.presets",
    "mobile_csi": "csi.model.presets",
    "Fit": "csi.structural.estimation",
    "fit": "csi.structural.estimation",
    "score": "csi.structural.estimation",
    "Bootstrap": "csi.structural.inference",
    "bootstrap": "csi.structural.inference",
    "Codebook": "csi.survey.codebook",
    "Survey": "csi.survey.survey",
    "read_survey": "csi.survey.survey",
    "survey_from_frame": "csi.survey.survey",
    "assess": "csi.structural.assessment",
    "Assessment": "csi.structural.assessment",
    "satisfaction_index": "csi.index.score",
    "Index": "csi.index.score",
    "indicator_levels": "csi.index.indicators",
    "Indicators": "csi.index.indicators",
    "importance_performance": "csi.drivers.priority_map",
    "PriorityMap": "csi.drivers.priority_map",
}
__all__ = sorted(_HOME)  # noqa: PLE0605 - one list of names, kept in _HOME


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'csi' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
