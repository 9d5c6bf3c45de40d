"""The cgroups of one cell: limits of memory and processes, and what it used.

The cell's launcher makes them and enters, so that the kernel's one lock around cgroups holds up no other cell.

Every cell has fresh ones. Keeping a group per slot and using it again would save 0.26 ms of CPU per run of
1.3 ms for making, entering and removing all three of version 1, and would leave earlier runs' file cache
charged to the next; emptying it (memory.force_empty) costs more than a new one.
Source: user and system time with that of kernel threads, medians of 8 rounds of 300 cells each on Linux 6.18.
"""

from cloche.executor.engines.engine import EngineError, SlotUsage
from cloche.executor.engines.local.cgroups import files, version1, version2
from cloche.executor.engines.local.cgroups.names import group_name
from cloche.executor.engines.local.cgroups.roots import CgroupRoots
from cloche.executor.engines.local.cgroups.version1 import MemoryVersion1
from cloche.executor.engines.local.cgroups.version2 import MemoryVersion2


class CellGroup:
    """What its launcher will make as ``directories``; until then there is nothing to ask or to limit."""

    def __init__(self, roots: CgroupRoots, name: str) -> None:
        self._unified = roots.unified is not None
        self._paths = {root: f"{root}/{group_name(name)}" for root in roots.directories()}
        self._pids = None if roots.pids is None else self._paths[roots.pids]
        self._cpu = None if roots.cpuacct is None else self._paths[roots.cpuacct]
        self._memory: MemoryVersion1 | MemoryVersion2 | None = None
        if roots.memory is not None:
            self._memory = (MemoryVersion2 if self._unified else MemoryVersion1)(self._paths[roots.memory])
        self._oom_before = 0
        self._cpu_before = 0
        self._cache_before = 0
        self._confined = False

    @property
    def directories(self) -> tuple[str, ...]:
        """One for each hierarchy."""
        return tuple(self._paths.values())

    @property
    def limits_memory(self) -> bool:
        """Whether the kernel enforces memory here."""
        return self._memory is not None

    @property
    def limits_processes(self) -> bool:
        """Whether the kernel counts processes here."""
        return self._pids is not None

    def confine(self, *, memory_bytes: int, processes: int) -> None:
        """Set the limits and start measuring anew; ``processes`` counts the launcher's too.

        Raises:
            EngineError: the kernel refused.
        """
        try:
            if self._pids is not None:
                files.write(f"{self._pids}/pids.max", processes)
            if self._memory is not None:
                self._memory.limit(memory_bytes)
                self._memory.restart()
                if self._confined:  # before the first step nothing but the launcher was in it
                    self._cache_before = self._memory.file_cache()
                    self._oom_before = self._memory.oom_kills()
        except OSError as error:
            raise EngineError(f"a cgroup refused its limits: {error.strerror}") from error
        self.restart_cpu()
        self._confined = True

    def restart_cpu(self) -> None:
        """Count CPU time from now on."""
        self._cpu_before = self._cpu_us() or 0

    def usage(self) -> SlotUsage:
        """What was used since ``confine``.

        Where the kernel can't tell the peak since then, ``source`` is ``sampled``: the launcher knows better.
        """
        cpu_us = self._cpu_us()
        used_us = None if cpu_us is None else cpu_us - self._cpu_before
        if self._memory is None:
            return SlotUsage(cpu_us=used_us)
        peak, oom_kills = self._memory.peak(), self._memory.oom_kills() - self._oom_before
        if peak is None:
            return SlotUsage(oom_kills=oom_kills, cpu_us=used_us, source="sampled")
        # Files that earlier steps read are still charged, unless the kernel needed the room.
        cache = min(self._cache_before, self._memory.file_cache()) if self._cache_before else 0
        return SlotUsage(memory_peak_bytes=max(0, peak - cache), oom_kills=oom_kills, cpu_us=used_us, source="cgroup")

    def kill(self) -> None:
        """SIGKILL to everything in the group."""
        for path in self._paths.values():
            files.kill(path)

    def remove(self) -> bool:
        """Remove the groups, which only empty ones allow; whether all are gone."""
        self.close()
        left = [path for path in self._paths.values() if not files.remove(path)]
        return not left

    def close(self) -> None:
        """Forget groups that somebody else removed."""
        if self._memory is not None:
            self._memory.close()

    def _cpu_us(self) -> int | None:
        if self._cpu is None:
            return None
        return version2.cpu_us(self._cpu) if self._unified else version1.cpu_us(self._cpu)
