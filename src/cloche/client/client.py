"""Cloche for programs: submit, watch and read evaluations; blocks until answered."""

import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
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


class Client:
    """One Cloche, over kept connections. Close it, or use it as a context manager; not for several threads.

    Every method raises the ``ClocheError`` that the server raised, by class; ``UnavailableError``
    when it does not answer after some tries. ``transport`` replaces the network.
    """

    def __init__(
        self, base_url: str = DEFAULT_URL, *, api_key: str | None = None, transport: httpx.BaseTransport | None = None
    ) -> None:
        settings = ClientSettings(base_url, api_key)
        self._flows = Flows(settings.base_url)
        self._batches, self._grading = BatchFlows(self._flows), GradingFlows(self._flows)
        self._http = httpx.Client(
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

    def submit(
        self, request: EvaluationRequest, *, idempotency_key: str | None = None, wait_s: float = 0
    ) -> Evaluation:
        """Store a program for evaluation; it runs when this returns, or later.

        Sent again when the connection is lost, which makes no second evaluation: a key goes along,
        yours or a fresh one. Yours lets you repeat the call within 24 h, also from another process.
        ``wait_s`` (at most 60) holds the answer for the verdict.

        Raises:
            InvalidRequestError: the program is refused; ``errors`` names each field and its limit.
        """
        return self._run(self._flows.submit(request, idempotency_key, wait_s))

    def submit_group(
        self, requests: Sequence[EvaluationRequest], *, idempotency_key: str | None = None
    ) -> Sequence[UUID]:
        """Store 1 to 1000 programs for evaluation, all or none; their ids in the same order. Keyed as ``submit``.

        Raises:
            InvalidRequestError: one is refused; ``errors`` names its place, each field and its limit.
        """
        return self._run(self._flows.submit_group(requests, idempotency_key))

    def run(self, program: Runnable, *, idempotency_key: str | None = None) -> Evaluation:
        """Submit and wait for the verdict, as long as the program's ``queue_timeout_s`` and limits allow.

        A program is its source in Python, or an ``EvaluationRequest``.
        """
        return self._run(self._flows.run(as_request(program), idempotency_key))

    def map(self, programs: Iterable[Runnable], *, concurrency: int = 64) -> Iterator[Evaluation]:
        """Run each and yield what it came to, in order; at most ``concurrency`` are submitted meanwhile."""
        return self._drive(Course(self._grading.run_all(programs, concurrency)))

    def score(self, problem: Mapping[str, Any], samples: Sequence[str]) -> Sequence[float | None]:
        """The reward of each sample, from 0 to 1; None where the platform failed, which says nothing of the sample.

        ``problem`` says what ``POST /api/v1/problems`` takes: ``cases`` or ``tests``, ``prefix``, ``limits``, ….
        With cases a reward is the share of their points, else 1.0 for accepted.
        """
        return self._run(self._grading.score(problem, samples))

    def get(self, evaluation_id: UUID, *, wait_s: float = 0) -> Evaluation:
        """Everything known about one; ``wait_s`` (at most 60) holds the answer until it is finished."""
        return self._run(self._flows.get(evaluation_id, wait_s))

    def list(self, wanted: ListFilter | None = None, *, page_size: int = 100) -> Iterator[EvaluationSummary]:
        """All that match, newest first, read page by page (1 to 200 a page) as you iterate."""
        return self._drive(Course(self._flows.pages(wanted or ListFilter(), page_size)))

    def cancel(self, evaluation_id: UUID) -> Evaluation:
        """Ask for its cancellation. Idempotent; a finished evaluation stays as it is."""
        return self._run(self._flows.cancel(evaluation_id))

    def rerun(self, evaluation_id: UUID, *, idempotency_key: str | None = None, wait_s: float = 0) -> Evaluation:
        """Run the same program again, as a new evaluation with ``rerun_of``; keyed as ``submit``."""
        return self._run(self._flows.rerun(evaluation_id, idempotency_key, wait_s))

    def events(self, evaluation_id: UUID) -> Generator[WatchEvent]:
        """What happened and happens, each thing once, up to the finished ``Evaluation``, which comes last.

        Lost connections are resumed where they broke. After ``Retried``, forget what came before.
        Closing the iterator closes its connection.
        """
        return self._drive(Course(self._flows.watch(evaluation_id)))

    def output(self, evaluation_id: UUID, stream: Stream, *, start: int = 0) -> bytes:
        """The stored bytes of a stream from ``start`` on; while it runs, those that are stored so far."""
        return self._run(self._flows.output(evaluation_id, stream, start))

    def submit_batch(self, upload: BatchUpload, *, idempotency_key: str | None = None) -> Batch:
        """Store many evaluations of shared problems; keyed as ``submit``, so that a repeat answers the same batch.

        Raises:
            InvalidRequestError: a line is refused, and nothing is accepted; it names the line.
        """
        return self._run(self._batches.submit(upload, idempotency_key))

    def get_batch(self, batch_id: UUID) -> Batch:
        """Progress and everything counted of a batch."""
        return self._run(self._batches.get(batch_id))

    def cancel_batch(self, batch_id: UUID) -> Batch:
        """Cancel what of it has not ended. Idempotent."""
        return self._run(self._batches.order(batch_id, "cancel"))

    def pause_batch(self, batch_id: UUID) -> Batch:
        """Hold back what of it the queue was not told of. Idempotent."""
        return self._run(self._batches.order(batch_id, "pause"))

    def resume_batch(self, batch_id: UUID) -> Batch:
        """Go on with it. Idempotent."""
        return self._run(self._batches.order(batch_id, "resume"))

    def rerun_batch(self, batch_id: UUID, which: Which = "ungradable", *, idempotency_key: str | None = None) -> Batch:
        """Run ``ungradable`` evaluations in their own places, or ``failed`` or ``all`` as a new batch; where they run.

        Keyed as ``submit``.
        """
        return self._run(self._batches.rerun(batch_id, which, idempotency_key))

    def delete_batch(self, batch_id: UUID) -> None:
        """Delete it and its evaluations, once it is finished. Idempotent."""
        self._run(self._batches.delete(batch_id))

    def list_batches(self, *, page_size: int = 50) -> Iterator[BatchSummary]:
        """All batches, newest first, read page by page (1 to 200 a page) as you iterate."""
        return self._drive(Course(self._batches.pages(page_size)))

    def batch_results(self, batch_id: UUID, kind: Format = "ndjson") -> Iterator[bytes]:
        """Its results as a file, in pieces."""
        return self._drive(Course(self._batches.results(batch_id, kind)))

    def batch_progress(self, batch_id: UUID) -> Generator[Batch]:
        """The batch whenever more of it is finished, last when all of it has ended."""
        return self._drive(Course(self._batches.progress(batch_id)))

    def batch_evaluations(self, batch_id: UUID) -> Iterator[SampleSummary]:
        """Its evaluations in the order problem, sample, repeat, read page by page as you iterate."""
        return self._drive(Course(self._batches.evaluations(batch_id)))

    def runtimes(self) -> Sequence[RuntimeOffer]:
        """What can be run."""
        return self._run(self._flows.runtimes())

    def executors(self) -> Sequence[ExecutorSeen]:
        """Where it can be run, under which isolation, and whether that held in its last self-test."""
        return self._run(self._flows.executors())

    def queue_stats(self) -> QueueStats:
        """What waits, runs and died: your tenant's, or everybody's with scope ``operate``."""
        return self._run(self._flows.queue_stats())

    def set_paused(self, lane: str, *, paused: bool) -> LaneView:
        """Pause a lane, from which nothing more is leased then, or resume it. Idempotent.

        Raises:
            NotFoundError: there is no such lane.
        """
        return self._run(self._flows.set_paused(lane, paused=paused))

    def dead_letters(self, *, reason: str | None = None, page_size: int = 100) -> Iterator[DeadLetter]:
        """What the platform could not run, newest first, read page by page as you iterate."""
        return self._drive(Course(self._flows.dead_letters(reason, page_size)))

    def dismiss(self, evaluation_ids: Sequence[UUID]) -> int:
        """Take up to 1000 dead letters off the list; how many were on it. Evaluations stay as they are."""
        return self._run(self._flows.dismiss(evaluation_ids))

    def close(self) -> None:
        """Close every connection; idempotent."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, flow: Flow[T]) -> T:
        course = Course(flow)
        for _ in self._drive(course):
            pass
        return course.result

    def _drive(self, course: Course[Any]) -> Generator[Any]:
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
                    time.sleep(step.seconds)
                else:
                    try:
                        reply = answer.send(step) if isinstance(step, Send) else answer.read()
                    except httpx.RequestError as error:
                        lost = error
        finally:
            course.close()
            answer.close()


class _Answer:
    """The answer that is being read, one at a time."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        self._response: httpx.Response | None = None
        self._chunks: Iterator[bytes] = iter(())

    def send(self, step: Send) -> httpx.Response:
        self.close()
        response = self._response = self._http.send(http_request(self._http, step.call), stream=True)
        if step.streamed and response.is_success:
            self._chunks = response.iter_bytes()
        else:
            response.read()
        return response

    def read(self) -> bytes:
        return next(self._chunks, b"")

    def close(self) -> None:
        if self._response is not None:
            self._response.close()
