"""The outbox's rows: what is committed here and not yet told to the bus."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from cloche.kit.postgres import Connection, Row, load_sql
from cloche.queue.wire import ENOUGH_BYTES, completed_body

_READ: Final = load_sql("cloche.queue", "outbox_read")
_DONE: Final = load_sql("cloche.queue", "outbox_done")


@dataclass(frozen=True, slots=True)
class OutboxEvent:
    """An event to publish; ``id`` counts up for each evaluation in the order of commits."""

    id: int
    evaluation_id: UUID
    attempt: int
    type: str
    body: bytes
    age_s: float


async def read_outbox(connection: Connection, limit: int) -> list[OutboxEvent]:
    """The oldest events, in order: at most ``limit``, and no more after ``ENOUGH_BYTES`` of records."""
    return [_event(row) for row in await connection.fetch(_READ, limit, ENOUGH_BYTES)]


def may_leave_some(events: Sequence[OutboxEvent], limit: int) -> bool:
    """Whether more may wait behind what ``read_outbox`` found."""
    return len(events) >= limit or sum(len(event.body) for event in events) >= ENOUGH_BYTES


async def forget_published(connection: Connection, ids: Sequence[int]) -> None:
    """Drop what the bus has."""
    await connection.execute(_DONE, list(ids))


def _event(row: Row) -> OutboxEvent:
    body = row["body"]
    return OutboxEvent(
        id=row["id"],
        evaluation_id=row["evaluation_id"],
        attempt=row["attempt"],
        type=row["type"],
        body=completed_body(row["tenant"], row["record"]) if body is None else body,
        age_s=row["age"].total_seconds(),
    )
