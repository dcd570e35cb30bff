"""Margins of the population, from the table of a study file or from a file of shares or counts."""

import csv
import io
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, field_validator
from pydantic.dataclasses import dataclass

from csi.errors import SurveyError, known_names

Margins = dict[str, dict[str, float]]
_ROUNDING = 0.006  # shares of a published table that are rounded add up to 1 within so much
_HEADERS = {
    "margin": ("margin", "variable", "column", "segment", "变量", "边际", "维度", "字段"),
    "level": ("level", "category", "group", "value", "水平", "类别", "取值", "分组"),
    "share": ("share", "proportion", "percent", "count", "population", "占比", "比例", "人数", "数量", "总体"),
}


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class CountedMargins:
    """Margins to be counted on the customer base: a file with one row a customer, and the segments to count by.

    Attributes
    ----------
    counted_on
        Path of a Parquet or CSV file; may contain "{wave}".
    by
        Segments that have a column of the same name in the base, or segment -> column.

    >>> dict(CountedMargins(counted_on="base_{wave}.parquet", by=["region"]).by)
    {'region': 'region'}
    """

    counted_on: str
    by: dict[str, str]

    @field_validator("by", mode="before")
    @classmethod
    def _named(cls, by: object) -> object:
        if isinstance(by, list):
            by = {name: name for name in by}
        if not by:
            raise ValueError("name at least one segment to count by")
        return by


def read_margins(source: str | Path | Mapping[str, Any]) -> Margins:
    """Column -> level -> share or number in the population, as `csi.rake` takes it.

    Parameters
    ----------
    source
        A table {column: {level: share}}; a TOML file with such a table, as a whole or under `[margins]`; or a CSV file with one
        row a level and the columns margin, level and share (or count; 变量, 水平, 占比). "45%" is a share of 0.45.

    Raises
    ------
    SurveyError
        The file cannot be read, a share is no number above 0, a level is named twice, or shares below 1 do not add up to 1,
        as if a level had been left out.

    Examples
    --------
    >>> read_margins({"sex": {"f": "51%", "m": "49%"}})
    {'sex': {'f': 0.51, 'm': 0.49}}
    """
    if isinstance(source, Mapping):
        return _checked(source, "margins")
    path = Path(source)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SurveyError(f"{path}: the margins cannot be read ({error.strerror}). Give a TOML or CSV file.") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SurveyError(f"{path}: the file is not UTF-8. Save it as 'CSV UTF-8'.") from error
    return _checked(_from_csv(text, path) if path.suffix.lower() == ".csv" else _from_toml(text, path), str(path))


def _from_toml(text: str, path: Path) -> Mapping[str, Any]:
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SurveyError(f"{path}: not a TOML file: {error}. Margins are read from .toml and .csv.") from error
    found = table.get("margins", table)
    if not isinstance(found, Mapping):
        raise SurveyError(f"{path}: [margins] must be a table of columns, e.g. sex = {{ f = 0.51, m = 0.49 }}.")
    return found


def _from_csv(text: str, path: Path) -> Mapping[str, Any]:
    rows = list(csv.reader(io.StringIO(text)))
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    places = {}
    for part, words in _HEADERS.items():
        found = [k for k, cell in enumerate(header) if cell in words]
        if not found:
            known = known_names(part, header, "Its columns are")
            raise SurveyError(f"{path}: there is no column {part!r}. {known} One row a level: margin, level, share.")
        places[part] = found[0]
    margins: dict[str, dict[str, str]] = {}
    for number, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) < len(header):
            raise SurveyError(f"{path}: row {number} has {len(row)} cells for {len(header)} columns.")
        name, level, share = (row[places[part]].strip() for part in ("margin", "level", "share"))
        levels = margins.setdefault(name, {})
        if level in levels:
            raise SurveyError(f"{path}: row {number} names the level {level!r} of margin {name!r} a second time.")
        levels[level] = share
    return margins


def _checked(table: Mapping[str, Any], origin: str) -> Margins:
    if not table:
        raise SurveyError(f"{origin}: there are no margins. Give at least one column with its levels.")
    margins: Margins = {}
    for name, levels in table.items():
        if not isinstance(levels, Mapping) or not levels:
            raise SurveyError(
                f"{origin}: margin {name!r} must map its levels to shares, e.g. {{ f = 0.51, m = 0.49 }}."
            )
        shares = {
            str(level): _share(share, f"{origin}: margin {name!r}, level {level!r}") for level, share in levels.items()
        }
        _require_whole(shares.values(), f"{origin}: margin {name!r}")
        margins[str(name)] = shares
    return margins


def _share(value: object, where: str) -> float:
    text = str(value).strip().replace(",", "")
    percent = text.endswith(("%", "％"))
    try:
        share = float(text.rstrip("%％")) / (100 if percent else 1)
    except ValueError:
        share = float("nan")
    if isinstance(value, bool) or not 0 < share < float("inf"):
        raise SurveyError(f"{where}: {value!r} is no share or number above 0.")
    return share


def _require_whole(shares: Collection[float], where: str) -> None:
    total = sum(shares)
    if max(shares) < 1 and abs(total - 1) > _ROUNDING * len(shares):
        raise SurveyError(
            f"{where}: the shares add up to {total:.3f} instead of 1. A level may have been left out; add it, or give numbers of "
            "customers."
        )
