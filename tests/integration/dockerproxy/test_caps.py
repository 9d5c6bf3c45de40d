"""What there may be in all, against a real Engine, and over the proxy's death."""

import asyncio
import contextlib
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from attack import ORDER as FIELDS
from attack import line

from cloche.dockerproxy.app import CONNECTIONS_PER_CONTAINER, SPARE_CONNECTIONS
from cloche.executor.engines.docker.proxy_client import ContainerOrder, ProxyClient
from cloche.kit.errors import ClocheError, NotFoundError, OverloadedError

pytestmark = pytest.mark.docker

ORDER = ContainerOrder(**FIELDS)
Start = Callable[..., Any]


async def gone(client: ProxyClient, container: str) -> None:
    """Return when the proxy knows no such container."""
    async with asyncio.timeout(30):
        while True:
            try:
                await client.inspect(container)
            except NotFoundError:
                return
            except ClocheError:
                """The Engine is removing it just now."""
            await asyncio.sleep(0.1)


@pytest.mark.parametrize(
    "setting",
    [
        {"MAX_CONTAINERS": "2"},
        {"MAX_TOTAL_MEMORY_BYTES": str(2 * ORDER.memory_bytes)},
        {"MAX_TOTAL_CPUS_MILLI": str(2 * ORDER.cpus_milli)},
    ],
    ids=lambda setting: next(iter(setting)),
)
async def test_a_cap_holds_over_a_restart_and_gives_back(start_proxy: Start, setting: dict[str, str]) -> None:
    proxy = await asyncio.to_thread(start_proxy, **setting)
    first, second = await proxy.client.create(ORDER), await proxy.client.create(ORDER)
    for _ in range(2):
        with pytest.raises(OverloadedError):
            await proxy.client.create(ORDER)
        await asyncio.to_thread(proxy.restart)
    await proxy.client.delete(first)
    await proxy.client.delete(await proxy.client.create(ORDER))
    await proxy.client.delete(second)


async def test_what_the_engine_refuses_to_make_gives_its_room_back(start_proxy: Start) -> None:
    proxy = await asyncio.to_thread(start_proxy, MAX_CONTAINERS="1", CREATES_PER_S="10000", RUNTIME="no-such-runtime")
    for _ in range(3):
        with pytest.raises(ClocheError) as raised:
            await proxy.client.create(ORDER)
        assert not isinstance(raised.value, OverloadedError)


async def test_containers_are_not_made_too_fast(start_proxy: Start) -> None:
    proxy = await asyncio.to_thread(start_proxy, MAX_CONTAINERS="2", CREATES_PER_S="0.001")
    for _ in range(2):
        await proxy.client.delete(await proxy.client.create(ORDER))
    with pytest.raises(OverloadedError, match="too fast"):
        await proxy.client.create(ORDER)


async def test_no_more_streams_than_allowed_are_attached(start_proxy: Start) -> None:
    proxy = await asyncio.to_thread(start_proxy, MAX_ATTACHMENTS="1")
    first, second = await proxy.client.create(ORDER), await proxy.client.create(ORDER)
    async with await proxy.client.attach(first) as stream:
        with pytest.raises(OverloadedError):
            await proxy.client.attach(second)
        await proxy.client.delete(first)
        assert await stream.read() == b""
        (await proxy.client.attach(second)).abort()


async def test_no_more_connections_than_allowed_are_served(start_proxy: Start) -> None:
    proxy = await asyncio.to_thread(start_proxy, MAX_CONTAINERS="1")
    most = CONNECTIONS_PER_CONTAINER + SPARE_CONNECTIONS
    with contextlib.ExitStack() as stack:
        for _ in range(most):
            idle = stack.enter_context(socket.socket(socket.AF_UNIX))
            idle.connect(str(proxy.path))
        answer = await asyncio.to_thread(proxy.raw, line("GET /images").encode())
    assert answer.startswith(b"HTTP/1.1 429 ")
    assert b"Retry-After: 1\r\n" in answer
    async with asyncio.timeout(10):
        while not answer.startswith(b"HTTP/1.1 200 "):
            answer = await asyncio.to_thread(proxy.raw, line("GET /images").encode())


async def metrics(proxy: Any) -> bytes:
    return await asyncio.to_thread(proxy.raw, line("GET /metrics").encode())


async def test_metrics_tell_what_there_is_and_how_long_the_engine_takes(start_proxy: Start) -> None:
    proxy = await asyncio.to_thread(start_proxy)
    await proxy.client.create(replace(ORDER, cpus_milli=1500))
    told = await metrics(proxy)
    for wanted in (
        b"cloche_dockerproxy_containers 1.0",
        b"cloche_dockerproxy_reserved_memory_bytes %.7e" % ORDER.memory_bytes,
        b"cloche_dockerproxy_reserved_cpus 1.5",
        b'cloche_dockerproxy_engine_request_duration_seconds_count{request="create"} 1.0',
        b'cloche_dockerproxy_decisions_total{call="create",decision="allowed"} 1.0',
    ):
        assert wanted in told


async def test_what_grew_old_while_the_proxy_was_dead_is_removed_after_its_restart(start_proxy: Start) -> None:
    proxy = await asyncio.to_thread(start_proxy, MAX_LIFETIME_S="2", LINGER_S="1")
    container = await proxy.client.create(ORDER)
    attached = await attaching_process(proxy.address, container)
    await proxy.client.start(container)
    proxy.process.kill()
    await asyncio.to_thread(proxy.process.wait)
    attached.kill()
    await asyncio.to_thread(attached.communicate)
    await asyncio.to_thread(proxy.start)
    await gone(proxy.client, container)


async def test_a_container_whose_executor_was_killed_ends_and_is_removed(start_proxy: Start) -> None:
    proxy = await asyncio.to_thread(start_proxy, LINGER_S="1")
    container = await proxy.client.create(ORDER)
    executor = await attaching_process(proxy.address, container)
    await proxy.client.start(container)
    assert (await proxy.client.inspect(container)).status == "running"
    executor.send_signal(signal.SIGKILL)
    await asyncio.to_thread(executor.communicate)
    await gone(proxy.client, container)


ATTACHED = """
import asyncio, sys
from cloche.executor.engines.docker.proxy_client import ProxyClient
async def main():
    stream = await ProxyClient(sys.argv[1], None).attach(sys.argv[2])
    print("attached", flush=True)
    while await stream.read():
        pass
asyncio.run(main())
"""


async def attaching_process(address: str, container: str) -> subprocess.Popen[bytes]:
    """Another process that is attached to the container when this returns."""
    process = await asyncio.to_thread(
        subprocess.Popen, [sys.executable, "-c", ATTACHED, address, container], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert await asyncio.to_thread(process.stdout.readline) == b"attached\n"
    return process


async def test_each_decision_is_one_line_that_names_its_caller(start_proxy: Start) -> None:
    proxy = await asyncio.to_thread(start_proxy)
    container = await proxy.client.create(ORDER)
    with pytest.raises(NotFoundError):
        await proxy.client.start("0" * 64)
    await asyncio.to_thread(proxy.raw, line(f"GET /{'x' * 400}").encode())
    await asyncio.to_thread(proxy.raw, b'GET /\x1b[31m"}\r\n{"decision":"forged"} HTTP/1.1\r\nHost: x\r\n\r\n')
    lines = [json.loads(text) for text in proxy.log.read_text().splitlines()]
    decisions = [told for told in lines if told["event"] == "proxy.decision"]
    assert {told["decision"] for told in decisions} == {"allowed", "refused"}
    created, unknown, unlisted, malformed = decisions[-4:]
    assert (created["call"], created["status"], created["container"]) == ("create", 201, container)
    assert (unknown["call"], unknown["status"], unknown["container"]) == ("start", 404, "0" * 64)
    assert (unlisted["call"], unlisted["asked"]) == ("none", f"GET /{'x' * 195}…")
    assert (malformed["call"], malformed["status"]) == ("none", 400)
    assert all(isinstance(told["caller_pid"], int) and "caller_uid" in told for told in decisions)
    assert all("reason" in told for told in (unknown, unlisted, malformed))
