"""A fit as text and back without loss: JSON that any program reads.

Arrays are `{"array": "float" | "int" | "bool", "shape": [...], "values": [...]}`, row after row; a missing number is null. Floats
have the digits that give the same number again. The form of the text has a number of its own, `version`.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from csi.errors import EstimationError
from csi.kernel.buckets import BucketMoments
from csi.kernel.estimates import Estimates
from csi.kernel.moments import Moments
from csi.model.construct import Construct
from csi.model.model import Model, Note
from csi.model.stages import Stage, item_products, observed_items, stages_of
from csi.structural.cases import Cases
from csi.structural.fitted_model import Fit, Origin
from csi.structural.quantities import Batch
from csi.structural.replication import stage_fits
from csi.structural.sampling import Sample
from csi.structural.stages import Maps, Settings, Staged, layout_of, stage_cases

FORMAT = "csi.fit"
VERSION = 1
_KINDS = {"f": "float", "i": "int", "b": "bool"}
_TYPES: Mapping[str, type[np.generic]] = {"float": np.float64, "int": np.intp, "bool": np.bool_}


def json_of(fit: Fit, cases: bool) -> str:
    """The fit as JSON; see `Fit.to_json`."""
    origin = fit.origin
    table = {
        "format": FORMAT,
        "version": VERSION,
        "model": _model_table(origin.model),
        "settings": _table(fit.settings),
        "cases": _cases_table(origin.cases, cases),
        "moments": _table(origin.moments),
        "buckets": _table(origin.buckets) if cases and origin.buckets is not None else None,
        "stages": [_stage_table(each) for each in stage_fits(fit)],
    }
    try:
        return json.dumps(table, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise EstimationError(
            f"the fit cannot be written as JSON: {error}. Labels of groups must be texts or numbers."
        ) from error


def fit_from_json(text: str) -> Fit:
    """A fit from the text that `Fit.to_json` wrote.

    Every number is the same to the last bit, and a bootstrap of the same seed draws the same. Two things do not travel: the
    survey, so that tables by segment (`by=`) need a fit of the survey itself, and the cases if they were left out; then scores,
    predictions and resampling say that they need them. Columns of a stage (scores of the one before) are computed again from the
    answers.

    Raises
    ------
    EstimationError
        The text is no fit, was damaged, or was written by a later version of this package.

    Examples
    --------
    >>> import pandas as pd
    >>> from csi.structural.estimation import fit
    >>> frame = pd.DataFrame({"q": [1, 2, 3, 4.0], "s": [1, 3, 2, 5.0]})
    >>> first = fit(Model.parse("Q <~ q; S <~ s; S ~ Q"), frame)
    >>> fit_from_json(first.to_json()).paths.equals(first.paths)
    True
    """
    try:
        table = json.loads(text)
    except json.JSONDecodeError as error:
        raise EstimationError(f"the text is no JSON ({error}). It must be what Fit.to_json wrote, all of it.") from None
    if not isinstance(table, dict) or table.get("format") != FORMAT:
        raise EstimationError(f"the JSON is no fit: its format is not {FORMAT!r}. It must be what Fit.to_json wrote.")
    if table.get("version") != VERSION:
        raise EstimationError(
            f"the fit is written in version {table.get('version')!r} of its form, and this package reads version {VERSION}. "
            "Read it with the package that wrote it, or update this one."
        )
    try:
        return _fit(table)
    except (LookupError, TypeError, ValueError) as error:
        raise EstimationError(
            f"the fit cannot be read, for the text is not as it was written: {type(error).__name__} {error}."
        ) from error


def _fit(table: Mapping[str, Any]) -> Fit:
    model = _model(table["model"])
    settings = Settings(**table["settings"])
    cases = _cases(model, table["cases"])
    base = Moments(**_restored(table["moments"]))
    _require_shape("mean of the moments", base.mean, (1, len(cases.items)))
    buckets = None if table["buckets"] is None else BucketMoments(**_restored(table["buckets"]))
    origin = Origin(model, stages_of(model), cases, base, buckets)
    result: Fit | None = None
    for number, stage_table in enumerate(table["stages"]):
        staged = _staged(origin.stages[number], base, stage_table)
        seen = cases if staged.maps is None else stage_cases(staged, cases, origin.filled(settings.missing))
        result = Fit(staged.batch.model, seen, settings, staged.batch, origin, result, staged.maps)
    if result is None:
        raise ValueError("it has no stages")
    return result


def _model_table(model: Model) -> dict[str, Any]:
    return {
        "constructs": [{f.name: getattr(c, f.name) for f in fields(c)} for c in model.constructs],
        "paths": dict(model.paths),
        "controls": dict(model.controls),
        "notes": [{"code": note.code, "names": note.names} for note in model.notes],
        "higher_order": model.higher_order,
        "interactions": model.interactions,
    }


def _model(table: Mapping[str, Any]) -> Model:
    constructs = [Construct(**construct) for construct in table["constructs"]]
    notes = [Note(note["code"], tuple(note["names"])) for note in table["notes"]]
    return Model(**{**table, "constructs": constructs, "notes": notes})


def _cases_table(cases: Cases, rows: bool) -> dict[str, Any]:
    """Items and scale ends, and the answers of the respondents only if `rows`."""
    answers = {"X": _packed(cases.X), "weights": _packed(cases.weights), "sample": _table(cases.sample)}
    return {
        "items": cases.items,
        "low": _packed(cases.low),
        "high": _packed(cases.high),
        "rows": answers if rows and len(cases) else None,
    }


def _cases(model: Model, table: Mapping[str, Any]) -> Cases:
    items = tuple(table["items"])
    if items != (*observed_items(model), *(f"{left}*{right}" for left, right in item_products(model))):
        raise ValueError("its cases do not have the items of its model")
    low, high = _restored(table["low"]), _restored(table["high"])
    if table["rows"] is None:
        none = np.zeros(0, dtype=np.intp)
        sample, X, weights = Sample(np.zeros(0), none, none), np.zeros((0, len(items))), np.zeros(0)
    else:
        rows = table["rows"]
        sample, X, weights = Sample(**_restored(rows["sample"])), _restored(rows["X"]), _restored(rows["weights"])
    _require_shape("answers", X, (len(weights), len(items)))
    return Cases(X, weights, low, high, items, None, sample)


def _stage_table(fit: Fit) -> dict[str, Any]:
    """What was estimated; the moments of a stage on the observed items themselves are those of the fit."""
    return {
        "moments": None if fit.maps is None else _table(fit.moments),
        "maps": None if fit.maps is None else _table(fit.maps),
        "estimates": _table(fit.estimates),
        "low": _packed(fit.batch.low),
        "high": _packed(fit.batch.high),
    }


def _staged(stage: Stage, base: Moments, table: Mapping[str, Any]) -> Staged:
    maps = None if table["maps"] is None else Maps(**_restored(table["maps"]))
    moments = base if table["moments"] is None else Moments(**_restored(table["moments"]))
    estimates = Estimates(**_restored(table["estimates"]))
    _require_shape("weights", estimates.weights, (1, len(stage.columns)))
    low, high = _restored(table["low"]), _restored(table["high"])
    return Staged(Batch(stage.model, layout_of(stage.model), moments, estimates, low, high), maps)


def _require_shape(what: str, values: Any, shape: tuple[int, ...]) -> None:  # noqa: ANN401 - of a text, so anything
    if np.shape(values) != shape:
        raise ValueError(f"its {what} have the shape {np.shape(values)}, not {shape}")


def _table(record: Any) -> dict[str, Any]:  # noqa: ANN401 - any dataclass
    return {f.name: _packed(getattr(record, f.name)) for f in fields(record)}


def _packed(value: Any) -> Any:  # noqa: ANN401 - whatever stands in a field
    """A value as JSON has it."""
    if isinstance(value, np.ndarray):
        values = value.ravel().tolist()
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            values = [v if math.isfinite(v) else None if math.isnan(v) else str(v) for v in values]
        return {"array": _KINDS[value.dtype.kind], "shape": value.shape, "values": values}
    if isinstance(value, tuple | list):
        return [_packed(each) for each in value]
    return value.item() if isinstance(value, np.generic) else value


def _restored(value: Any) -> Any:  # noqa: ANN401 - whatever stands in a field
    """What was packed; lists are tuples again."""
    if isinstance(value, dict) and "array" in value:
        return np.array(value["values"], dtype=_TYPES[value["array"]]).reshape(value["shape"])
    if isinstance(value, dict):
        return {key: _restored(each) for key, each in value.items()}
    return tuple(_restored(each) for each in value) if isinstance(value, list) else value
