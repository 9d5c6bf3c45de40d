"""Directories of process cells on the host: made for one program, removed whatever it left in them."""

import asyncio
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from cloche.executor.engines.engine import SlotStuckError

_PREFIX: Final = "cloche-cells-"
#: So many plain files are removed without starting a process.
_FEW: Final = 64


def make_root() -> Path:
    """A directory for this process's cells, which their programs may pass through to their own."""
    root = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
    root.chmod(0o711)
    return root


def remove_roots_of_the_dead() -> None:
    """Remove what executors that do not run any more left behind."""
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        pid = left.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            shutil.rmtree(left, ignore_errors=True)


def make_scratch(path: Path, owner: int | None) -> Path:
    """The work and temporary directories of one cell; ``owner`` None: this process's own user.

    Raises:
        OSError: the disk is full, or the like.
    """
    path.mkdir(mode=0o711)
    for name in ("work", "tmp"):
        (path / name).mkdir(mode=0o700)
        if owner is not None:
            os.chown(path / name, owner, owner)
    return path


async def remove_scratch(path: Path) -> None:
    """Remove one cell's directories, however deep and however closed they are.

    Raises:
        SlotStuckError: something is left.
    """
    if await asyncio.to_thread(_remove_few, path):
        return
    for argv in (("/bin/chmod", "-R", "u+rwx", str(path)), ("/bin/rm", "-rf", str(path))):
        quiet = asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(*argv, stdin=quiet, stdout=quiet, stderr=quiet)
        await process.wait()
    if await asyncio.to_thread(os.path.lexists, path):
        raise SlotStuckError("a cell's files can't be removed")


def _remove_few(path: Path) -> bool:
    """Whether it held nothing but a few files, and is gone."""
    try:
        for name in ("work", "tmp"):
            entries = list(os.scandir(path / name))
            if len(entries) > _FEW or any(entry.is_dir(follow_symlinks=False) for entry in entries):
                return False
            for entry in entries:
                os.unlink(entry.path)  # noqa: PTH108  (the path as it was read)
            (path / name).rmdir()
        path.rmdir()
    except OSError:
        return False
    return True
