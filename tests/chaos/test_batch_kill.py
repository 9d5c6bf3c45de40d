"""A batch through kill -9 of what takes it in and what counts it: complete, each evaluation once."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from .conftest import Stack
from .watching import AWAY

PROBLEMS, SAMPLES = 20, 30
#: Solves the even problems, and fails the others in half of its samples.
SOURCE = "import sys\nsys.exit(0 if {number} % 2 == 0 or {sample} % 2 else 3)\n"


def session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None, sock_read=60))


def upload() -> bytes:
    lines: list[dict[str, Any]] = [{"name": uuid4().hex, "k": [1], "defaults": {"runtime": "python"}}]
    lines += [{"problem": {"key": f"p{number}"}} for number in range(PROBLEMS)]
    for sample in range(SAMPLES):
        lines += [
            {"problem": f"p{number}", "sample": sample, "source": SOURCE.format(number=number, sample=sample)}
            for number in range(PROBLEMS)
        ]
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


async def submit(client: aiohttp.ClientSession, url: str, body: bytes, key: str, pause_s: float = 0.0) -> str:
    """Send until it is accepted, in parts with a pause between them at first; the key makes repeats safe."""
    headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": key}

    async def slowly() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 2000):
            yield body[start : start + 2000]
            await asyncio.sleep(pause_s)

    while True:
        try:
            async with client.post(f"{url}/api/v1/batches", data=slowly(), headers=headers) as answer:
                if answer.status == 201:
                    return (await answer.json())["id"]
                assert answer.status == 503, await answer.text()
        except AWAY:
            pass
        pause_s = 0.0
        await asyncio.sleep(0.2)


async def read(client: aiohttp.ClientSession, url: str) -> Any:
    """JSON, as soon as there is an answer."""
    while True:
        try:
            async with client.get(url) as answer:
                if answer.status == 200:
                    return await answer.json()
                assert answer.status == 503, await answer.text()
        except AWAY:
            pass
        await asyncio.sleep(0.2)


async def until(client: aiohttp.ClientSession, url: str, finished: int) -> dict[str, Any]:
    while True:
        batch = await read(client, url)
        if batch["finished"] >= finished:
            return batch
        await asyncio.sleep(0.1)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("part", ["web", "storage", "queue", "postgres"])
async def test_killed_part_costs_a_batch_nothing(stack: Stack, part: str):
    body, before = upload(), stack.child(part)["restarts"]
    total = PROBLEMS * SAMPLES
    async with session() as client:
        sending = asyncio.create_task(submit(client, stack.url, body, uuid4().hex, 0.05 if part == "web" else 0.0))
        if part == "web":  # in the middle of the upload, when a part of it is stored
            name = json.loads(body.split(b"\n")[0])["name"]
            while not any(b["name"] == name for b in (await read(client, f"{stack.url}/api/v1/batches"))["items"]):
                assert not sending.done()
                await asyncio.sleep(0.05)
            stack.kill(part)
        address = f"{stack.url}/api/v1/batches/{await sending}"
        await until(client, address, 50)
        if part != "web":
            stack.kill(part)
        batch = await until(client, address, total)
        found: list[dict[str, Any]] = []
        cursor = ""
        while cursor is not None:
            page = await read(client, f"{address}/evaluations?limit=500" + (f"&cursor={cursor}" if cursor else ""))
            found += page["items"]
            cursor = page["next"]
        problems = (await read(client, f"{address}/problems"))["items"]
    assert (batch["status"], batch["total"], batch["finished"]) == ("complete", total, total)
    assert batch["verdicts"] == dict(Counter(one["verdict"] for one in found))
    assert batch["verdicts"] == {"accepted": total * 3 // 4, "runtime_error": total // 4}
    assert Counter((one["problem"], one["sample"]) for one in found) == {
        (f"p{number}", sample): 1 for number in range(PROBLEMS) for sample in range(SAMPLES)
    }
    assert [(p["n"], p["c"]) for p in problems] == [
        (SAMPLES, SAMPLES if number % 2 == 0 else SAMPLES // 2) for number in range(PROBLEMS)
    ]
    assert batch["pass_at_k"][0]["value"] == pytest.approx(0.75)
    assert stack.child(part)["restarts"] == before + 1
