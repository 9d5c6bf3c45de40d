"""The lock of what one replica does alone: kept by its own session, whatever the work's says or leaves unsaid."""

import asyncio

import pytest

from cloche.kit.postgres import UNAVAILABLE, open_pool
from cloche.queue import single
from cloche.queue.single import only_now

HOLDER = """
SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted
AND (classid::bigint << 32) | objid::bigint = hashtextextended('cloche.queue.test', 0)
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@pytest.fixture
async def pool(database, monkeypatch):
    monkeypatch.setattr(single, "_SILENCE", "1s")
    monkeypatch.setattr(single, "_SAY_S", 0.1)
    pool = await open_pool(database.queue, service="test", size=4)
    yield pool
    await pool.close()


async def never(_session) -> None:
    pytest.fail("two at once")


async def test_a_work_that_says_nothing_keeps_its_lock(pool, owner):
    async def work(session) -> None:
        mine = await session.fetchval("SELECT pg_backend_pid()")
        holder = await owner.fetchval(HOLDER)
        assert mine != holder, "a session that stopped between a statement's parts would be neither idle nor ended"
        await asyncio.sleep(2)
        assert await owner.fetchval(HOLDER) == holder
        assert not await only_now(pool, "test", never)

    assert await only_now(pool, "test", work)


async def test_a_work_whose_lock_is_lost_is_cancelled(pool, owner):
    cancelled = asyncio.Event()

    async def work(_session) -> None:
        await owner.execute("SELECT pg_terminate_backend($1)", await owner.fetchval(HOLDER))
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    with pytest.raises(UNAVAILABLE):
        await only_now(pool, "test", work)
    assert cancelled.is_set()


@pytest.mark.parametrize("error", [None, KeyError])
async def test_what_has_ended_leaves_neither_lock_nor_setting(pool, owner, error):
    async def work(_session) -> None:
        if error:
            raise error

    if error:
        with pytest.raises(error):
            await only_now(pool, "test", work)
    else:
        assert await only_now(pool, "test", work)
    assert await owner.fetchval(HOLDER) is None
    async with pool.acquire() as one, pool.acquire() as two:
        for session in (one, two):
            assert await session.fetchval("SHOW idle_session_timeout") == "0"
