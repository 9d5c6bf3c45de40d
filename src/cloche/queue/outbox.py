"""The outbox's rows: what is committed here and not yet told to the bus."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from cloche.kit.postgres import Connection, Row, load_sql
from cloche.queue.wire import completed_body

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
    """The oldest events, in order."""
    return [_event(row) for row in await connection.fetch(_READ, limit)]


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
