"""An Engine that says yes to everything and keeps what it was told."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path


class RecordingEngine:
    """``said`` has the bytes of each connection, in the order they were opened."""

    def __init__(self, *, switches: bool = True) -> None:
        self.said: list[bytearray] = []
        self._switches = switches
        self._ids = count(1)

    @asynccontextmanager
    async def listening(self, path: Path) -> AsyncIterator[None]:
        """Serve at ``path`` meanwhile."""
        server = await asyncio.start_unix_server(self._connected, path)
        try:
            yield
        finally:
            server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = bytearray()
        self.said.append(said)
        try:
            said += await reader.readuntil(b"\r\n\r\n")
            writer.write(self._answer(bytes(said)))
            while data := await reader.read(65536):
                said += data
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def _answer(self, head: bytes) -> bytes:
        if b"/attach?" in head.partition(b"\r\n")[0]:
            return (
                b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
                if self._switches
                else b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
            )
        body = json.dumps(self._content(head.partition(b"\r\n")[0])).encode()
        return b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body

    def _content(self, line: bytes) -> object:
        if b" /version " in line:
            return {"ApiVersion": "1.41", "MinAPIVersion": "1.12"}
        if b"/images/" in line:
            return {"Id": f"sha256:{'a' * 64}", "Config": {}}
        if b"/containers/create" in line:
            return {"Id": f"{next(self._ids):0>58x}abcdef"}
        if b"/containers/json" in line:
            return []
        return {"StatusCode": 0, "State": {"Status": "created", "ExitCode": 0, "OOMKilled": False}}
