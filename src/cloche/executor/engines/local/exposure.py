"""Cells of a root executor run as an ordinary user; this makes what they need visible to it.

A program whose uid is the host's root would own device nodes and sysctls, whatever its
namespaces and capabilities. So bubblewrap itself starts as ``uid``. Toolchains below a
directory that this user can't enter (a version manager in root's home) are bind-mounted below
``directory``, in a mount namespace of the executor's own that ends with it.
"""

import ctypes
import os
import stat
from pathlib import Path

from cloche.executor.engines.engine import EngineUnusableError, ToolchainMissingError

_CLONE_NEWNS = 0x20000
_MNT_DETACH = 2
_MS_BIND, _MS_REC, _MS_SLAVE = 4096, 16384, 1 << 19


class Exposure:
    """Answers where the user of the cells finds a host path.

    Making it moves the calling thread into a mount namespace of its own.

    Raises:
        EngineUnusableError: there can be none, or the user can't reach ``directory``.
    """

    def __init__(self, directory: Path, uid: int) -> None:
        self._directory = directory
        self._uid = uid
        self._bound: dict[str, str] = {}
        self._libc = ctypes.CDLL(None, use_errno=True)
        if not _is_reachable(directory, uid):
            raise EngineUnusableError(f"uid {uid} can't reach {directory}: set CLOCHE_EXECUTOR_STATE_DIR")
        made = self._libc.unshare(_CLONE_NEWNS) == 0
        if not made or self._libc.mount(b"none", b"/", None, _MS_REC | _MS_SLAVE, None) != 0:
            reason = os.strerror(ctypes.get_errno())
            raise EngineUnusableError(f"no mount namespace of the executor's own: {reason}")

    def seen_at(self, path: str) -> str:
        """Where the cells' user finds the directory ``path``.

        Raises:
            ToolchainMissingError: it can't be made visible.
        """
        if path not in self._bound and _is_reachable(Path(path), self._uid):
            self._bound[path] = path
        if path not in self._bound:
            target = self._directory / f"exposed-{len(self._bound)}"
            target.mkdir(exist_ok=True)
            if self._libc.mount(os.fsencode(path), os.fsencode(target), None, _MS_BIND | _MS_REC, None) != 0:
                raise ToolchainMissingError(f"{path} can't be shown to cells: {os.strerror(ctypes.get_errno())}")
            self._bound[path] = str(target)
        return self._bound[path]

    def close(self) -> None:
        """Unmount everything; idempotent."""
        for path, target in self._bound.items():
            if target != path:
                self._libc.umount2(os.fsencode(target), _MNT_DETACH)
        self._bound.clear()


def _is_reachable(path: Path, uid: int) -> bool:
    """Whether ``uid``, in no group, can enter ``path`` and every directory above it."""
    for place in (path, *path.parents):
        found = place.stat()
        bit = stat.S_IXUSR if found.st_uid == uid else stat.S_IXOTH
        if not found.st_mode & bit:
            return False
    return True
