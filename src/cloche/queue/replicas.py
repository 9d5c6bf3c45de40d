"""Several replicas wake each other: what rings at one rings at the others at once, not with their next poll."""

import asyncio
from typing import Final

from cloche.kit.logs import get_logger
from cloche.kit.notices import Notices, open_notices
from cloche.kit.postgres import UNAVAILABLE
from cloche.queue.signals import Signals

log = get_logger()

CHANNEL: Final = "cloche_queue"
#: However often it rings here, others hear of it once in this time: NOTIFY takes a lock of the whole database.
TOLD_EVERY_S: Final = 0.05
_CHECK_S: Final = 30.0
_NEXT_TRY_S: Final = 1.0


async def wake_each_other(dsn: str, signals: Signals) -> None:
    """Carry rings between this replica and all others until cancelled.

    On a session of its own, so that no transaction of the queue ever waits for a NOTIFY. While
    PostgreSQL is away nothing is carried, and afterwards everyone here looks once.
    """
    while True:
        try:
            async with open_notices(dsn, service="queue", channel=CHANNEL, heard=signals.ring_of) as notices:
                signals.ring_all_here()
                await _tell(notices, signals)
        except UNAVAILABLE as error:
            log.warning("replicas.unheard", error=type(error).__name__)
        except Exception:
            log.exception("replicas.defect")
        await asyncio.sleep(_NEXT_TRY_S)


async def _tell(notices: Notices, signals: Signals) -> None:
    """Tell what rings until the session is lost."""
    lost = asyncio.create_task(notices.lost.wait())
    rung: asyncio.Task[bool] | None = None
    try:
        while not lost.done():
            rung = asyncio.create_task(signals.untold.wait())
            await asyncio.wait([rung, lost], timeout=_CHECK_S, return_when=asyncio.FIRST_COMPLETED)
            if rung.done():
                await notices.tell(signals.take_untold())
                await asyncio.sleep(TOLD_EVERY_S)
            elif not lost.done():
                rung.cancel()
                await notices.check()
    finally:
        lost.cancel()
        if rung is not None:
            rung.cancel()
