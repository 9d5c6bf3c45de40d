"""Running a peer's program: the same service, store and waiting as behind ``/api/v1/evaluations``."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from fastapi import Request
from starlette.requests import ClientDisconnect

from cloche.api.compat.ending import Ran
from cloche.api.parts import Parts, get_parts
from cloche.api.store import EvaluationStore
from cloche.api.views import Stored, evaluation
from cloche.contracts.limits import MOST_TOTAL_S
from cloche.contracts.submission import EvaluationRequest
from cloche.contracts.words import Stream
from cloche.kit import tracing
from cloche.kit.errors import InvalidRequestError, UnavailableError
from cloche.kit.keys import Caller

#: For all that is neither queue nor program: leasing, the cell, storing, three attempts.
_OVERHEAD_S: Final = 120.0
#: Where the evaluation's id stands, for whoever wants to look at it here.
EVALUATION_HEADER: Final = "Cloche-Evaluation"


async def submit(request: Request, caller: Caller, body: EvaluationRequest) -> UUID:
    """Accept one; durable then. Raises as ``Evaluations.submit``."""
    parts = get_parts(request)
    with _traced(request) as span, parts.metrics.submission_seconds.time():
        ids = await parts.evaluations.submit(
            body, await request.body(), tenant=caller.tenant, idempotency_key=idempotency_key(request)
        )
        span.tell(evaluation_id=ids[0])
    parts.metrics.submitted.inc()
    return ids[0]


async def submit_group(request: Request, caller: Caller, bodies: Sequence[EvaluationRequest]) -> list[UUID]:
    """Accept all of these or none; their ids in the same order. Raises as ``Evaluations.submit_group``."""
    parts = get_parts(request)
    with _traced(request) as span, parts.metrics.submission_seconds.time():
        ids = await parts.evaluations.submit_group(
            bodies, await request.body(), tenant=caller.tenant, idempotency_key=idempotency_key(request)
        )
        span.tell(evaluations=len(ids))
    parts.metrics.submitted.inc(len(ids))
    return ids


async def run(request: Request, caller: Caller, body: EvaluationRequest) -> Ran:
    """Submit and wait to the end. A client that leaves before has its run cancelled: nobody could read the result.

    Raises:
        UnavailableError: it did not end in time, and was cancelled.
        Besides as ``submit``.
    """
    parts = get_parts(request)
    evaluation_id = await submit(request, caller, body)
    runs_s = min(body.limits.wall_time_s * max(1, len(body.cases)), MOST_TOTAL_S + body.limits.wall_time_s)
    most_s = body.queue_timeout_s + body.compile_limits.wall_time_s + runs_s + _OVERHEAD_S
    ended = False
    try:
        ended = await wait_or_leave(request, parts, evaluation_id, most_s)
    finally:
        if not ended and idempotency_key(request) is None:
            await parts.evaluations.cancel(evaluation_id, tenant=caller.tenant)
    if not ended:
        raise UnavailableError("The run did not end in time.")
    return await load(parts, evaluation_id, caller.tenant)


async def wait_or_leave(request: Request, parts: Parts, evaluation_id: UUID, timeout_s: float) -> bool:
    """Whether it ended within the time.

    Raises:
        ClientDisconnect: nobody waits any more.
    """
    end = asyncio.create_task(parts.follower.wait_finished(evaluation_id, timeout_s))
    leaving = asyncio.create_task(_left(request))
    try:
        await asyncio.wait((end, leaving), return_when=asyncio.FIRST_COMPLETED)
        if end.done():
            return end.result()
        raise ClientDisconnect
    finally:
        for task in (end, leaving):
            task.cancel()
        await asyncio.gather(end, leaving, return_exceptions=True)


async def load(parts: Parts, evaluation_id: UUID, tenant: str) -> Ran:
    """What is known of it.

    Raises:
        NotFoundError: there is none, or it is another tenant's.
    """
    stored = await parts.store.load(evaluation_id, tenant)
    view = evaluation(stored)
    return Ran(
        view,
        await _all_of(parts.store, stored, "stdout", view.stdout.kept),
        await _all_of(parts.store, stored, "stderr", view.stderr.kept),
    )


def idempotency_key(request: Request) -> str | None:
    """The request's ``Idempotency-Key``.

    Raises:
        InvalidRequestError: it is not 1 to 200 printable characters.
    """
    key = request.headers.get("idempotency-key")
    if key is not None and not (1 <= len(key) <= 200 and key.isascii() and key.isprintable() and " " not in key):
        raise InvalidRequestError("Idempotency-Key: 1 to 200 printable characters without spaces.")
    return key


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _all_of(store: EvaluationStore, stored: Stored, stream: Stream, size: int) -> bytes:
    """The stored bytes from 0 up to ``size`` or the first hole."""
    data = bytearray(stored.heads[stream][:size])
    if not data:
        return b""
    row = stored.row
    while len(data) < size:
        chunks = await store.chunks(row["id"], row["attempt"], stream, len(data), size)
        before = len(data)
        for chunk in chunks:
            skipped = len(data) - chunk["byte_offset"]
            if skipped < 0:
                return bytes(data)
            data += chunk["data"][skipped:]
        if len(data) == before:
            break
    return bytes(data[:size])


def _traced(request: Request) -> contextlib.AbstractContextManager[tracing.Span]:
    template: str = request.scope["route"].path
    return tracing.span(f"POST {template}", kind="server", parent=tracing.sent_place(request.headers))
