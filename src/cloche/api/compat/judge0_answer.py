"""A stored evaluation as Judge0's submission. Pure.

Source: github.com/judge0/judge0 at 47dfd63, ``app/serializers/submission_serializer.rb``; attributes of 1.13.1.
"""

import base64
import shlex
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from cloche.api.compat.ending import Ending, Ran, ending_of
from cloche.api.compat.judge0_archive import packed
from cloche.api.compat.judge0_config import CPU_EXTRA_TIME_S, STATUSES
from cloche.api.compat.judge0_languages import ALL_LANGUAGES
from cloche.contracts.evaluation import CaseView, Evaluation, SubmittedProgram
from cloche.contracts.limits import KIB
from cloche.kit.errors import NotFoundError

DEFAULT_FIELDS: Final = ("token", "time", "memory", "stdout", "stderr", "compile_output", "message", "status")
ALL_FIELDS: Final = (
    "source_code",
    "language_id",
    "stdin",
    "expected_output",
    "stdout",
    "status_id",
    "created_at",
    "finished_at",
    "time",
    "memory",
    "stderr",
    "token",
    "number_of_runs",
    "cpu_time_limit",
    "cpu_extra_time",
    "wall_time_limit",
    "memory_limit",
    "stack_limit",
    "max_processes_and_or_threads",
    "enable_per_process_and_thread_time_limit",
    "enable_per_process_and_thread_memory_limit",
    "max_file_size",
    "compile_output",
    "exit_code",
    "exit_signal",
    "message",
    "wall_time",
    "compiler_options",
    "command_line_arguments",
    "redirect_stderr_to_stdout",
    "callback_url",
    "additional_files",
    "enable_network",
    "status",
    "language",
)
#: These are bytes until they are shown.
_ENCODED: Final = frozenset(
    {"source_code", "stdin", "expected_output", "stdout", "stderr", "compile_output", "message"}
)
_PENDING: Final = {"queued": 1, "running": 2}
_BY_SIGNAL: Final = {
    int(signal.SIGSEGV): 7,
    int(signal.SIGXFSZ): 8,
    int(signal.SIGFPE): 9,
    int(signal.SIGABRT): 10,
}
_OTHER_SIGNAL: Final = 12
_BYTES_A_LINE: Final = 45


class NotTextError(Exception):
    """An attribute is not UTF-8, and base64 was not asked for."""


@dataclass(frozen=True, slots=True)
class _End:
    """What the runs came to."""

    status: int
    time_s: float | None = None
    wall_s: float | None = None
    memory_bytes: float | None = None
    stdout: bytes = b""
    stderr: bytes = b""
    exit_code: int | None = None
    exit_signal: int | None = None
    message: str | None = None


def chosen_fields(text: str | None) -> tuple[list[str], list[str]]:
    """Of ``fields=a,b``: those to show, and those that there are not."""
    names = [name for name in (text or "").split(",") if name]
    unknown = [name for name in names if name != "*" and name not in ALL_FIELDS]
    if "*" in names:
        return list(ALL_FIELDS), unknown
    return names or list(DEFAULT_FIELDS), unknown


def answer(ran: Ran, fields: Sequence[str], *, encoded: bool) -> dict[str, Any]:
    """These fields; texts as base64 if ``encoded``.

    Raises:
        NotFoundError: it was not submitted by this door.
        NotTextError: a text is not UTF-8 and ``encoded`` is false.
    """
    if "judge0.language_id" not in ran.evaluation.labels:
        raise NotFoundError
    wanted = set(fields)
    known = _outcome(ran) | _submitted(ran.evaluation, with_files="additional_files" in wanted)
    return {name: _shown(name, known[name], encoded=encoded) for name in fields}


def _shown(name: str, value: Any, *, encoded: bool) -> Any:
    if name not in _ENCODED or value is None:
        return value
    if encoded:
        return mime_base64(value)
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise NotTextError from None


def mime_base64(data: bytes) -> str:
    """With a line break after each 60 characters and at the end, as Ruby writes it."""
    lines = (data[start : start + _BYTES_A_LINE] for start in range(0, len(data), _BYTES_A_LINE))
    return "".join(f"{base64.b64encode(line).decode()}\n" for line in lines)


def _outcome(ran: Ran) -> dict[str, Any]:
    """Attributes that a run gives; all null but the status before there is one."""
    evaluation = ran.evaluation
    end = _end(ran)
    stdout, stderr = end.stdout, end.stderr
    if evaluation.labels.get("judge0.redirect_stderr_to_stdout"):
        stdout, stderr = stdout + stderr, b""
    compile_output = None
    if evaluation.compile is not None and evaluation.status == "finished":
        compile_output = evaluation.compile.output.encode()
        if evaluation.verdict == "compile_error" and evaluation.evidence and evaluation.evidence.source == "limit":
            compile_output = compile_output or b"Compilation time limit exceeded."
    return {
        "stdout": stdout or None,
        "stderr": stderr or None,
        "compile_output": compile_output or None,
        "message": end.message.encode() if end.message else None,
        "time": _seconds(end.time_s),
        "wall_time": _seconds(end.wall_s),
        "memory": None if end.memory_bytes is None else int(end.memory_bytes) // KIB,
        "exit_code": end.exit_code,
        "exit_signal": end.exit_signal,
        "status_id": end.status,
        "status": {"id": end.status, "description": STATUSES[end.status]},
        "finished_at": _moment(evaluation.timeline.finished_at),
    }


def _end(ran: Ran) -> _End:
    evaluation = ran.evaluation
    if evaluation.status != "finished":
        return _End(_PENDING[evaluation.status])
    if evaluation.verdict == "compile_error":
        return _End(6)
    if evaluation.verdict in {"internal_error", "cancelled"}:
        return _End(13, stdout=ran.stdout, stderr=ran.stderr, message=evaluation.message or evaluation.verdict)
    runs = _runs(evaluation)
    last: Evaluation | CaseView = runs[-1] if runs else evaluation
    stdout, stderr = ran.stdout, ran.stderr
    if runs:
        out, err = runs[-1].stdout, runs[-1].stderr
        stdout, stderr = stdout[out.offset : out.offset + out.kept], stderr[err.offset : err.offset + err.kept]
    measured = runs or [evaluation]
    ending = ending_of(last)
    exit_signal, message = _signal_and_message(ending, last)
    return _End(
        _status(ending, last),
        time_s=sum(run.cpu_time_ms or 0.0 for run in measured) / len(measured) / 1000,
        wall_s=(last.wall_time_ms or 0.0) / 1000,
        memory_bytes=sum(run.peak_memory_bytes or 0 for run in measured) / len(measured),
        stdout=stdout,
        stderr=stderr,
        exit_code=ending.exit_code or 0,
        exit_signal=exit_signal,
        message=message,
    )


def _runs(evaluation: Evaluation) -> list[CaseView]:
    """Up to the first that was not accepted: Judge0 stops there."""
    runs: list[CaseView] = []
    for case in evaluation.cases:
        if case.verdict is not None:
            runs.append(case)
        if case.verdict != "accepted":
            break
    return runs


def _status(ending: Ending, ran: Evaluation | CaseView) -> int:
    if ending.kind == "time":
        return 5
    if ending.kind == "output":
        return 8
    if ending.kind == "memory":
        return _OTHER_SIGNAL
    if ending.kind == "signal":
        return _BY_SIGNAL.get(ending.signal or 0, _OTHER_SIGNAL)
    if not ending.passed:
        return 11
    return 4 if ran.verdict == "wrong_answer" else 3


def _signal_and_message(ending: Ending, ran: Evaluation | CaseView) -> tuple[int | None, str | None]:
    """As isolate has them: a run that it stops for its time was killed, and one out of memory too."""
    if ending.kind == "time":
        wall = ran.evidence is not None and ran.evidence.limit == "wall_time_s"
        return None, "Time limit exceeded (wall clock)" if wall else "Time limit exceeded"
    number = {"memory": int(signal.SIGKILL), "output": int(signal.SIGXFSZ)}.get(ending.kind, ending.signal)
    if number is not None:
        return number, f"Caught fatal signal {number}"
    if ending.passed:
        return None, None
    return None, f"Exited with error status {ending.exit_code or 127}"


def _submitted(evaluation: Evaluation, *, with_files: bool) -> dict[str, Any]:
    """Attributes that the submission had; those of a program that is not stored any more are null."""
    labels, program = evaluation.labels, evaluation.program
    number = int(labels["judge0.language_id"])
    language = ALL_LANGUAGES.get(number)
    name, _, version = evaluation.runtime.partition("@")
    limits = program.limits if program else None
    return {
        "token": str(evaluation.id),
        "language_id": number,
        "language": {"id": number, "name": language.name(version) if language else name},
        "created_at": _moment(evaluation.timeline.created_at),
        "source_code": _source(program) if program else None,
        "stdin": _stdin(program) if program else None,
        "expected_output": _expected(program) if program else None,
        "number_of_runs": max(1, len(program.cases)) if program else None,
        "cpu_time_limit": _seconds(limits.cpu_time_s) if limits else None,
        "cpu_extra_time": _seconds(float(labels.get("judge0.cpu_extra_time", CPU_EXTRA_TIME_S))),
        "wall_time_limit": _seconds(limits.wall_time_s) if limits else None,
        "memory_limit": limits.memory_bytes // KIB if limits else None,
        "stack_limit": limits.stack_bytes // KIB if limits else None,
        "max_processes_and_or_threads": limits.processes if limits else None,
        "enable_per_process_and_thread_time_limit": False,
        "enable_per_process_and_thread_memory_limit": False,
        "max_file_size": limits.file_bytes // KIB if limits else None,
        "compiler_options": None,
        "command_line_arguments": shlex.join(program.args) if program and program.args else None,
        "redirect_stderr_to_stdout": "judge0.redirect_stderr_to_stdout" in labels,
        "callback_url": None,
        "additional_files": _archive(program) if program and with_files else None,
        "enable_network": False,
    }


def _source(program: SubmittedProgram) -> bytes:
    file = next(file for file in program.files if file.path == program.entrypoint)
    return base64.b64decode(file.content) if file.encoding == "base64" else file.content.encode()


def _stdin(program: SubmittedProgram) -> bytes | None:
    return program.stdin.encode() or None


def _expected(program: SubmittedProgram) -> bytes | None:
    expected = program.cases[0].expected_stdout if program.cases else None
    return None if expected is None else expected.encode()


def _archive(program: SubmittedProgram) -> str | None:
    others = [file for file in program.files if file.path != program.entrypoint]
    return mime_base64(packed(others)) if others else None


def _seconds(value: float | None) -> str | None:
    """A decimal as text, as Rails writes it: ``0.012``, ``5.0``."""
    if value is None:
        return None
    text = f"{value:.3f}".rstrip("0")
    return f"{text}0" if text.endswith(".") else text


def _moment(text: str | None) -> str | None:
    """To the millisecond: its client wants a fraction and a Z."""
    return None if text is None else f"{text[:23]}Z"
