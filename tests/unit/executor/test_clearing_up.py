"""The terminal line comes before a cell is cleared away; its slot is free afterwards."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

from cloche.contracts.execution import STREAM_LINE, ExecutionRequest, FailedLine
from cloche.contracts.words import LeaseId
from cloche.executor.engines.engine import SlotStuckError
from cloche.executor.execution import Execution, Ready
from cloche.executor.metrics import ExecutorMetrics
from cloche.executor.outbox import Outbox
from cloche.executor.service import ExecutionStream, ExecutorService, RefusedStream

from .gated_slot import PROGRAM, TIER, GatedEngine, GatedSlot, ready_python, service_of


def opened(service: ExecutorService, number: int = 1) -> ExecutionStream | RefusedStream:
    return service.open(ExecutionRequest(execution_id=LeaseId(UUID(int=number)), program=PROGRAM))


async def reason(lines: AsyncIterator[bytes]) -> str:
    async with asyncio.timeout(10):
        line = STREAM_LINE.validate_json(await anext(lines))
    assert isinstance(line, FailedLine)
    return line.reason


async def refusal(service: ExecutorService) -> str:
    stream = opened(service, 2)
    assert isinstance(stream, RefusedStream)
    return await reason(stream.lines())


async def end_of(lines: AsyncIterator[bytes]) -> None:
    async with asyncio.timeout(10):
        assert await anext(lines, None) is None


async def is_waiting(task: asyncio.Task[None]) -> bool:
    """Whether it goes on once everything that can has been done."""
    for _ in range(20):
        await asyncio.sleep(0)
    return not task.done()


async def test_how_it_ended_is_known_before_the_cell_is_gone():
    slot, outbox = GatedSlot(), Outbox()
    execution = Execution("cell", PROGRAM, Ready(ready_python()), GatedEngine(slot), TIER, outbox)
    running = asyncio.create_task(execution.run(5))
    async with asyncio.timeout(10):
        assert [piece async for piece in outbox.lines()] == []
        await slot.destroying.wait()
    assert execution.line is not None
    assert not running.done()
    slot.clear.set()
    assert await running == execution.line


async def test_slot_is_not_used_again_before_the_streams_end():
    slot = GatedSlot()
    service = service_of(slot, ExecutorMetrics())
    stream = opened(service)
    lines = stream.lines()
    assert await reason(lines) == "engine_error"
    assert not slot.destroyed
    assert (service.offer().busy, await refusal(service)) == (1, "overloaded")
    ending = asyncio.create_task(end_of(lines))
    assert await is_waiting(ending)
    assert service.offer().busy == 1
    slot.clear.set()
    await ending
    assert (slot.destroyed, service.offer().busy) == (True, 0)
    following = opened(service, 2)
    assert isinstance(following, ExecutionStream)
    await following.close()
    await stream.close()
    assert service.offer().busy == 0


async def test_close_while_it_clears_up_lets_it_finish():
    slot = GatedSlot()
    service = service_of(slot, ExecutorMetrics())
    stream = opened(service)
    await reason(stream.lines())
    await slot.destroying.wait()
    closing = asyncio.create_task(stream.close())
    assert await is_waiting(closing)
    assert service.offer().busy == 1
    slot.clear.set()
    await closing
    assert (slot.destroyed, service.offer().busy) == (True, 0)


async def test_close_of_a_run_ends_it_and_waits_until_its_cell_is_gone():
    slot = GatedSlot(lives=True)
    service = service_of(slot, ExecutorMetrics())
    stream = opened(service)
    # Not before it has begun: a task that is cancelled then never makes a cell.
    assert await anext_is_waiting(stream)
    closing = asyncio.create_task(stream.close())
    async with asyncio.timeout(10):
        await slot.destroying.wait()
    assert await is_waiting(closing)
    assert service.offer().busy == 1
    slot.clear.set()
    await closing
    assert (slot.destroyed, service.offer().busy) == (True, 0)


async def anext_is_waiting(stream: ExecutionStream | RefusedStream) -> bool:
    reading = asyncio.create_task(end_of(stream.lines()))
    waiting = await is_waiting(reading)
    reading.cancel()
    return waiting


async def test_slot_whose_cell_stays_is_set_aside_until_it_is_gone():
    gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    stuck = SlotStuckError("it stays")
    stuck.gone = gone
    slot, metrics = GatedSlot(stuck=stuck), ExecutorMetrics()
    service = service_of(slot, metrics)
    lines = opened(service).lines()
    assert await reason(lines) == "engine_error"
    assert (service.offer().slots, service.offer().busy) == (1, 1)
    slot.clear.set()
    await end_of(lines)
    offer = service.offer()
    assert (offer.slots, offer.busy, offer.healthy) == (0, 0, False)
    assert metrics.registry.get_sample_value("cloche_executor_lost_slots") == 1
    assert await refusal(service) == "overloaded"
    gone.set_result(None)
    async with asyncio.timeout(5):
        while not service.offer().slots:  # noqa: ASYNC110  (it tells nobody)
            await asyncio.sleep(0)
    assert (service.offer().slots, service.offer().healthy) == (1, True)
    assert metrics.registry.get_sample_value("cloche_executor_lost_slots") == 0
