"""Sessions of a pool: what using one costs, and that a broken one is not handed out again."""

import contextlib

import asyncpg
import pytest

from cloche.kit.postgres import UNAVAILABLE, open_pool

#: What PostgreSQL was asked last in this session.
_LAST = "SELECT pid, state, query FROM pg_stat_activity WHERE application_name = 'cloche-test'"


@pytest.fixture
async def pool(database):
    opened = await open_pool(database.queue, service="test", size=1)
    yield opened
    await opened.close()


@pytest.fixture
async def admin(database):
    session = await asyncpg.connect(database.admin)
    yield session
    await session.close()


async def test_a_session_that_answered_is_given_back_without_a_word(pool, admin):
    assert await pool.fetchval("SELECT 41 + 1") == 42
    assert [(row["state"], row["query"]) for row in await admin.fetch(_LAST)] == [("idle", "SELECT 41 + 1")]


async def test_a_session_in_which_something_failed_is_asked_once_whether_it_answers(pool, admin):
    with pytest.raises(asyncpg.DivisionByZeroError):
        await pool.execute("SELECT 1 / 0")
    assert [row["query"] for row in await admin.fetch(_LAST)] == ["SELECT"]
    assert await pool.fetchval("SELECT 7") == 7
    assert [row["query"] for row in await admin.fetch(_LAST)] == ["SELECT 7"]


async def test_a_session_that_was_ended_in_use_is_not_handed_out_again(pool, admin):
    with contextlib.suppress(asyncpg.PostgresError, *UNAVAILABLE):
        async with pool.acquire() as session:
            await admin.execute("SELECT pg_terminate_backend($1)", await session.fetchval("SELECT pg_backend_pid()"))
            await session.fetchval("SELECT 1")
    assert await pool.fetchval("SELECT 7") == 7


async def test_the_server_is_told_how_soon_to_give_up_a_client_that_is_cut_off(pool):
    names = "SELECT count(*) FROM pg_settings WHERE source = 'client' AND name LIKE 'tcp\\_%'"
    assert await pool.fetchval(names) == 4
