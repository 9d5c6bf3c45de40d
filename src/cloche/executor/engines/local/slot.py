"""One local cell seen from outside: two pipes, a child process, its cgroups."""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable

from cloche.contracts.limits import Limits
from cloche.executor.engines.engine import EngineError, Room, SlotStuckError, SlotUsage
from cloche.executor.engines.local.cgroups.group import CellGroup
from cloche.executor.engines.local.plan import CellPlan
from cloche.executor.engines.local.spawner import Child

#: The launcher ends at once when its stdin does; a kernel under load may take longer to tear down.
_POLITE_S = 1.0
_FORCED_S = 6.0
#: Without a namespace the launcher itself ends its programs, and nothing else could.
_PATIENT_S = 7.0


_SMALL = Room(disk_bytes=1 << 20, inodes=64)


class LocalSlot:
    """Implements ``Slot``; see there. ``forget`` is called once, with whether everything is gone."""

    def __init__(
        self,
        child: Child,
        group: CellGroup,
        plan: CellPlan,
        must_have: frozenset[str],
        forget: Callable[["LocalSlot", bool], Awaitable[None]],
    ) -> None:
        self._child = child
        self._group = group
        self._must_have = must_have
        self._room = _SMALL
        self._most: Limits | None = None
        self._unused: Limits | None = None
        self._forget = forget
        self._destroying: asyncio.Task[None] | None = None
        self.plan = plan
        #: Of a cell that is stuck: done when it is gone.
        self.gone: asyncio.Future[None] | None = None

    @property
    def alive(self) -> bool:
        """Whether its launcher still runs."""
        return not self._child.exit.ended

    @property
    def sample_memory(self) -> bool:
        return not self._group.limits_memory

    @property
    def rlimit_processes(self) -> bool:
        return not self._group.limits_processes

    @property
    def own_processes(self) -> int:
        if self.plan.users is not None or not self.rlimit_processes:
            return 0
        # In a user namespace of its own the launcher alone shares the program's user.
        return 1 if self.plan.scratch is None else _processes_of(os.geteuid())

    @property
    def must_have(self) -> frozenset[str]:
        return self._must_have

    @property
    def work(self) -> str:
        return self.plan.work

    @property
    def tmp(self) -> str:
        return self.plan.tmp

    @property
    def room(self) -> Room:
        return self._room

    def furnish(self, room: Room, most: Limits) -> None:
        """Set what its program may have, before the launcher is told."""
        self._room = room
        self._most = most

    async def read(self) -> bytes:
        return await self._child.reader.read()

    async def write(self, data: bytes) -> None:
        try:
            await self._child.writer.write(data)
        except OSError as error:
            raise EngineError(f"the cell does not listen: {self.last_words() or error.strerror}") from error

    async def admit(self) -> None:
        if self._most is not None:
            await self.confine(self._most)
            self._unused = self._most

    async def confine(self, limits: Limits) -> None:
        unused, self._unused = self._unused, None
        if limits == unused:  # set a moment ago, and nothing has run since but the launcher
            self._group.restart_cpu()
            return
        self._group.confine(memory_bytes=limits.memory_bytes, processes=limits.processes + self.plan.own_processes)

    async def usage(self) -> SlotUsage:
        return self._group.usage()

    async def post_mortem(self) -> SlotUsage:
        return self._group.usage()

    def last_words(self) -> str:
        """What the launcher wrote on stderr, for logs."""
        if self._destroying is not None:
            return ""
        return os.pread(self._child.stderr_fd, 500, 0).decode("utf-8", "replace").strip()

    async def destroy(self) -> None:
        if self._destroying is None:
            self._destroying = asyncio.create_task(self._destroy())
        # Whoever waits for it may be cancelled; the cell goes all the same.
        await asyncio.shield(self._destroying)

    async def _destroy(self) -> None:
        gone = False
        self._child.writer.close()
        try:
            await self._take_apart()
            gone = True
        except SlotStuckError as error:
            error.gone = self.gone = asyncio.get_running_loop().create_future()
            raise
        finally:
            await self._forget(self, gone)
            self._child.close()

    async def _take_apart(self) -> None:
        alone = self.plan.scratch is not None and not self._group.directories
        if not await self._child.exit.wait(_PATIENT_S if alone else _POLITE_S):
            self._child.exit.kill()
            self._group.kill()
            if not await self._child.exit.wait(0.5 if alone else _FORCED_S) or alone:
                raise SlotStuckError("the cell's first process does not end")
        if self._child.exit.clean:
            self._group.close()
        elif alone:
            raise SlotStuckError("how the cell ended is not known")
        else:
            await self._remove_group()

    async def try_again(self) -> bool:
        """Whether a cell whose ``destroy`` failed is gone now."""
        self._child.exit.kill()
        self._group.kill()
        return await self._child.exit.wait(_POLITE_S) and self._group.remove()

    async def _remove_group(self) -> None:
        """An empty group proves that every process of the cell is gone."""
        pause_s = 0.0005
        for _ in range(110):
            if self._group.remove():
                return
            self._group.kill()
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, 0.02)
        raise SlotStuckError("processes are left in the cell's cgroup")


def _processes_of(uid: int) -> int:
    """Tasks of a user on this machine, as RLIMIT_NPROC counts them."""
    count = 0
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if entry.stat().st_uid == uid:
                    count += len(os.listdir(f"/proc/{entry.name}/task"))  # noqa: PTH208  (a count, cheaply)
    return count
