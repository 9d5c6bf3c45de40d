"""An executor without cells: it accepts a program and says at once that it ended well. Only for benchmarks.

    python benchmarks/null_executor.py /path/of.sock [--slots 64] [--sleep SECONDS]

What is left of an evaluation then is the platform's own cost. It offers the runtime ``null``, which nothing else
does, so that no other program comes here.
"""

import argparse
import asyncio
import hashlib
import json
from typing import Any

import uvloop
from aiohttp import web

_AT = "2026-01-01T00:00:00.000000Z"
_NOTHING = {"bytes": 0, "kept": 0, "sha256": hashlib.sha256(b"").hexdigest(), "data": ""}
_STARTED = {"type": "started", "runtime": "null@1", "engine": "local", "isolation": "namespace", "at": _AT}
_RECORD = {
    "verdict": "accepted",
    "evidence": {"source": "exit"},
    "runtime": "null@1",
    "engine": "local",
    "isolation": "namespace",
    "exit_code": 0,
    "stdout": _NOTHING,
    "stderr": _NOTHING,
}
_LINES = b"".join(json.dumps(line).encode() + b"\n" for line in (_STARTED, {"type": "finished", "record": _RECORD}))


def _offer(slots: int) -> dict[str, Any]:
    tier = {"isolation": "namespace", "healthy": True, "features": [], "lacking": [], "held": 1, "broken": []}
    runtime = {"name": "null", "version": "1", "aliases": [], "source_file": "main", "highlight": "text"}
    return {
        "name": "null",
        "engine": "local",
        "isolation": "namespace",
        "slots": slots,
        "busy": 0,
        "healthy": True,
        "tiers": [{**tier, "tested_at": _AT}],
        "runtimes": [runtime],
    }


async def _serve(path: str, slots: int, sleep_s: float) -> None:
    async def offer(_: web.Request) -> web.Response:
        return web.json_response(_offer(slots))

    async def execute(request: web.Request) -> web.Response:
        await request.read()
        if sleep_s:
            await asyncio.sleep(sleep_s)
        return web.Response(body=_LINES, content_type="application/x-ndjson")

    async def extend(request: web.Request) -> web.Response:
        return web.json_response({"extended": (await request.json())["execution_ids"]})

    app = web.Application(client_max_size=1 << 28)
    app.router.add_get("/executor/v1/offer", offer)
    app.router.add_post("/executor/v1/executions", execute)
    app.router.add_post("/executor/v1/executions/extend", extend)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.UnixSite(runner, path).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("path")
    parser.add_argument("--slots", type=int, default=64)
    parser.add_argument("--sleep", type=float, default=0.0)
    given = parser.parse_args()
    uvloop.run(_serve(given.path, given.slots, given.sleep))
