"""Every request of the public API as data. No I/O."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import quote
from uuid import UUID, uuid4

from cloche.contracts.queue_view import DismissRequest
from cloche.contracts.submission import EvaluationRequest, GroupRequest
from cloche.contracts.words import Status, Stream, Verdict

_EVALUATIONS: Final = "/api/v1/evaluations"
_QUEUE: Final = "/queue/v1"
#: The server sends a comment at least every 15 s, so that a silent stream is a dead one.
_STREAM_SILENCE_S: Final = 45.0
_ANSWER_S: Final = 30.0
RANGE_BEHIND_END: Final = 416


@dataclass(frozen=True, slots=True)
class Call:
    """One request. Each is safe to send again: reads, keyed submissions, and cancelling, which is idempotent.

    ``timeout_s`` bounds the wait for each part of the answer. ``answered_by`` are statuses that are
    an answer like a success.
    """

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict[str, str])
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: bytes | None = None
    timeout_s: float = _ANSWER_S
    answered_by: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ListFilter:
    """Which evaluations a list shows; what is None does not filter.

    ``label`` is a key and its value, ``name`` text that the name contains. Times need an offset.
    """

    status: Status | None = None
    verdict: Verdict | None = None
    runtime: str | None = None
    label: tuple[str, str] | None = None
    name: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None

    def query(self) -> dict[str, str]:
        """As query parameters."""
        values = {
            "status": self.status,
            "verdict": self.verdict,
            "runtime": self.runtime,
            "label": ":".join(self.label) if self.label else None,
            "name": self.name,
            "created_after": self.created_after.isoformat() if self.created_after else None,
            "created_before": self.created_before.isoformat() if self.created_before else None,
        }
        return {name: value for name, value in values.items() if value is not None}


def submit(request: EvaluationRequest, *, idempotency_key: str | None, wait_s: float) -> Call:
    """Submit a program. Without a key of the caller's it gets a fresh one, so that repeats are harmless."""
    body = request.model_dump_json(exclude_unset=True).encode()
    headers = {"Content-Type": "application/json", "Idempotency-Key": idempotency_key or uuid4().hex}
    return Call("POST", _EVALUATIONS, _wait(wait_s), headers, body, timeout_s=_ANSWER_S + wait_s)


def submit_group(group: GroupRequest, *, idempotency_key: str | None) -> Call:
    """Submit several at once; keyed as ``submit``."""
    body = group.model_dump_json(exclude_unset=True).encode()
    headers = {"Content-Type": "application/json", "Idempotency-Key": idempotency_key or uuid4().hex}
    return Call("POST", f"{_EVALUATIONS}:batch", {}, headers, body, timeout_s=_ANSWER_S)


def rerun(evaluation_id: UUID, *, idempotency_key: str | None, wait_s: float) -> Call:
    """Run the same program again, as a new evaluation; keyed as ``submit``."""
    headers = {"Idempotency-Key": idempotency_key or uuid4().hex}
    return Call("POST", f"{_EVALUATIONS}/{evaluation_id}/rerun", _wait(wait_s), headers, timeout_s=_ANSWER_S + wait_s)


def get(evaluation_id: UUID, *, wait_s: float) -> Call:
    """Read one; ``wait_s`` holds the answer until it is finished."""
    return Call("GET", f"{_EVALUATIONS}/{evaluation_id}", _wait(wait_s), timeout_s=_ANSWER_S + wait_s)


def page(wanted: ListFilter, *, cursor: str | None, size: int) -> Call:
    """One page of a list."""
    query = {**wanted.query(), "limit": str(size)}
    return Call("GET", _EVALUATIONS, {**query, "cursor": cursor} if cursor else query)


def cancel(evaluation_id: UUID) -> Call:
    """Ask for a cancellation."""
    return Call("POST", f"{_EVALUATIONS}/{evaluation_id}/cancel")


def events(evaluation_id: UUID, *, last_event_id: str) -> Call:
    """Watch; ``last_event_id`` (may be empty) is where to go on."""
    headers = {"Accept": "text/event-stream", **({"Last-Event-ID": last_event_id} if last_event_id else {})}
    return Call("GET", f"{_EVALUATIONS}/{evaluation_id}/events", headers=headers, timeout_s=_STREAM_SILENCE_S)


def output(evaluation_id: UUID, stream: Stream, *, start: int) -> Call:
    """The stored bytes of a stream from ``start`` on; 416 says that there are not so many."""
    path = f"{_EVALUATIONS}/{evaluation_id}/output/{stream}"
    if not start:
        return Call("GET", path)
    return Call("GET", path, headers={"Range": f"bytes={start}-"}, answered_by=frozenset({RANGE_BEHIND_END}))


def runtimes() -> Call:
    """What can be run."""
    return Call("GET", "/api/v1/runtimes")


def executors() -> Call:
    """Where it can be run."""
    return Call("GET", "/api/v1/executors")


def queue_stats() -> Call:
    """What waits, runs and died."""
    return Call("GET", f"{_QUEUE}/stats")


def set_paused(lane: str, *, paused: bool) -> Call:
    """Pause or resume a lane."""
    return Call("POST", f"{_QUEUE}/lanes/{quote(lane, safe='')}/{'pause' if paused else 'resume'}")


def dead_letters(reason: str | None, *, after: str | None, size: int) -> Call:
    """One page of dead letters."""
    query = {"limit": str(size), "reason": reason, "after": after}
    return Call("GET", f"{_QUEUE}/dead", {name: value for name, value in query.items() if value is not None})


def dismiss(request: DismissRequest) -> Call:
    """Take dead letters off the list."""
    headers = {"Content-Type": "application/json"}
    return Call("POST", f"{_QUEUE}/dead:dismiss", headers=headers, body=request.model_dump_json().encode())


def _wait(wait_s: float) -> dict[str, str]:
    return {"wait": f"{wait_s:g}"} if wait_s else {}
