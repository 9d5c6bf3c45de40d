"""What travels on the event bus, and what a watcher of an evaluation receives.

Bus events (``BusEvent``) carry a type and a JSON body. ``evaluation.completed`` stays inside;
everything else reaches watchers, enriched by the API where noted.
"""

from typing import Literal, TypeAlias

from pydantic import BaseModel

from cloche.contracts.record import CaseResult, TerminalRecord
from cloche.contracts.values import Count, Instant, Word
from cloche.contracts.words import EngineName, Isolation, Stream

EventType: TypeAlias = Literal[
    "evaluation.queued",
    "evaluation.leased",
    "evaluation.started",
    "evaluation.retried",
    "evaluation.completed",
    "evaluation.finished",
    "output",
    "case.finished",
    "gap",
]


class Queued(BaseModel):
    """The evaluation is in the queue. Published by the API; attempt 0."""

    queued_at: Instant


class Leased(BaseModel):
    """A worker has it. Published by the Queue Service."""

    worker: str
    leased_at: Instant
    queued_at: Instant | None = None


class Started(BaseModel):
    """The program begins. Published by the worker."""

    executor: str
    runtime: Word
    engine: EngineName
    isolation: Isolation
    started_at: Instant


class Retried(BaseModel):
    """The attempt is void and another follows: a watcher clears its view. Published by the Queue Service."""

    reason: str
    next_attempt: int


class Output(BaseModel):
    """Bytes of a stream on the bus; ``data`` is base64. The API shows them as ``text`` where they are UTF-8."""

    stream: Stream
    offset: Count
    data: str
    at: Instant


class CaseFinished(BaseModel):
    """A case is decided, provisionally: the attempt may still be lost. Published by the worker."""

    case: CaseResult


class Completed(BaseModel):
    """The Queue Service committed the terminal record. Only the storage worker reads it."""

    tenant: str
    record: TerminalRecord


class Finished(BaseModel):
    """The verdict is stored. Published by the storage worker; the API sends the whole evaluation instead."""

    verdict: str
