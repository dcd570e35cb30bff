"""Whether the variables of an SPSS file, and the labels tied to them, can be as the file says.

ReadStat trusts what it says, and ends the process where a damaged file says what cannot be. The records are those described in
the manual of PSPP, "System File Format".
"""

import struct
from collections.abc import Callable
from mmap import ACCESS_READ, mmap
from pathlib import Path

_FIRST = 176  # bytes of the header before the first record
_LAYOUT = 64  # where the header holds 2 or 3, which tells the order of bytes
_WIDEST = 255


def is_consistent(path: Path) -> bool:
    """False if a variable's width does not agree with the records it takes, or a set of labels is tied to no variable."""
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
        order = "<" if data[_LAYOUT : _LAYOUT + 1] in (b"\2", b"\3") else ">"

        def integers(at: int, count: int) -> tuple[int, ...]:
            return struct.unpack_from(f"{order}{count}i", data, at)

        try:
            at, begins = _variables(integers)
            return _labels_are_tied(data, integers, at, begins)
        except struct.error:
            return False


def _variables(integers: Callable[[int, int], tuple[int, ...]]) -> tuple[int, list[bool]]:
    """Where the records of variables end, and which of them begin a variable; a long text continues in the next."""
    at, due, begins = _FIRST, 0, []
    while integers(at, 1)[0] == 2:
        _, width, has_label, missing = integers(at, 4)
        if (width == -1) != (due > 0) or not -1 <= width <= _WIDEST or has_label not in (0, 1) or abs(missing) > 3:
            raise struct.error
        due = due - 1 if width == -1 else max(0, -(-width // 8) - 1)
        begins.append(width >= 0)
        at += 32
        at += 4 + _padded(integers(at, 1)[0], 4) if has_label else 0
        at += 8 * abs(missing)
    if due:
        raise struct.error
    return at, begins


def _labels_are_tied(data: mmap, integers: Callable[[int, int], tuple[int, ...]], at: int, begins: list[bool]) -> bool:
    """Record 3 holds labels, record 4 the places of the variables they belong to."""
    while (kind := integers(at, 1)[0]) in (3, 4):
        count = integers(at + 4, 1)[0]
        at += 8
        if kind == 4:
            places = integers(at, count) if 0 <= count <= len(begins) else (0,)
            if not all(0 < place <= len(begins) and begins[place - 1] for place in places):
                return False
            at += 4 * count
            continue
        for _ in range(count):
            if at + 8 >= len(data):
                return False
            at += 8 + _padded(data[at + 8] + 1, 8)
    return True


def _padded(length: int, to: int) -> int:
    if length < 0:
        raise struct.error
    return -(-length // to) * to
