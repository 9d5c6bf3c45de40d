"""A client that stops reading its answer is cut off; one that reads slowly is not."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from cloche.kit.bounded_http import StallBoundedHttp
from cloche.kit.listen import open_listener

CHUNK = b"x" * 65536
REQUEST = b"GET / HTTP/1.1\r\nHost: cloche\r\n\r\n"


class Impatient(StallBoundedHttp):
    """With less patience than people get."""

    stall_s = 0.5


class Endless:
    """Streams without end; ``left`` is set when nobody takes it any more."""

    def __init__(self) -> None:
        self.left = asyncio.Event()
        self.sent = 0

    async def answer(self, _: Request) -> StreamingResponse:
        return StreamingResponse(self._body())

    async def _body(self) -> AsyncIterator[bytes]:
        try:
            while True:
                yield CHUNK
                self.sent += len(CHUNK)
                await asyncio.sleep(0)  # as whatever waits for events does
        finally:
            self.left.set()


@contextlib.asynccontextmanager
async def served(path: Path) -> AsyncIterator[Endless]:
    endless = Endless()
    app = Starlette(routes=[Route("/", endless.answer)])
    server = uvicorn.Server(uvicorn.Config(app, http=Impatient, log_config=None, lifespan="off"))
    with open_listener(f"unix:{path}") as listener:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield endless
        finally:
            server.should_exit = server.force_exit = True
            await serving


@pytest.mark.timeout(30)
async def test_reader_that_takes_nothing_is_cut_off(tmp_path: Path):
    async with served(tmp_path / "s") as endless:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(tmp_path / "s"))
            client.sendall(REQUEST)
            await endless.left.wait()
            assert endless.sent < 4 * 1024 * 1024  # what the sockets and one buffer hold, no more


@pytest.mark.timeout(30)
async def test_reader_that_is_slow_is_waited_for(tmp_path: Path):
    async with served(tmp_path / "s") as endless:
        reader, writer = await asyncio.open_unix_connection(tmp_path / "s", limit=1024)
        writer.write(REQUEST)
        came = 0
        for _ in range(20):
            came += len(await reader.readexactly(512 * 1024))
            await asyncio.sleep(0.1)
        assert came == 20 * 512 * 1024
        assert not endless.left.is_set()
        writer.close()
