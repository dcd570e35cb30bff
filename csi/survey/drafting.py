"""The text of a drafted study file: TOML that can be read at once, with every guess marked for a person to confirm."""

import json
import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path

from csi.errors import SurveyError
from csi.survey.draft import Guess, guesses_of
from csi.survey.privacy import personal_columns
from csi.survey.readers.formats import read_raw
from csi.survey.readers.raw import Question

_CAUSES = ("Image", "Expectation", "Quality", "Value")
_EFFECTS = ("Complaints", "Loyalty")
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)  # what a model's text can name


def draft_study(
    path: str | Path,
    out: str | Path,
    *,
    side: Mapping[str, Question] | None = None,
    sheet: str | None = None,
    encoding: str | None = None,
) -> list[Guess]:
    """Write a study file for a file of answers, as far as it can be guessed, and return the guesses.

    Columns with names, addresses, numbers of telephones or cards are named in it with the reason, and not read.

    Parameters
    ----------
    path
        The file of answers.
    out
        The study file to write; one that exists is never overwritten.
    side
        What a second file (.qsf, .lss, XLSForm, data dictionary) says about the columns.

    Raises
    ------
    SurveyError
        The file cannot be read, or `out` exists.
    """
    path, out = Path(path), Path(out)
    if out.exists():
        raise SurveyError(
            f"{out}: this file exists and a draft never overwrites. Name another with --out, or move it away."
        )
    raw = read_raw(path, sheet, encoding)
    personal = personal_columns({name: texts.distinct for name, texts in raw.columns.items()})
    guesses = guesses_of(raw, side, personal)
    text = _text(path, out, guesses, {"sheet": sheet, "encoding": encoding}, raw.form)
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("x", encoding="utf-8") as file:
        file.write(text)
    return guesses


def side_questions(path: Path) -> dict[str, Question]:
    """What the file that asked the questions says about the columns of the answers, by its ending.

    Raises
    ------
    SurveyError
        A file of another kind, or one that cannot be read.
    """
    readers = {".qsf": "qualtrics", ".lss": "limesurvey", ".xlsx": "kobo", ".xls": "kobo", ".csv": "redcap"}
    module = readers.get(path.suffix.lower())
    if module is None:
        raise SurveyError(
            f"{path}: {path.suffix or 'no suffix'!r} is no known description of a questionnaire. Known are Qualtrics .qsf, "
            "LimeSurvey .lss, XLSForm .xlsx and REDCap's dictionary .csv."
        )
    found: dict[str, Question] = import_module(f"csi.survey.readers.{module}").questions_of(path)
    return found


def _text(path: Path, out: Path, guesses: Sequence[Guess], read: Mapping[str, str | None], form: str) -> str:
    names = _names(guesses)
    target = _target(guesses, names)
    folder = path.resolve().parent
    parts = [
        f"# Drafted from {path.name} ({form}). Every line marked GUESS is for a person to confirm or correct.",
        "# `csi codebook check` says what does not fit yet, `csi check` reads the answers, `csi report` writes the report.",
        "",
        "[study]",
        f"name = {_quoted(_slug(path.stem))}",
        f"title = {{ en = {_quoted(path.stem)} }}",
        f"data_dir = {_quoted('.' if folder == out.resolve().parent else str(folder))}",
        f"target = {_quoted(target)}" + ("" if target == "Satisfaction" else "  # GUESS"),
        "",
        "[[waves]]",
        f"name = {_quoted(_wave(path.stem))}  # GUESS: the name of this wave, e.g. 2026Q3",
        f"file = {_quoted(path.name)}",
        *(f"{key} = {_quoted(value)}" for key, value in read.items() if value),
        "",
        "[codebook]",
        *(f"{g.role} = {_quoted(g.column)}  # GUESS: {g.why}" for g in guesses if g.role in ("key", "date", "weight")),
    ]
    for guess in guesses:
        if guess.role == "item":
            parts += _item(guess, names[guess.column])
        elif guess.role == "segment":
            parts += _segment(guess, names[guess.column])
        elif guess.role == "comment":
            parts += ["", "[[codebook.comments]]", *_named(guess, names[guess.column]), *_wording(guess)]
    parts += _choices(guesses, names)
    left = [g for g in guesses if g.role in ("personal", "unused")]
    parts += ["", "# Not read:", *(f"#   {g.column!r}: {g.why}" for g in left)] if left else []
    return "\n".join([*parts, "", *_model(guesses, names, target), ""])


def _names(guesses: Sequence[Guess]) -> dict[str, str]:
    """Names fit for a model's text: the column's own where it is one, else q and its place."""
    names: dict[str, str] = {}
    for place, guess in enumerate(guesses, 1):
        fits = _NAME.fullmatch(guess.column) and guess.column not in names.values()
        names[guess.column] = guess.column if fits else f"q{place}"
    return names


def _item(guess: Guess, name: str) -> list[str]:
    scale = ", ".join(f"{key} = {_value(value)}" for key, value in guess.scale.items())
    construct = f"construct = {_quoted(guess.construct)}  # GUESS from its words"
    return [
        "",
        "[[codebook.items]]",
        *_named(guess, name),
        f"scale = {{ {scale} }}  # GUESS: {guess.why}",
        construct
        if guess.construct
        else '# construct = "..."  # EDIT: Image, Expectation, Quality, Value, Satisfaction, Complaints or Loyalty',
        *(["reverse = true  # GUESS: its labels run from good to bad"] if guess.reverse else []),
        *_wording(guess),
    ]


def _segment(guess: Guess, name: str) -> list[str]:
    levels = [
        f"levels.{_quoted(level)} = {{ en = {_quoted(label)} }}" for level, label in guess.levels.items() if label
    ]
    return ["", f"[[codebook.segments]]  # GUESS: {guess.why}", *_named(guess, name), *_wording(guess), *levels]


def _choices(guesses: Sequence[Guess], names: Mapping[str, str]) -> list[str]:
    parts: list[str] = []
    blocks: dict[str, list[Guess]] = {}
    for guess in guesses:
        if guess.role == "choice" and guess.block:
            blocks.setdefault(guess.block, []).append(guess)
        elif guess.role == "choice":
            joined = [f"name = {_quoted(names[guess.column])}", f"column = {_quoted(guess.column)}"]
            parts += [
                "",
                "[[codebook.choices]]",
                *joined,
                f"separator = {_quoted(guess.separator)}  # GUESS",
                *_wording(guess),
            ]
    for place, (block, members) in enumerate(blocks.items(), 1):
        columns = [f"columns.{_quoted(g.wording or g.column)} = {_quoted(g.column)}" for g in members]
        name = _slug(block) or f"choice{place}"
        parts += ["", "[[codebook.choices]]  # GUESS: answers to one question", f"name = {_quoted(name)}", *columns]
    return parts


def _named(guess: Guess, name: str) -> list[str]:
    """Name and column; an item without a column is looked for under its name."""
    of_name = guess.role == "item" and name == guess.column
    return [f"name = {_quoted(name)}", *([] if of_name else [f"column = {_quoted(guess.column)}"])]


def _wording(guess: Guess) -> list[str]:
    text = guess.wording or ("" if _NAME.fullmatch(guess.column) else guess.column)
    if not text:
        return []
    language = "zh" if re.search(r"[一-鿿]", text) else "en"
    return [f"wording = {{ {language} = {_quoted(' '.join(text.split()))} }}"]


def _target(guesses: Sequence[Guess], names: Mapping[str, str]) -> str:
    constructs = [g.construct for g in guesses if g.role == "item" and g.construct]
    if "Satisfaction" in constructs or not constructs:
        return "Satisfaction"
    return max(dict.fromkeys(constructs), key=constructs.count)


def _model(guesses: Sequence[Guess], names: Mapping[str, str], target: str) -> list[str]:
    """A model of the constructs that were guessed: what comes before satisfaction leads to it, what follows from it after it."""
    items: dict[str, list[str]] = {}
    for guess in guesses:
        if guess.role == "item" and guess.construct:
            items.setdefault(guess.construct, []).append(names[guess.column])
    blocks = [f"{construct} <~ {' + '.join(members)}" for construct, members in items.items()]
    causes = [name for name in items if name in _CAUSES and name != target]
    paths = [f"{target} ~ {' + '.join(causes)}"] if causes and target in items else []
    paths += [f"{name} ~ {target}" for name in _EFFECTS if name in items and name != target and target in items]
    if not paths:
        return [
            "# EDIT: write the model once the items have constructs: a preset, or a syntax, for instance",
            "# [model]",
            '# preset = "ecsi"',
            "# or",
            '# syntax = """',
            "# Quality <~ q1 + q2",
            "# Satisfaction <~ q3",
            "# Satisfaction ~ Quality",
            '# """',
        ]
    if target == "Satisfaction" and causes:
        return [
            "[model]  # GUESS: Fornell's model of the constructs that the items name; a construct is changed at its items",
            f'preset = "{"ecsi" if "Image" in items else "acsi"}"',
        ]
    return [
        "[model]  # GUESS: constructs from the words of the questions, paths from Fornell's model",
        'syntax = """',
        *blocks,
        *paths,
        '"""',
    ]


def _slug(text: str) -> str:
    return re.sub(r"\W+", "_", text).strip("_").lower()


def _wave(stem: str) -> str:
    """A year or quarter in the file's name, else "wave1"."""
    found = re.search(r"(?:19|20)\d\d(?:[-_]?Q[1-4])?", stem, re.IGNORECASE)
    return found[0].replace("_", "").replace("-", "").upper() if found else "wave1"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(each) for each in value)}]"
    return f"{value:g}" if isinstance(value, int | float) else _quoted(str(value))
