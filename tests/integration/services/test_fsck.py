"""Beside a platform at work ``cloche fsck`` finds nothing: what is on its way is no disagreement."""

import asyncio
from typing import Any

import httpx
import pytest

from cloche.stack.fsck.check import Places, check
from cloche.stack.valkey_server import ValkeyServer

from .scripted_executor import Run, ScriptedExecutor, finished, output, started
from .test_path import submit

pytestmark = pytest.mark.asyncio(loop_scope="module")

RUNS, LOOKS = 150, 3


async def test_loaded_platform_has_no_findings(
    api: httpx.AsyncClient, executor: ScriptedExecutor, database: Any, valkey: ValkeyServer
):
    async def talk(run: Run) -> None:
        await run.say(started(), output(b"hi\n", 0), finished(b"hi\n"))

    executor.script["talk"] = talk
    places = Places(database.owner, valkey.url("owner"))
    running = asyncio.gather(*(submit(api, "talk") for _ in range(RUNS)))
    for _ in range(LOOKS):
        report = await check(places, since=None, apart_s=0.5, repair=False)
        assert [finding.line for finding in report.left] == []
    await running
    report = await check(places, since=None, apart_s=0.5, repair=False)
    assert [finding.line for finding in report.left] == []
