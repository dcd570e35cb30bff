"""Files are written whole or not at all; names of files that differ by wave."""

import os
import tempfile
from pathlib import Path

from csi.errors import FileError, StudyError


def write_whole(path: Path, data: bytes, *, private: bool = False) -> None:
    """Write a file under another name beside its place, then move it there in one step; its folder is made if need be.

    A private file can be read by its owner alone, from its first byte on.

    Raises
    ------
    FileError
        The place cannot be written to; nothing is left behind and an older file stays as it was.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made with mode 0600
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if not private:
            temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise FileError(
            f"{path}: cannot be written ({error.strerror or error}). Name another folder or make room."
        ) from error


def in_wave(path: str, wave: str | None) -> str:
    """The path with "{wave}" filled in.

    >>> in_wave("base_{wave}.parquet", "2026Q3")
    'base_2026Q3.parquet'

    Raises
    ------
    StudyError
        The path differs by wave, and the wave has no name.
    """
    if "{wave}" not in path:
        return path
    if wave is None:
        raise StudyError(f"{path!r} is a file for each wave: say which wave is meant.")
    return path.replace("{wave}", wave)
