"""Files that other programs read, and spreadsheets must not run."""

import csv
import io
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
import pytest

from cloche.api.batches import export

AT = datetime(2026, 1, 1, tzinfo=UTC)


def row(**changes: Any) -> Any:
    own = {"files": [{"path": "main.py", "content": "x = 1"}], "entrypoint": "main.py"}
    fields = {
        "id": UUID(int=1),
        "problem_key": "HumanEval/0",
        "problem_number": 0,
        "sample": 0,
        "repeat": 0,
        "status": "finished",
        "verdict": "accepted",
        "message": "",
        "wall_time_ms": 1.5,
        "cpu_time_ms": 1.0,
        "peak_memory_bytes": 10,
        "rerun_of": None,
        "program": orjson.dumps(own),
    }
    return {**fields, **changes}


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_cell_that_would_be_a_formula_is_text(text: str):
    table = export.head("csv") + export.page("csv", [row(problem_key=text, message=text)])
    (cells,) = csv.DictReader(io.StringIO(table.decode(), newline=""))
    assert cells["problem"] == cells["message"] == f"'{text}"
    assert cells["wall_time_ms"] == "1.5"


def test_cell_that_is_hard_to_quote_comes_back():
    table = export.head("csv") + export.page("csv", [row(message='a "b", c\r\nd')])
    (cells,) = csv.DictReader(io.StringIO(table.decode(), newline=""))
    assert cells["message"] == 'a "b", c\r\nd'


@pytest.mark.parametrize(
    ("verdict", "message", "result"),
    [
        ("accepted", "", "passed"),
        ("time_limit_exceeded", "It took too long.", "timed out"),
        ("wrong_answer", "", "failed: wrong_answer"),
        ("runtime_error", "AssertionError", "failed: AssertionError"),
    ],
)
def test_results_file_is_human_evals(verdict: str, message: str, result: str):
    (line,) = export.page("humaneval", [row(verdict=verdict, message=message)]).splitlines()
    assert list(orjson.loads(line).items()) == [
        ("task_id", "HumanEval/0"),
        ("completion", "x = 1"),
        ("result", result),
        ("passed", verdict == "accepted"),
    ]


@pytest.mark.parametrize("verdict", [None, "internal_error", "cancelled"])
def test_what_says_nothing_of_the_program_is_in_no_results_file(verdict: str | None):
    assert export.page("humaneval", [row(verdict=verdict)]) == b""
    assert orjson.loads(export.page("ndjson", [row(verdict=verdict)]))["gradable"] is not True
