"""Enqueue: once for ever, whatever it races with."""

import asyncio

import asyncpg
import pytest

from cloche.kit.errors import InvalidRequestError
from cloche.kit.postgres import load_sql


async def test_an_id_is_queued_once_for_ever(queue, make):
    task = make.task()
    assert (await queue.enqueue(task, task)).accepted == 1
    assert (await queue.enqueue(task)).known == 1
    await queue.complete(await queue.lease_one())
    assert (await queue.enqueue(task)).accepted == 0
    assert await queue.lease() == []


async def test_enqueue_that_waits_for_nothing_during_a_complete_starts_no_second_run(queue, make, owner, database):
    """The completion has deleted the task's row and not yet committed: READ COMMITTED sees neither state."""
    task = make.task()
    await queue.enqueue(task)
    leased = await queue.lease_one()
    completing = await asyncpg.connect(database.queue)
    transaction = completing.transaction()
    await transaction.start()
    sent = make.record(leased).model_dump_json().encode()
    columns = ([leased.evaluation_id], [leased.lease_id], [1], ["accepted"], ["completed"], [""], [sent], [""])
    assert len(await completing.fetch(load_sql("cloche.queue", "finish"), *columns)) == 1
    assert (await queue.enqueue(task)).accepted == 0
    await transaction.commit()
    await completing.close()
    assert (await queue.enqueue(task)).accepted == 0
    assert await owner.fetchval("SELECT count(*) FROM queue.task") == 0


async def test_enqueue_that_began_before_a_complete_committed_starts_no_second_run(queue, make, owner, database):
    """The enqueue's snapshot is older than the completion: it still sees a task and no result."""
    task = make.task()
    await queue.enqueue(task)
    leased = await queue.lease_one()
    # Held between its snapshot and its insert by a lock that the trigger below waits for.
    holding = await asyncpg.connect(database.owner)
    await owner.execute(
        "CREATE FUNCTION queue.wait_for_test() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN NULL; END $$;"
        "CREATE TRIGGER wait_for_test BEFORE INSERT ON queue.known EXECUTE FUNCTION queue.wait_for_test()"
    )
    try:
        await holding.execute("SELECT pg_advisory_lock(4711)")
        second = asyncio.create_task(queue.enqueue(task))
        await _until(
            owner, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 AND NOT granted"
        )
        await queue.complete(leased)
        await holding.execute("SELECT pg_advisory_unlock(4711)")
        assert (await second).accepted == 0
        assert await owner.fetchval("SELECT count(*) FROM queue.task") == 0
    finally:
        await holding.close()
        await owner.execute("DROP FUNCTION queue.wait_for_test() CASCADE")


async def test_of_two_simultaneous_enqueues_one_wins(queue, start_queue, make, owner):
    tasks = [make.task() for _ in range(50)]
    async with start_queue() as other:
        answers = await asyncio.gather(
            *[q.enqueue(*batch) for _ in range(5) for q in (queue, other) for batch in (tasks, tasks[::-1])]
        )
    assert sum(a.accepted for a in answers) == 50
    assert await owner.fetchval("SELECT count(*) FROM queue.task") == 50


async def test_ten_thousand_are_queued_cancelled_and_known_in_one_request_each(queue, make, owner):
    tasks = [make.task(f"t{i % 50}") for i in range(10_000)]
    assert (await queue.enqueue(*tasks)).accepted == 10_000
    assert (await queue.enqueue(*tasks)).known == 10_000
    assert await queue.cancel(*[task.evaluation_id for task in tasks]) == ["cancelled"] * 10_000
    assert await owner.fetchval("SELECT count(*) FROM queue.result") == 10_000


async def test_a_lane_that_does_not_exist_queues_nothing(queue, make, owner):
    with pytest.raises(InvalidRequestError, match="no lane 'vip'"):
        await queue.enqueue(make.task(), make.task(lane="vip"))
    assert await owner.fetchval("SELECT (SELECT count(*) FROM queue.task) + (SELECT count(*) FROM queue.known)") == 0


@pytest.mark.parametrize("changes", [{"priority": 2**40}, {"tenant": "a\0b"}, {"queue_timeout_s": 10**14}])
async def test_values_that_postgresql_refuses_are_a_422(queue, make, changes):
    with pytest.raises(InvalidRequestError):
        await queue.enqueue(make.task(**changes))
    assert (await queue.enqueue(make.task())).accepted == 1


async def test_an_id_of_a_far_day_is_kept_too(queue, make, owner):
    task = make.task(evaluation_id="ffffffff-ffff-7fff-bfff-ffffffffffff")
    await queue.enqueue(task)
    await queue.complete(await queue.lease_one())
    assert await owner.fetchval("SELECT tableoid::regclass::text FROM queue.result") == "queue.result_other"


async def _until(connection, query):
    async with asyncio.timeout(10):
        while not await connection.fetchval(query):  # noqa: ASYNC110  (PostgreSQL's lock table rings no bell)
            await asyncio.sleep(0.01)
