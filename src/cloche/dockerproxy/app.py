"""Builds the proxy from its settings and owns its lifetime."""

import asyncio
import contextlib
import socket

from cloche.dockerproxy import policy
from cloche.dockerproxy.callers import Gate
from cloche.dockerproxy.calls import Calls
from cloche.dockerproxy.engine import Engine, check_version
from cloche.dockerproxy.images import resolve_images
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


async def run(settings: ProxySettings) -> None:
    """Serve until SIGTERM. Containers stay as they are: the next start takes them over.

    Raises:
        UnavailableError: the Engine does not answer at the start, or speaks another version of its API.
        UnfitImageError: an image is missing or may not be used.
        ListenError: the address can't be listened on.
    """
    stop = stop_event()
    server, janitor = await compose(settings)
    listener = open_listener(settings.listen, mode=0o660)
    start = asyncio.start_unix_server if listener.family == socket.AF_UNIX else asyncio.start_server
    listening = await start(server.connected, sock=listener, limit=CHUNK_BYTES)
    sweeping = asyncio.create_task(janitor.run())
    # It ends by itself only by a defect, and without it nothing may be served.
    sweeping.add_done_callback(lambda _: stop.set())
    log.info("proxy.ready", images=sorted(settings.images))
    try:
        await stop.wait()
    finally:
        listening.close()
        sweeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sweeping


async def compose(settings: ProxySettings) -> tuple[Server, Janitor]:
    """The parts, put together, knowing their containers; nobody is listened to yet. Raises as ``run``."""
    registry = Registry(settings.caps)
    metrics = ProxyMetrics(registry)
    engine = Engine(settings.docker_socket, lambda name, s: metrics.engine_seconds.labels(request=name).observe(s))
    check_version(await engine.tell(policy.version()))
    images = await resolve_images(engine, settings.images)
    janitor = Janitor(
        engine,
        registry,
        instance=settings.instance,
        max_lifetime_s=settings.max_lifetime_s,
        linger_s=settings.linger_s,
    )
    await janitor.rebuild()
    server = Server(
        Calls(engine, registry, settings.bounds(images), instance=settings.instance, runtime=settings.runtime),
        Streams(engine, registry, metrics, idle_s=settings.idle_s, total_s=settings.max_lifetime_s),
        Gate(settings.allowed_uids, settings.token.get_secret_value() if settings.token else None),
        metrics,
        max_connections=settings.max_containers * CONNECTIONS_PER_CONTAINER + SPARE_CONNECTIONS,
    )
    return server, janitor
