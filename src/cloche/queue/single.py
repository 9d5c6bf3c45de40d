"""Work that only one replica may do at a time, and that goes on whatever dies."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from cloche.kit.logs import get_logger
from cloche.kit.postgres import UNAVAILABLE, Pool, Session

log = get_logger()

_TRY_LOCK: Final = "SELECT pg_try_advisory_lock(hashtextextended($1, 0))"
_UNLOCK: Final = "SELECT pg_advisory_unlock(hashtextextended($1, 0))"
_NEXT_TRY_S: Final = 1.0


async def only_now(pool: Pool, name: str, work: Callable[[Session], Awaitable[None]]) -> bool:
    """Run ``work`` once on a session that holds the lock ``name``; False, and nothing done, when somebody has it."""
    async with pool.acquire() as session:
        if not await session.fetchval(_TRY_LOCK, f"cloche.queue.{name}"):
            return False
        try:
            await work(session)
        finally:
            await session.execute(_UNLOCK, f"cloche.queue.{name}")
        return True


async def as_only_one(pool: Pool, name: str, work: Callable[[Session], Awaitable[None]]) -> None:
    """Run ``work`` on a session that holds the lock ``name``, again whenever it ends; never returns.

    The lock is the session's: it is free as soon as PostgreSQL sees this process or its connection go.
    """
    while True:
        try:
            async with pool.acquire() as session:
                if await session.fetchval(_TRY_LOCK, f"cloche.queue.{name}"):
                    try:
                        await work(session)
                    except Exception:  # the session goes back to the pool as it is; if cancelled, pool and session end
                        await session.execute(_UNLOCK, f"cloche.queue.{name}")
                        raise
        except UNAVAILABLE as error:
            log.warning("single.interrupted", work=name, error=type(error).__name__)
        except Exception:
            log.exception("single.defect", work=name)
        await asyncio.sleep(_NEXT_TRY_S)
