"""The steps of one execution in its cell: the compiler once, then each case in a fresh process tree."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from cloche.contracts.execution import CaseLine
from cloche.contracts.limits import MOST_TOTAL_S
from cloche.contracts.record import INLINE_OUTPUT_BYTES, CaseResult, CompileResult, ExecutionRecord
from cloche.contracts.submission import Case, Program, RegexCompare
from cloche.contracts.words import EngineName, Stream
from cloche.executor.cell import Cell, CellLostError, Command, LeaseEndedError, Sink
from cloche.executor.checker import Checker
from cloche.executor.conversation import Conversation, GraderFailedError
from cloche.executor.engines.engine import Tier
from cloche.executor.grading import grade
from cloche.executor.outbox import Outbox
from cloche.executor.program import Prepared
from cloche.executor.relay import Relay
from cloche.executor.results import (
    Outcome,
    as_compile_error,
    cancelled,
    case_result,
    compile_result,
    graded,
    out_of_time,
    outcome_lost_to_memory,
    outcome_of,
    skipped,
    total_score,
    total_usage,
)
from cloche.kit import tracing
from cloche.kit.clock import iso_now

#: Of a thousand cases the first ones tell enough.
_TRACED_CASES = 50
#: Larger outputs are graded in a thread.
_GRADE_INLINE_BYTES = 256 * 1024


@dataclass(frozen=True)
class Grader:
    """The cell of isolated tests, and what goes into it."""

    cell: Cell
    tests: Prepared


class Steps:
    """Runs a prepared program in a cell that has begun.

    ``is_killed`` tells whether a cancel has come; then no further step begins.
    """

    def __init__(
        self,
        cell: Cell,
        program: Program,
        prepared: Prepared,
        outbox: Outbox,
        is_killed: Callable[[], bool],
        grader: "Grader | Checker | None" = None,
    ) -> None:
        self._cell = cell
        self._grader = grader if isinstance(grader, Grader) else None
        self._checker = grader if isinstance(grader, Checker) else None
        self._program = program
        self._prepared = prepared
        self._outbox = outbox
        self._is_killed = is_killed
        self._relay = Relay(outbox, program.limits.output_bytes)
        self._lost = False
        #: The first step brings them along: a cell that dies of them died of the program.
        self._files = prepared.files

    async def run(self, *, runtime: str, engine: EngineName, tier: Tier) -> ExecutionRecord:
        """All steps and the record they come to.

        Raises:
            LeaseEndedError: the deadline passed in a step.
            CellLostError: the cell died, and not for want of memory.
            EngineError: the engine could not do its part.
        """
        ready_at, compiled_at = iso_now(), None
        compiled: CompileResult | None = None
        results: list[CaseResult] = []
        stopped: Outcome | None = None
        try:
            if self._prepared.compile is not None:
                compiled, stopped = await self._compile(self._prepared.compile)
                compiled_at = iso_now()
            if stopped is not None:
                results = [skipped(index, case) for index, case in enumerate(self._cases)]
                decided = stopped
            elif self._grader is not None:
                with tracing.span("tests"):
                    decided = await self._by_tests(self._grader)
            elif self._cases:
                decided, results = await self._run_cases()
            else:
                with tracing.span("run"):
                    decided, _ = await self._run(self._prepared.runs[0])
                self._relay.span("stdout", decided.out_written)
                self._relay.span("stderr", decided.err_written)
            streams = await self._relay.finish()
        finally:
            self._relay.stop()
        judged = decided.judgement
        return ExecutionRecord(
            verdict=judged.verdict,
            message=judged.message,
            evidence=judged.evidence,
            runtime=runtime,
            engine=engine,
            isolation=tier.isolation,
            isolation_features=list(tier.features),
            exit_code=decided.exit_code,
            signal=decided.signal,
            usage=total_usage(results) if results else decided.usage,
            stdout=streams["stdout"],
            stderr=streams["stderr"],
            compile=compiled,
            cases=results,
            score=total_score(self._cases, results),
            cell_ready_at=ready_at,
            compiled_at=compiled_at,
        )

    @property
    def _cases(self) -> list[Case]:
        return self._program.cases

    async def _compile(self, command: Command) -> tuple[CompileResult, Outcome | None]:
        """The compiler's result, and the evaluation's outcome when that ends it."""
        said = bytearray()

        async def keep(_: Stream, data: bytes) -> None:
            said.extend(data[: INLINE_OUTPUT_BYTES - len(said)])

        with tracing.span("compile"):
            outcome = as_compile_error(await self._step(command, keep, compiling=True))
        # The run's output is held back for 100 ms from here on, not from the compiler's start.
        self._relay = Relay(self._outbox, self._program.limits.output_bytes)
        return compile_result(outcome, bytes(said)), None if outcome.judgement.verdict == "accepted" else outcome

    async def _run(self, command: Command) -> tuple[Outcome, bytes]:
        """One process tree, ungraded, and its stdout if some case wants to see it."""
        collected = bytearray()
        wanted = any(case.is_graded for case in self._cases)

        async def take(stream: Stream, data: bytes) -> None:
            if wanted and stream == "stdout":
                collected.extend(data)
            await self._relay.add(stream, data)

        self._relay.begin_case()
        return await self._step(command, take), bytes(collected)

    async def _by_tests(self, grader: Grader) -> Outcome:
        """The program and its isolated tests."""
        if self._is_killed():
            return cancelled()
        await self._cell.add_files(self._files)
        conversation = Conversation(self._cell, grader.cell, self._relay, self._program, grader.tests)
        outcome = await conversation.run(self._cell.at_home(self._prepared.runs[0]))
        return cancelled() if self._is_killed() else outcome

    async def _step(self, command: Command, sink: Sink, *, compiling: bool = False) -> Outcome:
        limits = self._program.compile_limits if compiling else self._program.limits
        if self._is_killed():
            return cancelled()
        files, self._files = self._files, []
        try:
            await self._cell.add_files(files)
            facts = await self._cell.run(self._cell.at_home(command), limits, sink)
        except CellLostError as error:
            if error.usage.oom_kills == 0:
                raise
            self._lost = True
            return outcome_lost_to_memory(error, limits)
        if facts.done.killed == "deadline":
            raise LeaseEndedError
        return outcome_of(facts)

    async def _run_cases(self) -> tuple[Outcome, list[CaseResult]]:
        """The deciding outcome (the first that failed, else the last) and every case's result."""
        results: list[CaseResult] = []
        deciding: Outcome | None = None
        taken_s = 0.0
        for index, (case, command) in enumerate(zip(self._cases, self._prepared.runs, strict=True)):
            failed = deciding is not None and deciding.judgement.verdict != "accepted"
            if self._lost or self._is_killed() or (failed and self._program.stop_on_failure):
                results.append(skipped(index, case))
                continue
            if taken_s >= MOST_TOTAL_S:
                results.append(skipped(index, case))
                if deciding is None or deciding.judgement.verdict == "accepted":
                    deciding = out_of_time(taken_s)
                continue
            with tracing.span("case", index=index) if index < _TRACED_CASES else contextlib.nullcontext():
                outcome, output = await self._run(command)
                ran_at = time.monotonic()
                outcome = await self._graded(case, outcome, output)
            stdout = self._relay.span("stdout", outcome.out_written)
            stderr = self._relay.span("stderr", outcome.err_written)
            results.append(case_result(index, case, outcome, stdout, stderr))
            taken_s += outcome.usage.wall_time_ms / 1000 + time.monotonic() - ran_at
            await self._outbox.put(CaseLine(case=results[-1]).model_dump_json().encode() + b"\n")
            if deciding is None or deciding.judgement.verdict == "accepted":
                deciding = outcome
        if self._is_killed() and (deciding is None or deciding.judgement.verdict == "accepted"):
            deciding = cancelled()
        return deciding or cancelled(), results

    async def _graded(self, case: Case, outcome: Outcome, output: bytes) -> Outcome:
        if outcome.judgement.verdict != "accepted" or not case.is_graded:
            return outcome
        if case.compare == "checker":
            assert self._checker is not None
            return await self._checked(self._checker, case, outcome, output)
        expected = (case.expected_stdout or "").encode()
        if len(output) + len(expected) > _GRADE_INLINE_BYTES or isinstance(case.compare, RegexCompare):
            return graded(outcome, await asyncio.to_thread(grade, output, expected, case.compare))
        return graded(outcome, grade(output, expected, case.compare))

    async def _checked(self, checker: Checker, case: Case, outcome: Outcome, output: bytes) -> Outcome:
        try:
            return graded(outcome, await checker.check(case, output))
        except GraderFailedError:
            if self._is_killed():
                return cancelled()
            raise
