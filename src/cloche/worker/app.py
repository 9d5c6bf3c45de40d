"""Composition of the Queue Worker: builds everything, owns lifetimes."""

import asyncio

from fastapi import FastAPI

from cloche.kit.bus import Bus
from cloche.kit.errors import UnavailableError
from cloche.kit.http_app import install_errors, install_operations
from cloche.kit.http_client import ServiceClient
from cloche.kit.listen import open_listener
from cloche.kit.metrics import ServiceRegistry
from cloche.kit.serve import serve
from cloche.worker.fleet import Fleet
from cloche.worker.metrics import Metrics
from cloche.worker.settings import WorkerSettings
from cloche.worker.worker import Worker


async def run(settings: WorkerSettings) -> None:
    """Work and serve health until SIGTERM, then drain."""
    registry = ServiceRegistry("worker")
    bus = Bus.connect(settings.redis_url.get_secret_value(), connections=128)
    metrics = Metrics(registry)
    fleet = Fleet(settings.executors)
    metrics.tell_of_executors(fleet.free, fleet.usable)
    stop = asyncio.Event()
    async with ServiceClient(settings.queue, settings.queue_token.get_secret_value(), timeout_s=15) as queue:
        worker = Worker(settings, queue, fleet, bus, metrics)
        working = asyncio.create_task(worker.run(stop))
        try:
            app = _health_app(worker, fleet, bus, registry)
            await serve([(app, open_listener(settings.listen))], on_stop=lambda: _stop(stop, working))
        finally:
            stop.set()
            await working
            await fleet.close()
            await bus.close()


async def _stop(stop: asyncio.Event, working: asyncio.Task[None]) -> None:
    stop.set()
    await working


def _health_app(worker: Worker, fleet: Fleet, bus: Bus, registry: ServiceRegistry) -> FastAPI:
    async def ready() -> None:
        if not worker.reaches_queue:
            raise UnavailableError("The Queue Service does not answer.")
        if not fleet.can_run():
            raise UnavailableError("No executor offers a runtime.")
        await bus.ping()

    app = FastAPI(title="Cloche Queue Worker", openapi_url=None)
    install_errors(app)
    install_operations(app, ready=ready, metrics=registry)
    return app
