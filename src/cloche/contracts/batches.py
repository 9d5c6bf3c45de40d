"""Batches and problems, as ``/api/v1/batches`` and ``/api/v1/problems`` take and answer them.

What an evaluation is made of is said in three layers: the batch's ``defaults``, its problem, and itself. What a later
layer says replaces what an earlier one said; limits, environment and labels are merged name by name.
"""

from typing import Annotated, Final, Literal, Self, TypeAlias
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cloche.contracts.submission import EvaluationRequest, Label, LaneName, RuntimeName
from cloche.contracts.words import Status, Verdict

#: Evaluations of one batch, repeats included.
MOST_IN_BATCH: Final = 100_000
#: Bad lines that are listed; more are counted.
MOST_BAD_LINES: Final = 100

ProblemKey: TypeAlias = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
ProblemId: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
SampleNumber: TypeAlias = Annotated[int, Field(ge=0, le=1_000_000)]
BatchStatus: TypeAlias = Literal["receiving", "running", "paused", "cancelling", "complete", "cancelled", "refused"]


class Layer(EvaluationRequest):
    """Any part of a submission: only what is said counts."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"runtime": "python"}]})

    runtime: RuntimeName = Field(default="", description="Needed in one of the layers.")

    @model_validator(mode="after")
    def _one_program(self) -> Self:
        if self.source is not None and self.files is not None:
            raise ValueError("give at most one of 'source' and 'files'")
        return self


class ProblemRequest(Layer):
    """What samples of one problem share. ``files`` lie beside the sample's own."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"key": "double", "runtime": "python", "cases": [{"stdin": "2\n", "expected_stdout": "4\n"}]},
                {"key": "HumanEval/0", "prefix": "def f(x):\n", "suffix": "\nassert f(1) == 2\n"},
            ]
        },
    )

    key: ProblemKey
    prefix: str = Field(default="", description="Stands before each sample's `source`.")
    suffix: str = Field(default="", description="Stands behind it.")

    @model_validator(mode="after")
    def _no_program(self) -> Self:
        if self.source is not None:
            raise ValueError("a problem has no 'source': that is the samples'")
        return self


class StoredProblem(BaseModel):
    """A stored problem. ``id`` is the SHA-256 of ``body`` as JSON with sorted keys and without spaces."""

    id: ProblemId
    key: str
    cases: int
    created_at: str
    body: dict[str, object]


class ProblemReference(BaseModel):
    """A problem that was stored before, under a key of this batch."""

    model_config = ConfigDict(extra="forbid")

    id: ProblemId
    key: ProblemKey | None = None


class SampleRequest(Layer):
    """One program for one of the batch's problems; ``sample`` counts by itself where it is left out."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"problem": "double", "sample": 0, "source": "print(int(input()) * 2)"}]},
    )

    problem: ProblemKey
    sample: SampleNumber | None = None

    @model_validator(mode="after")
    def _one_program(self) -> Self:
        if (self.source is None) == (self.files is None):
            raise ValueError("give exactly one of 'source' and 'files'")
        return self


class BatchHead(BaseModel):
    """What a batch is besides its problems and evaluations: the first line of an NDJSON upload."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""
    labels: dict[Label, Label] = Field(default_factory=dict[str, str], max_length=32)
    lane: LaneName = "batch"
    k: list[Annotated[int, Field(ge=1, le=10_000)]] = Field(default=[1, 10], min_length=1, max_length=10)
    repeat: Annotated[int, Field(ge=1, le=100)] = Field(default=1, description="How often each evaluation is run.")
    defaults: Layer = Field(default_factory=Layer)

    @model_validator(mode="after")
    def _storable(self) -> Self:
        if any("\0" in text for pair in self.labels.items() for text in pair):
            raise ValueError("labels must not hold NUL")
        return self


class BatchRequest(BatchHead):
    """The body of ``POST /api/v1/batches`` as JSON."""

    problems: list[ProblemRequest | ProblemReference] = Field(default_factory=list[ProblemRequest | ProblemReference])
    evaluations: list[SampleRequest] = Field(min_length=1, max_length=MOST_IN_BATCH)


class BadLine(BaseModel):
    """A line that was left out, and why. In a JSON body lines are counted as if it were sent as NDJSON."""

    line: int
    message: str


class PassAtK(BaseModel):
    """The estimate over the problems with at least ``k`` gradable samples; ``left_out`` have fewer.

    ``value`` is null while there is no such problem; ``low`` and ``high`` bound it with 95 % confidence over
    problems, null where one problem alone says nothing of others.
    """

    k: int
    value: float | None
    low: float | None
    high: float | None
    problems: int
    left_out: int


class Distribution(BaseModel):
    """Of the gradable evaluations. Quantiles are the upper bounds of their buckets: at most 19 % too large."""

    count: int
    p50: float | None
    p90: float | None
    p99: float | None
    largest: float | None
    buckets: list[tuple[float, int]] = Field(description="Upper bound and how many are in it, where there are any.")


class BatchSummary(BaseModel):
    """One row of a list. ``finished`` counts ``ungradable`` in: platform faults and cancelled evaluations."""

    id: UUID
    name: str
    labels: dict[str, str]
    lane: str
    status: BatchStatus
    total: int
    finished: int
    ungradable: int
    verdicts: dict[Verdict, int]
    repeat: int
    rerun_of: UUID | None
    created_at: str
    received_at: str | None
    finished_at: str | None


class Batch(BatchSummary):
    """Everything counted of one batch. Before it is complete, what is counted is provisional.

    ``solved`` of ``problems`` have an accepted sample. ``forgeable`` says that tests ran where the programs could
    reach them, so that a pass proves little. ``refused`` says why the upload was refused.
    """

    refused: str | None
    waiting: int
    problems: int
    solved: int
    forgeable: bool
    pass_at_k: list[PassAtK]
    wall_time_ms: Distribution
    cpu_time_ms: Distribution
    peak_memory_bytes: Distribution
    bad_lines: list[BadLine]
    bad_line_count: int


class BatchPage(BaseModel):
    """Newest first. ``next`` is the cursor of the following page, null on the last."""

    items: list[BatchSummary]
    next: str | None


class ProblemTally(BaseModel):
    """A problem in a batch: ``n`` gradable samples, ``c`` accepted; ``rate`` is their ratio, null without any."""

    number: int
    key: str
    id: ProblemId
    forgeable: bool
    n: int
    c: int
    rate: float | None
    finished: int
    ungradable: int
    mean_wall_time_ms: float | None


class ProblemTallyPage(BaseModel):
    """In the order of the upload."""

    items: list[ProblemTally]
    next: int | None


class SampleSummary(BaseModel):
    """One evaluation of a batch."""

    id: UUID
    problem: str
    problem_number: int
    sample: int
    repeat: int
    status: Status
    verdict: Verdict | None
    gradable: bool | None
    message: str
    wall_time_ms: float | None
    cpu_time_ms: float | None
    peak_memory_bytes: int | None
    rerun_of: UUID | None


class SamplePage(BaseModel):
    """In the order problem, sample, repeat."""

    items: list[SampleSummary]
    next: str | None


class RerunRequest(BaseModel):
    """Which evaluations to run again.

    ``ungradable`` ones take their former's place in the same batch: those were counted in no metric. ``failed`` and
    ``all`` make a new batch, for replacing only what failed would raise every rate by chance alone.
    """

    model_config = ConfigDict(extra="forbid")

    which: Literal["failed", "ungradable", "all"] = "ungradable"


class Flip(BaseModel):
    """A sample that passed in just one of two batches."""

    problem: str
    problem_number: int
    sample: int
    a: UUID
    a_verdict: Verdict
    b: UUID
    b_verdict: Verdict


class McNemar(BaseModel):
    """The chance of a difference at least as large if the batches were alike; two-sided, pairs taken as independent.

    ``exact`` is the binomial test; ``continuity``, for more than 1000 pairs that differ, chi-squared with Edwards'
    correction.
    """

    method: Literal["exact", "continuity"]
    p: float


class Comparison(BaseModel):
    """Two batches, paired by the problem's key and sample, first repeats. ``flips`` are in the first batch's order.

    ``ungradable`` pairs say nothing of one of their programs; of ``changed`` pairs the problem is not the same.
    """

    a: UUID
    b: UUID
    both_passed: int
    only_a_passed: int
    only_b_passed: int
    neither_passed: int
    ungradable: int
    changed: int
    only_in_a: int
    only_in_b: int
    mcnemar: McNemar
    pass_at_k_a: list[PassAtK]
    pass_at_k_b: list[PassAtK]
    flips: list[Flip]
    next: str | None


class RepeatedSample(BaseModel):
    """The gradable repeats of one sample: their verdicts in order, and how far their times lie apart."""

    problem: str
    problem_number: int
    sample: int
    verdicts: list[Verdict]
    disagree: bool
    shortest_wall_time_ms: float | None
    longest_wall_time_ms: float | None
    mean_wall_time_ms: float | None
    deviation_wall_time_ms: float | None


class Flakiness(BaseModel):
    """Of the samples with at least two gradable repeats.

    ``spread`` is the mean over samples of their times' standard deviation in shares of their mean.
    """

    samples: int
    disagreeing: int
    spread: float | None
    items: list[RepeatedSample]
    next: str | None
