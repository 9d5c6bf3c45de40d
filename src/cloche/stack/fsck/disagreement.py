"""What ``cloche fsck`` can find: each kind, in words, with what to do about it."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Kind:
    """``what`` disagrees; ``remedy`` is what ``--repair`` does."""

    what: str
    remedy: str


#: In the order in which they are repaired: whether there is a task, then how it ended, then what it wrote.
KINDS: Final[dict[str, Kind]] = {
    "task_and_result": Kind("the queue still has a task that has ended", "remove the task"),
    "finished_but_queued": Kind("the evaluation is finished, its task is not", "end the task with the stored record"),
    "orphan_task": Kind("a task without an evaluation", "remove the task"),
    "lost_enqueue": Kind("the queue never heard of it", "tell the queue, by the API's outbox or its batch's backlog"),
    "lost_task": Kind("the queue has lost its task", "queue it for another attempt"),
    "stuck_submission": Kind("the API has not told the queue for a minute", "tell it; start the API"),
    "lease_overdue": Kind("its lease ran out long ago", "take it back; start the Queue Service"),
    "attempt_ahead": Kind("the record is of a later attempt than the queue's", "queue it for the attempt after that"),
    "unread_result": Kind("the queue has its result, the record has not", "store the result"),
    "awaiting_too_long": Kind("its record waits for output that does not come", "store it, naming what is missing"),
    "no_record": Kind("finished without a terminal record", "write the record anew"),
    "record_unreadable": Kind("its terminal record can't be read", "take the queue's record, else the columns"),
    "verdict_differs": Kind("evaluation, record and queue name different verdicts", "take the queue's record"),
    "dead_letter_differs": Kind("a dead letter, and not internal_error", "take the queue's record"),
    "attempt_differs": Kind("evaluation, record and queue are of different attempts", "take the queue's record"),
    "output_beyond": Kind("output of an attempt after the one that decided", "remove it"),
    "output_overlaps": Kind("pieces of its output overlap", "write the stream anew, once"),
    "output_differs": Kind("its output is not what the record says", "write it anew, or name it missing"),
    "stuck_event": Kind("the queue has not told the bus for a minute", "tell it; start the Queue Service"),
    "ledger_stuck": Kind("events that nobody applies", "apply them; start the Storage Worker"),
    "stream_kept": Kind("finished, and the bus still keeps its events", "let them go"),
    "stream_orphan": Kind("events on the bus without an evaluation", "remove them"),
}


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One finding. ``subject`` is an evaluation's id or a shard's name; two looks compare kind and subject."""

    kind: str
    subject: str
    detail: str

    @property
    def key(self) -> tuple[str, str]:
        """What is the same in both looks."""
        return self.kind, self.subject

    @property
    def line(self) -> str:
        """For people."""
        kind = KINDS[self.kind]
        return f"{self.subject}  {self.kind}: {kind.what} ({self.detail}) -> {kind.remedy}"

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        kind = KINDS[self.kind]
        return {
            "subject": self.subject,
            "kind": self.kind,
            "what": kind.what,
            "detail": self.detail,
            "remedy": kind.remedy,
        }


def ids_of(findings: list[Disagreement]) -> list[UUID]:
    """The evaluations that these are about."""
    return [UUID(finding.subject) for finding in findings]
