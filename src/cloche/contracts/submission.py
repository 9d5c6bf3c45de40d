"""What a caller submits: a program, how to run it, and the cases it must pass."""

from typing import Annotated, Final, Literal, Self, TypeAlias
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cloche.contracts.limits import MOST_TOTAL_S, CompileLimits, Limits
from cloche.contracts.values import Moment
from cloche.contracts.words import USUAL_LANE, Isolation, Network, Start

RuntimeName: TypeAlias = Annotated[str, Field(pattern=r"^[a-z][a-z0-9+#.-]{0,31}(@[0-9A-Za-z][0-9A-Za-z.+-]{0,31})?$")]
LaneName: TypeAlias = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
Label: TypeAlias = Annotated[str, Field(max_length=200)]


class FloatCompare(BaseModel):
    """Numbers may differ by this much, absolutely or relatively; other tokens must be equal."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    float: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class RegexCompare(BaseModel):
    """The whole output, but for white space at its end, must match this expression (RE2: no look-around)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    regex: Annotated[str, Field(min_length=1, max_length=4000)]


#: ``unordered_lines`` compares lines in any order; ``json`` values, whatever their white space and order of keys;
#: ``checker`` asks the evaluation's ``checker``.
Compare: TypeAlias = (
    Literal["exact", "trimmed", "tokens", "unordered_lines", "json", "checker"] | FloatCompare | RegexCompare
)


class File(BaseModel):
    """One file of a program, at a relative path below the work directory."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Annotated[str, Field(min_length=1, max_length=255)]
    content: str
    encoding: Literal["utf-8", "base64"] = "utf-8"


class Case(BaseModel):
    """One input with the output it must produce. The expected output never enters a cell."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(max_length=200)] = ""
    stdin: str = ""
    args: list[str] = Field(default_factory=list[str], max_length=256)
    expected_stdout: str | None = None
    compare: Compare = "trimmed"
    points: Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)] = Field(
        default=1.0, description="Its weight in the score."
    )

    @property
    def is_graded(self) -> bool:
        """Whether its output is looked at."""
        return self.expected_stdout is not None or self.compare == "checker" or isinstance(self.compare, RegexCompare)


class FunctionTests(BaseModel):
    """Python that calls the program's functions: ``check(candidate)`` as HumanEval has it, or plain asserts.

    ``setup`` runs before it, beside it; a name that neither defines is the program's. Isolated, it runs in a cell of
    its own, and the program sees nothing but the arguments of each call; inline, it is appended to the program, which
    can then reach and forge it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: Annotated[str, Field(min_length=1)]
    setup: str = ""
    entry_point: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")] | None = Field(
        default=None,
        description="The function that is `candidate`; the tests' `check`, if there is one, is called with it.",
    )
    grading: Literal["isolated", "inline"] = "isolated"


class Program(BaseModel):
    """Everything an executor needs to run one evaluation; limits are final.

    The API makes it from an ``EvaluationRequest`` after all checks; queue and worker
    carry it unread.
    """

    model_config = ConfigDict(frozen=True)

    runtime: str
    files: list[File]
    entrypoint: str
    stdin: str = ""
    args: list[str] = Field(default_factory=list[str])
    env: dict[str, str] = Field(default_factory=dict[str, str])
    limits: Limits
    compile_limits: CompileLimits
    isolation: Isolation = "namespace"
    network: Network = "none"
    start: Start = "any"
    cases: list[Case] = Field(default_factory=list[Case])
    stop_on_failure: bool = False
    tests: FunctionTests | None = None
    checker: "Program | None" = None


class CheckerRequest(BaseModel):
    """A program that tells whether an output is right, by testlib's convention, in a cell of its own.

    Started with the paths of the case's input, the program's output and the expected one, it exits with 0 (right),
    1 or 2 (wrong), or 7 (``points 0.5`` on stderr).
    """

    model_config = ConfigDict(extra="forbid")

    runtime: RuntimeName
    source: str | None = Field(default=None, description="The checker, if it is one file.")
    files: list[File] | None = Field(default=None, description="The checker, if it is several files.")
    entrypoint: str | None = Field(default=None, max_length=255)
    limits: Limits = Field(default_factory=Limits)
    compile_limits: CompileLimits = Field(default_factory=CompileLimits)

    @model_validator(mode="after")
    def _one_program(self) -> Self:
        _check_one_program(self.source, self.files)
        return self


class EvaluationRequest(BaseModel):
    """The body of ``POST /api/v1/evaluations``."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"runtime": "python", "source": "print(input())", "stdin": "hi\n"},
                {
                    "runtime": "python",
                    "source": "print(int(input()) * 2)",
                    "cases": [{"name": "two", "stdin": "2\n", "expected_stdout": "4\n"}],
                },
            ]
        },
    )

    runtime: RuntimeName
    source: str | None = Field(default=None, description="The program, if it is one file.")
    files: list[File] | None = Field(default=None, description="The program, if it is several files.")
    entrypoint: str | None = Field(default=None, max_length=255, description="Which of ``files`` starts.")
    stdin: str = ""
    args: list[str] = Field(default_factory=list[str], max_length=256)
    env: dict[str, str] = Field(default_factory=dict[str, str], max_length=64)
    name: Annotated[str, Field(max_length=200)] = ""
    labels: dict[Label, Label] = Field(default_factory=dict[str, str], max_length=32)
    priority: Annotated[int, Field(ge=-100, le=100)] = 0
    lane: LaneName = Field(default=USUAL_LANE, description="`batch` gives way to `interactive`; see the queue.")
    run_at: Moment | None = Field(default=None, description="Not before this, at most 7 days ahead; None is at once.")
    queue_timeout_s: Annotated[int, Field(ge=1, le=604800)] = 86400
    limits: Limits = Field(default_factory=Limits)
    compile_limits: CompileLimits = Field(default_factory=CompileLimits)
    isolation: Isolation | None = Field(
        default=None,
        description="The least that it may run under. Without it, what the server is set to: `namespace`, "
        "unless its operator allows `process`.",
    )
    network: Network = Field(
        default="none",
        description="`loopback` is an interface of the cell's own, for a server and its client in one program.",
    )
    start: Start = "any"
    cases: list[Case] = Field(
        default_factory=list[Case],
        description=f"Run one after the other in one cell; none begins once they took {MOST_TOTAL_S:g} s together.",
    )

    stop_on_failure: bool = Field(default=False, description="Whether no case is run after the first that fails.")
    checker: CheckerRequest | None = Field(default=None, description="For cases whose `compare` is `checker`.")
    tests: FunctionTests | None = Field(default=None, description="Instead of `cases`, for programs in Python.")

    @model_validator(mode="after")
    def _cases_or_tests(self) -> Self:
        if self.cases and self.tests:
            raise ValueError("give 'cases' or 'tests', not both")
        return self

    @model_validator(mode="after")
    def _one_program(self) -> Self:
        _check_one_program(self.source, self.files)
        return self

    @model_validator(mode="after")
    def _checker_if_asked(self) -> Self:
        if self.checker is None and any(case.compare == "checker" for case in self.cases):
            raise ValueError("a case is compared by the 'checker', and there is none")
        return self


def _check_one_program(source: str | None, files: list[File] | None) -> None:
    if (source is None) == (files is None):
        raise ValueError("give exactly one of 'source' and 'files'")


#: How many evaluations one ``POST /api/v1/evaluations:batch`` may submit.
MOST_IN_GROUP: Final = 1000


class GroupRequest(BaseModel):
    """The body of ``POST /api/v1/evaluations:batch``: all are accepted or none."""

    model_config = ConfigDict(extra="forbid")

    evaluations: list[EvaluationRequest] = Field(min_length=1, max_length=MOST_IN_GROUP)


class SubmittedGroup(BaseModel):
    """The evaluations' ids in the order of the request."""

    ids: list[UUID]
