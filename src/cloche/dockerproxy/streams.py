"""The two calls that last: attach, which becomes a raw stream, and wait, which answers at the end."""

import asyncio
import json
from collections.abc import Callable
from typing import Final

from cloche.dockerproxy import policy
from cloche.dockerproxy.engine import CALL_S, Engine, refused
from cloche.dockerproxy.metrics import ProxyMetrics
from cloche.dockerproxy.policy import ContainerId
from cloche.dockerproxy.registry import Registry
from cloche.dockerproxy.relay import Limits, relay
from cloche.kit.errors import UnavailableError
from cloche.kit.http_exchange import Exchange, ExchangeError

_SWITCHED: Final = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
_WAITING: Final = (
    b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
)
_MAX_ANSWER_BYTES: Final = 64 * 1024

Agreed = Callable[[int], None]


class Streams:
    """Attach and wait. ``idle_s`` and ``total_s`` bound how long a stream may be silent and may last."""

    def __init__(
        self, engine: Engine, registry: Registry, metrics: ProxyMetrics, *, idle_s: float, total_s: float
    ) -> None:
        self._engine = engine
        self._registry = registry
        self._metrics = metrics
        self._idle_s = idle_s
        self._total_s = total_s

    async def attach(
        self, container: ContainerId, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, agreed: Agreed
    ) -> None:
        """Join the caller to an own container's stdin, stdout and stderr, once the Engine itself switched.

        What the caller sent earlier than its 101 reaches the container only after the Engine's own.

        Raises:
            NotFoundError, ConflictError, UnavailableError: the Engine did not switch.
            NoRoomError: as many attachments as allowed are open.
        """
        relayed = self._metrics.relayed_bytes
        count = (relayed.labels(direction="in").inc, relayed.labels(direction="out").inc)
        with self._registry.attach(container) as gone:
            async with await self._ask(policy.attach(container), 101) as exchange:
                agreed(101)
                writer.write(_SWITCHED)
                limits = Limits(self._idle_s, self._total_s, gone)
                await relay(reader, writer, exchange, limits, count)

    async def wait(
        self, container: ContainerId, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, agreed: Agreed
    ) -> None:
        """Answer the head as soon as the Engine waits, and ``{"status_code": n}`` at the next exit.

        The head before the body tells the caller that no exit can be missed any more. A caller
        that goes away, or says anything further, ends the wait; so does ``total_s``, by closing
        without a body.

        Raises:
            NotFoundError, ConflictError, UnavailableError: the Engine does not wait.
        """
        request = policy.wait(self._registry.check(container))
        async with await self._ask(request, 200) as exchange:
            agreed(200)
            writer.write(_WAITING)
            await writer.drain()
            ended = asyncio.create_task(exchange.body(limit=_MAX_ANSWER_BYTES))
            spoke = asyncio.create_task(reader.read(1))
            try:
                await asyncio.wait((ended, spoke), timeout=self._total_s, return_when=asyncio.FIRST_COMPLETED)
                if ended.done():
                    writer.write(_only_chunk(_exit_status(await ended)))
                    await writer.drain()
            except ExchangeError:
                return
            finally:
                for task in (ended, spoke):
                    task.cancel()
                await asyncio.gather(ended, spoke, return_exceptions=True)

    async def _ask(self, request: policy.EngineRequest, wanted: int) -> Exchange:
        try:
            async with asyncio.timeout(CALL_S):
                exchange = await self._engine.open(request)
                status = 0
                try:
                    status = await self._engine.head(request, exchange)
                    said = await exchange.body(limit=_MAX_ANSWER_BYTES) if status != wanted else b""
                finally:
                    if status != wanted:
                        exchange.abort()
        except (ExchangeError, TimeoutError) as error:
            raise UnavailableError("The Docker Engine does not answer.") from error
        if status != wanted:
            raise refused(status, said)
        return exchange


def _only_chunk(body: bytes) -> bytes:
    return (b"%x\r\n%s\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"


def _exit_status(answer: bytes) -> bytes:
    try:
        return json.dumps({"status_code": int(json.loads(answer)["StatusCode"])}).encode()
    except (ValueError, KeyError, TypeError):
        return b""
