"""The Queue Service in this process, on a real PostgreSQL and Valkey, called over its HTTP interface."""

import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from pydantic import BaseModel

from cloche.contracts.execution import ExecutorOffer, RuntimeOffer
from cloche.contracts.limits import CompileLimits, Limits
from cloche.contracts.problem import Problem
from cloche.contracts.record import Evidence, ExecutionRecord, StreamSummary, TerminalRecord
from cloche.contracts.submission import File, Program
from cloche.contracts.tasks import (
    CancelAnswer,
    CancelRequest,
    CompleteAnswer,
    CompletedGroup,
    CompleteGroup,
    CompleteRequest,
    EnqueueAnswer,
    EnqueueRequest,
    FailRequest,
    GoodbyeRequest,
    HeartbeatAnswer,
    HeartbeatRequest,
    LeaseAnswer,
    LeasedTask,
    LeaseKey,
    LeaseRequest,
    NewTask,
    ResultsPage,
)
from cloche.contracts.words import EvaluationId, Isolation, Verdict
from cloche.kit.clock import iso_now
from cloche.kit.errors import error_from_problem
from cloche.kit.ids import uuid7
from cloche.queue.app import QueueService, open_service
from cloche.queue.settings import QueueSettings

INTERNAL = "/queue/internal/v1"
TOKENS = {name: f"token-of-{name}-0123456789" for name in ("api", "worker", "storage")}


def new_task(tenant: str = "t1", **changes: Any) -> NewTask:
    """A task for python at namespace, unless ``changes`` say otherwise."""
    runtime = changes.get("runtime", "python")
    program = Program(
        runtime=runtime,
        files=[File(path="main.py", content="print(1)\x00é")],
        entrypoint="main.py",
        limits=Limits(),
        compile_limits=CompileLimits(),
    )
    values: dict[str, Any] = {
        "evaluation_id": EvaluationId(uuid7()),
        "tenant": tenant,
        "runtime": runtime,
        "isolation": "namespace",
        "program": program,
        **changes,
    }
    return NewTask(**values)


def offer(
    name: str = "e1",
    *,
    runtimes: Sequence[tuple[str, str]] = (("python", "3.12.1"),),
    isolation: Isolation = "namespace",
    healthy: bool = True,
) -> ExecutorOffer:
    """An executor with these runtimes."""
    return ExecutorOffer(
        name=name,
        engine="local",
        isolation=isolation,
        slots=8,
        busy=0,
        healthy=healthy,
        runtimes=[RuntimeOffer(name=n, version=v, aliases=["py"] if n == "python" else []) for n, v in runtimes],
    )


def record(task: LeasedTask, verdict: Verdict = "accepted", output: str = "aGk=") -> TerminalRecord:
    """What a worker sends for ``task``."""
    evidence = Evidence(source="exit")
    return TerminalRecord(
        verdict=verdict,
        evidence=evidence,
        attempt=task.attempt,
        last_event=3,
        execution=ExecutionRecord(
            verdict=verdict,
            evidence=evidence,
            runtime="python@3.12.1",
            engine="local",
            isolation="namespace",
            stdout=StreamSummary(bytes=2, kept=2, data=output),
        ),
        leased_at=task.leased_at,
        finished_at=iso_now(),
    )


@dataclass
class QueueClient:
    """Calls the internal face with each caller's token; errors come back as the class that was raised."""

    http: httpx.AsyncClient
    service: QueueService
    offers: list[ExecutorOffer] = field(default_factory=lambda: [offer()])

    async def call(self, caller: str, method: str, path: str, body: BaseModel | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {TOKENS[caller]}", "Content-Type": "application/json"}
        content = body.model_dump_json() if body else None
        response = await self.http.request(method, INTERNAL + path, content=content, headers=headers)
        if response.status_code >= 400:
            raise error_from_problem(Problem.model_validate_json(response.content))
        return response

    def people(self, **headers: str) -> httpx.AsyncClient:
        """People's face, on the same machine unless ``headers`` say otherwise."""
        transport = httpx.ASGITransport(self.service.public, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers)

    async def enqueue(self, *tasks: NewTask) -> EnqueueAnswer:
        response = await self.call("api", "POST", "/enqueue", EnqueueRequest(tasks=list(tasks)))
        return EnqueueAnswer.model_validate_json(response.content)

    async def lease(
        self, slots: int = 10, *, wait_s: float = 0, worker: str = "w1", offers: Any = None
    ) -> list[LeasedTask]:
        executors = self.offers if offers is None else offers
        request = LeaseRequest(worker=worker, slots=slots, wait_s=wait_s, executors=executors)
        return LeaseAnswer.model_validate_json((await self.call("worker", "POST", "/lease", request)).content).tasks

    async def lease_one(self, **options: Any) -> LeasedTask:
        (task,) = await self.lease(1, **options)
        return task

    async def heartbeat(self, *tasks: LeasedTask) -> HeartbeatAnswer:
        request = HeartbeatRequest(worker="w1", leases=[key(task) for task in tasks])
        return HeartbeatAnswer.model_validate_json((await self.call("worker", "POST", "/heartbeat", request)).content)

    async def complete(self, task: LeasedTask, what: TerminalRecord | None = None) -> str:
        request = CompleteRequest(**key(task).model_dump(), record=what or record(task))
        response = await self.call("worker", "POST", "/complete", request)
        return CompleteAnswer.model_validate_json(response.content).state

    async def complete_group(self, *tasks: LeasedTask) -> set[UUID]:
        """The ids of those that are committed."""
        completions = [CompleteRequest(**key(task).model_dump(), record=record(task)) for task in tasks]
        response = await self.call("worker", "POST", "/complete:batch", CompleteGroup(completions=completions))
        return set(CompletedGroup.model_validate_json(response.content).done)

    async def fail(self, task: LeasedTask, reason: str = "engine_error", *, started: bool = True) -> str:
        request = FailRequest(**key(task).model_dump(), reason=reason, started=started)
        response = await self.call("worker", "POST", "/fail", request)
        return CompleteAnswer.model_validate_json(response.content).state

    async def goodbye(self, *tasks: LeasedTask, worker: str = "w1") -> None:
        await self.call("worker", "POST", "/goodbye", GoodbyeRequest(worker=worker, unstarted=[key(t) for t in tasks]))

    async def cancel(self, *ids: UUID) -> list[str]:
        request = CancelRequest(evaluation_ids=[EvaluationId(i) for i in ids])
        answer = CancelAnswer.model_validate_json((await self.call("api", "POST", "/cancel", request)).content)
        return [outcome.state for outcome in answer.outcomes]

    async def results(self, after: str = "", limit: int = 100) -> ResultsPage:
        response = await self.call("storage", "GET", f"/results?after={after}&limit={limit}")
        return ResultsPage.model_validate_json(response.content)


def key(task: LeasedTask) -> LeaseKey:
    return LeaseKey(evaluation_id=task.evaluation_id, lease_id=task.lease_id)


@pytest.fixture
async def owner(database: Any) -> AsyncGenerator[Any]:
    """A session of the migrating role, on queue tables that it has emptied."""
    connection = await asyncpg.connect(database.owner)
    await connection.execute(
        "TRUNCATE queue.task, queue.known, queue.result, queue.outbox, queue.executor_seen, public.api_key;"
        "UPDATE queue.results_reader SET tx = '0';"
        "DELETE FROM queue.lane WHERE lane NOT IN ('interactive', 'batch');"
        "UPDATE queue.lane SET paused = false, rate_from = 'epoch'"
    )
    yield connection
    await connection.close()


@pytest.fixture
def settings(database: Any, redis_urls: dict[str, str]) -> QueueSettings:
    """The service as its own roles."""
    return QueueSettings.model_validate({"dsn": database.queue, "redis_url": redis_urls["queue"], "tokens": TOKENS})


StartQueue = Callable[..., AbstractAsyncContextManager[QueueClient]]


@pytest.fixture
def start_queue(settings: QueueSettings, owner: Any) -> StartQueue:
    """Call it, with settings to change, for a service that runs inside the context."""

    @contextlib.asynccontextmanager
    async def start(**changes: Any) -> AsyncGenerator[QueueClient]:
        changed = settings.model_copy(update=changes)
        async with open_service(changed) as service:
            transport = httpx.ASGITransport(service.internal, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://queue", timeout=30) as http:
                yield QueueClient(http, service)

    return start


@pytest.fixture
async def queue(start_queue: StartQueue) -> AsyncGenerator[QueueClient]:
    """A running service with empty tables."""
    async with start_queue() as client:
        yield client


@pytest.fixture
def make() -> Any:
    """The makers of test data: importlib mode has no importable conftest."""
    return Make


class Make:
    task = staticmethod(new_task)
    offer = staticmethod(offer)
    record = staticmethod(record)
