"""What the storm's proxy does to connections really happens to them."""

import asyncio
import contextlib
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator

import pytest

from .proxy import Proxy


@pytest.fixture
async def proxy() -> AsyncIterator[tuple[Proxy, int]]:
    """A proxy before a server that answers each line with the line; and its port."""

    async def echo(reader: StreamReader, writer: StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while line := await reader.readline():
                writer.write(line)
                await writer.drain()
            writer.write(b"bye\n")
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    between = Proxy(lambda: asyncio.open_connection("127.0.0.1", port))
    yield between, await between.listen_on_port()
    await between.close()
    server.close()


@contextlib.asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[StreamReader, StreamWriter]]:
    """A connection over which one line has come and gone."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"one\n")
        assert await reader.readline() == b"one\n"
        yield reader, writer
    finally:
        writer.transport.abort()


async def write_for_ever(writer: StreamWriter) -> None:
    while True:
        writer.write(b"more\n")
        await writer.drain()
        await asyncio.sleep(0)


async def test_drop_breaks_what_is_there_and_nothing_later(proxy: tuple[Proxy, int]):
    between, port = proxy
    async with connected(port) as (reader, _):
        assert between.drop() == 1
        with pytest.raises(ConnectionResetError):
            await reader.read()
    async with connected(port):
        pass


async def test_refusing_lasts_until_it_ends(proxy: tuple[Proxy, int]):
    between, port = proxy
    between.refuse()
    with pytest.raises((AssertionError, OSError)):
        async with connected(port):
            pass
    between.accept_again()
    async with connected(port):
        pass


async def test_half_closed_connections_are_open_in_one_direction(proxy: tuple[Proxy, int]):
    between, port = proxy
    async with connected(port) as (first, _), connected(port) as (second, second_writer):
        assert between.half_close() == 2
        assert await first.readline() == b"bye\n"  # its server heard that the caller had ended
        assert await second.read() == b""  # this caller heard that its server had
        second_writer.write(b"two\n")
        await second_writer.drain()
        between.drop_half_closed()
        with pytest.raises(OSError):
            await write_for_ever(second_writer)


async def test_stalled_bytes_come_when_they_flow_again(proxy: tuple[Proxy, int]):
    between, port = proxy
    async with connected(port) as (reader, writer):
        assert between.stall() == 1
        writer.write(b"two\n")
        waiting = asyncio.create_task(reader.readline())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(waiting), 0.2)
        between.flow()
        assert await waiting == b"two\n"
