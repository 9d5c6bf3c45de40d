"""Committing how tasks end, and reading how they ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from cloche.contracts.words import Verdict
from cloche.kit.postgres import Connection, Row, load_sql
from cloche.queue.task import Ending, LockedTask, Outcome, outcome_of

_FINISH: Final = load_sql("cloche.queue", "finish")
_ENDINGS: Final = load_sql("cloche.queue", "endings")
_LOCK_LEASED: Final = load_sql("cloche.queue", "lock_leased")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a task ended, and the lease it ended under (None: it waited)."""

    lease_id: UUID | None
    verdict: Verdict
    outcome: Outcome


async def finish(connection: Connection, endings: Sequence[Ending]) -> set[UUID]:
    """Commit these endings in one statement; the ids of those whose fence held.

    A task whose cancelling was asked for ends as ``cancelled`` or not at all.
    """
    rows = await connection.fetch(
        _FINISH,
        [e.evaluation_id for e in endings],
        [e.lease_id for e in endings],
        [e.record.attempt for e in endings],
        [e.record.verdict for e in endings],
        [outcome_of(e.record.verdict) for e in endings],
        [e.reason for e in endings],
        [e.record.model_dump_json().encode() for e in endings],
        [e.message for e in endings],
    )
    return {row["evaluation_id"] for row in rows}


async def lock_leased(connection: Connection, keys: Sequence[tuple[UUID, UUID]]) -> list[LockedTask]:
    """Lock those tasks that are still held by (evaluation id, lease id). Needs an open transaction."""
    rows = await connection.fetch(_LOCK_LEASED, [k[0] for k in keys], [k[1] for k in keys])
    return [locked_task(row) for row in rows]


async def how_ended(connection: Connection, evaluation_ids: Sequence[UUID]) -> dict[UUID, Ended]:
    """Those of the tasks that are done."""
    rows = await connection.fetch(_ENDINGS, list(evaluation_ids))
    return {row["evaluation_id"]: Ended(row["lease_id"], row["verdict"], row["outcome"]) for row in rows}


def locked_task(row: Row) -> LockedTask:
    """A row of any ``lock_*`` statement."""
    return LockedTask(
        evaluation_id=row["evaluation_id"],
        lease_id=row["lease_id"],
        attempt=row["attempt"],
        started_attempts=row["started_attempts"],
        cells_lost=row["cells_lost"],
        cancel_requested=row["cancel_requested"],
        queued_at=row["queued_at"],
        leased_at=row["leased_at"],
        trace_parent=row["trace_parent"],
    )
