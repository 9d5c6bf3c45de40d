"""A finished evaluation as Piston's answer to ``/execute``. Pure."""

import signal
from typing import Any, Final

from cloche.api.compat.ending import Ending, Ran, compiler_ending, ending_of, name_of
from cloche.api.compat.piston_languages import PistonRuntime
from cloche.contracts.evaluation import CompileView

_SIGKILL: Final = int(signal.SIGKILL)
#: As a shell has it.
_NOT_STARTED: Final = 127


def answer(ran: Ran, runtime: PistonRuntime) -> dict[str, Any]:
    """The body of a 200. Where compiling failed, ``run`` is the compile stage, as there."""
    evaluation = ran.evaluation
    result: dict[str, Any] = {}
    if evaluation.compile is not None:
        result["compile"] = _compile(evaluation.compile, compiler_ending(evaluation.compile, evaluation))
    if evaluation.verdict == "compile_error":
        result["run"] = result.get("compile")
    else:
        result["run"] = _run(ran)
    return {**result, "language": runtime.language, "version": runtime.version_text}


def _compile(compiled: CompileView, ending: Ending) -> dict[str, Any]:
    """Compilers' words are stored as one stream; most speak on stderr."""
    output = {"stdout": "", "stderr": compiled.output, "output": compiled.output}
    usage = {
        "memory": compiled.peak_memory_bytes,
        "cpu_time": compiled.cpu_time_ms,
        "wall_time": compiled.wall_time_ms,
    }
    return {**output, **_end(ending, compiled.truncated), **usage}


def _run(ran: Ran) -> dict[str, Any]:
    """``output`` is stdout and then stderr: in which order they came is not stored."""
    evaluation = ran.evaluation
    stdout, stderr = ran.stdout.decode(errors="replace"), ran.stderr.decode(errors="replace")
    output = {"stdout": stdout, "stderr": stderr, "output": stdout + stderr}
    usage = {
        "memory": evaluation.peak_memory_bytes,
        "cpu_time": evaluation.cpu_time_ms,
        "wall_time": evaluation.wall_time_ms,
    }
    return {**output, **_end(ending_of(evaluation), evaluation.stderr.truncated), **usage}


def _end(ending: Ending, stderr_full: bool) -> dict[str, Any]:  # noqa: FBT001  (a fact, not a switch)
    """``code``, ``signal``, ``message`` and ``status``, as isolate and Piston word them."""
    if ending.passed:
        return {"code": 0, "signal": None, "message": None, "status": None}
    if ending.kind == "time":
        return _killed("TO", "Time limit exceeded")
    if ending.kind == "output":
        return _killed("EL", "stderr length exceeded") if stderr_full else _killed("OL", "stdout length exceeded")
    if ending.kind in {"memory", "signal"}:
        number = ending.signal if ending.kind == "signal" and ending.signal is not None else _SIGKILL
        return _killed("SG", f"Caught fatal signal {number}", name_of(number))
    code = ending.exit_code or _NOT_STARTED
    return {"code": code, "signal": None, "message": f"Exited with error status {code}", "status": "RE"}


def _killed(status: str, message: str, signal_name: str = "SIGKILL") -> dict[str, Any]:
    return {"code": None, "signal": signal_name, "message": message, "status": status}
