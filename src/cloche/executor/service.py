"""Slots, what is offered, what runs: the executor as its worker sees it."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from cloche.contracts.capabilities import Capabilities
from cloche.contracts.execution import ExecutionRequest, ExecutorOffer, FailedLine, FinishedLine
from cloche.contracts.submission import Program
from cloche.contracts.words import Isolation, LeaseId, satisfies
from cloche.executor.engine_watch import EngineWatch
from cloche.executor.engines.engine import Engine, SlotStuckError, Tier
from cloche.executor.execution import Execution, Ready
from cloche.executor.metrics import ExecutorMetrics
from cloche.executor.outbox import Outbox
from cloche.executor.ready_runtimes import ReadyRuntimes
from cloche.executor.standing.standing import StandingTest
from cloche.kit import tracing
from cloche.kit.errors import ConflictError, NotFoundError, UnavailableError
from cloche.kit.logs import about_evaluation, get_logger

log = get_logger()


@dataclass(frozen=True)
class Equipment:
    """The engine, whether it can make cells now, and what its self-tests proved."""

    engine: Engine
    watch: EngineWatch
    runtimes: ReadyRuntimes
    standing: StandingTest


class ExecutorService:
    """Runs executions in at most ``slots`` cells at once, of the runtimes and the tiers whose self-test passed."""

    def __init__(self, name: str, equipment: Equipment, slots: int, metrics: ExecutorMetrics) -> None:
        self._name = name
        self._engine = equipment.engine
        self._watch = equipment.watch
        self._runtimes = equipment.runtimes
        self._standing = equipment.standing
        self._slots = slots
        self._metrics = metrics
        self._draining = False
        self._running: dict[LeaseId, Execution] = {}
        self._idle = asyncio.Event()
        self._idle.set()
        metrics.slots.set_function(lambda: self._slots)
        metrics.busy.set_function(lambda: len(self._running))
        metrics.warm_cells.set_function(lambda: self._engine.warm_cells)
        metrics.engine_usable.set_function(lambda: not self._watch.trouble)
        metrics.runtimes.labels("offered").set_function(lambda: len(self._runtimes.offers()))
        metrics.runtimes.labels("refused").set_function(lambda: len(self._runtimes.refused()))

    async def ensure_ready(self) -> None:
        """For ``/readyz``.

        Raises:
            UnavailableError: self-tests still run, no runtime or no tier passed, every slot is lost, or no cell
                can be made now.
        """
        if self._watch.trouble:
            raise UnavailableError(self._watch.trouble)
        if not self._runtimes.checked:
            raise UnavailableError("The runtimes' self-tests still run.")
        if not self._standing.done:
            raise UnavailableError("The standing self-test still runs.")
        if not self._standing.healthy_tiers:
            broken = [f"{r.tier.isolation}: {r.broken[0].message}" for r in self._standing.reports if r.broken]
            raise UnavailableError(f"No isolation held the standing self-test. {' '.join(broken)}")
        if not self._healthy:
            raise UnavailableError("No runtime passed its self-test, or no slot is left.")

    def offer(self) -> ExecutorOffer:
        """What can be run here now."""
        reports = self._standing.reports
        strongest = (self._standing.healthy_tiers or [report.tier for report in reports])[-1]
        return ExecutorOffer(
            name=self._name,
            engine=self._engine.name,
            isolation=strongest.isolation,
            tiers=[report.offer() for report in reports],
            slots=0 if self._draining else self._slots,
            busy=len(self._running),
            healthy=self._healthy,
            runtimes=self._runtimes.offers(),
            refused_runtimes=self._runtimes.refused(),
            facts=self._engine.facts(),
        )

    def capabilities(self) -> Capabilities:
        """The offer and every test behind it."""
        return Capabilities(offer=self.offer(), standing=[report.details() for report in self._standing.reports])

    def open(self, request: ExecutionRequest, place: str | None = None) -> "ExecutionStream | RefusedStream":
        """The NDJSON stream of one execution; the caller closes it. ``place`` is where the caller is in a trace.

        Raises:
            ConflictError: this execution runs here already.
            InvalidRequestError: the program can't be handed to a cell.
        """
        if request.execution_id in self._running:
            raise ConflictError("This execution runs already.")
        refusal = self._refusal(request)
        if refusal is not None:
            self._metrics.refused.labels(refusal.reason).inc()
            return RefusedStream(refusal)
        ready = self._ready(request.program)
        assert ready is not None
        outbox = Outbox()
        tier = self._tier_for(request.program.isolation)
        assert tier is not None
        execution = Execution(str(request.execution_id), request.program, ready, self._engine, tier, outbox)
        self._running[request.execution_id] = execution
        self._idle.clear()
        task = asyncio.create_task(_traced(execution, request, place))
        task.add_done_callback(lambda _: outbox.close())
        finished = self._finished_of(request.execution_id, execution, ready.program.runtime.name)
        return ExecutionStream(execution, task, outbox, finished)

    async def extend(self, ids: list[LeaseId], deadline_s: float) -> list[LeaseId]:
        """Push back the deadline of those that run here; which those are."""
        known = [(lease, self._running[lease]) for lease in ids if lease in self._running]
        for _, execution in known:
            await execution.extend(deadline_s)
        return [lease for lease, _ in known]

    async def kill(self, lease: LeaseId) -> None:
        """End an execution as cancelled; its stream still ends with its record.

        Raises:
            NotFoundError: it does not run here.
        """
        execution = self._running.get(lease)
        if execution is None:
            raise NotFoundError("No such execution runs here.")
        await execution.kill()

    async def drain(self, timeout_s: float) -> None:
        """Take nothing new and let what runs end, for at most ``timeout_s``."""
        self._draining = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()

    @property
    def _healthy(self) -> bool:
        proven = bool(self._runtimes.offers()) and bool(self._standing.healthy_tiers)
        return proven and self._slots > 0 and not self._draining and not self._watch.trouble

    def _tier_for(self, wanted: Isolation) -> Tier | None:
        """The weakest sound one that satisfies: whoever allows less is not made to pay for more."""
        return next((tier for tier in self._standing.healthy_tiers if satisfies(tier.isolation, wanted)), None)

    def _ready(self, program: Program) -> Ready | None:
        found = self._runtimes.find(program.runtime)
        checker = self._runtimes.find(program.checker.runtime) if program.checker else None
        return None if found is None or (program.checker and checker is None) else Ready(found, checker)

    def _refusal(self, request: ExecutionRequest) -> FailedLine | None:
        if self._ready(request.program) is None:
            return FailedLine(reason="unsupported", started=False, message="This runtime is not offered here.")
        if self._tier_for(request.program.isolation) is None:
            return FailedLine(reason="unsupported", started=False, message="This isolation is not offered here.")
        if self._draining or len(self._running) >= self._slots:
            return FailedLine(reason="overloaded", started=False, message="No slot is free.")
        return None

    def _set_aside(self, stuck: Sequence[SlotStuckError]) -> None:
        self._slots -= 1
        self._metrics.lost.inc()
        gone = [each.gone for each in stuck if each.gone is not None]
        if len(gone) == len(stuck):
            asyncio.gather(*gone).add_done_callback(self._regain)

    def _regain(self, _: asyncio.Future[list[None]]) -> None:
        self._slots += 1
        self._metrics.lost.dec()

    def _finished_of(
        self, lease: LeaseId, execution: Execution, runtime: str
    ) -> Callable[[FinishedLine | FailedLine | None, float], None]:
        def finished(line: FinishedLine | FailedLine | None, seconds: float) -> None:
            del self._running[lease]
            if execution.stuck:
                self._set_aside(execution.stuck)
            if not self._running:
                self._idle.set()
            if isinstance(line, FailedLine) and line.reason == "cell_lost":
                self._standing.suspect()
            if isinstance(line, FailedLine) and line.reason == "engine_error":
                self._watch.suspect()
            self._metrics.seconds.labels(runtime).observe(seconds)
            self._metrics.runs.labels(runtime, _outcome(line)).inc()

        return finished


class RefusedStream:
    """One line: why this can't be run here now."""

    def __init__(self, line: FailedLine) -> None:
        self._line = line

    async def lines(self) -> AsyncIterator[bytes]:
        """The line."""
        yield _written(self._line)

    async def close(self) -> None:
        """Nothing to release."""


class ExecutionStream:
    """The lines of a running execution, which end when its cell is gone.

    ``close`` ends what still runs and waits for that.
    """

    def __init__(
        self,
        execution: Execution,
        task: asyncio.Task[FinishedLine | FailedLine],
        outbox: Outbox,
        finished: Callable[[FinishedLine | FailedLine | None, float], None],
    ) -> None:
        self._execution = execution
        self._task = task
        self._outbox = outbox
        self._finished = finished
        self._begun = time.monotonic()
        self._freed = False

    async def lines(self) -> AsyncIterator[bytes]:
        """Pieces of one or more whole lines, as they are known; the terminal line last, then the end of its cell."""
        async for piece in self._outbox.lines():
            yield piece
        line = self._execution.line
        if line is None:
            await asyncio.wait([self._task])
            line = self._line() or FailedLine(reason="engine_error", started=True, message="An unexpected error.")
        yield _written(line)
        await asyncio.wait([self._task])
        # The worker may send its next program the moment the stream ends.
        self._free(line)

    async def close(self) -> None:
        """Kill the run unless it has ended, and free its slot; idempotent."""
        if self._execution.line is None:
            self._task.cancel()
        await asyncio.wait([self._task])
        self._free(self._line())

    def _line(self) -> FinishedLine | FailedLine | None:
        if self._task.cancelled():
            return None
        error = self._task.exception()
        if error is None:
            return self._task.result()
        log.error("execution.defect", exc_info=error)
        return None

    def _free(self, line: FinishedLine | FailedLine | None) -> None:
        if not self._freed:
            self._freed = True
            self._finished(line, time.monotonic() - self._begun)


async def _traced(execution: Execution, request: ExecutionRequest, place: str | None) -> FinishedLine | FailedLine:
    with (
        about_evaluation(request.evaluation_id, request.attempt) if request.evaluation_id else contextlib.nullcontext(),
        tracing.span(
            "execution", kind="server", parent=place, evaluation_id=request.evaluation_id, attempt=request.attempt
        ) as span,
    ):
        line = await execution.run(request.deadline_s)
        span.tell(outcome=_outcome(line))
        log.debug("execution.finished", cell=str(request.execution_id), outcome=_outcome(line))
        return line


def _outcome(line: FinishedLine | FailedLine | None) -> str:
    if line is None:
        return "disconnected"
    return line.record.verdict if isinstance(line, FinishedLine) else line.reason


def _written(line: FinishedLine | FailedLine) -> bytes:
    return line.model_dump_json().encode() + b"\n"
