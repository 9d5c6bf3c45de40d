"""People's face of the queue, below ``/queue/v1``: what waits, what runs, and why.

``GET  /queue/v1/stats``                     → ``QueueStats``
``GET  /queue/v1/tasks/{evaluation_id}``      → ``TaskView`` (404 when unknown or another tenant's)
``GET  /queue/v1/lanes``                      → ``LanesAnswer``
``POST /queue/v1/lanes/{lane}/pause|resume``  → ``LaneView`` (scope ``operate``)
``GET  /queue/v1/dead``                       → ``DeadLetterPage``
``GET  /queue/v1/dead/{evaluation_id}``       → ``DeadLetter`` (404 when it is not on the list)
``POST /queue/v1/dead:dismiss``               ``DismissRequest`` → ``Dismissed`` (scope ``operate``)

A dead letter is replayed as a new evaluation: ``POST /api/v1/evaluations/{id}/rerun``.
"""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field


class LaneView(BaseModel):
    """One lane's state; ``oldest_age_s`` is how long ago the first task that waits was ready to run.

    ``max_running`` tasks and ``rate_per_s`` leases a second are all it gives; None is no limit.
    """

    lane: str
    paused: bool
    max_running: int | None = None
    rate_per_s: float | None = None
    queued: int
    running: int
    oldest_age_s: float | None


class LanesAnswer(BaseModel):
    """Every lane that is configured."""

    lanes: list[LaneView]


class Share(BaseModel):
    """A lane's tasks, or a tenant's in a lane: now, and of the last 60 s.

    ``delayed`` of the ``queued`` have a later time to start. ``wait_p50_s`` and ``wait_p95_s`` are the
    time from ready to leased of what finished; None when nothing did.
    """

    lane: str
    tenant: str | None
    queued: int
    delayed: int
    running: int
    oldest_age_s: float | None
    finished_last_minute: int
    wait_p50_s: float | None
    wait_p95_s: float | None


class QueueStats(BaseModel):
    """Counts over the caller's tenant; over all tenants with scope ``operate``.

    ``finished_last_minute`` counts terminal records of the last 60 s, ``wait_p50_s`` and
    ``wait_p95_s`` the time from queued to leased of those. ``shares`` are each lane that has any
    tasks (``tenant`` None), then the busiest tenants in lanes, 100 in all.
    """

    queued: int
    running: int
    dead: int
    finished_last_minute: int
    wait_p50_s: float | None
    wait_p95_s: float | None
    lanes: list[LaneView]
    shares: list[Share] = Field(default_factory=list[Share])


class TaskView(BaseModel):
    """Where one evaluation's task stands. ``waiting_for`` says in words why it is not running yet.

    ``position`` 1 is the next of its tenant in its lane, ``lane_position`` about its place among all
    tenants of that lane, who take turns; both None unless it stands in line.
    """

    evaluation_id: UUID
    state: Literal["queued", "running", "done"]
    lane: str
    attempt: int
    position: int | None
    lane_position: int | None = None
    waiting_for: str | None
    worker: str | None


class PastFault(BaseModel):
    """An attempt that the platform failed; ``leased_at`` and ``worker`` None: it was never leased."""

    attempt: int
    reason: str
    message: str
    worker: str | None
    leased_at: str | None
    ended_at: str


class DeadLetter(BaseModel):
    """A task that ended as ``internal_error``; ``history`` is what happened to it, the last 21 faults in order."""

    evaluation_id: UUID
    tenant: str
    lane: str = ""
    reason: str
    attempts: int
    finished_at: str
    history: list[PastFault] = Field(default_factory=list[PastFault])


class DeadLetterPage(BaseModel):
    """Newest first; ``next`` is the cursor of the following page."""

    items: list[DeadLetter]
    next: str | None


class DismissRequest(BaseModel):
    """Take these off the list of dead letters; their evaluations stay as they are."""

    evaluation_ids: list[UUID] = Field(max_length=1000)


class Dismissed(BaseModel):
    """How many were on the list."""

    dismissed: int
