"""Version 1: a hierarchy for each controller.

Source: the kernel's admin-guide/cgroup-v1/memory.rst, pids.rst, cpuacct.rst.
"""

from cloche.executor.engines.local.cgroups.files import read_field, read_int, write, write_if_there


class MemoryVersion1:
    """The memory of one group."""

    def __init__(self, group: str) -> None:
        self._group = group
        self._limit = 0

    def limit(self, limit_bytes: int) -> None:
        """Set the limit, swap included.

        Raises:
            OSError: the kernel refused.
        """
        if limit_bytes == self._limit:
            return
        files = [f"{self._group}/memory.limit_in_bytes", f"{self._group}/memory.memsw.limit_in_bytes"]
        # The kernel keeps memory <= memory and swap at every moment.
        for path in reversed(files) if limit_bytes > self._limit > 0 else files:
            write_if_there(path, limit_bytes)
        self._limit = limit_bytes

    def restart(self) -> None:
        """Measure the peak anew."""
        write(f"{self._group}/memory.max_usage_in_bytes", 0)

    def peak(self) -> int | None:
        """Bytes since ``restart``; None where that can't be known."""
        return read_int(f"{self._group}/memory.max_usage_in_bytes")

    def file_cache(self) -> int:
        """Bytes of files that were read or written, without those in tmpfs."""
        return read_field(f"{self._group}/memory.stat", "inactive_file", "active_file")

    def oom_kills(self) -> int:
        """Processes that the kernel killed for want of memory, ever."""
        return read_field(f"{self._group}/memory.oom_control", "oom_kill")

    def close(self) -> None:
        """Nothing is held."""


def cpu_us(group: str) -> int:
    """CPU time of everything that ever ran in a group, in microseconds."""
    return read_int(f"{group}/cpuacct.usage") // 1000
