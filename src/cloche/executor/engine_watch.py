"""Whether the engine can make cells now: what it depends on can go away, and come back, at any time."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from cloche.executor.engines.engine import Engine, EngineUnusableError
from cloche.kit.logs import get_logger

log = get_logger()

_EVERY_S: Final = 2.0
_WHILE_AWAY_S: Final = 0.5


class EngineWatch:
    """Asks ``engine`` every 2 s. ``on_return`` is called when it can make cells again."""

    def __init__(self, engine: Engine, on_return: Callable[[], None]) -> None:
        self._engine = engine
        self._on_return = on_return
        self._suspected = asyncio.Event()
        #: Why no cell can be made, a sentence; empty while they can.
        self.trouble = ""

    def suspect(self) -> None:
        """A cell failed by the engine's fault: ask now."""
        self._suspected.set()

    async def watch(self) -> None:
        """Ask again and again, until cancelled."""
        while True:
            self._suspected.clear()
            await self.ask()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_WHILE_AWAY_S if self.trouble else _EVERY_S):
                    await self._suspected.wait()

    async def ask(self) -> None:
        """Ask once."""
        before = self.trouble
        try:
            await self._engine.check()
        except EngineUnusableError as error:
            self.trouble = str(error)
            if not before:
                log.error("engine.away", reason=self.trouble)  # noqa: TRY400  (the reason says it all)
        else:
            self.trouble = ""
            if before:
                log.info("engine.back")
                self._on_return()
