"""Composition of the API Service: builds everything, owns lifetimes."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import NamedTuple

from fastapi import FastAPI

from cloche.api.admission import Admission
from cloche.api.batches.comparison import Comparisons
from cloche.api.batches.feed import BatchFeed
from cloche.api.batches.reruns import Reruns
from cloche.api.batches.service import Batches, Rules
from cloche.api.batches.store import BatchStore
from cloche.api.body_limit import BodyLimits
from cloche.api.catalogue import CatalogueReader
from cloche.api.compat.install import install_doors
from cloche.api.metrics import Metrics
from cloche.api.outbox import OutboxRelay
from cloche.api.parts import Parts
from cloche.api.routes import batch_comparisons, batch_results, batches, catalogue, evaluations, problems, streams
from cloche.api.service import Evaluations
from cloche.api.settings import ApiSettings
from cloche.api.store import EvaluationStore
from cloche.api.watch import Follower
from cloche.contracts.batches import BatchRequest, ProblemRequest
from cloche.contracts.submission import EvaluationRequest, GroupRequest
from cloche.kit.background import Background
from cloche.kit.bus import Bus
from cloche.kit.database_errors import install_database_errors
from cloche.kit.http_app import install_errors, install_operations
from cloche.kit.http_client import ServiceClient
from cloche.kit.metrics import ServiceRegistry
from cloche.kit.people import ForeignPageGuard, KeyRing
from cloche.kit.postgres import Pool, open_pool

DESCRIPTION = """Run untrusted programs in isolated containers, watch them live, keep every verdict.

Submit with `POST /api/v1/evaluations`, follow with `GET …/events` (server-sent events), read with
`GET …/{id}`. Errors are `application/problem+json`; `code` is stable.
"""


def create_app(settings: ApiSettings) -> FastAPI:
    """The application; connections open when it starts serving."""
    registry = ServiceRegistry("api")
    app = FastAPI(
        title="Cloche API",
        version="1",
        description=DESCRIPTION,
        lifespan=lambda app: _lifespan(app, settings, Metrics(registry)),
        docs_url=None,
        redoc_url=None,
    )
    for part in (evaluations, batches, batch_results, batch_comparisons, problems, streams, catalogue):
        app.include_router(part.router)
    install_doors(app, settings)
    install_errors(app)
    install_database_errors(app)
    if not settings.require_keys:
        app.add_middleware(ForeignPageGuard, hosts=frozenset(settings.hosts))
    app.add_middleware(BodyLimits, limit=settings.max_body_bytes, upload_limit=settings.max_upload_bytes)
    install_operations(app, ready=lambda: _ready(app), metrics=registry)
    _describe_request(app)
    return app


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI, settings: ApiSettings, metrics: Metrics) -> AsyncGenerator[None]:
    pool = await open_pool(settings.dsn.get_secret_value(), service="api", size=settings.database_connections)
    bus = Bus.connect(settings.redis_url.get_secret_value(), connections=256)
    queue = ServiceClient(settings.queue, settings.queue_token.get_secret_value())
    background = Background()
    app.state.parts = _build(Stores(pool, bus, queue), settings, background, metrics)
    app.state.keys = KeyRing(pool, required=settings.require_keys)
    try:
        yield
    finally:
        await background.stop()
        await queue.close()
        await bus.close()
        await pool.close()


class Stores(NamedTuple):
    """What the API Service reaches."""

    pool: Pool
    bus: Bus
    queue: ServiceClient


def _build(stores: Stores, settings: ApiSettings, background: Background, metrics: Metrics) -> Parts:
    store = EvaluationStore(stores.pool)
    reader = CatalogueReader(stores.queue)
    relay = OutboxRelay(stores.pool, stores.queue, stores.bus, metrics)
    follower = Follower(store, stores.bus)
    background.start("outbox", relay.run)
    admission = Admission(stores.queue)
    feed = BatchFeed(stores.pool, stores.queue, admission, metrics)
    background.start("feed", feed.run)
    background.start("bells", follower.bells.run)
    background.start("finished", follower.run)
    background.start("tidy", lambda: _tidy(store))
    kept = BatchStore(stores.pool)
    batches = Batches(
        kept,
        Rules(settings, reader, admission, kept),
        feed,
        Reruns(stores.pool),
        Comparisons(stores.pool, kept),
    )
    return Parts(
        store=store,
        evaluations=Evaluations(store, reader, admission, relay, settings),
        batches=batches,
        catalogue=reader,
        follower=follower,
        bells=follower.bells,
        max_readers=settings.max_readers,
        metrics=metrics,
    )


async def _tidy(store: EvaluationStore) -> None:
    while True:
        await asyncio.sleep(600)
        with contextlib.suppress(Exception):
            await store.forget_old_keys()


async def _ready(app: FastAPI) -> None:
    parts: Parts = app.state.parts
    await parts.store.ping()
    await parts.catalogue.executors()


def _describe_request(app: FastAPI) -> None:
    """Put the request bodies' schemas into the OpenAPI document: their routes read the body themselves."""
    build = app.openapi

    def openapi() -> dict[str, object]:
        document = build()
        schemas = document["components"]["schemas"]
        for model in (EvaluationRequest, GroupRequest, BatchRequest, ProblemRequest):
            if model.__name__ not in schemas:
                schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
                schemas.update(schema.pop("$defs", {}))
                schemas[model.__name__] = schema
        return document

    app.openapi = openapi
