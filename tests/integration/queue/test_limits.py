"""What a lane and a tenant may take: how many run, how fast they are leased, whose turn it is, and from when."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from cloche.contracts.tasks import LoadsAnswer
from cloche.kit.clock import iso, now
from cloche.queue.limits import LaneLimits, TenantLimits

BATCH = LaneLimits(urgency=10)


async def test_a_lane_runs_no_more_than_its_limit_and_the_next_lane_fills_the_batch(start_queue, make, owner):
    lanes = {"interactive": LaneLimits(urgency=0, max_running=3), "batch": BATCH}
    async with start_queue(lanes=lanes) as queue:
        await queue.enqueue(*[make.task(f"t{i % 4}", lane=lane) for i in range(20) for lane in lanes])
        assert len(await queue.lease(8)) == 8
        rows = await owner.fetch("SELECT lane, count(*) FROM queue.task WHERE lease_id IS NOT NULL GROUP BY lane")
        assert dict(rows) == {"interactive": 3, "batch": 5}


async def test_a_lane_of_the_settings_exists_from_the_start(start_queue, make):
    async with start_queue(lanes={"nightly": LaneLimits(urgency=20), "batch": BATCH}) as queue:
        assert (await queue.enqueue(make.task(lane="nightly"))).accepted == 1
        assert len(await queue.lease()) == 1


async def test_a_lane_of_one_lease_at_a_time_gives_none_while_one_runs_at_another_replica(start_queue, make):
    lanes = {"interactive": LaneLimits(urgency=0, max_running=1)}
    async with start_queue(lanes=lanes) as one, start_queue(lanes=lanes) as other:
        await one.enqueue(*[make.task(f"t{i}") for i in range(20)])
        got = await asyncio.gather(*[q.lease(5, worker=f"w{n}") for n in range(5) for q in (one, other)])
        (leased,) = [task for batch in got for task in batch]
        await other.complete(leased)
        assert len(await one.lease(5)) == 1


@pytest.mark.parametrize(
    "limits",
    [
        {"lanes": {"interactive": LaneLimits(urgency=0, max_running=1)}},
        {"other_tenants": TenantLimits(max_running=1)},
    ],
)
async def test_an_end_makes_room_for_a_call_that_waits_at_another_replica(start_queue, make, monkeypatch, limits):
    monkeypatch.setattr("cloche.queue.leasing.POLL_S", 3600)
    async with start_queue(**limits) as one, start_queue(**limits) as other:
        await one.enqueue(make.task("t"), make.task("t"))
        held = await one.lease_one()
        waiting = asyncio.create_task(other.lease(1, worker="w2", wait_s=60))
        while not other.service.leasing._signals.work.listen()._waiters:  # noqa: ASYNC110  (nobody is told)
            await asyncio.sleep(0.01)
        await one.complete(held)
        assert len(await asyncio.wait_for(waiting, 20)) == 1


async def test_a_rate_gives_what_has_added_up_and_no_more(start_queue, make, owner):
    async with start_queue(lanes={"interactive": LaneLimits(urgency=0, rate_per_s=0.01), "batch": BATCH}) as queue:
        await queue.enqueue(*[make.task() for _ in range(5)])
        assert len(await queue.lease(5)) == 1  # one is always saved up
        assert await queue.lease(5) == []
        await owner.execute("UPDATE queue.lane SET rate_from = rate_from - interval '100 s' WHERE lane = 'interactive'")
        assert len(await queue.lease(5)) == 1
        assert await queue.lease(5) == []


async def test_a_rate_saves_up_for_two_seconds(start_queue, make):
    async with start_queue(lanes={"interactive": LaneLimits(urgency=0, rate_per_s=2), "batch": BATCH}) as queue:
        await queue.enqueue(*[make.task() for _ in range(20)])
        assert len(await queue.lease(20)) == 4


async def test_a_delayed_task_waits_for_its_time_and_its_timeout_counts_from_then(queue, make, owner):
    later = iso(now() + timedelta(hours=1))
    task = make.task(run_at=later, queue_timeout_s=60)
    await queue.enqueue(task, make.task(run_at=iso(now() - timedelta(hours=1))))
    assert len(await queue.lease(5)) == 1
    await owner.execute("UPDATE queue.task SET run_at = run_at - interval '1 hour' WHERE NOT due")
    assert (await queue.lease_one()).evaluation_id == task.evaluation_id
    row = await owner.fetchrow(
        "SELECT deadline_at - run_at > interval '59 minutes' AS late FROM queue.task ORDER BY 1 DESC"
    )
    assert row["late"]


async def test_shares_follow_the_weights(start_queue, make):
    async with start_queue(tenants={"heavy": TenantLimits(weight=3)}) as queue:
        await queue.enqueue(*[make.task(tenant) for tenant in ("heavy", "light") for _ in range(40)])
        assert Counter(t.tenant for t in await queue.lease(12)) == {"heavy": 9, "light": 3}
        singly = [await queue.lease_one() for _ in range(20)]
        assert Counter(task.tenant for task in singly) == {"heavy": 15, "light": 5}


async def test_one_batch_makes_up_for_what_others_already_run(queue, make):
    """More than twice the even share goes to the tenant that has nothing running."""
    await queue.enqueue(*[make.task(f"busy{i}") for i in range(9) for _ in range(9)])
    assert len(await queue.lease(63)) == 63
    await queue.enqueue(*[make.task("idle") for _ in range(20)])
    assert Counter(t.tenant for t in await queue.lease(7)) == {"idle": 7}


@pytest.mark.parametrize(
    "limits", [{"other_tenants": TenantLimits(max_running=2)}, {"tenants": {"t1": TenantLimits(max_running=2)}}]
)
async def test_a_tenant_runs_no_more_than_its_limit_over_all_lanes(start_queue, make, limits):
    async with start_queue(**limits) as queue:
        await queue.enqueue(*[make.task("t1", lane=lane) for lane in ("interactive", "batch") for _ in range(5)])
        held = await queue.lease(1)
        held += await queue.lease(10)
        assert len(held) == 2
        assert await queue.lease(10) == []
        await queue.complete(held[0])
        assert len(await queue.lease(10)) == 1


async def test_limits_that_are_no_longer_set_are_gone(start_queue, make):
    async with start_queue(
        tenants={"t1": TenantLimits(max_running=1)}, lanes={"interactive": LaneLimits(urgency=0, max_running=1)}
    ):
        pass
    async with start_queue() as queue:
        await queue.enqueue(*[make.task("t1") for _ in range(5)])
        assert len(await queue.lease(5)) == 5


async def test_what_limited_tenants_have_queued_is_told(start_queue, make):
    later = iso(now() + timedelta(hours=1))
    few = {"big": TenantLimits(max_queued=100), "free": TenantLimits()}
    async with start_queue(tenants=few, other_tenants=TenantLimits(max_queued=4)) as queue:
        tasks = [make.task("full", lane=lane) for lane in ("interactive", "batch")]
        tasks += [make.task("full", run_at=later), make.task("half", run_at=later), make.task("half")]
        tasks += [make.task("little"), *[make.task(name) for name in ("big", "free") for _ in range(9)]]
        await queue.enqueue(*tasks)
        assert await _loads(queue) == {"full": (3, 4), "half": (2, 4), "little": (1, 4), "big": (9, 100)}
        answer = LoadsAnswer.model_validate_json((await queue.call("api", "GET", "/loads")).content)
        assert answer.limits == {"": 4, "big": 100, "free": None}
        await queue.enqueue(*[make.task("full") for _ in range(7)])  # it was accepted, so it is queued
        assert (await _loads(queue))["full"][0] >= 4
        assert len(await queue.lease(100)) == len(tasks) + 7 - 2
        assert await _loads(queue) == {"full": (1, 4), "half": (1, 4)}  # what is delayed


async def test_nothing_is_counted_where_nothing_is_limited(queue, make):
    await queue.enqueue(make.task())
    assert await _loads(queue) == {}


async def _loads(queue):
    answer = LoadsAnswer.model_validate_json((await queue.call("api", "GET", "/loads")).content)
    return {load.tenant: (load.queued, load.max_queued) for load in answer.tenants}


async def test_replicas_that_lease_at_once_give_every_tenant_the_same(start_queue, make, owner):
    async with start_queue() as one, start_queue() as other:
        await one.enqueue(*[make.task(f"t{i % 4}") for i in range(80)])
        await asyncio.gather(*[q.lease(1, worker=f"w{n}") for n in range(14) for q in (one, other)])
        rows = await owner.fetch("SELECT tenant, count(*) FROM queue.task WHERE lease_id IS NOT NULL GROUP BY tenant")
        assert dict(rows) == {f"t{i}": 7 for i in range(4)}
