"""What one evaluation costs in statements, commits and requests, counted where they arrive."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import asyncpg
import httpx
import pytest

from .scripted_executor import Run, ScriptedExecutor, finished, started
from .test_path import submit

pytestmark = pytest.mark.asyncio(loop_scope="module")

N = 40
#: Longer than the work takes, and than sessions keep their counts to themselves (1 s; idle ones up to 10 s).
WINDOW_S = 12.0


async def commits(owner: asyncpg.Connection, database: str) -> int:
    await owner.execute("SELECT pg_stat_clear_snapshot()")
    counted = await owner.fetchval("SELECT xact_commit FROM pg_stat_database WHERE datname = $1", database)
    assert counted is not None
    return counted


async def test_batch_of_short_runs_costs_few_commits_each(
    api: httpx.AsyncClient, executor: ScriptedExecutor, database: Any
):
    async def quick(run: Run) -> None:
        await run.say(started(), finished(b"hi\n"))

    executor.script["quick"] = quick
    await submit(api, "quick")
    owner = await asyncpg.connect(database.owner)
    try:
        busy = await commits_during(owner, database.name, asyncio.gather(*(submit(api, "quick") for _ in range(N))))
        idle = await commits_during(owner, database.name, asyncio.sleep(0))
    finally:
        await owner.close()
    assert len(executor.runs) == N + 1
    # Submit 1, complete 1, read and answer 2, each with its session's check; the rest is shared by a batch.
    assert (busy - idle) / N <= 14


async def commits_during(owner: asyncpg.Connection, database: str, work: Awaitable[Any]) -> int:
    """Commits of all services in a window of ``WINDOW_S``, in which ``work`` is done."""
    before = await commits(owner, database)
    _, _ = await asyncio.gather(work, asyncio.sleep(WINDOW_S))
    return await commits(owner, database) - before
