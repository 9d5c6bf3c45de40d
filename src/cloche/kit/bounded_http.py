"""HTTP/1.1 as uvicorn speaks it, with bounds on what clients may send, and on how long they may read nothing."""

import asyncio
from typing import Any, Final, cast

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from cloche.contracts.problem import Problem
from cloche.kit.http_app import PROBLEM_TYPE

#: Request line and headers together. One read from the socket (up to 250 KiB) may go beyond.
MAX_HEAD_BYTES: Final = 64 * 1024
#: A client of people's that takes nothing of its answer for this long is cut off.
STALL_S: Final = 60.0
#: More is not held back to be sent together: what a client does not take must hold up who writes.
_JOINED_BYTES: Final = 64 * 1024
#: After a refusal the connection stays open this long, so that a client that still sends can read it.
_LINGER_S: Final = 1.0


def _refusal() -> bytes:
    title = "The request's headers are too large."
    detail = f"The request line and its headers have more than {MAX_HEAD_BYTES} bytes."
    problem = Problem(title=title, status=431, code="headers_too_large", detail=detail)
    body = orjson.dumps(problem.model_dump(mode="json", exclude_none=True))
    head = f"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Type: {PROBLEM_TYPE}\r\n"
    return f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


class _JoinedWrites:
    """A transport that sends at once what was written within a turn of the loop: an answer's head and its body.

    uvicorn writes them one after the other, which are two system calls here and two wake-ups at the other side.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []
        self._held_bytes = 0

    def write(self, data: bytes) -> None:
        if not self._held:
            self._loop.call_soon(self._send)
        self._held.append(data)
        self._held_bytes += len(data)
        if self._held_bytes > _JOINED_BYTES:
            self._send()

    def write_eof(self) -> None:
        self._send()
        self._transport.write_eof()

    def close(self) -> None:
        self._send()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def _send(self) -> None:
        held, self._held, self._held_bytes = self._held, [], 0
        if held and not self._transport.is_closing():
            self._transport.writelines(held)


class BoundedHttp(HttpToolsProtocol):
    """A client that sends headers (or trailers) without end is told 431 and cut off.

    The parser holds a header until it is complete, without a bound of its own; so what counts
    is how many bytes arrived since it last found the end of something.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._undecided = 0
        self._refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(cast("asyncio.Transport", _JoinedWrites(transport, self.loop)))

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._undecided += len(data)
        super().data_received(data)
        if self._undecided > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse()

    def on_headers_complete(self) -> None:
        self._undecided = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._undecided = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._undecided = 0
        super().on_message_complete()

    def _refuse(self) -> None:
        self._refused = True
        self.transport.write(_refusal())
        self.transport.write_eof()
        self.loop.call_later(_LINGER_S, self.transport.close)


class StallBoundedHttp(BoundedHttp):
    """And a client that stops reading its answer holds neither a connection nor what is buffered for it."""

    stall_s: float = STALL_S

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._stalled: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled = self.loop.call_later(self.stall_s, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._read_on()

    def connection_lost(self, exc: Exception | None) -> None:
        self._read_on()
        super().connection_lost(exc)

    def _read_on(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
