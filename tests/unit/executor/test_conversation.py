"""A program and its isolated tests, where either cell dies or is slow: who is blamed."""

import asyncio
from typing import Any

import pytest

from cloche.contracts.limits import CompileLimits, Limits
from cloche.contracts.submission import Program
from cloche.executor.cell import CellLostError, Command, LeaseEndedError, Sink, StepFacts
from cloche.executor.conversation import Conversation, GraderFailedError
from cloche.executor.engines.engine import EngineError, SlotUsage
from cloche.executor.launcher.protocol import Done
from cloche.executor.outbox import Outbox
from cloche.executor.program import Prepared
from cloche.executor.relay import Relay
from cloche.executor.results import Outcome

CALL = b'{"name":"add","call":1,"args":[],"kwargs":{}}\n'
ANSWER = b'{"value":3,"call":1}\n'
PASSED = b'{"verdict":"passed"}\n'
OUT_OF_MEMORY = SlotUsage(oom_kills=1, memory_peak_bytes=1, source="cgroup")


def ended(killed: str = "none", **changed: Any) -> StepFacts:
    values: dict[str, Any] = dict.fromkeys(Done.__dataclass_fields__, 0) | {
        "signal": -1 if killed == "none" else 9,
        "exit_code": 0 if killed == "none" else -1,
        "killed": killed,
        "killed_after_us": -1,
        "memory_peak": -1,
        "oom_kills": -1,
    }
    return StepFacts(Done(**values | changed), SlotUsage(), Limits())


class Side:
    """A cell that says what it is told to, and then ends in a way, or waits to be killed."""

    def __init__(self, *words: bytes, end: StepFacts | Exception | None = None, deaf: bool = False) -> None:
        self._words = words
        self._end = end
        self._deaf = deaf
        self._fed: asyncio.Queue[bytes] = asyncio.Queue()
        self._killed = asyncio.Event()

    def at_home(self, command: Command) -> Command:
        return command

    async def add_files(self, _files: Any) -> None:
        pass

    async def feed(self, data: bytes) -> None:
        if self._deaf:
            raise EngineError("it does not listen")
        await self._fed.put(data)

    async def kill(self) -> None:
        self._killed.set()
        if self._deaf:
            raise EngineError("it does not listen")

    async def run(self, _command: Command, _limits: Limits, sink: Sink) -> StepFacts:
        for each in self._words:
            if each is ANSWER or each is PASSED:
                await self._fed.get()
            await sink("stdout", each)
        if self._end is None:
            await self._killed.wait()
            return ended("cancel")
        await asyncio.sleep(0.02)  # the other side's turn
        if isinstance(self._end, Exception):
            raise self._end
        return self._end


async def outcome(program: Side, tests: Side) -> Outcome:
    whole = Program(runtime="python", files=[], entrypoint="m", limits=Limits(), compile_limits=CompileLimits())
    prepared = Prepared([], None, [Command((), ())])
    made: Any = Conversation(program, tests, Relay(Outbox(), 1 << 20), whole, prepared)  # pyright: ignore[reportArgumentType]  (stand for cells)
    async with asyncio.timeout(20):
        return await made.run(Command((), ()))


async def test_what_answers_as_the_tests_want_is_accepted():
    assert (await outcome(Side(ANSWER), Side(CALL, PASSED))).judgement.verdict == "accepted"


@pytest.mark.parametrize("words", [(), (b"unasked\n",)])
async def test_a_cell_that_the_kernel_took_is_the_programs_memory_whatever_no_longer_listens(words: tuple[bytes, ...]):
    program = Side(*words, end=CellLostError("gone", OUT_OF_MEMORY), deaf=True)
    assert (await outcome(program, Side(CALL))).judgement.verdict == "memory_limit_exceeded"


async def test_a_lost_cell_is_told_as_that():
    with pytest.raises(CellLostError):
        await outcome(Side(end=CellLostError("gone", SlotUsage())), Side(CALL))


async def test_the_engines_fault_in_the_tests_cell_is_the_engines():
    with pytest.raises(EngineError):
        await outcome(Side(), Side(CALL, end=EngineError("the Engine is away")))


async def test_a_tests_cell_that_is_lost_to_an_answer_is_the_programs_failure():
    tests = Side(CALL, end=CellLostError("gone", OUT_OF_MEMORY))
    assert (await outcome(Side(ANSWER), tests)).judgement.verdict == "runtime_error"


async def test_a_peak_between_two_looks_counts_also_where_the_tests_passed():
    class Peaked(Side):
        async def run(self, command: Command, limits: Limits, sink: Sink) -> StepFacts:
            await super().run(command, limits, sink)
            return ended("cancel", max_rss=900 << 20, sampled_peak=100 << 20)

    assert (await outcome(Peaked(ANSWER), Side(CALL, PASSED))).judgement.verdict == "memory_limit_exceeded"


@pytest.mark.parametrize(("cpu_us", "blamed"), [(9_000_000, "the problem"), (50_000, "the program")])
async def test_time_that_the_tests_computed_away_before_they_called_is_the_problems(cpu_us: int, blamed: str):
    class Computing(Side):
        async def run(self, command: Command, limits: Limits, sink: Sink) -> StepFacts:
            await super().run(command, limits, sink)
            return ended("cancel", cpu_us=cpu_us)

    program = Side(end=ended("wall", wall_us=10_000_000))
    if blamed == "the problem":
        with pytest.raises(GraderFailedError):
            await outcome(program, Computing())
    else:
        assert (await outcome(program, Computing())).judgement.verdict == "time_limit_exceeded"


@pytest.mark.parametrize("side", ["program", "tests"])
async def test_the_end_of_the_lease_on_either_side_is_that(side: str):
    over = ended("deadline")
    program, tests = (Side(end=over), Side(CALL)) if side == "program" else (Side(), Side(CALL, end=over))
    with pytest.raises(LeaseEndedError):
        await outcome(program, tests)


async def test_an_answer_in_single_bytes_is_one_answer():
    class Dripping(Side):
        async def run(self, command: Command, limits: Limits, sink: Sink) -> StepFacts:
            await self._fed.get()
            for at in range(len(ANSWER)):
                await sink("stdout", ANSWER[at : at + 1])
            return await super().run(command, limits, sink)

    assert (await outcome(Dripping(), Side(CALL, PASSED))).judgement.verdict == "accepted"


@pytest.mark.parametrize("words", [b"noise\n", b'{"name"', b'{"verdict": "passed"}\n'])
async def test_a_program_that_speaks_unasked_loses(words: bytes):
    judged = (await outcome(Side(words), Side())).judgement
    assert (judged.verdict, judged.evidence.detail) == ("runtime_error", "it answered what was not asked")
