"""A small proxy of TCP and unix sockets whose connections can be dropped, half-closed, stalled and refused."""

import asyncio
import contextlib
import socket
import struct
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

Connect: TypeAlias = Callable[[], Awaitable[tuple[StreamReader, StreamWriter]]]

_PIECE_BYTES = 64 * 1024
#: On, 0 s. Source: socket(7), struct linger.
_AT_ONCE = struct.pack("ii", 1, 0)


class _Pair:
    """One connection of a caller and its other half; ``closed`` is the writer that has said its last."""

    def __init__(self, caller: StreamWriter, server: StreamWriter) -> None:
        self.caller = caller
        self.server = server
        self.closed: StreamWriter | None = None

    def abort(self) -> None:
        """With a reset, where the kind of socket has one."""
        for writer in (self.caller, self.server):
            with contextlib.suppress(OSError, ValueError):  # it is closed already
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            writer.transport.abort()


class Proxy:
    """Relays to ``connect`` byte by byte. What hurts answers how many connections it hurt."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._pairs: list[_Pair] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._refuses = False
        self._server: asyncio.Server | None = None

    async def listen_on_port(self, port: int = 0) -> int:
        """Listen on a port of loopback; which one."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port)
        return self._server.sockets[0].getsockname()[1]

    async def listen_on_path(self, path: Path) -> None:
        """Listen on a unix socket."""
        self._server = await asyncio.start_unix_server(self._accept, path)

    async def close(self) -> None:
        """End everything."""
        if self._server is not None:
            self._server.close()
        self.refuse()
        self._flowing.set()
        await asyncio.gather(*self._tasks)

    def drop(self) -> int:
        """Break every connection at once, as a cut cable or a lost router does."""
        hurt = len(self._pairs)
        for pair in list(self._pairs):
            pair.abort()
        return hurt

    def refuse(self) -> int:
        """Break every connection and every new one, until ``accept_again``."""
        self._refuses = True
        return self.drop()

    def accept_again(self) -> None:
        """Let new connections through."""
        self._refuses = False

    def half_close(self) -> int:
        """Close one direction of every connection, of every second one that towards the caller."""
        whole = [pair for pair in self._pairs if pair.closed is None]
        for number, pair in enumerate(whole):
            pair.closed = pair.caller if number % 2 else pair.server
            with contextlib.suppress(OSError):
                pair.closed.write_eof()
        return len(whole)

    def drop_half_closed(self) -> None:
        """Break the connections that ``half_close`` left open in one direction."""
        for pair in [pair for pair in self._pairs if pair.closed is not None]:
            pair.abort()

    def stall(self) -> int:
        """Let no byte through, and tell nobody."""
        self._flowing.clear()
        return len(self._pairs)

    def flow(self) -> None:
        """Let bytes through again, those first that waited."""
        self._flowing.set()

    async def _accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._serve(reader, writer)
        finally:
            self._tasks.discard(task)

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        if self._refuses:
            writer.transport.abort()
            return
        try:
            from_server, to_server = await self._connect()
        except OSError:
            writer.transport.abort()
            return
        pair = _Pair(writer, to_server)
        self._pairs.append(pair)
        try:
            await asyncio.gather(self._copy(reader, to_server, pair), self._copy(from_server, writer, pair))
        finally:
            self._pairs.remove(pair)
            pair.abort()

    async def _copy(self, reader: StreamReader, writer: StreamWriter, pair: _Pair) -> None:
        """Until one side ends; the other is then told, or broken if this one was."""
        try:
            while piece := await reader.read(_PIECE_BYTES):
                await self._flowing.wait()
                if pair.closed is not writer:
                    writer.write(piece)
                    await writer.drain()
            if pair.closed is not writer and not writer.transport.is_closing():
                writer.write_eof()
        except OSError:
            pair.abort()
