"""One execution: a fresh cell from an engine, its lease, its end; nothing of it is left behind."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from cloche.contracts.execution import FailedLine, FinishedLine, RuntimeOffer, StartedLine
from cloche.contracts.record import ExecutionRecord
from cloche.contracts.submission import Program
from cloche.contracts.values import as_message
from cloche.executor.cell import Cell, CellLostError
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
from cloche.executor.program import prepare
from cloche.executor.runtimes import Runtime
from cloche.executor.steps import LeaseEndedError, Steps
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


class Execution:
    """Runs one program once. ``run`` may be cancelled at any time and then leaves no cell behind.

    Raises (when made):
        InvalidRequestError: the program can't be handed to a cell.
    """

    def __init__(
        self, cell_id: str, program: Program, ready: ReadyRuntime, engine: Engine, tier: Tier, outbox: Outbox
    ) -> None:
        self._id = cell_id
        self._program = program
        self._ready = ready
        self._engine = engine
        self._tier = tier
        self._outbox = outbox
        self._prepared = prepare(program, ready.runtime, ready.toolchain)
        self._cell: Cell | None = None
        self._lease = asyncio.timeout(None)
        self._running = False
        self._started = False
        self._killed = False
        self._slot: Slot | None = None
        #: How it ended, as soon as that is known; clearing up may still go on.
        self.line: FinishedLine | FailedLine | None = None
        #: Set when the cell could not be proven gone: its slot must not be used until it is.
        self.stuck: SlotStuckError | None = None

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
        except EngineError as error:
            reason, message = "engine_error", str(error)
        except (LeaseEndedError, TimeoutError):
            pass
        log.warning("execution.failed", cell=self._id, reason=reason, message=message)
        return FailedLine(reason=reason, started=self._started, message=as_message(message))

    async def extend(self, deadline_s: float) -> None:
        """Push the end of the lease to ``deadline_s`` from now; nothing when it has not begun or has ended."""
        self._set_lease(deadline_s)
        if self._cell is not None:
            await _if_listening(self._cell.extend(deadline_s))

    async def kill(self) -> None:
        """End the run as cancelled, with the output so far; idempotent."""
        self._killed = True
        if self._cell is not None:
            await _if_listening(self._cell.kill())

    def _set_lease(self, deadline_s: float) -> None:
        if self._running and not self._lease.expired():
            self._lease.reschedule(asyncio.get_running_loop().time() + deadline_s + _GRACE_S)

    async def _in_cell(self, deadline_s: float) -> ExecutionRecord:
        ready = self._ready
        spec = CellSpec(
            id=self._id,
            runtime=ready.runtime,
            toolchain=ready.toolchain,
            limits=self._program.limits,
            compile_limits=self._program.compile_limits if ready.runtime.compiled else None,
            isolation=self._tier.isolation,
            network=self._program.network,
        )
        with tracing.span("cell", engine=self._engine.name, isolation=self._tier.isolation):
            self._slot = slot = await self._engine.open(spec)
            cell = Cell(slot)
            await cell.begin([], deadline_s=deadline_s)
        self._cell = cell
        return await self._steps(cell)

    async def _clear_up(self) -> None:
        self._cell = None
        if self._slot is None:
            return
        try:
            with tracing.span("clear up"):
                await self._slot.destroy()
        except SlotStuckError as error:
            self.stuck = error
            log.error("slot.stuck", cell=self._id, reason=str(error))  # noqa: TRY400  (the reason says it all)

    async def _steps(self, cell: Cell) -> ExecutionRecord:
        offer, engine, tier = self._ready.offer, self._engine, self._tier
        runtime = f"{offer.name}@{offer.version}"
        started = StartedLine(runtime=runtime, engine=engine.name, isolation=tier.isolation, at=iso_now())
        await self._outbox.put(started.model_dump_json().encode() + b"\n")
        self._started = True
        steps = Steps(cell, self._program, self._prepared, self._outbox, lambda: self._killed)
        return await steps.run(runtime=runtime, engine=engine.name, tier=tier)


async def _if_listening(order: Coroutine[Any, Any, None]) -> None:
    """A launcher that is gone needs no orders: the run itself finds out."""
    try:
        await order
    except EngineError:
        return
