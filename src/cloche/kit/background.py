"""Work beside the requests: restarted after a defect, never silently gone."""

import asyncio
from collections.abc import Awaitable, Callable

from cloche.kit.logs import get_logger

log = get_logger()

_FIRST_DELAY_S = 0.1
_MAX_DELAY_S = 5.0


class Background:
    """Runs loops until ``stop``. A loop that raises is logged with its trace and started again."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run ``work`` for ever under ``name``."""
        self._tasks.append(asyncio.create_task(_forever(name, work), name=name))

    async def stop(self) -> None:
        """Cancel every loop and wait until it has ended."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()


async def _forever(name: str, work: Callable[[], Awaitable[None]]) -> None:
    delay_s = _FIRST_DELAY_S
    while True:
        try:
            await work()
        except Exception:
            log.exception("background.defect", loop=name)
        await asyncio.sleep(delay_s)
        delay_s = min(delay_s * 2, _MAX_DELAY_S)
