"""Control groups of cells: memory, processes and CPU time, version 1 or 2, whichever is writable.

Roots are directories in which this process may make directories. They are found by trying:
a child is made in each candidate, and the files the kernel puts there say what it can do.
Names are ``cloche-<pid of the executor>-<cell>``, so that a later executor finds what a
killed one left behind.

Source: the kernel's admin-guide, cgroup-v1/memory.rst and cgroup-v2.rst.
"""

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from cloche.executor.engines.engine import EngineError, SlotUsage

_PREFIX = "cloche-"
#: The launcher, bubblewrap's monitor and its brief helper are not the program's processes.
_OWN_PROCESSES = 3
_EVERY_V1 = ("memory", "pids", "cpuacct")


@dataclass(frozen=True)
class CgroupRoots:
    """Where cells' groups are made. Empty paths: that controller can't be had."""

    memory: Path | None = None
    pids: Path | None = None
    cpuacct: Path | None = None
    unified: Path | None = None

    @property
    def version(self) -> str:
        """``2``, ``1`` or ``none``, after who controls memory."""
        if self.unified is not None:
            return "2"
        return "1" if self.memory is not None else "none"

    def directories(self) -> list[Path]:
        """Every root, each once: version 1 controllers may be mounted together."""
        return list(dict.fromkeys(p for p in (self.unified, self.memory, self.pids, self.cpuacct) if p is not None))


def find_roots(configured: tuple[str, ...] = ()) -> CgroupRoots:
    """The roots to use: the configured directories, else the own cgroups, as far as they are writable."""
    candidates = [Path(p) for p in configured] or _own_groups()
    found: dict[str, Path] = {}
    for candidate in candidates:
        for controller in _capabilities(candidate):
            found.setdefault(controller, candidate)
    if "unified" in found:
        return CgroupRoots(unified=found["unified"])
    return CgroupRoots(**{name: found[name] for name in _EVERY_V1 if name in found})


def remove_leftovers(roots: CgroupRoots) -> None:
    """Kill and remove the groups of executors that do not run any more."""
    for root in roots.directories():
        for group in root.glob(f"{_PREFIX}*-*"):
            pid = group.name.removeprefix(_PREFIX).partition("-")[0]
            if pid.isdigit() and not Path(f"/proc/{pid}").exists():
                _kill_group(str(group))
                _remove(str(group))


class CellGroup:
    """The cgroups of one cell, made empty; processes join through ``procs_files``."""

    def __init__(self, roots: CgroupRoots, name: str) -> None:
        self._unified = roots.unified is not None
        own = f"{_PREFIX}{os.getpid()}-{name}"
        self._paths = {root: f"{root}/{own}" for root in roots.directories()}
        self._memory = self._path_of(roots.unified or roots.memory)
        self._pids = self._path_of(roots.unified or roots.pids)
        self._cpu = self._path_of(roots.unified or roots.cpuacct)
        self._oom_before = 0
        self._cpu_before = 0
        self._limit = 0
        self._cache_before = 0
        try:
            for path in self._paths.values():
                os.mkdir(path)  # noqa: PTH102  (Path objects cost as much as the calls here)
        except OSError as error:
            self.remove()
            raise EngineError(f"a cgroup could not be made: {error.strerror}") from error

    @property
    def procs_files(self) -> list[str]:
        """The files a process writes itself into."""
        return [f"{path}/cgroup.procs" for path in self._paths.values()]

    @property
    def limits_memory(self) -> bool:
        """Whether the kernel enforces memory here."""
        return self._memory is not None

    @property
    def limits_processes(self) -> bool:
        """Whether the kernel counts processes here."""
        return self._pids is not None

    def confine(self, *, memory_bytes: int, processes: int) -> None:
        """Set the limits and start measuring anew.

        Raises:
            EngineError: the kernel refused.
        """
        try:
            if self._pids is not None:
                _write(f"{self._pids}/pids.max", processes + _OWN_PROCESSES)
            if self._memory is not None:
                if memory_bytes != self._limit:
                    self._limit_memory(self._memory, memory_bytes)
                if self._limit:
                    self._cache_before = self._file_cache(self._memory)
                self._limit = memory_bytes
                self._reset_peak(self._memory)
        except OSError as error:
            raise EngineError(f"a cgroup refused its limits: {error.strerror}") from error
        self._oom_before = self._oom_kills()
        self._cpu_before = self._cpu_us() or 0

    def usage(self) -> SlotUsage:
        """What was used since ``confine``."""
        cpu_us = self._cpu_us()
        used_us = None if cpu_us is None else cpu_us - self._cpu_before
        if self._memory is None:
            return SlotUsage(cpu_us=used_us)
        peak = "memory.peak" if self._unified else "memory.max_usage_in_bytes"
        return SlotUsage(
            memory_peak_bytes=max(0, _read_int(f"{self._memory}/{peak}") - self._cache_before),
            oom_kills=self._oom_kills() - self._oom_before,
            cpu_us=used_us,
            source="cgroup",
        )

    def kill(self) -> None:
        """SIGKILL to everything in the group."""
        for path in self._paths.values():
            _kill_group(path)

    def remove(self) -> bool:
        """Remove the groups, which only empty ones allow; whether all are gone."""
        left = [path for path in self._paths.values() if not _remove(path)]
        return not left

    def _path_of(self, root: Path | None) -> str | None:
        return None if root is None else self._paths[root]

    def _limit_memory(self, group: str, limit: int) -> None:
        if self._unified:
            _write(f"{group}/memory.max", limit)
            _write_if_there(f"{group}/memory.swap.max", 0)
            return
        files = [f"{group}/memory.limit_in_bytes", f"{group}/memory.memsw.limit_in_bytes"]
        # Version 1 keeps memory <= memory and swap at every moment.
        for path in reversed(files) if limit > self._limit > 0 else files:
            _write_if_there(path, limit)

    def _reset_peak(self, group: str) -> None:
        # Version 2 resets a peak only per open file and only since 6.12: there a cell's later
        # steps report at least the peak of its earlier ones.
        if not self._unified:
            _write(f"{group}/memory.max_usage_in_bytes", 0)

    def _file_cache(self, group: str) -> int:
        """Bytes of files that earlier steps read: still charged, and not this step's."""
        names = ("inactive_file ", "active_file ")
        lines = _read(f"{group}/memory.stat").splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith(names))

    def _oom_kills(self) -> int:
        if self._memory is None:
            return 0
        text = _read(f"{self._memory}/memory.events" if self._unified else f"{self._memory}/memory.oom_control")
        return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("oom_kill ")), 0)

    def _cpu_us(self) -> int | None:
        if self._cpu is None:
            return None
        if not self._unified:
            return _read_int(f"{self._cpu}/cpuacct.usage") // 1000
        text = _read(f"{self._cpu}/cpu.stat")
        return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("usage_usec ")), None)


def _own_groups() -> list[Path]:
    mounts = _mounts()
    result: list[Path] = []
    for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
        _, controllers, path = line.split(":", 2)
        result += [mounts[name] / path.lstrip("/") for name in controllers.split(",") if name in mounts]
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


def _capabilities(root: Path) -> list[str]:
    """What groups made in ``root`` can do; empty where none can be made."""
    if (root / "cgroup.subtree_control").exists() and not _enable_controllers(root):
        return []
    probe = root / f"{_PREFIX}{os.getpid()}-probe"
    try:
        probe.mkdir()
    except OSError:
        return []
    try:
        if not os.access(probe / "cgroup.procs", os.W_OK):
            return []
        if (probe / "memory.max").exists() and (probe / "pids.max").exists():
            return ["unified"]
        files = {"memory": "memory.limit_in_bytes", "pids": "pids.max", "cpuacct": "cpuacct.usage"}
        return [name for name, file in files.items() if (probe / file).exists()]
    finally:
        _remove(str(probe))


def _enable_controllers(root: Path) -> bool:
    """Let children of a version 2 group have memory and pids; processes in it go to a leaf first."""
    control = root / "cgroup.subtree_control"
    if {"memory", "pids"} <= set(_read(str(control)).split()):
        return True
    if not {"memory", "pids"} <= set(_read(f"{root}/cgroup.controllers").split()):
        return False
    try:
        _write(str(control), "+memory +pids")
    except OSError:
        pass
    else:
        return True
    try:
        leaf = root / "cloche-main"
        leaf.mkdir(exist_ok=True)
        for pid in _read(f"{root}/cgroup.procs").split():
            _write(f"{leaf}/cgroup.procs", pid)
        _write(str(control), "+memory +pids")
    except OSError:
        return False
    return True


def _kill_group(path: str) -> None:
    kill = f"{path}/cgroup.kill"
    if os.access(kill, os.W_OK):
        with contextlib.suppress(OSError):
            _write(kill, 1)
        return
    for pid in _read(f"{path}/cgroup.procs").split():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(int(pid), signal.SIGKILL)


def _remove(path: str, *, tries: int = 3) -> bool:
    for attempt in range(tries):
        try:
            os.rmdir(path)  # noqa: PTH106  (as above)
        except FileNotFoundError:
            return True
        except OSError:
            if attempt + 1 < tries:
                time.sleep(0.001)
        else:
            return True
    return False


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:  # noqa: PTH123  (as above)
            return file.read()
    except OSError:
        return ""


def _read_int(path: str) -> int:
    text = _read(path).strip()
    return int(text) if text.isdigit() else 0


def _write(path: str, value: int | str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, str(value).encode())
    finally:
        os.close(fd)


def _write_if_there(path: str, value: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        _write(path, value)
