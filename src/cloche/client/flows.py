"""What to send, when to try again and what to hand over, as generators without I/O.

A flow yields steps; ``Client`` and ``AsyncClient`` carry each out in their own way and send back
what came of it, or throw the ``httpx.RequestError`` in. So there is one logic for both.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeAlias, TypeVar
from uuid import UUID

import httpx

from cloche.client import calls
from cloche.client.calls import Call, ListFilter
from cloche.client.retry import RETRIED_STATUSES, Retry
from cloche.client.sse import SseError, SseParser
from cloche.client.watching import Watch
from cloche.client.wire import Answer, ForeignAnswerError, read_answer, read_error, unreachable
from cloche.contracts.evaluation import Evaluation, EvaluationPage, RuntimesAnswer
from cloche.contracts.execution import RuntimeOffer
from cloche.contracts.queue_view import DeadLetterPage, Dismissed, DismissRequest, LaneView, QueueStats
from cloche.contracts.submission import EvaluationRequest, GroupRequest, SubmittedGroup
from cloche.contracts.tasks import ExecutorsAnswer, ExecutorSeen
from cloche.contracts.words import Stream

#: How long one answer is held for a verdict; the server allows 60.
WAIT_S: Final = 30.0
#: Tries without anything new before a watcher gives up: some 20 s, longer than a restart takes.
_WATCH_TRIES: Final = 10


@dataclass(frozen=True, slots=True)
class Send:
    """Send; comes back as ``httpx.Response``, read whole unless it is a success and ``streamed``."""

    call: Call
    streamed: bool = False


@dataclass(frozen=True, slots=True)
class Read:
    """The next bytes of the streamed answer; ``b""`` at its end."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Emit:
    """Hand an item to whoever iterates."""

    item: Any


Step: TypeAlias = Send | Read | Pause | Emit
T = TypeVar("T")
Flow: TypeAlias = Generator[Step, Any, T]


class Course(Generic[T]):
    """One flow on its way; ``result`` is what it returned, once ``step`` gave None."""

    result: T

    def __init__(self, flow: Flow[T]) -> None:
        self._flow = flow

    def step(self, reply: object, lost: httpx.RequestError | None) -> Step | None:
        """The next step, given what came of the last one; None when the flow is over."""
        try:
            return self._flow.throw(lost) if lost else self._flow.send(reply)
        except StopIteration as stop:
            self.result = stop.value
            return None

    def close(self) -> None:
        """Leave it where it is; idempotent."""
        self._flow.close()


@dataclass(frozen=True, slots=True)
class Flows:
    """The flows of one server; ``base_url`` is for messages.

    All of them raise the ``ClocheError`` that the server raised; ``UnavailableError`` when it did
    not answer after some tries; ``ForeignAnswerError`` when what answered is not Cloche.
    """

    base_url: str

    def exchange(self, call: Call, retry: Retry | None = None, *, streamed: bool = False) -> Flow[httpx.Response]:
        """A success's response. Lost connections, 429 and 503 are tried again."""
        retry = retry or Retry()
        while True:
            try:
                response: httpx.Response = yield Send(call, streamed)
            except httpx.RequestError as lost:
                pause, error = retry.pause_s(), unreachable(lost, self.base_url)
            else:
                if response.is_success or response.status_code in call.answered_by:
                    return response
                error = read_error(response)
                if response.status_code not in RETRIED_STATUSES:
                    raise error
                pause = retry.pause_s(response.headers.get("retry-after"))
            if pause is None:
                raise error
            yield Pause(pause)

    def ask(self, call: Call, answer: type[Answer]) -> Flow[Answer]:
        """One call and its typed answer."""
        response = yield from self.exchange(call)
        return read_answer(response, answer)

    def submit(self, request: EvaluationRequest, idempotency_key: str | None, wait_s: float) -> Flow[Evaluation]:
        """Store a program for evaluation."""
        return self.ask(calls.submit(request, idempotency_key=idempotency_key, wait_s=wait_s), Evaluation)

    def submit_group(self, requests: Sequence[EvaluationRequest], idempotency_key: str | None) -> Flow[list[UUID]]:
        """Store several programs, all or none."""
        group = GroupRequest(evaluations=list(requests))
        answer = yield from self.ask(calls.submit_group(group, idempotency_key=idempotency_key), SubmittedGroup)
        return answer.ids

    def run(self, request: EvaluationRequest, idempotency_key: str | None) -> Flow[Evaluation]:
        """Submit, then ask until it is finished."""
        evaluation = yield from self.submit(request, idempotency_key, WAIT_S)
        while evaluation.status != "finished":
            evaluation = yield from self.get(evaluation.id, WAIT_S)
        return evaluation

    def rerun(self, evaluation_id: UUID, idempotency_key: str | None, wait_s: float) -> Flow[Evaluation]:
        """The same program again."""
        return self.ask(calls.rerun(evaluation_id, idempotency_key=idempotency_key, wait_s=wait_s), Evaluation)

    def get(self, evaluation_id: UUID, wait_s: float) -> Flow[Evaluation]:
        """What is known of one."""
        return self.ask(calls.get(evaluation_id, wait_s=wait_s), Evaluation)

    def cancel(self, evaluation_id: UUID) -> Flow[Evaluation]:
        """Ask for its cancellation."""
        return self.ask(calls.cancel(evaluation_id), Evaluation)

    def runtimes(self) -> Flow[Sequence[RuntimeOffer]]:
        """What can be run."""
        answer = yield from self.ask(calls.runtimes(), RuntimesAnswer)
        return answer.runtimes

    def executors(self) -> Flow[Sequence[ExecutorSeen]]:
        """Where it can be run."""
        answer = yield from self.ask(calls.executors(), ExecutorsAnswer)
        return answer.executors

    def queue_stats(self) -> Flow[QueueStats]:
        """What waits, runs and died."""
        return self.ask(calls.queue_stats(), QueueStats)

    def set_paused(self, lane: str, *, paused: bool) -> Flow[LaneView]:
        """Pause or resume a lane."""
        return self.ask(calls.set_paused(lane, paused=paused), LaneView)

    def dead_letters(self, reason: str | None, size: int) -> Flow[None]:
        """Emits ``DeadLetter``, newest first, as ``pages``."""
        after: str | None = None
        while True:
            page = yield from self.ask(calls.dead_letters(reason, after=after, size=size), DeadLetterPage)
            for item in page.items:
                yield Emit(item)
            after = page.next
            if after is None:
                return

    def dismiss(self, evaluation_ids: Sequence[UUID]) -> Flow[int]:
        """Take dead letters off the list."""
        request = DismissRequest(evaluation_ids=list(evaluation_ids))
        answer = yield from self.ask(calls.dismiss(request), Dismissed)
        return answer.dismissed

    def pages(self, wanted: ListFilter, size: int) -> Flow[None]:
        """Emits ``EvaluationSummary``, newest first; a page is read when the one before is used up."""
        cursor: str | None = None
        while True:
            page = yield from self.ask(calls.page(wanted, cursor=cursor, size=size), EvaluationPage)
            for item in page.items:
                yield Emit(item)
            cursor = page.next
            if cursor is None:
                return

    def watch(self, evaluation_id: UUID) -> Flow[None]:
        """Emits ``WatchEvent`` until the finished evaluation, over as many connections as that takes."""
        watch, retry = Watch(), Retry(tries=_WATCH_TRIES)
        while True:
            call = calls.events(evaluation_id, last_event_id=watch.last_event_id)
            yield from self.exchange(call, retry, streamed=True)
            finished = yield from self._one_connection(watch, retry)
            if finished:
                return
            pause = retry.pause_s()
            if pause is None:
                raise unreachable(httpx.ReadError("the stream ended"), self.base_url)
            yield Pause(pause)

    def _one_connection(self, watch: Watch, retry: Retry) -> Flow[bool]:
        """Whether the evaluation was finished before the connection ended."""
        parser = SseParser()
        while True:
            try:
                chunk: bytes = yield Read()
            except httpx.RequestError:
                return False
            if not chunk:
                return False
            try:
                events = parser.feed(chunk)
            except SseError as error:
                raise ForeignAnswerError(str(error)) from None
            for event in events:
                told = watch.accept(event)
                if told is not None:
                    retry.progress()
                    yield Emit(told)
                    if isinstance(told, Evaluation):
                        return True

    def output(self, evaluation_id: UUID, stream: Stream, start: int) -> Flow[bytes]:
        """The stored bytes from ``start`` on; none when there are not so many."""
        response = yield from self.exchange(calls.output(evaluation_id, stream, start=start))
        return b"" if response.status_code == calls.RANGE_BEHIND_END else response.content
