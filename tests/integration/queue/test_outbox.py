"""What the bus is told: in order, after the commit, and also when it was away."""

import asyncio
import json
from pathlib import Path

import pytest
from pydantic import SecretStr

from cloche.kit.bus import Bus, Group, NewEvent, ledger_key, shard_of


@pytest.fixture
async def bus(redis_url):
    bus = Bus.connect(redis_url)
    yield bus
    await bus.close()


async def events(bus, evaluation_id, count):
    """The first ``count`` events of a subject in its ledger, once they are there."""
    async with asyncio.timeout(20):
        while len(found := await told(bus, str(evaluation_id))) < count:  # noqa: ASYNC110  (the store rings no bell)
            await asyncio.sleep(0.02)
    return found


async def told(bus, subject):
    ledger = await bus.redis.xrange(ledger_key(shard_of(subject)))
    mine = [fields for _, fields in ledger if fields[b"x"] == subject.encode()]
    return [(int(each[b"a"]), each[b"t"].decode(), json.loads(each[b"b"])) for each in mine]


async def drained(owner):
    async with asyncio.timeout(20):
        while await owner.fetchval("SELECT count(*) FROM queue.outbox"):  # noqa: ASYNC110  (the store rings no bell)
            await asyncio.sleep(0.02)


async def test_the_bus_learns_of_lease_retry_and_completion_in_order(queue, make, owner, bus):
    task = make.task()
    await queue.enqueue(task)
    first = await queue.lease_one()
    await queue.fail(first)
    await owner.execute("UPDATE queue.task SET run_at = now()")
    second = await queue.lease_one()
    record = make.record(second)
    await queue.complete(second, record)
    found = await events(bus, task.evaluation_id, 4)
    assert found == [
        (1, "evaluation.leased", {"worker": "w1", "leased_at": first.leased_at, "queued_at": first.queued_at}),
        (2, "evaluation.retried", {"reason": "engine_error", "next_attempt": 2}),
        (2, "evaluation.leased", {"worker": "w1", "leased_at": second.leased_at, "queued_at": second.queued_at}),
        (2, "evaluation.completed", {"tenant": "t1", "record": json.loads(record.model_dump_json())}),
    ]
    assert [event.type for event in await bus.read(str(task.evaluation_id), 0, 0)] == [kind for _, kind, _ in found[:3]]
    await drained(owner)


async def test_a_retry_makes_the_bus_refuse_the_old_attempt(queue, make, bus):
    await queue.enqueue(make.task())
    leased = await queue.lease_one()
    await queue.fail(leased)
    await events(bus, leased.evaluation_id, 2)
    stale = [NewEvent(pseq=1, type="output", body="{}")]
    assert await bus.publish(Group(str(leased.evaluation_id), "worker", 1, stale)) == -1


async def test_nothing_is_lost_while_the_bus_is_away(start_queue, make, owner, bus, redis_urls, valkey, tmp_path):
    socket = tmp_path / "bus.sock"
    url = redis_urls["queue"].replace(str(valkey.socket), str(socket))
    async with start_queue(redis_url=SecretStr(url)) as queue:
        await queue.enqueue(*[make.task() for _ in range(300)])
        for _ in range(3):
            for leased in await queue.lease(100):
                await queue.complete(leased)
        assert await owner.fetchval("SELECT count(*) FROM queue.outbox") == 600
        socket.symlink_to(Path(valkey.socket))
        await drained(owner)
        for result in (await queue.results(limit=300)).results:
            types = [event[1] for event in await events(bus, result.evaluation_id, 2)]
            assert types == ["evaluation.leased", "evaluation.completed"]


async def test_two_replicas_publish_each_event_once_and_in_order(queue, start_queue, make, owner, bus):
    async with start_queue() as other:
        await queue.enqueue(*[make.task() for _ in range(100)])
        leased = await other.lease(100)
        await asyncio.gather(*[(queue if i % 2 else other).complete(task) for i, task in enumerate(leased)])
        await drained(owner)
    for task in leased:
        found = await events(bus, task.evaluation_id, 2)
        assert [event[1] for event in found] == ["evaluation.leased", "evaluation.completed"]
