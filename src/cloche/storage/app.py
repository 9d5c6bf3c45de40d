"""Composition of the Storage Worker: builds everything, owns lifetimes."""

import asyncio

from fastapi import FastAPI

from cloche.kit.background import end_all
from cloche.kit.bus import Bus
from cloche.kit.http_app import install_errors, install_operations
from cloche.kit.http_client import ServiceClient
from cloche.kit.listen import open_listener
from cloche.kit.metrics import ServiceRegistry
from cloche.kit.postgres import open_pool
from cloche.kit.serve import serve
from cloche.storage.metrics import Metrics
from cloche.storage.record_store import RecordStore
from cloche.storage.settings import StorageSettings
from cloche.storage.subscriber import Subscriber


async def run(settings: StorageSettings) -> None:
    """Subscribe and serve health until SIGTERM. What is not acknowledged is taken up at the next start."""
    registry = ServiceRegistry("storage")
    pool = await open_pool(settings.dsn.get_secret_value(), service="storage", size=4)
    bus = Bus.connect(settings.redis_url.get_secret_value(), connections=64)
    store = RecordStore(pool)
    async with ServiceClient(settings.queue, settings.queue_token.get_secret_value()) as queue:
        subscriber = Subscriber(settings, store, bus, queue, Metrics(registry))
        working = asyncio.create_task(subscriber.run())
        try:
            await serve([(_health_app(store, bus, registry), open_listener(settings.listen))])
        finally:
            await end_all([working])
            await bus.close()
            await pool.close()


def _health_app(store: RecordStore, bus: Bus, registry: ServiceRegistry) -> FastAPI:
    async def ready() -> None:
        await store.ping()
        await bus.ping()

    app = FastAPI(title="Cloche Storage Worker", openapi_url=None)
    install_errors(app)
    install_operations(app, ready=ready, metrics=registry)
    return app
