"""SandboxFusion's ``/submit`` for stdin-and-stdout problems that the request brings along. Pure.

Source: github.com/bytedance/SandboxFusion at 469de08, ``sandbox/datasets/common_oj.py``, ``sandbox/utils/testing.py``.
"""

import math
from dataclasses import dataclass
from typing import Any, Final

import orjson
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from cloche.api.compat.ending import QUEUE_TIMEOUT_S, Ran, compiler_ending, ending_of
from cloche.api.compat.options import DoorOptions
from cloche.api.compat.sandboxfusion import command_result, compile_limits_of, limits_of, runtime_of, source_of
from cloche.api.compat.sandboxfusion_extraction import extracted
from cloche.contracts.evaluation import CaseView
from cloche.contracts.submission import Case, EvaluationRequest, File
from cloche.kit.errors import MalformedRequestError, UnavailableError

_DATASET_TYPE: Final = "CommonOJDataset"
_COMPILED: Final = frozenset({"cpp", "go", "java", "rust"})
_SHOWN: Final = 1000
_RELATIVE: Final = 1e-5


class StdioTest(BaseModel):
    """Streams by name: ``stdin`` in, ``stdout`` out."""

    input: dict[str, str]
    output: dict[str, str]


class SubmitConfig(BaseModel):
    """How to judge; times in seconds."""

    dataset_type: str | None = None
    language: str | None = None
    compile_timeout: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    run_timeout: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    custom_extract_logic: str | None = None
    provided_data: list[Any] | dict[str, Any] | None = None
    extra: dict[str, Any] = Field(default_factory=dict[str, Any])


class Submit(BaseModel):
    """The body of ``POST /submit``."""

    dataset: str
    id: int | str
    completion: str
    config: SubmitConfig


@dataclass(frozen=True, slots=True)
class Problem:
    """One completion as a program with its tests."""

    code: str
    tests: list[StdioTest]
    request: EvaluationRequest


def as_problem(body: Submit, doors: DoorOptions) -> Problem:
    """The program and the tests to run it with. Expected outputs stay here.

    Raises:
        MalformedRequestError: it asks for a data set, or for something that only that server does.
        InvalidRequestError: there is no runtime for the language.
    """
    config = body.config
    tests = _tests(body)
    if not config.language:
        raise MalformedRequestError(f"config.language field must exist for {_DATASET_TYPE}, got None")
    if config.custom_extract_logic is not None:
        raise MalformedRequestError("custom_extract_logic is code for the server, which does not run any.")
    runtime, source_file = runtime_of(config.language)
    code = extracted(body.completion, config.language)
    run_timeout = config.run_timeout or (10.0 if config.language in _COMPILED else 20.0)
    request = EvaluationRequest(
        runtime=runtime,
        files=[File(path=source_file, content=source_of(config.language, code))],
        entrypoint=source_file,
        limits=limits_of(run_timeout, -1, doors),
        compile_limits=compile_limits_of(config.compile_timeout or 10.0, doors),
        cases=[Case(name=str(index), stdin=test.input["stdin"]) for index, test in enumerate(tests)],
        labels={"door": "sandboxfusion", "sandboxfusion.language": config.language},
        queue_timeout_s=QUEUE_TIMEOUT_S,
    )
    return Problem(code, tests, request)


def submit_answer(ran: Ran, body: Submit, problem: Problem) -> dict[str, Any]:
    """The body of a 200: each test up to the first that failed, or all if ``run_all_cases`` asks for them.

    Raises:
        UnavailableError: the platform failed, which says nothing about the program.
    """
    if ran.evaluation.verdict in {"internal_error", "cancelled"}:
        raise UnavailableError(ran.evaluation.message)
    all_cases = bool(body.config.extra.get("run_all_cases"))
    outcomes: list[dict[str, Any]] = []
    for case, test in zip(ran.evaluation.cases, problem.tests, strict=False):
        outcomes.append(_outcome(ran, case, test, full=bool(body.config.extra.get("return_full_case"))))
        if not outcomes[-1]["passed"] and not all_cases:
            break
    return {
        "id": body.id,
        "accepted": len(outcomes) == len(problem.tests) and all(outcome["passed"] for outcome in outcomes),
        "extracted_code": problem.code,
        "full_code": None,
        "test_code": None,
        "tests": outcomes,
        "extracted_type": None,
        "extra": None,
    }


def same_output(output: str, expected: str) -> bool:
    """Line by line without case and outer space; a line that is a number may be off by a hundred-thousandth."""
    ours, theirs = output.strip().split("\n"), expected.strip().split("\n")
    return len(ours) == len(theirs) and all(map(_same_line, ours, theirs))


def _same_line(ours: str, theirs: str) -> bool:
    if ours.strip().lower() == theirs.strip().lower():
        return True
    try:
        measured, wanted = float(ours), float(theirs)
    except ValueError:
        return False
    difference = abs(measured - wanted) / max(abs(wanted), 1e-10)
    return math.isfinite(difference) and difference < _RELATIVE


def _tests(body: Submit) -> list[StdioTest]:
    data = body.config.provided_data
    if body.config.dataset_type is None or not data:
        raise MalformedRequestError(f"no eval class found for dataset {body.dataset[:100]}")
    if body.config.dataset_type != _DATASET_TYPE:
        raise MalformedRequestError(f"eval class {body.config.dataset_type[:100]} not found")
    if not isinstance(data, dict):
        raise MalformedRequestError("request.config.provided_data should be a dict with str -> str | int")
    given = data.get("test")
    try:
        tests = TypeAdapter(list[StdioTest]).validate_python(orjson.loads(given) if isinstance(given, str) else given)
    except (orjson.JSONDecodeError, ValidationError):
        tests = []
    if not tests or any("stdin" not in test.input or "stdout" not in test.output for test in tests):
        raise MalformedRequestError("provided_data.test: a list of tests, each with input.stdin and output.stdout")
    return tests


def _outcome(ran: Ran, case: CaseView, test: StdioTest, *, full: bool) -> dict[str, Any]:
    out, err = case.stdout, case.stderr
    stdout = ran.stdout[out.offset : out.offset + out.kept]
    stderr = ran.stderr[err.offset : err.offset + err.kept]
    ran_well = case.verdict == "accepted"
    passed = ran_well and same_output(stdout.decode(errors="replace"), test.output["stdout"])
    compiled = ran.evaluation.compile
    shown = test.model_dump() if full or not passed else _shortened(test)
    return {
        "passed": passed,
        "exec_info": {
            "status": "Success" if ran_well else "Failed",
            "message": "",
            "compile_result": compiled
            and command_result(
                compiler_ending(compiled, ran.evaluation), compiled.wall_time_ms, b"", compiled.output.encode()
            ),
            "run_result": None
            if case.verdict is None
            else command_result(ending_of(case), case.wall_time_ms, stdout, stderr),
            "executor_pod_name": None,
            "files": {},
        },
        "test_info": shown,
    }


def _shortened(test: StdioTest) -> dict[str, dict[str, str]]:
    return {
        side: {name: _middle_cut(text) for name, text in streams.items()}
        for side, streams in (("input", test.input), ("output", test.output))
    }


def _middle_cut(text: str) -> str:
    half = (_SHOWN - 3) // 2
    return text if len(text) <= _SHOWN else f"{text[:half]}...{text[-half:]}"
