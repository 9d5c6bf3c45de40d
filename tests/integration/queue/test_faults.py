"""Fail, goodbye, the reaper, cancel: every way in which no run decides."""

import asyncio

import asyncpg
import pytest

from cloche.kit.errors import CancelledConflictError, InvalidRequestError, LeaseLostError
from cloche.kit.ids import uuid7
from cloche.queue.faults import Faults

MAKE_DUE = "UPDATE queue.task SET run_at = now() WHERE lease_id IS NULL"
EXPIRE = "UPDATE queue.task SET lease_until = now() - interval '1 second' WHERE lease_id IS NOT NULL"


@pytest.fixture
def faults(queue) -> Faults:
    """The reaper's hands, without its clock."""
    return queue.service.leasing._faults


async def only_result(queue):
    """The one result, once it is committed: the service's own reaper may be at it."""
    async with asyncio.timeout(20):
        while not (results := (await queue.results()).results):  # noqa: ASYNC110  (the store rings no bell)
            await asyncio.sleep(0.02)
    (result,) = results
    return result.record


async def test_a_fault_is_retried_until_three_attempts_had_started(queue, make, owner):
    await queue.enqueue(make.task())
    for attempt in (1, 2):
        leased = await queue.lease_one()
        assert leased.attempt == attempt
        assert await queue.fail(leased) == "retrying"
        assert await queue.lease() == []  # backoff
        await owner.execute(MAKE_DUE)
    leased = await queue.lease_one()
    assert await queue.fail(leased) == "done"
    assert await queue.fail(leased) == "done"
    record = await only_result(queue)
    assert (record.verdict, record.evidence.source, record.attempt) == ("internal_error", "platform", 3)


async def test_faults_before_the_start_are_not_counted(queue, make, owner):
    await queue.enqueue(make.task())
    for _ in range(10):
        assert await queue.fail(await queue.lease_one(), "overloaded", started=False) == "retrying"
        await owner.execute(MAKE_DUE)
    assert (await queue.lease_one()).attempt == 11


async def test_a_run_that_takes_down_its_cell_twice_is_a_runtime_error(queue, make, owner):
    await queue.enqueue(make.task())
    assert await queue.fail(await queue.lease_one(), "cell_lost") == "retrying"
    await owner.execute(MAKE_DUE)
    assert await queue.fail(await queue.lease_one(), "cell_lost") == "done"
    record = await only_result(queue)
    assert (record.verdict, record.evidence.source, record.evidence.detail) == (
        "runtime_error",
        "platform",
        "cell_lost",
    )


async def test_a_failed_lease_is_lost(queue, make):
    await queue.enqueue(make.task())
    leased = await queue.lease_one()
    await queue.fail(leased)
    with pytest.raises(LeaseLostError):
        await queue.complete(leased)
    with pytest.raises(LeaseLostError):
        await queue.fail(leased)


async def test_goodbye_gives_unstarted_tasks_back_at_once_without_counting(queue, make, owner):
    await queue.enqueue(*[make.task() for _ in range(3)])
    for _ in range(5):
        leased = await queue.lease()
        assert len(leased) == 3
        await queue.goodbye(*leased)
    assert await owner.fetchval("SELECT max(started_attempts) FROM queue.task") == 0


async def test_an_expired_lease_is_given_to_another_worker(queue, make, owner, faults):
    await queue.enqueue(make.task())
    lost = await queue.lease_one()
    await owner.execute(EXPIRE)
    assert await faults.reap_expired() == 1
    await owner.execute(MAKE_DUE)
    fresh = await queue.lease_one(worker="w2")
    assert (fresh.evaluation_id, fresh.attempt) == (lost.evaluation_id, 2)
    with pytest.raises(LeaseLostError):
        await queue.complete(lost)


async def test_until_it_is_reaped_an_expired_lease_can_be_extended_and_completed(queue, make, owner, faults):
    await queue.enqueue(make.task())
    leased = await queue.lease_one()
    await owner.execute(EXPIRE)
    assert (await queue.heartbeat(leased)).extended == [leased.evaluation_id]
    assert await faults.reap_expired() == 0
    await owner.execute(EXPIRE)
    assert await queue.complete(leased) == "done"


async def test_three_lost_workers_end_as_a_dead_letter(queue, make, owner, faults):
    await queue.enqueue(make.task())
    for _ in range(3):
        await queue.lease_one()
        await owner.execute(EXPIRE)
        assert await faults.reap_expired() == 1
        await owner.execute(MAKE_DUE)
    assert (await only_result(queue)).evidence.detail == "worker_lost"


async def test_waiting_longer_than_the_queue_timeout_ends_as_internal_error(queue, make, owner, faults):
    await queue.enqueue(make.task(runtime="cobol"), make.task(queue_timeout_s=1000))
    await owner.execute("UPDATE queue.task SET deadline_at = now() - interval '1 s' WHERE runtime = 'cobol'")
    assert await faults.reap_overdue() <= 1  # the service's own reaper may have been there first
    record = await only_result(queue)
    assert (record.verdict, record.evidence.detail, record.attempt) == ("internal_error", "queue_timeout", 0)
    assert len(await queue.lease()) == 1


async def test_the_time_limit_of_waiting_starts_anew_after_a_run_was_lost(queue, make, owner, faults):
    await queue.enqueue(make.task(queue_timeout_s=60))
    leased = await queue.lease_one()
    await owner.execute("UPDATE queue.task SET deadline_at = now() - interval '1 s'")
    await queue.fail(leased)
    assert await faults.reap_overdue() == 0


async def test_a_waiting_task_is_cancelled_at_once(queue, make):
    task = make.task()
    await queue.enqueue(task)
    assert await queue.cancel(task.evaluation_id) == ["cancelled"]
    assert await queue.cancel(task.evaluation_id) == ["cancelled"]
    assert await queue.lease() == []
    record = await only_result(queue)
    assert (record.verdict, record.attempt, record.execution) == ("cancelled", 0, None)


async def test_a_running_task_is_told_by_heartbeat_and_completed_as_cancelled(queue, make):
    await queue.enqueue(make.task())
    leased = await queue.lease_one()
    assert await queue.cancel(leased.evaluation_id) == ["cancelling"]
    assert await queue.cancel(leased.evaluation_id) == ["cancelling"]
    answer = await queue.heartbeat(leased)
    assert (answer.cancelled, answer.extended, answer.lost) == ([leased.evaluation_id], [], [])
    sent = make.record(leased, "cancelled")
    assert await queue.complete(leased, sent) == "done"
    assert await queue.complete(leased, sent) == "done"
    assert await only_result(queue) == sent


async def test_a_completion_after_the_cancel_is_a_conflict_and_its_output_is_kept(queue, make):
    await queue.enqueue(make.task())
    leased = await queue.lease_one()
    await queue.cancel(leased.evaluation_id)
    for _ in range(2):
        with pytest.raises(CancelledConflictError):
            await queue.complete(leased, make.record(leased, "accepted", output="c28gZmFy"))
    record = await only_result(queue)
    assert (record.verdict, record.evidence.source, record.last_event) == ("cancelled", "cancel", 3)
    assert record.execution.stdout.data == "c28gZmFy"
    assert record.execution.verdict == "cancelled"


async def test_a_cancel_after_the_completion_is_too_late(queue, make):
    await queue.enqueue(make.task())
    leased = await queue.lease_one()
    await queue.complete(leased)
    assert await queue.cancel(leased.evaluation_id, uuid7()) == ["finished", "unknown"]


async def test_nobody_can_complete_as_cancelled_what_nobody_cancelled(queue, make):
    await queue.enqueue(make.task())
    leased = await queue.lease_one()
    with pytest.raises(InvalidRequestError):
        await queue.complete(leased, make.record(leased, "cancelled"))


@pytest.mark.parametrize("end", ["fail", "goodbye", "expire"])
async def test_a_cancelled_task_is_never_retried(queue, make, owner, faults, end):
    await queue.enqueue(make.task())
    leased = await queue.lease_one()
    await queue.cancel(leased.evaluation_id)
    if end == "fail":
        assert await queue.fail(leased) == "done"
    elif end == "goodbye":
        await queue.goodbye(leased)
    else:
        await owner.execute(EXPIRE)
        await faults.reap_expired()
    assert (await only_result(queue)).verdict == "cancelled"


async def test_a_task_cancelled_between_two_attempts_ends_under_the_attempt_that_waited(queue, make):
    await queue.enqueue(make.task())
    leased = await queue.lease_one()
    await queue.fail(leased)
    assert await queue.cancel(leased.evaluation_id) == ["cancelled"]
    assert (await only_result(queue)).attempt == 2


async def test_of_complete_and_cancel_at_once_exactly_one_decides(queue, start_queue, make):
    await queue.enqueue(*[make.task() for _ in range(60)])
    leased = await queue.lease(60)
    async with start_queue() as other:
        outcomes = await asyncio.gather(
            *[queue.complete(task) for task in leased],
            *[other.cancel(task.evaluation_id) for task in leased],
            return_exceptions=True,
        )
    completed, cancelled = outcomes[: len(leased)], outcomes[len(leased) :]
    verdicts = {r.evaluation_id: r.record.verdict for r in (await queue.results()).results}
    assert len(verdicts) == 60
    for task, complete, cancel in zip(leased, completed, cancelled, strict=True):
        if verdicts[task.evaluation_id] == "accepted":
            assert (complete, cancel) == ("done", ["finished"])
        else:
            assert isinstance(complete, CancelledConflictError)
            assert cancel in (["cancelling"], ["cancelled"])


async def test_the_reaper_takes_back_what_a_dead_worker_held(start_queue, make):
    async with start_queue(lease_s=1.0) as queue:
        await queue.enqueue(make.task(), make.task(runtime="cobol", queue_timeout_s=1))
        lost = await queue.lease_one()
        again = await queue.lease_one(wait_s=20, worker="w2")
        assert (again.evaluation_id, again.attempt) == (lost.evaluation_id, 2)
        assert (await only_result(queue)).evidence.detail == "queue_timeout"


async def test_leases_are_reaped_while_the_queue_is_measured(start_queue, make, owner, database, monkeypatch):
    monkeypatch.setattr("cloche.queue.depth._EVERY_S", 0.1)
    async with start_queue(lease_s=4.0) as queue:
        await queue.enqueue(make.task(queue_timeout_s=0))
        while await owner.fetchval("SELECT count(*) FROM queue.task"):  # noqa: ASYNC110  (the reaper begins by writing the lanes)
            await asyncio.sleep(0.02)
        await queue.enqueue(make.task())
        await queue.lease_one()
        other = await asyncpg.connect(database.owner)
        async with other.transaction(), asyncio.timeout(20):
            await other.execute("LOCK TABLE queue.lane")  # which nothing but measuring and leasing reads
            measuring = (
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '-- lanes:%'"
            )
            while not await owner.fetchval(measuring):  # noqa: ASYNC110  (PostgreSQL's tables ring no bell)
                await asyncio.sleep(0.02)
            await owner.execute(EXPIRE)
            while await owner.fetchval("SELECT count(*) FROM queue.task WHERE lease_id IS NOT NULL"):  # noqa: ASYNC110  (as above)
                await asyncio.sleep(0.02)
            assert await owner.fetchval(measuring) == 1
        await other.close()
