"""APPS: programs tested by stdin and stdout, or functions by arguments and value.

Source: hendrycks/apps, ``eval/test_one_solution.py`` and ``eval/testing_util.py``.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal, cast

from cloche.client.suites.called import calling
from cloche.client.suites.suite import Ended, Sample, SuiteError, Work, read_json, read_json_lines

#: What the harness gives each test.
_LIMITS: Final = {"wall_time_s": 10.0, "cpu_time_s": 4.0}
_CODES: Final = {"accepted": True, "wrong_answer": False, "compile_error": -2}
_STOPPED: Final = -1


def read(problems: Path | None, samples: Path, _grading: Literal["isolated", "inline"]) -> Work:
    """``problems`` is the data set's JSONL, ``samples`` ``{"<index>": "code" or ["code", …]}`` or a list of those.

    Raises:
        SuiteError: a file is not in the format, or an index is of no problem.
    """
    if problems is None:
        raise SuiteError("name the data set's file, JSON lines, by --problems")
    bodies: dict[str, dict[str, Any]] = {}
    names: dict[str, str | None] = {}
    for index, (number, row) in enumerate(read_json_lines(problems)):
        key = str(index)
        try:
            tests: dict[str, Any] = json.loads(row.get("input_output") or "{}")
            names[key] = tests.get("fn_name")
            cases = _cases(tests.get("inputs", []), tests.get("outputs", []), called=names[key] is not None)
        except (ValueError, TypeError, AttributeError) as error:
            raise SuiteError(f"{problems}, line {number}: its input_output can't be read: {error}") from None
        bodies[key] = {"key": key, "runtime": "python", "limits": _LIMITS, "cases": cases}
    found = [
        Sample(key, calling(code, name) if (name := names[key]) else code, {})
        for key, codes in _codes(samples, bodies)
        for code in codes
    ]
    return Work(bodies, found, write, "all_results.json", wants_cases=True)


def write(ended: Sequence[Ended], path: Path) -> None:
    """For each problem, for each program, for each test: true, false, -1 (stopped or failed), -2 (does not compile)."""
    results: dict[str, list[list[bool | int]]] = {}
    for each in ended:
        codes = [_CODES.get(verdict or "", _STOPPED) for verdict in each.cases] or [
            _CODES.get(each.summary.verdict or "", -1)
        ]
        results.setdefault(each.sample.problem, []).append(codes)
    path.write_text(json.dumps(results) + "\n", encoding="utf-8")


def _cases(inputs: list[Any], outputs: list[Any], *, called: bool) -> list[dict[str, Any]]:
    if not called:
        return [
            {"stdin": _text(given), "expected_stdout": _text(wanted), "compare": {"float": 1e-5}}
            for given, wanted in zip(inputs, outputs, strict=True)
        ]
    wrapped = all(isinstance(wanted, list) and len(cast("list[Any]", wanted)) == 1 for wanted in outputs)
    return [
        {
            "stdin": "".join(f"{json.dumps(argument)}\n" for argument in given),
            "expected_stdout": json.dumps(wanted[0] if wrapped else wanted),
            "compare": "json",
        }
        for given, wanted in zip(inputs, outputs, strict=True)
    ]


def _text(lines: Any) -> str:
    return "\n".join(map(str, cast("list[Any]", lines))) if isinstance(lines, list) else str(lines)


def _codes(path: Path, bodies: dict[str, dict[str, Any]]) -> list[tuple[str, list[str]]]:
    given = read_json(path)
    pairs: list[tuple[str, Any]] = (
        [(str(key), codes) for key, codes in cast("dict[str, Any]", given).items()]
        if isinstance(given, dict)
        else [(str(index), codes) for index, codes in enumerate(cast("list[Any]", given))]
        if isinstance(given, list)
        else []
    )
    found: list[tuple[str, list[str]]] = []
    for key, codes in pairs:
        listed: list[Any] = cast("list[Any]", codes) if isinstance(codes, list) else [codes]
        if key not in bodies or not all(isinstance(code, str) for code in listed):
            raise SuiteError(f"{path}: there is no problem {key}, or its codes are no text")
        found.append((key, listed))
    return found
