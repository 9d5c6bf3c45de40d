"""A child's log: a file it appends to, kept small by its supervisor, read for its last words."""

import contextlib
import os
import shutil
from pathlib import Path
from typing import Final

MAX_BYTES: Final = 8 * 1024 * 1024


def rotate(path: Path, *, max_bytes: int = MAX_BYTES) -> None:
    """When the log is larger than ``max_bytes``, keep it as ``<name>.1`` and begin anew.

    The child keeps its descriptor, which appends, so the file is copied and emptied; lines
    written between the two are lost.
    """
    with contextlib.suppress(OSError):
        if path.stat().st_size > max_bytes:
            shutil.copyfile(path, path.with_name(f"{path.name}.1"))
            os.truncate(path, 0)


def last_lines(path: Path, count: int) -> str:
    """The last ``count`` lines, each cut at 500 characters; empty when there is no log."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 64 * 1024))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(line[:500] for line in lines[-count:])
