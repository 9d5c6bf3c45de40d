"""Worker ↔ executor: one request, answered by a stream of NDJSON lines.

``POST /executor/v1/executions``         → 200, ``application/x-ndjson``: ``StreamLine`` a line
``POST /executor/v1/executions/extend``  → ``ExtendAnswer``
``POST /executor/v1/executions/{id}/kill`` → 204 (404 when unknown)
``GET  /executor/v1/offer``              → ``ExecutorOffer``

A legal stream is ``started``, then ``output`` and ``case.finished`` in any mix, then exactly
one ``finished`` or ``failed``, then the end. ``failed`` may come first. The executor kills
the run when the connection ends or when ``deadline_s`` has passed since the last extension.
"""

from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter

from cloche.contracts.record import CaseResult, ExecutionRecord
from cloche.contracts.submission import Program
from cloche.contracts.values import Count, Instant, Message, Paragraph, Word
from cloche.contracts.words import ISOLATION_ORDER, EngineName, EvaluationId, Isolation, LeaseId, Stream

#: An output line carries at most this many bytes (before base64). DESIGN section 3.
OUTPUT_CHUNK_BYTES = 32 * 1024


class ExecutionRequest(BaseModel):
    """Run this program once. ``execution_id`` is the lease: fresh for every attempt.

    ``evaluation_id`` and ``attempt`` are for the executor's log alone.
    """

    execution_id: LeaseId
    evaluation_id: EvaluationId | None = None
    attempt: int | None = None
    deadline_s: float = Field(default=20.0, gt=0, le=600)
    program: Program


class StartedLine(BaseModel):
    """The cell is ready and the first step (compile or run) begins."""

    type: Literal["started"] = "started"
    runtime: Word
    engine: EngineName
    isolation: Isolation
    at: Instant


class OutputLine(BaseModel):
    """Bytes the program wrote: ``offset`` in its stream over all cases, ``data`` base64."""

    type: Literal["output"] = "output"
    stream: Stream
    offset: Count
    data: str = Field(max_length=OUTPUT_CHUNK_BYTES * 4 // 3 + 8)
    at: Instant


class CaseLine(BaseModel):
    """A case is decided."""

    type: Literal["case.finished"] = "case.finished"
    case: CaseResult


class FinishedLine(BaseModel):
    """The run is over. Its cell is gone when the stream ends."""

    type: Literal["finished"] = "finished"
    record: ExecutionRecord


class FailedLine(BaseModel):
    """The platform failed; says nothing about the program.

    ``started`` tells whether the program had begun. ``cell_lost`` means the cell or its
    launcher died under the run, ``grader_failed`` that the problem's tests fail without the program.
    """

    type: Literal["failed"] = "failed"
    reason: Literal["cell_lost", "engine_error", "overloaded", "unsupported", "deadline", "grader_failed"]
    started: bool
    message: Message = ""


StreamLine: TypeAlias = Annotated[
    StartedLine | OutputLine | CaseLine | FinishedLine | FailedLine, Field(discriminator="type")
]
STREAM_LINE: TypeAdapter[StreamLine] = TypeAdapter(StreamLine)


class ExtendRequest(BaseModel):
    """Push back the deadline of these executions to ``deadline_s`` from now."""

    execution_ids: list[LeaseId] = Field(max_length=10_000)
    deadline_s: float = Field(default=20.0, gt=0, le=600)


class ExtendAnswer(BaseModel):
    """Those of the request that are running here."""

    extended: list[LeaseId]


class RuntimeOffer(BaseModel):
    """A runtime whose self-test has just passed. ``tool`` is where its executor has the interpreter or compiler."""

    model_config = ConfigDict(frozen=True)

    name: Word
    version: Word
    aliases: list[Word] = Field(default_factory=list[str], max_length=64)
    compiled: bool = False
    source_file: Word = "main"
    highlight: Word = "text"
    tool: Message = ""

    def answers_to(self, wanted: str) -> bool:
        """Whether ``wanted`` (``name`` or ``name@version``, version by leading parts) means this runtime."""
        name, _, version = wanted.partition("@")
        if name != self.name and name not in self.aliases:
            return False
        return not version or f"{self.version}.".startswith(f"{version}.")


class BrokenDefence(BaseModel):
    """A hostile program of the standing self-test that got through, or could not be run."""

    model_config = ConfigDict(frozen=True)

    name: Word
    message: Message


class TierOffer(BaseModel):
    """One isolation that an executor makes cells of, and how its last standing self-test went.

    ``features`` says what holds programs in, ``lacking`` what could not be had on this host and why.
    ``healthy`` is false before the first self-test, and when one of its hostile programs got through:
    then nothing runs there. ``held`` counts those that were held.
    """

    model_config = ConfigDict(frozen=True)

    isolation: Isolation
    healthy: bool
    features: list[Word] = Field(default_factory=list[str], max_length=64)
    lacking: list[Message] = Field(default_factory=list[str], max_length=64)
    held: Count = 0
    broken: list[BrokenDefence] = Field(default_factory=list[BrokenDefence], max_length=64)
    tested_at: Instant | None = None


def _weakest_first(tiers: list[TierOffer]) -> list[TierOffer]:
    ranks = [ISOLATION_ORDER.index(tier.isolation) for tier in tiers]
    if ranks != sorted(set(ranks)):
        raise ValueError("each isolation once, the weakest first")
    return tiers


class ExecutorOffer(BaseModel):
    """What an executor can do and how busy it is. ``isolation`` is the strongest of its healthy tiers.

    ``tiers`` has each isolation once, the weakest first.
    """

    name: Word
    engine: EngineName
    isolation: Isolation
    slots: int = Field(ge=0, le=10_000)
    busy: int = Field(ge=0, le=10_000)
    healthy: bool
    tiers: Annotated[list[TierOffer], AfterValidator(_weakest_first)] = Field(
        default_factory=list[TierOffer], max_length=8
    )
    runtimes: list[RuntimeOffer] = Field(max_length=256)
    refused_runtimes: dict[Word, Message] = Field(default_factory=dict[str, str], max_length=256)
    facts: dict[Word, Paragraph] = Field(default_factory=dict[str, str], max_length=64)
