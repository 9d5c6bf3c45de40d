"""The Queue Worker: leases, runs, heartbeats, reports, drains."""

import asyncio
import random
import time
from collections.abc import Coroutine, Iterable
from functools import partial
from typing import Any, TypeVar

from cloche.contracts.execution import ExecutorOffer
from cloche.contracts.tasks import (
    MOST_SLOTS,
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
from cloche.kit import tracing
from cloche.kit.background import Background
from cloche.kit.bus import Bus
from cloche.kit.errors import ClocheError, UnavailableError
from cloche.kit.http_client import ServiceClient
from cloche.kit.logs import about_evaluation, get_logger, stay_about_evaluation
from cloche.worker.attempt import Attempt
from cloche.worker.fleet import Fleet
from cloche.worker.guard import MisbehaviourError
from cloche.worker.held import Held
from cloche.worker.metrics import Metrics
from cloche.worker.reporter import Reporter
from cloche.worker.routing import Candidate
from cloche.worker.settings import WorkerSettings

T = TypeVar("T")

log = get_logger()

_LEASE_WAIT_S = 20.0
#: A task came in one body, of which the Queue Service reads no more.
_MAX_TASK_BYTES = 64 * 1024 * 1024
_REPORT_EVERY_S = 10.0
_MISBEHAVED = "executor_misbehaved"
_OWN_MESSAGES = frozenset({_MISBEHAVED, "executor_lost"})
_MAX_DELAY_S = 2.0
#: A goodbye is heard within this time where the Queue Service is there.
_HEARD_S = 1.0


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
        self._reporter = Reporter(queue, metrics)
        self._asides: set[asyncio.Task[Any]] = set()
        self._held: dict[EvaluationId, Held] = {}
        self._last_lease_ok = False
        metrics.held_leases.set_function(lambda: len(self._held))

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
        for executor in self._settings.executors:
            leasing.start(f"lease for {executor.name}", partial(self._lease_loop, executor.name))
        await stop.wait()
        await leasing.stop()
        await self._drain()
        await background.stop()
        for task in self._asides:
            task.cancel()
        await asyncio.gather(*self._asides, return_exceptions=True)

    async def _lease_loop(self, executor: str) -> None:
        """Lease what this executor has room for, by its offer alone: what waits for it keeps no other one idle."""
        delay_s = 0.05
        while True:
            waiting = sum(held.waiting and held.leased_for == executor for held in self._held.values())
            wanted = min(self._fleet.free_of(executor) + self._settings.prefetch - waiting, MOST_SLOTS)
            offer = self._fleet.offer_of(executor)
            if wanted <= 0 or offer is None:
                await self._fleet.wait_change(1.0)
                continue
            wait_s = _LEASE_WAIT_S if self._last_lease_ok else 0
            body = LeaseRequest(worker=self._settings.name, slots=wanted, wait_s=wait_s, executors=[offer])
            try:
                answer = await self._queue.post(
                    "/queue/internal/v1/lease",
                    body,
                    LeaseAnswer,
                    timeout_s=_LEASE_WAIT_S + 10,
                    max_bytes=wanted * _MAX_TASK_BYTES,
                )
            except ClocheError as error:
                self._last_lease_ok = False
                log.warning("lease.waiting", error=error.code)
                await asyncio.sleep(delay_s * (0.5 + random.random()))  # noqa: S311  (jitter)
                delay_s = min(delay_s * 2, _MAX_DELAY_S)
                continue
            self._last_lease_ok, delay_s = True, 0.05
            for task in answer.tasks:
                self._take(task, executor)

    def _take(self, task: LeasedTask, executor: str) -> None:
        before = self._held.get(task.evaluation_id)
        if before is not None:
            self._drop(before)
        held = Held(task, executor)
        self._held[task.evaluation_id] = held
        held.work = asyncio.create_task(self._traced(held))
        self._metrics.leased.inc()

    async def _traced(self, held: Held) -> None:
        task = held.task
        stay_about_evaluation(task.evaluation_id, task.attempt)
        with tracing.span(
            "attempt",
            kind="consumer",
            parent=task.trace_parent,
            evaluation_id=task.evaluation_id,
            attempt=task.attempt,
        ):
            await self._work(held)

    async def _work(self, held: Held) -> None:
        try:
            report = await self._execute(held)
            held.reporting = True
            await self._deliver(held, report)
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("attempt.defect")
            await self._reporter.report(held.as_failed("worker_defect", "a defect of the worker"))
        finally:
            # The same evaluation may have been leased again while this report was on its way.
            if self._held.get(held.task.evaluation_id) is held:
                del self._held[held.task.evaluation_id]

    async def _execute(self, held: Held) -> CompleteRequest | FailRequest:
        try:
            with self._metrics.slot_wait_seconds.time():
                candidate, client = await self._fleet.take(held.task.program)
        except UnavailableError as error:
            return held.as_failed("executor_unavailable", error.detail)
        held.candidate = candidate
        held.attempt = Attempt(held.task, candidate.name, client, self._bus)
        begun = time.monotonic()
        try:
            outcome = await held.attempt.run(self._settings.deadline_s)
        finally:
            held.clearing = self._aside(self._give_back(held.attempt, candidate))
        self._metrics.note_run(outcome.report, time.monotonic() - begun)
        if outcome.executor_fault:
            candidate.breaker.bad()
            self._metrics.executor_faults.labels(candidate.name).inc()
        report = outcome.report
        if isinstance(report, FailRequest):
            if report.reason == _MISBEHAVED:
                self._metrics.misbehaved.labels(candidate.name).inc()
            # What an executor says of a failure is shown to people, but a log holds Cloche's own words alone.
            own = report.message if report.reason in _OWN_MESSAGES else None
            log.warning("attempt.failed", executor=candidate.name, reason=report.reason, detail=own)
            if held.cancelled:
                return held.as_cancelled()
        else:
            log.debug("attempt.finished", executor=candidate.name, verdict=report.record.verdict)
        return report

    async def _give_back(self, attempt: Attempt, candidate: Candidate) -> bool:
        """The slot, once the executor has cleared up: whether it has. The report does not wait for that."""
        cleared = False
        try:
            cleared = await attempt.ended()
        except MisbehaviourError as error:
            self._charge(candidate)
            log.warning("attempt.misbehaved", executor=candidate.name, detail=str(error))
        await self._fleet.give_back(candidate, cleared=cleared)
        return cleared

    def _charge(self, candidate: Candidate) -> None:
        candidate.breaker.bad()
        self._metrics.misbehaved.labels(candidate.name).inc()

    async def _deliver(self, held: Held, report: CompleteRequest | FailRequest) -> None:
        """Report; an executor whose record the Queue Service refuses is charged for it."""
        taken = await self._reporter.report(report)
        if held.candidate is None or isinstance(report, FailRequest) or report.record.execution is None:
            return
        if taken:
            self._aside(self._praise(held))
            return
        self._charge(held.candidate)
        await self._reporter.report(held.as_failed(_MISBEHAVED, "the Queue Service refused its record"))

    async def _praise(self, held: Held) -> None:
        """Its record was taken; an executor that then misbehaves has earned nothing by that."""
        if held.candidate is not None and held.clearing is not None and await held.clearing:
            held.candidate.breaker.good()

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
            sent = dict(self._held)
            body = HeartbeatRequest(worker=self._settings.name, leases=[held.key for held in sent.values()])
            try:
                answer = await self._queue.post("/queue/internal/v1/heartbeat", body, HeartbeatAnswer, timeout_s=10)
            except ClocheError as error:
                log.warning("heartbeat.failed", error=error.code)
                continue
            for evaluation_id in sent.keys() & answer.cancelled:
                self._aside(self._cancel(sent[evaluation_id]))
            for evaluation_id in sent.keys() & answer.lost:
                self._drop(sent[evaluation_id])
            running = self._running(sent[evaluation_id] for evaluation_id in sent.keys() & answer.extended)
            await self._fleet.extend(running, self._settings.deadline_s)

    def _running(self, extended: Iterable[Held]) -> dict[str, list[LeaseId]]:
        leases: dict[str, list[LeaseId]] = {}
        for held in extended:
            if held.executor is not None and not held.reporting:
                leases.setdefault(held.executor, []).append(held.task.lease_id)
        return leases

    async def _cancel(self, held: Held) -> None:
        if held.cancelled or held.reporting:
            return
        held.cancelled = True
        if held.attempt is not None and held.executor is not None:
            held.attempt.expect_kill()
            await self._fleet.kill(held.executor, held.task.lease_id)
        elif held.work is not None:
            held.reporting = True
            held.work.cancel()
            await self._reporter.report(held.as_cancelled())

    def _aside(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Do ``work`` beside the heartbeats, which must not wait for it; given up at the end."""
        task = asyncio.create_task(work)
        self._asides.add(task)
        task.add_done_callback(self._asides.discard)
        return task

    def _drop(self, held: Held) -> None:
        if held.work is not None and not held.reporting:
            with about_evaluation(held.task.evaluation_id, held.task.attempt):
                log.warning("lease.lost")
            held.work.cancel()

    async def _say_goodbye(self, unstarted: list[LeaseKey]) -> None:
        """Until the Queue Service has heard it: else what never began would wait for the end of its lease."""
        body, delay_s = GoodbyeRequest(worker=self._settings.name, unstarted=unstarted), 0.1
        while True:
            try:
                return await self._queue.post_nothing("/queue/internal/v1/goodbye", body)
            except ClocheError as error:
                log.warning("goodbye.failed", error=error.code)
            await asyncio.sleep(delay_s)
            delay_s = min(delay_s * 2, _MAX_DELAY_S)

    async def _drain(self) -> None:
        """Give back what has not begun, let the rest end, then give back what did not."""
        waiting = [held for held in self._held.values() if held.waiting]
        for held in waiting:
            if held.work is not None:
                held.work.cancel()
        goodbye = self._aside(self._say_goodbye([held.key for held in waiting]))
        await asyncio.wait([goodbye], timeout=_HEARD_S)
        working = [held.work for held in self._held.values() if held.work is not None]
        left = [task for task in (*working, goodbye) if not task.done()]
        if left:
            await asyncio.wait(left, timeout=self._settings.drain_s)
        for held in list(self._held.values()):
            if held.work is not None and not held.work.done():
                held.work.cancel()
                await self._reporter.report(held.as_failed("worker_stopping", "the worker was stopped"))
