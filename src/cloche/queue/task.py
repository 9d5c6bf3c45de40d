"""A task while a transaction holds its row, and the ways such a transaction can end it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias
from uuid import UUID

from cloche.contracts.record import TerminalRecord
from cloche.contracts.words import Verdict

Outcome: TypeAlias = Literal["completed", "cancelled", "dead"]


def outcome_of(verdict: Verdict) -> Outcome:
    """How the queue files a verdict: ``internal_error`` is a dead letter."""
    match verdict:
        case "cancelled":
            return "cancelled"
        case "internal_error":
            return "dead"
        case _:
            return "completed"


@dataclass(frozen=True, slots=True)
class LockedTask:
    """A row of ``queue.task`` that this transaction has locked.

    ``attempt`` is the attempt that runs or waits, 0 before the first lease: the number under which
    the bus and the record know what happens to it next.
    """

    evaluation_id: UUID
    lease_id: UUID | None
    attempt: int
    started_attempts: int
    cells_lost: int
    cancel_requested: bool
    queued_at: datetime
    leased_at: datetime | None
    trace_parent: str | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """A task's end, fenced by the lease (None: it waits) and the attempt.

    ``reason`` is the fault that led to it, with its ``message``; empty when a run decided.
    """

    evaluation_id: UUID
    lease_id: UUID | None
    record: TerminalRecord
    reason: str = ""
    message: str = ""
