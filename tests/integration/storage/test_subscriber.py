"""What PostgreSQL does not take is waited out or put aside, never passed over; and what is told of it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry

from cloche.contracts.events import Completed
from cloche.contracts.record import Evidence, ExecutionRecord, StreamSummary, TerminalRecord
from cloche.contracts.tasks import Result, ResultsPage
from cloche.kit.bus import Bus, Group, NewEvent, ledger_key, shard_of
from cloche.kit.clock import now
from cloche.kit.http_client import ServiceClient
from cloche.kit.ids import uuid7
from cloche.kit.postgres import open_pool
from cloche.storage.fold import LedgerEntry
from cloche.storage.ledger import Ledger
from cloche.storage.metrics import Metrics
from cloche.storage.record_store import RecordStore
from cloche.storage.settings import StorageSettings
from cloche.storage.subscriber import Subscriber

AT = "2026-01-01T00:00:00.000000Z"


class History:
    """What a Queue Service answers of ``results``, its cursors being their numbers."""

    def __init__(self) -> None:
        self.results: list[Result] = []

    async def answer(self, request: web.Request) -> web.Response:
        start, limit = int(request.query["after"] or 0), int(request.query["limit"])
        page = self.results[start : start + limit]
        body = ResultsPage(results=page, next=str(start + len(page)))
        return web.Response(text=body.model_dump_json(), content_type="application/json")

    @contextlib.asynccontextmanager
    async def serving(self, path: Path) -> AsyncIterator[None]:
        app = web.Application()
        app.router.add_get("/queue/internal/v1/results", self.answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.UnixSite(runner, str(path)).start()
        yield
        await runner.cleanup()


@dataclass
class Storage:
    """A storage worker's parts, and the queue whose results it reads."""

    subscriber: Subscriber
    store: RecordStore
    owner: Any
    history: History
    registry: CollectorRegistry

    async def submit(self) -> UUID:
        fresh = uuid7()
        await self.owner.execute("INSERT INTO evaluation (id, tenant, runtime) VALUES ($1, 't', 'python')", fresh)
        return fresh

    async def decide(self, **changes: Any) -> UUID:
        """A run that the queue has committed, a minute ago, and of which no event came."""
        evaluation = await self.submit()
        values = {"evaluation_id": evaluation, "tenant": "t", "age_s": 60.0, "record": record(), **changes}
        self.history.results.append(Result.model_validate(values))
        return evaluation

    async def catch_up(self) -> None:
        await self.subscriber._reconciler.catch_up(self.subscriber._finish_lost)

    async def apply(self, *entries: LedgerEntry) -> list[UUID]:
        found = {0: list(entries)}
        return [v.evaluation_id for v in await self.subscriber._apply_or_isolate(list(entries), found, "e")]

    async def verdict(self, evaluation: UUID) -> str | None:
        return await self.owner.fetchval("SELECT verdict FROM evaluation WHERE id = $1", evaluation)

    async def poison(self) -> int:
        return await self.owner.fetchval("SELECT count(*) FROM poison_event")


def record(attempt: int = 1) -> TerminalRecord:
    return TerminalRecord(verdict="accepted", evidence=Evidence(source="exit"), attempt=attempt, finished_at=AT)


def completed(evaluation: UUID, what: TerminalRecord) -> LedgerEntry:
    body = Completed(tenant="t", record=what).model_dump_json().encode()
    return LedgerEntry("1-0", str(evaluation), 1, 1, "evaluation.completed", body)


@pytest.fixture
async def storage(database: Any, redis_urls: dict[str, str], tmp_path: Path) -> AsyncIterator[Storage]:
    redis_url = redis_urls["storage"]
    settings = StorageSettings.model_validate(
        {"dsn": "-", "redis_url": redis_url, "queue": f"unix:{tmp_path}/q.sock", "queue_token": "-", "name": "test"}
    )
    async with contextlib.AsyncExitStack() as stack:
        history = History()
        await stack.enter_async_context(history.serving(tmp_path / "q.sock"))
        owner = await asyncpg.connect(database.owner)
        stack.push_async_callback(owner.close)
        await owner.execute("TRUNCATE evaluation, poison_event, storage_cursor CASCADE")
        pool = await open_pool(database.storage, service="test")
        stack.push_async_callback(pool.close)
        bus = Bus.connect(redis_url)
        stack.push_async_callback(bus.close)
        queue = await stack.enter_async_context(ServiceClient(settings.queue, "-"))
        store, registry = RecordStore(pool), CollectorRegistry()
        subscriber = Subscriber(settings, store, bus, queue, Metrics(registry))
        yield Storage(subscriber, store, owner, history, registry)


@contextlib.asynccontextmanager
async def refusing_all(owner: Any) -> AsyncIterator[None]:
    """As after a migration that forgot a right."""
    await owner.execute("REVOKE INSERT ON verdict_record FROM cloche_storage")
    try:
        yield
    finally:
        await owner.execute("GRANT INSERT ON verdict_record TO cloche_storage")


@contextlib.asynccontextmanager
async def every_commit_in_a_deadlock(owner: Any) -> AsyncIterator[None]:
    await owner.execute(
        "CREATE FUNCTION test_deadlock() RETURNS trigger LANGUAGE plpgsql AS"
        " $$BEGIN RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01'; END$$;"
        "CREATE TRIGGER test_deadlock BEFORE INSERT ON verdict_record EXECUTE FUNCTION test_deadlock()"
    )
    try:
        yield
    finally:
        await owner.execute("DROP FUNCTION test_deadlock CASCADE")


ERRORS_OF_A_MOMENT = [
    pytest.param(refusing_all, asyncpg.InsufficientPrivilegeError, id="missing right"),
    pytest.param(every_commit_in_a_deadlock, asyncpg.DeadlockDetectedError, id="deadlock"),
]


@pytest.mark.parametrize(("trouble", "error"), ERRORS_OF_A_MOMENT)
async def test_what_is_no_fault_of_an_event_is_waited_out(storage: Storage, trouble: Any, error: Any):
    entry = completed(await storage.submit(), record())
    async with trouble(storage.owner):
        with pytest.raises(error):
            await storage.apply(entry)
    assert await storage.poison() == 0
    assert await storage.apply(entry) == [UUID(entry.subject)]
    assert await storage.verdict(UUID(entry.subject)) == "accepted"


@pytest.mark.parametrize(("trouble", "error"), ERRORS_OF_A_MOMENT)
async def test_the_cursor_passes_no_result_that_was_not_stored(storage: Storage, trouble: Any, error: Any):
    evaluation = await storage.decide()
    async with trouble(storage.owner):
        with pytest.raises(error):
            await storage.catch_up()
    assert await storage.store.cursor() == ""
    await storage.catch_up()
    assert await storage.verdict(evaluation) == "accepted"
    assert await storage.store.cursor() == "1"


async def test_an_error_that_is_no_outage_is_waited_out_like_one(storage: Storage):
    tries = 0

    async def work() -> None:
        nonlocal tries
        tries += 1
        raise asyncpg.UndefinedColumnError if tries < 3 else NotImplementedError

    with pytest.raises(NotImplementedError):
        await storage.subscriber._patiently("test", work)
    assert tries == 3


async def test_the_clocks_of_hosts_decide_nothing(storage: Storage):
    """What a worker an hour ahead decided holds up no other; nor does what PostgreSQL itself had from a later time."""
    far = record().model_copy(update={"finished_at": "2999-01-01T00:00:00.000000Z"})
    evaluations = [
        await storage.decide(record=far, age_s=60.0),
        await storage.decide(age_s=-3600.0),
        await storage.decide(age_s=None),
    ]
    young = await storage.decide(age_s=0.5)
    await storage.catch_up()
    assert [await storage.verdict(each) for each in evaluations] == ["accepted"] * 3
    assert await storage.verdict(young) is None
    assert await storage.store.cursor() == "3"


async def test_result_that_can_not_be_stored_in_any_way_is_put_aside_and_stops_no_other(storage: Storage):
    bad = await storage.decide(record=record(attempt=2**40))
    good = await storage.decide()
    await storage.catch_up()
    assert await storage.verdict(good) == "accepted"
    assert await storage.owner.fetchval("SELECT fields->>'subject' FROM poison_event") == str(bad)
    assert await storage.store.cursor() == "2"


async def test_a_repeat_is_announced_again_and_counted_once(storage: Storage):
    entry = completed(await storage.submit(), record())
    assert [await storage.apply(entry) for _ in range(3)] == [[UUID(entry.subject)]] * 3
    assert storage.registry.get_sample_value("cloche_storage_verdicts_total") == 1


async def test_lag_is_told_while_nothing_can_be_stored_and_of_own_shards_only(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("cloche.storage.subscriber._TELL_EVERY_S", 0)
    subscriber, evaluation = storage.subscriber, str(await storage.submit())
    shard, ledger = shard_of(evaluation), Ledger(storage.subscriber._bus, "test")

    async def told(name: str) -> float | None:
        await subscriber._tell_lag()
        return storage.registry.get_sample_value(f"cloche_storage_{name}", {"shard": str(shard)})

    async def lag_over(seconds: float) -> None:
        async with asyncio.timeout(10):
            while (await told("lag_seconds") or 0) <= seconds:  # noqa: ASYNC110  (time passes)
                await asyncio.sleep(0.05)

    await ledger.prepare({shard})
    body = Completed(tenant="t", record=record()).model_dump_json()
    event = NewEvent(1, "evaluation.completed", body, live=False)
    await subscriber._bus.publish(Group(evaluation, "queue", 1, [event]))
    subscriber._owned = {shard}
    await lag_over(0.1)
    async with refusing_all(storage.owner):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await subscriber._follow_ledgers()
        await lag_over(0.3)
        assert await told("backlog_bytes") == 200 + len(body)
    await subscriber._apply({shard: await ledger.unacknowledged(shard, 10)}, "e")
    assert [await told("lag_seconds"), await told("backlog_bytes")] == [0, 0]
    subscriber._owned = set()
    assert [await told("lag_seconds"), await told("backlog_bytes")] == [None, None]


NO_EVENTS = [
    {"anything": "else"},
    {"x": "?", "a": "1", "s": "1", "t": "output"},
    {"x": b"\xff", "a": "1", "s": "1", "t": "output", "b": "{}"},
    {"x": "?", "a": "one", "s": "1", "t": "output", "b": "{}"},
    {"x": "?", "a": "1", "s": "1" + "0" * 30, "t": "output", "b": "{}"},
    {"x": "?", "a": "1", "s": "-1", "t": "output", "b": "{}", "n": "x"},
]


async def test_entry_that_lacks_an_events_fields_is_set_aside_and_stops_no_other(storage: Storage):
    bus, evaluation = storage.subscriber._bus, str(await storage.submit())
    shard, ledger = shard_of(evaluation), Ledger(bus, "test")
    await ledger.prepare({shard})
    body = Completed(tenant="t", record=record()).model_dump_json()
    await bus.publish(Group(evaluation, "queue", 1, [NewEvent(1, "evaluation.completed", body, live=False)]))
    await storage.subscriber._apply(await ledger.take({shard}, 1), "e")
    for fields in NO_EVENTS:
        await bus.redis.xadd(ledger_key(shard), fields)
    await storage.subscriber._apply(await ledger.take({shard}, 100), "e")
    assert await storage.verdict(UUID(evaluation)) == "accepted"
    assert await storage.poison() == len(NO_EVENTS)
    bodies = await storage.owner.fetch("SELECT fields->>'body' AS body FROM poison_event ORDER BY id")
    assert bodies[0]["body"] == "{b'anything': b'else'}"
    assert await ledger.unacknowledged(shard, 100) == []
    assert await ledger.backlog_bytes({shard}) == {shard: 0}


async def test_how_long_a_record_waits_for_its_output_is_told_by_postgresql(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
):
    """On a host whose clock is an hour off."""
    monkeypatch.setattr("cloche.storage.subscriber._WAITING_EVERY_S", 0)
    subscriber, evaluation = storage.subscriber, await storage.submit()
    subscriber._owned = {0}
    evidence, summary = Evidence(source="exit"), StreamSummary(bytes=3, kept=3)
    run = ExecutionRecord(
        verdict="accepted", evidence=evidence, runtime="python@3", engine="local", isolation="namespace", stdout=summary
    )
    what = record().model_copy(update={"execution": run, "last_event": 9})
    assert await storage.apply(completed(evaluation, what)) == []
    await subscriber._settle_waiting()
    assert await storage.verdict(evaluation) is None
    await storage.owner.execute("UPDATE awaiting_output SET seen_at = now() - interval '1 minute'")
    with monkeypatch.context() as host:
        host.setattr("cloche.storage.subscriber.now", lambda: now() - timedelta(hours=1))
        await subscriber._settle_waiting()
    assert await storage.verdict(evaluation) == "accepted"
