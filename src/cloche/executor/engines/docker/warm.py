"""Containers made ahead, created and started and waiting for their program; each is used once."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final

from cloche.contracts.limits import GIB
from cloche.executor.engines.docker.container_class import ContainerClass
from cloche.executor.engines.docker.slot import DockerSlot
from cloche.executor.engines.engine import EngineError, SlotStuckError
from cloche.kit.errors import ClocheError, InvalidRequestError, OverloadedError
from cloche.kit.logs import get_logger

log = get_logger()

#: Once nobody has asked for a class this long, its containers go.
_IDLE_S: Final = 45.0
#: What those that wait may be given together; the proxy counts it against all that exist.
_MOST_BYTES: Final = 4 * GIB
#: More at once would slow each other, and the cells that run, down.
_MAKING_AT_ONCE: Final = 2
#: After the Docker Engine failed to make one.
_PAUSE_S: Final = 1.0


class WarmContainers:
    """Keeps as many of each class as were in use at once since it was last idle, up to ``each`` and ``most`` in all.

    What nobody waits for is made only while nobody waits: a burst beyond the pool has the Docker Engine to itself. Nor
    does it hold more than 4 GiB, and it gives up all of it where somebody needs the room.
    """

    def __init__(self, make: Callable[[ContainerClass], Awaitable[DockerSlot]], each: int, most: int) -> None:
        self._make = make
        self._each = each
        self._most = most
        self._waiting: dict[ContainerClass, list[DockerSlot]] = {}
        self._in_use: Counter[ContainerClass] = Counter()
        self._wanted: Counter[ContainerClass] = Counter()
        self._timers: dict[ContainerClass, asyncio.TimerHandle] = {}
        self._making: Counter[ContainerClass] = Counter()
        self._urgent = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """How many wait."""
        return sum(len(slots) for slots in self._waiting.values())

    async def take(self, wanted: ContainerClass) -> DockerSlot:
        """A container of this class, from the pool or made now.

        Raises:
            ClocheError, EngineError: as ``make`` does. Where there is no room, what waits for others makes some first.
        """
        self._in_use[wanted] += 1
        self._wanted[wanted] = min(self._each, max(self._wanted[wanted], self._in_use[wanted]))
        self._again(wanted)
        try:
            slot = self._pop(wanted) or await self._now(wanted)
        except BaseException:
            self._in_use[wanted] -= 1
            raise
        slot.taken = True
        return slot

    def gone(self, slot: DockerSlot) -> None:
        """It is destroyed."""
        if slot.taken:
            self._in_use[slot.of] -= 1
        self._refill()

    async def close(self) -> None:
        """Destroy what waits, and what is on its way."""
        self._each = 0
        self._wanted.clear()
        for timer in self._timers.values():
            timer.cancel()
        for each in list(self._waiting):
            self._drop(each)
        while self._tasks:
            await asyncio.gather(*self._tasks)

    def _pop(self, wanted: ContainerClass) -> DockerSlot | None:
        waiting = self._waiting.get(wanted, [])
        while waiting:
            slot = waiting.pop(0)
            self._refill()
            if slot.alive:
                return slot
            self._spawn(self._end(slot))
        return None

    async def _now(self, wanted: ContainerClass) -> DockerSlot:
        self._urgent += 1
        try:
            try:
                return await self._make(wanted)
            except OverloadedError:
                if not await self._make_room():
                    raise
                return await self._make(wanted)
        except InvalidRequestError:
            self._wanted[wanted] = 0  # the proxy refuses this class: none is made ahead either
            raise
        finally:
            self._urgent -= 1
            self._refill()

    async def _make_room(self) -> bool:
        """Remove all that waits; whether anything did."""
        waiting = [slot for slots in self._waiting.values() for slot in slots]
        self._waiting.clear()
        await asyncio.gather(*(self._end(slot) for slot in waiting))
        return bool(waiting)

    def _refill(self) -> None:
        for each, wanted in self._wanted.items():
            lacking = wanted - len(self._waiting.get(each, [])) - self._making[each]
            while lacking > 0 and self._may_make(each):
                self._making[each] += 1
                lacking -= 1
                self._spawn(self._ahead(each))

    def _may_make(self, one: ContainerClass) -> bool:
        held = [each for each, slots in self._waiting.items() for _ in slots] + list(self._making.elements())
        room = len(held) < self._most and sum(each.memory_bytes for each in held) + one.memory_bytes <= _MOST_BYTES
        return room and self._urgent == 0 and self._making.total() < _MAKING_AT_ONCE

    async def _ahead(self, wanted: ContainerClass) -> None:
        try:
            slot = await self._make(wanted)
        except (EngineError, ClocheError) as error:
            if isinstance(error, InvalidRequestError):
                self._wanted[wanted] = 0
            log.warning("container.not_made_ahead", reason=str(error))
            await asyncio.sleep(_PAUSE_S)
        else:
            if self._wanted[wanted]:
                self._waiting.setdefault(wanted, []).append(slot)
            else:
                await self._end(slot)
        finally:
            self._making[wanted] -= 1
        self._refill()

    def _again(self, wanted: ContainerClass) -> None:
        if wanted in self._timers:
            self._timers[wanted].cancel()
        self._timers[wanted] = asyncio.get_running_loop().call_later(_IDLE_S, self._drop, wanted)

    def _drop(self, idle: ContainerClass) -> None:
        del self._wanted[idle]
        self._timers.pop(idle).cancel()
        for slot in self._waiting.pop(idle, []):
            self._spawn(self._end(slot))

    async def _end(self, slot: DockerSlot) -> None:
        try:
            await slot.destroy()
        except SlotStuckError as error:
            log.error("container.stuck", reason=str(error))  # noqa: TRY400  (the reason says it all)

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
