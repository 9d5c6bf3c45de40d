"""The Queue Worker: leases, runs, heartbeats, reports, drains."""

import asyncio
import random
from dataclasses import dataclass

from cloche.contracts.execution import ExecutorOffer
from cloche.contracts.record import Evidence, TerminalRecord
from cloche.contracts.tasks import (
    MOST_SLOTS,
    CompleteAnswer,
    CompleteRequest,
    FailRequest,
    GoodbyeRequest,
    HeartbeatAnswer,
    HeartbeatRequest,
    LeaseAnswer,
    LeasedTask,
    LeaseKey,
    LeaseRequest,
)
from cloche.contracts.words import EvaluationId, LeaseId
from cloche.kit.background import Background
from cloche.kit.bus import Bus
from cloche.kit.clock import iso_now
from cloche.kit.errors import ClocheError, ConflictError
from cloche.kit.http_client import ServiceClient
from cloche.kit.logs import get_logger
from cloche.worker.attempt import Attempt
from cloche.worker.fleet import Fleet
from cloche.worker.metrics import Metrics
from cloche.worker.settings import WorkerSettings

log = get_logger()

_LEASE_WAIT_S = 20.0
_REPORT_EVERY_S = 10.0
#: A report is repeated this long: the result is here and nowhere else.
_REPORT_PATIENCE_S = 600.0
_MAX_DELAY_S = 2.0


@dataclass(slots=True)
class Held:
    """A task this worker holds the lease of."""

    task: LeasedTask
    work: asyncio.Task[None] | None = None
    executor: str | None = None
    attempt: Attempt | None = None
    cancelled: bool = False
    reporting: bool = False

    @property
    def key(self) -> LeaseKey:
        """The right to the task."""
        return LeaseKey(evaluation_id=self.task.evaluation_id, lease_id=self.task.lease_id)

    @property
    def waiting(self) -> bool:
        """Whether no executor has it yet."""
        return self.executor is None and not self.reporting


class Worker:
    """One worker process. ``run`` is all of it."""

    def __init__(
        self, settings: WorkerSettings, queue: ServiceClient, fleet: Fleet, bus: Bus, metrics: Metrics
    ) -> None:
        self._settings = settings
        self._queue = queue
        self._fleet = fleet
        self._bus = bus
        self._metrics = metrics
        self._held: dict[EvaluationId, Held] = {}
        self._last_lease_ok = False

    @property
    def reaches_queue(self) -> bool:
        """Whether the Queue Service answered the last lease call."""
        return self._last_lease_ok

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set, then drain."""
        background, leasing = Background(), Background()
        background.start("offers", self._fleet.watch_offers)
        background.start("heartbeats", self._heartbeats)
        background.start("report", self._report_executors)
        leasing.start("lease", self._lease_loop)
        await stop.wait()
        await leasing.stop()
        await self._drain()
        await background.stop()

    async def _lease_loop(self) -> None:
        delay_s = 0.05
        while True:
            waiting = sum(held.waiting for held in self._held.values())
            wanted = min(self._fleet.free() + self._settings.prefetch - waiting, MOST_SLOTS)
            if wanted <= 0 or not self._fleet.can_run():
                await self._fleet.wait_change(1.0)
                continue
            wait_s = _LEASE_WAIT_S if self._last_lease_ok else 0
            body = LeaseRequest(worker=self._settings.name, slots=wanted, wait_s=wait_s, executors=self._fleet.offers())
            try:
                answer = await self._queue.post(
                    "/queue/internal/v1/lease", body, LeaseAnswer, timeout_s=_LEASE_WAIT_S + 10
                )
            except ClocheError as error:
                self._last_lease_ok = False
                log.warning("lease.waiting", error=error.code)
                await asyncio.sleep(delay_s * (0.5 + random.random()))  # noqa: S311  (jitter)
                delay_s = min(delay_s * 2, _MAX_DELAY_S)
                continue
            self._last_lease_ok, delay_s = True, 0.05
            for task in answer.tasks:
                self._take(task)

    def _take(self, task: LeasedTask) -> None:
        held = Held(task)
        self._held[task.evaluation_id] = held
        held.work = asyncio.create_task(self._work(held))
        self._metrics.leased.inc()

    async def _work(self, held: Held) -> None:
        try:
            report = await self._execute(held)
            held.reporting = True
            await self._report(report)
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("attempt.defect", evaluation_id=str(held.task.evaluation_id))
            await self._report(self._fail(held, "worker_defect", "a defect of the worker"))
        finally:
            self._held.pop(held.task.evaluation_id, None)

    async def _execute(self, held: Held) -> CompleteRequest | FailRequest:
        async with self._fleet.slot(held.task.program) as (candidate, client):
            held.executor = candidate.name
            held.attempt = Attempt(held.task, candidate.name, client, self._bus)
            outcome = await held.attempt.run(self._settings.deadline_s)
            if outcome.executor_fault:
                candidate.breaker.bad()
            else:
                candidate.breaker.good()
        report = outcome.report
        if isinstance(report, FailRequest):
            if report.reason == "executor_misbehaved":
                candidate.misbehaved += 1
                self._metrics.misbehaved.labels(candidate.name).inc()
            log.warning(
                "attempt.failed",
                evaluation_id=str(held.task.evaluation_id),
                attempt=held.task.attempt,
                executor=candidate.name,
                reason=report.reason,
                detail=report.message,
            )
            if held.cancelled:
                return self._cancelled(held)
        return report

    async def _report(self, report: CompleteRequest | FailRequest) -> None:
        path = "complete" if isinstance(report, CompleteRequest) else "fail"
        delay_s = 0.05
        end = asyncio.get_running_loop().time() + _REPORT_PATIENCE_S
        while True:
            try:
                await self._queue.post(f"/queue/internal/v1/{path}", report, CompleteAnswer)
            except ConflictError as error:
                self._metrics.conflicts.labels(error.code).inc()
                return
            except ClocheError as error:
                if not error.retryable or asyncio.get_running_loop().time() > end:
                    log.warning("report.given_up", error=error.code)
                    return
                await asyncio.sleep(delay_s * (0.5 + random.random()))  # noqa: S311  (jitter)
                delay_s = min(delay_s * 2, _MAX_DELAY_S)
            else:
                self._metrics.reported.labels(path).inc()
                return

    async def _report_executors(self) -> None:
        """Tell the Queue Service of changes at once and of their absence now and then, also when all slots are busy."""
        reported: list[ExecutorOffer] = []
        report_at = 0.0
        loop = asyncio.get_running_loop()
        while True:
            await self._fleet.wait_change(1.0)
            offers = self._fleet.offers()
            abilities = [offer.model_copy(update={"busy": 0}) for offer in offers]
            if abilities == reported and loop.time() < report_at:
                continue
            body = LeaseRequest(worker=self._settings.name, slots=0, wait_s=0, executors=offers)
            try:
                await self._queue.post("/queue/internal/v1/lease", body, LeaseAnswer)
            except ClocheError as error:
                log.warning("report.failed", error=error.code)
                await asyncio.sleep(1.0)
            else:
                reported, report_at = abilities, loop.time() + _REPORT_EVERY_S

    async def _heartbeats(self) -> None:
        while True:
            await asyncio.sleep(self._settings.heartbeat_s)
            if not self._held:
                continue
            body = HeartbeatRequest(worker=self._settings.name, leases=[held.key for held in self._held.values()])
            try:
                answer = await self._queue.post("/queue/internal/v1/heartbeat", body, HeartbeatAnswer, timeout_s=10)
            except ClocheError as error:
                log.warning("heartbeat.failed", error=error.code)
                continue
            await self._fleet.extend(self._running(answer.extended), self._settings.deadline_s)
            for evaluation_id in answer.cancelled:
                await self._cancel(evaluation_id)
            for evaluation_id in answer.lost:
                self._drop(evaluation_id)

    def _running(self, extended: list[EvaluationId]) -> dict[str, list[LeaseId]]:
        leases: dict[str, list[LeaseId]] = {}
        for evaluation_id in extended:
            held = self._held.get(evaluation_id)
            if held is not None and held.executor is not None and not held.reporting:
                leases.setdefault(held.executor, []).append(held.task.lease_id)
        return leases

    async def _cancel(self, evaluation_id: EvaluationId) -> None:
        held = self._held.get(evaluation_id)
        if held is None or held.cancelled or held.reporting:
            return
        held.cancelled = True
        if held.attempt is not None:
            held.attempt.expect_kill()
        if held.executor is not None:
            await self._fleet.kill(held.executor, held.task.lease_id)
        elif held.work is not None:
            held.reporting = True
            held.work.cancel()
            await self._report(self._cancelled(held))

    def _drop(self, evaluation_id: EvaluationId) -> None:
        held = self._held.get(evaluation_id)
        if held is not None and held.work is not None and not held.reporting:
            log.warning("lease.lost", evaluation_id=str(evaluation_id), attempt=held.task.attempt)
            held.work.cancel()

    async def _drain(self) -> None:
        """Give back what has not begun, let the rest end, then give back what did not."""
        waiting = [held for held in self._held.values() if held.waiting]
        for held in waiting:
            if held.work is not None:
                held.work.cancel()
        body = GoodbyeRequest(worker=self._settings.name, unstarted=[held.key for held in waiting])
        try:
            await self._queue.post_nothing("/queue/internal/v1/goodbye", body)
        except ClocheError as error:
            log.warning("goodbye.failed", error=error.code)
        running = [held.work for held in self._held.values() if held.work is not None and not held.work.done()]
        if running:
            await asyncio.wait(running, timeout=self._settings.drain_s)
        for held in list(self._held.values()):
            if held.work is not None and not held.work.done():
                held.work.cancel()
                await self._report(self._fail(held, "worker_stopping", "the worker was stopped"))

    def _fail(self, held: Held, reason: str, message: str) -> FailRequest:
        started = held.attempt is not None and held.attempt.started
        return FailRequest(
            evaluation_id=held.task.evaluation_id,
            lease_id=held.task.lease_id,
            reason=reason,
            message=message,
            started=started,
            executor=held.executor,
        )

    def _cancelled(self, held: Held) -> CompleteRequest:
        return CompleteRequest(
            evaluation_id=held.task.evaluation_id,
            lease_id=held.task.lease_id,
            record=TerminalRecord(
                verdict="cancelled",
                message="Cancelled before it ran.",
                evidence=Evidence(source="cancel"),
                attempt=held.task.attempt,
                queued_at=held.task.queued_at,
                leased_at=held.task.leased_at,
                finished_at=iso_now(),
            ),
        )
