"""A relay that does nothing but pass bytes on: what any proxy of one event loop costs before it decides anything.

python benchmarks/bare_relay.py LISTEN_SOCKET ENGINE_SOCKET
"""

import asyncio
import sys
from typing import cast

import uvloop


class End(asyncio.Protocol):
    """One side of a relayed connection."""

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self._early = b""
        self.transport: asyncio.Transport | None = None
        self.other: End | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        if self.other is None:
            self._connecting = asyncio.ensure_future(self._connect())

    async def _connect(self) -> None:
        self.other = End(self._engine)
        self.other.other = self
        await asyncio.get_running_loop().create_unix_connection(lambda: cast(End, self.other), self._engine)
        self.other.send(self._early)

    def send(self, data: bytes) -> None:
        """Pass on, or keep until the other side is connected."""
        if self.transport is not None:
            self.transport.write(data)

    def data_received(self, data: bytes) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.send(data)
        else:
            self._early += data

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  (asyncio's)
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()


async def main(listen: str, engine: str) -> None:
    """Relay until terminated."""
    server = await asyncio.get_running_loop().create_unix_server(lambda: End(engine), listen)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
