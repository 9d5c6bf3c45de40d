"""Where cells' groups can be made, found by trying: the kernel's files in a group made there say what it can do."""

import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cloche.executor.engines.local.cgroups import files
from cloche.executor.engines.local.cgroups.delegation import CgroupLackingError, enable_controllers, lacking
from cloche.executor.engines.local.cgroups.mounted import own_groups
from cloche.executor.engines.local.cgroups.names import LEAF, group_name

#: A file that each controller puts into a group. Version 2 counts CPU time without one.
_FILES_1: Final = {"memory": "memory.limit_in_bytes", "pids": "pids.max", "cpuacct": "cpuacct.usage"}
_FILES_2: Final = {"memory": "memory.max", "pids": "pids.max", "cpuacct": "cpu.stat"}
_ESSENTIAL: Final = {
    "memory": "Memory is sampled, not limited by the kernel",
    "pids": "Processes are limited by rlimit",
}


@dataclass(frozen=True)
class CgroupRoots:
    """Where cells' groups are made, by controller. None: that controller can't be had.

    In version 2 they are all the same directory, ``unified``. ``lacking`` are sentences about what
    can't be had and why.
    """

    memory: Path | None = None
    pids: Path | None = None
    cpuacct: Path | None = None
    unified: Path | None = None
    lacking: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        """``2``, ``1`` or ``none``, after who controls memory."""
        if self.memory is None:
            return "none"
        return "1" if self.unified is None else "2"

    def directories(self) -> list[Path]:
        """Every root, each once: version 1 controllers may be mounted together."""
        return list(dict.fromkeys(p for p in (self.memory, self.pids, self.cpuacct) if p is not None))


def find_roots(configured: tuple[str, ...] = ()) -> CgroupRoots:
    """The roots to use: the configured directories, else the own cgroups, as far as they are writable.

    In version 2 this may move the processes of the own group into a leaf of it.
    """
    groups = [Path(p) for p in configured] or own_groups()
    version1: dict[str, Path] = {}
    version2: dict[str, Path] = {}
    reasons: list[str] = []
    for group in groups:
        unified = (group / "cgroup.controllers").exists()
        # An executor before us, or around us, may have moved its processes into a leaf.
        root = group.parent if unified and group.name == LEAF else group
        try:
            for controller in _offered(root):
                (version2 if unified else version1).setdefault(controller, root)
        except CgroupLackingError as error:
            reasons.append(str(error))
    return _chosen(version1, version2, reasons)


def _chosen(version1: dict[str, Path], version2: dict[str, Path], reasons: list[str]) -> CgroupRoots:
    """One version only: the one that limits more, in doubt the unified one."""
    unified = len(_ESSENTIAL.keys() & version2) >= len(_ESSENTIAL.keys() & version1) and bool(version2)
    chosen = version2 if unified else version1
    why = "; ".join(dict.fromkeys(reasons)) or "the kernel offers no such cgroup here"
    sentences = [f"{sentence}: {why}." for name, sentence in _ESSENTIAL.items() if name not in chosen]
    if "memory" in chosen and not unified and _swaps_unseen(chosen["memory"]):
        sentences.append("Memory that is swapped out is not counted: start the kernel with swapaccount=1.")
    return CgroupRoots(**chosen, unified=chosen["cpuacct"] if unified else None, lacking=tuple(sentences))


def _offered(root: Path) -> set[str]:
    """The controllers of groups made in ``root``.

    Raises:
        CgroupLackingError: none can be made, or they limit nothing; with the reason.
    """
    unified = (root / "cgroup.controllers").exists()
    if unified:
        enable_controllers(root)
    probe = root / group_name("probe")
    try:
        probe.mkdir(exist_ok=True)
    except OSError as error:
        raise lacking(root, error) from error
    try:
        if not os.access(probe / "cgroup.procs", os.W_OK):
            raise lacking(root, PermissionError(errno.EACCES, ""))
        return {name for name, file in (_FILES_2 if unified else _FILES_1).items() if (probe / file).exists()}
    finally:
        files.remove(str(probe))


def _swaps_unseen(root: Path) -> bool:
    swaps = files.read("/proc/swaps").splitlines()
    return len(swaps) > 1 and not (root / "memory.memsw.usage_in_bytes").exists()
