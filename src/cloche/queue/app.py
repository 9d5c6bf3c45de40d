"""Composition root of the Queue Service: builds everything, owns lifetimes."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from fastapi import FastAPI

from cloche.kit.background import end_all
from cloche.kit.bus import Bus
from cloche.kit.database_errors import install_database_errors
from cloche.kit.http_app import BodyLimit, install_errors, install_operations
from cloche.kit.listen import ListenError, is_local, open_listener
from cloche.kit.people import ForeignPageGuard, KeyRing
from cloche.kit.postgres import UNAVAILABLE, Pool, open_pool
from cloche.kit.serve import serve
from cloche.queue.configured import Configured
from cloche.queue.dead import DeadLetters
from cloche.queue.depth import Depth
from cloche.queue.executors import Executors
from cloche.queue.faults import Faults
from cloche.queue.internal_routes import InternalFace, internal_router
from cloche.queue.leasing import Leasing
from cloche.queue.loads import Loads
from cloche.queue.metrics import Meters
from cloche.queue.people import PeopleView
from cloche.queue.people_routes import people_router
from cloche.queue.reaper import Care, Reaper
from cloche.queue.relay import Relay
from cloche.queue.replicas import wake_each_other
from cloche.queue.results import Results
from cloche.queue.settings import QueueSettings
from cloche.queue.signals import Signals
from cloche.queue.single import as_only_one
from cloche.queue.tasks import Tasks

#: A lease answer or an enqueue of many programs; people send next to nothing.
INTERNAL_BODY_BYTES = 64 * 1024 * 1024
PUBLIC_BODY_BYTES = 64 * 1024

_READY = "SELECT count(*) FROM queue.lane"


@dataclass(frozen=True, slots=True)
class QueueService:
    """A running service: two applications, which must never share a listener, and the long poll."""

    internal: FastAPI
    public: FastAPI
    leasing: Leasing


async def run(settings: QueueSettings) -> None:
    """Serve until SIGTERM.

    Raises:
        ListenError: an address can't be listened on, or would let strangers in without keys.
    """
    if not settings.require_keys and not is_local(settings.public_listen):
        raise ListenError("the public face listens beyond loopback: set CLOCHE_QUEUE_REQUIRE_KEYS")
    internal = open_listener(settings.internal_listen)
    public = open_listener(settings.public_listen)
    async with open_service(settings) as service:

        async def stop_polls() -> None:
            service.leasing.close()

        await serve([(service.internal, internal), (service.public, public)], on_stop=stop_polls)


@contextlib.asynccontextmanager
async def open_service(settings: QueueSettings) -> AsyncGenerator[QueueService]:
    """Everything but the listeners, with what works in the background until the end."""
    dsn = settings.dsn.get_secret_value()
    pool = await open_pool(dsn, service="queue", size=settings.pool_size, plan_once=True)
    bus = Bus.connect(settings.redis_url.get_secret_value())
    configured = Configured(settings.lanes, settings.tenants, settings.other_tenants)
    signals, meters = Signals(limited=configured.limits_running), Meters()
    tasks = Tasks(pool, signals, meters, lease_s=settings.lease_s)
    faults = Faults(pool, signals, meters)
    executors = Executors(pool)
    leasing = Leasing(tasks, faults, executors, signals)
    face = InternalFace(tasks, faults, leasing, executors, Results(pool), Loads(pool))
    relay = Relay(bus, signals, meters)
    with contextlib.suppress(*UNAVAILABLE):  # then the reaper does it
        await configured.apply(pool)
    reaper = Reaper(faults, executors, configured, Care(settings.lease_s, settings.result_days))
    background = [
        asyncio.create_task(as_only_one(pool, "relay", relay.run)),
        asyncio.create_task(as_only_one(pool, "reaper", reaper.run)),
        asyncio.create_task(as_only_one(pool, "depth", Depth(meters).run)),
        asyncio.create_task(wake_each_other(dsn, signals)),
    ]
    try:
        yield QueueService(
            internal=_internal_app(settings, pool, meters, face),
            public=public_app(settings, pool, meters, PeopleView(pool, executors, signals), DeadLetters(pool)),
            leasing=leasing,
        )
    finally:
        await end_all(background)
        await bus.close()
        await pool.close()


def _internal_app(settings: QueueSettings, pool: Pool, meters: Meters, face: InternalFace) -> FastAPI:
    app = FastAPI(title="Cloche Queue Service, internal", openapi_url=None)
    app.add_middleware(BodyLimit, limit=INTERNAL_BODY_BYTES)
    _install(app, pool, meters)
    tokens = {name: token.get_secret_value() for name, token in settings.tokens.items()}
    app.router.routes.extend(internal_router(face, tokens).routes)
    return app


def public_app(settings: QueueSettings, pool: Pool, meters: Meters, view: PeopleView, letters: DeadLetters) -> FastAPI:
    """People's face of the queue; the other arguments are used when it serves."""
    app = FastAPI(
        title="Cloche Queue", version="1", openapi_url="/queue/v1/openapi.json", docs_url=None, redoc_url=None
    )
    app.add_middleware(BodyLimit, limit=PUBLIC_BODY_BYTES)
    if not settings.require_keys:
        app.add_middleware(ForeignPageGuard, hosts=frozenset(settings.hosts))
    _install(app, pool, meters)
    app.state.keys = KeyRing(pool, required=settings.require_keys)
    app.include_router(people_router(view, letters))
    return app


def _install(app: FastAPI, pool: Pool, meters: Meters) -> None:
    async def ready() -> None:
        await pool.fetchval(_READY, timeout=2)

    install_errors(app)
    install_database_errors(app)
    install_operations(app, ready=ready, metrics=meters.registry)
