"""The path of a task that goes well: enqueue, lease, heartbeat, complete."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final
from uuid import UUID

from cloche.contracts.record import TerminalRecord
from cloche.contracts.tasks import CompleteRequest, EnqueueAnswer, HeartbeatAnswer, HeartbeatRequest, NewTask
from cloche.contracts.words import EvaluationId
from cloche.kit.clock import iso, parse
from cloche.kit.errors import CancelledConflictError, ConflictError, InvalidRequestError, LeaseLostError
from cloche.kit.postgres import Pool, Row, load_sql
from cloche.queue.capability import rank
from cloche.queue.endings import Ended, finish, how_ended, lock_leased
from cloche.queue.metrics import Meters
from cloche.queue.records import cancelled_with_output
from cloche.queue.signals import Signals
from cloche.queue.task import Ending, LockedTask
from cloche.queue.wire import ENOUGH_BYTES

_ENQUEUE: Final = load_sql("cloche.queue", "enqueue")
_LEASE: Final = load_sql("cloche.queue", "lease_tasks")
_HEARTBEAT: Final = load_sql("cloche.queue", "heartbeat")


class Tasks:
    """Each call is one round trip and one commit; where a fence did not hold, others follow that find out why."""

    def __init__(self, pool: Pool, signals: Signals, meters: Meters, *, lease_s: float) -> None:
        self._pool = pool
        self._signals = signals
        self._meters = meters
        self._lease = timedelta(seconds=lease_s)
        # PostgreSQL lets one lease at a time count what runs; siblings wait here and hold no session meanwhile.
        self._leasing = asyncio.Lock()

    async def enqueue(self, tasks: Sequence[NewTask]) -> EnqueueAnswer:
        """Queue those tasks whose id was never enqueued before; the others are left as they are.

        Raises:
            InvalidRequestError: one names a lane that does not exist; nothing was queued.
        """
        row = await self._pool.fetchrow(
            _ENQUEUE,
            [t.evaluation_id for t in tasks],
            [t.tenant for t in tasks],
            [t.lane for t in tasks],
            [t.priority for t in tasks],
            [t.runtime for t in tasks],
            [rank(t.isolation) for t in tasks],
            [t.queue_timeout_s for t in tasks],
            [t.trace_parent for t in tasks],
            [t.program.model_dump_json().encode() for t in tasks],
            [parse(t.run_at) if t.run_at else None for t in tasks],
        )
        assert row is not None  # an aggregate without GROUP BY always has one row
        if row["stray"] is not None:
            raise InvalidRequestError(f"There is no lane {row['stray']!r}.")
        accepted: int = row["accepted"]
        if accepted:
            self._meters.enqueued.inc(accepted)
            self._signals.work.ring()
        return EnqueueAnswer(accepted=accepted, known=len(tasks) - accepted, queued_at=iso(row["queued_at"]))

    async def lease(self, worker: str, slots: int, strongest_by_wanted: Mapping[str, int]) -> list[Row]:
        """Claim up to ``slots`` tasks for ``worker``, each under a fresh lease; the best first.

        They end with the program that brings them to ``ENOUGH_BYTES``.
        """
        async with self._leasing:
            rows = await self._pool.fetch(
                _LEASE,
                list(strongest_by_wanted.keys()),
                list(strongest_by_wanted.values()),
                slots,
                self._lease,
                worker,
                ENOUGH_BYTES,
            )
        if rows:
            self._meters.note_leased(rows)
            self._signals.outbox.ring()
        return rows

    async def heartbeat(self, request: HeartbeatRequest) -> HeartbeatAnswer:
        """Extend every lease that is still held, also an expired one that was not reaped yet."""
        keys = request.leases
        rows = await self._pool.fetch(
            _HEARTBEAT, [k.evaluation_id for k in keys], [k.lease_id for k in keys], self._lease
        )
        held: dict[UUID, bool] = {row["evaluation_id"]: row["cancel_requested"] for row in rows}
        return HeartbeatAnswer(
            extended=[k.evaluation_id for k in keys if held.get(k.evaluation_id) is False],
            cancelled=[k.evaluation_id for k in keys if held.get(k.evaluation_id) is True],
            lost=[k.evaluation_id for k in keys if k.evaluation_id not in held],
        )

    async def complete(self, request: CompleteRequest) -> None:
        """Commit the record; a repeat under the same lease changes nothing.

        Raises:
            LeaseLostError: the task is not held under this lease.
            CancelledConflictError: the cancelling came first; the result is ``cancelled`` with this record's output.
            InvalidRequestError: the record is of another attempt, or cancelled though nobody asked.
        """
        ending = _decided(request)
        if await finish(self._pool, [ending]):
            self._note_finished([ending])
        else:
            await self._complete_anyway(ending)

    async def complete_group(self, requests: Sequence[CompleteRequest]) -> list[EvaluationId]:
        """Commit these records in one statement; the ids of those that are: the others need ``complete``'s answer."""
        newest = {request.evaluation_id: _decided(request) for request in requests}
        done = await finish(self._pool, list(newest.values()))
        committed = {evaluation_id: ending for evaluation_id, ending in newest.items() if evaluation_id in done}
        if committed:
            self._note_finished(list(committed.values()))
        return list(committed)

    async def _complete_anyway(self, ending: Ending) -> None:
        """The fence did not hold: find out why. Returns when the task is done as ``ending`` says.

        Raises: as ``complete``.
        """
        conflict: ConflictError | None = None
        finished: list[Ending] = []
        async with self._pool.acquire() as session, session.transaction():
            assert ending.lease_id is not None
            locked = await lock_leased(session, [(ending.evaluation_id, ending.lease_id)])
            if locked:
                task = locked[0]
                _check_legal(task, ending.record)
                record = ending.record
                if task.cancel_requested and record.verdict != "cancelled":
                    record = cancelled_with_output(record)
                    conflict = CancelledConflictError()
                finished = [replace(ending, record=record)]
                await finish(session, finished)
            else:
                ended = await how_ended(session, [ending.evaluation_id])
                conflict = _conflict_with(ended.get(ending.evaluation_id), ending)
        self._note_finished(finished)
        if conflict is not None:
            self._meters.conflicts.labels(conflict.code).inc()
            raise conflict

    def _note_finished(self, endings: Sequence[Ending]) -> None:
        self._meters.note_finished(endings)
        self._signals.ended()


def _decided(request: CompleteRequest) -> Ending:
    """A run that its worker says the platform failed is a dead letter, which needs a reason."""
    record = request.record
    if record.verdict != "internal_error":
        return Ending(request.evaluation_id, request.lease_id, record)
    reason = record.evidence.detail or record.evidence.source
    return Ending(request.evaluation_id, request.lease_id, record, reason, record.message)


def _check_legal(task: LockedTask, record: TerminalRecord) -> None:
    if record.attempt != task.attempt:
        raise InvalidRequestError(f"The record is of attempt {record.attempt}; this lease is attempt {task.attempt}.")
    if record.verdict == "cancelled" and not task.cancel_requested:
        raise InvalidRequestError("Nobody asked to cancel this.")


def _conflict_with(ended: Ended | None, ending: Ending) -> ConflictError | None:
    """None when the task ended just so under the same lease: then this is a repeat."""
    if ended is None or ended.lease_id != ending.lease_id:
        return LeaseLostError()
    if ended.verdict == ending.record.verdict:
        return None
    return CancelledConflictError() if ended.outcome == "cancelled" else LeaseLostError()
