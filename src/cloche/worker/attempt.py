"""One attempt: from a leased task to its report. Relays the executor's stream, checked line by line."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp

from cloche.contracts.events import CaseFinished, Output, Started
from cloche.contracts.execution import (
    CaseLine,
    ExecutionRequest,
    FailedLine,
    FinishedLine,
    OutputLine,
    StartedLine,
    StreamLine,
)
from cloche.contracts.record import ExecutionRecord, TerminalRecord
from cloche.contracts.tasks import CompleteRequest, FailRequest, LeasedTask
from cloche.contracts.values import as_message
from cloche.kit import tracing
from cloche.kit.bus import Bus
from cloche.kit.clock import iso_now
from cloche.kit.errors import ClocheError
from cloche.kit.http_client import ServiceClient
from cloche.worker.guard import MisbehaviourError, StreamGuard
from cloche.worker.lines import Lines
from cloche.worker.publisher import PATIENCE_S, AttemptPublisher
from cloche.worker.time_limit import TimeLimit, longest_silence_s, most_seconds

#: ``started`` waits this long for company: a run that ends sooner is told by its record alone.
STARTED_DELAY_S = 0.1
#: How long an executor may take to clear up behind a program.
_CLEAR_UP_S = 15.0
#: How long it may take to tell the end of a run that it was told to kill.
_KILLED_S = 15.0
#: How long a record waits for the events before it whose output it carries itself: a bus that is away costs no more.
_CARRIED_S = 1.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What to tell the Queue Service, and whether the executor was at fault."""

    report: CompleteRequest | FailRequest
    executor_fault: bool

    @property
    def no_room(self) -> bool:
        """Whether the executor refused it for want of a slot."""
        return isinstance(self.report, FailRequest) and self.report.reason == "overloaded"


class Attempt:
    """Runs one leased task on one executor. ``started`` tells whether the program has begun."""

    def __init__(self, task: LeasedTask, executor: str, client: ServiceClient, bus: Bus) -> None:
        self._task = task
        self._executor = executor
        self._client = client
        self._guard = StreamGuard(task.program)
        self._publisher = AttemptPublisher(bus, task.evaluation_id, task.attempt)
        self._started: StartedLine | None = None
        self._announced = False
        self._limit = TimeLimit(most_seconds(task.program))
        #: What is left of a stream that has had its last line.
        self._rest: tuple[aiohttp.ClientResponse, Lines] | None = None

    @property
    def started(self) -> bool:
        """Whether the program had begun."""
        return self._guard.started

    @property
    def started_at(self) -> str | None:
        """When the program began, by its executor's clock; None while it has not."""
        return self._started.at if self._started else None

    def expect_kill(self) -> None:
        """From now on the run may end as cancelled, and must end soon; to be called before its executor is told."""
        self._guard.kill_asked = True
        self._limit.shorten(_KILLED_S)

    async def run(self, deadline_s: float) -> Outcome:
        """Run to the end. Never raises for what an executor does; cancelling it kills the run there.

        The executor then still clears up: ``ended`` waits for that.
        """
        try:
            async with self._limit:
                return await self._run(deadline_s)
        except MisbehaviourError as error:
            return self._failed("executor_misbehaved", str(error))
        except ClocheError as error:
            return self._failed("executor_unavailable", error.detail)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return self._lost(error)
        finally:
            self._publisher.close()

    async def ended(self) -> bool:
        """Return when the executor has cleared up behind a run that is over, or takes too long to: whether it has.

        Raises:
            MisbehaviourError: it said more after its last line.
        """
        if self._rest is None:
            return False
        response, lines = self._rest
        try:
            async with asyncio.timeout(_CLEAR_UP_S):
                await lines.end()
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False
        else:
            return True
        finally:
            response.close()

    async def _run(self, deadline_s: float) -> Outcome:
        response = await self._client.open_stream(
            "/executor/v1/executions",
            ExecutionRequest(
                execution_id=self._task.lease_id,
                evaluation_id=self._task.evaluation_id,
                attempt=self._task.attempt,
                deadline_s=deadline_s,
                program=self._task.program,
            ),
            idle_s=longest_silence_s(self._task.program),
        )
        lines = Lines(response.content)
        try:
            outcome = await self._relay(lines)
            if self._guard.over and not outcome.no_room:
                self._rest = response, lines
            return outcome
        finally:
            if self._rest is None:
                response.close()

    async def _relay(self, lines: Lines) -> Outcome:
        async for raw in self._announcing(lines):
            line = self._guard.accept(raw)
            match line:
                case StartedLine():
                    self._started = line
                case FinishedLine():
                    await self._drain(line.record)
                    return Outcome(self._complete(line.record), executor_fault=False)
                case FailedLine():
                    return self._failed(line.reason, line.message, started=line.started)
                case _:
                    await self._publish(line)
        return self._failed("executor_lost", "the stream ended early")

    async def _announcing(self, lines: Lines) -> AsyncIterator[bytes]:
        """The lines; publishes ``started`` once a run lasts longer than ``STARTED_DELAY_S``."""
        while True:
            following = asyncio.ensure_future(lines.next())
            try:
                if self._started is not None and not self._announced:
                    done, _ = await asyncio.wait([following], timeout=STARTED_DELAY_S)
                    if not done:
                        await self._publish(None)
                line = await following
            finally:
                following.cancel()
            if line is None:
                return
            yield line

    async def _publish(self, line: StreamLine | None) -> None:
        events: list[tuple[str, str]] = []
        if self._started is not None and not self._announced:
            self._announced = True
            events.append(("evaluation.started", self._started_event(self._started).model_dump_json()))
        match line:
            case OutputLine():
                body = Output(stream=line.stream, offset=line.offset, data=line.data, at=line.at)
                events.append(("output", body.model_dump_json()))
            case CaseLine():
                events.append(("case.finished", CaseFinished(case=line.case).model_dump_json()))
            case _:
                pass
        with self._limit.paused():
            await self._publisher.publish(events, in_list=events[0][0] == "evaluation.started")

    async def _drain(self, record: ExecutionRecord) -> None:
        """Let the bus have what was written before the record is reported; with patience where it is nowhere else."""
        carried = record.stdout.data is not None and record.stderr.data is not None
        with self._limit.paused():
            await self._publisher.drain(_CARRIED_S if carried else PATIENCE_S)

    def _started_event(self, line: StartedLine) -> Started:
        return Started(
            executor=self._executor,
            runtime=line.runtime,
            engine=line.engine,
            isolation=line.isolation,
            started_at=line.at,
        )

    def _complete(self, record: ExecutionRecord) -> CompleteRequest:
        return CompleteRequest(
            evaluation_id=self._task.evaluation_id,
            lease_id=self._task.lease_id,
            record=TerminalRecord(
                verdict=record.verdict,
                message=record.message,
                evidence=record.evidence,
                attempt=self._task.attempt,
                last_event=self._publisher.last_event,
                execution=record,
                executor=self._executor,
                trace_parent=tracing.place(),
                queued_at=self._task.queued_at,
                leased_at=self._task.leased_at,
                started_at=self.started_at,
                finished_at=iso_now(),
            ),
        )

    def _lost(self, error: Exception) -> Outcome:
        if not self._limit.is_over:
            return self._failed("executor_lost", type(error).__name__)
        if self._guard.kill_asked:
            return self._failed("executor_lost", "it did not end a run that it was told to kill")
        return self._failed("executor_misbehaved", "it took longer than the program's limits allow")

    def _failed(self, reason: str, message: str, *, started: bool = False) -> Outcome:
        report = FailRequest(
            evaluation_id=self._task.evaluation_id,
            lease_id=self._task.lease_id,
            reason=reason,
            message=as_message(message),
            started=started or self._guard.started,
            executor=self._executor,
        )
        return Outcome(report, executor_fault=reason not in {"cell_lost", "overloaded", "deadline", "grader_failed"})
