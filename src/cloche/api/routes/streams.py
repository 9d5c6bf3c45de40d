"""Output as bytes, and events as they happen."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response, StreamingResponse

from cloche.api.metrics import Metrics
from cloche.api.parts import Parts, get_parts
from cloche.api.replay import Bookmark, Sse
from cloche.api.routes.evaluations import EvaluationPath
from cloche.contracts.words import Stream
from cloche.kit.bus import RedisError
from cloche.kit.errors import InvalidRequestError, OverloadedError
from cloche.kit.http_app import PROBLEM_RESPONSES
from cloche.kit.logs import get_logger
from cloche.kit.people import Reader
from cloche.kit.postgres import UNAVAILABLE

log = get_logger()

router = APIRouter(prefix="/api/v1", tags=["streams"], responses=PROBLEM_RESPONSES)

PING_S = 15.0
_LIST_DEBOUNCE_S = 0.25
_RANGE = re.compile(r"bytes=(\d{1,15})-(\d{0,15})\Z")
_SSE_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
SSE_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "Server-sent events.", "content": {"text/event-stream": {"schema": {"type": "string"}}}}
}


@router.get(
    "/evaluations/{evaluation_id}/output/{stream}",
    summary="Raw output",
    response_class=Response,
    responses={
        200: {"description": "All stored bytes.", "content": {"text/plain": {"schema": {"type": "string"}}}},
        206: {"description": "The range asked for.", "content": {"text/plain": {"schema": {"type": "string"}}}},
        416: {"description": "The range starts behind the end."},
    },
)
async def read_output(
    request: Request,
    caller: Reader,
    evaluation_id: EvaluationPath,
    stream: Stream,
    range_: Annotated[str | None, Header(alias="Range", max_length=100)] = None,
) -> Response:
    """The bytes that are stored so far, as ``text/plain``; a single ``bytes=`` range is honoured."""
    parts = get_parts(request)
    row = await parts.store.find(evaluation_id, caller.tenant)
    size = await parts.store.stored_end(evaluation_id, row["attempt"], stream)
    start, end, partial = 0, size, False
    wanted = _RANGE.match(range_ or "")
    if wanted:
        partial, start = True, int(wanted[1])
        end = min(size, int(wanted[2]) + 1) if wanted[2] else size
        if start >= size or end <= start:
            return Response(status_code=416, headers={"Content-Range": f"bytes */{size}"})
    headers = {
        "Content-Length": str(end - start),
        "Accept-Ranges": "bytes",
        "X-Content-Type-Options": "nosniff",
        "Content-Disposition": f'inline; filename="{stream}.txt"',
    }
    if partial:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    body = _bytes(parts, (evaluation_id, row["attempt"], stream), start, end)
    return StreamingResponse(
        body, status_code=206 if partial else 200, media_type="text/plain; charset=utf-8", headers=headers
    )


@router.get(
    "/evaluations/{evaluation_id}/events",
    summary="Watch one evaluation",
    response_class=Response,
    responses=SSE_RESPONSES,
)
async def watch(
    request: Request,
    caller: Reader,
    evaluation_id: EvaluationPath,
    last_event_id: Annotated[str | None, Header(alias="Last-Event-ID", max_length=100)] = None,
) -> Response:
    """What is stored, then what happens, until ``evaluation.finished``. ``Last-Event-ID`` resumes."""
    parts = get_parts(request)
    await parts.store.find(evaluation_id, caller.tenant)
    after = Bookmark.parse(last_event_id) if last_event_id else None
    events = parts.follower.follow(evaluation_id, caller.tenant, after)
    return sse_response(parts, encoded(events))


@router.get(
    "/events", summary="Watch several things on one connection", response_class=Response, responses=SSE_RESPONSES
)
async def watch_many(
    request: Request,
    caller: Reader,
    evaluation: Annotated[list[UUID] | None, Query(max_length=100)] = None,
    batch: Annotated[list[UUID] | None, Query(max_length=20)] = None,
    topic: Annotated[list[Literal["list"]] | None, Query(max_length=1)] = None,
) -> Response:
    """Events of several evaluations (``data`` gains ``evaluation_id``) and batches, and ``list.changed``."""
    parts = get_parts(request)
    if not evaluation and not batch and not topic:
        raise InvalidRequestError("Name at least one evaluation, batch or topic.")
    for batch_id in batch or []:
        await parts.batches.store.find(batch_id, caller.tenant)
    for evaluation_id in evaluation or []:
        await parts.store.find(evaluation_id, caller.tenant)
    sources = [_tagged(parts, evaluation_id, caller.tenant) for evaluation_id in evaluation or []]
    sources += [encoded(parts.batches.progress.follow(batch_id, caller.tenant)) for batch_id in batch or []]
    if topic:
        sources.append(_list_changes(parts, caller.tenant))
    return sse_response(parts, _merged(sources))


def sse_response(parts: Parts, body: AsyncIterator[bytes]) -> StreamingResponse:
    """``body`` as a stream of events. Raises: OverloadedError, while too many are open."""
    if parts.metrics.open_streams >= parts.max_readers:
        raise OverloadedError("Too many event streams are open.")
    return StreamingResponse(
        _counted(parts.metrics, _until_away(_pinged(body))), media_type="text/event-stream", headers=_SSE_HEADERS
    )


async def _counted(metrics: Metrics, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    metrics.open_streams += 1
    try:
        async for part in body:
            yield part
    finally:
        metrics.open_streams -= 1


async def _until_away(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """``body``, which just ends where a store goes away: its reader comes again with its last id."""
    try:
        async for part in body:
            yield part
    except (*UNAVAILABLE, RedisError) as error:
        log.warning("stream.interrupted", error=type(error).__name__)


async def _pinged(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """``body`` with a comment whenever it is silent for ``PING_S``, so that dead connections show."""
    yield b": cloche\n\n"
    pending: asyncio.Task[bytes] | None = None
    try:
        while True:
            pending = pending or asyncio.ensure_future(_next(body))
            done, _ = await asyncio.wait([pending], timeout=PING_S)
            if not done:
                yield b": ping\n\n"
                continue
            task, pending = pending, None
            try:
                yield task.result()
            except StopAsyncIteration:
                return
    finally:
        if pending is not None:
            pending.cancel()
            with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration):
                await pending


async def _next(body: AsyncIterator[bytes]) -> bytes:
    return await anext(body)


async def encoded(events: AsyncIterator[Sse]) -> AsyncIterator[bytes]:
    """These as they go over the wire."""
    async for event in events:
        yield event.encode()


async def _tagged(parts: Parts, evaluation_id: UUID, tenant: str) -> AsyncIterator[bytes]:
    head = b'{"evaluation_id":"' + str(evaluation_id).encode() + b'",'
    async for event in parts.follower.follow(evaluation_id, tenant, None):
        yield Sse(event.event, (head + event.data.encode()[1:]).decode()).encode()


async def _list_changes(parts: Parts, tenant: str) -> AsyncIterator[bytes]:
    with parts.bells.watch(lists=True) as watcher:
        while True:
            if not await watcher.wait(PING_S):
                continue
            await asyncio.sleep(_LIST_DEBOUNCE_S)
            changed, watcher.changed = watcher.changed, set()
            owned = await parts.store.owned_among([UUID(text) for text in changed], tenant)
            if owned:
                data = orjson.dumps({"evaluation_ids": [str(one) for one in owned]}).decode()
                yield Sse("list.changed", data).encode()


async def _merged(sources: list[AsyncIterator[bytes]]) -> AsyncIterator[bytes]:
    """All sources on one connection; ends when the last ends, or one fails. A slow reader holds them all back."""
    queue: asyncio.Queue[bytes] = asyncio.Queue(maxsize=16)

    async def pump(source: AsyncIterator[bytes]) -> None:
        async for part in source:
            await queue.put(part)

    pumps = asyncio.gather(*(pump(source) for source in sources))
    try:
        while not (pumps.done() and queue.empty()):
            part = asyncio.ensure_future(queue.get())
            await asyncio.wait([part, pumps], return_when=asyncio.FIRST_COMPLETED)
            if part.done():
                yield part.result()
            else:
                part.cancel()
                pumps.result()  # raises what a source raised: its watcher reconnects
    finally:
        pumps.cancel()
        await asyncio.gather(pumps, return_exceptions=True)


async def _bytes(parts: Parts, of: tuple[UUID, int, Stream], start: int, end: int) -> AsyncIterator[bytes]:
    position = start
    while position < end:
        rows = await parts.store.chunks(*of, position, end)
        if not rows:
            return
        for row in rows:
            data = row["data"][max(0, position - row["byte_offset"]) : end - row["byte_offset"]]
            position = row["byte_offset"] + len(row["data"])
            yield data
