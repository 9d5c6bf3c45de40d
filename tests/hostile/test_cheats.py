"""Programs that try to be graded better than they are: in isolated grading none gets anywhere.

Each file in ``cheats/programs`` should add. One that begins with ``# inline: accepted`` is accepted when its tests run
in its own process, which shows that the trick works where nothing stands against it.
"""

import asyncio
from pathlib import Path

import pytest
from executor_under_test import ExecutorProcess, Worker, program

from cloche.contracts.execution import ExecutorOffer, FailedLine, FinishedLine
from cloche.contracts.limits import MIB, Limits
from cloche.contracts.submission import FunctionTests
from cloche.contracts.words import Isolation

FOLDER = Path(__file__).parent / "cheats" / "programs"
CHEATS = sorted(path.stem for path in FOLDER.glob("*.py"))
WORKS_INLINE = [name for name in CHEATS if (FOLDER / f"{name}.py").read_text().startswith("# inline: accepted\n")]
TESTS = """
def check(candidate):
    assert candidate(1, 2) == 3
    assert candidate(-5, 5) == 0
    assert candidate([1], [2]) == [1, 2]
    assert sorted(candidate((3, 1), (2,))) == [1, 2, 3]
    assert isinstance(candidate(2.5, 0.25), float)
"""
LIMITS = Limits(wall_time_s=3, cpu_time_s=3, memory_bytes=128 * MIB)
#: Each takes two cells.
AT_ONCE = 4
ITS_OWN_FAULT = {
    "wrong_answer",
    "runtime_error",
    "time_limit_exceeded",
    "memory_limit_exceeded",
    "output_limit_exceeded",
}


async def ending(
    worker: Worker, source: str, *, inline: bool = False, isolation: Isolation = "namespace", code: str = TESTS
) -> FinishedLine | FailedLine:
    tests = FunctionTests(code=code, entry_point="add", grading="inline" if inline else "isolated")
    last = (await worker.all_lines(program(source, tests=tests, limits=LIMITS, isolation=isolation)))[-1]
    return FinishedLine.model_validate(last) if last["type"] == "finished" else FailedLine.model_validate(last)


async def verdict(worker: Worker, source: str, *, inline: bool = False) -> str:
    line = await ending(worker, source, inline=inline)
    assert isinstance(line, FinishedLine), line
    return line.record.verdict


def source_of(name: str) -> str:
    return (FOLDER / f"{name}.py").read_text()


def test_there_are_enough() -> None:
    assert len(CHEATS) >= 40
    assert len(WORKS_INLINE) >= 20


async def test_a_program_that_adds_is_accepted_both_ways(worker: Worker) -> None:
    source = "def add(a, b):\n    return a + b\n"
    assert await verdict(worker, source) == "accepted"
    assert await verdict(worker, source, inline=True) == "accepted"


@pytest.fixture(scope="module", params=["process", "namespace"])
def endings(
    executor: ExecutorProcess, offer: ExecutorOffer, request: pytest.FixtureRequest
) -> dict[str, FinishedLine | FailedLine]:
    """How each cheat ends in one tier, several at once."""
    if request.param not in {tier.isolation for tier in offer.tiers}:
        pytest.skip(f"no {request.param} here")

    async def all_of_them() -> list[FinishedLine | FailedLine]:
        free = asyncio.Semaphore(AT_ONCE)

        async def one(worker: Worker, name: str) -> FinishedLine | FailedLine:
            async with free:
                return await ending(worker, source_of(name), isolation=request.param)

        async with executor.worker() as worker:
            return await asyncio.gather(*(one(worker, name) for name in CHEATS))

    return dict(zip(CHEATS, asyncio.run(all_of_them()), strict=True))


@pytest.mark.parametrize("name", CHEATS)
def test_no_cheat_is_accepted_or_earns_a_fault_of_the_platform(
    endings: dict[str, FinishedLine | FailedLine], name: str
) -> None:
    line = endings[name]
    assert isinstance(line, FinishedLine), line
    assert line.record.verdict in ITS_OWN_FAULT, line.record


@pytest.mark.parametrize("name", WORKS_INLINE)
async def test_the_cheat_works_where_the_tests_share_its_process(worker: Worker, name: str) -> None:
    assert await verdict(worker, source_of(name), inline=True) == "accepted"


@pytest.mark.parametrize(
    "code", ["assert (", "import no_such_module", "def check(candidate):\n    assert 1 == 2", "x = 1", "exit()"]
)
async def test_tests_that_fail_without_the_program_are_the_problems_fault(worker: Worker, code: str) -> None:
    line = await ending(worker, "def add(a, b):\n    return a + b\n", code=code)
    assert isinstance(line, FailedLine)
    assert (line.reason, line.started) == ("grader_failed", True)


async def test_tests_that_forge_the_conversation_harm_nobody(worker: Worker) -> None:
    code = "import os\nfor fd in range(3, 64):\n    try: os.write(fd, b'\\xff[\\n' * 9)\n    except OSError: pass"
    line = await ending(worker, "def add(a, b):\n    return a + b\n", code=code)
    assert isinstance(line, FailedLine)
    assert line.reason == "grader_failed"
    assert await verdict(worker, "def add(a, b):\n    return a + b\n") == "accepted"
