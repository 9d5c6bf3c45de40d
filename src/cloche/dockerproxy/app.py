"""Builds the proxy from its settings and owns its lifetime."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Coroutine
from typing import Any

from cloche.dockerproxy.callers import Gate
from cloche.dockerproxy.calls import Calls
from cloche.dockerproxy.engine import Engine
from cloche.dockerproxy.images import Images
from cloche.dockerproxy.janitor import Janitor
from cloche.dockerproxy.metrics import ProxyMetrics
from cloche.dockerproxy.registry import Registry
from cloche.dockerproxy.server import Server
from cloche.dockerproxy.settings import ProxySettings
from cloche.dockerproxy.streams import Streams
from cloche.kit.http_exchange import CHUNK_BYTES
from cloche.kit.listen import open_listener
from cloche.kit.logs import get_logger
from cloche.kit.serve import stop_event

log = get_logger()

#: A container has an attachment, a wait and one more call at a time; some room for probes.
CONNECTIONS_PER_CONTAINER = 3
SPARE_CONNECTIONS = 32
Watch = Callable[[], Coroutine[Any, Any, None]]


async def run(settings: ProxySettings) -> None:
    """Serve until SIGTERM. Containers stay as they are: the next start takes them over.

    Raises:
        UnavailableError: the Engine does not answer at the start, or speaks another version of its API.
        ListenError: the address can't be listened on.
    """
    stop = stop_event()
    server, watchers = await compose(settings)
    listener = open_listener(settings.listen, mode=0o660)
    start = asyncio.start_unix_server if listener.family == socket.AF_UNIX else asyncio.start_server
    listening = await start(server.connected, sock=listener, limit=CHUNK_BYTES)
    watching = asyncio.gather(*(watch() for watch in watchers))
    # It ends by itself only by a defect, and without it nothing may be served.
    watching.add_done_callback(lambda _: stop.set())
    log.info("proxy.ready")
    try:
        await stop.wait()
    finally:
        listening.close()
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching


async def compose(settings: ProxySettings) -> tuple[Server, tuple[Watch, ...]]:
    """The parts, put together, knowing their containers, and what must run beside the server.

    Nobody is listened to yet. Raises as ``run``.
    """
    registry = Registry(settings.caps)
    metrics = ProxyMetrics(registry)
    engine = Engine(settings.docker_socket, lambda name, s: metrics.engine_seconds.labels(request=name).observe(s))
    await engine.negotiate()
    images = Images(engine, settings.images)
    await images.look()
    janitor = Janitor(
        engine,
        registry,
        instance=settings.instance,
        max_lifetime_s=settings.max_lifetime_s,
        linger_s=settings.linger_s,
    )
    await janitor.rebuild()
    server = Server(
        Calls(
            engine, registry, images, settings.bounds(images.fit), instance=settings.instance, runtime=settings.runtime
        ),
        Streams(engine, registry, metrics, idle_s=settings.idle_s, total_s=settings.max_lifetime_s),
        Gate(settings.allowed_uids, settings.token.get_secret_value() if settings.token else None),
        metrics,
        max_connections=settings.max_containers * CONNECTIONS_PER_CONTAINER + SPARE_CONNECTIONS,
    )
    return server, (janitor.run, images.watch)
