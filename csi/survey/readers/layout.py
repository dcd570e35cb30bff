"""Where the records of a delimited text begin and end, found without taking it apart; only for texts whose quotes are regular."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]
Bytes = NDArray[np.uint8]
_BLOCK = 1 << 18  # bytes that stay in the processor's cache
_QUOTE, _FEED, _RETURN = b'"\n\r'
_QUOTED, _BREAK = 0, 1  # what stands for bytes within quotes, and for line ends within quotes


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Records of a text: where each begins, where it ends (line end excluded), how many delimiters and line ends it holds.

    Record i is row i + 1 of the file, as a spreadsheet counts: a line end within quotes does not begin a new row. Delimiters
    within quotes are no delimiters.
    """

    starts: Places
    ends: Places
    delimiters: Places
    breaks: Places


def layout_of(text: bytes, delimiter: str) -> Layout | None:
    r"""The layout of a UTF-8 text, or None where it needs care: a quote inside a cell or left open, a carriage return on its own.

    >>> layout = layout_of(b'a,b\n"1\n2",3\n', ",")
    >>> layout.starts.tolist(), layout.ends.tolist(), layout.delimiters.tolist(), layout.breaks.tolist()
    ([0, 4], [3, 11], [1, 1], [0, 1])
    """
    data = np.frombuffer(text, dtype=np.uint8)
    quoted, returns = b'"' in text, b"\r" in text
    if quoted and not _quotes_are_regular(data, ord(delimiter)):
        return None
    ends: list[Places] = []
    counts: dict[int, list[Places]] = {ord(delimiter): [], _BREAK: []}
    before = dict.fromkeys(counts, 0)
    for start, block in _bare_blocks(data, quoted):
        if returns and _lone_return(data, start + np.flatnonzero(block == _RETURN)):
            return None
        at = np.flatnonzero(block == _FEED)
        if start + len(block) == len(data) and block[-1] != _FEED:
            at = np.append(at, len(block))
        ends.append(at + start)
        for mark, found in counts.items():
            places = np.flatnonzero(block == mark)
            found.append(np.searchsorted(places, at) + before[mark])
            before[mark] += len(places)
    feeds = np.concatenate(ends)
    starts = np.append(0, feeds[:-1] + 1)
    bare = feeds - ((feeds > starts) & (data[feeds - 1] == _RETURN))
    totals = [np.append(0, np.concatenate(found)) for found in counts.values()]
    inner = [total[1:] - total[:-1] for total in totals]
    return Layout(starts, bare, inner[0], inner[1])


def _bare_blocks(data: Bytes, quoted: bool) -> Iterator[tuple[int, Bytes]]:
    """The text block by block, with what stands within quotes made unrecognisable."""
    inside = False
    for start in range(0, len(data), _BLOCK):
        block = data[start : start + _BLOCK]
        if quoted:
            within = np.logical_xor.accumulate(block == _QUOTE) ^ inside
            inside = bool(within[-1])
            broken = within & ((block == _FEED) | (block == _RETURN))
            block = np.where(within, np.uint8(_QUOTED), block)
            block[broken] = _BREAK
        yield start, block


def _quotes_are_regular(data: Bytes, delimiter: int) -> bool:
    """Whether each quote opens a cell, closes it, or is doubled within it, and all are closed."""
    beside = np.array([delimiter, _FEED, _RETURN, _QUOTE], dtype=np.uint8)
    seen = 0
    for start in range(0, len(data), _BLOCK):
        at = start + np.flatnonzero(data[start : start + _BLOCK] == _QUOTE)
        opening, closing = at[seen % 2 :: 2], at[1 - seen % 2 :: 2]
        opening, closing = opening[opening > 0], closing[closing < len(data) - 1]
        if not (np.isin(data[opening - 1], beside).all() and np.isin(data[closing + 1], beside).all()):
            return False
        seen += len(at)
    return seen % 2 == 0


def _lone_return(data: Bytes, at: Places) -> bool:
    return bool(len(at)) and bool(at[-1] == len(data) - 1 or (data[at + 1] != _FEED).any())
