"""A worker with two executors of different abilities: what waits for one holds up neither the other nor itself."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from cloche.contracts.tasks import LeasedTask
from cloche.kit.bus import Bus
from cloche.kit.http_client import ServiceClient
from cloche.stack.valkey_server import ValkeyServer
from cloche.worker import fleet as fleet_module
from cloche.worker.fleet import Fleet
from cloche.worker.metrics import Metrics
from cloche.worker.settings import ExecutorAddress, WorkerSettings
from cloche.worker.worker import Worker

from .scripted_executor import TOKEN as EXECUTOR_TOKEN
from .scripted_executor import Run, ScriptedExecutor, finished, started
from .scripted_queue import TOKEN, ScriptedQueue, task

PREFETCH = 2


class SortingQueue(ScriptedQueue):
    """Gives each call what waits of the runtimes that it offers, as many as it asks for, the oldest first."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.waiting: list[LeasedTask] = []

    async def _lease(self, request: web.Request) -> web.Response:
        body = await request.json()
        offered = {runtime["name"] for offer in body["executors"] for runtime in offer["runtimes"]}
        given = [one for one in self.waiting if one.program.runtime in offered][: body["slots"]]
        self.waiting = [one for one in self.waiting if one not in given]
        if not given:
            await asyncio.sleep(min(0.05, body["wait_s"]))
        return web.Response(
            text=f'{{"tasks": [{", ".join(one.model_dump_json() for one in given)}]}}', content_type="application/json"
        )


class Two:
    """Python on four slots, java on one, and the worker that has both."""

    def __init__(self, folder: Path) -> None:
        self.python, self.java = ScriptedExecutor(folder / "python.sock"), ScriptedExecutor(folder / "java.sock")
        self.java.slots, self.java.runtime = 1, "java"
        self.queue = SortingQueue(folder / "q.sock")
        self.java_serving = contextlib.AsyncExitStack()
        self.java_ends = asyncio.Event()

        async def at_once(run: Run) -> None:
            await run.say(started(), finished())

        async def long(run: Run) -> None:
            await run.say(started())
            await self.java_ends.wait()

        self.python.script["python"] = at_once
        self.java.script["java"] = long

    def submit(self, runtime: str, *numbers: int) -> None:
        self.queue.waiting += [task(runtime, number, number, runtime) for number in numbers]

    async def report(self) -> tuple[str, dict[str, Any]]:
        async with asyncio.timeout(20):
            return await self.queue.reports.get()


@pytest_asyncio.fixture
async def two(tmp_path: Path, valkey: ValkeyServer) -> AsyncIterator[Two]:
    both, stop = Two(tmp_path), asyncio.Event()
    settings = WorkerSettings.model_validate(
        {
            "queue": f"unix:{both.queue.path}",
            "queue_token": TOKEN,
            "redis_url": valkey.url("worker"),
            "executors": [
                ExecutorAddress(name=x.runtime, address=f"unix:{x.path}", token=SecretStr(EXECUTOR_TOKEN))
                for x in (both.python, both.java)
            ],
            "heartbeat_s": 0.1,
            "drain_s": 0,
            "prefetch": PREFETCH,
        }
    )
    bus, fleet = Bus.connect(valkey.url("worker")), Fleet(settings.executors)
    async with both.queue.serving(), both.python.serving(), both.java_serving:
        await both.java_serving.enter_async_context(both.java.serving())
        async with ServiceClient(settings.queue, TOKEN) as client:
            worker = Worker(settings, client, fleet, bus, Metrics(CollectorRegistry()))
            working = asyncio.create_task(worker.run(stop))
            await asyncio.gather(both.python.offered.wait(), both.java.offered.wait())
            try:
                yield both
            finally:
                both.java_ends.set()
                stop.set()
                await working
                await fleet.close()
                await bus.close()


async def test_an_executor_works_while_many_wait_for_the_other(two: Two) -> None:
    two.submit("java", *range(1, 21))
    async with asyncio.timeout(10):
        await two.java.asked_to_run.get()
    two.submit("python", 50)
    kind, report = await two.report()
    assert (kind, report["evaluation_id"][-2:]) == ("complete", "32")
    held = 20 - len(two.queue.waiting)
    assert 1 <= held <= two.java.slots + PREFETCH


async def test_what_waits_for_an_executor_that_is_gone_is_given_back(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet_module, "GONE_S", 1.0)
    two.submit("java", *range(1, 4))
    async with asyncio.timeout(10):
        await two.java.asked_to_run.get()
        while two.queue.waiting:  # noqa: ASYNC110  (the worker fetches ahead)
            await asyncio.sleep(0.05)
    await two.java_serving.aclose()
    reports = [await two.report() for _ in range(3)]
    unstarted = [body for kind, body in reports if kind == "fail" and not body["started"]]
    assert [body["reason"] for body in unstarted] == ["executor_unavailable"] * PREFETCH
