"""Names of cells' groups, ``cloche-<executor pid>-<its start>-<its PID namespace>-<cell>``: whether theirs still runs.

The start, in the kernel's ticks since boot, tells it from a later process with the same number. Of executors in
other PID namespaces nothing can be told, so theirs are left alone.
"""

import os
import re
from functools import cache
from typing import Final

from cloche.executor.engines.local.cgroups.files import read

PREFIX: Final = "cloche-"
#: Where an executor's own processes go in version 2: only groups without processes may have limited children.
LEAF: Final = f"{PREFIX}main"
_NAME: Final = re.compile(rf"{PREFIX}(?P<pid>\d+)-(?P<start>\d+)-(?P<space>\d+)-.+")
#: /proc/<pid>/stat after the name: state and start. Source: proc_pid_stat(5), fields 3 and 22.
_STATE, _START = 0, 19


def group_name(cell: str) -> str:
    """The name of this process's group for a cell."""
    return f"{PREFIX}{os.getpid()}-{_own_start(os.getpid())}-{_own_space()}-{cell}"


def is_left_over(name: str) -> bool:
    """Whether this is a cell's group whose executor has ended."""
    found = _NAME.fullmatch(name)
    return found is not None and found["space"] == _own_space() and _start(int(found["pid"])) != found["start"]


@cache
def _own_space() -> str:
    return os.readlink("/proc/self/ns/pid").strip("pid:[]")  # noqa: PTH115  (a name, no path)


@cache
def _own_start(pid: int) -> str:
    return _start(pid)


def _start(pid: int) -> str:
    """When a process began; empty if it has ended, also where nobody has waited for it yet."""
    fields = read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return fields[_START] if fields and fields[_STATE] not in "ZX" else ""
