"""SandboxFusion's ``/run_code`` as an evaluation, and an evaluation as its answer. Pure.

Source: github.com/bytedance/SandboxFusion at 469de08, ``sandbox/server/sandbox_api.py`` and ``sandbox/runners``.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

from pydantic import BaseModel, Field, ValidationError

from cloche.api.compat.ending import QUEUE_TIMEOUT_S, Ending, Ran, compiler_ending, ending_of
from cloche.api.compat.options import DoorOptions
from cloche.contracts.limits import MIB, CompileLimits, Limits
from cloche.contracts.problem import FieldProblem
from cloche.contracts.submission import EvaluationRequest, File
from cloche.kit.errors import ClocheError, InvalidRequestError

Language: TypeAlias = Literal[
    "python",
    "cpp",
    "nodejs",
    "go",
    "go_test",
    "java",
    "php",
    "csharp",
    "bash",
    "typescript",
    "sql",
    "rust",
    "cuda",
    "lua",
    "R",
    "perl",
    "D_ut",
    "ruby",
    "scala",
    "julia",
    "pytest",
    "junit",
    "kotlin_script",
    "jest",
    "verilog",
    "python_gpu",
    "lean",
    "swift",
    "racket",
]
#: Its languages whose programs a runtime of Cloche takes as they are, with that runtime and its source file.
RUNTIMES: Final[Mapping[str, tuple[str, str]]] = {
    "python": ("python", "main.py"),
    "cpp": ("cpp", "main.cpp"),
    "nodejs": ("javascript", "main.js"),
    "go": ("go", "main.go"),
    "java": ("java", "Main.java"),
    "php": ("php", "main.php"),
    "csharp": ("csharp", "Main.cs"),
    "bash": ("bash", "main.sh"),
    "typescript": ("typescript", "main.ts"),
    "sql": ("sql", "main.sql"),
    "rust": ("rust", "main.rs"),
    "lua": ("lua", "main.lua"),
    "R": ("r", "main.R"),
    "perl": ("perl", "main.pl"),
    "ruby": ("ruby", "main.rb"),
    "scala": ("scala", "Main.scala"),
    "racket": ("racket", "main.rkt"),
}
#: It sets no such limits; these are enough for what libraries start and open.
_PROCESSES: Final = 256
_OPEN_FILES: Final = 1024
_SKIPPED: Final = "IGNORE_THIS_FILE"
_SIGKILL: Final = 9

#: Which of its fields a field of ours was made from.
_FIELDS: Final = {
    "limits.wall_time_s": "run_timeout",
    "compile_limits.wall_time_s": "compile_timeout",
    "limits.memory_bytes": "memory_limit_MB",
    "runtime": "language",
    "source": "code",
}


class RunCode(BaseModel):
    """The body of ``POST /run_code``; times in seconds, memory in MiB, -1 for no limit. Unknown fields are ignored."""

    code: str
    language: Language
    compile_timeout: float = Field(default=10, gt=0, allow_inf_nan=False)
    run_timeout: float = Field(default=10, gt=0, allow_inf_nan=False)
    memory_limit_mib: int = Field(default=-1, alias="memory_limit_MB")
    stdin: str | None = None
    files: dict[str, str | None] = Field(default_factory=dict[str, str | None])
    fetch_files: list[str] = Field(default_factory=list[str])


def as_request(body: RunCode, doors: DoorOptions) -> EvaluationRequest:
    """The evaluation to submit.

    Raises:
        InvalidRequestError: Cloche has nothing for the language, or can't give files back.
        ValidationError: a value that only our contract refuses.
    """
    runtime, source_file = runtime_of(body.language)
    if body.fetch_files:
        raise refused("fetch_files", "files of a run are not given back here")
    return EvaluationRequest(
        runtime=runtime,
        files=[File(path=source_file, content=source_of(body.language, body.code)), *_files(body, source_file)],
        entrypoint=source_file,
        stdin=body.stdin or "",
        limits=limits_of(body.run_timeout, body.memory_limit_mib, doors),
        compile_limits=compile_limits_of(body.compile_timeout, doors),
        labels={"door": "sandboxfusion", "sandboxfusion.language": body.language},
        queue_timeout_s=QUEUE_TIMEOUT_S,
    )


def runtime_of(language: str) -> tuple[str, str]:
    """The runtime for one of its languages, and what its source file is called.

    Raises:
        InvalidRequestError: there is none.
    """
    found = RUNTIMES.get(language)
    if found is None:
        raise refused("language", f"no runtime for {language} here")
    return found


def source_of(language: str, code: str) -> str:
    """``code`` as its interpreter needs it: PHP gets its opening tag, as there."""
    return f"<?php\n{code}" if language == "php" and "<?php" not in code else code


def limits_of(run_timeout: float, memory_limit_mib: int, doors: DoorOptions) -> Limits:
    """Its limits, and no CPU limit but the greatest."""
    memory = memory_limit_mib * MIB if memory_limit_mib > 0 else doors.memory_bytes
    return Limits(
        wall_time_s=run_timeout,
        cpu_time_s=doors.maxima.cpu_time_s,
        memory_bytes=memory,
        processes=min(_PROCESSES, doors.maxima.processes),
        open_files=min(_OPEN_FILES, doors.maxima.open_files),
    )


def compile_limits_of(compile_timeout: float, doors: DoorOptions) -> CompileLimits:
    """Its compile limit."""
    return CompileLimits(wall_time_s=compile_timeout, cpu_time_s=doors.maxima.cpu_time_s)


def answer(ran: Ran) -> dict[str, Any]:
    """The body of a 200 for a finished evaluation.

    A run that Cloche failed is a ``SandboxError``, which its client tries again; no program can earn one.
    """
    evaluation = ran.evaluation
    compiled, run = None, None
    if evaluation.compile is not None:
        ending = compiler_ending(evaluation.compile, evaluation)
        compiled = command_result(ending, evaluation.compile.wall_time_ms, b"", evaluation.compile.output.encode())
    if evaluation.verdict in {"internal_error", "cancelled"}:
        status, message = "SandboxError", evaluation.message or evaluation.verdict
    else:
        status, message = ("Success" if evaluation.verdict == "accepted" else "Failed"), ""
        if evaluation.verdict != "compile_error":
            run = command_result(ending_of(evaluation), evaluation.wall_time_ms or 0.0, ran.stdout, ran.stderr)
    return {
        "status": status,
        "message": message,
        "compile_result": compiled,
        "run_result": run,
        "executor_pod_name": None,
        "files": {},
    }


def command_result(ending: Ending, wall_ms: float, stdout: bytes, stderr: bytes) -> dict[str, Any]:
    """One stage. A killed one has the negative signal as its code, whatever ended it; out of time it has none."""
    code = ending.exit_code
    if ending.signal is not None:
        code = -ending.signal
    if ending.kind in {"memory", "output"}:
        code = -_SIGKILL
    if ending.kind == "unstartable":
        code = 127
    late = ending.kind == "time"
    return {
        "status": "TimeLimitExceeded" if late else "Finished",
        "execution_time": wall_ms / 1000,
        "return_code": None if late else code,
        "stdout": stdout.decode(errors="replace"),
        "stderr": stderr.decode(errors="replace"),
    }


def refusal(error: ClocheError) -> tuple[int, dict[str, Any]]:
    """Status and body of an error.

    What may pass is 504: of all statuses its users' clients try again after that one alone (verl), or after any.
    """
    if error.retryable:
        return 504, {"detail": error.detail}
    if isinstance(error, InvalidRequestError) and error.errors:
        details = [
            {
                "type": "value_error",
                "loc": ["body", *_FIELDS.get(found.field, found.field).split(".")],
                "msg": found.message,
                "input": None,
            }
            for found in error.errors
        ]
        return 422, {"detail": details}
    return error.status, {"detail": error.detail}


def details_of(error: ValidationError) -> list[dict[str, Any]]:
    """What FastAPI says of a body that is not valid."""
    return [
        {"type": found["type"], "loc": ["body", *found["loc"]], "msg": found["msg"], "input": _shown(found["input"])}
        for found in error.errors(include_url=False, include_context=False)
    ]


def refused(field: str, message: str) -> InvalidRequestError:
    """The refusal of one field."""
    return InvalidRequestError(f"{field}: {message}", errors=[FieldProblem(field=field, message=message)])


def _files(body: RunCode, source_file: str) -> list[File]:
    return [
        File(path=path.removeprefix("./"), content=content, encoding="base64")
        for path, content in body.files.items()
        if content is not None and _SKIPPED not in path and path != source_file
    ]


def _shown(given: Any) -> Any:
    """What was wrong, unless it is long or a whole body: programs do not stand in answers."""
    return given if isinstance(given, int | float | bool) or (isinstance(given, str) and len(given) <= 100) else None
