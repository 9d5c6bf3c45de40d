"""Whatever one tenant has queued, another's next task gets one of the next free slots. No time passes here."""

import random

import pytest

SLOTS = 8


class ModelWorker:
    """Eight slots. Its tasks end when the test says so, and free slots are leased for at once."""

    def __init__(self, queue):
        self.queue = queue
        self.running = []

    async def fill(self):
        """Lease for what is free; the tenants of what came."""
        leased = await self.queue.lease(SLOTS - len(self.running))
        self.running += leased
        return [task.tenant for task in leased]

    async def end(self, count, chance):
        """End ``count`` of the running tasks, whichever chance picks."""
        for task in chance.sample(self.running, count):
            self.running.remove(task)
            await self.queue.complete(task)


@pytest.mark.parametrize("ending_at_once", [1, 3, SLOTS])
async def test_single_runs_of_one_tenant_wait_for_no_more_than_one_round_of_another_that_queued_10_000(
    queue, make, ending_at_once
):
    chance = random.Random(ending_at_once)
    await queue.enqueue(*[make.task("a", priority=9) for _ in range(10_000)])
    worker = ModelWorker(queue)
    assert await worker.fill() == ["a"] * SLOTS
    for _ in range(10):
        for _ in range(chance.randrange(3)):
            await worker.end(ending_at_once, chance)
            assert await worker.fill() == ["a"] * ending_at_once
        await queue.enqueue(make.task("b"))
        await worker.end(ending_at_once, chance)
        assert (await worker.fill()).count("b") == 1
        while any(task.tenant == "b" for task in worker.running):
            await worker.end(1, chance)
            assert await worker.fill() == ["a"]
