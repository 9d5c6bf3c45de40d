"""Work beside the requests: restarted after a defect, never silently gone."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from cloche.kit.logs import get_logger

log = get_logger()

_FIRST_DELAY_S = 0.1
_MAX_DELAY_S = 5.0
_TOLD_AGAIN_S = 0.5


class Background:
    """Runs loops until ``stop``. A loop that raises is logged with its trace and started again."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run ``work`` for ever under ``name``."""
        self._tasks.append(asyncio.create_task(_forever(name, work), name=name))

    async def stop(self) -> None:
        """Cancel every loop and wait until it has ended."""
        await end_all(self._tasks)
        self._tasks.clear()


async def end_all(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel these and return when they have ended; what they raised is dropped.

    Redis's client loses a cancellation that comes while it closes a connection, so they are told again.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        ended, left = await asyncio.wait(left, timeout=_TOLD_AGAIN_S)
        await asyncio.gather(*ended, return_exceptions=True)


async def _forever(name: str, work: Callable[[], Awaitable[None]]) -> None:
    delay_s = _FIRST_DELAY_S
    while True:
        try:
            await work()
        except Exception:
            log.exception("background.defect", loop=name)
        await asyncio.sleep(delay_s)
        delay_s = min(delay_s * 2, _MAX_DELAY_S)
