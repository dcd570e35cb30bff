"""A study file: what every part of the house needs to know, read and checked in one place."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

from csi.behaviour.table import NOT_RECORDED, BehaviourTable
from csi.display import Result
from csi.errors import StudyError, known_names
from csi.files import in_wave
from csi.index.kpi_table import KpiTable, read_kpis
from csi.index.tree_plan import PanoramaPlan
from csi.model.definition import model_from_dict
from csi.model.model import Model
from csi.survey.codebook import Codebook, Wording, describe
from csi.survey.margins import CountedMargins, Margins, read_margins
from csi.survey.quality import Excluded, ResponseQuality, response_quality, without
from csi.survey.quality_rules import QualityRules
from csi.survey.readers.formats import read_raw
from csi.survey.readers.raw import RawTable
from csi.survey.reading import read_survey
from csi.survey.survey import Survey
from csi.survey.weighting import rake

if TYPE_CHECKING:  # these bring database engines and classifiers, which a study without behaviour does not need
    from csi.behaviour.alert_rules import AlertRule
    from csi.behaviour.dissatisfaction import DissatisfactionRule
    from csi.behaviour.feature_rules import EventFeatures
    from csi.behaviour.linkage import Linked
    from csi.behaviour.worth_outcomes import WorthTable
    from csi.care.lists import CareRule
    from csi.engine import Engine

_STRICT = ConfigDict(extra="forbid")
_SECTIONS = (
    "study",
    "waves",
    "codebook",
    "margins",
    "quality",
    "model",
    "panorama",
    "engine",
    "behaviour",
    "features",
    "alerts",
    "risk",
    "care",
    "worth",
)


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


@checked_dataclass(frozen=True, slots=True, config=_STRICT)
class EngineSettings:
    """The engine that reads behaviour, with the names of the parameters of `csi.connect`."""

    url: str = "duckdb://"
    threads: int | None = None
    memory: str | None = None
    temp_folder: str | None = None
    settings: dict[str, str] = Field(default_factory=dict)

    def connect(self) -> "Engine":
        """The engine."""
        from csi.engine import connect  # noqa: PLC0415 - heavy

        return connect(
            self.url, threads=self.threads, memory=self.memory, temp_folder=self.temp_folder, settings=self.settings
        )


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Study(Result):
    """Everything a study file says, read and checked; no data are read yet."""

    about: About
    waves: tuple[Wave, ...]
    codebook: Codebook
    margins: Margins | CountedMargins
    quality: QualityRules
    model: Model
    panorama: PanoramaPlan
    engine: EngineSettings
    behaviour: BehaviourTable | None
    features: "tuple[EventFeatures, ...]"
    alerts: "tuple[AlertRule, ...]"
    worth: "WorthTable | None"
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
        margins = self.margins_of(survey)
        return rake(survey, margins) if margins else survey, quality, excluded

    def margins_of(self, survey: Survey) -> Margins:
        """The margins of the population at the time of a wave: as stated, or counted on its customer base."""
        if not isinstance(self.margins, CountedMargins):
            return self.margins
        from csi.engine.margins import count_margins  # noqa: PLC0415 - heavy

        path = self.file(in_wave(self.margins.counted_on, survey.wave))
        if not path.exists():
            raise StudyError(
                f"{self.path}: [margins] are counted on {path.name!r} for wave {survey.wave!r}, which is not in {self.data_dir}. "
                "Put it there, name its folder with --data-dir, or state the shares."
            )
        return count_margins(self.engine.connect().read(path), dict(self.margins.by))

    def kpis(self) -> KpiTable | None:
        """The operational KPIs, if the study has any."""
        if self.panorama.kpis is None:
            return None
        path = self.file(self.panorama.kpis)
        if not path.is_file():
            raise StudyError(f"{self.path}: [panorama] needs {self.panorama.kpis!r}, which is not in {self.data_dir}.")
        return read_kpis(path)

    def link(self, survey: Survey, table: BehaviourTable) -> "Linked":
        """Join a wave's answers to its behaviour table."""
        from csi.behaviour.linkage import link  # noqa: PLC0415 - heavy

        for section, name in self.lacking(table, survey.wave):
            raise StudyError(
                f"{self.path}: {section} needs {name!r} for wave {survey.wave!r}, which is not in {self.data_dir}. Put it "
                f"there, name its folder with --data-dir, or leave {section} out."
            )
        engine = self.engine.connect()
        base = engine.read(self.file(in_wave(table.table, survey.wave)), text=[table.key])
        for what, column in (("do_not_disturb", table.do_not_disturb), ("consent", table.consent)):
            base.require([column] if column != NOT_RECORDED else [], f"{what} in [behaviour]")
        return link(
            survey,
            base,
            key=table.key,
            features=table.features,
            date=table.date,
            engine=engine,
            events=self.features,
            tables=self.tables([rule.table for rule in self.features], survey.wave),
        )

    def lacking(self, table: BehaviourTable, wave: str | None) -> list[tuple[str, str]]:
        """Section and name of each file that a wave's behaviour needs and the data folder does not have."""
        needed = [("[behaviour]", table.table), *(("[[features]]", rule.table) for rule in self.features)]
        names = [(section, in_wave(name, wave)) for section, name in needed]
        return [(section, name) for section, name in names if not self.file(name).exists()]

    def tables(self, names: Iterable[str], wave: str | None) -> dict[str, Path]:
        """Where the tables that rules name lie, in a wave."""
        return {name: self.file(in_wave(name, wave)) for name in names}

    @property
    def behaviours(self) -> BehaviourTable | None:
        """The behaviour table with the features from events beside its own, so that all have names for people."""
        table = self.behaviour
        if table is None or not self.features:
            return table
        named = {
            feature: Wording(en=rule.label(feature, "en"), zh=rule.label(feature, "zh"))
            for rule in self.features
            for feature in rule.features
        }
        return replace(table, features=(*table.features, *named), wording={**named, **table.wording})

    def headline(self) -> list[str]:
        """Name, waves and sizes."""
        waves = f"{len(self.waves)} wave{'s' if len(self.waves) > 1 else ''}"
        return [f"Study {self.about.name}: {waves}, {len(self.codebook.items)} items; {self.path}"]

    def table(self) -> pd.DataFrame:
        """One row a wave: name, file, whether it is there."""
        rows = [(w.name, str(self.file(w.file)), self.file(w.file).is_file()) for w in self.waves]
        return pd.DataFrame(rows, columns=["wave", "file", "found"])


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
    risk = _part("csi.behaviour.dissatisfaction.DissatisfactionRule", content, "risk", path)
    items = [item.name for item in codebook.items]
    if risk is not None and risk.item is not None and risk.item not in items:
        known = known_names(risk.item, items, "The codebook's items are")
        raise StudyError(f"{path}, [risk]: item = {risk.item!r} is not in the codebook. {known}")
    return Study(
        about=about,
        waves=waves,
        codebook=codebook,
        margins=_margins(content.get("margins", {}), path),
        quality=QualityRules.from_dict(content.get("quality", {}), f"{path}, [quality]"),
        model=model,
        panorama=_checked(PanoramaPlan, content.get("panorama", {}), f"{path}, [panorama]"),
        engine=_checked(EngineSettings, content.get("engine", {}), f"{path}, [engine]"),
        features=_rules("csi.behaviour.feature_rules.read_features", content, "features", path),
        alerts=_rules("csi.behaviour.alert_rules.alert_rules", content, "alerts", path),
        worth=_part("csi.behaviour.worth_outcomes.WorthTable", content, "worth", path),
        behaviour=BehaviourTable.from_dict(content["behaviour"], f"{path}, [behaviour]")
        if "behaviour" in content
        else None,
        risk=risk,
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


def _margins(table: Mapping[str, Any], path: Path) -> Margins | CountedMargins:
    """Margins written in the study file, in a file beside it that it names, or to be counted on a base that it names."""
    if set(table) == {"file"}:
        return read_margins(path.parent / str(table["file"]))
    if "counted_on" in table:
        counted: CountedMargins = _checked(CountedMargins, table, f"{path}, [margins]")
        return counted
    return read_margins(table) if table else {}


def _place(folder: Path, study: str, name: str) -> Path:
    """Where a data file lies: in the data folder, or in a folder of the study's name inside it."""
    nested = folder / study / name
    return nested if nested.exists() else folder / name


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


def _part(kind: str, content: Mapping[str, Any], section: str, path: Path) -> Any:  # noqa: ANN401
    """A section that a study may leave out; its kind is imported where it is there."""
    if section not in content:
        return None
    module, _, name = kind.rpartition(".")
    return _checked(getattr(import_module(module), name), content[section], f"{path}, [{section}]")


def _rules(reader: str, content: Mapping[str, Any], section: str, path: Path) -> Any:  # noqa: ANN401
    """The rules of a section with two brackets; their reader is imported where there are any."""
    if section not in content:
        return ()
    if not isinstance(content[section], list):
        raise StudyError(f"{path}, [[{section}]]: write it with two brackets, once for every rule.")
    module, _, name = reader.rpartition(".")
    return getattr(import_module(module), name)(content[section], f"{path}, [[{section}]]")


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
