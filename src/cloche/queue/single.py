"""Work that only one replica may do at a time, and that goes on whatever dies, freezes or is cut off."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from cloche.kit.background import end_all
from cloche.kit.logs import get_logger
from cloche.kit.postgres import UNAVAILABLE, Pool, Session

log = get_logger()

#: PostgreSQL ends the session that holds a lock, and with it the lock, after this long without a word.
_SILENCE: Final = "10s"
_SAY_S: Final = 3.0
_NEXT_TRY_S: Final = 1.0

_TRY_LOCK: Final = """
SELECT CASE WHEN pg_try_advisory_lock(hashtextextended($1, 0))
       THEN set_config('idle_session_timeout', $2, false) IS NOT NULL ELSE false END
"""
#: A name is one of ours. Without arguments this is one message: to PostgreSQL a session is silent only between
#: statements, and a client that froze between a statement's parsing and its arguments would keep the lock for ever.
_UNLOCK: Final = (
    "SELECT pg_advisory_unlock(hashtextextended('cloche.queue.{name}', 0)), "
    "set_config('idle_session_timeout', '0', false)"
)


async def only_now(pool: Pool, name: str, work: Callable[[Session], Awaitable[None]]) -> bool:
    """Run ``work`` once while this process holds the lock ``name``; False, and nothing done, when another has it.

    The lock is a session's of its own, on which nothing else is said: it is free as soon as PostgreSQL sees this
    process or its connection go, or hears nothing for 10 s. One that froze finds out when it wakes, and its work is
    then cancelled; until it does, two may be at work, so that must do no harm.

    Raises: what ``work`` raises, and what PostgreSQL raises when it is away or the lock is lost.
    """
    async with pool.acquire() as holder:
        if not await holder.fetchval(_TRY_LOCK, f"cloche.queue.{name}", _SILENCE):
            return False
        try:
            async with pool.acquire() as session:
                await _while_held(holder, work(session))
        except Exception:  # cancelled, pool and session end
            await holder.execute(_UNLOCK.format(name=name))
            raise
        await holder.execute(_UNLOCK.format(name=name))
        return True


async def as_only_one(pool: Pool, name: str, work: Callable[[Session], Awaitable[None]]) -> None:
    """Do as ``only_now``, again whenever it ends or another has the lock; never returns."""
    while True:
        try:
            await only_now(pool, name, work)
        except UNAVAILABLE as error:
            log.warning("single.interrupted", work=name, error=type(error).__name__)
        except Exception:
            log.exception("single.defect", work=name)
        await asyncio.sleep(_NEXT_TRY_S)


async def _while_held(holder: Session, work: Awaitable[None]) -> None:
    """Await ``work``, and end it when the holder's session has ended."""
    working = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait((working,), timeout=_SAY_S))[0]:
            await holder.execute("SELECT")
        await working
    finally:
        await end_all([working])
