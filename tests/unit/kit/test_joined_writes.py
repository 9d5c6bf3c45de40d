"""An answer's head and body, which uvicorn writes one after the other, are sent together, and before the end."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.types import ASGIApp
from uvicorn import Config
from uvicorn.server import ServerState

from cloche.kit.bounded_http import BoundedHttp


class Recording(asyncio.Transport):
    """Keeps what it is told to send, each time it is told."""

    def __init__(self) -> None:
        super().__init__({"peername": ("test", 1), "sockname": ("test", 2)})
        self.sent: list[bytes] = []
        self.closed = False

    def writelines(self, list_of_data: Any) -> None:
        assert not self.closed
        self.sent.append(b"".join(list_of_data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        pass


async def answered(app: ASGIApp, *headers: str) -> Recording:
    """What a GET of ``app`` sends."""
    config = Config(app, log_config=None, server_header=False, date_header=False)
    config.load()
    transport = Recording()
    protocol = BoundedHttp(config=config, server_state=ServerState(), app_state={})
    protocol.connection_made(transport)
    protocol.data_received("\r\n".join(["GET / HTTP/1.1", "Host: test", *headers, "", ""]).encode())
    async with asyncio.timeout(5):
        while not (protocol.cycle and protocol.cycle.response_complete):  # noqa: ASYNC110  (uvicorn has none)
            await asyncio.sleep(0)
    await asyncio.sleep(0)
    protocol.connection_lost(None)
    return transport


async def test_a_short_answer_is_sent_at_once() -> None:
    transport = await answered(PlainTextResponse("hello"))
    (sent,) = transport.sent
    assert sent.startswith(b"HTTP/1.1 200 OK\r\n")
    assert sent.endswith(b"\r\n\r\nhello")


async def test_an_answer_is_sent_before_its_connection_is_closed() -> None:
    transport = await answered(PlainTextResponse("hello"), "Connection: close")
    assert [sent[-5:] for sent in transport.sent] == [b"hello"]
    assert transport.closed


@pytest.mark.parametrize("pause_s", [0, 0.01])
async def test_pieces_of_a_stream_do_not_wait_for_each_other(pause_s: float) -> None:
    async def pieces() -> AsyncGenerator[bytes]:
        for piece in (b"one", b"two"):
            yield piece
            await asyncio.sleep(pause_s)

    transport = await answered(StreamingResponse(pieces()))
    assert [piece for piece in (b"one", b"two") for sent in transport.sent if piece in sent] == [b"one", b"two"]
    assert not any(b"one" in sent and b"two" in sent for sent in transport.sent)


async def test_what_comes_without_a_pause_is_not_gathered_without_bound() -> None:
    async def pieces() -> AsyncGenerator[bytes]:
        for _ in range(100):
            yield b"x" * 10_000

    transport = await answered(StreamingResponse(pieces()))
    assert sum(map(len, transport.sent)) > 1_000_000
    assert max(map(len, transport.sent)) < 100_000
