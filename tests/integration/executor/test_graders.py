"""How cases are graded: comparisons, points, checkers in cells of their own, and what is the checker's fault."""

import asyncio
from typing import Any

import pytest
from executor_under_test import Worker, program

from cloche.contracts.execution import ExtendRequest
from cloche.contracts.limits import CompileLimits, Limits
from cloche.contracts.submission import Case, Compare, File, Program, RegexCompare
from cloche.contracts.words import LeaseId
from cloche.kit.ids import uuid7

ECHO = "print(input())"
#: Whether the output is within 1 of the answer, after testlib's convention.
NEAR = """
import sys
source, output, answer = (open(path).read() for path in sys.argv[1:])
assert source.strip() == "in", source
try:
    off = abs(int(output) - int(answer))
except ValueError:
    print("that is no number", file=sys.stderr)
    sys.exit(2)
if off > 1:
    print("off by", off, file=sys.stderr)
sys.exit(off > 1)
"""
HALF = "import sys; print('points 0.5 half of it', file=sys.stderr); sys.exit(7)"
C_CHECKER = r"""
#include <stdio.h>
int main(int count, char **paths) {
    int one, two;
    FILE *output = fopen(paths[2], "r"), *answer = fopen(paths[3], "r");
    return count != 4 || fscanf(output, "%d", &one) != 1 || fscanf(answer, "%d", &two) != 1 || one != two;
}
"""


def checker(source: str, *, runtime: str = "python", **limits: Any) -> Program:
    name = {"python": "check.py", "c": "check.c"}[runtime]
    return Program(
        runtime=runtime,
        files=[File(path=name, content=source)],
        entrypoint=name,
        limits=Limits(**limits),
        compile_limits=CompileLimits(),
    )


def checked(output: str, source: str = NEAR, *, answer: str = "10", **options: Any) -> Program:
    case = Case(stdin="in\n", expected_stdout=answer, compare="checker")
    return program(f"print({output!r})", cases=[case], checker=checker(source, **options))


@pytest.mark.parametrize(
    ("output", "verdict", "detail"),
    [
        ("10", "accepted", None),
        ("11", "accepted", None),
        ("12", "wrong_answer", "off by 2"),
        ("ten", "wrong_answer", "that is no number"),
    ],
)
async def test_checker_decides_and_says_why(worker: Worker, output: str, verdict: str, detail: str | None) -> None:
    record = await worker.record(checked(output))
    assert record.verdict == verdict
    assert record.score == (verdict == "accepted")
    assert (record.evidence.detail if detail else None) == detail


async def test_checker_is_compiled_once_for_all_cases(worker: Worker) -> None:
    cases = [Case(stdin=f"{n}\n", expected_stdout=str(n % 3), compare="checker") for n in range(6)]
    record = await worker.record(program(ECHO, cases=cases, checker=checker(C_CHECKER, runtime="c")))
    assert [case.verdict for case in record.cases] == ["accepted"] * 3 + ["wrong_answer"] * 3
    assert record.score == 0.5


async def test_points_weigh_what_is_right_in_part(worker: Worker) -> None:
    cases = [
        Case(stdin="a", expected_stdout="a", points=3),
        Case(stdin="b", compare="checker", points=2),
        Case(stdin="c", expected_stdout="d", points=5),
    ]
    record = await worker.record(program(ECHO, cases=cases, checker=checker(HALF)))
    assert [case.score for case in record.cases] == [1.0, 0.5, 0.0]
    assert (record.score, record.verdict) == (0.4, "wrong_answer")
    assert record.cases[1].evidence is not None
    assert record.cases[1].evidence.detail == "half of it"


@pytest.mark.parametrize(
    ("source", "limits", "said"),
    [
        ("import sys; sys.exit(3)", {}, "status 3"),
        ("while True: pass", {"wall_time_s": 1}, "1 s"),
        ("while True: print('x' * 9999)", {}, "more than"),
        ("x = bytearray(1 << 30)", {"memory_bytes": 64 << 20}, "memory"),
        ("import os; os.kill(os.getpid(), 9)", {}, "SIGKILL"),
        ("import sys; sys.exit(7)", {}, "status 7"),
    ],
)
async def test_what_ends_a_checker_is_its_own_fault(
    worker: Worker, source: str, limits: dict[str, Any], said: str
) -> None:
    line = await worker.failed(checked("10", source, **limits))
    assert (line.reason, line.started) == ("grader_failed", True)
    assert said in line.message


async def test_checker_that_has_no_room_for_the_output_fails_by_itself(worker: Worker) -> None:
    case = Case(expected_stdout="x", compare="checker")
    small = checker("import sys", memory_bytes=8 << 20)
    wanted = program("print('x' * (15 << 20))", cases=[case], limits=Limits(output_bytes=16 << 20), checker=small)
    line = await worker.failed(wanted)
    assert line.reason == "grader_failed"


async def test_checker_that_does_not_compile_is_its_own_fault(worker: Worker) -> None:
    line = await worker.failed(checked("10", "int main(", runtime="c"))
    assert line.reason == "grader_failed"
    assert "does not compile" in line.message


async def test_program_sees_neither_checker_nor_answer(worker: Worker) -> None:
    source = """
import os
for top in ("/work", "/tmp", "/dev/shm", "."):
    for folder, _, names in os.walk(top):
        for name in names:
            assert "check" not in name and "answer" not in name, (folder, name)
print("10")
"""
    case = Case(stdin="in\n", expected_stdout="10", compare="checker")
    cases = [case, case]
    assert (await worker.record(program(source, cases=cases, checker=checker(NEAR)))).verdict == "accepted"


async def test_cancel_ends_a_checker_that_hangs(worker: Worker) -> None:
    lease = LeaseId(uuid7())
    lines = worker.lines(checked("10", "import time; time.sleep(60)", wall_time_s=60), lease=lease)
    last: Any = None
    async for line in lines:
        last = line
        if line["type"] == "started":
            await asyncio.sleep(0.5)  # into the checker; at any other moment it must end the same
            await worker.client.post_nothing(f"/executor/v1/executions/{lease}/kill", ExtendRequest(execution_ids=[]))
    assert last["record"]["verdict"] == "cancelled"


@pytest.mark.parametrize(
    ("compare", "expected", "output", "verdict"),
    [
        ("unordered_lines", "a\nb\n", "b\\na", "accepted"),
        ("unordered_lines", "a\nb\n", "b\\nb", "wrong_answer"),
        ("json", '{"a": 1, "b": [2]}', '{\\"b\\":[2],\\"a\\":1.0}', "accepted"),
        ("json", "[1, 2]", "[2, 1]", "wrong_answer"),
        (RegexCompare(regex=r"\d+ ms"), None, "12 ms", "accepted"),
        (RegexCompare(regex=r"\d+ ms"), None, "12 s", "wrong_answer"),
    ],
)
async def test_ways_to_compare(
    worker: Worker, compare: Compare, expected: str | None, output: str, verdict: str
) -> None:
    case = Case(expected_stdout=expected, compare=compare)
    assert (await worker.record(program(f'print("{output}")', cases=[case]))).verdict == verdict


async def test_no_case_is_run_after_a_failure_if_so_asked(worker: Worker) -> None:
    cases = [Case(stdin=text, expected_stdout="a") for text in ("a", "b", "a")]
    record = await worker.record(program(ECHO, cases=cases, stop_on_failure=True))
    assert [case.verdict for case in record.cases] == ["accepted", "wrong_answer", None]
    assert (record.verdict, record.score) == ("wrong_answer", pytest.approx(1 / 3))
