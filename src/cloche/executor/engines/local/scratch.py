"""Directories of process cells on the host: made for one program, removed whatever it left in them."""

import asyncio
import fcntl
import itertools
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from cloche.kit.logs import get_logger

log = get_logger()

_PREFIX: Final = "cloche-cells-"
#: So many plain files are removed without starting a process.
_FEW: Final = 64
_PARTS: Final = ("work", "tmp")


class ScratchDirectories:
    """One directory for each process cell, below one that their programs may pass through."""

    def __init__(self) -> None:
        self._root = Path()
        self._lock: int | None = None
        self._made = itertools.count()
        self._removing: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Make the directory for all, and remove those of executors that do not run any more."""
        _remove_roots_of_the_dead()
        while self._lock is None:
            self._root = Path(tempfile.mkdtemp(prefix=_PREFIX))
            self._lock = _locked(self._root)
            # Before it was locked, another executor that starts could take it for a dead one's.
            if self._lock is not None and not self._root.exists():
                os.close(self._lock)
                self._lock = None
        self._root.chmod(0o711)

    def make(self, owner: int | None) -> Path:
        """The work and temporary directories of one cell; ``owner`` None: this process's own user.

        Raises:
            OSError: the disk is full, or the like.
        """
        path = self._root / f"cell-{next(self._made)}"
        path.mkdir(mode=0o711)
        for name in _PARTS:
            (path / name).mkdir(mode=0o700)
            if owner is not None:
                os.chown(path / name, owner, owner)
        return path

    async def remove(self, path: Path) -> None:
        """Take one cell's directories out of reach at once; what is large goes in the background."""
        if await asyncio.to_thread(_remove_few, path):
            return
        await asyncio.to_thread(path.chmod, 0o700)
        task = asyncio.create_task(_remove_all(path))
        self._removing.add(task)
        task.add_done_callback(self._removing.discard)

    async def close(self) -> None:
        """Remove everything."""
        if self._removing:
            await asyncio.wait(self._removing)
        if self._root.name:
            await asyncio.to_thread(shutil.rmtree, self._root, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _remove_roots_of_the_dead() -> None:
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        lock = _locked(left)
        if lock is not None:
            shutil.rmtree(left, ignore_errors=True)
            os.close(lock)


def _locked(directory: Path) -> int | None:
    """An open directory that nobody else has locked, now locked; a living executor holds its own.

    A process id would say nothing here: the executor may live in another PID namespace.
    """
    try:
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        return None
    return fd


def _remove_few(path: Path) -> bool:
    """Whether it held nothing but a few files, and is gone."""
    try:
        for name in _PARTS:
            with os.scandir(path / name) as found:
                entries = list(itertools.islice(found, _FEW + 1))
            if len(entries) > _FEW or any(entry.is_dir(follow_symlinks=False) for entry in entries):
                return False
            for entry in entries:
                os.unlink(entry.path)  # noqa: PTH108  (the path as it was read)
            (path / name).rmdir()
        path.rmdir()
    except OSError:
        return False
    return True


async def _remove_all(path: Path) -> None:
    """However deep and however closed its directories are."""
    quiet = asyncio.subprocess.DEVNULL
    for argv in (("/bin/chmod", "-R", "u+rwx", str(path)), ("/bin/rm", "-rf", str(path))):
        process = await asyncio.create_subprocess_exec(*argv, stdin=quiet, stdout=quiet, stderr=quiet)
        await process.wait()
    if await asyncio.to_thread(os.path.lexists, path):
        log.error("scratch.left", path=str(path))
