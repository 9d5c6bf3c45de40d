"""A task this worker holds the lease of, and what it says of it when no run decided."""

import asyncio
from dataclasses import dataclass

from cloche.contracts.record import Evidence, TerminalRecord
from cloche.contracts.tasks import CompleteRequest, FailRequest, LeasedTask, LeaseKey
from cloche.kit.clock import iso_now
from cloche.worker.attempt import Attempt
from cloche.worker.routing import Candidate


@dataclass(slots=True, eq=False)
class Held:
    """One lease, taken because the executor ``leased_for`` had room.

    ``candidate`` and ``attempt`` are set together, once a slot was found, maybe another executor's.
    ``clearing`` is the wait for the executor's clearing up: whether it did, without another word.
    """

    task: LeasedTask
    leased_for: str
    work: asyncio.Task[None] | None = None
    candidate: Candidate | None = None
    attempt: Attempt | None = None
    clearing: asyncio.Task[bool] | None = None
    cancelled: bool = False
    reporting: bool = False

    @property
    def key(self) -> LeaseKey:
        """The right to the task."""
        return LeaseKey(evaluation_id=self.task.evaluation_id, lease_id=self.task.lease_id)

    @property
    def executor(self) -> str | None:
        """The executor that has it; None before any has."""
        return self.candidate.name if self.candidate else None

    @property
    def waiting(self) -> bool:
        """Whether no executor has it yet."""
        return self.candidate is None and not self.reporting

    def as_failed(self, reason: str, message: str) -> FailRequest:
        """The platform failed it."""
        return FailRequest(
            evaluation_id=self.task.evaluation_id,
            lease_id=self.task.lease_id,
            reason=reason,
            message=message,
            started=self.attempt is not None and self.attempt.started,
            executor=self.executor,
        )

    def as_cancelled(self) -> CompleteRequest:
        """It was cancelled, and no executor told how it ended."""
        return CompleteRequest(
            evaluation_id=self.task.evaluation_id,
            lease_id=self.task.lease_id,
            record=TerminalRecord(
                verdict="cancelled",
                message=self._cancelled_when(),
                evidence=Evidence(source="cancel"),
                attempt=self.task.attempt,
                executor=self.executor,
                trace_parent=self.task.trace_parent,
                queued_at=self.task.queued_at,
                leased_at=self.task.leased_at,
                started_at=self.attempt.started_at if self.attempt else None,
                finished_at=iso_now(),
            ),
        )

    def _cancelled_when(self) -> str:
        if self.attempt is None:
            return "Cancelled before it ran."
        if self.attempt.started:
            return "Cancelled while it ran."
        return "Cancelled; its executor did not say whether it had begun."
