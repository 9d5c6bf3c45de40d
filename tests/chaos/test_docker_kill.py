"""kill -9 of executor, proxy or Engine while programs run in containers: every verdict is right, no container stays."""

import asyncio
import random
from uuid import uuid4

import aiohttp
import pytest

from .conftest import LINGER_S, Stack
from .docker_engine import KillableEngine
from .test_kill import first_done, session
from .watching import Seen, check, stored, submit, watch

pytestmark = [pytest.mark.docker, pytest.mark.timeout(240)]
_EVALUATIONS = 16


@pytest.mark.parametrize("part", ["executor", "dockerproxy"])
async def test_killed_part_costs_no_verdict_and_leaves_no_container(
    docker_stack: Stack, killable_engine: KillableEngine, part: str
) -> None:
    before = docker_stack.child(part)["restarts"]
    async with session() as client:
        ids = await _submitted(client, docker_stack)
        readers = [asyncio.create_task(watch(client, docker_stack.url, one)) for one in ids]
        await _at_some_moment(readers)
        had = await _containers(killable_engine)
        docker_stack.kill(part)
        await _all_right(client, docker_stack, ids, readers)
    assert docker_stack.child(part)["restarts"] == before + 1
    await _none_left(killable_engine, had)


async def test_killed_engine_costs_no_verdict_and_leaves_no_container(
    docker_stack: Stack, killable_engine: KillableEngine
) -> None:
    """While it is away nothing is offered; nobody but the Engine is started again."""
    before = {part: docker_stack.child(part)["restarts"] for part in ("executor", "dockerproxy")}
    async with session() as client:
        ids = await _submitted(client, docker_stack)
        readers = [asyncio.create_task(watch(client, docker_stack.url, one)) for one in ids]
        await _at_some_moment(readers)
        had = await _containers(killable_engine)
        killable_engine.kill()
        await _offered(client, docker_stack, healthy=False)
        killable_engine.start_again()
        await _offered(client, docker_stack, healthy=True)
        await _all_right(client, docker_stack, ids, readers)
    assert {part: docker_stack.child(part)["restarts"] for part in before} == before
    await _none_left(killable_engine, had)


async def _submitted(client: aiohttp.ClientSession, stack: Stack) -> list[str]:
    return await asyncio.gather(*(submit(client, stack.url, uuid4().hex, "bash") for _ in range(_EVALUATIONS)))


async def _at_some_moment(readers: list[asyncio.Task[Seen]]) -> None:
    await first_done(readers, 3)
    await asyncio.sleep(random.random() * 0.5)  # some moment in the life of the others


async def _all_right(
    client: aiohttp.ClientSession, stack: Stack, ids: list[str], readers: list[asyncio.Task[Seen]]
) -> None:
    seen = await asyncio.gather(*readers)
    for evaluation_id, one in zip(ids, seen, strict=True):
        check(await stored(client, stack.url, evaluation_id), one)


async def _offered(client: aiohttp.ClientSession, stack: Stack, *, healthy: bool) -> None:
    """Until the executor says so."""
    async with asyncio.timeout(60):
        while True:
            async with client.get(f"{stack.url}/api/v1/executors") as answer:
                executors = (await answer.json())["executors"]
            if [one["offer"]["healthy"] for one in executors] == [healthy]:
                return
            await asyncio.sleep(0.1)


async def _containers(engine: KillableEngine) -> set[str]:
    """The ids of those at this moment, in use or waiting in the pool."""
    return {told.split()[0] for told in await asyncio.to_thread(engine.containers)}


async def _none_left(engine: KillableEngine, had: set[str]) -> None:
    """What waited in the pool is nobody's any more either; what waits there now is gone with the stack."""
    assert had
    left = had
    try:
        async with asyncio.timeout(60 + LINGER_S):
            while left := left & await _containers(engine):  # noqa: ASYNC110  (the Engine is asked)
                await asyncio.sleep(0.2)
    except TimeoutError:
        pytest.fail(f"left: {left}")
