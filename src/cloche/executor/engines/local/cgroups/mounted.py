"""Which cgroups this process is in, as directories."""

from pathlib import Path
from typing import Final

_USED: Final = ("", "memory", "pids", "cpuacct")


def own_groups() -> list[Path]:
    """The own group in each mounted hierarchy. A path that belongs to another view of the tree means its top."""
    mounts = _mounts()
    result: list[Path] = []
    for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
        _, controllers, path = line.split(":", 2)
        for point in (mounts[name] for name in controllers.split(",") if name in _USED and name in mounts):
            own = point / path.lstrip("/")
            result.append(own if own.is_dir() else point)
    return result


def _mounts() -> dict[str, Path]:
    """Mount point by controller; version 2 has the empty name."""
    result: dict[str, Path] = {}
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        point = Path(before.split(" ")[4])
        if kind == "cgroup2":
            result.setdefault("", point)
        elif kind == "cgroup":
            result.update(dict.fromkeys(options.rpartition(" ")[2].split(","), point))
    return result
