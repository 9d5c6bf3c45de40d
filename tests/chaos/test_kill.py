"""kill -9 of any one part while 50 evaluations run ends with 50 correct stored verdicts."""

import asyncio
import os
import signal
from uuid import uuid4

import aiohttp
import pytest

from .conftest import Stack
from .watching import Seen, check, stored, submit, watch

PARTS = ["queue", "worker", "executor", "storage", "web", "postgres", "valkey"]
EVALUATIONS = 50


def session() -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(limit=0)
    return aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None, sock_read=40))


async def submit_all(client: aiohttp.ClientSession, url: str, count: int) -> list[str]:
    return await asyncio.gather(*(submit(client, url, uuid4().hex) for _ in range(count)))


@pytest.mark.timeout(180)
@pytest.mark.parametrize("part", PARTS)
async def test_killed_part_costs_no_verdict(stack: Stack, part: str):
    before = stack.child(part)
    async with session() as client:
        ids = await submit_all(client, stack.url, EVALUATIONS)
        readers = [asyncio.create_task(watch(client, stack.url, one)) for one in ids]
        await first_done(readers, 5)
        stack.kill(part)
        seen = await asyncio.gather(*readers)
        for evaluation_id, one in zip(ids, seen, strict=True):
            check(await stored(client, stack.url, evaluation_id), one)
    assert stack.child(part)["restarts"] == before["restarts"] + 1


@pytest.mark.timeout(240)
async def test_killed_supervisor_leaves_no_orphan_and_the_next_one_goes_on(stack: Stack):
    async with session() as client:
        ids = await submit_all(client, stack.url, 20)
        status = stack.status()
        os.kill(status["pid"], signal.SIGKILL)
        async with asyncio.timeout(60):
            while any(alive(child["pid"]) for child in status["children"]):  # noqa: ASYNC110  (a process tells nobody)
                await asyncio.sleep(0.1)
        await asyncio.to_thread(stack.up)
        seen = await asyncio.gather(*(watch(client, stack.url, one) for one in ids))
        for evaluation_id, one in zip(ids, seen, strict=True):
            check(await stored(client, stack.url, evaluation_id), one)


async def first_done(readers: list[asyncio.Task[Seen]], count: int) -> None:
    pending = set(readers)
    while len(readers) - len(pending) < count:
        _, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:  # noqa: PTH123  (read at once)
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
