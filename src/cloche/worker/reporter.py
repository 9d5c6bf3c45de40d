"""Brings a report to the Queue Service, for as long as it takes."""

import asyncio
import contextvars
import random
from collections import deque
from dataclasses import dataclass
from typing import Final

from cloche.contracts.tasks import (
    MOST_COMPLETIONS,
    CompleteAnswer,
    CompletedGroup,
    CompleteRequest,
    FailRequest,
)
from cloche.contracts.words import EvaluationId
from cloche.kit import tracing
from cloche.kit.errors import (
    ClocheError,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    TooLargeError,
    UnsupportedTypeError,
)
from cloche.kit.http_client import ServiceClient
from cloche.kit.logs import get_logger
from cloche.worker.metrics import Metrics

log = get_logger()

#: A report is repeated this long: the result is here and nowhere else.
_PATIENCE_S = 600.0
_FIRST_DELAY_S = 0.05
_MAX_DELAY_S = 2.0
#: Groups on their way at once; what is decided meanwhile goes with the next.
_AT_ONCE: Final = 2
#: Of one group, but for a single large record: the Queue Service reads bodies up to 64 MiB.
_GROUP_BYTES: Final = 8 * 1024 * 1024


@dataclass(eq=False, slots=True)
class _Waiting:
    """A record to commit; ``taken`` is whether a group committed it."""

    evaluation_id: EvaluationId
    body: bytes
    taken: asyncio.Future[bool]
    place: str | None


class Reporter:
    """Reports how leased tasks ended. Every report may be repeated: the Queue Service takes it once."""

    def __init__(self, queue: ServiceClient, metrics: Metrics) -> None:
        self._queue = queue
        self._metrics = metrics
        self._waiting: deque[_Waiting] = deque()
        self._senders: set[asyncio.Task[None]] = set()
        #: Of no evaluation: what sends many must not speak in the name of the first.
        self._context = contextvars.copy_context()

    async def report(self, report: CompleteRequest | FailRequest) -> bool:
        """Report, waiting out a Queue Service that is away.

        False when it will not have what the report says, whoever brings it; then the task is
        still this worker's. True when it took it, knew better, or could not be reached for
        ``_PATIENCE_S``.
        """
        return (isinstance(report, CompleteRequest) and await self._in_group(report)) or await self._alone(report)

    async def _in_group(self, report: CompleteRequest) -> bool:
        """Whether the Queue Service committed it together with others."""
        body = report.model_dump_json().encode()
        taken = asyncio.get_running_loop().create_future()
        waiting = _Waiting(report.evaluation_id, body, taken, report.record.trace_parent)
        self._waiting.append(waiting)
        if len(self._senders) < _AT_ONCE:
            sender = asyncio.create_task(self._send_groups(), context=self._context.copy())
            self._senders.add(sender)
            sender.add_done_callback(self._senders.discard)
        return await waiting.taken

    async def _send_groups(self) -> None:
        while self._waiting:
            group = self._next_group()
            done = await self._send(group)
            for waiting in group:
                if not waiting.taken.done():
                    waiting.taken.set_result(waiting.evaluation_id in done)

    def _next_group(self) -> list[_Waiting]:
        """As many as one call may bring; a record with much output goes with few others."""
        group: list[_Waiting] = []
        room = _GROUP_BYTES
        while self._waiting and len(group) < MOST_COMPLETIONS and (room > 0 or not group):
            group.append(self._waiting.popleft())
            room -= len(group[-1].body)
        return group

    async def _send(self, group: list[_Waiting]) -> set[EvaluationId]:
        """The ids of those that were committed. Whatever went wrong, the others are sent alone."""
        body = b'{"completions":[' + b",".join(waiting.body for waiting in group) + b"]}"
        places = [waiting.place for waiting in group]
        try:
            with tracing.span("report", kind="client", parent="", links=places, records=len(group)):
                answer = await self._queue.post_json("/queue/internal/v1/complete:batch", body, CompletedGroup)
        except ClocheError as error:
            log.warning("report.group_failed", error=error.code, count=len(group))
            return set()
        self._metrics.reported.labels("complete").inc(len(answer.done))
        return set(answer.done)

    async def _alone(self, report: CompleteRequest | FailRequest) -> bool:
        path = "complete" if isinstance(report, CompleteRequest) else "fail"
        delay_s = _FIRST_DELAY_S
        end = asyncio.get_running_loop().time() + _PATIENCE_S
        while True:
            try:
                await self._queue.post(f"/queue/internal/v1/{path}", report, CompleteAnswer)
            except ConflictError as error:
                self._metrics.conflicts.labels(error.code).inc()
                return True
            except (InvalidRequestError, NotFoundError, TooLargeError, UnsupportedTypeError) as error:
                log.warning("report.refused", kind=path, error=error.code)
                return False
            except ClocheError as error:
                if not error.retryable or asyncio.get_running_loop().time() > end:
                    log.warning("report.given_up", error=error.code)
                    return True
                await asyncio.sleep(delay_s * (0.5 + random.random()))  # noqa: S311  (jitter)
                delay_s = min(delay_s * 2, _MAX_DELAY_S)
            else:
                self._metrics.reported.labels(path).inc()
                return True
