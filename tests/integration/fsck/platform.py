"""A platform on real stores whose parts do one step when the test says so."""

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson

from cloche.api.store import EvaluationStore, NewEvaluation, Waiting
from cloche.contracts.limits import CompileLimits, Limits
from cloche.contracts.record import Evidence, ExecutionRecord, StreamSummary, TerminalRecord
from cloche.contracts.submission import File, Program
from cloche.contracts.tasks import CompleteRequest, NewTask
from cloche.contracts.words import EvaluationId, LeaseId
from cloche.kit.bus import Bus, Group, NewEvent
from cloche.kit.clock import iso_now
from cloche.kit.ids import uuid7
from cloche.kit.postgres import Pool, Row
from cloche.queue.faults import Faults
from cloche.queue.metrics import Meters
from cloche.queue.relay import Relay
from cloche.queue.signals import Signals
from cloche.queue.tasks import Tasks
from cloche.stack.fsck.check import Places, Report, check
from cloche.storage.fold import Changes, Terminal, fold
from cloche.storage.ledger import Ledger
from cloche.storage.record_store import RecordStore

OUTPUT = b"hello\n"


@dataclass
class Platform:
    """``pool`` is the owner's."""

    pool: Pool
    bus: Bus
    places: Places
    leases: dict[UUID, Row] = field(default_factory=dict[UUID, Row])

    async def fsck(self, *, repair: bool = False) -> Report:
        return await check(self.places, since=None, apart_s=0, repair=repair)

    async def kinds(self) -> dict[str, set[str]]:
        """What disagrees, by subject."""
        found: dict[str, set[str]] = {}
        for finding in (await self.fsck()).left:
            found.setdefault(finding.subject, set()).add(finding.kind)
        return found

    async def submit(self) -> UUID:
        program = Program(
            runtime="python",
            files=[File(path="main.py", content="print('hello')")],
            entrypoint="main.py",
            limits=Limits(),
            compile_limits=CompileLimits(),
        )
        fresh = uuid7()
        task = {"evaluation_id": str(fresh), "tenant": "t1", "runtime": "python", "isolation": program.isolation}
        waiting = Waiting(lane="interactive", priority=0, queue_timeout_s=86400)
        new = NewEvaluation(fresh, "t1", "n", {}, program, waiting, orjson.dumps(task))
        await EvaluationStore(self.pool).submit([new])
        return fresh

    async def tell_queue(self) -> None:
        """What the API's relay does."""
        for row in await self.pool.fetch(
            "SELECT o.*, s.program FROM api_outbox o JOIN submission s USING (evaluation_id) ORDER BY o.id"
        ):
            if row["kind"] == "enqueue":
                new = {**orjson.loads(row["body"]), "program": orjson.loads(row["program"])}
                await self.tasks.enqueue([NewTask.model_validate(new)])
            else:
                await self.faults.cancel([row["evaluation_id"]])
            await self.pool.execute("DELETE FROM api_outbox WHERE id = $1", row["id"])

    async def tell_bus(self) -> None:
        """What the queue's relay does."""
        async with self.pool.acquire() as session:
            while await Relay(self.bus, Signals(), Meters()).publish_batch(session):
                pass

    @property
    def tasks(self) -> Tasks:
        return Tasks(self.pool, Signals(), Meters(), lease_s=30)

    @property
    def faults(self) -> Faults:
        return Faults(self.pool, Signals(), Meters())

    async def lease(self) -> list[UUID]:
        """Every task that waits."""
        await self.pool.execute("UPDATE queue.task SET run_at = now(), due = true WHERE lease_id IS NULL")
        rows = await self.tasks.lease("w1", 100, {"python": 5})
        self.leases |= {row["evaluation_id"]: row for row in rows}
        return [row["evaluation_id"] for row in rows]

    async def complete(self, evaluation_id: UUID, verdict: Any = "accepted", *, inline: bool = True) -> None:
        lease = self.leases[evaluation_id]
        record = self.record(lease["attempt"], verdict, inline=inline)
        await self.tasks.complete(
            CompleteRequest(
                evaluation_id=EvaluationId(evaluation_id), lease_id=LeaseId(lease["lease_id"]), record=record
            )
        )

    @staticmethod
    def record(attempt: int, verdict: Any, *, inline: bool = True) -> TerminalRecord:
        evidence = Evidence(source="exit")
        run = ExecutionRecord(
            verdict=verdict,
            evidence=evidence,
            runtime="python@3.11",
            engine="local",
            isolation="namespace",
            stdout=StreamSummary(
                bytes=len(OUTPUT),
                kept=len(OUTPUT),
                sha256=hashlib.sha256(OUTPUT).hexdigest(),
                data=base64.b64encode(OUTPUT).decode() if inline else None,
            ),
        )
        return TerminalRecord(
            verdict=verdict, evidence=evidence, attempt=attempt, last_event=1, execution=run, finished_at=iso_now()
        )

    async def write(self, evaluation_id: UUID, attempt: int, offset: int, data: bytes, stream: int = 1) -> None:
        await self.pool.execute(
            "INSERT INTO output (evaluation_id, attempt, stream, byte_offset, data, at)"
            " VALUES ($1, $2, $3, $4, $5, now())",
            evaluation_id,
            attempt,
            stream,
            offset,
            data,
        )

    async def apply_ledger(self) -> None:
        """What the storage worker does with events."""
        ledger = Ledger(self.bus, "storage")
        shards = await ledger.own()
        await ledger.prepare(shards)
        for shard, entries in (await ledger.take(shards, 1000)).items():
            await self.store(fold(entries))
            await ledger.acknowledge({shard: entries})
        await ledger.leave()

    async def store(self, changes: Changes) -> None:
        for verdict in await RecordStore(self.pool).apply(changes, "epoch"):
            finished = [NewEvent(1, "evaluation.finished", "{}")]
            await self.bus.publish(Group(str(verdict.evaluation_id), "storage", 9, finished, ledger=False, seal=True))

    async def store_results(self) -> None:
        """What the storage worker's reconciler does."""
        for row in await self.pool.fetch("SELECT evaluation_id, record FROM queue.result"):
            terminal = Terminal(row["evaluation_id"], TerminalRecord.model_validate_json(row["record"]))
            await self.store(Changes(terminals={terminal.evaluation_id: terminal}))

    async def publish_started(self, evaluation_id: UUID) -> None:
        """What a worker tells of a long run."""
        events = [NewEvent(1, "output", orjson.dumps({"stream": "stdout", "offset": 0, "data": "", "at": iso_now()}))]
        await self.bus.publish(Group(str(evaluation_id), "worker", 1, events))

    async def run(self, evaluation_id: UUID) -> UUID:
        """From its submission to its verdict."""
        await self.tell_queue()
        await self.lease()
        await self.complete(evaluation_id)
        await self.tell_bus()
        await self.apply_ledger()
        return evaluation_id

    async def play_on(self) -> None:
        """Until everything is finished."""
        await self.tell_queue()
        for evaluation_id in await self.lease():
            await self.complete(evaluation_id)
        for evaluation_id in await self._held():
            await self.complete(evaluation_id)
        await self.tell_bus()
        await self.apply_ledger()
        await self.store_results()

    async def _held(self) -> list[UUID]:
        rows = await self.pool.fetch("SELECT evaluation_id FROM queue.task WHERE lease_id IS NOT NULL")
        return [row["evaluation_id"] for row in rows]
