"""Callers that attach and never read: their connections end all the same, and count until they have ended."""

import asyncio
import contextlib
import select
import socket
import subprocess
from collections.abc import Callable

from attack import UPGRADE, line
from strange_engine import ID, proxy_before_it

from cloche.dockerproxy.app import CONNECTIONS_PER_CONTAINER, SPARE_CONNECTIONS
from cloche.executor.engines.docker.proxy_client import ProxyClient
from cloche.kit.errors import OverloadedError

MOST = CONNECTIONS_PER_CONTAINER + SPARE_CONNECTIONS
#: More than all buffers between the Engine and a caller hold.
FLOOD = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n" + b"x" * (8 << 20)


def attached(path: str, stack: contextlib.ExitStack) -> socket.socket:
    """A connection whose stream is open, of which nothing more is read."""
    connection = stack.enter_context(socket.socket(socket.AF_UNIX))
    connection.settimeout(20)
    connection.connect(path)
    connection.sendall(line(f"POST /containers/{ID}/attach", UPGRADE).encode())
    assert connection.recv(9) == b"HTTP/1.1 "
    return connection


def cut(connections: list[socket.socket], patience_s: float) -> set[int]:
    """Those that the proxy has closed, though what it wrote before was never read."""
    poll = select.poll()
    for connection in connections:
        poll.register(connection, 0)
    return {descriptor for descriptor, event in poll.poll(patience_s * 1000) if event & select.POLLHUP}


async def is_overloaded(client: ProxyClient) -> bool:
    try:
        await client.images()
    except OverloadedError:
        return True
    return False


async def served_again(client: ProxyClient) -> None:
    async with asyncio.timeout(30):
        while await is_overloaded(client):  # noqa: ASYNC110  (nothing tells of an end)
            await asyncio.sleep(0.1)


def test_attach_and_never_read(spawn_docker_proxy: Callable[..., subprocess.Popen[bytes]]) -> None:
    settings = {"MAX_CONTAINERS": "1", "MAX_ATTACHMENTS": str(MOST), "MAX_LIFETIME_S": "1"}
    with proxy_before_it(spawn_docker_proxy, **settings) as (engine, client), contextlib.ExitStack() as stack:
        engine.says = FLOOD
        streams = [attached(client.address.removeprefix("unix:"), stack) for _ in range(MOST)]
        asyncio.run(served_again(client))
        left = set(streams)
        while left and (gone := cut(list(left), 0 if len(left) == MOST else 30)):
            left = {stream for stream in left if stream.fileno() not in gone}
        assert not left
