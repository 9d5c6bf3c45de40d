"""One HTTP/1.1 request on a connection of its own, which the other side may turn into a raw stream.

For talking to a Docker Engine or to the Docker Socket Proxy: attaching to a container takes the
connection over, and a connection that serves one request can't be made to serve another.
"""

import asyncio
import contextlib
from types import TracebackType
from typing import Self

import h11

#: How much is read at once, and held when nobody takes it.
CHUNK_BYTES = 64 * 1024


class ExchangeError(Exception):
    """The other side can't be reached, went away, or does not speak HTTP/1.1."""


class Exchange:
    """A request that has been sent. Close it, or use it as a context manager.

    ``address`` is ``unix:/path`` or ``http://host:port``. After ``head`` returned 101,
    ``read``, ``write`` and ``write_eof`` are the raw stream.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT)
        self._early = b""

    @classmethod
    async def open(
        cls,
        address: str,
        method: str,
        target: str,
        *,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        upgrade: bool = False,
    ) -> Self:
        """Connect and send one request; ``upgrade`` asks for a raw stream.

        Raises:
            ExchangeError: nobody listens there, or it went away.
        """
        try:
            if address.startswith("unix:"):
                reader, writer = await asyncio.open_unix_connection(address.removeprefix("unix:"), limit=CHUNK_BYTES)
            else:
                host, _, port = address.removeprefix("http://").rpartition(":")
                reader, writer = await asyncio.open_connection(host.strip("[]"), int(port), limit=CHUNK_BYTES)
        except OSError as error:
            raise ExchangeError(f"can't connect: {error.strerror}") from error
        exchange = cls(reader, writer)
        fields = [("Host", "cloche"), *(headers or {}).items()]
        fields += [("Connection", "Upgrade"), ("Upgrade", "tcp")] if upgrade else [("Connection", "close")]
        if body:
            fields += [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        http = exchange._http
        sent = http.send(h11.Request(method=method, target=target, headers=fields)) or b""
        if body:
            sent += http.send(h11.Data(data=body)) or b""
        try:
            await exchange.write(sent + (http.send(h11.EndOfMessage()) or b""))
        except BaseException:
            exchange.abort()
            raise
        return exchange

    async def head(self) -> int:
        """The answer's status; 101 only where an upgrade was asked for.

        Raises:
            ExchangeError: the connection ended first, or it is not HTTP/1.1.
        """
        while True:
            event = await self._next_event()
            if isinstance(event, h11.InformationalResponse) and event.status_code == 101:
                self._early = self._http.trailing_data[0]
                return 101
            if isinstance(event, h11.Response):
                return event.status_code

    async def body(self, *, limit: int) -> bytes:
        """The whole body after ``head``.

        Raises:
            ExchangeError: it is longer than ``limit`` bytes, or was cut short.
        """
        got = bytearray()
        while not isinstance(event := await self._next_event(), h11.EndOfMessage):
            if isinstance(event, h11.Data):
                got += event.data
            if len(got) > limit:
                raise ExchangeError(f"the answer is longer than {limit} bytes")
        return bytes(got)

    async def read(self) -> bytes:
        """The raw stream's next bytes; ``b""`` at its end."""
        if self._early:
            early, self._early = self._early, b""
            return early
        return await self._receive()

    async def write(self, data: bytes) -> None:
        """Send; returns when the other side takes more.

        Raises:
            ExchangeError: the connection is gone.
        """
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise ExchangeError("the connection is gone") from error

    def write_eof(self) -> None:
        """Say that nothing more will be sent; reading goes on."""
        with contextlib.suppress(OSError):
            self._writer.write_eof()

    def abort(self) -> None:
        """Drop the connection at once, without waiting; idempotent."""
        self._writer.transport.abort()

    async def close(self) -> None:
        """Send what is left, then close; idempotent."""
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abort()

    async def _next_event(self) -> h11.Event:
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                self._http.receive_data(await self._receive())
        except h11.RemoteProtocolError as error:
            raise ExchangeError("the answer is cut short or not HTTP/1.1") from error
        if not isinstance(event, h11.Event) or isinstance(event, h11.ConnectionClosed):
            raise ExchangeError("the connection ended")
        return event

    async def _receive(self) -> bytes:
        try:
            return await self._reader.read(CHUNK_BYTES)
        except OSError as error:
            raise ExchangeError("the connection is gone") from error
