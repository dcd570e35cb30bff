"""Files are written whole or not at all."""

import os
import tempfile
from pathlib import Path

from csi.errors import ReportError


def write_whole(path: Path, text: str) -> None:
    """Write a text file under a temporary name beside its place, then move it there in one step."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise ReportError(f"{path}: cannot write there ({error.strerror or error}).") from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
