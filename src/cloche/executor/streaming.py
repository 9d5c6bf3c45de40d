"""An HTTP answer that closes its source as soon as the reader is gone."""

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

from starlette.responses import Response
from starlette.types import Receive, Scope, Send


class LineSource(Protocol):
    """What yields the lines of an answer."""

    def lines(self) -> AsyncIterator[bytes]:
        """Pieces of one or more whole lines."""
        ...

    async def close(self) -> None:
        """Release what is held; idempotent, also before the first line."""
        ...


class StreamAnswer(Response):
    """Sends what ``source`` yields as it comes; closes it at its end or when the connection ends."""

    media_type = "application/x-ndjson"

    def __init__(self, source: LineSource) -> None:
        super().__init__()
        del self.headers["content-length"]
        self._source = source

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  (ASGI's signature)
        sending = asyncio.create_task(self._send(send))
        watching = asyncio.create_task(_disconnected(receive))
        try:
            await asyncio.wait([sending, watching], return_when=asyncio.FIRST_COMPLETED)
        finally:
            sending.cancel()
            watching.cancel()
            await asyncio.wait([sending, watching])
            await self._source.close()
        if not sending.cancelled() and (error := sending.exception()) is not None:
            raise error

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        async for piece in self._source.lines():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
