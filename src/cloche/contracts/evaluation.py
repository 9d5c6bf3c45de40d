"""The public view of an evaluation, as ``GET /api/v1/evaluations/{id}`` answers it."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from cloche.contracts.execution import RuntimeOffer
from cloche.contracts.limits import CompileLimits, Limits
from cloche.contracts.record import Evidence
from cloche.contracts.submission import Case, File, FunctionTests
from cloche.contracts.words import EngineName, Isolation, Network, Status, Stream, Verdict


class OutputView(BaseModel):
    """The first 64 KiB of a stream; exactly one of ``text`` and ``base64`` is set.

    ``bytes`` is what the program wrote, ``kept`` what is stored (see ``/output/{stream}``),
    ``truncated`` whether less is stored than was written, ``shown`` how many bytes this view
    holds, ``missing`` the byte ranges that were lost on the way.
    """

    text: str | None
    base64: str | None
    bytes: int
    kept: int
    shown: int
    truncated: bool
    missing: list[tuple[int, int]]


class CompileView(BaseModel):
    """What the compiler said."""

    exit_code: int | None
    signal: int | None
    output: str
    output_bytes: int
    truncated: bool
    wall_time_ms: float
    cpu_time_ms: float
    peak_memory_bytes: int


class SpanView(BaseModel):
    """Where a case's output lies in the evaluation's stream (usable as a byte range)."""

    offset: int
    kept: int
    bytes: int


class CaseView(BaseModel):
    """One case with its verdict; ``verdict`` is null while it has none or when it was skipped."""

    index: int
    name: str
    verdict: Verdict | None
    message: str
    exit_code: int | None
    signal: int | None
    wall_time_ms: float
    cpu_time_ms: float
    peak_memory_bytes: int
    stdout: SpanView
    stderr: SpanView
    evidence: Evidence | None
    score: float | None = None


class Timeline(BaseModel):
    """When each step was reached, in UTC; null until it is."""

    created_at: str
    queued_at: str | None
    leased_at: str | None
    started_at: str | None
    cell_ready_at: str | None
    compiled_at: str | None
    finished_at: str | None
    stored_at: str | None


class BatchPlace(BaseModel):
    """Where an evaluation belongs in a batch; ``superseded`` once a rerun has its place."""

    id: UUID
    problem: str
    problem_number: int
    sample: int
    repeat: int
    superseded: bool = False


class EvaluationSummary(BaseModel):
    """One row of a list."""

    id: UUID
    status: Status
    verdict: Verdict | None
    message: str
    name: str
    labels: dict[str, str]
    runtime: str
    engine: EngineName | None
    isolation: Isolation | None
    attempts: int
    wall_time_ms: float | None
    cpu_time_ms: float | None
    peak_memory_bytes: int | None
    cancel_requested: bool
    rerun_of: UUID | None
    batch: BatchPlace | None = None
    timeline: Timeline


class SubmittedProgram(BaseModel):
    """What was submitted, as it was stored."""

    runtime: str
    files: list[File]
    entrypoint: str
    stdin: str
    args: list[str]
    env: dict[str, str]
    limits: Limits
    compile_limits: CompileLimits
    isolation: Isolation
    network: Network = "none"
    cases: list[Case]
    stop_on_failure: bool = False
    tests: FunctionTests | None = None
    checker: "SubmittedProgram | None" = None


class Evaluation(EvaluationSummary):
    """Everything known about one evaluation. Before it is finished, what is known is provisional.

    ``isolation_features`` names what held the program in; empty until it is finished.
    ``score`` is how much of its cases is right, by their points, from 0 to 1.
    ``isolation_note`` is there when the isolation was weaker than the default.
    """

    isolation_features: list[str] = []
    isolation_note: str | None = None
    evidence: Evidence | None
    score: float | None = None
    exit_code: int | None
    signal: int | None
    memory_source: Literal["cgroup", "sampled", "none"] | None
    stdout: OutputView
    stderr: OutputView
    compile: CompileView | None
    cases: list[CaseView]
    program: SubmittedProgram | None


class EvaluationPage(BaseModel):
    """Newest first. ``next`` is the cursor of the following page, null on the last."""

    items: list[EvaluationSummary]
    next: str | None


class OutputEvent(BaseModel):
    """``output`` as watchers receive it; exactly one of ``text`` and ``base64`` is set."""

    attempt: int
    stream: Stream
    offset: int
    bytes: int
    text: str | None = None
    base64: str | None = None
    at: str


class GapEvent(BaseModel):
    """Bytes of a stream that this watcher will not get: ``from`` up to but without ``to``."""

    stream: Stream
    start: int = Field(alias="from", ge=0)
    end: int = Field(alias="to", ge=0)


class RuntimesAnswer(BaseModel):
    """What can be run right now, newest version first."""

    runtimes: list[RuntimeOffer]
