"""Terminal records that the Queue Service writes itself, when no run decided."""

from cloche.contracts.record import Evidence, TerminalRecord
from cloche.contracts.words import Verdict
from cloche.kit.clock import iso
from cloche.queue.retry import CELL_LOST
from cloche.queue.task import LockedTask

_CANCELLED = "Cancelled on request."


def cancelled(task: LockedTask, finished_at: str) -> TerminalRecord:
    """Cancelled without a run to tell of: it waited, or its worker is gone."""
    return _record(task, finished_at, Evidence(source="cancel"), verdict="cancelled", message=_CANCELLED)


def cancelled_with_output(record: TerminalRecord) -> TerminalRecord:
    """The record of a run that was decided after its cancelling: the output so far, another verdict."""
    evidence = Evidence(source="cancel")
    verdict = {"verdict": "cancelled", "message": _CANCELLED, "evidence": evidence}
    execution = record.execution and record.execution.model_copy(update=verdict)
    return record.model_copy(update={**verdict, "execution": execution})


def dead(task: LockedTask, finished_at: str, reason: str, message: str) -> TerminalRecord:
    """The platform could not run it."""
    evidence = Evidence(source="platform", detail=reason)
    return _record(task, finished_at, evidence, verdict="internal_error", message=message)


def cell_lost(task: LockedTask, finished_at: str) -> TerminalRecord:
    """The run took down its cell again and again, which no program may turn into ``internal_error``."""
    evidence = Evidence(source="platform", detail=CELL_LOST)
    message = "The program took down the cell it ran in, twice."
    return _record(task, finished_at, evidence, verdict="runtime_error", message=message)


def _record(
    task: LockedTask, finished_at: str, evidence: Evidence, *, verdict: Verdict, message: str
) -> TerminalRecord:
    return TerminalRecord(
        verdict=verdict,
        message=message,
        evidence=evidence,
        attempt=task.attempt,
        trace_parent=task.trace_parent,
        queued_at=iso(task.queued_at),
        leased_at=iso(task.leased_at) if task.leased_at else None,
        finished_at=finished_at,
    )
