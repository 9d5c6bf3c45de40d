"""Days of results go when they are old and read, and not before."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

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
