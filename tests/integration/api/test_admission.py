"""A tenant that has as much queued as it may is refused, as 429, until some of it ran."""

import contextlib
import json
from typing import Any

import asyncpg
import httpx
import pytest
from aiohttp import web

from cloche.api import admission
from cloche.api.app import create_app
from cloche.api.settings import ApiSettings

SUBMISSION = {"runtime": "python", "source": "print(1)"}


class Queue:
    """Answers what it is told to be loaded with; takes nothing, so that all of it stays queued."""

    def __init__(self) -> None:
        self.loads: list[dict[str, Any]] | None = []
        self.limits: dict[str, int | None] = {}

    @contextlib.asynccontextmanager
    async def serving(self, path: str):
        app = web.Application()
        app.router.add_get("/queue/internal/v1/loads", self._loads)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.UnixSite(runner, path).start()
        yield
        await runner.cleanup()

    async def _loads(self, _: web.Request) -> web.Response:
        if self.loads is None:
            raise web.HTTPServiceUnavailable
        return web.json_response({"tenants": self.loads, "limits": self.limits})


@pytest.fixture
async def queue(tmp_path):
    scripted = Queue()
    async with scripted.serving(f"{tmp_path}/q.sock"):
        yield scripted


@pytest.fixture
async def api(tmp_path, queue, database, redis_urls, monkeypatch):
    monkeypatch.setattr(admission, "FRESH_S", 0.0)
    values = {
        "dsn": database.api,
        "redis_url": redis_urls["api"],
        "queue_token": "-",
        "queue": f"unix:{tmp_path}/q.sock",
    }
    app = create_app(ApiSettings.model_validate(values))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            yield http


async def submit(api, key=None):
    headers = {"Idempotency-Key": key} if key else {}
    return await api.post("/api/v1/evaluations", json=SUBMISSION, headers=headers)


async def test_a_full_tenant_gets_429_with_retry_after_and_a_repeat_its_evaluation(api, queue):
    accepted = await submit(api, "k1")
    assert accepted.status_code == 201
    queue.loads = [{"tenant": "default", "queued": 4, "max_queued": 4}]
    refused = await submit(api, "k2")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    assert refused.json()["retryable"] is True
    assert (await submit(api)).status_code == 429
    assert (await submit(api, "k1")).json()["id"] == accepted.json()["id"]
    queue.loads = []
    assert (await submit(api, "k2")).status_code == 201


async def test_what_was_accepted_since_the_answer_counts(api, queue, monkeypatch):
    queue.loads = [
        {"tenant": "default", "queued": 2, "max_queued": 4},
        {"tenant": "other", "queued": 9, "max_queued": 9},
    ]
    assert (await submit(api)).status_code == 201
    monkeypatch.setattr(admission, "FRESH_S", 3600.0)
    assert [(await submit(api)).status_code for _ in range(3)] == [201, 429, 429]


async def test_a_tenant_with_nothing_queued_has_a_limit_too(api, queue, monkeypatch):
    queue.limits = {"": 2, "other": None}
    assert (await submit(api)).status_code == 201
    monkeypatch.setattr(admission, "FRESH_S", 3600.0)
    assert [(await submit(api)).status_code for _ in range(3)] == [201, 429, 429]
    group = await api.post("/api/v1/evaluations:batch", json={"evaluations": [SUBMISSION] * 3})
    assert group.status_code == 422
    monkeypatch.setattr(admission, "FRESH_S", 0.0)
    queue.limits = {"": 2, "default": None}
    assert [(await submit(api)).status_code for _ in range(4)] == [201] * 4


async def test_while_the_queue_is_away_submissions_are_accepted(api, queue):
    queue.loads = None
    assert (await submit(api)).status_code == 201


async def test_a_rerun_waits_as_the_first_did(api, database):
    how = {"lane": "batch", "priority": 7, "queue_timeout_s": 60}
    first = (await api.post("/api/v1/evaluations", json=SUBMISSION | how)).json()["id"]
    assert (await api.post(f"/api/v1/evaluations/{first}/rerun")).status_code == 201
    owner = await asyncpg.connect(database.owner)
    told = [json.loads(row["body"]) for row in await owner.fetch("SELECT body FROM api_outbox ORDER BY id")]
    await owner.close()
    assert [{name: task[name] for name in how} for task in told[-2:]] == [how, how]
