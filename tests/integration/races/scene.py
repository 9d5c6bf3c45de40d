"""One evaluation, two calls that race for it, and what must hold whichever comes first."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson

from cloche.api.store import EvaluationStore
from cloche.contracts.limits import CompileLimits, Limits
from cloche.contracts.record import Evidence, TerminalRecord
from cloche.contracts.submission import File, Program
from cloche.contracts.tasks import (
    CompleteRequest,
    FailRequest,
    HeartbeatRequest,
    LeaseKey,
    NewTask,
)
from cloche.contracts.words import EvaluationId
from cloche.kit.clock import iso_now
from cloche.kit.errors import CancelledConflictError, ClocheError, LeaseLostError
from cloche.kit.ids import uuid7
from cloche.kit.postgres import Row
from cloche.queue.faults import Faults
from cloche.queue.metrics import Meters
from cloche.queue.outbox import read_outbox
from cloche.queue.results import Results
from cloche.queue.signals import Signals
from cloche.queue.tasks import Tasks
from cloche.storage.fold import LedgerEntry, fold
from cloche.storage.record_store import RecordStore

from .interleavings import Work

TENANT = "t1"
OFFERED = {"python": 2}
EMPTY = "".join(
    f"DELETE FROM {table};" for table in ("queue.task", "queue.known", "queue.result", "queue.outbox", "evaluation")
)


@dataclass
class Scene:
    """A fresh evaluation in one of the states below; ``owner`` is a session that nobody holds up."""

    owner: Any
    task: NewTask
    lease: Row | None = None
    enqueued: bool = True
    sent: list[TerminalRecord] = field(default_factory=list[TerminalRecord])

    @classmethod
    async def in_state(cls, owner: Any, state: str) -> "Scene":
        await owner.execute(EMPTY)
        scene = cls(owner, _new_task(), enqueued=state != "new")
        await owner.execute("INSERT INTO evaluation (id, tenant, runtime) VALUES ($1, $2, 'python')", scene.id, TENANT)
        if state != "new":
            await scene.tasks(owner).enqueue([scene.task])
        if state in {"leased", "expired", "cancelling", "completed"}:
            (scene.lease,) = await scene.tasks(SessionAsPool(owner)).lease("w1", 1, OFFERED)
        if state == "expired":
            await owner.execute("UPDATE queue.task SET lease_until = now() - interval '1 s'")
        if state == "overdue":
            await owner.execute("UPDATE queue.task SET deadline_at = now() - interval '1 s'")
        if state == "cancelling":
            await scene.faults(SessionAsPool(owner)).cancel([scene.id])
        if state == "completed":
            await scene.complete(SessionAsPool(owner))
        return scene

    @property
    def id(self) -> UUID:
        return self.task.evaluation_id

    @property
    def key(self) -> dict[str, Any]:
        assert self.lease is not None
        return LeaseKey(evaluation_id=self.task.evaluation_id, lease_id=self.lease["lease_id"]).model_dump()

    def tasks(self, pool: Any) -> Tasks:
        return Tasks(pool, Signals(), Meters(), lease_s=30)

    def faults(self, pool: Any) -> Faults:
        return Faults(pool, Signals(), Meters())

    async def enqueue(self, pool: Any) -> int:
        return (await self.tasks(pool).enqueue([self.task])).accepted

    async def lease_it(self, pool: Any) -> list[Row]:
        return await self.tasks(pool).lease("w2", 1, OFFERED)

    async def cancel(self, pool: Any) -> str:
        (outcome,) = await self.faults(pool).cancel([self.id])
        return outcome.state

    async def complete(self, pool: Any, verdict: Any = "accepted") -> None:
        await self.tasks(pool).complete(CompleteRequest(**self.key, record=self._record(verdict)))

    async def complete_as_cancelled(self, pool: Any) -> None:
        await self.complete(pool, "cancelled")

    async def complete_in_group(self, pool: Any) -> list[EvaluationId]:
        return await self.tasks(pool).complete_group([CompleteRequest(**self.key, record=self._record("accepted"))])

    async def fail(self, pool: Any) -> str:
        request = FailRequest(**self.key, reason="engine_error", started=True)
        return (await self.faults(pool).fail(request)).state

    async def give_back(self, pool: Any) -> int:
        return await self.faults(pool).release([(self.key["evaluation_id"], self.key["lease_id"])])

    async def heartbeat(self, pool: Any) -> Any:
        return await self.tasks(pool).heartbeat(HeartbeatRequest(worker="w1", leases=[LeaseKey(**self.key)]))

    async def expire(self, pool: Any) -> int:
        return await self.faults(pool).reap_expired()

    async def end_overdue(self, pool: Any) -> int:
        return await self.faults(pool).reap_overdue()

    async def ask_cancel(self, pool: Any) -> str | None:
        """As a person does it: the API notes the wish, then its relay tells the queue; None when it was too late."""
        if not await EvaluationStore(pool).request_cancel(self.id, TENANT):
            return None
        state = await self.cancel(pool)
        if state != "unknown":
            await pool.execute("DELETE FROM api_outbox WHERE evaluation_id = $1", self.id)
        return state

    async def store(self, pool: Any) -> list[str]:
        """What the storage worker does with all completions there are; their verdicts."""
        events = [event for event in await read_outbox(pool, 100) if event.type == "evaluation.completed"]
        entries = [LedgerEntry(f"{e.id}-0", str(self.id), e.attempt, e.id, e.type, e.body) for e in events]
        return [verdict.record.verdict for verdict in await RecordStore(pool).apply(fold(entries), "epoch")]

    async def complete_and_store(self, pool: Any) -> None:
        try:
            await self.complete(pool)
        finally:
            await self.store(pool)

    def _record(self, verdict: Any) -> TerminalRecord:
        assert self.lease is not None
        record = TerminalRecord(
            verdict=verdict, evidence=Evidence(source="exit"), attempt=self.lease["attempt"], finished_at=iso_now()
        )
        self.sent.append(record)
        return record

    async def play_on(self) -> None:
        """What the platform does next, whatever the race left: the relay asks again, a worker runs what is open."""
        pool = SessionAsPool(self.owner)
        if await self.owner.fetchval("SELECT cancel_requested FROM evaluation"):
            await self.cancel(pool)
        await self.enqueue(pool)
        await self.owner.execute("UPDATE queue.task SET run_at = now(), due = true, deadline_at = 'infinity'")
        rows = await self.lease_it(pool)
        held = await self.owner.fetchrow("SELECT evaluation_id, lease_id, attempt FROM queue.task")
        if held is not None:
            self.lease = rows[0] if rows else held
            with_conflict = await self.owner.fetchval("SELECT cancel_requested FROM queue.task")
            try:
                await self.complete(pool)
                assert not with_conflict
            except CancelledConflictError:
                assert with_conflict
        await self.store(pool)

    async def check(self, answers: dict[str, Any]) -> None:
        """One end, told once, stored as it was told; and what each call answered fits it."""
        pool: Any = SessionAsPool(self.owner)
        before = await self.owner.fetchval("SELECT verdict FROM evaluation")
        result_before = await self.owner.fetchval("SELECT verdict FROM queue.result")
        await self.play_on()
        page, _ = await Results(pool).page("", 10)
        (row,) = page
        record = TerminalRecord.model_validate_json(row["record"])
        assert result_before in {None, record.verdict}, "a committed result changed"
        assert before in {None, record.verdict}, "a stored verdict changed"
        assert await self.owner.fetchval("SELECT count(*) FROM queue.task") == 0
        (told,) = [event for event in await read_outbox(pool, 100) if event.type == "evaluation.completed"]
        assert orjson.loads(told.body)["record"] == orjson.loads(row["record"])
        stored = await self.owner.fetchrow("SELECT status, verdict, attempt, stored_at FROM evaluation")
        assert tuple(stored)[:3] == ("finished", record.verdict, record.attempt)
        await self.store(pool)
        assert await self.owner.fetchval("SELECT stored_at FROM evaluation") == stored["stored_at"], "stored twice"
        for name, answer in answers.items():
            getattr(self, f"_check_{name.rpartition('.')[2]}")(answer, record)

    def _check_cancel(self, answer: Any, record: TerminalRecord) -> None:
        if answer in {"cancelled", "cancelling"}:
            assert record.verdict == "cancelled"
        elif answer == "finished":
            assert record.verdict != "cancelled"
        else:
            assert (answer, self.enqueued) == ("unknown", False)

    def _check_ask_cancel(self, answer: Any, record: TerminalRecord) -> None:
        if answer is not None:
            self._check_cancel(answer, record)

    def _check_complete(self, answer: Any, record: TerminalRecord) -> None:
        if answer is None:
            assert record in self.sent
        elif isinstance(answer, CancelledConflictError):
            assert (answer.status, record.verdict) == (409, "cancelled")
        else:
            assert isinstance(answer, LeaseLostError)
            assert answer.status == 409
            assert record not in self.sent[:1]

    _check_complete_as_cancelled = _check_complete
    _check_complete_and_store = _check_complete

    def _check_complete_in_group(self, answer: Any, record: TerminalRecord) -> None:
        assert answer == [] or record in self.sent

    def _check_lease_it(self, answer: Any, record: TerminalRecord) -> None:
        assert len(answer) <= 1
        if answer:
            assert record.attempt >= answer[0]["attempt"]

    def _check_enqueue(self, answer: Any, record: TerminalRecord) -> None:
        assert answer in ({0} if self.enqueued else {0, 1})

    def _check_fail(self, answer: Any, record: TerminalRecord) -> None:
        if answer == "retrying":
            assert record.attempt > 1
        elif answer == "done":
            assert record.attempt == 1
        else:
            assert isinstance(answer, LeaseLostError)

    def _check_give_back(self, answer: Any, record: TerminalRecord) -> None:
        assert answer in {0, 1}

    def _check_heartbeat(self, answer: Any, record: TerminalRecord) -> None:
        if answer.cancelled:
            assert record.verdict == "cancelled"

    def _check_expire(self, answer: Any, record: TerminalRecord) -> None:
        if answer and record.verdict != "cancelled":
            assert record.attempt > 1

    def _check_end_overdue(self, answer: Any, record: TerminalRecord) -> None:
        if answer:
            assert record.verdict == "internal_error"

    def _check_store(self, answer: Any, record: TerminalRecord) -> None:
        assert answer in ([], [record.verdict])


class SessionAsPool:
    """A session in a pool's place."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def acquire(self) -> "SessionAsPool":
        return self

    async def __aenter__(self) -> Any:
        return self._connection

    async def __aexit__(self, *_: object) -> None:
        return None


def expected(work: Work) -> Work:
    """Answers with a ``ClocheError`` instead of raising it."""

    async def run(pool: Any) -> Any:
        try:
            return await work(pool)
        except ClocheError as error:
            return error

    return run


def _new_task() -> NewTask:
    program = Program(
        runtime="python",
        files=[File(path="main.py", content="print(1)")],
        entrypoint="main.py",
        limits=Limits(),
        compile_limits=CompileLimits(),
    )
    return NewTask(
        evaluation_id=EvaluationId(uuid7()), tenant=TENANT, runtime="python", isolation="namespace", program=program
    )
