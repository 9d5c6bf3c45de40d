"""One execution: a fresh cell from an engine, its lease, its end; nothing of it is left behind."""

import asyncio
import contextlib
from dataclasses import dataclass

from cloche.contracts.execution import FailedLine, FinishedLine, RuntimeOffer, StartedLine
from cloche.contracts.record import ExecutionRecord
from cloche.contracts.submission import Program
from cloche.contracts.values import as_message
from cloche.executor.cell import Cell, CellLostError, LeaseEndedError, if_listening
from cloche.executor.checker import Checker
from cloche.executor.conversation import GraderFailedError
from cloche.executor.engines.engine import (
    CellSpec,
    Engine,
    EngineBusyError,
    EngineError,
    Slot,
    SlotStuckError,
    Tier,
    Toolchain,
)
from cloche.executor.outbox import Outbox
from cloche.executor.program import Prepared, prepare
from cloche.executor.runtimes import Runtime
from cloche.executor.steps import Grader, Steps
from cloche.executor.tested_program import prepared_tests, tests_limits, with_candidate, with_tests
from cloche.kit import tracing
from cloche.kit.clock import iso_now
from cloche.kit.logs import get_logger

log = get_logger()

#: The launcher enforces the lease; this much later the cell is destroyed from outside.
_GRACE_S = 5.0


@dataclass(frozen=True)
class ReadyRuntime:
    """A runtime that this executor can run, and how."""

    offer: RuntimeOffer
    runtime: Runtime
    toolchain: Toolchain


@dataclass(frozen=True)
class Ready:
    """What runs a program, and its checker if it has one."""

    program: ReadyRuntime
    checker: ReadyRuntime | None = None


class Execution:
    """Runs one program once. ``run`` may be cancelled at any time and then leaves no cell behind.

    Raises (when made):
        InvalidRequestError: the program can't be handed to a cell.
    """

    def __init__(
        self, cell_id: str, program: Program, ready: Ready, engine: Engine, tier: Tier, outbox: Outbox
    ) -> None:
        self._id = cell_id
        self._program = program
        self._ready = ready.program
        self._checker = ready.checker
        self._engine = engine
        self._tier = tier
        self._outbox = outbox
        self._tests = self._prepare_tests(program, ready.program)
        self._prepared = prepare(_as_started(program), ready.program.runtime, ready.program.toolchain)
        self._cells: list[Cell] = []
        self._lease = asyncio.timeout(None)
        self._running = False
        self._started = False
        self._killed = False
        self._slots: list[Slot] = []
        #: How it ended, as soon as that is known; clearing up may still go on.
        self.line: FinishedLine | FailedLine | None = None
        #: The cells that could not be proven gone: the slot must not be used until they are.
        self.stuck: list[SlotStuckError] = []

    async def run(self, deadline_s: float) -> FinishedLine | FailedLine:
        """Run to the end; the cell is gone when this returns.

        Lines before the last go to the outbox, which is closed when the last one is known.
        """
        try:
            self.line = await self._ending(deadline_s)
            self._outbox.close()
            return self.line
        finally:
            await self._clear_up()

    async def _ending(self, deadline_s: float) -> FinishedLine | FailedLine:
        reason, message = "deadline", "The lease ended."
        try:
            async with self._lease:
                self._running = True
                try:
                    self._set_lease(deadline_s)
                    return FinishedLine(record=await self._in_cell(deadline_s))
                finally:
                    self._running = False
        except CellLostError as error:
            reason, message = "cell_lost", str(error)
        except EngineBusyError as error:
            reason, message = "overloaded", str(error)
            self._started = False  # where only a checker had no room either: want of room is not the run's
        except EngineError as error:
            reason, message = "engine_error", str(error)
        except GraderFailedError as error:
            reason, message = "grader_failed", str(error)
        except (LeaseEndedError, TimeoutError):
            pass
        log.warning("execution.failed", cell=self._id, reason=reason, message=message)
        return FailedLine(reason=reason, started=self._started, message=as_message(message))

    async def extend(self, deadline_s: float) -> None:
        """Push the end of the lease to ``deadline_s`` from now; nothing when it has not begun or has ended."""
        self._set_lease(deadline_s)
        for cell in self._cells:
            await if_listening(cell.extend(deadline_s))

    async def kill(self) -> None:
        """End the run as cancelled, with the output so far; idempotent."""
        self._killed = True
        for cell in self._cells:
            await if_listening(cell.kill())

    def _set_lease(self, deadline_s: float) -> None:
        if self._running and not self._lease.expired():
            self._lease.reschedule(asyncio.get_running_loop().time() + deadline_s + _GRACE_S)

    async def _in_cell(self, deadline_s: float) -> ExecutionRecord:
        program = self._program
        opening = [self._open(self._id, program, self._ready, deadline_s)]
        if self._tests is not None:
            tests = program.model_copy(update={"limits": tests_limits(program.limits)})
            opening.append(self._open(f"{self._id}-tests", tests, self._ready, deadline_s))
        with tracing.span("cell", engine=self._engine.name, isolation=self._tier.isolation):
            opened = await asyncio.gather(*opening, return_exceptions=True)
        for cell in opened:
            if isinstance(cell, BaseException):
                raise cell
            self._cells.append(cell)
        return await self._steps()

    async def _open_checker(self, checker: Program, ready: ReadyRuntime) -> Cell:
        ends = self._lease.when()
        assert ends is not None
        left_s = max(0.0, ends - asyncio.get_running_loop().time() - _GRACE_S)
        cell = await self._open(f"{self._id}-check", checker, ready, left_s)
        self._cells.append(cell)
        return cell

    async def _open(self, cell_id: str, program: Program, ready: ReadyRuntime, deadline_s: float) -> Cell:
        spec = CellSpec(
            id=cell_id,
            runtime=ready.runtime,
            toolchain=ready.toolchain,
            limits=program.limits,
            compile_limits=program.compile_limits if ready.runtime.compiled else None,
            isolation=self._tier.isolation,
            network=program.network,
        )
        slot = await self._engine.open(spec)
        self._slots.append(slot)
        cell = Cell(slot)
        await cell.begin([], deadline_s=deadline_s)
        return cell

    async def _clear_up(self) -> None:
        self._cells = []
        with tracing.span("clear up") if self._slots else contextlib.nullcontext():
            await asyncio.gather(*(self._destroy(slot) for slot in self._slots))

    async def _destroy(self, slot: Slot) -> None:
        try:
            await slot.destroy()
        except SlotStuckError as error:
            self.stuck.append(error)
            log.error("slot.stuck", cell=self._id, reason=str(error))  # noqa: TRY400  (the reason says it all)

    @staticmethod
    def _prepare_tests(program: Program, ready: ReadyRuntime) -> Prepared | None:
        if program.tests is None or program.tests.grading == "inline":
            return None
        return prepared_tests(program.tests, program, ready.runtime, ready.toolchain)

    async def _steps(self) -> ExecutionRecord:
        offer, engine, tier = self._ready.offer, self._engine, self._tier
        runtime = f"{offer.name}@{offer.version}"
        started = StartedLine(runtime=runtime, engine=engine.name, isolation=tier.isolation, at=iso_now())
        await self._outbox.put(started.model_dump_json().encode() + b"\n")
        self._started = True
        steps = Steps(
            self._cells[0], self._program, self._prepared, self._outbox, lambda: self._killed, self._grading()
        )
        return await steps.run(runtime=runtime, engine=engine.name, tier=tier)

    def _grading(self) -> Grader | Checker | None:
        if self._tests is not None:
            return Grader(self._cells[1], self._tests)
        checker, ready = self._program.checker, self._checker
        if checker is None or ready is None:
            return None
        prepared = prepare(checker, ready.runtime, ready.toolchain)
        return Checker(checker, prepared, lambda: self._open_checker(checker, ready))


def _as_started(program: Program) -> Program:
    """The program with what starts it, or tests it in its own process."""
    if program.tests is None:
        return program
    return with_tests(program) if program.tests.grading == "inline" else with_candidate(program)
