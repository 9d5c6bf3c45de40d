"""A Queue Service that does what the test says, over the real wire."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from aiohttp import web

from cloche.contracts.limits import CompileLimits, Limits
from cloche.contracts.submission import File, Program
from cloche.contracts.tasks import LeasedTask
from cloche.contracts.words import EvaluationId, LeaseId
from cloche.kit.clock import iso_now
from cloche.kit.errors import ClocheError

TOKEN = "token-of-queue-0123456789"


def task(source: str, evaluation: int = 1, lease: int = 1, runtime: str = "python") -> LeasedTask:
    program = Program(
        runtime=runtime,
        files=[File(path="main.py", content=source)],
        entrypoint="main.py",
        limits=Limits(),
        compile_limits=CompileLimits(),
    )
    at = iso_now()
    return LeasedTask(
        evaluation_id=EvaluationId(UUID(int=evaluation)),
        lease_id=LeaseId(UUID(int=lease)),
        attempt=1,
        tenant="t",
        queued_at=at,
        leased_at=at,
        program=program,
    )


async def _take(_: dict[str, Any]) -> None:
    """Take every report."""


async def _commit_none(_: list[dict[str, Any]]) -> list[str]:
    return []


class ScriptedQueue:
    """Hands out what is put into ``tasks``; what the worker says comes out of ``reports`` and ``heartbeats``.

    ``on_complete`` may wait or raise a ``ClocheError``; ``cancelled`` are the ids that each heartbeat is told of.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tasks: asyncio.Queue[LeasedTask] = asyncio.Queue()
        self.reports: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue()
        self.heartbeats: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.on_complete: Callable[[dict[str, Any]], Awaitable[None]] = _take
        #: The ids of each group of records, and what is answered to it.
        self.groups: asyncio.Queue[list[str]] = asyncio.Queue()
        self.on_group: Callable[[list[dict[str, Any]]], Awaitable[list[str]]] = _commit_none
        self.cancelled: list[str] = []
        #: What the worker gave back when it left.
        self.deaf_to_goodbyes = 0
        self.goodbyes: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        #: Set once the worker says of an executor that nothing can be run there.
        self.told_unhealthy = asyncio.Event()

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        app = web.Application(client_max_size=1 << 26)
        for name in ("lease", "heartbeat", "complete", "fail", "goodbye"):
            app.router.add_post(f"/queue/internal/v1/{name}", getattr(self, f"_{name}"))
        app.router.add_post("/queue/internal/v1/complete:batch", self._complete_group)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.UnixSite(runner, str(self.path)).start()
        try:
            yield
        finally:
            await runner.cleanup()

    async def _lease(self, request: web.Request) -> web.Response:
        body = await request.json()
        if any(not executor["healthy"] for executor in body["executors"]):
            self.told_unhealthy.set()
        if body["slots"] == 0:
            return web.json_response({"tasks": []})
        try:
            async with asyncio.timeout(body["wait_s"] or 0.01):
                given = await self.tasks.get()
        except TimeoutError:
            return web.json_response({"tasks": []})
        return web.Response(text=f'{{"tasks": [{given.model_dump_json()}]}}', content_type="application/json")

    async def _heartbeat(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.heartbeats.put_nowait(body)
        ids = [lease["evaluation_id"] for lease in body["leases"]]
        told = [one for one in ids if one in self.cancelled]
        return web.json_response({"extended": ids, "cancelled": told, "lost": []})

    async def _complete(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.reports.put_nowait(("complete", body))
        try:
            await self.on_complete(body)
        except ClocheError as error:
            problem = error.problem().model_dump_json()
            return web.Response(text=problem, status=error.status, content_type="application/problem+json")
        return web.json_response({"state": "done"})

    async def _complete_group(self, request: web.Request) -> web.Response:
        """Commit what the test says; each other record is then sent alone."""
        records = (await request.json())["completions"]
        self.groups.put_nowait([one["evaluation_id"] for one in records])
        done = await self.on_group(records)
        for one in records:
            if one["evaluation_id"] in done:
                self.reports.put_nowait(("complete", one))
        return web.json_response({"done": done})

    async def _fail(self, request: web.Request) -> web.Response:
        self.reports.put_nowait(("fail", await request.json()))
        return web.json_response({"state": "retrying"})

    async def _goodbye(self, request: web.Request) -> web.Response:
        if self.deaf_to_goodbyes > 0:
            self.deaf_to_goodbyes -= 1
            return web.Response(status=503)
        self.goodbyes.put_nowait(await request.json())
        return web.Response(status=204)
