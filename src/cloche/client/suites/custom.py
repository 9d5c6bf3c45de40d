"""Problems of one's own: each line what ``POST /api/v1/problems`` takes, its ``key`` named by the samples."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from cloche.client.suites.suite import Ended, Sample, SuiteError, Work, read_json_lines, text_of, write_json_lines


def read(problems: Path | None, samples: Path, grading: Literal["isolated", "inline"]) -> Work:
    """``samples`` are lines of ``key`` (or ``problem``, ``task_id``) and ``source`` (or ``solution``, ``completion``).

    Raises:
        SuiteError: a file is not in the format, or a sample's key is of no problem.
    """
    if problems is None:
        raise SuiteError("name the problems' file")
    bodies: dict[str, dict[str, Any]] = {}
    for number, row in read_json_lines(problems):
        key = text_of(problems, number, row, "key", "task_id")
        if key in bodies:
            raise SuiteError(f"{problems}, line {number}: the key {key} is there twice")
        bodies[key] = _body(row, key, grading)
    return Work(bodies, _samples(samples, bodies), write, f"{samples.name}_results.jsonl")


def write(ended: Sequence[Ended], path: Path) -> None:
    """The samples' lines with ``passed``, ``verdict``, ``message`` and ``evaluation_id``."""
    rows = (
        {
            **each.sample.line,
            "passed": each.passed,
            "verdict": each.summary.verdict,
            "message": each.summary.message,
            "evaluation_id": str(each.summary.id),
        }
        for each in ended
    )
    write_json_lines(rows, path)


def _body(row: dict[str, Any], key: str, grading: Literal["isolated", "inline"]) -> dict[str, Any]:
    body = {name: value for name, value in row.items() if name != "task_id"} | {"key": key}
    tests = body.get("tests")
    if isinstance(tests, str):
        tests = {"code": tests}
    if isinstance(tests, dict):
        body["tests"] = {"grading": grading, **tests}
    return body


def _samples(path: Path, bodies: dict[str, dict[str, Any]]) -> list[Sample]:
    found: list[Sample] = []
    for number, row in read_json_lines(path):
        key = text_of(path, number, row, "key", "problem", "task_id")
        if key not in bodies:
            raise SuiteError(f"{path}, line {number}: there is no problem {key}")
        found.append(Sample(key, text_of(path, number, row, "source", "solution", "completion"), row))
    return found
