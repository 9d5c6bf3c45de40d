"""Cells made ahead of their program, so that none waits for namespaces; each is used once."""

import asyncio
from collections.abc import Callable
from typing import Final

from cloche.contracts.words import Isolation
from cloche.executor.engines.engine import EngineError, SlotStuckError, Toolchain
from cloche.executor.engines.local.slot import LocalSlot
from cloche.kit.logs import get_logger

log = get_logger()

#: Once nothing has asked for it this long, a cell made ahead goes.
_IDLE_S: Final = 60.0
#: The cell just taken comes first: the next one is made when it is under way.
_LATER_S: Final = 0.003

Key = tuple[Isolation, Toolchain]


class ReadyCells:
    """Keeps up to ``ahead`` cells for each kind that was asked for lately, at most ``most`` in all.

    ``make`` makes a cell that no program is known for yet.
    """

    def __init__(self, make: Callable[[Isolation, Toolchain], LocalSlot], ahead: int, most: int = 16) -> None:
        self._make = make
        self._ahead = ahead
        self._most = most
        self._cells: dict[Key, list[LocalSlot]] = {}
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """How many wait."""
        return sum(len(cells) for cells in self._cells.values())

    def take(self, isolation: Isolation, toolchain: Toolchain) -> LocalSlot:
        """A fresh cell, made ahead or now.

        Raises:
            EngineError: none could be made.
        """
        key = (isolation, toolchain)
        waiting = self._cells.get(key, [])
        slot = None
        while slot is None and waiting:
            first = waiting.pop(0)
            slot = first if first.alive else self._end(first)
        if self._ahead:
            self._again(key, _LATER_S, self._refill)
        return slot if slot is not None else self._make(isolation, toolchain)

    async def close(self) -> None:
        """Destroy every cell."""
        self._ahead = 0
        for timer in self._timers.values():
            timer.cancel()
        for key in list(self._cells):
            self._drop(key)
        await asyncio.gather(*self._ending)

    def _again(self, key: Key, after_s: float, what: Callable[[Key], None]) -> None:
        if key in self._timers:
            self._timers[key].cancel()
        self._timers[key] = asyncio.get_running_loop().call_later(after_s, what, key)

    def _refill(self, key: Key) -> None:
        waiting = self._cells.setdefault(key, [])
        held = sum(len(cells) for cells in self._cells.values())
        try:
            while len(waiting) < self._ahead and held < self._most:
                waiting.append(self._make(*key))
                held += 1
        except EngineError as error:
            log.warning("cell.not_made_ahead", reason=str(error))
        self._again(key, _IDLE_S, self._drop)

    def _drop(self, key: Key) -> None:
        for slot in self._cells.pop(key, []):
            self._end(slot)
        self._timers.pop(key).cancel()

    def _end(self, slot: LocalSlot) -> None:
        task = asyncio.create_task(_destroyed(slot))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


async def _destroyed(slot: LocalSlot) -> None:
    try:
        await slot.destroy()
    except SlotStuckError as error:
        log.error("slot.stuck", reason=str(error))  # noqa: TRY400  (the reason says it all)
