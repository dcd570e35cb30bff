"""The `csi` command: demo, check, report, simulate. Exit codes: 0 fine, 1 findings that fail --strict, 2 bad input."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from csi.errors import CsiError, CsiWarning
from csi.words import LANGUAGES

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Customer-satisfaction modelling: from survey answers to an index, its drivers and a care list.",
)

StudyPath = Annotated[Path, typer.Argument(help="A study file, or the folder that holds study.toml.")]
DataDir = Annotated[Path | None, typer.Option(help="Folder of the data, if not where the study file says.")]
WaveName = Annotated[str | None, typer.Option(help="Name of the wave; the last one unless given.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")]
Strict = Annotated[bool, typer.Option("--strict", help="Exit with 1 if the assessment has failing findings.")]
LanguageName = Annotated[str, typer.Option(help="Language of the report: en or zh.")]


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Where reports go.")] = Path("reports/demo"), quiet: Quiet = False
) -> None:
    """Simulate the demo study, run its last quarter end to end, write the report in English and Chinese."""
    from csi.simulate import simulate_study

    with _steps(quiet) as step:
        step("simulate a mobile operator")
        study = simulate_study(out / "study")
        _run(study, None, None, LANGUAGES, out / "2026Q3", quiet, step)


@app.command()
def check(study: StudyPath, data_dir: DataDir = None, quiet: Quiet = False, strict: Strict = False) -> None:
    """Read a study, all its answers and behaviour tables; say what was found and what was refused."""
    from csi.quarter_behaviour import alerts_of
    from csi.structural.assessment import assess
    from csi.structural.estimation import fit
    from csi.study import read_study

    plan = read_study(study, data_dir=data_dir)
    out = Console(quiet=quiet, highlight=False)

    def tell(text: object) -> None:
        out.print(str(text), markup=False, soft_wrap=True)

    tell(plan)
    tell(plan.model)
    failing = 0
    for wave in plan.waves:
        survey, _, excluded = plan.judged(wave)
        assessment = assess(fit(plan.model, survey))
        failing += assessment.count("fail")
        tell("\n".join([*survey.headline(), *(excluded.headline() if len(excluded) else ()), *assessment.headline()]))
        refused = survey.refused_cells
        for cell in refused.head(5).to_dict("records"):
            tell(
                f"  refused: row {cell['row']}, column {cell['column']!r}: {str(cell['value'])[:40]!r} is {cell['rule']}"
            )
        if len(refused) > 5:
            tell(f"  ... {len(refused) - 5:,} more; `csi report` writes all of them to refused_cells.csv")
        if plan.behaviour is not None and plan.codebook.key is not None:
            tell("\n".join(plan.link(survey, plan.behaviour).headline()))
        if wave is plan.waves[-1] and (alerts := alerts_of(plan, survey)) is not None:
            tell("\n".join(alerts.headline()))
    if strict and failing:
        raise typer.Exit(1)


def unconfirmed(study: Path) -> int:
    """How many lines of a drafted study file nobody has confirmed yet."""
    path = study / "study.toml" if study.is_dir() else study
    lines = path.read_text("utf-8-sig").splitlines()
    return sum("# GUESS" in line or "# EDIT" in line for line in lines)


codebook_commands = typer.Typer(no_args_is_help=True, help="Draft a study file from answers; check one against them.")
app.add_typer(codebook_commands, name="codebook")


@codebook_commands.command()
def draft(
    answers: Annotated[Path, typer.Argument(help="A file of answers, of any kind that can be read.")],
    questions: Annotated[
        Path | None,
        typer.Option(help="What asked the questions: .qsf, .lss, XLSForm (.xlsx) or a data dictionary (.csv)."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The study file to write; study.toml beside you unless given.")
    ] = None,
    sheet: Annotated[str | None, typer.Option(help="Sheet of an Excel file.")] = None,
    encoding: Annotated[str | None, typer.Option(help="Encoding of a text file, where it cannot be told.")] = None,
) -> None:
    """Write a study file for a file of answers, every guess marked; one that exists is never overwritten."""
    from csi.survey.drafting import draft_study, side_questions

    target = out or Path("study.toml")
    side = side_questions(questions) if questions is not None else None
    guesses = draft_study(answers, target, side=side, sheet=sheet, encoding=encoding)
    personal = [guess for guess in guesses if guess.role == "personal"]
    counts = {
        role: sum(guess.role == role for guess in guesses) for role in dict.fromkeys(guess.role for guess in guesses)
    }
    console = Console(highlight=False)

    def tell(text: str) -> None:
        console.print(text, markup=False, soft_wrap=True)

    tell(f"drafted: {target} ({', '.join(f'{count} {role}' for role, count in counts.items())})")
    for guess in personal:
        tell(f"not read, personal data: {guess.column!r} ({guess.why})")
    without = [guess.column for guess in guesses if guess.role == "item" and not guess.construct]
    if without:
        tell(f"{len(without)} items have no construct yet: look for EDIT in the file, first at {without[0]!r}")
    tell(f"next: confirm every GUESS, then `csi codebook check {target}` and `csi check {target}`")


@codebook_commands.command("check")
def check_codebook_command(study: StudyPath, data_dir: DataDir = None, strict: Strict = False) -> None:
    """Say what a study's codebook and its answers do not agree on: columns, scales, constructs."""
    from csi.study import read_codebook
    from csi.survey.codebook_check import check_codebook

    codebook, waves = read_codebook(study, data_dir=data_dir)
    console, errors = Console(highlight=False), 0
    if marks := unconfirmed(study):
        console.print(
            f"{marks} marks GUESS or EDIT are still in the file: confirm each and take its mark out", markup=False
        )
    for wave, answers in waves.items():
        found = check_codebook(answers, codebook, wave)
        errors += found.errors + (int((found.rows["severity"] == "doubt").sum()) if strict else 0)
        console.print(f"wave {wave}: {found.headline()[0]}", markup=False, soft_wrap=True)
        for row in found.rows.to_dict("records"):
            item = f" (item {row['item']})" if row["item"] and row["item"] != row["column"] else ""
            console.print(
                f"  {row['severity']}: {row['column']}{item}: {row['finding']}; {row['remedy']}",
                markup=False,
                soft_wrap=True,
            )
    if errors:
        raise typer.Exit(1)


@app.command()
def report(
    study: StudyPath,
    wave: WaveName = None,
    language: LanguageName = "en",
    out: Annotated[Path | None, typer.Option(help="Folder of the report; reports/STUDY/WAVE unless given.")] = None,
    data_dir: DataDir = None,
    quiet: Quiet = False,
    strict: Strict = False,
) -> None:
    """Run a quarter and write its report."""
    with _steps(quiet) as step:
        failing = _run(study, data_dir, wave, (language,), out, quiet, step)
    if strict and failing:
        raise typer.Exit(1)


@app.command()
def simulate(
    directory: Annotated[Path, typer.Argument(help="Where to write the synthetic study.")],
    seed: Annotated[int, typer.Option(help="The same seed gives the same files.")] = 2026,
    quiet: Quiet = False,
) -> None:
    """Write a synthetic mobile operator's study: four quarters of answers, the customer base, and the known truth."""
    from csi.simulate import simulate_study

    with _steps(quiet) as step:
        step("simulate a mobile operator")
        path = simulate_study(directory, seed=seed)
    Console(quiet=quiet, highlight=False).print(f"SYNTHETIC study written: {path}", markup=False, soft_wrap=True)


def _run(
    study: Path,
    data_dir: Path | None,
    wave: str | None,
    languages: tuple[str, ...],
    out: Path | None,
    quiet: bool,
    step: "Step",
) -> int:
    """Run one quarter, write its reports, print where they are and what they say; the number of failing findings."""
    unknown = [language for language in languages if language not in LANGUAGES]
    if unknown:
        raise CsiError(f"--language must be one of {', '.join(LANGUAGES)}, not {unknown[0]!r}.")
    from csi.quarter import run_quarter
    from csi.report.html import quarterly_report
    from csi.study import read_study

    plan = read_study(study, data_dir=data_dir)
    folder = out or Path("reports") / plan.about.name / plan.wave(wave).name
    if folder.exists() and not folder.is_dir():
        raise CsiError(f"--out {folder} is a file; name a folder.")
    quarter = run_quarter(plan, wave, progress=step)
    console = Console(quiet=quiet, highlight=False)
    for language in languages:
        step(f"write the report ({language})")
        written = quarterly_report(quarter, folder, language=language)
        console.print(f"report: {written.paths[0]}", markup=False, soft_wrap=True)
    for path in written.paths[1:]:
        console.print(f"{path.stem.replace('_', ' ')} (readable by you alone): {path}", markup=False, soft_wrap=True)
    console.print("\n".join(quarter.headline()), markup=False, soft_wrap=True)
    return quarter.assessment.count("fail")


class Step:
    """Tells a person at a terminal what is being done; silent in scripts and with --quiet."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.status = console.status("")

    def __call__(self, name: str) -> None:
        """Name the step that begins now."""
        if self.console.is_terminal:
            self.status.update(f"{name} ...")


@contextmanager
def _steps(quiet: bool) -> Iterator[Step]:
    step = Step(Console(stderr=True, quiet=quiet, highlight=False))
    if step.console.is_terminal and not quiet:
        with step.status:
            yield step
    else:
        yield step


def main() -> None:
    """Run the command; what went wrong with the input is said in one line, without a traceback."""
    errors = Console(stderr=True, highlight=False)

    def show(message: Warning | str, category: type[Warning], *_rest: object, **_options: object) -> None:
        if issubclass(category, CsiWarning) and "--quiet" not in sys.argv:
            errors.print(f"warning: {message}", markup=False, soft_wrap=True)

    warnings.showwarning = show
    try:
        app()
    except CsiError as error:
        errors.print(f"error: {error}", markup=False, soft_wrap=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
