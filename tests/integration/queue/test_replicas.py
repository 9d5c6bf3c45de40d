"""Two replicas: what rings at one wakes who waits at the other. The polls behind the bells are switched off here."""

import asyncio
import contextlib

import asyncpg
import pytest

from cloche.kit.bus import Bus
from cloche.queue.replicas import CHANNEL, TOLD_EVERY_S

NEVER_S = 3600.0
OTHERS = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'cloche-queue-notices'"
LISTENING = f"SELECT count(*) = 2 {OTHERS} AND state = 'idle' AND query <> ''"


@pytest.fixture
async def two(start_queue, owner, monkeypatch):
    """Two replicas that hear each other and never look by themselves."""
    monkeypatch.setattr("cloche.queue.leasing.POLL_S", NEVER_S)
    monkeypatch.setattr("cloche.queue.relay._POLL_S", NEVER_S)
    async with start_queue() as one, start_queue() as other:
        await until(owner, LISTENING)
        yield one, other


async def until(owner, query):
    async with asyncio.timeout(20):
        while not await owner.fetchval(query):  # noqa: ASYNC110  (PostgreSQL's tables ring no bell)
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def waiting_lease(queue, **options):
    """A lease call that has looked, found nothing and waits for a ring."""
    bell = queue.service.leasing._signals.work
    call = asyncio.create_task(queue.lease(1, wait_s=60, **options))
    async with asyncio.timeout(20):
        while not bell.listen()._waiters:  # noqa: ASYNC110  (nobody is told of who waits)
            await asyncio.sleep(0.01)
    yield call
    call.cancel()


async def test_enqueue_at_one_replica_wakes_a_lease_that_waits_at_another(two, make):
    one, other = two
    for _ in range(3):
        task = make.task()
        async with waiting_lease(other) as call:
            await one.enqueue(task)
            (leased,) = await asyncio.wait_for(call, 20)
            assert leased.evaluation_id == task.evaluation_id


async def test_resuming_a_lane_at_one_replica_wakes_a_lease_that_waits_at_another(two, make):
    one, other = two
    async with one.people() as http:
        await http.post("/queue/v1/lanes/interactive/pause")
        await other.enqueue(make.task())
        async with waiting_lease(other) as call:
            await http.post("/queue/v1/lanes/interactive/resume")
            assert len(await asyncio.wait_for(call, 20)) == 1


async def test_what_a_leaving_worker_gives_back_at_one_replica_goes_to_one_that_waits_at_another(two, make):
    one, other = two
    await one.enqueue(make.task())
    held = await one.lease_one()
    async with waiting_lease(other, worker="w2") as call:
        await one.goodbye(held)
        (leased,) = await asyncio.wait_for(call, 20)
        assert leased.attempt == 2


async def test_whichever_replica_commits_an_event_the_one_that_relays_publishes_it(two, make, redis_url):
    bus = Bus.connect(redis_url)
    for queue in two:
        await queue.enqueue(make.task())
        leased = await queue.lease_one()
        async with asyncio.timeout(20):
            while not await bus.read(str(leased.evaluation_id), 0, 0):  # noqa: ASYNC110  (the doorbell is not under test)
                await asyncio.sleep(0.01)
    await bus.close()


async def test_a_thousand_rings_are_told_in_few_notices(two, make, database):
    one, _ = two
    notices = []
    listener = await asyncpg.connect(database.owner)
    await listener.add_listener(CHANNEL, lambda *_: notices.append(1))
    loop = asyncio.get_running_loop()
    began = loop.time()
    for _ in range(1000):
        one.service.leasing._signals.work.ring()
        await asyncio.sleep(0)
    await one.enqueue(make.task())
    async with asyncio.timeout(20):
        while one.service.leasing._signals.untold.is_set():  # noqa: ASYNC110  (as above)
            await asyncio.sleep(0.01)
    await listener.fetch("SELECT")
    assert 1 <= len(notices) <= 2 + (loop.time() - began) / TOLD_EVERY_S
    await listener.close()


async def test_a_replica_whose_session_was_ended_listens_again_and_looks_for_what_it_missed(two, make, owner):
    one, other = two
    async with waiting_lease(other) as call:
        await owner.execute(f"SELECT pg_terminate_backend(pid) {OTHERS}")
        await one.enqueue(make.task())
        assert len(await asyncio.wait_for(call, 20)) == 1
    await until(owner, LISTENING)
