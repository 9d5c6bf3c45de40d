"""Run ASGI applications on sockets until SIGTERM: startup → serve → drain → stop."""

import asyncio
import contextlib
import ctypes
import signal
import socket
from collections.abc import Awaitable, Callable, Generator
from typing import Any

import uvicorn

from cloche.kit.bounded_http import BoundedHttp, StallBoundedHttp

#: How long open requests may take to end after SIGTERM.
DRAIN_S = 5


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling: one process may hold several servers."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


async def serve(
    listeners: list[tuple[Any, socket.socket]],
    *,
    on_stop: Callable[[], Awaitable[None]] | None = None,
    for_people: bool = False,
) -> None:
    """Serve each application on its socket until SIGTERM or SIGINT; then drain and return.

    ``on_stop`` runs when the signal arrives, before connections are closed. ``for_people`` cuts off clients that
    stop reading; services wait for one another.
    """
    stop = stop_event()
    servers = [
        _Server(
            uvicorn.Config(
                app,
                loop="uvloop",
                http=StallBoundedHttp if for_people else BoundedHttp,
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=DRAIN_S,
                timeout_keep_alive=75,
            )
        )
        for app, _ in listeners
    ]
    tasks = [
        asyncio.create_task(server.serve(sockets=[listener]))
        for server, (_, listener) in zip(servers, listeners, strict=True)
    ]
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
    if on_stop is not None:
        await on_stop()
    for server in servers:
        server.should_exit = True
    await asyncio.gather(*tasks)
    stopped.cancel()


def stop_event() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set. Call from the running loop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


def harden_process() -> None:
    """Make this process non-dumpable: others of the same user can't read its memory or ``/proc`` entries.

    Source: prctl(2), PR_SET_DUMPABLE.
    """
    pr_set_dumpable = 4
    ctypes.CDLL(None, use_errno=True).prctl(pr_set_dumpable, 0, 0, 0, 0)
