"""Work that only one replica may do at a time, and that goes on whatever dies, freezes or is cut off."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from cloche.kit.logs import get_logger
from cloche.kit.postgres import UNAVAILABLE, Connection, Pool, Session

log = get_logger()

#: PostgreSQL ends the session that holds a lock, and with it the lock, after this long without a word.
_SILENCE: Final = "10s"
_SAY_S: Final = 3.0
_NEXT_TRY_S: Final = 1.0

_TRY_LOCK: Final = """
SELECT CASE WHEN pg_try_advisory_lock(hashtextextended($1, 0))
       THEN set_config('idle_session_timeout', $2, false) IS NOT NULL ELSE false END
"""
_UNLOCK: Final = "SELECT pg_advisory_unlock(hashtextextended($1, 0)), set_config('idle_session_timeout', '0', false)"


async def only_now(pool: Pool, name: str, work: Callable[[Session], Awaitable[None]]) -> bool:
    """Run ``work`` once on a session that holds the lock ``name``; False, and nothing done, when somebody has it.

    ``work`` is bound to speak as that of ``as_only_one`` is.
    """
    async with pool.acquire() as session:
        if not await _locked(session, name):
            return False
        try:
            await work(session)
        finally:
            await _unlock(session, name)
        return True


async def as_only_one(pool: Pool, name: str, work: Callable[[Session], Awaitable[None]]) -> None:
    """Run ``work`` on a session that holds the lock ``name``, again whenever it ends; never returns.

    The lock is the session's: it is free as soon as PostgreSQL sees this process or its connection go, or hears
    nothing for 10 s. So ``work`` says something on its session before each thing it does and while it waits (as
    ``stay`` does): one that froze may wake when the lock is another's, and what it says then fails.
    """
    while True:
        try:
            async with pool.acquire() as session:
                if await _locked(session, name):
                    try:
                        await work(session)
                    except Exception:  # the session goes back to the pool as it is; if cancelled, pool and session end
                        await _unlock(session, name)
                        raise
        except UNAVAILABLE as error:
            log.warning("single.interrupted", work=name, error=type(error).__name__)
        except Exception:
            log.exception("single.defect", work=name)
        await asyncio.sleep(_NEXT_TRY_S)


async def stay(session: Connection, seconds: float = 0.0) -> None:
    """Wait, and keep the session's lock meanwhile; the last thing done is to ask whether it is still held.

    Raises: what PostgreSQL raises when the session has ended, and with it the lock.
    """
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > _SAY_S:
        await asyncio.sleep(_SAY_S)
        await session.execute("SELECT")
    await asyncio.sleep(left)
    await session.execute("SELECT")


async def _locked(session: Session, name: str) -> bool:
    return await session.fetchval(_TRY_LOCK, f"cloche.queue.{name}", _SILENCE)


async def _unlock(session: Session, name: str) -> None:
    await session.execute(_UNLOCK, f"cloche.queue.{name}")
