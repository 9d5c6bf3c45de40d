"""Cells that could not be proven gone, as of a program that somebody froze or that the kernel holds.

Their users, files and cgroups stay theirs. They are tried again until they are gone.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from cloche.executor.engines.local.slot import LocalSlot
from cloche.kit.logs import get_logger

log = get_logger()

#: A frozen program is thawed by a person; there is no hurry.
_PAUSE_S = 10.0


class StuckCells:
    """``freed`` is called once for each cell that is gone at last."""

    def __init__(self, freed: Callable[[LocalSlot], Awaitable[None]], pause_s: float = _PAUSE_S) -> None:
        self._freed = freed
        self._pause_s = pause_s
        self._cells: list[LocalSlot] = []
        self._tending: asyncio.Task[None] | None = None

    def add(self, slot: LocalSlot) -> None:
        """Keep trying to get rid of a cell whose ``destroy`` failed."""
        self._cells.append(slot)
        if self._tending is None or self._tending.done():
            self._tending = asyncio.create_task(self._tend())

    async def try_again(self) -> None:
        """Try each once, now."""
        for slot in list(self._cells):
            if await slot.try_again():
                self._cells.remove(slot)
                log.info("slot.regained")
                await self._freed(slot)

    async def close(self) -> None:
        """Try each a last time."""
        if self._tending is not None:
            self._tending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._tending
        await self.try_again()

    async def _tend(self) -> None:
        while self._cells:
            await asyncio.sleep(self._pause_s)
            await self.try_again()
