"""LiveCodeBench's code generation: stdin and stdout, or functions by arguments and value.

Source: LiveCodeBench/LiveCodeBench, ``lcb_runner/benchmarks/code_generation.py`` and ``lcb_runner/evaluation``.
"""

import base64
import io
import json
import pickle
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal, NoReturn, cast

from cloche.client.suites.called import calling
from cloche.client.suites.suite import Ended, Sample, SuiteError, Work, read_json, read_json_lines, text_of

#: What the harness gives each test.
_LIMITS: Final = {"wall_time_s": 12.0, "cpu_time_s": 6.0}
#: The tests of one problem, unpacked.
_MOST_BYTES: Final = 512 * 1024 * 1024


def read(problems: Path | None, samples: Path, _grading: Literal["isolated", "inline"]) -> Work:
    """``problems`` is the data set's JSONL, ``samples`` an array of ``question_id`` and ``code_list``.

    Raises:
        SuiteError: a file is not in the format, or a ``question_id`` is of no problem.
    """
    if problems is None:
        raise SuiteError("name the data set's file, JSON lines, by --problems")
    bodies: dict[str, dict[str, Any]] = {}
    names: dict[str, str | None] = {}
    for number, row in read_json_lines(problems):
        key = text_of(problems, number, row, "question_id")
        try:
            tests = [*_tests(row.get("public_test_cases")), *_tests(row.get("private_test_cases"))]
            names[key] = json.loads(row.get("metadata") or "{}").get("func_name")
            cases = [_case(test) for test in tests]
        except (ValueError, TypeError, KeyError, AttributeError, zlib.error, pickle.UnpicklingError, EOFError) as error:
            raise SuiteError(f"{problems}, line {number}: its tests can't be read: {error}") from None
        bodies[key] = {"key": key, "runtime": "python", "limits": _LIMITS, "cases": cases, "stop_on_failure": True}
    return Work(bodies, list(_samples(samples, names)), write, f"{samples.stem}_eval_all.json")


def write(ended: Sequence[Ended], path: Path) -> None:
    """The samples' rows with ``graded_list`` and ``pass@1``."""
    rows: dict[str, dict[str, Any]] = {}
    for each in ended:
        row = rows.setdefault(each.sample.problem, {**each.sample.line, "graded_list": []})
        row["graded_list"].append(each.passed)
    for row in rows.values():
        row["pass@1"] = sum(row["graded_list"]) / len(row["graded_list"])
    path.write_text(json.dumps(list(rows.values())) + "\n", encoding="utf-8")


def _samples(path: Path, names: dict[str, str | None]) -> Iterator[Sample]:
    rows = read_json(path)
    if not isinstance(rows, list):
        raise SuiteError(f"{path}: is no JSON array")
    for number, row in enumerate(cast("list[Any]", rows), 1):
        if not isinstance(row, dict) or not isinstance(row.get("code_list"), list):  # pyright: ignore[reportUnknownMemberType]
            raise SuiteError(f"{path}, entry {number}: needs question_id and code_list")
        named = cast("dict[str, Any]", row)
        key = text_of(path, number, named, "question_id")
        if key not in names:
            raise SuiteError(f"{path}, entry {number}: there is no problem {key}")
        name = names[key]
        for code in named["code_list"]:
            yield Sample(key, calling(str(code), name) if name else str(code), named)


def _tests(packed: Any) -> list[dict[str, str]]:
    if not packed:
        return []
    try:
        return json.loads(packed)
    except ValueError:
        unzip = zlib.decompressobj()
        raw = unzip.decompress(base64.b64decode(packed, validate=True), _MOST_BYTES)
        return json.loads(_TextAlone(io.BytesIO(raw)).load())


class _TextAlone(pickle.Unpickler):
    """Yields text and nothing that would run code: no class is found."""

    def find_class(self, module_name: str, global_name: str, /) -> NoReturn:
        raise pickle.UnpicklingError(f"it holds more than text: {module_name}.{global_name}")


def _case(test: dict[str, str]) -> dict[str, Any]:
    functional = test["testtype"] == "functional"
    return {
        "stdin": test["input"],
        "expected_stdout": test["output"],
        "compare": "json" if functional else {"float": 0.0},
    }
