"""Files are written whole or not at all; names of files that differ by wave."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from csi.errors import FileError, StudyError


def write_whole(path: Path, data: bytes, *, private: bool = False) -> None:
    """Write a file as `whole` does.

    Raises
    ------
    FileError
        The place cannot be written to; nothing is left behind and an older file stays as it was.
    """
    with whole(path, private=private) as temporary:
        temporary.write_bytes(data)


@contextmanager
def whole(path: Path, *, private: bool = False) -> Iterator[Path]:
    """A file beside a place to write to: it takes the place in one step if all goes well, and vanishes otherwise.

    The folder is made if need be. A private file can be read by its owner alone, from its first byte on.

    Raises
    ------
    FileError
        The place cannot be written to; nothing is left behind and an older file stays as it was.
    """
    if path.is_dir():
        raise FileError(f"{path}: there is a folder of this name. Move it away, or give the file another name.")
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=path.suffix)  # with mode 0600
        os.close(handle)
        temporary = Path(name)
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o600 if private else 0o644)
        temporary.replace(path)
    except OSError as error:
        raise FileError(
            f"{path}: cannot be written ({error.strerror or error}). Name another folder or make room."
        ) from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


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
