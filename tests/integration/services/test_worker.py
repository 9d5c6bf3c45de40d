"""The worker between a scripted Queue Service and a scripted executor, both over the real wire."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from cloche.kit.bus import Bus
from cloche.kit.errors import InvalidRequestError, LeaseLostError
from cloche.kit.http_client import ServiceClient
from cloche.stack.valkey_server import ValkeyServer
from cloche.worker.fleet import Fleet
from cloche.worker.held import Held
from cloche.worker.metrics import Metrics
from cloche.worker.reporter import Reporter
from cloche.worker.settings import ExecutorAddress, WorkerSettings
from cloche.worker.worker import Worker

from .scripted_executor import TOKEN as EXECUTOR_TOKEN
from .scripted_executor import Run, ScriptedExecutor, finished, output, started
from .scripted_queue import TOKEN, ScriptedQueue, task


@pytest_asyncio.fixture
async def executor(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[ScriptedExecutor]:
    """Of four slots, or as many as the test says."""
    scripted = ScriptedExecutor(tmp_path / "x.sock")
    scripted.slots = getattr(request, "param", scripted.slots)
    async with scripted.serving():
        yield scripted


def slots(count: int) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("executor", [count], indirect=True)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def stop() -> asyncio.Event:
    """Set it, and the worker drains; it waits for no run."""
    return asyncio.Event()


@pytest_asyncio.fixture
async def queue(
    tmp_path: Path, executor: ScriptedExecutor, valkey: ValkeyServer, registry: CollectorRegistry, stop: asyncio.Event
) -> AsyncIterator[ScriptedQueue]:
    """A queue that a running worker leases from."""
    scripted = ScriptedQueue(tmp_path / "q.sock")
    address = ExecutorAddress(name="scripted", address=f"unix:{executor.path}", token=SecretStr(EXECUTOR_TOKEN))
    settings = WorkerSettings.model_validate(
        {
            "queue": f"unix:{scripted.path}",
            "queue_token": TOKEN,
            "redis_url": valkey.url("worker"),
            "executors": [address],
            "heartbeat_s": 0.05,
            "drain_s": 0,
        }
    )
    bus = Bus.connect(valkey.url("worker"))
    fleet = Fleet(settings.executors)
    async with scripted.serving(), ServiceClient(settings.queue, TOKEN) as client:
        worker = Worker(settings, client, fleet, bus, Metrics(registry))
        working = asyncio.create_task(worker.run(stop))
        try:
            yield scripted
        finally:
            stop.set()
            await working
            await fleet.close()
            await bus.close()


async def next_report(queue: ScriptedQueue) -> tuple[str, dict[str, Any]]:
    async with asyncio.timeout(10):
        return await queue.reports.get()


async def leases_of_heartbeat(queue: ScriptedQueue) -> list[str]:
    async with asyncio.timeout(3):
        return [lease["lease_id"] for lease in (await queue.heartbeats.get())["leases"]]


async def heartbeats(queue: ScriptedQueue, count: int) -> None:
    """Until so many came from now on."""
    while not queue.heartbeats.empty():
        queue.heartbeats.get_nowait()
    for _ in range(count):
        await leases_of_heartbeat(queue)


def charged(registry: CollectorRegistry) -> float | None:
    return registry.get_sample_value("cloche_worker_executor_misbehaved_total", {"executor": "scripted"})


async def test_record_that_the_queue_refuses_is_reported_as_failed_and_charged(
    queue: ScriptedQueue, executor: ScriptedExecutor, registry: CollectorRegistry
):
    async def refuse(_: dict[str, Any]) -> None:
        raise InvalidRequestError("no")

    async def run(run: Run) -> None:
        await run.say(started(), finished())

    queue.on_complete, executor.script["p"] = refuse, run
    queue.tasks.put_nowait(task("p"))
    assert (await next_report(queue))[0] == "complete"
    kind, report = await next_report(queue)
    assert (kind, report["reason"], report["started"]) == ("fail", "executor_misbehaved", True)
    assert report["executor"] == "scripted"
    assert charged(registry) == 1


async def test_executor_that_does_not_answer_a_kill_holds_up_no_heartbeat(
    queue: ScriptedQueue, executor: ScriptedExecutor
):
    asked, forever = asyncio.Event(), asyncio.Event()

    async def silent(run: Run) -> None:
        await run.say(started())
        await forever.wait()

    async def ignore(_: Run) -> None:
        asked.set()
        await forever.wait()

    executor.script["p"], executor.on_kill = silent, ignore
    one = task("p")
    queue.cancelled = [str(one.evaluation_id)]
    queue.tasks.put_nowait(one)
    async with asyncio.timeout(10):
        await asked.wait()
    for _ in range(3):
        assert await leases_of_heartbeat(queue) == [str(one.lease_id)]
    forever.set()


@slots(70)
async def test_runs_without_number_keep_no_short_call_waiting(queue: ScriptedQueue, executor: ScriptedExecutor):
    end = asyncio.Event()

    async def block(run: Run) -> None:
        await run.say(started())
        await end.wait()
        await run.say(finished())

    executor.script["p"] = block
    tasks = [task("p", evaluation=n, lease=n) for n in range(1, executor.slots + 1)]
    for one in tasks:
        queue.tasks.put_nowait(one)
    async with asyncio.timeout(20):
        while len(executor.runs) < len(tasks):
            await executor.asked_to_run.get()
        while not executor.extended.empty():
            executor.extended.get_nowait()
        assert len(await executor.extended.get()) == len(tasks)
    end.set()


async def drip(run: Run) -> None:
    """A line that goes on and on, never silent."""
    await run.say(started())
    with contextlib.suppress(ConnectionError):
        while True:
            await run.say(b" ")
            await asyncio.sleep(0.01)


async def test_run_longer_than_its_limits_allow_is_charged_whatever_comes(
    queue: ScriptedQueue,
    executor: ScriptedExecutor,
    registry: CollectorRegistry,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("cloche.worker.attempt.most_seconds", lambda _: 0.3)
    executor.script["p"] = drip
    queue.tasks.put_nowait(task("p"))
    kind, report = await next_report(queue)
    assert (kind, report["reason"], report["started"]) == ("fail", "executor_misbehaved", True)
    assert charged(registry) == 1


async def test_executor_that_ignores_a_cancel_is_left(
    queue: ScriptedQueue, executor: ScriptedExecutor, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("cloche.worker.attempt._KILLED_S", 0.1)
    executor.script["p"] = drip
    one = task("p")
    queue.cancelled = [str(one.evaluation_id)]
    queue.tasks.put_nowait(one)
    kind, report = await next_report(queue)
    assert (kind, report["record"]["verdict"]) == ("complete", "cancelled")


async def test_more_after_the_last_line_is_charged_and_closes_the_stream(
    queue: ScriptedQueue, executor: ScriptedExecutor, registry: CollectorRegistry
):
    closed = asyncio.Event()

    async def go_on(run: Run) -> None:
        await run.say(started(), finished())
        try:
            while True:
                await run.say(b" ")
                await asyncio.sleep(0.01)
        finally:
            closed.set()

    executor.script["p"] = go_on
    queue.tasks.put_nowait(task("p"))
    assert (await next_report(queue))[0] == "complete"
    async with asyncio.timeout(10):
        await closed.wait()
    assert charged(registry) == 1


@slots(1)
async def test_executor_that_says_more_each_time_is_taken_out(
    queue: ScriptedQueue, executor: ScriptedExecutor, registry: CollectorRegistry
):
    async def more(run: Run) -> None:
        await run.say(started(), finished(), b" ")

    executor.script["p"] = more
    for n in range(1, 9):
        queue.tasks.put_nowait(task("p", evaluation=n, lease=n))
    async with asyncio.timeout(20):
        await queue.told_unhealthy.wait()
    assert (charged(registry) or 0) >= 3


@slots(1)
async def test_slot_is_used_again_when_the_stream_has_ended(queue: ScriptedQueue, executor: ScriptedExecutor):
    clear = asyncio.Event()

    async def late(run: Run) -> None:
        await run.say(started(), finished())
        await clear.wait()

    executor.script["p"] = late
    for n in (1, 2):
        queue.tasks.put_nowait(task("p", evaluation=n, lease=n))
    assert (await next_report(queue))[0] == "complete"
    await heartbeats(queue, 3)
    assert len(executor.runs) == 1
    clear.set()
    assert (await next_report(queue))[0] == "complete"


@slots(1)
async def test_executor_that_does_not_clear_up_is_not_waited_for_without_end(
    queue: ScriptedQueue, executor: ScriptedExecutor, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("cloche.worker.attempt._CLEAR_UP_S", 0.1)
    forever = asyncio.Event()

    async def never(run: Run) -> None:
        await run.say(started(), finished())
        await forever.wait()

    executor.script["p"] = never
    for n in (1, 2):
        queue.tasks.put_nowait(task("p", evaluation=n, lease=n))
    for _ in range(2):
        assert (await next_report(queue))[0] == "complete"
    forever.set()


def failed(reason: str) -> dict[str, Any]:
    return {"type": "failed", "reason": reason, "started": False, "message": ""}


@slots(1)
@pytest.mark.parametrize(
    ("lines", "reason"),
    [((started(),), "executor_lost"), ((finished(),), "executor_misbehaved"), ((failed("overloaded"),), "overloaded")],
    ids=["lost", "misbehaving", "refused"],
)
async def test_slot_of_a_run_whose_end_nobody_saw_waits_for_the_executors_word(
    queue: ScriptedQueue, executor: ScriptedExecutor, lines: tuple[dict[str, Any], ...], reason: str
):
    async def end(run: Run) -> None:
        await run.say(*lines)

    executor.script["p"], executor.busy = end, 1
    for n in (1, 2):
        queue.tasks.put_nowait(task("p", evaluation=n, lease=n))
    assert (await next_report(queue))[1]["reason"] == reason
    async with asyncio.timeout(10):
        for _ in range(2):
            executor.offered.clear()
            await executor.offered.wait()
    assert len(executor.runs) == 1
    executor.busy = 0
    assert (await next_report(queue))[1]["reason"] == reason


@slots(1)
async def test_refusals_and_lost_cells_wipe_no_faults(queue: ScriptedQueue, executor: ScriptedExecutor):
    bad = finished()
    script = iter([bad, failed("cell_lost"), bad, failed("overloaded"), bad])

    async def next_of_script(run: Run) -> None:
        await run.say(next(script))

    executor.script["p"] = next_of_script
    for n in range(1, 6):
        queue.tasks.put_nowait(task("p", evaluation=n, lease=n))
        await next_report(queue)
    async with asyncio.timeout(10):
        await queue.told_unhealthy.wait()


async def test_second_lease_outlives_the_end_of_the_first(queue: ScriptedQueue, executor: ScriptedExecutor):
    second_runs, end, told = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def first_only(body: dict[str, Any]) -> None:
        if body["lease_id"] == str(first.lease_id):
            await second_runs.wait()
            told.set()
            raise LeaseLostError

    async def quick(run: Run) -> None:
        await run.say(started(), finished())

    async def long(run: Run) -> None:
        await run.say(started())
        second_runs.set()
        await end.wait()
        await run.say(finished())

    executor.script.update(quick=quick, long=long)
    queue.on_complete = first_only
    first, second = task("quick", lease=1), task("long", lease=2)
    queue.tasks.put_nowait(first)
    await next_report(queue)
    queue.tasks.put_nowait(second)
    async with asyncio.timeout(10):
        await told.wait()
    while not queue.heartbeats.empty():
        queue.heartbeats.get_nowait()
    for _ in range(3):
        assert await leases_of_heartbeat(queue) == [str(second.lease_id)]
    end.set()
    assert (await next_report(queue))[1]["lease_id"] == str(second.lease_id)


async def test_cancelled_run_whose_executor_is_lost_is_said_to_have_run(
    queue: ScriptedQueue, executor: ScriptedExecutor
):
    async def lose(run: Run) -> None:
        await run.say(started(), output(b"so far", 0))
        await run.killed.wait()

    executor.script["p"] = lose
    one = task("p")
    queue.cancelled = [str(one.evaluation_id)]
    queue.tasks.put_nowait(one)
    kind, report = await next_report(queue)
    record = report["record"]
    assert (kind, record["verdict"], record["message"]) == ("complete", "cancelled", "Cancelled while it ran.")
    assert (record["executor"], record["started_at"]) == ("scripted", started()["at"])


async def test_task_cancelled_without_a_slot_is_said_not_to_have_run(queue: ScriptedQueue, executor: ScriptedExecutor):
    forever = asyncio.Event()

    async def block(run: Run) -> None:
        await run.say(started())
        await forever.wait()

    executor.script["p"] = block
    tasks = [task("p", evaluation=n, lease=n) for n in range(1, executor.slots + 2)]
    for one in tasks:
        queue.tasks.put_nowait(one)
    queue.cancelled = [str(tasks[-1].evaluation_id)]
    _, report = await next_report(queue)
    assert report["evaluation_id"] == str(tasks[-1].evaluation_id)
    assert (report["record"]["message"], report["record"]["executor"]) == ("Cancelled before it ran.", None)
    forever.set()


@slots(2)
async def test_worker_that_leaves_gives_back_every_lease_and_says_which_programs_had_begun(
    queue: ScriptedQueue, executor: ScriptedExecutor, stop: asyncio.Event
):
    begun, reached, forever = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def block(run: Run) -> None:
        await run.say(started(), output(b"so far", 0))
        begun.set()
        await forever.wait()

    async def begin_never(_: Run) -> None:
        reached.set()
        await forever.wait()

    executor.script.update(block=block, begin_never=begin_never)
    running, unbegun, waiting = task("block", 1, 1), task("begin_never", 2, 2), task("block", 3, 3)
    for one in (running, unbegun, waiting):
        queue.tasks.put_nowait(one)
    async with asyncio.timeout(10):
        await begun.wait()
        await reached.wait()
        while str(waiting.lease_id) not in await leases_of_heartbeat(queue):
            pass
        await heartbeats(queue, 3)
        queue.deaf_to_goodbyes = 2
        stop.set()
        goodbye = await queue.goodbyes.get()
        assert [key["lease_id"] for key in goodbye["unstarted"]] == [str(waiting.lease_id)]
        reports = dict([await _failed(queue), await _failed(queue)])
    assert reports == {str(running.lease_id): True, str(unbegun.lease_id): False}
    forever.set()


async def _failed(queue: ScriptedQueue) -> tuple[str, bool]:
    """The lease of the next failure, and whether its program had begun."""
    kind, report = await next_report(queue)
    assert (kind, report["reason"]) == ("fail", "worker_stopping")
    return report["lease_id"], report["started"]


async def test_records_that_are_decided_together_go_together_and_one_refused_is_sent_alone(tmp_path: Path):
    async def all_but_the_last(records: list[dict[str, Any]]) -> list[str]:
        return [one["evaluation_id"] for one in records[:-1]]

    async def refuse(_: dict[str, Any]) -> None:
        raise InvalidRequestError("of another attempt")

    queue = ScriptedQueue(tmp_path / "q.sock")
    queue.on_group, queue.on_complete = all_but_the_last, refuse
    async with queue.serving(), ServiceClient(f"unix:{queue.path}", TOKEN) as client:
        reporter = Reporter(client, Metrics(CollectorRegistry()))
        given = [Held(task("p", evaluation=n, lease=n), "scripted").as_cancelled() for n in range(1, 9)]
        taken = await asyncio.gather(*(reporter.report(one) for one in given))
    assert [len(queue.groups.get_nowait()) for _ in range(queue.groups.qsize())] == [8]
    assert taken == [True] * 7 + [False]
    assert queue.reports.qsize() == 8
