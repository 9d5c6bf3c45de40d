"""Containers made ahead, created and started and waiting for their program; each is used once."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final

from cloche.contracts.limits import GIB
from cloche.executor.engines.docker.container_class import ContainerClass
from cloche.executor.engines.docker.slot import DockerSlot
from cloche.executor.engines.engine import EngineError, SlotStuckError
from cloche.kit.errors import ClocheError, InvalidRequestError, NoRoomError
from cloche.kit.logs import get_logger

log = get_logger()

#: Once nobody has asked for a class this long, its containers go.
_IDLE_S: Final = 45.0
#: What those that wait may be given together; the proxy counts it against all that exist.
_MOST_BYTES: Final = 4 * GIB
#: More at once would slow each other, and the cells that run, down.
_MAKING_AT_ONCE: Final = 2
#: After the Docker Engine failed to make one, or one died waiting.
_PAUSE_S: Final = 1.0


class WarmContainers:
    """Keeps as many of each class as were in use at once since it was last idle, up to ``each`` and ``most`` in all.

    Where these are too many, or more than 4 GiB, each class has as many as another, and none keeps its place because it
    came first. What nobody waits for is made only while nobody waits: a burst beyond the pool has the Docker Engine to
    itself. And it gives up what somebody needs the room of.
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
        self._tasks: set[asyncio.Future[object]] = set()

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
        self._refill()
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
            while True:
                try:
                    return await self._make(wanted)
                except NoRoomError:
                    if not await self._make_room(wanted.memory_bytes):
                        raise
        except InvalidRequestError:
            self._wanted[wanted] = 0  # the proxy refuses this class: none is made ahead either
            raise
        finally:
            self._urgent -= 1
            self._refill()

    async def _make_room(self, memory_bytes: int) -> bool:
        """Remove as many of those that wait as have this much, the longest unasked first; whether one is gone."""
        ending: list[DockerSlot] = []
        for each in sorted(self._waiting, key=lambda of: self._timers[of].when()):
            slots = self._waiting[each]
            while slots and sum(slot.of.memory_bytes for slot in ending) < memory_bytes:
                ending.append(slots.pop(0))
        return any(await asyncio.gather(*(self._end(slot) for slot in ending)))

    def _refill(self) -> None:
        """Remove what is beyond its class's share, and make what is lacking, first where the fewest are."""
        shares = self._shares()
        for each, slots in self._waiting.items():
            while len(slots) > shares[each]:
                self._spawn(self._end(slots.pop(0)))
        self._waiting = {each: slots for each, slots in self._waiting.items() if slots}
        while self._urgent == 0 and self._making.total() < _MAKING_AT_ONCE:
            lacking = [each for each, share in shares.items() if self._held(each) < share]
            if not lacking:
                return
            fewest = min(lacking, key=self._held)
            self._making[fewest] += 1
            self._spawn(self._ahead(fewest))

    def _shares(self) -> Counter[ContainerClass]:
        """How many of each class may wait: each gets one more in turn, while it wants more and there is room."""
        shares: Counter[ContainerClass] = Counter()
        room_bytes = _MOST_BYTES
        for turn in range(self._each):
            for each, wanted in self._wanted.items():
                if turn < wanted and shares.total() < self._most and each.memory_bytes <= room_bytes:
                    shares[each] += 1
                    room_bytes -= each.memory_bytes
        return shares

    def _held(self, one: ContainerClass) -> int:
        return len(self._waiting.get(one, [])) + self._making[one]

    async def _ahead(self, wanted: ContainerClass) -> None:
        try:
            slot = await self._make(wanted)
        except (EngineError, ClocheError) as error:
            if isinstance(error, InvalidRequestError):
                self._wanted[wanted] = 0
            log.warning("container.not_made_ahead", reason=str(error))
            await asyncio.sleep(_PAUSE_S)
        else:
            self._waiting.setdefault(wanted, []).append(slot)
            slot.on_exit(self._exited)
        finally:
            self._making[wanted] -= 1
        self._refill()

    def _exited(self, slot: DockerSlot) -> None:
        """It runs no more. If it waited, another takes its place."""
        slots = self._waiting.get(slot.of, [])
        if slot in slots:
            slots.remove(slot)
            self._making[slot.of] += 1
            self._spawn(self._replace(slot))

    async def _replace(self, dead: DockerSlot) -> None:
        """Remove it; another is made after a pause, because it may die as fast."""
        try:
            await self._end(dead)
            await asyncio.sleep(_PAUSE_S)
        finally:
            self._making[dead.of] -= 1
        self._refill()

    def _again(self, wanted: ContainerClass) -> None:
        if wanted in self._timers:
            self._timers[wanted].cancel()
        self._timers[wanted] = asyncio.get_running_loop().call_later(_IDLE_S, self._drop, wanted)

    def _drop(self, idle: ContainerClass) -> None:
        del self._wanted[idle]
        del self._timers[idle]
        self._refill()

    async def _end(self, slot: DockerSlot) -> bool:
        """Whether it is gone; what is stuck is tried again by itself."""
        try:
            await slot.destroy()
        except SlotStuckError as error:
            log.error("container.stuck", reason=str(error))  # noqa: TRY400  (the reason says it all)
            return False
        return True

    def _spawn(self, work: Awaitable[object]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
