"""CPU time of the whole machine and of named process trees."""

import os
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def machine_cpu_s() -> float:
    """Busy CPU seconds since boot, all cores, from /proc/stat (idle and iowait excluded)."""
    fields = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    return (sum(fields[:3]) + sum(fields[5:8])) * _TICK_S


def parts_cpu_s(pids: dict[str, int]) -> dict[str, float]:
    """CPU seconds of each part's own processes: the named one, and for PostgreSQL its backends too."""
    children = _children()
    return {
        name: sum(_own_cpu_s(one) for one in ([pid, *children.get(pid, [])] if name == "postgres" else [pid]))
        for name, pid in pids.items()
    }


def _children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int(_stat(int(entry.name))[1])
            except OSError:
                continue
            found.setdefault(parent, []).append(int(entry.name))
    return found


def _own_cpu_s(pid: int) -> float:
    try:
        fields = _stat(pid)
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) * _TICK_S


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat after the name: state, ppid, …, utime (11), stime (12)."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
