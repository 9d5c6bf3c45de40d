"""``Client`` for asyncio: the same calls with the same promises."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import httpx

from cloche.client.batch_flows import BatchFlows, BatchUpload, Format, Which
from cloche.client.calls import ListFilter
from cloche.client.flows import Course, Emit, Flow, Flows, Pause, Send, T
from cloche.client.grading_flows import GradingFlows, Runnable, as_request
from cloche.client.settings import DEFAULT_URL, ClientSettings
from cloche.client.watching import WatchEvent
from cloche.client.wire import http_request
from cloche.contracts.batches import Batch, BatchSummary, SampleSummary
from cloche.contracts.evaluation import Evaluation, EvaluationSummary
from cloche.contracts.execution import RuntimeOffer
from cloche.contracts.queue_view import DeadLetter, LaneView, QueueStats
from cloche.contracts.submission import EvaluationRequest
from cloche.contracts.tasks import ExecutorSeen
from cloche.contracts.words import Stream


class AsyncClient:
    """As ``Client``, for the tasks of one event loop: any number may call at once."""

    def __init__(
        self,
        base_url: str = DEFAULT_URL,
        *,
        api_key: str | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        settings = ClientSettings(base_url, api_key)
        self._flows = Flows(settings.base_url)
        self._batches, self._grading = BatchFlows(self._flows), GradingFlows(self._flows)
        self._http = httpx.AsyncClient(
            base_url=settings.base_url,
            headers=settings.headers,
            trust_env=not settings.is_local,
            transport=transport,
        )

    @classmethod
    def from_environment(cls) -> Self:
        """The Cloche that ``CLOCHE_URL`` names, with the key in ``CLOCHE_API_KEY``."""
        settings = ClientSettings.from_environment()
        return cls(settings.base_url, api_key=settings.api_key)

    async def submit(
        self, request: EvaluationRequest, *, idempotency_key: str | None = None, wait_s: float = 0
    ) -> Evaluation:
        """As ``Client.submit``."""
        return await self._run(self._flows.submit(request, idempotency_key, wait_s))

    async def submit_group(
        self, requests: Sequence[EvaluationRequest], *, idempotency_key: str | None = None
    ) -> Sequence[UUID]:
        """As ``Client.submit_group``."""
        return await self._run(self._flows.submit_group(requests, idempotency_key))

    async def run(self, program: Runnable, *, idempotency_key: str | None = None) -> Evaluation:
        """As ``Client.run``."""
        return await self._run(self._flows.run(as_request(program), idempotency_key))

    def map(self, programs: Iterable[Runnable], *, concurrency: int = 64) -> AsyncIterator[Evaluation]:
        """As ``Client.map``."""
        return self._drive(Course(self._grading.run_all(programs, concurrency)))

    async def score(self, problem: Mapping[str, Any], samples: Sequence[str]) -> Sequence[float | None]:
        """As ``Client.score``."""
        return await self._run(self._grading.score(problem, samples))

    async def get(self, evaluation_id: UUID, *, wait_s: float = 0) -> Evaluation:
        """As ``Client.get``."""
        return await self._run(self._flows.get(evaluation_id, wait_s))

    def list(self, wanted: ListFilter | None = None, *, page_size: int = 100) -> AsyncIterator[EvaluationSummary]:
        """As ``Client.list``."""
        return self._drive(Course(self._flows.pages(wanted or ListFilter(), page_size)))

    async def cancel(self, evaluation_id: UUID) -> Evaluation:
        """As ``Client.cancel``."""
        return await self._run(self._flows.cancel(evaluation_id))

    async def rerun(self, evaluation_id: UUID, *, idempotency_key: str | None = None, wait_s: float = 0) -> Evaluation:
        """As ``Client.rerun``."""
        return await self._run(self._flows.rerun(evaluation_id, idempotency_key, wait_s))

    def events(self, evaluation_id: UUID) -> AsyncGenerator[WatchEvent]:
        """As ``Client.events``."""
        return self._drive(Course(self._flows.watch(evaluation_id)))

    async def output(self, evaluation_id: UUID, stream: Stream, *, start: int = 0) -> bytes:
        """As ``Client.output``."""
        return await self._run(self._flows.output(evaluation_id, stream, start))

    async def submit_batch(self, upload: BatchUpload, *, idempotency_key: str | None = None) -> Batch:
        """As ``Client.submit_batch``."""
        return await self._run(self._batches.submit(upload, idempotency_key))

    async def get_batch(self, batch_id: UUID) -> Batch:
        """As ``Client.get_batch``."""
        return await self._run(self._batches.get(batch_id))

    async def cancel_batch(self, batch_id: UUID) -> Batch:
        """As ``Client.cancel_batch``."""
        return await self._run(self._batches.order(batch_id, "cancel"))

    async def pause_batch(self, batch_id: UUID) -> Batch:
        """As ``Client.pause_batch``."""
        return await self._run(self._batches.order(batch_id, "pause"))

    async def resume_batch(self, batch_id: UUID) -> Batch:
        """As ``Client.resume_batch``."""
        return await self._run(self._batches.order(batch_id, "resume"))

    async def rerun_batch(
        self, batch_id: UUID, which: Which = "ungradable", *, idempotency_key: str | None = None
    ) -> Batch:
        """As ``Client.rerun_batch``."""
        return await self._run(self._batches.rerun(batch_id, which, idempotency_key))

    async def delete_batch(self, batch_id: UUID) -> None:
        """As ``Client.delete_batch``."""
        await self._run(self._batches.delete(batch_id))

    def list_batches(self, *, page_size: int = 50) -> AsyncIterator[BatchSummary]:
        """As ``Client.list_batches``."""
        return self._drive(Course(self._batches.pages(page_size)))

    def batch_results(self, batch_id: UUID, kind: Format = "ndjson") -> AsyncIterator[bytes]:
        """As ``Client.batch_results``."""
        return self._drive(Course(self._batches.results(batch_id, kind)))

    def batch_progress(self, batch_id: UUID) -> AsyncGenerator[Batch]:
        """As ``Client.batch_progress``."""
        return self._drive(Course(self._batches.progress(batch_id)))

    def batch_evaluations(self, batch_id: UUID) -> AsyncIterator[SampleSummary]:
        """As ``Client.batch_evaluations``."""
        return self._drive(Course(self._batches.evaluations(batch_id)))

    async def runtimes(self) -> Sequence[RuntimeOffer]:
        """As ``Client.runtimes``."""
        return await self._run(self._flows.runtimes())

    async def executors(self) -> Sequence[ExecutorSeen]:
        """As ``Client.executors``."""
        return await self._run(self._flows.executors())

    async def queue_stats(self) -> QueueStats:
        """As ``Client.queue_stats``."""
        return await self._run(self._flows.queue_stats())

    async def set_paused(self, lane: str, *, paused: bool) -> LaneView:
        """As ``Client.set_paused``."""
        return await self._run(self._flows.set_paused(lane, paused=paused))

    def dead_letters(self, *, reason: str | None = None, page_size: int = 100) -> AsyncIterator[DeadLetter]:
        """As ``Client.dead_letters``."""
        return self._drive(Course(self._flows.dead_letters(reason, page_size)))

    async def dismiss(self, evaluation_ids: Sequence[UUID]) -> int:
        """As ``Client.dismiss``."""
        return await self._run(self._flows.dismiss(evaluation_ids))

    async def close(self) -> None:
        """As ``Client.close``."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _run(self, flow: Flow[T]) -> T:
        course = Course(flow)
        async for _ in self._drive(course):
            pass
        return course.result

    async def _drive(self, course: Course[Any]) -> AsyncGenerator[Any]:
        """Carry out each step; what the flow emits comes out here."""
        answer = _Answer(self._http)
        reply: object = None
        lost: httpx.RequestError | None = None
        try:
            while (step := course.step(reply, lost)) is not None:
                reply = lost = None
                if isinstance(step, Emit):
                    yield step.item
                elif isinstance(step, Pause):
                    await asyncio.sleep(step.seconds)
                else:
                    try:
                        reply = await (answer.send(step) if isinstance(step, Send) else answer.read())
                    except httpx.RequestError as error:
                        lost = error
        finally:
            course.close()
            await answer.close()


class _Answer:
    """The answer that is being read, one at a time."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._response: httpx.Response | None = None
        self._chunks: AsyncIterator[bytes] | None = None

    async def send(self, step: Send) -> httpx.Response:
        await self.close()
        response = self._response = await self._http.send(http_request(self._http, step.call), stream=True)
        if step.streamed and response.is_success:
            self._chunks = response.aiter_bytes()
        else:
            await response.aread()
        return response

    async def read(self) -> bytes:
        return b"" if self._chunks is None else await anext(self._chunks, b"")

    async def close(self) -> None:
        if self._response is not None:
            await self._response.aclose()
