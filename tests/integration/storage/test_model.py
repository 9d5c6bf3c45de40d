"""Any order of publishing, delivering, dying and losing against a model: each effect once, attempts apart, one verdict.

The bus and the record are real. Producers keep their own order, as they do at work; everything else may happen.
"""

import base64
import contextlib
import hashlib
import json
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from cloche.contracts.events import Completed, Leased, Output, Queued, Retried, Started
from cloche.contracts.record import Evidence, ExecutionRecord, StreamSummary, TerminalRecord
from cloche.kit.bus import SHARDS, Bus, Group, NewEvent
from cloche.kit.http_client import ServiceClient
from cloche.kit.ids import uuid7
from cloche.kit.postgres import open_pool
from cloche.storage.fold import LedgerEntry, Terminal
from cloche.storage.ledger import Ledger
from cloche.storage.metrics import Metrics
from cloche.storage.record_store import RecordStore
from cloche.storage.settings import StorageSettings
from cloche.storage.subscriber import Subscriber

AT = "2026-01-01T00:00:00.000000Z"
EVALUATIONS = 3
WHICH = st.integers(0, EVALUATIONS - 1)
STEPS = st.one_of(
    st.tuples(st.sampled_from(["queue", "worker", "late worker", "repeat"]), WHICH),
    st.tuples(st.just("take"), st.integers(1, 8)),
    st.tuples(st.just("apply"), st.booleans()),
    st.tuples(st.just("shuffle"), st.integers(0, 999)),
    st.tuples(st.sampled_from(["crash", "takeover"])),
)
LOSING = st.one_of(STEPS, st.tuples(st.just("lose")))


def chunk(attempt: int, place: int) -> bytes:
    return f"attempt {attempt}, piece {place};".encode()


@dataclass
class Model:
    """One evaluation: what its producers say, and how far they are."""

    id: UUID
    attempts: int
    pieces: int
    inline: bool
    queue_told: int = 0
    worker_told: dict[int, int] = field(default_factory=dict[int, int])
    verdict: str | None = None
    attempt: int = 0

    def output(self, attempt: int) -> bytes:
        return b"".join(chunk(attempt, place) for place in range(self.pieces))

    @property
    def record(self) -> TerminalRecord:
        out = self.output(self.attempts)
        summary = StreamSummary(
            bytes=len(out),
            kept=len(out),
            sha256=hashlib.sha256(out).hexdigest(),
            data=base64.b64encode(out).decode() if self.inline else None,
        )
        evidence = Evidence(source="exit")
        run = ExecutionRecord(
            verdict="accepted",
            evidence=evidence,
            runtime="python@3.11",
            engine="local",
            isolation="namespace",
            stdout=summary,
            stderr=StreamSummary(data=""),
        )
        return TerminalRecord(
            verdict="accepted",
            evidence=evidence,
            attempt=self.attempts,
            last_event=self.pieces + 1,
            execution=run,
            started_at=AT,
            finished_at=AT,
        )

    def queue_says(self) -> list[tuple[int, NewEvent]]:
        """Every event of the Queue Service with its attempt, in order."""
        leased = Leased(worker="w", leased_at=AT, queued_at=AT).model_dump_json()
        says = [(1, "evaluation.leased", leased)]
        for attempt in range(2, self.attempts + 1):
            again = Retried(reason="r", next_attempt=attempt).model_dump_json()
            says += [(attempt, "evaluation.retried", again), (attempt, "evaluation.leased", leased)]
        says.append(
            (self.attempts, "evaluation.completed", Completed(tenant="t", record=self.record).model_dump_json())
        )
        return [(a, NewEvent(n, kind, body, live=n < len(says))) for n, (a, kind, body) in enumerate(says, start=1)]

    def worker_says(self, attempt: int) -> list[NewEvent]:
        """Every event of the worker's attempt, in order."""
        begun = Started(executor="e", runtime="python@3.11", engine="local", isolation="namespace", started_at=AT)
        says = [NewEvent(1, "evaluation.started", begun.model_dump_json())]
        offset = 0
        for place in range(self.pieces):
            data = chunk(attempt, place)
            body = Output(stream="stdout", offset=offset, data=base64.b64encode(data).decode(), at=AT)
            says.append(NewEvent(place + 2, "output", body.model_dump_json()))
            offset += len(data)
        return says


class Driver:
    """Takes each step on the real bus and record."""

    def __init__(self, bus: Bus, storage: Subscriber, owner: Any, models: list[Model]) -> None:
        self.bus, self.storage, self.owner, self.models = bus, storage, owner, models
        self.ledger = Ledger(bus, "a")
        self.other = Ledger(bus, "b")
        self.hand: dict[int, list[LedgerEntry]] = {}
        self.lost = False

    async def take_step(self, name: str, *arguments: Any) -> None:
        given = [self.models[arguments[0]]] if name in {"queue", "worker", "late worker", "repeat"} else arguments
        await getattr(self, name.replace(" ", "_"))(*given)
        await self.check()

    async def queue(self, model: Model) -> None:
        says = model.queue_says()
        if model.queue_told < len(says):
            attempt, event = says[model.queue_told]
            assert await self.bus.publish(Group(str(model.id), "queue", attempt, [event])) > 0
            model.queue_told += 1

    def leased(self, model: Model) -> int:
        """The newest attempt that a worker has; what it says before the record is what the record says."""
        told = [
            attempt for attempt, event in model.queue_says()[: model.queue_told] if event.type == "evaluation.leased"
        ]
        return max(told, default=0)

    async def worker(self, model: Model) -> None:
        await self.say(model, self.leased(model), expected=True)

    async def late_worker(self, model: Model) -> None:
        await self.say(model, self.leased(model) - 1, expected=False)

    async def say(self, model: Model, attempt: int, *, expected: bool) -> None:
        told = model.worker_told.get(attempt, 0)
        says = model.worker_says(attempt) if attempt > 0 else []
        if told < len(says):
            events = says[told : told + 2]
            group = Group(str(model.id), f"worker:{attempt}", attempt, events, unbroken=not self.lost)
            answer = await self.bus.publish(group)
            assert (answer > 0) == expected or self.lost or answer == -1
            if answer > 0:
                model.worker_told[attempt] = told + len(events)

    async def repeat(self, model: Model) -> None:
        if model.queue_told:
            attempt, event = model.queue_says()[model.queue_told - 1]
            await self.bus.publish(Group(str(model.id), "queue", attempt, [event]))
        attempt = self.leased(model)
        if told := model.worker_told.get(attempt):
            await self.bus.publish(
                Group(str(model.id), f"worker:{attempt}", attempt, model.worker_says(attempt)[:told])
            )

    async def take(self, count: int) -> None:
        for shard, entries in (await self.ledger.take(set(range(SHARDS)), count)).items():
            self.hand.setdefault(shard, []).extend(entries)

    async def apply(self, acknowledged: bool) -> None:
        """Committed; if not acknowledged, the process has died in between and all comes again."""
        if acknowledged and self.hand:
            await self.storage._apply(self.hand, "e")
        elif self.hand:
            entries = [entry for group in self.hand.values() for entry in group]
            await self.storage._apply_or_isolate(entries, self.hand, "e")
            await self.crash()
            return
        self.hand = {}

    async def shuffle(self, seed: int) -> None:
        """Evaluations come in any order beside each other; what is about one stays in order."""
        for entries in self.hand.values():
            mine: dict[str, list[LedgerEntry]] = {}
            for entry in entries:
                mine.setdefault(entry.subject, []).append(entry)
            order = [entry.subject for entry in entries]
            random.Random(seed).shuffle(order)
            entries[:] = [mine[subject].pop(0) for subject in order]

    async def crash(self) -> None:
        """What was taken and not acknowledged is delivered again."""
        self.hand = {}
        for shard in range(SHARDS):
            if entries := await self.ledger.unacknowledged(shard, 1000):
                self.hand[shard] = entries

    async def takeover(self) -> None:
        """Another process applies what this one has in hand, and what comes after it; then this one applies its own."""
        for shard in range(SHARDS):
            if entries := await self.other.unacknowledged(shard, 1000):
                await self.storage._apply({shard: entries}, "e")
        if fresh := await self.other.take(set(range(SHARDS)), 100):
            await self.storage._apply(fresh, "e")
        await self.apply(acknowledged=True)

    async def lose(self) -> None:
        """Redis loses its data; the workers say again what they said of the attempt that runs."""
        await self.bus.redis.flushall()
        await self.ledger.prepare(set(range(SHARDS)))
        self.hand, self.lost = {}, True
        for model in self.models:
            attempt = self.leased(model)
            if told := model.worker_told.get(attempt):
                await self.bus.publish(
                    Group(str(model.id), f"worker:{attempt}", attempt, model.worker_says(attempt)[:told])
                )

    async def end(self) -> None:
        """Everything is said and applied; the reconciler brings what the bus lost."""
        for model in self.models:
            for _ in model.queue_says():
                await self.queue(model)
                for _ in range(model.pieces + 1):
                    await self.worker(model)
        await self.crash()
        await self.apply(acknowledged=True)
        while True:
            await self.take(1000)
            if not self.hand:
                break
            await self.apply(acknowledged=True)
        waiting = [terminal for terminal, _ in await self.storage._store.waiting()]
        await self.storage._finish(waiting, "e", patient=True)
        await self.check()
        unfinished = await self.storage._store.unfinished_among([model.id for model in self.models])
        lost = [Terminal(model.id, model.record) for model in self.models if model.id in unfinished]
        assert not lost or self.lost
        await self.storage._finish(lost, "e", patient=False)
        await self.check()

    async def check(self) -> None:
        for model in self.models:
            row = await self.owner.fetchrow("SELECT * FROM evaluation WHERE id = $1", model.id)
            assert row["attempt"] >= model.attempt
            model.attempt = row["attempt"]
            assert model.verdict is None or (row["status"], row["verdict"]) == ("finished", model.verdict)
            model.verdict = row["verdict"]
            for piece in await self.owner.fetch("SELECT * FROM output WHERE evaluation_id = $1", model.id):
                start, whole = piece["byte_offset"], model.output(piece["attempt"])
                assert piece["data"] == whole[start : start + len(piece["data"])]

    async def check_end(self) -> None:
        for model in self.models:
            row = await self.owner.fetchrow(
                "SELECT e.verdict, e.attempt, v.missing"
                " FROM evaluation e JOIN verdict_record v ON v.evaluation_id = e.id WHERE e.id = $1",
                model.id,
            )
            assert (row["verdict"], row["attempt"]) == ("accepted", model.attempts)
            missing = json.loads(row["missing"]).get("stdout", [])
            assert self.lost or not missing
            pieces = await self.owner.fetch(
                "SELECT byte_offset AS start, byte_offset + length(data) AS stop FROM output"
                " WHERE evaluation_id = $1 AND attempt = $2 ORDER BY 1",
                model.id,
                model.attempts,
            )
            ranges = sorted([*((p["start"], p["stop"]) for p in pieces), *map(tuple, missing)])
            covered = 0
            for start, stop in ranges:
                assert start == covered, "a gap, or bytes twice"
                covered = stop
            assert covered == len(model.output(model.attempts))
        for shard, behind in (await self.ledger.backlog_bytes(set(range(SHARDS)))).items():
            if behind:
                await self.ledger.settle_flow(shard)
        assert set((await self.ledger.backlog_bytes(set(range(SHARDS)))).values()) == {0}


@pytest.fixture
async def parts(database: Any, redis_urls: dict[str, str]) -> AsyncIterator[tuple[Bus, Subscriber, Any]]:
    values = {"dsn": "-", "redis_url": redis_urls["storage"], "queue": "unix:/nowhere", "queue_token": "-", "name": "a"}
    pool = await open_pool(database.storage, service="test")
    bus = Bus.connect(redis_urls["owner"])
    owner = await asyncpg.connect(database.owner)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(owner.close)
        stack.push_async_callback(pool.close)
        stack.push_async_callback(bus.close)
        queue = await stack.enter_async_context(ServiceClient("unix:/nowhere", "-"))
        made = StorageSettings.model_validate(values)
        yield bus, Subscriber(made, RecordStore(pool), bus, queue, Metrics(CollectorRegistry())), owner


async def play(parts: tuple[Bus, Subscriber, Any], shapes: list[tuple[int, int, bool]], steps: list[Any]) -> None:
    bus, storage, owner = parts
    await bus.redis.flushall()
    models = [Model(uuid7(), *shape) for shape in shapes]
    await owner.executemany(
        "INSERT INTO evaluation (id, tenant, runtime) VALUES ($1, 't', 'python')", [(model.id,) for model in models]
    )
    driver = Driver(bus, storage, owner, models)
    await driver.ledger.prepare(set(range(SHARDS)))
    for model in models:
        queued = NewEvent(1, "evaluation.queued", Queued(queued_at=AT).model_dump_json(), live=False)
        await bus.publish(Group(str(model.id), "api", 0, [queued]))
    for step in steps:
        await driver.take_step(*step)
    await driver.end()
    await driver.check_end()


SHAPE = st.tuples(st.integers(1, 3), st.integers(0, 5), st.booleans())
SHAPES = st.lists(SHAPE, min_size=EVALUATIONS, max_size=EVALUATIONS)
QUIET = [HealthCheck.function_scoped_fixture]


@settings(max_examples=40, deadline=None, suppress_health_check=QUIET)
@given(shapes=SHAPES, steps=st.lists(STEPS, min_size=10, max_size=50))
async def test_whatever_is_delivered_when_each_effect_happens_once(parts, shapes, steps):
    await play(parts, shapes, steps)


@settings(max_examples=25, deadline=None, suppress_health_check=QUIET)
@given(shapes=SHAPES, steps=st.lists(LOSING, min_size=10, max_size=50))
async def test_whatever_redis_loses_every_verdict_is_stored_and_what_is_missing_is_named(parts, shapes, steps):
    await play(parts, shapes, steps)
