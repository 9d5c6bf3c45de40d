"""PostgreSQL and Valkey as somebody else runs them: kept running, killed, frozen, on a small disk that can be full."""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cloche.stack.orphans import processes_in
from cloche.stack.spawn import ChildCommand, StackError

_PAUSE_S = 0.2


@dataclass(frozen=True)
class Served:
    """One server: how it is made ready and started, where its processes stand and what they are called."""

    prepare: Callable[[], None]
    command: Callable[[], ChildCommand]
    folder: Path
    program: str
    log: Path


class KeptServer:
    """Starts it again whenever it ends, as an init system would."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._wanted = asyncio.Event()
        self._wanted.set()
        self._ended = asyncio.Event()
        self._ended.set()

    @contextlib.asynccontextmanager
    async def running(self, end: signal.Signals) -> AsyncIterator[None]:
        """Keep it running; ``end`` ends it."""
        keeping = asyncio.create_task(self._keep())
        try:
            yield
        finally:
            self._wanted.clear()
            self.signal(end)
            self.signal(signal.SIGCONT)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), 20)
            self.signal(signal.SIGKILL)
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)

    def signal(self, number: signal.Signals) -> int:
        """Send it to every process of the server; to how many."""
        pids = processes_in(self._served.folder, self._served.program)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        return len(pids)

    def kill(self) -> int:
        """End all of its processes at once and keep it down, until ``start_again``; how many there were."""
        self._wanted.clear()
        return self.signal(signal.SIGKILL)

    def start_again(self) -> None:
        """Start it, and keep it running."""
        self._wanted.set()

    async def _keep(self) -> None:
        while True:
            await self._wanted.wait()
            with contextlib.suppress(StackError):  # its disk is full; there will be room again
                await asyncio.to_thread(self._served.prepare)
                await self._run_once()
            await asyncio.sleep(_PAUSE_S)

    async def _run_once(self) -> None:
        command = self._served.command()
        with self._served.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *command.spawn_argv(),
                env=command.spawn_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._ended.clear()
        await process.wait()
        self._ended.set()


class SmallDisk:
    """A disk of its own in memory, which needs root."""

    def __init__(self, folder: Path, size_bytes: int) -> None:
        self.folder = folder
        self._size_bytes = size_bytes

    @contextlib.contextmanager
    def mounted(self) -> Iterator[None]:
        """There from here to the end."""
        self.folder.mkdir(parents=True)
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"{self._size(self._size_bytes)},mode=0755", "tmpfs", self.folder],
            check=True,
        )
        try:
            yield
        finally:
            subprocess.run(["umount", "--lazy", self.folder], check=True)

    def fill(self) -> bool:
        """Leave no room; whether that could be done. What is there stays."""
        for _ in range(20):
            now = os.statvfs(self.folder)
            used = (now.f_blocks - now.f_bfree) * now.f_frsize
            if self._resize(used):
                return True
        return False

    def free(self) -> None:
        """There is room again."""
        assert self._resize(self._size_bytes)

    def _resize(self, size_bytes: int) -> bool:
        """False where more than that is in use by now."""
        remount = ["mount", "-o", f"remount,{self._size(size_bytes)}", self.folder]
        return subprocess.run(remount, stderr=subprocess.DEVNULL, check=False).returncode == 0

    @staticmethod
    def _size(size_bytes: int) -> str:
        return f"size={size_bytes}"
