"""Results in the order of commits: no page passes a result that commits later."""

import asyncio
from itertools import chain

import asyncpg
import pytest

from cloche.kit.errors import InvalidRequestError
from cloche.kit.postgres import load_sql
from cloche.queue.outbox import forget_published, may_leave_some, read_outbox

FINISH = load_sql("cloche.queue", "finish")


async def begin_complete(dsn, leased, record):
    """A completion up to but without its COMMIT."""
    session = await asyncpg.connect(dsn)
    transaction = session.transaction()
    await transaction.start()
    body = record.model_dump_json().encode()
    await session.fetch(
        FINISH, [leased.evaluation_id], [leased.lease_id], [1], ["accepted"], ["completed"], [""], [body], [""]
    )
    return session, transaction


async def read_all(queue, after):
    found = []
    while True:
        page = await queue.results(after, limit=1)
        if not page.results:
            assert page.next == after
            return found, after
        found += [result.evaluation_id for result in page.results]
        after = page.next


async def test_completions_that_commit_in_reverse_order_are_both_read(queue, make, database):
    await queue.enqueue(make.task(), make.task())
    early, late = await queue.lease()
    early_session, early_transaction = await begin_complete(database.queue, early, make.record(early))
    late_session, late_transaction = await begin_complete(database.queue, late, make.record(late))
    await late_transaction.commit()
    seen, cursor = await read_all(queue, "")
    await early_transaction.commit()
    more, _ = await read_all(queue, cursor)
    assert seen + more == [early.evaluation_id, late.evaluation_id]
    await early_session.close()
    await late_session.close()


async def test_numbers_of_transactions_are_numbers(queue, make, owner):
    await queue.enqueue(make.task(), make.task(), make.task())
    tasks = await queue.lease(3)
    for tx, task in zip((9, 10, 11), tasks, strict=True):
        await queue.complete(task)
        await owner.execute(
            "UPDATE queue.result SET tx = $1::text::xid8 WHERE evaluation_id = $2", str(tx), task.evaluation_id
        )
    found, _ = await read_all(queue, "")
    assert found == [task.evaluation_id for task in tasks]


async def test_pages_of_any_size_show_each_result_once(queue, make):
    await queue.enqueue(*[make.task() for _ in range(25)])
    leased = await queue.lease(25)
    for task in leased[:10]:
        await queue.complete(task)
    await queue.cancel(*[task.evaluation_id for task in leased[10:]])
    for task in leased[10:]:
        await queue.goodbye(task)
    one_by_one, _ = await read_all(queue, "")
    at_once = [result.evaluation_id for result in (await queue.results()).results]
    assert one_by_one == at_once
    assert len(set(at_once)) == 25


@pytest.mark.parametrize("after", ["x", "%00", "YzEgMQ", "a" * 3000])
async def test_a_cursor_that_is_none_is_refused(queue, after):
    with pytest.raises(InvalidRequestError):
        await queue.results(after)


async def test_group_of_records_is_committed_each_by_its_own_lease(queue, make):
    await queue.enqueue(*(make.task() for _ in range(5)))
    good, again, stale, cancelled, foreign = await queue.lease(5)
    await queue.complete(again)
    await queue.fail(stale)
    await queue.cancel(cancelled.evaluation_id)
    foreign = foreign.model_copy(update={"lease_id": good.lease_id})
    assert await queue.complete_group(good, again, stale, cancelled, foreign) == {good.evaluation_id}
    stored = {result.evaluation_id: result.record.verdict for result in (await queue.results()).results}
    assert stored == {good.evaluation_id: "accepted", again.evaluation_id: "accepted"}


async def test_group_with_one_record_twice_commits_it_once(queue, make):
    await queue.enqueue(make.task())
    task = await queue.lease_one()
    assert await queue.complete_group(task, task) == {task.evaluation_id}
    assert len((await queue.results()).results) == 1


async def enlarge(owner, size=5_000_000):
    """Let every record, and every program that waits, be ``size`` bytes longer; blanks behind JSON mean nothing."""
    for table, column in (("queue.result", "record"), ("queue.task", "program")):
        await owner.execute(f"UPDATE {table} SET {column} = {column} || convert_to(repeat(' ', {size}), 'UTF8')")


async def test_a_page_ends_once_its_records_are_large(queue, make, owner):
    await queue.enqueue(*[make.task() for _ in range(5)])
    leased = await queue.lease(5)
    for task in leased:
        await queue.complete(task)
    await enlarge(owner)
    pages, after = [], ""
    while (page := await queue.results(after)).results:
        pages.append([result.evaluation_id for result in page.results])
        after = page.next
    assert [len(page) for page in pages] == [2, 2, 1]
    assert list(chain(*pages)) == [task.evaluation_id for task in leased]


async def test_a_record_larger_than_a_page_is_a_page(queue, make, owner):
    await queue.enqueue(make.task(), make.task())
    for task in await queue.lease(2):
        await queue.complete(task)
    await enlarge(owner, 10_000_000)
    first = await queue.results()
    assert [len(first.results), len((await queue.results(first.next)).results)] == [1, 1]


async def test_a_result_tells_its_age_by_the_clock_of_postgresql(queue, make, owner):
    await queue.enqueue(make.task())
    task = await queue.lease_one()
    ahead = make.record(task).model_copy(update={"finished_at": "2999-01-01T00:00:00.000000Z"})
    await queue.complete(task, ahead)
    await owner.execute("UPDATE queue.result SET finished_at = now() - interval '1 minute'")
    [result] = (await queue.results()).results
    assert 60 <= result.age_s < 120


async def test_events_are_published_few_at_a_time_when_their_records_are_large(queue, make, owner, database):
    await queue.enqueue(*[make.task() for _ in range(3)])
    for task in await queue.lease(3):
        await queue.complete(task)
    async with asyncio.timeout(20):
        while await owner.fetchval("SELECT count(*) FROM queue.outbox"):  # noqa: ASYNC110  (the store rings no bell)
            await asyncio.sleep(0.02)
    await enlarge(owner)
    session = await asyncpg.connect(database.queue)
    transaction = session.transaction()
    await transaction.start()
    await session.execute(
        "INSERT INTO queue.outbox (evaluation_id, attempt, type)"
        " SELECT evaluation_id, 1, 'evaluation.completed' FROM queue.result"
    )
    first = await read_outbox(session, 100)
    assert len(first) == 2
    assert may_leave_some(first, 100)
    await forget_published(session, [event.id for event in first])
    rest = await read_outbox(session, 100)
    assert len(rest) == 1
    assert not may_leave_some(rest, 100)
    await transaction.rollback()
    await session.close()


async def test_a_lease_ends_once_its_programs_are_large(queue, make, owner):
    tasks = [make.task() for _ in range(5)]
    await queue.enqueue(*tasks)
    await enlarge(owner)
    leased = [[task.evaluation_id for task in await queue.lease(10)] for _ in range(3)]
    assert [len(each) for each in leased] == [2, 2, 1]
    assert list(chain(*leased)) == sorted(task.evaluation_id for task in tasks)
