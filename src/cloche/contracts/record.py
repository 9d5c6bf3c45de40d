"""What an executor says of a run, and the terminal record that carries its verdict.

A record is the only way a verdict travels: executor → worker → Queue Service (committed
there, fenced by the lease) → storage worker.
"""

from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from cloche.contracts.values import Amount, Base64, Count, ExitCode, Instant, Message, Paragraph, SignalNumber, Word
from cloche.contracts.words import EngineName, Isolation, Verdict

#: How many bytes of a stream a record may carry inline; longer streams travel as events.
INLINE_OUTPUT_BYTES = 64 * 1024


def _inline(text: str) -> str:
    if len(text) // 4 * 3 - text.count("=") > INLINE_OUTPUT_BYTES:
        raise ValueError("more than travels inline")
    return text


#: From nothing right to everything.
Score: TypeAlias = Annotated[float, Field(ge=0, le=1)]
#: Base64 of at most ``INLINE_OUTPUT_BYTES``.
InlineBytes: TypeAlias = Annotated[Base64, AfterValidator(_inline)]

LimitName: TypeAlias = Literal[
    "wall_time_s",
    "cpu_time_s",
    "memory_bytes",
    "processes",
    "output_bytes",
    "disk_bytes",
    "inodes",
    "file_bytes",
    "open_files",
    "stack_bytes",
    "total_time_s",
]


class Evidence(BaseModel):
    """Why the verdict is what it is, in facts of the kernel or the engine."""

    model_config = ConfigDict(frozen=True)

    #: ``exit`` and ``signal`` come from wait(2); ``limit`` from our own recorded kill or an OOM
    #: event; ``output`` from comparing; ``cancel`` and ``platform`` from Cloche itself.
    source: Literal["exit", "signal", "limit", "output", "compile", "cancel", "platform"]
    limit: LimitName | None = None
    limit_value: Amount | None = None
    measured: Amount | None = None
    #: Who sent the signal that ended it. Nobody outside a cell but Cloche and the kernel can.
    killed_by: Literal["cloche", "kernel", "program"] | None = None
    #: When it was ended, in ms of wall time after its step began; null where it ended by itself.
    killed_after_ms: Amount | None = None
    oom_kills: Count = 0
    detail: Message | None = None


class Usage(BaseModel):
    """What one process tree used. ``memory_source`` says how the peak was measured."""

    model_config = ConfigDict(frozen=True)

    wall_time_ms: Amount = 0.0
    cpu_time_ms: Amount = 0.0
    peak_memory_bytes: Count = 0
    memory_source: Literal["cgroup", "sampled", "none"] = "none"


class Span(BaseModel):
    """Where one case's output lies in its stream: kept bytes from ``offset``; ``bytes`` were written."""

    model_config = ConfigDict(frozen=True)

    offset: Count = 0
    kept: Count = 0
    bytes: Count = 0


class CaseResult(BaseModel):
    """One case, finished or skipped (``verdict`` null). ``name`` is the submitted one, whatever it holds."""

    model_config = ConfigDict(frozen=True)

    index: Count
    name: str = Field(default="", max_length=200)
    verdict: Verdict | None
    message: Message = ""
    exit_code: ExitCode | None = None
    signal: SignalNumber | None = None
    usage: Usage = Field(default_factory=Usage)
    stdout: Span = Field(default_factory=Span)
    stderr: Span = Field(default_factory=Span)
    evidence: Evidence | None = None
    #: How much of the case is right; null when it did not run.
    score: Score | None = None


class StreamSummary(BaseModel):
    """One stream of the whole run: totals, digest of the kept bytes, and the bytes if they are few.

    ``bytes`` is what the program wrote, ``kept`` how much of it is stored (the first bytes of
    the stream), ``sha256`` the hex digest of the kept bytes, ``data`` base64 of all kept
    bytes when there are at most ``INLINE_OUTPUT_BYTES`` of them, else null.
    """

    model_config = ConfigDict(frozen=True)

    bytes: Count = 0
    kept: Count = 0
    sha256: str = Field(default="", pattern="^([0-9a-f]{64})?$")
    data: InlineBytes | None = None


class CompileResult(BaseModel):
    """The compile step: what the compiler wrote (base64, cut at 64 KiB) and used."""

    model_config = ConfigDict(frozen=True)

    exit_code: ExitCode | None = None
    signal: SignalNumber | None = None
    output: InlineBytes = ""
    output_bytes: Count = 0
    truncated: bool = False
    usage: Usage = Field(default_factory=Usage)


class ExecutionRecord(BaseModel):
    """The terminal line of an execution's stream: everything the executor found out.

    ``cases`` is empty when the program was submitted without cases; then ``exit_code``,
    ``signal`` and ``usage`` are the program's. With cases they are the deciding case's
    (the first that failed, else the last) and ``usage`` sums CPU and wall and takes the largest peak.
    """

    model_config = ConfigDict(frozen=True)

    verdict: Verdict
    message: Message = ""
    evidence: Evidence
    runtime: Word
    engine: EngineName
    isolation: Isolation
    #: What held the program in, as words: ``namespaces:…``, ``seccomp``, ``landlock:7``, ``memory:cgroup1`` …
    isolation_features: list[Word] = Field(default_factory=list[str], max_length=64)
    exit_code: ExitCode | None = None
    signal: SignalNumber | None = None
    usage: Usage = Field(default_factory=Usage)
    stdout: StreamSummary = Field(default_factory=StreamSummary)
    stderr: StreamSummary = Field(default_factory=StreamSummary)
    compile: CompileResult | None = None
    cases: list[CaseResult] = Field(default_factory=list[CaseResult])
    #: The cases' scores weighted by their points; null without cases.
    score: Score | None = None
    cell_ready_at: Instant | None = None
    compiled_at: Instant | None = None


class TerminalRecord(BaseModel):
    """What the Queue Service commits: the one record of how an evaluation ended.

    Made by the worker from an ``ExecutionRecord``, or by the Queue Service itself when no run
    decided (cancelled, dead letter). ``last_event`` is the sequence of the last event the
    worker published for this attempt (0: none). ``trace_parent`` is where in its trace it was
    decided. Times are ISO 8601 in UTC.
    """

    model_config = ConfigDict(frozen=True)

    verdict: Verdict
    message: Paragraph = ""
    evidence: Evidence
    attempt: int = Field(ge=0)
    last_event: Count = 0
    execution: ExecutionRecord | None = None
    executor: str | None = None
    trace_parent: str | None = None
    queued_at: Instant | None = None
    leased_at: Instant | None = None
    started_at: Instant | None = None
    finished_at: Instant
