"""The record against a real PostgreSQL: each effect at most once, attempts apart, one verdict for ever."""

import base64
import contextlib
import dataclasses
import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from prometheus_client import CollectorRegistry

from cloche.contracts.events import Completed, Leased, Output, Retried, Started
from cloche.contracts.record import Evidence, ExecutionRecord, StreamSummary, TerminalRecord
from cloche.kit.bus import Bus
from cloche.kit.http_client import ServiceClient
from cloche.kit.ids import uuid7
from cloche.kit.postgres import Pool, open_pool
from cloche.storage.fold import LedgerEntry, fold
from cloche.storage.metrics import Metrics
from cloche.storage.record_store import RecordStore
from cloche.storage.settings import StorageSettings
from cloche.storage.subscriber import Subscriber

AT = "2026-01-01T00:00:00.000000Z"


@pytest.fixture
async def owner(database: Any) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.owner)
    yield connection
    await connection.close()


@pytest.fixture
async def store(database: Any) -> AsyncIterator[RecordStore]:
    pool: Pool = await open_pool(database.storage, service="test")
    yield RecordStore(pool)
    await pool.close()


@pytest.fixture
async def evaluation(owner: asyncpg.Connection) -> UUID:
    fresh = uuid7()
    await owner.execute("INSERT INTO evaluation (id, tenant, runtime) VALUES ($1, 't', 'python')", fresh)
    return fresh


class Ledger:
    """Makes entries as the bus would write them."""

    def __init__(self, evaluation_id: UUID) -> None:
        self._id = evaluation_id
        self._seq = 0

    def entry(self, attempt: int, kind: str, body: str) -> LedgerEntry:
        self._seq += 1
        return LedgerEntry(f"{self._seq}-0", str(self._id), attempt, self._seq, kind, body.encode())

    def leased(self, attempt: int) -> LedgerEntry:
        return self.entry(attempt, "evaluation.leased", Leased(worker="w", leased_at=AT).model_dump_json())

    def started(self, attempt: int) -> LedgerEntry:
        body = Started(executor="e", runtime="python@3.11", engine="local", isolation="namespace", started_at=AT)
        return self.entry(attempt, "evaluation.started", body.model_dump_json())

    def retried(self, attempt: int) -> LedgerEntry:
        return self.entry(attempt, "evaluation.retried", Retried(reason="r", next_attempt=attempt).model_dump_json())

    def output(self, attempt: int, offset: int, data: bytes, stream: str = "stdout") -> LedgerEntry:
        encoded = base64.b64encode(data).decode()
        body = Output.model_validate({"stream": stream, "offset": offset, "data": encoded, "at": AT})
        return self.entry(attempt, "output", body.model_dump_json())

    def completed(self, attempt: int, stdout: bytes, *, verdict: str = "accepted", inline: bool = True) -> LedgerEntry:
        summary = StreamSummary(
            bytes=len(stdout),
            kept=len(stdout),
            sha256=hashlib.sha256(stdout).hexdigest(),
            data=base64.b64encode(stdout).decode() if inline else None,
        )
        evidence = Evidence(source="exit")
        run = ExecutionRecord.model_validate(
            {"verdict": verdict, "evidence": evidence, "runtime": "python@3.11", "engine": "local",
             "isolation": "namespace", "stdout": summary, "stderr": StreamSummary(data="")}
        )  # fmt: skip
        record = TerminalRecord.model_validate(
            {"verdict": verdict, "evidence": evidence, "attempt": attempt, "last_event": 1, "execution": run,
             "started_at": AT, "finished_at": AT}
        )  # fmt: skip
        return self.entry(attempt, "evaluation.completed", Completed(tenant="t", record=record).model_dump_json())


async def stored_output(owner: asyncpg.Connection, evaluation: UUID) -> dict[int, bytes]:
    rows = await owner.fetch(
        "SELECT attempt, string_agg(data, '' ORDER BY byte_offset) AS data FROM output"
        " WHERE evaluation_id = $1 AND stream = 1 GROUP BY attempt",
        evaluation,
    )
    return {row["attempt"]: row["data"] for row in rows}


async def row_of(owner: asyncpg.Connection, evaluation: UUID) -> asyncpg.Record:
    row = await owner.fetchrow("SELECT * FROM evaluation WHERE id = $1", evaluation)
    assert row is not None
    return row


async def test_batch_that_is_delivered_twice_has_its_effect_once(store: RecordStore, owner: Any, evaluation: UUID):
    ledger = Ledger(evaluation)
    batch = [ledger.leased(1), ledger.started(1), ledger.output(1, 0, b"ab"), ledger.output(1, 2, b"c")]
    for _ in range(2):
        await store.apply(fold(batch), "e")
    assert await stored_output(owner, evaluation) == {1: b"abc"}
    end = [ledger.completed(1, b"abcd")]
    assert len(await store.apply(fold(end), "e")) == 1
    before = await row_of(owner, evaluation)
    await store.apply(fold([*batch, *end]), "e")
    assert dict(await row_of(owner, evaluation)) == dict(before)
    assert await stored_output(owner, evaluation) == {1: b"abcd"}


async def test_inline_output_fills_only_what_events_did_not_bring(store: RecordStore, owner: Any, evaluation: UUID):
    ledger = Ledger(evaluation)
    await store.apply(fold([ledger.leased(1), ledger.output(1, 0, b"ab"), ledger.completed(1, b"abcdef")]), "e")
    rows = await owner.fetch(
        "SELECT byte_offset, data FROM output WHERE evaluation_id = $1 ORDER BY byte_offset", evaluation
    )
    assert [tuple(row) for row in rows] == [(0, b"ab"), (2, b"cdef")]


async def test_attempts_are_kept_apart_and_an_old_one_changes_nothing(store: RecordStore, owner: Any, evaluation: UUID):
    ledger = Ledger(evaluation)
    await store.apply(fold([ledger.leased(1), ledger.started(1), ledger.output(1, 0, b"old")]), "e")
    await store.apply(fold([ledger.retried(2)]), "e")
    assert (await row_of(owner, evaluation))["status"] == "queued"
    assert (await row_of(owner, evaluation))["started_at"] is None
    await store.apply(fold([ledger.leased(2), ledger.output(2, 0, b"new")]), "e")
    await store.apply(fold([ledger.started(1), ledger.output(1, 3, b"late")]), "e")
    row = await row_of(owner, evaluation)
    assert (row["attempt"], row["status"], row["started_at"]) == (2, "running", None)
    assert await stored_output(owner, evaluation) == {1: b"old", 2: b"new"}


async def test_verdict_never_changes(store: RecordStore, owner: Any, evaluation: UUID):
    ledger = Ledger(evaluation)
    await store.apply(fold([ledger.completed(1, b"a")]), "e")
    await store.apply(fold([ledger.completed(1, b"b", verdict="runtime_error"), ledger.started(2)]), "e")
    row = await row_of(owner, evaluation)
    assert (row["verdict"], row["attempt"], row["status"]) == ("accepted", 1, "finished")
    assert await stored_output(owner, evaluation) == {1: b"a"}


async def test_record_waits_for_output_that_is_on_its_way(store: RecordStore, owner: Any, evaluation: UUID):
    ledger = Ledger(evaluation)
    assert await store.apply(fold([ledger.completed(1, b"abc", inline=False)]), "e") == []
    assert (await row_of(owner, evaluation))["status"] != "finished"
    [(waiting, _)] = [pair for pair in await store.waiting() if pair[0].evaluation_id == evaluation]
    await store.apply(fold([ledger.output(1, 0, b"abc")]), "e")
    changes = fold([])
    changes.terminals[evaluation] = waiting
    assert len(await store.apply(changes, "e")) == 1
    assert [pair for pair in await store.waiting() if pair[0].evaluation_id == evaluation] == []


async def test_records_that_wait_are_read_a_few_at_a_time_when_they_are_large(store: RecordStore, owner: Any):
    await owner.execute("DELETE FROM awaiting_output")
    evaluations = sorted(uuid7() for _ in range(3))
    for evaluation in evaluations:
        await owner.execute("INSERT INTO evaluation (id, tenant, runtime) VALUES ($1, 't', 'python')", evaluation)
        await store.apply(fold([Ledger(evaluation).completed(1, b"abc", inline=False)]), "e")
    await owner.execute("UPDATE awaiting_output SET record = record || convert_to(repeat(' ', 5000000), 'UTF8')")
    assert [terminal.evaluation_id for terminal, _ in await store.waiting()] == evaluations[:2]
    await owner.execute("DELETE FROM awaiting_output")


async def test_missing_bytes_are_named_when_the_wait_is_over(store: RecordStore, owner: Any, evaluation: UUID):
    ledger = Ledger(evaluation)
    batch = [ledger.output(1, 0, b"ab"), ledger.output(1, 4, b"ef"), ledger.completed(1, b"abcdefgh", inline=False)]
    await store.apply(fold(batch), "e", patient=False)
    missing = await owner.fetchval("SELECT missing FROM verdict_record WHERE evaluation_id = $1", evaluation)
    assert missing == '{"stdout": [[2, 4], [6, 8]]}'


async def test_sequences_run_on_behind_the_record(store: RecordStore, owner: Any, evaluation: UUID):
    ledger = Ledger(evaluation)
    await store.apply(fold([ledger.leased(1), ledger.completed(1, b"abc")]), "e")
    row = await row_of(owner, evaluation)
    seq = await owner.fetchval("SELECT seq FROM output WHERE evaluation_id = $1", evaluation)
    assert (row["leased_seq"], row["started_seq"], seq, row["finished_seq"]) == (1, 3, 4, 5)


def test_entry_that_is_no_event_is_set_aside_and_the_others_applied(evaluation: UUID):
    ledger = Ledger(evaluation)
    bad = [
        ledger.entry(1, "evaluation.nonsense", "{}"),
        ledger.entry(1, "output", '{"stream":"stdout","offset":0,"data":"!","at":"x"}'),
        ledger.entry(1, "evaluation.completed", "{}"),
        LedgerEntry("9-0", "no uuid", 1, 9, "output", b"{}"),
    ]
    changes = fold([ledger.leased(1), *bad])
    assert len(changes.poison) == len(bad)
    assert list(changes.progress) == [evaluation]


async def test_record_that_can_not_be_stored_ends_as_internal_error(
    store: RecordStore, owner: Any, evaluation: UUID, redis_url: str
):
    other = uuid7()
    await owner.execute("INSERT INTO evaluation (id, tenant, runtime) VALUES ($1, 't', 'python')", other)
    good, bad = Ledger(other).completed(1, b"fine"), Ledger(evaluation).completed(1, b"x")
    broken = json.loads(bad.body)
    broken["record"]["message"] = "what PostgreSQL refuses"
    await owner.execute(
        "ALTER TABLE evaluation ADD CONSTRAINT test_refuses CHECK (message <> 'what PostgreSQL refuses')"
    )
    entry = dataclasses.replace(bad, body=json.dumps(broken).encode())
    async with subscriber(store, redis_url) as storage:
        verdicts = await storage._apply_or_isolate([entry, good], {0: [entry, good]}, "e")
    assert {v.evaluation_id: v.record.verdict for v in verdicts} == {evaluation: "internal_error", other: "accepted"}
    assert (await row_of(owner, evaluation))["verdict"] == "internal_error"
    assert (await row_of(owner, other))["verdict"] == "accepted"


async def test_event_of_any_content_stops_no_other(store: RecordStore, owner: Any, evaluation: UUID, redis_url: str):
    ledger = Ledger(evaluation)
    bodies = ['{"stream":"stdout","offset":0,"data":"eA==","at":"0001-01-01T00:00:00+05:00"}', "null", "[]", "\x00"]
    entries = [ledger.entry(1, "output", body) for body in bodies]
    entries += [ledger.entry(1, "evaluation.leased", '{"worker":"w","leased_at":"0001-01-01T00:00:00+05:00"}')]
    entries += [ledger.output(1, 0, b"good")]
    async with subscriber(store, redis_url) as storage:
        await storage._apply_or_isolate(entries, {0: entries}, "e")
    assert await stored_output(owner, evaluation) == {1: b"good"}
    assert await owner.fetchval("SELECT count(*) FROM poison_event WHERE fields->>'subject' = $1", str(evaluation)) == 5


@contextlib.asynccontextmanager
async def subscriber(store: RecordStore, redis_url: str) -> AsyncIterator[Subscriber]:
    settings = StorageSettings.model_validate(
        {"dsn": "-", "redis_url": redis_url, "queue": "unix:/nowhere", "queue_token": "-", "name": "test"}
    )
    bus = Bus.connect(redis_url)
    async with ServiceClient(settings.queue, "-") as queue:
        yield Subscriber(settings, store, bus, queue, Metrics(CollectorRegistry()))
    await bus.close()
