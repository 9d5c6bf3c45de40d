"""Why a task waits, where it stands, and whether that is how it then goes."""

from datetime import timedelta

import httpx
import pytest

from cloche.kit.clock import iso, now
from cloche.queue.limits import LaneLimits, TenantLimits


async def view(queue, task):
    """As the tenant sees it; ``default`` is the tenant of calls without a key."""
    transport = httpx.ASGITransport(queue.service.public, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        return (await http.get(f"/queue/v1/tasks/{task.evaluation_id}")).json()


async def test_a_delayed_task_says_when_and_stands_in_no_line(queue, make):
    task = make.task("default", run_at=iso(now() + timedelta(minutes=10)))
    await queue.enqueue(task)
    await queue.lease()
    seen = await view(queue, task)
    assert seen["waiting_for"] in {"its time, in 599 s", "its time, in 600 s"}
    assert (seen["position"], seen["lane_position"]) == (None, None)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"other_tenants": TenantLimits(max_running=1)}, "a running task of this tenant to end (at most 1 at once)"),
        (
            {"lanes": {"interactive": LaneLimits(urgency=0, max_running=1)}},
            "a running task of lane interactive to end (at most 1 at once)",
        ),
        (
            {"lanes": {"interactive": LaneLimits(urgency=0, rate_per_s=0.5)}},
            "the rate of lane interactive, 0.5 a second",
        ),
    ],
)
async def test_a_limit_that_holds_a_task_back_is_named(start_queue, make, limits, words):
    async with start_queue(**limits) as queue:
        tasks = [make.task("default") for _ in range(2)]
        await queue.enqueue(*tasks)
        leased = await queue.lease_one()
        (waiting,) = [t for t in tasks if t.evaluation_id != leased.evaluation_id]
        assert (await view(queue, waiting))["waiting_for"] == words


async def test_the_place_in_the_lane_is_how_many_are_leased_before_it_and_one(start_queue, make):
    """Others of an equal turn go first or last by chance, so the place may be off by their number."""
    async with start_queue(tenants={"heavy": TenantLimits(weight=3)}) as queue:
        await queue.enqueue(*[make.task("heavy") for _ in range(30)], *[make.task("few") for _ in range(2)])
        mine = [make.task("default") for _ in range(5)]
        await queue.enqueue(*mine)
        last = sorted(mine, key=lambda t: t.evaluation_id)[4]
        seen = await view(queue, last)
        assert seen["position"] == 5
        order = [(await queue.lease_one()).evaluation_id for _ in range(37)]
        assert abs(order.index(last.evaluation_id) + 1 - seen["lane_position"]) <= 1


async def test_the_place_among_the_tenants_own_counts_all_runtimes_isolations_and_priorities(queue, make):
    waiting = [
        make.task("default", runtime=runtime, isolation=isolation, priority=priority)
        for priority in (0, 5)
        for runtime in ("python", "cobol")
        for isolation in ("namespace", "gvisor")
        for _ in range(2)
    ]
    await queue.enqueue(*waiting, make.task("other"), make.task("default", lane="batch"))
    in_line = sorted(waiting, key=lambda task: (-task.priority, task.evaluation_id))
    assert [(await view(queue, task))["position"] for task in in_line] == list(range(1, 17))
