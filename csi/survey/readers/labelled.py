"""What the files of SPSS and Stata have in common: numbers with labels, read by ReadStat, in encodings they may not declare.

Of ReadStat's results only the plain lists are used: made into a frame, a column of integers with tagged missing values turns its
system-missing cells into arbitrary numbers. Rows are numbered from 1, as the data windows of both programs count cases.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from csi.errors import SurveyError
from csi.survey.readers.encodings import decode
from csi.survey.readers.raw import Texts

_ASSUMED = (
    "WINDOWS-1252"  # ReadStat's own name for it; where a file declares this encoding in words, they are in lower case
)
_EXPORT = {"SPSS": "File > Save As", "Stata": "save, replace"}
# High bytes in pairs that are not letters with accents among other letters, as in "Größe".
_PAIRS = re.compile(rb"(?<![A-Za-z\x80-\xff])(?:[\x80-\xff]{2})+(?![A-Za-z\x80-\xff])|(?:[\x80-\xff]{2}){2,}")


@dataclass(frozen=True, slots=True)
class Labelled:
    """Columns as lists of numbers, texts and None; what ReadStat says about them; how the texts were encoded."""

    columns: Mapping[str, Sequence[object]]
    about: Any
    encoding: str


def read_labelled(path: Path, program: Literal["SPSS", "Stata"], encoding: str | None = None) -> Labelled:
    """Read a file with all its missing values as they stand.

    The encoding is that given, else the one the file declares; if it declares none, or a wrong one, strict UTF-8 or Chinese
    (GB18030) where the bytes are such, and western European (Windows-1252) where it declares none.

    Raises
    ------
    SurveyError
        The file is damaged, cut short or of another kind; its texts are in an encoding that is not known.
    """
    declared = None if encoding else _declared(path, program)
    for candidate in (encoding,) if encoding else (None, "ISO-8859-1"):
        columns, about = _read(path, program, candidate)
        if columns is None:
            continue
        used = encoding or declared or about.file_encoding or _ASSUMED
        if encoding or (candidate is None and used != _ASSUMED):
            return Labelled(columns, about, used)
        better = encoding_seen(_all_texts(columns, about), path)
        if better:
            columns, about = _read(path, program, better)
            if columns is not None:
                return Labelled(columns, about, better)
        elif candidate is None:
            return Labelled(columns, about, used)
    raise SurveyError(
        f"{path}: the texts of this {program} file are not in {encoding or 'the encoding it declares'}, and not in UTF-8 or "
        "GB18030. Say which encoding it has, e.g. 'gb18030' (Chinese), 'big5' (traditional Chinese), 'cp949' (Korean) or "
        "'latin-1' (western Europe): in Python as encoding='big5', in a study file as encoding = \"big5\" under [[waves]]."
    )


def damaged(path: Path, program: str, fault: str) -> SurveyError:
    """What is raised for a file that cannot be read."""
    return SurveyError(
        f"{path}: this is not a whole {program} file ({fault}): it is damaged, was cut short on its way, or is another kind of "
        f"file. Get it again, or open it in {program}, save it anew ({_EXPORT[program]}) and try that."
    )


def listed_texts(values: Sequence[object], text_of: Callable[[Any], str]) -> tuple[Texts, list[Any]]:
    """A column as texts, and its distinct values; None and NaN are empty texts.

    >>> texts, values = listed_texts([5.0, None, "a", 5.0], str)
    >>> texts.cells().tolist(), values
    (['5.0', '', 'a', '5.0'], [5.0, 'a'])
    """
    codes, found = pd.factorize(np.asarray(values, dtype=object), use_na_sentinel=False)
    names = ["" if pd.isna(value) else text_of(value) for value in found]
    of_value, distinct = pd.factorize(np.array(names, dtype=object))
    return Texts(of_value[codes].astype(np.int32), tuple(distinct)), [value for value in found if not pd.isna(value)]


def number_text(value: float | np.floating[Any]) -> str:
    """A number as a person would type it, no digit lost.

    >>> number_text(5.0), number_text(3.5), number_text(np.float32(1.1)), number_text(1e20), number_text(-0.0)
    ('5', '3.5', '1.1', '100000000000000000000', '0')
    """
    return str(np.format_float_positional(value + 0, trim="-"))


def moment_text(moment: datetime, date_only: bool) -> str:
    """A date, or a date with its time; a date that carries a time all the same keeps it.

    >>> moment_text(datetime(2026, 9, 30), date_only=True), moment_text(datetime(2026, 9, 30), date_only=False)
    ('2026-09-30', '2026-09-30 00:00:00')
    """
    if date_only and moment == datetime(moment.year, moment.month, moment.day):
        return moment.date().isoformat()
    return moment.isoformat(sep=" ")


def encoding_seen(texts: Sequence[str], path: Path) -> str | None:
    """The encoding in which texts were written that were read as western European: UTF-8, GB18030, or None if as they seem.

    >>> encoding_seen(["Größe", "非常满意".encode("gbk").decode("latin-1")], Path("a.dta"))
    'gb18030'
    >>> encoding_seen(["Größe", "très"], Path("a.dta"))

    Raises
    ------
    SurveyError
        They were written in an East Asian encoding that has to be told.
    """
    try:
        written = [_single_bytes(text) for text in texts if not text.isascii()]
    except UnicodeEncodeError:
        return None
    for encoding in ("utf-8", "gb18030"):
        # A text of fixed width may end within a character.
        whole = [each for each in written if _decodes(each, encoding)]
        if 2 * len(whole) > len(written) and (encoding == "utf-8" or _is_paired(b"\n".join(written))):
            return decode(b"\n".join(whole), path)[1]
    return None


def _is_paired(data: bytes) -> bool:
    paired: int = sum(len(run) for run in _PAIRS.findall(data))
    return 2 * paired > sum(byte > 0x7F for byte in data)


def _read(path: Path, program: str, encoding: str | None) -> tuple[Any, Any]:
    """Columns and what is known of them; (None, None) if the texts are in another encoding."""
    import pyreadstat  # noqa: PLC0415 - takes 0.2 s, and few files need it

    read = pyreadstat.read_sav if program == "SPSS" else pyreadstat.read_dta
    try:
        columns, about = read(
            str(path), user_missing=True, disable_datetime_conversion=True, output_format="dict", encoding=encoding
        )
    except pyreadstat.ReadstatError as error:
        if "convert string" in str(error):
            return None, None
        if "unsupported character set" in str(error):
            raise SurveyError(f"{path}: there is no encoding called {encoding!r}. Try 'utf-8' or 'gb18030'.") from None
        fault = str(error)
    except (pyreadstat.PyreadstatError, OSError, ValueError) as error:
        fault = str(error)
    else:
        return columns, about
    raise damaged(path, program, fault.rstrip(".")) from None


def _declared(path: Path, program: str) -> str | None:
    """Since version 14 all files of Stata are UTF-8."""
    if program == "Stata":
        with path.open("rb") as file:
            release = re.match(rb"<stata_dta><header><release>(\d+)<", file.read(64))
        return "UTF-8" if release and int(release[1]) >= 118 else None
    return None


def _all_texts(columns: Mapping[str, Sequence[object]], about: Any) -> list[str]:  # noqa: ANN401 - ReadStat's own record
    texts = {cell for cells in columns.values() for cell in cells if isinstance(cell, str)}
    texts |= {label for label in about.column_labels if label}
    texts |= {label for labels in about.value_labels.values() for label in labels.values() if label}
    return [*texts, *columns]


def _single_bytes(text: str) -> bytes:
    try:
        return text.encode("cp1252")
    except UnicodeEncodeError:
        return text.encode("latin-1")


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
