"""MBPP: whole programs, tested by asserts that call them.

Source: google-research/google-research, ``mbpp/README.md``; both published files are read.
"""

import ast
import builtins
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, cast

from cloche.client.suites.humaneval import LIMITS, write
from cloche.client.suites.suite import Sample, SuiteError, Work, read_json, read_json_lines, text_of


def read(problems: Path | None, samples: Path, grading: Literal["isolated", "inline"]) -> Work:
    """``problems`` is ``mbpp.jsonl`` or ``sanitized-mbpp.json``; ``samples`` lines of ``task_id`` and ``completion``.

    Raises:
        SuiteError: a file is not in the format, or a sample's ``task_id`` is of no problem.
    """
    if problems is None:
        raise SuiteError("name mbpp.jsonl or sanitized-mbpp.json by --problems")
    bodies: dict[str, dict[str, Any]] = {}
    for number, row in _rows(problems):
        key = text_of(problems, number, row, "task_id")
        asserts = _lines(problems, number, row, "test_list") + _lines(problems, number, row, "challenge_test_list")
        if not asserts:
            raise SuiteError(f"{problems}, line {number}: has no tests")
        setup = "\n".join([str(row.get("test_setup_code") or ""), *_lines(problems, number, row, "test_imports")])
        code = "\n".join(asserts)
        tests = {
            "code": code,
            "setup": setup.strip(),
            "entry_point": _shadowing(str(row.get("code", "")), code),
            "grading": grading,
        }
        bodies[key] = {"key": key, "runtime": "python", "tests": tests, "limits": LIMITS}
    return Work(bodies, list(_samples(samples, bodies)), write, f"{samples.name}_results.jsonl")


def program_of(completion: str) -> str:
    """What stands between the delimiters of the paper's prompt, if they are there."""
    _, begun, rest = completion.partition("[BEGIN]")
    return (rest if begun else completion).partition("[DONE]")[0]


def _samples(path: Path, bodies: dict[str, dict[str, Any]]) -> Iterator[Sample]:
    for number, row in read_json_lines(path):
        key = text_of(path, number, row, "task_id")
        if key not in bodies:
            raise SuiteError(f"{path}, line {number}: there is no problem {key}")
        yield Sample(key, program_of(text_of(path, number, row, "completion", "solution")), row)


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    if ".jsonl" in path.name:
        yield from read_json_lines(path)
        return
    rows = read_json(path)
    if not isinstance(rows, list):
        raise SuiteError(f"{path}: is no JSON array")
    for number, row in enumerate(cast("list[Any]", rows), 1):
        if not isinstance(row, dict):
            raise SuiteError(f"{path}, entry {number}: is no JSON object")
        yield number, cast("dict[str, Any]", row)


def _lines(path: Path, number: int, row: dict[str, Any], name: str) -> list[str]:
    lines: Any = row.get(name) or []
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in cast("list[Any]", lines)):
        raise SuiteError(f"{path}, line {number}: {name} is no list of lines")
    return cast("list[str]", lines)


def _shadowing(reference: str, tests: str) -> str | None:
    """The function that bears the name of a builtin: the tests mean the program's all the same."""
    try:
        defined = {node.name for node in ast.parse(reference).body if isinstance(node, ast.FunctionDef)}
        used = {node.id for node in ast.walk(ast.parse(tests)) if isinstance(node, ast.Name)}
    except SyntaxError:
        return None
    return next((name for name in sorted(defined & used) if hasattr(builtins, name)), None)
