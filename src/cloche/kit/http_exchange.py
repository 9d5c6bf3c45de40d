"""One HTTP/1.1 request on a connection of its own, which the other side may turn into a raw stream.

For talking to a Docker Engine or to the Docker Socket Proxy: attaching to a container takes the
connection over, and a connection that serves one request can't be made to serve another.
"""

import asyncio
import contextlib
from types import TracebackType
from typing import Self

import httptools

#: How much is read at once, and held when nobody takes it.
CHUNK_BYTES = 64 * 1024


#: What writing to a connection that is gone raises: the second of these where the loop is uvloop's.
_GONE = (OSError, RuntimeError)


class ExchangeError(Exception):
    """The other side can't be reached, went away, or does not speak HTTP/1.1."""


class Exchange:
    """A request that has been sent. Close it, or use it as a context manager.

    ``address`` is ``unix:/path`` or ``http://host:port``. After ``head`` returned 101,
    ``read``, ``write`` and ``write_eof`` are the raw stream.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, upgrade: bool) -> None:
        self._reader = reader
        self._writer = writer
        self._upgrade = upgrade
        self._answer = _Answer()
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
        exchange = cls(reader, writer, upgrade=upgrade)
        fields = {"Host": "cloche", **(headers or {})}
        fields |= {"Connection": "Upgrade", "Upgrade": "tcp"} if upgrade else {"Connection": "close"}
        if body:
            fields |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        try:
            await exchange.write(f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("ascii") + body)
        except BaseException:
            exchange.abort()
            raise
        return exchange

    async def head(self) -> int:
        """The answer's status; 101 only where an upgrade was asked for.

        Raises:
            ExchangeError: the connection ended first, or it is not HTTP/1.1.
        """
        while not self._answer.status:
            await self._more()
        return self._answer.status

    async def body(self, *, limit: int) -> bytes:
        """The whole body after ``head``.

        Raises:
            ExchangeError: it is longer than ``limit`` bytes, or was cut short.
        """
        while len(self._answer.body) <= limit:
            if self._answer.whole:
                return bytes(self._answer.body)
            await self._more()
        raise ExchangeError(f"the answer is longer than {limit} bytes")

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
        except _GONE as error:
            raise ExchangeError("the connection is gone") from error

    def write_eof(self) -> None:
        """Say that nothing more will be sent; reading goes on."""
        with contextlib.suppress(*_GONE):
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

    async def _more(self) -> None:
        """Have the parser read what comes next."""
        data = await self._receive()
        if not data:
            self._answer.end()
            return
        try:
            self._answer.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgraded:
            if not self._upgrade:
                raise ExchangeError("the answer is an upgrade that nobody asked for") from None
            self._early = data[upgraded.args[0] :]
        except httptools.HttpParserError as error:
            raise ExchangeError("the answer is not one of HTTP/1.1") from error

    async def _receive(self) -> bytes:
        try:
            return await self._reader.read(CHUNK_BYTES)
        except OSError as error:
            raise ExchangeError("the connection is gone") from error


class _Answer:
    """What the parser has read so far of the one answer; statuses 100 to 199 but 101 announce it and are passed over.

    What the parser tells of and may not be is a ``ValueError`` here, which it turns into an error of its own.
    """

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.status = 0
        self.whole = False
        self.body = bytearray()
        self._has_length = False

    def on_message_begin(self) -> None:
        if self.status:
            raise ValueError("a second answer")

    def on_header(self, name: bytes, _: bytes) -> None:
        self._has_length |= name.lower() in {b"content-length", b"transfer-encoding"}

    def on_headers_complete(self) -> None:
        if self.parser.get_http_version() != "1.1":
            raise ValueError("another version")
        status = self.parser.get_status_code()
        if status == 101 or status >= 200:
            self.status = status
        elif self._has_length:
            raise ValueError("an announcement with a body")

    def on_body(self, data: bytes) -> None:
        self.body += data

    def on_message_complete(self) -> None:
        self.whole = self.status != 0

    def end(self) -> None:
        """The connection ends: so does an answer that has not said how long it is.

        Raises:
            ExchangeError: it is cut short, or there is none.
        """
        if not self.status or self._has_length:
            raise ExchangeError("the connection ended")
        self.whole = True
