"""How deep the queue is, for the metrics: measured beside all other work, so that nothing ever waits for it."""

import asyncio
import time
from typing import Final

from cloche.kit.logs import get_logger
from cloche.kit.postgres import Connection, load_sql
from cloche.queue.metrics import Meters

log = get_logger()

_EVERY_S: Final = 10.0
#: A deep queue is counted less often: no more than this share of the time is spent on it.
_SHARE: Final = 0.1
#: Well below the session's own limit.
_TIMEOUT_S: Final = 20.0

_LANES: Final = load_sql("cloche.queue", "lanes")
_DEAD_COUNT: Final = load_sql("cloche.queue", "dead_count")


class Depth:
    """Only one may measure at a time, which ``as_only_one`` sees to: the others tell nothing of it."""

    def __init__(self, meters: Meters) -> None:
        self._meters = meters

    async def run(self, session: Connection) -> None:
        """Measure for ever. Raises: what PostgreSQL raises when it is away."""
        try:
            while True:
                began = time.monotonic()
                try:
                    await self._measure(session)
                except TimeoutError:
                    log.warning("depth.not_measured", after_s=_TIMEOUT_S)
                await asyncio.sleep(pause_after(time.monotonic() - began))
        finally:
            self._meters.forget_measured()

    async def _measure(self, session: Connection) -> None:
        lanes = await session.fetch(_LANES, None, timeout=_TIMEOUT_S)
        self._meters.note_measured(lanes, await session.fetchval(_DEAD_COUNT, None))


def pause_after(took_s: float) -> float:
    """How many seconds to count nothing after counting took this many. Pure."""
    return max(_EVERY_S, took_s * (1 - _SHARE) / _SHARE)
