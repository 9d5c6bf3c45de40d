"""Version 2: one unified hierarchy.

``memory.oom.group`` stays 0. A kill of the whole group would take the launcher along, and with it how the
program had ended and what it printed; any OOM kill counts as the run's verdict anyway.

Source: the kernel's admin-guide/cgroup-v2.rst.
"""

import os

from cloche.executor.engines.local.cgroups.files import read_field, read_int, write, write_if_there


class MemoryVersion2:
    """The memory of one group."""

    def __init__(self, group: str) -> None:
        self._group = group
        self._limit = 0
        self._peak_fd: int | None = None
        self._earlier_peak: int | None = None

    def limit(self, limit_bytes: int) -> None:
        """Set the limit; swap is forbidden.

        Raises:
            OSError: the kernel refused.
        """
        if limit_bytes == self._limit:
            return
        write(f"{self._group}/memory.max", limit_bytes)
        write_if_there(f"{self._group}/memory.swap.max", 0)
        self._limit = limit_bytes

    def restart(self) -> None:
        """Measure the peak anew, which only Linux 6.12 and newer can: it is reset for one open file."""
        if self._earlier_peak is None:
            self._peak_fd = _open_for_reset(f"{self._group}/memory.peak")
        elif self._peak_fd is not None:
            os.write(self._peak_fd, b"reset")
        self._earlier_peak = 0 if self._peak_fd is not None else read_int(f"{self._group}/memory.peak")

    def peak(self) -> int | None:
        """Bytes since ``restart``; None where that can't be known: an earlier step used more, or Linux < 5.19."""
        if self._peak_fd is not None:
            return int(os.pread(self._peak_fd, 32, 0))
        found = read_int(f"{self._group}/memory.peak")
        return found if found > (self._earlier_peak or 0) else None

    def file_cache(self) -> int:
        """Bytes of files that were read or written, without those in tmpfs."""
        return read_field(f"{self._group}/memory.stat", "inactive_file", "active_file")

    def oom_kills(self) -> int:
        """Processes that the kernel killed for want of memory, ever."""
        return read_field(f"{self._group}/memory.events", "oom_kill")

    def close(self) -> None:
        """Close what is held; idempotent."""
        if self._peak_fd is not None:
            os.close(self._peak_fd)
            self._peak_fd = None


def cpu_us(group: str) -> int:
    """CPU time of everything that ever ran in a group, in microseconds."""
    return read_field(f"{group}/cpu.stat", "usage_usec")


def _open_for_reset(path: str) -> int | None:
    """The file, reset once; older kernels let root open it for writing and refuse the write."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        os.write(fd, b"reset")
    except OSError:
        os.close(fd)
        return None
    return fd
