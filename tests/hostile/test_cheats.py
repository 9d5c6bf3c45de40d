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
#: The same, in loops that an exception may end without a word.
MAPPED = """
def check(candidate):
    cases = [((1, 2), 3), ((-5, 5), 0), (([1], [2]), [1, 2])]
    for got, want in zip(map(lambda case: candidate(*case[0]), cases), [want for _, want in cases]):
        assert got == want
    assert all(map(lambda case: candidate(*case[0]) == case[1], cases))
    assert not candidate([], [])
    assert candidate([1], [])
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


async def verdict(worker: Worker, source: str, *, inline: bool = False, code: str = TESTS) -> str:
    line = await ending(worker, source, inline=inline, code=code)
    assert isinstance(line, FinishedLine), line
    return line.record.verdict


def source_of(name: str) -> str:
    return (FOLDER / f"{name}.py").read_text()


def test_there_are_enough() -> None:
    assert len(CHEATS) >= 40
    assert len(WORKS_INLINE) >= 20


@pytest.mark.parametrize("code", [TESTS, MAPPED])
async def test_a_program_that_adds_is_accepted_both_ways(worker: Worker, code: str) -> None:
    source = "def add(a, b):\n    return a + b\n"
    assert await verdict(worker, source, code=code) == "accepted"
    assert await verdict(worker, source, inline=True, code=code) == "accepted"


@pytest.mark.parametrize("name", ["exits_as_a_stopped_iteration", "raises_a_stopped_iteration_of_its_own"])
async def test_a_stopped_iteration_ends_loops_where_the_tests_share_its_process(worker: Worker, name: str) -> None:
    code = MAPPED.partition("    assert not")[0]
    assert await verdict(worker, source_of(name), inline=True, code=code) == "accepted"
    assert await verdict(worker, source_of(name), code=code) == "runtime_error"


@pytest.mark.parametrize(
    ("value", "test"),
    [
        ("range(3)", "list(f()) == [0, 1, 2] and f() == range(3)"),
        ("(n for n in (1, 2))", "list(f()) == [1, 2]"),
        ("map(str, (1, 2))", "sorted(f()) == ['1', '2']"),
        ("{1: (2, {3}), 'a': [None, b'x', 1.5, 2j, -0.0]}", "f() == {1: (2, {3}), 'a': [None, b'x', 1.5, 2j, 0.0]}"),
        ("10 ** 40", "f() == 10 ** 40"),
        ("__import__('decimal').Decimal('0.1')", "str(f()) == '0.1'"),
        ("__import__('fractions').Fraction(1, 3)", "f() * 3 == 1"),
        ("__import__('datetime').date(2026, 1, 2)", "f().year == 2026"),
        ("'\\ud800'", "f() == '\\ud800'"),
        ("float('inf')", "f() == float('inf')"),
        ("(lambda n: n + 1)", "f()(1) == 2"),
    ],
)
async def test_values_are_the_same_on_the_other_side(worker: Worker, value: str, test: str) -> None:
    assert await verdict(worker, f"def f():\n    return {value}\n", code=f"assert {test}") == "accepted"


@pytest.fixture(scope="module", params=["process", "namespace", "namespace, mapped"])
def endings(
    executor: ExecutorProcess, offer: ExecutorOffer, request: pytest.FixtureRequest
) -> dict[str, FinishedLine | FailedLine]:
    """How each cheat ends in one tier, several at once."""
    isolation, _, mapped = request.param.partition(", ")
    if isolation not in {tier.isolation for tier in offer.tiers}:
        pytest.skip(f"no {isolation} here")

    async def all_of_them() -> list[FinishedLine | FailedLine]:
        free = asyncio.Semaphore(AT_ONCE)

        async def one(worker: Worker, name: str) -> FinishedLine | FailedLine:
            async with free:
                code = MAPPED if mapped else TESTS
                return await ending(worker, source_of(name), isolation=isolation, code=code)

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
    "code",
    [
        "assert (",
        "import no_such_module",
        "def check(candidate):\n    assert 1 == 2",
        "x = 1",
        "exit()",
        "while True:\n    pass",
        "add(lambda: 1, 2)",
    ],
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
