"""Processes that a dead supervisor left behind, found by the folder they stand in."""

import contextlib
import os
import select
import signal
import time
from collections.abc import Collection
from pathlib import Path
from typing import Final

from cloche.stack.spawn import StackError

_COMM_LENGTH: Final = 15  # Source: proc(5), comm


def processes_in(folder: Path, program: str) -> set[int]:
    """Every ``program`` whose working directory is ``folder``; PostgreSQL and Valkey stand in their data.

    A pid file can name a process that has nothing to do with the data any more; this can't.
    Zombies have no working directory and do not count.
    """
    found: set[int] = set()
    try:
        there = folder.stat()
    except FileNotFoundError:
        return found
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                at = (entry / "cwd").stat()
                name = (entry / "comm").read_text(encoding="utf-8", errors="replace").strip()
                if (at.st_dev, at.st_ino) == (there.st_dev, there.st_ino) and name == program[:_COMM_LENGTH]:
                    found.add(int(entry.name))
    return found


def await_end(pids: Collection[int], timeout_s: float) -> None:
    """Ask each process to end with SIGTERM and return when all have. Blocks.

    Raises:
        StackError: one did not end in time.
    """
    descriptors: dict[int, int] = {}
    deadline = time.monotonic() + timeout_s
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            descriptors[pid] = os.pidfd_open(pid)
            signal.pidfd_send_signal(descriptors[pid], signal.SIGTERM)
    try:
        for pid, descriptor in descriptors.items():
            if not _ended(descriptor, deadline - time.monotonic()):
                raise StackError(f"An old process ({pid}) does not end; end it and try again.")
    finally:
        for descriptor in descriptors.values():
            os.close(descriptor)


def _ended(descriptor: int, timeout_s: float) -> bool:
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    return bool(poller.poll(max(0, int(timeout_s * 1000))))
