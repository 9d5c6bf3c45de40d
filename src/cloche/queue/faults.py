"""The paths on which no run decided: fail, goodbye, expired leases, overdue tasks, cancel."""

import secrets
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final, TypeAlias
from uuid import UUID

from cloche.contracts.tasks import CancelOutcome, CompleteAnswer, FailRequest
from cloche.contracts.words import EvaluationId
from cloche.kit.clock import iso_now
from cloche.kit.errors import LeaseLostError
from cloche.kit.logs import about_evaluation, get_logger
from cloche.kit.postgres import Connection, Pool, load_sql
from cloche.queue import records
from cloche.queue.endings import Ended, finish, how_ended, lock_leased, locked_task
from cloche.queue.metrics import Meters, known_reason
from cloche.queue.retry import (
    MAX_STARTED_ATTEMPTS,
    QUEUE_TIMEOUT,
    WORKER_LEAVING,
    WORKER_LOST,
    BlameProgram,
    Fault,
    GiveUp,
    History,
    Requeue,
    after_fault,
)
from cloche.queue.signals import Signals
from cloche.queue.task import Ending, LockedTask

log = get_logger()

_LOCK_TASKS: Final = load_sql("cloche.queue", "lock_tasks")
_LOCK_EXPIRED: Final = load_sql("cloche.queue", "lock_expired")
_LOCK_OVERDUE: Final = load_sql("cloche.queue", "lock_overdue")
_REQUEUE: Final = load_sql("cloche.queue", "requeue")
_REQUEST_CANCEL: Final = load_sql("cloche.queue", "request_cancel")

#: How many rows one pass of the reaper locks at most.
REAP_BATCH: Final = 500

_RANDOM: Final = secrets.SystemRandom()

_Decision: TypeAlias = tuple[LockedTask, Fault, Requeue | Ending]
_Decide: TypeAlias = Callable[[LockedTask], _Decision]


class Faults:
    """Each call locks the rows it judges and commits its judgement, or nothing."""

    def __init__(self, pool: Pool, signals: Signals, meters: Meters) -> None:
        self._pool = pool
        self._signals = signals
        self._meters = meters

    async def fail(self, request: FailRequest) -> CompleteAnswer:
        """A platform fault under a lease: another attempt, or the end.

        A repeat after the end answers ``done`` again; after another attempt the lease is lost.

        Raises:
            LeaseLostError: the task is not held under this lease.
        """
        fault = Fault(request.reason, request.started, request.message)
        async with self._pool.acquire() as session, session.transaction():
            locked = await lock_leased(session, [(request.evaluation_id, request.lease_id)])
            if not locked:
                ended = (await how_ended(session, [request.evaluation_id])).get(request.evaluation_id)
                if ended is None or ended.lease_id != request.lease_id:
                    self._meters.conflicts.labels(LeaseLostError.code).inc()
                    raise LeaseLostError
                return CompleteAnswer(state="done")
            decisions = [_judged(locked[0], fault)]
            await _commit(session, decisions)
        self._announce(decisions)
        return CompleteAnswer(state="retrying" if isinstance(decisions[0][2], Requeue) else "done")

    async def release(self, keys: Sequence[tuple[UUID, UUID]]) -> int:
        """Let tasks whose program never began wait again at once; how many were still held."""
        if not keys:
            return 0
        async with self._pool.acquire() as session, session.transaction():
            decisions = [_released(task) for task in await lock_leased(session, keys)]
            await _commit(session, decisions)
        self._announce(decisions)
        return len(decisions)

    async def reap_expired(self) -> int:
        """Judge the tasks whose lease has run out. Whether their program began nobody can say, so it counts."""
        fault = Fault(WORKER_LOST, started=True)
        return await self._reap(_LOCK_EXPIRED, WORKER_LOST, lambda task: _judged(task, fault))

    async def reap_overdue(self) -> int:
        """End the tasks that have waited longer than their queue timeout."""
        return await self._reap(_LOCK_OVERDUE, QUEUE_TIMEOUT, _overdue)

    async def cancel(self, evaluation_ids: Sequence[UUID]) -> list[CancelOutcome]:
        """Cancel these: what waits ends now, what runs is marked, what is done stays. Idempotent."""
        async with self._pool.acquire() as session, session.transaction():
            rows = await session.fetch(_LOCK_TASKS, list(set(evaluation_ids)))
            found = {task.evaluation_id: task for task in map(locked_task, rows)}
            waiting = [task for task in found.values() if task.lease_id is None]
            endings = [Ending(t.evaluation_id, None, records.cancelled(t, iso_now())) for t in waiting]
            if endings:
                await finish(session, endings)
            if len(found) > len(waiting):
                await session.execute(_REQUEST_CANCEL, list(found))
            ended = await how_ended(session, [i for i in evaluation_ids if i not in found])
        if endings:
            self._meters.note_finished(endings)
            self._signals.ended()
        return [_cancel_outcome(i, found.get(i), ended.get(i)) for i in dict.fromkeys(evaluation_ids)]

    async def _reap(self, lock: str, reason: str, decide: _Decide) -> int:
        async with self._pool.acquire() as session, session.transaction():
            rows = await session.fetch(lock, REAP_BATCH)
            decisions = [decide(locked_task(row)) for row in rows]
            await _commit(session, decisions)
        self._announce(decisions)
        self._meters.reaped.labels(reason).inc(len(decisions))
        return len(decisions)

    def _announce(self, decisions: list[_Decision]) -> None:
        if not decisions:
            return
        self._meters.note_finished([what for _, _, what in decisions if isinstance(what, Ending)])
        again = [(fault, what) for _, fault, what in decisions if isinstance(what, Requeue)]
        for task, fault, what in decisions:
            verdict = what.record.verdict if isinstance(what, Ending) else None
            with about_evaluation(task.evaluation_id, task.attempt):
                log.info("task.failed", reason=known_reason(fault.reason), started=fault.started, verdict=verdict)
        for fault, _ in again:
            self._meters.note_retried(fault.reason)
        for delay in {what.delay for _, what in again}:
            self._signals.work_in(delay)
        self._signals.ended()


async def _commit(connection: Connection, decisions: list[_Decision]) -> None:
    endings = [what for _, _, what in decisions if isinstance(what, Ending)]
    if endings:
        await finish(connection, endings)
    again = [(task, fault, what) for task, fault, what in decisions if isinstance(what, Requeue)]
    if again:
        await connection.fetch(
            _REQUEUE,
            [task.evaluation_id for task, _, _ in again],
            [task.lease_id for task, _, _ in again],
            [what.delay for _, _, what in again],
            [int(fault.started) for _, fault, _ in again],
            [int(fault.counts_as_cell_lost) for _, fault, _ in again],
            [fault.reason for _, fault, _ in again],
            [fault.message for _, fault, _ in again],
        )


def _judged(task: LockedTask, fault: Fault) -> _Decision:
    if task.cancel_requested:
        return task, fault, _cancelled(task)
    history = History(task.attempt, task.started_attempts, task.cells_lost)
    match after_fault(history, fault, _RANDOM.random()):
        case Requeue() as again:
            return task, fault, again
        case GiveUp():
            detail = fault.message or f"The last reason: {fault.reason}."
            text = f"The platform failed {MAX_STARTED_ATTEMPTS} times while this ran. {detail}"
            record = records.dead(task, iso_now(), fault.reason, text)
        case BlameProgram():
            record = records.cell_lost(task, iso_now())
    return task, fault, Ending(task.evaluation_id, task.lease_id, record, fault.reason, fault.message)


def _released(task: LockedTask) -> _Decision:
    fault = Fault(WORKER_LEAVING, started=False)
    return task, fault, _cancelled(task) if task.cancel_requested else Requeue(timedelta(0))


def _overdue(task: LockedTask) -> _Decision:
    record = records.dead(task, iso_now(), QUEUE_TIMEOUT, "No executor took this within its queue timeout.")
    return task, Fault(QUEUE_TIMEOUT, started=False), Ending(task.evaluation_id, task.lease_id, record, QUEUE_TIMEOUT)


def _cancelled(task: LockedTask) -> Ending:
    return Ending(task.evaluation_id, task.lease_id, records.cancelled(task, iso_now()))


def _cancel_outcome(evaluation_id: UUID, task: LockedTask | None, ended: Ended | None) -> CancelOutcome:
    if task is not None:
        state = "cancelled" if task.lease_id is None else "cancelling"
    elif ended is not None:
        state = "cancelled" if ended.outcome == "cancelled" else "finished"
    else:
        state = "unknown"
    return CancelOutcome(evaluation_id=EvaluationId(evaluation_id), state=state)
