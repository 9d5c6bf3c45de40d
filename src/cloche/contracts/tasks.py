"""The Queue Service's internal face: enqueue, lease, heartbeat, complete, fail, cancel, results.

All paths are below ``/queue/internal/v1``; every call carries ``Authorization: Bearer <service token>``.

======================  ====================================  ==========================================
call                    body → answer                          who
======================  ====================================  ==========================================
``POST /enqueue``       ``EnqueueRequest`` → ``EnqueueAnswer``   API
``POST /cancel``        ``CancelRequest`` → ``CancelAnswer``     API
``POST /lease``         ``LeaseRequest`` → ``LeaseAnswer``       worker (long poll)
``POST /heartbeat``     ``HeartbeatRequest`` → ``HeartbeatAnswer``  worker
``POST /complete``      ``CompleteRequest`` → ``CompleteAnswer``   worker
``POST /complete:batch``  ``CompleteGroup`` → ``CompletedGroup``   worker
``POST /fail``          ``FailRequest`` → ``CompleteAnswer``      worker
``POST /goodbye``       ``GoodbyeRequest`` → 204                 worker
``GET  /results``       query ``after``, ``limit`` → ``ResultsPage``  storage
``GET  /executors``     → ``ExecutorsAnswer``                    API
``GET  /loads``         → ``LoadsAnswer``                        API
======================  ====================================  ==========================================
"""

from typing import Final, Literal

from pydantic import BaseModel, Field

from cloche.contracts.execution import ExecutorOffer
from cloche.contracts.record import TerminalRecord
from cloche.contracts.submission import Program
from cloche.contracts.values import Instant, Message
from cloche.contracts.words import EvaluationId, Isolation, LeaseId

#: How many tasks one call may queue or cancel.
MOST_TASKS: Final = 10_000
#: How many runs one call may complete.
MOST_COMPLETIONS: Final = 100
#: How many tasks one lease call may ask for.
MOST_SLOTS: Final = 1000


class NewTask(BaseModel):
    """One evaluation to queue. ``runtime`` and ``isolation`` repeat the program's, for routing.

    It is not leased before ``run_at``, from when ``queue_timeout_s`` counts; None is at once.
    """

    evaluation_id: EvaluationId
    tenant: str
    lane: str = "interactive"
    priority: int = 0
    runtime: str
    isolation: Isolation
    queue_timeout_s: int = 86400
    run_at: Instant | None = None
    trace_parent: str | None = None
    program: Program


class EnqueueRequest(BaseModel):
    """Idempotent by evaluation id for ever: a task that exists or existed is left as it is."""

    tasks: list[NewTask] = Field(max_length=MOST_TASKS)


class EnqueueAnswer(BaseModel):
    """How many were new; ``queued_at`` is the Queue Service's clock."""

    accepted: int
    known: int
    queued_at: Instant


class CancelRequest(BaseModel):
    """Cancel these, whatever state they are in."""

    evaluation_ids: list[EvaluationId] = Field(max_length=MOST_TASKS)


class CancelOutcome(BaseModel):
    """``cancelled``: was queued, now done. ``cancelling``: the worker is told. ``finished``: too late."""

    evaluation_id: EvaluationId
    state: Literal["cancelled", "cancelling", "finished", "unknown"]


class CancelAnswer(BaseModel):
    """One outcome for each id asked for."""

    outcomes: list[CancelOutcome]


class LeaseRequest(BaseModel):
    """Give me up to ``slots`` tasks that my executors can run; hold the call up to ``wait_s``."""

    worker: str = Field(max_length=100)
    slots: int = Field(ge=0, le=MOST_SLOTS)
    wait_s: float = Field(default=20.0, ge=0, le=60)
    executors: list[ExecutorOffer] = Field(default_factory=list[ExecutorOffer], max_length=256)


class LeasedTask(BaseModel):
    """A task that is now this worker's for 30 s from the answer, longer by heartbeats."""

    evaluation_id: EvaluationId
    lease_id: LeaseId
    attempt: int
    tenant: str
    queued_at: Instant
    leased_at: Instant
    trace_parent: str | None = None
    program: Program


class LeaseAnswer(BaseModel):
    """Empty when nothing came in time."""

    tasks: list[LeasedTask]


class LeaseKey(BaseModel):
    """The right to a task, as handed out."""

    evaluation_id: EvaluationId
    lease_id: LeaseId


class HeartbeatRequest(BaseModel):
    """Extend all of these."""

    worker: str = Field(max_length=100)
    leases: list[LeaseKey] = Field(max_length=10_000)


class HeartbeatAnswer(BaseModel):
    """``lost`` must be stopped and forgotten; ``cancelled`` must be stopped and completed as cancelled."""

    extended: list[EvaluationId]
    cancelled: list[EvaluationId]
    lost: list[EvaluationId]


class CompleteRequest(LeaseKey):
    """The run decided. 200 once committed, a repeat included; 409 ``lease_lost`` or ``cancelled``."""

    record: TerminalRecord


class CompleteGroup(BaseModel):
    """Several at once, each fenced for itself."""

    completions: list[CompleteRequest] = Field(max_length=MOST_COMPLETIONS)


class CompletedGroup(BaseModel):
    """Those that are committed now. Any other is to be sent alone, to hear why; that may be a repeat."""

    done: list[EvaluationId]


class FailRequest(LeaseKey):
    """The platform failed; the Queue Service decides between another attempt and a dead letter.

    ``started`` tells whether the program had begun; ``cell_lost`` twice ends as ``runtime_error``.
    """

    reason: str = Field(max_length=100)
    message: Message = ""
    started: bool
    executor: str | None = None


class CompleteAnswer(BaseModel):
    """``retrying``: the task is queued again. ``done``: this record is final."""

    state: Literal["done", "retrying"]


class GoodbyeRequest(BaseModel):
    """A worker leaves; its leases that never started are queued again at once."""

    worker: str = Field(max_length=100)
    unstarted: list[LeaseKey] = Field(default_factory=list[LeaseKey], max_length=10_000)


class Result(BaseModel):
    """One committed terminal record, in the order of its commit's cursor.

    ``age_s`` is how long ago PostgreSQL had it, by its own clock; None from a Queue Service that does not tell.
    """

    evaluation_id: EvaluationId
    tenant: str
    age_s: float | None = None
    record: TerminalRecord


class ResultsPage(BaseModel):
    """Results after a cursor, fewer than were asked for where records are large.

    ``next`` is an opaque cursor to pass as ``after``; the same when nothing came.
    """

    results: list[Result]
    next: str


class ResultHead(BaseModel):
    """Of a ``Result`` what tells whether it needs to be read."""

    evaluation_id: EvaluationId
    age_s: float | None = None


class ResultHeads(BaseModel):
    """A ``ResultsPage`` read with less work."""

    results: list[ResultHead]
    next: str


class ExecutorSeen(BaseModel):
    """An executor as its worker last reported it."""

    worker: str
    seen_at: Instant
    stale: bool
    offer: ExecutorOffer


class ExecutorsAnswer(BaseModel):
    """Every executor that was reported in the last 24 hours."""

    executors: list[ExecutorSeen]


class TenantLoad(BaseModel):
    """How much a tenant has queued; at ``max_queued`` its submissions are refused until some ran."""

    tenant: str
    queued: int
    max_queued: int


class LoadsAnswer(BaseModel):
    """The limited tenants that have anything queued; and every lane there is.

    ``limits`` is what each named tenant may queue, and under the empty name every other one; None is no limit.
    """

    tenants: list[TenantLoad]
    limits: dict[str, int | None] = Field(default_factory=dict[str, int | None])
    lanes: list[str] = Field(default_factory=list[str])
