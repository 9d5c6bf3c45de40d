"""Version 2 lets only groups without processes have limited children: what is inside goes to a leaf."""

import contextlib
import errno
from pathlib import Path
from typing import Final

from cloche.executor.engines.local.cgroups import files
from cloche.executor.engines.local.cgroups.names import LEAF

_WANTED: Final = ("memory", "pids")
_DELEGATE: Final = "start as root, or in a group of your own: systemd-run --user --scope -p Delegate=yes"
_REASONS: Final = {
    errno.EROFS: "is mounted read-only",
    errno.EACCES: f"belongs to another user: {_DELEGATE}",
    errno.EPERM: f"belongs to another user: {_DELEGATE}",
    errno.ENOENT: "does not exist",
}
#: Processes may start between our look and the kernel's.
_TRIES: Final = 5


class CgroupLackingError(Exception):
    """No limited group can be made in a directory; the message says which and why."""


def lacking(root: Path, error: OSError) -> CgroupLackingError:
    """The error for a directory in which the kernel refused something."""
    return CgroupLackingError(f"{root} {_REASONS.get(error.errno or 0, error.strerror)}")


def enable_controllers(root: Path) -> None:
    """Let children of ``root`` have memory and pids, as far as the kernel offers them. Idempotent.

    Raises:
        CgroupLackingError: none is offered, or it can't be enabled.
    """
    control = f"{root}/cgroup.subtree_control"
    offered = [name for name in _WANTED if name in files.read(f"{root}/cgroup.controllers").split()]
    if not offered:
        raise CgroupLackingError(f"{root} has no memory and pids controllers: cgroup_disable=, or not delegated")
    if set(offered) <= set(files.read(control).split()):
        return
    for _ in range(_TRIES):
        try:
            files.write(control, " ".join(f"+{name}" for name in offered))
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise lacking(root, error) from error
        else:
            return
        _move_into_leaf(root)
    raise CgroupLackingError(f"{root} holds processes that can't be moved")


def _move_into_leaf(root: Path) -> None:
    leaf = root / LEAF
    with contextlib.suppress(OSError):
        leaf.mkdir(exist_ok=True)
        for pid in files.read(f"{root}/cgroup.procs").split():
            with contextlib.suppress(ProcessLookupError):
                files.write(f"{leaf}/cgroup.procs", pid)
