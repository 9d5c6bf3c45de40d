"""The calls against a real Engine: what each does, and what the Engine is told."""

import asyncio
import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cloche.dockerproxy import policy
from cloche.dockerproxy.policy import Cell, CreateOrder
from cloche.executor.engines.docker.proxy_client import ContainerOrder, ProxyClient, exit_status
from cloche.executor.launcher import protocol
from cloche.kit.errors import (
    ConflictError,
    ForbiddenError,
    NotFoundError,
    OverloadedError,
    UnauthenticatedError,
)

pytestmark = pytest.mark.docker

ORDER = ContainerOrder(
    image="bash",
    label="call",
    memory_bytes=32 << 20,
    cpus_milli=1000,
    processes=8,
    disk_bytes=1 << 20,
    inodes=64,
)
READY_FIELDS = f"version={protocol.VERSION}\0features=seccomp,no-capabilities\0".encode()
READY = b"R" + len(READY_FIELDS).to_bytes(4, "big") + READY_FIELDS


def framed(data: bytes) -> bytes:
    return b"\x01\x00\x00\x00" + len(data).to_bytes(4, "big") + data


def engine_says(docker_socket: str, target: str) -> Any:
    """The Engine's own view, past the proxy."""
    connection = http.client.HTTPConnection("docker")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(docker_socket)
    with contextlib.closing(connection):
        connection.request("GET", target)
        return json.loads(connection.getresponse().read())


@pytest.fixture
async def container(proxy: Any) -> AsyncIterator[str]:
    made = await proxy.client.create(ORDER)
    yield made
    with contextlib.suppress(NotFoundError):
        await proxy.client.delete(made)


async def test_a_container_lives_from_create_to_delete(proxy: Any, container: str) -> None:
    client: ProxyClient = proxy.client
    assert (await client.labels())[container] == "call"
    async with await client.attach(container) as stream, await client.wait(container) as waiting:
        await client.start(container)
        assert await stream.read() == framed(READY)
        assert (await client.inspect(container)).status == "running"
        stream.write_eof()
        assert await stream.read() == b""
        assert await exit_status(waiting) == 0
    assert await client.inspect(container) == replace(await client.inspect(container), status="exited", exit_code=0)
    await client.delete(container)
    assert container not in await client.labels()
    for call in (client.delete, client.start, client.inspect):
        with pytest.raises(NotFoundError):
            await call(container)


async def test_the_engine_gets_the_golden_body_and_agrees(proxy: Any, docker_socket: str) -> None:
    before = len(proxy.recorder.made_by_callers())
    container = await proxy.client.create(ORDER)
    sent = proxy.recorder.made_by_callers()[before:]
    assert len(sent) == 1
    head, _, body = sent[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0].startswith(f"POST /v1.41/containers/create?name={proxy.instance}-")
    assert sorted(line.partition(":")[0] for line in lines[1:]) == [
        "Connection",
        "Content-Length",
        "Content-Type",
        "Host",
    ]
    found = engine_says(docker_socket, f"/v1.41/containers/{container}/json")
    uid = int(found["Config"]["User"].partition(":")[0])
    images = await proxy.client.images()
    assert json.loads(body) == policy.create_body(
        Cell(CreateOrder(**vars(ORDER)), images.images["bash"], uid, proxy.instance, "runc")
    )
    host = found["HostConfig"]
    assert host["NetworkMode"] == "none"
    assert (host["ReadonlyRootfs"], host["Privileged"], host["CapDrop"]) == (True, False, ["ALL"])
    assert (host["Memory"], host["MemorySwap"], host["PidsLimit"]) == (32 << 20, 32 << 20, 9)
    assert (host["LogConfig"]["Type"], host["Binds"], found["Mounts"]) == ("none", None, [])
    await proxy.client.delete(container)


async def test_wait_on_a_container_not_yet_started_does_not_answer(proxy: Any, container: str) -> None:
    async with await proxy.client.wait(container) as waiting:
        ending = asyncio.create_task(exit_status(waiting))
        async with await proxy.client.attach(container) as stream:
            await proxy.client.start(container)
            assert await stream.read() == framed(READY)
            assert not ending.done()
        assert await ending == 0


async def test_the_end_of_the_callers_connection_ends_the_container(proxy: Any, container: str) -> None:
    async with await proxy.client.wait(container) as waiting:
        async with await proxy.client.attach(container):
            await proxy.client.start(container)
        assert await exit_status(waiting) == 0


async def test_starting_twice_is_a_conflict(proxy: Any, container: str) -> None:
    async with await proxy.client.attach(container):
        await proxy.client.start(container)
        with pytest.raises(ConflictError):
            await proxy.client.start(container)


async def test_a_megabyte_each_way_arrives_whole_though_the_reader_is_slow(proxy: Any, container: str) -> None:
    data = os.urandom(4096) * 256
    step = protocol.Step(
        live=False,
        argv=("cat",),
        env=(("PATH", "/bin"),),
        stdin=data,
        wall_ms=20_000,
        cpu_ms=20_000,
        memory_bytes=32 << 20,
        sample_memory=False,
        output_bytes=2 << 20,
        file_bytes=1 << 20,
        open_files=64,
        stack_bytes=1 << 20,
    )
    got = bytearray()
    async with await proxy.client.attach(container) as stream:
        await proxy.client.start(container)
        hello = protocol.hello(deadline_ms=20_000, work="/work", disk_bytes=1 << 20, inodes=64, network="none")
        await stream.write(hello + protocol.step(step))
        frames, raw = protocol.FrameReader(), b""
        done = False
        while not done:
            raw += await stream.read()
            while len(raw) >= 8 and len(raw) >= 8 + int.from_bytes(raw[4:8], "big"):
                end = 8 + int.from_bytes(raw[4:8], "big")
                for kind, payload in frames.feed(raw[8:end]):
                    got += payload if kind == b"o" else b""
                    done = done or kind == b"D"
                raw = raw[end:]
    assert bytes(got) == data


async def test_no_more_containers_than_allowed(start_proxy: Callable[..., Any]) -> None:
    proxy = await asyncio.to_thread(start_proxy, MAX_CONTAINERS="2")
    first, second = await proxy.client.create(ORDER), await proxy.client.create(ORDER)
    with pytest.raises(OverloadedError):
        await proxy.client.create(ORDER)
    await proxy.client.delete(first)
    third = await proxy.client.create(ORDER)
    assert set(await proxy.client.labels()) == {second, third}


async def test_a_restarted_proxy_knows_its_own_and_no_others(start_proxy: Callable[..., Any], proxy: Any) -> None:
    mine = await asyncio.to_thread(start_proxy)
    made = await mine.client.create(ORDER)
    other = await proxy.client.create(ORDER)
    await asyncio.to_thread(mine.restart)
    assert (await mine.client.inspect(made)).status == "created"
    with pytest.raises(NotFoundError):
        await mine.client.inspect(other)
    await mine.client.delete(made)
    await proxy.client.delete(other)


async def test_the_janitor_removes_what_nobody_started_and_what_grew_old(start_proxy: Callable[..., Any]) -> None:
    proxy = await asyncio.to_thread(start_proxy, LINGER_S="0.5", MAX_LIFETIME_S="3")
    idle = await proxy.client.create(ORDER)
    old = await proxy.client.create(ORDER)
    async with await proxy.client.attach(old) as stream:
        await proxy.client.start(old)
        assert await stream.read() == framed(READY)
        assert await stream.read() == b""
    async with asyncio.timeout(20):
        while await proxy.client.labels():  # noqa: ASYNC110  (nothing tells of a removal)
            await asyncio.sleep(0.1)
    for container in (idle, old):
        with pytest.raises(NotFoundError):
            await proxy.client.inspect(container)


async def test_a_silent_stream_is_cut(start_proxy: Callable[..., Any]) -> None:
    proxy = await asyncio.to_thread(start_proxy, IDLE_S="0.5")
    container = await proxy.client.create(ORDER)
    async with await proxy.client.attach(container) as stream:
        await proxy.client.start(container)
        assert await stream.read() == framed(READY)
        assert await stream.read() == b""


async def test_a_token_is_demanded_where_one_is_set(start_proxy: Callable[..., Any], tmp_path: Path) -> None:
    secrets = tmp_path / "secrets.json"
    secrets.write_text('{"token": "right"}')
    proxy = await asyncio.to_thread(start_proxy, SECRETS_FILE=str(secrets))
    for token in (None, "wrong"):
        with pytest.raises(UnauthenticatedError):
            await ProxyClient(proxy.address, token).images()
    assert "bash" in (await ProxyClient(proxy.address, "right").images()).images
    assert b"200 OK" in await asyncio.to_thread(proxy.raw, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")


async def test_another_user_is_refused(start_proxy: Callable[..., Any]) -> None:
    proxy = await asyncio.to_thread(start_proxy, ALLOWED_UIDS=f"[{os.getuid() + 1}]")
    for _ in range(50):
        with pytest.raises(ForbiddenError):
            await proxy.client.images()


async def test_metrics_count_decisions(proxy: Any) -> None:
    with pytest.raises(NotFoundError):
        await proxy.client.inspect("0" * 64)
    answer = await asyncio.to_thread(proxy.raw, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b'cloche_dockerproxy_decisions_total{call="inspect",decision="refused"}' in answer


def refuses_to_start(settings: dict[str, str]) -> str:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("CLOCHE_")}
    environ |= {f"CLOCHE_DOCKERPROXY_{name}": value for name, value in settings.items()}
    command = [sys.executable, "-m", "cloche.dockerproxy"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    return done.stderr.splitlines()[-1]


def test_without_an_engine_it_says_so(tmp_path: Path) -> None:
    assert "does not answer" in refuses_to_start({"LISTEN": f"unix:{tmp_path}/p", "DOCKER_SOCKET": f"{tmp_path}/none"})


def test_tcp_without_a_token_is_refused(tmp_path: Path) -> None:
    assert "needs a token" in refuses_to_start({"LISTEN": "tcp:127.0.0.1:0", "DOCKER_SOCKET": f"{tmp_path}/none"})
