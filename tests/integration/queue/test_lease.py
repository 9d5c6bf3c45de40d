"""Lease, heartbeat, complete: fenced, fair, routed."""

import asyncio

import asyncpg
import pytest

from cloche.kit.errors import InvalidRequestError, LeaseLostError
from cloche.kit.ids import uuid7
from cloche.kit.postgres import load_sql

_WAITS_FOR_ITS_TURN = """
SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database AND datname = current_database()
WHERE locktype = 'advisory' AND NOT granted
"""


async def test_a_task_goes_through_unread(queue, make):
    task = make.task()
    answer = await queue.enqueue(task)
    assert (answer.accepted, answer.known) == (1, 0)
    leased = await queue.lease_one()
    assert (leased.evaluation_id, leased.attempt, leased.tenant) == (task.evaluation_id, 1, "t1")
    assert leased.program == task.program
    sent = make.record(leased)
    assert await queue.complete(leased, sent) == "done"
    page = await queue.results()
    assert [(r.evaluation_id, r.tenant, r.record) for r in page.results] == [(task.evaluation_id, "t1", sent)]


async def test_completing_twice_under_the_same_lease_changes_nothing(queue, make):
    await queue.enqueue(make.task())
    leased = await queue.lease_one()
    await queue.complete(leased)
    assert await queue.complete(leased) == "done"
    assert len((await queue.results()).results) == 1
    with pytest.raises(LeaseLostError):
        await queue.complete(leased, make.record(leased, "runtime_error"))


async def test_a_stale_lease_can_neither_extend_nor_complete_nor_fail(queue, make, owner):
    await queue.enqueue(make.task())
    stale = await queue.lease_one()
    await queue.goodbye(stale)
    fresh = await queue.lease_one(worker="w2")
    assert fresh.lease_id != stale.lease_id
    assert fresh.attempt == stale.attempt + 1
    assert (await queue.heartbeat(stale)).lost == [stale.evaluation_id]
    with pytest.raises(LeaseLostError):
        await queue.complete(stale)
    with pytest.raises(LeaseLostError):
        await queue.complete(stale, make.record(fresh))  # right attempt, wrong lease
    with pytest.raises(LeaseLostError):
        await queue.fail(stale)
    assert (await queue.heartbeat(fresh)).extended == [fresh.evaluation_id]
    await queue.complete(fresh)
    with pytest.raises(LeaseLostError):
        await queue.complete(stale)


async def test_a_record_of_another_attempt_is_refused_and_the_lease_stays(queue, make):
    await queue.enqueue(make.task())
    leased = await queue.lease_one()
    wrong = make.record(leased).model_copy(update={"attempt": 7})
    with pytest.raises(InvalidRequestError):
        await queue.complete(leased, wrong)
    assert (await queue.heartbeat(leased)).extended == [leased.evaluation_id]


async def test_heartbeat_moves_the_end_of_the_lease(queue, make, owner):
    await queue.enqueue(make.task())
    leased = await queue.lease_one()
    await owner.execute("UPDATE queue.task SET lease_until = now() - interval '1 second'")
    assert (await queue.heartbeat(leased)).extended == [leased.evaluation_id]
    left = await owner.fetchval("SELECT extract(epoch FROM lease_until - now()) FROM queue.task")
    assert 25 < left <= 30


async def test_the_first_batch_serves_every_tenant_though_one_has_most_of_the_work(queue, make):
    await queue.enqueue(*[make.task("greedy") for _ in range(200)])
    await queue.enqueue(*[make.task(f"small{i}") for i in range(9)])
    batch = await queue.lease(10)
    assert {task.tenant for task in batch} == {"greedy", *(f"small{i}" for i in range(9))}


async def test_a_tenant_with_fewer_running_tasks_comes_first(queue, make):
    await queue.enqueue(*[make.task("busy", priority=100) for _ in range(10)])
    assert len(await queue.lease(5)) == 5
    await queue.enqueue(*[make.task("idle") for _ in range(3)])
    assert [task.tenant for task in await queue.lease(3)] == ["idle"] * 3


async def test_inside_a_tenant_priority_then_age_decide(queue, make):
    ids = sorted(uuid7() for _ in range(4))
    tasks = [make.task(priority=p, evaluation_id=i) for p, i in zip((0, 5, 0, 5), ids, strict=True)]
    await queue.enqueue(*reversed(tasks))
    leased = await queue.lease(4)
    assert [t.evaluation_id for t in leased] == [tasks[i].evaluation_id for i in (1, 3, 0, 2)]


async def test_the_interactive_lane_comes_first(queue, make):
    await queue.enqueue(*[make.task(lane="batch", priority=9) for _ in range(3)], make.task(lane="interactive"))
    task = make.task(lane="interactive")
    await queue.enqueue(task)
    leased = await queue.lease(2)
    assert task.evaluation_id in {t.evaluation_id for t in leased}


@pytest.mark.parametrize(
    ("wanted", "isolation", "fits"),
    [
        ("python", "namespace", True),
        ("py", "process", True),
        ("python@3", "namespace", True),
        ("python@3.12", "container", True),
        ("python@3.1", "namespace", False),
        ("python@3.12.10", "namespace", False),
        ("java", "namespace", False),
        ("python", "gvisor", False),
    ],
)
async def test_only_what_an_executor_offers_is_leased(queue, make, wanted, isolation, fits):
    await queue.enqueue(make.task(runtime=wanted, isolation=isolation))
    offers = [
        make.offer("weak"),
        make.offer("strong", isolation="container"),
        make.offer("ill", healthy=False, isolation="vm"),
    ]
    assert bool(await queue.lease(offers=offers)) is fits


async def test_what_demands_gvisor_goes_only_to_an_executor_that_offers_it(queue, make):
    await queue.enqueue(make.task(isolation="gvisor"))
    weaker, ill = make.offer("weaker", isolation="container"), make.offer("ill", healthy=False, isolation="gvisor")
    assert not await queue.lease(offers=[weaker, ill])
    assert await queue.lease(offers=[weaker, make.offer("sound", isolation="gvisor")])


async def test_work_that_nobody_can_run_does_not_hold_up_the_rest(queue, make):
    await queue.enqueue(*[make.task(runtime="cobol", priority=100) for _ in range(300)])
    task = make.task()
    await queue.enqueue(task)
    assert [t.evaluation_id for t in await queue.lease(1)] == [task.evaluation_id]


async def test_a_tenant_whose_tasks_are_not_due_does_not_hold_up_the_rest(queue, make, owner):
    await queue.enqueue(make.task("later"))
    await owner.execute("UPDATE queue.task SET run_at = now() + interval '1 hour', due = false")
    await queue.enqueue(*[make.task("now") for _ in range(3)])
    assert len(await queue.lease(1)) == 1
    assert len(await queue.lease(1)) == 1


async def test_two_workers_at_two_replicas_never_get_the_same_task(queue, start_queue, make):
    await queue.enqueue(*[make.task(f"t{i % 7}") for i in range(200)])
    async with start_queue() as other:
        got = await asyncio.gather(*[q.lease(10, worker=f"w{n}") for n in range(12) for q in (queue, other)])
    ids = [task.evaluation_id for batch in got for task in batch]
    assert len(ids) == len(set(ids))


async def test_a_lease_waits_for_the_one_before_it_and_sees_what_that_one_did(queue, make, owner, database):
    await queue.enqueue(make.task())
    before = await asyncpg.connect(database.owner)
    async with before.transaction():
        await before.execute("SELECT pg_advisory_xact_lock(hashtextextended('cloche.queue.lease', 0))")
        leasing = asyncio.create_task(queue.lease())
        async with asyncio.timeout(10):
            while not await owner.fetchval(_WAITS_FOR_ITS_TURN):  # noqa: ASYNC110  (a lock rings no bell)
                await asyncio.sleep(0.02)
        await before.execute("UPDATE queue.lane SET paused = true")
    assert await leasing == []
    await before.close()


async def test_the_function_that_leases_says_what_the_files_say_that_are_tested_and_measured(owner):
    said = await owner.fetchval("SELECT prosrc FROM pg_proc WHERE oid = 'queue.lease_tasks'::regproc")
    turn = load_sql("cloche.queue", "lease_turn").replace("SELECT pg_advisory", "PERFORM pg_advisory")
    lease = load_sql("cloche.queue", "lease")
    assert said == f"\n#variable_conflict use_column\nBEGIN\n{turn.strip()};\nRETURN QUERY\n{lease.strip()};\nEND\n"


async def test_a_waiting_lease_is_answered_as_soon_as_work_comes(queue, make):
    await queue.lease(0)  # the report is written, the pool is open
    waiting = asyncio.create_task(queue.lease(1, wait_s=20))
    loop = asyncio.get_running_loop()
    began = loop.time()
    await queue.enqueue(make.task())
    assert len(await waiting) == 1
    assert loop.time() - began < 1.0  # the poll alone would take two seconds


async def test_closing_answers_every_waiting_lease(queue):
    waiting = [asyncio.create_task(queue.lease(1, wait_s=20, worker=f"w{i}")) for i in range(5)]
    await queue.lease(1)
    queue.service.leasing.close()
    assert await asyncio.wait_for(asyncio.gather(*waiting), 5) == [[]] * 5
