"""Isolated grading: the program in one cell, its tests in another, and between them one line at a time.

The tests ask, the program answers (``grader/``). A line goes to the other side only when it is that side's turn, and
no side's output is ever waited with: a program that speaks unasked has broken the conversation and loses it. Until
the tests have called the program their failure is the problem's; from then on, whatever ends them, it is the
program's: it must not be able to earn more than a failed test by how or when it answers.
"""

import asyncio
import json
from dataclasses import dataclass, replace
from typing import Any, Final

from cloche.contracts.limits import MIB, Limits
from cloche.contracts.record import Evidence
from cloche.contracts.submission import Program
from cloche.contracts.values import as_message
from cloche.contracts.words import Stream
from cloche.executor.cell import Cell, CellLostError, Command, LeaseEndedError, StepFacts, if_listening
from cloche.executor.program import Prepared
from cloche.executor.relay import Relay
from cloche.executor.results import Outcome, outcome_lost_to_memory, outcome_of
from cloche.executor.tested_program import LINES_BYTES, tests_limits
from cloche.executor.verdict import Judgement, judge_output, judge_overrun, usage

#: The longest call or answer.
_LINE_BYTES: Final = 8 * MIB
#: How a call begins, and the last line of the tests; and how long that is at most.
_CALLS: Final = (b'{"name":', b'{"of":')
_VERDICT: Final = b'{"verdict":'
_VERDICT_BYTES: Final = 16 * 1024


class GraderFailedError(Exception):
    """The tests failed before they called the program."""


@dataclass(frozen=True)
class _Verdict:
    """The tests' last word."""

    name: str
    text: str


class _Turn:
    """One side's words: nothing but one line, and only when it is asked for."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._line: asyncio.Future[bytes | None] | None = None
        self._over = False

    def ask(self) -> asyncio.Future[bytes | None]:
        """The next line, without its newline; None when there will be none."""
        self._line = asyncio.get_running_loop().create_future()
        if self._over:
            self._line.set_result(None)
        return self._line

    def end(self) -> None:
        """Nothing more will be said."""
        self._over = True
        if self._line is not None and not self._line.done():
            self._line.set_result(None)

    def take(self, data: bytes) -> bool:
        """Whether that was said in turn."""
        self._buffer += data
        if self._line is None or self._line.done() or len(self._buffer) > _LINE_BYTES:
            return False
        at = self._buffer.find(b"\n", len(self._buffer) - len(data))
        if at < 0:
            return True
        self._line.set_result(bytes(self._buffer[:at]))
        over = len(self._buffer) - at - 1
        self._buffer.clear()
        return over == 0


class Conversation:
    """One program and its tests. ``run`` may be cancelled; then both cells are only fit to be destroyed."""

    def __init__(self, cell: Cell, grader: Cell, relay: Relay, program: Program, tests: Prepared) -> None:
        self._cell = cell
        self._grader = grader
        self._relay = relay
        self._limits = program.limits
        self._tests = tests
        self._answers, self._calls = _Turn(), _Turn()
        self._printed = 0
        self._called = False
        #: What the program did beside answering that ends it.
        self._broken: Judgement | None = None

    async def run(self, command: Command) -> Outcome:
        """The verdict on the program that ``command`` starts, with what it used.

        Raises:
            GraderFailedError: the tests failed by themselves.
            CellLostError: the program's cell died, and not for want of memory.
            LeaseEndedError: the deadline passed meanwhile.
            EngineError: the engine could not do its part.
        """
        spoken = asyncio.create_task(self._converse())
        program = asyncio.create_task(self._cell.run(replace(command, live=True), _carrying(self._limits), self._hear))
        tests = asyncio.create_task(self._run_tests())
        sides: list[tuple[Cell, asyncio.Task[StepFacts]]] = [(self._cell, program), (self._grader, tests)]
        try:
            await asyncio.wait((spoken, program, tests), return_when=asyncio.FIRST_COMPLETED)
            was_over = program.done()
            for cell, side in sides:
                if not side.done():
                    await if_listening(cell.kill())
            await asyncio.wait((program, tests))
            self._answers.end()
            self._calls.end()
            return self._outcome(program, tests, await spoken, was_over=was_over)
        finally:
            for task in (spoken, program, tests):
                task.cancel()
            await asyncio.gather(spoken, program, tests, return_exceptions=True)

    async def _run_tests(self) -> StepFacts:
        await self._grader.add_files(self._tests.files)
        command = replace(self._grader.at_home(self._tests.runs[0]), live=True)
        return await self._grader.run(command, tests_limits(self._limits), self._hear_tests)

    async def _converse(self) -> _Verdict | None:
        """The tests' last word; None when a side is over before."""
        call = self._calls.ask()
        while (line := await call) is not None:
            if line.startswith(_VERDICT):
                return _verdict(line)
            if not line.startswith(_CALLS):
                return None
            self._called = True
            answer = self._answers.ask()
            await if_listening(self._cell.feed(line + b"\n"))
            if (line := await answer) is None:
                return None
            call = self._calls.ask()
            await if_listening(self._grader.feed(line + b"\n"))
        return None

    async def _hear(self, stream: Stream, data: bytes) -> None:
        """What the program prints comes on stderr, as its answers have stdout."""
        if stream == "stdout":
            if not self._answers.take(data) and self._broken is None:
                evidence = Evidence(source="output", detail="it answered what was not asked")
                await self._break(Judgement("runtime_error", "It answered what was not asked.", evidence))
            return
        self._printed += len(data)
        await self._relay.add("stdout", data)
        if self._printed > self._limits.output_bytes and self._broken is None:
            await self._break(judge_output(self._limits, self._printed))

    async def _hear_tests(self, stream: Stream, data: bytes) -> None:
        if stream == "stderr":
            await self._relay.add("stderr", data)
        elif not self._calls.take(data):
            await if_listening(self._grader.kill())

    async def _break(self, judgement: Judgement) -> None:
        self._broken = judgement
        await if_listening(self._cell.kill())

    def _outcome(
        self,
        program: asyncio.Task[StepFacts],
        tests: asyncio.Task[StepFacts],
        said: _Verdict | None,
        *,
        was_over: bool,
    ) -> Outcome:
        try:
            facts = program.result()
        except CellLostError as error:
            if error.usage.oom_kills == 0:
                raise
            return outcome_lost_to_memory(error, self._limits)
        facts = replace(facts, limits=self._limits)
        if "deadline" in {facts.done.killed, None if tests.exception() else tests.result().done.killed}:
            raise LeaseEndedError
        if facts.file_errno:
            return outcome_of(facts)
        if facts.done.killed == "wall" and not self._called and _took_their_time(tests, self._limits):
            raise GraderFailedError("The problem's tests can't be used: they take longer than the program may.")
        judged = judge_overrun(facts) or self._broken
        if judged is None and said is None and was_over:
            outcome = outcome_of(facts)
            judged = outcome.judgement
            if judged.verdict == "accepted":
                judged = Judgement("runtime_error", "The program ended before its tests did.", judged.evidence)
            return replace(outcome, judgement=judged, out_written=self._printed, err_written=0)
        judged = judged or self._by_tests(tests, said)
        return Outcome(judged, usage(facts), out_written=self._printed)

    def _by_tests(self, tests: asyncio.Task[StepFacts], said: _Verdict | None) -> Judgement:
        said = said or _Verdict("", _how_it_ended(tests))
        if not self._called:
            raise GraderFailedError(f"The problem's tests can't be used: {said.text}")
        if said.name == "passed":
            return Judgement("accepted", "Passed its tests.", Evidence(source="output"))
        evidence = Evidence(source="output", detail=said.text)
        if said.name == "failed":
            return Judgement("wrong_answer", as_message(f"Failed its tests: {said.text}"), evidence)
        if said.name == "raised":
            return Judgement("runtime_error", as_message(f"Raised in its tests: {said.text}"), evidence)
        return Judgement("runtime_error", as_message(f"Its tests broke on it: {said.text}"), evidence)


def _carrying(limits: Limits) -> Limits:
    return limits.model_copy(update={"output_bytes": max(limits.output_bytes, LINES_BYTES)})


def _verdict(line: bytes) -> _Verdict | None:
    """None: whoever wrote the tests spoke in their place."""
    try:
        words: dict[str, Any] = json.loads(line[:_VERDICT_BYTES])
        return _Verdict(str(words["verdict"]), as_message(str(words.get("text", ""))))
    except (ValueError, RecursionError):
        return None


def _how_it_ended(tests: asyncio.Task[StepFacts]) -> str:
    if (error := tests.exception()) is not None:
        if not isinstance(error, CellLostError):
            raise error
        return "Their cell was lost."
    judged = outcome_of(tests.result()).judgement
    return "They said what is no call." if judged.verdict == "cancelled" else judged.message


def _took_their_time(tests: asyncio.Task[StepFacts], limits: Limits) -> bool:
    """Whether it was the tests that computed meanwhile, which no program can make them do before they call it."""
    return tests.exception() is None and usage(tests.result()).cpu_time_ms / 1000 > limits.wall_time_s / 3
