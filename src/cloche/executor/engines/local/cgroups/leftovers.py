"""What executors that were killed leave in the cgroup tree."""

import os
import time
from typing import Final

from cloche.executor.engines.local.cgroups import files
from cloche.executor.engines.local.cgroups.names import is_left_over
from cloche.executor.engines.local.cgroups.roots import CgroupRoots

#: A killed process is gone within milliseconds, unless the kernel holds it.
_PATIENCE_S: Final = 2.0


def remove_leftovers(roots: CgroupRoots, patience_s: float = _PATIENCE_S) -> list[str]:
    """Kill and remove the groups of executors that do not run any more; those that withstood."""
    left = [
        entry.path
        for root in roots.directories()
        for entry in os.scandir(root)
        if entry.is_dir(follow_symlinks=False) and is_left_over(entry.name)
    ]
    ends = time.monotonic() + patience_s
    while True:
        left = [group for group in left if not _removed(group)]
        if not left or time.monotonic() > ends:
            return left
        time.sleep(0.005)


def _removed(group: str) -> bool:
    """Kill what is in a group and in those below it, and remove what is empty; whether all is gone."""
    files.kill(group)
    try:
        inner = [entry.path for entry in os.scandir(group) if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return True
    left = [path for path in inner if not _removed(path)]
    return not left and files.remove(group)
