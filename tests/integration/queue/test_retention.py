"""Days of results go when they are old and read, and not before."""

import asyncio
import contextlib
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest
from structlog.testing import capture_logs

from cloche.kit.ids import uuid7
from cloche.queue.cursor import write_commit_cursor
from cloche.queue.results import Results

DROP = "SELECT queue.drop_day($1)"


@pytest.fixture
async def queue(start_queue):
    """One that drops nothing by itself."""
    async with start_queue(result_days=3650) as client:
        yield client


@pytest.fixture
async def session(queue, database):
    connection = await asyncpg.connect(database.queue)
    yield connection
    await connection.close()


async def partition(owner, days_ago):
    """The partition of a day before today, made; its name and an id of that day."""
    day = datetime.now(UTC).date() - timedelta(days=days_ago)
    name = f"result_{day:%Y%m%d}"
    await owner.execute(
        f"CREATE TABLE queue.{name} PARTITION OF queue.result"
        f" FOR VALUES FROM (queue.first_id('{day}')) TO (queue.first_id('{day + timedelta(days=1)}'))"
    )
    milliseconds = int(datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp() * 1000)
    return name, UUID(int=(milliseconds << 80) | (7 << 76) | (2 << 62) | days_ago)


async def end(queue, make, evaluation_id):
    await queue.enqueue(make.task(evaluation_id=evaluation_id))
    await queue.complete(await queue.lease_one())


async def page(session, after):
    """One result, read by a service that has just started, so that it notes how far the reader is."""
    return await Results(session).page(after, 1)


async def exists(owner, name):
    return await owner.fetchval("SELECT to_regclass('queue.' || $1) IS NOT NULL", name)


async def test_an_old_day_is_dropped_once_it_was_read_and_a_young_one_is_kept(queue, session, make, owner):
    old, old_id = await partition(owner, 31)
    young, young_id = await partition(owner, 30)
    for evaluation_id in (old_id, young_id):
        await end(queue, make, evaluation_id)
    assert await owner.fetchval("SELECT count(*) FROM queue." + old) == 1
    assert await session.fetchval(DROP, 30) is None  # nobody read it
    (_, first), (_, second) = await page(session, ""), (await page(session, (await page(session, ""))[1]))
    await page(session, first)
    assert await session.fetchval(DROP, 30) is None  # another result of that transaction might be unread
    await page(session, second)
    assert await session.fetchval(DROP, 30) == old
    assert await session.fetchval(DROP, 30) is None
    assert (await exists(owner, old), await exists(owner, young)) == (False, True)
    await owner.execute(f"DROP TABLE queue.{young}")


async def test_today_is_never_dropped(queue, session, owner):
    await owner.execute("UPDATE queue.results_reader SET tx = '9000000000000000000'")
    assert await session.fetchval(DROP, 0) is None
    assert await session.fetchval(DROP, -5) is None


async def test_after_a_restore_into_another_cluster_results_are_read_and_old_days_dropped_again(
    queue, session, make, owner
):
    """Its transactions have small numbers, those of the dump are still to come."""
    there = 10**12
    old, old_id = await partition(owner, 31)
    await end(queue, make, old_id)
    await owner.execute(f"UPDATE queue.{old} SET tx = '{there}'")
    await owner.execute(f"UPDATE queue.results_reader SET tx = '{there + 1}'")
    await end(queue, make, uuid7())
    await end(queue, make, uuid7())
    (first,), cursor = await page(session, write_commit_cursor(there + 1, old_id))
    assert first["evaluation_id"] != old_id
    assert await owner.fetchval("SELECT tx::text FROM queue.results_reader") == "0"
    (second,), cursor = await page(session, cursor)
    assert second["evaluation_id"] not in {old_id, first["evaluation_id"]}
    assert await page(session, cursor) == ([], cursor)
    assert await owner.fetchval("SELECT tx::text FROM queue.results_reader") == second["tx"]
    assert await session.fetchval(DROP, 30) == old


@contextlib.asynccontextmanager
async def long_read(database):
    """What pg_dump holds for as long as it runs."""
    dump = await asyncpg.connect(database.owner)
    async with dump.transaction(isolation="repeatable_read", readonly=True):
        await dump.fetch("SELECT count(*) FROM queue.result")
        yield
    await dump.close()


async def test_days_are_dropped_and_prepared_without_making_who_writes_wait_for_a_long_read(session, owner, database):
    old, _ = await partition(owner, 31)
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    async with long_read(database):
        for statement in (DROP, "SELECT queue.prepare_days($1)"):
            began = time.monotonic()
            with pytest.raises(asyncpg.LockNotAvailableError):
                await session.fetchval(statement, 30)
            assert time.monotonic() - began < 1
    assert await session.fetchval(DROP, 30) == old
    assert await exists(owner, f"result_{tomorrow:%Y%m%d}")


async def test_the_reaper_goes_on_beside_a_long_read_and_drops_the_day_after_it(
    start_queue, owner, database, monkeypatch
):
    monkeypatch.setattr("cloche.queue.reaper._TIDY_AGAIN_S", 0.1)
    old, _ = await partition(owner, 31)
    with capture_logs() as logs:
        async with long_read(database), start_queue(), asyncio.timeout(20):
            while sum(line["event"] == "reaper.days_in_use" for line in logs) < 2:  # noqa: ASYNC110  (a log rings no bell)
                await asyncio.sleep(0.05)
        async with start_queue(), asyncio.timeout(20):
            while await exists(owner, old):  # noqa: ASYNC110  (PostgreSQL's tables ring no bell)
                await asyncio.sleep(0.05)
    assert [line for line in logs if line["event"].startswith("single.")] == []
