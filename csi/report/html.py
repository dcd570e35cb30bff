"""The quarterly report as one self-contained HTML file in Chinese or English."""

from dataclasses import dataclass
from pathlib import Path

import jinja2
import pandas as pd

from csi.care.spreadsheet import csv_of
from csi.display import Result
from csi.errors import ReportError
from csi.files import write_whole
from csi.quarter import Quarter
from csi.report.behaviour_facts import care_facts
from csi.report.facts import facts
from csi.report.labels import Labels
from csi.report.pictures import pictures
from csi.report.tables import finding_rows, indicator_rows, priority_rows
from csi.report.webfont import embedded_font
from csi.words import LANGUAGES, say


@dataclass(frozen=True, slots=True, repr=False)
class Report(Result):
    """Files of a written report."""

    paths: tuple[Path, ...]

    def headline(self) -> list[str]:
        """Where the files are."""
        return ["Report", *map(str, self.paths)]

    def table(self) -> pd.DataFrame:
        """One row a file."""
        return pd.DataFrame({"file": [p.name for p in self.paths], "bytes": [p.stat().st_size for p in self.paths]})


def quarterly_report(quarter: Quarter, out: str | Path, *, language: str = "en") -> Report:
    """Write `report_<language>.html` into a folder, and `care_list.csv`, `warnings.csv`, `refused_cells.csv` if there are any.

    The HTML holds no personal data and opens from an e-mail: charts and font are inside. The care list and the warnings hold
    customer keys, the refused cells what people wrote; all are readable by their owner only.

    Raises
    ------
    ReportError, FileError
        An unknown language; a folder that cannot be written to.
    """
    if language not in LANGUAGES:
        raise ReportError(f"language must be one of {', '.join(map(repr, LANGUAGES))}, not {language!r}.")
    page = render(quarter, language)
    out = Path(out)
    paths = [out / f"report_{language}.html"]
    write_whole(paths[0], page.encode())
    if quarter.care is not None:
        paths.append(out / "care_list.csv")
        table = quarter.study.behaviours
        quarter.care.write_csv(paths[-1], table.wording if table is not None else None)
    if quarter.warned is not None:
        paths.append(out / "warnings.csv")
        quarter.warned.write_csv(paths[-1])
    if len(quarter.survey.refused_cells):
        paths.append(out / "refused_cells.csv")
        write_whole(paths[-1], csv_of(quarter.survey.refused_cells), private=True)
    return Report(tuple(paths))


def render(quarter: Quarter, language: str) -> str:
    """The page as a text."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("csi.report", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    labels = Labels(language, quarter.study.codebook)
    content = environment.get_template("report.html.j2").render(
        say=lambda code, **values: say(code, language, **values),
        language=language,
        quarter=quarter,
        facts=facts(quarter, labels),
        pictures=pictures(quarter, labels),
        priorities=priority_rows(quarter, labels),
        indicators=indicator_rows(quarter, labels),
        findings=finding_rows(quarter.assessment, labels),
        care=care_facts(quarter, labels),
        font="@@FONT@@",
    )
    return content.replace("@@FONT@@", embedded_font(content))
