"""How the parts of the simulation study write their tables."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def row(cells: Iterable[str]) -> str:
    """A row of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def head(names: Sequence[str], words: int) -> list[str]:
    """The head of a table, whose first `words` columns are words and the others numbers."""
    return [row(names), "|" + "|".join("---" if k < words else "--:" for k in range(len(names))) + "|"]


def samples(result: Mapping[str, Any]) -> str:
    """How many samples were drawn, and how many could be estimated."""
    return f"{result['replications']:,} ({result['estimated']:,})"


def span(shares: Iterable[float], digits: int = 1) -> str:
    """The smallest and the largest share, in percent."""
    percent = [100 * share for share in shares]
    return f"{min(percent):.{digits}f} to {max(percent):.{digits}f}"


def done(conditions: Sequence[Any], results: Mapping[str, Mapping[str, Any]]) -> list[tuple[Any, Mapping[str, Any]]]:
    """The conditions that have been run, with their results."""
    return [(condition, results[condition.name]) for condition in conditions if condition.name in results]


def verdict(conditions: Sequence[Any], run: int, outside: Sequence[str], what: str) -> list[str]:
    """How many conditions have been run, and what of them lies outside its band."""
    first = f"{run} of {len(conditions)} conditions have been run. "
    if not outside:
        return [first + f"None has a {what} outside the band."]
    return [first + "Outside the band:", "", *(f"- {each}" for each in outside)]
