"""Whatever becomes of the bus, output within its limit is neither lost nor repeated, and no buffer grows for ever."""

import asyncio
import contextlib
import hashlib
import os
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
import redis.asyncio

from cloche.kit.bus import BACKLOG_BYTES, flow_key, shard_of, source_key, stream_key
from cloche.stack.valkey_server import ValkeyServer
from cloche.storage.ledger import KEPT_EVENTS
from cloche.worker.publisher import GROUP_BYTES, SPOOL_BYTES

from .conftest import Platform
from .scripted_executor import Run, ScriptedExecutor, finished, output, started
from .test_path import all_events, events, submit, text_of

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

CHUNK = 32 * 1024
MIB = 1024 * 1024


@pytest_asyncio.fixture(loop_scope="module")
async def valkey_client(valkey: ValkeyServer) -> AsyncIterator[Any]:
    """Its owner, who may look at everything."""
    client: Any = redis.asyncio.Redis.from_url(valkey.url("owner"))
    async with client:
        yield client


@contextlib.contextmanager
def frozen(pid: int) -> Iterator[None]:
    """The process does nothing inside this context."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def text(chunks: int, size: int = CHUNK) -> bytes:
    """Chunks of a size of which no two are alike."""
    return b"".join(str(n).encode().ljust(size - 1, b".") + b"\n" for n in range(chunks))


async def say_all(run: Run, data: bytes, start: int = 0, size: int = CHUNK) -> None:
    for offset in range(start, len(data), size):
        await run.say(output(data[offset : offset + size], offset))


async def read_all(api: httpx.AsyncClient, evaluation_id: str) -> dict[str, Any]:
    """The view once it is finished."""
    return (await all_events(api, evaluation_id))[-1]["data"]


async def stored(api: httpx.AsyncClient, evaluation_id: str) -> bytes:
    return (await api.get(f"/api/v1/evaluations/{evaluation_id}/output/stdout")).content


async def test_output_waits_for_a_bus_that_is_away(
    api: httpx.AsyncClient, executor: ScriptedExecutor, valkey_client: Any
):
    data = text(10)
    begun, go_on, said = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def run(run: Run) -> None:
        await run.say(started())
        await say_all(run, data[: 4 * CHUNK])
        begun.set()
        await go_on.wait()
        await say_all(run, data, 4 * CHUNK)
        await run.say(finished(data, inline=False))
        said.set()

    executor.script["away"] = run
    view = await submit(api, "away", wait=0)
    await begun.wait()
    with frozen((await valkey_client.info("server"))["process_id"]):
        go_on.set()
        await said.wait()
    view = await read_all(api, view["id"])
    assert (view["verdict"], view["attempts"], view["stdout"]["missing"]) == ("accepted", 1, [])
    assert await stored(api, view["id"]) == data


async def test_program_waits_while_nothing_is_stored(
    api: httpx.AsyncClient, executor: ScriptedExecutor, platform: Platform, valkey_client: Any
):
    data = text(15 * MIB // CHUNK)
    said = asyncio.Event()

    async def flood(run: Run) -> None:
        await run.say(started())
        await say_all(run, data)
        said.set()
        await run.say(finished(data, inline=False))

    executor.script["flood"] = flood
    with frozen(platform.processes["storage"].pid):
        view = await submit(api, "flood", wait=0, limits={"output_bytes": 16 * MIB})
        key = flow_key(shard_of(view["id"]))
        while await backlog(valkey_client, key) < BACKLOG_BYTES:  # noqa: ASYNC110  (another process)
            await asyncio.sleep(0.05)
        for _ in range(20):  # the worker asks again and again, and is refused
            assert await backlog(valkey_client, key) <= BACKLOG_BYTES + GROUP_BYTES + 2 * CHUNK
            assert not said.is_set()
            await valkey_client.ping()
    view = await read_all(api, view["id"])
    assert (view["verdict"], view["attempts"], view["stdout"]["missing"]) == ("accepted", 1, [])
    assert hashlib.sha256(await stored(api, view["id"])).digest() == hashlib.sha256(data).digest()
    while await backlog(valkey_client, key):  # noqa: ASYNC110  (another process)
        await asyncio.sleep(0.05)


async def backlog(client: Any, key: str) -> int:
    came, gone = await client.hmget(key, "in", "out")
    return int(came or 0) - int(gone or 0)


async def test_what_the_bus_loses_is_published_again(
    api: httpx.AsyncClient, executor: ScriptedExecutor, platform: Platform, valkey_client: Any
):
    data = text(20)
    assert 10 * CHUNK * 4 // 3 < SPOOL_BYTES
    go_on = asyncio.Event()

    async def forgotten(run: Run) -> None:
        await run.say(started())
        await say_all(run, data[: 10 * CHUNK])
        await go_on.wait()
        await say_all(run, data, 10 * CHUNK)
        await run.say(finished(data, inline=False))

    executor.script["forgotten"] = forgotten
    with frozen(platform.processes["storage"].pid):
        view = await submit(api, "forgotten", wait=0)
        while not await has_output_up_to(valkey_client, view["id"], 9 * CHUNK):  # noqa: ASYNC110  (another process)
            await asyncio.sleep(0.05)
        await valkey_client.flushall()
        platform.lost_events = True
    go_on.set()
    view = await read_all(api, view["id"])
    assert (view["verdict"], view["attempts"], view["stdout"]["missing"]) == ("accepted", 1, [])
    assert await stored(api, view["id"]) == data


async def has_output_up_to(client: Any, subject: str, offset: int) -> bool:
    entries = await client.xrevrange(stream_key(subject), count=1)
    return any(f'"offset":{offset},'.encode() in fields[b"b"] for _, fields in entries)


async def test_reader_that_comes_late_gets_what_is_no_longer_on_the_bus(
    api: httpx.AsyncClient, executor: ScriptedExecutor, valkey_client: Any
):
    data = text(40, 8000)
    go_on = asyncio.Event()

    async def trimmed(run: Run) -> None:
        await run.say(started())
        for offset in range(0, len(data), 8000):
            await run.say(output(data[offset : offset + 8000], offset))
            await asyncio.sleep(0)
        await go_on.wait()
        await run.say(output(b"end\n", len(data)), finished(data + b"end\n", inline=False))

    executor.script["trimmed"] = trimmed
    view = await submit(api, "trimmed", wait=0)
    while not await has_output_up_to(valkey_client, view["id"], len(data) - 8000):  # noqa: ASYNC110  (another process)
        await asyncio.sleep(0.05)
    while await valkey_client.xlen(stream_key(view["id"])) > KEPT_EVENTS + 1:  # noqa: ASYNC110  (another process)
        await asyncio.sleep(0.05)
    steps = ["evaluation.queued", "evaluation.leased", "evaluation.started", "evaluation.finished"]
    seen: list[dict[str, Any]] = []
    async for event in events(api, view["id"]):
        seen.append(event)
        if len(text_of(seen)) == len(data):
            go_on.set()
    assert text_of(seen) == (data + b"end\n").decode()
    kinds = [event["event"] for event in seen if event["event"] != "output"]
    # A worker may be faster than the word of its lease.
    assert (sorted(kinds[:-1]), kinds[-1]) == (sorted(steps[:-1]), steps[-1])
    ids = [tuple(map(int, event["id"].split(".")[1:])) for event in seen if "id" in event]
    assert ids == sorted(set(ids))


async def test_reader_who_comes_back_while_the_bus_is_away_is_told_nothing_twice(
    api: httpx.AsyncClient, executor: ScriptedExecutor, platform: Platform, valkey: ValkeyServer, valkey_client: Any
):
    go_on = asyncio.Event()

    async def halves(run: Run) -> None:
        await run.say(started(), output(b"one\n", 0))
        await go_on.wait()
        await run.say(output(b"two\n", 4), finished(b"one\ntwo\n", inline=False))

    executor.script["halves"] = halves
    view = await submit(api, "halves", wait=0)
    async with contextlib.aclosing(events(api, view["id"])) as seen:
        last = [event["id"] async for event in until_output(seen)][-1]
    platform.lost_events = True  # whoever connects meanwhile publishes late, and the reconciler may be first
    await valkey_client.ping()  # connected before nobody can
    # The API keeps its subscription, and so hears nothing of it, but can ask nothing any more.
    hidden = valkey.socket.rename(valkey.socket.with_suffix(".away"))
    try:
        await valkey_client.execute_command("CLIENT", "KILL", "USER", "api", "TYPE", "normal")
        rest = asyncio.create_task(all_events(api, view["id"], last))
        await asyncio.sleep(2)  # as long as the reader needs to look in vain
    finally:
        hidden.rename(valkey.socket)
    go_on.set()
    told = await rest
    assert [event["event"] for event in told] == ["output", "evaluation.finished"]
    assert text_of(told) == "two\n"
    assert {event["id"].partition(".")[0] for event in told} == {last.partition(".")[0]}


async def until_output(seen: AsyncGenerator[dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:
    async for event in seen:
        yield event
        if event["event"] == "output":
            return


async def test_keys_of_a_finished_evaluation_hold_next_to_nothing_and_go(
    api: httpx.AsyncClient, executor: ScriptedExecutor, valkey_client: Any
):
    data = text(20)

    async def much(run: Run) -> None:
        await run.say(started())
        await say_all(run, data)
        await run.say(finished(data, inline=False))

    executor.script["much"] = much
    view = await submit(api, "much")
    while not 0 < await valkey_client.ttl(source_key(view["id"])) <= 30:  # noqa: ASYNC110  (another process)
        await asyncio.sleep(0.05)
    assert await valkey_client.exists(stream_key(view["id"])) == 0
    assert await valkey_client.memory_usage(source_key(view["id"])) < 512


async def test_what_waits_takes_no_memory_of_the_bus(
    api: httpx.AsyncClient, executor: ScriptedExecutor, valkey_client: Any
):
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    views = [await submit(api, "much", wait=0, run_at=later) for _ in range(3)]
    for view in views:
        assert await first(events(api, view["id"])) == "evaluation.queued"
        assert await valkey_client.exists(stream_key(view["id"]), source_key(view["id"])) == 0


async def first(seen: AsyncGenerator[dict[str, Any]]) -> str:
    """The first event's name; then the reader leaves."""
    async with contextlib.aclosing(seen):
        return (await anext(seen))["event"]


async def test_storage_workers_share_the_ledgers_and_take_over_for_each_other(
    api: httpx.AsyncClient, executor: ScriptedExecutor, platform: Platform, valkey_client: Any
):
    async def quick(run: Run) -> None:
        await run.say(started(), finished(b"hi\n"))

    executor.script["shared"] = quick

    async def owners(*wanted: str) -> None:
        while sorted(await found()) != sorted(wanted):  # noqa: ASYNC110  (another process)
            await asyncio.sleep(0.1)

    async def found() -> list[str]:
        return [(await valkey_client.get(f"cloche:{{s{n}}}:owner") or b"").decode() for n in range(4)]

    async def evaluations() -> None:
        views = await asyncio.gather(*(submit(api, "shared") for _ in range(20)))
        assert {(view["verdict"], view["stdout"]["text"]) for view in views} == {("accepted", "hi\n")}

    other = {**platform.settings["storage"], "name": "b", "listen": f"unix:{platform.folder}/s2.sock"}
    platform.settings |= {"storage": {**platform.settings["storage"], "name": "a"}, "storage2": other}
    platform.end("storage", signal.SIGTERM)
    platform.start("storage")
    await owners("a", "a", "a", "a")
    platform.start("storage2")
    await owners("a", "a", "b", "b")
    await evaluations()
    platform.end("storage2", signal.SIGKILL)
    await evaluations()
    await owners("a", "a", "a", "a")
    platform.start("storage2")
    await owners("a", "a", "b", "b")
    platform.end("storage2", signal.SIGTERM)
    await owners("a", "a", "a", "a")
    await evaluations()


async def test_a_thousand_readers_are_told_everything_by_one_process(
    api: httpx.AsyncClient, executor: ScriptedExecutor, platform: Platform, valkey_client: Any
):
    everybody = asyncio.Event()

    async def watched(run: Run) -> None:
        await run.say(started(), output(b"first\n", 0))
        await everybody.wait()
        await run.say(output(b"second\n", 6), finished(b"first\nsecond\n", inline=False))

    executor.script["watched"] = watched
    views = [await submit(api, "watched", wait=0) for _ in range(4)]
    counted = 0

    async def reader(client: httpx.AsyncClient, evaluation_id: str) -> tuple[str, str]:
        nonlocal counted
        seen: list[dict[str, Any]] = []
        begun = False
        async for event in events(client, evaluation_id):
            seen.append(event)
            if not begun and event["event"] == "output":  # a slow machine's run may be retried, and begin again
                begun = True
                counted += 1
                if counted == 1000:
                    everybody.set()
        return text_of(seen), seen[-1]["data"]["verdict"]

    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    async with platform.client(limits=limits) as client:
        told = await asyncio.gather(*(reader(client, views[n % 4]["id"]) for n in range(1000)))
        assert set(told) == {("first\nsecond\n", "accepted")}
    listening = [c for c in await valkey_client.client_list(_type="pubsub") if c["user"] == "api"]
    assert len(listening) == 1
