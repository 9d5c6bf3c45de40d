"""An executor that does what the program's source says, legal or not, over the real wire."""

import asyncio
import base64
import contextlib
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

AT = "2026-01-01T00:00:00.000000Z"
TOKEN = "token-of-executor-0123456789"
TIERS: list[dict[str, Any]] = [
    {
        "isolation": "process",
        "healthy": False,
        "features": ["seccomp", "memory:sampled"],
        "lacking": ["The kernel has no Landlock."],
        "held": 3,
        "broken": [{"name": "kill_everything", "message": "It ended a process outside."}],
        "tested_at": AT,
    },
    {
        "isolation": "namespace",
        "healthy": True,
        "features": ["seccomp", "landlock:7", "memory:cgroup2"],
        "lacking": [],
        "held": 4,
        "broken": [],
        "tested_at": AT,
    },
]


def started(**changes: Any) -> dict[str, Any]:
    return {
        "type": "started",
        "runtime": "python@3.11",
        "engine": "local",
        "isolation": "namespace",
        "at": AT,
        **changes,
    }


def output(data: bytes, offset: int, stream: str = "stdout") -> dict[str, Any]:
    return {"type": "output", "stream": stream, "offset": offset, "data": base64.b64encode(data).decode(), "at": AT}


def summary(data: bytes, *, inline: bool = True) -> dict[str, Any]:
    encoded = base64.b64encode(data).decode() if inline else None
    return {"bytes": len(data), "kept": len(data), "sha256": hashlib.sha256(data).hexdigest(), "data": encoded}


def finished(stdout: bytes = b"", *, inline: bool = True, **changes: Any) -> dict[str, Any]:
    record = {
        "verdict": "accepted",
        "evidence": {"source": "exit"},
        "runtime": "python@3.11",
        "engine": "local",
        "isolation": "namespace",
        "exit_code": 0,
        "stdout": summary(stdout, inline=inline),
        "stderr": summary(b""),
    }
    return {"type": "finished", "record": {**record, **changes}}


class Run:
    """One execution: what was asked for, and the line to the worker."""

    def __init__(self, request: dict[str, Any], response: web.StreamResponse) -> None:
        self.request = request
        self._response = response
        self.killed = asyncio.Event()

    async def say(self, *lines: dict[str, Any] | bytes) -> None:
        raw = b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines)
        await self._response.write(raw)


Behaviour = Callable[[Run], Awaitable[None]]


async def _answer(_: Run) -> None:
    """Answer a kill at once."""


class ScriptedExecutor:
    """Serves the executor's contract on a unix socket; ``script`` maps a program's source to what happens."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.script: dict[str, Behaviour] = {}
        self.runs: list[Run] = []
        self.slots = 4
        self.runtime = "python"
        self.busy = 0
        self.offered = asyncio.Event()
        self.asked_to_run: asyncio.Queue[Run] = asyncio.Queue()
        #: The ids of each call to extend.
        self.extended: asyncio.Queue[list[str]] = asyncio.Queue()
        self.on_kill: Behaviour = _answer
        self._by_id: dict[str, Run] = {}

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        app = web.Application(client_max_size=1 << 26)
        app.router.add_get("/executor/v1/offer", self._offer)
        app.router.add_post("/executor/v1/executions", self._execute)
        app.router.add_post("/executor/v1/executions/extend", self._extend)
        app.router.add_post("/executor/v1/executions/{id}/kill", self._kill)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.UnixSite(runner, str(self.path)).start()
        try:
            yield
        finally:
            await runner.cleanup()

    async def _offer(self, _: web.Request) -> web.Response:
        self.offered.set()
        runtimes = [
            {"name": self.runtime, "version": "3.11.7", "aliases": [], "source_file": "main.py", "highlight": "python"}
        ]
        return web.json_response(
            {"name": "x", "engine": "local", "isolation": "namespace", "slots": self.slots,
             "busy": self.busy, "healthy": True, "tiers": TIERS, "runtimes": runtimes}
        )  # fmt: skip

    async def _execute(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        run = Run(body, response)
        self.runs.append(run)
        self.asked_to_run.put_nowait(run)
        self._by_id[body["execution_id"]] = run
        source = body["program"]["files"][0]["content"]
        with contextlib.suppress(ConnectionError):
            await self.script[source](run)
        return response

    async def _extend(self, request: web.Request) -> web.Response:
        ids = (await request.json())["execution_ids"]
        self.extended.put_nowait(ids)
        return web.json_response({"extended": ids})

    async def _kill(self, request: web.Request) -> web.Response:
        run = self._by_id[request.match_info["id"]]
        run.killed.set()
        await self.on_kill(run)
        return web.Response(status=204)
