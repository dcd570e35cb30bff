"""A study file and the quarter it describes: the only file that knows the whole order of things."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

from csi.behaviour.table import BehaviourTable
from csi.display import Result
from csi.drivers.priority_map import PriorityMap, importance_performance
from csi.errors import CsiError, StudyError, TooFewError, known_names
from csi.index.indicators import Indicators, indicator_levels
from csi.index.score import Index, satisfaction_index
from csi.model.definition import model_from_dict
from csi.model.model import Model
from csi.structural.assessment import Assessment, assess
from csi.structural.estimation import Fit, fit
from csi.structural.inference import Bootstrap, bootstrap
from csi.survey.codebook import Codebook, Wording, describe
from csi.survey.margins import Margins, read_margins
from csi.survey.quality import Excluded, ResponseQuality, response_quality, without
from csi.survey.quality_rules import QualityRules
from csi.survey.readers.formats import read_raw
from csi.survey.readers.raw import RawTable
from csi.survey.reading import read_survey
from csi.survey.survey import Survey
from csi.survey.weighting import rake

if TYPE_CHECKING:  # these bring database engines and classifiers, which a study without behaviour does not need
    from csi.behaviour.dissatisfaction import DissatisfactionRule
    from csi.behaviour.linkage import Linked
    from csi.behaviour.risk import RiskModel
    from csi.care.lists import CareList, CareRule

Progress = Callable[[str], None]
_STRICT = ConfigDict(extra="forbid")
_SECTIONS = ("study", "waves", "codebook", "margins", "quality", "model", "behaviour", "risk", "care")


@checked_dataclass(frozen=True, slots=True, config=_STRICT)
class Wave:
    """One wave's file of answers."""

    name: str
    file: str
    sheet: str | None = None
    encoding: str | None = None


@checked_dataclass(frozen=True, slots=True, config=_STRICT)
class About:
    """What the study is called, where its data are, and how it is computed."""

    name: str
    title: Wording = Wording()
    synthetic: bool = False
    data_dir: str = "data"
    source: Wording = Wording()
    target: str = "Satisfaction"
    draws: int = Field(default=1000, ge=100)
    seed: int = 1


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Study(Result):
    """Everything a study file says, read and checked; no data are read yet."""

    about: About
    waves: tuple[Wave, ...]
    codebook: Codebook
    margins: Margins
    quality: QualityRules
    model: Model
    behaviour: BehaviourTable | None
    risk: "DissatisfactionRule | None"
    care: "CareRule | None"
    path: Path
    data_dir: Path

    def file(self, name: str) -> Path:
        """Where a data file lies: in the data folder, or in a folder of the study's name inside it."""
        return _place(self.data_dir, self.about.name, name)

    def wave(self, name: str | None = None) -> Wave:
        """The wave of that name, the last one unless named."""
        names = [wave.name for wave in self.waves]
        if name is None:
            return self.waves[-1]
        if name not in names:
            raise StudyError(f"{self.path}: there is no wave {name!r}. {known_names(name, names, 'Its waves are')}")
        return self.waves[names.index(name)]

    def read(self, wave: Wave | str | None = None) -> Survey:
        """Read one wave's answers, the last wave's unless one is named."""
        wave = wave if isinstance(wave, Wave) else self.wave(wave)
        path = self.file(wave.file)
        if not path.is_file():
            where = f" Where to get it: {self.about.source.text('en', '')}" if self.about.source.text("en", "") else ""
            raise StudyError(
                f"{self.path}: wave {wave.name!r} needs {wave.file!r}, which is not in {self.data_dir}. Put it there or "
                f"name its folder with --data-dir.{where}"
            )
        return read_survey(path, self.codebook, wave=wave.name, sheet=wave.sheet, encoding=wave.encoding)

    def judged(self, wave: Wave | str | None = None) -> tuple[Survey, ResponseQuality, Excluded]:
        """One wave without those whom the rules of answer quality exclude, weighted to margins; how all answered; who left."""
        survey = self.read(wave)
        quality = response_quality(survey, self.quality)
        excluded = quality.excluded()
        survey = without(survey, excluded)
        return rake(survey, self.margins) if self.margins else survey, quality, excluded

    def link(self, survey: Survey, table: BehaviourTable) -> "Linked":
        """Join a wave's answers to its behaviour table."""
        from csi.behaviour.linkage import link  # noqa: PLC0415 - heavy

        path = self.file(table.path_for(survey.wave))
        if not path.is_file():
            raise StudyError(
                f"{self.path}: [behaviour] needs {path.name!r} for wave {survey.wave!r}, which is not in {self.data_dir}. Put it "
                "there, name its folder with --data-dir, or leave [behaviour] out."
            )
        return link(survey, path, key=table.key, features=table.features, date=table.date)

    def headline(self) -> list[str]:
        """Name, waves and sizes."""
        waves = f"{len(self.waves)} wave{'s' if len(self.waves) > 1 else ''}"
        return [f"Study {self.about.name}: {waves}, {len(self.codebook.items)} items; {self.path}"]

    def table(self) -> pd.DataFrame:
        """One row a wave: name, file, whether it is there."""
        rows = [(w.name, str(self.file(w.file)), self.file(w.file).is_file()) for w in self.waves]
        return pd.DataFrame(rows, columns=["wave", "file", "found"])


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
    segments: tuple[Index, ...]
    indicators: Indicators
    priority: PriorityMap | None
    linked: "Linked | None"
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


def read_study(path: str | Path, *, data_dir: str | Path | None = None) -> Study:
    """Read a study file; a folder stands for the `study.toml` in it.

    `data_dir` says where the data lie, if not where the study file says.

    Raises
    ------
    StudyError
        The file is missing, is not TOML, or has an unknown or faulty field; a room's own error for that room's part.
    """
    path, content = _content(path, ("study", "waves", "codebook", "model"))
    about = _checked(About, content["study"], f"{path}, [study]")
    codebook = Codebook.from_dict(content["codebook"], f"{path}, [codebook]")
    model = model_from_dict(content["model"], codebook, f"{path}, [model]")
    if about.target not in model.names:
        known = known_names(about.target, model.names, "The model's constructs are")
        raise StudyError(f"{path}: target = {about.target!r} is not in the model. {known}")
    waves = _waves(content["waves"], path)
    return Study(
        about=about,
        waves=waves,
        codebook=codebook,
        margins=_margins(content.get("margins", {}), path),
        quality=QualityRules.from_dict(content.get("quality", {}), f"{path}, [quality]"),
        model=model,
        behaviour=BehaviourTable.from_dict(content["behaviour"], f"{path}, [behaviour]")
        if "behaviour" in content
        else None,
        risk=_part("csi.behaviour.dissatisfaction.DissatisfactionRule", content, "risk", path),
        care=_part("csi.care.lists.CareRule", content, "care", path),
        path=path,
        data_dir=Path(data_dir) if data_dir is not None else path.parent / about.data_dir,
    )


def read_codebook(path: str | Path, *, data_dir: str | Path | None = None) -> tuple[Codebook, dict[str, RawTable]]:
    """The codebook of a study file, whose model may still be missing, and the raw answers of each wave.

    Raises
    ------
    StudyError, SurveyError
        As `read_study`, but for the model; a wave's file cannot be read.
    """
    path, content = _content(path, ("study", "waves", "codebook"))
    about = _checked(About, content["study"], f"{path}, [study]")
    folder = Path(data_dir) if data_dir is not None else path.parent / about.data_dir
    codebook = Codebook.from_dict(content["codebook"], f"{path}, [codebook]")
    waves = _waves(content["waves"], path)
    return codebook, {w.name: read_raw(_place(folder, about.name, w.file), w.sheet, w.encoding) for w in waves}


def _margins(table: Mapping[str, Any], path: Path) -> Margins:
    """Margins written in the study file, or in a file beside it that it names."""
    if set(table) == {"file"}:
        return read_margins(path.parent / str(table["file"]))
    return read_margins(table) if table else {}


def _place(folder: Path, study: str, name: str) -> Path:
    """Where a data file lies: in the data folder, or in a folder of the study's name inside it."""
    nested = folder / study / name
    return nested if nested.is_file() else folder / name


def _content(path: str | Path, required: tuple[str, ...]) -> tuple[Path, dict[str, Any]]:
    """The place and the sections of a study file."""
    path = Path(path)
    if path.is_dir():
        path = path / "study.toml"
    if not path.is_file():
        raise StudyError(f"{path}: there is no such study file.")
    try:
        content = tomllib.loads(path.read_text("utf-8-sig"))
    except UnicodeDecodeError:
        raise StudyError(f"{path}: the study file is not UTF-8. Save it again as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise StudyError(f"{path}: not a readable TOML file: {error}.") from None
    unknown = [section for section in content if section not in _SECTIONS]
    if unknown:
        raise StudyError(
            f"{path}: unknown section [{unknown[0]}]. {known_names(unknown[0], _SECTIONS, 'Sections are')}"
        )
    absent = [section for section in required if section not in content]
    if absent:
        hint = " A draft has it once its items have constructs: see EDIT in the file." if absent == ["model"] else ""
        raise StudyError(
            f"{path}: the section [{absent[0]}] is missing. A study needs [study], [[waves]], [codebook], [model].{hint}"
        )
    return path, content


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
    absent: dict[str, str] = {}
    if not earlier:
        absent["trend"] = "absent.one_wave"
    if not study.codebook.segments:
        absent["segments"] = "absent.no_segments"
    if not study.model.ancestors(target):
        absent["priority"] = "absent.no_drivers"
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
        segments=tuple(
            satisfaction_index(fitted, boot, by=segment.name, construct=target) for segment in study.codebook.segments
        ),
        indicators=indicator_levels(boot, earlier[-1] if earlier else None),
        priority=None if "priority" in absent else importance_performance(fitted, target=target, boot=boot),
        linked=linked,
        risk=risk,
        care=care,
        absent=absent,
        overlap=_overlap([_survey(b) for b in boots]),
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
        risk = dissatisfaction_risk(linked, rule.apply(survey, points), seed=study.about.seed)
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


def _part(kind: str, content: Mapping[str, Any], section: str, path: Path) -> Any:  # noqa: ANN401
    """A section that a study may leave out; its kind is imported where it is there."""
    if section not in content:
        return None
    module, _, name = kind.rpartition(".")
    return _checked(getattr(import_module(module), name), content[section], f"{path}, [{section}]")


def _waves(tables: object, path: Path) -> tuple[Wave, ...]:
    source = f"{path}, [[waves]]"
    if not isinstance(tables, list) or not tables:
        raise StudyError(f"{source}: write [[waves]] with two brackets, once for every file of answers.")
    waves = tuple(_checked(Wave, table, source) for table in tables)
    names = [wave.name for wave in waves]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise StudyError(f"{source}: wave {twice[0]!r} is defined {len(twice)} times. Give every wave its own name.")
    unfit = [name for name in names if not name.strip() or set(name) & set("/\\:") or name.strip(".") == ""]
    if unfit:
        raise StudyError(
            f"{source}: {unfit[0]!r} cannot be a wave's name, because it also names a folder. Write e.g. 2026Q3."
        )
    return waves


def _checked(kind: Any, table: Any, source: str) -> Any:  # noqa: ANN401
    if isinstance(table, Mapping):
        known = [field.name for field in fields(kind)]
        unknown = [name for name in table if name not in known]
        if unknown:
            raise StudyError(
                f"{source}: unknown field {unknown[0]!r}. {known_names(unknown[0], known, 'Its fields are')}"
            )
    try:
        return TypeAdapter(kind).validate_python(table)
    except ValidationError as error:
        raise StudyError(f"{source}: {describe(error)}") from None
