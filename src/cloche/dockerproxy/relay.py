"""Carries a raw stream both ways between a caller and a container, byte for byte, and looks at nothing."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from cloche.kit.http_exchange import CHUNK_BYTES, Exchange, ExchangeError

Count = Callable[[int], None]


@dataclass(frozen=True)
class Limits:
    """What ends a stream: silence of ``idle_s``, an age of ``total_s``, or that its container is ``gone``.

    The Engine itself goes on holding the stream of a container that is removed before it was started.
    """

    idle_s: float
    total_s: float
    gone: asyncio.Event


async def relay(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    exchange: Exchange,
    limits: Limits,
    count: tuple[Count, Count],
) -> None:
    """Carry until the container's side ends, either side breaks, or a limit is passed.

    The end of the caller's side is passed on as the end of stdin and does not end the relay.
    A side that does not read holds the other one up: at most one chunk and the transports'
    own buffers are held. ``count`` gets the bytes in and the bytes out, as they pass.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + limits.total_s

    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(contextlib.suppress(TimeoutError))
        limit = await stack.enter_async_context(asyncio.timeout(min(limits.idle_s, limits.total_s)))

        def passed(way: Count, size: int) -> None:
            way(size)
            limit.reschedule(min(end, loop.time() + limits.idle_s))

        async def to_container() -> None:
            while chunk := await reader.read(CHUNK_BYTES):
                passed(count[0], len(chunk))
                await exchange.write(chunk)
            exchange.write_eof()

        async def to_caller() -> None:
            while chunk := await exchange.read():
                passed(count[1], len(chunk))
                writer.write(chunk)
                await writer.drain()

        inbound = asyncio.create_task(_until_broken(to_container()))
        outbound = asyncio.create_task(_until_broken(to_caller()))
        gone = asyncio.create_task(limits.gone.wait())
        try:
            await asyncio.wait((inbound, outbound, gone), return_when=asyncio.FIRST_COMPLETED)
            if inbound.done() and inbound.result():
                await asyncio.wait((outbound, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (inbound, outbound, gone):
                task.cancel()
            await asyncio.gather(inbound, outbound, gone, return_exceptions=True)


async def _until_broken(carrying: Awaitable[None]) -> bool:
    try:
        await carrying
    except (ExchangeError, OSError, RuntimeError):  # the last is what uvloop says of a closed connection
        return False
    return True
